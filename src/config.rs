//! Settings, parsed once into types: flags before environment before `causeway.toml`.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use serde::Deserialize;

use crate::error::{Error, Result};

/// What is logged by default: not what clients do wrong before their request is one.
const DEFAULT_LOG: &str = "info,actix_server=warn,actix_http=off";

/// Where HTTP is served by default.
const DEFAULT_LISTEN: &str = "127.0.0.1:8080";
/// How long a token lives by default.
const DEFAULT_TOKEN_MINUTES: i64 = 15;

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
}

/// How tokens are issued and believed.
#[derive(Clone, Debug)]
pub struct AccessConfig {
    /// Where clients reach this deployment: the issuer and the audience of its tokens.
    pub public_url: String,
    /// Seals every other key.
    pub master_keys: MasterKeys,
    /// How long a token of ours lives.
    pub token_life: SignedDuration,
    /// The identity providers whose people may come here.
    pub issuers: Vec<OidcIssuer>,
}

impl Default for AccessConfig {
    fn default() -> Self {
        Self {
            public_url: format!("http://{DEFAULT_LISTEN}"),
            master_keys: MasterKeys::default(),
            token_life: SignedDuration::from_mins(DEFAULT_TOKEN_MINUTES),
            issuers: Vec::new(),
        }
    }
}

/// A key that seals other keys: 32 bytes, from the environment or the settings file. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey([u8; 32]);

impl MasterKey {
    /// Reads base64 of 32 bytes.
    ///
    /// # Errors
    /// [`Error::Setup`] if it is anything else.
    pub fn read(text: &str) -> Result<Self> {
        // The text itself is not repeated: it is secret even where it is wrong.
        let wrong = || {
            Error::Setup(
                "CAUSEWAY_MASTER_KEY must be base64 of 32 random bytes, such as `openssl rand -base64 32` prints"
                    .to_owned(),
            )
        };
        let bytes = STANDARD.decode(text.trim()).map_err(|_| wrong())?;
        bytes.try_into().map(Self).map_err(|_| wrong())
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

/// The master key and, until everything is wrapped anew, those before it.
#[derive(Clone, Debug, Default)]
pub struct MasterKeys {
    /// The one that seals; without one, keys lie open in the database, which is for development.
    pub current: Option<MasterKey>,
    /// Those that may have sealed what is there.
    pub previous: Vec<MasterKey>,
}

impl MasterKeys {
    /// Every key that may have sealed something, the current one first.
    pub fn all(&self) -> impl Iterator<Item = &MasterKey> {
        self.current.iter().chain(&self.previous)
    }
}

/// An identity provider (OpenID Connect) whose people may come here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcIssuer {
    /// Its name for itself, as `iss` has it.
    pub issuer: String,
    /// Our name with it, as `aud` has it.
    pub audience: String,
    /// Where its public keys are.
    pub jwks: JwksSource,
}

/// Where a set of public keys (RFC 7517) is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwksSource {
    /// A file.
    File(PathBuf),
    /// A URL: https, or http on this very machine.
    Url(String),
}

/// One identity provider, as the settings file has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcSettings {
    issuer: String,
    audience: String,
    jwks: String,
}

impl OidcSettings {
    fn resolve(self) -> Result<OidcIssuer> {
        let Self { issuer, audience, jwks } = self;
        if issuer.is_empty() || audience.is_empty() || jwks.is_empty() {
            return Err(Error::Setup("an OIDC issuer needs its issuer, audience and jwks".to_owned()));
        }
        let jwks = match jwks.split_once("://") {
            None => JwksSource::File(PathBuf::from(jwks)),
            Some(("https", _)) => JwksSource::Url(jwks),
            Some(("http", rest)) if is_loopback(rest) => JwksSource::Url(jwks),
            Some(_) => {
                return Err(Error::Setup(format!(
                    "the keys of the issuer {issuer} are to be at {jwks}; it must be a file or an https URL"
                )));
            }
        };
        Ok(OidcIssuer { issuer, audience, jwks })
    }
}

/// Whether what follows `http://` names this machine.
fn is_loopback(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
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

/// A text that is not to be seen in messages.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Hidden(String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden")
    }
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
        let listen = self.listen.or(file.listen).unwrap_or_else(|| DEFAULT_LISTEN.to_owned());
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
        let master_key = match std::env::var("CAUSEWAY_MASTER_KEY") {
            Ok(text) => Some(text),
            Err(_) => file.master_key.map(|hidden| hidden.0),
        };
        let previous = std::env::var("CAUSEWAY_PREVIOUS_MASTER_KEYS").unwrap_or_default();
        let token_minutes = self.token_minutes.or(file.token_minutes).unwrap_or(DEFAULT_TOKEN_MINUTES);
        if !(1..=60).contains(&token_minutes) {
            return Err(Error::Setup(format!("token_minutes is {token_minutes}; it must be 1 to 60")));
        }
        let one = (
            self.oidc_issuer.or(file.oidc_issuer),
            self.oidc_audience.or(file.oidc_audience),
            self.oidc_jwks.or(file.oidc_jwks),
        );
        let one = match one {
            (None, None, None) => None,
            (Some(issuer), Some(audience), Some(jwks)) => Some(OidcSettings { issuer, audience, jwks }),
            _ => {
                return Err(Error::Setup(
                    "oidc_issuer, oidc_audience and oidc_jwks belong together; set all three or none"
                        .to_owned(),
                ));
            }
        };
        let access = AccessConfig {
            public_url: public_url(self.public_url.or(file.public_url), listen)?,
            master_keys: MasterKeys {
                current: master_key.as_deref().map(MasterKey::read).transpose()?,
                previous: previous.split_whitespace().map(MasterKey::read).collect::<Result<_>>()?,
            },
            token_life: SignedDuration::from_mins(token_minutes),
            issuers: one.into_iter().chain(file.oidc).map(OidcSettings::resolve).collect::<Result<_>>()?,
        };
        Ok(Config {
            database_url: url(self.database_url.or(file.database_url))?,
            migration_url: url(self.migration_url.or(file.migration_url))?,
            listen,
            public_search: self.public_search.or(file.public_search),
            access,
            connections,
            log: self.log.or(file.log).unwrap_or_else(|| DEFAULT_LOG.to_owned()),
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

/// What stands in tokens for this deployment, without the slash at the end.
fn public_url(given: Option<String>, listen: SocketAddr) -> Result<String> {
    let Some(given) = given else { return Ok(format!("http://{listen}")) };
    let url = given.trim_end_matches('/');
    let is_url = match url.split_once("://") {
        Some(("https", rest)) => !rest.is_empty(),
        Some(("http", rest)) => is_loopback(rest),
        _ => false,
    };
    if is_url && !url.contains(['?', '#', ' ']) {
        return Ok(url.to_owned());
    }
    Err(Error::Setup(format!(
        "public_url is {given:?}; it must be an https URL, such as https://causeway.example.org (http on this machine only)"
    )))
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
