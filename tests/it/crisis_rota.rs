//! Who is told when somebody says that there is imminent risk: the first of the district's rota at once, the next while
//! nobody acknowledges it, once each however many nodes there are.

use std::time::Duration;

use actix_web::test::TestRequest;
use causeway::access::{Role, Tie, invitations};
use causeway::app::App;
use causeway::exchange::outbox::{self, Delivery, MessageKind, NewMessage};
use causeway::store::{StoreOptions, Tenancy, Tenant};
use causeway::types::ReaderLanguage;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::audit::number;
use crate::consents::Pupil;
use crate::invitations::Provider;
use crate::people_notices::{NOTICES, Person, only};
use crate::reminders::{mailing, through, urls};
use crate::seeking::{Desk, go_to, keyed};
use crate::smtp_sink::{Does, Sink};
use crate::students::{get, post};
use crate::support::{Answer, Causeway, on_both};

fn place(desk: &Desk) -> String {
    format!("/v1/districts/{}/crisis-rota", desk.district.id)
}

fn put(causeway: &Causeway, token: &str, place: &str, matching: Option<&str>, body: &Value) -> Answer {
    let request = TestRequest::put().uri(place).set_json(body);
    causeway.send_as(
        token,
        match matching {
            Some(etag) => request.insert_header(("If-Match", etag)),
            None => request,
        },
    )
}

/// Sets the rota of a district, whatever it was before.
fn calls(causeway: &Causeway, desk: &Desk, steps: &Value) {
    put(causeway, &desk.lead(causeway), &place(desk), Some("*"), &json!({"steps": steps})).expect(200);
}

/// Three addresses, with five, seven and nine minutes.
fn three() -> Value {
    let step = |name: &str, minutes: u16| json!({"name": name, "email": format!("{name}@example.org"), "minutes": minutes});
    json!([step("one", 5), step("two", 7), step("three", 9)])
}

fn reported(causeway: &Causeway, desk: &Desk) -> Value {
    post(causeway, &desk.lead(causeway), "/v1/crisis-events", &json!({})).expect(201).json()
}

fn id(reported: &Value) -> String {
    reported["event"]["id"].as_str().unwrap().to_owned()
}

fn shown(causeway: &Causeway, desk: &Desk, id: &str) -> Value {
    get(causeway, &desk.lead(causeway), &format!("/v1/crisis-events/{id}")).expect(200).json()
}

/// Who was told, with the round and the step; `-` where nobody was.
fn told(causeway: &Causeway, desk: &Desk, id: &str) -> Vec<(String, i64, i64)> {
    let shown = shown(causeway, desk, id);
    let escalations = shown["escalations"].as_array().cloned().unwrap_or_default();
    let told = |one: &Value| {
        let name = one["name"].as_str().unwrap_or("-").to_owned();
        (name, one["round"].as_i64().unwrap(), one["step"].as_i64().unwrap())
    };
    escalations.iter().map(told).collect()
}

fn sent(causeway: &Causeway) -> Vec<Delivery> {
    causeway.context().app.send_mail_due().unwrap()
}

fn turn(causeway: &Causeway) -> usize {
    causeway.context().app.turn_clock().unwrap()
}

fn minutes(causeway: &Causeway, minutes: u64) {
    causeway.clock.advance(Duration::from_mins(minutes));
}

fn tenancy(desk: &Desk) -> Tenancy {
    Tenancy::District(Tenant { district: desk.district.id.parse().unwrap(), schools: Vec::new() })
}

fn names(steps: &[(&str, i64, i64)]) -> Vec<(String, i64, i64)> {
    steps.iter().map(|(name, round, step)| ((*name).to_owned(), *round, *step)).collect()
}

on_both! {
    fn the_first_is_told_at_once_and_the_next_until_somebody_takes_it_on(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        calls(&causeway, &desk, &three());
        // On a Sunday at seven in the morning.
        let answer = reported(&causeway, &desk);
        assert_eq!(answer["told"], json!([{"name": "one", "step": 1}]));
        let id = id(&answer);
        assert_eq!(answer["event"]["due_at"], "2026-11-22T12:05:00Z");
        assert_eq!(sent(&causeway), [Delivery::Sent]);
        assert_eq!(only(&sink).to, "one@example.org");
        causeway.clock.advance(Duration::from_secs(299));
        assert_eq!((turn(&causeway), sent(&causeway)), (0, vec![]), "its five minutes are not over");
        for (seconds, to) in [(1, "two"), (7 * 60, "three"), (9 * 60, "one"), (5 * 60, "two")] {
            causeway.clock.advance(Duration::from_secs(seconds - 1));
            assert_eq!(turn(&causeway), 0, "before {to}");
            causeway.clock.advance(Duration::from_secs(1));
            assert_eq!((turn(&causeway), turn(&causeway)), (1, 0), "{to}");
            assert_eq!(sent(&causeway), [Delivery::Sent]);
            assert_eq!(only(&sink).to, format!("{to}@example.org"));
        }
        let until_now = names(&[("one", 1, 1), ("two", 1, 2), ("three", 1, 3), ("one", 2, 1), ("two", 2, 2)]);
        assert_eq!(told(&causeway, &desk, &id), until_now);
        let shown = shown(&causeway, &desk, &id);
        assert_eq!(shown["escalations"][1], json!({
            "number": 2, "round": 1, "step": 2, "name": "two", "message": "sent", "at": "2026-11-22T12:05:00Z",
        }));
        let waits = get(&causeway, &desk.lead(&causeway), "/v1/crisis-events?acknowledged=false").expect(200).json();
        assert_eq!((&waits["total"]["value"], waits["items"][0].get("escalations")), (&json!(1), None));

        // Somebody takes it on: nobody more is told.
        let taken = post(&causeway, &desk.lead(&causeway), &format!("/v1/crisis-events/{id}/acknowledge"), &json!({})).expect(200).json();
        assert_eq!((taken.get("due_at"), taken["escalations"].as_array().unwrap().len()), (None, 5));
        for _ in 0..10 {
            minutes(&causeway, 10);
            assert_eq!((turn(&causeway), sent(&causeway)), (0, vec![]));
        }
        assert_eq!(told(&causeway, &desk, &id), until_now);
    }
}

on_both! {
    fn an_alert_says_in_the_readers_language_that_a_report_waits_and_nothing_of_it(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        for (language, subject, waits) in [
            ("en", "Urgent: a report of imminent risk", "A report of imminent risk waits for you."),
            ("es", "Urgente: un aviso de riesgo inminente", "Un aviso de riesgo inminente le espera."),
            ("pt", "Urgente: um aviso de risco iminente", "Um aviso de risco iminente está à sua espera."),
            ("ht", "Ijan: yon rapò sou danje ki tou pre", "Yon rapò sou danje ki tou pre ap tann ou."),
        ] {
            calls(&causeway, &desk, &json!([{"name": "Desk", "email": "crisis@example.org", "language": language}]));
            let pupil = Pupil::new(&causeway, &desk.lead(&causeway), &json!({"school_id": desk.district.school}));
            let said = json!({"student_id": pupil.id, "note": "Rosa cannot sleep.", "suspected_abuse": true});
            let id = id(&post(&causeway, &desk.lead(&causeway), "/v1/crisis-events", &said).expect(201).json());
            assert_eq!(sent(&causeway), [Delivery::Sent]);
            let mail = only(&sink);
            assert_eq!(mail.header("Subject"), subject);
            let text = mail.text();
            assert!(text.contains(waits), "{text}");
            assert_eq!(urls(&text, "/"), ["http://127.0.0.1:8080/v1/crisis-events?acknowledged=false"]);
            let everything = mail.everything().to_lowercase();
            for absent in [id.as_str(), &pupil.id, &desk.district.id, &desk.district.school, "rosa", "sleep", "abuse", "0149", "list-unsubscribe"] {
                assert!(!everything.contains(absent), "{absent}: {everything}");
            }
        }
    }
}

on_both! {
    fn a_rota_is_gone_through_five_times_and_the_report_stays_on_the_worklist(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        calls(&causeway, &desk, &json!([{"name": "one", "email": "one@example.org"}, {"name": "two", "email": "two@example.org"}]));
        let id = id(&reported(&causeway, &desk));
        let mut steps = 1;
        for _ in 0..20 {
            minutes(&causeway, 10);
            steps += turn(&causeway);
        }
        assert_eq!(steps, 11, "five rounds of two, and the end");
        let told = told(&causeway, &desk, &id);
        assert_eq!((told.len(), told.last()), (10, Some(&("two".to_owned(), 5, 2))));
        let shown = shown(&causeway, &desk, &id);
        assert_eq!((shown.get("due_at"), &shown["status"]), (None, &json!("open")));
        let waits = get(&causeway, &desk.lead(&causeway), "/v1/crisis-events?acknowledged=false").expect(200).json();
        assert_eq!(waits["items"][0]["id"], json!(id));
    }
}

on_both! {
    fn without_a_rota_the_leads_who_have_an_address_are_told_all_at_once(causeway) {
        let mut causeway = causeway;
        let provider = Provider::of(&mut causeway);
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let (desk, other) = (Desk::new(&causeway, "0149"), Desk::new(&causeway, "0150"));
        let of = |desk: &Desk, subject, role| Person::new(&causeway, &provider, &desk.district.id, subject, role, &[]);
        let ana = of(&desk, "ana", "district_lead");
        let _silent = of(&desk, "silent", "district_lead");
        let (ben, carl) = (of(&desk, "ben", "district_lead"), of(&desk, "carl", "coordinator"));
        let eve = of(&other, "eve", "district_lead");

        // As yet nobody has an address: the answer says so, and so does that to whoever asked for something else.
        let answer = reported(&causeway, &desk);
        assert_eq!(answer["told"], json!([]));
        let first = id(&answer);
        let need = json!({"origin": {"postal_code": "01840"}, "imminent_risk": true});
        let asks = |desk: &Desk| post(&causeway, &desk.lead(&causeway), "/v1/matches", &need).expect(409).json();
        let problem = asks(&desk);
        assert_eq!((&problem["told"], problem["crisis_event_id"].is_string()), (&json!([]), true));
        assert!(problem["detail"].as_str().unwrap().contains("nobody could be told by message"), "{problem}");
        assert_eq!(told(&causeway, &desk, &first), names(&[("-", 1, 1)]), "that nobody could be is on the record");
        assert_eq!(sent(&causeway), []);

        // Once somebody has, they are told of what waits.
        for person in [&ana, &ben, &carl, &eve] {
            person.hears(&causeway, &json!({"email": format!("{}@example.org", person.id)}));
        }
        minutes(&causeway, 10);
        assert_eq!(turn(&causeway), 2);
        assert_eq!(told(&causeway, &desk, &first), names(&[("-", 1, 1), ("ana", 2, 1), ("ben", 2, 1)]));
        assert_eq!(sent(&causeway), [Delivery::Sent; 4]);
        let mut to: Vec<String> = sink.take().into_iter().map(|mail| mail.to).collect();
        to.sort();
        to.dedup();
        let mut leads = [&ana, &ben].map(|person| format!("{}@example.org", person.id));
        leads.sort();
        assert_eq!(to, leads, "neither a coordinator nor the lead of another district");
        let problem = asks(&desk);
        assert_eq!(problem["told"], json!([{"name": "ana", "step": 1}, {"name": "ben", "step": 1}]));
        assert!(!problem["detail"].as_str().unwrap().contains("nobody"), "{problem}");
    }
}

on_both! {
    fn a_person_is_told_at_their_own_address_also_where_other_messages_are_stopped(causeway) {
        let mut causeway = causeway;
        let provider = Provider::of(&mut causeway);
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        let of = |subject| Person::new(&causeway, &provider, &desk.district.id, subject, "coordinator", &[]);
        let (ana, ben, carl) = (of("ana"), of("ben"), of("carl"));
        for person in [&ana, &carl] {
            person.hears(&causeway, &json!({"email": format!("{}@example.org", person.id), "language": "pt"}));
        }
        let stop = TestRequest::delete().uri(NOTICES).insert_header(("If-Match", "*"));
        causeway.send_as(&ana.token(&causeway), stop).expect(204);
        let steps = [&ben, &ana, &carl].map(|person| json!({"membership_id": person.id, "minutes": 3}));
        calls(&causeway, &desk, &json!(steps));
        let rota = get(&causeway, &desk.lead(&causeway), &place(&desk)).expect(200).json();
        let can: Vec<(&str, bool)> = rota["steps"].as_array().unwrap().iter()
            .map(|step| (step["name"].as_str().unwrap(), step["can_be_told"].as_bool().unwrap())).collect();
        assert_eq!(can, [("ben", false), ("ana", true), ("carl", true)]);
        assert!(rota["steps"][1].get("email").is_none(), "where a person is told is theirs to say");

        // The first has no address and is passed by at once.
        let id = id(&reported(&causeway, &desk));
        assert_eq!(told(&causeway, &desk, &id), names(&[("-", 1, 1), ("ana", 1, 2)]));
        // The address of the second does not exist: so is she, and it is flagged.
        sink.will([Does::Refuse("RCPT", 550)]);
        assert_eq!(sent(&causeway), [Delivery::Failed]);
        assert_eq!(ana.settings(&causeway)["bounced_at"], "2026-11-22T12:00:00Z");
        assert_eq!(turn(&causeway), 1);
        assert_eq!(told(&causeway, &desk, &id)[2..], names(&[("carl", 1, 3)]));
        assert_eq!(shown(&causeway, &desk, &id)["escalations"][1]["message"], "failed");
        assert_eq!(sent(&causeway), [Delivery::Sent]);
        let mail = only(&sink);
        assert!(mail.to.starts_with(&carl.id) && mail.text().contains("risco iminente"), "{mail:?}");
        // Whoever works there no more is passed by; carl is asked in the second round.
        let member = carl.id.parse().unwrap();
        causeway.store().write_now(|tx| invitations::end(tx, member, "an operator")).unwrap();
        minutes(&causeway, 3);
        assert_eq!(turn(&causeway), 1);
        assert_eq!(told(&causeway, &desk, &id)[3..], names(&[("-", 2, 1), ("-", 2, 2), ("-", 2, 3)]));
        // It is tried again, and told to whoever takes the place.
        calls(&causeway, &desk, &three());
        minutes(&causeway, 3);
        assert_eq!(turn(&causeway), 1);
        assert_eq!(told(&causeway, &desk, &id).last(), Some(&("one".to_owned(), 3, 1)));
    }
}

on_both! {
    fn a_report_is_recorded_whatever_is_wrong_with_rota_and_messages(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        calls(&causeway, &desk, &three());
        let on = causeway.is_on_postgres();
        for (table, when) in [("outbox", "NEW.kind = 'crisis_alert'"), ("crisis_escalations", "NEW.number = 1")] {
            causeway.refuse_inserts(table, when);
            let answer = reported(&causeway, &desk);
            assert_eq!(answer["told"], json!([]), "{table}: it says that nobody could be told");
            let id = id(&answer);
            assert_eq!(shown(&causeway, &desk, &id)["status"], "open");
            assert_eq!(number(&causeway, &tenancy(&desk), "SELECT count(*) FROM outbox WHERE status = 'queued'"), 0, "nothing half-written, on {on}");
            assert!(causeway.context().app.turn_clock().is_err(), "it is tried");
            causeway.allow_inserts(table);
            assert_eq!(turn(&causeway), 1, "and is done once it can be");
            assert_eq!(told(&causeway, &desk, &id), names(&[("one", 1, 1)]));
            assert_eq!(sent(&causeway), [Delivery::Sent]);
        }
        let damage = format!("UPDATE crisis_rotas SET document = 'nonsense' WHERE district_id = '{}'", desk.district.id);
        causeway.as_application(&tenancy(&desk), &damage).unwrap();
        assert_eq!(reported(&causeway, &desk)["told"], json!([]));
    }
}

on_both! {
    fn without_a_mail_server_the_answer_says_that_nobody_is_told(causeway) {
        let desk = Desk::new(&causeway, "0149");
        calls(&causeway, &desk, &three());
        let answer = reported(&causeway, &desk);
        let id = id(&answer);
        assert_eq!((&answer["told"], answer["event"].get("due_at")), (&json!([]), None));
        minutes(&causeway, 60);
        assert_eq!(turn(&causeway), 0);
        // Another process that has one tells of what was reported here.
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        assert_eq!(turn(&causeway), 1);
        assert_eq!(told(&causeway, &desk, &id), names(&[("one", 1, 1)]));
        // After a day nobody is told any more.
        go_to(&causeway, "2026-11-23T12:00:00Z");
        assert_eq!((turn(&causeway), turn(&causeway)), (1, 0));
        assert_eq!(told(&causeway, &desk, &id).len(), 1);
        assert_eq!(shown(&causeway, &desk, &id)["status"], "open");
    }
}

on_both! {
    fn two_nodes_take_each_step_once_and_a_third_goes_on_after_them(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let node = || {
            let store = causeway.another_store(StoreOptions { connections: 3, ..StoreOptions::default() });
            let app = through(App::new(store).unwrap(), &sink);
            app.load().unwrap();
            app
        };
        let other = node();
        let desk = Desk::new(&causeway, "0149");
        calls(&causeway, &desk, &three());
        let events: Vec<String> = (0..6).map(|_| id(&reported(&causeway, &desk))).collect();
        for step in 2..=4 {
            minutes(&causeway, 9);
            let barrier = std::sync::Barrier::new(4);
            let gone_on: usize = std::thread::scope(|scope| {
                let apps = [&causeway.context().app, &other, &causeway.context().app, &other];
                let threads: Vec<_> = apps.into_iter().map(|app| scope.spawn(|| {
                    barrier.wait();
                    (0..3).map(|_| app.turn_clock().unwrap()).sum::<usize>()
                })).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).sum()
            });
            assert_eq!(gone_on, events.len(), "step {step}");
        }
        drop(other);
        // One that was started anew finds everything where it was.
        let third = node();
        minutes(&causeway, 5);
        assert_eq!(third.turn_clock().unwrap(), events.len());
        let expected = names(&[("one", 1, 1), ("two", 1, 2), ("three", 1, 3), ("one", 2, 1), ("two", 2, 2)]);
        for event in &events {
            assert_eq!(told(&causeway, &desk, event), expected);
        }
        let alerts = "SELECT count(*) FROM outbox WHERE kind = 'crisis_alert'";
        assert_eq!(number(&causeway, &tenancy(&desk), alerts), 5 * 6);
        assert_eq!(third.send_mail_due().unwrap().len(), 30);
        assert_eq!(sink.take().len(), 30);
    }
}

on_both! {
    fn an_alert_goes_before_every_other_message_and_not_at_all_once_somebody_has_acknowledged(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        calls(&causeway, &desk, &three());
        for key in 0..12 {
            let message = NewMessage {
                kind: MessageKind::AvailabilityReminder,
                subject: Uuid::now_v7(),
                recipient: "somebody@example.org".to_owned(),
                language: ReaderLanguage::English,
                dedup_key: key.to_string(),
                expires_at: causeway.clock.now() + jiff::SignedDuration::from_hours(99),
            };
            causeway.store().write_now(|tx| outbox::enqueue(tx, &message)).unwrap();
        }
        minutes(&causeway, 30);
        reported(&causeway, &desk);
        assert_eq!(causeway.context().app.send_next_mail().unwrap(), Some(Delivery::Sent));
        assert_eq!(only(&sink).to, "one@example.org");
        assert_eq!(sent(&causeway), [Delivery::Cancelled; 12]);
        let id = id(&reported(&causeway, &desk));
        post(&causeway, &desk.lead(&causeway), &format!("/v1/crisis-events/{id}/acknowledge"), &json!({})).expect(200);
        assert_eq!(sent(&causeway), [Delivery::Cancelled]);
        assert!(sink.take().is_empty());
        assert_eq!(shown(&causeway, &desk, &id)["escalations"][0]["message"], "cancelled");
    }
}

on_both! {
    fn a_repeated_report_is_one_and_tells_once(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        calls(&causeway, &desk, &three());
        let lead = desk.lead(&causeway);
        let report = |key: &str| {
            let request = TestRequest::post().uri("/v1/crisis-events").insert_header(("Idempotency-Key", key)).set_json(json!({}));
            causeway.send_as(&lead, request).expect(201).json()
        };
        assert_eq!(report("\"one\""), report("\"one\""));
        assert_eq!(sent(&causeway), [Delivery::Sent]);
        // A referral from which a report comes tells too.
        let pupil = desk.pupil(&causeway);
        let body = json!({"student_id": pupil.id, "imminent_risk": true});
        let problem = keyed(&causeway, &lead, "/v1/referrals", &body).expect(409).json();
        assert_eq!(problem["told"], json!([{"name": "one", "step": 1}]));
        assert_eq!(sent(&causeway), [Delivery::Sent]);
    }
}

on_both! {
    fn a_districts_lead_says_whom_to_call_and_what_cannot_be_is_named(causeway) {
        let mut causeway = causeway;
        let provider = Provider::of(&mut causeway);
        let (desk, other) = (Desk::new(&causeway, "0149"), Desk::new(&causeway, "0150"));
        let place = place(&desk);
        let lead = desk.lead(&causeway);
        let none = get(&causeway, &lead, &place).expect(200);
        assert_eq!(none.json(), json!({"district_id": desk.district.id, "steps": [], "is_sending": false}));
        let etag = none.header("etag").unwrap().to_owned();
        let body = json!({"steps": [{"name": " Desk ", "email": " crisis@example.org "}]});
        put(&causeway, &lead, &place, None, &body).expect(428);
        let first = put(&causeway, &lead, &place, Some(&etag), &body).expect(200);
        assert_eq!(first.json(), json!({
            "district_id": desk.district.id, "changed_at": "2026-11-22T12:00:00Z", "is_sending": false,
            "steps": [{"name": "Desk", "email": "crisis@example.org", "language": "en", "minutes": 10, "can_be_told": true}],
        }));
        put(&causeway, &lead, &place, Some(&etag), &body).expect(412);
        put(&causeway, &lead, &place, first.header("etag"), &json!({"steps": []})).expect(200);
        assert_eq!(get(&causeway, &lead, &place).expect(200).json()["steps"], json!([]));
        // A lead of another district does not even learn that there is one; a coordinator may not.
        put(&causeway, &other.lead(&causeway), &place, Some("*"), &body).expect(404);
        get(&causeway, &other.lead(&causeway), &place).expect(404);
        put(&causeway, &desk.district.coordinator, &place, Some("*"), &body).expect(403);
        get(&causeway, &desk.district.coordinator, &place).expect(403);
        get(&causeway, &lead, &format!("/v1/districts/{}/crisis-rota", Uuid::nil())).expect(404);
        let operator = causeway.token(Role::Operator, &Tie::None);
        put(&causeway, &operator, &place, Some("*"), &body).expect(200);

        let person = |desk: &Desk, subject, role, schools: &[&str]| Person::new(&causeway, &provider, &desk.district.id, subject, role, schools).id;
        let stranger = person(&other, "eve", "district_lead", &[]);
        let of_school = person(&desk, "carl", "coordinator", &[&desk.district.school]);
        let reader = person(&desk, "rita", "audit_reader", &[]);
        let ana = person(&desk, "ana", "coordinator", &[]);
        let wrong = json!({"steps": [
            {"membership_id": stranger}, {"membership_id": of_school}, {"membership_id": reader}, {"membership_id": Uuid::nil()},
            {"membership_id": ana, "email": "a@example.org"}, {"name": "Desk"}, {}, {"name": " ", "email": "nobody", "minutes": 0},
            {"membership_id": ana, "minutes": 121}, {"membership_id": ana}, {"membership_id": ana},
        ]});
        let refused = put(&causeway, &lead, &place, Some("*"), &wrong).expect(400);
        let places: Vec<String> = refused.errors().into_iter().map(|(place, _)| place).collect();
        assert_eq!(places, [
            "/steps", "/steps/0/membership_id", "/steps/1/membership_id", "/steps/2/membership_id", "/steps/3/membership_id",
            "/steps/4", "/steps/5", "/steps/6", "/steps/7/minutes", "/steps/7/name", "/steps/7/email", "/steps/8/minutes",
        ]);
        for (body, pointer) in [
            (json!({}), ""), (json!({"steps": [{"name": "A", "email": "a@b.org", "minutes": -1}]}), "/steps/0/minutes"),
            (json!({"steps": [{"name": "A", "email": "a@b.org", "phone": "1"}]}), "/steps/0/phone"),
        ] {
            assert_eq!(put(&causeway, &lead, &place, Some("*"), &body).expect(400).errors()[0].0, pointer, "{body}");
        }
        let kept = get(&causeway, &lead, &place).expect(200).json();
        assert_eq!(kept["steps"][0]["name"], "Desk", "nothing half-written");
    }
}
