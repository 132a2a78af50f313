//! The answer found the plainest way: look at every offering, straight from its facts, and sort. Shares no
//! code with the index but the types.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::outlines::in_outline;
use super::question::{Ask, AvailabilityAsk, CoverageAsk, LanguageAsk, Question, Sort, Urgency};
use super::ranking::{Factor, RankingProfile};
use super::{About, Entry, PlanInfo, oracle_words};
use crate::availability::{Claim, Estimate, Evidence, ExpectedWait, Line, Quantiles, Tally, TrackRecord};
use crate::directory::{
    LocationFacts, NamedPlace, OfferingFacts, OrganizationFacts, PartnershipFacts, ServiceFacts,
};
use crate::types::{
    Audience, AvailabilityStatus, Coordinates, Criterion, Grain, InsurancePlanId, LanguageMode, LanguageTag,
    Modality, OfferingId, Truth, calendar_date,
};

/// An offering with everything owned.
#[derive(Clone, Debug)]
pub(super) struct Offered {
    pub(super) id: OfferingId,
    pub(super) place: Option<Coordinates>,
    pub(super) facts: OfferingFacts,
    pub(super) audience: Vec<Audience>,
    pub(super) claim: Option<Claim>,
    pub(super) evidence: Evidence,
    pub(super) partnerships: Vec<PartnershipFacts>,
    pub(super) written: Written,
}

/// What is written of an offering elsewhere than in its own facts.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    pub(super) organization: Option<OrganizationFacts>,
    pub(super) service: Option<ServiceFacts>,
    pub(super) location: Option<LocationFacts>,
}

impl Offered {
    pub(super) fn entry(&self) -> Entry<'_> {
        Entry {
            offering: self.id,
            place: self.place,
            facts: &self.facts,
            audience: &self.audience,
            claim: self.claim.as_ref(),
            evidence: self.evidence,
            partnerships: &self.partnerships,
            about: About {
                organization: self.written.organization.as_ref(),
                service: self.written.service.as_ref(),
                location: self.written.location.as_ref(),
            },
        }
    }
}

/// Everything that is known.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub(super) offerings: BTreeMap<OfferingId, Offered>,
    pub(super) plans: BTreeMap<InsurancePlanId, PlanInfo>,
}

/// A match.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Match {
    pub(super) offering: OfferingId,
    pub(super) distance_km: Option<f64>,
    pub(super) wait: ExpectedWait,
    pub(super) score: f64,
}

impl World {
    /// Every match, in order.
    pub(super) fn answer(&self, question: &Question, sort: Sort, profile: &RankingProfile) -> Vec<Match> {
        let matches =
            |offered: &Offered| self.judge(offered, question).iter().all(|(_, truth)| *truth == Truth::Yes);
        self.ranked(question, sort, profile, matches)
    }

    fn ranked(
        &self,
        question: &Question,
        sort: Sort,
        profile: &RankingProfile,
        matches: impl Fn(&Offered) -> bool,
    ) -> Vec<Match> {
        let mut matches: Vec<Match> = self
            .offerings
            .values()
            .filter(|offered| offered.audience.iter().any(|who| question.audience.contains(who)))
            .filter(|offered| matches(offered))
            .filter_map(|offered| {
                let words = match &question.words {
                    Some(asked) => Some(oracle_words::words(offered, asked)?),
                    None => None,
                };
                Some(Match {
                    offering: offered.id,
                    distance_km: offered.place.map(|place| place.distance_km(question.origin)),
                    wait: wait(offered, question.now),
                    score: score(offered, question, words, profile),
                })
            })
            .collect();
        matches.sort_by(|a, b| {
            let order = match sort {
                Sort::Match => b.score.total_cmp(&a.score),
                Sort::Distance => match (a.distance_km, b.distance_km) {
                    (Some(a), Some(b)) => a.total_cmp(&b),
                    (Some(_), None) => Ordering::Less,
                    (None, Some(_)) => Ordering::Greater,
                    (None, None) => Ordering::Equal,
                },
                Sort::Wait => match (half_start_within(a.wait), half_start_within(b.wait)) {
                    (Some(a), Some(b)) => a.total_cmp(&b),
                    _ => class(a.wait).cmp(&class(b.wait)),
                },
            };
            order.then(a.offering.cmp(&b.offering))
        });
        matches
    }

    /// What fails one criterion alone: the answer to the question with that criterion bent, less what
    /// matches as it is; apart where it is known not to hold, and where it is not known whether it does.
    pub(super) fn near_misses(
        &self,
        question: &Question,
        criterion: Criterion,
        profile: &RankingProfile,
    ) -> [Vec<Match>; 2] {
        let Some(bent) = bent(question, criterion) else { return [Vec::new(), Vec::new()] };
        let holds = |offered: &Offered, question: &Question, restricts: bool| {
            let judged = self.judge(offered, question).into_iter();
            Truth::all(
                judged
                    .filter(|(criterion, _)| restricts || *criterion != Criterion::Restriction)
                    .map(|(_, truth)| truth),
            )
        };
        let missing = |truth| {
            let world = World {
                offerings: self
                    .offerings
                    .iter()
                    .filter(|(_, offered)| holds(offered, question, true) == truth)
                    .filter(|(_, offered)| {
                        holds(offered, &bent, criterion != Criterion::Restriction) == Truth::Yes
                    })
                    .map(|(id, offered)| (*id, offered.clone()))
                    .collect(),
                plans: self.plans.clone(),
            };
            world.ranked(&bent, Sort::Match, profile, |_| true)
        };
        [missing(Truth::No), missing(Truth::Unknown)]
    }

    /// The truth of each criterion that is asked, of location and of restriction.
    pub(super) fn judge(&self, offered: &Offered, question: &Question) -> Vec<(Criterion, Truth)> {
        let (facts, required) = (&offered.facts, &question.required);
        let mut truths = vec![
            (Criterion::Location, location(offered, question)),
            (
                Criterion::Restriction,
                Truth::all([
                    in_area(facts, question),
                    in_schools(facts, question),
                    reserved(offered, question),
                ]),
            ),
        ];
        let partial = |criterion| facts.partial.contains(&criterion);
        let soften = |criterion, truth| {
            if truth == Truth::No && partial(criterion) { Truth::Unknown } else { truth }
        };
        macro_rules! set {
            ($criterion:ident, $asked:ident, $listed:ident) => {
                if let Some(ask) = &required.$asked {
                    let truth = ask.truth(|value| match &facts.$listed {
                        None => Truth::Unknown,
                        Some(values) => soften(Criterion::$criterion, Truth::known(values.contains(value))),
                    });
                    truths.push((Criterion::$criterion, truth));
                }
            };
        }
        set!(Tier, tier, tiers);
        set!(Need, need, needs);
        set!(Modality, modality, modalities);
        set!(Population, population, populations);
        set!(Practice, practice, practices);
        set!(Accessibility, accessibility, accessibility);
        if let Some(ask) = &required.schedule {
            let truth = ask.truth(|kind| match &facts.schedule {
                None => Truth::Unknown,
                Some(schedule) => soften(Criterion::Schedule, schedule.offers(*kind)),
            });
            truths.push((Criterion::Schedule, truth));
        }
        if let Some(age) = required.age {
            let truth = facts.ages.as_ref().map_or(Truth::Unknown, |ages| ages.accept(age));
            truths.push((Criterion::Age, soften(Criterion::Age, truth)));
        }
        if let Some(LanguageAsk { tags, mode }) = &required.language {
            truths.push((Criterion::Language, tags.truth(|tag| language(facts, tag, *mode))));
        }
        if let Some(ask) = &required.coverage {
            let today = calendar_date(question.now);
            truths.push((Criterion::Coverage, ask.truth(|value| self.coverage(facts, *value, today))));
        }
        if required.availability.is_some() || question.max_wait_days.is_some() {
            truths.push((Criterion::Availability, availability(offered, question)));
        }
        truths
    }

    fn coverage(&self, facts: &OfferingFacts, ask: CoverageAsk, today: Date) -> Truth {
        let in_effect = |info: &PlanInfo| {
            info.effective_from.is_none_or(|day| day <= today)
                && info.effective_until.is_none_or(|day| day >= today)
        };
        if let CoverageAsk::Plan(plan) = ask
            && self.plans.get(&plan).is_some_and(|info| !in_effect(info))
        {
            return Truth::No;
        }
        let Some(coverage) = &facts.coverage else {
            // Nothing is listed, and a plan that nobody knows stays unknown.
            return Truth::Unknown;
        };
        let unlisted = if facts.partial.contains(&Criterion::Coverage) { Truth::Unknown } else { Truth::No };
        match ask {
            CoverageAsk::Category(category) => {
                if coverage.categories.contains(&category) {
                    return Truth::Yes;
                }
                let mut truth = unlisted;
                for listed in coverage.plans.iter().filter(|listed| listed.accepting_new) {
                    match self.plans.get(&listed.insurance_plan_id) {
                        Some(info) if info.category == category && in_effect(info) => return Truth::Yes,
                        Some(_) => {}
                        None => truth = Truth::Unknown,
                    }
                }
                truth
            }
            CoverageAsk::Plan(plan) => {
                let listed: Vec<_> =
                    coverage.plans.iter().filter(|listed| listed.insurance_plan_id == plan).collect();
                let accepting = listed.iter().any(|listed| listed.accepting_new);
                match self.plans.get(&plan) {
                    _ if !listed.is_empty() && !accepting => Truth::No,
                    None => Truth::Unknown,
                    Some(_) if accepting => Truth::Yes,
                    Some(info) if coverage.categories.contains(&info.category) => Truth::Yes,
                    Some(_) => unlisted,
                }
            }
        }
    }
}

/// The question without one criterion, which becomes a wish where there are such wishes.
fn bent(question: &Question, criterion: Criterion) -> Option<Question> {
    fn wish<T: PartialEq>(wishes: &mut Vec<T>, asked: &mut Option<Ask<T>>) -> bool {
        let Some(ask) = asked.take() else { return false };
        let (Ask::AnyOf(values) | Ask::AllOf(values)) = ask;
        for value in values {
            if !wishes.contains(&value) {
                wishes.push(value);
            }
        }
        true
    }
    let mut bent = question.clone();
    let Question { required, preferred, .. } = &mut bent;
    let was_asked = match criterion {
        Criterion::Location => {
            let is_near = bent.radius_km < 500.0;
            bent.radius_km = 500.0;
            is_near
        }
        Criterion::Language => match required.language.take() {
            Some(LanguageAsk { tags: Ask::AnyOf(tags) | Ask::AllOf(tags), .. }) => {
                preferred.languages = tags;
                true
            }
            None => false,
        },
        Criterion::Tier => required.tier.take().is_some(),
        Criterion::Coverage => required.coverage.take().is_some(),
        Criterion::Age => required.age.take().is_some(),
        Criterion::Need => wish(&mut preferred.needs, &mut required.need),
        Criterion::Modality => wish(&mut preferred.modalities, &mut required.modality),
        Criterion::Population => wish(&mut preferred.populations, &mut required.population),
        Criterion::Practice => wish(&mut preferred.practices, &mut required.practice),
        Criterion::Schedule => wish(&mut preferred.schedules, &mut required.schedule),
        Criterion::Accessibility => wish(&mut preferred.accessibility, &mut required.accessibility),
        Criterion::Availability => {
            let ask = required.availability.take().is_some();
            bent.max_wait_days.take().is_some() || ask
        }
        Criterion::Restriction => true,
    };
    was_asked.then_some(bent)
}

fn class(wait: ExpectedWait) -> u8 {
    match wait {
        ExpectedWait::Queue(_)
        | ExpectedWait::QueueWithPriority(_)
        | ExpectedWait::FirstAppointments(_)
        | ExpectedWait::Open(_)
        | ExpectedWait::StatedDate(_) => 0,
        ExpectedWait::Unknown => 1,
        ExpectedWait::Unstable => 2,
        ExpectedWait::Never => 3,
    }
}

fn half_start_within(wait: ExpectedWait) -> Option<f64> {
    match wait {
        ExpectedWait::Queue(Quantiles { p50: days, .. })
        | ExpectedWait::QueueWithPriority(Quantiles { p50: days, .. })
        | ExpectedWait::FirstAppointments(Quantiles { p50: days, .. })
        | ExpectedWait::Open(days)
        | ExpectedWait::StatedDate(days) => Some(days),
        ExpectedWait::Unknown | ExpectedWait::Unstable | ExpectedWait::Never => None,
    }
}

fn language(facts: &OfferingFacts, tag: &LanguageTag, mode: Option<LanguageMode>) -> Truth {
    let Some(offered) = &facts.languages else {
        return Truth::Unknown;
    };
    let of_mode = offered.iter().filter(|offered| mode.is_none_or(|mode| offered.mode == mode));
    let truth = Truth::any(of_mode.map(|offered| tag.is_met_by(&offered.language)));
    if truth == Truth::No && facts.partial.contains(&Criterion::Language) { Truth::Unknown } else { truth }
}

fn in_area(facts: &OfferingFacts, question: &Question) -> Truth {
    let Some(area) = &facts.service_area else {
        return Truth::Yes;
    };
    let home = &question.residence;
    let mut truths = Vec::new();
    if !area.postal_codes.is_empty() {
        truths.push(
            home.postal_code.map_or(Truth::Unknown, |code| Truth::known(area.postal_codes.contains(&code))),
        );
    }
    let named = |places: &[NamedPlace], name: &Option<String>, same: fn(&str, &str) -> bool| {
        let (Some(name), Some(state)) = (name, &home.state) else {
            return Truth::Unknown;
        };
        let is_home = |place: &NamedPlace| same(&place.name, name) && place.state.eq_ignore_ascii_case(state);
        Truth::known(places.iter().any(is_home))
    };
    if !area.towns.is_empty() {
        let same = |a: &str, b: &str| {
            let short = |name: &str| name.to_lowercase().replace("-by-the-sea", "");
            short(a) == short(b)
        };
        truths.push(named(&area.towns, &home.town, same));
    }
    if !area.counties.is_empty() {
        truths.push(named(&area.counties, &home.county, str::eq_ignore_ascii_case));
    }
    if !area.states.is_empty() {
        truths.push(home.state.as_ref().map_or(Truth::Unknown, |home| {
            Truth::known(area.states.iter().any(|state| state.eq_ignore_ascii_case(home)))
        }));
    }
    if let Some(outline) = &area.polygon {
        truths.push(home.at.map_or(Truth::Unknown, |at| Truth::known(in_outline(outline, at))));
    }
    Truth::any(truths)
}

fn in_schools(facts: &OfferingFacts, question: &Question) -> Truth {
    match (&facts.schools, question.school) {
        (None, _) => Truth::Yes,
        (Some(_), None) => Truth::Unknown,
        (Some(schools), Some(school)) => Truth::known(schools.contains(&school)),
    }
}

/// The agreements that cover the service on the day of the question.
fn agreements<'a>(
    offered: &'a Offered,
    question: &Question,
) -> impl Iterator<Item = &'a PartnershipFacts> + use<'a> {
    let today = calendar_date(question.now);
    offered.partnerships.iter().filter(move |agreed| {
        (agreed.services.is_empty() || agreed.services.contains(&offered.facts.service_id))
            && agreed.begins_on.is_none_or(|day| day <= today)
            && agreed.ends_on.is_none_or(|day| today <= day)
    })
}

fn covers(agreed: &PartnershipFacts, question: &Question) -> Truth {
    if !agreed.schools.is_empty() {
        question.school.map_or(Truth::Unknown, |school| Truth::known(agreed.schools.contains(&school)))
    } else if question.districts.is_empty() {
        Truth::Unknown
    } else {
        Truth::known(agreed.district_id.is_some_and(|district| question.districts.contains(&district)))
    }
}

fn reserved(offered: &Offered, question: &Question) -> Truth {
    let reserving: Vec<&PartnershipFacts> =
        agreements(offered, question).filter(|agreed| agreed.reserved == Some(true)).collect();
    if reserving.is_empty() {
        return Truth::Yes;
    }
    Truth::any(reserving.into_iter().map(|agreed| covers(agreed, question)))
}

fn remote(offered: &Offered, question: &Question) -> Truth {
    let facts = &offered.facts;
    let allowed = |modality: Modality| {
        facts.modalities.as_ref().is_some_and(|listed| listed.contains(&modality))
            && question.required.modality.as_ref().is_none_or(|ask| ask.values().contains(&modality))
    };
    let mut truths = vec![Truth::No];
    let to_home = [Modality::TelehealthVideo, Modality::TelehealthPhone, Modality::InHome];
    if facts.service_area.is_some() && to_home.into_iter().any(allowed) {
        truths.push(in_area(facts, question));
    }
    if allowed(Modality::InSchool) {
        if facts.schools.is_some() {
            truths.push(in_schools(facts, question));
        } else {
            truths.extend(agreements(offered, question).map(|agreed| covers(agreed, question)));
        }
    }
    Truth::any(truths)
}

fn location(offered: &Offered, question: &Question) -> Truth {
    let at_place = match offered.place {
        None => Truth::Unknown,
        Some(place) => Truth::known(place.distance_km(question.origin) <= question.radius_km),
    };
    Truth::any([at_place, remote(offered, question)])
}

fn wait(offered: &Offered, now: Timestamp) -> ExpectedWait {
    let Some(claim) = offered.claim.as_ref().filter(|claim| now < claim.valid_until) else {
        return ExpectedWait::Unknown;
    };
    let days_until =
        claim.next_available_date.map(|date| f64::from(calendar_date(now).until(date).unwrap().get_days()));
    let floor = days_until.unwrap_or(0.0).max(0.0);
    let dated = |none| match days_until {
        Some(days) if days >= 0.0 => ExpectedWait::StatedDate(days),
        Some(_) => ExpectedWait::Unknown,
        None => none,
    };
    let not_before = |Quantiles { p10, p50, p90 }| Quantiles {
        p10: f64::max(p10, floor),
        p50: f64::max(p50, floor),
        p90: f64::max(p90, floor),
    };
    let queued = || {
        let stated = dated(ExpectedWait::Unknown);
        let (Some(ahead), Some(starts)) = (claim.waiting, claim.starts_last_28_days) else { return stated };
        let some_go_first = offered.evidence.arrivals.is_some_and(|arrivals| arrivals.overtaking.is_some());
        match (Line { ahead, starts, arrivals: offered.evidence.arrivals }).estimate() {
            Estimate::Days(days) if some_go_first => ExpectedWait::QueueWithPriority(not_before(days)),
            Estimate::Days(days) => ExpectedWait::Queue(not_before(days)),
            Estimate::Unstable => ExpectedWait::Unstable,
            Estimate::Unknown => stated,
        }
    };
    match claim.status {
        AvailabilityStatus::Capacity if all_are_promised(offered) => ExpectedWait::Unknown,
        AvailabilityStatus::Capacity => {
            match offered
                .evidence
                .track
                .map(|track| track.first_appointment_days)
                .filter(|times| times.count >= 9)
            {
                Some(times) => ExpectedWait::FirstAppointments(not_before(Quantiles::new([
                    times.p10, times.p50, times.p90,
                ]))),
                None => ExpectedWait::Open(floor),
            }
        }
        AvailabilityStatus::Waitlist => queued(),
        AvailabilityStatus::NoCapacity => dated(ExpectedWait::Never),
        AvailabilityStatus::AdditionalAssessmentRequired | AvailabilityStatus::Unknown => {
            ExpectedWait::Unknown
        }
    }
}

/// Whether there are no more openings than have been promised.
fn all_are_promised(offered: &Offered) -> bool {
    let counted = offered.claim.as_ref().and_then(|claim| claim.open_slots);
    counted.is_some_and(|open| open <= offered.evidence.promised)
}

fn availability(offered: &Offered, question: &Question) -> Truth {
    let live = offered.claim.as_ref().filter(|claim| question.now < claim.valid_until);
    let mut truth = Truth::Yes;
    if let Some(ask) = question.required.availability {
        truth = match live.map(|claim| claim.status) {
            None => Truth::Unknown,
            Some(AvailabilityStatus::Capacity) => {
                Truth::known(ask == AvailabilityAsk::Waitlist || !all_are_promised(offered))
            }
            Some(AvailabilityStatus::Waitlist) => Truth::known(ask == AvailabilityAsk::Waitlist),
            Some(AvailabilityStatus::NoCapacity) => Truth::No,
            Some(AvailabilityStatus::AdditionalAssessmentRequired | AvailabilityStatus::Unknown) => {
                Truth::Unknown
            }
        };
    }
    if let Some(max) = question.max_wait_days {
        let wait = wait(offered, question.now);
        let soon = match half_start_within(wait) {
            Some(days) if days <= max => Truth::Yes,
            None if wait == ExpectedWait::Unknown => Truth::Unknown,
            _ => Truth::No,
        };
        truth = truth.min(soon);
    }
    truth
}

fn score(offered: &Offered, question: &Question, words: Option<f64>, profile: &RankingProfile) -> f64 {
    let mut terms = vec![
        (Factor::TimeToCare, time_to_care(offered, question)),
        (Factor::Travel, travel(offered, question)),
    ];
    terms.extend(language_utility(&offered.facts, question).map(|utility| (Factor::Language, utility)));
    terms.extend(fit(&offered.facts, question).map(|utility| (Factor::Fit, utility)));
    if question.school.is_some() || !question.districts.is_empty() {
        let partner = agreements(offered, question).any(|agreed| covers(agreed, question) == Truth::Yes);
        terms.push((Factor::Relationship, if partner { 1.0 } else { 0.0 }));
    }
    terms.push((Factor::Reliability, reliability(&offered.evidence.track.unwrap_or_default())));
    terms.push((Factor::Confirmation, confirmation(offered, question)));
    terms.extend(words.map(|utility| (Factor::Words, utility)));
    let total: f64 = terms.iter().map(|(factor, _)| profile.weights().of(*factor)).sum();
    let mut score = 0.0;
    for (factor, utility) in terms {
        assert!((0.0..=1.0).contains(&utility), "{factor:?} {utility}");
        if total > 0.0 {
            score += profile.weights().of(factor) / total * utility;
        }
    }
    score
}

fn time_to_care(offered: &Offered, question: &Question) -> f64 {
    let scale = if question.urgency == Urgency::Urgent { 7.0 } else { 28.0 };
    let wait = wait(offered, question.now);
    match half_start_within(wait) {
        Some(days) => (-days / scale).exp(),
        // The constant of every profile that the tests use.
        None if wait == ExpectedWait::Unknown => 0.25,
        None if wait == ExpectedWait::Unstable => 0.125,
        None => 0.0,
    }
}

fn travel(offered: &Offered, question: &Question) -> f64 {
    match offered.place {
        Some(place) if remote(offered, question) != Truth::Yes => {
            let minutes = place.distance_km(question.origin) * 1.3 / 40.0 * 60.0;
            (-minutes / 30.0).exp()
        }
        _ => 1.0,
    }
}

fn language_utility(facts: &OfferingFacts, question: &Question) -> Option<f64> {
    let of_mode = |tag: &LanguageTag, mode| {
        facts.languages.iter().flatten().any(|o| o.mode == mode && tag.is_met_by(&o.language) == Truth::Yes)
    };
    let bridged = |tag: &LanguageTag, mode: Option<LanguageMode>| {
        if mode != Some(LanguageMode::Interpreter) && of_mode(tag, LanguageMode::Provider) {
            1.0
        } else if mode != Some(LanguageMode::Provider) && of_mode(tag, LanguageMode::Interpreter) {
            0.6
        } else {
            0.0
        }
    };
    match &question.required.language {
        Some(LanguageAsk { tags: Ask::AnyOf(tags), mode }) => {
            Some(tags.iter().map(|tag| bridged(tag, *mode)).fold(0.0, f64::max))
        }
        Some(LanguageAsk { tags: Ask::AllOf(tags), mode }) => {
            Some(tags.iter().map(|tag| bridged(tag, *mode)).fold(1.0, f64::min))
        }
        None if question.preferred.languages.is_empty() => None,
        None => Some(
            question
                .preferred
                .languages
                .iter()
                .map(|tag| match language(facts, tag, None) {
                    Truth::Yes => bridged(tag, None),
                    Truth::Unknown => 0.2,
                    Truth::No => 0.0,
                })
                .fold(0.0, f64::max),
        ),
    }
}

fn fit(facts: &OfferingFacts, question: &Question) -> Option<f64> {
    let wished = &question.preferred;
    let mut met = Vec::new();
    met.extend(wished.needs.iter().map(|v| facts.needs.as_ref().is_some_and(|l| l.contains(v))));
    met.extend(wished.populations.iter().map(|v| facts.populations.as_ref().is_some_and(|l| l.contains(v))));
    met.extend(wished.practices.iter().map(|v| facts.practices.as_ref().is_some_and(|l| l.contains(v))));
    met.extend(wished.modalities.iter().map(|v| facts.modalities.as_ref().is_some_and(|l| l.contains(v))));
    met.extend(
        wished.schedules.iter().map(|v| facts.schedule.as_ref().is_some_and(|s| s.offers(*v) == Truth::Yes)),
    );
    met.extend(
        wished.accessibility.iter().map(|v| facts.accessibility.as_ref().is_some_and(|l| l.contains(v))),
    );
    let count = met.iter().filter(|met| **met).count();
    (!met.is_empty()).then(|| count as f64 / met.len() as f64)
}

/// Each rate as if two of four more had gone well.
fn reliability(track: &TrackRecord) -> f64 {
    let rate = |yes: f64, of: f64| (yes + 2.0) / (of + 4.0);
    let tally = |tally: Tally| rate(f64::from(tally.yes), f64::from(tally.of));
    let replies = f64::from(track.reply_hours.count);
    let promptness = (-track.reply_hours.p50 / 48.0).exp2();
    0.2 * tally(track.calls)
        + 0.3 * tally(track.acceptances)
        + 0.2 * rate(replies * promptness, replies)
        + 0.3 * tally(track.claims_honoured)
}

fn confirmation(offered: &Offered, question: &Question) -> f64 {
    let grain = match offered.facts.grain {
        Grain::Team => 1.0,
        Grain::Service => 0.8,
        Grain::Facility => 0.3,
    };
    let live = offered.claim.as_ref().filter(|claim| question.now < claim.valid_until);
    // A claim that says "unknown" says nothing.
    let freshness = live.filter(|claim| claim.status != AvailabilityStatus::Unknown).map_or(0.0, |claim| {
        let seconds = (question.now.as_second() - claim.reported_at.as_second()).max(0);
        (1.0 - seconds as f64 / (30.0 * 86_400.0)).max(0.0)
    });
    0.7 * grain + 0.3 * freshness
}
