//! `POST /v1/matches`: the finder for a need profile, with nothing of it in a URL.

use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::Deserialize;
use utoipa_actix_web::service_config::ServiceConfig;

use super::answer::{Names, PageAsk, answer};
use super::caller::Reader;
use super::imminent_risk::Risk;
use super::listing::SearchAnswer;
use super::problem::Problem;
use super::query::{NoParams, Query};
use super::resource::JSON;
use super::{Context, body};
use crate::error::FieldError;
use crate::finder::ledger::NeedRef;
use crate::finder::need::{
    MOST_VALUES, NeedProfile, OriginAsk, PreferredCriteria, RequiredCriteria, radius_problem,
};
use crate::finder::{Question, Sort, Urgency, Words};
use crate::types::Audience;

/// A need profile: what must hold, what would be good, and from where.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "origin": {"postal_code": "01840"},
    "required": {"languages": {"any_of": ["es"]}, "coverages": {"any_of": ["medicaid"]}, "age": 10},
    "preferred": {"practices": ["tf_cbt"]},
    "urgency": "routine"
}))]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
struct MatchRequest {
    /// Where travel starts.
    origin: OriginAsk,
    /// How far a place may be, in great-circle kilometres.
    #[serde(default = "default_radius")]
    #[schema(minimum = 0, maximum = 500, default = 50)]
    radius_km: f64,
    /// Whom the service is for.
    #[serde(default = "students")]
    audience: Vec<Audience>,
    /// Free text, as `q` of the search: every word must be in a name, the place, a description, or a name or
    /// everyday word of something that the offering has.
    #[serde(default)]
    #[schema(nullable = false, max_length = 200, example = "grief counseling")]
    q: Option<String>,
    /// What must hold.
    #[serde(default)]
    #[schema(required = false)]
    required: RequiredCriteria,
    /// What ranks and never filters.
    #[serde(default)]
    #[schema(required = false)]
    preferred: PreferredCriteria,
    /// How quickly care is needed.
    #[serde(default)]
    #[schema(required = false)]
    urgency: Urgency,
    /// The order.
    #[serde(default)]
    #[schema(required = false)]
    sort: Sort,
    /// Whether the factors of each score are shown.
    #[serde(default)]
    explain: bool,
    /// Whether near misses are shown though something matches. Where nothing matches they always are.
    #[serde(default)]
    near_misses: bool,
    /// An opaque reference to the need, which only the caller can resolve: never a name or a student's number.
    /// With it, the month's ledger of near misses keeps what came of this need, without the reference: which
    /// rule blocked, where, in what language, on what coverage. A repetition in the same month replaces it.
    #[serde(default)]
    #[schema(nullable = false, value_type = Option<String>, min_length = 8, max_length = 200)]
    need_ref: Option<NeedRef>,
    /// Whether somebody may be in danger. Then nothing is searched: the answer is the problem `imminent-risk`, which says
    /// whom to call, and where the caller has a district a crisis event is recorded there.
    #[serde(default)]
    #[expect(dead_code, reason = "is looked at before anything else, whatever else is wrong with the body")]
    imminent_risk: bool,
    /// With `imminent_risk`: whether abuse or neglect is suspected. The answer then has what mandated reporters have to
    /// do themselves; nothing is filed.
    #[serde(default)]
    suspected_abuse: bool,
    /// How many items.
    #[serde(default = "default_limit")]
    #[schema(minimum = 1, maximum = 100, default = 25)]
    limit: usize,
    /// `next_cursor` of the page before; everything else must be the same.
    #[serde(default)]
    #[schema(nullable = false)]
    cursor: Option<String>,
}

fn default_radius() -> f64 {
    Question::DEFAULT_RADIUS_KM
}

fn students() -> Vec<Audience> {
    vec![Audience::Students]
}

fn default_limit() -> usize {
    25
}

pub(super) fn in_origin(name: &str, message: String) -> FieldError {
    FieldError::body(format!("/origin/{name}"), message)
}

fn in_required(name: &str, message: String) -> FieldError {
    FieldError::body(format!("/required/{name}"), message)
}

/// Finds who can serve the need described in the body: as the search, with wishes that rank.
#[utoipa::path(
    tag = "search", operation_id = "match_need", security((), ("oauth" = ["directory:read"])),
    request_body(content = MatchRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "The best matches", body = SearchAnswer),
        (status = 400, description = "`invalid-request`"),
        (status = 409, description = "`imminent-risk`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
        (status = 503, description = "`overloaded`, `unavailable`, `starting`"),
    )
)]
#[post("/matches")]
async fn matches(
    reader: Reader,
    context: web::Data<Context>,
    request: HttpRequest,
    _params: Query<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let where_from = |origin| serde_json::from_value::<OriginAsk>(origin).ok();
    if let Some(risk) = Risk::read(&bytes.0, where_from) {
        return Err(risk.answer(&context, &request, reader.somebody()).await);
    }
    let MatchRequest {
        origin,
        radius_km,
        audience,
        q,
        required,
        preferred,
        urgency,
        sort,
        explain,
        near_misses,
        need_ref,
        imminent_risk: _,
        suspected_abuse,
        limit,
        cursor,
    } = body::read(&request, &bytes.0, JSON)?;
    let mut faults = origin.problems(in_origin);
    if suspected_abuse {
        let message = "says why there is imminent risk; add imminent_risk, or leave it out";
        faults.push(FieldError::body("/suspected_abuse", message));
    }
    faults.extend(radius_problem(radius_km).map(|message| FieldError::body("/radius_km", message)));
    if audience.is_empty() {
        faults.push(FieldError::body("/audience", "is empty; leave it out for services for students"));
    }
    if !(1..=100).contains(&limit) {
        faults.push(FieldError::body("/limit", format_args!("{limit} is not a whole number from 1 to 100")));
    }
    let (required, max_wait_days) = required.read(&mut faults);
    let preferred = preferred.read(&mut faults);
    let words = q.and_then(|q| {
        q.parse::<Words>().map_err(|refusal| faults.push(FieldError::body("/q", refusal))).ok()
    });
    if audience.len() > MOST_VALUES {
        faults.push(FieldError::body("/audience", format_args!("has more than {MOST_VALUES} values")));
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let need =
        NeedProfile { origin, radius_km, audience, words, required, preferred, urgency, max_wait_days, sort };
    if need_ref.is_some() {
        // What came of a need is counted: somebody must answer for it.
        reader.named()?;
    }
    let names = Names { origin: in_origin, coverage: (in_required, "coverages") };
    let page = PageAsk { limit, cursor, explain, near_misses };
    answer(&context, &request, need, names, page, need_ref).await
}

/// Adds this operation.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(matches);
}
