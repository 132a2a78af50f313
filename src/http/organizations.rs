//! `/v1/organizations`.

use actix_web::{delete, get, patch, post};

use super::noun::resource;
use crate::directory::OrganizationFacts;
use crate::types::OrganizationId;

resource! {
    /// Organization.
    Organization, OrganizationFacts, OrganizationId, OrganizationPatch, OrganizationPage,
    tag "organizations", one "organization", ids "organizations",
    path "/organizations", item "/organizations/{id}",
    said "/organizations/{id}/assertions",
    filters [],
    example {
        "name": "Merrimack Youth Counseling (demo)", "engagement": "enrolled", "intake_channel": "phone",
        "phone": "+19785550199", "time_zone": "America/New_York",
        "hours": [{"day": "monday", "opens": "09:00", "closes": "17:00"}]
    },
    change {"intake_channel": "form", "website": null},
    show |_connection, facts| facts,
    moved "It is merged into another organization", refused "`conflict`"
}
