//! `/v1/students/{id}/disclosures` and `/v1/disclosures`: what was told of whom, and telling it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa_actix_web::service_config::ServiceConfig;

use super::caller::{Caller, PrivacyRead, ReferralsRead, ReferralsWrite};
use super::errand::{self, Attempt, errand};
use super::problem::Problem;
use super::query::{FromParams, Limit, NoParams, Params, UnquotedQuery};
use super::resource::{JSON, PageBody, Total, link_next};
use super::students::path_id;
use super::{Context, body, csv};
use crate::privacy::audit::Action;
use crate::privacy::disclosures::{self as records, Document, Filter};
use crate::privacy::limited::LimitedProfile;
use crate::privacy::{Notice, Purpose};
use crate::students::releases::{self, DisclosureCreate, Released};
use crate::students::{self, ProfileAsk};
use crate::types::{DisclosureId, DistrictId, GuardianId, StudentId};

/// One release: who told whom which fields, for what, on what basis, and when. What stood in the fields is not kept.
#[derive(Serialize, utoipa::ToSchema)]
struct Disclosure {
    /// Its id.
    id: DisclosureId,
    /// Of whom.
    student_id: StudentId,
    /// Whose student.
    district_id: DistrictId,
    /// When.
    released_at: Timestamp,
    /// What the record says.
    #[serde(flatten)]
    facts: Document,
}

impl From<records::Disclosure> for Disclosure {
    fn from(disclosure: records::Disclosure) -> Self {
        let records::Disclosure { id, student, district, released_at, document } = disclosure;
        Self { id, student_id: student, district_id: district, released_at, facts: document }
    }
}

/// What travels with a release.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct NoticeText {
    /// Which.
    notice: Notice,
    /// Where the law asks for it.
    citation: &'static str,
    /// Its words.
    words: &'static str,
}

impl From<Notice> for NoticeText {
    fn from(notice: Notice) -> Self {
        Self { notice, citation: notice.citation(), words: notice.words() }
    }
}

/// What leaves, with its record.
#[derive(Serialize, utoipa::ToSchema)]
struct DisclosureMade {
    /// The record.
    disclosure: Disclosure,
    /// What is told, by field.
    #[schema(value_type = Object)]
    packet: Map<String, Value>,
    /// What must be handed over with it.
    notices: Vec<NoticeText>,
}

/// Every release of one student.
#[derive(Serialize, utoipa::ToSchema)]
struct AccessReport {
    /// In the order of time.
    items: Vec<Disclosure>,
}

/// One page of releases.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the body that the list writes")]
struct DisclosureList {
    /// In the order of time.
    items: Vec<Disclosure>,
    /// Continues the list; none at its end.
    #[schema(nullable = false)]
    next_cursor: Option<String>,
    /// How many there are.
    total: Total,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, utoipa::ToSchema)]
#[schema(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    Csv,
}

impl std::str::FromStr for Format {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "csv" => Ok(Self::Csv),
            _ => Err("must be json or csv"),
        }
    }
}

struct ReportParams {
    guardian: Option<GuardianId>,
    format: Format,
}

impl FromParams for ReportParams {
    fn from_params(params: &mut Params) -> Self {
        Self { guardian: params.one("guardian_id"), format: params.one("format").unwrap_or_default() }
    }
}

struct ListParams {
    limit: Limit,
    cursor: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    format: Format,
}

impl FromParams for ListParams {
    fn from_params(params: &mut Params) -> Self {
        Self {
            limit: params.one("limit").unwrap_or_default(),
            cursor: params.one("cursor"),
            since: params.one("since"),
            until: params.one("until"),
            format: params.one("format").unwrap_or_default(),
        }
    }
}

/// What somebody sets out to do with a disclosure.
fn attempt(action: Action, student: Option<StudentId>) -> Attempt {
    Attempt { action, resource: "disclosure", resource_id: None, student }
}

const COLUMNS: [&str; 16] = [
    "id",
    "student_id",
    "released_at",
    "released_by",
    "released_by_position",
    "recipient",
    "recipient_position",
    "recipient_affiliation",
    "organization_id",
    "guardian_id",
    "packet",
    "fields",
    "purpose",
    "basis",
    "citation",
    "consents",
];

/// A release as a row of [`COLUMNS`].
fn row(disclosure: records::Disclosure) -> Vec<String> {
    let records::Disclosure { id, student, district: _, released_at, document } = disclosure;
    let Document {
        released_by,
        released_to,
        direction: _,
        packet,
        fields,
        purpose,
        basis,
        citation,
        consents,
        notices: _,
        accepted_on: _,
    } = document;
    let joined = |texts: Vec<String>| texts.join(" ");
    vec![
        id.to_string(),
        student.to_string(),
        released_at.to_string(),
        released_by.name,
        released_by.position,
        released_to.name.unwrap_or_default(),
        released_to.position.unwrap_or_default(),
        released_to.affiliation.unwrap_or_default(),
        released_to.organization_id.map(|id| id.to_string()).unwrap_or_default(),
        released_to.guardian_id.map(|id| id.to_string()).unwrap_or_default(),
        packet.to_string(),
        joined(fields.iter().map(ToString::to_string).collect()),
        purpose.to_string(),
        basis.to_string(),
        citation,
        joined(consents.iter().map(ToString::to_string).collect()),
    ]
}

/// The access report: every release of one student, for the district, or for a guardian who asks for it. A guardian who is
/// barred or restricted gets nothing.
#[utoipa::path(
    tag = "disclosures", operation_id = "report_disclosures", security(("oauth" = ["privacy:read"])),
    params(
        ("id" = Uuid, Path, description = "The student"),
        ("guardian_id" = Option<GuardianId>, Query, description = "The guardian who asks"),
        ("format" = inline(Option<Format>), Query, description = "`json` or `csv`", example = "csv"),
    ),
    responses(
        (status = 200, description = "All of them", content((AccessReport = "application/json"), (String = "text/csv"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`, `disclosure-refused`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/students/{id}/disclosures")]
async fn report_disclosures(
    caller: Caller<PrivacyRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    params: UnquotedQuery<ReportParams>,
) -> Result<HttpResponse, Problem> {
    let student: StudentId = path_id("student", &id)?;
    let ReportParams { guardian, format } = params.0;
    let purpose = if guardian.is_some() { Purpose::FamilyAccess } else { Purpose::LegalCompliance };
    let errand = errand(&request, &caller, purpose)?;
    let attempt = attempt(Action::Read, Some(student));
    let found = errand::run(&context, errand, attempt, move |tx, vault, errand| {
        releases::report(tx, vault, errand, student, guardian)
    })
    .await?;
    match format {
        Format::Json => {
            let items = found.into_iter().map(Disclosure::from).collect();
            Ok(HttpResponse::Ok().json(AccessReport { items }))
        }
        Format::Csv => csv::answer(&mut HttpResponse::Ok(), &COLUMNS, found.into_iter().map(row)),
    }
}

/// Lists the releases of a district, in the order of time.
#[utoipa::path(
    tag = "disclosures", operation_id = "list_disclosures", security(("oauth" = ["privacy:read"])),
    params(
        ("limit" = Option<u8>, Query, description = "How many items: 1 to 100, by default 25", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before; in CSV, the `Link` has it"),
        ("since" = Option<Timestamp>, Query, description = "From this instant on", example = "2026-09-01T00:00:00Z"),
        ("until" = Option<Timestamp>, Query, description = "Before this instant", example = "2027-07-01T00:00:00Z"),
        ("format" = inline(Option<Format>), Query, description = "`json` or `csv`", example = "csv"),
    ),
    responses(
        (status = 200, description = "One page", content((DisclosureList = "application/json"), (String = "text/csv")), headers(("Link" = String, description = "`rel=\"next\"`"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
    )
)]
#[get("/disclosures")]
async fn list_disclosures(
    caller: Caller<PrivacyRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    params: UnquotedQuery<ListParams>,
) -> Result<HttpResponse, Problem> {
    let ListParams { limit: Limit(limit), cursor, since, until, format } = params.0;
    let query = format!("list disclosures {} {since:?} {until:?}", caller.id);
    let after = cursor.map(|cursor| context.cursors.read::<DisclosureId>(&query, &cursor)).transpose()?;
    let filter =
        Filter { student: None, since, until, after, limit: i64::try_from(limit).unwrap_or(100) + 1 };
    let errand = errand(&request, &caller, Purpose::LegalCompliance)?;
    let (mut found, count) =
        errand::run(&context, errand, attempt(Action::Read, None), move |tx, _, errand| {
            releases::report_of_district(tx, errand, &filter)
        })
        .await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more).map(|disclosure| disclosure.id);
    let next_cursor = last.map(|last| context.cursors.write(&query, &last));
    let mut response = HttpResponse::Ok();
    link_next(&mut response, &request, next_cursor.as_deref());
    match format {
        Format::Json => {
            let items: Vec<Disclosure> = found.into_iter().map(Disclosure::from).collect();
            Ok(response.json(PageBody { items, next_cursor, total: Total::counted(count) }))
        }
        Format::Csv => csv::answer(&mut response, &COLUMNS, found.into_iter().map(row)),
    }
}

/// Tells somebody outside: gives the packet, if it may leave, and puts it on the record in the same transaction.
///
/// Each request is a release of its own, with its own record; it is not replayed.
#[utoipa::path(
    tag = "disclosures", operation_id = "create_disclosure", security(("oauth" = ["referrals:write"])),
    params(("id" = Uuid, Path, description = "The student")),
    request_body(content = DisclosureCreate, content_type = "application/json", example = json!({
        "recipient": {"caseworker": {"name": "C. Worker", "position": "caseworker", "affiliation": "Department of Children and Families"}},
        "packet": "identity", "fields": ["given_name", "family_name", "school"], "purpose": "care_and_protection",
        "basis": "child_welfare_caseworker", "on_file": "placement letter of 2026-10-02"
    })),
    responses(
        (status = 201, description = "It is told, and on the record", body = DisclosureMade),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`, `disclosure-refused`"),
        (status = 404, description = "`not-found`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
    )
)]
#[post("/students/{id}/disclosures")]
async fn create_disclosure(
    caller: Caller<ReferralsWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let student: StudentId = path_id("student", &id)?;
    let asked: DisclosureCreate = body::read_unquoted(&request, &bytes.0, JSON)?;
    let errand = errand(&request, &caller, asked.purpose)?;
    let attempt = attempt(Action::Release, Some(student));
    let released = errand::run(&context, errand, attempt, move |tx, vault, errand| {
        releases::release(tx, vault, errand, student, &asked)
    })
    .await?;
    let Released { disclosure, packet, notices } = released;
    let notices = notices.into_iter().map(NoticeText::from).collect();
    let made = DisclosureMade { disclosure: disclosure.into(), packet, notices };
    Ok(HttpResponse::build(StatusCode::CREATED).json(made))
}

/// Shows what a provider would see of a student before it has accepted: nothing that identifies, and nothing that could
/// harm the child.
#[utoipa::path(
    tag = "disclosures", operation_id = "preview_limited_profile", security(("oauth" = ["referrals:read"])),
    params(("id" = Uuid, Path, description = "The student")),
    request_body(content = ProfileAsk, content_type = "application/json", example = json!({"tier": 2, "needs": ["anxiety"], "languages": ["es"]})),
    responses(
        (status = 200, description = "It", body = LimitedProfile),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
    )
)]
#[post("/students/{id}/limited-profile")]
async fn preview_limited_profile(
    caller: Caller<ReferralsRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let student: StudentId = path_id("student", &id)?;
    let ask: ProfileAsk = body::read_unquoted(&request, &bytes.0, JSON)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let attempt = Attempt {
        resource: "student",
        resource_id: Some(student.into()),
        ..attempt(Action::Read, Some(student))
    };
    let profile = errand::run(&context, errand, attempt, move |tx, vault, errand| {
        students::limited_profile(tx, vault, errand, student, &ask)
    })
    .await?;
    Ok(HttpResponse::Ok().json(profile))
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(report_disclosures)
        .service(list_disclosures)
        .service(create_disclosure)
        .service(preview_limited_profile);
}
