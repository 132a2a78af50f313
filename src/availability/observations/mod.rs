//! What was seen of a pool, apart from what is said of it: whether calls are answered, offers accepted, claims
//! kept. Contact attempts feed it, and whoever followed a referral.

mod rules;
mod store;

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::track::TrackRecord;
use crate::access::{Principal, Role};
use crate::directory::{CapacityPoolFacts, find};
use crate::error::{Error, Result};
use crate::store::{Change, DbConnection, Noun, Tx};
use crate::types::{CapacityPoolId, UnknownCode, codes};
pub(crate) use store::track_records;

/// Observations count this long.
pub const LOOKED_BACK: SignedDuration = SignedDuration::from_hours(365 * 24);

codes! {
    /// What was observed.
    ObservationKind, "kind of observation" {
        /// A call: whether it was answered.
        Call = "call",
        /// An offer: whether it was accepted, and after how many hours the first reply came, if one did.
        Offer = "offer",
        /// How many days after acceptance the first appointment was.
        FirstAppointment = "first_appointment",
        /// An appointment that was due: whether it was kept.
        Appointment = "appointment",
        /// A claim of room that somebody came for: whether it held.
        Claim = "claim",
    }
}

/// One observation of a pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Observation {
    /// Of which pool.
    pub capacity_pool_id: CapacityPoolId,
    /// What was observed.
    pub kind: ObservationKind,
    /// Whether it went well: the call was answered, the offer accepted, the appointment kept, the claim honoured.
    /// Required of all but `first_appointment`, which has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = true)]
    pub held: Option<bool>,
    /// Hours from an offer to the first reply; left out where none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0, example = 5.5)]
    pub hours_to_reply: Option<f64>,
    /// Days from acceptance to the first appointment: required of `first_appointment`, and of no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0)]
    pub days_to_first_appointment: Option<f64>,
    /// When it was seen; now, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub observed_at: Option<Timestamp>,
}

impl Observation {
    /// A call to a pool.
    pub fn call(pool: CapacityPoolId, answered: bool, at: Timestamp) -> Self {
        Self {
            capacity_pool_id: pool,
            kind: ObservationKind::Call,
            held: Some(answered),
            hours_to_reply: None,
            days_to_first_appointment: None,
            observed_at: Some(at),
        }
    }
}

/// Lets a caller say what they saw of a pool: those who look for services, never the agency of itself.
///
/// # Errors
/// [`Error::Forbidden`].
pub(super) fn admit_observer(principal: &Principal) -> Result<()> {
    match principal.role {
        Role::Operator | Role::DistrictLead | Role::Coordinator | Role::SisClient => Ok(()),
        Role::AgencyStaff | Role::StateAnalyst | Role::AuditReader => Err(Error::Forbidden(format!(
            "{} may not: what is observed of an agency comes from those who call it; what an agency can take it \
             says as its availability",
            principal.role
        ))),
    }
}

/// Records what a caller saw.
///
/// # Errors
/// [`Error::Invalid`]; [`Error::NotFound`] if there is no such pool; [`Error::Forbidden`] of an agency.
pub fn observe(tx: &mut Tx<'_>, principal: &Principal, observation: &Observation) -> Result<()> {
    admit_observer(principal)?;
    let problems = rules::problems(observation, tx.now);
    if !problems.is_empty() {
        return Err(problems.into());
    }
    record(tx, observation, &principal.name)
}

/// Adds to what is known of a pool. Referrals hand on what they see by themselves.
pub(crate) fn record(tx: &mut Tx<'_>, observation: &Observation, by: &str) -> Result<()> {
    let pool = find::<CapacityPoolFacts>(tx.connection, observation.capacity_pool_id)?;
    store::insert(tx.connection, observation, by, tx.now)?;
    tx.changed(Change { noun: Noun::CapacityPool, subject: pool.id.into(), version: pool.version })
}

/// What was observed of a pool in the year before `now`.
///
/// # Errors
/// [`Error::NotFound`] if there is no such pool.
pub fn track_record(
    connection: &mut DbConnection,
    pool: CapacityPoolId,
    now: Timestamp,
) -> Result<TrackRecord> {
    find::<CapacityPoolFacts>(connection, pool)?;
    Ok(track_records(connection, &[pool], now)?.remove(&pool).unwrap_or_default())
}
