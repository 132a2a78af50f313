//! `causeway serve` and `causeway demo`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use uuid::Uuid;

use super::migrate::migrate;
use crate::access::rules::LONGEST_TOKEN_LIFE;
use crate::access::{Access, Role};
use crate::app::App;
use crate::config::{Config, DatabaseUrl};
use crate::error::{Error, Result};
use crate::exchange::demonstration;
use crate::http::{Cursors, Server, serve as serve_http};
use crate::privacy::Purpose;
use crate::privacy::audit::Errand;
use crate::privacy::vault::Vault;
use crate::store::{Store, StoreOptions};
use crate::types::Clock;

/// Serves until the process is asked to stop.
pub(super) fn serve(config: &Config) -> Result<ExitCode> {
    config.fit_to_be_reached()?;
    let url = config.database()?;
    match (url, &config.migration_url) {
        (DatabaseUrl::Sqlite(_), _) | (DatabaseUrl::Postgres(_), Some(_)) => {
            migrate(config, url)?;
        }
        // The application's role may not migrate; opening refuses an old schema and names the command.
        (DatabaseUrl::Postgres(_), None) => {}
    }
    let store = open(config, url)?;
    run(config, store, config.public_search.unwrap_or(false), |_, _| Ok(()))
}

/// Serves the demonstration.
pub(super) fn demo(config: &Config) -> Result<ExitCode> {
    config.fit_to_be_reached()?;
    let (path, temporary) = match &config.database_url {
        None => {
            let name = format!("causeway-demo-{}.db", Uuid::now_v7());
            (std::env::temp_dir().join(name), true)
        }
        Some(DatabaseUrl::Sqlite(path)) => (PathBuf::from(path), false),
        Some(url @ DatabaseUrl::Postgres(_)) => {
            return Err(Error::Setup(format!(
                "demo serves a new SQLite file, and the database is {url}; unset CAUSEWAY_DATABASE_URL, or use serve"
            )));
        }
    };
    if path.exists() {
        return Err(Error::Setup(format!(
            "{} is there already and demo fills a new file only; name another, remove it, or use serve",
            path.display()
        )));
    }
    let result = demonstrate(config, &path);
    if temporary {
        for suffix in ["", "-wal", "-shm"] {
            let mut file = path.clone().into_os_string();
            file.push(suffix);
            // What is not there needs no removal.
            let _ = std::fs::remove_file(file);
        }
    }
    result
}

fn demonstrate(config: &Config, path: &Path) -> Result<ExitCode> {
    let url: DatabaseUrl = format!("sqlite://{}", path.display()).parse()?;
    migrate(config, &url)?;
    let store = open(config, &url)?;
    demonstration::load(&store)?;
    // The first thing to try needs no token, unless somebody wants it otherwise.
    let public_search = config.public_search.unwrap_or(true);
    demonstrate_students(config, &store)?;
    run(config, store, public_search, |address, access| {
        println!("A fictional Massachusetts directory, on {url}. Worth trying:");
        println!("  curl '{address}/v1/search?postal_code=01840&language=es&coverage=medicaid&age=10'");
        println!(
            "  curl '{address}/v1/search?postal_code=01230&radius_km=80&modality=telehealth_video&explain=true'"
        );
        println!("  curl '{address}/v1/search?postal_code=01840&coverage=medicade'");
        println!("The contract, to read and try: {address}/docs/");
        println!("Everything but search needs a token. One for each role, for the next eight hours:");
        for role in Role::ALL {
            let client = access.development_client(*role, None)?;
            let issued = access.token_now(client.id, *role, Some(LONGEST_TOKEN_LIFE))?;
            println!("  {role}: {}", issued.token);
            if *role == Role::DistrictLead {
                println!(
                    "  curl -H 'Authorization: Bearer {}' '{address}/v1/students' (fictional ones)",
                    issued.token
                );
            }
            if *role == Role::Operator {
                println!(
                    "  curl -H 'Authorization: Bearer {}' '{address}/v1/organizations?limit=2'",
                    issued.token
                );
            }
        }
        Ok(())
    })
}

/// Fictional students in the district that the tokens of the demonstration are tied to.
fn demonstrate_students(config: &Config, store: &Store) -> Result<()> {
    let access = Access::new(store.clone(), config.access.clone());
    let lead = access.development_client(Role::DistrictLead, None)?.principal();
    let tenancy =
        lead.tenancy().ok_or_else(|| Error::Setup("a district's lead has no district".to_owned()))?;
    let errand = Errand { principal: Arc::new(lead), tenancy, purpose: Purpose::Operate, request: None };
    let vault = Vault::open(store, &config.access.master_keys)?;
    demonstration::load_students(store, &vault, &errand)?;
    Ok(())
}

fn open(config: &Config, url: &DatabaseUrl) -> Result<Store> {
    let options = StoreOptions { connections: config.connections, ..StoreOptions::default() };
    Store::open(url, options, Clock::System)
}

fn run(
    config: &Config,
    store: Store,
    public_search: bool,
    announce: impl FnOnce(&str, &Access) -> Result<()>,
) -> Result<ExitCode> {
    let cursors = Cursors::new(store.secret("cursor")?);
    let app = App::guarded(store, config.access.clone())?.mailing(config.mail.clone())?;
    let access = app.access.clone();
    access.check()?;
    let server = Server::bind(app, cursors, config.listen, public_search, config.edge.clone())?;
    let address = format!("http://{}", server.address()?);
    let metrics = server.metrics_address()?;
    if config.access.master_keys.current.is_none() {
        eprintln!(
            "without CAUSEWAY_MASTER_KEY the keys that sign tokens lie open in the database; that is for development"
        );
    }
    let mut announced = Ok(());
    actix_web::rt::System::new().block_on(serve_http(server, || {
        println!("listening on {address}");
        if let Some(metrics) = metrics {
            println!("metrics on http://{metrics}/metrics");
        }
        announced = announce(&address, &access);
    }))?;
    announced?;
    Ok(ExitCode::SUCCESS)
}
