//! What was answered and not taken yet: some of it in memory, the rest in a temporary file. Whoever writes everything
//! before they read finds it there, and does not hold up what is written.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::web::{Bytes, BytesMut};
use tokio::sync::Notify;

/// Bytes that wait in memory.
const IN_MEMORY: usize = 256 * 1024;
/// Bytes that are taken at once.
const PIECE: usize = 64 * 1024;

/// Nobody takes what is put in any more, or it cannot be kept.
#[derive(Debug)]
pub(super) struct Gone;

/// The end at which it is put in.
pub(super) struct Spool(Arc<Shared>);

/// The end at which it is taken out.
pub(super) struct Taker(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Something was put in, or nothing more will be.
    put: Notify,
    /// Something was taken out, or nothing more will be.
    taken: Notify,
}

#[derive(Default)]
struct State {
    /// What came before everything in the file.
    memory: VecDeque<Bytes>,
    held: usize,
    file: Option<Arc<File>>,
    /// Where the file ends, and how far it was taken.
    written: u64,
    read: u64,
    ended: bool,
    gone: bool,
}

/// A new spool.
pub(super) fn spool() -> (Spool, Taker) {
    let shared = Arc::<Shared>::default();
    (Spool(shared.clone()), Taker(shared))
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_up(&self) {
        let mut state = self.state();
        *state = State { gone: true, ..State::default() };
        drop(state);
        self.put.notify_one();
        self.taken.notify_one();
    }
}

/// Does what may wait for a disk.
async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|stopped| Err(io::Error::other(stopped)))
}

impl Spool {
    /// Puts bytes in.
    ///
    /// # Errors
    /// If nobody takes them any more, or the disk does not.
    pub(super) async fn put(&self, bytes: Bytes) -> Result<(), Gone> {
        let (file, at) = {
            let mut state = self.0.state();
            if state.gone {
                return Err(Gone);
            }
            if state.read == state.written {
                // Everything in the file was taken: it begins anew.
                (state.read, state.written) = (0, 0);
                if state.held + bytes.len() <= IN_MEMORY {
                    state.held += bytes.len();
                    state.memory.push_back(bytes);
                    drop(state);
                    self.0.put.notify_one();
                    return Ok(());
                }
            }
            (state.file.clone(), state.written)
        };
        let length = bytes.len() as u64;
        let kept = on_disk(move || {
            // It has no name: whatever happens, it is gone with the process.
            let file = file.map_or_else(|| tempfile::tempfile().map(Arc::new), Ok)?;
            file.write_all_at(&bytes, at)?;
            Ok(file)
        });
        match kept.await {
            Ok(file) => {
                let mut state = self.0.state();
                if state.gone {
                    return Err(Gone);
                }
                state.file = Some(file);
                state.written += length;
                drop(state);
                self.0.put.notify_one();
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "could not keep results in a temporary file");
                self.0.give_up();
                Err(Gone)
            }
        }
    }

    /// Says that nothing more comes, and waits until all was taken; if nothing is within `patience`, it is thrown away.
    pub(super) async fn end(self, patience: Duration) {
        self.0.state().ended = true;
        self.0.put.notify_one();
        loop {
            let is_empty = {
                let state = self.0.state();
                state.gone || (state.memory.is_empty() && state.read == state.written)
            };
            if is_empty {
                return;
            }
            if tokio::time::timeout(patience, self.0.taken.notified()).await.is_err() {
                tracing::info!("nobody took the results of a bulk report; they are thrown away");
                self.0.give_up();
                return;
            }
        }
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        // Whoever still takes must not wait for ever, should the end not have been said.
        let mut state = self.0.state();
        if !state.ended {
            state.gone = true;
        }
        drop(state);
        self.0.put.notify_one();
    }
}

/// What there is to take.
enum Next {
    /// This.
    Piece(Bytes),
    /// So many bytes of the file from there on.
    InFile(Arc<File>, u64, usize),
    /// Nothing yet.
    Nothing,
    /// Nothing any more.
    End,
    /// What there was is lost.
    Lost,
}

impl State {
    fn next(&mut self) -> Next {
        if self.gone {
            return Next::Lost;
        }
        if !self.memory.is_empty() {
            let mut piece = BytesMut::new();
            while piece.len() < PIECE
                && let Some(next) = self.memory.pop_front()
            {
                self.held -= next.len();
                piece.extend_from_slice(&next);
            }
            return Next::Piece(piece.freeze());
        }
        match &self.file {
            Some(file) if self.read < self.written => {
                let length = (self.written - self.read).min(PIECE as u64);
                Next::InFile(file.clone(), self.read, usize::try_from(length).unwrap_or(PIECE))
            }
            _ if self.ended => Next::End,
            _ => Next::Nothing,
        }
    }
}

impl Taker {
    /// Takes the next bytes out; none at the end.
    ///
    /// # Errors
    /// If what was put in is lost.
    pub(super) async fn take(&self) -> io::Result<Option<Bytes>> {
        loop {
            let next = self.0.state().next();
            match next {
                Next::Lost => return Err(io::Error::other("the results are lost")),
                Next::End => return Ok(None),
                Next::Nothing => self.0.put.notified().await,
                Next::Piece(piece) => {
                    self.0.taken.notify_one();
                    return Ok(Some(piece));
                }
                Next::InFile(file, at, length) => {
                    let read = move || {
                        let mut piece = vec![0; length];
                        file.read_exact_at(&mut piece, at)?;
                        Ok(piece)
                    };
                    let piece = on_disk(read).await?;
                    self.0.state().read += length as u64;
                    self.0.taken.notify_one();
                    return Ok(Some(piece.into()));
                }
            }
        }
    }
}

impl Drop for Taker {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<T>(test: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(test)
    }

    /// Line `number`, of some length.
    fn line(number: usize) -> Bytes {
        Bytes::from(format!("{number} {}\n", "x".repeat(number % 5_000)))
    }

    #[test]
    fn everything_comes_out_as_it_went_in_also_from_the_file() {
        run(async {
            let (spool, taker) = spool();
            for number in 0..2_000 {
                spool.put(line(number)).await.unwrap();
            }
            {
                let state = spool.0.state();
                assert!(state.held <= IN_MEMORY && state.written > 1 << 20);
            }
            let mut taken = Vec::new();
            while taken.len() < 1 << 20 {
                taken.extend(taker.take().await.unwrap().unwrap());
            }
            // Put in while it is taken out, and again after the file was empty.
            for number in 2_000..2_100 {
                spool.put(line(number)).await.unwrap();
            }
            let in_file = || {
                let state = spool.0.state();
                state.read < state.written
            };
            while in_file() {
                taken.extend(taker.take().await.unwrap().unwrap());
            }
            for number in 2_100..2_300 {
                spool.put(line(number)).await.unwrap();
            }
            let rest = async {
                let mut rest = Vec::new();
                while let Some(piece) = taker.take().await.unwrap() {
                    rest.extend(piece);
                }
                rest
            };
            let (rest, ()) = tokio::join!(rest, spool.end(Duration::from_mins(1)));
            taken.extend(rest);
            let expected: Vec<u8> = (0..2_300).flat_map(line).collect();
            assert!(taken == expected, "{} of {}", taken.len(), expected.len());
        });
    }

    #[test]
    fn who_takes_waits_for_what_comes() {
        run(async {
            let (spool, taker) = spool();
            let put = async {
                tokio::task::yield_now().await;
                spool.put(line(1)).await.unwrap();
                spool.end(Duration::from_mins(1)).await;
            };
            let take = async { (taker.take().await.unwrap(), taker.take().await.unwrap()) };
            assert_eq!(tokio::join!(take, put).0, (Some(line(1)), None));
        });
    }

    #[test]
    fn nothing_is_kept_for_one_who_is_gone_or_does_not_take() {
        run(async {
            let (spool_of_one, taker) = spool();
            drop(taker);
            assert!(spool_of_one.put(line(1)).await.is_err());

            let (spool_of_two, taker) = spool();
            for number in 0..2_000 {
                spool_of_two.put(line(number)).await.unwrap();
            }
            let shared = spool_of_two.0.clone();
            spool_of_two.end(Duration::from_millis(20)).await;
            {
                let state = shared.state();
                assert!(state.file.is_none() && state.memory.is_empty());
            }
            assert!(taker.take().await.is_err(), "an answer that is not whole does not end as if it were");

            let (spool_of_three, taker) = spool();
            drop(spool_of_three);
            assert!(taker.take().await.is_err());
        });
    }
}
