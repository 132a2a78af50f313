//! What the objects of a package state here.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::facts::{self, Notes};
use super::kinds::{Kind, Object, link, own_offering, text};
use super::languages;
use super::offering::{self, Documents};
use super::package::{Entity, Package};
use super::store::{self, KeptDocument};
use crate::directory::{LocationFacts, OrganizationFacts, ServiceFacts, find_all};
use crate::error::Result;
use crate::exchange::reading::{Reading, Row, Statement};
use crate::store::DbConnection;
use crate::types::{LocationId, OrganizationId, ServiceId};

/// What the database knows already of what a package speaks of.
#[derive(Default)]
pub struct Known {
    organizations: HashSet<Uuid>,
    locations: HashSet<Uuid>,
    services: HashMap<Uuid, ServiceFacts>,
    /// Offerings of the services of the package.
    at_locations: Vec<Uuid>,
    /// Services that have an offering at a location.
    located: HashSet<Uuid>,
    documents: HashMap<(Kind, Uuid), KeptDocument>,
}

impl Known {
    /// Looks up what `package` speaks of.
    ///
    /// # Errors
    /// If the database fails.
    pub fn find(connection: &mut DbConnection, package: &Package) -> Result<Self> {
        let ids = package.ids();
        let mut documents = store::documents(connection, &ids)?;
        let offerings = store::offerings_of(connection, &package.of_kind(Kind::Service))?;
        let offering_ids: Vec<Uuid> = offerings.iter().map(|(offering, _)| offering.0).collect();
        let at_locations = store::documents(connection, &offering_ids)?;
        let places = at_locations.values().filter_map(|one| link(&one.object().ok()?, Kind::Location));
        let places: Vec<Uuid> = places.collect();
        documents.extend(store::documents(connection, &places)?);
        documents.extend(at_locations);
        let organizations: Vec<OrganizationId> = ids.iter().copied().map(OrganizationId).collect();
        let locations: Vec<LocationId> = ids.iter().copied().chain(places).map(LocationId).collect();
        let services: Vec<ServiceId> = ids.iter().copied().map(ServiceId).collect();
        Ok(Self {
            organizations: find_all::<OrganizationFacts>(connection, &organizations)?
                .into_iter()
                .map(|record| record.id.0)
                .collect(),
            locations: find_all::<LocationFacts>(connection, &locations)?
                .into_iter()
                .map(|record| record.id.0)
                .collect(),
            services: find_all::<ServiceFacts>(connection, &services)?
                .into_iter()
                .map(|record| (record.id.0, record.facts))
                .collect(),
            at_locations: offerings.iter().map(|(offering, _)| offering.0).collect(),
            located: (offerings.iter())
                .filter(|(offering, service)| offering.0 != own_offering(*service))
                .map(|(_, service)| *service)
                .collect(),
            documents,
        })
    }

    fn document(&self, kind: Kind, id: Uuid) -> Option<Object> {
        self.documents.get(&(kind, id))?.object().ok()
    }

    /// Whether what stood inside another object is kept already as it stood on its own.
    fn is_whole(&self, entity: &Entity) -> bool {
        !entity.whole && self.documents.get(&(entity.kind, entity.id)).is_some_and(|document| document.whole)
    }
}

/// The rows of a package. Each object is one: what it is, and the document that is kept of it. They come in the
/// order in which they refer to each other.
pub fn reading(mut package: Package, known: &Known) -> Reading {
    // What a service says holds at its locations too, also where these are not imported again.
    for id in &known.at_locations {
        let key = (Kind::ServiceAtLocation, *id);
        if let (Some(kept), Some(document)) = (known.documents.get(&key), known.document(key.0, key.1)) {
            let file = "kept before".to_owned();
            let entity = Entity { kind: key.0, id: key.1, file, row: 0, whole: kept.whole, document };
            package.entities.entry(key).or_insert(entity);
        }
    }
    let mut states = States {
        located: package
            .entities
            .values()
            .filter(|entity| entity.kind == Kind::ServiceAtLocation)
            .filter_map(|entity| link(&entity.document, Kind::Service))
            .collect(),
        package,
        known,
        services: HashMap::new(),
        rows: Vec::new(),
    };
    // Kinds are in the order in which they refer to each other, and so are the keys.
    let keys: Vec<(Kind, Uuid)> = states.package.entities.keys().copied().collect();
    for key in keys {
        states.state(key);
    }
    let States { mut package, rows, .. } = states;
    // What may have been meant is looked for once for each spelling.
    package.notes =
        package.notes.into_iter().map(|(note, count)| (languages::suggest(note), count)).collect();
    Reading {
        read: (rows.len() + package.rejects.len()) as u64,
        rows,
        rejects: package.rejects,
        notes: package.notes,
        header: Vec::new(),
    }
}

struct States<'a> {
    package: Package,
    known: &'a Known,
    /// Services that are at a location here.
    located: HashSet<Uuid>,
    /// Services that are stated here.
    services: HashMap<Uuid, ServiceFacts>,
    rows: Vec<Row>,
}

impl States<'_> {
    fn state(&mut self, key: (Kind, Uuid)) {
        let Some(entity) = self.package.entities.get(&key) else { return };
        if self.known.is_whole(entity) {
            if let Kind::Service = entity.kind
                && let Some(facts) = self.known.services.get(&entity.id)
            {
                self.services.insert(entity.id, facts.clone());
            }
            return;
        }
        let (file, row) = (entity.file.clone(), entity.row);
        let document = KeptDocument::new(entity.kind, entity.id, entity.whole, &entity.document);
        let mut notes = Notes::new();
        let stated = match entity.kind {
            Kind::Organization => facts::organization(&entity.document, &mut notes)
                .map(|facts| vec![Statement::Organization(key.1.into(), facts)]),
            Kind::Location => self.location(entity, &mut notes),
            Kind::Service => self.service(entity, &mut notes),
            Kind::ServiceAtLocation => self.at_location(entity, &mut notes),
            Kind::Taxonomy | Kind::TaxonomyTerm => match text(&entity.document, "name") {
                Some(_) => Ok(Vec::new()),
                None => Err(format!("the {} has no name", entity.kind.as_str())),
            },
            Kind::Aside(_) => Ok(Vec::new()),
        };
        for note in notes {
            self.package.note(note);
        }
        match stated {
            Ok(statements) => {
                if let Some(Statement::Service(id, facts)) = statements.first() {
                    self.services.insert(id.0, facts.clone());
                }
                let statements = std::iter::once(Statement::Document(document)).chain(statements).collect();
                self.rows.push(Row { number: row, statements });
            }
            Err(reason) => {
                let Some(entity) = self.package.entities.remove(&key) else { return };
                self.package.refuse(&file, row, &entity.document, &reason);
                self.package.refused.insert(key, row);
            }
        }
    }

    fn location(&self, entity: &Entity, notes: &mut Notes) -> Result<Vec<Statement>, String> {
        let mut facts = facts::location(&entity.document, notes)?;
        if facts.organization_id.is_some_and(|id| !self.is_there(Kind::Organization, id.0)) {
            notes.push("location of an organization that is not there: taken without it".to_owned());
            facts.organization_id = None;
        }
        Ok(vec![Statement::Location(entity.id.into(), facts)])
    }

    fn service(&self, entity: &Entity, notes: &mut Notes) -> Result<Vec<Statement>, String> {
        let organization = facts::organization_of(&entity.document)
            .ok_or("the service names no organization: organization_id is empty")?;
        self.must_be_there(Kind::Organization, organization.0, "service")?;
        let facts = facts::service(&entity.document, organization, notes)?;
        let mut statements = vec![Statement::Service(entity.id.into(), facts.clone())];
        if !self.located.contains(&entity.id) && !self.known.located.contains(&entity.id) {
            let documents = Documents { service: &entity.document, at_location: None, location: None };
            let stated = offering::read(&documents, (entity.id.into(), &facts), None, notes)?;
            statements.extend(stated.statements());
        }
        Ok(statements)
    }

    fn at_location(&self, entity: &Entity, notes: &mut Notes) -> Result<Vec<Statement>, String> {
        let service = link(&entity.document, Kind::Service)
            .ok_or("the service_at_location names no service: service_id is empty")?;
        self.must_be_there(Kind::Service, service, "service_at_location")?;
        let facts = self.services.get(&service).or_else(|| self.known.services.get(&service));
        let facts = facts.ok_or("its service is refused")?;
        let location = link(&entity.document, Kind::Location);
        let is_profile = !facts::codes::<crate::types::Grain>(&entity.document, "grains").is_empty();
        match location {
            Some(location) => self.must_be_there(Kind::Location, location, "service_at_location")?,
            // An offering of ours may be at no location, and says so by its grain.
            None if is_profile => {}
            None => return Err("the service_at_location names no location: location_id is empty".to_owned()),
        }
        let location_document = location.and_then(|id| self.document(Kind::Location, id));
        let service_document = self.document(Kind::Service, service).unwrap_or_default();
        let documents = Documents {
            service: &service_document,
            at_location: Some(&entity.document),
            location: location_document.as_ref(),
        };
        let place = location.filter(|_| !is_virtual(location_document.as_ref())).map(LocationId);
        let stated = offering::read(&documents, (service.into(), facts), Some((entity.id, place)), notes)?;
        Ok(stated.statements().into())
    }

    /// The document of an object as it will be kept.
    fn document(&self, kind: Kind, id: Uuid) -> Option<Object> {
        let here = self.package.entities.get(&(kind, id)).filter(|entity| !self.known.is_whole(entity));
        here.map(|entity| entity.document.clone()).or_else(|| self.known.document(kind, id))
    }

    fn is_there(&self, kind: Kind, id: Uuid) -> bool {
        let known = match kind {
            Kind::Organization => self.known.organizations.contains(&id),
            Kind::Location => self.known.locations.contains(&id),
            Kind::Service => self.known.services.contains_key(&id),
            Kind::ServiceAtLocation | Kind::Taxonomy | Kind::TaxonomyTerm | Kind::Aside(_) => false,
        };
        known || self.package.entities.contains_key(&(kind, id))
    }

    fn must_be_there(&self, kind: Kind, id: Uuid, of: &str) -> Result<(), String> {
        if self.is_there(kind, id) {
            return Ok(());
        }
        let name = kind.as_str();
        Err(match self.package.refused.get(&(kind, id)) {
            Some(row) => format!("the {of} belongs to the {name} in row {row}, which is refused"),
            None => format!(
                "the {of} belongs to a {name} that is neither here nor known ({id}); import it together with its {}",
                kind.plural()
            ),
        })
    }
}

/// Whether a place is none that one could go to.
pub(super) fn is_virtual(location: Option<&Object>) -> bool {
    location.and_then(|location| text(location, "location_type")).as_deref() == Some("virtual")
}

impl offering::Stated {
    fn statements(self) -> [Statement; 2] {
        [Statement::CapacityPool(self.pool_id, self.pool), Statement::Offering(self.id, self.facts)]
    }
}
