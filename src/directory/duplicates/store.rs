//! Where it is kept that two organizations are not the same.

use diesel::prelude::*;

use super::Dismissal;
use crate::directory::parse_id;
use crate::error::Result;
use crate::store::schema::duplicate_dismissals;
use crate::store::{DbConnection, from_sql, on_either, to_sql};

/// Keeps a dismissal; says whether the pair was not dismissed before.
pub(super) fn keep(connection: &mut DbConnection, dismissal: &Dismissal) -> Result<bool> {
    let values = (
        duplicate_dismissals::organization_id.eq(dismissal.organization_id.to_string()),
        duplicate_dismissals::other_id.eq(dismissal.other_id.to_string()),
        duplicate_dismissals::dismissed_at.eq(to_sql(dismissal.dismissed_at)),
        duplicate_dismissals::dismissed_by.eq(&dismissal.dismissed_by),
    );
    let kept = on_either!(connection, connection => diesel::insert_into(duplicate_dismissals::table)
        .values(values)
        .on_conflict_do_nothing()
        .execute(connection))?;
    Ok(kept == 1)
}

/// Every dismissal.
pub(super) fn dismissals(connection: &mut DbConnection) -> Result<Vec<Dismissal>> {
    type Row = (String, String, chrono::NaiveDateTime, String);
    let rows = duplicate_dismissals::table.load::<Row>(connection)?;
    rows.into_iter()
        .map(|(organization, other, at, dismissed_by)| {
            Ok(Dismissal {
                organization_id: parse_id(&organization)?,
                other_id: parse_id(&other)?,
                dismissed_at: from_sql(at),
                dismissed_by,
            })
        })
        .collect()
}
