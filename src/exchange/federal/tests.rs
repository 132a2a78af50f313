//! Small workbooks made for the purpose, and the published one where it is at hand.

use std::io::{Cursor, Read, Write};
use std::path::Path;

use proptest::prelude::*;
use rust_xlsxwriter::Workbook;
use tempfile::TempDir;

use super::read;
use crate::directory::{LocationFacts, OfferingFacts, OrganizationFacts, ServiceFacts};
use crate::exchange::{ReadError, Reading, Row, Statement, postal_codes};
use crate::types::{
    AgeRange, Ages, CapacityPoolId, Coordinates, Criterion, FacilityType, Grade, Grain, LocationId,
    OfferingId, OrganizationId, PlaceQuality, PostalCode, ServiceId, Truth,
};

const HEADER: [&str; 13] = [
    "name1",
    "name2",
    "street1",
    "street2",
    "city",
    "state",
    "zip",
    "phone",
    "intake1",
    "intake2",
    "intake1a",
    "intake2a",
    "service_code_info",
];

const REFERENCE: &[[&str; 5]] = &[
    ["category_code", "category_name", "service_code", "service_name", "service_description"],
    ["TC", "Type of Care", "MH", "Mental health treatment    ", ""],
    ["TC", "Type of Care", "SA", "Substance use treatment", ""],
    ["SET", "Service Setting", "OP", "Outpatient ", ""],
    ["FT", "Facility Type", "OMH", "Outpatient mental health facility", ""],
    ["FT", "Facility Type", "CMHC", "Community mental health center", ""],
    ["TAP", "Treatment Approaches", "CBT", "Cognitive behavioral therapy", ""],
    ["TAP", "Treatment Approaches", "TELE", "Telemedicine/telehealth therapy", ""],
    ["EMS", "Emergency Mental Health Services", "WI", "Psychiatric emergency walk-in services", ""],
    ["PAY", "Payment", "MD", "Medicaid", ""],
    ["PAY", "Payment", "CMHG", "Community Mental Health Block Grants", ""],
    ["PYAS", "Payment Assistance Available", "SS", "Sliding fee scale", ""],
    ["PYAS", "Payment Assistance Available", "PA", "Payment assistance", ""],
    ["SG", "Special Programs", "GL", "LGBTQ", ""],
    ["SG", "Special Programs", "TRMA", "Clients who have experienced trauma", ""],
    ["AGE", "Age Groups Accepted", "CHLD", "Children/adolescents", "accepts children (12 or younger)"],
    ["AGE", "Age Groups Accepted", "YAD", "Young adults", "accepts young adults (18 -25)"],
    ["AGE", "Age Groups Accepted", "ADLT", "Adults", "accepts adults (26 - 64)"],
    ["AGE", "Age Groups Accepted", "SNR", "Seniors", ""],
    ["SL", "Language Services", "SP", "Spanish", ""],
    ["SL", "Language Services", "AH", "Sign language services for the deaf and hard of hearing", ""],
    ["SL", "Language Services", "FX", "Other languages (excluding Spanish)", ""],
    ["OL", "Other Languages", "F17", "Any Chinese Language", ""],
    ["OL", "Other Languages", "F19", "Creole", ""],
    ["OL", "Other Languages", "F99", "Somali", ""],
];

/// A row of the list: names, street, state, ZIP code, phone, codes.
type Line<'a> = [&'a str; 7];

const PLAIN: Line<'static> = ["Care Clinic", "", "1 Main St", "MA", "01840", "978-555-0100", "MH * OP"];

fn with(codes: &str) -> Line<'_> {
    let [name1, name2, street, state, zip, phone, _] = PLAIN;
    [name1, name2, street, state, zip, phone, codes]
}

fn list(lines: &[Line<'_>]) -> Vec<Vec<String>> {
    let mut rows = vec![HEADER.map(str::to_owned).to_vec()];
    for [name1, name2, street, state, zip, phone, codes] in lines {
        let cells = [name1, name2, street, "", "Lawrence", state, zip, phone, "", "", "", "", codes];
        rows.push(cells.map(|cell| (*cell).to_owned()).to_vec());
    }
    rows
}

fn texts(rows: &[[&str; 5]]) -> Vec<Vec<String>> {
    rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect()
}

fn bytes(sheets: &[(&str, Vec<Vec<String>>)]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    for (name, rows) in sheets {
        let sheet = workbook.add_worksheet().set_name(*name).unwrap();
        for (row, cells) in rows.iter().enumerate() {
            for (column, cell) in cells.iter().enumerate() {
                let (row, column) = (u32::try_from(row).unwrap(), u16::try_from(column).unwrap());
                match cell.strip_prefix('#').and_then(|number| number.parse::<f64>().ok()) {
                    Some(number) => sheet.write_number(row, column, number).unwrap(),
                    None => sheet.write_string(row, column, cell).unwrap(),
                };
            }
        }
    }
    workbook.save_to_buffer().unwrap()
}

fn volume(reference: Vec<Vec<String>>, facilities: Vec<Vec<String>>) -> Vec<u8> {
    bytes(&[("Facilities List", facilities), ("Service Code Reference", reference)])
}

fn read_bytes(bytes: &[u8]) -> Result<Reading, ReadError> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("volume.xlsx");
    std::fs::write(&path, bytes).unwrap();
    read(&path, &|code: PostalCode| {
        (code.as_str() == "01840").then(|| Coordinates::new(42.7, -71.16).unwrap())
    })
}

/// What a workbook with the usual reference sheet says of these lines.
fn reading(lines: &[Line<'_>]) -> Reading {
    read_bytes(&volume(texts(REFERENCE), list(lines))).unwrap()
}

fn offering(row: &Row) -> (OfferingId, &OfferingFacts) {
    row.statements
        .iter()
        .find_map(|one| if let Statement::Offering(id, facts) = one { Some((*id, facts)) } else { None })
        .unwrap()
}

fn service(row: &Row) -> (ServiceId, &ServiceFacts) {
    row.statements
        .iter()
        .find_map(|one| if let Statement::Service(id, facts) = one { Some((*id, facts)) } else { None })
        .unwrap()
}

fn organization(row: &Row) -> (OrganizationId, &OrganizationFacts) {
    row.statements
        .iter()
        .find_map(|one| if let Statement::Organization(id, facts) = one { Some((*id, facts)) } else { None })
        .unwrap()
}

fn location(row: &Row) -> (LocationId, &LocationFacts) {
    row.statements
        .iter()
        .find_map(|one| if let Statement::Location(id, facts) = one { Some((*id, facts)) } else { None })
        .unwrap()
}

fn pool(row: &Row) -> CapacityPoolId {
    row.statements
        .iter()
        .find_map(|one| if let Statement::CapacityPool(id, _) = one { Some(*id) } else { None })
        .unwrap()
}

/// An optional list as its codes.
fn codes<T: serde::Serialize>(list: Option<&Vec<T>>) -> Vec<String> {
    let value = serde_json::to_value(list).unwrap();
    value.as_array().into_iter().flatten().map(|one| one.as_str().unwrap().to_owned()).collect()
}

fn languages(offering: &OfferingFacts) -> Vec<String> {
    let listed = offering.languages.iter().flatten();
    listed.map(|one| format!("{} {}", one.language, one.mode)).collect()
}

mod codes;
mod files;
mod identity;
mod published;
