//! `Idempotency-Key`: a repeated request gets the first answer again instead of a second effect.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Context;
use super::problem::Problem;
use crate::access::{Principal, PrincipalId};
use crate::error::{Error, FieldError};
use crate::privacy::audit::Errand;
use crate::store::{Key, Replay, Tx};

/// An answer that can be kept and given again.
pub(super) struct Answer {
    replay: Replay,
}

impl Answer {
    /// An answer with a JSON body.
    ///
    /// # Errors
    /// If the body cannot be written.
    pub(super) fn json<T: Serialize>(
        status: StatusCode,
        headers: &[(&str, String)],
        view: &T,
    ) -> crate::error::Result<Self> {
        let failed = |source| Error::internal("writing an answer", source);
        let headers: serde_json::Map<String, Value> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str()))).collect();
        Ok(Self {
            replay: Replay {
                status: status.as_u16(),
                headers: serde_json::to_string(&headers).map_err(failed)?,
                body: serde_json::to_string(view).map_err(failed)?,
            },
        })
    }

    fn response(self, replayed: bool) -> HttpResponse {
        let status = StatusCode::from_u16(self.replay.status).unwrap_or(StatusCode::OK);
        let mut response = HttpResponse::build(status);
        let headers: serde_json::Map<String, Value> =
            serde_json::from_str(&self.replay.headers).unwrap_or_default();
        for (name, value) in &headers {
            if let Some(value) = value.as_str() {
                response.insert_header((name.as_str(), value));
            }
        }
        if replayed {
            response.insert_header(("Idempotency-Replayed", "true"));
        }
        response.content_type("application/json").body(self.replay.body)
    }
}

/// Does `work` in one transaction. With an `Idempotency-Key` the answer is kept beside the effect, and a
/// repeated request gets it again instead of a second effect.
pub(super) async fn answer_once(
    context: &Context,
    request: &HttpRequest,
    caller: &Principal,
    bytes: &[u8],
    work: impl Fn(&mut Tx<'_>) -> crate::error::Result<Answer> + Send + 'static,
) -> Result<HttpResponse, Problem> {
    let key = idempotency_key(request, caller.id, bytes)?;
    let (answer, replayed) = context.app.store.write(move |tx| once(tx, key.as_ref(), &work)).await?;
    Ok(answer.response(replayed))
}

/// [`answer_once`] for work that touches students.
pub(super) async fn answer_once_for(
    context: &Context,
    request: &HttpRequest,
    errand: &Errand,
    bytes: &[u8],
    work: impl Fn(&mut Tx<'_>) -> crate::error::Result<Answer> + Send + 'static,
) -> Result<HttpResponse, Problem> {
    let key = idempotency_key(request, errand.principal.id, bytes)?;
    let tenancy = errand.tenancy.clone();
    let (answer, replayed) =
        context.app.store.write_for(tenancy, move |tx| once(tx, key.as_ref(), &work)).await?;
    Ok(answer.response(replayed))
}

fn once(
    tx: &mut Tx<'_>,
    key: Option<&Key>,
    work: impl Fn(&mut Tx<'_>) -> crate::error::Result<Answer>,
) -> crate::error::Result<(Answer, bool)> {
    let Some(key) = key else { return Ok((work(tx)?, false)) };
    if let Some(replay) = key.find(tx)? {
        return Ok((Answer { replay }, true));
    }
    let answer = work(tx)?;
    key.keep(tx, &answer.replay)?;
    Ok((answer, false))
}

/// The `Idempotency-Key` of a request, which is the caller's own: a quoted string of RFC 8941, or a bare token.
fn idempotency_key(request: &HttpRequest, caller: PrincipalId, bytes: &[u8]) -> Result<Option<Key>, Problem> {
    let Some(given) = request.headers().get("Idempotency-Key") else { return Ok(None) };
    let given = given.to_str().unwrap_or_default().trim();
    let bare = given.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(given);
    let acceptable =
        (1..=255).contains(&bare.len()) && bare.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
    if !acceptable {
        return Err(FieldError::header(
            "Idempotency-Key",
            "must be a quoted string of 1 to 255 visible ASCII characters, such as \"8e03978e-40d5\"",
        )
        .into());
    }
    let mut hash = Sha256::new();
    for part in [request.method().as_str().as_bytes(), request.path().as_bytes(), bytes] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let fingerprint = URL_SAFE_NO_PAD.encode(hash.finalize());
    Ok(Some(Key { client: caller.to_string(), key: bare.to_owned(), fingerprint }))
}
