//! What is written for people who have no account here: in their language, and with times as that language writes
//! them. The texts are data, `seed-data/texts`, one file a language.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::codes::{UnknownCode, codes};

codes! {
    /// A language in which pages and messages are written.
    ReaderLanguage, "language of pages" {
        /// English.
        English = "en",
        /// Spanish.
        Spanish = "es",
        /// Portuguese.
        Portuguese = "pt",
        /// Haitian Creole.
        HaitianCreole = "ht",
    }
}

/// Declares the texts: a language that lacks one, or has one too many, cannot be read.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// The texts of one language. What stands in braces is put in by [`fill`].
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(missing_docs, reason = "each is named for what it says")]
        pub struct Texts {
            /// The language's own name for itself.
            pub name: String,
            /// Monday first.
            weekdays: [String; 7],
            months: [String; 12],
            /// How the first day of a month is written.
            first_of_month: String,
            /// An instant: `{weekday}`, `{day}`, `{month}`, `{year}`, `{time}`.
            moment: String,
            /// What stands behind hours before noon; none where hours run to 24.
            #[serde(default)]
            morning: Option<String>,
            /// What stands behind hours from noon on.
            #[serde(default)]
            afternoon: Option<String>,
            $($(#[$doc])* pub $name: String,)+
        }

        #[cfg(test)]
        impl Texts {
            fn all(&self) -> Vec<(&'static str, &str)> {
                vec![$((stringify!($name), self.$name.as_str())),+]
            }
        }
    };
}

texts! {
    language, update_title, shown_now, shown_until, lapsed, last_said, nothing_said, question, capacity, waitlist,
    no_capacity, assessment, unknown, openings, waiting, number, number_hint, nothing_saved, number_wrong, number_zero,
    number_with_nothing, choice_missing, sent_before, thanks_title, thanks, again, unknown_link_title, unknown_link,
    expired_title, revoked_title, retired_title, ended, ask_for_new, limited_title, limited, unreadable_title,
    unreadable, failed_title, failed, stop_title, stop_question, stop, stopped_title, stopped, mail_subject,
    mail_opening, mail_links, mail_until, mail_why, notice_subject, notice_count, notice_until, notice_link, notice_why,
    notice_stop_title, notice_stop_question, notice_stop, notice_stopped_title, notice_stopped, worklist_subject,
    worklist_count, worklist_link, worklist_why, worklist_stop_title, worklist_stop_question, worklist_stop,
    worklist_stopped_title, worklist_stopped, crisis_subject, crisis_text, crisis_link, crisis_why,
}

impl ReaderLanguage {
    /// Its texts.
    pub fn texts(self) -> &'static Texts {
        macro_rules! embedded {
            ($file:literal) => {{
                static TEXTS: LazyLock<Texts> = LazyLock::new(|| {
                    serde_json::from_str(include_str!(concat!("../../seed-data/texts/", $file)))
                        .expect("the embedded texts are read by a test")
                });
                &TEXTS
            }};
        }
        match self {
            Self::English => embedded!("en.json"),
            Self::Spanish => embedded!("es.json"),
            Self::Portuguese => embedded!("pt.json"),
            Self::HaitianCreole => embedded!("ht.json"),
        }
    }

    /// An instant as this language writes it, in a time zone, which it names.
    pub fn moment(self, at: Timestamp, zone: &TimeZone) -> String {
        let texts = self.texts();
        let there = at.to_zoned(zone.clone());
        let (hour, minute) = (there.hour(), there.minute());
        let half = if hour < 12 { &texts.morning } else { &texts.afternoon };
        let time = match half {
            Some(half) => format!("{}:{minute:02} {half}", (hour + 11) % 12 + 1),
            None => format!("{hour:02}:{minute:02}"),
        };
        let offset = zone.to_offset_info(at);
        let day = match there.day() {
            1 => texts.first_of_month.clone(),
            day => day.to_string(),
        };
        let name_of = |names: &[String], one_based: i8| {
            usize::try_from(one_based - 1).ok().and_then(|position| names.get(position)).cloned()
        };
        let weekday = name_of(&texts.weekdays, there.weekday().to_monday_one_offset()).unwrap_or_default();
        let month = name_of(&texts.months, there.month()).unwrap_or_default();
        fill(
            &texts.moment,
            &[
                ("weekday", &weekday),
                ("day", &day),
                ("month", &month),
                ("year", &there.year().to_string()),
                ("time", &format!("{time} ({})", offset.abbreviation())),
            ],
        )
    }

    /// The first of the languages of an `Accept-Language` that is one of ours.
    pub fn accepted(header: &str) -> Option<Self> {
        header.split(',').find_map(|one| {
            let tag = one.split([';', '-']).next().unwrap_or_default().trim();
            tag.to_ascii_lowercase().parse().ok()
        })
    }
}

/// A text with its braces filled in. What is filled in is not looked at again.
pub fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        filled.push_str(before);
        let (name, after) = behind.split_once('}').unwrap_or((behind, ""));
        if let Some((_, value)) = values.iter().find(|(known, _)| *known == name) {
            filled.push_str(value);
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn placeholders(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).map(|part| part.split_once('}').expect("a brace that closes").0).collect()
    }

    #[test]
    fn every_language_has_every_text_with_the_same_placeholders() {
        let english = ReaderLanguage::English.texts().all();
        for language in ReaderLanguage::ALL {
            let texts = language.texts();
            for ((name, text), (_, model)) in texts.all().into_iter().zip(&english) {
                assert!(!text.trim().is_empty(), "{language} {name}");
                assert_eq!(placeholders(text), placeholders(model), "{language} {name}");
                let is_own = *language == ReaderLanguage::English || text != *model;
                assert!(is_own, "{language} {name} is not translated");
            }
            assert_eq!(
                placeholders(&texts.moment),
                BTreeSet::from(["weekday", "day", "month", "year", "time"]),
                "{language}"
            );
            assert_eq!(texts.morning.is_some(), texts.afternoon.is_some(), "{language}");
        }
    }

    #[test]
    fn an_instant_is_written_as_the_language_writes_it_in_the_zone_of_the_agency() {
        let boston = TimeZone::get("America/New_York").unwrap();
        let evening: Timestamp = "2026-11-28T00:05:00Z".parse().unwrap();
        let written = ReaderLanguage::ALL.iter().map(|language| language.moment(evening, &boston));
        assert_eq!(
            written.collect::<Vec<_>>(),
            [
                "Friday, November 27, 2026, 7:05 PM (EST)",
                "viernes 27 de noviembre de 2026, 7:05 p. m. (EST)",
                "sexta-feira, 27 de novembro de 2026, 19:05 (EST)",
                "vandredi 27 novanm 2026, 7:05 PM (EST)",
            ]
        );
        let midnight: Timestamp = "2026-07-01T04:00:00Z".parse().unwrap();
        let written = ReaderLanguage::ALL.iter().map(|language| language.moment(midnight, &boston));
        assert_eq!(
            written.collect::<Vec<_>>(),
            [
                "Wednesday, July 1, 2026, 12:00 AM (EDT)",
                "miércoles 1 de julio de 2026, 12:00 a. m. (EDT)",
                "quarta-feira, 1º de julho de 2026, 00:00 (EDT)",
                "mèkredi premye jiyè 2026, 12:00 AM (EDT)",
            ]
        );
    }

    #[test]
    fn what_is_filled_in_is_not_filled_again() {
        assert_eq!(fill("{a} and {b}", &[("a", "{b}"), ("b", "c")]), "{b} and c");
        assert_eq!(fill("none", &[]), "none");
    }

    #[test]
    fn the_first_language_that_we_have_is_taken() {
        assert_eq!(ReaderLanguage::accepted("fr, pt-BR;q=0.8, en"), Some(ReaderLanguage::Portuguese));
        assert_eq!(ReaderLanguage::accepted("zh"), None);
    }
}
