-- Towns and their outlines. A town is known by its state and its name as names are compared.
-- docs/decisions/0013-areas-and-polygons.md says why its ZIP codes are not kept with it.
CREATE TABLE towns (
    state TEXT COLLATE "C" NOT NULL,
    comparable_name TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    county TEXT COLLATE "C",
    -- A point inside it.
    latitude DOUBLE PRECISION NOT NULL,
    longitude DOUBLE PRECISION NOT NULL,
    west DOUBLE PRECISION NOT NULL,
    south DOUBLE PRECISION NOT NULL,
    east DOUBLE PRECISION NOT NULL,
    north DOUBLE PRECISION NOT NULL,
    -- A GeoJSON geometry.
    geometry TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (state, comparable_name)
);
CREATE INDEX towns_by_comparable_name ON towns (comparable_name);
CREATE INDEX towns_by_bounds ON towns (south, north, west, east);
CREATE INDEX postal_codes_by_latitude ON postal_codes (latitude);
