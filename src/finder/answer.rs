//! What a search gives back.

use super::page::{SortKey, Total};
use super::ranking::Factor;
use crate::availability::ExpectedWait;
use crate::types::{Criterion, OfferingId};

/// The answer to a search.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// In order.
    pub hits: Vec<Hit>,
    /// How many match, whichever page this is.
    pub total: Total,
    /// Where nothing that is written holds every word asked for: words that are spelt nearly like those that
    /// nothing holds.
    pub suggestions: Vec<String>,
}

/// One offering that matches.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Which.
    pub offering: OfferingId,
    /// Great-circle kilometres to its place, if it has one, however it is reached.
    pub distance_km: Option<f64>,
    /// How it is reached.
    pub way: Way,
    /// Estimated minutes by car (`km · 1.3 / 40 km/h`); 0 where it comes to the student.
    pub travel_minutes: f64,
    /// How long one waits for a first appointment.
    pub wait: ExpectedWait,
    /// The sum of the contributions, from the left.
    pub score: f64,
    /// What makes up the score; empty unless explained.
    pub contributions: Vec<Contribution>,
    /// Why it matches, by criterion; empty unless explained.
    pub reasons: Vec<Reason>,
    /// Its place in the order: the cursor of what follows.
    pub key: SortKey,
}

/// What would be found if one criterion gave way.
#[derive(Clone, Debug, PartialEq)]
pub struct NearMisses {
    /// The only criterion that these fail.
    pub criterion: Criterion,
    /// Those that are stated not to hold it.
    pub mismatch: Missed,
    /// Those of which nobody has said whether they do: asking them may settle it.
    pub unverified: Missed,
}

/// Near misses of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Missed {
    /// The best, in order.
    pub hits: Vec<NearMiss>,
    /// How many there are.
    pub total: Total,
}

/// One offering that fails one criterion.
#[derive(Clone, Debug, PartialEq)]
pub struct NearMiss {
    /// As it would be found with the criterion bent: a wish in place of a requirement.
    pub hit: Hit,
    /// What would have to give, in a sentence.
    pub gives: String,
}

/// How an offering is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// At its place.
    OnSite,
    /// By telehealth or at home, for those who live in its area.
    Remote,
    /// In the student's school.
    InSchool,
}

/// What one factor adds to a score.
#[derive(Clone, Debug, PartialEq)]
pub struct Contribution {
    /// The factor.
    pub factor: Factor,
    /// In [0, 1].
    pub utility: f64,
    /// Its weight in the profile.
    pub weight: f64,
    /// `(weight / Σ weights) · utility`, over the factors that the question gives a meaning.
    pub contribution: f64,
    /// Why, in a sentence.
    pub reason: String,
}

/// Why a criterion holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The criterion.
    pub criterion: Criterion,
    /// A short sentence.
    pub text: String,
}
