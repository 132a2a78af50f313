-- Reports of imminent risk. What was written about the student lies sealed.
CREATE TABLE crisis_events (
    id TEXT NOT NULL PRIMARY KEY,
    district_id TEXT NOT NULL REFERENCES districts (id),
    school_id TEXT REFERENCES schools (id),
    student_id TEXT REFERENCES students (id),
    state TEXT,
    version BIGINT NOT NULL,
    suspected_abuse BOOLEAN NOT NULL,
    reported_by TEXT NOT NULL,
    reported_name TEXT NOT NULL,
    reported_at TIMESTAMP NOT NULL,
    sealed_note BLOB,
    acknowledged_by TEXT,
    acknowledged_name TEXT,
    acknowledged_at TIMESTAMP,
    cleared_by TEXT,
    cleared_name TEXT,
    cleared_at TIMESTAMP,
    sealed_clearance BLOB
);
CREATE INDEX crisis_events_by_district ON crisis_events (district_id, id);
CREATE INDEX crisis_events_by_student ON crisis_events (student_id, id);
-- What the escalation looks for.
CREATE INDEX crisis_events_open ON crisis_events (acknowledged_at, reported_at);
