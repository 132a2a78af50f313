//! Queries of consents. Each takes the tenant on whose behalf it is made.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use jiff::Timestamp;
use uuid::Uuid;

use super::Kept;
use crate::error::{Error, Result};
use crate::store::schema::consents;
use crate::store::{DbConnection, Tenant, Tx, date_to_sql, from_sql, to_sql};
use crate::types::{ConsentId, StudentId};

/// A consent as the database has it.
pub(super) struct Row {
    pub(super) id: ConsentId,
    pub(super) version: i64,
    pub(super) sealed: Vec<u8>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

type Columns = (String, i64, Vec<u8>, NaiveDateTime, NaiveDateTime);

/// The consents of a tenant's student.
macro_rules! of {
    ($tenant:expr, $student:expr) => {
        consents::table
            .filter(consents::district_id.eq($tenant.district.to_string()))
            .filter(consents::student_id.eq($student.to_string()))
            .order(consents::id)
            .select((
                consents::id,
                consents::version,
                consents::sealed,
                consents::created_at,
                consents::updated_at,
            ))
    };
}

fn read((id, version, sealed, created_at, updated_at): Columns) -> Result<Row> {
    let id =
        id.parse::<Uuid>().map_err(|source| Error::internal(format!("reading the consent {id}"), source))?;
    let (created_at, updated_at) = (from_sql(created_at), from_sql(updated_at));
    Ok(Row { id: ConsentId(id), version, sealed, created_at, updated_at })
}

pub(super) fn list(connection: &mut DbConnection, tenant: &Tenant, student: StudentId) -> Result<Vec<Row>> {
    of!(tenant, student).load::<Columns>(connection)?.into_iter().map(read).collect()
}

pub(super) fn find(
    connection: &mut DbConnection,
    tenant: &Tenant,
    student: StudentId,
    id: ConsentId,
) -> Result<Option<Row>> {
    let query = of!(tenant, student).filter(consents::id.eq(id.to_string()));
    query.get_result::<Columns>(connection).optional()?.map(read).transpose()
}

pub(super) fn insert(tx: &mut Tx<'_>, tenant: &Tenant, kept: &Kept, sealed: &[u8]) -> Result<()> {
    diesel::insert_into(consents::table)
        .values((
            consents::id.eq(kept.consent.id.to_string()),
            consents::student_id.eq(kept.consent.student_id.to_string()),
            consents::district_id.eq(tenant.district.to_string()),
            consents::version.eq(kept.version),
            consents::sealed.eq(sealed),
            consents::expires_on.eq(date_to_sql(kept.consent.expires_on)),
            consents::created_at.eq(to_sql(kept.created_at)),
            consents::updated_at.eq(to_sql(kept.updated_at)),
        ))
        .execute(tx.connection)?;
    Ok(())
}

/// False if the version is no more `before`.
pub(super) fn update(
    tx: &mut Tx<'_>,
    tenant: &Tenant,
    kept: &Kept,
    before: i64,
    sealed: &[u8],
) -> Result<bool> {
    let row = consents::table
        .find(kept.consent.id.to_string())
        .filter(consents::district_id.eq(tenant.district.to_string()))
        .filter(consents::version.eq(before));
    let updated = diesel::update(row)
        .set((
            consents::version.eq(kept.version),
            consents::sealed.eq(sealed),
            consents::updated_at.eq(to_sql(kept.updated_at)),
            consents::revoked_at.eq(kept.consent.revoked_at.map(to_sql)),
        ))
        .execute(tx.connection)?;
    Ok(updated == 1)
}
