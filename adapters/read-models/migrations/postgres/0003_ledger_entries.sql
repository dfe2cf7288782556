-- The statement of every ledger: one row for each event, with what it moved and what was left after it; and the sums
-- of each month, so that the next event needs no history.
-- Tables of before know nothing of past entries, so all of it is built again from the log.
TRUNCATE batches, items, batch_counts, usage_days, quarantine;
UPDATE checkpoints SET position = '0';

DROP TABLE ledgers;
-- How far each ledger stream was applied, and where its credits are.
CREATE TABLE ledgers (
    stream      text COLLATE "C" NOT NULL PRIMARY KEY,
    account     uuid NOT NULL,
    period      text COLLATE "C" NOT NULL,
    revision    bigint NOT NULL,
    entries     bigint NOT NULL,
    at          timestamptz NOT NULL,
    allowance   bigint NOT NULL,
    granted     bigint NOT NULL,
    available   bigint NOT NULL,
    held        bigint NOT NULL,
    spent       bigint NOT NULL,
    expired     bigint NOT NULL,
    carried_out bigint NOT NULL,
    closed      boolean NOT NULL
);
CREATE INDEX ledgers_of_account ON ledgers (account);

-- The items of an entry are a list with a comma before and after each number, so that one item can be looked for.
CREATE TABLE ledger_entries (
    account     uuid NOT NULL,
    period      text COLLATE "C" NOT NULL,
    revision    bigint NOT NULL,
    event       uuid NOT NULL,
    position    text NOT NULL,
    kind        text NOT NULL,
    at          timestamptz NOT NULL,
    amount      bigint NOT NULL,
    change      bigint NOT NULL,
    balance     bigint NOT NULL,
    held        bigint NOT NULL,
    spent       bigint NOT NULL,
    batch       uuid,
    round       bigint,
    reservation uuid,
    items       text NOT NULL,
    attempt     bigint,
    reason      text,
    PRIMARY KEY (account, period, revision)
);
CREATE INDEX ledger_entries_of_batch ON ledger_entries (account, batch, period, revision);
CREATE INDEX ledger_entries_by_time ON ledger_entries (account, at);
