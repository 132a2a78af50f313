//! A referral: one need of one student to be served (FHIR `ServiceRequest`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Actor, Refusal, judged};
use crate::types::{UnknownCode, codes};

codes! {
    /// What can be done with a referral.
    ReferralAction, "action of a referral" {
        /// The search begins.
        Submit = "submit",
        /// It rests: open offers are taken back, places on lists are kept.
        Hold = "hold",
        /// It goes on.
        Resume = "resume",
        /// It is taken back, before anybody has accepted.
        Revoke = "revoke",
        /// The search begins anew with another shortlist.
        Reroute = "reroute",
        /// Something must hold from now on.
        Pin = "pin",
        /// Something need not hold any more.
        Unpin = "unpin",
        /// More offerings to ask.
        ExtendShortlist = "extend_shortlist",
        /// Another owner.
        Assign = "assign",
        /// Somebody stands in for the owner.
        Cover = "cover",
        /// A sealed note.
        Note = "note",
        /// It is over, with this outcome.
        Close = "close",
        /// It should never have been there.
        EnterInError = "enter_in_error",
    }

    /// The status of a referral as FHIR has it.
    ReferralStatus, "status of a referral" {
        /// Nobody was asked yet.
        Draft = "draft",
        /// It is under way.
        Active = "active",
        /// It rests.
        OnHold = "on-hold",
        /// It is over.
        Completed = "completed",
        /// It was taken back.
        Revoked = "revoked",
        /// It should never have been there.
        EnteredInError = "entered-in-error",
    }

    /// How far a referral has come.
    BusinessStatus, "business status of a referral" {
        /// Nobody may be asked before a consent allows it.
        AwaitingConsent = "awaiting-consent",
        /// Somebody was asked and has not replied.
        Seeking = "seeking",
        /// Nobody is asked; it has a place on a list.
        Waiting = "waiting",
        /// Somebody takes the student.
        Accepted = "accepted",
        /// The first appointment stands.
        Scheduled = "scheduled",
        /// The service is being given.
        InService = "in-service",
        /// Nothing goes on by itself.
        NeedsCoordinator = "needs-coordinator",
        /// It is over.
        Closed = "closed",
    }
}

/// Where a referral stands, as far as it decides what may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReferralState {
    /// Nobody was asked yet.
    Draft,
    /// Active, and nobody has accepted.
    Seeking,
    /// Active, and somebody has accepted.
    Engaged,
    /// It rests.
    OnHold,
    /// It is over.
    Completed,
    /// It was taken back.
    Revoked,
    /// It should never have been there.
    EnteredInError,
}

/// What else happens in the transaction of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferralEffect {
    /// Offerings of the shortlist are asked.
    StartCascade,
    /// Open offers are withdrawn.
    EndOffers,
    /// Places on lists are given up.
    LeaveLists,
    /// Whatever has not ended was in error too.
    VoidOffers,
}

/// A move that may be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferralMove {
    /// Where it leads.
    pub status: ReferralStatus,
    /// What else happens.
    pub effects: &'static [ReferralEffect],
}

impl ReferralState {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Draft,
        Self::Seeking,
        Self::Engaged,
        Self::OnHold,
        Self::Completed,
        Self::Revoked,
        Self::EnteredInError,
    ];

    /// Of a referral with this status; `engaged` if one of its offers is accepted and has not ended.
    pub fn of(status: ReferralStatus, engaged: bool) -> Self {
        match status {
            ReferralStatus::Draft => Self::Draft,
            ReferralStatus::Active if engaged => Self::Engaged,
            ReferralStatus::Active => Self::Seeking,
            ReferralStatus::OnHold => Self::OnHold,
            ReferralStatus::Completed => Self::Completed,
            ReferralStatus::Revoked => Self::Revoked,
            ReferralStatus::EnteredInError => Self::EnteredInError,
        }
    }

    /// As FHIR has it.
    pub fn status(self) -> ReferralStatus {
        match self {
            Self::Draft => ReferralStatus::Draft,
            Self::Seeking | Self::Engaged => ReferralStatus::Active,
            Self::OnHold => ReferralStatus::OnHold,
            Self::Completed => ReferralStatus::Completed,
            Self::Revoked => ReferralStatus::Revoked,
            Self::EnteredInError => ReferralStatus::EnteredInError,
        }
    }

    /// Whether it is over.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Revoked | Self::EnteredInError)
    }
}

impl fmt::Display for ReferralState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Draft => "draft",
            Self::Seeking => "active, seeking",
            Self::Engaged => "active, accepted",
            Self::OnHold => "on-hold",
            Self::Completed => "completed",
            Self::Revoked => "revoked",
            Self::EnteredInError => "entered-in-error",
        })
    }
}

impl ReferralAction {
    /// Whether it needs a reason.
    pub fn needs_reason(self) -> bool {
        match self {
            Self::Hold | Self::Revoke | Self::Unpin | Self::EnterInError => true,
            Self::Submit
            | Self::Resume
            | Self::Reroute
            | Self::Pin
            | Self::ExtendShortlist
            | Self::Assign
            | Self::Cover
            | Self::Note
            | Self::Close => false,
        }
    }
}

/// Where an action leads from a state, and what else it does.
fn target(state: ReferralState, action: ReferralAction) -> Option<ReferralMove> {
    use ReferralAction as A;
    use ReferralEffect as E;
    use ReferralState as S;
    let to = |status, effects| Some(ReferralMove { status, effects });
    let same = |effects| to(state.status(), effects);
    if action == A::EnterInError {
        let effects: &[E] = if state.is_terminal() { &[] } else { &[E::VoidOffers, E::LeaveLists] };
        return if state == S::EnteredInError { None } else { to(ReferralStatus::EnteredInError, effects) };
    }
    match (state, action) {
        (S::Draft, A::Submit) | (S::OnHold, A::Resume) => to(ReferralStatus::Active, &[E::StartCascade]),
        (S::Seeking, A::Hold) => to(ReferralStatus::OnHold, &[E::EndOffers]),
        (S::Draft | S::Seeking | S::OnHold, A::Revoke) => {
            to(ReferralStatus::Revoked, &[E::EndOffers, E::LeaveLists])
        }
        (S::Seeking, A::Close) => to(ReferralStatus::Completed, &[E::EndOffers, E::LeaveLists]),
        (S::Seeking, A::Reroute) => same(&[E::EndOffers, E::StartCascade]),
        (S::Seeking, A::ExtendShortlist) => same(&[E::StartCascade]),
        (S::Draft | S::OnHold | S::Engaged, A::ExtendShortlist)
        | (
            S::Draft | S::Seeking | S::OnHold | S::Engaged,
            A::Pin | A::Unpin | A::Assign | A::Cover | A::Note,
        ) => same(&[]),
        _ => None,
    }
}

/// What an action does to a referral, if this actor may do it in this state.
///
/// # Errors
/// Says why not.
pub fn transition(
    state: ReferralState,
    action: ReferralAction,
    actor: Actor,
) -> Result<ReferralMove, Refusal> {
    judged(target(state, action), actor, &[Actor::Requester])
}

/// What this actor may do in this state.
pub fn actions(state: ReferralState, actor: Actor) -> Vec<ReferralAction> {
    let may = |action: &ReferralAction| transition(state, *action, actor).is_ok();
    ReferralAction::ALL.iter().copied().filter(may).collect()
}

/// What decides how far a referral has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Its offer that was accepted and has not ended.
    pub engaged: Option<super::offer::OfferState>,
    /// Whether an offer waits for a reply.
    pub has_open_offer: bool,
    /// Whether it has a place on a list.
    pub is_waiting: bool,
    /// Whether the next offering may not be asked for want of a consent.
    pub lacks_consent: bool,
}

/// How far a referral has come; nothing can be said of a draft.
pub fn business_status(status: ReferralStatus, progress: &Progress) -> Option<BusinessStatus> {
    use super::offer::{OfferState, Stage};
    match status {
        ReferralStatus::Draft => None,
        ReferralStatus::Completed | ReferralStatus::Revoked | ReferralStatus::EnteredInError => {
            Some(BusinessStatus::Closed)
        }
        ReferralStatus::Active | ReferralStatus::OnHold => Some(match progress.engaged {
            Some(OfferState::Engaged(Stage::InService) | OfferState::OnHold(Stage::InService)) => {
                BusinessStatus::InService
            }
            Some(OfferState::Engaged(Stage::Scheduled) | OfferState::OnHold(Stage::Scheduled)) => {
                BusinessStatus::Scheduled
            }
            Some(_) => BusinessStatus::Accepted,
            None if progress.has_open_offer => BusinessStatus::Seeking,
            None if progress.is_waiting => BusinessStatus::Waiting,
            None if progress.lacks_consent => BusinessStatus::AwaitingConsent,
            None => BusinessStatus::NeedsCoordinator,
        }),
    }
}
