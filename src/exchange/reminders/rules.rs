//! When an agency may be reminded. Pure.

use jiff::{SignedDuration, Timestamp};

use super::Wish;
use crate::directory::OrganizationFacts;
use crate::error::FieldError;
use crate::exchange::outbox::{Last, MessageStatus};
use crate::types::Period;

/// Earlier than this before the end, nearly every claim would be due.
const EARLIEST: Period = Period::days(7);
/// A reminder is no alarm: later than this before the end, the next look may be too late.
const LATEST: Period = Period::seconds(60 * 60);
/// Nobody is written to more often.
const MOST_OFTEN: Period = Period::days(1);
/// Messages are kept for longer than this, so that the last one is known.
const MOST_SELDOM: Period = Period::days(90);

/// Whether mail can go there.
pub(in crate::exchange) fn is_address(email: &str) -> bool {
    email.len() <= 254 && email.parse::<lettre::Address>().is_ok()
}

/// That it cannot.
pub(in crate::exchange) fn no_address(email: &str) -> String {
    format!("{email:?} is not an address for mail, such as intake@example.org")
}

/// What is wrong with what an agency asks for.
pub(super) fn problems(wish: &Wish) -> Vec<FieldError> {
    let mut problems = Vec::new();
    let mut unless = |holds: bool, pointer: &str, message: String| {
        if !holds {
            problems.push(FieldError::body(pointer, message));
        }
    };
    unless(is_address(&wish.email), "/email", no_address(&wish.email));
    unless(
        (LATEST..=EARLIEST).contains(&wish.before),
        "/before",
        format!("{} is not within {LATEST} and {EARLIEST}", wish.before),
    );
    unless(
        (MOST_OFTEN..=MOST_SELDOM).contains(&wish.at_most_every),
        "/at_most_every",
        format!("{} is not within {MOST_OFTEN} and {MOST_SELDOM}", wish.at_most_every),
    );
    problems
}

/// Whether an agency is to be told `now`, when somebody is in the office, that a claim lapses at `until`: once it is so
/// near to that as was asked for, and before a weekend or a holiday over which nobody could be told in time.
pub(super) fn lapses(until: Timestamp, before: Period, office: &OrganizationFacts, now: Timestamp) -> bool {
    let wanted = until - before.duration();
    let nobody_from = |from| office.in_office_from(from).is_none_or(|somebody| somebody >= until);
    now >= wanted || (nobody_from(wanted) && nobody_from(office.tomorrow(now)))
}

/// Whether an agency may get another message, after the `last` ones: none waits, and the last one that was not
/// cancelled is long enough ago, also if it did not arrive.
pub(super) fn may_be_reminded(last: &[Last], at_most_every: Period, now: Timestamp) -> bool {
    last.iter().all(|last| match last.status {
        MessageStatus::Queued => false,
        MessageStatus::Cancelled => true,
        MessageStatus::Sent | MessageStatus::Failed => {
            let since: SignedDuration = now.duration_since(last.at);
            since >= at_most_every.duration()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{MessageId, ReaderLanguage};

    fn wish(email: &str, before: &str, at_most_every: &str) -> Wish {
        Wish {
            email: email.to_owned(),
            language: ReaderLanguage::English,
            before: before.parse().unwrap(),
            at_most_every: at_most_every.parse().unwrap(),
        }
    }

    fn faults(wish: &Wish) -> Vec<String> {
        problems(wish).iter().map(|fault| fault.to_string().split(": ").next().unwrap().to_owned()).collect()
    }

    #[test]
    fn what_cannot_be_asked_for_is_named() {
        assert_eq!(faults(&wish("intake@example.org", "P1D", "P7D")), [""; 0]);
        assert_eq!(faults(&wish("intake@example.org", "PT1H", "P90D")), [""; 0]);
        assert_eq!(faults(&wish("nobody", "PT59M", "PT23H")), ["/email", "/before", "/at_most_every"]);
        assert_eq!(faults(&wish("a@b.org\nBcc: c@d.org", "P8D", "P91D")).len(), 3);
    }

    #[test]
    fn before_a_weekend_over_which_it_lapses_is_told_on_friday() {
        let office: OrganizationFacts = serde_json::from_value(serde_json::json!({
            "name": "A", "engagement": "enrolled", "holidays": ["2026-11-26", "2026-11-27"],
        }))
        .unwrap();
        let told = |until: &str, before: &str, now: &str| {
            lapses(until.parse().unwrap(), before.parse().unwrap(), &office, now.parse().unwrap())
        };
        // It lapses on Sunday the 6th; nobody is there on Saturday.
        assert!(!told("2026-12-06T15:00:00Z", "P1D", "2026-12-03T15:00:00Z"));
        assert!(told("2026-12-06T15:00:00Z", "P1D", "2026-12-04T14:00:00Z"));
        // On Monday at noon there is time on Monday, if an hour before is enough, and none at eight.
        assert!(!told("2026-12-07T17:00:00Z", "PT3H", "2026-12-04T15:00:00Z"));
        assert!(told("2026-12-07T13:00:00Z", "PT3H", "2026-12-04T15:00:00Z"));
        // A weekend with two holidays before it begins on Wednesday.
        assert!(told("2026-11-28T15:00:00Z", "P1D", "2026-11-25T15:00:00Z"));
        assert!(!told("2026-11-28T15:00:00Z", "P1D", "2026-11-24T15:00:00Z"));
        // What was asked for is enough by itself, and what has lapsed too.
        assert!(told("2026-12-02T15:00:00Z", "P1D", "2026-12-01T15:00:00Z"));
        assert!(!told("2026-12-02T15:00:01Z", "P1D", "2026-12-01T15:00:00Z"));
        assert!(told("2026-10-02T15:00:00Z", "P1D", "2026-12-01T15:00:00Z"));
    }

    #[test]
    fn nobody_is_written_to_more_often_than_they_asked_whatever_came_of_the_last_message() {
        let at: Timestamp = "2026-11-23T14:00:00Z".parse().unwrap();
        let last = |status| Last { id: MessageId::new(), status, at };
        let week = Period::days(7);
        let a_week_later = at + week.duration();
        let before = a_week_later - SignedDuration::from_secs(1);
        assert!(may_be_reminded(&[], week, at));
        for status in [MessageStatus::Sent, MessageStatus::Failed] {
            assert!(!may_be_reminded(&[last(status)], week, before));
            assert!(may_be_reminded(&[last(status)], week, a_week_later));
            assert!(!may_be_reminded(&[last(MessageStatus::Cancelled), last(status)], week, before));
        }
        assert!(may_be_reminded(&[last(MessageStatus::Cancelled)], week, at));
        assert!(!may_be_reminded(&[last(MessageStatus::Queued)], week, a_week_later));
    }
}
