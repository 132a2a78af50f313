//! Sets of facet values as bits: exact for the first [`DENSE`] values of an open vocabulary, one shared bit
//! for all values beyond, which a leaf then lists one by one. More values cost speed, never correctness.

use super::question::Ask;
use crate::types::{
    AccessibilityFeature, AgeRange, Audience, CoverageCategory, Criterion, LanguageMode, Modality, Need,
    Population, Practice, ScheduleKind, Tier, Truth,
};

/// How many values of an open vocabulary have a bit of their own. Tests take few, so that every property
/// also runs over the shared bit.
pub(super) const DENSE: u32 = if cfg!(test) { 5 } else { 63 };

/// The bit that all values beyond the dense ones share.
const OVERFLOW: u64 = 1 << 63;

/// A word of bits. `Closed` holds the closed sets side by side; they never overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Facet {
    ProviderLanguage,
    InterpreterLanguage,
    Need,
    Population,
    Practice,
    Accessibility,
    /// A bit per whole year of age that an accepted range touches; the last stands for all older years.
    Age,
    Closed,
}

impl Facet {
    const COUNT: usize = 8;

    pub(super) fn of_language(mode: LanguageMode) -> Self {
        match mode {
            LanguageMode::Provider => Self::ProviderLanguage,
            LanguageMode::Interpreter => Self::InterpreterLanguage,
        }
    }
}

/// Which facet values occur: in one offering, or anywhere below a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Facets([u64; Facet::COUNT]);

impl Facets {
    pub(super) fn word(&self, facet: Facet) -> u64 {
        self.0[facet as usize]
    }

    pub(super) fn add(&mut self, facet: Facet, bits: u64) {
        self.0[facet as usize] |= bits;
    }

    pub(super) fn remove(&mut self, facet: Facet, bits: u64) {
        self.0[facet as usize] &= !bits;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word |= other;
        }
    }
}

/// The bit of the value at `position` of an open vocabulary.
pub(super) fn dense_bit(position: u32) -> u64 {
    if position < DENSE { 1 << position } else { OVERFLOW }
}

/// A value of a set facet: its word and its place in it.
pub(super) trait FacetValue: Copy {
    const FACET: Facet;
    /// Position in the vocabulary; in the closed word, position in that word.
    fn position(self) -> u32;

    fn bit(self) -> u64 {
        match Self::FACET {
            Facet::Closed => 1 << self.position(),
            _ => dense_bit(self.position()),
        }
    }

    /// The position, where the bit alone does not tell.
    fn beyond(self) -> Option<u32> {
        (Self::FACET != Facet::Closed && self.position() >= DENSE).then(|| self.position())
    }
}

macro_rules! closed {
    ($($value:ty, after $offset:expr;)+) => {$(
        impl FacetValue for $value {
            const FACET: Facet = Facet::Closed;

            fn position(self) -> u32 {
                $offset + self as u32
            }
        }
    )+};
}

closed! {
    CoverageCategory, after 3;
    Modality, after 13;
    ScheduleKind, after 18;
    Audience, after 22;
}

/// The bit of the closed word that stands for an agreement with a district or schools, behind the audiences.
pub(super) const PARTNERED: u64 = 1 << 25;

impl FacetValue for Tier {
    const FACET: Facet = Facet::Closed;

    fn position(self) -> u32 {
        u32::from(u8::from(self)) - 1
    }
}

macro_rules! open {
    ($($value:ty, in $facet:ident;)+) => {$(
        impl FacetValue for $value {
            const FACET: Facet = Facet::$facet;

            fn position(self) -> u32 {
                u32::try_from(self.index()).unwrap_or(u32::MAX)
            }
        }
    )+};
}

open! {
    Need, in Need;
    Population, in Population;
    Practice, in Practice;
    AccessibilityFeature, in Accessibility;
}

/// The bits of several values.
pub(super) fn bits<T: FacetValue>(values: &[T]) -> u64 {
    values.iter().fold(0, |bits, value| bits | value.bit())
}

/// The years of age that a range touches. If a range is accepted, all the years it touches are touched by
/// what accepts it.
pub(super) fn years_touched(range: AgeRange) -> u64 {
    (0..64_u32)
        .filter(|year| {
            let until = if *year == 63 { AgeRange::OLDEST } else { f64::from(*year) + 1.0 };
            range.min() < until && f64::from(*year) < range.max()
        })
        .fold(0, |years, year| years | 1 << year)
}

/// A required set facet, resolved to bits.
#[derive(Clone, Debug)]
pub(super) struct SetAsk {
    pub(super) criterion: Criterion,
    facet: Facet,
    all: bool,
    mask: u64,
    beyond: Vec<u32>,
}

impl SetAsk {
    pub(super) fn new<T: FacetValue>(criterion: Criterion, ask: &Ask<T>) -> Self {
        Self {
            criterion,
            facet: T::FACET,
            all: matches!(ask, Ask::AllOf(_)),
            mask: bits(ask.values()),
            beyond: ask.values().iter().filter_map(|value| value.beyond()).collect(),
        }
    }

    /// Whether it may hold of something with these facets: never wrongly false.
    pub(super) fn may_hold(&self, facets: &Facets) -> bool {
        let word = facets.word(self.facet);
        if self.all { word & self.mask == self.mask } else { word & self.mask != 0 }
    }

    /// The truth for a leaf with these facets, the values `beyond` bits, and `open` bits of which it is not
    /// known whether they hold (all bits: what is not listed was left open).
    pub(super) fn truth(&self, facets: &Facets, beyond: &[(Facet, u32)], open: u64) -> Truth {
        let word = facets.word(self.facet);
        if self.holds(word, |value| beyond.contains(&(self.facet, value))) {
            Truth::Yes
        } else if open != 0 && self.holds(word | open, |_| open == u64::MAX) {
            Truth::Unknown
        } else {
            Truth::No
        }
    }

    fn holds(&self, word: u64, mut is_beyond: impl FnMut(u32) -> bool) -> bool {
        let exact = self.mask & !OVERFLOW;
        if self.all {
            word & exact == exact && self.beyond.iter().all(|value| is_beyond(*value))
        } else {
            word & exact != 0 || self.beyond.iter().any(|value| is_beyond(*value))
        }
    }
}

/// A set of interned values, such as the offered language tags that meet an ask.
#[derive(Clone, Debug, Default)]
pub(super) struct InternedSet {
    mask: u64,
    beyond: Vec<u32>,
}

impl InternedSet {
    pub(super) fn insert(&mut self, position: u32) {
        self.mask |= dense_bit(position);
        if position >= DENSE {
            self.beyond.push(position);
        }
    }

    /// Whether a value may be below: never wrongly false.
    pub(super) fn may_meet(&self, facets: &Facets, facet: Facet) -> bool {
        facets.word(facet) & self.mask != 0
    }

    /// Whether a leaf lists one of the values.
    pub(super) fn meets(&self, facets: &Facets, beyond: &[(Facet, u32)], facet: Facet) -> bool {
        facets.word(facet) & self.mask & !OVERFLOW != 0
            || self.beyond.iter().any(|value| beyond.contains(&(facet, *value)))
    }

    /// The values, in no particular order.
    pub(super) fn contains(&self, position: u32) -> bool {
        if position < DENSE { self.mask & dense_bit(position) != 0 } else { self.beyond.contains(&position) }
    }
}

/// A set of criteria.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CriterionSet(u16);

impl CriterionSet {
    pub(super) fn insert(&mut self, criterion: Criterion) {
        self.0 |= 1 << criterion as u16;
    }

    pub(super) fn contains(self, criterion: Criterion) -> bool {
        self.0 & (1 << criterion as u16) != 0
    }
}
