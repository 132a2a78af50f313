//! The integration tests: the real router over a real database, each on SQLite and on PostgreSQL, and the
//! real binary from outside.

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, and shares only within itself"
)]

mod forged;
mod process;
mod support;
mod volume;

mod access;
mod availability;
mod bad_input;
mod canary;
mod clients;
mod consents;
mod contract;
mod crisis_contacts;
mod demonstration;
mod demonstration_cases;
mod disclosures;
mod duplicates;
mod hsds;
mod hsds_dirty;
mod hsds_export;
mod hsds_files;
mod imports;
mod invitations;
mod merges;
mod merges_property;
mod near_misses;
mod parity;
mod partnerships;
mod places;
mod problems;
mod program;
mod program_imports;
mod published;
mod resources;
mod search;
mod services;
mod store;
mod students;
mod tenancy;
mod text;
mod vocabularies;
