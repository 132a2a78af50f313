//! Where it is kept how people of a district are written to, and by which message they were told of what.

use std::collections::HashSet;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::settings::Settings;
use super::{Told, Waiting};
use crate::directory::parse_id;
use crate::error::{Error, Result};
use crate::exchange::outbox::MessageStatus;
use crate::referrals::worklists::Worklist;
use crate::store::schema::{outbox, people_notices as settings, worklist_notices as notices};
use crate::store::{DbConnection, Tenant, Tx, from_sql, on_either, to_sql};
use crate::types::{MembershipId, MessageId, ReaderLanguage, ReferralId};

// ---- how people are written to -----------------------------------------------------------------------------

#[derive(Queryable, Selectable)]
#[diesel(table_name = settings)]
struct Row {
    membership_id: String,
    version: i64,
    email: Option<String>,
    language: Option<String>,
    changed_at: NaiveDateTime,
    stopped_at: Option<NaiveDateTime>,
    bounced_at: Option<NaiveDateTime>,
}

fn read(row: Row) -> Result<Settings> {
    let membership = parse_id(&row.membership_id)?;
    let damaged =
        |_| Error::internal(format!("reading how {membership} is written to"), "the language is damaged");
    Ok(Settings {
        membership,
        version: row.version,
        email: row.email,
        language: row.language.as_deref().map(str::parse).transpose().map_err(damaged)?,
        changed_at: Some(from_sql(row.changed_at)),
        stopped_at: row.stopped_at.map(from_sql),
        bounced_at: row.bounced_at.map(from_sql),
    })
}

/// How a person is written to; as nothing was said, if nothing was.
pub(super) fn find(connection: &mut DbConnection, membership: MembershipId) -> Result<Settings> {
    let row: Option<Row> =
        settings::table.find(membership.to_string()).select(Row::as_select()).first(connection).optional()?;
    row.map_or_else(|| Ok(Settings::unsaid(membership)), read)
}

/// Of all to whom messages go.
pub(super) fn reachable(connection: &mut DbConnection) -> Result<Vec<Settings>> {
    let rows: Vec<Row> = settings::table
        .filter(settings::email.is_not_null())
        .filter(settings::stopped_at.is_null())
        .filter(settings::bounced_at.is_null())
        .order(settings::membership_id)
        .select(Row::as_select())
        .load(connection)?;
    rows.into_iter().map(read).collect()
}

/// Of all who have an address.
pub(super) fn at_address(connection: &mut DbConnection, email: &str) -> Result<Vec<Settings>> {
    let rows: Vec<Row> = settings::table
        .filter(settings::email.eq(email))
        .order(settings::membership_id)
        .select(Row::as_select())
        .load(connection)?;
    rows.into_iter().map(read).collect()
}

/// Writes them in the place of the version before.
///
/// # Errors
/// [`Error::Contended`] if somebody else was faster.
pub(super) fn put(tx: &mut Tx<'_>, next: &Settings, by: &str) -> Result<()> {
    let membership = next.membership.to_string();
    let values = (
        settings::version.eq(next.version),
        settings::email.eq(&next.email),
        settings::language.eq(next.language.map(ReaderLanguage::as_str)),
        settings::changed_by.eq(by),
        settings::changed_at.eq(to_sql(tx.now)),
        settings::stopped_at.eq(next.stopped_at.map(to_sql)),
        settings::bounced_at.eq(next.bounced_at.map(to_sql)),
    );
    let before = settings::table.find(membership.clone()).filter(settings::version.eq(next.version - 1));
    let written = if next.version > 1 {
        diesel::update(before).set(values).execute(tx.connection)?
    } else {
        on_either!(&mut *tx.connection, connection => diesel::insert_into(settings::table)
            .values((settings::membership_id.eq(membership), values))
            .on_conflict_do_nothing()
            .execute(connection))?
    };
    if written == 1 { Ok(()) } else { Err(Error::Contended) }
}

// ---- what was told -----------------------------------------------------------------------------------------

/// By which messages somebody was told. One that is long finished and deleted was sent.
pub(super) fn told(connection: &mut DbConnection, tenant: &Tenant, membership: MembershipId) -> Result<Told> {
    let found: Vec<(String, String, NaiveDateTime, Option<String>)> = notices::table
        .left_join(outbox::table.on(outbox::id.eq(notices::message_id)))
        .filter(notices::membership_id.eq(membership.to_string()))
        .filter(notices::district_id.eq(tenant.district.to_string()))
        .select((notices::referral_id, notices::worklist, notices::due_at, outbox::status.nullable()))
        .load(connection)?;
    found
        .into_iter()
        .map(|(referral, worklist, due_at, status)| {
            let damaged =
                |_| Error::internal(format!("reading what {membership} was told"), "a code is damaged");
            let status = status.as_deref().map(str::parse).transpose().map_err(damaged)?;
            let place = (parse_id(&referral)?, worklist.parse().map_err(damaged)?);
            Ok((place, (from_sql(due_at), status.unwrap_or(MessageStatus::Sent))))
        })
        .collect()
}

/// Notes that a message tells somebody of these, and none before it.
pub(super) fn assign(
    tx: &mut Tx<'_>,
    tenant: &Tenant,
    membership: MembershipId,
    message: MessageId,
    told: &[Waiting],
) -> Result<()> {
    for Waiting { referral, place } in told {
        forget(tx, membership, *referral, place.worklist)?;
        diesel::insert_into(notices::table)
            .values((
                notices::membership_id.eq(membership.to_string()),
                notices::referral_id.eq(referral.to_string()),
                notices::worklist.eq(place.worklist.as_str()),
                notices::district_id.eq(tenant.district.to_string()),
                notices::due_at.eq(to_sql(place.due_at)),
                notices::message_id.eq(message.to_string()),
            ))
            .execute(tx.connection)?;
    }
    Ok(())
}

/// Forgets what somebody was told of what waits for them no more.
pub(super) fn forget_all_but(
    tx: &mut Tx<'_>,
    membership: MembershipId,
    told: &Told,
    standing: &[Waiting],
) -> Result<()> {
    let standing: HashSet<_> =
        standing.iter().map(|waiting| (waiting.referral, waiting.place.worklist)).collect();
    for (referral, worklist) in told.keys().filter(|place| !standing.contains(place)) {
        forget(tx, membership, *referral, *worklist)?;
    }
    Ok(())
}

fn forget(tx: &mut Tx<'_>, membership: MembershipId, referral: ReferralId, worklist: Worklist) -> Result<()> {
    let place = (membership.to_string(), referral.to_string(), worklist.as_str().to_owned());
    diesel::delete(notices::table.find(place)).execute(tx.connection)?;
    Ok(())
}
