//! Whom a referral asks next, and when it asks nobody.

use serde_json::json;

use crate::seeking::{Agency, Desk, answers, turn};
use crate::support::on_both;

fn agencies(causeway: &crate::support::Causeway) -> [Agency; 3] {
    ["One", "Two", "Three"].map(|name| Agency::new(causeway, name, "enrolled"))
}

on_both! {
    fn as_many_are_asked_at_a_time_as_may_be_and_the_next_when_one_declines(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let [one, two, three] = agencies(&causeway);
        let asked = || [&one, &two, &three].map(|agency| agency.inbox(&causeway).len());
        desk.refers(&causeway, &desk.pupil(&causeway), &[&one, &two, &three], &json!({"parallel": 2}));
        assert_eq!(asked(), [1, 1, 0]);
        answers(&causeway, &two, &two.asked(&causeway), &json!({"action": "decline", "reason": "age"}));
        assert_eq!(asked(), [1, 0, 1]);
        answers(&causeway, &three, &three.asked(&causeway), &json!({"action": "accept"}));
        assert_eq!(asked(), [0, 0, 0], "the rest is taken back");
    }
}

on_both! {
    fn while_an_insurer_is_asked_nobody_else_is(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let [one, two, three] = agencies(&causeway);
        let asked = || [&one, &two, &three].map(|agency| agency.inbox(&causeway).len());
        desk.refers(&causeway, &desk.pupil(&causeway), &[&one, &two, &three], &json!({"parallel": 2}));
        let pending = one.asked(&causeway);
        answers(&causeway, &one, &pending, &json!({"action": "pending_verification"}));
        answers(&causeway, &two, &two.asked(&causeway), &json!({"action": "decline", "reason": "age"}));
        assert_eq!(asked(), [1, 0, 0], "the cascade pauses");
        answers(&causeway, &one, &pending, &json!({"action": "return", "reason": "insurance_not_accepted"}));
        assert_eq!(asked(), [0, 0, 1], "and goes on");
    }
}

on_both! {
    fn after_a_service_has_ended_nobody_is_asked_until_a_coordinator_says_so(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let [one, two, three] = agencies(&causeway);
        let id = desk.refers(&causeway, &desk.pupil(&causeway), &[&one, &two, &three], &json!({}));
        let offer = one.asked(&causeway);
        answers(&causeway, &one, &offer, &json!({"action": "accept"}));
        answers(&causeway, &one, &offer, &json!({"action": "complete"}));
        turn(&causeway);
        assert_eq!(desk.status(&causeway, &id), "active needs-coordinator");
        assert_eq!((two.inbox(&causeway).len(), three.inbox(&causeway).len()), (0, 0));
        desk.acts(&causeway, &id, &json!({"action": "reroute", "shortlist": {"offerings": [three.offering]}})).expect(200);
        assert_eq!((two.inbox(&causeway).len(), three.inbox(&causeway).len()), (0, 1));
    }
}

on_both! {
    fn who_comes_anew_does_not_go_before_those_who_wait_though_a_slot_is_free(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let [one, ..] = agencies(&causeway);
        let first = desk.refers(&causeway, &desk.pupil(&causeway), &[&one], &json!({}));
        answers(&causeway, &one, &one.asked(&causeway), &json!({"action": "waitlist"}));
        one.claims(&causeway, &json!({"status": "capacity", "open_slots": 1}));
        // The clock has not turned yet.
        let second = desk.refers(&causeway, &desk.pupil(&causeway), &[&one], &json!({}));
        assert_eq!((desk.status(&causeway, &first), desk.status(&causeway, &second)), ("active waiting".to_owned(), "active waiting".to_owned()));
        assert_eq!(turn(&causeway), 1);
        assert_eq!((desk.status(&causeway, &first), desk.status(&causeway, &second)), ("active seeking".to_owned(), "active waiting".to_owned()));
    }
}

on_both! {
    fn one_whose_own_word_is_that_it_takes_nobody_is_not_asked(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let [one, two, _] = agencies(&causeway);
        one.claims(&causeway, &json!({"status": "no-capacity"}));
        let id = desk.refers(&causeway, &desk.pupil(&causeway), &[&one, &two], &json!({}));
        assert_eq!((one.inbox(&causeway).len(), two.inbox(&causeway).len()), (0, 1));
        assert_eq!(desk.referral(&causeway, &id)["shortlist"][0]["passed_over"], "no_capacity");
    }
}
