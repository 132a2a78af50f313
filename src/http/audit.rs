//! `/v1/audit`: who touched what of which student.

use actix_web::{HttpRequest, HttpResponse, get, web};
use jiff::Timestamp;
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::Context;
use super::caller::{Caller, PrivacyRead};
use super::errand::errand;
use super::problem::Problem;
use super::query::{FromParams, Limit, Params, UnquotedQuery};
use super::resource::{Total, answer_page};
use crate::access::Role;
use crate::privacy::Purpose;
use crate::privacy::audit::{Action, Event, EventPage, Outcome, list};
use crate::types::StudentId;

/// One act on the record.
#[derive(Serialize, utoipa::ToSchema)]
struct AuditEvent {
    /// When.
    at: Timestamp,
    /// Who: the id of a client or a membership.
    principal_id: Uuid,
    /// How they were called then.
    principal_name: String,
    /// What they were then.
    role: Role,
    /// What they did.
    action: Action,
    /// Why.
    purpose: Purpose,
    /// To what kind of thing.
    #[schema(example = "student")]
    resource: String,
    /// Which one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    resource_id: Option<Uuid>,
    /// Of which student.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    student_id: Option<StudentId>,
    /// What came of it.
    outcome: Outcome,
    /// The `X-Request-Id` of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request_id: Option<String>,
}

/// One page of the audit.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the body that the generic list writes")]
struct AuditEventPage {
    /// The latest first.
    items: Vec<AuditEvent>,
    /// Continues the list; none at its end.
    #[schema(nullable = false)]
    next_cursor: Option<String>,
    /// How many there are.
    total: Total,
}

struct AuditParams {
    limit: Limit,
    cursor: Option<String>,
    page: EventPage,
}

impl FromParams for AuditParams {
    fn from_params(params: &mut Params) -> Self {
        Self {
            limit: params.one("limit").unwrap_or_default(),
            cursor: params.one("cursor"),
            page: EventPage {
                before: None,
                limit: 0,
                student: params.one("student_id"),
                since: params.one("since"),
            },
        }
    }
}

/// Lists who read, changed or released what of which student of the caller's district, and when. That the list was read
/// goes on the record too.
#[utoipa::path(
    tag = "audit", operation_id = "list_audit", security(("oauth" = ["privacy:read"])),
    params(
        ("limit" = Option<u8>, Query, description = "How many items: 1 to 100, by default 25", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("student_id" = Option<StudentId>, Query, description = "Only about this student"),
        ("since" = Option<Timestamp>, Query, description = "Only from this instant on, such as 2026-11-01T00:00:00Z"),
    ),
    responses(
        (status = 200, description = "One page", body = AuditEventPage, headers(("Link" = String, description = "`rel=\"next\"`"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
    )
)]
#[get("/audit")]
async fn list_audit(
    caller: Caller<PrivacyRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    params: UnquotedQuery<AuditParams>,
) -> Result<HttpResponse, Problem> {
    let AuditParams { limit, cursor, mut page } = params.0;
    let errand = errand(&request, &caller, Purpose::LegalCompliance)?;
    let query = format!("audit of {:?} {page:?}", errand.district());
    page.before = cursor.map(|cursor| context.cursors.read::<i64>(&query, &cursor)).transpose()?;
    page.limit = i64::try_from(limit.0).unwrap_or(100) + 1;
    let tenancy = errand.tenancy.clone();
    let (events, count) = context.app.store.write_for(tenancy, move |tx| list(tx, &errand, &page)).await?;
    let found = (events, Total::counted(count));
    Ok(answer_page(&context, &request, &query, limit.0, found, |event| event.seq, AuditEvent::from))
}

impl From<Event> for AuditEvent {
    fn from(event: Event) -> Self {
        Self {
            at: event.at,
            principal_id: event.principal_id,
            principal_name: event.principal_name,
            role: event.role,
            action: event.action,
            purpose: event.purpose,
            resource: event.resource,
            resource_id: event.resource_id,
            student_id: event.student_id,
            outcome: event.outcome,
            request_id: event.request_id,
        }
    }
}

/// Adds this operation.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(list_audit);
}
