//! Links by which an agency says without an account what one pool can take: signed, expiring, revocable. Whoever holds
//! one can say that, and do nothing else.

mod rules;
mod signer;
mod store;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

pub use rules::{Choice, Ended, Fault, LONGEST_LINK, MOST_COUNTED, Said};
pub use signer::{LinkSigner, StopToken};

use super::model::{Claim, ClaimMethod, ClaimReport};
use crate::access::Principal;
use crate::directory::{
    CapacityPoolFacts, Method, OrganizationFacts, Record, Voice, admit, find, stands_under,
};
use crate::error::{Error, FieldError, Result};
use crate::store::{DbConnection, Tx};
use crate::types::{AvailabilityStatus, CapacityPoolId, Period, ReaderLanguage, UpdateLinkId};

/// How long a link works unless it is said otherwise.
pub const DEFAULT_LINK_LIFE: Period = Period::days(14);

/// A link, without what makes it one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateLink {
    /// Its id.
    pub id: UpdateLinkId,
    /// The one pool of which it speaks.
    pub pool: CapacityPoolId,
    /// The language of its page.
    pub language: ReaderLanguage,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// From when on it does not work.
    pub expires_at: Timestamp,
    /// When it was last used to say something.
    pub used_at: Option<Timestamp>,
    /// Since when it is revoked.
    pub revoked_at: Option<Timestamp>,
}

impl UpdateLink {
    /// Who says what is said by it.
    fn voice(&self) -> Voice {
        let by = format!("update link {}", self.id);
        Voice { method: Method::Agency, source: "update-link".to_owned(), by }
    }
}

/// Which links are listed.
#[derive(Clone, Debug)]
pub struct LinkPage {
    /// Only those made before this one.
    pub before: Option<UpdateLinkId>,
    /// How many at most.
    pub limit: usize,
    /// Also those that work no more.
    pub include_ended: bool,
}

/// What a link's page shows.
#[derive(Clone, Debug)]
pub struct PoolShown {
    /// The link.
    pub link: UpdateLink,
    /// The name of the organization.
    pub organization: String,
    /// The name of the pool.
    pub pool: String,
    /// The agency's time zone.
    pub zone: TimeZone,
    /// What was said last, lapsed or not.
    pub claim: Option<Claim>,
}

/// What a token opens.
#[derive(Clone, Debug)]
pub enum Opened {
    /// Nothing: it is none of ours, or was changed.
    Unknown,
    /// A link that works no more.
    Over(ReaderLanguage, Ended),
    /// A link that works.
    Open(Box<PoolShown>),
}

/// A form as it came.
#[derive(Clone, Debug, Default)]
pub struct FormSent {
    /// Which form it was: what [`LinkSigner::form`] wrote into it.
    pub form: String,
    /// The button.
    pub choice: String,
    /// What stood in the field.
    pub number: String,
}

/// What came of a form.
#[derive(Clone, Debug)]
pub enum Answered {
    /// Nothing: see [`Opened::Unknown`].
    Unknown,
    /// Nothing: the link works no more.
    Over(ReaderLanguage, Ended),
    /// Nothing: it is no form of this link.
    Unreadable(Box<PoolShown>),
    /// Nothing: something in it is wrong.
    Wrong(Box<PoolShown>, Fault),
    /// Nothing: the form was sent before with another answer.
    SentBefore(Box<PoolShown>),
    /// Nothing: the link was used too often; works again after this time.
    Limited(Box<PoolShown>, SignedDuration),
    /// It is said, now or when the form came for the first time.
    Saved(Box<PoolShown>),
}

/// Lets a caller make and revoke links of a pool: only those who speak for the agency, since a link does.
///
/// # Errors
/// [`Error::Forbidden`] if they are not; [`Error::NotFound`] if it is not theirs, or there is no such pool.
pub fn admit_to_links(
    connection: &mut DbConnection,
    principal: &Principal,
    pool: CapacityPoolId,
) -> Result<Record<CapacityPoolFacts>> {
    speaks_for_agencies(principal)?;
    let record = find::<CapacityPoolFacts>(connection, pool)?;
    admit(connection, principal, &record)?;
    Ok(record)
}

/// Refuses who does not speak for an agency.
///
/// # Errors
/// [`Error::Forbidden`].
pub fn speaks_for_agencies(principal: &Principal) -> Result<()> {
    match Voice::of(principal).method {
        Method::Agency => Ok(()),
        Method::CoordinatorCall | Method::Import => Err(Error::Forbidden(format!(
            "this speaks for the agency, which {} does not: the agency's own staff or an operator may",
            principal.role
        ))),
    }
}

/// Makes a link for a pool.
///
/// # Errors
/// As [`admit_to_links`]; [`Error::Invalid`] if it would live too long or not at all; [`Error::Conflict`] if the pool
/// is retired.
pub fn issue(
    tx: &mut Tx<'_>,
    principal: &Principal,
    pool: CapacityPoolId,
    language: ReaderLanguage,
    life: Period,
) -> Result<UpdateLink> {
    let record = admit_to_links(tx.connection, principal, pool)?;
    if record.retired_at.is_some() {
        return Err(Error::Conflict(format!("the capacity pool {pool} is retired")));
    }
    if let Some(problem) = rules::life_problem(life) {
        return Err(FieldError::body("/expires_in", problem).into());
    }
    let link = new_link(UpdateLinkId::new(), pool, language, &principal.name, tx.now, life);
    store::insert(tx.connection, &link)?;
    Ok(link)
}

/// The link with this id for a message about a pool: the same one however often the message is tried.
///
/// # Errors
/// If the database fails.
pub fn issue_for_message(
    tx: &mut Tx<'_>,
    id: UpdateLinkId,
    pool: CapacityPoolId,
    language: ReaderLanguage,
) -> Result<UpdateLink> {
    if let Some(known) = store::find(tx.connection, id)? {
        return Ok(known);
    }
    let link = new_link(id, pool, language, "a reminder", tx.now, DEFAULT_LINK_LIFE);
    store::insert(tx.connection, &link)?;
    Ok(link)
}

fn new_link(
    id: UpdateLinkId,
    pool: CapacityPoolId,
    language: ReaderLanguage,
    by: &str,
    now: Timestamp,
    life: Period,
) -> UpdateLink {
    // The token spells the end out in whole seconds.
    let now_seconds = Timestamp::from_second(now.as_second()).unwrap_or(now);
    UpdateLink {
        id,
        pool,
        language,
        created_by: by.to_owned(),
        created_at: now,
        expires_at: now_seconds + life.duration(),
        used_at: None,
        revoked_at: None,
    }
}

/// The links of a pool, the latest first, one more than wanted if there are more; and how many there are.
///
/// # Errors
/// As [`admit_to_links`].
pub fn list(
    connection: &mut DbConnection,
    principal: &Principal,
    pool: CapacityPoolId,
    page: &LinkPage,
    now: Timestamp,
) -> Result<(Vec<UpdateLink>, i64)> {
    admit_to_links(connection, principal, pool)?;
    store::page(connection, pool, page, now)
}

/// Revokes a link, at once. One that is revoked already stays so.
///
/// # Errors
/// [`Error::NotFound`] if there is none, or none of theirs; [`Error::Forbidden`].
pub fn revoke(tx: &mut Tx<'_>, principal: &Principal, id: UpdateLinkId) -> Result<()> {
    speaks_for_agencies(principal)?;
    let missing = || Error::NotFound { what: "update link", id: id.to_string() };
    let link = store::find(tx.connection, id)?.ok_or_else(missing)?;
    admit_to_links(tx.connection, principal, link.pool).map_err(|error| match error {
        // Whose pool it is, is not theirs to know.
        Error::NotFound { .. } => missing(),
        other => other,
    })?;
    store::revoke(tx.connection, id, &principal.name, tx.now)
}

/// What a token opens at `now`.
///
/// # Errors
/// If the database fails.
pub fn open(
    connection: &mut DbConnection,
    signer: &LinkSigner,
    token: &str,
    now: Timestamp,
) -> Result<Opened> {
    let Some((id, expires_at)) = signer.read_update(token) else { return Ok(Opened::Unknown) };
    let Some(link) = store::find(connection, id)?.filter(|link| link.expires_at == expires_at) else {
        return Ok(Opened::Unknown);
    };
    let pool = find::<CapacityPoolFacts>(connection, link.pool)?;
    let whose = stands_under::<OrganizationFacts>(connection, pool.facts.organization_id)?;
    let organization = find::<OrganizationFacts>(connection, whose)?;
    let is_retired = pool.retired_at.is_some() || organization.retired_at.is_some();
    if let Some(ended) = rules::ended(&link, is_retired, now) {
        return Ok(Opened::Over(link.language, ended));
    }
    let claim = super::store::current(connection, &[link.pool])?.pop();
    let zone = organization.facts.zone();
    let (organization, pool) = (organization.facts.name, pool.facts.name);
    Ok(Opened::Open(Box::new(PoolShown { link, organization, pool, zone, claim })))
}

/// Takes a form: records a claim the first time that it comes, and says what came of it.
///
/// # Errors
/// If the database fails.
pub fn answer(tx: &mut Tx<'_>, signer: &LinkSigner, token: &str, sent: &FormSent) -> Result<Answered> {
    let mut shown = match open(tx.connection, signer, token, tx.now)? {
        Opened::Unknown => return Ok(Answered::Unknown),
        Opened::Over(language, ended) => return Ok(Answered::Over(language, ended)),
        Opened::Open(shown) => shown,
    };
    let link = shown.link.clone();
    let Some(form) = signer.read_form(link.id, &sent.form) else { return Ok(Answered::Unreadable(shown)) };
    let said = match rules::read(&sent.choice, &sent.number) {
        Ok(said) => said,
        Err(fault) => return Ok(Answered::Wrong(shown, fault)),
    };
    if let Some((before, claim)) = store::use_of(tx.connection, link.id, &form)? {
        if before != said.to_string() {
            return Ok(Answered::SentBefore(shown));
        }
        shown.claim = super::store::find(tx.connection, claim)?;
        return Ok(Answered::Saved(shown));
    }
    let used = store::used_since(tx.connection, link.id, tx.now - rules::WINDOW)?;
    if let Some(wait) = rules::wait(&used, tx.now) {
        return Ok(Answered::Limited(shown, wait));
    }
    let claim = super::report(tx, link.pool, &said.report(), &link.voice())?;
    // Another request with the same form was faster: begun again, this one meets it.
    store::record_use(tx, link.id, &form, &said.to_string(), claim.id).map_err(|error| match error {
        Error::Conflict(_) => Error::Contended,
        other => other,
    })?;
    shown.claim = Some(claim);
    Ok(Answered::Saved(shown))
}

impl Said {
    fn report(self) -> ClaimReport {
        let (status, open_slots, waiting) = match self.choice {
            Choice::Capacity => (AvailabilityStatus::Capacity, self.count, None),
            Choice::Waitlist => (AvailabilityStatus::Waitlist, None, self.count),
            Choice::NoCapacity => (AvailabilityStatus::NoCapacity, None, None),
        };
        ClaimReport {
            status,
            open_slots,
            waiting,
            starts_last_28_days: None,
            next_available_date: None,
            notes: None,
            reported_at: None,
            method: Some(ClaimMethod::Agency),
            valid_until: None,
        }
    }
}

/// The random value of a new form.
///
/// # Errors
/// If the system has no randomness.
pub fn new_form() -> Result<Uuid> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|source| Error::internal("making a form", source.to_string()))?;
    Ok(Uuid::from_bytes(bytes))
}
