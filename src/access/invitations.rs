//! People: memberships of a provider's identities, and the invitations by which they get one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::clients::random;
use super::model::{Principal, PrincipalId, Role, Tie};
use super::{rules, store};
use crate::error::{Error, FieldError, Result};
use crate::store::{Change, DbConnection, Noun, Tx};
use crate::types::{ClientId, DistrictId, InvitationId, MembershipId};

/// Who a provider says that somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// Its own name for them.
    pub subject: String,
}

/// What somebody is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// What.
    pub role: Role,
    /// Tied to what.
    pub tie: Tie,
}

/// What a person may do here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Its id.
    pub id: MembershipId,
    /// Grows by one with every change.
    pub version: i64,
    /// The provider that says who they are.
    pub issuer: String,
    /// Its own name for them.
    pub subject: String,
    /// How they are called; stands beside what they say.
    pub name: String,
    /// What they are.
    pub granted: Granted,
    /// Who invited them.
    pub created_by: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Since when they are no longer.
    pub ended_at: Option<Timestamp>,
}

impl Membership {
    /// Who calls with their tokens.
    pub(super) fn principal(self) -> Principal {
        Principal {
            id: PrincipalId::Membership(self.id),
            name: self.name,
            scopes: self.granted.role.scopes().to_vec(),
            role: self.granted.role,
            tie: self.granted.tie,
        }
    }
}

/// Who has this id: a client that is not disabled, or a person whose membership has not ended.
///
/// # Errors
/// If the database fails.
pub fn find_principal(connection: &mut DbConnection, id: &str) -> Result<Option<Principal>> {
    let Ok(id) = id.parse::<Uuid>() else { return Ok(None) };
    let client = store::find_client(connection, ClientId(id))?;
    if let Some(client) = client.filter(|client| client.disabled_at.is_none()) {
        return Ok(Some(client.principal()));
    }
    let member = store::find_membership(connection, MembershipId(id))?;
    Ok(member.filter(|member| member.ended_at.is_none()).map(Membership::principal))
}

/// The offer of a membership to one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// Who is meant.
    pub name: String,
    /// What they are to be.
    pub granted: Granted,
    /// Who invites.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// From when on it is none.
    pub expires_at: Timestamp,
}

/// How long an invitation may be open.
pub const LONGEST_INVITATION: SignedDuration = SignedDuration::from_hours(14 * 24);

const CODE_BYTES: usize = 18;

/// A code that was made for an invitation; shown once.
pub struct InvitationCode(String);

impl InvitationCode {
    /// Makes one of random bytes.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn make() -> Result<Self> {
        Ok(Self(URL_SAFE_NO_PAD.encode(random::<CODE_BYTES>()?)))
    }

    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// A code has 144 random bits, so that a plain hash keeps it as well as a slow one would.
fn code_hash(code: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(code.as_bytes()))
}

/// Invites one person.
///
/// # Errors
/// [`Error::Forbidden`] if the inviter may not grant this; [`Error::Invalid`] if it cannot be granted.
pub fn invite(
    tx: &mut Tx<'_>,
    inviter: &Principal,
    name: &str,
    granted: Granted,
    code: &InvitationCode,
    life: SignedDuration,
) -> Result<Invitation> {
    if let Some(problem) = rules::invitation_problem(inviter, granted.role, &granted.tie) {
        return Err(Error::Forbidden(problem.to_owned()));
    }
    if let Some(problem) = rules::tie_problem(granted.role, &granted.tie) {
        return Err(FieldError::body("/role", problem).into());
    }
    if let Some(district) = granted.tie.district() {
        if !store::district_exists(tx.connection, district)? {
            return Err(
                FieldError::body("/district_id", format_args!("there is no district {district}")).into()
            );
        }
        for (position, school) in granted.tie.schools().iter().enumerate() {
            if !store::school_is_of(tx.connection, *school, district)? {
                let message = format_args!("there is no school {school} in this district");
                return Err(FieldError::body(format!("/schools/{position}"), message).into());
            }
        }
    }
    if let Some(organization) = granted.tie.organization()
        && !store::organization_exists(tx.connection, organization)?
    {
        let message = format_args!("there is no organization {organization}");
        return Err(FieldError::body("/organization_id", message).into());
    }
    let invitation = Invitation {
        id: InvitationId::new(),
        name: name.to_owned(),
        granted,
        created_by: inviter.name.clone(),
        created_at: tx.now,
        expires_at: tx.now + life.min(LONGEST_INVITATION),
    };
    store::insert_invitation(tx, &invitation, &code_hash(code.reveal()))?;
    store::record_event(tx, &invitation.id.to_string(), "created", &by(inviter))?;
    Ok(invitation)
}

fn by(principal: &Principal) -> String {
    format!("{} ({})", principal.name, principal.id)
}

/// Makes the one who brings the code a member. A code works once.
///
/// # Errors
/// [`Error::NotFound`] if the code is none, has expired or was redeemed; [`Error::Conflict`] if they are a member.
pub fn redeem(tx: &mut Tx<'_>, identity: &Identity, code: &str) -> Result<Membership> {
    let unknown = || Error::NotFound {
        what: "open invitation",
        id: "with this code; ask who invited you for another one".to_owned(),
    };
    let invitation = store::open_invitation(tx.connection, &code_hash(code))?
        .filter(|invitation| tx.now < invitation.expires_at)
        .ok_or_else(unknown)?;
    let known = store::membership_of(tx.connection, &identity.issuer, &identity.subject)?;
    let (id, version) = match known {
        None => (MembershipId::new(), 1),
        Some(known) if known.ended_at.is_some() => (known.id, known.version + 1),
        Some(_) => return Err(Error::Conflict("you are a member already".to_owned())),
    };
    let membership = Membership {
        id,
        version,
        issuer: identity.issuer.clone(),
        subject: identity.subject.clone(),
        name: invitation.name,
        granted: invitation.granted,
        created_by: invitation.created_by,
        created_at: tx.now,
        ended_at: None,
    };
    store::put_membership(tx, &membership)?;
    if !store::redeem_invitation(tx, invitation.id, id)? {
        return Err(unknown());
    }
    store::record_event(tx, &id.to_string(), "begun", &membership.created_by)?;
    tx.changed(Change { noun: Noun::Membership, subject: id.into(), version })?;
    Ok(membership)
}

/// Ends a membership, at once.
///
/// # Errors
/// [`Error::NotFound`].
pub fn end(tx: &mut Tx<'_>, id: MembershipId, by: &str) -> Result<Membership> {
    let mut membership = store::find_membership(tx.connection, id)?
        .ok_or_else(|| Error::NotFound { what: "membership", id: id.to_string() })?;
    if membership.ended_at.is_none() {
        membership.version += 1;
        membership.ended_at = Some(tx.now);
        store::end_membership(tx, id, membership.version)?;
        store::record_event(tx, &id.to_string(), "ended", by)?;
        tx.changed(Change { noun: Noun::Membership, subject: id.into(), version: membership.version })?;
    }
    Ok(membership)
}

/// One membership, ended or not; none if there is none.
///
/// # Errors
/// If the database fails.
pub fn find(connection: &mut DbConnection, id: MembershipId) -> Result<Option<Membership>> {
    store::find_membership(connection, id)
}

/// The memberships of a district that have not ended, in the order of their making.
///
/// # Errors
/// If the database fails.
pub fn of_district(connection: &mut DbConnection, district: DistrictId) -> Result<Vec<Membership>> {
    store::memberships_of(connection, district)
}

/// Every membership, ended or not.
///
/// # Errors
/// If the database fails.
pub fn all(connection: &mut DbConnection) -> Result<Vec<Membership>> {
    store::all_memberships(connection)
}
