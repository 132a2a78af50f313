//! The edge: what every request passes before it reaches an operation. The size of its head, how much may
//! be asked from its address and by its caller, how many requests run at once and how long one may take are bounded here; headers that browsers go by
//! and the measures that operators watch are added here.

mod cors;
mod headers;
mod lasting;
mod limits;
mod metrics;
mod peer;
mod places;

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, RETRY_AFTER};
use actix_web::middleware::Next;
use actix_web::web;
use tokio::sync::watch;

pub(super) use cors::cors;
pub(super) use headers::protect;
pub(super) use lasting::Open;
pub(super) use metrics::{Metrics, known_method, serve as serve_metrics};

use super::caller::principal;
use super::problem::{Problem, ProblemCode};
use crate::access::PrincipalId;
use crate::config::EdgeConfig;
use limits::{Class, Counted, Limits};
use metrics::Refusal;
use places::Places;

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
    places: Places<IpAddr>,
    /// Requests that go on, by who has them open.
    open: Places<PrincipalId>,
    metrics: Metrics,
    stopping: watch::Sender<bool>,
}

impl Edge {
    /// An edge with these settings.
    pub fn new(config: EdgeConfig) -> Self {
        let limits = Limits::new(&config);
        let inner = Inner {
            config,
            limits,
            places: Places::default(),
            open: Places::default(),
            metrics: Metrics::new(),
            stopping: watch::Sender::new(false),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Its settings.
    pub fn config(&self) -> &EdgeConfig {
        &self.inner.config
    }

    /// From now on `/readyz` says no, each answer is the last of its connection, and what goes on comes to an end.
    pub fn stop(&self) {
        self.inner.stopping.send_replace(true);
    }

    /// Whether a stop was asked for.
    pub fn is_stopping(&self) -> bool {
        *self.inner.stopping.borrow()
    }

    /// Is true from when on a stop was asked for.
    pub(super) fn stopping(&self) -> watch::Receiver<bool> {
        self.inner.stopping.subscribe()
    }

    /// Forgets those who have asked nothing lately.
    pub fn purge(&self) {
        self.inner.limits.purge();
    }

    /// What is measured.
    pub(super) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }
}

/// Lets a request through to its operation, or refuses it for where it comes from, its size, or the load.
///
/// # Errors
/// If the operation takes too long. The request is gone with it, so this alone comes as an error and not as an
/// answer.
pub(super) async fn guard(
    edge: web::Data<Edge>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Answered {
    if !is_limited(request.path()) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    if let Err(problem) = bounded(request.headers()) {
        edge.metrics().refused(Refusal::Head);
        return Ok(request.error_response(problem));
    }
    let address = peer::of(&request, &edge.config().trusted_proxies);
    let run = async |request| run(&edge, address, request, next).await;
    count(&edge, address.map(Counted::Address), request, run).await
}

/// Counts a request of a client or person, whom it knows once the token was verified: many may share an address,
/// and one may have many.
///
/// # Errors
/// Only what the operation fails with.
pub(super) async fn guard_caller(
    edge: web::Data<Edge>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Answered {
    let known = principal(request.request()).filter(|_| is_limited(request.path()));
    let run = async |request| Ok(next.call(request).await?.map_into_boxed_body());
    count(&edge, known.map(Counted::Caller), request, run).await
}

/// What comes of a request.
type Answered = Result<ServiceResponse<BoxBody>, actix_web::Error>;

/// Counts a request and lets it through, or refuses it; the answer says where they stand who sent it.
async fn count(
    edge: &Edge,
    who: Option<Counted>,
    request: ServiceRequest,
    through: impl AsyncFnOnce(ServiceRequest) -> Answered,
) -> Answered {
    let class = Class::of(request.method(), request.path());
    let standing = who.and_then(|who| Some((who, edge.inner.limits.count(class, who)?)));
    let Some((who, standing)) = standing else { return through(request).await };
    let mut response = match standing.wait_seconds {
        None => through(request).await?,
        Some(wait) => {
            edge.metrics().refused(Refusal::counted(class, who));
            let whom = match who {
                Counted::Address(_) => "address",
                Counted::Caller(_) => "client or person",
            };
            too_many(request, &format!("more requests than this server takes from one {whom}"), wait)
        }
    };
    standing.show(response.headers_mut());
    Ok(response)
}

/// Runs a request while there is a place for it, and no longer than it may take.
async fn run(
    edge: &Edge,
    address: Option<IpAddr>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Answered {
    let (config, metrics) = (edge.config(), edge.metrics());
    let Some(running) = metrics.begin(config.concurrent_requests) else {
        metrics.refused(Refusal::Concurrency);
        let detail = "too many requests run; ask again in a moment";
        return Ok(request.error_response(Problem::new(ProblemCode::Overloaded, detail)));
    };
    let most = config.concurrent_requests_per_address;
    let place = address.map(|address| edge.inner.places.take(address, most).ok_or(()));
    let Ok(place) = place.transpose() else {
        metrics.refused(Refusal::AddressConcurrency);
        return Ok(too_many(request, &format!("{most} requests of one address run already"), 1));
    };
    let limit = config.request_timeout;
    let goes_on = lasting::goes_on(request.method(), request.path());
    if let Ok(response) = tokio::time::timeout(limit, next.call(request)).await {
        let response = response?.map_into_boxed_body();
        return Ok(if goes_on {
            response.map_body(|_, body| lasting::hold(body, (running, place)))
        } else {
            response
        });
    }
    metrics.refused(Refusal::Timeout);
    let detail = format!(
        "there was no answer within {} seconds; a change may have been made all the same, so look or repeat it with \
         its Idempotency-Key",
        limit.as_secs()
    );
    Err(Problem::new(ProblemCode::TimedOut, detail).into())
}

/// Refuses a request as one too many.
fn too_many(request: ServiceRequest, what: &str, wait_seconds: u64) -> ServiceResponse<BoxBody> {
    let detail = format!("{what}; ask again in {wait_seconds} s");
    let mut refused = request.error_response(Problem::new(ProblemCode::RateLimited, detail));
    refused.headers_mut().insert(RETRY_AFTER, wait_seconds.into());
    refused
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
