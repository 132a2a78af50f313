//! Messages to whoever is asked: that offers wait for a reply and until when, when they go, and what they never say.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use causeway::access::{Role, Tie};
use causeway::app::App;
use causeway::exchange::outbox::Delivery;
use causeway::store::StoreOptions;
use serde_json::{Value, json};

use crate::consents::Pupil;
use crate::reminders::{mailing, round, through, urls};
use crate::seeking::{Agency, Desk, answers, go_to};
use crate::smtp_sink::{Does, Mail, Sink};
use crate::support::{Answer, Causeway, on_both};
use crate::update_links::{count, path_of};

/// A Monday in Boston, when offices open.
const MONDAY: &str = "2026-11-23T14:00:00Z";

fn place(agency: &Agency) -> String {
    format!("/v1/organizations/{}/referral-notices", agency.organization)
}

/// Sets where an agency hears of offers, whatever it said before.
fn hears(causeway: &Causeway, agency: &Agency, settings: &Value) {
    let request = TestRequest::put().uri(&place(agency)).insert_header(("If-Match", "*"));
    causeway.send(request.set_json(settings)).expect(200);
}

/// A clinic with people here that hears of offers at this address.
fn clinic(causeway: &Causeway, name: &str, email: &str) -> Agency {
    let agency = Agency::new(causeway, name, "enrolled");
    hears(causeway, &agency, &json!({"email": email}));
    agency
}

/// What the only message says.
#[track_caller]
fn only(sink: &Sink) -> Mail {
    let mut mails = sink.take();
    assert_eq!(mails.len(), 1, "{mails:?}");
    mails.remove(0)
}

/// Asks these agencies on behalf of another student.
fn asks(causeway: &Causeway, desk: &Desk, agencies: &[&Agency], changes: &Value) -> (Pupil, String) {
    let pupil = desk.pupil(causeway);
    let referral = desk.refers(causeway, &pupil, agencies, changes);
    (pupil, referral)
}

on_both! {
    fn whoever_is_asked_hears_how_many_wait_and_until_when_in_their_language(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        go_to(&causeway, MONDAY);
        for (language, subject, waits, until) in [
            ("en", "A reply is due", "Offers that wait for your reply: 1.", "due by Wednesday, November 25, 2026, 5:00 PM (EST)."),
            ("es", "Se espera una respuesta", "Ofertas que esperan su respuesta: 1.", "el miércoles 25 de noviembre de 2026, 5:00 p. m. (EST)."),
            ("pt", "Espera-se uma resposta", "Ofertas que esperam a sua resposta: 1.", "até quarta-feira, 25 de novembro de 2026, 17:00 (EST)."),
            ("ht", "Yo ap tann yon repons", "Òf k ap tann repons nou: 1.", "anvan mèkredi 25 novanm 2026, 5:00 PM (EST)."),
        ] {
            let agency = Agency::new(&causeway, language, "enrolled");
            hears(&causeway, &agency, &json!({"email": format!("{language}@example.org"), "language": language}));
            asks(&causeway, &desk, &[&agency], &json!({}));
            assert_eq!(round(&causeway), [Delivery::Sent]);
            assert_eq!(round(&causeway), [], "once");
            let mail = only(&sink);
            assert_eq!((mail.to.clone(), mail.header("Subject")), (format!("{language}@example.org"), subject.to_owned()));
            let text = mail.text();
            assert!(text.contains(waits) && text.contains(until), "{text}");
            assert_eq!(urls(&text, "/v1/"), ["http://127.0.0.1:8080/v1/offers?open=true"]);
        }
    }
}

on_both! {
    fn a_message_says_nothing_of_anybody(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        let agency = clinic(&causeway, "Zwiebelfisch Clinic", "intake@example.org");
        let service = causeway.get(&format!("/v1/offerings/{}", agency.offering)).json()["service_id"].as_str().unwrap().to_owned();
        let shown = causeway.get(&format!("/v1/services/{service}"));
        let etag = shown.header("etag").unwrap().to_owned();
        causeway.patch(&format!("/v1/services/{service}"), &etag, &json!({"name": "Opioid recovery"})).expect(200);
        let (pupil, referral) = asks(&causeway, &desk, &[&agency], &json!({"note": "Rosa cannot sleep."}));
        go_to(&causeway, MONDAY);
        let offer = agency.asked(&causeway);
        assert_eq!(round(&causeway), [Delivery::Sent]);
        let mail = only(&sink);
        let everything = mail.everything().to_lowercase();
        let district = &desk.district;
        let ids = [&pupil.id, &pupil.guardian, &referral, &offer, &agency.organization, &agency.offering, &agency.pool, &district.id, &district.school, &service];
        let words = ["rosa", "zwiebelfisch", "opioid", "counseling", "anxiety", "student", "school", "district 0149", "marta", "sleep", "spanish", "lawrence"];
        for absent in ids.map(String::as_str).into_iter().chain(words) {
            assert!(!everything.contains(absent), "{absent}: {everything}");
        }
        assert_eq!(mail.header("To"), "intake@example.org");
        assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
        // No more of it is kept than that it went.
        let stop = urls(&mail.text(), "/r/").pop().unwrap();
        assert_eq!(mail.header("List-Unsubscribe"), format!("<{stop}>"));
        assert!(!causeway.holds_text(stop.rsplit('/').next().unwrap()));
    }
}

on_both! {
    fn nothing_goes_when_nobody_is_in_the_office_unless_it_is_urgent(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        let agency = clinic(&causeway, "One", "intake@example.org");
        let shown = causeway.get(&format!("/v1/organizations/{}", agency.organization));
        let etag = shown.header("etag").unwrap().to_owned();
        causeway.patch(&format!("/v1/organizations/{}", agency.organization), &etag, &json!({"holidays": ["2026-11-23"]})).expect(200);
        asks(&causeway, &desk, &[&agency], &json!({}));
        for closed in ["2026-11-22T15:00:00Z", "2026-11-23T15:00:00Z", "2026-11-24T13:59:59Z"] {
            go_to(&causeway, closed);
            assert_eq!(round(&causeway), [], "{closed}");
        }
        go_to(&causeway, "2026-11-24T21:59:30Z");
        sink.will([Does::Refuse("MAIL", 451)]);
        assert_eq!(round(&causeway), [Delivery::Retried]);
        go_to(&causeway, "2026-11-24T22:00:30Z");
        assert_eq!(round(&causeway), [Delivery::Postponed], "it closed meanwhile");
        assert_eq!(sink.take().len(), 0);
        // At night something urgent comes: it goes at once, and says what else waits.
        go_to(&causeway, "2026-11-25T03:00:00Z");
        asks(&causeway, &desk, &[&agency], &json!({"urgency": "urgent"}));
        assert_eq!(round(&causeway), [Delivery::Sent]);
        assert!(only(&sink).text().contains("your reply: 2."));
        asks(&causeway, &desk, &[&agency], &json!({"urgency": "urgent"}));
        assert_eq!(round(&causeway), [Delivery::Sent], "and the next at once too");
        assert!(only(&sink).text().contains("your reply: 3."));
        // In the morning there is nothing left to tell.
        go_to(&causeway, "2026-11-25T14:00:00Z");
        assert_eq!(round(&causeway), [Delivery::Cancelled]);
        assert_eq!(round(&causeway), []);
        assert_eq!(sink.take().len(), 0);
    }
}

on_both! {
    fn several_offers_for_one_address_are_one_message(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        let other = Desk::new(&causeway, "0150");
        let one = clinic(&causeway, "One", "intake@example.org");
        let two = clinic(&causeway, "Two", "Intake@example.org");
        let elsewhere = clinic(&causeway, "Three", "elsewhere@example.org");
        for _ in 0..3 {
            asks(&causeway, &desk, &[&one], &json!({}));
        }
        asks(&causeway, &other, &[&two], &json!({}));
        asks(&causeway, &desk, &[&elsewhere], &json!({}));
        go_to(&causeway, MONDAY);
        assert_eq!(causeway.context().app.queue_mail().unwrap(), 2);
        // One comes between making and sending.
        asks(&causeway, &desk, &[&one], &json!({}));
        assert_eq!(causeway.context().app.send_mail_due().unwrap(), [Delivery::Sent, Delivery::Sent]);
        let mut told: Vec<(String, bool, bool)> = sink.take().into_iter()
            .map(|mail| (mail.to.to_lowercase(), mail.text().contains("your reply: 5."), mail.text().contains("your reply: 1.")))
            .collect();
        told.sort();
        assert_eq!(told, [("elsewhere@example.org".to_owned(), false, true), ("intake@example.org".to_owned(), true, false)]);
        // Those that come soon after wait for each other.
        for hour in 0..4 {
            assert_eq!(round(&causeway), [], "{hour}");
            asks(&causeway, &desk, &[&one], &json!({}));
            causeway.clock.advance(Duration::from_hours(1));
        }
        assert_eq!(round(&causeway), [Delivery::Sent]);
        let text = only(&sink).text();
        assert!(text.contains("your reply: 9."), "{text}");
        assert!(text.contains("Wednesday, November 25, 2026, 5:00 PM"), "the earliest: {text}");
        assert_eq!(round(&causeway), []);
    }
}

on_both! {
    fn two_nodes_tell_of_each_offer_once(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let other = through(App::new(causeway.another_store(StoreOptions { connections: 3, ..StoreOptions::default() })).unwrap(), &sink);
        let desk = Desk::new(&causeway, "0149");
        for name in 0..4 {
            let agency = clinic(&causeway, "Clinic", &format!("intake{name}@example.org"));
            let urgency = if name % 2 == 0 { "urgent" } else { "routine" };
            asks(&causeway, &desk, &[&agency], &json!({"urgency": urgency}));
        }
        go_to(&causeway, MONDAY);
        std::thread::scope(|scope| {
            for app in [&causeway.context().app, &other] {
                scope.spawn(|| {
                    for _ in 0..4 {
                        app.queue_mail().unwrap();
                        app.send_mail_due().unwrap();
                    }
                });
            }
        });
        let mut to: Vec<String> = sink.take().into_iter().map(|mail| mail.to).collect();
        to.sort();
        assert_eq!(to, (0..4).map(|name| format!("intake{name}@example.org")).collect::<Vec<_>>());
        assert_eq!(count(&causeway, "offer_notices"), 4);
        assert_eq!(count(&causeway, "outbox WHERE status = 'sent'"), 4);
    }
}

on_both! {
    fn what_was_answered_meanwhile_is_not_told(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        let one = clinic(&causeway, "One", "intake@example.org");
        asks(&causeway, &desk, &[&one], &json!({}));
        go_to(&causeway, MONDAY);
        assert_eq!(causeway.context().app.queue_mail().unwrap(), 1);
        let offer = one.asked(&causeway);
        answers(&causeway, &one, &offer, &json!({"action": "pending_verification"}));
        assert_eq!(causeway.context().app.send_mail_due().unwrap(), [Delivery::Cancelled]);
        assert!(sink.take().is_empty());
        assert_eq!(round(&causeway), []);
        // One that is over by the time of the next look is not spoken of either.
        asks(&causeway, &desk, &[&one], &json!({}));
        go_to(&causeway, "2026-11-30T15:00:00Z");
        assert_eq!(round(&causeway), []);
    }
}

on_both! {
    fn an_address_that_bounced_is_flagged_and_not_used_until_it_is_set_anew(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        let one = clinic(&causeway, "One", "gone@example.org");
        let two = clinic(&causeway, "Two", "gone@example.org");
        let bounced = |agency: &Agency| causeway.get(&place(agency)).json()["bounced_at"].clone();
        asks(&causeway, &desk, &[&one], &json!({}));
        asks(&causeway, &desk, &[&two], &json!({}));
        go_to(&causeway, MONDAY);
        // What says nothing of the address flags nothing; a later message is tried.
        for (at, refuses) in [
            (MONDAY, Does::Refuse("MAIL", 550)),
            ("2026-11-23T18:00:00Z", Does::Refuse("DATA", 554)),
            ("2026-11-24T14:00:00Z", Does::Say("RCPT", "550 5.7.1 Relaying denied")),
        ] {
            go_to(&causeway, at);
            sink.will([refuses]);
            assert_eq!(round(&causeway), [Delivery::Failed], "{refuses:?}");
            assert_eq!(round(&causeway), [], "it pauses after {refuses:?}");
            assert_eq!((bounced(&one), bounced(&two)), (Value::Null, Value::Null), "{refuses:?}");
        }
        go_to(&causeway, "2026-11-24T18:00:00Z");
        sink.will([Does::Refuse("RCPT", 550)]);
        assert_eq!(round(&causeway), [Delivery::Failed]);
        assert_eq!((bounced(&one), bounced(&two)), (json!("2026-11-24T18:00:00Z"), json!("2026-11-24T18:00:00Z")));
        go_to(&causeway, "2026-11-25T14:00:00Z");
        asks(&causeway, &desk, &[&one], &json!({}));
        assert_eq!(round(&causeway), [], "it is not used");
        // Another address goes at once; the same one when it is set anew, in its time.
        hears(&causeway, &one, &json!({"email": "new@example.org"}));
        assert_eq!(bounced(&one), Value::Null);
        assert_eq!(round(&causeway), [Delivery::Sent]);
        let mail = only(&sink);
        assert_eq!(mail.to, "new@example.org");
        assert!(mail.text().contains("your reply: 2."), "{}", mail.text());
        hears(&causeway, &two, &json!({"email": "gone@example.org"}));
        assert_eq!(bounced(&two), Value::Null);
        assert_eq!(round(&causeway), [Delivery::Sent]);
        assert_eq!(only(&sink).to, "gone@example.org");
    }
}

on_both! {
    fn whoever_gets_messages_stops_them_without_an_account(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        let one = Agency::new(&causeway, "One", "enrolled");
        hears(&causeway, &one, &json!({"email": "intake@example.org", "language": "es"}));
        asks(&causeway, &desk, &[&one], &json!({}));
        go_to(&causeway, MONDAY);
        assert_eq!(round(&causeway), [Delivery::Sent]);
        let mail = only(&sink);
        assert_eq!(mail.header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
        let path = path_of(&urls(&mail.text(), "/r/")[0]);
        let asked = causeway.send_plainly(TestRequest::get().uri(&path)).expect(200).text;
        assert!(asked.contains("¿Quiere que One deje de recibir mensajes sobre ofertas") && asked.contains("<button"), "{asked}");
        assert_eq!(causeway.get(&place(&one)).json()["stopped_at"], Value::Null, "looking stopped nothing");
        go_to(&causeway, "2026-11-23T18:00:00Z");
        asks(&causeway, &desk, &[&one], &json!({}));
        assert_eq!(causeway.context().app.queue_mail().unwrap(), 1);
        let click = TestRequest::post().uri(&path).insert_header(("Content-Type", "multipart/form-data; boundary=x"));
        let stopped = causeway.send_plainly(click.set_payload("List-Unsubscribe=One-Click")).expect(200).text;
        assert!(stopped.contains("Ya no se envían mensajes"), "{stopped}");
        assert_eq!(causeway.context().app.send_mail_due().unwrap(), [Delivery::Cancelled], "also what waits already");
        assert_eq!(causeway.get(&place(&one)).json()["stopped_at"], "2026-11-23T18:00:00Z");
        assert_eq!(round(&causeway), []);
        let again = causeway.send_plainly(TestRequest::get().uri(&path)).expect(200).text;
        assert!(again.contains("Ya no se envían") && !again.contains("<button"), "{again}");
        // With another address the old link goes for nobody; a changed one neither.
        hears(&causeway, &one, &json!({"email": "other@example.org"}));
        causeway.send_plainly(TestRequest::post().uri(&path)).expect(404);
        assert_eq!(round(&causeway), [Delivery::Sent], "what waited is told");
        let path = path_of(&urls(&only(&sink).text(), "/r/")[0]);
        let token = path.strip_prefix("/r/").unwrap();
        for position in [0, 10, 21, 30, 63] {
            let mut letters: Vec<char> = token.chars().collect();
            letters[position] = if letters[position] == 'A' { 'B' } else { 'A' };
            let changed: String = letters.into_iter().collect();
            causeway.send_plainly(TestRequest::post().uri(&format!("/r/{changed}"))).expect(404);
        }
        assert_eq!(causeway.get(&place(&one)).json()["stopped_at"], Value::Null);
    }
}

on_both! {
    fn where_nothing_was_set_the_directory_s_address_is_used_and_only_of_who_can_answer_here(causeway) {
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        let agency = |name: &str, engagement: &str, email: &str| {
            let agency = Agency::new(&causeway, name, engagement);
            let path = format!("/v1/organizations/{}", agency.organization);
            let etag = causeway.get(&path).header("etag").unwrap().to_owned();
            causeway.patch(&path, &etag, &json!({"email": email})).expect(200);
            agency
        };
        let here = agency("Here", "enrolled", "here@example.org");
        let called = agency("Called", "contactable", "called@example.org");
        let nonsense = agency("Nonsense", "enrolled", "front..desk@example.org");
        let silent = Agency::new(&causeway, "Silent", "enrolled");
        for agency in [&here, &called, &nonsense, &silent] {
            asks(&causeway, &desk, &[agency], &json!({}));
        }
        go_to(&causeway, MONDAY);
        assert_eq!(round(&causeway), [Delivery::Sent]);
        assert_eq!(only(&sink).to, "here@example.org");
        let shown = causeway.get(&place(&here)).json();
        assert_eq!(shown, json!({
            "organization_id": here.organization, "email": "here@example.org", "is_set_here": false, "language": "en", "is_sending": true,
        }));
        assert_eq!(causeway.get(&place(&silent)).json().get("email"), None);
        // It bounces there too, and is used again when the directory has another.
        go_to(&causeway, "2026-11-23T18:00:00Z");
        asks(&causeway, &desk, &[&here], &json!({}));
        sink.will([Does::Refuse("RCPT", 553)]);
        assert_eq!(round(&causeway), [Delivery::Failed]);
        assert_eq!(causeway.get(&place(&here)).json()["bounced_at"], "2026-11-23T18:00:00Z");
        let path = format!("/v1/organizations/{}", here.organization);
        let etag = causeway.get(&path).header("etag").unwrap().to_owned();
        causeway.patch(&path, &etag, &json!({"email": "there@example.org"})).expect(200);
        assert_eq!(causeway.get(&place(&here)).json().get("bounced_at"), None);
        assert_eq!(round(&causeway), [Delivery::Sent]);
        assert_eq!(only(&sink).to, "there@example.org");
    }
}

on_both! {
    fn those_who_speak_for_an_organization_say_where_it_hears_of_offers(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let (own, foreign) = (Agency::new(&causeway, "Own", "enrolled"), Agency::new(&causeway, "Foreign", "enrolled"));
        let staff = own.staff(&causeway);
        let lead = desk.lead(&causeway);
        let send = |token: &str, method: Method, place: &str, matching: Option<&str>, body: &Value| -> Answer {
            let request = TestRequest::with_uri(place).method(method).set_json(body);
            causeway.send_as(token, match matching {
                Some(etag) => request.insert_header(("If-Match", etag)),
                None => request,
            })
        };
        let put = |token: &str, place: &str, matching: Option<&str>, body: &Value| send(token, Method::PUT, place, matching, body);
        let delete = |token: &str, matching: Option<&str>| {
            let request = TestRequest::with_uri(&place(&own)).method(Method::DELETE);
            causeway.send_as(token, match matching {
                Some(etag) => request.insert_header(("If-Match", etag)),
                None => request,
            })
        };
        let wish = json!({"email": " intake@example.org ", "language": "pt"});
        let unsaid = crate::students::get(&causeway, &staff, &place(&own)).expect(200).header("etag").unwrap().to_owned();
        put(&lead, &place(&own), Some("*"), &wish).expect(403);
        put(&staff, &place(&foreign), Some("*"), &wish).expect(404);
        crate::students::get(&causeway, &staff, &place(&foreign)).expect(404);
        put(&staff, &place(&own), None, &wish).expect(428);
        let first = put(&staff, &place(&own), Some(&unsaid), &wish).expect(200);
        assert_eq!(first.json(), json!({
            "organization_id": own.organization, "email": "intake@example.org", "is_set_here": true, "language": "pt",
            "changed_at": "2026-11-22T12:00:00Z", "is_sending": false,
        }));
        put(&staff, &place(&own), Some(&unsaid), &wish).expect(412);
        let etag = first.header("etag").unwrap().to_owned();
        delete(&staff, None).expect(428);
        delete(&staff, Some(&unsaid)).expect(412);
        delete(&lead, Some("*")).expect(403);
        delete(&staff, Some(&etag)).expect(204);
        assert_eq!(causeway.get(&place(&own)).json()["stopped_at"], "2026-11-22T12:00:00Z");
        let operator = causeway.token(Role::Operator, &Tie::None);
        let again = put(&operator, &place(&own), Some("*"), &json!({})).expect(200).json();
        assert_eq!((&again["is_set_here"], again.get("stopped_at")), (&json!(false), None));
        for (body, pointer) in [(json!({"email": "nobody"}), "/email"), (json!({"email": ""}), "/email"), (json!({"language": "fr"}), "/language"), (json!({"mail": "a@b.org"}), "/mail")] {
            let refused = put(&staff, &place(&own), Some("*"), &body).expect(400);
            assert_eq!(refused.errors()[0].0, pointer, "{body}");
        }
    }
}
