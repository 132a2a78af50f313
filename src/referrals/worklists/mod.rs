//! Worklists: what a coordinator has to look at, in the order in which it is due. A referral's places are written with
//! it ([`rules`] says which), so that each list is read along an index and nothing is judged while it is read.

pub(super) mod rules;
pub(super) mod store;

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::{Desk, RESOURCE, Referral, act_on};
use crate::availability::{StalePage, stale};
use crate::directory::{COUNTED_UP_TO, DistrictFacts, find};
use crate::error::Result;
use crate::privacy::audit::{Act, Action, record};
use crate::store::{DbConnection, Tenant, Tx};
use crate::students::crises::{self, CrisisPage};
use crate::students::tenant;
use crate::types::{DistrictId, ReferralId, UnknownCode, calendar_date, codes};

codes! {
    /// A list of referrals that somebody has to look at.
    Worklist, "worklist" {
        /// Something is due today or was due before, of referrals that one owns or stands in for.
        DueToday = "due_today",
        /// Nobody may be asked before a consent allows it.
        AwaitingConsent = "awaiting_consent",
        /// An offer ended without a reply, and nobody has accepted since.
        NoReplyInTime = "no_reply_in_time",
        /// Every candidate declined, handed back, did not reply, ended otherwise or was passed over, and nothing goes on by
        /// itself.
        DeclinedByAll = "declined_by_all",
        /// A place on a list for longer than 30 days, or 7 where it is urgent.
        WaitingTooLong = "waiting_too_long",
        /// A place on a list is given up unless somebody says in time that it is still wanted.
        StillWaiting = "still_waiting",
        /// The last appointment was missed, and none stands.
        AppointmentMissed = "appointment_missed",
        /// Somebody has accepted, and nothing was ever scheduled.
        AcceptedNotScheduled = "accepted_not_scheduled",
        /// The service was given, and nobody has said how it ended.
        ServedWithoutOutcome = "served_without_outcome",
        /// What is pinned holds of none of the candidates that are left.
        PinnedWithoutCandidates = "pinned_without_candidates",
        /// The season of what is given ends within 30 days, and no candidate is left.
        SeasonEnds = "season_ends",
    }
}

impl Worklist {
    /// Those that are written with the referral.
    const KEPT: [Self; 10] = [
        Self::AwaitingConsent,
        Self::NoReplyInTime,
        Self::DeclinedByAll,
        Self::WaitingTooLong,
        Self::StillWaiting,
        Self::AppointmentMissed,
        Self::AcceptedNotScheduled,
        Self::ServedWithoutOutcome,
        Self::PinnedWithoutCandidates,
        Self::SeasonEnds,
    ];
}

/// A place of a referral on a worklist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Which list.
    pub worklist: Worklist,
    /// When it is due there: what is due next of the referral; of a wait, from when on it is too long; of a season, its
    /// end.
    pub due_at: Timestamp,
}

/// How far one has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// When the referral is due on the list.
    pub due_at: Timestamp,
    /// Which.
    pub referral: ReferralId,
}

/// Which part of a worklist.
#[derive(Clone, Debug)]
pub struct WorklistPage {
    /// Which list.
    pub worklist: Worklist,
    /// Only those of this owner; of what is due today, this one's instead of the caller's.
    pub owner: Option<String>,
    /// Behind this one.
    pub after: Option<Position>,
    /// At most so many.
    pub limit: i64,
}

/// Referrals of one page.
pub struct Listed {
    /// In the order in which they are due.
    pub referrals: Vec<Referral>,
    /// Where the next page begins, if there is one.
    pub next: Option<Position>,
    /// How many there are on all pages, counted up to a bound.
    pub count: i64,
}

/// The end of a day in a zone.
pub(super) fn end_of(day: Date, zone: &TimeZone) -> Option<Timestamp> {
    Some(day.checked_add(1.day()).ok()?.to_zoned(zone.clone()).ok()?.timestamp())
}

/// Which day it is where a district is, and in which zone.
fn today(connection: &mut DbConnection, district: DistrictId, now: Timestamp) -> Result<(Date, TimeZone)> {
    let district = find::<DistrictFacts>(connection, district)?.facts;
    let zone = district.time_zone.and_then(|name| TimeZone::get(&name).ok()).unwrap_or(TimeZone::UTC);
    Ok((now.to_zoned(zone.clone()).date(), zone))
}

/// Who is asked about which list, and until when; `me` of what is due today, unless another is named.
fn slice(
    connection: &mut DbConnection,
    tenant: &Tenant,
    (worklist, owner): (Worklist, Option<String>),
    me: &str,
    now: Timestamp,
) -> Result<store::Slice> {
    Ok(match worklist {
        Worklist::DueToday => {
            let (today, zone) = today(connection, tenant.district, now)?;
            store::Slice::Due {
                of: owner.unwrap_or_else(|| me.to_owned()),
                before: end_of(today, &zone).unwrap_or(now),
                today,
            }
        }
        worklist @ (Worklist::WaitingTooLong | Worklist::SeasonEnds) => {
            store::Slice::Kept { worklist, owner, until: rules::shown_until(worklist, now) }
        }
        worklist @ (Worklist::AwaitingConsent
        | Worklist::NoReplyInTime
        | Worklist::DeclinedByAll
        | Worklist::StillWaiting
        | Worklist::AppointmentMissed
        | Worklist::AcceptedNotScheduled
        | Worklist::ServedWithoutOutcome
        | Worklist::PinnedWithoutCandidates) => store::Slice::Kept { worklist, owner, until: None },
    })
}

/// One page of a worklist. What lies sealed stays so.
///
/// # Errors
/// [`crate::error::Error::Forbidden`] for one without a district; if the database fails.
pub fn page(tx: &mut Tx<'_>, desk: &Desk<'_>, asked: &WorklistPage) -> Result<Listed> {
    let tenant = tenant(desk.errand)?;
    let me = desk.errand.principal.id.to_string();
    let slice = slice(tx.connection, tenant, (asked.worklist, asked.owner.clone()), &me, tx.now)?;
    let mut positions = store::positions(tx.connection, tenant, &slice, asked.after, asked.limit + 1)?;
    let count = store::count(tx.connection, tenant, &slice, COUNTED_UP_TO + 1)?;
    let size = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let more = positions.len() > size;
    positions.truncate(size);
    let next = positions.last().filter(|_| more).copied();
    let ids: Vec<ReferralId> = positions.iter().map(|position| position.referral).collect();
    let mut referrals = super::store::find_all(tx.connection, tenant, &ids)?;
    referrals.sort_by_key(|referral| ids.iter().position(|id| *id == referral.id));
    let mut acts: Vec<Act<'_>> = referrals.iter().map(|referral| act_on(Action::Read, referral)).collect();
    if acts.is_empty() {
        acts.push(Act::done(Action::Read, RESOURCE, None, None));
    }
    record(tx, desk.errand, &acts)?;
    Ok(Listed { referrals, next, count })
}

/// A referral that waits for somebody on a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Which.
    pub referral: ReferralId,
    /// Where.
    pub place: Place,
}

/// What waits for somebody: what stands on the lists, of referrals that they own or stand in for today; of each list up to
/// a bound. What awaits a consent waits for the family, until it is due. It names referrals and opens none, so that
/// nothing of it goes on the record.
///
/// # Errors
/// If the database fails.
pub fn waiting_for(
    connection: &mut DbConnection,
    tenant: &Tenant,
    somebody: &str,
    now: Timestamp,
) -> Result<Vec<Waiting>> {
    let mut waiting = Vec::new();
    for worklist in Worklist::ALL.iter().copied().filter(|list| *list != Worklist::AwaitingConsent) {
        let slice = slice(connection, tenant, (worklist, Some(somebody.to_owned())), somebody, now)?;
        let found = store::positions(connection, tenant, &slice, None, COUNTED_UP_TO)?;
        waiting.extend(
            found
                .into_iter()
                .map(|Position { due_at, referral }| Waiting { referral, place: Place { worklist, due_at } }),
        );
    }
    // What they stand in for is due today by the list itself, and on the others under its owner.
    let (today, _) = today(connection, tenant.district, now)?;
    let covered = store::covered(connection, tenant, somebody, today, COUNTED_UP_TO)?;
    waiting.extend(covered.into_iter().filter(|Waiting { place, .. }| {
        place.worklist != Worklist::AwaitingConsent
            && rules::shown_until(place.worklist, now).is_none_or(|until| place.due_at <= until)
    }));
    Ok(waiting)
}

/// How much there is to do, each counted up to a bound.
pub struct Counts {
    /// Referrals on each worklist.
    pub worklists: Vec<(Worklist, i64)>,
    /// Crisis events that nobody has taken on.
    pub crises: i64,
    /// Pools of the district's partners of which nobody knows any more.
    pub stale: i64,
    /// The district.
    pub district: DistrictId,
}

/// How much there is to do; of referrals, with this owner only if one is named.
///
/// # Errors
/// As [`page`].
pub fn counts(tx: &mut Tx<'_>, desk: &Desk<'_>, owner: Option<&str>) -> Result<Counts> {
    let tenant = tenant(desk.errand)?;
    let me = desk.errand.principal.id.to_string();
    let mut worklists = Vec::with_capacity(Worklist::ALL.len());
    for worklist in Worklist::ALL {
        let asked = (*worklist, owner.map(ToOwned::to_owned));
        let slice = slice(tx.connection, tenant, asked, &me, tx.now)?;
        worklists.push((*worklist, store::count(tx.connection, tenant, &slice, COUNTED_UP_TO + 1)?));
    }
    record(tx, desk.errand, &[Act::done(Action::Read, RESOURCE, None, None)])?;
    let alone = CrisisPage { acknowledged: Some(false), ..CrisisPage::default() };
    let silent = StalePage {
        organization: None,
        partners_of: Some((tenant.district, calendar_date(tx.now))),
        until: tx.now,
        after: None,
        limit: 0,
    };
    Ok(Counts {
        worklists,
        crises: crises::list(tx, desk.errand, &alone)?.count,
        stale: stale(tx.connection, &desk.errand.principal, &silent)?.1,
        district: tenant.district,
    })
}
