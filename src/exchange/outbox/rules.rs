//! When a message is tried again. Pure.

use jiff::{SignedDuration, Timestamp};

/// Pauses after the first failures; after those, the last one. A server that is down for an hour is met again soon
/// after it is back, and one that is down for days is left alone.
const PAUSES_MINUTES: [i64; 5] = [1, 5, 15, 60, 240];

/// When a message that has failed so often is tried again; none if that is too late.
pub(super) fn next_attempt(failures: u32, now: Timestamp, expires_at: Timestamp) -> Option<Timestamp> {
    let position = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
    let minutes = PAUSES_MINUTES.get(position).or(PAUSES_MINUTES.last()).copied().unwrap_or(1);
    Some(now + SignedDuration::from_mins(minutes)).filter(|at| *at < expires_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end_with_the_message() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let end = now + SignedDuration::from_hours(48);
        let minutes = |failures| next_attempt(failures, now, end).map(|at| at.duration_since(now).as_mins());
        assert_eq!([1, 2, 3, 4, 5, 6, 100].map(minutes), [1, 5, 15, 60, 240, 240, 240].map(Some));
        assert_eq!(next_attempt(1, now, now + SignedDuration::from_mins(1)), None);
    }
}
