//! `/v1/observations`, and what they add up to: the track record of a pool.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use jiff::Timestamp;
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

use super::availability::Availability;
use super::caller::{AvailabilityWrite, Caller, DirectoryRead};
use super::idempotency::{Answer, answer_once};
use super::problem::Problem;
use super::query::{NoParams, Query};
use super::resource::{JSON, parse_id};
use super::{Context, body};
use crate::availability::{
    LOOKED_BACK, Observation, PRIOR_MEAN, PRIOR_WEIGHT, TrackRecord, current, evidence, observe, track_record,
};
use crate::directory::CapacityPoolFacts;

/// What a pool's agency says of it, beside what was observed of it.
#[derive(Serialize, utoipa::ToSchema)]
struct PoolTrackRecord {
    /// What is said of its capacity now.
    declared: Availability,
    /// What was observed.
    observed: TrackRecord,
    /// Only what was observed from then on counts.
    observed_since: Timestamp,
    /// How far it can be relied on, from 0 to 1; 0.5 where nothing was observed. Few observations are shrunk toward
    /// that.
    #[schema(minimum = 0, maximum = 1, example = 0.62)]
    reliability: f64,
    /// What reliability goes by, in words.
    reasons: Vec<String>,
}

/// Records what was seen of a pool: a reply to an offer, a first appointment, an appointment kept or missed, a claim
/// that held or did not. Those who look for services say so; no agency observes itself.
#[utoipa::path(
    tag = "availability", operation_id = "create_observation", security(("oauth" = ["availability:write"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body get the same answer again")),
    request_body(
        content = Observation, content_type = "application/json",
        example = json!({"capacity_pool_id": "3d6c3cb2-6b59-5b68-b53b-edfa21bbdb02", "kind": "offer", "held": true, "hours_to_reply": 5.5})
    ),
    responses(
        (status = 201, description = "Recorded: what the pool's record is since", body = TrackRecord),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
        (status = 422, description = "`idempotency-key-reused`"),
    )
)]
#[post("/observations")]
async fn create_observation(
    caller: Caller<AvailabilityWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    _params: Query<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let observation: Observation = body::read_strictly(&request, &bytes.0, JSON)?;
    let principal = caller.clone();
    answer_once(&context, &request, &caller, &bytes.0, move |tx| {
        observe(tx, &principal, &observation)?;
        let record = track_record(tx.connection, observation.capacity_pool_id, tx.now)?;
        Answer::json(StatusCode::CREATED, &[], &record)
    })
    .await
}

/// Shows what a pool's agency says beside what was observed of it in the last year.
#[utoipa::path(
    tag = "availability", operation_id = "get_track_record", security(("oauth" = ["directory:read"])),
    params(("id" = uuid::Uuid, Path, description = "The capacity pool")),
    responses((status = 200, description = "Declared and observed", body = PoolTrackRecord), (status = 404, description = "`not-found`"))
)]
#[get("/capacity-pools/{id}/track-record")]
async fn get_track_record(
    _caller: Caller<DirectoryRead>,
    context: web::Data<Context>,
    id: web::Path<String>,
    _params: Query<NoParams>,
) -> Result<HttpResponse, Problem> {
    let pool = parse_id::<CapacityPoolFacts>(&id)?;
    let now = context.app.now();
    let found = context.app.store.read(move |connection| {
        let claim = current(connection, pool)?;
        let evidence = evidence(connection, pool, claim.as_ref(), now)?;
        let observed = evidence.track.unwrap_or_default();
        let mut reasons = observed.told();
        reasons.push(format!(
            "each rate is shrunk toward {PRIOR_MEAN} as if {PRIOR_WEIGHT} more had been observed"
        ));
        Ok(PoolTrackRecord {
            declared: Availability::of(Some(pool), claim.as_ref(), evidence, now),
            observed,
            observed_since: now - LOOKED_BACK,
            reliability: observed.reliability(),
            reasons,
        })
    });
    Ok(HttpResponse::Ok().json(found.await?))
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(create_observation).service(get_track_record);
}
