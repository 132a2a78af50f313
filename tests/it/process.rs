//! The real program as a process of its own, which never outlives its test.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use diesel::sql_types::BigInt;
use diesel::{Connection, RunQueryDsl, SqliteConnection};
use serde_json::Value;
use uuid::Uuid;

use crate::support::{at_database, postgres_urls, run_as_owner};

/// Long enough for a busy machine; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(90);

/// Tries until there is something, and fails after [`PATIENCE`].
#[track_caller]
pub fn wait_for<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The program in an empty folder, with no setting but those that the test gives.
pub fn causeway(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_causeway"));
    command.args(arguments).current_dir(folder).env("TMPDIR", folder);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CAUSEWAY_") || name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    // No load balancer is to be given time.
    command.env("CAUSEWAY_DRAIN_SECONDS", "0");
    // Whatever port it listens on, its tokens are for the same name; and most tests ask what anybody may.
    command.env("CAUSEWAY_PUBLIC_URL", "http://127.0.0.1:8080").env("CAUSEWAY_PUBLIC_SEARCH", "true");
    command
}

/// The URL of a SQLite file in `folder`.
pub fn sqlite_url(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("causeway.db").display())
}

/// What a process left behind.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Ended {
    /// It must have ended with this exit code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self:?}");
        self
    }

    /// It must have failed with one sentence that holds these words, and nothing else.
    #[track_caller]
    pub fn refused(self, words: &str) {
        let ended = self.expect(1);
        assert_eq!(ended.out, "", "{ended:?}");
        assert!(
            ended.err.starts_with("causeway: ") && ended.err.contains(words),
            "no {words:?} in {ended:?}"
        );
        assert_eq!(
            (ended.err.matches('\n').count(), ended.err.ends_with('\n')),
            (1, true),
            "one line: {ended:?}"
        );
        assert!(!ended.err.contains("panicked") && !ended.err.contains("backtrace"), "{ended:?}");
    }

    /// The one JSON object that it printed.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A running program. Dropping it kills it.
pub struct Program {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Program {
    pub fn start(mut command: Command) -> Self {
        let folder = command.get_current_dir().expect("a folder of the test").to_owned();
        let [out, err] = ["out", "err"].map(|kind| folder.join(format!("{}.{kind}", Uuid::now_v7())));
        command.stdin(std::process::Stdio::null());
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        Self { child: command.spawn().unwrap(), out, err }
    }

    pub fn out(&self) -> String {
        std::fs::read_to_string(&self.out).unwrap()
    }

    pub fn err(&self) -> String {
        std::fs::read_to_string(&self.err).unwrap()
    }

    /// The address that it says it listens on.
    #[track_caller]
    pub fn address(&mut self) -> String {
        wait_for("the address", || {
            assert!(self.child.try_wait().unwrap().is_none(), "it has ended: {}{}", self.out(), self.err());
            let out = self.out();
            let (line, _) = out.split_once('\n')?;
            Some(line.strip_prefix("listening on ").unwrap_or_else(|| panic!("{out}")).to_owned())
        })
    }

    /// Sends a signal: `TERM`, `INT`, `KILL`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(status.unwrap().success());
    }

    /// Waits for its end.
    #[track_caller]
    pub fn ended(mut self) -> Ended {
        let status = wait_for("the end of the program", || self.child.try_wait().unwrap());
        Ended { status, out: self.out(), err: self.err() }
    }

    /// Asks it to stop, which it must do in good order.
    #[track_caller]
    pub fn stopped(self) -> Ended {
        self.signal("TERM");
        self.ended().expect(0)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // One that has ended is only waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program to its end.
#[track_caller]
pub fn run(folder: &Path, arguments: &[&str]) -> Ended {
    Program::start(causeway(folder, arguments)).ended()
}

/// The status and the text of a URL.
pub fn get(url: &str) -> (u16, String) {
    let mut response = client().get(url).call().unwrap();
    (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
}

/// The status and the text of a URL, asked with a token.
pub fn get_as(token: &str, url: &str) -> (u16, String) {
    let request = client().get(url).header("Authorization", format!("Bearer {token}"));
    let mut response = request.call().unwrap();
    (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
}

/// An operator's token, as the command line gives it.
#[track_caller]
pub fn operator(folder: &Path, url: &str) -> String {
    let mut command = causeway(folder, &["token", "--role", "operator"]);
    command.env("CAUSEWAY_DATABASE_URL", url);
    Program::start(command).ended().expect(0).out.trim().to_owned()
}

/// The status and the JSON of what was posted without a token.
pub fn post(url: &str, body: &Value) -> (u16, Value) {
    let mut response = client().post(url).send_json(body).unwrap();
    (response.status().as_u16(), response.body_mut().read_json().unwrap())
}

/// The status and the JSON of what was posted with a token.
pub fn post_as(token: &str, url: &str, body: &Value) -> (u16, Value) {
    let request = client().post(url).header("Authorization", format!("Bearer {token}"));
    let mut response = request.send_json(body).unwrap();
    (response.status().as_u16(), response.body_mut().read_json().unwrap())
}

/// What sends requests, and takes every status for an answer.
pub fn client() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None);
    config.timeout_global(Some(PATIENCE)).build().new_agent()
}

/// Waits until the finder is loaded.
#[track_caller]
pub fn ready(address: &str) {
    wait_for("/readyz", || (get(&format!("{address}/readyz")).0 == 200).then_some(()));
}

/// How many items a search finds.
pub fn found(address: &str, query: &str) -> u64 {
    let (status, text) = get(&format!("{address}/v1/search?{query}"));
    assert_eq!(status, 200, "{text}");
    serde_json::from_str::<Value>(&text).unwrap()["total"]["value"].as_u64().unwrap()
}

/// A number that a query on a SQLite file gives; none while there is no such table.
pub fn number(file: &Path, query: &str) -> Option<i64> {
    let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    diesel::sql_query("PRAGMA busy_timeout = 5000").execute(&mut connection).unwrap();
    diesel::select(diesel::dsl::sql::<BigInt>(&format!("({query})"))).get_result(&mut connection).ok()
}

/// A PostgreSQL database without a table, gone with this.
pub struct EmptyPostgres {
    name: String,
    pub owner: String,
    pub app: String,
}

impl EmptyPostgres {
    /// None where the environment asks for SQLite only.
    pub fn new() -> Option<Self> {
        let (owner, app) = postgres_urls()?;
        let name = format!("e_{}", Uuid::now_v7().simple());
        run_as_owner("postgres", &format!("CREATE DATABASE {name}")).unwrap();
        Some(Self { owner: at_database(&owner, &name), app: at_database(&app, &name), name })
    }
}

impl Drop for EmptyPostgres {
    fn drop(&mut self) {
        // The whole cluster goes when the tests end; this only keeps it small.
        let _ = run_as_owner("postgres", &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}
