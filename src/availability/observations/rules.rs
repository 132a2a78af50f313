//! When an observation can be accepted. Pure.

use jiff::Timestamp;

use super::{LOOKED_BACK, Observation, ObservationKind};
use crate::availability::rules::CLOCK_SKEW;
use crate::error::FieldError;

/// Hours and days beyond a year are a slip of the keyboard.
const MOST_HOURS: f64 = 365.0 * 24.0;
const MOST_DAYS: f64 = 365.0;

/// What is wrong with an observation that arrives at `now`.
pub(super) fn problems(observation: &Observation, now: Timestamp) -> Vec<FieldError> {
    let mut problems = Vec::new();
    let mut add = |pointer: &str, message: String| problems.push(FieldError::body(pointer, message));
    let kind = observation.kind;
    match (kind, observation.held) {
        (ObservationKind::FirstAppointment, Some(_)) => {
            add("/held", format!("a {kind} tells how long it took; leave this out"));
        }
        (ObservationKind::FirstAppointment, None) | (_, Some(_)) => {}
        (_, None) => add("/held", format!("is missing: a {kind} went well or it did not")),
    }
    match (kind, observation.hours_to_reply) {
        (_, None) => {}
        (ObservationKind::Offer, Some(hours)) => {
            if !(0.0..=MOST_HOURS).contains(&hours) {
                add("/hours_to_reply", format!("{hours} is not from 0 to {MOST_HOURS}"));
            }
        }
        (_, Some(_)) => add("/hours_to_reply", format!("belongs to an offer, not to a {kind}")),
    }
    match (kind, observation.days_to_first_appointment) {
        (ObservationKind::FirstAppointment, Some(days)) => {
            if !(0.0..=MOST_DAYS).contains(&days) {
                add("/days_to_first_appointment", format!("{days} is not from 0 to {MOST_DAYS}"));
            }
        }
        (ObservationKind::FirstAppointment, None) => {
            add("/days_to_first_appointment", format!("is missing: it is what a {kind} tells"));
        }
        (_, None) => {}
        (_, Some(_)) => {
            add("/days_to_first_appointment", format!("belongs to a first_appointment, not to a {kind}"));
        }
    }
    if let Some(at) = observation.observed_at {
        if at > now + CLOCK_SKEW {
            add("/observed_at", format!("{at} lies in the future; it is now {now}"));
        } else if at < now - LOOKED_BACK {
            add("/observed_at", format!("{at} is more than a year ago and would count for nothing"));
        }
    }
    problems
}
