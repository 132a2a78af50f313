//! `/v1/districts/{id}/crisis-rota`: whom a district calls when somebody says that there is imminent risk; and how it is
//! shown who was told.

use actix_web::http::header::ETAG;
use actix_web::{HttpRequest, HttpResponse, get, put, web};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

use super::caller::{Admin, Caller};
use super::problem::Problem;
use super::query::{NoParams, Query};
use super::resource::{IfMatch, JSON, etag, parse_id};
use super::{Context, body};
use crate::directory::DistrictFacts;
use crate::exchange::crisis_rota::{self, Escalation, Rota, StepAsk, StepShown, Whom};
use crate::exchange::outbox::MessageStatus;
use crate::types::{DistrictId, MembershipId, ReaderLanguage};

/// Somebody who is told of a report.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct CrisisTold {
    /// How they are called.
    name: String,
    /// By which step of the rota, from 1.
    step: i32,
}

impl CrisisTold {
    pub(super) fn all(escalations: &[Escalation]) -> Vec<Self> {
        let told = |one: &Escalation| Some(Self { name: one.name.clone()?, step: one.step });
        escalations.iter().filter_map(told).collect()
    }
}

/// That somebody was told of a report of imminent risk, or that nobody could be.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct CrisisEscalation {
    /// The place among these, from 1.
    number: i32,
    /// In which round of the rota, from 1.
    round: i32,
    /// By which step of it, from 1.
    step: i32,
    /// The person, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    membership_id: Option<MembershipId>,
    /// How they were called then; left out, nobody of this step could be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
    /// How far the message has come: `queued`, `sent`, `failed`, or `cancelled` because somebody had acknowledged the
    /// report before it went.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = String, example = "sent")]
    message: Option<MessageStatus>,
    /// When.
    at: Timestamp,
}

impl From<Escalation> for CrisisEscalation {
    fn from(escalation: Escalation) -> Self {
        let Escalation { number, round, step, membership, name, message, at } = escalation;
        Self { number, round, step, membership_id: membership, name, message, at }
    }
}

/// One step of a rota: a person of the district, or an address with a name.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct CrisisRotaStepSet {
    /// A lead or coordinator of the whole district, told at the address of `PUT /v1/me/notices`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    membership_id: Option<MembershipId>,
    /// How the address is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    name: Option<String>,
    /// The address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    email: Option<String>,
    /// The language of messages to the address; by default English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    language: Option<ReaderLanguage>,
    /// So many minutes an acknowledgement is waited for before the next step is told: 1 to 120, by default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1, maximum = 120)]
    minutes: Option<u16>,
}

/// Whom a district calls, in order.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"steps": [{"name": "Crisis desk of the district", "email": "crisis@example.org", "minutes": 5}]}))]
struct CrisisRotaSet {
    /// At most 10. None: the district's leads are told, all at once.
    #[schema(max_items = 10)]
    steps: Vec<CrisisRotaStepSet>,
}

/// One step of a rota, and whether it would reach anybody.
#[derive(Serialize, utoipa::ToSchema)]
struct CrisisRotaStep {
    /// The person, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    membership_id: Option<MembershipId>,
    /// How whoever is called is called.
    name: String,
    /// The address, where it is none of a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    email: Option<String>,
    /// The language of messages to the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    language: Option<ReaderLanguage>,
    /// So many minutes an acknowledgement is waited for.
    minutes: u16,
    /// Whether there is an address at which they can be told: a person may have set none, theirs may have been refused for
    /// ever, or they work for the district no more. Such a step is passed by.
    can_be_told: bool,
}

/// Whom a district calls when somebody says that there is imminent risk. The first is told at once, the next while nobody
/// has acknowledged the report in time; behind the last it begins again, five rounds and a day at most. Messages go at any
/// hour.
#[derive(Serialize, utoipa::ToSchema)]
struct CrisisRota {
    /// The district.
    district_id: DistrictId,
    /// The steps, in order; none: the district's leads are told, all at once.
    steps: Vec<CrisisRotaStep>,
    /// When this last changed, if it ever did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    changed_at: Option<Timestamp>,
    /// Whether this deployment has a mail server: without one nobody is told.
    is_sending: bool,
}

impl From<StepShown> for CrisisRotaStep {
    fn from(shown: StepShown) -> Self {
        let StepShown { step, name, can_be_told } = shown;
        let minutes = step.minutes;
        let (membership_id, email, language) = match step.whom {
            Whom::Person(membership) => (Some(membership), None, None),
            Whom::Address { email, language, .. } => (None, Some(email), Some(language)),
        };
        Self { membership_id, name, email, language, minutes, can_be_told }
    }
}

fn answer(context: &Context, (rota, steps): (Rota, Vec<StepShown>)) -> HttpResponse {
    HttpResponse::Ok().insert_header((ETAG, etag(rota.version))).json(CrisisRota {
        district_id: rota.district,
        steps: steps.into_iter().map(CrisisRotaStep::from).collect(),
        changed_at: rota.changed_at,
        is_sending: context.app.sends_mail(),
    })
}

/// Shows whom a district calls when somebody says that there is imminent risk.
#[utoipa::path(
    tag = "crisis_events", operation_id = "get_crisis_rota", security(("oauth" = ["admin"])),
    params(("id" = uuid::Uuid, Path, description = "The district")),
    responses(
        (status = 200, description = "The rota", body = CrisisRota, headers(("ETag" = String, description = "The version, for `If-Match`"))),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/districts/{id}/crisis-rota")]
async fn get_crisis_rota(
    caller: Caller<Admin>,
    context: web::Data<Context>,
    id: web::Path<String>,
    _params: Query<NoParams>,
) -> Result<HttpResponse, Problem> {
    let district = parse_id::<DistrictFacts>(&id)?;
    let principal = caller.clone();
    let found = context.app.store.write(move |tx| crisis_rota::find(tx, &principal, district)).await?;
    Ok(answer(&context, found))
}

/// Sets whom a district calls when somebody says that there is imminent risk; `If-Match` is required. Its leads or an
/// operator may.
#[utoipa::path(
    tag = "crisis_events", operation_id = "set_crisis_rota", security(("oauth" = ["admin"])),
    params(
        ("id" = uuid::Uuid, Path, description = "The district"),
        ("If-Match" = String, Header, description = "The ETag of what was read, or `*`"),
    ),
    request_body(content = CrisisRotaSet, content_type = "application/json"),
    responses(
        (status = 200, description = "The rota now", body = CrisisRota, headers(("ETag" = String, description = "The version, for `If-Match`"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 412, description = "`precondition-failed`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
        (status = 428, description = "`precondition-required`"),
    )
)]
#[put("/districts/{id}/crisis-rota")]
async fn set_crisis_rota(
    caller: Caller<Admin>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: Query<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let district = parse_id::<DistrictFacts>(&id)?;
    let if_match = IfMatch::read(&request)?;
    let asked: CrisisRotaSet = body::read_strictly(&request, &bytes.0, JSON)?;
    let read = |step: CrisisRotaStepSet| {
        let CrisisRotaStepSet { membership_id, name, email, language, minutes } = step;
        StepAsk { membership: membership_id, name, email, language, minutes }
    };
    let steps: Vec<StepAsk> = asked.steps.into_iter().map(read).collect();
    let principal = caller.clone();
    let set = context.app.store.write(move |tx| {
        let check = |version| if_match.version(version).map(|_| ());
        crisis_rota::set(tx, &principal, district, &steps, &check)
    });
    Ok(answer(&context, set.await?))
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(get_crisis_rota).service(set_crisis_rota);
}
