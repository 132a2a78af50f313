//! Consents, whom they name and who signed them.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::words::{Authority, Direction, Purpose, RecipientClass, SignatureMethod, Signer, StudentField};
use crate::types::{ConsentId, DistrictId, GuardianId, OrganizationId, StudentId};

/// Whom a consent names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsentRecipient {
    /// One organization.
    Organization(OrganizationId),
    /// Every organization of a class.
    Class(RecipientClass),
}

/// Who signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignedBy {
    /// A guardian of the student.
    Guardian(GuardianId),
    /// The student.
    Student,
}

impl SignedBy {
    /// In which role.
    pub fn signer(self) -> Signer {
        match self {
            Self::Guardian(_) => Signer::Parent,
            Self::Student => Signer::Student,
        }
    }
}

/// One signature under a consent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Whose.
    pub by: SignedBy,
    /// The name as signed.
    pub name: String,
    /// When.
    pub signed_at: Timestamp,
    /// How.
    pub method: SignatureMethod,
    /// Where the proof lies: the scan, the record of the electronic signature. A signature without is none.
    pub evidence: String,
}

/// What is allowed to be told of a student, by whom, to whom, which way, for what, and until when.
///
/// It holds for the district that asked for it and for no other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// Which one.
    pub id: ConsentId,
    /// Of whom.
    pub student_id: StudentId,
    /// To which district it was given.
    pub district_id: DistrictId,
    /// Under which laws.
    pub authorities: Vec<Authority>,
    /// The parties outside that it names: who is told, and for `to_school` who tells.
    pub recipients: Vec<ConsentRecipient>,
    /// Which way.
    pub direction: Direction,
    /// What.
    pub fields: Vec<StudentField>,
    /// For what.
    pub purposes: Vec<Purpose>,
    /// Whether the paper says that treatment of substance use is meant too. Needed beside [`Authority::Part2`].
    pub covers_part2: bool,
    /// Who signed it.
    pub signatures: Vec<Signature>,
    /// When the last of those who must sign did; none while it is a draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub signed_at: Option<Timestamp>,
    /// The last day on which it holds. Everyone who signs is told it (45 CFR 164.508(c)(1)(v), 42 CFR 2.31(a)).
    pub expires_on: Date,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub revoked_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consent_reads_back_as_it_was_written() {
        let text = r#"{"id":"00000000-0000-0000-0000-000000000001","student_id":"00000000-0000-0000-0000-000000000002",
            "district_id":"00000000-0000-0000-0000-000000000003","authorities":["ferpa","part2"],
            "recipients":[{"organization":"00000000-0000-0000-0000-000000000004"},{"class":"behavioral_health"}],
            "direction":"both","fields":["given_name"],"purposes":["coordinate_care"],"covers_part2":true,
            "signatures":[{"by":{"guardian":"00000000-0000-0000-0000-000000000005"},"name":"A. Parent",
            "signed_at":"2026-09-01T12:00:00Z","method":"paper","evidence":"scan-1"},
            {"by":"student","name":"A. Student","signed_at":"2026-09-02T12:00:00Z","method":"electronic",
            "evidence":"record-2"}],"signed_at":"2026-09-02T12:00:00Z","expires_on":"2027-06-30"}"#;
        let consent: Consent = serde_json::from_str(text).unwrap();
        assert_eq!(consent.signatures[0].by.signer(), Signer::Parent);
        assert_eq!(consent.signatures[1].by, SignedBy::Student);
        let again = serde_json::to_string(&consent).unwrap();
        assert_eq!(serde_json::from_str::<Consent>(&again).unwrap(), consent);
        assert!(!again.contains("revoked_at"));
    }
}
