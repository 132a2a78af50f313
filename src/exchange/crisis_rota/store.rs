//! Where rotas are kept and who was told; and which reports are due, which the clock asks across districts.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use jiff::Timestamp;

use super::rota::{Called, Rota};
use super::{Escalation, Position};
use crate::directory::parse_id;
use crate::error::{Error, Result};
use crate::store::schema::{
    crisis_escalations as escalations, crisis_events as events, crisis_rotas as rotas, outbox,
};
use crate::store::{DbConnection, Tx, from_sql, on_either, to_sql};
use crate::types::{CrisisEventId, DistrictId, MessageId, derived_uuid};

// ---- rotas -------------------------------------------------------------------------------------------------

/// The rota of a district; an empty one if there is none.
pub(super) fn find(connection: &mut DbConnection, district: DistrictId) -> Result<Rota> {
    let row: Option<(i64, String, NaiveDateTime)> = rotas::table
        .find(district.to_string())
        .select((rotas::version, rotas::document, rotas::changed_at))
        .first(connection)
        .optional()?;
    let Some((version, document, changed_at)) = row else {
        return Ok(Rota { district, version: 0, steps: Vec::new(), changed_at: None });
    };
    let steps = serde_json::from_str(&document)
        .map_err(|source| Error::internal(format!("reading the rota of {district}"), source))?;
    Ok(Rota { district, version, steps, changed_at: Some(from_sql(changed_at)) })
}

/// Writes it in the place of the version before.
///
/// # Errors
/// [`Error::Contended`] if somebody else was faster.
pub(super) fn put(tx: &mut Tx<'_>, next: &Rota, by: &str) -> Result<()> {
    let district = next.district.to_string();
    let document =
        serde_json::to_string(&next.steps).map_err(|source| Error::internal("writing a rota", source))?;
    let values = (
        rotas::version.eq(next.version),
        rotas::document.eq(document),
        rotas::changed_by.eq(by),
        rotas::changed_at.eq(to_sql(tx.now)),
    );
    let before = rotas::table.find(district.clone()).filter(rotas::version.eq(next.version - 1));
    let written = if next.version > 1 {
        diesel::update(before).set(values).execute(tx.connection)?
    } else {
        on_either!(&mut *tx.connection, connection => diesel::insert_into(rotas::table)
            .values((rotas::district_id.eq(district), values))
            .on_conflict_do_nothing()
            .execute(connection))?
    };
    if written == 1 { Ok(()) } else { Err(Error::Contended) }
}

// ---- reports that nobody has acknowledged ------------------------------------------------------------------

/// A report on which the next is told.
pub(super) struct Open {
    pub(super) reported_at: Timestamp,
    pub(super) due_at: Timestamp,
}

/// Reports of every district on which the next is to be told, the longest due first: for the clock.
pub(super) fn due(
    connection: &mut DbConnection,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(CrisisEventId, DistrictId)>> {
    let rows: Vec<(String, String)> = events::table
        .filter(events::due_at.le(to_sql(now)))
        .order((events::due_at, events::id))
        .limit(limit)
        .select((events::id, events::district_id))
        .load(connection)?;
    rows.into_iter().map(|(id, district)| Ok((parse_id(&id)?, parse_id(&district)?))).collect()
}

/// A report of a district, if the next is to be told of it.
pub(super) fn open(
    connection: &mut DbConnection,
    district: DistrictId,
    event: CrisisEventId,
) -> Result<Option<Open>> {
    let found: Option<(NaiveDateTime, Option<NaiveDateTime>)> = events::table
        .find(event.to_string())
        .filter(events::district_id.eq(district.to_string()))
        .select((events::reported_at, events::due_at))
        .first(connection)
        .optional()?;
    Ok(found.and_then(|(reported_at, due_at)| {
        Some(Open { reported_at: from_sql(reported_at), due_at: from_sql(due_at?) })
    }))
}

/// The district of a report that nobody has acknowledged: for the clock.
pub(super) fn district_of_open(
    connection: &mut DbConnection,
    event: CrisisEventId,
) -> Result<Option<DistrictId>> {
    let found: Option<String> = events::table
        .find(event.to_string())
        .filter(events::acknowledged_at.is_null())
        .select(events::district_id)
        .first(connection)
        .optional()?;
    found.map(|district| parse_id(&district)).transpose()
}

/// Moves the time at which a report is due; false if it was moved already.
pub(super) fn postpone(
    tx: &mut Tx<'_>,
    district: DistrictId,
    event: CrisisEventId,
    from: Timestamp,
    to: Option<Timestamp>,
) -> Result<bool> {
    let as_it_was = events::table
        .find(event.to_string())
        .filter(events::district_id.eq(district.to_string()))
        .filter(events::due_at.eq(to_sql(from)));
    let moved = diesel::update(as_it_was).set(events::due_at.eq(to.map(to_sql))).execute(tx.connection)?;
    Ok(moved == 1)
}

/// Has a report be due now that was to be later.
pub(super) fn hasten(tx: &mut Tx<'_>, district: DistrictId, event: CrisisEventId) -> Result<()> {
    let now = to_sql(tx.now);
    let later = events::table
        .find(event.to_string())
        .filter(events::district_id.eq(district.to_string()))
        .filter(events::due_at.gt(now));
    diesel::update(later).set(events::due_at.eq(now)).execute(tx.connection)?;
    Ok(())
}

// ---- who was told ------------------------------------------------------------------------------------------

/// Who was told of a report, in order, and how far each message has come.
pub(super) fn escalations(
    connection: &mut DbConnection,
    district: DistrictId,
    event: CrisisEventId,
) -> Result<Vec<Escalation>> {
    type Row = ((i32, i32, i32), (Option<String>, Option<String>), NaiveDateTime, Option<String>);
    let rows: Vec<Row> = escalations::table
        .left_join(outbox::table.on(escalations::message_id.eq(outbox::id.nullable())))
        .filter(escalations::event_id.eq(event.to_string()))
        .filter(escalations::district_id.eq(district.to_string()))
        .order(escalations::number)
        .select((
            (escalations::number, escalations::round, escalations::step),
            (escalations::membership_id, escalations::name),
            escalations::told_at,
            outbox::status.nullable(),
        ))
        .load(connection)?;
    rows.into_iter()
        .map(|((number, round, step), (membership, name), at, status)| {
            let damaged =
                |_| Error::internal(format!("reading who was told of {event}"), "a code is damaged");
            Ok(Escalation {
                number,
                round,
                step,
                membership: membership.as_deref().map(parse_id).transpose()?,
                name,
                message: status.as_deref().map(str::parse).transpose().map_err(damaged)?,
                at: from_sql(at),
            })
        })
        .collect()
}

/// The number and the place of the last who was told.
pub(super) fn last(
    connection: &mut DbConnection,
    district: DistrictId,
    event: CrisisEventId,
) -> Result<Option<(i32, Position)>> {
    let last: Option<(i32, i32, i32)> = escalations::table
        .filter(escalations::event_id.eq(event.to_string()))
        .filter(escalations::district_id.eq(district.to_string()))
        .order(escalations::number.desc())
        .select((escalations::number, escalations::round, escalations::step))
        .first(connection)
        .optional()?;
    Ok(last.map(|(number, round, step)| (number, Position { round, step })))
}

/// Adds who was told, and by which message; none if nobody could be.
pub(super) fn insert(
    tx: &mut Tx<'_>,
    district: DistrictId,
    event: CrisisEventId,
    number: i32,
    position: Position,
    told: Option<(&Called, MessageId)>,
) -> Result<()> {
    let id = derived_uuid("crisis-escalation", &[&event.to_string(), &number.to_string()]);
    let somebody = told.map(|(called, _)| called);
    diesel::insert_into(escalations::table)
        .values((
            escalations::id.eq(id.to_string()),
            escalations::event_id.eq(event.to_string()),
            escalations::number.eq(number),
            escalations::district_id.eq(district.to_string()),
            escalations::round.eq(position.round),
            escalations::step.eq(position.step),
            escalations::membership_id
                .eq(somebody.and_then(|called| called.membership).map(|membership| membership.to_string())),
            escalations::name.eq(somebody.map(|called| called.name.clone())),
            escalations::message_id.eq(told.map(|(_, message)| message.to_string())),
            escalations::told_at.eq(to_sql(tx.now)),
        ))
        .execute(tx.connection)?;
    Ok(())
}
