//! The terms of the vocabularies and the words by which people call them: the same for every index.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::dictionary::Dictionary;
use super::words::{AskedWord, Everyday};
use super::{Likeness, Standing, utility};
use crate::finder::leaf::Entry;
use crate::types::{LanguageTag, ScheduleKind, Term, Truth, vocabularies};

/// The vocabularies whose terms are searched.
const SEARCHED: [&str; 12] = [
    "accessibility",
    "audiences",
    "coverage_categories",
    "emergency_services",
    "facility_types",
    "languages",
    "modalities",
    "needs",
    "populations",
    "practices",
    "schedules",
    "settings",
];

/// Every searched term, numbered, and who is called how.
pub(super) struct Lexicon {
    words: Dictionary,
    terms: Vec<&'static Term>,
    /// The numbers of the terms of each vocabulary, by code.
    numbers: FxHashMap<&'static str, FxHashMap<&'static str, u16>>,
    /// Languages that stand for narrower ones, by the code of a narrower one.
    wider: FxHashMap<&'static str, Vec<u16>>,
    /// The terms that have a word in a name, by number of the word.
    named: Vec<Vec<u16>>,
    /// Everyday phrases, with their terms.
    phrases: Vec<(u16, Box<[u32]>)>,
    /// The phrases that a word is part of, by number of the word.
    phrases_of: Vec<Vec<u32>>,
}

/// How well a term is called by a word that is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) standing: Standing,
    pub(super) likeness: Likeness,
    /// The word of the lexicon.
    pub(super) word: u32,
}

impl Call {
    pub(super) fn utility(self) -> f64 {
        utility(self.standing, self.likeness)
    }
}

/// The terms that one word calls.
pub(super) type Called = FxHashMap<u16, Call>;

impl Lexicon {
    pub(super) fn known() -> &'static Self {
        static KNOWN: LazyLock<Lexicon> = LazyLock::new(Lexicon::new);
        &KNOWN
    }

    fn new() -> Self {
        let mut lexicon = Self {
            words: Dictionary::default(),
            terms: Vec::new(),
            numbers: FxHashMap::default(),
            wider: FxHashMap::default(),
            named: Vec::new(),
            phrases: Vec::new(),
            phrases_of: Vec::new(),
        };
        for vocabulary in vocabularies().iter().filter(|known| SEARCHED.contains(&known.name.as_str())) {
            for term in &vocabulary.terms {
                let number =
                    u16::try_from(lexicon.terms.len()).expect("the vocabularies have some hundred terms");
                lexicon.terms.push(term);
                lexicon.numbers.entry(&vocabulary.name).or_default().insert(&term.code, number);
                for member in &term.members {
                    lexicon.wider.entry(member).or_default().push(number);
                }
                lexicon.call(term, number);
            }
        }
        lexicon
    }

    /// Notes how a term is called.
    fn call(&mut self, term: &Term, number: u16) {
        for name in std::iter::once(&term.name).chain(&term.also) {
            for word in Everyday::known().words_of(name) {
                let word = self.number(&word);
                if self.named[word].last() != Some(&number) {
                    self.named[word].push(number);
                }
            }
        }
        for phrase in &term.synonyms {
            let words: Vec<usize> =
                Everyday::known().words_of(phrase).iter().map(|word| self.number(word)).collect();
            let position =
                u32::try_from(self.phrases.len()).expect("the vocabularies have some hundred phrases");
            for word in &words {
                self.phrases_of[*word].push(position);
            }
            let words = words.iter().filter_map(|word| u32::try_from(*word).ok());
            self.phrases.push((number, words.collect()));
        }
    }

    fn number(&mut self, word: &str) -> usize {
        let number = self.words.number(word) as usize;
        if number == self.named.len() {
            self.named.push(Vec::new());
            self.phrases_of.push(Vec::new());
        }
        number
    }

    /// How many terms there are.
    pub(super) fn len(&self) -> usize {
        self.terms.len()
    }

    pub(super) fn term(&self, number: u16) -> &'static Term {
        self.terms[usize::from(number)]
    }

    pub(super) fn word(&self, number: u32) -> &str {
        self.words.word(number)
    }

    /// Whether a term is called by this word, or by a phrase with it.
    pub(super) fn has(&self, word: &str) -> bool {
        self.words.find(word).is_some()
    }

    /// The words that may be this few edits away, and which terms have them in a name or a phrase.
    pub(super) fn near(&self, word: &str, edits: u32) -> impl Iterator<Item = (&str, Vec<u16>)> {
        self.words.near(word, edits).map(|number| {
            let phrases =
                self.phrases_of[number as usize].iter().map(|phrase| self.phrases[*phrase as usize].0);
            (self.word(number), self.named[number as usize].iter().copied().chain(phrases).collect())
        })
    }

    /// The terms that each of the asked words calls.
    pub(super) fn called(&self, asked: &[AskedWord]) -> Vec<Called> {
        self.called_by(&asked.iter().map(|word| alike(&self.words, word)).collect::<Vec<_>>())
    }

    /// The terms that each word calls as it stands.
    pub(super) fn called_exactly(&self, words: &[String]) -> Vec<Called> {
        let exact = |word: &String| self.words.find(word).map(|number| (number, Likeness::Exact));
        self.called_by(&words.iter().map(|word| exact(word).into_iter().collect()).collect::<Vec<_>>())
    }

    /// A phrase calls its term only if each of its words is asked.
    fn called_by(&self, alike: &[Vec<(u32, Likeness)>]) -> Vec<Called> {
        let asks = |word: &u32| alike.iter().flatten().any(|(other, _)| other == word);
        alike
            .iter()
            .map(|words| {
                let mut called = Called::default();
                for (word, likeness) in words {
                    let call = |standing| Call { standing, likeness: *likeness, word: *word };
                    for term in &self.named[*word as usize] {
                        keep_better(&mut called, *term, call(Standing::Term));
                    }
                    for phrase in &self.phrases_of[*word as usize] {
                        let (term, words) = &self.phrases[*phrase as usize];
                        if words.iter().all(asks) {
                            keep_better(&mut called, *term, call(Standing::Everyday));
                        }
                    }
                }
                called
            })
            .collect()
    }

    /// The terms that an offering has, ascending.
    pub(super) fn terms_of(&self, entry: &Entry<'_>) -> Vec<u16> {
        let mut terms = Vec::new();
        let mut add = |vocabulary: &str, code: &str| {
            terms.extend(self.numbers.get(vocabulary).and_then(|numbers| numbers.get(code)));
        };
        let facts = entry.facts;
        facts.needs.iter().flatten().for_each(|need| add("needs", need.as_str()));
        facts.practices.iter().flatten().for_each(|practice| add("practices", practice.as_str()));
        facts.populations.iter().flatten().for_each(|population| add("populations", population.as_str()));
        facts.accessibility.iter().flatten().for_each(|feature| add("accessibility", feature.as_str()));
        facts.modalities.iter().flatten().for_each(|way| add("modalities", way.as_str()));
        if let Some(coverage) = &facts.coverage {
            coverage.categories.iter().for_each(|category| add("coverage_categories", category.as_str()));
        }
        if let Some(schedule) = &facts.schedule {
            let offered = ScheduleKind::ALL.iter().filter(|kind| schedule.offers(**kind) == Truth::Yes);
            offered.for_each(|kind| add("schedules", kind.as_str()));
        }
        entry.audience.iter().for_each(|audience| add("audiences", audience.as_str()));
        if let Some(organization) = entry.about.organization {
            organization.facility_type.iter().for_each(|kind| add("facility_types", kind.as_str()));
        }
        if let Some(service) = entry.about.service {
            service.settings.iter().flatten().for_each(|setting| add("settings", setting.as_str()));
            service
                .emergency_services
                .iter()
                .flatten()
                .for_each(|what| add("emergency_services", what.as_str()));
        }
        let languages = facts.languages.iter().flatten();
        terms.extend(languages.flat_map(|offered| self.language(&offered.language)));
        terms.sort_unstable();
        terms.dedup();
        terms
    }

    /// A language and those that stand for it.
    fn language<'a>(&'a self, tag: &'a LanguageTag) -> impl Iterator<Item = u16> + 'a {
        let itself = self.numbers.get("languages").and_then(|languages| languages.get(tag.primary()));
        itself.into_iter().chain(self.wider.get(tag.primary()).into_iter().flatten()).copied()
    }
}

/// The words of a dictionary that are like one that is asked, and how.
pub(super) fn alike(words: &Dictionary, asked: &AskedWord) -> Vec<(u32, Likeness)> {
    let mut alike: Vec<(u32, Likeness)> =
        words.find(&asked.word).map(|number| (number, Likeness::Exact)).into_iter().collect();
    if asked.may_be_prefix() {
        alike.extend(words.beginning_with(&asked.word).map(|number| (number, Likeness::Prefix)));
    }
    if asked.may_be_misspelt {
        let meant = words.one_edit_from(&asked.word).filter(|number| {
            let word = words.word(*number);
            AskedWord::may_mean(word) && !word.starts_with(&asked.word)
        });
        alike.extend(meant.map(|number| (number, Likeness::Typo)));
    }
    alike
}

fn keep_better(called: &mut Called, term: u16, call: Call) {
    called
        .entry(term)
        .and_modify(|known| {
            if known.utility() < call.utility() {
                *known = call;
            }
        })
        .or_insert(call);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finder::Words;

    fn called(text: &str) -> Vec<&'static str> {
        let words: Words = text.parse().unwrap();
        let lexicon = Lexicon::known();
        let called = lexicon.called(words.asked());
        let mut all: Vec<&str> = called
            .iter()
            .flat_map(|terms| terms.keys())
            .map(|term| lexicon.term(*term).code.as_str())
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    #[test]
    fn terms_are_called_by_name_and_by_everyday_phrase_as_a_whole() {
        assert!(called("kreyòl").contains(&"ht") && called("kreyol").contains(&"ht"));
        assert!(called("中文").contains(&"zh"));
        assert!(called("death in the family").contains(&"grief"));
        assert!(!called("family").contains(&"grief"));
        assert!(called("bereavment").contains(&"grief"));
        assert!(!called("grief").contains(&"solution_focused_therapy"), "brief is no typo of grief");
    }
}
