//! What is asked of partnerships, and of the collaboratives through which they reach a district.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::prelude::*;

use super::{
    DistrictFacts, Page, PartnershipFacts, assertions, families, find_all, list, parse_id, survivors,
};
use crate::error::Result;
use crate::store::DbConnection;
use crate::store::schema::partnerships;
use crate::types::{DistrictId, DistrictKind, OrganizationId, PartnershipId};

/// The agreements of each of these organizations and of those merged into it, in the order of their ids; retired
/// ones are left out, and organizations without one too.
///
/// # Errors
/// If the database fails.
pub fn partnerships_of(
    connection: &mut DbConnection,
    organizations: &[OrganizationId],
) -> Result<HashMap<OrganizationId, Arc<[PartnershipFacts]>>> {
    let mut ids: Vec<PartnershipId> = Vec::new();
    let family = families(connection, organizations)?;
    for chunk in family.chunks(500) {
        let organizations: Vec<String> = chunk.iter().map(ToString::to_string).collect();
        let found: Vec<String> = partnerships::table
            .filter(partnerships::organization_id.eq_any(&organizations))
            .filter(partnerships::retired_at.is_null())
            .select(partnerships::id)
            .load(connection)?;
        for id in found {
            ids.push(parse_id(&id)?);
        }
    }
    let mut records = find_all::<PartnershipFacts>(connection, &ids)?;
    records.sort_unstable_by_key(|record| record.id);
    let mut by_organization: HashMap<OrganizationId, Vec<PartnershipFacts>> = HashMap::new();
    let stands_under = survivors(connection, &family)?;
    for record in records {
        let organization = stands_under[&record.facts.organization_id];
        by_organization.entry(organization).or_default().push(record.facts);
    }
    Ok(by_organization.into_iter().map(|(organization, facts)| (organization, facts.into())).collect())
}

/// Every organization that these partnerships were ever said to be with.
///
/// # Errors
/// If the database fails.
pub fn organizations_ever_of(
    connection: &mut DbConnection,
    partnerships: &[PartnershipId],
) -> Result<Vec<OrganizationId>> {
    let subjects: Vec<_> = partnerships.iter().map(|id| (*id).into()).collect();
    let said = assertions::said_of(connection, &subjects)?;
    let mut organizations: Vec<OrganizationId> = said
        .iter()
        .filter_map(|assertion| assertion.facts.get("organization_id")?.as_str()?.parse().ok())
        .collect();
    organizations.sort_unstable();
    organizations.dedup();
    Ok(organizations)
}

/// The collaboratives that a district belongs to.
///
/// # Errors
/// If the database fails.
pub fn collaboratives_of(connection: &mut DbConnection, district: DistrictId) -> Result<Vec<DistrictId>> {
    let page = Page {
        limit: i64::MAX,
        filters: vec![("kind", DistrictKind::Collaborative.as_str().to_owned())],
        ..Page::default()
    };
    let (collaboratives, _) = list::<DistrictFacts>(connection, &page)?;
    let has_it = collaboratives.into_iter().filter(|record| record.facts.members.contains(&district));
    Ok(has_it.map(|record| record.id).collect())
}
