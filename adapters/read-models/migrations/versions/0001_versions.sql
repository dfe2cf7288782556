-- Which versions of the read models there are, and which one is read. The same in SQLite and PostgreSQL.
CREATE TABLE versions (
    version BIGINT NOT NULL PRIMARY KEY,
    state   TEXT   NOT NULL,
    made_at BIGINT NOT NULL
);
