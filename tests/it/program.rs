//! `causeway serve`, `demo`, `migrate` and `openapi` from outside.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use causeway::access::{Role, Scope};
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::process::{
    EmptyPostgres, Program, causeway, found, get, get_as, operator, post_as, ready, run, sqlite_url,
};

const ANYWHERE: &str = "127.0.0.1:0";

/// `serve` on a SQLite file in `folder`.
fn serve(folder: &Path, arguments: &[&str]) -> Program {
    let url = sqlite_url(folder);
    let usual = ["serve", "--listen", ANYWHERE, "--database-url", &url];
    Program::start(causeway(folder, &[&usual, arguments].concat()))
}

/// The databases in a folder.
fn databases(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.to_str().unwrap().contains(".db")).collect()
}

#[test]
fn the_demonstration_prints_what_to_try_and_leaves_nothing_behind() {
    let folder = tempdir().unwrap();
    let mut demo = Program::start(causeway(folder.path(), &["demo", "--listen", ANYWHERE]));
    let address = demo.address();
    ready(&address);
    assert!(!databases(folder.path()).is_empty());
    let out = demo.out();
    let urls: Vec<&str> =
        out.lines().filter_map(|line| line.trim().strip_prefix("curl '")?.strip_suffix('\'')).collect();
    assert_eq!(urls.len(), 3, "{out}");
    let answers: Vec<(u16, Value)> = urls
        .iter()
        .map(|url| {
            assert!(url.starts_with(&address));
            let (status, text) = get(url);
            (status, serde_json::from_str(&text).unwrap())
        })
        .collect();
    assert_eq!(answers.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [200, 200, 400]);
    assert!(
        urls[0].contains("language=es")
            && urls[0].contains("coverage=medicaid")
            && urls[0].contains("age=10")
    );
    let items = answers[0].1["items"].as_array().unwrap();
    assert!(items.len() >= 3, "{items:?}");
    let statuses: std::collections::BTreeSet<String> =
        items.iter().map(|item| item["availability"]["status"].to_string()).collect();
    assert!(statuses.len() >= 3, "{statuses:?}");
    assert!(!answers[1].1["items"].as_array().unwrap().is_empty());
    assert!(answers[2].1.to_string().contains("did you mean medicaid"));
    for role in Role::ALL {
        let (_, token) = out.split_once(&format!("  {role}: ")).unwrap();
        let token = token.lines().next().unwrap();
        let permits = if role.scopes().contains(&Scope::DirectoryRead) { 200 } else { 403 };
        assert_eq!(get_as(token, &format!("{address}/v1/organizations")).0, permits, "{role}");
    }
    let curl =
        out.lines().find_map(|line| line.trim().strip_prefix("curl -H 'Authorization: Bearer ")).unwrap();
    let (token, url) = curl.strip_suffix('\'').unwrap().split_once("' '").unwrap();
    assert_eq!(get_as(token, url).0, 200, "{curl}");
    assert_eq!(get(url).0, 401);
    let docs = out
        .lines()
        .find_map(|line| line.rsplit_once(' ').filter(|(_, url)| url.ends_with("/docs/")))
        .unwrap()
        .1;
    assert_eq!(get(docs).0, 200);
    demo.stopped();
    assert_eq!(databases(folder.path()), [] as [PathBuf; 0]);
}

#[test]
fn the_demonstration_fills_a_new_file_only_and_keeps_one_that_was_named() {
    let folder = tempdir().unwrap();
    let (url, path) = (sqlite_url(folder.path()), folder.path().join("causeway.db"));
    let arguments = ["demo", "--listen", ANYWHERE, "--database-url", &url];
    let mut demo = Program::start(causeway(folder.path(), &arguments));
    ready(&demo.address());
    demo.stopped();
    assert!(path.exists());
    let before = std::fs::read(&path).unwrap();
    run(folder.path(), &arguments).refused("is there already");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    run(folder.path(), &["demo", "--database-url", "postgres://u:geheim@127.0.0.1:1/d"])
        .refused("demo serves a new SQLite file");
}

/// However early it is asked: no moment is left at which it would be struck down.
#[test]
fn a_stop_that_is_asked_for_as_soon_as_the_address_is_printed_is_a_graceful_one() {
    for signal in ["TERM", "INT"] {
        let folder = tempdir().unwrap();
        let mut demo = Program::start(causeway(folder.path(), &["demo", "--listen", ANYWHERE]));
        demo.address();
        demo.signal(signal);
        demo.ended().expect(0);
        assert_eq!(databases(folder.path()), [] as [PathBuf; 0], "{signal}");
    }
}

#[test]
fn a_server_gets_ready_takes_writes_and_keeps_them_over_a_restart() {
    let folder = tempdir().unwrap();
    let mut server = serve(folder.path(), &[]);
    let address = server.address();
    assert_eq!(get(&format!("{address}/healthz")).0, 200);
    ready(&address);
    assert!(server.err().contains("lie open in the database"), "{}", server.err());
    let token = operator(folder.path(), &sqlite_url(folder.path()));
    let (status, made) = post_as(
        &token,
        &format!("{address}/v1/organizations"),
        &json!({"name": "A", "engagement": "listed"}),
    );
    assert_eq!(status, 201, "{made}");
    server.stopped();
    let mut again = serve(folder.path(), &[]);
    let address = again.address();
    ready(&address);
    assert_eq!(
        get_as(&token, &format!("{address}/v1/organizations/{}", made["id"].as_str().unwrap())).0,
        200
    );
    again.stopped();
}

#[test]
fn a_bad_configuration_is_refused_with_one_sentence_that_gives_no_password_away() {
    let taken = TcpListener::bind(ANYWHERE).unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let folder = tempdir().unwrap();
    let url = sqlite_url(folder.path());
    let with = |environment: &[(&str, &str)], words: &str| {
        let mut command = causeway(folder.path(), &["serve"]);
        command.env("CAUSEWAY_LISTEN", ANYWHERE).envs(environment.iter().copied()).env("RUST_BACKTRACE", "1");
        let ended = Program::start(command).ended();
        assert!(!ended.err.contains("geheim"), "{ended:?}");
        ended.refused(words);
    };
    let database = |url: &str, words: &str| with(&[("CAUSEWAY_DATABASE_URL", url)], words);
    with(&[], "no database is named: set CAUSEWAY_DATABASE_URL");
    database("mysql://user:geheim@host/database", "must be sqlite://PATH or postgres://");
    database("user:geheim@host/database", "must be sqlite://PATH or postgres://");
    database("postgres://user:geheim@127.0.0.1:1/database", "127.0.0.1:1/database");
    database("postgres://user:%zzgeheim@127.0.0.1:1/database", "127.0.0.1:1/database");
    database("postgres://user:geheim@[::1/database", "opening the database");
    database("postgres://user:geheim@127.0.0.1:port/database", "opening the database");
    database("postgres://127.0.0.1:1/database?user=u&password=geheim&nonsense=1", "opening the database");
    database("sqlite:///nowhere/at/all.db", "/nowhere/at/all.db");
    let other = |name: &'static str, value: &str, words: &str| {
        with(&[("CAUSEWAY_DATABASE_URL", &url), (name, value)], words);
    };
    other("CAUSEWAY_LISTEN", "everywhere", "it must be an address and a port");
    other("CAUSEWAY_LISTEN", &taken, "name another with --listen");
    other("CAUSEWAY_DATABASE_CONNECTIONS", "0", "it must be 1 to 200");
    other("CAUSEWAY_LOG", "causeway=loud=very", "directives such as info");
    other("CAUSEWAY_CONFIG", "nowhere.toml", "nowhere.toml cannot be read");
    other(
        "CAUSEWAY_MIGRATION_URL",
        "postgres://owner:geheim@127.0.0.1:1/database",
        "different kinds of databases",
    );
    for (text, words) in [
        ("listenn = '127.0.0.1:0'", "listenn"),
        ("listen = 'geheim", "causeway.toml is wrong"),
        ("database_connections = 'many'", "causeway.toml is wrong"),
    ] {
        std::fs::write(folder.path().join("causeway.toml"), text).unwrap();
        with(&[("CAUSEWAY_DATABASE_URL", &url)], words);
    }
    let made = databases(folder.path());
    assert!(
        made.iter().all(|path| path.to_str().unwrap().contains("causeway.db")),
        "a URL has become a file: {made:?}"
    );
}

#[test]
fn flags_stand_before_the_environment_and_that_before_the_file() {
    let folder = tempdir().unwrap();
    let write = |connections: u32| {
        std::fs::write(folder.path().join("causeway.toml"), format!("database_connections = {connections}"))
            .unwrap();
    };
    let migrate = |flags: &[&str], environment: Option<&str>| {
        let url = sqlite_url(folder.path());
        let mut command = causeway(folder.path(), &[&["migrate", "--database-url", &url], flags].concat());
        command.envs(environment.map(|value| ("CAUSEWAY_DATABASE_CONNECTIONS", value)));
        Program::start(command).ended()
    };
    write(0);
    migrate(&[], None).refused("database_connections is 0");
    migrate(&[], Some("201")).refused("database_connections is 201");
    migrate(&["--database-connections", "202"], Some("201")).refused("database_connections is 202");
    migrate(&["--database-connections", "2"], Some("201")).expect(0);
}

#[test]
fn a_server_on_postgres_without_a_schema_says_how_to_migrate_and_migrates_as_the_owner_when_it_may() {
    let Some(database) = EmptyPostgres::new() else { return };
    let folder = tempdir().unwrap();
    let serve = |migration: Option<&str>| {
        let mut command = causeway(folder.path(), &["serve", "--listen", ANYWHERE]);
        command.env("CAUSEWAY_DATABASE_URL", &database.app);
        command.envs(migration.map(|url| ("CAUSEWAY_MIGRATION_URL", url)));
        Program::start(command)
    };
    serve(None).ended().refused("causeway migrate");
    for migration in [Some(database.owner.as_str()), None] {
        let mut server = serve(migration);
        let address = server.address();
        ready(&address);
        assert_eq!(found(&address, "postal_code=01840"), 0, "the ZIP codes are installed");
        let (status, problem) = post_as(
            &operator(folder.path(), &database.app),
            &format!("{address}/v1/organizations"),
            &json!({"name": "A", "engagement": "listed"}),
        );
        assert_eq!(status, 201, "{problem}");
        server.stopped();
    }
}

#[test]
fn migrating_again_or_twice_at_once_is_harmless() {
    let (folder, postgres) = (tempdir().unwrap(), EmptyPostgres::new());
    let sqlite = sqlite_url(folder.path());
    let targets = [
        Some((sqlite.as_str(), None)),
        postgres.as_ref().map(|one| (one.app.as_str(), Some(one.owner.as_str()))),
    ];
    for (url, owner) in targets.into_iter().flatten() {
        let start = || {
            let mut command = causeway(folder.path(), &["migrate"]);
            command
                .env("CAUSEWAY_DATABASE_URL", url)
                .envs(owner.map(|owner| ("CAUSEWAY_MIGRATION_URL", owner)));
            Program::start(command)
        };
        let both = [start(), start()].map(|one| one.ended().expect(0).out);
        assert!(both.iter().all(|out| out.contains("is up to date")), "{both:?}");
        assert_eq!(both.iter().filter(|out| out.contains("33791 ZIP code centres")).count(), 1, "{both:?}");
        let again = start().ended().expect(0).out;
        assert!(again.ends_with("is up to date\n"), "{again}");
    }
}

#[test]
fn the_contract_is_compared_with_the_file() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("contract.json");
    let file = path.to_str().unwrap();
    assert!(run(folder.path(), &["openapi", "--check", file]).expect(1).err.contains("line 1 "));
    run(folder.path(), &["openapi", file]).expect(0);
    run(folder.path(), &["openapi", "--check", file]).expect(0);
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(run(folder.path(), &["openapi", "-"]).expect(0).out, written);
    let mut lines: Vec<&str> = written.lines().collect();
    lines[6] = "something else";
    std::fs::write(&path, lines.join("\n")).unwrap();
    let differs = run(folder.path(), &["openapi", "--check", file]).expect(1);
    assert!(differs.err.contains("contract.json is not what the code says, from line 7 on"), "{differs:?}");
    std::fs::write(&path, &written[..written.len() - 2]).unwrap();
    run(folder.path(), &["openapi", "--check", file]).expect(1);
}

#[test]
fn wrong_usage_is_exit_code_2_and_help_is_worth_reading() {
    let folder = tempdir().unwrap();
    for wrong in [
        &[][..],
        &["serv"],
        &["serve", "--port", "1"],
        &["import"],
        &["import", "federal-directory"],
        &["import", "phone-book", "x"],
        &["import", "schools", "x", "--format", "xml"],
        &["serve", "--database-connections", "many"],
        &["serve", "extra"],
    ] {
        let ended = run(folder.path(), wrong).expect(2);
        assert!(
            ended.err.contains("--help") || ended.err.contains("Usage: causeway"),
            "{wrong:?}: {ended:?}"
        );
    }
    let settings = [
        "DATABASE_URL",
        "MIGRATION_URL",
        "LISTEN",
        "PUBLIC_SEARCH",
        "DATABASE_CONNECTIONS",
        "LOG",
        "LOG_FORMAT",
        "RATE_LIMIT_ADDRESS_READS",
        "RATE_LIMIT_ADDRESS_WRITES",
        "RATE_LIMIT_CALLER_READS",
        "RATE_LIMIT_CALLER_WRITES",
        "TRUSTED_PROXIES",
        "REQUEST_TIMEOUT_SECONDS",
        "CONCURRENT_REQUESTS",
        "CONCURRENT_REQUESTS_PER_ADDRESS",
        "BEHIND_TLS",
        "CORS_ORIGINS",
        "METRICS_LISTEN",
        "DRAIN_SECONDS",
        "CONFIG",
    ];
    for command in [&[][..], &["serve"], &["demo"], &["migrate"], &["import"], &["openapi"]] {
        let mut with_secret = causeway(folder.path(), &[command, &["--help"]].concat());
        with_secret.env("CAUSEWAY_DATABASE_URL", "postgres://user:geheim@host/database");
        let help = Program::start(with_secret).ended().expect(0).out;
        for setting in settings {
            let flag = format!("--{}", setting.to_lowercase().replace('_', "-"));
            assert!(
                help.contains(&format!("CAUSEWAY_{setting}")) && help.contains(&flag),
                "{command:?}: {setting}: {help}"
            );
        }
        assert!(!help.contains("geheim"), "{help}");
    }
    assert!(run(folder.path(), &["import", "--help"]).out.contains("federal-directory"));
    assert!(run(folder.path(), &["--version"]).expect(0).out.starts_with("causeway "));
}
