//! The change feed: which things changed, so that every process that shares the database can keep its
//! finder up to date.
//!
//! A row names what changed and its version; readers load the thing itself. Rows are written in the
//! transaction of the change. Sequence numbers are handed out before commit, so a reader may see 7 before
//! 6: it remembers the gap and asks for it again until it is filled or given up.

use std::collections::BTreeMap;
use std::time::Duration;

use diesel::prelude::*;
use jiff::Timestamp;
use uuid::Uuid;

use super::connection::DbConnection;
use super::schema::changes;
use super::time::to_sql;
use crate::error::{Error, Result};

/// The nouns whose changes are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Noun {
    /// An organization.
    Organization,
    /// A location.
    Location,
    /// A service.
    Service,
    /// A capacity pool, or what is claimed of it.
    CapacityPool,
    /// An insurance plan.
    InsurancePlan,
    /// A district.
    District,
    /// A school.
    School,
    /// An offering.
    Offering,
    /// A partnership.
    Partnership,
    /// A system that may ask for tokens.
    Client,
    /// What a person may do.
    Membership,
    /// A key that signs tokens.
    SigningKey,
}

impl Noun {
    const ALL: [Self; 12] = [
        Self::Organization,
        Self::Location,
        Self::Service,
        Self::CapacityPool,
        Self::InsurancePlan,
        Self::District,
        Self::School,
        Self::Offering,
        Self::Partnership,
        Self::Client,
        Self::Membership,
        Self::SigningKey,
    ];

    /// As it is written in the database and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Location => "location",
            Self::Service => "service",
            Self::CapacityPool => "capacity pool",
            Self::InsurancePlan => "insurance plan",
            Self::District => "district",
            Self::School => "school",
            Self::Offering => "offering",
            Self::Partnership => "partnership",
            Self::Client => "client",
            Self::Membership => "membership",
            Self::SigningKey => "signing key",
        }
    }
}

/// That something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    /// What kind of thing.
    pub noun: Noun,
    /// Which one.
    pub subject: Uuid,
    /// Its version since.
    pub version: i64,
}

/// A change and its place in the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Recorded {
    /// Its number; handed out before the commit.
    pub seq: i64,
    /// What changed.
    pub change: Change,
}

/// Writes `change` into the feed.
pub(super) fn record(connection: &mut DbConnection, change: Change, now: Timestamp) -> Result<Recorded> {
    let seq = diesel::insert_into(changes::table)
        .values((
            changes::noun.eq(change.noun.as_str()),
            changes::subject_id.eq(change.subject.to_string()),
            changes::version.eq(change.version),
            changes::recorded_at.eq(to_sql(now)),
        ))
        .returning(changes::seq)
        .get_result(connection)?;
    Ok(Recorded { seq, change })
}

/// A reader's place in the feed.
#[derive(Clone, Debug, Default)]
pub struct Position {
    highest: i64,
    /// Numbers below the highest that have not been seen, and when they were first missed.
    gaps: BTreeMap<i64, Timestamp>,
}

impl Position {
    /// The highest number that has been seen.
    pub fn highest(&self) -> i64 {
        self.highest
    }
}

/// A number that stays missing this long belongs to a transaction that was rolled back.
const GAP_GIVEN_UP_AFTER: Duration = Duration::from_mins(10);
/// More gaps than this at once are not tracked; the lowest are given up. One transaction of an import may hold
/// some thousand numbers while others commit higher ones.
const GAPS_TRACKED: usize = 50_000;
/// Numbers of one query; SQLite takes 32,766 values in one statement.
const GAPS_ASKED: usize = 10_000;
/// Rows of the feed are kept this long.
pub const FEED_KEPT_FOR: Duration = Duration::from_hours(168);

/// The highest number in the feed.
pub(super) fn newest(connection: &mut DbConnection) -> Result<i64> {
    let newest =
        changes::table.order(changes::seq.desc()).select(changes::seq).first(connection).optional()?;
    Ok(newest.unwrap_or(0))
}

/// Where a reader starts that loads the state *after* this, so that nothing is missed: at the end, with every
/// missing number below it as a gap. It may belong to a transaction that still runs, whose changes the state
/// does not show yet. Numbers that were purged are missing too, and are given up in time.
pub(super) fn start(connection: &mut DbConnection, now: Timestamp) -> Result<Position> {
    let latest: Vec<i64> = changes::table
        .order(changes::seq.desc())
        .limit(i64::try_from(GAPS_TRACKED).unwrap_or(i64::MAX))
        .select(changes::seq)
        .load(connection)?;
    let mut position = Position { highest: latest.first().copied().unwrap_or(0), gaps: BTreeMap::new() };
    let below = latest.iter().skip(1).copied().chain([0]);
    for (number, below) in latest.iter().zip(below) {
        let missing = (below + 1..*number).rev().map(|gap| (gap, now));
        position.gaps.extend(missing.take(GAPS_TRACKED - position.gaps.len()));
    }
    Ok(position)
}

/// Up to `limit` changes since `position`, which moves on behind them.
pub(super) fn since(
    connection: &mut DbConnection,
    position: &mut Position,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<Recorded>> {
    type Row = (i64, String, String, i64);
    let columns = (changes::seq, changes::noun, changes::subject_id, changes::version);
    let mut rows: Vec<Row> = Vec::new();
    let missed: Vec<i64> = position.gaps.keys().copied().collect();
    for missed in missed.chunks(GAPS_ASKED) {
        rows.extend(
            changes::table.filter(changes::seq.eq_any(missed)).select(columns).load::<Row>(connection)?,
        );
    }
    let newer = changes::table
        .filter(changes::seq.gt(position.highest))
        .order(changes::seq)
        .limit(limit)
        .select(columns)
        .load::<Row>(connection)?;
    for (seq, ..) in &newer {
        position.gaps.extend((position.highest + 1..*seq).map(|gap| (gap, now)));
        position.highest = *seq;
    }
    rows.extend(newer);
    for (seq, ..) in &rows {
        position.gaps.remove(seq);
    }
    position.gaps.retain(|_, missed_at| now.duration_since(*missed_at).unsigned_abs() < GAP_GIVEN_UP_AFTER);
    while position.gaps.len() > GAPS_TRACKED {
        position.gaps.pop_first();
    }
    rows.into_iter().map(read).collect()
}

fn read((seq, noun, subject, version): (i64, String, String, i64)) -> Result<Recorded> {
    let noun = Noun::ALL.into_iter().find(|known| known.as_str() == noun);
    match (noun, subject.parse()) {
        (Some(noun), Ok(subject)) => Ok(Recorded { seq, change: Change { noun, subject, version } }),
        _ => Err(Error::internal("reading the change feed", format!("row {seq} is damaged"))),
    }
}

/// Deletes rows that are older than [`FEED_KEPT_FOR`].
pub(super) fn purge(connection: &mut DbConnection, now: Timestamp) -> Result<usize> {
    let before = now - jiff::SignedDuration::try_from(FEED_KEPT_FOR).unwrap_or(jiff::SignedDuration::ZERO);
    Ok(diesel::delete(changes::table.filter(changes::recorded_at.lt(to_sql(before)))).execute(connection)?)
}
