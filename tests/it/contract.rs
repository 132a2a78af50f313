//! The published contract is what the code says, says everything, and its examples work.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::test::TestRequest;
use causeway::access::Role;
use causeway::http::{ProblemCode, openapi};
use serde_json::Value;

use crate::support::Causeway;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn contract() -> Value {
    serde_json::from_str(openapi::json()).unwrap()
}

/// Every operation: path, method and description.
fn operations(contract: &Value) -> Vec<(String, String, Value)> {
    let mut operations = Vec::new();
    for (path, item) in contract["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            operations.push((path.clone(), method.clone(), operation.clone()));
        }
    }
    operations
}

#[test]
fn the_committed_contract_is_what_the_code_says() {
    let committed = std::fs::read_to_string(format!("{ROOT}/openapi/openapi.json")).unwrap();
    assert!(committed == openapi::json(), "run `causeway openapi` and review the difference");
}

#[test]
fn every_operation_has_a_unique_id_a_summary_a_tag_and_problems_of_the_closed_set() {
    let contract = contract();
    assert_eq!(contract["openapi"], "3.1.0");
    let codes: BTreeSet<&str> = ProblemCode::ALL.iter().map(|code| code.as_str()).collect();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&contract) {
        let id = operation["operationId"].as_str().unwrap().to_owned();
        assert!(ids.insert(id.clone()), "{id} is there twice");
        assert!(
            operation["summary"]
                .as_str()
                .is_some_and(|summary| summary.ends_with(['.', ':']) || !summary.is_empty()),
            "{id}"
        );
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{id}");
        for (status, response) in operation["responses"].as_object().unwrap() {
            if !status.starts_with(['4', '5']) {
                continue;
            }
            if response["content"]["application/json"]["schema"]["$ref"] == "#/components/schemas/TokenError"
            {
                // The errors of OAuth have a shape and codes of their own (RFC 6749).
                continue;
            }
            assert!(response["content"]["application/problem+json"].is_object(), "{method} {path} {status}");
            let description = response["description"].as_str().unwrap();
            for named in description.split(", ") {
                let code = named.trim_matches('`');
                assert!(codes.contains(code), "{method} {path} {status}: {named}");
                let known = ProblemCode::ALL.iter().find(|known| known.as_str() == code).unwrap();
                assert_eq!(known.status().as_str(), status, "{method} {path}: {code}");
            }
        }
    }
}

#[test]
fn closed_sets_are_written_in_codes_and_not_in_names_of_the_code() {
    fn enums(value: &Value, found: &mut Vec<String>) {
        if let Some(values) = value["enum"].as_array() {
            found.extend(values.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        let parts: Vec<&Value> = match value {
            Value::Object(fields) => fields.values().collect(),
            Value::Array(items) => items.iter().collect(),
            _ => Vec::new(),
        };
        for part in parts {
            enums(part, found);
        }
    }
    let mut found = Vec::new();
    enums(&contract(), &mut found);
    assert!(found.iter().any(|code| code == "in_person") && found.iter().any(|code| code == "no-capacity"));
    // The two types of geometry are called as GeoJSON calls them.
    for code in found.iter().filter(|code| !matches!(code.as_str(), "Polygon" | "MultiPolygon")) {
        assert!(!code.contains(char::is_uppercase), "{code}");
    }
}

/// Two schemas of one name overwrite each other silently. Names are the types' names, or what `as` says.
#[test]
fn no_two_types_share_the_name_of_a_schema() {
    let mut named: BTreeMap<String, String> = BTreeMap::new();
    let mut folders = vec![std::path::PathBuf::from(format!("{ROOT}/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            for block in source.split("ToSchema").skip(1) {
                let Some(declared) = ["struct ", "enum "]
                    .iter()
                    .filter_map(|kind| block.find(kind).map(|at| at + kind.len()))
                    .min()
                else {
                    continue;
                };
                let renamed = block[..declared].find("(as = ").map(|at| at + "(as = ".len());
                let name: String = block[renamed.unwrap_or(declared)..]
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect();
                // `$name` of a macro is checked where the macro is used: the names there are types.
                if name.is_empty() {
                    continue;
                }
                let place = path.display().to_string();
                let other = named.insert(name.clone(), place.clone());
                assert!(other.is_none(), "{name}: {place} and {other:?}");
            }
        }
    }
    assert!(named.len() > 40, "{named:?}");
}

#[test]
fn what_the_contract_refers_to_is_there() {
    let contract = contract();
    let schemas = contract["components"]["schemas"].as_object().unwrap();
    let text = openapi::json();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name}");
    }
    // An object that refuses unknown fields can be no part of a larger one.
    assert!(!text.contains("allOf"));
}

/// The examples of the contract, asked of the demonstration.
#[test]
#[expect(clippy::too_many_lines, reason = "what each kind of operation needs before it can be asked")]
fn every_example_works_against_the_demonstration() {
    let causeway = Causeway::with_demonstration();
    let lead = causeway.lead();
    let scopes: Vec<&str> = Role::Operator.scopes().iter().map(|scope| scope.as_str()).collect();
    let mut asked = 0;
    for (path, method, operation) in operations(&contract()) {
        // The first two take credentials of somebody else, only a person does the others, and an offer or a place on a list is
        // there only where somebody was asked; their own tests do these.
        let of_others = [
            "issue_token",
            "redeem_invitation",
            "clear_crisis_event",
            "get_my_notices",
            "set_my_notices",
            "stop_my_notices",
        ];
        let of_offers = [
            "list_offers",
            "get_offer",
            "list_offer_actions",
            "act_on_offer",
            "fetch_offer_packet",
            "list_waiting",
            "act_on_wait_list_entry",
        ];
        let by_call = ["get_call_script", "get_fax_sheet", "record_offer_contact_attempt"];
        if of_others
            .iter()
            .chain(&of_offers)
            .chain(&by_call)
            .collect::<Vec<_>>()
            .contains(&&operation["operationId"].as_str().unwrap())
        {
            continue;
        }
        let needed =
            operation["security"].as_array().unwrap().iter().find_map(|one| one["oauth"][0].as_str());
        // An operator has no part in what is a district's.
        let send = |request: TestRequest| match needed {
            Some(scope) if !scopes.contains(&scope) => causeway.send_as(&lead, request),
            _ => causeway.send(request),
        };
        let get = |path: &str| send(TestRequest::get().uri(path));
        let first = |path: &str| {
            let collection = path.split("/{id}").next().unwrap();
            if collection == "/v1/crisis-events" {
                send(TestRequest::post().uri(collection).set_json(serde_json::json!({}))).expect(201);
            }
            if collection == "/v1/referrals" {
                let example = &contract()["paths"]["/v1/referrals"]["post"]["requestBody"]["content"]["application/json"]
                    ["example"];
                let request =
                    TestRequest::post().uri(collection).insert_header(("Idempotency-Key", "\"first\""));
                send(request.set_json(example)).expect(201);
            }
            let items = get(&format!("{collection}?limit=1")).expect(200).json()["items"].clone();
            items[0]["id"].as_str().unwrap().to_owned()
        };
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let mut uri = path.clone();
        if path.contains("{id}") {
            let named = parameters.iter().find(|parameter| parameter["name"] == "id");
            let example = named.and_then(|parameter| parameter["example"].as_str().map(str::to_owned));
            uri = uri.replace("{id}", &example.unwrap_or_else(|| first(&path)));
        }
        for parameter in
            parameters.iter().filter(|parameter| parameter["in"] == "path" && parameter["name"] != "id")
        {
            uri = uri.replace(
                &format!("{{{}}}", parameter["name"].as_str().unwrap()),
                parameter["example"].as_str().unwrap(),
            );
        }
        // What nobody asked for is not there to be shown.
        if method == "get" && path.ends_with("/availability-reminders") {
            let wish = serde_json::json!({"email": "intake@example.org"});
            send(TestRequest::put().uri(&uri).set_json(wish)).expect(200);
        }
        match method.as_str() {
            "get" => {
                let plain =
                    if path == "/v1/search" { format!("{uri}?postal_code=01840") } else { uri.clone() };
                get(&plain).expect(200);
                for parameter in parameters.iter().filter(|parameter| parameter["in"] == "query") {
                    let value = match &parameter["example"] {
                        Value::Null => continue,
                        Value::Array(values) => {
                            values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
                        }
                        Value::String(value) => value.clone(),
                        number => number.to_string(),
                    };
                    let name = parameter["name"].as_str().unwrap();
                    let beside = match name {
                        _ if path != "/v1/search" => "",
                        "near" | "postal_code" | "town" => "",
                        "language_mode" => "&postal_code=01840&language=es",
                        _ => "&postal_code=01840",
                    };
                    let value = value.replace(' ', "%20");
                    get(&format!("{uri}?{name}={value}{beside}")).expect(200);
                    asked += 1;
                }
            }
            "post" if operation.get("requestBody").is_none() => {
                send(TestRequest::post().uri(&uri)).expect(200);
                asked += 1;
            }
            "post" | "put" | "patch" => {
                let (media_type, content) =
                    operation["requestBody"]["content"].as_object().unwrap().iter().next().unwrap();
                let schema =
                    content["schema"]["$ref"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
                let example = match &content["example"] {
                    Value::Null => contract()["components"]["schemas"][schema.as_str()]["example"].clone(),
                    example => example.clone(),
                };
                assert!(example.is_object(), "{method} {path} has no example");
                let request = match method.as_str() {
                    "post" => TestRequest::post(),
                    "put" => TestRequest::put(),
                    _ => TestRequest::patch(),
                };
                let request = request.uri(&uri).insert_header(("If-Match", "*"));
                let request = request.insert_header(("Content-Type", media_type.as_str()));
                let key = parameters.iter().find(|parameter| parameter["name"] == "Idempotency-Key");
                let request = match key.and_then(|key| key["example"].as_str()) {
                    Some(key) => request.insert_header(("Idempotency-Key", key)),
                    None => request,
                };
                let answer = send(request.set_payload(example.to_string()));
                assert!((200..300).contains(&answer.status), "{method} {path}: {}", answer.text);
                asked += 1;
            }
            _ => {}
        }
    }
    assert!(asked > 25, "{asked}");
}
