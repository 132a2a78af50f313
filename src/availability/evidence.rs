//! What is known of a pool beside its claim, and bears on how long one waits there.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use statrs::function::beta::beta_reg;

use super::model::Claim;
use super::track::TrackRecord;
use super::wait::{Arrivals, WINDOW_DAYS};
use super::{holds, observations, store};
use crate::error::Result;
use crate::store::DbConnection;
use crate::types::CapacityPoolId;

/// What is known of a pool beside its claim.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Evidence {
    /// What was observed of it.
    pub track: Option<TrackRecord>,
    /// Who joined its list in the 28 days before the claim.
    pub arrivals: Option<Arrivals>,
    /// How many openings of the claim have been promised since, and not released.
    pub promised: u32,
}

/// What is known at `now` of one pool beside `claim`, its newest.
///
/// # Errors
/// If the database fails.
pub fn evidence(
    connection: &mut DbConnection,
    pool: CapacityPoolId,
    claim: Option<&Claim>,
    now: Timestamp,
) -> Result<Evidence> {
    Ok(all_evidence(connection, &[pool], claim, now)?.remove(&pool).unwrap_or_default())
}

/// What is known at `now` of each of these pools beside their newest claims; none of one of which nothing is.
pub(crate) fn all_evidence<'a>(
    connection: &mut DbConnection,
    pools: &[CapacityPoolId],
    claims: impl IntoIterator<Item = &'a Claim>,
    now: Timestamp,
) -> Result<HashMap<CapacityPoolId, Evidence>> {
    let tracks = observations::track_records(connection, pools, now)?.into_iter();
    let mut known: HashMap<CapacityPoolId, Evidence> =
        tracks.map(|(pool, track)| (pool, Evidence { track: Some(track), ..Evidence::default() })).collect();
    let claims: Vec<&Claim> = claims.into_iter().collect();
    let promised = holds::promised(connection, claims.iter().copied())?;
    for claim in &claims {
        if let Some(promised) = promised.get(&claim.id) {
            known.entry(claim.capacity_pool_id).or_default().promised = *promised;
        }
    }
    let lists: Vec<&Claim> = claims.into_iter().filter(|claim| claim.waiting.is_some()).collect();
    let earlier = store::lists_before(connection, &lists, LATEST_BEFORE, EARLIEST_BEFORE)?;
    for claim in lists {
        let before = earlier.get(&claim.capacity_pool_id).into_iter().flatten();
        let apart = |at: &Timestamp| (claim.reported_at.duration_since(*at) - APART).abs();
        let nearest = before.min_by_key(|(at, _)| apart(at));
        if let Some(arrivals) = nearest.and_then(|(at, waiting)| grown(claim, *at, *waiting)) {
            known.entry(claim.capacity_pool_id).or_default().arrivals = Some(arrivals);
        }
    }
    Ok(known)
}

/// Two claims are compared that lie about so far apart, and from [`LATEST_BEFORE`] to [`EARLIEST_BEFORE`].
const APART: SignedDuration = SignedDuration::from_hours(28 * 24);
const LATEST_BEFORE: SignedDuration = SignedDuration::from_hours(21 * 24);
const EARLIEST_BEFORE: SignedDuration = SignedDuration::from_hours(35 * 24);

/// Who joined, less who left without a start, if the list got longer by more than chance explains: if it is nine in
/// ten that arrivals outrun starts. Else none: a list that keeps its length has by definition as many joining as
/// starting or leaving, and its wait can be told all the same.
fn grown(claim: &Claim, before_at: Timestamp, before: u32) -> Option<Arrivals> {
    const BEYOND_CHANCE: f64 = 0.9;
    let starts = f64::from(claim.starts_last_28_days?);
    let growth = f64::from(claim.waiting?.checked_sub(before)?);
    let days = claim.reported_at.duration_since(before_at).as_secs_f64() / 86_400.0;
    let joined = starts + growth * WINDOW_DAYS / days;
    (beta_reg(starts + 0.5, joined + 0.5, 0.5) >= BEYOND_CHANCE).then_some(())?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "starts and twice what may wait at most"
    )]
    let joined = joined.ceil() as u32;
    Some(Arrivals { joined, overtaking: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::availability::ClaimMethod;
    use crate::types::{AvailabilityStatus, ClaimId};

    fn joined(before: u32, days: i64, waiting: u32, starts: Option<u32>) -> Option<u32> {
        let at: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let claim = Claim {
            id: ClaimId::new(),
            capacity_pool_id: CapacityPoolId::new(),
            status: AvailabilityStatus::Waitlist,
            open_slots: None,
            waiting: Some(waiting),
            starts_last_28_days: starts,
            next_available_date: None,
            notes: None,
            reported_at: at,
            reported_by: "intake".to_owned(),
            method: ClaimMethod::Agency,
            valid_until: at,
        };
        grown(&claim, at - SignedDuration::from_hours(24 * days), before).map(|arrivals| arrivals.joined)
    }

    #[test]
    fn a_list_that_got_much_longer_tells_how_many_joined() {
        assert_eq!(joined(10, 28, 20, Some(8)), Some(18));
        assert_eq!(joined(10, 35, 20, Some(8)), Some(16), "in 28 of the 35 days");
        assert_eq!(joined(0, 28, 3, Some(0)), Some(3));
    }

    #[test]
    fn a_list_that_got_no_longer_than_by_chance_tells_nothing() {
        for (before, waiting, starts) in
            [(10, 10, Some(8)), (10, 4, Some(8)), (10, 13, Some(8)), (10, 60, None)]
        {
            assert_eq!(joined(before, 28, waiting, starts), None, "{before} {waiting}");
        }
        assert_eq!(joined(10, 28, 14, Some(1)), Some(5));
    }
}
