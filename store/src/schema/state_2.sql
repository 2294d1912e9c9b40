-- Version 2: the trail. What became of each signal, and what each incident went through.

CREATE TABLE note (
    number BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    incident TEXT,
    object TEXT,
    body TEXT NOT NULL
);
CREATE INDEX note_at ON note (at);
CREATE INDEX note_incident ON note (incident, number) WHERE incident IS NOT NULL;
CREATE INDEX note_object ON note (object, number) WHERE object IS NOT NULL;
