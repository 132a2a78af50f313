-- Referrals and the offers made for them. What is needed of a student lies sealed under the student's key; `document`
-- holds nothing that could identify one.
CREATE TABLE referrals (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    district_id TEXT COLLATE "C" NOT NULL REFERENCES districts (id),
    school_id TEXT COLLATE "C" REFERENCES schools (id),
    student_id TEXT COLLATE "C" NOT NULL REFERENCES students (id),
    version BIGINT NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    business_status TEXT COLLATE "C",
    urgency TEXT COLLATE "C" NOT NULL,
    owner_id TEXT COLLATE "C" NOT NULL,
    due_at TIMESTAMP,
    document TEXT COLLATE "C" NOT NULL,
    sealed BYTEA NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX referrals_by_district ON referrals (district_id, id);
CREATE INDEX referrals_by_change ON referrals (district_id, updated_at, id);
CREATE INDEX referrals_by_student ON referrals (student_id, id);

CREATE TABLE offers (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    referral_id TEXT COLLATE "C" NOT NULL REFERENCES referrals (id),
    district_id TEXT COLLATE "C" NOT NULL REFERENCES districts (id),
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    offering_id TEXT COLLATE "C" NOT NULL REFERENCES offerings (id),
    capacity_pool_id TEXT COLLATE "C" NOT NULL REFERENCES capacity_pools (id),
    version BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    stage TEXT COLLATE "C",
    -- When the clock ends it, unless somebody acts before.
    due_at TIMESTAMP,
    document TEXT COLLATE "C" NOT NULL,
    sealed BYTEA NOT NULL,
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
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    referral_id TEXT COLLATE "C" NOT NULL REFERENCES referrals (id),
    district_id TEXT COLLATE "C" NOT NULL REFERENCES districts (id),
    offering_id TEXT COLLATE "C" NOT NULL REFERENCES offerings (id),
    capacity_pool_id TEXT COLLATE "C" NOT NULL REFERENCES capacity_pools (id),
    version BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
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
    subject_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    referral_id TEXT COLLATE "C" NOT NULL REFERENCES referrals (id),
    district_id TEXT COLLATE "C" NOT NULL,
    event TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    principal_id TEXT COLLATE "C" NOT NULL,
    principal_name TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C",
    sealed BYTEA,
    at TIMESTAMP NOT NULL,
    PRIMARY KEY (subject_id, version)
);
CREATE INDEX referral_events_by_referral ON referral_events (referral_id, at);
CREATE TRIGGER referral_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON referral_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE referrals ENABLE ROW LEVEL SECURITY;
ALTER TABLE referrals FORCE ROW LEVEL SECURITY;
CREATE POLICY own_district ON referrals USING (district_id = causeway_district());
ALTER TABLE offers ENABLE ROW LEVEL SECURITY;
ALTER TABLE offers FORCE ROW LEVEL SECURITY;
CREATE POLICY own_district ON offers USING (district_id = causeway_district());
-- An agency sees what was offered to it; what it does is written on behalf of the district whose offer it is.
CREATE POLICY own_offers ON offers FOR SELECT USING (organization_id = causeway_organization());
-- The clock sees which offers are due, in every district.
CREATE POLICY reply_clock ON offers FOR SELECT USING (causeway_tenancy() = 'clock');
ALTER TABLE referral_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE referral_events FORCE ROW LEVEL SECURITY;
CREATE POLICY own_district ON referral_events USING (district_id = causeway_district());
