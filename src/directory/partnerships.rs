//! What is asked of partnerships, and of the collaboratives through which they reach a district.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::prelude::*;
use jiff::civil::Date;

use super::{
    DistrictFacts, Page, PartnershipFacts, SchoolFacts, assertions, families, find_all, list, parse_id,
    survivors,
};
use crate::error::Result;
use crate::store::schema::partnerships;
use crate::store::{DbConnection, among};
use crate::types::{DistrictId, DistrictKind, OrganizationId, PartnershipId, SchoolId};

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
        let standing =
            partnerships::table.filter(partnerships::retired_at.is_null()).select(partnerships::id);
        let found: Vec<String> =
            among!(standing, partnerships::organization_id, organizations.as_slice()).load(connection)?;
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

/// The organizations that have an agreement which is in force on a day with a district, with a collaborative that it
/// belongs to, or with one of its schools; each as it stands now, where it was merged.
///
/// # Errors
/// If the database fails.
pub fn partners_of(
    connection: &mut DbConnection,
    district: DistrictId,
    day: Date,
) -> Result<Vec<OrganizationId>> {
    let mut parties = collaboratives_of(connection, district)?;
    parties.push(district);
    let with_them = partnerships::district_id.assume_not_null().eq_any(texts(&parties));
    let ids: Vec<String> = partnerships::table
        .filter(partnerships::retired_at.is_null())
        .filter(partnerships::district_id.is_null().or(with_them))
        .select(partnerships::id)
        .load(connection)?;
    let ids = ids.iter().map(|id| parse_id(id)).collect::<Result<Vec<PartnershipId>>>()?;
    let of_district =
        Page { limit: i64::MAX, filters: vec![("district_id", district.to_string())], ..Page::default() };
    let schools: Vec<SchoolId> =
        list::<SchoolFacts>(connection, &of_district)?.0.into_iter().map(|school| school.id).collect();
    let in_force = |facts: &PartnershipFacts| {
        facts.begins_on.is_none_or(|first| first <= day) && facts.ends_on.is_none_or(|last| day <= last)
    };
    // What names schools is with these alone.
    let covers = |facts: &PartnershipFacts| {
        facts.schools.is_empty() || facts.schools.iter().any(|school| schools.contains(school))
    };
    let organizations: Vec<OrganizationId> = find_all::<PartnershipFacts>(connection, &ids)?
        .into_iter()
        .filter(|record| in_force(&record.facts) && covers(&record.facts))
        .map(|record| record.facts.organization_id)
        .collect();
    let mut partners: Vec<OrganizationId> = survivors(connection, &organizations)?.into_values().collect();
    partners.sort_unstable();
    partners.dedup();
    Ok(partners)
}

fn texts<T: ToString>(ids: &[T]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
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
