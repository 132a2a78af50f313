//! Where contact attempts are kept.

use diesel::prelude::*;
use jiff::Timestamp;

use super::model::ContactAttempt;
use crate::directory::{COUNTED_UP_TO, parse_id};
use crate::error::{Error, Result};
use crate::store::schema::contact_attempts;
use crate::store::{DbConnection, from_sql, to_sql};
use crate::types::{CapacityPoolId, ContactAttemptId};

/// What a list of attempts asks for.
#[derive(Clone, Debug)]
pub struct ContactPage {
    /// To which pool.
    pub capacity_pool_id: CapacityPoolId,
    /// Only calls from then on.
    pub since: Option<Timestamp>,
    /// Only attempts behind this one.
    pub after: Option<(Timestamp, ContactAttemptId)>,
    /// How many.
    pub limit: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = contact_attempts)]
struct Row {
    id: String,
    capacity_pool_id: String,
    offering_id: Option<String>,
    outcome: String,
    phone: Option<String>,
    language: Option<String>,
    notes: Option<String>,
    attempted_at: chrono::NaiveDateTime,
    recorded_at: chrono::NaiveDateTime,
    attempted_by: String,
    district_id: Option<String>,
    claim_id: Option<String>,
}

pub(super) fn insert(connection: &mut DbConnection, attempt: &ContactAttempt) -> Result<()> {
    let ContactAttempt {
        id,
        capacity_pool_id,
        offering_id,
        outcome,
        phone,
        language,
        notes,
        attempted_at,
        recorded_at,
        attempted_by,
        district_id,
        claim_id,
    } = attempt;
    diesel::insert_into(contact_attempts::table)
        .values((
            contact_attempts::id.eq(id.to_string()),
            contact_attempts::capacity_pool_id.eq(capacity_pool_id.to_string()),
            contact_attempts::offering_id.eq(offering_id.map(|id| id.to_string())),
            contact_attempts::outcome.eq(outcome.as_str()),
            contact_attempts::phone.eq(phone.as_ref().map(ToString::to_string)),
            contact_attempts::language.eq(language.as_ref().map(ToString::to_string)),
            contact_attempts::notes.eq(notes),
            contact_attempts::attempted_at.eq(to_sql(*attempted_at)),
            contact_attempts::recorded_at.eq(to_sql(*recorded_at)),
            contact_attempts::attempted_by.eq(attempted_by),
            contact_attempts::district_id.eq(district_id.map(|id| id.to_string())),
            contact_attempts::claim_id.eq(claim_id.map(|id| id.to_string())),
        ))
        .execute(connection)?;
    Ok(())
}

/// One page, the latest first, and how many there are in all.
pub(super) fn page(connection: &mut DbConnection, page: &ContactPage) -> Result<(Vec<ContactAttempt>, i64)> {
    let ContactPage { capacity_pool_id, since, after, limit } = page;
    macro_rules! of_pool {
        ($query:expr) => {{
            let mut query =
                $query.filter(contact_attempts::capacity_pool_id.eq(capacity_pool_id.to_string()));
            if let Some(since) = since {
                query = query.filter(contact_attempts::attempted_at.ge(to_sql(*since)));
            }
            query
        }};
    }
    let mut query = of_pool!(contact_attempts::table.select(Row::as_select()).into_boxed())
        .order((contact_attempts::attempted_at.desc(), contact_attempts::id.desc()))
        .limit(*limit);
    if let Some((at, id)) = after {
        query =
            query.filter(contact_attempts::attempted_at.lt(to_sql(*at)).or(
                contact_attempts::attempted_at.eq(to_sql(*at)).and(contact_attempts::id.lt(id.to_string())),
            ));
    }
    let rows: Vec<Row> = query.load(connection)?;
    let counted: Vec<String> = of_pool!(contact_attempts::table.select(contact_attempts::id).into_boxed())
        .limit(COUNTED_UP_TO + 1)
        .load(connection)?;
    let attempts = rows.into_iter().map(read).collect::<Result<_>>()?;
    Ok((attempts, i64::try_from(counted.len()).unwrap_or(i64::MAX)))
}

fn read(row: Row) -> Result<ContactAttempt> {
    let damaged = |what: &str| Error::internal("reading a contact attempt", format!("its {what} is damaged"));
    Ok(ContactAttempt {
        id: parse_id(&row.id)?,
        capacity_pool_id: parse_id(&row.capacity_pool_id)?,
        offering_id: row.offering_id.as_deref().map(parse_id).transpose()?,
        outcome: row.outcome.parse().map_err(|_| damaged("outcome"))?,
        phone: row.phone.map(Into::into),
        language: row.language.map(|tag| tag.parse()).transpose().map_err(|_| damaged("language"))?,
        notes: row.notes,
        attempted_at: from_sql(row.attempted_at),
        recorded_at: from_sql(row.recorded_at),
        attempted_by: row.attempted_by,
        district_id: row.district_id.as_deref().map(parse_id).transpose()?,
        claim_id: row.claim_id.as_deref().map(parse_id).transpose()?,
    })
}
