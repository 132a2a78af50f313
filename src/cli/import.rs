//! `causeway import`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use super::progress;
use crate::config::Config;
use crate::directory::{centres_of, compare_centres, replace_centres};
use crate::error::{Error, Result};
use crate::exchange::importer::{Options, RejectedRow, Summary, import};
use crate::exchange::{ReadError, federal, hsds, postal_codes, schools, towns};
use crate::store::{Store, StoreOptions, in_turns};
use crate::types::{Clock, PostalCode};

/// What `import` takes.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// What the files are.
    kind: Kind,
    /// The files; for HSDS also folders and .zip archives, all read together.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The state of towns whose properties name none, by its two letters. For towns only.
    #[arg(long, value_name = "STATE", value_parser = two_letters)]
    state: Option<String>,
    /// Who publishes the HSDS data. Ids that are no UUIDs belong to their publisher: two publishers need two names.
    #[arg(long, value_name = "NAME", default_value = "hsds")]
    source: String,
    /// Say what would happen and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Write nothing if one row is refused.
    #[arg(long)]
    strict: bool,
    /// Write the refused rows with their reasons to this CSV file.
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// How the summary is written.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Kinds of files.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// The federal directory of mental-health facilities: the published .xlsx workbook, any volume or year.
    FederalDirectory,
    /// Human Services Data Specification: JSON of version 3, one object, pages or one object a line; or the CSV
    /// package of versions 1.1 to 3 as a folder, a .zip or single tables.
    Hsds,
    /// A list of schools: CSV with the columns of Massachusetts' state list or of NCES' public schools.
    Schools,
    /// Centres of ZIP codes: CSV with a code, latitude and longitude, and, where known, state and county.
    PostalCodes,
    /// Towns and their outlines: a GeoJSON FeatureCollection of polygons in WGS 84 with the name of each, and, where
    /// known, state and county.
    Towns,
}

fn two_letters(state: &str) -> std::result::Result<String, String> {
    let is_state = state.len() == 2 && state.bytes().all(|byte| byte.is_ascii_alphabetic());
    if is_state { Ok(state.to_uppercase()) } else { Err("two letters are needed, such as MA".to_owned()) }
}

/// How the summary is written.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

impl Kind {
    fn source(self) -> &'static str {
        match self {
            Self::FederalDirectory => "federal-directory",
            Self::Hsds => "hsds",
            Self::Schools => "schools",
            Self::PostalCodes => "postal-codes",
            Self::Towns => "towns",
        }
    }
}

/// Reads the files, writes what they state, and sums up.
pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<ExitCode> {
    if arguments.state.is_some() && !matches!(arguments.kind, Kind::Towns) {
        return Err(Error::Setup("--state says where towns lie; leave it out for other kinds".to_owned()));
    }
    let options = StoreOptions { connections: 2, ..StoreOptions::default() };
    let store = Store::open(config.database()?, options, Clock::System)?;
    let asked = Options { dry_run: arguments.dry_run, strict: arguments.strict };
    // Strict means that nothing lands if one row of any file is refused: all are looked at before one is written.
    let looked = if arguments.strict {
        Some(import_files(&store, arguments, Options { dry_run: true, ..asked })?)
    } else {
        None
    };
    let refused = looked.as_ref().is_some_and(|looked| looked.rejected > 0);
    let total = match looked {
        Some(looked) if refused => looked,
        Some(_) | None => import_files(&store, arguments, asked)?,
    };
    if let Some(path) = &arguments.rejects {
        write_rejects(path, &total.rejects)?;
    }
    match arguments.format {
        Format::Json => {
            let json = serde_json::to_string(&total)
                .map_err(|source| Error::internal("writing the summary", source))?;
            println!("{json}");
        }
        Format::Text => print_summary(arguments, &total),
    }
    Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn import_files(store: &Store, arguments: &Arguments, options: Options) -> Result<Summary> {
    if let Kind::Hsds = arguments.kind {
        return import_hsds(store, arguments, options);
    }
    let mut total = Summary::default();
    for file in &arguments.files {
        let summary = import_file(store, arguments, file, options)?;
        total.read += summary.read;
        total.created += summary.created;
        total.updated += summary.updated;
        total.unchanged += summary.unchanged;
        total.rejected += summary.rejected;
        total.rejects.extend(summary.rejects);
        for (note, count) in summary.notes {
            *total.notes.entry(note).or_default() += count;
        }
        total.landed |= summary.landed;
    }
    Ok(total)
}

fn import_file(store: &Store, arguments: &Arguments, file: &Path, options: Options) -> Result<Summary> {
    let unreadable = |error: ReadError| Error::Setup(format!("{}: {error}", file.display()));
    let centres = store.read_now(centres_of)?;
    let place = |code: PostalCode| centres.get(&code).map(|centre| centre.at);
    let kind = arguments.kind;
    let reading = match kind {
        Kind::FederalDirectory => federal::read(file, &place),
        Kind::Schools => schools::read(file, &place),
        // All its files are read together, see `import_hsds`.
        Kind::Hsds => return Ok(Summary::default()),
        Kind::PostalCodes => {
            let reading = postal_codes::read(file).map_err(unreadable)?;
            return import_postal_codes(store, reading, options);
        }
        Kind::Towns => {
            let reading = towns::read(file, arguments.state.as_deref()).map_err(unreadable)?;
            let bar = progress::bar("rows", reading.towns.len());
            let summary = towns::import(store, reading, options, |done| bar.inc(done))?;
            bar.finish_and_clear();
            return Ok(summary);
        }
    }
    .map_err(unreadable)?;
    let bar = progress::bar("rows", reading.rows.len());
    let summary = import(store, reading, kind.source(), options, |done| bar.inc(done))?;
    bar.finish_and_clear();
    Ok(summary)
}

/// What belongs together may stand in several files, so all are read before one row is stated.
fn import_hsds(store: &Store, arguments: &Arguments, options: Options) -> Result<Summary> {
    let unreadable = |error: ReadError| match arguments.files.as_slice() {
        [file] => Error::Setup(format!("{}: {error}", file.display())),
        _ => Error::Setup(error.to_string()),
    };
    let package = hsds::Package::read(&arguments.files, &arguments.source).map_err(unreadable)?;
    let known = store.read_now(|connection| hsds::Known::find(connection, &package))?;
    let reading = hsds::reading(package, &known);
    let bar = progress::bar("rows", reading.rows.len());
    let summary = import(store, reading, &arguments.source, options, |done| bar.inc(done))?;
    bar.finish_and_clear();
    Ok(summary)
}

fn import_postal_codes(
    store: &Store,
    reading: postal_codes::PostalReading,
    options: Options,
) -> Result<Summary> {
    const LARGEST_CHUNK: usize = 500;
    let mut summary = Summary {
        read: reading.read,
        rejected: u64::try_from(reading.rejects.len()).unwrap_or(u64::MAX),
        rejects: reading.rejects.into_iter().map(RejectedRow::from).collect(),
        ..Summary::default()
    };
    if options.strict && summary.rejected > 0 {
        return Ok(summary);
    }
    let bar = progress::bar("rows", reading.places.len());
    let mut placed_anew = 0;
    in_turns(&reading.places, LARGEST_CHUNK, |chunk| {
        let count = u64::try_from(chunk.len()).unwrap_or(0);
        let (begun, replaced) = if options.dry_run {
            store.read_now(|connection| Ok((Instant::now(), compare_centres(connection, chunk)?)))?
        } else {
            store.write_now(|tx| Ok((Instant::now(), replace_centres(tx, chunk)?)))?
        };
        summary.created += replaced.created;
        summary.updated += replaced.updated;
        summary.unchanged += replaced.unchanged;
        placed_anew += replaced.placed_anew;
        bar.inc(count);
        Ok(begun)
    })?;
    bar.finish_and_clear();
    if placed_anew > 0 {
        summary.notes.insert("locations and schools placed anew".to_owned(), placed_anew);
    }
    summary.landed = !options.dry_run;
    Ok(summary)
}

fn print_summary(arguments: &Arguments, summary: &Summary) {
    const SHOWN: usize = 20;
    let Summary { read, created, updated, unchanged, rejected, rejects, notes, landed } = summary;
    let would = if arguments.dry_run { " (dry run: nothing was written)" } else { "" };
    println!(
        "{read} rows read: {created} created, {updated} updated, {unchanged} unchanged, {rejected} rejected{would}"
    );
    for reject in rejects.iter().take(SHOWN) {
        println!("  row {}: {}", reject.row, reject.reason);
    }
    if rejects.len() > SHOWN {
        println!("  … and {} more; --rejects FILE writes them all", rejects.len() - SHOWN);
    }
    for (note, count) in notes {
        println!("  note: {note}: {count} rows");
    }
    if !landed && arguments.strict && *rejected > 0 {
        println!("nothing was written: --strict refuses the whole file; mend the rows above and repeat");
    }
}

/// Writes refused rows as CSV: row, reason, and every cell that was read. Cells that a spreadsheet would take
/// for a formula are neutralised with an apostrophe.
fn write_rejects(path: &Path, rejects: &[RejectedRow]) -> Result<()> {
    let failed = |error: csv::Error| Error::Setup(format!("cannot write {}: {error}", path.display()));
    let mut columns: Vec<&str> = Vec::new();
    for (column, _) in rejects.iter().flat_map(|reject| &reject.content) {
        if !columns.contains(&column.as_str()) {
            columns.push(column);
        }
    }
    let mut writer = csv::Writer::from_path(path).map_err(failed)?;
    writer.write_record(["row", "reason"].iter().chain(&columns)).map_err(failed)?;
    for reject in rejects {
        let cell = |column: &&str| {
            let found = reject.content.iter().find(|(name, _)| name == column);
            harmless(found.map_or("", |(_, value)| value.as_str()))
        };
        let record =
            [reject.row.to_string(), harmless(&reject.reason)].into_iter().chain(columns.iter().map(cell));
        writer.write_record(record).map_err(failed)?;
    }
    writer.flush().map_err(|error| failed(error.into()))
}

fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_are_written_with_their_cells_and_no_cell_becomes_a_formula() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let reject = RejectedRow {
            row: 7,
            reason: "no ZIP".to_owned(),
            content: vec![
                ("name1".to_owned(), "=HYPERLINK(\"x\")".to_owned()),
                ("zip".to_owned(), String::new()),
            ],
        };
        write_rejects(file.path(), &[reject]).unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert_eq!(text, "row,reason,name1,zip\n7,no ZIP,\"'=HYPERLINK(\"\"x\"\")\",\n");
    }
}
