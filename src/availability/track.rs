//! What was observed of a pool, kept apart from what is said of it, and how far it can be relied on.
//!
//! Few observations say little, so each rate is shrunk toward a prior: the mean of a Beta distribution that
//! starts at [`PRIOR_MEAN`] with the weight of [`PRIOR_WEIGHT`] observations. A pool of which nothing was
//! observed has the prior, as every other such pool: it is neither lifted nor sunk unheard.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::types::{UnknownCode, codes};

/// What is taken of every rate before anything was observed: the middle, as nothing is known of what is usual in
/// a region. Pools of which nothing was observed rank alike whatever it is.
pub const PRIOR_MEAN: f64 = 0.5;
/// As many observations the prior is worth. With four, a single unanswered call moves a rate from 0.5 to 0.4,
/// and after a dozen observations three quarters of the figure are the pool's own.
pub const PRIOR_WEIGHT: f64 = 4.0;
/// A reply that takes this many hours is worth half of an immediate one: the two business days that an offer
/// has.
pub const HALF_PROMPT_HOURS: f64 = 48.0;

/// How often something happened, of how often it could have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Tally {
    /// How often it did.
    #[schema(example = 3)]
    pub yes: u32,
    /// How often it could have.
    #[schema(example = 9)]
    pub of: u32,
}

impl Tally {
    /// Counts one more.
    pub fn count(&mut self, happened: bool) {
        self.yes += u32::from(happened);
        self.of += 1;
    }

    /// The rate in [0, 1], shrunk toward the prior.
    pub fn shrunk(self) -> f64 {
        shrunk(f64::from(self.yes.min(self.of)), f64::from(self.of))
    }
}

/// How long something took, over several observations, in the unit that the field names.
///
/// The quantiles are those at `(count + 1) · p` in the order of length (Hyndman and Fan 1996, definition 6; the
/// shortest or longest where that lies beyond them): one more observation like them falls below
/// each with that probability. Hence it takes [`Times::FEWEST`] for 10 % and 90 % to lie within what was observed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Times {
    /// How many were observed; without any, the others are 0 and mean nothing.
    #[schema(example = 12)]
    pub count: u32,
    /// One in ten took no longer.
    #[schema(example = 3.0)]
    pub p10: f64,
    /// Half took no longer.
    #[schema(example = 10.5)]
    pub p50: f64,
    /// Nine in ten took no longer.
    #[schema(example = 30.0)]
    pub p90: f64,
}

impl Times {
    /// With fewer observations, the shortest and the longest are less than 80 % apart.
    pub const FEWEST: u32 = 9;

    /// Of these observations, in any order; what is no length of time is left out.
    pub fn of(observed: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> =
            observed.into_iter().filter(|time| time.is_finite() && *time >= 0.0).collect();
        sorted.sort_by(f64::total_cmp);
        let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else {
            return Self::default();
        };
        let quantile = |p: f64| {
            let position = (sorted.len() as f64 + 1.0) * p;
            // Between the position's two neighbours, counted from one.
            let mut below = sorted.iter().zip(1_u32..).skip_while(|(_, n)| f64::from(*n) + 1.0 <= position);
            match (below.next(), below.next()) {
                (Some((low, n)), Some((high, _))) if position >= f64::from(n) => {
                    low + (high - low) * (position - f64::from(n))
                }
                (Some(_), Some(_)) => *first,
                _ => *last,
            }
        };
        let count = u32::try_from(sorted.len()).unwrap_or(u32::MAX);
        Self { count, p10: quantile(0.1), p50: quantile(0.5), p90: quantile(0.9) }
    }

    /// Whether they are enough for an interval that holds four of five.
    pub fn are_enough(&self) -> bool {
        self.count >= Self::FEWEST
    }
}

/// What was observed of one pool, over the time that its keeper looks back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TrackRecord {
    /// Calls that somebody answered, of those made.
    pub calls: Tally,
    /// Offers that were accepted, of those that were answered or whose time ran out.
    pub acceptances: Tally,
    /// Hours from an offer to its first reply.
    pub reply_hours: Times,
    /// Days from acceptance to the first appointment.
    pub first_appointment_days: Times,
    /// Appointments that were kept, of those due. Shown, and not ranked by: whom a student's family could not
    /// bring says more of those who are served than of those who serve.
    pub appointments_kept: Tally,
    /// Claims of room that held when somebody came for it, of those put to the test.
    pub claims_honoured: Tally,
}

codes! {
    /// What reliability is made of.
    Observed, "observation" {
        /// Calls are answered.
        Calls = "calls",
        /// Offers are accepted.
        Acceptances = "acceptances",
        /// Replies come soon.
        Replies = "replies",
        /// What is claimed holds.
        Claims = "claims",
    }
}

impl Observed {
    /// Its share in reliability; they add up to 1. What decides whether a referral ends in care weighs more than
    /// how soon one hears of it.
    pub fn weight(self) -> f64 {
        match self {
            Self::Acceptances | Self::Claims => 0.3,
            Self::Calls | Self::Replies => 0.2,
        }
    }
}

impl TrackRecord {
    /// How far it can be relied on, in [0, 1]: the weighted mean of each [`Observed`].
    pub fn reliability(&self) -> f64 {
        Observed::ALL.iter().map(|observed| observed.weight() * self.utility(*observed)).sum()
    }

    /// One part of reliability, in [0, 1], shrunk toward the prior: a rate, or of replies
    /// `2^(-hours of half of them / 48)`.
    pub fn utility(&self, observed: Observed) -> f64 {
        match observed {
            Observed::Calls => self.calls.shrunk(),
            Observed::Acceptances => self.acceptances.shrunk(),
            Observed::Replies => {
                let count = f64::from(self.reply_hours.count);
                let promptness = (-self.reply_hours.p50.max(0.0) / HALF_PROMPT_HOURS).exp2();
                shrunk(count * promptness, count)
            }
            Observed::Claims => self.claims_honoured.shrunk(),
        }
    }

    /// How often it was observed.
    pub fn count(&self, observed: Observed) -> u32 {
        match observed {
            Observed::Calls => self.calls.of,
            Observed::Acceptances => self.acceptances.of,
            Observed::Replies => self.reply_hours.count,
            Observed::Claims => self.claims_honoured.of,
        }
    }

    /// What was observed, each in a few words for a coordinator; nothing of what was not.
    pub fn told(&self) -> Vec<String> {
        let tell = |observed: &Observed| {
            let of = self.count(*observed);
            match observed {
                Observed::Calls => format!("answered {} of {of} calls", self.calls.yes),
                Observed::Acceptances => format!("accepted {} of {of} offers", self.acceptances.yes),
                Observed::Replies => {
                    let hours = self.reply_hours.p50.ceil();
                    format!("half of {of} replies came within {hours} {}", plural(hours, "hour"))
                }
                Observed::Claims => {
                    format!("{} of {of} claims of room held", self.claims_honoured.yes)
                }
            }
        };
        Observed::ALL.iter().filter(|observed| self.count(**observed) > 0).map(tell).collect()
    }
}

fn shrunk(happened: f64, of: f64) -> f64 {
    (happened + PRIOR_WEIGHT * PRIOR_MEAN) / (of + PRIOR_WEIGHT)
}

fn plural(number: f64, noun: &str) -> String {
    if number == 1.0 { noun.to_owned() } else { format!("{noun}s") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tally(yes: u32, of: u32) -> Tally {
        Tally { yes, of }
    }

    #[test]
    fn nothing_observed_is_the_prior_and_few_observations_move_it_little() {
        assert!((TrackRecord::default().reliability() - PRIOR_MEAN).abs() < 1e-12);
        assert!((tally(0, 1).shrunk() - 0.4).abs() < 1e-12);
        assert!((tally(12, 12).shrunk() - 0.875).abs() < 1e-12);
        assert!(tally(0, 1000).shrunk() < 0.01);
    }

    #[test]
    fn each_part_counts_and_what_families_could_not_keep_does_not() {
        let none = TrackRecord::default();
        let better = [
            TrackRecord { calls: tally(5, 5), ..none },
            TrackRecord { acceptances: tally(5, 5), ..none },
            TrackRecord { reply_hours: Times::of([1.0; 5]), ..none },
            TrackRecord { claims_honoured: tally(5, 5), ..none },
        ];
        assert!(better.iter().all(|record| record.reliability() > none.reliability() + 0.05));
        let worse = [
            TrackRecord { calls: tally(0, 5), ..none },
            TrackRecord { acceptances: tally(0, 5), ..none },
            TrackRecord { reply_hours: Times::of([400.0; 5]), ..none },
            TrackRecord { claims_honoured: tally(0, 5), ..none },
        ];
        assert!(worse.iter().all(|record| record.reliability() < none.reliability() - 0.05));
        let missed = TrackRecord { appointments_kept: tally(0, 50), ..none };
        assert_eq!(missed.reliability(), none.reliability());
    }

    #[test]
    fn what_was_observed_is_told_and_nothing_else() {
        assert_eq!(TrackRecord::default().told(), [""; 0]);
        let record = TrackRecord {
            calls: tally(3, 9),
            reply_hours: Times::of([20.0, 4.5, 90.0]),
            claims_honoured: tally(1, 1),
            ..TrackRecord::default()
        };
        assert_eq!(
            record.told(),
            ["answered 3 of 9 calls", "half of 3 replies came within 20 hours", "1 of 1 claims of room held"]
        );
    }

    #[test]
    fn quantiles_lie_where_one_more_would_fall_below_them_with_their_probability() {
        let nine = Times::of((1..=9).rev().map(f64::from));
        assert_eq!(nine, Times { count: 9, p10: 1.0, p50: 5.0, p90: 9.0 });
        let four = Times::of([4.0, f64::NAN, 1.0, 2.0, -3.0, 3.0]);
        assert_eq!(four, Times { count: 4, p10: 1.0, p50: 2.5, p90: 4.0 });
        assert_eq!(Times::of([7.0]), Times { count: 1, p10: 7.0, p50: 7.0, p90: 7.0 });
        assert_eq!(Times::of([]), Times::default());
        assert!(nine.are_enough() && !four.are_enough());
    }

    proptest! {
        #[test]
        fn reliability_is_a_utility(
            counts in [(0..9_u32, 0..9_u32), (0..9, 0..9), (0..9, 0..9)], hours in prop::collection::vec(-1.0..1e9, 0..5),
        ) {
            let [calls, acceptances, claims_honoured] = counts.map(|(yes, of)| tally(yes, of));
            let reply_hours = Times::of(hours);
            let record = TrackRecord { calls, acceptances, reply_hours, claims_honoured, ..TrackRecord::default() };
            prop_assert!((0.0..=1.0).contains(&record.reliability()));
            prop_assert!(reply_hours.p10 <= reply_hours.p50 && reply_hours.p50 <= reply_hours.p90);
        }
    }
}
