//! `Idempotency-Key`: a repeated request gets the first answer again instead of a second effect.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::Value;

use super::Context;
use super::problem::Problem;
use crate::access::{Principal, PrincipalId};
use crate::error::{Error, FieldError};
use crate::privacy::vault::Vault;
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

/// Refuses a request that must not be done twice by mistake and brings no `Idempotency-Key`.
///
/// # Errors
/// [`Problem::invalid`].
pub(super) fn needs_key(request: &HttpRequest) -> Result<(), Problem> {
    if request.headers().contains_key("Idempotency-Key") {
        return Ok(());
    }
    let message =
        "is needed: a new one for each new request, the same one when the same request is sent again";
    Err(FieldError::header("Idempotency-Key", message).into())
}

/// Does `work` in one transaction. With an `Idempotency-Key` the answer is kept, sealed, beside the effect, and a
/// repeated request gets it again instead of a second effect.
pub(super) async fn answer_once(
    context: &Context,
    request: &HttpRequest,
    caller: &Principal,
    bytes: &[u8],
    work: impl Fn(&mut Tx<'_>) -> crate::error::Result<Answer> + Send + 'static,
) -> Result<HttpResponse, Problem> {
    let once = Once::read(context, request, caller, bytes)?;
    let done = context.app.store.write(move |tx| once.answer(tx, &work)).await?;
    Ok(done.response())
}

/// An operation of which at most one effect is wanted.
pub(super) struct Once {
    vault: Vault,
    key: Option<Key>,
}

/// Its answer.
pub(super) struct Done {
    answer: Answer,
    is_replayed: bool,
}

impl Done {
    pub(super) fn response(self) -> HttpResponse {
        self.answer.response(self.is_replayed)
    }
}

impl Once {
    /// Reads the key of a request.
    ///
    /// # Errors
    /// If there is something else in its place.
    pub(super) fn read(
        context: &Context,
        request: &HttpRequest,
        caller: &Principal,
        bytes: &[u8],
    ) -> Result<Self, Problem> {
        Ok(Self {
            vault: context.app.vault.clone(),
            key: idempotency_key(&context.app.vault, request, caller.id, bytes)?,
        })
    }

    /// Does `work`, unless it was done before.
    ///
    /// # Errors
    /// What `work` fails with; if the key was used for something else.
    pub(super) fn answer(
        &self,
        tx: &mut Tx<'_>,
        work: impl Fn(&mut Tx<'_>) -> crate::error::Result<Answer>,
    ) -> crate::error::Result<Done> {
        let Some(key) = &self.key else { return Ok(Done { answer: work(tx)?, is_replayed: false }) };
        let bound = format!("{}\0{}\0{}", key.client, key.key, key.fingerprint);
        if let Some(kept) = key.find(tx)? {
            let damaged = |_| Error::internal("opening a kept answer", "it is damaged");
            let sealed = URL_SAFE_NO_PAD.decode(&kept.body).map_err(damaged)?;
            let body = String::from_utf8(self.vault.open_answer(&sealed, &bound)?)
                .map_err(|source| Error::internal("opening a kept answer", source))?;
            return Ok(Done { answer: Answer { replay: Replay { body, ..kept } }, is_replayed: true });
        }
        let answer = work(tx)?;
        let sealed = self.vault.seal_answer(answer.replay.body.as_bytes(), &bound)?;
        let kept = Replay { body: URL_SAFE_NO_PAD.encode(sealed), ..answer.replay.clone() };
        key.keep(tx, &kept)?;
        Ok(Done { answer, is_replayed: false })
    }
}

/// The `Idempotency-Key` of a request, which is the caller's own: a quoted string of RFC 8941, or a bare token.
fn idempotency_key(
    vault: &Vault,
    request: &HttpRequest,
    caller: PrincipalId,
    bytes: &[u8],
) -> Result<Option<Key>, Problem> {
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
    let digest = |parts: &[&[u8]]| URL_SAFE_NO_PAD.encode(vault.answered(parts.iter().copied()));
    Ok(Some(Key {
        client: caller.to_string(),
        key: digest(&[bare.as_bytes()]),
        fingerprint: digest(&[request.method().as_str().as_bytes(), request.path().as_bytes(), bytes]),
    }))
}
