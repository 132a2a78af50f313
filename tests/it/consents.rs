//! Consents through the API: who must sign, whose signature counts, what takes a consent back and what it then stops.

use std::time::Duration;

use actix_web::test::TestRequest;
use causeway::access::{Role, Tie};
use serde_json::{Value, json};

use crate::students::{District, create, get, patch, post, student};
use crate::support::{Causeway, on_both};

/// A student with one guardian whose access is in full.
pub struct Pupil {
    pub id: String,
    /// The path of the student.
    pub path: String,
    pub guardian: String,
}

impl Pupil {
    /// With these changes to the usual facts.
    pub fn new(causeway: &Causeway, token: &str, changes: &Value) -> Self {
        let mut facts = student(None, &uuid::Uuid::now_v7().simple().to_string());
        json_patch::merge(&mut facts, changes);
        let id = create(causeway, token, "/v1/students", &facts);
        let path = format!("/v1/students/{id}");
        let guardian = create(causeway, token, &format!("{path}/guardians"), &guardian("full"));
        Self { id, path, guardian }
    }

    pub fn consents(&self) -> String {
        format!("{}/consents", self.path)
    }

    /// The guardian's signature.
    pub fn parent(&self) -> Value {
        signature(&json!({"guardian": self.guardian}))
    }

    /// A consent that the guardian has signed.
    pub fn consented(&self, causeway: &Causeway, token: &str, changes: &Value) -> String {
        let mut facts = consent();
        facts["signatures"] = json!([self.parent()]);
        json_patch::merge(&mut facts, changes);
        create(causeway, token, &self.consents(), &facts)
    }
}

pub fn guardian(access: &str) -> Value {
    json!({
        "given_name": "Marta", "family_name": "Example", "relationship": "parent", "access": access,
        "access_basis": "enrolment form of 2026-08-28", "phone": "+19785550100", "email": "marta@example.org",
        "languages": [{"language": "es", "used": ["spoken"]}],
    })
}

/// To tell clinics what an insurer must be told; nobody has signed it.
pub fn consent() -> Value {
    json!({
        "authorities": ["ferpa"], "recipients": [{"class": "behavioral_health"}], "direction": "to_agency",
        "fields": ["given_name", "family_name", "birth_date", "member_id"],
        "purposes": ["verify_insurance"], "expires_on": "2027-06-30",
    })
}

pub fn signature(by: &Value) -> Value {
    json!({"by": by, "name": "Marta Example", "signed_at": "2026-11-20T12:00:00Z", "method": "paper", "evidence": "scan 17"})
}

/// A clinic of the class that [`consent`] names.
pub fn clinic(causeway: &Causeway) -> String {
    let facts = json!({"name": "Clinic", "engagement": "enrolled", "facility_type": "outpatient_clinic"});
    causeway.create("/v1/organizations", &facts)
}

/// Asks to tell this clinic what an insurer must be told.
pub fn eligibility(clinic: &str) -> Value {
    json!({
        "recipient": {"organization": {"organization_id": clinic, "name": "R. Intake", "position": "intake coordinator"}},
        "packet": "eligibility", "purpose": "verify_insurance", "basis": "consent", "obligation": "none",
    })
}

/// The codes of the reasons for a refusal, each with its place.
#[track_caller]
pub fn reasons(answer: crate::support::Answer) -> Vec<String> {
    let answer = answer.expect(403);
    assert_eq!(answer.json()["code"], "disclosure-refused", "{}", answer.text);
    let code = |(_, text): (String, String)| {
        let (_, reason) = text.split_once(". (").unwrap();
        reason.split([';', ')']).next().unwrap().to_owned()
    };
    answer.errors().into_iter().map(code).collect()
}

/// Who must still sign, and where the law says so.
fn due(consent: &Value) -> Vec<(String, String)> {
    let due = consent["signatures_due"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    due.iter().map(|due| (text(&due["signer"]), text(&due["citation"]))).collect()
}

fn signers(consent: &Value) -> Vec<String> {
    due(consent).into_iter().map(|(signer, _)| signer).collect()
}

on_both! {
    fn a_consent_holds_once_everyone_who_must_sign_has(causeway) {
        let District { id: district, lead, .. } = District::new(&causeway, "0149");
        let pupil = Pupil::new(&causeway, &lead, &json!({}));
        let clinic = clinic(&causeway);
        let made = post(&causeway, &lead, &pupil.consents(), &consent()).expect(201);
        let id = made.json()["id"].as_str().unwrap().to_owned();
        let path = format!("{}/{id}", pupil.consents());
        assert_eq!(made.header("location"), Some(path.as_str()));
        let draft = get(&causeway, &lead, &path).expect(200);
        assert_eq!(draft.header("etag"), Some("\"1\""));
        let draft = draft.json();
        assert_eq!((&draft["student_id"], &draft["district_id"]), (&json!(pupil.id), &json!(district)));
        assert_eq!((&draft["signed_at"], &draft["expires_on"]), (&Value::Null, &json!("2027-06-30")));
        assert_eq!(due(&draft), [("parent".to_owned(), "20 U.S.C. 1232g(b)(1), (d); 34 CFR 99.3, 99.5, 99.30".to_owned())]);
        assert!(draft["signatures_due"][0]["reason"].as_str().unwrap().ends_with('.'));
        let releases = format!("{}/disclosures", pupil.path);
        let refused = reasons(post(&causeway, &lead, &releases, &eligibility(&clinic)));
        assert_eq!(refused, ["consent_not_signed", "parent_signature_missing"]);
        let signatures = format!("{path}/signatures");
        let signed = post(&causeway, &lead, &signatures, &pupil.parent()).expect(200);
        assert_eq!(signed.header("etag"), Some("\"2\""));
        let signed = signed.json();
        assert_eq!((&signed["signed_at"], signers(&signed)), (&json!("2026-11-20T12:00:00Z"), vec![]));
        post(&causeway, &lead, &releases, &eligibility(&clinic)).expect(201);
        post(&causeway, &lead, &signatures, &pupil.parent()).expect(409);
        let listed = get(&causeway, &lead, &pupil.consents()).expect(200).json();
        assert_eq!((listed["items"].as_array().unwrap().len(), &listed["items"][0]["signatures"][0]["name"]), (1, &json!("Marta Example")));
    }
}

on_both! {
    fn in_massachusetts_who_must_sign_turns_on_age_and_grade(causeway) {
        let lead = District::new(&causeway, "0149").lead;
        // Today is 2026-11-22.
        for (birth, grade, expected) in [
            ("2012-11-23", "8", vec!["parent"]),
            ("2012-11-22", "8", vec!["parent", "student"]),
            ("2013-06-01", "9", vec!["parent", "student"]),
            ("2008-11-23", "12", vec!["parent", "student"]),
            ("2008-11-22", "12", vec!["student"]),
        ] {
            let pupil = Pupil::new(&causeway, &lead, &json!({"birth_date": birth, "grade": grade}));
            let today = |by: &Value| {
                let mut given = signature(by);
                given["signed_at"] = json!("2026-11-22T12:00:00Z");
                given
            };
            let id = create(&causeway, &lead, &pupil.consents(), &consent());
            let path = format!("{}/{id}", pupil.consents());
            assert_eq!(signers(&get(&causeway, &lead, &path).expect(200).json()), expected, "{birth} {grade}");
            let parent = post(&causeway, &lead, &format!("{path}/signatures"), &today(&json!({"guardian": pupil.guardian})));
            let parent = parent.expect(200).json();
            let others: Vec<&str> = expected.iter().copied().filter(|signer| *signer != "parent").collect();
            assert_eq!(signers(&parent), others, "{birth} {grade}");
            assert_eq!(parent["signed_at"].is_null(), !others.is_empty(), "{birth} {grade}");
            if !others.is_empty() {
                let both = post(&causeway, &lead, &format!("{path}/signatures"), &today(&json!("student"))).expect(200).json();
                assert_eq!((signers(&both), both["signed_at"].is_null()), (vec![], false), "{birth} {grade}");
            }
            let citation = due(&get(&causeway, &lead, &format!("{}/{}", pupil.consents(), create(&causeway, &lead, &pupil.consents(), &consent()))).json());
            let of_state = citation.iter().any(|(_, law)| law.starts_with("603 CMR"));
            assert_eq!(of_state, expected == ["parent", "student"], "{birth} {grade}: {citation:?}");
        }
        // A student who signed before that right was theirs signs anew.
        let pupil = Pupil::new(&causeway, &lead, &json!({"birth_date": "2008-11-22", "grade": "12"}));
        let early = post(&causeway, &lead, &pupil.consents(), &{
            let mut facts = consent();
            facts["signatures"] = json!([signature(&json!("student"))]);
            facts
        });
        let early = get(&causeway, &lead, &format!("{}/{}", pupil.consents(), early.expect(201).json()["id"].as_str().unwrap()));
        assert_eq!(signers(&early.json()), ["student"]);
    }
}

on_both! {
    fn the_signature_of_a_guardian_without_full_access_does_not_count(causeway) {
        let lead = District::new(&causeway, "0149").lead;
        let (pupil, other) = (Pupil::new(&causeway, &lead, &json!({})), Pupil::new(&causeway, &lead, &json!({})));
        let (clinic, releases) = (clinic(&causeway), format!("{}/disclosures", pupil.path));
        let guardians = format!("{}/guardians", pupil.path);
        for access in ["restricted", "barred"] {
            let limited = create(&causeway, &lead, &guardians, &guardian(access));
            let mut facts = consent();
            facts["signatures"] = json!([signature(&json!({"guardian": limited}))]);
            let id = create(&causeway, &lead, &pupil.consents(), &facts);
            let kept = get(&causeway, &lead, &format!("{}/{id}", pupil.consents())).expect(200).json();
            assert_eq!((signers(&kept), &kept["signed_at"]), (vec!["parent".to_owned()], &Value::Null), "{access}");
            let refused = reasons(post(&causeway, &lead, &releases, &eligibility(&clinic)));
            assert!(refused.contains(&"signature_without_access".to_owned()), "{access}: {refused:?}");
            let take_back = json!({"by": "student", "method": "paper", "evidence": "note"});
            post(&causeway, &lead, &format!("{}/{id}/revoke", pupil.consents()), &take_back).expect(200);
        }
        // Who is barred after signing has signed for nothing from then on.
        pupil.consented(&causeway, &lead, &json!({}));
        post(&causeway, &lead, &releases, &eligibility(&clinic)).expect(201);
        patch(&causeway, &lead, &format!("{guardians}/{}", pupil.guardian), "*", &json!({"access": "barred"})).expect(200);
        let refused = reasons(post(&causeway, &lead, &releases, &eligibility(&clinic)));
        assert_eq!(refused, ["parent_signature_missing", "signature_without_access"]);
        // Nor does that of another student's guardian, who is not even taken down.
        let mut facts = consent();
        facts["signatures"] = json!([signature(&json!({"guardian": other.guardian}))]);
        let stranger = post(&causeway, &lead, &pupil.consents(), &facts).expect(400);
        assert_eq!(stranger.errors()[0].0, "/signatures/0/by");
    }
}

on_both! {
    fn a_word_before_a_witness_is_kept_and_is_no_written_consent(causeway) {
        let lead = District::new(&causeway, "0149").lead;
        let (pupil, clinic) = (Pupil::new(&causeway, &lead, &json!({})), clinic(&causeway));
        let mut facts = consent();
        facts["signatures"] = json!([pupil.parent()]);
        facts["signatures"][0]["method"] = json!("verbal_witnessed");
        create(&causeway, &lead, &pupil.consents(), &facts);
        let refused = reasons(post(&causeway, &lead, &format!("{}/disclosures", pupil.path), &eligibility(&clinic)));
        assert_eq!(refused, ["consent_not_signed", "parent_signature_missing", "signature_not_written"]);
    }
}

on_both! {
    fn a_consent_that_is_taken_back_stops_the_next_release(causeway) {
        let lead = District::new(&causeway, "0149").lead;
        let (pupil, clinic) = (Pupil::new(&causeway, &lead, &json!({})), clinic(&causeway));
        let (id, releases) = (pupil.consented(&causeway, &lead, &json!({})), format!("{}/disclosures", pupil.path));
        post(&causeway, &lead, &releases, &eligibility(&clinic)).expect(201);
        let revoke = format!("{}/{id}/revoke", pupil.consents());
        let by_word = json!({"by": {"guardian": pupil.guardian}, "method": "verbal_witnessed", "evidence": "call of the mother"});
        for evidence in ["", " ", "two\nlines"] {
            let mut wrong = by_word.clone();
            wrong["evidence"] = json!(evidence);
            assert_eq!(post(&causeway, &lead, &revoke, &wrong).expect(400).errors()[0].0, "/evidence");
        }
        let revoked = post(&causeway, &lead, &revoke, &by_word).expect(200).json();
        assert_eq!((&revoked["revoked_at"], &revoked["revocation"]), (&json!("2026-11-22T12:00:00Z"), &by_word));
        assert_eq!(reasons(post(&causeway, &lead, &releases, &eligibility(&clinic))), ["consent_revoked"]);
        post(&causeway, &lead, &revoke, &by_word).expect(409);
        let late = post(&causeway, &lead, &format!("{}/{id}/signatures", pupil.consents()), &signature(&json!("student")));
        assert!(late.expect(409).text.contains("revoked"));
        // What was told before stays on the record, and the consent with it.
        let report = get(&causeway, &lead, &releases).expect(200).json();
        assert_eq!((report["items"].as_array().unwrap().len(), &report["items"][0]["consents"]), (1, &json!([id])));
        assert_eq!(get(&causeway, &lead, &pupil.consents()).json()["items"].as_array().unwrap().len(), 1);
        // Another paper stands in its place.
        pupil.consented(&causeway, &lead, &json!({}));
        post(&causeway, &lead, &releases, &eligibility(&clinic)).expect(201);
    }
}

on_both! {
    fn a_consent_ends_with_its_last_day_where_the_district_is(causeway) {
        let District { id: district, lead, .. } = District::new(&causeway, "0149");
        let (pupil, clinic) = (Pupil::new(&causeway, &lead, &json!({})), clinic(&causeway));
        let id = pupil.consented(&causeway, &lead, &json!({"expires_on": "2026-11-22"}));
        let releases = format!("{}/disclosures", pupil.path);
        let fresh = || {
            let tie = Tie::District { district: district.parse().unwrap(), schools: Vec::new() };
            causeway.token(Role::DistrictLead, &tie)
        };
        // 2026-11-23 04:59 in UTC is the last minute of the 22nd in Massachusetts.
        causeway.clock.advance(Duration::from_mins(17 * 60 - 1));
        post(&causeway, &fresh(), &releases, &eligibility(&clinic)).expect(201);
        causeway.clock.advance(Duration::from_mins(1));
        assert_eq!(reasons(post(&causeway, &fresh(), &releases, &eligibility(&clinic))), ["consent_expired"]);
        assert_eq!(get(&causeway, &fresh(), &format!("{}/{id}", pupil.consents())).expect(200).json()["expires_on"], "2026-11-22");
        for day in ["2026-11-22", "2031-11-24", "9999-12-31"] {
            let mut facts = consent();
            facts["expires_on"] = json!(day);
            assert_eq!(post(&causeway, &fresh(), &pupil.consents(), &facts).expect(400).errors()[0].0, "/expires_on", "{day}");
        }
    }
}

on_both! {
    fn a_consent_that_is_sent_twice_is_recorded_once(causeway) {
        let lead = District::new(&causeway, "0149").lead;
        let pupil = Pupil::new(&causeway, &lead, &json!({}));
        let send = |facts: &Value| {
            let request = TestRequest::post().uri(&pupil.consents()).insert_header(("Idempotency-Key", "\"paper-1\""));
            causeway.send_as(&lead, request.set_json(facts))
        };
        let (first, second) = (send(&consent()).expect(201), send(&consent()).expect(201));
        assert_eq!((first.text, second.header("idempotency-replayed")), (second.text.clone(), Some("true")));
        let mut other = consent();
        other["expires_on"] = json!("2027-01-31");
        send(&other).expect(422);
        assert_eq!(get(&causeway, &lead, &pupil.consents()).json()["items"].as_array().unwrap().len(), 1);
    }
}

on_both! {
    fn a_consent_of_another_district_or_school_or_student_is_not_there(causeway) {
        let (own, other) = (District::new(&causeway, "0149"), District::new(&causeway, "0201"));
        let pupil = Pupil::new(&causeway, &own.lead, &json!({}));
        let (sibling, theirs) = (Pupil::new(&causeway, &own.lead, &json!({})), Pupil::new(&causeway, &other.lead, &json!({})));
        let id = pupil.consented(&causeway, &own.lead, &json!({}));
        let take_back = json!({"by": "student", "method": "paper", "evidence": "note"});
        let sees_nothing = |token: &str, of: &str| {
            let path = format!("{of}/consents/{id}");
            get(&causeway, token, &path).expect(404);
            post(&causeway, token, &format!("{path}/signatures"), &signature(&json!("student"))).expect(404);
            post(&causeway, token, &format!("{path}/revoke"), &take_back).expect(404);
        };
        for token in [&other.lead, &other.coordinator, &own.coordinator] {
            sees_nothing(token, &pupil.path);
            get(&causeway, token, &pupil.consents()).expect(404);
            post(&causeway, token, &pupil.consents(), &consent()).expect(404);
        }
        // Not by way of another student either, whose file the caller may open.
        sees_nothing(&own.lead, &sibling.path);
        sees_nothing(&other.lead, &theirs.path);
        let kept = get(&causeway, &own.lead, &format!("{}/{id}", pupil.consents())).expect(200).json();
        assert_eq!((&kept["version"], kept["revoked_at"].is_null()), (&json!(1), true));
        // The attempts are on the record of the district that made them.
        let audit = get(&causeway, &other.lead, &format!("/v1/audit?student_id={}&limit=100", pupil.id)).expect(200).json();
        let acts = audit["items"].as_array().unwrap();
        assert!(acts.len() >= 8 && acts.iter().all(|act| act["outcome"] == "refused"), "{audit}");
    }
}

on_both! {
    fn what_a_consent_lacks_is_named_by_its_place_and_the_law(causeway) {
        let lead = District::new(&causeway, "0149").lead;
        let pupil = Pupil::new(&causeway, &lead, &json!({}));
        for (changes, place, words) in [
            (json!({"direction": "to_school"}), "/direction", "45 CFR 164.508"),
            (json!({"direction": "both"}), "/direction", "45 CFR 164.508"),
            (json!({"authorities": ["hipaa_authorization"]}), "/direction", "34 CFR 99.30"),
            (json!({"covers_part2": true}), "/covers_part2", "42 CFR 2.31"),
            (json!({"authorities": ["ferpa", "part2"]}), "/covers_part2", "42 CFR 2.31"),
            (json!({"recipients": []}), "/recipients", "1 to 50"),
            (json!({"purposes": []}), "/purposes", "1 to 50"),
            (json!({"fields": []}), "/fields", "1 to 50"),
            (json!({"fields": ["foster_care"]}), "/fields/0", "cannot be"),
            (json!({"signatures": [pupil.parent(), pupil.parent()]}), "/signatures/1/by", "twice"),
        ] {
            let mut facts = consent();
            json_patch::merge(&mut facts, &changes);
            let answer = post(&causeway, &lead, &pupil.consents(), &facts).expect(400);
            let errors = answer.errors();
            assert!(errors.iter().any(|(at, text)| at == place && text.contains(words)), "{changes}: {}", answer.text);
        }
        assert_eq!(get(&causeway, &lead, &pupil.consents()).json()["items"], json!([]), "nothing of it was kept");
    }
}

on_both! {
    fn what_is_wrong_with_a_consent_is_said_without_repeating_it(causeway) {
        let lead = District::new(&causeway, "0149").lead;
        let pupil = Pupil::new(&causeway, &lead, &json!({}));
        let id = create(&causeway, &lead, &pupil.consents(), &consent());
        let (sign, revoke) = (format!("{}/{id}/signatures", pupil.consents()), format!("{}/{id}/revoke", pupil.consents()));
        let long = "Canary".repeat(100);
        let taken_back = json!({"by": "student", "method": "paper", "evidence": "note"});
        let mut bodies = Vec::new();
        for (field, wrong) in [
            ("name", json!("Canary\nCanary")), ("name", json!(long)), ("name", json!({"Canary": "Canary"})), ("name", json!(["Canary"])),
            ("evidence", json!("Canary\u{7}")), ("evidence", json!(long)), ("evidence", json!({"Canary": 1})),
            ("by", json!("Canary")), ("by", json!({"guardian": "Canary"})), ("by", json!({"Canary": "x"})), ("by", json!({"guardian": {"Canary": 1}})),
            ("signed_at", json!("Canary")), ("signed_at", json!("3026-01-01T00:00:00Z[Canary]")), ("method", json!("Canary")),
            ("method", json!("x, expected Canary")), ("signed_at", json!("x, expected Canary")), ("by", json!("x, expected Canary")),
            ("Canary", json!("Canary")), ("x, expected Canary", json!(1)),
        ] {
            let mut given = pupil.parent();
            given[field] = wrong.clone();
            let mut facts = consent();
            facts["signatures"] = json!([given.clone()]);
            bodies.push((sign.clone(), given));
            bodies.push((pupil.consents(), facts));
            if ["evidence", "by", "method", "Canary"].contains(&field) {
                let mut back = taken_back.clone();
                back[field] = wrong;
                if back != taken_back {
                    bodies.push((revoke.clone(), back));
                }
            }
        }
        for (field, wrong) in [
            ("authorities", json!(["Canary"])), ("recipients", json!([{"class": "Canary"}])), ("recipients", json!([{"Canary": 1}])),
            ("recipients", json!([{"organization": "Canary"}])), ("direction", json!("Canary")), ("fields", json!(["Canary"])),
            ("purposes", json!(["Canary"])), ("purposes", json!("Canary")), ("covers_part2", json!("Canary")), ("minor_care", json!("Canary")),
            ("minor_care", json!("x, expected Canary")), ("expires_on", json!("Canary")), ("expires_on", json!("2027-06-30 Canary")),
            ("Canary", json!(1)),
        ] {
            let mut facts = consent();
            facts[field] = wrong;
            bodies.push((pupil.consents(), facts));
        }
        for (path, body) in bodies {
            let answer = post(&causeway, &lead, &path, &body).expect(400);
            assert!(!answer.text.contains("Canary"), "{body}: {}", answer.text);
        }
        let kept = get(&causeway, &lead, &pupil.consents()).expect(200).json();
        assert_eq!((kept["items"].as_array().unwrap().len(), &kept["items"][0]["version"]), (1, &json!(1)));
    }
}
