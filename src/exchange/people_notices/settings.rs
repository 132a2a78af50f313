//! To which address a person of a district is written. Nowhere until they say where; nor once they wanted no more, or the
//! address was refused for ever.

use jiff::Timestamp;

use super::store;
use crate::access::{Principal, PrincipalId, Tie, invitations};
use crate::availability::links::{LinkSigner, StopToken};
use crate::error::{Error, FieldError, Result};
use crate::exchange::outbox::addressee;
use crate::exchange::reminders::Stopping;
use crate::exchange::reminders::rules::{is_address, no_address};
use crate::store::{DbConnection, Tenant, Tx};
use crate::types::{MembershipId, MessageId, ReaderLanguage};

/// What a person has said about messages, and what came of the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Who.
    pub membership: MembershipId,
    /// Grows by one with every change; 0 if nothing was said.
    pub version: i64,
    /// The address.
    pub email: Option<String>,
    /// The language.
    pub language: Option<ReaderLanguage>,
    /// When it last changed.
    pub changed_at: Option<Timestamp>,
    /// Since when no message goes, because none is wanted.
    pub stopped_at: Option<Timestamp>,
    /// Since when the address is not used because it was refused for ever.
    pub bounced_at: Option<Timestamp>,
}

impl Settings {
    /// Those of one who has said nothing.
    pub(super) fn unsaid(membership: MembershipId) -> Self {
        Self {
            membership,
            version: 0,
            email: None,
            language: None,
            changed_at: None,
            stopped_at: None,
            bounced_at: None,
        }
    }

    /// The language of messages.
    pub fn language(&self) -> ReaderLanguage {
        self.language.unwrap_or(ReaderLanguage::English)
    }

    /// The address, unless it was refused.
    fn deliverable(&self) -> Option<&str> {
        self.email.as_deref().filter(|email| self.bounced_at.is_none() && is_address(email))
    }
}

/// What a person says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The address.
    pub email: String,
    /// The language; none: English.
    pub language: Option<ReaderLanguage>,
}

/// A person to whom messages go.
pub(super) struct Person {
    pub(super) settings: Settings,
    pub(super) email: String,
    pub(super) language: ReaderLanguage,
    /// Whose referrals they may know of.
    pub(super) tenant: Tenant,
}

/// The person of these settings, if messages go to them: they work for a district still, and want to hear.
pub(super) fn person(connection: &mut DbConnection, settings: Settings) -> Result<Option<Person>> {
    let Some(email) = settings.deliverable().map(str::to_owned) else { return Ok(None) };
    let membership = invitations::find(connection, settings.membership)?;
    let membership = membership.filter(|member| member.ended_at.is_none() && settings.stopped_at.is_none());
    Ok(membership.and_then(|membership| match membership.granted.tie {
        Tie::District { district, schools } => {
            let tenant = Tenant { district, schools };
            Some(Person { email, language: settings.language(), tenant, settings })
        }
        Tie::None | Tie::Organization(_) => None,
    }))
}

/// Where a person is told of a crisis: where other messages go, and also if they wanted no more of those.
pub(in crate::exchange) fn alert_address(
    connection: &mut DbConnection,
    membership: MembershipId,
) -> Result<Option<(String, ReaderLanguage)>> {
    let settings = store::find(connection, membership)?;
    Ok(settings.deliverable().map(|email| (email.to_owned(), settings.language())))
}

/// Whose settings somebody may see and change: their own.
fn own(principal: &Principal) -> Result<MembershipId> {
    match (principal.id, &principal.tie) {
        (PrincipalId::Membership(membership), Tie::District { .. }) => Ok(membership),
        (PrincipalId::Membership(_) | PrincipalId::Client(_), _) => Err(Error::Forbidden(
            "these messages go to people of a district, and nobody else has any".to_owned(),
        )),
    }
}

/// What the caller has said.
///
/// # Errors
/// [`Error::Forbidden`] for all but people of a district.
pub fn wanted(connection: &mut DbConnection, principal: &Principal) -> Result<Settings> {
    store::find(connection, own(principal)?)
}

/// Sets where the caller's messages go. An address that was refused before is tried again. `check` is given the version
/// that there is.
///
/// # Errors
/// As [`wanted`]; [`Error::Invalid`]; what `check` fails with.
pub fn ask(
    tx: &mut Tx<'_>,
    principal: &Principal,
    wish: &Wish,
    check: &dyn Fn(i64) -> Result<()>,
) -> Result<Settings> {
    let known = wanted(tx.connection, principal)?;
    if !is_address(&wish.email) {
        return Err(vec![FieldError::body("/email", no_address(&wish.email))].into());
    }
    check(known.version)?;
    let next = Settings {
        version: known.version + 1,
        email: Some(wish.email.clone()),
        language: wish.language,
        changed_at: Some(tx.now),
        ..Settings::unsaid(known.membership)
    };
    store::put(tx, &next, &principal.name)?;
    Ok(next)
}

/// Stops the caller's messages.
///
/// # Errors
/// As [`wanted`]; what `check` of the version fails with.
pub fn stop(tx: &mut Tx<'_>, principal: &Principal, check: &dyn Fn(i64) -> Result<()>) -> Result<()> {
    let known = wanted(tx.connection, principal)?;
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
pub(super) fn bounce(tx: &mut Tx<'_>, known: Settings) -> Result<()> {
    let version = known.version + 1;
    let flagged = Settings { version, changed_at: Some(tx.now), bounced_at: Some(tx.now), ..known };
    store::put(tx, &flagged, "the mail server")
}

/// What a link in a message would stop; none if it is none of ours, or nothing goes to its address any more.
///
/// # Errors
/// If the database fails.
pub fn stopping(connection: &mut DbConnection, signer: &LinkSigner, token: &str) -> Result<Option<Stopping>> {
    Ok(stopped_by(connection, signer, token)?.map(|(_, stopping)| stopping))
}

/// Stops the messages that a link goes for.
///
/// # Errors
/// If the database fails.
pub fn stop_by_link(tx: &mut Tx<'_>, signer: &LinkSigner, token: &str) -> Result<Option<Stopping>> {
    let Some((known, stopping)) = stopped_by(tx.connection, signer, token)? else { return Ok(None) };
    end(tx, known, "the link in a message")?;
    Ok(Some(Stopping { is_stopped: true, ..stopping }))
}

fn stopped_by(
    connection: &mut DbConnection,
    signer: &LinkSigner,
    token: &str,
) -> Result<Option<(Settings, Stopping)>> {
    let Some(token) = StopToken::read(token) else { return Ok(None) };
    let Some((subject, email)) = addressee(connection, MessageId(token.subject))? else { return Ok(None) };
    if !signer.may_stop_notices(&token, &email) {
        return Ok(None);
    }
    let Some(membership) = invitations::find(connection, MembershipId(subject))? else { return Ok(None) };
    let known = store::find(connection, membership.id)?;
    if known.email.as_deref() != Some(email.as_str()) {
        return Ok(None);
    }
    let (language, is_stopped) = (known.language(), known.stopped_at.is_some());
    Ok(Some((known, Stopping { whose: membership.name, language, is_stopped })))
}
