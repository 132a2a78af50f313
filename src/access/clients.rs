//! Systems that may ask for tokens: made, given a new secret, disabled, and recognised by their secret.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};

use super::model::{Principal, PrincipalId, Role, Tie};
use super::{rules, store};
use crate::error::{Error, Result};
use crate::store::{Change, DbConnection, Noun, Tx};
use crate::types::ClientId;

/// A system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its id, which is its `client_id`.
    pub id: ClientId,
    /// Grows by one with every change.
    pub version: i64,
    /// How it is called; stands beside what it says.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// What it is tied to.
    pub tie: Tie,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// Since when it may nothing any more.
    pub disabled_at: Option<Timestamp>,
}

impl Client {
    /// Who calls with its tokens.
    pub(super) fn principal(self) -> Principal {
        Principal {
            id: PrincipalId::Client(self.id),
            name: self.name,
            role: self.role,
            tie: self.tie,
            scopes: self.role.scopes().to_vec(),
        }
    }
}

/// What is kept of a secret.
#[derive(Clone, Debug)]
pub(super) struct Secret {
    /// The part before the dot.
    pub(super) id: String,
    /// The argon2id hash of the whole.
    pub(super) hash: String,
    /// When it was made.
    pub(super) created_at: Timestamp,
    /// From when on it is none.
    pub(super) expires_at: Option<Timestamp>,
}

impl Secret {
    fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// A secret as it is shown, once. It is no `Debug` and no `Display`, so that it gets into no log by accident.
pub struct ShownSecret(String);

impl ShownSecret {
    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// The longest time for which the secrets before may live beside a new one.
pub const LONGEST_OVERLAP: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Secrets of one client that live at a time: one is the rule, two while one follows the other.
const MOST_SECRETS: usize = 5;

const ID_BYTES: usize = 9;
const SECRET_BYTES: usize = 32;

/// Makes a client that has no secret yet.
///
/// # Errors
/// [`Error::Conflict`] if the role cannot be tied to this; if what it is tied to is not there.
pub fn create(tx: &mut Tx<'_>, name: &str, role: Role, tie: &Tie, by: &str) -> Result<Client> {
    if let Some(problem) = rules::tie_problem(role, tie) {
        return Err(Error::Conflict(format!("{role}: {problem}")));
    }
    let client = Client {
        id: ClientId::new(),
        version: 1,
        name: name.to_owned(),
        role,
        tie: tie.clone(),
        created_by: by.to_owned(),
        created_at: tx.now,
        disabled_at: None,
    };
    store::insert_client(tx, &client)?;
    store::record_event(tx, &client.id.to_string(), "created", by)?;
    Ok(client)
}

/// A secret with its hash, to be given to a client. Hashing takes its time, so it is done outside the
/// transaction.
pub struct NewSecret {
    shown: String,
    id: String,
    hash: String,
}

impl NewSecret {
    /// Makes one of random bytes.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn make() -> Result<Self> {
        let id = URL_SAFE_NO_PAD.encode(random::<ID_BYTES>()?);
        let shown = format!("{id}.{}", URL_SAFE_NO_PAD.encode(random::<SECRET_BYTES>()?));
        let hash = hash(&shown)?;
        Ok(Self { shown, id, hash })
    }

    /// The secret, to be shown once.
    pub fn shown(self) -> ShownSecret {
        ShownSecret(self.shown)
    }
}

/// Random bytes.
pub(super) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|source| Error::internal("asking for random bytes", source.to_string()))?;
    Ok(bytes)
}

fn hash(secret: &str) -> Result<String> {
    let salt = random::<16>()?;
    let hash: PasswordHash = Argon2::default()
        .hash_password_with_salt(secret.as_bytes(), &salt)
        .map_err(|source| Error::internal("hashing a secret", source.to_string()))?;
    Ok(hash.to_string())
}

/// Gives a client another secret. Those before live on for `overlap`, so that every place that uses them can be
/// told first.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] if it is disabled, too many live, or the overlap is too long.
pub fn add_secret(
    tx: &mut Tx<'_>,
    id: ClientId,
    secret: &NewSecret,
    overlap: SignedDuration,
    by: &str,
) -> Result<Client> {
    let mut client = find(tx.connection, id)?;
    if client.disabled_at.is_some() {
        return Err(Error::Conflict(format!("the client {id} is disabled; make another one")));
    }
    if overlap.is_negative() || overlap > LONGEST_OVERLAP {
        return Err(Error::Conflict("secrets live on for 0 to 720 hours".to_owned()));
    }
    let until = tx.now + overlap;
    store::end_secrets(tx, id, until)?;
    store::delete_ended_secrets(tx, id)?;
    if store::secrets(tx.connection, id)?.len() >= MOST_SECRETS {
        return Err(Error::Conflict(format!(
            "the client {id} has {MOST_SECRETS} secrets that still live; rotate with --overlap-hours 0 to end them"
        )));
    }
    let kept =
        Secret { id: secret.id.clone(), hash: secret.hash.clone(), created_at: tx.now, expires_at: None };
    store::insert_secret(tx, id, &kept)?;
    store::record_event(tx, &id.to_string(), "given a secret", by)?;
    changed(tx, &mut client)?;
    Ok(client)
}

/// Takes everything from a client, at once: also its tokens are none any more.
///
/// # Errors
/// [`Error::NotFound`].
pub fn disable(tx: &mut Tx<'_>, id: ClientId, by: &str) -> Result<Client> {
    let mut client = find(tx.connection, id)?;
    if client.disabled_at.is_none() {
        client.disabled_at = Some(tx.now);
        let now = tx.now;
        store::end_secrets(tx, id, now)?;
        store::record_event(tx, &id.to_string(), "disabled", by)?;
        changed(tx, &mut client)?;
    }
    Ok(client)
}

fn changed(tx: &mut Tx<'_>, client: &mut Client) -> Result<()> {
    client.version += 1;
    store::update_client(tx, client)?;
    tx.changed(Change { noun: Noun::Client, subject: client.id.into(), version: client.version })
}

/// One client.
///
/// # Errors
/// [`Error::NotFound`].
pub fn find(connection: &mut DbConnection, id: ClientId) -> Result<Client> {
    store::find_client(connection, id)?.ok_or_else(|| Error::NotFound { what: "client", id: id.to_string() })
}

/// Every client, each with the number of its secrets that live.
///
/// # Errors
/// If the database fails.
pub fn all(connection: &mut DbConnection, now: Timestamp) -> Result<Vec<(Client, usize)>> {
    let mut all = Vec::new();
    for client in store::all_clients(connection)? {
        let live = store::secrets(connection, client.id)?.iter().filter(|secret| secret.is_live(now)).count();
        all.push((client, live));
    }
    Ok(all)
}

/// What was done to a client: event, by whom, when.
///
/// # Errors
/// If the database fails.
pub fn history(connection: &mut DbConnection, id: ClientId) -> Result<Vec<(String, String, Timestamp)>> {
    store::events(connection, &id.to_string())
}

/// What a given secret is to be compared with.
pub(super) struct Candidate {
    client: Option<Client>,
    hash: Option<String>,
}

/// Looks up whose secret it would be.
pub(super) fn candidate(
    connection: &mut DbConnection,
    client_id: &str,
    secret: &str,
    now: Timestamp,
) -> Result<Candidate> {
    let client = match client_id.parse::<ClientId>() {
        Ok(id) => store::find_client(connection, id)?,
        Err(_) => None,
    };
    let client = client.filter(|client| client.disabled_at.is_none());
    let id = secret.split('.').next().unwrap_or_default();
    let hash = match &client {
        Some(client) => store::secrets(connection, client.id)?
            .into_iter()
            .find(|kept| kept.id == id && kept.is_live(now))
            .map(|kept| kept.hash),
        None => None,
    };
    Ok(Candidate { client, hash })
}

impl Candidate {
    /// The client, if the secret is right. An unknown client or secret costs as much time as a known one.
    pub(super) fn check(self, secret: &str) -> Result<Option<Client>> {
        static NOBODYS: std::sync::OnceLock<String> = std::sync::OnceLock::new();
        let nobodys = if let Some(hash) = NOBODYS.get() {
            hash.clone()
        } else {
            let made = hash("nobody's")?;
            NOBODYS.get_or_init(|| made).clone()
        };
        let is_known = self.hash.is_some();
        let hash = self.hash.unwrap_or(nobodys);
        let hash = PasswordHash::new(&hash)
            .map_err(|source| Error::internal("reading the hash of a secret", source.to_string()))?;
        let is_right = Argon2::default().verify_password(secret.as_bytes(), &hash).is_ok();
        Ok(self.client.filter(|_| is_right && is_known))
    }
}
