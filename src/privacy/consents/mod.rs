//! Consents as they are kept: the paper under the student's key; when it ends and whether it was revoked stand beside
//! it, so that they are found without opening anything.

mod store;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::model::{Consent, SignedBy};
use super::signers::MinorCare;
use super::vault::StudentKey;
use super::words::SignatureMethod;
use crate::error::{Error, Result};
use crate::store::{DbConnection, Tenant, Tx};
use crate::types::{ConsentId, StudentId};
use store::Row;

/// Where a consent's document stands, for sealing.
const PLACE: &str = "consents";

/// How a consent was taken back.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConsentRevoke)]
pub struct Revocation {
    /// Who took it back.
    pub by: SignedBy,
    /// How.
    pub method: SignatureMethod,
    /// Where that stands written.
    #[schema(example = "call of the mother, noted by A. Coordinator")]
    pub evidence: String,
}

#[derive(Serialize, Deserialize)]
struct Document {
    consent: Consent,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    minor_care: Option<MinorCare>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revocation: Option<Revocation>,
}

/// A consent as it is kept.
#[derive(Clone)]
pub struct Kept {
    /// What it says.
    pub consent: Consent,
    /// The care for which somebody answers that a minor may consent to it alone.
    pub minor_care: Option<MinorCare>,
    /// How it was taken back, if it was.
    pub revocation: Option<Revocation>,
    /// Grows by one with every change.
    pub version: i64,
    /// When it was first recorded.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Keeps a new consent.
///
/// # Errors
/// If the database fails.
pub fn insert(
    tx: &mut Tx<'_>,
    tenant: &Tenant,
    key: &StudentKey,
    consent: Consent,
    minor_care: Option<MinorCare>,
) -> Result<Kept> {
    let (version, now) = (1, tx.now);
    let kept = Kept { consent, minor_care, revocation: None, version, created_at: now, updated_at: now };
    store::insert(tx, tenant, &kept, &seal(key, &kept)?)?;
    Ok(kept)
}

/// Keeps what a consent has become.
///
/// # Errors
/// [`Error::Contended`] if somebody else changed it meanwhile.
pub fn update(tx: &mut Tx<'_>, tenant: &Tenant, key: &StudentKey, kept: &mut Kept) -> Result<()> {
    let before = kept.version;
    kept.version += 1;
    kept.updated_at = tx.now;
    if store::update(tx, tenant, kept, before, &seal(key, kept)?)? { Ok(()) } else { Err(Error::Contended) }
}

/// One consent of a student.
///
/// # Errors
/// [`Error::NotFound`].
pub fn find(
    connection: &mut DbConnection,
    tenant: &Tenant,
    key: &StudentKey,
    student: StudentId,
    id: ConsentId,
) -> Result<Kept> {
    let row = store::find(connection, tenant, student, id)?;
    open(key, row.ok_or_else(|| Error::NotFound { what: "consent", id: id.to_string() })?)
}

/// Every consent of a student, also those that do not hold any more, in the order of their ids.
///
/// # Errors
/// If the database fails.
pub fn list(
    connection: &mut DbConnection,
    tenant: &Tenant,
    key: &StudentKey,
    student: StudentId,
) -> Result<Vec<Kept>> {
    store::list(connection, tenant, student)?.into_iter().map(|row| open(key, row)).collect()
}

fn seal(key: &StudentKey, kept: &Kept) -> Result<Vec<u8>> {
    let Kept { consent, minor_care, revocation, version: _, created_at: _, updated_at: _ } = kept.clone();
    let document = Document { consent, minor_care, revocation };
    key.seal(PLACE, kept.consent.id, &document)
}

fn open(key: &StudentKey, row: Row) -> Result<Kept> {
    let Row { id, version, sealed, created_at, updated_at } = row;
    let Document { consent, minor_care, revocation } = key.open(PLACE, id, &sealed)?;
    Ok(Kept { consent, minor_care, revocation, version, created_at, updated_at })
}
