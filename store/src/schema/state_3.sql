-- Version 3: who wrote it. The incarnation names this record, the epoch counts the brains that
-- started on it; each VM, step and decision bears the epoch of the brain that wrote it first.

ALTER TABLE brain ADD COLUMN incarnation TEXT NOT NULL DEFAULT '';
ALTER TABLE brain ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;
ALTER TABLE vm ADD COLUMN born_epoch BIGINT NOT NULL DEFAULT 0;
ALTER TABLE step ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;
ALTER TABLE decision ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;
