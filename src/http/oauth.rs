//! `/oauth/token` and what clients need to know to use it: the keys and the metadata of this issuer.

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

use super::problem::Problem;
use super::query::{NoParams, Query, decode};
use super::{Context, body};
use crate::access::{Denied, Scope, joined};

const FORM: &str = "application/x-www-form-urlencoded";

/// What a client sends to get a token (RFC 6749, section 4.4.2).
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the form that `Form` reads")]
struct TokenRequest {
    /// Always `client_credentials`.
    #[schema(example = "client_credentials")]
    grant_type: String,
    /// Narrows what the token permits: scopes separated by spaces. Left out: all that the client has.
    #[schema(nullable = false, example = "directory:read")]
    scope: Option<String>,
    /// The client, unless the `Authorization` header names it.
    #[schema(nullable = false)]
    client_id: Option<String>,
    /// Its secret, unless the `Authorization` header has it.
    #[schema(nullable = false)]
    client_secret: Option<String>,
}

/// A token (RFC 6749, section 5.1).
#[derive(Serialize, utoipa::ToSchema)]
struct TokenAnswer {
    /// To be sent as `Authorization: Bearer …`.
    access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until it expires.
    #[schema(example = 900)]
    expires_in: i64,
    /// What it permits, separated by spaces.
    #[schema(example = "directory:read")]
    scope: String,
}

/// Why there is no token (RFC 6749, section 5.2).
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct TokenError {
    /// `invalid_request`, `invalid_client`, `unsupported_grant_type`, `invalid_scope`, or `slow_down` after too many
    /// wrong secrets.
    #[schema(example = "invalid_client")]
    error: &'static str,
    /// The same for people.
    error_description: String,
    #[serde(skip)]
    #[schema(ignore)]
    retry_after: Option<i64>,
}

impl TokenError {
    fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self { error, error_description: description.into(), retry_after: None }
    }

    fn response(&self) -> HttpResponse {
        let status = match self.error {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            "slow_down" => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::BAD_REQUEST,
        };
        let mut response = HttpResponse::build(status);
        response.insert_header((CACHE_CONTROL, "no-store"));
        if status == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, "Basic realm=\"causeway\""));
        }
        if let Some(seconds) = self.retry_after {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        response.json(self)
    }
}

/// What was asked: the credentials and what they are for.
struct Form {
    client_id: String,
    client_secret: String,
    scope: Option<String>,
}

impl Form {
    /// Reads a form and the `Authorization` header. A field that comes twice, and credentials in both places, are
    /// refused (RFC 6749, sections 3.2 and 2.3).
    fn read(request: &HttpRequest, bytes: &[u8]) -> Result<Self, TokenError> {
        let wrong = |what: &str| TokenError::new("invalid_request", what);
        let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case(FORM) {
            return Err(wrong("the body must be application/x-www-form-urlencoded"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| wrong("the body is not UTF-8"))?;
        let (mut grant_type, mut scope, mut id, mut secret) = (None, None, None, None);
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value).ok_or_else(|| wrong("the body is not UTF-8"))?;
            let field = match name {
                "grant_type" => &mut grant_type,
                "scope" => &mut scope,
                "client_id" => &mut id,
                "client_secret" => &mut secret,
                // Unknown fields are left alone (RFC 6749, section 3.2).
                _ => continue,
            };
            // A field without a value counts as left out (the same section).
            if !value.is_empty() && field.replace(value).is_some() {
                return Err(wrong("a field comes twice"));
            }
        }
        match grant_type.as_deref() {
            Some("client_credentials") => {}
            Some(_) => {
                let known = "only client_credentials is given";
                return Err(TokenError::new("unsupported_grant_type", known));
            }
            None => return Err(wrong("grant_type is missing; it must be client_credentials")),
        }
        let (client_id, client_secret) = match (basic(request)?, id, secret) {
            (Some(_), _, Some(_)) => {
                return Err(wrong("the secret comes twice: in the header and in the body"));
            }
            (Some((user, _)), Some(id), None) if user != id => {
                return Err(wrong("the header and the body name two clients"));
            }
            (Some(credentials), _, None) => credentials,
            (None, Some(id), Some(secret)) => (id, secret),
            (None, _, _) => {
                return Err(TokenError::new("invalid_client", "the client's id and secret are needed"));
            }
        };
        Ok(Self { client_id, client_secret, scope })
    }
}

/// User and password of a Basic `Authorization` header, each form-encoded (RFC 6749, section 2.3.1).
fn basic(request: &HttpRequest) -> Result<Option<(String, String)>, TokenError> {
    let Some(given) = request.headers().get(AUTHORIZATION) else { return Ok(None) };
    let read = || {
        let (scheme, encoded) = given.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        Some((decode(user)?, decode(password)?))
    };
    read().map(Some).ok_or_else(|| {
        TokenError::new("invalid_client", "Authorization must be Basic with the id and secret")
    })
}

/// Gives a client a token. The client is named by HTTP Basic, or by `client_id` and `client_secret` in the form.
#[utoipa::path(
    tag = "access", operation_id = "issue_token", security(()),
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "A token", body = TokenAnswer, headers(("Cache-Control" = String, description = "`no-store`"))),
        (status = 400, description = "`invalid_request`, `unsupported_grant_type`, `invalid_scope`; the problem `invalid-request`", body = TokenError),
        (status = 401, description = "`invalid_client`", body = TokenError),
        (status = 413, description = "`payload-too-large`"),
        (status = 429, description = "`slow_down`; the problem `rate-limited`", body = TokenError, headers(("Retry-After" = i64, description = "Seconds to wait"))),
    )
)]
#[post("/oauth/token")]
async fn token(
    context: web::Data<Context>,
    request: HttpRequest,
    _params: Query<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let Form { client_id, client_secret, scope } = match Form::read(&request, &bytes.0) {
        Ok(form) => form,
        Err(error) => return Ok(error.response()),
    };
    let error = match context.app.access.token(&client_id, &client_secret, scope.as_deref()).await {
        Ok(issued) => {
            return Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(TokenAnswer {
                access_token: issued.token,
                token_type: "Bearer",
                expires_in: issued.expires_in,
                scope: joined(&issued.scopes),
            }));
        }
        Err(Denied::Failed(error)) => return Err(error.into()),
        Err(Denied::InvalidClient) => {
            TokenError::new("invalid_client", "there is no such client, or the secret is not its own")
        }
        Err(Denied::InvalidScope(reason)) => TokenError::new("invalid_scope", reason),
        Err(Denied::Wait(seconds)) => TokenError {
            retry_after: Some(seconds),
            ..TokenError::new("slow_down", "too many wrong secrets; wait before the next attempt")
        },
    };
    Ok(error.response())
}

/// Public keys (RFC 7517).
#[derive(Serialize, utoipa::ToSchema)]
struct KeySet {
    /// Each that may have signed a token that still holds.
    keys: Vec<PublicKey>,
}

/// A public key for Ed25519 (RFC 8037).
#[derive(Serialize, utoipa::ToSchema)]
struct PublicKey {
    /// Always `OKP`.
    #[schema(example = "OKP")]
    kty: &'static str,
    /// Always `Ed25519`.
    #[schema(example = "Ed25519")]
    crv: &'static str,
    /// Always `EdDSA`.
    #[schema(example = "EdDSA")]
    alg: &'static str,
    /// Always `sig`.
    #[schema(example = "sig")]
    r#use: &'static str,
    /// Its name, as in the header of a token.
    kid: String,
    /// The key, base64url.
    x: String,
}

/// Shows the public keys that check our tokens.
#[utoipa::path(
    tag = "access", operation_id = "list_keys", security(()),
    responses((status = 200, description = "The keys", body = KeySet))
)]
#[get("/.well-known/jwks.json")]
async fn keys(context: web::Data<Context>, _params: Query<NoParams>) -> Result<HttpResponse, Problem> {
    let key = |(kid, x)| PublicKey { kty: "OKP", crv: "Ed25519", alg: "EdDSA", r#use: "sig", kid, x };
    let keys = context.app.access.published_keys().await?.into_iter().map(key).collect();
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "max-age=300")).json(KeySet { keys }))
}

/// What there is to know of this issuer of tokens (RFC 8414).
#[derive(Serialize, utoipa::ToSchema)]
struct IssuerMetadata {
    /// As `iss` has it.
    #[schema(example = "https://causeway.example.org")]
    issuer: String,
    /// Where tokens are given.
    token_endpoint: String,
    /// Where the keys are.
    jwks_uri: String,
    /// Always `client_credentials`.
    grant_types_supported: [&'static str; 1],
    /// None: no browser is sent here.
    response_types_supported: [&'static str; 0],
    /// How a client may name itself.
    token_endpoint_auth_methods_supported: [&'static str; 2],
    /// Every scope.
    scopes_supported: &'static [Scope],
    /// Where the contract can be read.
    service_documentation: String,
}

/// Says what there is to know of this issuer of tokens.
#[utoipa::path(
    tag = "access", operation_id = "get_issuer", security(()),
    responses((status = 200, description = "RFC 8414", body = IssuerMetadata))
)]
#[get("/.well-known/oauth-authorization-server")]
async fn metadata(context: web::Data<Context>, _params: Query<NoParams>) -> HttpResponse {
    let issuer = context.app.access.issuer().to_owned();
    HttpResponse::Ok().json(IssuerMetadata {
        token_endpoint: format!("{issuer}/oauth/token"),
        jwks_uri: format!("{issuer}/.well-known/jwks.json"),
        grant_types_supported: ["client_credentials"],
        response_types_supported: [],
        token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
        scopes_supported: Scope::ALL,
        service_documentation: format!("{issuer}/docs/"),
        issuer,
    })
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(token).service(keys).service(metadata);
}
