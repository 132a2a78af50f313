//! Instants and dates as the databases keep them: UTC, microseconds, without a zone.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime};
use jiff::Timestamp;
use jiff::civil::Date;

/// The earliest instant that both databases keep, of the year 1 (in microseconds since 1970): what is earlier is
/// written as this.
const EARLIEST: i64 = -62_135_596_800_000_000;

/// For a `TIMESTAMP` column.
pub fn to_sql(instant: Timestamp) -> NaiveDateTime {
    DateTime::from_timestamp_micros(instant.as_microsecond().max(EARLIEST))
        .unwrap_or(DateTime::UNIX_EPOCH)
        .naive_utc()
}

/// From a `TIMESTAMP` column.
pub fn from_sql(instant: NaiveDateTime) -> Timestamp {
    Timestamp::from_microsecond(instant.and_utc().timestamp_micros()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// For a `DATE` column.
pub fn date_to_sql(date: Date) -> NaiveDate {
    NaiveDate::from_ymd_opt(
        date.year().into(),
        date.month().unsigned_abs().into(),
        date.day().unsigned_abs().into(),
    )
    .unwrap_or_default()
}

/// From a `DATE` column; `None` outside the years -9999 to 9999.
pub fn date_from_sql(date: NaiveDate) -> Option<Date> {
    let year = i16::try_from(date.year()).ok()?;
    Date::new(year, i8::try_from(date.month()).ok()?, i8::try_from(date.day()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_and_dates_come_back_as_they_went() {
        for text in ["2026-11-22T01:02:03.000004Z", "1970-01-01T00:00:00Z", "2100-02-28T23:59:59.999999Z"] {
            let instant: Timestamp = text.parse().unwrap();
            assert_eq!(from_sql(to_sql(instant)), instant);
        }
        let date: Date = "2028-02-29".parse().unwrap();
        assert_eq!(date_from_sql(date_to_sql(date)), Some(date));
    }
}
