//! The clock that is passed in.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Where "now" comes from: the system, or a hand that a test moves.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The system's clock.
    #[default]
    System,
    /// Microseconds since 1970, moved by a test.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `start` until it is moved.
    pub fn manual(start: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(start.as_microsecond())))
    }

    /// The time now, in whole microseconds: what both databases keep.
    pub fn now(&self) -> Timestamp {
        let microseconds = match self {
            Self::System => Timestamp::now().as_microsecond(),
            Self::Manual(microseconds) => microseconds.load(Ordering::SeqCst),
        };
        Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::MAX)
    }

    /// Moves a manual clock forward; the system's clock stays as it is.
    pub fn advance(&self, by: std::time::Duration) {
        if let Self::Manual(microseconds) = self {
            let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
            microseconds.fetch_add(by, Ordering::SeqCst);
        }
    }
}

/// The date in UTC at `instant`; what "in effect today" is judged by.
pub fn calendar_date(instant: Timestamp) -> Date {
    instant.to_zoned(TimeZone::UTC).date()
}
