//! What a reader hands over.

use std::collections::BTreeMap;
use std::io;

use super::hsds::KeptDocument;
use crate::directory::{
    CapacityPoolFacts, DistrictFacts, InsurancePlanFacts, LocationFacts, OfferingFacts, OrganizationFacts,
    PartnershipFacts, SchoolFacts, ServiceFacts,
};
use crate::types::{
    CapacityPoolId, DistrictId, InsurancePlanId, LocationId, OfferingId, OrganizationId, PartnershipId,
    SchoolId, ServiceId,
};

/// The largest file that is read, in bytes: some fifty times the federal directory.
pub const MAX_FILE_BYTES: u64 = 64 << 20;
/// The most that a workbook may unpack to, in bytes. A packed file can grow a thousandfold.
pub const MAX_UNPACKED_BYTES: u64 = 256 << 20;
/// The most rows of one file: more than all schools of the United States.
pub const MAX_ROWS: usize = 500_000;

/// One thing that a source states, with the id it has here.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a row's statements are few and short-lived")]
pub enum Statement {
    /// An organization.
    Organization(OrganizationId, OrganizationFacts),
    /// A place of it.
    Location(LocationId, LocationFacts),
    /// A service of it.
    Service(ServiceId, ServiceFacts),
    /// Whose openings its offerings draw on.
    CapacityPool(CapacityPoolId, CapacityPoolFacts),
    /// A plan of an insurer.
    InsurancePlan(InsurancePlanId, InsurancePlanFacts),
    /// What one refers to.
    Offering(OfferingId, OfferingFacts),
    /// A school district.
    District(DistrictId, DistrictFacts),
    /// A school.
    School(SchoolId, SchoolFacts),
    /// An agreement between an organization and a district or schools.
    Partnership(PartnershipId, PartnershipFacts),
    /// The source's own HSDS document, which is kept so that it comes out again.
    Document(KeptDocument),
}

/// All that one row states. What a statement refers to stands before it; what several rows share, such as an
/// organization, is stated by each of them in the same words.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The row of the sheet, or the line of the file; the header is 1.
    pub number: u64,
    /// What it states.
    pub statements: Vec<Statement>,
}

/// A row that states nothing usable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The row of the sheet, or the line of the file; the header is 1.
    pub row: u64,
    /// What is wrong with it, and what would be right.
    pub reason: String,
    /// Its cells as they were read, each with its column's name; cells beyond the last column are left out.
    pub content: Vec<(String, String)>,
}

/// What a file states.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Rows with content, the header apart. More than rows and rejects together where a note says that rows
    /// were left out.
    pub read: u64,
    /// What each good row states, in the order of the file.
    pub rows: Vec<Row>,
    /// The rows that were refused, in the order of the file.
    pub rejects: Vec<Reject>,
    /// What was left out or not understood, and in how many rows.
    pub notes: BTreeMap<String, u64>,
    /// The names of the columns.
    pub header: Vec<String>,
}

impl Reading {
    /// Counts one row under `note`.
    pub(super) fn note(&mut self, note: impl Into<String>) {
        *self.notes.entry(note.into()).or_default() += 1;
    }
}

/// Why a file cannot be read at all. Its sentence says what is wrong and what would be right; whoever shows
/// it names the file.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be opened.
    #[error("it cannot be read: {0}")]
    Open(#[from] io::Error),
    /// It is larger than [`MAX_FILE_BYTES`].
    #[error("it is larger than {} MiB, the most that is read", MAX_FILE_BYTES >> 20)]
    TooLarge,
    /// It unpacks to more than [`MAX_UNPACKED_BYTES`].
    #[error("it unpacks to more than {} MiB, the most that is read", MAX_UNPACKED_BYTES >> 20)]
    UnpacksTooLarge,
    /// It has more than [`MAX_ROWS`] rows.
    #[error("it has more than {MAX_ROWS} rows, the most that is read; split it")]
    TooManyRows,
    /// It is not an .xlsx workbook.
    #[error("it is not an .xlsx workbook but {found}; {hint}")]
    NotAWorkbook {
        /// What it looks like.
        found: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// It begins as a workbook and cannot be unpacked or read to its end.
    #[error(
        "the workbook is damaged or was cut short ({detail}); fetch it again, or open it in a spreadsheet \
         program and save it as .xlsx"
    )]
    Damaged {
        /// What the unpacking or the reading met.
        detail: String,
    },
    /// A sheet is not there.
    #[error("the sheet {sheet:?} is missing; the sheets are {}", list(.present))]
    SheetMissing {
        /// The sheet that is needed.
        sheet: &'static str,
        /// The sheets that are there.
        present: Vec<String>,
    },
    /// There is no line with the names of columns.
    #[error("{place} is empty: a first row with the names of the columns is needed")]
    NoHeader {
        /// The sheet or the file.
        place: String,
    },
    /// Columns are not there.
    #[error("{place} has no column {}; its columns are {}", .missing.join(", "), list(.present))]
    ColumnsMissing {
        /// The sheet or the file.
        place: String,
        /// The columns that are needed, with `or` between the names that one may have.
        missing: Vec<String>,
        /// The columns that are there.
        present: Vec<String>,
    },
    /// The reference sheet defines nothing.
    #[error("the sheet {sheet:?} defines no codes: without it no code of the directory has a meaning")]
    NoCodes {
        /// The sheet.
        sheet: &'static str,
    },
    /// The text of the header is not UTF-8.
    #[error("line {line} is not UTF-8 text; save the file as CSV in UTF-8")]
    NotUtf8 {
        /// The line; the header is 1.
        line: u64,
    },
    /// The file is not text of the kind wanted.
    #[error("it is {found}, not CSV text; save it as CSV in UTF-8")]
    NotCsv {
        /// What it looks like.
        found: &'static str,
    },
    /// The file is not GeoJSON of the kind wanted.
    #[error("it is not a GeoJSON FeatureCollection: {found}")]
    NotGeoJson {
        /// What was met.
        found: String,
    },
    /// Positions are not longitude and latitude.
    #[error(
        "its positions are in the reference system {system}; save it in WGS 84 (EPSG:4326), longitude first, as \
         GeoJSON wants it"
    )]
    OtherReferenceSystem {
        /// Its name.
        system: String,
    },
    /// It is nothing that HSDS has; says what was found and what was expected.
    #[error("{0}")]
    NotHsds(String),
    /// The header is one cell.
    #[error(
        "its first line has no comma, semicolon or tab between the names of columns: {header:?} is the only one"
    )]
    NoDelimiter {
        /// The first line.
        header: String,
    },
}

/// Names for a sentence, each in quotes, and not more of them than one reads.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 40;
    let mut shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("{name:?}")).collect();
    match names.len() {
        0 => shown.push("none".to_owned()),
        many if many > SHOWN => shown.push(format!("and {} more", many - SHOWN)),
        _ => {}
    }
    shown.join(", ")
}
