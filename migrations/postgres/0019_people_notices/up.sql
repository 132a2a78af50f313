-- How a person of a district is written to about what waits for them: where they have said so, were refused for ever, or
-- want no more.
CREATE TABLE people_notices (
    membership_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES memberships (id),
    version BIGINT NOT NULL,
    email TEXT COLLATE "C",
    language TEXT COLLATE "C",
    changed_by TEXT COLLATE "C" NOT NULL,
    changed_at TIMESTAMP NOT NULL,
    stopped_at TIMESTAMP,
    bounced_at TIMESTAMP
);
CREATE INDEX people_notices_by_email ON people_notices (email);

-- By which message somebody was told of a referral's place on a worklist: once each, as long as it stands unchanged.
CREATE TABLE worklist_notices (
    membership_id TEXT COLLATE "C" NOT NULL REFERENCES memberships (id),
    referral_id TEXT COLLATE "C" NOT NULL REFERENCES referrals (id),
    worklist TEXT COLLATE "C" NOT NULL,
    district_id TEXT COLLATE "C" NOT NULL REFERENCES districts (id),
    due_at TIMESTAMP NOT NULL,
    message_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (membership_id, referral_id, worklist)
);

ALTER TABLE worklist_notices ENABLE ROW LEVEL SECURITY;
ALTER TABLE worklist_notices FORCE ROW LEVEL SECURITY;
CREATE POLICY own_district ON worklist_notices USING (district_id = causeway_district());
