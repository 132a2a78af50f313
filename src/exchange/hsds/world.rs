//! What stands here of some objects and of all that hangs on them, loaded for one page of an export; and what has to
//! be changed in their documents.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::facts::{self, Notes};
use super::fields::{self, Fields};
use super::kinds::{Kind, NESTED, Object, link, own_offering, uuid};
use super::offering::{self, Documents};
use super::overlay::{Patch, difference};
use super::states::is_virtual;
use super::{profile, store};
use crate::availability::{Claim, current_claims};
use crate::directory::{
    CapacityPoolFacts, Facts, LocationFacts, OfferingFacts, OrganizationFacts, Record, ServiceFacts,
    find_all, survivors,
};
use crate::error::Result;
use crate::store::DbConnection;
use crate::types::{AvailabilityStatus, CapacityPoolId, LocationId, OrganizationId, derived_uuid};

type Records<F> = HashMap<Uuid, Record<F>>;

/// Everything that one page needs.
pub(super) struct World {
    organizations: Records<OrganizationFacts>,
    locations: Records<LocationFacts>,
    services: Records<ServiceFacts>,
    offerings: Records<OfferingFacts>,
    by_service: HashMap<Uuid, BTreeSet<Uuid>>,
    pools: HashMap<Uuid, CapacityPoolFacts>,
    claims: HashMap<Uuid, Claim>,
    documents: HashMap<(Kind, Uuid), Object>,
    /// Organizations that are merged into another, which is written in their place.
    merged: HashMap<Uuid, OrganizationId>,
}

fn records<F: Facts>(connection: &mut DbConnection, ids: &BTreeSet<Uuid>) -> Result<Records<F>> {
    let ids: Vec<F::Id> = ids.iter().map(|id| F::Id::from(*id)).collect();
    Ok(find_all::<F>(connection, &ids)?.into_iter().map(|record| (record.id.into(), record)).collect())
}

impl World {
    /// Loads what stands of these objects, of what stands inside their documents, and of what these refer to.
    pub(super) fn load(
        connection: &mut DbConnection,
        kind: Kind,
        ids: &[Uuid],
        now: Timestamp,
    ) -> Result<Self> {
        let mut wanted: BTreeSet<(Kind, Uuid)> = ids.iter().map(|id| (kind, *id)).collect();
        let mut documents = documents(connection, &wanted)?;
        for (kind, id) in wanted.clone() {
            if let Some(document) = documents.get(&(kind, id)) {
                collect(document, &mut wanted);
            }
        }
        let of = |wanted: &BTreeSet<(Kind, Uuid)>, kind: Kind| -> BTreeSet<Uuid> {
            wanted.iter().filter(|(one, _)| *one == kind).map(|(_, id)| *id).collect()
        };
        // A service at a location is read together with its service, and a service with all its offerings.
        let mut services = of(&wanted, Kind::Service);
        let named = records::<OfferingFacts>(connection, &of(&wanted, Kind::ServiceAtLocation))?;
        services.extend(named.values().map(|record| record.facts.service_id.0));
        let mut by_service: HashMap<Uuid, BTreeSet<Uuid>> = HashMap::new();
        let mut offering_ids: BTreeSet<Uuid> = named.keys().copied().collect();
        for (offering, service) in
            store::offerings_of(connection, &services.iter().copied().collect::<Vec<_>>())?
        {
            by_service.entry(service).or_default().insert(offering.0);
            offering_ids.insert(offering.0);
        }
        let offerings = records::<OfferingFacts>(connection, &offering_ids)?;
        let mut services = records::<ServiceFacts>(connection, &services)?;
        let mut locations = of(&wanted, Kind::Location);
        locations.extend(offerings.values().filter_map(|record| record.facts.location_id).map(|id| id.0));
        let mut organizations = of(&wanted, Kind::Organization);
        organizations.extend(services.values().map(|record| record.facts.organization_id.0));
        wanted.extend(services.keys().map(|id| (Kind::Service, *id)));
        wanted.extend(offering_ids.iter().map(|id| (Kind::ServiceAtLocation, *id)));
        wanted.extend(locations.iter().map(|id| (Kind::Location, *id)));
        documents.extend(self::documents(connection, &wanted)?);
        for document in documents.values() {
            organizations.extend(link(document, Kind::Organization));
            locations.extend(link(document, Kind::Location));
        }
        let missing: BTreeSet<(Kind, Uuid)> = (locations.iter())
            .map(|id| (Kind::Location, *id))
            .filter(|key| !documents.contains_key(key))
            .collect();
        documents.extend(self::documents(connection, &missing)?);
        let mut locations = records::<LocationFacts>(connection, &locations)?;
        organizations
            .extend(locations.values().filter_map(|record| record.facts.organization_id).map(|id| id.0));
        let named: Vec<OrganizationId> = organizations.iter().map(|id| OrganizationId(*id)).collect();
        let merged: HashMap<Uuid, OrganizationId> = survivors(connection, &named)?
            .into_iter()
            .filter(|(organization, survivor)| organization != survivor)
            .map(|(organization, survivor)| (organization.0, survivor))
            .collect();
        for organization in services.values_mut().map(|record| &mut record.facts.organization_id) {
            *organization = merged.get(&organization.0).copied().unwrap_or(*organization);
        }
        for organization in locations.values_mut().filter_map(|record| record.facts.organization_id.as_mut())
        {
            *organization = merged.get(&organization.0).copied().unwrap_or(*organization);
        }
        organizations.extend(merged.values().map(|survivor| survivor.0));
        let pool_ids: BTreeSet<Uuid> =
            offerings.values().filter_map(|record| record.facts.capacity_pool_id).map(|id| id.0).collect();
        let pools = records::<CapacityPoolFacts>(connection, &pool_ids)?;
        let pool_ids: Vec<CapacityPoolId> = pool_ids.into_iter().map(CapacityPoolId).collect();
        let claims = current_claims(connection, &pool_ids)?;
        Ok(Self {
            organizations: records(connection, &organizations)?,
            locations,
            services,
            offerings,
            by_service,
            pools: pools.into_iter().map(|(id, record)| (id, record.facts)).collect(),
            claims: (claims.into_iter())
                .filter(|claim| claim.is_live(now))
                .map(|claim| (claim.capacity_pool_id.0, claim))
                .collect(),
            documents,
            merged,
        })
    }

    /// Whether it is there for others: neither retired itself nor hanging on what is. What is not known here is
    /// not ours to take away.
    pub(super) fn is_live(&self, kind: Kind, id: Uuid) -> bool {
        match kind {
            Kind::Organization => is_live(&self.organizations, id),
            Kind::Location => is_live(&self.locations, id),
            Kind::Service => {
                is_live(&self.services, id)
                    && self
                        .services
                        .get(&id)
                        .is_none_or(|record| is_live(&self.organizations, record.facts.organization_id.0))
            }
            Kind::ServiceAtLocation => {
                is_live(&self.offerings, id)
                    && self.offerings.get(&id).is_none_or(|record| {
                        self.is_live(Kind::Service, record.facts.service_id.0)
                            && record.facts.location_id.is_none_or(|id| is_live(&self.locations, id.0))
                    })
            }
            Kind::Taxonomy | Kind::TaxonomyTerm | Kind::Aside(_) => true,
        }
    }

    /// The document of an object as it stands now.
    pub(super) fn document(&self, kind: Kind, id: Uuid) -> Option<Object> {
        let mut document = match self.documents.get(&(kind, id)) {
            Some(kept) => kept.clone(),
            None => return self.composed(kind, id),
        };
        self.bring_up_to_date(kind, &mut document);
        Some(document)
    }

    /// Changes in a document, and in what stands inside it, what differs from what stands.
    fn bring_up_to_date(&self, kind: Kind, document: &mut Object) {
        if let Some(patch) = uuid(document, "id").and_then(|id| self.patch(kind, id)) {
            patch.apply(document);
        }
        for (property, inner_kind) in NESTED {
            match document.get_mut(property) {
                Some(Value::Object(inner)) if self.is_merged(inner_kind, inner) => {
                    document.remove(property);
                }
                Some(Value::Object(inner)) => self.bring_up_to_date(inner_kind, inner),
                Some(Value::Array(list)) => {
                    list.retain(|inner| {
                        let id = inner.as_object().and_then(|inner| uuid(inner, "id"));
                        id.is_none_or(|id| self.is_live(inner_kind, id))
                    });
                    for inner in list.iter_mut().filter_map(Value::as_object_mut) {
                        self.bring_up_to_date(inner_kind, inner);
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether it stands for an organization in whose place another is written.
    fn is_merged(&self, kind: Kind, document: &Object) -> bool {
        kind == Kind::Organization && uuid(document, "id").is_some_and(|id| self.merged.contains_key(&id))
    }

    /// What is to be changed in a kept document; none where nothing is kept or known of it.
    fn patch(&self, kind: Kind, id: Uuid) -> Option<Patch> {
        let document = self.documents.get(&(kind, id))?;
        let mut notes = Notes::new();
        match kind {
            Kind::Organization => {
                let before = facts::organization(document, &mut notes).ok()?;
                let now = &self.organizations.get(&id)?.facts;
                Some(difference(id, &fields::organization(id, &before), &fields::organization(id, now)))
            }
            Kind::Location => {
                let mut before = facts::location(document, &mut notes).ok()?;
                // An organization that was not there was left out when it was read.
                before.organization_id =
                    before.organization_id.filter(|id| self.organizations.contains_key(&id.0));
                let now = &self.locations.get(&id)?.facts;
                Some(difference(id, &fields::location(id, &before), &fields::location(id, now)))
            }
            Kind::Service => {
                let before = self.service_before(id, document)?;
                let mut patch = difference(id, &before, &self.service_now(id)?);
                patch.added = self.capacities(id);
                Some(patch)
            }
            Kind::ServiceAtLocation => {
                let before = self.read(id)?;
                let now = self.offerings.get(&id)?;
                let pool = Some(&before.pool);
                let before = fields::at_location(id, &before.facts, pool);
                Some(difference(id, &before, &fields::at_location(id, &now.facts, self.pool(&now.facts))))
            }
            Kind::Taxonomy | Kind::TaxonomyTerm | Kind::Aside(_) => None,
        }
    }

    fn pool(&self, facts: &OfferingFacts) -> Option<&CapacityPoolFacts> {
        self.pools.get(&facts.capacity_pool_id?.0)
    }

    /// The offerings of a service that are there for others.
    fn offerings_of(&self, service: Uuid) -> impl Iterator<Item = (Uuid, &OfferingFacts)> {
        let ids = self.by_service.get(&service).into_iter().flatten().copied();
        ids.filter(|id| self.is_live(Kind::ServiceAtLocation, *id))
            .filter_map(|id| Some((id, &self.offerings.get(&id)?.facts)))
    }

    /// What a service has to say now.
    fn service_now(&self, id: Uuid) -> Option<Fields> {
        let facts = &self.services.get(&id)?.facts;
        let all: Vec<(Uuid, &OfferingFacts)> = self.offerings_of(id).collect();
        let own = all.iter().find(|(offering, _)| *offering == own_offering(id));
        let own = own.map(|(_, offering)| (*offering, self.pool(offering)));
        let all: Vec<&OfferingFacts> = all.into_iter().map(|(_, offering)| offering).collect();
        Some(fields::service(id, facts, own, &all))
    }

    /// What the kept documents say of a service.
    fn service_before(&self, id: Uuid, document: &Object) -> Option<Fields> {
        let now = &self.services.get(&id)?.facts;
        let organization = facts::organization_of(document).unwrap_or(now.organization_id);
        let facts = facts::service(document, organization, &mut Notes::new()).ok()?;
        let read: Vec<offering::Stated> =
            self.offerings_of(id).filter_map(|(offering, _)| self.read(offering)).collect();
        let own = read.iter().find(|stated| stated.id.0 == own_offering(id));
        let own = own.map(|stated| (&stated.facts, Some(&stated.pool)));
        let all: Vec<&OfferingFacts> = read.iter().map(|stated| &stated.facts).collect();
        Some(fields::service(id, &facts, own, &all))
    }

    /// An offering as its kept documents say it; none where none is kept.
    fn read(&self, id: Uuid) -> Option<offering::Stated> {
        let empty = Object::new();
        let service_id = self.offerings.get(&id)?.facts.service_id;
        let service = self.documents.get(&(Kind::Service, service_id.0));
        let mut notes = Notes::new();
        if id == own_offering(service_id.0) {
            let service = service?;
            let documents = Documents { service, at_location: None, location: None };
            let facts = offering::service_facts(service)?;
            return offering::read(&documents, (service_id, &facts), None, &mut notes).ok();
        }
        let at_location = self.documents.get(&(Kind::ServiceAtLocation, id))?;
        let said = link(at_location, Kind::Location);
        let location = said.and_then(|id| self.documents.get(&(Kind::Location, id)));
        let documents =
            Documents { service: service.unwrap_or(&empty), at_location: Some(at_location), location };
        let place = said.filter(|_| !is_virtual(location)).map(LocationId);
        let facts = &self.services.get(&service_id.0)?.facts;
        let service_id = link(at_location, Kind::Service).map_or(service_id, Into::into);
        offering::read(&documents, (service_id, facts), Some((id, place)), &mut notes).ok()
    }

    /// A document of our own, of what no document is kept of.
    fn composed(&self, kind: Kind, id: Uuid) -> Option<Object> {
        let fields = match kind {
            Kind::Organization => fields::organization(id, &self.organizations.get(&id)?.facts),
            Kind::Location => fields::location(id, &self.locations.get(&id)?.facts),
            Kind::Service => self.service_now(id)?,
            Kind::ServiceAtLocation => {
                let facts = &self.offerings.get(&id)?.facts;
                fields::at_location(id, facts, self.pool(facts))
            }
            Kind::Taxonomy | Kind::TaxonomyTerm | Kind::Aside(_) => return None,
        };
        let mut document = fields::compose(kind, id, &fields);
        if kind == Kind::Service {
            let others = self.offerings_of(id).filter(|(offering, _)| *offering != own_offering(id));
            let links: Vec<Value> = others
                .map(|(offering, facts)| match facts.location_id {
                    Some(location) => json!({"id": offering, "location_id": location}),
                    None => json!({"id": offering}),
                })
                .collect();
            if !links.is_empty() {
                document.insert("service_at_locations".to_owned(), Value::Array(links));
            }
            for (property, entries) in self.capacities(id) {
                document.insert(property.to_owned(), Value::Array(entries));
            }
        }
        Some(document)
    }

    /// The claims of capacity that hold now and say a number, once for each pool. HSDS demands the number.
    fn capacities(&self, service: Uuid) -> Vec<(&'static str, Vec<Value>)> {
        let mut seen = HashSet::new();
        let pools = self.offerings_of(service).filter_map(|(_, facts)| facts.capacity_pool_id);
        let claims = pools.filter(|pool| seen.insert(*pool)).filter_map(|pool| self.claims.get(&pool.0));
        let entry = |claim: &Claim| {
            let available = match (claim.status, claim.open_slots) {
                (_, Some(slots)) => slots,
                (AvailabilityStatus::Waitlist | AvailabilityStatus::NoCapacity, None) => 0,
                (_, None) => return None,
            };
            let id = derived_uuid("hsds", &["capacity", &claim.id.to_string(), &service.to_string()]);
            let pool = self.pools.get(&claim.capacity_pool_id.0).map_or("", |pool| pool.name.as_str());
            Some(json!({
                "id": id, "service_id": service, "unit": profile::unit(), "available": available,
                "updated": claim.reported_at,
                "description": format!(
                    "{pool}: {} as of {}; to be taken as unknown from {} on",
                    claim.status, claim.reported_at, claim.valid_until
                ),
                "attributes": [profile::attribute(id, "availability_statuses", claim.status.as_str(), None)],
            }))
        };
        let entries: Vec<Value> = claims.filter_map(entry).collect();
        if entries.is_empty() { Vec::new() } else { vec![("capacities", entries)] }
    }
}

fn is_live<F: Facts>(records: &Records<F>, id: Uuid) -> bool {
    records.get(&id).is_none_or(|record| record.retired_at.is_none())
}

fn documents(
    connection: &mut DbConnection,
    wanted: &BTreeSet<(Kind, Uuid)>,
) -> Result<HashMap<(Kind, Uuid), Object>> {
    let ids: Vec<Uuid> = wanted.iter().map(|(_, id)| *id).collect();
    let found = store::documents(connection, &ids)?;
    found.into_iter().map(|(key, document)| Ok((key, document.object()?))).collect()
}

/// Everything that stands inside a document and on its own too.
fn collect(document: &Object, wanted: &mut BTreeSet<(Kind, Uuid)>) {
    for (property, kind) in NESTED {
        let inner: Vec<&Object> = match document.get(property) {
            Some(Value::Object(one)) => vec![one],
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_object).collect(),
            _ => continue,
        };
        for inner in inner {
            wanted.extend(uuid(inner, "id").map(|id| (kind, id)));
            collect(inner, wanted);
        }
    }
}
