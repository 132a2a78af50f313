//! What a claim means on a given day: whether one can start, and after how long.

use jiff::Timestamp;
use jiff::civil::Date;

use super::question::AvailabilityAsk;
use crate::availability::Claim;
use crate::types::{AvailabilityStatus, Truth, calendar_date};

/// How long one waits for a first appointment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ExpectedWait {
    /// This many days.
    Days(f64),
    /// Nobody has said, or what was said has lapsed or does not tell.
    Unknown,
    /// Nobody new is taken.
    Never,
}

impl ExpectedWait {
    /// Position in the order by wait: days, then unknown, then never.
    pub(super) fn rank(self) -> f64 {
        match self {
            Self::Days(days) => days,
            Self::Unknown => f64::MAX,
            Self::Never => f64::INFINITY,
        }
    }
}

/// The wait that follows from a claim at `now`.
///
/// | the live claim says | days |
/// | --- | --- |
/// | capacity, slots not counted or not 0 | until `next_available_date`, else 0 |
/// | waitlist, or capacity with 0 slots | `(waiting + 1) · 28 / starts_last_28_days`, and never before `next_available_date`; only the date: until it; neither: unknown |
/// | additional assessment required | unknown |
/// | no capacity | until `next_available_date`, else never |
///
/// Without a live claim it is unknown. Dates are compared with the UTC date of `now`.
pub fn expected_wait(claim: Option<&Claim>, now: Timestamp) -> ExpectedWait {
    claim.and_then(Statement::of).map_or(ExpectedWait::Unknown, |statement| statement.wait(&Moment::at(now)))
}

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
        f64::from(day.saturating_sub(self.day).max(0))
    }
}

/// The microsecond since 1970 that a nanosecond falls into.
fn microsecond_of(nanosecond: i128) -> i64 {
    i64::try_from(nanosecond.div_euclid(1000))
        .expect("the years -9999 to 9999 fit into 64 bits of microseconds")
}

fn day_number(date: Date) -> i32 {
    const EPOCH: Date = Date::constant(1970, 1, 1);
    let days = date.duration_since(EPOCH).as_hours() / 24;
    i32::try_from(days).expect("the years -9999 to 9999 have fewer than four million days")
}

/// How a pool stands while its claim is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Someone can start.
    Open,
    /// There is capacity, but no slot that is not promised.
    Full,
    /// One can wait.
    Waitlist,
    /// There are no openings and no list.
    Closed,
    /// It cannot be said before the child has been seen.
    Assessment,
}

/// The wait that was stated, before the day is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum StatedWait {
    /// The longer of a queue in days and the days until a date (days since 1970; `i32::MIN` for none).
    Known { queue_days: f64, ready_day: i32 },
    /// It does not tell.
    Unknown,
    /// Nobody new is taken.
    Never,
}

/// What the finder keeps of a claim.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Statement {
    pub(super) standing: Standing,
    pub(super) wait: StatedWait,
    pub(super) open_slots: Option<u32>,
    pub(super) waiting: Option<u32>,
    pub(super) reported_at: Timestamp,
    pub(super) valid_until: Timestamp,
}

impl Statement {
    /// None where the claim says nothing of capacity.
    pub(super) fn of(claim: &Claim) -> Option<Self> {
        let standing = match (claim.status, claim.open_slots) {
            (AvailabilityStatus::Capacity, Some(0)) => Standing::Full,
            (AvailabilityStatus::Capacity, _) => Standing::Open,
            (AvailabilityStatus::Waitlist, _) => Standing::Waitlist,
            (AvailabilityStatus::NoCapacity, _) => Standing::Closed,
            (AvailabilityStatus::AdditionalAssessmentRequired, _) => Standing::Assessment,
            (AvailabilityStatus::Unknown, _) => return None,
        };
        Some(Self {
            standing,
            wait: stated_wait(standing, claim),
            open_slots: claim.open_slots,
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
        match self.wait {
            _ if !self.is_live(moment) => ExpectedWait::Unknown,
            StatedWait::Known { queue_days, ready_day } => {
                ExpectedWait::Days(queue_days.max(moment.days_until(ready_day)))
            }
            StatedWait::Unknown => ExpectedWait::Unknown,
            StatedWait::Never => ExpectedWait::Never,
        }
    }
}

fn stated_wait(standing: Standing, claim: &Claim) -> StatedWait {
    let ready_day = claim.next_available_date.map(day_number);
    let known = |queue_days, ready_day: Option<i32>| StatedWait::Known {
        queue_days,
        ready_day: ready_day.unwrap_or(i32::MIN),
    };
    match (standing, claim.waiting, claim.starts_last_28_days) {
        (Standing::Open, _, _) => known(0.0, ready_day),
        (Standing::Full | Standing::Waitlist, Some(waiting), Some(starts @ 1..)) => {
            known((f64::from(waiting) + 1.0) * 28.0 / f64::from(starts), ready_day)
        }
        (Standing::Full | Standing::Waitlist | Standing::Closed, _, _) if ready_day.is_some() => {
            known(0.0, ready_day)
        }
        (Standing::Full | Standing::Waitlist | Standing::Assessment, _, _) => StatedWait::Unknown,
        (Standing::Closed, _, _) => StatedWait::Never,
    }
}

/// Whether a live statement (none for lapsed or absent) says that one can start, or can wait.
pub(super) fn available(live: Option<&Statement>, ask: AvailabilityAsk) -> Truth {
    match (live.map(|statement| statement.standing), ask) {
        (Some(Standing::Open), _) | (Some(Standing::Waitlist), AvailabilityAsk::Waitlist) => Truth::Yes,
        (Some(Standing::Closed), _) | (Some(Standing::Waitlist), AvailabilityAsk::Open) => Truth::No,
        (None | Some(Standing::Full | Standing::Assessment), _) => Truth::Unknown,
    }
}

/// Whether a wait is short enough.
pub(super) fn soon_enough(wait: ExpectedWait, max_days: f64) -> Truth {
    match wait {
        ExpectedWait::Days(days) => Truth::known(days <= max_days),
        ExpectedWait::Unknown => Truth::Unknown,
        ExpectedWait::Never => Truth::No,
    }
}
