-- Students. Whatever could identify one lies sealed under the student's own key; destroying that key is deletion.
-- What must stay (releases, audit, erasures) holds no identity, and the database itself refuses to change it.

-- Answers that were kept until now lie open; from now on they are sealed.
DELETE FROM idempotency_keys;

-- A client's schools, as JSON: a coordinator's client of some schools must not have the district's reach.
ALTER TABLE clients ADD COLUMN schools TEXT NOT NULL DEFAULT '[]';

-- Keys of this deployment, wrapped by the master key: for the blind index and the chain of the audit.
CREATE TABLE deployment_keys (
    name TEXT NOT NULL PRIMARY KEY,
    master_key_id TEXT NOT NULL,
    wrapped BLOB NOT NULL
);

CREATE TABLE students (
    id TEXT NOT NULL PRIMARY KEY,
    district_id TEXT NOT NULL REFERENCES districts (id),
    school_id TEXT REFERENCES schools (id),
    version BIGINT NOT NULL,
    sealed BLOB NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    left_at TIMESTAMP,
    erased_at TIMESTAMP
);
CREATE INDEX students_by_district ON students (district_id, id);
CREATE INDEX students_by_school ON students (school_id, id);

CREATE TABLE student_keys (
    student_id TEXT NOT NULL PRIMARY KEY REFERENCES students (id),
    district_id TEXT NOT NULL,
    master_key_id TEXT NOT NULL,
    wrapped BLOB NOT NULL
);

-- Typed identifiers, found by a keyed digest only.
CREATE TABLE student_identifiers (
    district_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    blind BLOB NOT NULL,
    student_id TEXT NOT NULL REFERENCES students (id),
    PRIMARY KEY (district_id, kind, blind)
);
CREATE INDEX student_identifiers_by_student ON student_identifiers (student_id);

CREATE TABLE guardians (
    id TEXT NOT NULL PRIMARY KEY,
    student_id TEXT NOT NULL REFERENCES students (id),
    district_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    sealed BLOB NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    ended_at TIMESTAMP
);
CREATE INDEX guardians_by_student ON guardians (student_id, id);

CREATE TABLE consents (
    id TEXT NOT NULL PRIMARY KEY,
    student_id TEXT NOT NULL REFERENCES students (id),
    district_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    sealed BLOB NOT NULL,
    expires_on DATE NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    revoked_at TIMESTAMP
);
CREATE INDEX consents_by_student ON consents (student_id, id);

-- Releases. `document` names the one who released, the recipient and the fields, never their values;
-- `sealed` holds what was written about the student, such as the threat in an emergency.
CREATE TABLE disclosures (
    id TEXT NOT NULL PRIMARY KEY,
    student_id TEXT NOT NULL REFERENCES students (id),
    district_id TEXT NOT NULL,
    recipient_organization_id TEXT REFERENCES organizations (id),
    released_at TIMESTAMP NOT NULL,
    document TEXT NOT NULL,
    sealed BLOB
);
CREATE INDEX disclosures_by_student ON disclosures (student_id, id);
CREATE INDEX disclosures_by_district ON disclosures (district_id, id);
CREATE INDEX disclosures_by_recipient ON disclosures (recipient_organization_id, id);

CREATE TABLE audit_events (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at TIMESTAMP NOT NULL,
    district_id TEXT,
    principal_id TEXT NOT NULL,
    principal_name TEXT NOT NULL,
    role TEXT NOT NULL,
    action TEXT NOT NULL,
    purpose TEXT NOT NULL,
    resource TEXT NOT NULL,
    resource_id TEXT,
    student_id TEXT,
    outcome TEXT NOT NULL,
    request_id TEXT,
    digest BLOB
);
CREATE INDEX audit_events_by_district ON audit_events (district_id, seq);
CREATE INDEX audit_events_by_student ON audit_events (student_id, seq);

-- A sealer puts the events into batches that each carry the digest of the one before.
CREATE TABLE audit_batches (
    number BIGINT NOT NULL PRIMARY KEY,
    events BIGINT NOT NULL,
    digest BLOB NOT NULL,
    sealed_at TIMESTAMP NOT NULL
);

CREATE TABLE audit_batch_events (
    seq BIGINT NOT NULL PRIMARY KEY REFERENCES audit_events (seq),
    batch BIGINT NOT NULL REFERENCES audit_batches (number)
);
CREATE INDEX audit_batch_events_by_batch ON audit_batch_events (batch, seq);

-- Deletions and what stops them.
CREATE TABLE erasures (
    id TEXT NOT NULL PRIMARY KEY,
    student_id TEXT NOT NULL REFERENCES students (id),
    district_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    done_by TEXT NOT NULL,
    done_at TIMESTAMP NOT NULL
);

CREATE TABLE legal_holds (
    id TEXT NOT NULL PRIMARY KEY,
    student_id TEXT NOT NULL REFERENCES students (id),
    district_id TEXT NOT NULL,
    sealed BLOB NOT NULL,
    placed_by TEXT NOT NULL,
    placed_at TIMESTAMP NOT NULL,
    lifted_by TEXT,
    lifted_at TIMESTAMP
);
CREATE INDEX legal_holds_by_student ON legal_holds (student_id);

-- Rows that are only ever added.
CREATE TRIGGER disclosures_refuse_update BEFORE UPDATE ON disclosures BEGIN SELECT RAISE(ABORT, 'disclosures is append-only'); END;
CREATE TRIGGER disclosures_refuse_delete BEFORE DELETE ON disclosures BEGIN SELECT RAISE(ABORT, 'disclosures is append-only'); END;
CREATE TRIGGER audit_events_refuse_update BEFORE UPDATE ON audit_events BEGIN SELECT RAISE(ABORT, 'audit_events is append-only'); END;
CREATE TRIGGER audit_events_refuse_delete BEFORE DELETE ON audit_events BEGIN SELECT RAISE(ABORT, 'audit_events is append-only'); END;
CREATE TRIGGER audit_batches_refuse_update BEFORE UPDATE ON audit_batches BEGIN SELECT RAISE(ABORT, 'audit_batches is append-only'); END;
CREATE TRIGGER audit_batches_refuse_delete BEFORE DELETE ON audit_batches BEGIN SELECT RAISE(ABORT, 'audit_batches is append-only'); END;
CREATE TRIGGER audit_batch_events_refuse_update BEFORE UPDATE ON audit_batch_events BEGIN SELECT RAISE(ABORT, 'audit_batch_events is append-only'); END;
CREATE TRIGGER audit_batch_events_refuse_delete BEFORE DELETE ON audit_batch_events BEGIN SELECT RAISE(ABORT, 'audit_batch_events is append-only'); END;
CREATE TRIGGER erasures_refuse_update BEFORE UPDATE ON erasures BEGIN SELECT RAISE(ABORT, 'erasures is append-only'); END;
CREATE TRIGGER erasures_refuse_delete BEFORE DELETE ON erasures BEGIN SELECT RAISE(ABORT, 'erasures is append-only'); END;
CREATE TRIGGER access_events_refuse_update BEFORE UPDATE ON access_events BEGIN SELECT RAISE(ABORT, 'access_events is append-only'); END;
CREATE TRIGGER access_events_refuse_delete BEFORE DELETE ON access_events BEGIN SELECT RAISE(ABORT, 'access_events is append-only'); END;
