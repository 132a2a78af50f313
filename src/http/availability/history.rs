//! `/v1/capacity-pools/{id}/availability/history`, also reached by an offering: everything that was ever said.

use actix_web::{HttpRequest, HttpResponse, get, web};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{FindPool, by_offering, by_pool};
use crate::access::Principal;
use crate::availability::{Claim, ClaimMethod, HistoryPage, KeptClaim};
use crate::http::Context;
use crate::http::caller::{Caller, DirectoryRead};
use crate::http::problem::Problem;
use crate::http::query::{FromParams, Limit, Params, Query};
use crate::http::resource::{Total, answer_page};
use crate::types::{AvailabilityStatus, CapacityPoolId, ClaimId};

/// One report of a pool's capacity, as it was made. Whether it still holds is for `is_current` and `valid_until` to
/// say.
#[derive(Serialize, utoipa::ToSchema)]
struct ClaimView {
    /// Its id.
    id: ClaimId,
    /// Whose capacity.
    capacity_pool_id: CapacityPoolId,
    /// What was said.
    status: AvailabilityStatus,
    /// Openings not yet promised to anyone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 2)]
    open_slots: Option<u32>,
    /// How many waited.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    waiting: Option<u32>,
    /// How many had started in the 28 days before.
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
    /// When it was said.
    reported_at: Timestamp,
    /// When it came in: later than other reports, where it came out of order.
    recorded_at: Timestamp,
    /// Who said it: told to operators, and to an agency's staff where the agency spoke. Who called is told to nobody
    /// else.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reported_by: Option<String>,
    /// Who found out.
    method: ClaimMethod,
    /// From when on it holds no longer.
    valid_until: Timestamp,
    /// Whether it is the latest said: what is known now is read from it, until it lapses.
    is_current: bool,
}

impl From<KeptClaim> for ClaimView {
    fn from(KeptClaim { claim, recorded_at, is_current, names_reporter }: KeptClaim) -> Self {
        let Claim {
            id,
            capacity_pool_id,
            status,
            open_slots,
            waiting,
            starts_last_28_days,
            next_available_date,
            notes,
            reported_at,
            reported_by,
            method,
            valid_until,
        } = claim;
        Self {
            id,
            capacity_pool_id,
            status,
            open_slots,
            waiting,
            starts_last_28_days,
            next_available_date,
            notes,
            reported_at,
            recorded_at,
            reported_by: names_reporter.then_some(reported_by),
            method,
            valid_until,
            is_current,
        }
    }
}

/// One page of a history, the latest said first.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the body that `PageBody` writes")]
struct AvailabilityHistoryPage {
    /// The reports.
    items: Vec<ClaimView>,
    /// Continues the list; none at its end.
    #[schema(nullable = false)]
    next_cursor: Option<String>,
    /// How many there are.
    total: Total,
}

struct HistoryParams {
    limit: Limit,
    cursor: Option<String>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl FromParams for HistoryParams {
    fn from_params(params: &mut Params) -> Self {
        let limit = params.one("limit").unwrap_or_default();
        let cursor = params.one("cursor");
        let (from, until) = (params.one::<Timestamp>("from"), params.one::<Timestamp>("until"));
        if let (Some(from), Some(until)) = (from, until)
            && from >= until
        {
            params.fault("until", format_args!("must be later than from, which is {from}"));
        }
        Self { limit, cursor, from, until }
    }
}

async fn history(
    context: &Context,
    request: &HttpRequest,
    caller: &std::sync::Arc<Principal>,
    id: String,
    params: HistoryParams,
    find_pool: FindPool,
) -> Result<HttpResponse, Problem> {
    let HistoryParams { limit: Limit(limit), cursor, from, until } = params;
    let query = format!("availability history {} {from:?} {until:?}", request.path());
    let after = cursor.map(|cursor| context.cursors.read(&query, &cursor)).transpose()?;
    let page = HistoryPage { from, until, after, limit: i64::try_from(limit).unwrap_or(100) + 1 };
    let principal = caller.clone();
    let (kept, count) = context
        .app
        .store
        .read(move |connection| {
            let pool = find_pool(connection, &id)?;
            crate::availability::history(connection, &principal, pool, &page)
        })
        .await?;
    let place = |last: &KeptClaim| (last.claim.reported_at, last.claim.id);
    let found = (kept, Total::counted(count));
    Ok(answer_page(context, request, &query, limit, found, place, ClaimView::from))
}

/// Lists everything that was ever reported of a pool's capacity, the latest said first.
///
/// Also what came out of order and never held, and what has lapsed since. `from` and `until` go by when it was said.
#[utoipa::path(
    tag = "availability", operation_id = "list_availability_history", security(("oauth" = ["directory:read"])),
    params(
        ("id" = uuid::Uuid, Path, description = "The capacity pool"),
        ("limit" = Option<u8>, Query, description = "How many items: 1 to 100, by default 25", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("from" = Option<Timestamp>, Query, description = "Only what was said at this instant or later", example = "2026-03-01T05:00:00Z"),
        ("until" = Option<Timestamp>, Query, description = "Only what was said before this instant", example = "2026-04-01T04:00:00Z"),
    ),
    responses(
        (status = 200, description = "One page", body = AvailabilityHistoryPage, headers(("Link" = String, description = "`rel=\"next\"`"))),
        (status = 400, description = "`invalid-request`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/capacity-pools/{id}/availability/history")]
async fn list_availability_history(
    caller: Caller<DirectoryRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    params: Query<HistoryParams>,
) -> Result<HttpResponse, Problem> {
    history(&context, &request, &caller, id.into_inner(), params.0, by_pool).await
}

/// Lists everything that was ever reported of the capacity that an offering draws on, the latest said first.
#[utoipa::path(
    tag = "availability", operation_id = "list_offering_availability_history", security(("oauth" = ["directory:read"])),
    params(
        ("id" = uuid::Uuid, Path, description = "The offering"),
        ("limit" = Option<u8>, Query, description = "How many items: 1 to 100, by default 25", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("from" = Option<Timestamp>, Query, description = "Only what was said at this instant or later", example = "2026-03-01T05:00:00Z"),
        ("until" = Option<Timestamp>, Query, description = "Only what was said before this instant", example = "2026-04-01T04:00:00Z"),
    ),
    responses(
        (status = 200, description = "One page", body = AvailabilityHistoryPage, headers(("Link" = String, description = "`rel=\"next\"`"))),
        (status = 400, description = "`invalid-request`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/offerings/{id}/availability/history")]
async fn list_offering_availability_history(
    caller: Caller<DirectoryRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    params: Query<HistoryParams>,
) -> Result<HttpResponse, Problem> {
    history(&context, &request, &caller, id.into_inner(), params.0, by_offering).await
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(list_availability_history).service(list_offering_availability_history);
}
