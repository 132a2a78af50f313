//! A directory as it really comes: an HSDS 1 package with everything that goes wrong in one, made here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use causeway::exchange::importer::{Options, Summary};
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::hsds::{Written, import};
use crate::imports::counts;
use crate::support::{Causeway, on_both};

pub const SERVICES: usize = 4_000;
const ORGANIZATIONS: usize = 500;

/// Spellings of languages as they stand in directories, with the tags that are read from them.
const SPELLINGS: [(&str, &[&str]); 46] = [
    ("Spanish", &["es"]),
    ("spanish ", &["es"]),
    ("SPANISH", &["es"]),
    ("Español", &["es"]),
    ("spa", &["es"]),
    ("es", &["es"]),
    ("Spanish/Portuguese", &["es", "pt"]),
    ("English, Spanish", &["en", "es"]),
    ("English & Spanish", &["en", "es"]),
    ("English and Spanish", &["en", "es"]),
    ("Spanish; Haitian Creole", &["es", "ht"]),
    ("Haitian Creole", &["ht"]),
    ("Kreyòl", &["ht"]),
    ("Creole", &["crp"]),
    ("Cape Verdean Creole", &["kea"]),
    ("Portuguese", &["pt"]),
    ("por", &["pt"]),
    ("pt-BR", &["pt-BR"]),
    ("Mandarin, Cantonese", &["cmn", "yue"]),
    ("Chinese", &["zh"]),
    ("chi", &["zh"]),
    ("Vietnamese", &["vi"]),
    ("Khmer", &["km"]),
    ("Arabic", &["ar"]),
    ("Farsi", &["fa"]),
    ("Russian.", &["ru"]),
    ("ASL", &["ase"]),
    ("American Sign Language", &["ase"]),
    ("Sign Language", &["sgn"]),
    ("French", &["fr"]),
    // What is not recognised is not guessed.
    ("Portugese", &[]),
    ("Spannish", &[]),
    ("chinese (simplified)", &[]),
    ("Spanish speaking", &[]),
    ("multiple", &[]),
    ("All languages", &[]),
    ("N/A", &[]),
    ("none", &[]),
    ("Language line", &[]),
    ("interpreter available", &[]),
    ("see website", &[]),
    ("Bilingual", &[]),
    ("?", &[]),
    ("Spanish (2 clinicians)", &[]),
    ("Brazillian", &[]),
    ("Vietnamees", &[]),
];

/// All spellings: those above, and others in other cases and with other spaces, 200 together.
fn spellings() -> Vec<(String, Vec<&'static str>)> {
    let known: Vec<_> = SPELLINGS.iter().filter(|(_, tags)| !tags.is_empty()).collect();
    let mut all: Vec<(String, Vec<&'static str>)> =
        SPELLINGS.iter().map(|(spelling, tags)| ((*spelling).to_owned(), tags.to_vec())).collect();
    let mut round = 0;
    while all.len() < 200 {
        for (spelling, tags) in &known {
            let written = match round {
                0 => spelling.to_uppercase(),
                1 => format!("  {spelling}"),
                2 => spelling.to_lowercase(),
                3 => format!("{spelling}  "),
                _ => format!("{}{spelling}", " ".repeat(round)),
            };
            if all.len() < 200 && !all.iter().any(|(other, _)| *other == written) {
                all.push((written, tags.to_vec()));
            }
        }
        round += 1;
    }
    all
}

/// A table that is written with a byte order mark and the line ends of Windows.
struct Csv(String);

impl Csv {
    fn new(header: &str) -> Self {
        Self(format!("\u{feff}{header}\r\n"))
    }

    fn row(&mut self, cells: &[&str]) {
        let quoted: Vec<String> = cells
            .iter()
            .map(|cell| {
                let needs = cell.contains([',', '"', '\n']);
                if needs { format!("\"{}\"", cell.replace('"', "\"\"")) } else { (*cell).to_owned() }
            })
            .collect();
        _ = write!(self.0, "{}\r\n", quoted.join(","));
    }

    fn save(self, folder: &Path, name: &str) {
        std::fs::write(folder.join(name), self.0).unwrap();
    }
}

/// Whether the service names no organization: a tenth of them.
fn is_orphan(service: usize) -> bool {
    service % 10 == 3
}

/// Writes the package: `count` services of 500 organizations at half as many locations.
pub fn package(folder: &Path, count: usize) -> PathBuf {
    let mut organizations = Csv::new("id,name,description,email,url,tax_id");
    for number in 0..ORGANIZATIONS {
        let email = if number % 7 == 0 { "ask at the desk" } else { "desk@agency.example" };
        let url = if number % 5 == 0 { "www.agency.example" } else { "https://agency.example" };
        organizations.row(&[
            &format!("o{number}"),
            &format!("Agency {number}"),
            "Helps, \"and\" how",
            email,
            url,
            "04-1",
        ]);
    }
    organizations.row(&["o1", "Agency 1 again", "d", "", "", ""]);
    organizations.row(&["o900", "", "without a name", "", "", ""]);
    organizations.save(folder, "organizations.csv");

    let (mut locations, mut addresses) = (
        Csv::new("id,organization_id,name,latitude,longitude"),
        Csv::new("id,location_id,address_1,city,state_province,postal_code,country"),
    );
    for number in 0..count / 2 {
        let id = format!("l{number}");
        let (latitude, longitude) = if number % 2 == 0 { ("42.7070", "-71.1631") } else { ("", "") };
        locations.row(&[
            &id,
            &format!("o{}", number % ORGANIZATIONS),
            &format!("Site {number}"),
            latitude,
            longitude,
        ]);
        // A spreadsheet took the leading zero away.
        let zip = if number % 3 == 0 { "1840" } else { "01840" };
        addresses.row(&["", &id, &format!("{number} Essex Street"), "Lawrence", "ma", zip, "US"]);
    }
    locations.save(folder, "locations.csv");
    addresses.save(folder, "physical_addresses.csv");

    let mut services = Csv::new("id,organization_id,name,description,url,status,wait_time");
    let mut joins = Csv::new("id,service_id,location_id,description");
    let mut eligibility = Csv::new("id,service_id,eligibility,minimum_age,maximum_age");
    let mut phones = Csv::new("id,service_id,number,extension,type,language");
    let mut schedules = Csv::new("id,service_id,weekday,opens_at,closes_at");
    let mut languages = Csv::new("id,service_id,location_id,language");
    let spellings = spellings();
    for number in 0..count {
        let id = format!("s{number}");
        let organization =
            if is_orphan(number) { String::new() } else { format!("o{}", number % ORGANIZATIONS) };
        services.row(&[&id, &organization, &format!("Counseling {number}"), "", "", "Active", "two weeks"]);
        if number % 4 != 0 {
            joins.row(&[&format!("j{number}"), &id, &format!("l{}", number % (count / 2)), ""]);
        }
        let (min, max) = match number % 5 {
            0 => ("5", "18"),
            1 => ("", "17"),
            2 => ("0-18", "adults"),
            3 => ("0", "0"),
            _ => ("", ""),
        };
        eligibility.row(&[&format!("e{number}"), &id, "anyone in need", min, max]);
        phones.row(&[&format!("p{number}"), &id, "978-555-0100", "12", "voice", ""]);
        for day in ["Monday", "Tuesday"] {
            schedules.row(&["", &id, day, "9:00 AM", "5:00 PM"]);
        }
        languages.row(&[&format!("g{number}"), &id, "", &spellings[number % spellings.len()].0]);
    }
    for (name, table) in [
        ("services.csv", services),
        ("services_at_location.csv", joins),
        ("eligibility.csv", eligibility),
        ("regular_schedules.csv", schedules),
        ("languages.csv", languages),
    ] {
        table.save(folder, name);
    }
    phones.row(&["p-lost", "s9999", "978-555-0199", "", "", ""]);
    phones.0.push_str("too,few\r\n");
    phones.save(folder, "phones.csv");
    let mut taxonomy = Csv::new("id,name,parent_id,vocabulary");
    taxonomy.row(&["1220", "Counseling for abuse", "", "Open Eligibility"]);
    taxonomy.save(folder, "taxonomy.csv");
    let mut tags = Csv::new("id,service_id,taxonomy_id,taxonomy_detail");
    tags.row(&["t1", "s0", "1220", "x"]);
    tags.save(folder, "service_taxonomy.csv");
    std::fs::write(folder.join("datapackage.json"), "{").unwrap();
    std::fs::write(folder.join("holiday_schedules.csv"), "").unwrap();
    std::fs::write(folder.join("our_notes.csv"), "a,b\n1,2\n").unwrap();
    folder.to_owned()
}

fn orphans() -> usize {
    (0..SERVICES).filter(|number| is_orphan(*number)).count()
}

/// Services at a location whose service is refused.
fn orphan_joins() -> usize {
    (0..SERVICES).filter(|number| is_orphan(*number) && number % 4 != 0).count()
}

/// The rows of each unknown spelling that the notes must count: once for each offering, and a service that is
/// refused says nothing.
fn unknown_spellings() -> BTreeMap<String, u64> {
    let spellings = spellings();
    let mut counted = BTreeMap::new();
    for number in (0..SERVICES).filter(|number| !is_orphan(*number)) {
        let (spelling, tags) = &spellings[number % spellings.len()];
        if tags.is_empty() {
            *counted.entry(spelling.trim().to_owned()).or_default() += 1;
        }
    }
    counted
}

#[track_caller]
fn judge(summary: &Summary) {
    let count = |words: &str| summary.rejects.iter().filter(|reject| reject.reason.contains(words)).count();
    assert_eq!(count("services.csv: the service names no organization"), orphans());
    assert_eq!(
        count("services_at_location.csv: the service_at_location belongs to the service in row"),
        orphan_joins()
    );
    assert_eq!(count("organizations.csv: the organization has the same id as row 3"), 1);
    assert_eq!(count("organizations.csv: the organization has no name"), 1);
    assert_eq!(count("phones.csv: the row has 2 cells"), 1);
    assert_eq!(summary.rejects.len(), orphans() + orphan_joins() + 3);
    let first = summary.rejects.iter().find(|reject| reject.reason.starts_with("services.csv")).unwrap();
    assert_eq!(first.row, 5);
    assert!(first.content.contains(&("name".to_owned(), "Counseling 3".to_owned())), "{first:?}");

    for (spelling, rows) in unknown_spellings() {
        let begin = format!("language {spelling:?}");
        let notes: Vec<_> = summary.notes.iter().filter(|(note, _)| note.starts_with(&begin)).collect();
        assert_eq!(notes.iter().map(|(_, count)| **count).sum::<u64>(), rows, "{spelling}: {notes:?}");
    }
    let has = |words: &str| summary.notes.keys().any(|note| note.contains(words));
    for words in [
        "language \"Portugese\" is not known; did you mean Portuguese",
        "language \"Spannish\" is not known; did you mean Spanish",
        "language \"multiple\" names no language",
        "minimum_age \"0-18\" is no number of years",
        "minimum_age and maximum_age are both 0",
        "organization email that cannot be used",
        "organization website that cannot be used",
        "phones.csv: belongs to nothing that is here, kept aside (rows 4002)",
        "holiday_schedules.csv is empty",
        "our_notes.csv is no table of HSDS",
    ] {
        assert!(has(words), "{words} in {:#?}", summary.notes);
    }
    assert!(summary.notes.len() < 40, "few enough to be read: {:#?}", summary.notes);
}

on_both! {
    fn a_dirty_package_is_imported_with_a_summary_to_act_on_and_comes_out_whole(causeway) {
        let folder = tempdir().unwrap();
        let path = package(folder.path(), SERVICES);
        let summary = import(causeway.store(), std::slice::from_ref(&path), Options::default()).unwrap();
        judge(&summary);
        counts(&summary);
        let again = import(causeway.store(), std::slice::from_ref(&path), Options::default()).unwrap();
        assert_eq!((again.created, again.updated, again.unchanged), (0, 0, summary.created));
        assert_eq!(again.rejects, summary.rejects);

        // What is plain is found by, and what is not is unknown.
        let total = |query: &str| -> Value {
            causeway.get(&format!("/v1/search?postal_code=01840&{query}")).expect(200).json()["total"]["value"].clone()
        };
        assert!(total("language=es").as_i64() > Some(100), "{}", total("language=es"));
        assert!(total("language=kea").as_i64() > Some(5));
        assert_eq!(total("language=de"), json!(0));

        let written = Written::of(causeway.store());
        let services = written.contents("services.json");
        assert_eq!(services.len(), SERVICES - orphans());
        let by_original = |id: &str| {
            let says = |one: &&Value| one["attributes"].as_array().is_some_and(|list| list.iter().any(|one| one["value"] == id));
            services.iter().find(says).unwrap().clone()
        };
        let first = by_original("s0");
        assert_eq!(
            (&first["status"], &first["wait_time"], &first["eligibility_description"], &first["minimum_age"], &first["maximum_age"]),
            (&json!("Active"), &json!("two weeks"), &json!("anyone in need"), &json!(5), &json!(18))
        );
        assert_eq!(first["attributes"][0]["taxonomy_term"]["taxonomy"], "Open Eligibility");
        assert_eq!((&first["phones"][0]["number"], &first["phones"][0]["extension"]), (&json!("978-555-0100"), &json!(12)));
        assert_eq!((&first["schedules"][0]["byday"], &first["schedules"][1]["opens_at"]), (&json!("MO"), &json!("9:00 AM")));
        let second = by_original("s1");
        assert_eq!(second["languages"][0]["name"], "spanish ", "to the letter");
        let locations = written.contents("locations.json");
        assert_eq!((locations.len(), &locations[0]["addresses"][0]["address_type"]), (SERVICES / 2, &json!("physical")));
        assert_eq!(written.contents("phones.json").len(), 1, "the number of nobody is kept aside");
    }
}

#[test]
fn a_service_is_read_as_far_as_it_is_plain_and_no_further() {
    let folder = tempdir().unwrap();
    let path = package(folder.path(), 100);
    let causeway = Causeway::on_sqlite();
    import(causeway.store(), &[path], Options::default()).unwrap();
    let find = |name: &str| -> Value {
        let mut page = "/v1/services?limit=100".to_owned();
        loop {
            let list = causeway.get(&page).expect(200).json();
            let found = list["items"].as_array().unwrap().iter().find(|one| one["name"] == name).cloned();
            match (found, list["next_cursor"].as_str()) {
                (Some(found), _) => return found,
                (None, Some(cursor)) => page = format!("/v1/services?limit=100&cursor={cursor}"),
                (None, None) => panic!("no {name}"),
            }
        }
    };
    let offering = |name: &str| -> Value {
        let service = find(name);
        let list = causeway.get(&format!("/v1/offerings?service_id={}", service["id"].as_str().unwrap()));
        let list = list.expect(200).json();
        assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
        list["items"][0].clone()
    };
    // 0: no location, Spanish, 5 to 18.
    let first = offering("Counseling 0");
    assert_eq!(first.get("location_id"), None);
    assert_eq!(first["languages"], json!([{"language": "es", "mode": "provider"}]));
    assert_eq!(first["ages"], json!({"accepted": [{"min": 5.0, "max": 19.0}]}));
    assert_eq!(
        first["schedule"]["weekly"],
        json!([
        {"day": "monday", "opens": "09:00", "closes": "17:00"}, {"day": "tuesday", "opens": "09:00", "closes": "17:00"}])
    );
    assert_eq!(
        (&first["grain"], first.get("modalities"), first.get("coverage")),
        (&json!("service"), None, None)
    );
    // 31: "Spannish", at a location, up to 17.
    let misspelt = offering("Counseling 31");
    assert_eq!((misspelt.get("languages"), &misspelt["partial"]), (None, &json!(["language"])));
    assert_eq!(misspelt["ages"], json!({"accepted": [{"min": 0.0, "max": 18.0}]}));
    assert!(misspelt["location_id"].is_string());
    // 42: ages in words.
    assert_eq!(offering("Counseling 42").get("ages"), None);
}
