//! How far a caller's right to write reaches: what belongs to whom, and whose voice it is.

use uuid::Uuid;

use super::assertions::{Method, Voice};
use super::facts::{CapacityPoolFacts, OrganizationFacts, ServiceFacts};
use super::merges::stands_under;
use super::record::{Facts, Record, find};
use crate::access::rules::{Reach, reach};
use crate::access::{Principal, Role};
use crate::error::{Error, Result};
use crate::store::{DbConnection, Noun};
use crate::types::{CapacityPoolId, OrganizationId, ServiceId};

impl Voice {
    /// The voice of a caller. Agency staff speak for their agency. Those of a district report what they were told:
    /// that is a call. An operator enters what an agency without an account has said, in its stead: `by` says who.
    pub fn of(principal: &Principal) -> Self {
        let method = match principal.role {
            Role::AgencyStaff | Role::Operator => Method::Agency,
            Role::Coordinator
            | Role::DistrictLead
            | Role::SisClient
            | Role::StateAnalyst
            | Role::AuditReader => Method::CoordinatorCall,
        };
        Self { method, source: "api".to_owned(), by: principal.name.clone() }
    }
}

/// Lets a caller do what concerns several of a noun at once, such as merging two.
///
/// # Errors
/// [`Error::Forbidden`] unless their role writes everything of this noun.
pub fn admit_everywhere(principal: &Principal, noun: Noun) -> Result<()> {
    match reach(principal.role, noun) {
        Reach::Everything => Ok(()),
        Reach::OwnOrganization | Reach::OwnDistrict | Reach::Nothing => Err(Error::Forbidden(format!(
            "{} may not do this: it concerns each {} in question, and not only their own",
            principal.role,
            noun.as_str()
        ))),
    }
}

/// Organizations and districts that something belongs to, by what its facts refer to.
#[derive(Default)]
struct Owners {
    organizations: Vec<Uuid>,
    districts: Vec<Uuid>,
}

/// Under which id the caller's organization stands: of one that is merged, its survivor's. Who works at either
/// works at the same agency.
fn own_organization(connection: &mut DbConnection, principal: &Principal) -> Result<Option<Uuid>> {
    let Some(own) = principal.tie.organization() else { return Ok(None) };
    Ok(Some(stands_under::<OrganizationFacts>(connection, own)?.into()))
}

fn owners<F: Facts>(connection: &mut DbConnection, id: Option<F::Id>, facts: &F) -> Result<Owners> {
    let mut owners = referred_to(connection, id, facts)?;
    for organization in &mut owners.organizations {
        *organization = stands_under::<OrganizationFacts>(connection, OrganizationId(*organization))?.into();
    }
    Ok(owners)
}

fn referred_to<F: Facts>(connection: &mut DbConnection, id: Option<F::Id>, facts: &F) -> Result<Owners> {
    let mut owners = Owners::default();
    match F::NOUN {
        Noun::Organization => {
            owners.organizations.extend(id.map(Into::into));
            return Ok(owners);
        }
        Noun::District => {
            owners.districts.extend(id.map(Into::into));
            return Ok(owners);
        }
        Noun::Location
        | Noun::Service
        | Noun::CapacityPool
        | Noun::InsurancePlan
        | Noun::School
        | Noun::Offering
        | Noun::Partnership
        | Noun::Client
        | Noun::Membership
        | Noun::SigningKey => {}
    }
    for (_, noun, id) in facts.references() {
        match noun {
            Noun::Organization => owners.organizations.push(id),
            Noun::Service => {
                let service = find::<ServiceFacts>(connection, ServiceId(id))?;
                owners.organizations.push(service.facts.organization_id.into());
            }
            Noun::CapacityPool => {
                let pool = find::<CapacityPoolFacts>(connection, CapacityPoolId(id))?;
                owners.organizations.push(pool.facts.organization_id.into());
            }
            Noun::District => owners.districts.push(id),
            Noun::Location
            | Noun::InsurancePlan
            | Noun::School
            | Noun::Offering
            | Noun::Partnership
            | Noun::Client
            | Noun::Membership
            | Noun::SigningKey => {}
        }
    }
    Ok(owners)
}

/// Lets a caller record something new with these facts.
///
/// # Errors
/// [`Error::Forbidden`] if their role records nothing of this noun, or it would belong to nobody;
/// [`Error::NotFound`] if it would belong to somebody else.
pub fn admit_new<F: Facts>(connection: &mut DbConnection, principal: &Principal, facts: &F) -> Result<()> {
    let own = match reach(principal.role, F::NOUN) {
        Reach::Everything => return Ok(()),
        Reach::Nothing => return Err(forbidden(principal, F::NOUN)),
        Reach::OwnOrganization => (own_organization(connection, principal)?, Noun::Organization),
        Reach::OwnDistrict => (principal.tie.district().map(Uuid::from), Noun::District),
    };
    let (own, noun) = own;
    let owners = owners(connection, None, facts)?;
    let owners = if noun == Noun::Organization { owners.organizations } else { owners.districts };
    if owners.is_empty() {
        let detail = format!(
            "{} records only what belongs to their own {}; name it in the facts",
            principal.role,
            noun.as_str()
        );
        return Err(Error::Forbidden(detail));
    }
    match owners.into_iter().find(|owner| Some(*owner) != own) {
        Some(foreign) => Err(Error::NotFound { what: noun.as_str(), id: foreign.to_string() }),
        None => Ok(()),
    }
}

/// Lets a caller change or retire this record, or say something of it.
///
/// # Errors
/// [`Error::NotFound`] if it does not belong to them; [`Error::Forbidden`] if their role changes nothing of this noun.
pub fn admit<F: Facts>(
    connection: &mut DbConnection,
    principal: &Principal,
    record: &Record<F>,
) -> Result<()> {
    let is_own = match reach(principal.role, F::NOUN) {
        Reach::Everything => true,
        Reach::Nothing => return Err(forbidden(principal, F::NOUN)),
        Reach::OwnOrganization => {
            let owners = owners(connection, Some(record.id), &record.facts)?.organizations;
            is_all(&owners, own_organization(connection, principal)?)
        }
        Reach::OwnDistrict => {
            let owners = owners(connection, Some(record.id), &record.facts)?.districts;
            is_all(&owners, principal.tie.district().map(Uuid::from))
        }
    };
    if is_own { Ok(()) } else { Err(Error::NotFound { what: F::NOUN.as_str(), id: record.id.to_string() }) }
}

fn is_all(owners: &[Uuid], own: Option<Uuid>) -> bool {
    !owners.is_empty() && owners.iter().all(|owner| Some(*owner) == own)
}

fn forbidden(principal: &Principal, noun: Noun) -> Error {
    Error::Forbidden(format!("{} writes nothing of the kind {}", principal.role, noun.as_str()))
}
