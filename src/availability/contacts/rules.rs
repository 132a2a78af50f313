//! What a call found, and what it says. Pure.

use jiff::{SignedDuration, Timestamp};

use super::model::{ContactOutcome, ContactReport};
use crate::availability::rules::CLOCK_SKEW;
use crate::availability::{ClaimMethod, ClaimReport};
use crate::error::FieldError;
use crate::types::AvailabilityStatus;

/// A call that is older than this is not told any more: what it found has lapsed long since.
const OLDEST: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Most characters of a remark.
const LONGEST_NOTES: usize = 2_000;

/// What is wrong with a report that arrives at `now`. What it says of capacity is judged as a claim.
pub(super) fn problems(report: &ContactReport, now: Timestamp) -> Vec<FieldError> {
    let mut problems = Vec::new();
    let mut add = |pointer: &str, message: String| problems.push(FieldError::body(pointer, message));
    if report.capacity_pool_id.is_none() && report.offering_id.is_none() {
        add("/capacity_pool_id", "is missing: name the pool or an offering that was asked about".to_owned());
    }
    let outcome = report.outcome;
    if outcome == ContactOutcome::WrongNumber && report.phone.is_none() {
        add("/phone", "is missing: which number is wrong?".to_owned());
    }
    if outcome == ContactOutcome::NoLanguage && report.language.is_none() {
        add("/language", "is missing: which language does nobody speak?".to_owned());
    }
    let mut only_with = |pointer: &str, is_given: bool, with: &[ContactOutcome]| {
        if is_given && !with.contains(&outcome) {
            let with: Vec<&str> = with.iter().map(|outcome| outcome.as_str()).collect();
            add(pointer, format!("belongs to the outcome {}, not to {outcome}", with.join(" or ")));
        }
    };
    only_with("/open_slots", report.open_slots.is_some(), &[ContactOutcome::Open]);
    only_with("/waiting", report.waiting.is_some(), &[ContactOutcome::Waiting]);
    only_with(
        "/next_available_date",
        report.next_available_date.is_some(),
        &[ContactOutcome::Open, ContactOutcome::Waiting, ContactOutcome::Full],
    );
    if let Some(notes) = &report.notes {
        if notes.chars().count() > LONGEST_NOTES {
            add("/notes", "has more than 2,000 characters".to_owned());
        }
        if notes.contains('\0') {
            add("/notes", "must not hold the character U+0000".to_owned());
        }
    }
    if let Some(at) = report.attempted_at {
        if at > now + CLOCK_SKEW {
            add("/attempted_at", format!("{at} lies in the future; it is now {now}"));
        } else if at < now - OLDEST {
            add("/attempted_at", format!("{at} is more than 30 days ago"));
        }
    }
    problems
}

/// The claim that a call becomes, if it found something about capacity.
pub(super) fn claim(report: &ContactReport, attempted_at: Timestamp) -> Option<ClaimReport> {
    let status = match report.outcome {
        ContactOutcome::Open => AvailabilityStatus::Capacity,
        ContactOutcome::Waiting => AvailabilityStatus::Waitlist,
        ContactOutcome::Full => AvailabilityStatus::NoCapacity,
        ContactOutcome::NoAnswer
        | ContactOutcome::Voicemail
        | ContactOutcome::WrongNumber
        | ContactOutcome::NoLanguage => return None,
    };
    Some(ClaimReport {
        status,
        open_slots: report.open_slots,
        waiting: report.waiting,
        starts_last_28_days: None,
        next_available_date: report.next_available_date,
        notes: None,
        reported_at: Some(attempted_at),
        method: Some(ClaimMethod::CoordinatorCall),
        valid_until: None,
    })
}
