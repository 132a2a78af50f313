//! The identity providers whose people may come here (OpenID Connect), and their keys.
//!
//! A provider's keys come from a file or a URL and are kept. They are asked for anew when a token names a key that
//! is not among them, though not more often than [`LEAST_INTERVAL`], and when they are older than [`FRESH_FOR`].

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};

use crate::config::{JwksSource, OidcIssuer};
use crate::error::{Error, Result};

/// Keys are not asked for more often than this, whatever tokens name.
pub(super) const LEAST_INTERVAL: SignedDuration = SignedDuration::from_secs(30);
/// Keys older than this are asked for anew.
pub(super) const FRESH_FOR: SignedDuration = SignedDuration::from_hours(1);
/// Keys older than this are no longer believed when the provider does not answer.
pub(super) const BELIEVED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// The most bytes of a set of keys.
const LARGEST_SET: u64 = 256 * 1024;
/// How long a provider may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Characters of base64url of an RSA modulus of 2,048 bits.
const SHORTEST_MODULUS: usize = 342;

/// A provider with the keys that it published.
pub(super) struct Issuer {
    pub(super) settings: OidcIssuer,
    keys: Mutex<Keys>,
    /// One at a time asks the provider.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Keys {
    by_kid: Arc<HashMap<String, IssuerKey>>,
    read_at: Option<Timestamp>,
    tried_at: Option<Timestamp>,
}

/// A provider's key and the one algorithm that it is for.
pub(super) struct IssuerKey {
    pub(super) decoding: DecodingKey,
    pub(super) algorithm: Algorithm,
}

impl Issuer {
    pub(super) fn new(settings: OidcIssuer) -> Self {
        Self { settings, keys: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }

    /// The provider's keys, among them `kid` if it has one.
    pub(super) async fn keys_with(&self, kid: &str, now: Timestamp) -> Arc<HashMap<String, IssuerKey>> {
        if let Some(known) = self.known(kid, now) {
            return known;
        }
        let _one_at_a_time = self.asking.lock().await;
        if let Some(known) = self.known(kid, now) {
            return known;
        }
        let source = self.settings.jwks.clone();
        let read = tokio::task::spawn_blocking(move || read(&source))
            .await
            .unwrap_or_else(|stopped| Err(Error::internal("reading a provider's keys", stopped)));
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.tried_at = Some(now);
        match read {
            Ok(set) => {
                keys.by_kid = Arc::new(usable(&set));
                keys.read_at = Some(now);
            }
            Err(error) => {
                let issuer = self.settings.issuer.as_str();
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    issuer,
                    "a provider's keys cannot be read"
                );
                if keys.read_at.is_some_and(|read_at| now.duration_since(read_at) > BELIEVED_FOR) {
                    keys.by_kid = Arc::default();
                }
            }
        }
        keys.by_kid.clone()
    }

    /// The keys, if there is no reason to ask for them, or no right to ask so soon again.
    fn known(&self, kid: &str, now: Timestamp) -> Option<Arc<HashMap<String, IssuerKey>>> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let since = |instant: Option<Timestamp>| instant.map(|instant| now.duration_since(instant));
        let is_fresh = since(keys.read_at).is_some_and(|age| age < FRESH_FOR);
        let was_tried = since(keys.tried_at).is_some_and(|age| age < LEAST_INTERVAL);
        ((is_fresh && keys.by_kid.contains_key(kid)) || was_tried).then(|| keys.by_kid.clone())
    }
}

fn read(source: &JwksSource) -> Result<JwkSet> {
    let mut bytes = Vec::new();
    match source {
        JwksSource::File(path) => {
            let file = std::fs::File::open(path)
                .map_err(|error| Error::internal(format!("opening {}", path.display()), error))?;
            file.take(LARGEST_SET + 1)
                .read_to_end(&mut bytes)
                .map_err(|error| Error::internal(format!("reading {}", path.display()), error))?;
        }
        JwksSource::Url(url) => {
            let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).max_redirects(0);
            let mut answer = config
                .build()
                .new_agent()
                .get(url)
                .call()
                .map_err(|error| Error::internal(format!("asking {url}"), error))?;
            answer
                .body_mut()
                .as_reader()
                .take(LARGEST_SET + 1)
                .read_to_end(&mut bytes)
                .map_err(|error| Error::internal(format!("reading {url}"), error))?;
        }
    }
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST_SET) {
        return Err(Error::internal(
            "reading a set of keys",
            format!("it has more than {LARGEST_SET} bytes"),
        ));
    }
    serde_json::from_slice(&bytes).map_err(|error| Error::internal("reading a set of keys", error))
}

/// The keys that may sign tokens for us: with a `kid`, for signatures, and of an algorithm of the list.
fn usable(set: &JwkSet) -> HashMap<String, IssuerKey> {
    let key = |jwk: &Jwk| {
        let kid = jwk.common.key_id.clone()?;
        if jwk.common.public_key_use.as_ref().is_some_and(|it| *it != PublicKeyUse::Signature) {
            return None;
        }
        let algorithm = algorithm_of(jwk)?;
        Some((kid, IssuerKey { decoding: DecodingKey::from_jwk(jwk).ok()?, algorithm }))
    };
    set.keys.iter().filter_map(key).collect()
}

fn algorithm_of(jwk: &Jwk) -> Option<Algorithm> {
    let (algorithm, name) = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) if rsa.n.len() >= SHORTEST_MODULUS => {
            (Algorithm::RS256, KeyAlgorithm::RS256)
        }
        AlgorithmParameters::EllipticCurve(curve) if curve.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        _ => return None,
    };
    jwk.common.key_algorithm.is_none_or(|stated| stated == name).then_some(algorithm)
}
