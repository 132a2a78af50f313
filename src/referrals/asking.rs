//! The question that a referral comes to, and who answers it.

use jiff::Timestamp;
use jiff::civil::Date;

use super::model::{Candidate, NeedProfile, Pins};
use crate::error::{FieldError, Result};
use crate::finder::need::{NeedProfile as Asked, OriginAsk};
use crate::finder::{Ask, CoverageAsk, Criteria, Hit, LanguageAsk, Question, Sort, Urgency};
use crate::store::DbConnection;
use crate::students::StudentFacts;
use crate::types::{AgeRange, Audience, OfferingId};

/// The finder, as far as referrals ask it.
pub trait Matcher: Send + Sync {
    /// Whether an offering is said to hold each of these criteria at `now`, from wherever it is asked.
    fn holds(&self, offering: OfferingId, required: &Criteria, now: Timestamp) -> bool;
    /// The best for a question, with their reasons.
    fn best(&self, question: &Question, limit: usize) -> Vec<Hit>;
}

/// What a referral asks the finder at `now`. What the need leaves out of origin, age and coverage is the student's own.
///
/// # Errors
/// [`crate::error::Error::Invalid`] if no place to start from is known; if the database fails.
pub(super) fn question(
    connection: &mut DbConnection,
    need: &NeedProfile,
    pins: &Pins,
    student: &StudentFacts,
    urgency: Urgency,
    today: Date,
    now: Timestamp,
) -> Result<Question> {
    // They were read when the referral was made, and found right.
    let mut faults = Vec::new();
    let (mut required, max_wait_days) = need.required.clone().read(&mut faults);
    let preferred = need.preferred.clone().read(&mut faults);
    required.age = required.age.or_else(|| age(student, today));
    required.coverage = required.coverage.or_else(|| coverage(student));
    pinned(pins, &mut required);
    let asked = Asked {
        origin: origin(&need.origin, student),
        radius_km: need.radius_km.unwrap_or(Question::DEFAULT_RADIUS_KM),
        audience: vec![Audience::Students],
        words: None,
        required,
        preferred,
        urgency,
        max_wait_days,
        sort: Sort::Match,
    };
    asked.resolve(connection, in_origin, now)
}

fn in_origin(name: &str, message: String) -> FieldError {
    FieldError::body(format!("/need/origin/{name}"), message)
}

fn origin(asked: &OriginAsk, student: &StudentFacts) -> OriginAsk {
    let home = student.address.as_ref().and_then(|address| address.postal_code);
    let mut origin = asked.clone();
    let is_given = origin.near.is_some() || origin.postal_code.is_some() || origin.town.is_some();
    if origin.school.is_none() {
        origin.school = student.school_id.map(|school| school.to_string());
    }
    if origin.residence.is_none() {
        origin.residence = home.map(crate::finder::need::HomeAsk::PostalCode);
    }
    if !is_given && asked.school.is_none() {
        origin.postal_code = home;
    }
    origin
}

fn age(student: &StudentFacts, today: Date) -> Option<AgeRange> {
    const DAYS_OF_A_YEAR: f64 = 365.2425;
    let days = today.since(student.birth_date).ok()?.get_days();
    AgeRange::exactly(f64::from(days) / DAYS_OF_A_YEAR)
}

fn coverage(student: &StudentFacts) -> Option<Ask<CoverageAsk>> {
    let asked = student.coverages.iter().map(|coverage| match coverage.insurance_plan_id {
        Some(plan) => CoverageAsk::Plan(plan),
        None => CoverageAsk::Category(coverage.category),
    });
    let asked: Vec<_> = asked.collect();
    (!asked.is_empty()).then_some(Ask::AnyOf(asked))
}

/// What is pinned must hold, all of it, whatever else was asked of the same criterion.
fn pinned(pins: &Pins, required: &mut Criteria) {
    let Pins { languages, accessibility, populations, modalities, practices } = pins;
    if !languages.is_empty() {
        required.language = Some(LanguageAsk { tags: Ask::AllOf(languages.clone()), mode: None });
    }
    if !accessibility.is_empty() {
        required.accessibility = Some(Ask::AllOf(accessibility.clone()));
    }
    if !populations.is_empty() {
        required.population = Some(Ask::AllOf(populations.clone()));
    }
    if !modalities.is_empty() {
        required.modality = Some(Ask::AllOf(modalities.clone()));
    }
    if !practices.is_empty() {
        required.practice = Some(Ask::AllOf(practices.clone()));
    }
}

/// Whether an offering holds everything that is pinned. One that the finder does not have holds nothing.
pub(super) fn holds(finder: &dyn Matcher, offering: OfferingId, pins: &Pins, now: Timestamp) -> bool {
    let mut required = Criteria::default();
    pinned(pins, &mut required);
    pins.is_empty() || finder.holds(offering, &required, now)
}

/// A candidate that the finder named, and why.
pub(super) fn candidate(hit: Hit) -> (Candidate, Vec<String>) {
    let candidate = Candidate { score: Some(hit.score), ..Candidate::chosen(hit.offering) };
    (candidate, hit.reasons.into_iter().map(|reason| reason.text).collect())
}

impl Candidate {
    /// One that somebody chose.
    pub(super) fn chosen(offering_id: OfferingId) -> Self {
        Self { offering_id, score: None, reasons: Vec::new(), offer_id: None, passed_over: None }
    }

    /// Whether it can still be asked.
    pub(super) fn is_left(&self) -> bool {
        self.offer_id.is_none() && self.passed_over.is_none()
    }
}

impl Pins {
    /// These and those.
    pub(super) fn with(&self, more: &Self) -> Self {
        fn joined<T: Clone + PartialEq>(all: &[T], more: &[T]) -> Vec<T> {
            let new = more.iter().filter(|value| !all.contains(value));
            all.iter().chain(new).cloned().collect()
        }
        Self {
            languages: joined(&self.languages, &more.languages),
            accessibility: joined(&self.accessibility, &more.accessibility),
            populations: joined(&self.populations, &more.populations),
            modalities: joined(&self.modalities, &more.modalities),
            practices: joined(&self.practices, &more.practices),
        }
    }

    /// These without those.
    pub(super) fn without(&self, fewer: &Self) -> Self {
        fn left<T: Clone + PartialEq>(all: &[T], fewer: &[T]) -> Vec<T> {
            all.iter().filter(|value| !fewer.contains(value)).cloned().collect()
        }
        Self {
            languages: left(&self.languages, &fewer.languages),
            accessibility: left(&self.accessibility, &fewer.accessibility),
            populations: left(&self.populations, &fewer.populations),
            modalities: left(&self.modalities, &fewer.modalities),
            practices: left(&self.practices, &fewer.practices),
        }
    }
}
