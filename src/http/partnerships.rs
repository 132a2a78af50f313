//! `/v1/partnerships`.

use actix_web::{delete, get, patch, post};

use super::noun::resource;
use crate::directory::PartnershipFacts;
use crate::types::PartnershipId;

resource! {
    /// Partnership: an agreement between an organization and a district or schools.
    Partnership, PartnershipFacts, PartnershipId, PartnershipPatch, PartnershipPage,
    tag "partnerships", one "partnership", ids "partnerships",
    path "/partnerships", item "/partnerships/{id}",
    said "/partnerships/{id}/assertions",
    filters ["organization_id": uuid::Uuid, "district_id": uuid::Uuid],
    example {
        "organization_id": "3bec5f2f-18a2-5706-bca2-bee931700d59", "district_id": "bfaa6536-cf55-5aa6-9cbf-821a00a23a21",
        "services": ["0e31fff8-7cc8-5564-be1f-57d843c87fc8"], "begins_on": "2026-09-01", "ends_on": "2027-06-30",
        "memorandum_on_file": true, "space_in_school": true
    },
    change {"ends_on": "2028-06-30", "data_sharing_agreement_on_file": true},
    show |_connection, facts| facts
}
