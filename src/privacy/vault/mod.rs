//! Keys and what they seal. A master key from the environment wraps one key for each student and a few of the
//! deployment; each student's key seals what could identify that student (XChaCha20-Poly1305, bound to the
//! place where it stands). Without a master key, for development, one lies in the database in the clear.

mod store;
mod survey;

use std::fmt::Display;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::config::{MasterKey, MasterKeys};
use crate::error::{Error, Result};
use crate::store::{DbConnection, Store, Tenancy, Tenant, Tx};
use crate::types::{DistrictId, StudentId};
pub use survey::KeySurvey;

const NONCE: usize = 24;
/// The first byte of what is sealed, so that another way of sealing can follow this one.
const FORMAT: u8 = 1;
/// The name of the key that blinds identifiers.
const BLIND_INDEX: &str = "blind index";
/// The name of the key that lies in the database where there is no master key.
const DEVELOPMENT: &str = "development-master";

/// The keys of one process. Cloning shares them.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Opened>,
}

struct Opened {
    /// Wraps what is new.
    current: Master,
    /// May have wrapped what is there.
    previous: Vec<Master>,
    index: [u8; 32],
    chain: [u8; 32],
    answers: [u8; 32],
    notes: [u8; 32],
}

/// The names of the deployment's own keys.
const OF_DEPLOYMENT: [&str; 4] = [BLIND_INDEX, "audit chain", "kept answers", "notes"];

struct Master {
    id: String,
    key: [u8; 32],
}

impl Master {
    /// The key's id may be seen; it tells nothing of the key.
    fn new(key: [u8; 32]) -> Self {
        let digest = Sha256::new().chain_update(b"causeway master key id").chain_update(key).finalize();
        let id = format!("{:016x}", digest.iter().take(8).fold(0_u64, |id, byte| id << 8 | u64::from(*byte)));
        // The master key itself stays free for other uses.
        let key = Sha256::new().chain_update(b"causeway data keys").chain_update(key).finalize().into();
        Self { id, key }
    }

    fn wrap(&self, key: &[u8; 32], whose: &str) -> Result<Vec<u8>> {
        seal(&self.key, key, whose.as_bytes())
    }
}

/// A key as the database has it.
pub(super) struct Wrapped {
    master: String,
    wrapped: Vec<u8>,
}

impl Vault {
    /// Opens the keys of this deployment, and makes them where there are none yet.
    ///
    /// # Errors
    /// [`Error::Setup`] if they were wrapped by a master key that is not known; if the database fails.
    pub fn open(store: &Store, masters: &MasterKeys) -> Result<Self> {
        let current = match &masters.current {
            Some(master) => Master::new(*master.bytes()),
            None => Master::new(store.secret(DEVELOPMENT)?),
        };
        let known = |master: &MasterKey| Master::new(*master.bytes());
        Self::opened(store, current, masters.previous.iter().map(known).collect())
    }

    /// [`Vault::open`] for one who wraps every key anew: also those that no master key had wrapped.
    fn open_to_rewrap(store: &Store, masters: &MasterKeys) -> Result<Self> {
        let master = masters.current.as_ref().ok_or_else(|| {
            Error::Setup("keys are wrapped by CAUSEWAY_MASTER_KEY, and it is not set".to_owned())
        })?;
        let mut previous: Vec<Master> =
            masters.previous.iter().map(|master| Master::new(*master.bytes())).collect();
        previous.extend(store.known_secret(DEVELOPMENT)?.map(Master::new));
        Self::opened(store, Master::new(*master.bytes()), previous)
    }

    fn opened(store: &Store, current: Master, previous: Vec<Master>) -> Result<Self> {
        let mut opened = Opened::by(current, previous);
        let keys = store.write_for_now(&Tenancy::Keeper, |tx| {
            let keys = OF_DEPLOYMENT.map(|name| opened.deployment_key(tx, name));
            keys.into_iter().collect::<Result<Vec<_>>>()
        })?;
        opened.take(&keys);
        Ok(Self { inner: Arc::new(opened) })
    }

    /// A key for a new student, not yet kept.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn new_key(&self, student: StudentId) -> Result<StudentKey> {
        Ok(StudentKey { student, key: random()? })
    }

    /// Keeps the key of a student who has just been recorded.
    ///
    /// # Errors
    /// If the database fails.
    pub fn keep(&self, tx: &mut Tx<'_>, tenant: &Tenant, key: &StudentKey) -> Result<()> {
        let current = &self.inner.current;
        // Under a master key that is no more, the student would be lost.
        let stands = store::deployment_key(tx.connection, BLIND_INDEX)?;
        let mut known = std::iter::once(current).chain(&self.inner.previous);
        if stands.is_none_or(|wrapped| known.all(|master| master.id != wrapped.master)) {
            return Err(Error::Setup(
                "the keys of this database were wrapped anew by another master key; start this server with that one"
                    .to_owned(),
            ));
        }
        let wrapped = current.wrap(&key.key, &key.student.to_string())?;
        store::insert_student_key(tx, tenant, key.student, &current.id, &wrapped)
    }

    /// The key of a student of this tenant; none if it was destroyed.
    ///
    /// # Errors
    /// [`Error::Setup`] if it was wrapped by a master key that is not known; if it is damaged.
    pub fn key(
        &self,
        connection: &mut DbConnection,
        tenant: &Tenant,
        student: StudentId,
    ) -> Result<Option<StudentKey>> {
        let found = store::student_key(connection, tenant, student)?;
        let open = |wrapped: Wrapped| {
            let key = self.inner.unwrap(&wrapped, &student.to_string())?;
            Ok(StudentKey { student, key })
        };
        found.map(open).transpose()
    }

    /// Destroys the key of a student: what it sealed is gone, in every copy of the database whose copy of the key is
    /// destroyed too.
    ///
    /// # Errors
    /// If the database fails.
    pub fn destroy(&self, tx: &mut Tx<'_>, tenant: &Tenant, student: StudentId) -> Result<()> {
        store::delete_student_key(tx, tenant, student)
    }

    /// The digest under which an identifier is found. It is keyed, so that whoever has only the database cannot try
    /// the few million identifiers that there are.
    pub fn blind(&self, district: DistrictId, kind: &str, value: &str) -> Vec<u8> {
        let parts = [district.to_string(), kind.to_owned(), value.trim().to_uppercase()];
        keyed_digest(&self.inner.index, parts.iter().map(String::as_bytes))
    }

    /// The digest of a link of the audit's chain: whoever can write to the database cannot make one.
    pub fn chain<'a>(&self, parts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
        keyed_digest(&self.inner.chain, parts)
    }

    /// The digest under which an answer is kept, or of what it answers: a client may have made its key of an
    /// identifier, and what was sent could be tried out.
    pub fn answered<'a>(&self, parts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
        keyed_digest(&self.inner.index, std::iter::once(b"kept answer".as_slice()).chain(parts))
    }

    /// Seals an answer that is kept to be given again.
    ///
    /// # Errors
    /// If the cipher fails.
    pub fn seal_answer(&self, plain: &[u8], bound: &str) -> Result<Vec<u8>> {
        seal(&self.inner.answers, plain, bound.as_bytes())
    }

    /// Opens an answer that was kept.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn open_answer(&self, sealed: &[u8], bound: &str) -> Result<Vec<u8>> {
        open(&self.inner.answers, sealed, bound.as_bytes()).ok_or_else(|| damaged("a kept answer"))
    }

    /// Seals what was written about somebody who has no key, bound to the row that it stands in.
    ///
    /// # Errors
    /// If the cipher fails.
    pub fn seal_note(&self, note: &str, bound: &str) -> Result<Vec<u8>> {
        seal(&self.inner.notes, note.as_bytes(), bound.as_bytes())
    }

    /// Opens what [`Vault::seal_note`] sealed.
    ///
    /// # Errors
    /// If it is damaged or stood elsewhere.
    pub fn open_note(&self, sealed: &[u8], bound: &str) -> Result<String> {
        let note = open(&self.inner.notes, sealed, bound.as_bytes()).ok_or_else(|| damaged("a note"))?;
        String::from_utf8(note).map_err(|_| damaged("a note"))
    }
}

/// How far wrapping anew has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// Keys in all.
    pub total: u64,
    /// Keys that were looked at.
    pub seen: u64,
    /// Keys that another master key had wrapped.
    pub changed: u64,
}

/// Keys that are wrapped anew in one transaction.
const REWRAP_CHUNK: i64 = 500;

/// Wraps by the current master key every key that another one had wrapped; `progress` is told after each
/// chunk. A repeat goes on where an earlier run was stopped.
///
/// # Errors
/// [`Error::Setup`] if there is no master key, or one that wrapped something is not known; if the database fails.
pub fn rewrap(store: &Store, masters: &MasterKeys, mut progress: impl FnMut(Rewrapped)) -> Result<Rewrapped> {
    let vault = Vault::open_to_rewrap(store, masters)?;
    let opened = &vault.inner;
    let mut done = Rewrapped::default();
    done.changed += store.write_for_now(&Tenancy::Keeper, |tx| {
        let mut changed = 0;
        for (name, wrapped) in store::deployment_keys(tx.connection)? {
            if wrapped.master != opened.current.id {
                let key = opened.unwrap(&wrapped, &name)?;
                let again = opened.current.wrap(&key, &name)?;
                store::set_deployment_key(tx, &name, &opened.current.id, &again)?;
                changed += 1;
            }
        }
        Ok(changed)
    })?;
    done.total = store.write_for_now(&Tenancy::Keeper, |tx| store::count_student_keys(tx.connection))?;
    let mut after = None;
    loop {
        let (seen, changed, last) = store.write_for_now(&Tenancy::Keeper, |tx| {
            let keys = store::student_keys_after(tx.connection, after, REWRAP_CHUNK)?;
            let mut changed = 0;
            for (student, wrapped) in &keys {
                if wrapped.master != opened.current.id {
                    let key = opened.unwrap(wrapped, &student.to_string())?;
                    let again = opened.current.wrap(&key, &student.to_string())?;
                    store::set_student_key(tx, *student, &opened.current.id, &again)?;
                    changed += 1;
                }
            }
            Ok((keys.len(), changed, keys.last().map(|(student, _)| *student)))
        })?;
        done.seen += seen as u64;
        done.changed += changed;
        progress(done);
        match last {
            None => break,
            last => after = last,
        }
    }
    // A key that was made meanwhile may still need it; the next run finds that one.
    let remaining = store.write_for_now(&Tenancy::Keeper, |tx| {
        store::count_student_keys_but(tx.connection, &opened.current.id)
    })?;
    if remaining == 0 {
        store.forget_secret(DEVELOPMENT)?;
    }
    Ok(done)
}

impl Opened {
    /// With the deployment's own keys still to be taken.
    fn by(current: Master, previous: Vec<Master>) -> Self {
        Self { current, previous, index: [0; 32], chain: [0; 32], answers: [0; 32], notes: [0; 32] }
    }

    /// Takes the deployment's own keys, in the order of [`OF_DEPLOYMENT`].
    fn take(&mut self, keys: &[[u8; 32]]) {
        if let [index, chain, answers, notes] = keys {
            (self.index, self.chain, self.answers, self.notes) = (*index, *chain, *answers, *notes);
        }
    }

    /// The vault, if the deployment's own keys are all among these and open.
    fn filled(mut self, wrapped: &[(String, Wrapped)]) -> Option<Vault> {
        let keys = OF_DEPLOYMENT.map(|wanted| {
            let (_, wrapped) = wrapped.iter().find(|(name, _)| name == wanted)?;
            self.unwrap(wrapped, wanted).ok()
        });
        let keys: Option<Vec<_>> = keys.into_iter().collect();
        self.take(&keys?);
        Some(Vault { inner: Arc::new(self) })
    }

    /// The key of this name, made if there is none.
    fn deployment_key(&self, tx: &mut Tx<'_>, name: &str) -> Result<[u8; 32]> {
        if let Some(wrapped) = store::deployment_key(tx.connection, name)? {
            return self.unwrap(&wrapped, name);
        }
        let key = random()?;
        store::insert_deployment_key(tx, name, &self.current.id, &self.current.wrap(&key, name)?)?;
        // Another process may have been faster: then its key is the one.
        match store::deployment_key(tx.connection, name)? {
            Some(wrapped) => self.unwrap(&wrapped, name),
            None => Err(Error::Contended),
        }
    }

    fn unwrap(&self, wrapped: &Wrapped, whose: &str) -> Result<[u8; 32]> {
        let mut masters = std::iter::once(&self.current).chain(&self.previous);
        let master = masters.find(|master| master.id == wrapped.master).ok_or_else(|| {
            Error::Setup(format!(
                "keys of this database are wrapped by another master key than CAUSEWAY_MASTER_KEY (its id is {}); name \
                 that one in CAUSEWAY_PREVIOUS_MASTER_KEYS, unless it was a database without one, and run `causeway \
                 keys rewrap`",
                wrapped.master
            ))
        })?;
        open(&master.key, &wrapped.wrapped, whose.as_bytes())
            .and_then(|key| key.try_into().ok())
            .ok_or_else(|| damaged("a wrapped key"))
    }
}

/// Seals what could identify one student.
pub struct StudentKey {
    student: StudentId,
    key: [u8; 32],
}

impl StudentKey {
    /// Seals `value`, which stands in `place` under `id`: moved elsewhere it does not open.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn seal<T: Serialize>(&self, place: &str, id: impl Display, value: &T) -> Result<Vec<u8>> {
        let plain = serde_json::to_vec(value).map_err(|source| Error::internal("sealing", source))?;
        seal(&self.key, &plain, self.bound(place, id).as_bytes())
    }

    /// Opens what [`StudentKey::seal`] sealed.
    ///
    /// # Errors
    /// If it is damaged or stood elsewhere.
    pub fn open<T: DeserializeOwned>(&self, place: &str, id: impl Display, sealed: &[u8]) -> Result<T> {
        let plain =
            open(&self.key, sealed, self.bound(place, id).as_bytes()).ok_or_else(|| damaged(place))?;
        // What was read is not repeated: it is a student's.
        serde_json::from_slice(&plain).map_err(|_| damaged(place))
    }

    fn bound(&self, place: &str, id: impl Display) -> String {
        format!("{place}\0{}\0{id}", self.student)
    }
}

fn damaged(what: &str) -> Error {
    Error::internal(format!("opening {what}"), "it is damaged, or sealed by another key")
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|source| Error::internal("making a key", source.to_string()))?;
    Ok(bytes)
}

fn seal(key: &[u8; 32], plain: &[u8], bound: &[u8]) -> Result<Vec<u8>> {
    let nonce = random::<NONCE>()?;
    let sealed = XChaCha20Poly1305::new(&Key::from(*key))
        .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: bound })
        .map_err(|_| Error::internal("sealing", "the cipher refused"))?;
    Ok([[FORMAT].as_slice(), &nonce, &sealed].concat())
}

fn open(key: &[u8; 32], sealed: &[u8], bound: &[u8]) -> Option<Vec<u8>> {
    let (&format, rest) = sealed.split_first()?;
    let (nonce, sealed) = rest.split_at_checked(NONCE)?;
    if format != FORMAT {
        return None;
    }
    let nonce = XNonce::try_from(nonce).ok()?;
    XChaCha20Poly1305::new(&Key::from(*key)).decrypt(&nonce, Payload { msg: sealed, aad: bound }).ok()
}

fn keyed_digest<'a>(key: &[u8; 32], parts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_le_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests;
