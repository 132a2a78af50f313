//! Referrals: from a need to a first appointment.
//!
//! A referral carries a shortlist. Its offerings are asked in order, each by an offer with a time for the reply, until one
//! accepts; what an agency does with an offer, and what a clock ends, is one transition of a state machine
//! ([`machine`]), and in the same transaction whatever follows from it: slots held and freed, the rest withdrawn, places
//! on lists given up or taken back, the next candidate asked ([`cascade`]). Each change of a referral, an offer or a place
//! leaves one row in the history.
//!
//! What is needed of the student lies sealed under the student's key. An agency sees a limited profile, which identifies
//! nobody, and only if a consent names it or an agreement puts it under the district's control.

mod asking;
mod asks;
mod cascade;
mod case;
pub mod clock;
mod lists;
pub mod machine;
mod model;
mod offers;
mod rules;
mod store;
pub mod worklists;

pub use asking::Matcher;
pub use asks::{
    DEFAULT_SHORTLIST, LONGEST_SHORTLIST, MOST_PARALLEL, OfferAct, ReferralAct, ReferralCreate, Shortlist,
};
pub use lists::{Place, Standing};
pub use model::*;
pub use offers::calls::{CallReport, record_call};
pub use offers::packets::fetch_packet;
pub use offers::script::{CallScript, FaxSheet, ListedNumber, ListedNumbers, call_script, fax_sheet};
pub use offers::{OfferList, OfferPage, RESOURCE as OFFER, act_on_offer, offer, offers_to_agency};
pub use store::ReferralPage;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::access::Role;
use crate::error::{Error, FieldError, Result};
use crate::finder::source::listings;
use crate::privacy::audit::{Act, Action, Errand, record};
use crate::privacy::vault::Vault;
use crate::store::Tx;
use crate::students::file::File;
use crate::students::{self, tenant};
use crate::types::{OfferId, OfferingId, ReferralId, StudentId};
use case::{Case, NEED, Said};
use machine::referral::{ReferralAction, ReferralEffect, ReferralState, ReferralStatus};
use machine::{Actor, Refusal, referral};

/// What the audit calls a referral.
pub const RESOURCE: &str = "referral";

/// What operations on referrals are done with.
pub struct Desk<'a> {
    /// The keys.
    pub vault: &'a Vault,
    /// On whose behalf, and why.
    pub errand: &'a Errand,
    /// The finder.
    pub finder: &'a dyn Matcher,
}

/// A referral with what lies sealed.
pub struct Opened {
    /// The referral.
    pub referral: Referral,
    /// What is needed, and what is pinned.
    pub need: Need,
}

/// What happened to a referral, or to something that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[schema(as = ReferralEvent)]
pub struct Happened {
    /// To what: `referral`, `offer` or `wait_list_entry`.
    pub subject: String,
    /// To which.
    pub subject_id: String,
    /// Its version since.
    pub version: i64,
    /// What: an action, or `create`, `request`, `follow`, `join`, `rejoin`, `promote`, `release`, `leave`, or `contact`, a
    /// call that changed nothing and whose reason is what it found.
    pub event: String,
    /// The state since.
    pub state: String,
    /// On whose side it was done.
    pub actor: String,
    /// Who did it.
    pub by: String,
    /// Why, as a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<String>,
    /// What was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub note: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// Makes a referral, and begins the search if that is asked.
///
/// # Errors
/// [`Error::Invalid`] if it is not complete; [`Error::NotFound`] if the student is not one of the caller's;
/// [`Error::Conflict`] if the student has left.
pub fn create(tx: &mut Tx<'_>, desk: &Desk<'_>, id: ReferralId, asked: &ReferralCreate) -> Result<Opened> {
    let tenant = tenant(desk.errand)?;
    let faults = asked.faults(crate::types::calendar_date(tx.now));
    if !faults.is_empty() {
        return Err(faults.into());
    }
    let file = File::open(tx, desk.vault, tenant, asked.student_id)?;
    if file.student.left_at.is_some() {
        return Err(Error::Conflict("the student has left the district; nothing new is begun".to_owned()));
    }
    let need = Need { profile: asked.need.clone(), pins: asked.pins.clone(), reasons: BTreeMap::new() };
    let referral = Referral {
        id,
        district: tenant.district,
        school: file.student.facts.school_id,
        student: file.student.id,
        version: 1,
        status: ReferralStatus::Draft,
        business_status: None,
        urgency: asked.urgency,
        plan: Plan {
            obligation: asked.obligation.unwrap_or(students::releases::Obligation::None),
            owner: Person::of(&desk.errand.principal),
            cover: None,
            next_action_on: asked.next_action_on,
            parallel: asked.parallel.unwrap_or(1),
            shortlist: Vec::new(),
            is_stopped: false,
            due: None,
            outcome: None,
            worklists: Vec::new(),
        },
        created_at: tx.now,
        updated_at: tx.now,
        sealed: Vec::new(),
    };
    let mut case = Case::begin(tx, tenant, file, referral, need)?;
    case.referral.plan.shortlist = shortlist(tx, desk, &mut case, &asked.shortlist)?;
    case.seal_need()?;
    case.referral.plan.due = rules::due(&case.referral, &[], case.progress(), tx.now);
    store::insert(tx, tenant, &case.referral)?;
    case.record_creation(tx, desk, Said { text: asked.note.as_deref(), ..Said::default() })?;
    if asked.submit {
        apply(tx, desk, &mut case, &ReferralAct::Submit {})?;
    }
    told(tx, desk, Action::Create, &case.referral)?;
    Ok(Opened { referral: case.referral, need: case.need })
}

/// Whom to ask: those that somebody chose, or those that the finder names. Why it does is sealed with the need.
fn shortlist(tx: &mut Tx<'_>, desk: &Desk<'_>, case: &mut Case, asked: &Shortlist) -> Result<Vec<Candidate>> {
    // Also where offerings are chosen: a need that names no known place is found out now, and not by the clock.
    let question = cascade::question(tx, case)?;
    if asked.offerings.is_empty() {
        let size = usize::from(asked.size.unwrap_or(DEFAULT_SHORTLIST));
        let mut candidates = Vec::new();
        for hit in desk.finder.best(&question, size) {
            let (candidate, reasons) = asking::candidate(hit);
            case.need.reasons.insert(candidate.offering_id, reasons);
            candidates.push(candidate);
        }
        return Ok(candidates);
    }
    let known: Vec<OfferingId> = listings(tx.connection, &asked.offerings, None, tx.now)?
        .into_iter()
        .map(|listing| listing.offering.id)
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

/// Shows a referral.
///
/// # Errors
/// [`Error::NotFound`] if it is not one of the caller's.
pub fn read(tx: &mut Tx<'_>, desk: &Desk<'_>, id: ReferralId) -> Result<Opened> {
    let tenant = tenant(desk.errand)?;
    let referral = store::find(tx.connection, tenant, id)?;
    let (_, key) = students::find(tx, desk.vault, tenant, referral.student)?;
    let need = key.open(NEED, id, &referral.sealed)?;
    told(tx, desk, Action::Read, &referral)?;
    Ok(Opened { referral, need })
}

/// One page of referrals in the order of their ids, whether there are more behind it, and how many there are (counted up
/// to a bound). What lies sealed stays so.
///
/// # Errors
/// If the database fails.
pub fn list(tx: &mut Tx<'_>, desk: &Desk<'_>, page: &ReferralPage) -> Result<(Vec<Referral>, bool, i64)> {
    let (mut referrals, count) = store::list(tx.connection, tenant(desk.errand)?, page)?;
    let size = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let more = referrals.len() > size;
    referrals.truncate(size);
    let mut acts: Vec<Act<'_>> = referrals.iter().map(|referral| act_on(Action::Read, referral)).collect();
    if acts.is_empty() {
        acts.push(Act::done(Action::Read, RESOURCE, None, page.student));
    }
    record(tx, desk.errand, &acts)?;
    Ok((referrals, more, count))
}

/// The offers of a referral and its places on lists, in the order in which they were made.
///
/// # Errors
/// [`Error::NotFound`] if it is not one of the caller's.
pub fn offers_of(tx: &mut Tx<'_>, desk: &Desk<'_>, id: ReferralId) -> Result<(Vec<Offer>, Vec<Place>)> {
    let tenant = tenant(desk.errand)?;
    let referral = store::find(tx.connection, tenant, id)?;
    let offers = store::offers_of(tx.connection, tenant, id)?;
    let entries = store::entries_of(tx.connection, tenant, id)?;
    let places = lists::places(tx.connection, entries, tx.now)?;
    told(tx, desk, Action::Read, &referral)?;
    Ok((offers, places))
}

/// What happened to a referral and all that belongs to it, in order.
///
/// # Errors
/// [`Error::NotFound`] if it is not one of the caller's.
pub fn history(tx: &mut Tx<'_>, desk: &Desk<'_>, id: ReferralId) -> Result<Vec<Happened>> {
    let tenant = tenant(desk.errand)?;
    let referral = store::find(tx.connection, tenant, id)?;
    let (_, key) = students::find(tx, desk.vault, tenant, referral.student)?;
    let rows = store::events_of(tx.connection, tenant, id)?;
    told(tx, desk, Action::Read, &referral)?;
    rows.into_iter()
        .map(|row| {
            let note = case::read_written(&key, &row)?;
            let store::EventRow { subject, subject_id, version, event, state, actor, reason, .. } = row;
            let (by, at) = (row.principal_name, crate::store::from_sql(row.at));
            Ok(Happened { subject, subject_id, version, event, state, actor, by, reason, note, at })
        })
        .collect()
}

/// What the caller may do with a referral now.
///
/// # Errors
/// [`Error::NotFound`] if it is not one of the caller's.
pub fn actions(tx: &mut Tx<'_>, desk: &Desk<'_>, id: ReferralId) -> Result<Vec<ReferralAction>> {
    let tenant = tenant(desk.errand)?;
    let found = store::find(tx.connection, tenant, id)?;
    let offers = store::offers_of(tx.connection, tenant, id)?;
    told(tx, desk, Action::Read, &found)?;
    let state = ReferralState::of(found.status, offers.iter().any(|offer| offer.state.is_engaged()));
    let mut listed = referral::actions(state, Actor::Requester);
    listed.retain(|action| may_by_role(desk, *action).is_ok());
    Ok(listed)
}

/// Does something with a referral.
///
/// # Errors
/// [`Error::NotFound`] if it is not one of the caller's; [`Error::Invalid`]; [`Error::Conflict`] if it may not be done
/// now, and what may.
pub fn act(tx: &mut Tx<'_>, desk: &Desk<'_>, id: ReferralId, asked: &ReferralAct) -> Result<Opened> {
    let tenant = tenant(desk.errand)?;
    let faults = asked.faults();
    if !faults.is_empty() {
        return Err(faults.into());
    }
    may_by_role(desk, asked.action())?;
    let mut case = Case::open(tx, desk, tenant, id)?;
    apply(tx, desk, &mut case, asked)?;
    told(tx, desk, Action::Change, &case.referral)?;
    Ok(Opened { referral: case.referral, need: case.need })
}

/// To take away what a referral cannot do without is for a person.
fn may_by_role(desk: &Desk<'_>, action: ReferralAction) -> Result<()> {
    if action == ReferralAction::Unpin && desk.errand.principal.role == Role::SisClient {
        return Err(Error::Forbidden("a person takes a pin away, and this is a system".to_owned()));
    }
    Ok(())
}

fn apply(tx: &mut Tx<'_>, desk: &Desk<'_>, case: &mut Case, asked: &ReferralAct) -> Result<()> {
    let action = asked.action();
    let state = case.state();
    let to = referral::transition(state, action, Actor::Requester)
        .map_err(|refusal| refused(refusal, state, action))?;
    // First what is asked, for the effects go by it.
    match asked {
        ReferralAct::Reroute { shortlist: asked, parallel } => {
            case.end_open_offers(tx, desk, "rerouted", None)?;
            case.referral.plan.shortlist = shortlist(tx, desk, case, asked)?;
            case.seal_need()?;
            if let Some(parallel) = parallel {
                case.referral.plan.parallel = *parallel;
            }
        }
        ReferralAct::ExtendShortlist { shortlist: asked } => {
            let more = shortlist(tx, desk, case, asked)?;
            case.seal_need()?;
            let plan = &mut case.referral.plan;
            for candidate in more {
                if !plan.shortlist.iter().any(|known| known.offering_id == candidate.offering_id) {
                    plan.shortlist.push(candidate);
                }
            }
            plan.shortlist.truncate(LONGEST_SHORTLIST);
        }
        ReferralAct::Pin { pins } => set_pins(tx, desk, case, case.need.pins.with(pins))?,
        ReferralAct::Unpin { pins, .. } => set_pins(tx, desk, case, case.need.pins.without(pins))?,
        ReferralAct::Assign {} => {
            case.referral.plan.owner = Person::of(&desk.errand.principal);
            case.referral.plan.cover = None;
        }
        ReferralAct::Cover { until } => {
            let by = Person::of(&desk.errand.principal);
            case.referral.plan.cover = Some(Cover { by, until: *until });
        }
        ReferralAct::Close { outcome } => case.referral.plan.outcome = Some(outcome.clone()),
        ReferralAct::Hold { .. } => {
            // Whoever is asked now is asked again when it goes on.
            let open: Vec<OfferId> = case.open_offers().map(|offer| offer.id).collect();
            case.forget_offers(&open);
        }
        ReferralAct::Submit {}
        | ReferralAct::Resume {}
        | ReferralAct::Revoke { .. }
        | ReferralAct::Note { .. }
        | ReferralAct::EnterInError { .. } => {}
    }
    case.referral.status = to.status;
    for effect in to.effects {
        match effect {
            ReferralEffect::StartCascade => case.referral.plan.is_stopped = false,
            ReferralEffect::EndOffers => case.end_open_offers(tx, desk, action.as_str(), None)?,
            ReferralEffect::LeaveLists => {
                for from in [EntryState::Waiting, EntryState::Released] {
                    case.move_entries(tx, desk, from, EntryState::Left, action.as_str())?;
                }
            }
            ReferralEffect::VoidOffers => case.void_offers(tx, desk)?,
        }
    }
    let said = Said { text: asked.text(), ..Said::default() };
    cascade::settle(tx, desk, case, Some((action.as_str(), Actor::Requester)), said)
}

/// Sets what is pinned, and takes back what was offered to those who do not hold it.
fn set_pins(tx: &mut Tx<'_>, desk: &Desk<'_>, case: &mut Case, pins: Pins) -> Result<()> {
    case.need.pins = pins;
    case.seal_need()?;
    let open: Vec<_> = case.open_offers().map(|offer| (offer.id, offer.offering)).collect();
    for (id, offering) in open {
        if !asking::holds(desk.finder, offering, &case.need.pins, tx.now) {
            let said = Said { reason: Some("pinned"), ..Said::default() };
            case.act(tx, desk, id, machine::offer::OfferAction::Withdraw, Actor::System, said)?;
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

/// Looks at every open referral of a student whose consents have changed: whoever may be asked now is asked, and what may
/// not stand any more is taken back.
///
/// # Errors
/// If the database fails.
pub fn consents_changed(tx: &mut Tx<'_>, desk: &Desk<'_>, student: StudentId) -> Result<()> {
    let tenant = tenant(desk.errand)?;
    for referral in store::open_of_student(tx.connection, tenant, student)? {
        let mut case = Case::open(tx, desk, tenant, referral.id)?;
        cascade::settle(tx, desk, &mut case, None, Said::default())?;
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

fn act_on(action: Action, referral: &Referral) -> Act<'static> {
    Act::done(action, RESOURCE, Some(referral.id.into()), Some(referral.student))
}

fn told(tx: &mut Tx<'_>, desk: &Desk<'_>, action: Action, referral: &Referral) -> Result<()> {
    record(tx, desk.errand, &[act_on(action, referral)])
}
