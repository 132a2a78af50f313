//! The life of every noun: list, get, create, update, retire.

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use crate::support::{Causeway, on_both};

/// A body for each noun, and a change to it. `{…}` stands for the id of what it refers to.
fn nouns(causeway: &Causeway) -> Vec<(&'static str, Value, Value)> {
    let organization =
        causeway.create("/v1/organizations", &json!({"name": "One", "engagement": "enrolled"}));
    let service_body =
        json!({"organization_id": organization, "name": "S", "status": "active", "audience": ["students"]});
    let service = causeway.create("/v1/services", &service_body);
    let district = causeway.create("/v1/districts", &json!({"name": "D", "code": "0149"}));
    vec![
        (
            "/v1/organizations",
            json!({"name": "Two", "engagement": "listed", "phone": "978-555-0100", "time_zone": "America/New_York",
                   "hours": [{"day": "monday", "opens": "09:00", "closes": "17:00"}], "holidays": ["2026-12-25"]}),
            json!({"name": "Three"}),
        ),
        ("/v1/services", service_body, json!({"status": "temporarily closed"})),
        (
            "/v1/locations",
            json!({"organization_id": organization, "name": "L", "postal_code": "01840"}),
            json!({"city": "Lawrence"}),
        ),
        (
            "/v1/capacity-pools",
            json!({"organization_id": organization, "name": "P", "kind": "team"}),
            json!({"kind": "clinician"}),
        ),
        (
            "/v1/offerings",
            json!({"service_id": service, "grain": "service", "tiers": [2, 3], "languages": [{"language": "es", "mode": "provider"}]}),
            json!({"needs": ["trauma"]}),
        ),
        (
            "/v1/insurance-plans",
            json!({"name": "Plan", "payer": "Payer", "category": "medicaid", "effective_from": "2026-01-01"}),
            json!({"effective_until": "2026-12-31"}),
        ),
        (
            "/v1/districts",
            json!({"name": "E", "code": "0035", "state": "MA", "kind": "collaborative", "organization_id": organization,
                   "members": [district]}),
            json!({"name": "F"}),
        ),
        (
            "/v1/partnerships",
            json!({"organization_id": organization, "district_id": district, "services": [service], "reserved": true,
                   "begins_on": "2026-09-01", "memorandum_on_file": true, "data_sharing_agreement_on_file": false}),
            json!({"ends_on": "2027-06-30", "transport_provided": true}),
        ),
        (
            "/v1/schools",
            json!({"district_id": district, "code": "01490040", "name": "School", "grades": ["PK", "K", "1"]}),
            json!({"grades": ["2"]}),
        ),
    ]
}

on_both! {
    fn every_noun_is_created_shown_changed_and_retired(causeway) {
        for (path, body, change) in nouns(&causeway) {
            let created = causeway.post(path, &body).expect(201);
            let id = created.json()["id"].as_str().unwrap().to_owned();
            let item = format!("{path}/{id}");
            assert_eq!(created.header("location"), Some(item.as_str()));
            assert_eq!(created.header("etag"), Some("\"1\""));
            for (field, value) in body.as_object().unwrap() {
                if field != "phone" {
                    assert_eq!(&created.json()[field], value, "{path} {field}");
                }
            }

            let shown = causeway.get(&item).expect(200);
            assert_eq!(shown.json(), created.json(), "{path}");
            let unchanged = causeway.send(TestRequest::get().uri(&item).insert_header(("If-None-Match", "\"1\"")));
            assert_eq!((unchanged.status, unchanged.text.as_str()), (304, ""));

            let changed = causeway.patch(&item, "\"1\"", &change).expect(200);
            assert_eq!(changed.header("etag"), Some("\"2\""));
            for (field, value) in change.as_object().unwrap() {
                assert_eq!(&changed.json()[field], value, "{path} {field}");
            }

            let listed = |query: &str| {
                let list = causeway.get(&format!("{path}?limit=100{query}")).expect(200).json();
                list["items"].as_array().unwrap().iter().any(|one| one["id"] == id.as_str())
            };
            assert!(listed(""), "{path}");
            causeway.delete(&item, "\"2\"").expect(204);
            assert!(!listed("") && listed("&include_retired=true"), "{path}");
            assert!(causeway.get(&item).expect(200).json()["retired_at"].is_string());
        }
    }
}

on_both! {
    fn who_said_what_is_shown_in_the_order_of_time(causeway) {
        let id = causeway.create("/v1/organizations", &json!({"name": "A", "engagement": "listed", "email": "a@example.org"}));
        let item = format!("/v1/organizations/{id}");
        causeway.patch(&item, "\"1\"", &json!({"name": "B", "email": null})).expect(200);
        let said = causeway.get(&format!("{item}/assertions")).expect(200).json();
        let facts: Vec<&Value> = said["items"].as_array().unwrap().iter().map(|one| &one["facts"]).collect();
        assert_eq!(facts, [&json!({"name": "A", "engagement": "listed", "email": "a@example.org"}), &json!({"name": "B", "email": null})]);
        assert_eq!((said["items"][1]["method"].as_str(), said["items"][1]["asserted_at"].as_str()), (Some("agency"), Some("2026-11-22T12:00:00.000001Z")));
        causeway.get("/v1/organizations/0192d7a0-0000-7000-8000-000000000001/assertions").expect(404);
    }
}

on_both! {
    fn a_change_needs_the_version_that_was_read(causeway) {
        let id = causeway.create("/v1/organizations", &json!({"name": "A", "engagement": "listed"}));
        let item = format!("/v1/organizations/{id}");
        let without = causeway.send(TestRequest::patch().uri(&item).set_json(json!({"name": "B"})));
        assert_eq!((without.status, without.json()["code"].as_str()), (428, Some("precondition-required")));
        causeway.patch(&item, "\"1\"", &json!({"name": "B"})).expect(200);
        let stale = causeway.patch(&item, "\"1\"", &json!({"name": "C"}));
        assert_eq!((stale.status, stale.json()["code"].as_str()), (412, Some("precondition-failed")));
        causeway.patch(&item, "nonsense", &json!({"name": "C"})).expect(400);
        causeway.patch(&item, "\"9\", \"2\"", &json!({"name": "C"})).expect(200);
        causeway.delete(&item, "\"2\"").expect(412);
        causeway.delete(&item, "*").expect(204);
    }
}

on_both! {
    fn a_patch_that_changes_nothing_makes_no_version(causeway) {
        let id = causeway.create("/v1/organizations", &json!({"name": "A", "engagement": "listed"}));
        let same = causeway.patch(&format!("/v1/organizations/{id}"), "\"1\"", &json!({"name": "A"})).expect(200);
        assert_eq!(same.header("etag"), Some("\"1\""));
    }
}

on_both! {
    fn null_in_a_patch_takes_a_field_away_and_a_required_one_cannot_go(causeway) {
        let id = causeway.create("/v1/organizations", &json!({"name": "A", "engagement": "listed", "email": "a@example.org"}));
        let item = format!("/v1/organizations/{id}");
        let without = causeway.patch(&item, "\"1\"", &json!({"email": null})).expect(200);
        assert!(without.json().get("email").is_none());
        causeway.patch(&item, "\"2\"", &json!({"name": null})).expect(400);
    }
}

on_both! {
    fn wrong_bodies_are_refused_with_the_place_of_every_fault(causeway) {
        for (path, body, pointers) in [
            ("/v1/organizations", json!({"name": "A", "engagement": "listed", "colour": "red"}), vec!["/colour"]),
            ("/v1/organizations", json!({"engagement": "listed"}), vec![""]),
            ("/v1/organizations", json!({"name": "A", "engagement": "lsited"}), vec!["/engagement"]),
            ("/v1/locations", json!({"name": "A", "coordinates": {"latitude": 91, "longitude": 0, "quality": "town"}}), vec!["/coordinates"]),
            ("/v1/locations", json!({"name": "A", "postal_code": "1840"}), vec!["/postal_code"]),
            ("/v1/services", json!({"organization_id": "0192d7a0-0000-7000-8000-000000000001", "name": " ", "status": "active", "audience": []}),
                vec!["/name", "/audience", "/organization_id"]),
            ("/v1/offerings", json!({"service_id": "0192d7a0-0000-7000-8000-000000000001", "grain": "team", "languages": [{"language": "spanish", "mode": "provider"}]}),
                vec!["/languages/0/language"]),
            ("/v1/offerings", json!({"service_id": "0192d7a0-0000-7000-8000-000000000001", "grain": "team", "needs": ["truama"]}), vec!["/needs/0"]),
        ] {
            let refused = causeway.post(path, &body).expect(400);
            let places: Vec<String> = refused.errors().into_iter().map(|(place, _)| place).collect();
            assert_eq!(places, pointers, "{path} {body}: {}", refused.text);
        }
        let near = causeway.post("/v1/offerings", &json!({"service_id": "0192d7a0-0000-7000-8000-000000000001", "grain": "team", "needs": ["truama"]}));
        assert!(near.errors()[0].1.contains("near it are trauma"), "{}", near.text);
        let broken = TestRequest::post().uri("/v1/organizations").insert_header(("Content-Type", "application/json"));
        causeway.send(broken.set_payload(&b"{\"name\": \"\xff\"}"[..])).expect(400);
        causeway.send(TestRequest::post().uri("/v1/organizations").set_payload("{}")).expect(415);
        let large = TestRequest::post().uri("/v1/organizations").insert_header(("Content-Type", "application/json"));
        let large = causeway.send(large.set_payload(vec![b' '; (1 << 20) + 1])).expect(413);
        assert_eq!(large.json()["code"], "payload-too-large");
        let deep = format!("{{\"name\": {}1{}}}", "[".repeat(50_000), "]".repeat(50_000));
        let request = TestRequest::post().uri("/v1/organizations").insert_header(("Content-Type", "application/json"));
        causeway.send(request.set_payload(deep)).expect(400);
        assert_eq!(causeway.get("/v1/organizations").json()["total"]["value"], 0, "nothing was half-written");
    }
}

on_both! {
    fn a_list_is_paged_without_loss_or_repeat_and_its_cursor_fits_no_other_list(causeway) {
        let mut created: Vec<String> = (0..7)
            .map(|number| causeway.create("/v1/districts", &json!({"name": format!("D{number}"), "code": format!("{}", number % 2)})))
            .collect();
        created.sort();
        let mut seen = Vec::new();
        let mut path = "/v1/districts?limit=3".to_owned();
        loop {
            let page = causeway.get(&path).expect(200);
            let body = page.json();
            assert_eq!(body["total"], json!({"value": 7, "relation": "eq"}));
            seen.extend(body["items"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()));
            let Some(cursor) = body["next_cursor"].as_str() else { break };
            let link = page.header("link").unwrap();
            assert_eq!(link, format!("</v1/districts?limit=3&cursor={cursor}>; rel=\"next\""));
            let elsewhere = causeway.get(&format!("/v1/schools?limit=3&cursor={cursor}")).expect(400);
            assert_eq!(elsewhere.errors()[0].0, "cursor");
            path = format!("/v1/districts?limit=3&cursor={cursor}");
        }
        assert_eq!(seen, created);
        let odd = causeway.get("/v1/districts?code=1").expect(200).json();
        assert_eq!(odd["total"]["value"], 3);
        for query in ["limit=0", "limit=101", "limit=", "limit=x", "colour=red", "cursor=AAAA", "code=&code=1"] {
            causeway.get(&format!("/v1/districts?{query}")).expect(400);
        }
    }
}

on_both! {
    fn a_repeated_create_with_the_same_key_has_one_effect(causeway) {
        let body = json!({"name": "Once", "engagement": "listed"});
        let send = |key: &str, body: &Value| {
            causeway.send(TestRequest::post().uri("/v1/organizations").insert_header(("Idempotency-Key", key)).set_json(body))
        };
        let first = send("\"key-1\"", &body).expect(201);
        let again = send("key-1", &body).expect(201);
        assert_eq!(again.text, first.text);
        assert_eq!(again.header("etag"), first.header("etag"));
        assert_eq!(again.header("location"), first.header("location"));
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        let other = send("key-1", &json!({"name": "Other", "engagement": "listed"}));
        assert_eq!((other.status, other.json()["code"].as_str()), (422, Some("idempotency-key-reused")));
        send("", &body).expect(400);
        // What failed is not kept: the corrected request may use the key.
        send("key-2", &json!({"name": "", "engagement": "listed"})).expect(400);
        send("key-2", &body).expect(201);
        assert_eq!(causeway.get("/v1/organizations").json()["total"]["value"], 2);
    }
}

on_both! {
    fn a_location_without_coordinates_is_shown_at_the_centre_of_its_zip_code(causeway) {
        let id = causeway.create("/v1/locations", &json!({"name": "L", "postal_code": "01840"}));
        let shown = causeway.get(&format!("/v1/locations/{id}")).json();
        assert_eq!(shown["coordinates"]["quality"], "postal_code");
        assert!((shown["coordinates"]["latitude"].as_f64().unwrap() - 42.7).abs() < 0.05);
        let exact = json!({"coordinates": {"latitude": 0.0, "longitude": 0.0, "quality": "rooftop"}});
        let placed = causeway.patch(&format!("/v1/locations/{id}"), "\"1\"", &exact).expect(200).json();
        assert_eq!(placed["coordinates"], exact["coordinates"]);
    }
}

on_both! {
    fn an_offering_without_a_pool_gets_one_of_its_own(causeway) {
        let offering = causeway.offering(json!({"name": "Evening group"}));
        let shown = causeway.get(&format!("/v1/offerings/{}", offering.id)).json();
        let pool = shown["capacity_pool_id"].as_str().unwrap();
        let pool = causeway.get(&format!("/v1/capacity-pools/{pool}")).expect(200).json();
        assert_eq!((pool["name"].as_str(), pool["organization_id"].as_str()), (Some("Evening group"), Some(offering.organization.as_str())));
    }
}

on_both! {
    fn what_is_not_there_is_404_and_a_wrong_method_405(causeway) {
        for path in ["/v1/organizations/0192d7a0-0000-7000-8000-000000000001", "/v1/organizations/nonsense", "/v1/nothing", "/"] {
            let missing = causeway.get(path);
            assert_eq!((missing.status, missing.json()["code"].as_str()), (404, Some("not-found")), "{path}");
            assert_eq!(missing.header("content-type"), Some("application/problem+json"));
            assert_eq!(missing.json()["request_id"].as_str(), missing.header("x-request-id"));
        }
        let wrong = causeway.put("/v1/organizations", &json!({}));
        assert_eq!((wrong.status, wrong.header("allow")), (405, Some("GET, POST")));
    }
}
