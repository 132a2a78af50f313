//! What is known of pools that changed, for those who watch them.

use std::collections::HashMap;

use jiff::Timestamp;

use super::evidence::{Evidence, all_evidence};
use super::model::Claim;
use super::stale::family;
use super::store;
use crate::directory::{CapacityPoolFacts, find_all};
use crate::error::Result;
use crate::store::DbConnection;
use crate::types::{CapacityPoolId, OrganizationId};

/// Which pools somebody watches: all, unless it says otherwise.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// Only this organization's, and of those that are merged with it.
    pub organization: Option<OrganizationId>,
    /// Only these, if there are any.
    pub pools: Vec<CapacityPoolId>,
}

/// What is known of a pool.
#[derive(Clone, Debug)]
pub struct Known {
    /// The pool.
    pub pool: CapacityPoolId,
    /// Its newest claim, lapsed or not.
    pub claim: Option<Claim>,
    /// What is known beside it.
    pub evidence: Evidence,
}

/// What is known at `now` of each pool of `changed` that is watched, in this order.
///
/// # Errors
/// If the database fails.
pub fn known_of(
    connection: &mut DbConnection,
    changed: &[CapacityPoolId],
    watched: &Watched,
    now: Timestamp,
) -> Result<Vec<Known>> {
    let is_named = |pool: &&CapacityPoolId| watched.pools.is_empty() || watched.pools.contains(pool);
    let mut pools: Vec<CapacityPoolId> = changed.iter().filter(is_named).copied().collect();
    if let Some(organization) = watched.organization {
        let family = family(connection, organization)?;
        let owners: HashMap<_, _> = find_all::<CapacityPoolFacts>(connection, &pools)?
            .into_iter()
            .map(|pool| (pool.id, pool.facts.organization_id))
            .collect();
        pools.retain(|pool| owners.get(pool).is_some_and(|owner| family.contains(owner)));
    }
    let mut claims: HashMap<_, _> = store::current(connection, &pools)?
        .into_iter()
        .map(|claim| (claim.capacity_pool_id, claim))
        .collect();
    let mut beside = all_evidence(connection, &pools, claims.values(), now)?;
    let known = |pool| Known {
        pool,
        claim: claims.remove(&pool),
        evidence: beside.remove(&pool).unwrap_or_default(),
    };
    Ok(pools.into_iter().map(known).collect())
}
