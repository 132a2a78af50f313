//! Queries across districts: the clock's, and of the line of a pool, which is one for all and names nobody. The state
//! stands in the text of a query, so that the index of those who wait is used.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use jiff::Timestamp;
use uuid::Uuid;

use crate::availability::current_claims;
use crate::availability::holds::effective_open;
use crate::directory::parse_id;
use crate::error::Result;
use crate::referrals::model::Entry;
use crate::referrals::store::{EntryRow, OPEN};
use crate::store::schema::{offers, referrals, wait_list_entries as entries};
use crate::store::{DbConnection, Tenant, to_sql};
use crate::types::{AvailabilityStatus, CapacityPoolId, ClaimId, OfferId, ReferralId, WaitListEntryId};

/// Offers of every district whose time is over, the longest first: for the clock, which sees no more of them.
pub(super) fn overdue(
    connection: &mut DbConnection,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(OfferId, Tenant)>> {
    let rows: Vec<(String, String)> = offers::table
        .filter(offers::due_at.le(to_sql(now)))
        .order((offers::due_at, offers::id))
        .limit(limit)
        .select((offers::id, offers::district_id))
        .load(connection)?;
    rows.into_iter().map(with_tenant).collect()
}

fn with_tenant<Id: From<Uuid>>((id, district): (String, String)) -> Result<(Id, Tenant)> {
    Ok((parse_id(&id)?, Tenant { district: parse_id(&district)?, schools: Vec::new() }))
}

/// Referrals of every district that are to be looked at again, the longest first.
pub(super) fn to_look_at(
    connection: &mut DbConnection,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(ReferralId, Tenant)>> {
    let rows: Vec<(String, String)> = referrals::table
        .filter(referrals::look_at.le(to_sql(now)))
        .order((referrals::look_at, referrals::id))
        .limit(limit)
        .select((referrals::id, referrals::district_id))
        .load(connection)?;
    rows.into_iter().map(with_tenant).collect()
}

/// Who waits for a pool, of every district, in the order in which slots are offered to them.
pub(in crate::referrals) fn line(connection: &mut DbConnection, pool: CapacityPoolId) -> Result<Vec<Entry>> {
    let rows = entries::table
        .filter(entries::capacity_pool_id.eq(pool.to_string()))
        .filter(sql::<Bool>("wait_list_entries.state = 'waiting'"))
        .order((entries::priority, entries::joined_at, entries::id))
        .select(EntryRow::as_select())
        .load(connection)?;
    rows.into_iter().map(EntryRow::read).collect()
}

/// A place on a list.
pub(in crate::referrals) fn entry(
    connection: &mut DbConnection,
    id: WaitListEntryId,
) -> Result<Option<Entry>> {
    let row = entries::table
        .find(id.to_string())
        .select(EntryRow::as_select())
        .get_result(connection)
        .optional()?;
    row.map(EntryRow::read).transpose()
}

/// The pools that somebody waits for.
pub(super) fn pools_waited_for(connection: &mut DbConnection) -> Result<Vec<CapacityPoolId>> {
    let pools: Vec<String> = entries::table
        .filter(sql::<Bool>("wait_list_entries.state = 'waiting'"))
        .select(entries::capacity_pool_id)
        .distinct()
        .load(connection)?;
    pools.iter().map(|pool| parse_id(pool)).collect()
}

/// Whether a slot of a pool is free for those who wait, and the claim that says so: one that is counted and not
/// promised; where nobody counts, one at a time. For the clock, which sees the offers of every district.
pub(super) fn room(
    connection: &mut DbConnection,
    pool: CapacityPoolId,
    now: Timestamp,
) -> Result<Option<ClaimId>> {
    let claim = current_claims(connection, &[pool])?.pop();
    let claim = claim.filter(|claim| claim.status_at(now) == AvailabilityStatus::Capacity);
    let Some(claim) = claim else { return Ok(None) };
    let has_room = if claim.open_slots.is_some() {
        effective_open(connection, &[pool], now)?.get(&pool).is_some_and(|open| *open > 0)
    } else {
        let open: i64 = offers::table
            .filter(offers::capacity_pool_id.eq(pool.to_string()))
            .filter(offers::state.eq_any(OPEN))
            .count()
            .get_result(connection)?;
        open == 0
    };
    Ok(has_room.then_some(claim.id))
}
