//! `/v1/students/{id}/consents`: what may be told, to whom, until when.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use jiff::Timestamp;
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::caller::{Caller, ReferralsRead, ReferralsWrite};
use super::errand::{self, Attempt, errand};
use super::idempotency::Answer;
use super::problem::Problem;
use super::query::{NoParams, UnquotedQuery};
use super::resource::{JSON, etag};
use super::students::{Recorded, path_id};
use super::{Context, body};
use crate::privacy::audit::Action;
use crate::privacy::consents::{Kept, Revocation};
use crate::privacy::signers::MinorCare;
use crate::privacy::{Consent, Purpose, Signature};
use crate::referrals::{self, Desk};
use crate::students::consents::{self, ConsentFacts, Opened, SignatureDue};
use crate::types::{ConsentId, StudentId};

/// A consent, and who must still sign it before it holds.
#[derive(Serialize, utoipa::ToSchema)]
struct ConsentView {
    /// What it says.
    #[serde(flatten)]
    consent: Consent,
    /// The care for which somebody answers that a minor may consent to it alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    minor_care: Option<MinorCare>,
    /// How it was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    revocation: Option<Revocation>,
    /// Who must still sign, and why.
    signatures_due: Vec<SignatureDue>,
    /// Grows by one with every change; the ETag.
    #[schema(example = 1)]
    version: i64,
    /// When it was first recorded.
    created_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
}

impl From<Opened> for ConsentView {
    fn from(Opened { kept, due }: Opened) -> Self {
        let Kept { consent, minor_care, revocation, version, created_at, updated_at } = kept;
        Self { consent, minor_care, revocation, signatures_due: due, version, created_at, updated_at }
    }
}

/// The consents of a student.
#[derive(Serialize, utoipa::ToSchema)]
struct ConsentList {
    /// Also those that do not hold any more, in the order of their ids.
    items: Vec<ConsentView>,
}

/// What somebody sets out to do with a consent.
fn attempt(action: Action, student: StudentId, consent: Option<ConsentId>) -> Attempt {
    Attempt { action, resource: "consent", resource_id: consent.map(Uuid::from), student: Some(student) }
}

fn path_ids(path: &(String, String)) -> Result<(StudentId, ConsentId), Problem> {
    Ok((path_id("student", &path.0)?, path_id("consent", &path.1)?))
}

fn recorded(opened: Opened, collection: &str) -> crate::error::Result<Answer> {
    let Kept { consent, version, created_at, .. } = opened.kept;
    Recorded { id: consent.id.into(), version, created_at }.answer(collection)
}

/// Lists the consents of a student.
#[utoipa::path(
    tag = "students", operation_id = "list_consents", security(("oauth" = ["referrals:read"])),
    params(("id" = Uuid, Path, description = "The student")),
    responses(
        (status = 200, description = "All of them", body = ConsentList),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/students/{id}/consents")]
async fn list_consents(
    caller: Caller<ReferralsRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
) -> Result<HttpResponse, Problem> {
    let student: StudentId = path_id("student", &id)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let attempt = attempt(Action::Read, student, None);
    let found = errand::run(&context, errand, attempt, move |tx, vault, errand| {
        consents::list(tx, vault, errand, student)
    })
    .await?;
    Ok(HttpResponse::Ok().json(ConsentList { items: found.into_iter().map(ConsentView::from).collect() }))
}

/// Shows one consent.
#[utoipa::path(
    tag = "students", operation_id = "get_consent", security(("oauth" = ["referrals:read"])),
    params(("id" = Uuid, Path, description = "The student"), ("consent_id" = Uuid, Path, description = "The consent", example = "018f0000-0000-7000-8000-000000000021")),
    responses(
        (status = 200, description = "It", body = ConsentView, headers(("ETag" = String, description = "The version"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/students/{id}/consents/{consent_id}")]
async fn get_consent(
    caller: Caller<ReferralsRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    _params: UnquotedQuery<NoParams>,
) -> Result<HttpResponse, Problem> {
    let ids = path_ids(&path)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let attempt = attempt(Action::Read, ids.0, Some(ids.1));
    let opened = errand::run(&context, errand, attempt, move |tx, vault, errand| {
        consents::read(tx, vault, errand, ids)
    })
    .await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::ETAG, etag(opened.kept.version)));
    Ok(response.json(ConsentView::from(opened)))
}

/// Records a consent: what may be told, by whom, to whom, which way, for what and until when. It holds once everyone
/// who must sign has.
#[utoipa::path(
    tag = "students", operation_id = "create_consent", security(("oauth" = ["referrals:write"])),
    params(("id" = Uuid, Path, description = "The student"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request with this key gets the first answer again")),
    request_body(content = ConsentFacts, content_type = "application/json", example = json!({
        "authorities": ["ferpa"], "recipients": [{"class": "behavioral_health"}], "direction": "to_agency",
        "fields": ["given_name", "family_name", "birth_date", "member_id"], "purposes": ["verify_insurance"],
        "expires_on": "2027-06-30"
    })),
    responses(
        (status = 201, description = "Recorded", body = Recorded, headers(
            ("ETag" = String, description = "The version"), ("Location" = String, description = "Its path"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`idempotency-in-flight`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
        (status = 422, description = "`idempotency-key-reused`"),
    )
)]
#[post("/students/{id}/consents")]
async fn create_consent(
    caller: Caller<ReferralsWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let student: StudentId = path_id("student", &id)?;
    let facts: ConsentFacts = body::read_unquoted(&request, &bytes.0, JSON)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let collection = request.path().to_owned();
    let attempt = attempt(Action::Create, student, None);
    let app = context.app.clone();
    errand::run_once(&context, &request, errand, attempt, &bytes.0, move |tx, vault, errand| {
        let opened = consents::create(tx, vault, errand, (student, ConsentId::new()), facts.clone())?;
        referrals::consents_changed(tx, &Desk { vault, errand, finder: &app }, student)?;
        recorded(opened, &collection)
    })
    .await
}

/// Adds a signature to a consent. With the last that is needed, it holds.
#[utoipa::path(
    tag = "students", operation_id = "sign_consent", security(("oauth" = ["referrals:write"])),
    params(("id" = Uuid, Path, description = "The student"), ("consent_id" = Uuid, Path, description = "The consent", example = "018f0000-0000-7000-8000-000000000021")),
    request_body(content = Signature, content_type = "application/json", example = json!({
        "by": {"guardian": "018f0000-0000-7000-8000-000000000011"}, "name": "Marta Example",
        "signed_at": "2026-09-01T16:00:00Z", "method": "paper", "evidence": "scan 2026-09-01/17"
    })),
    responses(
        (status = 200, description = "It, as it is now", body = ConsentView, headers(("ETag" = String, description = "The version"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
    )
)]
#[post("/students/{id}/consents/{consent_id}/signatures")]
async fn sign_consent(
    caller: Caller<ReferralsWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    _params: UnquotedQuery<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let ids = path_ids(&path)?;
    let signature: Signature = body::read_unquoted(&request, &bytes.0, JSON)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let attempt = attempt(Action::Change, ids.0, Some(ids.1));
    let app = context.app.clone();
    let opened = errand::run(&context, errand, attempt, move |tx, vault, errand| {
        let opened = consents::sign(tx, vault, errand, ids, signature.clone())?;
        referrals::consents_changed(tx, &Desk { vault, errand, finder: &app }, ids.0)?;
        Ok(opened)
    })
    .await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::ETAG, etag(opened.kept.version)));
    Ok(response.json(ConsentView::from(opened)))
}

/// Takes a consent back, at once: nothing is released on it any more.
#[utoipa::path(
    tag = "students", operation_id = "revoke_consent", security(("oauth" = ["referrals:write"])),
    params(("id" = Uuid, Path, description = "The student"), ("consent_id" = Uuid, Path, description = "The consent", example = "018f0000-0000-7000-8000-000000000022")),
    request_body(content = Revocation, content_type = "application/json", example = json!({
        "by": {"guardian": "018f0000-0000-7000-8000-000000000011"}, "method": "verbal_witnessed",
        "evidence": "call of the mother, noted by A. Coordinator"
    })),
    responses(
        (status = 200, description = "It, as it is now", body = ConsentView, headers(("ETag" = String, description = "The version"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
    )
)]
#[post("/students/{id}/consents/{consent_id}/revoke")]
async fn revoke_consent(
    caller: Caller<ReferralsWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    _params: UnquotedQuery<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let ids = path_ids(&path)?;
    let revocation: Revocation = body::read_unquoted(&request, &bytes.0, JSON)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let attempt = attempt(Action::End, ids.0, Some(ids.1));
    let app = context.app.clone();
    let opened = errand::run(&context, errand, attempt, move |tx, vault, errand| {
        let opened = consents::revoke(tx, vault, errand, ids, revocation.clone())?;
        referrals::consents_changed(tx, &Desk { vault, errand, finder: &app }, ids.0)?;
        Ok(opened)
    })
    .await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::ETAG, etag(opened.kept.version)));
    Ok(response.json(ConsentView::from(opened)))
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(list_consents)
        .service(get_consent)
        .service(create_consent)
        .service(sign_consent)
        .service(revoke_consent);
}
