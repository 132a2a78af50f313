//! Whom to call in a crisis.

use serde_json::Value;

use crate::support::Causeway;

fn names(answer: &Value) -> Vec<String> {
    let items = answer["items"].as_array().unwrap();
    items.iter().map(|contact| contact["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_state_has_its_own_contacts_first_and_every_place_the_national_ones() {
    let causeway = Causeway::on_sqlite();
    let national = causeway.get("/v1/crisis-contacts").expect(200).json();
    assert_eq!(national["items"][0]["phone"], "911");
    assert_eq!(national["items"][1]["phone"], "988");
    assert!(national["items"].as_array().unwrap().iter().all(|contact| contact["jurisdiction"] == "US"));
    let massachusetts = causeway.get("/v1/crisis-contacts?state=MA").expect(200).json();
    assert_eq!(massachusetts["items"][0]["phone"], "833-773-2445");
    assert!(names(&massachusetts).ends_with(&names(&national)));
    assert!(names(&massachusetts).len() > names(&national).len());
    assert_eq!(causeway.get("/v1/crisis-contacts?state=VT").expect(200).json(), national);
}

#[test]
fn what_is_no_state_is_refused() {
    let causeway = Causeway::on_sqlite();
    for query in
        ["state=Massachusetts", "state=ma", "state=", "state=M1", "state=MA&state=VT", "county=Essex"]
    {
        let answer = causeway.get(&format!("/v1/crisis-contacts?{query}")).expect(400);
        assert_eq!(answer.json()["code"], "invalid-request", "{query}");
    }
}
