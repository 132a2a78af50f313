//! Which part of an answer is wanted: order, page, cursor, total.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::question::{Question, Sort};
use crate::types::OfferingId;

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
