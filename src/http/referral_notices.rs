//! `/v1/organizations/{id}/referral-notices`: where an organization hears that offers wait for its reply.

use actix_web::http::header::ETAG;
use actix_web::{HttpRequest, HttpResponse, delete, get, put, web};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

use super::caller::{Caller, DirectoryWrite};
use super::problem::Problem;
use super::query::{NoParams, Query};
use super::resource::{IfMatch, JSON, etag, parse_id};
use super::{Context, body};
use crate::directory::OrganizationFacts;
use crate::exchange::referral_notices::{self, Reach, Wish};
use crate::types::{OrganizationId, ReaderLanguage};

/// Where messages are to go.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "intake@example.org", "language": "en"}))]
struct ReferralNoticesSet {
    /// The address; by default the organization's own `email`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    email: Option<String>,
    /// The language of the messages; by default that of its availability reminders, else English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    language: Option<ReaderLanguage>,
}

/// Where an organization with people here hears that offers wait for its reply. A message says how many wait and until
/// when, and nothing of them. Several become one; it comes in office hours, unless one of them is urgent.
#[derive(Serialize, utoipa::ToSchema)]
struct ReferralNotices {
    /// The organization; the one that it was merged into, if it was.
    organization_id: OrganizationId,
    /// Where messages go: what was set here, else the organization's own `email`. Without one there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    email: Option<String>,
    /// Whether the address was set here.
    is_set_here: bool,
    /// The language of the messages.
    language: ReaderLanguage,
    /// Since when none go, because none are wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    stopped_at: Option<Timestamp>,
    /// Since when none go, because a mail server refused this address for ever. Setting it anew tries again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    bounced_at: Option<Timestamp>,
    /// When this last changed, if it ever did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    changed_at: Option<Timestamp>,
    /// Whether this deployment has a mail server: without one no message is made.
    is_sending: bool,
}

fn answer(context: &Context, reach: &Reach) -> HttpResponse {
    let settings = &reach.settings;
    HttpResponse::Ok().insert_header((ETAG, etag(settings.version))).json(ReferralNotices {
        organization_id: settings.organization,
        email: reach.address().map(str::to_owned),
        is_set_here: settings.email.is_some(),
        language: reach.language,
        stopped_at: settings.stopped_at,
        bounced_at: reach.bounced_at(),
        changed_at: settings.changed_at,
        is_sending: context.app.sends_mail(),
    })
}

/// Shows where an organization hears of offers, and whether its address was refused.
#[utoipa::path(
    tag = "offers", operation_id = "get_referral_notices", security(("oauth" = ["directory:write"])),
    params(("id" = uuid::Uuid, Path, description = "The organization")),
    responses(
        (status = 200, description = "Where it hears of them", body = ReferralNotices, headers(("ETag" = String, description = "The version, for `If-Match`"))),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/organizations/{id}/referral-notices")]
async fn get_referral_notices(
    caller: Caller<DirectoryWrite>,
    context: web::Data<Context>,
    id: web::Path<String>,
    _params: Query<NoParams>,
) -> Result<HttpResponse, Problem> {
    let organization = parse_id::<OrganizationFacts>(&id)?;
    let principal = caller.clone();
    let store = &context.app.store;
    let found =
        store.read(move |connection| referral_notices::wanted(connection, &principal, organization)).await?;
    Ok(answer(&context, &found))
}

/// Sets where an organization hears of offers; `If-Match` is required. Its own staff or an operator on its behalf may. An
/// address that was refused is tried again, and messages that were stopped go again.
#[utoipa::path(
    tag = "offers", operation_id = "set_referral_notices", security(("oauth" = ["directory:write"])),
    params(
        ("id" = uuid::Uuid, Path, description = "The organization"),
        ("If-Match" = String, Header, description = "The ETag of what was read, or `*`"),
    ),
    request_body(content = ReferralNoticesSet, content_type = "application/json"),
    responses(
        (status = 200, description = "Where it hears of them now", body = ReferralNotices, headers(("ETag" = String, description = "The version, for `If-Match`"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`"),
        (status = 412, description = "`precondition-failed`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
        (status = 428, description = "`precondition-required`"),
    )
)]
#[put("/organizations/{id}/referral-notices")]
async fn set_referral_notices(
    caller: Caller<DirectoryWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: Query<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let organization = parse_id::<OrganizationFacts>(&id)?;
    let if_match = IfMatch::read(&request)?;
    let asked: ReferralNoticesSet = body::read_strictly(&request, &bytes.0, JSON)?;
    let wish = Wish { email: asked.email.map(|email| email.trim().to_owned()), language: asked.language };
    let principal = caller.clone();
    let set = context.app.store.write(move |tx| {
        let check = |version| if_match.version(version).map(|_| ());
        referral_notices::ask(tx, &principal, organization, &wish, &check)
    });
    Ok(answer(&context, &set.await?))
}

/// Stops the messages to an organization; `If-Match` is required. A link in each message does the same.
#[utoipa::path(
    tag = "offers", operation_id = "stop_referral_notices", security(("oauth" = ["directory:write"])),
    params(
        ("id" = uuid::Uuid, Path, description = "The organization"),
        ("If-Match" = String, Header, description = "The ETag of what was read, or `*`"),
    ),
    responses(
        (status = 204, description = "None are sent any more"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 412, description = "`precondition-failed`"),
        (status = 428, description = "`precondition-required`"),
    )
)]
#[delete("/organizations/{id}/referral-notices")]
async fn stop_referral_notices(
    caller: Caller<DirectoryWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: Query<NoParams>,
) -> Result<HttpResponse, Problem> {
    let organization = parse_id::<OrganizationFacts>(&id)?;
    let if_match = IfMatch::read(&request)?;
    let principal = caller.clone();
    let stopped = context.app.store.write(move |tx| {
        let check = |version| if_match.version(version).map(|_| ());
        referral_notices::stop(tx, &principal, organization, &check)
    });
    stopped.await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(get_referral_notices).service(set_referral_notices).service(stop_referral_notices);
}
