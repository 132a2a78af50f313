//! How long one waits for a first appointment: an interval with its basis, and no figure where nothing bears
//! one.

mod queue;
#[cfg(test)]
mod simulation;

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use queue::{Arrivals, Estimate, Estimates, Line, Quantiles, WINDOW_DAYS};

use super::{Claim, Evidence};
use crate::types::{AvailabilityStatus, UnknownCode, calendar_date, codes};

/// How long one waits for a first appointment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ExpectedWait {
    /// Behind those who wait already.
    Queue(Quantiles),
    /// Behind them, and behind those of higher classes who will arrive.
    QueueWithPriority(Quantiles),
    /// One can start; so long first appointments took after acceptance.
    FirstAppointments(Quantiles),
    /// One can start; no earlier than after this many days, and how much later was too seldom observed.
    Open(f64),
    /// A date was stated that lies this many days ahead, and nothing else tells.
    StatedDate(f64),
    /// At least as many arrive as start: it grows, and no figure holds.
    Unstable,
    /// Nobody has said, or what was said has lapsed or does not tell.
    Unknown,
    /// Nobody new is taken.
    Never,
}

codes! {
    /// What an expected wait rests on.
    WaitBasis, "basis of an expected wait" {
        /// How many wait, and how many started in the last 28 days.
        Queue = "queue",
        /// The same, and how many of higher classes joined in the last 28 days, who go first.
        QueueWithPriority = "queue_with_priority",
        /// There are openings; how long it took from acceptance to the first appointment.
        FirstAppointments = "first_appointments",
        /// There are openings; too few first appointments were observed for a figure.
        Open = "open",
        /// Only the date from which somebody new can start.
        StatedDate = "stated_date",
        /// At least as many join the list as start: it grows, and no figure holds.
        Unstable = "unstable",
        /// Nobody has said, or what was said has lapsed or does not tell.
        Unknown = "unknown",
        /// Nobody new is taken.
        Never = "never",
    }
}

impl ExpectedWait {
    /// What it rests on.
    pub fn basis(self) -> WaitBasis {
        match self {
            Self::Queue(_) => WaitBasis::Queue,
            Self::QueueWithPriority(_) => WaitBasis::QueueWithPriority,
            Self::FirstAppointments(_) => WaitBasis::FirstAppointments,
            Self::Open(_) => WaitBasis::Open,
            Self::StatedDate(_) => WaitBasis::StatedDate,
            Self::Unstable => WaitBasis::Unstable,
            Self::Unknown => WaitBasis::Unknown,
            Self::Never => WaitBasis::Never,
        }
    }

    /// The interval, where there is one.
    pub fn quantiles(self) -> Option<Quantiles> {
        match self {
            Self::Queue(days) | Self::QueueWithPriority(days) | Self::FirstAppointments(days) => Some(days),
            Self::Open(_) | Self::StatedDate(_) | Self::Unstable | Self::Unknown | Self::Never => None,
        }
    }

    /// The days that ranking, sorting and the longest wait asked for go by: the median, or until the date from
    /// which one can start.
    pub fn days(self) -> Option<f64> {
        match self {
            Self::Queue(days) | Self::QueueWithPriority(days) | Self::FirstAppointments(days) => {
                Some(days.p50)
            }
            Self::Open(days) | Self::StatedDate(days) => Some(days),
            Self::Unstable | Self::Unknown | Self::Never => None,
        }
    }
}

/// What a claim means for the wait while it is live, before the day is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Outlook {
    stated: Stated,
    /// The day from which one can start, as days since 1970; [`i32::MIN`] for none.
    ready_day: i32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stated {
    Queue(Quantiles),
    QueueWithPriority(Quantiles),
    FirstAppointments(Quantiles),
    Open,
    Date,
    Unstable,
    Unknown,
    Never,
}

impl Outlook {
    /// | the claim says | the wait is |
    /// | --- | --- |
    /// | capacity, openings not counted or some of them left | as first appointments took, if [enough](super::Times::are_enough) were observed; else open |
    /// | capacity, every opening promised | unknown: what was said of the wait was said of those openings |
    /// | waitlist | as [`Line::estimate`] says of its list; where that is unknown or not stated, until `next_available_date`; neither: unknown |
    /// | no capacity | until `next_available_date`, else never |
    /// | additional assessment required | unknown |
    ///
    /// None of them ends before `next_available_date`. Where that alone is known, the wait is unknown once it has passed.
    pub(crate) fn of(claim: &Claim, evidence: Evidence, estimates: &mut Estimates) -> Self {
        let date = || if claim.next_available_date.is_some() { Some(Stated::Date) } else { None };
        let mut queued = || {
            let line = Line {
                ahead: claim.waiting?,
                starts: claim.starts_last_28_days?,
                arrivals: evidence.arrivals,
            };
            match estimates.of(line) {
                Estimate::Days(days) if line.arrivals.is_some_and(|all| all.overtaking.is_some()) => {
                    Some(Stated::QueueWithPriority(days))
                }
                Estimate::Days(days) => Some(Stated::Queue(days)),
                Estimate::Unstable => Some(Stated::Unstable),
                Estimate::Unknown => None,
            }
        };
        let stated = match (claim.status, claim.effective_open(evidence.promised)) {
            (AvailabilityStatus::Waitlist, _) => queued().or_else(date).unwrap_or(Stated::Unknown),
            (AvailabilityStatus::Capacity, Some(0)) => Stated::Unknown,
            (AvailabilityStatus::Capacity, _) => {
                let times = evidence.track.map(|track| track.first_appointment_days).unwrap_or_default();
                if times.are_enough() {
                    Stated::FirstAppointments(Quantiles::new([times.p10, times.p50, times.p90]))
                } else {
                    Stated::Open
                }
            }
            (AvailabilityStatus::NoCapacity, _) => date().unwrap_or(Stated::Never),
            (AvailabilityStatus::AdditionalAssessmentRequired | AvailabilityStatus::Unknown, _) => {
                Stated::Unknown
            }
        };
        Self { stated, ready_day: claim.next_available_date.map_or(i32::MIN, day_number) }
    }

    /// The wait on a day, given as days since 1970.
    pub(crate) fn on(self, day: i32) -> ExpectedWait {
        let floor = days_from(day, self.ready_day);
        match self.stated {
            Stated::Queue(days) => ExpectedWait::Queue(days.at_least(floor)),
            Stated::QueueWithPriority(days) => ExpectedWait::QueueWithPriority(days.at_least(floor)),
            Stated::FirstAppointments(days) => ExpectedWait::FirstAppointments(days.at_least(floor)),
            Stated::Open => ExpectedWait::Open(floor),
            // A date that has passed says nothing of today: nobody has said that the door has opened.
            Stated::Date if day > self.ready_day => ExpectedWait::Unknown,
            Stated::Date => ExpectedWait::StatedDate(floor),
            Stated::Unstable => ExpectedWait::Unstable,
            Stated::Unknown => ExpectedWait::Unknown,
            Stated::Never => ExpectedWait::Never,
        }
    }

    /// The last microsecond since 1970 at which the wait can have [days](ExpectedWait::days), as long as the claim lives:
    /// of a date alone, the end of its day in UTC.
    pub(crate) fn known_until(self) -> i64 {
        const MICROSECONDS_OF_A_DAY: i64 = 86_400_000_000;
        match self.stated {
            Stated::Date => (i64::from(self.ready_day) + 1) * MICROSECONDS_OF_A_DAY - 1,
            Stated::Queue(_) | Stated::QueueWithPriority(_) | Stated::FirstAppointments(_) | Stated::Open => {
                i64::MAX
            }
            Stated::Unstable | Stated::Unknown | Stated::Never => i64::MIN,
        }
    }

    /// Where the wait has [days](ExpectedWait::days): how many without regard to the date, and that date. The
    /// longer of both is the wait.
    pub(crate) fn bounds(self) -> Option<(f64, i32)> {
        match self.stated {
            Stated::Queue(days) | Stated::QueueWithPriority(days) | Stated::FirstAppointments(days) => {
                Some((days.p50, self.ready_day))
            }
            Stated::Open | Stated::Date => Some((0.0, self.ready_day)),
            Stated::Unstable | Stated::Unknown | Stated::Never => None,
        }
    }
}

/// The wait that follows at `now` from a claim and what is known of its pool beside. Without a live claim it is
/// unknown. Dates are compared with the UTC date of `now`.
pub fn expected_wait(claim: Option<&Claim>, evidence: Evidence, now: Timestamp) -> ExpectedWait {
    claim.filter(|claim| claim.is_live(now)).map_or(ExpectedWait::Unknown, |claim| {
        Outlook::of(claim, evidence, &mut Estimates::default()).on(day_number(calendar_date(now)))
    })
}

/// A date as days since 1970.
pub(crate) fn day_number(date: Date) -> i32 {
    const EPOCH: Date = Date::constant(1970, 1, 1);
    let days = date.duration_since(EPOCH).as_hours() / 24;
    i32::try_from(days).expect("the years -9999 to 9999 have fewer than four million days")
}

/// Days from one day until another, none if that is past.
pub(crate) fn days_from(day: i32, until: i32) -> f64 {
    f64::from(until.saturating_sub(day).max(0))
}
