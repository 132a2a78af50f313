//! One organization merged into another, and taken out again.

use std::slice;
use std::time::Duration;

use actix_web::test::TestRequest;
use causeway::app::App;
use serde_json::{Value, json};

use crate::imports::{beside, counts, import_volume};
use crate::support::{Answer, Causeway, on_both};
use crate::volume::{Facility, clinic, volume};
use causeway::access::{Role, Tie};
use causeway::exchange::importer::Options;

const LAWRENCE: &str = "postal_code=01840";
const NOWHERE: &str = "0192d7a0-0000-7000-8000-000000000001";

fn item(id: &str) -> String {
    format!("/v1/organizations/{id}")
}

fn merging(id: &str, into: &str) -> TestRequest {
    TestRequest::post().uri(&format!("/v1/organizations/{id}/merge")).set_json(json!({"into": into}))
}

/// Merges `id`, whatever its version.
fn merge(causeway: &Causeway, id: &str, into: &str) -> Answer {
    causeway.send(merging(id, into).insert_header(("If-Match", "*")))
}

fn unmerge(causeway: &Causeway, id: &str) -> Answer {
    causeway.send(TestRequest::post().uri(&format!("/v1/organizations/{id}/unmerge")))
}

fn location(answer: &Answer) -> Option<&str> {
    answer.header("location")
}

/// The ids that a list gives.
#[track_caller]
fn listed(causeway: &Causeway, path: &str) -> Vec<String> {
    let list = causeway.get(path).expect(200).json();
    let items = list["items"].as_array().unwrap();
    assert_eq!(list["total"]["value"], items.len());
    items.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

/// The organization that a search shows for each offering.
#[track_caller]
fn shown_with(causeway: &Causeway) -> Vec<(String, String)> {
    let answer = causeway.get(&format!("/v1/search?{LAWRENCE}&limit=100")).expect(200).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut shown: Vec<(String, String)> = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (text(&one["offering"]["id"]), text(&one["organization"]["id"])))
        .collect();
    shown.sort();
    shown
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort();
    ids
}

/// Everything that the directory and a search show, without versions and when they changed.
fn everything(causeway: &Causeway) -> Value {
    fn plain(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for changing in ["version", "updated_at", "revision"] {
                    fields.remove(changing);
                }
                fields.values_mut().for_each(plain);
            }
            Value::Array(items) => items.iter_mut().for_each(plain),
            _ => {}
        }
    }
    let nouns = ["organizations", "services", "locations", "capacity-pools", "offerings"];
    let mut paths: Vec<String> = nouns.iter().map(|noun| format!("/v1/{noun}?limit=100")).collect();
    paths.push(format!("/v1/search?{LAWRENCE}&limit=100"));
    for organization in listed(causeway, "/v1/organizations?limit=100") {
        paths.push(item(&organization));
        paths.push(format!("{}/assertions", item(&organization)));
        paths.extend(nouns[1..4].iter().map(|noun| format!("/v1/{noun}?organization_id={organization}")));
    }
    let mut all: Value =
        paths.iter().map(|path| (path.clone(), causeway.get(path).expect(200).json())).collect();
    plain(&mut all);
    all
}

on_both! {
    fn what_is_merged_redirects_and_reads_as_its_survivor(causeway) {
        let (old, survivor) = (causeway.offering(json!({})), causeway.offering(json!({})));
        causeway.patch(&item(&survivor.organization), "\"1\"", &json!({"name": "Heron House"})).expect(200);
        for one in [&old, &survivor] {
            let place = format!("/v1/locations/{}", one.location);
            causeway.patch(&place, "\"1\"", &json!({"organization_id": one.organization})).expect(200);
        }
        let merged = merge(&causeway, &old.organization, &survivor.organization).expect(200);
        assert_eq!((merged.json()["id"].as_str(), merged.header("etag")), (Some(survivor.organization.as_str()), Some("\"3\"")));
        assert_eq!(causeway.get(&item(&survivor.organization)).expect(200).json(), merged.json());

        for tail in ["", "/assertions"] {
            let moved = causeway.get(&format!("{}{tail}", item(&old.organization))).expect(307);
            assert_eq!(location(&moved), Some(format!("{}{tail}", item(&survivor.organization)).as_str()));
        }
        let mut expected = vec![(old.id.clone(), survivor.organization.clone()), (survivor.id.clone(), survivor.organization.clone())];
        expected.sort();
        assert_eq!(shown_with(&causeway), expected);
        let answer = causeway.get(&format!("/v1/search?{LAWRENCE}")).expect(200).json();
        assert!(answer["items"].as_array().unwrap().iter().all(|one| one["organization"]["name"] == "Heron House"), "{answer}");

        assert_eq!(listed(&causeway, "/v1/organizations"), slice::from_ref(&survivor.organization));
        assert_eq!(listed(&causeway, "/v1/organizations?include_retired=true").len(), 1);
        for id in [&survivor.organization, &old.organization] {
            let of = |noun: &str| listed(&causeway, &format!("/v1/{noun}?organization_id={id}"));
            assert_eq!(of("services"), sorted(vec![old.service.clone(), survivor.service.clone()]));
            assert_eq!(of("locations"), sorted(vec![old.location.clone(), survivor.location.clone()]));
            assert_eq!(of("capacity-pools").len(), 2);
        }
        let service = causeway.get(&format!("/v1/services/{}", old.service)).expect(200).json();
        assert_eq!(service["organization_id"], old.organization.as_str(), "it names whom it was stated of");

        // What names the old id still comes in, and reads as the survivor's.
        let body = json!({"organization_id": old.organization, "name": "Later", "status": "active", "audience": ["students"]});
        let later = causeway.create("/v1/services", &body);
        let offering = causeway.create("/v1/offerings", &json!({"service_id": later, "location_id": old.location, "grain": "team"}));
        assert!(shown_with(&causeway).contains(&(offering, survivor.organization.clone())));
    }
}

on_both! {
    fn the_survivor_is_folded_from_what_was_said_of_both_and_each_statement_names_its_subject(causeway) {
        let old = causeway.create("/v1/organizations", &json!({"name": "Old", "engagement": "listed", "email": "old@example.org", "description": "only the old one says so"}));
        let survivor = causeway.create("/v1/organizations", &json!({"name": "New", "engagement": "enrolled", "email": "new@example.org"}));
        let own = causeway.get(&format!("{}/assertions", item(&old))).expect(200).json();
        assert_eq!(own["items"][0]["subject_id"], old.as_str());
        causeway.clock.advance(Duration::from_secs(1));
        causeway.patch(&item(&old), "*", &json!({"email": "later@example.org"})).expect(200);
        let merged = merge(&causeway, &old, &survivor).expect(200).json();
        assert_eq!((&merged["name"], &merged["email"]), (&json!("New"), &json!("new@example.org")), "its own stands, though the other was later");
        assert_eq!(merged["description"], "only the old one says so");
        let said = causeway.get(&format!("{}/assertions", item(&survivor))).expect(200).json();
        let subjects: Vec<&str> = said["items"].as_array().unwrap().iter().map(|one| one["subject_id"].as_str().unwrap()).collect();
        assert_eq!(subjects, [old.as_str(), survivor.as_str(), old.as_str()], "all, in the order of time");

        // An edit is said of the survivor, and takes away also what only the other said.
        let changed = causeway.patch(&item(&survivor), "*", &json!({"description": null, "name": "Newer"})).expect(200).json();
        assert!(changed.get("description").is_none() && changed["name"] == "Newer", "{changed}");
        let said = causeway.get(&format!("{}/assertions", item(&survivor))).expect(200).json();
        let last = said["items"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&last["subject_id"], &last["facts"]), (&json!(survivor), &json!({"description": null, "name": "Newer"})));

        let apart = unmerge(&causeway, &old).expect(200);
        assert_eq!((&apart.json()["description"], &apart.json()["email"]), (&json!("only the old one says so"), &json!("later@example.org")));
        assert_eq!(causeway.get(&item(&survivor)).expect(200).json()["name"], "Newer", "what was said since stays with whom it was said of");
        let said = causeway.get(&format!("{}/assertions", item(&old))).expect(200).json();
        assert_eq!(said["items"].as_array().unwrap().len(), 2);
    }
}

on_both! {
    fn an_import_of_the_merged_one_goes_on_and_does_not_undo_the_merge(causeway) {
        let folder = tempfile::tempdir().unwrap();
        let import = |facilities: &[Facility]| {
            counts(&import_volume(causeway.store(), &volume(folder.path(), "volume.xlsx", facilities), Options::default()))
        };
        assert_eq!(import(&[clinic(1)]), [1, 0, 0, 0]);
        let listed_one = listed(&causeway, "/v1/organizations").remove(0);
        let own = causeway.create("/v1/organizations", &json!({"name": "Clinic One", "engagement": "enrolled"}));
        merge(&causeway, &listed_one, &own).expect(200);
        let facility_type = |causeway: &Causeway| causeway.get(&item(&own)).expect(200).json()["facility_type"].clone();
        assert_eq!(facility_type(&causeway), Value::Null);

        assert_eq!(import(&[clinic(1)]), [0, 0, 1, 0], "the same again is no change");
        // It states the organization anew, and another facility of it.
        let changed = Facility { codes: "MH * CMHC * OP * MD * SP * CHLD".into(), ..clinic(1) };
        let second = Facility { street: "9 Elm Street".into(), ..changed.clone() };
        assert_eq!(import(&[changed.clone(), second]), [1, 1, 0, 0]);
        assert_eq!(facility_type(&causeway), "community_mental_health_center");
        assert_eq!(causeway.get(&item(&own)).expect(200).json()["name"], "Clinic One", "the agency's word stands");
        assert_eq!(location(&causeway.get(&item(&listed_one)).expect(307)), Some(item(&own).as_str()));
        assert_eq!(listed(&causeway, "/v1/organizations"), slice::from_ref(&own));
        assert_eq!(listed(&causeway, &format!("/v1/services?organization_id={own}")).len(), 2);
        assert!(shown_with(&causeway).iter().all(|(_, organization)| *organization == own));
        assert_eq!(shown_with(&causeway).len(), 2);

        let apart = unmerge(&causeway, &listed_one).expect(200).json();
        assert_eq!((&apart["name"], &apart["facility_type"]), (&json!("Clinic 1"), &json!("community_mental_health_center")));
        assert_eq!(facility_type(&causeway), Value::Null);
        assert_eq!(listed(&causeway, &format!("/v1/services?organization_id={listed_one}")).len(), 2);
        assert!(listed(&causeway, &format!("/v1/services?organization_id={own}")).is_empty());
    }
}

on_both! {
    fn taken_apart_both_are_exactly_as_before(causeway) {
        let (old, survivor) = (causeway.offering(json!({"name": "a"})), causeway.offering(json!({"name": "b"})));
        let facts = json!({"email": "old@example.org", "website": "https://old.example.org", "holidays": ["2026-12-25"]});
        causeway.patch(&item(&old.organization), "*", &facts).expect(200);
        causeway.patch(&item(&survivor.organization), "*", &json!({"name": "B", "intake_channel": "fax"})).expect(200);
        let before = everything(&causeway);
        causeway.clock.advance(Duration::from_mins(1));
        merge(&causeway, &old.organization, &survivor.organization).expect(200);
        assert_ne!(everything(&causeway), before);
        let versions = |id: &str| causeway.get(&item(id)).expect(200).json()["version"].as_i64().unwrap();
        let merged_version = versions(&survivor.organization);
        unmerge(&causeway, &old.organization).expect(200);
        assert_eq!(everything(&causeway), before);
        assert!(versions(&survivor.organization) > merged_version && versions(&old.organization) > 2);
        let restarted = App::new(causeway.store().clone()).unwrap();
        restarted.load().unwrap();
        let mut causeway = causeway;
        causeway.change(|context| context.app = restarted);
        assert_eq!(everything(&causeway), before, "also after a restart");
    }
}

on_both! {
    fn a_chain_of_merges_resolves_to_its_end_and_comes_apart_link_by_link(causeway) {
        let [a, b, c] = ["a", "b", "c"].map(|name| causeway.offering(json!({"name": name})));
        let details = |id: &str, name: &str| causeway.patch(&item(id), "*", &json!({"name": name, "email": format!("{name}@example.org")})).expect(200);
        details(&a.organization, "a");
        causeway.patch(&item(&a.organization), "*", &json!({"description": "of a"})).expect(200);
        details(&b.organization, "b");
        merge(&causeway, &a.organization, &b.organization).expect(200);
        let joined = merge(&causeway, &b.organization, &c.organization).expect(200).json();
        assert_eq!((&joined["name"], &joined["email"], &joined["description"]), (&json!("Agency"), &json!("b@example.org"), &json!("of a")), "the nearer stands before the farther");
        for id in [&a.organization, &b.organization] {
            assert_eq!(location(&causeway.get(&item(id)).expect(307)), Some(item(&c.organization).as_str()));
        }
        assert!(shown_with(&causeway).iter().all(|(_, shown)| *shown == c.organization));
        assert_eq!(listed(&causeway, &format!("/v1/services?organization_id={}", c.organization)).len(), 3);

        let apart = unmerge(&causeway, &b.organization).expect(200).json();
        assert_eq!((&apart["id"], &apart["email"], &apart["description"]), (&json!(b.organization), &json!("b@example.org"), &json!("of a")));
        assert_eq!(location(&causeway.get(&item(&a.organization)).expect(307)), Some(item(&b.organization).as_str()));
        let alone = causeway.get(&item(&c.organization)).expect(200).json();
        assert!(alone.get("email").is_none() && alone.get("description").is_none(), "{alone}");
        merge(&causeway, &b.organization, &c.organization).expect(200);
        // Out of the middle: the end of the chain hears of it.
        unmerge(&causeway, &a.organization).expect(200);
        assert!(causeway.get(&item(&c.organization)).expect(200).json().get("description").is_none());
        assert_eq!(listed(&causeway, &format!("/v1/services?organization_id={}", a.organization)), [a.service]);

        let history = causeway.get(&format!("{}/merges", item(&b.organization))).expect(200).json();
        let ends: Vec<(&str, &str, bool)> = history["items"].as_array().unwrap().iter()
            .map(|one| (one["organization_id"].as_str().unwrap(), one["into_id"].as_str().unwrap(), one.get("undone_at").is_some()))
            .collect();
        let (a, b, c) = (a.organization.as_str(), b.organization.as_str(), c.organization.as_str());
        assert_eq!(ends, [(a, b, true), (b, c, true), (b, c, false)]);
        assert_eq!((&history["items"][0]["merged_by"], &history["items"][0]["undone_by"], &history["items"][0]["merged_at"]), (&json!("operator of the command line"), &json!("operator of the command line"), &json!("2026-11-22T12:00:00Z")));
        causeway.get(&format!("{}/merges", item(NOWHERE))).expect(404);
    }
}

on_both! {
    fn what_cannot_be_merged_is_refused_with_what_would_be_right(causeway) {
        let [a, b, c, retired] = ["A", "B", "C", "D"].map(|name| causeway.create("/v1/organizations", &json!({"name": name, "engagement": "listed"})));
        causeway.delete(&item(&retired), "*").expect(204);
        let conflict = |answer: Answer, advice: &str| {
            assert_eq!((answer.status, answer.json()["code"].as_str()), (409, Some("conflict")), "{}", answer.text);
            let detail = answer.json()["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains(advice), "{detail}");
        };
        conflict(merge(&causeway, &a, &a), "cannot be merged into itself");
        conflict(merge(&causeway, &a, &retired), "merge into one that is not");
        conflict(merge(&causeway, &retired, &a), "is retired");
        conflict(unmerge(&causeway, &a), "is not merged into another one");
        merge(&causeway, &a, &b).expect(200);
        conflict(merge(&causeway, &a, &c), "unmerge it first");
        conflict(merge(&causeway, &b, &a), "unmerge it first to turn the two around");
        conflict(merge(&causeway, &c, &a), &format!("merge into {b}"));
        merge(&causeway, &b, &c).expect(200);
        conflict(merge(&causeway, &c, &a), "turn the two around");
        conflict(causeway.patch(&item(&a), "*", &json!({"name": "X"})), &format!("is merged into {c}; change that one"));
        conflict(causeway.delete(&item(&a), "*"), &format!("is merged into {c}"));

        causeway.send(merging(&c, NOWHERE).insert_header(("If-Match", "*"))).expect(400);
        let misspelt = TestRequest::post().uri(&format!("{}/merge", item(&c))).insert_header(("If-Match", "*"));
        assert_eq!(causeway.send(misspelt.set_json(json!({"in_to": a}))).expect(400).errors()[0].0, "/in_to");
        causeway.send(merging(NOWHERE, &c).insert_header(("If-Match", "*"))).expect(404);
        causeway.send(merging("nonsense", &c).insert_header(("If-Match", "*"))).expect(404);
        unmerge(&causeway, NOWHERE).expect(404);
        let d = causeway.create("/v1/organizations", &json!({"name": "D", "engagement": "listed"}));
        causeway.send(merging(&d, &c)).expect(428);
        causeway.send(merging(&d, &c).insert_header(("If-Match", "\"7\""))).expect(412);
        causeway.send(merging(&d, &c).insert_header(("If-Match", "nonsense"))).expect(400);
        let plain = TestRequest::post().uri(&format!("{}/merge", item(&d))).insert_header(("If-Match", "*"));
        causeway.send(plain.set_payload("{}")).expect(415);
        let staff = causeway.token(Role::AgencyStaff, &Tie::Organization(c.parse().unwrap()));
        causeway.send_as(&staff, merging(&d, &c).insert_header(("If-Match", "*"))).expect(403);
        let unmerging = TestRequest::post().uri(&format!("{}/unmerge", item(&a)));
        causeway.send_as(&staff, unmerging).expect(403);
        causeway.get(&item(&d)).expect(200);
    }
}

on_both! {
    fn a_survivor_that_is_retired_takes_with_it_what_was_merged_and_gives_it_back(causeway) {
        let (old, survivor) = (causeway.offering(json!({})), causeway.offering(json!({})));
        merge(&causeway, &old.organization, &survivor.organization).expect(200);
        causeway.delete(&item(&survivor.organization), "*").expect(204);
        assert!(shown_with(&causeway).is_empty());
        assert_eq!(causeway.context().app.indexed(), 0);
        assert_eq!(location(&causeway.get(&item(&old.organization)).expect(307)), Some(item(&survivor.organization).as_str()));
        unmerge(&causeway, &old.organization).expect(200);
        assert_eq!(shown_with(&causeway), [(old.id, old.organization)]);
    }
}

on_both! {
    fn a_repeated_merge_with_the_same_key_has_one_effect(causeway) {
        let [a, b, c] = ["A", "B", "C"].map(|name| causeway.create("/v1/organizations", &json!({"name": name, "engagement": "listed"})));
        let keyed = |into: &str| causeway.send(merging(&a, into).insert_header(("If-Match", "\"1\"")).insert_header(("Idempotency-Key", "m")));
        let first = keyed(&b).expect(200);
        let again = keyed(&b).expect(200);
        assert_eq!((&again.text, again.header("etag"), again.header("idempotency-replayed")), (&first.text, first.header("etag"), Some("true")));
        keyed(&c).expect(422);
        let undone = || causeway.send(TestRequest::post().uri(&format!("{}/unmerge", item(&a))).insert_header(("Idempotency-Key", "u")));
        let first = undone().expect(200);
        assert_eq!(undone().expect(200).text, first.text);
        let history = causeway.get(&format!("{}/merges", item(&a))).expect(200).json();
        assert_eq!(history["items"].as_array().unwrap().len(), 1);
    }
}

on_both! {
    fn the_finder_of_another_process_sees_a_merge_and_its_undoing(causeway) {
        let (old, survivor) = (causeway.offering(json!({})), causeway.offering(json!({})));
        let app = App::new(beside(&causeway)).unwrap();
        app.load().unwrap();
        let revision = app.revision();
        merge(&causeway, &old.organization, &survivor.organization).expect(200);
        assert_eq!(app.poll().unwrap(), 2, "both organizations");
        assert_ne!(app.revision(), revision, "their offerings are indexed anew");
        causeway.delete(&item(&survivor.organization), "*").expect(204);
        assert_eq!((app.poll().unwrap(), app.indexed()), (1, 0), "what was merged goes with its survivor");
        unmerge(&causeway, &old.organization).expect(200);
        assert_eq!((app.poll().unwrap(), app.indexed()), (2, 1));
        let mut causeway = causeway;
        causeway.change(|context| context.app = app);
        assert_eq!(shown_with(&causeway), [(old.id, old.organization)]);
    }
}

on_both! {
    fn what_a_partnership_of_the_one_says_holds_for_the_services_of_the_other(causeway) {
        let school = causeway.create("/v1/schools", &json!({"code": "77", "name": "S", "postal_code": "01840"}));
        let offering = causeway.offering(json!({"modalities": ["in_school"]}));
        let other = causeway.create("/v1/organizations", &json!({"name": "The same agency", "engagement": "listed"}));
        let partnership = json!({"organization_id": other, "schools": [school], "services": [offering.service]});
        let found = || causeway.found("postal_code=01230&school=77").contains(&offering.id);
        causeway.post("/v1/partnerships", &partnership).expect(400);
        merge(&causeway, &offering.organization, &other).expect(200);
        assert!(!found());
        causeway.create("/v1/partnerships", &partnership);
        assert!(found(), "one agency by two names has one set of agreements");
        unmerge(&causeway, &offering.organization).expect(200);
        assert!(!found(), "taken apart again, each has its own");
    }
}
