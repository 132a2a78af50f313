//! What is declared of every noun: its schemas and its operations, all of the same shape.

/// Declares a noun's schemas and its operations.
macro_rules! resource {
    (
        $(#[$doc:meta])*
        $name:ident, $facts:ident, $id:ident, $patch:ident, $page:ident,
        tag $tag:literal, one $one:literal, ids $op:literal, path $path:literal, item $item:literal,
        said $said:literal,
        filters [$($filter:literal: $filter_type:ty),*],
        example $example:tt, change $change:tt,
        show |$connection:ident, $record:ident| $shown:expr
        $(, create $create:path)?
        $(, moved $moved:literal, refused $refused:literal)?
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
            security(("oauth" = ["directory:read"])),
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
            _caller: $crate::http::caller::Caller<$crate::http::caller::DirectoryRead>,
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
            security(("oauth" = ["directory:read"])),
            params(("id" = uuid::Uuid, Path, description = "Its id"),
                ("If-None-Match" = Option<String>, Header, description = "An ETag: unchanged gives 304")),
            responses(
                (status = 200, description = "It", body = $name, headers(("ETag" = String, description = "The version"))),
                (status = 304, description = "Unchanged"),
                $((status = 307, description = $moved, headers(("Location" = String, description = "The path of that one"))),)?
                (status = 400, description = "`invalid-request`"),
                (status = 404, description = "`not-found`"),
            )
        )]
        #[get($item)]
        async fn get(
            _caller: $crate::http::caller::Caller<$crate::http::caller::DirectoryRead>,
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
            security(("oauth" = ["directory:write"])),
            params(("Idempotency-Key" = Option<String>, Header, description = "A repeated request with this key gets the first answer again")),
            request_body(content = $facts, content_type = "application/json", example = json!($example)),
            responses(
                (status = 201, description = "Recorded", body = $name, headers(
                    ("ETag" = String, description = "The version"), ("Location" = String, description = "Its path"))),
                (status = 400, description = "`invalid-request`"),
                (status = 403, description = "`insufficient-scope`, `forbidden`"),
                (status = 409, description = "`conflict`, `idempotency-in-flight`"),
                (status = 413, description = "`payload-too-large`"),
                (status = 415, description = "`unsupported-media-type`"),
                (status = 422, description = "`idempotency-key-reused`"),
            )
        )]
        #[post($path)]
        async fn create(
            caller: $crate::http::caller::Caller<$crate::http::caller::DirectoryWrite>,
            context: actix_web::web::Data<$crate::http::Context>,
            request: actix_web::HttpRequest,
            _params: $crate::http::query::Query<$crate::http::query::NoParams>,
            body: $crate::http::body::Bytes,
        ) -> Result<actix_web::HttpResponse, $crate::http::problem::Problem> {
            $crate::http::resource::create::<$facts>(&context, &request, &caller, &body.0).await
        }

        #[doc = concat!("Changes what is said of one ", $one, ".")]
        #[utoipa::path(
            summary = concat!("Changes what is said of one ", $one, "."),
            tag = $tag, operation_id = concat!("update_", $op),
            security(("oauth" = ["directory:write"])),
            params(("id" = uuid::Uuid, Path, description = "Its id"),
                ("If-Match" = String, Header, description = "The ETag of the version that was read")),
            request_body(content = $patch, content_type = "application/merge-patch+json", example = json!($change)),
            responses(
                (status = 200, description = "It, changed", body = $name, headers(("ETag" = String, description = "The version"))),
                (status = 400, description = "`invalid-request`"),
                (status = 403, description = "`insufficient-scope`, `forbidden`"),
                (status = 404, description = "`not-found`"),
                $((status = 409, description = $refused),)?
                (status = 412, description = "`precondition-failed`"),
                (status = 413, description = "`payload-too-large`"),
                (status = 415, description = "`unsupported-media-type`"),
                (status = 428, description = "`precondition-required`"),
            )
        )]
        #[patch($item)]
        async fn update(
            caller: $crate::http::caller::Caller<$crate::http::caller::DirectoryWrite>,
            context: actix_web::web::Data<$crate::http::Context>,
            request: actix_web::HttpRequest,
            id: actix_web::web::Path<String>,
            _params: $crate::http::query::Query<$crate::http::query::NoParams>,
            body: $crate::http::body::Bytes,
        ) -> Result<actix_web::HttpResponse, $crate::http::problem::Problem> {
            $crate::http::resource::update::<$facts>(&context, &request, &caller, &id, &body.0).await
        }

        #[doc = concat!("Retires one ", $one, ": it is kept, and neither listed nor found any more.")]
        #[utoipa::path(
            summary = concat!("Retires one ", $one, ": it is kept, and neither listed nor found any more."),
            tag = $tag, operation_id = concat!("retire_", $op),
            security(("oauth" = ["directory:write"])),
            params(("id" = uuid::Uuid, Path, description = "Its id"),
                ("If-Match" = String, Header, description = "The ETag of the version that was read")),
            responses(
                (status = 204, description = "Retired", headers(("ETag" = String, description = "The version"))),
                (status = 400, description = "`invalid-request`"),
                (status = 403, description = "`insufficient-scope`, `forbidden`"),
                (status = 404, description = "`not-found`"),
                $((status = 409, description = $refused),)?
                (status = 412, description = "`precondition-failed`"),
                (status = 428, description = "`precondition-required`"),
            )
        )]
        #[delete($item)]
        async fn retire(
            caller: $crate::http::caller::Caller<$crate::http::caller::DirectoryWrite>,
            context: actix_web::web::Data<$crate::http::Context>,
            request: actix_web::HttpRequest,
            id: actix_web::web::Path<String>,
            _params: $crate::http::query::Query<$crate::http::query::NoParams>,
        ) -> Result<actix_web::HttpResponse, $crate::http::problem::Problem> {
            $crate::http::resource::retire::<$facts>(&context, &request, &caller, &id).await
        }

        #[doc = concat!("Shows who said what of one ", $one, ", and when.")]
        #[utoipa::path(
            summary = concat!("Shows who said what of one ", $one, ", and when."),
            tag = $tag, operation_id = concat!("list_", $op, "_assertions"),
            security(("oauth" = ["directory:read"])),
            params(("id" = uuid::Uuid, Path, description = "Its id")),
            responses(
                (status = 200, description = "The statements", body = $crate::http::resource::AssertionList),
                $((status = 307, description = $moved, headers(("Location" = String, description = "The path of that one"))),)?
                (status = 400, description = "`invalid-request`"),
                (status = 404, description = "`not-found`"),
            )
        )]
        #[get($said)]
        async fn assertions(
            _caller: $crate::http::caller::Caller<$crate::http::caller::DirectoryRead>,
            context: actix_web::web::Data<$crate::http::Context>,
            request: actix_web::HttpRequest,
            id: actix_web::web::Path<String>,
            _params: $crate::http::query::Query<$crate::http::query::NoParams>,
        ) -> Result<actix_web::HttpResponse, $crate::http::problem::Problem> {
            $crate::http::resource::assertions::<$facts>(&context, &request, &id).await
        }

        /// Adds the operations of this noun.
        pub(crate) fn configure(services: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
            services
                .service(list)
                .service(get)
                .service(create)
                .service(update)
                .service(retire)
                .service(assertions);
        }
    };
}
pub(crate) use resource;
