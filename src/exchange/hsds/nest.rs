//! Puts the rows of tables inside what they belong to, as HSDS has it in JSON.

use std::collections::HashMap;

use serde_json::Value;

use super::kinds::{Object, text};
use super::tables::{RowDocument, TABLES};

/// A column that names what a row belongs to, the table of that, and the property in which the row then stands.
type Home = (&'static str, &'static str, &'static str);

/// Tables whose rows belong to others, the innermost first: when a row is put somewhere, all that belongs to it
/// is inside already.
const HOMES: [(&str, &[Home]); 18] = [
    (
        "languages",
        &[
            ("phone_id", "phones", "languages"),
            ("service_id", "services", "languages"),
            ("location_id", "locations", "languages"),
        ],
    ),
    (
        "phones",
        &[
            ("contact_id", "contacts", "phones"),
            ("organization_id", "organizations", "phones"),
            ("service_id", "services", "phones"),
            ("service_at_location_id", "service_at_locations", "phones"),
            ("location_id", "locations", "phones"),
        ],
    ),
    (
        "contacts",
        &[
            ("organization_id", "organizations", "contacts"),
            ("service_id", "services", "contacts"),
            ("service_at_location_id", "service_at_locations", "contacts"),
            ("location_id", "locations", "contacts"),
        ],
    ),
    ("service_capacity", &[("service_id", "services", "capacities")]),
    (
        "urls",
        &[
            ("organization_id", "organizations", "additional_websites"),
            ("service_id", "services", "additional_urls"),
        ],
    ),
    ("addresses", &[("location_id", "locations", "addresses")]),
    (
        "schedules",
        &[
            ("service_id", "services", "schedules"),
            ("service_at_location_id", "service_at_locations", "schedules"),
            ("location_id", "locations", "schedules"),
        ],
    ),
    ("funding", &[("organization_id", "organizations", "funding"), ("service_id", "services", "funding")]),
    (
        "service_areas",
        &[
            ("service_id", "services", "service_areas"),
            ("service_at_location_id", "service_at_locations", "service_areas"),
        ],
    ),
    ("required_documents", &[("service_id", "services", "required_documents")]),
    ("accessibility", &[("location_id", "locations", "accessibility")]),
    ("cost_options", &[("service_id", "services", "cost_options")]),
    ("programs", &[("organization_id", "organizations", "programs")]),
    ("organization_identifiers", &[("organization_id", "organizations", "organization_identifiers")]),
    ("eligibility", &[("service_id", "services", "eligibility_description")]),
    ("interpretation_services", &[("service_id", "services", "interpretation_services")]),
    ("meta_table_descriptions", &[]),
    ("units", &[]),
];

/// The tables whose rows stand on their own.
const MAIN: [&str; 6] =
    ["organizations", "locations", "services", "service_at_locations", "taxonomies", "taxonomy_terms"];

/// All tables of a package, and where each id is.
struct Tables {
    rows: HashMap<&'static str, Vec<RowDocument>>,
    places: HashMap<(&'static str, String), usize>,
}

/// The rows that stand on their own, with all that belongs to them inside; and the rows that belong to nothing
/// that is there.
pub(super) fn nest(found: Vec<RowDocument>) -> (Vec<RowDocument>, Vec<RowDocument>) {
    let mut tables = Tables { rows: HashMap::new(), places: HashMap::new() };
    for row in found {
        let rows = tables.rows.entry(row.table).or_default();
        if let Some(id) = text(&row.document, "id") {
            tables.places.entry((row.table, id)).or_insert(rows.len());
        }
        rows.push(row);
    }
    let mut aside = tables.place_by_any_id("metadata", "resource_id", "metadata");
    tables.fill("taxonomy_terms", "attributes", "taxonomy_term_id", "taxonomy_term");
    aside.extend(tables.place_by_any_id("attributes", "link_id", "attributes"));
    let used_units = tables.fill("units", "service_capacity", "unit_id", "unit");
    tables.fill("programs", "services", "program_id", "program");
    for (table, homes) in HOMES {
        for row in tables.rows.remove(table).unwrap_or_default() {
            let is_used =
                table == "units" && text(&row.document, "id").is_some_and(|id| used_units.contains(&id));
            if !tables.place(&row, homes) && !is_used {
                aside.push(row);
            }
        }
    }
    tables.join_by_location();
    let main = MAIN.iter().flat_map(|table| tables.rows.remove(table).unwrap_or_default()).collect();
    (main, aside)
}

impl Tables {
    fn find(&mut self, table: &'static str, id: &str) -> Option<&mut Object> {
        let place = *self.places.get(&(table, id.to_owned()))?;
        Some(&mut self.rows.get_mut(table)?.get_mut(place)?.document)
    }

    /// Puts a row in every place that it names; false if none is there.
    fn place(&mut self, row: &RowDocument, homes: &[Home]) -> bool {
        let mut is_placed = false;
        for (column, table, property) in homes {
            let Some(id) = text(&row.document, column) else { continue };
            let Some(home) = self.find(table, &id) else { continue };
            is_placed = true;
            match row.table {
                "eligibility" => add_eligibility(home, &row.document),
                "interpretation_services" => add_words(home, property, text(&row.document, "name")),
                _ => push(home, property, row.document.clone()),
            }
        }
        is_placed
    }

    /// Puts the rows of `table` inside whatever has the id in `column`, in whichever table; gives back those for
    /// which there is nothing.
    fn place_by_any_id(
        &mut self,
        table: &'static str,
        column: &'static str,
        property: &str,
    ) -> Vec<RowDocument> {
        let mut aside = Vec::new();
        for row in self.rows.remove(table).unwrap_or_default() {
            let service = text(&row.document, "service_id").map(|id| ("services", id));
            let linked = text(&row.document, column).and_then(|id| {
                let holds =
                    |shape: &&super::tables::Shape| self.places.contains_key(&(shape.name, id.clone()));
                TABLES.iter().find(holds).map(|shape| (shape.name, id.clone()))
            });
            let home = linked.or(service);
            match home.and_then(|(table, id)| self.find(table, &id)) {
                Some(home) => push(home, property, row.document),
                None => aside.push(row),
            }
        }
        aside
    }

    /// Puts into each row of `table` the row of `from` that its `column` names; says which were used.
    fn fill(
        &mut self,
        from: &'static str,
        table: &'static str,
        column: &str,
        property: &str,
    ) -> std::collections::HashSet<String> {
        let mut used = std::collections::HashSet::new();
        let Some(mut rows) = self.rows.remove(table) else { return used };
        for row in &mut rows {
            let Some(id) = text(&row.document, column) else { continue };
            if let Some(inner) = self.find(from, &id) {
                let inner = inner.clone();
                row.document.insert(property.to_owned(), Value::Object(inner));
                used.insert(id);
            }
        }
        self.rows.insert(table, rows);
        used
    }

    /// Early versions named the place in the service itself: that is a service at a location.
    fn join_by_location(&mut self) {
        let joined: std::collections::HashSet<(Option<String>, Option<String>)> = self
            .rows
            .get("service_at_locations")
            .into_iter()
            .flatten()
            .map(|row| (text(&row.document, "service_id"), text(&row.document, "location_id")))
            .collect();
        let mut made = Vec::new();
        for row in self.rows.get("services").into_iter().flatten() {
            let (service, location) = (text(&row.document, "id"), text(&row.document, "location_id"));
            let (Some(service), Some(location)) = (service, location) else { continue };
            if joined.contains(&(Some(service.clone()), Some(location.clone()))) {
                continue;
            }
            let mut document = Object::new();
            document.insert("id".to_owned(), Value::String(format!("{service} at {location}")));
            document.insert("service_id".to_owned(), Value::String(service));
            document.insert("location_id".to_owned(), Value::String(location));
            made.push(RowDocument {
                table: "service_at_locations",
                file: row.file.clone(),
                row: row.row,
                document,
            });
        }
        self.rows.entry("service_at_locations").or_default().extend(made);
    }
}

fn push(home: &mut Object, property: &str, document: Object) {
    let list = home.entry(property).or_insert_with(|| Value::Array(Vec::new()));
    // A column of the same name as the property gives way: HSDS has a list there.
    if !list.is_array() {
        *list = Value::Array(Vec::new());
    }
    if let Value::Array(list) = list {
        list.push(Value::Object(document));
    }
}

/// Adds a row of the eligibility table of versions 1 and 2, which is now in three properties of the service.
fn add_eligibility(service: &mut Object, row: &Object) {
    for property in ["minimum_age", "maximum_age"] {
        if let Some(age) = row.get(property) {
            service.entry(property).or_insert_with(|| age.clone());
        }
    }
    let words = text(row, "eligibility").or_else(|| text(row, "eligibility_description"));
    add_words(service, "eligibility_description", words);
}

/// Adds words to a text, unless they stand there already.
fn add_words(home: &mut Object, property: &str, words: Option<String>) {
    let Some(words) = words else { return };
    let before = text(home, property);
    let joined = match before {
        Some(before) if before.split("; ").any(|part| part == words) => before,
        Some(before) => format!("{before}; {words}"),
        None => words,
    };
    home.insert(property.to_owned(), Value::String(joined));
}
