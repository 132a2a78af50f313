//! The few requests that go on while they are answered, and are exempt from what bounds all others: the time of an
//! answer ([`EdgeConfig::request_timeout`](crate::config::EdgeConfig)) and the size of a body
//! ([`LARGEST_BODY`](crate::http::body)). [`Lasting`](crate::config::Lasting) bounds them instead: what each may send,
//! how long it may wait and go on, and how many one caller may have open. They hold their place among the requests that
//! run at once until the last byte of the answer was taken, and come to an end when the server is asked to stop.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::Method;
use actix_web::web::Bytes;

use super::Edge;
use super::metrics::Refusal;
use super::places::Place;
use crate::access::PrincipalId;
use crate::http::problem::{Problem, ProblemCode};

/// The requests that go on.
const LASTING: [(&str, &str); 2] = [("POST", "/v1/availability"), ("GET", "/v1/availability/events")];

/// Whether a request is one of those that go on.
pub(super) fn goes_on(method: &Method, path: &str) -> bool {
    LASTING.contains(&(method.as_str(), path))
}

/// A request that goes on, as one of those that its caller has open; dropping it closes it.
pub(in crate::http) struct Open {
    _place: Place<PrincipalId>,
}

impl Edge {
    /// Opens a request that goes on.
    ///
    /// # Errors
    /// [`ProblemCode::RateLimited`] if the caller has too many open; [`ProblemCode::Stopping`] if the server is about to
    /// stop.
    pub(in crate::http) fn open(&self, caller: PrincipalId) -> Result<Open, Problem> {
        if self.is_stopping() {
            return Err(Problem::new(
                ProblemCode::Stopping,
                "the server is about to stop; ask again in a moment",
            ));
        }
        let most = self.config().lasting.open_per_caller;
        let place = self.inner.open.take(caller, most).ok_or_else(|| {
            self.metrics().refused(Refusal::CallerOpen);
            let detail = format!(
                "this client or person has {most} streams and bulk reports open; close one, then ask again"
            );
            Problem::new(ProblemCode::RateLimited, detail)
        })?;
        Ok(Open { _place: place })
    }
}

/// A body that holds something until it was taken.
struct Holding<T> {
    body: BoxBody,
    _held: T,
}

/// `body`, which holds `held` until it was taken or nobody wants it any more.
pub(super) fn hold(body: BoxBody, held: impl Unpin + 'static) -> BoxBody {
    BoxBody::new(Holding { body, _held: held })
}

impl<T: Unpin> MessageBody for Holding<T> {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}
