-- Version 8: what other vantages saw has rows of its own, for ever, as what the brain saw has; and when
-- incidents were is found without reading any.

CREATE TABLE transition_elsewhere (
    vantage TEXT NOT NULL,
    module TEXT NOT NULL,
    at BIGINT NOT NULL,
    until BIGINT,
    state TEXT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (vantage, module, at),
    CHECK (until IS NULL OR until > at)
);

DROP INDEX incident_opened;
CREATE INDEX incident_span ON incident (opened, closed, id);
