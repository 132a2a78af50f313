//! One id per request: taken from `X-Request-Id` where that is a plain token, else made. It stands in the
//! answer, in every problem and in the log. Neither query strings nor bodies are logged: the route's
//! template and the names of the parameters are.

use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use uuid::Uuid;

use super::problem::{Problem, ProblemCode};

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Wraps every request.
///
/// # Errors
/// Only what a middleware inside fails with; there is none.
pub(super) async fn identify(
    request: ServiceRequest,
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
    let started = Instant::now();
    let method = request.method().clone();
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

/// The names of the parameters, none of the values; what is no plain name is not repeated.
fn parameter_names(query: &str) -> String {
    let plain = |name: &&str| name.len() <= 40 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let names = query.split('&').filter_map(|pair| pair.split('=').next()).filter(|name| !name.is_empty());
    names.filter(plain).collect::<Vec<_>>().join(",")
}
