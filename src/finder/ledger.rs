//! The ledger of near misses: what a region's needs met with, need by need and month by month, without whose
//! they were. It is the record of unmet need.
//!
//! A row says which rules blocked, in which county, in what language and on what coverage, and nothing else.
//! The caller's reference to the need is never kept: a row's key is its keyed hash together with the month, so
//! that a repetition in the same month replaces the row, and rows of different months cannot be joined.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::prelude::*;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::answer::NearMisses;
use super::question::Question;
use crate::error::{Error, Result};
use crate::store::schema::near_misses as ledger;
use crate::store::{DbConnection, Store, on_either};
use crate::types::{CoverageCategory, Criterion, LanguageTag, Month};

/// An opaque reference to a need, which only the caller can resolve.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct NeedRef(String);

impl TryFrom<String> for NeedRef {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        const LENGTH: std::ops::RangeInclusive<usize> = 8..=200;
        if LENGTH.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text))
        } else {
            Err("must be 8 to 200 visible ASCII characters that tell nobody else whose need it is, such as a \
                 random UUID"
                .to_owned())
        }
    }
}

/// What came of one need.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The month in which it was looked for, in UTC.
    pub month: Month,
    /// Two-letter state in which the student lives, as far as that is known.
    pub state: Option<String>,
    /// County in which the student lives.
    pub county: Option<String>,
    /// Languages that were required.
    pub languages: Vec<LanguageTag>,
    /// Categories of coverage that were required; of a plan, its category.
    pub coverages: Vec<CoverageCategory>,
    /// Whether anything matched.
    pub is_matched: bool,
    /// Where nothing matched, the rules of which one alone would have to give. None, where more than one would.
    pub blocked_by: Vec<Blocked>,
}

/// A rule that blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Blocked {
    /// The criterion that kept everything else that fits away.
    pub criterion: Criterion,
    /// Whether it is stated not to hold of some.
    pub mismatch: bool,
    /// Whether nobody has said of some.
    pub unverified: bool,
}

impl Outcome {
    /// What came of a question, which asked for coverage of these categories.
    pub fn of(
        question: &Question,
        coverages: Vec<CoverageCategory>,
        is_matched: bool,
        near_misses: &[NearMisses],
    ) -> Self {
        let languages = question.required.language.as_ref().map_or(&[][..], |asked| asked.tags.values());
        let blocked = |near: &NearMisses| Blocked {
            criterion: near.criterion,
            mismatch: near.mismatch.total.value > 0,
            unverified: near.unverified.total.value > 0,
        };
        Self {
            month: Month::of(question.now),
            state: question.residence.state.clone(),
            county: question.residence.county.clone(),
            languages: languages.to_vec(),
            coverages,
            is_matched,
            blocked_by: if is_matched { Vec::new() } else { near_misses.iter().map(blocked).collect() },
        }
    }
}

/// The key of a row, which only this deployment can compute.
fn key_of(secret: &[u8; 32], month: Month, need: &NeedRef) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(month.to_string().as_bytes());
    mac.update(need.0.as_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

/// Leaves what came of a need in the ledger, in place of what came of it before in the same month.
///
/// # Errors
/// If the database fails.
pub fn record(store: &Store, need: &NeedRef, outcome: &Outcome) -> Result<()> {
    let key = key_of(&store.secret("near_misses")?, outcome.month, need);
    let row = Row::of(key, outcome)?;
    store.write_now(|tx| {
        on_either!(&mut *tx.connection, connection => diesel::insert_into(ledger::table)
            .values(&row)
            .on_conflict((ledger::month, ledger::need_key))
            .do_update()
            .set(&row)
            .execute(connection))?;
        Ok(())
    })
}

/// Which rows are asked for; none means all.
#[derive(Clone, Debug, Default)]
pub struct LedgerPage {
    /// Only rows behind this key.
    pub after: Option<(Month, String)>,
    /// How many.
    pub limit: i64,
    /// Of this month.
    pub month: Option<Month>,
    /// Of this state.
    pub state: Option<String>,
    /// Of this county.
    pub county: Option<String>,
    /// In which this language was required.
    pub language: Option<LanguageTag>,
    /// In which this coverage was required.
    pub coverage: Option<CoverageCategory>,
    /// Which this criterion alone blocked.
    pub criterion: Option<Criterion>,
    /// Met or not.
    pub is_matched: Option<bool>,
}

/// Rows are counted up to here.
pub const LEDGER_COUNTED_UP_TO: i64 = 1_000;

/// Rows in the order of month and key, each with its key, and how many there are (counted up to
/// [`LEDGER_COUNTED_UP_TO`] + 1).
///
/// # Errors
/// If the database fails.
pub fn outcomes(connection: &mut DbConnection, page: &LedgerPage) -> Result<(Vec<(String, Outcome)>, i64)> {
    macro_rules! filtered {
        ($query:expr) => {{
            let mut query = $query;
            if let Some(month) = page.month {
                query = query.filter(ledger::month.eq(month.to_string()));
            }
            if let Some(state) = &page.state {
                query = query.filter(ledger::state.eq(state));
            }
            if let Some(county) = &page.county {
                query = query.filter(ledger::county.eq(county));
            }
            // The lists are JSON of codes that hold no quotation mark and no wildcard.
            if let Some(language) = &page.language {
                query = query.filter(ledger::languages.like(format!("%\"{language}\"%")));
            }
            if let Some(coverage) = page.coverage {
                query = query.filter(ledger::coverages.like(format!("%\"{coverage}\"%")));
            }
            if let Some(criterion) = page.criterion {
                query = query.filter(ledger::blocked_by.like(format!("%\"{criterion}\"%")));
            }
            if let Some(is_matched) = page.is_matched {
                query = query.filter(ledger::is_matched.eq(is_matched));
            }
            query
        }};
    }
    let mut query = filtered!(ledger::table.select(Row::as_select()).into_boxed())
        .order((ledger::month, ledger::need_key))
        .limit(page.limit);
    if let Some((month, key)) = &page.after {
        let month = month.to_string();
        let later_in_month = ledger::month.eq(month.clone()).and(ledger::need_key.gt(key.clone()));
        query = query.filter(ledger::month.gt(month).or(later_in_month));
    }
    let rows: Vec<Row> = query.load(connection)?;
    let counted: Vec<String> =
        filtered!(ledger::table.select(ledger::need_key).limit(LEDGER_COUNTED_UP_TO + 1).into_boxed())
            .load(connection)?;
    let rows = rows.into_iter().map(Row::read).collect::<Result<_>>()?;
    Ok((rows, i64::try_from(counted.len()).unwrap_or(i64::MAX)))
}

#[derive(Insertable, AsChangeset, Queryable, Selectable)]
#[diesel(table_name = ledger, treat_none_as_null = true)]
struct Row {
    month: String,
    need_key: String,
    state: Option<String>,
    county: Option<String>,
    languages: String,
    coverages: String,
    is_matched: bool,
    blocked_by: String,
}

impl Row {
    fn of(need_key: String, outcome: &Outcome) -> Result<Self> {
        // Without `..`, so that nothing is forgotten here.
        let Outcome { month, state, county, languages, coverages, is_matched, blocked_by } = outcome;
        Ok(Self {
            month: month.to_string(),
            need_key,
            state: state.clone(),
            county: county.clone(),
            languages: json(languages)?,
            coverages: json(coverages)?,
            is_matched: *is_matched,
            blocked_by: json(blocked_by)?,
        })
    }

    fn read(self) -> Result<(String, Outcome)> {
        let Self { month, need_key, state, county, languages, coverages, is_matched, blocked_by } = self;
        let outcome = Outcome {
            month: month
                .parse()
                .map_err(|error| Error::internal("reading the ledger of near misses", error))?,
            state,
            county,
            languages: from_json(&languages)?,
            coverages: from_json(&coverages)?,
            is_matched,
            blocked_by: from_json(&blocked_by)?,
        };
        Ok((need_key, outcome))
    }
}

fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|source| Error::internal("writing into the ledger of near misses", source))
}

fn from_json<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T> {
    serde_json::from_str(text).map_err(|source| Error::internal("reading the ledger of near misses", source))
}
