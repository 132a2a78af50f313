//! The one error of everything below `http`: what went wrong, in words that may be shown, and what caused
//! it, which may only be logged.

use std::fmt;

/// Result with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong. `http` gives each its problem type and status; nothing here knows of either.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Values that cannot be accepted, each with its place and what would be right.
    #[error("{}", list(.0))]
    Invalid(Vec<FieldError>),
    /// There is no such thing, or none that the caller may know of.
    #[error("there is no {what} {id}")]
    NotFound {
        /// The noun.
        what: &'static str,
        /// The id or code that was asked for.
        id: String,
    },
    /// It contradicts what is already there.
    #[error("{0}")]
    Conflict(String),
    /// Nobody of the caller's role may do this.
    #[error("{0}")]
    Forbidden(String),
    /// Nothing permits this to be told; each reason with its place in the request.
    #[error("{}", list(.0))]
    Refused(Vec<FieldError>),
    /// It was changed since the caller read it.
    #[error("it has been changed since: the version is now {current}; read it again and repeat the change")]
    Stale {
        /// The version now.
        current: i64,
    },
    /// The same idempotency key came with another request.
    #[error("this Idempotency-Key was used for another request; use a new key for a new request")]
    KeyReused,
    /// The first request with this idempotency key is still running.
    #[error("a request with this Idempotency-Key is still running; repeat it in a moment")]
    KeyInFlight,
    /// Another writer was faster; doing the same work again may succeed.
    #[error("another change to the same thing was faster; repeat this one in a moment")]
    Contended,
    /// More work waits than can be done in time.
    #[error("more requests wait than can be answered in time; repeat this one in a moment")]
    Overloaded,
    /// The database does not answer.
    #[error("the database does not answer; repeat the request in a moment")]
    Unavailable,
    /// A setting, a file or the database's schema is not as it must be; says what to do.
    #[error("{0}")]
    Setup(String),
    /// A fault of ours or of the machine.
    #[error("{context}")]
    Internal {
        /// What was being done.
        context: String,
        /// What failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// One value that cannot be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Where it stands.
    pub at: At,
    /// What is wrong with it and what would be right.
    pub message: String,
}

/// Where a value stands in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// In the body, as a JSON pointer (RFC 6901).
    Body(String),
    /// In the query string, by the parameter's name.
    Query(String),
    /// In a header, by its name.
    Header(&'static str),
}

impl FieldError {
    /// A value in the body at `pointer`.
    pub fn body(pointer: impl Into<String>, message: impl fmt::Display) -> Self {
        Self { at: At::Body(pointer.into()), message: message.to_string() }
    }

    /// A value of the query parameter `name`.
    pub fn query(name: impl Into<String>, message: impl fmt::Display) -> Self {
        Self { at: At::Query(name.into()), message: message.to_string() }
    }

    /// The same of a body that stands inside another, at `pointer`.
    #[must_use]
    pub fn inside(self, pointer: &str) -> Self {
        match self.at {
            At::Body(inner) => Self { at: At::Body(format!("{pointer}{inner}")), ..self },
            At::Query(_) | At::Header(_) => self,
        }
    }

    /// A value of the header `name`.
    pub fn header(name: &'static str, message: impl fmt::Display) -> Self {
        Self { at: At::Header(name), message: message.to_string() }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            At::Body(pointer) if pointer.is_empty() => f.write_str(&self.message),
            At::Body(place) | At::Query(place) => write!(f, "{place}: {}", self.message),
            At::Header(name) => write!(f, "{name}: {}", self.message),
        }
    }
}

fn list(errors: &[FieldError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Error {
    /// A fault met while doing `context`.
    pub fn internal(
        context: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Internal { context: context.into(), source: source.into() }
    }

    /// Whether the same work may succeed when it is simply done again.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Internal { source, .. } => {
                source.downcast_ref::<diesel::result::Error>().is_some_and(is_transient)
            }
            Self::Contended => true,
            Self::Invalid(_)
            | Self::NotFound { .. }
            | Self::Conflict(_)
            | Self::Forbidden(_)
            | Self::Refused(_)
            | Self::Stale { .. }
            | Self::KeyReused
            | Self::KeyInFlight
            | Self::Overloaded
            | Self::Unavailable
            | Self::Setup(_) => false,
        }
    }
}

/// SQLite's busy and locked; PostgreSQL's serialization failure (40001) and deadlock (40P01).
fn is_transient(error: &diesel::result::Error) -> bool {
    use diesel::result::{DatabaseErrorKind, Error};
    match error {
        Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => true,
        Error::DatabaseError(_, information) => {
            let message = information.message();
            message.contains("database is locked")
                || message.contains("database table is locked")
                || message.contains("deadlock detected")
        }
        _ => false,
    }
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::{DatabaseErrorKind, Error as Diesel};
        match &error {
            Diesel::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
                Self::Conflict("something with this identity is already there".to_owned())
            }
            Diesel::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => {
                Self::Conflict("it refers to something that is not there".to_owned())
            }
            Diesel::DatabaseError(
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
                _,
            )
            | Diesel::BrokenTransactionManager => {
                tracing::error!(%error, "the connection to the database is gone");
                Self::Unavailable
            }
            _ => Self::internal("working with the database", error),
        }
    }
}

impl From<Vec<FieldError>> for Error {
    fn from(errors: Vec<FieldError>) -> Self {
        Self::Invalid(errors)
    }
}

impl From<FieldError> for Error {
    fn from(error: FieldError) -> Self {
        Self::Invalid(vec![error])
    }
}
