//! The edge of the real program: what it logs, what it measures, how it stops, and whom it does not wait for.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use causeway::access::Role;
use causeway::http::openapi;
use diesel::{Connection, RunQueryDsl};
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::process::{Program, causeway, get, get_as, operator, ready, sqlite_url, wait_for};

/// A program that serves the demonstration, with these settings.
fn demo(folder: &Path, environment: &[(&str, &str)]) -> Program {
    let mut command = causeway(folder, &["demo", "--listen", "127.0.0.1:0"]);
    command.envs(environment.iter().copied());
    Program::start(command)
}

/// `host:port` of an address.
fn host(address: &str) -> &str {
    address.strip_prefix("http://").unwrap()
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(host(address)).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    stream
}

/// What is left to read until the other side closes.
fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    match stream.read_to_end(&mut text) {
        Ok(_) => {}
        // The other side may close while it still had something to read.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}"),
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Sends bytes on a connection of their own; the status of the answer, if there is one.
fn exchange(address: &str, bytes: &[u8]) -> Option<u16> {
    let mut stream = connect(address);
    stream.write_all(bytes).unwrap();
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    if !head.contains("text/event-stream") {
        rest(stream);
    }
    head.split(' ').nth(1).map(|status| status.parse().unwrap())
}

// ---- what is logged --------------------------------------------------------------------------------------

/// A name that must not be found again.
const NAME: &str = "Zebulonquarx";

/// The value with every text replaced by the name.
fn named(value: &Value) -> Value {
    match value {
        Value::String(_) => Value::from(NAME),
        Value::Array(items) => items.iter().map(named).collect(),
        Value::Object(fields) => fields.iter().map(|(field, value)| (field.clone(), named(value))).collect(),
        other => other.clone(),
    }
}

/// Requests for one operation that name somebody wherever a request can; `token` lets them through to it.
fn requests(path: &str, method: &str, operation: &Value, schemas: &Value, token: &str) -> Vec<String> {
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let named_in = |place: &str| -> Vec<String> {
        let here = parameters.iter().filter(|parameter| parameter["in"] == place);
        here.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
    };
    let nobody = "0192c0de-0000-7000-8000-000000000000";
    let (mut named_path, mut plain_path) = (path.to_owned(), path.to_owned());
    for parameter in named_in("path") {
        named_path = named_path.replace(&format!("{{{parameter}}}"), NAME);
        plain_path = plain_path.replace(&format!("{{{parameter}}}"), nobody);
    }
    let query: Vec<String> = named_in("query").iter().map(|name| format!("{name}={NAME}")).collect();
    let query = query.join("&");
    let mut headers = String::new();
    for header in named_in("header").iter().map(String::as_str).chain([
        "Cookie",
        "Origin",
        "Referer",
        "User-Agent",
        "X-Forwarded-For",
        "X-Request-Id",
        NAME,
    ]) {
        headers.extend([header, ": ", NAME, "\r\n"]);
    }
    let (media_type, example) = match operation["requestBody"]["content"].as_object() {
        None => ("application/json", Value::Null),
        Some(content) => {
            let (media_type, content) = content.iter().next().unwrap();
            let schema = content["schema"]["$ref"].as_str().unwrap_or("").rsplit('/').next().unwrap();
            let example = [&content["example"], &schemas[schema]["example"]]
                .into_iter()
                .find(|example| !example.is_null());
            (media_type.as_str(), example.cloned().unwrap_or(Value::Null))
        }
    };
    let mut sent_well = example.clone();
    if let Some(fields) = sent_well.as_object_mut() {
        fields.insert("name".to_owned(), json!(NAME));
    }
    let mut misspelt = example.clone();
    if let Some(fields) = misspelt.as_object_mut() {
        fields.insert(NAME.to_owned(), json!(NAME));
    }
    let bodies = [named(&example), sent_well, misspelt, json!(NAME)].map(|body| body.to_string());
    let bodies = bodies.iter().map(String::as_str).chain([NAME, ""]);
    let unknown = format!("{NAME}={NAME}&{NAME}");
    let known = format!("Authorization: Bearer {token}\r\n");
    let named_token = format!("Authorization: Bearer {NAME}\r\n");
    let named_headers = format!("{known}{headers}");
    let acting = format!("{known}If-Match: *\r\nIdempotency-Key: a\r\nX-Request-Id: {NAME}\r\n");
    let mut requests = Vec::new();
    for body in bodies {
        for (path, query, headers) in [
            (&named_path, "", known.as_str()),
            (&plain_path, query.as_str(), known.as_str()),
            (&plain_path, unknown.as_str(), known.as_str()),
            (&plain_path, "", named_headers.as_str()),
            (&plain_path, "", named_token.as_str()),
            (&plain_path, "", acting.as_str()),
        ] {
            let method = method.to_uppercase();
            let length = body.len();
            requests.push(format!(
                "{method} {path}?{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {media_type}\r\n\
                 Content-Length: {length}\r\n{headers}\r\n{body}"
            ));
        }
    }
    requests
}

/// Requests that are answered well although they name somebody, and some that the web server itself refuses.
fn peculiar_requests(token: &str) -> (Vec<String>, Vec<String>) {
    let plain = format!("Host: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n");
    let post = |path: &str, media_type: &str, body: &str| {
        let length = body.len();
        format!(
            "POST {path} HTTP/1.1\r\n{plain}Content-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    let origin = json!({"near": {"latitude": 42.707_123, "longitude": -71.163_123}});
    let need = json!({"origin": origin, "q": NAME, "need_ref": format!("{NAME}-7")});
    let form = format!("grant_type=client_credentials&client_id={NAME}&client_secret={NAME}");
    let credentials = STANDARD.encode(format!("{NAME}:{NAME}"));
    let well = vec![
        format!("GET /v1/search?near=42.707123,-71.163123&q={NAME} HTTP/1.1\r\n{plain}\r\n"),
        format!(
            "HEAD /v1/search?postal_code=01840&q={NAME} HTTP/1.1\r\n{plain}X-Request-Id: {NAME}-7\r\n\r\n"
        ),
        post("/v1/matches", "application/json", &need.to_string()),
    ];
    let badly = vec![
        post("/oauth/token", "application/x-www-form-urlencoded", &form),
        format!(
            "POST /oauth/token HTTP/1.1\r\nConnection: close\r\nAuthorization: Basic {credentials}\r\n\r\n"
        ),
        format!("GET /{NAME} HTTP/1.1\r\n{plain}\r\n"),
        format!("{NAME} /healthz HTTP/1.1\r\n{plain}\r\n"),
        format!("GET /healthz {NAME}\r\n{plain}\r\n"),
        format!("GET /healthz HTTP/1.1\r\n{plain}Content-Length: {NAME}\r\n\r\n"),
        format!("GET /healthz HTTP/1.1\r\n{plain}Transfer-Encoding: {NAME}\r\n\r\n"),
        format!("POST /v1/matches HTTP/1.1\r\n{plain}Transfer-Encoding: chunked\r\n\r\n{NAME}\r\n"),
        format!("GET http://{NAME}.example/{NAME} HTTP/1.1\r\n{plain}\r\n"),
        format!("GET /%ff{NAME} HTTP/1.1\r\n{plain}\r\n"),
        format!("GET /healthz HTTP/1.1\r\nHost: {NAME}\r\n{NAME}\r\n\r\n"),
    ];
    (well, badly)
}

/// What must be found neither in the log nor among the metrics, in small letters: the name, a place, and secrets.
fn telling(token: &str) -> Vec<String> {
    let signature = token.rsplit('.').next().unwrap();
    let credentials = STANDARD.encode(format!("{NAME}:{NAME}"));
    [NAME, "42.707", "71.163", signature, credentials.as_str()].map(str::to_lowercase).to_vec()
}

/// Names somebody in every place of every operation, and looks for the name in the log and among the metrics. Answers
/// may repeat a wrong value to the one who sent it; these may not.
#[test]
fn nothing_that_a_request_says_is_logged_or_measured_however_much_is_logged() {
    let contract: Value = serde_json::from_str(openapi::json()).unwrap();
    for format in ["text", "json"] {
        let folder = tempdir().unwrap();
        let mut program = demo(
            folder.path(),
            &[
                ("CAUSEWAY_LOG", "trace,actix_http=trace,actix_web=trace"),
                ("CAUSEWAY_LOG_FORMAT", format),
                ("CAUSEWAY_TRUSTED_PROXIES", "127.0.0.1"),
                ("CAUSEWAY_CORS_ORIGINS", "https://portal.example.org"),
                ("CAUSEWAY_METRICS_LISTEN", "0"),
                ("CAUSEWAY_RATE_LIMIT_ADDRESS_READS", "0"),
                ("CAUSEWAY_RATE_LIMIT_ADDRESS_WRITES", "0"),
                ("CAUSEWAY_RATE_LIMIT_CALLER_READS", "0"),
                ("CAUSEWAY_RATE_LIMIT_CALLER_WRITES", "0"),
            ],
        );
        let address = program.address();
        ready(&address);
        let (metrics, token) = (metrics_of(&program), operator_of(&program));
        // An operator has no part in what concerns students, and an agency answers for itself.
        let (lead, staff) = (token_of(&program, "district_lead"), token_of(&program, "agency_staff"));
        let scopes: Vec<&str> = Role::Operator.scopes().iter().map(|scope| scope.as_str()).collect();
        let mut answered = std::collections::BTreeMap::<u16, usize>::new();
        for (path, item) in contract["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let mut reached = false;
                let needed =
                    operation["security"].as_array().unwrap().iter().find_map(|one| one["oauth"][0].as_str());
                let token = match needed {
                    Some("referrals:respond") => &staff,
                    Some(scope) if !scopes.contains(&scope) => &lead,
                    Some(_) | None => &token,
                };
                for request in requests(path, method, operation, &contract["components"]["schemas"], token) {
                    let status = exchange(&address, request.as_bytes());
                    let status = status.unwrap_or_else(|| panic!("no answer: {request}"));
                    reached |= ![401, 403, 405, 429].contains(&status);
                    *answered.entry(status).or_default() += 1;
                }
                // Only a provider's token reaches this one, and there is no provider.
                assert!(reached || path == "/v1/invitations/redeem", "{method} {path} was never asked");
            }
        }
        let called_well = answered.values().sum::<usize>();
        assert!(called_well > 2_000 && answered[&201] > 5 && answered[&400] > 500, "{answered:?}");
        assert!(!answered.contains_key(&500), "{answered:?}");
        let (well, badly) = peculiar_requests(&token);
        for request in well {
            assert_eq!(exchange(&address, request.as_bytes()), Some(200), "{request}");
        }
        for request in badly {
            exchange(&address, request.as_bytes());
        }
        let measured = get(&metrics).1;
        let ended = program.stopped();
        let log = ended.err;
        // The log is there, it is the whole of it, and it says what it may.
        assert!(log.matches("answered").count() >= called_well, "{called_well}");
        assert!(log.contains("postal_code") && log.contains("/v1/organizations/{id}"), "{format}");
        for path in contract["paths"].as_object().unwrap().keys() {
            assert!(measured.contains(&format!("route=\"{path}\"")), "{path} is not measured");
        }
        if format == "json" {
            only_what_may_be_logged(&log);
        }
        for text in [&token, &lead, &staff].into_iter().flat_map(|token| telling(token)) {
            let said = log.lines().map(without_times).chain(measured.lines().map(without_value));
            let leaked: Vec<String> =
                said.filter(|line| line.to_lowercase().contains(&text)).take(3).collect();
            assert_eq!(leaked, [] as [&str; 0], "{format}");
        }
        assert!(!ended.out.contains(NAME));
    }
}

/// A line of the log without its figures of time: one of them may read like a latitude.
fn without_times(line: &str) -> String {
    if let Ok(Value::Object(mut fields)) = serde_json::from_str(line) {
        fields.remove("timestamp");
        fields.remove("elapsed_ms");
        return Value::Object(fields).to_string();
    }
    let rest = line.strip_prefix("20").and_then(|line| line.split_once(' ')).map_or(line, |(_, rest)| rest);
    rest.split(" elapsed_ms=").next().unwrap_or(rest).to_owned()
}

/// A line of the metrics without its value.
fn without_value(line: &str) -> String {
    line.rsplit_once(' ').map_or(line, |(labels, _)| labels).to_owned()
}

/// Each request has one line with these fields and no others.
fn only_what_may_be_logged(log: &str) {
    const FIELDS: [&str; 9] = [
        "elapsed_ms",
        "level",
        "message",
        "method",
        "parameters",
        "request_id",
        "route",
        "status",
        "timestamp",
    ];
    let contract: Value = serde_json::from_str(openapi::json()).unwrap();
    for line in log.lines().filter(|line| line.contains("answered")) {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        let mut fields: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, FIELDS);
        let route = line["route"].as_str().unwrap();
        let is_known = !contract["paths"][route].is_null() || route.starts_with("/docs") || route == "-";
        assert!(is_known || route == "/openapi.json", "{line}");
        let id = line["request_id"].as_str().unwrap();
        assert!(
            id.len() == 36 || id.strip_prefix("sha256-").is_some_and(|digest| digest.len() == 16),
            "{line}"
        );
    }
}

#[test]
fn what_failed_is_found_in_the_log_by_the_request_id() {
    let folder = tempdir().unwrap();
    let url = sqlite_url(folder.path());
    let mut command = causeway(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--database-url", &url]);
    command.env("CAUSEWAY_LOG_FORMAT", "json");
    let mut program = Program::start(command);
    let address = program.address();
    ready(&address);
    let file = url.strip_prefix("sqlite://").unwrap();
    let mut connection = diesel::SqliteConnection::establish(file).unwrap();
    diesel::sql_query("ALTER TABLE towns RENAME TO mislaid").execute(&mut connection).unwrap();
    for (sent, logged) in
        [("4bf92f3577b34da6a3ce929d0e0e4736", "4bf92f3577b34da6a3ce929d0e0e4736"), (NAME, "sha256-")]
    {
        let mut stream = connect(&address);
        let head = "GET /v1/towns HTTP/1.1\r\nHost: localhost\r\nConnection: close";
        write!(stream, "{head}\r\nX-Request-Id: {sent}\r\n\r\n").unwrap();
        let answer = rest(stream);
        assert!(
            answer.starts_with("HTTP/1.1 500") && answer.contains(&format!("\"request_id\":\"{sent}\"")),
            "{answer}"
        );
        let cause = wait_for("the cause in the log", || {
            let log = program.err();
            let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let mut causes = lines.filter(|line| line["level"] == "ERROR");
            causes.find(|line| line["span"]["request_id"].as_str().is_some_and(|id| id.starts_with(logged)))
        });
        assert_eq!(cause["message"], "request failed", "{cause}");
    }
    program.stopped();
}

// ---- what is measured ------------------------------------------------------------------------------------

/// The operator's token that it prints.
fn operator_of(program: &Program) -> String {
    token_of(program, "operator")
}

fn token_of(program: &Program, role: &str) -> String {
    wait_for("a token", || {
        let out = program.out();
        let (line, _) = out.split_once(&format!("  {role}: "))?.1.split_once('\n')?;
        Some(line.to_owned())
    })
}

/// Where it says that metrics are.
fn metrics_of(program: &Program) -> String {
    wait_for("the address of the metrics", || {
        let out = program.out();
        let line = out.lines().find_map(|line| line.strip_prefix("metrics on "))?;
        Some(line.to_owned())
    })
}

/// The value of a series.
fn value(text: &str, series: &str) -> i64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in {text}")).parse().unwrap()
}

#[test]
fn metrics_are_served_on_their_own_listener_and_tell_nothing_of_anybody() {
    let folder = tempdir().unwrap();
    let mut program =
        demo(folder.path(), &[("CAUSEWAY_METRICS_LISTEN", "0"), ("CAUSEWAY_RATE_LIMIT_ADDRESS_WRITES", "1")]);
    let address = program.address();
    let (metrics, token) = (metrics_of(&program), operator_of(&program));
    assert!(metrics.starts_with("http://127.0.0.1:"), "{metrics}");
    ready(&address);
    for _ in 0..3 {
        assert_eq!(get(&format!("{address}/v1/search?postal_code=01840&language=es")).0, 200);
    }
    let nobody = "0192c0de-0000-7000-8000-000000000000";
    for number in 0..30 {
        assert_eq!(get(&format!("{address}/nowhere/{number}/{NAME}?{NAME}=1")).0, 404);
        assert_eq!(get_as(&token, &format!("{address}/v1/organizations/{NAME}{number}")).0, 404);
        let method = format!("{NAME}{number}");
        exchange(
            &address,
            format!("{method} /v1/search HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes(),
        );
    }
    assert_eq!(get_as(&token, &format!("{address}/v1/organizations/{nobody}")).0, 404);
    assert_eq!(get(&format!("{address}/metrics")).0, 404, "metrics are not where everybody asks");
    let (status, text) = get(&metrics);
    assert_eq!(status, 200);
    let searches = r#"route="/v1/search",method="GET",status="2xx""#;
    assert_eq!(value(&text, &format!("causeway_http_request_duration_seconds_count{{{searches}}}")), 3);
    assert_eq!(value(&text, "causeway_search_duration_seconds_count"), 3);
    let version = format!("causeway_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    assert_eq!(value(&text, &version), 1);
    assert!(value(&text, "causeway_index_offerings") > 10 && value(&text, "causeway_index_revision") == 0);
    for lane in ["read", "write"] {
        assert!(value(&text, &format!("causeway_store_connections{{lane=\"{lane}\"}}")) >= 1);
        assert_eq!(value(&text, &format!("causeway_store_waiting{{lane=\"{lane}\"}}")), 0);
        assert_eq!(value(&text, &format!("causeway_store_shed_total{{lane=\"{lane}\"}}")), 0);
    }
    let feed = |which: &str| value(&text, &format!("causeway_feed_{which}"));
    assert!(feed("newest") > 0 && feed("newest") == feed("applied"));
    assert_eq!(value(&text, "causeway_http_requests_running"), 0);
    assert!(text.ends_with("# EOF\n"));
    // Every label is one of few: no id, no name, no path, no method that a client thought of.
    assert!(!text.contains(NAME) && !text.contains(nobody) && !text.contains("01840"), "{text}");
    let routes: Vec<&str> =
        text.lines().filter(|line| line.contains("_count{") && line.contains("unknown")).collect();
    assert_eq!(routes.len(), 1, "{routes:?}");
    let others: Vec<&str> =
        text.lines().filter(|line| line.contains("_count{") && line.contains("other")).collect();
    assert_eq!(others.len(), 1, "{others:?}");
    // What is refused is counted.
    for _ in 0..3 {
        crate::process::post(&format!("{address}/v1/districts"), &json!({}));
    }
    let text = get(&metrics).1;
    assert!(value(&text, "causeway_http_requests_refused_total{reason=\"AddressWrites\"}") >= 2);
    let elsewhere = metrics.replace("/metrics", "/v1/search");
    assert_eq!(get(&elsewhere).0, 404, "and nothing else is there");
    program.stopped();
}

#[test]
fn metrics_are_off_unless_they_are_asked_for_and_a_bad_setting_is_refused() {
    let folder = tempdir().unwrap();
    let mut program = demo(folder.path(), &[]);
    ready(&program.address());
    assert!(!program.out().contains("metrics"));
    program.stopped();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (name, value, words) in [
        ("CAUSEWAY_METRICS_LISTEN", "everywhere", "metrics_listen is"),
        ("CAUSEWAY_METRICS_LISTEN", taken.as_str(), "name another with --metrics-listen"),
        ("CAUSEWAY_CORS_ORIGINS", "https://a.example,*", "cors_origins names a wildcard"),
        ("CAUSEWAY_CORS_ORIGINS", "a.example", "cors_origins names \"a.example\""),
        ("CAUSEWAY_TRUSTED_PROXIES", "proxy.example", "trusted_proxies names \"proxy.example\""),
        ("CAUSEWAY_REQUEST_TIMEOUT_SECONDS", "0", "it must be 1 to 600"),
        ("CAUSEWAY_CONCURRENT_REQUESTS", "0", "it must be 1 to 100000"),
        ("CAUSEWAY_CONCURRENT_REQUESTS_PER_ADDRESS", "0", "it must be 1 to 100000"),
        ("CAUSEWAY_DRAIN_SECONDS", "301", "it must be 0 to 300"),
    ] {
        demo(folder.path(), &[(name, value)]).ended().refused(words);
    }
}

// ---- how it stops ----------------------------------------------------------------------------------------

const BODY: &str = r#"{"name": "A", "engagement": "listed"}"#;

/// A request whose body is yet to come, from 198.51.100.1 where that is believed.
fn begun(address: &str, token: &str) -> TcpStream {
    let mut stream = connect(address);
    let head = "POST /v1/organizations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json";
    write!(
        stream,
        "{head}\r\nAuthorization: Bearer {token}\r\nX-Forwarded-For: 198.51.100.1\r\nContent-Length: {}\r\n\r\n{}",
        BODY.len(),
        &BODY[..5]
    )
    .unwrap();
    stream
}

#[test]
fn a_stop_is_told_first_then_refuses_connections_and_lets_running_requests_end() {
    let folder = tempdir().unwrap();
    let url = sqlite_url(folder.path());
    let mut command = causeway(folder.path(), &["serve", "--listen", "127.0.0.1:0", "--database-url", &url]);
    command.env("CAUSEWAY_DRAIN_SECONDS", "3");
    let mut program = Program::start(command);
    let address = program.address();
    ready(&address);
    let mut running = begun(&address, &operator(folder.path(), &url));
    program.signal("TERM");
    let told = wait_for("/readyz to say no", || {
        let (status, text) = get(&format!("{address}/readyz"));
        (status == 503).then_some(text)
    });
    assert!(told.contains("\"stopping\""), "{told}");
    // Who has not heard of it yet is still served, and sent away after.
    let late = rest({
        let mut stream = connect(&address);
        stream.write_all(b"GET /v1/vocabularies/needs HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        stream
    });
    assert!(late.starts_with("HTTP/1.1 200") && late.contains("connection: close"), "{late}");
    wait_for("connections to be refused", || TcpStream::connect(host(&address)).is_err().then_some(()));
    running.write_all(&BODY.as_bytes()[5..]).unwrap();
    let answer = rest(running);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    program.ended().expect(0);
}

#[test]
fn a_second_signal_cuts_the_waiting_short() {
    let folder = tempdir().unwrap();
    let mut program = demo(folder.path(), &[("CAUSEWAY_DRAIN_SECONDS", "300")]);
    let address = program.address();
    ready(&address);
    program.signal("TERM");
    wait_for("/readyz to say no", || (get(&format!("{address}/readyz")).0 == 503).then_some(()));
    program.signal("TERM");
    program.ended().expect(0);
}

#[test]
fn who_does_not_take_an_answer_or_end_a_request_does_not_hold_up_a_stop() {
    let folder = tempdir().unwrap();
    let mut program = demo(folder.path(), &[("CAUSEWAY_REQUEST_TIMEOUT_SECONDS", "1")]);
    let address = program.address();
    ready(&address);
    let _idle = connect(&address);
    let _unfinished = begun(&address, &operator_of(&program));
    let mut deaf = connect(&address);
    // Far more than the system keeps for one connection.
    for _ in 0..100 {
        deaf.write_all(b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    }
    let mut first = [0; 12];
    deaf.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    program.stopped();
}

// ---- whom it does not wait for ---------------------------------------------------------------------------

#[test]
fn a_client_that_does_not_get_on_with_its_request_is_sent_away() {
    let folder = tempdir().unwrap();
    let mut program = demo(folder.path(), &[]);
    let address = program.address();
    ready(&address);
    let mut slow_head = connect(&address);
    slow_head.write_all(b"GET /healthz HTTP/1.1\r\nHost: loc").unwrap();
    let slow_body = begun(&address, &operator_of(&program));
    assert!(rest(slow_head).starts_with("HTTP/1.1 408"));
    let answer = rest_of_one(slow_body);
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("request-timeout"), "{answer}");
    let many = (0..200).map(|number| format!("X-Field-{number}: 1\r\n")).collect::<Vec<_>>().concat();
    for (fields, statuses) in
        [(many, [431, 431]), (format!("X-Field: {}\r\n", "a".repeat(200_000)), [431, 400])]
    {
        let request = format!("GET /v1/districts HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
        let mut stream = connect(&address);
        // It may be sent away before it has said everything.
        let _ = stream.write_all(request.as_bytes());
        let answer = rest(stream);
        let status = answer.split(' ').nth(1).map(|status| status.parse::<u16>().unwrap());
        assert!(status.is_none_or(|status| statuses.contains(&status)), "{answer}");
    }
    assert_eq!(get(&format!("{address}/healthz")).0, 200);
    program.stopped();
}

#[test]
fn slow_bodies_of_one_address_leave_places_to_the_others() {
    let folder = tempdir().unwrap();
    let mut program = demo(
        folder.path(),
        &[
            ("CAUSEWAY_CONCURRENT_REQUESTS_PER_ADDRESS", "2"),
            ("CAUSEWAY_TRUSTED_PROXIES", "127.0.0.1"),
            ("CAUSEWAY_METRICS_LISTEN", "0"),
        ],
    );
    let address = program.address();
    ready(&address);
    let (metrics, token) = (metrics_of(&program), operator_of(&program));
    let ask = |from: &str| {
        let mut stream = connect(&address);
        let head = "GET /v1/vocabularies/needs HTTP/1.1\r\nHost: localhost\r\nConnection: close";
        write!(stream, "{head}\r\nX-Forwarded-For: {from}\r\n\r\n").unwrap();
        rest(stream)
    };
    let slow: Vec<_> = (0..2).map(|_| begun(&address, &token)).collect();
    wait_for("both to run", || {
        (value(&get(&metrics).1, "causeway_http_requests_running") == 2).then_some(())
    });
    let refused = ask("198.51.100.1");
    assert!(refused.starts_with("HTTP/1.1 429") && refused.contains("\"rate-limited\""), "{refused}");
    assert!(refused.to_lowercase().contains("retry-after: 1\r\n"), "{refused}");
    assert!(ask("198.51.100.2").starts_with("HTTP/1.1 200"));
    let text = get(&metrics).1;
    assert_eq!(value(&text, "causeway_http_requests_refused_total{reason=\"AddressConcurrency\"}"), 1);
    for mut body in slow {
        body.write_all(&BODY.as_bytes()[5..]).unwrap();
        let mut first = [0; 12];
        body.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 201");
    }
    assert!(ask("198.51.100.1").starts_with("HTTP/1.1 200"), "what has ended makes room");
    program.stopped();
}

/// The head of an answer and what came with it, whether or not the connection stays open.
fn rest_of_one(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    let mut chunk = [0; 4_096];
    while !String::from_utf8_lossy(&text).contains("\"request_id\"") {
        match stream.read(&mut chunk).unwrap() {
            0 => break,
            read => text.extend_from_slice(&chunk[..read]),
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}
