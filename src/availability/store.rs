//! Where claims are kept.

use std::collections::HashMap;

use diesel::prelude::*;
use jiff::{SignedDuration, Timestamp};

use super::model::{Claim, ClaimMethod};
use crate::directory::parse_id;
use crate::error::{Error, Result};
use crate::store::schema::{capacity_pools, claims};
use crate::store::{DbConnection, among, date_from_sql, date_to_sql, from_sql, on_either, to_sql};
use crate::types::{CapacityPoolId, ClaimId};

/// A claim as it stands in its table.
#[derive(Queryable, Selectable)]
#[diesel(table_name = claims)]
pub(super) struct Row {
    id: String,
    capacity_pool_id: String,
    status: String,
    open_slots: Option<i32>,
    waiting: Option<i32>,
    starts_last_28_days: Option<i32>,
    next_available_date: Option<chrono::NaiveDate>,
    notes: Option<String>,
    reported_at: chrono::NaiveDateTime,
    reported_by: String,
    method: String,
    valid_until: chrono::NaiveDateTime,
}

pub(super) fn read(row: Row) -> Result<Claim> {
    let Row {
        id,
        capacity_pool_id,
        status,
        open_slots,
        waiting,
        starts_last_28_days,
        next_available_date,
        notes,
        reported_at,
        reported_by,
        method,
        valid_until,
    } = row;
    let damaged =
        |what: &str| Error::internal(format!("reading the claim {id}"), format!("its {what} is damaged"));
    let count = |value: Option<i32>| value.map(u32::try_from).transpose();
    Ok(Claim {
        id: parse_id(&id)?,
        capacity_pool_id: parse_id(&capacity_pool_id)?,
        status: status.parse().map_err(|_| damaged("status"))?,
        open_slots: count(open_slots).map_err(|_| damaged("number of open slots"))?,
        waiting: count(waiting).map_err(|_| damaged("number of those waiting"))?,
        starts_last_28_days: count(starts_last_28_days).map_err(|_| damaged("number of starts"))?,
        next_available_date: next_available_date.and_then(date_from_sql),
        notes,
        reported_at: from_sql(reported_at),
        reported_by,
        method: ClaimMethod::read(&method).ok_or_else(|| damaged("method"))?,
        valid_until: from_sql(valid_until),
    })
}

/// A claim to be written.
#[derive(Insertable)]
#[diesel(table_name = claims, treat_none_as_null = true)]
struct NewRow<'a> {
    id: String,
    capacity_pool_id: String,
    status: &'a str,
    open_slots: Option<i32>,
    waiting: Option<i32>,
    starts_last_28_days: Option<i32>,
    next_available_date: Option<chrono::NaiveDate>,
    notes: Option<&'a str>,
    reported_at: chrono::NaiveDateTime,
    reported_by: &'a str,
    method: &'a str,
    valid_until: chrono::NaiveDateTime,
    recorded_at: chrono::NaiveDateTime,
}

/// Claims of one statement: SQLite takes 32,766 values.
const INSERTED_AT_ONCE: usize = 500;

/// Writes claims.
pub(super) fn insert(connection: &mut DbConnection, claims: &[Claim], now: Timestamp) -> Result<()> {
    let count = |value: Option<u32>| value.map(|value| i32::try_from(value).unwrap_or(i32::MAX));
    for chunk in claims.chunks(INSERTED_AT_ONCE) {
        let rows: Vec<NewRow<'_>> = chunk
            .iter()
            .map(|claim| NewRow {
                id: claim.id.to_string(),
                capacity_pool_id: claim.capacity_pool_id.to_string(),
                status: claim.status.as_str(),
                open_slots: count(claim.open_slots),
                waiting: count(claim.waiting),
                starts_last_28_days: count(claim.starts_last_28_days),
                next_available_date: claim.next_available_date.map(date_to_sql),
                notes: claim.notes.as_deref(),
                reported_at: to_sql(claim.reported_at),
                reported_by: &claim.reported_by,
                method: claim.method.as_str(),
                valid_until: to_sql(claim.valid_until),
                recorded_at: to_sql(now),
            })
            .collect();
        on_either!(connection, connection => diesel::insert_into(claims::table).values(&rows).execute(connection))?;
    }
    Ok(())
}

/// Makes `claim` the one that its pool's capacity is read from, in the place of `before`. The row that this changes is
/// the one that a [hold](super::holds) takes first, so that it is placed before or after.
///
/// # Errors
/// [`Error::Contended`] if another claim has taken that place meanwhile.
pub(super) fn make_current(
    connection: &mut DbConnection,
    claim: &Claim,
    before: Option<ClaimId>,
) -> Result<()> {
    let pool = capacity_pools::table.filter(capacity_pools::id.eq(claim.capacity_pool_id.to_string()));
    let current = (
        capacity_pools::current_claim_id.eq(claim.id.to_string()),
        capacity_pools::current_valid_until.eq(to_sql(claim.valid_until)),
    );
    let changed = match before {
        Some(before) => diesel::update(pool.filter(capacity_pools::current_claim_id.eq(before.to_string())))
            .set(current)
            .execute(connection)?,
        None => diesel::update(pool.filter(capacity_pools::current_claim_id.is_null()))
            .set(current)
            .execute(connection)?,
    };
    if changed == 1 { Ok(()) } else { Err(Error::Contended) }
}

/// The newest claim of each of these pools that has one, lapsed or not.
pub(crate) fn current(connection: &mut DbConnection, pools: &[CapacityPoolId]) -> Result<Vec<Claim>> {
    let mut found = Vec::new();
    for chunk in pools.chunks(500) {
        let pools: Vec<String> = chunk.iter().map(ToString::to_string).collect();
        let newest = claims::table
            .inner_join(capacity_pools::table.on(capacity_pools::current_claim_id.eq(claims::id.nullable())))
            .select(Row::as_select());
        let rows = among!(newest, capacity_pools::id, pools.as_slice()).load(connection)?;
        for row in rows {
            found.push(read(row)?);
        }
    }
    Ok(found)
}

/// When and how long each of these pools' lists was said to be, from `latest` to `earliest` before what these claims
/// say of it.
pub(super) fn lists_before(
    connection: &mut DbConnection,
    claims: &[&Claim],
    latest: SignedDuration,
    earliest: SignedDuration,
) -> Result<HashMap<CapacityPoolId, Vec<(Timestamp, u32)>>> {
    let mut found: HashMap<CapacityPoolId, Vec<(Timestamp, u32)>> = HashMap::new();
    for chunk in claims.chunks(500) {
        let said: HashMap<String, Timestamp> =
            chunk.iter().map(|claim| (claim.capacity_pool_id.to_string(), claim.reported_at)).collect();
        let (Some(first), Some(last)) = (said.values().min(), said.values().max()) else { continue };
        let rows: Vec<(String, chrono::NaiveDateTime, Option<i32>)> = claims::table
            .filter(claims::capacity_pool_id.eq_any(said.keys()))
            .filter(claims::reported_at.between(to_sql(*first - earliest), to_sql(*last - latest)))
            .filter(claims::waiting.is_not_null())
            .select((claims::capacity_pool_id, claims::reported_at, claims::waiting))
            .load(connection)?;
        for (pool, at, waiting) in rows {
            let at = from_sql(at);
            let before = said.get(&pool).map(|said| said.duration_since(at));
            if let Some(waiting) = waiting.and_then(|waiting| u32::try_from(waiting).ok())
                && before.is_some_and(|before| (latest..=earliest).contains(&before))
            {
                found.entry(parse_id(&pool)?).or_default().push((at, waiting));
            }
        }
    }
    Ok(found)
}

/// The claim with this id.
pub(super) fn find(connection: &mut DbConnection, id: ClaimId) -> Result<Option<Claim>> {
    let row =
        claims::table.find(id.to_string()).select(Row::as_select()).get_result(connection).optional()?;
    row.map(read).transpose()
}

impl ClaimMethod {
    const ALL: [Self; 2] = [Self::Agency, Self::CoordinatorCall];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Agency => "agency",
            Self::CoordinatorCall => "coordinator_call",
        }
    }

    fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }
}
