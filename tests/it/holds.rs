//! Openings that are promised: never more than there are, and known wherever capacity is.

use std::collections::BTreeSet;
use std::time::Duration;

use causeway::availability::holds::{Placed, effective_open, lock, place, release};
use causeway::availability::{ClaimReport, report};
use causeway::directory::{Method, Voice};
use causeway::error::{Error, Result};
use causeway::store::{DbConnection, Store, StoreOptions};
use causeway::types::{AvailabilityStatus, CapacityPoolId};
use diesel::RunQueryDsl;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::served::Served;
use crate::support::{Causeway, on_both};

const LAWRENCE: &str = "postal_code=01840";
const THREADS: usize = 8;

/// An offering and the pool that it draws on.
fn offering(causeway: &Causeway) -> (String, CapacityPoolId) {
    let offering = causeway.offering(json!({})).id;
    let pool = causeway.get(&format!("/v1/offerings/{offering}")).json()["capacity_pool_id"].clone();
    (offering, pool.as_str().unwrap().parse().unwrap())
}

fn says(causeway: &Causeway, pool: CapacityPoolId, claim: &Value) -> Value {
    causeway.put(&format!("/v1/capacity-pools/{pool}/availability"), claim).expect(200).json()
}

fn shown(causeway: &Causeway, pool: CapacityPoolId) -> Value {
    causeway.get(&format!("/v1/capacity-pools/{pool}/availability")).expect(200).json()
}

fn left(causeway: &Causeway, pool: CapacityPoolId) -> Value {
    shown(causeway, pool)["effective_open_slots"].clone()
}

fn places(store: &Store, pool: CapacityPoolId, holder: Uuid) -> Placed {
    store.write_now(|tx| place(tx, pool, holder)).unwrap()
}

fn releases(store: &Store, holder: Uuid) -> Option<CapacityPoolId> {
    store.write_now(|tx| release(tx, holder)).unwrap()
}

fn holders(count: usize) -> Vec<Uuid> {
    (0..count).map(|_| Uuid::now_v7()).collect()
}

/// Ids that a query gives as `id`.
fn ids(connection: &mut DbConnection, sql: &str) -> Result<Vec<String>> {
    #[derive(diesel::QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        id: String,
    }
    let rows: Vec<Row> = diesel::sql_query(sql).load(connection)?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Who holds in a pool.
fn holding(connection: &mut DbConnection, pool: CapacityPoolId) -> Result<Vec<String>> {
    ids(
        connection,
        &format!("SELECT id FROM slot_holds WHERE capacity_pool_id = '{pool}' AND released_at IS NULL"),
    )
}

/// Two ways to the database: on PostgreSQL as two processes have them, on SQLite that of the one process.
fn two_ways(causeway: &Causeway) -> [Store; 2] {
    let options = StoreOptions { connections: 4, ..StoreOptions::default() };
    let other =
        if causeway.is_on_postgres() { causeway.another_store(options) } else { causeway.store().clone() };
    [causeway.store().clone(), other]
}

/// Runs `body` in many threads, each with its number and one of the two ways.
fn at_once<T: Send>(causeway: &Causeway, body: impl Fn(usize, &Store) -> T + Sync) -> Vec<T> {
    let stores = two_ways(causeway);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let (body, store) = (&body, &stores[number % 2]);
                scope.spawn(move || body(number, store))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

on_both! {
    fn however_many_ask_at_once_no_more_hold_than_there_are_openings_and_no_hold_is_lost(causeway) {
        const OPEN: usize = 5;
        let (_, pool) = offering(&causeway);
        says(&causeway, pool, &json!({"status": "capacity", "open_slots": OPEN}));
        let asks = |store: &Store, holder| {
            store.write_now(|tx| Ok((place(tx, pool, holder)?, holding(tx.connection, pool)?.len()))).unwrap()
        };
        let held: Vec<Vec<Uuid>> = at_once(&causeway, |_, store| {
            holders(4).into_iter().filter(|holder| {
                let (placed, count) = asks(store, *holder);
                assert!(count <= OPEN && (placed == Placed::Held || count == OPEN), "{placed:?} {count}");
                placed == Placed::Held
            }).collect()
        });
        assert_eq!(held.concat().len(), OPEN, "while one is left nobody is refused");
        // Then they let go and ask again.
        let still: Vec<Vec<Uuid>> = at_once(&causeway, |number, store| {
            let mut own = held[number].clone();
            for (turn, holder) in holders(12).into_iter().enumerate() {
                if (turn + number) % 3 != 0 && let Some(holder) = own.pop() {
                    assert_eq!(releases(store, holder), Some(pool));
                }
                let (placed, count) = asks(store, holder);
                assert!(count <= OPEN, "{count}");
                own.extend((placed == Placed::Held).then_some(holder));
            }
            own
        });
        let still: BTreeSet<String> = still.concat().iter().map(ToString::to_string).collect();
        let kept = causeway.store().read_now(|connection| holding(connection, pool)).unwrap();
        assert_eq!(BTreeSet::from_iter(kept), still);
        assert_eq!(left(&causeway, pool), OPEN - still.len());
        // All let go of all of them at once: of each one does.
        let released = at_once(&causeway, |_, store| {
            still.iter().filter(|holder| releases(store, holder.parse().unwrap()).is_some()).collect::<Vec<_>>()
        });
        let mut released = released.concat();
        released.sort_unstable();
        assert_eq!(released, Vec::from_iter(&still));
    }
}

on_both! {
    fn a_hold_that_meets_a_new_claim_is_placed_before_or_after_it(causeway) {
        const OPEN: u32 = 2;
        let (_, pool) = offering(&causeway);
        let said = ClaimReport {
            status: AvailabilityStatus::Capacity,
            open_slots: Some(OPEN),
            waiting: None,
            starts_last_28_days: None,
            next_available_date: None,
            notes: None,
            reported_at: None,
            method: None,
            valid_until: None,
        };
        let voice = Voice { method: Method::Agency, source: "test".to_owned(), by: "Another".to_owned() };
        let claims = |store: &Store| store.write_now(|tx| report(tx, pool, &said, &voice)).unwrap();
        claims(causeway.store());
        at_once(&causeway, |number, store| {
            for (turn, holder) in holders(12).into_iter().enumerate() {
                if (turn + number) % 4 == 0 {
                    claims(store);
                }
                store.write_now(|tx| {
                    let placed = place(tx, pool, holder)?;
                    let current = ids(tx.connection, &format!(
                        "SELECT h.id FROM slot_holds h JOIN capacity_pools p ON p.current_claim_id = h.claim_id WHERE h.id = '{holder}'"
                    ))?;
                    assert_eq!(current.len(), usize::from(placed == Placed::Held), "of the newest claim");
                    Ok(())
                }).unwrap();
            }
        });
        let overdrawn = causeway.store().read_now(|connection| {
            ids(connection, &format!("SELECT claim_id AS id FROM slot_holds GROUP BY claim_id HAVING count(*) > {OPEN}"))
        });
        assert_eq!(overdrawn.unwrap(), [""; 0]);
    }
}

on_both! {
    fn what_is_promised_is_not_open_until_it_is_released_or_a_new_claim_comes(causeway) {
        let (id, pool) = offering(&causeway);
        let store = causeway.store();
        let claim = json!({"status": "capacity", "open_slots": 2, "waiting": 0, "starts_last_28_days": 8});
        let said = says(&causeway, pool, &claim);
        assert_eq!((&said["open_slots"], &said["effective_open_slots"]), (&json!(2), &json!(2)));
        let [one, two, three] = [(); 3].map(|()| Uuid::now_v7());
        assert_eq!(places(store, pool, one), Placed::Held);
        assert_eq!(places(store, pool, one), Placed::Held, "asked again, it is the same hold");
        let item = |query: &str| {
            let answer = causeway.get(&format!("/v1/search?{LAWRENCE}&explain=true{query}")).expect(200).json();
            answer["items"].as_array().unwrap().first().cloned()
        };
        let found = item("&availability=open").unwrap();
        assert_eq!((&found["availability"]["open_slots"], &found["availability"]["effective_open_slots"]), (&json!(2), &json!(1)));
        assert!(found["explanation"].to_string().contains("open, 1 slot,"), "{found}");
        assert_eq!(places(store, pool, two), Placed::Held);
        let full = shown(&causeway, pool);
        assert_eq!((&full["status"], &full["open_slots"], &full["effective_open_slots"]), (&json!("capacity"), &json!(2), &json!(0)));
        assert_eq!(full["expected_wait"], json!({"basis": "unknown"}));
        assert!(item("&availability=open").is_none() && item("&max_wait_days=400").is_none());
        let waiting = item("&availability=waitlist").unwrap();
        assert_eq!(waiting["availability"], full);
        assert!(waiting["explanation"].to_string().contains("every opening is promised, wait unknown"), "{waiting}");
        assert_eq!(places(store, pool, three), Placed::Full);
        assert_eq!(places(store, pool, two), Placed::Held, "who holds there is not refused");

        assert_eq!(releases(store, three), None, "it never held");
        assert_eq!(releases(store, one), Some(pool));
        assert_eq!(releases(store, one), None);
        assert_eq!(left(&causeway, pool), 1);
        assert_eq!(causeway.found(&format!("{LAWRENCE}&availability=open")), [id.as_str()]);
        assert_eq!(places(store, pool, three), Placed::Held);
        assert_eq!(places(store, pool, one), Placed::Full, "what was let go is gone");
        assert_eq!(releases(store, two), Some(pool));
        assert_eq!(places(store, pool, one), Placed::Held, "and can be had again");
        assert_eq!(left(&causeway, pool), 0);

        // Something said before, which comes late, changes nothing.
        let late = says(&causeway, pool, &json!({"status": "capacity", "open_slots": 9, "reported_at": "2026-11-22T11:00:00Z"}));
        assert_eq!((&late["open_slots"], &late["effective_open_slots"]), (&json!(2), &json!(0)));
        assert_eq!(places(store, pool, two), Placed::Full);
        // What is said now, also in the same instant, was said of openings that are promised to nobody.
        let anew = says(&causeway, pool, &json!({"status": "capacity", "open_slots": 1}));
        assert_eq!((&anew["open_slots"], &anew["effective_open_slots"]), (&json!(1), &json!(1)));
        assert_eq!(causeway.found(&format!("{LAWRENCE}&availability=open")), [id.as_str()]);
        assert_eq!(places(store, pool, one), Placed::Held, "it holds one that no longer counts");
        assert_eq!(left(&causeway, pool), 1);
        assert_eq!(places(store, pool, two), Placed::Held);
        assert_eq!(places(store, pool, Uuid::now_v7()), Placed::Full);
        // To release what no longer counts frees nothing.
        assert_eq!(releases(store, one), Some(pool));
        assert_eq!(places(store, pool, Uuid::now_v7()), Placed::Full);
    }
}

on_both! {
    fn where_no_openings_are_counted_nothing_is_held(causeway) {
        let (_, pool) = offering(&causeway);
        let store = causeway.store();
        let asks = || places(store, pool, Uuid::now_v7());
        assert_eq!(asks(), Placed::Uncounted, "nobody has said anything");
        for claim in [
            json!({"status": "capacity"}),
            json!({"status": "waitlist", "open_slots": 0, "waiting": 2}),
            json!({"status": "no-capacity", "open_slots": 0}),
            json!({"status": "additional-assessment-required", "open_slots": 3}),
        ] {
            assert_eq!(says(&causeway, pool, &claim).get("effective_open_slots"), None);
            assert_eq!(asks(), Placed::Uncounted, "{claim}");
        }
        says(&causeway, pool, &json!({"status": "capacity", "open_slots": 1, "valid_until": "2026-11-22T13:00:00Z"}));
        causeway.clock.advance(Duration::from_secs(3_599));
        assert_eq!(asks(), Placed::Held);
        assert_eq!(asks(), Placed::Full);
        causeway.clock.advance(Duration::from_secs(1));
        assert_eq!(asks(), Placed::Uncounted, "what was said has lapsed");
        assert_eq!(shown(&causeway, pool).get("effective_open_slots"), None);
        let held = store.read_now(|connection| holding(connection, pool)).unwrap();
        assert_eq!(held.len(), 1, "only what was held stands written");
    }
}

on_both! {
    fn holds_of_several_pools_are_told_apart_and_one_who_asks_elsewhere_lets_go(causeway) {
        let (ids, pools): (Vec<String>, Vec<CapacityPoolId>) = (1..=4).map(|open| {
            let (id, pool) = offering(&causeway);
            if open < 4 {
                says(&causeway, pool, &json!({"status": "capacity", "open_slots": open}));
            }
            (id, pool)
        }).unzip();
        let store = causeway.store();
        let open = || {
            let open = store.read_now(|connection| effective_open(connection, &pools, causeway.clock.now())).unwrap();
            pools.iter().map(|pool| open.get(pool).copied()).collect::<Vec<_>>()
        };
        let first_is_found = || causeway.found(&format!("{LAWRENCE}&availability=open")).contains(&ids[0]);
        assert_eq!(open(), [Some(1), Some(2), Some(3), None]);
        let [one, two] = [(); 2].map(|()| Uuid::now_v7());
        let placed = store.write_now(|tx| {
            lock(tx, &[pools[2], pools[0], pools[1]])?;
            Ok([place(tx, pools[0], one)?, place(tx, pools[1], two)?])
        });
        assert_eq!(placed.unwrap(), [Placed::Held; 2]);
        assert_eq!((open(), first_is_found()), (vec![Some(0), Some(1), Some(3), None], false));
        assert_eq!(places(store, pools[2], one), Placed::Held);
        assert_eq!((open(), first_is_found()), (vec![Some(1), Some(1), Some(2), None], true));
        assert_eq!(places(store, pools[0], two), Placed::Held);
        assert_eq!(places(store, pools[0], one), Placed::Full);
        assert_eq!((open(), first_is_found()), (vec![Some(0), Some(2), Some(3), None], false));
        // What fails leaves nothing behind.
        let failed = store.write_now(|tx| {
            release(tx, two)?;
            place(tx, CapacityPoolId::new(), two)
        });
        assert!(matches!(failed, Err(Error::NotFound { what: "capacity pool", .. })), "{failed:?}");
        assert_eq!((open(), first_is_found()), (vec![Some(0), Some(2), Some(3), None], false));
    }
}

on_both! {
    fn what_another_process_promises_and_releases_is_heard_by_the_finder_and_by_who_follows(causeway) {
        let (id, pool) = offering(&causeway);
        says(&causeway, pool, &json!({"status": "capacity", "open_slots": 1}));
        let other = causeway.another_store(StoreOptions { connections: 1, ..StoreOptions::default() });
        let served = Served::new(&causeway, causeway::config::Lasting::default());
        let token = causeway.token(causeway::access::Role::Operator, &causeway::access::Tie::None);
        let mut asked = served.ask("GET", &format!("/v1/availability/events?capacity_pool_id={pool}"), &token, "");
        asked.until(|text| text.contains("retry: ").then_some(()));
        let holder = Uuid::now_v7();
        let open = format!("{LAWRENCE}&availability=open");
        assert_eq!(places(&other, pool, holder), Placed::Held);
        causeway.context().app.poll().unwrap();
        asked.until(|text| text.contains("\"effective_open_slots\":0").then_some(()));
        assert!(causeway.found(&open).is_empty());
        assert_eq!(releases(&other, holder), Some(pool));
        causeway.context().app.poll().unwrap();
        asked.until(|text| text.contains("\"effective_open_slots\":1").then_some(()));
        assert_eq!(causeway.found(&open), [id.as_str()]);
    }
}
