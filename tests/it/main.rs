//! The integration tests: the real router over a real database, each on SQLite and on PostgreSQL, and the
//! real binary from outside.

mod support;

mod availability;
mod resources;
mod search;
