//! The calendar of an organization: its time zone, its office hours and the days on which it is closed.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::facts::OrganizationFacts;
use crate::types::{OpenHours, Weekday};

/// The time zone of an organization that has not said its own: that of the deployments which there are.
const DEFAULT_ZONE: &str = "America/New_York";
/// Office hours of an organization that has not said its own: Monday to Friday, from 9 to 17.
const DEFAULT_DAYS: [Weekday; 5] =
    [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];
const DEFAULT_MINUTES: (i64, i64) = (9 * 60, 17 * 60);
/// So many days ahead somebody is looked for in the office.
const DAYS_AHEAD: i64 = 400;

impl OrganizationFacts {
    /// The time zone in which its hours run.
    pub fn zone(&self) -> TimeZone {
        let named = |name: &str| TimeZone::get(name).ok();
        self.time_zone.as_deref().and_then(named).or_else(|| named(DEFAULT_ZONE)).unwrap_or(TimeZone::UTC)
    }

    /// The first instant from `now` on at which somebody is in the office; none if nobody is within a year. Hours run
    /// by the clock on the wall: when it is put forward or back, so are they.
    pub fn in_office_from(&self, now: Timestamp) -> Option<Timestamp> {
        let zone = self.zone();
        let today = now.to_zoned(zone.clone()).date();
        (0..DAYS_AHEAD).find_map(|days| {
            let day = today.checked_add(Span::new().days(days)).ok()?;
            if self.holidays.contains(&day) {
                return None;
            }
            let mut hours = self.minutes_of(day);
            hours.sort_unstable();
            hours.into_iter().find_map(|(opens, closes)| {
                let at = |minutes: i64| {
                    let there = day.at(0, 0, 0, 0).checked_add(Span::new().minutes(minutes)).ok()?;
                    Some(there.to_zoned(zone.clone()).ok()?.timestamp())
                };
                let (opens, closes) = (at(opens)?, at(closes)?);
                (now < closes).then_some(opens.max(now)).filter(|from| *from < closes)
            })
        })
    }

    /// When it opens and closes on a day, in minutes since midnight.
    fn minutes_of(&self, day: Date) -> Vec<(i64, i64)> {
        let weekday = weekday(day);
        match self.hours.as_deref() {
            None | Some([]) if DEFAULT_DAYS.contains(&weekday) => vec![DEFAULT_MINUTES],
            None | Some([]) => Vec::new(),
            Some(hours) => {
                let minutes = |one: &OpenHours| (one.opens.minutes(), one.closes.minutes());
                hours.iter().filter(|one| one.day == weekday).map(minutes).collect()
            }
        }
    }
}

fn weekday(day: Date) -> Weekday {
    match day.weekday() {
        jiff::civil::Weekday::Monday => Weekday::Monday,
        jiff::civil::Weekday::Tuesday => Weekday::Tuesday,
        jiff::civil::Weekday::Wednesday => Weekday::Wednesday,
        jiff::civil::Weekday::Thursday => Weekday::Thursday,
        jiff::civil::Weekday::Friday => Weekday::Friday,
        jiff::civil::Weekday::Saturday => Weekday::Saturday,
        jiff::civil::Weekday::Sunday => Weekday::Sunday,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// When the office of an organization with these facts is next open, from an instant on.
    fn from(facts: Value, now: &str) -> Option<String> {
        let mut document = json!({"name": "A", "engagement": "enrolled"});
        let (Value::Object(all), Value::Object(facts)) = (&mut document, facts) else { panic!("objects") };
        all.extend(facts);
        let facts: OrganizationFacts = serde_json::from_value(document).unwrap();
        facts.in_office_from(now.parse().unwrap()).map(|at| at.to_string())
    }

    #[test]
    fn without_hours_an_office_is_open_on_weekdays_from_nine_to_five_where_it_is() {
        let silent = || json!({});
        // A Friday in Boston, five hours behind.
        assert_eq!(from(silent(), "2026-11-27T13:59:59Z").as_deref(), Some("2026-11-27T14:00:00Z"));
        assert_eq!(from(silent(), "2026-11-27T15:30:00Z").as_deref(), Some("2026-11-27T15:30:00Z"));
        assert_eq!(from(silent(), "2026-11-27T21:59:59Z").as_deref(), Some("2026-11-27T21:59:59Z"));
        // Over the weekend.
        assert_eq!(from(silent(), "2026-11-27T22:00:00Z").as_deref(), Some("2026-11-30T14:00:00Z"));
        let west = json!({"time_zone": "America/Los_Angeles", "hours": []});
        assert_eq!(from(west, "2026-11-27T15:30:00Z").as_deref(), Some("2026-11-27T17:00:00Z"));
    }

    #[test]
    fn holidays_and_own_hours_are_kept() {
        let hours = json!([
            {"day": "friday", "opens": "13:00", "closes": "15:00"},
            {"day": "friday", "opens": "08:00", "closes": "10:00"},
            {"day": "tuesday", "opens": "22:00", "closes": "24:00"},
        ]);
        let office = |holidays: Value| json!({"hours": hours, "holidays": holidays});
        assert_eq!(from(office(json!([])), "2026-11-27T12:00:00Z").as_deref(), Some("2026-11-27T13:00:00Z"));
        assert_eq!(from(office(json!([])), "2026-11-27T15:00:00Z").as_deref(), Some("2026-11-27T18:00:00Z"));
        assert_eq!(from(office(json!([])), "2026-11-27T20:00:00Z").as_deref(), Some("2026-12-02T03:00:00Z"));
        assert_eq!(from(office(json!([])), "2026-12-02T04:59:59Z").as_deref(), Some("2026-12-02T04:59:59Z"));
        assert_eq!(
            from(office(json!(["2026-11-27"])), "2026-11-27T12:00:00Z").as_deref(),
            Some("2026-12-02T03:00:00Z")
        );
    }

    #[test]
    fn the_clock_on_the_wall_counts_when_it_is_changed() {
        // Clocks go back on 1 November and forward on 14 March.
        assert_eq!(from(json!({}), "2026-10-31T00:00:00Z").as_deref(), Some("2026-11-02T14:00:00Z"));
        assert_eq!(from(json!({}), "2027-03-13T00:00:00Z").as_deref(), Some("2027-03-15T13:00:00Z"));
        // Open only in the hour that there is not on that day: open when the clock shows the next.
        let night = json!({"hours": [{"day": "sunday", "opens": "02:00", "closes": "02:30"}]});
        assert_eq!(from(night, "2027-03-14T06:00:00Z").as_deref(), Some("2027-03-14T07:00:00Z"));
        let twice = json!({"hours": [{"day": "sunday", "opens": "01:15", "closes": "01:45"}]});
        assert_eq!(from(twice, "2026-11-01T05:00:00Z").as_deref(), Some("2026-11-01T05:15:00Z"));
    }

    #[test]
    fn an_office_that_never_opens_is_never_open() {
        let days: Vec<String> =
            (0..500).map(|n| (Date::constant(2026, 11, 1) + Span::new().days(n)).to_string()).collect();
        assert_eq!(from(json!({"holidays": days}), "2026-11-27T12:00:00Z"), None);
    }
}
