//! `/v1/availability/stale`: whom to ask again.

use actix_web::{HttpRequest, HttpResponse, get, web};
use jiff::Timestamp;
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::availability::{ClaimMethod, LONGEST_LIFE, StalePage, StalePool};
use crate::http::Context;
use crate::http::caller::{Caller, DirectoryRead};
use crate::http::problem::Problem;
use crate::http::query::{FromParams, Limit, Params, Query};
use crate::http::resource::{Total, answer_page};
use crate::types::{AvailabilityStatus, CapacityPoolId, DistrictId, OrganizationId, Period, calendar_date};

/// Why a pool is on the list.
#[derive(Clone, Copy, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Silence {
    /// Nothing was ever said.
    Never,
    /// What was said holds no longer.
    Lapsed,
    /// What was said is about to lapse.
    Lapsing,
}

/// A capacity pool of which nobody knows any more, or soon nobody will.
#[derive(Serialize, utoipa::ToSchema)]
struct StaleAvailability {
    /// The pool.
    capacity_pool_id: CapacityPoolId,
    /// Its name.
    capacity_pool_name: String,
    /// Whose it is; of an organization that is merged, its survivor.
    organization_id: OrganizationId,
    /// How that one is called.
    organization_name: String,
    /// Whether anything was ever said, and holds still.
    state: Silence,
    /// What was said last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    last_status: Option<AvailabilityStatus>,
    /// When it was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    as_of: Option<Timestamp>,
    /// From when on it holds no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    valid_until: Option<Timestamp>,
    /// Who had found out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    method: Option<ClaimMethod>,
}

impl StaleAvailability {
    fn at(now: Timestamp, pool: StalePool) -> Self {
        let StalePool { place, name, organization, organization_name, last } = pool;
        let state = match place.valid_until {
            None => Silence::Never,
            Some(until) if until <= now => Silence::Lapsed,
            Some(_) => Silence::Lapsing,
        };
        Self {
            capacity_pool_id: place.pool,
            capacity_pool_name: name,
            organization_id: organization,
            organization_name,
            state,
            last_status: last.as_ref().map(|claim| claim.status),
            as_of: last.as_ref().map(|claim| claim.reported_at),
            valid_until: place.valid_until,
            method: last.as_ref().map(|claim| claim.method),
        }
    }
}

/// One page of silent pools, the longest silent first.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the body that `PageBody` writes")]
struct StaleAvailabilityPage {
    /// The pools.
    items: Vec<StaleAvailability>,
    /// Continues the list; none at its end.
    #[schema(nullable = false)]
    next_cursor: Option<String>,
    /// How many there are.
    total: Total,
}

struct StaleParams {
    limit: Limit,
    cursor: Option<String>,
    organization: Option<OrganizationId>,
    partners_of: Option<DistrictId>,
    within: Period,
}

impl FromParams for StaleParams {
    fn from_params(params: &mut Params) -> Self {
        let within = params.one::<Period>("within").unwrap_or(Period::seconds(0));
        if within.duration() > LONGEST_LIFE {
            params.fault(
                "within",
                format_args!("is longer than a claim lives: at most P{}D", LONGEST_LIFE.as_hours() / 24),
            );
        }
        Self {
            limit: params.one("limit").unwrap_or_default(),
            cursor: params.one("cursor"),
            organization: params.one("organization_id"),
            partners_of: params.one("partners_of"),
            within,
        }
    }
}

/// Lists capacity pools that are silent: nothing was ever said of them, or it has lapsed, or is about to.
///
/// The longest silent come first, those that never said anything before all others. An agency's staff see the pools of
/// their own organization unless they name another; everybody else sees those of every organization. Retired pools are
/// not listed.
#[utoipa::path(
    tag = "availability", operation_id = "list_stale_availability", security(("oauth" = ["directory:read"])),
    params(
        ("limit" = Option<u8>, Query, description = "How many items: 1 to 100, by default 25", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("organization_id" = Option<uuid::Uuid>, Query, description = "Only pools of this organization and of those merged with it"),
        ("partners_of" = Option<uuid::Uuid>, Query, description = "Only pools of organizations that have an agreement in force with this district, a collaborative of it, or one of its schools"),
        ("within" = Option<String>, Query, description = "Also what lapses within this time, an ISO 8601 duration of at most P30D; by default PT0S", example = "P2D"),
    ),
    responses(
        (status = 200, description = "One page", body = StaleAvailabilityPage, headers(("Link" = String, description = "`rel=\"next\"`"))),
        (status = 400, description = "`invalid-request`"),
    )
)]
#[get("/availability/stale")]
async fn list_stale_availability(
    caller: Caller<DirectoryRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    params: Query<StaleParams>,
) -> Result<HttpResponse, Problem> {
    let StaleParams { limit: Limit(limit), cursor, organization, partners_of, within } = params.0;
    let now = context.app.now();
    let query = format!("stale availability {:?} {organization:?} {partners_of:?} {within:?}", caller.tie);
    let partners_of = partners_of.map(|district| (district, calendar_date(now)));
    let after = cursor.map(|cursor| context.cursors.read(&query, &cursor)).transpose()?;
    let page =
        StalePage { organization, partners_of, until: now + within.duration(), after, limit: limit + 1 };
    let principal = caller.clone();
    let (pools, count) = context
        .app
        .store
        .read(move |connection| crate::availability::stale(connection, &principal, &page))
        .await?;
    let found = (pools, Total::counted(count));
    let show = |pool| StaleAvailability::at(now, pool);
    Ok(answer_page(&context, &request, &query, limit, found, |pool: &StalePool| pool.place, show))
}

/// Adds this operation.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(list_stale_availability);
}
