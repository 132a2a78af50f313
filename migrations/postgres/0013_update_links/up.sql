-- Links by which an agency says without an account what one pool can take. A link's secret is not kept: it is
-- signed. What was sent by each of its forms is, so that a form that comes twice counts once.
CREATE TABLE update_links (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    capacity_pool_id TEXT COLLATE "C" NOT NULL REFERENCES capacity_pools (id),
    language TEXT COLLATE "C" NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    used_at TIMESTAMP,
    revoked_by TEXT COLLATE "C",
    revoked_at TIMESTAMP
);
CREATE INDEX update_links_by_pool ON update_links (capacity_pool_id, id);

CREATE TABLE update_link_uses (
    link_id TEXT COLLATE "C" NOT NULL REFERENCES update_links (id),
    form TEXT COLLATE "C" NOT NULL,
    answer TEXT COLLATE "C" NOT NULL,
    claim_id TEXT COLLATE "C" NOT NULL REFERENCES claims (id),
    used_at TIMESTAMP NOT NULL,
    PRIMARY KEY (link_id, form)
);
CREATE INDEX update_link_uses_by_time ON update_link_uses (link_id, used_at);
