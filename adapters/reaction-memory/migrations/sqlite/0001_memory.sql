-- What the reactions remember of open work: one row a thing, its kind and id as text, its content as JSON.
CREATE TABLE remembered (
    kind    TEXT NOT NULL,
    id      TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;

CREATE TABLE checkpoint (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    position TEXT NOT NULL
);
