//! Near misses: what would be found if one rule gave way.
//!
//! An offering misses a criterion nearly if it holds everything else that is required and not this. That is
//! an answer to the same question with the criterion *bent*: no longer required, but, where it can be one, a
//! wish. So near misses are found by the same search, once for each criterion, past what holds the question
//! as it was asked (`docs/decisions/0016-near-misses.md`).

use super::answer::{Missed, NearMiss, NearMisses};
use super::explain::Explainer;
use super::gives::Gives;
use super::index::Index;
use super::page::Search;
use super::question::{Ask, Question, Sort};
use super::ranking::RankingProfile;
use super::search::{self, List};
use crate::types::{Criterion, Truth};

impl Index {
    /// For each criterion that a question requires, the best offerings that fail it alone: up to `limit`
    /// that are stated not to hold it, and up to `limit` of which nobody has said. Criteria that nothing
    /// misses nearly are left out; the order is that of [`Criterion::ALL`].
    pub fn near_misses(
        &self,
        question: &Question,
        profile: &RankingProfile,
        limit: usize,
    ) -> Vec<NearMisses> {
        let original = self.resolve(question);
        let missed = |criterion| {
            let bent = bend(question, criterion)?;
            let asked = match criterion {
                Criterion::Restriction => self.resolve(&bent).without_restriction(),
                _ => self.resolve(&bent),
            };
            let scoring = self.scoring(&asked, Sort::Match, profile);
            let search = Search { limit, ..Search::new(&bent) };
            let [mismatch, unverified] = search::misses(self, &search, &asked, &scoring, &original);
            let explainer = Explainer::new(&asked, &scoring, self.languages(), true);
            let gives = Gives { criterion, original: &original, languages: self.languages() };
            let shown = |(found, total): List<'_>, truth| Missed {
                hits: found
                    .iter()
                    .map(|found| NearMiss {
                        hit: explainer.hit(found),
                        gives: gives.sentence(found.leaf, &found.reach, truth),
                    })
                    .collect(),
                total,
            };
            let mismatch = shown(mismatch, Truth::No);
            let unverified = shown(unverified, Truth::Unknown);
            let are_none = mismatch.total.value == 0 && unverified.total.value == 0;
            (!are_none).then_some(NearMisses { criterion, mismatch, unverified })
        };
        Criterion::ALL.iter().filter_map(|criterion| missed(*criterion)).collect()
    }
}

/// The same question with one criterion bent; none where it does not require it. The place may then be as far
/// as a search may go at all. A school or an area that it is restricted to is no part of the question: without
/// it the question stays as it is.
pub(super) fn bend(question: &Question, criterion: Criterion) -> Option<Question> {
    let mut bent = question.clone();
    let (required, preferred) = (&mut bent.required, &mut bent.preferred);
    match criterion {
        Criterion::Location => {
            if bent.radius_km >= Question::MAX_RADIUS_KM {
                return None;
            }
            bent.radius_km = Question::MAX_RADIUS_KM;
        }
        Criterion::Language => preferred.languages = into_wishes(required.language.take()?.tags),
        Criterion::Tier => drop(required.tier.take()?),
        Criterion::Coverage => drop(required.coverage.take()?),
        Criterion::Need => add_wishes(&mut preferred.needs, required.need.take()?),
        Criterion::Age => {
            required.age.take()?;
        }
        Criterion::Modality => add_wishes(&mut preferred.modalities, required.modality.take()?),
        Criterion::Population => add_wishes(&mut preferred.populations, required.population.take()?),
        Criterion::Practice => add_wishes(&mut preferred.practices, required.practice.take()?),
        Criterion::Schedule => add_wishes(&mut preferred.schedules, required.schedule.take()?),
        Criterion::Accessibility => add_wishes(&mut preferred.accessibility, required.accessibility.take()?),
        Criterion::Availability => {
            let (ask, longest) = (required.availability.take(), bent.max_wait_days.take());
            if ask.is_none() && longest.is_none() {
                return None;
            }
        }
        Criterion::Restriction => {}
    }
    Some(bent)
}

fn into_wishes<T>(ask: Ask<T>) -> Vec<T> {
    match ask {
        Ask::AnyOf(values) | Ask::AllOf(values) => values,
    }
}

fn add_wishes<T: PartialEq>(wishes: &mut Vec<T>, ask: Ask<T>) {
    for value in into_wishes(ask) {
        if !wishes.contains(&value) {
            wishes.push(value);
        }
    }
}
