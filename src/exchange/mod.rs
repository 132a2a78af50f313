//! Files of others, read into facts; and what stands here, written for others: as files, and as messages.
//!
//! A reader here is pure: it takes a file and says what each row states, which rows it refuses and why, and
//! what it met on the way. It knows no database, so a file is read and judged as a whole before anything is
//! written. Ids are derived from the source's own keys, so that reading the file again names the same things.
//!
//! Whole-file problems are a [`ReadError`]; a bad row is a [`Reject`] and never spoils the others; whatever is
//! left out or not understood without making a row wrong is counted in [`Reading::notes`]. No input panics, and
//! size, rows and unpacked bytes are bounded ([`MAX_FILE_BYTES`], [`MAX_UNPACKED_BYTES`], [`MAX_ROWS`]).

pub mod crisis_rota;
pub mod demonstration;
pub mod federal;
pub mod hsds;
pub mod importer;
pub mod outbox;
pub mod people_notices;
pub mod postal_codes;
mod reading;
pub mod referral_notices;
pub mod reminders;
pub mod schools;
mod table;
pub mod towns;

pub use reading::{MAX_FILE_BYTES, MAX_ROWS, MAX_UNPACKED_BYTES, ReadError, Reading, Reject, Row, Statement};

#[cfg(test)]
mod shared_data;
