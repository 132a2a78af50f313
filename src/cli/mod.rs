//! The command line.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what a command says is its output")]

mod access;
mod doctor;
mod export;
mod import;
mod migrate;
mod openapi;
mod progress;
mod run;
mod students;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, LogFormat, Settings};
use crate::error::{Error, Result};

/// Finds who can really help a student, and tells why.
///
/// Start with `causeway demo`: it serves a small fictional directory and prints what to try.
#[derive(Parser)]
#[command(name = "causeway", version, propagate_version = true, max_term_width = 110)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage.\n\
    Settings come from flags, then the environment (CAUSEWAY_…), then causeway.toml.\n\
    CAUSEWAY_MASTER_KEY, which has no flag, seals the keys that sign tokens and those of students: base64 of 32 bytes.\n\
    CAUSEWAY_PREVIOUS_MASTER_KEYS names those before it, with spaces between, until `causeway keys rewrap` is done.\n\
    CAUSEWAY_SMTP_PASSWORD, which has no flag either, is the password of the user in --smtp-url.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the API on a database.
    ///
    /// Migrates the schema first: a SQLite file always, PostgreSQL when --migration-url is given. Prints the
    /// bound address once it accepts connections; /readyz answers 503 until the finder is loaded. Stops
    /// gracefully: on SIGTERM /readyz says 503 first, then connections are refused and running requests end; on
    /// SIGINT without that first part.
    Serve,
    /// Serves a small, fictional directory on a new SQLite file, and prints what to try.
    ///
    /// The file is the one in --database-url if that does not exist yet, else a temporary one that is removed
    /// at the end.
    Demo,
    /// Brings the database's schema up to date and installs the centres of all ZIP codes.
    ///
    /// On PostgreSQL it works as the owner in --migration-url and lets the user of --database-url use the tables.
    Migrate,
    /// Reads a directory, a list of schools or ZIP code centres into the database.
    ///
    /// Good rows land in short commits, so a running server stays quick and sees them at once; a repeat is
    /// harmless. What an agency said itself is never overwritten.
    Import(import::Arguments),
    /// Makes, lists and disables the systems that may ask for tokens, and gives them new secrets.
    #[command(subcommand)]
    Client(access::ClientCommand),
    /// Lists the people who were invited, and ends memberships.
    #[command(subcommand)]
    Member(access::MemberCommand),
    /// Rotates the keys that sign tokens, and wraps all keys by another master key.
    #[command(subcommand)]
    Keys(access::KeysCommand),
    /// Deletes students, and places and lifts the legal holds that stop it.
    #[command(subcommand)]
    Students(students::StudentsCommand),
    /// Prints a short-lived token for a role, and nothing else: for development.
    Token(access::TokenArguments),
    /// Writes the directory for others.
    ///
    /// What is retired is left out. What a source said in HSDS comes out as it said it, with what was changed
    /// here; what HSDS has no field for is written as attributes (docs/hsds-profile.md).
    Export(export::Arguments),
    /// Checks the database and changes nothing: the schema, the keys, the chain of the audit, and every disclosure.
    ///
    /// Prints the head of the chain. Note it elsewhere: a later run with --head tells whether the end of the chain was cut
    /// off or made anew since.
    Doctor(doctor::Arguments),
    /// Writes the OpenAPI contract to openapi/openapi.json, or checks that it is there.
    Openapi(openapi::Arguments),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let Cli { command, settings } = Cli::parse();
    let result = settings.resolve().and_then(|config| {
        start_log(&config, matches!(command, Command::Serve | Command::Demo))?;
        match command {
            Command::Serve => run::serve(&config),
            Command::Demo => run::demo(&config),
            Command::Migrate => migrate::run(&config),
            Command::Import(arguments) => import::run(&config, &arguments),
            Command::Client(command) => access::client(&config, &command),
            Command::Member(command) => access::member(&config, &command),
            Command::Keys(command) => access::signing_keys(&config, &command),
            Command::Students(command) => students::run(&config, &command),
            Command::Token(arguments) => access::token(&config, &arguments),
            Command::Doctor(arguments) => doctor::run(&config, &arguments),
            Command::Export(arguments) => export::run(&config, &arguments),
            Command::Openapi(arguments) => openapi::run(&arguments),
        }
    });
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("causeway: {}", sentence(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error and what caused it, in one line.
fn sentence(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        text = format!("{text}: {}", source.to_string().trim_end());
        cause = source.source();
    }
    text.replace('\n', " ")
}

/// The log goes to standard error; what a command answers goes to standard output.
fn start_log(config: &Config, is_server: bool) -> Result<()> {
    use tracing_subscriber::EnvFilter;
    let directives = if is_server { config.log.as_str() } else { "warn" };
    let filter = EnvFilter::try_new(directives).map_err(|error| {
        Error::Setup(format!(
            "log is {directives:?}: {error}; directives such as info or causeway=debug are needed"
        ))
    })?;
    // What the web server says of a request may repeat what a client sent: it is silent whatever is asked for.
    let silent = ["actix_http=off", "actix_web=off"].iter().filter_map(|directive| directive.parse().ok());
    let filter = silent.fold(filter, EnvFilter::add_directive);
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    match config.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).with_span_list(false).init(),
    }
    Ok(())
}
