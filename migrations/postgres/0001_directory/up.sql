-- The directory: what organizations offer, where, and whose openings they are.
-- Each noun is a document of facts beside the few columns that SQL joins and filters by.
-- docs/decisions/0003-facts-as-documents.md says why.

CREATE TABLE organizations (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    retired_at TIMESTAMP,
    name TEXT COLLATE "C" NOT NULL,
    facts TEXT COLLATE "C" NOT NULL
);

CREATE TABLE locations (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    retired_at TIMESTAMP,
    organization_id TEXT COLLATE "C" REFERENCES organizations (id),
    postal_code TEXT COLLATE "C",
    facts TEXT COLLATE "C" NOT NULL
);
CREATE INDEX locations_by_organization ON locations (organization_id);
CREATE INDEX locations_by_postal_code ON locations (postal_code);

CREATE TABLE services (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    retired_at TIMESTAMP,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    facts TEXT COLLATE "C" NOT NULL
);
CREATE INDEX services_by_organization ON services (organization_id);

CREATE TABLE capacity_pools (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    retired_at TIMESTAMP,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    current_claim_id TEXT COLLATE "C",
    facts TEXT COLLATE "C" NOT NULL
);
CREATE INDEX capacity_pools_by_organization ON capacity_pools (organization_id);

CREATE TABLE insurance_plans (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    retired_at TIMESTAMP,
    facts TEXT COLLATE "C" NOT NULL
);

CREATE TABLE districts (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    retired_at TIMESTAMP,
    code TEXT COLLATE "C" NOT NULL,
    facts TEXT COLLATE "C" NOT NULL
);
CREATE INDEX districts_by_code ON districts (code);

CREATE TABLE schools (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    retired_at TIMESTAMP,
    district_id TEXT COLLATE "C" REFERENCES districts (id),
    code TEXT COLLATE "C" NOT NULL,
    postal_code TEXT COLLATE "C",
    facts TEXT COLLATE "C" NOT NULL
);
CREATE INDEX schools_by_district ON schools (district_id);
CREATE INDEX schools_by_code ON schools (code);
CREATE INDEX schools_by_postal_code ON schools (postal_code);

CREATE TABLE offerings (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    retired_at TIMESTAMP,
    service_id TEXT COLLATE "C" NOT NULL REFERENCES services (id),
    location_id TEXT COLLATE "C" REFERENCES locations (id),
    capacity_pool_id TEXT COLLATE "C" NOT NULL REFERENCES capacity_pools (id),
    facts TEXT COLLATE "C" NOT NULL
);
CREATE INDEX offerings_by_service ON offerings (service_id);
CREATE INDEX offerings_by_location ON offerings (location_id);
CREATE INDEX offerings_by_capacity_pool ON offerings (capacity_pool_id);

-- Who said what, how and when. Append-only: a later statement outranks, it never overwrites.
CREATE TABLE assertions (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    noun TEXT COLLATE "C" NOT NULL,
    subject_id TEXT COLLATE "C" NOT NULL,
    method TEXT COLLATE "C" NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    asserted_by TEXT COLLATE "C" NOT NULL,
    asserted_at TIMESTAMP NOT NULL,
    facts TEXT COLLATE "C" NOT NULL
);
CREATE INDEX assertions_by_subject ON assertions (subject_id, asserted_at);

-- Statements of capacity. Each is kept; capacity_pools.current_claim_id names the newest.
CREATE TABLE claims (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    capacity_pool_id TEXT COLLATE "C" NOT NULL REFERENCES capacity_pools (id),
    status TEXT COLLATE "C" NOT NULL,
    open_slots INTEGER,
    waiting INTEGER,
    starts_last_28_days INTEGER,
    next_available_date DATE,
    notes TEXT COLLATE "C",
    reported_at TIMESTAMP NOT NULL,
    reported_by TEXT COLLATE "C" NOT NULL,
    method TEXT COLLATE "C" NOT NULL,
    valid_until TIMESTAMP NOT NULL,
    recorded_at TIMESTAMP NOT NULL
);
CREATE INDEX claims_by_capacity_pool ON claims (capacity_pool_id, reported_at);

-- Centres of postal codes, and the state and county that they lie in.
CREATE TABLE postal_codes (
    postal_code TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    latitude DOUBLE PRECISION NOT NULL,
    longitude DOUBLE PRECISION NOT NULL,
    state TEXT COLLATE "C",
    county TEXT COLLATE "C"
);

-- What changed, for the finder of every process that shares this database.
CREATE TABLE changes (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    noun TEXT COLLATE "C" NOT NULL,
    subject_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    recorded_at TIMESTAMP NOT NULL
);

CREATE INDEX changes_by_time ON changes (recorded_at);

-- The first answer to a request that carried an Idempotency-Key, written with its effect.
CREATE TABLE idempotency_keys (
    client TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    fingerprint TEXT COLLATE "C" NOT NULL,
    status INTEGER NOT NULL,
    headers TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    recorded_at TIMESTAMP NOT NULL,
    PRIMARY KEY (client, key)
);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (recorded_at);

-- Keys of this deployment that no person chooses, such as the one that signs cursors.
CREATE TABLE secrets (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);
