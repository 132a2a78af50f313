//! Many who fight for the same slots, on one process and on two that share a database.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use diesel::{Connection, RunQueryDsl, SqliteConnection};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};
use uuid::Uuid;

use crate::consents::{consent, guardian, signature};
use crate::process::{EmptyPostgres, Program, causeway, client, number, ready, sqlite_url, wait_for};
use crate::seeking::need;
use crate::students::student;

/// How many fight for how many slots, and how often.
struct Size {
    clients: usize,
    pools: usize,
    slots: usize,
    rounds: usize,
}

/// `CAUSEWAY_SOAK=1` asks for the whole of it.
fn size() -> Size {
    if std::env::var_os("CAUSEWAY_SOAK").is_some() {
        Size { clients: 200, pools: 5, slots: 10, rounds: 5 }
    } else {
        Size { clients: 24, pools: 2, slots: 3, rounds: 2 }
    }
}

struct Agency {
    offering: String,
    pool: String,
    staff: String,
}

/// Processes that serve one database, with those who seek and those who are sought.
struct Field {
    folder: TempDir,
    url: String,
    owner: Option<String>,
    _database: Option<EmptyPostgres>,
    nodes: Vec<(Program, String)>,
    operator: String,
    lead: String,
    agencies: Vec<Agency>,
    students: Vec<String>,
    next: AtomicUsize,
}

/// Does something with every item, at once as far as threads go.
fn all_at_once<T: Sync, R: Send>(items: &[T], threads: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads.min(items.len()) {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = work(item);
                    done.lock().unwrap().push(result);
                }
            });
        }
    });
    done.into_inner().unwrap()
}

impl Field {
    fn new(database: Option<EmptyPostgres>, nodes: usize, size: &Size) -> Self {
        let folder = tempdir().unwrap();
        let (url, owner) = match &database {
            Some(database) => (database.app.clone(), Some(database.owner.clone())),
            None => (sqlite_url(folder.path()), None),
        };
        let mut field = Self {
            folder,
            url,
            owner,
            _database: database,
            nodes: Vec::new(),
            operator: String::new(),
            lead: String::new(),
            agencies: Vec::new(),
            students: Vec::new(),
            next: AtomicUsize::new(0),
        };
        for _ in 0..nodes {
            let node = field.start();
            field.nodes.push(node);
        }
        field.operator = field.token(&["--role", "operator"]);
        let district = field.create(
            &field.operator,
            "/v1/districts",
            &json!({"name": "North", "code": "1", "state": "MA"}),
        );
        field.lead = field.token(&["--role", "district_lead", "--district", &district]);
        for _ in 0..size.pools {
            let agency = field.agency();
            field.agencies.push(agency);
        }
        let numbers: Vec<usize> = (0..size.clients).collect();
        field.students = all_at_once(&numbers, 16, |_| field.student());
        field
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = causeway(self.folder.path(), arguments);
        command.env("CAUSEWAY_DATABASE_URL", &self.url).env("CAUSEWAY_TOKEN_MINUTES", "60");
        if let Some(owner) = &self.owner {
            command.env("CAUSEWAY_MIGRATION_URL", owner);
        }
        for limit in ["ADDRESS_READS", "ADDRESS_WRITES", "CALLER_READS", "CALLER_WRITES"] {
            command.env(format!("CAUSEWAY_RATE_LIMIT_{limit}"), "1000000");
        }
        command.env("CAUSEWAY_CONCURRENT_REQUESTS_PER_ADDRESS", "1000");
        command
    }

    fn start(&self) -> (Program, String) {
        let mut program = Program::start(self.command(&["serve", "--listen", "127.0.0.1:0"]));
        let address = program.address();
        ready(&address);
        (program, address)
    }

    fn token(&self, arguments: &[&str]) -> String {
        let arguments: Vec<&str> = std::iter::once("token").chain(arguments.iter().copied()).collect();
        Program::start(self.command(&arguments)).ended().expect(0).out.trim().to_owned()
    }

    /// One node after the other.
    fn node(&self) -> &str {
        &self.nodes[self.next.fetch_add(1, Ordering::Relaxed) % self.nodes.len()].1
    }

    fn send(&self, token: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.try_send(token, method, path, body).unwrap()
    }

    /// Sends; what is shed under load is sent again with the same key, as a client would. Fails where nobody answers.
    fn try_send(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<(u16, Value), ureq::Error> {
        let key = format!("\"{}\"", Uuid::now_v7());
        for _ in 0..200 {
            let url = format!("{}{path}", self.node());
            let builder = match method {
                "PUT" => client().put(url),
                _ => client().post(url),
            };
            let request =
                builder.header("Authorization", format!("Bearer {token}")).header("Idempotency-Key", &key);
            let mut response = request.send_json(body)?;
            let status = response.status().as_u16();
            if !matches!(status, 429 | 503) {
                return Ok((status, response.body_mut().read_json()?));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{path} was shed again and again");
    }

    fn get(&self, token: &str, path: &str) -> Value {
        for _ in 0..200 {
            let url = format!("{}{path}", self.node());
            let mut response =
                client().get(url).header("Authorization", format!("Bearer {token}")).call().unwrap();
            if response.status().as_u16() == 200 {
                return response.body_mut().read_json().unwrap();
            }
            assert!(matches!(response.status().as_u16(), 429 | 503), "{path}: {}", response.status());
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{path} was shed again and again");
    }

    fn create(&self, token: &str, path: &str, body: &Value) -> String {
        let (status, made) = self.send(token, "POST", path, body);
        assert_eq!(status, 201, "{path}: {made}");
        made["id"].as_str().unwrap().to_owned()
    }

    fn agency(&self) -> Agency {
        let create = |path: &str, body: Value| self.create(&self.operator, path, &body);
        let organization = create(
            "/v1/organizations",
            json!({"name": "Agency", "engagement": "enrolled", "facility_type": "outpatient_clinic"}),
        );
        let service = create(
            "/v1/services",
            json!({"organization_id": organization, "name": "Counseling", "status": "active", "audience": ["students"]}),
        );
        let place = json!({"latitude": 42.7070, "longitude": -71.1631, "quality": "rooftop"});
        let location = create("/v1/locations", json!({"name": "Clinic", "coordinates": place}));
        let offering =
            create("/v1/offerings", json!({"service_id": service, "location_id": location, "grain": "team"}));
        let shown = self.get(&self.operator, &format!("/v1/offerings/{offering}"));
        let staff = self.token(&["--role", "agency_staff", "--organization", &organization]);
        Agency { offering, pool: shown["capacity_pool_id"].as_str().unwrap().to_owned(), staff }
    }

    fn student(&self) -> String {
        let id =
            self.create(&self.lead, "/v1/students", &student(None, &Uuid::now_v7().simple().to_string()));
        let guardian = self.create(&self.lead, &format!("/v1/students/{id}/guardians"), &guardian("full"));
        let mut facts = consent();
        let signed = signature(&json!({"guardian": guardian}));
        let until = jiff::Zoned::now().date().saturating_add(jiff::Span::new().days(300)).to_string();
        let changes = json!({"purposes": ["coordinate_care"], "expires_on": until, "signatures": [signed]});
        json_patch::merge(&mut facts, &changes);
        self.create(&self.lead, &format!("/v1/students/{id}/consents"), &facts);
        id
    }

    fn claims(&self, agency: &Agency, slots: usize) {
        let path = format!("/v1/capacity-pools/{}/availability", agency.pool);
        let (status, said) =
            self.send(&agency.staff, "PUT", &path, &json!({"status": "capacity", "open_slots": slots}));
        assert_eq!(status, 200, "{said}");
    }

    /// Every offer to an agency, the latest first.
    fn offers(&self, agency: &Agency) -> Vec<Value> {
        let mut path = "/v1/offers?limit=100".to_owned();
        let mut all = Vec::new();
        loop {
            let page = self.get(&agency.staff, &path);
            all.extend(page["items"].as_array().unwrap().clone());
            let Some(next) = page["next_cursor"].as_str() else { return all };
            path = format!("/v1/offers?limit=100&cursor={next}");
        }
    }

    fn open_offers(&self, agency: &Agency) -> Vec<Value> {
        self.offers(agency).into_iter().filter(|offer| offer["status"] == "requested").collect()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

/// Each refers one student to one of the pools, all at once; then agencies decline and accept, all at once; in the end
/// nobody has what is not there, and everybody got their turn in the order in which they came.
fn fight(field: &Field, size: &Size) {
    for agency in &field.agencies {
        field.claims(agency, size.slots);
    }
    let seekers: Vec<(usize, &String)> = field.students.iter().enumerate().collect();
    let referrals: Vec<(usize, String)> = all_at_once(&seekers, size.clients, |(number, student)| {
        let pool = number % size.pools;
        let urgency = if number % 5 == 0 { "urgent" } else { "routine" };
        let body = json!({
            "student_id": student, "need": need(), "urgency": urgency, "submit": true,
            "shortlist": {"offerings": [field.agencies[pool].offering]},
        });
        (pool, field.create(&field.lead, "/v1/referrals", &body))
    });
    let each = size.clients / size.pools;
    for agency in &field.agencies {
        assert_eq!(
            field.open_offers(agency).len(),
            size.slots.min(each),
            "as many hold as there are slots, and no more"
        );
        let claim = field.get(&agency.staff, &format!("/v1/capacity-pools/{}/availability", agency.pool));
        assert_eq!(claim["effective_open_slots"], 0, "{claim}");
    }
    // Who waits, in the order in which they are to be asked.
    let line = |pool: usize| -> Vec<String> {
        let mut line: Vec<(bool, String, String, String)> = Vec::new();
        for (_, referral) in referrals.iter().filter(|(of, _)| *of == pool) {
            let shown = field.get(&field.lead, &format!("/v1/referrals/{referral}"));
            let offers = field.get(&field.lead, &format!("/v1/referrals/{referral}/offers"));
            for entry in offers["wait_list_entries"].as_array().unwrap() {
                if entry["status"] == "waiting" {
                    let urgent = shown["urgency"] == "urgent";
                    line.push((
                        !urgent,
                        text(&entry["joined_at"]).to_owned(),
                        text(&entry["id"]).to_owned(),
                        referral.clone(),
                    ));
                }
            }
        }
        line.sort();
        line.into_iter().map(|(_, _, _, referral)| referral).collect()
    };
    for pool in 0..size.pools {
        let agency = &field.agencies[pool];
        let waiting = line(pool);
        assert_eq!(waiting.len(), each - size.slots.min(each), "nobody is lost");
        let open = field.open_offers(agency);
        let declined = open.len().div_ceil(2);
        all_at_once(&open[..declined], size.clients, |offer| {
            let path = format!("/v1/offers/{}/actions", text(&offer["id"]));
            let (status, said) =
                field.send(&agency.staff, "POST", &path, &json!({"action": "decline", "reason": "age"}));
            assert_eq!(status, 200, "{said}");
        });
        let next = declined.min(waiting.len());
        let held = open.len() - declined + next;
        wait_for("the free slots to be offered", || (field.open_offers(agency).len() == held).then_some(()));
        let before: Vec<&str> = open.iter().map(|offer| text(&offer["referral_id"])).collect();
        let promoted: Vec<String> = field
            .open_offers(agency)
            .iter()
            .map(|offer| text(&offer["referral_id"]).to_owned())
            .filter(|referral| !before.contains(&referral.as_str()))
            .collect();
        let mut promoted_sorted = promoted.clone();
        promoted_sorted.sort();
        let mut expected = waiting[..next].to_vec();
        expected.sort();
        assert_eq!(promoted_sorted, expected, "those who stood first, and nobody else");
        // Whoever is asked is accepted, by two at the same time: once.
        let asked = field.open_offers(agency);
        let twice: Vec<&Value> = asked.iter().chain(&asked).collect();
        let answers = all_at_once(&twice, size.clients, |offer| {
            let path = format!("/v1/offers/{}/actions", text(&offer["id"]));
            field.send(&agency.staff, "POST", &path, &json!({"action": "accept"})).0
        });
        let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
        for status in answers {
            *counts.entry(status).or_default() += 1;
        }
        assert_eq!(counts, BTreeMap::from([(200, asked.len()), (409, asked.len())]));
        assert!(asked.len() <= size.slots);
    }
    // Nobody stays for the next round.
    all_at_once(&referrals, size.clients, |(_, referral)| {
        let path = format!("/v1/referrals/{referral}/actions");
        let (status, said) = field.send(
            &field.lead,
            "POST",
            &path,
            &json!({"action": "enter_in_error", "reason": "the round is over"}),
        );
        assert_eq!(status, 200, "{said}");
    });
    for agency in &field.agencies {
        let claim = field.get(&agency.staff, &format!("/v1/capacity-pools/{}/availability", agency.pool));
        assert_eq!(claim["effective_open_slots"], size.slots, "nothing is held for ever: {claim}");
    }
    for (program, _) in &field.nodes {
        assert_eq!(program.err().matches(" ERROR ").count(), 0, "{}", program.err());
    }
}

#[test]
fn those_who_fight_for_slots_on_two_processes_get_no_more_than_there_are_in_their_order() {
    let Some(database) = EmptyPostgres::new() else { return };
    let size = size();
    let field = Field::new(Some(database), 2, &size);
    for _ in 0..size.rounds {
        fight(&field, &size);
    }
}

#[test]
fn those_who_fight_for_slots_on_one_file_get_no_more_than_there_are_in_their_order() {
    let size = size();
    let field = Field::new(None, 1, &size);
    for _ in 0..size.rounds {
        fight(&field, &size);
    }
}

/// What was acknowledged before a kill.
#[derive(Default)]
struct Acknowledged {
    referrals: Vec<String>,
    declined: Vec<String>,
}

/// Refers, declines and lets time run out until the node is killed.
fn killed_mid_cascade(field: &mut Field, after: Duration) -> Acknowledged {
    let acknowledged = Mutex::new(Acknowledged::default());
    let file = field.folder.path().join("causeway.db");
    std::thread::scope(|scope| {
        let field = &*field;
        let (acknowledged, file) = (&acknowledged, &file);
        for (number, student) in field.students.iter().enumerate() {
            scope.spawn(move || {
                let shortlist: Vec<&str> = field.agencies.iter().map(|agency| agency.offering.as_str()).collect();
                let body = json!({
                    "student_id": student, "need": need(), "submit": true, "shortlist": {"offerings": shortlist},
                });
                loop {
                    let agency = &field.agencies[number % field.agencies.len()];
                    let Ok((status, made)) = field.try_send(&field.lead, "POST", "/v1/referrals", &body) else { return };
                    assert_eq!(status, 201, "{made}");
                    acknowledged.lock().unwrap().referrals.push(text(&made["id"]).to_owned());
                    let list = client().get(format!("{}/v1/offers?open=true", field.node()));
                    let listed = list.header("Authorization", format!("Bearer {}", agency.staff)).call();
                    let Ok(mut listed) = listed else { return };
                    let Ok(listed) = listed.body_mut().read_json::<Value>() else { return };
                    let Some(offer) = listed["items"][0]["id"].as_str() else { continue };
                    let path = format!("/v1/offers/{offer}/actions");
                    let answer = json!({"action": "decline", "reason": "age"});
                    match field.try_send(&agency.staff, "POST", &path, &answer) {
                        Ok((200, _)) => acknowledged.lock().unwrap().declined.push(offer.to_owned()),
                        // Another was faster, or the clock.
                        Ok((409, _)) => {}
                        Ok((status, said)) => panic!("{status} {said}"),
                        Err(_) => return,
                    }
                }
            });
        }
        scope.spawn(move || {
            std::thread::sleep(after / 2);
            run_out(file);
            std::thread::sleep(after / 2);
            field.nodes[0].0.signal("KILL");
        });
    });
    let killed = field.nodes.remove(0);
    killed.0.ended();
    // Others run out while nobody is there.
    run_out(&file);
    let node = field.start();
    field.nodes.push(node);
    acknowledged.into_inner().unwrap()
}

/// The time for every reply is over.
fn run_out(file: &std::path::Path) {
    let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    // Servers look for the lock each millisecond, and SQLite more and more rarely.
    diesel::sql_query("PRAGMA busy_timeout = 60000").execute(&mut connection).unwrap();
    let all = "UPDATE offers SET due_at = '2020-01-01 00:00:00' WHERE due_at IS NOT NULL";
    diesel::sql_query(all).execute(&mut connection).unwrap();
}

/// `CAUSEWAY_SOAK=1` does it a hundred times.
#[test]
fn after_a_kill_mid_cascade_what_was_acknowledged_is_there_and_each_clock_runs_out_once() {
    let size = Size { clients: 6, pools: 3, slots: 2, rounds: 0 };
    let mut field = Field::new(None, 1, &size);
    for agency in &field.agencies {
        field.claims(agency, size.slots);
    }
    let file = field.folder.path().join("causeway.db");
    let count = |query: &str| number(&file, query).unwrap();
    let rounds: u64 = if std::env::var_os("CAUSEWAY_SOAK").is_some() { 100 } else { 3 };
    let (mut referred, mut declined) = (0, 0);
    for round in 0..rounds {
        let acknowledged = killed_mid_cascade(&mut field, Duration::from_millis(400 + (round * 97) % 900));
        for id in &acknowledged.referrals {
            assert_eq!(count(&format!("SELECT COUNT(*) FROM referrals WHERE id = '{id}'")), 1, "{id}");
        }
        for id in &acknowledged.declined {
            assert_eq!(
                count(&format!("SELECT COUNT(*) FROM offers WHERE id = '{id}' AND state = 'rejected'")),
                1,
                "{id}"
            );
        }
        referred += acknowledged.referrals.len();
        declined += acknowledged.declined.len();
        wait_for("what is due to be done", || {
            (count("SELECT COUNT(*) FROM offers WHERE due_at < '2021-01-01'") == 0).then_some(())
        });
        for (fault, query) in [
            (
                "an offer that ran out twice",
                "SELECT COUNT(*) FROM (SELECT 1 FROM referral_events WHERE event = 'expire' GROUP BY subject_id HAVING COUNT(*) > 1)",
            ),
            (
                "an offer whose history has a gap",
                "SELECT COUNT(*) FROM offers o WHERE o.version <> (SELECT COUNT(*) FROM referral_events e WHERE e.subject_id = o.id)",
            ),
            (
                "a referral whose history has a gap",
                "SELECT COUNT(*) FROM referrals r WHERE r.version <> (SELECT COUNT(*) FROM referral_events e WHERE e.subject_id = r.id)",
            ),
            (
                "a slot that is held for nothing",
                "SELECT COUNT(*) FROM slot_holds h LEFT JOIN offers o ON o.id = h.id WHERE h.released_at IS NULL AND (o.id IS NULL OR o.state NOT IN ('requested', 'pending_verification', 'accepted'))",
            ),
            (
                "an active referral of which nothing is due",
                "SELECT COUNT(*) FROM referrals WHERE status = 'active' AND due_at IS NULL",
            ),
            (
                "a release without an offer, or the other way round",
                "SELECT abs((SELECT COUNT(*) FROM offers) - (SELECT COUNT(*) FROM disclosures))",
            ),
        ] {
            assert_eq!(count(query), 0, "{fault}");
        }
    }
    assert!(referred > 0 && declined > 0, "{referred} {declined}");
    // Those who wait are asked, and their time runs out too, whatever did before.
    let asked = "SELECT COUNT(*) FROM offers WHERE state = 'requested'";
    wait_for("somebody to be asked", || (count(asked) > 0).then_some(()));
    run_out(&file);
    wait_for("that to run out", || {
        (count("SELECT COUNT(*) FROM offers WHERE due_at < '2021-01-01'") == 0).then_some(())
    });
    assert!(count("SELECT COUNT(*) FROM referral_events WHERE event = 'expire'") > 0);
}
