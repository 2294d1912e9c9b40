-- Version 8: what other vantages saw has rows of its own, for ever, as what the brain saw has.

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
