//! `/v1/students/{id}/guardians`: parents and those in a parent's place.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use jiff::Timestamp;
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::caller::{Caller, ReferralsRead, ReferralsWrite};
use super::errand::{self, Attempt, errand};
use super::problem::Problem;
use super::query::{NoParams, UnquotedQuery};
use super::resource::{IfMatch, JSON, etag};
use super::students::{Recorded, path_id, read_patch};
use super::{Context, body};
use crate::privacy::Purpose;
use crate::privacy::audit::Action;
use crate::students::{self, GuardianFacts, guardians};
use crate::types::{GuardianId, StudentId};

/// A guardian of a student.
#[derive(Serialize, utoipa::ToSchema)]
struct Guardian {
    /// Its id.
    id: GuardianId,
    /// Whose guardian.
    student_id: StudentId,
    /// What is recorded.
    #[serde(flatten)]
    facts: GuardianFacts,
    /// Grows by one with every change; the ETag.
    #[schema(example = 1)]
    version: i64,
    /// When it was first recorded.
    created_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
    /// Since when it is a guardian no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    ended_at: Option<Timestamp>,
}

impl From<students::Guardian> for Guardian {
    fn from(guardian: students::Guardian) -> Self {
        let students::Guardian { id, student, version, created_at, updated_at, ended_at, facts } = guardian;
        Self { id, student_id: student, facts, version, created_at, updated_at, ended_at }
    }
}

/// The guardians of a student.
#[derive(Serialize, utoipa::ToSchema)]
struct GuardianList {
    /// In the order of their ids.
    items: Vec<Guardian>,
}

/// A merge patch (RFC 7396) on a guardian: only the fields to change, `null` takes one away.
struct GuardianPatch;

impl utoipa::PartialSchema for GuardianPatch {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        super::openapi::patch_schema(<GuardianFacts as utoipa::PartialSchema>::schema())
    }
}

impl utoipa::ToSchema for GuardianPatch {
    fn name() -> std::borrow::Cow<'static, str> {
        std::borrow::Cow::Borrowed("GuardianPatch")
    }
}

/// What somebody sets out to do with a guardian.
fn attempt(action: Action, student: StudentId, guardian: Option<GuardianId>) -> Attempt {
    Attempt { action, resource: "guardian", resource_id: guardian.map(Uuid::from), student: Some(student) }
}

fn path_ids(path: &(String, String)) -> Result<(StudentId, GuardianId), Problem> {
    Ok((path_id("student", &path.0)?, path_id("guardian", &path.1)?))
}

fn shown(guardian: students::Guardian) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::ETAG, etag(guardian.version)));
    response.json(Guardian::from(guardian))
}

/// Lists the guardians of a student.
#[utoipa::path(
    tag = "students", operation_id = "list_guardians", security(("oauth" = ["referrals:read"])),
    params(("id" = Uuid, Path, description = "The student")),
    responses(
        (status = 200, description = "Those who are so now", body = GuardianList),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/students/{id}/guardians")]
async fn list_guardians(
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
        guardians::list(tx, vault, errand, student)
    })
    .await?;
    Ok(HttpResponse::Ok().json(GuardianList { items: found.into_iter().map(Guardian::from).collect() }))
}

/// Shows one guardian.
#[utoipa::path(
    tag = "students", operation_id = "get_guardian", security(("oauth" = ["referrals:read"])),
    params(("id" = Uuid, Path, description = "The student"), ("guardian_id" = Uuid, Path, description = "The guardian", example = "018f0000-0000-7000-8000-000000000011")),
    responses(
        (status = 200, description = "It", body = Guardian, headers(("ETag" = String, description = "The version"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/students/{id}/guardians/{guardian_id}")]
async fn get_guardian(
    caller: Caller<ReferralsRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    _params: UnquotedQuery<NoParams>,
) -> Result<HttpResponse, Problem> {
    let (student, id) = path_ids(&path)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let attempt = attempt(Action::Read, student, Some(id));
    let guardian = errand::run(&context, errand, attempt, move |tx, vault, errand| {
        guardians::read(tx, vault, errand, student, id)
    })
    .await?;
    Ok(shown(guardian))
}

/// Records a guardian. What they may know and decide is a fact with a basis.
#[utoipa::path(
    tag = "students", operation_id = "create_guardian", security(("oauth" = ["referrals:write"])),
    params(("id" = Uuid, Path, description = "The student"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request with this key gets the first answer again")),
    request_body(content = GuardianFacts, content_type = "application/json", example = json!({
        "given_name": "Marta", "family_name": "Example", "relationship": "parent", "access": "full",
        "access_basis": "enrolment form of 2026-08-28", "phone": "978-555-0142", "safe_to_contact": true,
        "languages": [{"language": "es", "used": ["spoken"], "interpreter_needed": true}]
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
#[post("/students/{id}/guardians")]
async fn create_guardian(
    caller: Caller<ReferralsWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let student: StudentId = path_id("student", &id)?;
    let facts: GuardianFacts = body::read_unquoted(&request, &bytes.0, JSON)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let collection = request.path().to_owned();
    let attempt = attempt(Action::Create, student, None);
    errand::run_once(&context, &request, errand, attempt, &bytes.0, move |tx, vault, errand| {
        let guardian = guardians::create(tx, vault, errand, (student, GuardianId::new()), facts.clone())?;
        let students::Guardian { id, version, created_at, .. } = guardian;
        Recorded { id: id.into(), version, created_at }.answer(&collection)
    })
    .await
}

/// Changes what is recorded of a guardian.
#[utoipa::path(
    tag = "students", operation_id = "update_guardian", security(("oauth" = ["referrals:write"])),
    params(("id" = Uuid, Path, description = "The student"), ("guardian_id" = Uuid, Path, description = "The guardian", example = "018f0000-0000-7000-8000-000000000011"),
        ("If-Match" = String, Header, description = "The ETag of the version that was read")),
    request_body(content = GuardianPatch, content_type = "application/merge-patch+json", example = json!({"safe_to_contact": false})),
    responses(
        (status = 200, description = "It, as it is now", body = Guardian, headers(("ETag" = String, description = "The version"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 412, description = "`precondition-failed`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
        (status = 428, description = "`precondition-required`"),
    )
)]
#[patch("/students/{id}/guardians/{guardian_id}")]
async fn update_guardian(
    caller: Caller<ReferralsWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    _params: UnquotedQuery<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let ids = path_ids(&path)?;
    let patch = read_patch(&request, &bytes.0)?;
    let if_match = IfMatch::read(&request)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let attempt = attempt(Action::Change, ids.0, Some(ids.1));
    let guardian = errand::run(&context, errand, attempt, move |tx, vault, errand| {
        let if_version = |version| if_match.version(version).map(|_| ());
        guardians::change(tx, vault, errand, ids, &if_version, &patch)
    })
    .await?;
    Ok(shown(guardian))
}

/// Notes that somebody is no guardian of the student any more.
#[utoipa::path(
    tag = "students", operation_id = "end_guardian", security(("oauth" = ["referrals:write"])),
    params(("id" = Uuid, Path, description = "The student"), ("guardian_id" = Uuid, Path, description = "The guardian", example = "018f0000-0000-7000-8000-000000000011"),
        ("If-Match" = String, Header, description = "The ETag of the version that was read")),
    responses(
        (status = 204, description = "Noted", headers(("ETag" = String, description = "The version"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 412, description = "`precondition-failed`"),
        (status = 428, description = "`precondition-required`"),
    )
)]
#[delete("/students/{id}/guardians/{guardian_id}")]
async fn end_guardian(
    caller: Caller<ReferralsWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
    _params: UnquotedQuery<NoParams>,
) -> Result<HttpResponse, Problem> {
    let ids = path_ids(&path)?;
    let if_match = IfMatch::read(&request)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let attempt = attempt(Action::End, ids.0, Some(ids.1));
    let guardian = errand::run(&context, errand, attempt, move |tx, vault, errand| {
        guardians::end(tx, vault, errand, ids, &|version| if_match.version(version).map(|_| ()))
    })
    .await?;
    Ok(HttpResponse::NoContent().insert_header((header::ETAG, etag(guardian.version))).finish())
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(list_guardians)
        .service(get_guardian)
        .service(create_guardian)
        .service(update_guardian)
        .service(end_guardian);
}
