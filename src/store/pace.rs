//! Long work in short commits, so that others who write get their turn.

use std::time::{Duration, Instant};

use crate::error::Result;

/// A commit should take no longer: others wait for it.
const SHORT: Duration = Duration::from_millis(3);
/// Rows of the first part, before it is known how long one takes.
const FIRST: usize = 8;
/// A pause between commits, in which whoever waits for SQLite's only lock gets it: they look for it every millisecond.
const BREATH: Duration = Duration::from_millis(2);

/// Does `work` with all rows in order, at most so many at a time, and lets others in between. It does each part in one
/// transaction, and says when that began: how long it took decides how many rows come next.
///
/// # Errors
/// The first that `work` fails with.
pub fn in_turns<T>(rows: &[T], most: usize, mut work: impl FnMut(&[T]) -> Result<Instant>) -> Result<()> {
    let (mut rest, mut count) = (rows, FIRST.min(most));
    while !rest.is_empty() {
        let (part, behind) = rest.split_at(count.min(rest.len()));
        let begun = work(part)?;
        count = next(part.len(), begun.elapsed(), most);
        rest = behind;
        std::thread::sleep(BREATH);
    }
    Ok(())
}

/// How many rows would have taken as long as a commit should, at least one and at most `most`.
fn next(rows: usize, took: Duration, most: usize) -> usize {
    let fitting = u128::try_from(rows).unwrap_or(u128::MAX).saturating_mul(SHORT.as_micros());
    let fitting = fitting / took.as_micros().max(1);
    usize::try_from(fitting).unwrap_or(usize::MAX).clamp(1, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_rows_are_taken_as_a_short_commit_can_hold() {
        assert_eq!(next(10, SHORT, 200), 10);
        assert_eq!(next(10, SHORT * 10, 200), 1);
        assert_eq!(next(10, Duration::from_secs(50), 200), 1, "never none");
        assert_eq!(next(10, SHORT / 5, 200), 50);
        assert_eq!(next(10, Duration::ZERO, 200), 200, "never more than the most");
        assert_eq!(next(0, Duration::from_millis(1), 200), 1);
    }

    #[test]
    fn every_row_is_taken_once_and_in_order_until_something_fails() {
        let rows: Vec<usize> = (0..100).collect();
        let mut taken = Vec::new();
        let work = |part: &[usize]| {
            assert!(!part.is_empty() && part.len() <= 7);
            taken.extend_from_slice(part);
            Ok(Instant::now())
        };
        in_turns(&rows, 7, work).unwrap();
        assert_eq!(taken, rows);
        let mut parts = 0;
        let failing = |_: &[usize]| {
            parts += 1;
            if parts == 2 { Err(crate::error::Error::Overloaded) } else { Ok(Instant::now()) }
        };
        assert!(in_turns(&rows, 7, failing).is_err());
        assert_eq!(parts, 2);
    }
}
