-- The statement of every ledger: one row for each event, with what it moved and what was left after it; and the sums
-- of each month, so that the next event needs no history.
-- Tables of before know nothing of past entries, so all of it is built again from the log.
DELETE FROM batches;
DELETE FROM items;
DELETE FROM batch_counts;
DELETE FROM usage_days;
DELETE FROM quarantine;
UPDATE checkpoints SET position = '0';

DROP TABLE ledgers;
-- How far each ledger stream was applied, and where its credits are.
CREATE TABLE ledgers (
    stream      TEXT NOT NULL PRIMARY KEY,
    account     BLOB NOT NULL,
    period      TEXT NOT NULL,
    revision    INTEGER NOT NULL,
    entries     INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    allowance   INTEGER NOT NULL,
    granted     INTEGER NOT NULL,
    available   INTEGER NOT NULL,
    held        INTEGER NOT NULL,
    spent       INTEGER NOT NULL,
    expired     INTEGER NOT NULL,
    carried_out INTEGER NOT NULL,
    closed      BOOLEAN NOT NULL
);
CREATE INDEX ledgers_of_account ON ledgers (account);

-- The items of an entry are a list with a comma before and after each number, so that one item can be looked for.
CREATE TABLE ledger_entries (
    account     BLOB NOT NULL,
    period      TEXT NOT NULL,
    revision    INTEGER NOT NULL,
    event       BLOB NOT NULL,
    position    TEXT NOT NULL,
    kind        TEXT NOT NULL,
    at          INTEGER NOT NULL,
    amount      INTEGER NOT NULL,
    change      INTEGER NOT NULL,
    balance     INTEGER NOT NULL,
    held        INTEGER NOT NULL,
    spent       INTEGER NOT NULL,
    batch       BLOB,
    round       INTEGER,
    reservation BLOB,
    items       TEXT NOT NULL,
    attempt     INTEGER,
    reason      TEXT,
    PRIMARY KEY (account, period, revision)
);
CREATE INDEX ledger_entries_of_batch ON ledger_entries (account, batch, period, revision);
CREATE INDEX ledger_entries_by_time ON ledger_entries (account, at);
