//! Whether an offering holds what a question requires: exactly for a leaf, and never wrongly "no" for a node.

use jiff::civil::Date;

use super::areas::{Areas, LivesIn, Located};
use super::envelope::{Summary, chord_2};
use super::facets::{self, Facet, FacetValue, Facets, SetAsk};
use super::interner::{Languages, MetBy, PlanInfo, Plans};
use super::leaf::{INTO_SCHOOLS, Leaf, TO_RESIDENTS};
use super::partners::{self, Door};
use super::question::{Ask, AvailabilityAsk, CoverageAsk, Question};
use super::text::{AskedWords, Texts};
use super::wait::{self, Moment};
use crate::types::{
    AgeRange, CoverageCategory, Criterion, LanguageMode, Truth, chord_2_to_km, km_to_chord_2,
};

/// A question with its words resolved against the index: tags to sets of numbers, sets to masks, residence
/// to areas. Made once per search.
pub(super) struct Asked<'a> {
    pub(super) question: &'a Question,
    pub(super) moment: Moment,
    pub(super) origin: [f64; 3],
    pub(super) located: Located,
    pub(super) language: Option<AskedLanguages>,
    sets: Vec<SetAsk>,
    coverage: Option<Ask<AskedCoverage>>,
    age: Option<(AgeRange, u64)>,
    audience: u64,
    /// What must be written of an offering: a plain filter, as the audience is.
    pub(super) words: Option<AskedWords<'a>>,
    /// Squared chord distance beyond which nothing is within the radius, and below which all is; between
    /// them, rounding decides, and kilometres are compared.
    outside_chord_2: f64,
    inside_chord_2: f64,
    /// Modalities by which an offering may come to those who live in its area.
    to_residents: u64,
    /// The modality by which it may come into a school, if that is allowed.
    into_schools: u64,
    /// Whether service areas and schools restrict.
    restricts: bool,
    /// Where what is given in the student's school is found: its own roster first. None if that is not allowed.
    pub(super) doors: Vec<Door>,
    plans: &'a Plans,
    areas: &'a Areas,
}

/// Languages with the offered tags that meet them.
pub(super) struct AskedLanguages {
    pub(super) tags: Ask<MetBy>,
    mode: Option<LanguageMode>,
}

enum AskedCoverage {
    Category(CoverageCategory),
    Plan {
        number: Option<u32>,
        info: Option<PlanInfo>,
        /// Or has not begun.
        has_ended: bool,
    },
}

/// How an offering is reached. One that comes to where the student lives, or into the school, takes no
/// travel, even where its place is near.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Via {
    /// At its place, within the radius.
    Place,
    /// By telehealth or at home, as a resident of its area.
    Area,
    /// In the student's school.
    School,
}

/// Distance and way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// Great-circle kilometres to its place, if it has one.
    pub(super) km: Option<f64>,
    pub(super) via: Option<Via>,
    pub(super) truth: Truth,
}

impl<'a> Asked<'a> {
    pub(super) fn new(
        question: &'a Question,
        languages: &Languages,
        plans: &'a Plans,
        areas: &'a Areas,
        texts: &'a Texts,
    ) -> Self {
        let required = &question.required;
        let mut sets = Vec::new();
        add_set(&mut sets, Criterion::Tier, required.tier.as_ref());
        add_set(&mut sets, Criterion::Need, required.need.as_ref());
        add_set(&mut sets, Criterion::Modality, required.modality.as_ref());
        add_set(&mut sets, Criterion::Population, required.population.as_ref());
        add_set(&mut sets, Criterion::Practice, required.practice.as_ref());
        add_set(&mut sets, Criterion::Schedule, required.schedule.as_ref());
        add_set(&mut sets, Criterion::Accessibility, required.accessibility.as_ref());
        let allowed = required.modality.as_ref().map_or(u64::MAX, |ask| facets::bits(ask.values()));
        let moment = Moment::at(question.now);
        Self {
            question,
            moment,
            origin: question.origin.unit_vector(),
            located: areas.locate(&question.residence),
            language: required.language.as_ref().map(|ask| AskedLanguages {
                tags: ask.tags.map(|tag| languages.met_by(tag)),
                mode: ask.mode,
            }),
            sets,
            coverage: required
                .coverage
                .as_ref()
                .map(|ask| ask.map(|value| AskedCoverage::new(*value, plans, moment.today))),
            age: required.age.map(|age| (age, facets::years_touched(age))),
            audience: facets::bits(&question.audience),
            words: question.words.as_ref().map(|words| AskedWords::new(words, texts)),
            outside_chord_2: km_to_chord_2(question.radius_km) * (1.0 + 1e-9),
            inside_chord_2: km_to_chord_2(question.radius_km) * (1.0 - 1e-9),
            to_residents: facets::bits(TO_RESIDENTS) & allowed,
            into_schools: INTO_SCHOOLS.bit() & allowed,
            restricts: true,
            doors: if INTO_SCHOOLS.bit() & allowed == 0 { Vec::new() } else { doors(question) },
            plans,
            areas,
        }
    }

    /// The same question without the restriction to residents or schools. What comes to them only is still
    /// reached by them only.
    pub(super) fn without_restriction(self) -> Self {
        Self { restricts: false, ..self }
    }

    /// Whether anything with this summary may hold what is required, location and restriction aside. For
    /// one offering whose [`Site`](super::envelope::Site) is exact: whether it does.
    pub(super) fn may_match(&self, summary: &Summary) -> bool {
        let facets = &summary.facets;
        let closed = facets.word(Facet::Closed);
        closed & self.audience != 0
            && self.sets.iter().all(|set| set.may_hold(facets))
            && self.age.is_none_or(|(_, years)| facets.word(Facet::Age) & years == years)
            && self.coverage.as_ref().is_none_or(|ask| may_hold(ask, |value| value.may_hold(closed)))
            && self
                .language
                .as_ref()
                .is_none_or(|asked| may_hold(&asked.tags, |met| asked.may_hold(met, summary)))
            && self.may_be_available(summary)
    }

    fn may_be_available(&self, summary: &Summary) -> bool {
        let ask = match self.question.required.availability {
            Some(AvailabilityAsk::Open) => summary.may_be_open(&self.moment),
            Some(AvailabilityAsk::Waitlist) => summary.may_take_onto_waitlist(&self.moment),
            None => true,
        };
        let soon = |max: f64| summary.shortest_wait(&self.moment).is_some_and(|days| days <= max);
        ask && self.question.max_wait_days.is_none_or(soon)
    }

    /// Whether a box that is this far may reach into the radius.
    pub(super) fn may_be_near(&self, chord_2: f64) -> bool {
        chord_2 <= self.outside_chord_2
    }

    /// Whether a place that is this far is within the radius, itself included: whether its distance in
    /// kilometres, as a hit shows it, is not more than the radius.
    pub(super) fn is_near(&self, chord_2: f64) -> bool {
        chord_2 < self.inside_chord_2
            || (self.may_be_near(chord_2) && chord_2_to_km(chord_2) <= self.question.radius_km)
    }

    /// Whether anything may come to those who live in an area.
    pub(super) fn allows_residents(&self) -> bool {
        self.to_residents != 0
    }

    /// The first of the student's rosters that the leaf is on: what is on several is met there only.
    pub(super) fn first_door(&self, leaf: &Leaf) -> Option<Door> {
        self.doors.iter().copied().find(|door| leaf.is_behind(*door))
    }

    /// Whether what has these facets comes to the residents of its area by a way that the question allows.
    pub(super) fn comes_to_residents(&self, facets: &Facets) -> bool {
        facets.word(Facet::Closed) & self.to_residents != 0
    }

    /// How the offering is reached.
    pub(super) fn reach(&self, leaf: &Leaf) -> Reach {
        let chord_2 = leaf.point.map(|point| chord_2(&self.origin, &point));
        let km = chord_2.map(chord_2_to_km);
        let on_site = chord_2.map_or(Truth::Unknown, |chord_2| Truth::known(self.is_near(chord_2)));
        let comes_to_area = leaf.area.is_some() && self.comes_to_residents(&leaf.facets);
        let area = if comes_to_area { self.area_truth(leaf) } else { Truth::No };
        let school = if leaf.facets.word(Facet::Closed) & self.into_schools == 0 {
            Truth::No
        } else if leaf.schools().is_some() {
            self.school_truth(leaf)
        } else {
            self.partner_truth(leaf)
        };
        let via = match (area, school, on_site) {
            (Truth::Yes, _, _) => Some(Via::Area),
            (_, Truth::Yes, _) => Some(Via::School),
            (_, _, Truth::Yes) => Some(Via::Place),
            _ => None,
        };
        Reach { km, via, truth: Truth::any([area, school, on_site]) }
    }

    pub(super) fn area_truth(&self, leaf: &Leaf) -> Truth {
        leaf.area.map_or(Truth::Yes, |area| self.areas.includes(area, &self.located))
    }

    /// By what its area includes the residence.
    pub(super) fn lives_in(&self, area: u32) -> Option<LivesIn> {
        self.areas.why(area, &self.located)
    }

    pub(super) fn school_truth(&self, leaf: &Leaf) -> Truth {
        match (leaf.schools(), self.question.school) {
            (None, _) => Truth::Yes,
            (Some(_), None) => Truth::Unknown,
            (Some(schools), Some(school)) => Truth::known(schools.binary_search(&school).is_ok()),
        }
    }

    /// Whether the student's school is covered by an agreement that is in force.
    pub(super) fn partner_truth(&self, leaf: &Leaf) -> Truth {
        partners::cover(leaf, self.question, self.moment.today)
    }

    /// Whether the student's school is one of those that it is reserved for, if it is reserved.
    pub(super) fn reserved_truth(&self, leaf: &Leaf) -> Option<Truth> {
        partners::reserved(leaf, self.question, self.moment.today)
    }

    /// Whether it is for one of the people asked for: a plain filter.
    pub(super) fn serves_audience(&self, leaf: &Leaf) -> bool {
        leaf.facets.word(Facet::Closed) & self.audience != 0
    }

    /// Whether every word that is asked is written of the offering in this slot: a plain filter.
    pub(super) fn has_words(&self, slot: u32) -> bool {
        self.words.as_ref().is_none_or(|words| words.hold_of(slot))
    }

    /// The truth of every required criterion and of the restriction, location aside; each is computed as it
    /// is drawn, the cheap ones first.
    pub(super) fn truths(&self, leaf: &Leaf) -> impl Iterator<Item = (Criterion, Truth)> {
        let sets = self.sets.iter().map(|set| {
            (set.criterion, set.truth(&leaf.facets, leaf.beyond(), leaf.open_bits(set.criterion)))
        });
        let age = self.age.iter().map(|(age, _)| (Criterion::Age, leaf.accepts(*age)));
        let language = self.language.iter().map(|asked| {
            (Criterion::Language, asked.tags.truth(|met| language_truth(met, asked.mode, leaf)))
        });
        let coverage = self
            .coverage
            .iter()
            .map(|ask| (Criterion::Coverage, ask.truth(|value| self.coverage_truth(value, leaf))));
        let availability =
            std::iter::once_with(|| Some((Criterion::Availability, self.availability_truth(leaf)?)));
        let restriction = self
            .restricts
            .then(|| std::iter::once_with(|| (Criterion::Restriction, self.restriction_truth(leaf))))
            .into_iter()
            .flatten();
        sets.chain(age).chain(language).chain(coverage).chain(availability.flatten()).chain(restriction)
    }

    /// Whether all that is required holds, the location included.
    pub(super) fn whole_truth(&self, leaf: &Leaf) -> Truth {
        let location = std::iter::once_with(|| self.reach(leaf).truth);
        Truth::all(location.chain(self.truths(leaf).map(|(_, truth)| truth)))
    }

    fn restriction_truth(&self, leaf: &Leaf) -> Truth {
        let reserved = self.reserved_truth(leaf).unwrap_or(Truth::Yes);
        Truth::all([self.area_truth(leaf), self.school_truth(leaf), reserved])
    }

    /// None where availability is not asked.
    fn availability_truth(&self, leaf: &Leaf) -> Option<Truth> {
        let live = leaf.statement.as_deref().filter(|statement| statement.is_live(&self.moment));
        let ask = self.question.required.availability.map(|ask| wait::available(live, ask));
        let soon =
            self.question.max_wait_days.map(|max| wait::soon_enough(leaf.expected_wait(&self.moment), max));
        match (ask, soon) {
            (None, None) => None,
            (ask, soon) => Some(Truth::all(ask.into_iter().chain(soon))),
        }
    }

    /// Whether an asked coverage is accepted.
    pub(super) fn accepts_coverage(&self, ask: CoverageAsk, leaf: &Leaf) -> bool {
        self.coverage_truth(&AskedCoverage::new(ask, self.plans, self.moment.today), leaf) == Truth::Yes
    }

    fn coverage_truth(&self, asked: &AskedCoverage, leaf: &Leaf) -> Truth {
        let unlisted = if leaf.is_open(Criterion::Coverage) { Truth::Unknown } else { Truth::No };
        match asked {
            AskedCoverage::Category(category) => {
                let listed = Truth::known(leaf.categories & category.bit() != 0);
                let accepted = leaf.plans().iter().filter(|listing| listing.accepting_new);
                let by_plan = accepted.map(|listing| match self.plans.info(listing.plan) {
                    Some(info) => {
                        Truth::known(info.category == *category && info.is_in_effect(self.moment.today))
                    }
                    None => Truth::Unknown,
                });
                Truth::any(by_plan.chain([listed, unlisted]))
            }
            AskedCoverage::Plan { number, info, has_ended } => {
                let listings = || leaf.plans().iter().filter(|listing| Some(listing.plan) == *number);
                let accepted = listings().any(|listing| listing.accepting_new);
                match info {
                    _ if !accepted && listings().next().is_some() => Truth::No,
                    None => Truth::Unknown,
                    // A plan that has ended pays for nobody, whatever kind of coverage it was.
                    Some(_) if *has_ended => Truth::No,
                    Some(_) if accepted => Truth::Yes,
                    Some(info) if leaf.categories & info.category.bit() != 0 => Truth::Yes,
                    Some(_) => unlisted,
                }
            }
        }
    }
}

/// The rosters of the student's school, of its district and of the collaboratives, each once.
fn doors(question: &Question) -> Vec<Door> {
    let districts = question.districts.iter().copied().map(Door::District);
    let mut doors = Vec::with_capacity(1 + question.districts.len());
    for door in question.school.map(Door::School).into_iter().chain(districts) {
        if !doors.contains(&door) {
            doors.push(door);
        }
    }
    doors
}

fn add_set<T: FacetValue>(sets: &mut Vec<SetAsk>, criterion: Criterion, ask: Option<&Ask<T>>) {
    sets.extend(ask.map(|ask| SetAsk::new(criterion, ask)));
}

fn may_hold<T>(ask: &Ask<T>, of: impl FnMut(&T) -> bool) -> bool {
    match ask {
        Ask::AnyOf(values) => values.iter().any(of),
        Ask::AllOf(values) => values.iter().all(of),
    }
}

impl AskedCoverage {
    fn new(ask: CoverageAsk, plans: &Plans, today: Date) -> Self {
        match ask {
            CoverageAsk::Category(category) => Self::Category(category),
            CoverageAsk::Plan(plan) => {
                let number = plans.find(plan);
                let info = number.and_then(|number| plans.info(number).copied());
                Self::Plan { number, info, has_ended: info.is_some_and(|info| !info.is_in_effect(today)) }
            }
        }
    }

    /// Nobody can be said to accept a plan that the table does not know, and nobody accepts one that has ended.
    fn may_hold(&self, closed: u64) -> bool {
        match self {
            Self::Category(category) => closed & category.bit() != 0,
            Self::Plan { info, has_ended, .. } => {
                !has_ended && info.is_some_and(|info| closed & info.category.bit() != 0)
            }
        }
    }
}

impl AskedLanguages {
    fn may_hold(&self, met: &MetBy, summary: &Summary) -> bool {
        facets_of(self.mode).iter().any(|facet| met.yes.may_meet(&summary.facets, *facet))
    }

    /// Who may bridge the language.
    pub(super) fn modes(&self) -> &'static [LanguageMode] {
        modes(self.mode)
    }
}

/// The truth of one language, in a mode if one is asked for.
pub(super) fn language_truth(met: &MetBy, mode: Option<LanguageMode>, leaf: &Leaf) -> Truth {
    let meets = |set: &facets::InternedSet| {
        facets_of(mode).iter().any(|facet| set.meets(&leaf.facets, leaf.beyond(), *facet))
    };
    if meets(&met.yes) {
        Truth::Yes
    } else if leaf.is_open(Criterion::Language) || meets(&met.unknown) {
        Truth::Unknown
    } else {
        Truth::No
    }
}

fn modes(mode: Option<LanguageMode>) -> &'static [LanguageMode] {
    match mode {
        None => &[LanguageMode::Provider, LanguageMode::Interpreter],
        Some(LanguageMode::Provider) => &[LanguageMode::Provider],
        Some(LanguageMode::Interpreter) => &[LanguageMode::Interpreter],
    }
}

fn facets_of(mode: Option<LanguageMode>) -> &'static [Facet] {
    match mode {
        None => &[Facet::ProviderLanguage, Facet::InterpreterLanguage],
        Some(LanguageMode::Provider) => &[Facet::ProviderLanguage],
        Some(LanguageMode::Interpreter) => &[Facet::InterpreterLanguage],
    }
}
