//! `/v1/me/notices`: where a person of a district hears that something waits for them.

use actix_web::http::header::ETAG;
use actix_web::{HttpRequest, HttpResponse, delete, get, put, web};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

use super::caller::{Caller, ReferralsRead};
use super::problem::Problem;
use super::query::{NoParams, Query};
use super::resource::{IfMatch, JSON, etag};
use super::{Context, body};
use crate::exchange::people_notices::{self, Settings, Wish};
use crate::types::{MembershipId, ReaderLanguage};

/// Where messages are to go.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "ana@example.org", "language": "en"}))]
struct PeopleNoticesSet {
    /// The address.
    email: String,
    /// The language of the messages; by default English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    language: Option<ReaderLanguage>,
}

/// Where a person of a district hears that something waits for them. A message says how many referrals stand on the
/// worklists that they own or stand in for, and nothing of them. Several become one; it comes while the district is at
/// work. Crises, if they are on the rota, come at any hour, and also where these messages are stopped.
#[derive(Serialize, utoipa::ToSchema)]
struct PeopleNotices {
    /// Whose they are.
    membership_id: MembershipId,
    /// Where messages go. Without an address there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    email: Option<String>,
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

fn answer(context: &Context, settings: Settings) -> HttpResponse {
    HttpResponse::Ok().insert_header((ETAG, etag(settings.version))).json(PeopleNotices {
        membership_id: settings.membership,
        language: settings.language(),
        email: settings.email,
        stopped_at: settings.stopped_at,
        bounced_at: settings.bounced_at,
        changed_at: settings.changed_at,
        is_sending: context.app.sends_mail(),
    })
}

/// Shows where the caller hears of what waits for them, and whether the address was refused.
#[utoipa::path(
    tag = "referrals", operation_id = "get_my_notices", security(("oauth" = ["referrals:read"])),
    responses(
        (status = 200, description = "Where they hear of it", body = PeopleNotices, headers(("ETag" = String, description = "The version, for `If-Match`"))),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
    )
)]
#[get("/me/notices")]
async fn get_my_notices(
    caller: Caller<ReferralsRead>,
    context: web::Data<Context>,
    _params: Query<NoParams>,
) -> Result<HttpResponse, Problem> {
    let principal = caller.clone();
    let found = context.app.store.read(move |connection| people_notices::wanted(connection, &principal));
    Ok(answer(&context, found.await?))
}

/// Sets where the caller hears of what waits for them; `If-Match` is required. People of a district may, each for
/// themselves. An address that was refused is tried again, and messages that were stopped go again.
#[utoipa::path(
    tag = "referrals", operation_id = "set_my_notices", security(("oauth" = ["referrals:read"])),
    params(("If-Match" = String, Header, description = "The ETag of what was read, or `*`")),
    request_body(content = PeopleNoticesSet, content_type = "application/json"),
    responses(
        (status = 200, description = "Where they hear of it now", body = PeopleNotices, headers(("ETag" = String, description = "The version, for `If-Match`"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 412, description = "`precondition-failed`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
        (status = 428, description = "`precondition-required`"),
    )
)]
#[put("/me/notices")]
async fn set_my_notices(
    caller: Caller<ReferralsRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    _params: Query<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let if_match = IfMatch::read(&request)?;
    let asked: PeopleNoticesSet = body::read_strictly(&request, &bytes.0, JSON)?;
    let wish = Wish { email: asked.email.trim().to_owned(), language: asked.language };
    let principal = caller.clone();
    let set = context.app.store.write(move |tx| {
        let check = |version| if_match.version(version).map(|_| ());
        people_notices::ask(tx, &principal, &wish, &check)
    });
    Ok(answer(&context, set.await?))
}

/// Stops the messages about what waits for the caller; `If-Match` is required. A link in each message does the same.
#[utoipa::path(
    tag = "referrals", operation_id = "stop_my_notices", security(("oauth" = ["referrals:read"])),
    params(("If-Match" = String, Header, description = "The ETag of what was read, or `*`")),
    responses(
        (status = 204, description = "None are sent any more"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 412, description = "`precondition-failed`"),
        (status = 428, description = "`precondition-required`"),
    )
)]
#[delete("/me/notices")]
async fn stop_my_notices(
    caller: Caller<ReferralsRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    _params: Query<NoParams>,
) -> Result<HttpResponse, Problem> {
    let if_match = IfMatch::read(&request)?;
    let principal = caller.clone();
    let stopped = context.app.store.write(move |tx| {
        let check = |version| if_match.version(version).map(|_| ());
        people_notices::stop(tx, &principal, &check)
    });
    stopped.await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(get_my_notices).service(set_my_notices).service(stop_my_notices);
}
