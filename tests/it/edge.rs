//! What every request passes before it reaches an operation, and what every answer carries.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use causeway::access::{Role, Tie};
use causeway::config::{EdgeConfig, Quotas};
use causeway::http::Edge;
use serde_json::{Value, json};

use crate::support::{Answer, Causeway, on_both};

/// The same Causeway behind another edge.
fn behind(mut causeway: Causeway, config: EdgeConfig) -> Causeway {
    causeway.change(|context| context.edge = Edge::new(config));
    causeway
}

fn peer(address: &str) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), 4711)
}

/// The code of a problem, which has the shape of all of them.
#[track_caller]
fn code(answer: &Answer) -> String {
    let problem = answer.json();
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert!(problem["request_id"].is_string(), "{problem}");
    assert_eq!(problem["request_id"].as_str(), answer.header("x-request-id"), "{problem}");
    problem["code"].as_str().unwrap().to_owned()
}

/// Quotas as settings have them: 0 is no limit.
fn quotas(reads: u32, writes: u32) -> Quotas {
    Quotas { reads: NonZeroU32::new(reads), writes: NonZeroU32::new(writes) }
}

/// Limits of two reads and one write of an address, behind a proxy of the local network.
fn tight() -> EdgeConfig {
    EdgeConfig {
        per_address: quotas(2, 1),
        per_caller: quotas(0, 0),
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
        ..EdgeConfig::default()
    }
}

on_both! {
    fn an_address_that_asks_too_much_is_told_when_to_ask_again_and_others_are_served(causeway) {
        let causeway = behind(causeway, tight());
        let read = |from: &str| causeway.send(TestRequest::get().uri("/v1/districts").peer_addr(peer(from)));
        let first = read("198.51.100.1").expect(200);
        assert_eq!(first.header("ratelimit-policy"), Some("\"address-reads\";q=2;w=60"));
        assert_eq!(first.header("ratelimit"), Some("\"address-reads\";r=1;t=30"));
        assert_eq!(read("198.51.100.1").expect(200).header("ratelimit"), Some("\"address-reads\";r=0;t=60"));
        let refused = read("198.51.100.1").expect(429);
        assert_eq!(code(&refused), "rate-limited");
        let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=30).contains(&wait), "{wait}");
        assert_eq!(refused.header("ratelimit"), Some(format!("\"address-reads\";r=0;t={wait}").as_str()));
        assert_eq!(refused.header("ratelimit-policy"), Some("\"address-reads\";q=2;w=60"));
        read("198.51.100.2").expect(200);
        // What changes is counted apart, and a refusal of the operation counts too.
        let write = || {
            let request = TestRequest::post().uri("/v1/districts").peer_addr(peer("198.51.100.1"));
            causeway.send(request.set_json(json!({"nonsense": 1})))
        };
        assert_eq!(write().expect(400).header("ratelimit"), Some("\"address-writes\";r=0;t=60"));
        assert_eq!(write().expect(429).header("ratelimit-policy"), Some("\"address-writes\";q=1;w=60"));
        // What is posted but changes nothing counts as a read, and what gives a token as a write.
        let posted = |from: &str, path: &str| {
            causeway.send_plainly(TestRequest::post().uri(path).peer_addr(peer(from)))
        };
        let matched = posted("198.51.100.3", "/v1/matches").expect(401);
        assert_eq!(matched.header("ratelimit"), Some("\"address-reads\";r=1;t=30"));
        let token = posted("198.51.100.3", "/oauth/token").expect(400);
        assert_eq!(token.header("ratelimit"), Some("\"address-writes\";r=0;t=60"));
        assert_eq!(code(&posted("198.51.100.3", "/oauth/token").expect(429)), "rate-limited");
        // Those who watch the server are never refused, and not counted.
        for path in ["/healthz", "/readyz"] {
            for _ in 0..5 {
                let watched = causeway.send(TestRequest::get().uri(path).peer_addr(peer("198.51.100.1"))).expect(200);
                assert_eq!(watched.header("ratelimit"), None);
            }
        }
    }
}

on_both! {
    fn a_client_has_a_quota_of_its_own_wherever_it_asks_from(causeway) {
        let config = EdgeConfig { per_address: quotas(100, 0), per_caller: quotas(2, 1), ..EdgeConfig::default() };
        let causeway = behind(causeway, config);
        let [one, other] = [Role::Operator, Role::StateAnalyst].map(|role| causeway.token(role, &Tie::None));
        let read = |token: &str, from: &str| {
            causeway.send_as(token, TestRequest::get().uri("/v1/districts").peer_addr(peer(from)))
        };
        let first = read(&one, "198.51.100.1").expect(200);
        assert_eq!(first.header("ratelimit-policy"), Some("\"address-reads\";q=100;w=60, \"caller-reads\";q=2;w=60"));
        assert_eq!(first.header("ratelimit"), Some("\"address-reads\";r=99;t=1, \"caller-reads\";r=1;t=30"));
        // Another token of the same client changes nothing.
        let again = causeway.token(Role::Operator, &Tie::None);
        read(&again, "198.51.100.2").expect(200);
        let refused = read(&one, "198.51.100.3").expect(429);
        assert_eq!(code(&refused), "rate-limited");
        assert!(refused.json()["detail"].as_str().unwrap().contains("from one client or person"), "{}", refused.text);
        let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=30).contains(&wait), "{wait}");
        let told = refused.header("ratelimit").unwrap();
        assert!(told.ends_with(&format!("\"caller-reads\";r=0;t={wait}")), "{told}");
        // Who sits beside it is served; so is who brings no token, or a wrong one, as far as that goes.
        read(&other, "198.51.100.3").expect(200);
        for _ in 0..3 {
            let nobody = read("nonsense", "198.51.100.3").expect(401);
            assert_eq!(nobody.header("ratelimit-policy"), Some("\"address-reads\";q=100;w=60"));
        }
        // What it writes is counted apart, and a question that is posted is none of it.
        let write = || {
            let request = TestRequest::post().uri("/v1/districts").peer_addr(peer("198.51.100.1"));
            causeway.send_as(&one, request.set_json(json!({"nonsense": 1})))
        };
        assert_eq!(write().expect(400).header("ratelimit"), Some("\"caller-writes\";r=0;t=60"));
        write().expect(429);
        let question = TestRequest::post().uri("/v1/matches").peer_addr(peer("198.51.100.1"));
        let asked = causeway.send_as(&one, question).expect(429);
        assert!(asked.header("ratelimit-policy").unwrap().contains("caller-reads"));
    }
}

#[test]
fn what_many_clients_of_one_address_ask_is_counted_together() {
    let causeway = behind(Causeway::on_sqlite(), tight());
    let statuses = [Role::Operator, Role::StateAnalyst, Role::Operator].map(|role| {
        let token = causeway.token(role, &Tie::None);
        let request = TestRequest::get().uri("/v1/districts").peer_addr(peer("198.51.100.1"));
        causeway.send_as(&token, request).status
    });
    assert_eq!(statuses, [200, 200, 429]);
}

#[test]
fn behind_a_trusted_proxy_its_callers_are_told_apart_and_nobody_elses_word_counts() {
    let causeway = behind(Causeway::on_sqlite(), tight());
    let read = |from: &str, forwarded: &str| {
        let request = TestRequest::get().uri("/v1/districts").peer_addr(peer(from));
        causeway.send(request.insert_header(("X-Forwarded-For", forwarded))).status
    };
    for _ in 0..2 {
        assert_eq!(read("10.0.0.1", "198.51.100.1"), 200);
    }
    assert_eq!(read("10.0.0.1", "198.51.100.1"), 429);
    assert_eq!(
        read("10.0.0.1", "6.6.6.6, 198.51.100.1"),
        429,
        "what a caller writes in front is not believed"
    );
    assert_eq!(read("10.0.0.1", "198.51.100.2"), 200);
    let mallory = ["1.1.1.1", "2.2.2.2", "3.3.3.3"].map(|invented| read("203.0.113.66", invented));
    assert_eq!(mallory, [200, 200, 429]);
}

#[test]
fn no_limit_is_no_header() {
    let config = EdgeConfig { per_address: quotas(0, 1), per_caller: quotas(0, 1), ..EdgeConfig::default() };
    let causeway = behind(Causeway::on_sqlite(), config);
    let answer =
        causeway.send(TestRequest::get().uri("/v1/districts").peer_addr(peer("198.51.100.1"))).expect(200);
    assert_eq!((answer.header("ratelimit"), answer.header("ratelimit-policy")), (None, None));
}

#[test]
fn a_body_that_is_nested_too_deep_is_refused_in_words_wherever_a_body_is_taken() {
    let causeway = Causeway::on_sqlite();
    let contract: Value = serde_json::from_str(causeway::http::openapi::json()).unwrap();
    // An operator has no part in what concerns students, and an agency answers for itself.
    let operator = causeway.token(Role::Operator, &Tie::None);
    causeway.create("/v1/districts", &json!({"name": "District", "code": "1", "state": "MA"}));
    let lead = causeway.lead();
    let agency = causeway.create("/v1/organizations", &json!({"name": "Agency", "engagement": "enrolled"}));
    let staff = causeway.token(Role::AgencyStaff, &Tie::Organization(agency.parse().unwrap()));
    let scopes: Vec<&str> = Role::Operator.scopes().iter().map(|scope| scope.as_str()).collect();
    let (mut asked, mut requests) = (Vec::new(), Vec::new());
    for (path, item) in contract["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Some(content) = operation["requestBody"]["content"].as_object() else { continue };
            // A form has no depth, lines have answers of their own, and who redeems comes with a token of a provider.
            let media_type = content.keys().next().unwrap();
            if media_type.ends_with("urlencoded")
                || media_type.ends_with("ndjson")
                || path == "/v1/invitations/redeem"
            {
                continue;
            }
            let nobody = ["{id}", "{guardian_id}", "{consent_id}"]
                .iter()
                .fold(path.clone(), |path, name| path.replace(name, "0192c0de-0000-7000-8000-000000000000"));
            let needed =
                operation["security"].as_array().unwrap().iter().find_map(|one| one["oauth"][0].as_str());
            let token = match needed {
                Some("referrals:respond") => &staff,
                Some(scope) if !scopes.contains(&scope) => &lead,
                Some(_) | None => &operator,
            };
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            for depth in [33, 200, 100_000] {
                let body = format!("{{\"name\": {}1{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
                let request = TestRequest::with_uri(&nobody).method(method.clone()).set_payload(body);
                let request = request.insert_header(("Authorization", format!("Bearer {token}")));
                let request =
                    request.insert_header(("If-Match", "*")).insert_header(("Idempotency-Key", "\"1\""));
                requests.push(request.insert_header(("Content-Type", media_type.as_str())));
                asked.push(format!("{method} {path} {depth}"));
            }
        }
    }
    assert!(asked.len() > 60 && asked.contains(&"POST /v1/matches 33".to_owned()), "{asked:?}");
    for (asked, refused) in asked.iter().zip(causeway.send_all(requests)) {
        let words = [(String::new(), "is nested more than 32 levels deep".to_owned())];
        assert_eq!(refused.expect(400).errors(), words, "{asked}");
    }
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let causeway = Causeway::on_sqlite();
    let mut many = TestRequest::get().uri("/v1/districts");
    for number in 0..65 {
        many = many.insert_header((format!("x-field-{number}"), "1"));
    }
    assert_eq!(code(&causeway.send(many).expect(431)), "head-too-large");
    let large = TestRequest::get().uri("/v1/districts").insert_header(("Cookie", "a".repeat(16 * 1024)));
    assert_eq!(code(&causeway.send(large).expect(431)), "head-too-large");
    let usual = TestRequest::get().uri("/v1/districts").insert_header(("Cookie", "a".repeat(8 * 1024)));
    causeway.send(usual).expect(200);
}

on_both! {
    fn an_answer_that_takes_too_long_is_given_up_with_a_problem(causeway) {
        let config = EdgeConfig { request_timeout: Duration::from_millis(200), ..EdgeConfig::default() };
        let causeway = behind(causeway, config);
        let (begun, wait_begun) = std::sync::mpsc::channel();
        // Every connection is held until the answer has been given up.
        let holders: Vec<_> = (0..3)
            .map(|_| {
                let (store, begun) = (causeway.store().clone(), begun.clone());
                let (done, wait_done) = std::sync::mpsc::channel::<()>();
                let holder = std::thread::spawn(move || {
                    store.read_now(|_| {
                        begun.send(()).unwrap();
                        let _ = wait_done.recv();
                        Ok(())
                    })
                });
                (holder, done)
            })
            .collect();
        for _ in &holders {
            wait_begun.recv().unwrap();
        }
        let given_up = causeway.get("/v1/districts").expect(503);
        assert_eq!(code(&given_up), "timed-out");
        assert!(given_up.header("retry-after").is_some());
        assert_eq!(given_up.header("x-content-type-options"), Some("nosniff"));
        for (holder, done) in holders {
            drop(done);
            holder.join().unwrap().unwrap();
        }
        causeway.get("/v1/districts").expect(200);
    }
}

#[test]
fn more_requests_than_may_run_at_once_are_refused() {
    let causeway =
        behind(Causeway::on_sqlite(), EdgeConfig { concurrent_requests: 0, ..EdgeConfig::default() });
    let refused = causeway.get("/v1/districts").expect(503);
    assert_eq!((code(&refused).as_str(), refused.header("retry-after")), ("overloaded", Some("1")));
    causeway.get("/healthz").expect(200);
    let causeway = behind(causeway, EdgeConfig { concurrent_requests: 1, ..EdgeConfig::default() });
    for _ in 0..3 {
        // One that has ended makes room for the next.
        causeway.get("/v1/districts").expect(200);
    }
}

#[test]
fn every_answer_tells_browsers_what_to_refuse() {
    let causeway = Causeway::on_sqlite();
    let nobody = "/v1/districts/0192c0de-0000-7000-8000-000000000000";
    for (path, status) in [
        ("/v1/districts", 200),
        ("/v1/search?postal_code=01840", 200),
        ("/v1/search", 400),
        (nobody, 404),
        ("/nowhere", 404),
        ("/healthz", 200),
        ("/readyz", 200),
        ("/openapi.json", 200),
        ("/docs/", 200),
        ("/docs", 307),
    ] {
        let answer = causeway.get(path).expect(status);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path} {name}");
        }
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert_eq!(policy.contains("script-src 'self'"), path.starts_with("/docs"), "{path}: {policy}");
        let is_public = ["/openapi.json", "/docs/", "/docs"].contains(&path);
        assert_eq!(
            answer.header("cache-control"),
            Some(if is_public { "no-cache" } else { "no-store" }),
            "{path}"
        );
        assert_eq!(answer.header("strict-transport-security"), None, "{path}");
    }
    for public in ["/v1/vocabularies/needs", "/.well-known/oauth-authorization-server"] {
        assert_eq!(causeway.get(public).expect(200).header("cache-control"), Some("no-cache"), "{public}");
    }
    let secure = behind(causeway, EdgeConfig { behind_tls: true, ..EdgeConfig::default() });
    assert_eq!(secure.get("/healthz").header("strict-transport-security"), Some("max-age=31536000"));
}

/// The policy of /docs allows no inline script: the page must have none.
#[test]
fn the_page_of_the_contract_runs_within_its_policy() {
    let causeway = Causeway::on_sqlite();
    let page = causeway.get("/docs/").expect(200).text;
    let mut sources = 0;
    for script in page.split("<script").skip(1) {
        let (attributes, rest) = script.split_once('>').unwrap();
        let source =
            attributes.split("src=\"").nth(1).unwrap_or_else(|| panic!("an inline script: {script}"));
        let source = source.split('"').next().unwrap();
        assert!(source.starts_with("./"), "{source}");
        assert_eq!(rest.split("</script").next().unwrap().trim(), "");
        causeway.get(&format!("/docs/{}", &source[2..])).expect(200);
        sources += 1;
    }
    assert!(sources >= 2, "{page}");
    assert!(!page.contains("<style") && !page.contains(" onload="), "{page}");
}

#[test]
fn pages_of_other_origins_may_call_only_where_the_operator_named_them() {
    let origin = "https://portal.example.org";
    let preflight = |causeway: &Causeway, origin: &str| {
        let request =
            TestRequest::with_uri("/v1/districts").method(Method::OPTIONS).insert_header(("Origin", origin));
        let request = request.insert_header(("Access-Control-Request-Method", "POST"));
        causeway
            .send(request.insert_header(("Access-Control-Request-Headers", "content-type,idempotency-key")))
    };
    let asked = |causeway: &Causeway, origin: &str, path: &str| {
        causeway.send(TestRequest::get().uri(path).insert_header(("Origin", origin)))
    };
    let allowed = "access-control-allow-origin";

    let closed = Causeway::on_sqlite();
    assert_eq!(preflight(&closed, origin).expect(405).header(allowed), None);
    assert_eq!(asked(&closed, origin, "/v1/districts").expect(200).header(allowed), None);

    let open = behind(closed, EdgeConfig { cors_origins: vec![origin.to_owned()], ..EdgeConfig::default() });
    let answer = preflight(&open, origin).expect(200);
    assert_eq!(answer.header(allowed), Some(origin));
    assert!(answer.header("access-control-allow-methods").unwrap().contains("POST"));
    assert_eq!(answer.header("access-control-allow-credentials"), None);
    let answer = asked(&open, origin, "/v1/districts").expect(200);
    assert_eq!(answer.header(allowed), Some(origin));
    assert!(answer.header("access-control-expose-headers").unwrap().to_lowercase().contains("etag"));
    // A page must be able to read what was wrong with its request.
    assert_eq!(asked(&open, origin, "/v1/search").expect(400).header(allowed), Some(origin));

    for other in ["https://evil.example", "https://portal.example.org.evil.example", "null"] {
        let refused = preflight(&open, other).expect(400);
        assert_eq!((refused.header(allowed), code(&refused).as_str()), (None, "invalid-request"), "{other}");
        assert_eq!(asked(&open, other, "/v1/districts").expect(200).header(allowed), None, "{other}");
    }
}

#[test]
fn a_clients_request_id_is_taken_if_it_is_short_and_plain() {
    let causeway = Causeway::on_sqlite();
    let long = "1".repeat(65);
    let answered = |given: &str| {
        let answer = causeway.send(TestRequest::get().uri("/healthz").insert_header(("X-Request-Id", given)));
        answer.header("x-request-id").unwrap().to_owned()
    };
    let longest = "a".repeat(64);
    for good in ["0192c0de-0000-7000-8000-000000000000", "req-42", "Node_7.web", "trace", longest.as_str()] {
        assert_eq!(answered(good), good);
    }
    for bad in ["rosa lind 7", "a1;b", "<script>1", "", long.as_str()] {
        let made = answered(bad);
        assert_eq!(made.len(), 36, "{bad:?}: {made}");
        assert_ne!(made, bad);
    }
}

#[test]
fn a_stop_that_was_asked_for_is_told_by_readiness_alone() {
    let causeway = Causeway::on_sqlite();
    causeway.get("/readyz").expect(200);
    causeway.context().edge.stop();
    let stopping = causeway.get("/readyz").expect(503);
    assert_eq!((code(&stopping).as_str(), stopping.header("retry-after")), ("stopping", Some("1")));
    causeway.get("/healthz").expect(200);
    causeway.get("/v1/districts").expect(200);
}

/// Every operation may be refused at the edge, and the contract says so; the two that watch the server may not.
#[test]
fn the_contract_names_what_the_edge_refuses() {
    let contract: Value = serde_json::from_str(causeway::http::openapi::json()).unwrap();
    let mut exempt = BTreeSet::new();
    for (path, item) in contract["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let responses = &operation["responses"];
            if responses["429"].is_null() {
                exempt.insert(path.as_str());
                continue;
            }
            for status in ["400", "429", "431", "503"] {
                let problem = &responses[status]["content"]["application/problem+json"];
                assert!(problem.is_object(), "{path} {status}: {responses}");
            }
            assert_eq!(responses["408"].is_null(), operation["requestBody"].is_null(), "{path}");
        }
    }
    assert_eq!(exempt.into_iter().collect::<Vec<_>>(), ["/healthz", "/readyz"]);
}
