//! `/v1/students`: whom services are found for. Whatever is read or written here goes on the record.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, web};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::caller::{Caller, ReferralsRead, ReferralsWrite};
use super::errand::{self, Attempt, errand, run_at_desk};
use super::idempotency::Answer;
use super::problem::Problem;
use super::query::{FromParams, Limit, NoParams, Params, UnquotedQuery};
use super::resource::{IfMatch, JSON, PATCH, Total, answer_part, etag};
use super::{Context, body};
use crate::error::Error;
use crate::privacy::Purpose;
use crate::privacy::audit::Action;
use crate::referrals;
use crate::students::{self, Identifier, StudentFacts, StudentPage};
use crate::types::{DistrictId, SchoolId, StudentId};

/// A student.
#[derive(Serialize, utoipa::ToSchema)]
struct Student {
    /// Its id.
    id: StudentId,
    /// Whose student.
    district_id: DistrictId,
    /// What is recorded.
    #[serde(flatten)]
    facts: StudentFacts,
    /// Grows by one with every change; the ETag.
    #[schema(example = 1)]
    version: i64,
    /// When it was first recorded.
    created_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
    /// When the student left the district.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    left_at: Option<Timestamp>,
}

impl From<students::Student> for Student {
    fn from(student: students::Student) -> Self {
        let students::Student { id, district, version, created_at, updated_at, left_at, facts } = student;
        Self { id, district_id: district, facts, version, created_at, updated_at, left_at }
    }
}

/// That something was recorded. What was sent is not sent back.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Recorded {
    /// Its id.
    pub(super) id: Uuid,
    /// Grows by one with every change; the ETag.
    #[schema(example = 1)]
    pub(super) version: i64,
    /// When.
    pub(super) created_at: Timestamp,
}

impl Recorded {
    /// The answer to a create, with its path.
    pub(super) fn answer(self, collection: &str) -> crate::error::Result<Answer> {
        let headers = [("etag", etag(self.version)), ("location", format!("{collection}/{}", self.id))];
        Answer::json(StatusCode::CREATED, &headers, &self)
    }
}

/// A merge patch (RFC 7396) on a student: only the fields to change, `null` takes one away.
pub(super) struct StudentPatch;

impl utoipa::PartialSchema for StudentPatch {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        super::openapi::patch_schema(<StudentFacts as utoipa::PartialSchema>::schema())
    }
}

impl utoipa::ToSchema for StudentPatch {
    fn name() -> std::borrow::Cow<'static, str> {
        std::borrow::Cow::Borrowed("StudentPatch")
    }
}

/// One page of students.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the body that the list writes")]
struct StudentList {
    /// In the order of their ids.
    items: Vec<Student>,
    /// Continues the list; none at its end.
    #[schema(nullable = false)]
    next_cursor: Option<String>,
    /// How many there are.
    total: Total,
}

/// The student with an identifier, if there is one.
#[derive(Serialize, utoipa::ToSchema)]
struct StudentsFound {
    /// One or none.
    items: Vec<Student>,
}

struct ListStudents {
    limit: Limit,
    cursor: Option<String>,
    school: Option<SchoolId>,
    include_left: bool,
}

impl FromParams for ListStudents {
    fn from_params(params: &mut Params) -> Self {
        Self {
            limit: params.one("limit").unwrap_or_default(),
            cursor: params.one("cursor"),
            school: params.one("school_id"),
            include_left: params.flag("include_left"),
        }
    }
}

/// What somebody sets out to do with a student.
fn attempt(action: Action, student: Option<StudentId>) -> Attempt {
    Attempt { action, resource: "student", resource_id: student.map(Uuid::from), student }
}

/// The id in a path. What is no id is the id of nothing, and is not repeated: it may be a name.
pub(super) fn path_id<T: From<Uuid>>(what: &'static str, text: &str) -> Result<T, Problem> {
    let not_found = |_| Problem::from(Error::NotFound { what, id: "with this id".to_owned() });
    text.parse::<Uuid>().map(T::from).map_err(not_found)
}

/// Lists the students of the caller's district or schools.
#[utoipa::path(
    tag = "students", operation_id = "list_students", security(("oauth" = ["referrals:read"])),
    params(
        ("limit" = Option<u8>, Query, description = "How many items: 1 to 100, by default 25", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("school_id" = Option<SchoolId>, Query, description = "Only those of this school"),
        ("include_left" = Option<bool>, Query, description = "Those too who have left the district"),
    ),
    responses(
        (status = 200, description = "One page", body = StudentList, headers(("Link" = String, description = "`rel=\"next\"`"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
    )
)]
#[get("/students")]
async fn list_students(
    caller: Caller<ReferralsRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    params: UnquotedQuery<ListStudents>,
) -> Result<HttpResponse, Problem> {
    let ListStudents { limit: Limit(limit), cursor, school, include_left } = params.0;
    let query = format!("list students {} {school:?} {include_left}", caller.id);
    let after = cursor.map(|cursor| context.cursors.read::<StudentId>(&query, &cursor)).transpose()?;
    // The one beyond the page is looked for without opening it: only what is shown goes on the record.
    let page = StudentPage { after, limit: i64::try_from(limit).unwrap_or(100), school, include_left };
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let work = move |tx: &mut crate::store::Tx<'_>, vault: &crate::privacy::vault::Vault, errand: &_| {
        students::list(tx, vault, errand, &page)
    };
    let (students, more, count) = errand::run(&context, errand, attempt(Action::Read, None), work).await?;
    let last = students.last().filter(|_| more).map(|student| student.id);
    Ok(answer_part(&context, &request, &query, (students, last, Total::counted(count)), Student::from))
}

/// Finds the student with an identifier. It is asked in the body: identifiers do not belong in addresses, which are
/// logged and kept.
#[utoipa::path(
    tag = "students", operation_id = "look_up_student", security(("oauth" = ["referrals:read"])),
    request_body(content = Identifier, content_type = "application/json", example = json!({"kind": "lasid", "value": "DEMO-0001"})),
    responses(
        (status = 200, description = "One or none", body = StudentsFound),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
    )
)]
#[post("/students/lookup")]
async fn look_up_student(
    caller: Caller<ReferralsRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    _params: UnquotedQuery<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let identifier: Identifier = body::read_unquoted(&request, &bytes.0, JSON)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let found = errand::run(&context, errand, attempt(Action::Read, None), move |tx, vault, errand| {
        students::look_up(tx, vault, errand, &identifier)
    })
    .await?;
    let items = found.into_iter().map(Student::from).collect();
    Ok(HttpResponse::Ok().json(StudentsFound { items }))
}

/// Shows one student.
#[utoipa::path(
    tag = "students", operation_id = "get_student", security(("oauth" = ["referrals:read"])),
    params(("id" = Uuid, Path, description = "Its id")),
    responses(
        (status = 200, description = "It", body = Student, headers(("ETag" = String, description = "The version"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/students/{id}")]
async fn get_student(
    caller: Caller<ReferralsRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
) -> Result<HttpResponse, Problem> {
    let id: StudentId = path_id("student", &id)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let student = errand::run(&context, errand, attempt(Action::Read, Some(id)), move |tx, vault, errand| {
        students::read(tx, vault, errand, id)
    })
    .await?;
    Ok(shown(student))
}

fn shown(student: students::Student) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::ETAG, etag(student.version)));
    response.json(Student::from(student))
}

/// Records a new student. Immigration status and country of birth are refused: there is no field for them.
#[utoipa::path(
    tag = "students", operation_id = "create_student", security(("oauth" = ["referrals:write"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeated request with this key gets the first answer again")),
    request_body(content = StudentFacts, content_type = "application/json", example = json!({
        "given_name": "Rosa", "family_name": "Example", "birth_date": "2015-04-02", "grade": "5",
        "identifiers": [{"kind": "lasid", "value": "000123456"}],
        "address": {"city": "Lawrence", "state": "MA", "postal_code": "01840"},
        "languages": [{"language": "es", "used": ["spoken", "written"], "interpreter_needed": false}],
        "coverages": [{"category": "medicaid", "member_id": "100000000000"}]
    })),
    responses(
        (status = 201, description = "Recorded", body = Recorded, headers(
            ("ETag" = String, description = "The version"), ("Location" = String, description = "Its path"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 409, description = "`conflict`, `idempotency-in-flight`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
        (status = 422, description = "`idempotency-key-reused`"),
    )
)]
#[post("/students")]
async fn create_student(
    caller: Caller<ReferralsWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    _params: UnquotedQuery<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let facts: StudentFacts = body::read_unquoted(&request, &bytes.0, JSON)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let collection = request.path().to_owned();
    let attempt = attempt(Action::Create, None);
    errand::run_once(&context, &request, errand, attempt, &bytes.0, move |tx, vault, errand| {
        let student = students::create(tx, vault, errand, StudentId::new(), facts.clone())?;
        let students::Student { id, version, created_at, .. } = student;
        Recorded { id: id.into(), version, created_at }.answer(&collection)
    })
    .await
}

/// Changes what is recorded of a student.
#[utoipa::path(
    tag = "students", operation_id = "update_student", security(("oauth" = ["referrals:write"])),
    params(("id" = Uuid, Path, description = "Its id"),
        ("If-Match" = String, Header, description = "The ETag of the version that was read")),
    request_body(content = StudentPatch, content_type = "application/merge-patch+json", example = json!({"grade": "6"})),
    responses(
        (status = 200, description = "It, as it is now", body = Student, headers(("ETag" = String, description = "The version"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`"),
        (status = 412, description = "`precondition-failed`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
        (status = 428, description = "`precondition-required`"),
    )
)]
#[patch("/students/{id}")]
async fn update_student(
    caller: Caller<ReferralsWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let id: StudentId = path_id("student", &id)?;
    let patch = read_patch(&request, &bytes.0)?;
    let if_match = IfMatch::read(&request)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let changed = run_at_desk(&context, errand, attempt(Action::Change, Some(id)), move |tx, desk| {
        let if_version = |version| if_match.version(version).map(|_| ());
        let student = students::change(tx, desk.vault, desk.errand, id, &if_version, &patch)?;
        referrals::school_changed(tx, desk, id)?;
        Ok(student)
    });
    Ok(shown(changed.await?))
}

/// A patch on what is about a student.
pub(super) fn read_patch(request: &HttpRequest, bytes: &[u8]) -> Result<Value, Problem> {
    let patch = body::read_unquoted_document(request, bytes, PATCH)?;
    if patch.is_object() {
        return Ok(patch);
    }
    Err(crate::error::FieldError::body("", "must be an object of the fields to change").into())
}

/// Notes that a student has left the district. What is recorded stays until it is erased.
#[utoipa::path(
    tag = "students", operation_id = "end_student", security(("oauth" = ["referrals:write"])),
    params(("id" = Uuid, Path, description = "Its id"),
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
#[delete("/students/{id}")]
async fn end_student(
    caller: Caller<ReferralsWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
) -> Result<HttpResponse, Problem> {
    let id: StudentId = path_id("student", &id)?;
    let if_match = IfMatch::read(&request)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let student = errand::run(&context, errand, attempt(Action::End, Some(id)), move |tx, vault, errand| {
        students::leave(tx, vault, errand, id, &|version| if_match.version(version).map(|_| ()))
    })
    .await?;
    Ok(HttpResponse::NoContent().insert_header((header::ETAG, etag(student.version))).finish())
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(list_students)
        .service(look_up_student)
        .service(get_student)
        .service(create_student)
        .service(update_student)
        .service(end_student);
}
