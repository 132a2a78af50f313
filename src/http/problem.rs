//! Problems (RFC 9457): the one shape of every answer that is not a success.

use std::fmt;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use serde::Serialize;

use super::crisis_rota::CrisisTold;
use crate::error::{At, Error, FieldError};
use crate::types::{CrisisContact, CrisisEventId};

/// The closed set of problem codes. The last part of `type` and the member `code` are this code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemCode {
    /// 400: a value is wrong; `errors` says which and what would be right.
    InvalidRequest,
    /// 401: a token is needed, or the one that came is not believed; `WWW-Authenticate` says which.
    Unauthenticated,
    /// 403: the token lacks a scope; `WWW-Authenticate` and the detail name it.
    InsufficientScope,
    /// 403: nobody of the caller's role may do this.
    Forbidden,
    /// 403: nothing permits this to be told; `errors` gives each reason.
    DisclosureRefused,
    /// 404: there is no such thing.
    NotFound,
    /// 405: the path has no such method.
    MethodNotAllowed,
    /// 409: it contradicts what is there.
    Conflict,
    /// 409: somebody says that there is imminent risk; nothing else was done, and `crisis_contacts` says whom to call.
    ImminentRisk,
    /// 409: the first request with this `Idempotency-Key` still runs.
    IdempotencyInFlight,
    /// 412: it was changed since it was read.
    PreconditionFailed,
    /// 413: the body is too large.
    PayloadTooLarge,
    /// 415: the body is of another media type.
    UnsupportedMediaType,
    /// 422: the `Idempotency-Key` came with another request.
    IdempotencyKeyReused,
    /// 428: `If-Match` is needed.
    PreconditionRequired,
    /// 429: more requests than the server takes from one address, client or person; `Retry-After` says when to ask again.
    RateLimited,
    /// 431: the header fields are too many or too large.
    HeadTooLarge,
    /// 500: a fault of ours; the request id finds it in the log.
    Internal,
    /// 503: more requests wait than can be answered in time.
    Overloaded,
    /// 503: the finder is being loaded.
    Starting,
    /// 503: the server was asked to stop.
    Stopping,
    /// 503: the answer took too long; a change may have been made all the same.
    TimedOut,
    /// 503: the database does not answer.
    Unavailable,
    /// 408: the body did not come in time.
    RequestTimeout,
}

impl ProblemCode {
    /// Every code.
    pub const ALL: &'static [Self] = &[
        Self::InvalidRequest,
        Self::Unauthenticated,
        Self::InsufficientScope,
        Self::Forbidden,
        Self::DisclosureRefused,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Conflict,
        Self::ImminentRisk,
        Self::IdempotencyInFlight,
        Self::PreconditionFailed,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::IdempotencyKeyReused,
        Self::PreconditionRequired,
        Self::RateLimited,
        Self::HeadTooLarge,
        Self::Internal,
        Self::Overloaded,
        Self::Starting,
        Self::Stopping,
        Self::TimedOut,
        Self::Unavailable,
        Self::RequestTimeout,
    ];

    fn facts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::InvalidRequest => {
                (StatusCode::BAD_REQUEST, "invalid-request", "The request cannot be accepted")
            }
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated", "A token is needed"),
            Self::InsufficientScope => {
                (StatusCode::FORBIDDEN, "insufficient-scope", "The token does not permit this")
            }
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "Nobody of this role may do this"),
            Self::DisclosureRefused => {
                (StatusCode::FORBIDDEN, "disclosure-refused", "Nothing permits this to be told")
            }
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "There is no such thing"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "This path has no such method")
            }
            Self::Conflict => (StatusCode::CONFLICT, "conflict", "It contradicts what is there"),
            Self::ImminentRisk => {
                (StatusCode::CONFLICT, "imminent-risk", "Somebody may be in danger: call for help first")
            }
            Self::IdempotencyInFlight => {
                (StatusCode::CONFLICT, "idempotency-in-flight", "The first request with this key still runs")
            }
            Self::PreconditionFailed => {
                (StatusCode::PRECONDITION_FAILED, "precondition-failed", "It was changed since it was read")
            }
            Self::PayloadTooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, "payload-too-large", "The body is too large")
            }
            Self::UnsupportedMediaType => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "The body is of another media type",
            ),
            Self::IdempotencyKeyReused => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "The Idempotency-Key came with another request",
            ),
            Self::PreconditionRequired => {
                (StatusCode::PRECONDITION_REQUIRED, "precondition-required", "If-Match is needed")
            }
            Self::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "rate-limited", "Too many requests"),
            Self::HeadTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "head-too-large",
                "The header fields are too many or too large",
            ),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "A fault on our side"),
            Self::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "overloaded", "Too many requests wait"),
            Self::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The database does not answer")
            }
            Self::RequestTimeout => {
                (StatusCode::REQUEST_TIMEOUT, "request-timeout", "The body did not come in time")
            }
            Self::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting", "The finder is being loaded"),
            Self::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping", "The server is about to stop"),
            Self::TimedOut => (StatusCode::SERVICE_UNAVAILABLE, "timed-out", "The answer took too long"),
        }
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        self.facts().1
    }

    /// The HTTP status it comes with.
    pub fn status(self) -> StatusCode {
        self.facts().0
    }
}

/// Seconds after which an overloaded or starting server may be asked again, unless it says otherwise.
const RETRY_AFTER_SECONDS: &str = "1";

/// A problem on its way to the client. The request id is added by the middleware, which also logs causes.
#[derive(Debug)]
pub struct Problem {
    /// Its code.
    pub code: ProblemCode,
    /// What went wrong this time.
    pub detail: String,
    /// The values that are wrong.
    pub errors: Vec<FieldError>,
    /// Methods that the path has.
    pub allow: Option<String>,
    /// How to come with a token (RFC 6750).
    pub challenge: Option<String>,
    /// Who helps at once.
    pub help: Option<Box<CrisisHelp>>,
}

/// What stands on a problem where somebody may be in danger.
#[derive(Clone, Debug)]
pub struct CrisisHelp {
    /// Whom to call, in the order in which to show them.
    pub contacts: Vec<&'static CrisisContact>,
    /// The event that was recorded.
    pub event: Option<CrisisEventId>,
    /// To whom a message goes, where an event was recorded.
    pub told: Option<Vec<CrisisTold>>,
    /// For those who suspect abuse or neglect.
    pub mandated_reporting: Option<String>,
}

/// A problem (RFC 9457).
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody<'a> {
    /// A URI for the kind of problem: `urn:causeway:problem:` and the code.
    #[schema(example = "urn:causeway:problem:invalid-request")]
    r#type: String,
    /// What kind of problem it is, in words.
    title: &'a str,
    /// HTTP status.
    #[schema(example = 400)]
    status: u16,
    /// The code; the set is closed.
    code: ProblemCode,
    /// What went wrong this time.
    detail: &'a str,
    /// The values that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<ProblemField<'a>>,
    /// With `imminent-risk`: whom to call, in the order in which to show them.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false, value_type = Vec<CrisisContact>)]
    crisis_contacts: &'a [&'static CrisisContact],
    /// With `imminent-risk`: the crisis event that was recorded in the caller's district.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    crisis_event_id: Option<CrisisEventId>,
    /// With `imminent-risk`, where an event was recorded: to whom a message goes now. Empty: nobody could be told; tell
    /// somebody yourself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    told: Option<&'a [CrisisTold]>,
    /// With `imminent-risk`, where abuse or neglect is suspected: what mandated reporters have to do themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    mandated_reporting: Option<&'a str>,
    /// Finds this request in the server's log.
    request_id: String,
}

/// One value that is wrong: in the body (`pointer`), the query (`parameter`) or a header (`header`).
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ProblemField)]
pub(super) struct ProblemField<'a> {
    /// JSON pointer (RFC 6901) into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pointer: Option<&'a str>,
    /// Query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    parameter: Option<&'a str>,
    /// Header.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    header: Option<&'a str>,
    /// What is wrong with it and what would be right.
    detail: &'a str,
}

impl<'a> ProblemField<'a> {
    /// Shows a value that is wrong.
    pub(super) fn of(FieldError { at, message }: &'a FieldError) -> Self {
        let (mut pointer, mut parameter, mut header) = (None, None, None);
        match at {
            At::Body(place) => pointer = Some(place.as_str()),
            At::Query(name) => parameter = Some(name.as_str()),
            At::Header(name) => header = Some(*name),
        }
        Self { pointer, parameter, header, detail: message }
    }
}

impl Problem {
    /// A problem of this kind.
    pub fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), allow: None, challenge: None, help: None }
    }

    /// Values that are wrong.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] => one.to_string(),
            many => format!("{} values cannot be accepted", many.len()),
        };
        Self { code: ProblemCode::InvalidRequest, detail, errors, allow: None, challenge: None, help: None }
    }

    /// The answer, with the id under which the request is logged.
    pub fn response(&self, request_id: &str) -> HttpResponse {
        let (status, code, title) = self.code.facts();
        let errors = self.errors.iter().map(ProblemField::of).collect();
        let mut response = HttpResponseBuilder::new(status);
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            response.insert_header((header::RETRY_AFTER, RETRY_AFTER_SECONDS));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        if let Some(challenge) = &self.challenge {
            response.insert_header((header::WWW_AUTHENTICATE, challenge.as_str()));
        }
        response.content_type("application/problem+json").json(ProblemBody {
            r#type: format!("urn:causeway:problem:{code}"),
            title,
            status: status.as_u16(),
            code: self.code,
            detail: &self.detail,
            errors,
            crisis_contacts: self.help.as_deref().map_or(&[], |help| help.contacts.as_slice()),
            crisis_event_id: self.help.as_deref().and_then(|help| help.event),
            told: self.help.as_deref().and_then(|help| help.told.as_deref()),
            mandated_reporting: self.help.as_deref().and_then(|help| help.mandated_reporting.as_deref()),
            request_id: request_id.to_owned(),
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        // The middleware replaces it by one with the request id.
        self.response("")
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Invalid(errors) => Self::invalid(errors),
            Error::NotFound { .. } => Self::new(ProblemCode::NotFound, detail),
            Error::Conflict(_) => Self::new(ProblemCode::Conflict, detail),
            Error::Forbidden(_) => Self::new(ProblemCode::Forbidden, detail),
            Error::Refused(reasons) => {
                let detail = "nothing on file permits this to be told; errors gives every reason";
                Self {
                    code: ProblemCode::DisclosureRefused,
                    detail: detail.to_owned(),
                    ..Self::invalid(reasons)
                }
            }
            Error::Stale { .. } => Self::new(ProblemCode::PreconditionFailed, detail),
            Error::KeyReused => Self::new(ProblemCode::IdempotencyKeyReused, detail),
            Error::KeyInFlight => Self::new(ProblemCode::IdempotencyInFlight, detail),
            Error::Unavailable => Self::new(ProblemCode::Unavailable, detail),
            Error::Overloaded | Error::Contended => Self::new(ProblemCode::Overloaded, detail),
            Error::Setup(_) | Error::Internal { .. } => {
                tracing::error!(error = &error as &dyn std::error::Error, "request failed");
                Self::new(
                    ProblemCode::Internal,
                    "something failed on our side; the request id finds it in the log",
                )
            }
        }
    }
}

impl From<FieldError> for Problem {
    fn from(error: FieldError) -> Self {
        Self::invalid(vec![error])
    }
}
