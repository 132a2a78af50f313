//! The audit: what is on the record, the chain over it, and how tampering is found out.

use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;

use actix_web::test::TestRequest;
use causeway::access::{Principal, PrincipalId, Role, Tie};
use causeway::error::Error;
use causeway::privacy::Purpose;
use causeway::privacy::audit::inspection::{FaultKind, Head, Inspection, inspect};
use causeway::privacy::audit::{
    Act, Action, DisclosureColumns, Errand, Outcome, chain, digest_of_disclosure, record,
};
use causeway::store::{Store, StoreOptions, Tenancy, Tenant, Tx};
use causeway::types::{ClientId, DisclosureId, DistrictId, StudentId};
use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl};
use serde_json::{Value, json};

use crate::support::{Causeway, on_both};

/// A district and somebody who works for it.
pub struct District {
    pub tenancy: Tenancy,
    pub errand: Errand,
}

/// An act about nobody in particular.
pub fn act(action: Action) -> Act<'static> {
    Act {
        action,
        resource: "student",
        resource_id: None,
        student: None,
        outcome: Outcome::Done,
        digest: None,
    }
}

/// The number that a query gives to one who works for `tenancy`.
pub fn number(causeway: &Causeway, tenancy: &Tenancy, query: &str) -> i64 {
    #[derive(QueryableByName)]
    struct Number {
        #[diesel(sql_type = BigInt)]
        number: i64,
    }
    let query = format!("SELECT ({query}) AS number");
    causeway
        .store()
        .write_for_now(tenancy, |tx| {
            Ok(diesel::sql_query(&query).get_result::<Number>(tx.connection)?.number)
        })
        .unwrap()
}

impl District {
    pub fn new(causeway: &Causeway) -> Self {
        let body = json!({"name": "Lawrence", "code": "01490000", "state": "MA"});
        let district: DistrictId = causeway.create("/v1/districts", &body).parse().unwrap();
        let tie = Tie::District { district, schools: Vec::new() };
        let role = Role::DistrictLead;
        let principal = Principal {
            id: PrincipalId::Client(ClientId::new()),
            name: "Lead".to_owned(),
            role,
            tie,
            scopes: role.scopes().to_vec(),
        };
        let tenancy = Tenancy::District(Tenant { district, schools: Vec::new() });
        let errand = Errand {
            principal: Arc::new(principal),
            tenancy: tenancy.clone(),
            purpose: Purpose::CoordinateCare,
            request: None,
        };
        Self { tenancy, errand }
    }

    pub fn id(&self) -> DistrictId {
        self.errand.district().unwrap()
    }

    pub fn tenant(&self) -> Tenant {
        Tenant { district: self.id(), schools: Vec::new() }
    }

    pub fn tie(&self) -> Tie {
        Tie::District { district: self.id(), schools: Vec::new() }
    }

    pub fn tell_in(&self, store: &Store, acts: &[Act<'_>]) {
        store.write_for_now(&self.tenancy, |tx| record(tx, &self.errand, acts)).unwrap();
    }

    pub fn tell(&self, causeway: &Causeway, acts: &[Act<'_>]) {
        self.tell_in(causeway.store(), acts);
    }

    /// A student of whom nothing is known.
    pub fn student(&self, causeway: &Causeway) -> StudentId {
        let student = StudentId::new();
        let insert =
            |tx: &mut Tx<'_>| Ok(tx.connection.batch_execute(&self.insert_student(causeway, student))?);
        causeway.store().write_for_now(&self.tenancy, insert).unwrap();
        student
    }

    pub fn insert_student(&self, causeway: &Causeway, student: StudentId) -> String {
        let sealed = if causeway.is_on_postgres() { "decode('01', 'hex')" } else { "X'01'" };
        let at = "'2026-11-22 12:00:00'";
        format!(
            "INSERT INTO students (id, district_id, version, sealed, created_at, updated_at)
             VALUES ('{student}', '{}', 1, {sealed}, {at}, {at})",
            self.id()
        )
    }

    /// The event of a release.
    fn released(&self, id: DisclosureId, student: StudentId, document: &str) -> Act<'static> {
        let (text, of, district) = (id.to_string(), student.to_string(), self.id().to_string());
        let row = DisclosureColumns {
            id: &text,
            student_id: &of,
            district_id: &district,
            recipient_organization_id: None,
            released_at: crate::support::START.parse().unwrap(),
            document,
            sealed: None,
        };
        Act {
            resource: "disclosure",
            resource_id: Some(id.into()),
            student: Some(student),
            digest: Some(digest_of_disclosure(&row)),
            ..act(Action::Release)
        }
    }

    /// A release, with its event.
    pub fn disclose(&self, causeway: &Causeway, student: StudentId) -> DisclosureId {
        let id = DisclosureId::new();
        let document = r#"{"fields": ["name"]}"#;
        let (text, of, district) = (id.to_string(), student.to_string(), self.id().to_string());
        let released = self.released(id, student, document);
        let sql = format!(
            "INSERT INTO disclosures (id, student_id, district_id, released_at, document)
             VALUES ('{text}', '{of}', '{district}', '2026-11-22 12:00:00', '{document}')"
        );
        causeway
            .store()
            .write_for_now(&self.tenancy, |tx| {
                tx.connection.batch_execute(&sql)?;
                record(tx, &self.errand, std::slice::from_ref(&released))
            })
            .unwrap();
        id
    }
}

fn seal(causeway: &Causeway) -> Option<chain::Batch> {
    chain::seal(causeway.store(), &causeway.context().app.vault).unwrap()
}

fn inspected(causeway: &Causeway, noted: Option<&Head>) -> Inspection {
    inspect(causeway.store(), &causeway.context().app.vault, noted, |_, _| {}).unwrap()
}

fn kinds(inspection: &Inspection) -> Vec<FaultKind> {
    inspection.faults.iter().map(|fault| fault.kind).collect()
}

const MINUTES: Duration = Duration::from_mins(2);

on_both! {
    fn every_event_is_sealed_once_in_batches_that_hold_together(causeway) {
        let district = District::new(&causeway);
        assert_eq!(seal(&causeway), None);
        district.tell(&causeway, &[act(Action::Read), act(Action::Change), act(Action::Read)]);
        let waiting = inspected(&causeway, None);
        assert_eq!((waiting.batches, waiting.waiting, waiting.head.clone()), (0, 3, None));
        assert_eq!(kinds(&waiting), [], "they have not waited long");
        let first = seal(&causeway).unwrap();
        assert_eq!((first.number, first.events, first.digest.len()), (1, 3, 32));
        assert_eq!(seal(&causeway), None, "none is sealed twice");
        let many: Vec<Act<'_>> = (0..700).map(|_| act(Action::Read)).collect();
        district.tell(&causeway, &many);
        assert_eq!(chain::seal_all(causeway.store(), &causeway.context().app.vault).unwrap(), 700);
        causeway.clock.advance(MINUTES);
        let whole = inspected(&causeway, None);
        assert_eq!(kinds(&whole), []);
        assert_eq!((whole.batches, whole.events, whole.waiting), (3, 703, 0));
        assert_eq!(whole.head.unwrap().number, 3);
    }
}

on_both! {
    fn what_nobody_seals_is_found_after_a_minute(causeway) {
        let district = District::new(&causeway);
        district.tell(&causeway, &[act(Action::Read)]);
        causeway.clock.advance(Duration::from_secs(59));
        assert_eq!(kinds(&inspected(&causeway, None)), []);
        causeway.clock.advance(Duration::from_secs(2));
        assert_eq!(kinds(&inspected(&causeway, None)), [FaultKind::EventUnsealed]);
        causeway.context().app.seal_audit().unwrap();
        assert_eq!(kinds(&inspected(&causeway, None)), []);
    }
}

on_both! {
    fn nodes_that_seal_at_the_same_time_make_one_chain(causeway) {
        let district = District::new(&causeway);
        let nodes: Vec<Store> = (0..3).map(|_| causeway.another_store(StoreOptions::default())).collect();
        let start = Barrier::new(nodes.len() + 1);
        std::thread::scope(|scope| {
            for node in &nodes {
                let (start, vault) = (&start, &causeway.context().app.vault);
                scope.spawn(move || {
                    start.wait();
                    for _ in 0..20 {
                        match chain::seal(node, vault) {
                            Ok(_) | Err(Error::Overloaded) => {}
                            Err(error) => panic!("{error:?}"),
                        }
                    }
                });
            }
            start.wait();
            for _ in 0..60 {
                district.tell(&causeway, &[act(Action::Read), act(Action::Change)]);
            }
        });
        causeway.context().app.seal_audit().unwrap();
        causeway.clock.advance(MINUTES);
        let whole = inspected(&causeway, None);
        assert_eq!(kinds(&whole), []);
        assert_eq!((whole.events, whole.waiting), (120, 0));
    }
}

/// Runs `body` in a transaction of its own that stays open until the test says so.
struct Held {
    go_on: mpsc::Sender<bool>,
    thread: std::thread::JoinHandle<Result<(), Error>>,
}

impl Held {
    fn new(
        causeway: &Causeway,
        tenancy: &Tenancy,
        body: impl Fn(&mut Tx<'_>) -> Result<(), Error> + Send + 'static,
    ) -> Self {
        let (store, tenancy) = (causeway.another_store(StoreOptions::default()), tenancy.clone());
        let (go_on, wait) = mpsc::channel();
        let (done, began) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            store.write_for_now(&tenancy, |tx| {
                body(tx)?;
                let _ = done.send(());
                let commits = wait.recv().unwrap_or(false);
                if commits { Ok(()) } else { Err(Error::Conflict("rolled back".to_owned())) }
            })
        });
        began.recv().unwrap();
        Self { go_on, thread }
    }

    fn end(self, commits: bool) {
        self.go_on.send(commits).unwrap();
        assert_eq!(self.thread.join().unwrap().is_ok(), commits);
    }
}

// SQLite has one writer: there no transaction commits before one that began earlier.
#[test]
fn an_event_that_commits_late_lands_in_a_later_batch_and_holds_nobody_up() {
    let Some(causeway) = Causeway::on_postgres() else { return };
    let district = District::new(&causeway);
    let errand = district.errand.clone();
    let late = Held::new(&causeway, &district.tenancy, move |tx| record(tx, &errand, &[act(Action::Create)]));
    district.tell(&causeway, &[act(Action::Read), act(Action::Read)]);
    let first = seal(&causeway).unwrap();
    assert_eq!((first.number, first.events), (1, 2), "sealed, though an earlier number is still to come");
    late.end(true);
    let second = seal(&causeway).unwrap();
    assert_eq!((second.number, second.events), (2, 1));
    let sequence = |batch: i64| {
        number(
            &causeway,
            &Tenancy::Keeper,
            &format!("SELECT min(seq) FROM audit_batch_events WHERE batch = {batch}"),
        )
    };
    assert!(sequence(2) < sequence(1), "a high-water mark would have passed it over");
    causeway.clock.advance(MINUTES);
    assert_eq!(kinds(&inspected(&causeway, None)), []);
}

#[test]
fn a_sealer_that_takes_its_time_keeps_no_event_from_committing() {
    let Some(causeway) = Causeway::on_postgres() else { return };
    let district = District::new(&causeway);
    district.tell(&causeway, &[act(Action::Read), act(Action::Read)]);
    // What a sealer does, but for its end.
    let sealer = Held::new(&causeway, &Tenancy::Keeper, |tx| {
        Ok(tx.connection.batch_execute(
            "INSERT INTO audit_batches VALUES (1, 2, decode('01', 'hex'), now());
             INSERT INTO audit_batch_events SELECT seq, 1 FROM audit_unsealed;
             DELETE FROM audit_unsealed",
        )?)
    });
    let (done, committed) = mpsc::channel();
    let (store, other) = (causeway.another_store(StoreOptions::default()), District { ..district });
    let writer = std::thread::spawn(move || {
        other.tell_in(&store, &[act(Action::Change)]);
        done.send(()).unwrap();
    });
    committed.recv_timeout(Duration::from_secs(30)).expect("it commits while the sealer is at work");
    writer.join().unwrap();
    sealer.end(false);
    assert_eq!(seal(&causeway).unwrap().events, 3);
}

#[test]
fn of_two_sealers_one_gets_the_number_and_the_other_looks_again() {
    let Some(causeway) = Causeway::on_postgres() else { return };
    let district = District::new(&causeway);
    district.tell(&causeway, &[act(Action::Read)]);
    let faster = Held::new(&causeway, &Tenancy::Keeper, |tx| {
        Ok(tx
            .connection
            .batch_execute("INSERT INTO audit_batches VALUES (1, 0, decode('01', 'hex'), now())")?)
    });
    let (store, vault) =
        (causeway.another_store(StoreOptions::default()), causeway.context().app.vault.clone());
    let slower = std::thread::spawn(move || chain::seal(&store, &vault));
    while number(&causeway, &Tenancy::Keeper, "SELECT count(*) FROM pg_locks WHERE NOT granted") == 0 {
        std::thread::sleep(Duration::from_millis(20));
    }
    faster.end(true);
    assert_eq!(slower.join().unwrap().unwrap().unwrap().number, 2);
}

/// Three batches of two events each, and a disclosure whose event stands in the first.
fn chained(causeway: &Causeway) -> District {
    let district = District::new(causeway);
    let student = district.student(causeway);
    district.disclose(causeway, student);
    district.tell(causeway, &[act(Action::Read)]);
    seal(causeway).unwrap();
    for _ in 0..2 {
        district.tell(causeway, &[act(Action::Read), act(Action::Change)]);
        seal(causeway).unwrap();
    }
    causeway.clock.advance(MINUTES);
    assert_eq!(kinds(&inspected(causeway, None)), []);
    district
}

/// What was done to the record, and what is found.
const TAMPERED: [(&str, &str, &[FaultKind]); 15] = [
    ("an event was changed", "UPDATE audit_events SET action = 'read' WHERE seq = (SELECT max(seq) FROM audit_batch_events WHERE batch = 2)", &[FaultKind::BatchChanged]),
    ("nothing became an empty text", "UPDATE audit_events SET request_id = '' WHERE seq = (SELECT min(seq) FROM audit_batch_events WHERE batch = 2)", &[FaultKind::BatchChanged]),
    ("an instant was moved by a microsecond", "UPDATE audit_batches SET sealed_at = '2026-11-22 12:00:00.000001' WHERE number = 2", &[FaultKind::BatchChanged]),
    ("an event was taken out of its batch and deleted",
        "CREATE TABLE gone AS SELECT max(seq) AS seq FROM audit_batch_events WHERE batch = 2;
         DELETE FROM audit_batch_events WHERE seq IN (SELECT seq FROM gone); DELETE FROM audit_events WHERE seq IN (SELECT seq FROM gone)",
        &[FaultKind::EventsMissing]),
    ("so was the count", "CREATE TABLE gone AS SELECT max(seq) AS seq FROM audit_batch_events WHERE batch = 2;
         DELETE FROM audit_batch_events WHERE seq IN (SELECT seq FROM gone); DELETE FROM audit_events WHERE seq IN (SELECT seq FROM gone);
         UPDATE audit_batches SET events = 1 WHERE number = 2",
        &[FaultKind::BatchChanged]),
    ("a batch was deleted with its events",
        "CREATE TABLE gone AS SELECT seq FROM audit_batch_events WHERE batch = 2;
         DELETE FROM audit_batch_events WHERE batch = 2; DELETE FROM audit_events WHERE seq IN (SELECT seq FROM gone);
         DELETE FROM audit_batches WHERE number = 2",
        &[FaultKind::BatchMissing]),
    ("the first batch was deleted and the others moved up",
        "CREATE TABLE gone AS SELECT * FROM audit_batches;
         DELETE FROM audit_batch_events WHERE batch = 1; UPDATE audit_batches SET digest = (SELECT digest FROM gone WHERE number = 2) WHERE number = 1;
         UPDATE audit_batch_events SET batch = 1 WHERE batch = 2;
         UPDATE audit_batches SET digest = (SELECT digest FROM gone WHERE number = 3) WHERE number = 2;
         UPDATE audit_batch_events SET batch = 2 WHERE batch = 3; DELETE FROM audit_batches WHERE number = 3",
        &[FaultKind::BatchChanged, FaultKind::BatchChanged, FaultKind::EventUnsealed]),
    ("the last batch was opened again", "DELETE FROM audit_batch_events WHERE batch = 3; DELETE FROM audit_batches WHERE number = 3", &[FaultKind::EventUnsealed]),
    ("two batches were swapped", "UPDATE audit_batch_events SET batch = 5 - batch WHERE batch IN (2, 3)", &[FaultKind::BatchChanged, FaultKind::BatchChanged]),
    (
        "a digest was overwritten",
        "UPDATE audit_batches SET digest = (SELECT first.digest FROM audit_batches AS first WHERE first.number = 1) WHERE number = 2",
        &[FaultKind::BatchChanged, FaultKind::BatchChanged],
    ),
    ("a disclosure was changed", "UPDATE disclosures SET document = '{}'", &[FaultKind::DisclosureChanged]),
    ("a disclosure was made to go elsewhere", "UPDATE disclosures SET released_at = '2026-11-21 12:00:00'", &[FaultKind::DisclosureChanged]),
    ("a disclosure was deleted", "DELETE FROM disclosures", &[FaultKind::DisclosureGone]),
    ("a disclosure was added past the record",
        "INSERT INTO disclosures (id, student_id, district_id, released_at, document) SELECT '1', student_id, district_id, released_at, document FROM disclosures",
        &[FaultKind::DisclosureUnrecorded]),
    ("an event's digest was fitted to a changed disclosure",
        "UPDATE disclosures SET document = '{}'; UPDATE audit_events SET digest = NULL WHERE action = 'release'",
        &[FaultKind::BatchChanged, FaultKind::DisclosureChanged]),
];

fn tampering_is_found(new: impl Fn() -> Causeway) {
    for (what, sql, expected) in TAMPERED {
        let causeway = new();
        chained(&causeway);
        causeway.tamper(sql);
        let found = inspected(&causeway, None);
        assert_eq!(kinds(&found), expected, "{what}: {:?}", found.faults);
    }
}

#[test]
fn whatever_is_done_to_the_record_is_found_on_sqlite() {
    tampering_is_found(Causeway::on_sqlite);
}

#[test]
fn whatever_is_done_to_the_record_is_found_on_postgresql() {
    if crate::support::postgres_urls().is_some() {
        tampering_is_found(|| Causeway::on_postgres().expect("there is one"));
    }
}

on_both! {
    fn an_end_that_was_cut_off_is_found_by_a_head_that_was_noted(causeway) {
        chained(&causeway);
        let noted = inspected(&causeway, None).head.unwrap();
        assert_eq!(kinds(&inspected(&causeway, Some(&noted))), []);
        causeway.tamper(
            "CREATE TABLE gone AS SELECT seq FROM audit_batch_events WHERE batch = 3;
             DELETE FROM audit_batch_events WHERE batch = 3; DELETE FROM audit_events WHERE seq IN (SELECT seq FROM gone);
             DELETE FROM audit_batches WHERE number = 3",
        );
        assert_eq!(kinds(&inspected(&causeway, None)), [], "the rest of the chain holds");
        assert_eq!(kinds(&inspected(&causeway, Some(&noted))), [FaultKind::HeadMissing]);
        let other = Head { number: 2, digest: vec![7; 32] };
        assert_eq!(kinds(&inspected(&causeway, Some(&other))), [FaultKind::HeadMissing]);
    }
}

on_both! {
    fn an_event_that_is_gone_before_it_is_sealed_is_missed(causeway) {
        let district = chained(&causeway);
        district.tell(&causeway, &[act(Action::Read)]);
        causeway.tamper("DELETE FROM audit_events WHERE seq = (SELECT max(seq) FROM audit_events)");
        assert_eq!(kinds(&inspected(&causeway, None)), [FaultKind::EventGone]);
    }
}

on_both! {
    fn a_second_event_cannot_vouch_for_a_changed_disclosure(causeway) {
        let district = District::new(&causeway);
        let student = district.student(&causeway);
        let disclosure = district.disclose(&causeway, student);
        causeway.tamper("UPDATE disclosures SET document = '{}'");
        district.tell(&causeway, &[district.released(disclosure, student, "{}")]);
        assert_eq!(kinds(&inspected(&causeway, None)), [FaultKind::DisclosureChanged]);
    }
}

fn read(causeway: &Causeway, token: &str, query: &str) -> Value {
    causeway.send_as(token, TestRequest::get().uri(&format!("/v1/audit{query}"))).expect(200).json()
}

on_both! {
    fn a_district_reads_its_own_audit_and_that_is_on_the_record_too(causeway) {
        let (district, other) = (District::new(&causeway), District::new(&causeway));
        let student = district.student(&causeway);
        district.tell(&causeway, &[Act { student: Some(student), ..act(Action::Create) }]);
        causeway.clock.advance(MINUTES);
        district.tell(&causeway, &[act(Action::Read)]);
        let reader = causeway.token(Role::AuditReader, &district.tie());
        let first = read(&causeway, &reader, "");
        let told = |answer: &Value| -> Vec<(String, String)> {
            let items = answer["items"].as_array().unwrap();
            let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
            items.iter().map(|item| (text(item, "resource"), text(item, "action"))).collect()
        };
        let event = |resource: &str, action: &str| (resource.to_owned(), action.to_owned());
        assert_eq!(told(&first), [event("student", "read"), event("student", "create")]);
        let created = &first["items"][1];
        assert_eq!((created["principal_name"].as_str(), created["role"].as_str()), (Some("Lead"), Some("district_lead")));
        assert_eq!((created["purpose"].as_str(), created["outcome"].as_str()), (Some("coordinate_care"), Some("done")));
        assert_eq!(created["student_id"], student.to_string());
        let about = read(&causeway, &reader, &format!("?student_id={student}"));
        assert_eq!(told(&about), [event("student", "create")]);
        let lately = read(&causeway, &reader, "?since=2026-11-22T12:01:00Z");
        assert_eq!(told(&lately)[2..], [event("student", "read")], "two readings of the audit came after it");
        assert_eq!(lately["items"][0]["purpose"], "legal_compliance");
        assert!(lately["items"][0]["request_id"].is_string());
        assert_eq!(lately["items"][0]["student_id"], student.to_string(), "about whom it was read");
        let stranger = causeway.token(Role::AuditReader, &other.tie());
        assert_eq!(read(&causeway, &stranger, "")["items"], json!([]));
        assert_eq!(read(&causeway, &stranger, &format!("?student_id={student}"))["items"], json!([]));
    }
}

on_both! {
    fn the_audit_comes_in_pages_that_reading_it_does_not_shift(causeway) {
        let district = District::new(&causeway);
        for _ in 0..5 {
            district.tell(&causeway, &[act(Action::Change)]);
        }
        let reader = causeway.token(Role::DistrictLead, &district.tie());
        let (mut query, mut seen) = ("?limit=2".to_owned(), 0);
        loop {
            let page = read(&causeway, &reader, &query);
            seen += page["items"].as_array().unwrap().len();
            assert!(page["items"].as_array().unwrap().iter().all(|item| item["action"] == "change"));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            query = format!("?limit=2&cursor={cursor}");
        }
        assert_eq!(seen, 5);
        let total = read(&causeway, &reader, "?limit=1")["total"]["value"].as_u64();
        assert_eq!(total, Some(8), "three pages were read");
        for wrong in ["?student_id=x", "?since=yesterday", "?limit=0", "?cursor=x", "?district_id=x"] {
            causeway.send_as(&reader, TestRequest::get().uri(&format!("/v1/audit{wrong}"))).expect(400);
        }
    }
}
