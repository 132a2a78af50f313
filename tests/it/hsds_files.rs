//! Files of HSDS in all the forms in which they come, good and bad; and the commands from outside.

use std::io::Write;
use std::path::{Path, PathBuf};

use causeway::exchange::importer::Options;
use causeway::store::Store;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::hsds::{Written, examples, import, import_json};
use crate::hsds_dirty::package;
use crate::imports::counts;
use crate::process::{Ended, number, run, sqlite_url};
use crate::support::Causeway;

const ORGANIZATION: &str = "d9d5e0f5-d3ce-4f73-9a2f-4dd0ecc6c610";
const SERVICE: &str = "ac148810-d857-441c-9679-408f346de14b";

fn organization() -> Value {
    json!({"id": ORGANIZATION, "name": "O", "description": "d", "website": null})
}

fn service() -> Value {
    json!({"id": SERVICE, "name": "S", "status": "active", "organization_id": ORGANIZATION})
}

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[track_caller]
fn refused(store: &Store, path: &Path) -> String {
    import(store, &[path.to_owned()], Options::default()).unwrap_err().to_string()
}

#[test]
fn pages_lists_lines_and_single_objects_are_told_by_their_shape() {
    let causeway = Causeway::on_sqlite();
    let store = causeway.store();
    let page = json!({"total_items": 1, "contents": [organization()]});
    assert_eq!(counts(&import_json(store, "download-1.json", &page)), [1, 0, 0, 0]);
    assert_eq!(
        counts(&import_json(store, "x.json", &json!([service()]))),
        [1, 0, 0, 0],
        "its organization is known"
    );
    let wrapped = json!({"organizations": [organization()], "services": [service()]});
    assert_eq!(counts(&import_json(store, "x.json", &wrapped)), [0, 0, 2, 0]);
    let folder = tempdir().unwrap();
    let lines = format!("\u{feff}{}\r\n\r\n{}\n{{broken\n[1]\n", organization(), service());
    for name in ["all.ndjson", "all.json"] {
        let path = write(folder.path(), name, &lines);
        let summary = import(store, &[path], Options::default()).unwrap();
        assert_eq!(counts(&summary), [0, 0, 2, 2], "{name}");
        assert_eq!(summary.rejects.iter().map(|one| one.row).collect::<Vec<_>>(), [4, 5]);
        assert!(
            summary.rejects[0].reason.starts_with(&format!("{name}: the line is no JSON")),
            "{summary:?}"
        );
    }
    let nothing = import_json(store, "x.json", &json!({"id": "1", "name": "?"}));
    assert_eq!(nothing.rejected, 1);
    let reason = &nothing.rejects[0].reason;
    assert!(
        reason.contains("with id, name") && reason.contains("service_at_location service and location"),
        "{reason}"
    );
    assert_eq!(
        counts(&import_json(store, "organization_list.json", &json!([{"id": "1", "name": "?"}]))),
        [1, 0, 0, 0]
    );
}

#[test]
fn what_cannot_be_hsds_is_refused_whole_and_says_why() {
    let causeway = Causeway::on_sqlite();
    let folder = tempdir().unwrap();
    let empty = folder.path().join("nothing");
    std::fs::create_dir(&empty).unwrap();
    for (name, bytes, words) in [
        ("empty.json", b"".as_slice(), "it is empty"),
        ("cut.json", b"{\"contents\": [", "it is no JSON"),
        ("page.html", b"<html>", "neither JSON nor a .csv table nor a .zip"),
        ("number.json", b"7", "neither an object nor a list"),
        ("cut.zip", b"PK\x03\x04rest", "the archive is damaged"),
        ("one.csv", b"id\n1\n", "no comma"),
    ] {
        let reason = refused(causeway.store(), &write(folder.path(), name, bytes));
        assert!(reason.contains(words), "{name}: {reason}");
    }
    assert!(refused(causeway.store(), &empty).contains("neither tables"));
    assert!(refused(causeway.store(), &folder.path().join("none")).contains("cannot be read"));
    let long = format!("{{\"name\": \"{}\"}}\n", "x".repeat(5 << 20));
    assert!(
        refused(causeway.store(), &write(folder.path(), "l.ndjson", long))
            .contains("line 1 is longer than 4 MiB")
    );
}

#[test]
fn an_archive_is_bounded_in_files_and_in_what_it_unpacks_to() {
    let causeway = Causeway::on_sqlite();
    let folder = tempdir().unwrap();
    let archive = |name: &str, files: usize, bytes: &[u8]| {
        let path = folder.path().join(name);
        let mut writer = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
        for number in 0..files {
            let options = zip::write::SimpleFileOptions::default();
            writer.start_file(format!("{number}/services.json"), options).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap();
        path
    };
    let many = archive("many.zip", 501, b"[]");
    assert!(refused(causeway.store(), &many).contains("the archive has 501 files"));
    let bomb = archive("bomb.zip", 1, &vec![b' '; 40 << 20]);
    assert!(std::fs::metadata(&bomb).unwrap().len() < 100_000);
    let reason = refused(causeway.store(), &bomb);
    assert!(reason.contains("unpacks to more than"), "{reason}");
    let nothing = archive("nothing.zip", 1, b"[]");
    assert!(refused(causeway.store(), &nothing).contains("holds nothing of HSDS"));
}

#[test]
fn ids_of_two_publishers_do_not_mix_and_come_out_as_uuids_with_the_old_id_beside() {
    let causeway = Causeway::on_sqlite();
    let folder = tempdir().unwrap();
    let path = write(folder.path(), "organizations.json", json!([{"id": "1", "name": "One"}]).to_string());
    for source in ["north", "south"] {
        let package = causeway::exchange::hsds::Package::read(std::slice::from_ref(&path), source).unwrap();
        let reading = causeway::exchange::hsds::reading(package, &causeway::exchange::hsds::Known::default());
        crate::imports::import_reading(causeway.store(), reading, source, Options::default());
    }
    let organizations = Written::of(causeway.store()).contents("organizations.json");
    assert_eq!(organizations.len(), 2);
    for organization in organizations {
        assert!(organization["id"].as_str().unwrap().parse::<uuid::Uuid>().is_ok());
        assert_eq!(organization["attributes"][0]["value"], "1");
    }
}

#[test]
fn a_place_that_is_virtual_is_no_place_to_go_to_and_modality_is_not_guessed() {
    let causeway = Causeway::on_sqlite();
    let (location, at) = ("3a19ff88-4620-4d17-9830-ac1d859eb5d5", "e94c9f38-1e8f-4564-91d4-d53501ab1765");
    let mut service = service();
    service["organization"] = organization();
    service["service_at_locations"] = json!([{"id": at, "location": {"id": location, "location_type": "virtual", "name": "Online",
            "languages": [{"id": "2989d3ed-c547-48f8-8f9d-432d81c7892e", "name": "Urdu"}]}}]);
    let summary = import_json(causeway.store(), "services.json", &service);
    assert_eq!(counts(&summary), [4, 0, 0, 0], "{summary:?}");
    let offering = causeway.get(&format!("/v1/offerings/{at}")).expect(200).json();
    assert_eq!((offering.get("location_id"), offering.get("modalities")), (None, None), "{offering}");
    // The languages of a place are those of this service only perhaps.
    assert_eq!(
        (&offering["languages"][0]["language"], &offering["grain"]),
        (&json!("ur"), &json!("facility"))
    );
    let written = Written::of(causeway.store());
    service["organization"].as_object_mut().unwrap().remove("website");
    assert_eq!(written.one("services.json", &json!(SERVICE)), service);
}

#[test]
fn a_service_that_is_imported_again_alone_speaks_for_its_locations_too() {
    let causeway = Causeway::on_sqlite();
    let at = "e94c9f38-1e8f-4564-91d4-d53501ab1765";
    let location =
        json!({"id": "3a19ff88-4620-4d17-9830-ac1d859eb5d5", "location_type": "physical", "name": "L"});
    let mut service = service();
    service["languages"] = json!([{"id": "2989d3ed-c547-48f8-8f9d-432d81c7892e", "code": "es"}]);
    let together = json!({
        "organizations": [organization()], "services": [service], "locations": [location],
        "service_at_locations": [{"id": at, "service_id": SERVICE, "location_id": location["id"]}]
    });
    assert_eq!(counts(&import_json(causeway.store(), "all.json", &together)), [4, 0, 0, 0]);
    service["languages"][0]["code"] = json!("vi");
    assert_eq!(counts(&import_json(causeway.store(), "services.json", &service)), [0, 2, 0, 0]);
    let offering = causeway.get(&format!("/v1/offerings/{at}")).expect(200).json();
    assert_eq!(offering["languages"][0]["language"], "vi");
    assert_eq!(causeway.get("/v1/offerings").expect(200).json()["items"].as_array().unwrap().len(), 1);
    let written = Written::of(causeway.store());
    assert_eq!(written.one("services.json", &json!(SERVICE)), service, "nothing was edited here");
}

// ---- from outside ----------------------------------------------------------------------------------------

fn migrated() -> tempfile::TempDir {
    let folder = tempdir().unwrap();
    run(folder.path(), &["migrate", "--database-url", &sqlite_url(folder.path())]).expect(0);
    folder
}

fn causeway_runs(folder: &Path, arguments: &[&str]) -> Ended {
    run(folder, &[arguments, &["--database-url", &sqlite_url(folder)]].concat())
}

#[test]
fn the_program_imports_a_package_tells_what_to_mend_and_exports_it() {
    let folder = migrated();
    let source = tempdir().unwrap();
    package(source.path(), 400);
    let files = source.path().to_str().unwrap();
    let organizations =
        || number(&folder.path().join("causeway.db"), "SELECT count(*) FROM organizations").unwrap();
    let strict = causeway_runs(folder.path(), &["import", "hsds", files, "--strict"]).expect(1);
    assert!(strict.out.contains("nothing was written"), "{}", strict.out);
    let dry = causeway_runs(folder.path(), &["import", "hsds", files, "--dry-run"]).expect(0);
    assert!(dry.out.contains("(dry run: nothing was written)"), "{}", dry.out);
    assert_eq!(organizations(), 0);
    let rejects = folder.path().join("rejects.csv");
    let real =
        causeway_runs(folder.path(), &["import", "hsds", files, "--rejects", rejects.to_str().unwrap()])
            .expect(0);
    assert_eq!(
        real.out.lines().next().unwrap().replace(" (dry run: nothing was written)", ""),
        dry.out.lines().next().unwrap().replace(" (dry run: nothing was written)", "")
    );
    assert!(real.out.contains("did you mean Portuguese"), "{}", real.out);
    assert!(real.out.contains("services.csv: the service names no organization"), "{}", real.out);
    assert_eq!(organizations(), 500);
    let mut reader = csv::Reader::from_path(&rejects).unwrap();
    let header = reader.headers().unwrap().clone();
    let file = header.iter().position(|name| name == "file").unwrap();
    let of_services = reader.records().filter(|row| &row.as_ref().unwrap()[file] == "services.csv").count();
    assert_eq!(of_services, 40);
    let again = causeway_runs(folder.path(), &["import", "hsds", files, "--format", "json"]).expect(0).json();
    assert_eq!((again["created"].as_u64(), again["updated"].as_u64()), (Some(0), Some(0)), "{again}");

    let out = folder.path().join("out");
    let target = out.to_str().unwrap();
    let exported = causeway_runs(folder.path(), &["export", "hsds", target]).expect(0);
    assert_eq!(exported.out.lines().count(), 1);
    assert!(exported.out.contains("500 in organizations.json"), "{}", exported.out);
    write(&out, "mine.txt", "mine");
    causeway_runs(folder.path(), &["export", "hsds", target]).refused("--force");
    let forced =
        causeway_runs(folder.path(), &["export", "hsds", target, "--force", "--format", "json"]).expect(0);
    assert_eq!(forced.json()["files"]["services.json"], 360);
    std::fs::remove_file(out.join("mine.txt")).unwrap();
    let other = migrated();
    let back = causeway_runs(other.path(), &["import", "hsds", target, "--format", "json"]).expect(0).json();
    assert_eq!(
        (back["rejected"].as_u64(), back["notes"].as_object().map(serde_json::Map::is_empty)),
        (Some(0), Some(false))
    );
}

#[test]
fn the_program_names_the_file_that_it_cannot_read() {
    let folder = migrated();
    let bad = write(folder.path(), "services.json", "{");
    causeway_runs(folder.path(), &["import", "hsds", bad.to_str().unwrap()])
        .refused("services.json: it is no JSON");
    let Some(examples) = examples() else { return };
    let good = examples.join("location.json");
    let both = ["import", "hsds", good.to_str().unwrap(), bad.to_str().unwrap()];
    causeway_runs(folder.path(), &both).refused("services.json: it is no JSON");
    assert_eq!(number(&folder.path().join("causeway.db"), "SELECT count(*) FROM locations"), Some(0));
}
