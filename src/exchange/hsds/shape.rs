//! Tells what an object is: by what it has, else by what its file is called.

use serde_json::Value;

use super::kinds::{Kind, Object};

/// What a JSON file holds.
pub(super) enum Content {
    /// Objects, in lists; with the kind that the name of a list says.
    Objects(Vec<(Option<Kind>, Vec<Value>)>),
    /// The tables of a package, each under its file's name.
    Tables(Vec<(String, Vec<Value>)>),
    /// What an API says of itself.
    About,
}

/// Takes the wrapping off: a page, a list, tables by their names, or one object.
pub(super) fn content(value: Value) -> Result<Content, String> {
    let object = match value {
        Value::Array(list) => return Ok(Content::Objects(vec![(None, list)])),
        Value::Object(object) => object,
        _ => return Err("it is JSON, but neither an object nor a list of objects".to_owned()),
    };
    if object.get("contents").is_some_and(Value::is_array) {
        return Ok(Content::Objects(lists(object, |key| (key == "contents").then_some(None))));
    }
    let is_table = |(key, value): (&String, &Value)| {
        value.is_array() && key.rsplit_once('.').is_some_and(|(_, ending)| ending == "csv")
    };
    if !object.is_empty() && object.iter().all(is_table) {
        let tables = lists(object, |key| Some(key.to_owned()));
        return Ok(Content::Tables(tables));
    }
    if object.contains_key("openapi_url") && !object.contains_key("id") {
        return Ok(Content::About);
    }
    let is_wrapper = object.iter().all(|(key, value)| value.is_array() && kind_of_name(key).is_some())
        && !object.is_empty();
    if is_wrapper {
        return Ok(Content::Objects(lists(object, |key| Some(kind_of_name(key)))));
    }
    Ok(Content::Objects(vec![(None, vec![Value::Object(object)])]))
}

fn lists<T>(object: Object, wanted: impl Fn(&str) -> Option<T>) -> Vec<(T, Vec<Value>)> {
    let lists = object.into_iter().filter_map(|(key, value)| match value {
        Value::Array(list) => Some((wanted(&key)?, list)),
        _ => None,
    });
    lists.collect()
}

/// The kind that a file's name says: `services.json`, `service_list.json`, `organization_full-2.json`.
pub(super) fn kind_of_file(name: &str) -> Option<Kind> {
    let stem = name.split('.').next().unwrap_or_default();
    let stem = stem.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches(['-', '_']);
    let stem = stem.trim_end_matches("_list").trim_end_matches("_full");
    kind_of_name(stem)
}

fn kind_of_name(name: &str) -> Option<Kind> {
    let name = name.to_lowercase();
    Kind::MAIN.into_iter().find(|kind| name == kind.as_str() || name == kind.plural())
}

/// What an object is.
///
/// # Errors
/// Says what was found and what would be understood.
pub(super) fn kind_of(object: &Object, named: Option<Kind>) -> Result<Kind, String> {
    if let Some(kind) = by_properties(object).or(named) {
        return Ok(kind);
    }
    let mut found: Vec<&str> = object.keys().map(String::as_str).take(8).collect();
    if object.len() > found.len() {
        found.push("…");
    }
    Err(format!(
        "the object (with {}) can be told for none of HSDS: an organization has website or services, a service \
         status or organization_id, a service_at_location service and location, a location location_type, a \
         taxonomy version, a taxonomy_term taxonomy; or name the file after what it holds, such as \
         organizations.json",
        found.join(", ")
    ))
}

/// What only one kind has.
fn by_properties(object: &Object) -> Option<Kind> {
    let has = |properties: &[&str]| properties.iter().any(|property| object.contains_key(*property));
    if has(&["location_type", "addresses", "latitude", "accessibility"]) {
        return Some(Kind::Location);
    }
    if has(&["location", "location_id"]) && !has(&["name"]) {
        return Some(Kind::ServiceAtLocation);
    }
    let of_organizations = [
        "services",
        "locations",
        "programs",
        "organization_identifiers",
        "website",
        "additional_websites",
        "tax_status",
        "tax_id",
        "year_incorporated",
        "legal_status",
        "logo",
        "parent_organization_id",
    ];
    if has(&of_organizations) {
        return Some(Kind::Organization);
    }
    let of_services = [
        "service_at_locations",
        "status",
        "organization",
        "organization_id",
        "minimum_age",
        "maximum_age",
        "eligibility_description",
        "application_process",
        "fees_description",
        "interpretation_services",
        "required_documents",
        "cost_options",
        "capacities",
    ];
    if has(&of_services) {
        return Some(Kind::Service);
    }
    if has(&["taxonomy", "taxonomy_detail", "taxonomy_id", "term_uri", "parent_id", "vocabulary"]) {
        return Some(Kind::TaxonomyTerm);
    }
    has(&["version"]).then_some(Kind::Taxonomy)
}
