//! Queries of referrals, offers, places on lists and their history. Each takes the tenant on whose behalf it is made.

use std::str::FromStr;

use chrono::{NaiveDate, NaiveDateTime};
use diesel::prelude::*;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::machine::offer::{OfferState, Stage};
use super::machine::referral::BusinessStatus;
use super::model::{Entry, Offer, Plan, Referral};
use crate::directory::{COUNTED_UP_TO, parse_id};
use crate::error::{Error, Result};
use crate::finder::Urgency;
use crate::store::schema::{offers, referral_events as events, referrals, wait_list_entries as entries};
use crate::store::{DbConnection, Tenant, Tx, date_to_sql, from_sql, to_sql};
use crate::types::{OfferId, ReferralId, StudentId, WaitListEntryId};

// ---- referrals ---------------------------------------------------------------------------------------------

#[derive(Queryable, Selectable)]
#[diesel(table_name = referrals)]
struct ReferralRow {
    id: String,
    district_id: String,
    school_id: Option<String>,
    student_id: String,
    version: i64,
    status: String,
    business_status: Option<String>,
    urgency: String,
    document: String,
    sealed: Vec<u8>,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    due_at: Option<NaiveDateTime>,
    look_at: Option<NaiveDateTime>,
}

/// A place in the list of referrals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behind {
    /// When the referral at it had last changed, where they are in that order.
    pub updated_at: Option<Timestamp>,
    /// Which one.
    pub referral: ReferralId,
}

/// Which referrals to list, in the order of their ids or, with `updated_since`, of their last change.
#[derive(Clone, Debug, Default)]
pub struct ReferralPage {
    /// Behind this one.
    pub after: Option<Behind>,
    /// At most so many.
    pub limit: i64,
    /// Only those with this status.
    pub status: Option<super::machine::referral::ReferralStatus>,
    /// Only those that have come so far.
    pub business_status: Option<BusinessStatus>,
    /// Only those of this student.
    pub student: Option<StudentId>,
    /// Only those of this owner.
    pub owner: Option<String>,
    /// Only those that changed at or after this instant.
    pub updated_since: Option<Timestamp>,
}

/// The referrals of a tenant: of a district, or of some of its schools.
macro_rules! of {
    ($tenant:expr) => {{
        let mut query =
            referrals::table.filter(referrals::district_id.eq($tenant.district.to_string())).into_boxed();
        if !$tenant.schools.is_empty() {
            let schools: Vec<String> = $tenant.schools.iter().map(ToString::to_string).collect();
            query = query.filter(referrals::school_id.assume_not_null().eq_any(schools));
        }
        query
    }};
}

impl ReferralRow {
    fn read(self) -> Result<Referral> {
        Ok(Referral {
            id: parse_id(&self.id)?,
            district: parse_id(&self.district_id)?,
            school: self.school_id.as_deref().map(parse_id).transpose()?,
            student: parse_id(&self.student_id)?,
            version: self.version,
            status: code(&self.id, &self.status)?,
            business_status: self.business_status.as_deref().map(|text| code(&self.id, text)).transpose()?,
            urgency: match self.urgency.as_str() {
                "urgent" => Urgency::Urgent,
                _ => Urgency::Routine,
            },
            plan: parse(&self.id, &self.document)?,
            created_at: from_sql(self.created_at),
            updated_at: from_sql(self.updated_at),
            due_at: self.due_at.map(from_sql),
            look_at: self.look_at.map(from_sql),
            sealed: self.sealed,
        })
    }
}

pub(super) fn find(connection: &mut DbConnection, tenant: &Tenant, id: ReferralId) -> Result<Referral> {
    let row = of!(tenant).filter(referrals::id.eq(id.to_string())).select(ReferralRow::as_select());
    let row = row.get_result(connection).optional()?;
    row.ok_or_else(|| Error::NotFound { what: "referral", id: id.to_string() })?.read()
}

/// Those of these that are the tenant's, in any order.
pub(super) fn find_all(
    connection: &mut DbConnection,
    tenant: &Tenant,
    ids: &[ReferralId],
) -> Result<Vec<Referral>> {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let rows =
        of!(tenant).filter(referrals::id.eq_any(ids)).select(ReferralRow::as_select()).load(connection)?;
    rows.into_iter().map(ReferralRow::read).collect()
}

/// A page and, to tell whether there are more, the row behind it.
pub(super) fn list(
    connection: &mut DbConnection,
    tenant: &Tenant,
    page: &ReferralPage,
) -> Result<(Vec<Referral>, i64)> {
    macro_rules! filtered {
        () => {{
            let ReferralPage { after: _, limit: _, status, business_status, student, owner, updated_since } =
                page;
            let mut query = of!(tenant);
            if let Some(status) = status {
                query = query.filter(referrals::status.eq(status.as_str()));
            }
            if let Some(status) = business_status {
                query = query.filter(referrals::business_status.eq(status.as_str()));
            }
            if let Some(student) = student {
                query = query.filter(referrals::student_id.eq(student.to_string()));
            }
            if let Some(owner) = owner {
                query = query.filter(referrals::owner_id.eq(owner));
            }
            if let Some(since) = updated_since {
                query = query.filter(referrals::updated_at.ge(to_sql(*since)));
            }
            query
        }};
    }
    let counted: Vec<String> = filtered!().select(referrals::id).limit(COUNTED_UP_TO + 1).load(connection)?;
    let query = filtered!().select(ReferralRow::as_select()).limit(page.limit + 1);
    let mut query = match page.updated_since {
        Some(_) => query.order((referrals::updated_at, referrals::id)),
        None => query.order(referrals::id),
    };
    if let Some(Behind { updated_at, referral }) = page.after {
        let later = referrals::id.gt(referral.to_string());
        query = match updated_at.map(to_sql) {
            // The first condition follows from the second; it is what the index is asked by.
            Some(at) => query
                .filter(referrals::updated_at.ge(at))
                .filter(referrals::updated_at.gt(at).or(referrals::updated_at.eq(at).and(later))),
            None => query.filter(later),
        };
    }
    let rows = query.load(connection)?.into_iter().map(ReferralRow::read).collect::<Result<_>>()?;
    Ok((rows, i64::try_from(counted.len()).unwrap_or(i64::MAX)))
}

/// Those of a student that are not over.
pub(super) fn open_of_student(
    connection: &mut DbConnection,
    tenant: &Tenant,
    student: StudentId,
) -> Result<Vec<Referral>> {
    let rows = of!(tenant)
        .filter(referrals::student_id.eq(student.to_string()))
        .filter(referrals::status.eq_any(["draft", "active", "on-hold"]))
        .order(referrals::id)
        .select(ReferralRow::as_select())
        .load(connection)?;
    rows.into_iter().map(ReferralRow::read).collect()
}

pub(super) fn insert(tx: &mut Tx<'_>, tenant: &Tenant, referral: &Referral) -> Result<()> {
    diesel::insert_into(referrals::table)
        .values((
            referrals::id.eq(referral.id.to_string()),
            referrals::district_id.eq(tenant.district.to_string()),
            referrals::school_id.eq(referral.school.map(|school| school.to_string())),
            referrals::student_id.eq(referral.student.to_string()),
            referrals::version.eq(referral.version),
            referrals::status.eq(referral.status.as_str()),
            referrals::business_status.eq(referral.business_status.map(BusinessStatus::as_str)),
            referrals::urgency.eq(urgency(referral.urgency)),
            referrals::owner_id.eq(&referral.plan.owner.id),
            referrals::due_at.eq(referral.due_at.map(to_sql)),
            referrals::look_at.eq(referral.look_at.map(to_sql)),
            referrals::cover_id.eq(referral.plan.cover.as_ref().map(|cover| &cover.by.id)),
            referrals::cover_until.eq(cover_until(&referral.plan)),
            referrals::document.eq(text(&referral.plan)?),
            referrals::sealed.eq(&referral.sealed),
            referrals::created_at.eq(to_sql(referral.created_at)),
            referrals::updated_at.eq(to_sql(referral.updated_at)),
        ))
        .execute(tx.connection)?;
    Ok(())
}

/// Writes what a referral has become; its version is one more than the one that was read.
///
/// # Errors
/// [`Error::Contended`] if another was faster.
pub(super) fn update(tx: &mut Tx<'_>, tenant: &Tenant, referral: &Referral) -> Result<()> {
    let as_it_was = referrals::table
        .find(referral.id.to_string())
        .filter(referrals::district_id.eq(tenant.district.to_string()))
        .filter(referrals::version.eq(referral.version - 1));
    let updated = diesel::update(as_it_was)
        .set((
            referrals::version.eq(referral.version),
            referrals::school_id.eq(referral.school.map(|school| school.to_string())),
            referrals::status.eq(referral.status.as_str()),
            referrals::business_status.eq(referral.business_status.map(BusinessStatus::as_str)),
            referrals::owner_id.eq(&referral.plan.owner.id),
            referrals::due_at.eq(referral.due_at.map(to_sql)),
            referrals::look_at.eq(referral.look_at.map(to_sql)),
            referrals::cover_id.eq(referral.plan.cover.as_ref().map(|cover| &cover.by.id)),
            referrals::cover_until.eq(cover_until(&referral.plan)),
            referrals::document.eq(text(&referral.plan)?),
            referrals::sealed.eq(&referral.sealed),
            referrals::updated_at.eq(to_sql(referral.updated_at)),
        ))
        .execute(tx.connection)?;
    if updated == 1 { Ok(()) } else { Err(Error::Contended) }
}

/// Writes when the clock looks at a referral again, which is no change of it.
pub(super) fn look_again(tx: &mut Tx<'_>, tenant: &Tenant, referral: &Referral) -> Result<()> {
    let row = referrals::table
        .find(referral.id.to_string())
        .filter(referrals::district_id.eq(tenant.district.to_string()));
    diesel::update(row).set(referrals::look_at.eq(referral.look_at.map(to_sql))).execute(tx.connection)?;
    Ok(())
}

fn cover_until(plan: &Plan) -> Option<NaiveDate> {
    plan.cover.as_ref().and_then(|cover| cover.until).map(date_to_sql)
}

/// Keeps others from the referral until the end of the transaction.
pub(super) fn lock(tx: &mut Tx<'_>, tenant: &Tenant, id: ReferralId) -> Result<()> {
    let row =
        referrals::table.find(id.to_string()).filter(referrals::district_id.eq(tenant.district.to_string()));
    diesel::update(row).set(referrals::version.eq(referrals::version)).execute(tx.connection)?;
    Ok(())
}

// ---- offers ------------------------------------------------------------------------------------------------

#[derive(Queryable, Selectable)]
#[diesel(table_name = offers)]
pub(super) struct OfferRow {
    id: String,
    referral_id: String,
    district_id: String,
    organization_id: String,
    offering_id: String,
    capacity_pool_id: String,
    version: i64,
    state: String,
    stage: Option<String>,
    due_at: Option<NaiveDateTime>,
    document: String,
    sealed: Vec<u8>,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    report: Option<Vec<u8>>,
}

impl OfferRow {
    pub(super) fn read(self) -> Result<Offer> {
        let state = OfferState::from_parts(&self.state, self.stage.as_deref());
        Ok(Offer {
            id: parse_id(&self.id)?,
            referral: parse_id(&self.referral_id)?,
            district: parse_id(&self.district_id)?,
            organization: parse_id(&self.organization_id)?,
            offering: parse_id(&self.offering_id)?,
            pool: parse_id(&self.capacity_pool_id)?,
            version: self.version,
            state: state.ok_or_else(|| damaged(&self.id, "its state is none"))?,
            due_at: self.due_at.map(from_sql),
            terms: parse(&self.id, &self.document)?,
            created_at: from_sql(self.created_at),
            updated_at: from_sql(self.updated_at),
            sealed: self.sealed,
            report: self.report,
            is_withheld: false,
        })
    }
}

/// The states that wait for a reply.
pub(super) const OPEN: [&str; 2] = ["requested", "pending_verification"];

/// The offers of a referral, in the order in which they were made.
pub(super) fn offers_of(
    connection: &mut DbConnection,
    tenant: &Tenant,
    referral: ReferralId,
) -> Result<Vec<Offer>> {
    let rows = offers::table
        .filter(offers::referral_id.eq(referral.to_string()))
        .filter(offers::district_id.eq(tenant.district.to_string()))
        .order(offers::id)
        .select(OfferRow::as_select())
        .load(connection)?;
    rows.into_iter().map(OfferRow::read).collect()
}

/// An offer of a tenant's.
pub(super) fn offer_of_tenant(
    connection: &mut DbConnection,
    tenant: &Tenant,
    id: OfferId,
) -> Result<Option<Offer>> {
    let row = offers::table
        .find(id.to_string())
        .filter(offers::district_id.eq(tenant.district.to_string()))
        .select(OfferRow::as_select())
        .get_result(connection)
        .optional()?;
    row.map(OfferRow::read).transpose()
}

pub(super) fn insert_offer(tx: &mut Tx<'_>, tenant: &Tenant, offer: &Offer) -> Result<()> {
    let (state, stage) = offer.state.parts();
    diesel::insert_into(offers::table)
        .values((
            offers::id.eq(offer.id.to_string()),
            offers::referral_id.eq(offer.referral.to_string()),
            offers::district_id.eq(tenant.district.to_string()),
            offers::organization_id.eq(offer.organization.to_string()),
            offers::offering_id.eq(offer.offering.to_string()),
            offers::capacity_pool_id.eq(offer.pool.to_string()),
            offers::version.eq(offer.version),
            offers::state.eq(state),
            offers::stage.eq(stage.map(Stage::as_str)),
            offers::due_at.eq(offer.due_at.map(to_sql)),
            offers::document.eq(text(&offer.terms)?),
            offers::sealed.eq(&offer.sealed),
            offers::created_at.eq(to_sql(offer.created_at)),
            offers::updated_at.eq(to_sql(offer.updated_at)),
        ))
        .execute(tx.connection)?;
    Ok(())
}

/// Writes what an offer has become; its version is one more than the one that was read.
///
/// # Errors
/// [`Error::Contended`] if another was faster.
pub(super) fn update_offer(tx: &mut Tx<'_>, tenant: &Tenant, offer: &Offer) -> Result<()> {
    let (state, stage) = offer.state.parts();
    let as_it_was = offers::table
        .find(offer.id.to_string())
        .filter(offers::district_id.eq(tenant.district.to_string()))
        .filter(offers::version.eq(offer.version - 1));
    let updated = diesel::update(as_it_was)
        .set((
            offers::version.eq(offer.version),
            offers::state.eq(state),
            offers::stage.eq(stage.map(Stage::as_str)),
            offers::due_at.eq(offer.due_at.map(to_sql)),
            offers::document.eq(text(&offer.terms)?),
            offers::updated_at.eq(to_sql(offer.updated_at)),
            offers::report.eq(&offer.report),
        ))
        .execute(tx.connection)?;
    if updated == 1 { Ok(()) } else { Err(Error::Contended) }
}

// ---- places on lists ---------------------------------------------------------------------------------------

#[derive(Queryable, Selectable)]
#[diesel(table_name = entries)]
pub(super) struct EntryRow {
    id: String,
    referral_id: String,
    district_id: String,
    offering_id: String,
    capacity_pool_id: String,
    version: i64,
    state: String,
    priority: i32,
    joined_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    asked_at: Option<NaiveDateTime>,
    due_at: Option<NaiveDateTime>,
    skipped_until: Option<NaiveDateTime>,
    answered_claim_id: Option<String>,
    passed_until: Option<NaiveDateTime>,
}

impl EntryRow {
    pub(super) fn read(self) -> Result<Entry> {
        Ok(Entry {
            id: parse_id(&self.id)?,
            referral: parse_id(&self.referral_id)?,
            district: parse_id(&self.district_id)?,
            offering: parse_id(&self.offering_id)?,
            pool: parse_id(&self.capacity_pool_id)?,
            version: self.version,
            state: code(&self.id, &self.state)?,
            priority: self.priority,
            joined_at: from_sql(self.joined_at),
            updated_at: from_sql(self.updated_at),
            asked_at: self.asked_at.map(from_sql),
            due_at: self.due_at.map(from_sql),
            skipped_until: self.skipped_until.map(from_sql),
            answered_claim: self.answered_claim_id.as_deref().map(parse_id).transpose()?,
            passed_until: self.passed_until.map(from_sql),
        })
    }
}

/// The places of a referral, in the order in which it joined.
pub(super) fn entries_of(
    connection: &mut DbConnection,
    tenant: &Tenant,
    referral: ReferralId,
) -> Result<Vec<Entry>> {
    let rows = entries::table
        .filter(entries::referral_id.eq(referral.to_string()))
        .filter(entries::district_id.eq(tenant.district.to_string()))
        .order((entries::joined_at, entries::id))
        .select(EntryRow::as_select())
        .load(connection)?;
    rows.into_iter().map(EntryRow::read).collect()
}

pub(super) fn insert_entry(tx: &mut Tx<'_>, tenant: &Tenant, entry: &Entry) -> Result<()> {
    diesel::insert_into(entries::table)
        .values((
            entries::id.eq(entry.id.to_string()),
            entries::referral_id.eq(entry.referral.to_string()),
            entries::district_id.eq(tenant.district.to_string()),
            entries::offering_id.eq(entry.offering.to_string()),
            entries::capacity_pool_id.eq(entry.pool.to_string()),
            entries::version.eq(entry.version),
            entries::state.eq(entry.state.as_str()),
            entries::priority.eq(entry.priority),
            entries::joined_at.eq(to_sql(entry.joined_at)),
            entries::updated_at.eq(to_sql(entry.updated_at)),
            entries::due_at.eq(entry.due_at.map(to_sql)),
            entries::answered_claim_id.eq(entry.answered_claim.map(|claim| claim.to_string())),
        ))
        .execute(tx.connection)?;
    Ok(())
}

/// Writes what a place has become; its version is one more than the one that was read.
///
/// # Errors
/// [`Error::Contended`] if another was faster.
pub(super) fn update_entry(tx: &mut Tx<'_>, tenant: &Tenant, entry: &Entry) -> Result<()> {
    let as_it_was = entries::table
        .find(entry.id.to_string())
        .filter(entries::district_id.eq(tenant.district.to_string()))
        .filter(entries::version.eq(entry.version - 1));
    let updated = diesel::update(as_it_was)
        .set((
            entries::version.eq(entry.version),
            entries::state.eq(entry.state.as_str()),
            entries::updated_at.eq(to_sql(entry.updated_at)),
            entries::asked_at.eq(entry.asked_at.map(to_sql)),
            entries::due_at.eq(entry.due_at.map(to_sql)),
            entries::skipped_until.eq(entry.skipped_until.map(to_sql)),
            entries::answered_claim_id.eq(entry.answered_claim.map(|claim| claim.to_string())),
        ))
        .execute(tx.connection)?;
    if updated == 1 { Ok(()) } else { Err(Error::Contended) }
}

/// A place that could not take a slot is not tried until then. That is no change of it.
pub(super) fn pass_by(tx: &mut Tx<'_>, tenant: &Tenant, id: WaitListEntryId, until: Timestamp) -> Result<()> {
    let row =
        entries::table.find(id.to_string()).filter(entries::district_id.eq(tenant.district.to_string()));
    diesel::update(row).set(entries::passed_until.eq(to_sql(until))).execute(tx.connection)?;
    Ok(())
}

/// Lets the places of a referral be tried again: something about it is looked at anew.
pub(super) fn try_again(tx: &mut Tx<'_>, tenant: &Tenant, referral: ReferralId) -> Result<()> {
    let passed = entries::table
        .filter(entries::referral_id.eq(referral.to_string()))
        .filter(entries::district_id.eq(tenant.district.to_string()))
        .filter(entries::passed_until.is_not_null());
    diesel::update(passed).set(entries::passed_until.eq(None::<NaiveDateTime>)).execute(tx.connection)?;
    Ok(())
}

// ---- history -----------------------------------------------------------------------------------------------

/// What happened, as it is kept.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = events)]
pub(super) struct EventRow {
    pub(super) subject_id: String,
    pub(super) version: i64,
    pub(super) subject: String,
    pub(super) referral_id: String,
    pub(super) district_id: String,
    pub(super) event: String,
    pub(super) state: String,
    pub(super) actor: String,
    pub(super) principal_id: String,
    pub(super) principal_name: String,
    pub(super) reason: Option<String>,
    pub(super) sealed: Option<Vec<u8>>,
    pub(super) at: NaiveDateTime,
    pub(super) is_told: bool,
}

pub(super) fn insert_event(tx: &mut Tx<'_>, tenant: &Tenant, event: &EventRow) -> Result<()> {
    debug_assert_eq!(event.district_id, tenant.district.to_string(), "an event of another district");
    diesel::insert_into(events::table).values(event).execute(tx.connection)?;
    Ok(())
}

/// What happened to a referral and all that belongs to it, in order.
pub(super) fn events_of(
    connection: &mut DbConnection,
    tenant: &Tenant,
    referral: ReferralId,
) -> Result<Vec<EventRow>> {
    Ok(events::table
        .filter(events::referral_id.eq(referral.to_string()))
        .filter(events::district_id.eq(tenant.district.to_string()))
        .order((events::at, events::subject_id, events::version))
        .select(EventRow::as_select())
        .load(connection)?)
}

// ---- texts -------------------------------------------------------------------------------------------------

fn urgency(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Routine => "routine",
        Urgency::Urgent => "urgent",
    }
}

fn text<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|source| Error::internal("writing a referral", source))
}

fn parse<T: DeserializeOwned>(id: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|source| Error::internal(format!("reading {id}"), source))
}

fn code<T: FromStr>(id: &str, text: &str) -> Result<T> {
    text.parse().map_err(|_| damaged(id, "one of its codes is none"))
}

fn damaged(id: &str, what: &'static str) -> Error {
    Error::internal(format!("reading {id}"), what)
}
