//! Systems: their secrets, the tokens that they get, and how both are taken away.

use std::time::Duration;

use actix_web::test::TestRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use causeway::access::clients::{self, NewSecret};
use causeway::access::{Access, Role, Tie, keys};
use causeway::app::App;
use causeway::config::{AccessConfig, DatabaseUrl, EdgeConfig, MasterKey, MasterKeys};
use causeway::error::Error;
use causeway::http::{Context, Cursors, Edge};
use causeway::privacy::vault;
use causeway::store::{Store, StoreOptions};
use causeway::types::{ClientId, Clock};
use jiff::SignedDuration;
use serde_json::Value;
use tempfile::tempdir;

use crate::process::{Program, causeway, get, ready, run, sqlite_url};
use crate::support::{Answer, Causeway, on_both, send_all};

const HOUR: Duration = Duration::from_hours(1);

/// A client of this role with its secret.
fn client(causeway: &Causeway, role: Role) -> (ClientId, String) {
    let secret = NewSecret::make().unwrap();
    let id = causeway
        .store()
        .write_now(|tx| {
            let client = clients::create(tx, "A system", role, &Tie::None, "a test")?;
            clients::add_secret(tx, client.id, &secret, SignedDuration::ZERO, "a test")?;
            Ok(client.id)
        })
        .unwrap();
    (id, secret.shown().reveal().to_owned())
}

fn rotated(causeway: &Causeway, id: ClientId, overlap: SignedDuration) -> String {
    let secret = NewSecret::make().unwrap();
    causeway.store().write_now(|tx| clients::add_secret(tx, id, &secret, overlap, "a test")).unwrap();
    secret.shown().reveal().to_owned()
}

fn disable(store: &Store, id: ClientId) {
    store.write_now(|tx| clients::disable(tx, id, "a test")).unwrap();
}

fn form(fields: &str) -> TestRequest {
    TestRequest::post()
        .uri("/oauth/token")
        .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
        .set_payload(fields.to_owned())
}

fn basic(id: &str, secret: &str, fields: &str) -> TestRequest {
    let credentials = STANDARD.encode(format!("{id}:{secret}"));
    form(fields).insert_header(("Authorization", format!("Basic {credentials}")))
}

const GRANT: &str = "grant_type=client_credentials";

fn ask(causeway: &Causeway, id: ClientId, secret: &str) -> Answer {
    causeway.send_plainly(basic(&id.to_string(), secret, GRANT))
}

fn token(causeway: &Causeway, id: ClientId, secret: &str) -> String {
    ask(causeway, id, secret).expect(200).json()["access_token"].as_str().unwrap().to_owned()
}

/// The status of a search with this token.
fn search(context: &Context, token: &str) -> u16 {
    let request = TestRequest::get().uri("/v1/search?postal_code=01840");
    let request = request.insert_header(("Authorization", format!("Bearer {token}")));
    send_all(context, [request]).pop().unwrap().status
}

/// Another node on the same database.
fn another_node(causeway: &Causeway) -> Context {
    let options = StoreOptions { connections: 2, ..StoreOptions::default() };
    let app = App::new(causeway.another_store(options)).unwrap();
    app.load().unwrap();
    Context {
        app,
        cursors: Cursors::new([0; 32]),
        public_search: false,
        edge: Edge::new(EdgeConfig::default()),
    }
}

on_both! {
    fn a_client_gets_a_token_by_header_or_form_and_may_narrow_it(causeway) {
        let (id, secret) = client(&causeway, Role::Operator);
        let answer = ask(&causeway, id, &secret).expect(200);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let answer = answer.json();
        assert_eq!((answer["token_type"].as_str(), answer["expires_in"].as_i64()), (Some("Bearer"), Some(900)));
        assert_eq!(answer["scope"], "directory:read directory:write availability:write reports:read admin");
        let posted = form(&format!("{GRANT}&client_id={id}&client_secret={secret}&scope=directory%3Aread"));
        let narrow = causeway.send_plainly(posted).expect(200).json();
        assert_eq!(narrow["scope"], "directory:read");
        let narrow = narrow["access_token"].as_str().unwrap();
        assert_eq!(search(causeway.context(), narrow), 200);
        let ledger = causeway.send_as(narrow, TestRequest::get().uri("/v1/near-misses")).expect(403);
        assert!(ledger.text.contains("reports:read"));
    }
}

on_both! {
    fn what_is_wrong_with_a_request_for_a_token_is_said_as_rfc_6749_has_it(causeway) {
        let (id, secret) = client(&causeway, Role::StateAnalyst);
        let id = id.to_string();
        let other = client(&causeway, Role::Operator).1;
        for (request, status, error) in [
            (basic(&id, "wrong", GRANT), 401, "invalid_client"),
            (basic(&id, &other, GRANT), 401, "invalid_client"),
            (basic(&id, &format!("{secret}x"), GRANT), 401, "invalid_client"),
            (basic("0192d7a0-0000-7000-8000-000000000001", &secret, GRANT), 401, "invalid_client"),
            (basic("nobody", &secret, GRANT), 401, "invalid_client"),
            (form(GRANT), 401, "invalid_client"),
            (form(GRANT).insert_header(("Authorization", "Bearer x")), 401, "invalid_client"),
            (basic(&id, &secret, ""), 400, "invalid_request"),
            (basic(&id, &secret, "grant_type=password"), 400, "unsupported_grant_type"),
            (basic(&id, &secret, &format!("{GRANT}&{GRANT}")), 400, "invalid_request"),
            (basic(&id, &secret, &format!("{GRANT}&client_secret={secret}")), 400, "invalid_request"),
            (basic(&id, &secret, &format!("{GRANT}&client_id=another")), 400, "invalid_request"),
            (basic(&id, &secret, &format!("{GRANT}&scope=admin")), 400, "invalid_scope"),
            (basic(&id, &secret, &format!("{GRANT}&scope=everything")), 400, "invalid_scope"),
            (basic(&id, &secret, GRANT).insert_header(("Content-Type", "application/json")), 400, "invalid_request"),
        ] {
            let answer = causeway.send_plainly(request);
            let body = answer.json();
            assert_eq!((answer.status, body["error"].as_str()), (status, Some(error)), "{}", answer.text);
            assert!(body["error_description"].is_string() && body.as_object().unwrap().len() == 2, "{body}");
            assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
            assert!(!answer.text.contains(&secret) && !answer.text.contains(&other));
        }
    }
}

on_both! {
    fn wrong_secrets_are_bounded_for_each_client(causeway) {
        let (id, secret) = client(&causeway, Role::Operator);
        let (other, its_secret) = client(&causeway, Role::Operator);
        let wrong = causeway.send_all((0..20).map(|_| basic(&id.to_string(), "wrong", GRANT)));
        assert!(wrong.iter().all(|answer| answer.status == 401));
        let bounded = ask(&causeway, id, &secret).expect(429);
        assert_eq!((bounded.header("retry-after"), bounded.json()["error"].as_str()), (Some("300"), Some("slow_down")));
        ask(&causeway, other, &its_secret).expect(200);
        causeway.clock.advance(Duration::from_mins(5));
        ask(&causeway, id, &secret).expect(200);
    }
}

on_both! {
    fn a_new_secret_lives_beside_the_old_one_for_the_overlap(causeway) {
        let (id, first) = client(&causeway, Role::Operator);
        let second = rotated(&causeway, id, SignedDuration::from_hours(2));
        for secret in [&first, &second] {
            ask(&causeway, id, secret).expect(200);
        }
        causeway.clock.advance(HOUR);
        ask(&causeway, id, &first).expect(200);
        causeway.clock.advance(HOUR);
        ask(&causeway, id, &first).expect(401);
        ask(&causeway, id, &second).expect(200);
        let third = rotated(&causeway, id, SignedDuration::ZERO);
        ask(&causeway, id, &second).expect(401);
        ask(&causeway, id, &third).expect(200);
    }
}

on_both! {
    fn a_token_holds_for_its_fifteen_minutes_also_where_it_is_remembered(causeway) {
        let (id, secret) = client(&causeway, Role::Operator);
        let token = token(&causeway, id, &secret);
        assert_eq!(search(causeway.context(), &token), 200);
        causeway.clock.advance(Duration::from_secs(15 * 60 + 29));
        assert_eq!(search(causeway.context(), &token), 200, "clocks may differ by 30 seconds");
        causeway.clock.advance(Duration::from_secs(1));
        assert_eq!(search(causeway.context(), &token), 401);
    }
}

on_both! {
    fn a_disabled_client_is_refused_at_once_and_on_other_nodes_with_the_next_poll(causeway) {
        let (id, secret) = client(&causeway, Role::Operator);
        let (untouched, its_secret) = client(&causeway, Role::Operator);
        let (token, other) = (token(&causeway, id, &secret), token(&causeway, untouched, &its_secret));
        let node = another_node(&causeway);
        for context in [causeway.context(), &node] {
            assert_eq!((search(context, &token), search(context, &other)), (200, 200));
        }
        disable(causeway.store(), id);
        assert_eq!(search(causeway.context(), &token), 401, "at once here");
        assert_eq!(search(&node, &token), 200, "the other node remembers it");
        node.app.poll().unwrap();
        assert_eq!(search(&node, &token), 401);
        assert_eq!(search(&node, &other), 200);
        ask(&causeway, id, &secret).expect(401);
        let refused = causeway.store().write_now(|tx| {
            clients::add_secret(tx, id, &NewSecret::make()?, SignedDuration::ZERO, "a test")
        });
        assert!(refused.is_err(), "a disabled client gets no secret");
        let history = causeway.store().read_now(|connection| clients::history(connection, id)).unwrap();
        let events: Vec<&str> = history.iter().map(|(event, ..)| event.as_str()).collect();
        assert_eq!(events, ["created", "given a secret", "disabled"]);
    }
}

on_both! {
    fn a_key_that_was_replaced_stays_published_until_nothing_that_it_signed_can_hold(causeway) {
        let (id, secret) = client(&causeway, Role::Operator);
        let node = another_node(&causeway);
        let old = token(&causeway, id, &secret);
        let published = || {
            let answer = causeway.send_plainly(TestRequest::get().uri("/.well-known/jwks.json")).expect(200).json();
            let keys = answer["keys"].as_array().unwrap().clone();
            assert!(keys.iter().all(|key| key.get("d").is_none() && key["kty"] == "OKP"), "only public parts");
            keys.into_iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let kid = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
        assert_eq!(published(), [kid(&old)]);
        causeway.store().write_now(|tx| keys::rotate(tx, &MasterKeys::default(), false, "a test")).unwrap();
        let new = token(&causeway, id, &secret);
        assert_eq!(published(), [kid(&old), kid(&new)]);
        for context in [causeway.context(), &node] {
            assert_eq!((search(context, &old), search(context, &new)), (200, 200));
        }
        causeway.clock.advance(10 * HOUR);
        assert_eq!(published(), [kid(&new)]);
        let newest = token(&causeway, id, &secret);
        assert_eq!(search(&node, &newest), 200);
        causeway.store().write_now(|tx| keys::rotate(tx, &MasterKeys::default(), true, "a test")).unwrap();
        assert_eq!(search(causeway.context(), &newest), 401, "revoked: nothing of before is believed");
        node.app.poll().unwrap();
        assert_eq!(search(&node, &newest), 401);
        assert_eq!(published().len(), 1);
    }
}

on_both! {
    fn a_master_key_seals_and_a_key_that_lay_open_is_believed_no_more(causeway) {
        let open = causeway.token(Role::Operator, &Tie::None);
        let masters = |byte: u8| MasterKeys {
            current: Some(MasterKey::read(&STANDARD.encode([byte; 32])).unwrap()),
            previous: Vec::new(),
        };
        let app = |master_keys| {
            let options = StoreOptions { connections: 2, ..StoreOptions::default() };
            App::guarded(causeway.another_store(options), AccessConfig { master_keys, ..AccessConfig::default() })
        };
        let refused = |opened: Result<App, Error>| opened.err().expect("it is refused").to_string();
        assert!(refused(app(masters(1))).contains("causeway keys rewrap"), "the keys lay open");
        vault::rewrap(causeway.store(), &masters(1), |_| {}).unwrap();
        let app_of_one = app(masters(1)).unwrap();
        app_of_one.load().unwrap();
        let edge = Edge::new(EdgeConfig::default());
        let node = Context { app: app_of_one, cursors: Cursors::new([0; 32]), public_search: false, edge };
        assert_eq!(search(&node, &open), 401);
        let access = &node.app.access;
        let client = access.development_client(Role::Operator, None).unwrap();
        let token = access.token_now(client.id, Role::Operator, None).unwrap().token;
        assert_eq!(search(&node, &token), 200);
        assert!(refused(app(masters(2))).contains("another master key"), "the keys are sealed by another");
        assert!(refused(app(MasterKeys::default())).contains("another master key"));
        let other = AccessConfig { master_keys: masters(2), ..AccessConfig::default() };
        let other = Access::new(causeway.store().clone(), other).check().unwrap_err().to_string();
        assert!(other.contains("sealed with another CAUSEWAY_MASTER_KEY"), "{other}");
        let none = causeway.context().app.access.check().unwrap_err().to_string();
        assert!(none.contains("set CAUSEWAY_MASTER_KEY"), "{none}");
    }
}

on_both! {
    fn the_metadata_says_where_tokens_are_given(causeway) {
        let metadata = causeway.send_plainly(TestRequest::get().uri("/.well-known/oauth-authorization-server")).expect(200).json();
        assert_eq!(metadata["issuer"], "http://127.0.0.1:8080");
        assert_eq!(metadata["token_endpoint"], "http://127.0.0.1:8080/oauth/token");
        assert_eq!(metadata["jwks_uri"], "http://127.0.0.1:8080/.well-known/jwks.json");
        assert_eq!(metadata["scopes_supported"].as_array().unwrap().len(), 9);
    }
}

on_both! {
    fn a_secret_is_in_no_table(causeway) {
        let (id, secret) = client(&causeway, Role::Operator);
        let token = token(&causeway, id, &secret);
        assert_eq!(search(causeway.context(), &token), 200);
        let random = secret.split_once('.').unwrap().1;
        assert!(causeway.holds_text("argon2id"), "all tables are looked at");
        assert!(!causeway.holds_text(random));
        assert!(!causeway.holds_text(token.rsplit_once('.').unwrap().1));
    }
}

/// What `causeway client create` prints.
fn printed(out: &str, name: &str) -> String {
    let line = out.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{out}"));
    line.trim().to_owned()
}

#[test]
fn a_client_of_the_command_line_works_and_leaves_its_secret_in_no_log_and_no_file() {
    let folder = tempdir().unwrap();
    let url = sqlite_url(folder.path());
    run(folder.path(), &["migrate", "--database-url", &url]).expect(0);
    let database = ["--database-url", &url];
    let made = run(
        folder.path(),
        &[&["client", "create", "--role", "operator", "--name", "The system"], &database[..]].concat(),
    )
    .expect(0);
    let (id, secret) = (printed(&made.out, "client_id:"), printed(&made.out, "client_secret:"));
    assert!(!made.err.contains(&secret));
    let mut command =
        causeway(folder.path(), &[&["serve", "--listen", "127.0.0.1:0"], &database[..]].concat());
    command.env("CAUSEWAY_LOG", "trace").env("CAUSEWAY_PUBLIC_SEARCH", "false");
    let mut server = Program::start(command);
    let address = server.address();
    ready(&address);
    let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None);
    let agent = config.build().new_agent();
    let ask = |secret: &str| {
        let form = [("grant_type", "client_credentials"), ("client_id", &id), ("client_secret", secret)];
        let mut answer = agent.post(format!("{address}/oauth/token")).send_form(form).unwrap();
        (answer.status().as_u16(), answer.body_mut().read_json::<Value>().unwrap())
    };
    let (status, answer) = ask(&secret);
    assert_eq!(status, 200, "{answer}");
    let token = answer["access_token"].as_str().unwrap().to_owned();
    let search = |token: &str| {
        let request = agent.get(format!("{address}/v1/search?postal_code=01840"));
        request.header("Authorization", format!("Bearer {token}")).call().unwrap().status().as_u16()
    };
    assert_eq!(search(&token), 200);
    assert_eq!(get(&format!("{address}/v1/search?postal_code=01840")).0, 401);
    let rotated =
        run(folder.path(), &[&["client", "rotate", &id, "--overlap-hours", "1"], &database[..]].concat())
            .expect(0);
    let second = printed(&rotated.out, "client_secret:");
    assert_eq!((ask(&secret).0, ask(&second).0, ask("wrong").0), (200, 200, 401));
    let listed = run(folder.path(), &[&["client", "list"], &database[..]].concat()).expect(0);
    assert!(
        listed.out.contains(&id) && listed.out.contains("2 secrets") && listed.out.contains("The system"),
        "{}",
        listed.out
    );
    run(folder.path(), &[&["client", "disable", &id], &database[..]].concat()).expect(0);
    crate::process::wait_for("the poll", || (search(&token) == 401).then_some(()));
    assert_eq!(ask(&second).0, 401);
    let development =
        run(folder.path(), &[&["token", "--role", "operator"], &database[..]].concat()).expect(0);
    assert_eq!(development.out.matches('\n').count(), 1, "only the token: {}", development.out);
    assert_eq!(search(development.out.trim()), 200);
    let ended = server.stopped();
    for secret in [&secret, &second] {
        let random = secret.split_once('.').unwrap().1;
        for text in [&ended.out, &ended.err, &listed.out] {
            assert!(!text.contains(random));
        }
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.display().to_string();
            // What the commands printed is what their user was shown.
            if name.contains(".db") {
                let bytes = std::fs::read(&path).unwrap();
                assert!(!bytes.windows(random.len()).any(|window| window == random.as_bytes()), "{name}");
            }
        }
    }
    let signature = token.rsplit_once('.').unwrap().1;
    assert!(!ended.err.contains(signature) && ended.err.contains("answered"), "tokens are in no log");
}

#[test]
fn a_server_that_others_can_reach_needs_a_master_key_and_a_name() {
    let folder = tempdir().unwrap();
    let url = sqlite_url(folder.path());
    let serve = |settings: &[(&str, &str)]| {
        let mut command =
            causeway(folder.path(), &["serve", "--listen", "0.0.0.0:0", "--database-url", &url]);
        command.env_remove("CAUSEWAY_PUBLIC_URL");
        command.envs(settings.iter().copied());
        Program::start(command)
    };
    let master = ("CAUSEWAY_MASTER_KEY", STANDARD.encode([3; 32]));
    let master = (master.0, master.1.as_str());
    serve(&[]).ended().refused("set CAUSEWAY_MASTER_KEY");
    serve(&[("CAUSEWAY_MASTER_KEY", "c2hvcnQ=")]).ended().refused("base64 of 32 random bytes");
    serve(&[master]).ended().refused("set CAUSEWAY_PUBLIC_URL");
    serve(&[master, ("CAUSEWAY_PUBLIC_URL", "ftp://x")]).ended().refused("public_url is");
    let mut server = serve(&[master, ("CAUSEWAY_PUBLIC_URL", "https://causeway.example.org/")]);
    let address = server.address().replace("0.0.0.0", "127.0.0.1");
    ready(&address);
    let (_, metadata) = get(&format!("{address}/.well-known/oauth-authorization-server"));
    assert!(metadata.contains("\"https://causeway.example.org/oauth/token\""), "{metadata}");
    assert_eq!(get(&format!("{address}/.well-known/jwks.json")).0, 200);
    server.stopped();
    let url: DatabaseUrl = url.parse().unwrap();
    let store = Store::open(&url, StoreOptions::default(), Clock::System).unwrap();
    assert!(App::new(store).is_err(), "the keys were sealed");
}

#[test]
fn a_role_is_tied_to_what_it_needs() {
    let folder = tempdir().unwrap();
    let url = sqlite_url(folder.path());
    run(folder.path(), &["migrate", "--database-url", &url]).expect(0);
    let create = |arguments: &[&str]| {
        run(
            folder.path(),
            &[&["client", "create", "--name", "X", "--database-url", &url], arguments].concat(),
        )
    };
    create(&["--role", "sis_client"]).refused("tied to one district");
    create(&["--role", "operator", "--district", "0192d7a0-0000-7000-8000-000000000001"])
        .refused("tied to nothing");
    create(&["--role", "agency_staff", "--organization", "0192d7a0-0000-7000-8000-000000000001"])
        .refused("is not there");
    let token = run(folder.path(), &["token", "--role", "coordinator", "--database-url", &url]);
    token.refused("the directory has none");
}
