//! The life of a noun over HTTP: list, get, create, update, retire. One implementation for all of them;
//! [`resource!`] declares a noun's operations and schemas.

use actix_web::http::{StatusCode, header};

use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::problem::{Problem, ProblemCode};
use super::query::{FromParams, Limit, Params};
use super::{Context, body};
use crate::directory::{COUNTED_UP_TO, Facts, Method, Page, Record, Voice};
use crate::error::{Error, FieldError};
use crate::store::{DbConnection, Key, Replay, Tx};

/// Media types of a create.
pub(super) const JSON: &[&str] = &["application/json"];
/// Media types of an update: RFC 7396, or plain JSON which means the same here.
pub(super) const PATCH: &[&str] = &["application/merge-patch+json", "application/json"];

/// Who speaks through the API. Until access control is there, whoever reaches the loopback address speaks for
/// the agency.
pub(super) fn voice() -> Voice {
    Voice { method: Method::Agency, source: "api".to_owned(), by: "local".to_owned() }
}

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
    items: Vec<T>,
    /// Continues the list; none at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    /// How many there are.
    total: Total,
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
    let next_cursor = last.map(|last: Uuid| context.cursors.write(&query, &last));
    let mut response = HttpResponse::Ok();
    link_next(&mut response, request, next_cursor.as_deref());
    Ok(response.json(PageBody { items, next_cursor, total: Total::counted(count) }))
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
    let (version, view) = context
        .app
        .store
        .read(move |connection| {
            let record = crate::directory::find::<F>(connection, id)?;
            Ok((record.version, F::show(connection, record)?))
        })
        .await?;
    let etag = etag(version);
    let seen = request.headers().get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if seen.is_some_and(|seen| tags(seen).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)) {
        return Ok(HttpResponse::NotModified().insert_header((header::ETAG, etag)).finish());
    }
    Ok(HttpResponse::Ok().insert_header((header::ETAG, etag)).json(view))
}

/// `POST` of a new one.
pub(super) async fn create<F: Shown>(
    context: &Context,
    request: &HttpRequest,
    bytes: &[u8],
) -> Result<HttpResponse, Problem> {
    context.accept_write()?;
    let facts: F = body::read(request, bytes, JSON)?;
    let collection = request.path().to_owned();
    answer_once(context, request, bytes, move |tx| {
        let record = F::create(tx, F::Id::from(Uuid::now_v7()), &facts, &voice())?;
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
    id: &str,
    bytes: &[u8],
) -> Result<HttpResponse, Problem> {
    context.accept_write()?;
    let id = parse_id::<F>(id)?;
    let patch: Value = body::read(request, bytes, PATCH)?;
    if !patch.is_object() {
        return Err(FieldError::body("", "must be an object of the fields to change").into());
    }
    let expected = context.expected_version::<F>(request, id).await?;
    let (version, view) = context
        .app
        .store
        .write(move |tx| {
            let record = crate::directory::edit::<F>(tx, id, expected, &patch, &voice())?;
            Ok((record.version, F::show(tx.connection, record)?))
        })
        .await?;
    Ok(HttpResponse::Ok().insert_header((header::ETAG, etag(version))).json(view))
}

/// `DELETE` of one retires it; `If-Match` is required.
pub(super) async fn retire<F: Shown>(
    context: &Context,
    request: &HttpRequest,
    id: &str,
) -> Result<HttpResponse, Problem> {
    context.accept_write()?;
    let id = parse_id::<F>(id)?;
    let expected = context.expected_version::<F>(request, id).await?;
    let record = context.app.store.write(move |tx| crate::directory::retire::<F>(tx, id, expected)).await?;
    Ok(HttpResponse::NoContent().insert_header((header::ETAG, etag(record.version))).finish())
}

fn parse_id<F: Facts>(id: &str) -> Result<F::Id, Problem> {
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

impl Context {
    /// The version that `If-Match` names. `*` means whichever it is now.
    async fn expected_version<F: Facts>(&self, request: &HttpRequest, id: F::Id) -> Result<i64, Problem> {
        let Some(given) = request.headers().get(header::IF_MATCH) else {
            return Err(Problem::new(
                ProblemCode::PreconditionRequired,
                "If-Match is needed: repeat the ETag of the version that you read",
            ));
        };
        let given = given.to_str().unwrap_or_default();
        let current = self
            .app
            .store
            .read(move |connection| Ok(crate::directory::find::<F>(connection, id)?.version))
            .await?;
        if tags(given).any(|tag| tag == "*" || tag == etag(current)) {
            return Ok(current);
        }
        let malformed = tags(given).find(|tag| !(tag.len() >= 2 && tag.ends_with('"') && tag.contains('"')));
        match malformed {
            Some(tag) => {
                Err(FieldError::header("If-Match", format_args!("{tag:?} is not an ETag, such as \"3\""))
                    .into())
            }
            None => Err(Error::Stale { current }.into()),
        }
    }
}

/// An answer that can be kept and given again.
pub(super) struct Answer {
    replay: Replay,
}

impl Answer {
    /// An answer with a JSON body.
    ///
    /// # Errors
    /// If the body cannot be written.
    pub(super) fn json<T: Serialize>(
        status: StatusCode,
        headers: &[(&str, String)],
        view: &T,
    ) -> crate::error::Result<Self> {
        let failed = |source| Error::internal("writing an answer", source);
        let headers: serde_json::Map<String, Value> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str()))).collect();
        Ok(Self {
            replay: Replay {
                status: status.as_u16(),
                headers: serde_json::to_string(&headers).map_err(failed)?,
                body: serde_json::to_string(view).map_err(failed)?,
            },
        })
    }

    fn response(self, replayed: bool) -> HttpResponse {
        let status = StatusCode::from_u16(self.replay.status).unwrap_or(StatusCode::OK);
        let mut response = HttpResponse::build(status);
        let headers: serde_json::Map<String, Value> =
            serde_json::from_str(&self.replay.headers).unwrap_or_default();
        for (name, value) in &headers {
            if let Some(value) = value.as_str() {
                response.insert_header((name.as_str(), value));
            }
        }
        if replayed {
            response.insert_header(("Idempotency-Replayed", "true"));
        }
        response.content_type("application/json").body(self.replay.body)
    }
}

/// Does `work` in one transaction. With an `Idempotency-Key` the answer is kept beside the effect, and a
/// repeated request gets it again instead of a second effect.
pub(super) async fn answer_once(
    context: &Context,
    request: &HttpRequest,
    bytes: &[u8],
    work: impl Fn(&mut Tx<'_>) -> crate::error::Result<Answer> + Send + 'static,
) -> Result<HttpResponse, Problem> {
    let key = idempotency_key(request, bytes)?;
    let (answer, replayed) = context
        .app
        .store
        .write(move |tx| {
            let Some(key) = &key else { return Ok((work(tx)?, false)) };
            if let Some(replay) = key.find(tx)? {
                return Ok((Answer { replay }, true));
            }
            let answer = work(tx)?;
            key.keep(tx, &answer.replay)?;
            Ok((answer, false))
        })
        .await?;
    Ok(answer.response(replayed))
}

/// The `Idempotency-Key` of a request: a quoted string of RFC 8941, or a bare token.
fn idempotency_key(request: &HttpRequest, bytes: &[u8]) -> Result<Option<Key>, Problem> {
    let Some(given) = request.headers().get("Idempotency-Key") else { return Ok(None) };
    let given = given.to_str().unwrap_or_default().trim();
    let bare = given.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(given);
    let acceptable =
        (1..=255).contains(&bare.len()) && bare.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
    if !acceptable {
        return Err(FieldError::header(
            "Idempotency-Key",
            "must be a quoted string of 1 to 255 visible ASCII characters, such as \"8e03978e-40d5\"",
        )
        .into());
    }
    let mut hash = Sha256::new();
    for part in [request.method().as_str().as_bytes(), request.path().as_bytes(), bytes] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let fingerprint = URL_SAFE_NO_PAD.encode(hash.finalize());
    Ok(Some(Key { client: "local".to_owned(), key: bare.to_owned(), fingerprint }))
}

/// Declares a noun's schemas and its five operations.
macro_rules! resource {
    (
        $(#[$doc:meta])*
        $name:ident, $facts:ident, $id:ident, $patch:ident, $page:ident,
        tag $tag:literal, one $one:literal, ids $op:literal, path $path:literal, item $item:literal,
        filters [$($filter:literal: $filter_type:ty),*],
        example $example:tt, change $change:tt,
        show |$connection:ident, $record:ident| $shown:expr
        $(, create $create:path)?
    ) => {
        $(#[$doc])*
        #[derive(serde::Serialize, utoipa::ToSchema)]
        pub(crate) struct $name {
            /// Its id.
            pub id: $id,
            /// What is said of it.
            #[serde(flatten)]
            pub facts: $facts,
            /// Grows by one with every change; the ETag.
            #[schema(example = 1)]
            pub version: i64,
            /// When it was first recorded.
            pub created_at: jiff::Timestamp,
            /// When it last changed.
            pub updated_at: jiff::Timestamp,
            /// When it was retired.
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schema(nullable = false)]
            pub retired_at: Option<jiff::Timestamp>,
        }

        #[doc = concat!("A merge patch (RFC 7396) on ", $one, ": only the fields to change, `null` takes one away.")]
        pub(crate) struct $patch;

        impl utoipa::PartialSchema for $patch {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                $crate::http::openapi::patch_schema(<$facts as utoipa::PartialSchema>::schema())
            }
        }

        impl utoipa::ToSchema for $patch {
            fn name() -> std::borrow::Cow<'static, str> {
                std::borrow::Cow::Borrowed(stringify!($patch))
            }
        }

        /// One page of a list.
        #[derive(utoipa::ToSchema)]
        #[expect(dead_code, reason = "describes the body that the generic list writes")]
        pub(crate) struct $page {
            /// The records, in the order of their ids.
            items: Vec<$name>,
            /// Continues the list; none at its end.
            #[schema(nullable = false)]
            next_cursor: Option<String>,
            /// How many there are.
            total: $crate::http::resource::Total,
        }

        impl $crate::http::resource::Shown for $facts {
            type View = $name;

            fn show(
                $connection: &mut $crate::store::DbConnection,
                $record: $crate::directory::Record<Self>,
            ) -> $crate::error::Result<$name> {
                let $crate::directory::Record { id, version, created_at, updated_at, retired_at, facts: $record } = $record;
                let facts = $shown;
                Ok($name { id, facts, version, created_at, updated_at, retired_at })
            }

            $(fn create(
                tx: &mut $crate::store::Tx<'_>,
                id: $id,
                facts: &Self,
                voice: &$crate::directory::Voice,
            ) -> $crate::error::Result<$crate::directory::Record<Self>> {
                $create(tx, id, facts, voice)
            })?
        }

        #[doc = concat!("Lists ", $tag, ".")]
        #[utoipa::path(
            summary = concat!("Lists ", $tag, "."),
            tag = $tag, operation_id = concat!("list_", $op),
            params(
                ("limit" = Option<u8>, Query, description = "How many items: 1 to 100, by default 25", minimum = 1, maximum = 100),
                ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
                ("include_retired" = Option<bool>, Query, description = "Retired ones too"),
                $(($filter = Option<$filter_type>, Query, description = concat!("Only those with this ", $filter)),)*
            ),
            responses(
                (status = 200, description = "One page", body = $page, headers(("Link" = String, description = "`rel=\"next\"`"))),
                (status = 400, description = "`invalid-request`"),
            )
        )]
        #[get($path)]
        async fn list(
            context: actix_web::web::Data<$crate::http::Context>,
            request: actix_web::HttpRequest,
            params: $crate::http::query::Query<$crate::http::resource::ListParams<$facts>>,
        ) -> Result<actix_web::HttpResponse, $crate::http::problem::Problem> {
            $crate::http::resource::list::<$facts>(&context, &request, params.0).await
        }

        #[doc = concat!("Shows one ", $one, ".")]
        #[utoipa::path(
            summary = concat!("Shows one ", $one, "."),
            tag = $tag, operation_id = concat!("get_", $op),
            params(("id" = uuid::Uuid, Path, description = "Its id"),
                ("If-None-Match" = Option<String>, Header, description = "An ETag: unchanged gives 304")),
            responses(
                (status = 200, description = "It", body = $name, headers(("ETag" = String, description = "The version"))),
                (status = 304, description = "Unchanged"),
                (status = 400, description = "`invalid-request`"),
                (status = 404, description = "`not-found`"),
            )
        )]
        #[get($item)]
        async fn get(
            context: actix_web::web::Data<$crate::http::Context>,
            request: actix_web::HttpRequest,
            id: actix_web::web::Path<String>,
            _params: $crate::http::query::Query<$crate::http::query::NoParams>,
        ) -> Result<actix_web::HttpResponse, $crate::http::problem::Problem> {
            $crate::http::resource::get::<$facts>(&context, &request, &id).await
        }

        #[doc = concat!("Records a new ", $one, ".")]
        #[utoipa::path(
            summary = concat!("Records a new ", $one, "."),
            tag = $tag, operation_id = concat!("create_", $op),
            params(("Idempotency-Key" = Option<String>, Header, description = "A repeated request with this key gets the first answer again")),
            request_body(content = $facts, content_type = "application/json", example = json!($example)),
            responses(
                (status = 201, description = "Recorded", body = $name, headers(
                    ("ETag" = String, description = "The version"), ("Location" = String, description = "Its path"))),
                (status = 400, description = "`invalid-request`"),
                (status = 403, description = "`writes-disabled`"),
                (status = 409, description = "`conflict`, `idempotency-in-flight`"),
                (status = 413, description = "`payload-too-large`"),
                (status = 415, description = "`unsupported-media-type`"),
                (status = 422, description = "`idempotency-key-reused`"),
            )
        )]
        #[post($path)]
        async fn create(
            context: actix_web::web::Data<$crate::http::Context>,
            request: actix_web::HttpRequest,
            _params: $crate::http::query::Query<$crate::http::query::NoParams>,
            body: actix_web::web::Bytes,
        ) -> Result<actix_web::HttpResponse, $crate::http::problem::Problem> {
            $crate::http::resource::create::<$facts>(&context, &request, &body).await
        }

        #[doc = concat!("Changes what is said of one ", $one, ".")]
        #[utoipa::path(
            summary = concat!("Changes what is said of one ", $one, "."),
            tag = $tag, operation_id = concat!("update_", $op),
            params(("id" = uuid::Uuid, Path, description = "Its id"),
                ("If-Match" = String, Header, description = "The ETag of the version that was read")),
            request_body(content = $patch, content_type = "application/merge-patch+json", example = json!($change)),
            responses(
                (status = 200, description = "It, changed", body = $name, headers(("ETag" = String, description = "The version"))),
                (status = 400, description = "`invalid-request`"),
                (status = 403, description = "`writes-disabled`"),
                (status = 404, description = "`not-found`"),
                (status = 412, description = "`precondition-failed`"),
                (status = 413, description = "`payload-too-large`"),
                (status = 415, description = "`unsupported-media-type`"),
                (status = 428, description = "`precondition-required`"),
            )
        )]
        #[patch($item)]
        async fn update(
            context: actix_web::web::Data<$crate::http::Context>,
            request: actix_web::HttpRequest,
            id: actix_web::web::Path<String>,
            _params: $crate::http::query::Query<$crate::http::query::NoParams>,
            body: actix_web::web::Bytes,
        ) -> Result<actix_web::HttpResponse, $crate::http::problem::Problem> {
            $crate::http::resource::update::<$facts>(&context, &request, &id, &body).await
        }

        #[doc = concat!("Retires one ", $one, ": it is kept, and neither listed nor found any more.")]
        #[utoipa::path(
            summary = concat!("Retires one ", $one, ": it is kept, and neither listed nor found any more."),
            tag = $tag, operation_id = concat!("retire_", $op),
            params(("id" = uuid::Uuid, Path, description = "Its id"),
                ("If-Match" = String, Header, description = "The ETag of the version that was read")),
            responses(
                (status = 204, description = "Retired", headers(("ETag" = String, description = "The version"))),
                (status = 400, description = "`invalid-request`"),
                (status = 403, description = "`writes-disabled`"),
                (status = 404, description = "`not-found`"),
                (status = 412, description = "`precondition-failed`"),
                (status = 428, description = "`precondition-required`"),
            )
        )]
        #[delete($item)]
        async fn retire(
            context: actix_web::web::Data<$crate::http::Context>,
            request: actix_web::HttpRequest,
            id: actix_web::web::Path<String>,
            _params: $crate::http::query::Query<$crate::http::query::NoParams>,
        ) -> Result<actix_web::HttpResponse, $crate::http::problem::Problem> {
            $crate::http::resource::retire::<$facts>(&context, &request, &id).await
        }

        /// Adds the operations of this noun.
        pub(crate) fn configure(services: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
            services.service(list).service(get).service(create).service(update).service(retire);
        }
    };
}
pub(crate) use resource;
