//! Criteria as a body has them.

use serde::{Deserialize, Serialize};

use super::MOST_VALUES;
use crate::error::FieldError;
use crate::finder::question::{
    Ask, AvailabilityAsk, CoverageAsk, Criteria, LanguageAsk, Preferred, Question,
};
use crate::types::{
    AccessibilityFeature, AgeRange, CoverageCategory, Grade, InsurancePlanId, LanguageMode, LanguageTag,
    Modality, Need, Population, Practice, ScheduleKind, Tier,
};

/// Values of one criterion: any or all of them must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Values<T> {
    /// At least one.
    AnyOf(Vec<T>),
    /// Each.
    AllOf(Vec<T>),
}

impl<T> Values<T> {
    /// The values, whichever way they are asked.
    pub fn values(&self) -> &[T] {
        match self {
            Self::AnyOf(values) | Self::AllOf(values) => values,
        }
    }
}

/// What must hold. Nobody having said so is not enough.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequiredCriteria {
    /// Languages, as BCP 47 tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub languages: Option<Values<LanguageTag>>,
    /// Who bridges the language; either, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub language_mode: Option<LanguageMode>,
    /// MTSS tiers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tiers: Option<Values<Tier>>,
    /// What pays: categories of coverage, or ids of insurance plans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub coverages: Option<Values<CoverageText>>,
    /// Presenting concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub needs: Option<Values<Need>>,
    /// The student's age in years; may be fractional.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0, exclusive_maximum = 130)]
    pub age: Option<f64>,
    /// The student's grade, instead of an age.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub grade: Option<Grade>,
    /// How they meet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub modalities: Option<Values<Modality>>,
    /// Whom it must be made for or competent with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub populations: Option<Values<Population>>,
    /// Evidence-based practices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub practices: Option<Values<Practice>>,
    /// When it can be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub schedules: Option<Values<ScheduleKind>>,
    /// Access for people with disabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub accessibility: Option<Values<AccessibilityFeature>>,
    /// `open`: one can start; `waitlist`: one can start or wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub availability: Option<AvailabilityAsk>,
    /// The longest expected wait, in days: half of those who join now start within them (`p50`), or the date from
    /// which one can start lies within them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0)]
    pub max_wait_days: Option<f64>,
}

/// What ranks and never filters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PreferredCriteria {
    /// Languages.
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

/// Reads one criterion; asking for none of nothing is a slip.
fn ask<T>(name: &str, values: Option<Values<T>>, faults: &mut Vec<FieldError>) -> Option<Ask<T>> {
    let (which, ask) = match values? {
        Values::AnyOf(values) => ("any_of", Ask::AnyOf(values)),
        Values::AllOf(values) => ("all_of", Ask::AllOf(values)),
    };
    if ask.values().len() > MOST_VALUES {
        let message = format!("has {} values; at most {MOST_VALUES} are read", ask.values().len());
        faults.push(FieldError::body(format!("/required/{name}/{which}"), message));
    }
    if ask.values().is_empty() {
        let message = "is empty; leave the criterion out where it does not matter";
        faults.push(FieldError::body(format!("/required/{name}/{which}"), message));
    }
    Some(ask)
}

impl RequiredCriteria {
    /// The criteria, and the longest wait in days. Adds what is wrong with them to `faults`.
    pub fn read(self, faults: &mut Vec<FieldError>) -> (Criteria, Option<f64>) {
        let mut fault =
            |name: &str, message: &str| faults.push(FieldError::body(format!("/required/{name}"), message));
        let age = match (self.age, self.grade) {
            (Some(_), Some(_)) => {
                fault("grade", "contradicts age: give one of them");
                None
            }
            (Some(years), None) => {
                let range = AgeRange::exactly(years);
                if range.is_none() {
                    fault("age", &format!("{years} is not an age from 0 up to 130 years"));
                }
                range
            }
            (None, grade) => grade.map(Grade::ages),
        };
        if self.language_mode.is_some() && self.languages.is_none() {
            fault("language_mode", "says who bridges a language, and none is asked for; add languages");
        }
        if self.max_wait_days.is_some_and(|days| days < 0.0) {
            fault("max_wait_days", "must not be negative");
        }
        let coverage = ask("coverages", self.coverages, faults).map(|asked| asked.map(|text| text.0));
        let criteria = Criteria {
            language: ask("languages", self.languages, faults)
                .map(|tags| LanguageAsk { tags, mode: self.language_mode }),
            tier: ask("tiers", self.tiers, faults),
            coverage,
            need: ask("needs", self.needs, faults),
            age,
            modality: ask("modalities", self.modalities, faults),
            population: ask("populations", self.populations, faults),
            practice: ask("practices", self.practices, faults),
            schedule: ask("schedules", self.schedules, faults),
            accessibility: ask("accessibility", self.accessibility, faults),
            availability: self.availability,
        };
        (criteria, self.max_wait_days)
    }
}

impl PreferredCriteria {
    /// The wishes. Adds what is wrong with them to `faults`.
    pub fn read(self, faults: &mut Vec<FieldError>) -> Preferred {
        let Self { languages, needs, populations, practices, modalities, schedules, accessibility } = self;
        for (name, count) in [
            ("languages", languages.len()),
            ("needs", needs.len()),
            ("populations", populations.len()),
            ("practices", practices.len()),
            ("modalities", modalities.len()),
            ("schedules", schedules.len()),
            ("accessibility", accessibility.len()),
        ] {
            if count > MOST_VALUES {
                let message = format!("has {count} values; at most {MOST_VALUES} are read");
                faults.push(FieldError::body(format!("/preferred/{name}"), message));
            }
        }
        Preferred { languages, needs, populations, practices, modalities, schedules, accessibility }
    }
}

/// A category, or the id of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "medicaid")]
pub struct CoverageText(pub CoverageAsk);

impl std::str::FromStr for CoverageText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(plan) = text.parse::<InsurancePlanId>() {
            return Ok(Self(CoverageAsk::Plan(plan)));
        }
        match text.parse::<CoverageCategory>() {
            Ok(category) => Ok(Self(CoverageAsk::Category(category))),
            Err(unknown) => {
                let known =
                    CoverageCategory::ALL.iter().map(|category| (category.as_str(), category.as_str()));
                let near = crate::types::near_spellings(text, known);
                Err(match near.first() {
                    Some(near) => format!("{unknown}, or the id of an insurance plan; did you mean {near}?"),
                    None => format!("{unknown}, or the id of an insurance plan"),
                })
            }
        }
    }
}

impl From<CoverageText> for String {
    fn from(CoverageText(asked): CoverageText) -> Self {
        match asked {
            CoverageAsk::Category(category) => category.to_string(),
            CoverageAsk::Plan(plan) => plan.to_string(),
        }
    }
}

impl TryFrom<String> for CoverageText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// What is wrong with a radius.
pub fn radius_problem(radius_km: f64) -> Option<String> {
    let most = Question::MAX_RADIUS_KM;
    (!(0.0..=most).contains(&radius_km)).then(|| format!("{radius_km} is not from 0 to {most} km"))
}
