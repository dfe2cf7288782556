-- Answers, built from the log and nothing else: the whole schema may be dropped and comes back.
-- The same tables as in migrations/sqlite, in PostgreSQL's own types; names of states are the words of the HTTP
-- contract. Texts that put rows in order are compared byte by byte, as SQLite does it.
CREATE TABLE batches (
    batch       uuid NOT NULL PRIMARY KEY,
    account     uuid NOT NULL,
    status      text COLLATE "C" NOT NULL,
    output      text NOT NULL,
    channel     text NOT NULL,
    total       bigint NOT NULL,
    pending     bigint NOT NULL,
    running     bigint NOT NULL,
    completed   bigint NOT NULL,
    failed      bigint NOT NULL,
    cancelled   bigint NOT NULL,
    metadata    jsonb,
    failure     text,
    created_at  timestamptz NOT NULL,
    finished_at timestamptz,
    revision    bigint NOT NULL
);
-- The list, newest first, with and without a status; the id settles the order of batches of one millisecond.
CREATE INDEX batches_newest ON batches (account, created_at DESC, batch DESC);
CREATE INDEX batches_newest_by_status ON batches (account, status, created_at DESC, batch DESC);

CREATE TABLE items (
    batch          uuid NOT NULL,
    item           bigint NOT NULL,
    url            text NOT NULL,
    status         text NOT NULL,
    attempts       bigint NOT NULL,
    error_code     text,
    error_message  text,
    retryable      boolean,
    extractor      text,
    final_url      text,
    http_status    bigint,
    credits        bigint NOT NULL,
    started_at     timestamptz,
    finished_at    timestamptz,
    result_key     text,
    screenshot_key text,
    PRIMARY KEY (batch, item)
);

-- How many batches an account has in each state, so that the list's total is not counted row by row.
CREATE TABLE batch_counts (
    account uuid NOT NULL,
    status  text COLLATE "C" NOT NULL,
    batches bigint NOT NULL,
    PRIMARY KEY (account, status)
);

CREATE TABLE usage_days (
    account         uuid NOT NULL,
    day             text COLLATE "C" NOT NULL,
    requests        bigint NOT NULL,
    latency_ms      bigint NOT NULL,
    latency_samples bigint NOT NULL,
    credits         bigint NOT NULL,
    PRIMARY KEY (account, day)
);

-- How far each ledger stream was applied; a batch's revision is in its row.
CREATE TABLE ledgers (
    stream   text COLLATE "C" NOT NULL PRIMARY KEY,
    account  uuid NOT NULL,
    revision bigint NOT NULL
);

-- Streams that wait because one of their events could not be applied.
CREATE TABLE quarantine (
    stream   text COLLATE "C" NOT NULL PRIMARY KEY,
    revision bigint NOT NULL,
    position text NOT NULL,
    reason   text NOT NULL
);

-- How far the log was applied; moves in the transaction that applies.
CREATE TABLE checkpoints (
    name     text NOT NULL PRIMARY KEY,
    position text NOT NULL
);
INSERT INTO checkpoints (name, position) VALUES ('read-models', '0');
