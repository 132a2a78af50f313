//! One line of a bulk report, and what is said of it.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::lines::{LONGEST_LINE, Line};
use crate::availability::{ClaimMethod, ClaimReport, Landed, Subject};
use crate::error::{At, Error, FieldError};
use crate::http::body;
use crate::http::problem::{Problem, ProblemCode, ProblemField};
use crate::types::{AvailabilityStatus, CapacityPoolId, ClaimId, OfferingId};

/// A report of the capacity of one pool, which is named by itself or by one of its offerings.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BulkAvailabilityReport {
    /// Whose capacity; or `offering_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    capacity_pool_id: Option<CapacityPoolId>,
    /// An offering that draws on the pool; or `capacity_pool_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    offering_id: Option<OfferingId>,
    /// Whether there are openings.
    status: AvailabilityStatus,
    /// Openings not yet promised to anyone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 2)]
    open_slots: Option<u32>,
    /// How many wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    waiting: Option<u32>,
    /// How many started in the last 28 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 3)]
    starts_last_28_days: Option<u32>,
    /// The first date on which someone new could start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_available_date: Option<Date>,
    /// Remarks; nothing about a student.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    notes: Option<String>,
    /// When it was said; when the line came, if left out. Reports order themselves by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reported_at: Option<Timestamp>,
    /// Who found out, as in a single report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    method: Option<ClaimMethod>,
    /// From when on it no longer holds; by default 7 days after the report, 3 days after a call; at most 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    valid_until: Option<Timestamp>,
}

/// Reads a line.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(line: &Line) -> Result<(Subject, ClaimReport), Problem> {
    let Line::Whole(line) = line else {
        let detail = format!("the line has more than {LONGEST_LINE} bytes; it was left out");
        return Err(Problem::new(ProblemCode::PayloadTooLarge, detail));
    };
    let BulkAvailabilityReport {
        capacity_pool_id,
        offering_id,
        status,
        open_slots,
        waiting,
        starts_last_28_days,
        next_available_date,
        notes,
        reported_at,
        method,
        valid_until,
    } = body::parse_strictly(line)?;
    let subject = match (capacity_pool_id, offering_id) {
        (Some(pool), None) => Subject::Pool(pool),
        (None, Some(offering)) => Subject::Offering(offering),
        (None, None) => {
            return Err(
                FieldError::body("/capacity_pool_id", "is needed, or offering_id in its place").into()
            );
        }
        (Some(_), Some(_)) => {
            return Err(FieldError::body("/offering_id", "must not stand beside capacity_pool_id").into());
        }
    };
    let report = ClaimReport {
        status,
        open_slots,
        waiting,
        starts_last_28_days,
        next_available_date,
        notes,
        reported_at,
        method,
        valid_until,
    };
    Ok((subject, report))
}

/// A line of the answer: what became of a line of the request, or, at the end, of the whole.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the lines that are written one by one")]
pub(super) enum BulkAvailabilityLine {
    #[schema(title = "Result")]
    Result(BulkAvailabilityResult<'static>),
    #[schema(title = "Summary")]
    Summary(BulkAvailabilitySummary<'static>),
}

/// What became of one line of the request.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct BulkAvailabilityResult<'a> {
    /// Which line; the first is 1, and empty lines count too.
    #[schema(example = 1)]
    pub(super) line: u64,
    /// What became of it.
    pub(super) status: LineStatus,
    /// Of which pool it spoke.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) capacity_pool_id: Option<CapacityPoolId>,
    /// As which claim it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) claim_id: Option<ClaimId>,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) problem: Option<LineProblem<'a>>,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum LineStatus {
    /// It is durable, and the newest of its pool.
    Recorded,
    /// It is durable; something later was said before, so it only stands in the history.
    Kept,
    /// It was not kept; `problem` says why.
    Rejected,
}

/// What became of all lines: the last line of the answer. An answer without it was broken off.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct BulkAvailabilitySummary<'a> {
    /// Whether all lines were worked on.
    pub(super) status: BulkStatus,
    /// How many lines were worked on, empty ones among them: after a stop go on behind this one.
    pub(super) lines: u64,
    /// Lines that were recorded.
    pub(super) recorded: u64,
    /// Lines that were kept for the history only.
    pub(super) kept: u64,
    /// Lines that were rejected.
    pub(super) rejected: u64,
    /// Why it stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) problem: Option<LineProblem<'a>>,
}

/// Whether all lines were worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum BulkStatus {
    /// All of them.
    Finished,
    /// Not all; `problem` says why. What was recorded stays.
    Stopped,
}

/// A problem with one line, or with the rest of them.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct LineProblem<'a> {
    /// The code; the set is closed.
    code: ProblemCode,
    /// What went wrong.
    detail: &'a str,
    /// The values that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<ProblemField<'a>>,
}

impl<'a> BulkAvailabilityResult<'a> {
    /// What is said of a line that landed.
    pub(super) fn landed(line: u64, landed: Landed) -> Self {
        let Landed { pool, claim, holds } = landed;
        Self {
            line,
            status: if holds { LineStatus::Recorded } else { LineStatus::Kept },
            capacity_pool_id: Some(pool),
            claim_id: Some(claim),
            problem: None,
        }
    }

    /// What is said of a line that was rejected.
    pub(super) fn rejected(line: u64, problem: &'a Problem) -> Self {
        Self {
            line,
            status: LineStatus::Rejected,
            capacity_pool_id: None,
            claim_id: None,
            problem: Some(LineProblem::new(problem)),
        }
    }
}

impl<'a> LineProblem<'a> {
    pub(super) fn new(problem: &'a Problem) -> Self {
        let errors = problem.errors.iter().map(ProblemField::of).collect();
        Self { code: problem.code, detail: &problem.detail, errors }
    }
}

/// Characters of a message about a line: what it repeats of the line must not make the answer longer than the request.
const LONGEST_MESSAGE: usize = 300;

/// A problem with a line, in words that are bounded and speak of it as a line.
pub(super) fn about_line(error: impl Into<Problem>) -> Problem {
    let bounded = |text: String| {
        let text = text.replace(" at line 1 column ", " at column ");
        match text.char_indices().nth(LONGEST_MESSAGE) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    };
    let mut problem: Problem = error.into();
    problem.detail = bounded(problem.detail);
    for error in &mut problem.errors {
        error.message = bounded(std::mem::take(&mut error.message));
        if let At::Body(pointer) = &mut error.at {
            *pointer = bounded(std::mem::take(pointer));
        }
    }
    problem
}

/// Whether a chunk of lines that failed so may succeed in a moment.
pub(super) fn passes(error: &Error) -> bool {
    matches!(error, Error::Overloaded | Error::Contended | Error::Unavailable)
}
