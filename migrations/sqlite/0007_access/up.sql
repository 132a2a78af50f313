-- Who may do what. Systems are clients with secrets, people are memberships of a configured issuer's identities.

-- The keys that sign our own tokens. The private part is sealed by the deployment's master key where there is one.
CREATE TABLE signing_keys (
    kid TEXT NOT NULL PRIMARY KEY,
    public_key BLOB NOT NULL,
    private_key BLOB NOT NULL,
    is_sealed BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL,
    retired_at TIMESTAMP
);

CREATE TABLE clients (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    district_id TEXT REFERENCES districts (id),
    organization_id TEXT REFERENCES organizations (id),
    created_by TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    disabled_at TIMESTAMP
);

-- A secret is shown once; its hash stays. Several may live at a time, so that one can follow the other.
CREATE TABLE client_secrets (
    id TEXT NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (id),
    hash TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP
);
CREATE INDEX client_secrets_by_client ON client_secrets (client_id);

CREATE TABLE memberships (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    district_id TEXT REFERENCES districts (id),
    organization_id TEXT REFERENCES organizations (id),
    schools TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP
);
CREATE UNIQUE INDEX memberships_by_identity ON memberships (issuer, subject);

-- An invitation's code is shown once; its hash stays.
CREATE TABLE invitations (
    id TEXT NOT NULL PRIMARY KEY,
    code_hash TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    district_id TEXT REFERENCES districts (id),
    organization_id TEXT REFERENCES organizations (id),
    schools TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    redeemed_at TIMESTAMP,
    membership_id TEXT REFERENCES memberships (id)
);
CREATE UNIQUE INDEX invitations_by_code ON invitations (code_hash);

-- What was done to clients, memberships, invitations and keys, and who did it. Rows are only ever added.
CREATE TABLE access_events (
    id TEXT NOT NULL PRIMARY KEY,
    subject_id TEXT NOT NULL,
    event TEXT NOT NULL,
    done_by TEXT NOT NULL,
    done_at TIMESTAMP NOT NULL
);
CREATE INDEX access_events_by_subject ON access_events (subject_id, done_at);
