//! The words of a question resolved against what is written: who holds them, and how well.

use std::cmp::Reverse;

use roaring::{MultiOps, RoaringBitmap};

use super::lexicon::{Called, Lexicon, alike};
use super::texts::{Spot, Texts};
use super::words::{AskedWord, Synonym, Words};
use super::{Likeness, Standing, utility};

/// A question's words with the offerings that hold them. Made once per search.
pub(in crate::finder) struct AskedWords<'a> {
    words: Vec<Resolved<'a>>,
    /// The slots that hold every word.
    holders: RoaringBitmap,
    /// No slot has more utility.
    best: f64,
    texts: &'a Texts,
}

/// One word.
struct Resolved<'a> {
    asked: &'a AskedWord,
    /// Who holds it with which utility, best first; one that is in several holds it with the best.
    levels: Vec<(f64, RoaringBitmap)>,
    /// The terms that it calls.
    called: Called,
    /// Who holds what means the same, beside [`AskedWord::synonyms`].
    by_synonym: Vec<ByStanding>,
}

impl<'a> AskedWords<'a> {
    pub(in crate::finder) fn new(asked: &'a Words, texts: &'a Texts) -> Self {
        let called = Lexicon::known().called(asked.asked());
        let words: Vec<Resolved<'_>> = asked
            .asked()
            .iter()
            .zip(called)
            .map(|(asked, called)| Resolved::new(asked, called, texts))
            .collect();
        let holders = words
            .iter()
            .map(|word| word.levels.iter().map(|(_, slots)| slots).union())
            .reduce(|all, slots| all & slots)
            .unwrap_or_default();
        let best = mean(words.iter().map(|word| word.levels.first().map_or(0.0, |(utility, _)| *utility)));
        Self { words, holders, best, texts }
    }

    /// The slots that hold every word.
    pub(in crate::finder) fn holders(&self) -> &RoaringBitmap {
        &self.holders
    }

    /// Whether the offering in this slot holds every word.
    pub(in crate::finder) fn hold_of(&self, slot: u32) -> bool {
        self.holders.contains(slot)
    }

    /// How well the offering in this slot holds the words, in [0, 1]: the mean over the words.
    pub(in crate::finder) fn utility(&self, slot: u32) -> f64 {
        mean(self.words.iter().map(|word| word.utility(slot)))
    }

    /// No offering has more utility than this. Adds up as [`AskedWords::utility`] does, so that better parts
    /// never make a lesser whole.
    pub(in crate::finder) fn best(&self) -> f64 {
        self.best
    }

    /// Which words of the offering in this slot are meant, and where they stand.
    pub(in crate::finder) fn explain(&self, slot: u32) -> String {
        let sentences: Vec<String> = self.words.iter().map(|word| word.explain(slot, self.texts)).collect();
        sentences.join("; ")
    }

    /// Where no offering holds every word: words that some do, spelt nearly like those that none does.
    pub(in crate::finder) fn suggestions(&self) -> Vec<String> {
        if !self.holders.is_empty() {
            return Vec::new();
        }
        let mut suggestions: Vec<String> = Vec::new();
        for word in self.words.iter().filter(|word| word.levels.is_empty()) {
            for near in near(&word.asked.word, self.texts) {
                if !suggestions.contains(&near) {
                    suggestions.push(near);
                }
            }
        }
        suggestions
    }
}

fn mean(utilities: impl ExactSizeIterator<Item = f64>) -> f64 {
    // Counts of words are small: exact as floating point.
    let count = utilities.len().max(1) as f64;
    utilities.fold(0.0, |sum, utility| sum + utility) / count
}

/// Slots by standing.
type ByStanding = [RoaringBitmap; Standing::ALL.len()];

/// A cell for each way of being alike and each standing.
type Cells<T> = [[T; Standing::ALL.len()]; Likeness::ALL.len()];

impl<'a> Resolved<'a> {
    fn new(asked: &'a AskedWord, called: Called, texts: &'a Texts) -> Self {
        let mut cells: Cells<Vec<&RoaringBitmap>> = Cells::default();
        for (word, likeness) in alike(&texts.words, asked) {
            for spot in Spot::ALL {
                cells[likeness as usize][spot.standing() as usize].push(texts.holders(word, spot));
            }
        }
        for (term, call) in &called {
            cells[call.likeness as usize][call.standing as usize].extend(texts.with_term(*term));
        }
        let by_synonym: Vec<ByStanding> =
            asked.synonyms.iter().map(|synonym| holders_of_all(&synonym.words, texts)).collect();
        for (synonym, holders) in asked.synonyms.iter().zip(&by_synonym) {
            for standing in Standing::ALL {
                cells[likeness_by(synonym) as usize][standing as usize].push(&holders[standing as usize]);
            }
        }
        let mut levels: Vec<(f64, RoaringBitmap)> = Vec::new();
        for likeness in Likeness::ALL {
            for standing in Standing::ALL {
                let slots = cells[likeness as usize][standing as usize].iter().copied().union();
                if !slots.is_empty() {
                    levels.push((utility(standing, likeness), slots));
                }
            }
        }
        levels.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        Self { asked, levels, called, by_synonym }
    }

    fn utility(&self, slot: u32) -> f64 {
        self.levels.iter().find(|(_, slots)| slots.contains(slot)).map_or(0.0, |(utility, _)| *utility)
    }

    fn explain(&self, slot: u32, texts: &Texts) -> String {
        let best = self.utility(slot);
        let itself = self.best_of_its_own(slot, texts).filter(|(utility, _)| *utility >= best);
        itself.map(|(_, sentence)| sentence).or_else(|| self.explain_synonym(slot)).unwrap_or_default()
    }

    /// The best place of the word itself, with a sentence for it.
    fn best_of_its_own(&self, slot: u32, texts: &Texts) -> Option<(f64, String)> {
        let text = texts.text(slot)?;
        let words = text.words.iter().filter_map(|(number, spot)| {
            let word = texts.words.word(*number);
            let likeness = self.asked.likeness(word)?;
            Some((utility(spot.standing(), likeness), likeness, word, spot_name(*spot)))
        });
        let terms = text.terms.iter().filter_map(|term| {
            let call = self.called.get(term)?;
            let name = Lexicon::known().term(*term).name.as_str();
            Some((call.utility(), call.likeness, Lexicon::known().word(call.word), name))
        });
        // The first of those that are equally good: names before terms.
        let (utility, likeness, word, place) =
            words.chain(terms).reduce(|best, next| if next.0 > best.0 { next } else { best })?;
        let asked = &self.asked.word;
        let read = match likeness {
            Likeness::Exact | Likeness::Synonym | Likeness::SynonymOfTypo => format!("“{word}”"),
            Likeness::Prefix => format!("“{asked}” begins “{word}”"),
            Likeness::Typo => format!("“{asked}” read as “{word}”"),
        };
        Some((utility, format!("{read} in {place}")))
    }

    fn explain_synonym(&self, slot: u32) -> Option<String> {
        let meant = self.asked.synonyms.iter().zip(&self.by_synonym).filter_map(|(synonym, holders)| {
            let standing =
                Standing::ALL.into_iter().find(|standing| holders[*standing as usize].contains(slot))?;
            Some((utility(standing, likeness_by(synonym)), synonym))
        });
        let (_, synonym) = meant.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
        Some(format!("“{}” found as “{}”", self.asked.word, synonym.words.join(" ")))
    }
}

fn spot_name(spot: Spot) -> &'static str {
    match spot {
        Spot::Name => "the name",
        Spot::Place => "the place",
        Spot::Description => "the description",
    }
}

fn likeness_by(synonym: &Synonym) -> Likeness {
    if synonym.by_typo { Likeness::SynonymOfTypo } else { Likeness::Synonym }
}

/// Who holds each of these words just so, by where the worst of them stands at best.
fn holders_of_all(words: &[String], texts: &Texts) -> ByStanding {
    let called = Lexicon::known().called_exactly(words);
    let each = words.iter().zip(called).map(|(word, called)| holders_down_to(word, &called, texts));
    each.reduce(|all, next| std::array::from_fn(|standing| &all[standing] & &next[standing]))
        .unwrap_or_default()
}

/// Who holds a word just so, at each standing or a better one.
fn holders_down_to(word: &str, called: &Called, texts: &Texts) -> ByStanding {
    let mut holders: ByStanding = Default::default();
    if let Some(word) = texts.words.find(word) {
        for spot in Spot::ALL {
            holders[spot.standing() as usize] |= texts.holders(word, spot);
        }
    }
    for (term, call) in called {
        if let Some(with_term) = texts.with_term(*term) {
            holders[call.standing as usize] |= with_term;
        }
    }
    for worse in 1..holders.len() {
        let (better, rest) = holders.split_at_mut(worse);
        rest[0] |= &better[worse - 1];
    }
    holders
}

/// Up to three words that offerings have and that are spelt nearly like this one: the nearest first, then
/// those that more offerings have.
fn near(word: &str, texts: &Texts) -> Vec<String> {
    const MOST: usize = 3;
    let edits = if AskedWord::may_mean(word) { 2 } else { 1 };
    let own = texts.words.near(word, edits).map(|number| {
        let holders = Spot::ALL.iter().map(|spot| texts.holders(number, *spot).len()).sum::<u64>();
        (texts.words.word(number), holders)
    });
    let of_terms = Lexicon::known().near(word, edits).map(|(word, terms)| {
        let holders = terms.iter().filter_map(|term| texts.with_term(*term)).map(RoaringBitmap::len).sum();
        (word, holders)
    });
    let mut near: Vec<(usize, Reverse<u64>, &str)> = own
        .chain(of_terms)
        .filter(|(_, holders)| *holders > 0)
        .map(|(other, holders)| (strsim::osa_distance(word, other), Reverse(holders), other))
        .filter(|(distance, _, _)| *distance <= edits as usize)
        .collect();
    near.sort_unstable();
    let mut words: Vec<String> = Vec::new();
    for (_, _, other) in near {
        if words.len() < MOST && !words.iter().any(|known| known == other) {
            words.push(other.to_owned());
        }
    }
    words
}
