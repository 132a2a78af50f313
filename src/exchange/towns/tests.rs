//! Files of towns, right and wrong.

use serde_json::json;

use super::*;

fn square(x: f64, y: f64) -> Value {
    json!({"type": "Polygon", "coordinates": [[[x, y], [x + 1.0, y], [x + 1.0, y + 1.0], [x, y + 1.0], [x, y]]]})
}

fn parsed(features: &[(Value, Value)], state: Option<&str>) -> TownReading {
    let features: Vec<Value> = features
        .iter()
        .map(|(properties, geometry)| json!({"type": "Feature", "properties": properties, "geometry": geometry}))
        .collect();
    let file = json!({"type": "FeatureCollection", "features": features}).to_string();
    parse(file.as_bytes(), state).unwrap()
}

#[test]
fn towns_go_by_the_properties_of_several_publishers() {
    let reading = parsed(
        &[
            (json!({"town": "SOUTHBOROUGH", "fips_stco": 25027}), square(-71.0, 42.0)),
            (json!({"NAME": "Salem", "STUSPS": "NH"}), square(-72.0, 42.0)),
            (json!({"NAME": "Añasco", "STATEFP": "72"}), square(-67.0, 18.0)),
            (json!({"name": "Lawrence", "state": "ma", "county": "Essex County"}), square(-73.0, 42.0)),
            (json!({"NAME": "Darien", "GEOID": "0900118850"}), square(-74.0, 42.0)),
            (json!({"TOWN": "CANAAN", "COUNTY_FIPS": 9005, "COUNTY": 3}), square(-75.0, 42.0)),
        ],
        None,
    );
    assert_eq!(reading.rejects, []);
    let told: Vec<(&str, &str, Option<&str>)> = reading
        .towns
        .iter()
        .map(|town| (town.name.as_str(), town.state.as_str(), town.county.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            ("Southborough", "MA", Some("Worcester")),
            ("Salem", "NH", None),
            ("Añasco", "PR", None),
            ("Lawrence", "MA", Some("Essex")),
            ("Darien", "CT", None),
            ("Canaan", "CT", None),
        ]
    );
    assert_eq!(reading.notes, BTreeMap::new());
    let town = &reading.towns[0];
    assert!(town.geometry.shape().unwrap().contains(town.at));
}

#[test]
fn what_is_no_town_is_refused_one_by_one_with_its_name_and_reason() {
    let crossed = json!({"type": "Polygon", "coordinates": [[[0, 0], [4, 4], [4, 0], [0, 4], [0, 0]]]});
    let reading = parsed(
        &[
            (json!({"name": "Here", "state": "MA"}), square(-71.0, 42.0)),
            (json!({"name": "CROSSED", "state": "MA"}), crossed),
            (json!({"name": "Town of Here", "state": "MA"}), square(-72.0, 42.0)),
            (json!({"name": "Point", "state": "MA"}), json!({"type": "Point", "coordinates": [0, 0]})),
            (json!({"name": "Nowhere", "state": "MA"}), Value::Null),
            (json!({"name": "Stateless"}), square(-71.0, 42.0)),
            (json!({"name": "Odd", "state": "Massachusetts"}), square(-71.0, 42.0)),
            (json!({"state": "MA"}), square(-71.0, 42.0)),
            (json!({"name": "--", "state": "MA"}), square(-71.0, 42.0)),
            (Value::Null, square(-71.0, 42.0)),
        ],
        None,
    );
    assert_eq!((reading.read, reading.towns.len()), (10, 1));
    let reasons: Vec<(u64, &str)> =
        reading.rejects.iter().map(|one| (one.row, one.reason.as_str())).collect();
    for ((row, reason), (expected, words)) in reasons.iter().zip([
        (2, "Crossed: /coordinates/0/0: the ring crosses itself at 2.000000,2.000000"),
        (3, "Town of Here, MA: the same town as row 1"),
        (4, "Point: its geometry is a Point, and a Polygon or MultiPolygon is needed"),
        (5, "Nowhere: the feature has no geometry"),
        (6, "Stateless: its state cannot be told"),
        (7, "Odd: the state \"Massachusetts\" is neither two letters"),
        (8, "no property names the town"),
        (9, "\"--\" is no name of a town"),
        (10, "the feature has no properties"),
    ]) {
        assert!(*row == expected && reason.starts_with(words), "{row}: {reason}");
    }
    assert_eq!(reading.rejects.len(), 9);
    assert_eq!(
        reading.rejects[0].content,
        [("name".to_owned(), "CROSSED".to_owned()), ("state".into(), "MA".into())]
    );
}

#[test]
fn the_state_that_is_given_counts_where_the_file_names_none_and_must_not_contradict_it() {
    let towns = [
        (json!({"name": "A"}), square(-71.0, 42.0)),
        (json!({"name": "B", "state": "MA"}), square(-72.0, 42.0)),
        (json!({"name": "C", "state": "NH"}), square(-73.0, 42.0)),
    ];
    let reading = parsed(&towns, Some("MA"));
    assert_eq!(reading.towns.iter().map(|town| town.state.as_str()).collect::<Vec<_>>(), ["MA", "MA"]);
    assert_eq!(reading.rejects[0].reason, "C: its properties say that it lies in NH, and --state says MA");
}

#[test]
fn lossless_repairs_are_counted() {
    let clockwise = json!({"type": "Polygon", "coordinates": [[[0, 0], [0, 4], [0, 4], [4, 4], [4, 0]], []], "bbox": [0, 0, 4, 4]});
    let reading = parsed(&[(json!({"name": "A", "state": "MA"}), clockwise)], None);
    let notes: Vec<(&str, u64)> = reading.notes.iter().map(|(note, count)| (note.as_str(), *count)).collect();
    assert_eq!(
        notes,
        [
            ("repaired: empty holes dropped", 1),
            ("repaired: repeated positions dropped", 1),
            ("repaired: rings closed", 1),
            ("repaired: rings turned as RFC 7946 wants them", 1),
        ]
    );
}

#[test]
fn a_file_that_is_no_collection_in_longitude_and_latitude_is_refused_whole() {
    let told = |text: &str| parse(text.as_bytes(), None).unwrap_err().to_string();
    assert!(told("a,b").starts_with("it is not a GeoJSON FeatureCollection: expected value"));
    assert!(told(r#"{"type":"Topology"}"#).contains("its type is \"Topology\""));
    let crs = r#"{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::26986"}},"features":[]}"#;
    assert!(told(crs).contains("EPSG::26986; save it in WGS 84"), "{}", told(crs));
    assert!(parse(crs.replace("26986", "4326").as_bytes(), None).is_ok());
}

#[test]
fn the_towns_of_massachusetts_are_read() {
    let Some(path) = crate::exchange::shared_data::file("geo/ma_towns.geojson") else {
        return;
    };
    let reading = read(&path, None).unwrap();
    assert_eq!(reading.read, 351);
    let reasons: Vec<&str> = reading.rejects.iter().map(|reject| reject.reason.as_str()).collect();
    let pinched = "Wayland: /coordinates/0/0: the ring touches itself at -71.390032,42.365240";
    assert!(reasons.len() == 1 && reasons[0].starts_with(pinched), "{reasons:?}");
    assert!(!reasons[0].contains("; "), "it is told once: {reasons:?}");
    assert_eq!(reading.towns.len(), 350);
    let southborough = reading.towns.iter().find(|town| town.name == "Southborough").unwrap();
    assert_eq!(southborough.state, "MA");
    assert!(reading.towns.iter().all(|town| town.geometry.shape().unwrap().contains(town.at)));
    // The state's other list says the same of counties.
    let Some(list) = crate::exchange::shared_data::file("geo/ma_towns.csv") else {
        return;
    };
    let mut list = csv::Reader::from_path(list).unwrap();
    let rows: Vec<csv::StringRecord> = list.records().map(Result::unwrap).collect();
    for town in &reading.towns {
        let key = town.key().comparable_name;
        let row = rows.iter().find(|row| crate::types::comparable_place(&row[0]) == key);
        assert_eq!(row.map(|row| &row[3]), town.county.as_deref(), "{}", town.name);
    }
}
