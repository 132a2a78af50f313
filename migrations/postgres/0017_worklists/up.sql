-- Who stands in for the owner, and until which day: for what is due today.
ALTER TABLE referrals ADD COLUMN cover_id TEXT COLLATE "C";
ALTER TABLE referrals ADD COLUMN cover_until DATE;
CREATE INDEX referrals_due_of_owner ON referrals (district_id, owner_id, due_at, id, school_id)
    WHERE due_at IS NOT NULL;
CREATE INDEX referrals_due_of_cover ON referrals (district_id, cover_id, due_at, id, school_id)
    WHERE cover_id IS NOT NULL;

-- On which worklists a referral stands, and when it is due there; written with the referral.
CREATE TABLE worklist_places (
    referral_id TEXT COLLATE "C" NOT NULL REFERENCES referrals (id),
    worklist TEXT COLLATE "C" NOT NULL,
    district_id TEXT COLLATE "C" NOT NULL REFERENCES districts (id),
    school_id TEXT COLLATE "C" REFERENCES schools (id),
    owner_id TEXT COLLATE "C" NOT NULL,
    due_at TIMESTAMP NOT NULL,
    PRIMARY KEY (referral_id, worklist)
);
-- The school stands in each index, so that a list of some schools is read from it alone.
CREATE INDEX worklist_places_in_order ON worklist_places (district_id, worklist, due_at, referral_id, school_id);
CREATE INDEX worklist_places_of_owner
    ON worklist_places (district_id, worklist, owner_id, due_at, referral_id, school_id);
CREATE INDEX worklist_places_of_school ON worklist_places (district_id, worklist, school_id, due_at, referral_id);

ALTER TABLE worklist_places ENABLE ROW LEVEL SECURITY;
ALTER TABLE worklist_places FORCE ROW LEVEL SECURITY;
CREATE POLICY own_district ON worklist_places USING (district_id = causeway_district());
