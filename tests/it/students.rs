//! Students and their guardians: whose they are, who finds them, and what the record says of it.

use actix_web::test::TestRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use causeway::access::{Role, Tie};
use causeway::config::{MasterKey, MasterKeys};
use causeway::privacy::vault;
use serde_json::{Value, json};

use crate::support::{Answer, Causeway, on_both};

/// A district with a school, and tokens of those who work there.
pub struct District {
    pub id: String,
    pub school: String,
    pub lead: String,
    pub coordinator: String,
}

impl District {
    pub fn new(causeway: &Causeway, code: &str) -> Self {
        let id = causeway.create(
            "/v1/districts",
            &json!({"name": format!("District {code}"), "code": code, "state": "MA", "time_zone": "America/New_York"}),
        );
        let school = causeway
            .create("/v1/schools", &json!({"name": "School", "code": format!("{code}1"), "district_id": id}));
        let district = id.parse().unwrap();
        let tie = Tie::District { district, schools: Vec::new() };
        let of_school = Tie::District { district, schools: vec![school.parse().unwrap()] };
        let lead = causeway.token(Role::DistrictLead, &tie);
        let coordinator = causeway.token(Role::Coordinator, &of_school);
        Self { id, school, lead, coordinator }
    }
}

pub fn student(school: Option<&str>, lasid: &str) -> Value {
    let mut facts = json!({
        "given_name": "Rosa", "family_name": "Example", "birth_date": "2015-04-02", "grade": "5",
        "identifiers": [{"kind": "lasid", "value": lasid}],
        "address": {"city": "Lawrence", "state": "MA", "postal_code": "01840"},
        "languages": [{"language": "es", "used": ["spoken"]}],
        "coverages": [{"category": "medicaid", "member_id": "M-1"}],
    });
    if let Some(school) = school {
        facts["school_id"] = json!(school);
    }
    facts
}

pub fn get(causeway: &Causeway, token: &str, path: &str) -> Answer {
    causeway.send_as(token, TestRequest::get().uri(path))
}

pub fn post(causeway: &Causeway, token: &str, path: &str, body: &Value) -> Answer {
    causeway.send_as(token, TestRequest::post().uri(path).set_json(body))
}

pub fn patch(causeway: &Causeway, token: &str, path: &str, etag: &str, body: &Value) -> Answer {
    causeway.send_as(token, TestRequest::patch().uri(path).insert_header(("If-Match", etag)).set_json(body))
}

#[track_caller]
pub fn create(causeway: &Causeway, token: &str, path: &str, body: &Value) -> String {
    post(causeway, token, path, body).expect(201).json()["id"].as_str().unwrap().to_owned()
}

fn items(answer: Answer) -> Vec<String> {
    let items = answer.expect(200).json()["items"].as_array().cloned().unwrap();
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

on_both! {
    fn a_student_is_recorded_found_changed_and_leaves(causeway) {
        let District { lead, school, id: district, .. } = District::new(&causeway, "0149");
        let id = create(&causeway, &lead, "/v1/students", &student(Some(&school), "123"));
        let path = format!("/v1/students/{id}");
        let shown = get(&causeway, &lead, &path).expect(200);
        assert_eq!(shown.header("etag"), Some("\"1\""));
        let shown = shown.json();
        assert_eq!((&shown["given_name"], &shown["district_id"], &shown["version"]), (&json!("Rosa"), &json!(district), &json!(1)));
        let found = post(&causeway, &lead, "/v1/students/lookup", &json!({"kind": "lasid", "value": "123"}));
        assert_eq!(items(found), std::slice::from_ref(&id));
        let changed = patch(&causeway, &lead, &path, "\"1\"", &json!({"grade": "6", "identifiers": [{"kind": "lasid", "value": "124"}]}));
        assert_eq!(changed.expect(200).json()["grade"], "6");
        patch(&causeway, &lead, &path, "\"1\"", &json!({"grade": "7"})).expect(412);
        let gone = post(&causeway, &lead, "/v1/students/lookup", &json!({"kind": "lasid", "value": "123"}));
        assert!(items(gone).is_empty(), "the identifier before is nobody's");
        let leave = TestRequest::delete().uri(&path).insert_header(("If-Match", "*"));
        causeway.send_as(&lead, leave).expect(204);
        assert!(items(get(&causeway, &lead, "/v1/students")).is_empty());
        assert_eq!(items(get(&causeway, &lead, "/v1/students?include_left=true")), [id]);
    }
}

on_both! {
    fn a_student_of_another_district_or_school_is_not_there(causeway) {
        let (own, other) = (District::new(&causeway, "0149"), District::new(&causeway, "0201"));
        let id = create(&causeway, &own.lead, "/v1/students", &student(None, "ID-123"));
        let path = format!("/v1/students/{id}");
        let guardian = json!({"given_name": "M", "family_name": "E", "relationship": "parent", "access": "full", "access_basis": "form"});
        let guardian_id = create(&causeway, &own.lead, &format!("{path}/guardians"), &guardian);
        for token in [&other.lead, &other.coordinator, &own.coordinator] {
            for path in [path.clone(), format!("{path}/guardians"), format!("{path}/guardians/{guardian_id}"), format!("{path}/consents")] {
                get(&causeway, token, &path).expect(404);
            }
            patch(&causeway, token, &path, "*", &json!({"grade": "6"})).expect(404);
            patch(&causeway, token, &format!("{path}/guardians/{guardian_id}"), "*", &json!({"safe_to_contact": false})).expect(404);
            post(&causeway, token, &format!("{path}/guardians"), &guardian).expect(404);
            assert!(items(get(&causeway, token, "/v1/students")).is_empty());
            assert!(items(post(&causeway, token, "/v1/students/lookup", &json!({"kind": "lasid", "value": "ID-123"}))).is_empty());
        }
        post(&causeway, &own.coordinator, "/v1/students", &student(None, "5")).expect(400);
        post(&causeway, &other.lead, "/v1/students", &student(Some(&own.school), "5")).expect(400);
        let of_school = create(&causeway, &own.coordinator, "/v1/students", &student(Some(&own.school), "6"));
        // Nor is a guardian there by way of a student whose guardian it is not.
        let sibling = format!("/v1/students/{of_school}/guardians/{guardian_id}");
        get(&causeway, &own.lead, &sibling).expect(404);
        patch(&causeway, &own.lead, &sibling, "*", &json!({"access": "barred"})).expect(404);
        let sister = causeway.create("/v1/schools", &json!({"name": "Sister", "code": "sister", "district_id": own.id}));
        post(&causeway, &own.coordinator, "/v1/students", &student(Some(&sister), "7")).expect(400);
        let moved = patch(&causeway, &own.coordinator, &format!("/v1/students/{of_school}"), "*", &json!({"school_id": sister}));
        assert_eq!(moved.expect(400).errors()[0].0, "/school_id", "a coordinator moves nobody out of their own sight");
        assert_eq!(items(get(&causeway, &own.coordinator, "/v1/students")), std::slice::from_ref(&of_school));
        assert_eq!(items(get(&causeway, &own.lead, "/v1/students")), [id, of_school]);
        let same = create(&causeway, &other.lead, "/v1/students", &student(None, "ID-123"));
        assert_eq!(items(get(&causeway, &other.lead, "/v1/students")), [same], "an identifier is its district's own");
        let taken = post(&causeway, &own.lead, "/v1/students", &student(None, "ID-123")).expect(409);
        assert!(!taken.text.contains("ID-123"), "{}", taken.text);
    }
}

on_both! {
    fn what_is_wrong_with_a_student_is_said_without_repeating_it(causeway) {
        let District { lead, .. } = District::new(&causeway, "0149");
        let wrong = |change: Value| {
            let mut facts = student(None, "1");
            json_patch::merge(&mut facts, &change);
            post(&causeway, &lead, "/v1/students", &facts).expect(400)
        };
        for (change, place) in [
            (json!({"birth_date": "Canary"}), "/birth_date"),
            (json!({"birth_date": "1950-01-01"}), "/birth_date"),
            (json!({"given_name": {"Canary": 1}}), "/given_name"),
            (json!({"given_name": "Canary\nCanary"}), "/given_name"),
            (json!({"Canary": true}), ""),
            (json!({"immigration_status": "Canary"}), ""),
            (json!({"country_of_birth": "Canary"}), ""),
            (json!({"languages": [{"language": "Canary", "used": ["spoken"]}]}), "/languages/0/language"),
            (json!({"grade": "Canary"}), "/grade"),
            (json!({"address": {"Canary": "x"}}), "/address"),
            (json!({"address": {"postal_code": "Canary"}}), "/address/postal_code"),
            (json!({"email": "Canary"}), "/email"),
            (json!({"identifiers": [{"kind": "Canary", "value": "1"}]}), "/identifiers/0/kind"),
            (json!({"coverages": [{"category": "Canary"}]}), "/coverages/0/category"),
            (json!({"populations": ["Canary"]}), "/populations/0"),
        ] {
            let answer = wrong(change.clone());
            assert!(!answer.text.contains("Canary"), "{change}: {}", answer.text);
            assert_eq!(answer.errors()[0].0, place, "{change}: {}", answer.text);
        }
        let path = get(&causeway, &lead, "/v1/students/Canary").expect(404);
        assert!(!path.text.contains("Canary"), "{}", path.text);
        let broken = TestRequest::post().uri("/v1/students").insert_header(("Content-Type", "application/json"));
        let broken = causeway.send_as(&lead, broken.set_payload("{\"given_name\": \"Canary\" Canary")).expect(400);
        assert!(!broken.text.contains("Canary"), "{}", broken.text);
    }
}

on_both! {
    fn a_change_of_what_was_changed_meanwhile_is_refused(causeway) {
        let District { lead, .. } = District::new(&causeway, "0149");
        let path = format!("/v1/students/{}", create(&causeway, &lead, "/v1/students", &student(None, "1")));
        let guardian = json!({"given_name": "M", "family_name": "E", "relationship": "parent", "access": "full", "access_basis": "form"});
        let guardian = format!("{path}/guardians/{}", create(&causeway, &lead, &format!("{path}/guardians"), &guardian));
        for (path, change, other) in [
            (&path, json!({"grade": "6"}), json!({"grade": "7"})),
            (&guardian, json!({"access": "barred"}), json!({"access": "restricted"})),
        ] {
            patch(&causeway, &lead, path, "\"1\"", &change).expect(200);
            patch(&causeway, &lead, path, "\"1\"", &other).expect(412);
            let end = |etag: &str| TestRequest::delete().uri(path).insert_header(("If-Match", etag));
            causeway.send_as(&lead, end("\"1\"")).expect(412);
            causeway.send_as(&lead, TestRequest::delete().uri(path)).expect(428);
            let kept = get(&causeway, &lead, path).expect(200);
            assert_eq!(kept.header("etag"), Some("\"2\""));
            assert_eq!(kept.json()[change.as_object().unwrap().keys().next().unwrap()], *change.as_object().unwrap().values().next().unwrap());
        }
    }
}

on_both! {
    fn a_repeated_create_is_answered_again_and_not_done_again(causeway) {
        let District { lead, .. } = District::new(&causeway, "0149");
        let again = || {
            let request = TestRequest::post().uri("/v1/students").insert_header(("Idempotency-Key", "\"a\""));
            causeway.send_as(&lead, request.set_json(student(None, "1"))).expect(201)
        };
        let (first, second) = (again(), again());
        assert_eq!(first.text, second.text);
        assert_eq!(second.header("idempotency-replayed"), Some("true"));
        assert_eq!(items(get(&causeway, &lead, "/v1/students")).len(), 1);
    }
}

on_both! {
    fn those_who_have_no_part_in_care_see_no_student(causeway) {
        let District { id, lead, .. } = District::new(&causeway, "0149");
        let student = create(&causeway, &lead, "/v1/students", &student(None, "1"));
        let organization = causeway.create("/v1/organizations", &json!({"name": "A", "engagement": "enrolled"}));
        let district = Tie::District { district: id.parse().unwrap(), schools: Vec::new() };
        for (role, tie) in [
            (Role::Operator, Tie::None),
            (Role::StateAnalyst, Tie::None),
            (Role::AgencyStaff, Tie::Organization(organization.parse().unwrap())),
            (Role::AuditReader, district),
        ] {
            let token = causeway.token(role, &tie);
            get(&causeway, &token, &format!("/v1/students/{student}")).expect(403);
            get(&causeway, &token, "/v1/students").expect(403);
        }
    }
}

on_both! {
    fn a_look_that_finds_nothing_and_a_change_that_comes_too_late_are_on_the_record(causeway) {
        let District { lead, .. } = District::new(&causeway, "0149");
        let recorded = || get(&causeway, &lead, "/v1/audit").expect(200).json()["total"]["value"].as_u64().unwrap();
        // Reading the record goes on it too.
        let told = |what: &dyn Fn() -> Answer| {
            let before = recorded();
            what();
            recorded() - before - 1
        };
        assert_eq!(told(&|| get(&causeway, &lead, "/v1/students").expect(200)), 1);
        let unknown = json!({"kind": "lasid", "value": "ID-404"});
        assert_eq!(told(&|| post(&causeway, &lead, "/v1/students/lookup", &unknown).expect(200)), 1);
        let path = format!("/v1/students/{}", create(&causeway, &lead, "/v1/students", &student(None, "ID-1")));
        for of_student in ["guardians", "consents"] {
            assert_eq!(told(&|| get(&causeway, &lead, &format!("{path}/{of_student}")).expect(200)), 1, "{of_student}");
        }
        assert_eq!(told(&|| patch(&causeway, &lead, &path, "\"9\"", &json!({"grade": "6"})).expect(412)), 1);
    }
}

on_both! {
    fn a_server_whose_master_key_is_no_more_records_no_student(causeway) {
        let District { lead, .. } = District::new(&causeway, "0149");
        create(&causeway, &lead, "/v1/students", &student(None, "ID-1"));
        let masters = MasterKeys {
            current: Some(MasterKey::read(&STANDARD.encode([1; 32])).unwrap()),
            previous: Vec::new(),
        };
        vault::rewrap(causeway.store(), &masters, |_| {}).unwrap();
        post(&causeway, &lead, "/v1/students", &student(None, "ID-2")).expect(500);
        let survey = vault::rewrap(causeway.store(), &masters, |_| {}).unwrap();
        assert_eq!((survey.total, survey.changed), (1, 0), "nothing was made that no key opens");
    }
}
