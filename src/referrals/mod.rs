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

mod acts;
mod askable;
mod asking;
mod asks;
mod cascade;
mod case;
pub mod clock;
mod lists;
pub mod machine;
mod model;
mod offers;
mod places;
mod rules;
mod served;
mod store;
pub mod worklists;

pub use asking::Matcher;
pub use asks::{
    DEFAULT_SHORTLIST, LONGEST_SHORTLIST, MOST_PARALLEL, OfferAct, PlaceAct, ReferralAct, ReferralCreate,
    Shortlist, SkipReason,
};
pub use lists::{Place, Standing};
pub use model::*;
pub use offers::calls::{CallReport, record_call};
pub use offers::packets::fetch_packet;
pub use offers::script::{CallScript, FaxSheet, ListedNumber, ListedNumbers, call_script, fax_sheet};
pub use offers::{OfferList, OfferPage, RESOURCE as OFFER, Shown, act_on_offer, offer, offers_to_agency};
pub use places::{PlaceList, RESOURCE as PLACE, act_on_place, line_of};
pub use store::{Behind, ReferralPage};

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::error::{Error, Result};
use crate::privacy::audit::{Act, Action, Errand, record};
use crate::privacy::vault::Vault;
use crate::store::{Tenant, Tx};
use crate::students::file::File;
use crate::students::{self, tenant};
use crate::types::{ReferralId, StudentId};
use acts::{apply, may_by_role, shortlist};
use case::{Case, NEED, Said};
use machine::referral::{ReferralAction, ReferralState, ReferralStatus};
use machine::{Actor, referral};

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
    /// What: an action, or `create`, `request`, `follow`, `join`, `rejoin`, `promote`, `release`, `leave`, `ask`, `lapse`;
    /// `contact`, a call that changed nothing and whose reason is what it found; `withheld` where an agency did something
    /// with one whom it serves, and no consent lets it tell the district.
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
    students::keep_there(tx, tenant, asked.student_id)?;
    let file = File::open(tx, desk.vault, tenant, asked.student_id)?;
    let faults = asked.faults(file.day(tx.now));
    if !faults.is_empty() {
        return Err(faults.into());
    }
    if file.student.left_at.is_some() {
        return Err(Error::Conflict("the student has left the district; nothing new is begun".to_owned()));
    }
    let need = Need {
        profile: asked.need.clone(),
        pins: asked.pins.clone(),
        reasons: BTreeMap::new(),
        measure: None,
    };
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
        due_at: None,
        look_at: None,
        sealed: Vec::new(),
    };
    let mut case = Case::begin(tx, tenant, file, referral, need)?;
    case.referral.plan.shortlist = shortlist(tx, desk, &mut case, &asked.shortlist, &[])?;
    case.seal_need()?;
    case.referral.plan.due = rules::due(&case.referral, &[], case.progress(), None, tx.now);
    case.referral.due_at = rules::first_due(&case.referral, &case.file.zone);
    store::insert(tx, tenant, &case.referral)?;
    case.record_creation(tx, desk, Said { text: asked.note.as_deref(), ..Said::default() })?;
    if asked.submit {
        apply(tx, desk, &mut case, &ReferralAct::Submit {})?;
    }
    told(tx, desk, Action::Create, &case.referral)?;
    Ok(Opened { referral: case.referral, need: case.need })
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

/// One page of referrals in the order of their ids, or of their last change where only those since then are asked for, whether there are more behind it, and how many there are (counted up
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
    let offers: Vec<Offer> =
        store::offers_of(tx.connection, tenant, id)?.iter().map(Offer::as_told).collect();
    let entries = store::entries_of(tx.connection, tenant, id)?;
    let is_engaged = offers.iter().any(|offer| offer.state.is_engaged());
    let places = lists::places(tx.connection, entries, is_engaged, tx.now)?;
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
            if !row.is_told {
                let store::EventRow { subject, subject_id, version, actor, .. } = row;
                let (by, at) = (row.principal_name, crate::store::from_sql(row.at));
                let (event, state) = ("withheld".to_owned(), "withheld".to_owned());
                return Ok(Happened {
                    subject,
                    subject_id,
                    version,
                    event,
                    state,
                    actor,
                    by,
                    reason: None,
                    note: None,
                    at,
                });
            }
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
    may_by_role(desk, asked.action())?;
    let mut case = Case::open(tx, desk, tenant, id)?;
    let faults = asked.faults(case.file.day(tx.now));
    if !faults.is_empty() {
        return Err(faults.into());
    }
    apply(tx, desk, &mut case, asked)?;
    told(tx, desk, Action::Change, &case.referral)?;
    Ok(Opened { referral: case.referral, need: case.need })
}

/// Hands over the open referrals of a student who goes to another school now: whoever answers for that school has them.
///
/// # Errors
/// If the database fails.
pub fn school_changed(tx: &mut Tx<'_>, desk: &Desk<'_>, student: StudentId) -> Result<()> {
    // Who does not see the student any more hands over all the same.
    let tenant = Tenant { district: tenant(desk.errand)?.district, schools: Vec::new() };
    for referral in store::open_of_student(tx.connection, &tenant, student)? {
        let mut case = Case::open(tx, desk, &tenant, referral.id)?;
        let school = case.file.student.facts.school_id;
        if case.referral.school != school {
            case.referral.school = school;
            // Its places on worklists are the school's too.
            case.referral.plan.worklists.clear();
            cascade::settle(tx, desk, &mut case, Some(("move", Actor::System)), Said::default())?;
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

fn act_on(action: Action, referral: &Referral) -> Act<'static> {
    Act::done(action, RESOURCE, Some(referral.id.into()), Some(referral.student))
}

fn told(tx: &mut Tx<'_>, desk: &Desk<'_>, action: Action, referral: &Referral) -> Result<()> {
    record(tx, desk.errand, &[act_on(action, referral)])
}
