//! A body cut into lines as it comes. Of a line that is too long nothing is kept but that it was.

use actix_web::web::Bytes;

/// Bytes of the longest line that is read; notes have at most 2,000 characters.
pub(super) const LONGEST_LINE: usize = 64 * 1024;

/// One line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// All of it.
    Whole(Vec<u8>),
    /// It was longer than [`LONGEST_LINE`].
    TooLong,
}

/// What has come of a body and was not cut yet.
#[derive(Default)]
pub(super) struct Lines {
    given: Bytes,
    started: Vec<u8>,
    too_long: bool,
}

impl Lines {
    /// Takes what came next. Everything before must have been asked for by [`Lines::next`].
    pub(super) fn feed(&mut self, bytes: Bytes) {
        self.given = bytes;
    }

    /// The next line that has come whole; none until more was fed.
    pub(super) fn next(&mut self) -> Option<Line> {
        let Some(end) = self.given.iter().position(|byte| *byte == b'\n') else {
            let rest = std::mem::take(&mut self.given);
            self.add(&rest);
            return None;
        };
        let line = self.given.split_to(end + 1);
        self.add(&line[..end]);
        Some(self.take())
    }

    /// What stands behind the last line end, if anything does.
    pub(super) fn last(&mut self) -> Option<Line> {
        (self.too_long || !self.started.is_empty()).then(|| self.take())
    }

    fn add(&mut self, bytes: &[u8]) {
        // One byte more, for the carriage return that belongs to the end of a line.
        if self.too_long || self.started.len() + bytes.len() > LONGEST_LINE + 1 {
            self.too_long = true;
            self.started = Vec::new();
        } else {
            self.started.extend_from_slice(bytes);
        }
    }

    fn take(&mut self) -> Line {
        let mut line = std::mem::take(&mut self.started);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        let too_long = std::mem::take(&mut self.too_long) || line.len() > LONGEST_LINE;
        if too_long { Line::TooLong } else { Line::Whole(line) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a body that comes in pieces of `piece` bytes.
    fn cut(body: &[u8], piece: usize) -> Vec<String> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        let show = |line| match line {
            Line::Whole(line) => String::from_utf8(line).unwrap(),
            Line::TooLong => "too long".to_owned(),
        };
        for piece in body.chunks(piece) {
            lines.feed(Bytes::copy_from_slice(piece));
            while let Some(line) = lines.next() {
                found.push(show(line));
            }
        }
        found.extend(lines.last().map(show));
        found
    }

    #[test]
    fn lines_are_the_same_however_the_body_comes() {
        let body = b"one\n\r\ntwo\r\n\nthree";
        for piece in 1..=body.len() {
            assert_eq!(cut(body, piece), ["one", "", "two", "", "three"], "{piece}");
        }
        assert_eq!(cut(b"one\n", 2), ["one"]);
        assert_eq!(cut(b"", 1), [""; 0]);
    }

    #[test]
    fn a_line_that_is_too_long_takes_neither_memory_nor_the_next_one_with_it() {
        let longest = "x".repeat(LONGEST_LINE);
        for piece in [7, 4_096, 1 << 20] {
            let body = format!("{longest}\r\n{longest}y\nshort\n{longest}{longest}{longest}\nend");
            assert_eq!(
                cut(body.as_bytes(), piece),
                [longest.as_str(), "too long", "short", "too long", "end"]
            );
        }
        let mut lines = Lines::default();
        for _ in 0..1_000 {
            lines.feed(Bytes::from(vec![b'x'; 10_000]));
            assert_eq!(lines.next(), None);
            assert!(lines.started.capacity() <= 4 * LONGEST_LINE && lines.given.is_empty());
        }
        assert_eq!(lines.last(), Some(Line::TooLong));
    }
}
