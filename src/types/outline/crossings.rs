//! Where the rings of an outline meet, and how they lie to each other. The crate `geo` says whether a polygon is
//! valid, in time that grows with the square of its positions; whoever must mend one needs to know where.

use std::collections::{BTreeMap, HashSet};

use geo::coordinate_position::{CoordPos, coord_pos_relative_to_ring};
use geo::line_intersection::{LineIntersection, line_intersection};
use geo::{Coord, Line};

use super::faults::Ring;

/// A way in which rings must not meet. Rings and edges are numbered as they were read.
pub(super) enum Met {
    /// A ring meets itself at a point.
    Itself { ring: usize, edge: usize, other: usize, at: Coord<f64>, crosses: bool },
    /// Two edges of a ring lie on each other.
    BackOverItself { ring: usize, edge: usize, at: Coord<f64> },
    /// Two rings cross.
    Other { ring: usize, edge: usize, other: usize, at: Coord<f64> },
    /// Edges of two rings lie on each other.
    Along { ring: usize, edge: usize, other: usize, at: Coord<f64> },
    /// A hole is not inside the outer ring.
    HoleOutside { ring: usize },
    /// A hole lies in another hole, or a polygon in another polygon.
    Overlaps { ring: usize, other: usize },
    /// So many edges lie side by side that looking at all of them would take too long.
    TooIntricate { ring: usize },
}

/// An edge with its box.
struct Edge {
    ring: usize,
    edge: usize,
    line: Line<f64>,
    west: f64,
    east: f64,
    south: f64,
    north: f64,
}

/// Where edges are touched by another ring: at a point that is no crossing. By ring and edge, for each other ring.
type Touches = BTreeMap<(usize, usize), Vec<(usize, Coord<f64>)>>;

/// Pairs of edges whose boxes meet that are looked at, and pairs whose boxes are compared. Outlines of towns and
/// states have a few pairs for each position; only one that is made to cost time has more than these.
const MOST_LOOKS: usize = 1_000_000;
const MOST_COMPARED: usize = 30_000_000;

/// Up to about `most` ways in which the rings must not meet.
pub(super) fn all(rings: &[Ring], most: usize) -> Vec<Met> {
    let (mut met, touches) = edges_that_meet(rings, most);
    if met.is_empty() {
        nested(rings, &touches, most, &mut met);
    }
    met
}

/// Looks at every pair of edges whose boxes meet, west to east.
fn edges_that_meet(rings: &[Ring], most: usize) -> (Vec<Met>, Touches) {
    let mut edges: Vec<Edge> = rings
        .iter()
        .enumerate()
        .flat_map(|(ring, read)| {
            read.line.lines().enumerate().map(move |(edge, line)| Edge::new(ring, edge, line))
        })
        .collect();
    edges.sort_by(|a, b| a.west.total_cmp(&b.west));
    let (mut met, mut touches) = (Vec::new(), Touches::new());
    // Where four edges meet at one point, that is told once.
    let mut told = HashSet::new();
    let (mut looks, mut compared) = (0, 0);
    for (position, a) in edges.iter().enumerate() {
        for b in edges[position + 1..].iter().take_while(|b| b.west <= a.east) {
            compared += 1;
            if looks > MOST_LOOKS || compared > MOST_COMPARED {
                met.push((a.ring, a.edge, Met::TooIntricate { ring: a.ring }));
                return (in_order(met), touches);
            }
            if b.south > a.north || a.south > b.north {
                continue;
            }
            looks += 1;
            // The earlier edge first, so that what is told does not hang on the order of the sweep.
            let (first, second) = if (a.ring, a.edge) < (b.ring, b.edge) { (a, b) } else { (b, a) };
            let Some(meeting) = line_intersection(first.line, second.line) else { continue };
            let found = if first.ring == second.ring {
                with_itself(first, second, &meeting, rings[first.ring].line.0.len() - 1)
            } else {
                with_another(first, second, &meeting, &mut touches)
            };
            let Some((at, found)) = found else { continue };
            if told.insert((first.ring, second.ring, at.x.to_bits(), at.y.to_bits())) {
                met.push((first.ring, first.edge, found));
            }
            if met.len() >= most {
                return (in_order(met), touches);
            }
        }
    }
    (in_order(met), touches)
}

fn in_order(mut met: Vec<(usize, usize, Met)>) -> Vec<Met> {
    met.sort_by_key(|(ring, edge, _)| (*ring, *edge));
    met.into_iter().map(|(_, _, met)| met).collect()
}

impl Edge {
    fn new(ring: usize, edge: usize, line: Line<f64>) -> Self {
        let (a, b) = (line.start, line.end);
        Self {
            ring,
            edge,
            line,
            west: a.x.min(b.x),
            east: a.x.max(b.x),
            south: a.y.min(b.y),
            north: a.y.max(b.y),
        }
    }
}

/// Two edges of one ring may meet where one ends and the next begins, and nowhere else.
fn with_itself(
    a: &Edge,
    b: &Edge,
    meeting: &LineIntersection<f64>,
    count: usize,
) -> Option<(Coord<f64>, Met)> {
    let (ring, edge) = (a.ring, a.edge);
    match *meeting {
        LineIntersection::Collinear { intersection: Line { start: at, .. } } => {
            Some((at, Met::BackOverItself { ring, edge, at }))
        }
        LineIntersection::SinglePoint { intersection: at, is_proper: crosses } => {
            let are_neighbours = b.edge - a.edge == 1 || (a.edge == 0 && b.edge == count - 1);
            (!are_neighbours).then_some((at, Met::Itself { ring, edge, other: b.edge, at, crosses }))
        }
    }
}

/// Edges of two rings may touch at a point.
fn with_another(
    a: &Edge,
    b: &Edge,
    meeting: &LineIntersection<f64>,
    touches: &mut Touches,
) -> Option<(Coord<f64>, Met)> {
    let (ring, edge, other) = (a.ring, a.edge, b.ring);
    match *meeting {
        LineIntersection::Collinear { intersection: Line { start: at, .. } } => {
            Some((at, Met::Along { ring, edge, other, at }))
        }
        LineIntersection::SinglePoint { intersection: at, is_proper: true } => {
            Some((at, Met::Other { ring, edge, other, at }))
        }
        LineIntersection::SinglePoint { intersection, is_proper: false } => {
            touches.entry((a.ring, b.ring)).or_default().push((a.edge, intersection));
            touches.entry((b.ring, a.ring)).or_default().push((b.edge, intersection));
            None
        }
    }
}

/// How rings that do not cross lie to each other.
fn nested(rings: &[Ring], touches: &Touches, most: usize, met: &mut Vec<Met>) {
    let outer: Vec<usize> = (0..rings.len()).filter(|ring| rings[*ring].ring == 0).collect();
    let holes_of = |outer: usize| {
        let polygon = rings[outer].polygon;
        (outer + 1..rings.len()).take_while(move |ring| rings[*ring].polygon == polygon)
    };
    let samples = |ring: usize, other: usize| Samples::new(&rings[ring], touches.get(&(ring, other)));
    for &shell in &outer {
        for hole in holes_of(shell) {
            if samples(hole, shell).any(|at| place(at, &rings[shell]) == CoordPos::Outside) {
                met.push(Met::HoleOutside { ring: hole });
            }
            let reaches_into = |a: usize, b: usize| {
                boxes_meet(&rings[a], &rings[b])
                    && samples(a, b).any(|at| place(at, &rings[b]) == CoordPos::Inside)
            };
            let others = holes_of(shell).filter(|other| *other > hole);
            let overlapping = others.filter(|other| reaches_into(hole, *other) || reaches_into(*other, hole));
            met.extend(overlapping.take(most).map(|other| Met::Overlaps { ring: other, other: hole }));
            if met.len() >= most {
                return;
            }
        }
    }
    // Inside the outer ring of a polygon and in none of its holes.
    let covers = |shell: usize, at: Coord<f64>| {
        place(at, &rings[shell]) == CoordPos::Inside
            && holes_of(shell).all(|hole| place(at, &rings[hole]) == CoordPos::Outside)
    };
    for (position, &shell) in outer.iter().enumerate() {
        for &other in &outer[position + 1..] {
            let overlap = boxes_meet(&rings[shell], &rings[other])
                && (samples(other, shell).any(|at| covers(shell, at))
                    || samples(shell, other).any(|at| covers(other, at)));
            if overlap {
                met.push(Met::Overlaps { ring: other, other: shell });
                if met.len() >= most {
                    return;
                }
            }
        }
    }
}

fn place(at: Coord<f64>, ring: &Ring) -> CoordPos {
    coord_pos_relative_to_ring(at, &ring.line)
}

fn boxes_meet(a: &Ring, b: &Ring) -> bool {
    use geo::{BoundingRect, Intersects};
    match (a.line.bounding_rect(), b.line.bounding_rect()) {
        (Some(a), Some(b)) => a.intersects(&b),
        _ => false,
    }
}

/// Points of a ring, one on each stretch of it that lies wholly on one side of another ring: the middle of an edge,
/// or of each part between the points at which the other ring touches it.
struct Samples(std::vec::IntoIter<Coord<f64>>);

impl Samples {
    fn new(ring: &Ring, touched: Option<&Vec<(usize, Coord<f64>)>>) -> Self {
        let middle =
            |a: Coord<f64>, b: Coord<f64>| Coord { x: f64::midpoint(a.x, b.x), y: f64::midpoint(a.y, b.y) };
        let Some(touched) = touched else {
            // A ring that another does not meet lies wholly on one side of it.
            let first: Vec<Coord<f64>> = ring.line.0.iter().take(1).copied().collect();
            return Self(first.into_iter());
        };
        let mut samples = Vec::new();
        for (edge, line) in ring.line.lines().enumerate() {
            let mut stops: Vec<Coord<f64>> =
                touched.iter().filter(|(at, _)| *at == edge).map(|(_, point)| *point).collect();
            stops.extend([line.start, line.end]);
            let along = |point: &Coord<f64>| (point.x - line.start.x).abs() + (point.y - line.start.y).abs();
            stops.sort_by(|a, b| along(a).total_cmp(&along(b)));
            stops.dedup();
            samples.extend(stops.windows(2).map(|stretch| middle(stretch[0], stretch[1])));
        }
        Self(samples.into_iter())
    }
}

impl Iterator for Samples {
    type Item = Coord<f64>;

    fn next(&mut self) -> Option<Coord<f64>> {
        self.0.next()
    }
}
