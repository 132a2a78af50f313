//! Queries of the chain: the keeper's, across districts.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::{Batch, StoredEvent};
use crate::error::{Error, Result};
use crate::store::schema::{
    audit_batch_events as of_batches, audit_batches as batches, audit_events as events,
    audit_unsealed as unsealed,
};
use crate::store::{DbConnection, Tx, from_sql, on_either, to_sql};

/// Rows in one statement: SQLite takes so many values and not many more.
const CHUNK: usize = 100;

pub(super) fn head(connection: &mut DbConnection) -> Result<Option<Batch>> {
    let row: Option<BatchRow> = batches::table.order(batches::number.desc()).first(connection).optional()?;
    Ok(row.map(batch))
}

/// Events that no batch holds, in order of their numbers.
pub(super) fn waiting(connection: &mut DbConnection, limit: i64) -> Result<Vec<StoredEvent>> {
    let rows: Vec<EventRow> = unsealed::table
        .inner_join(events::table.on(events::seq.eq(unsealed::seq)))
        .left_join(of_batches::table.on(of_batches::seq.eq(unsealed::seq)))
        .filter(of_batches::seq.nullable().is_null())
        .order(unsealed::seq)
        .limit(limit)
        .select(EVENT)
        .load(connection)?;
    Ok(rows.into_iter().map(event).collect())
}

/// Writes a batch and what it holds, which waits no more.
///
/// # Errors
/// [`Error::Contended`] if another node has just made the batch of this number.
pub(super) fn insert_batch(tx: &mut Tx<'_>, batch: &Batch, numbers: &[i64]) -> Result<()> {
    diesel::insert_into(batches::table)
        .values((
            batches::number.eq(batch.number),
            batches::events.eq(batch.events),
            batches::digest.eq(&batch.digest),
            batches::sealed_at.eq(to_sql(batch.sealed_at)),
        ))
        .execute(tx.connection)
        .map_err(|error| match Error::from(error) {
            Error::Conflict(_) => Error::Contended,
            other => other,
        })?;
    for chunk in numbers.chunks(CHUNK) {
        let rows: Vec<_> =
            chunk.iter().map(|seq| (of_batches::seq.eq(*seq), of_batches::batch.eq(batch.number))).collect();
        on_either!(&mut *tx.connection, connection => diesel::insert_into(of_batches::table)
            .values(&rows)
            .execute(connection))?;
        diesel::delete(unsealed::table.filter(unsealed::seq.eq_any(chunk.to_vec())))
            .execute(tx.connection)?;
    }
    Ok(())
}

pub(in crate::privacy::audit) fn batches_after(
    connection: &mut DbConnection,
    number: i64,
    limit: i64,
) -> Result<Vec<Batch>> {
    let rows: Vec<BatchRow> = batches::table
        .filter(batches::number.gt(number))
        .order(batches::number)
        .limit(limit)
        .load(connection)?;
    Ok(rows.into_iter().map(batch).collect())
}

/// The events of a batch that are there, in order of their numbers.
pub(in crate::privacy::audit) fn events_of(
    connection: &mut DbConnection,
    number: i64,
) -> Result<Vec<StoredEvent>> {
    let rows: Vec<EventRow> = of_batches::table
        .inner_join(events::table.on(events::seq.eq(of_batches::seq)))
        .filter(of_batches::batch.eq(number))
        .order(of_batches::seq)
        .select(EVENT)
        .load(connection)?;
    Ok(rows.into_iter().map(event).collect())
}

type BatchRow = (i64, i64, Vec<u8>, NaiveDateTime);

fn batch((number, events, digest, sealed_at): BatchRow) -> Batch {
    Batch { number, events, digest, sealed_at: from_sql(sealed_at) }
}

type EventColumns = (
    events::seq,
    events::at,
    events::district_id,
    events::principal_id,
    events::principal_name,
    events::role,
    events::action,
    events::purpose,
    events::resource,
    events::resource_id,
    events::student_id,
    events::outcome,
    events::request_id,
    events::digest,
);

/// Every column of an event.
const EVENT: EventColumns = (
    events::seq,
    events::at,
    events::district_id,
    events::principal_id,
    events::principal_name,
    events::role,
    events::action,
    events::purpose,
    events::resource,
    events::resource_id,
    events::student_id,
    events::outcome,
    events::request_id,
    events::digest,
);

type EventRow = (
    i64,
    NaiveDateTime,
    Option<String>,
    String,
    String,
    String,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    String,
    Option<String>,
    Option<Vec<u8>>,
);

fn event(row: EventRow) -> StoredEvent {
    let (
        seq,
        at,
        district_id,
        principal_id,
        principal_name,
        role,
        action,
        purpose,
        resource,
        resource_id,
        student_id,
        outcome,
        request_id,
        digest,
    ) = row;
    StoredEvent {
        seq,
        at: from_sql(at),
        district_id,
        principal_id,
        principal_name,
        role,
        action,
        purpose,
        resource,
        resource_id,
        student_id,
        outcome,
        request_id,
        digest,
    }
}
