//! `/v1/organizations/duplicates`: organizations that may be the same agency.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

use super::caller::{Caller, DirectoryRead, DirectoryWrite};
use super::idempotency::{Answer, answer_once};
use super::problem::Problem;
use super::query::{FromParams, Limit, NoParams, Number, Params, Query};
use super::resource::{JSON, Total, answer_page};
use super::{Context, body};
use crate::directory::{self, Candidate, Dismissal, DuplicatesAsk, Evidence, admit_everywhere};
use crate::store::Noun;
use crate::types::OrganizationId;

/// Pairs that are less alike are mostly two agencies.
const MIN_LIKENESS: f64 = 0.7;

/// Two organizations that may be the same agency. Somebody who knows them decides: `merge`, or a dismissal.
#[derive(Serialize, utoipa::ToSchema)]
struct DuplicateCandidate {
    /// The one; with `organization_id`, the one that was asked for.
    organization: NamedOrganization,
    /// The other one.
    other: NamedOrganization,
    /// From 0 to 1: half of it is how alike the names are; the other half is the evidence beside the names, of
    /// which each piece leaves less doubt.
    #[schema(example = 0.91, minimum = 0, maximum = 1)]
    likeness: f64,
    /// What speaks for it. Names alone make no candidate.
    evidence: Vec<Evidence>,
    /// Who found them to be two, and when; only with `include_dismissed=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    dismissal: Option<DismissalView>,
}

/// An organization by its id and name.
#[derive(Serialize, utoipa::ToSchema)]
struct NamedOrganization {
    /// Its id.
    id: OrganizationId,
    /// Its name.
    name: String,
}

/// One page of candidates, the most alike first.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the body that `PageBody` writes")]
pub(super) struct DuplicatePage {
    /// The candidates.
    items: Vec<DuplicateCandidate>,
    /// Continues the list; none at its end.
    #[schema(nullable = false)]
    next_cursor: Option<String>,
    /// How many there are.
    total: Total,
}

/// Two organizations that are not the same.
#[derive(Clone, Copy, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DismissalCreate {
    /// The one.
    organization_id: OrganizationId,
    /// The other one.
    other_id: OrganizationId,
}

/// That somebody found two organizations to be two.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Dismissal)]
struct DismissalView {
    /// The one with the lesser id.
    organization_id: OrganizationId,
    /// The other one.
    other_id: OrganizationId,
    /// When it was first said.
    dismissed_at: Timestamp,
    /// By whom.
    dismissed_by: String,
}

impl From<Dismissal> for DismissalView {
    fn from(Dismissal { organization_id, other_id, dismissed_at, dismissed_by }: Dismissal) -> Self {
        Self { organization_id, other_id, dismissed_at, dismissed_by }
    }
}

impl DuplicateCandidate {
    /// Shows a candidate, with the one that was asked for in front.
    fn new(candidate: Candidate, asked: Option<OrganizationId>) -> Self {
        let Candidate { pair, names: [name, other_name], dismissal } = candidate;
        let one = NamedOrganization { id: pair.organization_id, name };
        let other = NamedOrganization { id: pair.other_id, name: other_name };
        let (organization, other) = if asked == Some(other.id) { (other, one) } else { (one, other) };
        Self {
            organization,
            other,
            likeness: pair.likeness,
            evidence: pair.evidence,
            dismissal: dismissal.map(DismissalView::from),
        }
    }
}

/// What the list takes.
struct DuplicateParams {
    limit: Limit,
    cursor: Option<String>,
    ask: DuplicatesAsk,
}

impl FromParams for DuplicateParams {
    fn from_params(params: &mut Params) -> Self {
        let limit = params.one("limit").unwrap_or_default();
        let cursor = params.one("cursor");
        let organization_id = params.one("organization_id");
        let min_likeness = params.one::<Number>("min_likeness").map_or(MIN_LIKENESS, |number| number.0);
        if !(0.0..=1.0).contains(&min_likeness) {
            params.fault("min_likeness", "is not a number from 0 to 1");
        }
        let include_dismissed = params.flag("include_dismissed");
        Self { limit, cursor, ask: DuplicatesAsk { organization_id, min_likeness, include_dismissed } }
    }
}

/// Lists pairs of organizations that may be the same agency, the most alike first, with what speaks for it.
///
/// A pair is listed if something beside the names speaks for it: a telephone number in common, a place, a domain.
/// A merged organization is not listed; nothing is ever merged by itself.
#[utoipa::path(
    tag = "organizations", operation_id = "list_duplicate_organizations", security(("oauth" = ["directory:read"])),
    params(
        ("limit" = Option<u8>, Query, description = "How many items: 1 to 100, by default 25", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
        ("organization_id" = Option<uuid::Uuid>, Query, description = "Only pairs of this one"),
        ("min_likeness" = Option<f64>, Query, description = "Only pairs that are at least so alike; by default 0.7", minimum = 0, maximum = 1),
        ("include_dismissed" = Option<bool>, Query, description = "Pairs that were dismissed too"),
    ),
    responses(
        (status = 200, description = "One page", body = DuplicatePage, headers(("Link" = String, description = "`rel=\"next\"`"))),
        (status = 400, description = "`invalid-request`"),
    )
)]
#[get("/organizations/duplicates")]
async fn list_duplicates(
    _caller: Caller<DirectoryRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    params: Query<DuplicateParams>,
) -> Result<HttpResponse, Problem> {
    let DuplicateParams { limit: Limit(limit), cursor, ask } = params.0;
    let query = format!("duplicates {ask:?}");
    let after = cursor.map(|cursor| context.cursors.read::<Position>(&query, &cursor)).transpose()?;
    let mut candidates =
        context.app.store.read(move |connection| directory::duplicates(connection, &ask)).await?;
    let total = Total::counted(i64::try_from(candidates.len()).unwrap_or(i64::MAX));
    if let Some(after) = after {
        candidates.retain(|candidate| Position::of(candidate).is_behind(&after));
    }
    let show = |candidate| DuplicateCandidate::new(candidate, ask.organization_id);
    Ok(answer_page(&context, &request, &query, limit, (candidates, total), Position::of, show))
}

/// A pair's place in the list.
#[derive(Serialize, Deserialize)]
struct Position {
    likeness: f64,
    ids: (OrganizationId, OrganizationId),
}

impl Position {
    fn of(candidate: &Candidate) -> Self {
        let pair = &candidate.pair;
        Self { likeness: pair.likeness, ids: (pair.organization_id, pair.other_id) }
    }

    fn is_behind(&self, other: &Self) -> bool {
        other.likeness.total_cmp(&self.likeness).then_with(|| self.ids.cmp(&other.ids)).is_gt()
    }
}

/// Says that two organizations are not the same agency: the pair is not listed any more.
#[utoipa::path(
    tag = "organizations", operation_id = "dismiss_duplicate_organizations", security(("oauth" = ["directory:write"])),
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeated request with this key gets the first answer again")),
    request_body(
        content = DismissalCreate, content_type = "application/json",
        example = json!({"organization_id": "3bec5f2f-18a2-5706-bca2-bee931700d59", "other_id": "4f4229c6-cb03-5861-8638-e64d8c7d0afb"})
    ),
    responses(
        (status = 200, description = "It was said before: what was said first", body = DismissalView),
        (status = 201, description = "Kept", body = DismissalView),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 409, description = "`conflict`, `idempotency-in-flight`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
        (status = 422, description = "`idempotency-key-reused`"),
    )
)]
#[post("/organizations/duplicates/dismissals")]
async fn dismiss_duplicates(
    caller: Caller<DirectoryWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    _params: Query<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let DismissalCreate { organization_id, other_id } = body::read_strictly(&request, &bytes.0, JSON)?;
    let principal = caller.clone();
    answer_once(&context, &request, &caller, &bytes.0, move |tx| {
        admit_everywhere(&principal, Noun::Organization)?;
        let (dismissal, is_new) = directory::dismiss(tx, organization_id, other_id, &principal.name)?;
        let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
        Answer::json(status, &[], &DismissalView::from(dismissal))
    })
    .await
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(list_duplicates).service(dismiss_duplicates);
}
