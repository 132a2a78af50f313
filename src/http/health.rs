//! Whether the server runs and whether it can answer.

use std::time::Duration;

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

use super::problem::{Problem, ProblemCode};
use super::query::{NoParams, Query};
use super::{Context, openapi};
use crate::error::Error;

/// That the server runs.
#[derive(Serialize, utoipa::ToSchema)]
struct Health {
    /// Always `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// That the server can answer.
#[derive(Serialize, utoipa::ToSchema)]
struct Readiness {
    /// Always `ready`.
    #[schema(example = "ready")]
    status: &'static str,
    /// How many offerings can be found.
    #[schema(example = 30)]
    offerings: usize,
    /// The finder's revision.
    #[schema(example = "5f3a91c2:30")]
    revision: String,
    /// Milliseconds since the finder was last known to be in step with the database.
    #[schema(example = 120)]
    lag_ms: u64,
    /// How many changes the finder is behind the newest in the database.
    #[schema(example = 0)]
    changes_behind: i64,
}

/// A finder that is this far behind must not answer: what it shows may be taken.
const LONGEST_LAG: Duration = Duration::from_secs(30);

/// Whether the server runs.
#[utoipa::path(tag = "health", operation_id = "health", security(()), responses((status = 200, description = "It runs", body = Health)))]
#[get("/healthz")]
async fn healthz(_params: Query<NoParams>) -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok" })
}

/// Whether the server can answer: the database does, the finder is loaded and in step with it, and no stop was asked for.
#[utoipa::path(
    tag = "health", operation_id = "readiness", security(()),
    responses((status = 200, description = "It can answer", body = Readiness), (status = 503, description = "`overloaded`, `unavailable`, `starting`, `stopping`"))
)]
#[get("/readyz")]
async fn readyz(context: web::Data<Context>, _params: Query<NoParams>) -> Result<HttpResponse, Problem> {
    if context.edge.is_stopping() {
        return Err(Problem::new(
            ProblemCode::Stopping,
            "the server was asked to stop; send requests elsewhere",
        ));
    }
    context.ready()?;
    let app = context.app.clone();
    let newest = web::block(move || app.store.feed_newest())
        .await
        .unwrap_or_else(|stopped| Err(Error::internal("asking for the newest change", stopped)));
    let newest = newest.map_err(|error| {
        tracing::error!(%error, "the database does not answer");
        Problem::new(ProblemCode::Unavailable, "the database does not answer")
    })?;
    let lag = context.app.lag();
    if lag > LONGEST_LAG {
        let detail = format!("the finder has not been in step with the database for {} s", lag.as_secs());
        return Err(Problem::new(ProblemCode::Unavailable, &detail));
    }
    Ok(HttpResponse::Ok().json(Readiness {
        status: "ready",
        offerings: context.app.indexed(),
        revision: context.app.revision(),
        lag_ms: u64::try_from(lag.as_millis()).unwrap_or(u64::MAX),
        changes_behind: (newest - context.app.feed_applied()).max(0),
    }))
}

/// The contract.
#[utoipa::path(
    tag = "health", operation_id = "contract", security(()),
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json", body = Object))
)]
#[get("/openapi.json")]
async fn contract(_params: Query<NoParams>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(openapi::json())
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(healthz).service(readyz).service(contract);
}
