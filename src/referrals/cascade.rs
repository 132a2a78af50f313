//! Whom to ask next. [`settle`] brings a referral to rest after whatever happened: it asks the candidates of the shortlist
//! in order until enough wait for a reply, and says what it lacks where nobody is left.

use jiff::Timestamp;

use super::Desk;
use super::asking;
use super::case::{Case, PINS, Said};
use super::clock::store::line;
use super::machine::Actor;
use super::machine::offer::OfferState;
use super::machine::referral::ReferralStatus;
use super::model::{Candidate, EntryState, Offer, PassedOver, Terms};
use super::store;
use crate::availability::holds::{self, Placed};
use crate::directory::OrganizationFacts;
use crate::error::{Error, Result};
use crate::finder::source::{Listing, listings};
use crate::finder::{Question, Urgency};
use crate::store::{Tenant, Tx};
use crate::students::candidates::{Asked, basis_to_ask, tell_profile};
use crate::students::{ProfileAsk, profile_of};
use crate::types::{AvailabilityStatus, CapacityPoolId, Engagement, OfferId};

/// Business days for the reply to a routine offer, on the calendar of whoever replies.
const ROUTINE_DAYS: u32 = 2;
/// Office hours for the reply to an urgent one.
const URGENT_HOURS: u32 = 4;
/// For the reply of one whose office never opens.
const WITHOUT_CALENDAR: jiff::SignedDuration = jiff::SignedDuration::from_hours(4 * 24);

/// What came of a candidate.
enum Tried {
    /// It was asked.
    Offered,
    /// It is not asked, nor later.
    PassedOver(PassedOver),
    /// It may not be asked as long as no consent allows it.
    LacksConsent,
}

/// Brings a referral to rest: asks whom it can, and writes what it has become. `done` says what was done with the referral
/// itself.
///
/// # Errors
/// If the database fails.
pub(super) fn settle(
    tx: &mut Tx<'_>,
    desk: &Desk<'_>,
    tenant: &Tenant,
    case: &mut Case,
    done: Option<(&str, Actor)>,
    said: Said<'_>,
) -> Result<()> {
    case.referral.plan.lacks_consent = false;
    if case.referral.status == ReferralStatus::Active && case.engaged().is_none() {
        withdraw_without_consent(tx, desk, case)?;
        let mut position = 0;
        while wants_more(case) && position < case.referral.plan.shortlist.len() {
            let candidate = case.referral.plan.shortlist[position].clone();
            if candidate.is_left() {
                match consider(tx, desk, tenant, case, position, &candidate)? {
                    Tried::Offered => {}
                    Tried::PassedOver(why) => {
                        case.referral.plan.shortlist[position].passed_over = Some(why);
                    }
                    Tried::LacksConsent => case.referral.plan.lacks_consent = true,
                }
            }
            position += 1;
        }
    }
    case.save(tx, desk, done, said)
}

/// Whether another candidate is to be asked: fewer wait for a reply than may, and nobody waits for an insurer, which
/// pauses the cascade.
fn wants_more(case: &Case) -> bool {
    let is_paused = case.open_offers().any(|offer| offer.state == OfferState::PendingVerification);
    !case.referral.plan.is_stopped
        && !is_paused
        && case.open_offers().count() < usize::from(case.referral.plan.parallel)
}

/// Takes back every open offer to somebody whom one may not ask any more: a consent was revoked or has expired.
fn withdraw_without_consent(tx: &mut Tx<'_>, desk: &Desk<'_>, case: &mut Case) -> Result<()> {
    let open: Vec<(OfferId, crate::types::OfferingId)> =
        case.open_offers().map(|offer| (offer.id, offer.offering)).collect();
    for (id, offering) in open {
        let listing = listings(tx.connection, &[offering], None, tx.now)?.pop();
        let Some(listing) = listing else { continue };
        if basis_to_ask(tx, &case.file, &case.consents, &asked(case, &listing))?.is_err() {
            let said = Said { reason: Some("consent_ended"), text: None };
            case.act(tx, desk, id, super::machine::offer::OfferAction::Withdraw, Actor::System, said)?;
            case.referral.plan.lacks_consent = true;
            // It is asked again when a consent allows it.
            for candidate in &mut case.referral.plan.shortlist {
                if candidate.offer_id == Some(id) {
                    candidate.offer_id = None;
                }
            }
        }
    }
    Ok(())
}

fn asked<'a>(case: &Case, listing: &'a Listing) -> Asked<'a> {
    Asked {
        organization: &listing.organization,
        service: &listing.service,
        obligation: case.referral.plan.obligation,
    }
}

/// Asks a candidate, if it may be asked and has room.
fn consider(
    tx: &mut Tx<'_>,
    desk: &Desk<'_>,
    tenant: &Tenant,
    case: &mut Case,
    position: usize,
    candidate: &Candidate,
) -> Result<Tried> {
    let listing = listings(tx.connection, &[candidate.offering_id], None, tx.now)?.pop();
    let Some(listing) = listing.filter(Listing::can_be_found) else {
        return Ok(Tried::PassedOver(PassedOver::Gone));
    };
    let Some(pool) = listing.offering.facts.capacity_pool_id else {
        return Ok(Tried::PassedOver(PassedOver::Gone));
    };
    if !case.need.pins.is_empty() {
        // What cannot be asked any more, as of a home that is not known, is not known to hold. It must not keep a consent
        // from being revoked.
        let holds = match question(tx, case) {
            Ok(question) => asking::holds(desk.finder, candidate.offering_id, &case.need.pins, &question),
            Err(Error::Invalid(_)) => false,
            Err(error) => return Err(error),
        };
        if !holds {
            return Ok(Tried::PassedOver(PassedOver::Pinned));
        }
    }
    let asked = asked(case, &listing);
    if basis_to_ask(tx, &case.file, &case.consents, &asked)?.is_err() {
        return Ok(Tried::LacksConsent);
    }
    let live = listing.claim.as_ref().filter(|claim| claim.is_live(tx.now));
    if live.is_some_and(|claim| claim.status == AvailabilityStatus::NoCapacity) {
        return Ok(Tried::PassedOver(PassedOver::NoCapacity));
    }
    let id = OfferId::new();
    // Whoever comes anew does not go before those who wait.
    holds::lock(tx, &[pool])?;
    let has_line = !line(tx.connection, pool)?.is_empty();
    if has_line || holds::place(tx, pool, id.into())? == Placed::Full {
        case.join(tx, desk, candidate.offering_id, pool)?;
        return Ok(Tried::PassedOver(PassedOver::Full));
    }
    if offer(tx, desk, tenant, case, &listing, pool, id, position)? {
        Ok(Tried::Offered)
    } else {
        holds::release(tx, id.into())?;
        Ok(Tried::LacksConsent)
    }
}

/// Makes an offer, whose slot is held already if slots are counted; false if what it would tell may not be told.
#[expect(clippy::too_many_arguments, reason = "what an offer is made of")]
pub(super) fn offer(
    tx: &mut Tx<'_>,
    desk: &Desk<'_>,
    tenant: &Tenant,
    case: &mut Case,
    listing: &Listing,
    pool: CapacityPoolId,
    id: OfferId,
    position: usize,
) -> Result<bool> {
    let profile = profile_of(tx, &case.file, &profile_ask(case))?;
    let asked = asked(case, listing);
    if tell_profile(tx, desk.errand, tenant, &case.file, &case.consents, &asked, &profile)?.is_err() {
        return Ok(false);
    }
    let candidate = case.referral.plan.shortlist.get(position);
    let offer = Offer {
        id,
        referral: case.referral.id,
        district: case.referral.district,
        organization: listing.organization.id,
        offering: listing.offering.id,
        pool,
        version: 1,
        state: OfferState::Requested,
        due_at: Some(reply_by(&listing.organization.facts, case.referral.urgency, tx.now)),
        terms: Terms {
            service_id: listing.service.id,
            rank: u32::try_from(position + 1).unwrap_or(u32::MAX),
            score: candidate.and_then(|candidate| candidate.score),
            profile,
            by_call: listing.organization.facts.engagement != Engagement::Enrolled,
            reason: None,
            replied_at: None,
            accepted_at: None,
            appointment_at: None,
            first_attended_at: None,
            sessions: 0,
            missed: 0,
        },
        created_at: tx.now,
        updated_at: tx.now,
        sealed: case.file.key.seal(PINS, id, &case.need.pins)?,
    };
    store::insert_offer(tx, tenant, &offer)?;
    case.record_offer(tx, desk, &offer)?;
    case.offers.push(offer);
    if let Some(candidate) = case.referral.plan.shortlist.get_mut(position) {
        candidate.offer_id = Some(id);
        candidate.passed_over = None;
    }
    Ok(true)
}

/// Until when whoever is asked has time, on their own calendar.
fn reply_by(organization: &OrganizationFacts, urgency: Urgency, now: Timestamp) -> Timestamp {
    let by = match urgency {
        Urgency::Routine => organization.after_business_days(now, ROUTINE_DAYS),
        Urgency::Urgent => organization.after_office_hours(now, URGENT_HOURS),
    };
    by.unwrap_or(now + WITHOUT_CALENDAR)
}

/// What the limited profile is made of, beside the student's file.
fn profile_ask(case: &Case) -> ProfileAsk {
    let required = &case.need.profile.required;
    let tiers = required.tiers.as_ref().map_or(&[][..], crate::finder::need::Values::values);
    let needs = required.needs.as_ref().map_or(&[][..], crate::finder::need::Values::values);
    let pins = case.need.pins.clone();
    ProfileAsk {
        tier: match tiers {
            [only] => Some(*only),
            _ => None,
        },
        needs: needs.to_vec(),
        languages: pins.languages,
        accessibility: pins.accessibility,
        populations: pins.populations,
        modalities: pins.modalities,
        practices: pins.practices,
    }
}

/// What the referral asks the finder.
pub(super) fn question(tx: &mut Tx<'_>, case: &Case) -> Result<Question> {
    let today = tx.now.to_zoned(case.file.zone.clone()).date();
    let facts = &case.file.student.facts;
    let urgency = case.referral.urgency;
    asking::question(tx.connection, &case.need.profile, &case.need.pins, facts, urgency, today, tx.now)
}

/// Offers a slot that is free to whoever waits for it and stands first. Those who rest, or may not ask this organization
/// any more, are passed by and keep their place. Gives whether somebody got it.
///
/// # Errors
/// If the database fails.
pub(super) fn promote(
    tx: &mut Tx<'_>,
    desk: &Desk<'_>,
    tenant: &Tenant,
    case: &mut Case,
    pool: CapacityPoolId,
) -> Result<bool> {
    let waits = |entry: &super::model::Entry| entry.pool == pool && entry.state == EntryState::Waiting;
    let Some(position) = case.entries.iter().position(waits) else { return Ok(false) };
    if case.referral.status != ReferralStatus::Active || case.engaged().is_some() {
        return Ok(false);
    }
    let entry = case.entries[position].clone();
    let listing = listings(tx.connection, &[entry.offering], None, tx.now)?.pop();
    let Some(listing) = listing.filter(Listing::can_be_found) else { return Ok(false) };
    if basis_to_ask(tx, &case.file, &case.consents, &asked(case, &listing))?.is_err() {
        return Ok(false);
    }
    let id = OfferId::new();
    if holds::place(tx, pool, id.into())? == Placed::Full {
        return Ok(false);
    }
    let candidates = &case.referral.plan.shortlist;
    let rank = candidates.iter().position(|candidate| candidate.offering_id == entry.offering);
    let rank = rank.unwrap_or(candidates.len());
    if !offer(tx, desk, tenant, case, &listing, pool, id, rank)? {
        holds::release(tx, id.into())?;
        return Ok(false);
    }
    case.move_entry(tx, desk, position, EntryState::Promoted, "slot_free")?;
    case.save(tx, desk, None, Said::default())?;
    Ok(true)
}
