//! What is asked in free text.

use std::str::FromStr;
use std::sync::LazyLock;

use serde::Deserialize;

use super::Likeness;
use super::dictionary::is_one_edit;
use super::lexicon::Lexicon;
use super::tokens::tokens;

/// Words that an offering must hold, each somewhere in its names, its place, its terms or its descriptions.
/// At least one, and no more than [`Words::MOST`].
#[derive(Clone, Debug, PartialEq)]
pub struct Words {
    asked: Vec<AskedWord>,
}

/// One word that is asked.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::finder) struct AskedWord {
    /// Folded.
    pub(in crate::finder) word: String,
    /// Whether a word one edit away may be meant: it has four letters or more, and no vocabulary knows it as
    /// it stands.
    pub(in crate::finder) may_be_misspelt: bool,
    /// What means the same; enough in place of the word.
    pub(in crate::finder) synonyms: Vec<Synonym>,
}

/// A word or phrase that means the same as one that is asked.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::finder) struct Synonym {
    /// Its words, all of which are needed.
    pub(in crate::finder) words: Vec<String>,
    /// Whether what is asked had to be read as another spelling for that.
    pub(in crate::finder) by_typo: bool,
}

/// Why a text asks for no words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWords {
    /// There is nothing.
    #[error("is blank; leave it out where it does not matter")]
    Blank,
    /// There is too much.
    #[error("has more than {} characters", Words::LONGEST)]
    TooLong,
    /// There are too many words.
    #[error("has more than {} words", Words::MOST)]
    TooMany,
    /// There is nothing that an offering could hold.
    #[error(
        "has no word to look for: only punctuation, or words that say nothing, such as \"the\" and \"help\""
    )]
    Nothing,
}

impl Words {
    /// The most words of one question.
    pub const MOST: usize = 16;
    /// The most characters of one question.
    pub const LONGEST: usize = 200;

    pub(in crate::finder) fn asked(&self) -> &[AskedWord] {
        &self.asked
    }
}

impl FromStr for Words {
    type Err = InvalidWords;

    fn from_str(text: &str) -> Result<Self, InvalidWords> {
        if text.trim().is_empty() {
            return Err(InvalidWords::Blank);
        }
        if text.chars().count() > Self::LONGEST {
            return Err(InvalidWords::TooLong);
        }
        let words = tokens(text);
        if words.len() > Self::MOST {
            return Err(InvalidWords::TooMany);
        }
        let words = Everyday::known().without_stop_words(words);
        if words.is_empty() {
            return Err(InvalidWords::Nothing);
        }
        let mut asked: Vec<AskedWord> = words.into_iter().map(AskedWord::new).collect();
        Everyday::known().add_synonyms(&mut asked);
        let mut once: Vec<AskedWord> = Vec::with_capacity(asked.len());
        for word in asked {
            if !once.contains(&word) {
                once.push(word);
            }
        }
        Ok(Self { asked: once })
    }
}

impl AskedWord {
    /// Words shorter than this are taken as they are spelt.
    const SHORTEST_MISSPELT: usize = 4;
    /// A single letter begins too much.
    const SHORTEST_PREFIX: usize = 2;

    fn new(word: String) -> Self {
        let is_spelt = word.chars().count() < Self::SHORTEST_MISSPELT
            || word.chars().any(char::is_numeric)
            || Lexicon::known().has(&word)
            || Everyday::known().has(&word);
        Self { word, may_be_misspelt: !is_spelt, synonyms: Vec::new() }
    }

    /// Whether it may be the beginning of a word.
    pub(super) fn may_be_prefix(&self) -> bool {
        self.word.chars().nth(Self::SHORTEST_PREFIX - 1).is_some()
    }

    /// Whether a word of an offering is long enough to be one that is meant.
    pub(super) fn may_mean(word: &str) -> bool {
        word.chars().nth(Self::SHORTEST_MISSPELT - 1).is_some()
    }

    /// How a word is like this one, if it is.
    pub(super) fn likeness(&self, other: &str) -> Option<Likeness> {
        if self.word == other {
            Some(Likeness::Exact)
        } else if self.may_be_prefix() && other.starts_with(&self.word) {
            Some(Likeness::Prefix)
        } else if self.may_be_misspelt && Self::may_mean(other) && is_one_edit(&self.word, other) {
            Some(Likeness::Typo)
        } else {
            None
        }
    }
}

/// The words of `seed-data/words.json`, folded.
pub(super) struct Everyday {
    stop_words: Vec<String>,
    /// Groups of phrases that mean the same.
    groups: Vec<Vec<Vec<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EverydayFile {
    #[serde(rename = "description")]
    _description: String,
    stop_words: Vec<String>,
    groups: Vec<Vec<String>>,
}

impl Everyday {
    pub(super) fn known() -> &'static Self {
        static KNOWN: LazyLock<Everyday> = LazyLock::new(|| {
            let file: EverydayFile = serde_json::from_str(include_str!("../../../seed-data/words.json"))
                .expect("the embedded words are read by a test");
            Everyday::new(&file)
        });
        &KNOWN
    }

    fn new(file: &EverydayFile) -> Self {
        let stop_words = file.stop_words.iter().flat_map(|word| tokens(word)).collect();
        let mut everyday = Self { stop_words, groups: Vec::new() };
        everyday.groups = file
            .groups
            .iter()
            .map(|group| group.iter().map(|phrase| everyday.words_of(phrase)).collect())
            .collect();
        everyday
    }

    /// The words of a text that say something.
    pub(super) fn words_of(&self, text: &str) -> Vec<String> {
        self.without_stop_words(tokens(text))
    }

    fn without_stop_words(&self, mut words: Vec<String>) -> Vec<String> {
        words.retain(|word| !self.stop_words.contains(word));
        words
    }

    fn has(&self, word: &str) -> bool {
        self.groups.iter().flatten().flatten().any(|known| known == word)
    }

    /// Adds to each word what means the same as a phrase that it is part of.
    fn add_synonyms(&self, asked: &mut [AskedWord]) {
        for group in &self.groups {
            for phrase in group {
                for start in 0..(asked.len() + 1).saturating_sub(phrase.len()) {
                    let part = &mut asked[start..start + phrase.len()];
                    if let Some(by_typo) = says(part, phrase) {
                        let others = group.iter().filter(|other| *other != phrase || by_typo);
                        let synonyms = others.map(|words| Synonym { words: words.clone(), by_typo });
                        for word in part {
                            word.synonyms.extend(synonyms.clone());
                        }
                    }
                }
            }
        }
        for word in asked {
            word.synonyms.sort_by(|a, b| (a.by_typo, &a.words).cmp(&(b.by_typo, &b.words)));
            word.synonyms
                .dedup_by(|later, first| later.words == first.words && later.by_typo == first.by_typo);
        }
    }
}

/// Whether these words are the phrase, and if so whether one of them is misspelt.
fn says(asked: &[AskedWord], phrase: &[String]) -> Option<bool> {
    let mut by_typo = false;
    for (asked, word) in asked.iter().zip(phrase) {
        match asked.likeness(word)? {
            Likeness::Exact => {}
            Likeness::Typo => by_typo = true,
            Likeness::Prefix | Likeness::Synonym | Likeness::SynonymOfTypo => return None,
        }
    }
    Some(by_typo)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(text: &str) -> Vec<AskedWord> {
        text.parse::<Words>().unwrap().asked
    }

    fn synonyms(word: &AskedWord) -> Vec<String> {
        word.synonyms.iter().map(|synonym| synonym.words.join(" ")).collect()
    }

    #[test]
    fn what_asks_for_nothing_is_refused() {
        for (text, refusal) in [
            ("", InvalidWords::Blank),
            (" \u{a0}\n", InvalidWords::Blank),
            ("…!? – ''", InvalidWords::Nothing),
            ("help for me", InvalidWords::Nothing),
            (&"x".repeat(201), InvalidWords::TooLong),
            (&"grief ".repeat(17), InvalidWords::TooMany),
        ] {
            assert_eq!(text.parse::<Words>(), Err(refusal), "{text}");
        }
        assert_eq!(ask(&"grief ".repeat(16)).len(), 1);
        assert!("ሀ".repeat(200).parse::<Words>().is_ok(), "characters are counted, not bytes");
    }

    #[test]
    fn a_word_that_the_field_knows_is_taken_as_it_is_spelt() {
        for known in ["grief", "food", "foster", "Kreyòl", "Mandarin", "counsellor", "01840", "tbi"] {
            assert!(!ask(known)[0].may_be_misspelt, "{known}");
        }
        for unknown in ["greif", "theraphy", "autisim", "Merimack"] {
            assert!(ask(unknown)[0].may_be_misspelt, "{unknown}");
        }
    }

    #[test]
    fn words_and_phrases_bring_what_means_the_same() {
        let asked = ask("counselling at the food bank");
        assert_eq!(
            asked.iter().map(|word| word.word.as_str()).collect::<Vec<_>>(),
            ["counselling", "food", "bank"]
        );
        assert!(synonyms(&asked[0]).contains(&"therapist".to_owned()));
        assert!(!synonyms(&asked[0]).contains(&"counselling".to_owned()));
        assert!(synonyms(&asked[1]).contains(&"food pantry".to_owned()));
        assert_eq!(asked[1].synonyms, asked[2].synonyms);
        assert!(synonyms(&ask("food")[0]).is_empty(), "a part of a phrase is not the phrase");
        assert!(synonyms(&ask("bank food")[0]).is_empty());
    }

    #[test]
    fn a_misspelt_word_brings_them_too() {
        let asked = ask("theraphy");
        assert!(asked[0].synonyms.iter().all(|synonym| synonym.by_typo));
        assert!(synonyms(&asked[0]).contains(&"counseling".to_owned()));
        assert!(synonyms(&ask("coun")[0]).is_empty(), "a beginning is none of them yet");
    }

    #[test]
    fn no_group_holds_an_empty_phrase_or_one_phrase_twice() {
        for group in &Everyday::known().groups {
            assert!(group.len() > 1 && group.iter().all(|phrase| !phrase.is_empty()), "{group:?}");
            let mut once = group.clone();
            once.sort();
            once.dedup();
            assert_eq!(once.len(), group.len(), "{group:?}");
        }
    }
}
