//! What an agency is told of a student beyond the limited profile, when it fetches it.

use super::{Desk, act_on, store};
use crate::error::{Error, FieldError, Result};
use crate::privacy::audit::{Action, Errand, record};
use crate::privacy::disclosures::ReleasedBy;
use crate::privacy::{Packet, StudentField};
use crate::referrals::store as of_tenant;
use crate::store::{Tenancy, Tenant, Tx};
use crate::students::releases::{Fetched, Released, release_to_agency};
use crate::types::OfferId;

/// Releases a packet to the agency whose offer it is: what an insurer must be told, while it verifies; who the student is,
/// once it has accepted. Each time is a release of its own, on the record, on the word of the referral's owner.
///
/// # Errors
/// [`Error::NotFound`] if the offer is not to the caller's organization; [`Error::Conflict`] if it is not the time for this
/// packet; [`Error::Refused`] if nothing of it may be told.
pub fn fetch_packet(tx: &mut Tx<'_>, desk: &Desk<'_>, id: OfferId, packet: Packet) -> Result<Released> {
    let Tenancy::Agency(organization) = &desk.errand.tenancy else {
        let message = "an agency fetches its own packet; for one that has nobody here POST /v1/students/{id}/disclosures \
                       gives the packet to hand over";
        return Err(Error::Forbidden(message.to_owned()));
    };
    let offer = store::offer_to(tx.connection, *organization, id)?;
    let offer = offer.ok_or_else(|| Error::NotFound { what: "offer", id: id.to_string() })?;
    let is_time = match packet {
        Packet::Eligibility => offer.state.is_open(),
        Packet::Identity => offer.state.is_engaged(),
        Packet::LimitedProfile | Packet::Progress => {
            let message = "must be eligibility or identity; the limited profile is in the offer";
            return Err(FieldError::body("/packet", message).into());
        }
    };
    if !is_time {
        let message = "eligibility is told while the offer waits for a reply, identity while it is accepted";
        return Err(Error::Conflict(format!("the offer is {}; {message}", offer.state)));
    }
    record(tx, desk.errand, &[act_on(Action::Read, &offer)])?;
    let tenant = Tenant { district: offer.district, schools: Vec::new() };
    tx.on_behalf(&Tenancy::District(tenant.clone()))?;
    let errand = Errand { tenancy: Tenancy::District(tenant.clone()), ..desk.errand.clone() };
    let referral = of_tenant::find(tx.connection, &tenant, offer.referral)?;
    let fetched = Fetched {
        organization: offer.organization,
        service: offer.terms.service_id,
        packet,
        obligation: referral.plan.obligation,
        accepted_on: offer.terms.accepted_at.map(crate::types::calendar_date),
        released_by: ReleasedBy::owner(&referral.plan.owner),
    };
    let mut released = release_to_agency(tx, desk.vault, &errand, referral.student, fetched)?;
    // What the student is to be helped with belongs to the referral, and is told as the offer tells it.
    if let Some(needs) = released.packet.get_mut(StudentField::Needs.as_str()) {
        *needs = serde_json::json!(offer.terms.profile.needs);
    }
    Ok(released)
}
