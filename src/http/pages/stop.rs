//! `/r/{token}`: where whoever gets reminders, or notices of offers, says that they want no more. A mail program may do it for them with one
//! click (RFC 8058): whatever it posts, the token says it all, so that no body is read.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::{Layout, asked, failed, html, unknown, words};
use crate::exchange::reminders::Stopping;
use crate::exchange::{referral_notices, reminders};
use crate::http::Context;
use crate::http::problem::Problem;
use crate::types::fill;

/// The page with the button.
#[derive(Template)]
#[template(path = "stop.html")]
struct StopPage<'a> {
    layout: &'a Layout,
    title: &'a str,
    question: String,
    button: &'a str,
}

/// What a link stops.
enum Stops {
    Reminders(Stopping),
    Notices(Stopping),
}

fn page(request: &HttpRequest, stops: Option<Stops>) -> Result<HttpResponse, Problem> {
    let Some(stops) = stops else { return unknown(request) };
    let (Stops::Reminders(stopping) | Stops::Notices(stopping)) = &stops;
    let language = asked(request).unwrap_or(stopping.language);
    let layout = &Layout::new(language);
    let texts = layout.texts;
    let (title, question, button, stopped_title, stopped) = match &stops {
        Stops::Reminders(_) => {
            (&texts.stop_title, &texts.stop_question, &texts.stop, &texts.stopped_title, &texts.stopped)
        }
        Stops::Notices(_) => (
            &texts.notice_stop_title,
            &texts.notice_stop_question,
            &texts.notice_stop,
            &texts.notice_stopped_title,
            &texts.notice_stopped,
        ),
    };
    let named = [("organization", stopping.organization.as_str())];
    if stopping.is_stopped {
        return words(StatusCode::OK, language, |_| (stopped_title, vec![fill(stopped, &named)]));
    }
    html(StatusCode::OK, &StopPage { layout, title, question: fill(question, &named), button })
}

/// Asks whether they are to be stopped. Looking changes nothing.
async fn show(
    context: web::Data<Context>,
    request: HttpRequest,
    token: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let signer = context.app.links.clone();
    let stops = context.app.store.read(move |connection| {
        Ok(match reminders::stopping(connection, &signer, &token)? {
            Some(stopping) => Some(Stops::Reminders(stopping)),
            None => referral_notices::stopping(connection, &signer, &token)?.map(Stops::Notices),
        })
    });
    match stops.await {
        Ok(stops) => page(&request, stops),
        Err(error) => failed(&request, error),
    }
}

/// Stops them.
async fn take(
    context: web::Data<Context>,
    request: HttpRequest,
    token: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let signer = context.app.links.clone();
    let stops = context.app.store.write(move |tx| {
        Ok(match reminders::stop_by_link(tx, &signer, &token)? {
            Some(stopping) => Some(Stops::Reminders(stopping)),
            None => referral_notices::stop_by_link(tx, &signer, &token)?.map(Stops::Notices),
        })
    });
    match stops.await {
        Ok(stops) => page(&request, stops),
        Err(error) => failed(&request, error),
    }
}

/// Adds the page.
pub(super) fn configure(services: &mut web::ServiceConfig) {
    services.service(
        web::resource("/r/{token}")
            .route(web::get().to(show))
            .route(web::post().to(take))
            .default_service(web::to(crate::http::fallback::answer)),
    );
}
