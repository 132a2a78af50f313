-- Whom a district calls when somebody says that there is imminent risk, in order.
CREATE TABLE crisis_rotas (
    district_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES districts (id),
    version BIGINT NOT NULL,
    document TEXT COLLATE "C" NOT NULL,
    changed_by TEXT COLLATE "C" NOT NULL,
    changed_at TIMESTAMP NOT NULL
);

-- When the next on the rota is told, unless somebody acknowledges before.
ALTER TABLE crisis_events ADD COLUMN due_at TIMESTAMP;
CREATE INDEX crisis_events_due ON crisis_events (due_at) WHERE due_at IS NOT NULL;

-- Who was told of an event, by which step of the rota; without a name, that nobody of this step could be. Rows are only
-- ever added.
CREATE TABLE crisis_escalations (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    event_id TEXT COLLATE "C" NOT NULL REFERENCES crisis_events (id),
    number INTEGER NOT NULL,
    district_id TEXT COLLATE "C" NOT NULL REFERENCES districts (id),
    round INTEGER NOT NULL,
    step INTEGER NOT NULL,
    membership_id TEXT COLLATE "C" REFERENCES memberships (id),
    name TEXT COLLATE "C",
    message_id TEXT COLLATE "C",
    told_at TIMESTAMP NOT NULL
);
CREATE UNIQUE INDEX crisis_escalations_in_order ON crisis_escalations (event_id, number);
CREATE TRIGGER crisis_escalations_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON crisis_escalations
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE crisis_rotas ENABLE ROW LEVEL SECURITY;
ALTER TABLE crisis_rotas FORCE ROW LEVEL SECURITY;
CREATE POLICY own_district ON crisis_rotas USING (district_id = causeway_district());
ALTER TABLE crisis_escalations ENABLE ROW LEVEL SECURITY;
ALTER TABLE crisis_escalations FORCE ROW LEVEL SECURITY;
CREATE POLICY own_district ON crisis_escalations USING (district_id = causeway_district());
