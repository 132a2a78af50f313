//! Queries of deletions and legal holds. Each takes the tenant on whose behalf it is made.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use jiff::Timestamp;
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::store::schema::{
    consents, crisis_events, erasures, guardians, legal_holds as holds, referrals,
    student_identifiers as identifiers, students,
};
use crate::store::{DbConnection, Tenant, Tx, from_sql, to_sql};
use crate::types::StudentId;

/// A hold as the database has it.
pub(super) struct Hold {
    pub(super) student: StudentId,
    pub(super) sealed: Vec<u8>,
    pub(super) placed_by: String,
    pub(super) placed_at: Timestamp,
}

fn student_id(text: &str) -> Result<StudentId> {
    let id = text.parse::<Uuid>();
    id.map(StudentId).map_err(|source| Error::internal(format!("reading the student {text}"), source))
}

/// Whether a report of imminent risk is not cleared yet.
pub(super) fn is_in_crisis(connection: &mut DbConnection, tenant: &Tenant, id: StudentId) -> Result<bool> {
    let open = crisis_events::table
        .filter(crisis_events::district_id.eq(tenant.district.to_string()))
        .filter(crisis_events::student_id.eq(id.to_string()))
        .filter(crisis_events::cleared_at.is_null());
    Ok(open.count().get_result::<i64>(connection)? > 0)
}

/// Whether a referral of the student is not over.
pub(super) fn is_referred(connection: &mut DbConnection, tenant: &Tenant, id: StudentId) -> Result<bool> {
    let open = referrals::table
        .filter(referrals::district_id.eq(tenant.district.to_string()))
        .filter(referrals::student_id.eq(id.to_string()))
        .filter(referrals::status.eq_any(["draft", "active", "on-hold"]));
    Ok(open.count().get_result::<i64>(connection)? > 0)
}

pub(super) fn held_since(
    connection: &mut DbConnection,
    tenant: &Tenant,
    id: StudentId,
) -> Result<Option<Timestamp>> {
    let first: Option<NaiveDateTime> = holds::table
        .filter(holds::district_id.eq(tenant.district.to_string()))
        .filter(holds::student_id.eq(id.to_string()))
        .filter(holds::lifted_at.is_null())
        .order(holds::placed_at)
        .select(holds::placed_at)
        .first(connection)
        .optional()?;
    Ok(first.map(from_sql))
}

/// Empties what the student's key sealed. The empty rows stay, for what refers to them.
pub(super) fn empty(tx: &mut Tx<'_>, tenant: &Tenant, id: StudentId) -> Result<()> {
    let (district, student) = (tenant.district.to_string(), id.to_string());
    let nothing: &[u8] = &[];
    let of_student = identifiers::table
        .filter(identifiers::student_id.eq(&student))
        .filter(identifiers::district_id.eq(&district));
    diesel::delete(of_student).execute(tx.connection)?;
    let of_student = guardians::table
        .filter(guardians::student_id.eq(&student))
        .filter(guardians::district_id.eq(&district));
    diesel::update(of_student).set(guardians::sealed.eq(nothing)).execute(tx.connection)?;
    let of_student =
        consents::table.filter(consents::student_id.eq(&student)).filter(consents::district_id.eq(&district));
    diesel::update(of_student).set(consents::sealed.eq(nothing)).execute(tx.connection)?;
    let of_student =
        holds::table.filter(holds::student_id.eq(&student)).filter(holds::district_id.eq(&district));
    diesel::update(of_student).set(holds::sealed.eq(nothing)).execute(tx.connection)?;
    let row = students::table.find(&student).filter(students::district_id.eq(&district));
    diesel::update(row)
        .set((
            students::sealed.eq(nothing),
            students::school_id.eq(None::<String>),
            students::version.eq(students::version + 1),
            students::updated_at.eq(to_sql(tx.now)),
            students::erased_at.eq(Some(to_sql(tx.now))),
        ))
        .execute(tx.connection)?;
    Ok(())
}

pub(super) fn insert_erasure(
    tx: &mut Tx<'_>,
    tenant: &Tenant,
    id: StudentId,
    reason: &str,
    by: &str,
) -> Result<()> {
    diesel::insert_into(erasures::table)
        .values((
            erasures::id.eq(Uuid::now_v7().to_string()),
            erasures::student_id.eq(id.to_string()),
            erasures::district_id.eq(tenant.district.to_string()),
            erasures::reason.eq(reason),
            erasures::done_by.eq(by),
            erasures::done_at.eq(to_sql(tx.now)),
        ))
        .execute(tx.connection)?;
    Ok(())
}

pub(super) fn left_before(
    connection: &mut DbConnection,
    tenant: &Tenant,
    instant: Timestamp,
) -> Result<Vec<StudentId>> {
    let held = holds::table
        .filter(holds::district_id.eq(tenant.district.to_string()))
        .filter(holds::lifted_at.is_null())
        .select(holds::student_id)
        .load::<String>(connection)?;
    let left: Vec<String> = students::table
        .filter(students::district_id.eq(tenant.district.to_string()))
        .filter(students::erased_at.is_null())
        .filter(students::left_at.lt(to_sql(instant)))
        .order(students::id)
        .select(students::id)
        .load(connection)?;
    left.iter().filter(|student| !held.contains(student)).map(|student| student_id(student)).collect()
}

pub(super) fn insert_hold(
    tx: &mut Tx<'_>,
    tenant: &Tenant,
    id: StudentId,
    sealed: &[u8],
    by: &str,
) -> Result<()> {
    diesel::insert_into(holds::table)
        .values((
            holds::id.eq(Uuid::now_v7().to_string()),
            holds::student_id.eq(id.to_string()),
            holds::district_id.eq(tenant.district.to_string()),
            holds::sealed.eq(sealed),
            holds::placed_by.eq(by),
            holds::placed_at.eq(to_sql(tx.now)),
        ))
        .execute(tx.connection)?;
    Ok(())
}

pub(super) fn lift_holds(tx: &mut Tx<'_>, tenant: &Tenant, id: StudentId, by: &str) -> Result<usize> {
    let standing = holds::table
        .filter(holds::district_id.eq(tenant.district.to_string()))
        .filter(holds::student_id.eq(id.to_string()))
        .filter(holds::lifted_at.is_null());
    let lifted = (holds::lifted_by.eq(Some(by)), holds::lifted_at.eq(Some(to_sql(tx.now))));
    Ok(diesel::update(standing).set(lifted).execute(tx.connection)?)
}

pub(super) fn holds(connection: &mut DbConnection, tenant: &Tenant) -> Result<Vec<Hold>> {
    let rows: Vec<(String, Vec<u8>, String, NaiveDateTime)> = holds::table
        .filter(holds::district_id.eq(tenant.district.to_string()))
        .filter(holds::lifted_at.is_null())
        .order((holds::placed_at, holds::id))
        .select((holds::student_id, holds::sealed, holds::placed_by, holds::placed_at))
        .load(connection)?;
    let read = |(student, sealed, placed_by, placed_at): (String, Vec<u8>, String, NaiveDateTime)| {
        Ok(Hold { student: student_id(&student)?, sealed, placed_by, placed_at: from_sql(placed_at) })
    };
    rows.into_iter().map(read).collect()
}
