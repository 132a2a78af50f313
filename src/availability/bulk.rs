//! Many reports at once: each lands or is refused on its own, and all that land do so in one transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Claim, ClaimReport, claim, store};
use crate::access::Principal;
use crate::directory::{CapacityPoolFacts, Facts, OfferingFacts, Record, Voice, admit, find_all};
use crate::error::{Error, Result};
use crate::store::{Change, Noun, Tx};
use crate::types::{CapacityPoolId, ClaimId, OfferingId, OrganizationId};

/// Whose capacity a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A pool's.
    Pool(CapacityPoolId),
    /// That of the pool on which an offering draws.
    Offering(OfferingId),
}

/// A report that was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Landed {
    /// Of which pool.
    pub pool: CapacityPoolId,
    /// As which claim.
    pub claim: ClaimId,
    /// Whether it was the newest of its pool when it came. If not, it only stands in the history.
    pub holds: bool,
}

/// Records reports in the order in which they stand, as [`report`](super::report) does one by one, each if the caller
/// may make it. One that cannot be accepted leaves the others as they are.
///
/// # Errors
/// If the database fails; then none is recorded. [`Error::Contended`] if another writer was faster.
pub fn report_all(
    tx: &mut Tx<'_>,
    principal: &Principal,
    reports: &[(Subject, ClaimReport)],
) -> Result<Vec<Result<Landed>>> {
    let voice = Voice::of(principal);
    let pools = pools_of(tx, reports)?;
    let records: HashMap<_, _> = {
        let ids: Vec<CapacityPoolId> = pools.iter().flatten().copied().collect();
        find_all::<CapacityPoolFacts>(tx.connection, &ids)?.into_iter().map(|pool| (pool.id, pool)).collect()
    };
    let ids: Vec<CapacityPoolId> = records.keys().copied().collect();
    let before: HashMap<CapacityPoolId, Claim> = store::current(tx.connection, &ids)?
        .into_iter()
        .map(|claim| (claim.capacity_pool_id, claim))
        .collect();
    let mut admitted = Admitted::default();
    let mut claims: Vec<Claim> = Vec::with_capacity(reports.len());
    // In the order of ids, so that two who write to the same pools at once do not wait for each other for ever.
    let mut newest: BTreeMap<CapacityPoolId, usize> = BTreeMap::new();
    let mut results = Vec::with_capacity(reports.len());
    for ((subject, report), pool) in reports.iter().zip(pools) {
        let Some(record) = pool.and_then(|pool| records.get(&pool)) else {
            results.push(Err(missing(*subject)));
            continue;
        };
        let claim = match admitted.admit(tx, principal, record)? {
            Ok(()) => claim(record, report, &voice, tx.now),
            Err(error) => Err(error),
        };
        results.push(claim.map(|claim| {
            let latest = newest
                .get(&record.id)
                .map(|position| claims[*position].reported_at)
                .or_else(|| before.get(&record.id).map(|before| before.reported_at));
            let holds = latest.is_none_or(|latest| latest <= claim.reported_at);
            if holds {
                newest.insert(record.id, claims.len());
            }
            let landed = Landed { pool: record.id, claim: claim.id, holds };
            claims.push(claim);
            landed
        }));
    }
    store::insert(tx.connection, &claims, tx.now)?;
    for (pool, position) in newest {
        store::make_current(tx.connection, &claims[position], before.get(&pool).map(|before| before.id))?;
    }
    // Also where all of it only goes into the history, which tells whether the list grows.
    let spoken_of: BTreeSet<CapacityPoolId> = claims.iter().map(|claim| claim.capacity_pool_id).collect();
    for pool in spoken_of {
        let version = records.get(&pool).map_or(0, |record| record.version);
        tx.changed(Change { noun: Noun::CapacityPool, subject: pool.into(), version })?;
    }
    Ok(results)
}

/// The pool that each report is about; none where there is no such offering.
fn pools_of(tx: &mut Tx<'_>, reports: &[(Subject, ClaimReport)]) -> Result<Vec<Option<CapacityPoolId>>> {
    let offerings: Vec<OfferingId> = reports
        .iter()
        .filter_map(|(subject, _)| match subject {
            Subject::Offering(offering) => Some(*offering),
            Subject::Pool(_) => None,
        })
        .collect();
    let drawn_on: HashMap<OfferingId, Option<CapacityPoolId>> =
        find_all::<OfferingFacts>(tx.connection, &offerings)?
            .into_iter()
            .map(|offering| (offering.id, offering.facts.capacity_pool_id))
            .collect();
    let pool = |subject: &Subject| match subject {
        Subject::Pool(pool) => Some(*pool),
        Subject::Offering(offering) => drawn_on.get(offering).copied().flatten(),
    };
    Ok(reports.iter().map(|(subject, _)| pool(subject)).collect())
}

fn missing(subject: Subject) -> Error {
    match subject {
        Subject::Pool(id) => Error::NotFound { what: CapacityPoolFacts::NOUN.as_str(), id: id.to_string() },
        Subject::Offering(id) => Error::NotFound { what: OfferingFacts::NOUN.as_str(), id: id.to_string() },
    }
}

/// Of whose pools the caller may speak, so that it is asked once for each organization.
#[derive(Default)]
struct Admitted(HashMap<OrganizationId, Admission>);

#[derive(Clone)]
enum Admission {
    Granted,
    Foreign,
    Forbidden(String),
}

impl Admitted {
    fn admit(
        &mut self,
        tx: &mut Tx<'_>,
        principal: &Principal,
        pool: &Record<CapacityPoolFacts>,
    ) -> Result<Result<()>> {
        let organization = pool.facts.organization_id;
        let admission = if let Some(known) = self.0.get(&organization) {
            known.clone()
        } else {
            let found = match admit(tx.connection, principal, pool) {
                Ok(()) => Admission::Granted,
                Err(Error::NotFound { .. }) => Admission::Foreign,
                Err(Error::Forbidden(why)) => Admission::Forbidden(why),
                Err(error) => return Err(error),
            };
            self.0.insert(organization, found.clone());
            found
        };
        Ok(match admission {
            Admission::Granted => Ok(()),
            Admission::Foreign => Err(missing(Subject::Pool(pool.id))),
            Admission::Forbidden(why) => Err(Error::Forbidden(why)),
        })
    }
}
