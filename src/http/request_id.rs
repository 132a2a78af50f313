//! One id per request: taken from `X-Request-Id` where that is a plain token, else made. It stands in the
//! answer, in every problem and in the log. Neither query strings nor bodies are logged: the route's
//! template and the names of the parameters are.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Instant;

use actix_web::HttpMessage;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use uuid::Uuid;

use super::openapi;
use super::problem::{Problem, ProblemCode};

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request, for what goes on the record.
pub(super) struct RequestId(pub(super) String);

/// Wraps every request.
///
/// # Errors
/// Only what a middleware inside fails with; there is none.
pub(super) async fn identify(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let id = request
        .headers()
        .get(&HEADER)
        .and_then(|given| given.to_str().ok())
        .filter(|given| {
            (1..=64).contains(&given.len())
                && given.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        })
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
    request.extensions_mut().insert(RequestId(id.clone()));
    let started = Instant::now();
    let method = request.method().clone();
    if method == Method::HEAD {
        // What GET would answer; the body is left out where the answer is written.
        request.head_mut().method = Method::GET;
    }
    let parameters = parameter_names(request.query_string());
    // Failures of handlers and extractors come as responses that hold their error.
    let mut response = next.call(request).await?.map_into_boxed_body();
    if let Some(error) = response.response().error() {
        let problem = match error.as_error::<Problem>() {
            Some(problem) => problem.response(&id),
            None => foreign(error).response(&id),
        };
        response = response.into_response(problem);
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    let route = response.request().match_pattern().unwrap_or_else(|| "-".to_owned());
    tracing::info!(
        request_id = id,
        method = %method,
        route,
        parameters,
        status = response.status().as_u16(),
        elapsed_ms = started.elapsed().as_secs_f64() * 1_000.0,
        "answered"
    );
    Ok(response)
}

/// An error of the framework as a problem of the closed set.
fn foreign(error: &actix_web::Error) -> Problem {
    let status = error.as_response_error().status_code();
    match status.as_u16() {
        413 => Problem::new(
            ProblemCode::PayloadTooLarge,
            format!("the body has more than {} bytes", super::body::LARGEST_BODY),
        ),
        404 => Problem::new(ProblemCode::NotFound, "there is no such path"),
        400..=499 => Problem::new(ProblemCode::InvalidRequest, "the request could not be read"),
        _ => {
            tracing::error!(%error, "request failed");
            Problem::new(
                ProblemCode::Internal,
                "something failed on our side; the request id finds it in the log",
            )
        }
    }
}

/// The names of the parameters, none of the values. Only names that the contract knows: anything else could
/// be a value that lost its name.
fn parameter_names(query: &str) -> String {
    static KNOWN: LazyLock<BTreeSet<String>> = LazyLock::new(openapi::parameter_names);
    let names = query.split('&').filter_map(|pair| pair.split('=').next());
    names.filter(|name| KNOWN.contains(*name)).collect::<Vec<_>>().join(",")
}
