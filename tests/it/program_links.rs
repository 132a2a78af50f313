//! Links and reminders of the real program: a message leaves it, its link is followed, and nothing of it is logged.

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::process::{Program, causeway, client, get, operator, post_as, ready, run, sqlite_url, wait_for};
use crate::smtp_sink::Sink;

fn put_as(token: &str, url: &str, body: &Value) -> u16 {
    let request = client().put(url).header("Authorization", format!("Bearer {token}"));
    request.send_json(body).unwrap().status().as_u16()
}

/// What a text holds from here to the next quotation mark or line.
fn from<'a>(text: &'a str, start: &str) -> &'a str {
    let at = text.find(start).unwrap_or_else(|| panic!("no {start} in {text}"));
    text[at..].split(['"', '\n']).next().unwrap()
}

#[test]
fn a_reminder_leaves_the_program_and_one_tap_on_its_page_is_seen_at_once() {
    let folder = tempdir().unwrap();
    let sink = Sink::start();
    let start = |mail: bool| {
        let mut command = causeway(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
        command.env("CAUSEWAY_DATABASE_URL", sqlite_url(folder.path())).env("CAUSEWAY_LOG", "trace");
        if mail {
            command
                .env("CAUSEWAY_SMTP_URL", sink.url())
                .env("CAUSEWAY_MAIL_FROM", "Causeway <causeway@example.org>");
        }
        let mut program = Program::start(command);
        let address = program.address();
        ready(&address);
        (program, address)
    };
    let (program, address) = start(false);
    let token = operator(folder.path(), &sqlite_url(folder.path()));
    let create = |path: &str, body: &Value| {
        let (status, made) = post_as(&token, &format!("{address}{path}"), body);
        assert_eq!(status, 201, "{made}");
        made["id"].as_str().unwrap().to_owned()
    };
    // An office that is always open: the test runs at any hour.
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let hours: Vec<Value> =
        days.iter().map(|day| json!({"day": day, "opens": "00:00", "closes": "24:00"})).collect();
    let agency =
        create("/v1/organizations", &json!({"name": "River", "engagement": "enrolled", "hours": hours}));
    let facts = json!({"organization_id": agency, "name": "Blue team", "kind": "team"});
    let pool = create("/v1/capacity-pools", &facts);
    let reminders = format!("{address}/v1/organizations/{agency}/availability-reminders");
    assert_eq!(put_as(&token, &reminders, &json!({"email": "intake@example.org", "before": "P7D"})), 200);
    let claims = format!("{address}/v1/capacity-pools/{pool}/availability");
    assert_eq!(put_as(&token, &claims, &json!({"status": "capacity"})), 200);
    program.stopped();
    assert!(sink.mails().is_empty(), "without a mail server nothing goes");

    let (program, address) = start(true);
    let mail = wait_for("the reminder", || sink.take().pop());
    assert_eq!(mail.to, "intake@example.org");
    let text = mail.text();
    let path = from(&text, "http://127.0.0.1:8080/u/").strip_prefix("http://127.0.0.1:8080").unwrap();
    let stop = from(&text, "http://127.0.0.1:8080/r/").strip_prefix("http://127.0.0.1:8080").unwrap();
    let place = format!("{address}{path}");
    let (status, page) = get(&place);
    assert_eq!(status, 200);
    assert!(page.contains("Blue team") && page.contains("We have openings"), "{page}");
    let form = page.split("name=\"form\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let sent = [("form", form), ("answer", "waitlist"), ("number", "4")];
    let mut thanks = client().post(&place).send_form(sent).unwrap();
    assert_eq!(thanks.status().as_u16(), 200);
    assert!(thanks.body_mut().read_to_string().unwrap().contains("People waiting: 4"));
    let mut now = client()
        .get(format!("{address}/v1/capacity-pools/{pool}/availability"))
        .header("Authorization", format!("Bearer {token}"))
        .call()
        .unwrap();
    let now: Value = now.body_mut().read_json().unwrap();
    assert_eq!((&now["status"], &now["waiting"]), (&json!("waitlist"), &json!(4)));
    assert_eq!(get(&format!("{address}{stop}")).0, 200);
    let ended = program.stopped();
    for secret in [path, stop, form, "intake@example.org"] {
        let secret = secret.trim_start_matches("/u/").trim_start_matches("/r/");
        assert!(!ended.err.contains(secret) && !ended.out.contains(secret), "{secret} is logged");
    }
    assert!(
        ended.err.contains("route=\"/u/{token}\"") && ended.err.contains("sent a message"),
        "{}",
        ended.err
    );
}

#[test]
fn serve_tells_how_mail_is_sent_and_refuses_half_a_setting() {
    let folder = tempdir().unwrap();
    let help = run(folder.path(), &["serve", "--help"]).expect(0).out;
    for words in
        ["--smtp-url", "CAUSEWAY_SMTP_URL", "--mail-from", "nothing is sent", "CAUSEWAY_SMTP_PASSWORD"]
    {
        assert!(help.contains(words), "{words}: {help}");
    }
    for (name, value, words) in [
        ("CAUSEWAY_SMTP_URL", "smtp://mail.example.org", "smtp_url and mail_from belong together"),
        ("CAUSEWAY_MAIL_FROM", "a@example.org", "smtp_url and mail_from belong together"),
    ] {
        let mut command = causeway(folder.path(), &["serve"]);
        command.env("CAUSEWAY_DATABASE_URL", sqlite_url(folder.path())).env(name, value);
        Program::start(command).ended().refused(words);
    }
}
