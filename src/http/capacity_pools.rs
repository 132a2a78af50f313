//! `/v1/capacity-pools`.

use actix_web::{delete, get, patch, post};

use super::resource::resource;
use crate::directory::CapacityPoolFacts;
use crate::types::CapacityPoolId;

resource! {
    /// Capacity pool.
    CapacityPool, CapacityPoolFacts, CapacityPoolId, CapacityPoolPatch, CapacityPoolPage,
    tag "capacity-pools", one "capacity pool", ids "capacity_pools",
    path "/capacity-pools", item "/capacity-pools/{id}",
    filters ["organization_id": uuid::Uuid],
    show |_connection, facts| facts
}
