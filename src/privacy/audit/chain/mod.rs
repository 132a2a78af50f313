//! The chain: events are put into batches, and each batch's digest goes over the batch before and every event in
//! it. Whoever changes or takes away an event afterwards cannot make the digests again without the deployment's key.
//!
//! Events commit without knowing of the chain. They wait in a table of their own until a sealer comes by, so that
//! one whose transaction took long lands in a later batch than its number would have it, and none is missed.

pub(super) mod store;

use jiff::Timestamp;

use super::digest::Columns;
use crate::error::Result;
use crate::privacy::vault::Vault;
use crate::store::{Store, Tenancy};

/// Events of one batch at most: on SQLite everybody who writes waits while one is sealed.
const MOST_EVENTS: i64 = 500;

/// One link of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its place in the chain; the first is 1.
    pub number: i64,
    /// How many events it holds.
    pub events: i64,
    /// Over the batch before and its events.
    pub digest: Vec<u8>,
    /// When it was sealed.
    pub sealed_at: Timestamp,
}

/// An event as the database has it, word for word: what does not parse is still part of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredEvent {
    pub(super) seq: i64,
    pub(super) at: Timestamp,
    pub(super) district_id: Option<String>,
    pub(super) principal_id: String,
    pub(super) principal_name: String,
    pub(super) role: String,
    pub(super) action: String,
    pub(super) purpose: String,
    pub(super) resource: String,
    pub(super) resource_id: Option<String>,
    pub(super) student_id: Option<String>,
    pub(super) outcome: String,
    pub(super) request_id: Option<String>,
    pub(super) digest: Option<Vec<u8>>,
}

impl StoredEvent {
    fn columns(&self) -> Vec<u8> {
        Columns::default()
            .number(self.seq)
            .instant(self.at)
            .maybe_text(self.district_id.as_deref())
            .text(&self.principal_id)
            .text(&self.principal_name)
            .text(&self.role)
            .text(&self.action)
            .text(&self.purpose)
            .text(&self.resource)
            .maybe_text(self.resource_id.as_deref())
            .maybe_text(self.student_id.as_deref())
            .text(&self.outcome)
            .maybe_text(self.request_id.as_deref())
            .bytes(self.digest.as_deref())
            .done()
    }
}

/// The digest of a batch with these events, in order of their numbers, behind one with the digest `before`.
pub(super) fn digest(
    vault: &Vault,
    before: Option<&[u8]>,
    number: i64,
    sealed_at: Timestamp,
    events: &[StoredEvent],
) -> Vec<u8> {
    let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
    let head = Columns::default().bytes(before).number(number).instant(sealed_at).number(count).done();
    let events: Vec<Vec<u8>> = events.iter().map(StoredEvent::columns).collect();
    vault.chain(std::iter::once(&head).chain(&events).map(Vec::as_slice))
}

/// Seals the events that wait into the next batch, up to some hundreds of them; none if none wait. Of two nodes that
/// seal at the same time one gets the number, and the other looks again.
///
/// # Errors
/// If the database fails.
pub fn seal(store: &Store, vault: &Vault) -> Result<Option<Batch>> {
    store.write_for_now(&Tenancy::Keeper, |tx| {
        let head = store::head(tx.connection)?;
        let events = store::waiting(tx.connection, MOST_EVENTS)?;
        if events.is_empty() {
            return Ok(None);
        }
        let number = head.as_ref().map_or(1, |head| head.number + 1);
        let before = head.as_ref().map(|head| head.digest.as_slice());
        // As exactly as the database keeps it, for it is part of the digest.
        let sealed_at = Timestamp::from_microsecond(tx.now.as_microsecond()).unwrap_or(tx.now);
        let digest = digest(vault, before, number, sealed_at, &events);
        let batch = Batch { number, events: i64::try_from(events.len()).unwrap_or(0), digest, sealed_at };
        let numbers: Vec<i64> = events.iter().map(|event| event.seq).collect();
        store::insert_batch(tx, &batch, &numbers)?;
        Ok(Some(batch))
    })
}

/// Seals until nothing waits; says how many events that were.
///
/// # Errors
/// If the database fails; what was sealed before stays so.
pub fn seal_all(store: &Store, vault: &Vault) -> Result<u64> {
    let mut sealed = 0;
    while let Some(batch) = seal(store, vault)? {
        sealed += batch.events.unsigned_abs();
    }
    Ok(sealed)
}
