//! `/v1/…/availability`: what is known of the capacity of pools, said one by one or in bulk, past and present.

mod bulk;
mod claims;
mod events;
mod history;
mod stale;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

use super::expected_wait::ExpectedWait;
use crate::availability::{Claim, ClaimMethod, Evidence, expected_wait};
use crate::directory::{CapacityPoolFacts, Facts, OfferingFacts, find};
use crate::error::{Error, Result};
use crate::store::DbConnection;
use crate::types::{AvailabilityStatus, CapacityPoolId};

/// What is known of a pool's capacity now. Silence is `unknown`, and so is what was said and has lapsed.
#[derive(Serialize, utoipa::ToSchema)]
pub(in crate::http) struct Availability {
    /// Whose capacity.
    capacity_pool_id: Option<CapacityPoolId>,
    /// What holds now.
    pub status: AvailabilityStatus,
    /// Openings that were promised to nobody when it was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 2)]
    open_slots: Option<u32>,
    /// Of them, those that Causeway has promised to nobody since. Searches, ranking and `expected_wait` go by it: at 0
    /// one can only wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 1)]
    effective_open_slots: Option<u32>,
    /// How many wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    waiting: Option<u32>,
    /// How many started in the 28 days before it was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    starts_last_28_days: Option<u32>,
    /// The first date on which someone new could start.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_available_date: Option<Date>,
    /// Remarks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    notes: Option<String>,
    /// When it was said, also where it has lapsed since.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    as_of: Option<Timestamp>,
    /// From when on it no longer holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    valid_until: Option<Timestamp>,
    /// Who found out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    method: Option<ClaimMethod>,
    /// How long one waits for a first appointment, as far as what was said and observed bears a figure.
    expected_wait: ExpectedWait,
}

impl Availability {
    /// What `claim`, the newest of the pool, says at `now`, and what follows with what else is known of it.
    pub(in crate::http) fn of(
        pool: Option<CapacityPoolId>,
        claim: Option<&Claim>,
        evidence: Evidence,
        now: Timestamp,
    ) -> Self {
        let live = claim.filter(|claim| claim.is_live(now));
        Self {
            capacity_pool_id: pool,
            status: live.map_or(AvailabilityStatus::Unknown, |claim| claim.status),
            open_slots: live.and_then(|claim| claim.open_slots),
            effective_open_slots: live.and_then(|claim| claim.effective_open(evidence.promised)),
            waiting: live.and_then(|claim| claim.waiting),
            starts_last_28_days: live.and_then(|claim| claim.starts_last_28_days),
            next_available_date: live.and_then(|claim| claim.next_available_date),
            notes: live.and_then(|claim| claim.notes.clone()),
            as_of: claim.map(|claim| claim.reported_at),
            valid_until: claim.map(|claim| claim.valid_until),
            method: claim.map(|claim| claim.method),
            expected_wait: expected_wait(claim, evidence, now).into(),
        }
    }
}

/// The pool that the path names: directly, or by one of its offerings.
type FindPool = fn(&mut DbConnection, &str) -> Result<CapacityPoolId>;

/// Whether there is such a pool, the operation looks for itself.
fn by_pool(_: &mut DbConnection, id: &str) -> Result<CapacityPoolId> {
    id.parse().map_err(|_| Error::NotFound { what: CapacityPoolFacts::NOUN.as_str(), id: id.to_owned() })
}

fn by_offering(connection: &mut DbConnection, id: &str) -> Result<CapacityPoolId> {
    let missing = || Error::NotFound { what: OfferingFacts::NOUN.as_str(), id: id.to_owned() };
    let offering = find::<OfferingFacts>(connection, id.parse().map_err(|_| missing())?)?;
    offering.facts.capacity_pool_id.ok_or_else(missing)
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    bulk::configure(services);
    claims::configure(services);
    events::configure(services);
    history::configure(services);
    stale::configure(services);
}
