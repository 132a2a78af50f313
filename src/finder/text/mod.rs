//! Free text: which offerings hold every word that is asked, and how well.
//!
//! - [`tokens`]: text into folded words, the same for what is asked and for what is searched.
//! - [`Words`]: what is asked, with the everyday words that mean the same.
//! - [`lexicon`]: the terms of the vocabularies and how people call them; the same for every index.
//! - [`Texts`]: who has which word, and which term; changes with the index.
//! - [`AskedWords`]: a question's words resolved against both.
//!
//! A word holds of an offering where it is, where a word begins with it, or, for a word of four letters or
//! more that no vocabulary knows, where a word is one slip of the pen away. The name of a term holds word by
//! word; an everyday phrase for it only as a whole, so that "death in the family" does not make every family
//! service one for grief.

mod asked;
mod dictionary;
mod lexicon;
mod texts;
pub(super) mod tokens;
mod words;

pub(super) use asked::AskedWords;
pub(super) use texts::Texts;
#[cfg(test)]
pub(super) use words::{AskedWord, Synonym};
pub use words::{InvalidWords, Words};

/// Where a word stands, best first. One utility each, so that an offering is found by its best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// In a name of the organization, the service or the offering.
    Name,
    /// In the name of a term that the offering has, or of its place.
    Term,
    /// In an everyday word or phrase for such a term.
    Everyday,
    /// In a description.
    Description,
}

impl Standing {
    /// Every standing, best first.
    const ALL: [Self; 4] = [Self::Name, Self::Term, Self::Everyday, Self::Description];

    fn weight(self) -> f64 {
        match self {
            Self::Name => 1.0,
            Self::Term => 0.8,
            Self::Everyday => 0.7,
            Self::Description => 0.4,
        }
    }
}

/// How a word is like one that is asked, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    /// It is the same.
    Exact,
    /// It begins with what is asked.
    Prefix,
    /// It means the same. Less than a beginning, so that a synonym in a name does not go before the very word
    /// in a term.
    Synonym,
    /// It is what is asked but for one letter more, less or other, or two neighbours swapped.
    Typo,
    /// It means the same as such a word.
    SynonymOfTypo,
}

impl Likeness {
    const ALL: [Self; 5] = [Self::Exact, Self::Prefix, Self::Synonym, Self::Typo, Self::SynonymOfTypo];

    fn weight(self) -> f64 {
        match self {
            Self::Exact => 1.0,
            Self::Prefix => 0.8,
            Self::Synonym => 0.7,
            Self::Typo => 0.6,
            Self::SynonymOfTypo => 0.4,
        }
    }
}

/// The utility in [0, 1] of a word that stands there and is that like.
fn utility(standing: Standing, likeness: Likeness) -> f64 {
    standing.weight() * likeness.weight()
}
