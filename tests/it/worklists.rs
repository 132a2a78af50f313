//! Worklists through the API: what brings a referral there and what takes it away, whose it is, and in which order.

use std::time::Duration;

use causeway::access::{Role, Tie};
use serde_json::{Value, json};

use crate::consents::Pupil;
use crate::seeking::{Agency, Desk, answers, consents, go_to, keyed, lets_tell, turn};
use crate::students::{get, post};
use crate::support::{Causeway, on_both};

const LISTS: [&str; 11] = [
    "due_today",
    "awaiting_consent",
    "no_reply_in_time",
    "declined_by_all",
    "waiting_too_long",
    "still_waiting",
    "appointment_missed",
    "accepted_not_scheduled",
    "served_without_outcome",
    "pinned_without_candidates",
    "season_ends",
];

/// The referrals on a list, in order.
#[track_caller]
fn listed(causeway: &Causeway, token: &str, list: &str) -> Vec<String> {
    let page = get(causeway, token, &format!("/v1/worklists/{list}")).expect(200).json();
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// On which lists a referral stands, `due_today` aside; every list says how many there are, and so does the overview.
#[track_caller]
fn lists_of(causeway: &Causeway, desk: &Desk, id: &str) -> Vec<&'static str> {
    let lead = desk.lead(causeway);
    let counted = counts(causeway, &lead);
    let mut lists = Vec::new();
    for (list, (name, count)) in LISTS.into_iter().zip(counted) {
        let found = listed(causeway, &lead, list);
        assert_eq!((list, found.len() as u64), (name.as_str(), count));
        if list != "due_today" && found.iter().any(|one| one == id) {
            lists.push(list);
        }
    }
    lists
}

/// What there is to do, by name.
fn counts(causeway: &Causeway, token: &str) -> Vec<(String, u64)> {
    let overview = get(causeway, token, "/v1/worklists").expect(200).json();
    let count = |item: &Value| {
        assert_eq!(item["total"]["relation"], "eq");
        (item["name"].as_str().unwrap().to_owned(), item["total"]["value"].as_u64().unwrap())
    };
    overview["items"].as_array().unwrap().iter().map(count).collect()
}

on_both! {
    fn a_referral_stands_on_the_lists_that_its_story_brings_it_to(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let [one, two, three] = ["One", "Two", "Three"].map(|name| Agency::new(&causeway, name, "enrolled"));
        let lead = desk.lead(&causeway);
        let pupil = Pupil::new(&causeway, &lead, &json!({}));
        let id = desk.refers(&causeway, &pupil, &[&one, &two], &json!({"submit": false}));
        let lists = || lists_of(&causeway, &desk, &id);
        assert_eq!(lists(), [""; 0], "a draft");
        desk.acts(&causeway, &id, &json!({"action": "submit"})).expect(200);
        assert_eq!(lists(), ["awaiting_consent"]);
        consents(&causeway, &lead, &pupil);
        lets_tell(&causeway, &lead, &pupil, &["service_record"]);
        assert_eq!(lists(), [""; 0]);

        // The first lets the clock run out, the second declines.
        go_to(&causeway, "2026-11-25T22:00:00Z");
        assert_eq!(turn(&causeway), 1);
        assert_eq!(lists(), ["no_reply_in_time"]);
        let offer = two.asked(&causeway);
        answers(&causeway, &two, &offer, &json!({"action": "decline", "reason": "age"}));
        assert_eq!(lists(), ["no_reply_in_time", "declined_by_all"]);
        desk.acts(&causeway, &id, &json!({"action": "hold", "reason": "The family is away."})).expect(200);
        assert_eq!(lists(), [""; 0], "it rests");
        desk.acts(&causeway, &id, &json!({"action": "resume"})).expect(200);
        assert_eq!(lists(), ["no_reply_in_time", "declined_by_all"]);

        desk.acts(&causeway, &id, &json!({"action": "extend_shortlist", "shortlist": {"offerings": [three.offering]}})).expect(200);
        assert_eq!(lists(), ["no_reply_in_time"]);
        let offer = three.asked(&causeway);
        let does = |body: &Value| answers(&causeway, &three, &offer, body);
        does(&json!({"action": "accept"}));
        assert_eq!(lists(), ["accepted_not_scheduled"], "somebody has accepted since");
        does(&json!({"action": "hold", "reason": "on leave"}));
        assert_eq!(lists(), [""; 0]);
        does(&json!({"action": "resume"}));
        assert_eq!(lists(), ["accepted_not_scheduled"]);
        does(&json!({"action": "schedule", "appointment_at": "2026-11-26T15:00:00Z"}));
        assert_eq!(lists(), [""; 0]);
        go_to(&causeway, "2026-11-26T16:00:00Z");
        does(&json!({"action": "no_show"}));
        assert_eq!(lists(), ["appointment_missed"]);
        does(&json!({"action": "reschedule", "appointment_at": "2026-11-27T15:00:00Z"}));
        does(&json!({"action": "attend"}));
        assert_eq!(lists(), [""; 0]);
        does(&json!({"action": "complete"}));
        assert_eq!(lists(), ["served_without_outcome"]);
        desk.acts(&causeway, &id, &json!({"action": "close", "outcome": {"served": true}})).expect(200);
        assert_eq!(lists(), [""; 0]);
        assert_eq!(listed(&causeway, &desk.lead(&causeway), "due_today"), [""; 0], "it is over");
    }
}

on_both! {
    fn a_reply_that_did_not_come_counts_until_somebody_accepts_and_again_after_a_later_one(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let [one, two, three] = ["One", "Two", "Three"].map(|name| Agency::new(&causeway, name, "enrolled"));
        let pupil = desk.pupil(&causeway);
        let id = desk.refers(&causeway, &pupil, &[&one, &two, &three], &json!({}));
        go_to(&causeway, "2026-11-25T22:00:00Z");
        turn(&causeway);
        let offer = two.asked(&causeway);
        causeway.clock.advance(Duration::from_secs(1));
        answers(&causeway, &two, &offer, &json!({"action": "accept"}));
        causeway.clock.advance(Duration::from_secs(1));
        answers(&causeway, &two, &offer, &json!({"action": "return", "reason": "age"}));
        assert_eq!(lists_of(&causeway, &desk, &id), [""; 0], "it was accepted since");
        causeway.clock.advance(Duration::from_hours(24 * 7));
        assert_eq!(turn(&causeway), 1);
        assert_eq!(lists_of(&causeway, &desk, &id), ["no_reply_in_time", "declined_by_all"]);
    }
}

on_both! {
    fn a_pin_that_nobody_holds_is_on_a_list_until_somebody_is_left(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let (one, two) = (Agency::new(&causeway, "One", "enrolled"), Agency::new(&causeway, "Two", "enrolled"));
        let pupil = desk.pupil(&causeway);
        let id = desk.refers(&causeway, &pupil, &[&one], &json!({"pins": {"languages": ["ht"]}}));
        assert_eq!(lists_of(&causeway, &desk, &id), ["declined_by_all", "pinned_without_candidates"]);
        let unpin = json!({"action": "unpin", "pins": {"languages": ["ht"]}, "reason": "The father speaks Spanish."});
        desk.acts(&causeway, &id, &unpin).expect(200);
        assert_eq!(lists_of(&causeway, &desk, &id), [""; 0]);
        let offer = one.asked(&causeway);
        answers(&causeway, &one, &offer, &json!({"action": "decline", "reason": "age"}));
        assert_eq!(lists_of(&causeway, &desk, &id), ["declined_by_all"], "no pin is in the way");
        // What was withdrawn is over as well, and nothing goes on by itself.
        let other = desk.refers(&causeway, &desk.pupil(&causeway), &[&two], &json!({}));
        let offer = two.asked(&causeway);
        keyed(&causeway, &desk.lead(&causeway), &format!("/v1/offers/{offer}/actions"), &json!({"action": "withdraw", "reason": "a slip"})).expect(200);
        assert_eq!(desk.status(&causeway, &other), "active needs-coordinator");
        assert_eq!(lists_of(&causeway, &desk, &other), ["declined_by_all"]);
    }
}

on_both! {
    fn a_place_on_a_list_is_too_long_after_thirty_days_or_seven_where_it_is_urgent(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let one = Agency::new(&causeway, "One", "enrolled");
        one.claims(&causeway, &json!({"status": "capacity", "open_slots": 1}));
        let [first, routine, urgent] = ["routine", "routine", "urgent"].map(|urgency| {
            causeway.clock.advance(Duration::from_secs(1));
            let pupil = desk.pupil(&causeway);
            desk.refers(&causeway, &pupil, &[&one], &json!({"urgency": urgency}))
        });
        assert_eq!(desk.status(&causeway, &first), "active seeking");
        let waits = |instant: &str| {
            go_to(&causeway, instant);
            listed(&causeway, &desk.lead(&causeway), "waiting_too_long")
        };
        assert_eq!(waits("2026-11-29T12:00:02Z"), [""; 0]);
        assert_eq!(waits("2026-11-29T12:00:03Z"), [urgent.as_str()], "seven days");
        assert_eq!(waits("2026-12-22T12:00:01Z"), [urgent.as_str()]);
        assert_eq!(waits("2026-12-22T12:00:02Z"), [urgent.as_str(), routine.as_str()], "thirty, the urgent one first");
        assert_eq!(lists_of(&causeway, &desk, &routine), ["waiting_too_long"]);
        desk.acts(&causeway, &routine, &json!({"action": "revoke", "reason": "moved"})).expect(200);
        assert_eq!(listed(&causeway, &desk.lead(&causeway), "waiting_too_long"), [urgent.as_str()]);
    }
}

on_both! {
    fn what_is_due_today_is_the_owners_and_whose_stands_in_where_the_district_is(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let one = Agency::new(&causeway, "One", "enrolled");
        let tie = Tie::District { district: desk.district.id.parse().unwrap(), schools: Vec::new() };
        let colleague = || causeway.token(Role::Coordinator, &tie);
        let pupil = Pupil::new(&causeway, &desk.lead(&causeway), &json!({}));
        let id = desk.refers(&causeway, &pupil, &[&one], &json!({}));
        let due = desk.referral(&causeway, &id)["due"].clone();
        assert_eq!(due["at"], "2026-12-06T12:00:00Z");
        let owner = desk.referral(&causeway, &id)["owner"]["id"].as_str().unwrap().to_owned();
        let today = |token: String| listed(&causeway, &token, "due_today").len();
        // In New York it is still the fifth.
        go_to(&causeway, "2026-12-06T04:59:59Z");
        assert_eq!(today(desk.lead(&causeway)), 0);
        go_to(&causeway, "2026-12-06T05:00:00Z");
        assert_eq!((today(desk.lead(&causeway)), today(colleague())), (1, 0), "the day has begun");
        assert_eq!(listed(&causeway, &colleague(), &format!("due_today?owner_id={owner}")), [id.as_str()]);
        assert_eq!(listed(&causeway, &desk.lead(&causeway), "due_today?owner_id=me"), [id.as_str()]);

        // Who stands in sees it too, until the last day.
        let path = format!("/v1/referrals/{id}/actions");
        keyed(&causeway, &colleague(), &path, &json!({"action": "cover", "until": "2026-12-06"})).expect(200);
        assert_eq!((today(desk.lead(&causeway)), today(colleague())), (1, 1));
        assert_eq!(counts(&causeway, &colleague())[0], ("due_today".to_owned(), 1));
        go_to(&causeway, "2026-12-07T05:00:00Z");
        assert_eq!((today(desk.lead(&causeway)), today(colleague())), (1, 0), "due before, and covered no more");
        keyed(&causeway, &colleague(), &path, &json!({"action": "cover"})).expect(200);
        assert_eq!(today(colleague()), 1, "until it is said otherwise");
        // One who owns what they stand in for sees it once.
        desk.acts(&causeway, &id, &json!({"action": "cover"})).expect(200);
        assert_eq!((today(desk.lead(&causeway)), today(colleague())), (1, 0));
        assert_eq!(counts(&causeway, &desk.lead(&causeway))[0].1, 1);

        // Another owner: its lists go along.
        keyed(&causeway, &colleague(), &path, &json!({"action": "assign"})).expect(200);
        assert_eq!((today(desk.lead(&causeway)), today(colleague())), (0, 1));
        let waits = |token: String, owner: &str| listed(&causeway, &token, &format!("awaiting_consent{owner}")).len();
        assert_eq!((waits(desk.lead(&causeway), ""), waits(desk.lead(&causeway), "?owner_id=me")), (1, 0));
        assert_eq!(waits(colleague(), "?owner_id=me"), 1);
    }
}

on_both! {
    fn worklists_show_the_referrals_of_ones_own_district_and_schools(causeway) {
        let (desk, other) = (Desk::new(&causeway, "0149"), Desk::new(&causeway, "0150"));
        let one = Agency::new(&causeway, "One", "enrolled");
        let lead = desk.lead(&causeway);
        let [in_school, elsewhere] = [json!({"school_id": desk.district.school}), json!({})].map(|changes| {
            let pupil = Pupil::new(&causeway, &lead, &changes);
            desk.refers(&causeway, &pupil, &[&one], &json!({}))
        });
        assert_eq!(listed(&causeway, &lead, "awaiting_consent"), [in_school.as_str(), elsewhere.as_str()]);
        let coordinator = &desk.district.coordinator;
        assert_eq!(listed(&causeway, coordinator, "awaiting_consent"), [in_school.as_str()]);
        assert_eq!(counts(&causeway, coordinator)[1].1, 1);
        let owner = desk.referral(&causeway, &in_school)["owner"]["id"].as_str().unwrap().to_owned();
        go_to(&causeway, "2026-12-06T12:00:00Z");
        let tie = Tie::District { district: desk.district.id.parse().unwrap(), schools: vec![desk.district.school.parse().unwrap()] };
        let coordinator = causeway.token(Role::Coordinator, &tie);
        assert_eq!(listed(&causeway, &coordinator, &format!("due_today?owner_id={owner}")), [in_school.as_str()]);
        let stranger = other.lead(&causeway);
        for list in LISTS {
            assert_eq!(listed(&causeway, &stranger, &format!("{list}?owner_id={owner}")), [""; 0], "{list}");
        }
        assert_eq!(counts(&causeway, &stranger).iter().map(|(_, count)| count).sum::<u64>(), 0);
        get(&causeway, &one.staff(&causeway), "/v1/worklists").expect(403);
        get(&causeway, &desk.lead(&causeway), "/v1/worklists/overdue").expect(404);
        get(&causeway, &desk.lead(&causeway), "/v1/worklists/due_today?owner=me").expect(400);
    }
}

on_both! {
    fn pages_go_on_in_the_order_in_which_referrals_are_due_and_each_is_on_the_audit(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let one = Agency::new(&causeway, "One", "enrolled");
        let lead = desk.lead(&causeway);
        let mut pupils = Vec::new();
        let drafts: Vec<String> = (0..5)
            .map(|_| {
                let pupil = Pupil::new(&causeway, &lead, &json!({}));
                let id = desk.refers(&causeway, &pupil, &[&one], &json!({"submit": false}));
                pupils.push(pupil);
                id
            })
            .collect();
        // The last that was made is submitted first; two are due at the same instant.
        for (position, id) in drafts.iter().enumerate().rev() {
            desk.acts(&causeway, id, &json!({"action": "submit"})).expect(200);
            causeway.clock.advance(Duration::from_secs(u64::from(position != 3)));
        }
        let expected = [4, 2, 3, 1, 0].map(|position: usize| drafts[position].clone());
        let mut path = "/v1/worklists/awaiting_consent?limit=2".to_owned();
        let mut paged = Vec::new();
        loop {
            let answer = get(&causeway, &lead, &path).expect(200);
            let page = answer.json();
            assert_eq!(page["total"], json!({"value": 5, "relation": "eq"}));
            assert!(page["items"].as_array().unwrap().iter().all(|item| item.get("need").is_none()));
            paged.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            assert!(answer.header("link").unwrap().contains("rel=\"next\""));
            path = format!("/v1/worklists/awaiting_consent?limit=2&cursor={cursor}");
        }
        assert_eq!(paged, expected);
        get(&causeway, &lead, &path.replace("awaiting_consent", "due_today")).expect(400);
        get(&causeway, &lead, &format!("{path}&owner_id=me")).expect(400);

        // Each on its page, and once more where nobody is listed.
        for pupil in &pupils {
            let audit = get(&causeway, &lead, &format!("/v1/audit?student_id={}&limit=100", pupil.id)).expect(200).json();
            let read = audit["items"].as_array().unwrap().iter().filter(|one| one["action"] == "read" && one["resource"] == "referral");
            assert_eq!(read.count(), 1, "{audit}");
        }
        let reads = || {
            let audit = get(&causeway, &lead, "/v1/audit?limit=100").expect(200).json();
            let read = |one: &&Value| one["action"] == "read" && one["resource"] == "referral" && one.get("resource_id").is_none();
            audit["items"].as_array().unwrap().iter().filter(read).count()
        };
        let before = reads();
        assert_eq!(listed(&causeway, &lead, "season_ends"), [""; 0]);
        counts(&causeway, &lead);
        assert_eq!(reads(), before + 2);
    }
}

on_both! {
    fn a_season_that_ends_and_nothing_follows_is_listed_thirty_days_before(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let (one, two) = (Agency::new(&causeway, "One", "enrolled"), Agency::new(&causeway, "Two", "enrolled"));
        let schedule = json!({"schedule": {"season": {"from": "09-01", "to": "12-31"}}});
        causeway.patch(&format!("/v1/offerings/{}", one.offering), "*", &schedule).expect(200);
        let accepted = |agencies: &[&Agency]| {
            let pupil = desk.pupil(&causeway);
            let id = desk.refers(&causeway, &pupil, agencies, &json!({}));
            let offer = one.asked(&causeway);
            answers(&causeway, &one, &offer, &json!({"action": "accept"}));
            id
        };
        let alone = accepted(&[&one]);
        let followed = accepted(&[&one, &two]);
        let ends = |instant: &str| {
            go_to(&causeway, instant);
            listed(&causeway, &desk.lead(&causeway), "season_ends")
        };
        // The last day is over in New York five hours after it is in UTC.
        assert_eq!(ends("2026-12-02T04:59:59Z"), [""; 0]);
        assert_eq!(ends("2026-12-02T05:00:00Z"), [alone.as_str()]);
        assert_eq!(ends("2027-01-02T12:00:00Z"), [alone.as_str()], "nothing has followed");
        assert_eq!(lists_of(&causeway, &desk, &followed), ["accepted_not_scheduled"]);
        desk.acts(&causeway, &alone, &json!({"action": "extend_shortlist", "shortlist": {"offerings": [two.offering]}})).expect(200);
        assert_eq!(listed(&causeway, &desk.lead(&causeway), "season_ends"), [""; 0]);
    }
}

on_both! {
    fn crises_that_nobody_has_taken_on_and_partners_who_are_silent_are_counted_beside(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let [partner, of_school, past, foreign, stranger] = ["Partner", "Of a school", "Past", "Foreign", "Stranger"]
            .map(|name| Agency::new(&causeway, name, "enrolled"));
        let other = Desk::new(&causeway, "0150");
        let agree = |agency: &Agency, with: Value| {
            let mut facts = json!({"organization_id": agency.organization});
            json_patch::merge(&mut facts, &with);
            causeway.create("/v1/partnerships", &facts);
        };
        agree(&partner, json!({"district_id": desk.district.id}));
        agree(&of_school, json!({"schools": [desk.district.school]}));
        agree(&past, json!({"district_id": desk.district.id, "ends_on": "2026-11-21"}));
        agree(&foreign, json!({"schools": [other.district.school]}));
        let lead = desk.lead(&causeway);
        let beside = || counts(&causeway, &lead)[LISTS.len()..].to_vec();
        let expect = |crises, stale| vec![("crisis_not_acknowledged".to_owned(), crises), ("stale_partner_claims".to_owned(), stale)];
        assert_eq!(beside(), expect(0, 2));
        let href = |position: usize| {
            let overview = get(&causeway, &lead, "/v1/worklists?owner_id=me").expect(200).json();
            overview["items"][position]["href"].as_str().unwrap().to_owned()
        };
        assert_eq!(href(0), "/v1/worklists/due_today?owner_id=me");
        let behind = |position: usize| get(&causeway, &lead, &href(position)).expect(200).json()["items"].as_array().unwrap().clone();
        let mut silent: Vec<String> = behind(12).iter().map(|item| item["organization_name"].as_str().unwrap().to_owned()).collect();
        silent.sort();
        assert_eq!(silent, ["Of a school", "Partner"]);
        let of_one = format!("/v1/availability/stale?partners_of={}&organization_id=", desk.district.id);
        for (agency, count) in [(&partner, 1), (&stranger, 0)] {
            let found = get(&causeway, &lead, &format!("{of_one}{}", agency.organization)).expect(200).json();
            assert_eq!(found["total"]["value"], count);
        }
        partner.claims(&causeway, &json!({"status": "waitlist"}));
        assert_eq!(beside(), expect(0, 1));

        let event = post(&causeway, &lead, "/v1/crisis-events", &json!({})).expect(201).json()["event"]["id"].clone();
        assert_eq!(beside(), expect(1, 1));
        assert_eq!(behind(11)[0]["id"], event);
        post(&causeway, &lead, &format!("/v1/crisis-events/{}/acknowledge", event.as_str().unwrap()), &json!({})).expect(200);
        assert_eq!(beside(), expect(0, 1));
        assert_eq!(behind(11), Vec::<Value>::new());
        let acknowledged = get(&causeway, &lead, "/v1/crisis-events?acknowledged=true").expect(200).json();
        assert_eq!(acknowledged["items"][0]["id"], event);
    }
}
