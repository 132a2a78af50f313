//! An offering as far as it decides whether it may be asked, and what an offer to it says.

use std::sync::Arc;

use crate::availability::{Claim, current_claims};
use crate::directory::{
    LocationFacts, OfferingFacts, OrganizationFacts, PartnershipFacts, Record, ServiceFacts, find, find_all,
    partnerships_of, survivors,
};
use crate::error::{Error, Result};
use crate::store::DbConnection;
use crate::types::{CapacityPoolId, OfferingId, ServiceStatus};

/// An offering, with whom it is of.
pub(super) struct Askable {
    pub(super) id: OfferingId,
    /// Its service.
    pub(super) service: Record<ServiceFacts>,
    /// Who offers it; the survivor, where that organization is merged into another.
    pub(super) organization: Record<OrganizationFacts>,
    /// The agreements of that organization.
    pub(super) agreements: Arc<[PartnershipFacts]>,
    /// Whose openings it draws on.
    pub(super) pool: Option<CapacityPoolId>,
    /// The newest claim on them, lapsed or not.
    pub(super) claim: Option<Claim>,
    /// Whether it is there to be found: nothing of it is retired and the service runs.
    pub(super) is_there: bool,
}

/// An offering; none if there never was one with this id.
///
/// # Errors
/// If the database fails.
pub(super) fn askable(connection: &mut DbConnection, id: OfferingId) -> Result<Option<Askable>> {
    let Some(offering) = find_all::<OfferingFacts>(connection, &[id])?.pop() else { return Ok(None) };
    let service = find::<ServiceFacts>(connection, offering.facts.service_id)?;
    let named = service.facts.organization_id;
    let survivor = survivors(connection, &[named])?.remove(&named);
    let missing = || Error::internal(format!("reading the offering {id}"), "its organization is not there");
    let organization = find::<OrganizationFacts>(connection, survivor.ok_or_else(missing)?)?;
    let agreements = partnerships_of(connection, &[organization.id])?.remove(&organization.id);
    let location = offering.facts.location_id;
    let location = location.map(|location| find::<LocationFacts>(connection, location)).transpose()?;
    let pool = offering.facts.capacity_pool_id;
    let claim = match pool {
        Some(pool) => current_claims(connection, &[pool])?.pop(),
        None => None,
    };
    let is_there = offering.retired_at.is_none()
        && service.retired_at.is_none()
        && service.facts.status == ServiceStatus::Active
        && organization.retired_at.is_none()
        && location.is_none_or(|location| location.retired_at.is_none());
    let agreements = agreements.unwrap_or_default();
    Ok(Some(Askable { id, service, organization, agreements, pool, claim, is_there }))
}
