//! Awkward cases of the demonstration, as real directories have them, and a question that nearly finds something.

use serde_json::Value;

use crate::demonstration::{found, is_found};
use crate::support::Causeway;

/// The one item of this name that a question finds.
#[track_caller]
fn the(causeway: &Causeway, query: &str, name: &str) -> Value {
    let mut found = found(causeway, query);
    found.remove(name).unwrap_or_else(|| panic!("{query} does not find {name}: {:?}", found.keys()))
}

#[test]
fn an_interpreter_is_the_only_way_to_some_languages() {
    let causeway = Causeway::with_demonstration();
    let name = "Interpreted therapy for children, by video";
    for language in ["rw", "my", "ur", "mam"] {
        let ask = format!("postal_code=01201&language={language}");
        is_found(&causeway, name, &[(&ask, true), (&format!("{ask}&language_mode=provider"), false)]);
    }
}

#[test]
fn what_a_facility_listed_stands_below_its_team_in_the_same_building() {
    let causeway = Causeway::with_demonstration();
    let ask =
        "postal_code=02115&radius_km=5&language=en&coverage=medicaid&need=anxiety&age=9&modality=in_person";
    let team = the(&causeway, ask, "Anxiety and OCD clinic, Fenway");
    let facility = the(&causeway, ask, "Everything listed for the hospital");
    assert_eq!(team["location"]["id"], facility["location"]["id"]);
    assert!(facility["reasons"].to_string().contains("listed, not confirmed together"), "{facility}");
    assert!(team["score"].as_f64().unwrap() > facility["score"].as_f64().unwrap(), "{team} {facility}");
}

#[test]
fn a_plan_may_be_closed_to_new_patients_where_its_neighbour_is_open() {
    let causeway = Causeway::with_demonstration();
    let plan = |name: &str| {
        let plans = causeway.get("/v1/insurance-plans?limit=100").expect(200).json();
        let plan = plans["items"].as_array().unwrap().iter().find(|plan| plan["name"] == name).cloned();
        plan.unwrap()["id"].as_str().unwrap().to_owned()
    };
    let ask = |name: &str| format!("postal_code=02138&radius_km=3&coverage={}", plan(name));
    is_found(
        &causeway,
        "Family therapist, Cambridge",
        &[
            (&ask("Wren Choice PPO (demo)"), false),
            (&ask("Granite Choice EPO (demo)"), true),
            ("postal_code=02138&radius_km=3&coverage=commercial", true),
        ],
    );
}

#[test]
fn capacity_that_was_said_long_ago_is_unknown_and_no_opening() {
    let causeway = Causeway::with_demonstration();
    let name = "Outpatient therapy, Gardner";
    let item = the(&causeway, "postal_code=01440", name);
    assert_eq!(item["availability"]["status"], "unknown");
    assert!(item["availability"]["as_of"].is_string(), "its age is shown: {item}");
    is_found(&causeway, name, &[("postal_code=01440&availability=open", false)]);
}

#[test]
fn a_list_may_be_months_long_or_not_move_at_all() {
    let causeway = Causeway::with_demonstration();
    let wait = |query: &str, name: &str| the(&causeway, query, name)["availability"].clone();
    let months = wait("postal_code=01105", "Child psychiatry, State Street");
    assert_eq!((&months["status"], &months["open_slots"]), (&"waitlist".into(), &0.into()));
    is_found(
        &causeway,
        "Child psychiatry, State Street",
        &[
            ("postal_code=01105&max_wait_days=180", false),
            ("postal_code=01105&availability=open", false),
            ("postal_code=01105&availability=waitlist", true),
        ],
    );
    // Nobody has started: however short the list, no wait can be told.
    let name = "Trauma counseling for refugee families, Roxbury";
    let id = the(&causeway, "postal_code=02119", name)["offering"]["id"].as_str().unwrap().to_owned();
    let still = causeway.get(&format!("/v1/offerings/{id}/availability")).expect(200).json();
    assert_eq!((&still["waiting"], &still["starts_last_28_days"]), (&9.into(), &0.into()), "{still}");
    is_found(
        &causeway,
        name,
        &[
            ("postal_code=02119&max_wait_days=10000", false),
            ("postal_code=02119&availability=waitlist", true),
        ],
    );
}

#[test]
fn creole_without_more_is_not_yet_haitian_or_cape_verdean() {
    let causeway = Causeway::with_demonstration();
    let name = "After-school program listed as speaking Creole, Brockton";
    is_found(
        &causeway,
        name,
        &[
            ("postal_code=02301", true),
            ("postal_code=02301&language=ht", false),
            ("postal_code=02301&language=kea", false),
            ("postal_code=02301&language=crp", true),
        ],
    );
    is_found(
        &causeway,
        "Student counseling in Chinese, dialect not said",
        &[
            ("postal_code=02171&language=zh", true),
            ("postal_code=02171&language=yue", false),
            ("postal_code=02171&language=cmn", false),
        ],
    );
}

#[test]
fn what_is_for_families_or_staff_is_not_shown_to_those_who_look_for_a_student() {
    let causeway = Causeway::with_demonstration();
    is_found(
        &causeway,
        "Classroom consultation for teachers",
        &[("postal_code=02111", false), ("postal_code=02111&audience=staff", true)],
    );
    is_found(
        &causeway,
        "Fathers' breakfast, Leominster",
        &[("postal_code=01453", false), ("postal_code=01453&audience=families", true)],
    );
}

#[test]
fn an_agency_without_people_here_can_be_called_and_is_found_all_the_same() {
    let causeway = Causeway::with_demonstration();
    let item = the(&causeway, "postal_code=02111&audience=families", "Education advocacy, Boston");
    assert_eq!(item["organization"]["engagement"], "listed");
    assert!(item["organization"]["phone"].is_string(), "{item}");
    assert!(item["availability"]["status"] == "unknown" && item["availability"]["as_of"].is_null(), "{item}");
}

#[test]
fn money_that_ends_soon_is_said_and_ends_no_offering() {
    let causeway = Causeway::with_demonstration();
    let ask = "postal_code=02111&audience=families&need=housing&radius_km=5";
    let item = the(&causeway, ask, "Housing search, Boston");
    let service =
        causeway.get(&format!("/v1/services/{}", item["service"]["id"].as_str().unwrap())).expect(200);
    assert_eq!(service.json()["funding_ends_on"], "2026-12-15");
}

#[test]
fn crisis_teams_come_anywhere_in_the_state_though_nobody_said_how_free_they_are() {
    let causeway = Causeway::with_demonstration();
    for (home, team) in [
        ("02128", "Youth mobile crisis, Boston"),
        ("01830", "Youth mobile crisis, Merrimack Valley"),
        ("01420", "Youth mobile crisis, north Worcester county"),
        ("01301", "Youth mobile crisis, Pioneer Valley"),
        ("01247", "Youth mobile crisis, Berkshires"),
        ("02554", "Youth mobile crisis, Cape and Islands"),
    ] {
        let item =
            the(&causeway, &format!("postal_code={home}&need=suicidality&age=14&modality=in_home"), team);
        assert_eq!(item["availability"]["status"], "unknown", "{item}");
    }
}

#[test]
fn what_is_kept_for_some_schools_is_there_for_their_students_only() {
    let causeway = Causeway::with_demonstration();
    is_found(
        &causeway,
        "Afternoons for Clock Tower students",
        &[
            ("school=99010030", true),
            ("school=99010020", false),
            ("postal_code=01840", false),
            ("postal_code=01840&school=99010030", true),
        ],
    );
}

#[test]
fn a_collaborative_offers_services_and_has_districts_and_a_school() {
    let causeway = Causeway::with_demonstration();
    let districts = causeway.get("/v1/districts?limit=100").expect(200).json();
    let districts = districts["items"].as_array().unwrap();
    let collaborative = districts.iter().find(|district| district["kind"] == "collaborative").unwrap();
    assert_eq!(collaborative["members"].as_array().map(Vec::len), Some(3));
    let organization = collaborative["organization_id"].as_str().unwrap();
    causeway.get(&format!("/v1/organizations/{organization}")).expect(200);
    is_found(
        &causeway,
        "Therapeutic day program, River Bend",
        &[("school=99180010", true), ("school=99030010", false)],
    );
    for kind in ["district", "charter", "vocational", "collaborative"] {
        assert!(districts.iter().any(|district| district["kind"] == kind), "{kind}");
    }
    // An agreement opens what is given in schools and names none.
    is_found(
        &causeway,
        "Classroom consultation for teachers",
        &[
            ("school=99020010&audience=staff&modality=in_school", true),
            ("school=99030010&audience=staff&modality=in_school", false),
        ],
    );
}

#[test]
fn an_area_is_drawn_on_the_map_or_is_a_town() {
    let causeway = Causeway::with_demonstration();
    is_found(
        &causeway,
        "In-home behavioral services, Worcester hills",
        &[("postal_code=01602", true), ("postal_code=01612", true), ("postal_code=01604", false)],
    );
    is_found(
        &causeway,
        "Family partner, Chelsea",
        &[
            ("postal_code=02150&audience=families", true),
            ("postal_code=02169&audience=families", false),
            ("postal_code=02169&residence=02150&audience=families", true),
            ("town=Chelsea&audience=families", true),
        ],
    );
    is_found(&causeway, "Child therapy, Hyannis", &[("town=Barnstable,%20MA&radius_km=10", true)]);
}

/// A child of nine in Hyannis who needs trauma treatment in Portuguese, in person, on Medicaid. Nothing fits,
/// and whichever one rule is bent, something does.
#[test]
fn near_hyannis_nothing_fits_and_something_does_for_each_rule_that_is_bent() {
    const RULES: [(&str, &str, &str); 6] = [
        ("location", "radius_km=20", "Trauma treatment in Portuguese, Falmouth"),
        ("language", "language=pt", "Child therapy, Hyannis"),
        ("modality", "modality=in_person", "Children's therapy in Portuguese, by video or phone"),
        ("coverage", "coverage=medicaid", "Therapy in Portuguese, Barnstable Village"),
        ("need", "need=trauma", "Counseling after a loss, Hyannis"),
        ("age", "age=9", "Teen therapy, Yarmouth"),
    ];
    let causeway = Causeway::with_demonstration();
    let without = |left_out: &str| {
        let rules = RULES.iter().filter(|(rule, ..)| *rule != left_out).map(|(_, parameter, _)| *parameter);
        found(&causeway, &format!("postal_code=02601&{}", rules.collect::<Vec<_>>().join("&")))
    };
    assert!(without("nothing").is_empty(), "{:?}", without("nothing").keys());
    for (rule, _, name) in RULES {
        let found = without(rule);
        assert!(found.contains_key(name), "without {rule}: {:?}", found.keys());
    }
    let falmouth = &without("location")["Trauma treatment in Portuguese, Falmouth"];
    let km = falmouth["distance_km"].as_f64().unwrap();
    assert!((25.0..60.0).contains(&km), "{km}");
}
