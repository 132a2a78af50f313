//! `causeway doctor`: whether the database is as it should be.

use std::process::ExitCode;

use serde::Serialize;

use super::progress;
use crate::access::keys::{self, SigningKeySurvey};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::privacy::audit::inspection::{Head, Inspection, inspect};
use crate::privacy::vault::{KeySurvey, Vault};
use crate::store::{Store, StoreOptions, Tenancy};
use crate::types::Clock;

/// What `doctor` takes.
#[derive(clap::Args)]
pub(super) struct Arguments {
    /// A head of the chain that was noted before: it must still be there.
    #[arg(long, value_name = "NUMBER:DIGEST")]
    head: Option<Head>,
    /// How the report is written.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// What was found.
#[derive(Serialize)]
struct Report {
    /// Whether nothing is wrong.
    healthy: bool,
    database: String,
    /// Whether the schema is that of this version; if not, nothing else was looked at.
    schema_is_current: bool,
    keys: KeySurvey,
    signing_keys: SigningKeySurvey,
    /// None if the keys of the chain do not open.
    audit: Option<Inspection>,
    /// What is wrong, in words.
    problems: Vec<String>,
    /// What is not wrong and wants to be done.
    advice: Vec<String>,
}

/// Looks at everything and says what it found.
pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<ExitCode> {
    let report = examine(config, arguments)?;
    match arguments.format {
        Format::Json => {
            let json = serde_json::to_string(&report)
                .map_err(|source| Error::internal("writing the report", source))?;
            println!("{json}");
        }
        Format::Text => print(&report),
    }
    Ok(if report.healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn examine(config: &Config, arguments: &Arguments) -> Result<Report> {
    let url = config.database()?;
    let mut report = Report {
        healthy: false,
        database: url.to_string(),
        schema_is_current: false,
        keys: KeySurvey::default(),
        signing_keys: SigningKeySurvey::default(),
        audit: None,
        problems: Vec::new(),
        advice: Vec::new(),
    };
    let options = StoreOptions { connections: 1, ..StoreOptions::default() };
    let store = match Store::open(url, options, Clock::System) {
        Ok(store) => store,
        Err(Error::Setup(problem)) => {
            report.problems.push(problem);
            return Ok(report);
        }
        Err(error) => return Err(error),
    };
    report.schema_is_current = true;
    let masters = &config.access.master_keys;
    let bar = progress::bar("keys", 0);
    let (found, vault) = Vault::survey(&store, masters, |seen, total| {
        bar.set_length(total);
        bar.set_position(seen);
    })?;
    bar.finish_and_clear();
    report.keys = found;
    report.signing_keys =
        store.read_for_now(&Tenancy::Keeper, |connection| keys::survey(connection, masters))?;
    report.judge_keys();
    if let Some(vault) = vault {
        let bar = progress::bar("batches and disclosures", 0);
        let inspection = inspect(&store, &vault, arguments.head.as_ref(), |seen, total| {
            bar.set_length(total);
            bar.set_position(seen);
        })?;
        bar.finish_and_clear();
        report
            .problems
            .extend(inspection.faults.iter().map(|fault| format!("{}: {}", fault.kind, fault.detail)));
        report.audit = Some(inspection);
    } else if found.total > 0 {
        report.problems.push(
            "the audit cannot be checked: the key of its chain is not there or does not open".to_owned(),
        );
    } else {
        report.advice.push("there is no key yet: nothing was served on this database".to_owned());
    }
    report.healthy = report.problems.is_empty();
    Ok(report)
}

impl Report {
    fn judge_keys(&mut self) {
        let (found, signing) = (self.keys, self.signing_keys);
        let unknown = found.unknown + signing.unknown;
        if unknown > 0 {
            self.problems.push(format!(
                "{unknown} keys are wrapped by a master key that is not known; name it in CAUSEWAY_MASTER_KEY or \
                 CAUSEWAY_PREVIOUS_MASTER_KEYS"
            ));
        }
        if found.damaged > 0 {
            self.problems.push(format!("{} keys are damaged: what they seal is lost", found.damaged));
        }
        let others = found.previous + signing.previous + signing.open;
        if others > 0 {
            self.advice.push(format!(
                "{others} keys are wrapped by another master key than the current, or none; `causeway keys rewrap` wraps \
                 them anew"
            ));
        }
    }
}

fn print(report: &Report) {
    println!("{}", report.database);
    if report.schema_is_current {
        println!("  schema: current");
        let KeySurvey { total, current, .. } = report.keys;
        println!("  keys: {total}, {current} of them wrapped by the current master key");
        let SigningKeySurvey { total, current, .. } = report.signing_keys;
        println!("  signing keys: {total}, {current} of them sealed by the current master key");
    }
    if let Some(Inspection { batches, events, waiting, disclosures, head, .. }) = &report.audit {
        println!("  audit: {events} events in {batches} batches, {waiting} wait to be sealed");
        println!("  disclosures: {disclosures}");
        match head {
            Some(head) => println!("  head of the chain: {head} (note it elsewhere; --head compares)"),
            None => println!("  head of the chain: none yet"),
        }
    }
    for advice in &report.advice {
        println!("  to do: {advice}");
    }
    for problem in &report.problems {
        println!("  wrong: {problem}");
    }
    match report.problems.len() {
        0 => println!("nothing is wrong"),
        1 => println!("1 thing is wrong"),
        count => println!("{count} things are wrong"),
    }
}
