//! Makes a document one that can be kept: without `null`, and with UUIDs where HSDS wants them.

use serde_json::{Value, json};
use uuid::Uuid;

use super::kinds::{Kind, Object, id_of, objects, text};
use super::profile;
use crate::types::derived_uuid;

/// Properties that hold an id, and of what. HSDS has others that only end so, such as `tax_id`.
const LINKS: [(&str, &str); 13] = [
    ("organization_id", "organization"),
    ("parent_organization_id", "organization"),
    ("service_id", "service"),
    ("location_id", "location"),
    ("service_at_location_id", "service_at_location"),
    ("contact_id", "contact"),
    ("phone_id", "phone"),
    ("program_id", "program"),
    ("unit_id", "unit"),
    ("taxonomy_term_id", "taxonomy_term"),
    ("taxonomy_id", "taxonomy"),
    ("parent_id", "taxonomy_term"),
    ("resource_id", "resource"),
];

/// Names for one of what stands in a property, where that is not the property's own.
const SINGULARS: [(&str, &str); 11] = [
    ("organizations", "organization"),
    ("locations", "location"),
    ("services", "service"),
    ("service_at_locations", "service_at_location"),
    ("contacts", "contact"),
    ("phones", "phone"),
    ("programs", "program"),
    ("units", "unit"),
    ("taxonomies", "taxonomy"),
    ("taxonomy_terms", "taxonomy_term"),
    ("taxonomy_detail", "taxonomy"),
];

/// Makes the document of a `kind` one that can be kept. An id that is no UUID becomes one that follows from it, and
/// stays beside it as an attribute.
pub(super) fn normalize(source: &str, kind: Kind, document: &mut Object) {
    visit(source, kind.as_str(), None, document);
}

fn visit(source: &str, kind: &str, parent: Option<Uuid>, document: &mut Object) {
    document.retain(|_, value| !value.is_null());
    let written = text(document, "id");
    let id = match &written {
        Some(id) => Some(id_of(source, kind, id)),
        // A row of a table without ids: it is told by what it says and where it stands.
        None => parent.map(|parent| {
            let words = Value::Object(document.clone()).to_string();
            derived_uuid(source, &[kind, &parent.to_string(), &words])
        }),
    };
    if let Some(id) = id {
        keep_or_replace(document, "id", id);
        let has_attributes = matches!(kind, "organization" | "service" | "location" | "service_at_location");
        if let (true, Some(written)) =
            (has_attributes && Uuid::try_parse(written.as_deref().unwrap_or_default()).is_err(), &written)
        {
            remember(document, id, written);
        }
    }
    for (property, of) in LINKS {
        if let Some(link) = text(document, property) {
            keep_or_replace(document, property, id_of(source, of, &link));
        }
    }
    if let (Some(link), Some(parent)) = (text(document, "link_id"), parent)
        && Uuid::try_parse(&link).is_err()
    {
        keep_or_replace(document, "link_id", parent);
    }
    for (property, value) in document.iter_mut() {
        let kind =
            SINGULARS.iter().find(|(many, _)| many == property).map_or(property.as_str(), |(_, one)| one);
        match value {
            Value::Object(inner) => visit(source, kind, id, inner),
            Value::Array(list) => {
                list.retain(|value| !value.is_null());
                list.iter_mut()
                    .filter_map(Value::as_object_mut)
                    .for_each(|inner| visit(source, kind, id, inner));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    drop_claims(document);
}

/// Writes an id, unless it stands there in a way that HSDS takes, be it in capitals.
fn keep_or_replace(document: &mut Object, property: &str, id: Uuid) {
    let stands = document.get(property).and_then(Value::as_str);
    let is_plain = stands.is_some_and(|text| text.len() == 36 && Uuid::try_parse(text) == Ok(id));
    if !is_plain {
        document.insert(property.to_owned(), Value::String(id.to_string()));
    }
}

/// Keeps an id that is no UUID as an attribute.
fn remember(document: &mut Object, id: Uuid, written: &str) {
    let attribute = profile::attribute(id, "identifiers", "source_id", Some(written));
    let is_there = objects(document, "attributes").any(|one| one.get("id") == attribute.get("id"));
    let list = document.entry("attributes").or_insert_with(|| json!([]));
    if let (Value::Array(list), false) = (list, is_there) {
        list.push(attribute);
    }
}

/// Claims of capacity that this program wrote out live for days only.
fn drop_claims(document: &mut Object) {
    if let Some(Value::Array(list)) = document.get_mut("capacities") {
        let before = list.len();
        list.retain(|capacity| !capacity.as_object().is_some_and(profile::is_claim));
        if list.is_empty() && before > 0 {
            document.remove("capacities");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_are_no_uuids_become_such_and_still_agree() {
        let mut service = profile::object(json!({
            "id": "7", "organization_id": " 42 ", "tax_id": "12-3", "email": null,
            "phones": [{"number": "1", "service_id": 7}, null],
            "attributes": [{"id": "a", "link_id": "7"}]
        }));
        let mut organization = profile::object(json!({"id": "42"}));
        normalize("s", Kind::Service, &mut service);
        normalize("s", Kind::Organization, &mut organization);
        assert_eq!(service["organization_id"], organization["id"]);
        assert_eq!(service["phones"][0]["service_id"], service["id"]);
        assert_eq!(service["attributes"][0]["link_id"], service["id"]);
        assert_eq!((&service["tax_id"], service.get("email")), (&json!("12-3"), None));
        assert_eq!(organization["attributes"][0]["value"], "42");
        assert!(Uuid::try_parse(service["phones"][0]["id"].as_str().unwrap()).is_ok());
        let again = service.clone();
        normalize("s", Kind::Service, &mut service);
        assert_eq!(service, again, "a document that was kept is kept as it is");
    }
}
