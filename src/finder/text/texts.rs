//! An inverted index of what is written about offerings, beside the tree: who has which word, and where, and
//! who has which term of a vocabulary. The words of terms stand in the [`Lexicon`] once, not here per offering.

use roaring::RoaringBitmap;

use super::Standing;
use super::dictionary::Dictionary;
use super::lexicon::Lexicon;
use super::words::Everyday;
use crate::finder::leaf::Entry;

/// Who has which word and which term. A set of slots per word takes some bytes per member; a word that nobody
/// has any more is dropped.
#[derive(Debug, Default)]
pub(in crate::finder) struct Texts {
    pub(super) words: Dictionary,
    /// Who has a word, by its number and where it stands.
    holders: Vec<[RoaringBitmap; Spot::ALL.len()]>,
    /// Who has a term, by its number in the lexicon.
    terms: Vec<RoaringBitmap>,
    /// What each slot has, to be taken out again.
    texts: Vec<Option<Text>>,
}

/// Where the words of an offering itself stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spot {
    Name,
    Place,
    Description,
}

impl Spot {
    pub(super) const ALL: [Self; 3] = [Self::Name, Self::Place, Self::Description];

    pub(super) fn standing(self) -> Standing {
        match self {
            Self::Name => Standing::Name,
            Self::Place => Standing::Term,
            Self::Description => Standing::Description,
        }
    }
}

/// The words and terms of one offering.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) words: Box<[(u32, Spot)]>,
    pub(super) terms: Box<[u16]>,
}

impl Texts {
    /// Takes in what is written about the offering in this slot, which is free.
    pub(in crate::finder) fn add(&mut self, slot: u32, entry: &Entry<'_>) {
        let words = self.number_words(entry);
        let terms: Box<[u16]> = Lexicon::known().terms_of(entry).into();
        for (word, spot) in &words {
            self.holders[*word as usize][*spot as usize].insert(slot);
        }
        if self.terms.is_empty() {
            self.terms = vec![RoaringBitmap::new(); Lexicon::known().len()];
        }
        for term in &terms {
            self.terms[usize::from(*term)].insert(slot);
        }
        if self.texts.len() <= slot as usize {
            self.texts.resize_with(slot as usize + 1, || None);
        }
        self.texts[slot as usize] = Some(Text { words: words.into(), terms });
    }

    /// Takes the offering in this slot out.
    pub(in crate::finder) fn remove(&mut self, slot: u32) {
        let Some(text) = self.texts.get_mut(slot as usize).and_then(Option::take) else {
            return;
        };
        for (word, spot) in &text.words {
            let holders = &mut self.holders[*word as usize];
            holders[*spot as usize].remove(slot);
            if holders.iter().all(RoaringBitmap::is_empty) {
                self.words.drop(*word);
            }
        }
        for term in &text.terms {
            self.terms[usize::from(*term)].remove(slot);
        }
    }

    pub(super) fn holders(&self, word: u32, spot: Spot) -> &RoaringBitmap {
        &self.holders[word as usize][spot as usize]
    }

    pub(super) fn with_term(&self, term: u16) -> Option<&RoaringBitmap> {
        self.terms.get(usize::from(term))
    }

    pub(super) fn text(&self, slot: u32) -> Option<&Text> {
        self.texts.get(slot as usize)?.as_ref()
    }

    fn number_words(&mut self, entry: &Entry<'_>) -> Vec<(u32, Spot)> {
        let mut words = Vec::new();
        for (spot, text) in written(entry) {
            words
                .extend(Everyday::known().words_of(&text).iter().map(|word| (self.words.number(word), spot)));
        }
        self.holders.resize_with(self.words.len(), Default::default);
        words.sort_unstable();
        words.dedup();
        words
    }
}

/// What is written about an offering, vocabularies aside.
fn written<'a>(entry: &Entry<'a>) -> impl Iterator<Item = (Spot, std::borrow::Cow<'a, str>)> {
    let (organization, service, location) =
        (entry.about.organization, entry.about.service, entry.about.location);
    let names = [
        organization.map(|organization| organization.name.as_str()),
        organization.and_then(|organization| organization.alternate_name.as_deref()),
        service.map(|service| service.name.as_str()),
        entry.facts.name.as_deref(),
    ];
    let places = [
        location.map(|location| location.name.as_str()),
        location.and_then(|location| location.city.as_deref()),
    ];
    let descriptions = [
        organization.and_then(|organization| organization.description.as_deref()),
        service.and_then(|service| service.description.as_deref()),
    ];
    let postal_code = location.and_then(|location| location.postal_code);
    let at = |spot| move |text: &'a str| (spot, text.into());
    (names.into_iter().flatten().map(at(Spot::Name)))
        .chain(places.into_iter().flatten().map(at(Spot::Place)))
        .chain(postal_code.map(|code| (Spot::Place, code.to_string().into())))
        .chain(descriptions.into_iter().flatten().map(at(Spot::Description)))
}
