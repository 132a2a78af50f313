//! Contact attempts: what one coordinator's call found serves everyone the same day.
//!
//! What a call found of capacity becomes a claim that lives shortly, what it found of facts becomes an assertion,
//! and whether it was answered goes on the record of the pool. Who called, and their remarks, are for their own
//! district.

mod model;
mod rules;
mod store;

use uuid::Uuid;

use super::observations::{self, Observation};
use super::{Claim, claimed};
use crate::access::Principal;
use crate::directory::{
    CapacityPoolFacts, Facts, LocationFacts, Method, OfferingFacts, OrganizationFacts, Page, ServiceFacts,
    Voice, admit, edit, find, list,
};
use crate::error::{Error, FieldError, Result};
use crate::store::{DbConnection, Noun, Tx};
use crate::types::{CapacityPoolId, ContactAttemptId, LanguageTag, Phone};
pub use model::{ContactAttempt, ContactOutcome, ContactReport};
pub use store::ContactPage;

/// What came of recording a call.
pub struct Contacted {
    /// The attempt as it is kept.
    pub attempt: ContactAttempt,
    /// What now holds of the pool, if the call said something about capacity: its claim, unless a later one is
    /// there.
    pub claim: Option<Claim>,
    /// What the call now says of facts. What the agency said itself stands before it.
    pub said: Vec<Said>,
}

/// A fact of which a call said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// Of what kind of thing.
    pub noun: Noun,
    /// Of which one.
    pub id: Uuid,
    /// Which field.
    pub field: &'static str,
}

/// Offerings of one pool that a call speaks of.
const MOST_OFFERINGS: i64 = 100;

/// Records what `principal` found when they called.
///
/// # Errors
/// [`Error::Invalid`]; [`Error::NotFound`] if there is no such pool or offering; [`Error::Forbidden`] for an agency;
/// [`Error::Conflict`] if the pool is retired.
pub fn contact(tx: &mut Tx<'_>, principal: &Principal, report: &ContactReport) -> Result<Contacted> {
    observations::admit_observer(principal)?;
    let mut problems = rules::problems(report, tx.now);
    let attempted_at = report.attempted_at.unwrap_or(tx.now).min(tx.now);
    let claim = rules::claim(report, attempted_at);
    if problems.is_empty() {
        problems.extend(claim.iter().flat_map(|claim| super::rules::problems(claim, tx.now)));
    }
    if !problems.is_empty() {
        return Err(problems.into());
    }
    let (pool, offerings) = asked_about(tx.connection, report)?;
    let record = find::<CapacityPoolFacts>(tx.connection, pool)?;
    admit(tx.connection, principal, &record)?;
    if record.retired_at.is_some() {
        return Err(Error::Conflict(format!("the capacity pool {pool} is retired")));
    }
    let id = ContactAttemptId::new();
    // A call is a call, also one that an operator made. Assertions are read by everybody, so they name the attempt.
    let voice = Voice {
        method: Method::CoordinatorCall,
        by: format!("contact attempt {id}"),
        ..Voice::of(principal)
    };
    let said = match (report.outcome, &report.phone, &report.language) {
        (ContactOutcome::WrongNumber, Some(phone), _) => {
            wrong_number(tx, &record.facts, &offerings, phone, &voice)?
        }
        (ContactOutcome::NoLanguage, _, Some(language)) => not_spoken(tx, &offerings, language, &voice)?,
        _ => Vec::new(),
    };
    let (claim_id, claim) = match &claim {
        Some(claim) => {
            let (id, holds) = claimed(tx, &record, claim, &voice)?;
            (Some(id), Some(holds))
        }
        None => (None, None),
    };
    observations::record(
        tx,
        &Observation::call(pool, report.outcome.is_answered(), attempted_at),
        &principal.name,
    )?;
    let attempt = ContactAttempt {
        id,
        capacity_pool_id: pool,
        offering_id: report.offering_id,
        outcome: report.outcome,
        phone: report.phone.clone(),
        language: report.language.clone(),
        notes: report.notes.clone(),
        attempted_at,
        recorded_at: tx.now,
        attempted_by: principal.name.clone(),
        district_id: principal.tie.district(),
        claim_id,
    };
    store::insert(tx.connection, &attempt)?;
    Ok(Contacted { attempt, claim, said })
}

/// One page of what calls to a pool found, the latest first. Those of another district than the reader's come without
/// who called, the number and their remarks.
///
/// # Errors
/// [`Error::NotFound`] if there is no such pool.
pub fn attempts(
    connection: &mut DbConnection,
    reader: &Principal,
    page: &ContactPage,
) -> Result<(Vec<ContactAttempt>, i64)> {
    find::<CapacityPoolFacts>(connection, page.capacity_pool_id)?;
    let (mut attempts, count) = store::page(connection, page)?;
    let own = reader.tie.district();
    for attempt in attempts.iter_mut().filter(|attempt| own.is_none() || attempt.district_id != own) {
        attempt.attempted_by.clear();
        attempt.notes = None;
        attempt.phone = None;
        attempt.district_id = None;
    }
    Ok((attempts, count))
}

type Offering = crate::directory::Record<OfferingFacts>;

/// The pool that was asked about, and the offerings that what was found of facts is said of.
fn asked_about(
    connection: &mut DbConnection,
    report: &ContactReport,
) -> Result<(CapacityPoolId, Vec<Offering>)> {
    if let Some(offering) = report.offering_id {
        let offering = find::<OfferingFacts>(connection, offering)?;
        let missing = || Error::NotFound { what: "capacity pool", id: offering.id.to_string() };
        let pool = offering.facts.capacity_pool_id.ok_or_else(missing)?;
        if report.capacity_pool_id.is_some_and(|named| named != pool) {
            let message = format!("the offering draws on the pool {pool}; name that one, or leave it out");
            return Err(FieldError::body("/capacity_pool_id", message).into());
        }
        return Ok((pool, vec![offering]));
    }
    let missing = || FieldError::body("/capacity_pool_id", "is missing");
    let pool = report.capacity_pool_id.ok_or_else(missing)?;
    let filters = vec![("capacity_pool_id", pool.to_string())];
    let (offerings, _) = list(connection, &Page { limit: MOST_OFFERINGS, filters, ..Page::default() })?;
    Ok((pool, offerings))
}

/// Says of every record that gives this number that it does not reach it.
fn wrong_number(
    tx: &mut Tx<'_>,
    pool: &CapacityPoolFacts,
    offerings: &[Offering],
    phone: &Phone,
    voice: &Voice,
) -> Result<Vec<Said>> {
    let mut said = Vec::new();
    let mut known: Vec<String> = Vec::new();
    let organization = find::<OrganizationFacts>(tx.connection, pool.organization_id)?;
    known.extend(organization.facts.phone.iter().map(ToString::to_string));
    if organization.facts.phone.as_ref() == Some(phone) {
        say::<OrganizationFacts>(tx, organization.id, "phone", &serde_json::Value::Null, voice, &mut said)?;
    }
    let mut services: Vec<_> = offerings.iter().map(|offering| offering.facts.service_id).collect();
    services.sort_unstable();
    services.dedup();
    for id in services {
        let service = find::<ServiceFacts>(tx.connection, id)?;
        known.extend(service.facts.phone.iter().chain(&service.facts.intake_phones).map(ToString::to_string));
        if service.facts.phone.as_ref() == Some(phone) {
            say::<ServiceFacts>(tx, id, "phone", &serde_json::Value::Null, voice, &mut said)?;
        }
        if service.facts.intake_phones.contains(phone) {
            let others: Vec<&Phone> =
                service.facts.intake_phones.iter().filter(|other| *other != phone).collect();
            say::<ServiceFacts>(tx, id, "intake_phones", &serde_json::json!(others), voice, &mut said)?;
        }
    }
    let mut locations: Vec<_> = offerings.iter().filter_map(|offering| offering.facts.location_id).collect();
    locations.sort_unstable();
    locations.dedup();
    for id in locations {
        let location = find::<LocationFacts>(tx.connection, id)?;
        known.extend(location.facts.phone.iter().map(ToString::to_string));
        if location.facts.phone.as_ref() == Some(phone) {
            say::<LocationFacts>(tx, id, "phone", &serde_json::Value::Null, voice, &mut said)?;
        }
    }
    if said.is_empty() {
        known.sort_unstable();
        known.dedup();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let message = format!("is no number that is given for this; there is {known}");
        return Err(FieldError::body("/phone", message).into());
    }
    Ok(said)
}

/// Says of each of these offerings that it does not have this language, if it was said to.
fn not_spoken(
    tx: &mut Tx<'_>,
    offerings: &[Offering],
    language: &LanguageTag,
    voice: &Voice,
) -> Result<Vec<Said>> {
    let mut said = Vec::new();
    for offering in offerings {
        let Some(languages) = &offering.facts.languages else { continue };
        let others: Vec<_> = languages.iter().filter(|offered| offered.language != *language).collect();
        if others.len() < languages.len() {
            // None left is not none spoken: it was asked about one.
            let others = if others.is_empty() { serde_json::Value::Null } else { serde_json::json!(others) };
            say::<OfferingFacts>(tx, offering.id, "languages", &others, voice, &mut said)?;
        }
    }
    Ok(said)
}

fn say<F: Facts>(
    tx: &mut Tx<'_>,
    id: F::Id,
    field: &'static str,
    value: &serde_json::Value,
    voice: &Voice,
    said: &mut Vec<Said>,
) -> Result<()> {
    edit::<F>(tx, id, None, &serde_json::json!({ field: value }), voice)?;
    said.push(Said { noun: F::NOUN, id: id.into(), field });
    Ok(())
}
