//! One id per request: taken from `X-Request-Id` where that is short and harmless, else made. It stands in the
//! answer, in every problem and in the log. Neither query strings nor bodies are logged: the route's
//! template and the names of the parameters are.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::http::{ConnectionType, Method};
use actix_web::middleware::Next;
use actix_web::{HttpResponse, web};
use uuid::Uuid;

use super::edge::{self, Edge};
use super::fallback::KnownPaths;
use super::openapi;
use super::problem::{Problem, ProblemCode};

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Wraps every request.
///
/// # Errors
/// If the answer took too long: the error holds the whole answer.
pub(super) async fn identify(
    edge: web::Data<Edge>,
    known: web::Data<KnownPaths>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let asked = Asked::new(&request);
    if asked.method == Method::HEAD {
        // What GET would answer; the body is left out where the answer is written.
        request.head_mut().method = Method::GET;
    }
    // Failures of handlers and extractors come as responses that hold their error.
    match next.call(request).await {
        Ok(response) => {
            let mut response = response.map_into_boxed_body();
            if let Some(error) = response.response().error() {
                let problem = as_problem(error, &asked.id, response.headers());
                response = response.into_response(problem);
            }
            let route = response.request().match_pattern();
            asked.finish(&edge, response.response_mut(), route);
            Ok(response)
        }
        Err(error) => {
            let mut problem = as_problem(&error, &asked.id, error.error_response().headers());
            let route = known.template(&asked.path).map(str::to_owned);
            asked.finish(&edge, &mut problem, route);
            Err(InternalError::from_response(error, problem).into())
        }
    }
}

/// What is kept of a request until it is answered.
struct Asked {
    id: String,
    started: Instant,
    method: Method,
    path: String,
    parameters: String,
}

impl Asked {
    fn new(request: &ServiceRequest) -> Self {
        let given = request.headers().get(&HEADER).and_then(|given| given.to_str().ok());
        Self {
            id: given
                .filter(|given| is_harmless(given))
                .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned),
            started: Instant::now(),
            method: request.method().clone(),
            path: request.path().to_owned(),
            parameters: parameter_names(request.query_string()),
        }
    }

    /// Adds what every answer has, and puts the request on the record.
    fn finish(self, edge: &Edge, answer: &mut HttpResponse, route: Option<String>) {
        if let Ok(value) = HeaderValue::from_str(&self.id) {
            answer.headers_mut().insert(HEADER, value);
        }
        edge::protect(answer.headers_mut(), &self.path, edge.config().behind_tls);
        if edge.is_stopping() {
            answer.head_mut().set_connection_type(ConnectionType::Close);
        }
        let elapsed = self.started.elapsed();
        tracing::info!(
            request_id = self.id,
            method = edge::known_method(&self.method),
            route = route.as_deref().unwrap_or("-"),
            parameters = self.parameters,
            status = answer.status().as_u16(),
            elapsed_ms = elapsed.as_secs_f64() * 1_000.0,
            "answered"
        );
        edge.metrics().answered(route, &self.method, answer.status(), elapsed);
    }
}

/// Whether an id that a client made may stand in the log: short, plain, and with a digit, which ids have and
/// names have not.
fn is_harmless(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        && id.bytes().any(|b| b.is_ascii_digit())
}

/// An error in the shape of a problem. Header fields that were added on the way stay.
fn as_problem(error: &actix_web::Error, id: &str, headers: &HeaderMap) -> HttpResponse {
    let mut answer = match error.as_error::<Problem>() {
        Some(problem) => problem.response(id),
        None => foreign(error).response(id),
    };
    for (name, value) in headers {
        // The new body has a length of its own.
        if *name != CONTENT_LENGTH && (*name == RETRY_AFTER || !answer.headers().contains_key(name)) {
            answer.headers_mut().insert(name.clone(), value.clone());
        }
    }
    answer
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
