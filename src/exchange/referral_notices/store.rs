//! Where it is kept how organizations are written to about referrals, and by which message each offer was told. What it
//! asks of offers is the clock's: which of them wait for a reply, in every district, and no more of them; whether one is
//! urgent it asks on behalf of its district.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDateTime;
use diesel::prelude::*;
use jiff::Timestamp;
use uuid::Uuid;

use super::settings::{Bounced, Settings};
use crate::directory::parse_id;
use crate::error::{Error, Result};
use crate::exchange::outbox::{MessageKind, MessageStatus};
use crate::store::schema::{
    offer_notices as notices, offers, outbox, referral_notices as settings, referrals,
};
use crate::store::{DbConnection, Tenant, Tx, from_sql, on_either, to_sql};
use crate::types::{DistrictId, MessageId, OfferId, OrganizationId, ReaderLanguage, ReferralId};

// ---- how organizations are written to ----------------------------------------------------------------------

#[derive(Queryable, Selectable)]
#[diesel(table_name = settings)]
struct Row {
    version: i64,
    email: Option<String>,
    language: Option<String>,
    changed_at: NaiveDateTime,
    stopped_at: Option<NaiveDateTime>,
    bounced_email: Option<String>,
    bounced_at: Option<NaiveDateTime>,
}

/// How an organization is written to; as nobody has said anything, if nobody has.
pub(super) fn find(connection: &mut DbConnection, organization: OrganizationId) -> Result<Settings> {
    let row: Option<Row> = settings::table
        .find(organization.to_string())
        .select(Row::as_select())
        .first(connection)
        .optional()?;
    let Some(row) = row else { return Ok(Settings::unsaid(organization)) };
    let damaged =
        |_| Error::internal(format!("reading how {organization} is written to"), "the language is damaged");
    Ok(Settings {
        organization,
        version: row.version,
        email: row.email,
        language: row.language.as_deref().map(str::parse).transpose().map_err(damaged)?,
        changed_at: Some(from_sql(row.changed_at)),
        stopped_at: row.stopped_at.map(from_sql),
        bounced: row.bounced_email.zip(row.bounced_at).map(|(email, at)| Bounced { email, at: from_sql(at) }),
    })
}

/// Writes them in the place of the version before.
///
/// # Errors
/// [`Error::Contended`] if somebody else was faster.
pub(super) fn put(tx: &mut Tx<'_>, next: &Settings, by: &str) -> Result<()> {
    let organization = next.organization.to_string();
    let values = (
        settings::version.eq(next.version),
        settings::email.eq(&next.email),
        settings::language.eq(next.language.map(ReaderLanguage::as_str)),
        settings::changed_by.eq(by),
        settings::changed_at.eq(to_sql(tx.now)),
        settings::stopped_at.eq(next.stopped_at.map(to_sql)),
        settings::bounced_email.eq(next.bounced.as_ref().map(|bounced| &bounced.email)),
        settings::bounced_at.eq(next.bounced.as_ref().map(|bounced| to_sql(bounced.at))),
    );
    let before = settings::table.find(organization.clone()).filter(settings::version.eq(next.version - 1));
    let written = if next.version > 1 {
        diesel::update(before).set(values).execute(tx.connection)?
    } else {
        on_either!(&mut *tx.connection, connection => diesel::insert_into(settings::table)
            .values((settings::organization_id.eq(organization), values))
            .on_conflict_do_nothing()
            .execute(connection))?
    };
    if written == 1 { Ok(()) } else { Err(Error::Contended) }
}

// ---- offers that wait --------------------------------------------------------------------------------------

/// An offer that waits for a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) id: OfferId,
    pub(super) referral: ReferralId,
    pub(super) district: DistrictId,
    pub(super) organization: OrganizationId,
    pub(super) due_at: Timestamp,
}

/// The offers that wait for a reply: of all organizations, or of some.
pub(super) fn waiting(
    connection: &mut DbConnection,
    organizations: Option<&[OrganizationId]>,
    now: Timestamp,
) -> Result<Vec<Waiting>> {
    let mut query = offers::table
        .filter(offers::due_at.gt(to_sql(now)))
        .filter(offers::state.eq("requested"))
        .order((offers::due_at, offers::id))
        .select((
            offers::id,
            offers::referral_id,
            offers::district_id,
            offers::organization_id,
            offers::due_at.assume_not_null(),
        ))
        .into_boxed();
    if let Some(organizations) = organizations {
        let organizations: Vec<String> = organizations.iter().map(ToString::to_string).collect();
        query = query.filter(offers::organization_id.eq_any(organizations));
    }
    let rows: Vec<(String, String, String, String, NaiveDateTime)> = query.load(connection)?;
    let read = |(id, referral, district, organization, due_at): (String, String, String, String, _)| {
        Ok(Waiting {
            id: parse_id(&id)?,
            referral: parse_id(&referral)?,
            district: parse_id(&district)?,
            organization: parse_id(&organization)?,
            due_at: from_sql(due_at),
        })
    };
    rows.into_iter().map(read).collect()
}

/// Which of these referrals of a district are urgent.
pub(super) fn urgent(
    connection: &mut DbConnection,
    tenant: &Tenant,
    asked: &[ReferralId],
) -> Result<HashSet<ReferralId>> {
    let mut urgent = HashSet::new();
    for chunk in asked.chunks(500) {
        let ids: Vec<String> = chunk.iter().map(ToString::to_string).collect();
        let found: Vec<String> = referrals::table
            .filter(referrals::district_id.eq(tenant.district.to_string()))
            .filter(referrals::urgency.eq("urgent"))
            .filter(referrals::id.eq_any(ids))
            .select(referrals::id)
            .load(connection)?;
        for id in found {
            urgent.insert(parse_id(&id)?);
        }
    }
    Ok(urgent)
}

// ---- what was told -----------------------------------------------------------------------------------------

/// By what kind of message each of these offers is told, and how far that has come. A message that is long finished and
/// deleted was sent: one that was not leaves its offers to another.
pub(super) fn told(
    connection: &mut DbConnection,
    asked: &[OfferId],
) -> Result<HashMap<OfferId, (MessageKind, MessageStatus)>> {
    let mut told = HashMap::new();
    for chunk in asked.chunks(500) {
        let ids: Vec<String> = chunk.iter().map(ToString::to_string).collect();
        let found: Vec<(String, Option<(String, String)>)> = notices::table
            .left_join(outbox::table.on(outbox::id.eq(notices::message_id)))
            .filter(notices::offer_id.eq_any(ids))
            .select((notices::offer_id, (outbox::kind, outbox::status).nullable()))
            .load(connection)?;
        for (offer, message) in found {
            let damaged = |_| Error::internal(format!("reading how {offer} was told"), "a code is damaged");
            let message = match message {
                Some((kind, status)) => (kind.parse().map_err(damaged)?, status.parse().map_err(damaged)?),
                None => (MessageKind::ReferralNotice, MessageStatus::Sent),
            };
            told.insert(parse_id(&offer)?, message);
        }
    }
    Ok(told)
}

/// Notes that a message tells of these offers, and none before it.
pub(super) fn assign(tx: &mut Tx<'_>, message: MessageId, told: &[(OfferId, OrganizationId)]) -> Result<()> {
    for (offer, organization) in told {
        diesel::delete(notices::table.find(offer.to_string())).execute(tx.connection)?;
        diesel::insert_into(notices::table)
            .values((
                notices::offer_id.eq(offer.to_string()),
                notices::organization_id.eq(organization.to_string()),
                notices::message_id.eq(message.to_string()),
                notices::noticed_at.eq(to_sql(tx.now)),
            ))
            .execute(tx.connection)?;
    }
    Ok(())
}

/// The organizations of whose offers messages to an address have told, which stands for it as their subject.
pub(super) fn organizations_at(connection: &mut DbConnection, address: Uuid) -> Result<Vec<OrganizationId>> {
    let kinds = [MessageKind::ReferralNotice, MessageKind::UrgentReferralNotice].map(MessageKind::as_str);
    let ids: Vec<String> = notices::table
        .inner_join(outbox::table.on(outbox::id.eq(notices::message_id)))
        .filter(outbox::kind.eq_any(kinds))
        .filter(outbox::subject_id.eq(address.to_string()))
        .order(notices::organization_id)
        .select(notices::organization_id)
        .distinct()
        .load(connection)?;
    ids.iter().map(|id| parse_id(id)).collect()
}

/// Forgets what was told before this instant.
pub(super) fn forget(tx: &mut Tx<'_>, before: Timestamp) -> Result<()> {
    diesel::delete(notices::table.filter(notices::noticed_at.lt(to_sql(before)))).execute(tx.connection)?;
    Ok(())
}
