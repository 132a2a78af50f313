//! Two processes that serve one PostgreSQL: what one is told, the other shows.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use crate::process::{
    EmptyPostgres, Program, causeway, client, found, get, operator, post_as, ready, wait_for,
};

const LAWRENCE: &str = "postal_code=01840";

/// A process that serves, and where.
struct Node {
    program: Program,
    address: String,
}

/// Two of them on one database, which has one offering.
struct Pair {
    folder: TempDir,
    database: EmptyPostgres,
    token: String,
    offering: String,
    one: Node,
    other: Node,
}

fn start(folder: &TempDir, database: &EmptyPostgres) -> Node {
    let mut command = causeway(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    command.env("CAUSEWAY_DATABASE_URL", &database.app).env("CAUSEWAY_MIGRATION_URL", &database.owner);
    let mut program = Program::start(command);
    let address = program.address();
    ready(&address);
    Node { program, address }
}

impl Pair {
    fn new() -> Option<Self> {
        let (database, folder) = (EmptyPostgres::new()?, tempdir().unwrap());
        let (one, other) = (start(&folder, &database), start(&folder, &database));
        let token = operator(folder.path(), &database.app);
        let create = |path: &str, body: Value| {
            let (status, created) = post_as(&token, &format!("{}{path}", one.address), &body);
            assert_eq!(status, 201, "{created}");
            created["id"].as_str().unwrap().to_owned()
        };
        let organization = create("/v1/organizations", json!({"name": "Agency", "engagement": "listed"}));
        let service = create(
            "/v1/services",
            json!({"organization_id": organization, "name": "Counseling", "status": "active", "audience": ["students"]}),
        );
        let place = json!({"latitude": 42.7070, "longitude": -71.1631, "quality": "rooftop"});
        let location = create("/v1/locations", json!({"name": "Clinic", "coordinates": place}));
        let offering =
            create("/v1/offerings", json!({"service_id": service, "location_id": location, "grain": "team"}));
        Some(Self { folder, database, token, offering, one, other })
    }

    /// Says at this node what the pool of the offering can take.
    fn claim(&self, at: &Node, report: &Value) {
        let url = format!("{}/v1/offerings/{}/availability", at.address, self.offering);
        let request = client().put(url).header("Authorization", format!("Bearer {}", self.token));
        assert_eq!(request.send_json(report).unwrap().status().as_u16(), 200);
    }

    fn as_owner(&self) -> PgConnection {
        PgConnection::establish(&self.database.owner).unwrap()
    }
}

/// Waits until a search at this node finds the offering, or does not.
fn shows(at: &Node, availability: &str, finds: bool) {
    wait_for(&format!("availability={availability} to give {finds}"), || {
        let count = found(&at.address, &format!("{LAWRENCE}&availability={availability}"));
        (count == u64::from(finds)).then_some(())
    });
}

fn capacity() -> Value {
    json!({"status": "capacity", "open_slots": 1})
}

fn none() -> Value {
    json!({"status": "no-capacity"})
}

#[test]
fn what_one_process_is_told_the_other_shows_also_when_it_was_killed_and_came_back() {
    let Some(mut pair) = Pair::new() else { return };
    pair.claim(&pair.one, &capacity());
    assert_eq!(found(&pair.one.address, &format!("{LAWRENCE}&availability=open")), 1, "its own node at once");
    shows(&pair.other, "open", true);
    pair.claim(&pair.other, &none());
    assert_eq!(found(&pair.other.address, &format!("{LAWRENCE}&availability=open")), 0);
    shows(&pair.one, "open", false);

    pair.other.program.signal("KILL");
    pair.claim(&pair.one, &capacity());
    pair.other = start(&pair.folder, &pair.database);
    assert_eq!(found(&pair.other.address, &format!("{LAWRENCE}&availability=open")), 1);
    pair.claim(&pair.one, &none());
    shows(&pair.other, "open", false);
    for node in [&pair.one, &pair.other] {
        assert_eq!(node.program.err().matches(" ERROR ").count(), 0, "{}", node.program.err());
    }
}

#[test]
fn a_bell_that_is_lost_costs_nothing_but_a_moment() {
    let Some(pair) = Pair::new() else { return };
    // Every connection, for nobody but a superuser is told which of them listen. Before the change, so that there is no
    // bell when it is made, and after it, so that none that came back hears of it. The server's own workers have no name.
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND usename IS NOT NULL AND pid <> pg_backend_pid()";
    let mut owner = pair.as_owner();
    for round in 0..3 {
        owner.batch_execute(end).unwrap();
        let report = if round % 2 == 0 { capacity() } else { none() };
        pair.claim(&pair.one, &report);
        owner.batch_execute(end).unwrap();
        shows(&pair.other, "open", round % 2 == 0);
    }
    wait_for("both to say that it was lost", || {
        [&pair.one, &pair.other]
            .iter()
            .all(|node| node.program.err().contains("wake each other"))
            .then_some(())
    });
    pair.claim(&pair.other, &capacity());
    shows(&pair.one, "open", true);
}

#[test]
fn a_transaction_that_stays_open_holds_up_neither_process() {
    let Some(pair) = Pair::new() else { return };
    let mut long = pair.as_owner();
    // It has a number in the feed, lower than all that follow.
    long.batch_execute(&format!(
        "BEGIN; INSERT INTO changes (noun, subject_id, version, recorded_at)
         VALUES ('offering', '{}', 1, now() AT TIME ZONE 'UTC')",
        pair.offering
    ))
    .unwrap();
    pair.claim(&pair.one, &capacity());
    shows(&pair.other, "open", true);
    pair.claim(&pair.other, &none());
    shows(&pair.one, "open", false);
    long.batch_execute(&format!(
        "UPDATE offerings SET retired_at = now() AT TIME ZONE 'UTC', version = version + 1 WHERE id = '{}'; COMMIT",
        pair.offering
    ))
    .unwrap();
    for node in [&pair.one, &pair.other] {
        wait_for("what was committed late to be gone", || {
            (found(&node.address, LAWRENCE) == 0).then_some(())
        });
    }
}

#[test]
fn a_process_that_falls_out_of_step_says_so_and_is_ready_again_once_it_is_in_step() {
    let Some(pair) = Pair::new() else { return };
    let readiness = |node: &Node| {
        let (status, text) = get(&format!("{}/readyz", node.address));
        (status, serde_json::from_str::<Value>(&text).unwrap())
    };
    let (_, before) = readiness(&pair.other);
    assert!(before["lag_ms"].as_u64().unwrap() < 5_000, "{before}");
    // What every look at the feed reads, but nothing that a request reads.
    let mut owner = pair.as_owner();
    owner.batch_execute("BEGIN; LOCK TABLE change_purges IN ACCESS EXCLUSIVE MODE").unwrap();
    let began = Instant::now();
    let told = wait_for("/readyz to say no", || {
        let (status, told) = readiness(&pair.other);
        (status == 503).then_some(told)
    });
    assert!(began.elapsed() > Duration::from_secs(20), "a moment does not take it out of service");
    assert_eq!(told["code"], "unavailable");
    assert!(told["detail"].as_str().unwrap().contains("in step"), "{told}");
    owner.batch_execute("COMMIT").unwrap();
    wait_for("/readyz to say yes", || (readiness(&pair.other).0 == 200).then_some(()));
    pair.claim(&pair.one, &capacity());
    shows(&pair.other, "open", true);
}
