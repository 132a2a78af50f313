//! Reports in bulk against the real program: over real sockets, stopped and killed in the middle.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::time::Duration;

use diesel::sql_types::{Integer, Nullable, Text};
use diesel::{Connection, QueryableByName, RunQueryDsl, SqliteConnection};
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::process::{Program, causeway, get_as, number, operator, post_as, ready, sqlite_url};

/// `serve` on a SQLite file in `folder`, with so many capacity pools.
struct Served {
    program: Program,
    address: String,
    token: String,
    pools: Vec<String>,
}

fn serve(folder: &Path) -> (Program, String) {
    let url = sqlite_url(folder);
    let mut program =
        Program::start(causeway(folder, &["serve", "--listen", "127.0.0.1:0", "--database-url", &url]));
    let address = program.address();
    ready(&address);
    (program, address)
}

fn with_pools(folder: &Path, count: usize) -> Served {
    let (program, address) = serve(folder);
    let token = operator(folder, &sqlite_url(folder));
    let create = |path: &str, body: Value| {
        let (status, created) = post_as(&token, &format!("{address}{path}"), &body);
        assert_eq!(status, 201, "{created}");
        created["id"].as_str().unwrap().to_owned()
    };
    let organization = create("/v1/organizations", json!({"name": "Agency", "engagement": "enrolled"}));
    let pool = json!({"organization_id": organization, "name": "Team", "kind": "team"});
    let pools = (0..count).map(|_| create("/v1/capacity-pools", pool.clone())).collect();
    Served { program, address, token, pools }
}

/// A call in bulk whose body is yet to come.
fn call(address: &str, token: &str, framing: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    stream.set_write_timeout(Some(Duration::from_mins(1))).unwrap();
    write!(
        stream,
        "POST /v1/availability HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/x-ndjson\r\n{framing}\r\n\r\n"
    )
    .unwrap();
    stream
}

const CHUNKED: &str = "Transfer-Encoding: chunked";

fn send_chunk(stream: &mut TcpStream, text: &str) -> std::io::Result<()> {
    write!(stream, "{:x}\r\n{text}\r\n", text.len())
}

/// What has come of an answer, as far as it is whole lines; and whether it has come to its end.
fn lines(answer: &[u8]) -> (Vec<Value>, bool) {
    let Some(head) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return (Vec::new(), false);
    };
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(answer));
    let (mut rest, mut body, mut ended) = (&answer[head + 4..], Vec::new(), false);
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        ended = length == 0;
        let chunk = &rest[end + 2..];
        body.extend_from_slice(&chunk[..length.min(chunk.len())]);
        if ended || chunk.len() < length + 2 {
            break;
        }
        rest = &chunk[length + 2..];
    }
    let text = String::from_utf8_lossy(&body);
    let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
    (whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), ended)
}

/// Everything that still comes; a connection may also break.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error} after {} bytes", answer.len()),
    }
    answer
}

/// Reads until there are so many lines.
fn until(stream: &mut TcpStream, answer: &mut Vec<u8>, count: usize) -> Vec<Value> {
    let mut piece = [0; 4_096];
    loop {
        let (lines, _) = lines(answer);
        if lines.len() >= count {
            return lines;
        }
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(answer));
        answer.extend_from_slice(&piece[..read]);
    }
}

fn line(pool: &str, number: usize) -> String {
    let body = json!({"capacity_pool_id": pool, "status": "waitlist", "waiting": number, "notes": format!("n{number}")});
    format!("{body}\n")
}

#[test]
fn who_writes_everything_before_reading_anything_gets_every_result() {
    let folder = tempdir().unwrap();
    let Served { program, address, token, pools } = with_pools(folder.path(), 3);
    let wrong = 60_000;
    let mut body = String::new();
    for number in 0..1_000 {
        body.push_str(&line(&pools[number % 3], number));
    }
    // An answer that is far longer than what came, and than all that sockets and memory hold.
    for _ in 0..wrong {
        body.push_str("{}\n");
    }
    let mut stream = call(&address, &token, &format!("Content-Length: {}", body.len()));
    stream.write_all(body.as_bytes()).unwrap();
    // While nobody reads, others are served.
    assert_eq!(get_as(&token, &format!("{address}/v1/organizations")).0, 200);
    let (lines, ended) = lines(&rest(&mut stream));
    assert!(ended && lines.len() == 1_000 + wrong + 1, "{}", lines.len());
    for (position, line) in lines[..1_000 + wrong].iter().enumerate() {
        assert_eq!(line["line"], json!(position + 1));
        assert_eq!(line["status"], if position < 1_000 { "recorded" } else { "rejected" });
    }
    let summary = json!({"status": "finished", "lines": 1_000 + wrong, "recorded": 1_000, "kept": 0, "rejected": wrong});
    assert_eq!(lines[1_000 + wrong], summary);
    program.stopped();
}

#[test]
fn results_come_while_the_request_still_does_also_to_one_who_has_closed_their_half() {
    let folder = tempdir().unwrap();
    let Served { program, address, token, pools } = with_pools(folder.path(), 1);
    let mut stream = call(&address, &token, CHUNKED);
    let mut answer = Vec::new();
    for number in 1..=5 {
        send_chunk(&mut stream, &line(&pools[0], number)).unwrap();
        let lines = until(&mut stream, &mut answer, number);
        assert_eq!(lines[number - 1]["status"], "recorded", "{lines:?}");
        // What was answered is to be seen at once.
        let (_, shown) = get_as(&token, &format!("{address}/v1/capacity-pools/{}/availability", pools[0]));
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["waiting"], json!(number));
    }
    stream.write_all(b"0\r\n\r\n").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    answer.extend(rest(&mut stream));
    let (lines, ended) = lines(&answer);
    assert!(ended && lines[5]["status"] == "finished", "{lines:?}");
    program.stopped();
}

#[test]
fn of_a_body_that_breaks_off_the_whole_lines_stay_and_the_started_one_does_not() {
    let folder = tempdir().unwrap();
    let Served { program, address, token, pools } = with_pools(folder.path(), 1);
    let file = folder.path().join("causeway.db");
    for framing in [CHUNKED, "Content-Length: 100000"] {
        let before = number(&file, "SELECT COUNT(*) FROM claims").unwrap();
        let mut stream = call(&address, &token, framing);
        // What is begun would be a report of its own, had it been the last line of a body that ends.
        let text = format!("{}{}{}", line(&pools[0], 1), line(&pools[0], 2), line(&pools[0], 3).trim());
        if framing == CHUNKED {
            send_chunk(&mut stream, &text).unwrap();
        } else {
            stream.write_all(text.as_bytes()).unwrap();
        }
        let mut answer = Vec::new();
        until(&mut stream, &mut answer, 2);
        stream.shutdown(Shutdown::Write).unwrap();
        answer.extend(rest(&mut stream));
        let lines = lines(&answer).0;
        let last = lines.last().unwrap();
        assert_eq!(
            (&last["status"], &last["lines"], &last["recorded"]),
            (&json!("stopped"), &json!(2), &json!(2))
        );
        assert_eq!(last["problem"]["code"], "invalid-request");
        assert_eq!(number(&file, "SELECT COUNT(*) FROM claims").unwrap() - before, 2);
    }
    program.stopped();
}

#[test]
fn a_stop_ends_a_call_in_bulk_behind_a_line_and_says_which() {
    let folder = tempdir().unwrap();
    let Served { program, address, token, pools } = with_pools(folder.path(), 1);
    let mut stream = call(&address, &token, CHUNKED);
    let mut answer = Vec::new();
    send_chunk(&mut stream, &line(&pools[0], 1)).unwrap();
    until(&mut stream, &mut answer, 1);
    program.signal("TERM");
    let lines = until(&mut stream, &mut answer, 2);
    assert_eq!((&lines[1]["status"], &lines[1]["lines"]), (&json!("stopped"), &json!(1)), "{lines:?}");
    assert_eq!(lines[1]["problem"]["code"], "stopping");
    program.ended().expect(0);
}

#[derive(QueryableByName)]
struct ClaimRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = Text)]
    capacity_pool_id: String,
    #[diesel(sql_type = Nullable<Integer>)]
    waiting: Option<i32>,
    #[diesel(sql_type = Nullable<Text>)]
    notes: Option<String>,
}

/// Kills the program while it works on a call, and gives how many lines it had answered.
fn killed_in_the_middle(folder: &Path, token: &str, pools: &[String], after: Duration) -> usize {
    let (program, address) = serve(folder);
    let mut stream = call(&address, token, CHUNKED);
    let mut sending = stream.try_clone().unwrap();
    let sent = pools.to_vec();
    let sender = std::thread::spawn(move || {
        for number in 0.. {
            let text: String = (0..50)
                .map(|step| line(&sent[(number * 50 + step) % sent.len()], number * 50 + step))
                .collect::<Vec<_>>()
                .concat();
            if send_chunk(&mut sending, &text).is_err() {
                break;
            }
        }
    });
    let killer = std::thread::spawn(move || {
        std::thread::sleep(after);
        program.signal("KILL");
        program.ended()
    });
    let answer = rest(&mut stream);
    killer.join().unwrap();
    sender.join().unwrap();
    let (answered, ended) = lines(&answer);
    assert!(!ended, "it was killed before the end");
    let (program, _) = serve(folder);
    let mut connection = SqliteConnection::establish(folder.join("causeway.db").to_str().unwrap()).unwrap();
    let rows: Vec<ClaimRow> = diesel::sql_query("SELECT id, capacity_pool_id, waiting, notes FROM claims")
        .load(&mut connection)
        .unwrap();
    let kept: std::collections::HashMap<&str, &ClaimRow> =
        rows.iter().map(|row| (row.id.as_str(), row)).collect();
    for line in &answered {
        assert_eq!(line["status"], "recorded");
        let row =
            kept.get(line["claim_id"].as_str().unwrap()).unwrap_or_else(|| panic!("{line} was acknowledged"));
        assert_eq!(row.capacity_pool_id, line["capacity_pool_id"].as_str().unwrap());
        assert_eq!(row.waiting.map(i64::from), line["line"].as_i64().map(|line| line - 1));
    }
    for row in &rows {
        assert_eq!(row.notes, row.waiting.map(|waiting| format!("n{waiting}")), "{} is half there", row.id);
    }
    let file = folder.join("causeway.db");
    // The pool and its claim, and the feed, went the same way.
    let astray = "SELECT COUNT(*) FROM capacity_pools p WHERE p.current_claim_id IS NOT
        (SELECT c.id FROM claims c WHERE c.capacity_pool_id = p.id ORDER BY c.reported_at DESC, c.id DESC LIMIT 1)";
    assert_eq!(number(&file, astray), Some(0));
    assert_eq!(
        number(&file, "SELECT COUNT(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"),
        Some(0)
    );
    program.stopped();
    answered.len()
}

/// `CAUSEWAY_SOAK=1` does it a hundred times.
#[test]
fn after_a_kill_every_line_that_was_acknowledged_is_there_and_none_is_half_there() {
    let folder = tempdir().unwrap();
    let Served { program, token, pools, .. } = with_pools(folder.path(), 40);
    program.stopped();
    let rounds: u64 = if std::env::var_os("CAUSEWAY_SOAK").is_some() { 100 } else { 3 };
    let mut answered = 0;
    for round in 0..rounds {
        let after = Duration::from_millis(150 + (round * 97) % 700);
        answered += killed_in_the_middle(folder.path(), &token, &pools, after);
    }
    assert!(answered > 0, "something was acknowledged before each kill");
}
