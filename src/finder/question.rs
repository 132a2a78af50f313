//! What is asked: where from, what is required, what is preferred, and when.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::text::Words;
use crate::types::{
    AccessibilityFeature, AgeRange, Audience, Coordinates, CoverageCategory, DistrictId, InsurancePlanId,
    LanguageMode, LanguageTag, Modality, Need, Population, PostalCode, Practice, ScheduleKind, SchoolId,
    Tier, Truth,
};

/// One question to the finder.
///
/// Within one required criterion the values of an [`Ask`] say whether any or all must hold; across criteria
/// everything must hold. The caller validates the radius; whatever number it is, nothing here panics.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Where travel starts.
    pub origin: Coordinates,
    /// How far a place may be from the origin, in great-circle kilometres; that distance itself is inside.
    pub radius_km: f64,
    /// Where the student lives; decides service areas.
    pub residence: Residence,
    /// The student's school; decides what is restricted to schools, and what is given in them.
    pub school: Option<SchoolId>,
    /// The school's district, then the collaboratives that it belongs to; decide which agreements cover the
    /// student.
    pub districts: Vec<DistrictId>,
    /// Whom the service must be for: any of these. Empty asks for nobody and finds nothing.
    pub audience: Vec<Audience>,
    /// Words that must be written of the offering, each somewhere; they rank too.
    pub words: Option<Words>,
    /// Criteria that must hold.
    pub required: Criteria,
    /// Wishes that rank and never filter.
    pub preferred: Preferred,
    /// How quickly care is needed; sets how fast the utility of waiting decays.
    pub urgency: Urgency,
    /// The longest [expected wait](crate::availability::ExpectedWait::days) in days, itself included; part of the
    /// availability criterion.
    pub max_wait_days: Option<f64>,
    /// The instant at which claims are live or lapsed and plans in effect. All pages of one answer share it.
    pub now: Timestamp,
}

impl Question {
    /// The radius in kilometres where none is asked for.
    pub const DEFAULT_RADIUS_KM: f64 = 50.0;
    /// The largest radius in kilometres that a caller may ask for.
    pub const MAX_RADIUS_KM: f64 = 500.0;

    /// What serves students within the default radius of `origin`, at `now`; nothing else is required.
    pub fn near(origin: Coordinates, now: Timestamp) -> Self {
        Self {
            origin,
            radius_km: Self::DEFAULT_RADIUS_KM,
            residence: Residence::default(),
            school: None,
            districts: Vec::new(),
            audience: vec![Audience::Students],
            words: None,
            required: Criteria::default(),
            preferred: Preferred::default(),
            urgency: Urgency::Routine,
            max_wait_days: None,
            now,
        }
    }
}

/// Where a student lives, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Residence {
    /// ZIP code.
    pub postal_code: Option<PostalCode>,
    /// Town; it counts only together with the state.
    pub town: Option<String>,
    /// County, without the word "County"; it counts only together with the state.
    pub county: Option<String>,
    /// Two-letter state.
    pub state: Option<String>,
    /// The point that stands for it; decides areas that are drawn.
    pub at: Option<Coordinates>,
    /// Whether nobody said so and the origin was taken for it.
    pub assumed: bool,
}

/// Values of one criterion, and whether any or all of them must hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask<T> {
    /// At least one must hold; of nothing, none does.
    AnyOf(Vec<T>),
    /// Each must hold; of nothing, all do.
    AllOf(Vec<T>),
}

impl<T> Ask<T> {
    /// The values, whichever way they are asked.
    pub fn values(&self) -> &[T] {
        match self {
            Self::AnyOf(values) | Self::AllOf(values) => values,
        }
    }

    /// The truth of the whole from the truth of each value.
    pub fn truth(&self, of: impl FnMut(&T) -> Truth) -> Truth {
        match self {
            Self::AnyOf(values) => Truth::any(values.iter().map(of)),
            Self::AllOf(values) => Truth::all(values.iter().map(of)),
        }
    }

    /// The same question about other values.
    pub fn map<U>(&self, of: impl FnMut(&T) -> U) -> Ask<U> {
        match self {
            Self::AnyOf(values) => Ask::AnyOf(values.iter().map(of).collect()),
            Self::AllOf(values) => Ask::AllOf(values.iter().map(of).collect()),
        }
    }
}

/// Required languages.
#[derive(Clone, Debug, PartialEq)]
pub struct LanguageAsk {
    /// The tags; a wide one is met by its members ([`LanguageTag::is_met_by`]).
    pub tags: Ask<LanguageTag>,
    /// Who must bridge the language; none for either.
    pub mode: Option<LanguageMode>,
}

/// What should pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoverageAsk {
    /// Any coverage of this category.
    Category(CoverageCategory),
    /// This plan.
    Plan(InsurancePlanId),
}

/// Whether one must be able to start, or may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AvailabilityAsk {
    /// There are openings, and not all of them are promised.
    Open,
    /// There are openings, or one can wait for one.
    Waitlist,
}

/// Required criteria; none where absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Criteria {
    /// Languages.
    pub language: Option<LanguageAsk>,
    /// MTSS tiers.
    pub tier: Option<Ask<Tier>>,
    /// What pays.
    pub coverage: Option<Ask<CoverageAsk>>,
    /// Presenting concerns.
    pub need: Option<Ask<Need>>,
    /// Ages, the whole range of which must be accepted.
    pub age: Option<AgeRange>,
    /// How they meet. Also limits the ways by which an offering is reached without travel.
    pub modality: Option<Ask<Modality>>,
    /// Whom it must be made for or competent with.
    pub population: Option<Ask<Population>>,
    /// Evidence-based practices.
    pub practice: Option<Ask<Practice>>,
    /// When it can be had.
    pub schedule: Option<Ask<ScheduleKind>>,
    /// Access for people with disabilities.
    pub accessibility: Option<Ask<AccessibilityFeature>>,
    /// Whether one can start or wait.
    pub availability: Option<AvailabilityAsk>,
}

/// Wishes. Languages feed the factor `language` where none is required; the others share `fit` equally.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preferred {
    /// Any of these languages.
    pub languages: Vec<LanguageTag>,
    /// Presenting concerns.
    pub needs: Vec<Need>,
    /// Whom it should be made for or competent with.
    pub populations: Vec<Population>,
    /// Evidence-based practices.
    pub practices: Vec<Practice>,
    /// How they would like to meet.
    pub modalities: Vec<Modality>,
    /// When they would like to.
    pub schedules: Vec<ScheduleKind>,
    /// Access that would help.
    pub accessibility: Vec<AccessibilityFeature>,
}

/// How quickly care is needed. Imminent risk is no urgency: it does not wait for a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// Within weeks.
    #[default]
    Routine,
    /// Within days.
    Urgent,
}

/// The order of an answer; ties go by offering id, ascending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// Best score first.
    #[default]
    Match,
    /// Nearest place first; offerings without a place last.
    Distance,
    /// Shortest expected wait first (by its median), then unknown ones, then unstable lists, then those that take
    /// nobody.
    Wait,
}
