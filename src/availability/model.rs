//! What an agency, or a call to it, said of its capacity.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::types::{AvailabilityStatus, CapacityPoolId, ClaimId};

/// A dated statement of capacity on a pool. After `valid_until` it reads as unknown everywhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Its id.
    pub id: ClaimId,
    /// The pool it speaks of.
    pub capacity_pool_id: CapacityPoolId,
    /// What it says.
    pub status: AvailabilityStatus,
    /// Openings not yet promised to anyone.
    pub open_slots: Option<u32>,
    /// How many wait.
    pub waiting: Option<u32>,
    /// How many started in the 28 days before the report.
    pub starts_last_28_days: Option<u32>,
    /// The first date on which someone new could start.
    pub next_available_date: Option<Date>,
    /// Remarks.
    pub notes: Option<String>,
    /// When it was said.
    pub reported_at: Timestamp,
    /// Who said it.
    pub reported_by: String,
    /// How it was said.
    pub method: ClaimMethod,
    /// From this instant on it reads as unknown.
    pub valid_until: Timestamp,
}

/// How a claim came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClaimMethod {
    /// The agency said so itself.
    Agency,
    /// A coordinator's call found it.
    CoordinatorCall,
}

impl Claim {
    /// Whether it still holds at `now`.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.valid_until
    }

    /// The status as it reads at `now`: lapsed is unknown.
    pub fn status_at(&self, now: Timestamp) -> AvailabilityStatus {
        if self.is_live(now) { self.status } else { AvailabilityStatus::Unknown }
    }
}

/// What somebody reports; the server adds who, and when where the report does not say.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AvailabilityReport)]
pub struct ClaimReport {
    /// Whether there are openings.
    pub status: AvailabilityStatus,
    /// Openings not yet promised to anyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 2)]
    pub open_slots: Option<u32>,
    /// How many wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub waiting: Option<u32>,
    /// How many started in the last 28 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 3)]
    pub starts_last_28_days: Option<u32>,
    /// The first date on which someone new could start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_available_date: Option<Date>,
    /// Remarks; nothing about a student.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub notes: Option<String>,
    /// When it was said; now, if left out. Reports order themselves by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reported_at: Option<Timestamp>,
    /// Who found out: the agency itself, or a coordinator who called. Left out, it goes by who reports: agency staff
    /// and operators speak for the agency, those of a district report a call and cannot speak for the agency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub method: Option<ClaimMethod>,
    /// From when on it no longer holds; by default 7 days after the report, 3 days after a call; at most 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub valid_until: Option<Timestamp>,
}
