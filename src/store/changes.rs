//! The change feed: which things changed, so that every process that shares the database can keep its
//! finder up to date.
//!
//! A row names what changed and its version; readers load the thing itself. Rows are written in the
//! transaction of the change; [`super::feed`] reads them.

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

pub(super) fn read((seq, noun, subject, version): (i64, String, String, i64)) -> Result<Recorded> {
    let noun = Noun::ALL.into_iter().find(|known| known.as_str() == noun);
    match (noun, subject.parse()) {
        (Some(noun), Ok(subject)) => Ok(Recorded { seq, change: Change { noun, subject, version } }),
        _ => Err(Error::internal("reading the change feed", format!("row {seq} is damaged"))),
    }
}
