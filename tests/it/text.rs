//! Free text: what people type, and what they must find.

use serde_json::{Value, json};

use crate::process::{self, Program, get, post, ready};
use crate::support::{Causeway, ids, on_both};

const HERE: &str = "near=42.7070,-71.1631";

/// A fictional offering: what it is called here, organization, service, description, town, and facts.
type Made = (&'static str, &'static str, &'static str, &'static str, &'static str, Value);

fn made() -> Vec<Made> {
    let speaks = |tag: &str| json!({"languages": [{"language": tag, "mode": "provider"}]});
    let needs = |need: &str| json!({"needs": [need]});
    let practices = |practice: &str| json!({"practices": [practice]});
    let populations = |population: &str| json!({"populations": [population]});
    vec![
        ("harborlight", "Harborlight Counseling Center", "Outpatient therapy", "", "Lawrence", json!({})),
        ("mill", "Mill River Counseling", "Individual counseling", "", "Lowell", json!({})),
        (
            "lantern",
            "Lantern House",
            "Grief groups",
            "For those who lost someone.",
            "Lawrence",
            needs("grief"),
        ),
        (
            "northgate",
            "Northgate Clinic",
            "Brief treatment",
            "",
            "Methuen",
            practices("solution_focused_therapy"),
        ),
        ("fanmi", "Two Shores Alliance", "Home visits", "", "Lawrence", speaks("ht")),
        ("casa", "Open House", "Walking group", "", "Lawrence", speaks("es")),
        ("cedar", "Cedar Learning Partners", "Social groups", "", "Andover", needs("autism")),
        ("bluebird", "Bluebird Clinic", "Teen clinic", "", "Haverhill", needs("depression")),
        ("puente", "Bridge Street Center (Consejería Puente)", "Evening group", "", "Lawrence", json!({})),
        ("spindle", "Spindle Falls Club", "After school club", "", "Lawrence", json!({})),
        (
            "attendance",
            "Day One",
            "Getting back to class",
            "When a student stays home.",
            "Lawrence",
            needs("school_refusal"),
        ),
        ("quarry", "Quarry Street Clinic", "Weekly treatment", "", "Lawrence", practices("tf_cbt")),
        ("trauma", "Stillwater Clinic", "Trauma groups", "", "Lawrence", needs("trauma")),
        ("prevention", "Safe Passage", "Staff training", "", "Lawrence", practices("suicide_prevention")),
        ("suicidality", "Daybreak Clinic", "Intensive treatment", "", "Lawrence", needs("suicidality")),
        (
            "pantry",
            "Saint Brigid's Table",
            "Wednesday shelves",
            "",
            "Lawrence",
            json!({"facility_type": "food_pantry"}),
        ),
        ("mood", "Goodwood Clinic", "Mood journal", "", "Lawrence", json!({})),
        ("turning", "Turning Point", "Recovery coaching", "", "Lawrence", needs("substance_use")),
        ("abuse", "Shade Tree", "Child advocacy", "", "Lawrence", needs("abuse_neglect")),
        ("rainbow", "Prism Center", "Drop-in evenings", "", "Lawrence", populations("lgbtq")),
        ("foster", "Second Porch", "Kin and placement support", "", "Lawrence", populations("foster_care")),
        ("poster", "Poster Workshop", "Drawing lessons", "", "Lawrence", json!({})),
        ("chinese", "Jade Gate Association", "Homework room", "", "Lowell", speaks("zh")),
        ("khmer", "Lotus Association", "Elders and youth", "", "Lowell", speaks("km")),
        ("vietnamese", "Red River Association", "Sewing circle", "", "Lowell", speaks("vi")),
        ("arabic", "Date Palm Association", "Welcome desk", "", "Lowell", speaks("ar")),
        (
            "medication",
            "Fern Hill Practice",
            "Prescribing clinic",
            "",
            "Lowell",
            practices("medication_management"),
        ),
        ("housing", "Key Street", "Tenancy desk", "", "Lowell", needs("housing")),
        ("coats", "Warm Closet", "Free clothes", "", "Lowell", needs("clothing")),
        ("dental", "Bright Mornings", "Mobile van", "", "Lowell", needs("dental")),
        ("speech", "Say It Studio", "One to one sessions", "", "Lowell", needs("speech_language")),
        ("eating", "Willow Room", "Day treatment", "", "Lowell", needs("eating_disorder")),
        ("bullying", "Kind Halls", "Classroom visits", "", "Lowell", needs("bullying")),
        ("newcomers", "Landing Place", "First months", "", "Lowell", needs("newcomer_adjustment")),
        ("deaf", "Signal House", "Saturday group", "", "Lowell", speaks("ase")),
        ("crisis", "River Response", "Mobile team", "", "Lowell", practices("crisis_intervention")),
        ("mentors", "Big Stride", "Mentor matching", "", "Lowell", json!({})),
        ("parents", "Kitchen Table", "Evening classes", "", "Lowell", practices("parent_training")),
        ("anger", "Calm Court", "Boxing and talking", "", "Lowell", needs("anger")),
        ("sleep", "Night Owl Lab", "Sleep study", "", "Lowell", needs("sleep")),
        (
            "described",
            "Plain Brick Center",
            "Thursday circle",
            "A circle on bereavement.",
            "Lowell",
            json!({}),
        ),
    ]
}

fn make(causeway: &Causeway) -> Vec<(String, &'static str)> {
    let mut names = Vec::new();
    for (name, organization, service, description, city, mut facts) in made() {
        let facts = facts.as_object_mut().unwrap();
        let facility_type = facts.remove("facility_type");
        let organization = causeway.create(
            "/v1/organizations",
            &without_nulls(
                json!({"name": organization, "engagement": "listed", "facility_type": facility_type}),
            ),
        );
        let description = (!description.is_empty()).then_some(description);
        let service = causeway.create(
            "/v1/services",
            &without_nulls(json!({"organization_id": organization, "name": service, "status": "active",
                "audience": ["students"], "description": description})),
        );
        let location = causeway.create(
            "/v1/locations",
            &json!({"name": "Main office", "city": city,
            "coordinates": {"latitude": 42.7070, "longitude": -71.1631, "quality": "rooftop"}}),
        );
        let mut body = json!({"service_id": service, "location_id": location, "grain": "team"});
        body.as_object_mut().unwrap().extend(facts.clone());
        names.push((causeway.create("/v1/offerings", &body), name));
    }
    names
}

fn without_nulls(mut body: Value) -> Value {
    body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    body
}

/// `text` in a query string.
fn query(text: &str) -> String {
    let encoded = percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC);
    format!("{HERE}&q={encoded}")
}

on_both! {
    fn what_people_type_finds_what_they_mean_first(causeway) {
        let names = make(&causeway);
        let mut wrong = Vec::new();
        for (text, first) in [
            ("counselling lawrence", "harborlight"),
            ("lawrence counselling", "harborlight"),
            ("theraphy", "harborlight"),
            ("therapist in Lowell", "mill"),
            ("coun", "harborlight"),
            ("Harborligth", "harborlight"),
            ("mil river", "mill"),
            ("grief", "lantern"),
            ("greif", "lantern"),
            ("greif lawrence", "lantern"),
            ("bereavment", "lantern"),
            ("death in the family", "lantern"),
            ("kreyol", "fanmi"),
            ("Kreyòl", "fanmi"),
            ("creole", "fanmi"),
            ("espanol", "casa"),
            ("Español", "casa"),
            ("autisim", "cedar"),
            ("autism spectrum", "cedar"),
            ("depresion", "bluebird"),
            ("Consejeria", "puente"),
            ("after school", "spindle"),
            ("afterschool", "spindle"),
            ("tf-cbt", "quarry"),
            ("TFCBT", "quarry"),
            ("trauma focused", "quarry"),
            ("trauma", "trauma"),
            ("sucide prevention", "prevention"),
            ("food pantry", "pantry"),
            ("food bank", "pantry"),
            ("food", "pantry"),
            ("substanse abuse", "turning"),
            ("lgbt", "rainbow"),
            ("foster", "foster"),
            ("poster", "poster"),
            ("中文", "chinese"),
            ("ខ្មែរ", "khmer"),
            ("Tieng Viet", "vietnamese"),
            ("العربية", "arabic"),
            ("psychiatrist", "medication"),
            ("homeless", "housing"),
            ("dentist", "dental"),
            ("stuttering", "speech"),
            ("shrink", "harborlight"),
            ("sad", "bluebird"),
            ("ASL", "deaf"),
            ("parenting clases", "parents"),
            ("mentoring", "mentors"),
        ] {
            let answer = causeway.get(&format!("/v1/search?{}", query(text))).expect(200).json();
            let found: Vec<&str> = ids(&answer)
                .iter()
                .map(|id| names.iter().find(|(known, _)| known == id).map_or("?", |(_, name)| *name))
                .collect();
            if found.first() != Some(&first) {
                wrong.push(format!("{text:?} finds {found:?} and not {first} first"));
            }
        }
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
        assert!(causeway.found(&query("grief")).len() == 2, "brief and grief are two words that people know");
        assert!(!causeway.found(&query("foster")).iter().any(|id| names.contains(&(id.clone(), "poster"))));
        assert!(causeway.found(&query("grief autism")).is_empty(), "every word must be there");
    }
}

on_both! {
    fn the_same_words_are_asked_in_a_body_and_hold_with_every_other_criterion(causeway) {
        let names = make(&causeway);
        let lantern = names.iter().find(|(_, name)| *name == "lantern").unwrap().0.clone();
        let ask = |fields: Value| {
            let mut body = json!({"origin": {"near": {"latitude": 42.7070, "longitude": -71.1631}}});
            body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            causeway.post("/v1/matches", &body).expect(200).json()
        };
        let everything = ask(json!({"q": "lawrence", "limit": 100}));
        assert_eq!(ids(&everything), causeway.found(&format!("{}&limit=100", query("lawrence"))));
        assert_eq!(everything["total"]["value"], ids(&everything).len());
        assert_eq!(ids(&ask(json!({"q": "lawrence", "required": {"needs": {"any_of": ["grief"]}}}))), [lantern.as_str()]);
        assert!(ids(&ask(json!({"q": "lowell", "required": {"needs": {"any_of": ["grief"]}}}))).is_empty());
        assert!(causeway.found(&query("lawrence").replace("42.7070", "43.9")).is_empty(), "the radius holds too");

        let mut paged = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = causeway.get(&format!("/v1/search?{}&limit=4{cursor}", query("lawrence"))).expect(200).json();
            paged.extend(ids(&page));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(paged, ids(&everything));
        let elsewhere = format!("/v1/search?{}&limit=4{cursor}", query("lowell"));
        causeway.get(&elsewhere).expect(400);
    }
}

on_both! {
    fn reasons_say_which_words_matched_what(causeway) {
        make(&causeway);
        for (text, words) in [
            ("greif", "“greif” read as “grief” in the name"),
            ("bereavment", "“bereavment” read as “bereavement” in Grief and loss"),
            ("coun lawrence", "“coun” begins “counseling” in the name; “lawrence” in the place"),
            ("kreyol", "“kreyol” in Haitian Creole"),
            ("therapists lowell", "“therapist” found as “counseling”; “lowell” in the place"),
        ] {
            let answer = causeway.get(&format!("/v1/search?{}&explain=true", query(text))).expect(200).json();
            let first = &answer["items"][0];
            let reason = first["reasons"].as_array().unwrap().iter().find(|reason| reason["factor"] == "words").unwrap();
            assert_eq!(reason["text"], words, "{text}");
            let factors = first["explanation"]["factors"].as_array().unwrap();
            let sum = factors.iter().map(|share| share["contribution"].as_f64().unwrap()).sum::<f64>();
            assert!((sum - first["score"].as_f64().unwrap()).abs() < 1e-12, "{text}");
        }
        let plain = causeway.get(&format!("/v1/search?{HERE}&explain=true")).expect(200).text;
        assert!(!plain.contains(r#""words""#), "without words there is no such factor");
    }
}

on_both! {
    fn a_new_name_is_found_at_once_and_the_old_one_no_longer(causeway) {
        let offering = causeway.offering(json!({"name": "Blue team"}));
        let organization = format!("/v1/organizations/{}", offering.organization);
        let service = format!("/v1/services/{}", offering.service);
        let location = format!("/v1/locations/{}", offering.location);
        let item = format!("/v1/offerings/{}", offering.id);
        for (path, old, change, new) in [
            (&organization, "agency", json!({"name": "Kestrel House"}), "kestrel"),
            (&organization, "outpatient", json!({"alternate_name": "Cernícalo"}), "cernicalo"),
            (&organization, "hospital", json!({"facility_type": "hospital"}), "hospital"),
            (&service, "counseling", json!({"name": "Falconry"}), "falconry"),
            (&service, "mews", json!({"description": "In the old mews."}), "mews"),
            (&location, "clinic", json!({"name": "Annex", "city": "Haverhill"}), "haverhill"),
            (&item, "blue", json!({"name": "Green team", "needs": ["grief"]}), "bereavement"),
        ] {
            let etag = causeway.get(path).expect(200).header("etag").unwrap().to_owned();
            let before = causeway.found(&query(old));
            causeway.patch(path, &etag, &change).expect(200);
            assert_eq!(causeway.found(&query(new)), [offering.id.as_str()], "{change}");
            if !before.is_empty() {
                assert!(causeway.found(&query(old)).is_empty(), "{old} is still found");
            }
        }
        let etag = causeway.get(&organization).expect(200).header("etag").unwrap().to_owned();
        causeway.delete(&organization, &etag).expect(204);
        assert!(causeway.found(&query("kestrel")).is_empty());
    }
}

on_both! {
    fn what_nobody_has_suggests_how_it_may_be_spelt(causeway) {
        make(&causeway);
        let suggestions = |text: &str| causeway.get(&format!("/v1/search?{}", query(text))).expect(200).json()["suggestions"].clone();
        assert_eq!(suggestions("bereeevement"), json!(["bereavement"]));
        assert_eq!(suggestions("harbrlit")[0], json!(null), "nothing is near enough");
        assert_eq!(suggestions("harborlght center lowell"), json!(null), "each word is somewhere, though not together");
        assert_eq!(suggestions("vietnameese mil"), json!(null));
        assert_eq!(suggestions("Qarry clinic xylophone"), json!(null), "one slip is read, two words are not invented");
        assert_eq!(suggestions("lanternss house"), json!(["lantern"]), "the word that is nowhere, not the other");
        assert_eq!(suggestions("lamtren")[0], "lantern");
    }
}

on_both! {
    fn words_that_ask_for_nothing_are_refused_and_not_repeated(causeway) {
        for (text, words) in [
            ("", "is empty"),
            ("   ", "is empty"),
            ("?!…", "no word to look for"),
            ("help for me", "no word to look for"),
            (&"x".repeat(201), "more than 200 characters"),
            (&"grief ".repeat(17), "more than 16 words"),
        ] {
            let refused = causeway.get(&format!("/v1/search?{}", query(text))).expect(400);
            let errors = refused.errors();
            assert!(errors.len() == 1 && errors[0].0 == "q" && errors[0].1.contains(words), "{text}: {}", refused.text);
            assert!(text.trim().is_empty() || !refused.text.contains(text), "{}", refused.text);
            let body = json!({"origin": {"postal_code": "01840"}, "q": text});
            let refused = causeway.post("/v1/matches", &body).expect(400);
            assert_eq!(refused.errors()[0].0, "/q", "{text}: {}", refused.text);
        }
        causeway.get(&format!("/v1/search?{HERE}&q=grief&q=loss")).expect(400);
        causeway.get(&format!("/v1/search?{}", query(&"ሀ".repeat(200)))).expect(200);
        causeway.get(&format!("/v1/search?{}", query("'; DROP TABLE offerings; -- %_*?"))).expect(200);
    }
}

#[test]
fn what_was_typed_is_never_logged() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["demo", "--listen", "127.0.0.1:0", "--log", "causeway=trace"];
    let mut demo = Program::start(process::causeway(folder.path(), &arguments));
    let address = demo.address();
    ready(&address);
    let search = format!("{address}/v1/search?postal_code=01840&q=");
    assert_eq!(get(&format!("{search}grief+zyxwvut")).0, 200);
    assert_eq!(get(&format!("{search}{}", "zyxwvut+".repeat(20))).0, 400);
    let body = json!({"origin": {"postal_code": "01840"}, "q": "grief zyxwvut"});
    assert_eq!(post(&format!("{address}/v1/matches"), &body).0, 200);
    let ended = demo.stopped();
    let log = format!("{}{}", ended.out, ended.err);
    assert!(log.contains("postal_code,q") && !log.contains("zyxwvut"), "{log}");
}
