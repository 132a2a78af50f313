//! JSON bodies.

use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::{FromRequest, HttpRequest, web};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::problem::{Problem, ProblemCode};
use crate::directory::pointer;
use crate::error::{At, FieldError};

/// The most bytes of a JSON body.
pub(super) const LARGEST_BODY: usize = 1 << 20;

/// How long a body may take to come.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

/// The bytes of a body, which must come in time.
pub(crate) struct Bytes(pub(crate) web::Bytes);

impl FromRequest for Bytes {
    type Error = actix_web::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, actix_web::Error>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = web::Bytes::from_request(request, payload);
        Box::pin(async move {
            if let Ok(bytes) = tokio::time::timeout(BODY_TIMEOUT, bytes).await {
                bytes.map(Self)
            } else {
                let detail = format!("the body did not come within {} seconds", BODY_TIMEOUT.as_secs());
                Err(Problem::new(ProblemCode::RequestTimeout, detail).into())
            }
        })
    }
}

/// Reads a JSON body that is written back the same: an array where an object belongs, which the parser would
/// take for its fields in order, and `null` where a field is to be left out, are faults.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_strictly<T: DeserializeOwned + Serialize>(
    request: &HttpRequest,
    body: &[u8],
    media_types: &[&str],
) -> Result<T, Problem> {
    let read: T = read(request, body, media_types)?;
    let given: Value = serde_json::from_slice(body).unwrap_or_default();
    let understood = serde_json::to_value(&read).unwrap_or_default();
    let mut faults = Vec::new();
    compare(&given, Some(&understood), "", &mut faults);
    if faults.is_empty() { Ok(read) } else { Err(Problem::invalid(faults)) }
}

/// [`read_strictly`] for bodies about students: what is wrong is named by its place among `fields`, and no value of
/// the body is repeated.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_quietly<T: DeserializeOwned + Serialize>(
    request: &HttpRequest,
    body: &[u8],
    fields: &[&str],
) -> Result<T, Problem> {
    read_strictly(request, body, &["application/json"]).map_err(|problem| {
        if problem.errors.is_empty() {
            return problem;
        }
        let quiet = |error: FieldError| {
            let place = match &error.at {
                At::Body(place) => fields.iter().find(|field| place.strip_prefix('/') == Some(**field)),
                At::Query(_) | At::Header(_) => None,
            };
            let message = "is not what the contract says; what came is about a student and is not repeated";
            FieldError::body(place.map(|field| format!("/{field}")).unwrap_or_default(), message)
        };
        Problem::invalid(problem.errors.into_iter().map(quiet).collect())
    })
}

fn compare(given: &Value, understood: Option<&Value>, at: &str, faults: &mut Vec<FieldError>) {
    match (given, understood) {
        (Value::Null, _) => faults.push(FieldError::body(at, "must not be null; leave it out")),
        (Value::Array(_), Some(Value::Object(_))) => {
            faults.push(FieldError::body(at, "is an array where an object is needed"));
        }
        (Value::Array(given), Some(Value::Array(understood))) => {
            for (position, value) in given.iter().enumerate() {
                compare(value, understood.get(position), &format!("{at}/{position}"), faults);
            }
        }
        (Value::Object(given), Some(Value::Object(understood))) => {
            for (field, value) in given {
                compare(value, understood.get(field), &format!("{at}/{field}"), faults);
            }
        }
        _ => {}
    }
}

/// Reads a JSON body; a wrong value is named by its JSON pointer. Depth is bounded by the parser.
///
/// # Errors
/// If the media type is another one, or the body is not what `T` takes.
pub(super) fn read<T: DeserializeOwned>(
    request: &HttpRequest,
    body: &[u8],
    media_types: &[&str],
) -> Result<T, Problem> {
    let given = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let media_type = given.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if !media_types.contains(&media_type.as_str()) {
        let detail = format!("the body must be {}; Content-Type says {given:?}", media_types.join(" or "));
        return Err(Problem::new(ProblemCode::UnsupportedMediaType, detail));
    }
    let encoding = request.headers().get(CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    if let Some(encoding) = encoding.filter(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        let detail = format!("the body must come as it is; Content-Encoding says {encoding:?}");
        return Err(Problem::new(ProblemCode::UnsupportedMediaType, detail));
    }
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(FieldError::body("", "is an array where an object is needed").into());
    }
    let mut parser = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut parser)
        .map_err(|error| FieldError::body(pointer(error.path()), error.inner()))?;
    parser.end().map_err(|error| FieldError::body("", error))?;
    Ok(value)
}
