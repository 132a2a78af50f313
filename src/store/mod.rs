//! The database: SQLite by default, PostgreSQL by URL.
//!
//! [`Store::read`] and [`Store::write`] run a closure on a connection in the blocking pool. A semaphore
//! stands in front: requests beyond it wait in order, and when too many wait or one waits too long the
//! answer is [`Error::Overloaded`]. `write` runs its closure in one transaction and runs it again when the
//! database was busy, so the closure must have no effect outside the transaction. What changed is told to
//! the [`Listener`] after the commit and before `write` returns.

mod bell;
mod changes;
mod connection;
mod feed;
mod idempotency;
mod migrations;
mod pace;
pub(crate) mod schema;
mod secrets;
mod tenancy;
mod time;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use diesel::r2d2::Pool;
use jiff::Timestamp;
use tokio::sync::Semaphore;

pub use bell::Bell;
pub use changes::{Change, Noun, Recorded};
pub use connection::DbConnection;
pub(crate) use connection::{among, on_either};
pub use feed::{FEED_KEPT_FOR, Following, InvalidPosition, Position};
pub use idempotency::{Key, Replay};
pub use pace::in_turns;
pub use tenancy::{Tenancy, Tenant};
pub use time::{date_from_sql, date_to_sql, from_sql, to_sql};

use crate::config::DatabaseUrl;
use crate::error::{Error, Result};
use crate::types::Clock;
use connection::{Manager, Purpose, in_savepoint, in_snapshot, in_transaction};

/// Sizes of the store.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// Connections for reading; on PostgreSQL for everything.
    pub connections: u32,
    /// Requests that may wait for a connection.
    pub queue: usize,
    /// How long one may wait.
    pub patience: Duration,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { connections: 8, queue: 512, patience: Duration::from_secs(5) }
    }
}

/// Who is told of changes, after they are committed and before the writer gets its answer.
pub trait Listener: Send + Sync {
    /// `changes` have been committed by this process.
    fn committed(&self, changes: &[Recorded]);
}

/// The database and the way to it. Cloning shares it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    url: DatabaseUrl,
    readers: Lane,
    /// SQLite has one writer; PostgreSQL shares the lane of the readers.
    writer: Option<Lane>,
    clock: Clock,
    /// Weak, because the listener has the store.
    listener: OnceLock<Weak<dyn Listener>>,
}

struct Lane {
    pool: Pool<Manager>,
    permits: Arc<Semaphore>,
    /// One for each request that waits or is at work.
    places: Arc<Semaphore>,
    most_places: usize,
    patience: Duration,
    shed: AtomicU64,
}

/// How busy a lane to the database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneLoad {
    /// Its name: `read` or `write`; `all` where they share one.
    pub name: &'static str,
    /// Open connections.
    pub connections: usize,
    /// Those that are in use.
    pub in_use: usize,
    /// Requests that wait.
    pub waiting: usize,
    /// Requests that waited in vain or found the queue full, since the start.
    pub shed: u64,
}

/// One transaction of a writer.
pub struct Tx<'a> {
    /// The connection, inside the transaction.
    pub connection: &'a mut DbConnection,
    /// The time at which the transaction began.
    pub now: Timestamp,
    changes: Vec<Recorded>,
}

impl Tx<'_> {
    /// Writes `change` into the change feed.
    ///
    /// # Errors
    /// If the database fails.
    pub fn changed(&mut self, change: Change) -> Result<()> {
        self.changes.push(changes::record(self.connection, change, self.now)?);
        Ok(())
    }

    /// Does what the rest of the transaction does not hang on: if it fails, it alone is undone.
    ///
    /// # Errors
    /// What `body` fails with.
    pub fn aside<T>(&mut self, body: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        let now = self.now;
        let (value, changes) = in_savepoint(self.connection, |connection| {
            let mut tx = Tx { connection, now, changes: Vec::new() };
            let value = body(&mut tx)?;
            Ok((value, tx.changes))
        })?;
        self.changes.extend(changes);
        Ok(value)
    }

    /// From now on the transaction works for `tenancy`: for one who was let in by what the one before could see.
    ///
    /// # Errors
    /// If the database fails.
    pub fn on_behalf(&mut self, tenancy: &Tenancy) -> Result<()> {
        tenancy.enter(self.connection)
    }
}

/// A write that met a busy database is done again this often.
const ATTEMPTS: u32 = 8;

impl Store {
    /// Opens the database at `url`, whose schema must be current.
    ///
    /// # Errors
    /// If it cannot be reached, or its schema is older (says how to migrate) or newer than this program.
    pub fn open(url: &DatabaseUrl, options: StoreOptions, clock: Clock) -> Result<Self> {
        if let DatabaseUrl::Sqlite(path) = url
            && !std::path::Path::new(path).exists()
        {
            // Opening it would leave an empty file at a mistyped path.
            return Err(Error::Setup(format!(
                "there is no database {url}; run `causeway migrate` to make it"
            )));
        }
        // One plain connection first: its error says more than a pool's time-out.
        let mut first = Manager { url: url.clone(), purpose: Purpose::Write }.open()?;
        match migrations::state(&mut first)? {
            migrations::SchemaState::Current => {}
            migrations::SchemaState::Old => {
                return Err(Error::Setup(format!(
                    "the schema of {url} is older than this version of causeway; run `causeway migrate` \
                     (with CAUSEWAY_MIGRATION_URL as the owner of the tables on PostgreSQL)"
                )));
            }
        }
        drop(first);
        let lane = |purpose, connections| Lane::new(url, purpose, connections, options);
        let (readers, writer) = match url {
            DatabaseUrl::Sqlite(_) => {
                (lane(Purpose::Read, options.connections)?, Some(lane(Purpose::Write, 1)?))
            }
            DatabaseUrl::Postgres(_) => (lane(Purpose::Write, options.connections)?, None),
        };
        Ok(Self {
            inner: Arc::new(Inner { url: url.clone(), readers, writer, clock, listener: OnceLock::new() }),
        })
    }

    /// Brings the schema at `url` up to date under a lock; `grant_to` names the PostgreSQL role that is to use
    /// the tables. Says how many migrations it took.
    ///
    /// # Errors
    /// If the database cannot be reached or changed.
    pub fn migrate(url: &DatabaseUrl, grant_to: Option<&str>) -> Result<usize> {
        migrations::migrate(url, grant_to)
    }

    /// Leaves no copy of deleted rows in the files of the database: SQLite's log is written back and cut, PostgreSQL's
    /// tables of keys are written anew, which only their `owner` may. Says whether it could.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub fn scrub(url: &DatabaseUrl, owner: Option<&DatabaseUrl>) -> Result<bool> {
        use diesel::connection::SimpleConnection;
        let open = |url: &DatabaseUrl| Manager { url: url.clone(), purpose: Purpose::Write }.open();
        match (url, owner) {
            (DatabaseUrl::Sqlite(_), _) => open(url)?.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")?,
            (DatabaseUrl::Postgres(_), Some(owner)) => {
                let mut owner = open(owner)?;
                // One at a time: together they would be a transaction, in which nothing is written anew.
                owner.batch_execute("VACUUM FULL student_keys")?;
                owner.batch_execute("VACUUM FULL student_identifiers")?;
            }
            (DatabaseUrl::Postgres(_), None) => return Ok(false),
        }
        Ok(true)
    }

    /// The clock that transactions go by.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Names the one that is told of changes as long as it lives; the first call counts.
    pub fn listen<L: Listener + 'static>(&self, listener: &Arc<L>) {
        let listener: Weak<L> = Arc::downgrade(listener);
        let _ = self.inner.listener.set(listener);
    }

    /// Reads.
    ///
    /// # Errors
    /// [`Error::Overloaded`], or what `body` fails with.
    pub async fn read<T: Send + 'static>(
        &self,
        body: impl FnOnce(&mut DbConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.inner.readers.admit().await?;
        let store = self.clone();
        blocking(move || {
            let _permit = permit;
            store.read_now(body)
        })
        .await
    }

    /// Writes in one transaction, and tells the listener.
    ///
    /// # Errors
    /// [`Error::Overloaded`], or what `body` fails with; then nothing was written.
    pub async fn write<T: Send + 'static>(
        &self,
        body: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.inner.writing().admit().await?;
        let store = self.clone();
        blocking(move || {
            let _permit = permit;
            store.write_now(body)
        })
        .await
    }

    /// Writes in one transaction that works for `tenancy`: the only way to the rows of students. Reading
    /// them is writing too, for it goes on the record.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_for<T: Send + 'static>(
        &self,
        tenancy: Tenancy,
        body: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.write(move |tx| {
            tenancy.enter(tx.connection)?;
            body(tx)
        })
        .await
    }

    /// [`Store::write_for`] for a thread that may block.
    ///
    /// # Errors
    /// What `body` fails with; then nothing was written.
    pub fn write_for_now<T>(&self, tenancy: &Tenancy, body: impl Fn(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        self.write_now(|tx| {
            tenancy.enter(tx.connection)?;
            body(tx)
        })
    }

    /// Reads for `tenancy` and writes nothing, not even that it read: for the keeper, who opens no identity.
    ///
    /// # Errors
    /// What `body` fails with.
    pub fn read_for_now<T>(
        &self,
        tenancy: &Tenancy,
        body: impl FnOnce(&mut DbConnection) -> Result<T>,
    ) -> Result<T> {
        self.read_now(|connection| {
            in_snapshot(connection, |connection| {
                tenancy.enter(connection)?;
                body(connection)
            })
        })
    }

    /// [`Store::read`] for a thread that may block.
    ///
    /// # Errors
    /// What `body` fails with.
    pub fn read_now<T>(&self, body: impl FnOnce(&mut DbConnection) -> Result<T>) -> Result<T> {
        body(&mut *self.inner.readers.connection()?)
    }

    /// [`Store::write`] for a thread that may block.
    ///
    /// # Errors
    /// What `body` fails with; then nothing was written.
    pub fn write_now<T>(&self, body: impl Fn(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        let mut attempt = 1;
        let started = Instant::now();
        loop {
            let mut connection = self.inner.writing().connection()?;
            let result = in_transaction(&mut connection, |connection| {
                let mut tx = Tx { connection, now: self.inner.clock.now(), changes: Vec::new() };
                let value = body(&mut tx)?;
                Ok((value, tx.changes))
            });
            drop(connection);
            match result {
                Ok((value, changes)) => {
                    if !changes.is_empty()
                        && let Some(listener) = self.inner.listener.get().and_then(Weak::upgrade)
                    {
                        listener.committed(&changes);
                    }
                    return Ok(value);
                }
                Err(error)
                    if error.is_transient()
                        && attempt < ATTEMPTS
                        && started.elapsed() < self.inner.writing().patience =>
                {
                    std::thread::sleep(Duration::from_millis(1 << attempt));
                    attempt += 1;
                }
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, "gave up on a busy database");
                    return Err(Error::Overloaded);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// How busy the lanes to the database are.
    pub fn load(&self) -> Vec<LaneLoad> {
        match &self.inner.writer {
            Some(writer) => vec![self.inner.readers.load("read"), writer.load("write")],
            None => vec![self.inner.readers.load("all")],
        }
    }

    /// The number of the newest change in the feed.
    ///
    /// # Errors
    /// If the database fails.
    pub fn feed_newest(&self) -> Result<i64> {
        self.read_now(feed::newest)
    }

    /// Where in the change feed a reader starts that loads the state after this.
    ///
    /// # Errors
    /// If the database fails.
    pub fn feed_start(&self) -> Result<Position> {
        self.read_now(feed::start)
    }

    /// Up to `limit` changes since `position`, which moves on behind them, and those that came late.
    ///
    /// # Errors
    /// If the database fails.
    pub fn feed_since(&self, position: &mut Position, limit: i64) -> Result<Following> {
        let now = self.inner.clock.now();
        self.read_now(|connection| feed::since(connection, position, limit, now))
    }

    /// [`Store::feed_start`] as one of the requests that read.
    ///
    /// # Errors
    /// [`Error::Overloaded`], or if the database fails.
    pub async fn feed_now(&self) -> Result<Position> {
        self.read(feed::start).await
    }

    /// [`Store::feed_since`] as one of the requests that read; gives the place behind what it found.
    ///
    /// # Errors
    /// As [`Store::feed_now`].
    pub async fn feed_page(&self, mut position: Position, limit: i64) -> Result<(Following, Position)> {
        let now = self.inner.clock.now();
        self.read(move |connection| {
            let following = feed::since(connection, &mut position, limit, now)?;
            Ok((following, position))
        })
        .await
    }

    /// The bell by which the processes that share the database wake each other; SQLite has none.
    ///
    /// # Errors
    /// If the database cannot be reached.
    pub fn bell(&self) -> Result<Option<Bell>> {
        match &self.inner.url {
            DatabaseUrl::Sqlite(_) => Ok(None),
            DatabaseUrl::Postgres(_) => Bell::open(&self.inner.url).map(Some),
        }
    }

    /// The key of this name, made of random bytes when it is asked for the first time.
    ///
    /// # Errors
    /// If the database or the system's source of randomness fails.
    pub fn secret(&self, name: &'static str) -> Result<[u8; 32]> {
        if let Some(value) = self.known_secret(name)? {
            return Ok(value);
        }
        self.write_now(|tx| {
            let mut value = [0; 32];
            getrandom::fill(&mut value)
                .map_err(|source| Error::internal("making a key", source.to_string()))?;
            // Another process may make it at the same time: then its key is the one.
            secrets::insert(tx, name, &value)?;
            Ok(secrets::find(tx.connection, name)?.unwrap_or(value))
        })
    }

    /// The key of this name, if it was made.
    ///
    /// # Errors
    /// If the database fails.
    pub fn known_secret(&self, name: &'static str) -> Result<Option<[u8; 32]>> {
        self.read_now(|connection| secrets::find(connection, name))
    }

    /// Deletes the key of this name.
    ///
    /// # Errors
    /// If the database fails.
    pub fn forget_secret(&self, name: &'static str) -> Result<()> {
        self.write_now(|tx| secrets::delete(tx, name))
    }

    /// Deletes old rows of the change feed and old idempotency keys.
    ///
    /// # Errors
    /// If the database fails.
    pub fn purge(&self) -> Result<()> {
        self.write_now(|tx| {
            feed::purge(tx.connection, tx.now)?;
            idempotency::purge(tx.connection, tx.now)
        })
    }
}

impl Inner {
    fn writing(&self) -> &Lane {
        self.writer.as_ref().unwrap_or(&self.readers)
    }
}

impl Lane {
    fn new(url: &DatabaseUrl, purpose: Purpose, connections: u32, options: StoreOptions) -> Result<Self> {
        let pool = Pool::builder()
            .max_size(connections)
            .min_idle(Some(1))
            .connection_timeout(options.patience)
            .test_on_check_out(matches!(url, DatabaseUrl::Postgres(_)))
            .build(Manager { url: url.clone(), purpose })
            .map_err(|source| Error::internal(format!("opening connections to {url}"), source))?;
        let count = usize::try_from(connections).unwrap_or(1);
        Ok(Self {
            pool,
            permits: Arc::new(Semaphore::new(count)),
            places: Arc::new(Semaphore::new(count + options.queue)),
            most_places: count + options.queue,
            patience: options.patience,
            shed: AtomicU64::new(0),
        })
    }

    async fn admit(&self) -> Result<(tokio::sync::OwnedSemaphorePermit, tokio::sync::OwnedSemaphorePermit)> {
        let shed = || {
            self.shed.fetch_add(1, Ordering::Relaxed);
            Error::Overloaded
        };
        let place = self.places.clone().try_acquire_owned().map_err(|_| shed())?;
        match tokio::time::timeout(self.patience, self.permits.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok((place, permit)),
            Ok(Err(_)) | Err(_) => Err(shed()),
        }
    }

    fn load(&self, name: &'static str) -> LaneLoad {
        let state = self.pool.state();
        let connections = state.connections as usize;
        let taken = self.most_places - self.places.available_permits();
        let at_work = (self.pool.max_size() as usize).saturating_sub(self.permits.available_permits());
        LaneLoad {
            name,
            connections,
            in_use: connections.saturating_sub(state.idle_connections as usize),
            waiting: taken.saturating_sub(at_work),
            shed: self.shed.load(Ordering::Relaxed),
        }
    }

    fn connection(&self) -> Result<diesel::r2d2::PooledConnection<Manager>> {
        self.pool.get().map_err(|error| {
            tracing::error!(%error, "no connection to the database");
            Error::Unavailable
        })
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|stopped| Err(Error::internal("running a query", stopped)))
}
