//! Whom to ask next. [`settle`] brings a referral to rest after whatever happened: it asks the candidates of the shortlist
//! in order until enough wait for a reply, and says what it lacks where nobody is left.

use jiff::Timestamp;

use super::Desk;
use super::askable::{Askable, askable};
use super::asking;
use super::case::{Case, PINS, Said};
use super::clock::store::line;
use super::machine::Actor;
use super::machine::offer::{OfferAction, OfferState};
use super::machine::place::PlaceAction;
use super::machine::referral::ReferralStatus;
use super::model::{Candidate, EntryState, Offer, PassedOver, Terms};
use super::store;
use crate::availability::holds::{self, Placed};
use crate::directory::OrganizationFacts;
use crate::error::Result;
use crate::finder::{Question, Urgency};
use crate::privacy::disclosures::ReleasedBy;
use crate::store::Tx;
use crate::students::candidates::Asked;
use crate::students::{ProfileAsk, profile_of};
use crate::types::{AvailabilityStatus, CapacityPoolId, Engagement, OfferId, OfferingId, WaitListEntryId};

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
/// itself. Says whether the referral has changed.
///
/// # Errors
/// If the database fails.
pub(super) fn settle(
    tx: &mut Tx<'_>,
    desk: &Desk<'_>,
    case: &mut Case,
    done: Option<(&str, Actor)>,
    said: Said<'_>,
) -> Result<bool> {
    case.lacks_consent = false;
    case.barred.clear();
    if case.referral.status == ReferralStatus::Active && case.engaged().is_none() {
        withdraw_without_consent(tx, desk, case)?;
        case.tend_places(tx, desk)?;
        let mut position = 0;
        while wants_more(case) && position < case.referral.plan.shortlist.len() {
            let candidate = case.referral.plan.shortlist[position].clone();
            if candidate.is_left() {
                match consider(tx, desk, case, position, &candidate)? {
                    Tried::Offered => {}
                    Tried::PassedOver(why) => {
                        case.referral.plan.shortlist[position].passed_over = Some(why);
                    }
                    Tried::LacksConsent => case.lacks_consent = true,
                }
            }
            position += 1;
        }
        find_barred(tx, desk, case)?;
        if case.waiting().any(|entry| entry.passed_until.is_some()) {
            store::try_again(tx, &case.tenant, case.referral.id)?;
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
    let open: Vec<(OfferId, OfferingId)> =
        case.open_offers().map(|offer| (offer.id, offer.offering)).collect();
    for (id, offering) in open {
        let Some(askable) = askable(tx.connection, offering)? else { continue };
        if asked(case, &askable, tx.now).basis(&case.file, &case.consents, tx.now).is_err() {
            let said = Said { reason: Some("consent_ended"), ..Said::default() };
            case.act(tx, desk, id, OfferAction::Withdraw, Actor::System, said)?;
            case.lacks_consent = true;
            // It is asked again when a consent allows it.
            case.forget_offers(&[id]);
        }
    }
    Ok(())
}

/// Finds the places that are waited in for nothing: whoever has the list may not be asked, does not hold what is pinned, or
/// is not there any more.
fn find_barred(tx: &mut Tx<'_>, desk: &Desk<'_>, case: &mut Case) -> Result<()> {
    let waiting: Vec<(WaitListEntryId, OfferingId)> =
        case.waiting().map(|entry| (entry.id, entry.offering)).collect();
    for (id, offering) in waiting {
        let Some((askable, _)) = found(tx, offering)? else {
            case.barred.push(id);
            continue;
        };
        let may_be_asked = asked(case, &askable, tx.now).basis(&case.file, &case.consents, tx.now).is_ok();
        if !may_be_asked || !asking::holds(desk.finder, offering, &case.need.pins, tx.now) {
            case.barred.push(id);
            case.lacks_consent |= !may_be_asked;
        }
    }
    Ok(())
}

/// What decides whether it may be asked for this referral.
pub(super) fn asked<'a>(case: &Case, askable: &'a Askable, now: Timestamp) -> Asked<'a> {
    let Askable { organization, service, agreements, .. } = askable;
    Asked::about(&case.file, organization, service, agreements, case.referral.plan.obligation, now)
}

/// Asks a candidate, if it may be asked and has room.
fn consider(
    tx: &mut Tx<'_>,
    desk: &Desk<'_>,
    case: &mut Case,
    position: usize,
    candidate: &Candidate,
) -> Result<Tried> {
    let Some((askable, pool)) = found(tx, candidate.offering_id)? else {
        return Ok(Tried::PassedOver(PassedOver::Gone));
    };
    if !asking::holds(desk.finder, candidate.offering_id, &case.need.pins, tx.now) {
        return Ok(Tried::PassedOver(PassedOver::Pinned));
    }
    let asked = asked(case, &askable, tx.now);
    if asked.basis(&case.file, &case.consents, tx.now).is_err() {
        return Ok(Tried::LacksConsent);
    }
    let live = askable.claim.as_ref().filter(|claim| claim.is_live(tx.now));
    if live.is_some_and(|claim| claim.status == AvailabilityStatus::NoCapacity) {
        return Ok(Tried::PassedOver(PassedOver::NoCapacity));
    }
    // Where nothing is counted there is nothing to hold, and nobody waits for anybody's transaction.
    let is_counted = askable.claim.as_ref().is_some_and(|claim| claim.counts(tx.now));
    if is_counted {
        holds::lock(tx, &[pool])?;
    }
    // Whoever comes anew does not go before those who wait.
    let has_line = !line(tx.connection, pool)?.is_empty();
    let id = OfferId::new();
    if has_line || (is_counted && holds::place(tx, pool, id.into())? == Placed::Full) {
        case.join(tx, desk, candidate.offering_id, pool, false)?;
        return Ok(Tried::PassedOver(PassedOver::Full));
    }
    let is_offered = offer(tx, desk, case, (&askable, &asked, pool), id, position)?;
    Ok(if is_offered { Tried::Offered } else { Tried::LacksConsent })
}

/// An offering that can be found now, and its pool.
fn found(tx: &mut Tx<'_>, offering: OfferingId) -> Result<Option<(Askable, CapacityPoolId)>> {
    let askable = askable(tx.connection, offering)?.filter(|askable| askable.is_there);
    Ok(askable.and_then(|askable| {
        let pool = askable.pool?;
        Some((askable, pool))
    }))
}

/// Makes an offer, whose slot is held already if slots are counted; false if what it would tell may not be told, and then
/// the slot is free again.
fn offer(
    tx: &mut Tx<'_>,
    desk: &Desk<'_>,
    case: &mut Case,
    (askable, asked, pool): (&Askable, &Asked<'_>, CapacityPoolId),
    id: OfferId,
    position: usize,
) -> Result<bool> {
    let profile = profile_of(tx, &case.file, &profile_ask(case))?;
    let owner = ReleasedBy::owner(&case.referral.plan.owner);
    if !asked.tell_profile(tx, desk.errand, &case.file, &case.consents, &profile, owner)? {
        holds::release(tx, id.into())?;
        return Ok(false);
    }
    let candidate = case.referral.plan.shortlist.get(position);
    let offer = Offer {
        id,
        referral: case.referral.id,
        district: case.referral.district,
        organization: askable.organization.id,
        offering: askable.id,
        pool,
        version: 1,
        state: OfferState::Requested,
        due_at: Some(reply_by(&askable.organization.facts, case.referral.urgency, tx.now)),
        terms: Terms {
            service_id: askable.service.id,
            rank: u32::try_from(position + 1).unwrap_or(u32::MAX),
            score: candidate.and_then(|candidate| candidate.score),
            profile,
            by_call: askable.organization.facts.engagement != Engagement::Enrolled,
            reason: None,
            is_reason_withheld: false,
            replied_at: None,
            accepted_at: None,
            appointment_at: None,
            first_attended_at: None,
            sessions: 0,
            missed: 0,
            in_needed_language: None,
            told: None,
        },
        created_at: tx.now,
        updated_at: tx.now,
        is_withheld: false,
        sealed: case.file.key.seal(PINS, id, &case.need.pins)?,
        report: None,
    };
    store::insert_offer(tx, &case.tenant, &offer)?;
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
    case: &mut Case,
    pool: CapacityPoolId,
) -> Result<bool> {
    let waits = |entry: &super::model::Entry| entry.pool == pool && entry.state == EntryState::Waiting;
    let Some(position) = case.entries.iter().position(waits) else { return Ok(false) };
    if case.referral.status != ReferralStatus::Active || case.engaged().is_some() {
        return Ok(false);
    }
    let entry = case.entries[position].clone();
    let Some((askable, _)) = found(tx, entry.offering)? else { return Ok(false) };
    if !asking::holds(desk.finder, entry.offering, &case.need.pins, tx.now) {
        return Ok(false);
    }
    let asked = asked(case, &askable, tx.now);
    if asked.basis(&case.file, &case.consents, tx.now).is_err() {
        return Ok(false);
    }
    let id = OfferId::new();
    if holds::place(tx, pool, id.into())? == Placed::Full {
        return Ok(false);
    }
    let candidates = &case.referral.plan.shortlist;
    let rank = candidates.iter().position(|candidate| candidate.offering_id == entry.offering);
    let rank = rank.unwrap_or(candidates.len());
    if !offer(tx, desk, case, (&askable, &asked, pool), id, rank)? {
        return Ok(false);
    }
    let said = Said { reason: Some("slot_free"), ..Said::default() };
    case.move_place(tx, desk, position, PlaceAction::Promote, Actor::System, said)?;
    case.save(tx, desk, None, Said::default())?;
    Ok(true)
}
