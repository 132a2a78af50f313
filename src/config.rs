//! Settings, parsed once into types: flags before environment before `causeway.toml`.

mod edge;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;

pub use edge::EdgeConfig;

use crate::error::{Error, Result};

/// What is logged by default: not what clients do wrong before their request is one.
const DEFAULT_LOG: &str = "info,actix_server=warn,actix_http=off";

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
    /// What stands between a caller and the operations.
    pub edge: EdgeConfig,
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
    /// What is logged, as tracing directives [default: info,actix_server=warn,actix_http=off].
    #[arg(long, env = "CAUSEWAY_LOG", value_name = "DIRECTIVES", global = true)]
    #[serde(default)]
    pub log: Option<String>,
    /// How the log is written [default: text].
    #[arg(long, env = "CAUSEWAY_LOG_FORMAT", value_name = "FORMAT", global = true)]
    #[serde(default)]
    pub log_format: Option<LogFormat>,
    /// Reads that one caller may make in a minute; 0: no limit [default: 12000].
    #[arg(long, env = "CAUSEWAY_RATE_LIMIT_READS", value_name = "N", global = true)]
    #[serde(default)]
    pub rate_limit_reads: Option<u32>,
    /// Writes that one caller may make in a minute; 0: no limit [default: 6000].
    #[arg(long, env = "CAUSEWAY_RATE_LIMIT_WRITES", value_name = "N", global = true)]
    #[serde(default)]
    pub rate_limit_writes: Option<u32>,
    /// Proxies whose X-Forwarded-For is believed: addresses and networks, comma-separated [default: none].
    #[arg(
        long,
        env = "CAUSEWAY_TRUSTED_PROXIES",
        value_name = "NETWORKS",
        value_delimiter = ',',
        global = true
    )]
    #[serde(default)]
    pub trusted_proxies: Option<Vec<String>>,
    /// Seconds that an answer may take, 1 to 600; as long a stop waits for running requests [default: 25].
    #[arg(long, env = "CAUSEWAY_REQUEST_TIMEOUT_SECONDS", value_name = "SECONDS", global = true)]
    #[serde(default)]
    pub request_timeout_seconds: Option<u32>,
    /// Requests that are worked on at once, 1 to 100000; more are refused with 503 [default: 1000].
    #[arg(long, env = "CAUSEWAY_CONCURRENT_REQUESTS", value_name = "N", global = true)]
    #[serde(default)]
    pub concurrent_requests: Option<u32>,
    /// Whether callers reach the server through TLS only: browsers are then told to insist on it [default: false].
    #[arg(long, env = "CAUSEWAY_BEHIND_TLS", value_name = "BOOL", global = true)]
    #[serde(default)]
    pub behind_tls: Option<bool>,
    /// Origins whose pages may call, comma-separated, such as https://portal.example.org [default: none].
    #[arg(long, env = "CAUSEWAY_CORS_ORIGINS", value_name = "ORIGINS", value_delimiter = ',', global = true)]
    #[serde(default)]
    pub cors_origins: Option<Vec<String>>,
    /// Where metrics are served for Prometheus: a port of 127.0.0.1, or an address and a port [default: nowhere].
    #[arg(long, env = "CAUSEWAY_METRICS_LISTEN", value_name = "[ADDR:]PORT", global = true)]
    #[serde(default)]
    pub metrics_listen: Option<String>,
    /// Seconds that /readyz says no after SIGTERM before connections are refused, 0 to 300 [default: 2].
    #[arg(long, env = "CAUSEWAY_DRAIN_SECONDS", value_name = "SECONDS", global = true)]
    #[serde(default)]
    pub drain_seconds: Option<u32>,
    /// A file of settings; the keys are the names of these flags with underscores.
    #[arg(
        id = "settings_file",
        long = "config",
        env = "CAUSEWAY_CONFIG",
        value_name = "FILE",
        global = true
    )]
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
        let edge = EdgeConfig::resolve(&self, &file)?;
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
            log: self.log.or(file.log).unwrap_or_else(|| DEFAULT_LOG.to_owned()),
            log_format: self.log_format.or(file.log_format).unwrap_or_default(),
            edge,
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

/// Where the data is: `sqlite://PATH` or `postgres://…`.
///
/// Diesel's own way tries one database after the other, so that a PostgreSQL that is down reads as a bad
/// URL and a mistyped one becomes a file; here the scheme decides.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// The path of a SQLite file.
    Sqlite(String),
    /// A PostgreSQL URL.
    Postgres(String),
}

impl FromStr for DatabaseUrl {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        match url.split_once("://") {
            Some(("sqlite", path)) if !path.is_empty() && !path.starts_with(":memory:") && !path.starts_with("file:") => {
                Ok(Self::Sqlite(path.to_owned()))
            }
            Some(("postgres" | "postgresql", rest)) if !rest.is_empty() => Ok(Self::Postgres(url.to_owned())),
            // The text itself is not repeated: it may hold a password.
            _ => Err(Error::Setup(
                "the database URL must be sqlite://PATH or postgres://USER@HOST/DATABASE; set CAUSEWAY_DATABASE_URL"
                    .to_owned(),
            )),
        }
    }
}

impl DatabaseUrl {
    /// The user that a PostgreSQL URL names.
    pub fn user(&self) -> Option<String> {
        let Self::Postgres(url) = self else { return None };
        let (_, rest) = url.split_once("://")?;
        let (credentials, _) = rest.split_once('@')?;
        let user = credentials.split(':').next().filter(|user| !user.is_empty())?;
        percent_encoding::percent_decode_str(user).decode_utf8().ok().map(std::borrow::Cow::into_owned)
    }
}

impl fmt::Display for DatabaseUrl {
    /// Without user and password: this may be logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{path}"),
            Self::Postgres(url) => {
                let rest = url.split_once("://").map_or("", |(_, rest)| rest);
                let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
                write!(f, "postgres://{}", place.split('?').next().unwrap_or(place))
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_by_its_scheme_and_never_becomes_a_file() {
        assert_eq!(
            "sqlite://a/b.db".parse::<DatabaseUrl>().unwrap(),
            DatabaseUrl::Sqlite("a/b.db".to_owned())
        );
        assert!("postgres://u@h/d".parse::<DatabaseUrl>().is_ok());
        for wrong in [
            "",
            "host=localhost dbname=x",
            "causeway.db",
            "mysql://x",
            "sqlite://file:x?mode=memory",
            "sqlite://",
            "sqlite://:memory:",
        ] {
            assert!(matches!(wrong.parse::<DatabaseUrl>(), Err(Error::Setup(_))), "{wrong:?}");
        }
    }

    #[test]
    fn a_shown_url_has_no_password() {
        let url: DatabaseUrl =
            "postgres://user:secret@db.example:5432/causeway?sslmode=require".parse().unwrap();
        assert_eq!(url.to_string(), "postgres://db.example:5432/causeway");
    }
}
