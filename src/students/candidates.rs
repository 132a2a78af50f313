//! Whom one may ask whether they would take a student, and what they are told when they are asked.

use jiff::Timestamp;

use super::file::File;
use super::releases::{Obligation, classes_of, owed, under_direct_control};
use super::tenant;
use crate::directory::{DistrictFacts, OrganizationFacts, PartnershipFacts, Record, ServiceFacts, find};
use crate::error::Result;
use crate::privacy::audit::Errand;
use crate::privacy::disclosures::{self, Document, ReleasedBy, ReleasedTo, Writing};
use crate::privacy::limited::LimitedProfile;
use crate::privacy::{
    Basis, Consent, Decision, Direction, GuardianAccess, Packet, Party, Purpose, Refusal, Release, Standing,
    StudentField, decide, may_ask,
};
use crate::store::{Tenant, Tx};
use crate::types::{GuardianId, Truth};

/// An organization that could be asked, and what decides whether it may be.
pub(crate) struct Asked<'a> {
    organization: &'a Record<OrganizationFacts>,
    service: &'a Record<ServiceFacts>,
    obligation: Obligation,
    under_direct_control: Truth,
}

impl<'a> Asked<'a> {
    /// To ask this organization, which has these agreements, about this service for the student of a file.
    pub(crate) fn about(
        file: &File,
        organization: &'a Record<OrganizationFacts>,
        service: &'a Record<ServiceFacts>,
        agreements: &[PartnershipFacts],
        obligation: Obligation,
        now: Timestamp,
    ) -> Self {
        let under_direct_control = under_direct_control(agreements, file, Some(service.id), file.day(now));
        Self { organization, service, obligation, under_direct_control }
    }

    fn party(&self) -> Party {
        Party::Organization { id: self.organization.id, classes: classes_of(&self.organization.facts) }
    }

    fn standing<'f>(
        &self,
        file: &'f File,
        access: &'f [(GuardianId, GuardianAccess)],
        consents: &'f [Consent],
    ) -> Standing<'f> {
        Standing {
            student_id: file.student.id,
            district_id: file.student.district,
            time_zone: file.zone.clone(),
            minority: file.minority(None),
            guardians: access,
            consents,
            accepted: false,
            involves_part2: self.service.facts.part2_program == Some(true),
            owed: owed(Some(self.obligation)),
            under_direct_control: self.under_direct_control,
            enrols_there: Truth::Unknown,
            legally_responsible: Truth::Unknown,
            takes_part_under_idea: Truth::Unknown,
        }
    }

    /// On what basis it may be asked at this moment, or everything that stands against it.
    pub(crate) fn basis(
        &self,
        file: &File,
        consents: &[Consent],
        at: Timestamp,
    ) -> Result<Basis, Vec<Refusal>> {
        may_ask(&self.party(), at, &self.standing(file, &file.access(), consents))
    }

    /// Which of these the organization, which serves the student, may tell the district, each put on the record: what it
    /// tells the school is health information and needs an authorization that says so (45 CFR 164.508).
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) fn tell_school(
        &self,
        tx: &mut Tx<'_>,
        errand: &Errand,
        tenant: &Tenant,
        file: &File,
        consents: &[Consent],
        fields: &[StudentField],
    ) -> Result<Vec<StudentField>> {
        let access = file.access();
        let standing = Standing { accepted: true, ..self.standing(file, &access, consents) };
        let mut told = Vec::new();
        for field in fields {
            let release = Release {
                student_id: file.student.id,
                district_id: file.student.district,
                party: self.party(),
                packet: Packet::Progress,
                fields: vec![*field],
                direction: Direction::ToSchool,
                purpose: Purpose::ReportProgress,
                basis: Basis::Consent,
                threat: None,
                at: tx.now,
            };
            let decision = decide(&release, &standing);
            let Decision::Release { basis: _, consents, notices } = decision else { continue };
            let district = find::<DistrictFacts>(tx.connection, file.student.district)?.facts.name;
            let to = ReleasedTo {
                organization_id: None,
                guardian_id: None,
                name: None,
                position: None,
                affiliation: Some(district),
            };
            let document = Document::of(&release, consents, notices, ReleasedBy::of(&errand.principal), to);
            let writing = Writing { threat: None, on_file: None };
            disclosures::record(tx, errand, tenant, &file.key, file.student.id, document, &writing)?;
            told.push(*field);
        }
        Ok(told)
    }

    /// Puts it on the record that the organization is told the limited profile, and on whose word; false if it may not be, and then nothing is
    /// recorded.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) fn tell_profile(
        &self,
        tx: &mut Tx<'_>,
        errand: &Errand,
        file: &File,
        consents: &[Consent],
        profile: &LimitedProfile,
        released_by: ReleasedBy,
    ) -> Result<bool> {
        let tenant = tenant(errand)?;
        let release = Release {
            student_id: file.student.id,
            district_id: file.student.district,
            party: self.party(),
            packet: Packet::LimitedProfile,
            fields: profile.fields(),
            direction: Direction::ToAgency,
            purpose: Purpose::CoordinateCare,
            basis: Basis::Deidentified,
            threat: None,
            at: tx.now,
        };
        let decision = decide(&release, &self.standing(file, &file.access(), consents));
        let Decision::Release { basis: _, consents, notices } = decision else { return Ok(false) };
        let to = ReleasedTo {
            organization_id: Some(self.organization.id),
            guardian_id: None,
            name: None,
            position: None,
            affiliation: Some(self.organization.facts.name.clone()),
        };
        let document = Document::of(&release, consents, notices, released_by, to);
        let writing = Writing { threat: None, on_file: None };
        disclosures::record(tx, errand, tenant, &file.key, file.student.id, document, &writing)?;
        Ok(true)
    }
}
