//! What somebody asks to be done with a referral or an offer.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::machine::offer::OfferAction;
use super::machine::referral::ReferralAction;
use super::model::{NeedProfile, Outcome, Pins};
use crate::error::FieldError;
use crate::finder::Urgency;
use crate::finder::need::radius_problem;
use crate::students::releases::Obligation;
use crate::types::{DeclineReason, OfferingId, StudentId};

/// Offerings of one shortlist.
pub const LONGEST_SHORTLIST: usize = 50;
/// Offerings that the finder names where nobody says how many.
pub const DEFAULT_SHORTLIST: u8 = 5;
/// Offers that may wait for a reply at a time.
pub const MOST_PARALLEL: u8 = 5;
const LONGEST_TEXT: usize = 4_000;
const MOST_PINS: usize = 20;

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
    },
    /// Go on.
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
    /// Take it over.
    Assign {},
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
    },
    /// End it.
    Close {
        /// How it ended.
        outcome: Outcome,
    },
    /// Say that it should never have been there.
    EnterInError {
        /// Why.
        reason: String,
    },
}

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
    Attend {},
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
    Complete {},
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
            Self::Assign {} => ReferralAction::Assign,
            Self::Cover { .. } => ReferralAction::Cover,
            Self::Note { .. } => ReferralAction::Note,
            Self::Close { .. } => ReferralAction::Close,
            Self::EnterInError { .. } => ReferralAction::EnterInError,
        }
    }

    /// What was written with it; it is sealed.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Hold { reason }
            | Self::Revoke { reason }
            | Self::Unpin { reason, .. }
            | Self::EnterInError { reason } => Some(reason),
            Self::Note { note } => Some(note),
            Self::Submit {}
            | Self::Resume {}
            | Self::Reroute { .. }
            | Self::Pin { .. }
            | Self::ExtendShortlist { .. }
            | Self::Assign {}
            | Self::Cover { .. }
            | Self::Close { .. } => None,
        }
    }

    /// What is wrong with it, whatever the referral.
    pub(super) fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        match self {
            Self::Hold { reason } | Self::Revoke { reason } | Self::EnterInError { reason } => {
                faults.extend(text_fault("/reason", reason));
            }
            Self::Unpin { pins, reason } => {
                faults.extend(text_fault("/reason", reason));
                pin_faults(pins, true, &mut faults);
            }
            Self::Pin { pins } => pin_faults(pins, true, &mut faults),
            Self::Note { note } => faults.extend(text_fault("/note", note)),
            Self::Reroute { shortlist, parallel } => {
                shortlist_faults(shortlist, &mut faults);
                parallel_fault(*parallel, &mut faults);
            }
            Self::ExtendShortlist { shortlist } => shortlist_faults(shortlist, &mut faults),
            Self::Close { outcome: Outcome { served, reason, in_needed_language } } => {
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
                if !served && in_needed_language.is_some() {
                    let message = "says in which language the student was served, and the student was not";
                    faults.push(FieldError::body("/outcome/in_needed_language", message));
                }
            }
            Self::Submit {} | Self::Resume {} | Self::Assign {} | Self::Cover { .. } => {}
        }
        faults
    }
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
            Self::Attend {} => OfferAction::Attend,
            Self::Start {} => OfferAction::Start,
            Self::Hold { .. } => OfferAction::Hold,
            Self::Resume {} => OfferAction::Resume,
            Self::Complete {} => OfferAction::Complete,
            Self::Fail { .. } => OfferAction::Fail,
            Self::EnterInError { .. } => OfferAction::EnterInError,
        }
    }

    /// The reason from the closed list, and what was written with it.
    pub(super) fn said(&self) -> (Option<DeclineReason>, Option<&str>) {
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
            | Self::Attend {}
            | Self::Start {}
            | Self::Resume {}
            | Self::Complete {} => (None, None),
        }
    }

    /// The appointment that it makes.
    pub(super) fn appointment_at(&self) -> Option<Timestamp> {
        match self {
            Self::Schedule { appointment_at } | Self::Reschedule { appointment_at } => Some(*appointment_at),
            _ => None,
        }
    }

    /// What is wrong with it at `now`, whatever the offer.
    pub(super) fn faults(&self, now: Timestamp) -> Vec<FieldError> {
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
            | Self::Attend {}
            | Self::Start {}
            | Self::Resume {}
            | Self::Complete {} => {}
        }
        faults
    }
}

impl ReferralCreate {
    /// What is wrong with it, whoever the student is.
    pub(super) fn faults(&self, today: Date) -> Vec<FieldError> {
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
        if self.next_action_on.is_some_and(|day| day < today) {
            faults.push(FieldError::body("/next_action_on", format_args!("is past; today is {today}")));
        }
        faults.extend(self.note.as_deref().and_then(|note| text_fault("/note", note)));
        if self.suspected_abuse {
            let message = "says why there is imminent risk; add imminent_risk, or leave it out";
            faults.push(FieldError::body("/suspected_abuse", message));
        }
        faults
    }
}

pub(super) fn text_fault(at: &str, text: &str) -> Option<FieldError> {
    let is_fit = !text.trim().is_empty() && text.chars().count() <= LONGEST_TEXT && !text.contains('\0');
    (!is_fit).then(|| FieldError::body(at, format_args!("must have 1 to {LONGEST_TEXT} characters")))
}

fn parallel_fault(parallel: Option<u8>, faults: &mut Vec<FieldError>) {
    if let Some(parallel) = parallel.filter(|parallel| !(1..=MOST_PARALLEL).contains(parallel)) {
        let message = format!("{parallel} is not from 1 to {MOST_PARALLEL}");
        faults.push(FieldError::body("/parallel", message));
    }
}

fn shortlist_faults(shortlist: &Shortlist, faults: &mut Vec<FieldError>) {
    let Shortlist { offerings, size } = shortlist;
    if offerings.len() > LONGEST_SHORTLIST {
        let message = format!("has more than {LONGEST_SHORTLIST} offerings");
        faults.push(FieldError::body("/shortlist/offerings", message));
    }
    for (position, offering) in offerings.iter().enumerate() {
        if offerings[..position].contains(offering) {
            faults.push(FieldError::body(format!("/shortlist/offerings/{position}"), "stands there twice"));
        }
    }
    match size {
        Some(_) if !offerings.is_empty() => {
            let message = "is for a shortlist that the finder names; leave it out beside offerings";
            faults.push(FieldError::body("/shortlist/size", message));
        }
        Some(size) if !(1..=LONGEST_SHORTLIST).contains(&usize::from(*size)) => {
            let message = format!("{size} is not from 1 to {LONGEST_SHORTLIST}");
            faults.push(FieldError::body("/shortlist/size", message));
        }
        Some(_) | None => {}
    }
}

fn pin_faults(pins: &Pins, is_needed: bool, faults: &mut Vec<FieldError>) {
    let Pins { languages, accessibility, populations, modalities, practices } = pins;
    for (name, count) in [
        ("languages", languages.len()),
        ("accessibility", accessibility.len()),
        ("populations", populations.len()),
        ("modalities", modalities.len()),
        ("practices", practices.len()),
    ] {
        if count > MOST_PINS {
            faults.push(FieldError::body(
                format!("/pins/{name}"),
                format_args!("has more than {MOST_PINS} values"),
            ));
        }
    }
    if is_needed && pins.is_empty() {
        faults.push(FieldError::body("/pins", "is empty: say what is meant"));
    }
}
