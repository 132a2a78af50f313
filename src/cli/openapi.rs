//! `causeway openapi`.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::error::{Error, Result};
use crate::http::openapi::json;

/// What `openapi` takes.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Compare instead of writing; exit code 1 if the file is not what the code says.
    #[arg(long)]
    check: bool,
    /// The file; `-` writes to standard output.
    #[arg(default_value = "openapi/openapi.json", value_name = "FILE")]
    file: PathBuf,
}

/// Writes or checks the contract.
pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let path = &arguments.file;
    if arguments.check {
        let there = std::fs::read_to_string(path).unwrap_or_default();
        if there == json() {
            println!("{} is what the code says", path.display());
            return Ok(ExitCode::SUCCESS);
        }
        let line = there.lines().zip(json().lines()).take_while(|(there, here)| there == here).count() + 1;
        eprintln!(
            "{} is not what the code says, from line {line} on; run `causeway openapi` and review the difference",
            path.display()
        );
        return Ok(ExitCode::FAILURE);
    }
    if path.as_os_str() == "-" {
        // Whoever reads may have read enough.
        let _ = std::io::Write::write_all(&mut std::io::stdout(), json().as_bytes());
        return Ok(ExitCode::SUCCESS);
    }
    let failed = |error: std::io::Error| Error::Setup(format!("cannot write {}: {error}", path.display()));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, json()).map_err(failed)?;
    println!("wrote {}", path.display());
    Ok(ExitCode::SUCCESS)
}
