//! The integration tests: the real router over a real database, each on SQLite and on PostgreSQL, and the
//! real binary from outside.

#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, and shares only within itself"
)]

mod erasure;
mod feed;
mod forged;
mod process;
mod sending;
mod served;
mod smtp_sink;
mod support;
mod volume;

mod access;
mod append_only;
mod audit;
mod availability;
mod availability_bulk;
mod availability_events;
mod availability_history;
mod availability_stale;
mod bad_input;
mod calls;
mod canary;
mod cascade;
mod clients;
mod consents;
mod contact_attempts;
mod contract;
mod crisis_contacts;
mod crisis_events;
mod crisis_rota;
mod demonstration;
mod demonstration_cases;
mod disclosure_requests;
mod disclosures;
mod duplicates;
mod edge;
mod expected_wait;
mod holds;
mod hsds;
mod hsds_dirty;
mod hsds_export;
mod hsds_files;
mod imports;
mod invitations;
mod merges;
mod merges_property;
mod near_misses;
mod outcomes;
mod parity;
mod partnerships;
mod people_notices;
mod places;
mod problems;
mod program;
mod program_availability;
mod program_edge;
mod program_imports;
mod program_keys;
mod program_links;
mod program_nodes;
mod program_referrals;
mod published;
mod referral_notices;
mod referral_properties;
mod referrals;
mod reminders;
mod resources;
mod search;
mod seeking;
mod services;
mod store;
mod students;
mod tenancy;
mod text;
mod update_links;
mod vocabularies;
mod waiting;
mod worklists;
mod worklists_plans;
