//! Identifiers: one type per noun, so that a service's id never stands where an offering's belongs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            utoipa::ToSchema,
        )]
        #[serde(transparent)]
        #[schema(value_type = Uuid)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new identifier, ordered by the time it was made (UUID version 7).
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )+};
}

ids! {
    /// An agency, center, collaborative or club (HSDS `organization`).
    OrganizationId,
    /// A place (HSDS `location`).
    LocationId,
    /// What an organization offers (HSDS `service`).
    ServiceId,
    /// Whose openings they are: a clinician, team or program.
    CapacityPoolId,
    /// The thing one refers to; the unit of the finder.
    OfferingId,
    /// A plan of an insurer (FHIR `InsurancePlan`).
    InsurancePlanId,
    /// A school district, the tenant for everything about students.
    DistrictId,
    /// A school.
    SchoolId,
    /// An agreement between an organization and a district or schools.
    PartnershipId,
    /// One dated statement of capacity.
    ClaimId,
    /// One call to an agency.
    ContactAttemptId,
    /// One statement of facts by one source.
    AssertionId,
    /// A system that may ask for tokens.
    ClientId,
    /// What a person may do here.
    MembershipId,
    /// The offer of a membership to one person.
    InvitationId,
    /// One merging of an organization into another.
    MergeId,
    /// A student, whose identity is sealed.
    StudentId,
    /// A parent or whoever stands in a parent's place.
    GuardianId,
    /// What somebody allows to be told.
    ConsentId,
    /// One release of student information.
    DisclosureId,
    /// One report of imminent risk.
    CrisisEventId,
    /// A link by which an agency says what a pool can take.
    UpdateLinkId,
    /// A message that is to be sent.
    MessageId,
    /// One need of one student to be served (FHIR `ServiceRequest`).
    ReferralId,
    /// One referral put to one offering (FHIR `Task`).
    OfferId,
    /// A referral that waits for a pool.
    WaitListEntryId,
}

/// The namespace of identifiers that Causeway derives from a source's own keys.
const NAMESPACE: Uuid = Uuid::from_u128(0x6b1f_4c0e_9a53_5d27_8c41_2f7e_90ab_63d5);

/// The identifier of a thing that a source knows under `key`: the same source and key give the same
/// identifier for ever, so that importing again is an update (UUID version 5).
///
/// Parts are joined by U+001F, which no source uses, so that `("ab", "c")` and `("a", "bc")` differ.
pub fn derived_uuid(source: &str, parts: &[&str]) -> Uuid {
    let mut name = String::from(source);
    for part in parts {
        name.push('\u{1f}');
        name.push_str(part);
    }
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_id_depends_on_where_the_parts_end() {
        assert_eq!(derived_uuid("s", &["ab", "c"]), derived_uuid("s", &["ab", "c"]));
        assert_ne!(derived_uuid("s", &["ab", "c"]), derived_uuid("s", &["a", "bc"]));
    }
}
