-- Openings that are promised, each to one holder, of the claim that was the pool's newest then. A newer claim starts
-- anew: what it calls open is promised to nobody yet.
CREATE TABLE slot_holds (
    id TEXT NOT NULL PRIMARY KEY,
    capacity_pool_id TEXT NOT NULL REFERENCES capacity_pools (id),
    claim_id TEXT NOT NULL REFERENCES claims (id),
    placed_at TIMESTAMP NOT NULL,
    released_at TIMESTAMP
);
CREATE INDEX slot_holds_by_claim ON slot_holds (claim_id) WHERE released_at IS NULL;
