//! Towns, areas drawn on the map, and where a student lives.

use causeway::app::App;
use causeway::directory::{PostalPlace, in_place, replace_centres, towns_at};
use causeway::exchange::importer::{Options, Summary};
use causeway::exchange::towns;
use causeway::types::{Coordinates, comparable_place};
use serde_json::{Value, json};

use crate::imports::counts;
use crate::published::published;
use crate::support::{Causeway, ids, on_both};

fn rectangle(west: f64, south: f64, east: f64, north: f64) -> Value {
    json!({"type": "Polygon", "coordinates": [
        [[west, south], [east, south], [east, north], [west, north], [west, south]]
    ]})
}

/// About Lawrence: the centres of 01840, 01841 and 01843 lie in it.
fn lawrence() -> Value {
    rectangle(-71.20, 42.66, -71.13, 42.74)
}

fn collection(towns: &[(&str, &str, Value)]) -> Vec<u8> {
    let feature = |(name, state, geometry): &(&str, &str, Value)| json!({"type": "Feature", "properties": {"name": name, "state": state}, "geometry": geometry});
    let features: Vec<Value> = towns.iter().map(feature).collect();
    json!({"type": "FeatureCollection", "features": features}).to_string().into_bytes()
}

fn import_towns(causeway: &Causeway, towns: &[(&str, &str, Value)]) -> Summary {
    let reading = towns::parse(&collection(towns), None).unwrap();
    towns::import(causeway.store(), reading, Options::default(), |_| {}).unwrap()
}

fn import_usual_towns(causeway: &Causeway) {
    let usual = [
        ("LAWRENCE", "MA", lawrence()),
        ("Lawrence", "KS", rectangle(-95.3, 38.9, -95.1, 39.0)),
        ("Salem", "NH", rectangle(-71.30, 42.745, -71.15, 42.85)),
        // One ZIP code's centre and no other lies in it.
        ("Manchester-by-the-Sea", "MA", rectangle(-70.82, 42.55, -70.72, 42.60)),
        // No ZIP code's centre lies in it.
        ("Tiny", "MA", rectangle(-71.3001, 42.4001, -71.3, 42.4002)),
    ];
    assert_eq!(counts(&import_towns(causeway, &usual)), [5, 0, 0, 0]);
}

/// Another offering of the same service, without a place.
fn beside(causeway: &Causeway, service: &str, facts: &Value) -> String {
    let mut body = json!({"service_id": service, "grain": "team"});
    body.as_object_mut().unwrap().extend(facts.as_object().unwrap().clone());
    causeway.create("/v1/offerings", &body)
}

#[track_caller]
fn refused(causeway: &Causeway, query: &str, place: &str, words: &str) {
    let answer = causeway.get(&format!("/v1/search?{query}")).expect(400);
    let errors = answer.errors();
    assert!(errors.iter().any(|(at, text)| at == place && text.contains(words)), "{query}: {}", answer.text);
}

on_both! {
    fn a_search_starts_in_the_middle_of_a_town_however_its_name_is_written(causeway) {
        refused(&causeway, "town=Lawrence", "town", "causeway import towns FILE");
        refused(&causeway, "postal_code=01840&residence=Lawrence", "residence", "causeway import towns FILE");
        import_usual_towns(&causeway);
        let offering = causeway.offering(json!({}));
        for town in ["Lawrence,%20MA", "lawrence,ma", "Town%20of%20LAWRENCE,MA", "L%C3%A1wrence,%20ma"] {
            assert_eq!(causeway.found(&format!("town={town}")), [offering.id.as_str()], "{town}");
        }
        assert!(causeway.found("town=Lawrence,%20KS").is_empty());
        assert!(causeway.found("town=Manchester&radius_km=1").is_empty(), "a name that one state has needs no state");
        let answer = causeway.get("/v1/search?town=Lawrence,%20MA").expect(200).json();
        let middle = Coordinates::new(42.70, -71.165).unwrap();
        let km = middle.distance_km(Coordinates::new(42.7070, -71.1631).unwrap());
        assert!((answer["items"][0]["distance_km"].as_f64().unwrap() - km).abs() < 1e-6);
        let body = json!({"origin": {"town": "Lawrence, MA", "residence": "Salem"}});
        assert_eq!(ids(&causeway.post("/v1/matches", &body).expect(200).json()), [offering.id.as_str()]);

        refused(&causeway, "town=Lawrence", "town", "several states have a town \"Lawrence\"; name the state: Lawrence, KS; Lawrence, MA");
        refused(&causeway, "town=Lawrance,MA", "town", "near it are Lawrence, MA");
        refused(&causeway, "town=Lawrence,NH", "town", "there is no town \"Lawrence\" in NH");
        refused(&causeway, "town=Lawrence,%20Mass", "town", "two letters are needed after the comma");
        refused(&causeway, "town=,MA", "town", "names no town");
        refused(&causeway, &format!("town={}", "x".repeat(201)), "town", "no town's name is that long");
        refused(&causeway, "town=Salem&near=1,1", "near", "contradicts town");
        refused(&causeway, "town=Salem&postal_code=01840", "postal_code", "contradicts town");
        refused(&causeway, "town=Salem&residence=1840", "residence", "not a ZIP code");
        refused(&causeway, "town=Salem&residence=Saleem", "residence", "near it are Salem, NH");
        for (body, pointer) in [
            (json!({"origin": {"town": "Lawrence"}}), "/origin/town"),
            (json!({"origin": {"town": "Lawrence, Kansas"}}), "/origin/town"),
            (json!({"origin": {"postal_code": "01840", "residence": "Nowhere at all"}}), "/origin/residence"),
            (json!({"origin": {"postal_code": "01840", "residence": "0184"}}), "/origin/residence"),
        ] {
            assert_eq!(causeway.post("/v1/matches", &body).expect(400).errors()[0].0, pointer, "{body}");
        }
    }
}

on_both! {
    fn towns_are_listed_and_shown_with_the_zip_codes_whose_centres_lie_in_them(causeway) {
        assert_eq!(causeway.get("/v1/towns").expect(200).json()["total"]["value"], 0);
        import_usual_towns(&causeway);
        let (mut names, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = causeway.get(&format!("/v1/towns?limit=2{cursor}")).expect(200).json();
            assert_eq!(page["total"], json!({"value": 5, "relation": "eq"}));
            names.extend(page["items"].as_array().unwrap().iter().map(|town| format!("{} {}", town["state"].as_str().unwrap(), town["name"].as_str().unwrap())));
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(names, ["KS Lawrence", "MA Lawrence", "MA Manchester-by-the-Sea", "MA Tiny", "NH Salem"]);
        let only = |query: &str| {
            let page = causeway.get(&format!("/v1/towns?{query}")).expect(200).json();
            page["items"].as_array().unwrap().iter().map(|town| town["state"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(only("name=lawrence"), ["KS", "MA"]);
        assert_eq!(only("state=ma&name=LAWRENCE"), ["MA"]);
        causeway.get("/v1/towns?state=Mass").expect(400);

        let lawrence = causeway.get("/v1/towns/ma/lawrence").expect(200).json();
        assert_eq!((&lawrence["name"], &lawrence["state"], &lawrence["county"]), (&json!("Lawrence"), &json!("MA"), &json!("Essex")));
        assert_eq!(lawrence["postal_codes"], json!(["01840", "01841", "01843"]));
        assert_eq!(lawrence["geometry"], self::lawrence(), "it is shown as it was drawn");
        assert_eq!(lawrence["bounding_box"], json!({"west": -71.2, "south": 42.66, "east": -71.13, "north": 42.74}));
        let tiny = causeway.get("/v1/towns/MA/Tiny").expect(200).json();
        assert_eq!((&tiny["postal_codes"], tiny.get("county")), (&json!([]), None), "nothing is made up");
        let missing = causeway.get("/v1/towns/MA/Lawrance").expect(404);
        assert!(missing.text.contains("near it are Lawrence, MA"), "{}", missing.text);

        // The centre of a ZIP code moves out of the town: the town follows, with nothing to be done.
        let moved = PostalPlace { postal_code: "01841".parse().unwrap(), at: Coordinates::new(42.5, -71.0).unwrap(), state: None, county: None };
        causeway.store().write_now(move |tx| replace_centres(tx, std::slice::from_ref(&moved))).unwrap();
        assert_eq!(causeway.get("/v1/towns/MA/Lawrence").expect(200).json()["postal_codes"], json!(["01840", "01843"]));
    }
}

on_both! {
    fn the_same_towns_again_are_unchanged_and_another_outline_is_an_update(causeway) {
        import_usual_towns(&causeway);
        let towns = [("Lawrence", "MA", lawrence()), ("salem", "NH", rectangle(-71.3, 42.745, -71.15, 42.86))];
        let dry = towns::parse(&collection(&towns), None).unwrap();
        let dry = towns::import(causeway.store(), dry, Options { dry_run: true, strict: false }, |_| {}).unwrap();
        assert_eq!((counts(&dry), dry.landed), ([0, 1, 1, 0], false));
        assert_eq!(counts(&import_towns(&causeway, &towns)), [0, 1, 1, 0]);
        assert_eq!(counts(&import_towns(&causeway, &towns)), [0, 0, 2, 0]);
        let crossed = json!({"type": "Polygon", "coordinates": [[[0, 0], [4, 4], [4, 0], [0, 4], [0, 0]]]});
        let towns = [("Lawrence", "MA", rectangle(-71.0, 42.0, -70.9, 42.1)), ("Bow", "NH", crossed)];
        let strict = towns::parse(&collection(&towns), None).unwrap();
        let strict = towns::import(causeway.store(), strict, Options { dry_run: false, strict: true }, |_| {}).unwrap();
        assert_eq!((strict.rejected, strict.landed), (1, false));
        assert_eq!(causeway.get("/v1/towns/MA/Lawrence").expect(200).json()["geometry"], lawrence());
    }
}

on_both! {
    fn a_drawn_area_includes_who_lives_in_it_or_on_its_border(causeway) {
        let offering = causeway.offering(json!({}));
        let ring = json!({"type": "Polygon", "coordinates": [
            [[-71.20, 42.66], [-71.13, 42.66], [-71.13, 42.74], [-71.20, 42.74], [-71.20, 42.66]],
            [[-71.16, 42.70], [-71.16, 42.72], [-71.14, 42.72], [-71.14, 42.70], [-71.16, 42.70]]
        ]});
        let drawn = beside(&causeway, &offering.service, &json!({"modalities": ["telehealth_video"], "service_area": {"polygon": ring}}));
        let shown = causeway.get(&format!("/v1/offerings/{drawn}")).expect(200).json();
        assert_eq!(shown["service_area"], json!({"polygon": ring}), "it is shown as it was drawn");
        let found = |query: &str| causeway.found(query).contains(&drawn);
        assert!(found("near=42.69,-71.17"), "inside");
        assert!(found("near=42.66,-71.17") && found("near=42.74,-71.13") && found("near=42.70,-71.15"), "on an edge, a corner and the edge of the hole");
        assert!(!found("near=42.71,-71.15"), "in the hole");
        assert!(!found("near=42.65,-71.17") && !found("near=42.69,-71.2000001"), "outside");
        assert!(found("postal_code=01840") && !found("postal_code=01844"), "by the centre of the ZIP code");
        assert!(found("postal_code=02139&residence=01840") && !found("postal_code=01840&residence=02139"), "it goes by the residence");
        let answer = causeway.get("/v1/search?postal_code=02139&residence=01840&modality=telehealth_video").expect(200).text;
        assert!(answer.contains("serves residents of a drawn area that the student lives in"), "{answer}");

        // A code that includes the residence decides before the drawing does.
        let either = beside(&causeway, &offering.service, &json!({"modalities": ["telehealth_video"], "service_area": {"postal_codes": ["02139"], "polygon": ring}}));
        assert!(causeway.found("postal_code=02139").contains(&either));
        let answer = causeway.get("/v1/search?postal_code=02139&modality=telehealth_video").expect(200).text;
        assert!(answer.contains("serves residents of the ZIP code that the student lives in"), "{answer}");

        // Drawn anew, it is found anew.
        let other = json!({"service_area": {"polygon": rectangle(-71.2, 42.3, -71.0, 42.45)}});
        causeway.patch(&format!("/v1/offerings/{drawn}"), "\"1\"", &other).expect(200);
        assert!(!found("postal_code=01840") && found("postal_code=02139"));
    }
}

on_both! {
    fn a_town_as_residence_says_town_county_state_and_point_and_its_zip_code_if_it_has_one_only(causeway) {
        import_usual_towns(&causeway);
        let offering = causeway.offering(json!({}));
        let video = |area: Value| {
            beside(&causeway, &offering.service, &json!({"modalities": ["telehealth_video"], "service_area": area}))
        };
        let state = video(json!({"states": ["MA"]}));
        let county = video(json!({"counties": [{"name": "Essex", "state": "MA"}]}));
        let town = video(json!({"towns": [{"name": "Lawrence", "state": "MA"}]}));
        let short = video(json!({"towns": [{"name": "MANCHESTER", "state": "MA"}]}));
        let zip = video(json!({"postal_codes": ["01840", "01944"]}));
        let drawn = video(json!({"polygon": lawrence()}));
        let at_home = |residence: &str| {
            let found = causeway.found(&format!("postal_code=03060&radius_km=1&residence={residence}"));
            let all = [("state", &state), ("county", &county), ("town", &town), ("short", &short), ("zip", &zip), ("drawn", &drawn)];
            all.iter().filter(|(_, id)| found.contains(id)).map(|(kind, _)| *kind).collect::<Vec<_>>()
        };
        assert_eq!(at_home("Lawrence,MA"), ["state", "county", "town", "drawn"], "which of its ZIP codes is unknown");
        assert_eq!(at_home("Manchester"), ["state", "county", "short", "zip"]);
        assert_eq!(at_home("01840"), ["state", "county", "town", "zip", "drawn"], "the town around the ZIP code's centre");
        assert_eq!(at_home("Tiny"), ["state"], "of its county and ZIP code nothing is known");
        assert_eq!(at_home("Salem"), [""; 0]);
        assert_eq!(at_home("Lawrence,KS"), [""; 0]);
        let answer = causeway.get("/v1/search?postal_code=03060&radius_km=1&residence=Lawrence,MA").expect(200).text;
        for kind in ["the state", "the county", "the town", "a drawn area"] {
            assert!(answer.contains(&format!("serves residents of {kind} that the student lives in")), "{kind}: {answer}");
        }
        assert!(!answer.contains("assumed"));

        // A town as origin is taken for the residence, and so is the town around a point.
        assert!(causeway.found("town=Lawrence,MA").contains(&town) && causeway.found("near=42.7070,-71.1631").contains(&town));
        assert!(causeway.get("/v1/search?town=Lawrence,MA").expect(200).text.contains("the residence was assumed"));
        assert!(!causeway.found("town=Lawrence,MA&residence=Salem").contains(&town));
    }
}

on_both! {
    fn what_is_given_in_schools_goes_by_the_school_and_not_by_where_one_starts(causeway) {
        import_usual_towns(&causeway);
        let school = json!({"code": "77", "name": "S", "city": "LAWRENCE", "state": "MA"});
        let school = causeway.create("/v1/schools", &school);
        let offering = causeway.offering(json!({}));
        let facts = json!({"modalities": ["in_school"], "schools": [school], "service_area": {"towns": [{"name": "Lawrence", "state": "MA"}]}});
        let in_school = beside(&causeway, &offering.service, &facts);
        let found = |query: &str| causeway.found(query).contains(&in_school);
        assert!(found("school=77"), "the school stands in its town, which is taken for the residence");
        assert!(found("town=Salem&school=77&residence=Lawrence,MA"));
        assert!(!found("town=Lawrence,MA"), "no school was named");
        assert!(!found("school=77&residence=Salem"), "it is for residents of the town only");
    }
}

on_both! {
    fn a_wrong_outline_is_refused_with_its_place_and_what_would_be_right(causeway) {
        let offering = causeway.offering(json!({}));
        let polygon = |coordinates: Value| json!({"type": "Polygon", "coordinates": coordinates});
        let at = "/service_area/polygon";
        for (outline, pointer, words) in [
            (polygon(json!([[[0, 0], [4, 4], [4, 0], [0, 4], [0, 0]]])), "/coordinates/0/0", "the ring crosses itself at 2.000000,2.000000"),
            (polygon(json!([[[0, 0], [4, 4], [0, 0]]])), "/coordinates/0", "has 2 different positions"),
            (polygon(json!([[[0, 0], [4, 0], [4, 4]]])), "/coordinates/0/2", "repeat the first position as the last"),
            (polygon(json!([[[0, 0], [190, 0], [4, 4], [0, 0]]])), "/coordinates/0/1", "longitude 190"),
            (polygon(json!([[[42.7, -122.1], [42.8, -122.1], [42.8, -122], [42.7, -122.1]]])), "/coordinates/0/0", "are the two swapped?"),
            (polygon(json!([[[42.7, -71.2], [42.8, -71.2], [42.8, -71.1], [42.7, -71.2]]])), "/coordinates/0/0", "are the two swapped?"),
            (polygon(json!([[[179, 0], [-179, 0], [-179, 1], [179, 0]]])), "/coordinates/0/0", "cut there into a MultiPolygon"),
            (polygon(json!([[0, 0], [4, 0], [4, 4], [0, 0]])), "/coordinates", "a pair of brackets is missing"),
            (polygon(json!([])), "/coordinates", "must be a list of rings"),
            (json!({"type": "MultiPolygon", "coordinates": [[[[0, 0], [4, 0], [4, 4], [0, 0]]], [[[1, 0.5], [2, 0.5], [2, 1], [1, 0.5]]]]}), "/coordinates/1/0", "lies in or over"),
            (json!({"type": "Point", "coordinates": [0, 0]}), "/type", "`Polygon` or `MultiPolygon`"),
            (json!({"type": "Polygon"}), "", "missing field `coordinates`"),
        ] {
            let body = json!({"service_id": offering.service, "grain": "team", "service_area": {"polygon": outline}});
            let refused = causeway.post("/v1/offerings", &body).expect(400);
            let (place, told) = refused.errors().remove(0);
            assert!(place == format!("{at}{pointer}") && told.contains(words), "{outline}: {}", refused.text);
        }
        let area = json!({"service_area": {"polygon": {"type": "Polygon", "coordinates": [[[0, 0], [4, 4], [4, 0], [0, 4], [0, 0]]]}}});
        causeway.patch(&format!("/v1/offerings/{}", offering.id), "\"1\"", &area).expect(400);
    }
}

on_both! {
    fn a_place_without_a_known_zip_code_stands_in_its_town_and_moves_with_it(causeway) {
        let offering = causeway.offering(json!({}));
        let place = |facts: Value| {
            let location = causeway.create("/v1/locations", &facts);
            let offering = causeway.create("/v1/offerings", &json!({"service_id": offering.service, "location_id": location, "grain": "team"}));
            (location, offering)
        };
        let (location, in_town) = place(json!({"name": "A", "city": "Town of Lawrence", "state": "MA"}));
        let (_, by_box) = place(json!({"name": "B", "city": "LAWRENCE", "state": "MA", "postal_code": "01842"}));
        place(json!({"name": "At its ZIP code's centre", "city": "Lawrence", "state": "MA", "postal_code": "01840"}));
        let (_, elsewhere) = place(json!({"name": "C", "city": "Lawrence", "state": "NH"}));
        let near = "near=42.70,-71.165&radius_km=1";
        assert!(!causeway.found(near).contains(&in_town), "no town is known yet");
        let summary = import_towns(&causeway, &[("Lawrence", "MA", lawrence())]);
        assert_eq!(summary.notes.get("locations and schools placed anew"), Some(&2), "{:?}", summary.notes);
        let found = causeway.found(near);
        assert!(found.contains(&in_town) && found.contains(&by_box) && !found.contains(&elsewhere), "a ZIP code of post boxes has no centre");
        let shown = causeway.get(&format!("/v1/locations/{location}")).expect(200).json();
        assert_eq!(shown["coordinates"]["quality"], "town");
        assert_eq!(shown["version"], 2);
        // What is loaded afresh agrees with what was kept in step.
        let mut causeway = causeway;
        let app = App::new(causeway.store().clone()).unwrap();
        causeway.change(|context| context.app = app);
        causeway.context().app.load().unwrap();
        assert_eq!(causeway.found(near), found);

        let moved = import_towns(&causeway, &[("Lawrence", "MA", rectangle(-71.0, 42.0, -70.9, 42.1))]);
        assert_eq!(moved.notes.get("locations and schools placed anew"), Some(&2));
        causeway.context().app.poll().unwrap();
        assert!(!causeway.found(near).contains(&in_town));
    }
}

/// Of the schools of the state's list, those that lie in the town of their address.
fn schools_in_their_towns(causeway: &Causeway, path: &std::path::Path) -> (usize, usize) {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let columns = reader.headers().unwrap().clone();
    let column = |name: &str| columns.iter().position(|one| one == name).unwrap();
    let [town, latitude, longitude] = ["town", "lat", "lon"].map(column);
    let schools: Vec<(String, Coordinates)> = reader
        .records()
        .map(Result::unwrap)
        .map(|row| {
            let at =
                Coordinates::new(row[latitude].parse().unwrap(), row[longitude].parse().unwrap()).unwrap();
            (comparable_place(&row[town]), at)
        })
        .collect();
    let read = causeway.store().read_now(|connection| {
        let mut agree = 0;
        for (town, at) in &schools {
            let around = towns_at(connection, *at)?;
            agree += usize::from(around.iter().any(|found| found.key().comparable_name == *town));
        }
        Ok(agree)
    });
    (read.unwrap(), schools.len())
}

on_both! {
    fn the_published_towns_land_and_hold_the_schools_of_their_addresses(causeway) {
        let (Some(file), Some(schools)) = (published("geo/ma_towns.geojson"), published("schools/ma_schools_massgis.csv")) else {
            return;
        };
        let import = || {
            let reading = towns::read(&file, None).unwrap();
            towns::import(causeway.store(), reading, Options::default(), |_| {}).unwrap()
        };
        let first = import();
        assert_eq!(counts(&first), [350, 0, 0, 1]);
        assert!(first.rejects[0].reason.starts_with("Wayland: "), "{:?}", first.rejects);
        assert_eq!(counts(&import()), [0, 0, 350, 1]);
        assert_eq!(causeway.get("/v1/towns?state=MA").expect(200).json()["total"], json!({"value": 350, "relation": "eq"}));
        let southborough = causeway.get("/v1/towns/MA/Southborough").expect(200).json();
        assert_eq!((&southborough["county"], &southborough["postal_codes"]), (&json!("Worcester"), &json!(["01745", "01772"])));

        let (agree, all) = schools_in_their_towns(&causeway, &schools);
        assert!(agree * 100 >= all * 95, "{agree} of {all}");
        let (mut without_zip, mut without_county, mut one_zip) = (0, 0, 0);
        causeway
            .store()
            .read_now(|connection| {
                let page = causeway::directory::TownPage { limit: 1_000, ..Default::default() };
                for town in causeway::directory::list_towns(connection, &page)?.0 {
                    let place = in_place(connection, town)?;
                    without_zip += usize::from(place.postal_codes.is_empty());
                    one_zip += usize::from(place.postal_codes.len() == 1);
                    without_county += usize::from(place.county.is_none());
                }
                Ok(())
            })
            .unwrap();
        assert_eq!((without_zip, one_zip, without_county), (14, 247, 0), "as the ZIP codes' centres lie");
    }
}
