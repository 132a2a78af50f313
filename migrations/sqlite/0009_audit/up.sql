-- What waits to be sealed. The event itself puts it here, so that the sealer need not look for it among all events
-- and misses none: a number is handed out before its transaction commits, and may appear late. It refers to the event
-- without a constraint: one that is gone while it waits is missed by its number.
CREATE TABLE audit_unsealed (
    seq BIGINT NOT NULL PRIMARY KEY
);
INSERT INTO audit_unsealed (seq)
    SELECT audit_events.seq FROM audit_events LEFT JOIN audit_batch_events USING (seq) WHERE audit_batch_events.seq IS NULL;
CREATE TRIGGER audit_events_wait_to_be_sealed AFTER INSERT ON audit_events
    BEGIN INSERT INTO audit_unsealed (seq) VALUES (NEW.seq); END;

-- The event that vouches for a disclosure.
CREATE INDEX audit_events_by_release ON audit_events (resource_id) WHERE action = 'release';

-- A row that replaces another: refused also on a connection that lets REPLACE pass by the triggers of DELETE.
CREATE TRIGGER disclosures_refuse_replace BEFORE INSERT ON disclosures WHEN EXISTS (SELECT 1 FROM disclosures WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'disclosures is append-only'); END;
CREATE TRIGGER audit_events_refuse_replace BEFORE INSERT ON audit_events WHEN EXISTS (SELECT 1 FROM audit_events WHERE seq = NEW.seq)
    BEGIN SELECT RAISE(ABORT, 'audit_events is append-only'); END;
CREATE TRIGGER audit_batches_refuse_replace BEFORE INSERT ON audit_batches WHEN EXISTS (SELECT 1 FROM audit_batches WHERE number = NEW.number)
    BEGIN SELECT RAISE(ABORT, 'audit_batches is append-only'); END;
CREATE TRIGGER audit_batch_events_refuse_replace BEFORE INSERT ON audit_batch_events WHEN EXISTS (SELECT 1 FROM audit_batch_events WHERE seq = NEW.seq)
    BEGIN SELECT RAISE(ABORT, 'audit_batch_events is append-only'); END;
CREATE TRIGGER erasures_refuse_replace BEFORE INSERT ON erasures WHEN EXISTS (SELECT 1 FROM erasures WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'erasures is append-only'); END;
CREATE TRIGGER access_events_refuse_replace BEFORE INSERT ON access_events WHEN EXISTS (SELECT 1 FROM access_events WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'access_events is append-only'); END;
