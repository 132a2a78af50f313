-- Reports of imminent risk. What was written about the student lies sealed.
CREATE TABLE crisis_events (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    district_id TEXT COLLATE "C" NOT NULL REFERENCES districts (id),
    school_id TEXT COLLATE "C" REFERENCES schools (id),
    student_id TEXT COLLATE "C" REFERENCES students (id),
    state TEXT COLLATE "C",
    version BIGINT NOT NULL,
    suspected_abuse BOOLEAN NOT NULL,
    reported_by TEXT COLLATE "C" NOT NULL,
    reported_name TEXT COLLATE "C" NOT NULL,
    reported_at TIMESTAMP NOT NULL,
    sealed_note BYTEA,
    acknowledged_by TEXT COLLATE "C",
    acknowledged_name TEXT COLLATE "C",
    acknowledged_at TIMESTAMP,
    cleared_by TEXT COLLATE "C",
    cleared_name TEXT COLLATE "C",
    cleared_at TIMESTAMP,
    sealed_clearance BYTEA
);
CREATE INDEX crisis_events_by_district ON crisis_events (district_id, id);
CREATE INDEX crisis_events_by_student ON crisis_events (student_id, id);
-- What the escalation looks for.
CREATE INDEX crisis_events_open ON crisis_events (acknowledged_at, reported_at);

ALTER TABLE crisis_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE crisis_events FORCE ROW LEVEL SECURITY;
CREATE POLICY own_district ON crisis_events USING (district_id = causeway_district());
-- The clock tells the next one when nobody acknowledges.
CREATE POLICY escalation_reads ON crisis_events FOR SELECT USING (causeway_tenancy() = 'clock');
CREATE POLICY escalation_marks ON crisis_events FOR UPDATE USING (causeway_tenancy() = 'clock');
