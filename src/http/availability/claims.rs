//! `/v1/capacity-pools/{id}/availability`, also reached by an offering: what holds now, and to say what does.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, get, put, web};
use utoipa_actix_web::service_config::ServiceConfig;

use super::{Availability, FindPool, by_offering, by_pool};
use crate::access::Principal;
use crate::availability::{ClaimReport, evidence, report_by};
use crate::http::caller::{AvailabilityWrite, Caller, DirectoryRead};
use crate::http::problem::Problem;
use crate::http::query::{NoParams, Query};
use crate::http::resource::JSON;
use crate::http::{Context, body};

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
            let claim = report_by(tx, &principal, pool, &report)?;
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
