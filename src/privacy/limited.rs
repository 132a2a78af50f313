//! The limited profile: what a provider sees of a student before it has accepted.
//!
//! What could harm a child — foster care, housing, newcomer status, LGBTQ+, contact with the courts, disability or an
//! IEP, coverage that betrays one of these — is matched in the server and has no place here. There is no field for it,
//! and a code that a vocabulary marks as `sensitive` cannot be held by a [`Harmless`]. Nothing says that something was
//! left out, for that would say it too.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize};

use super::signers::age_on;
use super::words::StudentField;
use crate::types::{
    AccessibilityFeature, CoverageCategory, LanguageTag, Modality, Need, Population, Practice, Tier,
    UnknownCode, codes,
};

codes! {
    /// Ages in years completed; wide enough to fit many, narrow enough to know whether a service is for them.
    AgeBand, "age band" {
        /// Below three.
        UpTo2 = "0-2",
        /// Three to five.
        From3To5 = "3-5",
        /// Six to eight.
        From6To8 = "6-8",
        /// Nine to eleven.
        From9To11 = "9-11",
        /// Twelve to fourteen.
        From12To14 = "12-14",
        /// Fifteen to seventeen.
        From15To17 = "15-17",
        /// Eighteen to twenty-one.
        From18To21 = "18-21",
        /// Older.
        From22 = "22+",
    }

    /// What kind of coverage pays, as far as that betrays nothing else. A state's own program is often one for
    /// children in foster care or new in the country, a safety net one for those whom no other plan takes, and
    /// Medicare, for a child, means a disability: none of them has a code here.
    ShownCoverage, "coverage in the limited profile" {
        /// Medicaid.
        Medicaid = "medicaid",
        /// Children's Health Insurance Program.
        Chip = "chip",
        /// Commercial insurance.
        Commercial = "commercial",
        /// TRICARE and other federal military insurance.
        Military = "military",
        /// A fee by income.
        SlidingFee = "sliding_fee",
        /// Paid by the family.
        SelfPay = "self_pay",
        /// Costs nothing.
        Free = "free",
        /// Not known, or not told.
        Unstated = "unstated",
    }

    /// How large an area is.
    AreaLevel, "level of an area" {
        /// A town.
        Town = "town",
        /// A county.
        County = "county",
        /// A region of the state.
        Region = "region",
    }
}

impl AgeBand {
    /// The band of an age in years completed; below zero it is that of the newborn.
    pub fn of(years: i16) -> Self {
        match years {
            ..=2 => Self::UpTo2,
            3..=5 => Self::From3To5,
            6..=8 => Self::From6To8,
            9..=11 => Self::From9To11,
            12..=14 => Self::From12To14,
            15..=17 => Self::From15To17,
            18..=21 => Self::From18To21,
            22.. => Self::From22,
        }
    }
}

impl From<CoverageCategory> for ShownCoverage {
    fn from(category: CoverageCategory) -> Self {
        match category {
            CoverageCategory::Medicaid => Self::Medicaid,
            CoverageCategory::Chip => Self::Chip,
            CoverageCategory::Commercial => Self::Commercial,
            CoverageCategory::Military => Self::Military,
            CoverageCategory::SlidingFee => Self::SlidingFee,
            CoverageCategory::SelfPay => Self::SelfPay,
            CoverageCategory::Free => Self::Free,
            CoverageCategory::Medicare | CoverageCategory::StateProgram | CoverageCategory::SafetyNet => {
                Self::Unstated
            }
        }
    }
}

/// A term that may be one about which nothing is to be written out as a fact about a student.
pub trait Sensitive {
    /// Whether its vocabulary marks it so.
    fn is_sensitive(&self) -> bool;
}

macro_rules! marked_in_vocabulary {
    ($($term:ty),+) => {$(
        impl Sensitive for $term {
            fn is_sensitive(&self) -> bool {
                Self::vocabulary().terms[self.index()].sensitive
            }
        }
    )+};
}

marked_in_vocabulary!(Need, Population, Practice);

/// A sign language says that somebody is deaf or hard of hearing.
impl Sensitive for LanguageTag {
    fn is_sensitive(&self) -> bool {
        Self::vocabulary().term(self.primary()).is_some_and(|term| term.sensitive)
    }
}

/// A term that is not sensitive. There is no way to make another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Harmless<T>(T);

impl<T: Sensitive> Harmless<T> {
    /// The term, unless it is sensitive.
    pub fn new(term: T) -> Option<Self> {
        (!term.is_sensitive()).then_some(Self(term))
    }

    /// Those of many that are not sensitive, each once, in a sorted order: the order of asking could tell too.
    fn among(terms: &[T]) -> Vec<Self>
    where
        T: Clone + Ord,
    {
        let mut terms = terms.to_vec();
        terms.sort();
        terms.dedup();
        terms.into_iter().filter_map(Self::new).collect()
    }
}

impl<T> Harmless<T> {
    /// The term.
    pub fn get(&self) -> &T {
        &self.0
    }
}

impl<'de, T: Sensitive + Deserialize<'de>> Deserialize<'de> for Harmless<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(T::deserialize(deserializer)?)
            .ok_or_else(|| serde::de::Error::custom("a sensitive term is no part of a limited profile"))
    }
}

/// What is known of the student and the referral, sensitive facts among it.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The date of birth.
    pub birth_date: Option<Date>,
    /// Languages that student and family speak.
    pub languages: Vec<LanguageTag>,
    /// MTSS tier of the referral.
    pub tier: Option<Tier>,
    /// What the student is to be helped with.
    pub needs: Vec<Need>,
    /// What pays.
    pub coverage: Vec<CoverageCategory>,
    /// What the referral cannot do without.
    pub pins: Pins,
    /// Where the student lives, from fine to coarse.
    pub areas: Vec<CandidateArea>,
}

/// What a referral cannot do without.
#[derive(Clone, Debug, Default)]
pub struct Pins {
    /// A language.
    pub languages: Vec<LanguageTag>,
    /// Access for people with disabilities.
    pub accessibility: Vec<AccessibilityFeature>,
    /// Whom the service is made for.
    pub populations: Vec<Population>,
    /// How they meet.
    pub modalities: Vec<Modality>,
    /// A practice.
    pub practices: Vec<Practice>,
}

/// A place that could be told, and how many enrolled students share the combination there: everything else that
/// the profile says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateArea {
    /// How large it is.
    pub level: AreaLevel,
    /// Its name.
    pub name: String,
    /// How many share it; none where there are no figures of enrolment.
    pub sharing: Option<u32>,
}

/// How many must share what is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Crowd(u32);

impl Crowd {
    /// As a deployment has it that says nothing else.
    pub const DEFAULT: Self = Self(10);

    /// So many; none below six.
    pub fn new(students: u32) -> Option<Self> {
        const FEWEST: u32 = 6;
        (students >= FEWEST).then_some(Self(students))
    }
}

/// Where the student lives, as far as enough others share it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// How large it is.
    pub level: AreaLevel,
    /// Its name.
    pub name: String,
}

/// What a provider sees of a student before it has accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitedProfile {
    /// A band of ages, never the age.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub age_band: Option<AgeBand>,
    /// Languages that student and family speak.
    #[schema(value_type = Vec<LanguageTag>)]
    pub languages: Vec<Harmless<LanguageTag>>,
    /// MTSS tier of the referral.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tier: Option<Tier>,
    /// What the student is to be helped with.
    #[schema(value_type = Vec<Need>)]
    pub needs: Vec<Harmless<Need>>,
    /// What pays. Never empty: `unstated` where nothing is told.
    pub coverage: Vec<ShownCoverage>,
    /// What the referral cannot do without.
    pub requirements: Requirements,
    /// Where the student lives; none where too few share even the largest area.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub area: Option<Area>,
}

/// What a referral cannot do without, as far as it may be told. Access for people with disabilities is matched in
/// the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Requirements {
    /// A language.
    #[schema(value_type = Vec<LanguageTag>)]
    pub languages: Vec<Harmless<LanguageTag>>,
    /// Whom the service is made for.
    #[schema(value_type = Vec<Population>)]
    pub populations: Vec<Harmless<Population>>,
    /// How they meet.
    pub modalities: Vec<Modality>,
    /// A practice.
    #[schema(value_type = Vec<Practice>)]
    pub practices: Vec<Harmless<Practice>>,
}

impl LimitedProfile {
    /// What of this may be told on that day, where at least so many must share it.
    pub fn of(known: &Known, today: Date, crowd: Crowd) -> Self {
        let Known { birth_date, languages, tier, needs, coverage, pins, areas } = known;
        let Pins { languages: pinned, accessibility: _, populations, modalities, practices } = pins;
        let mut modalities = modalities.clone();
        modalities.sort_unstable();
        modalities.dedup();
        Self {
            age_band: birth_date.map(|birth| AgeBand::of(age_on(birth, today))),
            languages: Harmless::among(languages),
            tier: *tier,
            needs: Harmless::among(needs),
            coverage: shown_coverage(coverage),
            requirements: Requirements {
                languages: Harmless::among(pinned),
                populations: Harmless::among(populations),
                modalities,
                practices: Harmless::among(practices),
            },
            area: area(areas, crowd),
        }
    }
}

impl LimitedProfile {
    /// The fields that say something.
    pub fn fields(&self) -> Vec<StudentField> {
        let Self { age_band, languages, tier, needs, coverage: _, requirements, area } = self;
        let Requirements { languages: pinned, populations, modalities, practices } = requirements;
        let is_pinned =
            !(pinned.is_empty() && populations.is_empty() && modalities.is_empty() && practices.is_empty());
        [
            age_band.is_some().then_some(StudentField::AgeBand),
            (!languages.is_empty()).then_some(StudentField::Languages),
            tier.is_some().then_some(StudentField::Tier),
            (!needs.is_empty()).then_some(StudentField::Needs),
            Some(StudentField::CoverageCategory),
            is_pinned.then_some(StudentField::Requirements),
            area.is_some().then_some(StudentField::Area),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Whoever has Medicaid and a program that betrays something looks like whoever has Medicaid.
fn shown_coverage(categories: &[CoverageCategory]) -> Vec<ShownCoverage> {
    let mut shown: Vec<ShownCoverage> = categories.iter().map(|category| (*category).into()).collect();
    shown.retain(|coverage| *coverage != ShownCoverage::Unstated);
    shown.sort_unstable();
    shown.dedup();
    if shown.is_empty() { vec![ShownCoverage::Unstated] } else { shown }
}

/// The finest area that enough share; a county without figures counts as one. No other does: what is not known is
/// not enough.
fn area(candidates: &[CandidateArea], Crowd(fewest): Crowd) -> Option<Area> {
    let shared = |candidate: &&CandidateArea| match candidate.sharing {
        Some(students) => students >= fewest,
        None => candidate.level == AreaLevel::County,
    };
    let finest = candidates.iter().filter(shared).min_by_key(|candidate| candidate.level)?;
    Some(Area { level: finest.level, name: finest.name.clone() })
}
