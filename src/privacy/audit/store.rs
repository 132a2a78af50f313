//! Queries of the audit.

use std::fmt::Display;
use std::str::FromStr;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use super::{Act, Errand, Event, EventPage};
use crate::error::{Error, Result};
use crate::store::schema::audit_events as events;
use crate::store::{DbConnection, Tenant, Tx, from_sql, on_either, to_sql};
use crate::types::StudentId;

/// Rows in one statement: SQLite takes so many values and not many more.
const CHUNK: usize = 100;

pub(super) fn insert(tx: &mut Tx<'_>, errand: &Errand, acts: &[Act<'_>]) -> Result<()> {
    let district = errand.district().map(|district| district.to_string());
    let principal = errand.principal.id.to_string();
    macro_rules! row {
        ($act:expr) => {{
            let act = $act;
            (
                events::at.eq(to_sql(tx.now)),
                events::district_id.eq(&district),
                events::principal_id.eq(&principal),
                events::principal_name.eq(&errand.principal.name),
                events::role.eq(errand.principal.role.as_str()),
                events::action.eq(act.action.as_str()),
                events::purpose.eq(errand.purpose.as_str()),
                events::resource.eq(act.resource),
                events::resource_id.eq(act.resource_id.map(|id| id.to_string())),
                events::student_id.eq(act.student.map(|id| id.to_string())),
                events::outcome.eq(act.outcome.as_str()),
                events::request_id.eq(&errand.request),
                events::digest.eq(&act.digest),
            )
        }};
    }
    // Most often it is one, of which SQLite keeps the statement.
    if let [only] = acts {
        diesel::insert_into(events::table).values(row!(only)).execute(tx.connection)?;
        return Ok(());
    }
    for chunk in acts.chunks(CHUNK) {
        let rows: Vec<_> = chunk.iter().map(|act| row!(act)).collect();
        on_either!(&mut *tx.connection, connection => diesel::insert_into(events::table)
            .values(&rows)
            .execute(connection))?;
    }
    Ok(())
}

/// Events of a tenant's district, the latest first, and how many there are, counted up to `counted`.
pub(super) fn list(
    connection: &mut DbConnection,
    tenant: &Tenant,
    page: &EventPage,
    counted: i64,
) -> Result<(Vec<Event>, i64)> {
    let wanted = || {
        let mut wanted =
            events::table.filter(events::district_id.eq(tenant.district.to_string())).into_boxed();
        if let Some(student) = page.student {
            wanted = wanted.filter(events::student_id.eq(student.to_string()));
        }
        if let Some(since) = page.since {
            wanted = wanted.filter(events::at.ge(to_sql(since)));
        }
        wanted
    };
    let mut on_page = wanted();
    if let Some(before) = page.before {
        on_page = on_page.filter(events::seq.lt(before));
    }
    let rows: Vec<Row> = on_page
        .order(events::seq.desc())
        .limit(page.limit)
        .select((
            (events::seq, events::at),
            (events::principal_id, events::principal_name, events::role),
            (events::action, events::purpose, events::resource, events::resource_id, events::student_id),
            (events::outcome, events::request_id),
        ))
        .load(connection)?;
    let numbers: Vec<i64> = wanted().limit(counted + 1).select(events::seq).load(connection)?;
    let found = rows.into_iter().map(event).collect::<Result<_>>()?;
    Ok((found, i64::try_from(numbers.len()).unwrap_or(counted)))
}

type Row = (
    (i64, NaiveDateTime),
    (String, String, String),
    (String, String, String, Option<String>, Option<String>),
    (String, Option<String>),
);

fn event(row: Row) -> Result<Event> {
    let (
        (seq, at),
        (principal_id, principal_name, role),
        (action, purpose, resource, resource_id, student_id),
        (outcome, request_id),
    ) = row;
    Ok(Event {
        seq,
        at: from_sql(at),
        principal_id: read(seq, &principal_id)?,
        principal_name,
        role: read(seq, &role)?,
        action: read(seq, &action)?,
        purpose: read(seq, &purpose)?,
        resource,
        resource_id: resource_id.map(|id| read::<Uuid>(seq, &id)).transpose()?,
        student_id: student_id.map(|id| read::<StudentId>(seq, &id)).transpose()?,
        outcome: read(seq, &outcome)?,
        request_id,
    })
}

fn read<T: FromStr<Err: Display>>(seq: i64, text: &str) -> Result<T> {
    text.parse().map_err(|error: T::Err| {
        Error::internal(format!("reading event {seq} of the audit"), error.to_string())
    })
}
