//! Whom to call in a crisis.

use serde_json::Value;

use crate::support::Causeway;

#[test]
fn emergency_services_come_first_then_a_states_own_contacts_and_every_place_has_the_national_ones() {
    let causeway = Causeway::on_sqlite();
    let contacts = |query: &str| -> Vec<Value> {
        let answer = causeway.get(&format!("/v1/crisis-contacts{query}")).expect(200).json();
        answer["items"].as_array().unwrap().clone()
    };
    let national = contacts("");
    assert_eq!((&national[0]["phone"], &national[1]["phone"]), (&"911".into(), &"988".into()));
    assert!(national.iter().all(|contact| contact["jurisdiction"] == "US"));
    let massachusetts = contacts("?state=MA");
    assert_eq!(massachusetts[0]["phone"], "911", "danger to life does not wait for a help line");
    assert_eq!(massachusetts[1]["phone"], "833-773-2445");
    assert!(massachusetts.ends_with(&national[1..]) && massachusetts.len() > national.len());
    assert_eq!(contacts("?state=VT"), national);
}

#[test]
fn an_answer_without_a_match_says_whom_to_call_where_the_student_lives_and_one_with_a_match_does_not() {
    let causeway = Causeway::on_sqlite();
    causeway.offering(serde_json::json!({"tiers": [2]}));
    let contacts = |query: &str| {
        causeway.get(&format!("/v1/search?{query}")).expect(200).json()["crisis_contacts"].clone()
    };
    assert_eq!(contacts("postal_code=01840&tier=2"), Value::Null);
    let here = causeway.get("/v1/crisis-contacts?state=MA").json()["items"].clone();
    assert_eq!(contacts("postal_code=01840&tier=3"), here);
    assert_eq!(
        contacts("near=42.7070,-71.1631&tier=3"),
        causeway.get("/v1/crisis-contacts").json()["items"],
        "no state is known"
    );
    let body = serde_json::json!({"origin": {"postal_code": "03060", "residence": "01840"}, "required": {"tiers": {"any_of": [3]}}});
    assert_eq!(causeway.post("/v1/matches", &body).expect(200).json()["crisis_contacts"], here);
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
