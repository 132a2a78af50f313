-- What came of needs for which somebody looked, without whose they were: one row for a need and month. The key
-- is a keyed hash of the month and of a reference that is not kept.
CREATE TABLE near_misses (
    month TEXT NOT NULL,
    need_key TEXT NOT NULL,
    state TEXT,
    county TEXT,
    languages TEXT NOT NULL,
    coverages TEXT NOT NULL,
    is_matched BOOLEAN NOT NULL,
    blocked_by TEXT NOT NULL,
    PRIMARY KEY (month, need_key)
);
