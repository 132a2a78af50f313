//! Keeps the finder in step: follows the feed when a bell was heard, and from time to time whether or not.

use std::time::{Duration, Instant};

use crate::app::{App, POLL_EVERY};
use crate::store::Bell;

/// How often the bell is listened to, and at most rung.
const TURN: Duration = Duration::from_millis(5);
/// How long a bell that was lost is left alone.
const REOPEN_AFTER: Duration = Duration::from_secs(1);

pub(super) struct Waker {
    bell: Option<Bell>,
    opened: Option<Instant>,
    followed: Option<Instant>,
    /// Whether there is more to follow, or it failed and is to be tried again at the next turn of the clock.
    more: bool,
}

impl Waker {
    pub(super) fn new() -> Self {
        Self { bell: None, opened: None, followed: None, more: false }
    }

    /// Rings if there is something to tell, and follows the feed if there may be something to hear.
    pub(super) fn turn(&mut self, app: &App) {
        if !self.more {
            std::thread::sleep(TURN);
        }
        let is_due = |since: Option<Instant>, pause| since.is_none_or(|since| since.elapsed() >= pause);
        if self.bell.is_none() && is_due(self.opened, REOPEN_AFTER) {
            self.opened = Some(Instant::now());
            // What others told meanwhile went unheard.
            self.more = true;
            self.bell = app.store.bell().unwrap_or_else(|error| {
                tracing::warn!(%error, "no process can wake another; the feed is asked every now and then");
                None
            });
        }
        let heard = self.ring_and_listen(app);
        if self.more || heard || is_due(self.followed, POLL_EVERY) {
            self.followed = Some(Instant::now());
            self.more = match app.follow() {
                Ok(followed) => followed.more,
                Err(error) => {
                    tracing::error!(%error, "could not follow the change feed; trying again");
                    false
                }
            };
        }
    }

    fn ring_and_listen(&mut self, app: &App) -> bool {
        let has_news = app.has_news();
        let Some(bell) = &mut self.bell else { return false };
        let rung = if has_news { bell.ring() } else { Ok(()) };
        match rung.and_then(|()| bell.heard()) {
            Ok(heard) => heard,
            Err(error) => {
                tracing::warn!(%error, "the connection by which processes wake each other is lost");
                self.bell = None;
                false
            }
        }
    }
}
