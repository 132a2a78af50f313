//! Offers to organizations that have nobody here: what is said on the telephone, what goes out by fax, and what a call found.

use actix_web::test::TestRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use causeway::access::{Role, Tie};
use causeway::types::DistrictId;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::consents::Pupil;
use crate::hsds::import_json;
use crate::seeking::{Agency, Desk, consents, go_to, need, text, turn};
use crate::students::get;
use crate::support::{Answer, Causeway, on_both};

/// A referral that has asked an agency which has nobody here.
struct Asked {
    desk: Desk,
    agency: Agency,
    pupil: Pupil,
    referral: String,
    offer: String,
}

impl Asked {
    fn new(causeway: &Causeway) -> Self {
        Self::of(causeway, Agency::new(causeway, "Three", "listed"), &json!({}), &json!({}))
    }

    fn of(causeway: &Causeway, agency: Agency, student: &Value, referral: &Value) -> Self {
        let desk = Desk::new(causeway, "0149");
        let lead = desk.lead(causeway);
        let pupil = Pupil::new(causeway, &lead, student);
        consents(causeway, &lead, &pupil);
        let referral = desk.refers(causeway, &pupil, &[&agency], referral);
        let offers = desk.get(causeway, &format!("/v1/referrals/{referral}/offers"));
        let offer = text(&offers["items"][0]["id"]).to_owned();
        Self { desk, agency, pupil, referral, offer }
    }

    fn path(&self, below: &str) -> String {
        format!("/v1/offers/{}{below}", self.offer)
    }

    fn script(&self, causeway: &Causeway) -> Value {
        self.desk.get(causeway, &self.path("/call-script"))
    }

    fn sheet(&self, causeway: &Causeway) -> Answer {
        get(causeway, &self.desk.lead(causeway), &self.path("/fax-sheet")).expect(200)
    }

    fn shown(&self, causeway: &Causeway) -> Value {
        self.desk.get(causeway, &self.path(""))
    }

    fn calls(&self, causeway: &Causeway, body: &Value) -> Answer {
        self.desk.post(causeway, &self.path("/contact-attempts"), body)
    }

    fn acts(&self, causeway: &Causeway, body: &Value) -> Answer {
        self.desk.post(causeway, &self.path("/actions"), body)
    }

    /// What happened to the offer: event, reason, state and version.
    fn history(&self, causeway: &Causeway) -> Vec<(String, String, String, i64)> {
        let events = self.desk.get(causeway, &format!("/v1/referrals/{}/events", self.referral));
        let of_offer = events["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|event| event["subject_id"] == json!(self.offer));
        let owned = |value: &Value| text(value).to_owned();
        of_offer
            .map(|event| {
                (
                    owned(&event["event"]),
                    owned(&event["reason"]),
                    owned(&event["state"]),
                    event["version"].as_i64().unwrap(),
                )
            })
            .collect()
    }

    /// What calls to the pool found, the latest first.
    fn attempts(&self, causeway: &Causeway) -> Vec<Value> {
        let listed =
            self.desk.get(causeway, &format!("/v1/capacity-pools/{}/contact-attempts", self.agency.pool));
        listed["items"].as_array().unwrap().clone()
    }
}

fn lines(script: &Value, step: &str) -> Vec<String> {
    let steps = script["steps"].as_array().unwrap().iter();
    let found = steps.filter(|one| text(&one["step"]).starts_with(step)).collect::<Vec<_>>();
    assert_eq!(found.len(), 1, "{step}: {script}");
    found[0]["lines"].as_array().unwrap().iter().map(|line| text(line).to_owned()).collect()
}

fn history(rows: &[(&str, &str, &str, i64)]) -> Vec<(String, String, String, i64)> {
    rows.iter()
        .map(|(event, reason, state, version)| {
            ((*event).to_owned(), (*reason).to_owned(), (*state).to_owned(), *version)
        })
        .collect()
}

on_both! {
    fn a_script_has_what_is_needed_with_the_telephone_in_hand(causeway) {
        // Sunday noon, UTC.
        let agency = Agency::new(&causeway, "Three", "listed");
        let offering = causeway.get(&format!("/v1/offerings/{}", agency.offering)).json();
        let service = format!("/v1/services/{}", text(&offering["service_id"]));
        let numbers = json!({"phone": "978-555-0144", "intake_phones": ["978-555-0142 x17", "978-555-0144"]});
        causeway.patch(&service, "*", &numbers).expect(200);
        let organization = format!("/v1/organizations/{}", agency.organization);
        causeway.patch(&organization, "*", &json!({"phone": "978-555-0150"})).expect(200);
        let asked = Asked::of(&causeway, agency, &json!({}), &json!({"pins": {"languages": ["es"]}}));
        let script = asked.script(&causeway);
        assert_eq!((&script["organization"], &script["service"]), (&json!("Three"), &json!("Counseling")));
        assert_eq!(script["numbers"], json!([
            {"phone": "+19785550142;ext=17", "number": "+19785550142", "extension": "17", "of": "intake", "languages": []},
            {"phone": "+19785550144", "number": "+19785550144", "of": "intake", "languages": []},
            {"phone": "+19785550150", "number": "+19785550150", "of": "organization", "languages": []},
        ]));
        assert_eq!(script["languages"], json!([{"language": "es", "mode": "provider"}]));
        assert_eq!(script["office"], Value::Null, "nobody has said when they are there");
        assert_eq!((&script["time_zone"], &script["reply_by"]), (&json!("America/New_York"), &json!("2026-11-25T22:00:00Z")));
        assert_eq!(script["reply_by_there"], "Wednesday, November 25, 2026, 5:00 PM (EST)");

        let steps: Vec<&str> = script["steps"].as_array().unwrap().iter().map(|step| text(&step["step"])).collect();
        assert_eq!(steps[1], "Say who you are and that you call for District 0149. Name no school.");
        assert!(steps.last().unwrap().contains("POST /v1/offers/{id}/contact-attempts"), "{steps:?}");
        assert_eq!(lines(&script, "Tell them this"), [
            "The student is 9 to 11 years old.", "The family speaks: Spanish.", "Help is sought with: Anxiety.",
            "The support is of tier 2 (targeted).", "What pays: Medicaid.", "It must be given in: Spanish.", "The student lives in: Essex (county).",
        ]);
        let questions = lines(&script, "Ask.");
        assert_eq!(questions[2], "Do you take this coverage for new clients: Medicaid?");
        assert_eq!(questions[3], "Can it be given in Spanish, by a clinician or through an interpreter?");
        let reference = text(&script["reference"]);
        assert!(asked.offer.to_uppercase().ends_with(&reference.replace('-', "")) && reference.len() == 9, "{reference}");
        assert!(lines(&script, "Say until when")[0].ends_with(&format!("The reference is {reference}.")));

        // What is left on a machine says neither what it is about, nor for whom, nor who asks.
        assert_eq!(lines(&script, "If a machine"), [text(&script["voicemail"])]);
        let voicemail = text(&script["voicemail"]).to_lowercase();
        assert!(voicemail.contains("november 25"), "{voicemail}");
        for word in ["student", "0149", "counseling", "anxiety", "spanish", "medicaid", "three", &reference.to_lowercase()] {
            assert!(!voicemail.contains(word), "{word}: {voicemail}");
        }

        let hours = json!({"hours": [{"day": "monday", "opens": "09:00", "closes": "17:00"}], "holidays": ["2026-11-23"]});
        causeway.patch(&organization, "*", &hours).expect(200);
        assert_eq!(asked.script(&causeway)["office"], json!({
            "is_open": false, "opens_at": "2026-11-30T14:00:00Z", "says": "Opens Monday, November 30, 2026, 9:00 AM (EST)",
        }));
        causeway.patch(&organization, "*", &json!({"holidays": null})).expect(200);
        go_to(&causeway, "2026-11-23T15:00:00Z");
        assert_eq!(asked.script(&causeway)["office"], json!({"is_open": true, "says": "Open now"}));

        // What one's own calls found of a number stands beside it.
        asked.calls(&causeway, &json!({"outcome": "full", "phone": "+19785550144", "language": "es"})).expect(201);
        let number = asked.script(&causeway)["numbers"][1].clone();
        assert_eq!((&number["languages"], &number["last_call"]), (&json!(["es"]), &json!({"outcome": "full", "attempted_at": "2026-11-23T15:00:00Z"})));
        go_to(&causeway, "2026-11-23T16:00:00Z");
        asked.calls(&causeway, &json!({"outcome": "no_language", "phone": "+19785550144", "language": "es"})).expect(201);
        let script = asked.script(&causeway);
        assert_eq!(script["numbers"][1]["languages"], json!([]));
        assert_eq!(script["numbers"][0].get("last_call"), None);
    }
}

on_both! {
    fn a_script_lists_exactly_the_actions_that_work_and_the_closed_list_of_reasons(causeway) {
        let asked = Asked::new(&causeway);
        let listed = |causeway: &Causeway| asked.desk.get(causeway, &asked.path("/actions"))["actions"].clone();
        let in_script = |causeway: &Causeway| {
            let script = asked.script(causeway);
            script["actions"].as_array().unwrap().iter().map(|one| one["action"].clone()).collect::<Value>()
        };
        assert_eq!(in_script(&causeway), listed(&causeway));
        assert_eq!(in_script(&causeway), json!(["accept", "pending_verification", "decline", "waitlist", "withdraw", "enter_in_error"]));
        let script = asked.script(&causeway);
        let decline = script["actions"].as_array().unwrap().iter().find(|one| one["action"] == "decline").unwrap().clone();
        assert_eq!((&decline["by"], &decline["fields"][0]["name"], &decline["fields"][0]["needed"]), (&json!("recipient"), &json!("reason"), &json!(true)));
        let reasons = causeway.get("/v1/vocabularies/decline_reasons").json()["terms"].clone();
        let codes = |terms: &Value| terms.as_array().unwrap().iter().map(|term| term["code"].clone()).collect::<Value>();
        assert_eq!(codes(&script["decline_reasons"]), codes(&reasons));

        asked.acts(&causeway, &json!({"action": "pending_verification"})).expect(200);
        assert_eq!(in_script(&causeway), listed(&causeway));
        assert_eq!(in_script(&causeway), json!(["verify", "return", "withdraw", "enter_in_error"]));
        assert!(lines(&asked.script(&causeway), "Ask.")[0].starts_with("Has the insurer confirmed"));
        get(&causeway, &asked.desk.lead(&causeway), &asked.path("/fax-sheet")).expect(409);

        asked.acts(&causeway, &json!({"action": "verify"})).expect(200);
        let refused = get(&causeway, &asked.desk.lead(&causeway), &asked.path("/call-script")).expect(409);
        assert!(refused.text.contains("the offer is accepted"), "{}", refused.text);
        asked.calls(&causeway, &json!({"outcome": "open"})).expect(409);
    }
}

/// Every text and number of a document.
fn leaves(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Number(number) => found.push(number.to_string()),
        Value::Array(values) => values.iter().for_each(|value| leaves(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| leaves(value, found)),
        Value::Null | Value::Bool(_) => {}
    }
}

on_both! {
    fn neither_script_nor_sheet_tells_anything_of_the_file_but_the_limited_profile(causeway) {
        let agency = Agency::new(&causeway, "Three", "listed");
        let facts = json!({"populations": ["newcomers"], "accessibility": ["wheelchair"]});
        causeway.patch(&format!("/v1/offerings/{}", agency.offering), "*", &facts).expect(200);
        let word = "Zwiebelfisch";
        let student = json!({
            "given_name": format!("{word}Given"), "family_name": format!("{word}Family"), "preferred_name": format!("{word}Preferred"),
            "birth_date": "2013-02-17", "grade": "7",
            "identifiers": [{"kind": "lasid", "value": format!("{word}-1")}, {"kind": "sasid", "value": format!("{word}-2")}],
            "address": {"address_1": format!("1 {word} Street"), "city": format!("{word}ton"), "state": "MA", "postal_code": "01840"},
            "phone": "+19785559137", "email": format!("{word}@example.org"),
            "languages": [{"language": "es", "used": ["spoken"]}, {"language": "ase", "used": ["spoken"]}],
            "coverages": [{"category": "medicaid", "member_id": format!("{word}Member")}, {"category": "state_program"}],
            "notes": format!("{word} noted."),
        });
        let mut wanted = need();
        wanted["required"]["needs"] = json!({"any_of": ["anxiety", "abuse_neglect"]});
        wanted["required"]["populations"] = json!({"any_of": ["newcomers"]});
        wanted["radius_km"] = json!(77.125);
        let referral = json!({
            "need": wanted, "note": format!("{word} wrote."), "obligation": "iep",
            "pins": {"populations": ["newcomers"], "accessibility": ["wheelchair"], "languages": ["es"]},
        });
        let asked = Asked::of(&causeway, agency, &student, &referral);
        let (script, sheet) = (asked.script(&causeway), asked.sheet(&causeway).text);

        // It tells what it may, so that what is not found is not there.
        let told = lines(&script, "Tell them this");
        assert_eq!(told, [
            "The student is 12 to 14 years old.", "The family speaks: Spanish.", "Help is sought with: Anxiety.",
            "The support is of tier 2 (targeted).", "What pays: Medicaid.", "It must be given in: Spanish.", "The student lives in: Essex (county).",
        ]);
        for line in &told {
            assert!(sheet.contains(line), "{line}: {sheet}");
        }

        // Everything that the file and the referral hold, leaf by leaf; what is left out says something of nobody.
        let mut facts = Vec::new();
        for path in [asked.pupil.path.clone(), format!("{}/guardians", asked.pupil.path)] {
            leaves(&asked.desk.get(&causeway, &path), &mut facts);
        }
        let consents = asked.desk.get(&causeway, &asked.pupil.consents());
        leaves(&json!([consents["items"][0]["id"], consents["items"][0]["signatures"]]), &mut facts);
        let shown = asked.desk.referral(&causeway, &asked.referral);
        leaves(&json!([shown["need"], shown["pins"], shown["shortlist"], shown["id"], shown["student_id"], shown["school_id"]]), &mut facts);
        facts.extend(["2013", "ewcomer", "heelchair", "buse", "sign language", "iep", "state program", "grade 7", "seventh", &asked.desk.district.school].map(str::to_owned));
        assert!(facts.iter().any(|fact| fact.contains(word)) && facts.len() > 60, "{facts:?}");
        let told_of_anybody = [
            // Codes of what the profile tells.
            "anxiety", "medicaid",
            // Words of the service, of forms, and of this test's clock.
            "full", "open", "parent", "student", "ferpa",
        ];
        let script = script.to_string().to_lowercase();
        let offer = asked.offer.to_lowercase();
        for document in [script.replace(&offer, ""), sheet.to_lowercase()] {
            let words: Vec<&str> = document.split(|c: char| !c.is_alphanumeric()).collect();
            // A short one may stand within another word.
            let is_there = |fact: &str| if fact.len() > 3 { document.contains(fact) } else { fact.len() == 3 && words.contains(&fact) };
            let facts = facts.iter().map(|fact| fact.to_lowercase());
            let found: Vec<String> = facts.filter(|fact| is_there(fact) && !told_of_anybody.contains(&fact.as_str())).collect();
            assert_eq!(found, [] as [&str; 0], "{document}");
        }
        for id in [&asked.offer, &asked.referral] {
            assert!(!sheet.contains(id.as_str()));
        }
    }
}

on_both! {
    fn a_sheet_is_one_plain_page_with_boxes_for_the_reply(causeway) {
        let asked = Asked::new(&causeway);
        let sheet = asked.sheet(&causeway);
        assert_eq!(sheet.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(sheet.header("cache-control"), Some("no-store"));
        // Its own style and nothing else is let in.
        let style = sheet.text.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let digest = STANDARD.encode(Sha256::digest(style.as_bytes()));
        let policy = sheet.header("content-security-policy").unwrap();
        assert_eq!(policy, format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"));
        assert!(style.contains("size: Letter"));
        for outside in ["<script", " style=", " onload", "http:", "https:", "src=", "href=", "@import", "url("] {
            assert!(!sheet.text.contains(outside), "{outside}");
        }
        let script = asked.script(&causeway);
        for part in ["Three", "Counseling", "District 0149", "1, with this one", text(&script["reference"]), text(&script["reply_by_there"]),
            "Sunday, November 22, 2026, 7:00 AM (EST)", "We take the student.", "if the insurer confirms", "on our wait list",
            "We do not take the student", "How to answer", "Confidential."] {
            assert!(sheet.text.contains(part), "{part}: {}", sheet.text);
        }
        let reasons = causeway.get("/v1/vocabularies/decline_reasons").json()["terms"].as_array().unwrap().clone();
        for reason in reasons.iter().filter(|reason| reason["code"] != "waitlisted") {
            assert!(sheet.text.contains(&format!("<span class=\"box\"></span>{}</li>", text(&reason["name"]))), "{reason}");
        }
        assert_eq!(sheet.text.matches("class=\"box\"").count(), reasons.len() - 1 + 4);
    }
}

on_both! {
    fn a_sheet_with_long_names_is_set_in_smaller_letters_so_that_it_stays_one_page(causeway) {
        let asked = Asked::new(&causeway);
        assert!(asked.sheet(&causeway).text.contains("<body>"));
        let name = json!({"name": "Counseling ".repeat(27)});
        causeway.patch(&format!("/v1/organizations/{}", asked.agency.organization), "*", &name).expect(200);
        causeway.patch(&format!("/v1/districts/{}", asked.desk.district.id), "*", &name).expect(200);
        let offering = causeway.get(&format!("/v1/offerings/{}", asked.agency.offering)).json();
        causeway.patch(&format!("/v1/services/{}", text(&offering["service_id"])), "*", &name).expect(200);
        assert!(asked.sheet(&causeway).text.contains("<body class=\"dense\">"));
    }
}

on_both! {
    fn what_the_directory_says_is_escaped_on_a_sheet(causeway) {
        let evil = "<script>alert('1')</script> & \"Sons\"";
        let agency = Agency::new(&causeway, evil, "listed");
        let offering = causeway.get(&format!("/v1/offerings/{}", agency.offering)).json();
        causeway.patch(&format!("/v1/services/{}", text(&offering["service_id"])), "*", &json!({"name": "<b>Bold</b> help"})).expect(200);
        let asked = Asked::of(&causeway, agency, &json!({}), &json!({}));
        causeway.patch(&format!("/v1/districts/{}", asked.desk.district.id), "*", &json!({"name": "<img src=x> District"})).expect(200);
        let sheet = asked.sheet(&causeway).text;
        for raw in ["<script", "<b>", "<img", "\"Sons\"", "alert('1')"] {
            assert!(!sheet.contains(raw), "{raw}: {sheet}");
        }
        for shown in ["script&#62;", "&#60;b&#62;Bold&#60;/b&#62; help", "&#60;img src=x&#62; District", "&#34;Sons&#34;"] {
            assert!(sheet.contains(shown), "{shown}: {sheet}");
        }
    }
}

on_both! {
    fn a_fax_number_and_the_languages_of_a_number_come_from_where_a_directory_lists_them(causeway) {
        let agency = Agency::new(&causeway, "Three", "listed");
        causeway.patch(&format!("/v1/organizations/{}", agency.organization), "*", &json!({"phone": "978-555-0150"})).expect(200);
        let phones = json!([
            {"id": "cd09a0f4-0d4b-4d38-9f3b-5d7a0f0d8b01", "number": "978-555-0188", "extension": "7", "type": "fax"},
            {"id": "cd09a0f4-0d4b-4d38-9f3b-5d7a0f0d8b02", "number": "978-555-0150", "type": "voice",
             "languages": [{"id": "cd09a0f4-0d4b-4d38-9f3b-5d7a0f0d8b03", "name": "Spanish", "code": "es"}]},
        ]);
        import_json(causeway.store(), "organizations.json", &json!({"id": agency.organization, "name": "Three", "description": "d", "phones": phones}));
        let asked = Asked::of(&causeway, agency, &json!({}), &json!({}));
        assert_eq!(asked.script(&causeway)["numbers"], json!([
            {"phone": "+19785550150", "number": "+19785550150", "of": "organization", "languages": ["es"]},
        ]));
        assert!(asked.sheet(&causeway).text.contains("<td>+19785550188, extension 7</td>"));
        // A district that is an organization too is reached as that one is.
        let district = format!("/v1/districts/{}", asked.desk.district.id);
        let organization = causeway.create("/v1/organizations", &json!({"name": "Collaborative", "engagement": "enrolled", "phone": "978-555-0160"}));
        assert!(!asked.sheet(&causeway).text.contains("+19785550160"));
        causeway.patch(&district, "*", &json!({"organization_id": organization})).expect(200);
        assert!(asked.sheet(&causeway).text.contains("<td>+19785550160</td>"));
    }
}

on_both! {
    fn only_the_district_that_asks_calls_and_only_those_who_have_nobody_here(causeway) {
        let asked = Asked::new(&causeway);
        let other = Desk::new(&causeway, "0150");
        let reads = [asked.path("/call-script"), asked.path("/fax-sheet")];
        for path in &reads {
            // Another district, somebody of another school, and an agency.
            get(&causeway, &other.lead(&causeway), path).expect(404);
            get(&causeway, &asked.desk.district.coordinator, path).expect(404);
            let refused = get(&causeway, &asked.agency.staff(&causeway), path).expect(403).json();
            assert_eq!(refused["code"], "insufficient-scope");
        }
        let voicemail = json!({"outcome": "voicemail"});
        other.post(&causeway, &asked.path("/contact-attempts"), &voicemail).expect(404);
        let send = |token: &str| crate::seeking::keyed(&causeway, token, &asked.path("/contact-attempts"), &voicemail);
        send(&asked.desk.district.coordinator).expect(404);
        send(&asked.agency.staff(&causeway)).expect(403);
        // A system that may answer, but says nothing of what a pool can take.
        let district: DistrictId = asked.desk.district.id.parse().unwrap();
        let system = causeway.token(Role::SisClient, &Tie::District { district, schools: Vec::new() });
        let refused = send(&system).expect(403);
        assert!(refused.text.contains("availability:write"), "{}", refused.text);
        assert!(asked.attempts(&causeway).is_empty());
        assert_eq!(asked.history(&causeway), history(&[("request", "-", "requested", 1)]));

        // One with people here answers for itself.
        let enrolled = Agency::new(&causeway, "One", "enrolled");
        let pupil = asked.desk.pupil(&causeway);
        asked.desk.refers(&causeway, &pupil, &[&enrolled], &json!({}));
        let offer = enrolled.asked(&causeway);
        for below in ["call-script", "fax-sheet"] {
            let refused = get(&causeway, &asked.desk.lead(&causeway), &format!("/v1/offers/{offer}/{below}")).expect(409);
            assert!(refused.text.contains("answers for itself"), "{}", refused.text);
        }
        asked.desk.post(&causeway, &format!("/v1/offers/{offer}/contact-attempts"), &voicemail).expect(409);
    }
}

on_both! {
    fn nobody_is_told_anything_once_a_consent_has_run_out(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let agency = Agency::new(&causeway, "Three", "listed");
        let lead = desk.lead(&causeway);
        let pupil = Pupil::new(&causeway, &lead, &json!({}));
        pupil.consented(&causeway, &lead, &json!({"purposes": ["coordinate_care"], "fields": ["given_name"], "expires_on": "2026-11-23"}));
        let referral = desk.refers(&causeway, &pupil, &[&agency], &json!({}));
        let offers = desk.get(&causeway, &format!("/v1/referrals/{referral}/offers"));
        let offer = text(&offers["items"][0]["id"]).to_owned();
        let asked = Asked { desk, agency, pupil, referral, offer };
        asked.script(&causeway);
        go_to(&causeway, "2026-11-24T15:00:00Z");
        assert_eq!(asked.shown(&causeway)["status"], "requested");
        for below in ["/call-script", "/fax-sheet"] {
            let refused = get(&causeway, &asked.desk.lead(&causeway), &asked.path(below)).expect(409);
            assert!(refused.text.contains("have one signed, or take the offer back"), "{}", refused.text);
        }
    }
}

on_both! {
    fn reading_is_in_the_audit_and_tells_the_organization_nothing_anew(causeway) {
        let asked = Asked::new(&causeway);
        let lead = asked.desk.lead(&causeway);
        let reader = causeway.token(Role::AuditReader, &Tie::District { district: asked.desk.district.id.parse().unwrap(), schools: Vec::new() });
        let reads = |causeway: &Causeway| {
            let audit = get(causeway, &reader, "/v1/audit?limit=100").expect(200).json();
            let of_offer = |act: &&Value| act["resource_id"] == json!(asked.offer) && act["action"] == "read";
            audit["items"].as_array().unwrap().iter().filter(of_offer).map(|act| text(&act["outcome"]).to_owned()).collect::<Vec<_>>()
        };
        assert!(reads(&causeway).is_empty());
        asked.script(&causeway);
        assert_eq!(reads(&causeway), ["done"]);
        asked.sheet(&causeway);
        assert_eq!(reads(&causeway), ["done", "done"]);
        asked.acts(&causeway, &json!({"action": "waitlist"})).expect(200);
        get(&causeway, &lead, &asked.path("/fax-sheet")).expect(409);
        assert_eq!(reads(&causeway), ["refused", "done", "done"]);
        // The one disclosure is that of the offer.
        let report = asked.desk.get(&causeway, &format!("/v1/students/{}/disclosures", asked.pupil.id));
        let told: Vec<&str> = report["items"].as_array().unwrap().iter().map(|one| text(&one["packet"])).collect();
        assert_eq!(told, ["limited_profile"]);
    }
}

on_both! {
    fn a_call_that_brings_no_answer_leaves_the_offer_waiting_and_stands_in_its_history(causeway) {
        let asked = Asked::new(&causeway);
        let before = asked.shown(&causeway);
        let version = |causeway: &Causeway| asked.desk.referral(causeway, &asked.referral)["version"].clone();
        let of_referral = version(&causeway);
        let recorded = asked.calls(&causeway, &json!({"outcome": "voicemail", "phone": "978-555-0142", "note": "Zwiebelfisch answered"})).expect(201);
        assert_eq!(recorded.header("etag"), Some("\"2\""));
        let recorded = recorded.json();
        assert_eq!(recorded["contact"]["attempt"]["outcome"], "voicemail");
        // No room is news of the openings, and declines nothing.
        let full = asked.calls(&causeway, &json!({"outcome": "full"})).expect(201).json();
        assert_eq!((&full["contact"]["availability"]["status"], &full["offer"]["status"]), (&json!("no-capacity"), &json!("requested")));
        let after = asked.shown(&causeway);
        for field in ["status", "business_status", "reply_by", "reason"] {
            assert_eq!(after.get(field), before.get(field), "{field}");
        }
        assert_eq!((&after["version"], version(&causeway)), (&json!(3), of_referral));
        assert_eq!(asked.desk.status(&causeway, &asked.referral), "active seeking");
        assert_eq!(asked.history(&causeway), history(&[("request", "-", "requested", 1), ("contact", "voicemail", "requested", 2), ("contact", "full", "requested", 3)]));

        // Everybody has the calls, and only the district the remark, which lies sealed.
        let attempts = asked.attempts(&causeway);
        let outcomes: Vec<&str> = attempts.iter().map(|attempt| text(&attempt["outcome"])).collect();
        assert_eq!(outcomes.len(), 2);
        assert!(outcomes.contains(&"voicemail") && outcomes.contains(&"full"));
        assert!(attempts.iter().all(|attempt| attempt["offering_id"] == json!(asked.agency.offering) && attempt.get("notes").is_none()));
        let events = asked.desk.get(&causeway, &format!("/v1/referrals/{}/events", asked.referral)).to_string();
        assert!(events.contains("Zwiebelfisch answered"), "{events}");
        assert!(!causeway.holds_text("Zwiebelfisch"));

        // The clock is the one that it was.
        go_to(&causeway, "2026-11-25T22:00:00Z");
        assert_eq!(turn(&causeway), 1);
        assert_eq!(asked.shown(&causeway)["status"], "cancelled");
    }
}

on_both! {
    fn an_answer_is_recorded_with_its_call_or_neither_is(causeway) {
        let asked = Asked::new(&causeway);
        let nothing = |causeway: &Causeway| {
            assert!(asked.attempts(causeway).is_empty());
            assert_eq!(asked.history(causeway), history(&[("request", "-", "requested", 1)]));
        };
        // An answer that may not be given now takes the call with it, and a call that is incomplete the answer.
        let refused = asked.calls(&causeway, &json!({"outcome": "open", "answer": {"action": "verify"}})).expect(409);
        assert!(refused.text.contains("what you may do now"), "{}", refused.text);
        nothing(&causeway);
        let refused = asked.calls(&causeway, &json!({"outcome": "no_language", "answer": {"action": "decline", "reason": "language_not_available"}})).expect(400);
        assert_eq!(refused.errors()[0].0, "/language");
        nothing(&causeway);

        let body = json!({"outcome": "waiting", "waiting": 6, "language": "es", "phone": "978-555-0142", "answer": {"action": "waitlist"}});
        let recorded = asked.calls(&causeway, &body).expect(201).json();
        assert_eq!((&recorded["offer"]["status"], &recorded["offer"]["version"]), (&json!("rejected"), &json!(3)));
        assert_eq!((&recorded["contact"]["availability"]["waiting"], &recorded["contact"]["attempt"]["language"]), (&json!(6), &json!("es")));
        assert_eq!(asked.history(&causeway), history(&[("request", "-", "requested", 1), ("contact", "waiting", "requested", 2), ("waitlist", "-", "rejected", 3)]));
        assert_eq!(asked.desk.status(&causeway, &asked.referral), "active waiting");
        assert_eq!(asked.attempts(&causeway).len(), 1);
    }
}

on_both! {
    fn a_reason_of_the_closed_list_that_was_told_on_the_telephone_moves_the_referral_on(causeway) {
        let desk = Desk::new(&causeway, "0149");
        let (three, four) = (Agency::new(&causeway, "Three", "listed"), Agency::new(&causeway, "Four", "enrolled"));
        let pupil = desk.pupil(&causeway);
        let referral = desk.refers(&causeway, &pupil, &[&three, &four], &json!({}));
        let offer = text(&desk.get(&causeway, &format!("/v1/referrals/{referral}/offers"))["items"][0]["id"]).to_owned();
        let asked = Asked { desk, agency: three, pupil, referral, offer };
        let body = json!({"outcome": "full", "answer": {"action": "decline", "reason": "no_capacity", "note": "Until spring."}});
        let key = TestRequest::post().uri(&asked.path("/contact-attempts")).insert_header(("Idempotency-Key", "\"once\""));
        let first = causeway.send_as(&asked.desk.lead(&causeway), key.set_json(&body)).expect(201).json();
        assert_eq!((&first["offer"]["status"], &first["offer"]["reason"]), (&json!("rejected"), &json!("no_capacity")));
        four.asked(&causeway);
        let key = TestRequest::post().uri(&asked.path("/contact-attempts")).insert_header(("Idempotency-Key", "\"once\""));
        let again = causeway.send_as(&asked.desk.lead(&causeway), key.set_json(&body)).expect(201).json();
        assert_eq!((again, asked.attempts(&causeway).len()), (first, 1));
        let without = TestRequest::post().uri(&asked.path("/contact-attempts")).set_json(&body);
        causeway.send_as(&asked.desk.lead(&causeway), without).expect(400);
    }
}

on_both! {
    fn openings_that_a_call_counts_are_those_left_after_the_answer(causeway) {
        let asked = Asked::new(&causeway);
        let body = json!({"outcome": "open", "open_slots": 1, "answer": {"action": "accept"}});
        let recorded = asked.calls(&causeway, &body).expect(201).json();
        assert_eq!(recorded["offer"]["status"], "accepted");
        let left = causeway.get(&format!("/v1/capacity-pools/{}/availability", asked.agency.pool)).json();
        assert_eq!((&left["open_slots"], &left["effective_open_slots"]), (&json!(1), &json!(1)));

        // Also where openings were counted before.
        let counted = Agency::new(&causeway, "Counted", "listed");
        counted.claims(&causeway, &json!({"status": "capacity", "open_slots": 3}));
        let pupil = asked.desk.pupil(&causeway);
        let referral = asked.desk.refers(&causeway, &pupil, &[&counted], &json!({}));
        let offer = text(&asked.desk.get(&causeway, &format!("/v1/referrals/{referral}/offers"))["items"][0]["id"]).to_owned();
        go_to(&causeway, "2026-11-22T13:00:00Z");
        asked.desk.post(&causeway, &format!("/v1/offers/{offer}/contact-attempts"), &body).expect(201);
        let left = causeway.get(&format!("/v1/capacity-pools/{}/availability", counted.pool)).json();
        assert_eq!((&left["open_slots"], &left["effective_open_slots"]), (&json!(1), &json!(1)));
    }
}

on_both! {
    fn what_does_not_go_together_in_a_call_is_said_with_its_place(causeway) {
        let asked = Asked::new(&causeway);
        for (body, places) in [
            (json!({"outcome": "voicemail", "answer": {"action": "accept"}}), vec!["/answer"]),
            (json!({"outcome": "no_answer", "answer": {"action": "decline", "reason": "other"}}), vec!["/answer"]),
            (json!({"outcome": "wrong_number", "phone": "978-555-0142", "answer": {"action": "waitlist"}}), vec!["/answer"]),
            (json!({"outcome": "open", "answer": {"action": "withdraw", "reason": "Nobody there."}}), vec!["/answer/action"]),
            (json!({"outcome": "open", "attempted_at": "2026-11-22T11:58:00Z", "note": " "}), vec!["/attempted_at", "/note"]),
            (json!({"outcome": "full", "answer": {"action": "decline", "reason": "other", "note": ""}}), vec!["/answer/note"]),
            (json!({"outcome": "voicemail", "open_slots": 2}), vec!["/open_slots"]),
        ] {
            let found: Vec<String> = asked.calls(&causeway, &body).expect(400).errors().into_iter().map(|(at, _)| at).collect();
            assert_eq!(found, places, "{body}");
        }
        asked.calls(&causeway, &json!({"outcome": "open", "notes": "of a contact attempt"})).expect(400);
        asked.calls(&causeway, &json!({"outcome": "open", "answer": {"action": "decline", "reason": "nonsense"}})).expect(400);
        assert!(asked.attempts(&causeway).is_empty());
        assert_eq!(asked.shown(&causeway)["version"], 1);
        // A clock on the wall shows no seconds.
        asked.calls(&causeway, &json!({"outcome": "voicemail", "attempted_at": "2026-11-22T11:59:30Z"})).expect(201);
    }
}
