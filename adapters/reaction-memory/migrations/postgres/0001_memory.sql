-- What the reactions remember of open work: one row a thing, its kind and id as text, its content as JSON.
-- The same tables as in migrations/sqlite, in PostgreSQL's own types; texts are ordered byte by byte as there.
CREATE TABLE remembered (
    kind    text COLLATE "C" NOT NULL,
    id      text COLLATE "C" NOT NULL,
    content jsonb NOT NULL,
    PRIMARY KEY (kind, id)
);

CREATE TABLE checkpoint (
    "only"   bigint PRIMARY KEY CHECK ("only" = 1),
    position text NOT NULL
);
