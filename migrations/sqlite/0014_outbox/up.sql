-- Messages that wait to be sent, written with what causes them. Their words are made when they are sent.
CREATE TABLE outbox (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    recipient TEXT NOT NULL,
    language TEXT NOT NULL,
    dedup_key TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at TIMESTAMP NOT NULL,
    leased_by TEXT,
    leased_until TIMESTAMP,
    finished_at TIMESTAMP,
    outcome TEXT
);
CREATE UNIQUE INDEX outbox_by_dedup_key ON outbox (dedup_key);
CREATE INDEX outbox_due ON outbox (status, next_attempt_at);
CREATE INDEX outbox_by_subject ON outbox (kind, subject_id, created_at);

-- What an agency asked for: to be reminded before what it said lapses.
CREATE TABLE availability_reminders (
    organization_id TEXT NOT NULL PRIMARY KEY REFERENCES organizations (id),
    version BIGINT NOT NULL,
    email TEXT NOT NULL,
    language TEXT NOT NULL,
    before_seconds BIGINT NOT NULL,
    at_most_every_seconds BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at TIMESTAMP NOT NULL,
    stopped_at TIMESTAMP
);

-- The claims of which a reminder went: once each.
CREATE TABLE reminded_claims (
    claim_id TEXT NOT NULL PRIMARY KEY REFERENCES claims (id),
    message_id TEXT NOT NULL,
    reminded_at TIMESTAMP NOT NULL
);
