//! Where links and what was said by them are kept.

use diesel::prelude::*;
use jiff::Timestamp;

use super::{LinkPage, UpdateLink};
use crate::directory::{COUNTED_UP_TO, parse_id};
use crate::error::{Error, Result};
use crate::store::schema::{update_link_uses as uses, update_links as links};
use crate::store::{DbConnection, Tx, from_sql, to_sql};
use crate::types::{CapacityPoolId, ClaimId, UpdateLinkId};

/// A link as it stands in its table.
#[derive(Queryable, Selectable)]
#[diesel(table_name = links)]
struct Row {
    id: String,
    capacity_pool_id: String,
    language: String,
    created_by: String,
    created_at: chrono::NaiveDateTime,
    expires_at: chrono::NaiveDateTime,
    used_at: Option<chrono::NaiveDateTime>,
    revoked_at: Option<chrono::NaiveDateTime>,
}

fn read(row: Row) -> Result<UpdateLink> {
    let damaged =
        |_| Error::internal(format!("reading the update link {}", row.id), "its language is damaged");
    Ok(UpdateLink {
        id: parse_id(&row.id)?,
        pool: parse_id(&row.capacity_pool_id)?,
        language: row.language.parse().map_err(damaged)?,
        created_by: row.created_by,
        created_at: from_sql(row.created_at),
        expires_at: from_sql(row.expires_at),
        used_at: row.used_at.map(from_sql),
        revoked_at: row.revoked_at.map(from_sql),
    })
}

pub(super) fn insert(connection: &mut DbConnection, link: &UpdateLink) -> Result<()> {
    diesel::insert_into(links::table)
        .values((
            links::id.eq(link.id.to_string()),
            links::capacity_pool_id.eq(link.pool.to_string()),
            links::language.eq(link.language.as_str()),
            links::created_by.eq(&link.created_by),
            links::created_at.eq(to_sql(link.created_at)),
            links::expires_at.eq(to_sql(link.expires_at)),
        ))
        .execute(connection)?;
    Ok(())
}

pub(super) fn find(connection: &mut DbConnection, id: UpdateLinkId) -> Result<Option<UpdateLink>> {
    let row = links::table.find(id.to_string()).select(Row::as_select()).first(connection).optional()?;
    row.map(read).transpose()
}

/// One page and one more, the latest first; and how many there are, counted up to [`COUNTED_UP_TO`] + 1.
pub(super) fn page(
    connection: &mut DbConnection,
    pool: CapacityPoolId,
    page: &LinkPage,
    now: Timestamp,
) -> Result<(Vec<UpdateLink>, i64)> {
    let pool = pool.to_string();
    macro_rules! of_pool {
        ($query:expr) => {{
            let mut query = $query.filter(links::capacity_pool_id.eq(&pool)).into_boxed();
            if !page.include_ended {
                query = query.filter(links::revoked_at.is_null()).filter(links::expires_at.gt(to_sql(now)));
            }
            query
        }};
    }
    let mut query = of_pool!(links::table.select(Row::as_select()));
    if let Some(before) = page.before {
        query = query.filter(links::id.lt(before.to_string()));
    }
    let limit = i64::try_from(page.limit).unwrap_or(100) + 1;
    let rows: Vec<Row> = query.order(links::id.desc()).limit(limit).load(connection)?;
    let counted: Vec<String> =
        of_pool!(links::table.select(links::id)).limit(COUNTED_UP_TO + 1).load(connection)?;
    let count = i64::try_from(counted.len()).unwrap_or(i64::MAX);
    Ok((rows.into_iter().map(read).collect::<Result<_>>()?, count))
}

pub(super) fn revoke(
    connection: &mut DbConnection,
    id: UpdateLinkId,
    by: &str,
    now: Timestamp,
) -> Result<()> {
    diesel::update(links::table.find(id.to_string()).filter(links::revoked_at.is_null()))
        .set((links::revoked_by.eq(by), links::revoked_at.eq(to_sql(now))))
        .execute(connection)?;
    Ok(())
}

/// What a form of a link said, and the claim that came of it.
pub(super) fn use_of(
    connection: &mut DbConnection,
    link: UpdateLinkId,
    form: &str,
) -> Result<Option<(String, ClaimId)>> {
    let found: Option<(String, String)> = uses::table
        .find((link.to_string(), form))
        .select((uses::answer, uses::claim_id))
        .first(connection)
        .optional()?;
    found.map(|(answer, claim)| Ok((answer, parse_id(&claim)?))).transpose()
}

/// When a link was used since, the latest first.
pub(super) fn used_since(
    connection: &mut DbConnection,
    link: UpdateLinkId,
    since: Timestamp,
) -> Result<Vec<Timestamp>> {
    let used: Vec<chrono::NaiveDateTime> = uses::table
        .filter(uses::link_id.eq(link.to_string()))
        .filter(uses::used_at.gt(to_sql(since)))
        .order(uses::used_at.desc())
        .select(uses::used_at)
        .limit(i64::try_from(super::rules::MOST_USES).unwrap_or(i64::MAX))
        .load(connection)?;
    Ok(used.into_iter().map(from_sql).collect())
}

/// Remembers that a form came.
///
/// # Errors
/// [`Error::Conflict`] if it came before.
pub(super) fn record_use(
    tx: &mut Tx<'_>,
    link: UpdateLinkId,
    form: &str,
    answer: &str,
    claim: ClaimId,
) -> Result<()> {
    let now = to_sql(tx.now);
    diesel::insert_into(uses::table)
        .values((
            uses::link_id.eq(link.to_string()),
            uses::form.eq(form),
            uses::answer.eq(answer),
            uses::claim_id.eq(claim.to_string()),
            uses::used_at.eq(now),
        ))
        .execute(tx.connection)?;
    diesel::update(links::table.find(link.to_string())).set(links::used_at.eq(now)).execute(tx.connection)?;
    Ok(())
}
