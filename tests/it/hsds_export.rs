//! What an export must hold to: the schemas of HSDS, and the folder that it writes into.

use std::fmt::Write as _;

use actix_web::test::TestRequest;
use causeway::exchange::demonstration;
use causeway::exchange::hsds;
use causeway::exchange::importer::Options;
use jsonschema::Validator;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::hsds::{Written, import_json, shared};
use crate::imports::import_volume;
use crate::support::{Causeway, on_both};

/// The compiled schemas of HSDS, one for each file of an export.
struct Schemas(Vec<(&'static str, Validator)>);

impl Schemas {
    fn read() -> Option<Self> {
        let folder = shared("hsds/schema-compiled")?;
        let schema = |name: &str| -> Value {
            serde_json::from_str(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap()
        };
        let validator =
            |schema: &Value| jsonschema::options().should_validate_formats(true).build(schema).unwrap();
        let (organization, service) = (schema("organization.json"), schema("service.json"));
        let at_location = schema("service_at_location.json");
        let term = &service["properties"]["attributes"]["items"]["properties"]["taxonomy_term"];
        Some(Self(vec![
            ("organizations.json", validator(&organization)),
            ("services.json", validator(&service)),
            ("service_at_locations.json", validator(&at_location)),
            ("locations.json", validator(&at_location["properties"]["location"])),
            ("taxonomy_terms.json", validator(term)),
            ("taxonomies.json", validator(&term["properties"]["taxonomy_detail"])),
        ]))
    }

    /// Sees that every object of an export is valid; says how many there were.
    #[track_caller]
    fn hold(&self, written: &Written) -> usize {
        let mut errors = String::new();
        let mut count = 0;
        for (file, validator) in &self.0 {
            for object in written.contents(file) {
                count += 1;
                for error in validator.iter_errors(&object) {
                    _ = writeln!(errors, "{file}: {}: {error}", object["id"]);
                }
            }
        }
        let shown: String = errors.lines().take(20).collect::<Vec<_>>().join("\n");
        assert!(errors.is_empty(), "{} errors:\n{shown}", errors.lines().count());
        count
    }
}

#[test]
fn the_schemas_refuse_what_is_wrong() {
    let Some(schemas) = Schemas::read() else { return };
    let (_, services) = schemas.0.iter().find(|(file, _)| *file == "services.json").unwrap();
    let service = json!({"id": "ac148810-d857-441c-9679-408f346de14b", "name": "S", "status": "active"});
    assert!(services.is_valid(&service));
    for (property, wrong) in
        [("id", json!("7")), ("status", json!("open")), ("url", json!("no url")), ("email", json!(null))]
    {
        let mut service = service.clone();
        service[property] = wrong;
        assert!(!services.is_valid(&service), "{service}");
    }
}

on_both! {
    fn the_export_of_the_demonstration_is_valid_and_carries_live_claims_only(causeway) {
        let Some(schemas) = Schemas::read() else { return };
        demonstration::load(causeway.store()).unwrap();
        let written = Written::of(causeway.store());
        assert!(schemas.hold(&written) > 200);
        let capacities = |written: &Written| -> Vec<Value> {
            let services = written.contents("services.json");
            services.iter().flat_map(|one| one["capacities"].as_array().cloned().unwrap_or_default()).collect()
        };
        let live = capacities(&written);
        assert!(live.len() > 3, "{live:?}");
        let lists = |status: &str| live.iter().filter(|one| one["attributes"][0]["value"] == status).count();
        assert!(lists("capacity") > 0 && lists("waitlist") > 0, "{live:#?}");
        assert!(live.iter().all(|one| one["unit"]["name"] == "opening"));
        causeway.clock.advance(std::time::Duration::from_hours(31 * 24));
        assert_eq!(capacities(&Written::of(causeway.store())), Vec::<Value>::new(), "a month later nobody knows");
    }
}

#[test]
fn the_export_of_the_federal_directory_is_valid() {
    let (Some(schemas), Some(folder)) = (Schemas::read(), shared("federal-directory")) else { return };
    let volume = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut volumes: Vec<_> =
        volume.filter(|path| path.extension().is_some_and(|ending| ending == "xlsx")).collect();
    volumes.sort();
    let causeway = Causeway::on_sqlite();
    for volume in &volumes {
        import_volume(causeway.store(), volume, Options::default());
    }
    let written = Written::of(causeway.store());
    let counted = schemas.hold(&written) as u64;
    assert_eq!(counted, written.exported.files.values().sum::<u64>());
    assert!(written.exported.files["service_at_locations.json"] >= 9_000, "{:?}", written.exported.files);
}

on_both! {
    fn what_is_retired_is_left_out_with_what_hangs_on_it(causeway) {
        let (kept, gone) = (causeway.offering(json!({})), causeway.offering(json!({})));
        let path = format!("/v1/organizations/{}", gone.organization);
        causeway.delete(&path, "\"1\"").expect(204);
        let written = Written::of(causeway.store());
        for (file, id) in [
            ("organizations.json", &kept.organization),
            ("services.json", &kept.service),
            ("service_at_locations.json", &kept.id),
        ] {
            let ids: Vec<Value> = written.contents(file).iter().map(|one| one["id"].clone()).collect();
            assert_eq!(ids, [json!(id)], "{file}");
        }
    }
}

#[test]
fn a_retired_service_goes_from_inside_a_kept_document_too() {
    let causeway = Causeway::on_sqlite();
    let organization = "d9d5e0f5-d3ce-4f73-9a2f-4dd0ecc6c610";
    let service = |id: &str, name: &str| json!({"id": id, "name": name, "status": "active"});
    let (one, other) = ("ac148810-d857-441c-9679-408f346de14b", "bc148810-d857-441c-9679-408f346de14b");
    import_json(
        causeway.store(),
        "organizations.json",
        &json!({"id": organization, "name": "O", "description": "d", "services": [service(one, "A"), service(other, "B")]}),
    );
    causeway.delete(&format!("/v1/services/{one}"), "\"1\"").expect(204);
    let written = Written::of(causeway.store());
    let kept = written.one("organizations.json", &json!(organization));
    assert_eq!(kept["services"], json!([service(other, "B")]));
}

#[test]
fn what_belongs_to_a_merged_organization_leaves_as_its_survivors() {
    let causeway = Causeway::on_sqlite();
    let old = "d9d5e0f5-d3ce-4f73-9a2f-4dd0ecc6c610";
    let kept = "ac148810-d857-441c-9679-408f346de14b";
    let organization = json!({"id": old, "name": "The agency in a directory", "description": "d"});
    import_json(
        causeway.store(),
        "services.json",
        &json!({"id": kept, "name": "A", "status": "active", "organization": organization}),
    );
    let survivor =
        causeway.create("/v1/organizations", &json!({"name": "The agency itself", "engagement": "enrolled"}));
    let merge = TestRequest::post().uri(&format!("/v1/organizations/{old}/merge"));
    causeway.send(merge.insert_header(("If-Match", "*")).set_json(json!({"into": survivor}))).expect(200);
    let written = Written::of(causeway.store());
    assert_eq!(written.contents("organizations.json").len(), 1, "the one that is merged is no other agency");
    let service = written.one("services.json", &json!(kept));
    assert_eq!((&service["organization_id"], service.get("organization")), (&json!(survivor), None));
}

#[test]
fn an_export_replaces_an_earlier_one_whole_and_nothing_else() {
    let causeway = Causeway::on_sqlite();
    demonstration::load(causeway.store()).unwrap();
    let folder = tempdir().unwrap();
    let export = |force| hsds::export(causeway.store(), folder.path(), force, |_| {});
    let first = export(false).unwrap();
    assert_eq!(export(false).unwrap(), first, "its own files are replaced");
    let names = || {
        let mut names: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(
        names(),
        [
            "causeway.json",
            "locations.json",
            "organizations.json",
            "service_at_locations.json",
            "services.json",
            "taxonomies.json",
            "taxonomy_terms.json"
        ]
    );
    std::fs::write(folder.path().join("thesis.docx"), "mine").unwrap();
    let refused = export(false).unwrap_err().to_string();
    assert!(refused.contains("thesis.docx") && refused.contains("--force"), "{refused}");
    export(true).unwrap();
    assert_eq!(std::fs::read_to_string(folder.path().join("thesis.docx")).unwrap(), "mine");
    // Files called like ours, but without the mark, may be somebody else's.
    let other = tempdir().unwrap();
    std::fs::write(other.path().join("services.json"), "{}").unwrap();
    assert!(hsds::export(causeway.store(), other.path(), false, |_| {}).is_err());
    assert_eq!(std::fs::read_to_string(other.path().join("services.json")).unwrap(), "{}");
}
