//! An offer, and what the district is told of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::privacy::limited::LimitedProfile;
use crate::referrals::machine::offer::{OfferState, Stage};
use crate::types::{CapacityPoolId, DistrictId, OfferId, OfferingId, OrganizationId, ReferralId, ServiceId};

/// What is kept of an offer beside its state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// The service.
    pub service_id: ServiceId,
    /// Its place on the shortlist, from 1.
    pub rank: u32,
    /// The finder's score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// What the organization is told before it accepts.
    pub profile: LimitedProfile,
    /// Whether the organization has nobody here, so that a coordinator calls it and records what it says.
    pub by_call: bool,
    /// Why it ended as it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether that tells of a service, and the district was not told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::referrals) is_reason_withheld: bool,
    /// When it was first replied to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replied_at: Option<Timestamp>,
    /// When it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<Timestamp>,
    /// The appointment that stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appointment_at: Option<Timestamp>,
    /// The first appointment that was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_attended_at: Option<Timestamp>,
    /// Appointments that were kept.
    pub sessions: u32,
    /// Appointments that were missed.
    pub missed: u32,
    /// Whether the service is given in the language that is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_needed_language: Option<bool>,
    /// What the district was told last of the service that is given, where an agency keeps the record of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::referrals) told: Option<Told>,
}

/// What the district was told of a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::referrals) struct Told {
    state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stage: Option<Stage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    appointment_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_attended_at: Option<Timestamp>,
    sessions: u32,
    missed: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    in_needed_language: Option<bool>,
}

/// How somebody does, by one instrument.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProgressMeasure, example = json!({"instrument": "PSC-17 total", "baseline": 19.0, "latest": 12.0}))]
pub struct Measure {
    /// The instrument and, if it has several, the scale.
    #[schema(min_length = 1, max_length = 100)]
    pub instrument: String,
    /// What it said at the beginning.
    pub baseline: f64,
    /// What it said last.
    pub latest: f64,
}

/// What lies sealed of a service: what was measured, and what of it the district was told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::referrals) struct Report {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::referrals) measure: Option<Measure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::referrals) told: Option<Measure>,
}

/// One referral put to one offering.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// Its id.
    pub id: OfferId,
    /// For which referral.
    pub referral: ReferralId,
    /// Whose student.
    pub district: DistrictId,
    /// To whom.
    pub organization: OrganizationId,
    /// For which offering.
    pub offering: OfferingId,
    /// Whose openings it draws on.
    pub pool: CapacityPoolId,
    /// Grows by one with every change.
    pub version: i64,
    /// Where it stands.
    pub state: OfferState,
    /// When the clock ends it.
    pub due_at: Option<Timestamp>,
    /// What else is kept of it.
    pub terms: Terms,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Whether the agency has said more than the district may be told.
    pub is_withheld: bool,
    /// What was pinned then, sealed.
    pub(in crate::referrals) sealed: Vec<u8>,
    /// What was measured, sealed.
    pub(in crate::referrals) report: Option<Vec<u8>>,
}

impl Offer {
    /// Keeps what the district is told now of the service.
    pub(in crate::referrals) fn tell(&mut self) {
        let (state, stage) = self.state.parts();
        let Terms { appointment_at, first_attended_at, sessions, missed, in_needed_language, .. } =
            self.terms;
        let state = state.to_owned();
        let told =
            Told { state, stage, appointment_at, first_attended_at, sessions, missed, in_needed_language };
        self.terms.told = Some(told);
    }

    /// As the district knows it: that somebody takes the student and that it ends is the answer to what was asked; what
    /// lies between, only as it was told. Of one that is called all of it is, for the district keeps the record itself.
    #[must_use]
    pub(in crate::referrals) fn as_told(&self) -> Self {
        if self.state.is_open() {
            return self.clone();
        }
        let mut told = self.clone();
        let known = self.terms.told.clone();
        if matches!(self.state, OfferState::Engaged(_) | OfferState::OnHold(_)) {
            let state = known
                .as_ref()
                .and_then(|known| OfferState::from_parts(&known.state, known.stage.map(Stage::as_str)));
            told.state =
                state.filter(|state| state.is_engaged()).unwrap_or(OfferState::Engaged(Stage::Accepted));
        }
        let terms = &mut told.terms;
        if terms.is_reason_withheld {
            terms.reason = None;
        }
        terms.appointment_at = known.as_ref().and_then(|known| known.appointment_at);
        terms.first_attended_at = known.as_ref().and_then(|known| known.first_attended_at);
        terms.sessions = known.as_ref().map_or(0, |known| known.sessions);
        terms.missed = known.as_ref().map_or(0, |known| known.missed);
        terms.in_needed_language = known.as_ref().and_then(|known| known.in_needed_language);
        told.is_withheld = told.state != self.state || told.terms != self.terms;
        told
    }
}
