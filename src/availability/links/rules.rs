//! When a link works, what a form of it says, and how often it may be used. Pure.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

use serde::{Deserialize, Serialize};

use super::UpdateLink;
use crate::types::{Period, UnknownCode, codes};

/// No link works longer.
pub const LONGEST_LINK: Period = Period::days(90);
/// Shorter, and nobody could open it in time.
const SHORTEST_LINK: Period = Period::seconds(60);
/// Answers that one link may give in [`WINDOW`]: an agency that changes its mind every three minutes.
pub(super) const MOST_USES: usize = 20;
pub(super) const WINDOW: SignedDuration = SignedDuration::from_hours(1);
/// The largest number that the field takes.
pub const MOST_COUNTED: u32 = crate::availability::rules::MOST;

codes! {
    /// What a button says.
    Choice, "answer" {
        /// There are openings.
        Capacity = "capacity",
        /// There is a list to wait on.
        Waitlist = "waitlist",
        /// There is neither.
        NoCapacity = "no-capacity",
    }
}

/// Why a link works no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its time is over.
    Expired,
    /// Somebody took it back.
    Revoked,
    /// The pool, or its organization, is retired.
    Retired,
}

/// What is wrong with a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No button was pressed.
    ChoiceMissing,
    /// The field holds no whole number, or a larger one than is taken.
    NumberWrong,
    /// No openings are openings.
    NumberZero,
    /// Nothing is to be had, and how many.
    NumberWithNothing,
}

/// What a form says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// The button.
    pub choice: Choice,
    /// Openings, or people waiting.
    pub count: Option<u32>,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            Some(count) => write!(f, "{} {count}", self.choice),
            None => f.write_str(self.choice.as_str()),
        }
    }
}

/// What a form says, or what is wrong with it.
pub(super) fn read(choice: &str, number: &str) -> Result<Said, Fault> {
    let count = match number.trim() {
        "" => None,
        text if text.bytes().all(|byte| byte.is_ascii_digit()) => match text.parse() {
            Ok(count) if count <= MOST_COUNTED => Some(count),
            Ok(_) | Err(_) => return Err(Fault::NumberWrong),
        },
        _ => return Err(Fault::NumberWrong),
    };
    let choice = choice.parse().map_err(|_| Fault::ChoiceMissing)?;
    match (choice, count) {
        (Choice::Capacity, Some(0)) => Err(Fault::NumberZero),
        (Choice::NoCapacity, Some(1..)) => Err(Fault::NumberWithNothing),
        (Choice::NoCapacity, _) => Ok(Said { choice, count: None }),
        (Choice::Capacity | Choice::Waitlist, _) => Ok(Said { choice, count }),
    }
}

/// Why a link works no more at `now`, if it does not.
pub(super) fn ended(link: &UpdateLink, is_retired: bool, now: Timestamp) -> Option<Ended> {
    if link.revoked_at.is_some() {
        Some(Ended::Revoked)
    } else if is_retired {
        Some(Ended::Retired)
    } else if now >= link.expires_at {
        Some(Ended::Expired)
    } else {
        None
    }
}

/// What is wrong with a link of this life.
pub(super) fn life_problem(life: Period) -> Option<String> {
    let allowed = SHORTEST_LINK..=LONGEST_LINK;
    (!allowed.contains(&life))
        .then(|| format!("{life} is not within {SHORTEST_LINK} and {LONGEST_LINK}; P14D is usual"))
}

/// How long a link must wait that was `used` at these times of the last hour, the latest first.
pub(super) fn wait(used: &[Timestamp], now: Timestamp) -> Option<SignedDuration> {
    let oldest = used.get(MOST_USES - 1)?;
    let wait = (*oldest + WINDOW).duration_since(now);
    wait.is_positive().then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_openings_or_people_waiting_and_nothing_else() {
        let said = |choice, count| Ok(Said { choice, count });
        assert_eq!(read("capacity", " 3 "), said(Choice::Capacity, Some(3)));
        assert_eq!(read("capacity", ""), said(Choice::Capacity, None));
        assert_eq!(read("waitlist", "0"), said(Choice::Waitlist, Some(0)));
        assert_eq!(read("no-capacity", "0"), said(Choice::NoCapacity, None));
        for wrong in ["-1", "1.5", "1e9", "1000000000", "99999999999999999999", "three", "+3", "٣", "3 4"] {
            for choice in ["capacity", "waitlist", "no-capacity"] {
                assert_eq!(read(choice, wrong), Err(Fault::NumberWrong), "{wrong}");
            }
        }
        assert_eq!(read("capacity", "0"), Err(Fault::NumberZero));
        assert_eq!(read("no-capacity", "2"), Err(Fault::NumberWithNothing));
        for choice in ["", "unknown", "additional-assessment-required", "Capacity"] {
            assert_eq!(read(choice, ""), Err(Fault::ChoiceMissing), "{choice}");
        }
    }

    #[test]
    fn the_twenty_first_use_waits_until_the_first_is_an_hour_old() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let ago = |minutes| now - SignedDuration::from_mins(minutes);
        let used: Vec<Timestamp> = (0..20).map(|n| ago(i64::from(n))).collect();
        assert_eq!(wait(&used, now), Some(SignedDuration::from_mins(41)));
        assert_eq!(wait(&used[..19], now), None);
        assert_eq!(wait(&used, now + SignedDuration::from_mins(41)), None);
    }

    #[test]
    fn links_live_from_a_minute_to_ninety_days() {
        for (life, fits) in [("PT1M", true), ("P90D", true), ("PT59S", false), ("P91D", false)] {
            assert_eq!(life_problem(life.parse().unwrap()).is_none(), fits, "{life}");
        }
    }
}
