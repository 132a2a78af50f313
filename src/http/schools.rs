//! `/v1/schools`.

use actix_web::{delete, get, patch, post};

use super::noun::resource;
use crate::directory::{Placed, SchoolFacts, placed};
use crate::types::SchoolId;

resource! {
    /// School. Without coordinates of its own it is shown at the centre of its ZIP code, or else at a point in its town.
    School, SchoolFacts, SchoolId, SchoolPatch, SchoolPage,
    tag "schools", one "school", ids "schools",
    path "/schools", item "/schools/{id}",
    said "/schools/{id}/assertions",
    filters ["district_id": uuid::Uuid, "code": String, "postal_code": String],
    example {
        "district_id": "bfaa6536-cf55-5aa6-9cbf-821a00a23a21", "code": "99990001", "name": "Sample Demonstration School",
        "city": "Lawrence", "state": "MA", "postal_code": "01840", "grades": ["K", "1", "2"]
    },
    change {"grades": ["K", "1", "2", "3"]},
    show |connection, facts| {
        let placement = placed(connection, &facts, None)?;
        facts.at(placement)
    }
}
