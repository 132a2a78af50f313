//! One offering as the index keeps it: ids, bits and small boxed slices. Its words are kept in `text`.

use super::envelope::{FacetEnvelope, Site, Summary};
use super::facets::{self, CriterionSet, Facet, FacetValue, Facets};
use super::interner::{Languages, Plans};
use super::partners::{self, Door, Partner};
use super::wait::{Moment, Statement};
use crate::availability::{Claim, Estimates, Evidence, ExpectedWait, TrackRecord};
use crate::directory::{
    Coverage, LocationFacts, OfferingFacts, OrganizationFacts, PartnershipFacts, ServiceFacts,
};
use crate::types::{
    AgeRange, Ages, Audience, Coordinates, CoverageCategory, Criterion, Grain, Modality, OfferingId,
    ScheduleKind, SchoolId, Truth,
};

/// Modalities by which an offering comes to those who live in its service area.
pub(super) const TO_RESIDENTS: &[Modality] =
    &[Modality::TelehealthVideo, Modality::TelehealthPhone, Modality::InHome];
/// The modality by which it comes into its schools.
pub(super) const INTO_SCHOOLS: Modality = Modality::InSchool;

/// One offering as the caller hands it over; borrowed, nothing of it is kept.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its id.
    pub offering: OfferingId,
    /// Where it is, if it has a place.
    pub place: Option<Coordinates>,
    /// What was said of it.
    pub facts: &'a OfferingFacts,
    /// Whom its service is for.
    pub audience: &'a [Audience],
    /// The latest claim on its pool.
    pub claim: Option<&'a Claim>,
    /// What is known of its pool beside the claim.
    pub evidence: Evidence,
    /// The agreements of its organization, whichever services they cover and whenever they are in force.
    pub partnerships: &'a [PartnershipFacts],
    /// What its words are searched in, beside its own facts.
    pub about: About<'a>,
}

/// Whose names, descriptions and terms are searched as an offering's.
#[derive(Clone, Copy, Debug, Default)]
pub struct About<'a> {
    /// Who offers it.
    pub organization: Option<&'a OrganizationFacts>,
    /// Its service.
    pub service: Option<&'a ServiceFacts>,
    /// Its place.
    pub location: Option<&'a LocationFacts>,
}

/// One listed plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlanListing {
    pub(super) plan: u32,
    pub(super) accepting_new: bool,
}

/// Ages as ranges that neither overlap nor touch.
#[derive(Debug)]
struct AgeFacts {
    accepted: Box<[AgeRange]>,
    /// Accepted or not stated.
    not_refused: Box<[AgeRange]>,
}

/// What few offerings have.
#[derive(Debug, Default)]
struct Rare {
    plans: Box<[PlanListing]>,
    schools: Option<Box<[SchoolId]>>,
    partners: Box<[Partner]>,
    /// Values that have no bit of their own.
    beyond: Box<[(Facet, u32)]>,
}

/// One offering.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) offering: OfferingId,
    /// Where it is kept.
    pub(super) slot: u32,
    /// Its place on the unit sphere.
    pub(super) point: Option<[f64; 3]>,
    pub(super) facets: Facets,
    /// Criteria whose list is absent or not the whole: what is not listed there is unknown.
    open: CriterionSet,
    /// Coverage categories that are accepted as a whole, as bits of the closed word.
    pub(super) categories: u64,
    /// Kinds of schedule of which nothing is known, as bits of the closed word.
    schedule_open: u64,
    pub(super) grain: Grain,
    /// The service area that a student must live in.
    pub(super) area: Option<u32>,
    pub(super) statement: Option<Box<Statement>>,
    /// What was observed of its pool, if anything was.
    pub(super) track: Option<Box<TrackRecord>>,
    ages: Option<Box<AgeFacts>>,
    rare: Option<Box<Rare>>,
}

impl Leaf {
    /// Interns what the entry names. `area` is the number of its service area.
    pub(super) fn new(
        entry: &Entry<'_>,
        slot: u32,
        area: Option<u32>,
        languages: &mut Languages,
        plans: &mut Plans,
        estimates: &mut Estimates,
    ) -> Self {
        let facts = entry.facts;
        let mut leaf = Self {
            offering: entry.offering,
            slot,
            point: entry.place.map(Coordinates::unit_vector),
            facets: Facets::default(),
            open: CriterionSet::default(),
            categories: 0,
            schedule_open: 0,
            grain: facts.grain,
            area,
            statement: entry
                .claim
                .and_then(|claim| Statement::of(claim, entry.evidence, estimates))
                .map(Box::new),
            track: entry.evidence.track.map(Box::new),
            ages: None,
            rare: None,
        };
        let mut rare = Rare { schools: facts.schools.as_deref().map(sorted), ..Rare::default() };
        let mut beyond = Vec::new();
        for criterion in &facts.partial {
            leaf.open.insert(*criterion);
        }
        leaf.facets.add(Facet::Closed, facets::bits(entry.audience));
        leaf.list(Criterion::Tier, facts.tiers.as_deref(), &mut beyond);
        leaf.list(Criterion::Need, facts.needs.as_deref(), &mut beyond);
        leaf.list(Criterion::Modality, facts.modalities.as_deref(), &mut beyond);
        leaf.list(Criterion::Population, facts.populations.as_deref(), &mut beyond);
        leaf.list(Criterion::Practice, facts.practices.as_deref(), &mut beyond);
        leaf.list(Criterion::Accessibility, facts.accessibility.as_deref(), &mut beyond);
        leaf.list_languages(facts, languages, &mut beyond);
        leaf.list_schedule(facts);
        leaf.list_ages(facts.ages.as_ref());
        rare.plans = leaf.list_coverage(facts.coverage.as_ref(), plans);
        rare.beyond = beyond.into();
        rare.partners = partners::of(entry);
        let is_partnered = !rare.partners.is_empty();
        leaf.facets.add(Facet::Closed, if is_partnered { facets::PARTNERED } else { 0 });
        if is_partnered || !rare.plans.is_empty() || rare.schools.is_some() || !rare.beyond.is_empty() {
            leaf.rare = Some(Box::new(rare));
        }
        leaf.cover(plans);
        leaf
    }

    fn list<T: FacetValue>(
        &mut self,
        criterion: Criterion,
        values: Option<&[T]>,
        beyond: &mut Vec<(Facet, u32)>,
    ) {
        let Some(values) = values else {
            self.open.insert(criterion);
            return;
        };
        self.facets.add(T::FACET, facets::bits(values));
        beyond.extend(values.iter().filter_map(|value| Some((T::FACET, value.beyond()?))));
    }

    fn list_languages(
        &mut self,
        facts: &OfferingFacts,
        languages: &mut Languages,
        beyond: &mut Vec<(Facet, u32)>,
    ) {
        let Some(offered) = &facts.languages else {
            self.open.insert(Criterion::Language);
            return;
        };
        for offered in offered {
            let facet = Facet::of_language(offered.mode);
            let number = languages.number(&offered.language);
            self.facets.add(facet, facets::dense_bit(number));
            if number >= facets::DENSE {
                beyond.push((facet, number));
            }
        }
    }

    fn list_schedule(&mut self, facts: &OfferingFacts) {
        let Some(schedule) = &facts.schedule else {
            self.open.insert(Criterion::Schedule);
            return;
        };
        for kind in ScheduleKind::ALL {
            match schedule.offers(*kind) {
                Truth::Yes => self.facets.add(Facet::Closed, kind.bit()),
                Truth::Unknown => self.schedule_open |= kind.bit(),
                Truth::No => {}
            }
        }
    }

    fn list_ages(&mut self, ages: Option<&Ages>) {
        let Some(ages) = ages else {
            self.open.insert(Criterion::Age);
            return;
        };
        let accepted = joined(ages.accepted.iter());
        for range in &accepted {
            self.facets.add(Facet::Age, facets::years_touched(*range));
        }
        let not_refused = joined(ages.accepted.iter().chain(&ages.unstated));
        self.ages = Some(Box::new(AgeFacts { accepted, not_refused }));
    }

    fn list_coverage(&mut self, coverage: Option<&Coverage>, plans: &mut Plans) -> Box<[PlanListing]> {
        let Some(coverage) = coverage else {
            self.open.insert(Criterion::Coverage);
            return Box::default();
        };
        self.categories = facets::bits(&coverage.categories);
        coverage
            .plans
            .iter()
            .map(|listed| PlanListing {
                plan: plans.add_listing(listed.insurance_plan_id),
                accepting_new: listed.accepting_new,
            })
            .collect()
    }

    /// Lets questions for the accepted categories, and for those of accepted plans, through to this leaf.
    /// Whether a plan is in effect depends on the day and is judged later.
    pub(super) fn cover(&mut self, plans: &Plans) {
        let accepted = self.plans().iter().filter(|listing| listing.accepting_new);
        let by_plan = accepted.filter_map(|listing| plans.info(listing.plan)).map(|info| info.category.bit());
        let categories = by_plan.fold(self.categories, |all, category| all | category);
        self.facets.remove(Facet::Closed, facets::bits(CoverageCategory::ALL));
        self.facets.add(Facet::Closed, categories);
    }

    pub(super) fn plans(&self) -> &[PlanListing] {
        self.rare.as_ref().map_or(&[], |rare| &rare.plans)
    }

    pub(super) fn schools(&self) -> Option<&[SchoolId]> {
        self.rare.as_ref()?.schools.as_deref()
    }

    /// Whether it is on the roster of its area.
    pub(super) fn comes_to_residents(&self) -> bool {
        self.area.is_some() && self.facets.word(Facet::Closed) & facets::bits(TO_RESIDENTS) != 0
    }

    /// The agreements that cover its service.
    pub(super) fn partners(&self) -> &[Partner] {
        self.rare.as_ref().map_or(&[], |rare| &rare.partners)
    }

    /// The rosters that it is on: of its schools, or, where none is its own, of those that an agreement
    /// covers on whatever day. Each once.
    pub(super) fn doors(&self) -> Vec<Door> {
        if self.facets.word(Facet::Closed) & INTO_SCHOOLS.bit() == 0 {
            return Vec::new();
        }
        let mut doors: Vec<Door> = match self.schools() {
            Some(schools) => schools.iter().copied().map(Door::School).collect(),
            None => self.partners().iter().flat_map(Partner::doors).collect(),
        };
        doors.sort_unstable();
        doors.dedup();
        doors
    }

    /// Whether one of the rosters that it is on, if it comes into schools at all, is this one.
    pub(super) fn is_behind(&self, door: Door) -> bool {
        match (self.schools(), door) {
            (Some(schools), Door::School(school)) => schools.binary_search(&school).is_ok(),
            (Some(_), Door::District(_)) => false,
            (None, _) => self.partners().iter().any(|partner| partner.has(door)),
        }
    }

    pub(super) fn beyond(&self) -> &[(Facet, u32)] {
        self.rare.as_ref().map_or(&[], |rare| &rare.beyond)
    }

    /// Whether it lists a value.
    pub(super) fn has<T: FacetValue>(&self, value: T) -> bool {
        match value.beyond() {
            Some(position) => self.beyond().contains(&(T::FACET, position)),
            None => self.facets.word(T::FACET) & value.bit() != 0,
        }
    }

    /// Whether it lists an interned value.
    pub(super) fn lists(&self, facet: Facet, number: u32) -> bool {
        if number < facets::DENSE {
            self.facets.word(facet) & facets::dense_bit(number) != 0
        } else {
            self.beyond().contains(&(facet, number))
        }
    }

    /// Whether what is not listed under a criterion is unknown rather than refused.
    pub(super) fn is_open(&self, criterion: Criterion) -> bool {
        self.open.contains(criterion)
    }

    /// Bits that may hold though they are not listed.
    pub(super) fn open_bits(&self, criterion: Criterion) -> u64 {
        match criterion {
            _ if self.is_open(criterion) => u64::MAX,
            Criterion::Schedule => self.schedule_open,
            _ => 0,
        }
    }

    /// As [`Ages::accept`].
    pub(super) fn accepts(&self, asked: AgeRange) -> Truth {
        let within =
            |ranges: &[AgeRange]| ranges.iter().any(|r| r.min() <= asked.min() && asked.max() <= r.max());
        match &self.ages {
            Some(ages) if within(&ages.accepted) => Truth::Yes,
            Some(ages) if within(&ages.not_refused) => Truth::Unknown,
            _ if self.is_open(Criterion::Age) => Truth::Unknown,
            _ => Truth::No,
        }
    }

    /// The ages that are accepted, in the fewest ranges.
    pub(super) fn ages(&self) -> &[AgeRange] {
        self.ages.as_ref().map_or(&[], |ages| &ages.accepted)
    }

    /// How long one waits for a first appointment.
    pub(super) fn expected_wait(&self, moment: &Moment) -> ExpectedWait {
        self.statement.as_ref().map_or(ExpectedWait::Unknown, |statement| statement.wait(moment))
    }

    /// How far its pool was found reliable.
    pub(super) fn reliability(&self) -> f64 {
        self.track.as_deref().copied().unwrap_or_default().reliability()
    }

    /// What stands for it in the tree and on rosters.
    pub(super) fn site(&self, slot: u32) -> Site {
        let summary = Summary::of(
            self.offering,
            self.facets,
            self.grain,
            self.reliability(),
            self.statement.as_deref(),
        );
        let envelope = FacetEnvelope::of(self.point, summary);
        Site { slot, is_exact: self.is_exact(), has_area: self.area.is_some(), envelope }
    }

    /// Whether its summary tells all but the service area: it is for every school, no agreement covers it, it
    /// lists no value beyond the bits and no plan, its ages are whole years (an asked range is then accepted iff every year it touches
    /// is), and its claim lapses with a whole microsecond.
    fn is_exact(&self) -> bool {
        const LAST_WHOLE_YEAR: f64 = 63.0;
        let is_whole = |range: &AgeRange| {
            range.min().fract() == 0.0 && range.max().fract() == 0.0 && range.max() <= LAST_WHOLE_YEAR
        };
        let whole_years = self.ages.as_ref().is_none_or(|ages| ages.accepted.iter().all(is_whole));
        let whole_microseconds = self.statement.as_ref().is_none_or(|said| said.lapses_with_a_microsecond());
        self.rare.is_none() && whole_years && whole_microseconds
    }
}

fn sorted(schools: &[SchoolId]) -> Box<[SchoolId]> {
    let mut schools = schools.to_vec();
    schools.sort_unstable();
    schools.dedup();
    schools.into()
}

/// The same ages in the fewest ranges, so that a range is covered by them together iff one covers it.
fn joined<'a>(ranges: impl Iterator<Item = &'a AgeRange>) -> Box<[AgeRange]> {
    let mut ranges: Vec<AgeRange> = ranges.copied().collect();
    ranges.sort_by(|a, b| a.min().total_cmp(&b.min()));
    let mut joined: Vec<AgeRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.min() <= last.max() => {
                if let Some(longer) = AgeRange::new(last.min(), last.max().max(range.max())) {
                    *last = longer;
                }
            }
            _ => joined.push(range),
        }
    }
    joined.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_stays_small() {
        assert!(size_of::<Leaf>() <= 192, "{}", size_of::<Leaf>());
        assert!(size_of::<FacetEnvelope>() <= 192, "{}", size_of::<FacetEnvelope>());
    }
}
