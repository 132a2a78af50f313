//! The record of releases (34 CFR 99.32; 603 CMR 23.07): who told whom which fields, for what, on what basis, and when.
//! Rows are only ever added, in the transaction of the release; each is vouched for by an event of the audit.
//! No value of any field stands in it.

mod store;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::audit::{self, Act, Action, DisclosureColumns, Errand, Outcome, digest_of_disclosure};
use super::release::{Notice, Release};
use super::vault::StudentKey;
use super::words::{Basis, Direction, Packet, Purpose, StudentField};
use crate::access::Principal;
use crate::error::{Error, Result};
use crate::store::{DbConnection, Tenant, Tx};
use crate::types::{ConsentId, DisclosureId, DistrictId, GuardianId, OrganizationId, StudentId};
pub use store::Filter;
use store::Row;

/// Where what was written about the student stands, for sealing.
const PLACE: &str = "disclosures";

/// Who released something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReleasedBy {
    /// The client or membership.
    pub id: String,
    /// How they are called here.
    pub name: String,
    /// Their position.
    #[schema(example = "coordinator")]
    pub position: String,
}

impl ReleasedBy {
    /// Whoever calls.
    pub fn of(principal: &Principal) -> Self {
        Self {
            id: principal.id.to_string(),
            name: principal.name.clone(),
            position: principal.role.to_string(),
        }
    }
}

/// Who was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReleasedTo {
    /// The organization, if it is one of the directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub organization_id: Option<OrganizationId>,
    /// The guardian, if it is one. Who that is stands in the student's file only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub guardian_id: Option<GuardianId>,
    /// The person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// The person's position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub position: Option<String>,
    /// Whom they work for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub affiliation: Option<String>,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = DisclosureFacts)]
pub struct Document {
    /// Who released it.
    pub released_by: ReleasedBy,
    /// Who was told.
    pub released_to: ReleasedTo,
    /// Which way.
    pub direction: Direction,
    /// Which packet.
    pub packet: Packet,
    /// Which fields of it; never what stood in them.
    pub fields: Vec<StudentField>,
    /// For what.
    pub purpose: Purpose,
    /// On which basis.
    pub basis: Basis,
    /// Where the law says so.
    #[schema(example = "34 CFR 99.30")]
    pub citation: String,
    /// The consents that it rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub consents: Vec<ConsentId>,
    /// What travelled with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub notices: Vec<Notice>,
    /// The day on which the recipient had accepted the student, as the one who released it knew it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub accepted_on: Option<Date>,
}

impl Document {
    /// What the record says of a release that rests on these consents.
    pub fn of(
        release: &Release,
        consents: Vec<ConsentId>,
        notices: Vec<Notice>,
        released_by: ReleasedBy,
        released_to: ReleasedTo,
    ) -> Self {
        let Release { direction, packet, fields, purpose, basis, .. } = release;
        Self {
            released_by,
            released_to,
            direction: *direction,
            packet: *packet,
            fields: fields.clone(),
            purpose: *purpose,
            basis: *basis,
            citation: basis.citation().to_owned(),
            consents,
            notices,
            accepted_on: None,
        }
    }
}

/// What had to be written down about the student; it lies sealed beside the record.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writing {
    /// The articulable and significant threat, of an emergency (34 CFR 99.36).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threat: Option<String>,
    /// Where the basis stands written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_file: Option<String>,
}

/// One release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosure {
    /// Its id.
    pub id: DisclosureId,
    /// Of whom.
    pub student: StudentId,
    /// Whose student.
    pub district: DistrictId,
    /// When.
    pub released_at: Timestamp,
    /// What the record says.
    pub document: Document,
}

/// Puts a release on the record, and the event that vouches for it into the audit.
///
/// # Errors
/// If the database fails; then nothing is released.
pub fn record(
    tx: &mut Tx<'_>,
    errand: &Errand,
    tenant: &Tenant,
    key: &StudentKey,
    student: StudentId,
    document: Document,
    writing: &Writing,
) -> Result<Disclosure> {
    let id = DisclosureId::new();
    let has_writing = writing.threat.is_some() || writing.on_file.is_some();
    let sealed = has_writing.then(|| key.seal(PLACE, id, writing)).transpose()?;
    let text =
        serde_json::to_string(&document).map_err(|source| Error::internal("recording a release", source))?;
    let disclosure = Disclosure { id, student, district: tenant.district, released_at: tx.now, document };
    let organization = disclosure.document.released_to.organization_id.map(|id| id.to_string());
    store::insert(tx, tenant, &disclosure, organization.as_deref(), &text, sealed.as_deref())?;
    let digest = digest_of_disclosure(&DisclosureColumns {
        id: &id.to_string(),
        student_id: &student.to_string(),
        district_id: &tenant.district.to_string(),
        recipient_organization_id: organization.as_deref(),
        released_at: disclosure.released_at,
        document: &text,
        sealed: sealed.as_deref(),
    });
    let act = Act {
        action: Action::Release,
        resource: "disclosure",
        resource_id: Some(id.into()),
        student: Some(student),
        outcome: Outcome::Done,
        digest: Some(digest),
    };
    audit::record(tx, errand, &[act])?;
    Ok(disclosure)
}

/// Releases of a tenant's students, in the order of their ids, which is that of time, and how many there are (counted up
/// to a bound).
///
/// # Errors
/// If the database fails.
pub fn list(
    connection: &mut DbConnection,
    tenant: &Tenant,
    filter: &Filter,
) -> Result<(Vec<Disclosure>, i64)> {
    let (rows, count) = store::list(connection, tenant, filter)?;
    let open = |row: Row| {
        let Row { id, student, district, released_at, document } = row;
        let document = serde_json::from_str(&document)
            .map_err(|source| Error::internal(format!("reading the disclosure {id}"), source))?;
        Ok(Disclosure { id, student, district, released_at, document })
    };
    Ok((rows.into_iter().map(open).collect::<Result<_>>()?, count))
}
