//! Wait lists: who waits for a pool, and what is done with a place there.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use jiff::Timestamp;
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::Context;
use super::body;
use super::caller::{Caller, OfferActor, ReferralsRespond};
use super::errand::{Attempt, errand, run_at_desk, run_once_at_desk};
use super::expected_wait::ExpectedWait;
use super::idempotency::Answer;
use super::problem::Problem;
use super::query::{FromParams, Limit, NoParams, Params, UnquotedQuery};
use super::resource::{JSON, Total, answer_part, etag};
use super::students::path_id;
use crate::privacy::Purpose;
use crate::privacy::audit::Action;
use crate::referrals::machine::Actor;
use crate::referrals::machine::place::{EntryState, PlaceAction, actions};
use crate::referrals::{self, Place, PlaceAct, PlaceList};
use crate::store::Tenancy;
use crate::types::{CapacityPoolId, OfferingId, ReferralId, WaitListEntryId};

/// A place on the list of a pool.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct WaitListEntry {
    /// Its id.
    id: WaitListEntryId,
    /// Which referral waits; not told to the organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    referral_id: Option<ReferralId>,
    /// For which offering.
    offering_id: OfferingId,
    /// For whose openings.
    capacity_pool_id: CapacityPoolId,
    /// Whether it stands.
    status: EntryState,
    /// The class: 0, of what is urgent, goes before 1.
    priority: i32,
    /// Since when it waits.
    joined_at: Timestamp,
    /// The nth among the referrals that wait here, from 1, while it waits. Whom the agency has on its list besides is not
    /// among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    position: Option<u32>,
    /// How long that may take; whoever else the agency has on its list is taken to go first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    expected_wait: Option<ExpectedWait>,
    /// Where it is asked whether the referral still waits: until when to say so. The place lapses then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    confirm_by: Option<Timestamp>,
    /// Until when slots go to those behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    skipped_until: Option<Timestamp>,
    /// What the caller may do with it now.
    actions: Vec<PlaceAction>,
    /// Grows by one with every change.
    version: i64,
}

impl WaitListEntry {
    /// As the district sees it whose referral waits.
    pub(super) fn of_district(place: Place) -> Self {
        Self::new(place, Actor::Requester)
    }

    fn new(Place { is_engaged, entry, standing }: Place, side: Actor) -> Self {
        let mut actions = actions(entry.state, side);
        // Who was accepted waits nowhere else.
        actions.retain(|action| !is_engaged || *action != PlaceAction::Confirm);
        Self {
            id: entry.id,
            referral_id: (side == Actor::Requester).then_some(entry.referral),
            offering_id: entry.offering,
            capacity_pool_id: entry.pool,
            status: entry.state,
            priority: entry.priority,
            joined_at: entry.joined_at,
            position: standing.map(|standing| standing.position),
            expected_wait: standing.map(|standing| standing.wait.into()),
            confirm_by: entry.asked_at.and(entry.due_at),
            skipped_until: entry.skipped_until,
            actions,
            version: entry.version,
        }
    }
}

/// On whose side somebody acts.
fn side(tenancy: &Tenancy) -> Actor {
    match tenancy {
        Tenancy::Agency(_) => Actor::Recipient,
        Tenancy::District(_) | Tenancy::Clock | Tenancy::Analyst | Tenancy::Keeper => Actor::Requester,
    }
}

/// One page of a wait list.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the body that the list writes")]
struct WaitList {
    /// In the order in which slots are offered.
    items: Vec<WaitListEntry>,
    /// Continues the list; none at its end.
    #[schema(nullable = false)]
    next_cursor: Option<String>,
    /// How many there are.
    total: Total,
}

struct ReadWaitList {
    limit: Limit,
    cursor: Option<String>,
}

impl FromParams for ReadWaitList {
    fn from_params(params: &mut Params) -> Self {
        Self { limit: params.one("limit").unwrap_or_default(), cursor: params.one("cursor") }
    }
}

/// What somebody sets out to do with a place.
fn attempt(action: Action, id: Option<WaitListEntryId>) -> Attempt {
    Attempt { action, resource: referrals::PLACE, resource_id: id.map(Uuid::from), student: None }
}

/// Lists who waits for a pool of the caller's organization, in the order in which slots are offered. It names nobody.
#[utoipa::path(
    tag = "wait lists", operation_id = "list_waiting", security(("oauth" = ["referrals:respond"])),
    params(
        ("id" = CapacityPoolId, Path, description = "The pool"),
        ("limit" = Option<u8>, Query, description = "How many items: 1 to 100, by default 25", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses(
        (status = 200, description = "One page", body = WaitList, headers(("Link" = String, description = "`rel=\"next\"`"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/capacity-pools/{id}/wait-list")]
async fn list_waiting(
    caller: Caller<ReferralsRespond>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    params: UnquotedQuery<ReadWaitList>,
) -> Result<HttpResponse, Problem> {
    let pool: CapacityPoolId = path_id("capacity pool", &id)?;
    let ReadWaitList { limit: Limit(limit), cursor } = params.0;
    let query = format!("list waiting {} {pool}", caller.id);
    let after = cursor.map(|cursor| context.cursors.read::<WaitListEntryId>(&query, &cursor)).transpose()?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let side = side(&errand.tenancy);
    let listed = run_at_desk(&context, errand, attempt(Action::Read, None), move |tx, desk| {
        referrals::line_of(tx, desk, pool, after, limit)
    });
    let PlaceList { places, more, count } = listed.await?;
    let last = places.last().filter(|_| more).map(|place| place.entry.id);
    let part = (places, last, Total::counted(i64::try_from(count).unwrap_or(i64::MAX)));
    Ok(answer_part(&context, &request, &query, part, |place| WaitListEntry::new(place, side)))
}

/// Does something with a place on a list: the district says that it still waits or gives it up; either side lets slots go
/// to those behind for a time, with a reason.
#[utoipa::path(
    tag = "wait lists", operation_id = "act_on_wait_list_entry",
    security(("oauth" = ["referrals:respond"]), ("oauth" = ["referrals:write"])),
    params(
        ("id" = WaitListEntryId, Path, description = "The place"),
        ("Idempotency-Key" = String, Header, description = "Needed: the same key and body give the first answer again", example = "\"8e03978e-40d8\""),
    ),
    request_body(content = PlaceAct, content_type = "application/json", example = json!({"action": "confirm"})),
    responses(
        (status = 200, description = "The place, as it is now", body = WaitListEntry, headers(("ETag" = String, description = "The version"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`, `idempotency-in-flight`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
        (status = 422, description = "`idempotency-key-reused`"),
        (status = 503, description = "`starting`"),
    )
)]
#[post("/wait-list-entries/{id}/actions")]
async fn act_on_wait_list_entry(
    caller: Caller<OfferActor>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let id: WaitListEntryId = path_id("place on a list", &id)?;
    let asked: PlaceAct = body::read_unquoted(&request, &bytes.0, JSON)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let side = side(&errand.tenancy);
    let attempt = attempt(Action::Change, Some(id));
    run_once_at_desk(&context, &request, errand, attempt, &bytes.0, move |tx, desk| {
        let place = referrals::act_on_place(tx, desk, id, &asked)?;
        let headers = [("etag", etag(place.entry.version))];
        Answer::json(StatusCode::OK, &headers, &WaitListEntry::new(place, side))
    })
    .await
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(list_waiting).service(act_on_wait_list_entry);
}
