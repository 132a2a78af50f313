-- Whom a district calls when somebody says that there is imminent risk, in order.
CREATE TABLE crisis_rotas (
    district_id TEXT NOT NULL PRIMARY KEY REFERENCES districts (id),
    version BIGINT NOT NULL,
    document TEXT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_at TIMESTAMP NOT NULL
);

-- When the next on the rota is told, unless somebody acknowledges before.
ALTER TABLE crisis_events ADD COLUMN due_at TIMESTAMP;
CREATE INDEX crisis_events_due ON crisis_events (due_at) WHERE due_at IS NOT NULL;

-- Who was told of an event, by which step of the rota; without a name, that nobody of this step could be. Rows are only
-- ever added.
CREATE TABLE crisis_escalations (
    id TEXT NOT NULL PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES crisis_events (id),
    number INTEGER NOT NULL,
    district_id TEXT NOT NULL REFERENCES districts (id),
    round INTEGER NOT NULL,
    step INTEGER NOT NULL,
    membership_id TEXT REFERENCES memberships (id),
    name TEXT,
    message_id TEXT,
    told_at TIMESTAMP NOT NULL
);
CREATE UNIQUE INDEX crisis_escalations_in_order ON crisis_escalations (event_id, number);
CREATE TRIGGER crisis_escalations_refuse_update BEFORE UPDATE ON crisis_escalations
    BEGIN SELECT RAISE(ABORT, 'crisis_escalations is append-only'); END;
CREATE TRIGGER crisis_escalations_refuse_delete BEFORE DELETE ON crisis_escalations
    BEGIN SELECT RAISE(ABORT, 'crisis_escalations is append-only'); END;
CREATE TRIGGER crisis_escalations_refuse_replace BEFORE INSERT ON crisis_escalations
    WHEN EXISTS (SELECT 1 FROM crisis_escalations WHERE id = NEW.id OR (event_id = NEW.event_id AND number = NEW.number))
    BEGIN SELECT RAISE(ABORT, 'crisis_escalations is append-only'); END;
