//! Parents, and whoever stands in a parent's place: sealed under the key of the student. What they may know and decide is a
//! fact with a basis.

mod store;

use serde_json::Value;

use super::model::{Guardian, GuardianFacts};
use super::{IfVersion, find as find_student, guardian_faults, looked, merged, tenant};
use crate::error::{Error, Result};
use crate::privacy::audit::{self, Act, Action, Errand};
use crate::privacy::vault::{StudentKey, Vault};
use crate::store::{Tenant, Tx};
use crate::types::{GuardianId, StudentId};
use store::Row;

/// Where a guardian's document stands, for sealing.
const PLACE: &str = "guardians";

/// Records a guardian of a student.
///
/// # Errors
/// [`Error::NotFound`] if the student is not one of the caller's; [`Error::Invalid`] if the facts are wrong.
pub fn create(
    tx: &mut Tx<'_>,
    vault: &Vault,
    errand: &Errand,
    (student, id): (StudentId, GuardianId),
    facts: GuardianFacts,
) -> Result<Guardian> {
    let tenant = tenant(errand)?;
    let (_, key) = find_student(tx, vault, tenant, student)?;
    accept(&facts)?;
    let guardian =
        Guardian { id, student, version: 1, created_at: tx.now, updated_at: tx.now, ended_at: None, facts };
    let sealed = key.seal(PLACE, guardian.id, &guardian.facts)?;
    store::insert(tx, tenant, &guardian, &sealed)?;
    record(tx, errand, Action::Create, &guardian)?;
    Ok(guardian)
}

/// The guardians of a student who are so now, in the order of their ids.
///
/// # Errors
/// [`Error::NotFound`] if the student is not one of the caller's.
pub fn list(tx: &mut Tx<'_>, vault: &Vault, errand: &Errand, student: StudentId) -> Result<Vec<Guardian>> {
    let tenant = tenant(errand)?;
    let (_, key) = find_student(tx, vault, tenant, student)?;
    let guardians = of(tx, tenant, student, &key)?;
    let mut acts: Vec<Act<'_>> = guardians.iter().map(|guardian| act(Action::Read, guardian)).collect();
    if acts.is_empty() {
        acts.push(looked("guardian", Some(student)));
    }
    audit::record(tx, errand, &acts)?;
    Ok(guardians)
}

/// Shows one guardian.
///
/// # Errors
/// [`Error::NotFound`].
pub fn read(
    tx: &mut Tx<'_>,
    vault: &Vault,
    errand: &Errand,
    student: StudentId,
    id: GuardianId,
) -> Result<Guardian> {
    let (guardian, _) = find(tx, vault, tenant(errand)?, student, id)?;
    record(tx, errand, Action::Read, &guardian)?;
    Ok(guardian)
}

/// Changes what is recorded: `patch` is a JSON merge patch (RFC 7396).
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`] unless `if_version` accepts the version; [`Error::Invalid`] if the facts
/// would be wrong.
pub fn change(
    tx: &mut Tx<'_>,
    vault: &Vault,
    errand: &Errand,
    (student, id): (StudentId, GuardianId),
    if_version: IfVersion<'_>,
    patch: &Value,
) -> Result<Guardian> {
    let tenant = tenant(errand)?;
    let (mut guardian, key) = find(tx, vault, tenant, student, id)?;
    if_version(guardian.version)?;
    let facts = merged(&guardian.facts, patch)?;
    if facts != guardian.facts {
        accept(&facts)?;
        guardian.facts = facts;
        save(tx, tenant, &mut guardian, &key)?;
    }
    record(tx, errand, Action::Change, &guardian)?;
    Ok(guardian)
}

/// Notes that somebody is no guardian of the student any more.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`] unless `if_version` accepts the version.
pub fn end(
    tx: &mut Tx<'_>,
    vault: &Vault,
    errand: &Errand,
    (student, id): (StudentId, GuardianId),
    if_version: IfVersion<'_>,
) -> Result<Guardian> {
    let tenant = tenant(errand)?;
    let (mut guardian, key) = find(tx, vault, tenant, student, id)?;
    if_version(guardian.version)?;
    if guardian.ended_at.is_none() {
        guardian.ended_at = Some(tx.now);
        save(tx, tenant, &mut guardian, &key)?;
    }
    record(tx, errand, Action::End, &guardian)?;
    Ok(guardian)
}

/// The guardians of a student, without a line in the audit: for operations that record what they do with them.
///
/// # Errors
/// If the database fails.
pub(crate) fn of(
    tx: &mut Tx<'_>,
    tenant: &Tenant,
    student: StudentId,
    key: &StudentKey,
) -> Result<Vec<Guardian>> {
    let rows = store::list(tx.connection, tenant, student)?;
    rows.into_iter().map(|row| open(row, key)).collect()
}

fn find(
    tx: &mut Tx<'_>,
    vault: &Vault,
    tenant: &Tenant,
    student: StudentId,
    id: GuardianId,
) -> Result<(Guardian, StudentKey)> {
    let (_, key) = find_student(tx, vault, tenant, student)?;
    let row = store::find(tx.connection, tenant, student, id)?;
    let row = row.ok_or_else(|| Error::NotFound { what: "guardian", id: id.to_string() })?;
    Ok((open(row, &key)?, key))
}

fn open(row: Row, key: &StudentKey) -> Result<Guardian> {
    let Row { id, student, version, sealed, created_at, updated_at, ended_at } = row;
    let facts = key.open(PLACE, id, &sealed)?;
    Ok(Guardian { id, student, version, created_at, updated_at, ended_at, facts })
}

fn accept(facts: &GuardianFacts) -> Result<()> {
    let faults = guardian_faults(facts);
    if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
}

fn save(tx: &mut Tx<'_>, tenant: &Tenant, guardian: &mut Guardian, key: &StudentKey) -> Result<()> {
    let before = guardian.version;
    guardian.version += 1;
    guardian.updated_at = tx.now;
    let sealed = key.seal(PLACE, guardian.id, &guardian.facts)?;
    if store::update(tx, tenant, guardian, before, &sealed)? { Ok(()) } else { Err(Error::Contended) }
}

fn act(action: Action, guardian: &Guardian) -> Act<'static> {
    Act::done(action, "guardian", Some(guardian.id.into()), Some(guardian.student))
}

fn record(tx: &mut Tx<'_>, errand: &Errand, action: Action, guardian: &Guardian) -> Result<()> {
    audit::record(tx, errand, &[act(action, guardian)])
}
