//! What the database says of offerings, for the index and for those who show an answer.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use diesel::prelude::*;
use jiff::Timestamp;

use crate::availability::{Claim, Evidence, all_evidence, current_claims};
use crate::directory::{
    Facts, InsurancePlanFacts, LocationFacts, OfferingFacts, OrganizationFacts, Page, PartnershipFacts,
    Placement, PostalPlace, Record, ServiceFacts, families, find_all, list, organizations_ever_of, parse_id,
    partnerships_of, placed, some_centres, survivors,
};
use crate::error::{Error, Result};
use crate::store::schema::{offerings, services};
use crate::store::{Change, DbConnection, Noun};
use crate::types::{CapacityPoolId, OfferingId, OrganizationId, PartnershipId, PostalCode, ServiceStatus};

/// An offering with everything that it refers to.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// The offering.
    pub offering: Record<OfferingFacts>,
    /// Its service.
    pub service: Record<ServiceFacts>,
    /// Who offers it; the survivor, where that organization is merged into another.
    pub organization: Record<OrganizationFacts>,
    /// Its place.
    pub location: Option<Record<LocationFacts>>,
    /// Where that is: as stated, else the centre of its ZIP code, else a point in its town.
    pub placement: Option<Placement>,
    /// The newest claim on its pool, lapsed or not.
    pub claim: Option<Claim>,
    /// What is known of its pool beside the claim.
    pub evidence: Evidence,
    /// The agreements of its organization that are not retired.
    pub partnerships: Arc<[PartnershipFacts]>,
}

impl Listing {
    /// Whether it is there to be found: nothing of it is retired and the service runs.
    pub fn can_be_found(&self) -> bool {
        self.offering.retired_at.is_none()
            && self.service.retired_at.is_none()
            && self.service.facts.status == ServiceStatus::Active
            && self.organization.retired_at.is_none()
            && self.location.as_ref().is_none_or(|location| location.retired_at.is_none())
    }
}

/// Where ZIP codes lie, for many listings at once.
pub type Centres = HashMap<PostalCode, PostalPlace>;

/// The listings of these offerings, in no particular order. `centres` holds all ZIP codes where many are
/// read; none means that those needed are looked up. What was observed counts if it was in the year before `now`.
///
/// # Errors
/// If the database fails or refers to what is not there.
pub fn listings(
    connection: &mut DbConnection,
    ids: &[OfferingId],
    centres: Option<&Centres>,
    now: Timestamp,
) -> Result<Vec<Listing>> {
    let offerings = find_all::<OfferingFacts>(connection, ids)?;
    join(connection, offerings, centres, now)
}

fn join(
    connection: &mut DbConnection,
    offerings: Vec<Record<OfferingFacts>>,
    centres: Option<&Centres>,
    now: Timestamp,
) -> Result<Vec<Listing>> {
    let services =
        by_id::<ServiceFacts>(connection, offerings.iter().map(|offering| offering.facts.service_id))?;
    let named = unique(services.values().map(|service| service.facts.organization_id));
    let survivors = survivors(connection, &named)?;
    let organizations = by_id::<OrganizationFacts>(connection, survivors.values().copied())?;
    let agreements = partnerships_of(connection, &unique(organizations.keys().copied()))?;
    let locations = by_id::<LocationFacts>(
        connection,
        offerings.iter().filter_map(|offering| offering.facts.location_id),
    )?;
    let looked_up = if centres.is_some() {
        Centres::new()
    } else {
        let codes = unique(locations.values().filter_map(|location| location.facts.postal_code));
        some_centres(connection, &codes)?
    };
    let centres = centres.unwrap_or(&looked_up);
    let pools: Vec<CapacityPoolId> =
        unique(offerings.iter().filter_map(|offering| offering.facts.capacity_pool_id));
    let claims: HashMap<CapacityPoolId, Claim> = current_claims(connection, &pools)?
        .into_iter()
        .map(|claim| (claim.capacity_pool_id, claim))
        .collect();
    let evidence = all_evidence(connection, &pools, claims.values(), now)?;
    offerings
        .into_iter()
        .map(|offering| {
            let missing = |what: &str| {
                Error::internal(
                    format!("reading the offering {}", offering.id),
                    format!("its {what} is not there"),
                )
            };
            let service =
                services.get(&offering.facts.service_id).cloned().ok_or_else(|| missing("service"))?;
            let organization = survivors
                .get(&service.facts.organization_id)
                .and_then(|survivor| organizations.get(survivor))
                .cloned()
                .ok_or_else(|| missing("organization"))?;
            let location = offering
                .facts
                .location_id
                .map(|id| locations.get(&id).cloned().ok_or_else(|| missing("location")))
                .transpose()?;
            let placement = match &location {
                Some(location) => placed(connection, &location.facts, Some(centres))?,
                None => None,
            };
            let pool = offering.facts.capacity_pool_id;
            let claim = pool.and_then(|pool| claims.get(&pool).cloned());
            let evidence = pool.and_then(|pool| evidence.get(&pool).copied()).unwrap_or_default();
            let partnerships = agreements.get(&organization.id).cloned().unwrap_or_default();
            Ok(Listing {
                offering,
                service,
                organization,
                location,
                placement,
                claim,
                evidence,
                partnerships,
            })
        })
        .collect()
}

fn unique<T: Eq + Hash + Copy>(ids: impl Iterator<Item = T>) -> Vec<T> {
    ids.collect::<HashSet<_>>().into_iter().collect()
}

fn by_id<F: Facts>(
    connection: &mut DbConnection,
    ids: impl Iterator<Item = F::Id>,
) -> Result<HashMap<F::Id, Record<F>>> {
    let ids = unique(ids);
    Ok(find_all::<F>(connection, &ids)?.into_iter().map(|record| (record.id, record)).collect())
}

/// Every listing that can be found, page by page in the order of offering ids, as it is at `now`.
///
/// # Errors
/// If the database fails.
pub fn every_listing(
    connection: &mut DbConnection,
    centres: &Centres,
    now: Timestamp,
    mut take: impl FnMut(Listing),
) -> Result<()> {
    const PAGE: i64 = 500;
    let mut after = None;
    loop {
        let page = Page { after, limit: PAGE, ..Page::default() };
        let (records, _) = list::<OfferingFacts>(connection, &page)?;
        let Some(last) = records.last() else { return Ok(()) };
        after = Some(last.id.into());
        for listing in join(connection, records, Some(centres), now)? {
            if listing.can_be_found() {
                take(listing);
            }
        }
    }
}

/// Every insurance plan.
///
/// # Errors
/// If the database fails.
pub fn every_plan(connection: &mut DbConnection) -> Result<Vec<Record<InsurancePlanFacts>>> {
    let page = Page { limit: i64::MAX, include_retired: true, ..Page::default() };
    Ok(list::<InsurancePlanFacts>(connection, &page)?.0)
}

/// The offerings whose listings changed when these things did.
///
/// # Errors
/// If the database fails.
pub fn affected(connection: &mut DbConnection, changes: &[Change]) -> Result<Vec<OfferingId>> {
    let of = |noun| -> Vec<String> {
        unique(changes.iter().filter(|change| change.noun == noun).map(|change| change.subject))
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    let mut ids: Vec<String> = of(Noun::Offering);
    let partnerships: Vec<PartnershipId> = unique(
        changes
            .iter()
            .filter(|change| change.noun == Noun::Partnership)
            .map(|change| PartnershipId(change.subject)),
    );
    // A partnership that now is another organization's has left the offerings of the one before, too.
    let partners = organizations_ever_of(connection, &partnerships)?;
    let organizations = changes.iter().filter(|change| change.noun == Noun::Organization);
    let organizations = organizations.map(|change| OrganizationId(change.subject)).chain(partners);
    let organizations = survivors(connection, &unique(organizations))?.into_iter();
    let organizations = unique(organizations.flat_map(|(organization, survivor)| [organization, survivor]));
    let families: Vec<String> =
        unique(families(connection, &organizations)?.into_iter()).iter().map(ToString::to_string).collect();
    for chunk in families.chunks(500) {
        ids.extend(
            offerings::table
                .inner_join(services::table.on(services::id.eq(offerings::service_id)))
                .filter(services::organization_id.eq_any(chunk))
                .select(offerings::id)
                .load::<String>(connection)?,
        );
    }
    for (noun, column) in [(Noun::Service, 0), (Noun::Location, 1), (Noun::CapacityPool, 2)] {
        for chunk in of(noun).chunks(500) {
            let all = offerings::table.select(offerings::id).into_boxed();
            let matching = match column {
                0 => all.filter(offerings::service_id.eq_any(chunk)),
                1 => all.filter(offerings::location_id.eq_any(chunk)),
                _ => all.filter(offerings::capacity_pool_id.eq_any(chunk)),
            };
            ids.extend(matching.load::<String>(connection)?);
        }
    }
    ids.sort_unstable();
    ids.dedup();
    ids.iter().map(|id| parse_id(id)).collect()
}
