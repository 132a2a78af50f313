//! What people do with places on lists: the district says that it still waits, or gives a place up; the district and the
//! organization that has the list may let slots go to those behind for a time.

use jiff::{Timestamp, ToSpan};

use super::Desk;
use super::asks::PlaceAct;
use super::cascade;
use super::case::{Case, Said};
use super::clock::store::{entry, line};
use super::lists::{self, Place};
use super::machine::Actor;
use super::machine::place::PlaceAction;
use super::model::Entry;
use super::store as of_tenant;
use super::worklists::end_of;
use crate::directory::{CapacityPoolFacts, find};
use crate::error::{Error, Result};
use crate::privacy::audit::{Act, Action, Errand, record};
use crate::store::{Tenancy, Tenant, Tx};
use crate::types::{CapacityPoolId, OrganizationId, WaitListEntryId};

/// What the audit calls a place on a list.
pub const RESOURCE: &str = "wait_list_entry";
/// For so long slots go to those behind, where nobody says how long.
const SKIP_DAYS: i64 = 7;

/// Who waits for a pool.
pub struct PlaceList {
    /// In the order in which slots are offered.
    pub places: Vec<Place>,
    /// Whether there are more behind them.
    pub more: bool,
    /// How many there are.
    pub count: usize,
}

/// Who waits for a pool of the caller's organization, behind a place; at most so many. Of whom they are is not told.
///
/// # Errors
/// [`Error::NotFound`] if it is no pool of the caller's organization.
pub fn line_of(
    tx: &mut Tx<'_>,
    desk: &Desk<'_>,
    pool: CapacityPoolId,
    after: Option<WaitListEntryId>,
    limit: usize,
) -> Result<PlaceList> {
    let Tenancy::Agency(organization) = &desk.errand.tenancy else {
        let message = "the list of a pool is for the organization that has it; GET /v1/referrals/{id}/offers has the \
                       places of a referral";
        return Err(Error::Forbidden(message.to_owned()));
    };
    let not_there = || Error::NotFound { what: "capacity pool", id: pool.to_string() };
    if !has_pool(tx, *organization, pool)? {
        return Err(not_there());
    }
    let line = line(tx.connection, pool)?;
    let count = line.len();
    let begin = match after {
        None => 0,
        // Who stood there may have left meanwhile: who came later has a later id, if not always a later place.
        Some(after) => line.iter().position(|entry| entry.id == after).map_or(0, |position| position + 1),
    };
    let part: Vec<Entry> = line.into_iter().skip(begin).take(limit).collect();
    let more = begin + part.len() < count;
    let mut acts: Vec<Act<'_>> = part.iter().map(|entry| act_on(Action::Read, entry)).collect();
    if acts.is_empty() {
        acts.push(Act::done(Action::Read, RESOURCE, None, None));
    }
    record(tx, desk.errand, &acts)?;
    Ok(PlaceList { places: lists::places(tx.connection, part, false, tx.now)?, more, count })
}

/// Does something with a place on a list.
///
/// # Errors
/// [`Error::NotFound`] if it is not one of the caller's; [`Error::Invalid`]; [`Error::Conflict`] if it may not be done
/// now, and what may.
pub fn act_on_place(
    tx: &mut Tx<'_>,
    desk: &Desk<'_>,
    id: WaitListEntryId,
    asked: &PlaceAct,
) -> Result<Place> {
    let (found, side) = admitted(tx, desk, id)?;
    record(tx, desk.errand, &[act_on(Action::Change, &found)])?;
    // What an organization does is written on behalf of the district that waits: nothing else of it is touched.
    let tenant = Tenant { district: found.district, schools: Vec::new() };
    tx.on_behalf(&Tenancy::District(tenant.clone()))?;
    let errand = Errand { tenancy: Tenancy::District(tenant.clone()), ..desk.errand.clone() };
    let desk = Desk { vault: desk.vault, errand: &errand, finder: desk.finder };
    let mut case = Case::open(tx, &desk, &tenant, found.referral)?;
    let faults = asked.faults(case.file.day(tx.now));
    if !faults.is_empty() {
        return Err(faults.into());
    }
    let not_there = || Error::NotFound { what: "place on a list", id: id.to_string() };
    let position = case.entries.iter().position(|entry| entry.id == id).ok_or_else(not_there)?;
    if case.engaged().is_some() && asked.action() == PlaceAction::Confirm {
        let message = "an organization has accepted the referral: it waits nowhere else; if that one hands back, its \
                       places come back";
        return Err(Error::Conflict(message.to_owned()));
    }
    case.move_place(tx, &desk, position, asked.action(), side, said(asked, &case, tx.now))?;
    cascade::settle(tx, &desk, &mut case, None, Said::default())?;
    let entry = case.entries[position].clone();
    lists::places(tx.connection, vec![entry], case.engaged().is_some(), tx.now)?.pop().ok_or_else(not_there)
}

fn said<'a>(asked: &'a PlaceAct, case: &Case, now: Timestamp) -> Said<'a> {
    match asked {
        PlaceAct::Confirm {} => Said::default(),
        PlaceAct::Skip { reason, until, note } => {
            let today = case.file.day(now);
            let last = until.unwrap_or_else(|| today.saturating_add(SKIP_DAYS.days()));
            Said {
                reason: Some(reason.as_str()),
                text: note.as_deref(),
                until: end_of(last, &case.file.zone),
                ..Said::default()
            }
        }
        PlaceAct::Leave { reason } => Said { text: Some(reason), ..Said::default() },
    }
}

/// A place that the caller has part in, and on whose side they act.
fn admitted(tx: &mut Tx<'_>, desk: &Desk<'_>, id: WaitListEntryId) -> Result<(Entry, Actor)> {
    let not_there = || Error::NotFound { what: "place on a list", id: id.to_string() };
    let found = entry(tx.connection, id)?.ok_or_else(not_there)?;
    match &desk.errand.tenancy {
        Tenancy::District(tenant) => {
            // Some see the students of some schools only.
            of_tenant::find(tx.connection, tenant, found.referral).map_err(|_| not_there())?;
            Ok((found, Actor::Requester))
        }
        Tenancy::Agency(organization) => {
            if !has_pool(tx, *organization, found.pool)? {
                return Err(not_there());
            }
            Ok((found, Actor::Recipient))
        }
        Tenancy::Clock | Tenancy::Analyst | Tenancy::Keeper => {
            Err(Error::Forbidden(format!("{} has no part in any referral", desk.errand.principal.role)))
        }
    }
}

fn has_pool(tx: &mut Tx<'_>, organization: OrganizationId, pool: CapacityPoolId) -> Result<bool> {
    match find::<CapacityPoolFacts>(tx.connection, pool) {
        Ok(pool) => Ok(pool.facts.organization_id == organization),
        Err(Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

fn act_on(action: Action, entry: &Entry) -> Act<'static> {
    Act::done(action, RESOURCE, Some(entry.id.into()), None)
}
