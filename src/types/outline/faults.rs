//! What makes an outline right: structure, positions, rings, and how rings lie to each other.

use geo::{Coord, LineString, Polygon};
use serde_json::Value;

use super::crossings::{self, Met};
use super::shape::Shape;
use super::{MOST_POSITIONS, Outline, OutlineFault, OutlineKind};
use crate::types::Coordinates;

/// Faults told at once; more of them would help nobody.
const MOST_FAULTS: usize = 5;

/// South of here nobody lives whom a service could serve. What lies there has most likely its numbers swapped.
const SOUTHERNMOST: f64 = -60.0;

/// One ring, without positions that repeat the one before; where each came from is kept.
pub(super) struct Ring {
    /// Which of the polygons, and which of its rings: the outer one is 0.
    pub(super) polygon: usize,
    pub(super) ring: usize,
    /// Closed: the last is the first.
    pub(super) line: LineString<f64>,
    /// The position in the outline of each of them.
    pub(super) positions: Vec<usize>,
}

/// What is read so far.
struct Judge<'a> {
    outline: &'a Outline,
    faults: Vec<OutlineFault>,
    rings: Vec<Ring>,
    positions: usize,
    swapped: bool,
}

/// The shape, or what is wrong.
pub(super) fn judged(outline: &Outline) -> Result<Shape, Vec<OutlineFault>> {
    let mut judge = Judge { outline, faults: Vec::new(), rings: Vec::new(), positions: 0, swapped: false };
    judge.read();
    if judge.faults.is_empty() {
        judge.look_for_crossings();
    }
    if judge.faults.is_empty() { Ok(judge.shape()) } else { Err(judge.faults) }
}

impl Judge<'_> {
    fn pointer(&self, polygon: usize, ring: usize, position: Option<usize>) -> String {
        let position = position.map(|position| format!("/{position}")).unwrap_or_default();
        match self.outline.kind {
            OutlineKind::Polygon => format!("/coordinates/{ring}{position}"),
            OutlineKind::MultiPolygon => format!("/coordinates/{polygon}/{ring}{position}"),
        }
    }

    fn fault(&mut self, pointer: String, message: impl Into<String>) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(OutlineFault { pointer, message: message.into() });
        }
    }

    fn read(&mut self) {
        let outline = self.outline;
        let Some(all) = list(&outline.coordinates) else {
            let message = match outline.kind {
                OutlineKind::Polygon => "must be a list of rings, the outer one first",
                OutlineKind::MultiPolygon => "must be a list of polygons, each a list of rings",
            };
            return self.fault("/coordinates".to_owned(), message);
        };
        match outline.kind {
            OutlineKind::Polygon => self.polygon(0, all, "/coordinates"),
            OutlineKind::MultiPolygon => {
                for (number, polygon) in all.iter().enumerate() {
                    let pointer = format!("/coordinates/{number}");
                    match list(polygon) {
                        Some(rings) => self.polygon(number, rings, &pointer),
                        None => self.fault(pointer, "must be a list of rings, the outer one first"),
                    }
                }
            }
        }
    }

    fn polygon(&mut self, polygon: usize, rings: &[Value], pointer: &str) {
        if rings.iter().all(|ring| list(ring).is_some_and(|ring| ring.iter().all(Value::is_number))) {
            let message = "must be a list of rings, each a list of positions; a pair of brackets is missing";
            return self.fault(pointer.to_owned(), message);
        }
        for (number, ring) in rings.iter().enumerate() {
            if let Some(positions) = list(ring) {
                self.ring(polygon, number, positions);
            } else {
                let pointer = self.pointer(polygon, number, None);
                self.fault(pointer, "must be a list of positions; leave an empty ring out");
            }
        }
    }

    fn ring(&mut self, polygon: usize, ring: usize, given: &[Value]) {
        self.positions += given.len();
        if self.positions > MOST_POSITIONS {
            // Told once, and nothing more is read.
            if self.positions - given.len() <= MOST_POSITIONS {
                let message = format!(
                    "brings the outline to more than {MOST_POSITIONS} positions, the most that are kept; draw it \
                     with fewer"
                );
                self.fault(self.pointer(polygon, ring, None), message);
            }
            return;
        }
        let (mut line, mut positions) = (Vec::with_capacity(given.len()), Vec::with_capacity(given.len()));
        for (number, position) in given.iter().enumerate() {
            let pointer = |judge: &Self| judge.pointer(polygon, ring, Some(number));
            match coordinate(position) {
                Ok(_) if self.swapped => {}
                Ok(at) if at.y < SOUTHERNMOST => {
                    // As the numbers of a whole outline are swapped, one fault says it all.
                    self.swapped = true;
                    self.fault(pointer(self), too_far_south(at));
                }
                Ok(at) if line.last() == Some(&at) => {}
                Ok(at) => {
                    line.push(at);
                    positions.push(number);
                }
                Err(message) => self.fault(pointer(self), message),
            }
        }
        if !self.faults.is_empty() {
            return;
        }
        if line.first() != line.last() || given.len() < 2 {
            let message = "does not end where it began: repeat the first position as the last";
            return self.fault(self.pointer(polygon, ring, Some(given.len().saturating_sub(1))), message);
        }
        if line.len() < 4 {
            let distinct = line.len() - 1;
            let message = format!(
                "has {distinct} different position{}; a ring has three or more, and the first again as the last",
                if distinct == 1 { "" } else { "s" }
            );
            return self.fault(self.pointer(polygon, ring, None), message);
        }
        let long = line.windows(2).position(|edge| (edge[0].x - edge[1].x).abs() > 180.0);
        if let Some(long) = long {
            let message = "the edge that begins here spans more than 180 degrees of longitude; an area on both sides \
                           of the antimeridian is cut there into a MultiPolygon (RFC 7946, 3.1.9)";
            return self.fault(self.pointer(polygon, ring, Some(positions[long])), message);
        }
        self.rings.push(Ring { polygon, ring, line: LineString::new(line), positions });
    }

    fn look_for_crossings(&mut self) {
        for met in crossings::all(&self.rings, MOST_FAULTS) {
            let place = |ring: usize, edge: usize| {
                let ring = &self.rings[ring];
                self.pointer(ring.polygon, ring.ring, Some(ring.positions[edge]))
            };
            let (pointer, message) = match met {
                Met::Itself { ring, edge, other, at, crosses } => {
                    let verb = if crosses { "crosses" } else { "touches" };
                    let other = self.rings[ring].positions[other];
                    let at = shown(at);
                    (
                        place(ring, edge),
                        format!(
                            "the ring {verb} itself at {at}, on the edge that begins at position {other}"
                        ),
                    )
                }
                Met::BackOverItself { ring, edge, at } => {
                    (place(ring, edge), format!("the ring runs back over itself from {}", shown(at)))
                }
                Met::Other { ring, edge, other, at } => {
                    let other = &self.rings[other];
                    let other = self.pointer(other.polygon, other.ring, None);
                    (place(ring, edge), format!("the ring crosses the ring {other} at {}", shown(at)))
                }
                Met::Along { ring, edge, other, at } => {
                    let other = &self.rings[other];
                    let other = self.pointer(other.polygon, other.ring, None);
                    let message = format!(
                        "the ring runs along the ring {other} from {}; rings may touch at points only",
                        shown(at)
                    );
                    (place(ring, edge), message)
                }
                Met::HoleOutside { ring } => {
                    let ring = &self.rings[ring];
                    let pointer = self.pointer(ring.polygon, ring.ring, None);
                    (pointer, "the hole does not lie inside the outer ring of its polygon".to_owned())
                }
                Met::TooIntricate { ring } => {
                    let ring = &self.rings[ring];
                    let message = "has so many edges side by side that it cannot be judged in time; draw it \
                                   with fewer positions";
                    (self.pointer(ring.polygon, ring.ring, None), message.to_owned())
                }
                Met::Overlaps { ring, other } => {
                    let (ring, other) = (&self.rings[ring], &self.rings[other]);
                    let what = if ring.ring == 0 { "polygon" } else { "hole" };
                    let pointer = self.pointer(ring.polygon, ring.ring, None);
                    let other = self.pointer(other.polygon, other.ring, None);
                    (pointer, format!("the {what} lies in or over that of {other}"))
                }
            };
            self.fault(pointer, message);
        }
    }

    fn shape(self) -> Shape {
        let mut polygons: Vec<Polygon<f64>> = Vec::new();
        for ring in self.rings {
            match polygons.last_mut().filter(|_| ring.ring > 0) {
                Some(polygon) => polygon.interiors_push(ring.line),
                None => polygons.push(Polygon::new(ring.line, Vec::new())),
            }
        }
        Shape::new(polygons)
    }
}

/// A list with something in it.
fn list(value: &Value) -> Option<&Vec<Value>> {
    value.as_array().filter(|list| !list.is_empty())
}

/// Longitude and latitude of a position; an altitude may follow and is not looked at.
fn coordinate(position: &Value) -> Result<Coord<f64>, String> {
    let wanted = || format!("{position} is not a position: longitude, then latitude, in degrees");
    let numbers: Option<Vec<f64>> = position
        .as_array()
        .filter(|numbers| (2..=3).contains(&numbers.len()))
        .and_then(|numbers| numbers.iter().map(Value::as_f64).collect());
    let [x, y, ..] = numbers.as_deref().unwrap_or_default() else { return Err(wanted()) };
    match Coordinates::new(*y, *x) {
        // Adding zero makes the negative zero the plain one.
        Ok(at) => Ok(Coord { x: at.longitude() + 0.0, y: at.latitude() + 0.0 }),
        Err(error) if Coordinates::new(*x, *y).is_ok() => {
            Err(format!("{error}; a position is longitude, then latitude: are the two swapped?"))
        }
        Err(error) => Err(error.to_string()),
    }
}

fn too_far_south(at: Coord<f64>) -> String {
    format!(
        "lies at latitude {}, where nobody lives; a position is longitude, then latitude: are the two swapped?",
        at.y
    )
}

/// A position as GeoJSON has it: longitude first.
fn shown(at: Coord<f64>) -> String {
    format!("{:.6},{:.6}", at.x, at.y)
}
