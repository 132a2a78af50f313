//! The change feed: nobody is skipped, nobody waits, and who fell behind starts anew.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::test::TestRequest;
use causeway::access::{Role, clients};
use causeway::app::App;
use causeway::store::{Change, Following, Noun, Position, Store, StoreOptions};
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use crate::process::wait_for;
use crate::support::{Causeway, on_both, postgres_urls, send_all};

const LAWRENCE: &str = "postal_code=01840";
const DAY: Duration = Duration::from_hours(24);
const MINUTE: Duration = Duration::from_mins(1);

/// A change that nobody else makes.
fn change(number: i64) -> Change {
    Change { noun: Noun::School, subject: Uuid::nil(), version: number }
}

fn commit(store: &Store, number: i64) {
    store.write_now(|tx| tx.changed(change(number))).unwrap();
}

/// The versions of what a reader gets, which must be changes.
fn read(store: &Store, position: &mut Position) -> Vec<i64> {
    match store.feed_since(position, 1_000).unwrap() {
        Following::Changes(changes) => changes.iter().map(|recorded| recorded.change.version).collect(),
        Following::Overtaken => panic!("nothing was deleted"),
    }
}

/// A transaction that has taken its number in the feed and waits to be told whether to commit.
struct Open {
    end: mpsc::Sender<bool>,
    thread: JoinHandle<()>,
}

impl Open {
    fn begin(causeway: &Causeway, number: i64) -> Self {
        let store = causeway.another_store(StoreOptions { connections: 1, ..StoreOptions::default() });
        let (end, ended) = mpsc::channel();
        let (written, is_written) = mpsc::channel();
        let ended = std::sync::Mutex::new(ended);
        let thread = std::thread::spawn(move || {
            let done = store.write_now(|tx| {
                tx.changed(change(number))?;
                written.send(()).unwrap();
                if ended.lock().unwrap().recv().unwrap() {
                    Ok(())
                } else {
                    Err(causeway::error::Error::Conflict("rolled back".to_owned()))
                }
            });
            drop(done);
        });
        is_written.recv().unwrap();
        Self { end, thread }
    }

    fn end(self, commit: bool) {
        self.end.send(commit).unwrap();
        self.thread.join().unwrap();
    }
}

/// Waits until what was rolled back is given up: other tests have transactions on the cluster, too.
fn given_up(causeway: &Causeway, position: &mut Position) {
    wait_for("what was rolled back to be given up", || {
        causeway.clock.advance(MINUTE);
        assert!(read(causeway.store(), position).is_empty());
        (position.to_string() == position.highest().to_string()).then_some(())
    });
}

#[test]
fn commits_that_cross_are_each_read_once_and_hold_nobody_up_on_postgres() {
    let Some(causeway) = Causeway::on_postgres() else { return };
    let store = causeway.store();
    let mut position = store.feed_start().unwrap();
    let (first, second, third) =
        (Open::begin(&causeway, 1), Open::begin(&causeway, 2), Open::begin(&causeway, 3));
    third.end(true);
    assert_eq!(read(store, &mut position), [3], "it is not held up by those before it");
    first.end(true);
    commit(store, 4);
    assert_eq!(BTreeSet::from_iter(read(store, &mut position)), BTreeSet::from([1, 4]));
    second.end(true);
    assert_eq!(read(store, &mut position), [2]);
    assert!(read(store, &mut position).is_empty());
}

#[test]
fn a_transaction_that_runs_for_days_is_not_skipped_and_one_that_was_rolled_back_is_forgotten_on_postgres() {
    let Some(causeway) = Causeway::on_postgres() else { return };
    let store = causeway.store().clone();
    let mut position = store.feed_start().unwrap();
    let (long, in_vain) = (Open::begin(&causeway, 1), Open::begin(&causeway, 2));
    commit(&store, 3);
    assert_eq!(read(&store, &mut position), [3]);
    in_vain.end(false);
    for day in 0..5 {
        causeway.clock.advance(DAY);
        commit(&store, 10 + day);
        assert_eq!(read(&store, &mut position), [10 + day]);
    }
    let missing = position.to_string();
    assert!(missing.contains('~'), "what is missing is remembered as long as the first runs: {missing}");
    long.end(true);
    assert_eq!(read(&store, &mut position), [1]);
    given_up(&causeway, &mut position);
}

#[test]
fn a_long_transaction_in_another_database_of_the_cluster_stalls_nobody_on_postgres() {
    let Some(causeway) = Causeway::on_postgres() else { return };
    let (owner, _) = postgres_urls().unwrap();
    let mut elsewhere = PgConnection::establish(&owner).unwrap();
    elsewhere.batch_execute("BEGIN; SELECT pg_current_xact_id();").unwrap();
    let store = causeway.store().clone();
    let mut position = store.feed_start().unwrap();
    Open::begin(&causeway, 1).end(false);
    for number in 2..6 {
        commit(&store, number);
        causeway.clock.advance(DAY);
        assert_eq!(read(&store, &mut position), [number]);
    }
    let late = Open::begin(&causeway, 6);
    commit(&store, 7);
    assert_eq!(read(&store, &mut position), [7]);
    late.end(true);
    assert_eq!(read(&store, &mut position), [6]);
    elsewhere.batch_execute("COMMIT").unwrap();
    given_up(&causeway, &mut position);
}

#[test]
fn whatever_the_order_in_which_transactions_begin_and_end_each_commit_is_read_exactly_once_on_postgres() {
    let Some(causeway) = Causeway::on_postgres() else { return };
    let store = causeway.store();
    let numbers = AtomicI64::new(0);
    let mut runner =
        proptest::test_runner::TestRunner::new(ProptestConfig { cases: 12, ..ProptestConfig::default() });
    let steps = prop::collection::vec((0_u8..4, any::<prop::sample::Index>()), 1..40);
    let ran = runner.run(&steps, |steps| {
        let mut position = store.feed_start().unwrap();
        let (mut open, mut expected, mut got): (Vec<(i64, Open)>, Vec<i64>, Vec<i64>) = Default::default();
        for (step, which) in steps {
            match step {
                0 if open.len() < 6 => {
                    let number = numbers.fetch_add(1, Ordering::SeqCst);
                    open.push((number, Open::begin(&causeway, number)));
                }
                1 | 2 if !open.is_empty() => {
                    let (number, one) = open.swap_remove(which.index(open.len()));
                    one.end(step == 1);
                    expected.extend((step == 1).then_some(number));
                }
                // A reader that writes its place down goes on from there.
                _ => {
                    position = position.token().expect("few are missing").parse().expect("its own text");
                    got.extend(read(store, &mut position));
                }
            }
        }
        for (number, one) in open {
            one.end(true);
            expected.push(number);
        }
        got.extend(read(store, &mut position));
        expected.sort_unstable();
        got.sort_unstable();
        prop_assert_eq!(got, expected);
        Ok(())
    });
    ran.unwrap();
}

on_both! {
    fn a_node_that_was_overtaken_by_a_deletion_starts_anew_and_knows_everything(causeway) {
        let kept = causeway.offering(json!({"languages": [{"language": "pt", "mode": "provider"}]}));
        let gone = causeway.offering(json!({"languages": [{"language": "pt", "mode": "provider"}]}));
        let mut away = causeway.context().clone();
        away.app = App::new(causeway.another_store(StoreOptions::default())).unwrap();
        away.app.load().unwrap();
        let client = causeway.context().app.access.development_client(Role::Operator, None).unwrap();
        let token = causeway.context().app.access.token_now(client.id, Role::Operator, None).unwrap().token;
        let look = || {
            let request = TestRequest::get().uri(&format!("/v1/search?{LAWRENCE}&language=pt"));
            let request = request.insert_header(("Authorization", format!("Bearer {token}")));
            send_all(&away, [request]).pop().unwrap()
        };
        assert_eq!(look().expect(200).json()["items"].as_array().unwrap().len(), 2);

        causeway.delete(&format!("/v1/offerings/{}", gone.id), "\"1\"").expect(204);
        causeway.store().write_now(|tx| clients::disable(tx, client.id, "a test")).unwrap();
        causeway.as_owner("UPDATE changes SET recorded_at = '2026-01-01 00:00:00'").unwrap();
        causeway.store().purge().unwrap();

        let revision = away.app.index_revision();
        assert!(away.app.poll().unwrap() > 0, "it loads what there is");
        assert!(away.app.index_revision() > revision, "a revision never comes again");
        assert_eq!(away.app.indexed(), 1, "{} alone", kept.id);
        assert_eq!(look().status, 401, "who was disabled while it was away is refused");
        assert_eq!(away.app.poll().unwrap(), 0, "and it goes on from there");
    }
}

on_both! {
    fn a_feed_of_which_all_was_deleted_is_followed_from_its_end(causeway) {
        commit(causeway.store(), 1);
        let newest = causeway.store().feed_newest().unwrap();
        causeway.clock.advance(8 * DAY);
        causeway.store().purge().unwrap();
        assert_eq!(causeway.store().feed_newest().unwrap(), newest);
        let mut position = causeway.store().feed_start().unwrap();
        assert!(read(causeway.store(), &mut position).is_empty());
        commit(causeway.store(), 2);
        assert_eq!(read(causeway.store(), &mut position), [2]);
        let overtaken = causeway.store().feed_since(&mut Position::default(), 10).unwrap();
        assert_eq!(overtaken, Following::Overtaken);
    }
}

#[test]
fn a_place_in_the_feed_reads_back_what_it_wrote_and_refuses_what_is_none() {
    for text in ["0", "120", "120~117", "120~3-9~11~117-118"] {
        assert_eq!(text.parse::<Position>().unwrap().to_string(), text);
    }
    for text in ["", "-1", "+1", "x", "1~", "5~5", "5~4-3", "9~4~2", "9~2-4~4", "99999999999999999999", "9 "]
    {
        assert!(text.parse::<Position>().is_err(), "{text:?}");
    }
    let many: Vec<String> = (1..200).map(|gap| (2 * gap).to_string()).collect();
    assert!(format!("1000~{}", many.join("~")).parse::<Position>().is_err(), "it is bounded");
}
