//! The same agency twice: found as a candidate, or found to be two.

use std::path::Path;

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use crate::imports::{beside, counts, import_volume};
use crate::published::published;
use crate::support::{Causeway, on_both};
use causeway::access::{Role, Tie};
use causeway::exchange::importer::Options;

const DUPLICATES: &str = "/v1/organizations/duplicates";
const DISMISSALS: &str = "/v1/organizations/duplicates/dismissals";
const NOWHERE: &str = "0192d7a0-0000-7000-8000-000000000001";

/// An organization with a place.
#[track_caller]
fn agency(causeway: &Causeway, name: &str, postal_code: &str, more: &Value) -> String {
    let mut body = json!({"name": name, "engagement": "listed"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let id = causeway.create("/v1/organizations", &body);
    let place = json!({"organization_id": id, "name": name, "postal_code": postal_code});
    causeway.create("/v1/locations", &place);
    id
}

#[track_caller]
fn candidates(causeway: &Causeway, query: &str) -> Vec<Value> {
    let page = causeway.get(&format!("{DUPLICATES}?{query}")).expect(200).json();
    page["items"].as_array().unwrap().clone()
}

/// The two ids of each pair, the lesser first.
fn ids(candidates: &[Value]) -> Vec<[String; 2]> {
    let id = |one: &Value| one["id"].as_str().unwrap().to_owned();
    let pair = |candidate: &Value| {
        let mut pair = [id(&candidate["organization"]), id(&candidate["other"])];
        pair.sort();
        pair
    };
    candidates.iter().map(pair).collect()
}

fn pair(one: &str, other: &str) -> [String; 2] {
    let mut pair = [one.to_owned(), other.to_owned()];
    pair.sort();
    pair
}

on_both! {
    fn the_same_agency_spelt_another_way_is_a_candidate_and_the_evidence_says_why(causeway) {
        let one = agency(&causeway, "The Spindle Falls Family Center, Inc.", "01840",
            &json!({"phone": "978-555-0100 x7", "website": "https://www.spindle-falls.example.org/contact"}));
        let other = agency(&causeway, "SPINDLE FALLS FAMLY CENTRE", "01840", &json!({"email": "help@spindle-falls.example.org"}));
        let service = json!({"organization_id": other, "name": "S", "status": "active", "audience": ["students"], "intake_phones": ["(978) 555-0100"]});
        causeway.create("/v1/services", &service);
        agency(&causeway, "Red Heron Counseling", "01840", &json!({"phone": "978-555-0111"}));
        let page = causeway.get(&format!("{DUPLICATES}?organization_id={other}")).expect(200).json();
        assert_eq!(page["total"], json!({"value": 1, "relation": "eq"}));
        let candidate = &page["items"][0];
        assert_eq!(candidate["organization"], json!({"id": other, "name": "SPINDLE FALLS FAMLY CENTRE"}), "the one asked for comes first");
        assert_eq!(candidate["other"], json!({"id": one, "name": "The Spindle Falls Family Center, Inc."}));
        let evidence = candidate["evidence"].as_array().unwrap();
        let alike = evidence[0]["likeness"].as_f64().unwrap();
        assert!(evidence[0]["kind"] == "names_alike" && alike > 0.95 && alike < 1.0, "{candidate}");
        assert_eq!(evidence[1..], [
            json!({"kind": "same_phone", "phone": "+19785550100"}),
            json!({"kind": "same_postal_code", "postal_code": "01840"}),
            json!({"kind": "same_domain", "domain": "spindle-falls.example.org"}),
        ]);
        let likeness = candidate["likeness"].as_f64().unwrap();
        assert!(likeness > 0.9 && likeness < 1.0);
        assert_eq!(ids(&candidates(&causeway, "min_likeness=0")), [pair(&one, &other)]);
        assert!(candidates(&causeway, "min_likeness=0.999").is_empty());
    }
}

on_both! {
    fn places_that_are_known_to_the_house_say_how_far_apart_they_are(causeway) {
        let at = |name: &str, latitude: f64| {
            let id = causeway.create("/v1/organizations", &json!({"name": name, "engagement": "listed"}));
            let coordinates = json!({"latitude": latitude, "longitude": -71.16, "quality": "rooftop"});
            causeway.create("/v1/locations", &json!({"organization_id": id, "name": "L", "coordinates": coordinates}));
            id
        };
        let (one, near, far) = (at("Heron House", 42.7), at("Heron House", 42.7018), at("Heron House", 42.9));
        let found = candidates(&causeway, "min_likeness=0");
        assert_eq!(ids(&found), [pair(&one, &near)], "{far} is 22 km away");
        assert_eq!(found[0]["evidence"], json!([{"kind": "names_alike", "likeness": 1.0}, {"kind": "near", "distance_km": 0.2}]));
    }
}

on_both! {
    fn a_name_alone_makes_no_candidate(causeway) {
        // One in each of nine states, two of them with the page and the call line of one body.
        for (place, zip) in ["01840", "99501", "77002", "10001", "60601", "90012", "00921", "96910", "33101"].iter().enumerate() {
            let page = if place < 2 { json!({"website": "https://care.example.org", "phone": "800-555-0100"}) } else { json!({}) };
            agency(&causeway, "Care Clinic", zip, &page);
        }
        // Neighbours, and another name behind the same door, are not the same agency for that.
        agency(&causeway, "Red Heron Counseling", "01840", &json!({}));
        assert_eq!(candidates(&causeway, "min_likeness=0"), [Value::Null; 0]);
        let tenth = agency(&causeway, "Care Clinic", "01840", &json!({}));
        assert_eq!(candidates(&causeway, "").len(), 1, "in the same ZIP code it is one");
        causeway.delete(&format!("/v1/organizations/{tenth}"), "*").expect(204);
        assert!(candidates(&causeway, "min_likeness=0").is_empty(), "what is retired is none");
    }
}

on_both! {
    fn a_number_that_many_share_is_no_evidence(causeway) {
        let names = ["Heron", "Osprey", "Egret", "Plover", "Curlew", "Bittern", "Whimbrel", "Dunlin", "Avocet", "Godwit", "Grebe", "Merganser"];
        let line = json!({"phone": "800-555-0100"});
        for name in names {
            causeway.create("/v1/organizations", &json!({"name": format!("{name} House"), "engagement": "listed", "phone": line["phone"]}));
        }
        assert_eq!(candidates(&causeway, "min_likeness=0&limit=100").len(), 66, "twelve may share it");
        agency(&causeway, "Heron House", "99501", &line);
        assert!(candidates(&causeway, "min_likeness=0").is_empty(), "thirteen have the number of a call line");
    }
}

on_both! {
    fn candidates_are_paged_the_most_alike_first(causeway) {
        for (name, phone) in [("Heron House", "978-555-0100"), ("Heron House", "978-555-0100"), ("Heron Home", "978-555-0100"), ("Plover Place", "978-555-0107"), ("Plover Place", "978-555-0107")] {
            agency(&causeway, name, "01840", &json!({"phone": phone}));
        }
        let all = candidates(&causeway, "min_likeness=0.5&limit=100");
        assert_eq!(all.len(), 4);
        let likeness: Vec<f64> = all.iter().map(|one| one["likeness"].as_f64().unwrap()).collect();
        assert!(likeness.is_sorted_by(|one, next| one >= next) && likeness[0] > likeness[3], "{likeness:?}");
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = causeway.get(&format!("{DUPLICATES}?min_likeness=0.5&limit=1{cursor}")).expect(200);
            let body = page.json();
            assert_eq!(body["total"], json!({"value": 4, "relation": "eq"}));
            seen.extend(body["items"].as_array().unwrap().clone());
            let Some(next) = body["next_cursor"].as_str() else { break };
            assert!(page.header("link").unwrap().contains("rel=\"next\""));
            causeway.get(&format!("{DUPLICATES}?limit=1&cursor={next}")).expect(400);
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, all);
        for wrong in ["min_likeness=1.5", "min_likeness=-1", "min_likeness=x", "limit=0", "organization_id=x", "likeness=1", "include_dismissed=maybe"] {
            causeway.get(&format!("{DUPLICATES}?{wrong}")).expect(400);
        }
    }
}

on_both! {
    fn a_pair_that_somebody_found_to_be_two_is_not_listed_again(causeway) {
        let [one, other, third] = ["Heron House", "Heron House Inc", "Heron House LLC"].map(|name| agency(&causeway, name, "01840", &json!({})));
        assert_eq!(candidates(&causeway, "").len(), 3);
        let said = causeway.post(DISMISSALS, &json!({"organization_id": other, "other_id": one})).expect(201).json();
        let [lesser, greater] = pair(&one, &other);
        assert_eq!(said, json!({"organization_id": lesser, "other_id": greater, "dismissed_at": "2026-11-22T12:00:00Z", "dismissed_by": "operator of the command line"}));
        assert_eq!(candidates(&causeway, "").len(), 2);
        assert_eq!(candidates(&causeway, &format!("organization_id={one}")).len(), 1);
        let all = candidates(&causeway, "include_dismissed=true");
        assert_eq!(all.len(), 3);
        assert_eq!(all.iter().filter_map(|one| one.get("dismissal")).collect::<Vec<_>>(), [&said]);

        causeway.clock.advance(std::time::Duration::from_hours(1));
        assert_eq!(causeway.post(DISMISSALS, &json!({"organization_id": one, "other_id": other})).expect(200).json(), said, "what was said first stands");
        let keyed = |body: &Value| {
            causeway.send(TestRequest::post().uri(DISMISSALS).insert_header(("Idempotency-Key", "k")).set_json(body))
        };
        let first = keyed(&json!({"organization_id": one, "other_id": third})).expect(201);
        let again = keyed(&json!({"organization_id": one, "other_id": third})).expect(201);
        assert_eq!((again.text.clone(), again.header("idempotency-replayed")), (first.text, Some("true")));
        keyed(&json!({"organization_id": other, "other_id": third})).expect(422);
        // Who is not the one is not the other that it is merged into.
        let merge = TestRequest::post().uri(&format!("/v1/organizations/{other}/merge")).insert_header(("If-Match", "*"));
        causeway.send(merge.set_json(json!({"into": third}))).expect(200);
        assert!(candidates(&causeway, "").is_empty());
        let merged = causeway.post(DISMISSALS, &json!({"organization_id": other, "other_id": third})).expect(409);
        assert!(merged.text.contains("unmerge them first"), "{}", merged.text);
        for (body, place) in [
            (json!({"organization_id": one, "other_id": one}), "/other_id"),
            (json!({"organization_id": NOWHERE, "other_id": one}), "/organization_id"),
            (json!({"organization_id": one, "other_id": NOWHERE}), "/other_id"),
            (json!({"organization_id": one}), ""),
            (json!({"organization_id": one, "other_id": other, "why": "x"}), "/why"),
        ] {
            assert_eq!(causeway.post(DISMISSALS, &body).expect(400).errors()[0].0, place, "{body}");
        }
        let staff = causeway.token(Role::AgencyStaff, &Tie::Organization(one.parse().unwrap()));
        let dismissal = TestRequest::post().uri(DISMISSALS).set_json(json!({"organization_id": one, "other_id": other}));
        causeway.send_as(&staff, dismissal).expect(403);
    }
}

/// A facility of the workbook that the test takes for the agency's: its names, number and ZIP code.
fn some_facility(workbook: &Path) -> (String, String, String) {
    use calamine::{Data, Reader, Xlsx, open_workbook};
    let mut workbook: Xlsx<_> = open_workbook(workbook).unwrap();
    let range = workbook.worksheet_range("Facilities List").unwrap();
    let mut rows = range.rows();
    let header: Vec<String> = rows.next().unwrap().iter().map(ToString::to_string).collect();
    let column = |name: &str| header.iter().position(|title| title == name).unwrap();
    let text = |row: &[Data], name: &str| row[column(name)].to_string().trim().to_owned();
    // One name, in Massachusetts, of several words.
    let row = rows
        .find(|row| {
            text(row, "state") == "MA"
                && text(row, "name2").is_empty()
                && text(row, "name1").split(' ').count() == 3
        })
        .unwrap();
    (text(row, "name1"), text(row, "phone"), text(row, "zip"))
}

on_both! {
    fn an_agencys_own_entry_is_the_first_candidate_of_its_facility_in_the_published_directory(causeway) {
        let Some(workbook) = published("federal-directory/National_Directory_MH_Facilities_2022.xlsx") else { return };
        let other = beside(&causeway);
        assert_eq!(counts(&import_volume(&other, &workbook, Options::default())), [9_037, 0, 0, 0]);
        let before = causeway.get(DUPLICATES).expect(200).json();
        assert_eq!(counts(&import_volume(&other, &workbook, Options::default())), [0, 0, 9_037, 0]);
        assert_eq!(causeway.get(DUPLICATES).expect(200).json(), before, "the same source again makes nothing twice");
        assert!(before["total"]["value"].as_i64().is_some_and(|count| count > 0));
        for candidate in before["items"].as_array().unwrap() {
            let evidence = candidate["evidence"].as_array().unwrap();
            assert!(evidence.iter().any(|one| one["kind"] != "names_alike"), "{candidate}");
        }
        let (name, phone, zip) = some_facility(&workbook);
        let own_name = format!("The {}, Inc.", name.to_uppercase());
        let own = agency(&causeway, &own_name, &zip, &json!({"phone": phone}));
        let found = candidates(&causeway, &format!("organization_id={own}"));
        let first = &found[0];
        assert_eq!((first["organization"]["id"].as_str(), first["other"]["name"].as_str()), (Some(own.as_str()), Some(name.as_str())));
        assert!(first["likeness"].as_f64().is_some_and(|likeness| likeness > 0.9), "{first}");
        let kinds: Vec<&Value> = first["evidence"].as_array().unwrap().iter().map(|one| &one["kind"]).collect();
        assert_eq!(kinds, ["names_alike", "same_phone", "same_postal_code"]);
    }
}
