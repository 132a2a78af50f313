//! Why nothing leaves: stable codes, and words that name nobody.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::signers::Discounted;
use super::words::Authority;
use crate::types::{ConsentId, UnknownCode, codes};

codes! {
    /// Why a release is refused.
    Reason, "reason for a refusal" {
        /// The student is another district's.
        OtherDistrict = "other_district",
        /// What is on file is of another student.
        OtherStudent = "other_student",
        /// Nothing is to be released.
        NothingAsked = "nothing_asked",
        /// A field is not in the packet.
        FieldNotInPacket = "field_not_in_packet",
        /// The packet is not for this purpose.
        PurposeNotForPacket = "purpose_not_for_packet",
        /// The packet is for after acceptance.
        PacketBeforeAcceptance = "packet_before_acceptance",
        /// The basis does not hold for this packet.
        PacketNotForBasis = "packet_not_for_basis",
        /// The basis does not hold for this purpose.
        PurposeNotForBasis = "purpose_not_for_basis",
        /// The basis does not hold for this direction.
        DirectionNotForBasis = "direction_not_for_basis",
        /// The basis does not hold for this kind of party.
        PartyNotForBasis = "party_not_for_basis",
        /// The party has no name or affiliation.
        PartyUnnamed = "party_unnamed",
        /// Direct control is not on file.
        DirectControlNotKnown = "direct_control_not_known",
        /// Enrolment there is not on file.
        EnrolmentNotKnown = "enrolment_not_known",
        /// Legal responsibility for the child is not on file.
        ResponsibilityNotKnown = "responsibility_not_known",
        /// Taking part under the IDEA is not on file.
        ParticipationNotKnown = "participation_not_known",
        /// The threat is not written down.
        ThreatNotWritten = "threat_not_written",
        /// Whoever it is is no guardian of the student.
        NoGuardian = "no_guardian",
        /// The guardian is barred.
        GuardianBarred = "guardian_barred",
        /// The guardian's access is restricted.
        GuardianRestricted = "guardian_restricted",
        /// There is no consent for the school to tell.
        ConsentMissing = "consent_missing",
        /// There is no authorization for the agency to tell the school.
        HipaaAuthorizationMissing = "hipaa_authorization_missing",
        /// There is no Part 2 consent.
        Part2ConsentMissing = "part2_consent_missing",
        /// There is no consent to bill for what a plan owes.
        BillingConsentMissing = "billing_consent_missing",
        /// The consent was given to another district.
        ConsentOfOtherDistrict = "consent_of_other_district",
        /// The consent is another student's.
        ConsentOfOtherStudent = "consent_of_other_student",
        /// The consent is not signed yet.
        ConsentNotSigned = "consent_not_signed",
        /// The consent has expired.
        ConsentExpired = "consent_expired",
        /// The consent was revoked.
        ConsentRevoked = "consent_revoked",
        /// The consent does not name this recipient, nor its class.
        RecipientNotCovered = "recipient_not_covered",
        /// The consent does not name a field.
        FieldNotCovered = "field_not_covered",
        /// The consent does not name this purpose.
        PurposeNotCovered = "purpose_not_covered",
        /// The consent is not for this direction.
        DirectionNotCovered = "direction_not_covered",
        /// The consent does not say that treatment of substance use is meant.
        Part2NotCovered = "part2_not_covered",
        /// A parent's signature is missing.
        ParentSignatureMissing = "parent_signature_missing",
        /// The student's signature is missing.
        StudentSignatureMissing = "student_signature_missing",
        /// A signature was given later than the release.
        SignatureNotYetGiven = "signature_not_yet_given",
        /// A signature is not in writing.
        SignatureNotWritten = "signature_not_written",
        /// Nothing shows a signature.
        SignatureWithoutEvidence = "signature_without_evidence",
        /// A signature is by no guardian of the student.
        SignatureByNoGuardian = "signature_by_no_guardian",
        /// A signature is by a guardian without access in full.
        SignatureWithoutAccess = "signature_without_access",
        /// A signature was given before the signer had that right.
        SignatureBeforeTheRight = "signature_before_the_right",
    }
}

impl Reason {
    /// The reason for a coordinator, without a name and without a fact about the student.
    pub fn plain(self) -> &'static str {
        match self {
            Self::OtherDistrict => "The student belongs to another district.",
            Self::OtherStudent => "What is on file belongs to another student.",
            Self::NothingAsked => "No field was named: say what is to be released.",
            Self::FieldNotInPacket => "A field was named that is not part of this packet.",
            Self::PurposeNotForPacket => {
                "This packet is not released for this purpose: it would be more than needed."
            }
            Self::PacketBeforeAcceptance => "This packet is released only after the provider has accepted.",
            Self::PacketNotForBasis => "On this basis only the limited profile is released.",
            Self::PurposeNotForBasis => "This basis does not hold for this purpose.",
            Self::DirectionNotForBasis => {
                "This basis does not hold in this direction: what an agency tells the school needs an authorization."
            }
            Self::PartyNotForBasis => "This basis does not hold for a recipient of this kind.",
            Self::PartyUnnamed => "The recipient's name, position and affiliation must be given.",
            Self::DirectControlNotKnown => {
                "There is no agreement on file that puts this recipient under the district's direct control."
            }
            Self::EnrolmentNotKnown => "It is not on file that the student enrols in this school.",
            Self::ResponsibilityNotKnown => {
                "It is not on file that this agency is legally responsible for the student."
            }
            Self::ParticipationNotKnown => "It is not on file that this agency takes part under the IDEA.",
            Self::ThreatNotWritten => {
                "Write down the articulable and significant threat before anything is released."
            }
            Self::NoGuardian => "Nobody with this identifier is on file as a guardian of this student.",
            Self::GuardianBarred => "This guardian is barred from the record.",
            Self::GuardianRestricted => {
                "This guardian's access is restricted: somebody at the district decides what may be told."
            }
            Self::ConsentMissing => "There is no consent for this on file.",
            Self::HipaaAuthorizationMissing => {
                "There is no authorization on file for the agency to tell the school."
            }
            Self::Part2ConsentMissing => {
                "There is no consent under 42 CFR Part 2 on file, which this release needs."
            }
            Self::BillingConsentMissing => {
                "A plan owes this service, or nobody has said that none does: to bill insurance needs its own consent."
            }
            Self::ConsentOfOtherDistrict => {
                "The consent was given to another district: it is to be signed anew."
            }
            Self::ConsentOfOtherStudent => "The consent is another student's.",
            Self::ConsentNotSigned => "The consent is not signed yet.",
            Self::ConsentExpired => "The consent has expired.",
            Self::ConsentRevoked => "The consent was revoked.",
            Self::RecipientNotCovered => "The consent names neither this recipient nor its class.",
            Self::FieldNotCovered => "The consent does not cover a field that was named.",
            Self::PurposeNotCovered => "The consent does not cover this purpose.",
            Self::DirectionNotCovered => "The consent does not cover this direction.",
            Self::Part2NotCovered => "The consent does not say that records under 42 CFR Part 2 are meant.",
            Self::ParentSignatureMissing => "A parent must sign, and no signature that counts is there.",
            Self::StudentSignatureMissing => "The student must sign, and no signature that counts is there.",
            Self::SignatureNotYetGiven => "A signature was given later than this moment.",
            Self::SignatureNotWritten => "A signature was given by word only, and the law asks for writing.",
            Self::SignatureWithoutEvidence => "A signature does not count: nothing on file shows it.",
            Self::SignatureByNoGuardian => {
                "A signature does not count: who gave it is not on file as a guardian of this student."
            }
            Self::SignatureWithoutAccess => {
                "A signature does not count: who gave it does not have access in full."
            }
            Self::SignatureBeforeTheRight => {
                "A signature does not count: who gave it did not have that right yet. It is to be given anew."
            }
        }
    }
}

impl From<Discounted> for Reason {
    fn from(discounted: Discounted) -> Self {
        match discounted {
            Discounted::NotYet => Self::SignatureNotYetGiven,
            Discounted::NotWritten => Self::SignatureNotWritten,
            Discounted::WithoutEvidence => Self::SignatureWithoutEvidence,
            Discounted::NoGuardian => Self::SignatureByNoGuardian,
            Discounted::WithoutAccess => Self::SignatureWithoutAccess,
            Discounted::BeforeTheRight => Self::SignatureBeforeTheRight,
        }
    }
}

/// One reason against a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Refusal {
    /// What is wrong.
    pub reason: Reason,
    /// The law under which a consent is needed, for what is wrong with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub authority: Option<Authority>,
    /// The consent that came nearest; without one, there is none under that law.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub consent: Option<ConsentId>,
    /// Where the law says so.
    pub citation: String,
    /// The reason in plain words.
    pub plain: String,
}

impl Refusal {
    /// A reason that lies in the release and not in a consent.
    pub(super) fn of(reason: Reason, citation: &str) -> Self {
        Self {
            reason,
            authority: None,
            consent: None,
            citation: citation.to_owned(),
            plain: reason.plain().to_owned(),
        }
    }
}
