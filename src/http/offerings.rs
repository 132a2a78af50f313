//! `/v1/offerings`.

use actix_web::{delete, get, patch, post};

use super::noun::resource;
use crate::directory::{OfferingFacts, create_offering};
use crate::types::OfferingId;

resource! {
    /// Offering: the thing one refers to.
    Offering, OfferingFacts, OfferingId, OfferingPatch, OfferingPage,
    tag "offerings", one "offering", ids "offerings",
    path "/offerings", item "/offerings/{id}",
    said "/offerings/{id}/assertions",
    filters ["service_id": uuid::Uuid, "location_id": uuid::Uuid, "capacity_pool_id": uuid::Uuid],
    example {
        "service_id": "0e31fff8-7cc8-5564-be1f-57d843c87fc8", "location_id": "cb94e14c-fd84-5ee3-a38d-5feb6a2a9607",
        "grain": "team", "languages": [{"language": "es", "mode": "provider"}], "tiers": [2],
        "coverage": {
            "categories": ["medicaid"],
            "plans": [{"insurance_plan_id": "077b79bd-1840-53e6-a2bd-4c4adc60f2fd", "accepting_new": true}]
        },
        "needs": ["grief"], "ages": {"accepted": [{"min": 6, "max": 13}]}, "modalities": ["in_person"]
    },
    change {"needs": ["grief", "trauma"], "name": "Grief and trauma group"},
    show |_connection, facts| facts,
    create create_offering
}
