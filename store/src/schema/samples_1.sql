-- Samples, version 1. Times are milliseconds since 1970-01-01T00:00:00Z.

CREATE TABLE schema_version (version BIGINT PRIMARY KEY, applied BIGINT NOT NULL);

-- Frames as they came: one row per poll of one object. The body is a JSON object, metric to value.
CREATE TABLE frame_log (
    at BIGINT NOT NULL,
    object TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX frame_log_object_at ON frame_log (object, at);
CREATE INDEX frame_log_at ON frame_log (at);
