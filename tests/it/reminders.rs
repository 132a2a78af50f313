//! Reminders before what an agency said lapses: when they go, what stands in them, and how often.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use causeway::access::{Role, Tie};
use causeway::app::App;
use causeway::config::MailConfig;
use causeway::error::Error;
use causeway::exchange::outbox::{self, Delivery, MessageKind, NewMessage};
use causeway::store::StoreOptions;
use causeway::types::ReaderLanguage;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::smtp_sink::{Does, Sink};
use crate::support::{Causeway, on_both};
use crate::update_links::{count, path_of, tap};

const HOUR: u64 = 3_600;

/// The same, with a mail server.
pub fn mailing(causeway: Causeway, sink: &Sink) -> Causeway {
    let mut causeway = causeway;
    let app = through(causeway.context().app.clone(), sink);
    causeway.change(|context| context.app = app);
    causeway
}

pub fn through(app: App, sink: &Sink) -> App {
    let config = MailConfig::read(&sink.url(), None, "Causeway <causeway@example.org>").unwrap();
    app.mailing(Some(config)).unwrap()
}

/// An agency in Boston with pools of these names.
struct Agency {
    id: String,
    pools: Vec<String>,
}

impl Agency {
    fn new(causeway: &Causeway, facts: Value, pools: &[&str]) -> Self {
        let mut document =
            json!({"name": "River Agency", "engagement": "enrolled", "time_zone": "America/New_York"});
        let (Value::Object(all), Value::Object(facts)) = (&mut document, facts) else { panic!("objects") };
        all.extend(facts);
        let id = causeway.create("/v1/organizations", &document);
        let pool = |name: &&str| {
            let facts = json!({"organization_id": id, "name": name, "kind": "team"});
            causeway.create("/v1/capacity-pools", &facts)
        };
        Self { pools: pools.iter().map(pool).collect(), id }
    }

    fn place(&self) -> String {
        format!("/v1/organizations/{}/availability-reminders", self.id)
    }

    fn wishes(&self, causeway: &Causeway, body: &Value) {
        causeway.put(&self.place(), body).expect(200);
    }
}

fn claim(causeway: &Causeway, pool: &str, until: &str) {
    let body =
        json!({"status": "capacity", "open_slots": 2, "valid_until": until, "notes": "Ask for Zwiebelfisch"});
    causeway.put(&format!("/v1/capacity-pools/{pool}/availability"), &body).expect(200);
}

/// Moves the clock to an instant.
fn go_to(causeway: &Causeway, instant: &str) {
    let instant: Timestamp = instant.parse().unwrap();
    let by = instant.duration_since(causeway.clock.now());
    causeway.clock.advance(Duration::try_from(by).unwrap_or_else(|_| panic!("{instant} is past")));
}

/// Looks who is to be reminded and sends what is due.
pub fn round(causeway: &Causeway) -> Vec<Delivery> {
    causeway.context().app.queue_mail().unwrap();
    causeway.context().app.send_mail_due().unwrap()
}

/// The addresses in a text that begin so.
pub fn urls(text: &str, place: &str) -> Vec<String> {
    let start = format!("http://127.0.0.1:8080{place}");
    text.lines().filter(|line| line.starts_with(&start)).map(str::to_owned).collect()
}

on_both! {
    fn a_reminder_arrives_in_each_language_and_its_link_works(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        // A Sunday; the claims lapse on Wednesday at noon in Boston.
        for (language, subject, words, until) in [
            ("en", "Please update your openings", "is about to lapse", "The links work until Tuesday, December 8, 2026, 12:00 PM (EST)."),
            ("es", "Actualice los lugares disponibles, por favor", "está por vencer", "hasta el martes 8 de diciembre de 2026, 12:00 p. m. (EST)."),
            ("pt", "Por favor, atualize as vagas", "está para vencer", "até terça-feira, 8 de dezembro de 2026, 12:00 (EST)."),
            ("ht", "Tanpri mete plas disponib nou yo ajou", "prèt pou ekspire", "jiska madi 8 desanm 2026, 12:00 PM (EST)."),
        ] {
            let agency = Agency::new(&causeway, json!({}), &["Équipe enfants"]);
            agency.wishes(&causeway, &json!({"email": format!("{language}@example.org"), "language": language}));
            claim(&causeway, &agency.pools[0], "2026-11-25T17:00:00Z");
            if language == "en" {
                go_to(&causeway, "2026-11-24T16:59:59Z");
                assert_eq!(round(&causeway), [], "not before the time that was asked for");
                go_to(&causeway, "2026-11-24T17:00:00Z");
            }
            assert_eq!(round(&causeway), [Delivery::Sent]);
            assert_eq!(round(&causeway), [], "once");
            let mail = sink.take().pop().unwrap();
            assert_eq!((mail.to.clone(), mail.header("Subject")), (format!("{language}@example.org"), subject.to_owned()));
            let text = mail.text();
            assert!(text.contains(words) && text.contains(until) && text.contains("\nÉquipe enfants\n"), "{text}");
            let path = path_of(&urls(&text, "/u/")[0]);
            let page = causeway.send_plainly(TestRequest::get().uri(&path)).expect(200).text;
            assert!(page.contains(&format!("<html lang=\"{language}\">")), "{page}");
            tap(&causeway, &path, "waitlist", "4").expect(200);
            let now = causeway.get(&format!("/v1/capacity-pools/{}/availability", agency.pools[0])).json();
            assert_eq!((&now["status"], &now["waiting"]), (&json!("waitlist"), &json!(4)));
        }
    }
}

on_both! {
    fn a_reminder_names_pools_and_nothing_else(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let agency = Agency::new(&causeway, json!({"phone": "+19785550199"}), &["Blue team\r\nBcc: other@example.org"]);
        agency.wishes(&causeway, &json!({"email": "intake@example.org"}));
        claim(&causeway, &agency.pools[0], "2026-11-23T17:00:00Z");
        go_to(&causeway, "2026-11-23T15:00:00Z");
        assert_eq!(round(&causeway), [Delivery::Sent]);
        let mail = sink.take().pop().unwrap();
        let everything = mail.everything();
        for absent in ["Zwiebelfisch", "capacity", "9785550199", "River", &agency.id, &agency.pools[0], "intake@example.org>, "] {
            assert!(!everything.contains(absent), "{absent}: {everything}");
        }
        assert!(mail.text().contains("Blue team  Bcc: other@example.org\n"), "a name makes no line");
        assert_eq!(mail.header("To"), "intake@example.org");
        assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
        assert_eq!(mail.header("Date"), "Mon, 23 Nov 2026 15:00:00 +0000");
        assert_eq!(mail.header("From"), "Causeway <causeway@example.org>");
        let stop = urls(&mail.text(), "/r/").pop().unwrap();
        assert_eq!(mail.header("List-Unsubscribe"), format!("<{stop}>"));
        // No link lies in the database.
        for url in urls(&mail.text(), "/") {
            assert!(!causeway.holds_text(url.rsplit('/').next().unwrap()), "{url}");
        }
        assert!(causeway.holds_text("intake@example.org"), "the search finds what is there");
    }
}

on_both! {
    fn one_message_speaks_of_all_pools_that_lapse_and_of_none_that_was_renewed(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let agency = Agency::new(&causeway, json!({}), &["A", "B", "C", "D", "E"]);
        agency.wishes(&causeway, &json!({"email": "intake@example.org"}));
        for (pool, until) in [(0, "2026-11-24T15:00:00Z"), (1, "2026-11-24T12:00:00Z"), (2, "2026-11-27T12:00:00Z"), (3, "2026-11-24T15:00:00Z")] {
            claim(&causeway, &agency.pools[pool], until);
        }
        go_to(&causeway, "2026-11-23T15:00:00Z");
        assert_eq!(causeway.context().app.queue_mail().unwrap(), 1);
        // Between making and sending one is renewed, and another is retired.
        claim(&causeway, &agency.pools[0], "2026-11-29T15:00:00Z");
        assert_eq!(causeway.context().app.send_mail_due().unwrap(), [Delivery::Sent]);
        let text = sink.take().pop().unwrap().text();
        assert_eq!(urls(&text, "/u/").len(), 2, "{text}");
        assert!(text.contains("\nB\n") && text.contains("\nD\n"), "{text}");
        // Once everything is renewed, a message that waits is not sent.
        go_to(&causeway, "2026-11-30T15:00:00Z");
        assert_eq!(causeway.context().app.queue_mail().unwrap(), 1);
        for pool in &agency.pools {
            claim(&causeway, pool, "2026-12-20T15:00:00Z");
        }
        assert_eq!(causeway.context().app.send_mail_due().unwrap(), [Delivery::Cancelled]);
        assert!(sink.mails().is_empty());
        assert_eq!(count(&causeway, "outbox WHERE status = 'cancelled'"), 1);
    }
}

on_both! {
    fn nothing_goes_at_night_on_weekends_or_on_holidays(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let hours: Vec<Value> = ["monday", "tuesday", "wednesday"].iter().map(|day| json!({"day": day, "opens": "10:00", "closes": "12:00"})).collect();
        let agency = Agency::new(&causeway, json!({"hours": hours, "holidays": ["2026-11-23", "2026-12-01"]}), &["A"]);
        agency.wishes(&causeway, &json!({"email": "intake@example.org", "at_most_every": "P1D"}));
        // It lapses on Sunday, in an hour.
        claim(&causeway, &agency.pools[0], "2026-11-22T13:00:00Z");
        for closed in ["2026-11-22T15:30:00Z", "2026-11-23T15:30:00Z", "2026-11-24T14:59:59Z"] {
            go_to(&causeway, closed);
            assert_eq!(round(&causeway), [], "{closed}");
        }
        go_to(&causeway, "2026-11-24T15:00:00Z");
        assert_eq!(round(&causeway), [Delivery::Sent]);
        // One that could not be sent in time waits until the office opens again: after Wednesday, and a holiday.
        claim(&causeway, &agency.pools[0], "2026-11-26T13:00:00Z");
        go_to(&causeway, "2026-11-25T16:59:30Z");
        sink.will([Does::Refuse("MAIL", 451)]);
        assert_eq!(round(&causeway), [Delivery::Retried]);
        go_to(&causeway, "2026-11-25T17:00:30Z");
        assert_eq!(round(&causeway), [Delivery::Postponed]);
        go_to(&causeway, "2026-12-01T16:00:00Z");
        assert_eq!(sink.take().len(), 1, "the first");
        assert_eq!(round(&causeway), [Delivery::Postponed], "on the holiday too");
        go_to(&causeway, "2026-12-02T15:00:00Z");
        assert_eq!(round(&causeway), [Delivery::Sent]);
        assert_eq!(sink.take().len(), 1);
    }
}

on_both! {
    fn what_lapses_over_the_weekend_is_told_on_friday(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let agency = Agency::new(&causeway, json!({}), &["A"]);
        agency.wishes(&causeway, &json!({"email": "intake@example.org"}));
        // Said on a Sunday, as it lives by default.
        claim(&causeway, &agency.pools[0], "2026-11-29T12:00:00Z");
        go_to(&causeway, "2026-11-26T15:00:00Z");
        assert_eq!(round(&causeway), []);
        go_to(&causeway, "2026-11-27T14:00:00Z");
        assert_eq!(round(&causeway), [Delivery::Sent]);
    }
}

on_both! {
    fn nothing_goes_more_often_than_the_agency_asked_for(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let agency = Agency::new(&causeway, json!({}), &["A", "B"]);
        agency.wishes(&causeway, &json!({"email": "intake@example.org", "at_most_every": "P3D"}));
        claim(&causeway, &agency.pools[0], "2026-11-23T18:00:00Z");
        go_to(&causeway, "2026-11-23T15:00:00Z");
        assert_eq!(round(&causeway), [Delivery::Sent]);
        // Each hour for two weeks: every claim lapses within a day, and is said anew when it has.
        let mut sent = vec![causeway.clock.now()];
        for hour in 0..14 * 24 {
            causeway.clock.advance(Duration::from_secs(HOUR));
            if hour % 24 == 0 {
                let until = causeway.clock.now() + SignedDuration::from_hours(12);
                claim(&causeway, &agency.pools[hour / 24 % 2], &until.to_string());
            }
            if !round(&causeway).is_empty() {
                sent.push(causeway.clock.now());
            }
        }
        assert_eq!(sink.mails().len(), sent.len());
        assert!(sent.len() >= 4, "{sent:?}");
        for pair in sent.windows(2) {
            assert!(pair[1].duration_since(pair[0]) >= SignedDuration::from_hours(72), "{sent:?}");
        }
        // What has lapsed and of which a reminder went is not spoken of again.
        go_to(&causeway, "2027-01-11T15:00:00Z");
        round(&causeway);
        go_to(&causeway, "2027-01-18T15:00:00Z");
        assert_eq!(round(&causeway), []);
    }
}

on_both! {
    fn what_a_server_cannot_take_now_is_tried_again_and_is_the_same_message(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let agency = Agency::new(&causeway, json!({}), &["A"]);
        agency.wishes(&causeway, &json!({"email": "intake@example.org"}));
        claim(&causeway, &agency.pools[0], "2026-11-23T18:00:00Z");
        go_to(&causeway, "2026-11-23T14:00:00Z");
        let trouble = [Does::Refuse("RCPT", 451), Does::HangUp("EHLO"), Does::Refuse("DATA", 421), Does::TakeAndHangUp];
        sink.will(trouble);
        for (minutes, trouble) in [0, 1, 5, 15].into_iter().zip(trouble) {
            causeway.clock.advance(Duration::from_secs(60 * minutes));
            assert_eq!(round(&causeway), [Delivery::Retried], "{trouble:?}");
            causeway.clock.advance(Duration::from_secs(30));
            assert_eq!(round(&causeway), [], "it waits after {trouble:?}");
        }
        causeway.clock.advance(Duration::from_secs(HOUR));
        assert_eq!(round(&causeway), [Delivery::Sent]);
        assert_eq!(round(&causeway), []);
        // The server took it once without saying so: mail programs see that both are one.
        let mails = sink.take();
        assert_eq!(mails.len(), 2);
        assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
        assert_eq!(mails[0].text(), mails[1].text(), "with the same links");
        assert_eq!(count(&causeway, "update_links"), 1);
    }
}

on_both! {
    fn what_a_server_will_never_take_is_marked_as_failed_and_not_tried_again(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let agency = Agency::new(&causeway, json!({}), &["A"]);
        agency.wishes(&causeway, &json!({"email": "intake@example.org", "at_most_every": "P1D"}));
        claim(&causeway, &agency.pools[0], "2026-11-23T18:00:00Z");
        go_to(&causeway, "2026-11-23T15:00:00Z");
        sink.will([Does::Refuse("RCPT", 550)]);
        assert_eq!(round(&causeway), [Delivery::Failed]);
        causeway.clock.advance(Duration::from_secs(6 * HOUR));
        assert_eq!(round(&causeway), []);
        assert_eq!(count(&causeway, "outbox WHERE status = 'failed' AND outcome = 'the mail server answered 550'"), 1);
        // A new message a day later: the agency asked for no more than that.
        go_to(&causeway, "2026-11-24T15:00:00Z");
        assert_eq!(round(&causeway), [Delivery::Sent]);
    }
}

on_both! {
    fn a_server_that_is_down_for_a_week_loses_the_message_and_no_more(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let always: Vec<Value> = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
            .iter().map(|day| json!({"day": day, "opens": "00:00", "closes": "24:00"})).collect();
        let agency = Agency::new(&causeway, json!({"hours": always}), &["A"]);
        agency.wishes(&causeway, &json!({"email": "intake@example.org", "at_most_every": "P1D"}));
        claim(&causeway, &agency.pools[0], "2026-11-23T11:00:00Z");
        let mut failed = 0;
        for _ in 0..(7 * 24 / 4 + 4) {
            sink.will([Does::Refuse("MAIL", 535)]);
            for delivery in round(&causeway) {
                match delivery {
                    Delivery::Failed => failed += 1,
                    other => assert_eq!(other, Delivery::Retried),
                }
            }
            if failed > 0 {
                break;
            }
            causeway.clock.advance(Duration::from_secs(4 * HOUR));
        }
        assert_eq!(failed, 1);
        assert!(causeway.clock.now() >= "2026-11-29T08:00:00Z".parse::<Timestamp>().unwrap(), "{}", causeway.clock.now());
        causeway.clock.advance(Duration::from_secs(24 * HOUR));
        assert_eq!(round(&causeway), [Delivery::Sent], "a new one");
    }
}

on_both! {
    fn two_nodes_make_one_message_and_send_it_once(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let other = through(App::new(causeway.another_store(StoreOptions { connections: 3, ..StoreOptions::default() })).unwrap(), &sink);
        for name in 0..5 {
            let agency = Agency::new(&causeway, json!({}), &["A"]);
            agency.wishes(&causeway, &json!({"email": format!("intake{name}@example.org")}));
            claim(&causeway, &agency.pools[0], "2026-11-23T18:00:00Z");
        }
        go_to(&causeway, "2026-11-23T15:00:00Z");
        let both = [&causeway.context().app, &other];
        std::thread::scope(|scope| {
            for app in both {
                scope.spawn(|| {
                    for _ in 0..3 {
                        app.queue_mail().unwrap();
                        app.send_mail_due().unwrap();
                    }
                });
            }
        });
        let mut to: Vec<String> = sink.take().into_iter().map(|mail| mail.to).collect();
        to.sort();
        assert_eq!(to, (0..5).map(|name| format!("intake{name}@example.org")).collect::<Vec<_>>());
        assert_eq!(count(&causeway, "outbox"), 5);
    }
}

on_both! {
    fn what_a_node_leased_before_it_died_is_sent_by_another_when_the_lease_is_over(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let agency = Agency::new(&causeway, json!({}), &["A"]);
        agency.wishes(&causeway, &json!({"email": "intake@example.org"}));
        claim(&causeway, &agency.pools[0], "2026-11-23T18:00:00Z");
        go_to(&causeway, "2026-11-23T15:00:00Z");
        causeway.context().app.queue_mail().unwrap();
        let leased = causeway.store().write_now(|tx| outbox::lease(tx, "a node that died")).unwrap();
        assert!(leased.is_some());
        assert_eq!(round(&causeway), []);
        causeway.clock.advance(Duration::from_secs(599));
        assert_eq!(round(&causeway), []);
        causeway.clock.advance(Duration::from_secs(1));
        assert_eq!(round(&causeway), [Delivery::Sent]);
        assert_eq!(sink.mails().len(), 1);
    }
}

on_both! {
    fn a_message_stands_or_falls_with_what_causes_it(causeway) {
        let message = NewMessage {
            kind: MessageKind::AvailabilityReminder,
            subject: Uuid::now_v7(),
            recipient: "intake@example.org".to_owned(),
            language: ReaderLanguage::English,
            dedup_key: "one".to_owned(),
            expires_at: causeway.clock.now() + SignedDuration::from_hours(1),
        };
        let undone = causeway.store().write_now(|tx| {
            assert!(outbox::enqueue(tx, &message)?.is_some());
            Err::<(), _>(Error::Conflict("what caused it did not happen".to_owned()))
        });
        assert!(undone.is_err());
        assert_eq!(count(&causeway, "outbox"), 0);
        let add = || causeway.store().write_now(|tx| outbox::enqueue(tx, &message)).unwrap();
        assert!(add().is_some());
        assert!(add().is_none(), "the same message is there once");
        assert_eq!(count(&causeway, "outbox"), 1);
    }
}

on_both! {
    fn without_a_mail_server_no_message_is_made(causeway) {
        let agency = Agency::new(&causeway, json!({}), &["A"]);
        agency.wishes(&causeway, &json!({"email": "intake@example.org"}));
        assert_eq!(causeway.get(&agency.place()).json()["is_sending"], false);
        claim(&causeway, &agency.pools[0], "2026-11-23T18:00:00Z");
        go_to(&causeway, "2026-11-23T15:00:00Z");
        assert_eq!(round(&causeway), []);
        assert_eq!(count(&causeway, "outbox"), 0);
    }
}

on_both! {
    fn whoever_gets_reminders_stops_them_without_an_account(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let agency = Agency::new(&causeway, json!({}), &["A"]);
        agency.wishes(&causeway, &json!({"email": "intake@example.org", "language": "es", "at_most_every": "P1D"}));
        claim(&causeway, &agency.pools[0], "2026-11-23T18:00:00Z");
        go_to(&causeway, "2026-11-23T15:00:00Z");
        round(&causeway);
        let mail = sink.take().pop().unwrap();
        assert_eq!(mail.header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
        let path = path_of(&urls(&mail.text(), "/r/")[0]);
        let asks = causeway.send_plainly(TestRequest::get().uri(&path)).expect(200).text;
        assert!(asks.contains("¿Quiere que River Agency deje de recibir") && asks.contains("<button"), "{asks}");
        causeway.get(&agency.place()).expect(200);
        // Looking stopped nothing; one click of a mail program does.
        claim(&causeway, &agency.pools[0], "2026-11-24T18:00:00Z");
        go_to(&causeway, "2026-11-24T15:00:00Z");
        causeway.context().app.queue_mail().unwrap();
        let click = TestRequest::post().uri(&path).insert_header(("Content-Type", "multipart/form-data; boundary=x"));
        let stopped = causeway.send_plainly(click.set_payload("List-Unsubscribe=One-Click")).expect(200).text;
        assert!(stopped.contains("Ya no se envían recordatorios"), "{stopped}");
        assert_eq!(causeway.context().app.send_mail_due().unwrap(), [Delivery::Cancelled], "also what waits already");
        causeway.get(&agency.place()).expect(404);
        let again = causeway.send_plainly(TestRequest::get().uri(&path)).expect(200).text;
        assert!(again.contains("Ya no se envían") && !again.contains("<button"), "{again}");
        // Asked for anew at another address, the old link goes for nobody.
        agency.wishes(&causeway, &json!({"email": "other@example.org"}));
        causeway.send_plainly(TestRequest::post().uri(&path)).expect(404);
        causeway.get(&agency.place()).expect(200);
        let token = path.strip_prefix("/r/").unwrap();
        for position in [0, 10, 21, 30, 63] {
            let mut letters: Vec<char> = token.chars().collect();
            letters[position] = if letters[position] == 'A' { 'B' } else { 'A' };
            let changed: String = letters.into_iter().collect();
            causeway.send_plainly(TestRequest::post().uri(&format!("/r/{changed}"))).expect(404);
        }
    }
}

on_both! {
    fn reminders_are_asked_for_and_stopped_by_those_who_speak_for_the_agency(causeway) {
        let own = Agency::new(&causeway, json!({}), &[]);
        let foreign = Agency::new(&causeway, json!({}), &[]);
        let district = causeway.create("/v1/districts", &json!({"name": "Lawrence", "code": "01490000", "state": "MA"}));
        let staff = causeway.token(Role::AgencyStaff, &Tie::Organization(own.id.parse().unwrap()));
        let lead = causeway.token(Role::DistrictLead, &Tie::District { district: district.parse().unwrap(), schools: Vec::new() });
        let put = |token: &str, place: &str, matching: Option<&str>, body: &Value| {
            let request = TestRequest::put().uri(place).set_json(body);
            causeway.send_as(token, match matching {
                Some(etag) => request.insert_header(("If-Match", etag)),
                None => request,
            })
        };
        let wish = json!({"email": " intake@example.org ", "before": "PT36H"});
        causeway.get(&own.place()).expect(404);
        put(&lead, &own.place(), None, &wish).expect(403);
        put(&staff, &foreign.place(), None, &wish).expect(404);
        let first = put(&staff, &own.place(), None, &wish).expect(200);
        assert_eq!(first.json(), json!({
            "organization_id": own.id, "email": "intake@example.org", "language": "en", "before": "PT36H",
            "at_most_every": "P7D", "changed_at": "2026-11-22T12:00:00Z", "is_sending": false,
        }));
        let etag = first.header("etag").unwrap().to_owned();
        assert_eq!(causeway.get(&own.place()).header("etag"), Some(etag.as_str()));
        put(&staff, &own.place(), None, &wish).expect(428);
        let second = put(&staff, &own.place(), Some(&etag), &json!({"email": "b@example.org"})).expect(200);
        put(&staff, &own.place(), Some(&etag), &wish).expect(412);
        let delete = |token: &str, matching: Option<&str>| {
            let request = TestRequest::with_uri(&own.place()).method(Method::DELETE);
            causeway.send_as(token, match matching {
                Some(etag) => request.insert_header(("If-Match", etag)),
                None => request,
            })
        };
        delete(&staff, None).expect(428);
        delete(&staff, Some(&etag)).expect(412);
        delete(&lead, Some("*")).expect(403);
        delete(&staff, second.header("etag")).expect(204);
        delete(&staff, Some("*")).expect(404);
        causeway.get(&own.place()).expect(404);
        // Asked for again: the version goes on, so that an old one never fits.
        let third = put(&staff, &own.place(), None, &wish).expect(200);
        assert_ne!(third.header("etag"), Some(etag.as_str()));
        let request = TestRequest::put().uri(&own.place()).insert_header(("If-Match", "*"));
        let refused = causeway.send(request.set_json(json!({"email": "nobody", "before": "PT1M", "at_most_every": "PT1H"}))).expect(400);
        let places: Vec<String> = refused.errors().into_iter().map(|(place, _)| place).collect();
        assert_eq!(places, ["/email", "/before", "/at_most_every"]);
        for (body, pointer) in [(json!({}), ""), (json!({"email": "a@example.org", "language": "fr"}), "/language"), (json!({"email": "a@example.org", "before": "P1Y"}), "/before")] {
            let request = TestRequest::put().uri(&own.place()).insert_header(("If-Match", "*"));
            assert_eq!(causeway.send(request.set_json(body)).expect(400).errors()[0].0, pointer);
        }
    }
}

on_both! {
    fn an_agency_that_was_merged_is_reminded_of_the_pools_of_both(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let old = Agency::new(&causeway, json!({}), &["Old team"]);
        let new = Agency::new(&causeway, json!({}), &["New team"]);
        new.wishes(&causeway, &json!({"email": "intake@example.org"}));
        for agency in [&old, &new] {
            claim(&causeway, &agency.pools[0], "2026-11-23T18:00:00Z");
        }
        let merge = TestRequest::post().uri(&format!("/v1/organizations/{}/merge", old.id)).insert_header(("If-Match", "*"));
        causeway.send(merge.set_json(json!({"into": new.id}))).expect(200);
        causeway.put(&old.place(), &json!({"email": "old@example.org"})).expect(409);
        go_to(&causeway, "2026-11-23T15:00:00Z");
        assert_eq!(round(&causeway), [Delivery::Sent]);
        let text = sink.take().pop().unwrap().text();
        assert!(text.contains("\nNew team\n") && text.contains("\nOld team\n"), "{text}");
    }
}
