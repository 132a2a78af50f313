//! Tables with named columns: what sheets and CSV files have in common, and how CSV is read.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::reading::{MAX_FILE_BYTES, MAX_ROWS, ReadError, Reject};
use crate::types::Coordinates;

/// How many line breaks a quoted cell may hold. With more it is a quotation mark that nobody closed, and the
/// rows after it are inside the cell.
const MAX_LINE_BREAKS: usize = 20;

/// The names of the columns, found in any case and without the spaces around them.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) names: Vec<String>,
    positions: HashMap<String, usize>,
}

impl Columns {
    pub(super) fn new(names: Vec<String>) -> Self {
        let mut positions = HashMap::new();
        for (position, name) in names.iter().enumerate() {
            positions.entry(name.to_lowercase()).or_insert(position);
        }
        Self { names, positions }
    }

    /// The first of these names that is a column.
    pub(super) fn find(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.positions.get(*name).copied())
    }

    /// Finds the columns that must be there; each may have one of several names.
    pub(super) fn require<const N: usize>(
        &self,
        place: &str,
        needed: [&[&str]; N],
    ) -> Result<[usize; N], ReadError> {
        let missing: Vec<String> = needed
            .iter()
            .filter(|names| self.find(names).is_none())
            .map(|names| names.join(" or "))
            .collect();
        if !missing.is_empty() {
            return Err(ReadError::ColumnsMissing {
                place: place.to_owned(),
                missing,
                present: self.names.clone(),
            });
        }
        Ok(needed.map(|names| self.find(names).expect("no column is missing, as was just checked")))
    }
}

/// One row: cleaned cells by position.
#[derive(Debug)]
pub(super) struct Record {
    /// The row or line; the header is 1.
    pub(super) number: u64,
    pub(super) cells: Vec<String>,
}

impl Record {
    /// The text of a column, empty where the row ends before it.
    pub(super) fn at(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }

    /// The text of a column that may not be there.
    pub(super) fn maybe(&self, column: Option<usize>) -> &str {
        column.map_or("", |column| self.at(column))
    }

    /// Refuses the row.
    pub(super) fn reject(&self, columns: &Columns, reason: impl Into<String>) -> Reject {
        let content = columns.names.iter().cloned().zip(self.cells.iter().cloned()).collect();
        Reject { row: self.number, reason: reason.into(), content }
    }
}

/// A CSV file.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) columns: Columns,
    pub(super) records: Vec<Record>,
    /// Rows that are no rows of this table: too long, too short, not text.
    pub(super) rejects: Vec<Reject>,
}

/// The whitespace folded and control characters (which no database takes, and which ids are joined by)
/// dropped.
pub(super) fn cleaned(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// A name as it is compared: without regard to case, whitespace and closing punctuation.
pub(super) fn comparable(text: &str) -> String {
    cleaned(text).to_lowercase().trim_end_matches(['.', ',', ';', ':', ' ']).to_owned()
}

/// The text, or nothing where it is empty.
pub(super) fn stated(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// A point, if there is one; half a point or no number is a fault of the row.
pub(super) fn coordinates(latitude: &str, longitude: &str) -> Result<Option<Coordinates>, String> {
    if latitude.is_empty() && longitude.is_empty() {
        return Ok(None);
    }
    let number = |name: &str, text: &str| -> Result<f64, String> {
        text.parse().map_err(|_| format!("{name} {text:?} is not a number"))
    };
    let point = Coordinates::new(number("latitude", latitude)?, number("longitude", longitude)?);
    point.map(Some).map_err(|error| error.to_string())
}

/// A file of at most [`MAX_FILE_BYTES`].
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    // One byte more than allowed is asked for, whatever the file system says of the size.
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(ReadError::TooLarge);
    }
    Ok(bytes)
}

/// Reads a CSV file: UTF-8 with or without a byte order mark, cells divided by commas, semicolons or tabs.
pub(super) fn read(path: &Path) -> Result<Table, ReadError> {
    parse(&bytes(path)?)
}

/// As [`read`], from memory.
pub(super) fn parse(bytes: &[u8]) -> Result<Table, ReadError> {
    parse_cells(bytes, cleaned, MAX_LINE_BREAKS)
}

/// As [`parse`], with the cells to the letter: texts of several paragraphs, with the spaces around them.
pub(super) fn parse_to_the_letter(bytes: &[u8]) -> Result<Table, ReadError> {
    parse_cells(bytes, str::to_owned, 50 * MAX_LINE_BREAKS)
}

fn parse_cells(bytes: &[u8], cell: fn(&str) -> String, line_breaks: usize) -> Result<Table, ReadError> {
    let bytes = match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => rest,
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => return Err(ReadError::NotCsv { found: "UTF-16 text" }),
        [b'P', b'K', 3, 4, ..] => {
            return Err(ReadError::NotCsv { found: "a workbook or another packed file" });
        }
        bytes => bytes,
    };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter(bytes)?)
        .has_headers(false)
        .flexible(true)
        .from_reader(bytes);
    let mut raw = csv::ByteRecord::new();
    let no_header = || ReadError::NoHeader { place: "the file".to_owned() };
    if !next(&mut reader, &mut raw)? {
        return Err(no_header());
    }
    let names: Option<Vec<String>> =
        raw.iter().map(|cell| std::str::from_utf8(cell).ok().map(cleaned)).collect();
    let columns = Columns::new(names.ok_or(ReadError::NotUtf8 { line: 1 })?);
    if columns.names.iter().all(String::is_empty) {
        return Err(no_header());
    }
    let mut table = Table { columns, records: Vec::new(), rejects: Vec::new() };
    while next(&mut reader, &mut raw)? {
        if table.records.len() + table.rejects.len() >= MAX_ROWS {
            return Err(ReadError::TooManyRows);
        }
        table.take(&raw, line_of(bytes, &raw), cell, line_breaks);
    }
    Ok(table)
}

impl Table {
    /// Takes one row, or refuses it.
    fn take(&mut self, raw: &csv::ByteRecord, number: u64, cell: fn(&str) -> String, line_breaks: usize) {
        let cells = raw.iter().map(|bytes| cell(&String::from_utf8_lossy(bytes))).collect();
        let record = Record { number, cells };
        if record.cells.iter().all(|cell| cell.trim().is_empty()) {
            return;
        }
        match fault(raw, &self.columns, line_breaks) {
            Some(reason) => self.rejects.push(record.reject(&self.columns, reason)),
            None => self.records.push(record),
        }
    }
}

/// What makes a row no row of the table.
fn fault(raw: &csv::ByteRecord, columns: &Columns, line_breaks: usize) -> Option<String> {
    let breaks = |cell: &[u8]| cell.split(|byte| *byte == b'\n').count() - 1;
    if raw.iter().any(|cell| breaks(cell) > line_breaks) {
        return Some(
            "a quotation mark is opened here and not closed: the rows after it are inside the cell".into(),
        );
    }
    if raw.len() != columns.names.len() {
        return Some(format!("the row has {} cells, the header {}", raw.len(), columns.names.len()));
    }
    let broken = raw.iter().position(|cell| std::str::from_utf8(cell).is_err())?;
    let name = &columns.names[broken];
    Some(format!("the column {name:?} is not UTF-8 text; save the file as CSV in UTF-8"))
}

/// The next row; false at the end. A flexible reader of bytes in memory fails on nothing, but its type can.
fn next(reader: &mut csv::Reader<&[u8]>, raw: &mut csv::ByteRecord) -> Result<bool, ReadError> {
    reader.read_byte_record(raw).map_err(|error| ReadError::Open(error.into()))
}

/// The line on which a row begins. The csv reader counts from where the row before it ended, which is above
/// the empty lines between the two.
fn line_of(bytes: &[u8], raw: &csv::ByteRecord) -> u64 {
    let Some(position) = raw.position() else { return 0 };
    let from = usize::try_from(position.byte()).unwrap_or(usize::MAX).min(bytes.len());
    let above = bytes[from..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + above.filter(|byte| **byte == b'\n').count() as u64
}

/// The delimiter that stands oftenest between the names of columns.
fn delimiter(bytes: &[u8]) -> Result<u8, ReadError> {
    let start = bytes.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(bytes.len());
    let header = bytes[start..].split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for byte in header {
        quoted ^= *byte == b'"';
        for (delimiter, count) in &mut counts {
            *count += usize::from(!quoted && byte == delimiter);
        }
    }
    match counts.into_iter().max_by_key(|(_, count)| *count) {
        Some((delimiter, 1..)) => Ok(delimiter),
        _ if header.is_empty() => Err(ReadError::NoHeader { place: "the file".to_owned() }),
        _ => {
            let shown: String = String::from_utf8_lossy(header).chars().take(100).collect();
            Err(ReadError::NoDelimiter { header: cleaned(&shown) })
        }
    }
}
