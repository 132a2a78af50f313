//! `/v1/capacity-pools`.

use actix_web::{delete, get, patch, post};

use super::noun::resource;
use crate::directory::CapacityPoolFacts;
use crate::types::CapacityPoolId;

resource! {
    /// Capacity pool.
    CapacityPool, CapacityPoolFacts, CapacityPoolId, CapacityPoolPatch, CapacityPoolPage,
    tag "capacity-pools", one "capacity pool", ids "capacity_pools",
    path "/capacity-pools", item "/capacity-pools/{id}",
    said "/capacity-pools/{id}/assertions",
    filters ["organization_id": uuid::Uuid],
    example {"organization_id": "3bec5f2f-18a2-5706-bca2-bee931700d59", "name": "Grief team", "kind": "team"},
    change {"kind": "program"},
    show |_connection, facts| facts
}
