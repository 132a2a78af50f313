-- Students. Whatever could identify one lies sealed under the student's own key; destroying that key is deletion.
-- What must stay (releases, audit, erasures) holds no identity, and the database itself refuses to change it.

-- Answers that were kept until now lie open; from now on they are sealed.
DELETE FROM idempotency_keys;

-- A client's schools, as JSON: a coordinator's client of some schools must not have the district's reach.
ALTER TABLE clients ADD COLUMN schools TEXT COLLATE "C" NOT NULL DEFAULT '[]';

-- Keys of this deployment, wrapped by the master key: for the blind index and the chain of the audit.
CREATE TABLE deployment_keys (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    master_key_id TEXT COLLATE "C" NOT NULL,
    wrapped BYTEA NOT NULL
);

CREATE TABLE students (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    district_id TEXT COLLATE "C" NOT NULL REFERENCES districts (id),
    school_id TEXT COLLATE "C" REFERENCES schools (id),
    version BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    left_at TIMESTAMP,
    erased_at TIMESTAMP
);
CREATE INDEX students_by_district ON students (district_id, id);
CREATE INDEX students_by_school ON students (school_id, id);

CREATE TABLE student_keys (
    student_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES students (id),
    district_id TEXT COLLATE "C" NOT NULL,
    master_key_id TEXT COLLATE "C" NOT NULL,
    wrapped BYTEA NOT NULL
);

-- Typed identifiers, found by a keyed digest only.
CREATE TABLE student_identifiers (
    district_id TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    blind BYTEA NOT NULL,
    student_id TEXT COLLATE "C" NOT NULL REFERENCES students (id),
    PRIMARY KEY (district_id, kind, blind)
);
CREATE INDEX student_identifiers_by_student ON student_identifiers (student_id);

CREATE TABLE guardians (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    student_id TEXT COLLATE "C" NOT NULL REFERENCES students (id),
    district_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP
);
CREATE INDEX guardians_by_student ON guardians (student_id, id);

CREATE TABLE consents (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    student_id TEXT COLLATE "C" NOT NULL REFERENCES students (id),
    district_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    expires_on DATE NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    revoked_at TIMESTAMP
);
CREATE INDEX consents_by_student ON consents (student_id, id);

-- Releases. `document` names the one who released, the recipient and the fields, never their values;
-- `sealed` holds what was written about the student, such as the threat in an emergency.
CREATE TABLE disclosures (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    student_id TEXT COLLATE "C" NOT NULL REFERENCES students (id),
    district_id TEXT COLLATE "C" NOT NULL,
    recipient_organization_id TEXT COLLATE "C" REFERENCES organizations (id),
    released_at TIMESTAMP NOT NULL,
    document TEXT COLLATE "C" NOT NULL,
    sealed BYTEA
);
CREATE INDEX disclosures_by_student ON disclosures (student_id, id);
CREATE INDEX disclosures_by_district ON disclosures (district_id, id);
CREATE INDEX disclosures_by_recipient ON disclosures (recipient_organization_id, id);

CREATE TABLE audit_events (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at TIMESTAMP NOT NULL,
    district_id TEXT COLLATE "C",
    principal_id TEXT COLLATE "C" NOT NULL,
    principal_name TEXT COLLATE "C" NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    purpose TEXT COLLATE "C" NOT NULL,
    resource TEXT COLLATE "C" NOT NULL,
    resource_id TEXT COLLATE "C",
    student_id TEXT COLLATE "C",
    outcome TEXT COLLATE "C" NOT NULL,
    request_id TEXT COLLATE "C",
    digest BYTEA
);
CREATE INDEX audit_events_by_district ON audit_events (district_id, seq);
CREATE INDEX audit_events_by_student ON audit_events (student_id, seq);

-- A sealer puts the events into batches that each carry the digest of the one before.
CREATE TABLE audit_batches (
    number BIGINT NOT NULL PRIMARY KEY,
    events BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    sealed_at TIMESTAMP NOT NULL
);

CREATE TABLE audit_batch_events (
    seq BIGINT NOT NULL PRIMARY KEY REFERENCES audit_events (seq),
    batch BIGINT NOT NULL REFERENCES audit_batches (number)
);
CREATE INDEX audit_batch_events_by_batch ON audit_batch_events (batch, seq);

-- Deletions and what stops them.
CREATE TABLE erasures (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    student_id TEXT COLLATE "C" NOT NULL REFERENCES students (id),
    district_id TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    done_by TEXT COLLATE "C" NOT NULL,
    done_at TIMESTAMP NOT NULL
);

CREATE TABLE legal_holds (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    student_id TEXT COLLATE "C" NOT NULL REFERENCES students (id),
    district_id TEXT COLLATE "C" NOT NULL,
    sealed BYTEA NOT NULL,
    placed_by TEXT COLLATE "C" NOT NULL,
    placed_at TIMESTAMP NOT NULL,
    lifted_by TEXT COLLATE "C",
    lifted_at TIMESTAMP
);
CREATE INDEX legal_holds_by_student ON legal_holds (student_id);

-- Rows that are only ever added: the database refuses, whoever asks.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END;
$$;
CREATE TRIGGER disclosures_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON disclosures
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_batches_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_batches
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_batch_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_batch_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER erasures_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON erasures
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER access_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- The second lock. Every transaction says for whom it works (causeway.tenancy, causeway.district,
-- causeway.organization); without that it sees and writes nothing. FORCE: the owner of the tables too.
CREATE FUNCTION causeway_tenancy() RETURNS text LANGUAGE sql STABLE AS
    $$ SELECT coalesce(current_setting('causeway.tenancy', true), '') $$;
CREATE FUNCTION causeway_district() RETURNS text LANGUAGE sql STABLE AS
    $$ SELECT CASE causeway_tenancy() WHEN 'district' THEN current_setting('causeway.district', true) END $$;
CREATE FUNCTION causeway_organization() RETURNS text LANGUAGE sql STABLE AS
    $$ SELECT CASE causeway_tenancy() WHEN 'agency' THEN current_setting('causeway.organization', true) END $$;

ALTER TABLE students ENABLE ROW LEVEL SECURITY;
ALTER TABLE students FORCE ROW LEVEL SECURITY;
CREATE POLICY own_district ON students USING (district_id = causeway_district());
ALTER TABLE student_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE student_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY own_district ON student_keys USING (district_id = causeway_district());
ALTER TABLE student_identifiers ENABLE ROW LEVEL SECURITY;
ALTER TABLE student_identifiers FORCE ROW LEVEL SECURITY;
CREATE POLICY own_district ON student_identifiers USING (district_id = causeway_district());
ALTER TABLE guardians ENABLE ROW LEVEL SECURITY;
ALTER TABLE guardians FORCE ROW LEVEL SECURITY;
CREATE POLICY own_district ON guardians USING (district_id = causeway_district());
ALTER TABLE consents ENABLE ROW LEVEL SECURITY;
ALTER TABLE consents FORCE ROW LEVEL SECURITY;
CREATE POLICY own_district ON consents USING (district_id = causeway_district());
ALTER TABLE disclosures ENABLE ROW LEVEL SECURITY;
ALTER TABLE disclosures FORCE ROW LEVEL SECURITY;
CREATE POLICY own_district ON disclosures USING (district_id = causeway_district());
ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_events FORCE ROW LEVEL SECURITY;
CREATE POLICY own_district ON audit_events USING (district_id = causeway_district());
ALTER TABLE erasures ENABLE ROW LEVEL SECURITY;
ALTER TABLE erasures FORCE ROW LEVEL SECURITY;
CREATE POLICY own_district ON erasures USING (district_id = causeway_district());
ALTER TABLE legal_holds ENABLE ROW LEVEL SECURITY;
ALTER TABLE legal_holds FORCE ROW LEVEL SECURITY;
CREATE POLICY own_district ON legal_holds USING (district_id = causeway_district());

-- An agency sees what was released to it, and nothing else of a student.
CREATE POLICY own_releases ON disclosures FOR SELECT USING (recipient_organization_id = causeway_organization());
-- The reply clock works across districts: a consent that ended stops a cascade.
CREATE POLICY reply_clock ON consents FOR SELECT USING (causeway_tenancy() = 'clock');
-- The keeper of keys and of the audit wraps keys anew and seals and checks the records; it opens no identity.
CREATE POLICY keeper_reads ON student_keys FOR SELECT USING (causeway_tenancy() = 'keeper');
CREATE POLICY keeper_wraps ON student_keys FOR UPDATE USING (causeway_tenancy() = 'keeper');
CREATE POLICY keeper ON audit_events FOR SELECT USING (causeway_tenancy() = 'keeper');
CREATE POLICY keeper ON disclosures FOR SELECT USING (causeway_tenancy() = 'keeper');
-- Everybody's doings are recorded, those of a state analyst too, who sees no row of any student.
CREATE POLICY everybody_adds ON audit_events FOR INSERT
    WITH CHECK (district_id IS NULL AND causeway_tenancy() IN ('agency', 'clock', 'analyst', 'keeper'));
