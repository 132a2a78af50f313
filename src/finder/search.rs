//! Best-first branch and bound: the nodes in order of what they may hold at best, until nothing below the
//! next one can enter the answer.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use rstar::{ParentNode, RTreeNode};

use super::areas::{Block, Roster};
use super::eligibility::{Asked, Reach, Via};
use super::envelope::{FacetEnvelope, Site};
use super::index::Index;
use super::leaf::Leaf;
use super::page::{Search, SortKey, Total};
use super::partners::Door;
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
/// Measured at 20,000: with 1,000 a word that a sixth of all hold took 2.6 ms in the slowest of a hundred questions, with
/// 4,000 it takes 0.6; with 200 rarer words became five times slower.
const FEW: u64 = if cfg!(test) { 4 } else { 4000 };

/// Some of what a search found: the first in order, and how many there are in all.
pub(super) type List<'a> = (Vec<Found<'a>>, Total);

/// What matches: the first hits in order, and how many there are in all.
pub(super) fn run<'a>(
    index: &'a Index,
    search: &Search<'_>,
    asked: &Asked<'_>,
    scoring: &Scoring<'_>,
) -> List<'a> {
    let [matches] = sorted_out(index, search, asked, scoring, Sieve::All);
    matches
}

/// What matches `asked` and fails `original`, of which `asked` drops one criterion: first where it is stated
/// not to hold, then where nothing was said.
pub(super) fn misses<'a>(
    index: &'a Index,
    search: &Search<'_>,
    asked: &Asked<'_>,
    scoring: &Scoring<'_>,
    original: &Asked<'_>,
) -> [List<'a>; 2] {
    sorted_out(index, search, asked, scoring, Sieve::Failing(original))
}

/// Every match is met exactly once: under its area if it comes to residents, else under the first of the
/// student's school, district and collaboratives that it comes into, else at its place in the tree. Where words
/// are asked that few offerings hold, these are met one by one instead.
fn sorted_out<'a, const LISTS: usize>(
    index: &'a Index,
    search: &Search<'_>,
    asked: &Asked<'_>,
    scoring: &Scoring<'_>,
    sieve: Sieve<'_>,
) -> [List<'a>; LISTS] {
    let mut run = Run {
        index,
        asked,
        scoring,
        sieve,
        after: search.after,
        limit: search.limit,
        count_to: search.count_to,
        lists: std::array::from_fn(|_| Collected { matches: 0, best: BinaryHeap::new() }),
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
    Roster(&'a Block, Under),
}

/// Whose roster it is.
#[derive(Clone, Copy)]
enum Under {
    Area,
    Door(Door),
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

/// Which list a match goes to.
#[derive(Clone, Copy)]
enum Sieve<'q> {
    /// All to the first.
    All,
    /// What fails this question to the first, what may fail it to the second, what holds it to none.
    Failing(&'q Asked<'q>),
}

impl Sieve<'_> {
    fn list_of(self, leaf: &Leaf) -> Option<usize> {
        match self {
            Self::All => Some(0),
            Self::Failing(question) => match question.whole_truth(leaf) {
                Truth::No => Some(0),
                Truth::Unknown => Some(1),
                Truth::Yes => None,
            },
        }
    }

    /// Whether a match that nothing but its summary is known of can be counted.
    fn needs_no_leaf(self) -> bool {
        matches!(self, Self::All)
    }
}

/// One list in the making.
struct Collected<'a> {
    /// Matches met so far; beyond `count_to` it need not grow.
    matches: usize,
    /// The best so far, worst on top.
    best: BinaryHeap<Placed<(&'a Leaf, Reach)>>,
}

impl Collected<'_> {
    /// Whether nothing at or after `bound` can enter it.
    fn is_settled(&self, limit: usize, bound: &SortKey) -> bool {
        self.best.len() >= limit && self.best.peek().is_none_or(|worst| worst.key <= *bound)
    }
}

struct Run<'a, 'q, const LISTS: usize> {
    index: &'a Index,
    asked: &'q Asked<'q>,
    scoring: &'q Scoring<'q>,
    sieve: Sieve<'q>,
    after: Option<SortKey>,
    limit: usize,
    count_to: usize,
    lists: [Collected<'a>; LISTS],
}

impl<'a, const LISTS: usize> Run<'a, '_, LISTS> {
    fn open_roots(&self, mut open: impl FnMut(Node<'a>, SortKey)) {
        self.consider(self.index.tree_root(), &mut open);
        let areas = self.index.areas();
        let inside = if self.asked.allows_residents() { self.asked.located.inside.as_slice() } else { &[] };
        for area in inside {
            for block in areas.roster(*area).blocks() {
                self.consider_block(block, Under::Area, &mut open);
            }
        }
        for door in &self.asked.doors {
            for block in areas.behind(*door).map_or(&[][..], Roster::blocks) {
                self.consider_block(block, Under::Door(*door), &mut open);
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

    fn consider_block(&self, block: &'a Block, under: Under, open: &mut impl FnMut(Node<'a>, SortKey)) {
        if self.asked.may_match(&block.envelope.summary) {
            open(Node::Roster(block, under), self.scoring.bound(&block.envelope, Travel::None));
        }
    }

    /// Whether nothing at or after `bound` can enter the answer.
    fn is_settled(&self, bound: &SortKey) -> bool {
        self.lists.iter().all(|list| list.is_settled(self.limit, bound))
    }

    /// Whether more matches are to be counted.
    fn is_counting(&self) -> bool {
        self.count_to > 0 && self.lists.iter().any(|list| list.matches <= self.count_to)
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
            Node::Roster(block, under) => {
                for site in &block.sites {
                    self.visit_listed(site, under, true);
                }
            }
        }
    }

    /// Counts what is left, in any order, as far as it is wanted.
    fn count_below(&mut self, mut nodes: Vec<Node<'a>>) {
        while self.is_counting() {
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
                Node::Roster(block, under) => {
                    for site in &block.sites {
                        self.visit_listed(site, under, false);
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
        if self.sieve.needs_no_leaf() && site.is_exact && !site.has_area {
            if self.asked.is_near(chord_2) {
                self.count(site, Travel::AtLeast(chord_2), ranks);
            }
        } else {
            self.visit(site, Via::Place, ranks);
        }
    }

    /// Meets an offering on the roster of a school or district, or of an area that the residence is in.
    fn visit_listed(&mut self, site: &Site, under: Under, ranks: bool) {
        let summary = &site.envelope.summary;
        if !self.asked.may_match(summary) || !self.asked.has_words(site.slot) {
            return;
        }
        match under {
            Under::Area if self.sieve.needs_no_leaf() && site.is_exact => {
                if self.asked.comes_to_residents(&summary.facets) {
                    self.count(site, Travel::None, ranks);
                }
            }
            Under::Area => self.visit(site, Via::Area, ranks),
            Under::Door(door) => {
                if self.asked.first_door(self.index.leaf(site.slot)) == Some(door) {
                    self.visit(site, Via::School, ranks);
                }
            }
        }
    }

    /// Counts a match, and looks at its leaf if it may enter the answer: the cheap bound first, as most are
    /// settled without a look at how far they are.
    fn count(&mut self, site: &Site, travel: Travel, ranks: bool) {
        self.lists[0].matches += 1;
        let may_enter = |travel| !self.is_settled(&self.scoring.bound(&site.envelope, travel));
        if ranks && may_enter(Travel::None) && may_enter(travel) {
            let leaf = self.index.leaf(site.slot);
            self.rank(0, leaf, self.asked.reach(leaf));
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
        if self.asked.serves_audience(leaf)
            && self.asked.truths(leaf).all(|(_, truth)| truth == Truth::Yes)
            && let Some(list) = self.sieve.list_of(leaf)
        {
            self.lists[list].matches += 1;
            if ranks {
                self.rank(list, leaf, reach);
            }
        }
    }

    fn rank(&mut self, list: usize, leaf: &'a Leaf, reach: Reach) {
        let key = self.scoring.key(leaf, &reach);
        let list = &mut self.lists[list];
        if self.after.is_some_and(|after| key <= after) || list.is_settled(self.limit, &key) {
            return;
        }
        if list.best.len() >= self.limit {
            list.best.pop();
        }
        list.best.push(Placed { key, item: (leaf, reach) });
    }

    fn answer(self) -> [List<'a>; LISTS] {
        let count_to = self.count_to;
        self.lists.map(|Collected { matches, best }| {
            let exact = count_to > 0 && matches <= count_to;
            let total = Total { value: matches.min(count_to), exact };
            let found = best.into_sorted_vec().into_iter();
            (found.map(|Placed { key, item: (leaf, reach) }| Found { key, leaf, reach }).collect(), total)
        })
    }
}
