//! What is done with a place on a list.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::faults::{past_fault, text_fault};
use crate::error::FieldError;
use crate::referrals::machine::place::PlaceAction;
use crate::types::{UnknownCode, codes};

/// Days for which a place may be passed over at most.
const LONGEST_SKIP_DAYS: i64 = 60;

codes! {
    /// Why a place on a list is passed over for some time.
    SkipReason, "reason to skip" {
        /// The family has asked for it.
        FamilyAsked = "family_asked",
        /// The family could not be reached.
        FamilyUnreachable = "family_unreachable",
        /// What is free does not fit: another group, age, day or clinician.
        DoesNotFit = "does_not_fit",
        /// Something must be there first: a paper, an insurer's word, an assessment.
        NotReady = "not_ready",
        /// Something else.
        Other = "other",
    }
}

/// What is to be done with a place on a list.
#[derive(Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = WaitListActionRequest)]
pub enum PlaceAct {
    /// Say that the referral still waits, and that slots may be offered to it.
    Confirm {},
    /// Let slots go to those behind for some time; the place is kept.
    Skip {
        /// Why.
        reason: SkipReason,
        /// The last day, where the district is; by default a week.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        until: Option<Date>,
        /// More; it is sealed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        note: Option<String>,
    },
    /// Give the place up.
    Leave {
        /// Why; it is sealed.
        reason: String,
    },
}

impl PlaceAct {
    /// Which action it is.
    pub fn action(&self) -> PlaceAction {
        match self {
            Self::Confirm {} => PlaceAction::Confirm,
            Self::Skip { .. } => PlaceAction::Skip,
            Self::Leave { .. } => PlaceAction::Leave,
        }
    }

    /// What is wrong with it, whatever the place.
    pub(in crate::referrals) fn faults(&self, today: Date) -> Vec<FieldError> {
        match self {
            Self::Confirm {} => Vec::new(),
            Self::Skip { until, note, .. } => {
                let latest = today.saturating_add(LONGEST_SKIP_DAYS.days());
                let too_long = until.filter(|day| *day > latest).map(|_| {
                    FieldError::body("/until", format_args!("is more than {LONGEST_SKIP_DAYS} days away"))
                });
                let note = note.as_deref().and_then(|note| text_fault("/note", note));
                past_fault("/until", *until, today).into_iter().chain(too_long).chain(note).collect()
            }
            Self::Leave { reason } => text_fault("/reason", reason).into_iter().collect(),
        }
    }
}
