//! Who may do what, as tables, and what makes a token's times acceptable. All of it pure.

use jiff::{SignedDuration, Timestamp};

use super::model::{Principal, Role, Scope, Tie, TieKind};
use crate::store::Noun;

/// Clocks of other machines may differ by this.
pub const LEEWAY: SignedDuration = SignedDuration::from_secs(30);

/// No token of ours may live longer; a key that was replaced stays published at least this long.
pub const LONGEST_TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(8);

/// The scopes of each role. An operator runs the deployment and has no part in any student's care.
pub(super) fn scopes(role: Role) -> &'static [Scope] {
    match role {
        Role::Operator => &[
            Scope::DirectoryRead,
            Scope::DirectoryWrite,
            Scope::AvailabilityWrite,
            Scope::ReportsRead,
            Scope::Admin,
        ],
        Role::DistrictLead => &[
            Scope::DirectoryRead,
            Scope::DirectoryWrite,
            Scope::AvailabilityWrite,
            Scope::ReferralsRead,
            Scope::ReferralsWrite,
            Scope::PrivacyRead,
            Scope::ReportsRead,
            Scope::Admin,
        ],
        Role::Coordinator => &[
            Scope::DirectoryRead,
            Scope::DirectoryWrite,
            Scope::AvailabilityWrite,
            Scope::ReferralsRead,
            Scope::ReferralsWrite,
        ],
        Role::SisClient => &[Scope::DirectoryRead, Scope::ReferralsRead, Scope::ReferralsWrite],
        Role::AgencyStaff => {
            &[Scope::DirectoryRead, Scope::DirectoryWrite, Scope::AvailabilityWrite, Scope::ReferralsRespond]
        }
        Role::StateAnalyst => &[Scope::DirectoryRead, Scope::ReportsRead],
        Role::AuditReader => &[Scope::PrivacyRead],
    }
}

/// What the holder of a role is tied to.
pub fn tie_of(role: Role) -> TieKind {
    match role {
        Role::Operator | Role::StateAnalyst => TieKind::None,
        Role::DistrictLead | Role::SisClient | Role::AuditReader => TieKind::District,
        Role::Coordinator => TieKind::Schools,
        Role::AgencyStaff => TieKind::Organization,
    }
}

/// What is wrong with tying the holder of a role to this.
pub fn tie_problem(role: Role, tie: &Tie) -> Option<&'static str> {
    match (tie_of(role), tie) {
        (TieKind::None, Tie::None)
        | (TieKind::Schools, Tie::District { .. })
        | (TieKind::Organization, Tie::Organization(_)) => None,
        (TieKind::District, Tie::District { schools, .. }) if schools.is_empty() => None,
        (TieKind::None, _) => {
            Some("this role is tied to nothing: name neither a district nor an organization")
        }
        (TieKind::District, _) => {
            Some("this role is tied to one district: name it, and no school and no organization")
        }
        (TieKind::Schools, _) => Some("this role is tied to one district: name it, and no organization"),
        (TieKind::Organization, _) => Some("this role is tied to one organization: name it, and no district"),
    }
}

/// How far a role's right to write reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Everything of this noun.
    Everything,
    /// What belongs to the caller's organization.
    OwnOrganization,
    /// What belongs to the caller's district.
    OwnDistrict,
    /// Nothing of this noun.
    Nothing,
}

/// Who may write what of the directory, of those who may write in it at all.
pub fn reach(role: Role, noun: Noun) -> Reach {
    match (role, noun) {
        (_, Noun::Client | Noun::Membership | Noun::SigningKey)
        | (Role::Coordinator, Noun::District | Noun::School)
        | (Role::AgencyStaff, Noun::InsurancePlan | Noun::District | Noun::School | Noun::Partnership)
        | (Role::SisClient | Role::StateAnalyst | Role::AuditReader, _) => Reach::Nothing,
        // A call mends what is known of an agency; what the agency says itself stands before it.
        (
            Role::DistrictLead | Role::Coordinator,
            Noun::Organization
            | Noun::Location
            | Noun::Service
            | Noun::Offering
            | Noun::CapacityPool
            | Noun::InsurancePlan,
        )
        | (Role::Operator, _) => Reach::Everything,
        (Role::DistrictLead, Noun::District | Noun::School | Noun::Partnership)
        | (Role::Coordinator, Noun::Partnership) => Reach::OwnDistrict,
        (
            Role::AgencyStaff,
            Noun::Organization | Noun::Location | Noun::Service | Noun::Offering | Noun::CapacityPool,
        ) => Reach::OwnOrganization,
    }
}

/// Why this caller may not invite somebody to this role and tie; an operator may invite anybody, a district's
/// lead those who work for the district.
pub fn invitation_problem(inviter: &Principal, role: Role, tie: &Tie) -> Option<&'static str> {
    match inviter.role {
        Role::Operator => None,
        Role::DistrictLead => {
            let is_theirs = matches!(role, Role::DistrictLead | Role::Coordinator | Role::AuditReader);
            let is_own = tie.district().is_some() && tie.district() == inviter.tie.district();
            match (is_theirs, is_own) {
                (true, true) => None,
                (false, _) => Some("a district's lead invites leads, coordinators and readers of the audit"),
                (true, false) => Some("a district's lead invites to their own district only"),
            }
        }
        Role::Coordinator | Role::SisClient | Role::AgencyStaff | Role::StateAnalyst | Role::AuditReader => {
            Some("only an operator or a district's lead invites")
        }
    }
}

/// Why a token does not hold at `now`: instants in seconds since 1970, as its claims have them.
pub(super) fn time_problem(
    now: Timestamp,
    expires: i64,
    not_before: Option<i64>,
    issued: i64,
) -> Option<&'static str> {
    let (now, leeway) = (now.as_second(), LEEWAY.as_secs());
    if now >= expires.saturating_add(leeway) {
        Some("the token has expired")
    } else if not_before.is_some_and(|not_before| not_before > now.saturating_add(leeway)) {
        Some("the token does not hold yet")
    } else if issued > now.saturating_add(leeway) {
        Some("the token was issued in the future")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{ClientId, DistrictId, OrganizationId};

    #[test]
    fn every_role_has_scopes_and_none_has_one_twice() {
        for role in Role::ALL {
            let scopes = role.scopes();
            assert!(!scopes.is_empty(), "{role}");
            for (position, scope) in scopes.iter().enumerate() {
                assert!(!scopes[..position].contains(scope), "{role} {scope}");
            }
        }
        let anybody = |scope| Role::ALL.iter().any(|role| role.scopes().contains(scope));
        assert!(Scope::ALL.iter().all(anybody), "a scope that nobody has is none");
    }

    #[test]
    fn an_operator_has_no_part_in_a_students_care() {
        for scope in
            [Scope::ReferralsRead, Scope::ReferralsWrite, Scope::ReferralsRespond, Scope::PrivacyRead]
        {
            assert!(!Role::Operator.scopes().contains(&scope), "{scope}");
        }
    }

    #[test]
    fn a_token_holds_from_its_beginning_to_its_end_give_or_take_the_leeway() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let problem = |now| time_problem(at(now), 2_000, Some(1_000), 1_000);
        assert_eq!(problem(1_000), None);
        assert_eq!(problem(970), None);
        assert_eq!(problem(969), Some("the token does not hold yet"));
        assert_eq!(problem(2_029), None);
        assert_eq!(problem(2_030), Some("the token has expired"));
        assert_eq!(time_problem(at(900), 2_000, None, 1_000), Some("the token was issued in the future"));
        assert!(LEEWAY <= SignedDuration::from_secs(30));
    }

    #[test]
    fn a_lead_invites_into_their_own_district_and_to_its_own_roles() {
        let district = DistrictId::new();
        let tie = Tie::District { district, schools: Vec::new() };
        let lead = Principal {
            id: super::super::PrincipalId::Client(ClientId::new()),
            name: "Lead".to_owned(),
            role: Role::DistrictLead,
            tie: tie.clone(),
            scopes: Role::DistrictLead.scopes().to_vec(),
        };
        assert_eq!(invitation_problem(&lead, Role::Coordinator, &tie), None);
        let other = Tie::District { district: DistrictId::new(), schools: Vec::new() };
        assert!(invitation_problem(&lead, Role::Coordinator, &other).is_some());
        let agency = Tie::Organization(OrganizationId::new());
        assert!(invitation_problem(&lead, Role::AgencyStaff, &agency).is_some());
        assert!(invitation_problem(&lead, Role::Operator, &Tie::None).is_some());
        let coordinator = Principal { role: Role::Coordinator, ..lead };
        assert!(invitation_problem(&coordinator, Role::Coordinator, &tie).is_some());
    }
}
