//! When an agency may be reminded. Pure.

use jiff::{SignedDuration, Timestamp};

use super::Wish;
use crate::availability::Claim;
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

/// What is wrong with what an agency asks for.
pub(super) fn problems(wish: &Wish) -> Vec<FieldError> {
    let mut problems = Vec::new();
    let mut unless = |holds: bool, pointer: &str, message: String| {
        if !holds {
            problems.push(FieldError::body(pointer, message));
        }
    };
    unless(
        wish.email.len() <= 254 && wish.email.parse::<lettre::Address>().is_ok(),
        "/email",
        format!("{:?} is not an address for mail, such as intake@example.org", wish.email),
    );
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

/// Whether a claim lapses within `before` of now, or has lapsed.
pub(super) fn lapses(claim: &Claim, before: Period, now: Timestamp) -> bool {
    claim.valid_until.duration_since(now) <= before.duration()
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
