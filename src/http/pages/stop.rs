//! `/r/{token}`: where whoever gets reminders says that they want no more. A mail program may do it for them with one
//! click (RFC 8058): whatever it posts, the token says it all, so that no body is read.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::{Layout, asked, failed, html, unknown, words};
use crate::exchange::reminders::{self, Stopping};
use crate::http::Context;
use crate::http::problem::Problem;
use crate::types::fill;

/// The page with the button.
#[derive(Template)]
#[template(path = "stop.html")]
struct StopPage<'a> {
    layout: &'a Layout,
    question: String,
}

fn page(request: &HttpRequest, stopping: Option<Stopping>) -> Result<HttpResponse, Problem> {
    let Some(Stopping { organization, language, is_stopped }) = stopping else { return unknown(request) };
    let language = asked(request).unwrap_or(language);
    let named = [("organization", organization.as_str())];
    if is_stopped {
        return words(StatusCode::OK, language, |texts| {
            (&texts.stopped_title, vec![fill(&texts.stopped, &named)])
        });
    }
    let layout = &Layout::new(language);
    html(StatusCode::OK, &StopPage { layout, question: fill(&layout.texts.stop_question, &named) })
}

/// Asks whether they are to be stopped. Looking changes nothing.
async fn show(
    context: web::Data<Context>,
    request: HttpRequest,
    token: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let signer = context.app.links.clone();
    match context.app.store.read(move |connection| reminders::stopping(connection, &signer, &token)).await {
        Ok(stopping) => page(&request, stopping),
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
    match context.app.store.write(move |tx| reminders::stop_by_link(tx, &signer, &token)).await {
        Ok(stopping) => page(&request, stopping),
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
