//! Services for staff and for families, and services whose funding ends.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{ids, on_both};

const HERE: &str = "near=42.7070,-71.1631";

on_both! {
    fn a_service_for_staff_or_families_alone_is_found_by_those_who_ask_for_them(causeway) {
        let students = causeway.offering(json!({}));
        let offering_for = |audience: Value| {
            let offering = causeway.offering(json!({}));
            let service = format!("/v1/services/{}", offering.service);
            causeway.patch(&service, "\"1\"", &json!({"audience": audience})).expect(200);
            offering
        };
        let staff = offering_for(json!(["staff"]));
        let families = offering_for(json!(["families"]));
        let both = offering_for(json!(["students", "staff"]));
        let (students, staff, families, both) = (students.id, staff.id, families.id, both.id);
        for (audience, expected) in [
            (vec![], vec![&students, &both]),
            (vec!["students"], vec![&students, &both]),
            (vec!["staff"], vec![&staff, &both]),
            (vec!["families"], vec![&families]),
            (vec!["families", "staff"], vec![&staff, &families, &both]),
        ] {
            let query = if audience.is_empty() { String::new() } else { format!("&audience={}", audience.join(",")) };
            let found = causeway.found(&format!("{HERE}{query}"));
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{audience:?}");
            let mut body = json!({"origin": {"near": {"latitude": 42.7070, "longitude": -71.1631}}});
            if !audience.is_empty() {
                body["audience"] = json!(audience);
            }
            let matched = ids(&causeway.post("/v1/matches", &body).expect(200).json());
            assert_eq!(matched.iter().collect::<Vec<_>>(), expected, "{audience:?}");
        }
    }
}

on_both! {
    fn funding_that_ends_is_said_and_closes_nothing(causeway) {
        let offering = causeway.offering(json!({}));
        let service = format!("/v1/services/{}", offering.service);
        let facts = json!({"funding_source": "Demonstration grant", "funding_ends_on": "2027-01-22"});
        causeway.patch(&service, "\"1\"", &facts).expect(200);
        let first = || causeway.get(&format!("/v1/search?{HERE}")).expect(200).json()["items"][0].clone();
        let told = || -> Vec<String> {
            let reasons = first()["reasons"].as_array().unwrap().clone();
            let texts = reasons.iter().map(|reason| reason["text"].as_str().unwrap().to_owned());
            texts.filter(|text| text.contains("funding")).collect()
        };
        assert_eq!(first()["service"]["funding_source"], "Demonstration grant");
        assert_eq!(first()["service"]["funding_ends_on"], "2027-01-22");
        // 61 days before, on the last day, and on the day after.
        assert!(told().is_empty());
        causeway.clock.advance(Duration::from_hours(24));
        assert_eq!(told(), ["its funding ends on 2027-01-22"]);
        causeway.clock.advance(Duration::from_hours(24 * 60));
        assert_eq!(told(), ["its funding ends on 2027-01-22"]);
        causeway.clock.advance(Duration::from_hours(24));
        assert_eq!(told(), ["its funding ended on 2027-01-22"]);
    }
}
