//! What operators watch, in OpenMetrics' text form. No label holds an id, a name or anything that was asked: routes
//! are templates of the contract, and what no template fits is one label.

use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use actix_web::{App as ActixApp, HttpResponse, HttpServer, dev, web};
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};

use super::limits::{Class, Counted};
use crate::app::App;
use crate::error::{Error, Result};

/// Upper bounds of an answer's time, in seconds: most answers take a few milliseconds.
const ANSWER_SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 25.0];
/// Upper bounds of the finder's own time, in seconds: most searches take some tens of microseconds.
const SEARCH_SECONDS: [f64; 10] =
    [0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.005, 0.025, 0.1];
/// The route of what no template fits.
const UNKNOWN_ROUTE: &str = "unknown";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: String,
    method: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    reason: Refusal,
}

/// Why a request was not let through to its operation, or not to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(super) enum Refusal {
    /// Too much was read from its address.
    AddressReads,
    /// Too much was written from its address.
    AddressWrites,
    /// The client or person has read too much.
    CallerReads,
    /// The client or person has written too much.
    CallerWrites,
    /// Its head was too large.
    Head,
    /// Too many requests ran.
    Concurrency,
    /// Too many requests of its address ran.
    AddressConcurrency,
    /// The client or person has too many open that go on.
    CallerOpen,
    /// It took too long.
    Timeout,
}

impl Refusal {
    /// The refusal of what is one too many.
    pub(super) fn counted(class: Class, who: Counted) -> Self {
        match (who, class) {
            (Counted::Address(_), Class::Reads) => Self::AddressReads,
            (Counted::Address(_), Class::Writes) => Self::AddressWrites,
            (Counted::Caller(_), Class::Reads) => Self::CallerReads,
            (Counted::Caller(_), Class::Writes) => Self::CallerWrites,
        }
    }
}

type Answers = Family<Answered, Histogram, fn() -> Histogram>;

/// What is counted while requests are answered.
pub(in crate::http) struct Metrics {
    answers: Answers,
    refused: Family<Refused, Counter>,
    running: Gauge,
    searches: Histogram,
}

/// A request that runs; dropping it ends it.
pub(super) struct Running(Gauge);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    pub(super) fn new() -> Self {
        Self {
            answers: Family::new_with_constructor(|| Histogram::new(ANSWER_SECONDS)),
            refused: Family::default(),
            running: Gauge::default(),
            searches: Histogram::new(SEARCH_SECONDS),
        }
    }

    /// Counts a request as running; none where `most` run already.
    pub(super) fn begin(&self, most: usize) -> Option<Running> {
        let running = Running(self.running.clone());
        let before = self.running.inc();
        usize::try_from(before).is_ok_and(|before| before < most).then_some(running)
    }

    /// Counts a request that was refused.
    pub(super) fn refused(&self, reason: Refusal) {
        self.refused.get_or_create(&Refused { reason }).inc();
    }

    /// Counts an answer. The route is a template, or none where there is no such path.
    pub(in crate::http) fn answered(
        &self,
        route: Option<String>,
        method: &Method,
        status: StatusCode,
        elapsed: Duration,
    ) {
        let route = route.unwrap_or_else(|| UNKNOWN_ROUTE.to_owned());
        let labels = Answered { route, method: known_method(method), status: status_class(status) };
        self.answers.get_or_create(&labels).observe(elapsed.as_secs_f64());
    }

    /// Counts a search by the time that the finder took.
    pub(in crate::http) fn searched(&self, elapsed: Duration) {
        self.searches.observe(elapsed.as_secs_f64());
    }

    /// Everything that is measured, counted or read now.
    fn text(&self, app: &App) -> Result<String> {
        let mut registry = Registry::with_prefix("causeway");
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program that runs", version);
        let name = "http_request_duration";
        registry.register_with_unit(name, "How long answers took", Unit::Seconds, self.answers.clone());
        registry.register("http_requests_running", "Requests that run", self.running.clone());
        registry.register("http_requests_refused", "Requests that were refused", self.refused.clone());
        let name = "search_duration";
        registry.register_with_unit(name, "How long the finder took", Unit::Seconds, self.searches.clone());
        index(&mut registry, app);
        store(&mut registry, app);
        feed(&mut registry, app);
        let mut text = String::new();
        encode(&mut text, &registry).map_err(|source| Error::internal("writing metrics", source))?;
        Ok(text)
    }
}

fn index(registry: &mut Registry, app: &App) {
    registry.register("index_offerings", "Offerings that can be found", gauge(app.indexed()));
    registry.register("index_revision", "Changes that this process has applied", gauge(app.index_revision()));
}

fn store(registry: &mut Registry, app: &App) {
    for lane in app.store.load() {
        let labels = [("lane".into(), lane.name.into())].into_iter();
        let lane_registry = registry.sub_registry_with_labels(labels);
        let connections = gauge(lane.connections);
        lane_registry.register("store_connections", "Connections to the database", connections);
        let in_use = gauge(lane.in_use);
        lane_registry.register("store_connections_in_use", "Connections that are in use", in_use);
        let waiting = gauge(lane.waiting);
        lane_registry.register("store_waiting", "Requests that wait for a connection", waiting);
        let shed: Counter = Counter::default();
        shed.inc_by(lane.shed);
        lane_registry.register("store_shed", "Requests that waited in vain or found the queue full", shed);
    }
}

/// The difference of the two is how far the finder is behind. Where the database does not answer, the newest is
/// left out.
fn feed(registry: &mut Registry, app: &App) {
    registry.register(
        "feed_applied",
        "The last change that the finder has applied",
        gauge(app.feed_applied()),
    );
    let lag: Gauge<f64, std::sync::atomic::AtomicU64> = Gauge::default();
    lag.set(app.lag().as_secs_f64());
    registry.register_with_unit(
        "feed_lag",
        "Since the finder was last known to be in step with the database",
        Unit::Seconds,
        lag,
    );
    match app.store.feed_newest() {
        Ok(newest) => registry.register("feed_newest", "The last change in the database", gauge(newest)),
        Err(error) => tracing::warn!(%error, "could not ask for the newest change"),
    }
}

fn gauge<N: TryInto<i64>>(value: N) -> impl Metric {
    let gauge: Gauge = Gauge::default();
    gauge.set(value.try_into().unwrap_or(i64::MAX));
    gauge
}

/// Methods are what clients write, so only those that mean something here are told apart.
pub(in crate::http) fn known_method(method: &Method) -> &'static str {
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        .into_iter()
        .find(|known| method == known)
        .unwrap_or("other")
}

fn status_class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}

/// Serves the metrics, and nothing else, on a listener of their own.
///
/// # Errors
/// If it cannot be served.
pub(in crate::http) fn serve(
    listener: std::net::TcpListener,
    edge: super::Edge,
    app: App,
) -> Result<dev::Server> {
    let factory = move || {
        ActixApp::new()
            .app_data(web::Data::new(edge.clone()))
            .app_data(web::Data::new(app.clone()))
            .route("/metrics", web::get().to(answer))
    };
    let server =
        HttpServer::new(factory).workers(1).max_connections(16).disable_signals().shutdown_timeout(1);
    let server =
        server.listen(listener).map_err(|error| Error::internal("starting to serve metrics", error))?;
    Ok(server.run())
}

async fn answer(edge: web::Data<super::Edge>, app: web::Data<App>) -> HttpResponse {
    // The newest change is read from the database.
    let text = web::block(move || edge.metrics().text(&app)).await;
    if let Ok(Ok(text)) = text {
        return HttpResponse::Ok()
            .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
            .insert_header(("Cache-Control", "no-store"))
            .insert_header(("X-Content-Type-Options", "nosniff"))
            .body(text);
    }
    HttpResponse::InternalServerError().finish()
}
