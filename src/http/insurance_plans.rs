//! `/v1/insurance-plans`.

use actix_web::{delete, get, patch, post};

use super::noun::resource;
use crate::directory::InsurancePlanFacts;
use crate::types::InsurancePlanId;

resource! {
    /// Insurance plan.
    InsurancePlan, InsurancePlanFacts, InsurancePlanId, InsurancePlanPatch, InsurancePlanPage,
    tag "insurance-plans", one "insurance plan", ids "insurance_plans",
    path "/insurance-plans", item "/insurance-plans/{id}",
    said "/insurance-plans/{id}/assertions",
    filters [],
    example {
        "name": "Sample Community Plan (demo)", "payer": "Sample Health (demo)", "category": "medicaid",
        "effective_from": "2026-01-01"
    },
    change {"effective_until": "2027-12-31"},
    show |_connection, facts| facts
}
