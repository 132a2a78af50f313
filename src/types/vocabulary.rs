//! The vocabularies that stand in `seed-data/vocabularies`, embedded: what each code means, in words for
//! people. Open sets (needs, populations, practices, accessibility, languages) take their codes from here;
//! for closed sets the codes are the enums of [`super::codes`] and a test holds both together.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// A named set of terms.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Vocabulary {
    /// Its name in the API.
    #[schema(example = "needs")]
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Its terms.
    pub terms: Vec<Term>,
}

/// One term of a vocabulary.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// The code that the API and the database use.
    #[schema(example = "trauma")]
    pub code: String,
    /// Its name in English.
    #[schema(example = "Trauma")]
    pub name: String,
    /// What it means.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Other names and spellings of a language.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// Everyday words for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub synonyms: Vec<String>,
    /// Languages that a macrolanguage or a collective name may stand for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
    /// Fine as a fact about a provider, never serialized as a fact about a student.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
    /// Ids of the equivalent terms of the Open Eligibility taxonomy: services for a need, situations for a
    /// population.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["1220"]))]
    pub open_eligibility: Vec<String>,
}

impl Vocabulary {
    /// The term with this code.
    pub fn term(&self, code: &str) -> Option<&Term> {
        self.terms.iter().find(|term| term.code == code)
    }

    /// The term that people call `name`: by its name or another spelling, whatever the case.
    pub fn named(&self, name: &str) -> Option<&Term> {
        let name = name.trim().to_lowercase();
        self.terms.iter().find(|term| {
            term.name.to_lowercase() == name || term.also.iter().any(|also| also.to_lowercase() == name)
        })
    }

    /// The refusal of a code that is none of this vocabulary's.
    pub fn refuse(&'static self, code: &str) -> UnknownTerm {
        UnknownTerm {
            code: code.to_owned(),
            vocabulary: &self.name,
            near: near_spellings(
                code,
                self.terms.iter().flat_map(|term| {
                    std::iter::once((term.name.as_str(), term.code.as_str()))
                        .chain(std::iter::once((term.code.as_str(), term.code.as_str())))
                        .chain(
                            term.also
                                .iter()
                                .chain(&term.synonyms)
                                .map(|also| (also.as_str(), term.code.as_str())),
                        )
                }),
            ),
        }
    }
}

/// A code that is not in its vocabulary; names the nearest ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownTerm {
    /// What was given.
    pub code: String,
    /// The vocabulary's name.
    pub vocabulary: &'static str,
    /// Codes that are spelt alike, best first.
    pub near: Vec<String>,
}

impl fmt::Display for UnknownTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not in the vocabulary of {}", self.code, self.vocabulary)?;
        match self.near.as_slice() {
            [] => write!(f, "; GET /v1/vocabularies/{} lists it", self.vocabulary),
            near => write!(f, "; near it are {}", near.join(", ")),
        }
    }
}

impl std::error::Error for UnknownTerm {}

/// The values of up to three `(spelling, value)` pairs that are spelt like `text`, best first. Short
/// words must be nearer than long ones.
pub fn near_spellings<'a>(text: &str, known: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    const NEAR: f64 = 0.8;
    let text = text.trim().to_lowercase().replace([' ', '-'], "_");
    let mut near: Vec<(f64, &str)> = known
        .map(|(spelling, value)| {
            (strsim::jaro_winkler(&text, &spelling.to_lowercase().replace([' ', '-'], "_")), value)
        })
        .filter(|(likeness, _)| *likeness >= NEAR)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let mut values: Vec<String> = Vec::new();
    for (_, value) in near {
        if values.len() < 3 && !values.iter().any(|known| known == value) {
            values.push(value.to_owned());
        }
    }
    values
}

macro_rules! embedded {
    ($($file:literal),+ $(,)?) => {
        [$(include_str!(concat!("../../seed-data/vocabularies/", $file, ".json"))),+]
    };
}

static VOCABULARIES: LazyLock<Vec<Vocabulary>> = LazyLock::new(|| {
    embedded![
        "accessibility",
        "audiences",
        "availability_statuses",
        "coverage_categories",
        "crisis_contact_kinds",
        "decline_reasons",
        "district_kinds",
        "emergency_services",
        "facility_types",
        "grains",
        "language_modes",
        "languages",
        "modalities",
        "needs",
        "populations",
        "practices",
        "programs",
        "schedules",
        "settings",
        "tiers",
    ]
    .into_iter()
    .map(|json| serde_json::from_str(json).expect("the embedded vocabularies are read by a test"))
    .collect()
});

/// Every vocabulary, sorted by name.
pub fn vocabularies() -> &'static [Vocabulary] {
    &VOCABULARIES
}

/// What people call the term with this code; the code itself where there is none.
pub fn term_name(vocabulary: &str, code: &str) -> String {
    let vocabulary = vocabularies().iter().find(|known| known.name == vocabulary);
    vocabulary.and_then(|known| known.term(code)).map_or_else(|| code.to_owned(), |term| term.name.clone())
}

fn vocabulary(name: &str) -> &'static Vocabulary {
    VOCABULARIES
        .iter()
        .find(|vocabulary| vocabulary.name == name)
        .expect("the embedded vocabularies are named in this file")
}

macro_rules! terms {
    ($($(#[$doc:meta])* $name:ident in $vocabulary:literal, like $example:literal;)+) => {$(
        $(#[$doc])*
        ///
        /// Held as its position in the vocabulary: small, dense, and known by construction.
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
        )]
        #[serde(try_from = "String", into = "String")]
        #[schema(value_type = String, example = $example)]
        pub struct $name(u16);

        impl $name {
            /// The vocabulary it belongs to.
            pub fn vocabulary() -> &'static Vocabulary {
                static FOUND: LazyLock<&'static Vocabulary> = LazyLock::new(|| vocabulary($vocabulary));
                *FOUND
            }

            /// Every term, in the order of the vocabulary.
            pub fn all() -> impl Iterator<Item = Self> {
                (0..).take(Self::vocabulary().terms.len()).map(Self)
            }

            /// Its position in the vocabulary.
            pub fn index(self) -> usize {
                usize::from(self.0)
            }

            /// Its code.
            pub fn as_str(self) -> &'static str {
                &Self::vocabulary().terms[self.index()].code
            }
        }

        impl FromStr for $name {
            type Err = UnknownTerm;

            fn from_str(code: &str) -> Result<Self, Self::Err> {
                let vocabulary = Self::vocabulary();
                let position = vocabulary.terms.iter().position(|term| term.code == code);
                position
                    .and_then(|position| u16::try_from(position).ok())
                    .map(Self)
                    .ok_or_else(|| vocabulary.refuse(code))
            }
        }

        impl TryFrom<String> for $name {
            type Error = UnknownTerm;

            fn try_from(code: String) -> Result<Self, Self::Error> {
                code.parse()
            }
        }

        impl From<$name> for String {
            fn from(term: $name) -> Self {
                term.as_str().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )+};
}

terms! {
    /// A presenting concern or a basic need.
    Need in "needs", like "trauma";
    /// Whom an offering is made for or competent with.
    Population in "populations", like "newcomers";
    /// An evidence-based practice.
    Practice in "practices", like "tf_cbt";
    /// Access for people with disabilities.
    AccessibilityFeature in "accessibility", like "wheelchair";
    /// Why an agency does not take a student, or hands one back.
    DeclineReason in "decline_reasons", like "no_capacity";
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use super::*;
    use crate::types::{
        Audience, AvailabilityStatus, CoverageCategory, CrisisContactKind, DistrictKind, EmergencyService,
        FacilityType, Grain, LanguageMode, Modality, ScheduleKind, ServiceSetting, Tier,
    };

    #[test]
    fn the_closed_sets_have_the_codes_of_their_vocabularies() {
        macro_rules! check {
            ($($name:literal: $set:ty),+) => {$(
                let described: BTreeSet<String> = vocabulary($name).terms.iter().map(|t| t.code.clone()).collect();
                let known: BTreeSet<String> = <$set>::ALL.iter().map(ToString::to_string).collect();
                assert_eq!(described, known, $name);
            )+};
        }
        check!(
            "audiences": Audience, "availability_statuses": AvailabilityStatus,
            "coverage_categories": CoverageCategory, "crisis_contact_kinds": CrisisContactKind,
            "district_kinds": DistrictKind, "emergency_services": EmergencyService,
            "facility_types": FacilityType, "grains": Grain, "language_modes": LanguageMode,
            "modalities": Modality, "schedules": ScheduleKind, "settings": ServiceSetting, "tiers": Tier
        );
    }

    #[test]
    fn codes_are_unique_and_a_language_is_called_by_one_name_only() {
        for vocabulary in vocabularies() {
            let codes: BTreeSet<&str> = vocabulary.terms.iter().map(|t| t.code.as_str()).collect();
            assert_eq!(codes.len(), vocabulary.terms.len(), "{}", vocabulary.name);
        }
        let mut names: HashMap<String, &str> = HashMap::new();
        let languages = vocabulary("languages");
        for term in &languages.terms {
            for name in std::iter::once(&term.name).chain(&term.also) {
                let other = names.insert(name.to_lowercase(), &term.code);
                assert!(
                    other.is_none_or(|other| other == term.code),
                    "{name} is {other:?} and {}",
                    term.code
                );
            }
            for member in &term.members {
                assert!(languages.term(member).is_some(), "{member} of {}", term.code);
            }
        }
    }

    #[test]
    fn a_misspelt_code_is_refused_with_near_spellings() {
        let refusal = "truama".parse::<Need>().unwrap_err();
        assert_eq!(refusal.near.first().map(String::as_str), Some("trauma"));
        assert!(refusal.to_string().contains("near it are trauma"), "{refusal}");
        assert!("zzzzzz".parse::<Need>().unwrap_err().near.is_empty());
    }

    #[test]
    fn a_term_reads_back_as_its_code() {
        for term in &Need::vocabulary().terms {
            assert_eq!(term.code.parse::<Need>().unwrap().as_str(), term.code);
        }
    }
}
