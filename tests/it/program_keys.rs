//! Master keys and the check of the database, from the command line.

use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use causeway::config::{MasterKey, MasterKeys};
use causeway::privacy::vault::{self, Rewrapped, Vault};
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::audit::District;
use crate::process::{Ended, Program, causeway, get_as, operator, post_as, ready, run, sqlite_url};
use crate::support::on_both;

fn master(byte: u8) -> String {
    STANDARD.encode([byte; 32])
}

/// The program with these master keys: the current one and those before.
fn keyed(folder: &Path, arguments: &[&str], keys: &[u8]) -> Command {
    let mut command = causeway(folder, arguments);
    command.env("CAUSEWAY_DATABASE_URL", sqlite_url(folder));
    if let [current, previous @ ..] = keys {
        command.env("CAUSEWAY_MASTER_KEY", master(*current));
        let previous: Vec<String> = previous.iter().map(|byte| master(*byte)).collect();
        command.env("CAUSEWAY_PREVIOUS_MASTER_KEYS", previous.join(" "));
    }
    command
}

fn ended(folder: &Path, arguments: &[&str], keys: &[u8]) -> Ended {
    Program::start(keyed(folder, arguments, keys)).ended()
}

/// Serves once under these keys and hands a token that they sign; what `asked` does is done meanwhile.
fn served(folder: &Path, keys: &[u8], asked: impl FnOnce(&str)) {
    let mut program = Program::start(keyed(folder, &["serve", "--listen", "127.0.0.1:0"], keys));
    let address = program.address();
    ready(&address);
    asked(&address);
    program.stopped();
}

fn token(folder: &Path, role: &str, keys: &[u8]) -> String {
    ended(folder, &["token", "--role", role], keys).expect(0).out.trim().to_owned()
}

fn doctor(folder: &Path, keys: &[u8], code: i32) -> Value {
    ended(folder, &["doctor", "--format", "json"], keys).expect(code).json()
}

#[test]
fn all_keys_pass_from_an_open_database_to_one_master_key_and_to_another() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let works = |address: &str, keys: &[u8]| {
        let token = token(folder, "operator", keys);
        assert_eq!(get_as(&token, &format!("{address}/v1/organizations")).0, 200);
        token
    };
    served(folder, &[], |address| {
        works(address, &[]);
    });
    let open = doctor(folder, &[], 0);
    assert_eq!(
        (open["keys"]["current"].clone(), open["healthy"].clone()),
        (open["keys"]["total"].clone(), json!(true))
    );
    ended(folder, &["serve"], &[1]).refused("causeway keys rewrap");
    assert_eq!(doctor(folder, &[1], 1)["schema_is_current"], true);
    ended(folder, &["keys", "rewrap"], &[]).refused("CAUSEWAY_MASTER_KEY");
    ended(folder, &["keys", "rewrap"], &[1]).expect(0);
    let mut signed_by_one = String::new();
    served(folder, &[1], |address| signed_by_one = works(address, &[1]));
    ended(folder, &["keys", "rewrap"], &[2]).refused("another master key");
    let advised = doctor(folder, &[2, 1], 0);
    assert_eq!(
        (advised["keys"]["current"].as_u64(), advised["advice"].as_array().unwrap().len()),
        (Some(0), 1)
    );
    ended(folder, &["keys", "rewrap"], &[2, 1]).expect(0);
    ended(folder, &["keys", "rewrap"], &[2, 1]).expect(0);
    let whole = doctor(folder, &[2], 0);
    for kind in ["keys", "signing_keys"] {
        assert_eq!(whole[kind]["current"], whole[kind]["total"], "{whole}");
        assert!(whole[kind]["total"].as_u64().unwrap() > 1, "{whole}");
    }
    assert_eq!((whole["advice"].clone(), whole["problems"].clone()), (json!([]), json!([])));
    served(folder, &[2], |address| {
        works(address, &[2]);
        let held = get_as(&signed_by_one, &format!("{address}/v1/organizations"));
        assert_eq!(held.0, 200, "what was signed before holds until it expires");
    });
    ended(folder, &["serve"], &[1]).refused("another master key");
    assert_eq!(doctor(folder, &[1], 1)["healthy"], false);
    let text = ended(folder, &["doctor"], &[2]).expect(0).out;
    assert!(text.ends_with("nothing is wrong\n"), "{text}");
    assert!(!text.contains(&master(2)) && !whole.to_string().contains(&master(2)));
}

#[test]
fn a_server_that_stops_has_sealed_the_audit_and_the_doctor_finds_what_was_changed() {
    let folder = tempdir().unwrap();
    let (folder, url) = (folder.path(), sqlite_url(folder.path()));
    let mut program = Program::start(keyed(folder, &["serve", "--listen", "127.0.0.1:0"], &[]));
    let address = program.address();
    ready(&address);
    let body = json!({"name": "Lawrence", "code": "01490000", "state": "MA"});
    assert_eq!(post_as(&operator(folder, &url), &format!("{address}/v1/districts"), &body).0, 201);
    let lead = token(folder, "district_lead", &[]);
    assert_eq!(get_as(&lead, &format!("{address}/v1/audit")).0, 200);
    program.stopped();
    let whole = doctor(folder, &[], 0);
    assert_eq!((whole["audit"]["events"].as_u64(), whole["audit"]["waiting"].as_u64()), (Some(1), Some(0)));
    let head = whole["audit"]["head"].as_str().unwrap().to_owned();
    assert!(head.starts_with("1:") && head.len() == 66, "{head}");
    ended(folder, &["doctor", "--head", &head], &[]).expect(0);
    ended(folder, &["doctor", "--head", "2:00"], &[]).expect(1);
    ended(folder, &["doctor", "--head", "nonsense"], &[]).expect(2);
    let mut connection = SqliteConnection::establish(folder.join("causeway.db").to_str().unwrap()).unwrap();
    connection
        .batch_execute("DROP TRIGGER audit_events_refuse_update; UPDATE audit_events SET principal_name = 'Somebody else'")
        .unwrap();
    let found = doctor(folder, &[], 1);
    assert_eq!(found["audit"]["faults"][0]["kind"], "batch_changed");
    assert_eq!(found["healthy"], false);
    let told = ended(folder, &["doctor"], &[]).expect(1).out;
    assert!(told.contains("wrong: batch_changed: batch 1") && told.ends_with("1 thing is wrong\n"), "{told}");
}

#[test]
fn the_doctor_makes_nothing_and_says_that_a_schema_is_missing() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("causeway.db"), "").unwrap();
    let found = doctor(folder, &[], 1);
    assert_eq!((found["schema_is_current"].clone(), found["audit"].clone()), (json!(false), json!(null)));
    assert!(found["problems"][0].as_str().unwrap().contains("causeway migrate"), "{found}");
    run(folder, &["migrate", "--database-url", &sqlite_url(folder)]).expect(0);
    let fresh = doctor(folder, &[], 0);
    assert_eq!(fresh["keys"]["total"], 0, "{fresh}");
    assert_eq!(doctor(folder, &[], 0), fresh, "looking makes no key");
}

on_both! {
    fn wrapping_anew_that_was_stopped_goes_on_where_it_was(causeway) {
        let masters = |current: u8, previous: &[u8]| MasterKeys {
            current: Some(MasterKey::read(&master(current)).unwrap()),
            previous: previous.iter().map(|byte| MasterKey::read(&master(*byte)).unwrap()).collect(),
        };
        let district = District::new(&causeway);
        let vault = causeway.context().app.vault.clone();
        let students: Vec<_> = (0..600).map(|_| causeway::types::StudentId::new()).collect();
        let seal = |student| vault.new_key(student).unwrap();
        let keys: Vec<_> = students.iter().map(|student| seal(*student)).collect();
        let sealed: Vec<Vec<u8>> = keys.iter().map(|key| key.seal("students", 1, &"Rosa").unwrap()).collect();
        causeway.store().write_for_now(&district.tenancy, |tx| {
            for (student, key) in students.iter().zip(&keys) {
                tx.connection.batch_execute(&district.insert_student(&causeway, *student))?;
                vault.keep(tx, &district.tenant(), key)?;
            }
            Ok(())
        }).unwrap();
        vault::rewrap(causeway.store(), &masters(1, &[]), |_| {}).unwrap();
        let stopped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            vault::rewrap(causeway.store(), &masters(2, &[1]), |done: Rewrapped| assert_eq!(done.seen, 0, "stopped"))
        }));
        assert!(stopped.is_err());
        let survey = |masters: &MasterKeys| Vault::survey(causeway.store(), masters, |_, _| {}).unwrap();
        let (half, opened) = survey(&masters(2, &[1]));
        assert_eq!((half.previous, half.unknown, half.damaged), (100, 0, 0), "{half:?}");
        let vault = opened.expect("everything opens with both keys");
        let all_open = |vault: &Vault| {
            causeway.store().write_for_now(&district.tenancy, |tx| {
                for (student, sealed) in students.iter().zip(&sealed) {
                    let key = vault.key(tx.connection, &district.tenant(), *student)?.expect("it is kept");
                    assert_eq!(key.open::<String>("students", 1, sealed)?, "Rosa");
                }
                Ok(())
            }).unwrap();
        };
        all_open(&vault);
        let rest = vault::rewrap(causeway.store(), &masters(2, &[1]), |_| {}).unwrap();
        assert_eq!((rest.total, rest.seen, rest.changed), (600, 600, 100));
        let (whole, opened) = survey(&masters(2, &[]));
        assert_eq!((whole.current, whole.total), (whole.total, whole.total));
        all_open(&opened.expect("everything opens with the new key alone"));
        let (lost, none) = survey(&masters(1, &[]));
        assert_eq!((lost.unknown, none.is_none()), (lost.total, true));
    }
}
