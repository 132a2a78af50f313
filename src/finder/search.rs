//! Best-first branch and bound: the nodes in order of what they may hold at best, until nothing below the
//! next one can enter the answer.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use rstar::{ParentNode, RTreeNode};
use serde::{Deserialize, Serialize};

use super::areas::Block;
use super::eligibility::{Asked, Reach, Via};
use super::envelope::Site;
use super::index::Index;
use super::leaf::Leaf;
use super::question::{Question, Sort};
use super::scoring::{Scoring, Travel};
use crate::types::{OfferingId, Truth};

/// A search: a question and which part of its answer is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// What is asked.
    pub question: &'a Question,
    /// The order.
    pub sort: Sort,
    /// At most this many hits.
    pub limit: usize,
    /// Only hits after this one: the key of the last hit of the page before.
    pub after: Option<SortKey>,
    /// Matches are counted up to this many; 0 where the total is not wanted.
    pub count_to: usize,
    /// Whether contributions and reasons are wanted.
    pub explain: bool,
}

impl<'a> Search<'a> {
    /// Matches are counted up to this many.
    pub const COUNT_TO: usize = 1000;

    /// The first 25 hits by score, explained, with the total.
    pub fn new(question: &'a Question) -> Self {
        Self { question, sort: Sort::Match, limit: 25, after: None, count_to: Self::COUNT_TO, explain: true }
    }
}

/// The place of a hit in its answer: lower comes first, ties go by offering. Keys of different questions or
/// sorts do not compare.
///
/// It serializes as the bits of the number, so that a cursor names its hit exactly.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(from = "Bits", into = "Bits")]
pub struct SortKey {
    place: f64,
    offering: OfferingId,
}

#[derive(Serialize, Deserialize)]
struct Bits {
    place: u64,
    offering: OfferingId,
}

impl From<Bits> for SortKey {
    fn from(Bits { place, offering }: Bits) -> Self {
        Self { place: f64::from_bits(place), offering }
    }
}

impl From<SortKey> for Bits {
    fn from(SortKey { place, offering }: SortKey) -> Self {
        Self { place: place.to_bits(), offering }
    }
}

impl SortKey {
    pub(super) fn new(place: f64, offering: OfferingId) -> Self {
        Self { place, offering }
    }
}

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place.total_cmp(&other.place).then_with(|| self.offering.cmp(&other.offering))
    }
}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SortKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for SortKey {}

/// How many offerings match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// As far as it was counted.
    pub value: usize,
    /// Whether that is all of them; otherwise there may be more.
    pub exact: bool,
}

/// One that made it into the answer, before it is explained.
pub(super) struct Found<'a> {
    pub(super) key: SortKey,
    pub(super) leaf: &'a Leaf,
    pub(super) reach: Reach,
}

/// The first hits in order, and how many match in all.
///
/// Every match is met exactly once: under its area if it comes to residents, else under its school, else at
/// its place in the tree.
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
    let mut open = BinaryHeap::new();
    run.open_roots(|node, bound| open.push(Reverse(Candidate { bound, node })));
    while let Some(Reverse(Candidate { bound, node })) = open.pop() {
        if run.is_settled(&bound) {
            run.count_below(
                open.into_iter().map(|Reverse(candidate)| candidate.node).chain([node]).collect(),
            );
            break;
        }
        run.expand(node, |node, bound| open.push(Reverse(Candidate { bound, node })));
    }
    run.answer()
}

#[derive(Clone, Copy)]
enum Node<'a> {
    Tree(&'a ParentNode<Site>),
    Roster(&'a Block, Via),
}

struct Candidate<'a> {
    bound: SortKey,
    node: Node<'a>,
}

impl Ord for Candidate<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bound.cmp(&other.bound)
    }
}

impl PartialOrd for Candidate<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.bound == other.bound
    }
}

impl Eq for Candidate<'_> {}

struct Ranked<'a>(Found<'a>);

impl Ord for Ranked<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.key.cmp(&other.0.key)
    }
}

impl PartialOrd for Ranked<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for Ranked<'_> {}

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
    best: BinaryHeap<Ranked<'a>>,
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
        let envelope = node.envelope();
        let chord_2 = envelope.chord_2_from(&self.asked.origin);
        if self.asked.may_be_near(chord_2) && self.asked.may_match(&envelope.summary) {
            open(Node::Tree(node), self.scoring.bound(&envelope, Travel::AtLeast(chord_2)));
        }
    }

    fn consider_block(&self, block: &'a Block, via: Via, open: &mut impl FnMut(Node<'a>, SortKey)) {
        if self.asked.may_match(&block.envelope.summary) {
            open(Node::Roster(block, via), self.scoring.bound(&block.envelope, Travel::None));
        }
    }

    /// Whether nothing at or after `bound` can enter the answer.
    fn is_settled(&self, bound: &SortKey) -> bool {
        self.best.len() >= self.limit && self.best.peek().is_none_or(|worst| worst.0.key <= *bound)
    }

    fn expand(&mut self, node: Node<'a>, mut open: impl FnMut(Node<'a>, SortKey)) {
        match node {
            Node::Tree(parent) => {
                for child in parent.children() {
                    match child {
                        RTreeNode::Parent(parent) => self.consider(parent, &mut open),
                        RTreeNode::Leaf(site) => self.visit_place(site, Self::rank),
                    }
                }
            }
            Node::Roster(block, via) => {
                for site in &block.sites {
                    self.visit(site, via, Self::rank);
                }
            }
        }
    }

    /// Counts what is left, in any order, as far as it is wanted.
    fn count_below(&mut self, mut nodes: Vec<Node<'a>>) {
        while self.matches <= self.count_to && self.count_to > 0 {
            match nodes.pop() {
                None => break,
                Some(Node::Roster(block, via)) => {
                    for site in &block.sites {
                        self.visit(site, via, |_, _, _| ());
                    }
                }
                Some(Node::Tree(parent)) => {
                    for child in parent.children() {
                        match child {
                            RTreeNode::Parent(parent) => {
                                let envelope = parent.envelope();
                                let chord_2 = envelope.chord_2_from(&self.asked.origin);
                                if self.asked.may_be_near(chord_2) && self.asked.may_match(&envelope.summary)
                                {
                                    nodes.push(Node::Tree(parent));
                                }
                            }
                            RTreeNode::Leaf(site) => self.visit_place(site, |_, _, _| ()),
                        }
                    }
                }
            }
        }
    }

    fn visit_place(&mut self, site: &Site, then: impl FnOnce(&mut Self, &'a Leaf, Reach)) {
        if self.asked.may_be_near(site.envelope.chord_2_from(&self.asked.origin)) {
            self.visit(site, Via::Place, then);
        }
    }

    /// Judges an offering exactly and counts it, if it is reached in this way.
    fn visit(&mut self, site: &Site, via: Via, then: impl FnOnce(&mut Self, &'a Leaf, Reach)) {
        if !self.asked.may_match(&site.envelope.summary) {
            return;
        }
        let leaf = self.index.leaf(site.slot);
        let reach = self.asked.reach(leaf);
        if reach.via == Some(via)
            && self.asked.serves_audience(leaf)
            && self.asked.truths(leaf).all(|(_, truth)| truth == Truth::Yes)
        {
            self.matches += 1;
            then(self, leaf, reach);
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
        self.best.push(Ranked(Found { key, leaf, reach }));
    }

    fn answer(self) -> (Vec<Found<'a>>, Total) {
        let exact = self.count_to > 0 && self.matches <= self.count_to;
        let total = Total { value: self.matches.min(self.count_to), exact };
        (self.best.into_sorted_vec().into_iter().map(|ranked| ranked.0).collect(), total)
    }
}
