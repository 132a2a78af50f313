//! `GET /v1/search`: the finder for people.

use actix_web::{HttpRequest, HttpResponse, get, web};
use utoipa_actix_web::service_config::ServiceConfig;

use super::Context;
use super::answer::{Names, PageAsk, answer};
use super::caller::Reader;
use super::listing::SearchAnswer;
use super::problem::Problem;
use super::query::{FromParams, Limit, Number, Params, Query};
use crate::error::FieldError;
use crate::finder::need::{CoverageText, HomeAsk, Near, NeedProfile, OriginAsk, TownName, radius_problem};
use crate::finder::{Ask, AvailabilityAsk, Criteria, LanguageAsk, Preferred, Question, Sort, Urgency, Words};
use crate::types::{
    AccessibilityFeature, AgeRange, Audience, Grade, LanguageMode, LanguageTag, Modality, Need, Population,
    PostalCode, Practice, ScheduleKind, Tier, UnknownCode,
};

/// Parameters of a search. A list may be repeated or comma-separated; any of its values will do.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters that `Search` reads")]
struct SearchParams {
    /// Free text, such as `grief kreyol`. Every word must be in a name (of the organization, the service or the
    /// offering), the place, a description, or a name or everyday word of something that the offering has:
    /// needs, practices, populations, languages and the like. Case and accents do not matter, a word may be
    /// the beginning of one or have one slip, and everyday synonyms count (`therapist` finds counseling).
    /// How well the words are met is the factor `words` of the score.
    #[param(example = "counseling", max_length = 200)]
    q: Option<String>,
    /// Where travel starts: degrees north and east.
    #[param(example = "42.7070,-71.1631")]
    near: Option<String>,
    /// Where travel starts: the centre of a ZIP code.
    #[param(example = "01840", pattern = "^[0-9]{5}(-[0-9]{4})?$")]
    postal_code: Option<String>,
    /// Where travel starts: a point in the middle of a town, `Lawrence` or, where several states have one,
    /// `Lawrence, MA`. Case, accents, hyphens and "Town of" do not matter.
    #[param(example = "Lawrence, MA")]
    town: Option<String>,
    /// The student's school, by id or code; travel starts there unless `near`, `postal_code` or `town` says otherwise.
    school: Option<String>,
    /// The ZIP code or town that the student lives in, for services that are there for residents of an area. Left
    /// out, the origin is taken for it, and the reasons say so.
    #[param(example = "01840")]
    residence: Option<String>,
    /// How far a place may be, in great-circle kilometres; by default 50.
    #[param(minimum = 0, maximum = 500)]
    radius_km: Option<f64>,
    /// Languages, as BCP 47 tags.
    #[param(style = Form, explode = false, example = json!(["es"]))]
    language: Option<Vec<LanguageTag>>,
    /// Who bridges the language: `provider`, `interpreter`, or `any` (the default).
    #[param(example = "any", pattern = "^(provider|interpreter|any)$")]
    language_mode: Option<String>,
    /// MTSS tiers.
    #[param(style = Form, explode = false)]
    tier: Option<Vec<Tier>>,
    /// What pays: categories of coverage, or ids of insurance plans.
    #[param(style = Form, explode = false, example = json!(["medicaid"]))]
    coverage: Option<Vec<String>>,
    /// Presenting concerns.
    #[param(style = Form, explode = false)]
    need: Option<Vec<Need>>,
    /// The student's age in years; may be fractional.
    #[param(minimum = 0, exclusive_maximum = 130, example = 10)]
    age: Option<f64>,
    /// The student's grade, instead of an age: its whole range of ages must be accepted.
    grade: Option<Grade>,
    /// How they meet.
    #[param(style = Form, explode = false)]
    modality: Option<Vec<Modality>>,
    /// Whom it must be made for or competent with.
    #[param(style = Form, explode = false)]
    population: Option<Vec<Population>>,
    /// Evidence-based practices.
    #[param(style = Form, explode = false)]
    practice: Option<Vec<Practice>>,
    /// Whom the service is for; by default students.
    #[param(style = Form, explode = false)]
    audience: Option<Vec<Audience>>,
    /// When it can be had.
    #[param(style = Form, explode = false)]
    schedule: Option<Vec<ScheduleKind>>,
    /// Access for people with disabilities; all of them.
    #[param(style = Form, explode = false)]
    accessibility: Option<Vec<AccessibilityFeature>>,
    /// `open`: one can start; `waitlist`: one can start or wait; `any` (the default).
    #[param(example = "any", pattern = "^(open|waitlist|any)$")]
    availability: Option<String>,
    /// The longest expected wait, in days: half of those who join now start within them (`p50`), or the date from
    /// which one can start lies within them.
    #[param(minimum = 0)]
    max_wait_days: Option<f64>,
    /// How quickly care is needed; by default `routine`.
    urgency: Option<Urgency>,
    /// The order; by default `match`.
    sort: Option<Sort>,
    /// Whether the factors of each score are shown.
    explain: Option<bool>,
    /// Whether near misses are shown though something matches: for each criterion, the best that fail it alone.
    /// Where nothing matches they always are.
    near_misses: Option<bool>,
    /// How many items: 1 to 100, by default 25.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u8>,
    /// `next_cursor` of the page before; everything else must be the same.
    cursor: Option<String>,
}

/// A search as it was asked.
struct Search {
    need: NeedProfile,
    page: PageAsk,
}

/// Reads a code that serde knows, for enums of the finder.
struct Code<T>(T);

macro_rules! code {
    ($type:ty, $set:literal: $($text:literal => $value:expr),+) => {
        impl std::str::FromStr for Code<$type> {
            type Err = UnknownCode;

            fn from_str(text: &str) -> Result<Self, UnknownCode> {
                match text {
                    $($text => Ok(Self($value)),)+
                    _ => Err(UnknownCode { code: text.to_owned(), set: $set, known: [$($text),+].join(", ") }),
                }
            }
        }
    };
}

code!(Sort, "sort": "match" => Sort::Match, "distance" => Sort::Distance, "wait" => Sort::Wait);
code!(Urgency, "urgency": "routine" => Urgency::Routine, "urgent" => Urgency::Urgent);
code!(Option<LanguageMode>, "language mode":
    "provider" => Some(LanguageMode::Provider), "interpreter" => Some(LanguageMode::Interpreter), "any" => None);
code!(Option<AvailabilityAsk>, "availability":
    "open" => Some(AvailabilityAsk::Open), "waitlist" => Some(AvailabilityAsk::Waitlist), "any" => None);

fn any_of<T>(values: Vec<T>) -> Option<Ask<T>> {
    (!values.is_empty()).then_some(Ask::AnyOf(values))
}

impl FromParams for Search {
    fn from_params(params: &mut Params) -> Self {
        let words = params.one::<Words>("q");
        let origin = OriginAsk {
            near: params.one::<Near>("near").map(|near| near.0),
            postal_code: params.one::<PostalCode>("postal_code"),
            town: params.one::<TownName>("town"),
            school: params.one("school"),
            residence: params.one::<HomeAsk>("residence"),
        };
        let radius_km = read_radius(params);
        let language: Vec<LanguageTag> = params.list("language");
        let mode = params.one::<Code<Option<LanguageMode>>>("language_mode");
        if mode.is_some() && language.is_empty() {
            params.fault("language_mode", "says who bridges a language, and none is asked for; add language");
        }
        let age = read_age(params);
        let accessibility: Vec<AccessibilityFeature> = params.list("accessibility");
        let coverage = params.list::<CoverageText>("coverage").into_iter().map(|ask| ask.0).collect();
        let required = Criteria {
            language: any_of(language).map(|tags| LanguageAsk { tags, mode: mode.and_then(|mode| mode.0) }),
            tier: any_of(params.list("tier")),
            coverage: any_of(coverage),
            need: any_of(params.list("need")),
            age,
            modality: any_of(params.list("modality")),
            population: any_of(params.list("population")),
            practice: any_of(params.list("practice")),
            schedule: any_of(params.list("schedule")),
            accessibility: (!accessibility.is_empty()).then_some(Ask::AllOf(accessibility)),
            availability: params.one::<Code<Option<AvailabilityAsk>>>("availability").and_then(|ask| ask.0),
        };
        let audience: Vec<Audience> = params.list("audience");
        let max_wait_days = params.one::<Number>("max_wait_days").map(|days| days.0);
        if max_wait_days.is_some_and(|days| days < 0.0) {
            params.fault("max_wait_days", "must not be negative");
        }
        let need = NeedProfile {
            radius_km,
            words,
            audience: if audience.is_empty() { vec![Audience::Students] } else { audience },
            required,
            preferred: Preferred::default(),
            max_wait_days,
            urgency: params.one::<Code<Urgency>>("urgency").map_or(Urgency::Routine, |code| code.0),
            sort: params.one::<Code<Sort>>("sort").map_or(Sort::Match, |code| code.0),
            origin,
        };
        let page = PageAsk {
            explain: params.flag("explain"),
            near_misses: params.flag("near_misses"),
            limit: params.one::<Limit>("limit").unwrap_or_default().0,
            cursor: params.one("cursor"),
        };
        // What could not be read is a fault already; that no place is left then is none of its own.
        if params.is_faultless() {
            for problem in need.origin.problems(in_query) {
                params.add(problem);
            }
        }
        Self { need, page }
    }
}

fn read_radius(params: &mut Params) -> f64 {
    let radius = params.one::<Number>("radius_km").map_or(Question::DEFAULT_RADIUS_KM, |radius| radius.0);
    if let Some(message) = radius_problem(radius) {
        params.fault("radius_km", message);
    }
    radius
}

fn read_age(params: &mut Params) -> Option<AgeRange> {
    let age = params.one::<Number>("age");
    let grade = params.one::<Grade>("grade");
    match (age, grade) {
        (Some(_), Some(_)) => {
            params.fault("grade", "contradicts age: give one of them");
            None
        }
        (Some(age), None) => {
            let range = AgeRange::exactly(age.0);
            if range.is_none() {
                params.fault("age", format_args!("{} is not an age from 0 up to 130 years", age.0));
            }
            range
        }
        (None, Some(grade)) => Some(grade.ages()),
        (None, None) => None,
    }
}

fn in_query(name: &str, message: String) -> FieldError {
    FieldError::query(name, message)
}

/// Finds who near a place can serve a student: the best matches in order, each with its reasons.
#[utoipa::path(
    tag = "search", operation_id = "search", security((), ("oauth" = ["directory:read"])),
    params(SearchParams),
    responses(
        (status = 200, description = "The best matches", body = SearchAnswer, headers(("Link" = String, description = "`rel=\"next\"`"))),
        (status = 400, description = "`invalid-request`"),
        (status = 503, description = "`overloaded`, `unavailable`, `starting`"),
    )
)]
#[get("/search")]
async fn search(
    _reader: Reader,
    context: web::Data<Context>,
    request: HttpRequest,
    params: Query<Search>,
) -> Result<HttpResponse, Problem> {
    let Search { need, page } = params.0;
    let names = Names { origin: in_query, coverage: (in_query, "coverage") };
    answer(&context, &request, need, names, page, None).await
}

/// Adds this operation.
pub(super) fn configure(services: &mut ServiceConfig<'_>) {
    services.service(search);
}
