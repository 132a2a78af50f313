//! `causeway export`.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};

use crate::config::Config;
use crate::error::{Error, Result};
use crate::exchange::hsds;
use crate::store::{Store, StoreOptions};
use crate::types::Clock;

/// What `export` takes.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The form in which it is written.
    kind: Kind,
    /// The folder to write into: new, empty, or with an earlier export.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Write into the folder whatever it holds; files of the same names are replaced.
    #[arg(long)]
    force: bool,
    /// How the summary is written.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Forms.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// HSDS 3.1 as JSON: organizations, locations, services, services at locations, taxonomies and their terms.
    Hsds,
}

/// How the summary is written.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// Writes the directory and sums up.
pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<ExitCode> {
    let options = StoreOptions { connections: 2, ..StoreOptions::default() };
    let store = Store::open(config.database()?, options, Clock::System)?;
    let bar = progress_bar();
    let exported = match arguments.kind {
        Kind::Hsds => hsds::export(&store, &arguments.folder, arguments.force, |done| bar.inc(done))?,
    };
    bar.finish_and_clear();
    match arguments.format {
        Format::Json => {
            let json = serde_json::to_string(&exported)
                .map_err(|source| Error::internal("writing the summary", source))?;
            println!("{json}");
        }
        Format::Text => {
            let counts: Vec<String> =
                exported.files.iter().map(|(file, count)| format!("{count} in {file}")).collect();
            println!("{}: {}", arguments.folder.display(), counts.join(", "));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A count on a terminal, nothing elsewhere.
fn progress_bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {pos} written, {per_sec}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::no_length().with_style(style)
}
