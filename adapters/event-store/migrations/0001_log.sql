-- The log. Rows are added and never changed or deleted, so positions only grow.
CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    category TEXT NOT NULL,
    stream   TEXT NOT NULL,
    revision INTEGER NOT NULL,
    id       BLOB NOT NULL,
    name     TEXT NOT NULL,
    data     BLOB NOT NULL,
    metadata BLOB NOT NULL,
    UNIQUE (stream, revision)
);
CREATE INDEX events_by_category ON events (category, position);

-- Folded states of long streams: shortcuts that may be deleted at any time.
CREATE TABLE snapshots (
    stream   TEXT PRIMARY KEY,
    revision INTEGER NOT NULL,
    state    BLOB NOT NULL
);
