//! The integration tests: the real router over a real database, each on SQLite and on PostgreSQL, and the
//! real binary from outside.

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, and shares only within itself"
)]

mod support;

mod availability;
mod contract;
mod parity;
mod problems;
mod resources;
mod search;
mod store;
