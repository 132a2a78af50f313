//! Everything that was ever said of a pool, and who may know who said it.

use std::time::Duration;

use actix_web::test::TestRequest;
use causeway::access::{Role, Tie};
use serde_json::{Value, json};

use crate::support::{Causeway, on_both};

const HOUR: Duration = Duration::from_hours(1);

/// The pool of a new offering, and its organization.
fn pool(causeway: &Causeway) -> (String, String, String) {
    let offering = causeway.offering(json!({}));
    let pool = causeway.get(&format!("/v1/offerings/{}", offering.id)).json()["capacity_pool_id"].clone();
    (pool.as_str().unwrap().to_owned(), offering.id, offering.organization)
}

fn says(causeway: &Causeway, pool: &str, body: &Value) {
    causeway.put(&format!("/v1/capacity-pools/{pool}/availability"), body).expect(200);
}

fn items(causeway: &Causeway, path: &str) -> Vec<Value> {
    causeway.get(path).expect(200).json()["items"].as_array().unwrap().clone()
}

fn statuses(items: &[Value]) -> Vec<(&str, bool)> {
    let of = |item: &'_ Value| item["is_current"].as_bool().unwrap();
    items.iter().map(|item| (item["status"].as_str().unwrap(), of(item))).collect()
}

on_both! {
    fn the_history_keeps_what_lapsed_and_what_came_out_of_order(causeway) {
        let (pool, offering, _) = pool(&causeway);
        says(&causeway, &pool, &json!({"status": "waitlist", "waiting": 3, "reported_at": "2026-11-20T09:00:00Z", "notes": "Monday group"}));
        says(&causeway, &pool, &json!({"status": "capacity", "open_slots": 1}));
        causeway.clock.advance(HOUR);
        says(&causeway, &pool, &json!({"status": "no-capacity", "reported_at": "2026-11-21T09:00:00Z"}));
        causeway.clock.advance(40 * 24 * HOUR);
        let path = format!("/v1/capacity-pools/{pool}/availability/history");
        let all = items(&causeway, &path);
        assert_eq!(statuses(&all), [("capacity", true), ("no-capacity", false), ("waitlist", false)]);
        assert_eq!(all[1]["reported_at"], "2026-11-21T09:00:00Z");
        assert_eq!(all[1]["recorded_at"], "2026-11-22T13:00:00Z");
        assert_eq!((&all[2]["waiting"], &all[2]["notes"]), (&json!(3), &json!("Monday group")));
        assert_eq!(all[0]["valid_until"], "2026-11-29T12:00:00Z");
        assert_eq!(items(&causeway, &format!("/v1/offerings/{offering}/availability/history")), all);
        causeway.get("/v1/capacity-pools/0192d7a0-0000-7000-8000-000000000001/availability/history").expect(404);
        causeway.get("/v1/capacity-pools/nonsense/availability/history").expect(404);
    }
}

on_both! {
    fn the_history_says_what_was_said_between_two_instants_and_is_paged(causeway) {
        let (pool, ..) = pool(&causeway);
        for day in 1..=7 {
            says(&causeway, &pool, &json!({"status": "waitlist", "waiting": day, "reported_at": format!("2026-11-0{day}T12:00:00Z")}));
        }
        // Two of the same instant stand beside each other, and neither is lost between pages.
        says(&causeway, &pool, &json!({"status": "capacity", "reported_at": "2026-11-04T12:00:00Z"}));
        let path = format!("/v1/capacity-pools/{pool}/availability/history");
        let between = causeway.get(&format!("{path}?from=2026-11-03T12:00:00Z&until=2026-11-06T12:00:00Z")).expect(200).json();
        let days = |items: &Value| -> Vec<String> {
            items.as_array().unwrap().iter().map(|item| item["reported_at"].as_str().unwrap()[8..10].to_owned()).collect()
        };
        assert_eq!(days(&between["items"]), ["05", "04", "04", "03"]);
        assert_eq!(between["total"], json!({"value": 4, "relation": "eq"}));
        let mut paged = Vec::new();
        let mut uri = format!("{path}?limit=1&until=2026-11-06T12:00:00Z");
        let base = uri.clone();
        loop {
            let page = causeway.get(&uri).expect(200).json();
            paged.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
            let Some(next) = page["next_cursor"].as_str() else { break };
            uri = format!("{base}&cursor={next}");
        }
        let whole = items(&causeway, &format!("{path}?until=2026-11-06T12:00:00Z"));
        assert_eq!(paged, whole.iter().map(|item| item["id"].clone()).collect::<Vec<_>>());
        assert_eq!(paged.len(), 6);
        let other = causeway.get(&format!("{path}?limit=1")).json()["next_cursor"].clone();
        let foreign = causeway.get(&format!("{base}&cursor={}", other.as_str().unwrap())).expect(400);
        assert_eq!(foreign.errors()[0].0, "cursor");
        for wrong in ["from=2026-11-06T12:00:00Z&until=2026-11-06T12:00:00Z", "from=yesterday", "until=", "since=2026-11-06T12:00:00Z"] {
            causeway.get(&format!("{path}?{wrong}")).expect(400);
        }
    }
}

on_both! {
    fn who_called_is_told_to_operators_and_who_spoke_for_an_agency_to_its_staff(causeway) {
        let (pool, _, organization) = pool(&causeway);
        let district = |name: &str, code: &str| {
            causeway.create("/v1/districts", &json!({"name": name, "code": code, "state": "MA"})).parse().unwrap()
        };
        let lawrence = Tie::District { district: district("Lawrence", "01490000"), schools: Vec::new() };
        let holyoke = Tie::District { district: district("Holyoke", "01370000"), schools: Vec::new() };
        let path = format!("/v1/capacity-pools/{pool}/availability");
        let own = causeway.token(Role::AgencyStaff, &Tie::Organization(organization.parse().unwrap()));
        let caller = causeway.token(Role::Coordinator, &lawrence);
        let put = |token: &str, body: Value| causeway.send_as(token, TestRequest::put().uri(&path).set_json(body)).expect(200);
        put(&own, json!({"status": "capacity", "reported_at": "2026-11-22T10:00:00Z"}));
        put(&caller, json!({"status": "waitlist"}));
        let elsewhere = causeway.create("/v1/organizations", &json!({"name": "Other", "engagement": "enrolled"}));
        let other = causeway.token(Role::AgencyStaff, &Tie::Organization(elsewhere.parse().unwrap()));
        let colleague = causeway.token(Role::Coordinator, &holyoke);
        let named = |token: &str| -> Vec<bool> {
            let answer = causeway.send_as(token, TestRequest::get().uri(&format!("{path}/history"))).expect(200).json();
            answer["items"].as_array().unwrap().iter().map(|item| item.get("reported_by").is_some()).collect()
        };
        assert_eq!(named(&own), [false, true], "who called is not told to the agency");
        for stranger in [&other, &colleague, &caller] {
            assert_eq!(named(stranger), [false, false]);
        }
        let all = items(&causeway, &format!("{path}/history"));
        assert!(all.iter().all(|item| item["reported_by"].is_string()), "{all:?}");
        assert_eq!([&all[0]["method"], &all[1]["method"]], ["coordinator_call", "agency"]);
    }
}
