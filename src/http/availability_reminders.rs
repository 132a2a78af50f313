//! `/v1/organizations/{id}/availability-reminders`: whether and how an agency wants to be reminded before what it said
//! of its openings lapses.

use actix_web::http::header::{ETAG, IF_MATCH};
use actix_web::{HttpRequest, HttpResponse, delete, get, put, web};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

use super::caller::{AvailabilityWrite, Caller};
use super::problem::{Problem, ProblemCode};
use super::query::{NoParams, Query};
use super::resource::{IfMatch, JSON, etag, parse_id};
use super::{Context, body};
use crate::directory::OrganizationFacts;
use crate::error::Error;
use crate::exchange::reminders::{self, Reminders, Wish};
use crate::types::{OrganizationId, Period, ReaderLanguage};

/// What an agency asks for.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "intake@example.org", "language": "en", "before": "P1D", "at_most_every": "P7D"}))]
struct AvailabilityRemindersSet {
    /// Where the messages go.
    email: String,
    /// The language of the messages and of the pages that they link to; by default English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    language: Option<ReaderLanguage>,
    /// How long before it lapses, as an ISO 8601 duration: one hour to seven days, by default a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    before: Option<Period>,
    /// There is at most one message in this time: one to 90 days, by default seven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    at_most_every: Option<Period>,
}

/// What an agency asked for. One message speaks of all its pools, in its office hours and not on its holidays.
#[derive(Serialize, utoipa::ToSchema)]
struct AvailabilityReminders {
    /// The agency.
    organization_id: OrganizationId,
    /// Where the messages go.
    email: String,
    /// Their language.
    language: ReaderLanguage,
    /// How long before what was said lapses.
    before: Period,
    /// There is at most one message in this time.
    at_most_every: Period,
    /// When it was set.
    changed_at: Timestamp,
    /// Whether this deployment has a mail server: without one no message is made.
    is_sending: bool,
}

fn view(context: &Context, reminders: Reminders) -> AvailabilityReminders {
    let Wish { email, language, before, at_most_every } = reminders.wish;
    AvailabilityReminders {
        organization_id: reminders.organization,
        email,
        language,
        before,
        at_most_every,
        changed_at: reminders.changed_at,
        is_sending: context.app.sends_mail(),
    }
}

/// Shows what an agency asked for.
#[utoipa::path(
    tag = "availability", operation_id = "get_availability_reminders", security(("oauth" = ["availability:write"])),
    params(("id" = uuid::Uuid, Path, description = "The organization")),
    responses(
        (status = 200, description = "What it asked for", body = AvailabilityReminders, headers(("ETag" = String, description = "The version, for `If-Match`"))),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/organizations/{id}/availability-reminders")]
async fn get_availability_reminders(
    caller: Caller<AvailabilityWrite>,
    context: web::Data<Context>,
    id: web::Path<String>,
    _params: Query<NoParams>,
) -> Result<HttpResponse, Problem> {
    let organization = parse_id::<OrganizationFacts>(&id)?;
    let principal = caller.clone();
    let found = context
        .app
        .store
        .read(move |connection| {
            let missing =
                || Error::NotFound { what: "availability reminders of", id: organization.to_string() };
            reminders::wanted(connection, &principal, organization)?.ok_or_else(missing)
        })
        .await?;
    let etag = etag(found.version);
    Ok(HttpResponse::Ok().insert_header((ETAG, etag)).json(view(&context, found)))
}

/// Sets what an agency asks for. `If-Match` is needed where it asked for something already. Its own staff or an
/// operator on its behalf may: nobody is reminded who did not ask for it.
#[utoipa::path(
    tag = "availability", operation_id = "set_availability_reminders", security(("oauth" = ["availability:write"])),
    params(
        ("id" = uuid::Uuid, Path, description = "The organization"),
        ("If-Match" = Option<String>, Header, description = "The ETag of what was read, where there is something"),
    ),
    request_body(content = AvailabilityRemindersSet, content_type = "application/json"),
    responses(
        (status = 200, description = "What it asks for now", body = AvailabilityReminders, headers(("ETag" = String, description = "The version, for `If-Match`"))),
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
#[put("/organizations/{id}/availability-reminders")]
async fn set_availability_reminders(
    caller: Caller<AvailabilityWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: Query<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let organization = parse_id::<OrganizationFacts>(&id)?;
    let asked: AvailabilityRemindersSet = body::read_strictly(&request, &bytes.0, JSON)?;
    let wish = Wish {
        email: asked.email.trim().to_owned(),
        language: asked.language.unwrap_or(ReaderLanguage::English),
        before: asked.before.unwrap_or(Period::days(1)),
        at_most_every: asked.at_most_every.unwrap_or(Period::days(7)),
    };
    let has_match = request.headers().contains_key(IF_MATCH);
    let if_match = has_match.then(|| IfMatch::read(&request)).transpose()?;
    let principal = caller.clone();
    let set = context.app.store.write(move |tx| {
        let check = |version: Option<i64>| match (&if_match, version) {
            (_, None) => Ok(()),
            (Some(if_match), Some(version)) => if_match.version(version).map(|_| ()),
            (None, Some(version)) => Err(Error::Stale { current: version }),
        };
        match reminders::ask(tx, &principal, organization, &wish, &check) {
            Err(Error::Stale { .. }) if if_match.is_none() => Ok(None),
            set => set.map(Some),
        }
    });
    let Some(set) = set.await? else {
        return Err(Problem::new(
            ProblemCode::PreconditionRequired,
            "something was asked for already; If-Match is needed: repeat the ETag of what you read",
        ));
    };
    let etag = etag(set.version);
    Ok(HttpResponse::Ok().insert_header((ETAG, etag)).json(view(&context, set)))
}

/// Stops the reminders of an agency; `If-Match` is required. A link in each message does the same.
#[utoipa::path(
    tag = "availability", operation_id = "stop_availability_reminders", security(("oauth" = ["availability:write"])),
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
#[delete("/organizations/{id}/availability-reminders")]
async fn stop_availability_reminders(
    caller: Caller<AvailabilityWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: Query<NoParams>,
) -> Result<HttpResponse, Problem> {
    let organization = parse_id::<OrganizationFacts>(&id)?;
    let if_match = IfMatch::read(&request)?;
    let principal = caller.clone();
    context
        .app
        .store
        .write(move |tx| {
            let check = |version| if_match.version(version).map(|_| ());
            reminders::stop(tx, &principal, organization, &check)
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(get_availability_reminders)
        .service(set_availability_reminders)
        .service(stop_availability_reminders);
}
