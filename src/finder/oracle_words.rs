//! What the words of a question find, the plainest way: read all that is written of an offering, word by
//! word. Shares with the index the types and the tokenizer.

use std::sync::LazyLock;

use serde_json::Value;

use super::oracle::Offered;
use super::text::tokens::tokens;
use super::text::{AskedWord, Synonym, Words};
use crate::types::{ScheduleKind, Term, Truth, vocabularies};

/// How well an offering holds the words; none if one of them is nowhere.
pub(super) fn words(offered: &Offered, words: &Words) -> Option<f64> {
    let reading = Reading::of(offered);
    let asked = words.asked();
    let mut sum = 0.0;
    for word in asked {
        let like = |asked: &AskedWord, other: &str| likeness(asked, other);
        let mut best = reading.best(word, asked, like);
        for Synonym { words, by_typo } in &word.synonyms {
            let same = |asked: &String, other: &str| (asked == other).then_some(1.0);
            let standings: Option<Vec<f64>> =
                words.iter().map(|word| reading.best(word, words, same)).collect();
            if let Some(standings) = standings {
                let worst = standings.into_iter().fold(1.0, f64::min);
                let utility = worst * if *by_typo { 0.4 } else { 0.7 };
                best = Some(best.map_or(utility, |best: f64| best.max(utility)));
            }
        }
        sum += best?;
    }
    Some(sum / asked.len() as f64)
}

fn likeness(asked: &AskedWord, other: &str) -> Option<f64> {
    let length = |word: &str| word.chars().count();
    if asked.word == other {
        Some(1.0)
    } else if length(&asked.word) >= 2 && other.starts_with(&asked.word) {
        Some(0.8)
    } else if asked.may_be_misspelt && length(other) >= 4 && strsim::osa_distance(&asked.word, other) == 1 {
        Some(0.6)
    } else {
        None
    }
}

/// All that is written of an offering.
struct Reading {
    /// Words, with what they weigh where they stand.
    words: Vec<(f64, String)>,
    /// Phrases that count only as a whole.
    phrases: Vec<Vec<String>>,
}

impl Reading {
    fn of(offered: &Offered) -> Self {
        let mut texts: Vec<(f64, String)> = Vec::new();
        let mut phrases = Vec::new();
        let written = &offered.written;
        texts.extend(offered.facts.name.clone().map(|name| (1.0, name)));
        if let Some(organization) = &written.organization {
            texts.push((1.0, organization.name.clone()));
            texts.extend(organization.alternate_name.clone().map(|name| (1.0, name)));
            texts.extend(organization.description.clone().map(|text| (0.4, text)));
        }
        if let Some(service) = &written.service {
            texts.push((1.0, service.name.clone()));
            texts.extend(service.description.clone().map(|text| (0.4, text)));
        }
        if let Some(location) = &written.location {
            texts.push((0.8, location.name.clone()));
            texts.extend(location.city.clone().map(|city| (0.8, city)));
            texts.extend(location.postal_code.map(|code| (0.8, code.to_string())));
        }
        let mut words: Vec<(f64, String)> = texts
            .iter()
            .flat_map(|(weight, text)| meaningful(text).into_iter().map(|word| (*weight, word)))
            .collect();
        for (names, everyday) in terms(offered) {
            words.extend(names.iter().map(|name| (0.8, name.clone())));
            phrases.extend(everyday.iter().cloned());
        }
        Self { words, phrases }
    }

    /// The best of a word, asked among others.
    fn best<W>(&self, word: &W, asked: &[W], like: impl Fn(&W, &str) -> Option<f64>) -> Option<f64> {
        let single = self.words.iter().filter_map(|(weight, other)| Some(weight * like(word, other)?));
        let whole = self.phrases.iter().filter(|phrase| {
            phrase.iter().all(|other| asked.iter().any(|asked| like(asked, other).is_some()))
        });
        let in_phrases = whole.flatten().filter_map(|other| Some(0.7 * like(word, other)?));
        single.chain(in_phrases).reduce(f64::max)
    }
}

fn terms(offered: &Offered) -> Vec<&'static Called> {
    let facts = &offered.facts;
    let mut codes: Vec<(&str, String)> = Vec::new();
    macro_rules! list {
        ($($vocabulary:literal: $values:expr),+ $(,)?) => {
            $(codes.extend($values.map(|value| ($vocabulary, value.to_string())));)+
        };
    }
    list!(
        "needs": facts.needs.iter().flatten(),
        "practices": facts.practices.iter().flatten(),
        "populations": facts.populations.iter().flatten(),
        "accessibility": facts.accessibility.iter().flatten(),
        "modalities": facts.modalities.iter().flatten(),
        "coverage_categories": facts.coverage.iter().flat_map(|coverage| &coverage.categories),
        "audiences": offered.audience.iter(),
        "facility_types": offered.written.organization.iter().filter_map(|it| it.facility_type),
        "settings": offered.written.service.iter().filter_map(|it| it.settings.as_ref()).flatten(),
        "emergency_services":
            offered.written.service.iter().filter_map(|it| it.emergency_services.as_ref()).flatten(),
    );
    if let Some(schedule) = &facts.schedule {
        let offers = |kind: &&ScheduleKind| schedule.offers(**kind) == Truth::Yes;
        list!("schedules": ScheduleKind::ALL.iter().filter(offers));
    }
    let spoken: Vec<&str> =
        facts.languages.iter().flatten().map(|offered| offered.language.primary()).collect();
    let has = |(vocabulary, term): (&str, &Term)| {
        let is_spoken = vocabulary == "languages"
            && spoken
                .iter()
                .any(|code| *code == term.code || term.members.iter().any(|member| member == code));
        is_spoken || codes.iter().any(|(name, code)| *name == vocabulary && *code == term.code)
    };
    read()
        .iter()
        .filter(|(vocabulary, term, _)| has((vocabulary, term)))
        .map(|(_, _, called)| called)
        .collect()
}

/// The words of a term's names, and everyday phrases for it.
type Called = (Vec<String>, Vec<Vec<String>>);

/// Every term of every vocabulary. Read once: there are many.
fn read() -> &'static [(&'static str, &'static Term, Called)] {
    static READ: LazyLock<Vec<(&str, &Term, Called)>> = LazyLock::new(|| {
        let called = |term: &Term| {
            let names =
                std::iter::once(&term.name).chain(&term.also).flat_map(|name| meaningful(name)).collect();
            (names, term.synonyms.iter().map(|phrase| meaningful(phrase)).collect())
        };
        let terms = vocabularies()
            .iter()
            .flat_map(|known| known.terms.iter().map(|term| (known.name.as_str(), term)));
        terms.map(|(vocabulary, term)| (vocabulary, term, called(term))).collect()
    });
    &READ
}

/// The words of a text, without those that say nothing.
fn meaningful(text: &str) -> Vec<String> {
    static STOP_WORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let file: Value = serde_json::from_str(include_str!("../../seed-data/words.json")).unwrap();
        let words = file["stop_words"].as_array().unwrap();
        words.iter().flat_map(|word| tokens(word.as_str().unwrap())).collect()
    });
    tokens(text).into_iter().filter(|word| !STOP_WORDS.contains(word)).collect()
}
