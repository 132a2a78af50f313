//! Referrals through the API: from a need to a first appointment, and everything that can come between.

use std::sync::Arc;
use std::time::Duration;

use actix_web::test::TestRequest;
use causeway::access::{Role, Tie};
use causeway::privacy::Purpose;
use causeway::privacy::audit::Errand;
use causeway::store::{Tenancy, Tenant};
use causeway::students::erasure::{self, ErasureReason};
use causeway::types::DistrictId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::consents::Pupil;
use crate::seeking::{Agency, Desk, answers, consents, go_to, keyed, need, text, turn};
use crate::students::{get, patch};
use crate::support::{Causeway, on_both};

on_both! {
    fn a_referral_goes_from_a_need_to_the_end_of_a_service(causeway) {
        // Sunday noon, UTC.
        let desk = Desk::new(&causeway, "0149");
        let one = Agency::new(&causeway, "One", "enrolled");
        let two = Agency::new(&causeway, "Two", "enrolled");
        let three = Agency::new(&causeway, "Three", "listed");
        let four = Agency::new(&causeway, "Four", "enrolled");
        let all = [&one, &two, &three, &four];
        let lead = desk.lead(&causeway);
        let pupil = Pupil::new(&causeway, &lead, &json!({}));

        // The search names them.
        let found = get(&causeway, &lead, "/v1/search?near=42.70,-71.16&need=anxiety&language=es").expect(200).json();
        assert_eq!(found["items"].as_array().unwrap().len(), 4);

        // Nobody may be asked before a consent comes.
        let id = desk.refers(&causeway, &pupil, &all, &json!({"pins": {"languages": ["es"]}}));
        assert_eq!(desk.status(&causeway, &id), "active awaiting-consent");
        let due = desk.referral(&causeway, &id)["due"].clone();
        assert_eq!((&due["step"], &due["from"]), (&json!("consent"), &json!("family")));
        assert_eq!(one.inbox(&causeway).len(), 0);
        consents(&causeway, &lead, &pupil);
        assert_eq!(desk.status(&causeway, &id), "active seeking");

        // The first lets the clock run out: asked on a Sunday, as if on Monday, it has two business days.
        let first = one.inbox(&causeway).pop().unwrap();
        assert_eq!(first["reply_by"], json!("2026-11-25T22:00:00Z"));
        assert_eq!(first["profile"]["requirements"]["languages"], json!(["es"]));
        assert_eq!(two.inbox(&causeway).len(), 0, "one after the other");
        go_to(&causeway, "2026-11-25T21:59:59Z");
        assert_eq!(turn(&causeway), 0);
        go_to(&causeway, "2026-11-25T22:00:00Z");
        assert_eq!(turn(&causeway), 1);
        assert_eq!(turn(&causeway), 0, "once");
        assert_eq!(one.inbox(&causeway).len(), 0);

        // The second declines with a reason.
        let second = two.asked(&causeway);
        answers(&causeway, &two, &second, &json!({"action": "decline", "reason": "language_not_available", "note": "Our clinician left."}));

        // The third has nobody here: it is called, and takes the student onto its list.
        let offers = desk.get(&causeway, &format!("/v1/referrals/{id}/offers"));
        let third = offers["items"][2].clone();
        assert_eq!((&third["organization_id"], &third["by_call"]), (&json!(three.organization), &json!(true)));
        let third = text(&third["id"]).to_owned();
        let on_call = |body: &Value| desk.post(&causeway, &format!("/v1/offers/{third}/actions"), body);
        assert_eq!(on_call(&json!({"action": "waitlist"})).expect(200).json()["status"], "rejected");

        // The fourth accepts pending verification, and hands back.
        let fourth = four.asked(&causeway);
        answers(&causeway, &four, &fourth, &json!({"action": "pending_verification"}));
        assert_eq!(desk.status(&causeway, &id), "active seeking");
        answers(&causeway, &four, &fourth, &json!({"action": "verify"}));
        assert_eq!(desk.status(&causeway, &id), "active accepted");
        let places = |causeway: &Causeway| desk.get(causeway, &format!("/v1/referrals/{id}/offers"))["wait_list_entries"].clone();
        assert_eq!(places(&causeway)[0]["status"], "released");
        answers(&causeway, &four, &fourth, &json!({"action": "return", "reason": "insurance_not_verified"}));
        assert_eq!(desk.status(&causeway, &id), "active waiting");
        assert_eq!(places(&causeway)[0]["status"], "waiting");
        let joined = places(&causeway)[0]["joined_at"].clone();

        // A slot frees at the third, which is called again.
        assert_eq!(turn(&causeway), 0, "there is no room yet");
        three.claims(&causeway, &json!({"status": "capacity", "open_slots": 1}));
        assert_eq!(turn(&causeway), 1);
        assert_eq!((&places(&causeway)[0]["status"], &places(&causeway)[0]["joined_at"]), (&json!("promoted"), &joined));
        let offers = desk.get(&causeway, &format!("/v1/referrals/{id}/offers"));
        let fifth = offers["items"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&fifth["organization_id"], &fifth["status"]), (&json!(three.organization), &json!("requested")));
        let fifth = text(&fifth["id"]).to_owned();
        let on_call = |body: &Value| desk.post(&causeway, &format!("/v1/offers/{fifth}/actions"), body).expect(200).json();
        on_call(&json!({"action": "accept"}));

        // Who the student is is told only now, and is on the record.
        let released = desk.post(&causeway, &format!("/v1/students/{}/disclosures", pupil.id), &json!({
            "recipient": {"organization": {"organization_id": three.organization, "name": "R. Intake", "position": "intake"}},
            "packet": "identity", "fields": ["given_name", "family_name", "birth_date"], "purpose": "provide_service",
            "basis": "consent", "obligation": "none", "accepted_on": "2026-11-25",
        }));
        released.expect(201);

        on_call(&json!({"action": "schedule", "appointment_at": "2026-11-30T15:00:00Z"}));
        assert_eq!(desk.status(&causeway, &id), "active scheduled");
        go_to(&causeway, "2026-11-30T16:00:00Z");
        assert_eq!(on_call(&json!({"action": "no_show"}))["missed"], 1);
        assert_eq!(desk.status(&causeway, &id), "active accepted", "there is no appointment");
        on_call(&json!({"action": "reschedule", "appointment_at": "2026-12-02T15:00:00Z"}));
        go_to(&causeway, "2026-12-02T16:00:00Z");
        assert_eq!(on_call(&json!({"action": "attend"}))["first_attended_at"], "2026-12-02T16:00:00Z");
        assert_eq!(desk.status(&causeway, &id), "active in-service");
        on_call(&json!({"action": "complete"}));
        assert_eq!(desk.status(&causeway, &id), "active needs-coordinator", "its outcome is to be told");
        desk.acts(&causeway, &id, &json!({"action": "close", "outcome": {"served": true, "in_needed_language": true}})).expect(200);
        assert_eq!(desk.status(&causeway, &id), "completed closed");
        assert_eq!(desk.referral(&causeway, &id)["due"], Value::Null);

        // The mother is told exactly what was told of her child: five times a profile that names nobody, once who it is.
        let report = desk.get(&causeway, &format!("/v1/students/{}/disclosures?guardian_id={}", pupil.id, pupil.guardian));
        let told: Vec<(&str, &str)> = report["items"].as_array().unwrap().iter()
            .map(|one| (text(&one["packet"]), text(&one["released_to"]["organization_id"])))
            .collect();
        let profile = |agency: &'_ Agency| ("limited_profile", agency.organization.clone());
        let expected = [profile(&one), profile(&two), profile(&three), profile(&four), profile(&three), ("identity", three.organization.clone())];
        assert_eq!(told, expected.iter().map(|(packet, to)| (*packet, to.as_str())).collect::<Vec<_>>());

        // One row of history for each version of each thing.
        let events = desk.get(&causeway, &format!("/v1/referrals/{id}/events"))["items"].as_array().unwrap().clone();
        for subject in events.iter().map(|event| &event["subject_id"]) {
            let mut versions: Vec<i64> = events.iter().filter(|event| event["subject_id"] == *subject).map(|event| event["version"].as_i64().unwrap()).collect();
            versions.sort_unstable();
            assert_eq!(versions, (1..=i64::try_from(versions.len()).unwrap()).collect::<Vec<_>>(), "{subject}");
        }
        let shown = desk.referral(&causeway, &id);
        let of_referral = events.iter().filter(|event| event["subject"] == "referral").count();
        assert_eq!(shown["version"].as_u64().unwrap(), of_referral as u64);
        let declined = events.iter().find(|event| event["event"] == "decline").unwrap();
        assert_eq!((&declined["reason"], &declined["note"]), (&json!("language_not_available"), &json!("Our clinician left.")));
    }
}

on_both! {
    fn what_is_listed_works_and_what_is_not_says_what_would(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let one = Agency::new(&causeway, "One", "enrolled");
        let pupil = desk.pupil(&causeway);
        let id = desk.refers(&causeway, &pupil, &[&one], &json!({"submit": false}));
        let listed = |path: &str, token: &str| get(&causeway, token, path).expect(200).json()["actions"].clone();
        let path = format!("/v1/referrals/{id}/actions");
        let lead = desk.lead(&causeway);
        assert_eq!(listed(&path, &lead), json!(["submit", "revoke", "pin", "unpin", "extend_shortlist", "assign", "cover", "note", "enter_in_error"]));
        let refused = desk.acts(&causeway, &id, &json!({"action": "close", "outcome": {"served": false, "reason": "other"}})).expect(409).json();
        assert!(text(&refused["detail"]).contains("what you may do now: submit, revoke"), "{refused}");
        desk.acts(&causeway, &id, &json!({"action": "submit"})).expect(200);
        let offer = one.asked(&causeway);
        let path = format!("/v1/offers/{offer}/actions");
        assert_eq!(listed(&path, &one.staff(&causeway)), json!(["accept", "pending_verification", "decline", "waitlist"]));
        assert_eq!(listed(&path, &lead), json!(["withdraw", "enter_in_error"]), "the agency answers itself");
        let refused = keyed(&causeway, &lead, &path, &json!({"action": "accept"})).expect(409).json();
        assert!(text(&refused["detail"]).contains("only by the recipient; what you may do now: withdraw"), "{refused}");
        answers(&causeway, &one, &offer, &json!({"action": "accept"}));
        let refused = desk.acts(&causeway, &id, &json!({"action": "revoke", "reason": "moved"})).expect(409).json();
        assert!(text(&refused["detail"]).contains("request_cancellation"), "{refused}");
        keyed(&causeway, &lead, &path, &json!({"action": "request_cancellation", "reason": "moved"})).expect(200);
        answers(&causeway, &one, &offer, &json!({"action": "confirm_cancellation"}));
        assert_eq!(desk.status(&causeway, &id), "active needs-coordinator", "nobody else is asked by itself");
        desk.acts(&causeway, &id, &json!({"action": "revoke", "reason": "moved"})).expect(200);
        assert_eq!(desk.status(&causeway, &id), "revoked closed");
        assert_eq!(listed(&format!("/v1/referrals/{id}/actions"), &lead), json!(["enter_in_error"]));
    }
}

on_both! {
    fn a_key_is_needed_and_the_same_key_does_nothing_twice(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let one = Agency::new(&causeway, "One", "enrolled");
        let pupil = desk.pupil(&causeway);
        let lead = desk.lead(&causeway);
        let body = json!({"student_id": pupil.id, "need": need(), "shortlist": {"offerings": [one.offering]}, "submit": true});
        let send = |key: Option<&str>| {
            let mut request = TestRequest::post().uri("/v1/referrals").set_json(&body);
            if let Some(key) = key {
                request = request.insert_header(("Idempotency-Key", key));
            }
            causeway.send_as(&lead, request)
        };
        let refused = send(None).expect(400);
        assert_eq!(refused.errors()[0].0, "Idempotency-Key");
        let first = send(Some("\"a\"")).expect(201);
        let again = send(Some("\"a\"")).expect(201);
        assert_eq!(first.json()["id"], again.json()["id"]);
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!(one.inbox(&causeway).len(), 1);
    }
}

on_both! {
    fn a_consent_that_is_revoked_stops_the_cascade_and_says_so(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let (one, two) = (Agency::new(&causeway, "One", "enrolled"), Agency::new(&causeway, "Two", "enrolled"));
        let lead = desk.lead(&causeway);
        let pupil = Pupil::new(&causeway, &lead, &json!({}));
        let consent = consents(&causeway, &lead, &pupil);
        let id = desk.refers(&causeway, &pupil, &[&one, &two], &json!({}));
        let offer = one.asked(&causeway);
        let revocation = json!({"by": {"guardian": pupil.guardian}, "method": "verbal_witnessed", "evidence": "call of the mother"});
        desk.post(&causeway, &format!("{}/{consent}/revoke", pupil.consents()), &revocation).expect(200);
        assert_eq!(desk.status(&causeway, &id), "active awaiting-consent");
        assert_eq!((one.inbox(&causeway).len(), two.inbox(&causeway).len()), (0, 0));
        let withdrawn = desk.get(&causeway, &format!("/v1/offers/{offer}"));
        assert_eq!((&withdrawn["status"], &withdrawn["reason"]), (&json!("cancelled"), &json!("consent_ended")));
        let refused = keyed(&causeway, &one.staff(&causeway), &format!("/v1/offers/{offer}/actions"), &json!({"action": "accept"}));
        assert!(text(&refused.expect(409).json()["detail"]).contains("the offer is cancelled"));
        // Another consent, and the search goes on where it stopped.
        consents(&causeway, &lead, &pupil);
        assert_eq!(desk.status(&causeway, &id), "active seeking");
        assert_eq!(one.inbox(&causeway).len(), 1);
    }
}

on_both! {
    fn only_whom_a_consent_names_is_asked(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let (one, two) = (Agency::new(&causeway, "One", "enrolled"), Agency::new(&causeway, "Two", "enrolled"));
        let lead = desk.lead(&causeway);
        let pupil = Pupil::new(&causeway, &lead, &json!({}));
        let named = json!({"recipients": [{"organization": two.organization}], "purposes": ["coordinate_care"]});
        pupil.consented(&causeway, &lead, &named);
        let id = desk.refers(&causeway, &pupil, &[&one, &two], &json!({}));
        assert_eq!((one.inbox(&causeway).len(), two.inbox(&causeway).len()), (0, 1));
        let offer = two.asked(&causeway);
        answers(&causeway, &two, &offer, &json!({"action": "decline", "reason": "age"}));
        assert_eq!(desk.status(&causeway, &id), "active awaiting-consent", "the first is not asked without");
    }
}

on_both! {
    fn what_is_pinned_holds_of_whoever_is_asked_and_goes_by_an_own_act_only(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let (one, two) = (Agency::new(&causeway, "One", "enrolled"), Agency::new(&causeway, "Two", "enrolled"));
        let pupil = desk.pupil(&causeway);
        let id = desk.refers(&causeway, &pupil, &[&one, &two], &json!({"pins": {"languages": ["ht"]}}));
        assert_eq!(desk.status(&causeway, &id), "active needs-coordinator");
        let shown = desk.referral(&causeway, &id);
        assert_eq!(shown["shortlist"][0]["passed_over"], "pinned");
        desk.acts(&causeway, &id, &json!({"action": "reroute", "shortlist": {"offerings": [two.offering]}})).expect(200);
        assert_eq!(desk.referral(&causeway, &id)["pins"]["languages"], json!(["ht"]), "it survives a new route");
        assert_eq!(two.inbox(&causeway).len(), 0);
        let unpin = json!({"action": "unpin", "pins": {"languages": ["ht"]}});
        assert_eq!(desk.acts(&causeway, &id, &unpin).expect(400).json()["code"], "invalid-request");
        let unpin = json!({"action": "unpin", "pins": {"languages": ["ht"]}, "reason": "The father speaks Spanish."});
        desk.acts(&causeway, &id, &unpin).expect(200);
        assert_eq!(two.inbox(&causeway).len(), 1);
        desk.acts(&causeway, &id, &json!({"action": "pin", "pins": {"languages": ["pt"]}})).expect(200);
        assert_eq!(two.inbox(&causeway).len(), 0, "it was taken back");
        let events = desk.get(&causeway, &format!("/v1/referrals/{id}/events"));
        let unpinned = events["items"].as_array().unwrap().iter().find(|event| event["event"] == "unpin").unwrap().clone();
        assert_eq!(unpinned["note"], "The father speaks Spanish.");
    }
}

on_both! {
    fn slots_that_are_counted_are_held_and_those_who_come_later_wait_in_their_order(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let other = Desk::new(&causeway, "0150");
        let one = Agency::new(&causeway, "One", "enrolled");
        one.claims(&causeway, &json!({"status": "capacity", "open_slots": 1}));
        let pupils: Vec<Pupil> = (0..2).map(|_| desk.pupil(&causeway)).collect();
        let foreign = other.pupil(&causeway);
        let first = desk.refers(&causeway, &pupils[0], &[&one], &json!({}));
        let second = desk.refers(&causeway, &pupils[1], &[&one], &json!({}));
        causeway.clock.advance(Duration::from_secs(1));
        // It came last, and is urgent.
        let third = other.refers(&causeway, &foreign, &[&one], &json!({"urgency": "urgent"}));
        assert_eq!(desk.status(&causeway, &first), "active seeking");
        assert_eq!((desk.status(&causeway, &second), other.status(&causeway, &third)), ("active waiting".to_owned(), "active waiting".to_owned()));
        assert_eq!(turn(&causeway), 0, "the only slot is held");
        let place = |desk: &Desk, referral: &str| desk.get(&causeway, &format!("/v1/referrals/{referral}/offers"))["wait_list_entries"][0].clone();
        assert_eq!((&place(&desk, &second)["position"], &place(&other, &third)["position"]), (&json!(2), &json!(1)), "urgent before routine, in whichever district");
        assert_eq!(place(&desk, &second)["expected_wait"]["basis"], "unknown", "nobody has said how many start");
        let offer = one.asked(&causeway);
        answers(&causeway, &one, &offer, &json!({"action": "decline", "reason": "age"}));
        assert_eq!(turn(&causeway), 1);
        assert_eq!((desk.status(&causeway, &second), other.status(&causeway, &third)), ("active waiting".to_owned(), "active seeking".to_owned()));
        let offer = one.asked(&causeway);
        answers(&causeway, &one, &offer, &json!({"action": "accept"}));
        assert_eq!(turn(&causeway), 0);
        one.claims(&causeway, &json!({"status": "capacity", "open_slots": 1}));
        assert_eq!(turn(&causeway), 1);
        assert_eq!(desk.status(&causeway, &second), "active seeking");
    }
}

on_both! {
    fn nobody_sees_the_referrals_of_others(causeway) {
        let (desk, other) = (Desk::new(&causeway, "0149"), Desk::new(&causeway, "0150"));
        let (one, two) = (Agency::new(&causeway, "One", "enrolled"), Agency::new(&causeway, "Two", "enrolled"));
        let pupil = desk.pupil(&causeway);
        let id = desk.refers(&causeway, &pupil, &[&one], &json!({}));
        let offer = one.asked(&causeway);
        let (stranger, staff) = (other.lead(&causeway), two.staff(&causeway));
        for path in [format!("/v1/referrals/{id}"), format!("/v1/referrals/{id}/offers"), format!("/v1/referrals/{id}/events"), format!("/v1/referrals/{id}/actions"), format!("/v1/offers/{offer}")] {
            get(&causeway, &stranger, &path).expect(404);
        }
        keyed(&causeway, &stranger, &format!("/v1/referrals/{id}/actions"), &json!({"action": "submit"})).expect(404);
        get(&causeway, &staff, &format!("/v1/offers/{offer}")).expect(404);
        keyed(&causeway, &staff, &format!("/v1/offers/{offer}/actions"), &json!({"action": "accept"})).expect(404);
        keyed(&causeway, &stranger, "/v1/referrals", &json!({"student_id": pupil.id, "need": need()})).expect(404);
        assert_eq!(get(&causeway, &stranger, "/v1/referrals").expect(200).json()["items"], json!([]));
        // What the agency is shown names nobody.
        let shown = get(&causeway, &one.staff(&causeway), &format!("/v1/offers/{offer}")).expect(200).text;
        for secret in ["Rosa", "2015-04-02", "DEMO", &pupil.id, "M-1"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}

on_both! {
    fn imminent_risk_makes_no_referral(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let pupil = desk.pupil(&causeway);
        let body = json!({"student_id": pupil.id, "need": need(), "imminent_risk": true});
        let refused = desk.post(&causeway, "/v1/referrals", &body).expect(409).json();
        assert_eq!(refused["code"], "imminent-risk");
        assert!(!refused["crisis_contacts"].as_array().unwrap().is_empty());
        assert_eq!(desk.get(&causeway, "/v1/referrals")["items"], json!([]));
        assert_eq!(desk.get(&causeway, "/v1/crisis-events")["items"].as_array().unwrap().len(), 1);
    }
}

on_both! {
    fn what_is_wrong_is_said_with_its_place(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let pupil = desk.pupil(&causeway);
        let body = json!({
            "student_id": pupil.id, "parallel": 9, "next_action_on": "2026-01-01", "note": " ",
            "need": {"radius_km": 900, "required": {"needs": {"any_of": []}}},
            "shortlist": {"offerings": [Uuid::nil(), Uuid::nil()], "size": 3},
        });
        let places: Vec<String> = desk.post(&causeway, "/v1/referrals", &body).expect(400).errors().into_iter().map(|(at, _)| at).collect();
        assert_eq!(places, ["/need/radius_km", "/need/required/needs/any_of", "/shortlist/offerings/1", "/shortlist/size", "/parallel", "/next_action_on", "/note"]);
        let unknown = json!({"student_id": pupil.id, "need": need(), "shortlist": {"offerings": [Uuid::nil()]}});
        assert_eq!(desk.post(&causeway, "/v1/referrals", &unknown).expect(400).errors()[0].0, "/shortlist/offerings/0");
        let nobody = json!({"student_id": Uuid::nil(), "need": need()});
        desk.post(&causeway, "/v1/referrals", &nobody).expect(404);
    }
}

on_both! {
    fn an_agency_fetches_what_it_must_know_when_it_must_and_each_time_is_on_the_record(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let one = Agency::new(&causeway, "One", "enrolled");
        let lead = desk.lead(&causeway);
        let pupil = Pupil::new(&causeway, &lead, &json!({}));
        consents(&causeway, &lead, &pupil);
        desk.refers(&causeway, &pupil, &[&one], &json!({}));
        let offer = one.asked(&causeway);
        let path = format!("/v1/offers/{offer}/packets");
        let staff = one.staff(&causeway);
        let fetch = |packet: &str| causeway.send_as(&staff, TestRequest::post().uri(&path).set_json(json!({"packet": packet})));
        // Who it is, is not told before, and nothing permits to ask an insurer.
        fetch("identity").expect(409);
        let refused = fetch("eligibility").expect(403).json();
        assert_eq!(refused["code"], "disclosure-refused");
        fetch("limited_profile").expect(400);
        pupil.consented(&causeway, &lead, &json!({}));
        answers(&causeway, &one, &offer, &json!({"action": "pending_verification"}));
        let told = fetch("eligibility").expect(200).json();
        assert_eq!((&told["purpose"], &told["basis"]), (&json!("verify_insurance"), &json!("consent")));
        assert_eq!(told["packet"]["given_name"], "Rosa");
        answers(&causeway, &one, &offer, &json!({"action": "verify"}));
        let told = fetch("identity").expect(200).json();
        let fields: Vec<&String> = told["packet"].as_object().unwrap().keys().collect();
        assert_eq!(fields, ["birth_date", "family_name", "given_name", "guardians", "languages", "needs", "phone"], "what the consent covers");
        assert_eq!(told["packet"]["needs"], json!(["anxiety"]));
        assert_eq!(told["notices"][0]["notice"], "redisclosure");
        fetch("eligibility").expect(409);
        let other = Agency::new(&causeway, "Two", "enrolled").staff(&causeway);
        causeway.send_as(&other, TestRequest::post().uri(&path).set_json(json!({"packet": "identity"}))).expect(404);
        answers(&causeway, &one, &offer, &json!({"action": "return", "reason": "age"}));
        fetch("identity").expect(409);
        let report = desk.get(&causeway, &format!("/v1/students/{}/disclosures", pupil.id));
        let told: Vec<(&str, &str)> = report["items"].as_array().unwrap().iter()
            .map(|one| (text(&one["packet"]), text(&one["released_to"]["position"])))
            .collect();
        assert_eq!(told, [("limited_profile", "-"), ("eligibility", "agency_staff"), ("identity", "agency_staff")]);
        assert_eq!(report["items"][2]["released_by"]["position"], "owner of the referral");
    }
}

on_both! {
    fn what_is_needed_lies_in_the_open_nowhere_and_no_agency_is_told_what_betrays_a_child(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let one = Agency::new(&causeway, "One", "enrolled");
        let change = json!({"populations": ["newcomers"]});
        causeway.patch(&format!("/v1/offerings/{}", one.offering), "*", &change).expect(200);
        let pupil = desk.pupil(&causeway);
        let mut need = need();
        need["required"]["populations"] = json!({"any_of": ["newcomers"]});
        need["radius_km"] = json!(77.125_379_1);
        let body = json!({"student_id": pupil.id, "need": need, "pins": {"populations": ["newcomers"]}, "note": "Zwiebelfisch", "submit": true});
        let id = text(&desk.post(&causeway, "/v1/referrals", &body).expect(201).json()["id"]).to_owned();
        let shown = desk.referral(&causeway, &id);
        assert!(shown["shortlist"][0]["reasons"].to_string().contains("ewcomer"), "the district sees why: {shown}");
        let listed = desk.get(&causeway, "/v1/referrals").to_string();
        assert!(!listed.contains("ewcomer") && !listed.contains("nxiety"), "{listed}");
        let offer = one.asked(&causeway);
        let told = get(&causeway, &one.staff(&causeway), &format!("/v1/offers/{offer}")).expect(200).text;
        assert!(!told.contains("ewcomer"), "{told}");
        for sealed in ["Zwiebelfisch", "77.1253791", "serves Anxiety"] {
            assert!(!causeway.holds_text(sealed), "{sealed} lies in the open");
        }
    }
}

on_both! {
    fn a_student_with_a_referral_that_is_not_over_is_not_erased(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let one = Agency::new(&causeway, "One", "enrolled");
        let pupil = desk.pupil(&causeway);
        let id = desk.refers(&causeway, &pupil, &[&one], &json!({}));
        let app = &causeway.context().app;
        let district: DistrictId = desk.district.id.parse().unwrap();
        let client = app.access.development_client(Role::DistrictLead, Some(&Tie::District { district, schools: Vec::new() })).unwrap();
        let tenancy = Tenancy::District(Tenant { district, schools: Vec::new() });
        let errand = Errand { principal: Arc::new(client.principal()), tenancy, purpose: Purpose::Operate, request: None };
        let erase = || causeway.store().write_for_now(&errand.tenancy, |tx| {
            erasure::erase(tx, &app.vault, &errand, pupil.id.parse().unwrap(), ErasureReason::Request)
        });
        let refused = erase().unwrap_err().to_string();
        assert!(refused.contains("revoke or close it first"), "{refused}");
        desk.acts(&causeway, &id, &json!({"action": "revoke", "reason": "erased"})).expect(200);
        erase().unwrap();
        assert_eq!(turn(&causeway), 0, "the clock goes on");
    }
}

on_both! {
    fn a_home_that_is_not_known_any_more_keeps_no_consent_from_being_revoked(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let (one, two) = (Agency::new(&causeway, "One", "enrolled"), Agency::new(&causeway, "Two", "enrolled"));
        let lead = desk.lead(&causeway);
        let pupil = Pupil::new(&causeway, &lead, &json!({}));
        let consent = consents(&causeway, &lead, &pupil);
        let changes = json!({"pins": {"languages": ["es"]}, "need": {"origin": null}});
        let id = desk.refers(&causeway, &pupil, &[&one, &two], &changes);
        assert_eq!(desk.status(&causeway, &id), "active seeking");
        patch(&causeway, &lead, &pupil.path, "*", &json!({"address": {"postal_code": "00001"}})).expect(200);
        let revocation = json!({"by": {"guardian": pupil.guardian}, "method": "verbal_witnessed", "evidence": "call of the mother"});
        desk.post(&causeway, &format!("{}/{consent}/revoke", pupil.consents()), &revocation).expect(200);
        assert_eq!(one.inbox(&causeway).len(), 0);
        consents(&causeway, &lead, &pupil);
        assert_eq!(desk.status(&causeway, &id), "active seeking", "what is pinned does not hang on a place");
    }
}
