//! What is known of pools as it changes.

use std::sync::mpsc;
use std::time::Duration;

use actix_web::test::TestRequest;
use causeway::access::{Role, Tie, clients};
use causeway::availability::{ClaimReport, report};
use causeway::config::{EdgeConfig, Lasting};
use causeway::directory::{Method, Voice};
use causeway::store::StoreOptions;
use causeway::types::{AvailabilityStatus, CapacityPoolId};
use serde_json::{Value, json};

use crate::served::{Asked, Served};
use crate::support::{Causeway, on_both};

const URI: &str = "/v1/availability/events";

/// Heartbeats that come soon, so that who has gone is noticed soon.
fn quick() -> Lasting {
    Lasting { heartbeat: Duration::from_millis(100), ..Lasting::default() }
}

fn operator(causeway: &Causeway) -> String {
    causeway.token(Role::Operator, &Tie::None)
}

fn agency(causeway: &Causeway) -> (String, String) {
    let organization =
        causeway.create("/v1/organizations", &json!({"name": "Agency", "engagement": "enrolled"}));
    let body = json!({"organization_id": organization, "name": "Team", "kind": "team"});
    let pool = causeway.create("/v1/capacity-pools", &body);
    (organization, pool)
}

fn says(causeway: &Causeway, pool: &str, waiting: u32) {
    let body = json!({"status": "waitlist", "waiting": waiting});
    causeway.put(&format!("/v1/capacity-pools/{pool}/availability"), &body).expect(200);
}

/// An event: its name, its id, its data.
type Event = (String, String, Value);

/// The events that have come whole.
fn events(text: &str) -> Vec<Event> {
    let (whole, _) = text.rsplit_once("\n\n").unwrap_or_default();
    whole
        .split("\n\n")
        .filter_map(|block| {
            let field =
                |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            let data = serde_json::from_str(&field("data: ")?).unwrap();
            Some((field("event: ").unwrap_or_default(), field("id: ").unwrap_or_default(), data))
        })
        .collect()
}

/// The last id that has come, with an event or without.
fn last_id(text: &str) -> Option<String> {
    let (whole, _) = text.rsplit_once("\n\n")?;
    whole.lines().filter_map(|line| line.strip_prefix("id: ")).next_back().map(str::to_owned)
}

/// Waits for an event that says that so many wait for this pool.
#[track_caller]
fn told(asked: &mut Asked, pool: &str, waiting: u32) -> Event {
    asked.until(|text| {
        events(text)
            .into_iter()
            .find(|(_, _, data)| data["capacity_pool_id"] == pool && data["waiting"] == waiting)
    })
}

fn follow(served: &Served, token: &str, query: &str, id: Option<&str>) -> Asked {
    let header = id.map_or(String::new(), |id| format!("Last-Event-ID: {id}\r\n"));
    let mut asked = served.ask("GET", &format!("{URI}{query}"), token, &header);
    asked.until(|text| text.contains("\r\n\r\n").then_some(()));
    asked
}

on_both! {
    fn a_change_is_told_and_who_comes_again_misses_nothing(causeway) {
        let (_, pool) = agency(&causeway);
        let token = operator(&causeway);
        let served = Served::new(&causeway, quick());
        let mut asked = follow(&served, &token, "", None);
        let first = asked.until(last_id);
        let head = asked.text.to_lowercase();
        for header in ["content-type: text/event-stream", "cache-control: no-store", "x-accel-buffering: no"] {
            assert!(head.contains(header), "{head}");
        }
        says(&causeway, &pool, 3);
        let (name, id, data) = told(&mut asked, &pool, 3);
        assert_eq!(name, "availability");
        let shown = causeway.get(&format!("/v1/capacity-pools/{pool}/availability")).json();
        assert_eq!(data, shown);
        drop(asked);
        says(&causeway, &pool, 4);
        told(&mut follow(&served, &token, "", Some(&id)), &pool, 4);
        told(&mut follow(&served, &token, &format!("?last_event_id={id}"), None), &pool, 4);
        // From before everything the state is told as it is now, and once.
        let mut all = follow(&served, &token, &format!("?capacity_pool_id={pool}"), Some(&first));
        told(&mut all, &pool, 4);
        let events = events(&all.text);
        assert_eq!(events.len(), 1, "{events:?}");
        // A header stands before the parameter that a page was once opened with.
        let mut both = follow(&served, &token, &format!("?last_event_id={first}"), Some(&events[0].1));
        says(&causeway, &pool, 5);
        told(&mut both, &pool, 5);
        assert!(!both.text.contains("\"waiting\":4"), "{}", both.text);
    }
}

on_both! {
    fn who_is_cut_off_within_what_was_told_together_is_told_all_of_it_again(causeway) {
        let pools: Vec<String> = (0..3).map(|_| agency(&causeway).1).collect();
        let token = operator(&causeway);
        let served = Served::new(&causeway, quick());
        let mut asked = follow(&served, &token, "", None);
        asked.until(last_id);
        let lines = pools.iter().map(|pool| format!("{}\n", json!({"capacity_pool_id": pool, "status": "waitlist", "waiting": 9})));
        let request = TestRequest::post().uri("/v1/availability").insert_header(("Content-Type", "application/x-ndjson"));
        causeway.send(request.set_payload(lines.collect::<Vec<_>>().concat())).expect(200);
        let events = asked.until(|text| Some(events(text)).filter(|events| events.len() == 3));
        let mut again = follow(&served, &token, "", Some(&events[0].1));
        for (_, _, data) in &events[1..] {
            told(&mut again, data["capacity_pool_id"].as_str().unwrap(), 9);
        }
        let mut after = follow(&served, &token, "", Some(&events[2].1));
        says(&causeway, &pools[0], 10);
        told(&mut after, &pools[0], 10);
        assert!(!after.text.contains("\"waiting\":9"), "{}", after.text);
    }
}

on_both! {
    fn a_stream_holds_its_place_among_the_requests_of_its_address_until_it_ends(causeway) {
        let token = operator(&causeway);
        let edge = EdgeConfig { lasting: quick(), concurrent_requests_per_address: 1, ..EdgeConfig::default() };
        let served = Served::behind(&causeway, edge);
        let mut asked = follow(&served, &token, "", None);
        asked.until(last_id);
        let ask = || served.ask("GET", "/v1/vocabularies/needs", &token, "Connection: close\r\n").rest().to_owned();
        let refused = ask();
        assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
        drop(asked);
        crate::process::wait_for("the place", || ask().starts_with("HTTP/1.1 200").then_some(()));
    }
}

on_both! {
    fn only_the_pools_that_were_asked_for_are_told(causeway) {
        let [(organization, one), (_, other), (_, third)] = [agency(&causeway), agency(&causeway), agency(&causeway)];
        let token = operator(&causeway);
        let served = Served::new(&causeway, quick());
        let mut of_one = follow(&served, &token, &format!("?organization_id={organization}"), None);
        let mut of_two = follow(&served, &token, &format!("?capacity_pool_id={one}&capacity_pool_id={third}"), None);
        for asked in [&mut of_one, &mut of_two] {
            asked.until(last_id);
        }
        for (pool, waiting) in [(&one, 1), (&other, 2), (&third, 3), (&one, 4)] {
            says(&causeway, pool, waiting);
        }
        told(&mut of_one, &one, 4);
        told(&mut of_two, &third, 3);
        told(&mut of_two, &one, 4);
        let pools = |asked: &Asked| events(&asked.text).into_iter().map(|(_, _, data)| data["capacity_pool_id"].clone()).collect::<Vec<_>>();
        assert!(pools(&of_one).iter().all(|pool| *pool == json!(one)), "{:?}", pools(&of_one));
        assert!(!pools(&of_two).contains(&json!(other)), "{:?}", pools(&of_two));
    }
}

on_both! {
    fn a_place_that_is_gone_is_said_to_be_and_a_new_one_is_given(causeway) {
        let (_, pool) = agency(&causeway);
        let mut token = operator(&causeway);
        let served = Served::new(&causeway, quick());
        let mut asked = follow(&served, &token, "", None);
        let id = asked.until(last_id);
        drop(asked);
        says(&causeway, &pool, 1);
        causeway.clock.advance(Duration::from_hours(8 * 24));
        causeway.store().purge().unwrap();
        token = operator(&causeway);
        // One that lies ahead of everything is of a database that was given up for an older one.
        let ahead = causeway.context().cursors.write("availability events", &"999999999");
        for (number, id) in [(2, id), (3, ahead)] {
            let mut again = follow(&served, &token, "", Some(&id));
            let (name, id, data) = again.until(|text| events(text).into_iter().next());
            assert_eq!(name, "reset");
            assert!(data["detail"].as_str().unwrap().contains("read the lists anew"), "{data}");
            drop(again);
            says(&causeway, &pool, number);
            let mut on = follow(&served, &token, "", Some(&id));
            told(&mut on, &pool, number);
            assert!(!on.text.contains("event: reset"), "{}", on.text);
        }
    }
}

on_both! {
    fn an_id_that_is_none_is_refused_by_its_place(causeway) {
        for (request, place) in [
            (TestRequest::get().uri(URI).insert_header(("Last-Event-ID", "7")), "Last-Event-ID"),
            (TestRequest::get().uri(&format!("{URI}?last_event_id=7")), "last_event_id"),
            (TestRequest::get().uri(&format!("{URI}?capacity_pool_id=7")), "capacity_pool_id"),
            (TestRequest::get().uri(&format!("{URI}?pool=7")), "pool"),
        ] {
            assert_eq!(causeway.send(request).expect(400).errors()[0].0, place);
        }
        let forged = causeway.context().cursors.write("another list", &"1");
        causeway.get(&format!("{URI}?last_event_id={forged}")).expect(400);
        // A browser that has had no id yet says so.
        causeway.send(TestRequest::get().uri(URI).insert_header(("Last-Event-ID", ""))).expect(200);
    }
}

on_both! {
    fn a_stream_says_that_it_goes_on_and_ends_when_the_server_is_asked_to_stop(causeway) {
        let (_, pool) = agency(&causeway);
        let token = operator(&causeway);
        let served = Served::new(&causeway, quick());
        let mut asked = follow(&served, &token, "?capacity_pool_id=0192d7a0-0000-7000-8000-000000000001", None);
        let first = asked.until(last_id);
        asked.until(|text| (text.matches(": still here").count() >= 3).then_some(()));
        // What others are told moves this one on, so that it need not read it again when it comes back.
        says(&causeway, &pool, 1);
        asked.until(|text| last_id(text).filter(|id| *id != first));
        assert!(events(&asked.text).is_empty());
        served.context.edge.stop();
        let text = asked.rest();
        assert!(text.contains(": come again") && text.ends_with("0\r\n\r\n"), "{text}");
        let refused = served.ask("GET", URI, &token, "").until(|text| text.contains("\"code\"").then(|| text.to_owned()));
        assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("\"stopping\""), "{refused}");
    }
}

on_both! {
    fn a_stream_ends_in_time_so_that_whoever_may_not_read_any_more_is_let_go(causeway) {
        let token = operator(&causeway);
        let served = Served::new(&causeway, Lasting { longest: Duration::from_millis(300), ..quick() });
        let mut asked = follow(&served, &token, "", None);
        let text = asked.rest();
        assert!(text.contains(": come again") && text.contains("retry: "), "{text}");
    }
}

on_both! {
    fn who_is_disabled_is_told_no_more(causeway) {
        let access = &causeway.context().app.access;
        let district = causeway.create("/v1/districts", &json!({"name": "North", "state": "MA", "code": "N"}));
        let tie = Tie::District { district: district.parse().unwrap(), schools: Vec::new() };
        let client = access.development_client(Role::Coordinator, Some(&tie)).unwrap();
        let token = access.token_now(client.id, Role::Coordinator, None).unwrap().token;
        let (_, pool) = agency(&causeway);
        let served = Served::new(&causeway, quick());
        let mut asked = follow(&served, &token, "", None);
        asked.until(last_id);
        causeway.store().write_now(|tx| clients::disable(tx, client.id, "a test")).unwrap();
        says(&causeway, &pool, 4);
        let text = asked.rest();
        assert!(text.contains(": come again") && !text.contains("availability\n"), "{text}");
    }
}

on_both! {
    fn one_caller_has_so_many_streams_and_who_is_gone_makes_room(causeway) {
        let token = operator(&causeway);
        let served = Served::new(&causeway, Lasting { open_per_caller: 2, ..quick() });
        let held: Vec<Asked> = (0..2).map(|_| {
            let mut asked = follow(&served, &token, "", None);
            asked.until(last_id);
            asked
        }).collect();
        let refused = served.ask("GET", URI, &token, "").until(|text| text.contains("\"code\"").then(|| text.to_owned()));
        assert!(refused.starts_with("HTTP/1.1 429") && refused.contains("\"rate-limited\""), "{refused}");
        assert!(refused.to_lowercase().contains("retry-after: 1\r\n"), "{refused}");
        let own = Tie::Organization(agency(&causeway).0.parse().unwrap());
        let other = causeway.token(Role::AgencyStaff, &own);
        follow(&served, &other, "", None).until(last_id);
        // Nothing tells the server that they have gone but that nobody takes its heartbeats.
        drop(held);
        crate::process::wait_for("room", || follow(&served, &token, "", None).text.starts_with("HTTP/1.1 200").then_some(()));
    }
}

on_both! {
    fn head_tells_what_get_would_and_begins_no_stream(causeway) {
        let token = operator(&causeway);
        let served = Served::new(&causeway, Lasting { open_per_caller: 1, ..quick() });
        for _ in 0..3 {
            let mut asked = served.ask("HEAD", URI, &token, "Connection: close\r\n");
            let text = asked.rest();
            assert!(text.starts_with("HTTP/1.1 200") && text.contains("text/event-stream"), "{text}");
        }
    }
}

on_both! {
    fn who_does_not_take_what_is_told_is_told_in_the_end_how_it_stands(causeway) {
        let pools: Vec<String> = (0..20).map(|_| agency(&causeway).1).collect();
        let token = operator(&causeway);
        let served = Served::new(&causeway, quick());
        let mut asked = follow(&served, &token, "", None);
        asked.until(last_id);
        for round in 0..30 {
            let body: String = pools.iter().map(|pool| format!("{}\n", json!({
                "capacity_pool_id": pool, "status": "waitlist", "waiting": round, "notes": "x".repeat(2_000)
            }))).collect::<Vec<_>>().concat();
            let request = TestRequest::post().uri("/v1/availability").insert_header(("Content-Type", "application/x-ndjson"));
            causeway.send(request.set_payload(body)).expect(200);
        }
        for pool in &pools {
            told(&mut asked, pool, 29);
        }
    }
}

on_both! {
    /// Numbers of the feed are handed out before the commit: of two writers the second may commit first.
    fn a_late_commit_is_told_also_to_who_went_away_in_between(causeway) {
        if !causeway.is_on_postgres() {
            // It has one writer at a time.
            return;
        }
        let [(_, late), (_, early)] = [agency(&causeway), agency(&causeway)];
        let token = operator(&causeway);
        let served = Served::new(&causeway, quick());
        let mut asked = follow(&served, &token, "", None);
        asked.until(last_id);
        let other = causeway.another_store(StoreOptions { connections: 1, ..StoreOptions::default() });
        let (begun, has_begun) = mpsc::channel();
        let (go, may_go) = mpsc::channel::<()>();
        let id: CapacityPoolId = late.parse().unwrap();
        let writer = std::thread::spawn(move || {
            let voice = Voice { method: Method::Agency, source: "test".to_owned(), by: "Another".to_owned() };
            let said = ClaimReport {
                status: AvailabilityStatus::Waitlist,
                waiting: Some(6),
                open_slots: None,
                starts_last_28_days: None,
                next_available_date: None,
                notes: None,
                reported_at: None,
                method: None,
                valid_until: None,
            };
            other.write_now(|tx| {
                report(tx, id, &said, &voice)?;
                begun.send(()).unwrap();
                may_go.recv().unwrap();
                Ok(())
            }).unwrap();
        });
        has_begun.recv().unwrap();
        says(&causeway, &early, 7);
        let (_, between, _) = told(&mut asked, &early, 7);
        assert!(!asked.text.contains("\"waiting\":6"));
        drop(asked);
        go.send(()).unwrap();
        writer.join().unwrap();
        told(&mut follow(&served, &token, "", Some(&between)), &late, 6);
    }
}
