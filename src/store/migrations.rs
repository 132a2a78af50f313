//! The two migration trees, embedded; same names, same tables.

use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connection::{DbConnection, Manager, Purpose};
use crate::config::DatabaseUrl;
use crate::error::{Error, Result};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Any number, the same in every process that migrates this database.
const ADVISORY_LOCK: i64 = 0x6361_7573_6577_6179;

/// Brings the schema at `url` up to date and says how many migrations that took. Two processes may call it
/// at once: one waits for the other.
///
/// # Errors
/// If the database cannot be reached, a migration fails, or the database is newer than this program.
pub(super) fn migrate(url: &DatabaseUrl, grant_to: Option<&str>) -> Result<usize> {
    let mut connection = Manager { url: url.clone(), purpose: Purpose::Write }.open()?;
    refuse_foreign(&mut connection)?;
    match &mut connection {
        DbConnection::Sqlite(sqlite) => {
            // An exclusive transaction is the lock; the migrations inside it are savepoints.
            sqlite.exclusive_transaction(|sqlite| run(sqlite, SQLITE))
        }
        DbConnection::Postgres(postgres) => {
            postgres.batch_execute(&format!("SELECT pg_advisory_lock({ADVISORY_LOCK})"))?;
            let done = run(postgres, POSTGRES).and_then(|done| {
                if let Some(role) = grant_to {
                    grant(postgres, role)?;
                }
                Ok(done)
            });
            postgres.batch_execute(&format!("SELECT pg_advisory_unlock({ADVISORY_LOCK})"))?;
            done
        }
    }
}

fn run<DB, C>(connection: &mut C, source: EmbeddedMigrations) -> Result<usize>
where
    DB: diesel::backend::Backend,
    C: MigrationHarness<DB>,
    EmbeddedMigrations: MigrationSource<DB>,
{
    let done = connection
        .run_pending_migrations(source)
        .map_err(|source| Error::internal("migrating the database", source.to_string()))?;
    Ok(done.len())
}

/// Tables whose rows are only ever added. Their triggers refuse the owner; the application's role is not even let
/// try.
const APPEND_ONLY: &str =
    "access_events, audit_batch_events, audit_batches, audit_events, disclosures, erasures";

/// The application's role reads and writes rows; it owns no table, so that it can change no rule.
fn grant(postgres: &mut diesel::PgConnection, role: &str) -> Result<()> {
    let role = role.replace('"', "\"\"");
    postgres.batch_execute(&format!(
        "GRANT USAGE ON SCHEMA public TO \"{role}\";
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO \"{role}\";
         GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO \"{role}\";
         REVOKE UPDATE, DELETE ON {APPEND_ONLY} FROM \"{role}\";"
    ))?;
    Ok(())
}

/// How the schema stands against this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SchemaState {
    /// Up to date.
    Current,
    /// Migrations are pending.
    Old,
}

/// How the schema of this database stands.
///
/// # Errors
/// If it is newer than this program.
pub(super) fn state(connection: &mut DbConnection) -> Result<SchemaState> {
    let applied = applied(connection)?;
    let pending = versions().iter().any(|version| !applied.contains(version));
    Ok(if pending { SchemaState::Old } else { SchemaState::Current })
}

/// The versions that were applied. Read by a plain query: diesel's own functions create the table first, and
/// the application's role may not.
fn applied(connection: &mut DbConnection) -> Result<Vec<String>> {
    use diesel::prelude::*;
    diesel::table! {
        __diesel_schema_migrations (version) {
            version -> Text,
        }
    }
    // No such table: nothing has been applied.
    let applied: Vec<String> = __diesel_schema_migrations::table
        .select(__diesel_schema_migrations::version)
        .load(connection)
        .unwrap_or_default();
    let known = versions();
    match applied.iter().find(|version| !known.contains(version)) {
        Some(unknown) => Err(Error::Setup(format!(
            "the database has migration {unknown}, which this version of causeway does not know; run the newer version"
        ))),
        None => Ok(applied),
    }
}

/// The versions of all migrations, in order: what stands before the first underscore of their names.
fn versions() -> Vec<String> {
    let migrations: Vec<Box<dyn Migration<diesel::sqlite::Sqlite>>> =
        MigrationSource::<diesel::sqlite::Sqlite>::migrations(&SQLITE).unwrap_or_default();
    migrations.iter().map(|migration| migration.name().version().to_string()).collect()
}

/// Refuses a database in which somebody else's tables stand: a mistyped URL must not mix two programs.
fn refuse_foreign(connection: &mut DbConnection) -> Result<()> {
    use diesel::prelude::*;
    #[derive(QueryableByName)]
    struct Tables {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        count: i64,
    }
    // Tables first: another process that migrates at this moment makes tables and versions visible at once.
    let sql = match connection {
        DbConnection::Sqlite(_) => {
            "SELECT count(*) AS count FROM sqlite_master
             WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> '__diesel_schema_migrations'"
        }
        DbConnection::Postgres(_) => {
            "SELECT count(*) AS count FROM pg_tables
             WHERE schemaname = 'public' AND tablename <> '__diesel_schema_migrations'"
        }
    };
    let Tables { count } = diesel::sql_query(sql).get_result(connection)?;
    match (count, applied(connection)?.is_empty()) {
        (0, _) | (_, false) => Ok(()),
        (count, true) => Err(Error::Setup(format!(
            "the database has {count} tables of another program and none of causeway; name an empty database"
        ))),
    }
}
