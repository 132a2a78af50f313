//! How alike the names of two organizations are. Pure.

use std::collections::{HashMap, HashSet};

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Words that tell no two agencies apart: legal forms, and what joins words.
const SILENT: [&str; 23] = [
    "the",
    "a",
    "an",
    "and",
    "of",
    "for",
    "in",
    "at",
    "to",
    "dba",
    "inc",
    "incorporated",
    "llc",
    "llp",
    "pllc",
    "pc",
    "plc",
    "ltd",
    "limited",
    "corp",
    "corporation",
    "co",
    "company",
];

/// Other spellings of a word, and shortenings that directories with narrow columns use.
const SPELLINGS: [(&str, &str); 29] = [
    ("assoc", "associate"),
    ("assocs", "associate"),
    ("associates", "associate"),
    ("association", "associate"),
    ("behavioural", "behavioral"),
    ("behav", "behavioral"),
    ("bh", "behavioral health"),
    ("centers", "center"),
    ("centre", "center"),
    ("centres", "center"),
    ("cntr", "center"),
    ("comm", "community"),
    ("counselling", "counseling"),
    ("ctr", "center"),
    ("ctrs", "center"),
    ("dept", "department"),
    ("healthcare", "health care"),
    ("hlth", "health"),
    ("hosp", "hospital"),
    ("intl", "international"),
    ("natl", "national"),
    ("programme", "program"),
    ("progs", "program"),
    ("programs", "program"),
    ("saint", "st"),
    ("services", "service"),
    ("svc", "service"),
    ("svcs", "service"),
    ("univ", "university"),
];

/// Words that are spelt at least so alike are taken for the same word.
const SAME_WORD: f64 = 0.9;
/// Shorter words must be the same: "East" is not "West", nor 1 North 2 North.
const LONG_WORD: usize = 5;

/// A name as it is compared: its words, without regard to case, accents, punctuation and legal form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    words: Vec<String>,
}

impl Name {
    pub(super) fn new(text: &str) -> Self {
        let plain: String = text
            .nfkd()
            .filter(|c| !is_combining_mark(*c) && !matches!(c, '.' | '\'' | '’'))
            .flat_map(char::to_lowercase)
            .map(|c| if c.is_alphanumeric() { c } else { ' ' })
            .collect();
        let all: Vec<String> =
            plain.split_whitespace().map(spelt).flat_map(str::split_whitespace).map(str::to_owned).collect();
        let telling: Vec<String> =
            all.iter().filter(|word| !SILENT.contains(&word.as_str())).cloned().collect();
        Self { words: if telling.is_empty() { all } else { telling } }
    }

    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    /// The words in one piece: "Health Quest" is "Healthquest".
    pub(super) fn squeezed(&self) -> String {
        self.words.concat()
    }
}

/// How much each word tells: the fewer organizations carry it, the more.
pub(super) struct Weights {
    organizations: f64,
    carried_by: HashMap<String, u32>,
}

impl Weights {
    /// Counts the words of each organization's names.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a [Name]>) -> Self {
        let mut weights = Self { organizations: 0.0, carried_by: HashMap::new() };
        for names in names {
            weights.organizations += 1.0;
            let words: HashSet<&str> = names.iter().flat_map(Name::words).collect();
            for word in words {
                *weights.carried_by.entry(word.to_owned()).or_default() += 1;
            }
        }
        weights
    }

    /// How many organizations carry the word.
    pub(super) fn carried_by(&self, word: &str) -> u32 {
        self.carried_by.get(word).copied().unwrap_or(0)
    }

    /// The logarithm of how rare it is (inverse document frequency), never zero.
    fn of_word(&self, word: &str) -> f64 {
        (1.0 + self.organizations / f64::from(self.carried_by(word).max(1))).ln()
    }

    /// From 0 to 1: the share of the weight of both names that lies on words they have in common, whatever the
    /// order (a Dice coefficient). A word that is spelt a little differently counts for as much as it is alike.
    pub(super) fn likeness(&self, one: &Name, other: &Name) -> f64 {
        if one.words == other.words || one.squeezed() == other.squeezed() {
            return 1.0;
        }
        let mut left: Vec<&str> = other.words().collect();
        let mut common = 0.0;
        for word in one.words() {
            let alike = left.iter().map(|other| spelt_alike(word, other)).enumerate();
            let Some((place, likeness)) = alike.max_by(|one, other| one.1.total_cmp(&other.1)) else { break };
            if likeness > 0.0 {
                let matched = left.swap_remove(place);
                common += likeness * (self.of_word(word) + self.of_word(matched));
            }
        }
        let all: f64 = one.words().chain(other.words()).map(|word| self.of_word(word)).sum();
        if all > 0.0 { (common / all).clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// A word in the spelling in which words are compared; it may become two.
fn spelt(word: &str) -> &str {
    SPELLINGS.iter().find(|(other, _)| *other == word).map_or(word, |(_, spelling)| spelling)
}

/// From 0 to 1; 0 for what is another word.
fn spelt_alike(one: &str, other: &str) -> f64 {
    if one == other {
        return 1.0;
    }
    // Whoever misspells a word gets its first letter right: "Eastside" is not "Westside".
    let may_be_a_slip =
        one.len() >= LONG_WORD && other.len() >= LONG_WORD && one.chars().next() == other.chars().next();
    if !may_be_a_slip {
        return 0.0;
    }
    let likeness = strsim::jaro_winkler(one, other);
    if likeness >= SAME_WORD { likeness } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likeness(one: &str, other: &str) -> f64 {
        let (one, other) = (Name::new(one), Name::new(other));
        Weights::of([std::slice::from_ref(&one), std::slice::from_ref(&other)].into_iter())
            .likeness(&one, &other)
    }

    #[test]
    fn case_accents_punctuation_and_legal_form_are_no_difference() {
        for (one, other) in [
            ("The Spindle Falls Center, Inc.", "SPINDLE FALLS CENTRE"),
            ("Clínica Núñez L.L.C.", "Clinica Nunez"),
            ("Children's & Family Services", "Childrens and Family Svcs"),
            ("Health Quest", "Healthquest"),
            ("Riverbend Healthcare", "Riverbend Health Care"),
            ("Saint Anne", "St. Anne"),
            ("Family Services of Lawrence", "Lawrence Family Service"),
        ] {
            assert!((likeness(one, other) - 1.0).abs() < 1e-9, "{one} {other} {}", likeness(one, other));
        }
    }

    #[test]
    fn a_slip_of_the_pen_costs_little_and_another_word_much() {
        assert!(likeness("Merrimack Youth Counseling", "Merimack Youth Counseling") > 0.95);
        assert!(likeness("Merrimack Youth Counseling", "Merrimack Adult Counseling") < 0.8);
        assert!(likeness("North Clinic 1", "North Clinic 2") < 0.8);
        assert!(likeness("Eastside", "Westside") < 0.8);
        assert!(likeness("Red Heron", "Blue Ox") < 0.01);
    }

    #[test]
    fn rare_words_tell_more_than_common_ones() {
        let names = ["Heron Care Clinic", "Heron Care Center", "Osprey Care Clinic", "Egret Care Clinic"]
            .map(Name::new);
        let weights = Weights::of(names.iter().map(std::slice::from_ref));
        assert!(weights.likeness(&names[0], &names[1]) > weights.likeness(&names[0], &names[2]));
    }

    #[test]
    fn it_does_not_matter_which_comes_first_and_empty_names_do_no_harm() {
        for (one, other) in
            [("Heron House of Care", "Care Heron"), ("", "Heron"), ("Inc.", "Inc"), ("!!!", "???")]
        {
            let (there, back) = (likeness(one, other), likeness(other, one));
            assert!(
                (there - back).abs() < 1e-9 && (0.0..=1.0).contains(&there),
                "{one} {other} {there} {back}"
            );
        }
    }
}
