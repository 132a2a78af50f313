//! The demonstration directory of `seed-data/demonstration`: small, fictional, embedded.

use jiff::SignedDuration;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::importer::{Options, Summary, import};
use super::reading::{Reading, Row, Statement};
use super::towns;
use crate::availability::{ClaimMethod, ClaimReport};
use crate::directory::{Facts, Method, Voice, parse};
use crate::error::{Error, Result};
use crate::store::Store;
use crate::types::{AvailabilityStatus, CapacityPoolId, calendar_date};

/// A claim of the demonstration, in days from when it is loaded.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct DemonstrationClaim {
    capacity_pool_id: CapacityPoolId,
    status: AvailabilityStatus,
    open_slots: Option<u32>,
    waiting: Option<u32>,
    starts_last_28_days: Option<u32>,
    /// Counted from the report.
    next_available_in_days: Option<i64>,
    notes: Option<String>,
    method: ClaimMethod,
    reported_days_ago: i64,
    valid_days: i64,
}

macro_rules! embedded {
    ($name:literal) => {
        ($name, include_str!(concat!("../../seed-data/demonstration/", $name, ".json")))
    };
}

fn read<T: DeserializeOwned>((name, json): (&str, &str)) -> Result<Vec<T>> {
    serde_json::from_str(json)
        .map_err(|source| Error::internal(format!("reading the demonstration's {name}"), source))
}

fn statements<F: Facts>(
    file: (&str, &str),
    statement: fn(F::Id, F) -> Statement,
    rows: &mut Vec<Row>,
) -> Result<()> {
    for mut document in read::<serde_json::Value>(file)? {
        let id = document.as_object_mut().and_then(|fields| fields.remove("id"));
        let id: Uuid = id.and_then(|id| id.as_str().and_then(|id| id.parse().ok())).ok_or_else(|| {
            Error::internal("reading the demonstration", format!("{}: a row has no id", file.0))
        })?;
        let number = u64::try_from(rows.len()).unwrap_or(0) + 1;
        rows.push(Row { number, statements: vec![statement(F::Id::from(id), parse(document)?)] });
    }
    Ok(())
}

/// Loads the towns as `import` does.
fn load_towns(store: &Store) -> Result<()> {
    let file = include_bytes!("../../seed-data/demonstration/towns.geojson");
    let reading = towns::parse(file, None)
        .map_err(|source| Error::internal("reading the demonstration's towns", source))?;
    let summary = towns::import(store, reading, Options { strict: true, ..Options::default() }, |_| {})?;
    match summary.rejects.first() {
        Some(reject) => Err(Error::internal("loading the demonstration's towns", reject.reason.clone())),
        None => Ok(()),
    }
}

/// Loads the demonstration into `store`.
///
/// # Errors
/// If the database fails. The embedded files are right; a test loads them.
pub fn load(store: &Store) -> Result<Summary> {
    load_towns(store)?;
    let mut rows = Vec::new();
    statements(embedded!("organizations"), Statement::Organization, &mut rows)?;
    statements(embedded!("districts"), Statement::District, &mut rows)?;
    statements(embedded!("schools"), Statement::School, &mut rows)?;
    statements(embedded!("insurance_plans"), Statement::InsurancePlan, &mut rows)?;
    statements(embedded!("locations"), Statement::Location, &mut rows)?;
    statements(embedded!("services"), Statement::Service, &mut rows)?;
    statements(embedded!("partnerships"), Statement::Partnership, &mut rows)?;
    statements(embedded!("capacity_pools"), Statement::CapacityPool, &mut rows)?;
    statements(embedded!("offerings"), Statement::Offering, &mut rows)?;
    let reading = Reading { read: u64::try_from(rows.len()).unwrap_or(0), rows, ..Reading::default() };
    let summary =
        import(store, reading, "demonstration", Options { strict: true, ..Options::default() }, |_| {})?;
    if let Some(reject) = summary.rejects.first() {
        let reason = format!("row {}: {}", reject.row, reject.reason);
        return Err(Error::internal("loading the demonstration", reason));
    }
    let claims: Vec<DemonstrationClaim> = read(embedded!("claims"))?;
    store.write_now(move |tx| {
        let loaded_at = tx.now;
        for claim in &claims {
            // Each is reported on its own day, so that the demonstration has claims that have lapsed.
            tx.now = loaded_at - SignedDuration::from_hours(24 * claim.reported_days_ago);
            let in_days = |days: i64| tx.now + SignedDuration::from_hours(24 * days);
            let report = ClaimReport {
                status: claim.status,
                open_slots: claim.open_slots,
                waiting: claim.waiting,
                starts_last_28_days: claim.starts_last_28_days,
                next_available_date: claim.next_available_in_days.map(|days| calendar_date(in_days(days))),
                notes: claim.notes.clone(),
                reported_at: Some(tx.now),
                method: Some(claim.method),
                valid_until: Some(in_days(claim.valid_days)),
            };
            let voice =
                Voice { method: Method::Agency, source: "demonstration".to_owned(), by: "demo".to_owned() };
            crate::availability::report(tx, claim.capacity_pool_id, &report, &voice)?;
        }
        Ok(())
    })?;
    Ok(summary)
}
