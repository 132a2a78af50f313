//! The tables of an HSDS package, under the names of versions 1.1 to 3, as rows with the names of version 3.

use serde_json::{Number, Value};

use super::kinds::Object;
use super::schedules::weekday_code;
use crate::exchange::table::{Columns, Table};

/// A table as version 3 has it.
pub(super) struct Shape {
    /// Its name.
    pub(super) name: &'static str,
    /// The names that its file has, or had in older versions.
    files: &'static [&'static str],
    /// Columns with the names of older versions, and how they are called now.
    renamed: &'static [(&'static str, &'static str)],
    /// Columns that hold numbers.
    numbers: &'static [&'static str],
}

const fn shape(
    name: &'static str,
    files: &'static [&'static str],
    renamed: &'static [(&'static str, &'static str)],
    numbers: &'static [&'static str],
) -> Shape {
    Shape { name, files, renamed, numbers }
}

/// Every table. A file may be called by the singular too.
pub(super) const TABLES: [Shape; 26] = [
    shape("organizations", &["organization"], &[("url", "website")], &["year_incorporated"]),
    shape("locations", &["location"], &[], &["latitude", "longitude"]),
    shape("services", &["service"], &[], &["minimum_age", "maximum_age"]),
    shape(
        "service_at_locations",
        &["service_at_location", "services_at_location", "services_at_locations"],
        &[],
        &[],
    ),
    shape("taxonomies", &[], &[], &[]),
    shape("taxonomy_terms", &["taxonomy_term", "taxonomy"], &[("vocabulary", "taxonomy")], &[]),
    shape("metadata", &["metadatum"], &[], &[]),
    shape(
        "attributes",
        &[
            "attribute",
            "service_attributes",
            "services_attributes",
            "service_attribute",
            "other_attributes",
            "other_attribute",
            "service_taxonomy",
            "services_taxonomy",
            "service_taxonomies",
        ],
        &[("taxonomy_id", "taxonomy_term_id")],
        &[],
    ),
    shape("languages", &["language"], &[("language", "name")], &[]),
    shape("phones", &["phone"], &[], &["extension"]),
    shape("units", &["unit"], &[], &[]),
    shape(
        "service_capacity",
        &["service_capacities", "capacities", "capacity"],
        &[],
        &["available", "maximum"],
    ),
    shape("urls", &["url"], &[], &[]),
    shape("contacts", &["contact"], &[], &[]),
    shape(
        "addresses",
        &["address", "physical_addresses", "physical_address", "postal_addresses", "postal_address"],
        &[],
        &[],
    ),
    shape(
        "schedules",
        &["schedule", "regular_schedules", "regular_schedule", "holiday_schedules", "holiday_schedule"],
        &[("start_date", "valid_from"), ("end_date", "valid_to")],
        &["timezone", "count", "interval"],
    ),
    shape("funding", &["fundings"], &[], &[]),
    shape("service_areas", &["service_area", "services_areas"], &[("service_area", "name")], &[]),
    shape("required_documents", &["required_document"], &[], &[]),
    shape(
        "accessibility",
        &["accessibility_for_disabilities", "accessibilities"],
        &[("accessibility", "description")],
        &[],
    ),
    shape(
        "cost_options",
        &["cost_option", "payments_accepted", "payment_accepted", "payment_accepteds", "fees", "fee"],
        &[("payment", "option"), ("fee", "option")],
        &["amount"],
    ),
    shape("programs", &["program"], &[], &[]),
    shape("organization_identifiers", &["organization_identifier"], &[], &[]),
    shape("eligibility", &["eligibilities", "eligibility_criteria"], &[], &["minimum_age", "maximum_age"]),
    shape("interpretation_services", &["interpretation_service"], &[("language", "name")], &[]),
    shape("meta_table_descriptions", &["meta_table_description"], &[], &[]),
];

/// A row as an object.
#[derive(Clone, Debug)]
pub(super) struct RowDocument {
    pub(super) table: &'static str,
    pub(super) file: String,
    pub(super) row: u64,
    pub(super) document: Object,
}

impl Shape {
    fn is_called(&self, stem: &str) -> bool {
        self.name == stem || self.files.contains(&stem)
    }

    /// The name that a column has now.
    fn column(&self, name: &str) -> String {
        let name = name.trim().to_lowercase();
        let renamed = self.renamed.iter().find(|(old, _)| *old == name);
        renamed.map_or(name, |(_, new)| (*new).to_owned())
    }

    /// A cell as a value: a number where the column holds numbers and this is one.
    fn value(&self, column: &str, cell: &str) -> Value {
        let is_number = self.numbers.contains(&column);
        let number = cell.trim();
        // "007" and "1e3" are no numbers as people write them, and would not come out as they went in.
        let number: Option<Number> =
            number.parse().ok().filter(|parsed: &Number| is_number && parsed.to_string() == number);
        number.map_or_else(|| Value::String(cell.to_owned()), Value::Number)
    }
}

/// The table that a file holds.
pub(super) fn of_file(file: &str, columns: &Columns) -> Option<&'static Shape> {
    let stem = file.split('.').next().unwrap_or_default();
    // Version 1 called its terms a taxonomy.
    if stem == "taxonomy" && columns.find(&["parent_id", "vocabulary", "parent_name", "taxonomy"]).is_none() {
        return TABLES.iter().find(|table| table.name == "taxonomies");
    }
    TABLES.iter().find(|table| table.is_called(stem))
}

/// The rows of a CSV table. Empty cells are absent.
pub(super) fn rows(file: &str, table: &Table) -> Vec<RowDocument> {
    let Some(shape) = of_file(file, &table.columns) else { return Vec::new() };
    let names: Vec<String> = table.columns.names.iter().map(|name| shape.column(name)).collect();
    let of_record = |record: &crate::exchange::table::Record| {
        let mut document = Object::new();
        for (name, cell) in names.iter().zip(&record.cells) {
            if !name.is_empty() && !cell.trim().is_empty() && !document.contains_key(name) {
                document.insert(name.clone(), shape.value(name, cell));
            }
        }
        modernize(file, &mut document);
        RowDocument { table: shape.name, file: file.to_owned(), row: record.number, document }
    };
    table.records.iter().map(of_record).collect()
}

/// The rows of a table that is given as JSON.
pub(super) fn rows_of_objects(file: &str, rows: Vec<Value>) -> Vec<RowDocument> {
    let mut documents = Vec::new();
    for (position, row) in rows.into_iter().enumerate() {
        let Value::Object(mut document) = row else { continue };
        let columns = Columns::new(document.keys().cloned().collect());
        let Some(shape) = of_file(file, &columns) else { continue };
        document.retain(|_, value| !value.is_null());
        modernize(file, &mut document);
        documents.push(RowDocument {
            table: shape.name,
            file: file.to_owned(),
            row: position as u64 + 1,
            document,
        });
    }
    documents
}

/// Says in the words of version 3 what older files said by their name or in other columns.
fn modernize(file: &str, document: &mut Object) {
    let stem = file.split('.').next().unwrap_or_default();
    let mut say = |property: &str, value: &str| {
        document.entry(property).or_insert_with(|| Value::String(value.to_owned()));
    };
    match stem {
        "physical_addresses" | "physical_address" => say("address_type", "physical"),
        "postal_addresses" | "postal_address" => say("address_type", "postal"),
        "regular_schedules" | "regular_schedule" => {
            say("freq", "WEEKLY");
            let weekday = document.get("weekday").and_then(Value::as_str).and_then(weekday_code);
            if let Some(code) = weekday {
                document.remove("weekday");
                document.insert("byday".to_owned(), Value::String(code.to_owned()));
            }
        }
        // Version 1 had the code of a term as its id.
        "taxonomy" => {
            if let Some(id) =
                super::kinds::text(document, "id").filter(|id| uuid::Uuid::try_parse(id).is_err())
            {
                document.entry("code").or_insert(Value::String(id));
            }
        }
        _ => {}
    }
}
