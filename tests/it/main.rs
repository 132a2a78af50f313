//! The integration tests: the real router over a real database, each on SQLite and on PostgreSQL, and the
//! real binary from outside.

#![allow(unreachable_pub, reason = "what a test binary shares, it shares within itself")]

mod support;

mod availability;
mod resources;
mod search;
