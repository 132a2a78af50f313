//! `/u/{token}`: where an agency says with one tap what a pool can take.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use jiff::Timestamp;

use super::form::{Form, LARGEST_FORM};
use super::{Layout, asked, failed, guessed, html, limited, over, unknown, unreadable};
use crate::availability::links::{self, Answered, Fault, FormSent, MOST_COUNTED, Opened, PoolShown};
use crate::http::problem::Problem;
use crate::http::{Context, body};
use crate::types::{AvailabilityStatus, ReaderLanguage, Texts, fill};

/// The page with the three buttons.
#[derive(Template)]
#[template(path = "update.html")]
struct UpdatePage<'a> {
    layout: &'a Layout,
    organization: &'a str,
    pool: &'a str,
    claim: Option<ClaimShown>,
    form: String,
    notice: Option<&'a str>,
    fault: Option<String>,
    /// What was typed.
    number: &'a str,
}

/// The page that says thanks.
#[derive(Template)]
#[template(path = "saved.html")]
struct SavedPage<'a> {
    layout: &'a Layout,
    organization: &'a str,
    pool: &'a str,
    claim: Option<ClaimShown>,
}

/// What was said last, in the words of a page.
struct ClaimShown {
    is_live: bool,
    status: &'static str,
    count: Option<String>,
    until: String,
}

impl ClaimShown {
    fn of(shown: &PoolShown, language: ReaderLanguage, now: Timestamp) -> Option<Self> {
        let claim = shown.claim.as_ref()?;
        let texts = language.texts();
        let (status, count) = match claim.status {
            AvailabilityStatus::Capacity => (&texts.capacity, claim.open_slots.map(|n| (&texts.openings, n))),
            AvailabilityStatus::Waitlist => (&texts.waitlist, claim.waiting.map(|n| (&texts.waiting, n))),
            AvailabilityStatus::NoCapacity => (&texts.no_capacity, None),
            AvailabilityStatus::AdditionalAssessmentRequired => (&texts.assessment, None),
            AvailabilityStatus::Unknown => (&texts.unknown, None),
        };
        let is_live = claim.is_live(now);
        let until = if is_live { &texts.shown_until } else { &texts.lapsed };
        Some(Self {
            is_live,
            status,
            count: count.map(|(text, number)| fill(text, &[("count", &number.to_string())])),
            until: fill(until, &[("until", &language.moment(claim.valid_until, &shown.zone))]),
        })
    }
}

/// What a page says besides what it always does.
#[derive(Default)]
struct Said<'a> {
    notice: Option<&'a str>,
    fault: Option<String>,
    number: &'a str,
}

fn fault_text(fault: Fault, texts: &Texts) -> String {
    match fault {
        Fault::ChoiceMissing => texts.choice_missing.clone(),
        Fault::NumberWrong => fill(&texts.number_wrong, &[("most", &MOST_COUNTED.to_string())]),
        Fault::NumberZero => texts.number_zero.clone(),
        Fault::NumberWithNothing => texts.number_with_nothing.clone(),
    }
}

fn update_page(
    context: &Context,
    status: StatusCode,
    shown: &PoolShown,
    language: ReaderLanguage,
    said: Said<'_>,
) -> Result<HttpResponse, Problem> {
    let page = UpdatePage {
        layout: &Layout::new(language),
        organization: &shown.organization,
        pool: &shown.pool,
        claim: ClaimShown::of(shown, language, context.app.now()),
        form: context.app.links.form(shown.link.id, links::new_form()?),
        notice: said.notice,
        fault: said.fault,
        number: said.number,
    };
    html(status, &page)
}

/// Shows the page. Looking changes nothing: programs that look into mails may follow the link.
async fn show(
    context: web::Data<Context>,
    request: HttpRequest,
    token: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (signer, now) = (context.app.links.clone(), context.app.now());
    let opened = context.app.store.read(move |connection| links::open(connection, &signer, &token, now));
    match opened.await {
        Ok(Opened::Unknown) => unknown(&request),
        Ok(Opened::Over(language, ended)) => over(asked(&request).unwrap_or(language), ended),
        Ok(Opened::Open(shown)) => {
            let language = asked(&request).unwrap_or(shown.link.language);
            update_page(&context, StatusCode::OK, &shown, language, Said::default())
        }
        Err(error) => failed(&request, error),
    }
}

/// Takes the form.
async fn take(
    context: web::Data<Context>,
    request: HttpRequest,
    token: web::Path<String>,
    body: Result<body::Bytes, actix_web::Error>,
) -> Result<HttpResponse, Problem> {
    let fields = Form::read(&request, &body).and_then(|form| {
        let read = || {
            let (form, choice, number) = (form.take("form")?, form.take("answer")?, form.take("number")?);
            Some(FormSent { form, choice, number })
        };
        read().ok_or(StatusCode::BAD_REQUEST)
    });
    let sent = match fields {
        Ok(sent) => sent,
        Err(status) => return unreadable(status, guessed(&request)),
    };
    let (signer, number) = (context.app.links.clone(), sent.number.clone());
    let answered = context.app.store.write(move |tx| links::answer(tx, &signer, &token, &sent)).await;
    let in_language = |shown: &PoolShown| asked(&request).unwrap_or(shown.link.language);
    match answered {
        Ok(Answered::Unknown) => unknown(&request),
        Ok(Answered::Over(language, ended)) => over(asked(&request).unwrap_or(language), ended),
        Ok(Answered::Unreadable(shown)) => unreadable(StatusCode::BAD_REQUEST, in_language(&shown)),
        Ok(Answered::Limited(shown, wait)) => limited(in_language(&shown), wait),
        Ok(Answered::Wrong(shown, fault)) => {
            let language = in_language(&shown);
            let fault = Some(fault_text(fault, language.texts()));
            let said = Said { fault, number: &number, ..Said::default() };
            update_page(&context, StatusCode::BAD_REQUEST, &shown, language, said)
        }
        Ok(Answered::SentBefore(shown)) => {
            let language = in_language(&shown);
            let notice = Some(language.texts().sent_before.as_str());
            let said = Said { notice, number: &number, ..Said::default() };
            update_page(&context, StatusCode::CONFLICT, &shown, language, said)
        }
        Ok(Answered::Saved(shown)) => {
            let language = in_language(&shown);
            let page = SavedPage {
                layout: &Layout::new(language),
                organization: &shown.organization,
                pool: &shown.pool,
                claim: ClaimShown::of(&shown, language, context.app.now()),
            };
            html(StatusCode::OK, &page)
        }
        Err(error) => failed(&request, error),
    }
}

/// Adds the page.
pub(super) fn configure(services: &mut web::ServiceConfig) {
    services.service(
        web::resource("/u/{token}")
            .app_data(web::PayloadConfig::new(LARGEST_FORM))
            .route(web::get().to(show))
            .route(web::post().to(take))
            .default_service(web::to(crate::http::fallback::answer)),
    );
}
