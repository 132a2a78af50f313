//! What becomes of a place on a list: it is confirmed, passed over, given up, lapses and comes back; and what a day that
//! begins changes.

use std::time::Duration;

use causeway::access::{Role, Tie};
use serde_json::{Value, json};

use crate::consents::Pupil;
use crate::seeking::{Agency, Desk, answers, consents, go_to, keyed, text, turn};
use crate::students::get;
use crate::support::{Causeway, on_both};

/// Hours of a day.
const DAY: u64 = 24;

/// One agency, whose only slot somebody has, and a referral that waits for it.
struct Line {
    desk: Desk,
    agency: Agency,
    /// The offer to whoever has the slot.
    taken: String,
    referral: String,
}

impl Line {
    fn new(causeway: &Causeway) -> Self {
        let desk = Desk::new(causeway, "0149");
        let agency = Agency::new(causeway, "One", "enrolled");
        agency.claims(
            causeway,
            &json!({"status": "capacity", "open_slots": 1, "valid_until": "2026-12-20T00:00:00Z"}),
        );
        desk.refers(causeway, &desk.pupil(causeway), &[&agency], &json!({}));
        let taken = agency.asked(causeway);
        answers(causeway, &agency, &taken, &json!({"action": "accept"}));
        causeway.clock.advance(Duration::from_secs(1));
        let referral = desk.refers(causeway, &desk.pupil(causeway), &[&agency], &json!({}));
        assert_eq!(desk.status(causeway, &referral), "active waiting");
        Self { desk, agency, taken, referral }
    }

    /// Another referral, which waits behind.
    fn joins(&self, causeway: &Causeway) -> String {
        causeway.clock.advance(Duration::from_secs(1));
        let referral = self.desk.refers(causeway, &self.desk.pupil(causeway), &[&self.agency], &json!({}));
        assert_eq!(self.desk.status(causeway, &referral), "active waiting");
        referral
    }

    fn place(&self, causeway: &Causeway, referral: &str) -> Value {
        place(&self.desk, causeway, referral)
    }

    fn acts(&self, causeway: &Causeway, referral: &str, body: &Value) -> crate::support::Answer {
        let id = self.place(causeway, referral)["id"].as_str().unwrap().to_owned();
        self.desk.post(causeway, &format!("/v1/wait-list-entries/{id}/actions"), body)
    }

    /// The slot is free again.
    fn frees(&self, causeway: &Causeway) {
        self.agency.claims(causeway, &json!({"status": "capacity", "open_slots": 1}));
        turn(causeway);
    }
}

fn place(desk: &Desk, causeway: &Causeway, referral: &str) -> Value {
    desk.get(causeway, &format!("/v1/referrals/{referral}/offers"))["wait_list_entries"][0].clone()
}

/// The referrals on a worklist.
fn listed(desk: &Desk, causeway: &Causeway, worklist: &str) -> Vec<String> {
    let page = desk.get(causeway, &format!("/v1/worklists/{worklist}"));
    page["items"].as_array().unwrap().iter().map(|one| text(&one["id"]).to_owned()).collect()
}

on_both! {
    fn whether_one_still_waits_is_asked_and_a_place_of_which_nobody_says_so_lapses_and_is_not_lost(causeway) {
        let line = Line::new(&causeway);
        let Line { desk, referral, .. } = &line;
        let joined = line.place(&causeway, referral)["joined_at"].clone();
        causeway.clock.advance(Duration::from_hours(29 * DAY));
        turn(&causeway);
        assert!(line.place(&causeway, referral)["confirm_by"].is_null(), "nothing is asked before its time");
        causeway.clock.advance(Duration::from_hours(2 * DAY));
        turn(&causeway);
        let asked = line.place(&causeway, referral);
        assert_eq!((text(&asked["status"]), asked["position"].as_i64()), ("waiting", Some(1)), "who is asked has the place");
        let shown = desk.referral(&causeway, referral);
        assert_eq!((text(&shown["due"]["step"]), text(&shown["due"]["from"])), ("confirmation", "coordinator"));
        assert_eq!(shown["due"]["at"], asked["confirm_by"]);
        assert_eq!(listed(desk, &causeway, "still_waiting"), [referral.as_str()]);
        // In time, and it begins anew.
        line.acts(&causeway, referral, &json!({"action": "confirm"})).expect(200);
        assert!(line.place(&causeway, referral)["confirm_by"].is_null());
        assert_eq!(listed(desk, &causeway, "still_waiting"), Vec::<String>::new());
        causeway.clock.advance(Duration::from_hours(31 * DAY));
        turn(&causeway);
        // Nobody says anything.
        causeway.clock.advance(Duration::from_hours(15 * DAY));
        turn(&causeway);
        assert_eq!(line.place(&causeway, referral)["status"], "lapsed");
        assert_eq!(desk.status(&causeway, referral), "active needs-coordinator", "never closed in silence");
        line.frees(&causeway);
        assert_eq!(desk.status(&causeway, referral), "active needs-coordinator", "slots go to others");
        // Who says it late has the old place.
        line.agency.claims(&causeway, &json!({"status": "waitlist"}));
        let again = line.acts(&causeway, referral, &json!({"action": "confirm"})).expect(200).json();
        assert_eq!((text(&again["status"]), &again["joined_at"]), ("waiting", &joined));
        assert_eq!(desk.status(&causeway, referral), "active waiting");
        line.frees(&causeway);
        assert_eq!(desk.status(&causeway, referral), "active seeking");
        let events = desk.get(&causeway, &format!("/v1/referrals/{referral}/events"));
        let of_place: Vec<&str> = events["items"].as_array().unwrap().iter()
            .filter(|event| event["subject"] == "wait_list_entry").map(|event| text(&event["event"])).collect();
        assert_eq!(of_place, ["join", "ask", "confirm", "ask", "lapse", "confirm", "promote"]);
    }
}

on_both! {
    fn who_is_passed_over_for_a_time_keeps_the_place_and_the_reason_is_on_the_record(causeway) {
        let line = Line::new(&causeway);
        let behind = line.joins(&causeway);
        let Line { desk, agency, referral: head, .. } = &line;
        let skip = json!({"action": "skip", "reason": "does_not_fit", "note": "The group on Monday is for older children."});
        // The agency sees its list, which names nobody, and passes the head over.
        let staff = agency.staff(&causeway);
        let page = get(&causeway, &staff, &format!("/v1/capacity-pools/{}/wait-list?limit=1", agency.pool)).expect(200).json();
        assert_eq!((page["items"].as_array().unwrap().len(), &page["total"]["value"]), (1, &json!(2)));
        let first = &page["items"][0];
        assert_eq!((&first["position"], &first["actions"], &first["referral_id"]), (&json!(1), &json!(["skip"]), &Value::Null));
        let next = text(&page["next_cursor"]);
        let rest = get(&causeway, &staff, &format!("/v1/capacity-pools/{}/wait-list?limit=1&cursor={next}", agency.pool)).expect(200).json();
        assert_eq!((&rest["items"][0]["position"], &rest["next_cursor"]), (&json!(2), &Value::Null));
        let path = format!("/v1/wait-list-entries/{}/actions", text(&first["id"]));
        let passed = keyed(&causeway, &staff, &path, &skip).expect(200).json();
        assert!(passed["skipped_until"].is_string() && passed["referral_id"].is_null());
        line.frees(&causeway);
        assert_eq!((desk.status(&causeway, head), desk.status(&causeway, &behind)), ("active waiting".to_owned(), "active seeking".to_owned()));
        assert_eq!(line.place(&causeway, head)["position"], 1, "the place is kept");
        let events = desk.get(&causeway, &format!("/v1/referrals/{head}/events"));
        let skipped = events["items"].as_array().unwrap().iter().find(|event| event["event"] == "skip").unwrap().clone();
        assert_eq!((text(&skipped["reason"]), text(&skipped["note"]), text(&skipped["actor"])), ("does_not_fit", "The group on Monday is for older children.", "recipient"));
        // A second slot, and still in vain; a week later it is the head's.
        agency.claims(&causeway, &json!({"status": "capacity", "open_slots": 1}));
        assert_eq!(turn(&causeway), 0);
        causeway.clock.advance(Duration::from_hours(8 * DAY));
        agency.claims(&causeway, &json!({"status": "capacity", "open_slots": 1}));
        turn(&causeway);
        assert_eq!(desk.status(&causeway, head), "active seeking");
    }
}

on_both! {
    fn one_list_is_left_and_the_others_are_kept(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let (one, two) = (Agency::new(&causeway, "One", "enrolled"), Agency::new(&causeway, "Two", "enrolled"));
        let id = desk.refers(&causeway, &desk.pupil(&causeway), &[&one, &two], &json!({"parallel": 2}));
        for agency in [&one, &two] {
            let offer = agency.asked(&causeway);
            answers(&causeway, agency, &offer, &json!({"action": "waitlist"}));
        }
        let entries = desk.get(&causeway, &format!("/v1/referrals/{id}/offers"))["wait_list_entries"].clone();
        let path = format!("/v1/wait-list-entries/{}/actions", text(&entries[0]["id"]));
        desk.post(&causeway, &path, &json!({"action": "leave", "reason": " "})).expect(400);
        let left = desk.post(&causeway, &path, &json!({"action": "leave", "reason": "Too far for the grandmother."})).expect(200).json();
        assert_eq!((text(&left["status"]), &left["actions"]), ("left", &json!([])));
        let refused = desk.post(&causeway, &path, &json!({"action": "confirm"})).expect(409).json();
        assert!(text(&refused["detail"]).contains("the place is left"), "{refused}");
        assert_eq!(desk.status(&causeway, &id), "active waiting", "the other list is kept");
        let path = format!("/v1/wait-list-entries/{}/actions", text(&entries[1]["id"]));
        desk.post(&causeway, &path, &json!({"action": "leave", "reason": "Moved."})).expect(200);
        assert_eq!(desk.status(&causeway, &id), "active needs-coordinator");
        let events = desk.get(&causeway, &format!("/v1/referrals/{id}/events")).to_string();
        assert!(events.contains("Too far for the grandmother."));
        assert!(!causeway.holds_text("grandmother"), "what was written lies sealed");
    }
}

on_both! {
    fn a_place_is_acted_on_by_those_who_have_part_in_it_and_only_as_they_may(causeway) {
        let line = Line::new(&causeway);
        let other = Desk::new(&causeway, "0150");
        let stranger = Agency::new(&causeway, "Two", "enrolled");
        let id = text(&line.place(&causeway, &line.referral)["id"]).to_owned();
        let path = format!("/v1/wait-list-entries/{id}/actions");
        for (token, body, status) in [
            (other.lead(&causeway), json!({"action": "confirm"}), 404),
            (stranger.staff(&causeway), json!({"action": "skip", "reason": "other"}), 404),
            (line.agency.staff(&causeway), json!({"action": "confirm"}), 409),
            (line.agency.staff(&causeway), json!({"action": "leave", "reason": "no"}), 409),
            (line.desk.lead(&causeway), json!({"action": "skip", "reason": "not_a_reason"}), 400),
            (line.desk.lead(&causeway), json!({"action": "skip", "reason": "other", "until": "2026-11-01"}), 400),
            (line.desk.lead(&causeway), json!({"action": "skip", "reason": "other", "until": "2027-11-01"}), 400),
            (line.desk.lead(&causeway), json!({"action": "skip", "reason": "family_asked", "until": "2026-12-01"}), 200),
        ] {
            let answer = keyed(&causeway, &token, &path, &body);
            assert_eq!(answer.status, status, "{body}: {}", answer.text);
        }
        get(&causeway, &stranger.staff(&causeway), &format!("/v1/capacity-pools/{}/wait-list", line.agency.pool)).expect(404);
        // A coordinator of another school sees nothing of it.
        let district = line.desk.district.id.parse().unwrap();
        let school = causeway.create("/v1/schools", &json!({"district_id": line.desk.district.id, "name": "Another School", "code": "01492"})).parse().unwrap();
        let coordinator = causeway.token(Role::Coordinator, &Tie::District { district, schools: vec![school] });
        keyed(&causeway, &coordinator, &path, &json!({"action": "confirm"})).expect(404);
    }
}

on_both! {
    fn who_was_accepted_elsewhere_cannot_confirm_a_place_that_has_lapsed(causeway) {
        let line = Line::new(&causeway);
        let (desk, referral) = (&line.desk, &line.referral);
        for days in [31, 15] {
            causeway.clock.advance(Duration::from_hours(days * DAY));
            turn(&causeway);
        }
        assert_eq!(line.place(&causeway, referral)["status"], "lapsed");
        let two = Agency::new(&causeway, "Two", "enrolled");
        desk.acts(&causeway, referral, &json!({"action": "extend_shortlist", "shortlist": {"offerings": [two.offering]}})).expect(200);
        let offer = two.asked(&causeway);
        answers(&causeway, &two, &offer, &json!({"action": "accept"}));
        let refused = line.acts(&causeway, referral, &json!({"action": "confirm"})).expect(409).json();
        assert!(text(&refused["detail"]).contains("has accepted"), "{refused}");
        let lapsed = line.place(&causeway, referral);
        assert_eq!((text(&lapsed["status"]), &lapsed["actions"]), ("lapsed", &json!(["leave"])), "what is listed works");
        desk.acts(&causeway, referral, &json!({"action": "enter_in_error", "reason": "another child"})).expect(200);
        assert_eq!(line.place(&causeway, referral)["status"], "left");
    }
}

on_both! {
    fn who_goes_on_after_a_rest_still_waits(causeway) {
        let line = Line::new(&causeway);
        let (desk, referral) = (&line.desk, &line.referral);
        causeway.clock.advance(Duration::from_hours(31 * DAY));
        turn(&causeway);
        desk.acts(&causeway, referral, &json!({"action": "hold", "reason": "The family is away."})).expect(200);
        causeway.clock.advance(Duration::from_hours(40 * DAY));
        turn(&causeway);
        assert_eq!(line.place(&causeway, referral)["status"], "waiting", "nothing is asked of what rests");
        desk.acts(&causeway, referral, &json!({"action": "resume"})).expect(200);
        let place = line.place(&causeway, referral);
        assert_eq!((text(&place["status"]), &place["confirm_by"]), ("waiting", &Value::Null));
    }
}

on_both! {
    fn a_consent_that_ends_with_the_day_is_seen_by_the_clock(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let one = Agency::new(&causeway, "One", "enrolled");
        one.claims(&causeway, &json!({"status": "waitlist"}));
        let lead = desk.lead(&causeway);
        let pupil = |ends: &str| {
            let pupil = Pupil::new(&causeway, &lead, &json!({}));
            pupil.consented(&causeway, &lead, &json!({"purposes": ["coordinate_care"], "expires_on": ends}));
            pupil
        };
        let asked = desk.refers(&causeway, &pupil("2026-11-23"), &[&one], &json!({}));
        let waits = desk.refers(&causeway, &pupil("2026-11-23"), &[&one], &json!({}));
        let offers = one.inbox(&causeway);
        let second = offers.iter().find(|offer| offer["referral_id"] == waits.as_str()).unwrap();
        answers(&causeway, &one, text(&second["id"]), &json!({"action": "waitlist"}));
        // The last day is a Monday; the offer has time until Tuesday. It is still that day where the district is.
        go_to(&causeway, "2026-11-24T04:59:00Z");
        turn(&causeway);
        assert_eq!((desk.status(&causeway, &asked), desk.status(&causeway, &waits)), ("active seeking".to_owned(), "active waiting".to_owned()));
        go_to(&causeway, "2026-11-24T05:00:00Z");
        assert!(turn(&causeway) >= 2);
        assert_eq!((desk.status(&causeway, &asked), desk.status(&causeway, &waits)), ("active awaiting-consent".to_owned(), "active awaiting-consent".to_owned()));
        assert_eq!(one.inbox(&causeway).len(), 0);
        assert_eq!(listed(&desk, &causeway, "awaiting_consent").len(), 2);
        assert_eq!(turn(&causeway), 0, "once a day");
        assert_eq!(place(&desk, &causeway, &waits)["status"], "waiting", "the place is kept");
    }
}

on_both! {
    fn a_free_slot_goes_to_nobody_who_waits_without_a_consent_and_is_theirs_again_with_one(causeway) {
        let line = Line::new(&causeway);
        let lead = line.desk.lead(&causeway);
        let pupil = Pupil::new(&causeway, &lead, &json!({}));
        let consent = consents(&causeway, &lead, &pupil);
        let id = line.desk.refers(&causeway, &pupil, &[&line.agency], &json!({"urgency": "urgent"}));
        let revocation = json!({"by": {"guardian": pupil.guardian}, "method": "verbal_witnessed", "evidence": "call"});
        line.desk.post(&causeway, &format!("{}/{consent}/revoke", pupil.consents()), &revocation).expect(200);
        assert_eq!(line.desk.status(&causeway, &id), "active awaiting-consent", "waiting in vain is said");
        line.frees(&causeway);
        assert_eq!(line.desk.status(&causeway, &line.referral), "active seeking", "the next has it");
        consents(&causeway, &lead, &pupil);
        assert_eq!(line.desk.status(&causeway, &id), "active waiting");
        answers(&causeway, &line.agency, &line.agency.asked(&causeway), &json!({"action": "decline", "reason": "age"}));
        turn(&causeway);
        assert_eq!(line.desk.status(&causeway, &id), "active seeking");
        assert!(!line.taken.is_empty());
    }
}

on_both! {
    fn a_referral_is_given_to_a_colleague_who_can_have_it_with_a_day_to_look_at_it(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let one = Agency::new(&causeway, "One", "enrolled");
        let pupil = Pupil::new(&causeway, &desk.district.lead, &json!({"school_id": desk.district.school}));
        consents(&causeway, &desk.district.lead, &pupil);
        let id = desk.refers(&causeway, &pupil, &[&one], &json!({}));
        let tie = |schools: Vec<&str>, of: &Desk| Tie::District {
            district: of.district.id.parse().unwrap(),
            schools: schools.iter().map(|school| school.parse().unwrap()).collect(),
        };
        let client = |role, tie: &Tie| causeway.context().app.access.development_client(role, Some(tie)).unwrap();
        let colleague = client(Role::Coordinator, &tie(vec![&desk.district.school], &desk));
        let another = causeway.create("/v1/schools", &json!({"district_id": desk.district.id, "name": "Another School", "code": "01492"}));
        let elsewhere = client(Role::Coordinator, &tie(vec![&another], &desk));
        let other = Desk::new(&causeway, "0150");
        let foreign = client(Role::DistrictLead, &tie(vec![], &other));
        let reader = client(Role::AuditReader, &tie(vec![], &desk));
        for to in [elsewhere.id.to_string(), foreign.id.to_string(), reader.id.to_string(), "nobody".to_owned()] {
            let refused = desk.acts(&causeway, &id, &json!({"action": "assign", "to": to})).expect(400);
            assert_eq!(refused.errors()[0].0, "/to");
        }
        let past = json!({"action": "assign", "to": colleague.id, "next_action_on": "2026-11-01"});
        assert_eq!(desk.acts(&causeway, &id, &past).expect(400).errors()[0].0, "/next_action_on");
        let given = json!({"action": "assign", "to": colleague.id, "next_action_on": "2026-11-23"});
        let given = desk.acts(&causeway, &id, &given).expect(200).json();
        assert_eq!((text(&given["owner"]["id"]), text(&given["next_action_on"])), (colleague.id.to_string().as_str(), "2026-11-23"));
        let mine = |at: &str| {
            go_to(&causeway, at);
            let token = causeway.context().app.access.token_now(colleague.id, Role::Coordinator, None).unwrap().token;
            let listed = get(&causeway, &token, "/v1/worklists/due_today").expect(200).json();
            (listed["items"].as_array().unwrap().len(), token)
        };
        assert_eq!(mine("2026-11-22T20:00:00Z").0, 0, "the reply is due on Tuesday, and the day set is tomorrow");
        let (count, token) = mine("2026-11-23T14:00:00Z");
        assert_eq!(count, 1, "the day that was set has come");
        // What was set for today is done by acting today.
        let note = json!({"action": "note", "note": "Called the grandmother."});
        let noted = keyed(&causeway, &token, &format!("/v1/referrals/{id}/actions"), &note).expect(200).json();
        assert!(noted["next_action_on"].is_null(), "{noted}");
        let note = json!({"action": "note", "note": "She calls back.", "next_action_on": "2026-11-25"});
        let noted = keyed(&causeway, &token, &format!("/v1/referrals/{id}/actions"), &note).expect(200).json();
        assert_eq!(noted["next_action_on"], "2026-11-25");
    }
}

on_both! {
    fn what_changed_since_is_listed_in_the_order_of_its_change(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let one = Agency::new(&causeway, "One", "enrolled");
        let ids: Vec<String> = (0..3)
            .map(|_| {
                causeway.clock.advance(Duration::from_mins(1));
                desk.refers(&causeway, &desk.pupil(&causeway), &[&one], &json!({}))
            })
            .collect();
        causeway.clock.advance(Duration::from_mins(1));
        desk.acts(&causeway, &ids[0], &json!({"action": "note", "note": "It is the last to change."})).expect(200);
        let page = |query: &str| {
            let page = desk.get(&causeway, &format!("/v1/referrals?{query}"));
            let found: Vec<String> = page["items"].as_array().unwrap().iter().map(|one| text(&one["id"]).to_owned()).collect();
            (found, text(&page["next_cursor"]).to_owned())
        };
        assert_eq!(page("limit=3").0, ids, "in the order of their ids");
        let since = "updated_since=2026-11-22T12:00:00Z";
        let (first, cursor) = page(&format!("{since}&limit=2"));
        assert_eq!(first, [ids[1].clone(), ids[2].clone()]);
        // What changes while one reads comes again at the end.
        causeway.clock.advance(Duration::from_mins(1));
        desk.acts(&causeway, &ids[1], &json!({"action": "note", "note": "Once more."})).expect(200);
        let (rest, end) = page(&format!("{since}&limit=2&cursor={cursor}"));
        assert_eq!((rest, end.as_str()), (vec![ids[0].clone(), ids[1].clone()], "-"));
    }
}

on_both! {
    fn a_free_slot_is_not_offered_to_whom_what_is_pinned_does_not_hold(causeway) {
        let line = Line::new(&causeway);
        let (desk, referral) = (&line.desk, &line.referral);
        desk.acts(&causeway, referral, &json!({"action": "pin", "pins": {"languages": ["ht"]}})).expect(200);
        assert_eq!(desk.status(&causeway, referral), "active needs-coordinator", "what is waited for would not do");
        line.frees(&causeway);
        assert_eq!(line.agency.inbox(&causeway).len(), 0);
        let unpin = json!({"action": "unpin", "pins": {"languages": ["ht"]}, "reason": "The father speaks Spanish."});
        desk.acts(&causeway, referral, &unpin).expect(200);
        assert_eq!(turn(&causeway), 1);
        assert_eq!(desk.status(&causeway, referral), "active seeking", "the place was kept");
    }
}

on_both! {
    fn a_place_keeps_its_time_of_joining_whatever_comes_of_what_it_was_offered(causeway) {
        let line = Line::new(&causeway);
        let (desk, agency, referral) = (&line.desk, &line.agency, &line.referral);
        let joined = line.place(&causeway, referral)["joined_at"].clone();
        let behind = line.joins(&causeway);
        line.frees(&causeway);
        // The agency puts it back on the list: what it has said before is no news.
        answers(&causeway, agency, &agency.asked(&causeway), &json!({"action": "waitlist"}));
        turn(&causeway);
        assert_eq!(line.place(&causeway, referral)["joined_at"], joined);
        assert_eq!((desk.status(&causeway, referral), desk.status(&causeway, &behind)), ("active waiting".to_owned(), "active seeking".to_owned()));
        assert_eq!(turn(&causeway), 0, "it is not asked again at once");
        answers(&causeway, agency, &agency.asked(&causeway), &json!({"action": "accept"}));
        causeway.clock.advance(Duration::from_mins(1));
        line.frees(&causeway);
        assert_eq!(desk.status(&causeway, referral), "active seeking", "a new word is");
        // It lets the clock run out.
        causeway.clock.advance(Duration::from_hours(7 * DAY));
        turn(&causeway);
        assert_eq!((text(&line.place(&causeway, referral)["status"]), &line.place(&causeway, referral)["joined_at"]), ("waiting", &joined));
        // The search rests and goes on: asked or waiting, the place is the old one.
        causeway.clock.advance(Duration::from_mins(1));
        line.frees(&causeway);
        assert_eq!(desk.status(&causeway, referral), "active seeking");
        desk.acts(&causeway, referral, &json!({"action": "hold", "reason": "The family is away."})).expect(200);
        agency.claims(&causeway, &json!({"status": "waitlist"}));
        desk.acts(&causeway, referral, &json!({"action": "resume"})).expect(200);
        let entries = desk.get(&causeway, &format!("/v1/referrals/{referral}/offers"))["wait_list_entries"].as_array().unwrap().clone();
        assert_eq!(entries.len(), 1, "{entries:?}");
    }
}

on_both! {
    fn a_place_that_was_released_twice_comes_back_once_when_somebody_hands_back(causeway) {
        let line = Line::new(&causeway);
        let (desk, referral) = (&line.desk, &line.referral);
        let (two, three) = (Agency::new(&causeway, "Two", "enrolled"), Agency::new(&causeway, "Three", "enrolled"));
        desk.acts(&causeway, referral, &json!({"action": "extend_shortlist", "shortlist": {"offerings": [two.offering]}})).expect(200);
        answers(&causeway, &two, &two.asked(&causeway), &json!({"action": "accept"}));
        assert_eq!(line.place(&causeway, referral)["status"], "released");
        let offer = desk.get(&causeway, &format!("/v1/referrals/{referral}/offers"))["items"][0]["id"].clone();
        answers(&causeway, &two, text(&offer), &json!({"action": "fail", "reason": "The clinician left."}));
        let again = json!({"action": "reroute", "shortlist": {"offerings": [line.agency.offering, three.offering]}});
        desk.acts(&causeway, referral, &again).expect(200);
        let accepted = three.asked(&causeway);
        answers(&causeway, &three, &accepted, &json!({"action": "accept"}));
        answers(&causeway, &three, &accepted, &json!({"action": "return", "reason": "age"}));
        let entries = desk.get(&causeway, &format!("/v1/referrals/{referral}/offers"))["wait_list_entries"].as_array().unwrap().clone();
        assert_eq!(entries.iter().map(|entry| text(&entry["status"])).collect::<Vec<_>>(), ["waiting"]);
    }
}

on_both! {
    fn a_shortlist_is_extended_by_whom_it_has_not_and_a_wish_that_adds_nobody_is_refused(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let (one, two) = (Agency::new(&causeway, "One", "enrolled"), Agency::new(&causeway, "Two", "enrolled"));
        let id = desk.refers(&causeway, &desk.pupil(&causeway), &[&one], &json!({}));
        let more = json!({"action": "extend_shortlist", "shortlist": {"size": 1}});
        let extended = desk.acts(&causeway, &id, &more).expect(200).json();
        assert_eq!(extended["shortlist"][1]["offering_id"], two.offering.as_str());
        desk.acts(&causeway, &id, &more).expect(409);
        let known = json!({"action": "extend_shortlist", "shortlist": {"offerings": [one.offering]}});
        desk.acts(&causeway, &id, &known).expect(409);
    }
}

on_both! {
    fn a_student_who_changes_school_takes_the_referral_along(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let one = Agency::new(&causeway, "One", "enrolled");
        let another = causeway.create("/v1/schools", &json!({"district_id": desk.district.id, "name": "Another School", "code": "01492"}));
        let lead = desk.lead(&causeway);
        let pupil = Pupil::new(&causeway, &lead, &json!({"school_id": desk.district.school}));
        let id = desk.refers(&causeway, &pupil, &[&one], &json!({}));
        let of = |school: &str| causeway.token(Role::Coordinator, &Tie::District { district: desk.district.id.parse().unwrap(), schools: vec![school.parse().unwrap()] });
        let (before, after) = (of(&desk.district.school), of(&another));
        get(&causeway, &before, &format!("/v1/referrals/{id}")).expect(200);
        assert_eq!(get(&causeway, &before, "/v1/worklists/awaiting_consent").json()["items"].as_array().unwrap().len(), 1);
        let etag = get(&causeway, &lead, &pupil.path).header("etag").unwrap().to_owned();
        crate::students::patch(&causeway, &lead, &pupil.path, &etag, &json!({"school_id": another})).expect(200);
        get(&causeway, &before, &format!("/v1/referrals/{id}")).expect(404);
        assert_eq!(get(&causeway, &after, &format!("/v1/referrals/{id}")).expect(200).json()["school_id"], another.as_str());
        assert_eq!(get(&causeway, &before, "/v1/worklists/awaiting_consent").json()["items"], json!([]));
        assert_eq!(get(&causeway, &after, "/v1/worklists/awaiting_consent").json()["items"].as_array().unwrap().len(), 1);
    }
}
