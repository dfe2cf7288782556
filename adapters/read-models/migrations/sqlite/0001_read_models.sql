-- Answers, built from the log and nothing else: the whole file may be deleted and comes back.
-- Times are milliseconds since 1970 UTC; names of states are the words of the HTTP contract.
CREATE TABLE batches (
    batch       BLOB NOT NULL PRIMARY KEY,
    account     BLOB NOT NULL,
    status      TEXT NOT NULL,
    output      TEXT NOT NULL,
    channel     TEXT NOT NULL,
    total       INTEGER NOT NULL,
    pending     INTEGER NOT NULL,
    running     INTEGER NOT NULL,
    completed   INTEGER NOT NULL,
    failed      INTEGER NOT NULL,
    cancelled   INTEGER NOT NULL,
    metadata    TEXT,
    failure     TEXT,
    created_at  INTEGER NOT NULL,
    finished_at INTEGER,
    revision    INTEGER NOT NULL
);
-- The list, newest first, with and without a status; the id settles the order of batches of one millisecond.
CREATE INDEX batches_newest ON batches (account, created_at DESC, batch DESC);
CREATE INDEX batches_newest_by_status ON batches (account, status, created_at DESC, batch DESC);

CREATE TABLE items (
    batch          BLOB NOT NULL,
    item           INTEGER NOT NULL,
    url            TEXT NOT NULL,
    status         TEXT NOT NULL,
    attempts       INTEGER NOT NULL,
    error_code     TEXT,
    error_message  TEXT,
    retryable      BOOLEAN,
    extractor      TEXT,
    final_url      TEXT,
    http_status    INTEGER,
    credits        INTEGER NOT NULL,
    started_at     INTEGER,
    finished_at    INTEGER,
    result_key     TEXT,
    screenshot_key TEXT,
    PRIMARY KEY (batch, item)
);

-- How many batches an account has in each state, so that the list's total is not counted row by row.
CREATE TABLE batch_counts (
    account BLOB NOT NULL,
    status  TEXT NOT NULL,
    batches INTEGER NOT NULL,
    PRIMARY KEY (account, status)
);

CREATE TABLE usage_days (
    account         BLOB NOT NULL,
    day             TEXT NOT NULL,
    requests        INTEGER NOT NULL,
    latency_ms      INTEGER NOT NULL,
    latency_samples INTEGER NOT NULL,
    credits         INTEGER NOT NULL,
    PRIMARY KEY (account, day)
);

-- How far each ledger stream was applied; a batch's revision is in its row.
CREATE TABLE ledgers (
    stream   TEXT NOT NULL PRIMARY KEY,
    account  BLOB NOT NULL,
    revision INTEGER NOT NULL
);

-- Streams that wait because one of their events could not be applied.
CREATE TABLE quarantine (
    stream   TEXT NOT NULL PRIMARY KEY,
    revision INTEGER NOT NULL,
    position TEXT NOT NULL,
    reason   TEXT NOT NULL
);

-- How far the log was applied; moves in the transaction that applies.
CREATE TABLE checkpoints (
    name     TEXT NOT NULL PRIMARY KEY,
    position TEXT NOT NULL
);
INSERT INTO checkpoints (name, position) VALUES ('read-models', '0');
