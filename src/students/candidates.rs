//! Whom one may ask whether they would take a student, and what they are told when they are asked.

use super::file::File;
use super::releases::{Obligation, owed, under_direct_control};
use crate::directory::{OrganizationFacts, Record, ServiceFacts};
use crate::error::Result;
use crate::privacy::audit::Errand;
use crate::privacy::disclosures::{self, Disclosure, Document, ReleasedBy, ReleasedTo, Writing};
use crate::privacy::limited::LimitedProfile;
use crate::privacy::{
    Basis, Consent, Decision, Direction, Packet, Party, Purpose, RecipientClass, Refusal, Release, Standing,
    decide, may_ask,
};
use crate::store::{Tenant, Tx};
use crate::types::{Truth, calendar_date};

/// An organization that could be asked, and the service that it would be about.
pub(crate) struct Asked<'a> {
    /// The organization.
    pub(crate) organization: &'a Record<OrganizationFacts>,
    /// The service.
    pub(crate) service: &'a Record<ServiceFacts>,
    /// Whether a plan owes the service.
    pub(crate) obligation: Obligation,
}

impl Asked<'_> {
    fn party(&self) -> Party {
        let classes = self.organization.facts.facility_type.map(RecipientClass::from).into_iter().collect();
        Party::Organization { id: self.organization.id, classes }
    }

    fn standing<'f>(
        &self,
        tx: &mut Tx<'_>,
        file: &'f File,
        access: &'f [(crate::types::GuardianId, crate::privacy::GuardianAccess)],
        consents: &'f [Consent],
    ) -> Result<Standing<'f>> {
        let today = calendar_date(tx.now);
        let service = Some(self.service.id);
        let under_direct_control =
            under_direct_control(tx.connection, file, self.organization.id, service, today)?;
        Ok(Standing {
            student_id: file.student.id,
            district_id: file.student.district,
            time_zone: file.zone.clone(),
            minority: file.minority(None),
            guardians: access,
            consents,
            accepted: false,
            involves_part2: self.service.facts.part2_program == Some(true),
            owed: owed(Some(self.obligation)),
            under_direct_control,
            enrols_there: Truth::Unknown,
            legally_responsible: Truth::Unknown,
            takes_part_under_idea: Truth::Unknown,
        })
    }
}

/// On what basis the organization may be asked, or everything that stands against it.
///
/// # Errors
/// If the database fails.
pub(crate) fn basis_to_ask(
    tx: &mut Tx<'_>,
    file: &File,
    consents: &[Consent],
    asked: &Asked<'_>,
) -> Result<std::result::Result<Basis, Vec<Refusal>>> {
    let access = file.access();
    let standing = asked.standing(tx, file, &access, consents)?;
    Ok(may_ask(&asked.party(), tx.now, &standing))
}

/// Puts it on the record that the organization is told the limited profile.
///
/// # Errors
/// If the database fails. What stands against it is given beside.
pub(crate) fn tell_profile(
    tx: &mut Tx<'_>,
    errand: &Errand,
    tenant: &Tenant,
    file: &File,
    consents: &[Consent],
    asked: &Asked<'_>,
    profile: &LimitedProfile,
) -> Result<std::result::Result<Disclosure, Vec<Refusal>>> {
    let access = file.access();
    let standing = asked.standing(tx, file, &access, consents)?;
    let release = Release {
        student_id: file.student.id,
        district_id: file.student.district,
        party: asked.party(),
        packet: Packet::LimitedProfile,
        fields: profile.fields(),
        direction: Direction::ToAgency,
        purpose: Purpose::CoordinateCare,
        basis: Basis::Deidentified,
        threat: None,
        at: tx.now,
    };
    let (basis, consents, notices) = match decide(&release, &standing) {
        Decision::Release { basis, consents, notices } => (basis, consents, notices),
        Decision::Refuse { reasons } => return Ok(Err(reasons)),
    };
    let document = Document {
        released_by: ReleasedBy::of(&errand.principal),
        released_to: ReleasedTo {
            organization_id: Some(asked.organization.id),
            guardian_id: None,
            name: None,
            position: None,
            affiliation: Some(asked.organization.facts.name.clone()),
        },
        direction: release.direction,
        packet: release.packet,
        fields: release.fields,
        purpose: release.purpose,
        basis,
        citation: basis.citation().to_owned(),
        consents,
        notices,
        accepted_on: None,
    };
    let writing = Writing { threat: None, on_file: None };
    disclosures::record(tx, errand, tenant, &file.key, file.student.id, document, &writing).map(Ok)
}
