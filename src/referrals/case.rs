//! A referral with everything that belongs to it, while something is done with it in one transaction. Each change is
//! written at once, with its row in the history; the referral itself once, at the end.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::Desk;
use super::clock::CAUSEWAY;
use super::machine::offer::{OfferAction, OfferEffect, OfferState};
use super::machine::place::PlaceAction;
use super::machine::referral::{BusinessStatus, Progress, ReferralState, ReferralStatus, business_status};
use super::machine::{Actor, Refusal, offer};
use super::model::{Candidate, Entry, EntryState, Measure, Need, Offer, Plan, Referral};
use super::rules;
use super::served::observed;
use super::store::{self, EventRow};
use super::worklists::{self, end_of};
use crate::access::{Principal, Tie};
use crate::availability::holds;
use crate::availability::record_observation;
use crate::directory::{OfferingFacts, find};
use crate::error::{Error, Result};
use crate::privacy::Consent;
use crate::privacy::consents;
use crate::privacy::vault::StudentKey;
use crate::store::{Tenant, Tx, to_sql};
use crate::students::file::File;
use crate::types::{OfferId, ReferralId, WaitListEntryId};

/// Where what lies sealed stands.
pub(super) const NEED: &str = "referrals";
pub(super) const PINS: &str = "offers";
const WRITTEN: &str = "referral_events";
/// How long an insurer may take.
const VERIFICATION: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What somebody said with what they did.
#[derive(Clone, Copy, Default)]
pub(super) struct Said<'a> {
    /// The reason, as a code.
    pub(super) reason: Option<&'a str>,
    /// What they wrote.
    pub(super) text: Option<&'a str>,
    /// The appointment that they made.
    pub(super) appointment_at: Option<Timestamp>,
    /// Until when slots go to those behind.
    pub(super) until: Option<Timestamp>,
    /// Whether the service is given in the language that is needed.
    pub(super) in_needed_language: Option<bool>,
    /// How the student does.
    pub(super) measure: Option<&'a Measure>,
}

/// A referral with everything that belongs to it.
pub(super) struct Case {
    /// On whose behalf.
    pub(super) tenant: Tenant,
    pub(super) file: File,
    pub(super) consents: Vec<Consent>,
    pub(super) need: Need,
    pub(super) referral: Referral,
    pub(super) offers: Vec<Offer>,
    pub(super) entries: Vec<Entry>,
    /// Whether somebody could be asked if a consent allowed it, as the last look at the shortlist found.
    pub(super) lacks_consent: bool,
    /// The places that are waited in for nothing as long as no consent allows it.
    pub(super) barred: Vec<WaitListEntryId>,
    /// As it was read, to see whether it has changed.
    before: (ReferralStatus, Option<BusinessStatus>, Plan, Vec<u8>),
}

impl Case {
    /// Opens a referral of a tenant's, and keeps others from it until the end of the transaction.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub(super) fn open(tx: &mut Tx<'_>, desk: &Desk<'_>, tenant: &Tenant, id: ReferralId) -> Result<Self> {
        store::lock(tx, tenant, id)?;
        let referral = store::find(tx.connection, tenant, id)?;
        let offers = store::offers_of(tx.connection, tenant, id)?;
        let entries = store::entries_of(tx.connection, tenant, id)?;
        let file = File::open(tx, desk.vault, tenant, referral.student)?;
        let need = file.key.open(NEED, referral.id, &referral.sealed)?;
        Ok(Self { offers, entries, ..Self::begin(tx, tenant, file, referral, need)? })
    }

    /// A referral that is just being made.
    pub(super) fn begin(
        tx: &mut Tx<'_>,
        tenant: &Tenant,
        file: File,
        referral: Referral,
        need: Need,
    ) -> Result<Self> {
        let consents = consents::list(tx.connection, tenant, &file.key, referral.student)?;
        let before =
            (referral.status, referral.business_status, referral.plan.clone(), referral.sealed.clone());
        Ok(Self {
            tenant: tenant.clone(),
            file,
            consents: consents.into_iter().map(|kept| kept.consent).collect(),
            need,
            referral,
            offers: Vec::new(),
            entries: Vec::new(),
            lacks_consent: false,
            barred: Vec::new(),
            before,
        })
    }

    /// Where the referral stands.
    pub(super) fn state(&self) -> ReferralState {
        ReferralState::of(self.referral.status, self.engaged().is_some())
    }

    /// The offer that was accepted and has not ended.
    pub(super) fn engaged(&self) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.state.is_engaged())
    }

    /// Offers that wait for a reply.
    pub(super) fn open_offers(&self) -> impl Iterator<Item = &Offer> {
        self.offers.iter().filter(|offer| offer.state.is_open())
    }

    /// Does something with an offer, and what follows from it.
    ///
    /// # Errors
    /// [`Error::Conflict`] if it may not be done; if the database fails.
    pub(super) fn act(
        &mut self,
        tx: &mut Tx<'_>,
        desk: &Desk<'_>,
        id: OfferId,
        action: OfferAction,
        actor: Actor,
        said: Said<'_>,
    ) -> Result<()> {
        let position = self.offers.iter().position(|offer| offer.id == id);
        let position = position.ok_or_else(|| Error::NotFound { what: "offer", id: id.to_string() })?;
        let one = &mut self.offers[position];
        let before = one.state;
        // Who asks is told no more of the state than they may know.
        let known = if actor == Actor::Requester { one.as_told().state } else { before };
        let to = offer::transition(before, action, actor)
            .map_err(|refusal| refused(refusal, known, action, actor))?;
        let by_agency = matches!(desk.errand.principal.tie, Tie::Organization(_));
        if actor == Actor::Recipient && by_agency && one.terms.by_call {
            // It has people here after all, who keep the record from now on; what was recorded of calls is known.
            one.tell();
            one.terms.by_call = false;
        }
        one.state = to.state;
        one.version += 1;
        one.updated_at = tx.now;
        one.due_at = match to.state {
            OfferState::Requested => one.due_at,
            OfferState::PendingVerification => Some(tx.now + VERIFICATION),
            OfferState::Engaged(_)
            | OfferState::OnHold(_)
            | OfferState::CancellationRequested
            | OfferState::Completed
            | OfferState::Failed
            | OfferState::Rejected
            | OfferState::Cancelled
            | OfferState::EnteredInError => None,
        };
        if let Some(reason) = said.reason {
            one.terms.reason = Some(reason.to_owned());
        }
        rules::note(&mut one.terms, action, said.appointment_at, said.in_needed_language, tx.now);
        let mut one = one.clone();
        let is_told =
            !rules::tells_of_service(before, action) || self.tell_school(tx, desk, &mut one, said.measure)?;
        if said.reason.is_some() {
            one.terms.is_reason_withheld = !is_told;
        }
        self.offers[position] = one.clone();
        store::update_offer(tx, &self.tenant, &one)?;
        let event = Event {
            subject: ("offer", one.id.into()),
            version: one.version,
            event: action.as_str(),
            state: one.state.to_string(),
            actor,
            is_told,
        };
        self.record(tx, desk, event, said)?;
        // What is seen of a pool is everybody's to read: of a service it is recorded only where it was told.
        if is_told {
            for observation in observed(&one, before, action, tx.now) {
                record_observation(tx, &observation, "referrals")?;
            }
        }
        for effect in to.effects {
            match effect {
                OfferEffect::TakeSlot => {
                    // An acceptance is never refused for want of one: the agency knows better.
                    holds::place(tx, one.pool, one.id.into())?;
                }
                OfferEffect::FreeSlot => {
                    holds::release(tx, one.id.into())?;
                }
                OfferEffect::EndTheRest => {
                    self.end_open_offers(tx, desk, "accepted_elsewhere", Some(one.id))?;
                    let waiting = EntryState::Waiting;
                    self.move_places(tx, desk, waiting, PlaceAction::Release, "accepted_elsewhere")?;
                }
                OfferEffect::RejoinLists => {
                    self.move_places(tx, desk, EntryState::Released, PlaceAction::Rejoin, "handed_back")?;
                }
                OfferEffect::JoinList => self.join(tx, desk, one.offering, one.pool, true)?,
                OfferEffect::StopCascade => self.referral.plan.is_stopped = true,
            }
        }
        if action == OfferAction::Expire {
            self.come_back(tx, desk, one.pool)?;
        }
        Ok(())
    }

    /// Withdraws every offer that waits for a reply, but one.
    pub(super) fn end_open_offers(
        &mut self,
        tx: &mut Tx<'_>,
        desk: &Desk<'_>,
        reason: &str,
        except: Option<OfferId>,
    ) -> Result<()> {
        let open: Vec<OfferId> =
            self.open_offers().map(|offer| offer.id).filter(|id| Some(*id) != except).collect();
        for id in open {
            let said = Said { reason: Some(reason), ..Said::default() };
            self.act(tx, desk, id, OfferAction::Withdraw, Actor::System, said)?;
        }
        Ok(())
    }

    /// The candidates to whom these offers were made are to be asked again.
    pub(super) fn forget_offers(&mut self, offers: &[OfferId]) {
        for candidate in &mut self.referral.plan.shortlist {
            if candidate.offer_id.is_some_and(|offer| offers.contains(&offer)) {
                candidate.offer_id = None;
            }
        }
    }

    /// Says of every offer that has not ended that it was in error.
    pub(super) fn void_offers(&mut self, tx: &mut Tx<'_>, desk: &Desk<'_>) -> Result<()> {
        let alive: Vec<OfferId> =
            self.offers.iter().filter(|offer| !offer.state.is_terminal()).map(|offer| offer.id).collect();
        for id in alive {
            let said = Said { reason: Some("referral_in_error"), ..Said::default() };
            self.act(tx, desk, id, OfferAction::EnterInError, Actor::System, said)?;
        }
        Ok(())
    }

    /// How far the referral has come, by its offers and places.
    pub(super) fn progress(&self) -> Progress {
        Progress {
            engaged: self.engaged().map(|offer| offer.as_told().state),
            has_open_offer: self.open_offers().next().is_some(),
            is_waiting: self.waiting().any(|entry| !self.barred.contains(&entry.id)),
            lacks_consent: self.lacks_consent,
        }
    }

    /// Writes what the referral has become, with its row in the history: under the name of what was done with it, or of
    /// what followed from something else. What has not changed is not written;
    /// says whether it has.
    pub(super) fn save(
        &mut self,
        tx: &mut Tx<'_>,
        desk: &Desk<'_>,
        done: Option<(&str, Actor)>,
        said: Said<'_>,
    ) -> Result<bool> {
        let progress = self.progress();
        let offers: Vec<Offer> = self.offers.iter().map(Offer::as_told).collect();
        let referral = &mut self.referral;
        if referral.status != ReferralStatus::OnHold {
            referral.business_status = business_status(referral.status, &progress);
        }
        let confirm_by = worklists::rules::confirm_by(&self.entries);
        let referral = &mut self.referral;
        referral.plan.due = rules::due(referral, &offers, progress, confirm_by, tx.now);
        referral.due_at = rules::first_due(referral, &self.file.zone);
        let look_at = rules::look_at(referral, progress, &self.file.zone, tx.now);
        let looked_at = std::mem::replace(&mut referral.look_at, look_at);
        let season_end = self.season_end(tx)?;
        let places = worklists::rules::places(&self.referral, &offers, &self.entries, season_end);
        let referral = &mut self.referral;
        let places_before = std::mem::replace(&mut referral.plan.worklists, places);
        let (status, business, plan, sealed) = &self.before;
        let is_same = *status == referral.status
            && *business == referral.business_status
            && *plan == referral.plan
            && *sealed == referral.sealed;
        if is_same && done.is_none() {
            if looked_at != referral.look_at {
                store::look_again(tx, &self.tenant, referral)?;
            }
            return Ok(false);
        }
        referral.version += 1;
        referral.updated_at = tx.now;
        store::update(tx, &self.tenant, referral)?;
        if places_before != referral.plan.worklists || plan.owner != referral.plan.owner {
            worklists::store::replace(tx, &self.tenant, referral)?;
        }
        let (event, actor) = done.unwrap_or(("follow", Actor::System));
        let event = Event {
            subject: ("referral", referral.id.into()),
            version: referral.version,
            event,
            state: referral.status.as_str().to_owned(),
            actor,
            is_told: true,
        };
        self.record(tx, desk, event, said)?;
        Ok(true)
    }

    /// Seals anew what is needed, after it has changed.
    pub(super) fn seal_need(&mut self) -> Result<()> {
        self.referral.sealed = self.file.key.seal(NEED, self.referral.id, &self.need)?;
        Ok(())
    }

    /// When the season ends of what is given, where nothing follows: its last day is over where the district is.
    fn season_end(&self, tx: &mut Tx<'_>) -> Result<Option<Timestamp>> {
        let Some(engaged) = self.engaged() else { return Ok(None) };
        if self.referral.plan.shortlist.iter().any(Candidate::is_left) {
            return Ok(None);
        }
        let offering = find::<OfferingFacts>(tx.connection, engaged.offering)?.facts;
        let day = |at: Timestamp| at.to_zoned(self.file.zone.clone()).date();
        let used_from = day(engaged.terms.accepted_at.unwrap_or(tx.now));
        let season = offering.schedule.and_then(|schedule| schedule.season);
        let last_day = season.and_then(|season| season.last_day(used_from, day(tx.now)));
        Ok(last_day.and_then(|day| end_of(day, &self.file.zone)))
    }

    /// Puts the making of the referral on the record.
    pub(super) fn record_creation(&self, tx: &mut Tx<'_>, desk: &Desk<'_>, said: Said<'_>) -> Result<()> {
        let event = Event {
            subject: ("referral", self.referral.id.into()),
            version: self.referral.version,
            event: "create",
            state: self.referral.status.as_str().to_owned(),
            actor: Actor::Requester,
            is_told: true,
        };
        self.record(tx, desk, event, said)
    }

    /// Puts an offer that was just made on the record.
    pub(super) fn record_offer(&self, tx: &mut Tx<'_>, desk: &Desk<'_>, offer: &Offer) -> Result<()> {
        let event = Event {
            subject: ("offer", offer.id.into()),
            version: offer.version,
            event: "request",
            state: offer.state.to_string(),
            actor: Actor::System,
            is_told: true,
        };
        self.record(tx, desk, event, Said::default())
    }

    /// Puts a call about an offer on the record, with what it found as the reason. The offer stands where it stood.
    pub(super) fn record_contact(
        &mut self,
        tx: &mut Tx<'_>,
        desk: &Desk<'_>,
        id: OfferId,
        said: Said<'_>,
    ) -> Result<()> {
        let one = self.offers.iter_mut().find(|offer| offer.id == id);
        let one = one.ok_or_else(|| Error::NotFound { what: "offer", id: id.to_string() })?;
        one.version += 1;
        one.updated_at = tx.now;
        let one = one.clone();
        store::update_offer(tx, &self.tenant, &one)?;
        let event = Event {
            subject: ("offer", id.into()),
            version: one.version,
            event: "contact",
            state: one.state.to_string(),
            actor: Actor::Requester,
            is_told: true,
        };
        self.record(tx, desk, event, said)
    }

    pub(super) fn record(
        &self,
        tx: &mut Tx<'_>,
        desk: &Desk<'_>,
        event: Event<'_>,
        said: Said<'_>,
    ) -> Result<()> {
        let Event { subject: (subject, id), version, event, state, actor, is_told } = event;
        // What follows from what somebody did is not theirs.
        let system = Principal::of_deployment(CAUSEWAY);
        let principal = if actor == Actor::System { &system } else { &*desk.errand.principal };
        let row = EventRow {
            subject_id: id.to_string(),
            version,
            subject: subject.to_owned(),
            referral_id: self.referral.id.to_string(),
            district_id: self.referral.district.to_string(),
            event: event.to_owned(),
            state,
            actor: actor.as_str().to_owned(),
            principal_id: principal.id.to_string(),
            principal_name: principal.name.clone(),
            reason: said.reason.map(ToOwned::to_owned),
            sealed: said.text.map(|text| written(&self.file.key, id, version, text)).transpose()?,
            at: to_sql(tx.now),
            is_told,
        };
        store::insert_event(tx, &self.tenant, &row)
    }
}

/// What is put on the record.
pub(super) struct Event<'a> {
    pub(super) subject: (&'a str, Uuid),
    pub(super) version: i64,
    pub(super) event: &'a str,
    pub(super) state: String,
    pub(super) actor: Actor,
    /// Whether the district is told.
    pub(super) is_told: bool,
}

fn written(key: &StudentKey, id: Uuid, version: i64, text: &str) -> Result<Vec<u8>> {
    key.seal(&format!("{WRITTEN} {version}"), id, &text)
}

/// What was written with an event.
pub(super) fn read_written(key: &StudentKey, event: &EventRow) -> Result<Option<String>> {
    let Some(sealed) = &event.sealed else { return Ok(None) };
    let id: Uuid = crate::directory::parse_id(&event.subject_id)?;
    key.open(&format!("{WRITTEN} {}", event.version), id, sealed).map(Some)
}

fn refused(refusal: Refusal, state: OfferState, action: OfferAction, actor: Actor) -> Error {
    let refusal = match action.by() {
        // Whether it could be done by somebody else would tell of the state.
        [first, ..] if !action.by().contains(&actor) => Refusal::NotYours(*first),
        _ => refusal,
    };
    let may = offer::actions(state, actor);
    let may: Vec<&str> = may.iter().map(|action| action.as_str()).collect();
    let now = if may.is_empty() { "nothing".to_owned() } else { may.join(", ") };
    Error::Conflict(format!("the offer is {state}: {action} is {refusal}; what you may do now: {now}"))
}
