-- Until when the current claim of a pool holds: the pools that have been silent longest are found without looking at
-- every claim.
ALTER TABLE capacity_pools ADD COLUMN current_valid_until TIMESTAMP;
UPDATE capacity_pools SET current_valid_until =
    (SELECT valid_until FROM claims WHERE claims.id = capacity_pools.current_claim_id);
CREATE INDEX capacity_pools_by_silence ON capacity_pools (current_valid_until, id) WHERE retired_at IS NULL;
