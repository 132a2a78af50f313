//! The calendar of an organization or a district: its time zone, its office hours and the days on which it is closed.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

use super::facts::{DistrictFacts, OrganizationFacts};
use crate::types::{OpenHours, Weekday};

/// The time zone of an organization that has not said its own: that of the deployments which there are.
const DEFAULT_ZONE: &str = "America/New_York";
/// Office hours of an organization that has not said its own: Monday to Friday, from 9 to 17.
const DEFAULT_DAYS: [Weekday; 5] =
    [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];
const DEFAULT_MINUTES: (i64, i64) = (9 * 60, 17 * 60);
/// So many days ahead somebody is looked for in the office.
const DAYS_AHEAD: i64 = 400;

/// When somebody is in an office.
struct Calendar<'a> {
    zone: TimeZone,
    hours: &'a [OpenHours],
    holidays: &'a [Date],
}

fn zone(name: Option<&str>) -> TimeZone {
    let named = |name: &str| TimeZone::get(name).ok();
    name.and_then(named).or_else(|| named(DEFAULT_ZONE)).unwrap_or(TimeZone::UTC)
}

impl OrganizationFacts {
    /// The time zone in which its hours run.
    pub fn zone(&self) -> TimeZone {
        zone(self.time_zone.as_deref())
    }

    fn calendar(&self) -> Calendar<'_> {
        let hours = self.hours.as_deref().unwrap_or_default();
        Calendar { zone: self.zone(), hours, holidays: &self.holidays }
    }

    /// The first instant from `now` on at which somebody is in the office; none if nobody is within a year. Hours run
    /// by the clock on the wall: when it is put forward or back, so are they.
    pub fn in_office_from(&self, now: Timestamp) -> Option<Timestamp> {
        self.calendar().in_office_from(now)
    }

    /// When the office closes on the business day that is so many after the one on which somebody is next in the office;
    /// 0 is that day itself. A business day is one on which it opens. None if there are not as many within a year.
    pub fn after_business_days(&self, now: Timestamp, days: u32) -> Option<Timestamp> {
        let days = usize::try_from(days).ok()?;
        let calendar = self.calendar();
        let mut closings = calendar.days(now).filter_map(|open| open.last().map(|(_, closes)| *closes));
        closings.by_ref().find(|closes| now < *closes).into_iter().chain(closings).nth(days)
    }

    /// When the office has been open for so many hours in all from `now` on; none if that takes more than a year.
    pub fn after_office_hours(&self, now: Timestamp, hours: u32) -> Option<Timestamp> {
        let mut left = SignedDuration::from_hours(hours.into());
        self.calendar().still_open(now).find_map(|(opens, closes)| {
            let open = closes.duration_since(opens);
            if left <= open {
                return opens.checked_add(left).ok();
            }
            left -= open;
            None
        })
    }

    /// When the next day begins there.
    pub fn tomorrow(&self, now: Timestamp) -> Timestamp {
        let tomorrow = now.to_zoned(self.zone()).tomorrow().and_then(|then| then.start_of_day());
        tomorrow.map_or(now, |start| start.timestamp())
    }
}

impl DistrictFacts {
    /// The first instant from `now` on at which somebody of the district is at work; none if nobody is within a year. A
    /// district keeps the hours and holidays of the organization that it is too, if it is one, in its own time zone.
    pub fn at_work_from(
        &self,
        organization: Option<&OrganizationFacts>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let own = organization.map(OrganizationFacts::calendar);
        let zone = match (&self.time_zone, &own) {
            (None, Some(own)) => own.zone.clone(),
            (name, _) => zone(name.as_deref()),
        };
        let (hours, holidays) = own.map_or((&[][..], &[][..]), |own| (own.hours, own.holidays));
        Calendar { zone, hours, holidays }.in_office_from(now)
    }
}

impl Calendar<'_> {
    fn in_office_from(&self, now: Timestamp) -> Option<Timestamp> {
        self.still_open(now).next().map(|(opens, _)| opens)
    }

    /// From when until when it is open from `now` on, within a year.
    fn still_open(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let later = self.days(now).flatten().filter(move |(_, closes)| now < *closes);
        later.map(move |(opens, closes)| (opens.max(now), closes))
    }

    /// From when until when it is open on each day of a year, beginning with that of `now`.
    fn days(&self, now: Timestamp) -> impl Iterator<Item = Vec<(Timestamp, Timestamp)>> {
        let today = now.to_zoned(self.zone.clone()).date();
        let days = (0..DAYS_AHEAD).map_while(move |days| today.checked_add(Span::new().days(days)).ok());
        days.map(move |day| self.open_on(day))
    }

    /// From when until when it is open on a day, in order.
    fn open_on(&self, day: Date) -> Vec<(Timestamp, Timestamp)> {
        if self.holidays.contains(&day) {
            return Vec::new();
        }
        let at = |minutes: i64| {
            let there = day.at(0, 0, 0, 0).checked_add(Span::new().minutes(minutes)).ok()?;
            Some(there.to_zoned(self.zone.clone()).ok()?.timestamp())
        };
        let hours = self.minutes_of(day).into_iter();
        let mut open: Vec<_> = hours.filter_map(|(opens, closes)| Some((at(opens)?, at(closes)?))).collect();
        // Hours that there are not, since the clock is put forward over them.
        open.retain(|(opens, closes)| opens < closes);
        open.sort_unstable();
        open
    }

    /// When it opens and closes on a day, in minutes since midnight.
    fn minutes_of(&self, day: Date) -> Vec<(i64, i64)> {
        let weekday = weekday(day);
        match self.hours {
            [] if DEFAULT_DAYS.contains(&weekday) => vec![DEFAULT_MINUTES],
            [] => Vec::new(),
            hours => {
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

    fn organization(facts: Value) -> OrganizationFacts {
        let mut document = json!({"name": "A", "engagement": "enrolled"});
        let (Value::Object(all), Value::Object(facts)) = (&mut document, facts) else { panic!("objects") };
        all.extend(facts);
        serde_json::from_value(document).unwrap()
    }

    /// When the office of an organization with these facts is next open, from an instant on.
    fn from(facts: Value, now: &str) -> Option<String> {
        organization(facts).in_office_from(now.parse().unwrap()).map(|at| at.to_string())
    }

    #[test]
    fn a_district_keeps_the_hours_of_the_organization_that_it_is_in_its_own_zone() {
        let collaborative = organization(json!({
            "hours": [{"day": "saturday", "opens": "10:00", "closes": "12:00"}], "holidays": ["2026-11-28"],
            "time_zone": "America/Los_Angeles",
        }));
        let from = |district: Value, is_one: bool| {
            let district: DistrictFacts = serde_json::from_value(district).unwrap();
            let now = "2026-11-27T12:00:00Z".parse().unwrap();
            district.at_work_from(is_one.then_some(&collaborative), now).map(|at| at.to_string())
        };
        let silent = || json!({"name": "D", "code": "1"});
        let central = || json!({"name": "D", "code": "1", "time_zone": "America/Chicago"});
        assert_eq!(from(silent(), false).as_deref(), Some("2026-11-27T14:00:00Z"));
        assert_eq!(from(central(), false).as_deref(), Some("2026-11-27T15:00:00Z"));
        assert_eq!(from(central(), true).as_deref(), Some("2026-12-05T16:00:00Z"));
        assert_eq!(from(silent(), true).as_deref(), Some("2026-12-05T18:00:00Z"));
    }

    /// When it closes so many business days later.
    fn after_days(facts: &Value, now: &str, days: u32) -> Option<String> {
        let closes = organization(facts.clone()).after_business_days(now.parse().unwrap(), days);
        closes.map(|at| at.to_string())
    }

    /// When it has been open for so many hours.
    fn after_hours(facts: &Value, now: &str, hours: u32) -> Option<String> {
        let reached = organization(facts.clone()).after_office_hours(now.parse().unwrap(), hours);
        reached.map(|at| at.to_string())
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
        let closed = json!({"holidays": days});
        assert_eq!(from(closed.clone(), "2026-11-27T12:00:00Z"), None);
        assert_eq!(after_days(&closed, "2026-11-27T12:00:00Z", 0), None);
        assert_eq!(after_hours(&closed, "2026-11-27T12:00:00Z", 0), None);
        // Open on one day of the year: there is no second.
        let hours = json!([{"day": "friday", "opens": "09:00", "closes": "10:00"}]);
        let once = json!({"hours": hours, "holidays": &days[27..]});
        assert_eq!(after_days(&once, "2026-11-27T12:00:00Z", 0).as_deref(), Some("2026-11-27T15:00:00Z"));
        assert_eq!(after_days(&once, "2026-11-27T12:00:00Z", 1), None);
        assert_eq!(after_hours(&once, "2026-11-27T12:00:00Z", 1).as_deref(), Some("2026-11-27T15:00:00Z"));
        assert_eq!(after_hours(&once, "2026-11-27T12:00:00Z", 2), None);
        assert_eq!(after_days(&json!({}), "2026-11-27T12:00:00Z", u32::MAX), None);
        assert_eq!(after_hours(&json!({}), "2026-11-27T12:00:00Z", u32::MAX), None);
    }

    #[test]
    fn business_days_begin_when_somebody_is_in_the_office_and_end_when_it_closes() {
        let silent = json!({});
        // A Wednesday in Boston, four hours behind: Friday at five.
        let friday = Some("2026-10-16T21:00:00Z".to_owned());
        for arrives in
            ["2026-10-14T13:00:00Z", "2026-10-14T11:00:00Z", "2026-10-14T20:59:59Z", "2026-10-13T21:00:00Z"]
        {
            assert_eq!(after_days(&silent, arrives, 2), friday, "{arrives}");
        }
        // From Thursday over the weekend; what comes after hours, or on a Saturday, comes when it next opens.
        assert_eq!(after_days(&silent, "2026-10-15T14:00:00Z", 2).as_deref(), Some("2026-10-19T21:00:00Z"));
        let wednesday = Some("2026-10-21T21:00:00Z".to_owned());
        for arrives in
            ["2026-10-16T21:00:00Z", "2026-10-17T15:00:00Z", "2026-10-18T15:00:00Z", "2026-10-19T13:00:00Z"]
        {
            assert_eq!(after_days(&silent, arrives, 2), wednesday, "{arrives}");
        }
        assert_eq!(after_days(&silent, "2026-10-17T15:00:00Z", 0).as_deref(), Some("2026-10-19T21:00:00Z"));
        let west = json!({"time_zone": "America/Los_Angeles"});
        assert_eq!(after_days(&west, "2026-10-14T22:00:00Z", 1).as_deref(), Some("2026-10-16T00:00:00Z"));
    }

    #[test]
    fn business_days_are_those_on_which_it_opens() {
        let hours = json!([
            {"day": "tuesday", "opens": "13:00", "closes": "15:00"},
            {"day": "tuesday", "opens": "08:00", "closes": "10:00"},
            {"day": "thursday", "opens": "20:00", "closes": "24:00"},
        ]);
        let office = json!({"hours": hours, "holidays": ["2026-11-26"]});
        // Between the hours of a Tuesday, on it and after it.
        assert_eq!(after_days(&office, "2026-11-17T16:00:00Z", 0).as_deref(), Some("2026-11-17T20:00:00Z"));
        assert_eq!(after_days(&office, "2026-11-17T16:00:00Z", 1).as_deref(), Some("2026-11-20T05:00:00Z"));
        assert_eq!(after_days(&office, "2026-11-17T20:00:00Z", 0).as_deref(), Some("2026-11-20T05:00:00Z"));
        // The Thursday after the next Tuesday is a holiday.
        assert_eq!(after_days(&office, "2026-11-20T04:59:59Z", 2).as_deref(), Some("2026-12-01T20:00:00Z"));
        // Clocks go back on 1 November: a Thursday and the Tuesday after it.
        assert_eq!(after_days(&office, "2026-10-28T12:00:00Z", 0).as_deref(), Some("2026-10-30T04:00:00Z"));
        assert_eq!(after_days(&office, "2026-10-28T12:00:00Z", 1).as_deref(), Some("2026-11-03T20:00:00Z"));
    }

    #[test]
    fn office_hours_are_added_up_over_nights_weekends_and_holidays() {
        let silent = json!({});
        // A Thursday at ten, then at four in the afternoon.
        assert_eq!(after_hours(&silent, "2026-10-15T14:00:00Z", 4).as_deref(), Some("2026-10-15T18:00:00Z"));
        assert_eq!(after_hours(&silent, "2026-10-15T14:00:00Z", 7).as_deref(), Some("2026-10-15T21:00:00Z"));
        assert_eq!(after_hours(&silent, "2026-10-15T20:00:00Z", 4).as_deref(), Some("2026-10-16T16:00:00Z"));
        assert_eq!(after_hours(&silent, "2026-10-16T20:30:00Z", 4).as_deref(), Some("2026-10-19T16:30:00Z"));
        assert_eq!(after_hours(&silent, "2026-10-17T15:00:00Z", 0).as_deref(), Some("2026-10-19T13:00:00Z"));
        assert_eq!(after_hours(&silent, "2026-10-14T13:00:00Z", 24).as_deref(), Some("2026-10-16T21:00:00Z"));
        let feast = json!({"holidays": ["2026-10-19"]});
        assert_eq!(after_hours(&feast, "2026-10-16T20:30:00Z", 4).as_deref(), Some("2026-10-20T16:30:00Z"));
        let split = json!({"hours": [
            {"day": "friday", "opens": "13:00", "closes": "15:00"},
            {"day": "friday", "opens": "08:00", "closes": "10:00"},
        ]});
        assert_eq!(after_hours(&split, "2026-10-16T13:00:00Z", 3).as_deref(), Some("2026-10-16T19:00:00Z"));
        assert_eq!(after_hours(&split, "2026-10-16T13:00:00Z", 4).as_deref(), Some("2026-10-23T13:00:00Z"));
    }

    #[test]
    fn hours_that_pass_when_the_clock_is_changed_are_counted_as_they_pass() {
        // A crisis line that never closes: midnight ends a day and nothing else.
        let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
        let always =
            json!({"hours": days.map(|day| json!({"day": day, "opens": "00:00", "closes": "24:00"}))});
        for now in ["2026-10-31T20:00:00Z", "2027-03-13T20:00:00Z"] {
            let start: Timestamp = now.parse().unwrap();
            let later = (start + SignedDuration::from_hours(30)).to_string();
            assert_eq!(after_hours(&always, now, 30), Some(later));
        }
        // The Sunday that has 25 hours, and the one that has 23, end at midnight.
        assert_eq!(after_days(&always, "2026-10-31T20:00:00Z", 1).as_deref(), Some("2026-11-02T05:00:00Z"));
        assert_eq!(after_days(&always, "2027-03-13T20:00:00Z", 1).as_deref(), Some("2027-03-15T04:00:00Z"));
        // From one to three is one hour when two o'clock is left out, and three when one o'clock comes twice.
        let night = json!({"hours": [{"day": "sunday", "opens": "01:00", "closes": "03:00"}]});
        assert_eq!(after_hours(&night, "2027-03-14T05:00:00Z", 1).as_deref(), Some("2027-03-14T07:00:00Z"));
        assert_eq!(after_hours(&night, "2027-03-14T05:00:00Z", 2).as_deref(), Some("2027-03-21T06:00:00Z"));
        assert_eq!(after_hours(&night, "2026-11-01T05:00:00Z", 3).as_deref(), Some("2026-11-01T08:00:00Z"));
        // Open only for a time that there is not on that day, so that no business is done on it.
        let gone = json!({"hours": [{"day": "sunday", "opens": "02:30", "closes": "03:00"}]});
        assert_eq!(after_days(&gone, "2027-03-14T05:00:00Z", 0).as_deref(), Some("2027-03-21T07:00:00Z"));
    }
}
