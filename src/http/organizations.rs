//! `/v1/organizations`.

use actix_web::{delete, get, patch, post};

use super::resource::resource;
use crate::directory::OrganizationFacts;
use crate::types::OrganizationId;

resource! {
    /// Organization.
    Organization, OrganizationFacts, OrganizationId, OrganizationPatch, OrganizationPage,
    tag "organizations", one "organization", ids "organizations",
    path "/organizations", item "/organizations/{id}",
    filters [],
    show |_connection, facts| facts
}
