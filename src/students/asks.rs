//! What somebody asks to release, and what makes such a request complete.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::error::{Error, FieldError, Result};
use crate::privacy::signers::MinorCare;
use crate::privacy::{Basis, Named, Packet, Purpose, StudentField};
use crate::types::{GuardianId, OrganizationId, ServiceId, UnknownCode, codes};

const LONGEST_LINE: usize = 200;
const LONGEST_TEXT: usize = 4_000;

codes! {
    /// Whether a plan owes the service.
    Obligation, "obligation" {
        /// None does.
        None = "none",
        /// An individualized education program (IDEA).
        Iep = "iep",
        /// A plan under section 504.
        Section504 = "section_504",
    }
}

/// The person at an organization of the directory who is told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ToOrganization {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The service that it is about; left out, whatever the organization offers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub service_id: Option<ServiceId>,
    /// The person's name.
    #[schema(example = "R. Intake")]
    pub name: String,
    /// The person's position.
    #[schema(example = "intake coordinator")]
    pub position: String,
}

/// Somebody who must know in an emergency.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ToEmergencyParty {
    /// The name.
    pub name: String,
    /// The position.
    pub position: String,
    /// The service or agency.
    pub affiliation: String,
    /// Whether they are medical personnel, who may be told of substance-use treatment too (42 CFR 2.51).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub medical_personnel: bool,
}

/// Who is told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// An organization of the directory.
    Organization(ToOrganization),
    /// A school in which the student enrols.
    School(Named),
    /// A caseworker of a child-welfare agency.
    Caseworker(Named),
    /// Somebody who must know in an emergency.
    EmergencyParty(ToEmergencyParty),
    /// A guardian of the student.
    Guardian(GuardianId),
}

/// What is to be told, to whom, for what and on what basis.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DisclosureCreate {
    /// Who is told.
    pub recipient: Recipient,
    /// Which packet: `eligibility` or `identity`.
    pub packet: Packet,
    /// Which fields of it; left out, all of them. What is not needed is better left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub fields: Vec<StudentField>,
    /// For what.
    pub purpose: Purpose,
    /// On which basis.
    pub basis: Basis,
    /// Whether a plan owes the service. Left out, it counts as owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub obligation: Option<Obligation>,
    /// The care that is meant, where somebody answers for it that a minor may consent to it alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub minor_care: Option<MinorCare>,
    /// The day on which the recipient accepted the student.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub accepted_on: Option<Date>,
    /// Where the basis stands written: the request to enrol, the placement letter, the IEP. Needed for every basis but
    /// consent and emergency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub on_file: Option<String>,
    /// The articulable and significant threat, in an emergency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub threat: Option<String>,
}

/// The fields that are asked for, of a request that is complete.
pub(super) fn accept(asked: &DisclosureCreate, today: Date, born_on: Date) -> Result<Vec<StudentField>> {
    let mut faults = Vec::new();
    match asked.packet {
        Packet::Eligibility | Packet::Identity => {}
        Packet::LimitedProfile | Packet::Progress => {
            let message = "is not released by hand: the limited profile goes with an offer, progress comes from the agency";
            faults.push(FieldError::body("/packet", message));
        }
    }
    let mut line = |at: &str, text: &str, longest: usize| {
        let is_broken = |c: char| c == '\0' || (longest == LONGEST_LINE && c.is_control());
        if text.trim().is_empty() || text.chars().count() > longest || text.chars().any(is_broken) {
            let of_line = if longest == LONGEST_LINE { " in one line" } else { "" };
            faults.push(FieldError::body(at, format!("must have 1 to {longest} characters{of_line}")));
        }
    };
    match &asked.recipient {
        Recipient::Organization(ToOrganization { name, position, .. }) => {
            line("/recipient/organization/name", name, LONGEST_LINE);
            line("/recipient/organization/position", position, LONGEST_LINE);
        }
        Recipient::School(named) => lines(&mut line, "school", named),
        Recipient::Caseworker(named) => lines(&mut line, "caseworker", named),
        Recipient::EmergencyParty(ToEmergencyParty { name, position, affiliation, .. }) => {
            line("/recipient/emergency_party/name", name, LONGEST_LINE);
            line("/recipient/emergency_party/position", position, LONGEST_LINE);
            line("/recipient/emergency_party/affiliation", affiliation, LONGEST_LINE);
        }
        Recipient::Guardian(_) => {}
    }
    for (at, text) in [("/on_file", &asked.on_file), ("/threat", &asked.threat)] {
        if let Some(text) = text {
            line(at, text, LONGEST_TEXT);
        }
    }
    if asked.accepted_on.is_some_and(|day| day > today) {
        faults.push(FieldError::body("/accepted_on", "is in the future"));
    }
    if asked.accepted_on.is_some_and(|day| day < born_on) {
        faults.push(FieldError::body("/accepted_on", "is before the student was born"));
    }
    if !faults.is_empty() {
        return Err(Error::Invalid(faults));
    }
    let mut fields =
        if asked.fields.is_empty() { asked.packet.fields().to_vec() } else { asked.fields.clone() };
    fields.sort_unstable();
    fields.dedup();
    Ok(fields)
}

fn lines(line: &mut impl FnMut(&str, &str, usize), kind: &str, named: &Named) {
    line(&format!("/recipient/{kind}/name"), &named.name, LONGEST_LINE);
    line(&format!("/recipient/{kind}/position"), &named.position, LONGEST_LINE);
    line(&format!("/recipient/{kind}/affiliation"), &named.affiliation, LONGEST_LINE);
}
