//! Where observations are kept.

use std::collections::HashMap;

use diesel::prelude::*;
use jiff::Timestamp;
use uuid::Uuid;

use super::{LOOKED_BACK, Observation, ObservationKind};
use crate::availability::track::{Times, TrackRecord};
use crate::directory::parse_id;
use crate::error::{Error, Result};
use crate::store::schema::observations;
use crate::store::{DbConnection, to_sql};
use crate::types::CapacityPoolId;

/// Of one pool, no more than the latest of these count.
const MOST_OF_A_POOL: usize = 1_000;

pub(super) fn insert(
    connection: &mut DbConnection,
    observation: &Observation,
    by: &str,
    now: Timestamp,
) -> Result<()> {
    let Observation { capacity_pool_id, kind, held, hours_to_reply, days_to_first_appointment, observed_at } =
        observation;
    diesel::insert_into(observations::table)
        .values((
            observations::id.eq(Uuid::now_v7().to_string()),
            observations::capacity_pool_id.eq(capacity_pool_id.to_string()),
            observations::kind.eq(kind.as_str()),
            observations::held.eq(held),
            observations::elapsed.eq(hours_to_reply.or(*days_to_first_appointment)),
            observations::observed_at.eq(to_sql(observed_at.unwrap_or(now))),
            observations::recorded_at.eq(to_sql(now)),
            observations::reported_by.eq(by),
        ))
        .execute(connection)?;
    Ok(())
}

/// What was observed of each of these pools in the year before `now`; none of one of which nothing was.
pub(crate) fn track_records(
    connection: &mut DbConnection,
    pools: &[CapacityPoolId],
    now: Timestamp,
) -> Result<HashMap<CapacityPoolId, TrackRecord>> {
    type Row = (String, String, Option<bool>, Option<f64>);
    let mut seen: HashMap<CapacityPoolId, Vec<Seen>> = HashMap::new();
    for chunk in pools.chunks(500) {
        let pools: Vec<String> = chunk.iter().map(ToString::to_string).collect();
        let rows: Vec<Row> = observations::table
            .filter(observations::capacity_pool_id.eq_any(&pools))
            .filter(observations::observed_at.ge(to_sql(now - LOOKED_BACK)))
            .order(observations::observed_at.desc())
            .select((
                observations::capacity_pool_id,
                observations::kind,
                observations::held,
                observations::elapsed,
            ))
            .load(connection)?;
        for (pool, kind, held, elapsed) in rows {
            let kind = kind.parse().map_err(|unknown| Error::internal("reading an observation", unknown))?;
            let of_pool = seen.entry(parse_id(&pool)?).or_default();
            if of_pool.len() < MOST_OF_A_POOL {
                of_pool.push(Seen { kind, held, elapsed });
            }
        }
    }
    Ok(seen.into_iter().map(|(pool, seen)| (pool, summed(&seen))).collect())
}

struct Seen {
    kind: ObservationKind,
    held: Option<bool>,
    elapsed: Option<f64>,
}

fn summed(seen: &[Seen]) -> TrackRecord {
    let of = |kind| seen.iter().filter(move |one| one.kind == kind);
    let tally = |kind| {
        let mut tally = super::super::track::Tally::default();
        for held in of(kind).filter_map(|one| one.held) {
            tally.count(held);
        }
        tally
    };
    let times = |kind| Times::of(of(kind).filter_map(|one| one.elapsed));
    TrackRecord {
        calls: tally(ObservationKind::Call),
        acceptances: tally(ObservationKind::Offer),
        reply_hours: times(ObservationKind::Offer),
        first_appointment_days: times(ObservationKind::FirstAppointment),
        appointments_kept: tally(ObservationKind::Appointment),
        claims_honoured: tally(ObservationKind::Claim),
    }
}
