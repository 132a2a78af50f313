//! Tokens that are wrong in one way each, made with the deployment's own key where that is needed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use causeway::access::rules::LEEWAY;
use diesel::RunQueryDsl;
use diesel::sql_types::Binary;
use ed25519_dalek::SigningKey;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::support::Causeway;

/// PKCS#8 up to the seed of an Ed25519 key (RFC 8410).
const PKCS8: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// What signs with this seed.
pub fn ed25519(seed: &[u8]) -> EncodingKey {
    EncodingKey::from_ed_der(&[&PKCS8, seed].concat())
}

fn sign(header: &Header, claims: &Value, seed: &[u8]) -> String {
    encode(header, claims, &ed25519(seed)).unwrap()
}

/// Makes variations of one token.
pub struct Forge {
    held: String,
    header: Header,
    claims: Value,
    seed: Vec<u8>,
    now: i64,
}

impl Forge {
    /// A forge that has the deployment's key.
    pub fn of(causeway: &Causeway, held: &str) -> Self {
        #[derive(diesel::QueryableByName)]
        struct Key {
            #[diesel(sql_type = Binary)]
            private_key: Vec<u8>,
        }
        let sql = "SELECT private_key FROM signing_keys WHERE retired_at IS NULL ORDER BY created_at DESC, kid DESC";
        let keys: Vec<Key> =
            causeway.store().read_now(|connection| Ok(diesel::sql_query(sql).load(connection)?)).unwrap();
        let seed = keys.into_iter().next().unwrap().private_key;
        assert_eq!(seed.len(), 32);
        let header = jsonwebtoken::decode_header(held).unwrap();
        let claims = jsonwebtoken::dangerous::insecure_decode_claims(held).unwrap();
        Self { held: held.to_owned(), header, claims, seed, now: causeway.clock.now().as_second() }
    }

    fn with(&self, changes: &Value) -> String {
        let mut claims = self.claims.clone();
        json_patch::merge(&mut claims, changes);
        sign(&self.header, &claims, &self.seed)
    }

    /// A token with nothing wrong, signed anew.
    pub fn right(&self) -> String {
        self.with(&json!({"jti": "another"}))
    }

    fn unsigned(&self, algorithm: &str) -> String {
        let header = json!({"alg": algorithm, "typ": "at+jwt", "kid": self.header.kid});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.", part(&header), part(&self.claims))
    }

    fn by_secret(&self, secret: &[u8]) -> String {
        let header = Header { alg: Algorithm::HS256, ..self.header.clone() };
        encode(&header, &self.claims, &EncodingKey::from_secret(secret)).unwrap()
    }

    /// No token, and a token for every way in which one can be wrong.
    pub fn every_fault(&self) -> Vec<(&'static str, Option<String>)> {
        let public =
            SigningKey::from_bytes(self.seed.as_slice().try_into().unwrap()).verifying_key().to_bytes();
        let x = URL_SAFE_NO_PAD.encode(public);
        let leeway = LEEWAY.as_secs();
        let header = |change: fn(&mut Header)| {
            let mut header = self.header.clone();
            change(&mut header);
            sign(&header, &self.claims, &self.seed)
        };
        let (head, signature) = self.held.rsplit_once('.').unwrap();
        let flipped = if signature.starts_with('A') { "B" } else { "A" };
        let mut wider = self.claims.clone();
        wider["scope"] = json!("directory:read directory:write admin reports:read availability:write");
        let wider = URL_SAFE_NO_PAD.encode(wider.to_string());
        let all = vec![
            ("expired", self.with(&json!({"exp": self.now - leeway}))),
            ("not yet", self.with(&json!({"nbf": self.now + leeway + 1}))),
            ("issued in the future", self.with(&json!({"iat": self.now + leeway + 1}))),
            ("wrong audience", self.with(&json!({"aud": "https://other.example.org"}))),
            ("wrong issuer", self.with(&json!({"iss": "https://other.example.org"}))),
            ("unknown client", self.with(&json!({"sub": uuid::Uuid::nil()}))),
            ("unknown scope", self.with(&json!({"scope": "everything"}))),
            ("no exp", self.with(&json!({"exp": null}))),
            ("no nbf", self.with(&json!({"nbf": null}))),
            ("no iat", self.with(&json!({"iat": null}))),
            ("no aud", self.with(&json!({"aud": null}))),
            ("no iss", self.with(&json!({"iss": null}))),
            ("no sub", self.with(&json!({"sub": null}))),
            ("no jti", self.with(&json!({"jti": null}))),
            ("foreign key", sign(&self.header, &self.claims, &[7; 32])),
            ("alg none", self.unsigned("none")),
            ("alg None", self.unsigned("None")),
            ("HS256 with the public key", self.by_secret(&public)),
            ("HS256 with the public key as published", self.by_secret(x.as_bytes())),
            ("unknown kid", header(|header| header.kid = Some("another".to_owned()))),
            ("no kid", header(|header| header.kid = None)),
            ("an ID token's type", header(|header| header.typ = Some("JWT".to_owned()))),
            ("altered signature", format!("{head}.{flipped}{}", &signature[1..])),
            ("no signature", format!("{head}.")),
            ("altered claims", format!("{}.{wider}.{signature}", head.split('.').next().unwrap())),
            ("nonsense", "nonsense".to_owned()),
            ("too long", "a.b.".to_owned() + &"c".repeat(9_000)),
        ];
        let all = all.into_iter().map(|(kind, token)| (kind, Some(token)));
        std::iter::once(("no token", None)).chain(all).collect()
    }
}
