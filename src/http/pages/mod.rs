//! Pages for people without an account, beside the contract: HTML that works without a script and asks nobody else.
//! A token in the path is all that they need, and it opens nothing but its own page.

mod form;
mod stop;
mod update;

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse, get, web};
use askama::Template;
use jiff::SignedDuration;

use super::problem::Problem;
use crate::availability::links::Ended;
use crate::error::Error;
use crate::types::{ReaderLanguage, Texts, fill};

/// Where pages stand.
pub(super) const PLACES: [&str; 2] = ["/u/", "/r/"];
/// Their paths with the methods of each.
pub(super) const ROUTES: [(&str, &str); 3] =
    [("/u/style.css", "GET"), ("/u/{token}", "GET, POST"), ("/r/{token}", "GET, POST")];

/// What every page has.
struct Layout {
    language: ReaderLanguage,
    texts: &'static Texts,
    /// Each language with its own name for itself.
    languages: Vec<(&'static str, &'static str)>,
    /// From the page to the style sheet: relative, since a proxy may add to the path.
    style: &'static str,
}

impl Layout {
    fn new(language: ReaderLanguage) -> Self {
        let name = |one: &ReaderLanguage| (one.as_str(), one.texts().name.as_str());
        Self {
            language,
            texts: language.texts(),
            languages: ReaderLanguage::ALL.iter().map(name).collect(),
            style: "../u/style.css",
        }
    }
}

/// A page of a few words.
#[derive(Template)]
#[template(path = "words.html")]
struct Words<'a> {
    layout: &'a Layout,
    title: &'a str,
    lines: Vec<String>,
}

/// The language that was asked for by one of the links of a page; anything else is left to the link.
fn asked(request: &HttpRequest) -> Option<ReaderLanguage> {
    let mut pairs = request.query_string().split('&').filter_map(|pair| pair.strip_prefix("lang="));
    pairs.next_back().and_then(|code| code.parse().ok())
}

/// The language of somebody of whom nothing else is known.
fn guessed(request: &HttpRequest) -> ReaderLanguage {
    let accepted =
        || request.headers().get(ACCEPT_LANGUAGE)?.to_str().ok().and_then(ReaderLanguage::accepted);
    asked(request).or_else(accepted).unwrap_or(ReaderLanguage::English)
}

/// An answer with a page. It is kept nowhere.
pub(super) fn html(status: StatusCode, page: &impl Template) -> Result<HttpResponse, Problem> {
    let text = page.render().map_err(|source| Error::internal("writing a page", source))?;
    Ok(HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(text))
}

fn words(
    status: StatusCode,
    language: ReaderLanguage,
    say: impl FnOnce(&'static Texts) -> (&'static str, Vec<String>),
) -> Result<HttpResponse, Problem> {
    let layout = Layout::new(language);
    let (title, lines) = say(layout.texts);
    html(status, &Words { layout: &layout, title, lines })
}

/// A link that is none.
fn unknown(request: &HttpRequest) -> Result<HttpResponse, Problem> {
    words(StatusCode::NOT_FOUND, guessed(request), |texts| {
        let lines = vec![texts.unknown_link.clone(), texts.ask_for_new.clone()];
        (&texts.unknown_link_title, lines)
    })
}

/// A link that works no more.
fn over(language: ReaderLanguage, ended: Ended) -> Result<HttpResponse, Problem> {
    words(StatusCode::GONE, language, |texts| {
        let title = match ended {
            Ended::Expired => &texts.expired_title,
            Ended::Revoked => &texts.revoked_title,
            Ended::Retired => &texts.retired_title,
        };
        (title, vec![texts.ended.clone(), texts.ask_for_new.clone()])
    })
}

/// A form that cannot be read.
fn unreadable(status: StatusCode, language: ReaderLanguage) -> Result<HttpResponse, Problem> {
    words(status, language, |texts| (&texts.unreadable_title, vec![texts.unreadable.clone()]))
}

/// A link that was used too often.
fn limited(language: ReaderLanguage, wait: SignedDuration) -> Result<HttpResponse, Problem> {
    let seconds = wait.as_secs().saturating_add(1);
    let minutes = (seconds + 59) / 60;
    let mut answer = words(StatusCode::TOO_MANY_REQUESTS, language, |texts| {
        let limited = fill(&texts.limited, &[("minutes", &minutes.to_string())]);
        (&texts.limited_title, vec![limited])
    })?;
    answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    Ok(answer)
}

/// What is shown where something fails: people get no problem document.
fn failed(request: &HttpRequest, error: Error) -> Result<HttpResponse, Problem> {
    let problem = Problem::from(error);
    let status = actix_web::ResponseError::status_code(&problem);
    let mut answer =
        words(status, guessed(request), |texts| (&texts.failed_title, vec![texts.failed.clone()]))?;
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(RETRY_AFTER, 60.into());
    }
    Ok(answer)
}

/// The style of every page.
#[get("/u/style.css")]
async fn style() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .insert_header((CACHE_CONTROL, "max-age=3600"))
        .body(include_str!("style.css"))
}

/// Adds the pages.
pub(super) fn configure(services: &mut web::ServiceConfig) {
    services.service(style);
    update::configure(services);
    stop::configure(services);
}
