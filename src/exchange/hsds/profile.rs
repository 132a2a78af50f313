//! Our HSDS profile: what HSDS has no field for, as terms of taxonomies of ours and attributes that name them.
//! `docs/hsds-profile.md` describes it.
//!
//! A term is told by its id alone, which follows from the taxonomy and the code and never changes.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::{Value, json};
use uuid::Uuid;

use super::kinds::{Kind, Object, text, uuid};
use crate::types::{Vocabulary, derived_uuid, vocabularies};

/// The source under which ids of the profile are derived.
const PROFILE: &str = "causeway-hsds-profile";
/// Where the profile is described.
const URI: &str = "https://causeway.example/hsds-profile";

/// Vocabularies of ours that are taxonomies of the profile.
const SHARED: [&str; 14] = [
    "accessibility",
    "audiences",
    "coverage_categories",
    "emergency_services",
    "facility_types",
    "grains",
    "language_modes",
    "modalities",
    "needs",
    "populations",
    "practices",
    "settings",
    "tiers",
    "availability_statuses",
];

/// A term: its code, its name, and what the value of an attribute is.
type OwnTerm = (&'static str, &'static str, &'static str);

/// Taxonomies that exist for the profile alone: name, description, terms.
const OWN: [(&str, &str, &[OwnTerm]); 6] = [
    (
        "ages",
        "Ages in years, from the first up to but not including the second.",
        &[
            ("accepted", "Accepted ages", "The value is the range, such as 5-19."),
            ("unstated", "Ages of which nothing was said", "The value is the range, such as 13-18."),
        ],
    ),
    (
        "areas",
        "Places where a student must live.",
        &[
            ("postal_code", "ZIP code", "The value is the code."),
            ("town", "Town", "The value is the town and the state, such as Lawrence, MA."),
            ("county", "County", "The value is the county and the state, such as Essex, MA."),
            ("state", "State", "The value is its two letters."),
            ("drawn", "Drawn area", "The entry's extent is the area, as a GeoJSON geometry."),
        ],
    ),
    (
        "partial",
        "Criteria whose list is not the whole: what is not listed there is unknown.",
        &[("partial", "Not the whole list", "The value is the criterion.")],
    ),
    (
        "capacity_pools",
        "Whose openings an offering draws on.",
        &[
            ("clinician", "A clinician", "The value is the id of the pool, the label its name."),
            ("team", "A team", "The value is the id of the pool, the label its name."),
            ("program", "A program", "The value is the id of the pool, the label its name."),
        ],
    ),
    (
        "details",
        "Single facts of an offering.",
        &[
            ("name", "Name", "The value tells the offering from others of the service."),
            (
                "season",
                "Season",
                "The value is the first and the last day of each year, such as 06-20/08-25.",
            ),
            ("school", "School", "The value is the id of a school to which the offering is restricted."),
            ("none", "Nothing", "The value is a criterion of which it was stated that there is none."),
            (
                "plan_accepted",
                "Plan with new patients accepted",
                "The value is the id of the insurance plan.",
            ),
            ("plan_closed", "Plan without new patients", "The value is the id of the insurance plan."),
        ],
    ),
    (
        "identifiers",
        "Ids that are no UUIDs.",
        &[("source_id", "Id at the source", "The value is the id that the source has for it.")],
    ),
];

/// A term of the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProfileTerm {
    /// The vocabulary or taxonomy.
    pub(super) taxonomy: &'static str,
    /// The code in it.
    pub(super) code: &'static str,
    name: &'static str,
    description: &'static str,
}

static TERMS: LazyLock<HashMap<Uuid, ProfileTerm>> = LazyLock::new(|| {
    let shared = shared().flat_map(|vocabulary| {
        vocabulary.terms.iter().map(|term| ProfileTerm {
            taxonomy: vocabulary.name.as_str(),
            code: term.code.as_str(),
            name: term.name.as_str(),
            description: term.description.as_str(),
        })
    });
    let own = OWN.iter().flat_map(|(taxonomy, _, terms)| {
        terms.iter().map(|(code, name, description)| ProfileTerm { taxonomy, code, name, description })
    });
    shared.chain(own).map(|term| (term.id(), term)).collect()
});

fn shared() -> impl Iterator<Item = &'static Vocabulary> {
    vocabularies().iter().filter(|vocabulary| SHARED.contains(&vocabulary.name.as_str()))
}

fn taxonomy_id(taxonomy: &str) -> Uuid {
    derived_uuid(PROFILE, &["taxonomy", taxonomy])
}

fn taxonomy_name(taxonomy: &str) -> String {
    format!("Causeway {}", taxonomy.replace('_', " "))
}

fn term_id(taxonomy: &str, code: &str) -> Uuid {
    derived_uuid(PROFILE, &["term", taxonomy, code])
}

impl ProfileTerm {
    fn id(&self) -> Uuid {
        term_id(self.taxonomy, self.code)
    }
}

/// An attribute of `subject` that names a term of the profile, with a value for terms that have one. A language
/// is told by its mode with the tag as value.
pub(super) fn attribute(subject: Uuid, taxonomy: &str, code: &str, value: Option<&str>) -> Value {
    labelled(subject, taxonomy, code, value, None)
}

/// As [`attribute`], with other words for people than the term's name.
pub(super) fn labelled(
    subject: Uuid,
    taxonomy: &str,
    code: &str,
    value: Option<&str>,
    label: Option<&str>,
) -> Value {
    let term = term_id(taxonomy, code);
    let id = derived_uuid(
        PROFILE,
        &["attribute", &subject.to_string(), taxonomy, code, value.unwrap_or_default()],
    );
    let label = label.or_else(|| TERMS.get(&term).map(|term| term.name)).unwrap_or(code);
    json!({
        "id": id, "link_type": taxonomy, "taxonomy_term_id": term,
        "value": value.unwrap_or(code), "label": label,
    })
}

/// The term of the profile that an attribute names, with the attribute's value.
pub(super) fn read(attribute: &Object) -> Option<(&'static ProfileTerm, String)> {
    let inside = attribute.get("taxonomy_term").and_then(Value::as_object);
    let id = inside.and_then(|term| uuid(term, "id")).or_else(|| uuid(attribute, "taxonomy_term_id"))?;
    Some((TERMS.get(&id)?, text(attribute, "value").unwrap_or_default()))
}

/// The codes of `taxonomy` that stand for a term of Open Eligibility, where an attribute names one.
pub(super) fn by_open_eligibility(attribute: &Object, taxonomy: &str) -> Vec<&'static str> {
    let Some(term) = attribute.get("taxonomy_term").and_then(Value::as_object) else { return Vec::new() };
    let detail = term.get("taxonomy_detail").and_then(Value::as_object);
    let names = [text(term, "taxonomy"), detail.and_then(|detail| text(detail, "name"))];
    let is_theirs = names.into_iter().flatten().any(|name| {
        let name = name.to_lowercase().replace(['_', '-'], " ");
        name == "open eligibility" || name == "openeligibility"
    });
    let Some(code) = text(term, "code").filter(|_| is_theirs) else { return Vec::new() };
    let terms =
        shared().filter(|vocabulary| vocabulary.name == taxonomy).flat_map(|vocabulary| &vocabulary.terms);
    terms.filter(|term| term.open_eligibility.contains(&code)).map(|term| term.code.as_str()).collect()
}

/// The taxonomies of the profile, in the order of their ids.
pub(super) fn taxonomies() -> Vec<Object> {
    let entry = |name: &str, description: &str| {
        object(json!({
            "id": taxonomy_id(name), "name": taxonomy_name(name), "description": description, "uri": URI,
        }))
    };
    let mut all: Vec<Object> = shared().map(|one| entry(&one.name, &one.description)).collect();
    all.extend(OWN.iter().map(|(name, description, _)| entry(name, description)));
    all.sort_by_key(|taxonomy| uuid(taxonomy, "id"));
    all
}

/// The terms of the profile, in the order of their ids.
pub(super) fn terms() -> Vec<Object> {
    let mut all: Vec<(&Uuid, &ProfileTerm)> = TERMS.iter().collect();
    all.sort_by_key(|(id, _)| **id);
    all.into_iter()
        .map(|(id, term)| {
            object(json!({
                "id": id, "code": term.code, "name": term.name, "description": term.description,
                "taxonomy": taxonomy_name(term.taxonomy), "taxonomy_id": taxonomy_id(term.taxonomy),
                "term_uri": format!("{URI}#{}.{}", term.taxonomy, term.code),
            }))
        })
        .collect()
}

/// Whether a taxonomy or a term is of the profile.
pub(super) fn is_ours(kind: Kind, id: Uuid) -> bool {
    match kind {
        Kind::TaxonomyTerm => TERMS.contains_key(&id),
        Kind::Taxonomy => {
            let own = OWN.iter().map(|(name, ..)| *name);
            SHARED.into_iter().chain(own).any(|name| taxonomy_id(name) == id)
        }
        Kind::Organization | Kind::Location | Kind::Service | Kind::ServiceAtLocation | Kind::Aside(_) => {
            false
        }
    }
}

/// The unit in which openings are counted.
pub(super) fn unit() -> Value {
    json!({
        "id": derived_uuid(PROFILE, &["unit", "opening"]), "name": "opening",
        "scheme": "causeway", "identifier": "opening", "uri": URI,
    })
}

/// Whether a capacity is one that this program wrote: a claim of that day, which has no place in a document that
/// is kept.
pub(super) fn is_claim(capacity: &Object) -> bool {
    let unit = capacity.get("unit").and_then(Value::as_object).and_then(|unit| uuid(unit, "id"));
    unit.or_else(|| uuid(capacity, "unit_id")) == Some(derived_uuid(PROFILE, &["unit", "opening"]))
}

/// The object that a value made by `json!` is.
pub(super) fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_term_is_told_by_its_id_and_ids_do_not_change() {
        for term in terms() {
            let attribute = object(json!({"taxonomy_term": {"id": term["id"]}, "value": "x"}));
            let (read, value) = read(&attribute).unwrap();
            assert_eq!((read.code, value.as_str()), (term["code"].as_str().unwrap(), "x"));
        }
        assert_eq!(term_id("needs", "trauma").to_string(), "535b3b94-9a42-5a5c-bced-c419da16d46a");
        assert_eq!(taxonomies().len(), SHARED.len() + OWN.len());
    }

    #[test]
    fn an_attribute_of_somebody_else_is_none_of_ours_whatever_it_is_called() {
        let attribute = json!({"taxonomy_term": {
            "id": "3f7b145d-84af-42d7-8fae-eaca714b02b2", "code": "trauma", "taxonomy": "Causeway needs"
        }});
        assert_eq!(read(&object(attribute)), None);
    }
}
