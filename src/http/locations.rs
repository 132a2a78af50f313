//! `/v1/locations`.

use actix_web::{delete, get, patch, post};

use super::noun::resource;
use crate::directory::{LocationFacts, Placed, placed};
use crate::types::LocationId;

resource! {
    /// Location. Without coordinates of its own it is shown at the centre of its ZIP code, or else at a point in its town.
    Location, LocationFacts, LocationId, LocationPatch, LocationPage,
    tag "locations", one "location", ids "locations",
    path "/locations", item "/locations/{id}",
    said "/locations/{id}/assertions",
    filters ["organization_id": uuid::Uuid, "postal_code": String],
    example {
        "organization_id": "3bec5f2f-18a2-5706-bca2-bee931700d59", "name": "Canal Street office", "address_1": "1 Canal Street",
        "city": "Lawrence", "state": "MA", "postal_code": "01840"
    },
    change {"coordinates": {"latitude": 42.7041, "longitude": -71.1569, "quality": "rooftop"}},
    show |connection, facts| {
        let placement = placed(connection, &facts, None)?;
        facts.at(placement)
    }
}
