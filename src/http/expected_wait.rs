//! How an expected wait is shown.

use serde::Serialize;

use crate::availability::{self, WaitBasis};

/// How long one waits for a first appointment: an interval with what it rests on, and no figure where nothing bears
/// one.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ExpectedWait {
    /// What it rests on.
    basis: WaitBasis,
    /// Days: one in ten waits no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 12.3)]
    p10: Option<f64>,
    /// Days: half wait no longer. Ranking, `sort=wait` and `max_wait_days` go by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 20.9)]
    p50: Option<f64>,
    /// Days: nine in ten wait no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 39.6)]
    p90: Option<f64>,
    /// Without an interval: days until the date from which somebody new can start, 0 if that is now. Ranking goes
    /// by it then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    not_before_days: Option<f64>,
}

impl From<availability::ExpectedWait> for ExpectedWait {
    fn from(wait: availability::ExpectedWait) -> Self {
        let quantiles = wait.quantiles();
        Self {
            basis: wait.basis(),
            p10: quantiles.map(|days| days.p10),
            p50: quantiles.map(|days| days.p50),
            p90: quantiles.map(|days| days.p90),
            not_before_days: if quantiles.is_none() { wait.days() } else { None },
        }
    }
}
