//! `causeway import` from outside.

use std::path::Path;

use serde_json::json;
use tempfile::tempdir;

use crate::process::{
    EmptyPostgres, Ended, Program, causeway, found, number, ready, run, sqlite_url, wait_for,
};
use crate::volume::{Facility, clinic, volume, without_reference};

const SCHOOLS: &str =
    "schid,name,address,town_mail,town,zipcode,phone,grades,type,type_desc,dist_name,dist_code,lat,lon";

/// A folder with a migrated SQLite file.
fn migrated() -> tempfile::TempDir {
    let folder = tempdir().unwrap();
    run(folder.path(), &["migrate", "--database-url", &sqlite_url(folder.path())]).expect(0);
    folder
}

fn import(folder: &Path, kind: &str, file: &Path, flags: &[&str]) -> Ended {
    let url = sqlite_url(folder);
    run(folder, &[&["import", kind, file.to_str().unwrap(), "--database-url", &url], flags].concat())
}

fn count(folder: &Path, table: &str) -> i64 {
    number(&folder.join("causeway.db"), &format!("SELECT count(*) FROM {table}")).unwrap()
}

#[test]
fn what_is_imported_beside_a_running_server_becomes_searchable() {
    let folder = tempdir().unwrap();
    let postgres = EmptyPostgres::new();
    let sqlite = sqlite_url(folder.path());
    let targets = [
        Some((sqlite.as_str(), None)),
        postgres.as_ref().map(|one| (one.app.as_str(), Some(one.owner.as_str()))),
    ];
    let file = volume(
        folder.path(),
        "volume.xlsx",
        &[clinic(1), clinic(2), Facility { zip: "?".into(), ..clinic(3) }],
    );
    for (url, owner) in targets.into_iter().flatten() {
        let command = |arguments: &[&str]| {
            let mut command = causeway(folder.path(), arguments);
            command.env("CAUSEWAY_DATABASE_URL", url);
            command
        };
        let mut serve = command(&["serve", "--listen", "127.0.0.1:0"]);
        serve.envs(owner.map(|owner| ("CAUSEWAY_MIGRATION_URL", owner)));
        let mut server = Program::start(serve);
        let address = server.address();
        ready(&address);
        assert_eq!(found(&address, "postal_code=01840&language=es"), 0);
        let run = || {
            Program::start(command(&[
                "import",
                "federal-directory",
                file.to_str().unwrap(),
                "--format",
                "json",
            ]))
            .ended()
            .expect(0)
        };
        let summary = run().json();
        let counts =
            ["read", "created", "updated", "unchanged", "rejected"].map(|key| summary[key].as_u64().unwrap());
        assert_eq!(counts, [3, 2, 0, 0, 1]);
        assert_eq!(summary["rejects"][0]["row"], 4);
        wait_for("the import to be found", || {
            (found(&address, "postal_code=01840&language=es") == 2).then_some(())
        });
        let again = run();
        assert_eq!(
            (again.json()["created"].as_u64(), again.json()["unchanged"].as_u64(), again.out.lines().count()),
            (Some(0), Some(2), 1)
        );
        server.stopped();
    }
}

#[test]
fn refused_rows_are_told_and_written_with_their_cells() {
    let folder = migrated();
    let nameless = Facility { name: "=HYPERLINK(1)".into(), zip: "12".into(), ..clinic(2) };
    let file = volume(folder.path(), "volume.xlsx", &[clinic(1), nameless]);
    let rejects = folder.path().join("rejects.csv");
    let flags = ["--rejects", rejects.to_str().unwrap()];
    let strict =
        import(folder.path(), "federal-directory", &file, &[&flags[..], &["--strict"]].concat()).expect(1);
    assert!(strict.out.contains("nothing was written") && strict.out.contains("row 3: "), "{strict:?}");
    assert_eq!(count(folder.path(), "organizations"), 0);
    std::fs::remove_file(&rejects).unwrap();

    let dry = import(folder.path(), "federal-directory", &file, &["--dry-run"]).expect(0);
    assert!(
        dry.out.starts_with("2 rows read: 1 created, 0 updated, 0 unchanged, 1 rejected (dry run"),
        "{dry:?}"
    );
    assert_eq!(count(folder.path(), "organizations"), 0);

    let real = import(folder.path(), "federal-directory", &file, &flags).expect(0);
    assert!(real.out.starts_with("2 rows read: 1 created, 0 updated, 0 unchanged, 1 rejected\n"), "{real:?}");
    assert_eq!(
        (count(folder.path(), "organizations"), real.err.as_str()),
        (1, ""),
        "no bar where no terminal is"
    );
    let mut reader = csv::Reader::from_path(&rejects).unwrap();
    let header = reader.headers().unwrap().clone();
    let row = reader.records().next().unwrap().unwrap();
    let cell = |name: &str| &row[header.iter().position(|one| one == name).unwrap()];
    assert_eq!((cell("row"), cell("name1"), cell("zip")), ("3", "'=HYPERLINK(1)", "12"), "{row:?}");
    assert!(cell("reason").contains("not a ZIP code"));
    import(folder.path(), "federal-directory", &file, &["--rejects", "/nowhere/rejects.csv"])
        .refused("/nowhere/rejects.csv");
}

#[test]
fn a_strict_import_of_several_files_lands_nothing_if_one_row_of_one_is_refused() {
    let folder = migrated();
    let good = volume(folder.path(), "good.xlsx", &[clinic(1)]);
    let bad = volume(folder.path(), "bad.xlsx", &[clinic(2), Facility { zip: "?".into(), ..clinic(3) }]);
    let both = |flags: &[&str]| {
        let flags: Vec<&str> = [bad.to_str().unwrap()].into_iter().chain(flags.iter().copied()).collect();
        import(folder.path(), "federal-directory", &good, &flags)
    };
    both(&["--strict"]).expect(1);
    assert_eq!(count(folder.path(), "offerings"), 0);
    both(&[]).expect(0);
    assert_eq!(count(folder.path(), "offerings"), 2);
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_the_reason_and_writes_nothing() {
    let folder = migrated();
    let whole = volume(folder.path(), "whole.xlsx", &[clinic(1)]);
    let bytes = std::fs::read(&whole).unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let cut = write("cut.xlsx", &bytes[..bytes.len() / 2]);
    let header_not_utf8 = write("header.csv", b"schid,na\xFFme\n1,2\n");
    for (kind, file, words) in [
        ("federal-directory", &cut, "cut.xlsx: the workbook is damaged or was cut short"),
        (
            "federal-directory",
            &without_reference(folder.path()),
            "the sheet \"Service Code Reference\" is missing; the sheets are \"Facilities List\"",
        ),
        ("federal-directory", &folder.path().join("missing.xlsx"), "missing.xlsx: it cannot be read"),
        ("federal-directory", &folder.path().to_owned(), "it cannot be read"),
        ("federal-directory", &header_not_utf8, "it is not an .xlsx workbook"),
        ("schools", &whole, "not CSV text"),
        ("schools", &header_not_utf8, "line 1 is not UTF-8"),
        ("schools", &write("other.csv", b"a,b\n1,2\n"), "has no column"),
        ("postal-codes", &write("zips.csv", b"zip,lat\n01840,42\n"), "has no column longitude"),
        ("postal-codes", &write("empty.csv", b""), "empty.csv: "),
    ] {
        let before = ["organizations", "schools", "assertions", "changes", "postal_codes"]
            .map(|table| count(folder.path(), table));
        import(folder.path(), kind, file, &[]).refused(words);
        let after = ["organizations", "schools", "assertions", "changes", "postal_codes"]
            .map(|table| count(folder.path(), table));
        assert_eq!(before, after, "{words}");
    }
}

#[test]
fn a_csv_file_may_have_a_byte_order_mark_and_semicolons_and_loses_only_the_rows_that_are_no_text() {
    let folder = migrated();
    let good = "01490001;First School;1 Elm Street;Lawrence;LAWRENCE;01840;978-555-0100;K,01,02;ELE;Public Elementary;Lawrence;01490000;42.7;-71.16";
    let mut bytes = format!("\u{feff}{}\r\n{good}\r\n", SCHOOLS.replace(',', ";")).into_bytes();
    bytes.extend(
        good.replace("1;First", "2;Second")
            .replace("Elm", "\u{1}")
            .into_bytes()
            .into_iter()
            .map(|byte| if byte == 1 { 0xFF } else { byte }),
    );
    bytes.extend(b"\r\n");
    let file = folder.path().join("schools.csv");
    std::fs::write(&file, &bytes).unwrap();
    let summary = import(folder.path(), "schools", &file, &["--format", "json"]).expect(0).json();
    assert_eq!(
        (summary["read"].as_u64(), summary["created"].as_u64(), summary["rejected"].as_u64()),
        (Some(2), Some(1), Some(1)),
        "{summary}"
    );
    assert_eq!((count(folder.path(), "schools"), summary["rejects"][0]["row"].as_u64()), (1, Some(3)));
    assert!(summary["rejects"][0]["reason"].as_str().unwrap().contains("UTF-8"), "{summary}");

    let centres = folder.path().join("centres.csv");
    std::fs::write(&centres, "\u{feff}zip;lat;lon\n01840;42.5;-71.1\n00001;1;2\n01841;91;0\n").unwrap();
    let dry =
        import(folder.path(), "postal-codes", &centres, &["--format", "json", "--dry-run"]).expect(0).json();
    let real = import(folder.path(), "postal-codes", &centres, &["--format", "json"]).expect(0).json();
    for summary in [&dry, &real] {
        let counts =
            ["read", "created", "updated", "unchanged", "rejected"].map(|key| summary[key].as_u64().unwrap());
        assert_eq!(counts, [3, 1, 1, 0, 1], "{summary}");
    }
    assert_eq!((dry["landed"].clone(), real["landed"].clone()), (json!(false), json!(true)));
    let again = import(folder.path(), "postal-codes", &centres, &["--format", "json"]).expect(0).json();
    assert_eq!((again["unchanged"].as_u64(), again["updated"].as_u64()), (Some(2), Some(0)));
}

#[test]
fn an_import_into_a_database_that_is_not_there_says_how_to_make_one_and_makes_none() {
    let folder = tempdir().unwrap();
    let file = volume(folder.path(), "volume.xlsx", &[clinic(1)]);
    import(folder.path(), "federal-directory", &file, &[]).refused("causeway migrate");
    assert!(!folder.path().join("causeway.db").exists(), "a mistyped path leaves no file");
}

#[test]
fn an_import_that_was_killed_is_finished_by_a_repeat() {
    const ROWS: usize = 1_500;
    let folder = migrated();
    let facilities: Vec<Facility> = (0..ROWS).map(clinic).collect();
    let file = volume(folder.path(), "volume.xlsx", &facilities);
    let url = sqlite_url(folder.path());
    let arguments = ["import", "federal-directory", file.to_str().unwrap(), "--database-url", &url];
    let first = Program::start(causeway(folder.path(), &arguments));
    let database = folder.path().join("causeway.db");
    wait_for("the first rows", || {
        number(&database, "SELECT count(*) FROM offerings").filter(|rows| *rows > 0)
    });
    first.signal("KILL");
    assert_eq!(first.ended().status.code(), None);
    let landed = count(folder.path(), "offerings");
    assert!(0 < landed && landed < 1_500, "it was killed on the way: {landed}");

    let summary = import(folder.path(), "federal-directory", &file, &["--format", "json"]).expect(0).json();
    assert_eq!(
        (summary["unchanged"].as_i64(), summary["created"].as_i64()),
        (Some(landed), Some(1_500 - landed)),
        "{summary}"
    );
    for table in ["organizations", "locations", "services", "capacity_pools", "offerings"] {
        assert_eq!(count(folder.path(), table), 1_500, "{table}");
    }
    assert_eq!(count(folder.path(), "assertions"), 5 * 1_500);
    assert_eq!(
        number(&database, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
        Some(1)
    );
    assert_eq!(number(&database, "SELECT count(*) FROM pragma_foreign_key_check"), Some(0));
}

#[test]
fn towns_are_imported_with_the_usual_flags_and_searched_from() {
    let folder = migrated();
    let square = |x: f64| json!({"type": "Polygon", "coordinates": [[[x, 42.66], [x, 42.74], [x + 0.07, 42.74], [x + 0.07, 42.66]]]});
    let feature = |name: &str, geometry: &serde_json::Value| json!({"type": "Feature", "properties": {"TOWN": name}, "geometry": geometry});
    let crossed = json!({"type": "Polygon", "coordinates": [[[0, 0], [4, 4], [4, 0], [0, 4], [0, 0]]]});
    let features = [feature("LAWRENCE", &square(-71.2)), feature("CROSSED", &crossed)];
    let file = folder.path().join("towns.geojson");
    std::fs::write(&file, json!({"type": "FeatureCollection", "features": features}).to_string()).unwrap();

    let stateless = import(folder.path(), "towns", &file, &[]).expect(0);
    assert!(stateless.out.contains("row 1: Lawrence: its state cannot be told"), "{stateless:?}");
    assert!(stateless.out.contains("--state MA"), "{stateless:?}");
    let dry = import(folder.path(), "towns", &file, &["--state", "ma", "--dry-run"]).expect(0);
    assert!(
        dry.out.starts_with("2 rows read: 1 created, 0 updated, 0 unchanged, 1 rejected (dry run"),
        "{dry:?}"
    );
    import(folder.path(), "towns", &file, &["--state", "MA", "--strict"]).expect(1);
    assert_eq!(count(folder.path(), "towns"), 0);

    let rejects = folder.path().join("rejects.csv");
    let flags = ["--state", "MA", "--format", "json", "--rejects", rejects.to_str().unwrap()];
    let summary = import(folder.path(), "towns", &file, &flags).expect(0).json();
    let counts = |summary: &serde_json::Value| {
        ["read", "created", "updated", "unchanged", "rejected"].map(|key| summary[key].as_u64().unwrap())
    };
    assert_eq!(counts(&summary), [2, 1, 0, 0, 1], "{summary}");
    assert_eq!(summary["notes"]["repaired: rings closed"], 1, "{summary}");
    assert!(
        std::fs::read_to_string(&rejects)
            .unwrap()
            .contains("Crossed: /coordinates/0/0: the ring crosses itself")
    );
    let again = import(folder.path(), "towns", &file, &flags).expect(0).json();
    assert_eq!(counts(&again), [2, 0, 0, 1, 1], "{again}");

    import(folder.path(), "towns", &folder.path().join("rejects.csv"), &[])
        .refused("not a GeoJSON FeatureCollection");
    import(folder.path(), "schools", &file, &["--state", "MA"]).refused("--state");
    let url = sqlite_url(folder.path());
    let serve = causeway(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--database-url", &url]);
    let mut server = Program::start(serve);
    let address = server.address();
    ready(&address);
    assert_eq!(found(&address, "town=Lawrence&residence=01840"), 0);
    server.stopped();
}
