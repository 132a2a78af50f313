//! What is told of a student: decided, put on the record and put together in one transaction.

use jiff::civil::Date;
use serde_json::{Map, Value};

use super::asks::accept;
pub use super::asks::*;
use super::file::File;
use super::model::{GuardianFacts, Student};
use super::packets::packet;
use super::tenant;
use crate::directory::{
    self, OrganizationFacts, Page, PartnershipFacts, SchoolFacts, ServiceFacts, partnerships_of,
};
use crate::error::{Error, FieldError, Result};
use crate::privacy::audit::{self, Act, Action, Errand};
use crate::privacy::consents;
use crate::privacy::disclosures::{self, Disclosure, Document, Filter, ReleasedBy, ReleasedTo, Writing};
use crate::privacy::vault::Vault;
use crate::privacy::{
    Basis, Decision, Direction, GuardianAccess, Named, Notice, Packet, Party, Purpose, Reason,
    RecipientClass, Refusal, Release, Standing, decide, family_access,
};
use crate::store::{DbConnection, Tx};
use crate::types::{GuardianId, OrganizationId, ServiceId, StudentId, Truth};

/// What leaves, with its record.
pub struct Released {
    /// The record.
    pub disclosure: Disclosure,
    /// What is told, by field.
    pub packet: Map<String, Value>,
    /// What must travel with it.
    pub notices: Vec<Notice>,
}

/// Releases a packet, if that may be, and puts it on the record.
///
/// # Errors
/// [`Error::NotFound`] if the student is not one of the caller's; [`Error::Refused`] with every reason against it.
pub fn release(
    tx: &mut Tx<'_>,
    vault: &Vault,
    errand: &Errand,
    student: StudentId,
    asked: &DisclosureCreate,
) -> Result<Released> {
    release_as(tx, vault, errand, student, asked, ReleasedBy::of(&errand.principal), Extent::Whole)
}

/// An agency that fetches a packet itself.
pub(crate) struct Fetched {
    /// The agency.
    pub(crate) organization: OrganizationId,
    /// The service that it is asked about.
    pub(crate) service: ServiceId,
    /// What it fetches.
    pub(crate) packet: Packet,
    /// Whether a plan owes the service.
    pub(crate) obligation: Obligation,
    /// The day on which it accepted the student.
    pub(crate) accepted_on: Option<Date>,
    /// On whose word.
    pub(crate) released_by: ReleasedBy,
}

/// Releases to somebody of an agency, whose errand it is, what of a packet may leave, and puts it on the record. What no
/// basis covers is left out.
///
/// # Errors
/// [`Error::Refused`] if nothing of it may.
pub(crate) fn release_to_agency(
    tx: &mut Tx<'_>,
    vault: &Vault,
    errand: &Errand,
    student: StudentId,
    fetched: Fetched,
) -> Result<Released> {
    let Fetched { organization, service, packet, obligation, accepted_on, released_by } = fetched;
    let purpose = match packet {
        Packet::Eligibility | Packet::LimitedProfile => Purpose::VerifyInsurance,
        Packet::Identity | Packet::Progress => Purpose::ProvideService,
    };
    let asked = |basis| DisclosureCreate {
        recipient: Recipient::Organization(ToOrganization {
            organization_id: organization,
            service_id: Some(service),
            name: errand.principal.name.clone(),
            position: errand.principal.role.to_string(),
        }),
        packet,
        fields: Vec::new(),
        purpose,
        basis,
        obligation: Some(obligation),
        minor_care: None,
        accepted_on,
        on_file: (basis == Basis::SchoolOfficial).then(|| "the agreement on file".to_owned()),
        threat: None,
    };
    let by = |tx: &mut Tx<'_>, basis| {
        release_as(tx, vault, errand, student, &asked(basis), released_by.clone(), Extent::Covered)
    };
    match by(tx, Basis::Consent) {
        Err(Error::Refused(_)) => {}
        done => return done,
    }
    by(tx, Basis::SchoolOfficial).map_err(|error| match error {
        // What exactly is missing is the district's to know.
        Error::Refused(_) => {
            let message = "nothing on file lets your organization be told this today; ask the district, which sees what is \
                           missing";
            Error::Refused(vec![FieldError::body("/packet", message)])
        }
        other => other,
    })
}

/// How much of what is asked must be covered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// All of it, else nothing leaves.
    Whole,
    /// As much as is.
    Covered,
}

fn release_as(
    tx: &mut Tx<'_>,
    vault: &Vault,
    errand: &Errand,
    student: StudentId,
    asked: &DisclosureCreate,
    released_by: ReleasedBy,
    extent: Extent,
) -> Result<Released> {
    let tenant = tenant(errand)?;
    let file = File::open(tx, vault, tenant, student)?;
    let fields = accept(asked, file.day(tx.now), file.student.facts.birth_date)?;
    let consents = consents::list(tx.connection, tenant, &file.key, student)?;
    let consents: Vec<_> = consents.into_iter().map(|kept| kept.consent).collect();
    let access = file.access();
    let involved = involved(tx.connection, &file, &asked.recipient, file.day(tx.now))?;
    // What somebody answers for, with the place where it stands written; without that it is not known.
    let on_file = if asked.on_file.is_some() { Truth::Yes } else { Truth::Unknown };
    let mut release = Release {
        student_id: student,
        district_id: tenant.district,
        party: party(&asked.recipient, &involved),
        packet: asked.packet,
        fields,
        direction: Direction::ToAgency,
        purpose: asked.purpose,
        basis: asked.basis,
        threat: asked.threat.clone(),
        at: tx.now,
    };
    let standing = Standing {
        student_id: file.student.id,
        district_id: file.student.district,
        time_zone: file.zone.clone(),
        minority: file.minority(asked.minor_care),
        guardians: &access,
        consents: &consents,
        accepted: asked.accepted_on.is_some(),
        involves_part2: involved.part2,
        owed: owed(asked.obligation),
        under_direct_control: involved.under_direct_control,
        enrols_there: on_file,
        legally_responsible: on_file,
        takes_part_under_idea: on_file,
    };
    if extent == Extent::Covered {
        release.fields = release
            .fields
            .iter()
            .copied()
            .filter(|field| {
                let one = Release { fields: vec![*field], ..release.clone() };
                matches!(decide(&one, &standing), Decision::Release { .. })
            })
            .collect();
    }
    let (consents, notices) = match decide(&release, &standing) {
        Decision::Release { basis: _, consents, notices } => (consents, notices),
        Decision::Refuse { reasons } => {
            return Err(Error::Refused(reasons.iter().map(refusal).collect()));
        }
    };
    let school = match file.student.facts.school_id {
        Some(school) => Some(directory::find::<SchoolFacts>(tx.connection, school)?.facts.name),
        None => None,
    };
    let packet = packet(&file.student.facts, &file.guardians_in_full(), school.as_deref(), &release.fields);
    let to = released_to(&asked.recipient, involved.organization);
    let document = Document {
        accepted_on: asked.accepted_on,
        ..Document::of(&release, consents, notices.clone(), released_by, to)
    };
    let writing = Writing { threat: asked.threat.clone(), on_file: asked.on_file.clone() };
    let disclosure = disclosures::record(tx, errand, tenant, &file.key, student, document, &writing)?;
    Ok(Released { disclosure, packet, notices })
}

/// Every release of a student, for the district or for a guardian who asks. Whoever is barred or restricted gets
/// nothing.
///
/// # Errors
/// [`Error::NotFound`] if the student is not one of the caller's; [`Error::Refused`] if the guardian may not see it.
pub fn report(
    tx: &mut Tx<'_>,
    vault: &Vault,
    errand: &Errand,
    student: StudentId,
    guardian: Option<GuardianId>,
) -> Result<Vec<Disclosure>> {
    let tenant = tenant(errand)?;
    let file = File::open(tx, vault, tenant, student)?;
    if let Some(guardian) = guardian {
        let access = file.access().into_iter().find(|(id, _)| *id == guardian).map(|(_, access)| access);
        let reason = match access {
            None => Some(Reason::NoGuardian),
            Some(access) => family_access(access).err(),
        };
        if let Some(reason) = reason {
            let message = format!("{} ({reason}; 34 CFR 99.4)", reason.plain());
            return Err(Error::Refused(vec![FieldError::query("guardian_id", message)]));
        }
    }
    let filter =
        Filter { student: Some(student), since: None, until: None, after: None, limit: LONGEST_REPORT };
    let (releases, _) = disclosures::list(tx.connection, tenant, &filter)?;
    record_reading(tx, errand, Some(student))?;
    Ok(releases)
}

/// One page of the releases of a district, and how many there are (counted up to a bound).
///
/// # Errors
/// [`Error::Forbidden`] for one who has some of its schools only; if the database fails.
pub fn report_of_district(
    tx: &mut Tx<'_>,
    errand: &Errand,
    filter: &Filter,
) -> Result<(Vec<Disclosure>, i64)> {
    let tenant = tenant(errand)?;
    if !tenant.schools.is_empty() {
        return Err(Error::Forbidden("the report is that of the whole district".to_owned()));
    }
    let found = disclosures::list(tx.connection, tenant, filter)?;
    record_reading(tx, errand, None)?;
    Ok(found)
}

/// Releases in the report of one student.
const LONGEST_REPORT: i64 = 100_000;
/// Services of one organization that are looked at.
const MOST_SERVICES: i64 = 10_000;

fn record_reading(tx: &mut Tx<'_>, errand: &Errand, student: Option<StudentId>) -> Result<()> {
    let act = Act::done(Action::Read, "disclosure", None, student);
    audit::record(tx, errand, &[act])
}

/// Whether a plan owes the service.
pub(super) fn owed(obligation: Option<Obligation>) -> Truth {
    match obligation {
        None => Truth::Unknown,
        Some(Obligation::None) => Truth::No,
        Some(Obligation::Iep | Obligation::Section504) => Truth::Yes,
    }
}

/// What the directory knows of the recipient.
struct Involved {
    organization: Option<Affiliated>,
    part2: bool,
    under_direct_control: Truth,
}

#[derive(Clone)]
struct Affiliated {
    name: String,
    classes: Vec<RecipientClass>,
}

fn involved(
    connection: &mut DbConnection,
    file: &File,
    recipient: &Recipient,
    today: Date,
) -> Result<Involved> {
    let Recipient::Organization(to) = recipient else {
        return Ok(Involved { organization: None, part2: false, under_direct_control: Truth::Unknown });
    };
    let ToOrganization { organization_id, service_id, .. } = to;
    let at = "/recipient/organization/organization_id";
    let organization = directory::find::<OrganizationFacts>(connection, *organization_id)
        .map_err(|error| not_there(error, at, "is no organization of the directory"))?;
    let part2 = match service_id {
        Some(service) => {
            let at = "/recipient/organization/service_id";
            let message = "is no service of this organization";
            let service = directory::find::<ServiceFacts>(connection, *service)
                .map_err(|error| not_there(error, at, message))?;
            if service.facts.organization_id != *organization_id {
                return Err(FieldError::body(at, message).into());
            }
            service.facts.part2_program == Some(true)
        }
        None => has_part2_program(connection, *organization_id)?,
    };
    let agreements = partnerships_of(connection, &[*organization_id])?;
    let agreements: Vec<PartnershipFacts> =
        agreements.values().flat_map(|agreements| agreements.iter().cloned()).collect();
    let under_direct_control = under_direct_control(&agreements, file, *service_id, today);
    let classes = classes_of(&organization.facts);
    let organization = Affiliated { name: organization.facts.name, classes };
    Ok(Involved { organization: Some(organization), part2, under_direct_control })
}

/// The classes of recipients that an organization is of.
pub(super) fn classes_of(organization: &OrganizationFacts) -> Vec<RecipientClass> {
    organization.facility_type.map(RecipientClass::from).into_iter().collect()
}

/// Whether one of its agreements puts an organization under the district's direct control; what is not on file is not known.
pub(super) fn under_direct_control(
    agreements: &[PartnershipFacts],
    file: &File,
    service: Option<ServiceId>,
    today: Date,
) -> Truth {
    let is_controlled = agreements.iter().any(|agreement| controls(agreement, &file.student, service, today));
    if is_controlled { Truth::Yes } else { Truth::Unknown }
}

fn has_part2_program(connection: &mut DbConnection, organization: OrganizationId) -> Result<bool> {
    let filters = vec![("organization_id", organization.to_string())];
    let page = Page { after: None, limit: MOST_SERVICES, include_retired: false, filters };
    let (services, _) = directory::list::<ServiceFacts>(connection, &page)?;
    Ok(services.iter().any(|service| service.facts.part2_program == Some(true)))
}

fn not_there(error: Error, at: &str, message: &str) -> Error {
    match error {
        Error::NotFound { .. } => FieldError::body(at, message).into(),
        other => other,
    }
}

/// Whether an agreement in force puts the organization under the district's direct control in what it does for this
/// student: with a memorandum and a data-sharing agreement on file (34 CFR 99.31(a)(1)(i)(B)). One that names schools
/// is about their students, and one that names services about nothing else that the organization offers.
fn controls(
    agreement: &PartnershipFacts,
    student: &Student,
    service: Option<ServiceId>,
    today: Date,
) -> bool {
    let PartnershipFacts { schools, services, .. } = agreement;
    agreement.district_id == Some(student.district)
        && (schools.is_empty() || student.facts.school_id.is_some_and(|school| schools.contains(&school)))
        && (services.is_empty() || service.is_some_and(|service| services.contains(&service)))
        && agreement.memorandum_on_file == Some(true)
        && agreement.data_sharing_agreement_on_file == Some(true)
        && agreement.begins_on.is_none_or(|first| first <= today)
        && agreement.ends_on.is_none_or(|last| today <= last)
}

fn party(recipient: &Recipient, involved: &Involved) -> Party {
    match recipient {
        Recipient::Organization(to) => Party::Organization {
            id: to.organization_id,
            classes: involved.organization.iter().flat_map(|known| known.classes.clone()).collect(),
        },
        Recipient::School(named) => Party::School(named.clone()),
        Recipient::Caseworker(named) => Party::Caseworker(named.clone()),
        Recipient::EmergencyParty(to) => Party::EmergencyParty {
            named: Named {
                name: to.name.clone(),
                position: to.position.clone(),
                affiliation: to.affiliation.clone(),
            },
            medical_personnel: to.medical_personnel,
        },
        Recipient::Guardian(guardian) => Party::Guardian(*guardian),
    }
}

fn released_to(recipient: &Recipient, organization: Option<Affiliated>) -> ReleasedTo {
    let named = |name: &String, position: &String, affiliation: String| ReleasedTo {
        organization_id: None,
        guardian_id: None,
        name: Some(name.clone()),
        position: Some(position.clone()),
        affiliation: Some(affiliation),
    };
    match recipient {
        Recipient::Organization(to) => ReleasedTo {
            organization_id: Some(to.organization_id),
            ..named(&to.name, &to.position, organization.map(|known| known.name).unwrap_or_default())
        },
        Recipient::School(to) | Recipient::Caseworker(to) => {
            named(&to.name, &to.position, to.affiliation.clone())
        }
        Recipient::EmergencyParty(to) => named(&to.name, &to.position, to.affiliation.clone()),
        Recipient::Guardian(guardian) => ReleasedTo {
            organization_id: None,
            guardian_id: Some(*guardian),
            name: None,
            position: None,
            affiliation: None,
        },
    }
}

/// A reason with the place in the request that it is about.
fn refusal(refusal: &Refusal) -> FieldError {
    let Refusal { reason, authority: _, consent, citation, plain } = refusal;
    let at = match reason {
        Reason::NothingAsked | Reason::FieldNotInPacket | Reason::FieldNotCovered => "/fields",
        Reason::PurposeNotForPacket | Reason::PurposeNotForBasis | Reason::PurposeNotCovered => "/purpose",
        Reason::PacketNotForBasis => "/packet",
        Reason::PacketBeforeAcceptance => "/accepted_on",
        Reason::PartyNotForBasis
        | Reason::PartyUnnamed
        | Reason::RecipientNotCovered
        | Reason::NoGuardian
        | Reason::GuardianBarred
        | Reason::GuardianRestricted => "/recipient",
        Reason::EnrolmentNotKnown | Reason::ResponsibilityNotKnown | Reason::ParticipationNotKnown => {
            "/on_file"
        }
        Reason::ThreatNotWritten => "/threat",
        Reason::BillingConsentMissing => "/obligation",
        Reason::OtherDistrict
        | Reason::OtherStudent
        | Reason::DirectionNotForBasis
        | Reason::DirectionNotCovered
        | Reason::DirectControlNotKnown
        | Reason::ConsentMissing
        | Reason::HipaaAuthorizationMissing
        | Reason::Part2ConsentMissing
        | Reason::ConsentOfOtherDistrict
        | Reason::ConsentOfOtherStudent
        | Reason::ConsentNotSigned
        | Reason::ConsentExpired
        | Reason::ConsentRevoked
        | Reason::Part2NotCovered
        | Reason::ParentSignatureMissing
        | Reason::StudentSignatureMissing
        | Reason::SignatureNotYetGiven
        | Reason::SignatureNotWritten
        | Reason::SignatureWithoutEvidence
        | Reason::SignatureByNoGuardian
        | Reason::SignatureWithoutAccess
        | Reason::SignatureBeforeTheRight => "/basis",
    };
    let of = consent.map(|consent| format!("; consent {consent}")).unwrap_or_default();
    FieldError::body(at, format!("{plain} ({reason}; {citation}{of})"))
}

impl File {
    /// Guardians with access in full: nobody else is named to anybody.
    fn guardians_in_full(&self) -> Vec<(GuardianId, &GuardianFacts)> {
        let in_full = self.guardians.iter().filter(|guardian| guardian.facts.access == GuardianAccess::Full);
        in_full.map(|guardian| (guardian.id, &guardian.facts)).collect()
    }
}
