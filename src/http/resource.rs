//! The life of a noun over HTTP: list, get, create, update, retire. One implementation for all of them;
//! `noun.rs` declares the operations of each.

use std::sync::Arc;

use actix_web::http::{StatusCode, header};

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::idempotency::{Answer, answer_once};
use super::problem::{Problem, ProblemCode};
use super::query::{FromParams, Limit, Params};
use super::{Context, body};
use crate::access::Principal;
use crate::directory::{
    Assertion, COUNTED_UP_TO, Facts, Method, Page, Record, Voice, admit, admit_new, find,
};
use crate::error::{Error, FieldError};
use crate::store::{DbConnection, Tx};
use crate::types::{AssertionId, DistrictKind, PostalCode};

/// Media types of a create.
pub(super) const JSON: &[&str] = &["application/json"];
/// Media types of an update: RFC 7396, or plain JSON which means the same here.
pub(super) const PATCH: &[&str] = &["application/merge-patch+json", "application/json"];

/// A noun as the API shows it.
pub(super) trait Shown: Facts {
    /// The body of an answer.
    type View: Serialize + Send + 'static;

    /// Shows a record, with what is derived from elsewhere.
    ///
    /// # Errors
    /// If the database fails.
    fn show(connection: &mut DbConnection, record: Record<Self>) -> crate::error::Result<Self::View>;

    /// Creates one.
    ///
    /// # Errors
    /// As [`crate::directory::create`].
    fn create(
        tx: &mut Tx<'_>,
        id: Self::Id,
        facts: &Self,
        voice: &Voice,
    ) -> crate::error::Result<Record<Self>> {
        crate::directory::create(tx, id, facts, voice)
    }
}

/// One page of a list.
#[derive(Serialize)]
pub(super) struct PageBody<T> {
    /// The records.
    pub(super) items: Vec<T>,
    /// Continues the list; none at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_cursor: Option<String>,
    /// How many there are.
    pub(super) total: Total,
}

/// How many there are; exactly, or at least so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(super) struct Total {
    /// The number, counted up to 1,000.
    #[schema(example = 12)]
    pub value: u64,
    /// `eq`: exactly so many; `gte`: so many or more.
    pub relation: Relation,
}

/// Whether a total is exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Relation {
    /// Exactly so many.
    Eq,
    /// So many or more.
    Gte,
}

impl Total {
    /// A total that was counted up to `COUNTED_UP_TO`.
    pub(super) fn counted(count: i64) -> Self {
        let relation = if count > COUNTED_UP_TO { Relation::Gte } else { Relation::Eq };
        Self { value: u64::try_from(count.min(COUNTED_UP_TO)).unwrap_or(0), relation }
    }
}

/// What a list takes: `limit`, `cursor`, `include_retired`, and the noun's filters.
pub(super) struct ListParams<F> {
    limit: Limit,
    cursor: Option<String>,
    include_retired: bool,
    filters: Vec<(&'static str, String)>,
    noun: std::marker::PhantomData<F>,
}

impl<F: Facts> FromParams for ListParams<F> {
    fn from_params(params: &mut Params) -> Self {
        let limit = params.one("limit").unwrap_or_default();
        let cursor = params.one("cursor");
        let include_retired = params.flag("include_retired");
        let mut filters = Vec::new();
        for name in F::FILTERS {
            if name.ends_with("_id") {
                filters.extend(params.one::<Uuid>(name).map(|id| (*name, id.to_string())));
            } else if *name == "postal_code" {
                filters.extend(params.one::<PostalCode>(name).map(|code| (*name, code.as_str().to_owned())));
            } else if *name == "kind" {
                filters
                    .extend(params.one::<DistrictKind>(name).map(|kind| (*name, kind.as_str().to_owned())));
            } else {
                filters.extend(params.one::<String>(name).map(|value| (*name, value)));
            }
        }
        Self { limit, cursor, include_retired, filters, noun: std::marker::PhantomData }
    }
}

/// `GET` of a list.
pub(super) async fn list<F: Shown>(
    context: &Context,
    request: &HttpRequest,
    params: ListParams<F>,
) -> Result<HttpResponse, Problem> {
    let query = format!("list {} {} {:?}", F::NOUN.as_str(), params.include_retired, params.filters);
    let after = params.cursor.map(|cursor| context.cursors.read::<Uuid>(&query, &cursor)).transpose()?;
    let limit = params.limit.0;
    let page = Page {
        after,
        limit: i64::try_from(limit).unwrap_or(100) + 1,
        include_retired: params.include_retired,
        filters: params.filters,
    };
    let (items, last, count) = context
        .app
        .store
        .read(move |connection| {
            let (mut records, count) = crate::directory::list::<F>(connection, &page)?;
            let more = records.len() > limit;
            records.truncate(limit);
            let last = more.then(|| records.last().map(|record| record.id.into())).flatten();
            let items: Vec<F::View> =
                records.into_iter().map(|record| F::show(connection, record)).collect::<Result<_, _>>()?;
            Ok((items, last, count))
        })
        .await?;
    let last: Option<Uuid> = last;
    Ok(answer_part(context, request, &query, (items, last, Total::counted(count)), |item| item))
}

/// Answers with one page of a list: of `rows`, which were read up to one beyond `limit`, and how many there are in all.
/// The next page goes on behind the `place` of the last row; its cursor holds for the same `query` alone.
pub(super) fn answer_page<T, K: Serialize, V: Serialize>(
    context: &Context,
    request: &HttpRequest,
    query: &str,
    limit: usize,
    (mut rows, total): (Vec<T>, Total),
    place: impl Fn(&T) -> K,
    show: impl FnMut(T) -> V,
) -> HttpResponse {
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(place);
    answer_part(context, request, query, (rows, next, total), show)
}

/// [`answer_page`] of rows that were cut to the page already, because what is beyond it must not go on the record; `next`
/// is the place behind which the next page goes on, if there is one.
pub(super) fn answer_part<T, K: Serialize, V: Serialize>(
    context: &Context,
    request: &HttpRequest,
    query: &str,
    (rows, next, total): (Vec<T>, Option<K>, Total),
    show: impl FnMut(T) -> V,
) -> HttpResponse {
    let next_cursor = next.map(|next| context.cursors.write(query, &next));
    let items: Vec<V> = rows.into_iter().map(show).collect();
    let mut response = HttpResponse::Ok();
    link_next(&mut response, request, next_cursor.as_deref());
    response.json(PageBody { items, next_cursor, total })
}

/// Adds `Link: <…>; rel="next"` (RFC 8288), with the parameters of the request and the new cursor.
pub(super) fn link_next(
    response: &mut actix_web::HttpResponseBuilder,
    request: &HttpRequest,
    cursor: Option<&str>,
) {
    if let Some(cursor) = cursor {
        let kept =
            request.query_string().split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
        let query: Vec<String> = kept.map(str::to_owned).chain([format!("cursor={cursor}")]).collect();
        let link = format!("<{}?{}>; rel=\"next\"", request.path(), query.join("&"));
        response.insert_header((header::LINK, link));
    }
}

/// `GET` of one; `If-None-Match` gives 304.
pub(super) async fn get<F: Shown>(
    context: &Context,
    request: &HttpRequest,
    id: &str,
) -> Result<HttpResponse, Problem> {
    let id = parse_id::<F>(id)?;
    let found = context
        .app
        .store
        .read(move |connection| {
            let record = find::<F>(connection, id)?;
            let at = crate::directory::stands_under::<F>(connection, id)?;
            Ok(if at == id { Ok((record.version, F::show(connection, record)?)) } else { Err(at) })
        })
        .await?;
    let (version, view) = match found {
        Ok(shown) => shown,
        Err(survivor) => return Ok(moved::<F>(request, survivor)),
    };
    let etag = etag(version);
    let seen = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if seen.is_some_and(|seen| tags(seen).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)) {
        return Ok(HttpResponse::NotModified().insert_header((header::ETAG, etag)).finish());
    }
    Ok(HttpResponse::Ok().insert_header((header::ETAG, etag)).json(view))
}

/// Sends who asks for a merged organization on to its survivor. For now, not for ever (307, not 308): the merge
/// may be undone, and a client that remembers would never see it.
fn moved<F: Facts>(request: &HttpRequest, survivor: F::Id) -> HttpResponse {
    let pattern = request.match_pattern().unwrap_or_default();
    let place = pattern.replace("{id}", &survivor.to_string());
    HttpResponse::TemporaryRedirect().insert_header((header::LOCATION, place)).finish()
}

/// `POST` of a new one.
pub(super) async fn create<F: Shown>(
    context: &Context,
    request: &HttpRequest,
    caller: &Arc<Principal>,
    bytes: &[u8],
) -> Result<HttpResponse, Problem> {
    let facts: F = body::read_strictly(request, bytes, JSON)?;
    let collection = request.path().to_owned();
    let principal = caller.clone();
    answer_once(context, request, caller, bytes, move |tx| {
        admit_new(tx.connection, &principal, &facts)?;
        let record = F::create(tx, F::Id::from(Uuid::now_v7()), &facts, &Voice::of(&principal))?;
        let place = format!("{collection}/{}", record.id);
        let headers = [("etag", etag(record.version)), ("location", place)];
        let view = F::show(tx.connection, record)?;
        Answer::json(StatusCode::CREATED, &headers, &view)
    })
    .await
}

/// `PATCH` (RFC 7396) of one; `If-Match` is required.
pub(super) async fn update<F: Shown>(
    context: &Context,
    request: &HttpRequest,
    caller: &Arc<Principal>,
    id: &str,
    bytes: &[u8],
) -> Result<HttpResponse, Problem> {
    let id = parse_id::<F>(id)?;
    let patch: Value = body::read(request, bytes, PATCH)?;
    if !patch.is_object() {
        return Err(FieldError::body("", "must be an object of the fields to change").into());
    }
    let unknown = patch.as_object().into_iter().flatten().map(|(field, _)| field);
    let unknown: Vec<FieldError> = unknown
        .filter(|field| !F::FIELDS.contains(&field.as_str()))
        .map(|field| {
            let message = format!("is no field of this; it has {}", F::FIELDS.join(", "));
            FieldError::body(format!("/{field}"), message)
        })
        .collect();
    if !unknown.is_empty() {
        return Err(Problem::invalid(unknown));
    }
    let expected = context.expected_version::<F>(request, id).await?;
    let principal = caller.clone();
    let (version, view) = context
        .app
        .store
        .write(move |tx| {
            let before = find::<F>(tx.connection, id)?;
            admit(tx.connection, &principal, &before)?;
            let record = crate::directory::edit::<F>(tx, id, expected, &patch, &Voice::of(&principal))?;
            // Nobody gives to others what is theirs, nor takes what is not.
            admit(tx.connection, &principal, &record)?;
            Ok((record.version, F::show(tx.connection, record)?))
        })
        .await?;
    Ok(HttpResponse::Ok().insert_header((header::ETAG, etag(version))).json(view))
}

/// Who said what of a thing, in the order of time.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct AssertionList {
    /// The statements.
    items: Vec<AssertionView>,
}

/// One statement. What stands is folded from all of them: field by field an agency's word stands before a
/// coordinator's call, and that before an import; among equals the later.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Assertion)]
pub(crate) struct AssertionView {
    /// Its id.
    id: AssertionId,
    /// Of what it was said: of the thing itself, or of an organization that is merged into it.
    subject_id: Uuid,
    /// How it became known.
    method: Method,
    /// Through which directory or channel.
    #[schema(example = "federal-directory")]
    source: String,
    /// Who said it.
    asserted_by: String,
    /// When.
    asserted_at: jiff::Timestamp,
    /// What was said: the whole document of an import, the changed fields of an edit (`null`: taken away).
    facts: serde_json::Map<String, Value>,
}

/// `GET` of what was said of one.
pub(crate) async fn assertions<F: Shown>(
    context: &Context,
    request: &HttpRequest,
    id: &str,
) -> Result<HttpResponse, Problem> {
    let id = parse_id::<F>(id)?;
    let (said, at) = context
        .app
        .store
        .read(move |connection| {
            let said = crate::directory::said_of::<F>(connection, id)?;
            Ok((said, crate::directory::stands_under::<F>(connection, id)?))
        })
        .await?;
    if at != id {
        return Ok(moved::<F>(request, at));
    }
    let items = said
        .into_iter()
        .map(|Assertion { id, subject, voice: Voice { method, source, by }, at, facts }| AssertionView {
            id,
            subject_id: subject,
            method,
            source,
            asserted_by: by,
            asserted_at: at,
            facts,
        })
        .collect();
    Ok(HttpResponse::Ok().json(AssertionList { items }))
}

/// `DELETE` of one retires it; `If-Match` is required.
pub(super) async fn retire<F: Shown>(
    context: &Context,
    request: &HttpRequest,
    caller: &Arc<Principal>,
    id: &str,
) -> Result<HttpResponse, Problem> {
    let id = parse_id::<F>(id)?;
    let expected = context.expected_version::<F>(request, id).await?;
    let principal = caller.clone();
    let record = context
        .app
        .store
        .write(move |tx| {
            let before = find::<F>(tx.connection, id)?;
            admit(tx.connection, &principal, &before)?;
            crate::directory::retire::<F>(tx, id, expected)
        })
        .await?;
    Ok(HttpResponse::NoContent().insert_header((header::ETAG, etag(record.version))).finish())
}

pub(super) fn parse_id<F: Facts>(id: &str) -> Result<F::Id, Problem> {
    // Whatever is no id is the id of nothing.
    id.parse::<Uuid>()
        .map(F::Id::from)
        .map_err(|_| Error::NotFound { what: F::NOUN.as_str(), id: id.to_owned() }.into())
}

/// The entity tag of a version.
pub(super) fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

fn tags(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim)
}

/// What `If-Match` accepts.
pub(super) struct IfMatch(
    /// These entity tags; none for `*`, which means whichever it is.
    Option<Vec<String>>,
);

impl IfMatch {
    /// Reads the header.
    ///
    /// # Errors
    /// [`ProblemCode::PreconditionRequired`] if it is not there; if it holds something else than entity tags.
    pub(super) fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let Some(given) = request.headers().get(header::IF_MATCH) else {
            return Err(Problem::new(
                ProblemCode::PreconditionRequired,
                "If-Match is needed: repeat the ETag of the version that you read",
            ));
        };
        let given = given.to_str().unwrap_or_default();
        if tags(given).any(|tag| tag == "*") {
            return Ok(Self(None));
        }
        let is_tag =
            |tag: &str| tag.len() >= 2 && tag.ends_with('"') && tag.trim_start_matches("W/").starts_with('"');
        if !tags(given).all(is_tag) {
            return Err(FieldError::header("If-Match", "must hold ETags, such as \"3\"").into());
        }
        Ok(Self(Some(tags(given).map(str::to_owned).collect())))
    }

    /// The version that is expected, given the `current` one; none if any will do.
    ///
    /// # Errors
    /// [`Error::Stale`].
    pub(super) fn version(&self, current: i64) -> crate::error::Result<Option<i64>> {
        match &self.0 {
            None => Ok(None),
            Some(tags) if tags.contains(&etag(current)) => Ok(Some(current)),
            Some(_) => Err(Error::Stale { current }),
        }
    }
}

impl Context {
    /// The version that `If-Match` names; none for `*`, which means whichever it is.
    async fn expected_version<F: Facts>(
        &self,
        request: &HttpRequest,
        id: F::Id,
    ) -> Result<Option<i64>, Problem> {
        let if_match = IfMatch::read(request)?;
        let expected =
            self.app.store.read(move |connection| if_match.version(find::<F>(connection, id)?.version));
        Ok(expected.await?)
    }
}
