//! What a coordinator's call found: a claim, an assertion, a mark on the record; and what was observed of a pool.

use actix_web::test::TestRequest;
use causeway::access::{Role, Tie};
use serde_json::{Value, json};

use crate::support::{Answer, Causeway, Offering, on_both};

const LAWRENCE: &str = "postal_code=01840";

/// A token of a coordinator of a district of their own.
fn coordinator(causeway: &Causeway, district: &str) -> String {
    let id = causeway.create("/v1/districts", &json!({"name": district, "state": "MA", "code": district}));
    causeway.token(Role::Coordinator, &Tie::District { district: id.parse().unwrap(), schools: Vec::new() })
}

fn call(causeway: &Causeway, token: &str, report: &Value) -> Answer {
    causeway.send_as(token, TestRequest::post().uri("/v1/contact-attempts").set_json(report))
}

fn pool(causeway: &Causeway, offering: &Offering) -> String {
    let shown = causeway.get(&format!("/v1/offerings/{}", offering.id)).expect(200).json();
    shown["capacity_pool_id"].as_str().unwrap().to_owned()
}

fn said(causeway: &Causeway, token: &str, pool: &str) -> Vec<Value> {
    let path = format!("/v1/capacity-pools/{pool}/contact-attempts");
    let list = causeway.send_as(token, TestRequest::get().uri(&path)).expect(200).json();
    list["items"].as_array().unwrap().clone()
}

on_both! {
    fn what_a_call_found_of_capacity_is_everybodys_claim_for_three_days(causeway) {
        let offering = causeway.offering(json!({}));
        let token = coordinator(&causeway, "North");
        let found = call(&causeway, &token, &json!({"offering_id": offering.id, "outcome": "waiting", "waiting": 6, "language": "es"}));
        let found = found.expect(201).json();
        assert_eq!((&found["availability"]["status"], &found["availability"]["waiting"]), (&json!("waitlist"), &json!(6)));
        assert_eq!(found["availability"]["method"], "coordinator_call");
        assert_eq!(found["availability"]["valid_until"], "2026-11-25T12:00:00Z");
        assert_eq!(causeway.found(&format!("{LAWRENCE}&availability=waitlist")), [offering.id.as_str()]);
        assert!(causeway.found(&format!("{LAWRENCE}&availability=open")).is_empty());
        call(&causeway, &token, &json!({"offering_id": offering.id, "outcome": "open", "open_slots": 1})).expect(201);
        assert_eq!(causeway.found(&format!("{LAWRENCE}&availability=open")), [offering.id.as_str()]);
        causeway.clock.advance(std::time::Duration::from_hours(72));
        assert!(causeway.found(&format!("{LAWRENCE}&availability=open")).is_empty(), "nobody takes it back");
    }
}

on_both! {
    fn an_earlier_call_does_not_stand_before_what_the_agency_said_since(causeway) {
        let offering = causeway.offering(json!({}));
        let availability = format!("/v1/offerings/{}/availability", offering.id);
        causeway.put(&availability, &json!({"status": "capacity", "open_slots": 2})).expect(200);
        let token = coordinator(&causeway, "North");
        let report = json!({"offering_id": offering.id, "outcome": "full", "attempted_at": "2026-11-22T09:00:00Z"});
        let found = call(&causeway, &token, &report).expect(201).json();
        assert_eq!(found["availability"]["status"], "capacity");
        assert_eq!(causeway.get(&availability).json()["status"], "capacity");
        assert!(found["attempt"]["claim_id"].is_string(), "it is kept all the same");
    }
}

on_both! {
    fn who_called_and_what_they_remarked_stays_in_their_district(causeway) {
        let offering = causeway.offering(json!({"languages": [{"language": "es", "mode": "provider"}]}));
        let (north, south) = (coordinator(&causeway, "North"), coordinator(&causeway, "South"));
        let report = json!({"offering_id": offering.id, "outcome": "open", "notes": "Ask for Zebulon", "phone": "978-555-0177"});
        let language = json!({"offering_id": offering.id, "outcome": "no_language", "language": "es", "attempted_at": "2026-11-22T11:00:00Z"});
        call(&causeway, &north, &language).expect(201);
        call(&causeway, &north, &report).expect(201);
        let pool = pool(&causeway, &offering);
        let own = said(&causeway, &north, &pool);
        assert_eq!((own.len(), &own[0]["notes"]), (2, &json!("Ask for Zebulon")));
        let caller = own[0]["attempted_by"].as_str().unwrap().to_owned();
        let foreign = said(&causeway, &south, &pool);
        assert_eq!((foreign.len(), &foreign[0]["outcome"]), (2, &json!("open")), "what was found serves everyone");
        for text in [
            Value::from(foreign).to_string(),
            causeway.send_as(&south, TestRequest::get().uri(&format!("/v1/capacity-pools/{pool}/availability"))).text,
            causeway.send_as(&south, TestRequest::get().uri(&format!("/v1/capacity-pools/{pool}/availability/history"))).text,
            causeway.send_as(&south, TestRequest::get().uri(&format!("/v1/offerings/{}/assertions", offering.id))).text,
        ] {
            assert!(!text.contains(&caller) && !text.contains("Zebulon") && !text.contains("5550177"), "{text}");
        }
    }
}

on_both! {
    fn a_wrong_number_is_taken_from_what_gives_it_unless_the_agency_itself_gave_it(causeway) {
        let offering = causeway.offering(json!({}));
        let (service, organization) = (format!("/v1/services/{}", offering.service), format!("/v1/organizations/{}", offering.organization));
        let token = coordinator(&causeway, "North");
        let by_call = |path: &str, facts: &Value| {
            causeway.send_as(&token, TestRequest::patch().uri(path).insert_header(("If-Match", "*")).set_json(facts)).expect(200);
        };
        by_call(&service, &json!({"intake_phones": ["978-555-0142", "978-555-0143"], "phone": "978-555-0142"}));
        causeway.patch(&organization, "*", &json!({"phone": "978-555-0144"})).expect(200);
        let wrong = |phone: &str| call(&causeway, &token, &json!({"offering_id": offering.id, "outcome": "wrong_number", "phone": phone}));
        let found = wrong("(978) 555-0142").expect(201).json();
        assert_eq!(found["assertions"].as_array().unwrap().len(), 2);
        assert!(found["availability"].is_null());
        let shown = causeway.get(&service).json();
        assert_eq!((&shown["intake_phones"], shown.get("phone")), (&json!(["+19785550143"]), None));
        wrong("978-555-0144").expect(201);
        assert_eq!(causeway.get(&organization).json()["phone"], "+19785550144", "the agency's own word stands before a call");
        let unknown = wrong("978-555-0199").expect(400);
        let errors = unknown.errors();
        assert_eq!((errors[0].0.as_str(), errors[0].1.contains("+19785550143")), ("/phone", true), "{errors:?}");
    }
}

on_both! {
    fn a_language_that_nobody_speaks_is_found_no_more(causeway) {
        let both = json!({"languages": [{"language": "es", "mode": "provider"}, {"language": "pt", "mode": "provider"}]});
        let offering = causeway.offering(json!({}));
        let token = coordinator(&causeway, "North");
        let path = format!("/v1/offerings/{}", offering.id);
        causeway.send_as(&token, TestRequest::patch().uri(&path).insert_header(("If-Match", "*")).set_json(&both)).expect(200);
        assert_eq!(causeway.found(&format!("{LAWRENCE}&language=es")), [offering.id.as_str()]);
        let found = call(&causeway, &token, &json!({"capacity_pool_id": pool(&causeway, &offering), "outcome": "no_language", "language": "es"}));
        assert_eq!(found.expect(201).json()["assertions"], json!([{"noun": "offering", "id": offering.id, "field": "languages"}]));
        assert!(causeway.found(&format!("{LAWRENCE}&language=es")).is_empty());
        assert_eq!(causeway.found(&format!("{LAWRENCE}&language=pt")), [offering.id.as_str()]);
        call(&causeway, &token, &json!({"offering_id": offering.id, "outcome": "no_language", "language": "pt"})).expect(201);
        let languages = causeway.get(&path).json()["languages"].clone();
        assert!(languages.is_null(), "it was asked about two and says nothing of the others: {languages}");
    }
}

on_both! {
    fn calls_and_observations_add_up_to_a_record_beside_what_is_said(causeway) {
        let offering = causeway.offering(json!({}));
        let pool = pool(&causeway, &offering);
        let token = coordinator(&causeway, "North");
        for outcome in ["no_answer", "voicemail", "open"] {
            call(&causeway, &token, &json!({"capacity_pool_id": pool, "outcome": outcome})).expect(201);
        }
        let observe = |facts: Value| {
            let mut observation = json!({"capacity_pool_id": pool});
            observation.as_object_mut().unwrap().extend(facts.as_object().unwrap().clone());
            causeway.send_as(&token, TestRequest::post().uri("/v1/observations").set_json(&observation))
        };
        observe(json!({"kind": "offer", "held": true, "hours_to_reply": 5.5})).expect(201);
        observe(json!({"kind": "offer", "held": false})).expect(201);
        observe(json!({"kind": "first_appointment", "days_to_first_appointment": 12})).expect(201);
        observe(json!({"kind": "appointment", "held": false})).expect(201);
        observe(json!({"kind": "claim", "held": true, "observed_at": "2026-01-02T00:00:00Z"})).expect(201);
        let path = format!("/v1/capacity-pools/{pool}/track-record");
        let record = causeway.get(&path).expect(200).json();
        assert_eq!(record["declared"]["status"], "capacity");
        let observed = &record["observed"];
        assert_eq!(observed["calls"], json!({"yes": 1, "of": 3}));
        assert_eq!(observed["acceptances"], json!({"yes": 1, "of": 2}));
        assert_eq!((&observed["reply_hours"]["count"], &observed["reply_hours"]["p50"]), (&json!(1), &json!(5.5)));
        assert_eq!(observed["first_appointment_days"]["p50"], 12.0);
        assert_eq!(observed["appointments_kept"], json!({"yes": 0, "of": 1}));
        assert_eq!(observed["claims_honoured"], json!({"yes": 1, "of": 1}));
        assert!(record["reasons"][0].as_str().unwrap().contains("answered 1 of 3 calls"));

        for (facts, places) in [
            (json!({"kind": "offer"}), vec!["/held"]),
            (json!({"kind": "call", "held": true, "hours_to_reply": 2}), vec!["/hours_to_reply"]),
            (json!({"kind": "first_appointment", "held": true}), vec!["/held", "/days_to_first_appointment"]),
            (json!({"kind": "offer", "held": true, "hours_to_reply": -1}), vec!["/hours_to_reply"]),
            (json!({"kind": "call", "held": true, "observed_at": "2099-01-01T00:00:00Z"}), vec!["/observed_at"]),
            (json!({"kind": "call", "held": true, "observed_at": "2020-01-01T00:00:00Z"}), vec!["/observed_at"]),
        ] {
            let refused = observe(facts.clone()).expect(400);
            assert_eq!(refused.errors().iter().map(|(place, _)| place.as_str()).collect::<Vec<_>>(), places, "{facts}");
        }

        causeway.clock.advance(std::time::Duration::from_hours(24 * 60));
        let later = causeway.get(&path).expect(200).json();
        assert_eq!(later["observed"]["claims_honoured"], json!({"yes": 0, "of": 0}), "a year later it counts no more");
        assert_eq!(later["declared"]["status"], "unknown");
    }
}

on_both! {
    fn an_agency_neither_calls_nor_observes_itself_and_what_a_call_cannot_have_found_is_refused(causeway) {
        let offering = causeway.offering(json!({}));
        let clerk = causeway.token(Role::AgencyStaff, &Tie::Organization(offering.organization.parse().unwrap()));
        call(&causeway, &clerk, &json!({"offering_id": offering.id, "outcome": "open"})).expect(403);
        let pool = pool(&causeway, &offering);
        let observation = json!({"capacity_pool_id": pool, "kind": "claim", "held": true});
        causeway.send_as(&clerk, TestRequest::post().uri("/v1/observations").set_json(&observation)).expect(403);
        let token = coordinator(&causeway, "North");
        let other = causeway.offering(json!({}));
        for (report, places) in [
            (json!({"outcome": "open"}), vec!["/capacity_pool_id"]),
            (json!({"offering_id": other.id, "capacity_pool_id": pool, "outcome": "open"}), vec!["/capacity_pool_id"]),
            (json!({"offering_id": offering.id, "outcome": "wrong_number"}), vec!["/phone"]),
            (json!({"offering_id": offering.id, "outcome": "no_language"}), vec!["/language"]),
            (json!({"offering_id": offering.id, "outcome": "full", "open_slots": 2, "waiting": 1}), vec!["/open_slots", "/waiting"]),
            (json!({"offering_id": offering.id, "outcome": "open", "open_slots": 0}), vec!["/open_slots"]),
            (json!({"offering_id": offering.id, "outcome": "open", "open_slots": -1}), vec!["/open_slots"]),
            (json!({"offering_id": offering.id, "outcome": "open", "open_slots": 1.5}), vec!["/open_slots"]),
            (json!({"offering_id": offering.id, "outcome": "open", "attempted_at": "2026-11-22T12:06:00Z"}), vec!["/attempted_at"]),
            (json!({"offering_id": offering.id, "outcome": "open", "attempted_at": "2026-10-01T12:00:00Z"}), vec!["/attempted_at"]),
            (json!({"offering_id": offering.id, "outcome": "open", "called": true}), vec!["/called"]),
            (json!({"offering_id": offering.id, "outcome": "maybe"}), vec!["/outcome"]),
        ] {
            let refused = call(&causeway, &token, &report).expect(400);
            assert_eq!(refused.errors().iter().map(|(place, _)| place.as_str()).collect::<Vec<_>>(), places, "{report}: {}", refused.text);
        }
        assert!(said(&causeway, &token, &pool).is_empty(), "nothing of it was kept");
        let record = causeway.get(&format!("/v1/capacity-pools/{pool}/track-record")).json();
        assert_eq!(record["observed"]["calls"]["of"], 0);
    }
}

on_both! {
    fn calls_are_listed_page_by_page_the_latest_first(causeway) {
        let offering = causeway.offering(json!({}));
        let pool = pool(&causeway, &offering);
        let token = coordinator(&causeway, "North");
        for hour in [9, 11, 10] {
            let at = format!("2026-11-22T{hour:02}:00:00Z");
            call(&causeway, &token, &json!({"capacity_pool_id": pool, "outcome": "voicemail", "attempted_at": at})).expect(201);
        }
        let page = causeway.get(&format!("/v1/capacity-pools/{pool}/contact-attempts?limit=2")).expect(200).json();
        let hours = |page: &Value| {
            let items = page["items"].as_array().unwrap().iter();
            items.map(|item| item["attempted_at"].as_str().unwrap()[11..13].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!((hours(&page), &page["total"]["value"]), (vec!["11".to_owned(), "10".to_owned()], &json!(3)));
        let cursor = page["next_cursor"].as_str().unwrap();
        let rest = causeway.get(&format!("/v1/capacity-pools/{pool}/contact-attempts?limit=2&cursor={cursor}")).expect(200).json();
        assert_eq!(hours(&rest), ["09"]);
        let since = causeway.get(&format!("/v1/capacity-pools/{pool}/contact-attempts?since=2026-11-22T10:00:00Z")).json();
        assert_eq!(since["total"]["value"], 2);
        causeway.get("/v1/capacity-pools/018f0000-0000-7000-8000-000000000000/contact-attempts").expect(404);
    }
}
