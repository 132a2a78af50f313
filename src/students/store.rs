//! Queries of students. Each takes the tenant on whose behalf it is made.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use jiff::Timestamp;
use uuid::Uuid;

use super::model::Student;
use crate::directory::COUNTED_UP_TO;
use crate::error::{Error, Result};
use crate::store::schema::{schools, student_identifiers as identifiers, students};
use crate::store::{DbConnection, Tenant, Tx, from_sql, on_either, to_sql};
use crate::types::{DistrictId, SchoolId, StudentId};

/// A student as the database has it.
pub(super) struct Row {
    pub(super) id: StudentId,
    pub(super) district: DistrictId,
    pub(super) version: i64,
    pub(super) sealed: Vec<u8>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) left_at: Option<Timestamp>,
}

type Columns = (String, String, i64, Vec<u8>, NaiveDateTime, NaiveDateTime, Option<NaiveDateTime>);

/// Which students to list.
#[derive(Clone, Debug)]
pub struct StudentPage {
    /// Behind this one.
    pub after: Option<StudentId>,
    /// At most so many.
    pub limit: i64,
    /// Only those of this school.
    pub school: Option<SchoolId>,
    /// Those too who have left.
    pub include_left: bool,
}

/// The students of a tenant that were not erased.
macro_rules! of {
    ($tenant:expr) => {{
        let mut query = students::table
            .filter(students::district_id.eq($tenant.district.to_string()))
            .filter(students::erased_at.is_null())
            .into_boxed();
        if !$tenant.schools.is_empty() {
            let schools: Vec<String> = $tenant.schools.iter().map(ToString::to_string).collect();
            query = query.filter(students::school_id.eq_any(schools));
        }
        query
    }};
}

macro_rules! columns {
    () => {
        (
            students::id,
            students::district_id,
            students::version,
            students::sealed,
            students::created_at,
            students::updated_at,
            students::left_at,
        )
    };
}

fn read(columns: Columns) -> Result<Row> {
    let (id, district, version, sealed, created_at, updated_at, left_at) = columns;
    let parse = |text: &str| {
        text.parse::<Uuid>().map_err(|source| Error::internal(format!("reading the student {id}"), source))
    };
    Ok(Row {
        id: StudentId(parse(&id)?),
        district: DistrictId(parse(&district)?),
        version,
        sealed,
        created_at: from_sql(created_at),
        updated_at: from_sql(updated_at),
        left_at: left_at.map(from_sql),
    })
}

pub(super) fn find(connection: &mut DbConnection, tenant: &Tenant, id: StudentId) -> Result<Option<Row>> {
    let query = of!(tenant).filter(students::id.eq(id.to_string())).select(columns!());
    query.get_result::<Columns>(connection).optional()?.map(read).transpose()
}

/// A page and, to tell whether there are more, the row behind it.
pub(super) fn list(
    connection: &mut DbConnection,
    tenant: &Tenant,
    page: &StudentPage,
) -> Result<(Vec<Row>, i64)> {
    macro_rules! filtered {
        () => {{
            let mut query = of!(tenant);
            if let Some(school) = page.school {
                query = query.filter(students::school_id.eq(school.to_string()));
            }
            if !page.include_left {
                query = query.filter(students::left_at.is_null());
            }
            query
        }};
    }
    let counted: Vec<String> = filtered!().select(students::id).limit(COUNTED_UP_TO + 1).load(connection)?;
    let mut query = filtered!().select(columns!()).order(students::id).limit(page.limit + 1);
    if let Some(after) = page.after {
        query = query.filter(students::id.gt(after.to_string()));
    }
    let rows = query.load::<Columns>(connection)?.into_iter().map(read).collect::<Result<_>>()?;
    Ok((rows, i64::try_from(counted.len()).unwrap_or(i64::MAX)))
}

pub(super) fn identified(
    connection: &mut DbConnection,
    tenant: &Tenant,
    kind: &str,
    blind: &[u8],
) -> Result<Option<Row>> {
    let student: Option<String> = identifiers::table
        .find((tenant.district.to_string(), kind, blind))
        .select(identifiers::student_id)
        .get_result(connection)
        .optional()?;
    let Some(student) = student else { return Ok(None) };
    let query = of!(tenant).filter(students::id.eq(student)).select(columns!());
    query.get_result::<Columns>(connection).optional()?.map(read).transpose()
}

pub(super) fn insert(tx: &mut Tx<'_>, tenant: &Tenant, student: &Student, sealed: &[u8]) -> Result<()> {
    diesel::insert_into(students::table)
        .values((
            students::id.eq(student.id.to_string()),
            students::district_id.eq(tenant.district.to_string()),
            students::school_id.eq(student.facts.school_id.map(|school| school.to_string())),
            students::version.eq(student.version),
            students::sealed.eq(sealed),
            students::created_at.eq(to_sql(student.created_at)),
            students::updated_at.eq(to_sql(student.updated_at)),
        ))
        .execute(tx.connection)?;
    Ok(())
}

/// False if the version is no more `before`.
pub(super) fn update(
    tx: &mut Tx<'_>,
    tenant: &Tenant,
    student: &Student,
    before: i64,
    sealed: &[u8],
) -> Result<bool> {
    let row = students::table
        .find(student.id.to_string())
        .filter(students::district_id.eq(tenant.district.to_string()))
        .filter(students::version.eq(before));
    let updated = diesel::update(row)
        .set((
            students::school_id.eq(student.facts.school_id.map(|school| school.to_string())),
            students::version.eq(student.version),
            students::sealed.eq(sealed),
            students::updated_at.eq(to_sql(student.updated_at)),
            students::left_at.eq(student.left_at.map(to_sql)),
        ))
        .execute(tx.connection)?;
    Ok(updated == 1)
}

pub(super) fn set_identifiers(
    tx: &mut Tx<'_>,
    tenant: &Tenant,
    student: StudentId,
    blinds: &[(&str, Vec<u8>)],
) -> Result<()> {
    let before = identifiers::table
        .filter(identifiers::student_id.eq(student.to_string()))
        .filter(identifiers::district_id.eq(tenant.district.to_string()));
    diesel::delete(before).execute(tx.connection)?;
    let rows: Vec<_> = blinds
        .iter()
        .map(|(kind, blind)| {
            (
                identifiers::district_id.eq(tenant.district.to_string()),
                identifiers::kind.eq(*kind),
                identifiers::blind.eq(blind),
                identifiers::student_id.eq(student.to_string()),
            )
        })
        .collect();
    on_either!(&mut *tx.connection, connection => diesel::insert_into(identifiers::table)
        .values(&rows)
        .execute(connection))?;
    Ok(())
}

/// Whether the school is one of the tenant's.
pub(super) fn has_school(connection: &mut DbConnection, tenant: &Tenant, school: SchoolId) -> Result<bool> {
    if !tenant.schools.is_empty() && !tenant.schools.contains(&school) {
        return Ok(false);
    }
    let of_district =
        schools::table.find(school.to_string()).filter(schools::district_id.eq(tenant.district.to_string()));
    Ok(of_district.count().get_result::<i64>(connection)? > 0)
}

/// Holds a student until the end of the transaction, so that of a deletion, a legal hold and a new referral one
/// comes after the other; false if there is none, or none any more.
pub(super) fn lock(tx: &mut Tx<'_>, tenant: &Tenant, id: StudentId) -> Result<bool> {
    let there = students::table
        .find(id.to_string())
        .filter(students::district_id.eq(tenant.district.to_string()))
        .filter(students::erased_at.is_null());
    Ok(diesel::update(there).set(students::version.eq(students::version)).execute(tx.connection)? == 1)
}

/// Keeps a student from being erased until the end of the transaction, as [`lock`] does, and nobody else from doing the
/// same.
pub(super) fn share(tx: &mut Tx<'_>, tenant: &Tenant, id: StudentId) -> Result<()> {
    // Who writes has all of SQLite.
    if let DbConnection::Postgres(postgres) = &mut *tx.connection {
        let there = students::table
            .find(id.to_string())
            .filter(students::district_id.eq(tenant.district.to_string()))
            .select(students::version)
            .for_share();
        let _: Option<i64> = there.get_result(postgres).optional()?;
    }
    Ok(())
}
