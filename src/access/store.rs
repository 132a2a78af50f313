//! The queries of access control.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use jiff::Timestamp;
use uuid::Uuid;

use super::clients::{Client, Secret};
use super::invitations::{Granted, Invitation, Membership};
use super::keys::StoredKey;
use super::model::{Role, Tie};
use crate::error::{Error, Result};
use crate::store::schema::{
    access_events, client_secrets, clients, districts, invitations, memberships, organizations, schools,
    signing_keys,
};
use crate::store::{DbConnection, Tx, from_sql, to_sql};
use crate::types::{ClientId, DistrictId, InvitationId, MembershipId, OrganizationId, SchoolId};

/// Columns of a tie: district, organization, schools as JSON.
type TieColumns = (Option<String>, Option<String>, String);

fn damaged(what: &'static str, id: &str) -> Error {
    Error::internal(format!("reading the {what} {id}"), "it is damaged")
}

fn parse<T: std::str::FromStr>(text: &str, what: &'static str, id: &str) -> Result<T> {
    text.parse().map_err(|_| damaged(what, id))
}

fn tie_to_columns(tie: &Tie) -> TieColumns {
    (
        tie.district().map(|id| id.to_string()),
        tie.organization().map(|id| id.to_string()),
        serde_json::to_string(tie.schools())
            .expect("a list of ids is a plain value, which JSON always takes"),
    )
}

fn tie_from_columns(
    (district, organization, schools): TieColumns,
    what: &'static str,
    id: &str,
) -> Result<Tie> {
    let schools: Vec<SchoolId> = serde_json::from_str(&schools).map_err(|_| damaged(what, id))?;
    match (district, organization) {
        (None, None) => Ok(Tie::None),
        (Some(district), None) => {
            Ok(Tie::District { district: DistrictId(parse::<Uuid>(&district, what, id)?), schools })
        }
        (None, Some(organization)) => {
            Ok(Tie::Organization(OrganizationId(parse::<Uuid>(&organization, what, id)?)))
        }
        (Some(_), Some(_)) => Err(damaged(what, id)),
    }
}

/// Adds to the history of a client, membership, invitation or key.
pub(super) fn record_event(tx: &mut Tx<'_>, subject: &str, event: &str, by: &str) -> Result<()> {
    diesel::insert_into(access_events::table)
        .values((
            access_events::id.eq(Uuid::now_v7().to_string()),
            access_events::subject_id.eq(subject),
            access_events::event.eq(event),
            access_events::done_by.eq(by),
            access_events::done_at.eq(to_sql(tx.now)),
        ))
        .execute(tx.connection)?;
    Ok(())
}

/// What was done to it and by whom, in the order of time.
pub(super) fn events(
    connection: &mut DbConnection,
    subject: &str,
) -> Result<Vec<(String, String, Timestamp)>> {
    let rows: Vec<(String, String, NaiveDateTime)> = access_events::table
        .filter(access_events::subject_id.eq(subject))
        .order((access_events::done_at, access_events::id))
        .select((access_events::event, access_events::done_by, access_events::done_at))
        .load(connection)?;
    Ok(rows.into_iter().map(|(event, by, at)| (event, by, from_sql(at))).collect())
}

// ---- clients -----------------------------------------------------------------------------------------------

type ClientRow = (String, i64, String, String, TieColumns, String, NaiveDateTime, Option<NaiveDateTime>);

/// The columns of a client, as [`client`] reads them.
macro_rules! client_columns {
    () => {
        (
            clients::id,
            clients::version,
            clients::name,
            clients::role,
            (clients::district_id, clients::organization_id, clients::schools),
            clients::created_by,
            clients::created_at,
            clients::disabled_at,
        )
    };
}

fn client((id, version, name, role, tie, created_by, created_at, disabled_at): ClientRow) -> Result<Client> {
    Ok(Client {
        id: ClientId(parse::<Uuid>(&id, "client", &id)?),
        version,
        name,
        role: parse::<Role>(&role, "client", &id)?,
        tie: tie_from_columns(tie, "client", &id)?,
        created_by,
        created_at: from_sql(created_at),
        disabled_at: disabled_at.map(from_sql),
    })
}

/// Every client, in the order of their making.
pub(super) fn all_clients(connection: &mut DbConnection) -> Result<Vec<Client>> {
    let rows: Vec<ClientRow> =
        clients::table.order(clients::id).select(client_columns!()).load(connection)?;
    rows.into_iter().map(client).collect()
}

/// One client.
pub(super) fn find_client(connection: &mut DbConnection, id: ClientId) -> Result<Option<Client>> {
    let row: Option<ClientRow> =
        clients::table.find(id.to_string()).select(client_columns!()).first(connection).optional()?;
    row.map(client).transpose()
}

/// Writes a new client.
pub(super) fn insert_client(tx: &mut Tx<'_>, client: &Client) -> Result<()> {
    let (district, organization, schools) = tie_to_columns(&client.tie);
    diesel::insert_into(clients::table)
        .values((
            clients::id.eq(client.id.to_string()),
            clients::version.eq(client.version),
            clients::name.eq(&client.name),
            clients::role.eq(client.role.as_str()),
            clients::district_id.eq(district),
            clients::organization_id.eq(organization),
            clients::schools.eq(schools),
            clients::created_by.eq(&client.created_by),
            clients::created_at.eq(to_sql(client.created_at)),
            clients::disabled_at.eq(client.disabled_at.map(to_sql)),
        ))
        .execute(tx.connection)?;
    Ok(())
}

/// Keeps that a client changed, and when it was disabled.
pub(super) fn update_client(tx: &mut Tx<'_>, client: &Client) -> Result<()> {
    diesel::update(clients::table.find(client.id.to_string()))
        .set((clients::version.eq(client.version), clients::disabled_at.eq(client.disabled_at.map(to_sql))))
        .execute(tx.connection)?;
    Ok(())
}

/// Secrets of a client.
pub(super) fn secrets(connection: &mut DbConnection, client: ClientId) -> Result<Vec<Secret>> {
    let rows: Vec<(String, String, NaiveDateTime, Option<NaiveDateTime>)> = client_secrets::table
        .filter(client_secrets::client_id.eq(client.to_string()))
        .order((client_secrets::created_at, client_secrets::id))
        .select((
            client_secrets::id,
            client_secrets::hash,
            client_secrets::created_at,
            client_secrets::expires_at,
        ))
        .load(connection)?;
    let secret = |(id, hash, created_at, expires_at): (_, _, _, Option<NaiveDateTime>)| Secret {
        id,
        hash,
        created_at: from_sql(created_at),
        expires_at: expires_at.map(from_sql),
    };
    Ok(rows.into_iter().map(secret).collect())
}

/// Writes a new secret's hash.
pub(super) fn insert_secret(tx: &mut Tx<'_>, client: ClientId, secret: &Secret) -> Result<()> {
    diesel::insert_into(client_secrets::table)
        .values((
            client_secrets::id.eq(&secret.id),
            client_secrets::client_id.eq(client.to_string()),
            client_secrets::hash.eq(&secret.hash),
            client_secrets::created_at.eq(to_sql(secret.created_at)),
            client_secrets::expires_at.eq(secret.expires_at.map(to_sql)),
        ))
        .execute(tx.connection)?;
    Ok(())
}

/// Lets every secret of a client end at `at`, if it would live longer.
pub(super) fn end_secrets(tx: &mut Tx<'_>, client: ClientId, at: Timestamp) -> Result<()> {
    let of_client = client_secrets::client_id.eq(client.to_string());
    let lives_longer = client_secrets::expires_at.is_null().or(client_secrets::expires_at.gt(to_sql(at)));
    diesel::update(client_secrets::table.filter(of_client.and(lives_longer)))
        .set(client_secrets::expires_at.eq(Some(to_sql(at))))
        .execute(tx.connection)?;
    Ok(())
}

/// Deletes secrets of a client that have ended.
pub(super) fn delete_ended_secrets(tx: &mut Tx<'_>, client: ClientId) -> Result<()> {
    let now = to_sql(tx.now);
    let ended = client_secrets::client_id.eq(client.to_string()).and(client_secrets::expires_at.le(now));
    diesel::delete(client_secrets::table.filter(ended)).execute(tx.connection)?;
    Ok(())
}

// ---- keys --------------------------------------------------------------------------------------------------

/// Every signing key, the newest first.
pub(super) fn keys(connection: &mut DbConnection) -> Result<Vec<StoredKey>> {
    type Row = (String, Vec<u8>, Vec<u8>, bool, NaiveDateTime, Option<NaiveDateTime>);
    let rows: Vec<Row> = signing_keys::table
        .order((signing_keys::created_at.desc(), signing_keys::kid.desc()))
        .select((
            signing_keys::kid,
            signing_keys::public_key,
            signing_keys::private_key,
            signing_keys::is_sealed,
            signing_keys::created_at,
            signing_keys::retired_at,
        ))
        .load(connection)?;
    let key = |(kid, public, private, is_sealed, created_at, retired_at): (
        _,
        _,
        _,
        _,
        _,
        Option<NaiveDateTime>,
    )| {
        StoredKey {
            kid,
            public,
            private,
            is_sealed,
            created_at: from_sql(created_at),
            retired_at: retired_at.map(from_sql),
        }
    };
    Ok(rows.into_iter().map(key).collect())
}

/// Writes a new key.
pub(super) fn insert_key(tx: &mut Tx<'_>, key: &StoredKey) -> Result<()> {
    diesel::insert_into(signing_keys::table)
        .values((
            signing_keys::kid.eq(&key.kid),
            signing_keys::public_key.eq(&key.public),
            signing_keys::private_key.eq(&key.private),
            signing_keys::is_sealed.eq(key.is_sealed),
            signing_keys::created_at.eq(to_sql(key.created_at)),
            signing_keys::retired_at.eq(key.retired_at.map(to_sql)),
        ))
        .execute(tx.connection)?;
    Ok(())
}

/// Retires every key that signs.
pub(super) fn retire_keys(tx: &mut Tx<'_>) -> Result<()> {
    let now = to_sql(tx.now);
    diesel::update(signing_keys::table.filter(signing_keys::retired_at.is_null()))
        .set(signing_keys::retired_at.eq(Some(now)))
        .execute(tx.connection)?;
    Ok(())
}

/// Deletes every key, or those that were retired before an instant.
pub(super) fn delete_keys(tx: &mut Tx<'_>, retired_before: Option<Timestamp>) -> Result<usize> {
    let deleted = match retired_before {
        None => diesel::delete(signing_keys::table).execute(tx.connection)?,
        Some(before) => {
            diesel::delete(signing_keys::table.filter(signing_keys::retired_at.lt(to_sql(before))))
                .execute(tx.connection)?
        }
    };
    Ok(deleted)
}

/// Puts a key as it was sealed anew in the place of the one that is there.
pub(super) fn replace_key(tx: &mut Tx<'_>, key: &StoredKey) -> Result<()> {
    diesel::update(signing_keys::table.find(&key.kid))
        .set((signing_keys::private_key.eq(&key.private), signing_keys::is_sealed.eq(key.is_sealed)))
        .execute(tx.connection)?;
    Ok(())
}

/// Deletes one key.
pub(super) fn delete_key(tx: &mut Tx<'_>, kid: &str) -> Result<()> {
    diesel::delete(signing_keys::table.find(kid)).execute(tx.connection)?;
    Ok(())
}

// ---- people ------------------------------------------------------------------------------------------------

type MembershipRow =
    (String, i64, String, String, String, String, TieColumns, String, NaiveDateTime, Option<NaiveDateTime>);

type MembershipColumns = (
    memberships::id,
    memberships::version,
    memberships::issuer,
    memberships::subject,
    memberships::name,
    memberships::role,
    (memberships::district_id, memberships::organization_id, memberships::schools),
    memberships::created_by,
    memberships::created_at,
    memberships::ended_at,
);

const MEMBERSHIP: MembershipColumns = (
    memberships::id,
    memberships::version,
    memberships::issuer,
    memberships::subject,
    memberships::name,
    memberships::role,
    (memberships::district_id, memberships::organization_id, memberships::schools),
    memberships::created_by,
    memberships::created_at,
    memberships::ended_at,
);

fn membership(row: MembershipRow) -> Result<Membership> {
    let (id, version, issuer, subject, name, role, tie, created_by, created_at, ended_at) = row;
    let what = "membership";
    Ok(Membership {
        id: MembershipId(parse::<Uuid>(&id, what, &id)?),
        version,
        issuer,
        subject,
        name,
        granted: Granted { role: parse::<Role>(&role, what, &id)?, tie: tie_from_columns(tie, what, &id)? },
        created_by,
        created_at: from_sql(created_at),
        ended_at: ended_at.map(from_sql),
    })
}

/// Every membership.
pub(super) fn all_memberships(connection: &mut DbConnection) -> Result<Vec<Membership>> {
    let rows: Vec<MembershipRow> =
        memberships::table.order(memberships::id).select(MEMBERSHIP).load(connection)?;
    rows.into_iter().map(membership).collect()
}

/// One membership.
pub(super) fn find_membership(connection: &mut DbConnection, id: MembershipId) -> Result<Option<Membership>> {
    let row: Option<MembershipRow> =
        memberships::table.find(id.to_string()).select(MEMBERSHIP).first(connection).optional()?;
    row.map(membership).transpose()
}

/// The memberships of a district that have not ended.
pub(super) fn memberships_of(connection: &mut DbConnection, district: DistrictId) -> Result<Vec<Membership>> {
    let rows: Vec<MembershipRow> = memberships::table
        .filter(memberships::district_id.eq(district.to_string()))
        .filter(memberships::ended_at.is_null())
        .order(memberships::id)
        .select(MEMBERSHIP)
        .load(connection)?;
    rows.into_iter().map(membership).collect()
}

/// The membership of an identity, ended or not.
pub(super) fn membership_of(
    connection: &mut DbConnection,
    issuer: &str,
    subject: &str,
) -> Result<Option<Membership>> {
    let row: Option<MembershipRow> = memberships::table
        .filter(memberships::issuer.eq(issuer).and(memberships::subject.eq(subject)))
        .select(MEMBERSHIP)
        .first(connection)
        .optional()?;
    row.map(membership).transpose()
}

/// Writes a membership: in place of the ended one with its id, or as a new one.
pub(super) fn put_membership(tx: &mut Tx<'_>, membership: &Membership) -> Result<()> {
    let Membership { id, version, issuer, subject, name, granted, created_by, created_at, ended_at } =
        membership;
    let (district, organization, schools) = tie_to_columns(&granted.tie);
    let granted = (
        memberships::version.eq(*version),
        memberships::name.eq(name),
        memberships::role.eq(granted.role.as_str()),
        memberships::district_id.eq(district),
        memberships::organization_id.eq(organization),
        memberships::schools.eq(schools),
        memberships::created_by.eq(created_by),
        memberships::created_at.eq(to_sql(*created_at)),
        memberships::ended_at.eq(ended_at.map(to_sql)),
    );
    if *version > 1 {
        diesel::update(memberships::table.find(id.to_string())).set(granted).execute(tx.connection)?;
        return Ok(());
    }
    let identity = (
        memberships::id.eq(id.to_string()),
        memberships::issuer.eq(issuer),
        memberships::subject.eq(subject),
    );
    diesel::insert_into(memberships::table).values((identity, granted)).execute(tx.connection)?;
    Ok(())
}

/// Ends a membership.
pub(super) fn end_membership(tx: &mut Tx<'_>, id: MembershipId, version: i64) -> Result<()> {
    let now = to_sql(tx.now);
    diesel::update(memberships::table.find(id.to_string()))
        .set((memberships::version.eq(version), memberships::ended_at.eq(Some(now))))
        .execute(tx.connection)?;
    Ok(())
}

/// Writes a new invitation.
pub(super) fn insert_invitation(tx: &mut Tx<'_>, invitation: &Invitation, code_hash: &str) -> Result<()> {
    let (district, organization, schools) = tie_to_columns(&invitation.granted.tie);
    diesel::insert_into(invitations::table)
        .values((
            invitations::id.eq(invitation.id.to_string()),
            invitations::code_hash.eq(code_hash),
            invitations::name.eq(&invitation.name),
            invitations::role.eq(invitation.granted.role.as_str()),
            invitations::district_id.eq(district),
            invitations::organization_id.eq(organization),
            invitations::schools.eq(schools),
            invitations::created_by.eq(&invitation.created_by),
            invitations::created_at.eq(to_sql(invitation.created_at)),
            invitations::expires_at.eq(to_sql(invitation.expires_at)),
        ))
        .execute(tx.connection)?;
    Ok(())
}

/// The invitation with this code that nobody has redeemed yet.
pub(super) fn open_invitation(connection: &mut DbConnection, code_hash: &str) -> Result<Option<Invitation>> {
    type Row = (String, String, String, TieColumns, String, NaiveDateTime, NaiveDateTime);
    let row: Option<Row> = invitations::table
        .filter(invitations::code_hash.eq(code_hash).and(invitations::redeemed_at.is_null()))
        .select((
            invitations::id,
            invitations::name,
            invitations::role,
            (invitations::district_id, invitations::organization_id, invitations::schools),
            invitations::created_by,
            invitations::created_at,
            invitations::expires_at,
        ))
        .first(connection)
        .optional()?;
    let Some((id, name, role, tie, created_by, created_at, expires_at)) = row else { return Ok(None) };
    let what = "invitation";
    Ok(Some(Invitation {
        id: InvitationId(parse::<Uuid>(&id, what, &id)?),
        name,
        granted: Granted { role: parse::<Role>(&role, what, &id)?, tie: tie_from_columns(tie, what, &id)? },
        created_by,
        created_at: from_sql(created_at),
        expires_at: from_sql(expires_at),
    }))
}

/// Marks an invitation as redeemed; false if somebody else was faster.
pub(super) fn redeem_invitation(tx: &mut Tx<'_>, id: InvitationId, membership: MembershipId) -> Result<bool> {
    let now = to_sql(tx.now);
    let still_open = invitations::table.find(id.to_string()).filter(invitations::redeemed_at.is_null());
    let redeemed = diesel::update(still_open)
        .set((
            invitations::redeemed_at.eq(Some(now)),
            invitations::membership_id.eq(Some(membership.to_string())),
        ))
        .execute(tx.connection)?;
    Ok(redeemed == 1)
}

// ---- what somebody may be tied to --------------------------------------------------------------------------

/// Whether there is such a district.
pub(super) fn district_exists(connection: &mut DbConnection, id: DistrictId) -> Result<bool> {
    Ok(districts::table.find(id.to_string()).count().get_result::<i64>(connection)? > 0)
}

/// Whether there is such an organization.
pub(super) fn organization_exists(connection: &mut DbConnection, id: OrganizationId) -> Result<bool> {
    Ok(organizations::table.find(id.to_string()).count().get_result::<i64>(connection)? > 0)
}

/// Whether the school is one of the district.
pub(super) fn school_is_of(
    connection: &mut DbConnection,
    school: SchoolId,
    district: DistrictId,
) -> Result<bool> {
    let of_district =
        schools::table.find(school.to_string()).filter(schools::district_id.eq(district.to_string()));
    Ok(of_district.count().get_result::<i64>(connection)? > 0)
}

/// The first district and the first organization that are not retired.
pub(super) fn first_ties(
    connection: &mut DbConnection,
) -> Result<(Option<DistrictId>, Option<OrganizationId>)> {
    let district: Option<String> = districts::table
        .filter(districts::retired_at.is_null())
        .order(districts::id)
        .select(districts::id)
        .first(connection)
        .optional()?;
    let organization: Option<String> = organizations::table
        .filter(organizations::retired_at.is_null())
        .order(organizations::id)
        .select(organizations::id)
        .first(connection)
        .optional()?;
    let district = district.map(|id| parse::<Uuid>(&id, "district", &id).map(DistrictId)).transpose()?;
    let organization =
        organization.map(|id| parse::<Uuid>(&id, "organization", &id).map(OrganizationId)).transpose()?;
    Ok((district, organization))
}
