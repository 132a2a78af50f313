//! `/r/{token}`: where whoever gets reminders, or notices of offers or of what waits, says that they want no more. A mail program
//! may do it for them with one click (RFC 8058): whatever it posts, the token says it all, so that no body is read.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::{Layout, asked, failed, html, unknown, words};
use crate::availability::links::LinkSigner;
use crate::error::Result as Done;
use crate::exchange::reminders::Stopping;
use crate::exchange::{people_notices, referral_notices, reminders};
use crate::http::Context;
use crate::http::problem::Problem;
use crate::store::{DbConnection, Tx};
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
    Waiting(Stopping),
}

fn page(request: &HttpRequest, stops: Option<Stops>) -> Result<HttpResponse, Problem> {
    let Some(stops) = stops else { return unknown(request) };
    let (Stops::Reminders(stopping) | Stops::Notices(stopping) | Stops::Waiting(stopping)) = &stops;
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
        Stops::Waiting(_) => (
            &texts.worklist_stop_title,
            &texts.worklist_stop_question,
            &texts.worklist_stop,
            &texts.worklist_stopped_title,
            &texts.worklist_stopped,
        ),
    };
    let whose = stopping.whose.as_str();
    let named = [("organization", whose), ("person", whose)];
    if stopping.is_stopped {
        return words(StatusCode::OK, language, |_| (stopped_title, vec![fill(stopped, &named)]));
    }
    html(StatusCode::OK, &StopPage { layout, title, question: fill(question, &named), button })
}

/// What a link would stop.
fn stopping(connection: &mut DbConnection, signer: &LinkSigner, token: &str) -> Done<Option<Stops>> {
    if let Some(found) = reminders::stopping(connection, signer, token)? {
        return Ok(Some(Stops::Reminders(found)));
    }
    if let Some(found) = referral_notices::stopping(connection, signer, token)? {
        return Ok(Some(Stops::Notices(found)));
    }
    Ok(people_notices::stopping(connection, signer, token)?.map(Stops::Waiting))
}

fn stop(tx: &mut Tx<'_>, signer: &LinkSigner, token: &str) -> Done<Option<Stops>> {
    if let Some(stopped) = reminders::stop_by_link(tx, signer, token)? {
        return Ok(Some(Stops::Reminders(stopped)));
    }
    if let Some(stopped) = referral_notices::stop_by_link(tx, signer, token)? {
        return Ok(Some(Stops::Notices(stopped)));
    }
    Ok(people_notices::stop_by_link(tx, signer, token)?.map(Stops::Waiting))
}

/// Asks whether they are to be stopped. Looking changes nothing.
async fn show(
    context: web::Data<Context>,
    request: HttpRequest,
    token: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let signer = context.app.links.clone();
    match context.app.store.read(move |connection| stopping(connection, &signer, &token)).await {
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
    match context.app.store.write(move |tx| stop(tx, &signer, &token)).await {
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
