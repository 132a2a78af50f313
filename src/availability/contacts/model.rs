//! What a call to an agency found.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::types::{
    CapacityPoolId, ClaimId, ContactAttemptId, DistrictId, LanguageTag, OfferingId, Phone, UnknownCode, codes,
};

codes! {
    /// What a call found.
    ContactOutcome, "outcome of a contact" {
        /// Nobody answered.
        NoAnswer = "no_answer",
        /// A machine did.
        Voicemail = "voicemail",
        /// The number is somebody else's, or nobody's.
        WrongNumber = "wrong_number",
        /// Somebody new can start.
        Open = "open",
        /// There is a waiting list.
        Waiting = "waiting",
        /// Nobody new is taken, and there is no list.
        Full = "full",
        /// Nobody there speaks the language that was asked for.
        NoLanguage = "no_language",
    }
}

impl ContactOutcome {
    /// Whether somebody of the agency answered. Behind a wrong number nobody did.
    pub fn is_answered(self) -> bool {
        match self {
            Self::NoAnswer | Self::Voicemail | Self::WrongNumber => false,
            Self::Open | Self::Waiting | Self::Full | Self::NoLanguage => true,
        }
    }
}

/// What a caller records of a call. It says nothing of the student for whom they called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ContactAttemptCreate)]
pub struct ContactReport {
    /// Whose openings were asked about; may be left out where an offering is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub capacity_pool_id: Option<CapacityPoolId>,
    /// Which offering was asked about; what the call found of facts is then said of it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub offering_id: Option<OfferingId>,
    /// What was found.
    pub outcome: ContactOutcome,
    /// The number that was called; required with `wrong_number`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "+19785550142")]
    pub phone: Option<Phone>,
    /// The language that was used or asked for; required with `no_language`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "es")]
    pub language: Option<LanguageTag>,
    /// With `open`: openings not yet promised to anyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub open_slots: Option<u32>,
    /// With `waiting`: how many wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub waiting: Option<u32>,
    /// With `open`, `waiting` or `full`: the first date on which someone new could start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_available_date: Option<Date>,
    /// Remarks; nothing about a student. Only those of the caller's district read them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub notes: Option<String>,
    /// When the call was; now, if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub attempted_at: Option<Timestamp>,
}

/// A call to an agency, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ContactAttempt {
    /// Its id.
    pub id: ContactAttemptId,
    /// Whose openings were asked about.
    pub capacity_pool_id: CapacityPoolId,
    /// The offering that was asked about.
    pub offering_id: Option<OfferingId>,
    /// What was found.
    pub outcome: ContactOutcome,
    /// The number that was called.
    pub phone: Option<Phone>,
    /// The language that was used or asked for.
    pub language: Option<LanguageTag>,
    /// Remarks.
    pub notes: Option<String>,
    /// When the call was.
    pub attempted_at: Timestamp,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Who called.
    pub attempted_by: String,
    /// For which district they work; none of an operator.
    pub district_id: Option<DistrictId>,
    /// The claim that it became, if it said something about capacity.
    pub claim_id: Option<ClaimId>,
}
