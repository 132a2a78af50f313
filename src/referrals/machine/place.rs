//! A place on the list of a pool, where a referral waits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Actor, Refusal, judged};
use crate::types::{UnknownCode, codes};

codes! {
    /// What can happen to a place on a list.
    PlaceAction, "action of a place on a list" {
        /// The referral still waits: the place stands, and slots are offered to it.
        Confirm = "confirm",
        /// For some time slots go to those behind; the place is kept.
        Skip = "skip",
        /// The place is given up.
        Leave = "leave",
        /// It is asked whether the referral still waits.
        Ask = "ask",
        /// Nobody has said so in time.
        Lapse = "lapse",
        /// A slot is free and is offered.
        Promote = "promote",
        /// It is given up because another organization accepted.
        Release = "release",
        /// It comes back: that organization handed back, or what was offered came to nothing.
        Rejoin = "rejoin",
    }

    /// Whether a place on a list stands.
    EntryState, "state of a place on a list" {
        /// The referral waits.
        Waiting = "waiting",
        /// A slot became free and was offered.
        Promoted = "promoted",
        /// It was given up because another organization accepted; it comes back if that one hands back.
        Released = "released",
        /// Nobody said in time that the referral still waits; who says it later has the place with its time of joining.
        Lapsed = "lapsed",
        /// It was given up.
        Left = "left",
    }
}

impl PlaceAction {
    /// Who may do it.
    pub fn by(self) -> &'static [Actor] {
        match self {
            // What goes on or ends with the referral itself follows from that.
            Self::Confirm | Self::Leave => &[Actor::Requester, Actor::System],
            Self::Skip => &[Actor::Requester, Actor::Recipient],
            Self::Ask | Self::Lapse | Self::Promote | Self::Release | Self::Rejoin => &[Actor::System],
        }
    }
}

fn target(state: EntryState, action: PlaceAction) -> Option<EntryState> {
    use EntryState as S;
    use PlaceAction as A;
    match (state, action) {
        (S::Waiting, A::Confirm | A::Skip | A::Ask)
        | (S::Released | S::Promoted, A::Rejoin)
        | (S::Lapsed, A::Confirm) => Some(S::Waiting),
        (S::Waiting, A::Promote) => Some(S::Promoted),
        (S::Waiting, A::Release) => Some(S::Released),
        (S::Waiting, A::Lapse) => Some(S::Lapsed),
        (S::Waiting | S::Released | S::Lapsed, A::Leave) => Some(S::Left),
        _ => None,
    }
}

/// Where an action leads, if this actor may do it in this state.
///
/// # Errors
/// Says why not.
pub fn transition(state: EntryState, action: PlaceAction, actor: Actor) -> Result<EntryState, Refusal> {
    judged(target(state, action), actor, action.by())
}

/// What this actor may do in this state.
pub fn actions(state: EntryState, actor: Actor) -> Vec<PlaceAction> {
    let may = |action: &PlaceAction| transition(state, *action, actor).is_ok();
    PlaceAction::ALL.iter().copied().filter(may).collect()
}
