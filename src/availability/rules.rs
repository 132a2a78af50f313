//! When a statement of capacity can be accepted. Pure.

use jiff::{SignedDuration, Timestamp};

use super::model::ClaimReport;
use crate::error::FieldError;
use crate::types::{AvailabilityStatus, calendar_date};

/// A claim that does not say otherwise lives this long.
pub const DEFAULT_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// No claim lives longer.
pub const LONGEST_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// What a call found lives this long unless it says otherwise: nobody will take it back.
pub const CALL_LIFE: SignedDuration = SignedDuration::from_hours(3 * 24);
/// Years of which a claim can speak.
const YEARS: std::ops::RangeInclusive<i16> = 2000..=2200;
/// Clocks of reporters may run ahead by this much.
pub(super) const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);
/// More openings or waiting students than this are a slip of the keyboard.
pub(super) const MOST: u32 = 100_000;

/// What is wrong with a report that arrives at `now`.
pub(super) fn problems(report: &ClaimReport, now: Timestamp) -> Vec<FieldError> {
    let mut problems = Vec::new();
    let mut add = |pointer: &str, message: String| problems.push(FieldError::body(pointer, message));
    let reported_at = report.reported_at.unwrap_or(now);
    for (pointer, instant) in [("/reported_at", Some(reported_at)), ("/valid_until", report.valid_until)] {
        let year = instant.map(|instant| calendar_date(instant).year());
        if let Some(year) = year.filter(|year| !YEARS.contains(year)) {
            add(pointer, format!("the year {year} is not from {} to {}", YEARS.start(), YEARS.end()));
        }
    }
    if let Some(date) = report.next_available_date.filter(|date| !YEARS.contains(&date.year())) {
        add(
            "/next_available_date",
            format!("{date} is not in the years {} to {}", YEARS.start(), YEARS.end()),
        );
    }
    if report.notes.as_ref().is_some_and(|notes| notes.contains('\0')) {
        add("/notes", "must not hold the character U+0000".to_owned());
    }
    if !problems.is_empty() {
        // Arithmetic on such times makes no sense.
        return problems;
    }
    let mut add = |pointer: &str, message: String| problems.push(FieldError::body(pointer, message));
    if reported_at > now + CLOCK_SKEW {
        add("/reported_at", format!("{reported_at} lies in the future; it is now {now}"));
    }
    if let Some(until) = report.valid_until {
        if until <= now {
            add("/valid_until", format!("{until} is past; it is now {now}"));
        } else if until > reported_at + LONGEST_LIFE {
            add(
                "/valid_until",
                format!("a claim lives at most 30 days: until {}", reported_at + LONGEST_LIFE),
            );
        }
    }
    for (pointer, count) in [
        ("/open_slots", report.open_slots),
        ("/waiting", report.waiting),
        ("/starts_last_28_days", report.starts_last_28_days),
    ] {
        if let Some(count) = count.filter(|count| *count > MOST) {
            add(pointer, format!("{count} is more than {MOST}"));
        }
    }
    match report.status {
        AvailabilityStatus::Unknown => {
            add(
                "/status",
                "unknown is what is read when nobody has said anything; it cannot be claimed".to_owned(),
            );
        }
        AvailabilityStatus::NoCapacity | AvailabilityStatus::Waitlist => {
            if report.open_slots.is_some_and(|slots| slots > 0) {
                add("/open_slots", format!("open slots contradict the status {}", report.status));
            }
        }
        AvailabilityStatus::Capacity => {
            if report.open_slots == Some(0) {
                add(
                    "/open_slots",
                    "no open slots contradict the status capacity; say waitlist or no-capacity".to_owned(),
                );
            }
        }
        AvailabilityStatus::AdditionalAssessmentRequired => {}
    }
    if report.status == AvailabilityStatus::NoCapacity && report.waiting.is_some_and(|waiting| waiting > 0) {
        add("/waiting", "a list contradicts the status no-capacity; say waitlist".to_owned());
    }
    if report.notes.as_ref().is_some_and(|notes| notes.chars().count() > 2_000) {
        add("/notes", "has more than 2,000 characters".to_owned());
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::availability::ClaimMethod;

    fn report(status: AvailabilityStatus) -> ClaimReport {
        ClaimReport {
            status,
            open_slots: None,
            waiting: None,
            starts_last_28_days: None,
            next_available_date: None,
            notes: None,
            reported_at: None,
            method: Some(ClaimMethod::Agency),
            valid_until: None,
        }
    }

    fn pointers(report: &ClaimReport) -> Vec<String> {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        problems(report, now)
            .into_iter()
            .map(|p| p.to_string().split(": ").next().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn contradictions_and_impossible_times_are_named() {
        use AvailabilityStatus::{Capacity, NoCapacity, Unknown, Waitlist};
        assert_eq!(pointers(&report(Capacity)), [""; 0]);
        assert_eq!(pointers(&ClaimReport { open_slots: Some(1), ..report(NoCapacity) }), ["/open_slots"]);
        assert_eq!(pointers(&ClaimReport { open_slots: Some(2), ..report(Waitlist) }), ["/open_slots"]);
        assert_eq!(pointers(&ClaimReport { open_slots: Some(0), ..report(Capacity) }), ["/open_slots"]);
        assert_eq!(pointers(&ClaimReport { waiting: Some(3), ..report(NoCapacity) }), ["/waiting"]);
        assert_eq!(pointers(&report(Unknown)), ["/status"]);
        let end_of_time = Some("9999-12-30T21:00:00Z".parse::<Timestamp>().unwrap());
        let at_the_end =
            ClaimReport { reported_at: end_of_time, valid_until: end_of_time, ..report(Capacity) };
        assert_eq!(pointers(&at_the_end), ["/reported_at", "/valid_until"]);
        let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        assert_eq!(
            pointers(&ClaimReport { valid_until: at("2026-11-22T11:59:59Z"), ..report(Capacity) }),
            ["/valid_until"]
        );
        assert_eq!(
            pointers(&ClaimReport { valid_until: at("2026-12-22T12:00:01Z"), ..report(Capacity) }),
            ["/valid_until"]
        );
        assert_eq!(
            pointers(&ClaimReport { valid_until: at("2026-12-22T12:00:00Z"), ..report(Capacity) }),
            [""; 0]
        );
        assert_eq!(
            pointers(&ClaimReport { reported_at: at("2026-11-22T12:06:00Z"), ..report(Capacity) }),
            ["/reported_at"]
        );
    }
}
