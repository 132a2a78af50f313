//! What follows from what happened: what an offer keeps of it, and what is due next. Pure.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::machine::offer::{OfferAction, OfferState, Stage};
use super::machine::referral::{Progress, ReferralStatus};
use super::model::{Due, DueFrom, DueStep, Offer, Referral, Terms};
use super::worklists::end_of;
use crate::finder::Urgency;

const fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

/// A draft should be submitted within this time.
const SUBMISSION: SignedDuration = days(7);
/// Who must sign is asked again after this time.
const CONSENT: SignedDuration = days(14);
/// A coordinator decides within this time.
const DECISION: SignedDuration = days(1);
/// What rests is looked at again after this time.
const RESUMPTION: SignedDuration = days(14);
/// Who has accepted makes an appointment within this time.
const APPOINTMENT: SignedDuration = days(7);
/// After an appointment it is told within this time whether the student came.
const ATTENDANCE: SignedDuration = days(1);
/// Where a service is given, something is heard of it within this time.
const RESULT: SignedDuration = days(30);
/// The wish to end it is answered within this time.
const CANCELLATION: SignedDuration = days(7);

/// After this time on a list it is asked whether the referral still waits, and it is worth a coordinator's look.
pub(super) fn asked_after(urgency: Urgency) -> SignedDuration {
    match urgency {
        Urgency::Routine => days(30),
        Urgency::Urgent => days(7),
    }
}

/// Within this time somebody says that it does, or the place lapses.
pub(super) fn confirmed_within(urgency: Urgency) -> SignedDuration {
    match urgency {
        Urgency::Routine => days(14),
        Urgency::Urgent => days(3),
    }
}

/// What an offer keeps of what was done with it.
pub(super) fn note(
    terms: &mut Terms,
    action: OfferAction,
    appointment_at: Option<Timestamp>,
    in_needed_language: Option<bool>,
    now: Timestamp,
) {
    terms.in_needed_language = in_needed_language.or(terms.in_needed_language);
    match action {
        OfferAction::Accept | OfferAction::Verify => {
            terms.replied_at.get_or_insert(now);
            terms.accepted_at = Some(now);
        }
        OfferAction::PendingVerification | OfferAction::Decline | OfferAction::Waitlist => {
            terms.replied_at.get_or_insert(now);
        }
        OfferAction::Schedule | OfferAction::Reschedule => terms.appointment_at = appointment_at,
        OfferAction::NoShow => {
            terms.missed += 1;
            terms.appointment_at = None;
        }
        OfferAction::Attend => {
            terms.sessions += 1;
            terms.first_attended_at.get_or_insert(now);
            terms.appointment_at = None;
        }
        OfferAction::Return
        | OfferAction::Withdraw
        | OfferAction::RequestCancellation
        | OfferAction::ConfirmCancellation
        | OfferAction::Start
        | OfferAction::Hold
        | OfferAction::Resume
        | OfferAction::Complete
        | OfferAction::Fail
        | OfferAction::EnterInError
        | OfferAction::Expire => {}
    }
}

/// Whether it tells of a service that is given, and not only whether the student is taken or the service is over. Why
/// somebody is handed back is part of the answer before they were accepted; afterwards it tells of the service.
pub(super) fn tells_of_service(before: OfferState, action: OfferAction) -> bool {
    match action {
        OfferAction::Return => before.is_engaged(),
        OfferAction::Schedule
        | OfferAction::Reschedule
        | OfferAction::NoShow
        | OfferAction::Attend
        | OfferAction::Start
        | OfferAction::Hold
        | OfferAction::Resume
        | OfferAction::Complete
        | OfferAction::Fail => true,
        OfferAction::Accept
        | OfferAction::PendingVerification
        | OfferAction::Verify
        | OfferAction::Decline
        | OfferAction::Waitlist
        | OfferAction::Withdraw
        | OfferAction::RequestCancellation
        | OfferAction::ConfirmCancellation
        | OfferAction::EnterInError
        | OfferAction::Expire => false,
    }
}

/// What is due next and from whom; nothing of what is over. A step that is due already stays due at the time that was
/// said first. `confirm_by` is until when somebody has to say that a place on a list is still wanted, if that is asked.
pub(super) fn due(
    referral: &Referral,
    offers: &[Offer],
    progress: Progress,
    confirm_by: Option<Timestamp>,
    now: Timestamp,
) -> Option<Due> {
    let (step, from, at) = match referral.status {
        ReferralStatus::Completed | ReferralStatus::Revoked | ReferralStatus::EnteredInError => return None,
        ReferralStatus::Draft => (DueStep::Submit, DueFrom::Coordinator, now + SUBMISSION),
        ReferralStatus::OnHold => (DueStep::Resumption, DueFrom::Coordinator, now + RESUMPTION),
        ReferralStatus::Active => active(referral.urgency, offers, progress, confirm_by, now),
    };
    let is_clocked =
        matches!(step, DueStep::Reply | DueStep::Verification | DueStep::Attendance | DueStep::Confirmation);
    let before = referral.plan.due.filter(|due| due.step == step && due.from == from && !is_clocked);
    Some(Due { step, from, at: before.map_or(at, |due| due.at) })
}

/// When something of a referral is due: what is due next, or the day that its owner has set, whichever comes first.
pub(super) fn first_due(referral: &Referral, zone: &TimeZone) -> Option<Timestamp> {
    let due = referral.plan.due?.at;
    let set = referral.plan.next_action_on.and_then(|day| day.to_zoned(zone.clone()).ok());
    Some(set.map_or(due, |set| set.timestamp().min(due)))
}

/// When the clock looks at a referral again: what hangs on the day (a consent that ends, a birthday, an agreement, a place
/// to be confirmed) is seen when the next day begins where the district is. One of which nobody is asked or waits has
/// nothing that time could change.
pub(super) fn look_at(
    referral: &Referral,
    progress: Progress,
    zone: &TimeZone,
    now: Timestamp,
) -> Option<Timestamp> {
    let seeks = referral.status == ReferralStatus::Active && progress.engaged.is_none();
    let hangs = progress.has_open_offer || progress.is_waiting || progress.lacks_consent;
    if seeks && hangs { end_of(now.to_zoned(zone.clone()).date(), zone) } else { None }
}

fn active(
    urgency: Urgency,
    offers: &[Offer],
    progress: Progress,
    confirm_by: Option<Timestamp>,
    now: Timestamp,
) -> (DueStep, DueFrom, Timestamp) {
    if let Some(offer) = offers.iter().find(|offer| offer.state.is_engaged()) {
        let by = if offer.terms.by_call { DueFrom::Coordinator } else { DueFrom::Agency };
        return match offer.state {
            OfferState::Engaged(Stage::Scheduled) => {
                let at = offer.terms.appointment_at.unwrap_or(now);
                (DueStep::Attendance, by, at + ATTENDANCE)
            }
            OfferState::Engaged(Stage::InService) => (DueStep::Result, by, now + RESULT),
            OfferState::OnHold(_) => (DueStep::Resumption, by, now + RESUMPTION),
            OfferState::CancellationRequested => (DueStep::Cancellation, by, now + CANCELLATION),
            OfferState::Engaged(Stage::Accepted | Stage::Unscheduled | Stage::Missed)
            | OfferState::Requested
            | OfferState::PendingVerification
            | OfferState::Completed
            | OfferState::Failed
            | OfferState::Rejected
            | OfferState::Cancelled
            | OfferState::EnteredInError => (DueStep::Appointment, by, now + APPOINTMENT),
        };
    }
    let open = offers.iter().filter(|offer| offer.state.is_open());
    if let Some(first) = open.min_by_key(|offer| offer.due_at) {
        let by = if first.terms.by_call { DueFrom::Coordinator } else { DueFrom::Agency };
        let step = match first.state {
            OfferState::PendingVerification => DueStep::Verification,
            _ => DueStep::Reply,
        };
        return (step, by, first.due_at.unwrap_or(now));
    }
    if let Some(confirm_by) = confirm_by {
        (DueStep::Confirmation, DueFrom::Coordinator, confirm_by)
    } else if progress.is_waiting {
        (DueStep::Slot, DueFrom::Causeway, now + asked_after(urgency))
    } else if progress.lacks_consent {
        (DueStep::Consent, DueFrom::Family, now + CONSENT)
    } else {
        (DueStep::Decision, DueFrom::Coordinator, now + DECISION)
    }
}
