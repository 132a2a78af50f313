//! Queries of wrapped keys.

use diesel::prelude::*;
use uuid::Uuid;

use super::Wrapped;
use crate::error::{Error, Result};
use crate::store::schema::{deployment_keys as of_deployment, student_keys as of_students};
use crate::store::{DbConnection, Tenant, Tx, on_either};
use crate::types::StudentId;

pub(super) fn deployment_key(connection: &mut DbConnection, name: &str) -> Result<Option<Wrapped>> {
    let row: Option<(String, Vec<u8>)> = of_deployment::table
        .find(name)
        .select((of_deployment::master_key_id, of_deployment::wrapped))
        .get_result(connection)
        .optional()?;
    Ok(row.map(|(master, wrapped)| Wrapped { master, wrapped }))
}

pub(super) fn deployment_keys(connection: &mut DbConnection) -> Result<Vec<(String, Wrapped)>> {
    let rows: Vec<(String, String, Vec<u8>)> =
        of_deployment::table.order(of_deployment::name).load(connection)?;
    Ok(rows.into_iter().map(|(name, master, wrapped)| (name, Wrapped { master, wrapped })).collect())
}

/// Does nothing where another process was faster.
pub(super) fn insert_deployment_key(tx: &mut Tx<'_>, name: &str, master: &str, wrapped: &[u8]) -> Result<()> {
    on_either!(&mut *tx.connection, connection => diesel::insert_into(of_deployment::table)
        .values((
            of_deployment::name.eq(name),
            of_deployment::master_key_id.eq(master),
            of_deployment::wrapped.eq(wrapped),
        ))
        .on_conflict_do_nothing()
        .execute(connection))?;
    Ok(())
}

pub(super) fn set_deployment_key(tx: &mut Tx<'_>, name: &str, master: &str, wrapped: &[u8]) -> Result<()> {
    diesel::update(of_deployment::table.find(name))
        .set((of_deployment::master_key_id.eq(master), of_deployment::wrapped.eq(wrapped)))
        .execute(tx.connection)?;
    Ok(())
}

pub(super) fn insert_student_key(
    tx: &mut Tx<'_>,
    tenant: &Tenant,
    student: StudentId,
    master: &str,
    wrapped: &[u8],
) -> Result<()> {
    diesel::insert_into(of_students::table)
        .values((
            of_students::student_id.eq(student.to_string()),
            of_students::district_id.eq(tenant.district.to_string()),
            of_students::master_key_id.eq(master),
            of_students::wrapped.eq(wrapped),
        ))
        .execute(tx.connection)?;
    Ok(())
}

pub(super) fn student_key(
    connection: &mut DbConnection,
    tenant: &Tenant,
    student: StudentId,
) -> Result<Option<Wrapped>> {
    let row: Option<(String, Vec<u8>)> = of_students::table
        .find(student.to_string())
        .filter(of_students::district_id.eq(tenant.district.to_string()))
        .select((of_students::master_key_id, of_students::wrapped))
        .get_result(connection)
        .optional()?;
    Ok(row.map(|(master, wrapped)| Wrapped { master, wrapped }))
}

pub(super) fn delete_student_key(tx: &mut Tx<'_>, tenant: &Tenant, student: StudentId) -> Result<()> {
    let key = of_students::table
        .find(student.to_string())
        .filter(of_students::district_id.eq(tenant.district.to_string()));
    diesel::delete(key).execute(tx.connection)?;
    Ok(())
}

// ---- the keeper's: across districts, and without opening anything -------------------------------------------

pub(super) fn count_student_keys(connection: &mut DbConnection) -> Result<u64> {
    let count: i64 = of_students::table.count().get_result(connection)?;
    Ok(count.unsigned_abs())
}

/// Those that another master key wrapped.
pub(super) fn count_student_keys_but(connection: &mut DbConnection, master: &str) -> Result<i64> {
    Ok(of_students::table.filter(of_students::master_key_id.ne(master)).count().get_result(connection)?)
}

pub(super) fn student_keys_after(
    connection: &mut DbConnection,
    after: Option<StudentId>,
    limit: i64,
) -> Result<Vec<(StudentId, Wrapped)>> {
    let after = after.map(|after| after.to_string()).unwrap_or_default();
    let rows: Vec<(String, String, Vec<u8>)> = of_students::table
        .filter(of_students::student_id.gt(after))
        .order(of_students::student_id)
        .limit(limit)
        .select((of_students::student_id, of_students::master_key_id, of_students::wrapped))
        .load(connection)?;
    let read = |(student, master, wrapped): (String, String, Vec<u8>)| {
        let id =
            student.parse::<Uuid>().map_err(|source| Error::internal("reading a student's key", source))?;
        Ok((StudentId(id), Wrapped { master, wrapped }))
    };
    rows.into_iter().map(read).collect()
}

pub(super) fn set_student_key(
    tx: &mut Tx<'_>,
    student: StudentId,
    master: &str,
    wrapped: &[u8],
) -> Result<()> {
    diesel::update(of_students::table.find(student.to_string()))
        .set((of_students::master_key_id.eq(master), of_students::wrapped.eq(wrapped)))
        .execute(tx.connection)?;
    Ok(())
}
