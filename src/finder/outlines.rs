//! Areas drawn for property tests, points on and about them, and the plainest way to tell which lie inside.

use proptest::prelude::*;
use serde_json::json;

use crate::types::{Coordinates, Outline, OutlineKind};

/// On the grid of [`homes`], so that points meet edges and corners: a square, the same ring begun elsewhere, one with
/// two holes that touch at a corner, a notched one, two that touch at a corner, and one around an island in its
/// hole.
pub(super) fn outlines() -> Vec<Outline> {
    let polygon = |coordinates: serde_json::Value| json!({"type": "Polygon", "coordinates": coordinates});
    let several =
        |coordinates: serde_json::Value| json!({"type": "MultiPolygon", "coordinates": coordinates});
    let square = |x: i32, y: i32, side: i32| {
        json!([[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]])
    };
    [
        polygon(json!([square(0, 0, 4)])),
        polygon(json!([[[4, 4], [0, 4], [0, 0], [4, 0], [4, 4]]])),
        polygon(json!([square(0, 0, 6), square(1, 1, 2), square(3, 3, 2)])),
        polygon(json!([[[0, 0], [6, 0], [3, 3], [6, 6], [0, 6], [1, 3], [0, 0]]])),
        several(json!([[square(0, 0, 3)], [square(3, 3, 3)]])),
        several(json!([[square(0, 0, 6), square(1, 1, 4)], [square(2, 2, 2)]])),
    ]
    .into_iter()
    .map(|json| serde_json::from_value(json).unwrap())
    .collect()
}

/// Points in halves of a degree, on and about the outlines.
pub(super) fn homes() -> impl Strategy<Value = Coordinates> {
    (-1..14_i32, -1..14_i32)
        .prop_map(|(x, y)| Coordinates::new(f64::from(y) / 2.0, f64::from(x) / 2.0).unwrap())
}

/// Whether a point lies in an outline or on its border: straight from its numbers, by casting a ray to the east.
pub(super) fn in_outline(outline: &Outline, at: Coordinates) -> bool {
    let polygons: Vec<Vec<Vec<[f64; 2]>>> = match outline.kind {
        OutlineKind::Polygon => vec![serde_json::from_value(outline.coordinates.clone()).unwrap()],
        OutlineKind::MultiPolygon => serde_json::from_value(outline.coordinates.clone()).unwrap(),
    };
    let (x, y) = (at.longitude(), at.latitude());
    let on_border = |ring: &Vec<[f64; 2]>| {
        ring.windows(2).any(|edge| {
            let [[x1, y1], [x2, y2]] = [edge[0], edge[1]];
            let on_line = (x2 - x1) * (y - y1) == (y2 - y1) * (x - x1);
            on_line && x >= x1.min(x2) && x <= x1.max(x2) && y >= y1.min(y2) && y <= y1.max(y2)
        })
    };
    let crossings = |ring: &Vec<[f64; 2]>| {
        let crossed = |edge: &&[[f64; 2]]| {
            let [[x1, y1], [x2, y2]] = [edge[0], edge[1]];
            (y1 > y) != (y2 > y) && x < x1 + (y - y1) / (y2 - y1) * (x2 - x1)
        };
        ring.windows(2).filter(crossed).count()
    };
    // Rings of one polygon all count together: each hole turns inside to outside.
    polygons
        .iter()
        .any(|rings| rings.iter().any(on_border) || rings.iter().map(crossings).sum::<usize>() % 2 == 1)
}
