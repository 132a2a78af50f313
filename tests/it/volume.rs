//! Small volumes of the federal directory, made for a test.

use std::path::{Path, PathBuf};

use rust_xlsxwriter::Workbook;

const COLUMNS: [&str; 9] =
    ["name1", "name2", "street1", "city", "state", "zip", "phone", "website", "service_code_info"];

/// Category, code, name, description.
const REFERENCE: [[&str; 4]; 14] = [
    ["category_code", "service_code", "service_name", "service_description"],
    ["TC", "MH", "Mental health treatment", ""],
    ["SET", "OP", "Outpatient", ""],
    ["FT", "OMH", "Outpatient mental health facility", ""],
    ["FT", "CMHC", "Community mental health center", ""],
    ["TAP", "CBT", "Cognitive behavioral therapy", ""],
    ["TAP", "EMDR", "Eye movement desensitization and reprocessing", ""],
    ["PAY", "MD", "Medicaid", ""],
    ["PAY", "PI", "Private health insurance", ""],
    ["PYAS", "SS", "Sliding fee scale", ""],
    ["AGE", "CHLD", "Children/adolescents", "accepts children (12 or younger)"],
    ["AGE", "ADLT", "Adults", "accepts adults (26 - 64)"],
    ["SL", "SP", "Spanish", ""],
    ["OL", "F67", "Portuguese", ""],
];

/// A row of the list of facilities.
#[derive(Clone, Debug)]
pub struct Facility {
    pub name: String,
    pub street: String,
    pub zip: String,
    pub phone: String,
    pub website: String,
    pub codes: String,
}

/// A clinic in Lawrence; the number tells it from others.
pub fn clinic(number: usize) -> Facility {
    Facility {
        name: format!("Clinic {number}"),
        street: format!("{number} Main Street"),
        zip: "01840".to_owned(),
        phone: "978-555-0100".to_owned(),
        website: String::new(),
        codes: "MH * OP * MD * SP * CHLD".to_owned(),
    }
}

/// Writes a volume with these facilities into `folder`.
pub fn volume(folder: &Path, name: &str, facilities: &[Facility]) -> PathBuf {
    let rows = facilities.iter().map(|one| {
        [&one.name, "", &one.street, "Lawrence", "MA", &one.zip, &one.phone, &one.website, &one.codes]
    });
    let mut workbook = Workbook::new();
    let list = workbook.add_worksheet().set_name("Facilities List").unwrap();
    for (row, cells) in (0..).zip([COLUMNS].into_iter().chain(rows)) {
        list.write_row(row, 0, cells).unwrap();
    }
    let reference = workbook.add_worksheet().set_name("Service Code Reference").unwrap();
    for (row, cells) in (0..).zip(REFERENCE) {
        reference.write_row(row, 0, cells).unwrap();
    }
    let path = folder.join(name);
    workbook.save(&path).unwrap();
    path
}

/// Writes a volume that has lost its reference sheet.
pub fn without_reference(folder: &Path) -> PathBuf {
    let mut workbook = Workbook::new();
    let list = workbook.add_worksheet().set_name("Facilities List").unwrap();
    list.write_row(0, 0, COLUMNS).unwrap();
    let path = folder.join("without-reference.xlsx");
    workbook.save(&path).unwrap();
    path
}
