//! Notices to people of a district: whoever something is due from gets a message that so many things wait, and nothing of
//! them. What is due from somebody is what stands on the worklists, of referrals that they own or stand in for
//! ([`waiting_for`]); each place is told of once, as long as it stands unchanged. What comes together is one message, in
//! the hours in which the district is at work.

mod settings;
mod store;

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::outbox::{Composed, Last, Letter, Message, MessageKind, MessageStatus, NewMessage};
use super::outbox::{enqueue, last_of};
use super::referral_notices::rules::may_be_told;
use crate::availability::links::LinkSigner;
use crate::directory::{DistrictFacts, OrganizationFacts, find, stands_under};
use crate::error::{Error, Result};
use crate::referrals::worklists::{Waiting, Worklist, waiting_for};
use crate::store::{DbConnection, Store, Tenancy, Tx};
use crate::types::{DistrictId, MembershipId, ReferralId, fill};
pub(super) use settings::alert_address;
use settings::{Person, person};
pub use settings::{Settings, Wish, ask, stop, stop_by_link, stopping, wanted};

const KIND: MessageKind = MessageKind::WorklistNotice;
/// A message waits so long at most for a server that takes it.
const NOTICE_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// By which messages somebody was told: of which places, since when these were due, and how far the message has come.
type Told = HashMap<(ReferralId, Worklist), (Timestamp, MessageStatus)>;

/// Puts a message into the outbox for everybody for whom something waits of which no message tells; says how many. Other
/// nodes may do the same at the same time.
///
/// # Errors
/// If the database fails.
pub fn queue_due(store: &Store) -> Result<usize> {
    let mut queued = 0;
    for settings in store.read_now(store::reachable)? {
        let membership = settings.membership;
        match queue(store, settings) {
            Ok(added) => queued += usize::from(added),
            // What is wrong with one person is nothing to the others.
            Err(error @ Error::Internal { .. }) => {
                tracing::error!(%membership, %error, "could not tell somebody what waits");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(queued)
}

fn queue(store: &Store, settings: Settings) -> Result<bool> {
    let now = store.clock().now();
    let person = store.read_now(|connection| {
        let Some(person) = person(connection, settings)? else { return Ok(None) };
        let is_open = at_work_from(connection, person.tenant.district, now)? == Some(now);
        let may = is_open && lasts(connection, &person, now)?.is_some();
        Ok::<_, Error>(may.then_some(person))
    })?;
    let Some(person) = person else { return Ok(false) };
    let tenancy = Tenancy::District(person.tenant.clone());
    let waits = store.read_for_now(&tenancy, |connection| {
        let (standing, told) = known(connection, &person, now)?;
        Ok(standing.iter().any(|waiting| is_untold(&told, waiting)))
    })?;
    if !waits {
        return Ok(false);
    }
    // Looked at again where it is written: another node may have told of it meanwhile.
    store.write_for_now(&tenancy, |tx| {
        let Some(last) = lasts(tx.connection, &person, tx.now)? else { return Ok(false) };
        let (standing, told) = known(tx.connection, &person, tx.now)?;
        let fresh: Vec<Waiting> =
            standing.iter().filter(|waiting| is_untold(&told, waiting)).copied().collect();
        if fresh.is_empty() {
            return Ok(false);
        }
        // The same message for every node that looks at the same time: the one after the latest.
        let after = last.first().map_or_else(|| "none".to_owned(), |last| last.id.to_string());
        let membership = person.settings.membership;
        let message = NewMessage {
            kind: KIND,
            subject: membership.into(),
            recipient: person.email.clone(),
            language: person.language,
            dedup_key: format!("{KIND} to {membership} after {after}"),
            expires_at: tx.now + NOTICE_LIFE,
        };
        let Some(id) = enqueue(tx, &message)? else { return Ok(false) };
        store::assign(tx, &person.tenant, membership, id, &fresh)?;
        store::forget_all_but(tx, membership, &told, &standing)?;
        Ok(true)
    })
}

/// The last messages to somebody, if they may get another now.
fn lasts(connection: &mut DbConnection, person: &Person, now: Timestamp) -> Result<Option<Vec<Last>>> {
    let last = last_of(connection, KIND, person.settings.membership.into())?;
    Ok(may_be_told(&last, &[], false, now).then_some(last))
}

/// What waits for somebody, and what they were told.
fn known(connection: &mut DbConnection, person: &Person, now: Timestamp) -> Result<(Vec<Waiting>, Told)> {
    let membership = person.settings.membership;
    let standing = waiting_for(connection, &person.tenant, &membership.to_string(), now)?;
    Ok((standing, store::told(connection, &person.tenant, membership)?))
}

/// How far a message has come that tells of this, if one does.
fn telling(told: &Told, waiting: &Waiting) -> Option<MessageStatus> {
    let (due_at, status) = told.get(&(waiting.referral, waiting.place.worklist))?;
    (*due_at == waiting.place.due_at).then_some(*status)
}

/// Whether no message tells of this, or the one that did never went.
fn is_untold(told: &Told, waiting: &Waiting) -> bool {
    match telling(told, waiting) {
        None | Some(MessageStatus::Failed | MessageStatus::Cancelled) => true,
        Some(MessageStatus::Queued | MessageStatus::Sent) => false,
    }
}

/// From when on somebody of a district is at work.
fn at_work_from(
    connection: &mut DbConnection,
    district: DistrictId,
    now: Timestamp,
) -> Result<Option<Timestamp>> {
    let district = find::<DistrictFacts>(connection, district)?.facts;
    let organization = match district.organization_id {
        None => None,
        Some(id) => {
            let id = stands_under::<OrganizationFacts>(connection, id)?;
            Some(find::<OrganizationFacts>(connection, id)?.facts)
        }
    };
    Ok(district.at_work_from(organization.as_ref(), now))
}

/// The words of a message, as things stand now. It counts all that waits, also what came since it was made.
///
/// # Errors
/// If the database fails.
pub fn compose(
    tx: &mut Tx<'_>,
    signer: &LinkSigner,
    public_url: &str,
    message: &Message,
) -> Result<Composed> {
    let settings = store::find(tx.connection, MembershipId(message.subject))?;
    let person = person(tx.connection, settings)?.filter(|person| person.email == message.recipient);
    let Some(person) = person else {
        return Ok(Composed::Nothing("nobody at this address wants it any more"));
    };
    match at_work_from(tx.connection, person.tenant.district, tx.now)? {
        Some(from) if from <= tx.now => {}
        Some(from) => return Ok(Composed::Later(from)),
        None => return Ok(Composed::Nothing("nobody is ever at work")),
    }
    tx.on_behalf(&Tenancy::District(person.tenant.clone()))?;
    let (standing, told) = known(tx.connection, &person, tx.now)?;
    let is_fresh = |waiting: &&Waiting| telling(&told, waiting) != Some(MessageStatus::Sent);
    let fresh: Vec<Waiting> = standing.iter().filter(is_fresh).copied().collect();
    if fresh.is_empty() {
        return Ok(Composed::Nothing("nothing waits any more of which nobody was told"));
    }
    store::assign(tx, &person.tenant, person.settings.membership, message.id, &fresh)?;
    let referrals: HashSet<ReferralId> = standing.iter().map(|waiting| waiting.referral).collect();
    let texts = person.language.texts();
    let count = fill(&texts.worklist_count, &[("count", &referrals.len().to_string())]);
    let stop_url = format!("{public_url}/r/{}", signer.stop_notices(message.id, &message.recipient));
    Ok(Composed::Letter(Letter {
        subject: texts.worklist_subject.clone(),
        text: format!(
            "{count}\n\n{}\n{public_url}/v1/worklists?owner_id=me\n\n{}\n{stop_url}\n",
            texts.worklist_link, texts.worklist_why
        ),
        stop_url: Some(stop_url),
        note: Box::new(|_| Ok(())),
    }))
}

/// Flags the address of a message that was refused for ever, whoever has it: no other message goes to it until it is set
/// anew.
///
/// # Errors
/// If the database fails.
pub fn note_bounced(tx: &mut Tx<'_>, message: &Message) -> Result<()> {
    for known in store::at_address(tx.connection, &message.recipient)? {
        settings::bounce(tx, known)?;
    }
    Ok(())
}
