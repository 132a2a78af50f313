//! `/v1/worklists`: what a coordinator has to look at.

use actix_web::{HttpRequest, HttpResponse, get, web};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Context;
use super::caller::{Caller, ReferralsRead};
use super::errand::{errand, run_at_desk};
use super::problem::Problem;
use super::query::{FromParams, Limit, Params, UnquotedQuery};
use super::referrals::{Referral, attempt, view};
use super::resource::{Total, answer_part};
use crate::access::Principal;
use crate::error::Error;
use crate::privacy::Purpose;
use crate::privacy::audit::Action;
use crate::referrals::worklists::{self, Counts, Position, Worklist, WorklistPage};

/// How much there is to do of one kind.
#[derive(Serialize, utoipa::ToSchema)]
struct WorklistCount {
    /// What.
    #[schema(example = "awaiting_consent")]
    name: &'static str,
    /// Where it is listed.
    #[schema(example = "/v1/worklists/awaiting_consent")]
    href: String,
    /// How much.
    total: Total,
}

/// What there is to do.
#[derive(Serialize, utoipa::ToSchema)]
struct Worklists {
    /// Of each kind.
    items: Vec<WorklistCount>,
}

/// One page of a worklist.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the body that the list writes")]
struct WorklistReferrals {
    /// In the order in which they are due.
    items: Vec<Referral>,
    /// Continues the list; none at its end.
    #[schema(nullable = false)]
    next_cursor: Option<String>,
    /// How many there are.
    total: Total,
}

/// What is escaped in a value of a query.
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The owner that is named: `me` is who asks.
fn owner(asked: Option<String>, caller: &Principal) -> Option<String> {
    asked.map(|owner| if owner == "me" { caller.id.to_string() } else { owner })
}

struct CountWorklists {
    owner: Option<String>,
}

impl FromParams for CountWorklists {
    fn from_params(params: &mut Params) -> Self {
        Self { owner: params.one("owner_id") }
    }
}

struct ReadWorklist {
    limit: Limit,
    cursor: Option<String>,
    owner: Option<String>,
}

impl FromParams for ReadWorklist {
    fn from_params(params: &mut Params) -> Self {
        Self {
            limit: params.one("limit").unwrap_or_default(),
            cursor: params.one("cursor"),
            owner: params.one("owner_id"),
        }
    }
}

/// Says how much there is to do in the caller's district or schools, and where it is listed.
///
/// Beside the worklists of referrals: `crisis_not_acknowledged`, reports of imminent risk that nobody has taken on, and
/// `stale_partner_claims`, the capacity pools of the district's partners of which nobody knows any more.
#[utoipa::path(
    tag = "referrals", operation_id = "list_worklists", security(("oauth" = ["referrals:read"])),
    params(
        ("owner_id" = Option<String>, Query, description = "Only referrals of this client or membership; `me` is the caller", example = "me"),
    ),
    responses(
        (status = 200, description = "All of them", body = Worklists),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
    )
)]
#[get("/worklists")]
async fn list_worklists(
    caller: Caller<ReferralsRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    params: UnquotedQuery<CountWorklists>,
) -> Result<HttpResponse, Problem> {
    let asked = params.0.owner;
    let owner = owner(asked.clone(), &caller);
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let counted = run_at_desk(&context, errand, attempt(Action::Read, None, None), move |tx, desk| {
        worklists::counts(tx, desk, owner.as_deref())
    });
    let query = asked.map(|owner| format!("?owner_id={}", utf8_percent_encode(&owner, IN_QUERY)));
    let query = query.unwrap_or_default();
    let Counts { worklists, crises, stale, district } = counted.await?;
    let count = |name, href, count| WorklistCount { name, href, total: Total::counted(count) };
    let listed = worklists.into_iter().map(|(worklist, referrals)| {
        count(worklist.as_str(), format!("/v1/worklists/{worklist}{query}"), referrals)
    });
    let elsewhere = [
        count("crisis_not_acknowledged", "/v1/crisis-events?acknowledged=false".to_owned(), crises),
        count("stale_partner_claims", format!("/v1/availability/stale?partners_of={district}"), stale),
    ];
    Ok(HttpResponse::Ok().json(Worklists { items: listed.chain(elsewhere).collect() }))
}

/// Lists the referrals of a worklist, without what is needed.
///
/// - `due_today`: something is due before the end of today, where the district is, or was due before; of the referrals
///   that the caller owns or stands in for.
/// - `awaiting_consent`: nobody may be asked before a consent allows it.
/// - `no_reply_in_time`: an offer ended without a reply, and nobody has accepted since.
/// - `declined_by_all`: every candidate declined, handed back, did not reply or was passed over.
/// - `waiting_too_long`: a place on a list for longer than 30 days, or 7 where it is urgent.
/// - `appointment_missed`: the last appointment was missed, and none stands.
/// - `accepted_not_scheduled`: somebody has accepted, and nothing is scheduled.
/// - `served_without_outcome`: the service was given, and nobody has said how it ended.
/// - `pinned_without_candidates`: what is pinned holds of none of the candidates that are left.
/// - `season_ends`: the season of what is given ends within 30 days, and no candidate is left.
#[utoipa::path(
    tag = "referrals", operation_id = "read_worklist", security(("oauth" = ["referrals:read"])),
    params(
        ("name" = inline(Worklist), Path, description = "Which", example = "due_today"),
        ("limit" = Option<u8>, Query, description = "How many items: 1 to 100, by default 25", minimum = 1, maximum = 100, example = 25),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("owner_id" = Option<String>, Query, description = "Only referrals of this client or membership; `me` is the caller. `due_today` is the caller's unless another is named", example = "me"),
    ),
    responses(
        (status = 200, description = "One page, in the order in which they are due", body = WorklistReferrals, headers(("Link" = String, description = "`rel=\"next\"`"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/worklists/{name}")]
async fn read_worklist(
    caller: Caller<ReferralsRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    name: web::Path<String>,
    params: UnquotedQuery<ReadWorklist>,
) -> Result<HttpResponse, Problem> {
    let unknown = |_| Error::NotFound { what: "worklist", id: "of this name".to_owned() };
    let worklist: Worklist = name.parse().map_err(unknown)?;
    let ReadWorklist { limit: Limit(limit), cursor, owner: asked } = params.0;
    let owner = owner(asked, &caller);
    let query = format!("worklist {worklist} of {} {owner:?}", caller.id);
    let after = cursor.map(|cursor| context.cursors.read::<Position>(&query, &cursor)).transpose()?;
    let page = WorklistPage { worklist, owner, after, limit: i64::try_from(limit).unwrap_or(100) };
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let listed = run_at_desk(&context, errand, attempt(Action::Read, None, None), move |tx, desk| {
        worklists::page(tx, desk, &page)
    });
    let listed = listed.await?;
    let part = (listed.referrals, listed.next, Total::counted(listed.count));
    Ok(answer_part(&context, &request, &query, part, |referral| view(referral, None)))
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(list_worklists).service(read_worklist);
}
