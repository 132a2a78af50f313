//! Places on lists: how a referral comes to one, keeps it and gives it up; where it stands there, and how long that may
//! take.
//!
//! Whether it still waits is asked from time to time. A place of which nobody says so in time has lapsed: slots go to
//! others, and whoever says it later has the place again, with its time of joining.

use jiff::Timestamp;

use super::Desk;
use super::case::{Case, Event, Said};
use super::clock::store::line;
use super::machine::place::{PlaceAction, actions, transition};
use super::machine::{Actor, Refusal};
use super::model::{Entry, EntryState};
use super::rules;
use super::store;
use crate::availability::{ExpectedWait, current_claims, evidence, expected_wait};
use crate::error::{Error, Result};
use crate::finder::Urgency;
use crate::store::{DbConnection, Tx};
use crate::types::{CapacityPoolId, ClaimId, OfferingId, WaitListEntryId};

/// A place on a list, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Whether an organization has accepted the referral: then it waits nowhere.
    pub is_engaged: bool,
    /// The place.
    pub entry: Entry,
    /// Where it stands while it is waited in.
    pub standing: Option<Standing>,
}

/// Where somebody stands who waits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// The nth among the referrals that wait here, from 1. Whom the agency has on its list besides is not among them.
    pub position: u32,
    /// How long that may take.
    pub wait: ExpectedWait,
}

/// Where these places stand at `now`.
///
/// # Errors
/// If the database fails.
pub(super) fn places(
    connection: &mut DbConnection,
    entries: Vec<Entry>,
    is_engaged: bool,
    now: Timestamp,
) -> Result<Vec<Place>> {
    let place = |entry: Entry| {
        let standing = match entry.state {
            EntryState::Waiting => standing(connection, &entry, now)?,
            EntryState::Promoted | EntryState::Released | EntryState::Lapsed | EntryState::Left => None,
        };
        Ok(Place { is_engaged, entry, standing })
    };
    entries.into_iter().map(place).collect()
}

fn standing(connection: &mut DbConnection, entry: &Entry, now: Timestamp) -> Result<Option<Standing>> {
    let line = line(connection, entry.pool)?;
    let Some(before) = line.iter().position(|waits| waits.id == entry.id) else { return Ok(None) };
    let (before, ours) = (count(before), count(line.len()));
    let mut claim = current_claims(connection, &[entry.pool])?.pop();
    if let Some(claim) = &mut claim {
        // Who is on the agency's list and not on ours is taken to go first: nobody has said where they stand.
        let others = claim.waiting.map_or(0, |waiting| waiting.saturating_sub(ours));
        claim.waiting = Some(before.saturating_add(others));
    }
    let known = evidence(connection, entry.pool, claim.as_ref(), now)?;
    let wait = expected_wait(claim.as_ref(), known, now);
    Ok(Some(Standing { position: before.saturating_add(1), wait }))
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Entry {
    /// What an action makes of the place.
    ///
    /// # Errors
    /// [`Error::Conflict`] if it may not be done.
    fn follow(
        &mut self,
        action: PlaceAction,
        actor: Actor,
        until: Option<Timestamp>,
        urgency: Urgency,
        now: Timestamp,
    ) -> Result<()> {
        self.state = transition(self.state, action, actor)
            .map_err(|refusal| refused(refusal, self.state, action, actor))?;
        (self.asked_at, self.due_at, self.skipped_until) = match action {
            PlaceAction::Rejoin | PlaceAction::Confirm => {
                (None, Some(now + rules::asked_after(urgency)), None)
            }
            PlaceAction::Ask => (Some(now), Some(now + rules::confirmed_within(urgency)), self.skipped_until),
            PlaceAction::Skip => (self.asked_at, self.due_at, until),
            PlaceAction::Release | PlaceAction::Promote | PlaceAction::Lapse | PlaceAction::Leave => {
                (None, None, None)
            }
        };
        self.version += 1;
        self.updated_at = now;
        Ok(())
    }

    /// Whether a slot may be offered to it at `now` of which this claim says that it is free.
    pub(super) fn takes_slots(&self, claim: ClaimId, now: Timestamp) -> bool {
        let waits = |until: Option<Timestamp>| until.is_some_and(|until| until > now);
        let is_news = self.answered_claim != Some(claim);
        is_news && !waits(self.skipped_until) && !waits(self.passed_until)
    }
}

impl Case {
    /// The places that are waited in.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.state == EntryState::Waiting)
    }

    /// Joins the list of a pool, unless it waits there already. A place that it had there and did not give up is had again,
    /// with its time of joining. `is_answer` if the agency answers with it: then it is offered nothing of what the agency has
    /// said before.
    ///
    /// # Errors
    /// If the database fails.
    pub(super) fn join(
        &mut self,
        tx: &mut Tx<'_>,
        desk: &Desk<'_>,
        offering: OfferingId,
        pool: CapacityPoolId,
        is_answer: bool,
    ) -> Result<()> {
        if self.waiting().any(|entry| entry.pool == pool) {
            return Ok(());
        }
        let answered_claim = if is_answer { newest_claim(tx, pool)? } else { None };
        let known =
            self.entries.iter().rposition(|entry| entry.pool == pool && entry.state != EntryState::Left);
        if let Some(position) = known {
            self.entries[position].answered_claim = answered_claim;
            let action = match self.entries[position].state {
                EntryState::Lapsed => PlaceAction::Confirm,
                _ => PlaceAction::Rejoin,
            };
            return self.move_place(tx, desk, position, action, Actor::System, Said::default());
        }
        let entry = Entry {
            id: WaitListEntryId::new(),
            referral: self.referral.id,
            district: self.referral.district,
            offering,
            pool,
            version: 1,
            state: EntryState::Waiting,
            priority: match self.referral.urgency {
                Urgency::Urgent => 0,
                Urgency::Routine => 1,
            },
            joined_at: tx.now,
            updated_at: tx.now,
            asked_at: None,
            due_at: Some(tx.now + rules::asked_after(self.referral.urgency)),
            skipped_until: None,
            answered_claim,
            passed_until: None,
        };
        store::insert_entry(tx, &self.tenant, &entry)?;
        self.record_place(tx, desk, &entry, "join", Actor::System, Said::default())?;
        self.entries.push(entry);
        Ok(())
    }

    /// An offer that came of a place on this list ran out: the place is had again, for what the agency says from now on.
    ///
    /// # Errors
    /// If the database fails.
    pub(super) fn come_back(&mut self, tx: &mut Tx<'_>, desk: &Desk<'_>, pool: CapacityPoolId) -> Result<()> {
        let is_used = |entry: &Entry| entry.pool == pool && entry.state == EntryState::Promoted;
        let Some(position) = self.entries.iter().rposition(is_used) else { return Ok(()) };
        self.entries[position].answered_claim = newest_claim(tx, pool)?;
        self.move_place(tx, desk, position, PlaceAction::Rejoin, Actor::System, Said::default())
    }

    /// Lets something happen to every place that is in this state.
    ///
    /// # Errors
    /// If the database fails.
    pub(super) fn move_places(
        &mut self,
        tx: &mut Tx<'_>,
        desk: &Desk<'_>,
        from: EntryState,
        action: PlaceAction,
        reason: &str,
    ) -> Result<()> {
        for position in 0..self.entries.len() {
            if self.entries[position].state == from {
                let said = Said { reason: Some(reason), ..Said::default() };
                self.move_place(tx, desk, position, action, Actor::System, said)?;
            }
        }
        Ok(())
    }

    /// Lets something happen to a place.
    ///
    /// # Errors
    /// [`Error::Conflict`] if it may not be done; if the database fails.
    pub(super) fn move_place(
        &mut self,
        tx: &mut Tx<'_>,
        desk: &Desk<'_>,
        position: usize,
        action: PlaceAction,
        actor: Actor,
        said: Said<'_>,
    ) -> Result<()> {
        let entry = &mut self.entries[position];
        entry.follow(action, actor, said.until, self.referral.urgency, tx.now)?;
        let entry = entry.clone();
        store::update_entry(tx, &self.tenant, &entry)?;
        self.record_place(tx, desk, &entry, action.as_str(), actor, said)
    }

    /// Asks of each place whose time has come whether it is still wanted, and gives up those of which nobody has said so.
    ///
    /// # Errors
    /// If the database fails.
    pub(super) fn tend_places(&mut self, tx: &mut Tx<'_>, desk: &Desk<'_>) -> Result<()> {
        for position in 0..self.entries.len() {
            let entry = &self.entries[position];
            let is_due = entry.due_at.is_some_and(|due| due <= tx.now);
            if entry.state != EntryState::Waiting || !is_due {
                continue;
            }
            let action = if entry.asked_at.is_some() { PlaceAction::Lapse } else { PlaceAction::Ask };
            self.move_place(tx, desk, position, action, Actor::System, Said::default())?;
        }
        Ok(())
    }

    fn record_place(
        &self,
        tx: &mut Tx<'_>,
        desk: &Desk<'_>,
        entry: &Entry,
        event: &str,
        actor: Actor,
        said: Said<'_>,
    ) -> Result<()> {
        let (subject, version) = (("wait_list_entry", entry.id.into()), entry.version);
        let state = entry.state.as_str().to_owned();
        let event = Event { subject, version, event, state, actor, is_told: true };
        self.record(tx, desk, event, said)
    }
}

fn newest_claim(tx: &mut Tx<'_>, pool: CapacityPoolId) -> Result<Option<ClaimId>> {
    Ok(current_claims(tx.connection, &[pool])?.pop().map(|claim| claim.id))
}

fn refused(refusal: Refusal, state: EntryState, action: PlaceAction, actor: Actor) -> Error {
    let may = actions(state, actor);
    let may: Vec<&str> = may.iter().map(|action| action.as_str()).collect();
    let now = if may.is_empty() { "nothing".to_owned() } else { may.join(", ") };
    Error::Conflict(format!("the place is {state}: {action} is {refusal}; what you may do now: {now}"))
}
