//! Opens what is given: files, folders and archives of JSON and CSV, all bounded.
//!
//! A path inside an archive is never followed: of each entry only its last name counts, and only to tell what it
//! holds.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;

use serde_json::Value;

use super::kinds::Object;
use super::shape::{self, Content};
use super::tables::{self, RowDocument};
use crate::exchange::reading::{MAX_ROWS, MAX_UNPACKED_BYTES, ReadError, Reject};
use crate::exchange::table;

/// The most files of a folder or an archive: HSDS has some thirty tables.
const MAX_FILES: usize = 500;
/// The longest line of a file with one object a line, in bytes.
const MAX_LINE_BYTES: u64 = 4 << 20;
/// How much larger than its archive the content may be, beyond the first megabytes. Tables shrink to a tenth or
/// a twentieth; what shrinks to a thousandth was made to fill a disk.
const MAX_RATIO: u64 = 200;
/// Content that is never too large for its archive, in bytes.
const SMALL: u64 = 4 << 20;

/// All that was opened, in the order given.
#[derive(Default)]
pub(super) struct Opened {
    /// Objects, each with what the file's name or the object around it says that it is.
    pub(super) objects: Vec<FoundObject>,
    /// Rows of tables.
    pub(super) rows: Vec<RowDocument>,
    /// Lines and rows that are none.
    pub(super) rejects: Vec<Reject>,
    /// What was passed over.
    pub(super) notes: Vec<String>,
}

/// An object of a JSON file.
pub(super) struct FoundObject {
    pub(super) file: String,
    pub(super) row: u64,
    pub(super) named: Option<super::kinds::Kind>,
    pub(super) object: Object,
}

impl Opened {
    /// Opens a file, a folder or an archive.
    pub(super) fn open(&mut self, path: &Path) -> Result<(), ReadError> {
        let name = last_name(&path.to_string_lossy());
        if path.is_dir() {
            return self.open_folder(path);
        }
        if is_lines(&name) {
            return self.read_lines(&name, BufReader::new(File::open(path)?));
        }
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_UNPACKED_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_UNPACKED_BYTES {
            return Err(not_hsds(format!(
                "it is larger than {} MiB, the most that is read",
                MAX_UNPACKED_BYTES >> 20
            )));
        }
        if bytes.starts_with(b"PK") { self.open_archive(bytes) } else { self.read(&name, &bytes) }
    }

    fn open_folder(&mut self, folder: &Path) -> Result<(), ReadError> {
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = last_name(&path.to_string_lossy());
            if path.is_file() && is_wanted(&name) {
                paths.push(path);
            }
            if paths.len() > MAX_FILES {
                return Err(not_hsds(format!(
                    "the folder has more than {MAX_FILES} files, the most that are read"
                )));
            }
        }
        if paths.is_empty() {
            return Err(not_hsds(
                "the folder has neither tables (organizations.csv, services.csv, …) nor JSON".to_owned(),
            ));
        }
        paths.sort();
        let before = self.rows.len() + self.objects.len();
        for path in &paths {
            let name = last_name(&path.to_string_lossy());
            self.open(path).map_err(|error| not_hsds(format!("{name}: {error}")))?;
        }
        self.something_since(before, "folder")
    }

    fn open_archive(&mut self, bytes: Vec<u8>) -> Result<(), ReadError> {
        let packed = bytes.len() as u64;
        let damaged = |error: &dyn std::fmt::Display| {
            not_hsds(format!("the archive is damaged or was cut short ({error}); fetch it again"))
        };
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
        if archive.len() > MAX_FILES {
            return Err(not_hsds(format!(
                "the archive has {} files, and at most {MAX_FILES} are read",
                archive.len()
            )));
        }
        let before = self.rows.len() + self.objects.len();
        // What a packed file states of its own size may be a lie, so the bytes are counted.
        let most = MAX_UNPACKED_BYTES.min(SMALL.max(packed.saturating_mul(MAX_RATIO)));
        let mut left = most;
        for position in 0..archive.len() {
            let entry = archive.by_index(position).map_err(|error| damaged(&error))?;
            let path = String::from_utf8_lossy(entry.name_raw()).into_owned();
            let name = last_name(&path);
            if entry.is_dir() || path.contains("__MACOSX") || !is_wanted(&name) {
                continue;
            }
            let mut content = Vec::new();
            entry.take(left + 1).read_to_end(&mut content).map_err(|error| damaged(&error))?;
            left = left.checked_sub(content.len() as u64).ok_or_else(|| {
                not_hsds(format!(
                    "the archive unpacks to more than {} MiB, the most that is read of one of this size",
                    most >> 20
                ))
            })?;
            let read = if is_lines(&name) {
                self.read_lines(&name, content.as_slice())
            } else {
                self.read(&name, &content)
            };
            read.map_err(|error| not_hsds(format!("{name}: {error}")))?;
        }
        self.something_since(before, "archive")
    }

    fn something_since(&self, before: usize, place: &str) -> Result<(), ReadError> {
        if self.rows.len() + self.objects.len() > before || !self.notes.is_empty() {
            return Ok(());
        }
        Err(not_hsds(format!(
            "the {place} holds nothing of HSDS: neither tables with rows nor JSON with objects"
        )))
    }

    /// Reads one file from memory.
    fn read(&mut self, name: &str, bytes: &[u8]) -> Result<(), ReadError> {
        if has_ending(name, "csv") {
            return self.read_table(name, bytes);
        }
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        match serde_json::from_slice::<Value>(text) {
            Ok(value) => self.take(name, value),
            // One object a line, whatever the file is called.
            Err(error) if error.is_syntax() && first_line_is_object(text) => self.read_lines(name, text),
            Err(error) => Err(not_hsds(match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
                Some(b'{' | b'[') => format!("it is no JSON: {error}"),
                Some(_) => "it is neither JSON nor a .csv table nor a .zip archive".to_owned(),
                None => "it is empty".to_owned(),
            })),
        }
    }

    fn read_table(&mut self, name: &str, bytes: &[u8]) -> Result<(), ReadError> {
        if bytes.trim_ascii().is_empty() {
            self.notes.push(format!("{name} is empty"));
            return Ok(());
        }
        let table = table::parse_to_the_letter(bytes)?;
        self.rejects.extend(
            table
                .rejects
                .iter()
                .map(|reject| Reject { reason: format!("{name}: {}", reject.reason), ..reject.clone() }),
        );
        if tables::of_file(name, &table.columns).is_none() {
            self.notes.push(format!("{name} is no table of HSDS: passed over"));
            return Ok(());
        }
        self.rows.extend(tables::rows(name, &table));
        self.bounded()
    }

    /// Reads one object a line.
    fn read_lines(&mut self, name: &str, mut lines: impl BufRead) -> Result<(), ReadError> {
        let named = shape::kind_of_file(name);
        let mut line = Vec::new();
        for row in 1.. {
            line.clear();
            let read = (&mut lines).take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut line)?;
            if read == 0 {
                break;
            }
            if line.len() as u64 > MAX_LINE_BYTES {
                let most = MAX_LINE_BYTES >> 20;
                return Err(not_hsds(format!("line {row} is longer than {most} MiB, the most that is read")));
            }
            let text = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&line).trim_ascii();
            if text.is_empty() {
                continue;
            }
            match serde_json::from_slice::<Value>(text) {
                Ok(Value::Object(object)) => {
                    self.objects.push(FoundObject { file: name.to_owned(), row, named, object });
                }
                Ok(_) => self.refuse(name, row, "the line is no JSON object", text),
                Err(error) => self.refuse(name, row, &format!("the line is no JSON: {error}"), text),
            }
            self.bounded()?;
        }
        Ok(())
    }

    fn refuse(&mut self, file: &str, row: u64, reason: &str, line: &[u8]) {
        let shown: String = String::from_utf8_lossy(line).chars().take(200).collect();
        let content = vec![("file".to_owned(), file.to_owned()), ("line".to_owned(), shown)];
        self.rejects.push(Reject { row, reason: format!("{file}: {reason}"), content });
    }

    /// Takes what a JSON file holds.
    fn take(&mut self, name: &str, value: Value) -> Result<(), ReadError> {
        let named = shape::kind_of_file(name);
        match shape::content(value).map_err(not_hsds)? {
            Content::Objects(lists) => {
                for (kind, list) in lists {
                    for (position, value) in list.into_iter().enumerate() {
                        let row = position as u64 + 1;
                        match value {
                            Value::Object(object) => self.objects.push(FoundObject {
                                file: name.to_owned(),
                                row,
                                named: kind.or(named),
                                object,
                            }),
                            other => {
                                let shown = other.to_string();
                                self.refuse(name, row, "an object is needed", shown.as_bytes());
                            }
                        }
                    }
                }
            }
            Content::Tables(found) => {
                for (table, rows) in found {
                    self.rows.extend(tables::rows_of_objects(&table, rows));
                }
            }
            Content::About => self.notes.push(format!("{name} describes an API and holds no data")),
        }
        self.bounded()
    }

    fn bounded(&self) -> Result<(), ReadError> {
        if self.rows.len() + self.objects.len() > MAX_ROWS { Err(ReadError::TooManyRows) } else { Ok(()) }
    }
}

fn not_hsds(message: String) -> ReadError {
    ReadError::NotHsds(message)
}

/// The last name of a path of any system, in lower case.
fn last_name(path: &str) -> String {
    path.rsplit(['/', '\\']).next().unwrap_or_default().to_lowercase()
}

fn has_ending(name: &str, ending: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, found)| found == ending)
}

fn is_lines(name: &str) -> bool {
    has_ending(name, "ndjson") || has_ending(name, "jsonl")
}

/// Whether a file of a folder may hold objects or rows. The description of the tables holds none.
fn is_wanted(name: &str) -> bool {
    let is_data = has_ending(name, "csv") || has_ending(name, "json") || is_lines(name);
    is_data && !name.starts_with('.') && name != "datapackage.json" && name != "causeway.json"
}

fn first_line_is_object(text: &[u8]) -> bool {
    let first = text.trim_ascii_start().split(|byte| *byte == b'\n').next().unwrap_or_default();
    matches!(serde_json::from_slice::<Value>(first), Ok(Value::Object(_)))
}
