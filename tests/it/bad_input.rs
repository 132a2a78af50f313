//! Input that was found to do harm once, or might: each gets a clear refusal, and the server stays up.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use causeway::error::Error;
use causeway::store::Store;
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use serde_json::{Value, json};

use crate::support::{Causeway, on_both};

/// The places of the faults of a refused request.
#[track_caller]
fn faults(answer: crate::support::Answer) -> Vec<String> {
    answer.expect(400).errors().into_iter().map(|(place, _)| place).collect()
}

on_both! {
    fn a_list_that_is_too_long_is_refused_before_anything_is_searched(causeway) {
        let many: Vec<&str> = vec!["es"; 101];
        let origin = json!({"postal_code": "01840"});
        let preferred = json!({"origin": origin, "preferred": {"languages": many}});
        assert_eq!(faults(causeway.post("/v1/matches", &preferred)), ["/preferred/languages"]);
        for which in ["any_of", "all_of"] {
            let required = json!({"origin": origin, "required": {"languages": {which: many}}});
            assert_eq!(faults(causeway.post("/v1/matches", &required)), [format!("/required/languages/{which}")]);
        }
        let query = format!("/v1/search?postal_code=01840&language={}", many.join(","));
        assert_eq!(faults(causeway.get(&query)), ["language"]);
    }
}

on_both! {
    fn an_array_is_no_object_and_null_is_no_value(causeway) {
        let organization = causeway.create("/v1/organizations", &json!({"name": "A", "engagement": "listed"}));
        assert_eq!(faults(causeway.post("/v1/capacity-pools", &json!([organization, "n", "program"]))), [""]);
        let hours = json!({"name": "A", "engagement": "listed", "hours": [["monday", "09:00", "10:00"]]});
        assert_eq!(faults(causeway.post("/v1/organizations", &hours)), ["/hours/0"]);
        let null = json!({"name": "A", "engagement": "listed", "email": null});
        assert_eq!(faults(causeway.post("/v1/organizations", &null)), ["/email"]);
        let misspelt = causeway.patch(&format!("/v1/organizations/{organization}"), "\"1\"", &json!({"e_mail": null}));
        assert_eq!(faults(misspelt), ["/e_mail"]);
    }
}

on_both! {
    fn addresses_that_could_do_harm_later_are_refused(causeway) {
        for (field, value) in [
            ("email", "a@b.c\r\nBcc: x@y.z"),
            ("website", "javascript:alert(1)"),
            ("website", "https://example.org/ onclick=x"),
            ("name", "bell\u{7}"),
            ("name", "nul\u{0}"),
            ("phone", "1\u{1b}[2J"),
        ] {
            let mut body = json!({"name": "A", "engagement": "listed"});
            body[field] = Value::from(value);
            assert_eq!(faults(causeway.post("/v1/organizations", &body)), [format!("/{field}")], "{value:?}");
        }
        for query in ["/v1/search?school=%00", "/v1/schools?code=%00", "/v1/locations?postal_code=abc"] {
            causeway.get(query).expect(400);
        }
    }
}

on_both! {
    fn times_beyond_reason_are_refused_and_nothing_panics(causeway) {
        let offering = causeway.offering(json!({}));
        let path = format!("/v1/offerings/{}/availability", offering.id);
        for (body, pointer) in [
            (json!({"status": "capacity", "reported_at": "9999-12-30T21:00:00Z", "valid_until": "9999-12-30T21:30:00Z"}), "/reported_at"),
            (json!({"status": "capacity", "reported_at": "-009999-01-02T02:00:00Z"}), "/reported_at"),
            (json!({"status": "capacity", "next_available_date": "-009999-01-01"}), "/next_available_date"),
            (json!({"status": "capacity", "notes": "a\u{0}b"}), "/notes"),
        ] {
            assert_eq!(faults(causeway.put(&path, &body)).first().map(String::as_str), Some(pointer), "{body}");
        }
    }
}

on_both! {
    fn an_edit_holds_also_when_the_clock_was_set_back(causeway) {
        let offering = causeway.offering(json!({"name": "first"}));
        let item = format!("/v1/offerings/{}", offering.id);
        causeway.clock.advance(Duration::from_hours(1));
        causeway.patch(&item, "\"1\"", &json!({"name": "second"})).expect(200);
        let mut earlier = causeway;
        earlier.set_back();
        let third = earlier.patch(&item, "\"2\"", &json!({"name": "third"})).expect(200);
        assert_eq!((third.header("etag"), third.json()["name"].as_str()), (Some("\"3\""), Some("third")));
    }
}

on_both! {
    fn what_is_retired_keeps_nobody_from_mending_what_refers_to_it(causeway) {
        let plan = causeway.create("/v1/insurance-plans", &json!({"name": "P", "payer": "Q", "category": "medicaid"}));
        let listed = json!({"insurance_plan_id": plan, "accepting_new": true});
        let offering = causeway.offering(json!({"coverage": {"plans": [listed]}}));
        causeway.delete(&format!("/v1/insurance-plans/{plan}"), "*").expect(204);
        let item = format!("/v1/offerings/{}", offering.id);
        causeway.patch(&item, "\"1\"", &json!({"name": "mended"})).expect(200);
        let other = causeway.offering(json!({}));
        let late = causeway.patch(&format!("/v1/offerings/{}", other.id), "\"1\"", &json!({"coverage": {"plans": [listed]}}));
        assert_eq!(faults(late), ["/coverage/plans/0/insurance_plan_id"]);
        assert_eq!(faults(causeway.patch(&item, "\"2\"", &json!({"capacity_pool_id": null}))), ["/capacity_pool_id"]);
    }
}

on_both! {
    fn head_answers_as_get_does_and_a_packed_body_is_refused(causeway) {
        let head = causeway.send(TestRequest::with_uri("/v1/search?postal_code=01840").method(Method::HEAD));
        assert_eq!(head.status, 200);
        let packed = TestRequest::post().uri("/v1/districts").insert_header(("Content-Encoding", "gzip"));
        causeway.send(packed.set_json(json!({"name": "D", "code": "1"}))).expect(415);
    }
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bookmarks.db");
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection.batch_execute("CREATE TABLE bookmarks (url TEXT)").unwrap();
    let url = format!("sqlite://{}", path.display()).parse().unwrap();
    let refused = Store::migrate(&url, None);
    assert!(
        matches!(&refused, Err(Error::Setup(message)) if message.contains("another program")),
        "{refused:?}"
    );
    let still_empty = connection.batch_execute("SELECT * FROM organizations");
    assert!(still_empty.is_err());
}

#[test]
fn a_database_that_is_gone_is_told_as_503() {
    let Some(causeway) = Causeway::on_postgres() else { return };
    causeway.get("/v1/districts").expect(200);
    causeway.lose_connections();
    // Connections are looked at before they are used: the next request may simply get a new one.
    let after = causeway.get("/v1/districts");
    assert!(
        after.status == 200 || (after.status == 503 && after.header("retry-after").is_some()),
        "{}",
        after.text
    );
    causeway.get("/v1/districts").expect(200);
}
