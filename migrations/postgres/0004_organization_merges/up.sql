-- The same agency twice: which organizations were merged into which, and which pairs are not the same.
-- docs/decisions/0015-merging-organizations.md says how it works.

-- Append-only: a merge that was undone keeps its row and says when.
CREATE TABLE organization_merges (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    into_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    merged_at TIMESTAMP NOT NULL,
    merged_by TEXT COLLATE "C" NOT NULL,
    undone_at TIMESTAMP,
    undone_by TEXT COLLATE "C"
);
-- An organization is merged into one other at a time.
CREATE UNIQUE INDEX organization_merges_standing ON organization_merges (organization_id)
    WHERE undone_at IS NULL;
CREATE INDEX organization_merges_by_organization ON organization_merges (organization_id);
CREATE INDEX organization_merges_by_survivor ON organization_merges (into_id);

-- Pairs that somebody looked at and found to be two. The lesser id comes first.
CREATE TABLE duplicate_dismissals (
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    other_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    dismissed_at TIMESTAMP NOT NULL,
    dismissed_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, other_id)
);
