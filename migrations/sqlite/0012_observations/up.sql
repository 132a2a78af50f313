-- Up to which number rows of the change feed have been deleted: who has not read them must start anew.
CREATE TABLE change_purges (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    purged_through BIGINT NOT NULL
);
INSERT INTO change_purges (id, purged_through) SELECT 1, coalesce(min(seq), 1) - 1 FROM changes;

-- What calls to agencies found. Everybody reads what was found; who called is for their own district.
CREATE TABLE contact_attempts (
    id TEXT NOT NULL PRIMARY KEY,
    capacity_pool_id TEXT NOT NULL REFERENCES capacity_pools (id),
    offering_id TEXT REFERENCES offerings (id),
    outcome TEXT NOT NULL,
    phone TEXT,
    language TEXT,
    notes TEXT,
    attempted_at TIMESTAMP NOT NULL,
    recorded_at TIMESTAMP NOT NULL,
    attempted_by TEXT NOT NULL,
    district_id TEXT REFERENCES districts (id),
    claim_id TEXT REFERENCES claims (id)
);
CREATE INDEX contact_attempts_by_capacity_pool ON contact_attempts (capacity_pool_id, attempted_at, id);

-- What was seen of a pool, beside what is said of it.
CREATE TABLE observations (
    id TEXT NOT NULL PRIMARY KEY,
    capacity_pool_id TEXT NOT NULL REFERENCES capacity_pools (id),
    kind TEXT NOT NULL,
    -- Whether it went well; none where only the time tells.
    held BOOLEAN,
    -- Hours to the reply, days to the first appointment.
    elapsed DOUBLE,
    observed_at TIMESTAMP NOT NULL,
    recorded_at TIMESTAMP NOT NULL,
    reported_by TEXT NOT NULL
);
CREATE INDEX observations_by_capacity_pool ON observations (capacity_pool_id, observed_at);
