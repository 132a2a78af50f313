//! Offers to organizations that have nobody here: what to say on the telephone, what to send by fax, and what a call found.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use askama::Template;
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Context;
use super::body;
use super::caller::{Caller, ReferralsRead, ReferralsWrite};
use super::contact_attempts::ContactAttemptRecorded;
use super::errand::{errand, run_at_desk, run_once_at_desk};
use super::idempotency::Answer;
use super::offers::{Offer, attempt};
use super::pages::html;
use super::problem::Problem;
use super::query::{NoParams, UnquotedQuery};
use super::resource::{JSON, etag};
use super::students::path_id;
use crate::exchange::hsds;
use crate::privacy::Purpose;
use crate::privacy::audit::Action;
use crate::referrals::{self, CallReport, CallScript, FaxSheet};
use crate::types::OfferId;

/// A call about an offer that was recorded, and what came of it.
#[derive(Serialize, utoipa::ToSchema)]
struct OfferContactRecorded {
    /// The offer as it is now.
    offer: Offer,
    /// The call, as everybody has it who seeks a place there.
    contact: ContactAttemptRecorded,
}

/// The sheet, for one page of paper. It has no script and brings its style with it, so that it prints alike where it is
/// kept as a file; `edge` lets that style in by its digest.
#[derive(Template)]
#[template(path = "fax_sheet.html")]
struct FaxSheetPage {
    sheet: FaxSheet,
}

/// Says what somebody needs to call about an offer to an organization that has nobody here: numbers, whether somebody is
/// there now, until when to have the answer, what to say and what not, step by step, and what may be recorded of it.
#[utoipa::path(
    tag = "offers", operation_id = "get_call_script", security(("oauth" = ["referrals:read"])),
    params(("id" = OfferId, Path, description = "The offer")),
    responses(
        (status = 200, description = "The script", body = CallScript),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`"),
    )
)]
#[get("/offers/{id}/call-script")]
async fn get_call_script(
    caller: Caller<ReferralsRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
) -> Result<HttpResponse, Problem> {
    let id: OfferId = path_id("offer", &id)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let script = run_at_desk(&context, errand, attempt(Action::Read, Some(id)), move |tx, desk| {
        referrals::call_script(tx, desk, id, hsds::numbers)
    });
    Ok(HttpResponse::Ok().json(script.await?))
}

/// Gives a page to print and to send by fax to an organization that has nobody here: it asks for a place with the limited
/// profile, which names nobody, and has boxes for the reply.
#[utoipa::path(
    tag = "offers", operation_id = "get_fax_sheet", security(("oauth" = ["referrals:read"])),
    params(("id" = OfferId, Path, description = "The offer")),
    responses(
        (status = 200, description = "One page", body = String, content_type = "text/html"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`"),
    )
)]
#[get("/offers/{id}/fax-sheet")]
async fn get_fax_sheet(
    caller: Caller<ReferralsRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
) -> Result<HttpResponse, Problem> {
    let id: OfferId = path_id("offer", &id)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let sheet = run_at_desk(&context, errand, attempt(Action::Read, Some(id)), move |tx, desk| {
        referrals::fax_sheet(tx, desk, id, hsds::numbers)
    });
    html(StatusCode::OK, &FaxSheetPage { sheet: sheet.await? })
}

/// Records a call about an offer to an organization that has nobody here: in the history of the referral, as a contact
/// attempt that serves everybody who seeks a place there, and, with `answer`, as the answer. Without one the offer goes on
/// waiting, whatever the call found. Needs `availability:write` too.
#[utoipa::path(
    tag = "offers", operation_id = "record_offer_contact_attempt", security(("oauth" = ["referrals:write"])),
    params(
        ("id" = OfferId, Path, description = "The offer"),
        ("Idempotency-Key" = String, Header, description = "Needed: the same key and body give the first answer again", example = "\"5b0f86d1-11c2\""),
    ),
    request_body(
        content = CallReport, content_type = "application/json",
        example = json!({"outcome": "waiting", "waiting": 6, "phone": "+19785550142", "language": "es", "answer": {"action": "waitlist"}})
    ),
    responses(
        (status = 201, description = "Recorded", body = OfferContactRecorded, headers(("ETag" = String, description = "The version of the offer"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`, `idempotency-in-flight`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
        (status = 422, description = "`idempotency-key-reused`"),
        (status = 503, description = "`starting`"),
    )
)]
#[post("/offers/{id}/contact-attempts")]
async fn record_offer_contact_attempt(
    caller: Caller<ReferralsWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let id: OfferId = path_id("offer", &id)?;
    let call: CallReport = body::read_unquoted(&request, &bytes.0, JSON)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let attempt = attempt(Action::Change, Some(id));
    run_once_at_desk(&context, &request, errand, attempt, &bytes.0, move |tx, desk| {
        let (offer, contacted) = referrals::record_call(tx, desk, id, &call)?;
        let headers = [("etag", etag(offer.version))];
        let contact = ContactAttemptRecorded::of(tx, contacted)?;
        Answer::json(StatusCode::CREATED, &headers, &OfferContactRecorded { offer: offer.into(), contact })
    })
    .await
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(get_call_script).service(get_fax_sheet).service(record_offer_contact_attempt);
}
