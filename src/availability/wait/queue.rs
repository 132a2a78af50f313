//! How long it takes until those who wait ahead have started, and those who go first beside.
//!
//! `docs/decisions/0024-expected-wait.md` has the derivation, what it assumes, and how well it holds; the
//! simulation beside this file is the proof.

use std::hash::Hash;

use rustc_hash::FxHashMap;
use statrs::function::beta::{beta_reg, inv_beta_reg, ln_beta};

/// The days over which starts and arrivals are counted.
pub const WINDOW_DAYS: f64 = 28.0;

/// A waiting list as somebody new finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    /// How many wait and will start before.
    pub ahead: u32,
    /// How many started in the window.
    pub starts: u32,
    /// Who joined in the window, if that is known.
    pub arrivals: Option<Arrivals>,
}

/// Who joined a waiting list in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Arrivals {
    /// How many did, less those who left without a start.
    pub joined: u32,
    /// How many of them go before somebody who joins now, if that is known: they are of a higher class.
    pub overtaking: Option<u32>,
}

/// Days of which one in ten, half, and nine in ten are no longer; to a tenth of a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantiles {
    /// One in ten waits no longer.
    pub p10: f64,
    /// Half wait no longer.
    pub p50: f64,
    /// Nine in ten wait no longer.
    pub p90: f64,
}

impl Quantiles {
    /// These, to a tenth of a day.
    pub fn new([p10, p50, p90]: [f64; 3]) -> Self {
        let [p10, p50, p90] = [p10, p50, p90].map(|days| (days * 10.0).round() / 10.0);
        Self { p10, p50, p90 }
    }

    /// The same, none of them less than `days`.
    pub fn at_least(self, days: f64) -> Self {
        let Self { p10, p50, p90 } = self;
        Self { p10: p10.max(days), p50: p50.max(days), p90: p90.max(days) }
    }
}

/// What a waiting list tells of the wait.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Estimate {
    /// This long.
    Days(Quantiles),
    /// At least as many arrive as start.
    Unstable,
    /// Nobody started in the window: nothing tells how fast it moves.
    Unknown,
}

impl Line {
    /// How long somebody new waits.
    ///
    /// It is *unstable* where at least as many joined as started. With Jeffreys' priors that is exactly where the
    /// evidence makes it no less likely than not that arrivals outrun starts, so that no other threshold has to
    /// be chosen.
    pub fn estimate(self) -> Estimate {
        let Self { ahead, starts, arrivals } = self;
        let overtaking = arrivals.and_then(|arrivals| arrivals.overtaking);
        let joined = arrivals.map_or(0, |arrivals| arrivals.joined).max(overtaking.unwrap_or(0));
        if joined > 0 && joined >= starts {
            return Estimate::Unstable;
        }
        if starts == 0 {
            return Estimate::Unknown;
        }
        match overtaking {
            None => Estimate::Days(undisturbed(ahead, starts)),
            Some(overtaking) => {
                overtaken(ahead, starts, overtaking).map_or(Estimate::Unstable, Estimate::Days)
            }
        }
    }
}

/// The rate of starts is Gamma(starts + ½, 28 days), and the wait the time of `ahead + 1` of them: 28 days times
/// a beta prime variable.
fn undisturbed(ahead: u32, starts: u32) -> Quantiles {
    let (n, s) = (f64::from(ahead) + 1.0, f64::from(starts) + 0.5);
    Quantiles::new([0.1, 0.5, 0.9].map(|p| {
        // The share that is small where the wait is long, so that it keeps its digits.
        let rest = inv_beta_reg(s, n, 1.0 - p);
        WINDOW_DAYS * (1.0 - rest) / rest
    }))
}

/// The same where others arrive and go first: the time until starts are `ahead + 1` more than such arrivals.
/// None where it cannot be told within [`MOST_OVERTAKING`] of them.
///
/// Starts and arrivals together are a Poisson stream whose rate is Gamma(starts + arrivals + 1, 28 days), and
/// each is a start with a probability that is Beta(starts + ½, arrivals + ½), both independent; the latter is
/// taken to be more than ½, as the list is not unstable. It ends at the event `n + 2j`, if `j` overtake, which by
/// the ballot theorem has the weight below; and `n + 2j` events take 28 days times a beta prime variable.
fn overtaken(ahead: u32, starts: u32, overtaking: u32) -> Option<Quantiles> {
    let n = f64::from(ahead) + 1.0;
    let (a, b) = (f64::from(starts) + 0.5, f64::from(overtaking) + 0.5);
    let weights = weights(n, a, b);
    let quantile = |p| {
        let (mut low, mut high) = (0.0, 1.0);
        while share_within(high, &weights, n, a + b) < p {
            if high > LONGEST_DAYS {
                return None;
            }
            (low, high) = (high, high * 2.0);
        }
        while high - low > 0.02 && high - low > high * 1e-4 {
            let middle = f64::midpoint(low, high);
            if share_within(middle, &weights, n, a + b) < p { low = middle } else { high = middle }
        }
        Some(high)
    };
    Some(Quantiles::new([quantile(0.1)?, quantile(0.5)?, quantile(0.9)?]))
}

/// No more who overtake are reckoned with: a bound on the work.
const MOST_OVERTAKING: u32 = 1 << 16;
/// Nothing longer is looked for.
const LONGEST_DAYS: f64 = 1e7;
/// The weights of fewer overtaking add up to this; the others belong to waits beyond the ninth tenth.
const ENOUGH: f64 = 0.98;

/// How likely it is that 0, 1, 2, … overtake.
fn weights(n: f64, a: f64, b: f64) -> Vec<f64> {
    let stable = beta_reg(b, a, 0.5);
    let mut weights = Vec::new();
    let mut any = (ln_beta(a + n, b) - ln_beta(a, b)).exp();
    let mut total = 0.0;
    for j in (0..MOST_OVERTAKING).map(f64::from) {
        let weight = any * beta_reg(b + j, a + n + j, 0.5) / stable;
        weights.push(weight);
        total += weight;
        if total > ENOUGH {
            break;
        }
        let k = n + 2.0 * j;
        any *= k * (k + 1.0) / ((j + 1.0) * (n + j + 1.0)) * (a + n + j) * (b + j)
            / ((a + b + k) * (a + b + k + 1.0));
    }
    weights
}

/// How likely the wait is over within some days.
fn share_within(days: f64, weights: &[f64], n: f64, events: f64) -> f64 {
    let x = days / (WINDOW_DAYS + days);
    // That k events happen within them, from k to k + 1 by the recurrence of the incomplete beta function.
    let mut within = beta_reg(n, events, x);
    let mut step = (n * x.ln() + events * (1.0 - x).ln() - ln_beta(n, events)).exp() / n;
    let mut k = n;
    let mut share = 0.0;
    for weight in weights {
        share += weight * within;
        for _ in 0..2 {
            within -= step;
            step *= x * (k + events) / (k + 1.0);
            k += 1.0;
        }
        if within < 1e-9 {
            break;
        }
    }
    share
}

/// Estimates that were already made: many lists are alike.
#[derive(Debug, Default)]
pub struct Estimates(FxHashMap<Line, Estimate>);

impl Estimates {
    /// As many are kept.
    const MOST: usize = 1 << 16;

    /// As [`Line::estimate`].
    pub fn of(&mut self, line: Line) -> Estimate {
        if self.0.len() >= Self::MOST {
            self.0.clear();
        }
        *self.0.entry(line).or_insert_with(|| line.estimate())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(ahead: u32, starts: u32) -> Line {
        Line { ahead, starts, arrivals: None }
    }

    fn days(line: Line) -> Quantiles {
        match line.estimate() {
            Estimate::Days(days) => days,
            other => panic!("{line:?} {other:?}"),
        }
    }

    fn with(line: Line, joined: u32, overtaking: Option<u32>) -> Line {
        Line { arrivals: Some(Arrivals { joined, overtaking }), ..line }
    }

    /// How many of `line`'s waits are over within `days`, by summing over the starts that there may be: a
    /// negative binomial number.
    fn share(line: Line, days: f64) -> f64 {
        let (s, p) = (f64::from(line.starts) + 0.5, days / (WINDOW_DAYS + days));
        let mut none = (1.0 - p).powf(s);
        let mut fewer = 0.0;
        for k in 0..=line.ahead {
            fewer += none;
            none *= (s + f64::from(k)) * p / (f64::from(k) + 1.0);
        }
        1.0 - fewer
    }

    #[test]
    fn quantiles_are_those_of_a_sum_over_the_starts_that_there_may_be() {
        for (ahead, starts) in [(0, 1), (0, 30), (1, 1), (3, 2), (10, 4), (40, 9), (300, 25), (5, 1000)] {
            let line = line(ahead, starts);
            let Quantiles { p10, p50, p90 } = days(line);
            for (p, days) in [(0.1, p10), (0.5, p50), (0.9, p90)] {
                // The quantile lies within a tenth of a day.
                let around = share(line, days - 0.051)..=share(line, days + 0.051);
                assert!(around.contains(&p), "{line:?} {p} {days}");
            }
        }
    }

    #[test]
    fn with_very_many_ahead_and_starting_it_is_their_quotient() {
        assert_eq!(days(line(99_999, 100_000)), Quantiles::new([27.8, 28.0, 28.2]));
        let long = days(line(100_000, 1));
        assert!(long.p10 > 5e5 && long.p90 < 1e8 && long.p50 > long.p10, "{long:?}");
    }

    #[test]
    fn no_start_tells_nothing_and_as_many_arrivals_as_starts_are_unstable() {
        assert_eq!(line(0, 0).estimate(), Estimate::Unknown);
        assert_eq!(with(line(4, 0), 0, None).estimate(), Estimate::Unknown);
        assert_eq!(with(line(4, 0), 1, None).estimate(), Estimate::Unstable);
        assert_eq!(with(line(4, 5), 5, None).estimate(), Estimate::Unstable);
        assert_eq!(with(line(4, 5), 0, Some(5)).estimate(), Estimate::Unstable);
        assert_eq!(with(line(4, 5), 4, None).estimate(), line(4, 5).estimate());
    }

    #[test]
    fn that_as_many_arrive_is_that_it_is_as_likely_as_not_that_more_will() {
        for (starts, joined) in [(1, 1), (5, 4), (5, 5), (5, 6), (30, 29), (30, 31)] {
            let more_arrive = beta_reg(f64::from(starts) + 0.5, f64::from(joined) + 0.5, 0.5);
            // Half, to the last bits, where they are as many.
            assert_eq!(more_arrive > 0.5 - 1e-12, joined >= starts, "{starts} {joined}");
        }
    }

    #[test]
    fn the_more_overtake_the_longer_it_takes() {
        let of = |overtaking| days(with(line(6, 8), overtaking, Some(overtaking)));
        let waits: Vec<Quantiles> = (0..8).map(of).collect();
        assert!(waits.windows(2).all(|pair| pair[0].p50 < pair[1].p50 && pair[0].p90 < pair[1].p90));
        assert!(waits[0].p50 >= days(line(6, 8)).p50);
        // 7 starts at a drift of about 8 − 4 in 28 days take 49 days; the median of what is skewed is less.
        assert!((30.0..49.0).contains(&of(4).p50), "{:?}", of(4));
    }

    #[test]
    fn the_work_is_bounded_where_almost_as_many_overtake_as_start() {
        for (ahead, starts) in [(0, 1), (5000, 2), (100_000, 100_000), (100_000, 2)] {
            assert_ne!(with(line(ahead, starts), 0, Some(starts - 1)).estimate(), Estimate::Unknown);
        }
    }

    #[test]
    fn what_was_estimated_is_kept_and_no_more_than_so_much() {
        let mut kept = Estimates::default();
        for ahead in 0..=u32::try_from(Estimates::MOST).unwrap() {
            kept.of(line(ahead, 3));
        }
        assert_eq!(kept.of(line(7, 3)), line(7, 3).estimate());
        assert!(kept.0.len() <= Estimates::MOST);
    }

    proptest! {
        #[test]
        fn quantiles_are_in_order_and_numbers(ahead in 0..100_001_u32, starts in 1..100_001_u32) {
            let Quantiles { p10, p50, p90 } = days(line(ahead, starts));
            prop_assert!(0.0 <= p10 && p10 <= p50 && p50 <= p90 && p90.is_finite());
        }
    }
}
