//! One connection type over both databases, and how one is opened.

use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::pg::PgConnection;
use diesel::r2d2::ManageConnection;
use diesel::sqlite::SqliteConnection;
use diesel::{Connection as _, MultiConnection};

use crate::config::DatabaseUrl;
use crate::error::{Error, Result};

/// A connection to either database. Queries are written once, against this.
#[derive(MultiConnection)]
pub enum DbConnection {
    /// SQLite, one file.
    Sqlite(SqliteConnection),
    /// PostgreSQL.
    Postgres(PgConnection),
}

/// Runs the same body on the concrete connection of either arm: for the few statements, such as batch
/// inserts and upserts, that do not exist on [`Connection`] itself.
macro_rules! on_either {
    ($connection:expr, $concrete:ident => $body:expr) => {
        match $connection {
            $crate::store::DbConnection::Sqlite($concrete) => $body,
            $crate::store::DbConnection::Postgres($concrete) => $body,
        }
    };
}
pub(crate) use on_either;

/// Those rows of a query whose column is one of these texts. SQLite plans a list anew each time; of a single value, which
/// is most often asked for, the statement is kept.
macro_rules! among {
    ($query:expr, $column:expr, $texts:expr) => {{
        let query = $query.into_boxed();
        match $texts {
            [only] => query.filter($column.eq(only.clone())),
            several => query.filter($column.eq_any(several.to_vec())),
        }
    }};
}
pub(crate) use among;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Reading only: on SQLite the connection refuses to write.
    Read,
    /// Reading and writing.
    Write,
}

/// Opens connections for a pool.
#[derive(Clone, Debug)]
pub(super) struct Manager {
    pub(super) url: DatabaseUrl,
    pub(super) purpose: Purpose,
}

/// Writers wait this long for each other before SQLite says that it is busy.
const SQLITE_BUSY_TIMEOUT_MS: u32 = 5_000;

impl Manager {
    /// Opens one connection, set up for its purpose.
    pub(super) fn open(&self) -> Result<DbConnection> {
        let failed = |source: diesel::ConnectionError| {
            Error::internal(format!("opening the database {}", self.url), source)
        };
        match &self.url {
            DatabaseUrl::Sqlite(path) => {
                let mut connection = SqliteConnection::establish(path).map_err(failed)?;
                let query_only = match self.purpose {
                    Purpose::Read => "PRAGMA query_only = ON;",
                    Purpose::Write => "",
                };
                // The busy timeout comes first: switching to WAL itself may have to wait.
                // What is deleted is overwritten: a destroyed key must not stay in a free page.
                // Recursive triggers keep INSERT OR REPLACE from slipping past append-only triggers.
                let pragmas = format!(
                    "PRAGMA busy_timeout = {SQLITE_BUSY_TIMEOUT_MS};
                     PRAGMA journal_mode = WAL;
                     PRAGMA synchronous = FULL;
                     PRAGMA foreign_keys = ON;
                     PRAGMA recursive_triggers = ON;
                     PRAGMA secure_delete = ON;
                     {query_only}"
                );
                set_up(&mut connection, &pragmas).map_err(|source| {
                    Error::internal(format!("setting up the database {}", self.url), source)
                })?;
                Ok(DbConnection::Sqlite(connection))
            }
            DatabaseUrl::Postgres(url) => {
                let mut connection = PgConnection::establish(url).map_err(|source| {
                    let reason = without_secrets(&self.url, &source.to_string());
                    Error::internal(format!("opening the database {}", self.url), reason)
                })?;
                connection.batch_execute("SET timezone = 'UTC'")?;
                Ok(DbConnection::Postgres(connection))
            }
        }
    }
}

/// Runs `pragmas`, again while another process switches a new file to WAL: SQLite does not wait for that one.
fn set_up(connection: &mut SqliteConnection, pragmas: &str) -> diesel::QueryResult<()> {
    const PAUSE: Duration = Duration::from_millis(50);
    let attempts = u128::from(SQLITE_BUSY_TIMEOUT_MS) / PAUSE.as_millis();
    for _ in 1..attempts {
        match connection.batch_execute(pragmas) {
            Err(diesel::result::Error::DatabaseError(_, information))
                if information.message().contains("database is locked") =>
            {
                std::thread::sleep(PAUSE);
            }
            done => return done,
        }
    }
    connection.batch_execute(pragmas)
}

/// What the PostgreSQL client says of a connection that it cannot open, unless it may quote a password: it
/// repeats the parts of a URL that it cannot read, and takes a sign in a password that should have been
/// percent-encoded for the end of it.
fn without_secrets(url: &DatabaseUrl, message: &str) -> String {
    let shown = url.to_string();
    let mut quoted = message.split('"').skip(1).step_by(2);
    let is_harmless = if message.starts_with("connection to server on socket") {
        true
    } else if message.starts_with("connection to server") {
        // From here on it is the server that speaks.
        quoted.next().is_none_or(|host| shown.contains(host))
    } else {
        quoted.all(|part| shown.contains(part))
    };
    if is_harmless {
        message.to_owned()
    } else {
        "the URL cannot be read; percent-encode what is neither a letter nor a digit in user and password"
            .to_owned()
    }
}

impl ManageConnection for Manager {
    type Connection = DbConnection;
    type Error = Error;

    fn connect(&self) -> Result<DbConnection> {
        let mut connection = self.open()?;
        if let (DbConnection::Sqlite(sqlite), Purpose::Write) = (&mut connection, self.purpose) {
            // Who waits for the lock looks for it themselves: `begin_immediate`.
            sqlite.batch_execute("PRAGMA busy_timeout = 0")?;
        }
        Ok(connection)
    }

    fn is_valid(&self, connection: &mut DbConnection) -> Result<()> {
        Ok(connection.batch_execute("SELECT 1")?)
    }

    fn has_broken(&self, connection: &mut DbConnection) -> bool {
        std::thread::panicking()
            || <DbConnection as diesel::Connection>::TransactionManager::is_broken_transaction_manager(
                connection,
            )
    }
}

/// Runs `body` in one transaction: on SQLite one that takes the write lock at once, because a transaction
/// that reads first and writes later cannot wait for another writer. Commits when it succeeds.
pub(super) fn in_transaction<T>(
    connection: &mut DbConnection,
    body: impl FnOnce(&mut DbConnection) -> Result<T>,
) -> Result<T> {
    type Manager = <DbConnection as diesel::Connection>::TransactionManager;
    match connection {
        DbConnection::Sqlite(sqlite) => {
            begin_immediate(sqlite)?;
        }
        DbConnection::Postgres(_) => Manager::begin_transaction(connection)?,
    }
    match body(connection) {
        Ok(value) => {
            Manager::commit_transaction(connection)?;
            Ok(value)
        }
        Err(error) => {
            // The first error is the one worth telling; a broken connection is dropped by the pool.
            let _ = Manager::rollback_transaction(connection);
            Err(error)
        }
    }
}

/// Runs `body` within a transaction so that it alone is undone when it fails.
pub(super) fn in_savepoint<T>(
    connection: &mut DbConnection,
    body: impl FnOnce(&mut DbConnection) -> Result<T>,
) -> Result<T> {
    type Manager = <DbConnection as diesel::Connection>::TransactionManager;
    Manager::begin_transaction(connection)?;
    match body(connection) {
        Ok(value) => {
            Manager::commit_transaction(connection)?;
            Ok(value)
        }
        Err(error) => {
            Manager::rollback_transaction(connection)?;
            Err(error)
        }
    }
}

/// Takes SQLite's only write lock. SQLite itself would look for it more and more rarely, at last every tenth of a
/// second, and miss the pauses that long work makes for others.
fn begin_immediate(sqlite: &mut SqliteConnection) -> diesel::QueryResult<()> {
    const PAUSE: Duration = Duration::from_millis(1);
    let until = Instant::now() + Duration::from_millis(SQLITE_BUSY_TIMEOUT_MS.into());
    loop {
        match AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE") {
            Err(diesel::result::Error::DatabaseError(_, information))
                if information.message().contains("database is locked") && Instant::now() < until =>
            {
                std::thread::sleep(PAUSE);
            }
            done => return done,
        }
    }
}

/// Runs `body` in one transaction that sees one state of the database and cannot change it.
pub(super) fn in_snapshot<T>(
    connection: &mut DbConnection,
    body: impl FnOnce(&mut DbConnection) -> Result<T>,
) -> Result<T> {
    type Manager = <DbConnection as diesel::Connection>::TransactionManager;
    Manager::begin_transaction(connection)?;
    let prepared = match connection {
        // SQLite's readers refuse to write anyway.
        DbConnection::Sqlite(_) => Ok(()),
        DbConnection::Postgres(postgres) => {
            postgres.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        }
    };
    let result = prepared.map_err(Error::from).and_then(|()| body(connection));
    // There is nothing to keep; a broken connection is dropped by the pool.
    let _ = Manager::rollback_transaction(connection);
    result
}
