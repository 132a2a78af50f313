//! What comes back to the school of a service that an agency gives, and how a referral ends.

use std::time::Duration;

use serde_json::{Value, json};

use crate::consents::Pupil;
use crate::seeking::{Agency, Desk, answers, consents, keyed, lets_tell, text};
use crate::students::get;
use crate::support::{Causeway, on_both};

/// A student who was accepted; what may be told to the school is for the test to say.
struct Served {
    desk: Desk,
    agency: Agency,
    pupil: Pupil,
    referral: String,
    offer: String,
}

impl Served {
    fn new(causeway: &Causeway) -> Self {
        let desk = Desk::new(causeway, "0149");
        let agency = Agency::new(causeway, "One", "enrolled");
        let pupil = Pupil::new(causeway, &desk.lead(causeway), &json!({}));
        consents(causeway, &desk.lead(causeway), &pupil);
        let referral = desk.refers(causeway, &pupil, &[&agency], &json!({}));
        let offer = agency.asked(causeway);
        answers(causeway, &agency, &offer, &json!({"action": "accept"}));
        Self { desk, agency, pupil, referral, offer }
    }

    /// What the agency does.
    #[track_caller]
    fn does(&self, causeway: &Causeway, body: &Value) -> Value {
        answers(causeway, &self.agency, &self.offer, body)
    }

    /// The offer as the district is shown it.
    fn shown(&self, causeway: &Causeway) -> Value {
        self.desk.get(causeway, &format!("/v1/offers/{}", self.offer))
    }

    /// The offer as the agency is shown it.
    fn own(&self, causeway: &Causeway) -> Value {
        get(causeway, &self.agency.staff(causeway), &format!("/v1/offers/{}", self.offer)).expect(200).json()
    }

    /// What the agency has told the district, by the family's report.
    fn told(&self, causeway: &Causeway) -> Vec<Value> {
        let report = self.desk.get(causeway, &format!("{}/disclosures", self.pupil.path));
        let items = report["items"].as_array().unwrap().iter();
        items.filter(|one| one["direction"] == "to_school").cloned().collect()
    }
}

fn appointment() -> Value {
    json!({"action": "schedule", "appointment_at": "2026-11-24T15:00:00Z"})
}

fn attended() -> Value {
    let measure = json!({"instrument": "PSC-17 total", "baseline": 19.0, "latest": 12.5});
    json!({"action": "attend", "in_needed_language": true, "measure": measure})
}

on_both! {
    fn without_an_authorization_the_school_learns_that_a_service_was_taken_and_that_it_ended_and_nothing_between(causeway) {
        let served = Served::new(&causeway);
        let (desk, referral) = (&served.desk, &served.referral);
        served.does(&causeway, &appointment());
        assert_eq!(served.own(&causeway)["business_status"], "scheduled");
        let shown = served.shown(&causeway);
        assert_eq!((text(&shown["status"]), text(&shown["business_status"])), ("accepted", "accepted"));
        assert_eq!((&shown["appointment_at"], &shown["is_withheld"]), (&Value::Null, &json!(true)));
        assert_eq!(desk.status(&causeway, referral), "active accepted");
        let due = desk.referral(&causeway, referral)["due"].clone();
        assert_eq!(text(&due["step"]), "appointment", "{due}");
        causeway.clock.advance(Duration::from_hours(3 * 24));
        served.does(&causeway, &json!({"action": "no_show"}));
        served.does(&causeway, &json!({"action": "reschedule", "appointment_at": "2026-11-27T15:00:00Z"}));
        causeway.clock.advance(Duration::from_hours(3 * 24));
        served.does(&causeway, &attended());
        for path in ["", "/offers", "/events"] {
            let text = desk.get(&causeway, &format!("/v1/referrals/{referral}{path}")).to_string();
            for secret in ["no_show", "attend\"", "2026-11-27T15", "2026-11-24T15", "\"missed\":1", "\"sessions\":1", "in_service", "PSC"] {
                assert!(!text.contains(secret), "{secret} in {path}: {text}");
            }
        }
        let events = desk.get(&causeway, &format!("/v1/referrals/{referral}/events"));
        let withheld = events["items"].as_array().unwrap().iter().filter(|event| event["event"] == "withheld").count();
        assert_eq!(withheld, 4, "{events}");
        assert_eq!(desk.get(&causeway, "/v1/worklists/appointment_missed")["items"], json!([]));
        assert_eq!(served.told(&causeway), Vec::<Value>::new());
        served.does(&causeway, &json!({"action": "complete"}));
        let shown = served.shown(&causeway);
        assert_eq!((text(&shown["status"]), &shown["sessions"], &shown["is_withheld"]), ("completed", &json!(0), &json!(true)));
        let closed = desk.acts(&causeway, referral, &json!({"action": "close", "outcome": {"served": true}})).expect(200).json();
        assert_eq!(closed["outcome"], json!({"served": true}));
        assert!(!causeway.holds_text("PSC-17"), "what was measured lies sealed");
    }
}

on_both! {
    fn what_a_family_lets_an_agency_tell_the_school_is_told_with_each_act_and_on_the_record(causeway) {
        let served = Served::new(&causeway);
        let (desk, referral) = (&served.desk, &served.referral);
        served.does(&causeway, &appointment());
        assert_eq!(served.shown(&causeway)["business_status"], "accepted");
        // The authorization comes later: the next that is told is all of it.
        let authorization = lets_tell(&causeway, &desk.lead(&causeway), &served.pupil, &["service_record"]);
        causeway.clock.advance(Duration::from_hours(3 * 24));
        served.does(&causeway, &attended());
        let shown = served.shown(&causeway);
        assert_eq!((text(&shown["business_status"]), &shown["sessions"], &shown["in_needed_language"]), ("in_service", &json!(1), &json!(true)));
        assert_eq!((&shown["measure"], &shown["is_withheld"]), (&Value::Null, &json!(false)), "how it goes is another field");
        assert_eq!(desk.status(&causeway, referral), "active in-service");
        let told = served.told(&causeway);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((&told[0]["fields"], &told[0]["consents"]), (&json!(["service_record"]), &json!([authorization])));
        assert_eq!((text(&told[0]["released_to"]["affiliation"]), text(&told[0]["purpose"])), ("District 0149", "report_progress"));
        // What is revoked is told no further, and what was told stays told.
        let revocation = json!({"by": {"guardian": served.pupil.guardian}, "method": "verbal_witnessed", "evidence": "call"});
        desk.post(&causeway, &format!("{}/{authorization}/revoke", served.pupil.consents()), &revocation).expect(200);
        served.does(&causeway, &attended());
        let shown = served.shown(&causeway);
        assert_eq!((&shown["sessions"], &shown["is_withheld"]), (&json!(1), &json!(true)));
        assert_eq!(served.own(&causeway)["sessions"], 2);
        lets_tell(&causeway, &desk.lead(&causeway), &served.pupil, &["service_record", "progress"]);
        let measure = json!({"instrument": "PSC-17 total", "baseline": 19.0, "latest": 8.0});
        served.does(&causeway, &json!({"action": "complete", "measure": measure}));
        let shown = served.shown(&causeway);
        assert_eq!((&shown["sessions"], &shown["measure"]), (&json!(2), &measure));
        assert_eq!(served.told(&causeway).len(), 3);
        let close = json!({"action": "close", "outcome": {"served": true}, "measure": measure});
        let closed = desk.acts(&causeway, referral, &close).expect(200).json();
        assert_eq!(closed["outcome"], json!({"served": true, "in_needed_language": true, "first_appointment_on": "2026-11-25", "sessions": 2}));
        assert_eq!(desk.referral(&causeway, referral)["measure"], measure);
        assert!(!causeway.holds_text("PSC-17"), "what was measured lies sealed");
    }
}

on_both! {
    fn of_one_that_is_called_the_district_keeps_the_record(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let agency = Agency::new(&causeway, "One", "listed");
        let lead = desk.lead(&causeway);
        let pupil = Pupil::new(&causeway, &lead, &json!({}));
        consents(&causeway, &lead, &pupil);
        let referral = desk.refers(&causeway, &pupil, &[&agency], &json!({}));
        let offer = text(&desk.get(&causeway, &format!("/v1/referrals/{referral}/offers"))["items"][0]["id"]).to_owned();
        for body in [json!({"action": "accept"}), appointment()] {
            desk.post(&causeway, &format!("/v1/offers/{offer}/actions"), &body).expect(200);
        }
        causeway.clock.advance(Duration::from_hours(3 * 24));
        desk.post(&causeway, &format!("/v1/offers/{offer}/actions"), &attended()).expect(200);
        let shown = desk.get(&causeway, &format!("/v1/offers/{offer}"));
        assert_eq!((text(&shown["business_status"]), &shown["is_withheld"]), ("in_service", &json!(false)));
        assert_eq!(shown["measure"]["latest"], 12.5);
    }
}

on_both! {
    fn what_is_wrong_with_an_outcome_or_a_measure_is_said_with_its_place(causeway) {
        let served = Served::new(&causeway);
        let (desk, referral) = (&served.desk, &served.referral);
        let wrong = |outcome: &Value, measure: &Value| {
            let mut body = json!({"action": "close", "outcome": outcome});
            json_patch::merge(&mut body, &json!({"measure": measure}));
            desk.acts(&causeway, referral, &body).expect(400).errors().into_iter().map(|(place, _)| place).collect::<Vec<_>>()
        };
        let none = Value::Null;
        assert_eq!(wrong(&json!({"served": false}), &none), ["/outcome/reason"]);
        assert_eq!(wrong(&json!({"served": true, "reason": "moved"}), &none), ["/outcome/reason"]);
        let of_service = json!({"served": false, "reason": "moved", "in_needed_language": true, "sessions": 3, "first_appointment_on": "2026-11-01"});
        assert_eq!(wrong(&of_service, &json!({"instrument": "PHQ-A", "baseline": 1, "latest": 1})), [
            "/outcome/in_needed_language", "/outcome/first_appointment_on", "/outcome/sessions", "/measure",
        ]);
        assert_eq!(wrong(&json!({"served": true, "first_appointment_on": "2027-01-01"}), &none), ["/outcome/first_appointment_on"]);
        assert_eq!(wrong(&json!({"served": true}), &json!({"instrument": " ", "baseline": 1, "latest": 1})), ["/measure/instrument"]);
        assert_eq!(wrong(&json!({"served": true}), &json!({"instrument": "PHQ-A", "baseline": 1e300, "latest": 1})), ["/measure/baseline"]);
        let staff = served.agency.staff(&causeway);
        let attend = json!({"action": "attend", "measure": {"instrument": "PHQ-A", "baseline": 1, "latest": -1e9}});
        let refused = keyed(&causeway, &staff, &format!("/v1/offers/{}/actions", served.offer), &attend).expect(400);
        assert_eq!(refused.errors()[0].0, "/measure/latest");
    }
}

on_both! {
    fn what_is_withheld_shows_in_no_refusal_and_in_nothing_that_is_everybodys(causeway) {
        let served = Served::new(&causeway);
        let desk = &served.desk;
        served.does(&causeway, &appointment());
        causeway.clock.advance(Duration::from_hours(3 * 24));
        served.does(&causeway, &json!({"action": "no_show"}));
        let path = format!("/v1/offers/{}/actions", served.offer);
        for body in [json!({"action": "withdraw", "reason": "x"}), json!({"action": "no_show"}), json!({"action": "reschedule", "appointment_at": "2026-12-20T15:00:00Z"}), json!({"action": "schedule", "appointment_at": "2026-12-20T15:00:00Z"})] {
            let refused = desk.post(&causeway, &path, &body).expect(409).json();
            let detail = text(&refused["detail"]).to_owned();
            assert!(detail.contains("the offer is accepted"), "{detail}");
            assert_eq!(detail.contains("only by the recipient"), body["action"] != "withdraw", "{detail}");
        }
        let record = desk.get(&causeway, &format!("/v1/capacity-pools/{}/track-record", served.agency.pool));
        assert_eq!(record["observed"]["appointments_kept"]["of"], json!(0), "{record}");
        // Why it is handed back tells of the service, too.
        served.does(&causeway, &json!({"action": "return", "reason": "needs_higher_level_of_care", "note": "Said in the third session."}));
        let shown = served.shown(&causeway);
        assert_eq!((text(&shown["status"]), &shown["reason"]), ("rejected", &Value::Null));
        let events = desk.get(&causeway, &format!("/v1/referrals/{}/events", served.referral)).to_string();
        assert!(!events.contains("third session") && !events.contains("needs_higher"), "{events}");
        assert_eq!(served.own(&causeway)["reason"], "needs_higher_level_of_care");
    }
}

on_both! {
    fn an_agency_that_has_people_after_all_keeps_its_record_itself(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let agency = Agency::new(&causeway, "One", "listed");
        let lead = desk.lead(&causeway);
        let pupil = Pupil::new(&causeway, &lead, &json!({}));
        consents(&causeway, &lead, &pupil);
        desk.refers(&causeway, &pupil, &[&agency], &json!({}));
        let offer = agency.asked(&causeway);
        answers(&causeway, &agency, &offer, &json!({"action": "accept"}));
        answers(&causeway, &agency, &offer, &appointment());
        let shown = desk.get(&causeway, &format!("/v1/offers/{offer}"));
        assert_eq!((text(&shown["business_status"]), &shown["is_withheld"], &shown["by_call"]), ("accepted", &json!(true), &json!(false)));
        let refused = desk.post(&causeway, &format!("/v1/offers/{offer}/actions"), &json!({"action": "no_show"})).expect(409).json();
        assert!(text(&refused["detail"]).contains("only by the recipient"), "{refused}");
    }
}

on_both! {
    fn what_follows_from_an_agencys_answer_is_on_the_record_as_the_owners_word_and_not_as_the_agencys(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let (one, two) = (Agency::new(&causeway, "One", "enrolled"), Agency::new(&causeway, "Two", "enrolled"));
        let pupil = desk.pupil(&causeway);
        let id = desk.refers(&causeway, &pupil, &[&one, &two], &json!({}));
        answers(&causeway, &one, &one.asked(&causeway), &json!({"action": "decline", "reason": "age"}));
        let owner = desk.referral(&causeway, &id)["owner"].clone();
        let report = desk.get(&causeway, &format!("{}/disclosures", pupil.path));
        for told in report["items"].as_array().unwrap() {
            assert_eq!(told["released_by"]["id"], owner["id"], "{told}");
        }
        let events = desk.get(&causeway, &format!("/v1/referrals/{id}/events"));
        let requests = events["items"].as_array().unwrap().iter().filter(|event| event["event"] == "request");
        assert!(requests.clone().count() == 2 && requests.clone().all(|event| event["by"] == "Causeway"), "{events}");
    }
}
