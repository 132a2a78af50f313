//! What a new referral is asked with.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::faults::{parallel_fault, past_fault, pin_faults, shortlist_faults, text_fault};
use crate::error::FieldError;
use crate::finder::Urgency;
use crate::finder::need::radius_problem;
use crate::referrals::model::{NeedProfile, Pins};
use crate::students::releases::Obligation;
use crate::types::{OfferingId, StudentId};

/// Whom to ask: offerings that somebody chose, or those that the finder names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Shortlist {
    /// Offerings, in the order in which to ask them; left out, the finder names them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, max_items = 50)]
    pub offerings: Vec<OfferingId>,
    /// How many the finder is to name, where it does; by default 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1, maximum = 50)]
    pub size: Option<u8>,
}

/// One need of one student to be served.
#[derive(Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReferralCreate {
    /// Of whom.
    pub student_id: StudentId,
    /// What is needed.
    #[serde(default)]
    #[schema(required = false)]
    pub need: NeedProfile,
    /// What cannot be done without.
    #[serde(default)]
    #[schema(required = false)]
    pub pins: Pins,
    /// How quickly care is needed. Imminent risk is no urgency: say `imminent_risk`.
    #[serde(default)]
    #[schema(required = false)]
    pub urgency: Urgency,
    /// Whether a plan owes the service; by default none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub obligation: Option<Obligation>,
    /// Whom to ask.
    #[serde(default)]
    #[schema(required = false)]
    pub shortlist: Shortlist,
    /// How many are asked at a time; by default one after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1, maximum = 5)]
    pub parallel: Option<u8>,
    /// When the owner wants to look at it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_action_on: Option<Date>,
    /// A note for those who work with the student in the district; it is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub note: Option<String>,
    /// Whether the search begins at once; else it is a draft until it is submitted.
    #[serde(default)]
    #[schema(required = false)]
    pub submit: bool,
    /// Whether somebody may be in danger. Then no referral is made: the answer is the problem `imminent-risk`, which says
    /// whom to call, and a crisis event is recorded in the district.
    #[serde(default)]
    #[schema(required = false)]
    pub imminent_risk: bool,
    /// With `imminent_risk`: whether abuse or neglect is suspected.
    #[serde(default)]
    #[schema(required = false)]
    pub suspected_abuse: bool,
}

impl ReferralCreate {
    /// What is wrong with it, whoever the student is.
    pub(in crate::referrals) fn faults(&self, today: Date) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let NeedProfile { origin, radius_km, required, preferred } = &self.need;
        if origin.near.is_some()
            || origin.postal_code.is_some()
            || origin.town.is_some()
            || origin.school.is_some()
        {
            faults.extend(
                origin.problems(|name, message| FieldError::body(format!("/need/origin/{name}"), message)),
            );
        }
        if let Some(message) = radius_km.and_then(radius_problem) {
            faults.push(FieldError::body("/need/radius_km", message));
        }
        let mut criteria = Vec::new();
        required.clone().read(&mut criteria);
        preferred.clone().read(&mut criteria);
        faults.extend(criteria.into_iter().map(|fault| fault.inside("/need")));
        pin_faults(&self.pins, false, &mut faults);
        shortlist_faults(&self.shortlist, &mut faults);
        parallel_fault(self.parallel, &mut faults);
        faults.extend(past_fault("/next_action_on", self.next_action_on, today));
        faults.extend(self.note.as_deref().and_then(|note| text_fault("/note", note)));
        if self.suspected_abuse {
            let message = "says why there is imminent risk; add imminent_risk, or leave it out";
            faults.push(FieldError::body("/suspected_abuse", message));
        }
        faults
    }
}
