//! Which pools are silent, and since when.

use diesel::prelude::*;
use jiff::Timestamp;

use super::SilentSince;
use crate::directory::parse_id;
use crate::error::Result;
use crate::store::schema::capacity_pools;
use crate::store::{DbConnection, from_sql, to_sql};
use crate::types::CapacityPoolId;

/// Pools of which nothing was ever said.
pub(super) fn never(
    connection: &mut DbConnection,
    organizations: Option<&[String]>,
    after: Option<CapacityPoolId>,
    limit: i64,
) -> Result<Vec<SilentSince>> {
    let mut query = capacity_pools::table
        .filter(capacity_pools::retired_at.is_null())
        .filter(capacity_pools::current_valid_until.is_null())
        // The first is one and the same for all; with it PostgreSQL knows that the index has them in order.
        .order((capacity_pools::current_valid_until, capacity_pools::id))
        .limit(limit)
        .select((capacity_pools::id, capacity_pools::current_valid_until))
        .into_boxed();
    if let Some(organizations) = organizations {
        query = query.filter(capacity_pools::organization_id.eq_any(organizations));
    }
    if let Some(after) = after {
        query = query.filter(capacity_pools::id.gt(after.to_string()));
    }
    places(query.load(connection)?)
}

/// Pools whose claim has lapsed at this instant.
pub(super) fn lapsing(
    connection: &mut DbConnection,
    organizations: Option<&[String]>,
    until: Timestamp,
    after: Option<(Timestamp, CapacityPoolId)>,
    limit: i64,
) -> Result<Vec<SilentSince>> {
    let mut query = capacity_pools::table
        .filter(capacity_pools::retired_at.is_null())
        .filter(capacity_pools::current_valid_until.le(to_sql(until)))
        .order((capacity_pools::current_valid_until, capacity_pools::id))
        .limit(limit)
        .select((capacity_pools::id, capacity_pools::current_valid_until))
        .into_boxed();
    if let Some(organizations) = organizations {
        query = query.filter(capacity_pools::organization_id.eq_any(organizations));
    }
    if let Some((silent, pool)) = after {
        // The first condition follows from the second; it is what the index is asked by.
        query = query.filter(capacity_pools::current_valid_until.ge(to_sql(silent))).filter(
            capacity_pools::current_valid_until.gt(to_sql(silent)).or(capacity_pools::current_valid_until
                .eq(to_sql(silent))
                .and(capacity_pools::id.gt(pool.to_string()))),
        );
    }
    places(query.load(connection)?)
}

fn places(rows: Vec<(String, Option<chrono::NaiveDateTime>)>) -> Result<Vec<SilentSince>> {
    let place = |(id, until): (String, Option<_>)| {
        Ok(SilentSince { valid_until: until.map(from_sql), pool: parse_id(&id)? })
    };
    rows.into_iter().map(place).collect()
}
