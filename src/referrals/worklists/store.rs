//! Queries of worklists, each along an index of migration `0017_worklists`, on behalf of a tenant.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::Integer;
use jiff::Timestamp;
use jiff::civil::Date;

use super::{Place, Position, Waiting, Worklist};
use crate::directory::parse_id;
use crate::error::{Error, Result};
use crate::referrals::model::Referral;
use crate::store::schema::{referrals, worklist_places as places};
use crate::store::{DbConnection, Tenant, Tx, date_to_sql, from_sql, to_sql};

/// What is asked for.
pub(super) enum Slice {
    /// What is due before an instant of referrals that somebody owns or, on this day, stands in for.
    Due { of: String, before: Timestamp, today: Date },
    /// The places on a list, up to an instant.
    Kept { worklist: Worklist, owner: Option<String>, until: Option<Timestamp> },
}

/// Whether somebody's own referrals are meant, or those that they stand in for.
#[derive(Clone, Copy)]
enum Part {
    Own,
    Covered,
}

/// Of some schools only, if the tenant is so. Of a single one, which most coordinators have, an index has them in order.
macro_rules! of_schools {
    ($query:expr, $school:expr, $tenant:expr) => {{
        let query = $query;
        match $tenant.schools.as_slice() {
            [] => query,
            [only] => query.filter($school.assume_not_null().eq(only.to_string())),
            schools => {
                let schools: Vec<String> = schools.iter().map(ToString::to_string).collect();
                query.filter($school.assume_not_null().eq_any(schools))
            }
        }
    }};
}

/// What is behind a position. The first condition follows from the second; it is what the index is asked by.
macro_rules! behind {
    ($query:expr, $due:expr, $id:expr, $after:expr) => {{
        let mut query = $query;
        if let Some(Position { due_at, referral }) = $after {
            let at = to_sql(due_at);
            query = query
                .filter($due.ge(at))
                .filter($due.gt(at).or($due.eq(at).and($id.gt(referral.to_string()))));
        }
        query
    }};
}

macro_rules! kept {
    ($tenant:expr, $worklist:expr, $owner:expr, $until:expr) => {{
        let mut query = places::table
            .filter(places::district_id.eq($tenant.district.to_string()))
            .filter(places::worklist.eq($worklist.as_str()))
            .into_boxed();
        if let Some(owner) = $owner {
            query = query.filter(places::owner_id.eq(owner.clone()));
        }
        if let Some(until) = $until {
            query = query.filter(places::due_at.le(to_sql(*until)));
        }
        of_schools!(query, places::school_id, $tenant)
    }};
}

macro_rules! due {
    ($tenant:expr, $part:expr, $of:expr, $before:expr, $today:expr) => {{
        let due_at = referrals::due_at.assume_not_null();
        let query = referrals::table
            .filter(referrals::district_id.eq($tenant.district.to_string()))
            .filter(due_at.lt(to_sql(*$before)))
            .into_boxed();
        let query = match $part {
            Part::Own => query.filter(referrals::owner_id.eq($of.clone())),
            Part::Covered => {
                let is_covered = referrals::cover_until
                    .is_null()
                    .or(referrals::cover_until.assume_not_null().ge(date_to_sql(*$today)));
                query
                    .filter(referrals::cover_id.assume_not_null().eq($of.clone()))
                    .filter(referrals::owner_id.ne($of.clone()))
                    .filter(is_covered)
            }
        };
        of_schools!(query, referrals::school_id, $tenant)
    }};
}

/// The first so many behind a position, in order.
pub(super) fn positions(
    connection: &mut DbConnection,
    tenant: &Tenant,
    slice: &Slice,
    after: Option<Position>,
    limit: i64,
) -> Result<Vec<Position>> {
    let read = |(due_at, id): (NaiveDateTime, String)| {
        Ok(Position { due_at: from_sql(due_at), referral: parse_id(&id)? })
    };
    match slice {
        Slice::Kept { worklist, owner, until } => {
            let query = kept!(tenant, worklist, owner, until);
            let query = behind!(query, places::due_at, places::referral_id, after)
                .order((places::due_at, places::referral_id))
                .limit(limit)
                .select((places::due_at, places::referral_id));
            query.load(connection)?.into_iter().map(read).collect()
        }
        Slice::Due { of, before, today } => {
            let mut found = Vec::new();
            // Two looks, each along an index of its own.
            for part in [Part::Own, Part::Covered] {
                let due_at = referrals::due_at.assume_not_null();
                let query = due!(tenant, part, of, before, today);
                let query = behind!(query, due_at, referrals::id, after)
                    .order((due_at, referrals::id))
                    .limit(limit)
                    .select((due_at, referrals::id));
                for row in query.load(connection)? {
                    found.push(read(row)?);
                }
            }
            found.sort_unstable();
            found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            Ok(found)
        }
    }
}

/// How many there are, counted up to a bound; in order, so that they are read along the index here too.
pub(super) fn count(
    connection: &mut DbConnection,
    tenant: &Tenant,
    slice: &Slice,
    up_to: i64,
) -> Result<i64> {
    let one = 1.into_sql::<Integer>();
    let rows: usize = match slice {
        Slice::Kept { worklist, owner, until } => {
            let query = kept!(tenant, worklist, owner, until)
                .order((places::due_at, places::referral_id))
                .limit(up_to)
                .select(one);
            query.load::<i32>(connection)?.len()
        }
        Slice::Due { of, before, today } => {
            let mut rows = 0;
            for part in [Part::Own, Part::Covered] {
                let due_at = referrals::due_at.assume_not_null();
                let query = due!(tenant, part, of, before, today)
                    .order((due_at, referrals::id))
                    .limit(up_to)
                    .select(one);
                rows += query.load::<i32>(connection)?.len();
            }
            rows
        }
    };
    Ok(i64::try_from(rows).unwrap_or(up_to).min(up_to))
}

/// Where referrals stand that somebody stands in for on this day, and does not own.
pub(super) fn covered(
    connection: &mut DbConnection,
    tenant: &Tenant,
    of: &str,
    today: Date,
    up_to: i64,
) -> Result<Vec<Waiting>> {
    let is_covered =
        referrals::cover_until.is_null().or(referrals::cover_until.assume_not_null().ge(date_to_sql(today)));
    let query = referrals::table
        .filter(referrals::district_id.eq(tenant.district.to_string()))
        .filter(referrals::cover_id.assume_not_null().eq(of.to_owned()))
        .filter(referrals::owner_id.ne(of.to_owned()))
        .filter(is_covered)
        .into_boxed();
    let ids: Vec<String> = of_schools!(query, referrals::school_id, tenant)
        .order((referrals::due_at, referrals::id))
        .limit(up_to)
        .select(referrals::id)
        .load(connection)?;
    let mut found = Vec::new();
    for chunk in ids.chunks(500) {
        let rows: Vec<(String, String, NaiveDateTime)> = places::table
            .filter(places::district_id.eq(tenant.district.to_string()))
            .filter(places::referral_id.eq_any(chunk))
            .order((places::referral_id, places::worklist))
            .select((places::referral_id, places::worklist, places::due_at))
            .load(connection)?;
        for (referral, worklist, due_at) in rows {
            let damaged =
                |_| Error::internal(format!("reading where {referral} stands"), "the list is damaged");
            let place = Place { worklist: worklist.parse().map_err(damaged)?, due_at: from_sql(due_at) };
            found.push(Waiting { referral: parse_id(&referral)?, place });
        }
    }
    Ok(found)
}

/// Writes where a referral stands in place of where it stood.
pub(in crate::referrals) fn replace(tx: &mut Tx<'_>, tenant: &Tenant, referral: &Referral) -> Result<()> {
    let of_referral = places::table
        .filter(places::referral_id.eq(referral.id.to_string()))
        .filter(places::district_id.eq(tenant.district.to_string()));
    diesel::delete(of_referral).execute(tx.connection)?;
    for place in &referral.plan.worklists {
        diesel::insert_into(places::table)
            .values((
                places::referral_id.eq(referral.id.to_string()),
                places::worklist.eq(place.worklist.as_str()),
                places::district_id.eq(tenant.district.to_string()),
                places::school_id.eq(referral.school.map(|school| school.to_string())),
                places::owner_id.eq(&referral.plan.owner.id),
                places::due_at.eq(to_sql(place.due_at)),
            ))
            .execute(tx.connection)?;
    }
    Ok(())
}
