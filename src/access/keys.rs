//! The keys that sign our own tokens: Ed25519, made at first need and kept in the database.
//!
//! With a master key the private part is sealed (XChaCha20-Poly1305, bound to its `kid` and public part), and only
//! keys that it opens are trusted: who can write to the database but has no master key cannot add one. Without a
//! master key the private part lies in the database as it is; `serve` allows that on loopback only.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use ed25519_dalek::SigningKey;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{DecodingKey, EncodingKey};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::clients::random;
use super::rules::{LEEWAY, LONGEST_TOKEN_LIFE};
use super::store;
use crate::config::MasterKey;
use crate::error::{Error, Result};
use crate::store::{Change, DbConnection, Noun, Tx};

/// A key as the database has it.
pub(super) struct StoredKey {
    pub(super) kid: String,
    pub(super) public: Vec<u8>,
    /// The seed, or nonce and sealed seed.
    pub(super) private: Vec<u8>,
    pub(super) is_sealed: bool,
    pub(super) created_at: Timestamp,
    pub(super) retired_at: Option<Timestamp>,
}

/// Another node may sign with a retired key until the change feed has told it.
const FEED_MARGIN: SignedDuration = SignedDuration::from_hours(1);

const NONCE: usize = 24;

/// DER of a PKCS#8 private key (RFC 8410) up to the seed.
const PKCS8_BEFORE_SEED: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// A key whose tokens are believed.
pub(super) struct TrustedKey {
    /// What checks its signatures.
    pub(super) decoding: DecodingKey,
    /// The public part, base64url.
    pub(super) x: String,
    /// From when on nothing that it signed can still hold.
    until: Option<Timestamp>,
}

/// The key that signs.
pub(super) struct Signer {
    pub(super) kid: String,
    pub(super) encoding: EncodingKey,
}

/// The keys of this deployment.
#[derive(Default)]
pub(super) struct KeyRing {
    /// None until one is needed.
    pub(super) signer: Option<Signer>,
    trusted: HashMap<String, TrustedKey>,
}

impl KeyRing {
    /// The key `kid`, if tokens that it signed may still hold.
    pub(super) fn trusted(&self, kid: &str, now: Timestamp) -> Option<&TrustedKey> {
        self.trusted.get(kid).filter(|key| key.until.is_none_or(|until| now < until))
    }

    /// Every key that is published, with its `kid`, in order.
    pub(super) fn published(&self, now: Timestamp) -> Vec<(&str, &TrustedKey)> {
        let is_live = |key: &TrustedKey| key.until.is_none_or(|until| now < until);
        let mut published: Vec<_> = self
            .trusted
            .iter()
            .filter(|(_, key)| is_live(key))
            .map(|(kid, key)| (kid.as_str(), key))
            .collect();
        published.sort_by_key(|(kid, _)| *kid);
        published
    }
}

/// Reads the keys.
///
/// # Errors
/// [`Error::Setup`] if they were sealed with another master key.
pub(super) fn load(connection: &mut DbConnection, master: Option<&MasterKey>) -> Result<KeyRing> {
    let mut ring = KeyRing::default();
    for key in store::keys(connection)? {
        let Some(seed) = seed_of(&key, master)? else { continue };
        let signing = SigningKey::from_bytes(&seed);
        let public = signing.verifying_key().to_bytes();
        if public.as_slice() != key.public {
            return Err(Error::internal(format!("reading the signing key {}", key.kid), "it is damaged"));
        }
        let until = key.retired_at.map(|at| at + LONGEST_TOKEN_LIFE + LEEWAY + FEED_MARGIN);
        if key.retired_at.is_none() && ring.signer.is_none() {
            let der = [PKCS8_BEFORE_SEED.as_slice(), &seed].concat();
            ring.signer = Some(Signer { kid: key.kid.clone(), encoding: EncodingKey::from_ed_der(&der) });
        }
        let x = URL_SAFE_NO_PAD.encode(public);
        let decoding = DecodingKey::from_ed_der(&public);
        ring.trusted.insert(key.kid, TrustedKey { decoding, x, until });
    }
    Ok(ring)
}

/// The seed of a key; none of one that is not to be trusted, because it lay open and there is a master key now.
fn seed_of(key: &StoredKey, master: Option<&MasterKey>) -> Result<Option<[u8; 32]>> {
    let damaged = || Error::internal(format!("reading the signing key {}", key.kid), "it is damaged");
    match (key.is_sealed, master) {
        (false, Some(_)) => Ok(None),
        (false, None) => key.private.as_slice().try_into().map(Some).map_err(|_| damaged()),
        (true, None) => Err(Error::Setup(
            "the signing keys of this database are sealed; set CAUSEWAY_MASTER_KEY to the key that sealed them".to_owned(),
        )),
        (true, Some(master)) => {
            let (nonce, sealed) = key.private.split_at_checked(NONCE).ok_or_else(damaged)?;
            let nonce = XNonce::try_from(nonce).map_err(|_| damaged())?;
            let bound = bound_to(&key.kid, &key.public);
            let seed = cipher(master).decrypt(&nonce, Payload { msg: sealed, aad: &bound }).map_err(|_| {
                Error::Setup(
                    "the signing keys of this database were sealed with another CAUSEWAY_MASTER_KEY".to_owned(),
                )
            })?;
            seed.try_into().map(Some).map_err(|_| damaged())
        }
    }
}

fn cipher(master: &MasterKey) -> XChaCha20Poly1305 {
    // The master key itself stays free for other uses.
    let derived: [u8; 32] =
        Sha256::new().chain_update(b"causeway signing keys").chain_update(master.bytes()).finalize().into();
    XChaCha20Poly1305::new(&Key::from(derived))
}

fn bound_to(kid: &str, public: &[u8]) -> Vec<u8> {
    [kid.as_bytes(), b"\0", public].concat()
}

/// Makes a key if there is none that signs.
pub(super) fn ensure(tx: &mut Tx<'_>, master: Option<&MasterKey>) -> Result<()> {
    if load(tx.connection, master)?.signer.is_none() {
        make(tx, master, "first need")?;
    }
    Ok(())
}

/// Puts a new key in place of those that sign. What they signed holds until it expires, unless `revoke`: then
/// every token is none at once.
///
/// # Errors
/// If the database fails, or holds keys that the master key does not open and that are not revoked.
pub fn rotate(tx: &mut Tx<'_>, master: Option<&MasterKey>, revoke: bool, by: &str) -> Result<String> {
    let now = tx.now;
    if revoke {
        store::delete_keys(tx, None)?;
    } else {
        load(tx.connection, master)?;
        store::retire_keys(tx)?;
        store::delete_keys(tx, Some(now - LONGEST_TOKEN_LIFE - LEEWAY - FEED_MARGIN))?;
    }
    make(tx, master, by)
}

fn make(tx: &mut Tx<'_>, master: Option<&MasterKey>, by: &str) -> Result<String> {
    let seed = random::<32>()?;
    let public = SigningKey::from_bytes(&seed).verifying_key().to_bytes().to_vec();
    let id = Uuid::now_v7();
    let kid = id.to_string();
    let private = match master {
        None => seed.to_vec(),
        Some(master) => {
            let nonce = random::<NONCE>()?;
            let bound = bound_to(&kid, &public);
            let sealed = cipher(master)
                .encrypt(&XNonce::from(nonce), Payload { msg: &seed, aad: &bound })
                .map_err(|_| Error::internal("sealing a signing key", "the cipher refused"))?;
            [nonce.as_slice(), &sealed].concat()
        }
    };
    let key = StoredKey {
        kid: kid.clone(),
        public,
        private,
        is_sealed: master.is_some(),
        created_at: tx.now,
        retired_at: None,
    };
    store::insert_key(tx, &key)?;
    store::record_event(tx, &kid, "made", by)?;
    tx.changed(Change { noun: Noun::SigningKey, subject: id, version: 1 })?;
    Ok(kid)
}
