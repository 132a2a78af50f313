//! Partnerships: what they are made of, and what they do to a search from a school.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Causeway, Offering, ids, on_both};

const DAY: Duration = Duration::from_hours(24);
const NOBODY: &str = "0192d7a0-0000-7000-8000-000000000001";

/// Two districts in Lawrence, each with two schools.
struct Region {
    district: String,
    school: String,
    sister: String,
    other_district: String,
    other_school: String,
}

impl Region {
    fn of(causeway: &Causeway) -> Self {
        let district = |code: &str| causeway.create("/v1/districts", &json!({"name": "D", "code": code}));
        let (district, other_district) = (district("1"), district("2"));
        let at = json!({"latitude": 42.7070, "longitude": -71.1631, "quality": "rooftop"});
        let school = |district: &str, code: &str| {
            let body = json!({"district_id": district, "name": "S", "code": code, "coordinates": at});
            causeway.create("/v1/schools", &body)
        };
        Self {
            school: school(&district, "11"),
            sister: school(&district, "12"),
            other_school: school(&other_district, "21"),
            district,
            other_district,
        }
    }
}

/// An agreement of the offering's organization, which says what `facts` does.
fn partnership(causeway: &Causeway, offering: &Offering, facts: Value) -> String {
    let mut body = json!({"organization_id": offering.organization});
    let (Value::Object(fields), Value::Object(facts)) = (&mut body, facts) else { panic!("objects") };
    fields.extend(facts);
    causeway.create("/v1/partnerships", &body)
}

/// An offering that is only given in schools, and has none of its own.
fn in_school(causeway: &Causeway) -> Offering {
    let placed = causeway.offering(json!({}));
    let body = json!({"service_id": placed.service, "grain": "team", "modalities": ["in_school"]});
    let id = causeway.create("/v1/offerings", &body);
    causeway.delete(&format!("/v1/offerings/{}", placed.id), "*").expect(204);
    Offering { id, ..placed }
}

fn from(causeway: &Causeway, school: &str) -> Vec<String> {
    causeway.found(&format!("school={school}"))
}

/// The share of the relationship in the first hit's score, and its sentence.
fn relationship(causeway: &Causeway, school: &str) -> (f64, String) {
    let answer = causeway.get(&format!("/v1/search?school={school}&explain=true")).expect(200).json();
    let factors = answer["items"][0]["explanation"]["factors"].as_array().unwrap().clone();
    let factor = factors.iter().find(|factor| factor["factor"] == "relationship").unwrap();
    (factor["utility"].as_f64().unwrap(), factor["reason"].as_str().unwrap().to_owned())
}

on_both! {
    fn a_partnership_is_refused_with_the_place_of_every_fault(causeway) {
        let region = Region::of(&causeway);
        let (one, another) = (causeway.offering(json!({})), causeway.offering(json!({})));
        let organization = &one.organization;
        for (body, pointers) in [
            (json!({"organization_id": organization}), vec!["/district_id"]),
            (json!({"organization_id": organization, "schools": []}), vec!["/district_id"]),
            (json!({"organization_id": NOBODY, "district_id": NOBODY}), vec!["/organization_id", "/district_id"]),
            (json!({"organization_id": organization, "schools": [region.school, NOBODY]}), vec!["/schools/1"]),
            (json!({"organization_id": organization, "schools": [region.school, region.school]}), vec!["/schools/1"]),
            (
                json!({"organization_id": organization, "schools": [region.school], "begins_on": "2026-09-01", "ends_on": "2026-08-31"}),
                vec!["/ends_on"],
            ),
            (json!({"organization_id": organization, "schools": [region.school], "begins_on": "soon"}), vec!["/begins_on"]),
            (json!({"organization_id": organization, "schools": [region.school], "reserved": true}), vec!["/services"]),
            (
                json!({"organization_id": organization, "schools": [region.school], "services": [one.service, another.service]}),
                vec!["/services/1"],
            ),
        ] {
            let refused = causeway.post("/v1/partnerships", &body).expect(400);
            let places: Vec<String> = refused.errors().into_iter().map(|(place, _)| place).collect();
            assert_eq!(places, pointers, "{body}: {}", refused.text);
        }
        let id = partnership(&causeway, &one, json!({"schools": [region.school], "services": [one.service]}));
        let item = format!("/v1/partnerships/{id}");
        let refused = causeway.patch(&item, "\"1\"", &json!({"services": [one.service, another.service]})).expect(400);
        assert_eq!(refused.errors()[0].0, "/services/1");
        assert!(refused.errors()[0].1.contains("another organization"), "{}", refused.text);
        let refused = causeway.patch(&item, "\"1\"", &json!({"organization_id": another.organization})).expect(400);
        assert_eq!(refused.errors()[0].0, "/services/0");
        causeway.patch(&item, "\"1\"", &json!({"organization_id": another.organization, "services": [another.service]})).expect(200);
        causeway.patch(&format!("/v1/services/{}", another.service), "\"1\"", &json!({"organization_id": one.organization})).expect(200);
        // What was right once must not keep the rest from being mended.
        causeway.patch(&item, "\"2\"", &json!({"notes": "Renewed by letter."})).expect(200);
    }
}

on_both! {
    fn partnerships_are_listed_by_organization_and_by_district(causeway) {
        let region = Region::of(&causeway);
        let (one, another) = (causeway.offering(json!({})), causeway.offering(json!({})));
        let first = partnership(&causeway, &one, json!({"district_id": region.district}));
        let second = partnership(&causeway, &another, json!({"district_id": region.district}));
        let third = partnership(&causeway, &another, json!({"schools": [region.other_school]}));
        let listed = |query: &str| -> Vec<String> {
            let list = causeway.get(&format!("/v1/partnerships?{query}")).expect(200).json();
            list["items"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(listed(&format!("district_id={}", region.district)), [first.clone(), second.clone()]);
        assert_eq!(listed(&format!("organization_id={}", another.organization)), [second.clone(), third]);
        causeway.delete(&format!("/v1/partnerships/{second}"), "\"1\"").expect(204);
        assert_eq!(listed(&format!("district_id={}", region.district)), [first]);
    }
}

on_both! {
    fn only_a_collaborative_has_members_and_never_itself(causeway) {
        let member = causeway.create("/v1/districts", &json!({"name": "D", "code": "1", "kind": "district"}));
        let refused = |body: &Value| {
            let errors = causeway.post("/v1/districts", body).expect(400).errors();
            errors.into_iter().map(|(place, _)| place).collect::<Vec<_>>()
        };
        assert_eq!(refused(&json!({"name": "C", "code": "2", "kind": "district", "members": [member]})), ["/members"]);
        assert_eq!(refused(&json!({"name": "C", "code": "2", "members": [member]})), ["/members"]);
        assert_eq!(refused(&json!({"name": "C", "code": "2", "kind": "college"})), ["/kind"]);
        assert_eq!(
            refused(&json!({"name": "C", "code": "2", "kind": "collaborative", "members": [member, member, NOBODY]})),
            ["/members/1", "/members/2"]
        );
        let organization = causeway.create("/v1/organizations", &json!({"name": "C", "engagement": "enrolled"}));
        let body = json!({"name": "C", "code": "2", "kind": "collaborative", "organization_id": organization, "members": [member]});
        let collaborative = causeway.create("/v1/districts", &body);
        let item = format!("/v1/districts/{collaborative}");
        let itself = causeway.patch(&item, "\"1\"", &json!({"members": [member, collaborative]})).expect(400);
        assert_eq!(itself.errors()[0], ("/members/1".to_owned(), "is this district itself".to_owned()));
        let list = causeway.get("/v1/districts?kind=collaborative").expect(200).json();
        assert_eq!((list["total"]["value"].as_u64(), list["items"][0]["id"].as_str()), (Some(1), Some(collaborative.as_str())));
        assert_eq!(causeway.get("/v1/districts?kind=college").expect(400).errors()[0].0, "kind");
    }
}

on_both! {
    fn a_partner_comes_before_its_equal_for_its_school_and_for_no_other(causeway) {
        let region = Region::of(&causeway);
        let stranger = causeway.offering(json!({}));
        let partner = causeway.offering(json!({}));
        let by_id = [stranger.id.clone(), partner.id.clone()];
        let partner_first = [partner.id.clone(), stranger.id.clone()];
        assert_eq!(from(&causeway, &region.school), by_id);
        let facts = json!({"schools": [region.school], "begins_on": "2025-09-01", "transport_provided": true});
        let id = partnership(&causeway, &partner, facts);
        assert_eq!(from(&causeway, &region.school), partner_first);
        assert_eq!(from(&causeway, &region.sister), by_id);
        let told = relationship(&causeway, &region.school);
        assert_eq!(told, (1.0, "partner of the school since 2025-09-01: transport provided".to_owned()));
        let told = relationship(&causeway, &region.sister);
        assert_eq!(told, (0.0, "no partnership with the school or its district in force today".to_owned()));
        // Without a school nobody can be its partner.
        let near = causeway.get("/v1/search?near=42.7070,-71.1631&explain=true").expect(200);
        assert!(!near.text.contains("relationship"), "{}", near.text);
        let matched = causeway.post("/v1/matches", &json!({"origin": {"school": region.school}})).expect(200).json();
        assert_eq!(ids(&matched), partner_first);

        let whole = json!({"schools": null, "district_id": region.district});
        causeway.patch(&format!("/v1/partnerships/{id}"), "\"1\"", &whole).expect(200);
        assert_eq!(from(&causeway, &region.sister), partner_first);
        assert_eq!(from(&causeway, &region.other_school), by_id);
    }
}

on_both! {
    fn a_partnership_counts_on_its_days_only(causeway) {
        let region = Region::of(&causeway);
        let offering = causeway.offering(json!({}));
        let facts = json!({"district_id": region.district, "begins_on": "2026-11-23", "ends_on": "2026-11-24"});
        partnership(&causeway, &offering, facts);
        let utilities: Vec<f64> = (0..4)
            .map(|_| {
                let (utility, _) = relationship(&causeway, &region.school);
                causeway.clock.advance(DAY);
                utility
            })
            .collect();
        assert_eq!(utilities, [0.0, 1.0, 1.0, 0.0]);
    }
}

on_both! {
    fn what_is_reserved_is_found_from_partner_schools_only_while_the_partnership_lasts(causeway) {
        let region = Region::of(&causeway);
        let offering = causeway.offering(json!({}));
        let near = "near=42.7070,-71.1631";
        let facts = json!({
            "schools": [region.school], "services": [offering.service], "reserved": true, "ends_on": "2026-11-22"
        });
        let id = partnership(&causeway, &offering, facts);
        assert_eq!(from(&causeway, &region.school), [offering.id.as_str()]);
        assert!(from(&causeway, &region.sister).is_empty());
        assert!(causeway.found(near).is_empty(), "an unknown school never satisfies");
        let answer = causeway.get(&format!("/v1/search?school={}", region.school)).expect(200);
        assert!(answer.text.contains("reserved for students of partner schools"), "{}", answer.text);

        // A second agreement lets another district in; either will do.
        let second = json!({"district_id": region.other_district, "services": [offering.service], "reserved": true});
        let second = partnership(&causeway, &offering, second);
        for (school, there) in [(&region.school, true), (&region.sister, false), (&region.other_school, true)] {
            assert_eq!(!from(&causeway, school).is_empty(), there);
        }
        causeway.delete(&format!("/v1/partnerships/{second}"), "\"1\"").expect(204);
        assert!(from(&causeway, &region.other_school).is_empty());

        causeway.clock.advance(DAY);
        assert_eq!(causeway.found(near), [offering.id.as_str()], "what has ended keeps nobody out");
        causeway.patch(&format!("/v1/partnerships/{id}"), "\"1\"", &json!({"ends_on": null})).expect(200);
        assert!(causeway.found(near).is_empty());
        // Another service of the organization is not reserved by it.
        let body = json!({"organization_id": offering.organization, "name": "Groups", "status": "active", "audience": ["students"]});
        let groups = causeway.create("/v1/services", &body);
        let body = json!({"service_id": groups, "location_id": offering.location, "grain": "team"});
        let free = causeway.create("/v1/offerings", &body);
        assert_eq!(causeway.found(near), [free]);
    }
}

on_both! {
    fn what_is_given_in_schools_is_reached_in_those_that_a_partnership_covers(causeway) {
        let region = Region::of(&causeway);
        let offering = in_school(&causeway);
        assert!(from(&causeway, &region.school).is_empty());
        let id = partnership(&causeway, &offering, json!({"schools": [region.school], "space_in_school": true}));
        let answer = causeway.get(&format!("/v1/search?school={}", region.school)).expect(200).json();
        assert_eq!(ids(&answer), [offering.id.as_str()]);
        assert_eq!(answer["items"][0]["reached"], "in_school");
        assert_eq!(answer["items"][0]["travel_minutes"], 0.0);
        assert_eq!(answer["total"]["value"], 1);
        assert!(from(&causeway, &region.sister).is_empty());
        let whole = json!({"schools": null, "district_id": region.district});
        causeway.patch(&format!("/v1/partnerships/{id}"), "\"1\"", &whole).expect(200);
        for (school, there) in [(&region.school, true), (&region.sister, true), (&region.other_school, false)] {
            assert_eq!(!from(&causeway, school).is_empty(), there);
        }
        causeway.patch(&format!("/v1/partnerships/{id}"), "\"2\"", &json!({"ends_on": "2026-11-21"})).expect(200);
        assert!(from(&causeway, &region.school).is_empty());
    }
}

on_both! {
    fn an_agreement_with_a_collaborative_covers_the_schools_of_its_members(causeway) {
        let region = Region::of(&causeway);
        let offering = in_school(&causeway);
        let body = json!({"name": "C", "code": "9", "kind": "collaborative", "members": [region.district]});
        let collaborative = causeway.create("/v1/districts", &body);
        let facts = json!({"district_id": collaborative, "services": [offering.service], "reserved": true});
        partnership(&causeway, &offering, facts);
        assert_eq!(from(&causeway, &region.school), [offering.id.as_str()]);
        assert!(from(&causeway, &region.other_school).is_empty());
        assert_eq!(relationship(&causeway, &region.school), (1.0, "partner of a collaborative of the district".to_owned()));

        // Who belongs to it is looked up with each question.
        let item = format!("/v1/districts/{collaborative}");
        causeway.patch(&item, "\"1\"", &json!({"members": [region.other_district]})).expect(200);
        assert!(from(&causeway, &region.school).is_empty());
        assert_eq!(from(&causeway, &region.other_school), [offering.id.as_str()]);
        causeway.delete(&item, "\"2\"").expect(204);
        assert!(from(&causeway, &region.other_school).is_empty());
    }
}

on_both! {
    fn a_change_of_a_partnership_is_searchable_in_the_response_that_made_it(causeway) {
        let region = Region::of(&causeway);
        let (one, another) = (in_school(&causeway), in_school(&causeway));
        let id = partnership(&causeway, &one, json!({"district_id": region.district}));
        let item = format!("/v1/partnerships/{id}");
        assert_eq!(from(&causeway, &region.school), [one.id.as_str()]);
        causeway.patch(&item, "\"1\"", &json!({"organization_id": another.organization})).expect(200);
        assert_eq!(from(&causeway, &region.school), [another.id.as_str()], "the one before has lost it");
        causeway.patch(&item, "\"2\"", &json!({"services": [another.service]})).expect(200);
        assert_eq!(from(&causeway, &region.school), [another.id.as_str()]);
        // The service goes to another organization, and leaves the agreement behind.
        let service = format!("/v1/services/{}", another.service);
        causeway.patch(&service, "\"1\"", &json!({"organization_id": one.organization})).expect(200);
        assert!(from(&causeway, &region.school).is_empty());
        causeway.patch(&service, "\"2\"", &json!({"organization_id": another.organization})).expect(200);
        assert_eq!(from(&causeway, &region.school), [another.id.as_str()]);
        // A school that changes its district takes that district's partners.
        let school = format!("/v1/schools/{}", region.other_school);
        assert!(from(&causeway, &region.other_school).is_empty());
        causeway.patch(&school, "\"1\"", &json!({"district_id": region.district})).expect(200);
        assert_eq!(from(&causeway, &region.other_school), [another.id.as_str()]);
        causeway.delete(&item, "\"3\"").expect(204);
        assert!(from(&causeway, &region.school).is_empty());
    }
}

on_both! {
    fn the_finder_is_loaded_with_the_partnerships_that_are_there(causeway) {
        let region = Region::of(&causeway);
        let offering = in_school(&causeway);
        let retired = partnership(&causeway, &offering, json!({"schools": [region.sister]}));
        partnership(&causeway, &offering, json!({"schools": [region.school]}));
        causeway.delete(&format!("/v1/partnerships/{retired}"), "\"1\"").expect(204);
        let mut causeway = causeway;
        let app = causeway::app::App::new(causeway.store().clone()).unwrap();
        causeway.change(|context| context.app = app);
        causeway.context().app.load().unwrap();
        assert_eq!(from(&causeway, &region.school), [offering.id.as_str()]);
        assert!(from(&causeway, &region.sister).is_empty());
    }
}
