//! On whose behalf a request touches student data.

use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest};

use super::Context;
use super::problem::{Problem, ProblemCode};
use super::request_id::RequestId;
use crate::access::Principal;
use crate::error::Error;
use crate::privacy::Purpose;
use crate::privacy::audit::{Act, Errand, Outcome, record};
use crate::store::Tx;

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

/// Does `work` on an errand, in one transaction. What is refused is on the record too, in one of its own.
///
/// # Errors
/// What `work` fails with.
pub(super) async fn run<T: Send + 'static>(
    context: &Context,
    errand: &Errand,
    refused: Act<'static>,
    work: impl Fn(&mut Tx<'_>, &Errand) -> Result<T, Error> + Send + 'static,
) -> Result<T, Problem> {
    let own = errand.clone();
    let done = context.app.store.write_for(errand.tenancy.clone(), move |tx| work(tx, &own)).await;
    if let Err(error) = &done {
        note_refusal(context, errand, refused, error).await?;
    }
    Ok(done?)
}

/// Puts on the record that something was refused, if it was.
///
/// # Errors
/// If the database fails.
pub(super) async fn note_refusal(
    context: &Context,
    errand: &Errand,
    refused: Act<'static>,
    error: &Error,
) -> Result<(), Problem> {
    let is_refusal = matches!(error, Error::NotFound { .. } | Error::Forbidden(_));
    if is_refusal {
        let own = errand.clone();
        let act = Act { outcome: Outcome::Refused, ..refused };
        let noted = move |tx: &mut Tx<'_>| record(tx, &own, std::slice::from_ref(&act));
        context.app.store.write_for(errand.tenancy.clone(), noted).await?;
    }
    Ok(())
}
