//! The index: what is in it, how it changes, how it is asked.

use std::collections::hash_map::Entry as MapEntry;

use jiff::Timestamp;
use rstar::{ParentNode, RStarInsertionStrategy, RTree, RTreeParams, SelectionFunction};
use rustc_hash::FxHashMap;

use super::answer::Answer;
use super::areas::Areas;
use super::eligibility::Asked;
use super::envelope::{FacetEnvelope, Site};
use super::explain::Explainer;
use super::interner::{Languages, PlanInfo, Plans};
use super::leaf::{Entry, Leaf};
use super::page::Search;
use super::question::{Criteria, Question, Sort};
use super::ranking::RankingProfile;
use super::scoring::Scoring;
use super::search;
use super::text::{AskedWords, Texts};
use crate::availability::Estimates;
use crate::types::{Coordinates, Criterion, InsurancePlanId, OfferingId, Truth};

/// Every offering, ready to be searched. A plain structure in memory: callers lock it.
///
/// About 0.5 kB per offering. With `n` offerings building is O(n log n); [`Index::apply`] and
/// [`Index::remove`] are O(log n) in the tree, plus a look at each offering of the same service area or
/// school for those that come to the student.
#[derive(Debug, Default)]
pub struct Index {
    slots: Vec<Option<Leaf>>,
    free: Vec<u32>,
    numbers: FxHashMap<OfferingId, u32>,
    tree: RTree<Site, NodeSize>,
    areas: Areas,
    languages: Languages,
    plans: Plans,
    texts: Texts,
    estimates: Estimates,
    revision: u64,
}

/// Nodes larger than `rstar`'s default of 6: fewer envelopes to weigh, each over more neighbours. Small in
/// tests, so that few offerings make a deep tree.
#[derive(Debug)]
struct NodeSize;

impl RTreeParams for NodeSize {
    const MIN_SIZE: usize = if cfg!(test) { 2 } else { 12 };
    const MAX_SIZE: usize = if cfg!(test) { 4 } else { 32 };
    const REINSERTION_COUNT: usize = 0;
    type DefaultInsertionStrategy = RStarInsertionStrategy;
}

impl Index {
    /// Builds the index of `entries`; of several with the same id the last counts.
    pub fn build<'a>(
        entries: impl IntoIterator<Item = Entry<'a>>,
        plans: impl IntoIterator<Item = (InsurancePlanId, PlanInfo)>,
    ) -> Self {
        let all = |keep: &mut dyn FnMut(Entry<'_>)| {
            entries.into_iter().for_each(keep);
            Ok::<(), std::convert::Infallible>(())
        };
        match Self::load(plans, all) {
            Ok(index) => index,
            Err(never) => match never {},
        }
    }

    /// Builds the index of what `source` hands over one by one, so that no more than one entry need be there
    /// at a time.
    ///
    /// # Errors
    /// What `source` fails with.
    pub fn load<E>(
        plans: impl IntoIterator<Item = (InsurancePlanId, PlanInfo)>,
        source: impl FnOnce(&mut dyn FnMut(Entry<'_>)) -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut index = Self::default();
        for (plan, info) in plans {
            index.plans.set(plan, info);
        }
        source(&mut |entry| {
            index.forget(entry.offering);
            index.keep(&entry);
        })?;
        let mut sites = Vec::with_capacity(index.slots.len());
        for slot in 0..index.slots.len() {
            let slot = u32::try_from(slot).expect("slots are numbered in 32 bits");
            let Some(leaf) = &index.slots[slot as usize] else {
                continue;
            };
            let site = leaf.site(slot);
            if leaf.point.is_some() {
                sites.push(site);
            }
            add_to_rosters(&mut index.areas, leaf, site);
        }
        index.tree = RTree::bulk_load_with_params(sites);
        Ok(index)
    }

    /// How many offerings it holds.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Counts the changes since it was built.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Goes on counting from the revision of the index that this one replaces.
    pub fn continue_from(&mut self, revision: u64) {
        self.revision = self.revision.max(revision + 1);
    }

    /// Adds an offering, or replaces what was known of it.
    pub fn apply(&mut self, entry: Entry<'_>) {
        self.withdraw(entry.offering);
        self.forget(entry.offering);
        let slot = self.keep(&entry);
        self.enter(slot);
        self.revision += 1;
    }

    /// Removes an offering; whether it was there.
    pub fn remove(&mut self, offering: OfferingId) -> bool {
        self.withdraw(offering);
        let was_there = self.forget(offering);
        self.revision += u64::from(was_there);
        was_there
    }

    /// Sets what is known of a plan. O(1), unless offerings list it and its category changes: then each of
    /// them is entered anew, after a look at every offering.
    pub fn set_plan(&mut self, plan: InsurancePlanId, info: PlanInfo) {
        if let Some(number) = self.plans.set(plan, info) {
            let lists_it = |leaf: &Leaf| leaf.plans().iter().any(|listing| listing.plan == number);
            let listing: Vec<OfferingId> =
                self.slots.iter().flatten().filter(|leaf| lists_it(leaf)).map(|leaf| leaf.offering).collect();
            for offering in listing {
                self.withdraw(offering);
                let slot = self.numbers[&offering];
                if let Some(leaf) = &mut self.slots[slot as usize] {
                    leaf.cover(&self.plans);
                }
                self.enter(slot);
            }
        }
        self.revision += 1;
    }

    /// The hits of a search in order, with their explanation if it is wanted, and the total.
    pub fn search(&self, search: &Search<'_>, profile: &RankingProfile) -> Answer {
        let asked = self.resolve(search.question);
        let scoring = self.scoring(&asked, search.sort, profile);
        let (found, total) = search::run(self, search, &asked, &scoring);
        let explainer = Explainer::new(&asked, &scoring, &self.languages, search.explain);
        let suggestions = asked.words.as_ref().map(AskedWords::suggestions).unwrap_or_default();
        Answer { hits: found.into_iter().map(|found| explainer.hit(&found)).collect(), total, suggestions }
    }

    /// The truth of every criterion that a question requires, of the location and of the restriction, for
    /// one offering; `None` if it is not there. The audience and the words, which are no criteria, are left out.
    pub fn judge(&self, offering: OfferingId, question: &Question) -> Option<Vec<(Criterion, Truth)>> {
        let leaf = self.leaf(*self.numbers.get(&offering)?);
        let asked = self.resolve(question);
        let location = (Criterion::Location, asked.reach(leaf).truth);
        Some(std::iter::once(location).chain(asked.truths(leaf)).collect())
    }

    /// Whether one offering is said to hold each of these criteria at `now`, from wherever it is asked. One that is not
    /// there holds none.
    pub fn holds(&self, offering: OfferingId, required: &Criteria, now: Timestamp) -> bool {
        let question = Question { required: required.clone(), ..Question::near(Coordinates::ANYWHERE, now) };
        let hangs_on_place =
            |criterion: Criterion| matches!(criterion, Criterion::Location | Criterion::Restriction);
        self.judge(offering, &question).is_some_and(|truths| {
            truths.iter().all(|(criterion, truth)| hangs_on_place(*criterion) || *truth == Truth::Yes)
        })
    }

    pub(super) fn resolve<'a>(&'a self, question: &'a Question) -> Asked<'a> {
        Asked::new(question, &self.languages, &self.plans, &self.areas, &self.texts)
    }

    pub(super) fn scoring<'a>(
        &self,
        asked: &'a Asked<'a>,
        sort: Sort,
        profile: &RankingProfile,
    ) -> Scoring<'a> {
        Scoring::new(asked, sort, profile, &self.languages)
    }

    pub(super) fn tree_root(&self) -> &ParentNode<Site> {
        self.tree.root()
    }

    pub(super) fn languages(&self) -> &Languages {
        &self.languages
    }

    pub(super) fn areas(&self) -> &Areas {
        &self.areas
    }

    pub(super) fn leaf(&self, slot: u32) -> &Leaf {
        self.slots[slot as usize].as_ref().expect("sites and numbers lead to slots that are taken")
    }

    /// Puts a new leaf into a free slot, out of reach of searches as yet.
    fn keep(&mut self, entry: &Entry<'_>) -> u32 {
        let area = entry.facts.service_area.as_ref().map(|area| self.areas.join(area));
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("memory ends before four billion offerings")
        });
        let leaf = Leaf::new(entry, slot, area, &mut self.languages, &mut self.plans, &mut self.estimates);
        self.slots[slot as usize] = Some(leaf);
        self.texts.add(slot, entry);
        self.numbers.insert(entry.offering, slot);
        slot
    }

    /// Empties an offering's slot; whether there was one.
    fn forget(&mut self, offering: OfferingId) -> bool {
        let MapEntry::Occupied(number) = self.numbers.entry(offering) else {
            return false;
        };
        let slot = number.remove();
        self.free.push(slot);
        self.texts.remove(slot);
        if let Some(leaf) = self.slots[slot as usize].take() {
            for listing in leaf.plans() {
                self.plans.drop_listing(listing.plan);
            }
            if let Some(area) = leaf.area {
                self.areas.leave(area);
            }
        }
        true
    }

    /// Lets searches find a leaf: in the tree and on rosters.
    fn enter(&mut self, slot: u32) {
        let Some(leaf) = &self.slots[slot as usize] else {
            return;
        };
        let site = leaf.site(slot);
        if leaf.point.is_some() {
            self.tree.insert(site);
        }
        add_to_rosters(&mut self.areas, leaf, site);
    }

    /// Takes an offering's leaf out of the reach of searches.
    fn withdraw(&mut self, offering: OfferingId) {
        let Some(slot) = self.numbers.get(&offering).copied() else {
            return;
        };
        let Some(leaf) = &self.slots[slot as usize] else {
            return;
        };
        if let Some(point) = leaf.point {
            self.tree.remove_with_selection_function(SiteOf { slot, point, offering });
        }
        if let Some(area) = leaf.area.filter(|_| leaf.comes_to_residents()) {
            self.areas.roster_mut(area).remove(slot);
        }
        for door in leaf.doors() {
            self.areas.remove_from_door(door, slot);
        }
    }
}

fn add_to_rosters(areas: &mut Areas, leaf: &Leaf, site: Site) {
    if let Some(area) = leaf.area.filter(|_| leaf.comes_to_residents()) {
        areas.roster_mut(area).add(site);
    }
    for door in leaf.doors() {
        areas.add_to_door(door, site);
    }
}

/// Leads to one offering's site: nodes that do not hold its point, or only later ids, are passed over.
struct SiteOf {
    slot: u32,
    point: [f64; 3],
    offering: OfferingId,
}

impl SelectionFunction<Site> for SiteOf {
    fn should_unpack_parent(&self, envelope: &FacetEnvelope) -> bool {
        envelope.contains(&self.point) && envelope.summary.first <= self.offering
    }

    fn should_unpack_leaf(&self, site: &Site) -> bool {
        site.slot == self.slot
    }
}
