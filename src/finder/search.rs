//! Best-first branch and bound: the nodes in order of what they may hold at best, until nothing below the
//! next one can enter the answer.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use rstar::{ParentNode, RTreeNode};

use super::areas::Block;
use super::eligibility::{Asked, Reach, Via};
use super::envelope::{FacetEnvelope, Site};
use super::index::Index;
use super::leaf::Leaf;
use super::page::{Search, SortKey, Total};
use super::scoring::{Scoring, Travel};
use super::text::AskedWords;
use crate::types::Truth;

/// One that made it into the answer, before it is explained.
pub(super) struct Found<'a> {
    pub(super) key: SortKey,
    pub(super) leaf: &'a Leaf,
    pub(super) reach: Reach,
}

/// As many offerings are sooner looked at one by one than found in the tree.
const FEW: u64 = if cfg!(test) { 4 } else { 1000 };

/// The first hits in order, and how many match in all.
///
/// Every match is met exactly once: under its area if it comes to residents, else under its school, else at
/// its place in the tree. Where words are asked that few offerings hold, these are met one by one instead.
pub(super) fn run<'a>(
    index: &'a Index,
    search: &Search<'_>,
    asked: &Asked<'_>,
    scoring: &Scoring<'_>,
) -> (Vec<Found<'a>>, Total) {
    let mut run = Run {
        index,
        asked,
        scoring,
        after: search.after,
        limit: search.limit,
        count_to: search.count_to,
        matches: 0,
        best: BinaryHeap::new(),
    };
    if let Some(few) = asked.words.as_ref().map(AskedWords::holders).filter(|all| all.len() <= FEW) {
        few.iter().for_each(|slot| run.meet(slot));
        return run.answer();
    }
    let mut open = BinaryHeap::new();
    run.open_roots(|item, key| open.push(Reverse(Placed { key, item })));
    while let Some(Reverse(next)) = open.pop() {
        if run.is_settled(&next.key) {
            let rest = open.into_iter().map(|Reverse(placed)| placed.item);
            run.count_below(rest.chain([next.item]).collect());
            break;
        }
        run.expand(next.item, |item, key| open.push(Reverse(Placed { key, item })));
    }
    run.answer()
}

#[derive(Clone, Copy)]
enum Node<'a> {
    Tree(&'a ParentNode<Site>),
    Roster(&'a Block, Via),
}

/// Something in its place in the order, or at the best place that it can have.
struct Placed<T> {
    key: SortKey,
    item: T,
}

impl<T> Ord for Placed<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl<T> PartialOrd for Placed<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Placed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<T> Eq for Placed<T> {}

struct Run<'a, 'q> {
    index: &'a Index,
    asked: &'q Asked<'q>,
    scoring: &'q Scoring<'q>,
    after: Option<SortKey>,
    limit: usize,
    count_to: usize,
    /// Matches met so far; beyond `count_to` it need not grow.
    matches: usize,
    /// The best so far, worst on top.
    best: BinaryHeap<Placed<(&'a Leaf, Reach)>>,
}

impl<'a> Run<'a, '_> {
    fn open_roots(&self, mut open: impl FnMut(Node<'a>, SortKey)) {
        self.consider(self.index.tree_root(), &mut open);
        let areas = self.index.areas();
        let inside = if self.asked.allows_residents() { self.asked.located.inside.as_slice() } else { &[] };
        for area in inside {
            for block in areas.roster(*area).blocks() {
                self.consider_block(block, Via::Area, &mut open);
            }
        }
        let school = self.asked.question.school.filter(|_| self.asked.allows_schools());
        if let Some(roster) = school.and_then(|school| areas.school(school)) {
            for block in roster.blocks() {
                self.consider_block(block, Via::School, &mut open);
            }
        }
    }

    fn consider(&self, node: &'a ParentNode<Site>, open: &mut impl FnMut(Node<'a>, SortKey)) {
        if let Some((envelope, chord_2)) = self.may_match_below(node) {
            open(Node::Tree(node), self.scoring.bound(&envelope, Travel::AtLeast(chord_2)));
        }
    }

    /// The envelope of a node and how far it is, if it may hold a match.
    fn may_match_below(&self, node: &ParentNode<Site>) -> Option<(FacetEnvelope, f64)> {
        let envelope = node.envelope();
        let chord_2 = envelope.chord_2_from(&self.asked.origin);
        (self.asked.may_be_near(chord_2) && self.asked.may_match(&envelope.summary))
            .then_some((envelope, chord_2))
    }

    fn consider_block(&self, block: &'a Block, via: Via, open: &mut impl FnMut(Node<'a>, SortKey)) {
        if self.asked.may_match(&block.envelope.summary) {
            open(Node::Roster(block, via), self.scoring.bound(&block.envelope, Travel::None));
        }
    }

    /// Whether nothing at or after `bound` can enter the answer.
    fn is_settled(&self, bound: &SortKey) -> bool {
        self.best.len() >= self.limit && self.best.peek().is_none_or(|worst| worst.key <= *bound)
    }

    fn expand(&mut self, node: Node<'a>, mut open: impl FnMut(Node<'a>, SortKey)) {
        match node {
            Node::Tree(parent) => {
                for child in parent.children() {
                    match child {
                        RTreeNode::Parent(parent) => self.consider(parent, &mut open),
                        RTreeNode::Leaf(site) => self.visit_place(site, true),
                    }
                }
            }
            Node::Roster(block, via) => {
                for site in &block.sites {
                    self.visit_listed(site, via, true);
                }
            }
        }
    }

    /// Counts what is left, in any order, as far as it is wanted.
    fn count_below(&mut self, mut nodes: Vec<Node<'a>>) {
        while self.count_to > 0 && self.matches <= self.count_to {
            let Some(node) = nodes.pop() else { break };
            match node {
                Node::Tree(parent) => {
                    for child in parent.children() {
                        match child {
                            RTreeNode::Parent(parent) if self.may_match_below(parent).is_some() => {
                                nodes.push(Node::Tree(parent));
                            }
                            RTreeNode::Parent(_) => {}
                            RTreeNode::Leaf(site) => self.visit_place(site, false),
                        }
                    }
                }
                Node::Roster(block, via) => {
                    for site in &block.sites {
                        self.visit_listed(site, via, false);
                    }
                }
            }
        }
    }

    /// Meets an offering in the tree: counts it if it matches by way of its place, and ranks it if wanted.
    fn visit_place(&mut self, site: &Site, ranks: bool) {
        let chord_2 = site.envelope.chord_2_from(&self.asked.origin);
        if !self.asked.may_be_near(chord_2)
            || !self.asked.may_match(&site.envelope.summary)
            || !self.asked.has_words(site.slot)
        {
            return;
        }
        if site.is_exact && !site.has_area {
            if self.asked.is_near(chord_2) {
                self.count(site, Travel::AtLeast(chord_2), ranks);
            }
        } else {
            self.visit(site, Via::Place, ranks);
        }
    }

    /// Meets an offering on the roster of a school, or of an area that the residence is in.
    fn visit_listed(&mut self, site: &Site, via: Via, ranks: bool) {
        let summary = &site.envelope.summary;
        if !self.asked.may_match(summary) || !self.asked.has_words(site.slot) {
            return;
        }
        if site.is_exact && via == Via::Area {
            if self.asked.comes_to_residents(&summary.facets) {
                self.count(site, Travel::None, ranks);
            }
        } else {
            self.visit(site, via, ranks);
        }
    }

    /// Counts a match, and looks at its leaf if it may enter the answer: the cheap bound first, as most are
    /// settled without a look at how far they are.
    fn count(&mut self, site: &Site, travel: Travel, ranks: bool) {
        self.matches += 1;
        let may_enter = |travel| !self.is_settled(&self.scoring.bound(&site.envelope, travel));
        if ranks && may_enter(Travel::None) && may_enter(travel) {
            let leaf = self.index.leaf(site.slot);
            self.rank(leaf, self.asked.reach(leaf));
        }
    }

    /// Judges an offering exactly; counts it if it matches and is reached in this way.
    fn visit(&mut self, site: &Site, via: Via, ranks: bool) {
        let leaf = self.index.leaf(site.slot);
        let reach = self.asked.reach(leaf);
        if reach.via == Some(via) {
            self.judge(leaf, reach, ranks);
        }
    }

    /// Meets an offering that holds the words asked for, however it is reached.
    fn meet(&mut self, slot: u32) {
        let leaf = self.index.leaf(slot);
        let reach = self.asked.reach(leaf);
        if reach.via.is_some() {
            self.judge(leaf, reach, true);
        }
    }

    fn judge(&mut self, leaf: &'a Leaf, reach: Reach, ranks: bool) {
        if self.asked.serves_audience(leaf) && self.asked.truths(leaf).all(|(_, truth)| truth == Truth::Yes) {
            self.matches += 1;
            if ranks {
                self.rank(leaf, reach);
            }
        }
    }

    fn rank(&mut self, leaf: &'a Leaf, reach: Reach) {
        let key = self.scoring.key(leaf, &reach);
        if self.after.is_some_and(|after| key <= after) || self.is_settled(&key) {
            return;
        }
        if self.best.len() >= self.limit {
            self.best.pop();
        }
        self.best.push(Placed { key, item: (leaf, reach) });
    }

    fn answer(self) -> (Vec<Found<'a>>, Total) {
        let exact = self.count_to > 0 && self.matches <= self.count_to;
        let total = Total { value: self.matches.min(self.count_to), exact };
        let found = self.best.into_sorted_vec().into_iter();
        (found.map(|Placed { key, item: (leaf, reach) }| Found { key, leaf, reach }).collect(), total)
    }
}
