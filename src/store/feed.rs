//! Reading the change feed.
//!
//! Sequence numbers are handed out before commit, so a reader of PostgreSQL may see 7 before 6. It remembers the gap
//! and asks for it again until it is filled, or until every transaction has ended that ran when the gap was first
//! missed: then the number was rolled back. How long such a transaction takes does not matter, and nobody waits for
//! it, be it in another database of the cluster. SQLite has one writer at a time: a number that is missing there
//! stays so.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};
use jiff::Timestamp;

use super::changes::{Recorded, read};
use super::connection::DbConnection;
use super::schema::{change_purges, changes};
use super::time::to_sql;
use crate::error::Result;

/// A reader's place in the feed: up to where it has read, and what was missing below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    highest: i64,
    /// The first and last of numbers in a row that have not been seen, by the first.
    gaps: BTreeMap<i64, Gap>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Gap {
    last: i64,
    /// Transactions from this id on began after the gap was missed; unknown until the database is asked.
    horizon: Option<i64>,
    missed_at: Option<Timestamp>,
}

/// What a reader gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Following {
    /// What is new.
    Changes(Vec<Recorded>),
    /// Rows were deleted that it had not read, or too much is missing to be followed one by one: only what stands
    /// now can tell. It starts anew with [`super::Store::feed_start`].
    Overtaken,
}

/// A transaction gets its id a moment after its first number, and could be overlooked in between.
const GAP_KEPT_FOR: Duration = Duration::from_secs(30);
/// With more gaps than this at once a reader starts anew.
const MOST_GAPS: usize = 50_000;
/// Of the gaps below its start a reader minds the latest, so that starting anew helps: a transaction that still runs
/// would have had this many others rolled back since.
const MOST_GAPS_AT_START: i64 = 25_000;
/// More gaps than this are not written into a [`Position`]'s text.
const MOST_GAPS_WRITTEN: usize = 64;
/// Rows of the feed are kept this long.
pub const FEED_KEPT_FOR: Duration = Duration::from_hours(168);

impl Position {
    /// The highest number that has been seen.
    pub fn highest(&self) -> i64 {
        self.highest
    }

    /// As text, which [`str::parse`] reads; none where too much is missing to be written down.
    pub fn token(&self) -> Option<String> {
        (self.gaps.len() <= MOST_GAPS_WRITTEN).then(|| self.to_string())
    }

    fn saw(&mut self, seq: i64) {
        if seq > self.highest {
            self.miss(self.highest + 1, seq - 1);
            self.highest = seq;
        } else {
            self.fill(seq);
        }
    }

    fn miss(&mut self, first: i64, last: i64) {
        if first <= last {
            self.gaps.insert(first, Gap { last, horizon: None, missed_at: None });
        }
    }

    /// Takes a number out of its gap, of which there may be a part before and a part behind it.
    fn fill(&mut self, seq: i64) {
        let Some((&first, &gap)) = self.gaps.range(..=seq).next_back().filter(|(_, gap)| seq <= gap.last)
        else {
            return;
        };
        self.gaps.remove(&first);
        if first < seq {
            self.gaps.insert(first, Gap { last: seq - 1, ..gap });
        }
        if seq < gap.last {
            self.gaps.insert(seq + 1, gap);
        }
    }

    /// Forgets the gaps whose transactions have all ended, and notes for the others which those are.
    fn outlive(&mut self, snapshot: Snapshot, now: Timestamp) {
        self.gaps.retain(|_, gap| {
            let missed_at = *gap.missed_at.get_or_insert(now);
            let horizon = *gap.horizon.get_or_insert(snapshot.xmax);
            snapshot.xmin < horizon || now.duration_since(missed_at).unsigned_abs() < GAP_KEPT_FOR
        });
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.highest)?;
        for (first, gap) in &self.gaps {
            write!(f, "~{first}")?;
            if gap.last > *first {
                write!(f, "-{}", gap.last)?;
            }
        }
        Ok(())
    }
}

/// That a text is no place in the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no place in the feed, such as 120 or 120~117-118")]
pub struct InvalidPosition;

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> std::result::Result<Self, InvalidPosition> {
        let number = |text: &str| match text.parse::<i64>() {
            Ok(number) if text.bytes().all(|byte| byte.is_ascii_digit()) && number < i64::MAX => Ok(number),
            _ => Err(InvalidPosition),
        };
        let mut parts = text.split('~');
        let highest = number(parts.next().unwrap_or_default())?;
        let mut position = Self { highest, gaps: BTreeMap::new() };
        let mut behind = 0;
        for part in parts {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (number(first)?, number(last)?);
            if first <= behind || last < first || last >= highest || position.gaps.len() == MOST_GAPS_WRITTEN
            {
                return Err(InvalidPosition);
            }
            position.miss(first, last);
            behind = last;
        }
        Ok(position)
    }
}

/// Which transactions run: none below `xmin`, none yet from `xmax` on.
#[derive(Clone, Copy, QueryableByName)]
struct Snapshot {
    #[diesel(sql_type = BigInt)]
    xmin: i64,
    #[diesel(sql_type = BigInt)]
    xmax: i64,
}

#[derive(QueryableByName)]
struct Missing {
    #[diesel(sql_type = BigInt)]
    first: i64,
    #[diesel(sql_type = BigInt)]
    last: i64,
}

#[derive(QueryableByName)]
struct Late {
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = Text)]
    noun: String,
    #[diesel(sql_type = Text)]
    subject_id: String,
    #[diesel(sql_type = BigInt)]
    version: i64,
}

/// The highest number in the feed, also where its row has been deleted.
pub(super) fn newest(connection: &mut DbConnection) -> Result<i64> {
    let newest =
        changes::table.order(changes::seq.desc()).select(changes::seq).first(connection).optional()?;
    newest.map_or_else(|| purged_through(connection), Ok)
}

/// Up to where rows have been deleted.
fn purged_through(connection: &mut DbConnection) -> Result<i64> {
    Ok(change_purges::table.select(change_purges::purged_through).first(connection)?)
}

/// Where a reader starts that loads the state *after* this, so that nothing is missed: at the end, with every
/// missing number below it as a gap. It may belong to a transaction that still runs, whose changes the state
/// does not show yet.
pub(super) fn start(connection: &mut DbConnection) -> Result<Position> {
    let mut position = Position { highest: newest(connection)?, gaps: BTreeMap::new() };
    let purged = purged_through(connection)?;
    if let DbConnection::Postgres(postgres) = connection {
        let missing: Vec<Missing> = diesel::sql_query(
            "SELECT seq + 1 AS first, next - 1 AS last
             FROM (SELECT seq, lead(seq) OVER (ORDER BY seq) AS next
                   FROM (SELECT seq FROM changes WHERE seq > $1 AND seq <= $2 UNION ALL SELECT $1) AS known) AS pairs
             WHERE next > seq + 1
             ORDER BY seq DESC
             LIMIT $3",
        )
        .bind::<BigInt, _>(purged)
        .bind::<BigInt, _>(position.highest)
        .bind::<BigInt, _>(MOST_GAPS_AT_START)
        .load(postgres)?;
        for Missing { first, last } in missing {
            position.miss(first, last);
        }
    }
    Ok(position)
}

/// Up to `limit` changes since `position`, and those that came late; it moves on behind them.
pub(super) fn since(
    connection: &mut DbConnection,
    position: &mut Position,
    limit: i64,
    now: Timestamp,
) -> Result<Following> {
    let mut found = late(connection, position, now)?;
    let newer: Vec<(i64, String, String, i64)> = changes::table
        .filter(changes::seq.gt(position.highest))
        .order(changes::seq)
        .limit(limit)
        .select((changes::seq, changes::noun, changes::subject_id, changes::version))
        .load(connection)?;
    for row in newer {
        found.push(read(row)?);
    }
    let unread = position.gaps.first_key_value().map_or(position.highest + 1, |(first, _)| *first);
    // Asked after the rows, so that no deletion can come between unseen.
    if purged_through(connection)? >= unread {
        return Ok(Following::Overtaken);
    }
    let on_postgres = matches!(connection, DbConnection::Postgres(_));
    for recorded in &found {
        if on_postgres {
            position.saw(recorded.seq);
        } else {
            position.highest = position.highest.max(recorded.seq);
        }
    }
    Ok(if position.gaps.len() > MOST_GAPS { Following::Overtaken } else { Following::Changes(found) })
}

/// What has come of the numbers that were missing.
fn late(connection: &mut DbConnection, position: &mut Position, now: Timestamp) -> Result<Vec<Recorded>> {
    if position.gaps.is_empty() {
        return Ok(Vec::new());
    }
    let DbConnection::Postgres(postgres) = connection else {
        position.gaps.clear();
        return Ok(Vec::new());
    };
    // The transactions are asked for before the rows: of one that has ended by then, the rows are seen.
    let snapshot: Snapshot = diesel::sql_query(
        "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin,
                pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS xmax",
    )
    .get_result(postgres)?;
    let (first, last): (Vec<i64>, Vec<i64>) =
        position.gaps.iter().map(|(first, gap)| (*first, gap.last)).unzip();
    let rows: Vec<Late> = diesel::sql_query(
        "SELECT seq, noun, subject_id, version
         FROM unnest($1::bigint[], $2::bigint[]) AS gap (first, last) JOIN changes ON seq BETWEEN gap.first AND gap.last
         ORDER BY seq",
    )
    .bind::<Array<BigInt>, _>(&first)
    .bind::<Array<BigInt>, _>(&last)
    .load(postgres)?;
    for row in &rows {
        position.fill(row.seq);
    }
    position.outlive(snapshot, now);
    rows.into_iter().map(|row| read((row.seq, row.noun, row.subject_id, row.version))).collect()
}

/// Deletes rows that are older than [`FEED_KEPT_FOR`], and notes up to where.
pub(super) fn purge(connection: &mut DbConnection, now: Timestamp) -> Result<usize> {
    let before = now - jiff::SignedDuration::try_from(FEED_KEPT_FOR).unwrap_or(jiff::SignedDuration::ZERO);
    let old = changes::recorded_at.lt(to_sql(before));
    let highest: Option<i64> =
        changes::table.filter(old).select(diesel::dsl::max(changes::seq)).first(connection)?;
    let Some(highest) = highest else { return Ok(0) };
    diesel::update(change_purges::table.filter(change_purges::purged_through.lt(highest)))
        .set(change_purges::purged_through.eq(highest))
        .execute(connection)?;
    Ok(diesel::delete(changes::table.filter(changes::seq.le(highest))).execute(connection)?)
}
