//! Capacity as a dated claim.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Causeway, on_both};

const DAY: Duration = Duration::from_hours(24);

fn status(causeway: &Causeway, offering: &str) -> Value {
    causeway.get(&format!("/v1/offerings/{offering}/availability")).expect(200).json()["status"].clone()
}

on_both! {
    fn silence_is_unknown_and_a_claim_lapses_without_a_job(causeway) {
        let offering = causeway.offering(json!({}));
        let path = format!("/v1/offerings/{}/availability", offering.id);
        let silent = causeway.get(&path).expect(200).json();
        assert_eq!(silent["status"], "unknown");
        assert!(silent.get("as_of").is_none());

        let said = causeway.put(&path, &json!({"status": "capacity", "open_slots": 2})).expect(200).json();
        assert_eq!((said["status"].as_str(), said["open_slots"].as_i64()), (Some("capacity"), Some(2)));
        assert_eq!(said["valid_until"], "2026-11-29T12:00:00Z");
        assert_eq!(causeway.found("postal_code=01840&availability=open"), [offering.id.as_str()]);

        causeway.clock.advance((7 * DAY).checked_sub(Duration::from_secs(1)).unwrap());
        assert_eq!(status(&causeway, &offering.id), "capacity");
        causeway.clock.advance(Duration::from_secs(1));
        let lapsed = causeway.get(&path).expect(200).json();
        assert_eq!((lapsed["status"].as_str(), lapsed["as_of"].as_str()), (Some("unknown"), Some("2026-11-22T12:00:00Z")));
        assert!(lapsed.get("open_slots").is_none(), "what has lapsed is not shown as if it held");
        assert!(causeway.found("postal_code=01840&availability=open").is_empty());
        assert_eq!(causeway.found("postal_code=01840"), [offering.id.as_str()]);
    }
}

on_both! {
    fn one_claim_speaks_for_every_offering_of_its_pool(causeway) {
        let one = causeway.offering(json!({}));
        let pool = causeway.get(&format!("/v1/offerings/{}", one.id)).json()["capacity_pool_id"].clone();
        let other = causeway.offering(json!({"capacity_pool_id": pool}));
        causeway.put(&format!("/v1/capacity-pools/{}/availability", pool.as_str().unwrap()), &json!({"status": "waitlist", "waiting": 4})).expect(200);
        for offering in [&one, &other] {
            assert_eq!(status(&causeway, &offering.id), "waitlist");
        }
        assert_eq!(causeway.found("postal_code=01840&availability=waitlist").len(), 2);
        assert!(causeway.found("postal_code=01840&availability=open").is_empty());
    }
}

on_both! {
    fn an_older_report_does_not_take_the_place_of_a_newer_one(causeway) {
        let offering = causeway.offering(json!({}));
        let path = format!("/v1/offerings/{}/availability", offering.id);
        causeway.put(&path, &json!({"status": "capacity"})).expect(200);
        let late = causeway.put(&path, &json!({"status": "no-capacity", "reported_at": "2026-11-22T11:00:00Z"})).expect(200);
        assert_eq!(late.json()["status"], "capacity");
        assert_eq!(status(&causeway, &offering.id), "capacity");
    }
}

on_both! {
    fn a_call_lives_shorter_and_contradictions_are_refused_by_field(causeway) {
        let offering = causeway.offering(json!({}));
        let path = format!("/v1/offerings/{}/availability", offering.id);
        let call = causeway.put(&path, &json!({"status": "capacity", "method": "coordinator_call"})).expect(200).json();
        assert_eq!(call["valid_until"], "2026-11-25T12:00:00Z");
        for (body, pointer) in [
            (json!({"status": "no-capacity", "open_slots": 1}), "/open_slots"),
            (json!({"status": "capacity", "open_slots": -1}), "/open_slots"),
            (json!({"status": "capacity", "open_slots": 1.5}), "/open_slots"),
            (json!({"status": "capacity", "valid_until": "2026-11-22T11:00:00Z"}), "/valid_until"),
            (json!({"status": "capacity", "valid_until": "2027-01-22T11:00:00Z"}), "/valid_until"),
            (json!({"status": "capacity", "reported_at": "2026-11-23T12:00:00Z"}), "/reported_at"),
            (json!({"status": "unknown"}), "/status"),
            (json!({"status": "open"}), "/status"),
        ] {
            let refused = causeway.put(&path, &body).expect(400);
            assert_eq!(refused.errors()[0].0, pointer, "{}", refused.text);
        }
        causeway.put("/v1/capacity-pools/0192d7a0-0000-7000-8000-000000000001/availability", &json!({"status": "capacity"})).expect(404);
    }
}

on_both! {
    fn a_date_that_has_passed_is_no_wait_of_no_days(causeway) {
        let offering = causeway.offering(json!({}));
        let availability = format!("/v1/offerings/{}/availability", offering.id);
        let closed = json!({"status": "no-capacity", "next_available_date": "2026-11-24"});
        causeway.put(&availability, &closed).expect(200);
        let found = || causeway.found("postal_code=01840&max_wait_days=400");
        assert_eq!(found(), [offering.id.as_str()]);
        causeway.clock.advance(Duration::from_hours(72));
        assert_eq!(causeway.get(&availability).json()["expected_wait"], json!({"basis": "unknown"}));
        assert!(found().is_empty(), "nobody has said that the door has opened");
    }
}

on_both! {
    fn a_clock_that_runs_ahead_does_not_stand_before_what_is_said_after_it(causeway) {
        let offering = causeway.offering(json!({}));
        let availability = format!("/v1/offerings/{}/availability", offering.id);
        let ahead = json!({"status": "capacity", "open_slots": 3, "reported_at": "2026-11-22T12:04:40Z"});
        assert_eq!(causeway.put(&availability, &ahead).expect(200).json()["as_of"], "2026-11-22T12:00:00Z");
        causeway.clock.advance(Duration::from_secs(1));
        let none = causeway.put(&availability, &json!({"status": "no-capacity"})).expect(200).json();
        assert_eq!(none["status"], "no-capacity");
    }
}

on_both! {
    fn remarks_on_a_call_are_not_for_everybody(causeway) {
        let offering = causeway.offering(json!({}));
        let availability = format!("/v1/offerings/{}/availability", offering.id);
        let report = json!({"status": "capacity", "method": "coordinator_call", "notes": "Ask for somebody"});
        let refused = causeway.put(&availability, &report).expect(400);
        assert_eq!(refused.errors()[0].0, "/notes");
        let agency = json!({"status": "capacity", "method": "agency", "notes": "Afternoons fill first"});
        causeway.put(&availability, &agency).expect(200);
    }
}

on_both! {
    fn what_goes_into_the_history_alone_is_heard_by_the_finder_too(causeway) {
        let offering = causeway.offering(json!({}));
        let availability = format!("/v1/offerings/{}/availability", offering.id);
        let list = |waiting: u32, at: &str| {
            json!({"status": "waitlist", "waiting": waiting, "starts_last_28_days": 4, "reported_at": at})
        };
        causeway.put(&availability, &list(40, "2026-11-22T11:00:00Z")).expect(200);
        let found = || causeway.found("postal_code=01840&max_wait_days=4000");
        assert_eq!(found(), [offering.id.as_str()]);
        causeway.put(&availability, &list(2, "2026-10-25T11:00:00Z")).expect(200);
        assert_eq!(causeway.get(&availability).json()["expected_wait"]["basis"], "unstable");
        assert!(found().is_empty(), "what is shown is what is searched by");
    }
}
