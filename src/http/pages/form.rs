//! Forms as browsers send them (`application/x-www-form-urlencoded`).

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;

use crate::http::body;
use crate::http::query::decode;

const FORM: &str = "application/x-www-form-urlencoded";
/// Bytes of a form: far more than any of ours has.
pub(super) const LARGEST_FORM: usize = 4 * 1024;

/// The fields of a form.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a body that came, or did not.
    ///
    /// # Errors
    /// The status of what is wrong with it.
    pub(super) fn read(
        request: &HttpRequest,
        body: &Result<body::Bytes, actix_web::Error>,
    ) -> Result<Self, StatusCode> {
        let bytes = match body {
            Ok(body::Bytes(bytes)) => bytes,
            Err(error) => return Err(error.as_response_error().status_code()),
        };
        let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case(FORM) {
            return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE);
        }
        let fields = std::str::from_utf8(bytes).ok().and_then(|text| {
            let pairs = text.split('&').filter(|pair| !pair.is_empty());
            pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    Some((decode(name)?, decode(value)?))
                })
                .collect::<Option<Vec<_>>>()
        });
        fields.map(Self).ok_or(StatusCode::BAD_REQUEST)
    }

    /// A field; empty if it is not there, none if it comes twice.
    pub(super) fn take(&self, name: &str) -> Option<String> {
        let mut values = self.0.iter().filter(|(given, _)| given == name).map(|(_, value)| value.clone());
        let value = values.next().unwrap_or_default();
        values.next().is_none().then_some(value)
    }
}
