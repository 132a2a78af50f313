//! An offer to an organization that has nobody here: what a coordinator needs to call it, or to send it a fax.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::called::{Called, fax};
use super::calls::by_call;
use super::{Desk, act_on, words};
use crate::availability::{ContactOutcome, ContactPage, attempts};
use crate::directory::{OfferedLanguage, OrganizationFacts, find};
use crate::error::Result;
use crate::privacy::audit::{Action, record};
use crate::referrals::machine::Actor;
use crate::referrals::machine::offer::{OfferAction, OfferState, actions};
use crate::store::{DbConnection, Tx};
use crate::types::{DeclineReason, LanguageTag, OfferId, Phone, ReaderLanguage, UnknownCode, codes};

/// Calls of a pool that are looked at for what they say of its numbers.
const CALLS_LOOKED_AT: i64 = 100;

/// A number as a source lists it, beside what the directory has fields for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedNumber {
    /// The number.
    pub phone: Phone,
    /// Whether a fax answers.
    pub is_fax: bool,
    /// The languages in which it is answered, if that is listed.
    pub languages: Vec<LanguageTag>,
}

/// Finds what sources list for these organizations, services and locations, in their order.
pub type ListedNumbers = fn(&mut DbConnection, &[Uuid]) -> Result<Vec<ListedNumber>>;

codes! {
    /// Of what a number is.
    NumberOf, "owner of a number" {
        /// Of the intake of the service.
        Intake = "intake",
        /// Of the service.
        Service = "service",
        /// Of the place.
        Location = "location",
        /// Of the organization.
        Organization = "organization",
    }
}

/// What the last call to a number found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LastCall {
    /// What.
    pub outcome: ContactOutcome,
    /// When it was.
    pub attempted_at: Timestamp,
}

/// A number to call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CallNumber {
    /// As the directory has it; so it is named when the call is recorded.
    pub phone: Phone,
    /// What to dial.
    pub number: String,
    /// The extension.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub extension: Option<String>,
    /// Of what it is the number.
    pub of: NumberOf,
    /// The languages in which it is answered, as a source lists them or calls of the district found; empty says nothing.
    pub languages: Vec<LanguageTag>,
    /// What the district's last call to it found.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub last_call: Option<LastCall>,
}

/// Whether somebody is in the office.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct OfficeNow {
    /// Whether it is open now.
    pub is_open: bool,
    /// When it opens next, if it is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub opens_at: Option<Timestamp>,
    /// The same in words, where the organization is.
    #[schema(example = "Opens Monday, November 23, 2026, 9:00 AM (EST)")]
    pub says: String,
}

/// One thing to do in the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CallStep {
    /// What.
    pub step: String,
    /// What to say or to heed, a sentence each.
    pub lines: Vec<String>,
}

/// What is sent with an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CallField {
    /// Its name.
    #[schema(example = "reason")]
    pub name: &'static str,
    /// Whether it must be sent.
    pub needed: bool,
    /// What it holds.
    pub says: &'static str,
}

/// What may be done with the offer now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CallAction {
    /// Which action.
    pub action: OfferAction,
    /// Whose it is: `recipient` if the organization said so in the call, `requester` if it is the district's own.
    pub by: Actor,
    /// What it means.
    pub says: &'static str,
    /// What is sent with it.
    pub fields: Vec<CallField>,
}

/// A reason of the closed list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CallDeclineReason {
    /// The code.
    pub code: DeclineReason,
    /// What people call it.
    pub name: &'static str,
    /// What it means.
    pub description: &'static str,
}

/// What somebody needs who calls an organization about an offer.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct CallScript {
    /// The offer.
    pub offer_id: OfferId,
    /// What to name in the call and on paper: it tells nothing of anybody.
    #[schema(example = "3A7F-90C2")]
    pub reference: String,
    /// Who is called.
    pub organization: String,
    /// About which service.
    pub service: String,
    /// Its numbers, the nearest to an intake first. Empty: the directory has none.
    pub numbers: Vec<CallNumber>,
    /// Languages in which the service is given, as the directory has them; empty says nothing.
    pub languages: Vec<OfferedLanguage>,
    /// Whether somebody is there now; left out where the directory does not know the hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub office: Option<OfficeNow>,
    /// The time zone of the organization (IANA).
    #[schema(example = "America/New_York")]
    pub time_zone: String,
    /// Until when the offer waits for the reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reply_by: Option<Timestamp>,
    /// The same in words, where the organization is.
    #[schema(example = "Wednesday, November 25, 2026, 5:00 PM (EST)")]
    pub reply_by_there: String,
    /// What to do, in order.
    pub steps: Vec<CallStep>,
    /// All that may be left on a machine.
    pub voicemail: String,
    /// What a call can find.
    pub outcomes: Vec<ContactOutcome>,
    /// Exactly what may be done with the offer now.
    pub actions: Vec<CallAction>,
    /// The reasons for which a student may not be taken.
    pub decline_reasons: Vec<CallDeclineReason>,
}

/// What stands on a fax that asks for a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaxSheet {
    /// What to name in the answer: it tells nothing of anybody.
    pub reference: String,
    /// To whom.
    pub organization: String,
    /// About which service.
    pub service: String,
    /// Its fax number, if a source lists one.
    pub fax: Option<String>,
    /// Who asks: the district, never the school.
    pub district: String,
    /// The number of the district, where it is an organization too and the directory has one.
    pub district_phone: Option<String>,
    /// Its fax number, likewise.
    pub district_fax: Option<String>,
    /// When it is made, where the organization is.
    pub made_at: String,
    /// Until when a reply is waited for, where the organization is.
    pub reply_by: String,
    /// The limited profile in sentences.
    pub told: Vec<String>,
    /// The reasons of the closed list in the words of people, but the list, which has a box of its own.
    pub reasons: Vec<&'static str>,
    /// Whether it is so much that it needs smaller letters to stay on one page.
    pub is_long: bool,
}

/// Letters of names and sentences that fit on a page beside the rest, as it is set for the eye.
const FITS: usize = 800;

/// What somebody needs who calls about an offer. To read it tells the organization nothing: that it is told the limited
/// profile was put on the record when the offer was made, and nothing else is said in the call, so that there is no second
/// disclosure. Who calls is told, as any caller tells it, and that is the district.
///
/// # Errors
/// [`crate::error::Error::NotFound`] if it is not one of the caller's; [`crate::error::Error::Conflict`] if the organization answers for itself, the
/// offer waits for no reply, or the organization may not be told any more.
pub fn call_script(
    tx: &mut Tx<'_>,
    desk: &Desk<'_>,
    id: OfferId,
    listed: ListedNumbers,
) -> Result<CallScript> {
    let (offer, sides) = by_call(tx, desk, id, OfferState::is_open)?;
    let called = Called::find(tx, &offer, listed)?;
    called.may_be_told(tx, desk, &offer)?;
    let page = ContactPage { capacity_pool_id: offer.pool, since: None, after: None, limit: CALLS_LOOKED_AT };
    let (calls, _) = attempts(tx.connection, &desk.errand.principal, &page)?;
    let reference = words::reference(id);
    let reply_by_there = called.reply_by(&offer);
    let voicemail = words::voicemail(&reply_by_there);
    let steps = words::steps(&words::Call {
        district: &called.district.name,
        organization: &called.organization.facts.name,
        service: &called.service.facts.name,
        profile: &offer.terms.profile,
        state: offer.state,
        reference: &reference,
        reply_by: &reply_by_there,
        voicemail: &voicemail,
    });
    let mut may: Vec<CallAction> = sides.iter().flat_map(|side| actions_of(offer.state, *side)).collect();
    may.sort_unstable_by_key(|one| one.action);
    may.dedup_by_key(|one| one.action);
    record(tx, desk.errand, &[act_on(Action::Read, &offer)])?;
    let zone = called.organization.facts.zone();
    Ok(CallScript {
        offer_id: id,
        reference,
        numbers: called.numbers(&calls),
        office: called.office(tx.now),
        time_zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        reply_by: offer.due_at,
        reply_by_there,
        steps,
        voicemail,
        outcomes: ContactOutcome::ALL.to_vec(),
        actions: may,
        decline_reasons: DeclineReason::all().map(CallDeclineReason::of).collect(),
        languages: called.offering.languages.unwrap_or_default(),
        organization: called.organization.facts.name,
        service: called.service.facts.name,
    })
}

/// What stands on a fax about an offer. It needs no record of a disclosure of its own, for the reason that
/// [`call_script`] gives: the sheet holds the limited profile as it was recorded when the offer was made, to the same
/// organization, and nothing else of the student. That it was read is in the audit.
///
/// # Errors
/// [`crate::error::Error::NotFound`] if it is not one of the caller's; [`crate::error::Error::Conflict`] if the organization answers for itself, has
/// answered, or may not be told any more.
pub fn fax_sheet(tx: &mut Tx<'_>, desk: &Desk<'_>, id: OfferId, listed: ListedNumbers) -> Result<FaxSheet> {
    let (offer, _) = by_call(tx, desk, id, |state| state == OfferState::Requested)?;
    let called = Called::find(tx, &offer, listed)?;
    called.may_be_told(tx, desk, &offer)?;
    let (mut district_phone, mut district_fax) = (None, None);
    if let Some(organization) = called.district.organization_id {
        let facts = find::<OrganizationFacts>(tx.connection, organization)?.facts;
        district_phone = facts.phone.as_ref().map(words::dialled);
        district_fax = fax(&listed(tx.connection, &[organization.into()])?);
    }
    record(tx, desk.errand, &[act_on(Action::Read, &offer)])?;
    let zone = called.organization.facts.zone();
    let told = words::told(&offer.terms.profile);
    let names = [&called.organization.facts.name, &called.service.facts.name, &called.district.name];
    let letters: usize = names.into_iter().chain(&told).map(|text| text.chars().count()).sum();
    let reasons = DeclineReason::all().filter(|reason| reason.as_str() != "waitlisted");
    Ok(FaxSheet {
        reference: words::reference(id),
        fax: fax(&called.listed),
        made_at: ReaderLanguage::English.moment(tx.now, &zone),
        reply_by: called.reply_by(&offer),
        told,
        is_long: letters > FITS,
        reasons: reasons.map(|reason| CallDeclineReason::of(reason).name).collect(),
        district: called.district.name,
        district_phone,
        district_fax,
        organization: called.organization.facts.name,
        service: called.service.facts.name,
    })
}

fn actions_of(state: OfferState, by: Actor) -> impl Iterator<Item = CallAction> {
    actions(state, by).into_iter().map(move |action| CallAction {
        action,
        by,
        says: words::meaning(action),
        fields: words::fields(action),
    })
}

impl CallDeclineReason {
    fn of(code: DeclineReason) -> Self {
        let term = &DeclineReason::vocabulary().terms[code.index()];
        Self { code, name: &term.name, description: &term.description }
    }
}
