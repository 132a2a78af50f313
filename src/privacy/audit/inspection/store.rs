//! Queries of the inspection: the keeper's, across districts.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::dsl::{count_star, max, min};
use diesel::prelude::*;
use diesel::sql_types::Bool;
use jiff::Timestamp;

use crate::error::Result;
use crate::privacy::audit::{DisclosureColumns, Outcome};
use crate::store::schema::{
    audit_batch_events as of_batches, audit_batches as batches, audit_events as events,
    audit_unsealed as unsealed, disclosures,
};
use crate::store::{DbConnection, from_sql, to_sql};

/// How many batches and how many disclosures there are.
pub(super) fn extent(connection: &mut DbConnection) -> Result<(u64, u64)> {
    let of_chain: i64 = batches::table.count().get_result(connection)?;
    let released: i64 = disclosures::table.count().get_result(connection)?;
    Ok((of_chain.unsigned_abs(), released.unsigned_abs()))
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
