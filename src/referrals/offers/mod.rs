//! What is done with an offer: by the agency, or by a coordinator who has it on the telephone; and by the district.

mod called;
pub(super) mod calls;
pub(super) mod packets;
pub(super) mod script;
mod store;
mod words;

use super::Desk;
use super::asks::OfferAct;
use super::cascade;
use super::case::{Case, Said};
use super::machine::Actor;
use super::machine::offer::{OfferAction, actions};
use super::model::{Measure, Offer, Report};
use super::served::REPORT;
use super::store as of_tenant;
use crate::error::{Error, Result};
use crate::privacy::audit::{Act, Action, Errand, record};
use crate::store::{Tenancy, Tenant, Tx};
use crate::students;
use crate::types::OfferId;
pub use store::OfferPage;

/// What the audit calls an offer.
pub const RESOURCE: &str = "offer";

/// Offers of one page.
pub struct OfferList {
    /// The latest first.
    pub offers: Vec<Offer>,
    /// Whether there are more behind them.
    pub more: bool,
    /// How many there are on all pages, counted up to a bound.
    pub count: i64,
}

/// The offers to the caller's organization.
///
/// # Errors
/// [`Error::Forbidden`] for one who has no organization.
pub fn offers_to_agency(tx: &mut Tx<'_>, desk: &Desk<'_>, page: &OfferPage) -> Result<OfferList> {
    let Tenancy::Agency(organization) = &desk.errand.tenancy else {
        let message = "offers are listed for the organization that they are made to; GET /v1/referrals/{id}/offers has \
                       those of a referral";
        return Err(Error::Forbidden(message.to_owned()));
    };
    let (mut offers, count) = store::offers_to(tx.connection, *organization, page)?;
    let size = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let more = offers.len() > size;
    offers.truncate(size);
    let mut acts: Vec<Act<'_>> = offers.iter().map(|offer| act_on(Action::Read, offer)).collect();
    if acts.is_empty() {
        acts.push(Act::done(Action::Read, RESOURCE, None, None));
    }
    record(tx, desk.errand, &acts)?;
    Ok(OfferList { offers, more, count })
}

/// One offer as its reader knows it.
pub struct Shown {
    /// It.
    pub offer: Offer,
    /// What the caller may do with it now.
    pub actions: Vec<OfferAction>,
    /// How the student does, as far as the district was told; the agency knows it.
    pub measure: Option<Measure>,
}

/// One offer, and what the caller may do with it now.
///
/// # Errors
/// [`Error::NotFound`] if it is not one of the caller's.
pub fn offer(tx: &mut Tx<'_>, desk: &Desk<'_>, id: OfferId) -> Result<Shown> {
    let (offer, sides) = admitted(tx, desk, id)?;
    record(tx, desk.errand, &[act_on(Action::Read, &offer)])?;
    let mut may: Vec<OfferAction> = sides.iter().flat_map(|side| actions(offer.state, *side)).collect();
    may.sort_unstable();
    may.dedup();
    let Tenancy::District(tenant) = &desk.errand.tenancy else {
        return Ok(Shown { offer, actions: may, measure: None });
    };
    let measure = match &offer.report {
        None => None,
        Some(sealed) => {
            let student = of_tenant::find(tx.connection, tenant, offer.referral)?.student;
            let (_, key) = students::find(tx, desk.vault, tenant, student)?;
            key.open::<Report>(REPORT, offer.id, sealed)?.told
        }
    };
    Ok(Shown { offer: offer.as_told(), actions: may, measure })
}

/// Does something with an offer.
///
/// # Errors
/// [`Error::NotFound`] if it is not one of the caller's; [`Error::Invalid`]; [`Error::Conflict`] if it may not be done
/// now, and what may.
pub fn act_on_offer(tx: &mut Tx<'_>, desk: &Desk<'_>, id: OfferId, asked: &OfferAct) -> Result<Offer> {
    let faults = asked.faults(tx.now);
    if !faults.is_empty() {
        return Err(faults.into());
    }
    let (found, sides) = admitted(tx, desk, id)?;
    let action = asked.action();
    let side = sides.iter().find(|side| action.by().contains(side)).copied();
    let side = side.or_else(|| sides.first().copied()).unwrap_or(Actor::Requester);
    record(tx, desk.errand, &[act_on(Action::Change, &found)])?;
    let is_told_all = matches!(desk.errand.tenancy, Tenancy::Agency(_));
    // What an agency does is written on behalf of the district whose offer it is: nothing else of it is touched.
    let tenant = Tenant { district: found.district, schools: Vec::new() };
    tx.on_behalf(&Tenancy::District(tenant.clone()))?;
    let errand = Errand { tenancy: Tenancy::District(tenant.clone()), ..desk.errand.clone() };
    let desk = Desk { vault: desk.vault, errand: &errand, finder: desk.finder };
    let mut case = Case::open(tx, &desk, &tenant, found.referral)?;
    case.act(tx, &desk, id, action, side, asked.said())?;
    cascade::settle(tx, &desk, &mut case, None, Said::default())?;
    let offer = case.offers.into_iter().find(|offer| offer.id == id);
    let offer = offer.ok_or_else(|| Error::NotFound { what: "offer", id: id.to_string() })?;
    Ok(if is_told_all { offer } else { offer.as_told() })
}

/// An offer that the caller has part in, and on whose side they may act: the agency on its own; the district on its own,
/// and for an organization that has nobody here.
fn admitted(tx: &mut Tx<'_>, desk: &Desk<'_>, id: OfferId) -> Result<(Offer, Vec<Actor>)> {
    let not_there = || Error::NotFound { what: "offer", id: id.to_string() };
    match &desk.errand.tenancy {
        Tenancy::District(tenant) => {
            let offer = of_tenant::offer_of_tenant(tx.connection, tenant, id)?.ok_or_else(not_there)?;
            // Some see the students of some schools only.
            of_tenant::find(tx.connection, tenant, offer.referral).map_err(|_| not_there())?;
            let sides = if offer.terms.by_call {
                vec![Actor::Requester, Actor::Recipient]
            } else {
                vec![Actor::Requester]
            };
            Ok((offer, sides))
        }
        Tenancy::Agency(organization) => {
            let offer = store::offer_to(tx.connection, *organization, id)?.ok_or_else(not_there)?;
            Ok((offer, vec![Actor::Recipient]))
        }
        Tenancy::Clock | Tenancy::Analyst | Tenancy::Keeper => {
            Err(Error::Forbidden(format!("{} has no part in any referral", desk.errand.principal.role)))
        }
    }
}

fn act_on(action: Action, offer: &Offer) -> Act<'static> {
    Act::done(action, RESOURCE, Some(offer.id.into()), None)
}
