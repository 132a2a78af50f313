//! Imminent risk: whom to call before anything else, and the events that people take on and clear.

use actix_web::test::TestRequest;
use causeway::access::Role;
use causeway::store::{Tenancy, Tenant};
use causeway::types::{DistrictId, SchoolId, StudentId};
use diesel::connection::SimpleConnection;
use serde_json::{Value, json};

use crate::audit::{District, number};
use crate::invitations::{Provider, redeem};
use crate::support::{Answer, Causeway, on_both};

const NEED: &str = "A note that stands nowhere in the clear";

fn post(causeway: &Causeway, token: &str, path: &str, body: &Value) -> Answer {
    causeway.send_as(token, TestRequest::post().uri(path).set_json(body))
}

fn get(causeway: &Causeway, token: &str, path: &str) -> Answer {
    causeway.send_as(token, TestRequest::get().uri(path))
}

fn report(causeway: &Causeway, token: &str, body: &Value) -> String {
    let recorded = post(causeway, token, "/v1/crisis-events", body).expect(201).json();
    recorded["event"]["id"].as_str().unwrap().to_owned()
}

fn ids(answer: &Answer) -> Vec<String> {
    let answer = answer.json();
    let items = answer["items"].as_array().unwrap();
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

fn school(causeway: &Causeway, district: DistrictId, code: &str) -> SchoolId {
    let body = json!({"name": "School", "code": code, "district_id": district, "state": "MA", "postal_code": "01840"});
    causeway.create("/v1/schools", &body).parse().unwrap()
}

fn numbers(problem: &Value) -> Vec<String> {
    let contacts = problem["crisis_contacts"].as_array().unwrap();
    contacts.iter().filter_map(|contact| contact["phone"].as_str().map(str::to_owned)).collect()
}

/// A student of the district with a key, in this school.
fn student(causeway: &Causeway, district: &District, school: Option<SchoolId>) -> StudentId {
    let student = StudentId::new();
    let vault = &causeway.context().app.vault;
    let key = vault.new_key(student).unwrap();
    let at = school.map_or("NULL".to_owned(), |school| format!("'{school}'"));
    causeway
        .store()
        .write_for_now(&district.tenancy, |tx| {
            tx.connection.batch_execute(&district.insert_student(causeway, student))?;
            tx.connection
                .batch_execute(&format!("UPDATE students SET school_id = {at} WHERE id = '{student}'"))?;
            vault.keep(tx, &district.tenant(), &key)
        })
        .unwrap();
    student
}

/// A person who coordinates for a district, or for some of its schools.
fn coordinator(
    causeway: &Causeway,
    provider: &Provider,
    district: DistrictId,
    schools: &[SchoolId],
) -> String {
    let invitation =
        json!({"name": "Ana", "role": "coordinator", "district_id": district, "schools": schools});
    let code = causeway.post("/v1/invitations", &invitation).expect(201).json()["code"].clone();
    let person = provider.token(causeway, "ana");
    redeem(causeway, &person, code.as_str().unwrap()).expect(200);
    person
}

on_both! {
    fn who_says_imminent_risk_is_told_whom_to_call_and_nothing_else_is_done(causeway) {
        let mut causeway = causeway;
        let district = District::new(&causeway);
        let coordinator = causeway.token(Role::Coordinator, &district.tie());
        let need = json!({
            "origin": {"postal_code": "01840"}, "imminent_risk": true, "need_ref": "0192d7a0-0000-7000",
        });
        let problem = post(&causeway, &coordinator, "/v1/matches", &need).expect(409).json();
        assert_eq!(problem["code"], "imminent-risk");
        let called = numbers(&problem);
        assert_eq!(called[0], "911");
        assert!(called.contains(&"988".to_owned()) && called.contains(&"833-773-2445".to_owned()), "{called:?}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("does not assess risk") && detail.contains("911") && detail.contains("988"), "{detail}");
        assert_eq!((problem["items"].clone(), problem["mandated_reporting"].clone()), (json!(null), json!(null)));
        let event = problem["crisis_event_id"].as_str().unwrap();
        let recorded = get(&causeway, &coordinator, &format!("/v1/crisis-events/{event}")).expect(200).json();
        assert_eq!((recorded["status"].as_str(), recorded["state"].as_str()), (Some("open"), Some("MA")));
        assert_eq!(causeway.get("/v1/near-misses").json()["total"]["value"], 0, "the need was not counted");
        // Whatever else is wrong with the body.
        for wrong in [
            json!({"imminent_risk": true}),
            json!({"imminent_risk": true, "origin": {"postal_code": "00000"}, "limit": 0, "colour": 1}),
            json!({"imminent_risk": true, "origin": {"school": "nowhere"}}),
        ] {
            let problem = post(&causeway, &coordinator, "/v1/matches", &wrong).expect(409).json();
            assert!(numbers(&problem).contains(&"833-773-2445".to_owned()), "the district's state: {problem}");
            assert!(problem["crisis_event_id"].is_string());
        }
        // Nobody in particular has no district to tell.
        causeway.change(|context| context.public_search = true);
        let plainly = causeway.send_plainly(TestRequest::post().uri("/v1/matches").set_json(&need)).expect(409).json();
        assert_eq!((plainly["crisis_event_id"].clone(), numbers(&plainly)[0].as_str()), (json!(null), "911"));
        assert!(plainly["detail"].as_str().unwrap().contains("Nobody was told"));
        let operator = causeway.post("/v1/matches", &need).expect(409).json();
        assert_eq!(operator["crisis_event_id"], json!(null));
        assert_eq!(number(&causeway, &district.tenancy, "SELECT count(*) FROM crisis_events"), 4);
        let without = json!({"origin": {"postal_code": "01840"}, "imminent_risk": false});
        post(&causeway, &coordinator, "/v1/matches", &without).expect(200);
        let pointless = json!({"origin": {"postal_code": "01840"}, "suspected_abuse": true});
        assert_eq!(post(&causeway, &coordinator, "/v1/matches", &pointless).expect(400).errors()[0].0, "/suspected_abuse");
    }
}

on_both! {
    fn suspected_abuse_prompts_the_text_for_mandated_reporters_and_files_nothing(causeway) {
        let district = District::new(&causeway);
        let lead = causeway.token(Role::DistrictLead, &district.tie());
        let own = school(&causeway, district.id(), "014900051");
        let need = json!({"origin": {"school": own}, "imminent_risk": true, "suspected_abuse": true});
        let problem = post(&causeway, &lead, "/v1/matches", &need).expect(409).json();
        let text = problem["mandated_reporting"].as_str().unwrap();
        assert!(text.contains("51A") && text.contains("800-792-5200") && text.contains("files nothing"), "{text}");
        let event = format!("/v1/crisis-events/{}", problem["crisis_event_id"].as_str().unwrap());
        let event = get(&causeway, &lead, &event).expect(200).json();
        assert_eq!((event["suspected_abuse"].clone(), event["school_id"].clone()), (json!(true), json!(own)));
        let elsewhere = json!({"state": "VT", "suspected_abuse": true});
        let recorded = post(&causeway, &lead, "/v1/crisis-events", &elsewhere).expect(201).json();
        let text = recorded["mandated_reporting"].as_str().unwrap();
        assert!(text.contains("800-422-4453") && !text.contains("51A"), "{text}");
        assert_eq!(numbers(&recorded)[0], "911");
    }
}

on_both! {
    fn an_event_is_acknowledged_and_then_cleared_by_a_person_with_a_note(causeway) {
        let mut causeway = causeway;
        let provider = Provider::of(&mut causeway);
        let district = District::new(&causeway);
        let person = coordinator(&causeway, &provider, district.id(), &[]);
        let system = causeway.token(Role::SisClient, &district.tie());
        let id = report(&causeway, &system, &json!({"note": NEED}));
        let path = format!("/v1/crisis-events/{id}");
        let act = |token: &str, what: &str, body: &Value| post(&causeway, token, &format!("{path}/{what}"), body);
        let over = json!({"note": "It is over"});
        act(&person, "clear", &over).expect(409);
        act(&system, "clear", &over).expect(403);
        // It would end the escalation, and nobody would be there.
        act(&system, "acknowledge", &json!({})).expect(403);
        assert_eq!(act(&person, "acknowledge", &json!({})).expect(200).json()["acknowledged"]["name"], "Ana");
        act(&person, "acknowledge", &json!({})).expect(409);
        act(&system, "clear", &over).expect(403);
        for wrong in [json!({}), json!({"note": ""}), json!({"note": "  "}), json!({"note": null})] {
            assert_eq!(act(&person, "clear", &wrong).status, 400, "{wrong}");
        }
        assert_eq!(ids(&get(&causeway, &person, "/v1/crisis-events?open=true")), std::slice::from_ref(&id));
        let cleared = act(&person, "clear", &over).expect(200).json();
        assert_eq!((cleared["status"].as_str(), cleared["cleared"]["name"].as_str()), (Some("cleared"), Some("Ana")));
        act(&person, "clear", &over).expect(409);
        assert_eq!(ids(&get(&causeway, &person, "/v1/crisis-events?open=true")), [""; 0]);
        assert_eq!(ids(&get(&causeway, &person, "/v1/crisis-events?open=false")), [id]);
        let shown = get(&causeway, &person, &path).expect(200).json();
        assert_eq!((shown["note"].as_str(), shown["clearance_note"].as_str()), (Some(NEED), Some("It is over")));
        let listed = get(&causeway, &person, "/v1/crisis-events").json();
        assert_eq!(listed["items"][0]["note"], json!(null), "a list shows no note");
        assert!(!causeway.holds_text("stands nowhere in the clear") && !causeway.holds_text("It is over"));
        let told = |action: &str, outcome: &str| {
            let query = format!("SELECT count(*) FROM audit_events WHERE resource = 'crisis_event' AND action = '{action}' AND outcome = '{outcome}'");
            number(&causeway, &district.tenancy, &query)
        };
        assert_eq!((told("create", "done"), told("change", "done"), told("end", "done"), told("end", "refused")), (1, 1, 1, 4));
    }
}

on_both! {
    fn what_is_written_of_a_student_goes_with_the_students_key(causeway) {
        let district = District::new(&causeway);
        let lead = causeway.token(Role::DistrictLead, &district.tie());
        let own = school(&causeway, district.id(), "014900051");
        let student = student(&causeway, &district, Some(own));
        let id = report(&causeway, &lead, &json!({"student_id": student, "note": NEED}));
        let path = format!("/v1/crisis-events/{id}");
        let shown = get(&causeway, &lead, &path).expect(200).json();
        assert_eq!((shown["note"].as_str(), shown["school_id"].clone()), (Some(NEED), json!(own)), "the student's school");
        assert!(!causeway.holds_text("stands nowhere in the clear"));
        let vault = &causeway.context().app.vault;
        causeway.store().write_for_now(&district.tenancy, |tx| vault.destroy(tx, &district.tenant(), student)).unwrap();
        let shown = get(&causeway, &lead, &path).expect(200).json();
        assert_eq!((shown["note"].clone(), shown["student_id"].clone()), (json!(null), json!(student)));
    }
}

on_both! {
    fn events_are_seen_in_their_district_and_school_and_nowhere_else(causeway) {
        let mut causeway = causeway;
        let provider = Provider::of(&mut causeway);
        let (district, other) = (District::new(&causeway), District::new(&causeway));
        let [one, two] = ["014900051", "014900052"].map(|code| school(&causeway, district.id(), code));
        let lead = causeway.token(Role::DistrictLead, &district.tie());
        let stranger = causeway.token(Role::DistrictLead, &other.tie());
        let of_one = coordinator(&causeway, &provider, district.id(), &[one]);
        let [at_one, at_two] = [one, two].map(|school| report(&causeway, &lead, &json!({"school_id": school})));
        let nowhere = report(&causeway, &lead, &json!({}));
        let own = report(&causeway, &of_one, &json!({}));
        assert_eq!(ids(&get(&causeway, &lead, "/v1/crisis-events")).len(), 4);
        assert_eq!(ids(&get(&causeway, &of_one, "/v1/crisis-events")), [own.clone(), at_one.clone()]);
        assert_eq!(ids(&get(&causeway, &stranger, "/v1/crisis-events")), [""; 0]);
        for (token, id, status) in [
            (&of_one, &at_one, 200), (&of_one, &own, 200), (&of_one, &at_two, 404), (&of_one, &nowhere, 404),
            (&stranger, &at_one, 404), (&lead, &nowhere, 200),
        ] {
            assert_eq!(get(&causeway, token, &format!("/v1/crisis-events/{id}")).status, status);
            if status == 404 {
                assert_eq!(post(&causeway, token, &format!("/v1/crisis-events/{id}/acknowledge"), &json!({})).status, 404);
            }
        }
        get(&causeway, &lead, "/v1/crisis-events/nonsense").expect(404);
        let [here, there] = [(&district, Some(two)), (&other, None)].map(|(of, at)| student(&causeway, of, at));
        for (token, body, status) in [
            (&of_one, json!({"school_id": two}), 404), (&of_one, json!({"student_id": here}), 404),
            (&lead, json!({"student_id": here}), 201), (&lead, json!({"student_id": there}), 404),
            (&stranger, json!({"school_id": one}), 404), (&stranger, json!({"student_id": there}), 201),
        ] {
            let answer = post(&causeway, token, "/v1/crisis-events", &body);
            assert_eq!(answer.status, status, "{body} {}", answer.text);
            let asked = body["student_id"].as_str().or(body["school_id"].as_str()).unwrap();
            assert!(status == 201 || !answer.text.contains(asked), "what was asked for is not repeated: {}", answer.text);
        }
        let query =
            format!("SELECT count(*) FROM audit_events WHERE outcome = 'refused' AND district_id = '{}'", district.id());
        assert_eq!(number(&causeway, &district.tenancy, &query), 7, "what was refused is on the record");
        if causeway.is_on_postgres() {
            let count = |tenancy: &Tenancy| number(&causeway, tenancy, "SELECT count(*) FROM crisis_events");
            let of_other = Tenancy::District(Tenant { district: other.id(), schools: Vec::new() });
            let seen = [&district.tenancy, &of_other, &Tenancy::Clock, &Tenancy::Analyst, &Tenancy::Keeper].map(count);
            assert_eq!(seen, [5, 1, 6, 0, 0], "row-level security");
            let update = "UPDATE crisis_events SET version = version + 1";
            let changed = |tenancy: &Tenancy| {
                causeway.as_application(tenancy, update).unwrap();
                number(&causeway, &Tenancy::Clock, "SELECT count(*) FROM crisis_events WHERE version > 1")
            };
            assert_eq!(changed(&Tenancy::Analyst), 0);
            assert_eq!(changed(&Tenancy::Clock), 6, "the escalation marks what it has told");
        }
    }
}

on_both! {
    fn a_report_repeated_with_its_key_is_one_and_a_wrong_one_is_not_quoted(causeway) {
        let district = District::new(&causeway);
        let lead = causeway.token(Role::DistrictLead, &district.tie());
        let keyed = || {
            let request = TestRequest::post().uri("/v1/crisis-events").insert_header(("Idempotency-Key", "\"one\""));
            causeway.send_as(&lead, request.set_json(json!({"note": NEED}))).expect(201).json()["event"]["id"].clone()
        };
        assert_eq!(keyed(), keyed());
        assert!(!causeway.holds_text("stands nowhere in the clear"), "nor in the answer that is kept");
        for (body, place) in [
            (json!({"note": {"Rosa": 1}}), "/note"), (json!({"note": ["Rosa"]}), "/note"),
            (json!({"suspected_abuse": "Rosa"}), "/suspected_abuse"), (json!({"student_id": "Rosa"}), "/student_id"),
            (json!({"Rosa": true}), ""), (json!({"state": "Rosa"}), "/state"), (json!({"note": null, "state": "MA"}), "/note"),
        ] {
            let refused = post(&causeway, &lead, "/v1/crisis-events", &body).expect(400);
            assert!(!refused.text.contains("Rosa"), "{}", refused.text);
            assert_eq!(refused.errors()[0].0, place, "{body}");
        }
        let long = json!({"note": "x".repeat(4_001)});
        post(&causeway, &lead, "/v1/crisis-events", &long).expect(400);
        let broken = TestRequest::post().uri("/v1/crisis-events").insert_header(("Content-Type", "application/json"));
        let broken = causeway.send_as(&lead, broken.set_payload("{\"note\": \"Rosa"));
        assert!(broken.status == 400 && !broken.text.contains("Rosa"), "{}", broken.text);
    }
}

on_both! {
    fn an_event_is_read_where_the_student_goes_whatever_school_was_said(causeway) {
        let mut causeway = causeway;
        let provider = Provider::of(&mut causeway);
        let district = District::new(&causeway);
        let [one, other] = ["7", "8"].map(|code| school(&causeway, district.id(), code));
        let lead = causeway.token(Role::DistrictLead, &district.tie());
        let of_one = coordinator(&causeway, &provider, district.id(), &[one]);
        let pupil = student(&causeway, &district, Some(other));
        let said = json!({"student_id": pupil, "school_id": one, "note": NEED});
        let id = report(&causeway, &lead, &said);
        let path = format!("/v1/crisis-events/{id}");
        assert_eq!(get(&causeway, &lead, &path).expect(200).json()["school_id"], json!(other));
        get(&causeway, &of_one, &path).expect(404);
        let nowhere = student(&causeway, &district, None);
        report(&causeway, &lead, &json!({"student_id": nowhere, "school_id": one}));
        // What was written goes along when the student does.
        let moving = student(&causeway, &district, Some(one));
        let path = format!("/v1/crisis-events/{}", report(&causeway, &lead, &json!({"student_id": moving, "note": NEED})));
        get(&causeway, &of_one, &path).expect(200);
        let sql = format!("UPDATE students SET school_id = '{other}' WHERE id = '{moving}'");
        causeway.as_application(&district.tenancy, &sql).unwrap();
        get(&causeway, &of_one, &path).expect(404);
    }
}

on_both! {
    fn what_is_wrong_with_a_path_or_query_of_a_crisis_is_not_repeated(causeway) {
        let district = District::new(&causeway);
        let lead = causeway.token(Role::DistrictLead, &district.tie());
        for path in ["/RosaSecret", "?open=RosaSecret", "?limit=RosaSecret", "?RosaSecret=1"] {
            let answer = get(&causeway, &lead, &format!("/v1/crisis-events{path}"));
            assert!(answer.status == 400 || answer.status == 404, "{path}");
            assert!(!answer.text.contains("RosaSecret"), "{}", answer.text);
        }
    }
}
