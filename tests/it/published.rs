//! The published files, imported, against a spreadsheet computation over the same files that shares nothing
//! with the code but the file names.

use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};

use calamine::{Data, Reader, Xlsx, open_workbook};
use causeway::exchange::importer::Options;
use causeway::exchange::schools;
use geo::{Distance, Haversine, Point};
use serde_json::{Value, json};

use crate::imports::{beside, centres, counts, import_reading, import_volume};
use crate::support::{Causeway, on_both};

/// A published file; where it is absent, a line that says what is skipped.
pub fn published(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let named = std::env::var_os("CAUSEWAY_SHARED_DATA").map(PathBuf::from);
    let mut folders = [Some(beside), named].into_iter().flatten();
    let found = folders.find_map(|folder| Some(folder.join(name)).filter(|path| path.is_file()));
    if found.is_none() {
        // Straight to the stream: the test harness swallows what passing tests print.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: {name} is neither in ../shared/data nor in CAUSEWAY_SHARED_DATA"
        );
    }
    found
}

/// A row of the workbook.
struct Row {
    street: String,
    zip: String,
    codes: BTreeSet<String>,
}

impl Row {
    fn has(&self, code: &str) -> bool {
        self.codes.contains(code)
    }
}

/// The cells of a sheet as text, below the names of its columns.
fn sheet(path: &Path, name: &str) -> Vec<HashMap<String, String>> {
    let mut workbook: Xlsx<_> = open_workbook(path).unwrap();
    let range = workbook.worksheet_range(name).unwrap();
    let text = |cell: &Data| cell.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    let mut rows = range.rows();
    let names: Vec<String> = rows.next().unwrap().iter().map(text).collect();
    rows.map(|row| names.iter().cloned().zip(row.iter().map(text)).collect()).collect()
}

fn facilities(path: &Path) -> Vec<Row> {
    // Each code asked for below has one meaning in this volume.
    let reference = sheet(path, "Service Code Reference");
    for code in ["SP", "F17", "MD", "SS", "PA", "GL", "EMDR", "TELE", "CHLD", "YAD", "AH"] {
        assert_eq!(reference.iter().filter(|line| line["service_code"] == code).count(), 1, "{code}");
    }
    let row = |cells: HashMap<String, String>| Row {
        street: cells["street1"].clone(),
        zip: format!("{:0>5}", cells["zip"]),
        codes: cells["service_code_info"]
            .split(['*', ' '])
            .filter(|code| !code.is_empty())
            .map(str::to_owned)
            .collect(),
    };
    sheet(path, "Facilities List").into_iter().map(row).collect()
}

/// The centres of ZIP codes, longitude first, as the embedded file has them.
fn places() -> HashMap<String, Point> {
    let mut reader =
        csv::Reader::from_path(concat!(env!("CARGO_MANIFEST_DIR"), "/seed-data/postal_codes.csv")).unwrap();
    let columns = reader.headers().unwrap().clone();
    let column = |name: &str| columns.iter().position(|one| one == name).unwrap();
    let [code, latitude, longitude] = ["postal_code", "latitude", "longitude"].map(column);
    let rows = reader.records().map(Result::unwrap);
    rows.map(|row| {
        (row[code].to_owned(), Point::new(row[longitude].parse().unwrap(), row[latitude].parse().unwrap()))
    })
    .collect()
}

/// A question as a coordinator asks it, and as one filters the spreadsheet.
struct Asked {
    zip: &'static str,
    radius_km: f64,
    query: &'static str,
    holds: fn(&Row) -> bool,
    at_least: usize,
}

const QUESTIONS: [Asked; 9] = [
    Asked {
        zip: "01840",
        radius_km: 40.0,
        query: "language=es&coverage=medicaid",
        holds: |row| row.has("SP") && row.has("MD"),
        at_least: 30,
    },
    Asked {
        zip: "99501",
        radius_km: 500.0,
        query: "coverage=sliding_fee,safety_net&population=lgbtq",
        holds: |row| (row.has("SS") || row.has("PA")) && row.has("GL"),
        at_least: 3,
    },
    Asked {
        zip: "96910",
        radius_km: 100.0,
        query: "coverage=medicaid",
        holds: |row| row.has("MD"),
        at_least: 1,
    },
    Asked {
        zip: "00921",
        radius_km: 100.0,
        query: "language=es&language_mode=provider",
        holds: |row| row.has("SP"),
        at_least: 10,
    },
    Asked { zip: "90012", radius_km: 60.0, query: "language=zh", holds: |row| row.has("F17"), at_least: 10 },
    Asked {
        zip: "60601",
        radius_km: 100.0,
        query: "age=10&practice=emdr&modality=telehealth_video",
        holds: |row| row.has("CHLD") && row.has("EMDR") && row.has("TELE"),
        at_least: 10,
    },
    Asked {
        zip: "10001",
        radius_km: 80.0,
        query: "grade=4&coverage=medicaid&language=ase",
        holds: |row| row.has("CHLD") && row.has("MD") && row.has("AH"),
        at_least: 30,
    },
    Asked {
        zip: "77002",
        radius_km: 200.0,
        query: "age=20&coverage=sliding_fee&coverage=safety_net",
        holds: |row| row.has("YAD") && (row.has("SS") || row.has("PA")),
        at_least: 10,
    },
    // The children's code ends at 12 and no other begins before 18: of 15 nobody has said anything.
    Asked { zip: "01840", radius_km: 500.0, query: "age=15", holds: |_| false, at_least: 0 },
];

on_both! {
    fn the_published_files_answer_as_a_spreadsheet_over_them_does(causeway) {
        let (Some(workbook), Some(list)) = (
            published("federal-directory/National_Directory_MH_Facilities_2022.xlsx"),
            published("schools/ma_schools_massgis.csv"),
        ) else { return };
        // As `causeway import` does beside a running server.
        let other = beside(&causeway);
        assert_eq!(counts(&import_volume(&other, &workbook, Options::default())), [9_037, 0, 0, 0]);
        assert_eq!(counts(&import_volume(&other, &workbook, Options::default())), [0, 0, 9_037, 0]);
        let centres = centres(&other);
        let import_schools = || {
            let reading = schools::read(&list, &|code| centres.get(&code).map(|one| one.at)).unwrap();
            counts(&import_reading(&other, reading, "schools", Options::default()))
        };
        assert_eq!(import_schools(), [2_448, 0, 0, 0]);
        assert_eq!(import_schools(), [0, 0, 2_448, 0]);
        assert!(causeway.context().app.poll().unwrap() > 9_037 * 4);
        assert_eq!((causeway.context().app.indexed(), causeway.context().app.poll().unwrap()), (9_037, 0));
        let (facilities, places) = (facilities(&workbook), places());
        assert_eq!(facilities.len(), 9_037);
        for asked in &QUESTIONS {
            compare(&causeway, asked, &facilities, &places);
        }
        // The school's own coordinates, from its row in the file.
        let from = Point::new(-71.161_503, 42.714_655);
        let holds = |row: &Row| row.has("SP");
        let expected = expected(&facilities, &places, from, 15.0, holds);
        assert_same("school=01490040&radius_km=15&language=es", &found(&causeway, "school=01490040&radius_km=15&language=es"), &expected);
    }
}

/// Kilometres, street and ZIP code.
type Found = (f64, String, String);

fn compare(causeway: &Causeway, asked: &Asked, facilities: &[Row], places: &HashMap<String, Point>) {
    let query = format!("postal_code={}&radius_km={}&{}", asked.zip, asked.radius_km, asked.query);
    let expected = expected(facilities, places, places[asked.zip], asked.radius_km, asked.holds);
    assert!(expected.len() >= asked.at_least, "{query} asks for too little: {}", expected.len());
    assert_same(&query, &found(causeway, &query), &expected);
}

/// What the spreadsheet says, nearest first.
fn expected(
    rows: &[Row],
    places: &HashMap<String, Point>,
    from: Point,
    radius_km: f64,
    holds: fn(&Row) -> bool,
) -> Vec<Found> {
    let mut expected: Vec<Found> = rows
        .iter()
        .filter(|row| holds(row))
        .filter_map(|row| {
            Some((
                Haversine.distance(from, *places.get(&row.zip)?) / 1000.0,
                row.street.clone(),
                row.zip.clone(),
            ))
        })
        .filter(|(km, ..)| *km <= radius_km)
        .collect();
    expected.sort_by(|one, other| one.0.total_cmp(&other.0));
    expected
}

/// All pages of an answer, each item checked for what holds of every federal facility.
fn found(causeway: &Causeway, query: &str) -> Vec<Found> {
    let query = format!("/v1/search?{query}&sort=distance&limit=37");
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = causeway.get(&format!("{query}{cursor}")).expect(200).json();
        for item in page["items"].as_array().unwrap() {
            let reasons = item["reasons"].as_array().unwrap();
            let said =
                |reason: &Value| reason["text"].as_str().unwrap().contains("listed, not confirmed together");
            assert!(reasons.iter().any(said), "{item}");
            assert!(item["offering"].get("service_area").is_none(), "{item}");
            let text = |field: &str| {
                item["location"][field].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
            };
            found.push((item["distance_km"].as_f64().unwrap(), text("address_1"), text("postal_code")));
        }
        let Some(next) = page["next_cursor"].as_str() else {
            assert_eq!(page["total"], json!({"value": found.len(), "relation": "eq"}), "{query}");
            return found;
        };
        cursor = format!("&cursor={next}");
    }
}

#[track_caller]
fn assert_same(query: &str, found: &[Found], expected: &[Found]) {
    let places = |list: &[Found]| {
        let mut places: Vec<(String, String)> =
            list.iter().map(|(_, street, zip)| (street.clone(), zip.clone())).collect();
        places.sort();
        places
    };
    assert_eq!(places(found), places(expected), "{query}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found.0 - expected.0).abs() < 0.001, "{query}: {found:?} where {expected:?} is next");
    }
}
