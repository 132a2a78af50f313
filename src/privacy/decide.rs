//! Whether something may leave: the one decision behind every release of student information.
//!
//! Everything is passed in: what is asked, what stands on file, the moment. A basis is judged as it was claimed, and
//! another that would have held is not looked for, since the record has to say what was relied on. Every release is
//! recorded, whatever its basis: 34 CFR 99.32(d) exempts some, 603 CMR 23.07(1) does not, so that there is nothing
//! here to say otherwise.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::model::{
    Authority, Basis, Consent, ConsentRecipient, Direction, GuardianAccess, Packet, Purpose, RecipientClass,
    Signer, StudentField,
};
use super::refusals::{Reason, Refusal};
use super::signers::{self, Minority};
use crate::types::{ConsentId, DistrictId, GuardianId, OrganizationId, StudentId, Truth, UnknownCode, codes};

codes! {
    /// What travels with a release.
    Notice, "notice" {
        /// May not be told on (34 CFR 99.33).
        Redisclosure = "redisclosure",
        /// The notice of 42 CFR 2.32.
        Part2 = "part2",
    }
}

impl Notice {
    /// Where the law asks for it.
    pub fn citation(self) -> &'static str {
        match self {
            Self::Redisclosure => "34 CFR 99.33",
            Self::Part2 => "42 CFR 2.32",
        }
    }

    /// Its words. Those of Part 2 are the short form that the rule itself gives.
    pub fn words(self) -> &'static str {
        match self {
            Self::Redisclosure => {
                "This comes from an education record. It may be used only for the purpose for which it was \
                 disclosed, and may not be disclosed to anybody else without the consent of the parent or of the \
                 student who is 18, unless 34 CFR 99.33 allows it."
            }
            Self::Part2 => "42 CFR part 2 prohibits unauthorized use or disclosure of these records.",
        }
    }
}

/// The party outside the district: who is told, or, where the school is told, who tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    /// An organization of the directory.
    Organization {
        /// Which one.
        id: OrganizationId,
        /// What it is, as consents may name it.
        classes: Vec<RecipientClass>,
    },
    /// A school of another district, or one outside the directory.
    School(Named),
    /// A caseworker of a child-welfare agency.
    Caseworker(Named),
    /// Somebody who must know in an emergency.
    EmergencyParty {
        /// Who.
        named: Named,
        /// Medical personnel may be told of Part 2 records in a medical emergency (42 CFR 2.51).
        medical_personnel: bool,
    },
    /// A guardian of the student.
    Guardian(GuardianId),
}

/// Somebody by name, as the record of the release needs it (603 CMR 23.07(1)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub name: String,
    /// The position.
    pub position: String,
    /// The school, agency or service.
    pub affiliation: String,
}

/// What is asked to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Of whom.
    pub student_id: StudentId,
    /// The district that answers for it.
    pub district_id: DistrictId,
    /// To whom, or from whom.
    pub party: Party,
    /// Which packet.
    pub packet: Packet,
    /// What of it.
    pub fields: Vec<StudentField>,
    /// Which way.
    pub direction: Direction,
    /// For what.
    pub purpose: Purpose,
    /// On which ground, as claimed.
    pub basis: Basis,
    /// The articulable and significant threat, for an emergency.
    pub threat: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What stands on file at that moment. Facts have three values, and what is not known does not hold.
#[derive(Clone, Debug)]
pub struct Standing<'a> {
    /// Whose file it is.
    pub student_id: StudentId,
    /// Whose student it is.
    pub district_id: DistrictId,
    /// The district's time zone: by its days consents expire and birthdays come.
    pub time_zone: TimeZone,
    /// What decides who must sign.
    pub minority: Minority<'a>,
    /// The student's guardians.
    pub guardians: &'a [(GuardianId, GuardianAccess)],
    /// The student's consents, also those that no longer hold.
    pub consents: &'a [Consent],
    /// Whether this party has accepted the student and has not handed back.
    pub accepted: bool,
    /// Whether treatment under 42 CFR Part 2 is involved.
    pub involves_part2: bool,
    /// Whether an IEP or 504 plan owes the service. What is not known counts as owed.
    pub owed: Truth,
    /// Whether the party does the school's work under its direct control, with a legitimate educational interest.
    pub under_direct_control: Truth,
    /// Whether the student enrols, or intends to, in that school.
    pub enrols_there: Truth,
    /// Whether that agency is legally responsible for the care and protection of the student, and the caseworker has
    /// the right to see the case plan.
    pub legally_responsible: Truth,
    /// Whether that agency takes part in meeting a duty of the IDEA for this student.
    pub takes_part_under_idea: Truth,
}

/// Whether it may leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It may, and is recorded in the same transaction.
    Release {
        /// On which basis.
        basis: Basis,
        /// The consents that it rests on. More than one where laws need one each; none on other bases.
        consents: Vec<ConsentId>,
        /// What travels with it.
        notices: Vec<Notice>,
    },
    /// It may not.
    Refuse {
        /// Every reason, never none.
        reasons: Vec<Refusal>,
    },
}

/// Whether this may leave.
pub fn decide(asked: &Release, facts: &Standing<'_>) -> Decision {
    let mut reasons = release_problems(asked, facts);
    reasons.extend(basis_problems(asked, facts));
    let mut consents = Vec::new();
    for (authority, direction) in needed(asked, facts) {
        match nearest(asked, facts, authority, direction) {
            Ok(consent) if consents.contains(&consent) => {}
            Ok(consent) => consents.push(consent),
            Err(against) => reasons.extend(against),
        }
    }
    if reasons.is_empty() {
        Decision::Release { basis: asked.basis, consents, notices: notices(asked, facts) }
    } else {
        Decision::Refuse { reasons }
    }
}

/// Whether a guardian may read the student's record and the record of its disclosures (34 CFR 99.4, 99.10).
///
/// # Errors
/// Says why not: a barred person gets nothing, and where access is restricted, people decide.
pub fn family_access(access: GuardianAccess) -> Result<(), Reason> {
    match access {
        GuardianAccess::Full => Ok(()),
        GuardianAccess::Restricted => Err(Reason::GuardianRestricted),
        GuardianAccess::Barred => Err(Reason::GuardianBarred),
    }
}

const TENANT: &str = "34 CFR 99.30(b)(3)";
const MINIMUM: &str = "34 CFR 99.31; 45 CFR 164.502(b)";
const RECORD: &str = "34 CFR 99.32; 603 CMR 23.07(1)";

/// What is wrong with it on any basis.
fn release_problems(asked: &Release, facts: &Standing<'_>) -> Vec<Refusal> {
    let Release { student_id, district_id, party, packet, fields, purpose, .. } = asked;
    let after_acceptance = packet.needs_acceptance() || *purpose == Purpose::InsuranceBilling;
    let accepts_first = matches!(party, Party::Organization { .. })
        && after_acceptance
        && asked.basis != Basis::HealthSafetyEmergency;
    let guardian = match party {
        Party::Guardian(guardian) => match signers::access_of(*guardian, facts.guardians) {
            Some(access) => family_access(access).err(),
            None => Some(Reason::NoGuardian),
        },
        Party::Organization { .. }
        | Party::School(_)
        | Party::Caseworker(_)
        | Party::EmergencyParty { .. } => None,
    };
    [
        (*district_id != facts.district_id).then_some((Reason::OtherDistrict, TENANT)),
        (*student_id != facts.student_id).then_some((Reason::OtherStudent, TENANT)),
        fields.is_empty().then_some((Reason::NothingAsked, RECORD)),
        fields
            .iter()
            .any(|field| !packet.fields().contains(field))
            .then_some((Reason::FieldNotInPacket, MINIMUM)),
        (!packet.purposes().contains(purpose)).then_some((Reason::PurposeNotForPacket, MINIMUM)),
        (accepts_first && !facts.accepted).then_some((Reason::PacketBeforeAcceptance, MINIMUM)),
        (!party.is_named()).then_some((Reason::PartyUnnamed, RECORD)),
        guardian.map(|reason| (reason, "34 CFR 99.4")),
    ]
    .into_iter()
    .flatten()
    .map(|(reason, citation)| Refusal::of(reason, citation))
    .collect()
}

/// What is wrong with claiming this basis for it. What a consent lacks is told elsewhere.
fn basis_problems(asked: &Release, facts: &Standing<'_>) -> Vec<Refusal> {
    let Release { basis, party, .. } = asked;
    let for_party = match (basis, party) {
        (
            Basis::Consent | Basis::SchoolOfficial | Basis::IdeaAgency | Basis::Deidentified,
            Party::Organization { .. },
        )
        | (Basis::EnrollingSchool, Party::School(_))
        | (Basis::ChildWelfareCaseworker, Party::Caseworker(_))
        | (Basis::HealthSafetyEmergency, _) => true,
        (
            Basis::Consent | Basis::SchoolOfficial | Basis::IdeaAgency | Basis::Deidentified,
            Party::School(_) | Party::Caseworker(_) | Party::EmergencyParty { .. } | Party::Guardian(_),
        )
        | (
            Basis::EnrollingSchool,
            Party::Organization { .. }
            | Party::Caseworker(_)
            | Party::EmergencyParty { .. }
            | Party::Guardian(_),
        )
        | (
            Basis::ChildWelfareCaseworker,
            Party::Organization { .. } | Party::School(_) | Party::EmergencyParty { .. } | Party::Guardian(_),
        ) => false,
    };
    let unproven = match basis {
        Basis::Consent | Basis::Deidentified => None,
        Basis::SchoolOfficial => unless(facts.under_direct_control, Reason::DirectControlNotKnown),
        Basis::EnrollingSchool => unless(facts.enrols_there, Reason::EnrolmentNotKnown),
        Basis::ChildWelfareCaseworker => unless(facts.legally_responsible, Reason::ResponsibilityNotKnown),
        Basis::IdeaAgency => unless(facts.takes_part_under_idea, Reason::ParticipationNotKnown),
        Basis::HealthSafetyEmergency => {
            let written = asked.threat.as_ref().is_some_and(|threat| !threat.trim().is_empty());
            unless(Truth::known(written), Reason::ThreatNotWritten)
        }
    };
    let for_purpose = basis.purposes().is_none_or(|purposes| purposes.contains(&asked.purpose));
    let for_packet = *basis != Basis::Deidentified
        || (asked.packet == Packet::LimitedProfile && !asked.fields.iter().any(|field| field.identifies()));
    let for_direction = *basis == Basis::Consent || !asked.direction.reaches_school();
    [
        (!for_party).then_some(Reason::PartyNotForBasis),
        (!for_purpose).then_some(Reason::PurposeNotForBasis),
        (!for_packet).then_some(Reason::PacketNotForBasis),
        unproven,
    ]
    .into_iter()
    .flatten()
    .map(|reason| Refusal::of(reason, basis.citation()))
    .chain((!for_direction).then(|| Refusal::of(Reason::DirectionNotForBasis, "45 CFR 164.508")))
    .collect()
}

fn unless(fact: Truth, reason: Reason) -> Option<Reason> {
    match fact {
        Truth::Yes => None,
        Truth::No | Truth::Unknown => Some(reason),
    }
}

/// The laws under which it needs a consent, each with the direction that the consent must be for.
fn needed(asked: &Release, facts: &Standing<'_>) -> Vec<(Authority, Direction)> {
    let by_consent = asked.basis == Basis::Consent;
    let medical_emergency = asked.basis == Basis::HealthSafetyEmergency
        && matches!(asked.party, Party::EmergencyParty { medical_personnel: true, .. });
    let to_insurance = match asked.purpose {
        Purpose::VerifyInsurance | Purpose::InsuranceBilling => true,
        Purpose::CoordinateCare
        | Purpose::ProvideService
        | Purpose::ReportProgress
        | Purpose::Enrol
        | Purpose::CareAndProtection
        | Purpose::SpecialEducation
        | Purpose::TransitionServices
        | Purpose::Emergency
        | Purpose::FamilyAccess
        | Purpose::LegalCompliance
        | Purpose::Operate => false,
    };
    [
        (by_consent && asked.direction.leaves_school()).then_some((Authority::Ferpa, Direction::ToAgency)),
        (by_consent && asked.direction.reaches_school())
            .then_some((Authority::HipaaAuthorization, Direction::ToSchool)),
        (facts.involves_part2 && !medical_emergency).then_some((Authority::Part2, asked.direction)),
        (to_insurance && facts.owed != Truth::No).then_some((Authority::IdeaBilling, asked.direction)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A consent under this law that covers all of it, or what is wrong with the one that comes nearest.
fn nearest(
    asked: &Release,
    facts: &Standing<'_>,
    authority: Authority,
    direction: Direction,
) -> Result<ConsentId, Vec<Refusal>> {
    let given = facts.consents.iter().filter(|consent| consent.authorities.contains(&authority));
    let judged = given.map(|consent| (consent.id, faults(consent, asked, facts, authority, direction)));
    let refusal = |reason, consent, citation: &str| Refusal {
        authority: Some(authority),
        consent,
        ..Refusal::of(reason, citation)
    };
    match judged.min_by_key(|(_, faults)| faults.len()) {
        Some((consent, faults)) if faults.is_empty() => Ok(consent),
        Some((consent, faults)) => {
            Err(faults.into_iter().map(|(reason, law)| refusal(reason, Some(consent), law)).collect())
        }
        None => {
            let reason = match authority {
                Authority::Ferpa | Authority::State => Reason::ConsentMissing,
                Authority::HipaaAuthorization => Reason::HipaaAuthorizationMissing,
                Authority::Part2 => Reason::Part2ConsentMissing,
                Authority::IdeaBilling => Reason::BillingConsentMissing,
            };
            Err(vec![refusal(reason, None, authority.citation())])
        }
    }
}

/// What a consent lacks for this release, each with where the law says so.
fn faults(
    consent: &Consent,
    asked: &Release,
    facts: &Standing<'_>,
    authority: Authority,
    direction: Direction,
) -> Vec<(Reason, &'static str)> {
    let law = authority.citation();
    let today = asked.at.to_zoned(facts.time_zone.clone()).date();
    let names_party = consent.recipients.iter().any(|recipient| recipient.covers(&asked.party));
    let not_signed = consent.signed_at.is_none_or(|signed| signed > asked.at);
    let mut faults: Vec<_> = [
        (consent.district_id != asked.district_id).then_some(Reason::ConsentOfOtherDistrict),
        (consent.student_id != asked.student_id).then_some(Reason::ConsentOfOtherStudent),
        not_signed.then_some(Reason::ConsentNotSigned),
        (consent.expires_on < today).then_some(Reason::ConsentExpired),
        consent.revoked_at.is_some_and(|revoked| revoked <= asked.at).then_some(Reason::ConsentRevoked),
        (!names_party).then_some(Reason::RecipientNotCovered),
        asked.fields.iter().any(|field| !consent.fields.contains(field)).then_some(Reason::FieldNotCovered),
        (!consent.purposes.contains(&asked.purpose)).then_some(Reason::PurposeNotCovered),
        (!consent.direction.covers(direction)).then_some(Reason::DirectionNotCovered),
        (authority == Authority::Part2 && !consent.covers_part2).then_some(Reason::Part2NotCovered),
    ]
    .into_iter()
    .flatten()
    .map(|reason| (reason, law))
    .collect();
    let minority = &facts.minority;
    for missing in signers::missing(consent, authority, minority, facts.guardians, asked.at, &facts.time_zone)
    {
        let reason = match missing.rule.signer {
            Signer::Parent => Reason::ParentSignatureMissing,
            Signer::Student => Reason::StudentSignatureMissing,
        };
        faults.push((reason, missing.rule.citation.as_str()));
        faults.extend(missing.discounted.into_iter().map(|why| (why.into(), missing.rule.citation.as_str())));
    }
    faults
}

/// What travels with it.
fn notices(asked: &Release, facts: &Standing<'_>) -> Vec<Notice> {
    let identifies = asked.packet != Packet::LimitedProfile;
    let redisclosure = identifies && asked.direction.leaves_school();
    [redisclosure.then_some(Notice::Redisclosure), facts.involves_part2.then_some(Notice::Part2)]
        .into_iter()
        .flatten()
        .collect()
}

impl ConsentRecipient {
    /// Whether it names this party. Consents name organizations and classes of them, nobody else.
    fn covers(self, party: &Party) -> bool {
        let Party::Organization { id, classes } = party else { return false };
        match self {
            Self::Organization(named) => named == *id,
            Self::Class(class) => classes.contains(&class),
        }
    }
}

impl Party {
    /// Whether the record can say who it is.
    fn is_named(&self) -> bool {
        match self {
            Self::Organization { .. } | Self::Guardian(_) => true,
            Self::School(named) | Self::Caseworker(named) | Self::EmergencyParty { named, .. } => {
                [&named.name, &named.position, &named.affiliation].iter().all(|text| !text.trim().is_empty())
            }
        }
    }
}
