//! The demonstration directory: whole, plainly fictional, and awkward where real directories are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::Causeway;

const WREN: &str = "077b79bd-1840-53e6-a2bd-4c4adc60f2fd";
const ALDER: &str = "a33447af-17a1-57bb-8f13-423d00484423";
const TIDELINE: &str = "61dfeba1-6023-5133-82bb-3030ca8199fe";

const CHINATOWN: &str = "Cantonese and Mandarin, Chinatown";
const QUINCY: &str = "Cantonese and Mandarin, Quincy";
const BY_VIDEO: &str = "Cantonese and Mandarin, by video";
const STATEWIDE: [&str; 4] = [
    "Bilingual counseling by video",
    BY_VIDEO,
    "Counseling in ASL, by video across the state",
    "Therapy by video or phone",
];

/// Everything that a list or a search has, page by page.
fn all(causeway: &Causeway, path: &str) -> Vec<Value> {
    let path = format!("{path}{}limit=100", if path.contains('?') { '&' } else { '?' });
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = causeway.get(&format!("{path}{cursor}")).expect(200).json();
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

/// What a search finds, each by its own name or that of its service; no two have the same.
pub fn found(causeway: &Causeway, query: &str) -> BTreeMap<String, Value> {
    let items = all(causeway, &format!("/v1/search?{query}"));
    let name = |item: &Value| {
        item["offering"]["name"].as_str().or(item["service"]["name"].as_str()).unwrap().to_owned()
    };
    let by_name: BTreeMap<String, Value> = items.iter().map(|item| (name(item), item.clone())).collect();
    assert_eq!(by_name.len(), items.len(), "two have one name: {query}");
    by_name
}

/// Whether each of these questions finds it.
#[track_caller]
pub fn is_found(causeway: &Causeway, name: &str, questions: &[(&str, bool)]) {
    for (query, expected) in questions {
        let found = found(causeway, query);
        assert_eq!(found.contains_key(name), *expected, "{name}: {query}: {:?}", found.keys());
    }
}

#[test]
fn it_is_whole_and_every_kind_of_claim_is_in_it() {
    let causeway = Causeway::with_demonstration();
    let offerings = all(&causeway, "/v1/offerings");
    assert_eq!(causeway.context().app.indexed(), offerings.len());
    assert!(offerings.len() >= 250, "{}", offerings.len());
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for pool in all(&causeway, "/v1/capacity-pools") {
        assert!(
            offerings.iter().any(|offering| offering["capacity_pool_id"] == pool["id"]),
            "{pool} serves nobody"
        );
        let path = format!("/v1/capacity-pools/{}/availability", pool["id"].as_str().unwrap());
        let known = causeway.get(&path).expect(200).json();
        let kind = match (known["status"].as_str().unwrap(), known.get("as_of")) {
            ("unknown", Some(_)) => "lapsed",
            ("unknown", None) => "never said",
            (status, _) => status,
        };
        *kinds.entry(kind.to_owned()).or_default() += 1;
    }
    let there: BTreeSet<&str> = kinds.keys().map(String::as_str).collect();
    let wanted =
        ["additional-assessment-required", "capacity", "lapsed", "never said", "no-capacity", "waitlist"];
    assert_eq!(there, BTreeSet::from(wanted), "{kinds:?}");
    // Silence is as common as it is outside.
    let pools: usize = kinds.values().sum();
    let silent = kinds["never said"] + kinds["lapsed"];
    assert!((pools * 3 / 10..=pools / 2).contains(&silent), "{kinds:?}");
}

#[test]
fn it_has_every_kind_of_partner_in_many_places_and_languages() {
    let causeway = Causeway::with_demonstration();
    let organizations = all(&causeway, "/v1/organizations");
    let kinds: BTreeSet<&str> =
        organizations.iter().filter_map(|organization| organization["facility_type"].as_str()).collect();
    for kind in [
        "community_mental_health_center",
        "certified_community_clinic",
        "hospital",
        "school_based_health_center",
        "educational_collaborative",
        "youth_organization",
        "faith_based",
        "community_organization",
        "outpatient_clinic",
        "food_pantry",
        "residential_children",
        "psychiatric_hospital",
    ] {
        assert!(kinds.contains(kind), "{kind}");
    }
    for engagement in ["listed", "contactable", "enrolled"] {
        let such = organizations.iter().filter(|organization| organization["engagement"] == engagement);
        assert!(such.count() >= 8, "{engagement}");
    }
    let offerings = all(&causeway, "/v1/offerings");
    let languages: BTreeSet<&str> = offerings
        .iter()
        .filter_map(|offering| offering["languages"].as_array())
        .flatten()
        .filter(|language| language["mode"] == "provider")
        .filter_map(|language| language["language"].as_str())
        .collect();
    assert!(languages.len() >= 20, "{languages:?}");
    let places = all(&causeway, "/v1/locations");
    let cities: BTreeSet<&str> = places.iter().filter_map(|place| place["city"].as_str()).collect();
    assert!(cities.len() >= 25, "{cities:?}");
    assert!(all(&causeway, "/v1/districts").len() >= 12);
    assert!(all(&causeway, "/v1/schools").len() >= 40);
}

#[test]
fn nobody_takes_it_for_real() {
    let causeway = Causeway::with_demonstration();
    for organization in all(&causeway, "/v1/organizations") {
        assert!(organization["name"].as_str().unwrap().ends_with(" (demo)"), "{organization}");
        for address in ["email", "website"] {
            let text = organization[address].as_str().unwrap_or("a.example.org");
            assert!(text.ends_with(".example.org"), "{organization}");
        }
    }
    for noun in ["organizations", "locations", "services", "schools"] {
        for one in all(&causeway, &format!("/v1/{noun}")) {
            let further = one["intake_phones"].as_array().into_iter().flatten();
            for phone in further.chain(one.get("phone")) {
                let number = phone.as_str().unwrap();
                assert!(number[5..].starts_with("55501"), "a number that could be someone's: {one}");
            }
            for address in ["email", "url"] {
                let text = one[address].as_str().unwrap_or("a.example.org");
                assert!(text.contains(".example.org"), "{one}");
            }
        }
    }
    for plan in all(&causeway, "/v1/insurance-plans") {
        assert!(
            plan["name"].as_str().unwrap().ends_with(" (demo)")
                && plan["payer"].as_str().unwrap().ends_with(" (demo)"),
            "{plan}"
        );
    }
    for school in all(&causeway, "/v1/schools").iter().chain(&all(&causeway, "/v1/districts")) {
        assert!(school["name"].as_str().unwrap().contains("Demonstration"), "{school}");
    }
}

#[test]
fn each_offering_can_be_found() {
    let causeway = Causeway::with_demonstration();
    let mut never: BTreeSet<String> =
        all(&causeway, "/v1/offerings").iter().map(|one| one["id"].to_string()).collect();
    let places = [
        "postal_code=01840",
        "postal_code=01852",
        "postal_code=02111",
        "postal_code=02301",
        "postal_code=01702",
        "postal_code=01605",
        "postal_code=01103",
        "postal_code=01301",
        "postal_code=01201",
        "postal_code=01230",
        "postal_code=02601",
        "postal_code=02740",
    ];
    let schools = all(&causeway, "/v1/schools");
    let schools = schools.iter().map(|school| format!("school={}", school["code"].as_str().unwrap()));
    for origin in places.into_iter().map(str::to_owned).chain(schools) {
        for item in found(&causeway, &format!("{origin}&audience=students,families,staff")).values() {
            never.remove(&item["offering"]["id"].to_string());
        }
    }
    assert!(never.is_empty(), "no question finds {never:?}");
}

#[test]
fn an_interpreter_is_no_clinician_who_speaks_the_language() {
    let causeway = Causeway::with_demonstration();
    is_found(
        &causeway,
        "Counseling in Haverhill",
        &[
            ("postal_code=01830&language=es", true),
            ("postal_code=01830&language=es&language_mode=interpreter", true),
            ("postal_code=01830&language=es&language_mode=provider", false),
            ("postal_code=01830&language=en&language_mode=provider", true),
            ("postal_code=01830&language=vi", false),
        ],
    );
    is_found(
        &causeway,
        "Bilingual counseling in Lawrence",
        &[("postal_code=01830&language=es&language_mode=provider", true)],
    );
}

#[test]
fn what_is_in_two_schools_is_there_for_these_and_no_other() {
    let causeway = Causeway::with_demonstration();
    is_found(
        &causeway,
        "Counseling at Mill Race and South Union",
        &[
            ("school=99010010", true),
            ("school=99010020", true),
            ("school=99010020&modality=in_school&language=es", true),
            ("postal_code=01840&school=99010010", true),
            ("school=99010030", false),
            ("school=99020010", false),
            ("postal_code=01841", false),
            ("school=99010010&modality=in_person", false),
        ],
    );
    is_found(
        &causeway,
        "Resilience groups at Clock Tower",
        &[("school=99010030", true), ("school=99010010", false)],
    );
}

#[test]
fn a_summer_program_is_found_for_the_summer_and_what_is_silent_is_not() {
    let causeway = Causeway::with_demonstration();
    let summer: Vec<String> =
        found(&causeway, "postal_code=01841&radius_km=5&schedule=summer").into_keys().collect();
    assert_eq!(summer, ["Summer leadership weeks (summer only)"]);
    is_found(
        &causeway,
        "Summer leadership weeks (summer only)",
        &[
            ("postal_code=01841", true),
            ("postal_code=01841&schedule=evening", false),
            ("postal_code=01841&schedule=weekend", false),
            ("postal_code=01841&schedule=summer&age=16", false),
        ],
    );
    is_found(&causeway, "After-school mentoring", &[("postal_code=01841&schedule=after_school", true)]);
}

#[test]
fn a_plan_that_is_closed_to_new_patients_or_has_ended_pays_for_nobody() {
    let causeway = Causeway::with_demonstration();
    let ask = |plan: &str| format!("postal_code=02111&coverage={plan}");
    is_found(
        &causeway,
        CHINATOWN,
        &[(&ask(WREN), true), (&ask("medicaid"), true), (&ask("commercial"), true), (&ask(ALDER), false)],
    );
    is_found(
        &causeway,
        "Therapy by video or phone",
        &[(&ask("commercial"), true), (&ask(WREN), false), (&ask(ALDER), false), (&ask("medicaid"), false)],
    );
    is_found(
        &causeway,
        "Child outpatient team",
        &[
            ("postal_code=01840&coverage=commercial", true),
            (&format!("postal_code=01840&coverage={TIDELINE}"), false),
        ],
    );
    let ended = found(&causeway, &format!("postal_code=01840&radius_km=500&coverage={TIDELINE}"));
    assert!(ended.is_empty(), "{ended:?}");
}

#[test]
fn telehealth_across_the_state_reaches_the_berkshires_and_stops_at_the_border() {
    let causeway = Causeway::with_demonstration();
    let there = found(&causeway, "postal_code=01230&modality=telehealth_video");
    for item in STATEWIDE.map(|name| &there[name]) {
        assert!(item.get("distance_km").is_none() && item["travel_minutes"] == 0.0, "{item}");
        assert!(
            item["reasons"].to_string().contains("assumed"),
            "where the student lives was not said: {item}"
        );
    }
    let live = found(&causeway, "postal_code=01230&residence=01230&modality=telehealth_video");
    assert_eq!(live.len(), there.len());
    assert!(live.values().all(|item| !item["reasons"].to_string().contains("assumed")));
    for name in STATEWIDE {
        is_found(
            &causeway,
            name,
            &[
                ("postal_code=03060&radius_km=500&modality=telehealth_video", false),
                ("postal_code=01840&residence=03060&radius_km=500", false),
                ("postal_code=03060&residence=01230&modality=telehealth_video", true),
                ("postal_code=01230&modality=in_person", false),
            ],
        );
    }
    // Elsewhere an area is smaller than the state.
    is_found(&causeway, "In-home therapy", &[("postal_code=01605", true), ("postal_code=01230", false)]);
    is_found(
        &causeway,
        "Family counseling",
        &[
            ("postal_code=02633&radius_km=0&modality=telehealth_video", true),
            ("postal_code=02111&radius_km=0&modality=telehealth_video", false),
        ],
    );
}

#[test]
fn one_clinician_has_one_calendar_however_many_offerings_it_serves() {
    let causeway = Causeway::with_demonstration();
    let chinese = "postal_code=02111&language=yue";
    let pools = |items: &BTreeMap<String, Value>| -> BTreeSet<String> {
        items.values().map(|item| item["offering"]["capacity_pool_id"].to_string()).collect()
    };
    let of_the_clinician = |query: &str| {
        let mut found = found(&causeway, query);
        found.retain(|name, _| [CHINATOWN, QUINCY, BY_VIDEO].contains(&name.as_str()));
        found
    };
    let before = of_the_clinician(chinese);
    assert_eq!(before.len(), 3);
    assert_eq!(pools(&before).len(), 1);
    assert!(before.values().all(|item| item["availability"]["open_slots"] == 2), "{before:?}");
    assert_eq!(of_the_clinician(&format!("{chinese}&availability=open")).len(), 3);

    let one = before[QUINCY]["offering"]["id"].as_str().unwrap();
    causeway.put(&format!("/v1/offerings/{one}/availability"), &json!({"status": "no-capacity"})).expect(200);
    assert!(of_the_clinician(&format!("{chinese}&availability=waitlist")).is_empty());
    assert!(of_the_clinician(chinese).values().all(|item| item["availability"]["status"] == "no-capacity"));
    causeway.clock.advance(Duration::from_hours(60 * 24));
    assert!(of_the_clinician(chinese).values().all(|item| item["availability"]["status"] == "unknown"));
}

#[test]
fn what_was_not_said_of_ages_and_whom_it_is_not_for_is_respected() {
    let causeway = Causeway::with_demonstration();
    let facility = "Everything listed for the main clinic";
    is_found(
        &causeway,
        facility,
        &[
            ("postal_code=01840&age=10", true),
            ("postal_code=01840&age=15", false),
            ("postal_code=01840&grade=4", true),
            ("postal_code=01840&grade=7", false),
        ],
    );
    let item = found(&causeway, "postal_code=01840")[facility].clone();
    assert!(item["reasons"].to_string().contains("listed, not confirmed together"), "{item}");
    is_found(
        &causeway,
        "Groceries",
        &[("postal_code=01843", false), ("postal_code=01843&audience=families", true)],
    );
    is_found(
        &causeway,
        "Individual therapy",
        &[
            ("postal_code=01230", true),
            ("postal_code=01230&age=10", false),
            ("postal_code=01230&coverage=commercial", true),
            ("postal_code=01230&coverage=medicaid", false),
        ],
    );
}
