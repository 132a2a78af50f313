//! The vocabularies over HTTP, and what they say of other people's.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::published::published;
use crate::support::Causeway;

fn terms(causeway: &Causeway, name: &str) -> Vec<Value> {
    let vocabulary = causeway.get(&format!("/v1/vocabularies/{name}")).expect(200).json();
    vocabulary["terms"].as_array().unwrap().clone()
}

fn codes(terms: &[Value]) -> BTreeSet<&str> {
    terms.iter().map(|term| term["code"].as_str().unwrap()).collect()
}

#[test]
fn every_file_of_the_folder_is_listed_and_shown() {
    let causeway = Causeway::on_sqlite();
    let list = causeway.get("/v1/vocabularies").expect(200).json();
    let listed: BTreeSet<String> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap().to_owned())
        .collect();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/seed-data/vocabularies");
    let files =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    assert_eq!(listed, files.map(|file| file.trim_end_matches(".json").to_owned()).collect());
    for name in &listed {
        assert!(!terms(&causeway, name).is_empty(), "{name}");
    }
}

#[test]
fn the_programs_and_the_reasons_to_decline_are_there() {
    let causeway = Causeway::on_sqlite();
    let programs = terms(&causeway, "programs");
    for code in ["masshealth_standard", "cbhi", "cmsp", "health_safety_net", "bhhl", "cbhc", "masshealth_aco"]
    {
        assert!(codes(&programs).contains(code), "{code}");
    }
    let reasons = terms(&causeway, "decline_reasons");
    for code in
        ["no_capacity", "insurance_not_accepted", "language_not_available", "could_not_reach_family", "other"]
    {
        assert!(codes(&reasons).contains(code), "{code}");
    }
    for term in programs.iter().chain(&reasons) {
        assert!(term["description"].as_str().is_some_and(|text| text.ends_with('.')), "{term}");
    }
}

/// What must never be written out as a fact about a student.
#[test]
fn populations_that_could_harm_a_child_who_is_named_with_them_are_sensitive() {
    let causeway = Causeway::on_sqlite();
    let populations = terms(&causeway, "populations");
    let sensitive: Vec<Value> =
        populations.iter().filter(|term| term["sensitive"] == true).cloned().collect();
    for code in [
        "foster_care",
        "grandfamilies",
        "unhoused",
        "unaccompanied_youth",
        "newcomers",
        "migrant_families",
        "lgbtq",
        "justice_involved",
        "children_of_incarcerated_parents",
        "students_with_disabilities",
        "autistic_students",
        "developmental_disability",
        "deaf_hard_of_hearing",
        "low_income",
    ] {
        assert!(codes(&sensitive).contains(code), "{code}");
    }
    for code in ["military_families", "multilingual_families", "parents_caregivers", "rural"] {
        assert!(!codes(&sensitive).contains(code), "{code}");
    }
}

#[test]
fn what_is_spoken_in_massachusetts_is_known_by_its_own_name() {
    let causeway = Causeway::on_sqlite();
    let languages = terms(&causeway, "languages");
    let named = |code: &str, own: &str| {
        languages.iter().any(|term| {
            term["code"] == code
                && term["also"].as_array().is_some_and(|also| also.iter().any(|name| name == own))
        })
    };
    for (code, own) in [
        ("es", "Español"),
        ("pt", "Português"),
        ("ht", "Kreyòl ayisyen"),
        ("kea", "Kriolu"),
        ("km", "ខ្មែរ"),
        ("vi", "Tiếng Việt"),
        ("yue", "廣東話"),
        ("cmn", "普通话"),
        ("ar", "العربية"),
        ("so", "Soomaali"),
        ("ne", "नेपाली"),
        ("ru", "Русский"),
        ("uk", "Українська"),
        ("fr", "Français"),
        ("ase", "ASL"),
        ("quc", "Quiché"),
        ("am", "አማርኛ"),
        ("ti", "ትግርኛ"),
        ("sq", "Shqip"),
        ("pl", "Polski"),
        ("el", "Ελληνικά"),
        ("prs", "دری"),
        ("ps", "پښتو"),
        ("my", "မြန်မာဘာသာ"),
        ("hi", "हिन्दी"),
        ("ko", "한국어"),
    ] {
        assert!(named(code, own), "{code} {own}");
    }
}

#[test]
fn ids_of_open_eligibility_are_there_in_its_taxonomy() {
    let Some(path) = published("openeligibility/taxonomy.xml") else { return };
    let text = std::fs::read_to_string(path).unwrap();
    let ids: BTreeSet<&str> =
        text.split("id=").skip(1).filter_map(|rest| rest.get(1..)?.split(['"', '\'']).next()).collect();
    let (services, situations): (BTreeSet<&str>, BTreeSet<&str>) =
        ids.into_iter().partition(|id| id.len() == 4);
    assert!(services.len() > 200 && situations.len() > 80, "{} {}", services.len(), situations.len());
    let causeway = Causeway::on_sqlite();
    for (name, known) in [("needs", services), ("populations", situations)] {
        let terms = terms(&causeway, name);
        let used: Vec<&str> = terms
            .iter()
            .filter_map(|term| term["open_eligibility"].as_array())
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        assert!(used.len() > 30, "{name}: {used:?}");
        for id in used {
            assert!(known.contains(id), "{name}: {id}");
        }
    }
}
