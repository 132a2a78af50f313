//! An offer: one referral put to one offering (FHIR `Task`; the moves are those of SDOH Clinical Care and of
//! BSeR/360X, `docs/decisions/0025-two-state-machines.md` has where they differ).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Actor, Refusal, judged};
use crate::types::{UnknownCode, codes};

codes! {
    /// What can happen to an offer.
    OfferAction, "action of an offer" {
        /// The organization takes the student.
        Accept = "accept",
        /// It would, if the insurer confirms: it keeps the slot meanwhile.
        PendingVerification = "pending_verification",
        /// The insurer has confirmed: it takes the student.
        Verify = "verify",
        /// It does not take the student.
        Decline = "decline",
        /// It hands back what it had taken.
        Return = "return",
        /// It takes the student onto its list.
        Waitlist = "waitlist",
        /// The requester takes it back, before it was accepted.
        Withdraw = "withdraw",
        /// The requester asks to end it, after it was accepted.
        RequestCancellation = "request_cancellation",
        /// The organization ends it as asked.
        ConfirmCancellation = "confirm_cancellation",
        /// An appointment is made.
        Schedule = "schedule",
        /// Another in place of the one before.
        Reschedule = "reschedule",
        /// The student did not come.
        NoShow = "no_show",
        /// The student came.
        Attend = "attend",
        /// The service has begun.
        Start = "start",
        /// It rests for a time.
        Hold = "hold",
        /// It goes on.
        Resume = "resume",
        /// The service has been given.
        Complete = "complete",
        /// It could not be given.
        Fail = "fail",
        /// It should never have been there.
        EnterInError = "enter_in_error",
        /// Nobody replied in time.
        Expire = "expire",
    }

    /// How far an accepted offer has come.
    Stage, "stage of an offer" {
        /// Nothing is scheduled yet.
        Accepted = "accepted",
        /// It rested, and goes on without an appointment.
        Unscheduled = "unscheduled",
        /// An appointment stands.
        Scheduled = "scheduled",
        /// The last appointment was missed, and none stands.
        Missed = "missed",
        /// The service is being given.
        InService = "in_service",
    }

    /// The status of an offer as FHIR `Task` has it.
    TaskStatus, "status of an offer" {
        /// It waits for a reply.
        Requested = "requested",
        /// The organization takes the student.
        Accepted = "accepted",
        /// Something is scheduled, or the service is being given.
        InProgress = "in-progress",
        /// It rests.
        OnHold = "on-hold",
        /// The service has been given.
        Completed = "completed",
        /// It could not be given.
        Failed = "failed",
        /// Declined, put on a list, or handed back.
        Rejected = "rejected",
        /// Taken back, not replied to in time, or ended as asked.
        Cancelled = "cancelled",
        /// It should never have been there.
        EnteredInError = "entered-in-error",
    }
}

/// Where an offer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OfferState {
    /// It waits for a reply.
    Requested,
    /// The insurer is asked.
    PendingVerification,
    /// Accepted, and come this far.
    Engaged(Stage),
    /// It rests, and had come this far.
    OnHold(Stage),
    /// Accepted, and the requester has asked to end it.
    CancellationRequested,
    /// The service has been given.
    Completed,
    /// It could not be given.
    Failed,
    /// Declined, put on a list, or handed back.
    Rejected,
    /// Taken back, not replied to in time, or ended as asked.
    Cancelled,
    /// It should never have been there.
    EnteredInError,
}

/// What else happens in the transaction of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferEffect {
    /// The slot is taken, if slots are counted and one is left: an acceptance is never refused for want of one.
    TakeSlot,
    /// The slot is free again.
    FreeSlot,
    /// Every other open offer of the referral is withdrawn, and its places on lists are given up.
    EndTheRest,
    /// Places that the acceptance gave up come back with their time of joining.
    RejoinLists,
    /// The referral joins the pool's list.
    JoinList,
    /// Nothing more is offered until a coordinator says so.
    StopCascade,
}

/// A move that may be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferMove {
    /// Where it leads.
    pub state: OfferState,
    /// What else happens.
    pub effects: Vec<OfferEffect>,
}

impl OfferState {
    /// Every state.
    pub fn all() -> Vec<Self> {
        let stages = |of: fn(Stage) -> Self| Stage::ALL.iter().copied().map(of);
        [Self::Requested, Self::PendingVerification]
            .into_iter()
            .chain(stages(Self::Engaged))
            .chain(stages(Self::OnHold))
            .chain([
                Self::CancellationRequested,
                Self::Completed,
                Self::Failed,
                Self::Rejected,
                Self::Cancelled,
                Self::EnteredInError,
            ])
            .collect()
    }

    /// Whether it waits for a reply; then it may be withdrawn outright.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Requested | Self::PendingVerification)
    }

    /// Whether it was accepted and has not ended. A referral has at most one of these.
    pub fn is_engaged(self) -> bool {
        matches!(self, Self::Engaged(_) | Self::OnHold(_) | Self::CancellationRequested)
    }

    /// Whether it has ended.
    pub fn is_terminal(self) -> bool {
        !self.is_open() && !self.is_engaged()
    }

    /// As FHIR has it.
    pub fn task_status(self) -> TaskStatus {
        match self {
            Self::Requested | Self::PendingVerification => TaskStatus::Requested,
            Self::Engaged(Stage::Accepted) => TaskStatus::Accepted,
            Self::Engaged(Stage::Unscheduled | Stage::Scheduled | Stage::Missed | Stage::InService)
            | Self::CancellationRequested => TaskStatus::InProgress,
            Self::OnHold(_) => TaskStatus::OnHold,
            Self::Completed => TaskStatus::Completed,
            Self::Failed => TaskStatus::Failed,
            Self::Rejected => TaskStatus::Rejected,
            Self::Cancelled => TaskStatus::Cancelled,
            Self::EnteredInError => TaskStatus::EnteredInError,
        }
    }

    /// The state and, for one that rests, how far it had come, as the database has them.
    pub fn parts(self) -> (&'static str, Option<Stage>) {
        match self {
            Self::Requested => ("requested", None),
            Self::PendingVerification => ("pending_verification", None),
            Self::Engaged(stage) => (stage.as_str(), None),
            Self::OnHold(stage) => ("on_hold", Some(stage)),
            Self::CancellationRequested => ("cancellation_requested", None),
            Self::Completed => ("completed", None),
            Self::Failed => ("failed", None),
            Self::Rejected => ("rejected", None),
            Self::Cancelled => ("cancelled", None),
            Self::EnteredInError => ("entered_in_error", None),
        }
    }

    /// The state that has these parts.
    pub fn from_parts(state: &str, stage: Option<&str>) -> Option<Self> {
        Self::all().into_iter().find(|known| {
            let (name, rested) = known.parts();
            name == state && rested.map(Stage::as_str) == stage
        })
    }
}

impl fmt::Display for OfferState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            (name, None) => f.write_str(name),
            (name, Some(stage)) => write!(f, "{name}({stage})"),
        }
    }
}

impl OfferAction {
    /// Who may do it.
    pub fn by(self) -> &'static [Actor] {
        match self {
            Self::Accept
            | Self::PendingVerification
            | Self::Verify
            | Self::Decline
            | Self::Return
            | Self::Waitlist
            | Self::ConfirmCancellation
            | Self::Schedule
            | Self::Reschedule
            | Self::NoShow
            | Self::Attend
            | Self::Start
            | Self::Hold
            | Self::Resume
            | Self::Complete
            | Self::Fail => &[Actor::Recipient],
            Self::RequestCancellation => &[Actor::Requester],
            // The rest is withdrawn when another has accepted, or the referral ends.
            Self::Withdraw | Self::EnterInError => &[Actor::Requester, Actor::System],
            Self::Expire => &[Actor::System],
        }
    }

    /// Whether it needs a reason.
    pub fn needs_reason(self) -> bool {
        match self {
            Self::Decline
            | Self::Return
            | Self::Withdraw
            | Self::RequestCancellation
            | Self::Hold
            | Self::Fail
            | Self::EnterInError => true,
            // What was asked for has its reason, and so has what is put on a list or expires.
            Self::Accept
            | Self::PendingVerification
            | Self::Verify
            | Self::Waitlist
            | Self::ConfirmCancellation
            | Self::Schedule
            | Self::Reschedule
            | Self::NoShow
            | Self::Attend
            | Self::Start
            | Self::Resume
            | Self::Complete
            | Self::Expire => false,
        }
    }
}

/// Where an action leads from a state, whoever does it.
fn target(state: OfferState, action: OfferAction) -> Option<OfferState> {
    use OfferAction as A;
    use OfferState as S;
    use Stage as T;
    if action == A::EnterInError {
        return (state != S::EnteredInError).then_some(S::EnteredInError);
    }
    match state {
        S::Requested => match action {
            A::Accept => Some(S::Engaged(T::Accepted)),
            A::PendingVerification => Some(S::PendingVerification),
            A::Decline | A::Waitlist => Some(S::Rejected),
            A::Withdraw | A::Expire => Some(S::Cancelled),
            _ => None,
        },
        S::PendingVerification => match action {
            A::Verify => Some(S::Engaged(T::Accepted)),
            A::Return => Some(S::Rejected),
            A::Withdraw | A::Expire => Some(S::Cancelled),
            _ => None,
        },
        S::Engaged(stage) => match action {
            A::Return => Some(S::Rejected),
            A::RequestCancellation => Some(S::CancellationRequested),
            A::Hold => Some(S::OnHold(stage)),
            A::Complete if stage != T::Missed => Some(S::Completed),
            A::Fail => Some(S::Failed),
            _ => going_on(stage, action).map(S::Engaged),
        },
        S::OnHold(stage) => match action {
            // What had not begun goes on as in progress (FHIR knows no way back to accepted).
            A::Resume if stage == T::Accepted => Some(S::Engaged(T::Unscheduled)),
            A::Resume => Some(S::Engaged(stage)),
            A::RequestCancellation => Some(S::CancellationRequested),
            A::Complete => Some(S::Completed),
            A::Fail => Some(S::Failed),
            _ => None,
        },
        S::CancellationRequested => match action {
            A::ConfirmCancellation => Some(S::Cancelled),
            A::Complete => Some(S::Completed),
            _ => None,
        },
        S::Completed | S::Failed | S::Rejected | S::Cancelled | S::EnteredInError => None,
    }
}

/// Where appointments and their keeping lead.
fn going_on(stage: Stage, action: OfferAction) -> Option<Stage> {
    use OfferAction as A;
    use Stage as T;
    match (stage, action) {
        (T::Accepted | T::Unscheduled, A::Schedule) | (T::Scheduled | T::Missed, A::Reschedule) => {
            Some(T::Scheduled)
        }
        (T::Accepted | T::Unscheduled | T::Scheduled, A::Attend | A::Start)
        // One who comes regularly has a next appointment, may miss it, and stays in service.
        | (T::InService, A::Schedule | A::Reschedule | A::NoShow | A::Attend) => Some(T::InService),
        (T::Scheduled, A::NoShow) => Some(T::Missed),
        _ => None,
    }
}

/// What an action does to an offer, if this actor may do it in this state.
///
/// # Errors
/// Says why not.
pub fn transition(state: OfferState, action: OfferAction, actor: Actor) -> Result<OfferMove, Refusal> {
    let to = judged(target(state, action), actor, action.by())?;
    Ok(OfferMove { state: to, effects: effects(state, action, to) })
}

fn effects(from: OfferState, action: OfferAction, to: OfferState) -> Vec<OfferEffect> {
    let begins = from.is_open() && to.is_engaged();
    let ends = !from.is_terminal() && to.is_terminal();
    let undoes = from.is_engaged() && matches!(action, OfferAction::Return | OfferAction::EnterInError);
    let is_over = from.is_engaged() && ends && !undoes;
    [
        (begins || to == OfferState::PendingVerification).then_some(OfferEffect::TakeSlot),
        begins.then_some(OfferEffect::EndTheRest),
        ends.then_some(OfferEffect::FreeSlot),
        undoes.then_some(OfferEffect::RejoinLists),
        (action == OfferAction::Waitlist).then_some(OfferEffect::JoinList),
        is_over.then_some(OfferEffect::StopCascade),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What this actor may do in this state.
pub fn actions(state: OfferState, actor: Actor) -> Vec<OfferAction> {
    let may = |action: &OfferAction| transition(state, *action, actor).is_ok();
    OfferAction::ALL.iter().copied().filter(may).collect()
}
