//! Organizations that may be the same agency, for somebody to look at. Nothing is ever merged by likeness.

mod likeness;
mod names;
mod store;

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use self::likeness::{Place, Profile, domain, number, pairs};
use self::names::Name;
use super::{
    Facts, LocationFacts, OrganizationFacts, Page, Record, ServiceFacts, find, list, placed, some_centres,
    survivors,
};
use crate::error::{Error, FieldError, Result};
use crate::store::{DbConnection, Tx};
use crate::types::{OrganizationId, Phone, PostalCode};

pub use likeness::{Evidence, Pair};

/// Which candidates are asked for.
#[derive(Clone, Copy, Debug)]
pub struct DuplicatesAsk {
    /// Those of one organization; none for all.
    pub organization_id: Option<OrganizationId>,
    /// Only pairs that are at least so alike, from 0 to 1.
    pub min_likeness: f64,
    /// Also pairs that somebody found to be two.
    pub include_dismissed: bool,
}

/// Two organizations that may be the same agency.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The two, how alike they are and why.
    pub pair: Pair,
    /// Their names, in the order of the pair.
    pub names: [String; 2],
    /// That somebody found them to be two.
    pub dismissal: Option<Dismissal>,
}

/// That somebody looked at two organizations and found them to be two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dismissal {
    /// The one with the lesser id.
    pub organization_id: OrganizationId,
    /// The other one.
    pub other_id: OrganizationId,
    /// When.
    pub dismissed_at: Timestamp,
    /// By whom.
    pub dismissed_by: String,
}

/// The candidates, the most alike first. Reads the whole directory: what tells two apart depends on all others.
///
/// # Errors
/// If the database fails.
pub fn duplicates(connection: &mut DbConnection, ask: &DuplicatesAsk) -> Result<Vec<Candidate>> {
    let organizations = all::<OrganizationFacts>(connection)?;
    let profiles = profiles(connection, &organizations)?;
    let only = match ask.organization_id {
        Some(id) => survivors(connection, &[id])?.get(&id).copied(),
        None => None,
    };
    let mut dismissals = dismissals(connection)?;
    let names: HashMap<OrganizationId, &String> =
        organizations.iter().map(|organization| (organization.id, &organization.facts.name)).collect();
    let name = |id| names.get(&id).map(|name| (*name).clone()).unwrap_or_default();
    Ok(pairs(&profiles, ask.min_likeness, only)
        .into_iter()
        .map(|pair| Candidate {
            names: [name(pair.organization_id), name(pair.other_id)],
            dismissal: dismissals.remove(&(pair.organization_id, pair.other_id)),
            pair,
        })
        .filter(|candidate| ask.include_dismissed || candidate.dismissal.is_none())
        .collect())
}

/// Keeps that these two are not the same, and says whether nobody had said so before; then what was said first
/// stands.
///
/// # Errors
/// [`Error::Invalid`] if they are one or not there; [`Error::Conflict`] if they are merged.
pub fn dismiss(
    tx: &mut Tx<'_>,
    one: OrganizationId,
    other: OrganizationId,
    by: &str,
) -> Result<(Dismissal, bool)> {
    if one == other {
        return Err(
            FieldError::body("/other_id", "is the same organization; name the other one of the two").into()
        );
    }
    for (pointer, id) in [("/organization_id", one), ("/other_id", other)] {
        find::<OrganizationFacts>(tx.connection, id).map_err(|error| match error {
            Error::NotFound { .. } => FieldError::body(pointer, error).into(),
            error => error,
        })?;
    }
    let survivors = survivors(tx.connection, &[one, other])?;
    if survivors[&one] == survivors[&other] {
        let message = format!("the organizations {one} and {other} are merged; unmerge them first");
        return Err(Error::Conflict(message));
    }
    let dismissal = Dismissal {
        organization_id: one.min(other),
        other_id: one.max(other),
        dismissed_at: tx.now,
        dismissed_by: by.to_owned(),
    };
    if store::keep(tx.connection, &dismissal)? {
        return Ok((dismissal, true));
    }
    let kept = store::dismissals(tx.connection)?.into_iter().find(|kept| {
        (kept.organization_id, kept.other_id) == (dismissal.organization_id, dismissal.other_id)
    });
    Ok((kept.unwrap_or(dismissal), false))
}

/// The dismissals by pair. Where one is merged since, its survivor is meant: who is not the one is not the other.
fn dismissals(connection: &mut DbConnection) -> Result<HashMap<(OrganizationId, OrganizationId), Dismissal>> {
    let dismissals = store::dismissals(connection)?;
    let ids: BTreeSet<OrganizationId> =
        dismissals.iter().flat_map(|dismissal| [dismissal.organization_id, dismissal.other_id]).collect();
    let survivors = survivors(connection, &ids.into_iter().collect::<Vec<_>>())?;
    let pair = |dismissal: &Dismissal| {
        let (one, other) = (survivors[&dismissal.organization_id], survivors[&dismissal.other_id]);
        (one.min(other), one.max(other))
    };
    Ok(dismissals.into_iter().map(|dismissal| (pair(&dismissal), dismissal)).collect())
}

/// What tells each organization from others: of itself, and of what belongs to it or to one merged into it.
fn profiles(
    connection: &mut DbConnection,
    organizations: &[Record<OrganizationFacts>],
) -> Result<Vec<Profile>> {
    let locations = all::<LocationFacts>(connection)?;
    let services = all::<ServiceFacts>(connection)?;
    let codes: BTreeSet<PostalCode> =
        locations.iter().filter_map(|location| location.facts.postal_code).collect();
    let centres = some_centres(connection, &codes.into_iter().collect::<Vec<_>>())?;
    let owners: BTreeSet<OrganizationId> = locations
        .iter()
        .filter_map(|location| location.facts.organization_id)
        .chain(services.iter().map(|service| service.facts.organization_id))
        .collect();
    let survivors = survivors(connection, &owners.into_iter().collect::<Vec<_>>())?;

    let mut profiles: HashMap<OrganizationId, Profile> =
        organizations.iter().map(|organization| (organization.id, of_organization(organization))).collect();
    for location in &locations {
        let owner = location.facts.organization_id.and_then(|id| survivors.get(&id));
        let Some(profile) = owner.and_then(|owner| profiles.get_mut(owner)) else { continue };
        profile.phones.extend(location.facts.phone.as_ref().and_then(dialled));
        let placement = placed(connection, &location.facts, Some(&centres))?;
        profile.places.push(Place { postal_code: location.facts.postal_code, placement });
    }
    for service in &services {
        let owner = survivors.get(&service.facts.organization_id);
        let Some(profile) = owner.and_then(|owner| profiles.get_mut(owner)) else { continue };
        let phones = service.facts.phone.iter().chain(&service.facts.intake_phones);
        profile.phones.extend(phones.filter_map(dialled));
        profile.domains.extend(
            [&service.facts.url, &service.facts.email].into_iter().flatten().filter_map(|it| domain(it)),
        );
    }
    // In the order of ids, so that the same directory gives the same answer.
    Ok(organizations.iter().filter_map(|organization| profiles.remove(&organization.id)).collect())
}

fn of_organization(organization: &Record<OrganizationFacts>) -> Profile {
    let facts = &organization.facts;
    Profile {
        id: organization.id,
        names: [Some(&facts.name), facts.alternate_name.as_ref()]
            .into_iter()
            .flatten()
            .map(|name| Name::new(name))
            .collect(),
        phones: facts.phone.iter().filter_map(dialled).collect(),
        domains: [&facts.website, &facts.email].into_iter().flatten().filter_map(|it| domain(it)).collect(),
        places: Vec::new(),
    }
}

fn dialled(phone: &Phone) -> Option<String> {
    number(phone.as_str())
}

fn all<F: Facts>(connection: &mut DbConnection) -> Result<Vec<Record<F>>> {
    Ok(list::<F>(connection, &Page { limit: i64::MAX, ..Page::default() })?.0)
}
