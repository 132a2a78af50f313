//! Hours: the weekly part of RFC 5545, as far as it is unambiguous.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::kinds::{Object, text};
use crate::types::{OpenHours, TimeOfDay, Weekday, derived_uuid};

const CODES: [(&str, Weekday, &str); 7] = [
    ("MO", Weekday::Monday, "mon"),
    ("TU", Weekday::Tuesday, "tue"),
    ("WE", Weekday::Wednesday, "wed"),
    ("TH", Weekday::Thursday, "thu"),
    ("FR", Weekday::Friday, "fri"),
    ("SA", Weekday::Saturday, "sat"),
    ("SU", Weekday::Sunday, "sun"),
];

/// Properties with which an entry no longer means "every week".
const NOT_EVERY_WEEK: [&str; 7] =
    ["until", "count", "byweekno", "bymonthday", "byyearday", "valid_to", "weekday"];

/// The code of a day that is written as a word. A number could count from Sunday or from Monday.
pub(super) fn weekday_code(word: &str) -> Option<&'static str> {
    let word = word.trim().to_lowercase();
    let found = CODES
        .iter()
        .find(|(code, day, short)| word == *short || word == day.as_str() || word == code.to_lowercase());
    found.map(|(code, ..)| *code)
}

/// The weekly hours that these entries say together; none if one of them says something else, for then the
/// hours that can be read are not all.
///
/// # Errors
/// Why the hours are left open.
pub(super) fn weekly<'a>(
    entries: impl Iterator<Item = &'a Object>,
) -> Result<Option<Vec<OpenHours>>, String> {
    let mut hours = Vec::new();
    let mut is_stated = false;
    for entry in entries.filter(|entry| !is_exception(entry)) {
        is_stated = true;
        for one in hours_of(entry)? {
            if !hours.contains(&one) {
                hours.push(one);
            }
        }
    }
    hours.sort_by_key(|one| (one.day, one.opens));
    let overlaps = hours.windows(2).any(|pair| pair[0].day == pair[1].day && pair[1].opens < pair[0].closes);
    if overlaps {
        return Err("hours that overlap each other".to_owned());
    }
    Ok(is_stated.then_some(hours))
}

/// Hours of a holiday or of a few days beside the weekly ones.
fn is_exception(entry: &Object) -> bool {
    let has = |property| text(entry, property).is_some();
    !has("freq") && !has("byday") && !has("weekday") && (has("valid_from") || has("closed"))
}

fn hours_of(entry: &Object) -> Result<Vec<OpenHours>, String> {
    let other = || Err("hours that are not plainly every week".to_owned());
    let freq = text(entry, "freq").unwrap_or_default();
    let interval = text(entry, "interval");
    if !freq.eq_ignore_ascii_case("WEEKLY")
        || interval.is_some_and(|interval| interval != "1")
        || NOT_EVERY_WEEK.iter().any(|property| text(entry, property).is_some())
    {
        return other();
    }
    let (Some(days), Some(opens), Some(closes)) =
        (text(entry, "byday"), text(entry, "opens_at"), text(entry, "closes_at"))
    else {
        return other();
    };
    let (Some(opens), Some(closes)) = (time(&opens), time(&closes)) else {
        return Err("hours whose time of day cannot be read".to_owned());
    };
    let mut hours = Vec::new();
    for day in days.split(',') {
        let day = CODES.iter().find(|(code, ..)| code.eq_ignore_ascii_case(day.trim()));
        let Some((_, day, _)) = day else { return other() };
        let one = serde_json::from_value(json!({"day": day, "opens": opens, "closes": closes}));
        hours.push(one.map_err(|_| "hours that close before they open".to_owned())?);
    }
    Ok(hours)
}

/// A time of day: `09:00`, `9:00:00`, `9:00 AM`, `9am`, also with an offset (`09:00-05:00` is nine o'clock there).
/// A time in UTC is not the time on the wall.
fn time(text: &str) -> Option<TimeOfDay> {
    let lower = text.trim().to_lowercase().replace('.', "");
    let (clock, afternoon) = match (lower.strip_suffix("am"), lower.strip_suffix("pm")) {
        (Some(clock), _) => (clock.trim(), Some(false)),
        (_, Some(clock)) => (clock.trim(), Some(true)),
        (None, None) => (lower.as_str(), None),
    };
    if clock.ends_with('z') {
        return None;
    }
    let clock = clock.find(['+', '-']).map_or(clock, |offset| &clock[..offset]);
    let mut parts = clock.split(':');
    let number = |part: &str| {
        let is_number = (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse::<u8>().ok()).flatten()
    };
    let hour = number(parts.next()?)?;
    let minute = match (parts.next(), afternoon) {
        (Some(minute), _) => number(minute)?,
        (None, Some(_)) => 0,
        (None, None) => return None,
    };
    if parts.next().is_some_and(|second| !second.starts_with("00")) {
        return None;
    }
    let hour = match afternoon {
        None => hour,
        Some(_) if !(1..=12).contains(&hour) => return None,
        Some(afternoon) => hour % 12 + if afternoon { 12 } else { 0 },
    };
    format!("{hour:02}:{minute:02}").parse().ok()
}

/// Weekly hours as entries, one for the days with the same hours.
pub(super) fn entries(subject: Uuid, hours: &[OpenHours]) -> Vec<Value> {
    let mut days: BTreeMap<(TimeOfDay, TimeOfDay), Vec<&str>> = BTreeMap::new();
    for (code, day, _) in CODES {
        for one in hours.iter().filter(|one| one.day == day) {
            days.entry((one.opens, one.closes)).or_default().push(code);
        }
    }
    let entry = |((opens, closes), days): ((TimeOfDay, TimeOfDay), Vec<&str>)| {
        let days = days.join(",");
        let (opens, closes) = (opens.to_string(), closes.to_string());
        let id = derived_uuid("hsds", &["schedule", &subject.to_string(), &days, &opens, &closes]);
        json!({"id": id, "freq": "WEEKLY", "byday": days, "opens_at": opens, "closes_at": closes})
    };
    days.into_iter().map(entry).collect()
}

/// What an entry says, one word for each day; nothing where it is not plain.
pub(super) fn keys(entry: &Object) -> Vec<String> {
    let hours = if is_exception(entry) { Vec::new() } else { hours_of(entry).unwrap_or_default() };
    hours.iter().map(|one| format!("{} {} {}", one.day, one.opens, one.closes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(entries: &Value) -> Result<Option<String>, String> {
        let entries: Vec<Object> = serde_json::from_value(entries.clone()).unwrap();
        let hours = weekly(entries.iter())?;
        Ok(hours.map(|hours| {
            hours.iter().map(|h| format!("{} {}-{}", h.day, h.opens, h.closes)).collect::<Vec<_>>().join(" ")
        }))
    }

    #[test]
    fn weekly_hours_are_read_and_anything_else_leaves_the_hours_open() {
        let plain = json!([{"freq": "WEEKLY", "byday": "TH,FR", "opens_at": "10:00:00", "closes_at": "6pm"}]);
        assert_eq!(read(&plain).unwrap().unwrap(), "thursday 10:00-18:00 friday 10:00-18:00");
        assert_eq!(read(&json!([])).unwrap(), None);
        let holiday = json!([{"valid_from": "2026-12-25", "valid_to": "2026-12-25", "closed": "true"}]);
        assert_eq!(read(&holiday).unwrap(), None, "a holiday says nothing of other weeks");
        for (property, value) in [
            ("until", json!("2026-12-01")),
            ("bymonthday", json!("1")),
            ("interval", json!(2)),
            ("byday", json!("1MO")),
            ("opens_at", json!("10:00Z")),
            ("closes_at", json!("09:00")),
            ("freq", json!("MONTHLY")),
        ] {
            let mut other = plain.clone();
            other[0][property] = value.clone();
            assert!(read(&other).is_err(), "{property} {value}");
        }
    }

    #[test]
    fn written_hours_read_back_as_they_were() {
        let hours: Vec<OpenHours> = serde_json::from_value(json!([
            {"day": "monday", "opens": "09:00", "closes": "12:00"},
            {"day": "monday", "opens": "13:00", "closes": "17:00"},
            {"day": "sunday", "opens": "09:00", "closes": "12:00"}
        ]))
        .unwrap();
        let entries = entries(Uuid::nil(), &hours);
        assert_eq!(entries.len(), 2);
        let entries: Vec<Object> = serde_json::from_value(Value::Array(entries)).unwrap();
        assert_eq!(weekly(entries.iter()), Ok(Some(hours)));
    }

    #[test]
    fn times_are_read_as_people_write_them_and_only_where_they_are_plain() {
        for (written, read) in [
            ("9:00", "09:00"),
            ("09:00-05:00", "09:00"),
            ("12 a.m.", "00:00"),
            ("12:30 PM", "12:30"),
            ("24:00", "24:00"),
        ] {
            assert_eq!(time(written).unwrap().to_string(), read, "{written}");
        }
        for wrong in ["9", "", "noon", "13 pm", "0 am", "09:00Z", "9:5x", "25:00"] {
            assert_eq!(time(wrong), None, "{wrong:?}");
        }
    }
}
