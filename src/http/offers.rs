//! Offers: what an organization is asked, and what it answers.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

use super::Context;
use super::body;
use super::caller::{Caller, OfferActor, OfferReader, ReferralsRespond};
use super::disclosures::NoticeText;
use super::errand::{Attempt, errand, run_at_desk, run_once_at_desk};
use super::idempotency::Answer;
use super::problem::Problem;
use super::query::{FromParams, Limit, NoParams, Params, UnquotedQuery};
use super::resource::{JSON, Total, answer_part, etag};
use super::students::path_id;
use crate::privacy::audit::Action;
use crate::privacy::disclosures::{self as records, Document};
use crate::privacy::limited::LimitedProfile;
use crate::privacy::{Basis, Packet, Purpose};
use crate::referrals::machine::offer::{OfferAction, TaskStatus};
use crate::referrals::{self, Measure, OfferAct, OfferList, OfferPage, Shown, Terms};
use crate::students::releases::Released;
use crate::types::{
    CapacityPoolId, DisclosureId, OfferId, OfferingId, OrganizationId, ReferralId, ServiceId,
};

/// One referral put to one offering (FHIR `Task`).
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Offer {
    /// Its id.
    id: OfferId,
    /// For which referral.
    referral_id: ReferralId,
    /// To whom.
    organization_id: OrganizationId,
    /// For which service.
    service_id: ServiceId,
    /// For which offering.
    offering_id: OfferingId,
    /// Whose openings it draws on.
    capacity_pool_id: CapacityPoolId,
    /// Its status, as FHIR has it.
    status: TaskStatus,
    /// Where it stands: `requested`, `pending_verification`, `accepted`, `unscheduled`, `scheduled`, `missed`, `in_service`,
    /// `on_hold`, `cancellation_requested`, `completed`, `failed`, `rejected`, `cancelled` or `entered_in_error`.
    business_status: String,
    /// Why it ended as it did, as a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<String>,
    /// Until when it waits for a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reply_by: Option<Timestamp>,
    /// Its place on the shortlist, from 1.
    rank: u32,
    /// The finder's score.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    score: Option<f64>,
    /// What is told of the student before it is accepted; it identifies nobody.
    profile: LimitedProfile,
    /// Whether a coordinator calls, because the organization has nobody here, and records what it says.
    by_call: bool,
    /// When it was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    accepted_at: Option<Timestamp>,
    /// The appointment that stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    appointment_at: Option<Timestamp>,
    /// The first appointment that was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    first_attended_at: Option<Timestamp>,
    /// Appointments that were kept.
    sessions: u32,
    /// Appointments that were missed.
    missed: u32,
    /// Whether the service is given in the language that is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    in_needed_language: Option<bool>,
    /// How the student does, as far as the district was told; only with a single offer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    measure: Option<Measure>,
    /// Whether the agency has recorded more of the service than a consent lets it tell the school: what stands here is what
    /// the district was told.
    is_withheld: bool,
    /// Grows by one with every change; the ETag.
    version: i64,
    /// When it was made.
    created_at: Timestamp,
    /// When it last changed.
    updated_at: Timestamp,
}

impl From<referrals::Offer> for Offer {
    fn from(offer: referrals::Offer) -> Self {
        let Terms {
            service_id,
            rank,
            score,
            profile,
            by_call,
            reason,
            replied_at: _,
            accepted_at,
            appointment_at,
            first_attended_at,
            sessions,
            missed,
            in_needed_language,
            ..
        } = offer.terms;
        Self {
            id: offer.id,
            referral_id: offer.referral,
            organization_id: offer.organization,
            service_id,
            offering_id: offer.offering,
            capacity_pool_id: offer.pool,
            status: offer.state.task_status(),
            business_status: offer.state.parts().0.to_owned(),
            reason,
            reply_by: offer.due_at,
            rank,
            score,
            profile,
            by_call,
            accepted_at,
            appointment_at,
            first_attended_at,
            sessions,
            missed,
            in_needed_language,
            measure: None,
            is_withheld: offer.is_withheld,
            version: offer.version,
            created_at: offer.created_at,
            updated_at: offer.updated_at,
        }
    }
}

/// One page of offers.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the body that the list writes")]
struct OffersPage {
    /// The latest first.
    items: Vec<Offer>,
    /// Continues the list; none at its end.
    #[schema(nullable = false)]
    next_cursor: Option<String>,
    /// How many there are.
    total: Total,
}

/// What the caller may do with an offer now.
#[derive(Serialize, utoipa::ToSchema)]
struct OfferActions {
    /// Exactly what works.
    actions: Vec<OfferAction>,
}

/// Which packet is fetched.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct OfferPacketAsk {
    /// `eligibility` or `identity`.
    packet: Packet,
}

/// What somebody of the organization is told.
#[derive(Serialize, utoipa::ToSchema)]
struct OfferPacket {
    /// The record of the release.
    disclosure_id: DisclosureId,
    /// When it was released.
    released_at: Timestamp,
    /// For what, and for nothing else.
    purpose: Purpose,
    /// On which basis.
    basis: Basis,
    /// Where the law says so.
    citation: String,
    /// What is told, by field.
    #[schema(value_type = Object)]
    packet: Map<String, Value>,
    /// What must be kept with it.
    notices: Vec<NoticeText>,
}

struct ListOffers {
    limit: Limit,
    cursor: Option<String>,
    open: Option<bool>,
}

impl FromParams for ListOffers {
    fn from_params(params: &mut Params) -> Self {
        Self {
            limit: params.one("limit").unwrap_or_default(),
            cursor: params.one("cursor"),
            open: params.optional_flag("open"),
        }
    }
}

/// What somebody sets out to do with an offer.
pub(super) fn attempt(action: Action, id: Option<OfferId>) -> Attempt {
    Attempt { action, resource: referrals::OFFER, resource_id: id.map(Uuid::from), student: None }
}

/// Lists the offers to the caller's organization.
#[utoipa::path(
    tag = "offers", operation_id = "list_offers", security(("oauth" = ["referrals:respond"])),
    params(
        ("limit" = Option<u8>, Query, description = "How many items: 1 to 100, by default 25", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("open" = Option<bool>, Query, description = "Only those that wait for a reply, or only those that do not"),
    ),
    responses(
        (status = 200, description = "One page", body = OffersPage, headers(("Link" = String, description = "`rel=\"next\"`"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
    )
)]
#[get("/offers")]
async fn list_offers(
    caller: Caller<ReferralsRespond>,
    context: web::Data<Context>,
    request: HttpRequest,
    params: UnquotedQuery<ListOffers>,
) -> Result<HttpResponse, Problem> {
    let ListOffers { limit: Limit(limit), cursor, open } = params.0;
    let query = format!("list offers {} {open:?}", caller.id);
    let before = cursor.map(|cursor| context.cursors.read::<OfferId>(&query, &cursor)).transpose()?;
    let page = OfferPage { before, limit: i64::try_from(limit).unwrap_or(100), open };
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let listed = run_at_desk(&context, errand, attempt(Action::Read, None), move |tx, desk| {
        referrals::offers_to_agency(tx, desk, &page)
    });
    let OfferList { offers, more, count } = listed.await?;
    let last = offers.last().filter(|_| more).map(|offer| offer.id);
    Ok(answer_part(&context, &request, &query, (offers, last, Total::counted(count)), Offer::from))
}

/// Shows an offer to the organization that is asked, or to the district that asks.
#[utoipa::path(
    tag = "offers", operation_id = "get_offer",
    security(("oauth" = ["referrals:respond"]), ("oauth" = ["referrals:read"])),
    params(("id" = OfferId, Path, description = "The offer")),
    responses(
        (status = 200, description = "It", body = Offer, headers(("ETag" = String, description = "The version"))),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/offers/{id}")]
async fn get_offer(
    caller: Caller<OfferReader>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
) -> Result<HttpResponse, Problem> {
    let id: OfferId = path_id("offer", &id)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let found = run_at_desk(&context, errand, attempt(Action::Read, Some(id)), move |tx, desk| {
        referrals::offer(tx, desk, id)
    });
    let Shown { offer, measure, .. } = found.await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::ETAG, etag(offer.version)));
    Ok(response.json(Offer { measure, ..Offer::from(offer) }))
}

/// Says what the caller may do with an offer now: what the organization may, what the district may, and, for an
/// organization that has nobody here, what a coordinator may record of a call to it.
#[utoipa::path(
    tag = "offers", operation_id = "list_offer_actions",
    security(("oauth" = ["referrals:respond"]), ("oauth" = ["referrals:write"])),
    params(("id" = OfferId, Path, description = "The offer")),
    responses(
        (status = 200, description = "Exactly what works", body = OfferActions),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/offers/{id}/actions")]
async fn list_offer_actions(
    caller: Caller<OfferActor>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
) -> Result<HttpResponse, Problem> {
    let id: OfferId = path_id("offer", &id)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let found = run_at_desk(&context, errand, attempt(Action::Read, Some(id)), move |tx, desk| {
        referrals::offer(tx, desk, id)
    });
    let Shown { actions, .. } = found.await?;
    Ok(HttpResponse::Ok().json(OfferActions { actions }))
}

/// Does something with an offer. What an agency records of a service that it gives is told to the district as far as a
/// consent lets it (`direction` to the school, `service_record` and `progress`); each time is a release on the record.
#[utoipa::path(
    tag = "offers", operation_id = "act_on_offer",
    security(("oauth" = ["referrals:respond"]), ("oauth" = ["referrals:write"])),
    params(
        ("id" = OfferId, Path, description = "The offer"),
        ("Idempotency-Key" = String, Header, description = "Needed: the same key and body give the first answer again", example = "\"8e03978e-40d7\""),
    ),
    request_body(content = OfferAct, content_type = "application/json", example = json!({"action": "accept"})),
    responses(
        (status = 200, description = "The offer, as it is now", body = Offer, headers(("ETag" = String, description = "The version"))),
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
#[post("/offers/{id}/actions")]
async fn act_on_offer(
    caller: Caller<OfferActor>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let id: OfferId = path_id("offer", &id)?;
    let asked: OfferAct = body::read_unquoted(&request, &bytes.0, JSON)?;
    let errand = errand(&request, &caller, Purpose::CoordinateCare)?;
    let attempt = attempt(Action::Change, Some(id));
    run_once_at_desk(&context, &request, errand, attempt, &bytes.0, move |tx, desk| {
        let offer = referrals::act_on_offer(tx, desk, id, &asked)?;
        let headers = [("etag", etag(offer.version))];
        Answer::json(StatusCode::OK, &headers, &Offer::from(offer))
    })
    .await
}

/// Tells somebody of the organization what they must know of the student: `eligibility` while the insurer is asked,
/// `identity` once the offer is accepted; of either, what a consent or an agreement covers. Each request is a release of
/// its own, on the record that the family may see.
#[utoipa::path(
    tag = "offers", operation_id = "fetch_offer_packet", security(("oauth" = ["referrals:respond"])),
    params(("id" = OfferId, Path, description = "The offer")),
    request_body(content = OfferPacketAsk, content_type = "application/json", example = json!({"packet": "identity"})),
    responses(
        (status = 200, description = "What is told, and what must be kept with it", body = OfferPacket),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`, `disclosure-refused`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
    )
)]
#[post("/offers/{id}/packets")]
async fn fetch_offer_packet(
    caller: Caller<ReferralsRespond>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: UnquotedQuery<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let id: OfferId = path_id("offer", &id)?;
    let OfferPacketAsk { packet } = body::read_unquoted(&request, &bytes.0, JSON)?;
    let errand = errand(&request, &caller, Purpose::ProvideService)?;
    let released = run_at_desk(&context, errand, attempt(Action::Release, Some(id)), move |tx, desk| {
        referrals::fetch_packet(tx, desk, id, packet)
    });
    let Released { disclosure, packet, notices } = released.await?;
    let notices = notices.into_iter().map(NoticeText::from).collect();
    let records::Disclosure { id, released_at, document, .. } = disclosure;
    let Document { purpose, basis, citation, .. } = document;
    Ok(HttpResponse::Ok().json(OfferPacket {
        disclosure_id: id,
        released_at,
        purpose,
        basis,
        citation,
        packet,
        notices,
    }))
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(list_offers)
        .service(get_offer)
        .service(list_offer_actions)
        .service(act_on_offer)
        .service(fetch_offer_packet);
}
