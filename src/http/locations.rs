//! `/v1/locations`.

use actix_web::{delete, get, patch, post};

use super::resource::resource;
use crate::directory::{LocationFacts, Placed, placed};
use crate::types::LocationId;

resource! {
    /// Location. Without coordinates of its own it is shown at the centre of its ZIP code.
    Location, LocationFacts, LocationId, LocationPatch, LocationPage,
    tag "locations", one "location", ids "locations",
    path "/locations", item "/locations/{id}",
    filters ["organization_id": uuid::Uuid, "postal_code": String],
    show |connection, facts| {
        let placement = placed(connection, &facts, None)?;
        facts.at(placement)
    }
}
