//! Who may do what.
//!
//! Systems are [`clients`]: they bring a secret and get a short-lived token that this deployment signs itself
//! ([`keys`]). People come with tokens of a configured identity provider and have a membership here, which an
//! invitation gave them ([`invitations`]). Either way a token stands for a [`Principal`]: a role with its scopes
//! ([`rules`]), tied to a district, some of its schools, or an organization. What a principal may do is looked up,
//! never read from the token, so that disabling works at once; verified tokens are remembered until they expire and
//! forgotten when the change feed tells of their client, membership or key.

mod attempts;
mod cache;
pub mod clients;
pub mod invitations;
mod issuers;
pub mod keys;
mod model;
pub mod rules;
mod store;
mod tokens;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

pub use invitations::find_principal;
pub use model::{Principal, PrincipalId, Role, Scope, Tie, TieKind, joined};
pub use tokens::IssuedToken;

use crate::config::AccessConfig;
use crate::error::{Error, Result};
use crate::store::{Change, Noun, Store};
use crate::types::{ClientId, MembershipId};
use attempts::Attempts;
use cache::Verified;
use invitations::Identity;
use issuers::Issuer;
use keys::KeyRing;
use rules::time_problem;
use tokens::{OwnClaims, PersonClaims, Unverified};

/// Why a token is not believed.
#[derive(Debug)]
pub enum Refusal {
    /// Something is wrong with it.
    Token(&'static str),
    /// It could not be found out.
    Failed(Error),
}

impl From<&'static str> for Refusal {
    fn from(reason: &'static str) -> Self {
        Self::Token(reason)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Why a client gets no token.
#[derive(Debug)]
pub enum Denied {
    /// There is no such client, or the secret is wrong; nobody is told which.
    InvalidClient,
    /// A scope is none, or none of the client's role.
    InvalidScope(String),
    /// Too many attempts failed; seconds to wait.
    Wait(i64),
    /// It could not be found out.
    Failed(Error),
}

impl From<Error> for Denied {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Access control of one process. Cloning shares it.
#[derive(Clone)]
pub struct Access {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    config: AccessConfig,
    keys: RwLock<Loaded>,
    verified: Verified,
    issuers: Vec<Issuer>,
    attempts: Attempts,
    /// Hashing a secret takes 19 MiB and some milliseconds: so many at a time.
    hashing: tokio::sync::Semaphore,
}

/// The key ring, once it was read.
#[derive(Default)]
struct Loaded {
    ring: Option<(Arc<KeyRing>, Instant)>,
    /// Grows whenever keys change: what was being read meanwhile is not kept.
    generation: u64,
}

/// Secrets that are hashed at a time.
const HASHING: usize = 2;
/// A token that names an unknown key has the keys read anew, though not more often than this.
const KEYS_READ_EVERY: Duration = Duration::from_millis(200);
/// A provider's token is looked at anew after this, however long it lives.
const LONGEST_REMEMBERED: SignedDuration = SignedDuration::from_mins(15);

impl Access {
    /// Access control over this store.
    pub fn new(store: Store, config: AccessConfig) -> Self {
        let issuers = config.issuers.iter().cloned().map(Issuer::new).collect();
        Self {
            inner: Arc::new(Inner {
                store,
                config,
                keys: RwLock::default(),
                verified: Verified::default(),
                issuers,
                attempts: Attempts::default(),
                hashing: tokio::sync::Semaphore::new(HASHING),
            }),
        }
    }

    /// The issuer of our tokens, which is also their audience.
    pub fn issuer(&self) -> &str {
        &self.inner.config.public_url
    }

    /// Fails where tokens could not be signed or believed: before serving, not at the first request.
    ///
    /// # Errors
    /// [`Error::Setup`] if the keys were sealed with another master key.
    pub fn check(&self) -> Result<()> {
        let master = &self.inner.config.master_keys;
        self.inner.store.read_now(|connection| keys::load(connection, master)).map(|_| ())
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// [`Refusal::Token`] unless it is signed by a trusted key, for us, holds now, and stands for a client or member
    /// who may still do something.
    pub async fn verify(&self, token: &str) -> Result<Arc<Principal>, Refusal> {
        let Inner { store, verified, .. } = &*self.inner;
        let now = store.clock().now();
        let digest = cache::digest(token);
        if let Some(principal) = verified.find(&digest, now) {
            return Ok(principal);
        }
        let generation = verified.generation();
        let unverified = tokens::peek(token)?;
        let (principal, until) = if unverified.issuer == self.issuer() {
            let claims = self.own_claims(token, &unverified, now).await?;
            let client = claims.sub;
            let found = store.read(move |connection| store::find_client(connection, client)).await?;
            let client = found.filter(|client| client.disabled_at.is_none());
            let mut principal = client.ok_or("the token's client is not there or disabled")?.principal();
            let granted = model::split(&claims.scope).map_err(|_| "the token has an unknown scope")?;
            principal.scopes.retain(|scope| granted.contains(scope));
            (principal, claims.exp)
        } else {
            let (identity, until) = self.person(token, &unverified, now).await?;
            let Identity { issuer, subject } = identity;
            let found =
                store.read(move |connection| store::membership_of(connection, &issuer, &subject)).await?;
            let member = found.filter(|member| member.ended_at.is_none());
            (member.ok_or("whose token it is has no membership here")?.principal(), until)
        };
        let principal = Arc::new(principal);
        let until = Timestamp::from_second(until).unwrap_or(now).min(now + LONGEST_REMEMBERED);
        verified.remember(digest, principal.clone(), until, now, generation);
        Ok(principal)
    }

    /// Who a provider's token says that somebody is, member or not.
    ///
    /// # Errors
    /// As [`Access::verify`].
    pub async fn identify(&self, token: &str) -> Result<Identity, Refusal> {
        let now = self.inner.store.clock().now();
        let unverified = tokens::peek(token)?;
        Ok(self.person(token, &unverified, now).await?.0)
    }

    async fn own_claims(
        &self,
        token: &str,
        unverified: &Unverified,
        now: Timestamp,
    ) -> Result<OwnClaims, Refusal> {
        let ring =
            self.ring(|ring, age| ring.trusted(&unverified.kid, now).is_some() || age < KEYS_READ_EVERY);
        let ring = ring.await?;
        let key = ring.trusted(&unverified.kid, now).ok_or("the token's key is not known")?;
        let claims = unverified.verify_own(token, &key.decoding, self.issuer())?;
        match time_problem(now, claims.exp, Some(claims.nbf), claims.iat) {
            Some(problem) => Err(problem.into()),
            None => Ok(claims),
        }
    }

    async fn person(
        &self,
        token: &str,
        unverified: &Unverified,
        now: Timestamp,
    ) -> Result<(Identity, i64), Refusal> {
        let issuer = self.inner.issuers.iter().find(|issuer| issuer.settings.issuer == unverified.issuer);
        let issuer = issuer.ok_or("the token's issuer is not known")?;
        let keys = issuer.keys_with(&unverified.kid, now).await;
        let key = keys.get(&unverified.kid).ok_or("the token's key is not known")?;
        if key.algorithm != unverified.algorithm {
            return Err("the token's algorithm is not that of its key".into());
        }
        let claims: PersonClaims = unverified.verify(token, &key.decoding, &issuer.settings.audience)?;
        if let Some(problem) = time_problem(now, claims.exp, claims.nbf, claims.iat) {
            return Err(problem.into());
        }
        let identity = Identity { issuer: issuer.settings.issuer.clone(), subject: claims.sub };
        Ok((identity, claims.exp))
    }

    /// A token for the client with this secret; `scope` narrows what it permits.
    ///
    /// # Errors
    /// [`Denied`] says why there is none.
    pub async fn token(
        &self,
        client_id: &str,
        secret: &str,
        scope: Option<&str>,
    ) -> Result<IssuedToken, Denied> {
        let Inner { store, config, attempts, hashing, .. } = &*self.inner;
        let failed = |source| Error::internal("hashing a secret", source);
        let _one_of_few =
            hashing.acquire().await.map_err(|closed| Error::internal("hashing a secret", closed))?;
        let now = store.clock().now();
        if let Some(seconds) = attempts.wait(client_id, now) {
            return Err(Denied::Wait(seconds));
        }
        let (id, given) = (client_id.to_owned(), secret.to_owned());
        let candidate =
            store.read(move |connection| clients::candidate(connection, &id, &given, now)).await?;
        let given = secret.to_owned();
        let client = tokio::task::spawn_blocking(move || candidate.check(&given)).await.map_err(failed)??;
        let Some(client) = client else {
            attempts.failed(client_id, now);
            return Err(Denied::InvalidClient);
        };
        attempts.succeeded(client_id);
        let scopes = narrowed(client.role, scope)?;
        let ring = self.signing_ring().await?;
        let signer =
            ring.signer.as_ref().ok_or_else(|| Error::internal("signing a token", "there is no key"))?;
        Ok(tokens::sign(signer, self.issuer(), client.id, scopes, now, config.token_life)?)
    }

    /// A token for a client without its secret, for the command line: who can write to the database may do
    /// everything anyway.
    ///
    /// # Errors
    /// If the database fails, or its keys were sealed with another master key.
    pub fn token_now(
        &self,
        client: ClientId,
        role: Role,
        life: Option<SignedDuration>,
    ) -> Result<IssuedToken> {
        let Inner { store, config, .. } = &*self.inner;
        let master = &config.master_keys;
        let ring = store.write_now(|tx| {
            keys::ensure(tx, master)?;
            keys::load(tx.connection, master)
        })?;
        let signer =
            ring.signer.as_ref().ok_or_else(|| Error::internal("signing a token", "there is no key"))?;
        let (now, life) = (store.clock().now(), life.unwrap_or(config.token_life));
        tokens::sign(signer, self.issuer(), client, role.scopes().to_vec(), now, life)
    }

    /// The client in whose name the command line makes tokens for a role and tie; made when it is asked for the
    /// first time. A role that is tied to something is tied to the first of the directory, unless `tie` names it.
    ///
    /// # Errors
    /// [`Error::Setup`] if the role cannot be tied so; [`Error::Conflict`] if it was disabled.
    pub fn development_client(&self, role: Role, tie: Option<&Tie>) -> Result<clients::Client> {
        self.inner.store.write_now(|tx| {
            let tie = match tie {
                Some(tie) => tie.clone(),
                None => first_tie(tx.connection, role)?,
            };
            let name = format!("{role} of the command line");
            let known = store::all_clients(tx.connection)?
                .into_iter()
                .find(|known| known.name == name && known.role == role && known.tie == tie);
            match known {
                Some(known) if known.disabled_at.is_some() => {
                    Err(Error::Setup(format!("the client {} ({name}) is disabled", known.id)))
                }
                Some(known) => Ok(known),
                None => clients::create(tx, &name, role, &tie, "command line"),
            }
        })
    }

    /// The public parts of the keys that may have signed tokens that still hold: `kid` and `x` (RFC 8037).
    ///
    /// # Errors
    /// If the database fails.
    pub async fn published_keys(&self) -> Result<Vec<(String, String)>> {
        let ring = self.signing_ring().await?;
        let now = self.inner.store.clock().now();
        Ok(ring.published(now).into_iter().map(|(kid, key)| (kid.to_owned(), key.x.clone())).collect())
    }

    /// The keys, among them one that signs.
    async fn signing_ring(&self) -> Result<Arc<KeyRing>> {
        let ring = self.ring(|ring, _| ring.signer.is_some()).await?;
        if ring.signer.is_some() {
            return Ok(ring);
        }
        let master = self.inner.config.master_keys.clone();
        self.inner.store.write(move |tx| keys::ensure(tx, &master)).await?;
        self.ring(|ring, _| ring.signer.is_some()).await
    }

    /// The keys as they were read, if that will do, else as they are.
    async fn ring(&self, will_do: impl Fn(&KeyRing, Duration) -> bool) -> Result<Arc<KeyRing>> {
        let generation = {
            let loaded = self.inner.keys.read().unwrap_or_else(PoisonError::into_inner);
            if let Some((ring, read_at)) = &loaded.ring
                && will_do(ring, read_at.elapsed())
            {
                return Ok(ring.clone());
            }
            loaded.generation
        };
        let master = self.inner.config.master_keys.clone();
        let ring = self.inner.store.read(move |connection| keys::load(connection, &master)).await?;
        let ring = Arc::new(ring);
        let mut loaded = self.inner.keys.write().unwrap_or_else(PoisonError::into_inner);
        if loaded.generation == generation {
            loaded.ring = Some((ring.clone(), Instant::now()));
        }
        Ok(ring)
    }

    /// Forgets what these changes made untrue.
    pub fn changed(&self, changes: &[Change]) {
        for change in changes {
            match change.noun {
                Noun::Client => self.inner.verified.forget(PrincipalId::Client(ClientId(change.subject))),
                Noun::Membership => {
                    self.inner.verified.forget(PrincipalId::Membership(MembershipId(change.subject)));
                }
                Noun::SigningKey => self.forget(),
                Noun::Organization
                | Noun::Location
                | Noun::Service
                | Noun::CapacityPool
                | Noun::InsurancePlan
                | Noun::District
                | Noun::School
                | Noun::Offering
                | Noun::Partnership => {}
            }
        }
    }

    /// Forgets the keys and every verified token: what changed of them is not known.
    pub fn forget(&self) {
        let mut loaded = self.inner.keys.write().unwrap_or_else(PoisonError::into_inner);
        loaded.ring = None;
        loaded.generation += 1;
        drop(loaded);
        self.inner.verified.forget_all();
    }
}

fn narrowed(role: Role, scope: Option<&str>) -> Result<Vec<Scope>, Denied> {
    let Some(scope) = scope else { return Ok(role.scopes().to_vec()) };
    let asked = model::split(scope).map_err(|unknown| Denied::InvalidScope(unknown.to_string()))?;
    if let Some(foreign) = asked.iter().find(|scope| !role.scopes().contains(scope)) {
        return Err(Denied::InvalidScope(format!(
            "{foreign} is no scope of {role}; it has {}",
            joined(role.scopes())
        )));
    }
    if asked.is_empty() {
        return Err(Denied::InvalidScope(
            "scope is empty; leave it out for all that the client has".to_owned(),
        ));
    }
    Ok(role.scopes().iter().copied().filter(|scope| asked.contains(scope)).collect())
}

fn first_tie(connection: &mut crate::store::DbConnection, role: Role) -> Result<Tie> {
    let (district, organization) = store::first_ties(connection)?;
    let missing = |what| {
        Error::Setup(format!(
            "{role} is tied to one {what}, and the directory has none; record or import one first"
        ))
    };
    match rules::tie_of(role) {
        TieKind::None => Ok(Tie::None),
        TieKind::District | TieKind::Schools => district
            .map(|district| Tie::District { district, schools: Vec::new() })
            .ok_or_else(|| missing("district")),
        TieKind::Organization => organization.map(Tie::Organization).ok_or_else(|| missing("organization")),
    }
}
