//! Weekly hours and the season.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::codes::{ScheduleKind, Truth, Weekday};

/// A time of day, `HH:MM`, 00:00 to 24:00; held as minutes since midnight.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "15:00", pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    const fn at(hours: u16, minutes: u16) -> Self {
        Self(hours * 60 + minutes)
    }

    /// Minutes since midnight.
    pub fn minutes(self) -> i64 {
        self.0.into()
    }
}

impl FromStr for TimeOfDay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |part: &str| {
            (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()))
                .then(|| part.parse::<u16>().ok())
                .flatten()
        };
        text.split_once(':')
            .and_then(|(hours, minutes)| Some((number(hours)?, number(minutes)?)))
            .filter(|(hours, minutes)| *minutes < 60 && hours * 60 + minutes <= 24 * 60)
            .map(|(hours, minutes)| Self::at(hours, minutes))
            .ok_or_else(|| format!("{text:?} is not a time of day: HH:MM is needed, such as 15:30"))
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// Open on one day of the week, from `opens` to `closes` (iCalendar and HSDS `schedule` say the same).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(try_from = "Hours", deny_unknown_fields)]
pub struct OpenHours {
    /// The day.
    pub day: Weekday,
    /// Opens at.
    pub opens: TimeOfDay,
    /// Closes at; later than it opens.
    pub closes: TimeOfDay,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hours {
    day: Weekday,
    opens: TimeOfDay,
    closes: TimeOfDay,
}

impl TryFrom<Hours> for OpenHours {
    type Error = String;

    fn try_from(Hours { day, opens, closes }: Hours) -> Result<Self, Self::Error> {
        if opens < closes {
            Ok(Self { day, opens, closes })
        } else {
            Err(format!("{day} opens at {opens} and closes at {closes}: it must close later than it opens"))
        }
    }
}

/// The part of every year in which a service runs, both days included; it may run over New Year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Season {
    /// First day, `MM-DD`.
    #[schema(value_type = String, example = "06-20")]
    pub from: MonthDay,
    /// Last day, `MM-DD`.
    #[schema(value_type = String, example = "08-25")]
    pub to: MonthDay,
}

/// A day of every year, `MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MonthDay {
    month: u8,
    day: u8,
}

impl From<Date> for MonthDay {
    fn from(date: Date) -> Self {
        Self { month: date.month().unsigned_abs(), day: date.day().unsigned_abs() }
    }
}

impl FromStr for MonthDay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // 2024 was a leap year, so that 02-29 is a day.
        match format!("2024-{text}").parse::<Date>() {
            Ok(date) if text.len() == 5 => Ok(Self::from(date)),
            Ok(_) | Err(_) => {
                Err(format!("{text:?} is not a day of the year: MM-DD is needed, such as 06-20"))
            }
        }
    }
}

impl TryFrom<String> for MonthDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<MonthDay> for String {
    fn from(day: MonthDay) -> Self {
        day.to_string()
    }
}

impl fmt::Display for MonthDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}-{:02}", self.month, self.day)
    }
}

impl MonthDay {
    /// In this year; the last of February where there is no 29th.
    fn of(self, year: i16) -> Option<Date> {
        let (month, day) = (i8::try_from(self.month).ok()?, i8::try_from(self.day).ok()?);
        Date::new(year, month, day).or_else(|_| Date::new(year, month, day - 1)).ok()
    }
}

impl Season {
    /// The last day of what is used from the first of these days on, as it stands on the second: of the season that runs,
    /// of the one that was used and is over, else of the next. None if it runs all year.
    pub fn last_day(self, used_from: Date, today: Date) -> Option<Date> {
        let ends_in = |year| self.to.of(year).filter(|_| !self.is_all_year());
        let next = ends_in(today.year()).filter(|end| *end >= today).or_else(|| ends_in(today.year() + 1))?;
        let runs = self.meets(MonthDay::from(today), MonthDay::from(today));
        let last = ends_in(next.year() - 1)?;
        Some(if !runs && last >= used_from { last } else { next })
    }

    fn is_all_year(self) -> bool {
        // A common year and a leap year.
        [2023, 2024].into_iter().any(|year| {
            let tomorrow = self.to.of(year).and_then(|end| end.checked_add(1.day()).ok());
            tomorrow.is_some_and(|day| MonthDay::from(day) == self.from)
        })
    }

    fn meets(self, from: MonthDay, to: MonthDay) -> bool {
        if self.from <= self.to {
            self.from <= to && from <= self.to
        } else {
            from <= self.to || self.from <= to
        }
    }
}

/// When an offering can be had. Absent parts were not stated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Weekly hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub weekly: Option<Vec<OpenHours>>,
    /// The season; `01-01` to `12-31` says that it runs all year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub season: Option<Season>,
}

impl Schedule {
    /// Whether it can be had at such times, judged from what was stated.
    pub fn offers(&self, kind: ScheduleKind) -> Truth {
        const AFTER_SCHOOL: (TimeOfDay, TimeOfDay) = (TimeOfDay::at(14, 30), TimeOfDay::at(18, 0));
        const EVENING: (TimeOfDay, TimeOfDay) = (TimeOfDay::at(18, 0), TimeOfDay::at(24, 0));
        let weekly = |holds: &dyn Fn(&OpenHours) -> bool| match &self.weekly {
            Some(hours) => Truth::known(hours.iter().any(holds)),
            None => Truth::Unknown,
        };
        let weekend = |hours: &OpenHours| matches!(hours.day, Weekday::Saturday | Weekday::Sunday);
        let weekday_within =
            |(from, to)| move |hours: &OpenHours| !weekend(hours) && hours.opens < to && from < hours.closes;
        match kind {
            // What runs in summer alone is after no school.
            ScheduleKind::AfterSchool => {
                let in_school_year = self.season.is_none_or(|season| {
                    season.meets(MonthDay { month: 9, day: 1 }, MonthDay { month: 12, day: 31 })
                        || season.meets(MonthDay { month: 1, day: 1 }, MonthDay { month: 6, day: 15 })
                });
                Truth::all([weekly(&weekday_within(AFTER_SCHOOL)), Truth::known(in_school_year)])
            }
            ScheduleKind::Evening => weekly(&weekday_within(EVENING)),
            ScheduleKind::Weekend => weekly(&weekend),
            ScheduleKind::Summer => match self.season {
                Some(season) => {
                    Truth::known(season.meets(MonthDay { month: 7, day: 1 }, MonthDay { month: 7, day: 31 }))
                }
                None => Truth::Unknown,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(json: &str) -> Schedule {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn kinds_of_schedule_follow_from_the_hours() {
        let s = schedule(
            r#"{"weekly":[{"day":"monday","opens":"09:00","closes":"15:00"},{"day":"saturday","opens":"18:00","closes":"20:00"}]}"#,
        );
        assert_eq!(s.offers(ScheduleKind::AfterSchool), Truth::Yes);
        assert_eq!(s.offers(ScheduleKind::Evening), Truth::No);
        assert_eq!(s.offers(ScheduleKind::Weekend), Truth::Yes);
        assert_eq!(s.offers(ScheduleKind::Summer), Truth::Unknown);
        assert_eq!(Schedule::default().offers(ScheduleKind::Weekend), Truth::Unknown);
    }

    #[test]
    fn what_runs_in_summer_alone_is_after_no_school() {
        let afternoons = r#""weekly":[{"day":"monday","opens":"13:00","closes":"17:00"}]"#;
        let summer = schedule(&format!(r#"{{{afternoons},"season":{{"from":"06-20","to":"08-25"}}}}"#));
        assert_eq!(summer.offers(ScheduleKind::AfterSchool), Truth::No);
        let autumn = schedule(&format!(r#"{{{afternoons},"season":{{"from":"08-25","to":"10-01"}}}}"#));
        assert_eq!(autumn.offers(ScheduleKind::AfterSchool), Truth::Yes);
        assert_eq!(schedule(&format!("{{{afternoons}}}")).offers(ScheduleKind::AfterSchool), Truth::Yes);
    }

    #[test]
    fn a_season_may_run_over_new_year() {
        let school_year = schedule(r#"{"season":{"from":"09-01","to":"06-15"}}"#);
        assert_eq!(school_year.offers(ScheduleKind::Summer), Truth::No);
        let summer = schedule(r#"{"season":{"from":"06-20","to":"08-25"}}"#);
        assert_eq!(summer.offers(ScheduleKind::Summer), Truth::Yes);
        let long = schedule(r#"{"season":{"from":"09-01","to":"07-02"}}"#);
        assert_eq!(long.offers(ScheduleKind::Summer), Truth::Yes);
    }

    #[test]
    fn a_season_ends_once_a_year_and_what_was_used_of_it_has_ended_until_it_runs_again() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let season = |from: &str, to: &str| Season { from: from.parse().unwrap(), to: to.parse().unwrap() };
        let summer = season("06-20", "08-25");
        let last = |used: &str, today: &str| summer.last_day(day(used), day(today)).unwrap().to_string();
        assert_eq!(last("2026-05-01", "2026-05-02"), "2026-08-25", "the next");
        assert_eq!(last("2026-05-01", "2026-08-25"), "2026-08-25", "the one that runs");
        assert_eq!(last("2026-05-01", "2026-08-26"), "2026-08-25", "the one that is over");
        assert_eq!(last("2026-09-01", "2026-09-01"), "2027-08-25", "what was over before is none of it");
        assert_eq!(last("2026-05-01", "2027-06-20"), "2027-08-25", "it runs again");
        let school_year = season("09-01", "06-15");
        let last = |used: &str, today: &str| school_year.last_day(day(used), day(today)).unwrap().to_string();
        assert_eq!(last("2026-10-01", "2026-12-31"), "2027-06-15");
        assert_eq!(last("2026-10-01", "2027-06-16"), "2027-06-15");
        assert_eq!(last("2026-10-01", "2027-09-01"), "2028-06-15");
        for (from, to) in [("01-01", "12-31"), ("09-01", "08-31"), ("03-01", "02-28"), ("03-01", "02-29")] {
            assert_eq!(
                season(from, to).last_day(day("2026-05-01"), day("2026-05-01")),
                None,
                "{from} to {to}"
            );
        }
        assert_eq!(
            season("12-01", "02-29").last_day(day("2026-12-01"), day("2026-12-01")),
            Some(day("2027-02-28"))
        );
    }

    #[test]
    fn times_and_days_that_are_none_are_refused() {
        for time in ["24:01", "9:00", "0900", "12:60", "", "+1:00"] {
            assert!(time.parse::<TimeOfDay>().is_err(), "{time:?}");
        }
        for day in ["02-30", "2-3", "13-01", "", "06-20T"] {
            assert!(day.parse::<MonthDay>().is_err(), "{day:?}");
        }
        assert!("02-29".parse::<MonthDay>().is_ok());
        assert!(
            serde_json::from_str::<OpenHours>(r#"{"day":"monday","opens":"10:00","closes":"10:00"}"#)
                .is_err()
        );
    }
}
