//! The same agency twice: one organization is merged into another, the *survivor*, and can be taken out again.
//!
//! Nothing is deleted or rewritten. What was said of each stays said of each, and what belongs to it still names
//! it; only who it *stands under* changes. An organization and all that were merged into it, directly or by way
//! of others, are its *family*, and what stands for it is folded from what was said of the whole family. So
//! undoing a merge is folding again without it.
//!
//! Merges are a forest: only an organization that is not merged itself is merged, and only into one that is not.

mod store;

use std::borrow::Cow;
use std::collections::HashMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::assertions::{said_of, standing};
use super::{Facts, OrganizationFacts, Page, Record, at_version, find, find_all, parse, raced, save};
use crate::error::{Error, FieldError, Result};
use crate::store::{DbConnection, Noun, Tx};
use crate::types::{MergeId, OrganizationId};

/// That one organization was merged into another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// Which merge.
    pub id: MergeId,
    /// The one that was merged.
    pub organization_id: OrganizationId,
    /// Its survivor.
    pub into_id: OrganizationId,
    /// When.
    pub merged_at: Timestamp,
    /// By whom.
    pub merged_by: String,
    /// When it was undone.
    pub undone_at: Option<Timestamp>,
    /// By whom it was undone.
    pub undone_by: Option<String>,
}

/// Merges `id` into `into`, and gives the survivor as it stands then.
///
/// # Errors
/// [`Error::NotFound`] and [`Error::Stale`] for the one that is merged; [`Error::Invalid`] if there is no `into`;
/// [`Error::Conflict`] if the two cannot be merged, with what would be right; [`Error::Contended`].
pub fn merge(
    tx: &mut Tx<'_>,
    id: OrganizationId,
    into: OrganizationId,
    expected: Option<i64>,
    by: &str,
) -> Result<Record<OrganizationFacts>> {
    let mut merged = at_version::<OrganizationFacts>(tx.connection, id, expected)?;
    let Some(survivor) = find_all::<OrganizationFacts>(tx.connection, &[into])?.pop() else {
        return Err(FieldError::body("/into", format_args!("there is no organization {into}")).into());
    };
    refuse(tx.connection, &merged, &survivor)?;
    // Both get a new version first: of two merges at once the second begins again and sees the first.
    save(tx, &mut merged).map_err(raced)?;
    let merge = Merge {
        id: MergeId::new(),
        organization_id: id,
        into_id: into,
        merged_at: tx.now,
        merged_by: by.to_owned(),
        undone_at: None,
        undone_by: None,
    };
    store::record(tx.connection, &merge)?;
    fold_anew(tx, survivor)
}

/// Says why the two cannot be merged, and what would be right.
fn refuse(
    connection: &mut DbConnection,
    merged: &Record<OrganizationFacts>,
    into: &Record<OrganizationFacts>,
) -> Result<()> {
    let (id, other) = (merged.id, into.id);
    let survivors = survivors(connection, &[id, other])?;
    let refused = if id == other {
        format!(
            "the organization {id} cannot be merged into itself; name the other one of the two in \"into\""
        )
    } else if survivors[&id] != id {
        format!("the organization {id} is merged into {} already; unmerge it first", survivors[&id])
    } else if survivors[&other] == id {
        format!(
            "the organization {other} is merged into {id} already; unmerge it first to turn the two around"
        )
    } else if survivors[&other] != other {
        format!("the organization {other} is itself merged into {0}; merge into {0}", survivors[&other])
    } else if into.retired_at.is_some() {
        format!(
            "the organization {other} is retired, and nobody would find what is merged into it; merge into one that is not"
        )
    } else if merged.retired_at.is_some() {
        format!(
            "the organization {id} is retired; what belongs to it would be found again under another name"
        )
    } else {
        return Ok(());
    };
    Err(Error::Conflict(refused))
}

/// Takes `id` out of the one it was merged into, and gives it as it stands by itself.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] if it is not merged; [`Error::Contended`].
pub fn unmerge(tx: &mut Tx<'_>, id: OrganizationId, by: &str) -> Result<Record<OrganizationFacts>> {
    let mut record = find::<OrganizationFacts>(tx.connection, id)?;
    let Some(survivor) = survivor_of(tx.connection, id)? else {
        let message =
            format!("the organization {id} is not merged into another one; there is nothing to undo");
        return Err(Error::Conflict(message));
    };
    save(tx, &mut record).map_err(raced)?;
    store::undo(tx.connection, id, tx.now, by)?;
    let survivor = find::<OrganizationFacts>(tx.connection, survivor)?;
    let above = survivor.id;
    fold_anew(tx, survivor)?;
    fold_survivors(tx, above)?;
    Ok(record)
}

/// Every merge in which an organization was on either side, in the order of time.
///
/// # Errors
/// [`Error::NotFound`].
pub fn merges_of(connection: &mut DbConnection, id: OrganizationId) -> Result<Vec<Merge>> {
    find::<OrganizationFacts>(connection, id)?;
    store::history(connection, id)
}

/// Under which organization each of these stands: the last of those it was merged into by way of others, or
/// itself.
///
/// # Errors
/// If the database fails.
pub fn survivors(
    connection: &mut DbConnection,
    ids: &[OrganizationId],
) -> Result<HashMap<OrganizationId, OrganizationId>> {
    let mut survivors: HashMap<_, _> = ids.iter().map(|id| (*id, *id)).collect();
    let mut below = ids.to_vec();
    loop {
        let steps: HashMap<_, _> = store::survivors_of(connection, &below)?.into_iter().collect();
        if steps.is_empty() {
            return Ok(survivors);
        }
        for survivor in survivors.values_mut() {
            *survivor = steps.get(survivor).copied().unwrap_or(*survivor);
        }
        below = steps.into_values().collect();
    }
}

/// These organizations and all that are merged into them: those first that are fewer merges away, and of these
/// the earlier merged.
///
/// # Errors
/// If the database fails.
pub fn families(connection: &mut DbConnection, ids: &[OrganizationId]) -> Result<Vec<OrganizationId>> {
    let mut family = ids.to_vec();
    let mut level = ids.to_vec();
    while !level.is_empty() {
        level = store::merged_into(connection, &level)?;
        family.extend(&level);
    }
    Ok(family)
}

/// The id under which it is to be found: of an organization that is merged its survivor's, else its own.
///
/// # Errors
/// If the database fails.
pub fn stands_under<F: Facts>(connection: &mut DbConnection, id: F::Id) -> Result<F::Id> {
    if F::NOUN != Noun::Organization {
        return Ok(id);
    }
    let organization = OrganizationId(id.into());
    Ok(Uuid::from(survivors(connection, &[organization])?[&organization]).into())
}

/// Of whom one must hear to know what stands for it: an organization's family, heaviest first; else itself.
pub(super) fn family_of<F: Facts>(connection: &mut DbConnection, id: F::Id) -> Result<Vec<Uuid>> {
    if F::NOUN != Noun::Organization {
        return Ok(vec![id.into()]);
    }
    let family = families(connection, &[OrganizationId(id.into())])?;
    Ok(family.into_iter().map(Uuid::from).collect())
}

/// Refuses to change an organization that is merged: who reads its survivor would not see why.
pub(super) fn refuse_merged<F: Facts>(connection: &mut DbConnection, id: F::Id) -> Result<()> {
    let survivor = stands_under::<F>(connection, id)?;
    if survivor == id {
        return Ok(());
    }
    let message =
        format!("the organization {id} is merged into {survivor}; change that one, or unmerge it first");
    Err(Error::Conflict(message))
}

/// `page` with whole families in the place of one organization.
pub(super) fn widened<'a>(connection: &mut DbConnection, page: &'a Page) -> Result<Cow<'a, Page>> {
    const FILTER: &str = "organization_id";
    let asked: Vec<OrganizationId> = page
        .filters
        .iter()
        .filter(|(name, _)| *name == FILTER)
        .filter_map(|(_, id)| id.parse().ok())
        .collect();
    if asked.is_empty() {
        return Ok(Cow::Borrowed(page));
    }
    let survivors: Vec<OrganizationId> = survivors(connection, &asked)?.into_values().collect();
    let mut page = page.clone();
    page.filters.retain(|(name, _)| *name != FILTER);
    let family = families(connection, &survivors)?;
    page.filters.extend(family.into_iter().map(|id| (FILTER, id.to_string())));
    Ok(Cow::Owned(page))
}

/// Folds anew what stands for those that `id` is merged into, nearest first.
pub(super) fn fold_survivors(tx: &mut Tx<'_>, id: OrganizationId) -> Result<()> {
    let mut below = id;
    while let Some(survivor) = survivor_of(tx.connection, below)? {
        let record = find::<OrganizationFacts>(tx.connection, survivor)?;
        fold_anew(tx, record)?;
        below = survivor;
    }
    Ok(())
}

/// Folds anew what stands for an organization. It gets a new version even where that is the same: so two who
/// speak of one family at once cannot both go by what they read before.
fn fold_anew(tx: &mut Tx<'_>, mut record: Record<OrganizationFacts>) -> Result<Record<OrganizationFacts>> {
    let family = family_of::<OrganizationFacts>(tx.connection, record.id)?;
    let said = said_of(tx.connection, &family)?;
    record.facts = parse(standing(&family, said).into())?;
    save(tx, &mut record).map_err(raced)?;
    Ok(record)
}

fn survivor_of(connection: &mut DbConnection, id: OrganizationId) -> Result<Option<OrganizationId>> {
    Ok(store::survivors_of(connection, &[id])?.pop().map(|(_, survivor)| survivor))
}
