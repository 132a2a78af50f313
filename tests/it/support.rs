//! A Causeway of its own for every test, and a client that drives its real router.

use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, ThreadId};

use actix_web::http::Method;
use actix_web::test::TestRequest;
use causeway::access::rules::LONGEST_TOKEN_LIFE;
use causeway::access::{Role, Tie};
use causeway::app::App;
use causeway::config::{DatabaseUrl, EdgeConfig, MasterKeys};
use causeway::directory::install_embedded;
use causeway::exchange::{demonstration, postal_codes};
use causeway::http::{Context, Cursors, Edge};
use causeway::privacy::Purpose;
use causeway::privacy::audit::Errand;
use causeway::privacy::vault::Vault;
use causeway::store::{DbConnection, Store, StoreOptions, Tenancy, Tenant};
use causeway::types::{ClientId, Clock};
use diesel::connection::SimpleConnection;
use diesel::{Connection, RunQueryDsl, SqliteConnection};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::sending;
pub use crate::sending::{Answer, send_all};

/// Declares a test that runs on SQLite and on PostgreSQL.
macro_rules! on_both {
    ($(#[$attribute:meta])* fn $name:ident($causeway:ident) $body:block) => {
        $(#[$attribute])*
        mod $name {
            use super::*;

            fn test($causeway: $crate::support::Causeway) $body

            #[test]
            fn sqlite() {
                test($crate::support::Causeway::on_sqlite());
            }

            #[test]
            fn postgres() {
                if let Some(causeway) = $crate::support::Causeway::on_postgres() {
                    test(causeway);
                }
            }
        }
    };
}
pub(crate) use on_both;

/// When every test begins.
pub const START: &str = "2026-11-22T12:00:00Z";

/// A Causeway on a new database, with a clock that the test moves.
pub struct Causeway {
    context: Context,
    pub clock: Clock,
    url: DatabaseUrl,
    database: Database,
    operator: ClientId,
    /// The thread of the test; only here a router is kept, for it goes before the thread does.
    home: ThreadId,
    /// What requests bring that have no `Authorization` of their own.
    token: Mutex<String>,
}

/// What is removed when the test ends.
enum Database {
    Folder(#[expect(dead_code, reason = "is removed when dropped")] tempfile::TempDir),
    Postgres(String),
}

impl Drop for Causeway {
    fn drop(&mut self) {
        sending::forget(&self.url);
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Self::Postgres(name) = self {
            // The whole cluster goes when the tests end; this only keeps it small.
            let _ = run_as_owner("postgres", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

impl Causeway {
    pub fn on_sqlite() -> Self {
        Self::on_copy_of(sqlite_template())
    }

    /// With the demonstration in it, on SQLite.
    pub fn with_demonstration() -> Self {
        Self::on_copy_of(demonstration_template())
    }

    fn on_copy_of(template: &std::path::Path) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("causeway.db");
        std::fs::copy(template, &path).expect("a copy of the template");
        let url: DatabaseUrl = format!("sqlite://{}", path.display()).parse().expect("a URL");
        Self::open(url, Database::Folder(folder))
    }

    /// None where the environment asks for SQLite only.
    pub fn on_postgres() -> Option<Self> {
        let (_, app) = postgres_urls()?;
        let name = format!("t_{}", Uuid::now_v7().simple());
        let template = postgres_template();
        run_as_owner("postgres", &format!("CREATE DATABASE {name} TEMPLATE {template}"))
            .expect("a new database");
        let url = at_database(&app, &name).parse().expect("a URL");
        Some(Self::open(url, Database::Postgres(name)))
    }

    fn open(url: DatabaseUrl, database: Database) -> Self {
        let clock = Clock::manual(START.parse::<Timestamp>().expect("an instant"));
        let options = StoreOptions { connections: 3, ..StoreOptions::default() };
        let store = Store::open(&url, options, clock.clone()).expect("an open store");
        let cursors = Cursors::new(store.secret("cursor").expect("a key"));
        let app = App::new(store).expect("keys that open");
        app.load().expect("a loaded finder");
        let operator = app.access.development_client(Role::Operator, None).expect("a client");
        let token =
            app.access.token_now(operator.id, Role::Operator, Some(LONGEST_TOKEN_LIFE)).expect("a token");
        let context = Context { app, cursors, public_search: false, edge: Edge::new(EdgeConfig::default()) };
        Self {
            context,
            clock,
            url,
            database,
            operator: operator.id,
            home: thread::current().id(),
            token: Mutex::new(token.token),
        }
    }

    /// What the service is made of.
    pub fn context(&self) -> &Context {
        &self.context
    }

    pub fn store(&self) -> &Store {
        &self.context.app.store
    }

    /// The URL of the database, for the application's role.
    pub fn url(&self) -> String {
        match &self.database {
            Database::Folder(_) => self.url.to_string(),
            Database::Postgres(name) => at_database(&postgres_urls().expect("PostgreSQL is there").1, name),
        }
    }

    /// The URL of the database for the owner of its tables; SQLite has none.
    pub fn owner_url(&self) -> Option<String> {
        match &self.database {
            Database::Folder(_) => None,
            Database::Postgres(name) => {
                Some(at_database(&postgres_urls().expect("PostgreSQL is there").0, name))
            }
        }
    }

    /// Whether these bytes stand in a file of a SQLite database; none of PostgreSQL.
    pub fn files_hold(&self, bytes: &[u8]) -> Option<bool> {
        let url = self.url();
        let path = url.strip_prefix("sqlite://")?;
        // Read by another process: closing a file here would take SQLite's locks on it away (POSIX).
        let files = ["", "-wal", "-shm"].map(|suffix| format!("{path}{suffix}"));
        let read = std::process::Command::new("cat").args(files).output().expect("cat");
        Some(read.stdout.windows(bytes.len()).any(|window| window == bytes))
    }

    /// Another way to the same database, as another process has it.
    pub fn another_store(&self, options: StoreOptions) -> Store {
        Store::open(&self.url, options, self.clock.clone()).expect("an open store")
    }

    /// Sets the clock back to when the test began.
    pub fn set_back(&mut self) {
        if let Clock::Manual(microseconds) = &self.clock {
            let start: Timestamp = START.parse().expect("an instant");
            microseconds.store(start.as_microsecond(), std::sync::atomic::Ordering::SeqCst);
        }
    }

    /// Whether a text stands in any column of any row of any table, whoever may see the row.
    pub fn holds_text(&self, text: &str) -> bool {
        let mut tenancies = vec![Tenancy::Keeper];
        if matches!(self.database, Database::Postgres(_)) {
            let districts =
                |connection: &mut DbConnection| texts(connection, "SELECT id AS text FROM districts");
            let districts = self.store().read_now(districts).expect("districts are everybody's to read");
            tenancies.extend(districts.iter().map(|id| {
                let district = id.parse().expect("the id of a district");
                Tenancy::District(Tenant { district, schools: Vec::new() })
            }));
        }
        let holds = |connection: &mut DbConnection| {
            let columns = match connection {
                DbConnection::Sqlite(_) => {
                    "SELECT m.name || '.' || p.name AS text FROM sqlite_master m JOIN pragma_table_info(m.name) p
                     WHERE m.type = 'table'"
                }
                DbConnection::Postgres(_) => {
                    "SELECT table_name || '.' || column_name AS text FROM information_schema.columns
                     WHERE table_schema = 'public'"
                }
            };
            let columns = texts(connection, columns)?;
            assert!(columns.len() > 50, "all columns are looked at");
            for column in columns {
                let (table, name) = column.split_once('.').expect("a table and a column");
                let sql = format!(
                    "SELECT '' AS text FROM \"{table}\" WHERE CAST(\"{name}\" AS TEXT) LIKE '%{text}%' LIMIT 1"
                );
                if !texts(connection, &sql)?.is_empty() {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        tenancies
            .iter()
            .any(|tenancy| self.store().read_for_now(tenancy, holds).expect("every table can be read"))
    }

    /// Makes the database refuse new rows of a table of which this holds.
    pub fn refuse_inserts(&self, table: &str, when: &str) {
        let name = format!("refuse_{table}");
        self.as_owner(&match &self.database {
            Database::Folder(_) => format!(
                "CREATE TRIGGER {name} BEFORE INSERT ON {table} WHEN {when}
                 BEGIN SELECT RAISE(ABORT, 'a test refuses this'); END"
            ),
            Database::Postgres(_) => format!(
                "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN RAISE EXCEPTION 'a test refuses this'; END; $$;
                 CREATE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {name}()"
            ),
        })
        .expect("the owner may");
    }

    /// Takes back [`Causeway::refuse_inserts`].
    pub fn allow_inserts(&self, table: &str) {
        let name = format!("refuse_{table}");
        self.as_owner(&match &self.database {
            Database::Folder(_) => format!("DROP TRIGGER {name}"),
            Database::Postgres(_) => format!("DROP FUNCTION {name}() CASCADE"),
        })
        .expect("the owner may");
    }

    /// The name of its database on PostgreSQL.
    pub fn postgres_name(&self) -> Option<&str> {
        match &self.database {
            Database::Folder(_) => None,
            Database::Postgres(name) => Some(name),
        }
    }

    /// Ends every connection to this PostgreSQL database.
    pub fn lose_connections(&self) {
        if let Database::Postgres(name) = &self.database {
            let sql = format!(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}'"
            );
            run_as_owner("postgres", &sql).expect("the right to end connections");
        }
    }

    /// Runs statements as the application does, working for `tenancy`.
    pub fn as_application(&self, tenancy: &Tenancy, sql: &str) -> Result<(), String> {
        let done = self.store().write_for_now(tenancy, |tx| Ok(tx.connection.batch_execute(sql)?));
        done.map_err(|error| format!("{error:?}"))
    }

    /// Runs statements as the owner of the database, on a connection that is set up for nothing.
    pub fn as_owner(&self, sql: &str) -> Result<(), String> {
        let failed = |error: diesel::result::Error| error.to_string();
        match &self.database {
            Database::Folder(_) => {
                let url = self.url.to_string();
                let path = url.strip_prefix("sqlite://").expect("a file");
                let mut connection = SqliteConnection::establish(path).map_err(|error| error.to_string())?;
                connection.batch_execute("PRAGMA busy_timeout = 5000").map_err(failed)?;
                connection.batch_execute(sql).map_err(failed)
            }
            Database::Postgres(name) => {
                let (owner, _) = postgres_urls().ok_or("SQLite only")?;
                let mut connection = diesel::PgConnection::establish(&at_database(&owner, name))
                    .map_err(|error| error.to_string())?;
                connection.batch_execute(sql).map_err(failed)
            }
        }
    }

    /// Changes what nobody may change, as one who owns the database and first takes away what refuses it.
    #[track_caller]
    pub fn tamper(&self, sql: &str) {
        const TABLES: [&str; 6] = [
            "access_events",
            "audit_batch_events",
            "audit_batches",
            "audit_events",
            "disclosures",
            "erasures",
        ];
        let before = TABLES.map(|table| match &self.database {
            Database::Folder(_) => ["update", "delete", "replace"]
                .map(|change| format!("DROP TRIGGER IF EXISTS {table}_refuse_{change};"))
                .concat(),
            Database::Postgres(_) => {
                format!("ALTER TABLE {table} DISABLE TRIGGER USER; ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;")
            }
        });
        let before = before.concat();
        self.as_owner(&format!("{before} {sql}")).expect("an owner may do everything");
    }

    /// Whether it stands on PostgreSQL.
    pub fn is_on_postgres(&self) -> bool {
        matches!(self.database, Database::Postgres(_))
    }

    /// A token for a client of this role and tie, which is made for it.
    pub fn token(&self, role: Role, tie: &Tie) -> String {
        let client = self.context.app.access.development_client(role, Some(tie)).expect("a client");
        self.context.app.access.token_now(client.id, role, None).expect("a token").token
    }

    /// A token of the lead of the first district, in which the demonstration has its students.
    pub fn lead(&self) -> String {
        let access = &self.context.app.access;
        let client = access.development_client(Role::DistrictLead, None).expect("a client");
        access.token_now(client.id, Role::DistrictLead, Some(LONGEST_TOKEN_LIFE)).expect("a token").token
    }

    /// An operator's token that holds at the time that the test has come to.
    fn operator_token(&self) -> String {
        let mut token = self.token.lock().expect("no test panicked before");
        let held = expiry(&token) > self.clock.now().as_second();
        if !held {
            let access = &self.context.app.access;
            let issued = access.token_now(self.operator, Role::Operator, Some(LONGEST_TOKEN_LIFE));
            *token = issued.expect("a token").token;
        }
        token.clone()
    }

    /// Sends a request as an operator.
    pub fn send(&self, request: TestRequest) -> Answer {
        let request = request.insert_header(("Authorization", format!("Bearer {}", self.operator_token())));
        self.send_plainly(request)
    }

    /// Sends a request with this token.
    pub fn send_as(&self, token: &str, request: TestRequest) -> Answer {
        self.send_plainly(request.insert_header(("Authorization", format!("Bearer {token}"))))
    }

    /// Sends a request as it is.
    pub fn send_plainly(&self, request: TestRequest) -> Answer {
        self.send_all([request]).pop().expect("an answer to the one request")
    }

    /// Sends requests as they are, one after the other.
    pub fn send_all(&self, requests: impl IntoIterator<Item = TestRequest>) -> Vec<Answer> {
        if self.home == thread::current().id() {
            sending::send_all_to_kept(&self.url, &self.context, requests)
        } else {
            send_all(&self.context, requests)
        }
    }

    /// Changes what the service is made of.
    pub fn change(&mut self, change: impl FnOnce(&mut Context)) {
        change(&mut self.context);
        sending::forget(&self.url);
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send(TestRequest::get().uri(path))
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(TestRequest::post().uri(path).set_json(body))
    }

    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(TestRequest::put().uri(path).set_json(body))
    }

    pub fn patch(&self, path: &str, etag: &str, body: &Value) -> Answer {
        self.send(TestRequest::patch().uri(path).insert_header(("If-Match", etag)).set_json(body))
    }

    pub fn delete(&self, path: &str, etag: &str) -> Answer {
        self.send(TestRequest::with_uri(path).method(Method::DELETE).insert_header(("If-Match", etag)))
    }

    /// Creates one and gives its id.
    #[track_caller]
    pub fn create(&self, path: &str, body: &Value) -> String {
        self.post(path, body).expect(201).json()["id"].as_str().expect("an id").to_owned()
    }

    /// Creates an offering in Lawrence, in an organization of its own; `facts` are added to it.
    #[track_caller]
    pub fn offering(&self, facts: Value) -> Offering {
        self.offering_at(&json!({"latitude": 42.7070, "longitude": -71.1631, "quality": "rooftop"}), facts)
    }

    #[track_caller]
    pub fn offering_at(&self, coordinates: &Value, facts: Value) -> Offering {
        let organization =
            self.create("/v1/organizations", &json!({"name": "Agency", "engagement": "listed"}));
        let service = self.create(
            "/v1/services",
            &json!({"organization_id": organization, "name": "Counseling", "status": "active", "audience": ["students"]}),
        );
        let location = self.create("/v1/locations", &json!({"name": "Clinic", "coordinates": coordinates}));
        let mut body = json!({"service_id": service, "location_id": location, "grain": "team"});
        let (Value::Object(body_fields), Value::Object(facts)) = (&mut body, facts) else {
            panic!("objects")
        };
        body_fields.extend(facts);
        let id = self.create("/v1/offerings", &body);
        Offering { id, organization, service, location }
    }

    /// The ids that a search finds, in order.
    #[track_caller]
    pub fn found(&self, query: &str) -> Vec<String> {
        ids(&self.get(&format!("/v1/search?{query}")).expect(200).json())
    }
}

/// The texts that a query gives as `text`.
fn texts(connection: &mut DbConnection, sql: &str) -> causeway::error::Result<Vec<String>> {
    #[derive(diesel::QueryableByName)]
    struct Text {
        #[diesel(sql_type = diesel::sql_types::Text)]
        text: String,
    }
    let found: Vec<Text> = diesel::sql_query(sql).load(connection)?;
    Ok(found.into_iter().map(|Text { text }| text).collect())
}

/// When a token expires, in seconds since 1970.
fn expiry(token: &str) -> i64 {
    let claims: Value =
        jsonwebtoken::dangerous::insecure_decode_claims(token).expect("a token that was just made");
    claims["exp"].as_i64().expect("an expiry")
}

/// The ids of what `offering` made.
pub struct Offering {
    pub id: String,
    pub organization: String,
    pub service: String,
    pub location: String,
}

/// The offerings of an answer, in order.
pub fn ids(answer: &Value) -> Vec<String> {
    let items = answer["items"].as_array().expect("items");
    items.iter().map(|item| item["offering"]["id"].as_str().expect("an id").to_owned()).collect()
}

/// A SQLite file with a current schema and the ZIP code centres.
fn sqlite_template() -> &'static std::path::Path {
    static TEMPLATE: OnceLock<(tempfile::TempDir, std::path::PathBuf)> = OnceLock::new();
    &TEMPLATE
        .get_or_init(|| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let path = folder.path().join("template.db");
            prepare(&format!("sqlite://{}", path.display()), None);
            // What is still in the log goes into the file, so that the file alone can be copied.
            let mut connection =
                SqliteConnection::establish(path.to_str().expect("a path in UTF-8")).expect("the template");
            diesel::sql_query("PRAGMA wal_checkpoint(TRUNCATE)")
                .execute(&mut connection)
                .expect("a checkpoint");
            (folder, path)
        })
        .1
}

/// A SQLite file with the demonstration, which takes the better part of a second to load.
fn demonstration_template() -> &'static std::path::Path {
    static TEMPLATE: OnceLock<(tempfile::TempDir, std::path::PathBuf)> = OnceLock::new();
    &TEMPLATE
        .get_or_init(|| {
            let causeway = Causeway::on_sqlite();
            let summary = demonstration::load(causeway.store()).expect("the demonstration");
            assert_eq!((summary.read, summary.landed), (summary.created, true), "every row of it is new");
            let App { store, access, vault, .. } = &causeway.context().app;
            let lead = access.development_client(Role::DistrictLead, None).expect("a lead").principal();
            let tenancy = lead.tenancy().expect("a district");
            let errand =
                Errand { principal: Arc::new(lead), tenancy, purpose: Purpose::Operate, request: None };
            demonstration::load_students(store, vault, &errand).expect("fictional students");
            let folder = tempfile::tempdir().expect("a temporary folder");
            let path = folder.path().join("demonstration.db");
            let source = causeway.url.to_string();
            let source = source.strip_prefix("sqlite://").expect("a file");
            let mut connection = SqliteConnection::establish(source).expect("the demonstration's file");
            diesel::sql_query("VACUUM INTO ?")
                .bind::<diesel::sql_types::Text, _>(path.display().to_string())
                .execute(&mut connection)
                .expect("a copy");
            (folder, path)
        })
        .1
}

/// The name of a PostgreSQL database with a current schema and the ZIP code centres.
pub fn postgres_template() -> &'static str {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let (owner, _) = postgres_urls().expect("PostgreSQL is there");
        let name = format!("template_{}", Uuid::now_v7().simple());
        run_as_owner("postgres", &format!("CREATE DATABASE {name}")).expect("a new database");
        prepare(&at_database(&owner, &name), Some("causeway_app"));
        name
    })
}

fn prepare(url: &str, role: Option<&str>) {
    let url: DatabaseUrl = url.parse().expect("a URL");
    Store::migrate(&url, role).expect("a current schema");
    let options = StoreOptions { connections: 1, ..StoreOptions::default() };
    let store = Store::open(&url, options, Clock::System).expect("an open store");
    install_embedded(&store, postal_codes::embedded()).expect("ZIP code centres");
    store.secret("cursor").expect("a key");
    Vault::open(&store, &MasterKeys::default()).expect("keys that open");
}

/// The URLs of the owner of tables and of the application; none where the environment asks for SQLite only.
pub fn postgres_urls() -> Option<(String, String)> {
    if std::env::var("CAUSEWAY_TEST_DATABASES").as_deref() == Ok("sqlite") {
        return None;
    }
    let variable = |name: &str| {
        std::env::var(name).unwrap_or_else(|_| {
            panic!(
                "{name} is not set: run `make test`, which starts a PostgreSQL, or set CAUSEWAY_TEST_DATABASES=sqlite"
            )
        })
    };
    Some((variable("CAUSEWAY_TEST_POSTGRES_OWNER_URL"), variable("CAUSEWAY_TEST_POSTGRES_APP_URL")))
}

/// `url` with another database.
pub fn at_database(url: &str, database: &str) -> String {
    let (server, _) = url.rsplit_once('/').expect("a URL with a database");
    format!("{server}/{database}")
}

pub fn run_as_owner(database: &str, sql: &str) -> Result<(), String> {
    let (owner, _) = postgres_urls().ok_or("SQLite only")?;
    let mut connection =
        diesel::PgConnection::establish(&at_database(&owner, database)).map_err(|error| error.to_string())?;
    diesel::sql_query(sql).execute(&mut connection).map(|_| ()).map_err(|error| error.to_string())
}

/// The names of the migrations of both trees (SQLite's, PostgreSQL's), and the text of SQLite's.
pub fn on_both_names() -> ((Vec<String>, Vec<String>), Vec<String>) {
    let read = |tree: &str| -> Vec<(String, String)> {
        let folder = format!("{}/migrations/{tree}", env!("CARGO_MANIFEST_DIR"));
        let mut migrations: Vec<(String, String)> = std::fs::read_dir(folder)
            .expect("a tree of migrations")
            .map(|entry| {
                let path = entry.expect("a migration").path();
                let text = std::fs::read_to_string(path.join("up.sql")).expect("an up.sql");
                (path.file_name().expect("a name").to_string_lossy().into_owned(), text)
            })
            .collect();
        migrations.sort();
        migrations
    };
    let names = |tree: &[(String, String)]| tree.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let (sqlite, postgres) = (read("sqlite"), read("postgres"));
    ((names(&sqlite), names(&postgres)), sqlite.into_iter().map(|(_, text)| text).collect())
}
