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
use crate::directory::{pointer, unquoted};
use crate::error::FieldError;
use crate::students;

/// The most bytes of a JSON body.
pub(super) const LARGEST_BODY: usize = 1 << 20;

/// How deep objects and arrays of a body may be nested. The deepest that means anything is an outline of an area.
const DEEPEST: usize = 32;

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
    written_back(read(request, body, media_types)?, body)
}

/// [`read_strictly`] for what is about a student: what is wrong is said without repeating it.
///
/// # Errors
/// As [`read`].
pub(super) fn read_unquoted<T: DeserializeOwned + Serialize>(
    request: &HttpRequest,
    body: &[u8],
    media_types: &[&str],
) -> Result<T, Problem> {
    let document: Value = read_unquoted_document(request, body, media_types)?;
    written_back(students::parse(document)?, body)
}

/// A JSON document about a student, such as a patch: what is wrong is said without repeating it.
///
/// # Errors
/// As [`read`].
pub(super) fn read_unquoted_document(
    request: &HttpRequest,
    body: &[u8],
    media_types: &[&str],
) -> Result<Value, Problem> {
    check_media_type(request, media_types, |_| "another".to_owned())?;
    parse(body, unquoted)
}

fn written_back<T: Serialize>(read: T, body: &[u8]) -> Result<T, Problem> {
    let given: Value = serde_json::from_slice(body).unwrap_or_default();
    let understood = serde_json::to_value(&read).unwrap_or_default();
    let mut faults = Vec::new();
    compare(&given, Some(&understood), "", &mut faults);
    if faults.is_empty() { Ok(read) } else { Err(Problem::invalid(faults)) }
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

/// Reads a JSON body; a wrong value is named by its JSON pointer.
///
/// # Errors
/// If the media type is another one, or the body is not what `T` takes.
pub(super) fn read<T: DeserializeOwned>(
    request: &HttpRequest,
    body: &[u8],
    media_types: &[&str],
) -> Result<T, Problem> {
    check_media_type(request, media_types, |given| format!("{given:?}"))?;
    parse(body, |error| (pointer(error.path()), error.inner().to_string()))
}

/// Reads one line of a body, as [`read_strictly`] reads a whole one.
///
/// # Errors
/// If it is not what `T` takes.
pub(super) fn parse_strictly<T: DeserializeOwned + Serialize>(line: &[u8]) -> Result<T, Problem> {
    if let Err(error) = std::str::from_utf8(line) {
        let message = format!("is not UTF-8: byte {} is none of a character", error.valid_up_to() + 1);
        return Err(FieldError::body("", message).into());
    }
    written_back(parse(line, |error| (pointer(error.path()), error.inner().to_string()))?, line)
}

/// Whether a body comes as one of these; `shown` is how what came instead is told.
pub(super) fn check_media_type(
    request: &HttpRequest,
    media_types: &[&str],
    shown: impl Fn(&str) -> String,
) -> Result<(), Problem> {
    let given = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let media_type = given.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if !media_types.contains(&media_type.as_str()) {
        let given = shown(given);
        let detail = format!("the body must be {}; Content-Type says {given}", media_types.join(" or "));
        return Err(Problem::new(ProblemCode::UnsupportedMediaType, detail));
    }
    let encoding = request.headers().get(CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    if let Some(encoding) = encoding.filter(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        let detail = format!("the body must come as it is; Content-Encoding says {}", shown(encoding));
        return Err(Problem::new(ProblemCode::UnsupportedMediaType, detail));
    }
    Ok(())
}

fn parse<T: DeserializeOwned>(
    body: &[u8],
    say: impl Fn(&serde_path_to_error::Error<serde_json::Error>) -> (String, String),
) -> Result<T, Problem> {
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(FieldError::body("", "is an array where an object is needed").into());
    }
    if is_too_deep(body) {
        return Err(FieldError::body("", format!("is nested more than {DEEPEST} levels deep")).into());
    }
    let mut parser = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut parser).map_err(|error| {
        let (at, message) = say(&error);
        FieldError::body(at, message)
    })?;
    parser.end().map_err(|error| FieldError::body("", error))?;
    Ok(value)
}

/// Whether objects and arrays are nested deeper than [`DEEPEST`]. Brackets within texts do not count. Bounded here
/// and not by the parser, so that the words are the same wherever a body is read.
fn is_too_deep(body: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_outside_of_texts() {
        let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        assert!(!is_too_deep(nested(DEEPEST).as_bytes()));
        assert!(is_too_deep(nested(DEEPEST + 1).as_bytes()));
        assert!(!is_too_deep(format!("[{}]", vec!["[1]"; 100].join(",")).as_bytes()));
        let brackets = "[".repeat(100);
        assert!(!is_too_deep(format!(r#"{{"a": "\"{brackets}", "b": "\\"}}"#).as_bytes()));
        assert!(is_too_deep(format!(r#"{{"a": "\\", "b": {brackets}"#).as_bytes()));
    }
}
