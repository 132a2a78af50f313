//! `/v1/capacity-pools/{id}/availability`, also reached by an offering.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, get, put, web};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

use super::caller::{AvailabilityWrite, Caller, DirectoryRead};
use super::expected_wait::ExpectedWait;
use super::problem::Problem;
use super::query::{NoParams, Query};
use super::resource::JSON;
use super::{Context, body};
use crate::access::Principal;
use crate::availability::{
    Claim, ClaimMethod, ClaimReport, Evidence, evidence, expected_wait,
};
use crate::directory::{CapacityPoolFacts, Facts, OfferingFacts, Voice, admit, find};
use crate::error::{Error, Result};
use crate::store::DbConnection;
use crate::types::{AvailabilityStatus, CapacityPoolId};

/// What is known of a pool's capacity now. Silence is `unknown`, and so is what was said and has lapsed.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Availability {
    /// Whose capacity.
    capacity_pool_id: Option<CapacityPoolId>,
    /// What holds now.
    pub status: AvailabilityStatus,
    /// Openings not yet promised to anyone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 2)]
    open_slots: Option<u32>,
    /// How many wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    waiting: Option<u32>,
    /// How many started in the 28 days before it was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    starts_last_28_days: Option<u32>,
    /// The first date on which someone new could start.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_available_date: Option<Date>,
    /// Remarks.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    notes: Option<String>,
    /// When it was said, also where it has lapsed since.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    as_of: Option<Timestamp>,
    /// From when on it no longer holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    valid_until: Option<Timestamp>,
    /// Who found out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    method: Option<ClaimMethod>,
    /// How long one waits for a first appointment, as far as what was said and observed bears a figure.
    expected_wait: ExpectedWait,
}

impl Availability {
    /// What `claim`, the newest of the pool, says at `now`, and what follows with what was observed of it.
    pub(super) fn of(
        pool: Option<CapacityPoolId>,
        claim: Option<&Claim>,
        evidence: Evidence,
        now: Timestamp,
    ) -> Self {
        let live = claim.filter(|claim| claim.is_live(now));
        Self {
            capacity_pool_id: pool,
            status: live.map_or(AvailabilityStatus::Unknown, |claim| claim.status),
            open_slots: live.and_then(|claim| claim.open_slots),
            waiting: live.and_then(|claim| claim.waiting),
            starts_last_28_days: live.and_then(|claim| claim.starts_last_28_days),
            next_available_date: live.and_then(|claim| claim.next_available_date),
            notes: live.and_then(|claim| claim.notes.clone()),
            as_of: claim.map(|claim| claim.reported_at),
            valid_until: claim.map(|claim| claim.valid_until),
            method: claim.map(|claim| claim.method),
            expected_wait: expected_wait(claim, evidence, now).into(),
        }
    }
}

/// The pool that the path names: directly, or by one of its offerings.
type FindPool = fn(&mut DbConnection, &str) -> Result<CapacityPoolId>;

fn by_pool(connection: &mut DbConnection, id: &str) -> Result<CapacityPoolId> {
    let missing = |_| Error::NotFound { what: CapacityPoolFacts::NOUN.as_str(), id: id.to_owned() };
    Ok(find::<CapacityPoolFacts>(connection, id.parse().map_err(missing)?)?.id)
}

fn by_offering(connection: &mut DbConnection, id: &str) -> Result<CapacityPoolId> {
    let missing = || Error::NotFound { what: OfferingFacts::NOUN.as_str(), id: id.to_owned() };
    let offering = find::<OfferingFacts>(connection, id.parse().map_err(|_| missing())?)?;
    offering.facts.capacity_pool_id.ok_or_else(missing)
}

async fn read(context: &Context, id: String, find_pool: FindPool) -> Result<HttpResponse, Problem> {
    let now = context.app.now();
    let shown = context
        .app
        .store
        .read(move |connection| {
            let pool = find_pool(connection, &id)?;
            let claim = crate::availability::current(connection, pool)?;
            let evidence = evidence(connection, pool, claim.as_ref(), now)?;
            Ok(Availability::of(Some(pool), claim.as_ref(), evidence, now))
        })
        .await?;
    Ok(HttpResponse::Ok().json(shown))
}

async fn report(
    context: &Context,
    request: &HttpRequest,
    caller: &Arc<Principal>,
    id: String,
    bytes: &[u8],
    find_pool: FindPool,
) -> Result<HttpResponse, Problem> {
    let report: ClaimReport = body::read_strictly(request, bytes, JSON)?;
    let principal = caller.clone();
    let shown = context
        .app
        .store
        .write(move |tx| {
            let pool = find_pool(tx.connection, &id)?;
            let record = find::<CapacityPoolFacts>(tx.connection, pool)?;
            admit(tx.connection, &principal, &record)?;
            let claim = crate::availability::report(tx, pool, &report, &Voice::of(&principal))?;
            let evidence = evidence(tx.connection, pool, Some(&claim), tx.now)?;
            Ok(Availability::of(Some(pool), Some(&claim), evidence, tx.now))
        })
        .await?;
    Ok(HttpResponse::Ok().json(shown))
}

/// Shows what is known of a pool's capacity now.
#[utoipa::path(
    tag = "availability", operation_id = "get_availability", security(("oauth" = ["directory:read"])),
    params(("id" = uuid::Uuid, Path, description = "The capacity pool")),
    responses((status = 200, description = "What holds now", body = Availability), (status = 404, description = "`not-found`"))
)]
#[get("/capacity-pools/{id}/availability")]
async fn get_availability(
    _caller: Caller<DirectoryRead>,
    context: web::Data<Context>,
    id: web::Path<String>,
    _params: Query<NoParams>,
) -> Result<HttpResponse, Problem> {
    read(&context, id.into_inner(), by_pool).await
}

/// Says what a pool can take. Every report is kept; the latest by `reported_at` holds, and is answered.
#[utoipa::path(
    tag = "availability", operation_id = "report_availability", security(("oauth" = ["availability:write"])),
    params(("id" = uuid::Uuid, Path, description = "The capacity pool")),
    request_body(
        content = ClaimReport, content_type = "application/json",
        example = json!({"status": "capacity", "open_slots": 2, "starts_last_28_days": 3})
    ),
    responses(
        (status = 200, description = "What holds now", body = Availability),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
    )
)]
#[put("/capacity-pools/{id}/availability")]
async fn report_availability(
    caller: Caller<AvailabilityWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: Query<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    report(&context, &request, &caller, id.into_inner(), &bytes.0, by_pool).await
}

/// Shows what is known of the capacity that an offering draws on.
#[utoipa::path(
    tag = "availability", operation_id = "get_offering_availability", security(("oauth" = ["directory:read"])),
    params(("id" = uuid::Uuid, Path, description = "The offering")),
    responses((status = 200, description = "What holds now", body = Availability), (status = 404, description = "`not-found`"))
)]
#[get("/offerings/{id}/availability")]
async fn get_offering_availability(
    _caller: Caller<DirectoryRead>,
    context: web::Data<Context>,
    id: web::Path<String>,
    _params: Query<NoParams>,
) -> Result<HttpResponse, Problem> {
    read(&context, id.into_inner(), by_offering).await
}

/// Says what the pool of an offering can take; every offering of that pool is meant.
#[utoipa::path(
    tag = "availability", operation_id = "report_offering_availability", security(("oauth" = ["availability:write"])),
    params(("id" = uuid::Uuid, Path, description = "The offering")),
    request_body(
        content = ClaimReport, content_type = "application/json",
        example = json!({"status": "capacity", "open_slots": 2, "starts_last_28_days": 3})
    ),
    responses(
        (status = 200, description = "What holds now", body = Availability),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
    )
)]
#[put("/offerings/{id}/availability")]
async fn report_offering_availability(
    caller: Caller<AvailabilityWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: Query<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    report(&context, &request, &caller, id.into_inner(), &bytes.0, by_offering).await
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(get_availability)
        .service(report_availability)
        .service(get_offering_availability)
        .service(report_offering_availability);
}
