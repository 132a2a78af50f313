//! What time does: offers that nobody replied to end, slots that are free go to whoever waits, and what hangs on the day
//! is looked at when a day begins. Every node may look as
//! often as it likes: what is due is written in the database, and each of it is done by one transaction that finds it
//! still due.

pub(super) mod store;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::cascade;
use super::case::{Case, Said};
use super::machine::Actor;
use super::machine::offer::OfferAction;
use super::store as of_tenant;
use super::{Desk, Entry, Matcher};
use crate::access::Principal;
use crate::availability::holds;
use crate::error::Result;
use crate::privacy::Purpose;
use crate::privacy::audit::Errand;
use crate::privacy::vault::Vault;
use crate::store::{DbConnection, Store, Tenancy, Tenant};
use crate::types::{CapacityPoolId, OfferId, ReferralId, WaitListEntryId};

/// How the system is called in what is recorded.
pub(super) const CAUSEWAY: &str = "Causeway";
/// A place that could not take a slot is tried again after this time, or when its referral changes.
const PASSED_FOR: SignedDuration = SignedDuration::from_mins(10);
/// The reason of an offer that nobody replied to.
pub(super) const NO_REPLY: &str = "no_reply_in_time";
/// Offers that one look ends at most.
const BATCH: i64 = 200;

/// Does everything that is due now; says how much that was. What fails keeps nothing else from being done.
///
/// # Errors
/// The first that something failed with. What was done stays done, and the rest is still due.
pub fn turn(store: &Store, vault: &Vault, finder: &dyn Matcher) -> Result<usize> {
    let (mut done, mut failed) = (0, None);
    let mut note = |outcome: Result<usize>| match outcome {
        Ok(count) => done += count,
        Err(error) => {
            tracing::error!(%error, "something that is due in referrals could not be done");
            failed.get_or_insert(error);
        }
    };
    loop {
        let now = store.clock().now();
        let due = store.read_for_now(&Tenancy::Clock, |connection| store::overdue(connection, now, BATCH))?;
        let outcomes: Vec<Result<bool>> =
            due.iter().map(|(offer, tenant)| expire(store, vault, finder, tenant, *offer)).collect();
        let goes_on = i64::try_from(due.len()).is_ok_and(|count| count == BATCH)
            && outcomes.iter().any(|outcome| matches!(outcome, Ok(true)));
        for outcome in outcomes {
            note(outcome.map(usize::from));
        }
        if !goes_on {
            break;
        }
    }
    for pool in store.read_now(store::pools_waited_for)? {
        note(fill(store, vault, finder, pool));
    }
    // When a day begins there may be very many; the rest is for the next turns, so that no reply waits for them.
    let now = store.clock().now();
    let to_look_at = |connection: &mut DbConnection| store::to_look_at(connection, now, BATCH);
    for (referral, tenant) in store.read_for_now(&Tenancy::Clock, to_look_at)? {
        note(look(store, vault, finder, &tenant, referral).map(usize::from));
    }
    failed.map_or(Ok(done), Err)
}

/// Ends an offer whose time is over, if it still waits; whether it did.
fn expire(store: &Store, vault: &Vault, finder: &dyn Matcher, tenant: &Tenant, id: OfferId) -> Result<bool> {
    let errand = errand(tenant);
    store.write_for_now(&errand.tenancy, |tx| {
        let desk = Desk { vault, errand: &errand, finder };
        let Some(offer) = of_tenant::offer_of_tenant(tx.connection, tenant, id)? else { return Ok(false) };
        let mut case = Case::open(tx, &desk, tenant, offer.referral)?;
        let is_due = |offer: &super::Offer| {
            offer.id == id && offer.state.is_open() && offer.due_at.is_some_and(|due| due <= tx.now)
        };
        if !case.offers.iter().any(is_due) {
            return Ok(false);
        }
        let said = Said { reason: Some(NO_REPLY), ..Said::default() };
        case.act(tx, &desk, id, OfferAction::Expire, Actor::System, said)?;
        cascade::settle(tx, &desk, &mut case, None, Said::default())?;
        Ok(true)
    })
}

/// Looks at a referral whose day has come, if nobody has done so meanwhile; whether that changed it.
fn look(store: &Store, vault: &Vault, finder: &dyn Matcher, tenant: &Tenant, id: ReferralId) -> Result<bool> {
    let errand = errand(tenant);
    store.write_for_now(&errand.tenancy, |tx| {
        let desk = Desk { vault, errand: &errand, finder };
        let mut case = Case::open(tx, &desk, tenant, id)?;
        if case.referral.look_at.is_none_or(|at| at > tx.now) {
            return Ok(false);
        }
        cascade::settle(tx, &desk, &mut case, None, Said::default())
    })
}

/// Offers the free slots of a pool to those who wait for it, in their order; says how many got one. Those who rest, or of
/// whom no consent allows it now, are passed by and keep their place.
fn fill(store: &Store, vault: &Vault, finder: &dyn Matcher, pool: CapacityPoolId) -> Result<usize> {
    let mut filled = 0;
    let mut passed: Vec<WaitListEntryId> = Vec::new();
    let mut failed = None;
    loop {
        let now = store.clock().now();
        // Most often there is nothing to do, and nobody is kept from writing by finding that out.
        let first =
            store.read_for_now(&Tenancy::Clock, |connection| first_of(connection, pool, &passed, now))?;
        let Some(entry) = first else { return failed.map_or(Ok(filled), Err) };
        match offer_to_first(store, vault, finder, &entry, &passed) {
            Ok(Turn::Offered) => filled += 1,
            Ok(Turn::PassedBy) => passed.push(entry.id),
            Ok(Turn::Moved) => {}
            // What is wrong with one keeps nobody else from a slot.
            Err(error) => {
                passed.push(entry.id);
                failed.get_or_insert(error);
            }
        }
    }
}

/// Who stands first in the line of a pool that has room, of those who could take a slot.
fn first_of(
    connection: &mut DbConnection,
    pool: CapacityPoolId,
    passed: &[WaitListEntryId],
    now: Timestamp,
) -> Result<Option<Entry>> {
    let Some(claim) = store::room(connection, pool, now)? else { return Ok(None) };
    let line = store::line(connection, pool)?;
    Ok(line.into_iter().find(|entry| !passed.contains(&entry.id) && entry.takes_slots(claim, now)))
}

/// What came of offering a slot.
enum Turn {
    /// The first has it.
    Offered,
    /// The first cannot take it now.
    PassedBy,
    /// Somebody else was faster: the first is another, or there is no room any more.
    Moved,
}

/// Offers a slot to a referral that stood first. It takes the referral and then the pool, as everybody does, and looks again
/// whether it is still so.
fn offer_to_first(
    store: &Store,
    vault: &Vault,
    finder: &dyn Matcher,
    entry: &Entry,
    passed: &[WaitListEntryId],
) -> Result<Turn> {
    let tenant = Tenant { district: entry.district, schools: Vec::new() };
    let errand = errand(&tenant);
    store.write_for_now(&errand.tenancy, |tx| {
        let desk = Desk { vault, errand: &errand, finder };
        let mut case = Case::open(tx, &desk, &tenant, entry.referral)?;
        holds::lock(tx, &[entry.pool])?;
        tx.on_behalf(&Tenancy::Clock)?;
        let first = first_of(tx.connection, entry.pool, passed, tx.now)?;
        tx.on_behalf(&errand.tenancy)?;
        if first.is_none_or(|first| first.id != entry.id) {
            return Ok(Turn::Moved);
        }
        if cascade::promote(tx, &desk, &mut case, entry.pool)? {
            return Ok(Turn::Offered);
        }
        of_tenant::pass_by(tx, &tenant, entry.id, tx.now + PASSED_FOR)?;
        Ok(Turn::PassedBy)
    })
}

/// On whose behalf the clock works: the district's, and in nobody's name.
fn errand(tenant: &Tenant) -> Errand {
    Errand {
        principal: Arc::new(Principal::of_deployment(CAUSEWAY)),
        tenancy: Tenancy::District(tenant.clone()),
        purpose: Purpose::CoordinateCare,
        request: None,
    }
}
