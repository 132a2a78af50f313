//! Outlines that are right and wrong, and shapes that hold points.

use geo::{Coord, LineString, MultiPolygon, Polygon, Validation};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::types::Coordinates;

fn outline(kind: &str, coordinates: &Value) -> Outline {
    serde_json::from_value(json!({"type": kind, "coordinates": coordinates})).unwrap()
}

fn polygon(coordinates: &Value) -> Outline {
    outline("Polygon", coordinates)
}

/// The first fault, as it is told.
fn fault(outline: &Outline) -> String {
    outline.faults().first().expect("it is wrong").to_string()
}

fn holds(outline: &Outline, longitude: f64, latitude: f64) -> bool {
    outline.shape().unwrap().contains(Coordinates::new(latitude, longitude).unwrap())
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let square = json!([[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]);
    for (coordinates, told) in [
        (json!("x"), "/coordinates: must be a list of rings"),
        (json!([]), "/coordinates: must be a list of rings"),
        (json!([[0, 0], [4, 0]]), "/coordinates: must be a list of rings, each a list of positions; a pair"),
        (json!([[]]), "/coordinates/0: must be a list of positions"),
        (json!([[[0, 0], "x"]]), "/coordinates/0/1: \"x\" is not a position"),
        (json!([[[0, 0], [1]]]), "/coordinates/0/1: [1] is not a position"),
        (json!([[[0, 0], [1, null]]]), "/coordinates/0/1: [1,null] is not a position"),
        (json!([[[0, 0, 0, 0]]]), "/coordinates/0/0: [0,0,0,0] is not a position"),
        (json!([[[0, 0], [200, 100]]]), "/coordinates/0/1: latitude 100 is not a number from -90 to 90"),
        (
            json!([[[42.7, -122.1], [42.7, -122]]]),
            "/coordinates/0/0: latitude -122.1 is not a number from -90 to 90; a position is longitude, then \
             latitude: are the two swapped?",
        ),
        (
            json!([[[42.7, -71.1], [42.7, -71], [42.8, -71], [42.7, -71.1]]]),
            "/coordinates/0/0: lies at latitude -71.1, where nobody lives; a position is longitude, then latitude: \
             are the two swapped?",
        ),
        (
            json!([[[0, 0], [4, 0], [4, 4], [0, 4]]]),
            "/coordinates/0/3: does not end where it began: repeat the first position as the last",
        ),
        (json!([[[0, 0]]]), "/coordinates/0/0: does not end where it began"),
        (
            json!([[[0, 0], [4, 0], [4, 0], [0, 0]]]),
            "/coordinates/0: has 2 different positions; a ring has three or more, and the first again as the last",
        ),
        (
            json!([[[170, 0], [-170, 0], [-170, 5], [170, 0]]]),
            "/coordinates/0/0: the edge that begins here spans more than 180 degrees of longitude; an area on both \
             sides of the antimeridian is cut there into a MultiPolygon (RFC 7946, 3.1.9)",
        ),
        (
            json!([[[0, 0], [4, 4], [4, 0], [0, 4], [0, 0]]]),
            "/coordinates/0/0: the ring crosses itself at 2.000000,2.000000, on the edge that begins at position 2",
        ),
        (
            json!([[[0, 0], [0, 0], [4, 4], [4, 0], [0, 4], [0, 0]]]),
            "/coordinates/0/0: the ring crosses itself at 2.000000,2.000000, on the edge that begins at position 3",
        ),
        (
            json!([[[0, 0], [4, 0], [2, 2], [4, 4], [0, 4], [2, 2], [0, 0]]]),
            "/coordinates/0/1: the ring touches itself at 2.000000,2.000000, on the edge that begins at position 4",
        ),
        (
            json!([[[0, 0], [4, 0], [4, 4], [4, 8], [4, 4], [0, 4], [0, 0]]]),
            "/coordinates/0/1: the ring touches itself at 4.000000,4.000000, on the edge that begins at position 4",
        ),
        (
            json!([square, [[3, 3], [5, 3], [5, 5], [3, 3]]]),
            "/coordinates/0/1: the ring crosses the ring /coordinates/1",
        ),
        (json!([square, [[4, 1], [4, 2], [2, 2], [4, 1]]]), "/coordinates/0/1: the ring runs along the ring"),
        (
            json!([square, [[5, 5], [6, 5], [6, 6], [5, 5]]]),
            "/coordinates/1: the hole does not lie inside the outer ring of its polygon",
        ),
        (
            json!([
                square,
                [[1, 1], [3, 1], [3, 3], [1, 3], [1, 1]],
                [[1.5, 1.5], [2, 1.5], [2, 2], [1.5, 1.5]]
            ]),
            "/coordinates/2: the hole lies in or over that of /coordinates/1",
        ),
    ] {
        let found = fault(&polygon(&coordinates));
        assert!(found.starts_with(told), "{coordinates}\n{found}\n{told}");
    }
}

#[test]
fn polygons_of_one_outline_may_touch_and_not_overlap() {
    let square = |x: f64, y: f64, side: f64| {
        json!([[[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]])
    };
    let told = |coordinates: Value| fault(&outline("MultiPolygon", &coordinates));
    let inside = told(json!([square(0.0, 0.0, 4.0), square(1.0, 1.0, 1.0)]));
    assert_eq!(inside, "/coordinates/1/0: the polygon lies in or over that of /coordinates/0/0");
    let across = told(json!([square(0.0, 0.0, 4.0), square(3.0, 3.0, 4.0)]));
    assert!(
        across.starts_with("/coordinates/0/0/1: the ring crosses the ring /coordinates/1/0 at 4.000000,3.0")
    );
    let beside = told(json!([square(0.0, 0.0, 4.0), square(4.0, 0.0, 4.0)]));
    assert!(beside.contains("rings may touch at points only"), "{beside}");
    let at_a_corner = outline("MultiPolygon", &json!([square(0.0, 0.0, 4.0), square(4.0, 4.0, 4.0)]));
    assert_eq!(at_a_corner.faults(), []);
    assert!(holds(&at_a_corner, 4.0, 4.0), "on the border of two is inside");
    assert!(told(json!([square(0.0, 0.0, 1.0), 7])).starts_with("/coordinates/1: must be a list of rings"));
}

#[test]
fn a_diagonal_through_two_corners_is_seen_as_reaching_inside() {
    // Each edge of the sliver only touches the square, at its corners, and yet it lies across it.
    let square = json!([[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]);
    let sliver = json!([[[-1, -1], [3, 3], [3, -1], [-1, -1]]]);
    let both = outline("MultiPolygon", &json!([square, sliver]));
    assert!(!both.faults().is_empty());
}

#[test]
fn too_many_positions_are_refused() {
    let circle = |count: u32| -> Vec<[f64; 2]> {
        let at = |step: u32| {
            let angle = f64::from(step % count) / f64::from(count) * std::f64::consts::TAU;
            [angle.cos(), angle.sin()]
        };
        (0..=count).map(at).collect()
    };
    assert_eq!(polygon(&json!([circle(19_999)])).faults(), []);
    let told = fault(&polygon(&json!([circle(20_000)])));
    assert!(told.contains("more than 20000 positions"), "{told}");
}

#[test]
fn only_a_polygon_is_an_outline_and_it_reads_back_number_for_number() {
    let text = r#"{"type":"Polygon","coordinates":[[[-71.48679672299994,42],[-71,42.330197878000035,12.5],[-71.5,42.4],[-71.48679672299994,42]]]}"#;
    let outline: Outline = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&outline).unwrap(), text);
    assert_eq!(outline.faults(), []);
    for wrong in [
        r#"{"type":"Point","coordinates":[0,0]}"#,
        r#"{"type":"Polygon"}"#,
        r#"{"type":"Polygon","coordinates":[],"bbox":[0,0,1,1]}"#,
    ] {
        assert!(serde_json::from_str::<Outline>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_point_on_the_border_lies_inside_and_one_in_a_hole_does_not() {
    let ring =
        polygon(&json!([[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]], [[1, 1], [1, 3], [3, 3], [3, 1], [1, 1]]]));
    for (x, y) in [(0.0, 0.0), (2.0, 0.0), (4.0, 3.9), (0.5, 0.5), (1.0, 2.0), (3.0, 3.0)] {
        assert!(holds(&ring, x, y), "{x} {y}");
    }
    for (x, y) in [(2.0, 2.0), (4.1, 2.0), (-0.1, 0.0), (2.0, 4.000_001)] {
        assert!(!holds(&ring, x, y), "{x} {y}");
    }
    let shape = ring.shape().unwrap();
    assert!(shape.contains(shape.interior_point()));
    let BoundingBox { west, south, east, north } = shape.bounds();
    assert_eq!((west, south, east, north), (0.0, 0.0, 4.0, 4.0));
}

#[test]
fn a_repair_loses_nothing_and_says_what_it_did() {
    let untidy = polygon(&json!([
        [[0, 0], [0, 4], [0, 4], [4, 4], [4, 0]],
        [],
        [[1, 1], [3, 1], [3, 3], [1, 3], [1, 1]]
    ]));
    assert!(!untidy.faults().is_empty());
    let (tidy, done) = untidy.repaired();
    assert_eq!(
        done,
        [
            "empty holes dropped",
            "repeated positions dropped",
            "rings closed",
            "rings turned as RFC 7946 wants them"
        ]
    );
    let expected =
        json!([[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]], [[1, 1], [1, 3], [3, 3], [3, 1], [1, 1]]]);
    assert_eq!((tidy.faults(), &tidy.coordinates), (Vec::new(), &expected));
    assert_eq!(tidy.repaired(), (tidy.clone(), Vec::new()), "what is tidy stays");
    let crossed = polygon(&json!([[[0, 0], [4, 4], [4, 0], [0, 4], [0, 0]]]));
    assert!(!crossed.repaired().0.faults().is_empty(), "what is wrong is not made up");
}

/// Rings on a coarse grid, where they meet often.
fn rings() -> impl Strategy<Value = Vec<[f64; 2]>> {
    vec((0..8_i8, 0..8_i8), 3..6).prop_map(|points| {
        let mut ring: Vec<[f64; 2]> = points.iter().map(|(x, y)| [f64::from(*x), f64::from(*y)]).collect();
        ring.push(ring[0]);
        ring
    })
}

fn geo_polygon(rings: &[Vec<[f64; 2]>]) -> Polygon<f64> {
    let ring =
        |ring: &Vec<[f64; 2]>| LineString::new(ring.iter().map(|[x, y]| Coord { x: *x, y: *y }).collect());
    Polygon::new(ring(&rings[0]), rings[1..].iter().map(ring).collect())
}

/// Rings that are right on their own.
fn simple_rings() -> impl Strategy<Value = Vec<[f64; 2]>> {
    rings().prop_filter("the ring crosses itself", |ring| polygon(&json!([ring])).faults().is_empty())
}

fn geo_polygons(polygons: &[Vec<Vec<[f64; 2]>>]) -> MultiPolygon<f64> {
    MultiPolygon(polygons.iter().map(|rings| geo_polygon(rings)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Another library does not see every spike and every ring that visits a position twice, so that it is not asked
    /// what is wrong, but only to agree with what is right.
    #[test]
    fn a_ring_that_is_right_is_valid_for_an_independent_judge(ring in rings()) {
        if polygon(&json!([ring])).faults().is_empty() {
            let theirs = geo_polygon(&[ring]);
            prop_assert!(theirs.is_valid(), "{:?}", theirs.validation_errors());
        }
    }

    #[test]
    fn rings_lie_to_each_other_as_an_independent_judge_has_it(polygons in vec(vec(simple_rings(), 1..4), 1..3)) {
        let ours = outline("MultiPolygon", &json!(polygons)).faults();
        let theirs = geo_polygons(&polygons);
        prop_assert_eq!(ours.is_empty(), theirs.is_valid(), "{:?} {:?}", ours, theirs.validation_errors());
    }
}

/// A comb whose teeth cross the whole of it, so that nearly every pair of edges has boxes that meet.
fn comb(teeth: u32) -> Value {
    let at = |tooth: u32, share: f64| 0.1 + (f64::from(tooth) + share) / f64::from(teeth) * 0.001;
    let mut ring = vec![json!([0.0, 0.0])];
    for tooth in 0..teeth {
        ring.push(json!([10.0, at(tooth, 0.0)]));
        ring.push(json!([0.1, at(tooth, 0.5)]));
    }
    ring.push(json!([0.0, 1.0]));
    ring.push(json!([0.0, 0.0]));
    json!({"type": "Polygon", "coordinates": [ring]})
}

#[test]
fn an_outline_that_is_made_to_take_long_is_refused_before_it_does() {
    let faults = |teeth| -> Vec<String> {
        let outline: Outline = serde_json::from_value(comb(teeth)).unwrap();
        outline.faults().iter().map(ToString::to_string).collect()
    };
    assert_eq!(faults(100), [""; 0], "a comb is an outline like any other");
    let refused = faults(4_900);
    assert!(refused.len() == 1 && refused[0].contains("side by side"), "{refused:?}");
}
