//! One connection type over both databases, and how one is opened.

use std::fmt;
use std::str::FromStr;

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::pg::PgConnection;
use diesel::r2d2::ManageConnection;
use diesel::sqlite::SqliteConnection;
use diesel::{Connection as _, MultiConnection};

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

/// Where the data is: `sqlite://PATH` or `postgres://…`.
///
/// Diesel's own way tries one database after the other, so that a PostgreSQL that is down reads as a bad
/// URL and a mistyped one becomes a file; here the scheme decides.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// The path of a SQLite file.
    Sqlite(String),
    /// A PostgreSQL URL.
    Postgres(String),
}

impl FromStr for DatabaseUrl {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self> {
        match url.split_once("://") {
            Some(("sqlite", path)) if !path.is_empty() && !path.starts_with(":memory:") => {
                Ok(Self::Sqlite(path.to_owned()))
            }
            Some(("postgres" | "postgresql", rest)) if !rest.is_empty() => Ok(Self::Postgres(url.to_owned())),
            // The text itself is not repeated: it may hold a password.
            _ => Err(Error::Setup(
                "the database URL must be sqlite://PATH or postgres://USER@HOST/DATABASE; set CAUSEWAY_DATABASE_URL"
                    .to_owned(),
            )),
        }
    }
}

impl DatabaseUrl {
    /// The user that a PostgreSQL URL names.
    pub fn user(&self) -> Option<String> {
        let Self::Postgres(url) = self else { return None };
        let (_, rest) = url.split_once("://")?;
        let (credentials, _) = rest.split_once('@')?;
        let user = credentials.split(':').next().filter(|user| !user.is_empty())?;
        percent_encoding::percent_decode_str(user).decode_utf8().ok().map(std::borrow::Cow::into_owned)
    }
}

impl fmt::Display for DatabaseUrl {
    /// Without user and password: this may be logged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{path}"),
            Self::Postgres(url) => {
                let rest = url.split_once("://").map_or("", |(_, rest)| rest);
                let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
                write!(f, "postgres://{}", place.split('?').next().unwrap_or(place))
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

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
                // Recursive triggers keep INSERT OR REPLACE from slipping past append-only triggers.
                connection
                    .batch_execute(&format!(
                        "PRAGMA busy_timeout = {SQLITE_BUSY_TIMEOUT_MS};
                         PRAGMA journal_mode = WAL;
                         PRAGMA synchronous = FULL;
                         PRAGMA foreign_keys = ON;
                         PRAGMA recursive_triggers = ON;
                         {query_only}"
                    ))
                    .map_err(|source| {
                        Error::internal(format!("setting up the database {}", self.url), source)
                    })?;
                Ok(DbConnection::Sqlite(connection))
            }
            DatabaseUrl::Postgres(url) => {
                let mut connection = PgConnection::establish(url).map_err(failed)?;
                connection.batch_execute("SET timezone = 'UTC'")?;
                Ok(DbConnection::Postgres(connection))
            }
        }
    }
}

impl ManageConnection for Manager {
    type Connection = DbConnection;
    type Error = Error;

    fn connect(&self) -> Result<DbConnection> {
        self.open()
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
            AnsiTransactionManager::begin_transaction_sql(sqlite, "BEGIN IMMEDIATE")?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_by_its_scheme_and_never_becomes_a_file() {
        assert_eq!(
            "sqlite://a/b.db".parse::<DatabaseUrl>().unwrap(),
            DatabaseUrl::Sqlite("a/b.db".to_owned())
        );
        assert!("postgres://u@h/d".parse::<DatabaseUrl>().is_ok());
        for wrong in
            ["", "host=localhost dbname=x", "causeway.db", "mysql://x", "sqlite://", "sqlite://:memory:"]
        {
            assert!(matches!(wrong.parse::<DatabaseUrl>(), Err(Error::Setup(_))), "{wrong:?}");
        }
    }

    #[test]
    fn a_shown_url_has_no_password() {
        let url: DatabaseUrl =
            "postgres://user:secret@db.example:5432/causeway?sslmode=require".parse().unwrap();
        assert_eq!(url.to_string(), "postgres://db.example:5432/causeway");
    }
}
