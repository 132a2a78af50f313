//! Every claim of a pool that was ever kept: what they said in March.

mod store;

use jiff::Timestamp;

use super::model::{Claim, ClaimMethod};
use crate::access::{Principal, Role};
use crate::directory::{CapacityPoolFacts, admit, find};
use crate::error::{Error, Result};
use crate::store::DbConnection;
use crate::types::{CapacityPoolId, ClaimId};

/// Which claims of a pool's history.
#[derive(Clone, Copy, Debug, Default)]
pub struct HistoryPage {
    /// Only those said at this instant or later.
    pub from: Option<Timestamp>,
    /// Only those said before this instant.
    pub until: Option<Timestamp>,
    /// Only those behind this one, by when it was said and its id.
    pub after: Option<(Timestamp, ClaimId)>,
    /// How many.
    pub limit: i64,
}

/// A claim as the history has it.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptClaim {
    /// What was said.
    pub claim: Claim,
    /// When it came in.
    pub recorded_at: Timestamp,
    /// Whether it is the one that the pool's capacity is read from, as long as it has not lapsed.
    pub is_current: bool,
    /// Whether the one who asks may know who said it.
    pub names_reporter: bool,
}

/// The claims of a pool, the latest said first, and how many there are. Who said them is for operators; an agency's
/// own staff see who spoke for it. Who called is shown to nobody else: a claim does not say of which district they
/// are.
///
/// # Errors
/// [`Error::NotFound`] if there is no such pool.
pub fn history(
    connection: &mut DbConnection,
    principal: &Principal,
    pool: CapacityPoolId,
    page: &HistoryPage,
) -> Result<(Vec<KeptClaim>, i64)> {
    let record = find::<CapacityPoolFacts>(connection, pool)?;
    let is_operator = principal.role == Role::Operator;
    let is_own = principal.role == Role::AgencyStaff
        && match admit(connection, principal, &record) {
            Ok(()) => true,
            Err(Error::NotFound { .. } | Error::Forbidden(_)) => false,
            Err(error) => return Err(error),
        };
    let current = store::current(connection, pool)?;
    let (said, count) = store::page(connection, pool, page)?;
    let kept = said.into_iter().map(|(claim, recorded_at)| KeptClaim {
        is_current: current == Some(claim.id),
        names_reporter: is_operator || (is_own && claim.method == ClaimMethod::Agency),
        recorded_at,
        claim,
    });
    Ok((kept.collect(), count))
}
