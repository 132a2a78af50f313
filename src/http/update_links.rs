//! `/v1/capacity-pools/{id}/update-links`: links by which an agency says without an account what a pool can take.

use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse, delete, get, post, web};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

use super::caller::{AvailabilityWrite, Caller};
use super::idempotency::{Answer, answer_once};
use super::problem::Problem;
use super::query::{FromParams, Limit, NoParams, Params, Query};
use super::resource::{JSON, Total, answer_page, parse_id};
use super::{Context, body};
use crate::availability::links::{self, DEFAULT_LINK_LIFE, LinkPage};
use crate::directory::CapacityPoolFacts;
use crate::error::Error;
use crate::exchange::reminders;
use crate::types::{CapacityPoolId, Period, ReaderLanguage, UpdateLinkId};

/// A link to make.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"expires_in": "P14D", "language": "es"}))]
struct UpdateLinkCreate {
    /// How long it works, as an ISO 8601 duration: one minute to 90 days, by default 14 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    expires_in: Option<Period>,
    /// The language of its page; by default that of the agency's reminders, else English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    language: Option<ReaderLanguage>,
}

/// A link that was just made. Whoever has its URL speaks for the agency of this one pool, until it expires.
#[derive(Serialize, utoipa::ToSchema)]
struct UpdateLinkCreated {
    /// Its id.
    id: UpdateLinkId,
    /// To be given to the agency. It is shown this once.
    #[schema(example = "https://causeway.example.org/u/AZrY…")]
    url: String,
    /// The pool.
    capacity_pool_id: CapacityPoolId,
    /// The language of its page.
    language: ReaderLanguage,
    /// From when on it does not work.
    expires_at: Timestamp,
}

/// A link, without its URL.
#[derive(Serialize, utoipa::ToSchema)]
struct UpdateLink {
    /// Its id. What was said by it has `update link ID` as the one who said it.
    id: UpdateLinkId,
    /// The pool.
    capacity_pool_id: CapacityPoolId,
    /// The language of its page.
    language: ReaderLanguage,
    /// Who made it; `a reminder` for those in reminders.
    created_by: String,
    /// When.
    created_at: Timestamp,
    /// From when on it does not work.
    expires_at: Timestamp,
    /// When it was last used to say something.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    used_at: Option<Timestamp>,
    /// Since when it is revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    revoked_at: Option<Timestamp>,
}

/// One page of links.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the body that the generic list writes")]
struct UpdateLinkPage {
    /// The latest first.
    items: Vec<UpdateLink>,
    /// Continues the list; none at its end.
    #[schema(nullable = false)]
    next_cursor: Option<String>,
    /// How many there are.
    total: Total,
}

impl From<links::UpdateLink> for UpdateLink {
    fn from(link: links::UpdateLink) -> Self {
        Self {
            id: link.id,
            capacity_pool_id: link.pool,
            language: link.language,
            created_by: link.created_by,
            created_at: link.created_at,
            expires_at: link.expires_at,
            used_at: link.used_at,
            revoked_at: link.revoked_at,
        }
    }
}

/// Makes a link to a page on which the agency says with one tap what this pool can take. The page works without an
/// account, and the link does nothing else. Its own staff or an operator may make one, since it speaks for the agency.
#[utoipa::path(
    tag = "availability", operation_id = "create_update_link", security(("oauth" = ["availability:write"])),
    params(("id" = uuid::Uuid, Path, description = "The capacity pool")),
    request_body(content = UpdateLinkCreate, content_type = "application/json"),
    responses(
        (status = 201, description = "The link, with its URL", body = UpdateLinkCreated),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`, `idempotency-in-flight`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
        (status = 422, description = "`idempotency-key-reused`"),
    )
)]
#[post("/capacity-pools/{id}/update-links")]
async fn create_update_link(
    caller: Caller<AvailabilityWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: Query<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let pool = parse_id::<CapacityPoolFacts>(&id)?;
    let UpdateLinkCreate { expires_in, language } = body::read_strictly(&request, &bytes.0, JSON)?;
    let (principal, app) = (caller.clone(), context.app.clone());
    answer_once(&context, &request, &caller, &bytes.0, move |tx| {
        let record = links::admit_to_links(tx.connection, &principal, pool)?;
        let language = match language {
            Some(language) => language,
            None => reminders::language_of(tx.connection, record.facts.organization_id)?
                .unwrap_or(ReaderLanguage::English),
        };
        let link = links::issue(tx, &principal, pool, language, expires_in.unwrap_or(DEFAULT_LINK_LIFE))?;
        let token = app.links.update(link.id, link.expires_at);
        let created = UpdateLinkCreated {
            id: link.id,
            url: format!("{}/u/{token}", app.access.issuer()),
            capacity_pool_id: link.pool,
            language: link.language,
            expires_at: link.expires_at,
        };
        Answer::json(StatusCode::CREATED, &[(CACHE_CONTROL.as_str(), "no-store".to_owned())], &created)
    })
    .await
}

struct LinkParams {
    limit: Limit,
    cursor: Option<String>,
    include_ended: bool,
}

impl FromParams for LinkParams {
    fn from_params(params: &mut Params) -> Self {
        Self {
            limit: params.one("limit").unwrap_or_default(),
            cursor: params.one("cursor"),
            include_ended: params.flag("include_ended"),
        }
    }
}

/// Lists the links of a pool that work, without their URLs.
#[utoipa::path(
    tag = "availability", operation_id = "list_update_links", security(("oauth" = ["availability:write"])),
    params(
        ("id" = uuid::Uuid, Path, description = "The capacity pool"),
        ("limit" = Option<u8>, Query, description = "How many items: 1 to 100, by default 25", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("include_ended" = Option<bool>, Query, description = "Also those that have expired or are revoked", example = true),
    ),
    responses(
        (status = 200, description = "One page", body = UpdateLinkPage, headers(("Link" = String, description = "`rel=\"next\"`"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/capacity-pools/{id}/update-links")]
async fn list_update_links(
    caller: Caller<AvailabilityWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    params: Query<LinkParams>,
) -> Result<HttpResponse, Problem> {
    let pool = parse_id::<CapacityPoolFacts>(&id)?;
    let LinkParams { limit, cursor, include_ended } = params.0;
    let query = format!("update links of {pool} {include_ended}");
    let before = cursor.map(|cursor| context.cursors.read::<UpdateLinkId>(&query, &cursor)).transpose()?;
    let page = LinkPage { before, limit: limit.0, include_ended };
    let (principal, now) = (caller.clone(), context.app.now());
    let (found, count) = context
        .app
        .store
        .read(move |connection| links::list(connection, &principal, pool, &page, now))
        .await?;
    let place = |link: &links::UpdateLink| link.id;
    let found = (found, Total::counted(count));
    Ok(answer_page(&context, &request, &query, limit.0, found, place, UpdateLink::from))
}

/// Revokes a link, at once. What was said by it stands.
#[utoipa::path(
    tag = "availability", operation_id = "revoke_update_link", security(("oauth" = ["availability:write"])),
    params(("id" = UpdateLinkId, Path, description = "The link", example = "0192c0de-0000-7000-8000-000000000000")),
    responses(
        (status = 204, description = "It does not work any more"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[delete("/update-links/{id}")]
async fn revoke_update_link(
    caller: Caller<AvailabilityWrite>,
    context: web::Data<Context>,
    id: web::Path<String>,
    _params: Query<NoParams>,
) -> Result<HttpResponse, Problem> {
    let missing = |_| Error::NotFound { what: "update link", id: id.to_string() };
    let link: UpdateLinkId = id.parse().map_err(missing)?;
    let principal = caller.clone();
    context.app.store.write(move |tx| links::revoke(tx, &principal, link)).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(create_update_link).service(list_update_links).service(revoke_update_link);
}
