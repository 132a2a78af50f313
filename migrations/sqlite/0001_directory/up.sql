-- The directory: what organizations offer, where, and whose openings they are.
-- Each noun is a document of facts beside the few columns that SQL joins and filters by.
-- docs/decisions/0003-facts-as-documents.md says why.

CREATE TABLE organizations (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    retired_at TIMESTAMP,
    name TEXT NOT NULL,
    facts TEXT NOT NULL
);

CREATE TABLE locations (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    retired_at TIMESTAMP,
    organization_id TEXT REFERENCES organizations (id),
    postal_code TEXT,
    facts TEXT NOT NULL
);
CREATE INDEX locations_by_organization ON locations (organization_id);
CREATE INDEX locations_by_postal_code ON locations (postal_code);

CREATE TABLE services (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    retired_at TIMESTAMP,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    facts TEXT NOT NULL
);
CREATE INDEX services_by_organization ON services (organization_id);

CREATE TABLE capacity_pools (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    retired_at TIMESTAMP,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    current_claim_id TEXT,
    facts TEXT NOT NULL
);
CREATE INDEX capacity_pools_by_organization ON capacity_pools (organization_id);

CREATE TABLE insurance_plans (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    retired_at TIMESTAMP,
    facts TEXT NOT NULL
);

CREATE TABLE districts (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    retired_at TIMESTAMP,
    code TEXT NOT NULL,
    facts TEXT NOT NULL
);
CREATE INDEX districts_by_code ON districts (code);

CREATE TABLE schools (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    retired_at TIMESTAMP,
    district_id TEXT REFERENCES districts (id),
    code TEXT NOT NULL,
    postal_code TEXT,
    facts TEXT NOT NULL
);
CREATE INDEX schools_by_district ON schools (district_id);
CREATE INDEX schools_by_code ON schools (code);
CREATE INDEX schools_by_postal_code ON schools (postal_code);

CREATE TABLE offerings (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    retired_at TIMESTAMP,
    service_id TEXT NOT NULL REFERENCES services (id),
    location_id TEXT REFERENCES locations (id),
    capacity_pool_id TEXT NOT NULL REFERENCES capacity_pools (id),
    facts TEXT NOT NULL
);
CREATE INDEX offerings_by_service ON offerings (service_id);
CREATE INDEX offerings_by_location ON offerings (location_id);
CREATE INDEX offerings_by_capacity_pool ON offerings (capacity_pool_id);

-- Who said what, how and when. Append-only: a later statement outranks, it never overwrites.
CREATE TABLE assertions (
    id TEXT NOT NULL PRIMARY KEY,
    noun TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    method TEXT NOT NULL,
    source TEXT NOT NULL,
    asserted_by TEXT NOT NULL,
    asserted_at TIMESTAMP NOT NULL,
    facts TEXT NOT NULL
);
CREATE INDEX assertions_by_subject ON assertions (subject_id, asserted_at);

-- Statements of capacity. Each is kept; capacity_pools.current_claim_id names the newest.
CREATE TABLE claims (
    id TEXT NOT NULL PRIMARY KEY,
    capacity_pool_id TEXT NOT NULL REFERENCES capacity_pools (id),
    status TEXT NOT NULL,
    open_slots INTEGER,
    waiting INTEGER,
    starts_last_28_days INTEGER,
    next_available_date DATE,
    notes TEXT,
    reported_at TIMESTAMP NOT NULL,
    reported_by TEXT NOT NULL,
    method TEXT NOT NULL,
    valid_until TIMESTAMP NOT NULL,
    recorded_at TIMESTAMP NOT NULL
);
CREATE INDEX claims_by_capacity_pool ON claims (capacity_pool_id, reported_at);

-- Centres of postal codes, and the state and county that they lie in.
CREATE TABLE postal_codes (
    postal_code TEXT NOT NULL PRIMARY KEY,
    latitude DOUBLE NOT NULL,
    longitude DOUBLE NOT NULL,
    state TEXT,
    county TEXT
);

-- What changed, for the finder of every process that shares this database.
CREATE TABLE changes (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    noun TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    recorded_at TIMESTAMP NOT NULL
);

CREATE INDEX changes_by_time ON changes (recorded_at);

-- The first answer to a request that carried an Idempotency-Key, written with its effect.
CREATE TABLE idempotency_keys (
    client TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    headers TEXT NOT NULL,
    body TEXT NOT NULL,
    recorded_at TIMESTAMP NOT NULL,
    PRIMARY KEY (client, key)
);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (recorded_at);

-- Keys of this deployment that no person chooses, such as the one that signs cursors.
CREATE TABLE secrets (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
);
