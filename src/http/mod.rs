//! HTTP: extract, do one operation, answer. No query here, and nothing of HTTP below.

mod answer;
mod availability;
mod body;
mod capacity_pools;
mod cursor;
mod districts;
mod edge;
mod fallback;
mod health;
mod idempotency;
mod insurance_plans;
mod listing;
mod locations;
mod matches;
mod near_misses;
mod noun;
mod offerings;
pub mod openapi;
mod organizations;
mod origin;
mod problem;
mod query;
mod request_id;
mod resource;
mod schools;
mod search;
mod server;
mod services;
mod vocabularies;

pub use cursor::Cursors;
pub use edge::Edge;
pub use problem::{Problem, ProblemCode};
pub use server::{Server, serve, service};

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header::HOST;

use crate::app::App;

/// What every handler is given.
#[derive(Clone)]
pub struct Context {
    /// The application.
    pub app: App,
    /// Signs cursors.
    pub cursors: Cursors,
    /// Whether writes are accepted: only while bound to a loopback address, until access control is there.
    pub accepts_writes: bool,
    /// What every request passes.
    pub edge: Edge,
}

impl Context {
    /// Refuses a write where writes are not accepted.
    ///
    /// # Errors
    /// [`ProblemCode::WritesDisabled`].
    fn accept_write(&self, request: &HttpRequest) -> Result<(), Problem> {
        if !names_loopback(request) {
            return Err(Problem::new(
                ProblemCode::WritesDisabled,
                "without access control writes are accepted only when they are addressed to this machine: \
                 127.0.0.1, [::1] or localhost",
            ));
        }
        if self.accepts_writes {
            return Ok(());
        }
        Err(Problem::new(
            ProblemCode::WritesDisabled,
            "this server listens beyond the machine itself, and without access control it accepts no writes there; \
             run it with --listen 127.0.0.1:8080 to write",
        ))
    }

    /// Refuses a question while the finder is being loaded.
    ///
    /// # Errors
    /// [`ProblemCode::Starting`].
    fn ready(&self) -> Result<(), Problem> {
        if self.app.is_ready() {
            return Ok(());
        }
        Err(Problem::new(ProblemCode::Starting, "the finder is still being loaded; ask again in a moment"))
    }
}

/// Whether the request was addressed to a loopback name. A page elsewhere that had its own name resolved to
/// 127.0.0.1 would otherwise write through a visitor's browser.
fn names_loopback(request: &HttpRequest) -> bool {
    let Some(host) = request.headers().get(HOST) else { return true };
    let host = host.to_str().unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Adds every operation of the contract.
fn configure(services: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    health::configure(services);
    services.service(utoipa_actix_web::scope("/v1").configure(|services| {
        search::configure(services);
        matches::configure(services);
        near_misses::configure(services);
        organizations::configure(services);
        services::configure(services);
        locations::configure(services);
        offerings::configure(services);
        capacity_pools::configure(services);
        availability::configure(services);
        insurance_plans::configure(services);
        districts::configure(services);
        schools::configure(services);
        vocabularies::configure(services);
    }));
}
