-- State and journal, version 1. Times are milliseconds since 1970-01-01T00:00:00Z.

CREATE TABLE schema_version (version BIGINT PRIMARY KEY, applied BIGINT NOT NULL);

-- One row: how the last brain ended.
CREATE TABLE brain (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    clean BOOLEAN NOT NULL,
    last_alive BIGINT
);
INSERT INTO brain (id, clean, last_alive) VALUES (1, TRUE, NULL);

-- Which way a VM may go; filled from the program at each opening.
CREATE TABLE vm_edge (
    from_state TEXT NOT NULL,
    to_state TEXT NOT NULL,
    PRIMARY KEY (from_state, to_state)
);

-- Rows stay when a VM is gone, so that its id is never given out again.
CREATE TABLE vm (
    id TEXT PRIMARY KEY,
    flavor TEXT NOT NULL,
    state TEXT NOT NULL,
    since BIGINT NOT NULL,
    created BIGINT NOT NULL,
    host TEXT,
    agent_address TEXT,
    app_address TEXT,
    module TEXT,
    assignment BIGINT NOT NULL,
    route_generation BIGINT NOT NULL,
    why TEXT NOT NULL
);
CREATE INDEX vm_living ON vm (id) WHERE state <> 'gone';

CREATE TABLE step (
    id BIGINT PRIMARY KEY,
    vm TEXT NOT NULL REFERENCES vm (id),
    kind TEXT NOT NULL CHECK (kind IN ('create', 'deploy', 'undeploy', 'destroy')),
    status TEXT NOT NULL CHECK (status IN ('planned', 'issued', 'unknown', 'done', 'failed')),
    attempt BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    issued BIGINT,
    error TEXT,
    planned BIGINT NOT NULL
);
CREATE UNIQUE INDEX step_one_open ON step (vm) WHERE status IN ('planned', 'issued', 'unknown');

CREATE TABLE decision (
    id TEXT PRIMARY KEY,
    module TEXT NOT NULL,
    at BIGINT NOT NULL,
    from_count BIGINT NOT NULL,
    to_count BIGINT NOT NULL,
    held BOOLEAN NOT NULL,
    reason TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX decision_at ON decision (at);
CREATE INDEX decision_module_at ON decision (module, at);

CREATE TABLE incident (
    id TEXT PRIMARY KEY,
    opened BIGINT NOT NULL,
    closed BIGINT,
    root TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX incident_opened ON incident (opened);
CREATE INDEX incident_open ON incident (opened) WHERE closed IS NULL;

CREATE TABLE outgoing (
    message_key TEXT PRIMARY KEY,
    incident TEXT NOT NULL,
    recipient TEXT NOT NULL,
    kind TEXT NOT NULL,
    channel TEXT NOT NULL,
    body TEXT NOT NULL,
    created BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('waiting', 'delivered', 'overtaken', 'refused')),
    error TEXT,
    delivered BIGINT
);
CREATE INDEX outgoing_created ON outgoing (created);
CREATE INDEX outgoing_incident ON outgoing (incident, created);
CREATE INDEX outgoing_waiting ON outgoing (created) WHERE status = 'waiting';

CREATE TABLE transition (
    module TEXT NOT NULL,
    at BIGINT NOT NULL,
    until BIGINT,
    state TEXT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (module, at),
    CHECK (until IS NULL OR until > at)
);

CREATE TABLE journal (
    number BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    object TEXT,
    text TEXT NOT NULL
);
CREATE INDEX journal_at ON journal (at, number);

-- What each room wants to find again after a restart.
CREATE TABLE memory (room TEXT PRIMARY KEY, json TEXT NOT NULL);

CREATE TABLE router (name TEXT PRIMARY KEY, wanted BIGINT NOT NULL, acked BIGINT NOT NULL);

-- From here on in SQLite's own words.

CREATE TRIGGER vm_moves_along_edges BEFORE UPDATE ON vm
WHEN NEW.state <> OLD.state AND NOT EXISTS (
    SELECT 1 FROM vm_edge WHERE from_state = OLD.state AND to_state = NEW.state
)
BEGIN
    SELECT RAISE(ABORT, 'it is ' || OLD.state || ' and may not become ' || NEW.state);
END;

CREATE TRIGGER vm_is_never_forgotten BEFORE DELETE ON vm
BEGIN
    SELECT RAISE(ABORT, 'the row of a VM is never deleted');
END;

CREATE TRIGGER outgoing_stays_delivered BEFORE UPDATE ON outgoing
WHEN OLD.status = 'delivered' AND NEW.status <> 'delivered'
BEGIN
    SELECT RAISE(ABORT, 'it is delivered and may not become ' || NEW.status);
END;

CREATE TRIGGER journal_is_never_changed BEFORE UPDATE ON journal
BEGIN
    SELECT RAISE(ABORT, 'the journal is only added to');
END;

CREATE TRIGGER journal_is_never_shortened BEFORE DELETE ON journal
BEGIN
    SELECT RAISE(ABORT, 'the journal is only added to');
END;
