//! The demonstration directory: whole, plainly fictional, and awkward where real directories are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use causeway::exchange::demonstration;
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

fn demonstration() -> Causeway {
    let causeway = Causeway::on_sqlite();
    let summary = demonstration::load(causeway.store()).unwrap();
    assert_eq!((summary.read, summary.landed), (summary.created, true));
    causeway
}

/// Everything in a list.
fn all(causeway: &Causeway, path: &str) -> Vec<Value> {
    let list = causeway.get(&format!("{path}?limit=100")).expect(200).json();
    assert!(list["next_cursor"].is_null(), "{path} has more than one page");
    list["items"].as_array().unwrap().clone()
}

/// What a search finds, each by its own name or that of its service.
fn found(causeway: &Causeway, query: &str) -> BTreeMap<String, Value> {
    let answer = causeway.get(&format!("/v1/search?{query}&limit=100")).expect(200).json();
    let name = |item: &Value| {
        item["offering"]["name"].as_str().or(item["service"]["name"].as_str()).unwrap().to_owned()
    };
    answer["items"].as_array().unwrap().iter().map(|item| (name(item), item.clone())).collect()
}

/// Whether each of these questions finds it.
#[track_caller]
fn is_found(causeway: &Causeway, name: &str, questions: &[(&str, bool)]) {
    for (query, expected) in questions {
        let found = found(causeway, query);
        assert_eq!(found.contains_key(name), *expected, "{name}: {query}: {:?}", found.keys());
    }
}

#[test]
fn it_is_whole_and_every_kind_of_claim_is_in_it() {
    let causeway = demonstration();
    assert_eq!(causeway.context.app.indexed(), 30);
    let offerings = all(&causeway, "/v1/offerings");
    assert_eq!(offerings.len(), 30);
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
}

#[test]
fn nobody_takes_it_for_real() {
    let causeway = demonstration();
    for organization in all(&causeway, "/v1/organizations") {
        assert!(organization["name"].as_str().unwrap().ends_with(" (demo)"), "{organization}");
        for address in ["email", "website"] {
            let text = organization[address].as_str().unwrap_or("a.example.org");
            assert!(text.ends_with(".example.org"), "{organization}");
        }
    }
    for noun in ["organizations", "locations", "services"] {
        for one in all(&causeway, &format!("/v1/{noun}")) {
            let phone = one["phone"].as_str().unwrap_or("+10005550100");
            assert!(phone[5..].starts_with("55501"), "a number that could be someone's: {one}");
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
    let causeway = demonstration();
    let mut never: BTreeSet<String> =
        all(&causeway, "/v1/offerings").iter().map(|one| one["id"].to_string()).collect();
    let places = [
        "postal_code=01840",
        "postal_code=02111",
        "postal_code=01605",
        "postal_code=01103",
        "postal_code=01230",
        "postal_code=02540",
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
    let causeway = demonstration();
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
    let causeway = demonstration();
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
    let causeway = demonstration();
    let summer: Vec<String> = found(&causeway, "postal_code=01841&schedule=summer").into_keys().collect();
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
    let causeway = demonstration();
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
    let causeway = demonstration();
    let there = found(&causeway, "postal_code=01230&modality=telehealth_video");
    assert_eq!(there.keys().map(String::as_str).collect::<Vec<_>>(), STATEWIDE);
    for item in there.values() {
        assert!(item.get("distance_km").is_none() && item["travel_minutes"] == 0.0, "{item}");
        assert!(
            item["reasons"].to_string().contains("assumed"),
            "where the student lives was not said: {item}"
        );
    }
    let live = found(&causeway, "postal_code=01230&residence=01230&modality=telehealth_video");
    assert!(live.len() == 4 && live.values().all(|item| !item["reasons"].to_string().contains("assumed")));
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
    let causeway = demonstration();
    let chinese = "postal_code=02111&language=yue";
    let pools = |items: &BTreeMap<String, Value>| -> BTreeSet<String> {
        items.values().map(|item| item["offering"]["capacity_pool_id"].to_string()).collect()
    };
    let before = found(&causeway, chinese);
    assert_eq!(before.keys().map(String::as_str).collect::<Vec<_>>(), [CHINATOWN, QUINCY, BY_VIDEO]);
    assert_eq!(pools(&before).len(), 1);
    assert!(before.values().all(|item| item["availability"]["open_slots"] == 2), "{before:?}");
    assert_eq!(found(&causeway, &format!("{chinese}&availability=open")).len(), 3);

    let one = before[QUINCY]["offering"]["id"].as_str().unwrap();
    causeway.put(&format!("/v1/offerings/{one}/availability"), &json!({"status": "no-capacity"})).expect(200);
    assert!(found(&causeway, &format!("{chinese}&availability=waitlist")).is_empty());
    assert!(found(&causeway, chinese).values().all(|item| item["availability"]["status"] == "no-capacity"));
    causeway.clock.advance(Duration::from_hours(60 * 24));
    assert!(found(&causeway, chinese).values().all(|item| item["availability"]["status"] == "unknown"));
}

#[test]
fn what_was_not_said_of_ages_and_whom_it_is_not_for_is_respected() {
    let causeway = demonstration();
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
