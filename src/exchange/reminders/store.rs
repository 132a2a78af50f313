//! Where it is kept what agencies asked for, and of what they were reminded.

use std::collections::HashSet;

use diesel::prelude::*;

use super::{Reminders, Wish};
use crate::directory::parse_id;
use crate::error::{Error, Result};
use crate::store::schema::{availability_reminders as wishes, capacity_pools, reminded_claims};
use crate::store::{DbConnection, Tx, from_sql, on_either, to_sql};
use crate::types::{CapacityPoolId, ClaimId, MessageId, OrganizationId, Period};

#[derive(Queryable, Selectable)]
#[diesel(table_name = wishes)]
struct Row {
    organization_id: String,
    version: i64,
    email: String,
    language: String,
    before_seconds: i64,
    at_most_every_seconds: i64,
    changed_at: chrono::NaiveDateTime,
    stopped_at: Option<chrono::NaiveDateTime>,
}

fn read(row: Row) -> Result<Reminders> {
    let damaged = |_| {
        Error::internal(
            format!("reading the reminders of {}", row.organization_id),
            "their language is damaged",
        )
    };
    Ok(Reminders {
        organization: parse_id(&row.organization_id)?,
        version: row.version,
        wish: Wish {
            language: row.language.parse().map_err(damaged)?,
            email: row.email,
            before: Period::seconds(row.before_seconds),
            at_most_every: Period::seconds(row.at_most_every_seconds),
        },
        changed_at: from_sql(row.changed_at),
        stopped_at: row.stopped_at.map(from_sql),
    })
}

pub(super) fn find(connection: &mut DbConnection, organization: OrganizationId) -> Result<Option<Reminders>> {
    let row =
        wishes::table.find(organization.to_string()).select(Row::as_select()).first(connection).optional()?;
    row.map(read).transpose()
}

/// All that are not stopped.
pub(super) fn all(connection: &mut DbConnection) -> Result<Vec<Reminders>> {
    let rows: Vec<Row> = wishes::table
        .filter(wishes::stopped_at.is_null())
        .order(wishes::organization_id)
        .select(Row::as_select())
        .load(connection)?;
    rows.into_iter().map(read).collect()
}

/// Writes them in the place of the version `before`; of none, if there was none.
///
/// # Errors
/// [`Error::Contended`] if somebody else was faster.
pub(super) fn put(tx: &mut Tx<'_>, reminders: &Reminders, before: Option<i64>, by: &str) -> Result<()> {
    let Reminders { organization, version, wish, changed_at, stopped_at } = reminders;
    let organization = organization.to_string();
    let values = (
        wishes::version.eq(version),
        wishes::email.eq(&wish.email),
        wishes::language.eq(wish.language.as_str()),
        wishes::before_seconds.eq(wish.before.as_seconds()),
        wishes::at_most_every_seconds.eq(wish.at_most_every.as_seconds()),
        wishes::changed_by.eq(by),
        wishes::changed_at.eq(to_sql(*changed_at)),
        wishes::stopped_at.eq(stopped_at.map(to_sql)),
    );
    let written = match before {
        Some(before) => diesel::update(wishes::table.find(organization).filter(wishes::version.eq(before)))
            .set(values)
            .execute(tx.connection)?,
        None => on_either!(&mut *tx.connection, connection => diesel::insert_into(wishes::table)
            .values((wishes::organization_id.eq(organization), values))
            .on_conflict_do_nothing()
            .execute(connection))?,
    };
    if written == 1 { Ok(()) } else { Err(Error::Contended) }
}

/// The pools of these organizations that are not retired.
pub(super) fn pools_of(
    connection: &mut DbConnection,
    organizations: &[OrganizationId],
) -> Result<Vec<CapacityPoolId>> {
    let organizations: Vec<String> = organizations.iter().map(ToString::to_string).collect();
    let mut pools = Vec::new();
    for chunk in organizations.chunks(500) {
        let ids: Vec<String> = capacity_pools::table
            .filter(capacity_pools::organization_id.eq_any(chunk))
            .filter(capacity_pools::retired_at.is_null())
            .select(capacity_pools::id)
            .load(connection)?;
        for id in ids {
            pools.push(parse_id(&id)?);
        }
    }
    Ok(pools)
}

/// Those of these claims of which a reminder went.
pub(super) fn reminded(connection: &mut DbConnection, claims: &[ClaimId]) -> Result<HashSet<ClaimId>> {
    let mut reminded = HashSet::new();
    for chunk in claims.chunks(500) {
        let ids: Vec<String> = chunk.iter().map(ToString::to_string).collect();
        let found: Vec<String> = reminded_claims::table
            .filter(reminded_claims::claim_id.eq_any(ids))
            .select(reminded_claims::claim_id)
            .load(connection)?;
        for id in found {
            reminded.insert(parse_id(&id)?);
        }
    }
    Ok(reminded)
}

/// Notes of which claims a message reminded.
pub(super) fn note_reminded(tx: &mut Tx<'_>, claims: &[ClaimId], message: MessageId) -> Result<()> {
    for claim in claims {
        on_either!(&mut *tx.connection, connection => diesel::insert_into(reminded_claims::table)
            .values((
                reminded_claims::claim_id.eq(claim.to_string()),
                reminded_claims::message_id.eq(message.to_string()),
                reminded_claims::reminded_at.eq(to_sql(tx.now)),
            ))
            .on_conflict_do_nothing()
            .execute(connection))?;
    }
    Ok(())
}
