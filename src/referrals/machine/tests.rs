use std::collections::BTreeSet;
use std::fmt::{Display, Write};

use super::offer::{OfferAction, OfferEffect, OfferState, Stage, TaskStatus};
use super::place::{EntryState, PlaceAction};
use super::referral::{
    BusinessStatus, Progress, ReferralAction, ReferralState, ReferralStatus, business_status,
};
use super::{Actor, Refusal, offer, place, referral};

/// Every answer of a machine: what is allowed with where it leads, and what is refused by each actor.
fn matrix<S: Copy + Display, A: Copy + Display>(
    states: &[S],
    actions: &[A],
    transition: impl Fn(S, A, Actor) -> Result<String, Refusal>,
) -> String {
    let mut table = String::new();
    for state in states {
        writeln!(table, "{state}").unwrap();
        let mut illegal = Vec::new();
        for action in actions {
            let answers = Actor::ALL.iter().map(|actor| (actor, transition(*state, *action, *actor)));
            let (legal, refused): (Vec<_>, Vec<_>) = answers.partition(|(_, answer)| answer.is_ok());
            if legal.is_empty() {
                assert!(refused.iter().all(|(_, answer)| *answer == Err(Refusal::Illegal)));
                illegal.push(action.to_string());
                continue;
            }
            let who: Vec<String> = legal.iter().map(|(actor, _)| actor.to_string()).collect();
            let to = legal[0].1.as_ref().unwrap();
            assert!(legal.iter().all(|(_, answer)| answer.as_ref() == Ok(to)), "it hangs on who does it");
            writeln!(table, "  {action} by {}: {to}", who.join(", ")).unwrap();
        }
        writeln!(table, "  refused: {}", illegal.join(", ")).unwrap();
    }
    table
}

#[test]
fn every_move_of_an_offer_is_as_it_was_agreed() {
    let table = matrix(&OfferState::all(), OfferAction::ALL, |state, action, actor| {
        let to = offer::transition(state, action, actor)?;
        Ok(format!("{} ({}) {:?}", to.state, to.state.task_status(), to.effects))
    });
    insta::assert_snapshot!("offers", table);
}

#[test]
fn every_move_of_a_referral_is_as_it_was_agreed() {
    let table = matrix(&ReferralState::ALL, ReferralAction::ALL, |state, action, actor| {
        let to = referral::transition(state, action, actor)?;
        Ok(format!("{} {:?}", to.status, to.effects))
    });
    insta::assert_snapshot!("referrals", table);
}

#[test]
fn every_move_of_a_place_on_a_list_is_as_it_was_agreed() {
    let table = matrix(EntryState::ALL, PlaceAction::ALL, |state, action, actor| {
        Ok(place::transition(state, action, actor)?.to_string())
    });
    insta::assert_snapshot!("places", table);
}

#[test]
fn what_is_listed_is_exactly_what_works() {
    for actor in Actor::ALL {
        for state in OfferState::all() {
            let listed = offer::actions(state, *actor);
            for action in OfferAction::ALL {
                let works = offer::transition(state, *action, *actor).is_ok();
                assert_eq!(listed.contains(action), works, "{state} {action} {actor}");
            }
        }
        for state in ReferralState::ALL {
            let listed = referral::actions(state, *actor);
            for action in ReferralAction::ALL {
                let works = referral::transition(state, *action, *actor).is_ok();
                assert_eq!(listed.contains(action), works, "{state} {action} {actor}");
            }
        }
    }
}

#[test]
fn what_has_ended_stays_as_it_is_unless_it_was_in_error() {
    for actor in Actor::ALL {
        for state in OfferState::all().into_iter().filter(|state| state.is_terminal()) {
            let listed = offer::actions(state, *actor);
            assert!(listed.iter().all(|action| *action == OfferAction::EnterInError), "{state} {listed:?}");
        }
        for state in ReferralState::ALL.into_iter().filter(|state| state.is_terminal()) {
            let listed = referral::actions(state, *actor);
            assert!(
                listed.iter().all(|action| *action == ReferralAction::EnterInError),
                "{state} {listed:?}"
            );
        }
    }
}

/// The moves of FHIR `Task` statuses: SDOH Clinical Care, and BSeR/360X where an accepted offer is handed back.
const TASK_MOVES: [(TaskStatus, &[TaskStatus]); 4] = {
    use TaskStatus as T;
    [
        (T::Requested, &[T::Accepted, T::Rejected, T::Cancelled]),
        (T::Accepted, &[T::InProgress, T::OnHold, T::Completed, T::Failed, T::Cancelled, T::Rejected]),
        (T::InProgress, &[T::OnHold, T::Completed, T::Failed, T::Cancelled, T::Rejected]),
        (T::OnHold, &[T::InProgress, T::Completed, T::Failed, T::Cancelled]),
    ]
};

#[test]
fn an_offer_makes_the_moves_of_a_task_and_no_others() {
    let mut made = BTreeSet::new();
    for state in OfferState::all() {
        for action in OfferAction::ALL.iter().filter(|action| **action != OfferAction::EnterInError) {
            for to in Actor::ALL.iter().filter_map(|actor| offer::transition(state, *action, *actor).ok()) {
                let (from, to) = (state.task_status(), to.state.task_status());
                if from != to {
                    made.insert((from, to));
                }
            }
        }
    }
    let known: BTreeSet<_> =
        TASK_MOVES.iter().flat_map(|(from, to)| to.iter().map(|to| (*from, *to))).collect();
    let unmade: Vec<_> = known.difference(&made).collect();
    assert_eq!(made.difference(&known).collect::<Vec<_>>(), Vec::<&(TaskStatus, TaskStatus)>::new());
    // What was accepted is cancelled in two steps: asked for (in progress, 5.2), then confirmed.
    let in_two_steps =
        [(TaskStatus::Accepted, TaskStatus::Cancelled), (TaskStatus::OnHold, TaskStatus::Cancelled)];
    assert_eq!(unmade, in_two_steps.iter().collect::<Vec<_>>());
}

#[test]
fn a_slot_is_kept_while_an_offer_lives_and_freed_once_when_it_ends() {
    for state in OfferState::all() {
        for (action, actor) in
            OfferAction::ALL.iter().flat_map(|action| Actor::ALL.iter().map(move |actor| (*action, *actor)))
        {
            let Ok(to) = offer::transition(state, action, actor) else { continue };
            let frees = to.effects.contains(&OfferEffect::FreeSlot);
            assert_eq!(frees, !state.is_terminal() && to.state.is_terminal(), "{state} {action}");
            let begins = !state.is_engaged() && to.state.is_engaged();
            assert_eq!(to.effects.contains(&OfferEffect::EndTheRest), begins, "{state} {action}");
        }
    }
}

#[test]
fn what_rested_goes_on_where_it_was_but_never_back_to_accepted() {
    for stage in Stage::ALL {
        let rests = offer::transition(OfferState::Engaged(*stage), OfferAction::Hold, Actor::Recipient);
        let rests = rests.unwrap().state;
        let goes_on = offer::transition(rests, OfferAction::Resume, Actor::Recipient).unwrap().state;
        let expected = if *stage == Stage::Accepted { Stage::Unscheduled } else { *stage };
        assert_eq!(goes_on, OfferState::Engaged(expected));
    }
}

#[test]
fn the_parts_of_a_state_give_it_back() {
    for state in OfferState::all() {
        let (name, stage) = state.parts();
        assert_eq!(OfferState::from_parts(name, stage.map(Stage::as_str)), Some(state));
    }
    assert_eq!(OfferState::from_parts("on_hold", None), None);
    assert_eq!(OfferState::from_parts("requested", Some("scheduled")), None);
}

#[test]
fn the_business_status_says_what_is_furthest() {
    let all = Progress {
        engaged: Some(OfferState::Engaged(Stage::Missed)),
        has_open_offer: true,
        is_waiting: true,
        lacks_consent: true,
    };
    let of = |progress| business_status(ReferralStatus::Active, &progress).unwrap();
    assert_eq!(of(all), BusinessStatus::Accepted, "a missed appointment is to be made anew");
    assert_eq!(of(Progress { engaged: None, ..all }), BusinessStatus::Seeking);
    assert_eq!(of(Progress { engaged: None, has_open_offer: false, ..all }), BusinessStatus::Waiting);
    let lacks_consent = Progress { lacks_consent: true, ..Progress::default() };
    assert_eq!(of(lacks_consent), BusinessStatus::AwaitingConsent);
    assert_eq!(of(Progress::default()), BusinessStatus::NeedsCoordinator);
    assert_eq!(business_status(ReferralStatus::Draft, &all), None);
    for status in [ReferralStatus::Completed, ReferralStatus::Revoked, ReferralStatus::EnteredInError] {
        assert_eq!(business_status(status, &all), Some(BusinessStatus::Closed));
    }
}
