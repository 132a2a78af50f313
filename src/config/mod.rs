//! Settings, parsed once into types: flags before environment before `causeway.toml`.

mod access;
mod database;
mod edge;
mod mail;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use access::{AccessConfig, Hidden, JwksSource, MasterKey, MasterKeys, OidcIssuer, OidcSettings};
pub use database::DatabaseUrl;
pub use edge::{EdgeConfig, Lasting, Quotas};
pub use mail::{MailConfig, MailTls};

use crate::error::{Error, Result};

/// What is logged by default: not what clients do wrong before their request is one.
const DEFAULT_LOG: &str = "info,actix_server=warn,actix_http=off";

/// Where HTTP is served by default.
const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

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
    /// Whether the directory may be searched without a token, if that was said.
    pub public_search: Option<bool>,
    /// How tokens are issued and believed.
    pub access: AccessConfig,
    /// Connections to the database.
    pub connections: u32,
    /// Directives of the log (`info`, `causeway=debug`).
    pub log: String,
    /// How the log is written.
    pub log_format: LogFormat,
    /// What stands between a caller and the operations.
    pub edge: EdgeConfig,
    /// How messages are sent, if they are.
    pub mail: Option<MailConfig>,
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
    /// Whether the directory may be searched without a token [default: false; true for demo].
    #[arg(long, env = "CAUSEWAY_PUBLIC_SEARCH", value_name = "BOOL", global = true)]
    #[serde(default)]
    pub public_search: Option<bool>,
    /// Where clients reach this deployment, such as https://causeway.example.org: the issuer and audience of its
    /// tokens [default: http:// and the address of --listen, which has to be a loopback one then].
    #[arg(long, env = "CAUSEWAY_PUBLIC_URL", value_name = "URL", global = true)]
    #[serde(default)]
    pub public_url: Option<String>,
    /// How long a token lives, 1 to 60 minutes [default: 15].
    #[arg(long, env = "CAUSEWAY_TOKEN_MINUTES", value_name = "N", global = true)]
    #[serde(default)]
    pub token_minutes: Option<i64>,
    /// An identity provider whose people may come here: its issuer. More than one are named in the settings file,
    /// each as [[oidc]] with issuer, audience and jwks.
    #[arg(long, env = "CAUSEWAY_OIDC_ISSUER", value_name = "URL", global = true)]
    #[serde(default)]
    pub oidc_issuer: Option<String>,
    /// The audience that its tokens must name.
    #[arg(long, env = "CAUSEWAY_OIDC_AUDIENCE", value_name = "NAME", global = true)]
    #[serde(default)]
    pub oidc_audience: Option<String>,
    /// Its public keys: a file or an https URL.
    #[arg(long, env = "CAUSEWAY_OIDC_JWKS", value_name = "FILE_OR_URL", global = true)]
    #[serde(default)]
    pub oidc_jwks: Option<String>,
    /// Identity providers of the settings file.
    #[arg(skip)]
    #[serde(default)]
    pub oidc: Vec<OidcSettings>,
    /// Seals the signing keys: base64 of 32 bytes. From the environment (`CAUSEWAY_MASTER_KEY`) or the file, never
    /// from the command line, where other users of the machine could read it.
    #[arg(skip)]
    #[serde(default)]
    pub master_key: Option<Hidden>,
    /// The mail server through which reminders go: smtp://[USER@]HOST[:PORT], which has to offer STARTTLS unless it is
    /// this machine or ?tls=none follows, or smtps://…; the user's password is in CAUSEWAY_SMTP_PASSWORD [default:
    /// nothing is sent].
    #[arg(long, env = "CAUSEWAY_SMTP_URL", value_name = "URL", global = true)]
    #[serde(default)]
    pub smtp_url: Option<String>,
    /// Whom they come from, such as "Causeway <causeway@example.org>".
    #[arg(long, env = "CAUSEWAY_MAIL_FROM", value_name = "ADDRESS", global = true)]
    #[serde(default)]
    pub mail_from: Option<String>,
    /// The password of the user of `smtp_url`. From the environment (`CAUSEWAY_SMTP_PASSWORD`) or the file.
    #[arg(skip)]
    #[serde(default)]
    pub smtp_password: Option<Hidden>,
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
    /// Reads that may come from one address in a minute; 0: no limit [default: 12000].
    #[arg(long, env = "CAUSEWAY_RATE_LIMIT_ADDRESS_READS", value_name = "N", global = true)]
    #[serde(default)]
    pub rate_limit_address_reads: Option<u32>,
    /// Writes that may come from one address in a minute; 0: no limit [default: 6000].
    #[arg(long, env = "CAUSEWAY_RATE_LIMIT_ADDRESS_WRITES", value_name = "N", global = true)]
    #[serde(default)]
    pub rate_limit_address_writes: Option<u32>,
    /// Reads that one client or person may make in a minute; 0: no limit [default: 6000].
    #[arg(long, env = "CAUSEWAY_RATE_LIMIT_CALLER_READS", value_name = "N", global = true)]
    #[serde(default)]
    pub rate_limit_caller_reads: Option<u32>,
    /// Writes that one client or person may make in a minute; 0: no limit [default: 3000].
    #[arg(long, env = "CAUSEWAY_RATE_LIMIT_CALLER_WRITES", value_name = "N", global = true)]
    #[serde(default)]
    pub rate_limit_caller_writes: Option<u32>,
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
    /// Requests of one address that are worked on at once, 1 to 100000; more are refused with 429 [default: 100].
    #[arg(long, env = "CAUSEWAY_CONCURRENT_REQUESTS_PER_ADDRESS", value_name = "N", global = true)]
    #[serde(default)]
    pub concurrent_requests_per_address: Option<u32>,
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
        let listen = self.listen.as_ref().or(file.listen.as_ref()).map_or(DEFAULT_LISTEN, String::as_str);
        let connections = self.database_connections.or(file.database_connections).unwrap_or(8);
        if !(1..=200).contains(&connections) {
            return Err(Error::Setup(format!("database_connections is {connections}; it must be 1 to 200")));
        }
        let url = |text: Option<String>| text.map(|text| text.parse()).transpose();
        let listen: SocketAddr = listen.parse().map_err(|_| {
            Error::Setup(format!(
                "listen is {listen:?}; it must be an address and a port, such as {DEFAULT_LISTEN}"
            ))
        })?;
        let access = AccessConfig::resolve(&self, &file, listen)?;
        let mail = MailConfig::resolve(&self, &file)?;
        Ok(Config {
            database_url: url(self.database_url.or(file.database_url))?,
            migration_url: url(self.migration_url.or(file.migration_url))?,
            listen,
            public_search: self.public_search.or(file.public_search),
            access,
            connections,
            log: self.log.or(file.log).unwrap_or_else(|| DEFAULT_LOG.to_owned()),
            log_format: self.log_format.or(file.log_format).unwrap_or_default(),
            edge,
            mail,
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
    /// Refuses to be reached from other machines without what makes that safe: tokens that name this deployment,
    /// and signing keys that do not lie open in the database.
    ///
    /// # Errors
    /// [`Error::Setup`] with one sentence that names the setting.
    pub fn fit_to_be_reached(&self) -> Result<()> {
        if self.listen.ip().is_loopback() {
            return Ok(());
        }
        if self.access.master_keys.current.is_none() {
            return Err(Error::Setup(format!(
                "{} is reached from other machines, and the keys that sign tokens would lie open in the database; set \
                 CAUSEWAY_MASTER_KEY (`openssl rand -base64 32` makes one), or listen on 127.0.0.1",
                self.listen
            )));
        }
        if self.access.public_url == format!("http://{}", self.listen) {
            return Err(Error::Setup(format!(
                "{} is reached from other machines, which must know it by a name; set CAUSEWAY_PUBLIC_URL, such as \
                 https://causeway.example.org",
                self.listen
            )));
        }
        Ok(())
    }

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
