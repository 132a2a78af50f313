//! An errand: an operation on student data, in one transaction with its line in the audit. What is refused is put on
//! the record too.

use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use uuid::Uuid;

use super::Context;
use super::idempotency::{Answer, Once, needs_key};
use super::problem::Problem;
use super::request_id::RequestId;
use crate::access::Principal;
use crate::error::{Error, Result};
use crate::privacy::Purpose;
use crate::privacy::audit::{self, Act, Action, Errand, Outcome};
use crate::privacy::vault::Vault;
use crate::referrals::Desk;
use crate::store::Tx;
use crate::types::StudentId;

/// What somebody sets out to do.
#[derive(Clone, Copy)]
pub(super) struct Attempt {
    /// What.
    pub(super) action: Action,
    /// To what kind of thing.
    pub(super) resource: &'static str,
    /// Which one, if it is there already.
    pub(super) resource_id: Option<Uuid>,
    /// Of which student.
    pub(super) student: Option<StudentId>,
}

/// The errand of a caller.
///
/// # Errors
/// For those who have no part in any student's care.
pub(super) fn errand(
    request: &HttpRequest,
    caller: &Arc<Principal>,
    purpose: Purpose,
) -> Result<Errand, Problem> {
    let Some(tenancy) = caller.tenancy() else {
        let detail = format!("{} has no part in the care of any district's students", caller.role);
        return Err(Error::Forbidden(detail).into());
    };
    let request = request.extensions().get::<RequestId>().map(|RequestId(id)| id.clone());
    Ok(Errand { principal: caller.clone(), tenancy, purpose, request })
}

/// Runs an errand.
///
/// # Errors
/// What `work` fails with; then nothing is written but that it was refused.
pub(super) async fn run<T: Send + 'static>(
    context: &Context,
    errand: Errand,
    attempt: Attempt,
    work: impl Fn(&mut Tx<'_>, &Vault, &Errand) -> Result<T> + Send + 'static,
) -> Result<T, Problem> {
    let (vault, tenancy) = (context.app.vault.clone(), errand.tenancy.clone());
    let behalf = errand.clone();
    let done = context.app.store.write_for(tenancy, move |tx| work(tx, &vault, &behalf)).await;
    match done {
        Ok(done) => Ok(done),
        Err(error) => {
            refused(context, errand, attempt, &error).await?;
            Err(error.into())
        }
    }
}

/// [`run`] for what is done at most once for an `Idempotency-Key`.
///
/// # Errors
/// As [`run`].
pub(super) async fn run_once(
    context: &Context,
    request: &HttpRequest,
    errand: Errand,
    attempt: Attempt,
    bytes: &[u8],
    work: impl Fn(&mut Tx<'_>, &Vault, &Errand) -> Result<Answer> + Send + 'static,
) -> Result<HttpResponse, Problem> {
    let once = Once::read(context, request, &errand.principal, bytes)?;
    let done =
        run(context, errand, attempt, move |tx, vault, errand| once.answer(tx, |tx| work(tx, vault, errand)))
            .await?;
    Ok(done.response())
}

/// [`run`] for what is done with a referral.
///
/// # Errors
/// As [`run`].
pub(super) async fn run_at_desk<T: Send + 'static>(
    context: &Context,
    errand: Errand,
    attempt: Attempt,
    work: impl Fn(&mut Tx<'_>, &Desk<'_>) -> Result<T> + Send + 'static,
) -> Result<T, Problem> {
    let app = context.app.clone();
    run(context, errand, attempt, move |tx, vault, errand| work(tx, &Desk { vault, errand, finder: &app }))
        .await
}

/// [`run_once`] for what is done with a referral, which must not be done twice by mistake.
///
/// # Errors
/// As [`run`], and if no `Idempotency-Key` comes with it.
pub(super) async fn run_once_at_desk(
    context: &Context,
    request: &HttpRequest,
    errand: Errand,
    attempt: Attempt,
    bytes: &[u8],
    work: impl Fn(&mut Tx<'_>, &Desk<'_>) -> Result<Answer> + Send + 'static,
) -> Result<HttpResponse, Problem> {
    needs_key(request)?;
    context.ready()?;
    let app = context.app.clone();
    run_once(context, request, errand, attempt, bytes, move |tx, vault, errand| {
        work(tx, &Desk { vault, errand, finder: &app })
    })
    .await
}

/// Puts a refusal on the record; what failed for another reason was no attempt that was refused.
async fn refused(context: &Context, errand: Errand, attempt: Attempt, error: &Error) -> Result<(), Problem> {
    match error {
        Error::NotFound { .. }
        | Error::Forbidden(_)
        | Error::Conflict(_)
        | Error::Refused(_)
        | Error::Stale { .. } => {}
        // What is incomplete tells nothing of anybody, and is no attempt.
        Error::Invalid(_)
        | Error::KeyReused
        | Error::KeyInFlight
        | Error::Contended
        | Error::Overloaded
        | Error::Unavailable
        | Error::Setup(_)
        | Error::Internal { .. } => return Ok(()),
    }
    let Attempt { action, resource, resource_id, student } = attempt;
    context
        .app
        .store
        .write_for(errand.tenancy.clone(), move |tx| {
            let outcome = Outcome::Refused;
            let act = Act { action, resource, resource_id, student, outcome, digest: None };
            audit::record(tx, &errand, &[act])
        })
        .await?;
    Ok(())
}
