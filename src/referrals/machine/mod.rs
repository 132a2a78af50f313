//! The state machines: what may happen to a referral, to an offer and to a place on a list, who may do it, and what else happens in
//! the same transaction. Pure and complete: each combination of state, action and actor is answered, and what a
//! caller is told they may do is asked of these very functions.

pub mod offer;
pub mod place;
pub mod referral;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::types::{UnknownCode, codes};

codes! {
    /// On whose side somebody acts.
    Actor, "actor" {
        /// The district's: whoever seeks a service for a student.
        Requester = "requester",
        /// The organization's, or somebody who records what it said in a call.
        Recipient = "recipient",
        /// Causeway itself: clocks, and what follows from what others did.
        System = "system",
    }
}

/// Why something may not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It never leads on from this state.
    Illegal,
    /// It would, but it is this actor's to do.
    NotYours(Actor),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Illegal => f.write_str("not from this state"),
            Self::NotYours(actor) => write!(f, "only by the {actor}"),
        }
    }
}

/// What is to be done if the one who acts may: the target if there is one, else why not.
fn judged<T>(target: Option<T>, actor: Actor, by: &[Actor]) -> Result<T, Refusal> {
    let target = target.ok_or(Refusal::Illegal)?;
    match by {
        _ if by.contains(&actor) => Ok(target),
        [first, ..] => Err(Refusal::NotYours(*first)),
        [] => Err(Refusal::Illegal),
    }
}
