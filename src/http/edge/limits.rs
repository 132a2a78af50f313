//! How much one caller may ask in a minute. Counted by the generic cell rate algorithm (ITU-T I.371): a caller may
//! spend the whole quota at once, and it grows back evenly. Told in the header fields of
//! draft-ietf-httpapi-ratelimit-headers.

use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;

use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use super::caller::Caller;
use crate::config::EdgeConfig;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STANDING: HeaderName = HeaderName::from_static("ratelimit");

/// The window of every quota, in seconds.
const WINDOW: u32 = 60;
/// Callers that are told apart; each costs some tens of bytes until its quota is whole again.
const MOST_CALLERS: usize = 50_000;
/// Into so many groups callers are put while more call than are told apart.
const GROUPS: u64 = 4_096;

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// What looks.
    Reads,
    /// What changes.
    Writes,
}

impl Class {
    /// The class of a method.
    pub(super) fn of(method: &Method) -> Self {
        if [Method::GET, Method::HEAD, Method::OPTIONS].contains(method) { Self::Reads } else { Self::Writes }
    }
}

type Limiter = RateLimiter<Caller, DefaultKeyedStateStore<Caller>, DefaultClock, StateInformationMiddleware>;

/// The quotas of all callers.
pub(super) struct Limits {
    reads: Option<Limit>,
    writes: Option<Limit>,
}

struct Limit {
    name: &'static str,
    quota: NonZeroU32,
    limiter: Limiter,
    groups: RandomState,
    most_callers: usize,
}

/// Where a caller stands after a request was counted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Standing {
    name: &'static str,
    quota: u32,
    remaining: u32,
    /// Until the quota is whole again; where it is spent, until one request is let through.
    reset_seconds: u64,
    /// Where the request is one too many: how long to wait.
    pub(super) wait_seconds: Option<u64>,
}

impl Limits {
    pub(super) fn new(config: &EdgeConfig) -> Self {
        let limit =
            |name, quota: Option<NonZeroU32>| quota.map(|quota| Limit::new(name, quota, MOST_CALLERS));
        Self {
            reads: limit("reads", config.reads_per_minute),
            writes: limit("writes", config.writes_per_minute),
        }
    }

    /// Counts one request; none where its class is unlimited.
    pub(super) fn count(&self, class: Class, caller: Caller) -> Option<Standing> {
        let limit = match class {
            Class::Reads => self.reads.as_ref(),
            Class::Writes => self.writes.as_ref(),
        };
        limit.map(|limit| limit.count(caller))
    }

    /// Forgets callers whose quota is whole again.
    pub(super) fn purge(&self) {
        for limit in [&self.reads, &self.writes].into_iter().flatten() {
            limit.purge();
        }
    }
}

impl Limit {
    fn new(name: &'static str, quota: NonZeroU32, most_callers: usize) -> Self {
        let limiter = RateLimiter::keyed(Quota::per_minute(quota)).with_middleware();
        Self { name, quota, limiter, groups: RandomState::new(), most_callers }
    }

    fn purge(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }

    fn count(&self, caller: Caller) -> Standing {
        let caller = if self.limiter.len() < self.most_callers {
            caller
        } else {
            Caller::Group(self.groups.hash_one(caller) % GROUPS)
        };
        let quota = self.quota.get();
        let standing =
            Standing { name: self.name, quota, remaining: 0, reset_seconds: 0, wait_seconds: None };
        match self.limiter.check_key(&caller) {
            Ok(snapshot) => {
                let remaining = StateSnapshot::remaining_burst_capacity(&snapshot);
                let spent = u64::from(quota.saturating_sub(remaining));
                let reset_seconds = (spent * u64::from(WINDOW)).div_ceil(u64::from(quota));
                Standing { remaining, reset_seconds, ..standing }
            }
            Err(not_until) => {
                let wait = not_until.wait_time_from(self.limiter.clock().now());
                let seconds = wait.as_millis().div_ceil(1_000).max(1);
                let seconds = u64::try_from(seconds).unwrap_or(u64::from(WINDOW));
                Standing { reset_seconds: seconds, wait_seconds: Some(seconds), ..standing }
            }
        }
    }
}

impl Standing {
    /// Adds the header fields that tell it.
    pub(super) fn show(&self, headers: &mut HeaderMap) {
        let Self { name, quota, remaining, reset_seconds, .. } = self;
        let policy = format!("\"{name}\";q={quota};w={WINDOW}");
        let standing = format!("\"{name}\";r={remaining};t={reset_seconds}");
        for (field, value) in [(POLICY, policy), (STANDING, standing)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(field, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn caller(number: u32) -> Caller {
        Caller::Address(IpAddr::from(number.to_be_bytes()))
    }

    fn limit(quota: u32, most_callers: usize) -> Limit {
        Limit::new("reads", NonZeroU32::new(quota).unwrap(), most_callers)
    }

    #[test]
    fn a_quota_is_spent_by_one_caller_and_not_by_another() {
        let limit = limit(2, 10);
        let first = limit.count(caller(1));
        assert_eq!((first.remaining, first.reset_seconds, first.wait_seconds), (1, 30, None));
        assert_eq!(limit.count(caller(1)).remaining, 0);
        let third = limit.count(caller(1));
        assert!(third.wait_seconds.is_some_and(|wait| (1..=30).contains(&wait)), "{third:?}");
        assert_eq!(limit.count(caller(2)).wait_seconds, None);
    }

    #[test]
    fn memory_is_bounded_however_many_call() {
        let limit = limit(1, 100);
        for number in 0..20_000 {
            limit.count(caller(number));
        }
        assert!(limit.limiter.len() <= 100 + usize::try_from(GROUPS).unwrap(), "{}", limit.limiter.len());
    }

    #[test]
    fn a_caller_whose_quota_is_whole_again_is_forgotten() {
        // One request grows back in a sixtieth of a millisecond.
        let limit = limit(1_000_000, 100);
        limit.count(caller(1));
        assert_eq!(limit.limiter.len(), 1);
        std::thread::sleep(std::time::Duration::from_millis(5));
        limit.purge();
        assert_eq!(limit.limiter.len(), 0);
    }

    #[test]
    fn what_looks_and_what_changes_are_counted_apart() {
        let config = EdgeConfig { writes_per_minute: None, ..EdgeConfig::default() };
        let limits = Limits::new(&config);
        assert!(limits.count(Class::of(&Method::PATCH), caller(1)).is_none());
        assert_eq!(limits.count(Class::of(&Method::HEAD), caller(1)).unwrap().name, "reads");
    }
}
