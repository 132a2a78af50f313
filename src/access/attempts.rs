//! How often a client's secret may be guessed wrongly.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// Wrong secrets within [`WINDOW`] after which a client is not listened to until the window ends.
const MOST_FAILURES: u32 = 20;
/// How long failures count.
const WINDOW: SignedDuration = SignedDuration::from_mins(5);
/// Clients whose failures are counted. Beyond it those whose window has ended make room, and if none has, all do:
/// the hash of a secret stays the real obstacle.
const COUNTED: usize = 10_000;

/// Failures by the id that was given, whether there is such a client or not.
#[derive(Default)]
pub(super) struct Attempts {
    failures: Mutex<HashMap<String, (u32, Timestamp)>>,
}

impl Attempts {
    /// Seconds to wait, if too many attempts failed.
    pub(super) fn wait(&self, client: &str, now: Timestamp) -> Option<i64> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, since) = failures.get(client)?;
        let left = WINDOW - now.duration_since(*since);
        (*count >= MOST_FAILURES && left.is_positive()).then(|| left.as_secs().max(1))
    }

    /// Counts a failure.
    pub(super) fn failed(&self, client: &str, now: Timestamp) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |since: Timestamp| now.duration_since(since) >= WINDOW;
        if failures.len() >= COUNTED && !failures.contains_key(client) {
            failures.retain(|_, (_, since)| !is_over(*since));
            if failures.len() >= COUNTED {
                failures.clear();
            }
        }
        let entry = failures.entry(client.to_owned()).or_insert((0, now));
        if is_over(entry.1) {
            *entry = (0, now);
        }
        entry.0 += 1;
    }

    /// A right secret: what failed before no longer counts.
    pub(super) fn succeeded(&self, client: &str) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_failures_wait_until_the_window_ends() {
        let attempts = Attempts::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        for _ in 0..MOST_FAILURES {
            assert_eq!(attempts.wait("one", at(0)), None);
            attempts.failed("one", at(0));
        }
        assert_eq!(attempts.wait("one", at(10)), Some(290));
        assert_eq!(attempts.wait("other", at(10)), None);
        assert_eq!(attempts.wait("one", at(300)), None);
        attempts.failed("one", at(300));
        assert_eq!(attempts.wait("one", at(300)), None, "a new window counts from one");
        attempts.succeeded("one");
        assert!(attempts.failures.lock().unwrap().is_empty());
    }
}
