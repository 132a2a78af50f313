//! How tests send requests: to the real router, one after the other, in the thread that asks.
//!
//! Putting the router together takes longer than most answers, so a thread keeps that of each Causeway it asks.

use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::Pin;

use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::rt::{System, SystemRunner};
use actix_web::test::{TestRequest, init_service};
use causeway::config::DatabaseUrl;
use causeway::http::{Context, service};
use serde_json::Value;

/// An answer.
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The answer, which must have this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// The places and words of a problem's errors.
    pub fn errors(&self) -> Vec<(String, String)> {
        let place = |error: &Value| {
            ["pointer", "parameter", "header"]
                .iter()
                .find_map(|kind| error[kind].as_str())
                .unwrap_or("")
                .to_owned()
        };
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| (place(error), error["detail"].as_str().unwrap_or("").to_owned())).collect()
    }
}

/// Sends requests to a router of their own.
pub fn send_all(context: &Context, requests: impl IntoIterator<Item = TestRequest>) -> Vec<Answer> {
    Router::new(context).send_all(requests)
}

thread_local! {
    static KEPT: RefCell<HashMap<String, Router>> = RefCell::default();
}

/// Sends requests to the router that this thread keeps for what stands on this database.
pub fn send_all_to_kept(
    url: &DatabaseUrl,
    context: &Context,
    requests: impl IntoIterator<Item = TestRequest>,
) -> Vec<Answer> {
    KEPT.with_borrow_mut(|kept| {
        let router = kept.entry(url.to_string()).or_insert_with(|| Router::new(context));
        router.send_all(requests)
    })
}

/// Lets go of what this thread keeps of it.
pub fn forget(url: &DatabaseUrl) {
    let router = KEPT.with_borrow_mut(|kept| kept.remove(&url.to_string()));
    drop(router);
}

type Answering = Pin<Box<dyn Future<Output = Result<ServiceResponse, actix_web::Error>>>>;

/// The router, and what runs it.
struct Router {
    call: Box<dyn Fn(TestRequest) -> Answering>,
    system: SystemRunner,
}

impl Router {
    fn new(context: &Context) -> Self {
        let system = System::new();
        let service = system.block_on(init_service(service(context)));
        Self { call: Box::new(move |request| Box::pin(service.call(request.to_request()))), system }
    }

    fn send_all(&self, requests: impl IntoIterator<Item = TestRequest>) -> Vec<Answer> {
        self.system.block_on(async {
            let mut answers = Vec::new();
            for request in requests {
                answers.push(self.answer(request).await);
            }
            answers
        })
    }

    async fn answer(&self, request: TestRequest) -> Answer {
        // Only what took too long comes as an error, which holds the answer.
        let response = match (self.call)(request).await {
            Ok(answered) => answered.into_parts().1,
            Err(error) => error.error_response(),
        };
        let status = response.status().as_u16();
        let headers: Vec<(String, String)> = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let goes_on = response
            .headers()
            .get("content-type")
            .is_some_and(|media_type| media_type.as_bytes().starts_with(b"text/event-stream"));
        let body = if goes_on {
            // Of what does not end, the beginning.
            let mut body = Box::pin(response.into_body());
            let first = std::future::poll_fn(|context| body.as_mut().poll_next(context)).await;
            first.expect("a beginning").expect("a beginning")
        } else {
            to_bytes(response.into_body()).await.expect("a whole body")
        };
        let text = String::from_utf8_lossy(&body).into_owned();
        Answer { status, headers, text }
    }
}
