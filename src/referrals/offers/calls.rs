//! A call about an offer to an organization that has nobody here, put on the record.
//!
//! A call that found something is one contact attempt like any other (`availability::contact`): it serves everybody who
//! seeks a place there. Recorded here it also stands in the history of the referral, and may bring the answer along, which
//! then is the same action as any answer, in the same transaction. So there is one word for calls and one for answers, and
//! neither is read into the other: `full` is news of the openings and declines nothing, since who answers the telephone is
//! not always who decides.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Desk, act_on, admitted};
use crate::access::Scope;
use crate::availability::{ContactOutcome, ContactReport, Contacted, contact};
use crate::error::{Error, FieldError, Result};
use crate::privacy::audit::{Action, record};
use crate::referrals::asks::{OfferAct, text_fault};
use crate::referrals::cascade;
use crate::referrals::case::{Case, Said};
use crate::referrals::machine::Actor;
use crate::referrals::machine::offer::OfferState;
use crate::referrals::model::Offer;
use crate::store::Tx;
use crate::students::tenant;
use crate::types::{LanguageTag, OfferId, Phone};

/// A clock on the wall shows no seconds.
const WALL_CLOCK: SignedDuration = SignedDuration::from_mins(1);

/// A call about an offer: what it found, and what the organization answered, if it did.
#[derive(Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OfferContactAttemptCreate)]
pub struct CallReport {
    /// What was found. It says nothing of the offer: with `full` alone the offer goes on waiting for its answer.
    pub outcome: ContactOutcome,
    /// The number that was called; required with `wrong_number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "+19785550142")]
    pub phone: Option<Phone>,
    /// The language that was used or asked for; required with `no_language`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "es")]
    pub language: Option<LanguageTag>,
    /// With `open`: openings that are promised to nobody yet, without the one that an answer here takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub open_slots: Option<u32>,
    /// With `waiting`: how many wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub waiting: Option<u32>,
    /// With `open`, `waiting` or `full`: the first date on which someone new could start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_available_date: Option<Date>,
    /// When the call was; now, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub attempted_at: Option<Timestamp>,
    /// Remarks for those who work with the student in the district. They lie sealed in the history of the referral and
    /// are no part of the contact attempt, which everybody who seeks a place may read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub note: Option<String>,
    /// What the organization answered: an action of its own, as at `/v1/offers/{id}/actions`. Left out, the offer goes on
    /// waiting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub answer: Option<OfferAct>,
}

impl CallReport {
    /// The call as one that may have been about anybody.
    fn contact(&self, offer: &Offer) -> ContactReport {
        ContactReport {
            capacity_pool_id: None,
            offering_id: Some(offer.offering),
            outcome: self.outcome,
            phone: self.phone.clone(),
            language: self.language.clone(),
            open_slots: self.open_slots,
            waiting: self.waiting,
            next_available_date: self.next_available_date,
            notes: None,
            attempted_at: self.attempted_at,
        }
    }

    /// What is wrong with it at `now`, beside what is wrong with any call.
    fn faults(&self, offer: &Offer, now: Timestamp) -> Vec<FieldError> {
        let mut faults = Vec::new();
        if self.attempted_at.is_some_and(|at| at + WALL_CLOCK < offer.created_at) {
            let message = format!("lies before the offer, which was made at {}", offer.created_at);
            faults.push(FieldError::body("/attempted_at", message));
        }
        faults.extend(self.note.as_deref().and_then(|note| text_fault("/note", note)));
        let Some(answer) = &self.answer else { return faults };
        faults.extend(answer.faults(now).into_iter().map(|fault| fault.inside("/answer")));
        let action = answer.action();
        if !action.by().contains(&Actor::Recipient) {
            let message = format!(
                "{action} is the district's own, and no answer of the organization: POST /v1/offers/{{id}}/actions does it"
            );
            faults.push(FieldError::body("/answer/action", message));
        } else if !self.outcome.is_answered() {
            let message = format!(
                "is there, but {} says that nobody of the organization was reached: leave one of the two out",
                self.outcome
            );
            faults.push(FieldError::body("/answer", message));
        }
        faults
    }
}

/// Records a call about an offer, in the history of the referral and as a contact attempt that serves everybody; and the
/// answer, if one was given. Without one the offer stands where it stood, whatever the call found.
///
/// # Errors
/// [`Error::NotFound`] if it is not one of the caller's; [`Error::Forbidden`] for one who may not say what a pool can take;
/// [`Error::Invalid`]; [`Error::Conflict`] if the organization answers for itself, the offer waits for no reply, or the
/// answer is none that may be given now.
pub fn record_call(
    tx: &mut Tx<'_>,
    desk: &Desk<'_>,
    id: OfferId,
    call: &CallReport,
) -> Result<(Offer, Contacted)> {
    let principal = &desk.errand.principal;
    if !principal.has(Scope::AvailabilityWrite) {
        let message = format!(
            "what a call found is everybody's news of the openings, and needs the scope {} too; the answer alone is \
             recorded by POST /v1/offers/{{id}}/actions",
            Scope::AvailabilityWrite
        );
        return Err(Error::Forbidden(message));
    }
    let (found, _) = by_call(tx, desk, id, OfferState::is_open)?;
    let faults = call.faults(&found, tx.now);
    if !faults.is_empty() {
        return Err(faults.into());
    }
    record(tx, desk.errand, &[act_on(Action::Change, &found)])?;
    let mut case = Case::open(tx, desk, tenant(desk.errand)?, found.referral)?;
    let said = Said { reason: Some(call.outcome.as_str()), text: call.note.as_deref(), ..Said::default() };
    case.record_contact(tx, desk, id, said)?;
    // The slot that an answer takes is taken before the call's own word of what is left counts anew.
    if let Some(answer) = &call.answer {
        case.act(tx, desk, id, answer.action(), Actor::Recipient, answer.said())?;
    }
    let contacted = contact(tx, principal, &call.contact(&found))?;
    if call.answer.is_some() {
        cascade::settle(tx, desk, &mut case, None, Said::default())?;
    }
    let offer = case.offers.into_iter().find(|offer| offer.id == id);
    let offer = offer.ok_or_else(|| Error::NotFound { what: "offer", id: id.to_string() })?;
    Ok((offer, contacted))
}

/// An offer of the district's to an organization that has nobody here, in a state that a call is for.
pub(super) fn by_call(
    tx: &mut Tx<'_>,
    desk: &Desk<'_>,
    id: OfferId,
    is_fit: impl Fn(OfferState) -> bool,
) -> Result<(Offer, Vec<Actor>)> {
    // Agencies have no part in calls to themselves.
    tenant(desk.errand)?;
    let (offer, sides) = admitted(tx, desk, id)?;
    if !offer.terms.by_call {
        let message = "the organization has people here and answers for itself: it finds the offer at GET /v1/offers, and \
                       what came of it stands at GET /v1/offers/{id}";
        return Err(Error::Conflict(message.to_owned()));
    }
    if !is_fit(offer.state) {
        let message = format!(
            "the offer is {}, and waits for no such reply: GET /v1/offers/{{id}}/actions says what may be done now; a call \
             about openings is recorded by POST /v1/contact-attempts",
            offer.state
        );
        return Err(Error::Conflict(message));
    }
    Ok((offer, sides))
}
