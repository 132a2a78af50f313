-- What waits to be sealed. The event itself puts it here, so that the sealer need not look for it among all events
-- and misses none: a number is handed out before its transaction commits, and may appear late. It refers to the event
-- without a constraint: one that is gone while it waits is missed by its number.
CREATE TABLE audit_unsealed (
    seq BIGINT NOT NULL PRIMARY KEY
);
-- Row-level security holds for the owner too.
SELECT set_config('causeway.tenancy', 'keeper', true);
INSERT INTO audit_unsealed (seq)
    SELECT seq FROM audit_events LEFT JOIN audit_batch_events USING (seq) WHERE audit_batch_events.seq IS NULL;
CREATE FUNCTION wait_to_be_sealed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_unsealed (seq) VALUES (NEW.seq);
    RETURN NULL;
END;
$$;
CREATE TRIGGER audit_events_wait_to_be_sealed AFTER INSERT ON audit_events
    FOR EACH ROW EXECUTE FUNCTION wait_to_be_sealed();

-- The event that vouches for a disclosure.
CREATE INDEX audit_events_by_release ON audit_events (resource_id) WHERE action = 'release';
