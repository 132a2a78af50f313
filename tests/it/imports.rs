//! Imports through the library, as `causeway import` does them beside a running server.

use std::collections::HashMap;
use std::path::Path;
use std::slice;
use std::sync::{Mutex, mpsc};

use causeway::app::App;
use causeway::directory::{
    Method, OfferingFacts, PostalPlace, Replaced, Voice, centres_of, edit as edit_record, replace_centres,
};
use causeway::exchange::importer::{Options, Summary, import};
use causeway::exchange::{Reading, federal};
use causeway::store::{Change, Noun, Store, StoreOptions};
use causeway::types::{Coordinates, OfferingId, PostalCode};
use serde_json::{Value, json};
use tempfile::tempdir;
use uuid::Uuid;

use crate::support::{Causeway, ids, on_both};
use crate::volume::{Facility, clinic, volume};

const LAWRENCE: &str = "postal_code=01840";
const DRY: Options = Options { dry_run: true, strict: false };
const STRICT: Options = Options { dry_run: false, strict: true };

/// A store of its own on the same database, as another process has.
pub fn beside(causeway: &Causeway) -> Store {
    causeway.another_store(StoreOptions { connections: 2, ..StoreOptions::default() })
}

/// The centres of ZIP codes that the database knows.
pub fn centres(store: &Store) -> HashMap<PostalCode, PostalPlace> {
    store.read_now(centres_of).unwrap()
}

/// Imports a volume of the federal directory.
pub fn import_volume(store: &Store, path: &Path, options: Options) -> Summary {
    let centres = centres(store);
    let reading = federal::read(path, &|code| centres.get(&code).map(|one| one.at)).unwrap();
    import_reading(store, reading, "federal-directory", options)
}

/// Imports what was read, and sees that the progress adds up.
pub fn import_reading(store: &Store, reading: Reading, source: &str, options: Options) -> Summary {
    let mut done = 0;
    let summary = import(store, reading, source, options, |rows| done += rows).unwrap();
    assert_eq!(done, summary.created + summary.updated + summary.unchanged);
    summary
}

/// Created, updated, unchanged, rejected.
pub fn counts(summary: &Summary) -> [u64; 4] {
    let counts = [summary.created, summary.updated, summary.unchanged, summary.rejected];
    if summary.landed {
        assert_eq!(counts.iter().sum::<u64>(), summary.read, "every row is in one of the counts");
    }
    counts
}

/// Imports these facilities and gives the counts.
#[track_caller]
fn state(store: &Store, facilities: &[Facility]) -> [u64; 4] {
    let folder = tempdir().unwrap();
    counts(&import_volume(store, &volume(folder.path(), "volume.xlsx", facilities), Options::default()))
}

/// The one thing that a list holds, with its ETag.
#[track_caller]
fn only(causeway: &Causeway, path: &str) -> (String, String, Value) {
    let list = causeway.get(path).expect(200).json();
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{path}: {list}");
    let item = format!("{path}/{}", items[0]["id"].as_str().unwrap());
    let answer = causeway.get(&item).expect(200);
    (item, answer.header("etag").unwrap().to_owned(), answer.json())
}

fn total(causeway: &Causeway, path: &str) -> Value {
    causeway.get(path).expect(200).json()["total"]["value"].clone()
}

#[track_caller]
fn edit(causeway: &Causeway, path: &str, patch: &Value) {
    let (item, etag, _) = only(causeway, path);
    causeway.patch(&item, &etag, patch).expect(200);
}

on_both! {
    fn what_an_agency_said_survives_an_import_and_all_else_follows_the_source(causeway) {
        let before = Facility { website: "https://old.example".into(), codes: "MH * OMH * OP * MD * SP * EMDR".into(), ..clinic(1) };
        assert_eq!(state(causeway.store(), slice::from_ref(&before)), [1, 0, 0, 0]);
        edit(&causeway, "/v1/offerings", &json!({"languages": [{"language": "vi", "mode": "provider"}]}));
        edit(&causeway, "/v1/organizations", &json!({"description": "in its own words"}));
        edit(&causeway, "/v1/services", &json!({"url": null}));

        let after = Facility { website: "https://new.example".into(), phone: "978-555-0177".into(), codes: "MH * CMHC * OP * PI * F67".into(), ..before };
        assert_eq!(state(causeway.store(), slice::from_ref(&after)), [0, 1, 0, 0]);
        let (_, _, offering) = only(&causeway, "/v1/offerings");
        assert_eq!(offering["languages"], json!([{"language": "vi", "mode": "provider"}]), "its edit stands");
        assert_eq!(offering["coverage"]["categories"], json!(["commercial"]), "the source says something else");
        assert!(offering.get("practices").is_none(), "the source says it no more: {offering}");
        let (_, _, organization) = only(&causeway, "/v1/organizations");
        assert_eq!((organization["description"].as_str(), organization["facility_type"].as_str()),
            (Some("in its own words"), Some("community_mental_health_center")));
        let (_, _, service) = only(&causeway, "/v1/services");
        assert!(service.get("url").is_none(), "what it took away stays away: {service}");
        assert_eq!(service["phone"], "+19785550177");
        for (query, finds) in [("language=vi", true), ("language=es", false), ("language=pt", false),
                               ("coverage=commercial", true), ("coverage=medicaid", false), ("practice=emdr", false)] {
            assert_eq!(!causeway.found(&format!("{LAWRENCE}&{query}")).is_empty(), finds, "{query}");
        }
        assert_eq!(state(causeway.store(), &[after]), [0, 0, 1, 0], "its edit is no difference to the source");
        edit(&causeway, "/v1/services", &json!({"url": "https://own.example"}));
        assert_eq!(only(&causeway, "/v1/services").2["url"], "https://own.example");
    }
}

on_both! {
    fn a_source_that_says_the_same_makes_no_new_version(causeway) {
        let lines = [clinic(1)];
        assert_eq!(state(causeway.store(), &lines), [1, 0, 0, 0]);
        let nouns = ["organizations", "locations", "services", "offerings", "capacity-pools"];
        let etags = || nouns.map(|noun| only(&causeway, &format!("/v1/{noun}")).1);
        let before = etags();
        let revision = causeway.context().app.revision();
        assert_eq!(state(causeway.store(), &lines), [0, 0, 1, 0]);
        assert_eq!((etags(), causeway.context().app.revision()), (before, revision));
    }
}

on_both! {
    fn a_row_that_is_refused_spoils_no_other_unless_the_import_is_strict(causeway) {
        let folder = tempdir().unwrap();
        let bad = Facility { zip: "12".into(), ..clinic(2) };
        let path = volume(folder.path(), "one-bad.xlsx", &[clinic(1), bad, clinic(3)]);
        let strict = import_volume(causeway.store(), &path, STRICT);
        assert_eq!((counts(&strict), strict.landed), ([0, 0, 0, 1], false));
        assert_eq!(total(&causeway, "/v1/organizations"), 0);
        assert!(causeway.found(LAWRENCE).is_empty());

        let lenient = import_volume(causeway.store(), &path, Options::default());
        assert_eq!((counts(&lenient), lenient.landed), ([2, 0, 0, 1], true));
        assert_eq!((lenient.rejects.len(), lenient.rejects[0].row), (1, 3), "by its row in the sheet");
        assert!(lenient.rejects[0].reason.contains("not a ZIP code"));
        assert!(lenient.rejects[0].content.contains(&("name1".into(), "Clinic 2".into())));
        assert_eq!(causeway.found(LAWRENCE).len(), 2);
        let clean = volume(folder.path(), "clean.xlsx", &[clinic(1), clinic(4)]);
        assert_eq!(counts(&import_volume(causeway.store(), &clean, STRICT)), [1, 0, 1, 0], "strict lands what is clean");
    }
}

on_both! {
    fn a_dry_run_counts_like_the_real_one_and_writes_nothing(causeway) {
        let folder = tempdir().unwrap();
        state(causeway.store(), &[clinic(1), clinic(2)]);
        let changed = Facility { codes: "MH * OP * PI".into(), ..clinic(2) };
        let refused = Facility { street: String::new(), ..clinic(5) };
        // Two rows of one organization: the second states what the first did.
        let another = Facility { street: "9 Elm Street".into(), ..clinic(3) };
        let path = volume(folder.path(), "next.xlsx", &[clinic(1), changed, clinic(3), another, refused]);
        let revision = causeway.context().app.revision();
        let dry = import_volume(causeway.store(), &path, DRY);
        assert_eq!((counts(&dry), dry.read, dry.landed), ([2, 1, 1, 1], 5, false));
        assert_eq!(causeway.context().app.poll().unwrap(), 0);
        assert_eq!((total(&causeway, "/v1/offerings"), causeway.context().app.revision()), (json!(2), revision));
        let real = import_volume(causeway.store(), &path, Options::default());
        assert_eq!(Summary { landed: true, ..dry }, real);
        assert_eq!((total(&causeway, "/v1/offerings"), total(&causeway, "/v1/organizations")), (json!(4), json!(3)));
    }
}

on_both! {
    fn what_was_retired_stays_retired_when_the_source_says_it_again(causeway) {
        state(causeway.store(), &[clinic(1)]);
        let (organization, etag, _) = only(&causeway, "/v1/organizations");
        causeway.delete(&organization, &etag).expect(204);
        assert!(causeway.found(LAWRENCE).is_empty());
        assert_eq!(state(causeway.store(), &[clinic(1)]), [0, 0, 1, 0]);
        let changed = Facility { codes: "MH * OP * PI * CMHC".into(), ..clinic(1) };
        assert_eq!(state(causeway.store(), &[changed]), [0, 1, 0, 0]);
        assert_eq!(total(&causeway, "/v1/organizations"), 0);
        assert!(causeway.found(LAWRENCE).is_empty());
        assert!(causeway.get(&organization).expect(200).json()["retired_at"].is_string());
        let restarted = App::new(causeway.store().clone()).unwrap();
        restarted.load().unwrap();
        assert_eq!(restarted.indexed(), 0, "nor is it found after a restart");
    }
}

on_both! {
    fn what_another_process_imports_is_found_after_a_poll_and_applied_once(causeway) {
        let (folder, other) = (tempdir().unwrap(), beside(&causeway));
        let first = volume(folder.path(), "first.xlsx", &[clinic(1), clinic(2)]);
        assert_eq!(counts(&import_volume(&other, &first, Options::default())), [2, 0, 0, 0]);
        assert!(causeway.found(LAWRENCE).is_empty(), "a search between says what was known");
        assert_eq!(causeway.context().app.poll().unwrap(), 10, "two rows state five things each");
        assert_eq!(causeway.found(LAWRENCE).len(), 2);
        let revision = causeway.context().app.revision();
        assert_eq!((causeway.context().app.poll().unwrap(), causeway.context().app.revision()), (0, revision));

        let second = volume(folder.path(), "second.xlsx", &[Facility { codes: "MH * OP * F67".into(), ..clinic(1) }, clinic(3)]);
        assert_eq!(counts(&import_volume(&other, &second, Options::default())), [1, 1, 0, 0]);
        assert!(causeway.found(&format!("{LAWRENCE}&language=pt")).is_empty());
        // A change of our own between is right at once, takes along what it touches, and is not applied again. Where the
        // machine was slow, a writer has followed the others before it, so that it is the index that is counted.
        let before = causeway.context().app.index_revision();
        let own = causeway.create("/v1/organizations", &json!({"name": "Our own", "engagement": "listed"}));
        assert!(!own.is_empty());
        assert_eq!(causeway.found(&format!("{LAWRENCE}&language=es")).len(), 2);
        causeway.context().app.poll().unwrap();
        let applied = causeway.context().app.index_revision() - before;
        assert_eq!(applied, 2, "one offering changed and one is new, each once");
        assert_eq!(causeway.context().app.poll().unwrap(), 0);
        assert_eq!(causeway.found(&format!("{LAWRENCE}&language=pt")).len(), 1);
        assert_eq!(causeway.found(&format!("{LAWRENCE}&language=es")).len(), 2);
    }
}

/// Begins to edit the offering in another process, lets `meanwhile` run, and commits. PostgreSQL alone has
/// several writers at once.
fn edited_across(causeway: &Causeway, offering: &str, changes: usize, meanwhile: impl FnOnce()) {
    let (written, is_written) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let may_go_on = Mutex::new(may_go_on);
    let (slow, id) = (beside(causeway), offering.parse::<OfferingId>().unwrap());
    let writer = std::thread::spawn(move || {
        slow.write_now(|tx| {
            let voice = Voice { method: Method::Agency, source: "api".into(), by: "another process".into() };
            let patch = json!({"languages": [{"language": "pt", "mode": "provider"}]});
            let edited = edit_record::<OfferingFacts>(tx, id, Some(1), &patch, &voice)?;
            for _ in 1..changes {
                tx.changed(Change { noun: Noun::School, subject: Uuid::nil(), version: edited.version })?;
            }
            written.send(()).unwrap();
            let _ = may_go_on.lock().unwrap().recv();
            Ok(())
        })
    });
    is_written.recv().unwrap();
    // Its numbers in the feed are given out; others commit higher ones before it commits.
    state(&beside(causeway), &[clinic(1)]);
    meanwhile();
    go_on.send(()).unwrap();
    writer.join().unwrap().unwrap();
}

#[test]
fn what_was_begun_before_the_finder_is_loaded_and_committed_after_it_is_found_on_postgres() {
    let Some(mut causeway) = Causeway::on_postgres() else { return };
    let offering = causeway.offering(json!({})).id;
    let restarted = App::new(beside(&causeway)).unwrap();
    edited_across(&causeway, &offering, 2_500, || _ = restarted.load().unwrap());
    assert!(restarted.poll().unwrap() >= 2_500, "it may begin a little before the end, never behind it");
    causeway.change(|context| context.app = restarted);
    assert_eq!(causeway.found(&format!("{LAWRENCE}&language=pt")), [offering]);
}

#[test]
fn a_long_transaction_that_commits_late_is_found_whole_on_postgres() {
    let Some(causeway) = Causeway::on_postgres() else { return };
    let offering = causeway.offering(json!({})).id;
    edited_across(&causeway, &offering, 2_500, || _ = causeway.context().app.poll().unwrap());
    assert_eq!(causeway.context().app.poll().unwrap(), 2_500);
    assert_eq!(causeway.found(&format!("{LAWRENCE}&language=pt")), [offering]);
}

on_both! {
    fn better_centres_place_anew_what_stands_at_one_and_nothing_else(causeway) {
        let at_zip = causeway.offering(json!({}));
        let location = format!("/v1/locations/{}", at_zip.location);
        causeway.patch(&location, "\"1\"", &json!({"coordinates": null, "postal_code": "01840"})).expect(200);
        let stated = causeway.offering(json!({}));
        let fixed = format!("/v1/locations/{}", stated.location);
        causeway.patch(&fixed, "\"1\"", &json!({"postal_code": "01840"})).expect(200);
        let school = causeway.create("/v1/schools", &json!({"code": "77", "name": "S", "postal_code": "01840"}));
        state(causeway.store(), &[clinic(1)]);
        let etag = |path: &str| causeway.get(path).expect(200).header("etag").unwrap().to_owned();
        let distances = || -> HashMap<String, f64> {
            let answer = causeway.get("/v1/search?near=42.7070,-71.1631&radius_km=200").expect(200).json();
            let km = answer["items"].as_array().unwrap().iter().map(|item| item["distance_km"].as_f64().unwrap());
            ids(&answer).into_iter().zip(km).collect()
        };
        let before = (distances(), etag(&location), etag(&fixed), etag(&format!("/v1/schools/{school}")));
        assert!(before.0[&at_zip.id] < 5.0 && before.0[&stated.id] < 0.01, "{before:?}");

        let code: PostalCode = "01840".parse().unwrap();
        let moved = PostalPlace { at: Coordinates::new(43.7070, -71.1631).unwrap(), state: None, county: None, postal_code: code };
        let known = centres(causeway.store())[&code].clone();
        let other = beside(&causeway);
        let places = vec![moved.clone()];
        let replaced = other.write_now(move |tx| replace_centres(tx, &places)).unwrap();
        assert_eq!(replaced, Replaced { updated: 1, placed_anew: 3, ..Replaced::default() });
        assert_eq!(causeway.context().app.poll().unwrap(), 3, "what was imported stands at a centre too");
        let after = distances();
        assert!((after[&at_zip.id] - 111.19).abs() < 0.1, "one degree to the north: {after:?}");
        assert_eq!(after[&stated.id], before.0[&stated.id]);
        assert_ne!(etag(&location), before.1, "what a client has kept is out of date");
        assert_ne!(etag(&format!("/v1/schools/{school}")), before.3);
        assert_eq!(etag(&fixed), before.2);
        let shown = causeway.get(&location).expect(200).json()["coordinates"].clone();
        assert_eq!((shown["latitude"].as_f64(), shown["quality"].as_str()), (Some(43.7070), Some("postal_code")));
        let kept = centres(causeway.store())[&code].clone();
        assert_eq!((kept.state, kept.county), (known.state, known.county), "a list without them says nothing of them");

        let places = vec![moved];
        let again = other.write_now(move |tx| replace_centres(tx, &places)).unwrap();
        assert_eq!(again, Replaced { unchanged: 1, ..Replaced::default() });
        assert_eq!(causeway.context().app.poll().unwrap(), 0);
    }
}
