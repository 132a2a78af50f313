//! The server: binds, serves, keeps the finder in step, stops gracefully.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App as ActixApp, HttpServer, web};
use tokio::signal::unix::{Signal, SignalKind, signal};
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::SwaggerUi;

use super::caller::authenticate;
use super::edge::{Edge, cors, guard, guard_caller, serve_metrics};
use super::fallback::{self, KnownPaths};
use super::request_id::identify;
use super::waker::Waker;
use super::{Context, Cursors, body, configure, openapi, pages};
use crate::app::{App, POLL_EVERY, SEAL_EVERY};
use crate::config::EdgeConfig;
use crate::error::{Error, Result};

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections of one worker. Each may hold a body of 1 MiB while it comes.
const CONNECTIONS: usize = 1_000;
/// How often those who have asked nothing lately are forgotten.
const FORGET_EVERY: Duration = Duration::from_mins(1);
/// How often old rows of the change feed and old idempotency keys are deleted.
const PURGE_EVERY: Duration = Duration::from_hours(1);
/// How often it is looked who is to be reminded of what.
const REMIND_EVERY: Duration = Duration::from_mins(1);
/// How often it is looked whether a crisis or an offer has waited its time, or a slot is free for somebody who waits.
const TURN_EVERY: Duration = Duration::from_millis(500);
/// How often it is looked whether a message is due.
const SEND_EVERY: Duration = Duration::from_secs(5);

/// A bound server.
pub struct Server {
    listener: TcpListener,
    metrics: Option<TcpListener>,
    context: Context,
}

impl Server {
    /// Binds `address`, and the one for metrics if there is one; port 0 takes a free one. With `public_search` the
    /// directory is searched without a token.
    ///
    /// # Errors
    /// [`Error::Setup`] if an address cannot be bound.
    pub fn bind(
        app: App,
        cursors: Cursors,
        address: SocketAddr,
        public_search: bool,
        edge: EdgeConfig,
    ) -> Result<Self> {
        let listener = listen(address, "--listen")?;
        let metrics = edge.metrics_listen.map(|address| listen(address, "--metrics-listen")).transpose()?;
        let context = Context { app, cursors, public_search, edge: Edge::new(edge) };
        Ok(Self { listener, metrics, context })
    }

    /// The address at which metrics are served, if they are.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn metrics_address(&self) -> Result<Option<SocketAddr>> {
        let address = self.metrics.as_ref().map(TcpListener::local_addr).transpose();
        address.map_err(|error| Error::internal("asking for the bound address", error))
    }

    /// The address that it is bound to.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn address(&self) -> Result<SocketAddr> {
        self.listener.local_addr().map_err(|error| Error::internal("asking for the bound address", error))
    }
}

fn listen(address: SocketAddr, flag: &str) -> Result<TcpListener> {
    TcpListener::bind(address).map_err(|error| {
        Error::Setup(format!("cannot listen on {address}: {error}; name another with {flag}"))
    })
}

/// Serves until the process is asked to stop by SIGTERM or SIGINT. The finder is loaded while the first requests
/// are already answered: `/readyz` and searches say 503 until it is there. `announce` is called once a stop
/// would be a graceful one.
///
/// # Errors
/// If the finder cannot be loaded, or serving fails.
pub async fn serve(server: Server, announce: impl FnOnce()) -> Result<()> {
    let Server { listener, metrics, context } = server;
    let (app, edge) = (context.app.clone(), context.edge.clone());
    let patience = edge.config().request_timeout;
    let signals = Signals::new()?;
    announce();
    let metrics = metrics.map(|listener| serve_metrics(listener, edge.clone(), app.clone())).transpose()?;
    let factory = move || service(&context);
    let running = HttpServer::new(factory)
        .workers(std::thread::available_parallelism().map_or(2, usize::from))
        .client_request_timeout(HEAD_TIMEOUT)
        .max_connections(CONNECTIONS)
        // A request that runs may take its time; whoever does not take an answer is not waited for any longer.
        .shutdown_timeout(edge.config().request_timeout.as_secs())
        .disable_signals()
        .listen(listener)
        .map_err(|error| Error::internal("starting to serve", error))?
        .run();
    actix_web::rt::spawn(signals.stop(edge.clone(), running.handle()));
    let watching = metrics.map(|metrics| {
        let handle = metrics.handle();
        actix_web::rt::spawn(metrics);
        handle
    });
    let stopped = Arc::new(AtomicBool::new(false));
    let keeper = in_background(&app, &stopped, keep_in_step);
    let housekeeper = in_background(&app, &stopped, move |app, until| keep_house(app, &edge, until));
    let clock = in_background(&app, &stopped, keep_time);
    let until = stopped.clone();
    // Not in the pool of blocking threads, which is waited for without end.
    let postman = std::thread::spawn(move || carry_mail(&app, &until));
    let stop = running.handle();
    let watched = actix_web::rt::spawn(async move {
        let ended =
            keeper.await.unwrap_or_else(|stopped| Err(Error::internal("loading the finder", stopped)));
        if ended.is_err() {
            stop.stop(false).await;
        }
        ended
    });
    running.await.map_err(|error| Error::internal("serving", error))?;
    if let Some(watching) = watching {
        watching.stop(false).await;
    }
    stopped.store(true, Ordering::Release);
    housekeeper.await.map_err(|stopped| Error::internal("keeping house", stopped))?;
    clock.await.map_err(|stopped| Error::internal("keeping time", stopped))?;
    // A message that is being sent is waited for, so that it is noted whether it was taken; but not for ever.
    let patience = Instant::now() + patience;
    while !postman.is_finished() && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    if !postman.is_finished() {
        tracing::warn!("the mail server takes its time; its message may go again later");
    }
    watched.await.unwrap_or_else(|stopped| Err(Error::internal("loading the finder", stopped)))
}

/// Work on a thread of its own until serving has stopped.
fn in_background<T: Send + 'static>(
    app: &App,
    stopped: &Arc<AtomicBool>,
    work: impl FnOnce(&App, &AtomicBool) -> T + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    let (app, stopped) = (app.clone(), stopped.clone());
    tokio::task::spawn_blocking(move || work(&app, &stopped))
}

/// The signals that ask for a stop. SIGTERM comes from what runs the server: it is given the time to see on
/// `/readyz` that requests are to go elsewhere. SIGINT comes from a person, who need not wait for that.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let failed = |error| Error::internal("waiting for signals", error);
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
        })
    }

    /// Waits for one, then stops the server: first `/readyz` says no, then connections are refused and what runs is
    /// waited for. A second signal cuts the first part short.
    async fn stop(mut self, edge: Edge, server: ServerHandle) {
        let drain = tokio::select! {
            _ = self.terminate.recv() => edge.config().drain,
            _ = self.interrupt.recv() => Duration::ZERO,
        };
        edge.stop();
        tracing::info!(drain_seconds = drain.as_secs(), "asked to stop");
        tokio::select! {
            () = tokio::time::sleep(drain) => {}
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
        server.stop(true).await;
    }
}

/// Loads the finder, then follows the change feed until serving has stopped. It does nothing else: what it waits
/// for, searches wait for.
fn keep_in_step(app: &App, stopped: &AtomicBool) -> Result<()> {
    let started = Instant::now();
    let count = app.load()?;
    tracing::info!(offerings = count, elapsed_ms = started.elapsed().as_millis(), "the finder is loaded");
    let mut waker = Waker::new();
    while !stopped.load(Ordering::Acquire) {
        waker.turn(app);
    }
    Ok(())
}

/// Seals the audit, forgets and deletes what is old until serving has stopped.
fn keep_house(app: &App, edge: &Edge, stopped: &AtomicBool) {
    let (mut sealed, mut forgotten, mut purged) = (Instant::now(), Instant::now(), Instant::now());
    while !stopped.load(Ordering::Acquire) {
        std::thread::sleep(POLL_EVERY);
        if sealed.elapsed() > SEAL_EVERY {
            sealed = Instant::now();
            seal_audit(app);
        }
        if forgotten.elapsed() > FORGET_EVERY {
            forgotten = Instant::now();
            edge.purge();
        }
        if purged.elapsed() > PURGE_EVERY {
            purged = Instant::now();
            if let Err(error) = app.store.purge() {
                tracing::error!(%error, "could not delete old rows");
            }
        }
    }
    seal_audit(app);
}

/// Does what is due in crises and referrals until serving has stopped. Whatever is not done now is still due at the next turn, here
/// or on another node.
fn keep_time(app: &App, stopped: &AtomicBool) {
    let mut turned = Instant::now();
    while !stopped.load(Ordering::Acquire) {
        std::thread::sleep(POLL_EVERY);
        if turned.elapsed() > TURN_EVERY {
            turned = Instant::now();
            if let Err(error) = app.turn_clock() {
                tracing::error!(%error, "could not do what is due; trying again");
            }
        }
    }
}

/// Makes reminders and sends messages until serving has stopped. A mail server may take its time, and nothing else
/// waits for it.
fn carry_mail(app: &App, stopped: &AtomicBool) {
    if !app.sends_mail() {
        return;
    }
    let (mut looked, mut sent) = (None::<Instant>, None::<Instant>);
    let is_over = |since: Option<Instant>, pause: Duration| since.is_none_or(|since| since.elapsed() > pause);
    while !stopped.load(Ordering::Acquire) {
        if is_over(looked, REMIND_EVERY) {
            looked = Some(Instant::now());
            if let Err(error) = app.queue_mail() {
                tracing::error!(%error, "could not look who is to be reminded; trying again");
            }
        }
        if is_over(sent, SEND_EVERY) {
            match app.send_next_mail() {
                Ok(Some(_)) => continue,
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "could not send messages; trying again"),
            }
            sent = Some(Instant::now());
        }
        std::thread::sleep(POLL_EVERY);
    }
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
        .app_data(web::Data::new(context.edge.clone()))
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
        .configure(pages::configure)
        .default_service(web::to(fallback::answer))
        // The last is the first that a request meets.
        .wrap(from_fn(guard_caller))
        .wrap(from_fn(authenticate))
        .wrap(from_fn(guard))
        .wrap(cors(context.edge.config()))
        .wrap(from_fn(identify))
}
