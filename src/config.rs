//! Settings, parsed once into types: flags before environment before `causeway.toml`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::store::DatabaseUrl;

/// The file that is read where no other is named and it is there.
const DEFAULT_FILE: &str = "causeway.toml";

/// What `serve` and the other commands run with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the data is.
    pub database_url: Option<DatabaseUrl>,
    /// The owner of the tables, on PostgreSQL.
    pub migration_url: Option<DatabaseUrl>,
    /// Where HTTP is served.
    pub listen: SocketAddr,
    /// Whether the directory may be searched without a token, once tokens are needed.
    pub public_search: bool,
    /// Connections to the database.
    pub connections: u32,
    /// Directives of the log (`info`, `causeway=debug`).
    pub log: String,
    /// How the log is written.
    pub log_format: LogFormat,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Settings as they come from one place, each of which may be silent on any.
#[derive(Clone, Debug, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the data is: sqlite://PATH or postgres://USER@HOST/DATABASE (a password belongs into the
    /// environment or the file, never on the command line).
    #[arg(long, env = "CAUSEWAY_DATABASE_URL", hide_env_values = true, value_name = "URL", global = true)]
    #[serde(default)]
    pub database_url: Option<String>,
    /// The owner of the tables on PostgreSQL; serve migrates only when this is given.
    #[arg(long, env = "CAUSEWAY_MIGRATION_URL", hide_env_values = true, value_name = "URL", global = true)]
    #[serde(default)]
    pub migration_url: Option<String>,
    /// Where HTTP is served [default: 127.0.0.1:8080].
    #[arg(long, env = "CAUSEWAY_LISTEN", value_name = "ADDR:PORT", global = true)]
    #[serde(default)]
    pub listen: Option<String>,
    /// Whether the directory may be searched without a token [default: false]. Takes effect with access control;
    /// until then everything may be read by whoever reaches the server.
    #[arg(long, env = "CAUSEWAY_PUBLIC_SEARCH", value_name = "BOOL", global = true)]
    #[serde(default)]
    pub public_search: Option<bool>,
    /// Connections to the database, 1 to 200 [default: 8].
    #[arg(long, env = "CAUSEWAY_DATABASE_CONNECTIONS", value_name = "N", global = true)]
    #[serde(default)]
    pub database_connections: Option<u32>,
    /// What is logged, as tracing directives [default: info].
    #[arg(long, env = "CAUSEWAY_LOG", value_name = "DIRECTIVES", global = true)]
    #[serde(default)]
    pub log: Option<String>,
    /// How the log is written [default: text].
    #[arg(long, env = "CAUSEWAY_LOG_FORMAT", value_name = "FORMAT", global = true)]
    #[serde(default)]
    pub log_format: Option<LogFormat>,
    /// A file of settings; the keys are the names of these flags with underscores.
    #[arg(id = "settings_file", long = "config", env = "CAUSEWAY_CONFIG", value_name = "FILE", global = true)]
    #[serde(skip)]
    pub file: Option<PathBuf>,
}

impl Settings {
    /// The configuration: these settings before those of the file.
    ///
    /// # Errors
    /// [`Error::Setup`] with one sentence that names the setting.
    pub fn resolve(self) -> Result<Config> {
        let file = match &self.file {
            Some(path) => Self::from_file(path)?,
            None if Path::new(DEFAULT_FILE).exists() => Self::from_file(Path::new(DEFAULT_FILE))?,
            None => Self::default(),
        };
        let listen = self.listen.or(file.listen).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
        let connections = self.database_connections.or(file.database_connections).unwrap_or(8);
        if !(1..=200).contains(&connections) {
            return Err(Error::Setup(format!("database_connections is {connections}; it must be 1 to 200")));
        }
        let url = |text: Option<String>| text.map(|text| text.parse()).transpose();
        Ok(Config {
            database_url: url(self.database_url.or(file.database_url))?,
            migration_url: url(self.migration_url.or(file.migration_url))?,
            listen: listen.parse().map_err(|_| {
                Error::Setup(format!(
                    "listen is {listen:?}; it must be an address and a port, such as 127.0.0.1:8080"
                ))
            })?,
            public_search: self.public_search.or(file.public_search).unwrap_or(false),
            connections,
            log: self.log.or(file.log).unwrap_or_else(|| "info".to_owned()),
            log_format: self.log_format.or(file.log_format).unwrap_or_default(),
        })
    }

    fn from_file(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::Setup(format!("the settings file {} cannot be read: {error}", path.display()))
        })?;
        toml::from_str(&text).map_err(|error| {
            Error::Setup(format!("the settings file {} is wrong: {}", path.display(), error.message()))
        })
    }
}

impl Config {
    /// The database, which most commands need.
    ///
    /// # Errors
    /// [`Error::Setup`] if none is named.
    pub fn database(&self) -> Result<&DatabaseUrl> {
        self.database_url.as_ref().ok_or_else(|| {
            Error::Setup(
                "no database is named: set CAUSEWAY_DATABASE_URL to sqlite://PATH or postgres://USER@HOST/DATABASE"
                    .to_owned(),
            )
        })
    }
}
