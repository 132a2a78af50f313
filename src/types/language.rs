//! Language tags (BCP 47) and which asks they meet.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::codes::Truth;
use super::vocabulary::{UnknownTerm, Vocabulary, vocabularies};

/// A well-formed BCP 47 tag in canonical case whose language is in the vocabulary.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "es")]
pub struct LanguageTag(String);

/// Why a text is no language tag that we know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLanguageTag {
    /// It does not have the shape of a tag.
    #[error("{0:?} is not a language tag: BCP 47 is needed, such as es, pt-BR or ase")]
    Malformed(String),
    /// Its language is not in the vocabulary.
    #[error(transparent)]
    Unknown(UnknownTerm),
}

impl LanguageTag {
    /// The vocabulary of languages.
    pub fn vocabulary() -> &'static Vocabulary {
        static LANGUAGES: LazyLock<&'static Vocabulary> = LazyLock::new(|| {
            vocabularies()
                .iter()
                .find(|vocabulary| vocabulary.name == "languages")
                .expect("languages are an embedded vocabulary")
        });
        *LANGUAGES
    }

    /// The language that people call `name` (`Farsi`, `Kreyòl`).
    pub fn named(name: &str) -> Option<Self> {
        Self::vocabulary().named(name).map(|term| Self(term.code.clone()))
    }

    /// What people call it; a variant with its tag.
    pub fn name(&self) -> String {
        match Self::vocabulary().term(self.primary()) {
            Some(term) if self.0 == term.code => term.name.clone(),
            Some(term) => format!("{} ({self})", term.name),
            None => self.to_string(),
        }
    }

    /// The whole tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The primary language subtag.
    pub fn primary(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }

    /// Whether someone who asks for `self` is served by a speaker of `offered`.
    ///
    /// Yes where `offered` matches `self` as an extended language range (RFC 4647, 3.3.2), or where
    /// `self` is a macrolanguage and `offered` one of its members (`zh` is met by `yue`). Unknown where
    /// `offered` is the wider name and may or may not stand for what is asked (`crp`, "Creole", for `ht`;
    /// `zh` for `yue`; `pt` for `pt-BR`). Else no.
    pub fn is_met_by(&self, offered: &Self) -> Truth {
        if extended_filter(&self.0, &offered.0) || members(self.primary(), offered.primary()) {
            Truth::Yes
        } else if extended_filter(&offered.0, &self.0) || members(offered.primary(), self.primary()) {
            Truth::Unknown
        } else {
            Truth::No
        }
    }
}

fn members(wide: &str, narrow: &str) -> bool {
    LanguageTag::vocabulary()
        .term(wide)
        .is_some_and(|term| term.members.iter().any(|member| member == narrow))
}

/// RFC 4647, 3.3.2, without wildcards. Both sides are canonical in case.
fn extended_filter(range: &str, tag: &str) -> bool {
    let mut wanted = range.split('-');
    let mut given = tag.split('-');
    if wanted.next() != given.next() {
        return false;
    }
    wanted.all(|subtag| {
        given.by_ref().take_while(|other| *other == subtag || other.len() > 1).any(|other| other == subtag)
    })
}

impl FromStr for LanguageTag {
    type Err = InvalidLanguageTag;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let tag = match oxilangtag::LanguageTag::parse_and_normalize(text) {
            Ok(tag) => Self(tag.into_inner()),
            Err(_) if LanguageTag::named(text).is_some() || text.chars().all(char::is_alphabetic) => {
                return Err(InvalidLanguageTag::Unknown(Self::vocabulary().refuse(text)));
            }
            Err(_) => return Err(InvalidLanguageTag::Malformed(text.to_owned())),
        };
        match Self::vocabulary().term(tag.primary()) {
            Some(_) => Ok(tag),
            None => Err(InvalidLanguageTag::Unknown(Self::vocabulary().refuse(text))),
        }
    }
}

impl TryFrom<String> for LanguageTag {
    type Error = InvalidLanguageTag;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<LanguageTag> for String {
    fn from(tag: LanguageTag) -> Self {
        tag.0
    }
}

impl fmt::Display for LanguageTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> LanguageTag {
        text.parse().unwrap()
    }

    #[test]
    fn asks_are_met_by_members_and_wider_names_leave_it_open() {
        for (asked, offered, met) in [
            ("es", "es", Truth::Yes),
            ("es", "pt", Truth::No),
            ("zh", "yue", Truth::Yes),
            ("zh", "cmn", Truth::Yes),
            ("yue", "zh", Truth::Unknown),
            ("yue", "cmn", Truth::No),
            ("ht", "crp", Truth::Unknown),
            ("crp", "ht", Truth::Yes),
            ("pt", "pt-BR", Truth::Yes),
            ("pt-BR", "pt", Truth::Unknown),
            ("pt-BR", "pt-PT", Truth::No),
            ("zh-TW", "zh-Hant-TW", Truth::Yes),
        ] {
            assert_eq!(tag(asked).is_met_by(&tag(offered)), met, "{asked} by {offered}");
        }
    }

    #[test]
    fn tags_are_read_in_any_case() {
        assert_eq!(tag("PT-br").as_str(), "pt-BR");
    }

    #[test]
    fn an_unknown_language_is_refused_with_near_spellings() {
        let refusal = "spanish".parse::<LanguageTag>().unwrap_err().to_string();
        assert!(refusal.contains("near it are es"), "{refusal}");
        assert!("es_MX!".parse::<LanguageTag>().is_err());
        assert!("".parse::<LanguageTag>().is_err());
        assert!("qqq".parse::<LanguageTag>().is_err());
    }

    #[test]
    fn languages_are_found_by_name() {
        assert_eq!(LanguageTag::named("farsi"), Some(tag("fa")));
        assert_eq!(LanguageTag::named("Creole"), Some(tag("crp")));
        assert_eq!(LanguageTag::named("Klingon"), None);
    }
}
