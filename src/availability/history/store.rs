//! Every claim of a pool, as it is kept.

use diesel::prelude::*;
use jiff::Timestamp;

use super::HistoryPage;
use crate::availability::model::Claim;
use crate::availability::store::{Row, read};
use crate::directory::{COUNTED_UP_TO, parse_id};
use crate::error::Result;
use crate::store::schema::{capacity_pools, claims};
use crate::store::{DbConnection, from_sql, to_sql};
use crate::types::{CapacityPoolId, ClaimId};

/// The claim from which a pool's capacity is read.
pub(super) fn current(connection: &mut DbConnection, pool: CapacityPoolId) -> Result<Option<ClaimId>> {
    let current: Option<String> = capacity_pools::table
        .find(pool.to_string())
        .select(capacity_pools::current_claim_id)
        .first(connection)?;
    current.as_deref().map(parse_id).transpose()
}

/// One page of claims, each with when it came in, and how many there are.
pub(super) fn page(
    connection: &mut DbConnection,
    pool: CapacityPoolId,
    page: &HistoryPage,
) -> Result<(Vec<(Claim, Timestamp)>, i64)> {
    macro_rules! filtered {
        ($query:expr) => {{
            let mut query = $query.filter(claims::capacity_pool_id.eq(pool.to_string()));
            if let Some(from) = page.from {
                query = query.filter(claims::reported_at.ge(to_sql(from)));
            }
            if let Some(until) = page.until {
                query = query.filter(claims::reported_at.lt(to_sql(until)));
            }
            query
        }};
    }
    let mut query = filtered!(
        claims::table
            .select((Row::as_select(), claims::recorded_at))
            .order((claims::reported_at.desc(), claims::id.desc()))
            .limit(page.limit)
            .into_boxed()
    );
    if let Some((said, id)) = page.after {
        // The first condition follows from the second; it is what the index is asked by.
        query = query.filter(claims::reported_at.le(to_sql(said))).filter(
            claims::reported_at
                .lt(to_sql(said))
                .or(claims::reported_at.eq(to_sql(said)).and(claims::id.lt(id.to_string()))),
        );
    }
    let rows: Vec<(Row, chrono::NaiveDateTime)> = query.load(connection)?;
    let counted: Vec<String> =
        filtered!(claims::table.select(claims::id).limit(COUNTED_UP_TO + 1).into_boxed()).load(connection)?;
    let said = rows.into_iter().map(|(row, recorded_at)| Ok((read(row)?, from_sql(recorded_at))));
    Ok((said.collect::<Result<_>>()?, i64::try_from(counted.len()).unwrap_or(i64::MAX)))
}
