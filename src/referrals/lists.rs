//! Places on lists: where one stands, and how long that may take.

use jiff::Timestamp;

use super::clock::store::line;
use super::model::{Entry, EntryState};
use crate::availability::{ExpectedWait, current_claims, evidence, expected_wait};
use crate::error::Result;
use crate::store::DbConnection;

/// A place on a list, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The place.
    pub entry: Entry,
    /// Where it stands while it is waited in.
    pub standing: Option<Standing>,
}

/// Where somebody stands who waits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// The nth among the referrals that wait here, from 1. Whom the agency has on its list besides is not among them.
    pub position: u32,
    /// How long that may take.
    pub wait: ExpectedWait,
}

/// Where these places stand at `now`.
///
/// # Errors
/// If the database fails.
pub(super) fn places(
    connection: &mut DbConnection,
    entries: Vec<Entry>,
    now: Timestamp,
) -> Result<Vec<Place>> {
    let place = |entry: Entry| {
        let standing = match entry.state {
            EntryState::Waiting => standing(connection, &entry, now)?,
            EntryState::Promoted | EntryState::Released | EntryState::Left => None,
        };
        Ok(Place { entry, standing })
    };
    entries.into_iter().map(place).collect()
}

fn standing(connection: &mut DbConnection, entry: &Entry, now: Timestamp) -> Result<Option<Standing>> {
    let line = line(connection, entry.pool)?;
    let Some(before) = line.iter().position(|waits| waits.id == entry.id) else { return Ok(None) };
    let (before, ours) = (count(before), count(line.len()));
    let mut claim = current_claims(connection, &[entry.pool])?.pop();
    if let Some(claim) = &mut claim {
        // Who is on the agency's list and not on ours is taken to go first: nobody has said where they stand.
        let others = claim.waiting.map_or(0, |waiting| waiting.saturating_sub(ours));
        claim.waiting = Some(before.saturating_add(others));
    }
    let known = evidence(connection, entry.pool, claim.as_ref(), now)?;
    let wait = expected_wait(claim.as_ref(), known, now);
    Ok(Some(Standing { position: before.saturating_add(1), wait }))
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
