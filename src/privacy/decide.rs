//! Whether something may leave: the one decision behind every release of student information.
//!
//! Everything is passed in: what is asked, what stands on file, the moment. A basis is judged as it was claimed, and
//! another that would have held is not looked for, since the record has to say what was relied on. Every release is
//! recorded, whatever its basis: 34 CFR 99.32(d) exempts some, 603 CMR 23.07(1) does not, so that there is nothing
//! here to say otherwise.

use super::model::{Consent, ConsentRecipient};
use super::refusals::{Reason, Refusal};
use super::release::{Decision, Notice, Party, Release, Standing};
use super::signers;
use super::words::{Authority, Basis, Direction, GuardianAccess, Packet, Purpose, Signer};
use crate::types::{ConsentId, Truth};
use jiff::Timestamp;

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

/// On what ground a party may be asked whether it would take the student: a consent that names it, or its class, for
/// bringing student and service together; or that it works under the district's direct control. What it is told when it
/// is asked identifies nobody ([`Basis::Deidentified`]); who is asked at all is for those to say who must sign. A program
/// of substance-use treatment needs a consent that says so besides.
///
/// # Errors
/// Everything that the consent lacks that comes nearest.
pub fn may_ask(party: &Party, at: Timestamp, facts: &Standing<'_>) -> Result<Basis, Vec<Refusal>> {
    let asked = Release {
        student_id: facts.student_id,
        district_id: facts.district_id,
        party: party.clone(),
        packet: Packet::LimitedProfile,
        fields: Vec::new(),
        direction: Direction::ToAgency,
        purpose: Purpose::CoordinateCare,
        basis: Basis::Consent,
        threat: None,
        at,
    };
    let by_consent = nearest(&asked, facts, Authority::Ferpa, Direction::ToAgency);
    let basis = match (by_consent, facts.under_direct_control) {
        (Ok(_), _) => Basis::Consent,
        (Err(_), Truth::Yes) => Basis::SchoolOfficial,
        (Err(lacking), Truth::No | Truth::Unknown) => return Err(lacking),
    };
    if facts.involves_part2 {
        // What is told when it is asked reveals what is treated: the consent must cover that.
        let fields = Packet::LimitedProfile.fields().to_vec();
        nearest(&Release { fields, ..asked }, facts, Authority::Part2, Direction::ToAgency)?;
    }
    Ok(basis)
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
    // Who must sign can hang on the day of signing, so that no day before every signature will do.
    let by_nobody = consent
        .signed_at
        .is_some_and(|signed| consent.signatures.iter().all(|signature| signature.signed_at > signed));
    let mut faults: Vec<_> = [
        (consent.district_id != asked.district_id).then_some(Reason::ConsentOfOtherDistrict),
        (consent.student_id != asked.student_id).then_some(Reason::ConsentOfOtherStudent),
        (not_signed || by_nobody).then_some(Reason::ConsentNotSigned),
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
