//! `/v1/schools`.

use actix_web::{delete, get, patch, post};

use super::resource::resource;
use crate::directory::{Placed, SchoolFacts, placed};
use crate::types::SchoolId;

resource! {
    /// School. Without coordinates of its own it is shown at the centre of its ZIP code.
    School, SchoolFacts, SchoolId, SchoolPatch, SchoolPage,
    tag "schools", one "school", ids "schools",
    path "/schools", item "/schools/{id}",
    filters ["district_id": uuid::Uuid, "code": String, "postal_code": String],
    show |connection, facts| {
        let placement = placed(connection, &facts, None)?;
        facts.at(placement)
    }
}
