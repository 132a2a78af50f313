//! Holds: openings of a pool that Causeway has promised. Each belongs to one holder, and counts against the claim that
//! was the newest when it was placed, until it is released: a newer claim starts anew, since what it calls open is
//! promised to nobody yet.
//!
//! Who places a hold first takes the pool's row, which whoever makes a claim the newest takes too: among holds and
//! claims of one pool there is an order, however many processes write.

mod rules;
mod store;

use std::collections::HashMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::model::Claim;
use super::store::current;
use crate::directory::{CapacityPoolFacts, Facts};
use crate::error::{Error, Result};
use crate::store::{Change, DbConnection, Noun, Tx};
use crate::types::{CapacityPoolId, ClaimId};

/// What became of a hold that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// The holder has an opening.
    Held,
    /// The pool counts no openings: nobody has said how many, or it has lapsed. There is nothing to hold.
    Uncounted,
    /// Every opening is promised. The holder has none.
    Full,
}

/// Takes these pools, each of which then has nobody else's holds or claims until the transaction ends. Who takes
/// several takes them at once here, so that two do not wait for each other for ever.
///
/// # Errors
/// If the database fails.
pub fn lock(tx: &mut Tx<'_>, pools: &[CapacityPoolId]) -> Result<()> {
    store::lock(tx.connection, pools).map(|_| ())
}

/// Promises an opening of the pool to `holder`. One that holds there already keeps what it has; one that holds
/// elsewhere lets that go first.
///
/// # Errors
/// [`Error::NotFound`] if there is no such pool.
pub fn place(tx: &mut Tx<'_>, pool: CapacityPoolId, holder: Uuid) -> Result<Placed> {
    let versions = store::lock(tx.connection, &[pool])?;
    let missing = || Error::NotFound { what: CapacityPoolFacts::NOUN.as_str(), id: pool.to_string() };
    let version = versions.get(&pool).copied().ok_or_else(missing)?;
    match store::held_by(tx.connection, holder)? {
        Some(held) if held == pool => return Ok(Placed::Held),
        Some(_) => {
            release(tx, holder)?;
        }
        None => {}
    }
    let Some(newest) = current(tx.connection, &[pool])?.pop() else { return Ok(Placed::Uncounted) };
    let promised = promised(tx.connection, [&newest])?.get(&newest.id).copied().unwrap_or(0);
    let placed = rules::placed(&newest, promised, tx.now);
    if placed == Placed::Held {
        store::insert(tx.connection, holder, &newest, tx.now)?;
        tx.changed(Change { noun: Noun::CapacityPool, subject: pool.into(), version })?;
    }
    Ok(placed)
}

/// Lets go of what `holder` holds, if anything, and gives its pool.
///
/// # Errors
/// If the database fails.
pub fn release(tx: &mut Tx<'_>, holder: Uuid) -> Result<Option<CapacityPoolId>> {
    let Some(pool) = store::release(tx.connection, holder, tx.now)? else { return Ok(None) };
    let version = store::version(tx.connection, pool)?;
    tx.changed(Change { noun: Noun::CapacityPool, subject: pool.into(), version })?;
    Ok(Some(pool))
}

/// How many openings are left at `now` in each of these pools that counts them.
///
/// # Errors
/// If the database fails.
pub fn effective_open(
    connection: &mut DbConnection,
    pools: &[CapacityPoolId],
    now: Timestamp,
) -> Result<HashMap<CapacityPoolId, u32>> {
    let mut claims = current(connection, pools)?;
    claims.retain(|claim| claim.counts(now));
    let promised = promised(connection, &claims)?;
    let left = |claim: &Claim| {
        let left = claim.effective_open(promised.get(&claim.id).copied().unwrap_or(0))?;
        Some((claim.capacity_pool_id, left))
    };
    Ok(claims.iter().filter_map(left).collect())
}

/// How many openings of each of these claims are promised; none of one of which none is.
pub(super) fn promised<'a>(
    connection: &mut DbConnection,
    claims: impl IntoIterator<Item = &'a Claim>,
) -> Result<HashMap<ClaimId, u32>> {
    let counting = claims.into_iter().filter(|claim| claim.effective_open(0).is_some());
    let counting: Vec<ClaimId> = counting.map(|claim| claim.id).collect();
    store::promised(connection, &counting)
}
