//! `/v1/crisis-events`: reports of imminent risk, and what people did about them.

mod shown;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

use super::caller::{Caller, ReferralsRead, ReferralsWrite};
use super::crisis_rota::CrisisTold;
use super::errand::{Attempt, errand, run, run_once};
use super::idempotency::Answer;
use super::imminent_risk::state_of;
use super::problem::Problem;
use super::query::{FromParams, Limit, NoParams, Params, UnquotedQuery};
use super::resource::{JSON, Total, answer_part};
use super::students::path_id;
use super::{Context, body};
use crate::error::FieldError;
use crate::exchange::crisis_rota;
use crate::privacy::Purpose;
use crate::privacy::audit::Action;
use crate::students::crises::{self, CrisisList, CrisisPage, CrisisReport, Notes};
use crate::types::{CrisisContact, CrisisEventId, SchoolId, StudentId, crisis_contacts, mandated_reporting};
use shown::{CrisisEvent, single, view};

/// What somebody says of imminent risk. All of it may be left out.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"state": "MA", "suspected_abuse": false}))]
struct CrisisEventCreate {
    /// The school, of the caller's district.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    school_id: Option<SchoolId>,
    /// The student, if they are known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    student_id: Option<StudentId>,
    /// The state where the student is; left out, that of the school or the district.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "MA", pattern = "^[A-Z]{2}$")]
    state: Option<String>,
    /// Whether abuse or neglect is suspected. The answer then says what mandated reporters have to do; nothing is filed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    suspected_abuse: Option<bool>,
    /// What there is to say. It is kept sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, min_length = 1, max_length = 4000)]
    note: Option<String>,
}

/// How a crisis event was cleared.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"note": "Spoke with the family; the mobile crisis team has taken over."}))]
struct CrisisEventClear {
    /// Why it is over. It is kept sealed.
    #[schema(min_length = 1, max_length = 4000)]
    note: String,
}

/// A crisis event that was just recorded, and who helps at once.
#[derive(Serialize, utoipa::ToSchema)]
struct CrisisEventRecorded {
    /// The event, without what was written.
    event: CrisisEvent,
    /// To whom a message goes now. Empty: nobody could be told; tell somebody yourself.
    told: Vec<CrisisTold>,
    /// Whom to call, in the order in which to show them.
    #[schema(value_type = Vec<CrisisContact>)]
    crisis_contacts: Vec<&'static CrisisContact>,
    /// Where abuse or neglect is suspected: what mandated reporters have to do themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    mandated_reporting: Option<String>,
}

/// One page of crisis events.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the body that the generic list writes")]
struct CrisisEventPage {
    /// The latest first.
    items: Vec<CrisisEvent>,
    /// Continues the list; none at its end.
    #[schema(nullable = false)]
    next_cursor: Option<String>,
    /// How many there are.
    total: Total,
}

/// What somebody sets out to do with a crisis event.
fn attempt(action: Action, id: Option<CrisisEventId>) -> Attempt {
    Attempt { action, resource: crises::RESOURCE, resource_id: id.map(Into::into), student: None }
}

const LONGEST_NOTE: usize = 4_000;

fn note_fault(note: &str) -> Option<FieldError> {
    let is_fit = !note.trim().is_empty() && note.chars().count() <= LONGEST_NOTE && !note.contains('\0');
    (!is_fit).then(|| FieldError::body("/note", format_args!("must have 1 to {LONGEST_NOTE} characters")))
}

impl CrisisEventCreate {
    fn read(self) -> Result<CrisisReport, Problem> {
        let Self { school_id, student_id, state, suspected_abuse, note } = self;
        let mut faults: Vec<FieldError> = note.as_deref().and_then(note_fault).into_iter().collect();
        if state
            .as_ref()
            .is_some_and(|state| state.len() != 2 || !state.bytes().all(|b| b.is_ascii_uppercase()))
        {
            faults.push(FieldError::body("/state", "is not a state: two capitals are needed, such as MA"));
        }
        if !faults.is_empty() {
            return Err(Problem::invalid(faults));
        }
        let suspected_abuse = suspected_abuse.unwrap_or(false);
        Ok(CrisisReport { school: school_id, student: student_id, state, suspected_abuse, note })
    }
}

/// Records that there may be imminent risk, tells the first on the district's rota by message, and says whom to call. Call
/// first: nobody may read this at once.
#[utoipa::path(
    tag = "crisis_events", operation_id = "report_crisis", security(("oauth" = ["referrals:write"])),
    request_body(content = CrisisEventCreate, content_type = "application/json"),
    responses(
        (status = 201, description = "The event and whom to call", body = CrisisEventRecorded),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`, `idempotency-in-flight`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
        (status = 422, description = "`idempotency-key-reused`"),
    )
)]
#[post("/crisis-events")]
async fn report_crisis(
    caller: Caller<ReferralsWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    _params: UnquotedQuery<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let said: CrisisEventCreate = body::read_unquoted(&request, &bytes.0, JSON)?;
    let said = said.read()?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let attempt = Attempt { student: said.student, ..attempt(Action::Create, None) };
    let shown = context.clone();
    run_once(&context, &request, errand, attempt, &bytes.0, move |tx, vault, errand| {
        let mut said = said.clone();
        if said.state.is_none() {
            said.state = state_of(tx.connection, said.school, errand.district());
        }
        let followed = crisis_rota::report(tx, vault, errand, &said, shown.app.sends_mail())?;
        let event = &followed.event;
        let state = event.state.clone();
        let mandated_reporting = event.suspected_abuse.then(|| mandated_reporting(state.as_deref()));
        let location = format!("/v1/crisis-events/{}", event.id);
        let recorded = CrisisEventRecorded {
            told: CrisisTold::all(&followed.escalations),
            event: single(&shown, followed),
            crisis_contacts: crisis_contacts(state.as_deref()),
            mandated_reporting,
        };
        Answer::json(StatusCode::CREATED, &[("Location", location)], &recorded)
    })
    .await
}

struct CrisisParams {
    limit: Limit,
    cursor: Option<String>,
    page: CrisisPage,
}

impl FromParams for CrisisParams {
    fn from_params(params: &mut Params) -> Self {
        Self {
            limit: params.one("limit").unwrap_or_default(),
            cursor: params.one("cursor"),
            page: CrisisPage {
                before: None,
                limit: 0,
                open: params.optional_flag("open"),
                acknowledged: params.optional_flag("acknowledged"),
            },
        }
    }
}

/// Lists the crisis events of the caller's district, or of their schools and their own reports.
#[utoipa::path(
    tag = "crisis_events", operation_id = "list_crisis_events", security(("oauth" = ["referrals:read"])),
    params(
        ("limit" = Option<u8>, Query, description = "How many items: 1 to 100, by default 25", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("open" = Option<bool>, Query, description = "Only those that nobody has cleared, or only those that were cleared"),
        ("acknowledged" = Option<bool>, Query, description = "Only those that somebody has acknowledged, or only those that nobody has"),
    ),
    responses(
        (status = 200, description = "One page", body = CrisisEventPage, headers(("Link" = String, description = "`rel=\"next\"`"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
    )
)]
#[get("/crisis-events")]
async fn list_crisis_events(
    caller: Caller<ReferralsRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    params: UnquotedQuery<CrisisParams>,
) -> Result<HttpResponse, Problem> {
    let CrisisParams { limit, cursor, mut page } = params.0;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let query = format!("crisis events of {:?} {page:?}", errand.tenancy);
    page.before = cursor.map(|cursor| context.cursors.read::<CrisisEventId>(&query, &cursor)).transpose()?;
    page.limit = limit.0;
    let listed = run(&context, errand, attempt(Action::Read, None), move |tx, _, errand| {
        crises::list(tx, errand, &page)
    });
    let CrisisList { events, more, count } = listed.await?;
    let last = events.last().filter(|_| more).map(|event| event.id);
    let part = (events, last, Total::counted(count));
    Ok(answer_part(&context, &request, &query, part, |event| view(event, Notes::default())))
}

/// Shows a crisis event with what was written.
#[utoipa::path(
    tag = "crisis_events", operation_id = "get_crisis_event", security(("oauth" = ["referrals:read"])),
    params(("id" = CrisisEventId, Path, description = "The event")),
    responses(
        (status = 200, description = "The event", body = CrisisEvent),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/crisis-events/{id}")]
async fn get_crisis_event(
    caller: Caller<ReferralsRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
) -> Result<HttpResponse, Problem> {
    let id: CrisisEventId = path_id("crisis event", &id)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let found = run(&context, errand, attempt(Action::Read, Some(id)), move |tx, vault, errand| {
        let found = crises::find(tx, vault, errand, id)?;
        crisis_rota::follow(tx, found)
    });
    Ok(HttpResponse::Ok().json(single(&context, found.await?)))
}

/// Takes a crisis event on: from now on somebody is there for it.
#[utoipa::path(
    tag = "crisis_events", operation_id = "acknowledge_crisis_event", security(("oauth" = ["referrals:write"])),
    params(("id" = CrisisEventId, Path, description = "The event")),
    responses(
        (status = 200, description = "The event", body = CrisisEvent),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`"),
    )
)]
#[post("/crisis-events/{id}/acknowledge")]
async fn acknowledge_crisis_event(
    caller: Caller<ReferralsWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
) -> Result<HttpResponse, Problem> {
    let id: CrisisEventId = path_id("crisis event", &id)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let done = run(&context, errand, attempt(Action::Change, Some(id)), move |tx, vault, errand| {
        let done = crises::acknowledge(tx, vault, errand, id)?;
        crisis_rota::follow(tx, done)
    });
    Ok(HttpResponse::Ok().json(single(&context, done.await?)))
}

/// Clears a crisis event. Only a person may, with a note, and after somebody has acknowledged it.
#[utoipa::path(
    tag = "crisis_events", operation_id = "clear_crisis_event", security(("oauth" = ["referrals:write"])),
    params(("id" = CrisisEventId, Path, description = "The event")),
    request_body(content = CrisisEventClear, content_type = "application/json"),
    responses(
        (status = 200, description = "The event", body = CrisisEvent),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
    )
)]
#[post("/crisis-events/{id}/clear")]
async fn clear_crisis_event(
    caller: Caller<ReferralsWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let id: CrisisEventId = path_id("crisis event", &id)?;
    let CrisisEventClear { note } = body::read_unquoted(&request, &bytes.0, JSON)?;
    if let Some(fault) = note_fault(&note) {
        return Err(fault.into());
    }
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let done = run(&context, errand, attempt(Action::End, Some(id)), move |tx, vault, errand| {
        let done = crises::clear(tx, vault, errand, id, &note)?;
        crisis_rota::follow(tx, done)
    });
    Ok(HttpResponse::Ok().json(single(&context, done.await?)))
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(report_crisis)
        .service(list_crisis_events)
        .service(get_crisis_event)
        .service(acknowledge_crisis_event)
        .service(clear_crisis_event);
}
