//! The decision over releases: rule by rule, as one table of every combination, and by properties.

mod bases;
mod consents;
mod matrix;
mod properties;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::signers::{MinorCare, Minority};
use super::{
    Authority, Basis, Consent, ConsentRecipient, Decision, Direction, GuardianAccess, Named, Notice, Packet,
    Party, Purpose, Reason, RecipientClass, Release, Signature, SignatureMethod, SignedBy, Standing,
    StudentField, decide, family_access,
};
use crate::types::{ConsentId, DistrictId, Grade, GuardianId, OrganizationId, StudentId, Truth};

const STUDENT: StudentId = StudentId(Uuid::from_u128(1));
const DISTRICT: DistrictId = DistrictId(Uuid::from_u128(2));
const OTHER_DISTRICT: DistrictId = DistrictId(Uuid::from_u128(3));
const AGENCY: OrganizationId = OrganizationId(Uuid::from_u128(4));
const OTHER_AGENCY: OrganizationId = OrganizationId(Uuid::from_u128(5));
const PARENT: GuardianId = GuardianId(Uuid::from_u128(6));
const BARRED: GuardianId = GuardianId(Uuid::from_u128(7));
const RESTRICTED: GuardianId = GuardianId(Uuid::from_u128(8));
const CONSENT: ConsentId = ConsentId(Uuid::from_u128(9));

/// Noon of a Tuesday in the district.
const NOW: &str = "2026-11-24T12:00:00-05:00";
/// The student is twelve then.
const BIRTH: Date = date(2014, 3, 1);

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A release and all that stands on file, as a test has it.
#[derive(Clone, Debug)]
struct Case {
    asked: Release,
    student: StudentId,
    district: DistrictId,
    state: Option<&'static str>,
    birth_date: Date,
    grade: Option<Grade>,
    minor_care: Option<MinorCare>,
    guardians: Vec<(GuardianId, GuardianAccess)>,
    consents: Vec<Consent>,
    accepted: bool,
    involves_part2: bool,
    owed: Truth,
    /// Of each basis that needs a fact on file.
    proven: Truth,
}

impl Case {
    /// Name, birth date and address to the agency that has accepted, on a consent that covers them.
    fn good() -> Self {
        Self {
            asked: Release {
                student_id: STUDENT,
                district_id: DISTRICT,
                party: Party::Organization { id: AGENCY, classes: vec![RecipientClass::BehavioralHealth] },
                packet: Packet::Identity,
                fields: vec![StudentField::GivenName, StudentField::BirthDate, StudentField::Address],
                direction: Direction::ToAgency,
                purpose: Purpose::ProvideService,
                basis: Basis::Consent,
                threat: None,
                at: instant(NOW),
            },
            student: STUDENT,
            district: DISTRICT,
            state: None,
            birth_date: BIRTH,
            grade: Some("6".parse().unwrap()),
            minor_care: None,
            guardians: vec![
                (PARENT, GuardianAccess::Full),
                (BARRED, GuardianAccess::Barred),
                (RESTRICTED, GuardianAccess::Restricted),
            ],
            consents: vec![consent()],
            accepted: true,
            involves_part2: false,
            owed: Truth::No,
            proven: Truth::Unknown,
        }
    }

    /// The same on another basis, whose facts are on file, with what it is usually for.
    fn on(basis: Basis, packet: Packet, direction: Direction) -> Self {
        let mut case = Self::good();
        case.consents.clear();
        case.proven = Truth::Yes;
        let usual = |purpose: &&Purpose| basis.purposes().is_none_or(|purposes| purposes.contains(purpose));
        let purpose = packet.purposes().iter().find(usual);
        case.asked = Release {
            basis,
            packet,
            fields: packet.fields().to_vec(),
            direction,
            purpose: purpose.copied().unwrap_or_else(|| basis.purposes().unwrap()[0]),
            party: match basis {
                Basis::EnrollingSchool => Party::School(named()),
                Basis::ChildWelfareCaseworker => Party::Caseworker(named()),
                Basis::HealthSafetyEmergency => {
                    Party::EmergencyParty { named: named(), medical_personnel: false }
                }
                Basis::Consent | Basis::SchoolOfficial | Basis::IdeaAgency | Basis::Deidentified => {
                    case.asked.party
                }
            },
            threat: (basis == Basis::HealthSafetyEmergency).then(|| "Said when and how.".to_owned()),
            ..case.asked
        };
        case
    }

    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn decide(&self) -> Decision {
        let facts = Standing {
            student_id: self.student,
            district_id: self.district,
            time_zone: TimeZone::get("America/New_York").unwrap(),
            minority: Minority {
                state: self.state,
                birth_date: self.birth_date,
                grade: self.grade,
                minor_care: self.minor_care,
            },
            guardians: &self.guardians,
            consents: &self.consents,
            accepted: self.accepted,
            involves_part2: self.involves_part2,
            owed: self.owed,
            under_direct_control: self.proven,
            enrols_there: self.proven,
            legally_responsible: self.proven,
            takes_part_under_idea: self.proven,
        };
        decide(&self.asked, &facts)
    }

    fn is_released(&self) -> bool {
        matches!(self.decide(), Decision::Release { .. })
    }

    /// Why not; empty if it may leave.
    fn reasons(&self) -> Vec<Reason> {
        match self.decide() {
            Decision::Release { .. } => vec![],
            Decision::Refuse { reasons } => {
                assert!(!reasons.is_empty());
                reasons.into_iter().map(|refusal| refusal.reason).collect()
            }
        }
    }
}

/// A consent to everything for everyone of this kind, signed by a parent and the student.
fn consent() -> Consent {
    Consent {
        id: CONSENT,
        student_id: STUDENT,
        district_id: DISTRICT,
        authorities: Authority::ALL.to_vec(),
        recipients: vec![ConsentRecipient::Organization(AGENCY)],
        direction: Direction::Both,
        fields: StudentField::ALL.to_vec(),
        purposes: Purpose::ALL.to_vec(),
        covers_part2: true,
        signatures: vec![signature(SignedBy::Guardian(PARENT)), signature(SignedBy::Student)],
        signed_at: Some(instant("2026-09-02T12:00:00Z")),
        expires_on: date(2027, 6, 30),
        revoked_at: None,
    }
}

fn signature(by: SignedBy) -> Signature {
    Signature {
        by,
        name: "As signed".to_owned(),
        signed_at: instant("2026-09-02T12:00:00Z"),
        method: SignatureMethod::Paper,
        evidence: "scan-17".to_owned(),
    }
}

fn named() -> Named {
    Named {
        name: "R. Recipient".to_owned(),
        position: "Registrar".to_owned(),
        affiliation: "Somewhere Else".to_owned(),
    }
}

/// What a release on the good consent lacks after this change.
fn after(change: impl FnOnce(&mut Case)) -> Vec<Reason> {
    Case::good().with(change).reasons()
}

/// What it lacks after this change to the consent.
fn after_consent(change: impl FnOnce(&mut Consent)) -> Vec<Reason> {
    after(|case| change(&mut case.consents[0]))
}
