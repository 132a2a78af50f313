//! `POST /v1/matches`: the finder for a need profile, with nothing of it in a URL.

use actix_web::{HttpRequest, HttpResponse, post, web};
use serde::Deserialize;
use utoipa_actix_web::service_config::ServiceConfig;

use super::answer::{Names, NeedProfile, PageAsk, answer};
use super::caller::Reader;
use super::home::{HomeAsk, TownName};
use super::imminent_risk::Risk;
use super::listing::SearchAnswer;
use super::origin::OriginAsk;
use super::problem::Problem;
use super::query::{MOST_VALUES, NoParams, Query};
use super::resource::JSON;
use super::search::{CoverageText, radius_problem};
use super::{Context, body};
use crate::error::FieldError;
use crate::finder::ledger::NeedRef;
use crate::finder::{Ask, AvailabilityAsk, Criteria, LanguageAsk, Preferred, Question, Sort, Urgency, Words};
use crate::types::{
    AccessibilityFeature, AgeRange, Audience, Coordinates, Grade, LanguageMode, LanguageTag, Modality, Need,
    Population, PostalCode, Practice, ScheduleKind, Tier,
};

/// A need profile: what must hold, what would be good, and from where.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "origin": {"postal_code": "01840"},
    "required": {"languages": {"any_of": ["es"]}, "coverages": {"any_of": ["medicaid"]}, "age": 10},
    "preferred": {"practices": ["tf_cbt"]},
    "urgency": "routine"
}))]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
struct MatchRequest {
    /// Where travel starts.
    origin: MatchOrigin,
    /// How far a place may be, in great-circle kilometres.
    #[serde(default = "default_radius")]
    #[schema(minimum = 0, maximum = 500, default = 50)]
    radius_km: f64,
    /// Whom the service is for.
    #[serde(default = "students")]
    audience: Vec<Audience>,
    /// Free text, as `q` of the search: every word must be in a name, the place, a description, or a name or
    /// everyday word of something that the offering has.
    #[serde(default)]
    #[schema(nullable = false, max_length = 200, example = "grief counseling")]
    q: Option<String>,
    /// What must hold.
    #[serde(default)]
    #[schema(required = false)]
    required: RequiredCriteria,
    /// What ranks and never filters.
    #[serde(default)]
    #[schema(required = false)]
    preferred: PreferredCriteria,
    /// How quickly care is needed.
    #[serde(default)]
    #[schema(required = false)]
    urgency: Urgency,
    /// The order.
    #[serde(default)]
    #[schema(required = false)]
    sort: Sort,
    /// Whether the factors of each score are shown.
    #[serde(default)]
    explain: bool,
    /// Whether near misses are shown though something matches. Where nothing matches they always are.
    #[serde(default)]
    near_misses: bool,
    /// An opaque reference to the need, which only the caller can resolve: never a name or a student's number.
    /// With it, the month's ledger of near misses keeps what came of this need, without the reference: which
    /// rule blocked, where, in what language, on what coverage. A repetition in the same month replaces it.
    #[serde(default)]
    #[schema(nullable = false, value_type = Option<String>, min_length = 8, max_length = 200)]
    need_ref: Option<NeedRef>,
    /// Whether somebody may be in danger. Then nothing is searched: the answer is the problem `imminent-risk`, which says
    /// whom to call, and where the caller has a district a crisis event is recorded there.
    #[serde(default)]
    #[expect(dead_code, reason = "is looked at before anything else, whatever else is wrong with the body")]
    imminent_risk: bool,
    /// With `imminent_risk`: whether abuse or neglect is suspected. The answer then has what mandated reporters have to
    /// do themselves; nothing is filed.
    #[serde(default)]
    suspected_abuse: bool,
    /// How many items.
    #[serde(default = "default_limit")]
    #[schema(minimum = 1, maximum = 100, default = 25)]
    limit: usize,
    /// `next_cursor` of the page before; everything else must be the same.
    #[serde(default)]
    #[schema(nullable = false)]
    cursor: Option<String>,
}

/// Where travel starts: a point, a ZIP code, a town or a school; and where the student lives.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct MatchOrigin {
    /// A point.
    #[schema(nullable = false)]
    near: Option<Coordinates>,
    /// The centre of a ZIP code.
    #[schema(nullable = false)]
    postal_code: Option<PostalCode>,
    /// A point in the middle of a town: `Lawrence` or, where several states have one, `Lawrence, MA`.
    #[schema(nullable = false, value_type = Option<String>, example = "Lawrence, MA")]
    town: Option<TownName>,
    /// The student's school, by id or code.
    #[schema(nullable = false)]
    school: Option<String>,
    /// The ZIP code or town that the student lives in.
    #[schema(nullable = false, value_type = Option<String>, example = "01840")]
    residence: Option<HomeAsk>,
}

/// Values of one criterion: any or all of them must hold.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Values<T> {
    /// At least one.
    AnyOf(Vec<T>),
    /// Each.
    AllOf(Vec<T>),
}

/// What must hold. Nobody having said so is not enough.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct RequiredCriteria {
    /// Languages, as BCP 47 tags.
    #[schema(nullable = false)]
    languages: Option<Values<LanguageTag>>,
    /// Who bridges the language; either, if left out.
    #[schema(nullable = false)]
    language_mode: Option<LanguageMode>,
    /// MTSS tiers.
    #[schema(nullable = false)]
    tiers: Option<Values<Tier>>,
    /// What pays: categories of coverage, or ids of insurance plans.
    #[schema(nullable = false)]
    coverages: Option<Values<CoverageText>>,
    /// Presenting concerns.
    #[schema(nullable = false)]
    needs: Option<Values<Need>>,
    /// The student's age in years; may be fractional.
    #[schema(nullable = false, minimum = 0, exclusive_maximum = 130)]
    age: Option<f64>,
    /// The student's grade, instead of an age.
    #[schema(nullable = false)]
    grade: Option<Grade>,
    /// How they meet.
    #[schema(nullable = false)]
    modalities: Option<Values<Modality>>,
    /// Whom it must be made for or competent with.
    #[schema(nullable = false)]
    populations: Option<Values<Population>>,
    /// Evidence-based practices.
    #[schema(nullable = false)]
    practices: Option<Values<Practice>>,
    /// When it can be had.
    #[schema(nullable = false)]
    schedules: Option<Values<ScheduleKind>>,
    /// Access for people with disabilities.
    #[schema(nullable = false)]
    accessibility: Option<Values<AccessibilityFeature>>,
    /// `open`: one can start; `waitlist`: one can start or wait.
    #[schema(nullable = false)]
    availability: Option<AvailabilityAsk>,
    /// The longest expected wait, in days: half of those who join now start within them (`p50`), or the date from
    /// which one can start lies within them.
    #[schema(nullable = false, minimum = 0)]
    max_wait_days: Option<f64>,
}

/// What ranks and never filters.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
struct PreferredCriteria {
    /// Languages.
    languages: Vec<LanguageTag>,
    /// Presenting concerns.
    needs: Vec<Need>,
    /// Whom it should be made for or competent with.
    populations: Vec<Population>,
    /// Evidence-based practices.
    practices: Vec<Practice>,
    /// How they would like to meet.
    modalities: Vec<Modality>,
    /// When they would like to.
    schedules: Vec<ScheduleKind>,
    /// Access that would help.
    accessibility: Vec<AccessibilityFeature>,
}

impl From<MatchOrigin> for OriginAsk {
    fn from(origin: MatchOrigin) -> Self {
        let MatchOrigin { near, postal_code, town, school, residence } = origin;
        Self { near, postal_code, town, school, residence }
    }
}

fn default_radius() -> f64 {
    Question::DEFAULT_RADIUS_KM
}

fn students() -> Vec<Audience> {
    vec![Audience::Students]
}

fn default_limit() -> usize {
    25
}

pub(super) fn in_origin(name: &str, message: String) -> FieldError {
    FieldError::body(format!("/origin/{name}"), message)
}

fn in_required(name: &str, message: String) -> FieldError {
    FieldError::body(format!("/required/{name}"), message)
}

/// Reads one criterion; asking for none of nothing is a slip.
fn ask<T>(name: &str, values: Option<Values<T>>, faults: &mut Vec<FieldError>) -> Option<Ask<T>> {
    let (which, ask) = match values? {
        Values::AnyOf(values) => ("any_of", Ask::AnyOf(values)),
        Values::AllOf(values) => ("all_of", Ask::AllOf(values)),
    };
    if ask.values().len() > MOST_VALUES {
        let message = format!("has {} values; at most {MOST_VALUES} are read", ask.values().len());
        faults.push(FieldError::body(format!("/required/{name}/{which}"), message));
    }
    if ask.values().is_empty() {
        let message = "is empty; leave the criterion out where it does not matter";
        faults.push(FieldError::body(format!("/required/{name}/{which}"), message));
    }
    Some(ask)
}

impl RequiredCriteria {
    fn read(self, faults: &mut Vec<FieldError>) -> (Criteria, Option<f64>) {
        let mut fault =
            |name: &str, message: &str| faults.push(FieldError::body(format!("/required/{name}"), message));
        let age = match (self.age, self.grade) {
            (Some(_), Some(_)) => {
                fault("grade", "contradicts age: give one of them");
                None
            }
            (Some(years), None) => {
                let range = AgeRange::exactly(years);
                if range.is_none() {
                    fault("age", &format!("{years} is not an age from 0 up to 130 years"));
                }
                range
            }
            (None, grade) => grade.map(Grade::ages),
        };
        if self.language_mode.is_some() && self.languages.is_none() {
            fault("language_mode", "says who bridges a language, and none is asked for; add languages");
        }
        if self.max_wait_days.is_some_and(|days| days < 0.0) {
            fault("max_wait_days", "must not be negative");
        }
        let coverage = ask("coverages", self.coverages, faults).map(|asked| asked.map(|text| text.0));
        let criteria = Criteria {
            language: ask("languages", self.languages, faults)
                .map(|tags| LanguageAsk { tags, mode: self.language_mode }),
            tier: ask("tiers", self.tiers, faults),
            coverage,
            need: ask("needs", self.needs, faults),
            age,
            modality: ask("modalities", self.modalities, faults),
            population: ask("populations", self.populations, faults),
            practice: ask("practices", self.practices, faults),
            schedule: ask("schedules", self.schedules, faults),
            accessibility: ask("accessibility", self.accessibility, faults),
            availability: self.availability,
        };
        (criteria, self.max_wait_days)
    }
}

impl PreferredCriteria {
    fn read(self, faults: &mut Vec<FieldError>) -> Preferred {
        let Self { languages, needs, populations, practices, modalities, schedules, accessibility } = self;
        for (name, count) in [
            ("languages", languages.len()),
            ("needs", needs.len()),
            ("populations", populations.len()),
            ("practices", practices.len()),
            ("modalities", modalities.len()),
            ("schedules", schedules.len()),
            ("accessibility", accessibility.len()),
        ] {
            if count > MOST_VALUES {
                let message = format!("has {count} values; at most {MOST_VALUES} are read");
                faults.push(FieldError::body(format!("/preferred/{name}"), message));
            }
        }
        Preferred { languages, needs, populations, practices, modalities, schedules, accessibility }
    }
}

/// Finds who can serve the need described in the body: as the search, with wishes that rank.
#[utoipa::path(
    tag = "search", operation_id = "match_need", security((), ("oauth" = ["directory:read"])),
    request_body(content = MatchRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "The best matches", body = SearchAnswer),
        (status = 400, description = "`invalid-request`"),
        (status = 409, description = "`imminent-risk`"),
        (status = 413, description = "`payload-too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
        (status = 503, description = "`overloaded`, `unavailable`, `starting`"),
    )
)]
#[post("/matches")]
async fn matches(
    reader: Reader,
    context: web::Data<Context>,
    request: HttpRequest,
    _params: Query<NoParams>,
    bytes: body::Bytes,
) -> Result<HttpResponse, Problem> {
    let where_from = |origin| serde_json::from_value::<MatchOrigin>(origin).ok().map(OriginAsk::from);
    if let Some(risk) = Risk::read(&bytes.0, where_from) {
        return Err(risk.answer(&context, &request, reader.somebody()).await);
    }
    let MatchRequest {
        origin,
        radius_km,
        audience,
        q,
        required,
        preferred,
        urgency,
        sort,
        explain,
        near_misses,
        need_ref,
        imminent_risk: _,
        suspected_abuse,
        limit,
        cursor,
    } = body::read(&request, &bytes.0, JSON)?;
    let origin = OriginAsk::from(origin);
    let mut faults = origin.problems(in_origin);
    if suspected_abuse {
        let message = "says why there is imminent risk; add imminent_risk, or leave it out";
        faults.push(FieldError::body("/suspected_abuse", message));
    }
    faults.extend(radius_problem(radius_km).map(|message| FieldError::body("/radius_km", message)));
    if audience.is_empty() {
        faults.push(FieldError::body("/audience", "is empty; leave it out for services for students"));
    }
    if !(1..=100).contains(&limit) {
        faults.push(FieldError::body("/limit", format_args!("{limit} is not a whole number from 1 to 100")));
    }
    let (required, max_wait_days) = required.read(&mut faults);
    let preferred = preferred.read(&mut faults);
    let words = q.and_then(|q| {
        q.parse::<Words>().map_err(|refusal| faults.push(FieldError::body("/q", refusal))).ok()
    });
    if audience.len() > MOST_VALUES {
        faults.push(FieldError::body("/audience", format_args!("has more than {MOST_VALUES} values")));
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults));
    }
    let need =
        NeedProfile { origin, radius_km, audience, words, required, preferred, urgency, max_wait_days, sort };
    if need_ref.is_some() {
        // What came of a need is counted: somebody must answer for it.
        reader.named()?;
    }
    let names = Names { origin: in_origin, coverage: (in_required, "coverages") };
    let page = PageAsk { limit, cursor, explain, near_misses };
    answer(&context, &request, need, names, page, need_ref).await
}

/// Adds this operation.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(matches);
}
