-- Towns and their outlines. A town is known by its state and its name as names are compared.
-- docs/decisions/0013-areas-and-polygons.md says why its ZIP codes are not kept with it.
CREATE TABLE towns (
    state TEXT NOT NULL,
    comparable_name TEXT NOT NULL,
    name TEXT NOT NULL,
    county TEXT,
    -- A point inside it.
    latitude DOUBLE NOT NULL,
    longitude DOUBLE NOT NULL,
    west DOUBLE NOT NULL,
    south DOUBLE NOT NULL,
    east DOUBLE NOT NULL,
    north DOUBLE NOT NULL,
    -- A GeoJSON geometry.
    geometry TEXT NOT NULL,
    PRIMARY KEY (state, comparable_name)
);
CREATE INDEX towns_by_comparable_name ON towns (comparable_name);
CREATE INDEX towns_by_bounds ON towns (south, north, west, east);
CREATE INDEX postal_codes_by_latitude ON postal_codes (latitude);
