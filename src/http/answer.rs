//! A need is put to the finder: what it names is looked up, the index is asked, and a page is shown.

use std::collections::HashMap;

use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Context;
use super::listing::{SearchAnswer, show};
use super::origin::{Name, Origin, OriginAsk, refuse_unknown_plans};
use super::problem::Problem;
use super::resource::{Relation, Total, link_next};
use crate::error::FieldError;
use crate::finder::source::{Listing, listings};
use crate::finder::{Answer, Criteria, Preferred, Question, Search, Sort, SortKey, Urgency, Words};
use crate::types::{Audience, OfferingId};

/// A need as it was asked, before anything of it is looked up.
#[derive(Debug)]
pub(super) struct NeedProfile {
    /// From where.
    pub(super) origin: OriginAsk,
    /// How far a place may be.
    pub(super) radius_km: f64,
    /// Whom the service is for.
    pub(super) audience: Vec<Audience>,
    /// What must be written of it.
    pub(super) words: Option<Words>,
    /// What must hold.
    pub(super) required: Criteria,
    /// What ranks and never filters.
    pub(super) preferred: Preferred,
    /// How quickly care is needed.
    pub(super) urgency: Urgency,
    /// The longest expected wait.
    pub(super) max_wait_days: Option<f64>,
    /// The order.
    pub(super) sort: Sort,
}

/// Which page of the answer, and how much of it is shown.
pub(super) struct PageAsk {
    /// Items of one page.
    pub(super) limit: usize,
    /// Continues an answer.
    pub(super) cursor: Option<String>,
    /// Whether the factors are shown.
    pub(super) explain: bool,
}

/// How the fields are called where the need was asked.
#[derive(Clone, Copy)]
pub(super) struct Names {
    /// Those of the origin.
    pub(super) origin: Name,
    /// That of the coverage.
    pub(super) coverage: (Name, &'static str),
}

/// A page's place in an answer.
#[derive(Serialize, Deserialize)]
struct Position {
    /// The last item of the page before.
    after: SortKey,
    /// How many items came before.
    depth: usize,
    /// Every page of an answer is asked at the same instant, so that scores do not move between pages.
    now: Timestamp,
}

/// Items that one answer gives in all its pages together.
const DEPTH: usize = 1_000;
/// A cursor continues this long; after that the claims that it goes by may have lapsed.
const CURSOR_LIFE: jiff::SignedDuration = jiff::SignedDuration::from_mins(15);

/// Puts a need to the finder and shows a page of the answer. All of it in the blocking pool: a wide question
/// takes its time, and must not keep others from being read.
pub(super) async fn answer(
    context: &Context,
    request: &HttpRequest,
    need: NeedProfile,
    names: Names,
    page: PageAsk,
) -> Result<HttpResponse, Problem> {
    context.ready()?;
    let PageAsk { limit, cursor, explain } = page;
    // A cursor is tied to everything asked, and spells nothing of it out.
    let fingerprint = URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{} {need:?}", request.path())));
    let position =
        cursor.map(|cursor| context.cursors.read::<Position>(&fingerprint, &cursor)).transpose()?;
    let (mut depth, mut after, mut now) = (0, None, context.app.now());
    if let Some(position) = position {
        if now.duration_since(position.now) > CURSOR_LIFE {
            return Err(
                FieldError::query("cursor", "is older than 15 minutes; search again from the start").into()
            );
        }
        (depth, after, now) = (position.depth, Some(position.after), position.now);
    }
    let limit = limit.min(DEPTH - depth);
    let app = context.app.clone();
    let (revision, Answer { hits, total, suggestions }, found) = context
        .app
        .store
        .read(move |connection| {
            let (in_coverage, field) = names.coverage;
            refuse_unknown_plans(connection, &need.required, in_coverage, field)?;
            let Origin { at, residence, school } = need.origin.find(connection, names.origin)?;
            let question = Question {
                origin: at,
                radius_km: need.radius_km,
                residence,
                school,
                audience: need.audience,
                words: need.words,
                required: need.required,
                preferred: need.preferred,
                urgency: need.urgency,
                max_wait_days: need.max_wait_days,
                now,
            };
            let (answer, revision) =
                app.search(&Search { sort: need.sort, limit, after, ..Search::new(&question) });
            let ids: Vec<OfferingId> = answer.hits.iter().map(|hit| hit.offering).collect();
            let found: HashMap<OfferingId, Listing> = listings(connection, &ids, None)?
                .into_iter()
                .map(|listing| (listing.offering.id, listing))
                .collect();
            Ok((revision, answer, found))
        })
        .await?;
    depth += hits.len();
    let more = depth < DEPTH && (depth < total.value || !total.exact);
    let next_cursor = hits
        .last()
        .filter(|_| more)
        .map(|last| context.cursors.write(&fingerprint, &Position { after: last.key, depth, now }));
    let profile = format!("{}@{}", context.app.profile().name(), context.app.profile().version());
    // What was removed since the index was asked is left out.
    let items = hits
        .into_iter()
        .filter_map(|hit| {
            let listing = found.get(&hit.offering).filter(|listing| listing.can_be_found())?;
            Some(show(hit, listing.clone(), now, explain.then(|| profile.clone())))
        })
        .collect();
    let relation = if total.exact { Relation::Eq } else { Relation::Gte };
    let total = Total { value: u64::try_from(total.value).unwrap_or(u64::MAX), relation };
    let mut response = HttpResponse::Ok();
    if request.method() == actix_web::http::Method::GET {
        link_next(&mut response, request, next_cursor.as_deref());
    }
    Ok(response.json(SearchAnswer { items, next_cursor, total, suggestions, revision }))
}
