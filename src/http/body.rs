//! JSON bodies.

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use super::problem::{Problem, ProblemCode};
use crate::directory::pointer;
use crate::error::FieldError;

/// The most bytes of a JSON body.
pub(super) const LARGEST_BODY: usize = 1 << 20;

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
    let mut parser = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut parser)
        .map_err(|error| FieldError::body(pointer(error.path()), error.inner()))?;
    parser.end().map_err(|error| FieldError::body("", error))?;
    Ok(value)
}
