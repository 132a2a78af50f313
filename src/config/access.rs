//! Settings of access control: whose tokens are believed, and how ours are signed.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use serde::Deserialize;

use super::{DEFAULT_LISTEN, Settings};
use crate::error::{Error, Result};

/// How long a token lives by default.
const DEFAULT_TOKEN_MINUTES: i64 = 15;

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

impl AccessConfig {
    /// The settings `given` before those of the `file`; `listen` is where HTTP is served.
    ///
    /// # Errors
    /// [`Error::Setup`] with one sentence that names the setting.
    pub(super) fn resolve(given: &Settings, file: &Settings, listen: SocketAddr) -> Result<Self> {
        let previous = std::env::var("CAUSEWAY_PREVIOUS_MASTER_KEYS").unwrap_or_default();
        let master_key = match std::env::var("CAUSEWAY_MASTER_KEY") {
            Ok(text) => Some(MasterKey::read(&text)?),
            Err(_) => file.master_key.as_ref().map(|hidden| MasterKey::read(&hidden.0)).transpose()?,
        };
        let token_minutes = given.token_minutes.or(file.token_minutes).unwrap_or(DEFAULT_TOKEN_MINUTES);
        if !(1..=60).contains(&token_minutes) {
            return Err(Error::Setup(format!("token_minutes is {token_minutes}; it must be 1 to 60")));
        }
        let text = |given: &Option<String>, file: &Option<String>| given.as_ref().or(file.as_ref()).cloned();
        let one = (
            text(&given.oidc_issuer, &file.oidc_issuer),
            text(&given.oidc_audience, &file.oidc_audience),
            text(&given.oidc_jwks, &file.oidc_jwks),
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
        let issuers = one.into_iter().chain(file.oidc.iter().cloned()).map(OidcSettings::resolve);
        Ok(Self {
            public_url: public_url(text(&given.public_url, &file.public_url), listen)?,
            master_keys: MasterKeys {
                current: master_key,
                previous: previous.split_whitespace().map(MasterKey::read).collect::<Result<_>>()?,
            },
            token_life: SignedDuration::from_mins(token_minutes),
            issuers: issuers.collect::<Result<_>>()?,
        })
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
pub(super) fn is_loopback(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A text that is not to be seen in messages.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Hidden(String);

impl Hidden {
    /// A text that is not to be seen.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden")
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
