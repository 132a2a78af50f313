//! `/v1/services`.

use actix_web::{delete, get, patch, post};

use super::noun::resource;
use crate::directory::ServiceFacts;
use crate::types::ServiceId;

resource! {
    /// Service.
    Service, ServiceFacts, ServiceId, ServicePatch, ServicePage,
    tag "services", one "service", ids "services",
    path "/services", item "/services/{id}",
    said "/services/{id}/assertions",
    filters ["organization_id": uuid::Uuid],
    example {"organization_id": "3bec5f2f-18a2-5706-bca2-bee931700d59", "name": "Grief group", "status": "active", "audience": ["students"]},
    change {"status": "temporarily closed"},
    show |_connection, facts| facts
}
