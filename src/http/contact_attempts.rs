//! `/v1/contact-attempts`: what calls to agencies found.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use jiff::Timestamp;
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::availability::Availability;
use super::caller::{AvailabilityWrite, Caller, DirectoryRead};
use super::idempotency::{Answer, answer_once};
use super::problem::Problem;
use super::query::{FromParams, Limit, NoParams, Params, Query};
use super::resource::{JSON, Total, answer_page, parse_id};
use super::{Context, body};
use crate::availability::{
    ContactAttempt, ContactOutcome, ContactPage, ContactReport, Contacted, attempts, contact, evidence,
};
use crate::directory::CapacityPoolFacts;
use crate::error::Error;
use crate::store::Tx;
use crate::types::{CapacityPoolId, ClaimId, ContactAttemptId, LanguageTag, OfferingId, Phone};

/// A call to an agency and what it found. Who called is told to those of their own district.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ContactAttempt)]
struct ContactAttemptView {
    /// Its id.
    id: ContactAttemptId,
    /// Whose openings were asked about.
    capacity_pool_id: CapacityPoolId,
    /// The offering that was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    offering_id: Option<OfferingId>,
    /// What was found.
    outcome: ContactOutcome,
    /// The number that was called, for those of the caller's district.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    phone: Option<Phone>,
    /// The language that was used or asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    language: Option<LanguageTag>,
    /// When the call was.
    attempted_at: Timestamp,
    /// When it was recorded.
    recorded_at: Timestamp,
    /// The claim that it became, if it said something about capacity.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    claim_id: Option<ClaimId>,
    /// Who called, for those of their district.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    attempted_by: Option<String>,
    /// Their remarks, for those of their district.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    notes: Option<String>,
}

impl From<ContactAttempt> for ContactAttemptView {
    fn from(attempt: ContactAttempt) -> Self {
        let ContactAttempt {
            id,
            capacity_pool_id,
            offering_id,
            outcome,
            phone,
            language,
            notes,
            attempted_at,
            recorded_at,
            attempted_by,
            district_id: _,
            claim_id,
        } = attempt;
        Self {
            id,
            capacity_pool_id,
            offering_id,
            outcome,
            phone,
            language,
            attempted_at,
            recorded_at,
            claim_id,
            attempted_by: Some(attempted_by).filter(|by| !by.is_empty()),
            notes,
        }
    }
}

/// A fact of which a call said something. What the agency said itself stands before it.
#[derive(Serialize, utoipa::ToSchema)]
struct ContactAssertion {
    /// What kind of thing: `organization`, `service`, `location` or `offering`.
    #[schema(example = "offering")]
    noun: &'static str,
    /// Which one.
    id: Uuid,
    /// Which field.
    #[schema(example = "languages")]
    field: &'static str,
}

/// A call that was recorded, and what came of it.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ContactAttemptRecorded {
    /// The call.
    attempt: ContactAttemptView,
    /// What now holds of the pool, if the call said something about capacity.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    availability: Option<Availability>,
    /// What the call now says of facts.
    assertions: Vec<ContactAssertion>,
}

impl ContactAttemptRecorded {
    /// A call that was just recorded.
    ///
    /// # Errors
    /// If the database fails.
    pub(super) fn of(tx: &mut Tx<'_>, contacted: Contacted) -> Result<Self, Error> {
        let pool = contacted.attempt.capacity_pool_id;
        let claim = contacted.claim.as_ref();
        let evidence = evidence(tx.connection, pool, claim, tx.now)?;
        Ok(Self {
            availability: claim.map(|claim| Availability::of(Some(pool), Some(claim), evidence, tx.now)),
            assertions: contacted
                .said
                .iter()
                .map(|said| ContactAssertion { noun: said.noun.as_str(), id: said.id, field: said.field })
                .collect(),
            attempt: contacted.attempt.into(),
        })
    }
}

/// One page of calls.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the body that the generic list writes")]
struct ContactAttemptPage {
    /// The latest call first.
    items: Vec<ContactAttemptView>,
    /// Continues the list; none at its end.
    #[schema(nullable = false)]
    next_cursor: Option<String>,
    /// How many there are.
    total: Total,
}

/// Records what a call to an agency found, so that nobody need call again the same day. What it says of capacity
/// becomes a claim that lives three days; a wrong number or a language that is not spoken becomes a statement about
/// the facts; and whether it was answered counts for the pool's record.
#[utoipa::path(
    tag = "availability", operation_id = "create_contact_attempt", security(("oauth" = ["availability:write"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body get the same answer again")),
    request_body(
        content = ContactReport, content_type = "application/json",
        example = json!({"offering_id": "2e50e0f3-aff9-5615-8de2-50d2e815d990", "outcome": "waiting", "waiting": 6, "language": "es"})
    ),
    responses(
        (status = 201, description = "Recorded", body = ContactAttemptRecorded),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
        (status = 422, description = "`idempotency-key-reused`"),
    )
)]
#[post("/contact-attempts")]
async fn create_contact_attempt(
    caller: Caller<AvailabilityWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    _params: Query<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let report: ContactReport = body::read_strictly(&request, &bytes.0, JSON)?;
    let principal = caller.clone();
    answer_once(&context, &request, &caller, &bytes.0, move |tx| {
        let contacted = contact(tx, &principal, &report)?;
        Answer::json(StatusCode::CREATED, &[], &ContactAttemptRecorded::of(tx, contacted)?)
    })
    .await
}

struct ListParams {
    limit: Limit,
    cursor: Option<String>,
    since: Option<Timestamp>,
}

impl FromParams for ListParams {
    fn from_params(params: &mut Params) -> Self {
        Self {
            limit: params.one("limit").unwrap_or_default(),
            cursor: params.one("cursor"),
            since: params.one("since"),
        }
    }
}

/// Lists what calls to a pool found, the latest first.
#[utoipa::path(
    tag = "availability", operation_id = "list_contact_attempts", security(("oauth" = ["directory:read"])),
    params(
        ("id" = Uuid, Path, description = "The capacity pool"),
        ("limit" = Option<u8>, Query, description = "How many items: 1 to 100, by default 25", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("since" = Option<Timestamp>, Query, description = "Only calls from then on"),
    ),
    responses(
        (status = 200, description = "One page", body = ContactAttemptPage, headers(("Link" = String, description = "`rel=\"next\"`"))),
        (status = 400, description = "`invalid-request`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/capacity-pools/{id}/contact-attempts")]
async fn list_contact_attempts(
    caller: Caller<DirectoryRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    params: Query<ListParams>,
) -> Result<HttpResponse, Problem> {
    let ListParams { limit, cursor, since } = params.0;
    let capacity_pool_id = parse_id::<CapacityPoolFacts>(&id)?;
    let mut page = ContactPage { capacity_pool_id, since, after: None, limit: 0 };
    let query = format!("contact attempts {page:?}");
    page.after = cursor.map(|cursor| context.cursors.read(&query, &cursor)).transpose()?;
    page.limit = i64::try_from(limit.0).unwrap_or(100) + 1;
    let reader = caller.clone();
    let (found, count) =
        context.app.store.read(move |connection| attempts(connection, &reader, &page)).await?;
    let place = |last: &ContactAttempt| (last.attempted_at, last.id);
    let found = (found, Total::counted(count));
    Ok(answer_page(&context, &request, &query, limit.0, found, place, ContactAttemptView::from))
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(create_contact_attempt).service(list_contact_attempts);
}
