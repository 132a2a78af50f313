//! From facts to a score: factors, their utilities and weights.

use serde::{Deserialize, Serialize};

use super::question::Urgency;
use crate::availability::ExpectedWait;
use crate::types::{Grain, LanguageMode};

/// What ranks an offering. Each factor has a utility in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// How soon care can start: `exp(-days / scale)`, with 28 days for routine and 7 for urgent needs, of the days
    /// within which half of those who join start.
    TimeToCare,
    /// How far it is: `exp(-minutes / 30)`.
    Travel,
    /// Who bridges the language: 1 a clinician, 0.6 an interpreter. Only where a language is asked for.
    Language,
    /// The share of wishes that are met. Only where there are any.
    Fit,
    /// Whether a partnership with the student's school or district is in force: 1 or 0. Only where the
    /// school is known.
    Relationship,
    /// How far it was found reliable: calls answered, offers accepted, claims of room that held, how soon replies
    /// came, each shrunk toward the middle while observations are few. Where nothing was observed 0.5.
    Reliability,
    /// How far the facts are confirmed: `0.7 · grain + 0.3 · freshness` of the live claim.
    Confirmation,
    /// How well the words asked for are met, the mean over the words: in a name 1, in the name of a term or
    /// place 0.8, in an everyday word for a term 0.7, in a description 0.4; times 1 for the very word, 0.8 for
    /// one that begins so, 0.7 for a synonym, 0.6 for a misspelt word and 0.4 for a synonym of it. Only where
    /// words are asked for.
    Words,
}

impl Factor {
    /// Every factor, in the order in which contributions are added up.
    pub const ALL: [Self; 8] = [
        Self::TimeToCare,
        Self::Travel,
        Self::Language,
        Self::Fit,
        Self::Relationship,
        Self::Reliability,
        Self::Confirmation,
        Self::Words,
    ];
}

/// The weight of each factor: finite, not negative, not all zero.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Of [`Factor::TimeToCare`].
    pub time_to_care: f64,
    /// Of [`Factor::Travel`].
    pub travel: f64,
    /// Of [`Factor::Language`].
    pub language: f64,
    /// Of [`Factor::Fit`].
    pub fit: f64,
    /// Of [`Factor::Relationship`].
    pub relationship: f64,
    /// Of [`Factor::Reliability`].
    pub reliability: f64,
    /// Of [`Factor::Confirmation`].
    pub confirmation: f64,
    /// Of [`Factor::Words`].
    pub words: f64,
}

impl Weights {
    /// The weight of one factor.
    pub fn of(&self, factor: Factor) -> f64 {
        match factor {
            Factor::TimeToCare => self.time_to_care,
            Factor::Travel => self.travel,
            Factor::Language => self.language,
            Factor::Fit => self.fit,
            Factor::Relationship => self.relationship,
            Factor::Reliability => self.reliability,
            Factor::Confirmation => self.confirmation,
            Factor::Words => self.words,
        }
    }
}

/// A named and versioned way to rank; sound by construction.
#[derive(Clone, Debug, PartialEq)]
pub struct RankingProfile {
    name: String,
    version: u32,
    weights: Weights,
    unknown_wait: f64,
}

/// Why numbers are no ranking profile.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum InvalidRankingProfile {
    /// A weight is negative, not a number or too large.
    #[error("the weight {1} of {0:?} is not a number from 0 to 1000")]
    Weight(Factor, f64),
    /// Nothing weighs anything.
    #[error("all weights are 0: at least one must be more")]
    AllZero,
    /// The utility of an unknown wait is out of range.
    #[error("the utility {0} of an unknown wait is not from 0 to {max}, that of a wait as long as the scale", max = RankingProfile::MAX_UNKNOWN_WAIT)]
    UnknownWait(f64),
}

impl RankingProfile {
    /// The largest utility that an unknown wait may have: just below `exp(-1)`, what an honest wait as long
    /// as the scale (28 days, urgent 7) has.
    pub const MAX_UNKNOWN_WAIT: f64 = 0.36;
    const MAX_WEIGHT: f64 = 1000.0;

    /// A profile with these weights; `unknown_wait` is the utility of an unknown wait.
    ///
    /// # Errors
    /// If a number is out of range or all weights are zero.
    pub fn new(
        name: impl Into<String>,
        version: u32,
        weights: Weights,
        unknown_wait: f64,
    ) -> Result<Self, InvalidRankingProfile> {
        for factor in Factor::ALL {
            let weight = weights.of(factor);
            if !(0.0..=Self::MAX_WEIGHT).contains(&weight) {
                return Err(InvalidRankingProfile::Weight(factor, weight));
            }
        }
        if Factor::ALL.iter().all(|factor| weights.of(*factor) == 0.0) {
            return Err(InvalidRankingProfile::AllZero);
        }
        if !(0.0..=Self::MAX_UNKNOWN_WAIT).contains(&unknown_wait) {
            return Err(InvalidRankingProfile::UnknownWait(unknown_wait));
        }
        Ok(Self { name: name.into(), version, weights, unknown_wait })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Its weights.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }
}

impl Default for RankingProfile {
    /// The profile `default`, version 3: waiting weighs most, then travel.
    fn default() -> Self {
        Self {
            name: "default".to_owned(),
            version: 3,
            weights: Weights {
                time_to_care: 0.35,
                travel: 0.2,
                language: 0.15,
                fit: 0.1,
                relationship: 0.1,
                reliability: 0.1,
                confirmation: 0.1,
                words: 0.5,
            },
            unknown_wait: 0.25,
        }
    }
}

/// The factors of one question with their weights, and the constants that utilities need.
///
/// The score is the sum of the contributions `(weight / Σ weights) · utility`, left to right in the order of
/// [`Factor::ALL`], over the factors that the question gives a meaning: `language` only where a language is
/// asked for, `fit` only where there are wishes, `relationship` only where the school is known, `words` only
/// where words are asked for. If those weigh nothing, every score is 0. Each step is
/// monotone in floating point: better utilities never add up to a lower score.
#[derive(Debug)]
pub(super) struct Weighing {
    /// Factor, weight, and share of the weight of all.
    terms: Vec<(Factor, f64, f64)>,
    unknown_wait: f64,
    scale_days: f64,
}

impl Weighing {
    /// `has_meaning` says which factors the question gives a meaning.
    pub(super) fn new(
        profile: &RankingProfile,
        urgency: Urgency,
        has_meaning: impl Fn(Factor) -> bool,
    ) -> Self {
        let factors = || Factor::ALL.into_iter().filter(|factor| has_meaning(*factor));
        let total: f64 = factors().map(|factor| profile.weights.of(factor)).sum();
        let terms = factors()
            .map(|factor| {
                let weight = profile.weights.of(factor);
                (factor, weight, if total > 0.0 { weight / total } else { 0.0 })
            })
            .collect();
        let scale_days = match urgency {
            Urgency::Routine => 28.0,
            Urgency::Urgent => 7.0,
        };
        Self { terms, unknown_wait: profile.unknown_wait, scale_days }
    }

    /// Factor, weight, utility and contribution of each term; the contributions sum to the score.
    pub(super) fn contributions(
        &self,
        mut utility: impl FnMut(Factor) -> f64,
    ) -> impl Iterator<Item = (Factor, f64, f64, f64)> {
        self.terms.iter().map(move |(factor, weight, share)| {
            let utility = utility(*factor);
            (*factor, *weight, utility, share * utility)
        })
    }

    pub(super) fn score(&self, utility: impl FnMut(Factor) -> f64) -> f64 {
        self.contributions(utility).fold(0.0, |score, (_, _, _, contribution)| score + contribution)
    }

    /// Utility of a wait.
    pub(super) fn of_wait(&self, wait: ExpectedWait) -> f64 {
        match (wait.days(), wait) {
            (Some(days), _) => self.of_days(days),
            // Less than not known: it is known not to get better.
            (None, ExpectedWait::Unstable) => self.unknown_wait / 2.0,
            (None, ExpectedWait::Never) => 0.0,
            (None, _) => self.unknown_wait,
        }
    }

    fn of_days(&self, days: f64) -> f64 {
        if days == 0.0 { 1.0 } else { (-days / self.scale_days).exp() }
    }

    /// No wait of at least `shortest` days, and no unknown one, has more utility than this.
    pub(super) fn best_of_wait(&self, shortest: Option<f64>) -> f64 {
        shortest.map_or(self.unknown_wait, |days| rounded_up(self.of_days(days)).max(self.unknown_wait))
    }
}

/// Roads are this much longer than the great circle.
const CIRCUITY: f64 = 1.3;
/// Driving, doors included.
const SPEED_KM_PER_HOUR: f64 = 40.0;
const TRAVEL_SCALE_MINUTES: f64 = 30.0;

/// Estimated minutes by car over `km` great-circle kilometres: `km · 1.3 / 40 km/h`.
pub(super) fn travel_minutes(km: f64) -> f64 {
    km * CIRCUITY / SPEED_KM_PER_HOUR * 60.0
}

/// Utility of travel.
pub(super) fn of_travel(minutes: f64) -> f64 {
    (-minutes / TRAVEL_SCALE_MINUTES).exp()
}

/// At least the utility of any longer travel. `exp` is not promised to be monotone to the last bit.
pub(super) fn best_of_travel(minutes: f64) -> f64 {
    rounded_up(of_travel(minutes))
}

/// Leaves room for the last bits of a library function. 1 is exact, so that saturated bounds stay ties.
fn rounded_up(utility: f64) -> f64 {
    (utility * (1.0 + 4.0 * f64::EPSILON)).min(1.0)
}

/// Utility of who bridges an asked language.
pub(super) fn of_language_mode(mode: LanguageMode) -> f64 {
    match mode {
        LanguageMode::Provider => 1.0,
        LanguageMode::Interpreter => 0.6,
    }
}

/// Utility where a preferred language may or may not be offered; where it is not, 0.
pub(super) const LANGUAGE_UNKNOWN: f64 = 0.2;

/// Utility of confirmation from the grain and the age of the live claim in seconds: freshness falls from 1
/// to 0 over 30 days, and is 0 without a live claim.
pub(super) fn of_confirmation(grain: Grain, claim_age_seconds: Option<i64>) -> f64 {
    const LONGEST_LIFE_SECONDS: f64 = 30.0 * 86_400.0;
    let grain = match grain {
        Grain::Team => 1.0,
        Grain::Service => 0.8,
        Grain::Facility => 0.3,
    };
    let freshness = claim_age_seconds.map_or(0.0, |seconds| {
        // Below 2^53 the conversion is exact; beyond, the claim is stale whatever it rounds to.
        (1.0 - seconds.max(0) as f64 / LONGEST_LIFE_SECONDS).max(0.0)
    });
    0.7 * grain + 0.3 * freshness
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_out_of_range_is_refused() {
        let weights = *RankingProfile::default().weights();
        for travel in [-0.1, f64::NAN, f64::INFINITY, 1001.0] {
            assert!(RankingProfile::new("x", 1, Weights { travel, ..weights }, 0.2).is_err());
        }
        let none = Weights {
            time_to_care: 0.0,
            travel: 0.0,
            language: 0.0,
            fit: 0.0,
            relationship: 0.0,
            reliability: 0.0,
            confirmation: 0.0,
            words: 0.0,
        };
        assert_eq!(RankingProfile::new("x", 1, none, 0.2), Err(InvalidRankingProfile::AllZero));
        assert!(RankingProfile::new("x", 1, weights, 0.37).is_err());
        assert!(RankingProfile::new("x", 1, weights, f64::NAN).is_err());
        let default = RankingProfile::default();
        assert_eq!(RankingProfile::new("default", 3, weights, default.unknown_wait), Ok(default));
    }

    #[test]
    fn an_unknown_wait_is_never_like_open_nor_better_than_an_honest_short_one_and_an_unstable_list_is_less() {
        for (urgency, days) in [(Urgency::Routine, 28.0), (Urgency::Urgent, 7.0)] {
            let weighing = Weighing::new(&RankingProfile::default(), urgency, |_| true);
            assert!(weighing.of_wait(ExpectedWait::Unknown) < weighing.of_wait(ExpectedWait::Open(days)));
            assert!(weighing.of_wait(ExpectedWait::Unknown) > weighing.of_wait(ExpectedWait::Unstable));
            assert!(weighing.of_wait(ExpectedWait::Unstable) > weighing.of_wait(ExpectedWait::Never));
        }
    }

    #[test]
    fn team_outranks_facility_however_fresh() {
        assert!(of_confirmation(Grain::Team, None) > of_confirmation(Grain::Facility, Some(0)));
        assert!((0.0..=1.0).contains(&of_confirmation(Grain::Team, Some(-5))));
    }
}
