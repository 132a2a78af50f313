//! Messages to people of a district: that something waits for them, when they go, and what they never say.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use causeway::access::{Role, Tie, invitations};
use causeway::app::App;
use causeway::exchange::outbox::Delivery;
use causeway::store::StoreOptions;
use causeway::types::MembershipId;
use serde_json::{Value, json};

use crate::invitations::{Provider, redeem};
use crate::reminders::{mailing, round, through, urls};
use crate::seeking::{Agency, Desk, answers, consents, go_to, keyed, lets_tell};
use crate::smtp_sink::{Does, Mail, Sink};
use crate::students::get;
use crate::support::{Answer, Causeway, on_both};
use crate::update_links::{count, path_of};

/// A Monday in Boston, when people come to work.
const MONDAY: &str = "2026-11-23T14:00:00Z";
pub const NOTICES: &str = "/v1/me/notices";

/// Somebody with an account.
pub struct Person<'a> {
    provider: &'a Provider,
    pub id: String,
    subject: &'static str,
}

impl<'a> Person<'a> {
    /// A member of a district, or of some of its schools.
    pub fn new(
        causeway: &Causeway,
        provider: &'a Provider,
        district: &str,
        subject: &'static str,
        role: &str,
        schools: &[&str],
    ) -> Self {
        let invited = json!({"name": subject, "role": role, "district_id": district, "schools": schools});
        let invitation = causeway.post("/v1/invitations", &invited).expect(201).json();
        let member =
            redeem(causeway, &provider.token(causeway, subject), invitation["code"].as_str().unwrap());
        let id = member.expect(200).json()["id"].as_str().unwrap().to_owned();
        Self { provider, id, subject }
    }

    /// A token that holds at the time that the test has come to.
    pub fn token(&self, causeway: &Causeway) -> String {
        self.provider.token(causeway, self.subject)
    }

    /// Says where their messages go, whatever they said before.
    pub fn hears(&self, causeway: &Causeway, settings: &Value) {
        let request = TestRequest::put().uri(NOTICES).insert_header(("If-Match", "*")).set_json(settings);
        causeway.send_as(&self.token(causeway), request).expect(200);
    }

    pub fn settings(&self, causeway: &Causeway) -> Value {
        get(causeway, &self.token(causeway), NOTICES).expect(200).json()
    }

    fn acts(&self, causeway: &Causeway, referral: &str, action: &Value) {
        let path = format!("/v1/referrals/{referral}/actions");
        keyed(causeway, &self.token(causeway), &path, action).expect(200);
    }
}

/// The lead of a district, who hears of what waits at this address.
fn lead<'a>(causeway: &Causeway, provider: &'a Provider, desk: &Desk, email: &str) -> Person<'a> {
    let ana = Person::new(causeway, provider, &desk.district.id, "ana", "district_lead", &[]);
    ana.hears(causeway, &json!({"email": email}));
    ana
}

/// A referral of theirs that an agency declines: nobody is left, and it waits for its owner.
fn declined(causeway: &Causeway, desk: &Desk, owner: &Person<'_>) -> String {
    let agency = Agency::new(causeway, "Zwiebelfisch Clinic", "enrolled");
    let pupil = desk.pupil(causeway);
    let id = desk.refers(causeway, &pupil, &[&agency], &json!({"note": "Rosa cannot sleep."}));
    owner.acts(causeway, &id, &json!({"action": "assign"}));
    answers(causeway, &agency, &agency.asked(causeway), &json!({"action": "decline", "reason": "age"}));
    id
}

/// What the only message says.
#[track_caller]
pub fn only(sink: &Sink) -> Mail {
    let mut mails = sink.take();
    assert_eq!(mails.len(), 1, "{mails:?}");
    mails.remove(0)
}

on_both! {
    fn whoever_something_is_due_from_hears_how_much_in_their_language(causeway) {
        let mut causeway = causeway;
        let provider = Provider::of(&mut causeway);
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        go_to(&causeway, MONDAY);
        for (language, subject, waits) in [
            ("en", "Something waits for you", "Things that wait for you in Causeway: 1."),
            ("es", "Algo le espera", "Asuntos que le esperan en Causeway: 1."),
            ("pt", "Há algo à sua espera", "Assuntos à sua espera no Causeway: 1."),
            ("ht", "Gen yon bagay k ap tann ou", "Bagay k ap tann ou nan Causeway: 1."),
        ] {
            let person = Person::new(&causeway, &provider, &desk.district.id, language, "coordinator", &[]);
            person.hears(&causeway, &json!({"email": format!("{language}@example.org"), "language": language}));
            declined(&causeway, &desk, &person);
            assert_eq!(round(&causeway), [Delivery::Sent]);
            assert_eq!(round(&causeway), [], "once");
            let mail = only(&sink);
            assert_eq!((mail.to.clone(), mail.header("Subject")), (format!("{language}@example.org"), subject.to_owned()));
            let text = mail.text();
            assert!(text.contains(waits), "{text}");
            assert_eq!(urls(&text, "/v1/"), ["http://127.0.0.1:8080/v1/worklists?owner_id=me"]);
        }
    }
}

on_both! {
    fn a_message_about_what_waits_says_nothing_of_anybody(causeway) {
        let mut causeway = causeway;
        let provider = Provider::of(&mut causeway);
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        let ana = lead(&causeway, &provider, &desk, "somebody@example.org");
        let referral = declined(&causeway, &desk, &ana);
        go_to(&causeway, MONDAY);
        assert_eq!(round(&causeway), [Delivery::Sent]);
        let mail = only(&sink);
        let everything = mail.everything().to_lowercase();
        let ids = [&referral, &ana.id, &desk.district.id, &desk.district.school];
        let words = ["rosa", "zwiebelfisch", "counseling", "anxiety", "student", "school", "district", "marta", "sleep", "spanish", "lawrence", "declined"];
        for absent in ids.map(String::as_str).into_iter().chain(words) {
            assert!(!everything.contains(absent), "{absent}: {everything}");
        }
        assert_eq!((mail.header("To").as_str(), mail.header("Auto-Submitted").as_str()), ("somebody@example.org", "auto-generated"));
        let stop = urls(&mail.text(), "/r/").pop().unwrap();
        assert_eq!(mail.header("List-Unsubscribe"), format!("<{stop}>"));
        assert!(!causeway.holds_text(stop.rsplit('/').next().unwrap()));
    }
}

on_both! {
    fn messages_come_while_the_district_is_at_work(causeway) {
        let mut causeway = causeway;
        let provider = Provider::of(&mut causeway);
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        let ana = lead(&causeway, &provider, &desk, "ana@example.org");
        // The district is an organization too, which has a holiday.
        let own = causeway.create("/v1/organizations", &json!({"name": "District", "engagement": "listed", "holidays": ["2026-11-23"]}));
        causeway.patch(&format!("/v1/districts/{}", desk.district.id), "*", &json!({"organization_id": own})).expect(200);
        declined(&causeway, &desk, &ana);
        for closed in ["2026-11-22T15:00:00Z", "2026-11-23T15:00:00Z", "2026-11-24T13:59:59Z"] {
            go_to(&causeway, closed);
            assert_eq!(round(&causeway), [], "{closed}");
        }
        go_to(&causeway, "2026-11-24T21:59:30Z");
        sink.will([Does::Refuse("MAIL", 451)]);
        assert_eq!(round(&causeway), [Delivery::Retried]);
        go_to(&causeway, "2026-11-24T22:00:30Z");
        assert_eq!(round(&causeway), [Delivery::Postponed], "they went home meanwhile");
        assert!(sink.take().is_empty());
        go_to(&causeway, "2026-11-25T14:00:00Z");
        assert_eq!(round(&causeway), [Delivery::Sent]);
        only(&sink);
    }
}

on_both! {
    fn much_that_comes_together_is_one_message_and_each_thing_is_told_once(causeway) {
        let mut causeway = causeway;
        let provider = Provider::of(&mut causeway);
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        let ana = lead(&causeway, &provider, &desk, "ana@example.org");
        let first = declined(&causeway, &desk, &ana);
        for _ in 0..2 {
            declined(&causeway, &desk, &ana);
        }
        go_to(&causeway, MONDAY);
        assert_eq!(causeway.context().app.queue_mail().unwrap(), 1);
        // One comes between making and sending.
        declined(&causeway, &desk, &ana);
        assert_eq!(causeway.context().app.send_mail_due().unwrap(), [Delivery::Sent]);
        assert!(only(&sink).text().contains("Causeway: 4."));
        // What comes soon after waits for what comes with it.
        for hour in 0..4 {
            assert_eq!(round(&causeway), [], "{hour}");
            declined(&causeway, &desk, &ana);
            causeway.clock.advance(Duration::from_hours(1));
        }
        assert_eq!(round(&causeway), [Delivery::Sent]);
        assert!(only(&sink).text().contains("Causeway: 8."));
        // A decision was due on Monday noon, or will be on Tuesday: that it is due today is told too, and no more.
        go_to(&causeway, "2026-11-24T15:00:00Z");
        assert_eq!(round(&causeway), [Delivery::Sent]);
        assert!(only(&sink).text().contains("Causeway: 8."), "each referral counts once");
        for day in 25..28 {
            go_to(&causeway, &format!("2026-11-{day}T15:00:00Z"));
            assert_eq!(round(&causeway), [], "{day}: nothing has changed");
        }
        // It goes and comes again: that is another thing.
        let agency = Agency::new(&causeway, "Other", "enrolled");
        ana.acts(&causeway, &first, &json!({"action": "extend_shortlist", "shortlist": {"offerings": [agency.offering]}}));
        assert_eq!(round(&causeway), []);
        answers(&causeway, &agency, &agency.asked(&causeway), &json!({"action": "decline", "reason": "age"}));
        assert_eq!(round(&causeway), [Delivery::Sent]);
        assert!(only(&sink).text().contains("Causeway: 8."));
        assert_eq!(round(&causeway), []);
    }
}

on_both! {
    fn what_came_of_an_answer_is_told_and_what_waits_for_others_is_not(causeway) {
        let mut causeway = causeway;
        let provider = Provider::of(&mut causeway);
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        let ana = lead(&causeway, &provider, &desk, "ana@example.org");
        let agency = Agency::new(&causeway, "One", "enrolled");
        go_to(&causeway, MONDAY);
        let pupil = crate::consents::Pupil::new(&causeway, &desk.lead(&causeway), &json!({}));
        let id = desk.refers(&causeway, &pupil, &[&agency], &json!({}));
        ana.acts(&causeway, &id, &json!({"action": "assign"}));
        assert_eq!(desk.status(&causeway, &id), "active awaiting-consent");
        assert_eq!(round(&causeway), [], "the family has to sign");
        consents(&causeway, &desk.lead(&causeway), &pupil);
        lets_tell(&causeway, &desk.lead(&causeway), &pupil, &["service_record"]);
        assert_eq!(round(&causeway), [], "the agency has to reply");
        let offer = agency.asked(&causeway);
        answers(&causeway, &agency, &offer, &json!({"action": "accept"}));
        assert_eq!(round(&causeway), [Delivery::Sent], "accepted, and nothing is scheduled");
        only(&sink);
        go_to(&causeway, "2026-11-24T15:00:00Z");
        answers(&causeway, &agency, &offer, &json!({"action": "schedule", "appointment_at": "2026-11-24T16:00:00Z"}));
        assert_eq!(round(&causeway), []);
        go_to(&causeway, "2026-11-24T17:00:00Z");
        answers(&causeway, &agency, &offer, &json!({"action": "no_show"}));
        assert_eq!(round(&causeway), [Delivery::Sent], "the appointment was missed");
        only(&sink);
    }
}

on_both! {
    fn whoever_stands_in_hears_of_it_as_long_as_they_do(causeway) {
        let mut causeway = causeway;
        let provider = Provider::of(&mut causeway);
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        let ana = Person::new(&causeway, &provider, &desk.district.id, "ana", "district_lead", &[]);
        let ben = Person::new(&causeway, &provider, &desk.district.id, "ben", "coordinator", &[]);
        let eve = Person::new(&causeway, &provider, &desk.district.id, "eve", "coordinator", &[&desk.district.school]);
        for person in [&ben, &eve] {
            person.hears(&causeway, &json!({"email": format!("{}@example.org", person.subject)}));
        }
        go_to(&causeway, MONDAY);
        declined(&causeway, &desk, &ana);
        assert_eq!(round(&causeway), [], "it waits for one who hears nothing");
        let covered = declined(&causeway, &desk, &ana);
        ben.acts(&causeway, &covered, &json!({"action": "cover", "until": "2026-11-23"}));
        assert_eq!(round(&causeway), [Delivery::Sent]);
        let mail = only(&sink);
        assert!(mail.to == "ben@example.org" && mail.text().contains("Causeway: 1."), "{mail:?}");
        // Due on the next day, on which nobody stands in any more.
        go_to(&causeway, "2026-11-24T15:00:00Z");
        assert_eq!(round(&causeway), []);
        // One of a school hears of what is theirs there, and of nothing that they may not see.
        let owned = declined(&causeway, &desk, &ben);
        assert_eq!(round(&causeway), [Delivery::Sent]);
        assert_eq!(only(&sink).to, "ben@example.org");
        let sql = format!("UPDATE worklist_places SET owner_id = '{}' WHERE referral_id = '{owned}'", eve.id);
        let tenant = causeway::store::Tenant { district: desk.district.id.parse().unwrap(), schools: Vec::new() };
        causeway.as_application(&causeway::store::Tenancy::District(tenant), &sql).unwrap();
        assert_eq!(round(&causeway), []);
    }
}

on_both! {
    fn two_nodes_tell_somebody_of_each_thing_once(causeway) {
        let mut causeway = causeway;
        let provider = Provider::of(&mut causeway);
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let other = through(App::new(causeway.another_store(StoreOptions { connections: 3, ..StoreOptions::default() })).unwrap(), &sink);
        let desk = Desk::new(&causeway, "0149");
        let people: Vec<Person<'_>> = ["a", "b", "c", "d"].into_iter().map(|subject| {
            let person = Person::new(&causeway, &provider, &desk.district.id, subject, "coordinator", &[]);
            person.hears(&causeway, &json!({"email": format!("{subject}@example.org")}));
            declined(&causeway, &desk, &person);
            person
        }).collect();
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
        assert_eq!(to, people.iter().map(|person| format!("{}@example.org", person.subject)).collect::<Vec<_>>());
        assert_eq!(count(&causeway, "outbox WHERE kind = 'worklist_notice' AND status = 'sent'"), 4);
    }
}

on_both! {
    fn what_was_done_meanwhile_is_not_told_and_whoever_left_hears_nothing(causeway) {
        let mut causeway = causeway;
        let provider = Provider::of(&mut causeway);
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        let ana = lead(&causeway, &provider, &desk, "ana@example.org");
        go_to(&causeway, MONDAY);
        let id = declined(&causeway, &desk, &ana);
        assert_eq!(causeway.context().app.queue_mail().unwrap(), 1);
        ana.acts(&causeway, &id, &json!({"action": "close", "outcome": {"served": false, "reason": "no_capacity"}}));
        assert_eq!(causeway.context().app.send_mail_due().unwrap(), [Delivery::Cancelled]);
        assert_eq!(round(&causeway), []);
        declined(&causeway, &desk, &ana);
        assert_eq!(causeway.context().app.queue_mail().unwrap(), 1);
        let member: MembershipId = ana.id.parse().unwrap();
        causeway.store().write_now(|tx| invitations::end(tx, member, "an operator")).unwrap();
        assert_eq!(causeway.context().app.send_mail_due().unwrap(), [Delivery::Cancelled]);
        assert_eq!(round(&causeway), []);
        assert!(sink.take().is_empty());
    }
}

on_both! {
    fn a_persons_address_that_bounced_is_flagged_and_not_used_until_it_is_set_anew(causeway) {
        let mut causeway = causeway;
        let provider = Provider::of(&mut causeway);
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        let ana = lead(&causeway, &provider, &desk, "gone@example.org");
        declined(&causeway, &desk, &ana);
        go_to(&causeway, MONDAY);
        sink.will([Does::Refuse("DATA", 554)]);
        assert_eq!(round(&causeway), [Delivery::Failed]);
        assert_eq!(ana.settings(&causeway).get("bounced_at"), None, "it says nothing of the address");
        go_to(&causeway, "2026-11-23T18:00:00Z");
        sink.will([Does::Refuse("RCPT", 550)]);
        assert_eq!(round(&causeway), [Delivery::Failed]);
        assert_eq!(ana.settings(&causeway)["bounced_at"], "2026-11-23T18:00:00Z");
        go_to(&causeway, "2026-11-24T15:00:00Z");
        assert_eq!(round(&causeway), [], "it is not used");
        ana.hears(&causeway, &json!({"email": "gone@example.org"}));
        assert_eq!(ana.settings(&causeway).get("bounced_at"), None);
        assert_eq!(round(&causeway), [Delivery::Sent], "what was not told is");
        only(&sink);
    }
}

on_both! {
    fn a_person_stops_messages_without_signing_in(causeway) {
        let mut causeway = causeway;
        let provider = Provider::of(&mut causeway);
        let sink = Sink::start();
        let causeway = mailing(causeway, &sink);
        let desk = Desk::new(&causeway, "0149");
        let ana = lead(&causeway, &provider, &desk, "ana@example.org");
        ana.hears(&causeway, &json!({"email": "ana@example.org", "language": "es"}));
        declined(&causeway, &desk, &ana);
        go_to(&causeway, MONDAY);
        assert_eq!(round(&causeway), [Delivery::Sent]);
        let mail = only(&sink);
        assert_eq!(mail.header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
        let path = path_of(&urls(&mail.text(), "/r/")[0]);
        let asked = causeway.send_plainly(TestRequest::get().uri(&path)).expect(200).text;
        assert!(asked.contains("¿Quiere que ana deje de recibir mensajes sobre lo que espera") && asked.contains("<button"), "{asked}");
        assert_eq!(ana.settings(&causeway).get("stopped_at"), None, "looking stopped nothing");
        go_to(&causeway, "2026-11-23T18:00:00Z");
        declined(&causeway, &desk, &ana);
        assert_eq!(causeway.context().app.queue_mail().unwrap(), 1);
        let stopped = causeway.send_plainly(TestRequest::post().uri(&path)).expect(200).text;
        assert!(stopped.contains("Ya no se envían mensajes"), "{stopped}");
        assert_eq!(causeway.context().app.send_mail_due().unwrap(), [Delivery::Cancelled], "also what waits already");
        assert_eq!(ana.settings(&causeway)["stopped_at"], "2026-11-23T18:00:00Z");
        assert_eq!(round(&causeway), []);
        // With another address the old link goes for nobody; a changed one neither.
        ana.hears(&causeway, &json!({"email": "other@example.org"}));
        causeway.send_plainly(TestRequest::post().uri(&path)).expect(404);
        assert_eq!(round(&causeway), [Delivery::Sent], "what waited is told");
        let path = path_of(&urls(&only(&sink).text(), "/r/")[0]);
        for position in [3, 13, 24, 33, 66] {
            let mut letters: Vec<char> = path.chars().collect();
            letters[position] = if letters[position] == 'A' { 'B' } else { 'A' };
            causeway.send_plainly(TestRequest::post().uri(&letters.into_iter().collect::<String>())).expect(404);
        }
        assert_eq!(ana.settings(&causeway).get("stopped_at"), None);
    }
}

on_both! {
    fn people_of_a_district_say_where_their_messages_go_and_nobody_else_has_any(causeway) {
        let mut causeway = causeway;
        let provider = Provider::of(&mut causeway);
        let desk = Desk::new(&causeway, "0149");
        let ana = Person::new(&causeway, &provider, &desk.district.id, "ana", "coordinator", &[&desk.district.school]);
        let token = ana.token(&causeway);
        let send = |token: &str, method: Method, matching: Option<&str>, body: Option<&Value>| -> Answer {
            let mut request = TestRequest::with_uri(NOTICES).method(method);
            if let Some(etag) = matching {
                request = request.insert_header(("If-Match", etag));
            }
            if let Some(body) = body {
                request = request.set_json(body);
            }
            causeway.send_as(token, request)
        };
        let unsaid = send(&token, Method::GET, None, None).expect(200);
        assert_eq!(unsaid.json(), json!({"membership_id": ana.id, "language": "en", "is_sending": false}));
        let etag = unsaid.header("etag").unwrap().to_owned();
        let wish = json!({"email": " ana@example.org ", "language": "pt"});
        let put = |token: &str, matching: Option<&str>, body: &Value| send(token, Method::PUT, matching, Some(body));
        put(&token, None, &wish).expect(428);
        let first = put(&token, Some(&etag), &wish).expect(200);
        assert_eq!(first.json(), json!({
            "membership_id": ana.id, "email": "ana@example.org", "language": "pt", "changed_at": "2026-11-22T12:00:00Z", "is_sending": false,
        }));
        put(&token, Some(&etag), &wish).expect(412);
        send(&token, Method::DELETE, None, None).expect(428);
        send(&token, Method::DELETE, Some(&etag), None).expect(412);
        send(&token, Method::DELETE, Some(first.header("etag").unwrap()), None).expect(204);
        assert_eq!(ana.settings(&causeway)["stopped_at"], "2026-11-22T12:00:00Z");
        put(&token, Some("*"), &json!({"email": "ana@example.org"})).expect(200);
        assert_eq!(ana.settings(&causeway).get("stopped_at"), None);
        for (body, pointer) in [
            (json!({}), ""), (json!({"email": "nobody"}), "/email"), (json!({"email": null}), "/email"),
            (json!({"email": "a@b.org", "language": "fr"}), "/language"), (json!({"mail": "a@b.org", "email": "a@b.org"}), "/mail"),
        ] {
            assert_eq!(put(&token, Some("*"), &body).expect(400).errors()[0].0, pointer, "{body}");
        }
        // A system reads no mail, and whoever is of no district owns nothing.
        let system = causeway.token(Role::DistrictLead, &Tie::District { district: desk.district.id.parse().unwrap(), schools: Vec::new() });
        put(&system, Some("*"), &wish).expect(403);
        send(&system, Method::GET, None, None).expect(403);
        let invitation = causeway.post("/v1/invitations", &json!({"name": "Sam", "role": "state_analyst"})).expect(201).json();
        let sam = provider.token(&causeway, "sam");
        redeem(&causeway, &sam, invitation["code"].as_str().unwrap()).expect(200);
        put(&sam, Some("*"), &wish).expect(403);
        assert_eq!(count(&causeway, "people_notices"), 1);
    }
}
