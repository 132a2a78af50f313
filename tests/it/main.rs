//! The integration tests: the real router over a real database, each on SQLite and on PostgreSQL, and the
//! real binary from outside.

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, and shares only within itself"
)]

mod process;
mod support;
mod volume;

mod availability;
mod bad_input;
mod contract;
mod demonstration;
mod edge;
mod imports;
mod near_misses;
mod parity;
mod problems;
mod program;
mod program_edge;
mod program_imports;
mod published;
mod resources;
mod search;
mod store;
