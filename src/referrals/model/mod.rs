//! A referral, the offers made for it, and what is kept of both.

mod offer;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::access::Principal;
use crate::finder::Urgency;
use crate::finder::need::{OriginAsk, PreferredCriteria, RequiredCriteria};
use crate::privacy::disclosures::ReleasedBy;
pub use crate::referrals::machine::place::EntryState;
use crate::referrals::machine::referral::{BusinessStatus, ReferralStatus};
use crate::students::releases::Obligation;
use crate::types::{
    AccessibilityFeature, CapacityPoolId, ClaimId, DistrictId, LanguageTag, Modality, OfferId, OfferingId,
    Population, Practice, ReferralId, SchoolId, StudentId, UnknownCode, codes,
};
pub(in crate::referrals) use offer::Report;
pub use offer::{Measure, Offer, Terms};

codes! {
    /// From whom the next step of a referral is due.
    DueFrom, "party" {
        /// The coordinator who owns it, or who stands in.
        Coordinator = "coordinator",
        /// The family, who have to sign.
        Family = "family",
        /// The organization that was asked or has accepted.
        Agency = "agency",
        /// Causeway, which offers a slot as soon as one is free.
        Causeway = "causeway",
    }

    /// What is due next.
    DueStep, "step" {
        /// To begin the search.
        Submit = "submit",
        /// A consent that allows somebody to be asked.
        Consent = "consent",
        /// A reply to an offer.
        Reply = "reply",
        /// What the insurer says.
        Verification = "verification",
        /// A free slot.
        Slot = "slot",
        /// A word that a place on a list is still wanted; without it the place is given up.
        Confirmation = "confirmation",
        /// An appointment.
        Appointment = "appointment",
        /// Whether the student came.
        Attendance = "attendance",
        /// How the service ends.
        Result = "result",
        /// An answer to the wish to end it.
        Cancellation = "cancellation",
        /// What to do next: another shortlist, or an end with an outcome.
        Decision = "decision",
        /// To go on with what rests.
        Resumption = "resumption",
    }

    /// Why a candidate was not asked.
    PassedOver, "reason to pass over" {
        /// It is not in the directory any more, or takes nobody.
        Gone = "gone",
        /// It does not hold what is pinned, or nobody has said that it does.
        Pinned = "pinned",
        /// Its openings are all promised; the referral waits for one.
        Full = "full",
        /// Its own word is that it takes nobody.
        NoCapacity = "no_capacity",
    }
}

/// What is due next, and from whom. Every referral that is active has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReferralDue)]
pub struct Due {
    /// What.
    pub step: DueStep,
    /// From whom.
    pub from: DueFrom,
    /// Until when.
    pub at: Timestamp,
}

/// Somebody of the district.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReferralPerson)]
pub struct Person {
    /// The client or membership.
    pub id: String,
    /// How they are called here.
    pub name: String,
}

impl Person {
    /// Who calls.
    pub fn of(principal: &Principal) -> Self {
        Self { id: principal.id.to_string(), name: principal.name.clone() }
    }
}

impl ReleasedBy {
    /// On whose word something of a referral is told: its owner's, whoever's act it follows from.
    pub(in crate::referrals) fn owner(owner: &Person) -> Self {
        Self { id: owner.id.clone(), name: owner.name.clone(), position: "owner of the referral".to_owned() }
    }
}

/// Who stands in for the owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReferralCover)]
pub struct Cover {
    /// Who.
    pub by: Person,
    /// The last day, where the district is; none: until it is said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub until: Option<Date>,
}

/// What a referral cannot do without. Every value must hold of whoever is asked; nobody having said so is not enough.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReferralPins)]
pub struct Pins {
    /// Languages, by clinician or interpreter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<LanguageTag>,
    /// Access for people with disabilities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accessibility: Vec<AccessibilityFeature>,
    /// Whom it must be made for or competent with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub populations: Vec<Population>,
    /// How they meet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modalities: Vec<Modality>,
    /// Evidence-based practices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub practices: Vec<Practice>,
}

impl Pins {
    /// Whether nothing is pinned.
    pub fn is_empty(&self) -> bool {
        let Self { languages, accessibility, populations, modalities, practices } = self;
        languages.is_empty()
            && accessibility.is_empty()
            && populations.is_empty()
            && modalities.is_empty()
            && practices.is_empty()
    }
}

/// What one student needs, from where. What is left out of age, coverage, origin and school is taken from the student's
/// file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReferralNeed)]
pub struct NeedProfile {
    /// Where travel starts; left out, at the student's home.
    #[serde(default)]
    #[schema(required = false)]
    pub origin: OriginAsk,
    /// How far a place may be, in great-circle kilometres; by default 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0, maximum = 500)]
    pub radius_km: Option<f64>,
    /// What must hold.
    #[serde(default)]
    #[schema(required = false)]
    pub required: RequiredCriteria,
    /// What ranks and never filters.
    #[serde(default)]
    #[schema(required = false)]
    pub preferred: PreferredCriteria,
}

/// What lies sealed under the student's key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Need {
    /// What is needed.
    pub profile: NeedProfile,
    /// What cannot be done without.
    pub pins: Pins,
    /// Why the finder named those of the shortlist that it did.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reasons: BTreeMap<OfferingId, Vec<String>>,
    /// How the student did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<Measure>,
}

/// An offering of the shortlist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReferralCandidate)]
pub struct Candidate {
    /// Which.
    pub offering_id: OfferingId,
    /// The finder's score, if it was the finder who named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub score: Option<f64>,
    /// Why it is here, in sentences; not in lists. They tell what the student needs, and so lie sealed with that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub reasons: Vec<String>,
    /// The offer that was made to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub offer_id: Option<OfferId>,
    /// Why it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub passed_over: Option<PassedOver>,
}

/// What of a referral is not sealed and is not asked for in the database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Whether a plan owes the service.
    pub obligation: Obligation,
    /// Who answers for it.
    pub owner: Person,
    /// Who stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cover: Option<Cover>,
    /// When the owner wants to look at it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_action_on: Option<Date>,
    /// How many are asked at a time.
    pub parallel: u8,
    /// Whom to ask, in order.
    pub shortlist: Vec<Candidate>,
    /// Whether nobody more is asked until a coordinator says so.
    pub is_stopped: bool,
    /// What is due next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Due>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Where it stands on worklists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub worklists: Vec<crate::referrals::worklists::Place>,
}

/// How a referral ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReferralOutcome)]
pub struct Outcome {
    /// Whether the student was served.
    pub served: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reason: Option<NotServed>,
    /// Whether it was in the language that was needed; left out, what the agency has told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub in_needed_language: Option<bool>,
    /// The first appointment that was kept; left out, what the agency has told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub first_appointment_on: Option<Date>,
    /// Appointments that were kept; left out, what the agency has told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub sessions: Option<u32>,
}

codes! {
    /// Why a student was not served.
    NotServed, "reason" {
        /// Nobody whom one could ask had room.
        NoCapacity = "no_capacity",
        /// Nobody takes what pays.
        Coverage = "coverage",
        /// Nobody speaks the language.
        Language = "language",
        /// It is too far, or there is no way to get there.
        Distance = "distance",
        /// The family does not want it, or not now.
        FamilyDeclined = "family_declined",
        /// The family could not be reached.
        FamilyUnreachable = "family_unreachable",
        /// No consent came.
        NoConsent = "no_consent",
        /// The student moved away.
        Moved = "moved",
        /// Somebody else serves the student.
        ServedElsewhere = "served_elsewhere",
        /// The need is there no more.
        NoLongerNeeded = "no_longer_needed",
        /// Something else.
        Other = "other",
    }
}

/// One need of one student to be served.
#[derive(Clone, Debug, PartialEq)]
pub struct Referral {
    /// Its id.
    pub id: ReferralId,
    /// Whose student.
    pub district: DistrictId,
    /// The student's school when it was made.
    pub school: Option<SchoolId>,
    /// Of whom.
    pub student: StudentId,
    /// Grows by one with every change.
    pub version: i64,
    /// Its status.
    pub status: ReferralStatus,
    /// How far it has come.
    pub business_status: Option<BusinessStatus>,
    /// How quickly care is needed.
    pub urgency: Urgency,
    /// What is not sealed.
    pub plan: Plan,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When something of it is due: what is due next, or what its owner has set out to do.
    pub(in crate::referrals) due_at: Option<Timestamp>,
    /// When the clock looks at it again.
    pub(in crate::referrals) look_at: Option<Timestamp>,
    pub(in crate::referrals) sealed: Vec<u8>,
}

/// A referral that waits for a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: crate::types::WaitListEntryId,
    /// Which referral.
    pub referral: ReferralId,
    /// Whose student.
    pub district: DistrictId,
    /// What is waited for.
    pub offering: OfferingId,
    /// Whose openings.
    pub pool: CapacityPoolId,
    /// Grows by one with every change.
    pub version: i64,
    /// Whether it stands.
    pub state: EntryState,
    /// The class: 0 goes before 1.
    pub priority: i32,
    /// Since when it waits; kept for ever.
    pub joined_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Since when it is asked whether the referral still waits; none while it is not.
    pub asked_at: Option<Timestamp>,
    /// When that is asked or, once it is, until when to say so.
    pub due_at: Option<Timestamp>,
    /// Until when slots go to those behind.
    pub skipped_until: Option<Timestamp>,
    /// The claim to which the agency answered with its list, or let an offer run out: slots come only of another.
    pub(in crate::referrals) answered_claim: Option<ClaimId>,
    /// Until when it is not tried again, since it could not take a slot.
    pub(in crate::referrals) passed_until: Option<Timestamp>,
}
