//! `/v1/insurance-plans`.

use actix_web::{delete, get, patch, post};

use super::resource::resource;
use crate::directory::InsurancePlanFacts;
use crate::types::InsurancePlanId;

resource! {
    /// Insurance plan.
    InsurancePlan, InsurancePlanFacts, InsurancePlanId, InsurancePlanPatch, InsurancePlanPage,
    tag "insurance-plans", one "insurance plan", ids "insurance_plans",
    path "/insurance-plans", item "/insurance-plans/{id}",
    filters [],
    show |_connection, facts| facts
}
