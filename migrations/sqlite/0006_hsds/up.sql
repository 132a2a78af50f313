-- HSDS documents as their sources wrote them, so that what has no field here comes out again.
-- docs/decisions/0011-hsds-kept-documents.md says why.
CREATE TABLE hsds_documents (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    whole INTEGER NOT NULL,
    document TEXT NOT NULL,
    recorded_at TIMESTAMP NOT NULL,
    PRIMARY KEY (kind, id)
);
