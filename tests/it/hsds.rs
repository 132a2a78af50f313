//! HSDS in and out: the official examples, edits between the two, and the round trip of our own export.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use causeway::exchange::hsds::{self, Exported, Known, Package};
use causeway::exchange::importer::{Options, Summary};
use causeway::exchange::{ReadError, demonstration};
use causeway::store::Store;
use serde_json::{Map, Value, json};
use tempfile::tempdir;

use crate::imports::{counts, import_reading};
use crate::support::{Causeway, on_both};

/// The folder of the official examples; where it is absent, a line that says what is skipped.
pub fn examples() -> Option<PathBuf> {
    shared("hsds/examples")
}

/// A file or folder of the shared data.
pub fn shared(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let named = std::env::var_os("CAUSEWAY_SHARED_DATA").map(PathBuf::from);
    let mut folders = [Some(beside), named].into_iter().flatten();
    let found = folders.find_map(|folder| Some(folder.join(name)).filter(|path| path.exists()));
    if found.is_none() {
        // Straight to the stream: the test harness swallows what passing tests print.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: {name} is neither in ../shared/data nor in CAUSEWAY_SHARED_DATA"
        );
    }
    found
}

/// Imports these files as `causeway import hsds` does.
pub fn import(store: &Store, paths: &[PathBuf], options: Options) -> Result<Summary, ReadError> {
    let package = Package::read(paths, "hsds")?;
    let known = store.read_now(|connection| Known::find(connection, &package)).unwrap();
    Ok(import_reading(store, hsds::reading(package, &known), "hsds", options))
}

/// Writes this JSON to a file and imports it.
#[track_caller]
pub fn import_json(store: &Store, name: &str, value: &Value) -> Summary {
    let folder = tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, value.to_string()).unwrap();
    import(store, &[path], Options::default()).unwrap()
}

/// An export, in memory.
pub struct Written {
    pub folder: tempfile::TempDir,
    pub exported: Exported,
}

impl Written {
    pub fn of(store: &Store) -> Self {
        let folder = tempdir().unwrap();
        let exported = hsds::export(store, folder.path(), false, |_| {}).unwrap();
        Self { folder, exported }
    }

    pub fn contents(&self, file: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join(file)).unwrap();
        let page: Value = serde_json::from_str(&text).unwrap();
        page["contents"].as_array().unwrap().clone()
    }

    /// The object with this id.
    #[track_caller]
    pub fn one(&self, file: &str, id: &Value) -> Value {
        let found = self.contents(file).into_iter().find(|object| object["id"] == *id);
        found.unwrap_or_else(|| panic!("{file} has no {id}"))
    }
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The official examples of JSON, and the file in which each comes out.
const EXAMPLES: [(&str, &str); 11] = [
    ("organization_full.json", "organizations.json"),
    ("organization_list.json", "organizations.json"),
    ("service_full.json", "services.json"),
    ("service_list.json", "services.json"),
    ("service_at_location_full.json", "service_at_locations.json"),
    ("service_at_location_list.json", "service_at_locations.json"),
    ("location.json", "locations.json"),
    ("taxonomy.json", "taxonomies.json"),
    ("taxonomy_list.json", "taxonomies.json"),
    ("taxonomy_term.json", "taxonomy_terms.json"),
    ("taxonomy_term_list.json", "taxonomy_terms.json"),
];

fn objects(example: &Value) -> Vec<Value> {
    example.get("contents").map_or_else(|| vec![example.clone()], |list| list.as_array().unwrap().clone())
}

#[test]
fn every_official_example_comes_out_as_it_went_in() {
    let Some(folder) = examples() else { return };
    for (example, file) in EXAMPLES {
        let causeway = Causeway::on_sqlite();
        let path = folder.join(example);
        let summary = import(causeway.store(), std::slice::from_ref(&path), Options::default()).unwrap();
        assert_eq!((summary.rejected, &summary.rejects), (0, &vec![]), "{example}");
        let written = Written::of(causeway.store());
        for object in objects(&read(&path)) {
            assert_eq!(written.one(file, &object["id"]), object, "{example}");
        }
        let again = import(causeway.store(), &[path], Options::default()).unwrap();
        assert_eq!((again.unchanged, again.created + again.updated), (again.read, 0), "{example}");
    }
    let causeway = Causeway::on_sqlite();
    let about = import(causeway.store(), &[folder.join("base.json")], Options::default()).unwrap();
    assert_eq!((about.read, about.notes.len()), (0, 1), "what an API says of itself is no data");
}

on_both! {
    fn examples_that_are_imported_together_come_out_each_as_it_stood_on_its_own(causeway) {
        let Some(folder) = examples() else { return };
        let full: Vec<_> = EXAMPLES.iter().filter(|(example, _)| !example.contains("list")).collect();
        let paths: Vec<PathBuf> = full.iter().map(|(example, _)| folder.join(example)).collect();
        let summary = import(causeway.store(), &paths, Options::default()).unwrap();
        assert_eq!(counts(&summary), [6, 0, 0, 0], "an object that also stands inside others is one");
        let written = Written::of(causeway.store());
        for (path, (example, file)) in paths.iter().zip(&full) {
            let object = read(path);
            assert_eq!(written.one(file, &object["id"]), object, "{example}");
        }
        // A short form inside another object takes nothing away from what stood on its own.
        let list = [folder.join("service_at_location_list.json")];
        import(causeway.store(), &list, Options::default()).unwrap();
        let written = Written::of(causeway.store());
        assert_eq!(written.one("services.json", &read(&paths[1])["id"]), read(&paths[1]));
        let again = import(causeway.store(), &paths, Options::default()).unwrap();
        assert_eq!((again.updated, again.unchanged), (1, 5), "the service at a location had become a short form");
    }
}

/// Every object of some JSON, at any depth.
fn every_object<'a>(value: &'a Value, found: &mut Vec<&'a Map<String, Value>>) {
    match value {
        Value::Object(object) => {
            found.push(object);
            object.values().for_each(|inner| every_object(inner, found));
        }
        Value::Array(list) => list.iter().for_each(|inner| every_object(inner, found)),
        _ => {}
    }
}

/// Sees that each row of each table comes out with every cell that is not empty.
#[track_caller]
fn every_cell_comes_out(written: &Written, folder: &Path) -> usize {
    let contents: Vec<Value> =
        written.exported.files.keys().map(|file| Value::Array(written.contents(file))).collect();
    let mut all = Vec::new();
    for value in &contents {
        every_object(value, &mut all);
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut rows = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "csv") {
            continue;
        }
        let mut reader = csv::Reader::from_path(&path).unwrap();
        let header = reader.headers().unwrap().clone();
        for row in reader.records() {
            let row = row.unwrap();
            let cells: Vec<(&str, &str)> =
                header.iter().zip(&row).filter(|(_, cell)| !cell.is_empty()).collect();
            let says_all = |object: &&&Map<String, Value>| {
                cells.iter().all(|(name, cell)| object.get(*name).is_some_and(|value| text(value) == **cell))
            };
            assert!(all.iter().any(|object| says_all(&object)), "{}: {cells:?}", path.display());
            rows += 1;
        }
    }
    rows
}

on_both! {
    fn every_cell_of_the_official_package_comes_out_again(causeway) {
        let Some(folder) = examples().map(|folder| folder.join("csv")) else { return };
        let summary = import(causeway.store(), std::slice::from_ref(&folder), Options::default()).unwrap();
        assert_eq!(counts(&summary), [9, 0, 0, 0], "{summary:#?}");
        let aside: Vec<&String> = summary.notes.keys().filter(|note| note.contains("kept aside")).collect();
        assert_eq!(aside.len(), 3, "attributes, metadata and descriptions of tables: {aside:?}");
        let written = Written::of(causeway.store());
        assert_eq!(every_cell_comes_out(&written, &folder), 24);
        let again = import(causeway.store(), &[folder], Options::default()).unwrap();
        assert_eq!(counts(&again), [0, 0, 9, 0]);
    }
}

#[test]
fn the_same_package_as_one_json_file_or_as_an_archive_states_the_same() {
    let Some(folder) = examples() else { return };
    let zip = tempdir().unwrap();
    let archive = zip.path().join("package.zip");
    let mut writer = zip::ZipWriter::new(std::fs::File::create(&archive).unwrap());
    for entry in std::fs::read_dir(folder.join("csv")).unwrap() {
        let path = entry.unwrap().path();
        // A path inside is never followed, wherever it points.
        let name = format!("../../data\\{}", path.file_name().unwrap().to_str().unwrap());
        writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(&std::fs::read(&path).unwrap()).unwrap();
    }
    writer.finish().unwrap();
    let of_folder = Causeway::on_sqlite();
    import(of_folder.store(), &[folder.join("csv")], Options::default()).unwrap();
    let summary = import(of_folder.store(), &[archive], Options::default()).unwrap();
    assert_eq!(counts(&summary), [0, 0, 9, 0]);
    let tabular = Causeway::on_sqlite();
    let summary = import(tabular.store(), &[folder.join("tabular.json")], Options::default()).unwrap();
    assert_eq!(summary.rejected, 0, "{summary:#?}");
    let written = Written::of(tabular.store());
    let (mut all, contents): (Vec<_>, Vec<Value>) = (
        Vec::new(),
        written.exported.files.keys().map(|file| Value::Array(written.contents(file))).collect(),
    );
    for value in &contents {
        every_object(value, &mut all);
    }
    for (table, rows) in read(&folder.join("tabular.json")).as_object().unwrap() {
        for row in rows.as_array().unwrap() {
            let row = row.as_object().unwrap();
            let comes_out = |object: &&Map<String, Value>| {
                row.iter().all(|(name, value)| object.get(name) == Some(value))
            };
            assert!(all.iter().any(comes_out), "{table}: {row:?}");
        }
    }
}

on_both! {
    fn what_was_edited_here_comes_out_edited_and_everything_else_to_the_letter(causeway) {
        let Some(folder) = examples() else { return };
        let path = folder.join("organization_full.json");
        import(causeway.store(), std::slice::from_ref(&path), Options::default()).unwrap();
        let mut expected = read(&path);
        let edit = |noun: &str, patch: &Value| {
            let list = causeway.get(&format!("/v1/{noun}")).expect(200).json();
            let id = list["items"][0]["id"].as_str().unwrap().to_owned();
            let item = format!("/v1/{noun}/{id}");
            let etag = causeway.get(&item).expect(200).header("etag").unwrap().to_owned();
            causeway.patch(&item, &etag, patch).expect(200);
        };
        edit("organizations", &json!({"email": "new@example.org"}));
        edit("services", &json!({"status": "temporarily closed", "url": null}));
        edit("locations", &json!({"city": "Lawrence"}));
        edit("offerings", &json!({"tiers": [2], "languages": [
            {"language": "ur", "mode": "provider"}, {"language": "vi", "mode": "provider"}]}));

        expected["email"] = json!("new@example.org");
        let city = |location: &mut Value| location["addresses"][0]["city"] = json!("Lawrence");
        city(&mut expected["locations"][0]);
        let service = &mut expected["services"][0];
        service["status"] = json!("temporarily closed");
        service.as_object_mut().unwrap().remove("url");
        city(&mut service["service_at_locations"][0]["location"]);
        let mut written = Written::of(causeway.store()).one("organizations.json", &expected["id"]);
        // The new language comes first; the kept one is as it was, with its note.
        let languages = written["services"][0]["languages"].as_array_mut().unwrap();
        let new = languages.remove(0);
        assert_eq!((new["name"].as_str(), new["code"].as_str()), (Some("Vietnamese"), Some("vi")));
        let at_location = written["services"][0]["service_at_locations"][0].as_object_mut().unwrap();
        let attributes = at_location.remove("attributes").unwrap();
        let said: BTreeSet<(&str, &str)> = attributes.as_array().unwrap().iter()
            .map(|one| (one["link_type"].as_str().unwrap(), one["value"].as_str().unwrap())).collect();
        for one in [("tiers", "2"), ("grains", "service"), ("language_modes", "vi"), ("ages", "12-101")] {
            assert!(said.contains(&one), "{one:?} in {said:?}");
        }
        assert_eq!(written, expected);
    }
}

/// Facts with their lists in one order, for HSDS has none.
fn in_order(mut value: Value) -> Value {
    fn sort(value: &mut Value) {
        match value {
            Value::Array(list) => {
                list.iter_mut().for_each(sort);
                list.sort_by_key(ToString::to_string);
            }
            Value::Object(object) => object.values_mut().for_each(sort),
            _ => {}
        }
    }
    sort(&mut value);
    value
}

/// The facts of all of a noun, by id and without what says when it was recorded.
fn facts(causeway: &Causeway, noun: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut path = format!("/v1/{noun}?limit=100");
    loop {
        let page = causeway.get(&path).expect(200).json();
        for item in page["items"].as_array().unwrap() {
            let mut item = item.clone();
            let fields = item.as_object_mut().unwrap();
            for recorded in ["created_at", "updated_at", "version"] {
                fields.remove(recorded);
            }
            all.push(in_order(item));
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/{noun}?limit=100&cursor={cursor}"),
            None => break,
        }
    }
    all.sort_by_key(|item| item["id"].to_string());
    all
}

on_both! {
    fn our_own_export_says_the_same_of_every_offering_in_an_empty_database(causeway) {
        demonstration::load(causeway.store()).unwrap();
        let written = Written::of(causeway.store());
        let empty = Causeway::on_sqlite();
        let folder = written.folder.path().to_owned();
        let summary = import(empty.store(), std::slice::from_ref(&folder), Options::default()).unwrap();
        assert_eq!(summary.rejects, vec![]);
        let (before, after) = (facts(&causeway, "offerings"), facts(&empty, "offerings"));
        assert!(before.len() > 250, "the whole demonstration");
        let find = |all: &[Value], id: &Value| all.iter().find(|one| one["id"] == *id).cloned();
        for offering in &before {
            assert_eq!(Some(offering), find(&after, &offering["id"]).as_ref());
        }
        // A service that nothing is offered of is one offering in HSDS, of which nothing is said.
        for offering in after.iter().filter(|one| find(&before, &one["id"]).is_none()) {
            assert!(!before.iter().any(|one| one["service_id"] == offering["service_id"]), "{offering}");
            assert_eq!((&offering["grain"], offering.get("languages")), (&json!("service"), None));
        }
        let (pools_before, pools_after) = (facts(&causeway, "capacity-pools"), facts(&empty, "capacity-pools"));
        for offering in &before {
            let id = &offering["capacity_pool_id"];
            let names = |pools: &[Value]| find(pools, id).map(|pool| (pool["name"].clone(), pool["kind"].clone()));
            assert_eq!(names(&pools_before), names(&pools_after), "a pool that is shared stays shared");
        }
        let again = import(empty.store(), &[folder], Options::default()).unwrap();
        assert_eq!((again.unchanged, again.rejected), (again.read, 0));
        // And what was imported comes out as it was exported, but for claims, which live for days.
        let second = Written::of(empty.store());
        for file in ["organizations.json", "locations.json", "service_at_locations.json", "taxonomy_terms.json"] {
            assert_eq!(written.contents(file), second.contents(file), "{file}");
        }
        let without_claims = |written: &Written| -> Vec<Value> {
            let mut services = written.contents("services.json");
            for service in &mut services {
                service.as_object_mut().unwrap().remove("capacities");
            }
            services
        };
        assert_eq!(without_claims(&written), without_claims(&second));
    }
}
