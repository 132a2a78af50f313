//! The store: transactions, the change feed, overload.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use causeway::directory::{self, DistrictFacts, Method, Voice};
use causeway::error::Error;
use causeway::store::{Change, DbConnection, Listener, Noun, Recorded, StoreOptions, Tx};
use causeway::types::DistrictId;
use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, RunQueryDsl};
use serde_json::json;

use crate::support::on_both;

fn voice() -> Voice {
    Voice { method: Method::Agency, source: "test".to_owned(), by: "test".to_owned() }
}

fn district(tx: &mut Tx<'_>, name: &str) -> causeway::error::Result<DistrictId> {
    let json = serde_json::json!({"name": name, "code": "1"});
    let facts: DistrictFacts = serde_json::from_value(json).unwrap();
    Ok(directory::create(tx, DistrictId::new(), &facts, &voice())?.id)
}

#[derive(Default)]
struct Ear(Mutex<Vec<Recorded>>);

impl Listener for Ear {
    fn committed(&self, changes: &[Recorded]) {
        self.0.lock().unwrap().extend_from_slice(changes);
    }
}

on_both! {
    fn a_write_that_fails_leaves_nothing_and_tells_nobody(causeway) {
        let store = causeway.another_store(StoreOptions::default());
        let ear = Arc::new(Ear::default());
        store.listen(&ear);
        let failed: causeway::error::Result<()> = store.write_now(|tx| {
            district(tx, "half")?;
            Err(Error::Conflict("after the write".to_owned()))
        });
        assert!(matches!(failed, Err(Error::Conflict(_))));
        assert!(ear.0.lock().unwrap().is_empty());
        assert_eq!(causeway.get("/v1/districts").json()["total"]["value"], 0);
        let id = store.write_now(|tx| district(tx, "whole")).unwrap();
        let told: Vec<Change> = ear.0.lock().unwrap().iter().map(|recorded| recorded.change).collect();
        assert_eq!(told, [Change { noun: Noun::District, subject: id.into(), version: 1 }]);
    }
}

on_both! {
    fn a_write_that_was_outrun_is_done_again_and_has_one_effect(causeway) {
        let attempts = AtomicU32::new(0);
        causeway.store().write_now(|tx| {
            district(tx, "again")?;
            if attempts.fetch_add(1, Ordering::SeqCst) < 2 { Err(Error::Contended) } else { Ok(()) }
        }).unwrap();
        assert_eq!(attempts.load(Ordering::SeqCst), 3);
        assert_eq!(causeway.get("/v1/districts").json()["total"]["value"], 1);
        let never: causeway::error::Result<()> = causeway.store().write_now(|_| Err(Error::Contended));
        assert!(matches!(never, Err(Error::Overloaded)));
    }
}

on_both! {
    fn of_many_changes_with_the_same_version_exactly_one_wins(causeway) {
        let id = causeway.store().write_now(|tx| district(tx, "start")).unwrap();
        let won = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for number in 0..12 {
                let (store, won) = (causeway.store(), &won);
                scope.spawn(move || {
                    let patch = json!({"name": format!("name {number}")});
                    match store.write_now(|tx| directory::edit::<DistrictFacts>(tx, id, Some(1), &patch, &voice())) {
                        Ok(_) => { won.fetch_add(1, Ordering::SeqCst); }
                        Err(Error::Stale { current: 2 }) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                });
            }
        });
        assert_eq!(won.load(Ordering::SeqCst), 1);
        let said = causeway.get(&format!("/v1/districts/{id}/assertions")).json();
        assert_eq!(said["items"].as_array().unwrap().len(), 2, "what lost left no trace");
    }
}

on_both! {
    fn writers_wait_for_each_other_and_nothing_is_lost(causeway) {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        causeway.store().write_now(|tx| district(tx, "one of many")).unwrap();
                    }
                });
            }
        });
        assert_eq!(causeway.get("/v1/districts?limit=100").json()["total"]["value"], 80);
    }
}

on_both! {
    fn too_many_waiters_are_turned_away_and_the_next_one_is_served(causeway) {
        let options = StoreOptions { connections: 1, queue: 1, patience: Duration::from_millis(200) };
        let store = causeway.another_store(options);
        actix_web::rt::System::new().block_on(async {
            let slow = || store.write(|_| { std::thread::sleep(Duration::from_secs(1)); Ok(()) });
            let (first, second, third) = tokio::join!(slow(), slow(), slow());
            assert!(first.is_ok());
            assert!(matches!(second, Err(Error::Overloaded)), "waited too long");
            assert!(matches!(third, Err(Error::Overloaded)), "no place to wait");
            assert!(store.write(|_| Ok(())).await.is_ok());
        });
    }
}

#[test]
fn sqlite_is_set_up_for_durability_and_its_readers_cannot_write() {
    #[derive(QueryableByName)]
    struct Setting {
        #[diesel(sql_type = Text)]
        value: String,
    }
    let causeway = crate::support::Causeway::on_sqlite();
    let setting = |connection: &mut DbConnection, name: &str| {
        let sql = format!("SELECT CAST({name} AS TEXT) AS value FROM pragma_{name}");
        diesel::sql_query(sql).get_result::<Setting>(connection).unwrap().value
    };
    causeway
        .store()
        .write_now(|tx| {
            for (name, value) in [
                ("journal_mode", "wal"),
                ("synchronous", "2"),
                ("foreign_keys", "1"),
                ("recursive_triggers", "1"),
                ("query_only", "0"),
            ] {
                assert_eq!(setting(tx.connection, name), value, "{name}");
            }
            Ok(())
        })
        .unwrap();
    let refused = causeway.store().read_now(|connection| {
        assert_eq!(setting(connection, "query_only"), "1");
        Ok(connection.batch_execute("DELETE FROM districts")?)
    });
    assert!(refused.is_err());
}

#[test]
fn the_application_s_role_on_postgresql_owns_nothing_and_bypasses_nothing() {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let Some(causeway) = crate::support::Causeway::on_postgres() else { return };
    let sql = "SELECT count(*) AS count FROM pg_tables, pg_roles WHERE rolname = current_user
               AND schemaname = 'public' AND (tableowner = current_user OR rolsuper OR rolbypassrls)";
    let count = causeway
        .store()
        .read_now(|connection| Ok(diesel::sql_query(sql).get_result::<Count>(connection)?.count));
    assert_eq!(count.unwrap(), 0);
    let created =
        causeway.store().write_now(|tx| Ok(tx.connection.batch_execute("CREATE TABLE mine (id INT)")?));
    assert!(created.is_err());
}
