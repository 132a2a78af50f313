//! Which database.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

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
            Some(("sqlite", path)) if !path.is_empty() && !path.starts_with(":memory:") && !path.starts_with("file:") => {
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
        for wrong in [
            "",
            "host=localhost dbname=x",
            "causeway.db",
            "mysql://x",
            "sqlite://file:x?mode=memory",
            "sqlite://",
            "sqlite://:memory:",
        ] {
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
