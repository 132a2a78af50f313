//! Tokens: what is in ours (RFC 9068), and what is asked of anybody's.

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::keys::Signer;
use super::model::{Scope, joined};
use super::rules::LONGEST_TOKEN_LIFE;
use crate::error::{Error, Result};
use crate::types::ClientId;

/// The only algorithms that are read. `none` and those with a shared secret are not among them.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::EdDSA, Algorithm::ES256, Algorithm::RS256];

/// The type of our tokens.
const TYPE: &str = "at+jwt";

/// The most characters of a token that are looked at.
const LONGEST_TOKEN: usize = 8_192;

/// What our tokens say.
#[derive(Serialize, Deserialize)]
pub(super) struct OwnClaims {
    iss: String,
    aud: String,
    /// The client.
    pub(super) sub: ClientId,
    client_id: ClientId,
    /// What it permits, separated by spaces.
    pub(super) scope: String,
    pub(super) iat: i64,
    pub(super) nbf: i64,
    pub(super) exp: i64,
    jti: String,
}

/// What is read of a provider's token.
#[derive(Deserialize)]
pub(super) struct PersonClaims {
    /// Who, by the provider's own name.
    pub(super) sub: String,
    pub(super) iat: i64,
    pub(super) nbf: Option<i64>,
    pub(super) exp: i64,
}

/// What a token says before anything of it is believed.
pub(super) struct Unverified {
    pub(super) algorithm: Algorithm,
    pub(super) kid: String,
    pub(super) issuer: String,
    is_ours_by_type: bool,
}

/// Reads what a token says of itself, if it is one that could be believed.
pub(super) fn peek(token: &str) -> Result<Unverified, &'static str> {
    #[derive(Deserialize)]
    struct Issued {
        iss: String,
    }
    if token.len() > LONGEST_TOKEN {
        return Err("the token is too long");
    }
    // An algorithm that the library does not know, `none` among them, is no header to it.
    let header = jsonwebtoken::decode_header(token).map_err(|_| "the token cannot be read")?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err("the token's algorithm is not accepted");
    }
    if header.extras.inner().contains_key("crit") {
        return Err("the token demands what is not understood here");
    }
    let kid = header.kid.ok_or("the token names no key")?;
    let issued: Issued =
        jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(|_| "the token names no issuer")?;
    let is_ours_by_type = header.typ.as_deref() == Some(TYPE);
    Ok(Unverified { algorithm: header.alg, kid, issuer: issued.iss, is_ours_by_type })
}

impl Unverified {
    /// Checks the signature, the issuer and the audience. Times are left to [`super::rules::time_problem`], which
    /// goes by our clock.
    pub(super) fn verify<C: DeserializeOwned>(
        &self,
        token: &str,
        key: &DecodingKey,
        audience: &str,
    ) -> Result<C, &'static str> {
        use jsonwebtoken::errors::ErrorKind;
        let mut validation = Validation::new(self.algorithm);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        jsonwebtoken::decode::<C>(token, key, &validation).map(|data| data.claims).map_err(
            |error| match error.kind() {
                ErrorKind::InvalidAudience => "the token is for somebody else",
                ErrorKind::MissingRequiredClaim(_) | ErrorKind::Json(_) => "the token lacks a claim",
                ErrorKind::InvalidSignature => "the token's signature is wrong",
                _ => "the token is not valid",
            },
        )
    }

    /// [`Unverified::verify`] for a token of ours.
    pub(super) fn verify_own(
        &self,
        token: &str,
        key: &DecodingKey,
        issuer: &str,
    ) -> Result<OwnClaims, &'static str> {
        if self.algorithm != Algorithm::EdDSA || !self.is_ours_by_type {
            return Err("the token is not valid");
        }
        self.verify(token, key, issuer)
    }
}

/// A token that was issued.
pub struct IssuedToken {
    /// The token.
    pub token: String,
    /// Seconds until it expires.
    pub expires_in: i64,
    /// What it permits.
    pub scopes: Vec<Scope>,
}

/// Signs a token for a client.
pub(super) fn sign(
    signer: &Signer,
    issuer: &str,
    client: ClientId,
    scopes: Vec<Scope>,
    now: Timestamp,
    life: SignedDuration,
) -> Result<IssuedToken> {
    let life = life.min(LONGEST_TOKEN_LIFE).as_secs();
    let claims = OwnClaims {
        iss: issuer.to_owned(),
        aud: issuer.to_owned(),
        sub: client,
        client_id: client,
        scope: joined(&scopes),
        iat: now.as_second(),
        nbf: now.as_second(),
        exp: now.as_second() + life,
        jti: Uuid::now_v7().to_string(),
    };
    let header =
        Header { typ: Some(TYPE.to_owned()), kid: Some(signer.kid.clone()), ..Header::new(Algorithm::EdDSA) };
    let token = jsonwebtoken::encode(&header, &claims, &signer.encoding)
        .map_err(|source| Error::internal("signing a token", source))?;
    Ok(IssuedToken { token, expires_in: life, scopes })
}
