-- Who may do what. Systems are clients with secrets, people are memberships of a configured issuer's identities.

-- The keys that sign our own tokens. The private part is sealed by the deployment's master key where there is one.
CREATE TABLE signing_keys (
    kid TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    public_key BYTEA NOT NULL,
    private_key BYTEA NOT NULL,
    is_sealed BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL,
    retired_at TIMESTAMP
);

CREATE TABLE clients (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    district_id TEXT COLLATE "C" REFERENCES districts (id),
    organization_id TEXT COLLATE "C" REFERENCES organizations (id),
    created_by TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMP NOT NULL,
    disabled_at TIMESTAMP
);

-- A secret is shown once; its hash stays. Several may live at a time, so that one can follow the other.
CREATE TABLE client_secrets (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    client_id TEXT COLLATE "C" NOT NULL REFERENCES clients (id),
    hash TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP
);
CREATE INDEX client_secrets_by_client ON client_secrets (client_id);

CREATE TABLE memberships (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    issuer TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    district_id TEXT COLLATE "C" REFERENCES districts (id),
    organization_id TEXT COLLATE "C" REFERENCES organizations (id),
    schools TEXT COLLATE "C" NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP
);
CREATE UNIQUE INDEX memberships_by_identity ON memberships (issuer, subject);

-- An invitation's code is shown once; its hash stays.
CREATE TABLE invitations (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    code_hash TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    district_id TEXT COLLATE "C" REFERENCES districts (id),
    organization_id TEXT COLLATE "C" REFERENCES organizations (id),
    schools TEXT COLLATE "C" NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    redeemed_at TIMESTAMP,
    membership_id TEXT COLLATE "C" REFERENCES memberships (id)
);
CREATE UNIQUE INDEX invitations_by_code ON invitations (code_hash);

-- What was done to clients, memberships, invitations and keys, and who did it. Rows are only ever added.
CREATE TABLE access_events (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    subject_id TEXT COLLATE "C" NOT NULL,
    event TEXT COLLATE "C" NOT NULL,
    done_by TEXT COLLATE "C" NOT NULL,
    done_at TIMESTAMP NOT NULL
);
CREATE INDEX access_events_by_subject ON access_events (subject_id, done_at);
