//! Expected waits and track records in the finder: what the property tests of the parent do not say in words.

use super::*;
use crate::availability::{Arrivals, Claim, ExpectedWait, Tally, Times, TrackRecord, WaitBasis};
use crate::types::{AvailabilityStatus, CapacityPoolId, ClaimId};

fn claim(status: AvailabilityStatus, waiting: Option<u32>, starts: Option<u32>) -> Claim {
    Claim {
        id: ClaimId::new(),
        capacity_pool_id: CapacityPoolId::new(),
        status,
        open_slots: None,
        waiting,
        starts_last_28_days: starts,
        next_available_date: None,
        notes: None,
        reported_at: beginning() - jiff::SignedDuration::from_hours(1),
        reported_by: "intake".to_owned(),
        method: crate::availability::ClaimMethod::Agency,
        valid_until: beginning() + jiff::SignedDuration::from_hours(48),
    }
}

fn offering(id: u128, claim: Claim) -> Offered {
    Offered { claim: Some(claim), ..simple(id, |_| ()) }
}

fn list(id: u128, waiting: u32, starts: u32) -> Offered {
    offering(id, claim(AvailabilityStatus::Waitlist, Some(waiting), Some(starts)))
}

fn joined(joined: u32, overtaking: Option<u32>) -> Evidence {
    Evidence { arrivals: Some(Arrivals { joined, overtaking }), ..Evidence::default() }
}

fn observed(track: TrackRecord) -> Evidence {
    Evidence { track: Some(track), ..Evidence::default() }
}

fn of(index: &Index, question: &Question, sort: Sort) -> Vec<Hit> {
    index.search(&Search { sort, ..Search::new(question) }, &RankingProfile::default()).hits
}

fn told(hit: &Hit, factor: Factor) -> &str {
    &hit.contributions.iter().find(|part| part.factor == factor).unwrap().reason
}

#[test]
fn a_wait_is_told_as_an_interval_with_its_median() {
    let seen = Times::of((1..=9).map(f64::from));
    let observed = observed(TrackRecord { first_appointment_days: seen, ..TrackRecord::default() });
    let open = || claim(AvailabilityStatus::Capacity, None, None);
    let later = Claim { next_available_date: Some("2026-03-12".parse().unwrap()), ..open() };
    let index = build(&world_of([
        list(1, 6, 8),
        Offered { evidence: joined(3, Some(2)), ..list(2, 6, 8) },
        Offered { evidence: joined(8, None), ..list(3, 6, 8) },
        Offered { evidence: observed, ..offering(4, open()) },
        offering(5, open()),
        offering(6, later),
        list(7, 6, 0),
    ]));
    let mut hits = of(&index, &Question::near(lawrence(), beginning()), Sort::Wait);
    hits.sort_by_key(|hit| hit.offering);
    let told: Vec<&str> = hits.iter().map(|hit| told(hit, Factor::TimeToCare)).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    waiting list, 6 waiting, likely 11 to 45 days (half start within 23), said within a day
    waiting list, 6 waiting, likely 13 to 85 days (half start within 30), counting those who go first, said within a day
    waiting list, 6 waiting, unstable: more arrive than start, said within a day
    open, likely 1 to 9 days from acceptance to first appointment (half within 5), said within a day
    open, said within a day
    open, in 10 days at the earliest, said within a day
    waiting list, 6 waiting, wait unknown, said within a day
    ");
}

#[test]
fn openings_that_are_promised_are_not_open_and_can_be_waited_for() {
    let counted = |promised| Offered {
        evidence: Evidence { promised, ..Evidence::default() },
        ..offering(
            u128::from(promised) + 1,
            Claim { open_slots: Some(2), ..claim(AvailabilityStatus::Capacity, Some(0), Some(8)) },
        )
    };
    // Fewer may be open than were promised: an agency accepts without asking.
    let index = build(&world_of([0, 1, 2, 3].map(counted)));
    let mut question = Question::near(lawrence(), beginning());
    let all = of(&index, &question, Sort::Wait);
    let order: Vec<OfferingId> = all.iter().map(|hit| hit.offering).collect();
    assert_eq!(order, [1, 2, 3, 4].map(offering_id), "an unknown wait stands behind one that is none");
    assert_eq!(all[1].score, all[0].score);
    assert!(all[2].score < all[1].score);
    let reasons: Vec<&str> = all.iter().map(|hit| told(hit, Factor::TimeToCare)).collect();
    insta::assert_snapshot!(reasons.join("\n"), @"
    open, 2 slots, said within a day
    open, 1 slot, said within a day
    every opening is promised, wait unknown, said within a day
    every opening is promised, wait unknown, said within a day
    ");
    question.required.availability = Some(AvailabilityAsk::Waitlist);
    assert_eq!(of(&index, &question, Sort::Match).len(), 4);
    question.required.availability = Some(AvailabilityAsk::Open);
    assert_eq!(of(&index, &question, Sort::Match).len(), 2);
    let near = index.near_misses(&question, &RankingProfile::default(), 1);
    assert_eq!((near[0].mismatch.total.value, near[0].unverified.total.value), (2, 0));
    insta::assert_snapshot!(near[0].mismatch.hits[0].gives, @"every opening is promised; an opening was asked for");
}

#[test]
fn the_longest_wait_asked_for_is_compared_with_the_median_and_an_unstable_list_is_within_none() {
    let index = build(&world_of([list(1, 6, 8), Offered { evidence: joined(9, None), ..list(2, 6, 8) }]));
    let mut question = Question::near(lawrence(), beginning());
    let median = of(&index, &question, Sort::Wait)[0].wait.days().unwrap();
    let found = |question: &Question| {
        of(&index, question, Sort::Match).iter().map(|hit| hit.offering).collect::<Vec<_>>()
    };
    question.max_wait_days = Some(median);
    assert_eq!(found(&question), [offering_id(1)]);
    question.max_wait_days = Some((median * 10.0 - 1.0) / 10.0);
    assert_eq!(found(&question), []);
    let near = index.near_misses(&question, &RankingProfile::default(), 3);
    let gives: Vec<&str> = near[0].mismatch.hits.iter().map(|miss| miss.gives.as_str()).collect();
    insta::assert_snapshot!(gives.join("\n"), @"
    waiting list, 6 waiting, likely 11 to 45 days (half start within 23); a wait of at most 22.8 days was asked for
    waiting list, 6 waiting, unstable: more arrive than start; a wait of at most 22.8 days was asked for
    ");
    assert_eq!(near[0].unverified.total.value, 0);
}

#[test]
fn by_wait_come_the_known_then_the_unknown_then_the_unstable_then_those_that_take_nobody() {
    let index = build(&world_of([
        offering(1, claim(AvailabilityStatus::NoCapacity, None, None)),
        Offered { evidence: joined(9, None), ..list(2, 0, 9) },
        list(3, 2, 0),
        list(4, 90, 1),
        list(5, 0, 9),
    ]));
    let hits = of(&index, &Question::near(lawrence(), beginning()), Sort::Wait);
    let bases: Vec<WaitBasis> = hits.iter().map(|hit| hit.wait.basis()).collect();
    let [queue, unknown] = [WaitBasis::Queue, WaitBasis::Unknown];
    assert_eq!(bases, [queue, queue, unknown, WaitBasis::Unstable, WaitBasis::Never]);
    assert_eq!(hits[0].offering, offering_id(5));
}

#[test]
fn a_stated_date_is_a_floor_until_it_has_come() {
    let mut waiting = list(1, 0, 20);
    waiting.claim.as_mut().unwrap().next_available_date = Some("2026-03-12".parse().unwrap());
    waiting.claim.as_mut().unwrap().valid_until = beginning() + jiff::SignedDuration::from_hours(24 * 20);
    let index = build(&world_of([waiting]));
    let waits = [0, 9, 10, 15].map(|day| {
        let now = beginning() + jiff::SignedDuration::from_hours(24 * day);
        let wait = of(&index, &Question::near(lawrence(), now), Sort::Wait)[0].wait;
        let ExpectedWait::Queue(days) = wait else { panic!("{wait:?}") };
        (days.p10, days.p50)
    });
    let free = waits[3];
    assert!(free.1 > 0.9 && free.1 < 2.0, "{free:?}");
    assert_eq!(waits, [(10.0, 10.0), (1.0, free.1), free, free]);
}

#[test]
fn who_was_found_reliable_comes_first_among_equals_and_who_was_never_heard_of_stands_between() {
    let calls = |yes, of| observed(TrackRecord { calls: Tally { yes, of }, ..TrackRecord::default() });
    let index = build(&world_of([
        Offered { evidence: calls(0, 9), ..simple(1, |_| ()) },
        simple(2, |_| ()),
        Offered { evidence: calls(9, 9), ..simple(3, |_| ()) },
        Offered { evidence: observed(TrackRecord::default()), ..simple(4, |_| ()) },
    ]));
    let hits = of(&index, &Question::near(lawrence(), beginning()), Sort::Match);
    let order: Vec<OfferingId> = hits.iter().map(|hit| hit.offering).collect();
    assert_eq!(order, [3, 2, 4, 1].map(offering_id));
    assert_eq!(hits[1].score, hits[2].score);
    assert_eq!(told(&hits[0], Factor::Reliability), "answered 9 of 9 calls");
    assert_eq!(told(&hits[1], Factor::Reliability), "nothing observed yet: counted as the middle");
    assert_eq!(told(&hits[3], Factor::Reliability), "answered 0 of 9 calls");
}
