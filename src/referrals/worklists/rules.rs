//! On which worklists a referral stands, and when it is due there. Pure.

use jiff::{SignedDuration, Timestamp};

use super::{Place, Worklist};
use crate::referrals::clock::NO_REPLY;
use crate::referrals::machine::offer::{OfferState, Stage};
use crate::referrals::machine::referral::{BusinessStatus, ReferralStatus};
use crate::referrals::model::{Candidate, Entry, EntryState, Offer, PassedOver, Referral};
use crate::referrals::rules::asked_after;

const fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

/// So long before its end a season is worth a word.
pub(in crate::referrals) const SEASON_NOTICE: SignedDuration = days(30);

/// Up to which instant places show on a list that says from when on they do.
pub(in crate::referrals) fn shown_until(worklist: Worklist, now: Timestamp) -> Option<Timestamp> {
    match worklist {
        Worklist::WaitingTooLong => Some(now),
        Worklist::SeasonEnds => Some(now + SEASON_NOTICE),
        Worklist::DueToday
        | Worklist::AwaitingConsent
        | Worklist::NoReplyInTime
        | Worklist::DeclinedByAll
        | Worklist::StillWaiting
        | Worklist::AppointmentMissed
        | Worklist::AcceptedNotScheduled
        | Worklist::ServedWithoutOutcome
        | Worklist::PinnedWithoutCandidates => None,
    }
}

/// Where a referral stands, once what is due next is known. `season_end` is when the season ends of what is given, if
/// nothing follows. A place that shows only later is there already; the list looks at the time.
pub(in crate::referrals) fn places(
    referral: &Referral,
    offers: &[Offer],
    entries: &[Entry],
    season_end: Option<Timestamp>,
) -> Vec<Place> {
    let Some(due) = referral.plan.due else { return Vec::new() };
    Worklist::KEPT
        .iter()
        .filter_map(|worklist| {
            let due_at = match worklist {
                // Of whom it is asked, and on which day: found by the referral itself.
                Worklist::DueToday => None,
                Worklist::WaitingTooLong => too_long_at(referral, entries),
                Worklist::SeasonEnds => season_end.filter(|_| is_active(referral)),
                Worklist::StillWaiting => confirm_by(entries).filter(|_| is_active(referral)),
                Worklist::AwaitingConsent
                | Worklist::NoReplyInTime
                | Worklist::DeclinedByAll
                | Worklist::AppointmentMissed
                | Worklist::AcceptedNotScheduled
                | Worklist::ServedWithoutOutcome
                | Worklist::PinnedWithoutCandidates => {
                    stands_on(*worklist, referral, offers).then_some(due.at)
                }
            };
            due_at.map(|due_at| Place { worklist: *worklist, due_at })
        })
        .collect()
}

fn is_active(referral: &Referral) -> bool {
    referral.status == ReferralStatus::Active
}

fn stands_on(worklist: Worklist, referral: &Referral, offers: &[Offer]) -> bool {
    let has_come_to = |status| is_active(referral) && referral.business_status == Some(status);
    let engaged = offers.iter().map(|offer| offer.state).find(|state| state.is_engaged());
    let shortlist = &referral.plan.shortlist;
    match worklist {
        Worklist::AwaitingConsent => has_come_to(BusinessStatus::AwaitingConsent),
        Worklist::NoReplyInTime => is_active(referral) && is_without_reply(offers),
        Worklist::DeclinedByAll => {
            has_come_to(BusinessStatus::NeedsCoordinator)
                && !shortlist.is_empty()
                && shortlist.iter().all(|candidate| has_declined(candidate, offers))
        }
        Worklist::AppointmentMissed => {
            is_active(referral) && engaged == Some(OfferState::Engaged(Stage::Missed))
        }
        Worklist::AcceptedNotScheduled => {
            let unscheduled =
                [Stage::Accepted, Stage::Unscheduled].map(|stage| Some(OfferState::Engaged(stage)));
            is_active(referral) && unscheduled.contains(&engaged)
        }
        // Also where it rests: it was served, and nobody has said how it ended.
        Worklist::ServedWithoutOutcome => offers.iter().any(|offer| offer.state == OfferState::Completed),
        Worklist::PinnedWithoutCandidates => {
            has_come_to(BusinessStatus::NeedsCoordinator)
                && shortlist.iter().any(|candidate| candidate.passed_over == Some(PassedOver::Pinned))
                && !shortlist.iter().any(Candidate::is_left)
        }
        Worklist::DueToday | Worklist::WaitingTooLong | Worklist::SeasonEnds | Worklist::StillWaiting => {
            false
        }
    }
}

fn has_expired(offer: &Offer) -> bool {
    offer.state == OfferState::Cancelled && offer.terms.reason.as_deref() == Some(NO_REPLY)
}

/// Whether an offer ended without a reply, and nobody has accepted since.
fn is_without_reply(offers: &[Offer]) -> bool {
    // What has ended changes no more: its last change is its end.
    let last = offers.iter().filter(|offer| has_expired(offer)).map(|offer| offer.updated_at).max();
    let accepted = offers.iter().filter_map(|offer| offer.terms.accepted_at).max();
    last.is_some_and(|last| accepted.is_none_or(|accepted| accepted < last))
}

/// Whether a candidate was asked and does not take the student, whatever the end of that was, or was not asked for a
/// reason.
fn has_declined(candidate: &Candidate, offers: &[Offer]) -> bool {
    let offer = candidate.offer_id.and_then(|id| offers.iter().find(|offer| offer.id == id));
    candidate.passed_over.is_some()
        || offer.is_some_and(|offer| offer.state.is_terminal() && offer.state != OfferState::Completed)
}

/// From when on the longest of its waits is too long.
fn too_long_at(referral: &Referral, entries: &[Entry]) -> Option<Timestamp> {
    let longest = asked_after(referral.urgency);
    let waiting = entries.iter().filter(|entry| is_active(referral) && entry.state == EntryState::Waiting);
    waiting.map(|entry| entry.joined_at + longest).min()
}

/// Until when somebody has to say that it still waits, where that is asked.
pub(in crate::referrals) fn confirm_by(entries: &[Entry]) -> Option<Timestamp> {
    let asked = entries.iter().filter(|entry| entry.state == EntryState::Waiting && entry.asked_at.is_some());
    asked.filter_map(|entry| entry.due_at).min()
}
