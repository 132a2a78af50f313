//! Thousands of reports in one call, each with an answer of its own.

use std::io::Write;
use std::time::Duration;

use actix_web::test::TestRequest;
use causeway::access::{Role, Tie, clients};
use causeway::config::{EdgeConfig, Lasting};
use causeway::http::Edge;
use serde_json::{Value, json};

use crate::served::{Asked, Served};
use crate::support::{Answer, Causeway, on_both, send_all};

const URI: &str = "/v1/availability";

fn request(body: impl Into<Vec<u8>>) -> TestRequest {
    TestRequest::post().uri(URI).insert_header(("Content-Type", "application/x-ndjson")).set_payload(Into::<
        Vec<u8>,
    >::into(
        body
    ))
}

/// The lines of an answer.
fn lines(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    assert!(answer.text.ends_with('\n'), "{}", answer.text);
    answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn said(causeway: &Causeway, body: impl Into<Vec<u8>>) -> Vec<Value> {
    lines(&causeway.send(request(body)).expect(200))
}

/// Line, status, and the code and place of what is wrong.
fn short(lines: &[Value]) -> Vec<(u64, String, String)> {
    lines[..lines.len() - 1]
        .iter()
        .map(|line| {
            let problem = &line["problem"];
            let place =
                problem["errors"][0]["pointer"].as_str().map_or(String::new(), |place| format!(" {place}"));
            let code = problem["code"].as_str().map_or(String::new(), |code| format!("{code}{place}"));
            (line["line"].as_u64().unwrap(), line["status"].as_str().unwrap().to_owned(), code)
        })
        .collect()
}

fn expected(lines: &[(u64, &str, &str)]) -> Vec<(u64, String, String)> {
    lines.iter().map(|(line, status, code)| (*line, (*status).to_owned(), (*code).to_owned())).collect()
}

/// A pool of a new organization.
fn pool(causeway: &Causeway) -> String {
    pool_of(
        causeway,
        &causeway.create("/v1/organizations", &json!({"name": "Agency", "engagement": "enrolled"})),
    )
}

fn pool_of(causeway: &Causeway, organization: &str) -> String {
    let body = json!({"organization_id": organization, "name": "Team", "kind": "team"});
    causeway.create("/v1/capacity-pools", &body)
}

fn now(causeway: &Causeway, pool: &str) -> Value {
    causeway.get(&format!("/v1/capacity-pools/{pool}/availability")).expect(200).json()
}

fn history(causeway: &Causeway, pool: &str) -> Vec<Value> {
    let page =
        causeway.get(&format!("/v1/capacity-pools/{pool}/availability/history?limit=100")).expect(200).json();
    page["items"].as_array().unwrap().clone()
}

on_both! {
    fn each_line_has_a_result_and_a_bad_one_spoils_no_other(causeway) {
        let offering = causeway.offering(json!({}));
        let one = causeway.get(&format!("/v1/offerings/{}", offering.id)).json()["capacity_pool_id"].as_str().unwrap().to_owned();
        let [other, retired] = [pool(&causeway), pool(&causeway)];
        causeway.delete(&format!("/v1/capacity-pools/{retired}"), "*").expect(204);
        let nobody = "0192d7a0-0000-7000-8000-000000000001";
        let mut body = Vec::new();
        for line in [
            json!({"offering_id": offering.id, "status": "capacity", "open_slots": 2}),
            json!({"capacity_pool_id": other, "status": "no-capacity", "open_slots": 1}),
            json!({"capacity_pool_id": other, "status": "capacity", "open_slots": -1}),
            json!({"capacity_pool_id": other, "status": "capacity", "open_slots": 1.5}),
            json!({"capacity_pool_id": nobody, "status": "capacity"}),
            json!({"offering_id": nobody, "status": "capacity"}),
            json!({"capacity_pool_id": retired, "status": "capacity"}),
            json!({"status": "capacity"}),
            json!({"capacity_pool_id": other, "offering_id": offering.id, "status": "capacity"}),
            json!({"capacity_pool_id": "x", "status": "capacity"}),
            json!({"capacity_pool_id": other, "status": "capacity", "slots": 1}),
            json!({"capacity_pool_id": other, "status": "capacity", "notes": null}),
            json!({"capacity_pool_id": other, "status": "capacity", "notes": "a\u{0}b"}),
            json!({"capacity_pool_id": other, "status": "capacity", "valid_until": "2026-11-22T11:00:00Z"}),
            json!({"capacity_pool_id": other, "status": "capacity", "valid_until": "2026-12-23T12:00:00Z"}),
            json!({"capacity_pool_id": other, "status": "capacity", "reported_at": "2026-11-22T12:06:00Z"}),
            json!([1, 2]),
            json!(3),
        ] {
            body.extend(format!("{line}\n").into_bytes());
        }
        body.extend(b"{\"status\": \"capacity\", \xff}\n");
        body.extend(b"{\"status\": \0}\n");
        body.extend(format!("{{\"capacity_pool_id\": \"{other}\", \"status\": \"capacity\", \"status\": \"waitlist\"}}\n").into_bytes());
        body.extend(b"{\"status\": \n");
        body.extend(format!("{{\"capacity_pool_id\": \"{other}\", \"status\": \"waitlist\", \"waiting\": 4}}").into_bytes());
        let answer = said(&causeway, body);
        let invalid = |line, place: &str| (line, "rejected".to_owned(), format!("invalid-request {place}").trim().to_owned());
        assert_eq!(short(&answer), [
            (1, "recorded".to_owned(), String::new()),
            invalid(2, "/open_slots"),
            invalid(3, "/open_slots"),
            invalid(4, "/open_slots"),
            (5, "rejected".to_owned(), "not-found".to_owned()),
            (6, "rejected".to_owned(), "not-found".to_owned()),
            (7, "rejected".to_owned(), "conflict".to_owned()),
            invalid(8, "/capacity_pool_id"),
            invalid(9, "/offering_id"),
            invalid(10, "/capacity_pool_id"),
            invalid(11, "/slots"),
            invalid(12, "/notes"),
            invalid(13, "/notes"),
            invalid(14, "/valid_until"),
            invalid(15, "/valid_until"),
            invalid(16, "/reported_at"),
            (17, "rejected".to_owned(), "invalid-request ".to_owned()),
            (18, "rejected".to_owned(), "invalid-request ".to_owned()),
            (19, "rejected".to_owned(), "invalid-request ".to_owned()),
            (20, "rejected".to_owned(), "invalid-request /status".to_owned()),
            (21, "rejected".to_owned(), "invalid-request ".to_owned()),
            (22, "rejected".to_owned(), "invalid-request /status".to_owned()),
            (23, "recorded".to_owned(), String::new()),
        ]);
        assert_eq!(answer[23], json!({"status": "finished", "lines": 23, "recorded": 2, "kept": 0, "rejected": 21}));
        assert_eq!(answer[0]["capacity_pool_id"], json!(one));
        assert_eq!((&now(&causeway, &one)["open_slots"], &now(&causeway, &other)["waiting"]), (&json!(2), &json!(4)));
        assert_eq!(history(&causeway, &other)[0]["id"], answer[22]["claim_id"]);
        assert_eq!(causeway.found("postal_code=01840&availability=open"), [offering.id.as_str()]);
    }
}

on_both! {
    fn reports_out_of_order_go_to_the_history_also_within_one_call(causeway) {
        let [one, other] = [pool(&causeway), pool(&causeway)];
        causeway.put(&format!("/v1/capacity-pools/{other}/availability"), &json!({"status": "capacity", "open_slots": 3})).expect(200);
        let line = |pool: &str, status: &str, at: &str| format!("{}\n", json!({"capacity_pool_id": pool, "status": status, "reported_at": at}));
        let body = [
            line(&one, "waitlist", "2026-11-22T10:00:00Z"),
            line(&one, "capacity", "2026-11-22T11:00:00Z"),
            line(&one, "no-capacity", "2026-11-22T10:30:00Z"),
            line(&other, "no-capacity", "2026-11-22T11:59:59Z"),
            // Of two that were said at the same instant the one that came later holds.
            line(&one, "additional-assessment-required", "2026-11-22T11:00:00Z"),
        ]
        .concat();
        let answer = said(&causeway, body);
        assert_eq!(short(&answer), expected(&[(1, "recorded", ""), (2, "recorded", ""), (3, "kept", ""), (4, "kept", ""), (5, "recorded", "")]));
        assert_eq!(answer[5], json!({"status": "finished", "lines": 5, "recorded": 3, "kept": 2, "rejected": 0}));
        assert_eq!(now(&causeway, &one)["status"], "additional-assessment-required");
        assert_eq!(now(&causeway, &other)["open_slots"], 3);
        let statuses: Vec<Value> = history(&causeway, &one).iter().map(|item| item["status"].clone()).collect();
        assert_eq!(statuses, ["additional-assessment-required", "capacity", "no-capacity", "waitlist"]);
        assert_eq!(history(&causeway, &other).len(), 2);
    }
}

on_both! {
    fn an_agency_speaks_of_its_own_pools_and_a_district_reports_calls(causeway) {
        let own = causeway.create("/v1/organizations", &json!({"name": "Own", "engagement": "enrolled"}));
        let pools = [pool_of(&causeway, &own), pool(&causeway), pool_of(&causeway, &own)];
        let body = |method: &Value| -> String {
            pools.iter().map(|pool| {
                let mut line = json!({"capacity_pool_id": pool, "status": "capacity"});
                if method.is_string() {
                    line["method"] = method.clone();
                }
                format!("{line}\n")
            }).collect::<Vec<String>>().concat()
        };
        let staff = causeway.token(Role::AgencyStaff, &Tie::Organization(own.parse().unwrap()));
        let answer = lines(&causeway.send_as(&staff, request(body(&Value::Null))).expect(200));
        assert_eq!(short(&answer), expected(&[(1, "recorded", ""), (2, "rejected", "not-found"), (3, "recorded", "")]));
        let district = causeway.create("/v1/districts", &json!({"name": "Lawrence", "code": "01490000", "state": "MA"}));
        let tie = Tie::District { district: district.parse().unwrap(), schools: Vec::new() };
        let coordinator = causeway.token(Role::Coordinator, &tie);
        let answer = lines(&causeway.send_as(&coordinator, request(body(&json!("agency")))).expect(200));
        assert!(short(&answer).iter().all(|(_, status, code)| status == "rejected" && code == "invalid-request /method"), "{answer:?}");
        let answer = lines(&causeway.send_as(&coordinator, request(body(&Value::Null))).expect(200));
        assert_eq!(answer[3]["recorded"], 3);
        assert_eq!(now(&causeway, &pools[1])["method"], "coordinator_call");
    }
}

on_both! {
    fn line_ends_empty_lines_and_a_byte_order_mark_do_no_harm(causeway) {
        let pool = pool(&causeway);
        let line = json!({"capacity_pool_id": pool, "status": "waitlist"}).to_string();
        let body = format!("\u{feff}{line}\r\n\r\n  \n\n{line}\r\n{line}");
        let answer = said(&causeway, body);
        assert_eq!(short(&answer), expected(&[(1, "recorded", ""), (5, "recorded", ""), (6, "recorded", "")]));
        assert_eq!(answer[3]["lines"], 6);
        assert_eq!(said(&causeway, ""), [json!({"status": "finished", "lines": 0, "recorded": 0, "kept": 0, "rejected": 0})]);
    }
}

on_both! {
    fn a_line_of_ten_megabytes_is_one_rejected_line(causeway) {
        let pool = pool(&causeway);
        let line = json!({"capacity_pool_id": pool, "status": "waitlist"}).to_string();
        let long = json!({"capacity_pool_id": pool, "status": "waitlist", "notes": "x".repeat(10 << 20)}).to_string();
        let answer = said(&causeway, format!("{line}\n{long}\n{line}\n"));
        assert_eq!(short(&answer), expected(&[(1, "recorded", ""), (2, "rejected", "payload-too-large"), (3, "recorded", "")]));
        assert!(answer[1]["problem"]["detail"].as_str().unwrap().contains("65536"), "{}", answer[1]);
        let answer = said(&causeway, format!("{line}\n{long}"));
        assert_eq!(short(&answer), expected(&[(1, "recorded", ""), (2, "rejected", "payload-too-large")]));
    }
}

on_both! {
    fn what_is_wrong_with_a_line_is_said_in_few_words_however_long_it_is(causeway) {
        let field = "x".repeat(60_000);
        let deep = format!("{{\"status\": {}1{}}}", "[".repeat(20_000), "]".repeat(20_000));
        let answer = said(&causeway, format!("{{\"{field}\": 1}}\n{{\"status\": \"{field}\"}}\n{deep}\n"));
        assert_eq!(answer.len(), 4);
        assert_eq!(answer[2]["problem"]["errors"][0]["detail"], "is nested more than 32 levels deep");
        for line in &answer {
            assert!(line.to_string().len() < 1_500, "{}", line.to_string().len());
        }
    }
}

on_both! {
    fn more_lines_than_one_transaction_takes_keep_their_order(causeway) {
        let pools: Vec<String> = (0..7).map(|_| pool(&causeway)).collect();
        let body: String = (0..1_500)
            .map(|number| format!("{}\n", json!({"capacity_pool_id": pools[number % 7], "status": "waitlist", "waiting": number})))
            .collect::<Vec<_>>()
            .concat();
        let answer = said(&causeway, body);
        assert_eq!(answer.len(), 1_501);
        for (number, line) in answer[..1_500].iter().enumerate() {
            assert_eq!((line["line"].as_u64(), &line["status"]), (Some(number as u64 + 1), &json!("recorded")));
            assert_eq!(line["capacity_pool_id"], json!(pools[number % 7]));
        }
        assert_eq!(answer[1_500]["recorded"], 1_500);
        for (number, pool) in pools.iter().enumerate() {
            let last = (0..1_500).rev().find(|line| line % 7 == number).unwrap();
            assert_eq!(now(&causeway, pool)["waiting"], json!(last));
        }
    }
}

/// The same Causeway with other bounds for what goes on.
fn bounded(causeway: &Causeway, lasting: Lasting) -> (String, causeway::http::Context) {
    let app = &causeway.context().app;
    let client = app.access.development_client(Role::Operator, None).unwrap();
    let token = app.access.token_now(client.id, Role::Operator, None).unwrap().token;
    let edge = Edge::new(EdgeConfig { lasting, ..EdgeConfig::default() });
    (token, causeway::http::Context { edge, ..causeway.context().clone() })
}

on_both! {
    fn a_call_that_is_too_long_stops_where_it_is_and_says_so(causeway) {
        let pool = pool(&causeway);
        let line = format!("{}\n", json!({"capacity_pool_id": pool, "status": "waitlist"}));
        let stopped = |lasting: Lasting, body: String| {
            let (token, context) = bounded(&causeway, lasting);
            let request = request(body).insert_header(("Authorization", format!("Bearer {token}")));
            lines(&send_all(&context, [request]).pop().unwrap().expect(200))
        };
        let answer = stopped(Lasting { lines: 3, ..Lasting::default() }, line.repeat(5));
        assert_eq!(answer.len(), 4);
        assert_eq!((&answer[3]["status"], &answer[3]["lines"], &answer[3]["recorded"]), (&json!("stopped"), &json!(3), &json!(3)));
        assert_eq!(answer[3]["problem"]["code"], "payload-too-large");
        assert_eq!(stopped(Lasting { lines: 3, ..Lasting::default() }, line.repeat(3))[3]["status"], "finished");
        assert_eq!(history(&causeway, &pool).len(), 6);
        let (token, context) = bounded(&causeway, Lasting { body: 100, ..Lasting::default() });
        let request = request(line.repeat(2)).insert_header(("Authorization", format!("Bearer {token}")));
        assert_eq!(send_all(&context, [request]).pop().unwrap().expect(413).json()["code"], "payload-too-large");
    }
}

on_both! {
    fn who_is_disabled_in_the_middle_of_a_call_says_nothing_more(causeway) {
        let access = &causeway.context().app.access;
        let district = causeway.create("/v1/districts", &json!({"name": "North", "state": "MA", "code": "N"}));
        let tie = Tie::District { district: district.parse().unwrap(), schools: Vec::new() };
        let client = access.development_client(Role::Coordinator, Some(&tie)).unwrap();
        let token = access.token_now(client.id, Role::Coordinator, None).unwrap().token;
        let pool = pool(&causeway);
        let served = Served::new(&causeway, Lasting::default());
        let head = "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n";
        let mut asked = served.ask("POST", URI, &token, head);
        let line = format!("{}\n", json!({"capacity_pool_id": pool, "status": "waitlist"}));
        let send = |asked: &mut Asked| write!(asked.stream, "{:x}\r\n{line}\r\n", line.len()).unwrap();
        send(&mut asked);
        asked.until(|text| text.contains("\"recorded\"").then_some(()));
        causeway.store().write_now(|tx| clients::disable(tx, client.id, "a test")).unwrap();
        send(&mut asked);
        asked.until(|text| (text.contains("\"stopped\"") && text.contains("\"unauthenticated\"")).then_some(()));
        assert_eq!(history(&causeway, &pool).len(), 1);
    }
}

on_both! {
    fn a_call_of_which_too_much_is_rejected_stops(causeway) {
        let (token, context) = bounded(&causeway, Lasting { rejected: 200, ..Lasting::default() });
        let request = request("x\n".repeat(1_000)).insert_header(("Authorization", format!("Bearer {token}")));
        let answer = lines(&send_all(&context, [request]).pop().unwrap().expect(200));
        let summary = answer.last().unwrap();
        assert_eq!((&summary["status"], &summary["problem"]["code"]), (&json!("stopped"), &json!("invalid-request")));
        assert_eq!((&summary["lines"], &summary["rejected"]), (&json!(200), &json!(200)));
    }
}

on_both! {
    fn a_call_is_refused_as_a_whole_for_its_type_and_for_what_its_caller_has_open(causeway) {
        let line = json!({"status": "waitlist"}).to_string();
        let plain = TestRequest::post().uri(URI).insert_header(("Content-Type", "application/json")).set_payload(line.clone());
        assert_eq!(causeway.send(plain).expect(415).json()["code"], "unsupported-media-type");
        let zipped = request(line.clone()).insert_header(("Content-Encoding", "gzip"));
        causeway.send(zipped).expect(415);
        causeway.send(TestRequest::post().uri("/v1/availability?strict=true").insert_header(("Content-Type", "application/x-ndjson")).set_payload(line.clone())).expect(400);
        let (token, context) = bounded(&causeway, Lasting { open_per_caller: 0, idle: Duration::from_secs(1), ..Lasting::default() });
        let authorization = ("Authorization", format!("Bearer {token}"));
        let refused = send_all(&context, [request(line.clone()).insert_header(authorization.clone())]).pop().unwrap().expect(429);
        assert_eq!((refused.json()["code"].as_str(), refused.header("retry-after")), (Some("rate-limited"), Some("1")));
        context.edge.stop();
        let refused = send_all(&context, [request(line).insert_header(authorization)]).pop().unwrap().expect(503);
        assert_eq!(refused.json()["code"], "stopping");
    }
}

on_both! {
    fn a_body_that_does_not_come_on_or_does_not_end_is_stopped_and_keeps_what_it_did(causeway) {
        let pool = pool(&causeway);
        let line = format!("{}\n", json!({"capacity_pool_id": pool, "status": "waitlist"}));
        let token = causeway.token(Role::Operator, &Tie::None);
        let bounds = Lasting { idle: Duration::from_millis(300), body: 2_000, ..Lasting::default() };
        let served = Served::new(&causeway, bounds);
        let headers = "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n";
        let send = |asked: &mut Asked, text: &str| write!(asked.stream, "{:x}\r\n{text}\r\n", text.len());
        let summary = |text: &str| {
            let line = text.lines().find(|line| line.contains("\"stopped\""))?;
            serde_json::from_str::<Value>(line).ok()
        };

        let mut slow = served.ask("POST", URI, &token, headers);
        send(&mut slow, &format!("{line}{{\"status\": ")).unwrap();
        let said = slow.until(summary);
        assert_eq!((&said["problem"]["code"], &said["lines"], &said["recorded"]), (&json!("request-timeout"), &json!(1), &json!(1)));

        // More than the bound, all of it before anything is read.
        let mut endless = served.ask("POST", URI, &token, headers);
        for _ in 0..2_000 {
            send(&mut endless, &line.repeat(10)).unwrap();
        }
        let said = endless.until(summary);
        assert_eq!(said["problem"]["code"], "payload-too-large");
        let recorded = usize::try_from(said["recorded"].as_u64().unwrap()).unwrap();
        assert!(recorded * line.len() <= 2_000, "{said}");
        assert_eq!(history(&causeway, &pool).len(), 1 + recorded);
    }
}
