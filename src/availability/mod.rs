//! Availability: capacity as a dated claim on a pool, never a property of a listing.
//!
//! Silence is never capacity: without a live claim the status is unknown. Expiry needs no job and no write,
//! it is computed wherever a claim is read.

mod bulk;
mod contacts;
mod evidence;
mod history;
pub mod holds;
pub mod links;
mod model;
mod observations;
mod rules;
mod stale;
mod store;
mod track;
mod wait;
mod watch;

pub use bulk::{Landed, Subject, report_all};
pub use contacts::{
    ContactAttempt, ContactOutcome, ContactPage, ContactReport, Contacted, Said, attempts, contact,
};
pub(crate) use evidence::all_evidence;
pub use evidence::{Evidence, evidence};
pub use history::{HistoryPage, KeptClaim, history};
pub use model::{Claim, ClaimMethod, ClaimReport};
pub(crate) use observations::record as record_observation;
pub use observations::{LOOKED_BACK, Observation, ObservationKind, observe, track_record};
pub use rules::{CALL_LIFE, DEFAULT_LIFE, LONGEST_LIFE};
pub use stale::{SilentSince, StalePage, StalePool, stale};
pub(crate) use store::current as current_claims;
pub use track::{HALF_PROMPT_HOURS, Observed, PRIOR_MEAN, PRIOR_WEIGHT, Tally, Times, TrackRecord};
pub use wait::{
    Arrivals, Estimate, Estimates, ExpectedWait, Line, Quantiles, WINDOW_DAYS, WaitBasis, expected_wait,
};
pub(crate) use wait::{Outlook, day_number, days_from};
pub use watch::{Known, Watched, known_of};

use jiff::Timestamp;

use crate::access::Principal;
use crate::directory::{CapacityPoolFacts, Method, Record, Voice, admit, find};
use crate::error::{Error, FieldError, Result};
use crate::store::{Change, DbConnection, Noun, Tx};
use crate::types::{CapacityPoolId, ClaimId};

/// The newest claim of a pool, lapsed or not.
///
/// # Errors
/// [`Error::NotFound`] if there is no such pool.
pub fn current(connection: &mut DbConnection, pool: CapacityPoolId) -> Result<Option<Claim>> {
    find::<CapacityPoolFacts>(connection, pool)?;
    Ok(store::current(connection, &[pool])?.pop())
}

/// Records what `voice` reports of a pool, and gives the pool's newest claim: this one, unless a later
/// report is already there. Either way the report is kept.
///
/// # Errors
/// [`Error::NotFound`] if there is no such pool; [`Error::Invalid`] if the report contradicts itself or the clock;
/// [`Error::Conflict`] if the pool is retired.
pub fn report(tx: &mut Tx<'_>, pool: CapacityPoolId, report: &ClaimReport, voice: &Voice) -> Result<Claim> {
    let record = find::<CapacityPoolFacts>(tx.connection, pool)?;
    Ok(claimed(tx, &record, report, voice)?.1)
}

/// [`report`] by a caller who must be admitted to the pool.
///
/// # Errors
/// As [`report`], and [`Error::Forbidden`] or [`Error::NotFound`] if the pool is not theirs to speak of.
pub fn report_by(
    tx: &mut Tx<'_>,
    principal: &Principal,
    pool: CapacityPoolId,
    report: &ClaimReport,
) -> Result<Claim> {
    let record = find::<CapacityPoolFacts>(tx.connection, pool)?;
    admit(tx.connection, principal, &record)?;
    Ok(claimed(tx, &record, report, &Voice::of(principal))?.1)
}

/// What [`report`] does, which also gives the id of the claim that it keeps.
fn claimed(
    tx: &mut Tx<'_>,
    record: &Record<CapacityPoolFacts>,
    report: &ClaimReport,
    voice: &Voice,
) -> Result<(ClaimId, Claim)> {
    let pool = record.id;
    let claim = claim(record, report, voice, tx.now)?;
    store::insert(tx.connection, std::slice::from_ref(&claim), tx.now)?;
    // Also where it only goes into the history, which tells whether the list grows.
    let changed = Change { noun: Noun::CapacityPool, subject: pool.into(), version: record.version };
    let before = store::current(tx.connection, &[pool])?.pop();
    if let Some(newest) = before.as_ref().filter(|newest| newest.reported_at > claim.reported_at) {
        let newest = newest.clone();
        tx.changed(changed)?;
        return Ok((claim.id, newest));
    }
    store::make_current(tx.connection, &claim, before.map(|before| before.id))?;
    tx.changed(changed)?;
    Ok((claim.id, claim))
}

/// What `voice` reports of this pool at `now`, as a claim.
fn claim(
    pool: &Record<CapacityPoolFacts>,
    report: &ClaimReport,
    voice: &Voice,
    now: Timestamp,
) -> Result<Claim> {
    if pool.retired_at.is_some() {
        return Err(Error::Conflict(format!("the capacity pool {} is retired", pool.id)));
    }
    let problems = rules::problems(report, now);
    if !problems.is_empty() {
        return Err(problems.into());
    }
    // A clock that runs ahead must not stand before what is said after it.
    let reported_at = report.reported_at.unwrap_or(now).min(now);
    let method = match (report.method, voice.method) {
        (Some(ClaimMethod::CoordinatorCall), _) | (None, Method::CoordinatorCall | Method::Import) => {
            ClaimMethod::CoordinatorCall
        }
        (None | Some(ClaimMethod::Agency), Method::Agency) => ClaimMethod::Agency,
        (Some(ClaimMethod::Agency), Method::CoordinatorCall | Method::Import) => {
            let message = "only the agency speaks for itself; leave method out to report a call";
            return Err(FieldError::body("/method", message).into());
        }
    };
    if method == ClaimMethod::CoordinatorCall && report.notes.is_some() {
        let message = "would be read by everybody; remarks on a call go with a contact attempt, which keeps them in \
                       the district";
        return Err(FieldError::body("/notes", message).into());
    }
    let life = match method {
        ClaimMethod::Agency => DEFAULT_LIFE,
        ClaimMethod::CoordinatorCall => CALL_LIFE,
    };
    Ok(Claim {
        id: ClaimId::new(),
        capacity_pool_id: pool.id,
        status: report.status,
        open_slots: report.open_slots,
        waiting: report.waiting,
        starts_last_28_days: report.starts_last_28_days,
        next_available_date: report.next_available_date,
        notes: report.notes.clone(),
        reported_at,
        reported_by: voice.by.clone(),
        method,
        valid_until: report.valid_until.unwrap_or(reported_at + life),
    })
}
