//! Who must sign a consent, and whose signature counts.
//!
//! The rules are data: one table per jurisdiction in `seed-data/jurisdictions`, each rule with its citation and a
//! plain sentence. A state's table adds to the federal one. No age stands in this code; a deployment's counsel
//! decides what the tables say.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::model::{Consent, Signature, SignedBy};
use super::words::{Authority, GuardianAccess, Signer};
use crate::types::{Grade, GuardianId, UnknownCode, codes};

codes! {
    /// Care that some states let a minor consent to alone, and then decide alone who is told of it.
    MinorCare, "care that a minor may consent to" {
        /// Treatment of dependency on drugs.
        SubstanceUseTreatment = "substance_use_treatment",
        /// Voluntary care by a facility of mental health.
        MentalHealthFacility = "mental_health_facility",
    }

    /// By which day a rule's ages and grades are judged.
    JudgedOn, "day that a rule is judged on" {
        /// The day on which the consent was signed: what was signed then goes on to hold.
        AtSigning = "at_signing",
        /// The day of the release: when it begins to apply, the consent has to be signed anew.
        AtRelease = "at_release",
    }
}

/// One rule about who must sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name, which stays.
    #[schema(example = "us_ferpa_parent")]
    pub code: String,
    /// The federal rule in whose place it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub replaces: Option<String>,
    /// The laws that a consent is given under for which it holds.
    pub authorities: Vec<Authority>,
    /// Who must sign.
    pub signer: Signer,
    /// From this age on, in years completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub from_age: Option<u8>,
    /// Or, younger, from this grade on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub or_from_grade: Option<Grade>,
    /// Only below this age, in years completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub before_age: Option<u8>,
    /// On which day age and grade are judged.
    pub judged: JudgedOn,
    /// It holds only for such care, where somebody has stated that the condition is met; and then it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub minor_consent: Option<MinorConsent>,
    /// Where the law says so.
    pub citation: String,
    /// What it says, for a coordinator.
    pub plain: String,
}

/// When a minor may consent alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MinorConsent {
    /// To which care.
    pub care: MinorCare,
    /// What must be so, which this program cannot know.
    pub condition: String,
}

/// The rules of one jurisdiction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jurisdiction {
    /// A country or a state of it (ISO 3166-2).
    pub jurisdiction: String,
    /// Its name.
    pub name: String,
    /// What to know before relying on it.
    pub note: String,
    /// Its rules.
    pub rules: Vec<Rule>,
}

const NATION: &str = "US";

static JURISDICTIONS: LazyLock<Vec<Jurisdiction>> = LazyLock::new(|| {
    [
        include_str!("../../seed-data/jurisdictions/us.json"),
        include_str!("../../seed-data/jurisdictions/us-ma.json"),
    ]
    .into_iter()
    .map(|json| serde_json::from_str(json).expect("the embedded jurisdictions are read by a test"))
    .collect()
});

/// Every jurisdiction that there is a table for; the federal one first.
pub fn jurisdictions() -> &'static [Jurisdiction] {
    &JURISDICTIONS
}

/// The rules that hold in a two-letter state. Of a state without a table, and of none, the federal ones.
fn rules_of(state: Option<&str>) -> impl Iterator<Item = &'static Rule> {
    let state = state.map(|state| format!("{NATION}-{state}"));
    let own = JURISDICTIONS.iter().find(|there| Some(&there.jurisdiction) == state.as_ref());
    let own = own.map(|there| there.rules.as_slice()).unwrap_or_default();
    let federal = JURISDICTIONS.iter().filter(|there| there.jurisdiction == NATION);
    let federal = federal.flat_map(|there| &there.rules);
    let stands = |rule: &&Rule| !own.iter().any(|other| other.replaces.as_ref() == Some(&rule.code));
    federal.filter(stands).chain(own)
}

/// What of a student decides who must sign.
#[derive(Clone, Copy, Debug)]
pub struct Minority<'a> {
    /// The two letters of the district's state, where it is known.
    pub state: Option<&'a str>,
    /// The date of birth.
    pub birth_date: Date,
    /// The grade, where it is known; where not, the age alone decides.
    pub grade: Option<Grade>,
    /// The care that is meant, where somebody has stated that the condition is met under which a minor may
    /// consent to it alone.
    pub minor_care: Option<MinorCare>,
}

impl Minority<'_> {
    /// Who must sign a consent under this law that is signed and used on these days, and why.
    ///
    /// Never nobody, as long as the table has a rule for every age, which a test holds it to. The age turns on the
    /// birthday, that of the 29th of February on the 1st of March.
    pub fn signers(&self, authority: Authority, signed_on: Date, released_on: Date) -> Vec<&'static Rule> {
        let holds = |rule: &&Rule| {
            let on = match rule.judged {
                JudgedOn::AtSigning => signed_on,
                JudgedOn::AtRelease => released_on,
            };
            rule.authorities.contains(&authority) && self.meets(rule, on)
        };
        let (alone, usual): (Vec<_>, Vec<_>) =
            rules_of(self.state).filter(holds).partition(|rule| rule.minor_consent.is_some());
        if alone.is_empty() { usual } else { alone }
    }

    /// Whether the rule is about a student of this age and grade, and about this care.
    fn meets(&self, rule: &Rule, on: Date) -> bool {
        let age = age_on(self.birth_date, on);
        let old_enough = rule.from_age.is_none_or(|from| age >= i16::from(from));
        let far_enough = rule.or_from_grade.is_some_and(|from| self.grade.is_some_and(|grade| grade >= from));
        (old_enough || far_enough)
            && rule.before_age.is_none_or(|before| age < i16::from(before))
            && rule.minor_consent.as_ref().is_none_or(|alone| Some(alone.care) == self.minor_care)
    }
}

/// Years completed on a day.
pub(super) fn age_on(birth_date: Date, on: Date) -> i16 {
    let not_yet = (on.month(), on.day()) < (birth_date.month(), birth_date.day());
    on.year() - birth_date.year() - i16::from(not_yet)
}

/// Why a signature does not count. None names anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Discounted {
    /// It was given after the moment in question.
    NotYet,
    /// It is not in writing.
    NotWritten,
    /// Nothing shows it.
    WithoutEvidence,
    /// Who signed is no guardian of this student.
    NoGuardian,
    /// Who signed has no access in full.
    WithoutAccess,
    /// Who signed did not have that right yet.
    BeforeTheRight,
}

/// Somebody who must sign and whose signature is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Who must sign, and why.
    pub rule: &'static Rule,
    /// Why signatures that are there do not count for it.
    pub discounted: Vec<Discounted>,
}

/// Whose signature is missing under a consent, for what is released under this law at `at`. Empty: all have signed.
pub fn missing(
    consent: &Consent,
    authority: Authority,
    student: &Minority<'_>,
    guardians: &[(GuardianId, GuardianAccess)],
    at: jiff::Timestamp,
    zone: &TimeZone,
) -> Vec<Missing> {
    let day = |instant: jiff::Timestamp| instant.to_zoned(zone.clone()).date();
    let signed_on = day(consent.signed_at.unwrap_or(at));
    let problem = |rule: &Rule, signature: &Signature| {
        if signature.signed_at > at {
            Some(Discounted::NotYet)
        } else if !signature.method.is_written() {
            Some(Discounted::NotWritten)
        } else if signature.evidence.trim().is_empty() {
            Some(Discounted::WithoutEvidence)
        } else if !student.meets(rule, day(signature.signed_at)) {
            Some(Discounted::BeforeTheRight)
        } else {
            guardian_problem(signature.by, guardians)
        }
    };
    let of_rule = |rule: &'static Rule| {
        let mut discounted = Vec::new();
        for signature in consent.signatures.iter().filter(|given| given.by.signer() == rule.signer) {
            discounted.push(problem(rule, signature)?);
        }
        discounted.sort_unstable();
        discounted.dedup();
        Some(Missing { rule, discounted })
    };
    student.signers(authority, signed_on, day(at)).into_iter().filter_map(of_rule).collect()
}

/// Why who signed counts for nothing. A guardian who stands twice on the list has the least of what it says.
fn guardian_problem(by: SignedBy, guardians: &[(GuardianId, GuardianAccess)]) -> Option<Discounted> {
    let SignedBy::Guardian(guardian) = by else { return None };
    match access_of(guardian, guardians) {
        None => Some(Discounted::NoGuardian),
        Some(GuardianAccess::Full) => None,
        Some(GuardianAccess::Restricted | GuardianAccess::Barred) => Some(Discounted::WithoutAccess),
    }
}

/// What a guardian may see; none for who is no guardian of this student.
pub(super) fn access_of(
    guardian: GuardianId,
    guardians: &[(GuardianId, GuardianAccess)],
) -> Option<GuardianAccess> {
    guardians.iter().filter(|(id, _)| *id == guardian).map(|(_, access)| *access).max()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::civil::date;

    use super::*;

    const BIRTH: Date = date(2010, 5, 20);

    fn student(
        state: Option<&'static str>,
        grade: Option<&str>,
        care: Option<MinorCare>,
    ) -> Minority<'static> {
        Minority { state, birth_date: BIRTH, grade: grade.map(|g| g.parse().unwrap()), minor_care: care }
    }

    /// Who must sign on that day, and by which rules.
    fn codes_of(student: &Minority<'_>, authority: Authority, on: Date) -> Vec<&'static str> {
        student.signers(authority, on, on).into_iter().map(|rule| rule.code.as_str()).collect()
    }

    #[test]
    fn every_table_is_read_strictly_and_every_rule_has_a_citation_and_a_sentence() {
        let mut seen = BTreeSet::new();
        for there in jurisdictions() {
            assert!(there.note.contains("counsel"), "{}", there.name);
            for rule in &there.rules {
                let Rule { code, citation, plain, .. } = rule;
                assert!(seen.insert(code), "{code} stands twice");
                assert!(
                    ["CFR", "U.S.C.", "CMR", "M.G.L."].iter().any(|law| citation.contains(law)),
                    "{code}"
                );
                assert!(plain.ends_with('.') && plain.len() > 40, "{code}");
                assert!(!rule.authorities.is_empty(), "{code}");
                assert!(rule.or_from_grade.is_none() || rule.from_age.is_some(), "{code}: or what?");
            }
        }
        assert_eq!(jurisdictions()[0].jurisdiction, NATION);
        let replaced =
            jurisdictions().iter().flat_map(|there| &there.rules).filter_map(|r| r.replaces.as_ref());
        assert!(replaced.into_iter().all(|code| seen.contains(code)));
        let wrong = r#"{"jurisdiction":"US","name":"","note":"","rules":[],"minor_consent":[]}"#;
        assert!(serde_json::from_str::<Jurisdiction>(wrong).is_err());
    }

    #[test]
    fn at_every_age_under_every_law_somebody_must_sign() {
        for state in [None, Some("MA"), Some("VT")] {
            for care in [None, Some(MinorCare::SubstanceUseTreatment), Some(MinorCare::MentalHealthFacility)]
            {
                for (years, authority) in (0..25).flat_map(|y| Authority::ALL.iter().map(move |a| (y, *a))) {
                    let on = date(BIRTH.year() + years, 6, 1);
                    assert!(
                        !codes_of(&student(state, None, care), authority, on).is_empty(),
                        "{years} {authority}"
                    );
                }
            }
        }
    }

    /// 06, rule 4: the parent under 18 for FERPA; the student at 18 (34 CFR 99.3, 99.5).
    #[test]
    fn a_parent_signs_until_the_eighteenth_birthday_and_the_student_from_that_day() {
        let student = student(Some("VT"), Some("12"), None);
        assert_eq!(codes_of(&student, Authority::Ferpa, date(2028, 5, 19)), ["us_ferpa_parent"]);
        assert_eq!(codes_of(&student, Authority::Ferpa, date(2028, 5, 20)), ["us_ferpa_student"]);
        assert_eq!(codes_of(&student, Authority::HipaaAuthorization, date(2028, 5, 19)), ["us_hipaa_parent"]);
        assert_eq!(
            codes_of(&student, Authority::HipaaAuthorization, date(2028, 5, 20)),
            ["us_hipaa_student"]
        );
    }

    /// 06, rule 4: state rights at 14 or grade 9 beside them (603 CMR 23.01, 23.07).
    #[test]
    fn in_massachusetts_the_student_signs_beside_the_parent_from_fourteen_or_the_ninth_grade() {
        let both = ["us_ferpa_parent", "ma_student_record_student"];
        let of = |state, grade, on| codes_of(&student(Some(state), grade, None), Authority::Ferpa, on);
        assert_eq!(of("MA", Some("8"), date(2024, 5, 19)), ["us_ferpa_parent"]);
        assert_eq!(of("MA", Some("8"), date(2024, 5, 20)), both);
        assert_eq!(of("MA", Some("9"), date(2023, 9, 1)), both);
        assert_eq!(of("MA", None, date(2023, 9, 1)), ["us_ferpa_parent"]);
        assert_eq!(of("VT", Some("9"), date(2026, 9, 1)), ["us_ferpa_parent"]);
        assert_eq!(of("MA", Some("12"), date(2028, 5, 20)), ["us_ferpa_student"]);
    }

    /// 06, rule 4: minor-consent services by a configured table (M.G.L. c. 112, § 12E; 42 CFR 2.14).
    #[test]
    fn a_minor_signs_alone_for_care_of_the_table_where_its_condition_was_stated_and_only_there() {
        let drugs = Some(MinorCare::SubstanceUseTreatment);
        let of = |state, care, on| codes_of(&student(Some(state), None, care), Authority::Part2, on);
        let both = ["us_part2_student", "us_part2_parent"];
        assert_eq!(of("MA", drugs, date(2022, 5, 20)), ["ma_drug_dependency"]);
        assert_eq!(of("MA", drugs, date(2022, 5, 19)), both, "eleven");
        assert_eq!(of("MA", None, date(2025, 5, 20)), both, "no condition was stated");
        assert_eq!(of("VT", drugs, date(2025, 5, 20)), both, "no table");
        assert_eq!(of("MA", drugs, date(2028, 5, 20)), ["us_part2_student", "us_part2_student_of_age"]);
        let student = student(Some("MA"), None, drugs);
        let ferpa = codes_of(&student, Authority::Ferpa, date(2026, 6, 1));
        assert_eq!(
            ferpa,
            ["us_ferpa_parent", "ma_student_record_student"],
            "the school's records stay the parent's"
        );
    }

    /// 06, rule 5: 34 CFR 300.154(d)–(e); 300.520 lets a state pass the rights on, and Massachusetts does.
    #[test]
    fn billing_is_signed_by_the_parent_and_after_eighteen_by_whom_the_state_says() {
        let of = |state, on| codes_of(&student(Some(state), None, None), Authority::IdeaBilling, on);
        assert_eq!(of("MA", date(2028, 5, 19)), ["ma_idea_billing_parent"]);
        assert_eq!(of("MA", date(2028, 5, 20)), ["us_idea_billing_student"]);
        assert_eq!(of("VT", date(2028, 5, 20)), ["us_idea_billing_parent", "us_idea_billing_student"]);
    }

    #[test]
    fn ages_turn_on_the_birthday_and_a_leap_day_is_waited_for() {
        assert_eq!(age_on(date(2010, 5, 20), date(2028, 5, 19)), 17);
        assert_eq!(age_on(date(2010, 5, 20), date(2028, 5, 20)), 18);
        assert_eq!(age_on(date(2008, 2, 29), date(2026, 2, 28)), 17);
        assert_eq!(age_on(date(2008, 2, 29), date(2026, 3, 1)), 18);
    }
}
