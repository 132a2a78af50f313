//! Whoever is called about an offer, as the directory has them: what a call or a fax needs of it.

use jiff::Timestamp;
use uuid::Uuid;

use super::script::{CallNumber, LastCall, ListedNumber, ListedNumbers, NumberOf, OfficeNow};
use super::{Desk, words};
use crate::availability::{ContactAttempt, ContactOutcome};
use crate::directory::{
    DistrictFacts, LocationFacts, OfferingFacts, OrganizationFacts, Record, ServiceFacts, find,
};
use crate::error::{Error, Result};
use crate::privacy::Consent;
use crate::privacy::consents;
use crate::referrals::model::Offer;
use crate::referrals::store as of_tenant;
use crate::store::Tx;
use crate::students::candidates::Asked;
use crate::students::file::File;
use crate::students::tenant;
use crate::types::{LanguageTag, Phone, ReaderLanguage};

/// Whoever is called, by whom and about what.
pub(super) struct Called {
    pub(super) organization: Record<OrganizationFacts>,
    pub(super) service: Record<ServiceFacts>,
    pub(super) offering: OfferingFacts,
    pub(super) location: Option<LocationFacts>,
    pub(super) district: DistrictFacts,
    pub(super) listed: Vec<ListedNumber>,
}

impl Called {
    pub(super) fn find(tx: &mut Tx<'_>, offer: &Offer, listed: ListedNumbers) -> Result<Self> {
        let offering = find::<OfferingFacts>(tx.connection, offer.offering)?.facts;
        let place = offering.location_id;
        let location = place.map(|id| find::<LocationFacts>(tx.connection, id)).transpose()?;
        let ids =
            [Some(offer.terms.service_id.into()), place.map(Uuid::from), Some(offer.organization.into())];
        let ids: Vec<Uuid> = ids.into_iter().flatten().collect();
        Ok(Self {
            organization: find(tx.connection, offer.organization)?,
            service: find(tx.connection, offer.terms.service_id)?,
            offering,
            location: location.map(|location| location.facts),
            district: find::<DistrictFacts>(tx.connection, offer.district)?.facts,
            listed: listed(tx.connection, &ids)?,
        })
    }

    /// Lets the organization be told of the student today: a consent may have run out since the offer was made.
    ///
    /// # Errors
    /// [`Error::Conflict`] if nothing allows it any more.
    pub(super) fn may_be_told(&self, tx: &mut Tx<'_>, desk: &Desk<'_>, offer: &Offer) -> Result<()> {
        let tenant = tenant(desk.errand)?;
        let referral = of_tenant::find(tx.connection, tenant, offer.referral)?;
        let file = File::open(tx, desk.vault, tenant, referral.student)?;
        let consents = consents::list(tx.connection, tenant, &file.key, referral.student)?;
        let consents: Vec<Consent> = consents.into_iter().map(|kept| kept.consent).collect();
        let obligation = referral.plan.obligation;
        let asked = Asked::about(tx, &file, &self.organization, &self.service, obligation)?;
        asked.basis(&file, &consents, tx.now).map(|_| ()).map_err(|_| {
            let message = "no consent and no agreement allows the organization to be told of the student any more: have one \
                           signed, or take the offer back (withdraw)";
            Error::Conflict(message.to_owned())
        })
    }

    pub(super) fn reply_by(&self, offer: &Offer) -> String {
        let at = offer.due_at.unwrap_or(offer.created_at);
        ReaderLanguage::English.moment(at, &self.organization.facts.zone())
    }

    /// Each number once. `calls` come the latest first; those of other districts without a number.
    pub(super) fn numbers(&self, calls: &[ContactAttempt]) -> Vec<CallNumber> {
        let of = |of: NumberOf| move |phone| (of, phone);
        let service = &self.service.facts;
        let known = (service.intake_phones.iter().map(of(NumberOf::Intake)))
            .chain(service.phone.iter().map(of(NumberOf::Service)))
            .chain(self.location.iter().filter_map(|place| place.phone.as_ref()).map(of(NumberOf::Location)))
            .chain(self.organization.facts.phone.iter().map(of(NumberOf::Organization)));
        let mut numbers: Vec<CallNumber> = Vec::new();
        for (of, phone) in known {
            if !numbers.iter().any(|number| number.phone == *phone) {
                numbers.push(self.number(of, phone, calls));
            }
        }
        numbers
    }

    fn number(&self, of: NumberOf, phone: &Phone, calls: &[ContactAttempt]) -> CallNumber {
        let (number, extension) = match phone.as_str().split_once(";ext=") {
            Some((number, extension)) => (number, Some(extension.to_owned())),
            None => (phone.as_str(), None),
        };
        let to_it: Vec<&ContactAttempt> =
            calls.iter().filter(|call| call.phone.as_ref() == Some(phone)).collect();
        let listed = self.listed.iter().filter(|one| !one.is_fax && one.phone == *phone);
        let mut languages: Vec<LanguageTag> = listed.flat_map(|one| one.languages.clone()).collect();
        // The latest call in a language says whether it is answered in it.
        for call in to_it.iter().rev().filter(|call| call.outcome.is_answered()) {
            let Some(language) = &call.language else { continue };
            languages.retain(|known| known != language);
            if call.outcome != ContactOutcome::NoLanguage {
                languages.push(language.clone());
            }
        }
        languages.sort_unstable();
        languages.dedup();
        CallNumber {
            phone: phone.clone(),
            number: number.to_owned(),
            extension,
            of,
            languages,
            last_call: to_it
                .first()
                .map(|call| LastCall { outcome: call.outcome, attempted_at: call.attempted_at }),
        }
    }

    /// Whether somebody is there at `now`; none where the directory has no hours.
    pub(super) fn office(&self, now: Timestamp) -> Option<OfficeNow> {
        self.organization.facts.hours.as_ref().filter(|hours| !hours.is_empty())?;
        let opens = self.organization.facts.in_office_from(now);
        let is_open = opens == Some(now);
        let opens_at = opens.filter(|_| !is_open);
        let zone = self.organization.facts.zone();
        let says = match opens_at {
            _ if is_open => "Open now".to_owned(),
            Some(at) => format!("Opens {}", ReaderLanguage::English.moment(at, &zone)),
            None => "Closed for a year".to_owned(),
        };
        Some(OfficeNow { is_open, opens_at, says })
    }
}

/// The first fax number.
pub(super) fn fax(listed: &[ListedNumber]) -> Option<String> {
    listed.iter().find(|number| number.is_fax).map(|number| words::dialled(&number.phone))
}
