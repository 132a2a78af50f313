//! What is asked to leave, what stands on file, and what comes of it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::model::Consent;
use super::refusals::Refusal;
use super::signers::Minority;
use super::words::{Basis, Direction, GuardianAccess, Packet, Purpose, RecipientClass, StudentField};
use crate::types::{ConsentId, DistrictId, GuardianId, OrganizationId, StudentId, Truth, UnknownCode, codes};

codes! {
    /// What travels with a release.
    Notice, "notice" {
        /// May not be told on (34 CFR 99.33).
        Redisclosure = "redisclosure",
        /// The notice of 42 CFR 2.32.
        Part2 = "part2",
    }
}

impl Notice {
    /// Where the law asks for it.
    pub fn citation(self) -> &'static str {
        match self {
            Self::Redisclosure => "34 CFR 99.33",
            Self::Part2 => "42 CFR 2.32",
        }
    }

    /// Its words. Those of Part 2 are the short form that the rule itself gives.
    pub fn words(self) -> &'static str {
        match self {
            Self::Redisclosure => {
                "This comes from an education record. It may be used only for the purpose for which it was \
                 disclosed, and may not be disclosed to anybody else without the consent of the parent or of the \
                 student who is 18, unless 34 CFR 99.33 allows it."
            }
            Self::Part2 => "42 CFR part 2 prohibits unauthorized use or disclosure of these records.",
        }
    }
}

/// The party outside the district: who is told, or, where the school is told, who tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Party {
    /// An organization of the directory.
    Organization {
        /// Which one.
        id: OrganizationId,
        /// What it is, as consents may name it.
        classes: Vec<RecipientClass>,
    },
    /// A school of another district, or one outside the directory.
    School(Named),
    /// A caseworker of a child-welfare agency.
    Caseworker(Named),
    /// Somebody who must know in an emergency.
    EmergencyParty {
        /// Who.
        named: Named,
        /// Medical personnel may be told of Part 2 records in a medical emergency (42 CFR 2.51).
        medical_personnel: bool,
    },
    /// A guardian of the student.
    Guardian(GuardianId),
}

/// Somebody by name, as the record of the release needs it (603 CMR 23.07(1)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NamedRecipient)]
pub struct Named {
    /// The name.
    pub name: String,
    /// The position.
    pub position: String,
    /// The school, agency or service.
    pub affiliation: String,
}

/// What is asked to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Of whom.
    pub student_id: StudentId,
    /// The district that answers for it.
    pub district_id: DistrictId,
    /// To whom, or from whom.
    pub party: Party,
    /// Which packet.
    pub packet: Packet,
    /// What of it.
    pub fields: Vec<StudentField>,
    /// Which way.
    pub direction: Direction,
    /// For what.
    pub purpose: Purpose,
    /// On which ground, as claimed.
    pub basis: Basis,
    /// The articulable and significant threat, for an emergency.
    pub threat: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// What stands on file at that moment. Facts have three values, and what is not known does not hold.
#[derive(Clone, Debug)]
pub struct Standing<'a> {
    /// Whose file it is.
    pub student_id: StudentId,
    /// Whose student it is.
    pub district_id: DistrictId,
    /// The district's time zone: by its days consents expire and birthdays come.
    pub time_zone: TimeZone,
    /// What decides who must sign.
    pub minority: Minority<'a>,
    /// The student's guardians.
    pub guardians: &'a [(GuardianId, GuardianAccess)],
    /// The student's consents, also those that no longer hold.
    pub consents: &'a [Consent],
    /// Whether this party has accepted the student and has not handed back.
    pub accepted: bool,
    /// Whether treatment under 42 CFR Part 2 is involved.
    pub involves_part2: bool,
    /// Whether an IEP or 504 plan owes the service. What is not known counts as owed.
    pub owed: Truth,
    /// Whether the party does the school's work under its direct control, with a legitimate educational interest.
    pub under_direct_control: Truth,
    /// Whether the student enrols, or intends to, in that school.
    pub enrols_there: Truth,
    /// Whether that agency is legally responsible for the care and protection of the student, and the caseworker has
    /// the right to see the case plan.
    pub legally_responsible: Truth,
    /// Whether that agency takes part in meeting a duty of the IDEA for this student.
    pub takes_part_under_idea: Truth,
}

/// Whether it may leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It may, and is recorded in the same transaction.
    Release {
        /// On which basis.
        basis: Basis,
        /// The consents that it rests on. More than one where laws need one each; none on other bases.
        consents: Vec<ConsentId>,
        /// What travels with it.
        notices: Vec<Notice>,
    },
    /// It may not.
    Refuse {
        /// Every reason, never none.
        reasons: Vec<Refusal>,
    },
}

impl Party {
    /// Whether the record can say who it is.
    pub(super) fn is_named(&self) -> bool {
        match self {
            Self::Organization { .. } | Self::Guardian(_) => true,
            Self::School(named) | Self::Caseworker(named) | Self::EmergencyParty { named, .. } => {
                [&named.name, &named.position, &named.affiliation].iter().all(|text| !text.trim().is_empty())
            }
        }
    }
}
