//! Queries of crisis events. Each takes the tenant: there is no other way to a row.

use std::fmt::Display;
use std::str::FromStr;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::{CrisisEvent, CrisisPage, Deed};
use crate::access::PrincipalId;
use crate::error::{Error, Result};
use crate::store::schema::{crisis_events as events, students};
use crate::store::{DbConnection, Tenant, Tx, from_sql, to_sql};
use crate::types::{CrisisEventId, SchoolId, StudentId};

/// Where a student goes.
pub(super) struct Enrolment {
    pub(super) school: Option<SchoolId>,
}

/// Where a student of the tenant's goes; none if there is no such student.
pub(super) fn enrolment(
    connection: &mut DbConnection,
    tenant: &Tenant,
    student: StudentId,
) -> Result<Option<Enrolment>> {
    let found: Option<Option<String>> = students::table
        .find(student.to_string())
        .filter(students::district_id.eq(tenant.district.to_string()))
        .filter(students::erased_at.is_null())
        .select(students::school_id)
        .get_result(connection)
        .optional()?;
    let Some(school) = found else { return Ok(None) };
    let school = school.map(|school| read::<SchoolId>("student", &school)).transpose()?;
    let is_theirs =
        tenant.schools.is_empty() || school.is_some_and(|school| tenant.schools.contains(&school));
    Ok(is_theirs.then_some(Enrolment { school }))
}

pub(super) fn insert(tx: &mut Tx<'_>, tenant: &Tenant, event: &CrisisEvent) -> Result<()> {
    diesel::insert_into(events::table)
        .values((
            events::id.eq(event.id.to_string()),
            events::district_id.eq(tenant.district.to_string()),
            events::school_id.eq(event.school.map(|school| school.to_string())),
            events::student_id.eq(event.student.map(|student| student.to_string())),
            events::state.eq(&event.state),
            events::version.eq(event.version),
            events::suspected_abuse.eq(event.suspected_abuse),
            events::reported_by.eq(&event.reported.by),
            events::reported_name.eq(&event.reported.name),
            events::reported_at.eq(to_sql(event.reported.at)),
            events::sealed_note.eq(&event.sealed_note),
            // Somebody is to be told at once; whoever does says when the next is.
            events::due_at.eq(to_sql(event.reported.at)),
        ))
        .execute(tx.connection)?;
    Ok(())
}

/// Writes what was done with an event; false if another was faster.
pub(super) fn update(tx: &mut Tx<'_>, tenant: &Tenant, event: &CrisisEvent) -> Result<bool> {
    let (acknowledged, cleared) = (event.acknowledged.as_ref(), event.cleared.as_ref());
    let as_it_was = events::table
        .find(event.id.to_string())
        .filter(events::district_id.eq(tenant.district.to_string()))
        .filter(events::version.eq(event.version));
    let changed = diesel::update(as_it_was)
        .set((
            events::version.eq(event.version + 1),
            events::acknowledged_by.eq(acknowledged.map(|deed| &deed.by)),
            events::acknowledged_name.eq(acknowledged.map(|deed| &deed.name)),
            events::acknowledged_at.eq(acknowledged.map(|deed| to_sql(deed.at))),
            events::cleared_by.eq(cleared.map(|deed| &deed.by)),
            events::cleared_name.eq(cleared.map(|deed| &deed.name)),
            events::cleared_at.eq(cleared.map(|deed| to_sql(deed.at))),
            events::sealed_clearance.eq(&event.sealed_clearance),
            // Nobody more is told of what somebody has taken on.
            events::due_at.eq(None::<NaiveDateTime>),
        ))
        .execute(tx.connection)?;
    Ok(changed == 1)
}

/// The events that a caller may know of: those of the tenant's schools, and what they reported themselves.
macro_rules! known_to {
    ($tenant:expr, $caller:expr) => {{
        let mut known =
            events::table.filter(events::district_id.eq($tenant.district.to_string())).into_boxed();
        if !$tenant.schools.is_empty() {
            let schools: Vec<Option<String>> =
                $tenant.schools.iter().map(|school| Some(school.to_string())).collect();
            known = known.filter(
                events::school_id
                    .eq_any(schools)
                    .assume_not_null()
                    .or(events::reported_by.eq($caller.to_string())),
            );
        }
        known
    }};
}

pub(super) fn find(
    connection: &mut DbConnection,
    tenant: &Tenant,
    caller: PrincipalId,
    id: CrisisEventId,
) -> Result<Option<CrisisEvent>> {
    let row: Option<Row> = known_to!(tenant, caller)
        .filter(events::id.eq(id.to_string()))
        .select(COLUMNS)
        .get_result(connection)
        .optional()?;
    row.map(event).transpose()
}

/// The latest first, one more than the page holds if there are more; and how many there are, counted up to `counted`.
pub(super) fn list(
    connection: &mut DbConnection,
    tenant: &Tenant,
    caller: PrincipalId,
    page: &CrisisPage,
    counted: i64,
) -> Result<(Vec<CrisisEvent>, i64)> {
    let wanted = || {
        let known = known_to!(tenant, caller);
        let known = match page.acknowledged {
            None => known,
            Some(true) => known.filter(events::acknowledged_at.is_not_null()),
            Some(false) => known.filter(events::acknowledged_at.is_null()),
        };
        match page.open {
            None => known,
            Some(true) => known.filter(events::cleared_at.is_null()),
            Some(false) => known.filter(events::cleared_at.is_not_null()),
        }
    };
    let mut on_page = wanted();
    if let Some(before) = page.before {
        on_page = on_page.filter(events::id.lt(before.to_string()));
    }
    let limit = i64::try_from(page.limit).unwrap_or(i64::MAX - 1) + 1;
    let rows: Vec<Row> = on_page.order(events::id.desc()).limit(limit).select(COLUMNS).load(connection)?;
    let ids: Vec<String> = wanted().limit(counted + 1).select(events::id).load(connection)?;
    let found = rows.into_iter().map(event).collect::<Result<_>>()?;
    Ok((found, i64::try_from(ids.len()).unwrap_or(counted)))
}

type Columns = (
    (events::id, events::district_id, events::school_id, events::student_id, events::state),
    (events::version, events::suspected_abuse, events::sealed_note, events::sealed_clearance),
    (events::reported_by, events::reported_name, events::reported_at),
    (events::acknowledged_by, events::acknowledged_name, events::acknowledged_at),
    (events::cleared_by, events::cleared_name, events::cleared_at),
);

const COLUMNS: Columns = (
    (events::id, events::district_id, events::school_id, events::student_id, events::state),
    (events::version, events::suspected_abuse, events::sealed_note, events::sealed_clearance),
    (events::reported_by, events::reported_name, events::reported_at),
    (events::acknowledged_by, events::acknowledged_name, events::acknowledged_at),
    (events::cleared_by, events::cleared_name, events::cleared_at),
);

type MaybeDeed = (Option<String>, Option<String>, Option<NaiveDateTime>);

type Row = (
    (String, String, Option<String>, Option<String>, Option<String>),
    (i64, bool, Option<Vec<u8>>, Option<Vec<u8>>),
    (String, String, NaiveDateTime),
    MaybeDeed,
    MaybeDeed,
);

fn event(row: Row) -> Result<CrisisEvent> {
    let (
        (id, district, school, student, state),
        (version, suspected_abuse, sealed_note, sealed_clearance),
        (reported_by, reported_name, reported_at),
        acknowledged,
        cleared,
    ) = row;
    Ok(CrisisEvent {
        district: read(&id, &district)?,
        school: school.map(|school| read(&id, &school)).transpose()?,
        student: student.map(|student| read(&id, &student)).transpose()?,
        state,
        version,
        suspected_abuse,
        reported: Deed { by: reported_by, name: reported_name, at: from_sql(reported_at) },
        acknowledged: deed(acknowledged),
        cleared: deed(cleared),
        sealed_note,
        sealed_clearance,
        id: read(&id, &id)?,
    })
}

fn deed((by, name, at): MaybeDeed) -> Option<Deed> {
    Some(Deed { by: by?, name: name.unwrap_or_default(), at: from_sql(at?) })
}

fn read<T: FromStr<Err: Display>>(whose: &str, text: &str) -> Result<T> {
    text.parse().map_err(|error: T::Err| {
        Error::internal(format!("reading the crisis event {whose}"), error.to_string())
    })
}
