-- Version 4: how long users waited.

-- One probe of an hour that is not settled yet. Without a time it failed.
CREATE TABLE look (
    at BIGINT NOT NULL,
    module TEXT NOT NULL,
    took BIGINT,
    PRIMARY KEY (at, module)
);

-- All probes of so many hours from a moment on. What is in the body, availability packs.
CREATE TABLE answers (
    module TEXT NOT NULL,
    hours BIGINT NOT NULL,
    at BIGINT NOT NULL,
    probes BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (module, hours, at)
);
CREATE INDEX answers_at ON answers (at);
