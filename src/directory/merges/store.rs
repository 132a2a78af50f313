//! Where merges are kept.

use diesel::prelude::*;
use jiff::Timestamp;

use super::Merge;
use crate::directory::parse_id;
use crate::error::Result;
use crate::store::schema::organization_merges;
use crate::store::{DbConnection, among, from_sql, to_sql};
use crate::types::OrganizationId;

/// SQLite takes only so many values at once.
const CHUNK: usize = 500;

/// One step up: those of `ids` that are merged into another, each with that one.
pub(super) fn survivors_of(
    connection: &mut DbConnection,
    ids: &[OrganizationId],
) -> Result<Vec<(OrganizationId, OrganizationId)>> {
    let mut steps = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let standing = organization_merges::table
            .filter(organization_merges::undone_at.is_null())
            .select((organization_merges::organization_id, organization_merges::into_id));
        let rows = among!(standing, organization_merges::organization_id, texts(chunk).as_slice()).load::<(
            String,
            String,
        )>(
            connection,
        )?;
        for (merged, survivor) in rows {
            steps.push((parse_id(&merged)?, parse_id(&survivor)?));
        }
    }
    Ok(steps)
}

/// One step down: those that are merged into one of `ids`, the earlier merged first.
pub(super) fn merged_into(
    connection: &mut DbConnection,
    ids: &[OrganizationId],
) -> Result<Vec<OrganizationId>> {
    let mut rows = Vec::new();
    for chunk in ids.chunks(CHUNK) {
        let standing = organization_merges::table.filter(organization_merges::undone_at.is_null()).select((
            organization_merges::merged_at,
            organization_merges::id,
            organization_merges::organization_id,
        ));
        rows.extend(among!(standing, organization_merges::into_id, texts(chunk).as_slice()).load::<(
            chrono::NaiveDateTime,
            String,
            String,
        )>(
            connection
        )?);
    }
    rows.sort_unstable();
    rows.iter().map(|(_, _, merged)| parse_id(merged)).collect()
}

/// Writes that `merge` was made.
pub(super) fn record(connection: &mut DbConnection, merge: &Merge) -> Result<()> {
    diesel::insert_into(organization_merges::table)
        .values((
            organization_merges::id.eq(merge.id.to_string()),
            organization_merges::organization_id.eq(merge.organization_id.to_string()),
            organization_merges::into_id.eq(merge.into_id.to_string()),
            organization_merges::merged_at.eq(to_sql(merge.merged_at)),
            organization_merges::merged_by.eq(&merge.merged_by),
        ))
        .execute(connection)?;
    Ok(())
}

/// Writes that the merge of `id` that stands was undone.
pub(super) fn undo(connection: &mut DbConnection, id: OrganizationId, at: Timestamp, by: &str) -> Result<()> {
    let standing = organization_merges::table
        .filter(organization_merges::organization_id.eq(id.to_string()))
        .filter(organization_merges::undone_at.is_null());
    diesel::update(standing)
        .set((organization_merges::undone_at.eq(to_sql(at)), organization_merges::undone_by.eq(by)))
        .execute(connection)?;
    Ok(())
}

/// Every merge in which `id` was on either side, the earlier first.
pub(super) fn history(connection: &mut DbConnection, id: OrganizationId) -> Result<Vec<Merge>> {
    type At = chrono::NaiveDateTime;
    type Row = (String, String, String, At, String, Option<At>, Option<String>);
    let id = id.to_string();
    let rows = organization_merges::table
        .filter(organization_merges::organization_id.eq(&id).or(organization_merges::into_id.eq(&id)))
        .order((organization_merges::merged_at, organization_merges::id))
        .load::<Row>(connection)?;
    rows.into_iter()
        .map(|(id, merged, survivor, merged_at, merged_by, undone_at, undone_by)| {
            Ok(Merge {
                id: parse_id(&id)?,
                organization_id: parse_id(&merged)?,
                into_id: parse_id(&survivor)?,
                merged_at: from_sql(merged_at),
                merged_by,
                undone_at: undone_at.map(from_sql),
                undone_by,
            })
        })
        .collect()
}

fn texts(ids: &[OrganizationId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}
