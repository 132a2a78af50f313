//! Deletion by destroying a key, and the legal holds that stop it.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::test::TestRequest;
use causeway::access::Role;
use causeway::privacy::Purpose;
use causeway::privacy::audit::Errand;
use causeway::store::{Store, Tenancy, Tenant};
use causeway::students::erasure::{self, ErasureReason};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::Binary;
use serde_json::json;
use tempfile::tempdir;

use crate::process::{run, sqlite_url};
use crate::students::{District, create, get, post, student};
use crate::support::{Causeway, on_both};

#[derive(QueryableByName)]
struct Bytes {
    #[diesel(sql_type = Binary)]
    bytes: Vec<u8>,
}

fn bytes(causeway: &Causeway, district: &str, sql: &str) -> Vec<Vec<u8>> {
    let tenancy = Tenancy::District(Tenant { district: district.parse().unwrap(), schools: Vec::new() });
    let rows: Vec<Bytes> = causeway
        .store()
        .write_for_now(&tenancy, |tx| Ok(diesel::sql_query(sql).load(tx.connection)?))
        .unwrap();
    rows.into_iter().map(|row| row.bytes).collect()
}

fn released(causeway: &Causeway, lead: &str, id: &str) -> String {
    let body = json!({
        "recipient": {"caseworker": {"name": "C. Worker", "position": "caseworker", "affiliation": "DCF"}},
        "packet": "identity", "fields": ["given_name"], "purpose": "care_and_protection",
        "basis": "child_welfare_caseworker", "on_file": "placement letter"
    });
    let made = post(causeway, lead, &format!("/v1/students/{id}/disclosures"), &body).expect(201).json();
    assert_eq!(made["packet"], json!({"given_name": "Rosa"}));
    made["disclosure"]["id"].as_str().unwrap().to_owned()
}

/// The arguments of a command of the real program on this database, which must end with this code.
fn command(causeway: &Causeway, arguments: &[&str], code: i32) -> String {
    let folder = tempdir().unwrap();
    let url = causeway.url();
    let mut all = arguments.to_vec();
    all.extend(["--database-url", url.as_str()]);
    let owner = causeway.owner_url();
    if let Some(owner) = &owner {
        all.extend(["--migration-url", owner.as_str()]);
    }
    let done = run(folder.path(), &all).expect(code);
    format!("{}{}", done.out, done.err)
}

on_both! {
    fn a_deleted_student_is_gone_and_the_record_of_releases_stays_without_identity(causeway) {
        let District { id: district, lead, .. } = District::new(&causeway, "0149");
        let (gone, stays) = (
            create(&causeway, &lead, "/v1/students", &student(None, "1")),
            create(&causeway, &lead, "/v1/students", &student(None, "2")),
        );
        let guardian = json!({"given_name": "M", "family_name": "E", "relationship": "parent", "access": "full", "access_basis": "form"});
        create(&causeway, &lead, &format!("/v1/students/{gone}/guardians"), &guardian);
        let release = released(&causeway, &lead, &gone);
        let sql = format!("SELECT wrapped AS bytes FROM student_keys WHERE student_id = '{gone}'");
        let key = bytes(&causeway, &district, &sql).pop().unwrap();
        assert!(causeway.files_hold(&key) != Some(false), "the search finds a key that is there");
        let said = command(&causeway, &["students", "erase", "--district", &district, "--student", &gone, "--reason", "request"], 0);
        assert!(said.contains("1 deleted, 0 refused"), "{said}");
        get(&causeway, &lead, &format!("/v1/students/{gone}")).expect(404);
        get(&causeway, &lead, &format!("/v1/students/{gone}/guardians")).expect(404);
        get(&causeway, &lead, &format!("/v1/students/{stays}")).expect(200);
        assert!(bytes(&causeway, &district, &sql).is_empty());
        for table in ["students", "guardians"] {
            let column = if table == "students" { "id" } else { "student_id" };
            let sealed = bytes(&causeway, &district, &format!("SELECT sealed AS bytes FROM {table} WHERE {column} = '{gone}'"));
            assert_eq!(sealed, [Vec::<u8>::new()], "{table}");
        }
        assert!(causeway.files_hold(&key) != Some(true), "the key is in no file");
        let report = get(&causeway, &lead, "/v1/disclosures").expect(200).json();
        assert_eq!(report["items"][0]["id"], json!(release));
        assert_eq!(report["items"][0]["student_id"], json!(gone));
        create(&causeway, &lead, "/v1/students", &student(None, "1"));
        let again = command(&causeway, &["students", "erase", "--district", &district, "--student", &gone, "--reason", "request"], 1);
        assert!(again.contains("there is no student"), "{again}");
        causeway.context().app.seal_audit().unwrap();
        let doctor = command(&causeway, &["doctor"], 0);
        assert!(doctor.contains("nothing is wrong"), "{doctor}");
    }
}

on_both! {
    fn a_legal_hold_stops_every_deletion_until_it_is_lifted(causeway) {
        let District { id: district, lead, .. } = District::new(&causeway, "0149");
        let other = District::new(&causeway, "0201");
        let (held, free) = (
            create(&causeway, &lead, "/v1/students", &student(None, "1")),
            create(&causeway, &lead, "/v1/students", &student(None, "2")),
        );
        let enrolled = create(&causeway, &lead, "/v1/students", &student(None, "3"));
        for id in [&held, &free] {
            let leave = TestRequest::delete().uri(&format!("/v1/students/{id}")).insert_header(("If-Match", "*"));
            causeway.send_as(&lead, leave).expect(204);
        }
        let crisis = json!({"student_id": held});
        post(&causeway, &lead, "/v1/crisis-events", &crisis).expect(201);
        let which = ["--district", district.as_str(), "--student", held.as_str()];
        let hold: Vec<&str> = ["students", "hold"].into_iter().chain(which).chain(["--reason", "Canary v. District"]).collect();
        command(&causeway, &hold, 0);
        assert!(!causeway.holds_text("Canary v. District"), "the reason lies sealed");
        let one: Vec<&str> = ["students", "erase"].into_iter().chain(which).chain(["--reason", "court"]).collect();
        let said = command(&causeway, &one, 1);
        assert!(said.contains("a legal hold of"), "{said}");
        let foreign = ["students", "erase", "--district", other.id.as_str(), "--student", free.as_str(), "--reason", "court"];
        assert!(command(&causeway, &foreign, 1).contains("there is no student"));
        let all = ["students", "erase", "--district", district.as_str(), "--left-before", "2100-01-01", "--reason", "retention"];
        let dry: Vec<&str> = all.into_iter().chain(["--dry-run"]).collect();
        assert!(command(&causeway, &dry, 0).contains(&free));
        get(&causeway, &lead, &format!("/v1/students/{free}")).expect(200);
        let said = command(&causeway, &all, 0);
        assert!(said.contains("1 deleted, 0 refused"), "{said}");
        get(&causeway, &lead, &format!("/v1/students/{free}")).expect(404);
        for id in [&held, &enrolled] {
            get(&causeway, &lead, &format!("/v1/students/{id}")).expect(200);
        }
        assert!(command(&causeway, &["students", "holds", "--district", &district], 0).contains("Canary v. District"));
        let lift: Vec<&str> = ["students", "lift"].into_iter().chain(which).collect();
        assert!(command(&causeway, &lift, 0).contains("1 holds"));
        // Somebody may still be in danger: first a person clears the event.
        assert!(command(&causeway, &one, 1).contains("a crisis event of the student"));
        causeway.as_owner(&format!("{} UPDATE crisis_events SET cleared_at = reported_at", unforced(&causeway))).unwrap();
        assert!(command(&causeway, &one, 0).contains("1 deleted"));
        assert!(command(&causeway, &lift, 1).contains("there is no student"));
    }
}

on_both! {
    fn a_deletion_waits_for_a_legal_hold_that_is_being_placed_and_then_stops(causeway) {
        let District { id: district, lead, .. } = District::new(&causeway, "0149");
        let id = create(&causeway, &lead, "/v1/students", &student(None, "1")).parse().unwrap();
        let tenancy = Tenancy::District(Tenant { district: district.parse().unwrap(), schools: Vec::new() });
        let app = &causeway.context().app;
        let lead = app.access.development_client(Role::DistrictLead, None).unwrap().principal();
        let errand = Errand { principal: Arc::new(lead), tenancy, purpose: Purpose::Operate, request: None };
        let (placed, wait_placed) = channel();
        let (go_on, wait_go_on) = channel::<()>();
        let wait_go_on = Mutex::new(wait_go_on);
        std::thread::scope(|scope| {
            let holding = scope.spawn(|| {
                app.store.write_for_now(&errand.tenancy, |tx| {
                    erasure::hold(tx, &app.vault, &errand, id, "the case")?;
                    placed.send(()).unwrap();
                    wait_go_on.lock().unwrap().recv().unwrap();
                    Ok(())
                })
            });
            wait_placed.recv().unwrap();
            let deleting = scope.spawn(|| {
                app.store.write_for_now(&errand.tenancy, |tx| {
                    erasure::erase(tx, &app.vault, &errand, id, ErasureReason::Retention)
                })
            });
            std::thread::sleep(Duration::from_millis(300));
            let waits = !deleting.is_finished();
            go_on.send(()).unwrap();
            holding.join().unwrap().unwrap();
            let refused = deleting.join().unwrap().unwrap_err().to_string();
            assert!(waits && refused.contains("a legal hold of"), "{refused}");
        });
    }
}

/// What lets the owner of the tables past the second lock.
fn unforced(causeway: &Causeway) -> &'static str {
    if causeway.owner_url().is_some() { "ALTER TABLE crisis_events NO FORCE ROW LEVEL SECURITY;" } else { "" }
}

#[test]
fn scrubbing_needs_the_owner_on_postgresql_and_nobody_on_sqlite() {
    let folder = tempdir().unwrap();
    let url = sqlite_url(folder.path());
    run(folder.path(), &["migrate", "--database-url", &url]).expect(0);
    assert!(Store::scrub(&url.parse().unwrap(), None).unwrap());
    if let Some(causeway) = Causeway::on_postgres() {
        assert!(!Store::scrub(&causeway.url().parse().unwrap(), None).unwrap());
        assert!(
            Store::scrub(
                &causeway.url().parse().unwrap(),
                Some(&causeway.owner_url().unwrap().parse().unwrap())
            )
            .unwrap()
        );
    }
}
