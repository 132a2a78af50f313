//! Header fields that tell browsers what to refuse, on every answer.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

/// An answer of the API is data: nothing in it is to be run, loaded or framed.
const API: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Swagger UI loads its own script, styles itself with attributes, draws icons that are in its style sheet, and
/// asks this server.
const DOCS: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A page for people without an account has a style sheet and a form of its own, and nothing that runs.
const PAGE: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// A sheet to print brings its style with it, since it is kept as a file; it is let in by its digest.
const SHEET: &str = "default-src 'none'; style-src 'sha256-xIGfuam2eSXOwMD8CnDPu9sII7PRvGW0gZxJf+GWvvo='; \
                     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Whether a path is one of a page for people without an account.
fn is_page(path: &str) -> bool {
    crate::http::pages::PLACES.iter().any(|place| path.starts_with(place))
}

/// Whether a path is one of a sheet to print.
fn is_sheet(path: &str) -> bool {
    path.starts_with("/v1/offers/") && path.ends_with("/fax-sheet")
}

/// Adds them. `behind_tls` says whether callers reach the server through TLS only.
pub(in crate::http) fn protect(headers: &mut HeaderMap, path: &str, behind_tls: bool) {
    let is_page = is_page(path);
    let is_docs = path == "/docs" || path.starts_with("/docs/");
    // What is the same for everybody and speaks of nobody may be kept, if it is asked for again each time.
    // Everything else speaks of a need, or will depend on who asks.
    let is_public = ["/v1/vocabularies/", "/.well-known/"].iter().any(|start| path.starts_with(start));
    let may_be_kept = is_docs || is_public || path == "/openapi.json";
    let policy = match (is_docs, is_page) {
        (true, _) => DOCS,
        (false, true) => PAGE,
        (false, false) if is_sheet(path) => SHEET,
        (false, false) => API,
    };
    let fixed = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (RESOURCE_POLICY, "same-origin"),
        (CONTENT_SECURITY_POLICY, policy),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(CACHE_CONTROL) {
        let value = if may_be_kept { "no-cache" } else { "no-store" };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(value));
    }
    if behind_tls {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}
