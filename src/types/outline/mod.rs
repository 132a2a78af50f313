//! Outlines on the map: polygons of GeoJSON (RFC 7946), as somebody drew them and, once found right, as
//! [`Shape`]s that can be asked whether a point lies in them.

mod crossings;
mod faults;
mod repair;
mod shape;

#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use shape::{BoundingBox, Shape};

/// The most positions of one outline: more than the finest published town has, and few enough to be judged
/// in a moment.
pub const MOST_POSITIONS: usize = 20_000;

/// An outline on the map: a GeoJSON geometry (RFC 7946) of type Polygon or MultiPolygon in WGS 84. Each position is
/// longitude, then latitude. It is kept as it was drawn, number for number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "type": "Polygon",
    "coordinates": [[[-71.19, 42.68], [-71.13, 42.68], [-71.13, 42.73], [-71.19, 42.73], [-71.19, 42.68]]]
}))]
pub struct Outline {
    /// Whether it is one polygon or several.
    #[serde(rename = "type")]
    pub kind: OutlineKind,
    /// Of a Polygon: its rings, the outer one first, then its holes; each ring is a list of positions that ends
    /// where it began. Of a MultiPolygon: a list of such lists.
    #[schema(value_type = Vec<Value>)]
    pub coordinates: Value,
}

/// How many polygons an outline has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub enum OutlineKind {
    /// One.
    Polygon,
    /// Any number.
    MultiPolygon,
}

impl OutlineKind {
    /// As GeoJSON has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Polygon => "Polygon",
            Self::MultiPolygon => "MultiPolygon",
        }
    }
}

/// What is wrong with an outline, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlineFault {
    /// A JSON pointer within the outline, such as `/coordinates/0/3`: ring 0, position 3.
    pub pointer: String,
    /// What is wrong there, and what would be right.
    pub message: String,
}

impl fmt::Display for OutlineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.pointer, self.message)
    }
}

impl Outline {
    /// The shape that is drawn.
    ///
    /// # Errors
    /// What is wrong with the outline; the first faults of many.
    pub fn shape(&self) -> Result<Shape, Vec<OutlineFault>> {
        faults::judged(self)
    }

    /// What is wrong with the outline; the first faults of many.
    pub fn faults(&self) -> Vec<OutlineFault> {
        self.shape().err().unwrap_or_default()
    }

    /// The same area in good order, and what had to be done for it. Only what loses nothing: rings are closed and
    /// turned as RFC 7946 wants them, positions that repeat the one before and holes without positions are
    /// dropped.
    pub fn repaired(&self) -> (Self, Vec<&'static str>) {
        repair::repaired(self)
    }
}
