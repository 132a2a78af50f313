//! What a client sees when something is wrong: one snapshot of every kind of problem that can be caused from
//! outside.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::json;

use crate::support::{Answer, Causeway, on_both};

fn shown(title: &str, answer: &Answer) -> String {
    let mut body = answer.json();
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(body["request_id"].as_str(), answer.header("x-request-id"));
    assert_eq!(body["status"].as_u64(), Some(answer.status.into()));
    body.as_object_mut().unwrap().remove("request_id");
    format!("# {title}\n{}\n", serde_json::to_string_pretty(&body).unwrap())
}

fn problems(causeway: &Causeway) -> String {
    let id = causeway.create("/v1/organizations", &json!({"name": "A", "engagement": "listed"}));
    let item = format!("/v1/organizations/{id}");
    let keyed = |name: &str| {
        let body = json!({"name": name, "engagement": "listed"});
        let request = TestRequest::post().uri("/v1/organizations").insert_header(("Idempotency-Key", "k"));
        causeway.send(request.set_json(body))
    };
    keyed("B").expect(201);
    let typed = |media_type: &str, body: &str| {
        let request = TestRequest::post()
            .uri("/v1/organizations")
            .insert_header(("Content-Type", media_type.to_owned()));
        causeway.send(request.set_payload(body.to_owned()))
    };
    let nowhere = "0192d7a0-0000-7000-8000-000000000001";
    let mut text = String::new();
    for (title, answer) in [
        ("several wrong parameters", causeway.get("/v1/search?postal_code=1840&langauge=es&tier=9&limit=0")),
        ("no place to start from", causeway.get("/v1/search?language=es")),
        ("a body that is no JSON", typed("application/json", "{\"name\": ")),
        (
            "a body with wrong facts",
            causeway.post("/v1/organizations", &json!({"name": "", "engagement": "listed", "email": "x"})),
        ),
        (
            "a body with an unknown field",
            causeway.post("/v1/organizations", &json!({"name": "A", "engagement": "listed", "colour": 1})),
        ),
        (
            "a reference to nothing",
            causeway.post(
                "/v1/capacity-pools",
                &json!({"name": "A", "kind": "team", "organization_id": nowhere}),
            ),
        ),
        ("another media type", typed("text/plain", "{}")),
        ("no such thing", causeway.get(&format!("/v1/organizations/{nowhere}"))),
        ("no such path", causeway.get("/v2/everything")),
        ("no such method", causeway.send(TestRequest::with_uri("/v1/search").method(Method::DELETE))),
        ("no version given", causeway.send(TestRequest::patch().uri(&item).set_json(json!({"name": "B"})))),
        ("another version", causeway.patch(&item, "\"7\"", &json!({"name": "B"}))),
        ("a key for another request", keyed("C")),
        (
            "a contradiction",
            causeway
                .put(&format!("/v1/capacity-pools/{nowhere}/availability"), &json!({"status": "unknown"})),
        ),
    ] {
        text += &shown(title, &answer);
    }
    text
}

on_both! {
    fn a_problem_says_what_was_wrong_and_what_would_be_right(causeway) {
        // One snapshot for both databases: they answer alike.
        insta::with_settings!({prepend_module_to_snapshot => false, filters => vec![("[0-9a-f]{8}-[0-9a-f-]{27}", "ID")]}, {
            insta::assert_snapshot!("problems", problems(&causeway));
        });
    }
}
