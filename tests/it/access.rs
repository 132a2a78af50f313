//! Who may do what: every operation of the contract × every role × every way in which a token can be wrong.

use std::collections::BTreeMap;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use causeway::access::{Role, Scope, Tie};
use causeway::http::openapi;
use causeway::types::{DistrictId, OrganizationId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::forged::Forge;
use crate::support::{Answer, Causeway, on_both};

/// What an operation asks of a caller.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Needs {
    /// Nothing.
    Nothing,
    /// To read the directory, unless the operator lets everybody.
    Reader,
    /// This scope.
    Scope(Scope),
    /// One of these scopes.
    Either(Scope, Scope),
    /// To be somebody whom a configured provider knows; none of our own tokens is that.
    Person,
}

/// Nouns with a list, get, create, update, retire and assertions.
const NOUNS: [&str; 9] = [
    "organizations",
    "services",
    "locations",
    "offerings",
    "capacity_pools",
    "insurance_plans",
    "districts",
    "schools",
    "partnerships",
];

/// What each operation needs. One that is not here fails the test.
#[expect(clippy::too_many_lines, reason = "a row for each operation")]
fn table() -> BTreeMap<String, Needs> {
    let mut table: BTreeMap<String, Needs> = [
        ("health", Needs::Nothing),
        ("readiness", Needs::Nothing),
        ("contract", Needs::Nothing),
        ("issue_token", Needs::Nothing),
        ("list_keys", Needs::Nothing),
        ("get_issuer", Needs::Nothing),
        ("search", Needs::Reader),
        ("match_need", Needs::Reader),
        ("list_crisis_contacts", Needs::Nothing),
        ("list_towns", Needs::Reader),
        ("get_town", Needs::Reader),
        ("list_vocabularies", Needs::Reader),
        ("get_vocabulary", Needs::Reader),
        ("list_near_misses", Needs::Scope(Scope::ReportsRead)),
        ("create_contact_attempt", Needs::Scope(Scope::AvailabilityWrite)),
        ("create_observation", Needs::Scope(Scope::AvailabilityWrite)),
        ("get_track_record", Needs::Scope(Scope::DirectoryRead)),
        ("list_contact_attempts", Needs::Scope(Scope::DirectoryRead)),
        ("get_availability", Needs::Scope(Scope::DirectoryRead)),
        ("get_offering_availability", Needs::Scope(Scope::DirectoryRead)),
        ("report_availability", Needs::Scope(Scope::AvailabilityWrite)),
        ("report_offering_availability", Needs::Scope(Scope::AvailabilityWrite)),
        ("follow_availability", Needs::Scope(Scope::DirectoryRead)),
        ("report_availability_in_bulk", Needs::Scope(Scope::AvailabilityWrite)),
        ("list_availability_history", Needs::Scope(Scope::DirectoryRead)),
        ("list_offering_availability_history", Needs::Scope(Scope::DirectoryRead)),
        ("list_stale_availability", Needs::Scope(Scope::DirectoryRead)),
        ("create_update_link", Needs::Scope(Scope::AvailabilityWrite)),
        ("list_update_links", Needs::Scope(Scope::AvailabilityWrite)),
        ("revoke_update_link", Needs::Scope(Scope::AvailabilityWrite)),
        ("get_availability_reminders", Needs::Scope(Scope::AvailabilityWrite)),
        ("set_availability_reminders", Needs::Scope(Scope::AvailabilityWrite)),
        ("stop_availability_reminders", Needs::Scope(Scope::AvailabilityWrite)),
        ("list_duplicate_organizations", Needs::Scope(Scope::DirectoryRead)),
        ("dismiss_duplicate_organizations", Needs::Scope(Scope::DirectoryWrite)),
        ("merge_organization", Needs::Scope(Scope::DirectoryWrite)),
        ("unmerge_organization", Needs::Scope(Scope::DirectoryWrite)),
        ("list_organization_merges", Needs::Scope(Scope::DirectoryRead)),
        ("create_referral", Needs::Scope(Scope::ReferralsWrite)),
        ("list_referrals", Needs::Scope(Scope::ReferralsRead)),
        ("get_referral", Needs::Scope(Scope::ReferralsRead)),
        ("list_referral_offers", Needs::Scope(Scope::ReferralsRead)),
        ("list_referral_events", Needs::Scope(Scope::ReferralsRead)),
        ("list_referral_actions", Needs::Scope(Scope::ReferralsWrite)),
        ("act_on_referral", Needs::Scope(Scope::ReferralsWrite)),
        ("list_offers", Needs::Scope(Scope::ReferralsRespond)),
        ("get_offer", Needs::Either(Scope::ReferralsRespond, Scope::ReferralsRead)),
        ("list_offer_actions", Needs::Either(Scope::ReferralsRespond, Scope::ReferralsWrite)),
        ("fetch_offer_packet", Needs::Scope(Scope::ReferralsRespond)),
        ("act_on_offer", Needs::Either(Scope::ReferralsRespond, Scope::ReferralsWrite)),
        ("list_waiting", Needs::Scope(Scope::ReferralsRespond)),
        ("act_on_wait_list_entry", Needs::Either(Scope::ReferralsRespond, Scope::ReferralsWrite)),
        ("get_call_script", Needs::Scope(Scope::ReferralsRead)),
        ("get_fax_sheet", Needs::Scope(Scope::ReferralsRead)),
        ("record_offer_contact_attempt", Needs::Scope(Scope::ReferralsWrite)),
        ("get_referral_notices", Needs::Scope(Scope::DirectoryWrite)),
        ("set_referral_notices", Needs::Scope(Scope::DirectoryWrite)),
        ("stop_referral_notices", Needs::Scope(Scope::DirectoryWrite)),
        ("get_my_notices", Needs::Scope(Scope::ReferralsRead)),
        ("set_my_notices", Needs::Scope(Scope::ReferralsRead)),
        ("stop_my_notices", Needs::Scope(Scope::ReferralsRead)),
        ("list_worklists", Needs::Scope(Scope::ReferralsRead)),
        ("read_worklist", Needs::Scope(Scope::ReferralsRead)),
        ("report_crisis", Needs::Scope(Scope::ReferralsWrite)),
        ("list_crisis_events", Needs::Scope(Scope::ReferralsRead)),
        ("get_crisis_event", Needs::Scope(Scope::ReferralsRead)),
        ("acknowledge_crisis_event", Needs::Scope(Scope::ReferralsWrite)),
        ("clear_crisis_event", Needs::Scope(Scope::ReferralsWrite)),
        ("get_crisis_rota", Needs::Scope(Scope::Admin)),
        ("set_crisis_rota", Needs::Scope(Scope::Admin)),
        ("list_audit", Needs::Scope(Scope::PrivacyRead)),
        ("create_invitation", Needs::Scope(Scope::Admin)),
        ("list_students", Needs::Scope(Scope::ReferralsRead)),
        ("look_up_student", Needs::Scope(Scope::ReferralsRead)),
        ("get_student", Needs::Scope(Scope::ReferralsRead)),
        ("create_student", Needs::Scope(Scope::ReferralsWrite)),
        ("update_student", Needs::Scope(Scope::ReferralsWrite)),
        ("end_student", Needs::Scope(Scope::ReferralsWrite)),
        ("list_guardians", Needs::Scope(Scope::ReferralsRead)),
        ("get_guardian", Needs::Scope(Scope::ReferralsRead)),
        ("create_guardian", Needs::Scope(Scope::ReferralsWrite)),
        ("update_guardian", Needs::Scope(Scope::ReferralsWrite)),
        ("end_guardian", Needs::Scope(Scope::ReferralsWrite)),
        ("list_consents", Needs::Scope(Scope::ReferralsRead)),
        ("get_consent", Needs::Scope(Scope::ReferralsRead)),
        ("create_consent", Needs::Scope(Scope::ReferralsWrite)),
        ("sign_consent", Needs::Scope(Scope::ReferralsWrite)),
        ("revoke_consent", Needs::Scope(Scope::ReferralsWrite)),
        ("report_disclosures", Needs::Scope(Scope::PrivacyRead)),
        ("list_disclosures", Needs::Scope(Scope::PrivacyRead)),
        ("create_disclosure", Needs::Scope(Scope::ReferralsWrite)),
        ("preview_limited_profile", Needs::Scope(Scope::ReferralsRead)),
        ("list_audit", Needs::Scope(Scope::PrivacyRead)),
        ("redeem_invitation", Needs::Person),
    ]
    .into_iter()
    .map(|(id, needs)| (id.to_owned(), needs))
    .collect();
    for noun in NOUNS {
        let read = Needs::Scope(Scope::DirectoryRead);
        let write = Needs::Scope(Scope::DirectoryWrite);
        for (id, needs) in [
            (format!("list_{noun}"), read),
            (format!("get_{noun}"), read),
            (format!("list_{noun}_assertions"), read),
            (format!("create_{noun}"), write),
            (format!("update_{noun}"), write),
            (format!("retire_{noun}"), write),
        ] {
            table.insert(id, needs);
        }
    }
    table
}

/// An operation of the contract.
struct Operation {
    id: String,
    method: Method,
    path: String,
    needs: Needs,
    security: Value,
}

/// Every operation with what it needs; fails where one is missing on either side.
fn operations() -> Vec<Operation> {
    let contract: Value = serde_json::from_str(openapi::json()).unwrap();
    let mut table = table();
    let mut operations = Vec::new();
    for (path, item) in contract["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            let needs = table.remove(&id).unwrap_or_else(|| panic!("{id} has no row: what does it need?"));
            let path = path
                .replace("{id}", &Uuid::nil().to_string())
                .replace("{guardian_id}", &Uuid::nil().to_string())
                .replace("{consent_id}", &Uuid::nil().to_string())
                .replace("{name}", "needs")
                .replace("{state}", "MA");
            assert!(!path.contains('{'), "{path}");
            let method = method.to_uppercase().parse().unwrap();
            operations.push(Operation { id, method, path, needs, security: operation["security"].clone() });
        }
    }
    assert!(table.is_empty(), "there is no operation {table:?}");
    operations
}

impl Operation {
    /// A request that comes as far as the permission, and is too poor to do anything.
    fn request(&self, token: Option<&str>) -> TestRequest {
        let request = TestRequest::with_uri(&self.path).method(self.method.clone());
        match token {
            Some(token) => request.insert_header(("Authorization", format!("Bearer {token}"))),
            None => request,
        }
    }
}

fn code(answer: &Answer) -> String {
    if answer.status < 400 {
        return answer.status.to_string();
    }
    let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
    body["code"].as_str().or(body["error"].as_str()).unwrap_or("none").to_owned()
}

fn tie(role: Role, district: DistrictId, organization: OrganizationId) -> Tie {
    match role {
        Role::Operator | Role::StateAnalyst => Tie::None,
        Role::DistrictLead | Role::Coordinator | Role::SisClient | Role::AuditReader => {
            Tie::District { district, schools: Vec::new() }
        }
        Role::AgencyStaff => Tie::Organization(organization),
    }
}

/// One district and one organization, with their ids.
fn ties(causeway: &Causeway) -> (DistrictId, OrganizationId) {
    let district =
        causeway.create("/v1/districts", &json!({"name": "Lawrence", "code": "01490000", "state": "MA"}));
    let organization =
        causeway.create("/v1/organizations", &json!({"name": "Own", "engagement": "enrolled"}));
    (district.parse().unwrap(), organization.parse().unwrap())
}

#[test]
fn the_contract_states_what_every_operation_needs() {
    for Operation { id, needs, security, .. } in operations() {
        let both = |scope: &str| json!([{"oauth": [scope]}, {"person": [scope]}]);
        let expected = match needs {
            Needs::Nothing => json!([{}]),
            Needs::Reader => json!([{}, {"oauth": ["directory:read"]}, {"person": ["directory:read"]}]),
            Needs::Scope(scope) => both(scope.as_str()),
            Needs::Either(one, other) => json!([
                {"oauth": [one.as_str()]}, {"oauth": [other.as_str()]},
                {"person": [one.as_str()]}, {"person": [other.as_str()]},
            ]),
            Needs::Person => json!([{"person": []}]),
        };
        assert_eq!(security, expected, "{id}");
    }
}

on_both! {
    fn every_operation_lets_in_every_role_that_has_its_scope_and_no_other(causeway) {
        let (district, organization) = ties(&causeway);
        let operations = operations();
        for role in Role::ALL {
            let token = causeway.token(*role, &tie(*role, district, organization));
            let answers = causeway.send_all(operations.iter().map(|operation| operation.request(Some(&token))));
            for (operation, answer) in operations.iter().zip(answers) {
                let cell = format!("{} as {role}: {} {}", operation.id, answer.status, answer.text);
                let needed = match operation.needs {
                    Needs::Nothing => None,
                    Needs::Reader => Some(Scope::DirectoryRead),
                    Needs::Scope(scope) => Some(scope),
                    Needs::Either(_, other) if role.scopes().contains(&other) => Some(other),
                    Needs::Either(one, _) => Some(one),
                    Needs::Person => {
                        assert_eq!(code(&answer), "unauthenticated", "{cell}");
                        continue;
                    }
                };
                match needed.filter(|scope| !role.scopes().contains(scope)) {
                    Some(missing) => {
                        assert_eq!((answer.status, code(&answer).as_str()), (403, "insufficient-scope"), "{cell}");
                        assert!(answer.text.contains(missing.as_str()), "{cell}");
                        let challenge = answer.header("www-authenticate").unwrap();
                        assert_eq!(challenge, format!("Bearer error=\"insufficient_scope\", scope=\"{missing}\""));
                    }
                    // That nobody of a role may do it, whatever the token, is another question (`reach`).
                    None => assert!(
                        !["unauthenticated", "insufficient-scope", "internal"].contains(&code(&answer).as_str()),
                        "{cell}"
                    ),
                }
            }
        }
    }
}

on_both! {
    fn every_operation_refuses_every_token_that_is_not_to_be_believed(causeway) {
        let (district, organization) = ties(&causeway);
        let operations = operations();
        let held = causeway.token(Role::Operator, &Tie::None);
        let forge = Forge::of(&causeway, &held);
        assert!(causeway.send_as(&forge.right(), TestRequest::get().uri("/v1/organizations")).status == 200, "the forge works");
        for role in Role::ALL {
            let held = causeway.token(*role, &tie(*role, district, organization));
            let forge = Forge::of(&causeway, &held);
            for (kind, token) in forge.every_fault() {
                let answers = causeway.send_all(operations.iter().map(|operation| operation.request(token.as_deref())));
                for (operation, answer) in operations.iter().zip(answers) {
                    let cell = format!("{} as {role}, {kind}: {} {}", operation.id, answer.status, answer.text);
                    if operation.needs == Needs::Nothing {
                        assert_ne!(code(&answer), "unauthenticated", "{cell}");
                        continue;
                    }
                    assert_eq!((answer.status, code(&answer).as_str()), (401, "unauthenticated"), "{cell}");
                    let challenge = answer.header("www-authenticate").unwrap();
                    let expected = if token.is_some() { "Bearer error=\"invalid_token\"" } else { "Bearer realm=" };
                    assert!(challenge.starts_with(expected), "{cell}: {challenge}");
                }
            }
        }
    }
}

on_both! {
    fn search_vocabularies_towns_and_nothing_else_are_public_where_the_operator_says_so(causeway) {
        let mut causeway = causeway;
        causeway.change(|context| context.public_search = true);
        let operations = operations();
        let answers = causeway.send_all(operations.iter().map(|operation| operation.request(None)));
        for (operation, answer) in operations.iter().zip(answers) {
            let is_public = matches!(operation.needs, Needs::Nothing | Needs::Reader);
            assert_eq!(code(&answer) != "unauthenticated", is_public, "{}: {}", operation.id, answer.text);
        }
        let need = json!({"origin": {"postal_code": "01840"}, "need_ref": "0192d7a0-0000-7000"});
        let counted = causeway.send_plainly(TestRequest::post().uri("/v1/matches").set_json(&need));
        assert_eq!(code(&counted), "unauthenticated", "what is counted has somebody who answers for it");
        let stale = causeway.send_as("nonsense", TestRequest::get().uri("/v1/search?postal_code=01840"));
        assert_eq!(stale.status, 401, "a token that is not believed is not passed over");
        let blind = causeway.token(Role::AuditReader, &Tie::District { district: ties(&causeway).0, schools: Vec::new() });
        assert_eq!(causeway.send_as(&blind, TestRequest::get().uri("/v1/search?postal_code=01840")).status, 200);
    }
}

on_both! {
    fn other_credentials_than_one_bearer_token_are_refused(causeway) {
        for given in ["Basic dXNlcjpwYXNz", "Bearer", "nonsense", ""] {
            let request = TestRequest::get().uri("/v1/organizations").insert_header(("Authorization", given));
            assert_eq!(causeway.send_plainly(request).status, 401, "{given:?}");
        }
        let token = causeway.token(Role::Operator, &Tie::None);
        let twice = TestRequest::get()
            .uri("/v1/organizations")
            .append_header(("Authorization", format!("Bearer {token}")))
            .append_header(("Authorization", format!("Bearer {token}")));
        assert_eq!(causeway.send_plainly(twice).status, 401);
        assert_eq!(causeway.send_plainly(TestRequest::get().uri(&format!("/v1/organizations?access_token={token}"))).status, 401);
        let lower = TestRequest::get().uri("/v1/organizations").insert_header(("Authorization", format!("bearer {token}")));
        assert_eq!(causeway.send_plainly(lower).status, 200);
    }
}

/// What agency staff may write: their own, and 404 for what is others'.
mod reach {
    use super::*;

    struct Case {
        path: &'static str,
        own: String,
        foreign: String,
    }

    fn cases(
        own: &crate::support::Offering,
        foreign: &crate::support::Offering,
        pools: [String; 2],
    ) -> Vec<Case> {
        let [own_pool, foreign_pool] = pools;
        let case =
            |path, own: &String, foreign: &String| Case { path, own: own.clone(), foreign: foreign.clone() };
        vec![
            case("organizations", &own.organization, &foreign.organization),
            case("services", &own.service, &foreign.service),
            case("offerings", &own.id, &foreign.id),
            case("capacity-pools", &own_pool, &foreign_pool),
        ]
    }

    fn pool(causeway: &Causeway, offering: &str) -> String {
        causeway.get(&format!("/v1/offerings/{offering}")).json()["capacity_pool_id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    on_both! {
        fn agency_staff_write_what_is_their_own_and_find_nothing_else(causeway) {
            let (own, foreign) = (causeway.offering(json!({})), causeway.offering(json!({})));
            let pools = [pool(&causeway, &own.id), pool(&causeway, &foreign.id)];
            let staff = causeway.token(Role::AgencyStaff, &Tie::Organization(own.organization.parse().unwrap()));
            let patch = |path: &str, id: &str, body: &Value| {
                let request = TestRequest::patch().uri(&format!("/v1/{path}/{id}")).insert_header(("If-Match", "*")).set_json(body);
                causeway.send_as(&staff, request)
            };
            for Case { path, own, foreign } in cases(&own, &foreign, pools.clone()) {
                patch(path, &own, &json!({"name": "Renamed"})).expect(200);
                patch(path, &foreign, &json!({"name": "Renamed"})).expect(404);
                let retire = TestRequest::delete().uri(&format!("/v1/{path}/{foreign}")).insert_header(("If-Match", "*"));
                causeway.send_as(&staff, retire).expect(404);
                assert_ne!(causeway.get(&format!("/v1/{path}/{foreign}")).json()["name"], "Renamed");
            }
            // Nobody takes what is others', nor gives away what is theirs.
            patch("services", &own.service, &json!({"organization_id": foreign.organization})).expect(404);
            patch("offerings", &own.id, &json!({"service_id": foreign.service})).expect(404);
            patch("offerings", &own.id, &json!({"capacity_pool_id": pools[1]})).expect(404);
            assert_eq!(pool(&causeway, &own.id), pools[0], "a refused change leaves nothing");
            let claim = json!({"status": "capacity", "open_slots": 1});
            for (path, status) in [
                (format!("/v1/capacity-pools/{}/availability", pools[0]), 200),
                (format!("/v1/capacity-pools/{}/availability", pools[1]), 404),
                (format!("/v1/offerings/{}/availability", own.id), 200),
                (format!("/v1/offerings/{}/availability", foreign.id), 404),
            ] {
                causeway.send_as(&staff, TestRequest::put().uri(&path).set_json(&claim)).expect(status);
            }
        }
    }

    on_both! {
        fn agency_staff_record_for_their_own_organization_only(causeway) {
            let (own, foreign) = (causeway.offering(json!({})), causeway.offering(json!({})));
            let staff = causeway.token(Role::AgencyStaff, &Tie::Organization(own.organization.parse().unwrap()));
            let post = |path: &str, body: &Value| causeway.send_as(&staff, TestRequest::post().uri(path).set_json(body)).status;
            let service = |organization: &str| json!({"organization_id": organization, "name": "S", "status": "active", "audience": ["students"]});
            assert_eq!(post("/v1/services", &service(&own.organization)), 201);
            assert_eq!(post("/v1/services", &service(&foreign.organization)), 404);
            assert_eq!(post("/v1/offerings", &json!({"service_id": foreign.service, "grain": "team"})), 404);
            assert_eq!(post("/v1/locations", &json!({"name": "L", "organization_id": own.organization})), 201);
            assert_eq!(post("/v1/locations", &json!({"name": "L"})), 403);
            assert_eq!(post("/v1/organizations", &json!({"name": "O", "engagement": "listed"})), 403);
            assert_eq!(post("/v1/districts", &json!({"name": "D", "code": "1", "state": "MA"})), 403);
        }
    }

    on_both! {
        fn a_lead_writes_their_own_district_and_its_schools(causeway) {
            let (own, _) = ties(&causeway);
            let foreign = causeway.create("/v1/districts", &json!({"name": "Other", "code": "02010000", "state": "MA"}));
            let tie = Tie::District { district: own, schools: Vec::new() };
            let lead = causeway.token(Role::DistrictLead, &tie);
            let coordinator = causeway.token(Role::Coordinator, &tie);
            let patch = |token: &str, id: &str| {
                let request = TestRequest::patch().uri(&format!("/v1/districts/{id}")).insert_header(("If-Match", "*"));
                causeway.send_as(token, request.set_json(json!({"name": "Renamed"}))).status
            };
            assert_eq!(patch(&lead, &own.to_string()), 200);
            assert_eq!(patch(&lead, &foreign), 404);
            assert_eq!(patch(&coordinator, &own.to_string()), 403);
            let school = |district: &str| json!({"name": "School", "code": "014900051", "district_id": district});
            let post = |token: &str, body: &Value| causeway.send_as(token, TestRequest::post().uri("/v1/schools").set_json(body)).status;
            assert_eq!(post(&lead, &school(&own.to_string())), 201);
            assert_eq!(post(&lead, &school(&foreign)), 404);
            assert_eq!(post(&coordinator, &school(&own.to_string())), 403);
        }
    }

    on_both! {
        fn what_is_said_carries_the_callers_name_and_the_weight_of_their_role(causeway) {
            let offering = causeway.offering(json!({}));
            let path = format!("/v1/organizations/{}", offering.organization);
            let (district, _) = ties(&causeway);
            let coordinator = causeway.token(Role::Coordinator, &Tie::District { district, schools: Vec::new() });
            let staff = causeway.token(Role::AgencyStaff, &Tie::Organization(offering.organization.parse().unwrap()));
            let says = |token: &str, phone: &str| {
                let request = TestRequest::patch().uri(&path).insert_header(("If-Match", "*"));
                causeway.send_as(token, request.set_json(json!({"phone": phone}))).expect(200).json()["phone"].clone()
            };
            assert_eq!(says(&coordinator, "+19785550101"), "+19785550101");
            assert_eq!(says(&staff, "+19785550102"), "+19785550102");
            assert_eq!(says(&coordinator, "+19785550103"), "+19785550102", "the agency's word stands");
            let said = causeway.get(&format!("{path}/assertions")).json();
            let voices: Vec<(&str, &str)> = said["items"].as_array().unwrap().iter().skip(1)
                .map(|one| (one["method"].as_str().unwrap(), one["asserted_by"].as_str().unwrap())).collect();
            assert_eq!(voices, [
                ("coordinator_call", "coordinator of the command line"),
                ("agency", "agency_staff of the command line"),
                ("coordinator_call", "coordinator of the command line"),
            ]);
            let claims = format!("/v1/offerings/{}/availability", offering.id);
            let claim = |body: &Value| causeway.send_as(&coordinator, TestRequest::put().uri(&claims).set_json(body));
            assert_eq!(claim(&json!({"status": "capacity"})).expect(200).json()["method"], "coordinator_call");
            let refused = claim(&json!({"status": "capacity", "method": "agency"})).expect(400);
            assert_eq!(refused.errors()[0].0, "/method");
        }
    }

    on_both! {
        fn an_idempotency_key_is_the_callers_own(causeway) {
            let one = causeway.token(Role::Operator, &Tie::None);
            let (district, _) = ties(&causeway);
            let other = causeway.token(Role::Coordinator, &Tie::District { district, schools: Vec::new() });
            let post = |token: &str| {
                let request = TestRequest::post().uri("/v1/organizations").insert_header(("Idempotency-Key", "\"same\""));
                causeway.send_as(token, request.set_json(json!({"name": "A", "engagement": "listed"}))).expect(201).json()["id"].clone()
            };
            assert_eq!(post(&one), post(&one));
            assert_ne!(post(&one), post(&other));
        }
    }
}
