//! Where messages wait.

use diesel::prelude::*;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{KEPT_FOR, Message, MessageKind, MessageStatus, NewMessage};
use crate::directory::parse_id;
use crate::error::{Error, Result};
use crate::store::schema::outbox;
use crate::store::{DbConnection, Tx, from_sql, on_either, to_sql};
use crate::types::MessageId;

/// A node that leases a message has this long to send it and to say so; far longer than a server may take.
const LEASE: SignedDuration = SignedDuration::from_mins(10);
/// Messages that are looked at when one is to be leased: some may be leased by others meanwhile.
const LOOKED_AT: i64 = 10;

#[derive(Queryable, Selectable)]
#[diesel(table_name = outbox)]
struct Row {
    id: String,
    kind: String,
    subject_id: String,
    recipient: String,
    language: String,
    attempts: i32,
    expires_at: chrono::NaiveDateTime,
}

fn read(row: Row) -> Result<Message> {
    let damaged = |what: &str| {
        Error::internal(format!("reading the message {}", row.id), format!("its {what} is damaged"))
    };
    Ok(Message {
        id: parse_id(&row.id)?,
        kind: row.kind.parse().map_err(|_| damaged("kind"))?,
        subject: row.subject_id.parse().map_err(|_| damaged("subject"))?,
        language: row.language.parse().map_err(|_| damaged("language"))?,
        attempts: u32::try_from(row.attempts).map_err(|_| damaged("number of attempts"))?,
        expires_at: from_sql(row.expires_at),
        recipient: row.recipient,
    })
}

/// Puts a message into the outbox, in the transaction of what causes it. None if there is one with this key.
///
/// # Errors
/// If the database fails.
pub fn enqueue(tx: &mut Tx<'_>, message: &NewMessage) -> Result<Option<MessageId>> {
    let id = MessageId::new();
    let now = to_sql(tx.now);
    let added = on_either!(&mut *tx.connection, connection => diesel::insert_into(outbox::table)
        .values((
            outbox::id.eq(id.to_string()),
            outbox::kind.eq(message.kind.as_str()),
            outbox::subject_id.eq(message.subject.to_string()),
            outbox::recipient.eq(&message.recipient),
            outbox::language.eq(message.language.as_str()),
            outbox::dedup_key.eq(&message.dedup_key),
            outbox::status.eq(MessageStatus::Queued.as_str()),
            outbox::created_at.eq(now),
            outbox::expires_at.eq(to_sql(message.expires_at)),
            outbox::attempts.eq(0),
            outbox::next_attempt_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(connection))?;
    Ok((added == 1).then_some(id))
}

/// The latest message of a kind about a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Last {
    /// Its id.
    pub id: MessageId,
    /// How far it has come.
    pub status: MessageStatus,
    /// When it was finished; else when it was made.
    pub at: Timestamp,
}

/// The latest messages of a kind about a subject, the latest first: as far back as the latest that was not cancelled.
///
/// # Errors
/// If the database fails.
pub fn last_of(connection: &mut DbConnection, kind: MessageKind, subject: Uuid) -> Result<Vec<Last>> {
    type Found = (String, String, chrono::NaiveDateTime, Option<chrono::NaiveDateTime>);
    let of_subject = || {
        outbox::table
            .filter(outbox::kind.eq(kind.as_str()))
            .filter(outbox::subject_id.eq(subject.to_string()))
            .order((outbox::created_at.desc(), outbox::id.desc()))
            .select((outbox::id, outbox::status, outbox::created_at, outbox::finished_at))
    };
    let latest: Option<Found> = of_subject().first(connection).optional()?;
    let told: Option<Found> = of_subject()
        .filter(outbox::status.ne(MessageStatus::Cancelled.as_str()))
        .first(connection)
        .optional()?;
    let mut found: Vec<Found> = latest.into_iter().chain(told).collect();
    found.dedup_by(|one, other| one.0 == other.0);
    found
        .into_iter()
        .map(|(id, status, created_at, finished_at)| {
            let damaged = |_| Error::internal(format!("reading the message {id}"), "its status is damaged");
            Ok(Last {
                status: status.parse().map_err(damaged)?,
                at: from_sql(finished_at.unwrap_or(created_at)),
                id: parse_id(&id)?,
            })
        })
        .collect()
}

/// Of what a message speaks and to which address it goes; none if it is long finished, or none of ours.
///
/// # Errors
/// If the database fails.
pub fn addressee(connection: &mut DbConnection, message: MessageId) -> Result<Option<(Uuid, String)>> {
    let found: Option<(String, String)> = outbox::table
        .find(message.to_string())
        .select((outbox::subject_id, outbox::recipient))
        .first(connection)
        .optional()?;
    found.map(|(subject, recipient)| Ok((parse_id(&subject)?, recipient))).transpose()
}

/// Leases the message that has waited longest of those that are due, an alert before all others, for [`LEASE`]: until then
/// no other node takes it.
///
/// # Errors
/// If the database fails.
pub fn lease(tx: &mut Tx<'_>, node: &str) -> Result<Option<Message>> {
    let now = to_sql(tx.now);
    macro_rules! due {
        ($query:expr) => {
            $query
                .filter(outbox::status.eq(MessageStatus::Queued.as_str()))
                .filter(outbox::next_attempt_at.le(now))
                .filter(outbox::leased_until.is_null().or(outbox::leased_until.le(now)))
        };
    }
    let waiting = || {
        due!(outbox::table.select(Row::as_select()))
            .order((outbox::next_attempt_at, outbox::id))
            .limit(LOOKED_AT)
    };
    let mut rows: Vec<Row> =
        waiting().filter(outbox::kind.eq(MessageKind::CrisisAlert.as_str())).load(tx.connection)?;
    rows.extend(waiting().load::<Row>(tx.connection)?);
    for row in rows {
        // Another node may have been faster: then it is due no more.
        let leased = diesel::update(due!(outbox::table.filter(outbox::id.eq(row.id.clone()))))
            .set((outbox::leased_by.eq(node), outbox::leased_until.eq(to_sql(tx.now + LEASE))))
            .execute(tx.connection)?;
        if leased == 1 {
            return read(row).map(Some);
        }
    }
    Ok(None)
}

/// What a node that leased a message says of it then.
pub(super) enum Mark<'a> {
    /// It is finished.
    Finished(MessageStatus, &'a str),
    /// It failed, and is tried again.
    Again(Timestamp, &'a str),
    /// Its time has not come.
    Later(Timestamp),
}

/// Marks a message. False if the lease of this node is over, and another one's word counts.
pub(super) fn mark(tx: &mut Tx<'_>, node: &str, id: MessageId, mark: &Mark<'_>) -> Result<bool> {
    let own = outbox::table
        .find(id.to_string())
        .filter(outbox::status.eq(MessageStatus::Queued.as_str()))
        .filter(outbox::leased_by.eq(node));
    let free = (outbox::leased_by.eq(None::<String>), outbox::leased_until.eq(None::<chrono::NaiveDateTime>));
    let marked = match mark {
        Mark::Finished(status, outcome) => diesel::update(own)
            .set((
                free,
                outbox::status.eq(status.as_str()),
                outbox::finished_at.eq(to_sql(tx.now)),
                outbox::outcome.eq(outcome),
            ))
            .execute(tx.connection)?,
        Mark::Again(at, outcome) => diesel::update(own)
            .set((
                free,
                outbox::attempts.eq(outbox::attempts + 1),
                outbox::next_attempt_at.eq(to_sql(*at)),
                outbox::outcome.eq(outcome),
            ))
            .execute(tx.connection)?,
        Mark::Later(at) => {
            diesel::update(own).set((free, outbox::next_attempt_at.eq(to_sql(*at)))).execute(tx.connection)?
        }
    };
    Ok(marked == 1)
}

/// Deletes messages that were finished longer ago than [`KEPT_FOR`].
///
/// # Errors
/// If the database fails.
pub fn purge(tx: &mut Tx<'_>) -> Result<()> {
    diesel::delete(outbox::table.filter(outbox::finished_at.lt(to_sql(tx.now - KEPT_FOR))))
        .execute(tx.connection)?;
    Ok(())
}
