-- Agreements between organizations and districts or schools.
CREATE TABLE partnerships (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    retired_at TIMESTAMP,
    organization_id TEXT COLLATE "C" NOT NULL REFERENCES organizations (id),
    district_id TEXT COLLATE "C" REFERENCES districts (id),
    facts TEXT COLLATE "C" NOT NULL
);
CREATE INDEX partnerships_by_organization ON partnerships (organization_id);
CREATE INDEX partnerships_by_district ON partnerships (district_id);

-- Every search from a school reads the few collaboratives among the districts.
ALTER TABLE districts ADD COLUMN kind TEXT COLLATE "C";
CREATE INDEX districts_by_kind ON districts (kind);
