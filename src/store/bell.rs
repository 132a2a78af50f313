//! How the processes that share a PostgreSQL wake each other: `NOTIFY`, sent after the commit.
//!
//! A bell that was not heard loses nothing, for everybody asks the feed from time to time anyway.

use diesel::prelude::*;
use diesel::sql_types::Text;
use uuid::Uuid;

use super::connection::{DbConnection, Manager, Purpose};
use crate::config::DatabaseUrl;
use crate::error::{Error, Result};

/// The channel, and within it the name of each process.
const CHANNEL: &str = "causeway_changes";

/// A connection on which this process rings, and hears the others.
pub struct Bell {
    connection: PgConnection,
    name: String,
}

impl Bell {
    pub(super) fn open(url: &DatabaseUrl) -> Result<Self> {
        match (Manager { url: url.clone(), purpose: Purpose::Read }).open()? {
            DbConnection::Postgres(mut connection) => {
                diesel::sql_query(format!("LISTEN {CHANNEL}")).execute(&mut connection)?;
                Ok(Self { connection, name: Uuid::now_v7().simple().to_string() })
            }
            DbConnection::Sqlite(_) => Err(Error::internal("opening the bell", "SQLite has none")),
        }
    }

    /// Wakes the others.
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn ring(&mut self) -> Result<()> {
        diesel::sql_query("SELECT pg_notify($1, $2)")
            .bind::<Text, _>(CHANNEL)
            .bind::<Text, _>(&self.name)
            .execute(&mut self.connection)?;
        Ok(())
    }

    /// Whether another has rung since the last time; does not wait and asks nothing of the server.
    ///
    /// # Errors
    /// If the connection is lost.
    pub fn heard(&mut self) -> Result<bool> {
        let mut heard = false;
        for notification in self.connection.notifications_iter() {
            heard |= notification?.payload != self.name;
        }
        Ok(heard)
    }
}
