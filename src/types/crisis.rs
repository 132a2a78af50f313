//! Whom to call in a crisis, per jurisdiction: well-known public contacts, embedded from
//! `seed-data/crisis_contacts.json`.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::codes::CrisisContactKind;
use super::language::LanguageTag;

/// Somebody who helps at once, or to whom danger to a child is reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CrisisContact {
    /// Where it answers for: a country or a state of it (ISO 3166-2).
    #[schema(example = "US-MA")]
    pub jurisdiction: String,
    /// What it is for.
    pub kind: CrisisContactKind,
    /// Its name.
    #[schema(example = "988 Suicide & Crisis Lifeline")]
    pub name: String,
    /// The number to call, as it is dialled there: short numbers have no other form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "988")]
    pub phone: Option<String>,
    /// The number to send a text message to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "988")]
    pub text: Option<String>,
    /// Its page; some offer chat there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "https://988lifeline.org")]
    pub url: Option<String>,
    /// When it answers, in words.
    #[schema(example = "24 hours, every day")]
    pub hours: String,
    /// Languages in which it answers by itself; interpreters are named in `when_to_use`.
    pub languages: Vec<LanguageTag>,
    /// When it is the right one, and what to know before calling.
    pub when_to_use: String,
}

static CONTACTS: LazyLock<Vec<CrisisContact>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../seed-data/crisis_contacts.json"))
        .expect("the embedded crisis contacts are read by a test")
});

/// The contacts for a two-letter state of the United States, in the order in which to show them: emergency
/// services, the state's own, then the national ones. Without a state, or for one of which none is known, the national
/// ones alone: there is no place without any.
pub fn crisis_contacts(state: Option<&str>) -> Vec<&'static CrisisContact> {
    let state = state.map(|state| format!("{NATION}-{state}"));
    let of =
        |jurisdiction: String| CONTACTS.iter().filter(move |contact| contact.jurisdiction == jurisdiction);
    let mut contacts: Vec<_> = state.into_iter().chain([NATION.to_owned()]).flat_map(of).collect();
    contacts.sort_by_key(|contact| contact.kind != CrisisContactKind::Emergency);
    contacts
}

/// What to tell somebody in a two-letter state who suspects abuse or neglect. Nothing is filed for them.
pub fn mandated_reporting(state: Option<&str>) -> String {
    let contacts = crisis_contacts(state);
    let of_kind = contacts.into_iter().find(|contact| contact.kind == CrisisContactKind::MandatedReporting);
    let whom = of_kind.map_or(String::new(), |contact| {
        let number = contact.phone.as_deref().unwrap_or_default();
        format!(" {}, {number}: {}", contact.name, contact.when_to_use)
    });
    format!(
        "Who works with children may be bound by law to report suspected abuse or neglect themselves, at once; telling \
         somebody else, or this software, is no report. Causeway files nothing.{whom}"
    )
}

const NATION: &str = "US";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names(state: Option<&str>) -> Vec<&'static str> {
        crisis_contacts(state).into_iter().map(|contact| contact.name.as_str()).collect()
    }

    #[test]
    fn emergency_services_stand_before_a_states_own_contacts_and_those_before_the_national_ones() {
        let national = names(None);
        let massachusetts = names(Some("MA"));
        let own = massachusetts.len() - national.len();
        assert!(own >= 3, "{massachusetts:?}");
        assert_eq!((massachusetts[0], &massachusetts[1 + own..]), (national[0], &national[1..]));
        let own = &crisis_contacts(Some("MA"))[1..=own];
        assert!(own.iter().all(|contact| contact.jurisdiction == "US-MA"));
        assert_eq!(own[0].phone.as_deref(), Some("833-773-2445"));
        assert!(own.iter().any(|contact| contact.kind == CrisisContactKind::MobileCrisis));
        assert!(own.iter().any(|contact| contact.phone.as_deref() == Some("800-792-5200")));
    }

    #[test]
    fn no_place_is_without_emergency_services_and_the_lifeline() {
        for state in [None, Some("MA"), Some("VT"), Some("PR"), Some("ma"), Some("")] {
            let numbers: BTreeSet<_> =
                crisis_contacts(state).iter().filter_map(|contact| contact.phone.as_deref()).collect();
            assert!(numbers.contains("911") && numbers.contains("988"), "{state:?}: {numbers:?}");
        }
        assert_eq!(names(Some("VT")), names(None));
        assert_eq!(crisis_contacts(None)[0].kind, CrisisContactKind::Emergency);
    }

    #[test]
    fn the_text_for_mandated_reporters_names_the_states_own_line_or_else_the_national_one() {
        let massachusetts = mandated_reporting(Some("MA"));
        assert!(massachusetts.contains("800-792-5200") && massachusetts.contains("51A"), "{massachusetts}");
        for state in [None, Some("VT")] {
            let national = mandated_reporting(state);
            assert!(national.contains("800-422-4453") && !national.contains("51A"), "{national}");
        }
        assert!(massachusetts.contains("files nothing"));
    }

    #[test]
    fn each_can_be_reached_and_says_when_to_use_it() {
        for contact in CONTACTS.iter() {
            let name = &contact.name;
            assert!(contact.phone.is_some() || contact.text.is_some(), "{name}");
            assert!(!contact.hours.is_empty() && contact.when_to_use.ends_with('.'), "{name}");
            assert!(!contact.languages.is_empty(), "{name}");
            assert!(contact.url.iter().all(|url| url.starts_with("https://")), "{name}");
            let dialled = |number: &String| number.chars().all(|c| c.is_ascii_digit() || c == '-');
            assert!(contact.phone.iter().chain(&contact.text).all(dialled), "{name}");
        }
    }
}
