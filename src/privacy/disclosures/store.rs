//! Queries of disclosures. Each takes the tenant on whose behalf it is made.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use jiff::Timestamp;
use uuid::Uuid;

use super::Disclosure;
use crate::error::{Error, Result};
use crate::store::schema::disclosures;
use crate::store::{DbConnection, Tenant, Tx, from_sql, to_sql};
use crate::types::{DisclosureId, DistrictId, StudentId};

/// Counted up to one more than this.
const COUNTED_UP_TO: i64 = 1_000;

/// A disclosure as the database has it.
pub(super) struct Row {
    pub(super) id: DisclosureId,
    pub(super) student: StudentId,
    pub(super) district: DistrictId,
    pub(super) released_at: Timestamp,
    pub(super) document: String,
}

type Columns = (String, String, String, NaiveDateTime, String);

/// Which disclosures to list.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Only those of this student.
    pub student: Option<StudentId>,
    /// From this instant on.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
    /// Behind this one.
    pub after: Option<DisclosureId>,
    /// At most so many.
    pub limit: i64,
}

pub(super) fn insert(
    tx: &mut Tx<'_>,
    tenant: &Tenant,
    disclosure: &Disclosure,
    organization: Option<&str>,
    document: &str,
    sealed: Option<&[u8]>,
) -> Result<()> {
    diesel::insert_into(disclosures::table)
        .values((
            disclosures::id.eq(disclosure.id.to_string()),
            disclosures::student_id.eq(disclosure.student.to_string()),
            disclosures::district_id.eq(tenant.district.to_string()),
            disclosures::recipient_organization_id.eq(organization),
            disclosures::released_at.eq(to_sql(disclosure.released_at)),
            disclosures::document.eq(document),
            disclosures::sealed.eq(sealed),
        ))
        .execute(tx.connection)?;
    Ok(())
}

pub(super) fn list(
    connection: &mut DbConnection,
    tenant: &Tenant,
    filter: &Filter,
) -> Result<(Vec<Row>, i64)> {
    macro_rules! filtered {
        () => {{
            let mut query = disclosures::table
                .filter(disclosures::district_id.eq(tenant.district.to_string()))
                .into_boxed();
            if let Some(student) = filter.student {
                query = query.filter(disclosures::student_id.eq(student.to_string()));
            }
            if let Some(since) = filter.since {
                query = query.filter(disclosures::released_at.ge(to_sql(since)));
            }
            if let Some(until) = filter.until {
                query = query.filter(disclosures::released_at.lt(to_sql(until)));
            }
            query
        }};
    }
    let counted: Vec<String> =
        filtered!().select(disclosures::id).limit(COUNTED_UP_TO + 1).load(connection)?;
    let mut query = filtered!().order(disclosures::id).limit(filter.limit).select((
        disclosures::id,
        disclosures::student_id,
        disclosures::district_id,
        disclosures::released_at,
        disclosures::document,
    ));
    if let Some(after) = filter.after {
        query = query.filter(disclosures::id.gt(after.to_string()));
    }
    let read = |(id, student, district, released_at, document): Columns| {
        let parse = |text: &str| {
            text.parse::<Uuid>()
                .map_err(|source| Error::internal(format!("reading the disclosure {id}"), source))
        };
        Ok(Row {
            id: DisclosureId(parse(&id)?),
            student: StudentId(parse(&student)?),
            district: DistrictId(parse(&district)?),
            released_at: from_sql(released_at),
            document,
        })
    };
    let rows = query.load::<Columns>(connection)?.into_iter().map(read).collect::<Result<_>>()?;
    Ok((rows, i64::try_from(counted.len()).unwrap_or(i64::MAX)))
}
