//! `causeway migrate`.

use std::process::ExitCode;

use crate::config::{Config, DatabaseUrl};
use crate::directory::install_embedded;
use crate::error::{Error, Result};
use crate::exchange::postal_codes;
use crate::store::{Store, StoreOptions};
use crate::types::Clock;

/// Migrates and says what was done.
pub(super) fn run(config: &Config) -> Result<ExitCode> {
    let url = config.database()?;
    let done = migrate(config, url)?;
    match done {
        Migrated { migrations: 0, places: 0 } => println!("{url} is up to date"),
        Migrated { migrations, places } => {
            println!(
                "{url} is up to date: {migrations} migrations applied, {places} ZIP code centres installed"
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What a migration did.
pub(super) struct Migrated {
    migrations: usize,
    places: usize,
}

/// Migrates the schema as its owner, and installs what every database needs.
pub(super) fn migrate(config: &Config, url: &DatabaseUrl) -> Result<Migrated> {
    let owner = config.migration_url.as_ref().unwrap_or(url);
    if std::mem::discriminant(owner) != std::mem::discriminant(url) {
        return Err(Error::Setup(
            "migration_url and database_url name different kinds of databases".to_owned(),
        ));
    }
    let role = if owner == url { None } else { url.user() };
    let migrations = Store::migrate(owner, role.as_deref())?;
    let store =
        Store::open(owner, StoreOptions { connections: 1, ..StoreOptions::default() }, Clock::System)?;
    let places = install_embedded(&store, postal_codes::embedded())?;
    store.secret("cursor")?;
    Ok(Migrated { migrations, places })
}
