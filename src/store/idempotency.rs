//! Idempotency keys: the first answer to a request is kept with its effect, in the same transaction, and
//! given again when the request is repeated.

use std::time::Duration;

use diesel::prelude::*;
use jiff::Timestamp;

use super::Tx;
use super::connection::DbConnection;
use super::schema::idempotency_keys as keys;
use super::time::to_sql;
use crate::error::{Error, Result};

/// A client's key for one request.
#[derive(Clone, Debug)]
pub struct Key {
    /// Whose key.
    pub client: String,
    /// The key.
    pub key: String,
    /// What the request was: another one with the same key is refused.
    pub fingerprint: String,
}

/// An answer that can be given again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// HTTP status.
    pub status: u16,
    /// Headers that belong to the answer, as a JSON object.
    pub headers: String,
    /// The body.
    pub body: String,
}

/// Keys are kept this long.
const KEPT_FOR: Duration = Duration::from_hours(48);

impl Key {
    /// The answer that was given to this request before.
    ///
    /// # Errors
    /// [`Error::KeyReused`] if the key came with another request.
    pub fn find(&self, tx: &mut Tx<'_>) -> Result<Option<Replay>> {
        let found = keys::table
            .find((&self.client, &self.key))
            .select((keys::fingerprint, keys::status, keys::headers, keys::body))
            .get_result::<(String, i32, String, String)>(tx.connection)
            .optional()?;
        match found {
            None => Ok(None),
            Some((fingerprint, ..)) if fingerprint != self.fingerprint => Err(Error::KeyReused),
            Some((_, status, headers, body)) => {
                Ok(Some(Replay { status: u16::try_from(status).unwrap_or(500), headers, body }))
            }
        }
    }

    /// Keeps `answer` for a repeated request.
    ///
    /// # Errors
    /// [`Error::KeyInFlight`] if another request with this key was faster.
    pub fn keep(&self, tx: &mut Tx<'_>, answer: &Replay) -> Result<()> {
        let kept = diesel::insert_into(keys::table)
            .values((
                keys::client.eq(&self.client),
                keys::key.eq(&self.key),
                keys::fingerprint.eq(&self.fingerprint),
                keys::status.eq(i32::from(answer.status)),
                keys::headers.eq(&answer.headers),
                keys::body.eq(&answer.body),
                keys::recorded_at.eq(to_sql(tx.now)),
            ))
            .execute(tx.connection)
            .map_err(Error::from);
        match kept {
            Ok(_) => Ok(()),
            Err(Error::Conflict(_)) => Err(Error::KeyInFlight),
            Err(error) => Err(error),
        }
    }
}

/// Deletes keys that are older than they must be.
pub(super) fn purge(connection: &mut DbConnection, now: Timestamp) -> Result<()> {
    let before = now - jiff::SignedDuration::try_from(KEPT_FOR).unwrap_or(jiff::SignedDuration::ZERO);
    diesel::delete(keys::table.filter(keys::recorded_at.lt(to_sql(before)))).execute(connection)?;
    Ok(())
}
