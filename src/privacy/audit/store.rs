//! Queries of the audit.

use diesel::prelude::*;

use super::{Act, Errand};
use crate::error::Result;
use crate::store::schema::audit_events as events;
use crate::store::{Tx, on_either, to_sql};

/// Rows in one statement: SQLite takes so many values and not many more.
const CHUNK: usize = 100;

pub(super) fn insert(tx: &mut Tx<'_>, errand: &Errand, acts: &[Act<'_>]) -> Result<()> {
    let district = errand.district().map(|district| district.to_string());
    let principal = errand.principal.id.to_string();
    for chunk in acts.chunks(CHUNK) {
        let rows: Vec<_> = chunk
            .iter()
            .map(|act| {
                (
                    events::at.eq(to_sql(tx.now)),
                    events::district_id.eq(&district),
                    events::principal_id.eq(&principal),
                    events::principal_name.eq(&errand.principal.name),
                    events::role.eq(errand.principal.role.as_str()),
                    events::action.eq(act.action.as_str()),
                    events::purpose.eq(errand.purpose.as_str()),
                    events::resource.eq(act.resource),
                    events::resource_id.eq(act.resource_id.map(|id| id.to_string())),
                    events::student_id.eq(act.student.map(|id| id.to_string())),
                    events::outcome.eq(act.outcome.as_str()),
                    events::request_id.eq(&errand.request),
                    events::digest.eq(&act.digest),
                )
            })
            .collect();
        on_either!(&mut *tx.connection, connection => diesel::insert_into(events::table)
            .values(&rows)
            .execute(connection))?;
    }
    Ok(())
}
