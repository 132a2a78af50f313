-- HSDS documents as their sources wrote them, so that what has no field here comes out again.
-- docs/decisions/0011-hsds-kept-documents.md says why.
CREATE TABLE hsds_documents (
    kind TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    whole INTEGER NOT NULL,
    document TEXT COLLATE "C" NOT NULL,
    recorded_at TIMESTAMP NOT NULL,
    PRIMARY KEY (kind, id)
);
