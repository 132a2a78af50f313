//! `/v1/offerings`.

use actix_web::{delete, get, patch, post};

use super::resource::resource;
use crate::directory::{OfferingFacts, create_offering};
use crate::types::OfferingId;

resource! {
    /// Offering: the thing one refers to.
    Offering, OfferingFacts, OfferingId, OfferingPatch, OfferingPage,
    tag "offerings", one "offering", ids "offerings",
    path "/offerings", item "/offerings/{id}",
    filters ["service_id": uuid::Uuid, "location_id": uuid::Uuid, "capacity_pool_id": uuid::Uuid],
    show |_connection, facts| facts,
    create create_offering
}
