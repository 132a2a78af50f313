//! The server: binds, serves, keeps the finder in step, stops gracefully.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::middleware::from_fn;
use actix_web::{App as ActixApp, HttpServer, web};
use tokio::signal::unix::{SignalKind, signal};
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::SwaggerUi;

use super::caller::authenticate;
use super::fallback::{self, KnownPaths};
use super::request_id::identify;
use super::{Context, Cursors, body, configure, openapi};
use crate::app::{App, POLL_EVERY, SEAL_EVERY};
use crate::error::{Error, Result};

/// How long running requests may take to end after a stop was asked for.
const DRAIN_SECONDS: u64 = 20;
/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections of one worker. Each may hold a body of 1 MiB while it comes.
const CONNECTIONS: usize = 1_000;
/// How often old rows of the change feed and old idempotency keys are deleted.
const PURGE_EVERY: Duration = Duration::from_hours(1);

/// A bound server.
pub struct Server {
    listener: TcpListener,
    context: Context,
}

impl Server {
    /// Binds `address`; port 0 takes a free one. With `public_search` the directory is searched without a token.
    ///
    /// # Errors
    /// [`Error::Setup`] if the address cannot be bound.
    pub fn bind(app: App, cursors: Cursors, address: SocketAddr, public_search: bool) -> Result<Self> {
        let listener = TcpListener::bind(address).map_err(|error| {
            Error::Setup(format!("cannot listen on {address}: {error}; name another with --listen"))
        })?;
        let context = Context { app, cursors, public_search };
        Ok(Self { listener, context })
    }

    /// The address that it is bound to.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn address(&self) -> Result<SocketAddr> {
        self.listener.local_addr().map_err(|error| Error::internal("asking for the bound address", error))
    }
}

/// Serves until the process is asked to stop by SIGTERM or SIGINT. The finder is loaded while the first requests
/// are already answered: `/readyz` and searches say 503 until it is there. `announce` is called once a stop
/// would be a graceful one.
///
/// # Errors
/// If the finder cannot be loaded, or serving fails.
pub async fn serve(server: Server, announce: impl FnOnce()) -> Result<()> {
    let Server { listener, context } = server;
    let app = context.app.clone();
    let stops = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    announce();
    let factory = move || service(&context);
    let running = HttpServer::new(factory)
        .workers(std::thread::available_parallelism().map_or(2, usize::from))
        .client_request_timeout(HEAD_TIMEOUT)
        .max_connections(CONNECTIONS)
        .shutdown_timeout(DRAIN_SECONDS)
        .disable_signals()
        .listen(listener)
        .map_err(|error| Error::internal("starting to serve", error))?
        .run();
    let handle = running.handle();
    for stop in stops {
        let mut stop = stop.map_err(|error| Error::internal("waiting for signals", error))?;
        let handle = handle.clone();
        actix_web::rt::spawn(async move {
            stop.recv().await;
            handle.stop(true).await;
        });
    }
    let stopped = Arc::new(AtomicBool::new(false));
    let until = stopped.clone();
    let keeper = tokio::task::spawn_blocking(move || keep_in_step(&app, &until));
    let stop = handle.clone();
    let watched = actix_web::rt::spawn(async move {
        let ended =
            keeper.await.unwrap_or_else(|stopped| Err(Error::internal("loading the finder", stopped)));
        if ended.is_err() {
            stop.stop(false).await;
        }
        ended
    });
    running.await.map_err(|error| Error::internal("serving", error))?;
    stopped.store(true, Ordering::Release);
    watched.await.unwrap_or_else(|stopped| Err(Error::internal("loading the finder", stopped)))
}

/// Loads the finder, then follows the change feed and seals the audit until serving has stopped.
fn keep_in_step(app: &App, stopped: &AtomicBool) -> Result<()> {
    let started = Instant::now();
    let count = app.load()?;
    tracing::info!(offerings = count, elapsed_ms = started.elapsed().as_millis(), "the finder is loaded");
    let mut purged = Instant::now();
    let mut sealed = Instant::now();
    while !stopped.load(Ordering::Acquire) {
        std::thread::sleep(POLL_EVERY);
        if let Err(error) = app.poll() {
            tracing::error!(%error, "could not follow the change feed; trying again");
        }
        if sealed.elapsed() > SEAL_EVERY {
            sealed = Instant::now();
            seal_audit(app);
        }
        if purged.elapsed() > PURGE_EVERY {
            purged = Instant::now();
            if let Err(error) = app.store.purge() {
                tracing::error!(%error, "could not delete old rows");
            }
        }
    }
    seal_audit(app);
    Ok(())
}

/// What is not sealed now still waits at the next round, or at the next start.
fn seal_audit(app: &App) {
    if let Err(error) = app.seal_audit() {
        tracing::error!(%error, "could not seal the audit; trying again");
    }
}

/// The service of one worker; the tests drive this very one.
pub fn service(
    context: &Context,
) -> ActixApp<
    impl actix_web::dev::ServiceFactory<
        actix_web::dev::ServiceRequest,
        Config = (),
        Response = actix_web::dev::ServiceResponse<actix_web::body::BoxBody>,
        Error = actix_web::Error,
        InitError = (),
    > + use<>,
> {
    let contract = openapi::contract();
    let known = web::Data::new(KnownPaths::new(&contract));
    ActixApp::new()
        .app_data(web::Data::new(context.clone()))
        .app_data(known)
        .app_data(web::PayloadConfig::new(body::LARGEST_BODY))
        .into_utoipa_app()
        .configure(configure)
        .into_app()
        .service(
            SwaggerUi::new("/docs/{_:.*}")
                .url("/openapi.json", contract)
                // No page of ours asks anybody else anything.
                .config(utoipa_swagger_ui::Config::default().validator_url("none")),
        )
        .service(web::redirect("/docs", "/docs/"))
        .default_service(web::to(fallback::answer))
        .wrap(from_fn(authenticate))
        .wrap(from_fn(identify))
}
