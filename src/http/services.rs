//! `/v1/services`.

use actix_web::{delete, get, patch, post};

use super::resource::resource;
use crate::directory::ServiceFacts;
use crate::types::ServiceId;

resource! {
    /// Service.
    Service, ServiceFacts, ServiceId, ServicePatch, ServicePage,
    tag "services", one "service", ids "services",
    path "/services", item "/services/{id}",
    filters ["organization_id": uuid::Uuid],
    show |_connection, facts| facts
}
