//! Writes what a reader read: parsed and judged before the first write, then committed in short chunks, so
//! that good rows land, a `serve` beside it stays quick, and a repeat is harmless.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use serde::Serialize;
use uuid::Uuid;

use super::hsds::{self, KeptDocument};
use super::reading::{Reading, Reject, Row, Statement};
use crate::directory::{
    self, CapacityPoolFacts, DistrictFacts, Facts, Known, LocationFacts, Method, OfferingFacts,
    OrganizationFacts, SchoolFacts, ServiceFacts, Stated, Voice,
};
use crate::error::Result;
use crate::store::{DbConnection, Store, Tx, in_turns};
use crate::types::PlaceQuality;

/// Rows of one commit at most.
const LARGEST_CHUNK: usize = 200;

/// How an import is done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Nothing is written; the counts say what would be.
    pub dry_run: bool,
    /// Nothing is written if one row is refused.
    pub strict: bool,
}

/// What an import did. Every row read is in exactly one of the four counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Rows read, the header apart.
    pub read: u64,
    /// Rows that stated something new.
    pub created: u64,
    /// Rows that stated something else than before.
    pub updated: u64,
    /// Rows that stated what is known.
    pub unchanged: u64,
    /// Rows that were refused.
    pub rejected: u64,
    /// Refused rows with reasons.
    pub rejects: Vec<RejectedRow>,
    /// What was left out or not understood, and in how many rows.
    pub notes: BTreeMap<String, u64>,
    /// Whether anything was written: not in a dry run, and not when a strict import refused a row.
    pub landed: bool,
}

/// A refused row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RejectedRow {
    /// Its number; the header is 1.
    pub row: u64,
    /// What is wrong with it and what would be right.
    pub reason: String,
    /// Its cells, for the file of rejects.
    #[serde(skip)]
    pub content: Vec<(String, String)>,
}

impl From<Reject> for RejectedRow {
    fn from(Reject { row, reason, content }: Reject) -> Self {
        Self { row, reason, content }
    }
}

/// Writes what `reading` states, as said by `source`. `progress` is told how many rows are done.
///
/// # Errors
/// If the database fails; chunks that were committed before stay, and a repeat takes up from there.
pub fn import(
    store: &Store,
    reading: Reading,
    source: &str,
    options: Options,
    mut progress: impl FnMut(u64),
) -> Result<Summary> {
    let mut summary = Summary {
        read: reading.read,
        notes: reading.notes,
        rejects: reading.rejects.into_iter().map(RejectedRow::from).collect(),
        ..Summary::default()
    };
    let rows = judge(reading.rows, &mut summary.rejects);
    summary.rejected = u64::try_from(summary.rejects.len()).unwrap_or(u64::MAX);
    if options.strict && summary.rejected > 0 {
        return Ok(summary);
    }
    let voice = Voice { method: Method::Import, source: source.to_owned(), by: "causeway import".to_owned() };
    let mut stated: HashSet<Uuid> = HashSet::new();
    in_turns(&rows, LARGEST_CHUNK, |chunk| {
        let (begun, (outcomes, ids)) = if options.dry_run {
            store.read_now(|connection| {
                let begun = Instant::now();
                let known = Everything::known(connection, chunk)?;
                let done = outcomes(chunk, &stated, |statement| known.would_state(statement, &voice))?;
                Ok((begun, done))
            })?
        } else {
            store.write_now(|tx| {
                let begun = Instant::now();
                let known = Everything::known(tx.connection, chunk)?;
                let done = outcomes(chunk, &stated, |statement| known.state(tx, statement, &voice))?;
                Ok((begun, done))
            })?
        };
        stated.extend(ids);
        for outcome in &outcomes {
            match outcome {
                Stated::Created => summary.created += 1,
                Stated::Updated => summary.updated += 1,
                Stated::Unchanged => summary.unchanged += 1,
            }
        }
        progress(u64::try_from(chunk.len()).unwrap_or(0));
        Ok(begun)
    })?;
    summary.landed = !options.dry_run;
    Ok(summary)
}

/// Refuses the rows whose facts are wrong in themselves.
fn judge(rows: Vec<Row>, rejects: &mut Vec<RejectedRow>) -> Vec<Row> {
    let mut good = Vec::with_capacity(rows.len());
    for mut row in rows {
        row.statements.iter_mut().for_each(forget_derived_place);
        let problems: Vec<String> =
            row.statements.iter().flat_map(Statement::problems).map(|problem| problem.to_string()).collect();
        if problems.is_empty() {
            good.push(row);
        } else {
            rejects.push(RejectedRow { row: row.number, reason: problems.join("; "), content: Vec::new() });
        }
    }
    rejects.sort_by_key(|reject| reject.row);
    good
}

/// The centre of a ZIP code is no fact of the source: it is looked up whenever the place is shown, so that
/// better centres place everything anew.
fn forget_derived_place(statement: &mut Statement) {
    let coordinates = match statement {
        Statement::Location(_, facts) => &mut facts.coordinates,
        Statement::School(_, facts) => &mut facts.coordinates,
        _ => return,
    };
    if coordinates.is_some_and(|placement| placement.quality == PlaceQuality::PostalCode) {
        *coordinates = None;
    }
}

/// What each row did. A row is new if the last thing that it states is; what an earlier row stated already
/// (several rows share an organization) is not stated again.
fn outcomes(
    rows: &[Row],
    stated_before: &HashSet<Uuid>,
    mut state: impl FnMut(&Statement) -> Result<Stated>,
) -> Result<(Vec<Stated>, HashSet<Uuid>)> {
    let mut stated_now = HashSet::new();
    let mut outcomes = Vec::with_capacity(rows.len());
    for row in rows {
        let mut outcome = Stated::Unchanged;
        for statement in &row.statements {
            let id = statement.id();
            if stated_before.contains(&id) || !stated_now.insert(id) {
                continue;
            }
            outcome = match (outcome, state(statement)?) {
                (_, Stated::Created) => Stated::Created,
                (Stated::Unchanged, Stated::Unchanged) => Stated::Unchanged,
                (_, Stated::Updated) | (Stated::Created | Stated::Updated, Stated::Unchanged) => {
                    Stated::Updated
                }
            };
        }
        outcomes.push(outcome);
    }
    Ok((outcomes, stated_now))
}

macro_rules! nouns {
    ($($variant:ident: $facts:ty => $field:ident),+ $(,)?) => {
        /// What is known of everything that some rows state.
        struct Everything {
            $($field: HashMap<Uuid, Known<$facts>>,)+
            documents: HashMap<Uuid, KeptDocument>,
        }

        impl Everything {
            fn known(connection: &mut DbConnection, rows: &[Row]) -> Result<Self> {
                $(let mut $field: Vec<<$facts as Facts>::Id> = Vec::new();)+
                let mut documents = Vec::new();
                for statement in rows.iter().flat_map(|row| &row.statements) {
                    match statement {
                        $(Statement::$variant(id, _) => $field.push(*id),)+
                        Statement::Document(document) => documents.push(document.key()),
                    }
                }
                $($field.sort_unstable(); $field.dedup();)+
                Ok(Self {
                    $($field: directory::known::<$facts>(connection, &$field)?,)+
                    documents: hsds::kept(connection, &documents)?,
                })
            }

            fn would_state(&self, statement: &Statement, voice: &Voice) -> Result<Stated> {
                match statement {
                    $(Statement::$variant(id, facts) => {
                        directory::would_state(self.$field.get(&Uuid::from(*id)), facts, voice)
                    })+
                    Statement::Document(document) => {
                        Ok(document.compared_with(self.documents.get(&statement.id())))
                    }
                }
            }

            fn state(&self, tx: &mut Tx<'_>, statement: &Statement, voice: &Voice) -> Result<Stated> {
                match statement {
                    $(Statement::$variant(id, facts) => {
                        directory::state(tx, *id, facts, voice, self.$field.get(&Uuid::from(*id)))
                    })+
                    Statement::Document(document) => {
                        hsds::keep(tx, document, &voice.source, self.documents.get(&statement.id()))
                    }
                }
            }
        }

        impl Statement {
            fn id(&self) -> Uuid {
                match self {
                    $(Self::$variant(id, _) => Uuid::from(*id),)+
                    // Not the id of what it speaks of, which is stated beside it.
                    Self::Document(document) => document.statement_id(),
                }
            }

            fn problems(&self) -> Vec<crate::error::FieldError> {
                match self {
                    $(Self::$variant(_, facts) => facts.problems(),)+
                    Self::Document(_) => Vec::new(),
                }
            }
        }
    };
}

nouns! {
    Organization: OrganizationFacts => organizations,
    Location: LocationFacts => locations,
    Service: ServiceFacts => services,
    CapacityPool: CapacityPoolFacts => capacity_pools,
    InsurancePlan: directory::InsurancePlanFacts => insurance_plans,
    Offering: OfferingFacts => offerings,
    District: DistrictFacts => districts,
    School: SchoolFacts => schools,
    Partnership: directory::PartnershipFacts => partnerships,
}
