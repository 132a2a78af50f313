//! What time does: offers that nobody replied to end, and slots that are free go to whoever waits. Every node may look as
//! often as it likes: what is due is written in the database, and each of it is done by one transaction that finds it
//! still due.

pub(super) mod store;

use std::sync::Arc;

use uuid::Uuid;

use super::cascade;
use super::case::{Case, Said};
use super::machine::Actor;
use super::machine::offer::OfferAction;
use super::store as of_tenant;
use super::{Desk, Matcher};
use crate::access::{Principal, PrincipalId, Role, Tie};
use crate::availability::holds;
use crate::error::Result;
use crate::privacy::Purpose;
use crate::privacy::audit::Errand;
use crate::privacy::vault::Vault;
use crate::store::{Store, Tenancy, Tenant};
use crate::types::{CapacityPoolId, ClientId, OfferId};

/// The reason of an offer that nobody replied to.
pub(super) const NO_REPLY: &str = "no_reply_in_time";
/// Offers that one look ends at most.
const BATCH: i64 = 200;

/// Does everything that is due now; says how much that was.
///
/// # Errors
/// If the database fails. What was done stays done, and the rest is still due.
pub fn turn(store: &Store, vault: &Vault, finder: &dyn Matcher) -> Result<usize> {
    let mut done = 0;
    loop {
        let now = store.clock().now();
        let due = store.read_for_now(&Tenancy::Clock, |connection| store::overdue(connection, now, BATCH))?;
        let full = i64::try_from(due.len()).is_ok_and(|count| count == BATCH);
        for (offer, tenant) in due {
            done += usize::from(expire(store, vault, finder, &tenant, offer)?);
        }
        if !full {
            break;
        }
    }
    for pool in store.read_now(store::pools_waited_for)? {
        done += fill(store, vault, finder, pool)?;
    }
    Ok(done)
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
        let said = Said { reason: Some(NO_REPLY), text: None };
        case.act(tx, &desk, id, OfferAction::Expire, Actor::System, said)?;
        cascade::settle(tx, &desk, tenant, &mut case, None, Said::default())?;
        Ok(true)
    })
}

/// Offers the free slots of a pool to those who wait for it, in their order; says how many got one.
fn fill(store: &Store, vault: &Vault, finder: &dyn Matcher, pool: CapacityPoolId) -> Result<usize> {
    let mut filled = 0;
    loop {
        let one = store.write_for_now(&Tenancy::Clock, |tx| {
            holds::lock(tx, &[pool])?;
            if store::room(tx, pool)? == 0 {
                return Ok(false);
            }
            for entry in store::line(tx.connection, pool)? {
                let tenant = Tenant { district: entry.district, schools: Vec::new() };
                let errand = errand(&tenant);
                tx.on_behalf(&errand.tenancy)?;
                let desk = Desk { vault, errand: &errand, finder };
                let mut case = Case::open(tx, &desk, &tenant, entry.referral)?;
                if cascade::promote(tx, &desk, &tenant, &mut case, pool)? {
                    return Ok(true);
                }
            }
            Ok(false)
        })?;
        if !one {
            return Ok(filled);
        }
        filled += 1;
    }
}

/// On whose behalf the clock works: the district's, and in nobody's name.
fn errand(tenant: &Tenant) -> Errand {
    let principal = Principal {
        id: PrincipalId::Client(ClientId(Uuid::nil())),
        name: "Causeway".to_owned(),
        role: Role::Operator,
        tie: Tie::None,
        scopes: Vec::new(),
    };
    Errand {
        principal: Arc::new(principal),
        tenancy: Tenancy::District(tenant.clone()),
        purpose: Purpose::CoordinateCare,
        request: None,
    }
}
