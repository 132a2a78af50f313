-- What came of needs for which somebody looked, without whose they were: one row for a need and month. The key
-- is a keyed hash of the month and of a reference that is not kept.
CREATE TABLE near_misses (
    month TEXT COLLATE "C" NOT NULL,
    need_key TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C",
    county TEXT COLLATE "C",
    languages TEXT COLLATE "C" NOT NULL,
    coverages TEXT COLLATE "C" NOT NULL,
    is_matched BOOLEAN NOT NULL,
    blocked_by TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (month, need_key)
);
