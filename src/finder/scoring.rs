//! The utility of each factor: of a leaf exactly, of a node as a bound that no leaf below exceeds.

use super::eligibility::{Asked, Reach, Via, language_truth};
use super::envelope::FacetEnvelope;
use super::facets::{self, Facet, FacetValue, SetAsk};
use super::interner::{Languages, MetBy};
use super::leaf::Leaf;
use super::page::SortKey;
use super::question::{Ask, Preferred, Question, Sort};
use super::ranking::{self, Factor, RankingProfile, Weighing};
use super::text::AskedWords;
use super::wait;
use crate::types::{Criterion, LanguageMode, Truth, chord_2_to_km};

/// What a question prefers, resolved, and how its profile weighs it.
pub(super) struct Scoring<'a> {
    pub(super) weighing: Weighing,
    pub(super) wishes: Vec<SetAsk>,
    /// Preferred languages, where none is required.
    pub(super) languages: Vec<MetBy>,
    asked: &'a Asked<'a>,
    sort: Sort,
}

/// A node's travel: what is below comes without any, or is at least this far (squared chord).
#[derive(Clone, Copy, Debug)]
pub(super) enum Travel {
    None,
    AtLeast(f64),
}

impl<'a> Scoring<'a> {
    pub(super) fn new(
        asked: &'a Asked<'a>,
        sort: Sort,
        profile: &RankingProfile,
        languages: &Languages,
    ) -> Self {
        let question = asked.question;
        let preferred = match &question.required.language {
            Some(_) => Vec::new(),
            None => question.preferred.languages.iter().map(|tag| languages.met_by(tag)).collect(),
        };
        let wishes = wishes(question);
        let has_meaning = |factor| match factor {
            Factor::Language => asked.language.is_some() || !preferred.is_empty(),
            Factor::Fit => !wishes.is_empty(),
            Factor::Relationship => question.school.is_some() || !question.districts.is_empty(),
            Factor::Words => asked.words.is_some(),
            Factor::TimeToCare | Factor::Travel | Factor::Reliability | Factor::Confirmation => true,
        };
        let weighing = Weighing::new(profile, question.urgency, has_meaning);
        Self { weighing, wishes, languages: preferred, asked, sort }
    }

    /// The place of a leaf in the order asked for.
    pub(super) fn key(&self, leaf: &Leaf, reach: &Reach) -> SortKey {
        let place = match self.sort {
            Sort::Match => -self.weighing.score(|factor| self.utility(factor, leaf, reach)),
            Sort::Distance => reach.km.unwrap_or(f64::INFINITY),
            Sort::Wait => wait::rank(leaf.expected_wait(&self.asked.moment)),
        };
        SortKey::new(place, leaf.offering)
    }

    /// A place in the order that no leaf below comes before.
    pub(super) fn bound(&self, envelope: &FacetEnvelope, travel: Travel) -> SortKey {
        let summary = &envelope.summary;
        let moment = &self.asked.moment;
        let place = match self.sort {
            Sort::Match => -self.weighing.score(|factor| match factor {
                Factor::TimeToCare => self.weighing.best_of_wait(summary.shortest_wait(moment)),
                Factor::Travel => match travel {
                    Travel::None => 1.0,
                    Travel::AtLeast(chord_2) => best_travel(envelope, chord_2),
                },
                Factor::Language => self.best_language(envelope),
                Factor::Fit => self.share(|wish| wish.may_hold(&summary.facets)),
                Factor::Relationship => one_if(summary.facets.word(Facet::Closed) & facets::PARTNERED != 0),
                Factor::Reliability => summary.reliability,
                Factor::Confirmation => {
                    let age =
                        summary.newest_report(moment).map(|second| moment.second.saturating_sub(second));
                    ranking::of_confirmation(summary.best_grain(), age)
                }
                Factor::Words => self.asked.words.as_ref().map_or(0.0, AskedWords::best),
            }),
            Sort::Distance => {
                let chord_2 = match travel {
                    Travel::None => envelope.chord_2_from(&self.asked.origin),
                    Travel::AtLeast(chord_2) => chord_2,
                };
                least_km(envelope, chord_2)
            }
            Sort::Wait => summary.shortest_wait(moment).unwrap_or(wait::UNKNOWN_RANK),
        };
        SortKey::new(place, summary.first)
    }

    /// The utility of one factor for a leaf.
    pub(super) fn utility(&self, factor: Factor, leaf: &Leaf, reach: &Reach) -> f64 {
        let moment = &self.asked.moment;
        match factor {
            Factor::TimeToCare => self.weighing.of_wait(leaf.expected_wait(moment)),
            Factor::Travel => ranking::of_travel(travel_minutes(reach)),
            Factor::Language => self.language(leaf),
            Factor::Fit => self.share(|wish| grants(wish, leaf)),
            Factor::Relationship => one_if(self.asked.partner_truth(leaf) == Truth::Yes),
            Factor::Reliability => leaf.reliability(),
            Factor::Confirmation => {
                let live = leaf.statement.as_deref().filter(|statement| statement.is_live(moment));
                let age = live.map(|said| moment.second.saturating_sub(said.reported_at.as_second()));
                ranking::of_confirmation(leaf.grain, age)
            }
            Factor::Words => self.asked.words.as_ref().map_or(0.0, |words| words.utility(leaf.slot)),
        }
    }

    fn share(&self, is_met: impl Fn(&SetAsk) -> bool) -> f64 {
        let met = self.wishes.iter().filter(|wish| is_met(wish)).count();
        // Counts of wishes are small: exact as floating point.
        met as f64 / self.wishes.len().max(1) as f64
    }

    fn language(&self, leaf: &Leaf) -> f64 {
        let offers = |met: &MetBy, mode| met.yes.meets(&leaf.facets, leaf.beyond(), Facet::of_language(mode));
        match &self.asked.language {
            Some(required) => {
                over_tags(&required.tags, |met| best_mode(required.modes(), |mode| offers(met, mode)))
            }
            None => best(self.languages.iter().map(|met| match language_truth(met, None, leaf) {
                Truth::Yes => best_mode(BOTH_MODES, |mode| offers(met, mode)),
                Truth::Unknown => ranking::LANGUAGE_UNKNOWN,
                Truth::No => 0.0,
            })),
        }
    }

    fn best_language(&self, envelope: &FacetEnvelope) -> f64 {
        let facets = &envelope.summary.facets;
        let may_offer = |met: &MetBy, mode| met.yes.may_meet(facets, Facet::of_language(mode));
        match &self.asked.language {
            Some(required) => {
                over_tags(&required.tags, |met| best_mode(required.modes(), |mode| may_offer(met, mode)))
            }
            None => best(self.languages.iter().map(|met| {
                best_mode(BOTH_MODES, |mode| may_offer(met, mode)).max(ranking::LANGUAGE_UNKNOWN)
            })),
        }
    }
}

/// Whether a leaf grants a wish.
pub(super) fn grants(wish: &SetAsk, leaf: &Leaf) -> bool {
    wish.truth(&leaf.facets, leaf.beyond(), leaf.open_bits(wish.criterion)) == Truth::Yes
}

const BOTH_MODES: &[LanguageMode] = &[LanguageMode::Provider, LanguageMode::Interpreter];

/// Minutes to where it is given: none where it comes to the student.
pub(super) fn travel_minutes(reach: &Reach) -> f64 {
    match (reach.via, reach.km) {
        (Some(Via::Place), Some(km)) => ranking::travel_minutes(km),
        _ => 0.0,
    }
}

fn wishes(question: &Question) -> Vec<SetAsk> {
    // Without `..`, so that a new wish cannot be forgotten here.
    let Preferred { languages: _, needs, populations, practices, modalities, schedules, accessibility } =
        &question.preferred;
    let mut wishes = Vec::new();
    wish(&mut wishes, Criterion::Need, needs);
    wish(&mut wishes, Criterion::Population, populations);
    wish(&mut wishes, Criterion::Practice, practices);
    wish(&mut wishes, Criterion::Modality, modalities);
    wish(&mut wishes, Criterion::Schedule, schedules);
    wish(&mut wishes, Criterion::Accessibility, accessibility);
    wishes
}

fn wish<T: FacetValue>(wishes: &mut Vec<SetAsk>, criterion: Criterion, values: &[T]) {
    wishes.extend(values.iter().map(|value| SetAsk::new(criterion, &Ask::AnyOf(vec![*value]))));
}

fn one_if(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

fn best(utilities: impl Iterator<Item = f64>) -> f64 {
    utilities.fold(0.0, f64::max)
}

fn best_mode(modes: &[LanguageMode], offers: impl Fn(LanguageMode) -> bool) -> f64 {
    best(modes.iter().filter(|mode| offers(**mode)).map(|mode| ranking::of_language_mode(*mode)))
}

/// Of several languages that are all required, the one that is bridged worst counts.
fn over_tags(tags: &Ask<MetBy>, of: impl Fn(&MetBy) -> f64) -> f64 {
    match tags {
        Ask::AnyOf(tags) => best(tags.iter().map(of)),
        Ask::AllOf(tags) => tags.iter().map(of).fold(1.0, f64::min),
    }
}

fn best_travel(envelope: &FacetEnvelope, chord_2: f64) -> f64 {
    let minutes = ranking::travel_minutes(least_km(envelope, chord_2));
    // One point is as far as its leaves, to the last bit: their ties stay ties.
    if envelope.is_point() { ranking::of_travel(minutes) } else { ranking::best_of_travel(minutes) }
}

/// Kilometres that nothing in the envelope is nearer than. `asin` is not promised to be monotone to the last
/// bit, hence a little less, except where all is at one point.
fn least_km(envelope: &FacetEnvelope, chord_2: f64) -> f64 {
    let km = chord_2_to_km(chord_2);
    if envelope.is_point() { km } else { km * (1.0 - 1e-12) }
}
