//! The kinds of object that HSDS has, as far as they stand on their own.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::types::derived_uuid;

/// A JSON object.
pub(super) type Object = Map<String, Value>;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Who offers services.
    Organization,
    /// A place.
    Location,
    /// What is offered.
    Service,
    /// A service at a place.
    ServiceAtLocation,
    /// A scheme of terms.
    Taxonomy,
    /// A term of such a scheme.
    TaxonomyTerm,
    /// A row of this table that belongs to nothing that is there.
    Aside(&'static str),
}

/// The tables whose rows belong to something else, by their names in HSDS 3.
pub(super) const ASIDE: [&str; 20] = [
    "accessibility",
    "addresses",
    "attributes",
    "contacts",
    "cost_options",
    "eligibility",
    "funding",
    "interpretation_services",
    "languages",
    "meta_table_descriptions",
    "metadata",
    "organization_identifiers",
    "phones",
    "programs",
    "required_documents",
    "schedules",
    "service_areas",
    "service_capacity",
    "units",
    "urls",
];

impl Kind {
    /// Those that stand on their own, in the order in which they refer to each other.
    pub(super) const MAIN: [Self; 6] = [
        Self::Organization,
        Self::Location,
        Self::Service,
        Self::ServiceAtLocation,
        Self::Taxonomy,
        Self::TaxonomyTerm,
    ];

    /// Its name for one, as HSDS has it; of an aside the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Location => "location",
            Self::Service => "service",
            Self::ServiceAtLocation => "service_at_location",
            Self::Taxonomy => "taxonomy",
            Self::TaxonomyTerm => "taxonomy_term",
            Self::Aside(table) => table,
        }
    }

    /// Its name for many: of the file, the table and the property.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Organization => "organizations",
            Self::Location => "locations",
            Self::Service => "services",
            Self::ServiceAtLocation => "service_at_locations",
            Self::Taxonomy => "taxonomies",
            Self::TaxonomyTerm => "taxonomy_terms",
            Self::Aside(table) => table,
        }
    }
}

/// The properties in which objects stand that also stand on their own.
pub(super) const NESTED: [(&str, Kind); 6] = [
    ("organization", Kind::Organization),
    ("location", Kind::Location),
    ("service", Kind::Service),
    ("locations", Kind::Location),
    ("services", Kind::Service),
    ("service_at_locations", Kind::ServiceAtLocation),
];

/// The id that an HSDS id has here: itself where it is a UUID, else one that follows from the source, the kind
/// and the id.
pub(super) fn id_of(source: &str, kind: &str, id: &str) -> Uuid {
    Uuid::try_parse(id.trim()).unwrap_or_else(|_| derived_uuid(source, &[kind, id.trim()]))
}

/// The id of the offering of a service that is at no location.
pub(super) fn own_offering(service: Uuid) -> Uuid {
    derived_uuid("hsds", &["offering", &service.to_string()])
}

/// The text of a property, without the spaces around it; none where it is empty. Numbers are text too.
pub(super) fn text(object: &Object, property: &str) -> Option<String> {
    match object.get(property)? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The number of a property, also where it is written as text.
pub(super) fn number(object: &Object, property: &str) -> Option<f64> {
    text(object, property)?.parse().ok().filter(|number: &f64| number.is_finite())
}

/// The objects in a list.
pub(super) fn objects<'a>(object: &'a Object, property: &str) -> impl Iterator<Item = &'a Object> {
    object.get(property).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

/// The id of an object; its documents have UUIDs only.
pub(super) fn uuid(object: &Object, property: &str) -> Option<Uuid> {
    Uuid::try_parse(object.get(property)?.as_str()?).ok()
}

/// The id of what an object refers to by `ENTITY_id`, or has inside as `ENTITY`.
pub(super) fn link(object: &Object, entity: Kind) -> Option<Uuid> {
    let inside = object.get(entity.as_str()).and_then(Value::as_object).and_then(|inside| uuid(inside, "id"));
    inside.or_else(|| uuid(object, &format!("{}_id", entity.as_str())))
}
