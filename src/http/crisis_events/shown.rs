//! How crisis events are shown.

use jiff::Timestamp;
use serde::Serialize;

use crate::exchange::crisis_rota::Followed;
use crate::http::Context;
use crate::http::crisis_rota::CrisisEscalation;
use crate::students::crises::{self, Deed, Notes};
use crate::types::{CrisisEventId, DistrictId, SchoolId, StudentId};

/// How far an event has come.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum CrisisEventStatus {
    /// Nobody has taken it on.
    Open,
    /// Somebody has taken it on.
    Acknowledged,
    /// A person has cleared it.
    Cleared,
}

/// Who did something, and when.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct CrisisEventDeed {
    /// The id of a client or a membership.
    principal_id: String,
    /// How they were called then.
    name: String,
    /// When.
    at: Timestamp,
}

/// A report of imminent risk, and what came of it. What was written is shown with a single event only.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct CrisisEvent {
    /// Its id.
    id: CrisisEventId,
    /// How far it has come.
    status: CrisisEventStatus,
    /// The district.
    district_id: DistrictId,
    /// The school.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    school_id: Option<SchoolId>,
    /// The student.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    student_id: Option<StudentId>,
    /// The state where the student is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    state: Option<String>,
    /// Whether abuse or neglect is suspected.
    suspected_abuse: bool,
    /// Who reported it.
    reported: CrisisEventDeed,
    /// Who took it on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    acknowledged: Option<CrisisEventDeed>,
    /// Who cleared it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cleared: Option<CrisisEventDeed>,
    /// What the reporter wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    note: Option<String>,
    /// What the person wrote who cleared it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    clearance_note: Option<String>,
    /// Who was told by message, in order; with a single event only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    escalations: Vec<CrisisEscalation>,
    /// When the next on the rota is told, unless somebody acknowledges before; with a single event only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    due_at: Option<Timestamp>,
}

impl From<Deed> for CrisisEventDeed {
    fn from(Deed { by, name, at }: Deed) -> Self {
        Self { principal_id: by, name, at }
    }
}

pub(super) fn view(event: crises::CrisisEvent, notes: Notes) -> CrisisEvent {
    let status = match (&event.acknowledged, &event.cleared) {
        (_, Some(_)) => CrisisEventStatus::Cleared,
        (Some(_), None) => CrisisEventStatus::Acknowledged,
        (None, None) => CrisisEventStatus::Open,
    };
    CrisisEvent {
        id: event.id,
        status,
        district_id: event.district,
        school_id: event.school,
        student_id: event.student,
        state: event.state,
        suspected_abuse: event.suspected_abuse,
        reported: event.reported.into(),
        acknowledged: event.acknowledged.map(CrisisEventDeed::from),
        cleared: event.cleared.map(CrisisEventDeed::from),
        note: notes.report,
        clearance_note: notes.clearance,
        escalations: Vec::new(),
        due_at: None,
    }
}

/// A single event.
pub(super) fn single(context: &Context, followed: Followed) -> CrisisEvent {
    let Followed { event, notes, escalations, due_at } = followed;
    CrisisEvent {
        escalations: escalations.into_iter().map(CrisisEscalation::from).collect(),
        // Without a mail server nobody is told.
        due_at: due_at.filter(|_| context.app.sends_mail()),
        ..view(event, notes)
    }
}
