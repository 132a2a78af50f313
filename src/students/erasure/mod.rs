//! Deletion. A student is deleted by destroying the key under which everything about them lies; what must stay, such as the
//! record of releases, holds no identity. A legal hold stops it. Both leave a record of their own.

mod store;

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{find, hold_still, tenant};
use crate::error::{Error, Result};
use crate::privacy::audit::{self, Act, Action, Errand};
use crate::privacy::vault::Vault;
use crate::store::{Tenant, Tx};
use crate::types::{StudentId, UnknownCode, codes};

codes! {
    /// Why a student is deleted.
    ErasureReason, "reason for a deletion" {
        /// The time for which the record is kept is over.
        Retention = "retention",
        /// The parent, or the student who is 18, asked for it and may.
        Request = "request",
        /// A court ordered it.
        Court = "court",
        /// It was recorded by mistake.
        Mistake = "mistake",
    }
}

/// Where the reason of a hold stands, for sealing.
const PLACE: &str = "legal_holds";

/// What stops the deletion of a student.
pub struct LegalHold {
    /// Of whom.
    pub student: StudentId,
    /// Why: the case, the letter. It lies sealed.
    pub reason: String,
    /// Who placed it.
    pub placed_by: String,
    /// When.
    pub placed_at: Timestamp,
}

/// Deletes a student.
///
/// # Errors
/// [`Error::NotFound`] if there is none, or not one of the tenant's; [`Error::Conflict`] while a legal hold
/// stands, a crisis event is not cleared or a referral is not over.
pub fn erase(
    tx: &mut Tx<'_>,
    vault: &Vault,
    errand: &Errand,
    id: StudentId,
    reason: ErasureReason,
) -> Result<()> {
    let tenant = tenant(errand)?;
    present(tx, tenant, id)?;
    if let Some(since) = store::held_since(tx.connection, tenant, id)? {
        return Err(Error::Conflict(format!(
            "a legal hold of {since} stops the deletion of the student {id}"
        )));
    }
    if store::is_in_crisis(tx.connection, tenant, id)? {
        return Err(Error::Conflict(format!("a crisis event of the student {id} is not cleared yet")));
    }
    if store::is_referred(tx.connection, tenant, id)? {
        let message = "is not over yet: revoke or close it first, so that nobody goes on with it";
        return Err(Error::Conflict(format!("a referral of the student {id} {message}")));
    }
    vault.destroy(tx, tenant, id)?;
    store::empty(tx, tenant, id)?;
    store::insert_erasure(tx, tenant, id, reason.as_str(), &errand.principal.name)?;
    record(tx, errand, Action::Erase, id)
}

/// Students who left before this instant, who are not deleted and not held, in the order of their ids.
///
/// # Errors
/// If the database fails.
pub fn due(tx: &mut Tx<'_>, errand: &Errand, left_before: Timestamp) -> Result<Vec<StudentId>> {
    store::left_before(tx.connection, tenant(errand)?, left_before)
}

/// Places a legal hold: nothing of the student is deleted until it is lifted.
///
/// # Errors
/// [`Error::NotFound`].
pub fn hold(tx: &mut Tx<'_>, vault: &Vault, errand: &Errand, id: StudentId, reason: &str) -> Result<()> {
    let tenant = tenant(errand)?;
    present(tx, tenant, id)?;
    let (_, key) = find(tx, vault, tenant, id)?;
    let sealed = key.seal(PLACE, id, &reason)?;
    store::insert_hold(tx, tenant, id, &sealed, &errand.principal.name)?;
    record(tx, errand, Action::Change, id)
}

/// Lifts the legal holds of a student; says how many there were.
///
/// # Errors
/// [`Error::NotFound`].
pub fn lift(tx: &mut Tx<'_>, errand: &Errand, id: StudentId) -> Result<usize> {
    let tenant = tenant(errand)?;
    present(tx, tenant, id)?;
    let lifted = store::lift_holds(tx, tenant, id, &errand.principal.name)?;
    record(tx, errand, Action::Change, id)?;
    Ok(lifted)
}

/// The legal holds that stand.
///
/// # Errors
/// If the database fails.
pub fn holds(tx: &mut Tx<'_>, vault: &Vault, errand: &Errand) -> Result<Vec<LegalHold>> {
    let tenant = tenant(errand)?;
    let mut holds = Vec::new();
    for store::Hold { student, sealed, placed_by, placed_at } in store::holds(tx.connection, tenant)? {
        let (_, key) = find(tx, vault, tenant, student)?;
        let reason = key.open(PLACE, student, &sealed)?;
        record(tx, errand, Action::Read, student)?;
        holds.push(LegalHold { student, reason, placed_by, placed_at });
    }
    Ok(holds)
}

/// Fails unless the student is there, and keeps it so until the end of the transaction.
fn present(tx: &mut Tx<'_>, tenant: &Tenant, id: StudentId) -> Result<()> {
    if hold_still(tx, tenant, id)? {
        return Ok(());
    }
    Err(Error::NotFound { what: "student", id: id.to_string() })
}

fn record(tx: &mut Tx<'_>, errand: &Errand, action: Action, student: StudentId) -> Result<()> {
    let act = Act::done(action, "student", Some(student.into()), Some(student));
    audit::record(tx, errand, &[act])
}
