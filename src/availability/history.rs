//! Every claim of a pool that was ever kept: what they said in March.

use diesel::prelude::*;
use jiff::Timestamp;

use super::model::Claim;
use super::store::{Row, read};
use crate::access::{Principal, Role};
use crate::directory::{COUNTED_UP_TO, CapacityPoolFacts, admit, find};
use crate::error::{Error, Result};
use crate::store::schema::{capacity_pools, claims};
use crate::store::{DbConnection, from_sql, to_sql};
use crate::types::{CapacityPoolId, ClaimId};

/// Which claims of a pool's history.
#[derive(Clone, Copy, Debug, Default)]
pub struct HistoryPage {
    /// Only those said at this instant or later.
    pub from: Option<Timestamp>,
    /// Only those said before this instant.
    pub until: Option<Timestamp>,
    /// Only those behind this one, by when it was said and its id.
    pub after: Option<(Timestamp, ClaimId)>,
    /// How many.
    pub limit: i64,
}

/// A claim as the history has it.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptClaim {
    /// What was said.
    pub claim: Claim,
    /// When it came in.
    pub recorded_at: Timestamp,
    /// Whether it is the one that the pool's capacity is read from, as long as it has not lapsed.
    pub is_current: bool,
    /// Whether the one who asks may know who said it.
    pub names_reporter: bool,
}

/// The claims of a pool, the latest said first, and how many there are. Who said them is for operators; an agency's
/// own staff see who spoke for it. Who called is shown to nobody else: a claim does not say of which district they
/// are.
///
/// # Errors
/// [`Error::NotFound`] if there is no such pool.
pub fn history(
    connection: &mut DbConnection,
    principal: &Principal,
    pool: CapacityPoolId,
    page: &HistoryPage,
) -> Result<(Vec<KeptClaim>, i64)> {
    let record = find::<CapacityPoolFacts>(connection, pool)?;
    let is_operator = principal.role == Role::Operator;
    let is_own = principal.role == Role::AgencyStaff
        && match admit(connection, principal, &record) {
            Ok(()) => true,
            Err(Error::NotFound { .. } | Error::Forbidden(_)) => false,
            Err(error) => return Err(error),
        };
    let current: Option<String> = capacity_pools::table
        .find(pool.to_string())
        .select(capacity_pools::current_claim_id)
        .first(connection)?;
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
    let kept = rows.into_iter().map(|(row, recorded_at)| {
        let claim = read(row)?;
        Ok(KeptClaim {
            is_current: current.as_deref() == Some(claim.id.to_string().as_str()),
            names_reporter: is_operator || (is_own && claim.method == super::ClaimMethod::Agency),
            recorded_at: from_sql(recorded_at),
            claim,
        })
    });
    Ok((kept.collect::<Result<_>>()?, i64::try_from(counted.len()).unwrap_or(i64::MAX)))
}
