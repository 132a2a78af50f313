//! Queries of the audit.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::dsl::{count_star, max, min};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use jiff::Timestamp;

use super::chain::{Batch, StoredEvent};
use super::digest::DisclosureColumns;
use super::{Act, Errand, Outcome};
use crate::error::{Error, Result};
use crate::store::schema::{
    audit_batch_events as of_batches, audit_batches as batches, audit_events as events,
    audit_unsealed as unsealed, disclosures,
};
use crate::store::{DbConnection, Tx, from_sql, on_either, to_sql};

/// Rows in one statement: SQLite takes so many values and not many more.
const CHUNK: usize = 100;

pub(super) fn insert(tx: &mut Tx<'_>, errand: &Errand, acts: &[Act<'_>]) -> Result<()> {
    let district = errand.district().map(|district| district.to_string());
    let principal = errand.principal.id.to_string();
    for chunk in acts.chunks(CHUNK) {
        let rows: Vec<_> = chunk
            .iter()
            .map(|act| {
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
            })
            .collect();
        on_either!(&mut *tx.connection, connection => diesel::insert_into(events::table)
            .values(&rows)
            .execute(connection))?;
    }
    Ok(())
}

// ---- the chain: the keeper's, across districts ---------------------------------------------------------------

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

// ---- the inspection: the keeper's, across districts ------------------------------------------------------------

/// How many batches and how many disclosures there are.
pub(super) fn extent(connection: &mut DbConnection) -> Result<(u64, u64)> {
    let of_chain: i64 = batches::table.count().get_result(connection)?;
    let released: i64 = disclosures::table.count().get_result(connection)?;
    Ok((of_chain.unsigned_abs(), released.unsigned_abs()))
}

pub(super) fn batches_after(connection: &mut DbConnection, number: i64, limit: i64) -> Result<Vec<Batch>> {
    let rows: Vec<BatchRow> = batches::table
        .filter(batches::number.gt(number))
        .order(batches::number)
        .limit(limit)
        .load(connection)?;
    Ok(rows.into_iter().map(batch).collect())
}

/// The events of a batch that are there, in order of their numbers.
pub(super) fn events_of(connection: &mut DbConnection, number: i64) -> Result<Vec<StoredEvent>> {
    let rows: Vec<EventRow> = of_batches::table
        .inner_join(events::table.on(events::seq.eq(of_batches::seq)))
        .filter(of_batches::batch.eq(number))
        .order(of_batches::seq)
        .select(EVENT)
        .load(connection)?;
    Ok(rows.into_iter().map(event).collect())
}

/// What hangs at no batch.
pub(super) struct LooseEnds {
    /// Events in no batch.
    pub(super) waiting: u64,
    /// Those of them that have waited too long, and the first of these.
    pub(super) unsealed: i64,
    pub(super) first_unsealed: Option<i64>,
    /// Events that were to be sealed and are not there, and the first of these.
    pub(super) gone: i64,
    pub(super) first_gone: Option<i64>,
    /// The last batch that an event names.
    pub(super) last_batch: Option<i64>,
}

pub(super) fn loose_ends(connection: &mut DbConnection, before: Timestamp) -> Result<LooseEnds> {
    let in_no_batch = || {
        events::table
            .left_join(of_batches::table.on(of_batches::seq.eq(events::seq)))
            .filter(of_batches::seq.nullable().is_null())
    };
    let waiting: i64 = in_no_batch().count().get_result(connection)?;
    let (unsealed, first_unsealed) = in_no_batch()
        .filter(events::at.lt(to_sql(before)))
        .select((count_star(), min(events::seq)))
        .first(connection)?;
    let (gone, first_gone) = unsealed::table
        .left_join(events::table.on(events::seq.eq(unsealed::seq)))
        .filter(events::seq.nullable().is_null())
        .select((count_star(), min(unsealed::seq)))
        .first(connection)?;
    let last_batch = of_batches::table.select(max(of_batches::batch)).first(connection)?;
    Ok(LooseEnds { waiting: waiting.unsigned_abs(), unsealed, first_unsealed, gone, first_gone, last_batch })
}

/// Events that record a disclosure.
macro_rules! releases {
    () => {
        events::table
            // Word for word as the index on them has it: SQLite does not know it in a value that is bound.
            .filter(diesel::dsl::sql::<Bool>("audit_events.action = 'release'"))
            .filter(events::resource.eq("disclosure"))
            .filter(events::outcome.eq(Outcome::Done.as_str()))
    };
}

/// A disclosure and the digests that its events recorded.
pub(super) struct Recorded {
    pub(super) row: DisclosureRow,
    pub(super) recorded: Vec<Option<Vec<u8>>>,
}

/// A row of `disclosures`.
pub(super) struct DisclosureRow {
    pub(super) id: String,
    student_id: String,
    district_id: String,
    recipient_organization_id: Option<String>,
    released_at: Timestamp,
    document: String,
    sealed: Option<Vec<u8>>,
}

impl DisclosureRow {
    pub(super) fn columns(&self) -> DisclosureColumns<'_> {
        DisclosureColumns {
            id: &self.id,
            student_id: &self.student_id,
            district_id: &self.district_id,
            recipient_organization_id: self.recipient_organization_id.as_deref(),
            released_at: self.released_at,
            document: &self.document,
            sealed: self.sealed.as_deref(),
        }
    }
}

pub(super) fn disclosures_after(
    connection: &mut DbConnection,
    id: &str,
    limit: i64,
) -> Result<Vec<Recorded>> {
    type Row = (String, String, String, Option<String>, NaiveDateTime, String, Option<Vec<u8>>);
    let rows: Vec<Row> = disclosures::table
        .filter(disclosures::id.gt(id))
        .order(disclosures::id)
        .limit(limit)
        .select((
            disclosures::id,
            disclosures::student_id,
            disclosures::district_id,
            disclosures::recipient_organization_id,
            disclosures::released_at,
            disclosures::document,
            disclosures::sealed,
        ))
        .load(connection)?;
    let ids: Vec<&str> = rows.iter().map(|row| row.0.as_str()).collect();
    let recorded: Vec<(Option<String>, Option<Vec<u8>>)> = releases!()
        .filter(events::resource_id.eq_any(ids))
        .select((events::resource_id, events::digest))
        .load(connection)?;
    let mut by_id: HashMap<String, Vec<Option<Vec<u8>>>> = HashMap::new();
    for (id, digest) in recorded {
        by_id.entry(id.unwrap_or_default()).or_default().push(digest);
    }
    let found = |(id, student_id, district_id, recipient_organization_id, at, document, sealed): Row| {
        let recorded = by_id.remove(&id).unwrap_or_default();
        let released_at = from_sql(at);
        let row = DisclosureRow {
            id,
            student_id,
            district_id,
            recipient_organization_id,
            released_at,
            document,
            sealed,
        };
        Recorded { row, recorded }
    };
    Ok(rows.into_iter().map(found).collect())
}

/// Disclosures that were recorded and are not there: the first hundred.
pub(super) fn disclosures_gone(connection: &mut DbConnection) -> Result<Vec<String>> {
    let ids: Vec<Option<String>> = releases!()
        .left_join(disclosures::table.on(disclosures::id.nullable().eq(events::resource_id)))
        .filter(disclosures::id.nullable().is_null())
        .order(events::seq)
        .limit(100)
        .select(events::resource_id)
        .load(connection)?;
    Ok(ids.into_iter().map(Option::unwrap_or_default).collect())
}
