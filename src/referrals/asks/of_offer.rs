//! What is done with an offer.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::faults::{measure_fault, text_fault};
use crate::error::FieldError;
use crate::referrals::case::Said;
use crate::referrals::machine::offer::OfferAction;
use crate::referrals::model::Measure;
use crate::types::DeclineReason;

/// What is to be done with an offer.
#[derive(Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = OfferActionRequest)]
pub enum OfferAct {
    /// Take the student.
    Accept {},
    /// Take the student if the insurer confirms; the slot is kept meanwhile.
    PendingVerification {},
    /// Take the student: the insurer has confirmed.
    Verify {},
    /// Do not take the student.
    Decline {
        /// Why.
        reason: DeclineReason,
        /// More, for the district; it is sealed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        note: Option<String>,
    },
    /// Hand back what was taken.
    Return {
        /// Why.
        reason: DeclineReason,
        /// More, for the district; it is sealed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        note: Option<String>,
    },
    /// Take the student onto the list.
    Waitlist {},
    /// Take the offer back.
    Withdraw {
        /// Why.
        reason: String,
    },
    /// Ask to end what was accepted.
    RequestCancellation {
        /// Why.
        reason: String,
    },
    /// End it as asked.
    ConfirmCancellation {},
    /// Make an appointment.
    Schedule {
        /// When.
        appointment_at: Timestamp,
    },
    /// Make another in place of the one before.
    Reschedule {
        /// When.
        appointment_at: Timestamp,
    },
    /// Say that the student did not come.
    NoShow {},
    /// Say that the student came.
    Attend {
        /// Whether they are served in the language that is needed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        in_needed_language: Option<bool>,
        /// How they do; it is sealed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        measure: Option<Measure>,
    },
    /// Say that the service has begun.
    Start {},
    /// Let it rest.
    Hold {
        /// Why.
        reason: String,
    },
    /// Go on.
    Resume {},
    /// Say that the service has been given.
    Complete {
        /// Whether it was in the language that was needed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        in_needed_language: Option<bool>,
        /// How the student did; it is sealed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        measure: Option<Measure>,
    },
    /// Say that it could not be given.
    Fail {
        /// Why.
        reason: String,
    },
    /// Say that it should never have been there.
    EnterInError {
        /// Why.
        reason: String,
    },
}

impl OfferAct {
    /// Which action it is.
    pub fn action(&self) -> OfferAction {
        match self {
            Self::Accept {} => OfferAction::Accept,
            Self::PendingVerification {} => OfferAction::PendingVerification,
            Self::Verify {} => OfferAction::Verify,
            Self::Decline { .. } => OfferAction::Decline,
            Self::Return { .. } => OfferAction::Return,
            Self::Waitlist {} => OfferAction::Waitlist,
            Self::Withdraw { .. } => OfferAction::Withdraw,
            Self::RequestCancellation { .. } => OfferAction::RequestCancellation,
            Self::ConfirmCancellation {} => OfferAction::ConfirmCancellation,
            Self::Schedule { .. } => OfferAction::Schedule,
            Self::Reschedule { .. } => OfferAction::Reschedule,
            Self::NoShow {} => OfferAction::NoShow,
            Self::Attend { .. } => OfferAction::Attend,
            Self::Start {} => OfferAction::Start,
            Self::Hold { .. } => OfferAction::Hold,
            Self::Resume {} => OfferAction::Resume,
            Self::Complete { .. } => OfferAction::Complete,
            Self::Fail { .. } => OfferAction::Fail,
            Self::EnterInError { .. } => OfferAction::EnterInError,
        }
    }

    /// What is said with it.
    pub(in crate::referrals) fn said(&self) -> Said<'_> {
        let (reason, text) = self.reason();
        let (in_needed_language, measure) = self.report();
        Said {
            reason: reason.map(DeclineReason::as_str),
            text,
            appointment_at: self.appointment_at(),
            in_needed_language,
            measure,
            until: None,
        }
    }

    /// The reason from the closed list, and what was written with it.
    fn reason(&self) -> (Option<DeclineReason>, Option<&str>) {
        match self {
            Self::Decline { reason, note } | Self::Return { reason, note } => {
                (Some(*reason), note.as_deref())
            }
            Self::Withdraw { reason }
            | Self::RequestCancellation { reason }
            | Self::Hold { reason }
            | Self::Fail { reason }
            | Self::EnterInError { reason } => (None, Some(reason)),
            Self::Accept {}
            | Self::PendingVerification {}
            | Self::Verify {}
            | Self::Waitlist {}
            | Self::ConfirmCancellation {}
            | Self::Schedule { .. }
            | Self::Reschedule { .. }
            | Self::NoShow {}
            | Self::Attend { .. }
            | Self::Start {}
            | Self::Resume {}
            | Self::Complete { .. } => (None, None),
        }
    }

    /// What it says of the service: whether it is given in the language that is needed, and how the student does.
    fn report(&self) -> (Option<bool>, Option<&Measure>) {
        match self {
            Self::Attend { in_needed_language, measure } | Self::Complete { in_needed_language, measure } => {
                (*in_needed_language, measure.as_ref())
            }
            _ => (None, None),
        }
    }

    /// The appointment that it makes.
    fn appointment_at(&self) -> Option<Timestamp> {
        match self {
            Self::Schedule { appointment_at } | Self::Reschedule { appointment_at } => Some(*appointment_at),
            _ => None,
        }
    }

    /// What is wrong with it at `now`, whatever the offer.
    pub(in crate::referrals) fn faults(&self, now: Timestamp) -> Vec<FieldError> {
        let mut faults = Vec::new();
        match self {
            Self::Schedule { appointment_at } | Self::Reschedule { appointment_at } => {
                let latest = now + jiff::SignedDuration::from_hours(2 * 366 * 24);
                if *appointment_at <= now || *appointment_at > latest {
                    let message = "must lie in the future, and within two years";
                    faults.push(FieldError::body("/appointment_at", message));
                }
            }
            Self::Decline { note: Some(note), .. } | Self::Return { note: Some(note), .. } => {
                faults.extend(text_fault("/note", note));
            }
            Self::Withdraw { reason }
            | Self::RequestCancellation { reason }
            | Self::Hold { reason }
            | Self::Fail { reason }
            | Self::EnterInError { reason } => faults.extend(text_fault("/reason", reason)),
            Self::Decline { note: None, .. }
            | Self::Return { note: None, .. }
            | Self::Accept {}
            | Self::PendingVerification {}
            | Self::Verify {}
            | Self::Waitlist {}
            | Self::ConfirmCancellation {}
            | Self::NoShow {}
            | Self::Start {}
            | Self::Resume {} => {}
            Self::Attend { measure, .. } | Self::Complete { measure, .. } => {
                faults.extend(measure.as_ref().and_then(|measure| measure_fault("/measure", measure)));
            }
        }
        faults
    }
}
