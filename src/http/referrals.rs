//! Referrals: from a need to a first appointment.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::Context;
use super::body;
use super::caller::{Caller, ReferralsRead, ReferralsWrite};
use super::errand::{Attempt, errand, run_at_desk, run_once_at_desk};
use super::idempotency::Answer;
use super::imminent_risk::Risk;
use super::offers::Offer;
use super::problem::Problem;
use super::query::{FromParams, Limit, NoParams, Params, UnquotedQuery};
use super::resource::{JSON, Total, answer_part, etag};
use super::students::path_id;
use super::wait_lists::WaitListEntry;
use crate::finder::Urgency;
use crate::privacy::Purpose;
use crate::privacy::audit::Action;
use crate::referrals::machine::referral::{BusinessStatus, ReferralAction, ReferralStatus};
use crate::referrals::{
    self, Behind, Candidate, Cover, Due, Happened, Measure, NeedProfile, Opened, Outcome, Person, Pins, Plan,
    ReferralAct, ReferralCreate, ReferralPage,
};
use crate::students::releases::Obligation;
use crate::types::{DistrictId, ReferralId, SchoolId, StudentId};

/// One need of one student to be served (FHIR `ServiceRequest`).
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Referral {
    /// Its id.
    id: ReferralId,
    /// Of whom.
    student_id: StudentId,
    /// Whose student.
    district_id: DistrictId,
    /// The student's school when it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    school_id: Option<SchoolId>,
    /// Its status.
    status: ReferralStatus,
    /// How far it has come; none of a draft.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    business_status: Option<BusinessStatus>,
    /// How quickly care is needed.
    urgency: Urgency,
    /// Whether a plan owes the service.
    obligation: Obligation,
    /// What is due next, and from whom; none of what is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    due: Option<Due>,
    /// Who answers for it.
    owner: Person,
    /// Who stands in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cover: Option<Cover>,
    /// When the owner wants to look at it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_action_on: Option<Date>,
    /// How many are asked at a time.
    parallel: u8,
    /// Whom to ask, in order, and what came of it.
    shortlist: Vec<Candidate>,
    /// What is needed; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    need: Option<NeedProfile>,
    /// What cannot be done without; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pins: Option<Pins>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    outcome: Option<Outcome>,
    /// How the student did; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    measure: Option<Measure>,
    /// Grows by one with every change; the ETag.
    version: i64,
    /// When it was made.
    created_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
}

pub(super) fn view(referral: referrals::Referral, need: Option<referrals::Need>) -> Referral {
    let Plan {
        obligation,
        owner,
        cover,
        next_action_on,
        parallel,
        mut shortlist,
        is_stopped: _,
        due,
        outcome,
        worklists: _,
    } = referral.plan;
    let mut measure = None;
    let (need, pins) = match need {
        None => (None, None),
        Some(referrals::Need { profile, pins, mut reasons, measure: found }) => {
            measure = found;
            for candidate in &mut shortlist {
                candidate.reasons = reasons.remove(&candidate.offering_id).unwrap_or_default();
            }
            (Some(profile), Some(pins))
        }
    };
    Referral {
        id: referral.id,
        student_id: referral.student,
        district_id: referral.district,
        school_id: referral.school,
        status: referral.status,
        business_status: referral.business_status,
        urgency: referral.urgency,
        obligation,
        due,
        owner,
        cover,
        next_action_on,
        parallel,
        shortlist,
        need,
        pins,
        outcome,
        measure,
        version: referral.version,
        created_at: referral.created_at,
        updated_at: referral.updated_at,
    }
}

impl From<Opened> for Referral {
    fn from(Opened { referral, need }: Opened) -> Self {
        view(referral, Some(need))
    }
}

/// One page of referrals.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the body that the list writes")]
struct ReferralList {
    /// In the order of their ids or, with `updated_since`, of their last change.
    items: Vec<Referral>,
    /// Continues the list; none at its end.
    #[schema(nullable = false)]
    next_cursor: Option<String>,
    /// How many there are.
    total: Total,
}

/// The offers of a referral and its places on lists.
#[derive(Serialize, utoipa::ToSchema)]
struct ReferralOffers {
    /// In the order in which they were made.
    items: Vec<Offer>,
    /// In the order in which it joined.
    wait_list_entries: Vec<WaitListEntry>,
}

/// What happened to a referral.
#[derive(Serialize, utoipa::ToSchema)]
struct ReferralHistory {
    /// In order.
    items: Vec<Happened>,
}

/// What the caller may do with a referral now.
#[derive(Serialize, utoipa::ToSchema)]
struct ReferralActions {
    /// Exactly what works.
    actions: Vec<ReferralAction>,
}

struct ListReferrals {
    limit: Limit,
    cursor: Option<String>,
    page: ReferralPage,
}

impl FromParams for ListReferrals {
    fn from_params(params: &mut Params) -> Self {
        Self {
            limit: params.one("limit").unwrap_or_default(),
            cursor: params.one("cursor"),
            page: ReferralPage {
                after: None,
                limit: 0,
                status: params.one("status"),
                business_status: params.one("business_status"),
                student: params.one("student_id"),
                owner: params.one("owner_id"),
                updated_since: params.one("updated_since"),
            },
        }
    }
}

/// What somebody sets out to do with a referral.
pub(super) fn attempt(action: Action, id: Option<ReferralId>, student: Option<StudentId>) -> Attempt {
    Attempt { action, resource: referrals::RESOURCE, resource_id: id.map(Uuid::from), student }
}

/// Makes a referral: as a draft, or, with `submit`, so that the first of its shortlist is asked at once.
#[utoipa::path(
    tag = "referrals", operation_id = "create_referral", security(("oauth" = ["referrals:write"])),
    params(("Idempotency-Key" = String, Header, description = "Needed: the same key and body give the first answer again", example = "\"8e03978e-40d5\"")),
    request_body(content = ReferralCreate, content_type = "application/json", example = json!({
        "student_id": "018f0000-0000-7000-8000-000000000001",
        "need": {"required": {"needs": {"any_of": ["anxiety"]}, "tiers": {"any_of": [2]}}},
        "pins": {"languages": ["es"]},
        "urgency": "routine"
    })),
    responses(
        (status = 201, description = "The referral", body = Referral, headers(
            ("ETag" = String, description = "The version"), ("Location" = String, description = "Its path"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`, `imminent-risk`, `idempotency-in-flight`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
        (status = 422, description = "`idempotency-key-reused`"),
        (status = 503, description = "`starting`"),
    )
)]
#[post("/referrals")]
async fn create_referral(
    caller: Caller<ReferralsWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    _params: UnquotedQuery<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let where_from = |origin| serde_json::from_value(origin).ok();
    if let Some(risk) = Risk::read(&bytes.0, where_from) {
        return Err(risk.answer(&context, &request, Some(&caller)).await);
    }
    let asked: ReferralCreate = body::read_unquoted(&request, &bytes.0, JSON)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let attempt = attempt(Action::Create, None, Some(asked.student_id));
    run_once_at_desk(&context, &request, errand, attempt, &bytes.0, move |tx, desk| {
        let opened = referrals::create(tx, desk, ReferralId::new(), &asked)?;
        let headers = [
            ("etag", etag(opened.referral.version)),
            ("location", format!("/v1/referrals/{}", opened.referral.id)),
        ];
        Answer::json(StatusCode::CREATED, &headers, &Referral::from(opened))
    })
    .await
}

/// Lists the referrals of the caller's district or schools, without what is needed: in the order of their ids or, with
/// `updated_since`, of their last change. What changes while one reads comes again at the end. A change stands in the
/// list a moment after its time; who asks again and again asks from a minute before the last time.
#[utoipa::path(
    tag = "referrals", operation_id = "list_referrals", security(("oauth" = ["referrals:read"])),
    params(
        ("limit" = Option<u8>, Query, description = "How many items: 1 to 100, by default 25", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("status" = Option<ReferralStatus>, Query, description = "Only those with this status"),
        ("business_status" = Option<BusinessStatus>, Query, description = "Only those that have come so far"),
        ("student_id" = Option<StudentId>, Query, description = "Only those of this student"),
        ("owner_id" = Option<String>, Query, description = "Only those that this client or membership owns"),
        ("updated_since" = Option<String>, Query, description = "Only those that changed at or after this instant", example = "2026-11-01T00:00:00Z"),
    ),
    responses(
        (status = 200, description = "One page", body = ReferralList, headers(("Link" = String, description = "`rel=\"next\"`"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
    )
)]
#[get("/referrals")]
async fn list_referrals(
    caller: Caller<ReferralsRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    params: UnquotedQuery<ListReferrals>,
) -> Result<HttpResponse, Problem> {
    let ListReferrals { limit: Limit(limit), cursor, mut page } = params.0;
    let query = format!("list referrals {} {page:?}", caller.id);
    page.after = cursor.map(|cursor| context.cursors.read::<Behind>(&query, &cursor)).transpose()?;
    page.limit = i64::try_from(limit).unwrap_or(100);
    let is_by_change = page.updated_since.is_some();
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let listed = run_at_desk(&context, errand, attempt(Action::Read, None, None), move |tx, desk| {
        referrals::list(tx, desk, &page)
    });
    let (listed, more, count) = listed.await?;
    let last = listed.last().filter(|_| more);
    let last =
        last.map(|last| Behind { updated_at: is_by_change.then_some(last.updated_at), referral: last.id });
    let part = (listed, last, Total::counted(count));
    Ok(answer_part(&context, &request, &query, part, |referral| view(referral, None)))
}

/// Shows a referral.
#[utoipa::path(
    tag = "referrals", operation_id = "get_referral", security(("oauth" = ["referrals:read"])),
    params(("id" = ReferralId, Path, description = "The referral")),
    responses(
        (status = 200, description = "It", body = Referral, headers(("ETag" = String, description = "The version"))),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/referrals/{id}")]
async fn get_referral(
    caller: Caller<ReferralsRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
) -> Result<HttpResponse, Problem> {
    let id: ReferralId = path_id("referral", &id)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let attempt = attempt(Action::Read, Some(id), None);
    let opened = run_at_desk(&context, errand, attempt, move |tx, desk| referrals::read(tx, desk, id));
    let opened = opened.await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::ETAG, etag(opened.referral.version)));
    Ok(response.json(Referral::from(opened)))
}

/// Lists the offers of a referral and its places on lists.
#[utoipa::path(
    tag = "referrals", operation_id = "list_referral_offers", security(("oauth" = ["referrals:read"])),
    params(("id" = ReferralId, Path, description = "The referral")),
    responses(
        (status = 200, description = "All of them", body = ReferralOffers),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/referrals/{id}/offers")]
async fn list_referral_offers(
    caller: Caller<ReferralsRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
) -> Result<HttpResponse, Problem> {
    let id: ReferralId = path_id("referral", &id)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let attempt = attempt(Action::Read, Some(id), None);
    let found = run_at_desk(&context, errand, attempt, move |tx, desk| referrals::offers_of(tx, desk, id));
    let (offers, entries) = found.await?;
    Ok(HttpResponse::Ok().json(ReferralOffers {
        items: offers.into_iter().map(Offer::from).collect(),
        wait_list_entries: entries.into_iter().map(WaitListEntry::of_district).collect(),
    }))
}

/// Tells what happened to a referral, to its offers and to its places on lists.
#[utoipa::path(
    tag = "referrals", operation_id = "list_referral_events", security(("oauth" = ["referrals:read"])),
    params(("id" = ReferralId, Path, description = "The referral")),
    responses(
        (status = 200, description = "All of it, in order", body = ReferralHistory),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/referrals/{id}/events")]
async fn list_referral_events(
    caller: Caller<ReferralsRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
) -> Result<HttpResponse, Problem> {
    let id: ReferralId = path_id("referral", &id)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let attempt = attempt(Action::Read, Some(id), None);
    let items = run_at_desk(&context, errand, attempt, move |tx, desk| referrals::history(tx, desk, id));
    Ok(HttpResponse::Ok().json(ReferralHistory { items: items.await? }))
}

/// Says what the caller may do with a referral now.
#[utoipa::path(
    tag = "referrals", operation_id = "list_referral_actions", security(("oauth" = ["referrals:write"])),
    params(("id" = ReferralId, Path, description = "The referral")),
    responses(
        (status = 200, description = "Exactly what works", body = ReferralActions),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/referrals/{id}/actions")]
async fn list_referral_actions(
    caller: Caller<ReferralsWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
) -> Result<HttpResponse, Problem> {
    let id: ReferralId = path_id("referral", &id)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let attempt = attempt(Action::Read, Some(id), None);
    let actions = run_at_desk(&context, errand, attempt, move |tx, desk| referrals::actions(tx, desk, id));
    Ok(HttpResponse::Ok().json(ReferralActions { actions: actions.await? }))
}

/// Does something with a referral.
#[utoipa::path(
    tag = "referrals", operation_id = "act_on_referral", security(("oauth" = ["referrals:write"])),
    params(
        ("id" = ReferralId, Path, description = "The referral"),
        ("Idempotency-Key" = String, Header, description = "Needed: the same key and body give the first answer again", example = "\"8e03978e-40d6\""),
    ),
    request_body(content = ReferralAct, content_type = "application/json", example = json!({"action": "submit"})),
    responses(
        (status = 200, description = "The referral, as it is now", body = Referral, headers(("ETag" = String, description = "The version"))),
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
#[post("/referrals/{id}/actions")]
async fn act_on_referral(
    caller: Caller<ReferralsWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let id: ReferralId = path_id("referral", &id)?;
    let asked: ReferralAct = body::read_unquoted(&request, &bytes.0, JSON)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let attempt = attempt(Action::Change, Some(id), None);
    run_once_at_desk(&context, &request, errand, attempt, &bytes.0, move |tx, desk| {
        let opened = referrals::act(tx, desk, id, &asked)?;
        let headers = [("etag", etag(opened.referral.version))];
        Answer::json(StatusCode::OK, &headers, &Referral::from(opened))
    })
    .await
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(create_referral)
        .service(list_referrals)
        .service(get_referral)
        .service(list_referral_offers)
        .service(list_referral_events)
        .service(list_referral_actions)
        .service(act_on_referral);
}
