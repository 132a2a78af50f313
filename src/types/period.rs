//! Lengths of time as the API writes them: ISO 8601 durations.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde::{Deserialize, Serialize};

/// A length of time in whole seconds, written as an ISO 8601 duration such as `P1D` or `PT12H`. A day is 24 hours and
/// a week seven days; months and years have no length of their own and are refused.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, format = "duration", example = "P1D")]
pub struct Period(i64);

const DAY: i64 = 24 * 60 * 60;

impl Period {
    /// So many days.
    pub const fn days(days: i64) -> Self {
        Self(days * DAY)
    }

    /// So many seconds.
    pub const fn seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Its seconds.
    pub const fn as_seconds(self) -> i64 {
        self.0
    }

    /// As a duration.
    pub const fn duration(self) -> SignedDuration {
        SignedDuration::from_secs(self.0)
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            format!("{text:?} is not a length of time: an ISO 8601 duration is needed, such as P1D or PT12H")
        };
        if !text.starts_with('P') {
            return Err(wrong());
        }
        let span: Span = text.parse().map_err(|_| wrong())?;
        if span.get_years() != 0 || span.get_months() != 0 {
            return Err(format!("{text:?} has months or years, which differ in length; write days"));
        }
        let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
        if duration.subsec_nanos() != 0 || duration.is_negative() {
            return Err(wrong());
        }
        Ok(Self(duration.as_secs()))
    }
}

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            seconds if seconds != 0 && seconds % DAY == 0 => write!(f, "P{}D", seconds / DAY),
            seconds if seconds != 0 && seconds % 3_600 == 0 => write!(f, "PT{}H", seconds / 3_600),
            seconds if seconds != 0 && seconds % 60 == 0 => write!(f, "PT{}M", seconds / 60),
            seconds => write!(f, "PT{seconds}S"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_and_written() {
        for (text, seconds, written) in [
            ("P1D", 86_400, "P1D"),
            ("P2W", 14 * 86_400, "P14D"),
            ("PT36H", 36 * 3_600, "PT36H"),
            ("P1DT30M", 86_400 + 1_800, "PT1470M"),
            ("PT0S", 0, "PT0S"),
        ] {
            let period: Period = text.parse().unwrap();
            assert_eq!((period.as_seconds(), period.to_string().as_str()), (seconds, written));
        }
        for wrong in ["", "1", "P", "P1M", "P1Y", "-P1D", "P-1D", "1d", "PT0.5S", "P1D ", "P99999999999D"] {
            assert!(wrong.parse::<Period>().is_err(), "{wrong:?}");
        }
    }
}
