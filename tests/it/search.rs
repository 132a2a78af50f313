//! The finder through HTTP.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{ids, on_both};

const HERE: &str = "near=42.7070,-71.1631";

on_both! {
    fn a_change_is_searchable_in_the_response_that_made_it(causeway) {
        let offering = causeway.offering(json!({"languages": [{"language": "es", "mode": "provider"}]}));
        let spanish = format!("{HERE}&language=es");
        assert_eq!(causeway.found(&spanish), [offering.id.as_str()]);

        let item = format!("/v1/offerings/{}", offering.id);
        causeway.patch(&item, "\"1\"", &json!({"languages": [{"language": "pt", "mode": "provider"}]})).expect(200);
        assert!(causeway.found(&spanish).is_empty());
        assert_eq!(causeway.found(&format!("{HERE}&language=pt")), [offering.id.as_str()]);

        let location = format!("/v1/locations/{}", offering.location);
        let far = json!({"coordinates": {"latitude": 10.0, "longitude": 10.0, "quality": "rooftop"}});
        causeway.patch(&location, "\"1\"", &far).expect(200);
        assert!(causeway.found(HERE).is_empty());
        assert_eq!(causeway.found("near=10,10"), [offering.id.as_str()]);

        let service = format!("/v1/services/{}", offering.service);
        causeway.patch(&service, "\"1\"", &json!({"status": "temporarily closed"})).expect(200);
        assert!(causeway.found("near=10,10").is_empty());
        causeway.patch(&service, "\"2\"", &json!({"status": "active", "audience": ["families"]})).expect(200);
        assert!(causeway.found("near=10,10").is_empty());
        assert_eq!(causeway.found("near=10,10&audience=families"), [offering.id.as_str()]);

        causeway.delete(&format!("/v1/organizations/{}", offering.organization), "\"1\"").expect(204);
        assert!(causeway.found("near=10,10&audience=families").is_empty());
    }
}

on_both! {
    fn every_change_makes_a_new_revision(causeway) {
        let revision = || causeway.get(&format!("/v1/search?{HERE}")).expect(200).json()["revision"].clone();
        let before = revision();
        let offering = causeway.offering(json!({}));
        let after = revision();
        assert_ne!(before, after);
        causeway.put(&format!("/v1/offerings/{}/availability", offering.id), &json!({"status": "capacity"})).expect(200);
        assert_ne!(after, revision());
    }
}

on_both! {
    fn what_nobody_said_never_satisfies_a_requirement(causeway) {
        let silent = causeway.offering(json!({}));
        for query in ["language=es", "tier=2", "coverage=medicaid", "need=trauma", "age=10", "modality=in_person",
                      "population=newcomers", "practice=cbt", "schedule=weekend", "accessibility=wheelchair", "availability=open", "max_wait_days=30"] {
            assert!(causeway.found(&format!("{HERE}&{query}")).is_empty(), "{query}");
        }
        assert_eq!(causeway.found(HERE), [silent.id.as_str()]);
    }
}

on_both! {
    fn plans_pay_while_they_are_in_effect_and_take_new_patients(causeway) {
        let plan = causeway.create("/v1/insurance-plans", &json!({"name": "P", "payer": "Q", "category": "medicaid", "effective_until": "2026-11-30"}));
        let closed = causeway.create("/v1/insurance-plans", &json!({"name": "R", "payer": "Q", "category": "medicaid"}));
        let offering = causeway.offering(json!({"coverage": {"plans": [
            {"insurance_plan_id": plan, "accepting_new": true}, {"insurance_plan_id": closed, "accepting_new": false}]}}));
        let pays = |coverage: &str| causeway.found(&format!("{HERE}&coverage={coverage}")) == [offering.id.clone()];
        assert!(pays(&plan) && pays("medicaid"));
        assert!(!pays(&closed) && !pays("commercial"));
        causeway.clock.advance(Duration::from_hours(216));
        assert!(!pays(&plan) && !pays("medicaid"), "the plan has ended");
        causeway.patch(&format!("/v1/insurance-plans/{plan}"), "\"1\"", &json!({"effective_until": null, "category": "chip"})).expect(200);
        assert!(pays(&plan) && pays("chip") && !pays("medicaid"));
        causeway.delete(&format!("/v1/insurance-plans/{plan}"), "\"2\"").expect(204);
        assert!(!pays(&plan), "a retired plan pays for nobody");
    }
}

on_both! {
    fn a_plan_that_has_ended_is_met_by_no_category(causeway) {
        let plan = causeway.create(
            "/v1/insurance-plans",
            &json!({"name": "P", "payer": "Q", "category": "medicaid", "effective_until": "2026-11-30"}),
        );
        let whole = causeway.offering(json!({"coverage": {"categories": ["medicaid"]}}));
        let odd = json!({"coverage": {"categories": ["medicaid"]}, "ages": {"accepted": [{"min": 5.5, "max": 9}]}});
        let odd = causeway.offering(odd);
        let mut found = causeway.found(&format!("{HERE}&coverage={plan}"));
        found.sort();
        let mut both = [whole.id, odd.id];
        both.sort();
        assert_eq!(found, both);
        causeway.clock.advance(Duration::from_hours(9 * 24));
        assert!(causeway.found(&format!("{HERE}&coverage={plan}")).is_empty());
    }
}

on_both! {
    fn contributions_add_up_to_the_score_exactly(causeway) {
        causeway.offering(json!({"languages": [{"language": "es", "mode": "interpreter"}], "practices": ["cbt"]}));
        let answer = causeway.get(&format!("/v1/search?{HERE}&language=es&explain=true")).expect(200).json();
        let item = &answer["items"][0];
        let factors = item["explanation"]["factors"].as_array().unwrap();
        let sum = factors.iter().fold(0.0, |sum, factor| sum + factor["contribution"].as_f64().unwrap());
        assert_eq!(sum.to_bits(), item["score"].as_f64().unwrap().to_bits());
        assert!(factors.len() >= 4);
        let plain = causeway.get(&format!("/v1/search?{HERE}&language=es")).expect(200).json();
        assert!(plain["items"][0].get("explanation").is_none());
        assert!(!plain["items"][0]["reasons"].as_array().unwrap().is_empty());
    }
}

on_both! {
    fn facts_of_a_facility_are_said_to_be_listed_and_not_confirmed_together(causeway) {
        let team = causeway.offering(json!({}));
        let facility = causeway.offering(json!({"grain": "facility"}));
        let answer = causeway.get(&format!("/v1/search?{HERE}")).expect(200).json();
        assert_eq!(ids(&answer), [team.id, facility.id], "a facility ranks lower than a team");
        let says = |item: &Value| {
            item["reasons"].as_array().unwrap().iter().any(|reason| reason["text"].as_str().unwrap().contains("listed, not confirmed together"))
        };
        assert!(!says(&answer["items"][0]) && says(&answer["items"][1]));
    }
}

on_both! {
    fn pages_join_into_the_whole_answer(causeway) {
        for step in 0..23_u32 {
            let coordinates = json!({"latitude": 42.7 + f64::from(step / 3) / 100.0, "longitude": -71.16, "quality": "town"});
            causeway.offering_at(&coordinates, json!({}));
        }
        for sort in ["match", "distance", "wait"] {
            let query = format!("/v1/search?{HERE}&sort={sort}");
            let whole = ids(&causeway.get(&format!("{query}&limit=100")).expect(200).json());
            assert_eq!(whole.len(), 23);
            let (mut joined, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = causeway.get(&format!("{query}&limit=5{cursor}")).expect(200).json();
                assert_eq!(page["total"], json!({"value": 23, "relation": "eq"}));
                joined.extend(ids(&page));
                let Some(next) = page["next_cursor"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
            assert_eq!(joined, whole, "{sort}");
            causeway.get(&format!("{query}&limit=5&tier=1{cursor}")).expect(400);
        }
    }
}

on_both! {
    fn a_cursor_asks_every_page_at_the_same_instant_and_grows_old(causeway) {
        for _ in 0..3 {
            let offering = causeway.offering(json!({}));
            let claim = json!({"status": "capacity", "valid_until": "2026-11-22T12:05:00Z"});
            causeway.put(&format!("/v1/offerings/{}/availability", offering.id), &claim).expect(200);
        }
        let query = format!("/v1/search?{HERE}&availability=open&limit=2");
        let cursor = causeway.get(&query).expect(200).json()["next_cursor"].as_str().unwrap().to_owned();
        causeway.clock.advance(Duration::from_mins(10));
        let rest = causeway.get(&format!("{query}&cursor={cursor}")).expect(200).json();
        assert_eq!(ids(&rest).len(), 1, "what was open on the first page is not lost on the second");
        causeway.clock.advance(Duration::from_mins(6));
        causeway.get(&format!("{query}&cursor={cursor}")).expect(400);
    }
}

on_both! {
    fn services_for_residents_and_schools_go_by_residence_and_school(causeway) {
        let school = causeway.create("/v1/schools", &json!({"code": "77", "name": "S", "postal_code": "01840"}));
        let other = causeway.create("/v1/schools", &json!({"code": "78", "name": "T", "postal_code": "01840"}));
        let offering = causeway.offering(json!({}));
        let make = |facts: Value| {
            let mut body = json!({"service_id": offering.service, "grain": "team"});
            body.as_object_mut().unwrap().extend(facts.as_object().unwrap().clone());
            causeway.create("/v1/offerings", &body)
        };
        let statewide = make(json!({"modalities": ["telehealth_video"], "service_area": {"states": ["MA"]}}));
        let in_school = make(json!({"modalities": ["in_school"], "schools": [school]}));
        let found = |query: &str, id: &str| causeway.found(query).iter().any(|found| found == id);
        assert!(found("postal_code=01230&modality=telehealth_video", &statewide), "200 km away and in the state");
        assert!(!found("postal_code=03060&radius_km=100", &statewide), "nearer, but in New Hampshire");
        assert!(found("postal_code=03060&residence=01840", &statewide), "it goes by the residence");
        assert!(found("school=77", &in_school) && found(&format!("postal_code=01840&school={school}"), &in_school));
        assert!(!found("school=78", &in_school) && !found(&format!("school={other}"), &in_school));
        assert!(!found("postal_code=01840", &in_school), "without a school it cannot be said");
        let answer = causeway.get("/v1/search?postal_code=01230&modality=telehealth_video").json();
        assert_eq!((answer["items"][0]["travel_minutes"].as_f64(), answer["items"][0].get("distance_km")), (Some(0.0), None));
        assert!(answer["items"][0]["reasons"].to_string().contains("assumed"));
    }
}

on_both! {
    fn what_has_no_place_is_not_found_by_radius(causeway) {
        let offering = causeway.offering(json!({}));
        let unplaced = causeway.create("/v1/locations", &json!({"name": "Somewhere", "postal_code": "00001"}));
        let id = causeway.create("/v1/offerings", &json!({"service_id": offering.service, "location_id": unplaced, "grain": "team"}));
        assert!(!causeway.found(&format!("{HERE}&radius_km=500")).contains(&id));
    }
}

on_both! {
    fn a_match_is_a_search_with_wishes(causeway) {
        let plain = causeway.offering(json!({"languages": [{"language": "es", "mode": "provider"}]}));
        let wished = causeway.offering(json!({"languages": [{"language": "es", "mode": "provider"}], "practices": ["tf_cbt"]}));
        let body = json!({"origin": {"near": {"latitude": 42.7070, "longitude": -71.1631}}, "required": {"languages": {"any_of": ["es"]}}, "preferred": {"practices": ["tf_cbt"]}});
        let answer = causeway.post("/v1/matches", &body).expect(200).json();
        assert_eq!(ids(&answer), [wished.id.clone(), plain.id.clone()]);
        let all = json!({"origin": {"postal_code": "01840"}, "required": {"practices": {"all_of": ["tf_cbt", "cbt"]}}});
        assert!(ids(&causeway.post("/v1/matches", &all).expect(200).json()).is_empty());
        for (wrong, pointer) in [
            (json!({}), ""),
            (json!({"origin": {}}), "/origin/near"),
            (json!({"origin": {"postal_code": "01840"}, "name": "a child"}), "/name"),
            (json!({"origin": {"postal_code": "99999"}}), "/origin/postal_code"),
            (json!({"origin": {"postal_code": "01840"}, "radius_km": 501}), "/radius_km"),
            (json!({"origin": {"postal_code": "01840"}, "limit": 0}), "/limit"),
            (json!({"origin": {"postal_code": "01840"}, "required": {"tiers": {"any_of": []}}}), "/required/tiers/any_of"),
            (json!({"origin": {"postal_code": "01840"}, "required": {"age": 5, "grade": "1"}}), "/required/grade"),
        ] {
            let refused = causeway.post("/v1/matches", &wrong).expect(400);
            assert_eq!(refused.errors()[0].0, pointer, "{wrong}: {}", refused.text);
        }
    }
}

on_both! {
    fn a_misspelt_blank_or_contradictory_parameter_is_refused_and_says_what_would_be_right(causeway) {
        causeway.offering(json!({}));
        for (query, place, words) in [
            ("", "near", "needs a place to start from"),
            ("near=91,0", "near", "latitude 91"),
            ("near=0,181", "near", "longitude 181"),
            ("near=NaN,0", "near", "latitude NaN"),
            ("near=42.7", "near", "LAT,LON"),
            ("near=", "near", "is empty"),
            ("near=0,0&postal_code=01840", "near", "contradicts postal_code"),
            ("postal_code=1840", "postal_code", "five digits"),
            ("postal_code=01899", "postal_code", "near it are"),
            ("school=nowhere", "school", "neither the id nor the code"),
            ("postal_code=01840&radius_km=501", "radius_km", "not from 0 to 500"),
            ("postal_code=01840&radius_km=-1", "radius_km", "not from 0 to 500"),
            ("postal_code=01840&radius_km=1e999", "radius_km", "not a number"),
            ("postal_code=01840&radius_km=", "radius_km", "is empty"),
            ("postal_code=01840&limit=0", "limit", "1 to 100"),
            ("postal_code=01840&language=spanish", "language", "near it are es"),
            ("postal_code=01840&language=e", "language", "not in the vocabulary"),
            ("postal_code=01840&language_mode=provider", "language_mode", "add language"),
            ("postal_code=01840&need=truama", "need", "near it are trauma"),
            ("postal_code=01840&coverage=medicade", "coverage", "did you mean medicaid"),
            (
                "postal_code=01840&coverage=0192d7a0-0000-7000-8000-000000000001",
                "coverage",
                "there is no insurance plan",
            ),
            ("postal_code=01840&age=10&grade=4", "grade", "contradicts age"),
            ("postal_code=01840&age=-1", "age", "not an age"),
            ("postal_code=01840&grade=13", "grade", "not a grade"),
            ("postal_code=01840&langauge=es", "langauge", "did you mean language"),
            ("postal_code=01840&tier=1&tier=4", "tier", "not a tier"),
            ("postal_code=01840&explain=yes", "explain", "neither true nor false"),
            ("postal_code=01840&sort=best", "sort", "match, distance, wait"),
            ("postal_code=01840&need=%ff%fe", "need", "not UTF-8"),
            ("postal_code=01840&max_wait_days=-3", "max_wait_days", "negative"),
        ] {
            let refused = causeway.get(&format!("/v1/search?{query}")).expect(400);
            let errors = refused.errors();
            assert!(errors.iter().any(|(at, text)| at == place && text.contains(words)), "{query}: {}", refused.text);
        }
        assert_eq!(causeway.get("/v1/search?near=0,0&radius_km=0").expect(200).json()["total"]["value"], 0);
        assert_eq!(causeway.get("/v1/search?near=0,0&radius_km=500&tier=1,2&tier=3").expect(200).json()["total"]["value"], 0);
    }
}

on_both! {
    fn nothing_is_searched_before_the_finder_is_loaded(causeway) {
        let mut causeway = causeway;
        let app = causeway::app::App::new(causeway.store().clone()).unwrap();
        causeway.change(|context| context.app = app);
        let early = causeway.get(&format!("/v1/search?{HERE}"));
        assert_eq!((early.status, early.json()["code"].as_str(), early.header("retry-after")), (503, Some("starting"), Some("1")));
        causeway.get("/readyz").expect(503);
        causeway.get("/healthz").expect(200);
        causeway.context().app.load().unwrap();
        causeway.get("/readyz").expect(200);
    }
}
