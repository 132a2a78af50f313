//! The contract: an OpenAPI 3.1 document, generated from the operations.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use utoipa::PartialSchema;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::schema::{AdditionalProperties, AllOf, Object, Schema, SchemaType, Type};
use utoipa::openapi::security::{
    ClientCredentials, Flow, HttpAuthScheme, HttpBuilder, OAuth2, Scopes, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ContentBuilder, Info, License, OpenApi, Ref, RefOr, Response, ServerBuilder};

use super::edge::is_limited;
use super::problem::{ProblemBody, ProblemCode, ProblemField};
use crate::access::Scope;

const PROBLEM_JSON: &str = "application/problem+json";

/// The contract as text: what `openapi/openapi.json` holds and `/openapi.json` serves.
pub fn json() -> &'static str {
    static JSON: LazyLock<String> = LazyLock::new(|| {
        let mut text = contract().to_pretty_json().expect("the document is made of plain values");
        text.push('\n');
        text
    });
    &JSON
}

/// The contract. It is put together once.
pub fn contract() -> OpenApi {
    static CONTRACT: LazyLock<OpenApi> = LazyLock::new(written);
    CONTRACT.clone()
}

fn written() -> OpenApi {
    let mut routes = utoipa_actix_web::AppExt::into_utoipa_app(actix_web::App::new())
        .configure(super::configure)
        .split_for_parts()
        .1;
    routes.info = info();
    routes.servers = Some(vec![ServerBuilder::new().url("/").build()]);
    let components = routes.components.get_or_insert_default();
    components.security_schemes.extend(security_schemes());
    let schemas = &mut components.schemas;
    for (name, schema) in [
        ("Problem", ProblemBody::schema()),
        ("ProblemField", ProblemField::schema()),
        ("ProblemCode", ProblemCode::schema()),
    ] {
        schemas.insert(name.to_owned(), schema);
    }
    flatten(schemas);
    for (path, item) in &mut routes.paths.paths {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            describe_access(operation);
            describe_problems(operation, is_limited(path));
        }
    }
    routes
}

/// The names of all query parameters.
pub(super) fn parameter_names() -> BTreeSet<String> {
    let contract = contract();
    let operations =
        contract.paths.paths.values().flat_map(|item| {
            [&item.get, &item.post, &item.put, &item.patch, &item.delete].into_iter().flatten()
        });
    let parameters = operations.flat_map(|operation| operation.parameters.iter().flatten());
    parameters
        .filter_map(|parameter| match parameter {
            RefOr::T(parameter) if matches!(parameter.parameter_in, ParameterIn::Query) => {
                Some(parameter.name.clone())
            }
            RefOr::T(_) | RefOr::Ref(_) => None,
        })
        .collect()
}

fn info() -> Info {
    let codes: Vec<String> = ProblemCode::ALL
        .iter()
        .map(|code| format!("`{}` ({})", code.as_str(), code.status().as_u16()))
        .collect();
    let mut info = Info::new("Causeway", env!("CARGO_PKG_VERSION"));
    info.license = Some(License::new("Apache-2.0"));
    info.description = Some(format!(
        "Service finder and referral router for school–community partnerships.\n\n\
         **Facts have three values**: yes, no and unknown. What nobody said never satisfies a requirement.\n\n\
         **Conventions**: JSON in snake_case; ids are UUIDs; instants are RFC 3339 in UTC; distances are km; languages are \
         BCP 47 tags. A query parameter with a list may be repeated or comma-separated, and any of its values will do. \
         Unknown parameters, unknown fields and empty values are refused. Single resources carry an `ETag`; a change needs \
         it in `If-Match`. A `POST` that creates takes an `Idempotency-Key`, kept for 48 hours. Every answer has an \
         `X-Request-Id`; a client's own is taken if it has at most 64 letters, digits, `-`, `_` and `.`. Unless it is a UUID or \
         hexadecimal the server's log has its digest only; it should tell nothing of anybody all the same.\n\n\
         **Access**: `Authorization: Bearer TOKEN`. A system gets its token from `POST /oauth/token`; a person comes with \
         one of a configured identity provider and has a membership here. Each operation names the scope that it needs. What \
         belongs to others is `not-found`, and an `Idempotency-Key` is the caller's own.\n\n\
         **Limits**: bodies of 1 MiB, 32 levels deep, that come within 20 seconds; 64 header fields of 16 KiB together, that \
         come within 10 seconds; query strings of 8,192 characters, pages of 100 items, searches 1,000 items deep, cursors of a \
         search 15 minutes old. A request whose head cannot be read at all is answered 400, 408 or 431 without a body. How many \
         reads and writes one address, and one client or person, may make in a minute, how many of one address may run at \
         once, and how long an answer may take, is set by the operator: `RateLimit-Policy` and `RateLimit` on every answer \
         say what is left (draft-ietf-httpapi-ratelimit-headers). `POST /v1/matches` counts as a read.\n\n\
         **Problems** are RFC 9457 documents with one of these codes: {}. Any operation may answer `internal` (500), \
         `rate-limited` (429) and `overloaded`, `unavailable` or `timed-out` (503), these with `Retry-After`.",
        codes.join(", ")
    ));
    info
}

/// How a caller may be known: systems by our own tokens, people by those of a configured identity provider.
fn security_schemes() -> [(String, RefOr<SecurityScheme>); 2] {
    let scopes = Scope::ALL.iter().map(|scope| (scope.as_str(), scope.describe()));
    let flow = Flow::ClientCredentials(ClientCredentials::new("/oauth/token", scopes.collect::<Scopes>()));
    let person = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some(
            "A token of a configured OpenID Connect provider. What it permits is looked up in the person's membership.",
        ))
        .build();
    [
        ("oauth".to_owned(), RefOr::T(SecurityScheme::OAuth2(OAuth2::new([flow])))),
        ("person".to_owned(), RefOr::T(SecurityScheme::Http(person))),
    ]
}

/// Scopes that an operation names for systems, it names for people too; and what needs a token has the two
/// problems of that.
fn describe_access(operation: &mut Operation) {
    let Some(security) = &mut operation.security else { return };
    let alternatives: Vec<Vec<String>> = security.iter().filter_map(scopes_of).collect();
    security.extend(alternatives.iter().map(|scopes| SecurityRequirement::new("person", scopes)));
    let scopes = alternatives.into_iter().next();
    let needs_token = *security != [SecurityRequirement::default()];
    let problems: &[(&str, &str)] = match (needs_token, scopes) {
        (true, Some(_)) => &[("401", "`unauthenticated`"), ("403", "`insufficient-scope`")],
        (true, None) => &[("401", "`unauthenticated`")],
        (false, _) => &[],
    };
    for (status, description) in problems {
        operation
            .responses
            .responses
            .entry((*status).to_owned())
            .or_insert_with(|| RefOr::T(Response::new(*description)));
    }
}

/// The scopes that a requirement asks of systems.
fn scopes_of(requirement: &SecurityRequirement) -> Option<Vec<String>> {
    let requirement = serde_json::to_value(requirement).ok()?;
    serde_json::from_value(requirement.get("oauth")?.clone()).ok()
}

/// Gives every answer that is not a success the body of a problem, and names those that any operation has.
fn describe_problems(operation: &mut Operation, is_limited: bool) {
    let takes_body = operation.request_body.is_some();
    let any = [
        (true, "400", "`invalid-request`"),
        (takes_body, "408", "`request-timeout`"),
        (is_limited, "429", "`rate-limited`"),
        (is_limited, "431", "`head-too-large`"),
        (true, "500", "`internal`"),
        (true, "503", "`overloaded`, `unavailable`, `timed-out`"),
    ];
    let any = any.map(|(applies, status, description)| applies.then_some((status, description)));
    for (status, description) in any.into_iter().flatten() {
        operation
            .responses
            .responses
            .entry(status.to_owned())
            .or_insert_with(|| RefOr::T(Response::new(description)));
    }
    for (status, response) in &mut operation.responses.responses {
        // What has a body of its own says so: the errors of OAuth have their own shape (RFC 6749). What is refused
        // before OAuth is asked is a problem there too.
        if let (true, RefOr::T(response)) = (status.starts_with(['4', '5']), response)
            && (response.content.is_empty() || ["400", "429"].contains(&status.as_str()))
        {
            let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            response.content.insert(PROBLEM_JSON.to_owned(), RefOr::T(problem));
        }
    }
}

/// Makes one object of "these facts and those fields beside them": with the facts refusing unknown fields,
/// both parts together would accept nothing.
fn flatten(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    let flat = schemas.iter().filter_map(|(name, schema)| match schema {
        RefOr::T(Schema::AllOf(all)) => Some((name.clone(), joined(all, schemas))),
        RefOr::T(_) | RefOr::Ref(_) => None,
    });
    for (name, object) in flat.collect::<Vec<_>>() {
        schemas.insert(name, RefOr::T(Schema::Object(object)));
    }
}

fn joined(all: &AllOf, schemas: &BTreeMap<String, RefOr<Schema>>) -> Object {
    let mut joined = Object::with_type(Type::Object);
    joined.description.clone_from(&all.description);
    for part in &all.items {
        let part = match part {
            RefOr::Ref(reference) => {
                let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
                schemas.get(name).unwrap_or(part)
            }
            RefOr::T(_) => part,
        };
        if let RefOr::T(Schema::Object(object)) = part {
            joined.properties.extend(object.properties.clone());
            joined.required.extend(object.required.clone());
        }
    }
    joined
}

/// The schema of a merge patch on a document: every field may be left out, and `null` takes it away.
pub fn patch_schema(document: RefOr<Schema>) -> RefOr<Schema> {
    let RefOr::T(Schema::Object(mut object)) = document else { return document };
    for property in object.properties.values_mut() {
        *property = nullable(std::mem::replace(property, RefOr::T(Schema::default())));
    }
    object.required.clear();
    object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
    RefOr::T(Schema::Object(object))
}

fn nullable(property: RefOr<Schema>) -> RefOr<Schema> {
    let null = utoipa::openapi::ObjectBuilder::new().schema_type(SchemaType::Type(Type::Null)).build();
    RefOr::T(Schema::OneOf(utoipa::openapi::OneOfBuilder::new().item(null).item(property).build()))
}
