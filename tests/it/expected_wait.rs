//! How long one waits, told as an interval with its basis, and what is observed of a pool.

use serde_json::{Value, json};

use crate::support::{Causeway, ids, on_both};

const HERE: &str = "postal_code=01840";

fn say(causeway: &Causeway, offering: &str, claim: &Value) -> Value {
    causeway.put(&format!("/v1/offerings/{offering}/availability"), claim).expect(200).json()
}

fn items(causeway: &Causeway, query: &str) -> Vec<Value> {
    let answer = causeway.get(&format!("/v1/search?{HERE}&explain=true{query}")).expect(200).json();
    answer["items"].as_array().unwrap().clone()
}

fn observe(causeway: &Causeway, pool: &Value, observation: Value) {
    let mut body = observation;
    body["capacity_pool_id"] = pool.clone();
    causeway.post("/v1/observations", &body).expect(201);
}

on_both! {
    fn a_list_tells_an_interval_and_its_median_sorts_and_limits(causeway) {
        let [long, short] = [(), ()].map(|()| causeway.offering(json!({})));
        say(&causeway, &long.id, &json!({"status": "waitlist", "waiting": 12, "starts_last_28_days": 3}));
        let said = say(&causeway, &short.id, &json!({"status": "waitlist", "waiting": 3, "starts_last_28_days": 8}));
        let wait = said["expected_wait"].clone();
        assert_eq!(wait, json!({"basis": "queue", "p10": 5.4, "p50": 12.6, "p90": 27.2}));
        let shown = items(&causeway, "&sort=wait");
        assert_eq!(shown[0]["availability"]["expected_wait"], wait);
        let order: Vec<&Value> = shown.iter().map(|item| &item["offering"]["id"]).collect();
        assert_eq!(order, [&json!(short.id), &json!(long.id)]);
        let median = wait["p50"].as_f64().unwrap();
        assert_eq!(causeway.found(&format!("{HERE}&max_wait_days={median}")), [short.id.as_str()]);
        assert!(causeway.found(&format!("{HERE}&max_wait_days={}", median - 0.1)).is_empty());
        let told = shown[0]["explanation"]["factors"].to_string();
        assert!(told.contains("likely 5 to 28 days (half start within 13)"), "{told}");
    }
}

on_both! {
    fn a_list_that_got_much_longer_is_called_unstable_and_ranks_below_an_unknown_one(causeway) {
        let [growing, steady, unknown] = [(), (), ()].map(|()| causeway.offering(json!({})));
        let month_ago = "2026-10-25T12:00:00Z";
        for (offering, before) in [(&growing, 10), (&steady, 30)] {
            let list = |waiting: u32| json!({"status": "waitlist", "waiting": waiting, "starts_last_28_days": 8});
            let mut earlier = list(before);
            earlier["reported_at"] = json!(month_ago);
            say(&causeway, &offering.id, &earlier);
            say(&causeway, &offering.id, &list(30));
        }
        let wait = |offering: &str| {
            causeway.get(&format!("/v1/offerings/{offering}/availability")).expect(200).json()["expected_wait"].clone()
        };
        assert_eq!(wait(&growing.id), json!({"basis": "unstable"}));
        assert_eq!(wait(&steady.id)["basis"], "queue");
        assert_eq!(wait(&unknown.id), json!({"basis": "unknown"}));
        let found = causeway.found(&format!("{HERE}&sort=wait"));
        assert_eq!(found, [&steady.id, &unknown.id, &growing.id].map(String::clone));
        assert!(!causeway.found(&format!("{HERE}&max_wait_days=100000")).contains(&growing.id));
        let told = items(&causeway, "").into_iter().find(|item| item["offering"]["id"] == growing.id.as_str()).unwrap();
        assert!(told["explanation"].to_string().contains("30 waiting, unstable: more arrive than start"), "{told}");
    }
}

on_both! {
    fn with_openings_the_wait_is_what_first_appointments_took_once_enough_are_observed(causeway) {
        let offering = causeway.offering(json!({}));
        let said = say(&causeway, &offering.id, &json!({"status": "capacity", "open_slots": 1}));
        assert_eq!(said["expected_wait"], json!({"basis": "open", "not_before_days": 0.0}));
        let wait = || items(&causeway, "")[0]["availability"]["expected_wait"].clone();
        for day in 1..=9_u32 {
            assert_eq!(wait()["basis"], "open", "{day}");
            observe(&causeway, &said["capacity_pool_id"], json!({"kind": "first_appointment", "days_to_first_appointment": day}));
        }
        assert_eq!(wait(), json!({"basis": "first_appointments", "p10": 1.0, "p50": 5.0, "p90": 9.0}));
        assert!(causeway.found(&format!("{HERE}&max_wait_days=4")).is_empty(), "the finder has it too");
        assert_eq!(causeway.found(&format!("{HERE}&max_wait_days=5")).len(), 1);
        let dated = json!({"status": "capacity", "next_available_date": "2026-11-29"});
        let said = say(&causeway, &offering.id, &dated);
        assert_eq!(said["expected_wait"], json!({"basis": "first_appointments", "p10": 7.0, "p50": 7.0, "p90": 9.0}));
    }
}

on_both! {
    fn what_was_observed_of_a_pool_ranks_and_is_told(causeway) {
        let [unheard, good, bad] = [(), (), ()].map(|()| causeway.offering(json!({})));
        for (offering, answered) in [(&good, true), (&bad, false)] {
            let pool = causeway.get(&format!("/v1/offerings/{}", offering.id)).json()["capacity_pool_id"].clone();
            for _ in 0..3 {
                observe(&causeway, &pool, json!({"kind": "call", "held": answered}));
            }
        }
        let answer = causeway.get(&format!("/v1/search?{HERE}&explain=true")).expect(200).json();
        assert_eq!(ids(&answer), [good.id, unheard.id, bad.id]);
        let told: Vec<String> = answer["items"].as_array().unwrap().iter().map(|item| item["explanation"].to_string()).collect();
        assert!(told[0].contains("answered 3 of 3 calls") && told[1].contains("nothing observed yet"), "{told:?}");
        assert!(told[2].contains("answered 0 of 3 calls"), "{told:?}");
    }
}
