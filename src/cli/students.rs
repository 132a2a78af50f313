//! `causeway students`: deletion and legal holds, from the command line of one who can write to the database.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::progress;
use crate::access::Principal;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::privacy::Purpose;
use crate::privacy::audit::Errand;
use crate::privacy::vault::Vault;
use crate::store::{Store, StoreOptions, Tenancy, Tenant};
use crate::students::erasure::{self, ErasureReason, LegalHold};
use crate::types::{Clock, DistrictId, StudentId};

/// Deletion and what stops it.
#[derive(Subcommand)]
pub(super) enum StudentsCommand {
    /// Deletes students for ever, by destroying their keys. What stays names nobody: the record of releases, the audit.
    ///
    /// Copies of the database from before still hold the keys: they are deleted only when the copies are.
    Erase(Erase),
    /// Places a legal hold: nothing of the student is deleted until it is lifted.
    Hold {
        #[command(flatten)]
        which: Which,
        /// The case or letter that asks for it. It is kept sealed.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Lifts the legal holds of a student.
    Lift {
        #[command(flatten)]
        which: Which,
    },
    /// Lists the legal holds of a district.
    Holds {
        /// The district.
        #[arg(long, value_name = "ID")]
        district: DistrictId,
    },
}

/// One student.
#[derive(Args)]
pub(super) struct Which {
    /// The district.
    #[arg(long, value_name = "ID")]
    district: DistrictId,
    /// The student.
    #[arg(long, value_name = "ID")]
    student: StudentId,
}

/// Whom to delete.
#[derive(Args)]
pub(super) struct Erase {
    /// The district.
    #[arg(long, value_name = "ID")]
    district: DistrictId,
    /// This student.
    #[arg(long, value_name = "ID", required_unless_present = "left_before", conflicts_with = "left_before")]
    student: Option<StudentId>,
    /// Everyone who left the district before this day (UTC) and is not held.
    #[arg(long, value_name = "DATE")]
    left_before: Option<Date>,
    /// Why: retention, request, court or mistake.
    #[arg(long)]
    reason: ErasureReason,
    /// Say who would be deleted, and delete nobody.
    #[arg(long)]
    dry_run: bool,
}

/// `causeway students`.
pub(super) fn run(config: &Config, command: &StudentsCommand) -> Result<ExitCode> {
    let options = StoreOptions { connections: 2, ..StoreOptions::default() };
    let store = Store::open(config.database()?, options, Clock::System)?;
    let vault = Vault::open(&store, &config.access.master_keys)?;
    match command {
        StudentsCommand::Erase(erase) => return erase_all(config, &store, &vault, erase),
        StudentsCommand::Hold { which, reason } => {
            let errand = errand(which.district);
            store.write_for_now(&errand.tenancy, |tx| {
                erasure::hold(tx, &vault, &errand, which.student, reason)
            })?;
            println!("{} is held", which.student);
        }
        StudentsCommand::Lift { which } => {
            let errand = errand(which.district);
            let lifted =
                store.write_for_now(&errand.tenancy, |tx| erasure::lift(tx, &errand, which.student))?;
            println!("{lifted} holds of {} are lifted", which.student);
        }
        StudentsCommand::Holds { district } => {
            let errand = errand(*district);
            let holds = store.write_for_now(&errand.tenancy, |tx| erasure::holds(tx, &vault, &errand))?;
            for LegalHold { student, reason, placed_by, placed_at } in holds {
                println!("{student}  since {placed_at}  by {placed_by}: {reason}");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn erase_all(config: &Config, store: &Store, vault: &Vault, erase: &Erase) -> Result<ExitCode> {
    let Erase { district, student, left_before, reason, dry_run } = erase;
    let errand = errand(*district);
    let students = match (student, left_before) {
        (Some(student), _) => vec![*student],
        (None, Some(day)) => {
            let instant = day
                .to_zoned(TimeZone::UTC)
                .map_err(|source| Error::Setup(format!("--left-before {day}: {source}")))?
                .timestamp();
            store.write_for_now(&errand.tenancy, |tx| erasure::due(tx, &errand, instant))?
        }
        (None, None) => Vec::new(),
    };
    if *dry_run {
        for student in &students {
            println!("{student}");
        }
        eprintln!("{} would be deleted", students.len());
        return Ok(ExitCode::SUCCESS);
    }
    let bar = progress::bar("students", students.len());
    let mut refused = 0;
    for student in &students {
        // One commit each: what was deleted before a fault is deleted, and a repeat goes on.
        let done =
            store.write_for_now(&errand.tenancy, |tx| erasure::erase(tx, vault, &errand, *student, *reason));
        match done {
            Ok(()) => {}
            Err(error @ (Error::Conflict(_) | Error::NotFound { .. })) => {
                bar.suspend(|| eprintln!("causeway: {error}"));
                refused += 1;
            }
            Err(error) => return Err(error),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let is_scrubbed = Store::scrub(config.database()?, config.migration_url.as_ref())?;
    println!("{} deleted, {refused} refused", students.len() - refused);
    if !is_scrubbed {
        eprintln!(
            "the destroyed keys may still lie in PostgreSQL's files: repeat this with --migration-url, or run VACUUM FULL \
             student_keys as the owner of the tables"
        );
    }
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The errand of whoever sits at the command line: they have the database anyway, and the record says that it was they.
fn errand(district: DistrictId) -> Errand {
    let tenancy = Tenancy::District(Tenant { district, schools: Vec::new() });
    Errand {
        principal: Arc::new(Principal::of_deployment("command line")),
        tenancy,
        purpose: Purpose::Operate,
        request: None,
    }
}
