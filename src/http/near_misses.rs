//! `/v1/near-misses`: the ledger of what needs met with.

use actix_web::{HttpRequest, HttpResponse, get, web};
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Context;
use super::caller::{Caller, ReportsRead};
use super::problem::Problem;
use super::query::{FromParams, Limit, Params, Query};
use super::resource::{Total, answer_page};
use crate::finder::ledger::{Blocked, LedgerPage, Outcome, outcomes};
use crate::types::{CoverageCategory, Criterion, LanguageTag, Month};

/// What came of one need in one month. It does not tell whose need it was.
#[derive(Serialize, utoipa::ToSchema)]
struct NeedOutcome {
    /// The month.
    month: Month,
    /// Two-letter state in which the student lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    state: Option<String>,
    /// County in which the student lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    county: Option<String>,
    /// Languages that were required.
    languages: Vec<LanguageTag>,
    /// Categories of coverage that were required; of a plan, its category.
    coverages: Vec<CoverageCategory>,
    /// Whether anything matched.
    matched: bool,
    /// Where nothing matched, the rules of which one alone would have to give; none where more than one would.
    blocked_by: Vec<Blocked>,
}

/// One page of the ledger.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the body that the generic list writes")]
struct NeedOutcomePage {
    /// By month; within a month in no order that tells anything.
    items: Vec<NeedOutcome>,
    /// Continues the list; none at its end.
    #[schema(nullable = false)]
    next_cursor: Option<String>,
    /// How many there are.
    total: Total,
}

struct LedgerParams {
    limit: Limit,
    cursor: Option<String>,
    page: LedgerPage,
}

impl FromParams for LedgerParams {
    fn from_params(params: &mut Params) -> Self {
        let state = params.one::<String>("state");
        if state.as_ref().is_some_and(|state| state.len() != 2) {
            params.fault("state", "is not a state: two letters are needed, such as MA");
        }
        Self {
            limit: params.one("limit").unwrap_or_default(),
            cursor: params.one("cursor"),
            page: LedgerPage {
                after: None,
                limit: 0,
                month: params.one::<Month>("month"),
                state: state.map(|state| state.to_ascii_uppercase()),
                county: params.one("county"),
                language: params.one::<LanguageTag>("language"),
                coverage: params.one::<CoverageCategory>("coverage"),
                criterion: params.one::<Criterion>("criterion"),
                is_matched: params.optional_flag("matched"),
            },
        }
    }
}

/// Lists what needs met with that were looked for with a reference (`need_ref` of `POST /v1/matches`): which rule
/// blocked, where, in what language, on what coverage. One row for a need and month.
#[utoipa::path(
    tag = "near_misses", operation_id = "list_near_misses", security(("oauth" = ["reports:read"])),
    params(
        ("limit" = Option<u8>, Query, description = "How many items: 1 to 100, by default 25", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("month" = Option<Month>, Query, description = "Only this month, such as 2026-11"),
        ("state" = Option<String>, Query, description = "Only students who live in this state"),
        ("county" = Option<String>, Query, description = "Only students who live in this county"),
        ("language" = Option<LanguageTag>, Query, description = "Only where this language was required"),
        ("coverage" = Option<CoverageCategory>, Query, description = "Only where this coverage was required"),
        ("criterion" = Option<Criterion>, Query, description = "Only what this rule alone blocked"),
        ("matched" = Option<bool>, Query, description = "Only what was met, or only what was not"),
    ),
    responses(
        (status = 200, description = "One page", body = NeedOutcomePage, headers(("Link" = String, description = "`rel=\"next\"`"))),
        (status = 400, description = "`invalid-request`"),
    )
)]
#[get("/near-misses")]
async fn list_near_misses(
    _caller: Caller<ReportsRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    params: Query<LedgerParams>,
) -> Result<HttpResponse, Problem> {
    let LedgerParams { limit, cursor, mut page } = params.0;
    let query = format!("near misses {page:?}");
    page.after = cursor.map(|cursor| context.cursors.read::<(Month, String)>(&query, &cursor)).transpose()?;
    page.limit = i64::try_from(limit.0).unwrap_or(100) + 1;
    let (rows, count) = context.app.store.read(move |connection| outcomes(connection, &page)).await?;
    let place = |(key, outcome): &(String, Outcome)| (outcome.month, key.clone());
    let found = (rows, Total::counted(count));
    Ok(answer_page(&context, &request, &query, limit.0, found, place, |(_, outcome)| {
        NeedOutcome::from(outcome)
    }))
}

impl From<Outcome> for NeedOutcome {
    fn from(outcome: Outcome) -> Self {
        let Outcome { month, state, county, languages, coverages, is_matched, blocked_by } = outcome;
        Self { month, state, county, languages, coverages, matched: is_matched, blocked_by }
    }
}

/// Adds this operation.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(list_near_misses);
}
