//! `/v1/invitations`: how people become members.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, post, web};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

use super::caller::{Admin, Caller, Newcomer};
use super::problem::Problem;
use super::query::{NoParams, Query};
use super::resource::JSON;
use super::{Context, body};
use crate::access::invitations::{Granted, InvitationCode, invite, redeem};
use crate::access::{Role, Scope, Tie};
use crate::error::FieldError;
use crate::types::{DistrictId, InvitationId, MembershipId, OrganizationId, SchoolId};

/// Whom to invite, to what.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct InvitationCreate {
    /// Who is meant; stands beside what they say.
    #[schema(example = "Ana Coordinator")]
    name: String,
    /// What they are to be.
    role: Role,
    /// The district that they work for, where the role is tied to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    district_id: Option<DistrictId>,
    /// Of a coordinator: only these schools of the district; none: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    schools: Vec<SchoolId>,
    /// The organization that they work at, where the role is tied to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    organization_id: Option<OrganizationId>,
    /// Hours until it expires: 1 to 336, by default 72.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1, maximum = 336)]
    expires_in_hours: Option<i64>,
}

/// An invitation, with the code that is shown this once.
#[derive(Serialize, utoipa::ToSchema)]
struct Invitation {
    /// Its id.
    id: InvitationId,
    /// To be given to the one who is meant; redeems it once.
    code: String,
    /// Who is meant.
    name: String,
    /// What they are to be.
    role: Role,
    /// Until when it can be redeemed.
    expires_at: Timestamp,
}

/// A code to redeem.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"code": "mJ0Zx2m4t6Xv1bq8Wc3Rk5Ty"}))]
struct InvitationRedeem {
    /// The code of the invitation.
    code: String,
}

/// What a person may do here.
#[derive(Serialize, utoipa::ToSchema)]
struct Membership {
    /// Its id.
    id: MembershipId,
    /// How they are called here.
    name: String,
    /// What they are.
    role: Role,
    /// The district that they work for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    district_id: Option<DistrictId>,
    /// Only these schools of it; none: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    schools: Vec<SchoolId>,
    /// The organization that they work at.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    organization_id: Option<OrganizationId>,
    /// What their tokens permit.
    scopes: &'static [Scope],
}

const DEFAULT_HOURS: i64 = 72;
const MOST_HOURS: i64 = 336;
const LONGEST_NAME: usize = 200;

impl InvitationCreate {
    fn read(self) -> Result<(String, Granted, SignedDuration), Problem> {
        let Self { name, role, district_id, schools, organization_id, expires_in_hours } = self;
        let mut faults = Vec::new();
        let name = name.trim().to_owned();
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            let message = format_args!("must have 1 to {LONGEST_NAME} characters in one line");
            faults.push(FieldError::body("/name", message));
        }
        let hours = expires_in_hours.unwrap_or(DEFAULT_HOURS);
        if !(1..=MOST_HOURS).contains(&hours) {
            let message = format_args!("{hours} is not a whole number from 1 to {MOST_HOURS}");
            faults.push(FieldError::body("/expires_in_hours", message));
        }
        if district_id.is_none() && !schools.is_empty() {
            faults
                .push(FieldError::body("/schools", "names schools without their district; add district_id"));
        }
        if district_id.is_some() && organization_id.is_some() {
            let message = "contradicts district_id: a role is tied to one of them";
            faults.push(FieldError::body("/organization_id", message));
        }
        if !faults.is_empty() {
            return Err(Problem::invalid(faults));
        }
        let tie = match (district_id, organization_id) {
            (Some(district), _) => Tie::District { district, schools },
            (None, Some(organization)) => Tie::Organization(organization),
            (None, None) => Tie::None,
        };
        Ok((name, Granted { role, tie }, SignedDuration::from_hours(hours)))
    }
}

/// Invites one person. The code in the answer is shown this once.
///
/// An operator invites anybody; a district's lead invites leads, coordinators and readers of the audit to their own
/// district.
#[utoipa::path(
    tag = "access", operation_id = "create_invitation", security(("oauth" = ["admin"])),
    request_body(content = InvitationCreate, content_type = "application/json", example = json!({"name": "Sam Analyst", "role": "state_analyst"})),
    responses(
        (status = 201, description = "The invitation", body = Invitation),
        (status = 400, description = "`invalid-request`"),
        (status = 403, description = "`insufficient-scope`, `forbidden`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
    )
)]
#[post("/invitations")]
async fn create_invitation(
    caller: Caller<Admin>,
    context: web::Data<Context>,
    request: HttpRequest,
    _params: Query<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let asked: InvitationCreate = body::read_strictly(&request, &bytes.0, JSON)?;
    let (name, granted, life) = asked.read()?;
    let code = InvitationCode::make()?;
    let inviter = caller.clone();
    let (invitation, code) = context
        .app
        .store
        .write(move |tx| {
            let invitation = invite(tx, &inviter, &name, granted.clone(), &code, life)?;
            Ok((invitation, code.reveal().to_owned()))
        })
        .await?;
    Ok(HttpResponse::build(StatusCode::CREATED).json(Invitation {
        id: invitation.id,
        code,
        name: invitation.name,
        role: invitation.granted.role,
        expires_at: invitation.expires_at,
    }))
}

/// Makes the one who brings a code a member. They come with a token of a configured identity provider; a code
/// works once.
#[utoipa::path(
    tag = "access", operation_id = "redeem_invitation", security(("person" = [])),
    request_body(content = InvitationRedeem, content_type = "application/json"),
    responses(
        (status = 200, description = "The membership", body = Membership),
        (status = 400, description = "`invalid-request`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`conflict`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
    )
)]
#[post("/invitations/redeem")]
async fn redeem_invitation(
    newcomer: Newcomer,
    context: web::Data<Context>,
    request: HttpRequest,
    _params: Query<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let InvitationRedeem { code } = body::read_strictly(&request, &bytes.0, JSON)?;
    let identity = newcomer.0;
    let member = context.app.store.write(move |tx| redeem(tx, &identity, code.trim())).await?;
    let Granted { role, tie } = member.granted;
    Ok(HttpResponse::Ok().json(Membership {
        id: member.id,
        name: member.name,
        role,
        district_id: tie.district(),
        schools: tie.schools().to_vec(),
        organization_id: tie.organization(),
        scopes: role.scopes(),
    }))
}

/// Adds these operations.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(create_invitation).service(redeem_invitation);
}
