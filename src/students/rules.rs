//! What makes the record of a student or guardian acceptable. Messages never repeat a value.

use jiff::civil::Date;

use super::model::{GuardianFacts, HomeAddress, Identifier, LanguageNeed, StudentCoverage, StudentFacts};
use crate::error::FieldError;
use crate::types::Phone;

const LONGEST_LINE: usize = 200;
const LONGEST_TEXT: usize = 10_000;
const LONGEST_IDENTIFIER: usize = 64;
const MOST: usize = 20;
/// Nobody older is a student: services under IDEA end at 22.
const OLDEST_YEARS: i16 = 30;

/// What is wrong with the record of a student, on this day.
pub fn student_faults(facts: &StudentFacts, today: Date) -> Vec<FieldError> {
    let StudentFacts {
        given_name,
        family_name,
        preferred_name,
        birth_date,
        grade: _,
        school_id: _,
        identifiers,
        address,
        phone,
        email,
        languages,
        coverages,
        accessibility,
        populations,
        education_plan: _,
        notes,
    } = facts;
    let mut faults = Faults::default();
    faults.line("/given_name", given_name);
    faults.line("/family_name", family_name);
    faults.maybe_line("/preferred_name", preferred_name.as_deref());
    let youngest = today;
    let oldest = today.saturating_sub(jiff::Span::new().years(OLDEST_YEARS));
    if *birth_date > youngest || *birth_date < oldest {
        faults.add("/birth_date", format!("must be a day of the last {OLDEST_YEARS} years"));
    }
    faults.identifiers(identifiers);
    faults.address("/address", address.as_ref());
    faults.phone("/phone", phone.as_ref());
    faults.email("/email", email.as_deref());
    faults.languages("/languages", languages);
    faults.coverages(coverages);
    faults.few("/accessibility", accessibility.len());
    faults.few("/populations", populations.len());
    if notes
        .as_ref()
        .is_some_and(|notes| notes.trim().is_empty() || notes.len() > LONGEST_TEXT || notes.contains('\0'))
    {
        faults.add("/notes", format!("must have 1 to {LONGEST_TEXT} bytes"));
    }
    faults.found
}

/// What is wrong with the record of a guardian.
pub fn guardian_faults(facts: &GuardianFacts) -> Vec<FieldError> {
    let GuardianFacts {
        given_name,
        family_name,
        relationship: _,
        access: _,
        access_basis,
        phone,
        email,
        address,
        safe_to_contact: _,
        languages,
    } = facts;
    let mut faults = Faults::default();
    faults.line("/given_name", given_name);
    faults.line("/family_name", family_name);
    faults.line("/access_basis", access_basis);
    faults.address("/address", address.as_ref());
    faults.phone("/phone", phone.as_ref());
    faults.email("/email", email.as_deref());
    faults.languages("/languages", languages);
    faults.found
}

#[derive(Default)]
struct Faults {
    found: Vec<FieldError>,
}

impl Faults {
    fn add(&mut self, at: impl Into<String>, message: impl std::fmt::Display) {
        self.found.push(FieldError::body(at, message));
    }

    fn line(&mut self, at: &str, text: &str) {
        let is_line = !text.trim().is_empty()
            && text.chars().count() <= LONGEST_LINE
            && !text.chars().any(char::is_control);
        if !is_line {
            self.add(at, format!("must have 1 to {LONGEST_LINE} characters in one line"));
        }
    }

    fn maybe_line(&mut self, at: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.line(at, text);
        }
    }

    fn few(&mut self, at: &str, count: usize) {
        if count > MOST {
            self.add(at, format!("has more than {MOST} values"));
        }
    }

    fn phone(&mut self, at: &str, phone: Option<&Phone>) {
        self.maybe_line(at, phone.map(Phone::as_str));
    }

    fn email(&mut self, at: &str, email: Option<&str>) {
        let Some(email) = email else { return };
        let is_address = email.split_once('@').is_some_and(|(name, host)| {
            !name.is_empty() && host.contains('.') && !email.contains(char::is_whitespace)
        });
        if !is_address || email.len() > LONGEST_LINE || email.chars().any(char::is_control) {
            self.add(at, "must be an address such as name@example.org");
        }
    }

    fn address(&mut self, at: &str, address: Option<&HomeAddress>) {
        let Some(HomeAddress { address_1, address_2, city, state, postal_code: _ }) = address else { return };
        self.maybe_line(&format!("{at}/address_1"), address_1.as_deref());
        self.maybe_line(&format!("{at}/address_2"), address_2.as_deref());
        self.maybe_line(&format!("{at}/city"), city.as_deref());
        let is_state =
            |state: &String| state.len() == 2 && state.bytes().all(|byte| byte.is_ascii_uppercase());
        if state.as_ref().is_some_and(|state| !is_state(state)) {
            self.add(format!("{at}/state"), "must be two capital letters, such as MA");
        }
    }

    fn languages(&mut self, at: &str, languages: &[LanguageNeed]) {
        self.few(at, languages.len());
        for (position, need) in languages.iter().enumerate() {
            if need.used.is_empty() {
                self.add(format!("{at}/{position}/used"), "must say spoken, written or both");
            }
            if languages[..position].iter().any(|before| before.language == need.language) {
                self.add(format!("{at}/{position}/language"), "is named twice; say both uses in one entry");
            }
        }
    }

    fn identifiers(&mut self, identifiers: &[Identifier]) {
        for (position, Identifier { kind, value }) in identifiers.iter().enumerate() {
            let is_identifier = (1..=LONGEST_IDENTIFIER).contains(&value.len())
                && value.bytes().all(|byte| byte.is_ascii_graphic());
            if !is_identifier {
                let message = format!("must have 1 to {LONGEST_IDENTIFIER} visible ASCII characters");
                self.add(format!("/identifiers/{position}/value"), message);
            }
            if identifiers[..position].iter().any(|before| before.kind == *kind) {
                self.add(
                    format!("/identifiers/{position}/kind"),
                    "is given twice; a student has one of each",
                );
            }
        }
    }

    fn coverages(&mut self, coverages: &[StudentCoverage]) {
        self.few("/coverages", coverages.len());
        for (position, coverage) in coverages.iter().enumerate() {
            self.maybe_line(&format!("/coverages/{position}/member_id"), coverage.member_id.as_deref());
        }
    }
}
