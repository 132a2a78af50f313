//! Students and their guardians. Who they are lies sealed under each student's own key; what must be found or
//! joined by stands beside it: the district, the school, and identifiers as keyed digests.
//!
//! Every operation takes the [`Errand`] on which it is done, which names the tenant, and leaves its line in the audit in
//! the same transaction.

mod asks;
pub(crate) mod candidates;
pub mod consents;
pub mod crises;
pub mod erasure;
pub(crate) mod file;
pub mod guardians;
mod model;
mod packets;
mod profile;
pub mod releases;
mod rules;
mod store;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use model::*;
pub(crate) use profile::profile_of;
pub use profile::{ProfileAsk, limited_profile};
pub use rules::{guardian_faults, student_faults};
pub use store::StudentPage;

use crate::error::{Error, FieldError, Result};
use crate::privacy::audit::{self, Act, Action, Errand};
use crate::privacy::vault::{StudentKey, Vault};
use crate::store::{Tenancy, Tenant, Tx};
use crate::types::{StudentId, calendar_date};
use store::Row;

/// Fails unless a version is the one that the caller read.
pub type IfVersion<'a> = &'a dyn Fn(i64) -> Result<()>;

/// Where a student's document stands, for sealing.
const PLACE: &str = "students";

/// Keeps a student from being erased until the end of the transaction; false if there is none, or none any more.
pub(crate) fn hold_still(tx: &mut Tx<'_>, tenant: &Tenant, id: StudentId) -> Result<bool> {
    store::lock(tx, tenant, id)
}

/// Keeps a student from being erased until the end of the transaction, while others do the same.
pub(crate) fn keep_there(tx: &mut Tx<'_>, tenant: &Tenant, id: StudentId) -> Result<()> {
    store::share(tx, tenant, id)
}

/// Records a new student.
///
/// # Errors
/// [`Error::Invalid`] if the facts are wrong; [`Error::NotFound`] if the school is not one of the caller's;
/// [`Error::Conflict`] if an identifier is another student's.
pub fn create(
    tx: &mut Tx<'_>,
    vault: &Vault,
    errand: &Errand,
    id: StudentId,
    facts: StudentFacts,
) -> Result<Student> {
    let tenant = tenant(errand)?;
    accept(tx, tenant, &facts)?;
    let student = Student {
        id,
        district: tenant.district,
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
        left_at: None,
        facts,
    };
    let key = vault.new_key(student.id)?;
    let sealed = key.seal(PLACE, student.id, &student.facts)?;
    store::insert(tx, tenant, &student, &sealed)?;
    vault.keep(tx, tenant, &key)?;
    set_identifiers(tx, vault, tenant, &student)?;
    record(tx, errand, Action::Create, &student)?;
    Ok(student)
}

/// Shows one student.
///
/// # Errors
/// [`Error::NotFound`] if there is none, or not one of the caller's.
pub fn read(tx: &mut Tx<'_>, vault: &Vault, errand: &Errand, id: StudentId) -> Result<Student> {
    let (student, _) = find(tx, vault, tenant(errand)?, id)?;
    record(tx, errand, Action::Read, &student)?;
    Ok(student)
}

/// One page of students in the order of their ids, whether there are more behind it, and how many there are
/// (counted up to a bound). Only those on the page are opened and go on the record.
///
/// # Errors
/// If the database fails.
pub fn list(
    tx: &mut Tx<'_>,
    vault: &Vault,
    errand: &Errand,
    page: &StudentPage,
) -> Result<(Vec<Student>, bool, i64)> {
    let tenant = tenant(errand)?;
    let (mut rows, count) = store::list(tx.connection, tenant, page)?;
    let size = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    rows.truncate(size);
    let students = rows.into_iter().map(|row| open(tx, vault, tenant, row).map(|(student, _)| student));
    let students = students.collect::<Result<Vec<_>>>()?;
    let mut acts: Vec<Act<'_>> = students.iter().map(|student| act(Action::Read, student)).collect();
    if acts.is_empty() {
        acts.push(looked("student", None));
    }
    audit::record(tx, errand, &acts)?;
    Ok((students, more, count))
}

/// The student with this identifier; none if there is none among the caller's.
///
/// # Errors
/// If the database fails.
pub fn look_up(
    tx: &mut Tx<'_>,
    vault: &Vault,
    errand: &Errand,
    identifier: &Identifier,
) -> Result<Option<Student>> {
    let tenant = tenant(errand)?;
    let kind = identifier.kind.as_str();
    let blind = vault.blind(tenant.district, kind, &identifier.value);
    let found = match store::identified(tx.connection, tenant, kind, &blind)? {
        Some(row) => Some(open(tx, vault, tenant, row)?.0),
        None => None,
    };
    match &found {
        Some(student) => record(tx, errand, Action::Read, student)?,
        None => audit::record(tx, errand, &[looked("student", None)])?,
    }
    Ok(found)
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
    id: StudentId,
    if_version: IfVersion<'_>,
    patch: &Value,
) -> Result<Student> {
    let tenant = tenant(errand)?;
    let (mut student, key) = find(tx, vault, tenant, id)?;
    if_version(student.version)?;
    let facts = merged(&student.facts, patch)?;
    if facts != student.facts {
        accept(tx, tenant, &facts)?;
        student.facts = facts;
        save(tx, tenant, &mut student, &key)?;
        set_identifiers(tx, vault, tenant, &student)?;
    }
    record(tx, errand, Action::Change, &student)?;
    Ok(student)
}

/// Notes that a student has left the district. What is recorded stays until it is erased.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`] unless `if_version` accepts the version.
pub fn leave(
    tx: &mut Tx<'_>,
    vault: &Vault,
    errand: &Errand,
    id: StudentId,
    if_version: IfVersion<'_>,
) -> Result<Student> {
    let tenant = tenant(errand)?;
    let (mut student, key) = find(tx, vault, tenant, id)?;
    if_version(student.version)?;
    if student.left_at.is_none() {
        student.left_at = Some(tx.now);
        save(tx, tenant, &mut student, &key)?;
    }
    record(tx, errand, Action::End, &student)?;
    Ok(student)
}

/// The tenant on whose behalf an errand runs.
///
/// # Errors
/// [`Error::Forbidden`] for those who have no part in any student's care.
pub fn tenant(errand: &Errand) -> Result<&Tenant> {
    match &errand.tenancy {
        Tenancy::District(tenant) => Ok(tenant),
        Tenancy::Agency(_) | Tenancy::Clock | Tenancy::Analyst | Tenancy::Keeper => {
            let role = errand.principal.role;
            Err(Error::Forbidden(format!("{role} has no part in the care of any district's students")))
        }
    }
}

/// A student of this tenant and the key that seals what is theirs.
///
/// # Errors
/// [`Error::NotFound`].
pub(crate) fn find(
    tx: &mut Tx<'_>,
    vault: &Vault,
    tenant: &Tenant,
    id: StudentId,
) -> Result<(Student, StudentKey)> {
    let row = store::find(tx.connection, tenant, id)?.ok_or_else(|| no_student(id))?;
    open(tx, vault, tenant, row)
}

fn no_student(id: StudentId) -> Error {
    Error::NotFound { what: "student", id: id.to_string() }
}

fn open(tx: &mut Tx<'_>, vault: &Vault, tenant: &Tenant, row: Row) -> Result<(Student, StudentKey)> {
    let key = vault.key(tx.connection, tenant, row.id)?.ok_or_else(|| no_student(row.id))?;
    let Row { id, district, version, sealed, created_at, updated_at, left_at } = row;
    let facts = key.open(PLACE, id, &sealed)?;
    Ok((Student { id, district, version, created_at, updated_at, left_at, facts }, key))
}

fn accept(tx: &mut Tx<'_>, tenant: &Tenant, facts: &StudentFacts) -> Result<()> {
    let mut faults = student_faults(facts, calendar_date(tx.now));
    match facts.school_id {
        Some(school) if !store::has_school(tx.connection, tenant, school)? => {
            faults.push(FieldError::body("/school_id", "is no school of yours"));
        }
        None if !tenant.schools.is_empty() => {
            faults
                .push(FieldError::body("/school_id", "is needed: you see the students of your schools only"));
        }
        Some(_) | None => {}
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
}

fn save(tx: &mut Tx<'_>, tenant: &Tenant, student: &mut Student, key: &StudentKey) -> Result<()> {
    let before = student.version;
    student.version += 1;
    student.updated_at = tx.now;
    let sealed = key.seal(PLACE, student.id, &student.facts)?;
    if store::update(tx, tenant, student, before, &sealed)? { Ok(()) } else { Err(Error::Contended) }
}

fn set_identifiers(tx: &mut Tx<'_>, vault: &Vault, tenant: &Tenant, student: &Student) -> Result<()> {
    let blinds: Vec<(&str, Vec<u8>)> = student
        .facts
        .identifiers
        .iter()
        .map(|Identifier { kind, value }| (kind.as_str(), vault.blind(tenant.district, kind.as_str(), value)))
        .collect();
    store::set_identifiers(tx, tenant, student.id, &blinds).map_err(|error| match error {
        Error::Conflict(_) => {
            Error::Conflict("an identifier is that of another student of the district".to_owned())
        }
        other => other,
    })
}

/// The facts after a merge patch. What is wrong is said without repeating it.
pub(crate) fn merged<T: Serialize + DeserializeOwned>(facts: &T, patch: &Value) -> Result<T> {
    let mut after =
        serde_json::to_value(facts).map_err(|source| Error::internal("changing a record", source))?;
    json_patch::merge(&mut after, patch);
    parse(after)
}

/// Reads a document of a student or guardian; what is wrong is said without repeating it.
///
/// # Errors
/// [`Error::Invalid`], with the place.
pub fn parse<T: DeserializeOwned>(document: Value) -> Result<T> {
    serde_path_to_error::deserialize(document).map_err(|error| {
        let (pointer, message) = crate::directory::unquoted(&error);
        FieldError::body(pointer, message).into()
    })
}

/// That somebody looked and found nothing, which tells something too.
fn looked(resource: &'static str, student: Option<StudentId>) -> Act<'static> {
    Act::done(Action::Read, resource, None, student)
}

fn act(action: Action, student: &Student) -> Act<'static> {
    Act::done(action, "student", Some(student.id.into()), Some(student.id))
}

fn record(tx: &mut Tx<'_>, errand: &Errand, action: Action, student: &Student) -> Result<()> {
    audit::record(tx, errand, &[act(action, student)])
}
