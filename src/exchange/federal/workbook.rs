//! The sheets of an .xlsx workbook as tables of text.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::panic;
use std::path::Path;

use calamine::{DataRef, Reader, Xlsx, XlsxError};

use crate::exchange::reading::{MAX_ROWS, MAX_UNPACKED_BYTES, ReadError};
use crate::exchange::table::{self, Columns, Record, cleaned};

/// Cells further to the right are not looked at: no volume of the directory has a tenth of it.
const MAX_COLUMNS: u32 = 256;

/// A sheet: its first row with content names the columns.
pub(super) struct Sheet {
    pub(super) columns: Columns,
    pub(super) records: Vec<Record>,
}

/// Reads the sheets of these names, in whatever case and with whatever spaces around them.
///
/// Every part is unpacked once beforehand, so that a cut, a flipped bit or a file that grows without end is met
/// there and not halfway.
pub(super) fn sheets<const N: usize>(path: &Path, names: [&'static str; N]) -> Result<[Sheet; N], ReadError> {
    let bytes = table::bytes(path)?;
    recognize(&bytes)?;
    unpack(&bytes)?;
    // calamine 0.38 panics on some malformed references (a cell at "inlineStr1" overflows its column). Nothing
    // that it leaves behind is used again, so it is safe to catch.
    let read = panic::catch_unwind(move || {
        let mut workbook = Xlsx::new(Cursor::new(bytes)).map_err(damaged)?;
        names.into_iter().map(|name| sheet(&mut workbook, name)).collect::<Result<Vec<_>, ReadError>>()
    });
    let sheets =
        read.map_err(|_| ReadError::Damaged { detail: "a part of it makes no sense".to_owned() })??;
    sheets.try_into().map_err(|_| ReadError::Damaged { detail: "a sheet is missing".to_owned() })
}

/// Reads one sheet cell by cell. calamine's ranges are dense, and one stray cell in the last corner of a sheet
/// would make it ask for more memory than there is.
fn sheet(workbook: &mut Xlsx<Cursor<Vec<u8>>>, name: &'static str) -> Result<Sheet, ReadError> {
    let present = workbook.sheet_names();
    let Some(actual) = present.iter().find(|sheet| cleaned(sheet).eq_ignore_ascii_case(name)).cloned() else {
        return Err(ReadError::SheetMissing { sheet: name, present });
    };
    let mut rows = rows(workbook, &actual)?.into_iter();
    let header = rows.next().ok_or_else(|| ReadError::NoHeader { place: format!("the sheet {name:?}") })?;
    Ok(Sheet {
        columns: Columns::new(header.1),
        records: rows.map(|(row, cells)| Record { number: u64::from(row) + 1, cells }).collect(),
    })
}

/// The rows that have content, by their position in the sheet.
fn rows(workbook: &mut Xlsx<Cursor<Vec<u8>>>, sheet: &str) -> Result<BTreeMap<u32, Vec<String>>, ReadError> {
    let mut rows: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    let mut size = 0;
    let mut cells = workbook.worksheet_cells_reader(sheet).map_err(damaged)?;
    while let Some(cell) = cells.next_cell().map_err(damaged)? {
        let (row, column) = cell.get_position();
        let text = text(cell.get_value());
        if text.is_empty() || column >= MAX_COLUMNS {
            continue;
        }
        // A short reference may stand for a long shared text, as often as one likes.
        size += text.len() as u64;
        if size > MAX_UNPACKED_BYTES {
            return Err(ReadError::UnpacksTooLarge);
        }
        let row = rows.entry(row).or_default();
        let column = column as usize;
        if row.len() <= column {
            row.resize(column + 1, String::new());
        }
        row[column] = text;
        if rows.len() > MAX_ROWS {
            return Err(ReadError::TooManyRows);
        }
    }
    Ok(rows)
}

/// A cell as text. A whole number has no ".0": a ZIP code or a phone number is text that looks like one.
fn text(cell: &DataRef<'_>) -> String {
    match cell {
        DataRef::SharedString(text) => cleaned(text),
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => number.to_string(),
        DataRef::Bool(truth) => truth.to_string(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => cleaned(text),
        DataRef::DateTime(date) => date.as_f64().to_string(),
        // "#N/A" says that there is no value.
        DataRef::Error(_) | DataRef::Empty => String::new(),
    }
}

/// Refuses what does not begin as a packed file, with a hint for what people take for an .xlsx.
fn recognize(bytes: &[u8]) -> Result<(), ReadError> {
    const SAVE: &str = "open it in a spreadsheet program and save it as .xlsx";
    let (found, hint) = match bytes {
        [b'P', b'K', 3, 4, ..] => return Ok(()),
        [] => ("an empty file", "fetch it again"),
        [0xD0, 0xCF, 0x11, 0xE0, ..] => ("an old .xls or a workbook with a password", SAVE),
        [b'%', b'P', b'D', b'F', ..] => ("a PDF", "the publisher offers the directory as a workbook too"),
        _ if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<') => {
            ("a web page", "the link may have led to a page about the file: fetch the file itself")
        }
        _ => ("something else", SAVE),
    };
    Err(ReadError::NotAWorkbook { found, hint })
}

/// Unpacks every part into nothing. The size that a packed file states of itself may be a lie, so the bytes
/// are counted.
fn unpack(bytes: &[u8]) -> Result<(), ReadError> {
    let damaged = |error: &dyn std::fmt::Display| ReadError::Damaged { detail: error.to_string() };
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
    let mut left = MAX_UNPACKED_BYTES;
    for part in 0..archive.len() {
        let part = archive.by_index(part).map_err(|error| damaged(&error))?;
        let read = io::copy(&mut part.take(left + 1), &mut io::sink()).map_err(|error| damaged(&error))?;
        left = left.checked_sub(read).ok_or(ReadError::UnpacksTooLarge)?;
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn damaged(error: XlsxError) -> ReadError {
    ReadError::Damaged { detail: error.to_string() }
}
