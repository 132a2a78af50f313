//! On whose behalf a request touches student data.

use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest};

use super::problem::{Problem, ProblemCode};
use super::request_id::RequestId;
use crate::access::Principal;
use crate::privacy::Purpose;
use crate::privacy::audit::Errand;

/// The errand of a request.
///
/// # Errors
/// [`ProblemCode::Forbidden`] for an operator, who has no part in any student's care.
pub(super) fn errand(
    request: &HttpRequest,
    principal: &Arc<Principal>,
    purpose: Purpose,
) -> Result<Errand, Problem> {
    let tenancy = principal.tenancy().ok_or_else(|| {
        let detail = format!("a {} has no part in any student's care", principal.role);
        Problem::new(ProblemCode::Forbidden, detail)
    })?;
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
    Ok(Errand { principal: principal.clone(), tenancy, purpose, request: id })
}
