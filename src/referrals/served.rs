//! What is known of a service that is given: what the district is told of it, and what is seen of the pool by it.

use jiff::Timestamp;

use super::Desk;
use super::case::Case;
use super::machine::offer::{OfferAction, OfferState, Stage};
use super::model::{Measure, Offer, Outcome, Report};
use crate::availability::{Observation, ObservationKind};
use crate::error::Result;
use crate::finder::source::{Listing, listings};
use crate::privacy::StudentField;
use crate::store::Tx;
use crate::students::candidates::Asked;

/// Where what was measured lies sealed.
pub(super) const REPORT: &str = "offers report";

impl Case {
    /// Tells the district of the service that an agency gives, as far as a consent lets it (45 CFR 164.508), and puts that
    /// on the record; whether it was told. Of one that is called the district keeps the record itself.
    pub(super) fn tell_school(
        &self,
        tx: &mut Tx<'_>,
        desk: &Desk<'_>,
        one: &mut Offer,
        measure: Option<&Measure>,
    ) -> Result<bool> {
        let mut report = self.report(one)?;
        report.measure = measure.cloned().or(report.measure);
        let fields: &[StudentField] = match measure {
            Some(_) => &[StudentField::ServiceRecord, StudentField::Progress],
            None => &[StudentField::ServiceRecord],
        };
        let told = if one.terms.by_call {
            fields.to_vec()
        } else {
            match listings(tx.connection, &[one.offering], None, tx.now)?.pop() {
                None => Vec::new(),
                Some(Listing { organization, service, .. }) => {
                    let obligation = self.referral.plan.obligation;
                    let asked = Asked::about(tx, &self.file, &organization, &service, obligation)?;
                    asked.tell_school(tx, desk.errand, &self.tenant, &self.file, &self.consents, fields)?
                }
            }
        };
        let is_told = told.contains(&StudentField::ServiceRecord);
        if is_told {
            one.tell();
        }
        if told.contains(&StudentField::Progress) {
            report.told.clone_from(&report.measure);
        }
        if measure.is_some() {
            one.report = Some(self.file.key.seal(REPORT, one.id, &report)?);
        }
        Ok(is_told)
    }

    /// What was measured of one who is served.
    fn report(&self, offer: &Offer) -> Result<Report> {
        let sealed = offer.report.as_ref();
        let report = sealed.map(|sealed| self.file.key.open(REPORT, offer.id, sealed)).transpose()?;
        Ok(report.unwrap_or_default())
    }

    /// An outcome with what was told of the service where it does not say so itself.
    pub(super) fn completed(&self, outcome: &Outcome) -> Outcome {
        let mut outcome = outcome.clone();
        let served =
            self.offers.iter().rev().map(Offer::as_told).find(|offer| offer.terms.accepted_at.is_some());
        if let (true, Some(Offer { terms, .. })) = (outcome.served, served) {
            let day = |at: Timestamp| at.to_zoned(self.file.zone.clone()).date();
            outcome.in_needed_language = outcome.in_needed_language.or(terms.in_needed_language);
            outcome.first_appointment_on =
                outcome.first_appointment_on.or_else(|| terms.first_attended_at.map(day));
            outcome.sessions = outcome.sessions.or_else(|| (terms.sessions > 0).then_some(terms.sessions));
        }
        outcome
    }
}

/// What is seen of the pool by what happened to an offer.
pub(super) fn observed(
    offer: &Offer,
    before: OfferState,
    action: OfferAction,
    now: Timestamp,
) -> Vec<Observation> {
    let seen = |kind, held| Observation {
        capacity_pool_id: offer.pool,
        kind,
        held,
        hours_to_reply: None,
        days_to_first_appointment: None,
        observed_at: Some(now),
    };
    let hours = |since: Timestamp| now.duration_since(since).as_secs_f64() / 3_600.0;
    let replied = |held| Observation {
        hours_to_reply: Some(hours(offer.created_at)),
        ..seen(ObservationKind::Offer, Some(held))
    };
    match action {
        OfferAction::Accept | OfferAction::Verify => vec![replied(true)],
        OfferAction::Decline | OfferAction::Waitlist => vec![replied(false)],
        OfferAction::Return if before == OfferState::PendingVerification => vec![replied(false)],
        OfferAction::Expire if before == OfferState::Requested => {
            vec![seen(ObservationKind::Offer, Some(false))]
        }
        OfferAction::NoShow => vec![seen(ObservationKind::Appointment, Some(false))],
        OfferAction::Attend => {
            let first = offer.terms.accepted_at.filter(|_| offer.terms.sessions == 1).map(|at| Observation {
                days_to_first_appointment: Some(hours(at) / 24.0),
                ..seen(ObservationKind::FirstAppointment, None)
            });
            let kept = matches!(before, OfferState::Engaged(Stage::Scheduled | Stage::InService));
            let kept = kept.then(|| seen(ObservationKind::Appointment, Some(true)));
            first.into_iter().chain(kept).collect()
        }
        OfferAction::PendingVerification
        | OfferAction::Return
        | OfferAction::Withdraw
        | OfferAction::RequestCancellation
        | OfferAction::ConfirmCancellation
        | OfferAction::Schedule
        | OfferAction::Reschedule
        | OfferAction::Start
        | OfferAction::Hold
        | OfferAction::Resume
        | OfferAction::Complete
        | OfferAction::Fail
        | OfferAction::EnterInError
        | OfferAction::Expire => Vec::new(),
    }
}
