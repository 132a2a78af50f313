//! One call in bulk: reads lines as they come, commits them in chunks, and says of each what became of it once that is
//! durable.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Bytes, Payload};
use futures_util::StreamExt;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::lines::Lines;
use super::report::{
    BulkAvailabilityResult, BulkAvailabilitySummary, BulkStatus, LineProblem, LineStatus, about_line, passes,
    read,
};
use super::spool::{Gone, Spool};
use crate::access::Principal;
use crate::app::App;
use crate::availability::{ClaimReport, Landed, Subject, report_all};
use crate::config::Lasting;
use crate::error::{Error, Result};
use crate::http::caller::LastingCaller;
use crate::http::edge::Open;
use crate::http::problem::{Problem, ProblemCode};

/// Lines of one transaction: few enough that a search beside it hardly notices, enough that the disk's flush is shared.
const CHUNK_LINES: usize = 200;
/// Bytes of lines after which a chunk is committed, however few they are.
const CHUNK_BYTES: usize = 256 * 1024;
/// How long a line waits for others to share a transaction with.
const LINGER: Duration = Duration::from_millis(5);
/// How often a chunk is tried again while the database is busy; the pause doubles each time.
const RETRIES: u32 = 4;
/// The pause before a chunk is tried again for the first time.
const PAUSE: Duration = Duration::from_millis(250);
/// How long the rest of a body that is not worked on any more may take to come.
const DRAIN: Duration = Duration::from_secs(30);
/// The same while the server is about to stop.
const DRAIN_AT_STOP: Duration = Duration::from_secs(2);

/// A line that was read.
type Read = std::result::Result<(Subject, ClaimReport), Problem>;

/// A call in bulk.
pub(super) struct Call {
    app: App,
    caller: LastingCaller,
    bounds: Lasting,
    stopping: watch::Receiver<bool>,
    spool: Spool,
    until: Instant,
    lines: Lines,
    bytes: u64,
    /// Lines that have come whole.
    seen: u64,
    /// Lines of which is known what became of them.
    done: u64,
    recorded: u64,
    kept: u64,
    rejected: u64,
    _open: Open,
}

/// What became of waiting for more of the body.
enum More {
    Came(Bytes),
    /// There is none.
    Ended,
    /// It does not come now.
    Paused,
    /// The rest is not worked on.
    Stopped(Problem),
}

/// Why no more lines are worked on.
enum End {
    Finished,
    Stopped(Problem),
}

impl Call {
    pub(super) fn new(
        app: App,
        caller: LastingCaller,
        bounds: Lasting,
        stopping: watch::Receiver<bool>,
        spool: Spool,
        open: Open,
    ) -> Self {
        Self {
            app,
            caller,
            bounds,
            stopping,
            spool,
            until: Instant::now() + bounds.longest,
            lines: Lines::default(),
            bytes: 0,
            seen: 0,
            done: 0,
            recorded: 0,
            kept: 0,
            rejected: 0,
            _open: open,
        }
    }

    /// Works on the whole body.
    pub(super) async fn run(mut self, mut body: Payload) {
        let Ok(end) = self.work(&mut body).await else { return };
        let problem = match &end {
            End::Finished => None,
            End::Stopped(problem) => Some(problem),
        };
        let summary = BulkAvailabilitySummary {
            status: if problem.is_none() { BulkStatus::Finished } else { BulkStatus::Stopped },
            lines: self.done,
            recorded: self.recorded,
            kept: self.kept,
            rejected: self.rejected,
            problem: problem.map(LineProblem::new),
        };
        let mut text = Vec::new();
        if write(&mut text, &summary).is_err() || self.spool.put(text.into()).await.is_err() {
            return;
        }
        if problem.is_some() {
            // Closed on while they send, a client might never see what it was told.
            let patience = if *self.stopping.borrow() { DRAIN_AT_STOP } else { DRAIN };
            let rest = async { while body.next().await.is_some_and(|came| came.is_ok()) {} };
            let _ = timeout(patience, rest).await;
        }
        self.spool.end(self.bounds.idle).await;
    }

    async fn work(&mut self, body: &mut Payload) -> std::result::Result<End, Gone> {
        loop {
            let mut chunk = Vec::new();
            let end = self.gather(body, &mut chunk).await;
            if let Err(problem) = self.commit(chunk).await? {
                return Ok(End::Stopped(problem));
            }
            if let Some(end) = end {
                return Ok(end);
            }
            if self.rejected >= self.bounds.rejected {
                let detail = format!(
                    "{} lines were rejected; mend them, and send the rest in another call",
                    self.rejected
                );
                return Ok(End::Stopped(Problem::new(ProblemCode::InvalidRequest, detail)));
            }
        }
    }

    /// Fills a chunk; gives an end if it is the last.
    async fn gather(&mut self, body: &mut Payload, chunk: &mut Vec<(u64, Read)>) -> Option<End> {
        let mut size = 0;
        let mut linger = None;
        if *self.stopping.borrow() {
            return Some(End::Stopped(stopping()));
        }
        loop {
            while let Some(line) = self.lines.next() {
                if self.seen == self.bounds.lines {
                    return Some(End::Stopped(too_large(format!(
                        "one call takes {} lines; send the rest in another",
                        self.bounds.lines
                    ))));
                }
                size += self.add(&line, chunk);
                if chunk.len() >= CHUNK_LINES || size >= CHUNK_BYTES {
                    return None;
                }
            }
            if linger.is_none() && !chunk.is_empty() {
                linger = Some(Instant::now() + LINGER);
            }
            match self.more(body, linger).await {
                More::Came(bytes) => self.lines.feed(bytes),
                More::Paused => return None,
                More::Stopped(problem) => return Some(End::Stopped(problem)),
                More::Ended => {
                    if let Some(line) = self.lines.last() {
                        self.add(&line, chunk);
                    }
                    return Some(End::Finished);
                }
            }
        }
    }

    /// Counts a line and adds it to a chunk unless it is empty; gives its size.
    fn add(&mut self, line: &super::lines::Line, chunk: &mut Vec<(u64, Read)>) -> usize {
        use super::lines::Line;
        self.seen += 1;
        let line = match line {
            Line::Whole(text) if text.iter().all(u8::is_ascii_whitespace) => return 0,
            // Some editors put a byte order mark before the first line.
            Line::Whole(text) if self.seen == 1 && text.starts_with(b"\xef\xbb\xbf") => {
                &Line::Whole(text[3..].to_vec())
            }
            line => line,
        };
        chunk.push((self.seen, read(line).map_err(about_line)));
        match line {
            Line::Whole(text) => text.len(),
            Line::TooLong => 0,
        }
    }

    async fn more(&mut self, body: &mut Payload, linger: Option<Instant>) -> More {
        let lingers = async {
            match linger {
                Some(until) => sleep_until(until).await,
                None => pending().await,
            }
        };
        let Lasting { idle, longest, .. } = self.bounds;
        tokio::select! {
            biased;
            _ = self.stopping.wait_for(|stopping| *stopping) => More::Stopped(stopping()),
            came = body.next() => match came {
                None => More::Ended,
                Some(Ok(bytes)) => {
                    self.bytes += bytes.len() as u64;
                    if self.bytes > self.bounds.body {
                        let most = self.bounds.body;
                        More::Stopped(too_large(format!("one call takes {most} bytes; send the rest in another")))
                    } else {
                        More::Came(bytes)
                    }
                }
                Some(Err(_)) => {
                    let detail = "the body broke off; the line that had begun was not worked on";
                    More::Stopped(Problem::new(ProblemCode::InvalidRequest, detail))
                }
            },
            () = lingers => More::Paused,
            () = sleep(idle) => {
                let detail = format!("nothing came for {} seconds", idle.as_secs());
                More::Stopped(Problem::new(ProblemCode::RequestTimeout, detail))
            }
            () = sleep_until(self.until) => {
                let detail = format!("one call goes on for {} seconds at most", longest.as_secs());
                More::Stopped(Problem::new(ProblemCode::RequestTimeout, detail))
            }
        }
    }

    /// Commits a chunk, then says what became of its lines. Where it cannot be committed nothing is said of them.
    async fn commit(
        &mut self,
        chunk: Vec<(u64, Read)>,
    ) -> std::result::Result<std::result::Result<(), Problem>, Gone> {
        let reports: Vec<_> = chunk.iter().filter_map(|(_, read)| read.as_ref().ok().cloned()).collect();
        let principal = match self.caller.still().await {
            Ok(principal) => principal,
            Err(problem) => return Ok(Err(problem)),
        };
        let results = match self.record(principal, reports).await {
            Ok(results) => results,
            Err(error) => return Ok(Err(about_line(error))),
        };
        let mut results = results.into_iter();
        let mut text = Vec::new();
        for (line, read) in chunk {
            let outcome = match read {
                Err(problem) => Err(problem),
                Ok(_) => match results.next() {
                    Some(result) => result.map_err(about_line),
                    None => Err(Problem::new(ProblemCode::Internal, "nothing is known of this line")),
                },
            };
            let result = match &outcome {
                Ok(landed) => BulkAvailabilityResult::landed(line, *landed),
                Err(problem) => BulkAvailabilityResult::rejected(line, problem),
            };
            match result.status {
                LineStatus::Recorded => self.recorded += 1,
                LineStatus::Kept => self.kept += 1,
                LineStatus::Rejected => self.rejected += 1,
            }
            if let Err(error) = write(&mut text, &result) {
                return Ok(Err(error.into()));
            }
        }
        self.done = self.seen;
        if !text.is_empty() {
            self.spool.put(text.into()).await?;
        }
        Ok(Ok(()))
    }

    /// Records reports in one transaction, and tries again while the database is busy.
    async fn record(
        &self,
        principal: Arc<Principal>,
        reports: Vec<(Subject, ClaimReport)>,
    ) -> Result<Vec<Result<Landed>>> {
        if reports.is_empty() {
            return Ok(Vec::new());
        }
        let reports = Arc::new(reports);
        let mut pause = PAUSE;
        for attempt in 0.. {
            let (reports, principal) = (reports.clone(), principal.clone());
            let done = self.app.store.write(move |tx| report_all(tx, &principal, &reports)).await;
            match done {
                Err(error) if passes(&error) && attempt < RETRIES => {
                    let mut stopping = self.stopping.clone();
                    let stopped = stopping.wait_for(|stopping| *stopping);
                    if timeout_at(Instant::now() + pause, stopped).await.is_ok() {
                        return Err(error);
                    }
                    pause *= 2;
                }
                done => return done,
            }
        }
        Err(Error::Overloaded)
    }
}

fn write<T: serde::Serialize>(text: &mut Vec<u8>, value: &T) -> Result<()> {
    serde_json::to_writer(&mut *text, value).map_err(|source| Error::internal("writing a result", source))?;
    text.push(b'\n');
    Ok(())
}

fn too_large(detail: String) -> Problem {
    Problem::new(ProblemCode::PayloadTooLarge, detail)
}

fn stopping() -> Problem {
    Problem::new(
        ProblemCode::Stopping,
        "the server is about to stop; send what stands behind the last line that was worked on once more, in a moment",
    )
}
