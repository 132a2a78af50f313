//! Reports of imminent risk: who said so, who took it on, and who cleared it. The software never assesses risk; people
//! do, and only a person clears.
//!
//! What is written about the student is sealed: under the student's own key, or under one of the deployment where
//! nobody has said which student it is.

mod store;

use jiff::Timestamp;

use super::store::has_school;
use super::tenant;

use crate::access::{PrincipalId, Role};
use crate::error::{Error, Result};
use crate::privacy::audit::{Act, Action, Errand, record};
use crate::privacy::vault::Vault;
use crate::store::{DbConnection, Tenant, Tx};
use crate::types::{CrisisEventId, DistrictId, SchoolId, StudentId};

/// What the audit calls one.
pub const RESOURCE: &str = "crisis_event";

/// What somebody says of imminent risk. All of it may be left out: nobody has to fill in a form first.
#[derive(Clone, Default)]
pub struct CrisisReport {
    /// The school, of the reporter's.
    pub school: Option<SchoolId>,
    /// The student, if they are known here.
    pub student: Option<StudentId>,
    /// The two-letter state where the student is.
    pub state: Option<String>,
    /// Whether the reporter suspects abuse or neglect.
    pub suspected_abuse: bool,
    /// What was written.
    pub note: Option<String>,
}

/// Who did something, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// The id of a client or a membership.
    pub by: String,
    /// How they were called then.
    pub name: String,
    /// When.
    pub at: Timestamp,
}

/// A report of imminent risk, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrisisEvent {
    /// Its id.
    pub id: CrisisEventId,
    /// The district.
    pub district: DistrictId,
    /// The school.
    pub school: Option<SchoolId>,
    /// The student.
    pub student: Option<StudentId>,
    /// The two-letter state where the student is.
    pub state: Option<String>,
    /// Its version.
    pub version: i64,
    /// Whether the reporter suspects abuse or neglect.
    pub suspected_abuse: bool,
    /// Who reported it.
    pub reported: Deed,
    /// Who took it on.
    pub acknowledged: Option<Deed>,
    /// Who cleared it.
    pub cleared: Option<Deed>,
    sealed_note: Option<Vec<u8>>,
    sealed_clearance: Option<Vec<u8>>,
}

/// What was written of an event; none where nothing was, or the student's key was destroyed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// With the report.
    pub report: Option<String>,
    /// By who cleared it.
    pub clearance: Option<String>,
}

/// Which events are listed, the latest first.
#[derive(Clone, Debug, Default)]
pub struct CrisisPage {
    /// Only those before this one.
    pub before: Option<CrisisEventId>,
    /// At most so many.
    pub limit: usize,
    /// Only those that are not cleared, or only those that are.
    pub open: Option<bool>,
    /// Only those that somebody has taken on, or only those that nobody has.
    pub acknowledged: Option<bool>,
}

/// Where a note stands, so that it opens nowhere else.
const REPORT: &str = "crisis_events report";
const CLEARANCE: &str = "crisis_events clearance";
/// Events are counted no further than this.
const COUNTED_UP_TO: i64 = 1_000;

fn told(action: Action, event: Option<&CrisisEvent>) -> Act<'static> {
    Act::done(action, RESOURCE, event.map(|event| event.id.into()), event.and_then(|event| event.student))
}

fn not_there(id: CrisisEventId) -> Error {
    Error::NotFound { what: "crisis event", id: id.to_string() }
}

/// Records that somebody says there is imminent risk.
///
/// # Errors
/// [`Error::NotFound`] if school or student is none of the caller's; [`Error::Forbidden`] for one without a district.
pub fn report(tx: &mut Tx<'_>, vault: &Vault, errand: &Errand, said: &CrisisReport) -> Result<CrisisEvent> {
    let tenant = tenant(errand)?;
    // What was asked for is not repeated: it is about a student.
    let unknown = |what| Error::NotFound { what, id: "of yours with this id".to_owned() };
    let mut school = said.school;
    if let Some(named) = school
        && !has_school(tx.connection, tenant, named)?
    {
        return Err(unknown("school"));
    }
    if let Some(named) = said.student {
        // Where the student goes stands before what was said: a slip must neither hold up a report nor let those of
        // another school read it.
        let enrolment = store::enrolment(tx.connection, tenant, named)?;
        school = enrolment.ok_or_else(|| unknown("student"))?.school;
    }
    let event = CrisisEvent {
        id: CrisisEventId::new(),
        district: tenant.district,
        school,
        student: said.student,
        state: said.state.clone(),
        version: 1,
        suspected_abuse: said.suspected_abuse,
        reported: deed(tx, errand),
        acknowledged: None,
        cleared: None,
        sealed_note: None,
        sealed_clearance: None,
    };
    let note = said.note.as_deref().map(|note| seal(tx.connection, vault, tenant, &event, REPORT, note));
    let event = CrisisEvent { sealed_note: note.transpose()?, ..event };
    store::insert(tx, tenant, &event)?;
    record(tx, errand, &[told(Action::Create, Some(&event))])?;
    Ok(event)
}

/// Events of one page.
pub struct CrisisList {
    /// The latest first.
    pub events: Vec<CrisisEvent>,
    /// Whether there are more behind them.
    pub more: bool,
    /// How many there are on all pages, counted up to a thousand.
    pub count: i64,
}

/// The events on a page that the caller may know of, without what was written.
///
/// # Errors
/// [`Error::Forbidden`] for one without a district; if the database fails.
pub fn list(tx: &mut Tx<'_>, errand: &Errand, page: &CrisisPage) -> Result<CrisisList> {
    let tenant = tenant(errand)?;
    let (mut events, count) = store::list(tx.connection, tenant, errand.principal.id, page, COUNTED_UP_TO)?;
    let more = events.len() > page.limit;
    events.truncate(page.limit);
    let mut acts: Vec<Act<'_>> = events.iter().map(|event| told(Action::Read, Some(event))).collect();
    if acts.is_empty() {
        acts.push(told(Action::Read, None));
    }
    record(tx, errand, &acts)?;
    Ok(CrisisList { events, more, count })
}

/// One event, with what was written.
///
/// # Errors
/// [`Error::NotFound`] if there is none that the caller may know of.
pub fn find(
    tx: &mut Tx<'_>,
    vault: &Vault,
    errand: &Errand,
    id: CrisisEventId,
) -> Result<(CrisisEvent, Notes)> {
    let found = found(tx, vault, errand, id)?;
    record(tx, errand, &[told(Action::Read, Some(&found.0))])?;
    Ok(found)
}

/// Takes an event on.
///
/// # Errors
/// [`Error::NotFound`] as [`find`]; [`Error::Conflict`] if somebody has done so before.
pub fn acknowledge(
    tx: &mut Tx<'_>,
    vault: &Vault,
    errand: &Errand,
    id: CrisisEventId,
) -> Result<(CrisisEvent, Notes)> {
    if errand.principal.role == Role::SisClient {
        // It would silence the escalation, and nobody would be there.
        return Err(Error::Forbidden(
            "a person acknowledges a crisis event, and this is a system".to_owned(),
        ));
    }
    let (mut event, notes) = found(tx, vault, errand, id)?;
    if let Some(Deed { name, at, .. }) = &event.acknowledged {
        return Err(Error::Conflict(format!("{name} has acknowledged it at {at}")));
    }
    event.acknowledged = Some(deed(tx, errand));
    changed(tx, errand, &mut event, Action::Change)?;
    Ok((event, notes))
}

/// Clears an event, which only a person may, after somebody has acknowledged it.
///
/// # Errors
/// [`Error::Forbidden`] for a system; [`Error::NotFound`] as [`find`]; [`Error::Conflict`] if it was not acknowledged,
/// or was cleared before.
pub fn clear(
    tx: &mut Tx<'_>,
    vault: &Vault,
    errand: &Errand,
    id: CrisisEventId,
    note: &str,
) -> Result<(CrisisEvent, Notes)> {
    match errand.principal.id {
        PrincipalId::Membership(_) => {}
        PrincipalId::Client(_) => {
            return Err(Error::Forbidden(
                "only a person clears a crisis event, and this is a system".to_owned(),
            ));
        }
    }
    let (mut event, mut notes) = found(tx, vault, errand, id)?;
    match (&event.acknowledged, &event.cleared) {
        (None, _) => {
            return Err(Error::Conflict("nobody has acknowledged it yet; acknowledge it first".to_owned()));
        }
        (_, Some(Deed { name, at, .. })) => {
            return Err(Error::Conflict(format!("{name} has cleared it at {at}")));
        }
        (Some(_), None) => {}
    }
    event.sealed_clearance = Some(seal(tx.connection, vault, tenant(errand)?, &event, CLEARANCE, note)?);
    event.cleared = Some(deed(tx, errand));
    changed(tx, errand, &mut event, Action::End)?;
    notes.clearance = Some(note.to_owned());
    Ok((event, notes))
}

fn deed(tx: &Tx<'_>, errand: &Errand) -> Deed {
    let at = Timestamp::from_microsecond(tx.now.as_microsecond()).unwrap_or(tx.now);
    Deed { by: errand.principal.id.to_string(), name: errand.principal.name.clone(), at }
}

fn found(tx: &mut Tx<'_>, vault: &Vault, errand: &Errand, id: CrisisEventId) -> Result<(CrisisEvent, Notes)> {
    let tenant = tenant(errand)?;
    let event = store::find(tx.connection, tenant, errand.principal.id, id)?.ok_or_else(|| not_there(id))?;
    // A student who moved to another school took what is written of them along.
    if let Some(student) = event.student
        && !tenant.schools.is_empty()
        && store::enrolment(tx.connection, tenant, student)?.is_none()
        && event.reported.by != errand.principal.id.to_string()
    {
        return Err(not_there(id));
    }
    let mut opened = |sealed: &Option<Vec<u8>>, place| {
        let open = |sealed: &Vec<u8>| open(tx.connection, vault, tenant, &event, place, sealed);
        sealed.as_ref().map(open).transpose().map(Option::flatten)
    };
    let notes = Notes {
        report: opened(&event.sealed_note, REPORT)?,
        clearance: opened(&event.sealed_clearance, CLEARANCE)?,
    };
    Ok((event, notes))
}

fn changed(tx: &mut Tx<'_>, errand: &Errand, event: &mut CrisisEvent, action: Action) -> Result<()> {
    if !store::update(tx, tenant(errand)?, event)? {
        return Err(Error::Contended);
    }
    event.version += 1;
    record(tx, errand, &[told(action, Some(event))])
}

fn seal(
    connection: &mut DbConnection,
    vault: &Vault,
    tenant: &Tenant,
    event: &CrisisEvent,
    place: &str,
    note: &str,
) -> Result<Vec<u8>> {
    match event.student {
        None => vault.seal_note(note, &format!("{place}\0{}", event.id)),
        Some(student) => match vault.key(connection, tenant, student)? {
            Some(key) => key.seal(place, event.id, &note),
            // Nothing is written of one who was erased.
            None => Err(Error::Conflict("what identified this student was erased; write no note".to_owned())),
        },
    }
}

fn open(
    connection: &mut DbConnection,
    vault: &Vault,
    tenant: &Tenant,
    event: &CrisisEvent,
    place: &str,
    sealed: &[u8],
) -> Result<Option<String>> {
    match event.student {
        None => vault.open_note(sealed, &format!("{place}\0{}", event.id)).map(Some),
        Some(student) => {
            let key = vault.key(connection, tenant, student)?;
            key.map(|key| key.open(place, event.id, sealed)).transpose()
        }
    }
}
