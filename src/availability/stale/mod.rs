//! Pools of which nobody knows any more: what was said has lapsed or is about to, or nothing was ever said. Found at
//! the time of reading; nothing has to run for a claim to lapse.

mod store;

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::model::Claim;
use crate::access::{Principal, Role};
use crate::directory::{
    COUNTED_UP_TO, CapacityPoolFacts, OrganizationFacts, families, find_all, partners_of, survivors,
};
use crate::error::Result;
use crate::store::DbConnection;
use crate::types::{CapacityPoolId, DistrictId, OrganizationId};

/// Which pools.
#[derive(Clone, Debug)]
pub struct StalePage {
    /// Only this organization's, and of those that are merged with it; else those of the caller's own organization,
    /// or of every one for those who are tied to none.
    pub organization: Option<OrganizationId>,
    /// Only of those who have an agreement with this district that is in force on this day.
    pub partners_of: Option<(DistrictId, Date)>,
    /// Those too whose claim lapses up to this instant.
    pub until: Timestamp,
    /// Only those behind this one.
    pub after: Option<SilentSince>,
    /// How many.
    pub limit: usize,
}

/// A pool's place in the list: since when it is silent, never having spoken before all others, and its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SilentSince {
    /// None: it never spoke.
    pub valid_until: Option<Timestamp>,
    /// The pool.
    pub pool: CapacityPoolId,
}

/// A pool that is silent or about to be.
#[derive(Clone, Debug)]
pub struct StalePool {
    /// Its place in the list.
    pub place: SilentSince,
    /// Its name.
    pub name: String,
    /// Whose it is: of an organization that is merged, its survivor.
    pub organization: OrganizationId,
    /// How that one is called.
    pub organization_name: String,
    /// What was said last.
    pub last: Option<Claim>,
}

/// The pools that are silent or about to be, the longest silent first, and how many there are.
///
/// # Errors
/// If the database fails.
pub fn stale(
    connection: &mut DbConnection,
    principal: &Principal,
    page: &StalePage,
) -> Result<(Vec<StalePool>, i64)> {
    let own = principal.tie.organization().filter(|_| principal.role == Role::AgencyStaff);
    let mut organizations = match page.organization.or(own) {
        None => None,
        Some(asked) => Some(family(connection, asked)?),
    };
    if let Some((district, day)) = page.partners_of {
        let partners = partners_of(connection, district, day)?;
        let mut partners = families(connection, &partners)?;
        partners.retain(|partner| organizations.as_ref().is_none_or(|asked| asked.contains(partner)));
        organizations = Some(partners);
    }
    let organizations: Option<Vec<String>> =
        organizations.map(|organizations| organizations.iter().map(ToString::to_string).collect());
    let organizations = organizations.as_deref();
    let wanted = i64::try_from(page.limit).unwrap_or(i64::MAX);
    let mut places = Vec::new();
    // Two looks, because databases do not agree on where NULL is sorted; each goes along the index.
    let after_never = page.after.filter(|after| after.valid_until.is_none()).map(|after| after.pool);
    if page.after.is_none_or(|after| after.valid_until.is_none()) {
        places.extend(store::never(connection, organizations, after_never, wanted)?);
    }
    if places.len() < page.limit {
        let after = page.after.and_then(|after| Some((after.valid_until?, after.pool)));
        let room = i64::try_from(page.limit - places.len()).unwrap_or(i64::MAX);
        places.extend(store::lapsing(connection, organizations, page.until, after, room)?);
    }
    let mut count = store::never(connection, organizations, None, COUNTED_UP_TO + 1)?.len();
    let most = usize::try_from(COUNTED_UP_TO + 1).unwrap_or(usize::MAX);
    if count < most {
        let room = i64::try_from(most - count).unwrap_or(i64::MAX);
        count += store::lapsing(connection, organizations, page.until, None, room)?.len();
    }
    Ok((shown(connection, places)?, i64::try_from(count).unwrap_or(i64::MAX)))
}

/// This organization and all that are merged with it, into whichever of them.
pub(super) fn family(
    connection: &mut DbConnection,
    organization: OrganizationId,
) -> Result<Vec<OrganizationId>> {
    let survivors: Vec<_> = survivors(connection, &[organization])?.into_values().collect();
    families(connection, &survivors)
}

/// The pools at these places, with what there is to show of them.
fn shown(connection: &mut DbConnection, places: Vec<SilentSince>) -> Result<Vec<StalePool>> {
    let ids: Vec<CapacityPoolId> = places.iter().map(|place| place.pool).collect();
    let pools = find_all::<CapacityPoolFacts>(connection, &ids)?;
    let owners: Vec<OrganizationId> = pools.iter().map(|pool| pool.facts.organization_id).collect();
    let survivors = survivors(connection, &owners)?;
    let organizations: Vec<OrganizationId> = survivors.values().copied().collect();
    let names: HashMap<_, _> = find_all::<OrganizationFacts>(connection, &organizations)?
        .into_iter()
        .map(|organization| (organization.id, organization.facts.name))
        .collect();
    let mut said: HashMap<_, _> = super::current_claims(connection, &ids)?
        .into_iter()
        .map(|claim| (claim.capacity_pool_id, claim))
        .collect();
    let mut pools: HashMap<_, _> = pools.into_iter().map(|pool| (pool.id, pool.facts)).collect();
    let shown = places.into_iter().filter_map(|place| {
        let CapacityPoolFacts { organization_id, name, .. } = pools.remove(&place.pool)?;
        let organization = survivors.get(&organization_id).copied().unwrap_or(organization_id);
        let organization_name = names.get(&organization).cloned().unwrap_or_default();
        let last = said.remove(&place.pool);
        Some(StalePool { place, name, organization, organization_name, last })
    });
    Ok(shown.collect())
}
