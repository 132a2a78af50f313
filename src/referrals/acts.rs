//! What the district does with a referral, and whom it asks.

use super::asks::{DEFAULT_SHORTLIST, LONGEST_SHORTLIST, ReferralAct, Shortlist};
use super::case::{Case, Said};
use super::machine::offer::OfferAction;
use super::machine::place::PlaceAction;
use super::machine::referral::{ReferralAction, ReferralEffect, ReferralState};
use super::machine::{Actor, Refusal, referral};
use super::model::{Candidate, Cover, EntryState, PassedOver, Person, Pins};
use super::{Desk, asking, cascade};
use crate::access::{Role, Scope, find_principal};
use crate::directory::{OfferingFacts, find_all};
use crate::error::{Error, FieldError, Result};
use crate::store::{Tenancy, Tx};
use crate::types::{OfferId, OfferingId};

/// Whom to ask: those that somebody chose, or those that the finder names besides these. Why it does is sealed with the
/// need.
pub(super) fn shortlist(
    tx: &mut Tx<'_>,
    desk: &Desk<'_>,
    case: &mut Case,
    asked: &Shortlist,
    besides: &[OfferingId],
) -> Result<Vec<Candidate>> {
    if asked.offerings.is_empty() {
        let size = usize::from(asked.size.unwrap_or(DEFAULT_SHORTLIST));
        let question = cascade::question(tx, case)?;
        let mut candidates = Vec::new();
        let hits = desk.finder.best(&question, size + besides.len());
        for hit in hits.into_iter().filter(|hit| !besides.contains(&hit.offering)).take(size) {
            let (candidate, reasons) = asking::candidate(hit);
            case.need.reasons.insert(candidate.offering_id, reasons);
            candidates.push(candidate);
        }
        return Ok(candidates);
    }
    if case.need.profile.origin.names_place() {
        // A place that nobody knows is found out now, and not when the finder is asked.
        cascade::question(tx, case)?;
    }
    let known: Vec<OfferingId> = find_all::<OfferingFacts>(tx.connection, &asked.offerings)?
        .into_iter()
        .map(|offering| offering.id)
        .collect();
    let unknown = asked.offerings.iter().enumerate().filter(|(_, offering)| !known.contains(offering));
    let faults: Vec<FieldError> = unknown
        .map(|(position, _)| {
            FieldError::body(format!("/shortlist/offerings/{position}"), "is no offering of the directory")
        })
        .collect();
    if !faults.is_empty() {
        return Err(faults.into());
    }
    Ok(asked.offerings.iter().map(|offering| Candidate::chosen(*offering)).collect())
}

/// Adds to whom is asked.
fn extend(tx: &mut Tx<'_>, desk: &Desk<'_>, case: &mut Case, asked: &Shortlist) -> Result<()> {
    let known: Vec<OfferingId> =
        case.referral.plan.shortlist.iter().map(|candidate| candidate.offering_id).collect();
    let mut more = shortlist(tx, desk, case, asked, &known)?;
    more.retain(|candidate| !known.contains(&candidate.offering_id));
    if more.is_empty() {
        let message = if asked.offerings.is_empty() {
            "the finder names nobody whom the shortlist has not: change the need, or choose offerings"
        } else {
            "every one of these offerings is on the shortlist already"
        };
        return Err(Error::Conflict(message.to_owned()));
    }
    if known.len() + more.len() > LONGEST_SHORTLIST {
        let message =
            format!("the shortlist has {} and would have more than {LONGEST_SHORTLIST}", known.len());
        return Err(FieldError::body("/shortlist", message).into());
    }
    case.referral.plan.shortlist.extend(more);
    case.seal_need()
}

/// To take away what a referral cannot do without is for a person.
pub(super) fn may_by_role(desk: &Desk<'_>, action: ReferralAction) -> Result<()> {
    if action == ReferralAction::Unpin && desk.errand.principal.role == Role::SisClient {
        return Err(Error::Forbidden("a person takes a pin away, and this is a system".to_owned()));
    }
    Ok(())
}

pub(super) fn apply(tx: &mut Tx<'_>, desk: &Desk<'_>, case: &mut Case, asked: &ReferralAct) -> Result<()> {
    let action = asked.action();
    let state = case.state();
    let to = referral::transition(state, action, Actor::Requester)
        .map_err(|refusal| refused(refusal, state, action))?;
    // First what is asked, for the effects go by it.
    match asked {
        ReferralAct::Reroute { shortlist: asked, parallel } => {
            case.end_open_offers(tx, desk, "rerouted", None)?;
            case.referral.plan.shortlist = shortlist(tx, desk, case, asked, &[])?;
            case.seal_need()?;
            if let Some(parallel) = parallel {
                case.referral.plan.parallel = *parallel;
            }
        }
        ReferralAct::ExtendShortlist { shortlist: asked } => {
            extend(tx, desk, case, asked)?;
        }
        ReferralAct::Pin { pins } => set_pins(tx, desk, case, case.need.pins.with(pins))?,
        ReferralAct::Unpin { pins, .. } => set_pins(tx, desk, case, case.need.pins.without(pins))?,
        ReferralAct::Assign { to, .. } => {
            case.referral.plan.owner = match to {
                None => Person::of(&desk.errand.principal),
                Some(to) => colleague(tx, case, to)?,
            };
            case.referral.plan.cover = None;
        }
        ReferralAct::Cover { until } => {
            let by = Person::of(&desk.errand.principal);
            case.referral.plan.cover = Some(Cover { by, until: *until });
        }
        ReferralAct::Close { outcome, measure } => {
            case.referral.plan.outcome = Some(case.completed(outcome));
            case.need.measure.clone_from(measure);
            case.seal_need()?;
        }
        ReferralAct::Hold { .. } => {
            // Whoever is asked now is asked again when it goes on.
            let open: Vec<OfferId> = case.open_offers().map(|offer| offer.id).collect();
            case.forget_offers(&open);
        }
        // Who goes on still waits.
        ReferralAct::Resume {} => {
            case.move_places(tx, desk, EntryState::Waiting, PlaceAction::Confirm, action.as_str())?;
        }
        ReferralAct::Submit {}
        | ReferralAct::Revoke { .. }
        | ReferralAct::Note { .. }
        | ReferralAct::EnterInError { .. } => {}
    }
    let today = case.file.day(tx.now);
    let set = &mut case.referral.plan.next_action_on;
    // What was set for today is done by acting today.
    *set = asked.next_action_on().or(set.filter(|day| *day > today));
    case.referral.status = to.status;
    for effect in to.effects {
        match effect {
            ReferralEffect::StartCascade => case.referral.plan.is_stopped = false,
            ReferralEffect::EndOffers => case.end_open_offers(tx, desk, action.as_str(), None)?,
            ReferralEffect::LeaveLists => {
                for from in [EntryState::Waiting, EntryState::Released, EntryState::Lapsed] {
                    case.move_places(tx, desk, from, PlaceAction::Leave, action.as_str())?;
                }
            }
            ReferralEffect::VoidOffers => case.void_offers(tx, desk)?,
        }
    }
    let said = Said { text: asked.text(), ..Said::default() };
    cascade::settle(tx, desk, case, Some((action.as_str(), Actor::Requester)), said)?;
    Ok(())
}

/// Somebody who makes and steers referrals in the district, and sees this one.
fn colleague(tx: &mut Tx<'_>, case: &Case, id: &str) -> Result<Person> {
    let no_colleague = || {
        let message = "is no client or membership that makes referrals of this school in this district";
        FieldError::body("/to", message).into()
    };
    let principal = find_principal(tx.connection, id)?.ok_or_else(no_colleague)?;
    let Some(Tenancy::District(theirs)) = principal.tenancy() else { return Err(no_colleague()) };
    let sees = theirs.schools.is_empty()
        || case.referral.school.is_some_and(|school| theirs.schools.contains(&school));
    if theirs.district != case.referral.district || !sees || !principal.has(Scope::ReferralsWrite) {
        return Err(no_colleague());
    }
    Ok(Person::of(&principal))
}

/// Sets what is pinned, and takes back what was offered to those who do not hold it.
fn set_pins(tx: &mut Tx<'_>, desk: &Desk<'_>, case: &mut Case, pins: Pins) -> Result<()> {
    case.need.pins = pins;
    case.seal_need()?;
    let open: Vec<_> = case.open_offers().map(|offer| (offer.id, offer.offering)).collect();
    for (id, offering) in open {
        if !asking::holds(desk.finder, offering, &case.need.pins, tx.now) {
            let said = Said { reason: Some("pinned"), ..Said::default() };
            case.act(tx, desk, id, OfferAction::Withdraw, Actor::System, said)?;
        }
    }
    // Who was passed over for a pin may hold what is pinned now.
    for candidate in &mut case.referral.plan.shortlist {
        if candidate.passed_over == Some(PassedOver::Pinned) {
            candidate.passed_over = None;
        }
    }
    Ok(())
}

fn refused(refusal: Refusal, state: ReferralState, action: ReferralAction) -> Error {
    let may = referral::actions(state, Actor::Requester);
    let may: Vec<&str> = may.iter().map(|action| action.as_str()).collect();
    let hint = match (state, action) {
        (
            ReferralState::Engaged,
            ReferralAction::Revoke | ReferralAction::Close | ReferralAction::Hold | ReferralAction::Reroute,
        ) => "; an agency has accepted: ask it to end that first, by request_cancellation of its offer",
        _ => "",
    };
    let now = may.join(", ");
    Error::Conflict(format!(
        "the referral is {state}: {action} is {refusal}{hint}; what you may do now: {now}"
    ))
}
