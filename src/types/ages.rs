//! Ages in years and school grades.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::codes::{Truth, UnknownCode};

/// Years from `min` up to but not including `max`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "Bounds", deny_unknown_fields)]
pub struct AgeRange {
    /// Youngest age in years; may be fractional.
    #[schema(example = 5.0, minimum = 0, maximum = 130)]
    min: f64,
    /// Years at which it ends; that age itself is outside.
    #[schema(example = 19.0, minimum = 0, maximum = 130)]
    max: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    min: f64,
    max: f64,
}

impl TryFrom<Bounds> for AgeRange {
    type Error = String;

    fn try_from(Bounds { min, max }: Bounds) -> Result<Self, Self::Error> {
        Self::new(min, max).ok_or_else(|| {
            format!("ages {min} to {max} are no range: 0 <= min < max <= {} is needed", Self::OLDEST)
        })
    }
}

impl AgeRange {
    /// The age beyond every range, in years.
    pub const OLDEST: f64 = 130.0;

    /// Ages from `min` up to but not including `max`; `None` unless `0 <= min < max <= 130`.
    pub fn new(min: f64, max: f64) -> Option<Self> {
        (0.0 <= min && min < max && max <= Self::OLDEST).then_some(Self { min, max })
    }

    /// The one age `years`, as a question asks it; `None` if it is no age.
    pub fn exactly(years: f64) -> Option<Self> {
        // The smallest range that holds the age: enough for comparing, whatever the fraction.
        Self::new(years, years.next_up())
    }

    /// Youngest age in years.
    pub fn min(self) -> f64 {
        self.min
    }

    /// The age at which it ends.
    pub fn max(self) -> f64 {
        self.max
    }
}

/// What was said of ages: accepted, not stated, and by exclusion refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ages {
    /// Ages that are accepted.
    pub accepted: Vec<AgeRange>,
    /// Ages of which nothing was said; any other age is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unstated: Vec<AgeRange>,
}

impl Ages {
    /// Whether the *whole* of `asked` is accepted: a grade asks for its whole range of ages.
    ///
    /// Yes where the accepted ranges cover it together; no where some of it is refused; else unknown.
    pub fn accept(&self, asked: AgeRange) -> Truth {
        if covers(self.accepted.iter(), asked) {
            Truth::Yes
        } else if covers(self.accepted.iter().chain(&self.unstated), asked) {
            Truth::Unknown
        } else {
            Truth::No
        }
    }
}

fn covers<'a>(ranges: impl Iterator<Item = &'a AgeRange>, asked: AgeRange) -> bool {
    let mut ranges: Vec<_> = ranges.collect();
    ranges.sort_by(|a, b| a.min.total_cmp(&b.min));
    let mut reached = asked.min;
    for range in ranges {
        if range.min <= reached {
            reached = reached.max(range.max);
        }
    }
    reached >= asked.max
}

/// A school grade: PK, K, 1–12.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "4", pattern = "^(PK|K|[1-9]|1[0-2])$")]
pub struct Grade(i8);

impl Grade {
    /// Prekindergarten.
    pub const PK: Self = Self(-1);

    /// The ages of the children in this grade: from the age they usually enter it at until two years
    /// later (K: 5 up to 7), so that one who is older within the year is still inside. PK is 3 up to 6.
    pub fn ages(self) -> AgeRange {
        let (min, max) = match self.0 {
            ..=-1 => (3.0, 6.0),
            grade => (5.0 + f64::from(grade), 7.0 + f64::from(grade)),
        };
        AgeRange::new(min, max).expect("grades run from 3 to 19 years")
    }
}

impl FromStr for Grade {
    type Err = UnknownCode;

    /// Reads `PK`, `K`, `KG`, and 1–12 with or without a leading zero.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown =
            || UnknownCode { code: text.to_owned(), set: "grade", known: "PK, K, 1, 2, … 12".to_owned() };
        match text.to_ascii_uppercase().as_str() {
            "PK" => Ok(Self::PK),
            "K" | "KG" => Ok(Self(0)),
            number if number.len() <= 2 && number.bytes().all(|b| b.is_ascii_digit()) => {
                match number.parse() {
                    Ok(grade @ 1..=12) => Ok(Self(grade)),
                    Ok(_) | Err(_) => Err(unknown()),
                }
            }
            _ => Err(unknown()),
        }
    }
}

impl TryFrom<String> for Grade {
    type Error = UnknownCode;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Grade> for String {
    fn from(grade: Grade) -> Self {
        grade.to_string()
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ..=-1 => f.write_str("PK"),
            0 => f.write_str("K"),
            grade => grade.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(min: f64, max: f64) -> AgeRange {
        AgeRange::new(min, max).unwrap()
    }

    #[test]
    fn what_nobody_said_is_unknown_and_what_was_left_out_is_refused() {
        let ages =
            Ages { accepted: vec![range(0.0, 13.0), range(18.0, 26.0)], unstated: vec![range(13.0, 18.0)] };
        assert_eq!(ages.accept(AgeRange::exactly(10.0).unwrap()), Truth::Yes);
        assert_eq!(ages.accept(AgeRange::exactly(12.99).unwrap()), Truth::Yes);
        assert_eq!(ages.accept(AgeRange::exactly(13.0).unwrap()), Truth::Unknown);
        assert_eq!(ages.accept(AgeRange::exactly(18.0).unwrap()), Truth::Yes);
        assert_eq!(ages.accept(AgeRange::exactly(26.0).unwrap()), Truth::No);
    }

    #[test]
    fn a_grade_asks_for_its_whole_range() {
        let ages = Ages { accepted: vec![range(0.0, 13.0)], unstated: vec![range(13.0, 18.0)] };
        assert_eq!(ages.accept("5".parse::<Grade>().unwrap().ages()), Truth::Yes);
        assert_eq!(ages.accept("7".parse::<Grade>().unwrap().ages()), Truth::Unknown);
        assert_eq!(ages.accept("12".parse::<Grade>().unwrap().ages()), Truth::No);
    }

    #[test]
    fn ranges_that_touch_cover_together() {
        let ages = Ages { accepted: vec![range(10.0, 12.0), range(5.0, 10.0)], unstated: vec![] };
        assert_eq!(ages.accept(range(6.0, 11.0)), Truth::Yes);
    }

    #[test]
    fn ages_that_are_no_range_are_refused() {
        for (min, max) in
            [(5.0, 5.0), (6.0, 5.0), (-1.0, 5.0), (5.0, 131.0), (f64::NAN, 5.0), (5.0, f64::NAN)]
        {
            assert_eq!(AgeRange::new(min, max), None);
        }
        assert!(AgeRange::exactly(-1.0).is_none());
    }

    #[test]
    fn grades_read_as_schools_write_them() {
        for (written, read) in [("PK", "PK"), ("K", "K"), ("KG", "K"), ("01", "1"), ("12", "12")] {
            assert_eq!(written.parse::<Grade>().unwrap().to_string(), read);
        }
        for wrong in ["", "0", "13", "-1", "+1", "first"] {
            assert!(wrong.parse::<Grade>().is_err(), "{wrong:?}");
        }
    }
}
