//! Who touched what of which student, why, and what came of it. Rows are only ever added, in the transaction of
//! what they tell of; what was refused is told in one of its own.

pub mod chain;
mod digest;
pub mod inspection;
mod store;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

pub use digest::{DisclosureColumns, digest_of_disclosure};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::words::Purpose;
use crate::access::{Principal, Role};
use crate::error::{Error, Result};
use crate::store::{Tenancy, Tx};
use crate::types::{DistrictId, StudentId, UnknownCode, codes};

codes! {
    /// What was done to student data.
    Action, "action" {
        /// Read.
        Read = "read",
        /// Recorded for the first time.
        Create = "create",
        /// Changed.
        Change = "change",
        /// Ended, such as a guardian's or a consent's part.
        End = "end",
        /// Told to somebody outside.
        Release = "release",
        /// Deleted by destroying its key.
        Erase = "erase",
    }

    /// What came of it.
    Outcome, "outcome" {
        /// It was done.
        Done = "done",
        /// It was refused: not theirs, not there, or not permitted.
        Refused = "refused",
    }
}

/// On whose behalf, why and in which request student data is touched.
#[derive(Clone, Debug)]
pub struct Errand {
    /// Who.
    pub principal: Arc<Principal>,
    /// For whom the transaction works.
    pub tenancy: Tenancy,
    /// Why.
    pub purpose: Purpose,
    /// The request, as the log names it.
    pub request: Option<String>,
}

/// What is told of one act.
#[derive(Clone, Debug)]
pub struct Act<'a> {
    /// What was done.
    pub action: Action,
    /// To what kind of thing: `student`, `guardian`, `consent`, `disclosure`.
    pub resource: &'a str,
    /// Which one.
    pub resource_id: Option<Uuid>,
    /// Of which student.
    pub student: Option<StudentId>,
    /// What came of it.
    pub outcome: Outcome,
    /// The digest of a record that must not change after it, such as a disclosure.
    pub digest: Option<Vec<u8>>,
}

impl<'a> Act<'a> {
    /// What was done to one thing, or, without its id, to those that somebody looked for.
    pub fn done(
        action: Action,
        resource: &'a str,
        resource_id: Option<Uuid>,
        student: Option<StudentId>,
    ) -> Self {
        Self { action, resource, resource_id, student, outcome: Outcome::Done, digest: None }
    }
}

impl Errand {
    /// The district of the errand, if it has one.
    pub fn district(&self) -> Option<DistrictId> {
        match &self.tenancy {
            Tenancy::District(tenant) => Some(tenant.district),
            Tenancy::Agency(_) | Tenancy::Clock | Tenancy::Analyst | Tenancy::Keeper => None,
        }
    }
}

/// Puts acts on the record.
///
/// # Errors
/// If the database fails; then nothing of the transaction happens.
pub fn record(tx: &mut Tx<'_>, errand: &Errand, acts: &[Act<'_>]) -> Result<()> {
    store::insert(tx, errand, acts)
}

/// An event of the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number; later events have greater ones, by and large.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Who: a client or a membership.
    pub principal_id: Uuid,
    /// How they were called then.
    pub principal_name: String,
    /// What they were then.
    pub role: Role,
    /// What they did.
    pub action: Action,
    /// Why.
    pub purpose: Purpose,
    /// To what kind of thing.
    pub resource: String,
    /// Which one.
    pub resource_id: Option<Uuid>,
    /// Of which student.
    pub student_id: Option<StudentId>,
    /// What came of it.
    pub outcome: Outcome,
    /// In which request.
    pub request_id: Option<String>,
}

/// Which events of a district are listed, the latest first.
#[derive(Clone, Debug, Default)]
pub struct EventPage {
    /// Only those with a smaller number.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: i64,
    /// Only about this student.
    pub student: Option<StudentId>,
    /// Only those of this instant and later.
    pub since: Option<Timestamp>,
}

/// Events are counted no further than this.
const COUNTED_UP_TO: i64 = 1_000;

/// The events of a district on a page, and how many there are on all pages, counted up to a thousand. That they were
/// read is an event itself, and none of them.
///
/// # Errors
/// [`Error::Forbidden`] for one who has no district; if the database fails.
pub fn list(tx: &mut Tx<'_>, errand: &Errand, page: &EventPage) -> Result<(Vec<Event>, i64)> {
    let Tenancy::District(tenant) = &errand.tenancy else {
        return Err(Error::Forbidden("the audit is that of a district, and you have none".to_owned()));
    };
    if !tenant.schools.is_empty() {
        return Err(Error::Forbidden("the audit is that of the whole district".to_owned()));
    }
    let found = store::list(tx.connection, tenant, page, COUNTED_UP_TO)?;
    let act = Act::done(Action::Read, "audit", None, page.student);
    record(tx, errand, &[act])?;
    Ok(found)
}
