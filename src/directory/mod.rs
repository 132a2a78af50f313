//! The directory: organizations, locations, services, offerings, capacity pools, insurance plans,
//! districts, schools and partnerships.
//!
//! Every noun has the same life: it is *created*, *edited* (optimistically, by version) and *retired* by a
//! person, or *stated* by an import. What stands is folded from who said what ([`assertions`]).

pub(crate) mod assertions;
mod calendar;
mod duplicates;
mod facts;
mod merges;
mod partnerships;
mod places;
mod reach;
mod record;
mod rules;
mod towns;

use jiff::SignedDuration;
use serde_json::Value;
use uuid::Uuid;

pub use assertions::{Assertion, Method, Voice};
pub use duplicates::{Candidate, Dismissal, DuplicatesAsk, Evidence, Pair, dismiss, duplicates};
pub use facts::*;
pub use merges::{Merge, families, merge, merges_of, stands_under, survivors, unmerge};
pub use partnerships::{collaboratives_of, organizations_ever_of, partners_of, partnerships_of};
pub use places::{
    Placed, PostalPlace, Replaced, centre_of, centres_of, compare_centres, install_embedded,
    known_postal_codes, near_postal_codes, placed, replace_centres, some_centres,
};
pub use reach::{admit, admit_everywhere, admit_new};
pub use record::{COUNTED_UP_TO, Facts, Page, Record, find};
pub(crate) use record::{find_all, parse_id};
pub use towns::{
    Town, TownInPlace, TownKey, TownPage, TownsReplaced, compare_towns, find_town, in_place, knows_towns,
    list_towns, near_towns, replace_towns, towns_at, towns_named,
};

use crate::error::{Error, FieldError, Result};
use crate::store::{Change, DbConnection, Noun, Tx};
use crate::types::{AssertionId, CapacityPoolId, CapacityPoolKind, OrganizationId, ServiceId};

/// Records something new.
///
/// # Errors
/// [`Error::Invalid`] if the facts are wrong or refer to what is not there; [`Error::Conflict`] if `id` is taken.
pub fn create<F: Facts>(tx: &mut Tx<'_>, id: F::Id, facts: &F, voice: &Voice) -> Result<Record<F>> {
    accept(tx.connection, facts)?;
    insert(tx, id, facts.clone(), assertions::document(facts)?, voice)
}

/// Records a new offering; one that names no capacity pool gets one of its own.
///
/// # Errors
/// As [`create`].
pub fn create_offering(
    tx: &mut Tx<'_>,
    id: crate::types::OfferingId,
    facts: &OfferingFacts,
    voice: &Voice,
) -> Result<Record<OfferingFacts>> {
    let mut facts = facts.clone();
    if facts.capacity_pool_id.is_none() {
        accept(tx.connection, &facts)?;
        let service = find::<ServiceFacts>(tx.connection, facts.service_id)?;
        let pool = CapacityPoolFacts {
            organization_id: service.facts.organization_id,
            name: facts.name.clone().unwrap_or(service.facts.name),
            kind: CapacityPoolKind::Program,
        };
        facts.capacity_pool_id = Some(create(tx, CapacityPoolId::new(), &pool, voice)?.id);
    }
    create(tx, id, &facts, voice)
}

/// Changes what is said: `patch` is a JSON merge patch (RFC 7396) on the facts.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`] unless `expected`, if given, is the version; [`Error::Invalid`] if the facts
/// would be wrong.
pub fn edit<F: Facts>(
    tx: &mut Tx<'_>,
    id: F::Id,
    expected: Option<i64>,
    patch: &Value,
    voice: &Voice,
) -> Result<Record<F>> {
    let record = current::<F>(tx.connection, id, expected)?;
    let before = assertions::document(&record.facts)?;
    let mut after = Value::Object(before.clone());
    json_patch::merge(&mut after, patch);
    let facts: F = parse(after)?;
    if F::NOUN == Noun::Offering && patch.get("capacity_pool_id").is_some_and(Value::is_null) {
        let message = "cannot be taken away: every offering draws on a pool; name another one instead";
        return Err(FieldError::body("/capacity_pool_id", message).into());
    }
    accept_after(tx.connection, &facts, Some(&record))?;
    let changed = assertions::difference(&before, &assertions::document(&facts)?);
    if changed.is_empty() {
        return Ok(record);
    }
    restate(tx, &record, voice, changed)
}

/// Retires it: it is kept, and neither listed nor found any more. What depends on it is no longer found
/// either.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`] unless `expected`, if given, is the version.
pub fn retire<F: Facts>(tx: &mut Tx<'_>, id: F::Id, expected: Option<i64>) -> Result<Record<F>> {
    let mut record = current::<F>(tx.connection, id, expected)?;
    if record.retired_at.is_none() {
        record.retired_at = Some(tx.now);
        save(tx, &mut record)?;
    }
    Ok(record)
}

/// One page of records in the order of their ids, and how many there are in all (counted up to
/// [`COUNTED_UP_TO`] + 1). An organization that is merged is not listed; what belongs to it is listed with what
/// belongs to its survivor.
///
/// # Errors
/// If the database fails.
pub fn list<F: Facts>(connection: &mut DbConnection, page: &Page) -> Result<(Vec<Record<F>>, i64)> {
    let page = merges::widened(connection, page)?;
    let (rows, count) = F::page(connection, &page)?;
    Ok((rows.into_iter().map(Record::from_row).collect::<Result<_>>()?, count))
}

/// Everything that was said of it, in the order of time; of an organization, also what was said of those that
/// are merged into it.
///
/// # Errors
/// [`Error::NotFound`].
pub fn said_of<F: Facts>(connection: &mut DbConnection, id: F::Id) -> Result<Vec<Assertion>> {
    find::<F>(connection, id)?;
    let family = merges::family_of::<F>(connection, id)?;
    let mut said = assertions::said_of(connection, &family)?;
    said.sort_by_key(|assertion| (assertion.at, assertion.id));
    Ok(said)
}

/// What stating something by import did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stated {
    /// It was not known.
    Created,
    /// Its source says something else than before.
    Updated,
    /// Its source says what it said before.
    Unchanged,
}

/// What is known of a subject before an import states it.
pub struct Known<F: Facts> {
    record: Option<Record<F>>,
    said: Vec<Assertion>,
}

/// What is known of each of these subjects: one query for many.
///
/// # Errors
/// If the database fails.
pub fn known<F: Facts>(
    connection: &mut DbConnection,
    ids: &[F::Id],
) -> Result<std::collections::HashMap<Uuid, Known<F>>> {
    let mut known: std::collections::HashMap<Uuid, Known<F>> = find_all::<F>(connection, ids)?
        .into_iter()
        .map(|record| (record.id.into(), Known { record: Some(record), said: Vec::new() }))
        .collect();
    let subjects: Vec<Uuid> = known.keys().copied().collect();
    for assertion in assertions::said_of(connection, &subjects)? {
        if let Some(known) = known.get_mut(&assertion.subject) {
            known.said.push(assertion);
        }
    }
    Ok(known)
}

/// What stating `facts` would do, given what is known.
///
/// # Errors
/// If the facts cannot be written as JSON.
pub fn would_state<F: Facts>(known: Option<&Known<F>>, facts: &F, voice: &Voice) -> Result<Stated> {
    let Some(Known { record: Some(_), said }) = known else { return Ok(Stated::Created) };
    let last =
        said.iter().rev().find(|one| one.voice.method == voice.method && one.voice.source == voice.source);
    Ok(match last {
        Some(last) if last.facts == assertions::document(facts)? => Stated::Unchanged,
        Some(_) | None => Stated::Updated,
    })
}

/// States `facts` as the whole of what a source says. What an agency or a call said stands before it.
///
/// # Errors
/// [`Error::Contended`] if somebody else was faster, or it refers to what is not there.
pub fn state<F: Facts>(
    tx: &mut Tx<'_>,
    id: F::Id,
    facts: &F,
    voice: &Voice,
    known: Option<&Known<F>>,
) -> Result<Stated> {
    let outcome = would_state(known, facts, voice)?;
    match (outcome, known) {
        (Stated::Unchanged, _) => {}
        (Stated::Created, _) | (Stated::Updated, None | Some(Known { record: None, .. })) => {
            insert(tx, id, facts.clone(), assertions::document(facts)?, voice).map_err(raced)?;
        }
        (Stated::Updated, Some(Known { record: Some(record), .. })) => {
            restate(tx, record, voice, assertions::document(facts)?).map_err(raced)?;
        }
    }
    Ok(outcome)
}

/// Somebody else may have stated or edited it since it was looked up; looking again settles it.
fn raced(error: Error) -> Error {
    match error {
        Error::Stale { .. } | Error::Conflict(_) => Error::Contended,
        other => other,
    }
}

/// Tells that the derived position of these records may have changed: they get a new version.
pub(crate) fn touch<F: Facts>(tx: &mut Tx<'_>, mut record: Record<F>) -> Result<()> {
    save(tx, &mut record)
}

fn insert<F: Facts>(
    tx: &mut Tx<'_>,
    id: F::Id,
    facts: F,
    said: serde_json::Map<String, Value>,
    voice: &Voice,
) -> Result<Record<F>> {
    let record = Record { id, version: 1, created_at: tx.now, updated_at: tx.now, retired_at: None, facts };
    F::insert(tx.connection, &record)?;
    let assertion = Assertion {
        id: AssertionId::new(),
        subject: id.into(),
        voice: voice.clone(),
        at: tx.now,
        facts: said,
    };
    assertions::record(tx.connection, F::NOUN, &assertion)?;
    tx.changed(Change { noun: F::NOUN, subject: id.into(), version: record.version })?;
    Ok(record)
}

/// Adds a statement to what was said of it, and saves what stands, if that is something else. A statement is
/// later than those before it, also when the clock has been set back. Those that an organization is merged into
/// hear of it too.
fn restate<F: Facts>(
    tx: &mut Tx<'_>,
    record: &Record<F>,
    voice: &Voice,
    facts: serde_json::Map<String, Value>,
) -> Result<Record<F>> {
    let subject = record.id.into();
    let family = merges::family_of::<F>(tx.connection, record.id)?;
    let mut said = assertions::said_of(tx.connection, &family)?;
    let at = match said.iter().map(|assertion| assertion.at).max() {
        Some(last) if last >= tx.now => last + SignedDuration::from_micros(1),
        Some(_) | None => tx.now,
    };
    let assertion = Assertion { id: AssertionId::new(), subject, voice: voice.clone(), at, facts };
    assertions::record(tx.connection, F::NOUN, &assertion)?;
    said.push(assertion);
    let standing: F = parse(assertions::standing(&family, said).into())?;
    let mut restated = record.clone();
    if standing != record.facts || family.len() > 1 {
        restated.facts = standing;
        save(tx, &mut restated)?;
    }
    if F::NOUN == Noun::Organization {
        merges::fold_survivors(tx, subject.into())?;
    }
    Ok(restated)
}

fn save<F: Facts>(tx: &mut Tx<'_>, record: &mut Record<F>) -> Result<()> {
    let expected = record.version;
    record.version += 1;
    record.updated_at = tx.now;
    if !F::update(tx.connection, record, expected)? {
        return Err(Error::Stale { current: find::<F>(tx.connection, record.id)?.version });
    }
    tx.changed(Change { noun: F::NOUN, subject: record.id.into(), version: record.version })
}

/// What a person changes: as it is at the version `expected`, if one is given.
fn current<F: Facts>(connection: &mut DbConnection, id: F::Id, expected: Option<i64>) -> Result<Record<F>> {
    let record = at_version::<F>(connection, id, expected)?;
    merges::refuse_merged::<F>(connection, id)?;
    Ok(record)
}

fn at_version<F: Facts>(
    connection: &mut DbConnection,
    id: F::Id,
    expected: Option<i64>,
) -> Result<Record<F>> {
    let record = find::<F>(connection, id)?;
    if expected.is_none_or(|expected| record.version == expected) {
        Ok(record)
    } else {
        Err(Error::Stale { current: record.version })
    }
}

/// Reads facts from JSON; a wrong value is named by its JSON pointer.
pub(crate) fn parse<F: Facts>(document: Value) -> Result<F> {
    serde_path_to_error::deserialize(document).map_err(|error| {
        let pointer = pointer(error.path());
        FieldError::body(pointer, error.into_inner()).into()
    })
}

/// Where a document of a student could not be read and what would be right there, without a word of what stood
/// there: neither a value nor the name of an unknown field, which may be anything.
pub(crate) fn unquoted(error: &serde_path_to_error::Error<serde_json::Error>) -> (String, String) {
    let (mut at, said) = (pointer(error.path()), error.inner().to_string());
    // What serde says of a place comes last, in documents that are read from text.
    let said = said.split(" at line ").next().unwrap_or_default();
    let message = if said.starts_with("missing field `") || said.starts_with("duplicate field `") {
        said.to_owned()
    } else if let Some((before, expected)) = said.rsplit_once(", expected ") {
        if before.starts_with("unknown field ") {
            at = at.rsplit_once('/').map_or(String::new(), |(parent, _)| parent.to_owned());
            format!("has a field that is not known; there are {}", expected.trim_start_matches("one of "))
        } else {
            format!("cannot be read: expected {expected}")
        }
    } else {
        "cannot be accepted as it is; the contract says what is".to_owned()
    };
    (at, message)
}

/// A path of serde as a JSON pointer (RFC 6901).
pub(crate) fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { .. } | Segment::Unknown => String::new(),
        })
        .collect()
}

/// Whether the facts can be accepted: right on their own, and everything that they refer to is there and
/// belongs together.
fn accept<F: Facts>(connection: &mut DbConnection, facts: &F) -> Result<()> {
    accept_after(connection, facts, None)
}

/// [`accept`] for what was `before`. What it referred to then may be retired since, or belong to others; that
/// must not keep the rest from being mended.
fn accept_after<F: Facts>(
    connection: &mut DbConnection,
    facts: &F,
    before: Option<&Record<F>>,
) -> Result<()> {
    let mut problems = facts.problems();
    let known = before.map(|record| record.facts.references()).unwrap_or_default();
    let is_known =
        |noun, id| known.iter().any(|(_, known_noun, known_id)| (*known_noun, *known_id) == (noun, id));
    for (pointer, noun, id) in facts.references() {
        if before.is_some_and(|record| (F::NOUN, record.id.into()) == (noun, id)) {
            problems.push(FieldError::body(pointer, format_args!("is this {} itself", noun.as_str())));
        } else if !is_known(noun, id) && !exists(connection, noun, id)? {
            problems.push(FieldError::body(pointer, format_args!("there is no {} {id}", noun.as_str())));
        }
    }
    let known = before.map(|record| record.facts.own_services()).unwrap_or_default();
    let is_known =
        |own: &(ServiceId, OrganizationId)| known.iter().any(|(_, id, whose)| (*id, *whose) == *own);
    for (pointer, service, organization) in facts.own_services() {
        let found = find_all::<ServiceFacts>(connection, &[service])?;
        let whose = found.first().map_or(organization, |record| record.facts.organization_id);
        let stand_under = survivors(connection, &[whose, organization])?;
        let is_another = stand_under[&whose] != stand_under[&organization];
        if is_another && !is_known(&(service, organization)) {
            let message = "is a service of another organization than the one that the agreement is with";
            problems.push(FieldError::body(pointer, message));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
}

fn exists(connection: &mut DbConnection, noun: Noun, id: Uuid) -> Result<bool> {
    fn live<F: Facts>(connection: &mut DbConnection, id: Uuid) -> Result<bool> {
        Ok(find_all::<F>(connection, &[F::Id::from(id)])?.iter().any(|record| record.retired_at.is_none()))
    }
    match noun {
        Noun::Organization => live::<OrganizationFacts>(connection, id),
        Noun::Location => live::<LocationFacts>(connection, id),
        Noun::Service => live::<ServiceFacts>(connection, id),
        Noun::CapacityPool => live::<CapacityPoolFacts>(connection, id),
        Noun::InsurancePlan => live::<InsurancePlanFacts>(connection, id),
        Noun::District => live::<DistrictFacts>(connection, id),
        Noun::School => live::<SchoolFacts>(connection, id),
        Noun::Offering => live::<OfferingFacts>(connection, id),
        // No fact of the directory refers to them.
        Noun::Client | Noun::Membership | Noun::SigningKey => Ok(false),
        Noun::Partnership => live::<PartnershipFacts>(connection, id),
    }
}
