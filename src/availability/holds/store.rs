//! Where holds are kept.

use std::collections::{BTreeSet, HashMap};

use diesel::dsl::count_star;
use diesel::prelude::*;
use jiff::Timestamp;
use uuid::Uuid;

use crate::availability::model::Claim;
use crate::directory::parse_id;
use crate::error::Result;
use crate::store::schema::{capacity_pools, slot_holds};
use crate::store::{DbConnection, on_either, to_sql};
use crate::types::{CapacityPoolId, ClaimId};

/// Takes the rows of these pools, in the order of ids, and gives their versions.
pub(super) fn lock(
    connection: &mut DbConnection,
    pools: &[CapacityPoolId],
) -> Result<HashMap<CapacityPoolId, i64>> {
    let pools: BTreeSet<String> = pools.iter().map(ToString::to_string).collect();
    let pools: Vec<String> = pools.into_iter().collect();
    let mut versions = HashMap::new();
    for chunk in pools.chunks(500) {
        let rows = capacity_pools::table
            .filter(capacity_pools::id.eq_any(chunk))
            .order(capacity_pools::id)
            .select((capacity_pools::id, capacity_pools::version));
        let rows: Vec<(String, i64)> = match connection {
            // Who writes has all of SQLite.
            DbConnection::Sqlite(sqlite) => rows.load(sqlite)?,
            DbConnection::Postgres(postgres) => rows.for_no_key_update().load(postgres)?,
        };
        for (pool, version) in rows {
            versions.insert(parse_id(&pool)?, version);
        }
    }
    Ok(versions)
}

/// The version of a pool.
pub(super) fn version(connection: &mut DbConnection, pool: CapacityPoolId) -> Result<i64> {
    let pool = capacity_pools::table.find(pool.to_string());
    Ok(pool.select(capacity_pools::version).get_result(connection)?)
}

/// The pool in which `holder` holds an opening.
pub(super) fn held_by(connection: &mut DbConnection, holder: Uuid) -> Result<Option<CapacityPoolId>> {
    let pool: Option<String> = slot_holds::table
        .find(holder.to_string())
        .filter(slot_holds::released_at.is_null())
        .select(slot_holds::capacity_pool_id)
        .get_result(connection)
        .optional()?;
    pool.as_deref().map(parse_id).transpose()
}

/// How many openings of each of these claims are promised.
pub(super) fn promised(connection: &mut DbConnection, claims: &[ClaimId]) -> Result<HashMap<ClaimId, u32>> {
    let mut promised = HashMap::new();
    for chunk in claims.chunks(500) {
        let chunk: Vec<String> = chunk.iter().map(ToString::to_string).collect();
        if let [only] = chunk.as_slice() {
            let count: i64 = slot_holds::table
                .filter(slot_holds::claim_id.eq(only))
                .filter(slot_holds::released_at.is_null())
                .count()
                .get_result(connection)?;
            if count > 0 {
                promised.insert(parse_id(only)?, u32::try_from(count).unwrap_or(u32::MAX));
            }
            continue;
        }
        let counted: Vec<(String, i64)> = slot_holds::table
            .filter(slot_holds::claim_id.eq_any(&chunk))
            .filter(slot_holds::released_at.is_null())
            .group_by(slot_holds::claim_id)
            .select((slot_holds::claim_id, count_star()))
            .load(connection)?;
        for (claim, count) in counted {
            promised.insert(parse_id(&claim)?, u32::try_from(count).unwrap_or(u32::MAX));
        }
    }
    Ok(promised)
}

/// A hold that is placed; what its holder held before, it has released.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = slot_holds, treat_none_as_null = true)]
struct Row {
    id: String,
    capacity_pool_id: String,
    claim_id: String,
    placed_at: chrono::NaiveDateTime,
    released_at: Option<chrono::NaiveDateTime>,
}

/// Writes that `holder` holds an opening of a claim.
pub(super) fn insert(
    connection: &mut DbConnection,
    holder: Uuid,
    claim: &Claim,
    now: Timestamp,
) -> Result<()> {
    let row = Row {
        id: holder.to_string(),
        capacity_pool_id: claim.capacity_pool_id.to_string(),
        claim_id: claim.id.to_string(),
        placed_at: to_sql(now),
        released_at: None,
    };
    on_either!(connection, connection => diesel::insert_into(slot_holds::table)
        .values(&row)
        .on_conflict(slot_holds::id)
        .do_update()
        .set(&row)
        .execute(connection))?;
    Ok(())
}

/// Writes that `holder` has let go of what it held, if anything, and gives its pool.
pub(super) fn release(
    connection: &mut DbConnection,
    holder: Uuid,
    now: Timestamp,
) -> Result<Option<CapacityPoolId>> {
    let held = slot_holds::table.find(holder.to_string()).filter(slot_holds::released_at.is_null());
    let pool: Option<String> = diesel::update(held)
        .set(slot_holds::released_at.eq(to_sql(now)))
        .returning(slot_holds::capacity_pool_id)
        .get_result(connection)
        .optional()?;
    pool.as_deref().map(parse_id).transpose()
}
