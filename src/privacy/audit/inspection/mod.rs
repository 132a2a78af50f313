//! The check of the record: whether the chain holds, whether an event waits in vain, and whether each disclosure is
//! as it was recorded. It reads and changes nothing.

mod store;

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::chain::{self, Batch};
use super::digest::digest_of_disclosure;
use crate::error::Result;
use crate::privacy::vault::Vault;
use crate::store::{Store, Tenancy};
use crate::types::{UnknownCode, codes};

codes! {
    /// What is wrong with the record.
    FaultKind, "fault" {
        /// A number of the chain has no batch.
        BatchMissing = "batch_missing",
        /// A batch has more or fewer events than when it was sealed.
        EventsMissing = "events_missing",
        /// A batch or an event in it is not as it was sealed.
        BatchChanged = "batch_changed",
        /// A batch that was noted elsewhere is not in the chain.
        HeadMissing = "head_missing",
        /// An event is in no batch after a minute.
        EventUnsealed = "event_unsealed",
        /// An event was taken away before it was sealed.
        EventGone = "event_gone",
        /// A disclosure has no event.
        DisclosureUnrecorded = "disclosure_unrecorded",
        /// A disclosure is not what its event recorded.
        DisclosureChanged = "disclosure_changed",
        /// A disclosure that an event recorded is not there.
        DisclosureGone = "disclosure_gone",
    }
}

/// One thing that is wrong, by numbers and ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// What.
    pub kind: FaultKind,
    /// Where, in words.
    pub detail: String,
}

/// The end of the chain, as it can be noted elsewhere: `NUMBER:DIGEST`, the digest in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of the batch.
    pub number: i64,
    /// Its digest.
    pub digest: Vec<u8>,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.number)?;
        self.digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Head {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wanted = || format!("{text:?} is not NUMBER:DIGEST, as `causeway doctor` prints it");
        let (number, hex) = text.split_once(':').ok_or_else(wanted)?;
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let digest: Option<Vec<u8>> = hex
            .as_bytes()
            .chunks(2)
            .map(|pair| match pair {
                [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
                _ => None,
            })
            .collect();
        let number = number.parse().map_err(|_| wanted())?;
        let digest = digest.filter(|digest| !digest.is_empty()).ok_or_else(wanted)?;
        Ok(Self { number, digest })
    }
}

impl Serialize for Head {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What was looked at, and what is wrong.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Inspection {
    /// Batches of the chain.
    pub batches: u64,
    /// Events in them.
    pub events: u64,
    /// Events that are in no batch yet.
    pub waiting: u64,
    /// Disclosures.
    pub disclosures: u64,
    /// The end of the chain; none before the first batch.
    pub head: Option<Head>,
    /// What is wrong.
    pub faults: Vec<Fault>,
}

/// A sealer comes by every few seconds: what has waited longer than this waits in vain.
const PATIENCE: SignedDuration = SignedDuration::from_mins(1);
/// Batches that are looked at in one transaction.
const BATCHES: i64 = 20;
/// Disclosures that are looked at in one transaction.
const DISCLOSURES: i64 = 500;

/// Checks the whole record; `noted` is an end of the chain that was noted before, `progress` is told how many batches
/// and disclosures were seen, of how many.
///
/// # Errors
/// If the database fails.
pub fn inspect(
    store: &Store,
    vault: &Vault,
    noted: Option<&Head>,
    mut progress: impl FnMut(u64, u64),
) -> Result<Inspection> {
    let mut inspection = Inspection::default();
    let (batches, disclosures) = store.read_for_now(&Tenancy::Keeper, store::extent)?;
    let total = batches + disclosures;
    let mut last: Option<Batch> = None;
    loop {
        let after = last.as_ref().map_or(0, |batch| batch.number);
        let links = store.read_for_now(&Tenancy::Keeper, |connection| {
            let batches = chain::store::batches_after(connection, after, BATCHES)?;
            batches
                .into_iter()
                .map(|batch| {
                    let events = chain::store::events_of(connection, batch.number)?;
                    Ok((batch, events))
                })
                .collect::<Result<Vec<_>>>()
        })?;
        if links.is_empty() {
            break;
        }
        for (batch, events) in links {
            inspection.link(vault, last.as_ref(), &batch, &events);
            if noted.is_some_and(|noted| noted.number == batch.number && noted.digest != batch.digest) {
                let detail = format!("batch {} is another than the one that was noted", batch.number);
                inspection.fault(FaultKind::HeadMissing, detail);
            }
            last = Some(batch);
        }
        progress(inspection.batches, total);
    }
    let end = last.as_ref().map_or(0, |batch| batch.number);
    if let Some(noted) = noted.filter(|noted| noted.number > end) {
        let detail = format!("batch {} was noted, and the chain ends with {end}", noted.number);
        inspection.fault(FaultKind::HeadMissing, detail);
    }
    inspection.head = last.map(|batch| Head { number: batch.number, digest: batch.digest });
    inspection.loose_ends(store, end)?;
    inspection.disclosures(store, |seen| progress(batches + seen, total))?;
    Ok(inspection)
}

impl Inspection {
    fn fault(&mut self, kind: FaultKind, detail: String) {
        self.faults.push(Fault { kind, detail });
    }

    /// Checks one batch behind the one before.
    fn link(&mut self, vault: &Vault, before: Option<&Batch>, batch: &Batch, events: &[chain::StoredEvent]) {
        self.batches += 1;
        self.events += events.len() as u64;
        let number = batch.number;
        let expected = before.map_or(0, |before| before.number) + 1;
        if number != expected {
            let missing = if number - 1 == expected {
                format!("batch {expected}")
            } else {
                format!("batches {expected} to {}", number - 1)
            };
            self.fault(FaultKind::BatchMissing, format!("{missing}: not there, though {number} is"));
            // What it was linked to is gone, so that its own digest cannot be judged.
            return;
        }
        if i64::try_from(events.len()).ok() != Some(batch.events) {
            let detail =
                format!("batch {number} was sealed with {} events and has {}", batch.events, events.len());
            self.fault(FaultKind::EventsMissing, detail);
            return;
        }
        let before = before.map(|before| before.digest.as_slice());
        if chain::digest(vault, before, number, batch.sealed_at, events) != batch.digest {
            let detail = match (events.first(), events.last()) {
                (Some(first), Some(last)) => {
                    format!(
                        "batch {number}, with events {} to {}, is not as it was sealed",
                        first.seq, last.seq
                    )
                }
                _ => format!("batch {number} is not as it was sealed"),
            };
            self.fault(FaultKind::BatchChanged, detail);
        }
    }

    /// Finds what hangs at no batch.
    fn loose_ends(&mut self, store: &Store, end: i64) -> Result<()> {
        let before = store.clock().now() - PATIENCE;
        let ends =
            store.read_for_now(&Tenancy::Keeper, |connection| store::loose_ends(connection, before))?;
        self.waiting = ends.waiting;
        if let Some(first) = ends.first_unsealed {
            let detail = format!(
                "{} events, the first of them {first}, are in no batch after more than a minute; a running server \
                 seals them within seconds",
                ends.unsealed
            );
            self.fault(FaultKind::EventUnsealed, detail);
        }
        if let Some(first) = ends.first_gone {
            let detail =
                format!("{} events, the first of them {first}, are gone and were never sealed", ends.gone);
            self.fault(FaultKind::EventGone, detail);
        }
        if let Some(named) = ends.last_batch.filter(|named| *named > end) {
            let detail = format!("events name batch {named}, and the chain ends with {end}");
            self.fault(FaultKind::BatchMissing, detail);
        }
        Ok(())
    }

    /// Holds each disclosure against its event.
    fn disclosures(&mut self, store: &Store, mut progress: impl FnMut(u64)) -> Result<()> {
        let mut after = String::new();
        loop {
            let found = store.read_for_now(&Tenancy::Keeper, |connection| {
                store::disclosures_after(connection, &after, DISCLOSURES)
            })?;
            let Some(last) = found.last() else { break };
            after.clone_from(&last.row.id);
            for disclosure in &found {
                self.disclosures += 1;
                let id = &disclosure.row.id;
                let digest = digest_of_disclosure(&disclosure.row.columns());
                if disclosure.recorded.is_empty() {
                    self.fault(FaultKind::DisclosureUnrecorded, format!("disclosure {id} has no event"));
                } else if disclosure.recorded.iter().any(|recorded| recorded.as_ref() != Some(&digest)) {
                    self.fault(
                        FaultKind::DisclosureChanged,
                        format!("disclosure {id} is not what its event recorded"),
                    );
                }
            }
            progress(self.disclosures);
        }
        for id in store.read_for_now(&Tenancy::Keeper, store::disclosures_gone)? {
            self.fault(FaultKind::DisclosureGone, format!("disclosure {id} was recorded and is not there"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_reads_back_as_it_was_written() {
        let head = Head { number: 12, digest: vec![0, 0x9f, 0xff] };
        assert_eq!(head.to_string(), "12:009fff");
        assert_eq!(head.to_string().parse(), Ok(head));
        for wrong in ["", "12", "12:", "12:0", "12:0g", "x:00", "12:é0", "12:00f"] {
            assert!(wrong.parse::<Head>().is_err(), "{wrong:?}");
        }
    }
}
