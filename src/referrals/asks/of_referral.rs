//! What is done with a referral.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Shortlist;
use super::faults::{measure_fault, parallel_fault, past_fault, pin_faults, shortlist_faults, text_fault};
use crate::error::FieldError;
use crate::referrals::machine::referral::ReferralAction;
use crate::referrals::model::{Measure, Outcome, Pins};

/// What is to be done with a referral.
#[derive(Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = ReferralActionRequest)]
pub enum ReferralAct {
    /// Begin the search.
    Submit {},
    /// Let it rest: open offers are taken back, places on lists are kept.
    Hold {
        /// Why.
        reason: String,
        /// When the owner wants to look at it again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        next_action_on: Option<Date>,
    },
    /// Go on. Whoever waits on a list still does.
    Resume {},
    /// Take it back.
    Revoke {
        /// Why.
        reason: String,
    },
    /// Begin the search anew with another shortlist.
    Reroute {
        /// Whom to ask.
        #[serde(default)]
        #[schema(required = false)]
        shortlist: Shortlist,
        /// How many are asked at a time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        parallel: Option<u8>,
    },
    /// Say what must hold from now on.
    Pin {
        /// What.
        pins: Pins,
    },
    /// Say what need not hold any more.
    Unpin {
        /// What.
        pins: Pins,
        /// Why.
        reason: String,
    },
    /// Add to whom is asked.
    ExtendShortlist {
        /// Whom to ask besides.
        #[serde(default)]
        #[schema(required = false)]
        shortlist: Shortlist,
    },
    /// Give it to somebody of the district, or take it over.
    Assign {
        /// The client or membership; left out, the caller.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        to: Option<String>,
        /// When they want to look at it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        next_action_on: Option<Date>,
    },
    /// Stand in for the owner.
    Cover {
        /// The last day.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        until: Option<Date>,
    },
    /// Write a sealed note.
    Note {
        /// The note.
        note: String,
        /// When the owner wants to look at it again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        next_action_on: Option<Date>,
    },
    /// End it.
    Close {
        /// How it ended.
        outcome: Outcome,
        /// How the student did; it is sealed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        measure: Option<Measure>,
    },
    /// Say that it should never have been there.
    EnterInError {
        /// Why.
        reason: String,
    },
}

impl ReferralAct {
    /// Which action it is.
    pub fn action(&self) -> ReferralAction {
        match self {
            Self::Submit {} => ReferralAction::Submit,
            Self::Hold { .. } => ReferralAction::Hold,
            Self::Resume {} => ReferralAction::Resume,
            Self::Revoke { .. } => ReferralAction::Revoke,
            Self::Reroute { .. } => ReferralAction::Reroute,
            Self::Pin { .. } => ReferralAction::Pin,
            Self::Unpin { .. } => ReferralAction::Unpin,
            Self::ExtendShortlist { .. } => ReferralAction::ExtendShortlist,
            Self::Assign { .. } => ReferralAction::Assign,
            Self::Cover { .. } => ReferralAction::Cover,
            Self::Note { .. } => ReferralAction::Note,
            Self::Close { .. } => ReferralAction::Close,
            Self::EnterInError { .. } => ReferralAction::EnterInError,
        }
    }

    /// What was written with it; it is sealed.
    pub(in crate::referrals) fn text(&self) -> Option<&str> {
        match self {
            Self::Hold { reason, .. }
            | Self::Revoke { reason }
            | Self::Unpin { reason, .. }
            | Self::EnterInError { reason } => Some(reason),
            Self::Note { note, .. } => Some(note),
            Self::Submit {}
            | Self::Resume {}
            | Self::Reroute { .. }
            | Self::Pin { .. }
            | Self::ExtendShortlist { .. }
            | Self::Assign { .. }
            | Self::Cover { .. }
            | Self::Close { .. } => None,
        }
    }

    /// When the owner wants to look at it again.
    pub(in crate::referrals) fn next_action_on(&self) -> Option<Date> {
        match self {
            Self::Hold { next_action_on, .. }
            | Self::Assign { next_action_on, .. }
            | Self::Note { next_action_on, .. } => *next_action_on,
            _ => None,
        }
    }

    /// What is wrong with it, whatever the referral.
    pub(in crate::referrals) fn faults(&self, today: Date) -> Vec<FieldError> {
        let mut faults = Vec::new();
        faults.extend(past_fault("/next_action_on", self.next_action_on(), today));
        match self {
            Self::Hold { reason, .. } | Self::Revoke { reason } | Self::EnterInError { reason } => {
                faults.extend(text_fault("/reason", reason));
            }
            Self::Unpin { pins, reason } => {
                faults.extend(text_fault("/reason", reason));
                pin_faults(pins, true, &mut faults);
            }
            Self::Pin { pins } => pin_faults(pins, true, &mut faults),
            Self::Note { note, .. } => faults.extend(text_fault("/note", note)),
            Self::Reroute { shortlist, parallel } => {
                shortlist_faults(shortlist, &mut faults);
                parallel_fault(*parallel, &mut faults);
            }
            Self::ExtendShortlist { shortlist } => shortlist_faults(shortlist, &mut faults),
            Self::Close { outcome, measure } => {
                let Outcome { served, reason, in_needed_language, first_appointment_on, sessions } = outcome;
                match (served, reason) {
                    (false, None) => faults.push(FieldError::body(
                        "/outcome/reason",
                        "is needed where the student was not served",
                    )),
                    (true, Some(_)) => faults.push(FieldError::body(
                        "/outcome/reason",
                        "says why the student was not served, and the student was",
                    )),
                    (true, None) | (false, Some(_)) => {}
                }
                for (name, is_given) in [
                    ("/outcome/in_needed_language", in_needed_language.is_some()),
                    ("/outcome/first_appointment_on", first_appointment_on.is_some()),
                    ("/outcome/sessions", sessions.is_some()),
                    ("/measure", measure.is_some()),
                ] {
                    if !served && is_given {
                        faults.push(FieldError::body(
                            name,
                            "tells of a service, and the student was not served",
                        ));
                    }
                }
                if first_appointment_on.is_some_and(|day| day > today) {
                    faults.push(FieldError::body("/outcome/first_appointment_on", "is still to come"));
                }
                faults.extend(measure.as_ref().and_then(|measure| measure_fault("/measure", measure)));
            }
            Self::Submit {} | Self::Resume {} | Self::Assign { .. } | Self::Cover { .. } => {}
        }
        faults
    }
}
