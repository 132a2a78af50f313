//! Puts an outline in good order where that loses nothing.

use serde_json::Value;

use super::{Outline, OutlineKind};

const CLOSED: &str = "rings closed";
const TURNED: &str = "rings turned as RFC 7946 wants them";
const REPEATED: &str = "repeated positions dropped";
const EMPTY: &str = "empty holes dropped";

pub(super) fn repaired(outline: &Outline) -> (Outline, Vec<&'static str>) {
    let mut outline = outline.clone();
    let mut done = Vec::new();
    if let Value::Array(all) = &mut outline.coordinates {
        match outline.kind {
            OutlineKind::Polygon => repair_polygon(all, &mut done),
            OutlineKind::MultiPolygon => {
                for polygon in all.iter_mut().filter_map(Value::as_array_mut) {
                    repair_polygon(polygon, &mut done);
                }
            }
        }
    }
    done.sort_unstable();
    done.dedup();
    (outline, done)
}

fn repair_polygon(rings: &mut Vec<Value>, done: &mut Vec<&'static str>) {
    let mut note = |what, needed: bool| done.extend(needed.then_some(what));
    let before = rings.len();
    let mut is_outer = true;
    rings.retain(|ring| {
        std::mem::replace(&mut is_outer, false) || ring.as_array().is_none_or(|ring| !ring.is_empty())
    });
    note(EMPTY, rings.len() < before);
    for (number, ring) in rings.iter_mut().enumerate() {
        let Some(positions) = ring.as_array_mut() else { continue };
        let before = positions.len();
        positions.dedup();
        note(REPEATED, positions.len() < before);
        if let (Some(first), Some(last)) = (positions.first(), positions.last())
            && first != last
        {
            let first = first.clone();
            positions.push(first);
            note(CLOSED, true);
        }
        let is_outer = number == 0;
        let turned =
            signed_area(positions).is_some_and(|area| if is_outer { area < 0.0 } else { area > 0.0 });
        if turned {
            positions.reverse();
            note(TURNED, true);
        }
    }
}

/// Twice the area of a closed ring: positive where it runs counterclockwise. None if a position is none.
fn signed_area(positions: &[Value]) -> Option<f64> {
    let points: Option<Vec<(f64, f64)>> = positions
        .iter()
        .map(|position| Some((position.get(0)?.as_f64()?, position.get(1)?.as_f64()?)))
        .collect();
    let points = points?;
    // Measured from one of its own positions, so that large coordinates do not swallow small areas.
    let (x, y) = *points.first()?;
    let area = |pair: &[(f64, f64)]| (pair[0].0 - x) * (pair[1].1 - y) - (pair[1].0 - x) * (pair[0].1 - y);
    Some(points.windows(2).map(area).sum())
}
