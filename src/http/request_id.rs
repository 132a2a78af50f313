//! One id per request: taken from `X-Request-Id` where that is short and plain, else made. It stands in the answer, in
//! every problem and, as far as it can tell nothing of anybody, in the log. Neither query strings nor bodies are
//! logged: the route's template and the names of the parameters are.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Instant;

use actix_web::HttpMessage;
use actix_web::body::{self, BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::http::{ConnectionType, Method};
use actix_web::middleware::Next;
use actix_web::{HttpResponse, web};
use sha2::{Digest, Sha256};
use tracing::Instrument;
use uuid::Uuid;

use super::edge::{self, Edge};
use super::fallback::KnownPaths;
use super::openapi;
use super::problem::{Problem, ProblemCode};

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request, for what goes on the record.
pub(super) struct RequestId(pub(super) String);

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
    request.extensions_mut().insert(RequestId(in_log(&asked.id).to_string()));
    if asked.method == Method::HEAD {
        // What GET would answer; the body is left out where the answer is written.
        request.head_mut().method = Method::GET;
    }
    // Failures of handlers and extractors come as responses that hold their error.
    let span = tracing::error_span!("request", request_id = %in_log(&asked.id));
    match next.call(request).instrument(span).await {
        Ok(response) => {
            let mut response = response.map_into_boxed_body();
            if let Some(error) = response.response().error() {
                let problem = as_problem(error, &asked.id, response.headers());
                response = response.into_response(problem);
            }
            if asked.method == Method::HEAD && response.response().body().size() == BodySize::Stream {
                // It might go on for ever, to be thrown away.
                response = response.map_body(|_, _| BoxBody::new(body::None::new()));
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
                .filter(|given| is_plain(given))
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
            request_id = %in_log(&self.id),
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

/// Whether an id that a client made is taken: whoever sent it gets it back, whatever it says.
fn is_plain(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// An id as the log has it: one that could tell of somebody as its digest, by which the request is still found.
fn in_log(id: &str) -> Cow<'_, str> {
    if is_made(id) {
        return id.into();
    }
    let digest = Sha256::digest(id);
    let start = digest.iter().take(8).map(|byte| format!("{byte:02x}"));
    format!("sha256-{}", start.collect::<String>()).into()
}

/// Whether an id was plainly made by a machine: a UUID, or 16 and more hexadecimal digits, as traces have. No name is
/// spelt in so many of the letters a to f, and no telephone number, date of birth or number of a student has one.
fn is_made(id: &str) -> bool {
    let hexadecimal = id.len() >= 16
        && id.bytes().all(|b| b.is_ascii_hexdigit())
        && id.bytes().any(|b| b.is_ascii_digit())
        && id.bytes().any(|b| b.is_ascii_alphabetic());
    hexadecimal || (id.len() == 36 && Uuid::try_parse(id).is_ok())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_tell_of_somebody_stands_in_the_log_as_its_digest() {
        for made in
            ["0192c0de-0000-7000-8000-000000000000", "4bf92f3577b34da6a3ce929d0e0e4736", "00F067AA0BA902B7"]
        {
            assert_eq!(in_log(made), made);
        }
        // A name, a student's number, a telephone number, a date of birth, and what is too short to be sure.
        for telling in [
            "Rosalind",
            "rosa.lind.2014",
            "9784550134",
            "1-978-455-0134-0000",
            "2014-03-09-ada-bea",
            "1000000000000001",
            "fade-2014",
        ] {
            let logged = in_log(telling);
            let digest = logged.strip_prefix("sha256-").unwrap_or_else(|| panic!("{telling} is logged"));
            assert!(digest.len() == 16 && digest.bytes().all(|b| b.is_ascii_hexdigit()), "{logged}");
        }
        // As `printf %s req-42 | sha256sum` begins.
        assert_eq!(in_log("req-42"), "sha256-fd1180d9f0c0819f");
    }
}
