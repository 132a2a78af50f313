//! A need is put to the finder: what it names is looked up, the index is asked, and a page is shown.

use std::collections::HashMap;
use std::time::Instant;

use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Context;
use super::listing::{Match, NearMatch, NearMatchList, NearMatches, SearchAnswer, show};
use super::problem::Problem;
use super::resource::{Relation, Total, link_next};
use crate::app::Found;
use crate::error::{Error, FieldError};
use crate::finder::ledger::{NeedRef, Outcome, record};
use crate::finder::need::{Name, NeedProfile, categories_of};
use crate::finder::source::{Listing, listings};
use crate::finder::{Answer, Hit, Missed, NearMisses, Search, SortKey};
use crate::types::{OfferingId, crisis_contacts};

/// Which page of the answer, and how much of it is shown.
pub(super) struct PageAsk {
    /// Items of one page.
    pub(super) limit: usize,
    /// Continues an answer.
    pub(super) cursor: Option<String>,
    /// Whether the factors are shown.
    pub(super) explain: bool,
    /// Whether near misses are shown also where something matches.
    pub(super) near_misses: bool,
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
/// takes its time, and must not keep others from being read. With a `need_ref`, what came of the need is left in
/// the ledger before it is answered.
pub(super) async fn answer(
    context: &Context,
    request: &HttpRequest,
    need: NeedProfile,
    names: Names,
    page: PageAsk,
    need_ref: Option<NeedRef>,
) -> Result<HttpResponse, Problem> {
    context.ready()?;
    let PageAsk { limit, cursor, explain, near_misses } = page;
    // A cursor is tied to everything asked, and spells nothing of it out.
    let fingerprint = URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{} {need:?}", request.path())));
    let is_first_page = cursor.is_none();
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
    let (app, edge) = (context.app.clone(), context.edge.clone());
    let sort = need.sort;
    let (question, categories, found, listed) = context
        .app
        .store
        .read(move |connection| {
            let (in_coverage, field) = names.coverage;
            let categories = categories_of(connection, &need.required, in_coverage, field)?;
            let question = need.resolve(connection, names.origin, now)?;
            let started = Instant::now();
            let found = app.search(&Search { sort, limit, after, ..Search::new(&question) }, |answer| {
                is_first_page && (near_misses || answer.total.value == 0)
            });
            edge.metrics().searched(started.elapsed());
            let ids: Vec<OfferingId> = found.hits().map(|hit| hit.offering).collect();
            let listed: HashMap<OfferingId, Listing> = listings(connection, &ids, None, now)?
                .into_iter()
                .map(|listing| (listing.offering.id, listing))
                .collect();
            Ok((question, categories, found, listed))
        })
        .await?;
    let Found { answer: Answer { hits, total, suggestions }, near_misses, revision } = found;
    if let (Some(need_ref), true) = (need_ref, is_first_page) {
        let is_matched = total.value > 0;
        let near = near_misses.as_deref().unwrap_or_default();
        let outcome = Outcome::of(&question, categories, is_matched, near);
        let app = context.app.clone();
        actix_web::web::block(move || record(&app.store, &need_ref, &outcome))
            .await
            .map_err(|stopped| Error::internal("writing into the ledger", stopped))??;
    }
    depth += hits.len();
    let more = depth < DEPTH && (depth < total.value || !total.exact);
    let next_cursor = hits
        .last()
        .filter(|_| more)
        .map(|last| context.cursors.write(&fingerprint, &Position { after: last.key, depth, now }));
    let profile = format!("{}@{}", context.app.profile().name(), context.app.profile().version());
    // What was removed since the index was asked is left out.
    let view = |hit: Hit| -> Option<Match> {
        let listing = listed.get(&hit.offering).filter(|listing| listing.can_be_found())?;
        Some(show(hit, listing.clone(), now, explain.then(|| profile.clone())))
    };
    let items = hits.into_iter().filter_map(&view).collect();
    let near_misses = near_misses.map(|all| all.into_iter().map(|near| show_near(near, &view)).collect());
    let crisis_contacts = match total.value {
        0 => crisis_contacts(question.residence.state.as_deref()),
        _ => Vec::new(),
    };
    let mut response = HttpResponse::Ok();
    if request.method() == actix_web::http::Method::GET {
        link_next(&mut response, request, next_cursor.as_deref());
    }
    let total = total.into();
    Ok(response.json(SearchAnswer {
        items,
        next_cursor,
        total,
        near_misses,
        suggestions,
        crisis_contacts,
        revision,
    }))
}

impl Found {
    /// Every hit, near misses included.
    fn hits(&self) -> impl Iterator<Item = &Hit> {
        let near = self.near_misses.iter().flatten();
        let missed = near.flat_map(|near| near.mismatch.hits.iter().chain(&near.unverified.hits));
        self.answer.hits.iter().chain(missed.map(|miss| &miss.hit))
    }
}

fn show_near(near: NearMisses, view: &impl Fn(Hit) -> Option<Match>) -> NearMatches {
    let list = |missed: Missed| NearMatchList {
        items: missed
            .hits
            .into_iter()
            .filter_map(|miss| Some(NearMatch { gives: miss.gives, item: view(miss.hit)? }))
            .collect(),
        total: missed.total.into(),
    };
    NearMatches {
        criterion: near.criterion,
        mismatch: list(near.mismatch),
        unverified: list(near.unverified),
    }
}

impl From<crate::finder::Total> for Total {
    fn from(total: crate::finder::Total) -> Self {
        let relation = if total.exact { Relation::Eq } else { Relation::Gte };
        Self { value: u64::try_from(total.value).unwrap_or(u64::MAX), relation }
    }
}
