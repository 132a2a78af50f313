-- Referrals and the offers made for them. What is needed of a student lies sealed under the student's key; `document`
-- holds nothing that could identify one.
CREATE TABLE referrals (
    id TEXT NOT NULL PRIMARY KEY,
    district_id TEXT NOT NULL REFERENCES districts (id),
    school_id TEXT REFERENCES schools (id),
    student_id TEXT NOT NULL REFERENCES students (id),
    version BIGINT NOT NULL,
    status TEXT NOT NULL,
    business_status TEXT,
    urgency TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    due_at TIMESTAMP,
    document TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX referrals_by_district ON referrals (district_id, id);
CREATE INDEX referrals_by_change ON referrals (district_id, updated_at, id);
CREATE INDEX referrals_by_student ON referrals (student_id, id);

CREATE TABLE offers (
    id TEXT NOT NULL PRIMARY KEY,
    referral_id TEXT NOT NULL REFERENCES referrals (id),
    district_id TEXT NOT NULL REFERENCES districts (id),
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    offering_id TEXT NOT NULL REFERENCES offerings (id),
    capacity_pool_id TEXT NOT NULL REFERENCES capacity_pools (id),
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    stage TEXT,
    -- When the clock ends it, unless somebody acts before.
    due_at TIMESTAMP,
    document TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX offers_by_referral ON offers (referral_id, id);
CREATE INDEX offers_by_organization ON offers (organization_id, id);
CREATE INDEX offers_due ON offers (due_at) WHERE due_at IS NOT NULL;
-- At most one accepted offer a referral, whoever writes.
CREATE UNIQUE INDEX offers_accepted_once ON offers (referral_id) WHERE state IN
    ('accepted', 'unscheduled', 'scheduled', 'missed', 'in_service', 'on_hold', 'cancellation_requested');

-- Who waits for a pool, across districts: the order is one for all. It names neither student nor family.
CREATE TABLE wait_list_entries (
    id TEXT NOT NULL PRIMARY KEY,
    referral_id TEXT NOT NULL REFERENCES referrals (id),
    district_id TEXT NOT NULL REFERENCES districts (id),
    offering_id TEXT NOT NULL REFERENCES offerings (id),
    capacity_pool_id TEXT NOT NULL REFERENCES capacity_pools (id),
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    -- 0 goes before 1.
    priority INTEGER NOT NULL,
    joined_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX wait_list_entries_by_referral ON wait_list_entries (referral_id, id);
CREATE INDEX wait_list_entries_in_line ON wait_list_entries (capacity_pool_id, priority, joined_at, id)
    WHERE state = 'waiting';
CREATE UNIQUE INDEX wait_list_entries_once ON wait_list_entries (referral_id, capacity_pool_id)
    WHERE state = 'waiting';

-- What happened, one row for each version of a referral, an offer or a place on a list. What was written lies sealed.
CREATE TABLE referral_events (
    subject_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    subject TEXT NOT NULL,
    referral_id TEXT NOT NULL REFERENCES referrals (id),
    district_id TEXT NOT NULL,
    event TEXT NOT NULL,
    state TEXT NOT NULL,
    actor TEXT NOT NULL,
    principal_id TEXT NOT NULL,
    principal_name TEXT NOT NULL,
    reason TEXT,
    sealed BLOB,
    at TIMESTAMP NOT NULL,
    PRIMARY KEY (subject_id, version)
);
CREATE INDEX referral_events_by_referral ON referral_events (referral_id, at);
CREATE TRIGGER referral_events_refuse_update BEFORE UPDATE ON referral_events BEGIN SELECT RAISE(ABORT, 'referral_events is append-only'); END;
CREATE TRIGGER referral_events_refuse_delete BEFORE DELETE ON referral_events BEGIN SELECT RAISE(ABORT, 'referral_events is append-only'); END;
