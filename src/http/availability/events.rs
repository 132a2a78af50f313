//! `GET /v1/availability/events`: what is known of pools as it changes, as server-sent events.
//!
//! A stream reads the change feed a page at a time, and the next page only once the socket took the last one: a client
//! that is slow to take them holds no memory. What changed twice in between is told once, as it then stands.

use std::collections::HashSet;
use std::fmt::Write;
use std::time::Duration;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, get, web};
use futures_util::stream::unfold;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use utoipa_actix_web::service_config::ServiceConfig;

use super::Availability;
use crate::app::App;
use crate::availability::{Known, Watched, known_of};
use crate::config::Lasting;
use crate::error::{Error, FieldError, Result};
use crate::http::Context;
use crate::http::caller::{Caller, DirectoryRead, LastingCaller};
use crate::http::edge::Open;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::query::{FromParams, Params, Query};
use crate::store::{Following, Noun, Position, Recorded};
use crate::types::{CapacityPoolId, OrganizationId};

/// The header in which a client says how far it has come.
const LAST_EVENT_ID: &str = "Last-Event-ID";
/// What signed places in the feed are tied to.
const SIGNED_FOR: &str = "availability events";
/// Changes that are read at once.
const PAGE: i64 = 100;
/// So many changes in a row are told together.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// How long a stream waits before it asks a busy database again.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a client is to wait before it comes again after an end, in milliseconds.
const RETRY: u32 = 3_000;

struct EventParams {
    last_event_id: Option<String>,
    watched: Watched,
}

impl FromParams for EventParams {
    fn from_params(params: &mut Params) -> Self {
        let last_event_id = params.one("last_event_id");
        let organization = params.one::<OrganizationId>("organization_id");
        let pools = params.list::<CapacityPoolId>("capacity_pool_id");
        Self { last_event_id, watched: Watched { organization, pools } }
    }
}

/// Follows what is known of capacity pools, as it changes (server-sent events).
///
/// An event `availability` holds what `GET /v1/capacity-pools/{id}/availability` shows; what changes several times in a
/// row may be told once. That a claim lapses is no change: `valid_until` says when. Every event has an `id`; who comes
/// again with the last one as `Last-Event-ID` misses nothing and may be told something twice. Without it a stream
/// begins now.
///
/// An event `reset` says that the place is gone, since it is more than a week old or the database was restored: read
/// the lists anew, then go on from its `id`. A comment comes every 15 seconds. A stream ends after an hour, and when the
/// server stops; clients come again by themselves.
#[utoipa::path(
    tag = "availability", operation_id = "follow_availability", security(("oauth" = ["directory:read"])),
    params(
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event that came"),
        ("last_event_id" = Option<String>, Query, description = "The same, where a header cannot be sent; the header stands before it"),
        ("organization_id" = Option<uuid::Uuid>, Query, description = "Only pools of this organization and of those merged with it"),
        ("capacity_pool_id" = Option<Vec<uuid::Uuid>>, Query, description = "Only these pools"),
    ),
    responses(
        (
            status = 200, description = "Events, as they come", body = String, content_type = "text/event-stream",
            example = "event: availability\nid: cXVvdGVkLXBsYWNl\ndata: {\"capacity_pool_id\":\"0192d7a0-0000-7000-8000-000000000001\",\"status\":\"capacity\",\"open_slots\":2,\"effective_open_slots\":1}\n\n"
        ),
        (status = 400, description = "`invalid-request`"),
        (status = 429, description = "`rate-limited`"),
        (status = 503, description = "`stopping`"),
    )
)]
#[get("/availability/events")]
async fn follow_availability(
    caller: Caller<DirectoryRead>,
    context: web::Data<Context>,
    request: HttpRequest,
    params: Query<EventParams>,
) -> Result<HttpResponse, Problem> {
    let EventParams { last_event_id, watched } = params.0;
    let given = came_to(&context, &request, last_event_id)?;
    let open = context.edge.open(caller.id)?;
    // Subscribed before the place is read: what is told in between is read then or now.
    let news = context.app.news();
    let lasting = Caller::<DirectoryRead>::lasting(&request, &context.app.access)?;
    let start = end_of_feed(&context.app).await?;
    let events = Events::new(&context, lasting, watched, (open, news), given, start);
    let events = unfold(events, async |mut events| Some((Ok::<_, Error>(events.next().await?), events)));
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-store"))
        // A proxy is to hand each event on as it comes.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(events))
}

/// The end of the feed as it is now. This process stands a little before it and knows what is missing, so that not the
/// whole feed need be looked at.
async fn end_of_feed(app: &App) -> Result<Position> {
    if !app.is_ready() {
        return app.store.feed_now().await;
    }
    let mut position = app.position();
    loop {
        let (following, behind) = app.store.feed_page(position, PAGE).await?;
        position = behind;
        match following {
            Following::Changes(changes) if i64::try_from(changes.len()).is_ok_and(|count| count >= PAGE) => {}
            Following::Changes(_) => return Ok(position),
            Following::Overtaken => return app.store.feed_now().await,
        }
    }
}

/// How far the client has come, if it says so.
fn came_to(
    context: &Context,
    request: &HttpRequest,
    parameter: Option<String>,
) -> Result<Option<Position>, Problem> {
    let wrong = "is no id of an event; repeat the last one as it came, or leave it out to begin now";
    let header = request.headers().get(LAST_EVENT_ID).map(|id| id.to_str().unwrap_or_default().to_owned());
    let (id, wrong) = match (header, parameter) {
        // What a browser sends that has not had an id yet.
        (Some(id), None) if id.is_empty() => return Ok(None),
        (Some(id), _) if !id.is_empty() => (id, FieldError::header(LAST_EVENT_ID, wrong)),
        (_, Some(id)) => (id, FieldError::query("last_event_id", wrong)),
        (_, None) => return Ok(None),
    };
    let text: Option<String> = context.cursors.read(SIGNED_FOR, &id).ok();
    text.and_then(|text| text.parse().ok()).map(Some).ok_or_else(|| wrong.into())
}

/// One stream of events.
struct Events {
    context: Context,
    caller: LastingCaller,
    bounds: Lasting,
    watched: Watched,
    news: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    position: Position,
    /// The last place that could be written down, signed.
    id: String,
    /// Whether the client has been told that place.
    id_is_told: bool,
    state: State,
    until: Instant,
    heartbeat: Instant,
    _open: Open,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing was sent yet.
    New,
    /// The place from which the client wanted to go on is gone.
    Gone,
    /// There may be more in the feed.
    Behind,
    /// Everything was read.
    Even,
    /// Nothing more will be sent.
    Ended,
}

/// What a stream waited for.
enum Woken {
    News,
    Heartbeat,
    End,
}

impl Events {
    fn new(
        context: &Context,
        caller: LastingCaller,
        watched: Watched,
        (open, news): (Open, watch::Receiver<u64>),
        given: Option<Position>,
        start: Position,
    ) -> Self {
        let bounds = context.edge.config().lasting;
        let (state, position) = match given {
            None => (State::New, start),
            // No such place was ever reached: the database is an older one.
            Some(given) if given.highest() > start.highest() => (State::Gone, start),
            Some(given) => (State::Behind, given),
        };
        let now = Instant::now();
        let mut events = Self {
            context: context.clone(),
            caller,
            bounds,
            watched,
            news,
            stopping: context.edge.stopping(),
            position: Position::default(),
            id: String::new(),
            id_is_told: false,
            state,
            until: now + bounds.longest,
            heartbeat: now + bounds.heartbeat,
            _open: open,
        };
        events.reach(position);
        events
    }

    /// Moves on to a place.
    fn reach(&mut self, position: Position) {
        if let Some(text) = position.token() {
            let id = self.context.cursors.write(SIGNED_FOR, &text);
            self.id_is_told &= self.id == id;
            self.id = id;
        }
        self.position = position;
    }

    /// What is to be sent next; none at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            match self.state {
                State::Ended => return None,
                State::New => {
                    self.state = State::Behind;
                    return Some(
                        self.send(&format!(": what is known of capacity, from now on\nretry: {RETRY}\n")),
                    );
                }
                State::Gone => {
                    self.state = State::Behind;
                    let data = r#"{"detail":"what changed since this place is not known any more: read the lists anew, then go on from this id"}"#;
                    return Some(self.send(&format!("event: reset\nretry: {RETRY}\ndata: {data}\n")));
                }
                State::Behind => match self.read().await {
                    Ok(text) if text.is_empty() => {}
                    Ok(text) => return Some(self.sent(text)),
                    // They may read no more; who comes again is told so.
                    Err(Problem {
                        code: ProblemCode::Unauthenticated | ProblemCode::InsufficientScope,
                        ..
                    }) => return Some(self.end()),
                    Err(error) => {
                        tracing::warn!(%error, "a stream of events could not be read on; it tries again");
                        if self.wait(PAUSE).await {
                            return Some(self.end());
                        }
                    }
                },
                State::Even => match self.woken().await {
                    Woken::End => return Some(self.end()),
                    Woken::News => self.state = State::Behind,
                    Woken::Heartbeat => {
                        // The feed is looked at anyway: what was missing may have come.
                        self.state = State::Behind;
                        let text = ": still here\n";
                        return Some(if self.id_is_told {
                            self.sent(format!("{text}\n"))
                        } else {
                            self.send(text)
                        });
                    }
                },
            }
        }
    }

    /// A message, with the id of the place that is reached.
    fn send(&mut self, text: &str) -> Bytes {
        self.id_is_told = true;
        let id = &self.id;
        let text = format!("{text}id: {id}\n\n");
        self.sent(text)
    }

    fn sent(&mut self, text: String) -> Bytes {
        self.heartbeat = Instant::now() + self.bounds.heartbeat;
        text.into()
    }

    fn end(&mut self) -> Bytes {
        self.state = State::Ended;
        self.send(": come again\n")
    }

    /// Whether the end has come before some time is over.
    async fn wait(&mut self, time: Duration) -> bool {
        tokio::select! {
            biased;
            _ = self.stopping.wait_for(|stopping| *stopping) => true,
            () = sleep_until(self.until) => true,
            () = sleep(time) => false,
        }
    }

    async fn woken(&mut self) -> Woken {
        tokio::select! {
            biased;
            _ = self.stopping.wait_for(|stopping| *stopping) => return Woken::End,
            () = sleep_until(self.until) => return Woken::End,
            () = sleep_until(self.heartbeat) => return Woken::Heartbeat,
            told = self.news.changed() => if told.is_err() {
                return Woken::End;
            },
        }
        if self.wait(DEBOUNCE).await {
            return Woken::End;
        }
        self.news.mark_unchanged();
        Woken::News
    }

    /// Reads a page of the feed, and what is known of the pools in it, as events.
    async fn read(&mut self) -> Result<String, Problem> {
        self.caller.still().await?;
        let store = &self.context.app.store;
        let (following, position) = store.feed_page(self.position.clone(), PAGE).await?;
        let changes = match following {
            Following::Changes(changes) => changes,
            Following::Overtaken => {
                let start = store.feed_now().await?;
                self.reach(start);
                self.state = State::Gone;
                return Ok(String::new());
            }
        };
        let more = i64::try_from(changes.len()).is_ok_and(|count| count >= PAGE);
        let pools = pools(&changes);
        let now = self.context.app.now();
        let known = if pools.is_empty() {
            Vec::new()
        } else {
            let watched = self.watched.clone();
            store.read(move |connection| known_of(connection, &pools, &watched, now)).await?
        };
        let before = self.id.clone();
        self.reach(position);
        self.state = if more { State::Behind } else { State::Even };
        let mut text = String::new();
        let last = known.len().saturating_sub(1);
        for (number, Known { pool, claim, evidence }) in known.into_iter().enumerate() {
            // Who loses the connection within a page is told all of it again.
            let id = if number == last { &self.id } else { &before };
            let availability = Availability::of(Some(pool), claim.as_ref(), evidence, now);
            let data = serde_json::to_string(&availability)
                .map_err(|source| Error::internal("writing an event", source))?;
            // Writing to a text does not fail.
            let _ = write!(text, "event: availability\nid: {id}\ndata: {data}\n\n");
        }
        if !text.is_empty() {
            self.id_is_told = true;
        }
        Ok(text)
    }
}

/// The pools that changed, each once, in the order in which they first did.
fn pools(changes: &[Recorded]) -> Vec<CapacityPoolId> {
    let mut seen = HashSet::new();
    let changed = changes.iter().map(|recorded| recorded.change);
    changed
        .filter(|change| change.noun == Noun::CapacityPool && seen.insert(change.subject))
        .map(|change| CapacityPoolId(change.subject))
        .collect()
}

/// Adds this operation.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(follow_availability);
}
