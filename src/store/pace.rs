//! Long work in short commits, so that others who write get their turn.

use std::time::{Duration, Instant};

/// A commit should take no longer: others wait for it.
const SHORT: Duration = Duration::from_millis(3);
/// A pause between commits, in which whoever waits for SQLite's only lock gets it: they look for it every millisecond.
const BREATH: Duration = Duration::from_millis(2);

/// How many rows of long work go into its next commit.
#[derive(Debug)]
pub struct Pace {
    rows: usize,
    most: usize,
}

impl Pace {
    /// At most so many rows in one commit.
    pub fn new(most: usize) -> Self {
        Self { rows: 8.min(most), most }
    }

    /// The rows of the next commit, and those behind.
    pub fn split<'a, T>(&self, rows: &'a [T]) -> (&'a [T], &'a [T]) {
        rows.split_at(self.rows.min(rows.len()))
    }

    /// Learns from the transaction of `rows` rows that began at `begun` and is over, and lets others in.
    pub fn over(&mut self, rows: usize, begun: Instant) {
        self.rows = next(rows, begun.elapsed(), self.most);
        std::thread::sleep(BREATH);
    }
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
    fn every_row_is_taken_once_and_in_order() {
        let rows: Vec<usize> = (0..100).collect();
        let (mut pace, mut rest, mut taken) = (Pace::new(7), rows.as_slice(), Vec::new());
        while !rest.is_empty() {
            let (chunk, behind) = pace.split(rest);
            assert!(!chunk.is_empty() && chunk.len() <= 7);
            taken.extend_from_slice(chunk);
            pace.over(chunk.len(), Instant::now());
            rest = behind;
        }
        assert_eq!(taken, rows);
    }
}
