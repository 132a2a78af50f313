//! How much one address, and one client or person, may ask in a minute. Counted by the generic cell rate algorithm
//! (ITU-T I.371): the whole quota may be spent at once, and it grows back evenly. Told in the header fields of
//! draft-ietf-httpapi-ratelimit-headers.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;

use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use crate::access::PrincipalId;
use crate::config::{EdgeConfig, Quotas};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STANDING: HeaderName = HeaderName::from_static("ratelimit");

/// The window of every quota, in seconds.
const WINDOW: u32 = 60;
/// The question that is posted because it may be long and must not stand in a URL. It looks like any other search.
const SEARCH_BY_POST: &str = "/v1/matches";
/// Addresses, clients and persons that are told apart; each costs some tens of bytes until its quota is whole again.
const MOST_COUNTED: usize = 50_000;
/// Into so many groups they are put while more ask than are told apart.
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
    /// The class of a request.
    pub(super) fn of(method: &Method, path: &str) -> Self {
        let looks = [Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
            || (*method == Method::POST && path == SEARCH_BY_POST);
        if looks { Self::Reads } else { Self::Writes }
    }
}

/// One whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Counted {
    /// Whoever asks from this address.
    Address(IpAddr),
    /// A client or person, wherever they ask from.
    Caller(PrincipalId),
}

/// What a quota is kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    /// One of those whom it is for.
    One(Counted),
    /// Some of many, when more ask than are told apart.
    Group(u64),
}

type Limiter = RateLimiter<Key, DefaultKeyedStateStore<Key>, DefaultClock, StateInformationMiddleware>;

/// The quotas of all who ask.
pub(super) struct Limits {
    address_reads: Option<Limit>,
    address_writes: Option<Limit>,
    caller_reads: Option<Limit>,
    caller_writes: Option<Limit>,
}

struct Limit {
    name: &'static str,
    quota: NonZeroU32,
    limiter: Limiter,
    groups: RandomState,
    most_counted: usize,
}

/// Where somebody stands after a request was counted.
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
            |name, quota: Option<NonZeroU32>| quota.map(|quota| Limit::new(name, quota, MOST_COUNTED));
        let (Quotas { reads, writes }, caller) = (config.per_address, config.per_caller);
        Self {
            address_reads: limit("address-reads", reads),
            address_writes: limit("address-writes", writes),
            caller_reads: limit("caller-reads", caller.reads),
            caller_writes: limit("caller-writes", caller.writes),
        }
    }

    /// Counts one request; none where its class is unlimited.
    pub(super) fn count(&self, class: Class, who: Counted) -> Option<Standing> {
        let limit = match (who, class) {
            (Counted::Address(_), Class::Reads) => &self.address_reads,
            (Counted::Address(_), Class::Writes) => &self.address_writes,
            (Counted::Caller(_), Class::Reads) => &self.caller_reads,
            (Counted::Caller(_), Class::Writes) => &self.caller_writes,
        };
        limit.as_ref().map(|limit| limit.count(who))
    }

    /// Forgets those whose quota is whole again.
    pub(super) fn purge(&self) {
        let all = [&self.address_reads, &self.address_writes, &self.caller_reads, &self.caller_writes];
        for limit in all.into_iter().flatten() {
            limit.purge();
        }
    }
}

impl Limit {
    fn new(name: &'static str, quota: NonZeroU32, most_counted: usize) -> Self {
        let limiter = RateLimiter::keyed(Quota::per_minute(quota)).with_middleware();
        Self { name, quota, limiter, groups: RandomState::new(), most_counted }
    }

    fn purge(&self) {
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
    }

    fn count(&self, who: Counted) -> Standing {
        let key = if self.limiter.len() < self.most_counted {
            Key::One(who)
        } else {
            Key::Group(self.groups.hash_one(who) % GROUPS)
        };
        let quota = self.quota.get();
        let standing =
            Standing { name: self.name, quota, remaining: 0, reset_seconds: 0, wait_seconds: None };
        match self.limiter.check_key(&key) {
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
    /// Adds what tells it to the header fields, each of which is a list: a request may be counted twice.
    pub(super) fn show(&self, headers: &mut HeaderMap) {
        let Self { name, quota, remaining, reset_seconds, .. } = self;
        let policy = format!("\"{name}\";q={quota};w={WINDOW}");
        let standing = format!("\"{name}\";r={remaining};t={reset_seconds}");
        for (field, value) in [(POLICY, policy), (STANDING, standing)] {
            let before = headers.get(&field).and_then(|before| before.to_str().ok());
            let all = before.map_or_else(|| value.clone(), |before| format!("{value}, {before}"));
            if let Ok(all) = HeaderValue::try_from(all) {
                headers.insert(field, all);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> Counted {
        Counted::Address(IpAddr::from(number.to_be_bytes()))
    }

    fn limit(quota: u32, most_counted: usize) -> Limit {
        Limit::new("address-reads", NonZeroU32::new(quota).unwrap(), most_counted)
    }

    #[test]
    fn a_quota_is_spent_by_one_address_and_not_by_another() {
        let limit = limit(2, 10);
        let first = limit.count(address(1));
        assert_eq!((first.remaining, first.reset_seconds, first.wait_seconds), (1, 30, None));
        assert_eq!(limit.count(address(1)).remaining, 0);
        let third = limit.count(address(1));
        assert!(third.wait_seconds.is_some_and(|wait| (1..=30).contains(&wait)), "{third:?}");
        assert_eq!(limit.count(address(2)).wait_seconds, None);
    }

    #[test]
    fn memory_is_bounded_however_many_ask() {
        let limit = limit(1, 100);
        for number in 0..20_000 {
            limit.count(address(number));
        }
        assert!(limit.limiter.len() <= 100 + usize::try_from(GROUPS).unwrap(), "{}", limit.limiter.len());
    }

    #[test]
    fn one_whose_quota_is_whole_again_is_forgotten() {
        // One request grows back in a sixtieth of a millisecond.
        let limit = limit(1_000_000, 100);
        limit.count(address(1));
        assert_eq!(limit.limiter.len(), 1);
        std::thread::sleep(std::time::Duration::from_millis(5));
        limit.purge();
        assert_eq!(limit.limiter.len(), 0);
    }

    #[test]
    fn what_looks_and_what_changes_are_counted_apart() {
        let per_address = Quotas { writes: None, ..EdgeConfig::default().per_address };
        let limits = Limits::new(&EdgeConfig { per_address, ..EdgeConfig::default() });
        let counted = |method: Method, path: &str| {
            limits.count(Class::of(&method, path), address(1)).map(|standing| standing.name)
        };
        let reads = Some("address-reads");
        assert_eq!(counted(Method::PATCH, "/v1/organizations/1"), None);
        assert_eq!(counted(Method::HEAD, "/v1/search"), reads);
        assert_eq!(counted(Method::POST, "/oauth/token"), None);
        assert_eq!(counted(Method::POST, SEARCH_BY_POST), reads, "it changes nothing");
        assert_eq!(counted(Method::DELETE, SEARCH_BY_POST), None);
    }
}
