//! Who calls: roles, scopes, what a role is tied to, and the principal that a token stands for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::rules;
use crate::store::{Tenancy, Tenant};
use crate::types::{ClientId, DistrictId, MembershipId, OrganizationId, SchoolId, UnknownCode, codes};

codes! {
    /// A permission that a token carries. The set is closed.
    Scope, "scope" {
        /// Read the directory and search it.
        DirectoryRead = "directory:read",
        /// Record, change and retire what the directory says.
        DirectoryWrite = "directory:write",
        /// Say what a capacity pool can take.
        AvailabilityWrite = "availability:write",
        /// Read referrals.
        ReferralsRead = "referrals:read",
        /// Make and steer referrals.
        ReferralsWrite = "referrals:write",
        /// Answer offers on behalf of an organization.
        ReferralsRespond = "referrals:respond",
        /// Read consents, disclosures and the audit.
        PrivacyRead = "privacy:read",
        /// Read what was counted.
        ReportsRead = "reports:read",
        /// Say who may do what.
        Admin = "admin",
    }

    /// What somebody is here. A role has its scopes and says what its holder is tied to.
    Role, "role" {
        /// Runs this deployment.
        Operator = "operator",
        /// Leads the partnership work of one district.
        DistrictLead = "district_lead",
        /// Finds services for students of one district, or of some of its schools.
        Coordinator = "coordinator",
        /// The student information system of one district.
        SisClient = "sis_client",
        /// Works at one organization.
        AgencyStaff = "agency_staff",
        /// Counts for the state.
        StateAnalyst = "state_analyst",
        /// Reads one district's records of disclosure.
        AuditReader = "audit_reader",
    }
}

impl Scope {
    /// What it permits, for the contract.
    pub fn describe(self) -> &'static str {
        match self {
            Self::DirectoryRead => "Read the directory and search it",
            Self::DirectoryWrite => "Record, change and retire what the directory says",
            Self::AvailabilityWrite => "Say what a capacity pool can take",
            Self::ReferralsRead => "Read referrals",
            Self::ReferralsWrite => "Make and steer referrals",
            Self::ReferralsRespond => "Answer offers on behalf of an organization",
            Self::PrivacyRead => "Read consents, disclosures and the audit",
            Self::ReportsRead => "Read what was counted",
            Self::Admin => "Say who may do what",
        }
    }
}

impl Role {
    /// What it permits.
    pub fn scopes(self) -> &'static [Scope] {
        rules::scopes(self)
    }
}

/// What a role's holder is tied to, in kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TieKind {
    /// Nothing.
    None,
    /// One district.
    District,
    /// One district, and perhaps only some of its schools.
    Schools,
    /// One organization.
    Organization,
}

/// What a caller is tied to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tie {
    /// Nothing: the whole deployment.
    None,
    /// One district; with schools, only these of it.
    District {
        /// The district.
        district: DistrictId,
        /// None: all of its schools.
        schools: Vec<SchoolId>,
    },
    /// One organization.
    Organization(OrganizationId),
}

impl Tie {
    /// The district, for those who have one.
    pub fn district(&self) -> Option<DistrictId> {
        match self {
            Self::District { district, .. } => Some(*district),
            Self::None | Self::Organization(_) => None,
        }
    }

    /// The organization, for those who have one.
    pub fn organization(&self) -> Option<OrganizationId> {
        match self {
            Self::Organization(organization) => Some(*organization),
            Self::None | Self::District { .. } => None,
        }
    }

    /// The schools that it is narrowed to.
    pub fn schools(&self) -> &[SchoolId] {
        match self {
            Self::District { schools, .. } => schools,
            Self::None | Self::Organization(_) => &[],
        }
    }
}

/// Which client or person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalId {
    /// A system.
    Client(ClientId),
    /// A person.
    Membership(MembershipId),
}

impl fmt::Display for PrincipalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(id) => id.fmt(f),
            Self::Membership(id) => id.fmt(f),
        }
    }
}

/// Who calls, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Which one.
    pub id: PrincipalId,
    /// How they are called; stands beside what they say.
    pub name: String,
    /// What they are.
    pub role: Role,
    /// What they are tied to.
    pub tie: Tie,
    /// What this token permits: the role's scopes, or those of them that the token was narrowed to.
    pub scopes: Vec<Scope>,
}

impl Principal {
    /// The deployment itself, under this name, where nobody calls: its clock, or whoever sits at its command line.
    pub fn of_deployment(name: &str) -> Self {
        Self {
            id: PrincipalId::Client(ClientId(Uuid::nil())),
            name: name.to_owned(),
            role: Role::Operator,
            tie: Tie::None,
            scopes: Vec::new(),
        }
    }

    /// For whom a transaction of theirs works that touches students; none of an operator, who has no part in any
    /// student's care.
    pub fn tenancy(&self) -> Option<Tenancy> {
        match (&self.tie, self.role) {
            (Tie::District { district, schools }, _) => {
                Some(Tenancy::District(Tenant { district: *district, schools: schools.clone() }))
            }
            (Tie::Organization(organization), _) => Some(Tenancy::Agency(*organization)),
            (Tie::None, Role::StateAnalyst) => Some(Tenancy::Analyst),
            (Tie::None, _) => None,
        }
    }

    /// Whether this token permits it.
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// Scopes as a token carries them: separated by spaces.
pub fn joined(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ")
}

/// Reads scopes that are separated by spaces.
///
/// # Errors
/// Names the first that is none.
pub(super) fn split(scopes: &str) -> Result<Vec<Scope>, UnknownCode> {
    scopes.split(' ').filter(|scope| !scope.is_empty()).map(Scope::from_str).collect()
}
