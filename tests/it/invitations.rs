//! People: identities of a provider, the invitations that make them members, and what ends a membership.

use std::time::Duration;

use actix_web::test::TestRequest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use causeway::access::{Role, Tie, invitations};
use causeway::app::App;
use causeway::config::{AccessConfig, JwksSource, OidcIssuer};
use causeway::store::StoreOptions;
use causeway::types::MembershipId;
use ed25519_dalek::SigningKey;
use jsonwebtoken::{Algorithm, Header, encode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::forged::ed25519;
use crate::support::{Answer, Causeway, on_both};

const ISSUER: &str = "https://login.example.org";

/// A provider that signs with Ed25519 and publishes its keys in a file.
pub struct Provider {
    folder: TempDir,
    seed: [u8; 32],
    kid: String,
}

impl Provider {
    /// A provider that this Causeway is told of.
    pub fn of(causeway: &mut Causeway) -> Self {
        let provider = Self { folder: tempfile::tempdir().unwrap(), seed: [9; 32], kid: "one".to_owned() };
        provider.publish();
        Self::introduce(causeway, JwksSource::File(provider.path()));
        provider
    }

    fn introduce(causeway: &mut Causeway, jwks: JwksSource) {
        let issuer = OidcIssuer { issuer: ISSUER.to_owned(), audience: "causeway".to_owned(), jwks };
        let config = AccessConfig { issuers: vec![issuer], ..AccessConfig::default() };
        let options = StoreOptions { connections: 3, ..StoreOptions::default() };
        let app = App::guarded(causeway.another_store(options), config).unwrap();
        causeway.change(|context| context.app = app);
        causeway.context().app.load().unwrap();
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("keys.json")
    }

    fn keys(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(SigningKey::from_bytes(&self.seed).verifying_key().to_bytes());
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": self.kid, "x": x}]})
    }

    fn publish(&self) {
        std::fs::write(self.path(), self.keys().to_string()).unwrap();
    }

    /// A token of this person.
    pub fn token(&self, causeway: &Causeway, subject: &str) -> String {
        self.token_with(causeway, subject, &json!({}))
    }

    fn token_with(&self, causeway: &Causeway, subject: &str, changes: &Value) -> String {
        let now = causeway.clock.now().as_second();
        let mut claims =
            json!({"iss": ISSUER, "aud": "causeway", "sub": subject, "iat": now, "exp": now + 3_600});
        json_patch::merge(&mut claims, changes);
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::EdDSA) };
        encode(&header, &claims, &ed25519(&self.seed)).unwrap()
    }
}

pub fn redeem(causeway: &Causeway, token: &str, code: &str) -> Answer {
    let request = TestRequest::post().uri("/v1/invitations/redeem").set_json(json!({"code": code}));
    causeway.send_as(token, request)
}

fn list(causeway: &Causeway, token: &str) -> u16 {
    causeway.send_as(token, TestRequest::get().uri("/v1/organizations")).status
}

/// A code for a state's analyst.
fn code(causeway: &Causeway) -> String {
    let invited =
        causeway.post("/v1/invitations", &json!({"name": "Sam", "role": "state_analyst"})).expect(201);
    invited.json()["code"].as_str().unwrap().to_owned()
}

on_both! {
    fn an_invitation_makes_one_person_a_member_once(causeway) {
        let mut causeway = causeway;
        let provider = Provider::of(&mut causeway);
        let (sam, eve) = (provider.token(&causeway, "sam"), provider.token(&causeway, "eve"));
        assert_eq!(list(&causeway, &sam), 401, "an identity alone permits nothing");
        let code = code(&causeway);
        assert!(!causeway.holds_text(&code), "the code is kept as its hash");
        redeem(&causeway, &sam, "another").expect(404);
        let member = redeem(&causeway, &sam, &code).expect(200).json();
        assert_eq!((member["role"].as_str(), member["name"].as_str()), (Some("state_analyst"), Some("Sam")));
        assert_eq!(member["scopes"], json!(["directory:read", "reports:read"]));
        assert_eq!(list(&causeway, &sam), 200);
        redeem(&causeway, &eve, &code).expect(404);
        redeem(&causeway, &sam, &code).expect(404);
        assert_eq!(list(&causeway, &eve), 401);
        let ledger = causeway.send_as(&sam, TestRequest::get().uri("/v1/near-misses"));
        assert_eq!(ledger.status, 200);
        let write = TestRequest::post().uri("/v1/organizations").set_json(json!({"name": "A", "engagement": "listed"}));
        causeway.send_as(&sam, write).expect(403);
    }
}

on_both! {
    fn an_invitation_expires_and_a_member_needs_no_second_one(causeway) {
        let mut causeway = causeway;
        let provider = Provider::of(&mut causeway);
        let late = code(&causeway);
        causeway.clock.advance(Duration::from_hours(72));
        redeem(&causeway, &provider.token(&causeway, "sam"), &late).expect(404);
        let sam = provider.token(&causeway, "sam");
        redeem(&causeway, &sam, &code(&causeway)).expect(200);
        let unused = code(&causeway);
        redeem(&causeway, &sam, &unused).expect(409);
        redeem(&causeway, &provider.token(&causeway, "eve"), &unused).expect(200);
    }
}

on_both! {
    fn two_who_redeem_at_once_are_one_member(causeway) {
        let mut causeway = causeway;
        let provider = Provider::of(&mut causeway);
        let code = code(&causeway);
        let tokens: Vec<String> = (0..4).map(|number| provider.token(&causeway, &format!("p{number}"))).collect();
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                tokens.iter().map(|token| scope.spawn(|| redeem(&causeway, token, &code).status)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| [200, 404].contains(status)), "{statuses:?}");
    }
}

on_both! {
    fn a_membership_that_ends_ends_at_once_and_can_begin_anew(causeway) {
        let mut causeway = causeway;
        let provider = Provider::of(&mut causeway);
        let sam = provider.token(&causeway, "sam");
        let member = redeem(&causeway, &sam, &code(&causeway)).expect(200).json();
        assert_eq!(list(&causeway, &sam), 200);
        let id: MembershipId = member["id"].as_str().unwrap().parse().unwrap();
        causeway.store().write_now(|tx| invitations::end(tx, id, "a test")).unwrap();
        assert_eq!(list(&causeway, &sam), 401);
        redeem(&causeway, &sam, &code(&causeway)).expect(200);
        assert_eq!(list(&causeway, &sam), 200);
    }
}

on_both! {
    fn who_invites_may_grant_only_what_is_theirs_to_grant(causeway) {
        let district = causeway.create("/v1/districts", &json!({"name": "Own", "code": "1", "state": "MA"}));
        let other = causeway.create("/v1/districts", &json!({"name": "Other", "code": "2", "state": "MA"}));
        let school = causeway.create("/v1/schools", &json!({"name": "S", "code": "11", "district_id": district}));
        let foreign = causeway.create("/v1/schools", &json!({"name": "F", "code": "21", "district_id": other}));
        let tie = Tie::District { district: district.parse().unwrap(), schools: Vec::new() };
        let lead = causeway.token(Role::DistrictLead, &tie);
        let coordinator = causeway.token(Role::Coordinator, &tie);
        let invite = |token: &str, body: &Value| {
            causeway.send_as(token, TestRequest::post().uri("/v1/invitations").set_json(body))
        };
        let of = |role: &str, district: &str| json!({"name": "N", "role": role, "district_id": district});
        invite(&lead, &of("coordinator", &district)).expect(201);
        invite(&lead, &of("coordinator", &other)).expect(403);
        invite(&lead, &of("sis_client", &district)).expect(403);
        invite(&lead, &json!({"name": "N", "role": "operator"})).expect(403);
        invite(&coordinator, &of("coordinator", &district)).expect(403);
        let schools = |school: &str| json!({"name": "N", "role": "coordinator", "district_id": district, "schools": [school]});
        invite(&lead, &schools(&school)).expect(201);
        assert_eq!(invite(&lead, &schools(&foreign)).expect(400).errors()[0].0, "/schools/0");
        for (body, place) in [
            (json!({"name": "", "role": "operator"}), "/name"),
            (json!({"name": "N", "role": "operator", "expires_in_hours": 0}), "/expires_in_hours"),
            (json!({"name": "N", "role": "operator", "district_id": district}), "/role"),
            (json!({"name": "N", "role": "coordinator"}), "/role"),
            (json!({"name": "N", "role": "coordinator", "schools": [school]}), "/schools"),
            (json!({"name": "N", "role": "coordinator", "district_id": "0192d7a0-0000-7000-8000-000000000001"}), "/district_id"),
            (json!({"name": "N", "role": "agency_staff", "organization_id": "0192d7a0-0000-7000-8000-000000000001"}), "/organization_id"),
        ] {
            let refused = causeway.post("/v1/invitations", &body).expect(400);
            assert_eq!(refused.errors()[0].0, place, "{}", refused.text);
        }
    }
}

on_both! {
    fn a_providers_token_must_be_for_us_hold_now_and_be_signed_by_it(causeway) {
        let mut causeway = causeway;
        let provider = Provider::of(&mut causeway);
        redeem(&causeway, &provider.token(&causeway, "sam"), &code(&causeway)).expect(200);
        let now = causeway.clock.now().as_second();
        for (changes, status) in [
            (json!({}), 200),
            (json!({"aud": ["other", "causeway"]}), 200),
            (json!({"exp": now - 29}), 200),
            (json!({"exp": now - 30}), 401),
            (json!({"nbf": now + 31}), 401),
            (json!({"iat": now + 31}), 401),
            (json!({"aud": "other"}), 401),
            (json!({"aud": null}), 401),
            (json!({"exp": null}), 401),
            (json!({"iss": "https://elsewhere.example.org"}), 401),
            (json!({"iss": "http://127.0.0.1:8080"}), 401),
            (json!({"sub": "somebody else"}), 401),
        ] {
            assert_eq!(list(&causeway, &provider.token_with(&causeway, "sam", &changes)), status, "{changes}");
        }
        let forger = Provider { folder: tempfile::tempdir().unwrap(), seed: [1; 32], kid: "one".to_owned() };
        assert_eq!(list(&causeway, &forger.token(&causeway, "sam")), 401);
    }
}

on_both! {
    fn a_providers_new_key_is_asked_for_though_not_with_every_token(causeway) {
        let mut causeway = causeway;
        let mut provider = Provider::of(&mut causeway);
        redeem(&causeway, &provider.token(&causeway, "sam"), &code(&causeway)).expect(200);
        (provider.seed, provider.kid) = ([8; 32], "two".to_owned());
        provider.publish();
        assert_eq!(list(&causeway, &provider.token(&causeway, "sam")), 401, "it was asked just now");
        causeway.clock.advance(Duration::from_secs(30));
        assert_eq!(list(&causeway, &provider.token(&causeway, "sam")), 200);
        // Keys that the provider took back are not believed for ever.
        let (seed, kid) = ([7; 32], "three".to_owned());
        let next = Provider { folder: tempfile::tempdir().unwrap(), seed, kid };
        std::fs::write(provider.path(), next.keys().to_string()).unwrap();
        causeway.clock.advance(Duration::from_hours(1));
        assert_eq!(list(&causeway, &provider.token(&causeway, "sam")), 401);
        assert_eq!(list(&causeway, &next.token(&causeway, "sam")), 200);
    }
}

#[test]
fn rs256_and_es256_of_a_provider_are_read_and_each_key_is_for_its_own_algorithm() {
    let mut causeway = Causeway::on_sqlite();
    let provider = Provider::of(&mut causeway);
    std::fs::write(provider.path(), include_str!("provider_keys.json")).unwrap();
    // Signed offline for the instant at which every test begins, so that no private key lies in the repository.
    for token in include_str!("provider_tokens.txt").lines() {
        redeem(&causeway, token, &code(&causeway)).expect(200);
        assert_eq!(list(&causeway, token), 200);
        let (head, signature) = token.rsplit_once('.').unwrap();
        let other = if signature.starts_with('A') { "B" } else { "A" };
        assert_eq!(list(&causeway, &format!("{head}.{other}{}", &signature[1..])), 401);
    }
}

/// Answers `count` requests over plain HTTP on this machine.
fn serve_once(body: String, count: usize) -> String {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(count) {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4_096]);
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        }
    });
    format!("http://{address}/keys")
}

#[test]
fn a_providers_keys_come_by_url_and_a_set_beyond_its_bound_is_not_read() {
    let mut causeway = Causeway::on_sqlite();
    let provider = Provider::of(&mut causeway);
    let url = serve_once(provider.keys().to_string(), 1);
    Provider::introduce(&mut causeway, JwksSource::Url(url));
    let sam = provider.token(&causeway, "sam");
    redeem(&causeway, &sam, &code(&causeway)).expect(200);
    assert_eq!(list(&causeway, &sam), 200);
    let padded = format!("{}{}", provider.keys(), " ".repeat(300 * 1024));
    Provider::introduce(&mut causeway, JwksSource::Url(serve_once(padded, 1)));
    assert_eq!(list(&causeway, &sam), 401);
}
