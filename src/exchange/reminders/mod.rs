//! Reminders: before what an agency said of its openings lapses, it gets a message with a link for each pool. Only
//! where it asked for that, in its office hours, and never more often than it asked for. The message names pools and
//! nothing else.

pub(super) mod rules;
mod store;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::outbox::{Composed, Letter, Message, MessageKind, NewMessage, enqueue, last_of};
use crate::access::Principal;
use crate::availability::links::{LinkSigner, StopToken, issue_for_message, speaks_for_agencies};
use crate::availability::{Claim, current_claims};
use crate::directory::{
    CapacityPoolFacts, OrganizationFacts, Record, admit, families, find, find_all, stands_under,
};
use crate::error::{Error, FieldError, Result};
use crate::store::{DbConnection, Store, Tx};
use crate::types::{
    CapacityPoolId, ClaimId, OrganizationId, Period, ReaderLanguage, UpdateLinkId, derived_uuid, fill,
};

/// What an agency asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reminders {
    /// The agency.
    pub organization: OrganizationId,
    /// Grows by one with every change.
    pub version: i64,
    /// What is wanted.
    pub wish: Wish,
    /// Since when.
    pub changed_at: Timestamp,
    /// Since when they are stopped.
    pub stopped_at: Option<Timestamp>,
}

/// To whom, how early and how often at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// The address.
    pub email: String,
    /// The language.
    pub language: ReaderLanguage,
    /// How long before a claim lapses.
    pub before: Period,
    /// There is at most one message in this time.
    pub at_most_every: Period,
}

/// A reminder waits so long at most for a server that takes it.
const REMINDER_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What an agency asked for; none if it did not, or has stopped it.
///
/// # Errors
/// [`Error::NotFound`] if there is no such organization, or it is not theirs; [`Error::Forbidden`].
pub fn wanted(
    connection: &mut DbConnection,
    principal: &Principal,
    organization: OrganizationId,
) -> Result<Option<Reminders>> {
    admitted(connection, principal, organization)?;
    Ok(store::find(connection, organization)?.filter(|known| known.stopped_at.is_none()))
}

/// The language in which an organization is written to; none if it has not said.
///
/// # Errors
/// If the database fails.
pub fn language_of(
    connection: &mut DbConnection,
    organization: OrganizationId,
) -> Result<Option<ReaderLanguage>> {
    let organization = stands_under::<OrganizationFacts>(connection, organization)?;
    Ok(store::find(connection, organization)?.map(|known| known.wish.language))
}

/// Sets what an agency asks for. `check` is given the version that there is, none if nothing was asked for before.
///
/// # Errors
/// As [`wanted`]; [`Error::Invalid`]; [`Error::Conflict`] if the organization is retired or merged; what `check` fails
/// with.
pub fn ask(
    tx: &mut Tx<'_>,
    principal: &Principal,
    organization: OrganizationId,
    wish: &Wish,
    check: &dyn Fn(Option<i64>) -> Result<()>,
) -> Result<Reminders> {
    may_ask(tx.connection, principal, organization)?;
    let problems: Vec<FieldError> = rules::problems(wish);
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let known = store::find(tx.connection, organization)?;
    let current = known.as_ref().filter(|known| known.stopped_at.is_none());
    check(current.map(|known| known.version))?;
    let reminders = Reminders {
        organization,
        version: known.as_ref().map_or(1, |known| known.version + 1),
        wish: wish.clone(),
        changed_at: tx.now,
        stopped_at: None,
    };
    store::put(tx, &reminders, known.map(|known| known.version), &principal.name)?;
    Ok(reminders)
}

/// Stops what an agency asked for.
///
/// # Errors
/// As [`wanted`]; [`Error::NotFound`] if it asked for nothing; what `check` of the version fails with.
pub fn stop(
    tx: &mut Tx<'_>,
    principal: &Principal,
    organization: OrganizationId,
    check: &dyn Fn(i64) -> Result<()>,
) -> Result<()> {
    let known = wanted(tx.connection, principal, organization)?
        .ok_or_else(|| Error::NotFound { what: "availability reminders of", id: organization.to_string() })?;
    check(known.version)?;
    end(tx, known, &principal.name)
}

fn end(tx: &mut Tx<'_>, known: Reminders, by: &str) -> Result<()> {
    let version = known.version;
    let ended = Reminders { version: version + 1, changed_at: tx.now, stopped_at: Some(tx.now), ..known };
    store::put(tx, &ended, Some(version), by)
}

/// Whether somebody may say how an organization is written to, and there is one to write to.
///
/// # Errors
/// As [`wanted`]; [`Error::Conflict`] if the organization is retired or merged.
pub(super) fn may_ask(
    connection: &mut DbConnection,
    principal: &Principal,
    organization: OrganizationId,
) -> Result<()> {
    let record = admitted(connection, principal, organization)?;
    let survivor = stands_under::<OrganizationFacts>(connection, organization)?;
    if survivor != organization {
        let what = format!("the organization {organization} is merged into {survivor}; ask for it there");
        return Err(Error::Conflict(what));
    }
    if record.retired_at.is_some() {
        return Err(Error::Conflict(format!("the organization {organization} is retired")));
    }
    Ok(())
}

pub(super) fn admitted(
    connection: &mut DbConnection,
    principal: &Principal,
    organization: OrganizationId,
) -> Result<Record<OrganizationFacts>> {
    speaks_for_agencies(principal)?;
    let record = find::<OrganizationFacts>(connection, organization)?;
    admit(connection, principal, &record)?;
    Ok(record)
}

/// Whose messages a link stops.
#[derive(Clone, Debug)]
pub struct Stopping {
    /// The name of the agency or person.
    pub whose: String,
    /// The language of its messages.
    pub language: ReaderLanguage,
    /// Whether they are stopped.
    pub is_stopped: bool,
}

/// What a link that stops reminders would do; none if it is none of ours, or goes for another address by now.
///
/// # Errors
/// If the database fails.
pub fn stopping(connection: &mut DbConnection, signer: &LinkSigner, token: &str) -> Result<Option<Stopping>> {
    Ok(found(connection, signer, token)?.map(|(_, stopping)| stopping))
}

/// Stops the reminders that a link goes for.
///
/// # Errors
/// If the database fails.
pub fn stop_by_link(tx: &mut Tx<'_>, signer: &LinkSigner, token: &str) -> Result<Option<Stopping>> {
    let Some((known, stopping)) = found(tx.connection, signer, token)? else { return Ok(None) };
    if !stopping.is_stopped {
        end(tx, known, "the link in a reminder")?;
    }
    Ok(Some(Stopping { is_stopped: true, ..stopping }))
}

fn found(
    connection: &mut DbConnection,
    signer: &LinkSigner,
    token: &str,
) -> Result<Option<(Reminders, Stopping)>> {
    let Some(token) = StopToken::read(token) else { return Ok(None) };
    let known = store::find(connection, OrganizationId(token.subject))?;
    let Some(known) = known.filter(|known| signer.may_stop(&token, &known.wish.email)) else {
        return Ok(None);
    };
    let whose = find::<OrganizationFacts>(connection, known.organization)?.facts.name;
    let (language, is_stopped) = (known.wish.language, known.stopped_at.is_some());
    Ok(Some((known, Stopping { whose, language, is_stopped })))
}

/// Puts a message into the outbox for every agency whose claims lapse and which may be reminded now; says how many.
/// Other nodes may do the same at the same time.
///
/// # Errors
/// If the database fails.
pub fn queue_due(store: &Store) -> Result<usize> {
    let mut queued = 0;
    for reminders in store.read_now(store::all)? {
        match queue(store, &reminders) {
            Ok(added) => queued += usize::from(added),
            // What is wrong with one agency is nothing to the others.
            Err(error @ Error::Internal { .. }) => {
                tracing::error!(organization = %reminders.organization, %error, "could not remind an agency");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(queued)
}

fn queue(store: &Store, reminders: &Reminders) -> Result<bool> {
    let now = store.clock().now();
    if store.read_now(|connection| due(connection, reminders, now))?.is_none() {
        return Ok(false);
    }
    // Looked at again where it is written: much may have changed.
    store.write_now(|tx| match due(tx.connection, reminders, tx.now)? {
        Some(message) => Ok(enqueue(tx, &message)?.is_some()),
        None => Ok(false),
    })
}

/// The message that an agency is due now.
fn due(connection: &mut DbConnection, known: &Reminders, now: Timestamp) -> Result<Option<NewMessage>> {
    let kind = MessageKind::AvailabilityReminder;
    let organization = find::<OrganizationFacts>(connection, known.organization)?;
    if organization.retired_at.is_some() || organization.facts.in_office_from(now) != Some(now) {
        return Ok(None);
    }
    let last = last_of(connection, kind, known.organization.into())?;
    if !rules::may_be_reminded(&last, known.wish.at_most_every, now) {
        return Ok(None);
    }
    if lapsing(connection, known, &organization.facts, now)?.is_empty() {
        return Ok(None);
    }
    // The same message for every node that looks at the same time: the one after the latest.
    let after = last.first().map_or_else(|| "none".to_owned(), |last| last.id.to_string());
    Ok(Some(NewMessage {
        kind,
        subject: known.organization.into(),
        recipient: known.wish.email.clone(),
        language: known.wish.language,
        dedup_key: format!("{kind} of {} after {after}", known.organization),
        expires_at: now + REMINDER_LIFE,
    }))
}

/// The pools of which a reminder is due, by name, each with the claim that lapses.
fn lapsing(
    connection: &mut DbConnection,
    known: &Reminders,
    office: &OrganizationFacts,
    now: Timestamp,
) -> Result<BTreeMap<(String, CapacityPoolId), ClaimId>> {
    let family = families(connection, &[known.organization])?;
    let pools = store::pools_of(connection, &family)?;
    let claims = current_claims(connection, &pools)?;
    let before = known.wish.before;
    let lapses = |claim: &Claim| rules::lapses(claim.valid_until, before, office, now);
    let mut due: Vec<Claim> = claims.into_iter().filter(lapses).collect();
    let ids: Vec<ClaimId> = due.iter().map(|claim| claim.id).collect();
    let reminded = store::reminded(connection, &ids)?;
    due.retain(|claim| !reminded.contains(&claim.id));
    let pools: Vec<CapacityPoolId> = due.iter().map(|claim| claim.capacity_pool_id).collect();
    let names = find_all::<CapacityPoolFacts>(connection, &pools)?.into_iter().map(|pool| {
        let claim = due.iter().find(|claim| claim.capacity_pool_id == pool.id);
        claim.map(|claim| ((pool.facts.name, pool.id), claim.id))
    });
    Ok(names.flatten().collect())
}

/// The words of a reminder, as things stand now.
///
/// # Errors
/// If the database fails.
pub fn compose(
    tx: &mut Tx<'_>,
    signer: &LinkSigner,
    public_url: &str,
    message: &Message,
) -> Result<Composed> {
    let organization = OrganizationId(message.subject);
    let known = store::find(tx.connection, organization)?.filter(|known| known.stopped_at.is_none());
    let Some(known) = known.filter(|known| known.wish.email == message.recipient) else {
        return Ok(Composed::Nothing("nobody at this address wants it any more"));
    };
    let facts = find::<OrganizationFacts>(tx.connection, organization)?.facts;
    match facts.in_office_from(tx.now) {
        Some(from) if from <= tx.now => {}
        Some(from) => return Ok(Composed::Later(from)),
        None => return Ok(Composed::Nothing("the office never opens")),
    }
    let due = lapsing(tx.connection, &known, &facts, tx.now)?;
    if due.is_empty() {
        return Ok(Composed::Nothing("nothing lapses any more"));
    }
    let language = known.wish.language;
    let texts = language.texts();
    let (mut lines, mut until) = (Vec::new(), Timestamp::MAX);
    for (name, pool) in due.keys() {
        // The same link however often this message is tried.
        let id = derived_uuid("update-link", &[&message.id.to_string(), &pool.to_string()]);
        let link = issue_for_message(tx, UpdateLinkId(id), *pool, language)?;
        until = until.min(link.expires_at);
        let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let url = format!("{public_url}/u/{}", signer.update(link.id, link.expires_at));
        lines.push(format!("{name}\n{url}\n\n"));
    }
    let until = fill(&texts.mail_until, &[("until", &language.moment(until, &facts.zone()))]);
    let stop_url = format!("{public_url}/r/{}", signer.stop(organization, &known.wish.email));
    let claims: Vec<ClaimId> = due.values().copied().collect();
    let id = message.id;
    Ok(Composed::Letter(Letter {
        subject: texts.mail_subject.clone(),
        text: format!(
            "{}\n\n{}\n\n{}{until}\n\n{}\n{stop_url}\n",
            texts.mail_opening,
            texts.mail_links,
            lines.concat(),
            texts.mail_why
        ),
        stop_url: Some(stop_url),
        note: Box::new(move |tx| store::note_reminded(tx, &claims, id)),
    }))
}
