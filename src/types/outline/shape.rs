//! An outline that was found right: what lies in it, where its middle is, and when two are the same.

use std::hash::{Hash, Hasher};

use geo::coordinate_position::{CoordPos, coord_pos_relative_to_ring};
use geo::{BoundingRect, Coord, InteriorPoint, MultiPolygon, Polygon};
use serde::Serialize;

use crate::types::Coordinates;

/// An area on the map, in plain longitude and latitude: its edges are straight there, as RFC 7946 has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// At least one. Their numbers are finite, and none is a negative zero.
    polygons: MultiPolygon<f64>,
    bounds: BoundingBox,
}

/// The degrees between which something lies; edges count as inside. It never spans the antimeridian.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct BoundingBox {
    /// The least longitude.
    #[schema(example = -71.19)]
    pub west: f64,
    /// The least latitude.
    #[schema(example = 42.68)]
    pub south: f64,
    /// The greatest longitude.
    #[schema(example = -71.13)]
    pub east: f64,
    /// The greatest latitude.
    #[schema(example = 42.73)]
    pub north: f64,
}

impl Shape {
    /// The shape of polygons that were found right.
    pub(super) fn new(polygons: Vec<Polygon<f64>>) -> Self {
        let polygons = MultiPolygon(polygons);
        let bounds =
            polygons.bounding_rect().expect("an outline that is right has rings, and they positions");
        let (min, max) = (bounds.min(), bounds.max());
        Self { polygons, bounds: BoundingBox { west: min.x, south: min.y, east: max.x, north: max.y } }
    }

    /// Whether a point lies in it. A point on the border, that of a hole included, does: whoever drew a line along a
    /// road did not mean to leave out those who live on it.
    pub fn contains(&self, at: Coordinates) -> bool {
        let at = Coord { x: at.longitude(), y: at.latitude() };
        self.polygons.iter().any(|polygon| match coord_pos_relative_to_ring(at, polygon.exterior()) {
            CoordPos::Outside => false,
            CoordPos::OnBoundary => true,
            CoordPos::Inside => {
                let in_hole = |hole| coord_pos_relative_to_ring(at, hole) == CoordPos::Inside;
                !polygon.interiors().iter().any(in_hole)
            }
        })
    }

    /// A point in it, about the middle of its widest part.
    pub fn interior_point(&self) -> Coordinates {
        self.polygons
            .interior_point()
            .and_then(|point| Coordinates::new(point.y(), point.x()).ok())
            .expect("the point lies between the positions of the shape, which are in range")
    }

    /// Between which degrees it lies.
    pub fn bounds(&self) -> BoundingBox {
        self.bounds
    }
}

// Its numbers are finite.
impl Eq for Shape {}

impl Hash for Shape {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for polygon in &self.polygons {
            for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
                ring.0.len().hash(state);
                for at in &ring.0 {
                    at.x.to_bits().hash(state);
                    at.y.to_bits().hash(state);
                }
            }
        }
    }
}
