//! Queries of guardians. Each takes the tenant on whose behalf it is made.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use jiff::Timestamp;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::store::schema::guardians;
use crate::store::{DbConnection, Tenant, Tx, from_sql, to_sql};
use crate::students::model::Guardian;
use crate::types::{GuardianId, StudentId};

/// A guardian as the database has it.
pub(super) struct Row {
    pub(super) id: GuardianId,
    pub(super) student: StudentId,
    pub(super) version: i64,
    pub(super) sealed: Vec<u8>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) ended_at: Option<Timestamp>,
}

type Columns = (String, String, i64, Vec<u8>, NaiveDateTime, NaiveDateTime, Option<NaiveDateTime>);

const COLUMNS: (
    guardians::id,
    guardians::student_id,
    guardians::version,
    guardians::sealed,
    guardians::created_at,
    guardians::updated_at,
    guardians::ended_at,
) = (
    guardians::id,
    guardians::student_id,
    guardians::version,
    guardians::sealed,
    guardians::created_at,
    guardians::updated_at,
    guardians::ended_at,
);

fn read(columns: Columns) -> Result<Row> {
    let (id, student, version, sealed, created_at, updated_at, ended_at) = columns;
    let parse = |text: &str| {
        text.parse::<Uuid>().map_err(|source| Error::internal(format!("reading the guardian {id}"), source))
    };
    Ok(Row {
        id: GuardianId(parse(&id)?),
        student: StudentId(parse(&student)?),
        version,
        sealed,
        created_at: from_sql(created_at),
        updated_at: from_sql(updated_at),
        ended_at: ended_at.map(from_sql),
    })
}

/// Those who are guardians now.
pub(super) fn list(connection: &mut DbConnection, tenant: &Tenant, student: StudentId) -> Result<Vec<Row>> {
    let query = guardians::table
        .filter(guardians::district_id.eq(tenant.district.to_string()))
        .filter(guardians::student_id.eq(student.to_string()))
        .filter(guardians::ended_at.is_null())
        .order(guardians::id)
        .select(COLUMNS);
    query.load::<Columns>(connection)?.into_iter().map(read).collect()
}

pub(super) fn find(
    connection: &mut DbConnection,
    tenant: &Tenant,
    student: StudentId,
    id: GuardianId,
) -> Result<Option<Row>> {
    let query = guardians::table
        .filter(guardians::district_id.eq(tenant.district.to_string()))
        .filter(guardians::student_id.eq(student.to_string()))
        .filter(guardians::id.eq(id.to_string()))
        .select(COLUMNS);
    query.get_result::<Columns>(connection).optional()?.map(read).transpose()
}

pub(super) fn insert(tx: &mut Tx<'_>, tenant: &Tenant, guardian: &Guardian, sealed: &[u8]) -> Result<()> {
    diesel::insert_into(guardians::table)
        .values((
            guardians::id.eq(guardian.id.to_string()),
            guardians::student_id.eq(guardian.student.to_string()),
            guardians::district_id.eq(tenant.district.to_string()),
            guardians::version.eq(guardian.version),
            guardians::sealed.eq(sealed),
            guardians::created_at.eq(to_sql(guardian.created_at)),
            guardians::updated_at.eq(to_sql(guardian.updated_at)),
        ))
        .execute(tx.connection)?;
    Ok(())
}

/// False if the version is no more `before`.
pub(super) fn update(
    tx: &mut Tx<'_>,
    tenant: &Tenant,
    guardian: &Guardian,
    before: i64,
    sealed: &[u8],
) -> Result<bool> {
    let row = guardians::table
        .find(guardian.id.to_string())
        .filter(guardians::district_id.eq(tenant.district.to_string()))
        .filter(guardians::version.eq(before));
    let updated = diesel::update(row)
        .set((
            guardians::version.eq(guardian.version),
            guardians::sealed.eq(sealed),
            guardians::updated_at.eq(to_sql(guardian.updated_at)),
            guardians::ended_at.eq(guardian.ended_at.map(to_sql)),
        ))
        .execute(tx.connection)?;
    Ok(updated == 1)
}
