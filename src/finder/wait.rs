//! What a claim means on a given day: whether one can start, and after how long.

use jiff::Timestamp;
use jiff::civil::Date;

use super::question::AvailabilityAsk;
use crate::availability::{Claim, Estimates, Evidence, ExpectedWait, Outlook, day_number, days_from};
use crate::types::{AvailabilityStatus, Truth, calendar_date};

/// Position in the order by wait: days, then unknown, then unstable, then never.
pub(super) fn rank(wait: ExpectedWait) -> f64 {
    match (wait.days(), wait) {
        (Some(days), _) => days,
        (None, ExpectedWait::Unstable) => f64::MAX,
        (None, ExpectedWait::Never) => f64::INFINITY,
        (None, _) => UNKNOWN_RANK,
    }
}

/// Where unknown waits stand in the order by wait: behind every number of days.
pub(super) const UNKNOWN_RANK: f64 = f64::MAX / 2.0;

/// "Now" with its day, so that the day is computed once per question.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// The instant.
    pub(super) now: Timestamp,
    /// Its date in UTC.
    pub(super) today: Date,
    /// That date as days since 1970.
    pub(super) day: i32,
    /// Whole seconds since 1970; no later than any later instant's.
    pub(super) second: i64,
    /// Whole microseconds since 1970, rounded down.
    pub(super) microsecond: i64,
}

impl Moment {
    pub(super) fn at(now: Timestamp) -> Self {
        let today = calendar_date(now);
        Self {
            now,
            today,
            day: day_number(today),
            second: now.as_second(),
            microsecond: microsecond_of(now.as_nanosecond()),
        }
    }

    /// Days from today until `day`, none if it is past.
    pub(super) fn days_until(&self, day: i32) -> f64 {
        days_from(self.day, day)
    }
}

/// The microsecond since 1970 that a nanosecond falls into.
fn microsecond_of(nanosecond: i128) -> i64 {
    i64::try_from(nanosecond.div_euclid(1000))
        .expect("the years -9999 to 9999 fit into 64 bits of microseconds")
}

/// How a pool stands while its claim is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Someone can start.
    Open,
    /// There is capacity, but every opening is promised: one can wait.
    Full,
    /// One can wait.
    Waitlist,
    /// There are no openings and no list.
    Closed,
    /// It cannot be said before the child has been seen.
    Assessment,
}

/// What the finder keeps of a claim.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Statement {
    pub(super) standing: Standing,
    pub(super) outlook: Outlook,
    /// Openings that are not promised, where they are counted.
    pub(super) open_slots: Option<u32>,
    pub(super) waiting: Option<u32>,
    pub(super) reported_at: Timestamp,
    pub(super) valid_until: Timestamp,
}

impl Statement {
    /// None where the claim says nothing of capacity.
    pub(super) fn of(claim: &Claim, evidence: Evidence, estimates: &mut Estimates) -> Option<Self> {
        let open_slots = claim.effective_open(evidence.promised);
        let standing = match (claim.status, open_slots) {
            (AvailabilityStatus::Capacity, Some(0)) => Standing::Full,
            (AvailabilityStatus::Capacity, _) => Standing::Open,
            (AvailabilityStatus::Waitlist, _) => Standing::Waitlist,
            (AvailabilityStatus::NoCapacity, _) => Standing::Closed,
            (AvailabilityStatus::AdditionalAssessmentRequired, _) => Standing::Assessment,
            (AvailabilityStatus::Unknown, _) => return None,
        };
        Some(Self {
            standing,
            outlook: Outlook::of(claim, evidence, estimates),
            open_slots,
            waiting: claim.waiting,
            reported_at: claim.reported_at,
            valid_until: claim.valid_until,
        })
    }

    /// Whether it still counts.
    pub(super) fn is_live(&self, moment: &Moment) -> bool {
        moment.now < self.valid_until
    }

    /// The last microsecond since 1970 at which it may count. It certainly does, if it lapses with a whole
    /// microsecond: what clock and databases give.
    pub(super) fn last_live_microsecond(&self) -> i64 {
        microsecond_of(self.valid_until.as_nanosecond() - 1)
    }

    /// Whether it lapses with a whole microsecond.
    pub(super) fn lapses_with_a_microsecond(&self) -> bool {
        self.valid_until.as_nanosecond() % 1000 == 0
    }

    /// The expected wait; unknown once it has lapsed.
    pub(super) fn wait(&self, moment: &Moment) -> ExpectedWait {
        if self.is_live(moment) { self.outlook.on(moment.day) } else { ExpectedWait::Unknown }
    }
}

/// Whether a live statement (none for lapsed or absent) says that one can start, or can wait.
pub(super) fn available(live: Option<&Statement>, ask: AvailabilityAsk) -> Truth {
    match (live.map(|statement| statement.standing), ask) {
        (Some(Standing::Open), _) => Truth::Yes,
        (Some(Standing::Waitlist | Standing::Full), ask) => Truth::known(ask == AvailabilityAsk::Waitlist),
        (Some(Standing::Closed), _) => Truth::No,
        (None | Some(Standing::Assessment), _) => Truth::Unknown,
    }
}

/// Whether a wait is short enough: half of those who join start within so many days. A list that grows promises
/// nothing of the kind.
pub(super) fn soon_enough(wait: ExpectedWait, max_days: f64) -> Truth {
    match (wait.days(), wait) {
        (Some(days), _) => Truth::known(days <= max_days),
        (None, ExpectedWait::Unstable | ExpectedWait::Never) => Truth::No,
        (None, _) => Truth::Unknown,
    }
}
