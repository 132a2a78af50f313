//! Notices: whoever is asked to take a student gets a message that something waits for a reply, and until when. It says
//! how many offers wait, and nothing of them: neither of whom nor for what. Several for one address become one message;
//! it goes when somebody is in the office, unless one of them is urgent.

pub(super) mod rules;
mod settings;
mod store;

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use uuid::Uuid;

use super::outbox::{Composed, KEPT_FOR, Letter, Message, MessageKind, MessageStatus, NewMessage};
use super::outbox::{enqueue, last_of};
use crate::availability::links::LinkSigner;
use crate::error::{Error, Result};
use crate::store::{Store, Tenancy, Tenant, Tx};
use crate::types::{DistrictId, OfferId, OrganizationId, ReaderLanguage, ReferralId, derived_uuid, fill};
pub use settings::{Bounced, Reach, Settings, Wish, ask, stop, stop_by_link, stopping, wanted};
use settings::{once, reach, reached_at};
use store::Waiting;

/// What is to be told to one address.
struct Parcel {
    /// The address, as it is written.
    recipient: String,
    /// The language of the first organization that has it.
    language: ReaderLanguage,
    offers: Vec<Waiting>,
    is_urgent: bool,
}

/// Puts a message into the outbox for every address at which offers wait that no message tells of; says how many. Other
/// nodes may do the same at the same time.
///
/// # Errors
/// If the database fails.
pub fn queue_due(store: &Store) -> Result<usize> {
    let now = store.clock().now();
    let (waiting, told) = store.read_for_now(&Tenancy::Clock, |connection| {
        let waiting = store::waiting(connection, None, now)?;
        let ids: Vec<OfferId> = waiting.iter().map(|offer| offer.id).collect();
        let told = store::told(connection, &ids)?;
        Ok((waiting, told))
    })?;
    let fresh: Vec<Waiting> =
        waiting.into_iter().filter(|offer| is_open_to(told.get(&offer.id), true)).collect();
    if fresh.is_empty() {
        return Ok(0);
    }
    let mut urgent = HashSet::new();
    for (district, referrals) in by_district(&fresh) {
        let tenancy = Tenancy::District(tenant(district));
        urgent.extend(
            store.read_for_now(&tenancy, |connection| {
                store::urgent(connection, &tenant(district), &referrals)
            })?,
        );
    }
    let mut queued = 0;
    for parcel in parcels(store, &fresh, &told, &urgent, now)? {
        queued += usize::from(queue(store, &parcel)?);
    }
    Ok(queued)
}

/// Whether an offer is to be told of by another message: none tells of it, or the one that did never went. What is urgent
/// is taken from an ordinary message that waits.
fn is_open_to(told: Option<&(MessageKind, MessageStatus)>, is_urgent: bool) -> bool {
    match told {
        None | Some((_, MessageStatus::Failed | MessageStatus::Cancelled)) => true,
        Some((MessageKind::ReferralNotice, MessageStatus::Queued)) => is_urgent,
        Some((_, MessageStatus::Queued | MessageStatus::Sent)) => false,
    }
}

/// What may be told now, by address.
fn parcels(
    store: &Store,
    fresh: &[Waiting],
    told: &HashMap<OfferId, (MessageKind, MessageStatus)>,
    urgent: &HashSet<ReferralId>,
    now: Timestamp,
) -> Result<Vec<Parcel>> {
    let mut by_organization: BTreeMap<OrganizationId, Vec<Waiting>> = BTreeMap::new();
    for offer in fresh {
        by_organization.entry(offer.organization).or_default().push(*offer);
    }
    let mut parcels: BTreeMap<String, Parcel> = BTreeMap::new();
    for (organization, offers) in by_organization {
        let reach = match store.read_now(|connection| reach(connection, organization)) {
            Ok(reach) => reach,
            // What is wrong with one organization is nothing to the others.
            Err(error @ Error::Internal { .. }) => {
                tracing::error!(%organization, %error, "could not see how an organization is reached");
                continue;
            }
            Err(error) => return Err(error),
        };
        let Some(recipient) = reach.usable() else { continue };
        let is_in_office = reach.record.facts.in_office_from(now) == Some(now);
        for offer in offers {
            let is_urgent = urgent.contains(&offer.referral);
            if !is_open_to(told.get(&offer.id), is_urgent) || !(is_urgent || is_in_office) {
                continue;
            }
            let parcel = parcels.entry(recipient.to_ascii_lowercase()).or_insert_with(|| Parcel {
                recipient: recipient.to_owned(),
                language: reach.language,
                offers: Vec::new(),
                is_urgent: false,
            });
            parcel.offers.push(offer);
            parcel.is_urgent |= is_urgent;
        }
    }
    Ok(parcels.into_values().collect())
}

fn queue(store: &Store, parcel: &Parcel) -> Result<bool> {
    let subject = subject(&parcel.recipient);
    let kind = if parcel.is_urgent { MessageKind::UrgentReferralNotice } else { MessageKind::ReferralNotice };
    store.write_now(|tx| {
        let ordinary = last_of(tx.connection, MessageKind::ReferralNotice, subject)?;
        let urgent = last_of(tx.connection, MessageKind::UrgentReferralNotice, subject)?;
        if !rules::may_be_told(&ordinary, &urgent, parcel.is_urgent, tx.now) {
            return Ok(false);
        }
        // Another node may have told of them meanwhile.
        let ids: Vec<OfferId> = parcel.offers.iter().map(|offer| offer.id).collect();
        let told = store::told(tx.connection, &ids)?;
        let offers: Vec<(OfferId, OrganizationId)> = parcel
            .offers
            .iter()
            .filter(|offer| is_open_to(told.get(&offer.id), parcel.is_urgent))
            .map(|offer| (offer.id, offer.organization))
            .collect();
        let expires_at = parcel.offers.iter().map(|offer| offer.due_at).max();
        let (Some(expires_at), false) = (expires_at, offers.is_empty()) else { return Ok(false) };
        // The same message for every node that looks at the same time: the one after the latest.
        let last = if parcel.is_urgent { &urgent } else { &ordinary };
        let after = last.first().map_or_else(|| "none".to_owned(), |last| last.id.to_string());
        let message = NewMessage {
            kind,
            subject,
            recipient: parcel.recipient.clone(),
            language: parcel.language,
            dedup_key: format!("{kind} to {subject} after {after}"),
            expires_at,
        };
        let Some(id) = enqueue(tx, &message)? else { return Ok(false) };
        store::assign(tx, id, &offers)?;
        Ok(true)
    })
}

/// What stands for an address, however it is written.
fn subject(recipient: &str) -> Uuid {
    derived_uuid("referral-notices-to", &[&recipient.to_ascii_lowercase()])
}

fn tenant(district: DistrictId) -> Tenant {
    Tenant { district, schools: Vec::new() }
}

fn by_district(offers: &[Waiting]) -> HashMap<DistrictId, Vec<ReferralId>> {
    let mut referrals: HashMap<DistrictId, Vec<ReferralId>> = HashMap::new();
    for offer in offers {
        referrals.entry(offer.district).or_default().push(offer.referral);
    }
    referrals
}

/// The words of a message, as things stand now. It tells of all that wait at its address, also of what came since it was
/// made.
///
/// # Errors
/// If the database fails.
pub fn compose(
    tx: &mut Tx<'_>,
    signer: &LinkSigner,
    public_url: &str,
    message: &Message,
) -> Result<Composed> {
    let mut reached = reached_at(tx.connection, &message.recipient)?;
    reached.retain(|(_, reach)| reach.usable().is_some());
    let Some((_, first)) = reached.first() else {
        return Ok(Composed::Nothing("nobody at this address wants it any more"));
    };
    let organizations: Vec<OrganizationId> = reached.iter().map(|(organization, _)| *organization).collect();
    tx.on_behalf(&Tenancy::Clock)?;
    let waiting = store::waiting(tx.connection, Some(&organizations), tx.now)?;
    let ids: Vec<OfferId> = waiting.iter().map(|offer| offer.id).collect();
    let told = store::told(tx.connection, &ids)?;
    let is_sent =
        |offer: &&Waiting| told.get(&offer.id).is_some_and(|(_, status)| *status == MessageStatus::Sent);
    let fresh: Vec<Waiting> = waiting.iter().filter(|offer| !is_sent(offer)).copied().collect();
    let Some(reply_by) = waiting.first().map(|offer| offer.due_at).filter(|_| !fresh.is_empty()) else {
        return Ok(Composed::Nothing("nothing waits any more of which nobody was told"));
    };
    if message.kind != MessageKind::UrgentReferralNotice || !is_any_urgent(tx, &fresh)? {
        let opens = reached.iter().filter_map(|(_, reach)| reach.record.facts.in_office_from(tx.now)).min();
        match opens {
            Some(from) if from <= tx.now => {}
            Some(from) => return Ok(Composed::Later(from)),
            None => return Ok(Composed::Nothing("the office never opens")),
        }
    }
    let offers: Vec<_> = fresh.iter().map(|offer| (offer.id, offer.organization)).collect();
    store::assign(tx, message.id, &offers)?;
    let texts = first.language.texts();
    let zone = first.record.facts.zone();
    let count = fill(&texts.notice_count, &[("count", &waiting.len().to_string())]);
    let until = fill(&texts.notice_until, &[("until", &first.language.moment(reply_by, &zone))]);
    let stop_url = format!("{public_url}/r/{}", signer.stop_notices(message.id, &message.recipient));
    Ok(Composed::Letter(Letter {
        subject: texts.notice_subject.clone(),
        text: format!(
            "{count}\n{until}\n\n{}\n{public_url}/v1/offers?open=true\n\n{}\n{stop_url}\n",
            texts.notice_link, texts.notice_why
        ),
        stop_url: Some(stop_url),
        note: Box::new(|_| Ok(())),
    }))
}

fn is_any_urgent(tx: &mut Tx<'_>, offers: &[Waiting]) -> Result<bool> {
    for (district, referrals) in by_district(offers) {
        let tenant = tenant(district);
        tx.on_behalf(&Tenancy::District(tenant.clone()))?;
        if !store::urgent(tx.connection, &tenant, &referrals)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Flags the address of a message that was refused for ever, wherever it is used: no other message goes to it until it is
/// set anew.
///
/// # Errors
/// If the database fails.
pub fn note_bounced(tx: &mut Tx<'_>, message: &Message) -> Result<()> {
    for reach in once(reached_at(tx.connection, &message.recipient)?) {
        let email = reach.address().unwrap_or(&message.recipient).to_owned();
        settings::bounce(tx, reach, &email)?;
    }
    Ok(())
}

/// Forgets what was told as long ago as messages are kept.
///
/// # Errors
/// If the database fails.
pub fn purge(tx: &mut Tx<'_>) -> Result<()> {
    store::forget(tx, tx.now - KEPT_FOR)
}
