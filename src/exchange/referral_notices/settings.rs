//! To which address an organization is written about referrals. Where it has said none, to the one that the directory has
//! for mail about referrals; nowhere, once whoever reads it there wanted no more, or the address was refused for ever.

use jiff::Timestamp;

use super::{store, subject};
use crate::access::Principal;
use crate::availability::links::{LinkSigner, StopToken};
use crate::directory::{OrganizationFacts, Record, find, stands_under};
use crate::error::{FieldError, Result};
use crate::exchange::outbox::addressee;
use crate::exchange::reminders::rules::{is_address, no_address};
use crate::exchange::reminders::{self, Stopping};
use crate::store::{DbConnection, Tx};
use crate::types::{Engagement, MessageId, OrganizationId, ReaderLanguage};

/// What an organization has said about messages, and what came of the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The organization.
    pub organization: OrganizationId,
    /// Grows by one with every change; 0 if nobody has said anything.
    pub version: i64,
    /// The address, if it is another than the directory's.
    pub email: Option<String>,
    /// The language.
    pub language: Option<ReaderLanguage>,
    /// When it last changed.
    pub changed_at: Option<Timestamp>,
    /// Since when no message goes, because none is wanted.
    pub stopped_at: Option<Timestamp>,
    /// An address that was refused for ever.
    pub bounced: Option<Bounced>,
}

/// An address that a mail server refused for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounced {
    /// Which.
    pub email: String,
    /// When.
    pub at: Timestamp,
}

impl Settings {
    /// Those of an organization that has said nothing.
    pub(super) fn unsaid(organization: OrganizationId) -> Self {
        Self {
            organization,
            version: 0,
            email: None,
            language: None,
            changed_at: None,
            stopped_at: None,
            bounced: None,
        }
    }
}

/// How an organization is reached.
#[derive(Clone, Debug)]
pub struct Reach {
    /// What it has said.
    pub settings: Settings,
    /// The language of messages to it.
    pub language: ReaderLanguage,
    pub(super) record: Record<OrganizationFacts>,
}

impl Reach {
    /// Where messages go, if there is an address at all.
    pub fn address(&self) -> Option<&str> {
        self.settings.email.as_deref().or(self.record.facts.email.as_deref()).map(str::trim)
    }

    /// Since when the address is not used because it was refused for ever.
    pub fn bounced_at(&self) -> Option<Timestamp> {
        let bounced = self.settings.bounced.as_ref()?;
        self.address()?.eq_ignore_ascii_case(&bounced.email).then_some(bounced.at)
    }

    /// The address, if messages go to it: somebody is here who can answer an offer, and wants to hear of it.
    pub(super) fn usable(&self) -> Option<&str> {
        let is_on = self.record.retired_at.is_none()
            && self.record.facts.engagement == Engagement::Enrolled
            && self.settings.stopped_at.is_none()
            && self.bounced_at().is_none();
        self.address().filter(|address| is_on && is_address(address))
    }
}

/// What an organization says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The address; none: the directory's.
    pub email: Option<String>,
    /// The language; none: that of its reminders, else English.
    pub language: Option<ReaderLanguage>,
}

/// How an organization is reached.
///
/// # Errors
/// [`crate::error::Error::NotFound`] if there is no such organization, or it is not theirs;
/// [`crate::error::Error::Forbidden`].
pub fn wanted(
    connection: &mut DbConnection,
    principal: &Principal,
    organization: OrganizationId,
) -> Result<Reach> {
    reminders::admitted(connection, principal, organization)?;
    reach(connection, organization)
}

/// Sets where messages go. One that was refused before is tried again. `check` is given the version that there is.
///
/// # Errors
/// As [`wanted`]; [`crate::error::Error::Invalid`]; [`crate::error::Error::Conflict`] if the organization is retired or
/// merged; what `check` fails with.
pub fn ask(
    tx: &mut Tx<'_>,
    principal: &Principal,
    organization: OrganizationId,
    wish: &Wish,
    check: &dyn Fn(i64) -> Result<()>,
) -> Result<Reach> {
    reminders::may_ask(tx.connection, principal, organization)?;
    if let Some(email) = wish.email.as_deref().filter(|email| !is_address(email)) {
        return Err(vec![FieldError::body("/email", no_address(email))].into());
    }
    let known = store::find(tx.connection, organization)?;
    check(known.version)?;
    let next = Settings {
        organization,
        version: known.version + 1,
        email: wish.email.clone(),
        language: wish.language,
        changed_at: Some(tx.now),
        stopped_at: None,
        bounced: None,
    };
    store::put(tx, &next, &principal.name)?;
    reach(tx.connection, organization)
}

/// Stops all messages.
///
/// # Errors
/// As [`wanted`]; what `check` of the version fails with.
pub fn stop(
    tx: &mut Tx<'_>,
    principal: &Principal,
    organization: OrganizationId,
    check: &dyn Fn(i64) -> Result<()>,
) -> Result<()> {
    let known = wanted(tx.connection, principal, organization)?.settings;
    check(known.version)?;
    end(tx, known, &principal.name)
}

fn end(tx: &mut Tx<'_>, known: Settings, by: &str) -> Result<()> {
    if known.stopped_at.is_some() {
        return Ok(());
    }
    let version = known.version + 1;
    let ended = Settings { version, changed_at: Some(tx.now), stopped_at: Some(tx.now), ..known };
    store::put(tx, &ended, by)
}

/// Notes that an address was refused for ever.
pub(super) fn bounce(tx: &mut Tx<'_>, reach: Reach, email: &str) -> Result<()> {
    let known = reach.settings;
    let bounced = Some(Bounced { email: email.to_owned(), at: tx.now });
    let flagged = Settings { version: known.version + 1, changed_at: Some(tx.now), bounced, ..known };
    store::put(tx, &flagged, "the mail server")
}

/// How an organization is reached, or the one that it was merged into.
pub(super) fn reach(connection: &mut DbConnection, organization: OrganizationId) -> Result<Reach> {
    let organization = stands_under::<OrganizationFacts>(connection, organization)?;
    let record = find::<OrganizationFacts>(connection, organization)?;
    let settings = store::find(connection, organization)?;
    let language = match settings.language {
        Some(language) => Some(language),
        None => reminders::language_of(connection, organization)?,
    };
    Ok(Reach { settings, language: language.unwrap_or(ReaderLanguage::English), record })
}

/// What a link in a message would stop; none if it is none of ours, or nothing goes to its address any more.
///
/// # Errors
/// If the database fails.
pub fn stopping(connection: &mut DbConnection, signer: &LinkSigner, token: &str) -> Result<Option<Stopping>> {
    Ok(stopped_by(connection, signer, token)?.map(|(_, stopping)| stopping))
}

/// Stops the messages that a link goes for: all that go to its address.
///
/// # Errors
/// If the database fails.
pub fn stop_by_link(tx: &mut Tx<'_>, signer: &LinkSigner, token: &str) -> Result<Option<Stopping>> {
    let Some((known, stopping)) = stopped_by(tx.connection, signer, token)? else { return Ok(None) };
    for reach in known {
        end(tx, reach.settings, "the link in a message")?;
    }
    Ok(Some(Stopping { is_stopped: true, ..stopping }))
}

fn stopped_by(
    connection: &mut DbConnection,
    signer: &LinkSigner,
    token: &str,
) -> Result<Option<(Vec<Reach>, Stopping)>> {
    let Some(token) = StopToken::read(token) else { return Ok(None) };
    let Some((_, email)) = addressee(connection, MessageId(token.subject))? else { return Ok(None) };
    if !signer.may_stop_notices(&token, &email) {
        return Ok(None);
    }
    let known = once(reached_at(connection, &email)?);
    let Some(first) = known.first() else { return Ok(None) };
    let names: Vec<&str> = known.iter().map(|reach| reach.record.facts.name.as_str()).collect();
    let stopping = Stopping {
        whose: names.join(", "),
        language: first.language,
        is_stopped: known.iter().all(|reach| reach.settings.stopped_at.is_some()),
    };
    Ok(Some((known, stopping)))
}

/// The organizations that were told of offers at an address and have it still; and how each is reached, which is the same
/// for those that were merged.
pub(super) fn reached_at(connection: &mut DbConnection, email: &str) -> Result<Vec<(OrganizationId, Reach)>> {
    let mut reached = Vec::new();
    for organization in store::organizations_at(connection, subject(email))? {
        let reach = reach(connection, organization)?;
        if reach.address().is_some_and(|address| address.eq_ignore_ascii_case(email)) {
            reached.push((organization, reach));
        }
    }
    Ok(reached)
}

/// The same, each way once.
pub(super) fn once(reached: Vec<(OrganizationId, Reach)>) -> Vec<Reach> {
    let mut known: Vec<Reach> = reached.into_iter().map(|(_, reach)| reach).collect();
    known.sort_by_key(|reach| reach.record.id);
    known.dedup_by_key(|reach| reach.record.id);
    known
}
