//! What would be found if one rule gave way, and the ledger of what needs met with.

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use crate::support::{Causeway, on_both};

const HERE: &str = "near=42.7070,-71.1631";
const QUESTION: &str = "radius_km=20&language=pt&language_mode=provider&modality=in_person&coverage=medicaid&need=trauma&age=9&availability=open";

/// What holds all of [`QUESTION`], with some facts changed.
fn facts(changes: &Value) -> Value {
    let mut facts = json!({
        "languages": [{"language": "pt", "mode": "provider"}], "modalities": ["in_person"],
        "coverage": {"categories": ["medicaid"]}, "needs": ["trauma"], "ages": {"accepted": [{"min": 5, "max": 13}]}
    });
    facts.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    facts
}

fn open(causeway: &Causeway, offering: &str) {
    causeway
        .put(
            &format!("/v1/offerings/{offering}/availability"),
            &json!({"status": "capacity", "open_slots": 2}),
        )
        .expect(200);
}

/// Criterion, kind, offering and sentence of each near miss of an answer.
fn told(answer: &Value) -> Vec<(String, &'static str, String, String)> {
    let mut told = Vec::new();
    for near in answer["near_misses"].as_array().expect("near misses") {
        for kind in ["mismatch", "unverified"] {
            for item in near[kind]["items"].as_array().unwrap() {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                told.push((
                    text(&near["criterion"]),
                    kind,
                    text(&item["offering"]["id"]),
                    text(&item["gives"]),
                ));
            }
        }
    }
    told
}

on_both! {
    fn where_nothing_matches_the_answer_shows_which_single_rule_to_bend(causeway) {
        let make = |changes: &Value| {
            let id = causeway.offering(facts(changes)).id;
            open(&causeway, &id);
            id
        };
        let far = causeway.offering_at(
            &json!({"latitude": 42.95, "longitude": -71.1631, "quality": "rooftop"}), facts(&json!({})));
        open(&causeway, &far.id);
        let expected = [
            ("location", "mismatch", far.id, "27.0 km away, about 53 minutes by car; at most 20 km was asked for"),
            ("language", "mismatch", make(&json!({"languages": [{"language": "es", "mode": "provider"}, {"language": "pt", "mode": "interpreter"}]})),
                "offers Portuguese through an interpreter, Spanish; Portuguese by a clinician was asked for"),
            ("coverage", "mismatch", make(&json!({"coverage": {"categories": ["commercial", "self_pay"]}})),
                "accepts Commercial insurance, Self-pay; Medicaid was asked for"),
            ("coverage", "unverified", make(&json!({"coverage": {"categories": []}, "partial": ["coverage"]})),
                "nobody has said whether Medicaid holds; ask them"),
            ("need", "mismatch", make(&json!({"needs": ["grief"]})), "serves Grief and loss; Trauma was asked for"),
            ("age", "mismatch", make(&json!({"ages": {"accepted": [{"min": 12, "max": 19}]}})), "accepts ages 12 to 18; age 9 was asked for"),
            ("modality", "mismatch", make(&json!({"modalities": ["telehealth_video", "telehealth_phone"]})),
                "given by video, by telephone; in person was asked for"),
            ("availability", "unverified", causeway.offering(facts(&json!({}))).id, "nobody has said lately; an opening was asked for"),
            ("restriction", "mismatch", make(&json!({"service_area": {"states": ["NH"]}})),
                "for residents of an area that the student does not live in"),
        ];
        make(&json!({"needs": ["grief"], "coverage": {"categories": ["commercial"]}}));
        let answer = causeway.get(&format!("/v1/search?{HERE}&residence=01840&{QUESTION}")).expect(200).json();
        assert_eq!(answer["items"], json!([]));
        let told = told(&answer);
        let told: Vec<(&str, &str, &str, &str)> =
            told.iter().map(|(criterion, kind, id, gives)| (criterion.as_str(), *kind, id.as_str(), gives.as_str())).collect();
        let expected: Vec<(&str, &str, &str, &str)> =
            expected.iter().map(|(criterion, kind, id, gives)| (*criterion, *kind, id.as_str(), *gives)).collect();
        assert_eq!(told, expected);
    }
}

on_both! {
    fn near_misses_are_shown_beside_matches_only_when_asked_for_and_the_best_three_of_all(causeway) {
        let right = causeway.offering(facts(&json!({})));
        for _ in 0..5 {
            causeway.offering(facts(&json!({"needs": ["grief"]})));
        }
        let query = format!("/v1/search?{HERE}&need=trauma&limit=1");
        let plain = causeway.get(&query).expect(200).json();
        assert!(plain.get("near_misses").is_none(), "{plain}");
        let answer = causeway.get(&format!("{query}&near_misses=true")).expect(200).json();
        assert_eq!(answer["items"][0]["offering"]["id"], json!(right.id));
        let near = &answer["near_misses"][0];
        assert_eq!((&near["criterion"], &near["mismatch"]["total"]), (&json!("need"), &json!({"value": 5, "relation": "eq"})));
        assert_eq!(near["mismatch"]["items"].as_array().unwrap().len(), 3);
        assert_eq!(near["unverified"], json!({"items": [], "total": {"value": 0, "relation": "eq"}}));
        let posted = causeway
            .post("/v1/matches", &json!({"origin": {"postal_code": "01840"}, "near_misses": true, "required": {"needs": {"any_of": ["trauma"]}}}))
            .expect(200)
            .json();
        assert_eq!(posted["near_misses"][0]["criterion"], "need");
        causeway.get(&format!("{query}&near_misses=maybe")).expect(400);
    }
}

fn need(reference: &str, language: &str) -> Value {
    json!({
        "origin": {"postal_code": "01840"}, "need_ref": reference,
        "required": {"languages": {"any_of": [language]}, "coverages": {"any_of": ["medicaid"]}, "needs": {"any_of": ["trauma"]}}
    })
}

on_both! {
    fn a_need_with_a_reference_leaves_one_row_a_month_that_does_not_tell_whose_it_was(causeway) {
        causeway.offering(facts(&json!({"needs": ["grief"]})));
        causeway.get(&format!("/v1/search?{HERE}&language=ht")).expect(200);
        causeway.post("/v1/matches", &json!({"origin": {"postal_code": "01840"}, "required": {"age": 9}})).expect(200);
        assert_eq!(causeway.get("/v1/near-misses").expect(200).json()["items"], json!([]), "without a reference nothing is written");
        causeway.post("/v1/matches", &need("canary-7f1e-need", "ht")).expect(200);
        causeway.post("/v1/matches", &need("canary-7f1e-need", "pt")).expect(200);
        let ledger = causeway.get("/v1/near-misses").expect(200);
        assert_eq!(ledger.json(), json!({
            "items": [{
                "month": "2026-11", "state": "MA", "county": "Essex", "languages": ["pt"], "coverages": ["medicaid"], "matched": false,
                "blocked_by": [{"criterion": "need", "mismatch": true, "unverified": false}]
            }],
            "total": {"value": 1, "relation": "eq"}
        }), "the later question of the month stands");
        causeway.clock.advance(std::time::Duration::from_hours(24 * 10));
        causeway.offering(facts(&json!({})));
        causeway.post("/v1/matches", &need("canary-7f1e-need", "pt")).expect(200);
        causeway.post("/v1/matches", &need("another-need", "ht")).expect(200);
        let ledger = causeway.get("/v1/near-misses?month=2026-12").expect(200).json();
        assert_eq!(ledger["total"]["value"], 2);
        for (filter, count) in [
            ("matched=true", 1), ("matched=false", 2), ("language=ht", 1), ("language=h", 400), ("coverage=medicaid", 3), ("coverage=free", 0),
            ("criterion=need", 1), ("criterion=age", 0), ("criterion=language", 1), ("state=ma&county=Essex", 3), ("county=Suffolk", 0), ("month=2026-11", 1),
            ("month=2026-13", 400), ("state=Massachusetts", 400), ("blocked=need", 400),
        ] {
            let answer = causeway.get(&format!("/v1/near-misses?{filter}"));
            let found = if answer.status == 200 { answer.json()["total"]["value"].as_u64().unwrap() } else { u64::from(answer.status) };
            assert_eq!(found, count, "{filter}: {}", answer.text);
        }
        let first = causeway.get("/v1/near-misses?limit=2").expect(200).json();
        let rest = causeway.get(&format!("/v1/near-misses?limit=2&cursor={}", first["next_cursor"].as_str().unwrap())).expect(200).json();
        assert_eq!((first["items"].as_array().unwrap().len(), rest["items"].as_array().unwrap().len(), rest.get("next_cursor")), (2, 1, None));
        assert!(!format!("{first}{rest}").contains("canary"));
        assert!(!causeway.holds_text("canary-7f1e"), "the reference is in no table");
    }
}

on_both! {
    fn a_reference_that_could_be_a_name_is_refused_and_nothing_is_left_where_nobody_answers_for_it(causeway) {
        for wrong in ["short", "María Pérez", "with a space in it", &"x".repeat(201)] {
            let refused = causeway.post("/v1/matches", &need(wrong, "pt")).expect(400);
            assert_eq!(refused.errors()[0].0, "/need_ref", "{}", refused.text);
        }
        causeway.send_plainly(TestRequest::post().uri("/v1/matches").set_json(need("0192d7a0-0000", "pt"))).expect(401);
        assert_eq!(causeway.get("/v1/near-misses").expect(200).json()["total"]["value"], 0);
    }
}
