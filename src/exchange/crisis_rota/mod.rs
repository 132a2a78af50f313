//! Crises and who is told of them: when somebody says that there is imminent risk, the first of the district's rota is told
//! in the same transaction, and while nobody acknowledges it the next is, on the durable clock. A message says that a
//! report waits and nothing of it, and goes at any hour. Who was told, when and by which step is kept for ever.
//!
//! A report hangs on none of this: what fails here is undone alone, and the clock tries it again.

mod rota;
mod rules;
mod store;

use jiff::{SignedDuration, Timestamp};

pub use rota::{DEFAULT_MINUTES, MINUTES, MOST_STEPS, Rota, Step, StepAsk, StepShown, Whom, find, set};

use super::outbox::{Composed, Letter, Message, MessageKind, MessageStatus, NewMessage, enqueue};
use crate::error::{Error, Result};
use crate::privacy::audit::Errand;
use crate::privacy::vault::Vault;
use crate::store::{Store, Tenancy, Tenant, Tx};
use crate::students::crises::{self, CrisisEvent, CrisisReport, Notes};
use crate::types::{CrisisEventId, DistrictId, MembershipId, MessageId};
use rules::Position;

/// Reports that one look of the clock goes on with at most.
const BATCH: i64 = 200;
/// An alert waits so long at most for a server that takes it.
const ALERT_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// That somebody was told of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// Grows by one, from 1.
    pub number: i32,
    /// In which round of the rota.
    pub round: i32,
    /// By which step of it.
    pub step: i32,
    /// Which person, if it is one.
    pub membership: Option<MembershipId>,
    /// How they were called then; none if nobody of this step could be told.
    pub name: Option<String>,
    /// How far the message has come; none if there is none, or it is long finished and deleted.
    pub message: Option<MessageStatus>,
    /// When.
    pub at: Timestamp,
}

/// A report with what came of it.
pub struct Followed {
    /// The report.
    pub event: CrisisEvent,
    /// What was written.
    pub notes: Notes,
    /// Who was told, in order.
    pub escalations: Vec<Escalation>,
    /// When the next is told, unless somebody acknowledges it; none if nobody more is.
    pub due_at: Option<Timestamp>,
}

/// Records that somebody says there is imminent risk, and tells the first of the rota, if this deployment `can_send`
/// messages. Nobody may be told: the answer must say so.
///
/// # Errors
/// As [`crises::report`], and for no other reason.
pub fn report(
    tx: &mut Tx<'_>,
    vault: &Vault,
    errand: &Errand,
    said: &CrisisReport,
    can_send: bool,
) -> Result<Followed> {
    let event = crises::report(tx, vault, errand, said)?;
    if !can_send {
        tracing::warn!(event = %event.id, "nobody is told of a report of imminent risk: no mail server is set");
    } else if let Err(error) = tx.aside(|tx| step(tx, event.district, event.id)) {
        tracing::error!(event = %event.id, %error, "could not tell the rota of a report of imminent risk; trying again");
    }
    follow(tx, (event, Notes::default()))
}

/// A report with who was told of it.
///
/// # Errors
/// If the database fails.
pub fn follow(tx: &mut Tx<'_>, (event, notes): (CrisisEvent, Notes)) -> Result<Followed> {
    let escalations = store::escalations(tx.connection, event.district, event.id)?;
    let open = store::open(tx.connection, event.district, event.id)?;
    Ok(Followed { event, notes, escalations, due_at: open.map(|open| open.due_at) })
}

/// Goes on with every report that nobody has acknowledged in time; says how many. Every node may look as often as it
/// likes: each step is done by one transaction that finds it still due. What fails keeps nothing else from being done.
///
/// # Errors
/// The first that something failed with. What was done stays done, and the rest is still due.
pub fn turn(store: &Store) -> Result<usize> {
    let now = store.clock().now();
    let due = store.read_for_now(&Tenancy::Clock, |connection| store::due(connection, now, BATCH))?;
    let (mut done, mut failed) = (0, None);
    for (event, district) in due {
        match store.write_for_now(&of(district), |tx| step(tx, district, event)) {
            Ok(has_gone_on) => done += usize::from(has_gone_on),
            Err(error) => {
                tracing::error!(%event, %error, "could not tell the next of a report of imminent risk");
                failed.get_or_insert(error);
            }
        }
    }
    failed.map_or(Ok(done), Err)
}

fn of(district: DistrictId) -> Tenancy {
    Tenancy::District(Tenant { district, schools: Vec::new() })
}

/// Goes on with a report, if it is due still; whether it did.
fn step(tx: &mut Tx<'_>, district: DistrictId, event: CrisisEventId) -> Result<bool> {
    let open = store::open(tx.connection, district, event)?.filter(|open| open.due_at <= tx.now);
    let Some(open) = open else { return Ok(false) };
    let stages = rota::stages(tx.connection, district)?;
    let last = store::last(tx.connection, district, event)?;
    let known: Vec<rules::Stage> = stages
        .iter()
        .map(|stage| rules::Stage { is_reachable: !stage.called.is_empty(), patience: stage.patience })
        .collect();
    let plan = rules::plan(last.map(|(_, position)| position), &known, open.reported_at, tx.now);
    // Whoever moves the time has the step; another node finds it moved.
    if !store::postpone(tx, district, event, open.due_at, plan.due_at)? {
        return Ok(false);
    }
    let mut number = last.map_or(0, |(number, _)| number);
    let (mut told, is_over) = (0, plan.goes_to.is_empty());
    for position in plan.goes_to {
        let stage = usize::try_from(position.step - 1).ok().and_then(|step| stages.get(step));
        let called = stage.map_or(&[][..], |stage| &stage.called);
        for somebody in called {
            number += 1;
            let message = alert(tx, event, number, somebody)?;
            store::insert(tx, district, event, number, position, Some((somebody, message)))?;
            told += 1;
        }
        if called.is_empty() {
            number += 1;
            store::insert(tx, district, event, number, position, None)?;
        }
    }
    if is_over {
        tracing::warn!(%event, %district, "nobody has acknowledged a report of imminent risk, and nobody more is told");
    } else if told == 0 {
        tracing::warn!(%event, %district, "nobody could be told of a report of imminent risk");
    }
    Ok(true)
}

fn alert(tx: &mut Tx<'_>, event: CrisisEventId, number: i32, called: &rota::Called) -> Result<MessageId> {
    let kind = MessageKind::CrisisAlert;
    let message = NewMessage {
        kind,
        subject: event.into(),
        recipient: called.email.clone(),
        language: called.language,
        dedup_key: format!("{kind} {number} of {event}"),
        expires_at: tx.now + ALERT_LIFE,
    };
    enqueue(tx, &message)?.ok_or(Error::Contended)
}

/// The words of an alert, unless somebody has acknowledged the report.
///
/// # Errors
/// If the database fails.
pub fn compose(tx: &mut Tx<'_>, public_url: &str, message: &Message) -> Result<Composed> {
    tx.on_behalf(&Tenancy::Clock)?;
    if store::district_of_open(tx.connection, CrisisEventId(message.subject))?.is_none() {
        return Ok(Composed::Nothing("somebody has acknowledged it"));
    }
    let texts = message.language.texts();
    Ok(Composed::Letter(Letter {
        subject: texts.crisis_subject.clone(),
        text: format!(
            "{}\n\n{}\n{public_url}/v1/crisis-events?acknowledged=false\n\n{}\n",
            texts.crisis_text, texts.crisis_link, texts.crisis_why
        ),
        // Who is on the rota is for the district to say.
        stop_url: None,
        note: Box::new(|_| Ok(())),
    }))
}

/// Has the next told at once, where none of the messages of the last step can be sent.
///
/// # Errors
/// If the database fails.
pub fn pass_by(tx: &mut Tx<'_>, message: &Message) -> Result<()> {
    let event = CrisisEventId(message.subject);
    tx.on_behalf(&Tenancy::Clock)?;
    let Some(district) = store::district_of_open(tx.connection, event)? else { return Ok(()) };
    tx.on_behalf(&of(district))?;
    let told = store::escalations(tx.connection, district, event)?;
    let place = |one: &Escalation| Position { round: one.round, step: one.step };
    let last = told.last().map(place);
    let mut of_last = told.iter().filter(|one| Some(place(one)) == last);
    if of_last.all(|one| one.message == Some(MessageStatus::Failed)) {
        store::hasten(tx, district, event)?;
    }
    Ok(())
}
