//! Calendar months.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::clock::calendar_date;

/// A month of the calendar, such as `2026-11`; ordered by time. Held as its first day.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "2026-11", pattern = "^[0-9]{4}-(0[1-9]|1[0-2])$")]
pub struct Month(Date);

/// A text that is no month.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a month: a year and a month are needed, such as 2026-11")]
pub struct InvalidMonth(String);

impl Month {
    /// The month of an instant, in UTC.
    pub fn of(instant: Timestamp) -> Self {
        Self(calendar_date(instant).first_of_month())
    }
}

impl FromStr for Month {
    type Err = InvalidMonth;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let first_day = (text.len() == 7).then(|| format!("{text}-01").parse().ok()).flatten();
        first_day.map(Self).ok_or_else(|| InvalidMonth(text.to_owned()))
    }
}

impl TryFrom<String> for Month {
    type Error = InvalidMonth;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> Self {
        month.to_string()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_reads_back_as_it_is_written_and_nothing_else_is_one() {
        let month: Month = "2026-11".parse().unwrap();
        assert_eq!(month.to_string(), "2026-11");
        assert_eq!(Month::of("2026-11-30T23:59:59Z".parse().unwrap()), month);
        for wrong in ["2026-13", "2026-1", "2026", "11-2026", "2026-11-01", ""] {
            assert!(wrong.parse::<Month>().is_err(), "{wrong}");
        }
    }
}
