-- How an organization is written to about referrals: where it has said so, was refused for ever, or wants no more.
CREATE TABLE referral_notices (
    organization_id TEXT NOT NULL PRIMARY KEY REFERENCES organizations (id),
    version BIGINT NOT NULL,
    email TEXT,
    language TEXT,
    changed_by TEXT NOT NULL,
    changed_at TIMESTAMP NOT NULL,
    stopped_at TIMESTAMP,
    bounced_email TEXT,
    bounced_at TIMESTAMP
);

-- By which message each offer is told: once each. It names neither student nor referral.
CREATE TABLE offer_notices (
    offer_id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    message_id TEXT NOT NULL,
    noticed_at TIMESTAMP NOT NULL
);
CREATE INDEX offer_notices_by_message ON offer_notices (message_id);
