//! Releases through the API: what may leave, what does not, and what the record says of both.

use causeway::access::{Role, Tie};
use serde_json::{Value, json};

use crate::consents::{Pupil, clinic, eligibility, guardian, reasons, signature};
use crate::students::{District, create, get, patch, post};
use crate::support::{Causeway, on_both};

/// Asks to tell this clinic who the student is; it has not accepted.
fn identity(clinic: &str) -> Value {
    json!({
        "recipient": {"organization": {"organization_id": clinic, "name": "R. Intake", "position": "intake coordinator"}},
        "packet": "identity", "purpose": "provide_service", "basis": "consent", "obligation": "none",
    })
}

/// What a consent says that covers all of [`identity`].
fn to_identify() -> Value {
    json!({
        "fields": ["given_name", "family_name", "birth_date", "address", "phone", "email", "guardians", "school", "grade",
            "coverage", "languages", "needs", "notes"],
        "purposes": ["provide_service"],
    })
}

/// A disclosure of three fields on a basis other than consent.
fn on_basis(recipient: &Value, purpose: &str, basis: &str) -> Value {
    json!({
        "recipient": recipient, "packet": "identity", "fields": ["given_name", "family_name", "school"],
        "purpose": purpose, "basis": basis,
    })
}

fn named(kind: &str) -> Value {
    json!({kind: {"name": "C. Worker", "position": "worker", "affiliation": "Agency"}})
}

fn with(mut body: Value, changes: &Value) -> Value {
    json_patch::merge(&mut body, changes);
    body
}

/// The releases of a student, as the record has them.
fn released(causeway: &Causeway, token: &str, pupil: &Pupil) -> Vec<Value> {
    let report = get(causeway, token, &format!("{}/disclosures", pupil.path)).expect(200).json();
    report["items"].as_array().unwrap().clone()
}

/// Action, outcome and purpose of what the audit has about disclosures of a student, the latest first.
fn audited(causeway: &Causeway, token: &str, pupil: &Pupil) -> Vec<(String, String, String)> {
    let path = format!("/v1/audit?limit=100&student_id={}", pupil.id);
    let audit = get(causeway, token, &path).expect(200).json();
    let acts = audit["items"].as_array().unwrap().iter().filter(|act| act["resource"] == "disclosure");
    let text = |act: &Value, field: &str| act[field].as_str().unwrap().to_owned();
    acts.map(|act| (text(act, "action"), text(act, "outcome"), text(act, "purpose"))).collect()
}

fn refused(purpose: &str) -> (String, String, String) {
    ("release".to_owned(), "refused".to_owned(), purpose.to_owned())
}

on_both! {
    fn a_clinic_is_told_what_insurance_needs_before_it_accepts_and_who_it_is_after(causeway) {
        let lead = District::new(&causeway, "0149").lead;
        let (pupil, clinic) = (Pupil::new(&causeway, &lead, &json!({})), clinic(&causeway));
        let disclosures = format!("{}/disclosures", pupil.path);
        assert_eq!(reasons(post(&causeway, &lead, &disclosures, &eligibility(&clinic))), ["consent_missing"]);
        let for_insurance = pupil.consented(&causeway, &lead, &json!({}));
        let told = post(&causeway, &lead, &disclosures, &eligibility(&clinic)).expect(201).json();
        assert_eq!(told["packet"], json!({
            "given_name": "Rosa", "family_name": "Example", "birth_date": "2015-04-02",
            "member_id": [{"category": "medicaid", "insurance_plan_id": null, "member_id": "M-1"}],
        }));
        let record = &told["disclosure"];
        assert_eq!((&record["consents"], &record["basis"], &record["citation"]), (&json!([for_insurance]), &json!("consent"), &json!("34 CFR 99.30")));
        assert_eq!(told["notices"][0]["notice"], "redisclosure");
        assert_eq!(told["notices"][0]["citation"], "34 CFR 99.33");
        // That paper says nothing of who the student is, and nothing of any other purpose.
        let more = reasons(post(&causeway, &lead, &disclosures, &with(identity(&clinic), &json!({"accepted_on": "2026-11-20"}))));
        assert_eq!(more, ["field_not_covered", "purpose_not_covered"]);
        pupil.consented(&causeway, &lead, &to_identify());
        assert_eq!(reasons(post(&causeway, &lead, &disclosures, &identity(&clinic))), ["packet_before_acceptance"]);
        let later = post(&causeway, &lead, &disclosures, &with(identity(&clinic), &json!({"accepted_on": "2026-11-24"})));
        assert_eq!(later.expect(400).errors()[0].0, "/accepted_on");
        let told = post(&causeway, &lead, &disclosures, &with(identity(&clinic), &json!({"accepted_on": "2026-11-20"})));
        let told = told.expect(201).json();
        assert_eq!((&told["packet"]["given_name"], &told["disclosure"]["accepted_on"]), (&json!("Rosa"), &json!("2026-11-20")));
        // Another clinic, of another class, was not named.
        let pantry = causeway.create("/v1/organizations", &json!({"name": "P", "engagement": "enrolled", "facility_type": "food_pantry"}));
        assert_eq!(reasons(post(&causeway, &lead, &disclosures, &eligibility(&pantry))), ["recipient_not_covered"]);
        assert_eq!(released(&causeway, &lead, &pupil).len(), 2);
    }
}

on_both! {
    fn a_packet_holds_what_was_asked_of_it_and_nothing_else(causeway) {
        let District { lead, school, .. } = District::new(&causeway, "0149");
        let pupil = Pupil::new(&causeway, &lead, &json!({
            "school_id": school, "preferred_name": "Ro", "phone": "+19785550111", "email": "rosa@example.org", "notes": "Quiet.",
            "populations": ["foster_care"], "education_plan": "iep", "accessibility": ["wheelchair"],
        }));
        let guardians = format!("{}/guardians", pupil.path);
        let address = json!({"address_1": "1 Elsewhere", "city": "Lowell", "state": "MA"});
        let in_danger = with(guardian("full"), &json!({"given_name": "Ana", "safe_to_contact": false, "address": address}));
        let in_danger = create(&causeway, &lead, &guardians, &in_danger);
        for access in ["restricted", "barred"] {
            create(&causeway, &lead, &guardians, &guardian(access));
        }
        let ended = create(&causeway, &lead, &guardians, &guardian("full"));
        let end = actix_web::test::TestRequest::delete().uri(&format!("{guardians}/{ended}")).insert_header(("If-Match", "*"));
        causeway.send_as(&lead, end).expect(204);
        pupil.consented(&causeway, &lead, &to_identify());
        let clinic = clinic(&causeway);
        let asked = with(identity(&clinic), &json!({"accepted_on": "2026-11-20"}));
        let told = post(&causeway, &lead, &format!("{}/disclosures", pupil.path), &asked).expect(201).json();
        let spanish = json!([{"language": "es", "used": ["spoken"]}]);
        assert_eq!(told["packet"], json!({
            "given_name": "Rosa", "family_name": "Example", "birth_date": "2015-04-02", "grade": "5", "school": "School",
            "address": {"city": "Lawrence", "state": "MA", "postal_code": "01840"},
            "phone": "+19785550111", "email": "rosa@example.org", "notes": "Quiet.", "needs": null, "languages": spanish,
            "coverage": [{"category": "medicaid", "insurance_plan_id": null}],
            "guardians": [
                {"id": pupil.guardian, "given_name": "Marta", "family_name": "Example", "relationship": "parent", "safe_to_contact": null,
                    "languages": spanish, "phone": "+19785550100", "email": "marta@example.org", "address": null},
                {"id": in_danger, "given_name": "Ana", "family_name": "Example", "relationship": "parent", "safe_to_contact": false,
                    "languages": spanish},
            ],
        }));
        // The record names fields and never what stood in them.
        let record = told["disclosure"].to_string();
        for value in ["Rosa", "Quiet", "Lawrence", "2015-04-02", "Marta", "M-1", "5550111"] {
            assert!(!record.contains(value), "{value}: {record}");
        }
        // Less was asked: less is told, and the record says so.
        let less = with(asked, &json!({"fields": ["grade", "given_name", "given_name"]}));
        let less = post(&causeway, &lead, &format!("{}/disclosures", pupil.path), &less).expect(201).json();
        assert_eq!(less["packet"], json!({"given_name": "Rosa", "grade": "5"}));
        assert_eq!(less["disclosure"]["fields"], json!(["given_name", "grade"]));
    }
}

on_both! {
    fn what_no_packet_has_cannot_be_asked_for(causeway) {
        let lead = District::new(&causeway, "0149").lead;
        let (pupil, clinic) = (Pupil::new(&causeway, &lead, &json!({})), clinic(&causeway));
        pupil.consented(&causeway, &lead, &to_identify());
        pupil.consented(&causeway, &lead, &json!({}));
        let disclosures = format!("{}/disclosures", pupil.path);
        let accepted = with(identity(&clinic), &json!({"accepted_on": "2026-11-20"}));
        for (asked, place) in [
            (with(accepted.clone(), &json!({"fields": ["populations"]})), "/fields/0"),
            (with(accepted.clone(), &json!({"fields": ["education_plan"]})), "/fields/0"),
            (with(accepted.clone(), &json!({"fields": ["foster_care"]})), "/fields/0"),
            (with(accepted.clone(), &json!({"packet": "limited_profile"})), "/packet"),
            (with(accepted.clone(), &json!({"packet": "progress"})), "/packet"),
        ] {
            assert_eq!(post(&causeway, &lead, &disclosures, &asked).expect(400).errors()[0].0, place, "{asked}");
        }
        for (asked, reason) in [
            (with(accepted.clone(), &json!({"fields": ["given_name", "member_id"]})), "field_not_in_packet"),
            (with(eligibility(&clinic), &json!({"fields": ["given_name", "address"]})), "field_not_in_packet"),
            (with(eligibility(&clinic), &json!({"purpose": "provide_service"})), "purpose_not_for_packet"),
            (with(accepted, &json!({"purpose": "verify_insurance"})), "purpose_not_for_packet"),
            (with(eligibility(&clinic), &json!({"basis": "deidentified"})), "packet_not_for_basis"),
        ] {
            let given = reasons(post(&causeway, &lead, &disclosures, &asked));
            assert!(given.contains(&reason.to_owned()), "{asked}: {given:?}");
        }
        assert!(released(&causeway, &lead, &pupil).is_empty());
    }
}

on_both! {
    fn nothing_is_told_and_nothing_recorded_unless_both_are(causeway) {
        let lead = District::new(&causeway, "0149").lead;
        let (pupil, clinic) = (Pupil::new(&causeway, &lead, &json!({})), clinic(&causeway));
        pupil.consented(&causeway, &lead, &json!({}));
        let disclosures = format!("{}/disclosures", pupil.path);
        let fails = |table: &str, when: &str| {
            causeway.refuse_inserts(table, when);
            let failed = post(&causeway, &lead, &disclosures, &eligibility(&clinic));
            assert!(failed.status >= 400, "{}", failed.text);
            assert!(!failed.text.contains("Rosa") && !failed.text.contains("M-1"), "{}", failed.text);
            causeway.allow_inserts(table);
        };
        fails("audit_events", "NEW.action = 'release'");
        fails("disclosures", "NEW.id IS NOT NULL");
        assert!(released(&causeway, &lead, &pupil).is_empty());
        let acts = audited(&causeway, &lead, &pupil);
        assert!(acts.iter().all(|(action, ..)| action == "read"), "{acts:?}");
        post(&causeway, &lead, &disclosures, &eligibility(&clinic)).expect(201);
        assert_eq!(released(&causeway, &lead, &pupil).len(), 1);
        // What cannot go on the record is not shown or written either.
        causeway.refuse_inserts("audit_events", "NEW.action <> 'release'");
        for path in ["", "/guardians", "/consents", "/disclosures"] {
            let shown = get(&causeway, &lead, &format!("{}{path}", pupil.path));
            assert!(shown.status >= 400 && !shown.text.contains("Example"), "{path}: {}", shown.text);
        }
        let listed = get(&causeway, &lead, "/v1/students");
        assert!(listed.status >= 400 && !listed.text.contains("Rosa"), "{}", listed.text);
        assert!(patch(&causeway, &lead, &pupil.path, "*", &json!({"grade": "7"})).status >= 400);
        let profile = post(&causeway, &lead, &format!("{}/limited-profile", pupil.path), &json!({}));
        assert!(profile.status >= 400, "{}", profile.text);
        causeway.allow_inserts("audit_events");
        assert_eq!(get(&causeway, &lead, &pupil.path).expect(200).json()["grade"], "5");
    }
}

on_both! {
    fn the_access_report_lists_what_was_told_and_nothing_that_was_not(causeway) {
        let District { id: district, lead, .. } = District::new(&causeway, "0149");
        let (pupil, sibling) = (Pupil::new(&causeway, &lead, &json!({})), Pupil::new(&causeway, &lead, &json!({})));
        let clinic = clinic(&causeway);
        for one in [&pupil, &sibling] {
            one.consented(&causeway, &lead, &json!({}));
        }
        let disclosures = format!("{}/disclosures", pupil.path);
        let to = |name: &str, position: &str| with(eligibility(&clinic), &json!({"recipient": {"organization": {"name": name, "position": position}}}));
        let formula = "=HYPERLINK(\"https://evil.example.org\")";
        let first = post(&causeway, &lead, &disclosures, &to(formula, "+intake")).expect(201).json()["disclosure"].clone();
        reasons(post(&causeway, &lead, &disclosures, &identity(&clinic)));
        post(&causeway, &lead, &disclosures, &to("", "x")).expect(400);
        post(&causeway, &lead, &format!("{}/disclosures", sibling.path), &eligibility(&clinic)).expect(201);
        let second = post(&causeway, &lead, &disclosures, &to("S. Second", "@desk")).expect(201).json()["disclosure"].clone();
        assert_eq!(released(&causeway, &lead, &pupil), [first.clone(), second.clone()]);
        assert_eq!((&first["released_to"]["name"], &first["released_to"]["affiliation"]), (&json!(formula), &json!("Clinic")));
        assert_eq!(first["released_by"]["position"], "district_lead");
        let csv = get(&causeway, &lead, &format!("{disclosures}?format=csv")).expect(200);
        assert!(csv.header("content-type").unwrap().starts_with("text/csv"));
        let mut reader = csv::Reader::from_reader(csv.text.as_bytes());
        let column = |name: &str| reader_position(&csv.text, name);
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let cells = |row: &csv::StringRecord, names: &[&str]| names.iter().map(|name| row[column(name)].to_owned()).collect::<Vec<_>>();
        assert_eq!(rows.len(), 2);
        for (row, record, name, position) in [(&rows[0], &first, format!("'{formula}"), "'+intake"), (&rows[1], &second, "S. Second".to_owned(), "'@desk")] {
            assert_eq!(
                cells(row, &["id", "student_id", "recipient", "recipient_position", "recipient_affiliation", "fields", "purpose", "basis"]),
                [record["id"].as_str().unwrap(), &pupil.id, &name, position, "Clinic", "given_name family_name birth_date member_id", "verify_insurance", "consent"]
            );
        }
        assert!(!csv.text.contains("Rosa") && !csv.text.contains("M-1"));
        // A reader of the audit may have it, who sees no student; a coordinator not.
        let tie = Tie::District { district: district.parse().unwrap(), schools: Vec::new() };
        let reader = causeway.token(Role::AuditReader, &tie);
        assert_eq!(get(&causeway, &reader, &disclosures).expect(200).json()["items"], json!([first, second]));
        get(&causeway, &reader, &pupil.path).expect(403);
        get(&causeway, &causeway.token(Role::Coordinator, &tie), &disclosures).expect(403);
    }
}

fn reader_position(csv: &str, name: &str) -> usize {
    csv.lines().next().unwrap().split(',').position(|column| column == name).unwrap()
}

on_both! {
    fn a_guardian_gets_the_report_and_one_who_is_barred_gets_nothing(causeway) {
        let lead = District::new(&causeway, "0149").lead;
        let (pupil, sibling) = (Pupil::new(&causeway, &lead, &json!({})), Pupil::new(&causeway, &lead, &json!({})));
        pupil.consented(&causeway, &lead, &json!({}));
        let disclosures = format!("{}/disclosures", pupil.path);
        post(&causeway, &lead, &disclosures, &eligibility(&clinic(&causeway))).expect(201);
        let limited = |access: &str| create(&causeway, &lead, &format!("{}/guardians", pupil.path), &guardian(access));
        let (restricted, barred) = (limited("restricted"), limited("barred"));
        let asks = |guardian: &str, format: &str| get(&causeway, &lead, &format!("{disclosures}?guardian_id={guardian}&format={format}"));
        assert_eq!(asks(&pupil.guardian, "json").expect(200).json()["items"].as_array().unwrap().len(), 1);
        for (guardian, reason) in [
            (&restricted, "guardian_restricted"), (&barred, "guardian_barred"), (&sibling.guardian, "no_guardian"),
        ] {
            for format in ["json", "csv"] {
                let answer = asks(guardian, format).expect(403);
                assert!(!answer.text.contains("Clinic") && !answer.text.contains("intake"), "{}", answer.text);
                assert_eq!(reasons(answer), [reason]);
            }
        }
        // In an emergency they are told nothing either, and nobody else's guardian is.
        for (guardian, reason) in [(&barred, "guardian_barred"), (&restricted, "guardian_restricted"), (&sibling.guardian, "no_guardian")] {
            let asked = on_basis(&json!({"guardian": guardian}), "emergency", "health_safety_emergency");
            let asked = with(asked, &json!({"threat": "Has not come home."}));
            assert_eq!(reasons(post(&causeway, &lead, &disclosures, &asked)), [reason]);
        }
        let family = ("read".to_owned(), "done".to_owned(), "family_access".to_owned());
        let turned_away = ("read".to_owned(), "refused".to_owned(), "family_access".to_owned());
        let acts = audited(&causeway, &lead, &pupil);
        assert_eq!(acts.iter().filter(|act| **act == family).count(), 1, "{acts:?}");
        assert_eq!(acts.iter().filter(|act| **act == turned_away).count(), 6, "{acts:?}");
        assert_eq!(acts.iter().filter(|act| **act == refused("emergency")).count(), 3, "{acts:?}");
        assert_eq!(released(&causeway, &lead, &pupil).len(), 1);
    }
}

on_both! {
    fn the_report_of_a_district_goes_page_by_page_and_stays_with_its_district(causeway) {
        let (own, other) = (District::new(&causeway, "0149"), District::new(&causeway, "0201"));
        let clinic = clinic(&causeway);
        let tell = |lead: &str| {
            let pupil = Pupil::new(&causeway, lead, &json!({}));
            pupil.consented(&causeway, lead, &json!({}));
            let told = post(&causeway, lead, &format!("{}/disclosures", pupil.path), &eligibility(&clinic)).expect(201);
            told.json()["disclosure"]["id"].as_str().unwrap().to_owned()
        };
        let mut ids = Vec::new();
        for _ in 0..3 {
            ids.push(tell(&own.lead));
            causeway.clock.advance(std::time::Duration::from_secs(1));
        }
        let theirs = tell(&other.lead);
        let page = |token: &str, query: &str| get(&causeway, token, &format!("/v1/disclosures{query}")).expect(200).json();
        let of = |page: &Value| -> Vec<String> {
            page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
        };
        let first = page(&own.lead, "?limit=2");
        assert_eq!((of(&first), &first["total"]["value"]), (ids[..2].to_vec(), &json!(3)));
        let cursor = first["next_cursor"].as_str().unwrap().to_owned();
        let second = page(&own.lead, &format!("?limit=2&cursor={cursor}"));
        assert_eq!((of(&second), &second["next_cursor"]), (ids[2..].to_vec(), &Value::Null));
        assert_eq!(of(&page(&other.lead, "")), [theirs]);
        get(&causeway, &other.lead, &format!("/v1/disclosures?cursor={cursor}")).expect(400);
        assert_eq!(of(&page(&own.lead, "?since=2026-11-22T12:00:01Z&until=2026-11-22T12:00:02Z")), [ids[1].clone()]);
        let csv = get(&causeway, &own.lead, "/v1/disclosures?format=csv&limit=2").expect(200);
        assert!(csv.header("link").unwrap().contains("cursor=") && csv.header("link").unwrap().contains("format=csv"));
        assert_eq!(csv.text.lines().count(), 3, "{}", csv.text);
        get(&causeway, &own.coordinator, "/v1/disclosures").expect(403);
    }
}

on_both! {
    fn treatment_of_substance_use_needs_a_consent_of_its_own_and_carries_its_notice(causeway) {
        let lead = District::new(&causeway, "0149").lead;
        let (pupil, clinic) = (Pupil::new(&causeway, &lead, &json!({})), clinic(&causeway));
        let service = |name: &str, part2: bool| causeway.create("/v1/services", &json!({
            "organization_id": clinic, "name": name, "status": "active", "audience": ["students"], "part2_program": part2,
        }));
        let (counseling, treatment) = (service("Counseling", false), service("Recovery", true));
        pupil.consented(&causeway, &lead, &json!({}));
        let disclosures = format!("{}/disclosures", pupil.path);
        let about = |service: &str| with(eligibility(&clinic), &json!({"recipient": {"organization": {"service_id": service}}}));
        let plain = post(&causeway, &lead, &disclosures, &about(&counseling)).expect(201).json();
        assert_eq!(plain["notices"].as_array().unwrap().len(), 1);
        // Where no service is named it may be any.
        for asked in [about(&treatment), eligibility(&clinic)] {
            assert_eq!(reasons(post(&causeway, &lead, &disclosures, &asked)), ["part2_consent_missing"]);
        }
        let of_part2 = json!({"authorities": ["ferpa", "part2"], "covers_part2": true});
        let id = pupil.consented(&causeway, &lead, &of_part2);
        let half = reasons(post(&causeway, &lead, &disclosures, &about(&treatment)));
        assert!(half.contains(&"student_signature_missing".to_owned()), "{half:?}");
        let sign = format!("{}/{id}/signatures", pupil.consents());
        post(&causeway, &lead, &sign, &signature(&json!("student"))).expect(200);
        let told = post(&causeway, &lead, &disclosures, &about(&treatment)).expect(201).json();
        let notices: Vec<(&Value, &Value)> = told["notices"].as_array().unwrap().iter().map(|notice| (&notice["notice"], &notice["citation"])).collect();
        assert_eq!(notices, [(&json!("redisclosure"), &json!("34 CFR 99.33")), (&json!("part2"), &json!("42 CFR 2.32"))]);
        assert_eq!(told["notices"][1]["words"], "42 CFR part 2 prohibits unauthorized use or disclosure of these records.");
        assert_eq!(told["disclosure"]["notices"], json!(["redisclosure", "part2"]));
        // The name of the program would tell what the student is treated for.
        assert!(!told.to_string().contains("Recovery"));
        // A service of others is none of this organization's.
        let others = causeway.offering(json!({})).service;
        let foreign = post(&causeway, &lead, &disclosures, &about(&others)).expect(400);
        assert_eq!(foreign.errors()[0].0, "/recipient/organization/service_id");
    }
}

on_both! {
    fn insurance_is_not_asked_about_what_a_plan_owes_or_may_owe_without_its_own_consent(causeway) {
        let lead = District::new(&causeway, "0149").lead;
        let (pupil, clinic) = (Pupil::new(&causeway, &lead, &json!({})), clinic(&causeway));
        pupil.consented(&causeway, &lead, &json!({}));
        let disclosures = format!("{}/disclosures", pupil.path);
        for obligation in [json!("iep"), json!("section_504"), Value::Null] {
            let asked = with(eligibility(&clinic), &json!({"obligation": obligation}));
            assert_eq!(reasons(post(&causeway, &lead, &disclosures, &asked)), ["billing_consent_missing"], "{obligation}");
        }
        pupil.consented(&causeway, &lead, &json!({"authorities": ["ferpa", "idea_billing"]}));
        for obligation in [json!("iep"), json!("section_504"), Value::Null, json!("none")] {
            let asked = with(eligibility(&clinic), &json!({"obligation": obligation}));
            post(&causeway, &lead, &disclosures, &asked).expect(201);
        }
    }
}

on_both! {
    fn an_emergency_needs_its_threat_written_down_and_it_lies_sealed(causeway) {
        let lead = District::new(&causeway, "0149").lead;
        let pupil = Pupil::new(&causeway, &lead, &json!({}));
        let disclosures = format!("{}/disclosures", pupil.path);
        let asked = on_basis(&named("emergency_party"), "emergency", "health_safety_emergency");
        assert_eq!(reasons(post(&causeway, &lead, &disclosures, &asked)), ["threat_not_written"]);
        for blank in ["", "  \n"] {
            let blank = post(&causeway, &lead, &disclosures, &with(asked.clone(), &json!({"threat": blank})));
            assert_eq!(blank.expect(400).errors()[0].0, "/threat");
        }
        let threat = "Zweifelhaft said that tonight is the night.";
        let told = post(&causeway, &lead, &disclosures, &with(asked, &json!({"threat": threat}))).expect(201);
        assert_eq!(told.json()["disclosure"]["citation"], "34 CFR 99.31(a)(10), 99.36");
        assert!(!told.json()["disclosure"].to_string().contains("Zweifelhaft"));
        assert!(!causeway.holds_text("Zweifelhaft") && causeway.holds_text("C. Worker"), "only the recipient may be read");
        assert_eq!(audited(&causeway, &lead, &pupil)[1..], [refused("emergency")], "what is incomplete is no attempt");
    }
}

on_both! {
    fn what_somebody_answers_for_needs_the_place_where_it_stands_written(causeway) {
        let lead = District::new(&causeway, "0149").lead;
        let (pupil, clinic) = (Pupil::new(&causeway, &lead, &json!({})), clinic(&causeway));
        let disclosures = format!("{}/disclosures", pupil.path);
        let at_clinic = json!({"organization": {"organization_id": clinic, "name": "R. Intake", "position": "intake"}});
        let of_idea = with(on_basis(&at_clinic, "special_education", "idea_agency"), &json!({"accepted_on": "2026-11-20"}));
        for (asked, reason, citation) in [
            (on_basis(&named("caseworker"), "care_and_protection", "child_welfare_caseworker"), "responsibility_not_known", "20 U.S.C. 1232g(b)(1)(L)"),
            (on_basis(&named("school"), "enrol", "enrolling_school"), "enrolment_not_known", "34 CFR 99.31(a)(2), 99.34"),
            (of_idea, "participation_not_known", "34 CFR 300.622"),
        ] {
            let refusal = post(&causeway, &lead, &disclosures, &asked);
            assert!(refusal.text.contains("\"/on_file\""), "{}", refusal.text);
            assert_eq!(reasons(refusal), [reason]);
            let blank = post(&causeway, &lead, &disclosures, &with(asked.clone(), &json!({"on_file": " "})));
            assert_eq!(blank.expect(400).errors()[0].0, "/on_file");
            let on_file = with(asked.clone(), &json!({"on_file": "Zettelkasten of 2026-10-02"}));
            let told = post(&causeway, &lead, &disclosures, &on_file).expect(201).json();
            assert_eq!(told["disclosure"]["citation"], citation);
            // Each basis is for its own kind of party and its own purpose.
            for other in ["caseworker", "school", "emergency_party"] {
                if asked["recipient"].get(other).is_none() {
                    let mut elsewhere = on_file.clone();
                    elsewhere["recipient"] = named(other);
                    let given = reasons(post(&causeway, &lead, &disclosures, &elsewhere));
                    assert!(given.contains(&"party_not_for_basis".to_owned()), "{elsewhere}: {given:?}");
                }
            }
            let given = reasons(post(&causeway, &lead, &disclosures, &with(on_file, &json!({"purpose": "legal_compliance"}))));
            assert_eq!(given, ["purpose_not_for_basis"]);
        }
        assert!(!causeway.holds_text("Zettelkasten"));
        assert_eq!(released(&causeway, &lead, &pupil).len(), 3);
    }
}

on_both! {
    fn a_school_official_is_one_under_an_agreement_in_force_that_covers_the_student(causeway) {
        let own = District::new(&causeway, "0149");
        let other = District::new(&causeway, "0201");
        let (pupil, clinic) = (Pupil::new(&causeway, &own.lead, &json!({"school_id": own.school})), clinic(&causeway));
        let unplaced = Pupil::new(&causeway, &own.lead, &json!({}));
        let sister = causeway.create("/v1/schools", &json!({"name": "Sister", "code": "sister", "district_id": own.id}));
        let service = |name: &str| causeway.create("/v1/services", &json!({
            "organization_id": clinic, "name": name, "status": "active", "audience": ["students"],
        }));
        let (counseling, tutoring) = (service("Counseling"), service("Tutoring"));
        let asked = |service: Option<&str>| {
            let at_clinic = json!({"organization": {"organization_id": clinic, "name": "R. Intake", "position": "intake"}});
            let asked = with(on_basis(&at_clinic, "coordinate_care", "school_official"), &json!({"accepted_on": "2026-11-20"}));
            with(asked, &json!({"recipient": {"organization": {"service_id": service}}}))
        };
        let tell = |of: &Pupil, service: Option<&str>| post(&causeway, &own.lead, &format!("{}/disclosures", of.path), &asked(service));
        assert_eq!(reasons(tell(&pupil, None)), ["direct_control_not_known"], "without any agreement");
        let right = json!({
            "organization_id": clinic, "district_id": own.id, "memorandum_on_file": true, "data_sharing_agreement_on_file": true,
            "begins_on": "2026-11-22", "ends_on": "2026-11-22",
        });
        let agreed = |changes: &Value| {
            let id = causeway.create("/v1/partnerships", &with(right.clone(), changes));
            format!("/v1/partnerships/{id}")
        };
        for changes in [
            json!({"memorandum_on_file": null}),
            json!({"memorandum_on_file": false}),
            json!({"data_sharing_agreement_on_file": null}),
            json!({"data_sharing_agreement_on_file": false}),
            json!({"begins_on": "2026-11-23", "ends_on": null}),
            json!({"begins_on": null, "ends_on": "2026-11-21"}),
            json!({"district_id": other.id}),
            json!({"schools": [sister]}),
            json!({"services": [tutoring]}),
        ] {
            let agreement = agreed(&changes);
            assert_eq!(reasons(tell(&pupil, Some(&counseling))), ["direct_control_not_known"], "{changes}");
            causeway.delete(&agreement, "*").expect(204);
        }
        let of_school = agreed(&json!({"schools": [own.school], "services": [counseling]}));
        tell(&pupil, Some(&counseling)).expect(201);
        assert_eq!(reasons(tell(&pupil, None)), ["direct_control_not_known"], "whatever the organization offers is more");
        assert_eq!(reasons(tell(&unplaced, Some(&counseling))), ["direct_control_not_known"], "it is not known which school");
        causeway.delete(&of_school, "*").expect(204);
        assert_eq!(reasons(tell(&pupil, Some(&counseling))), ["direct_control_not_known"], "it was retired");
        agreed(&json!({}));
        tell(&pupil, None).expect(201);
        tell(&unplaced, Some(&tutoring)).expect(201);
    }
}

on_both! {
    fn a_student_whom_it_could_harm_looks_like_any_other_in_the_limited_profile(causeway) {
        let lead = District::new(&causeway, "0149").lead;
        let plain = Pupil::new(&causeway, &lead, &json!({}));
        let terms = |name: &str| causeway.get(&format!("/v1/vocabularies/{name}")).expect(200).json()["terms"].as_array().cloned().unwrap();
        let codes = |name: &str, sensitive: bool| -> Vec<String> {
            let terms = terms(name);
            let wanted = terms.iter().filter(|term| term["sensitive"].as_bool().unwrap_or(false) == sensitive);
            wanted.map(|term| term["code"].as_str().unwrap().to_owned()).collect()
        };
        let populations = codes("populations", true);
        assert!(populations.len() > 10 && populations.contains(&"foster_care".to_owned()), "{populations:?}");
        let everything = Pupil::new(&causeway, &lead, &json!({
            "populations": populations[..20], "education_plan": "iep", "accessibility": ["wheelchair"], "notes": "Zauberwort",
            "birth_date": "2016-01-01", "grade": "3", "preferred_name": "Zora", "phone": "+19785550177",
            "languages": [{"language": "ase", "used": ["spoken"]}, {"language": "es", "used": ["spoken", "written"], "interpreter_needed": true}],
            "coverages": [{"category": "state_program"}, {"category": "medicaid", "member_id": "M-2"}, {"category": "medicare"}, {"category": "safety_net"}],
            "address": {"address_1": "1 Zebra Street", "city": "Methuen", "postal_code": "01840"},
        }));
        let ask = json!({"tier": 2, "needs": ["anxiety"], "languages": ["es"], "modalities": ["in_person"]});
        let mut pinned = ask.clone();
        pinned["needs"] = json!(["anxiety"].into_iter().map(str::to_owned).chain(codes("needs", true).into_iter().take(13)).collect::<Vec<_>>());
        pinned["populations"] = json!(populations[..20]);
        pinned["accessibility"] = json!(["wheelchair"]);
        pinned["languages"] = json!(["ase", "es"]);
        let profile = |pupil: &Pupil, ask: &Value| post(&causeway, &lead, &format!("{}/limited-profile", pupil.path), ask).expect(200);
        let (usual, harmed) = (profile(&plain, &ask), profile(&everything, &pinned));
        assert_eq!(usual.text, harmed.text);
        assert_eq!(usual.json(), json!({
            "age_band": "9-11", "languages": ["es"], "tier": 2, "needs": ["anxiety"], "coverage": ["medicaid"],
            "requirements": {"languages": ["es"], "populations": [], "modalities": ["in_person"], "practices": []},
            "area": {"level": "county", "name": "Essex"},
        }));
        assert_eq!(audited(&causeway, &lead, &plain), []);
        let path = format!("/v1/audit?student_id={}&limit=1", everything.id);
        assert_eq!(get(&causeway, &lead, &path).json()["items"][0]["resource"], "student", "the preview is on the record");
    }
}

on_both! {
    fn what_is_refused_is_on_the_record_as_refused(causeway) {
        let (own, other) = (District::new(&causeway, "0149"), District::new(&causeway, "0201"));
        let (pupil, clinic) = (Pupil::new(&causeway, &own.lead, &json!({})), clinic(&causeway));
        let disclosures = format!("{}/disclosures", pupil.path);
        reasons(post(&causeway, &own.lead, &disclosures, &eligibility(&clinic)));
        assert_eq!(audited(&causeway, &own.lead, &pupil), [refused("verify_insurance")]);
        for token in [&other.lead, &own.coordinator] {
            post(&causeway, token, &disclosures, &eligibility(&clinic)).expect(404);
            post(&causeway, token, &format!("{}/limited-profile", pupil.path), &json!({})).expect(404);
        }
        get(&causeway, &other.lead, &disclosures).expect(404);
        assert!(released(&causeway, &own.lead, &pupil).is_empty());
        let at_home = audited(&causeway, &own.lead, &pupil);
        assert_eq!(at_home.iter().filter(|act| **act == refused("verify_insurance")).count(), 2, "{at_home:?}");
        let elsewhere = audited(&causeway, &other.lead, &pupil);
        assert!(elsewhere.contains(&refused("verify_insurance")) && elsewhere.iter().all(|(_, outcome, _)| outcome == "refused"), "{elsewhere:?}");
        // A coordinator tells of the students of their own school.
        let at_school = Pupil::new(&causeway, &own.coordinator, &json!({"school_id": own.school}));
        at_school.consented(&causeway, &own.coordinator, &json!({}));
        let told = post(&causeway, &own.coordinator, &format!("{}/disclosures", at_school.path), &eligibility(&clinic)).expect(201);
        assert_eq!(told.json()["disclosure"]["released_by"]["position"], "coordinator");
    }
}

on_both! {
    fn what_is_wrong_with_a_release_is_said_without_repeating_it(causeway) {
        let lead = District::new(&causeway, "0149").lead;
        let (pupil, clinic) = (Pupil::new(&causeway, &lead, &json!({})), clinic(&causeway));
        pupil.consented(&causeway, &lead, &json!({}));
        let disclosures = format!("{}/disclosures", pupil.path);
        let long = "Canary".repeat(1_000);
        for changes in [
            json!({"recipient": {"organization": {"organization_id": "Canary"}}}),
            json!({"recipient": {"organization": {"service_id": "Canary"}}}),
            json!({"recipient": {"organization": {"name": long}}}),
            json!({"recipient": {"organization": {"name": {"Canary": 1}}}}),
            json!({"recipient": {"organization": {"position": ["Canary"]}}}),
            json!({"recipient": {"organization": {"Canary": "Canary"}}}),
            json!({"recipient": {"organization": null, "Canary": "Canary"}}),
            json!({"recipient": {"organization": null, "guardian": "Canary"}}),
            json!({"recipient": "Canary"}),
            json!({"packet": "Canary"}), json!({"fields": ["Canary"]}), json!({"purpose": "Canary"}), json!({"basis": "Canary"}),
            json!({"purpose": "x, expected Canary"}),
            json!({"obligation": "Canary"}), json!({"minor_care": "Canary"}), json!({"accepted_on": "Canary"}), json!({"accepted_on": "3026-01-01 Canary"}),
            json!({"on_file": long}), json!({"on_file": {"Canary": 1}}), json!({"threat": long}), json!({"threat": ["Canary"]}),
            json!({"Canary": 1}),
        ] {
            let answer = post(&causeway, &lead, &disclosures, &with(eligibility(&clinic), &changes)).expect(400);
            assert!(!answer.text.contains("Canary"), "{changes}: {}", answer.text);
        }
        for changes in [json!({"tier": "Canary"}), json!({"needs": ["Canary"]}), json!({"populations": ["Canary"]}), json!({"Canary": 1})] {
            let answer = post(&causeway, &lead, &format!("{}/limited-profile", pupil.path), &changes).expect(400);
            assert!(!answer.text.contains("Canary"), "{changes}: {}", answer.text);
        }
        assert!(released(&causeway, &lead, &pupil).is_empty());
    }
}
