//! Whose pages may call. Nobody's, unless the operator names their origins.

use actix_cors::Cors;
use actix_web::middleware::Condition;

use crate::config::EdgeConfig;

/// How long a browser may remember what it was allowed, in seconds.
const REMEMBERED: usize = 600;

/// Answers browsers that ask on behalf of a page. Cookies are never let in: a caller shows a token.
pub(in crate::http) fn cors(config: &EdgeConfig) -> Condition<Cors> {
    let cors = Cors::default()
        .allowed_methods(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
        .allowed_headers([
            "Accept",
            "Authorization",
            "Content-Type",
            "Idempotency-Key",
            "If-Match",
            "If-None-Match",
            "X-Request-Id",
        ])
        .expose_headers([
            "ETag",
            "Idempotency-Replayed",
            "Link",
            "Location",
            "RateLimit",
            "RateLimit-Policy",
            "Retry-After",
            "WWW-Authenticate",
            "X-Request-Id",
        ])
        .max_age(REMEMBERED);
    let cors = config.cors_origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin));
    Condition::new(!config.cors_origins.is_empty(), cors)
}
