//! Why a hit is in its place, in sentences for a coordinator. Written for the hits of an answer only.

use super::answer::{Contribution, Hit, Reason, Way};
use super::areas::LivesIn;
use super::eligibility::{Asked, Reach, Via};
use super::facets::{Facet, FacetValue};
use super::interner::{Languages, MetBy};
use super::leaf::{Leaf, TO_RESIDENTS};
use super::partners;
use super::question::{Ask, CoverageAsk};
use super::ranking::Factor;
use super::scoring::{self, Scoring};
use super::search::Found;
use super::wait::{Standing, Statement};
use crate::availability::{ExpectedWait, Quantiles, TrackRecord};
pub(super) use crate::types::term_name as name;
use crate::types::{
    AccessibilityFeature, Criterion, Grain, LanguageMode, LanguageTag, Modality, Need, Population, Practice,
    Vocabulary,
};

pub(super) struct Explainer<'a> {
    asked: &'a Asked<'a>,
    scoring: &'a Scoring<'a>,
    languages: &'a Languages,
    explain: bool,
}

impl<'a> Explainer<'a> {
    pub(super) fn new(
        asked: &'a Asked<'a>,
        scoring: &'a Scoring<'a>,
        languages: &'a Languages,
        explain: bool,
    ) -> Self {
        Self { asked, scoring, languages, explain }
    }

    pub(super) fn hit(&self, found: &Found<'_>) -> Hit {
        let Found { key, leaf, reach } = found;
        let mut score = 0.0;
        let mut contributions = Vec::new();
        let utility = |factor| self.scoring.utility(factor, leaf, reach);
        for (factor, weight, utility, contribution) in self.scoring.weighing.contributions(utility) {
            score += contribution;
            if self.explain {
                let reason = self.factor(factor, leaf, reach);
                contributions.push(Contribution { factor, utility, weight, contribution, reason });
            }
        }
        Hit {
            offering: leaf.offering,
            distance_km: reach.km,
            way: match reach.via {
                Some(Via::Area) => Way::Remote,
                Some(Via::School) => Way::InSchool,
                Some(Via::Place) | None => Way::OnSite,
            },
            travel_minutes: scoring::travel_minutes(reach),
            wait: leaf.expected_wait(&self.asked.moment),
            score,
            contributions,
            reasons: if self.explain { self.reasons(leaf, reach) } else { Vec::new() },
            key: *key,
        }
    }

    fn factor(&self, factor: Factor, leaf: &Leaf, reach: &Reach) -> String {
        match factor {
            Factor::TimeToCare => self.wait(leaf),
            Factor::Travel => travel(reach),
            Factor::Language => self.language(leaf),
            Factor::Fit => self.fit(leaf),
            Factor::Relationship => partners::sentence(leaf, self.asked.question, self.asked.moment.today),
            Factor::Reliability => reliability(leaf),
            Factor::Confirmation => self.confirmation(leaf),
            Factor::Words => {
                self.asked.words.as_ref().map_or_else(String::new, |words| words.explain(leaf.slot))
            }
        }
    }

    fn reasons(&self, leaf: &Leaf, reach: &Reach) -> Vec<Reason> {
        let location = Reason { criterion: Criterion::Location, text: self.location(leaf, reach) };
        let is_reserved = self.asked.reserved_truth(leaf).is_some();
        let restricted = leaf.area.is_some() || leaf.schools().is_some() || is_reserved;
        let others = self
            .asked
            .truths(leaf)
            .filter(|(criterion, _)| *criterion != Criterion::Restriction || restricted)
            .map(|(criterion, _)| Reason { criterion, text: self.criterion(criterion, leaf) });
        std::iter::once(location).chain(others).collect()
    }

    fn criterion(&self, criterion: Criterion, leaf: &Leaf) -> String {
        let required = &self.asked.question.required;
        match criterion {
            Criterion::Location => "within reach".to_owned(),
            Criterion::Language => self.language(leaf),
            Criterion::Tier => listed("tier", required.tier.as_ref(), leaf, ToString::to_string),
            Criterion::Coverage => self.coverage(leaf),
            Criterion::Need => {
                listed("serves", required.need.as_ref(), leaf, |need| term(Need::vocabulary(), need.index()))
            }
            Criterion::Age => "accepts the age asked for".to_owned(),
            Criterion::Modality => {
                listed("given", required.modality.as_ref(), leaf, |way| modality_name(*way))
            }
            Criterion::Population => {
                listed("made for or competent with", required.population.as_ref(), leaf, |population| {
                    term(Population::vocabulary(), population.index())
                })
            }
            Criterion::Practice => listed("practices", required.practice.as_ref(), leaf, |practice| {
                term(Practice::vocabulary(), practice.index())
            }),
            Criterion::Schedule => listed("can be had", required.schedule.as_ref(), leaf, |kind| {
                name("schedules", kind.as_str())
            }),
            Criterion::Accessibility => listed("has", required.accessibility.as_ref(), leaf, |feature| {
                term(AccessibilityFeature::vocabulary(), feature.index())
            }),
            Criterion::Availability => self.wait(leaf),
            Criterion::Restriction => self.restriction(leaf),
        }
    }

    fn location(&self, leaf: &Leaf, reach: &Reach) -> String {
        match reach.via {
            Some(Via::School) if leaf.schools().is_none() => {
                "given in the student's school, under a partnership".to_owned()
            }
            Some(Via::School) => "given in the student's school".to_owned(),
            Some(Via::Area) => {
                let ways = TO_RESIDENTS.iter().filter(|way| leaf.facets.word(Facet::Closed) & way.bit() != 0);
                let ways: Vec<String> = ways.map(|way| modality_name(*way)).collect();
                format!("comes to where the student lives: {}{}", ways.join(", "), self.assumption())
            }
            Some(Via::Place) | None => travel(reach),
        }
    }

    fn restriction(&self, leaf: &Leaf) -> String {
        let area = leaf.area.map(|area| {
            let what = match self.asked.lives_in(area) {
                Some(LivesIn::PostalCode) => "the ZIP code",
                Some(LivesIn::Town) => "the town",
                Some(LivesIn::County) => "the county",
                Some(LivesIn::State) => "the state",
                Some(LivesIn::Drawn) => "a drawn area",
                None => "an area",
            };
            format!("serves residents of {what} that the student lives in{}", self.assumption())
        });
        let schools = leaf.schools().map(|_| "for students of schools, among them this one".to_owned());
        let reserved = self
            .asked
            .reserved_truth(leaf)
            .map(|_| "reserved for students of partner schools, among them this one".to_owned());
        area.into_iter().chain(schools).chain(reserved).collect::<Vec<_>>().join("; ")
    }

    fn assumption(&self) -> &'static str {
        if self.asked.question.residence.assumed {
            " (the residence was assumed to be where the search starts)"
        } else {
            ""
        }
    }

    fn language(&self, leaf: &Leaf) -> String {
        let question = self.asked.question;
        let required = self.asked.language.as_ref().zip(question.required.language.as_ref());
        let bridged: Vec<String> = if let Some((asked, required)) = required {
            let pairs = asked.tags.values().iter().zip(required.tags.values());
            pairs.filter_map(|(met, tag)| self.bridge(met, tag, asked.modes(), leaf)).collect()
        } else {
            let pairs = self.scoring.languages.iter().zip(&question.preferred.languages);
            pairs.filter_map(|(met, tag)| self.bridge(met, tag, LanguageMode::ALL, leaf)).collect()
        };
        if bridged.is_empty() {
            "the preferred language is not listed".to_owned()
        } else {
            bridged.join("; ")
        }
    }

    /// Who bridges one asked language, if anyone: a clinician before an interpreter.
    fn bridge(
        &self,
        met: &MetBy,
        asked: &LanguageTag,
        modes: &[LanguageMode],
        leaf: &Leaf,
    ) -> Option<String> {
        let mode = modes
            .iter()
            .find(|mode| met.yes.meets(&leaf.facets, leaf.beyond(), Facet::of_language(**mode)))?;
        let facet = Facet::of_language(*mode);
        let (_, offered) = self.languages.tags_in(&met.yes).find(|(number, _)| leaf.lists(facet, *number))?;
        let by = match mode {
            LanguageMode::Provider => "spoken by a clinician",
            LanguageMode::Interpreter => "through an interpreter",
        };
        Some(if offered == asked {
            format!("{} {by}", language_name(offered))
        } else {
            format!("{} for {} {by}", language_name(offered), language_name(asked))
        })
    }

    fn coverage(&self, leaf: &Leaf) -> String {
        let asks = self.asked.question.required.coverage.as_ref().map_or(&[][..], Ask::values);
        let accepted: Vec<String> = asks
            .iter()
            .filter(|ask| self.asked.accepts_coverage(**ask, leaf))
            .map(|ask| match ask {
                CoverageAsk::Category(category) => name("coverage_categories", category.as_str()),
                CoverageAsk::Plan(_) => "the plan asked for".to_owned(),
            })
            .collect();
        format!("accepts {}", accepted.join(", "))
    }

    fn fit(&self, leaf: &Leaf) -> String {
        let wishes = &self.scoring.wishes;
        let met = wishes.iter().filter(|wish| scoring::grants(wish, leaf)).count();
        format!("{met} of {} wishes met", wishes.len())
    }

    fn wait(&self, leaf: &Leaf) -> String {
        let moment = &self.asked.moment;
        let Some(said) = leaf.statement.as_deref().filter(|said| said.is_live(moment)) else {
            return "availability unknown".to_owned();
        };
        let mut parts = vec![standing(said)];
        match said.wait(moment) {
            ExpectedWait::Unknown => parts.push("wait unknown".to_owned()),
            known => parts.extend(waiting(known)),
        }
        parts.push(self.said(said));
        parts.join(", ")
    }

    fn said(&self, said: &Statement) -> String {
        let seconds = self.asked.moment.second.saturating_sub(said.reported_at.as_second());
        match seconds / 86_400 {
            ..=0 => "said within a day".to_owned(),
            days => format!("said {} ago", count(days as f64, "day")),
        }
    }

    fn confirmation(&self, leaf: &Leaf) -> String {
        let grain = match leaf.grain {
            Grain::Team => "stated for this team",
            Grain::Service => "stated for this service",
            Grain::Facility => "listed, not confirmed together",
        };
        match leaf.statement.as_deref().filter(|said| said.is_live(&self.asked.moment)) {
            Some(said) => format!("{grain}; availability {}", self.said(said)),
            None => format!("{grain}; nobody has said lately whether there is room"),
        }
    }
}

fn reliability(leaf: &Leaf) -> String {
    match leaf.track.as_deref().map(TrackRecord::told).filter(|told| !told.is_empty()) {
        Some(told) => told.join("; "),
        None => "nothing observed yet: counted as the middle".to_owned(),
    }
}

pub(super) fn travel(reach: &Reach) -> String {
    match (reach.via, reach.km) {
        (Some(Via::Place), Some(km)) => {
            let minutes = scoring::travel_minutes(reach).round();
            format!("{km:.1} km away, about {} by car", count(minutes, "minute"))
        }
        _ => "no travel".to_owned(),
    }
}

pub(super) fn standing(said: &Statement) -> String {
    match (said.standing, said.open_slots, said.waiting) {
        (Standing::Open, Some(slots), _) => format!("open, {}", count(f64::from(slots), "slot")),
        (Standing::Open, None, _) => "open".to_owned(),
        (Standing::Full, _, _) => "every opening is promised".to_owned(),
        (Standing::Waitlist, _, Some(waiting)) => format!("waiting list, {waiting} waiting"),
        (Standing::Waitlist, _, None) => "waiting list".to_owned(),
        (Standing::Closed, _, _) => "takes nobody new".to_owned(),
        (Standing::Assessment, _, _) => "an assessment must come first".to_owned(),
    }
}

/// How long one waits, in a few words; none where that is at once, never or unknown.
pub(super) fn waiting(wait: ExpectedWait) -> Option<String> {
    let rounded = |days: Quantiles| [days.p10.floor(), days.p50.ceil(), days.p90.ceil()];
    let queue = |days: Quantiles| {
        let [from, middle, to] = rounded(days);
        format!("likely {from} to {} (half start within {middle})", count(to, "day"))
    };
    let earliest = |days: f64| (days > 0.0).then(|| format!("in {} at the earliest", count(days, "day")));
    match wait {
        ExpectedWait::Queue(days) => Some(queue(days)),
        ExpectedWait::QueueWithPriority(days) => {
            Some(format!("{}, counting those who go first", queue(days)))
        }
        ExpectedWait::FirstAppointments(days) => {
            let [from, middle, to] = rounded(days);
            let days = count(to, "day");
            Some(format!(
                "likely {from} to {days} from acceptance to first appointment (half within {middle})"
            ))
        }
        ExpectedWait::Open(days) | ExpectedWait::StatedDate(days) => earliest(days),
        ExpectedWait::Unstable => Some("unstable: more arrive than start".to_owned()),
        ExpectedWait::Unknown | ExpectedWait::Never => None,
    }
}

/// The asked values that the leaf lists, after a word or two.
fn listed<T: FacetValue>(
    lead: &str,
    ask: Option<&Ask<T>>,
    leaf: &Leaf,
    name: impl Fn(&T) -> String,
) -> String {
    let values = ask.map_or(&[][..], Ask::values);
    let names: Vec<String> = values.iter().filter(|value| leaf.has(**value)).map(name).collect();
    format!("{lead} {}", names.join(", "))
}

pub(super) fn modality_name(modality: Modality) -> String {
    match modality {
        Modality::InPerson => "in person",
        Modality::InSchool => "in school",
        Modality::InHome => "at home",
        Modality::TelehealthVideo => "by video",
        Modality::TelehealthPhone => "by telephone",
    }
    .to_owned()
}

pub(super) fn language_name(tag: &LanguageTag) -> String {
    tag.name()
}

pub(super) fn term(vocabulary: &Vocabulary, position: usize) -> String {
    vocabulary.terms[position].name.clone()
}

pub(super) fn count(number: f64, noun: &str) -> String {
    if number == 1.0 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
