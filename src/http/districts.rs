//! `/v1/districts`.

use actix_web::{delete, get, patch, post};

use super::noun::resource;
use crate::directory::DistrictFacts;
use crate::types::DistrictId;

resource! {
    /// District.
    District, DistrictFacts, DistrictId, DistrictPatch, DistrictPage,
    tag "districts", one "district", ids "districts",
    path "/districts", item "/districts/{id}",
    said "/districts/{id}/assertions",
    filters ["code": String, "kind": crate::types::DistrictKind],
    example {"name": "Sample Demonstration District", "code": "9999", "state": "MA", "time_zone": "America/New_York"},
    change {"name": "Sample Demonstration School District"},
    show |_connection, facts| facts
}
