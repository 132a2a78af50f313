//! `/v1/organizations/{id}/merge`, `/unmerge` and `/merges`: the same agency twice.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

use super::caller::{Caller, DirectoryRead, DirectoryWrite};
use super::idempotency::{Answer, answer_once};
use super::organizations::Organization;
use super::problem::Problem;
use super::query::{NoParams, Query};
use super::resource::{IfMatch, JSON, Shown, etag, parse_id};
use super::{Context, body};
use crate::directory::{self, Merge, OrganizationFacts, Record, admit_everywhere, find};
use crate::error::Result;
use crate::store::{DbConnection, Noun};
use crate::types::{MergeId, OrganizationId};

/// Into which organization one is merged.
#[derive(Clone, Copy, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MergeCreate {
    /// The survivor: under its id and name both are found from then on.
    into: OrganizationId,
}

/// That one organization was merged into another.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Merge)]
struct MergeView {
    /// Its id.
    id: MergeId,
    /// The one that was merged.
    organization_id: OrganizationId,
    /// Its survivor.
    into_id: OrganizationId,
    /// When.
    merged_at: Timestamp,
    /// By whom.
    merged_by: String,
    /// When it was undone; none while it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    undone_at: Option<Timestamp>,
    /// By whom it was undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    undone_by: Option<String>,
}

/// The merges of an organization, in the order of time.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct MergeList {
    /// The merges.
    items: Vec<MergeView>,
}

impl From<Merge> for MergeView {
    fn from(merge: Merge) -> Self {
        let Merge { id, organization_id, into_id, merged_at, merged_by, undone_at, undone_by } = merge;
        Self { id, organization_id, into_id, merged_at, merged_by, undone_at, undone_by }
    }
}

/// Merges one organization into another that is the same agency: nothing is lost, and it can be undone.
///
/// From then on the id of the merged one redirects to the survivor, what belongs to it is found and listed with
/// the survivor's, and the survivor's facts are folded from what was said of both: an agency's word before a
/// coordinator's call, and that before an import; among equals the survivor's own first.
#[utoipa::path(
    tag = "organizations", operation_id = "merge_organization", security(("oauth" = ["directory:write"])),
    params(("id" = uuid::Uuid, Path, description = "The one that is merged", example = "4f4229c6-cb03-5861-8638-e64d8c7d0afb"),
        ("If-Match" = String, Header, description = "The ETag of the version of it that was read"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request with this key gets the first answer again")),
    request_body(
        content = MergeCreate, content_type = "application/json",
        example = json!({"into": "3bec5f2f-18a2-5706-bca2-bee931700d59"})
    ),
    responses(
        (status = 200, description = "The survivor as it stands now", body = Organization, headers(("ETag" = String, description = "The survivor's version"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`, `idempotency-in-flight`"),
        (status = 412, description = "`precondition-failed`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
        (status = 422, description = "`idempotency-key-reused`"),
        (status = 428, description = "`precondition-required`"),
    )
)]
#[post("/organizations/{id}/merge")]
async fn merge_organization(
    caller: Caller<DirectoryWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: Query<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let id = parse_id::<OrganizationFacts>(&id)?;
    let MergeCreate { into } = body::read_strictly(&request, &bytes.0, JSON)?;
    let if_match = IfMatch::read(&request)?;
    // The version is looked at behind the key: a repeated request names the version before its own effect.
    let principal = caller.clone();
    answer_once(&context, &request, &caller, &bytes.0, move |tx| {
        admit_everywhere(&principal, Noun::Organization)?;
        let version = find::<OrganizationFacts>(tx.connection, id)?.version;
        let expected = if_match.version(version)?;
        let survivor = directory::merge(tx, id, into, expected, &principal.name)?;
        organization(tx.connection, survivor)
    })
    .await
}

/// Takes an organization out of the one that it was merged into: both stand again as they would without it.
///
/// What was said since stays with the one of which it was said.
#[utoipa::path(
    tag = "organizations", operation_id = "unmerge_organization", security(("oauth" = ["directory:write"])),
    params(("id" = uuid::Uuid, Path, description = "The one that was merged", example = "4f4229c6-cb03-5861-8638-e64d8c7d0afb"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeated request with this key gets the first answer again")),
    responses(
        (status = 200, description = "It, as it stands by itself", body = Organization, headers(("ETag" = String, description = "Its version"))),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`, `idempotency-in-flight`"),
        (status = 422, description = "`idempotency-key-reused`"),
    )
)]
#[post("/organizations/{id}/unmerge")]
async fn unmerge_organization(
    caller: Caller<DirectoryWrite>,
    context: web::Data<Context>,
    request: HttpRequest,
    id: web::Path<String>,
    _params: Query<NoParams>,
) -> Result<HttpResponse, Problem> {
    let id = parse_id::<OrganizationFacts>(&id)?;
    let principal = caller.clone();
    answer_once(&context, &request, &caller, b"", move |tx| {
        admit_everywhere(&principal, Noun::Organization)?;
        let record = directory::unmerge(tx, id, &principal.name)?;
        organization(tx.connection, record)
    })
    .await
}

fn organization(connection: &mut DbConnection, record: Record<OrganizationFacts>) -> Result<Answer> {
    let headers = [("etag", etag(record.version))];
    let view = OrganizationFacts::show(connection, record)?;
    Answer::json(StatusCode::OK, &headers, &view)
}

/// Shows which organizations were merged into one, into which it was merged, and what of it was undone.
#[utoipa::path(
    tag = "organizations", operation_id = "list_organization_merges", security(("oauth" = ["directory:read"])),
    params(("id" = uuid::Uuid, Path, description = "Its id, also while it is merged")),
    responses(
        (status = 200, description = "The merges", body = MergeList),
        (status = 400, description = "`invalid-request`"),
        (status = 404, description = "`not-found`"),
    )
)]
#[get("/organizations/{id}/merges")]
async fn list_merges(
    _caller: Caller<DirectoryRead>,
    context: web::Data<Context>,
    id: web::Path<String>,
    _params: Query<NoParams>,
) -> Result<HttpResponse, Problem> {
    let id = parse_id::<OrganizationFacts>(&id)?;
    let merges = context.app.store.read(move |connection| directory::merges_of(connection, id)).await?;
    Ok(HttpResponse::Ok().json(MergeList { items: merges.into_iter().map(MergeView::from).collect() }))
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(merge_organization).service(unmerge_organization).service(list_merges);
}
