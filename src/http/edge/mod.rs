//! The edge: what every request passes before it reaches an operation. The size of its head, how much its caller
//! may ask, how many requests run at once and how long one may take are bounded here; headers that browsers go by
//! and the measures that operators watch are added here.

mod caller;
mod cors;
mod headers;
mod limits;
mod metrics;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, RETRY_AFTER};
use actix_web::middleware::Next;
use actix_web::web;

pub(super) use cors::cors;
pub(super) use headers::protect;
pub(super) use metrics::{Metrics, known_method, serve as serve_metrics};

use super::problem::{Problem, ProblemCode};
use crate::config::EdgeConfig;
use limits::{Class, Limits};
use metrics::Refusal;

/// Header fields of one request.
const MOST_HEADERS: usize = 64;
/// Bytes of the header fields of one request: names and values.
const LARGEST_HEAD: usize = 16 * 1024;
/// Those who watch the server ask these as often as they like.
const EXEMPT: [&str; 2] = ["/healthz", "/readyz"];

/// The state of the edge. Cloning shares it.
#[derive(Clone)]
pub struct Edge {
    inner: Arc<Inner>,
}

struct Inner {
    config: EdgeConfig,
    limits: Limits,
    metrics: Metrics,
    stopping: AtomicBool,
}

impl Edge {
    /// An edge with these settings.
    pub fn new(config: EdgeConfig) -> Self {
        let limits = Limits::new(&config);
        let inner = Inner { config, limits, metrics: Metrics::new(), stopping: AtomicBool::new(false) };
        Self { inner: Arc::new(inner) }
    }

    /// Its settings.
    pub fn config(&self) -> &EdgeConfig {
        &self.inner.config
    }

    /// From now on `/readyz` says no, and each answer is the last of its connection.
    pub fn stop(&self) {
        self.inner.stopping.store(true, Ordering::Release);
    }

    /// Whether a stop was asked for.
    pub fn is_stopping(&self) -> bool {
        self.inner.stopping.load(Ordering::Acquire)
    }

    /// Forgets callers who have asked nothing lately.
    pub fn purge(&self) {
        self.inner.limits.purge();
    }

    /// What is measured.
    pub(super) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }
}

/// Lets a request through to its operation, or refuses it.
///
/// # Errors
/// If the operation takes too long. The request is gone with it, so this alone comes as an error and not as an
/// answer.
pub(super) async fn guard(
    edge: web::Data<Edge>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    if !is_limited(request.path()) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let metrics = edge.metrics();
    if let Err(problem) = bounded(request.headers()) {
        metrics.refused(Refusal::Head);
        return Ok(request.error_response(problem));
    }
    let class = Class::of(request.method());
    let caller = caller::of(&request, &edge.config().trusted_proxies);
    let standing = caller.and_then(|caller| edge.inner.limits.count(class, caller));
    if let Some(wait) = standing.as_ref().and_then(|standing| standing.wait_seconds) {
        metrics.refused(class.into());
        let detail = format!("more requests than this server takes from one caller; ask again in {wait} s");
        let mut refused = request.error_response(Problem::new(ProblemCode::RateLimited, detail));
        refused.headers_mut().insert(RETRY_AFTER, wait.into());
        if let Some(standing) = standing {
            standing.show(refused.headers_mut());
        }
        return Ok(refused);
    }
    let mut response = match metrics.begin(edge.config().concurrent_requests) {
        None => {
            metrics.refused(Refusal::Concurrency);
            let detail = "too many requests run; ask again in a moment";
            request.error_response(Problem::new(ProblemCode::Overloaded, detail))
        }
        Some(_running) => {
            let limit = edge.config().request_timeout;
            let Ok(response) = tokio::time::timeout(limit, next.call(request)).await else {
                metrics.refused(Refusal::Timeout);
                let detail = format!(
                    "there was no answer within {} seconds; a change may have been made all the same, so look or \
                     repeat it with its Idempotency-Key",
                    limit.as_secs()
                );
                return Err(Problem::new(ProblemCode::TimedOut, detail).into());
            };
            response?.map_into_boxed_body()
        }
    };
    if let Some(standing) = standing {
        standing.show(response.headers_mut());
    }
    Ok(response)
}

/// Whether requests for this path are counted and bounded.
pub(super) fn is_limited(path: &str) -> bool {
    !EXEMPT.contains(&path)
}

/// Whether the head of a request is of a size that anybody needs.
fn bounded(headers: &HeaderMap) -> Result<(), Problem> {
    let too_large = |detail| Err(Problem::new(ProblemCode::HeadTooLarge, detail));
    if headers.len() > MOST_HEADERS {
        return too_large(format!(
            "the request has {} header fields; at most {MOST_HEADERS} are read",
            headers.len()
        ));
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > LARGEST_HEAD {
        return too_large(format!("the header fields have {bytes} bytes; at most {LARGEST_HEAD} are read"));
    }
    Ok(())
}
