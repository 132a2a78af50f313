//! What would have to give for a near miss, in a sentence for a coordinator: what there is, and what was
//! asked for.

use super::eligibility::{Asked, Reach};
use super::explain::{count, language_name, modality_name, name, standing, term, waiting};
use super::facets::{Facet, FacetValue};
use super::interner::Languages;
use super::leaf::Leaf;
use super::question::{Ask, AvailabilityAsk, CoverageAsk, Criteria};
use super::scoring;
use crate::types::{
    AccessibilityFeature, AgeRange, CoverageCategory, Criterion, LanguageMode, Modality, Need, Population,
    Practice, ScheduleKind, Tier, Truth,
};

/// Tells what would have to give where one criterion is missed.
pub(super) struct Gives<'a> {
    pub(super) criterion: Criterion,
    /// The question as it was asked.
    pub(super) original: &'a Asked<'a>,
    pub(super) languages: &'a Languages,
}

impl Gives<'_> {
    /// `truth` is "no" where the criterion is stated not to hold, and "unknown" where nobody has said.
    pub(super) fn sentence(&self, leaf: &Leaf, reach: &Reach, truth: Truth) -> String {
        let asked = self.asked();
        if truth == Truth::Unknown {
            return match self.criterion {
                Criterion::Restriction => {
                    "for residents of an area or students of certain schools only: the question does not tell \
                     whether this student is one of them"
                        .to_owned()
                }
                Criterion::Availability => format!("nobody has said lately; {asked} was asked for"),
                _ => format!("nobody has said whether {asked} holds; ask them"),
            };
        }
        match self.criterion {
            Criterion::Restriction => self.restriction(leaf),
            _ => format!("{}; {asked} was asked for", self.there_is(leaf, reach)),
        }
    }

    /// What was asked for.
    fn asked(&self) -> String {
        let question = self.original.question;
        let required: &Criteria = &question.required;
        match self.criterion {
            Criterion::Location => format!("at most {} km", question.radius_km),
            Criterion::Language => required.language.as_ref().map_or_else(String::new, |language| {
                let by = match language.mode {
                    Some(LanguageMode::Provider) => " by a clinician",
                    Some(LanguageMode::Interpreter) => " through an interpreter",
                    None => "",
                };
                format!("{}{by}", values(&language.tags, language_name))
            }),
            Criterion::Tier => each(required.tier.as_ref(), |tier| format!("tier {tier}")),
            Criterion::Coverage => each(required.coverage.as_ref(), |ask| match ask {
                CoverageAsk::Category(category) => coverage_name(category),
                CoverageAsk::Plan(_) => "the insurance plan".to_owned(),
            }),
            Criterion::Need => each(required.need.as_ref(), need_name),
            Criterion::Age => required.age.map_or_else(String::new, |age| format!("age {}", range(age))),
            Criterion::Modality => each(required.modality.as_ref(), modality_name),
            Criterion::Population => each(required.population.as_ref(), population_name),
            Criterion::Practice => each(required.practice.as_ref(), practice_name),
            Criterion::Schedule => each(required.schedule.as_ref(), schedule_name),
            Criterion::Accessibility => each(required.accessibility.as_ref(), feature_name),
            Criterion::Availability => {
                let ask = required.availability.map(|ask| match ask {
                    AvailabilityAsk::Open => "an opening".to_owned(),
                    AvailabilityAsk::Waitlist => "an opening or a waiting list".to_owned(),
                });
                let longest =
                    question.max_wait_days.map(|days| format!("a wait of at most {}", count(days, "day")));
                ask.into_iter().chain(longest).collect::<Vec<_>>().join(" with ")
            }
            Criterion::Restriction => String::new(),
        }
    }

    /// What the offering has instead.
    fn there_is(&self, leaf: &Leaf, reach: &Reach) -> String {
        match self.criterion {
            Criterion::Location => {
                let minutes = count(scoring::travel_minutes(reach).round(), "minute");
                format!("{:.1} km away, about {minutes} by car", reach.km.unwrap_or(0.0))
            }
            Criterion::Language => self.spoken(leaf),
            Criterion::Tier => listed("tiers", Tier::ALL.iter().copied(), leaf, |tier| tier.to_string()),
            Criterion::Coverage => {
                listed("accepts", CoverageCategory::ALL.iter().copied(), leaf, coverage_name)
            }
            Criterion::Need => listed("serves", Need::all(), leaf, need_name),
            Criterion::Age => match leaf.ages() {
                [] => "accepts no age that is stated".to_owned(),
                ages => format!("accepts ages {}", join(ages.iter().map(|ages| range(*ages)))),
            },
            Criterion::Modality => listed("given", Modality::ALL.iter().copied(), leaf, modality_name),
            Criterion::Population => listed("made for", Population::all(), leaf, population_name),
            Criterion::Practice => listed("practices", Practice::all(), leaf, practice_name),
            Criterion::Schedule => {
                listed("can be had", ScheduleKind::ALL.iter().copied(), leaf, schedule_name)
            }
            Criterion::Accessibility => listed("has", AccessibilityFeature::all(), leaf, feature_name),
            Criterion::Availability => self.wait(leaf),
            Criterion::Restriction => self.restriction(leaf),
        }
    }

    /// The languages that there are, those that were asked for first.
    fn spoken(&self, leaf: &Leaf) -> String {
        let asked = self.original.language.as_ref().map_or(&[][..], |asked| asked.tags.values());
        let mut spoken: Vec<(bool, String)> = Vec::new();
        for (number, tag) in self.languages.tags() {
            let is_other = !asked.iter().any(|met| met.yes.contains(number));
            if leaf.lists(Facet::ProviderLanguage, number) {
                spoken.push((is_other, language_name(tag)));
            } else if leaf.lists(Facet::InterpreterLanguage, number) {
                spoken.push((is_other, format!("{} through an interpreter", language_name(tag))));
            }
        }
        spoken.sort_by_key(|(is_other, _)| *is_other);
        match join(spoken.into_iter().map(|(_, name)| name)) {
            none if none.is_empty() => "lists no language".to_owned(),
            spoken => format!("offers {spoken}"),
        }
    }

    fn restriction(&self, leaf: &Leaf) -> String {
        let fails = |truth: Truth, reason| (truth == Truth::No).then_some(reason);
        let original = self.original;
        let reserved = original.reserved_truth(leaf).unwrap_or(Truth::Yes);
        let reasons: Vec<&str> = [
            fails(original.area_truth(leaf), "for residents of an area that the student does not live in"),
            fails(original.school_truth(leaf), "for students of certain schools, and not of this one"),
            fails(reserved, "reserved for students of partner schools, and not of this one"),
        ]
        .into_iter()
        .flatten()
        .collect();
        reasons.join("; ")
    }

    fn wait(&self, leaf: &Leaf) -> String {
        let moment = &self.original.moment;
        let Some(said) = leaf.statement.as_deref().filter(|said| said.is_live(moment)) else {
            return "nobody has said lately".to_owned();
        };
        std::iter::once(standing(said)).chain(waiting(said.wait(moment))).collect::<Vec<_>>().join(", ")
    }
}

fn each<T: Copy>(ask: Option<&Ask<T>>, name: impl Fn(T) -> String) -> String {
    ask.map_or_else(String::new, |ask| values(ask, |value| name(*value)))
}

fn values<T>(ask: &Ask<T>, name: impl Fn(&T) -> String) -> String {
    let joint = match ask {
        Ask::AnyOf(_) => " or ",
        Ask::AllOf(_) => " and ",
    };
    ask.values().iter().map(name).collect::<Vec<_>>().join(joint)
}

fn listed<T: FacetValue>(
    lead: &str,
    all: impl Iterator<Item = T>,
    leaf: &Leaf,
    name: impl Fn(T) -> String,
) -> String {
    match join(all.filter(|value| leaf.has(*value)).map(name)) {
        none if none.is_empty() => "lists none".to_owned(),
        some => format!("{lead} {some}"),
    }
}

/// The first few, and how many more.
fn join(names: impl Iterator<Item = String>) -> String {
    const SHOWN: usize = 5;
    let names: Vec<String> = names.collect();
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..SHOWN].join(", ")),
    }
}

/// Ages in words: the end of a range is outside of it.
fn range(ages: AgeRange) -> String {
    let (min, max) = (ages.min(), ages.max());
    if max <= min.next_up() {
        format!("{min}")
    } else if max >= AgeRange::OLDEST {
        format!("{min} and older")
    } else if max.fract() == 0.0 && max - 1.0 > min {
        format!("{min} to {}", max - 1.0)
    } else if max.fract() == 0.0 && max - 1.0 == min {
        format!("{min}")
    } else {
        format!("{min} to under {max}")
    }
}

fn coverage_name(category: CoverageCategory) -> String {
    name("coverage_categories", category.as_str())
}

fn schedule_name(kind: ScheduleKind) -> String {
    name("schedules", kind.as_str())
}

fn need_name(need: Need) -> String {
    term(Need::vocabulary(), need.index())
}

fn population_name(population: Population) -> String {
    term(Population::vocabulary(), population.index())
}

fn practice_name(practice: Practice) -> String {
    term(Practice::vocabulary(), practice.index())
}

fn feature_name(feature: AccessibilityFeature) -> String {
    term(AccessibilityFeature::vocabulary(), feature.index())
}
