//! Causeway: service finder and referral router for school–community partnerships.
//!
//! The map of the house. A module uses only those above it in this list; `tests/architecture.rs` holds it to that.
//!
//! | # | module | what lives there |
//! | --- | --- | --- |
//! | 1 | [`types`] | identifiers, coordinates, outlines, codes, languages, ages, vocabularies, the clock; no I/O |
//! | 1 | [`config`] | settings, parsed once into types |
//! | 2 | [`error`] | the one error of everything below `http` |
//! | 3 | [`store`] | SQLite and PostgreSQL: connections, transactions, migrations, change feed, idempotency |
//! | 4 | [`access`] | who may do what: clients, memberships, roles, tokens and the keys that sign them |
//! | 5 | [`privacy`] | what may leave and what must not: keys and what they seal, consents, disclosures, the audit |
//! | 6 | [`directory`] | organizations, services, locations, offerings, pools, plans, districts, schools, partnerships, towns, assertions |
//! | 7 | [`students`] | students, their guardians and what both need, sealed |
//! | 8 | [`availability`] | dated claims of capacity |
//! | 9 | [`finder`] | the R-tree: eligibility, ranking, explanation, near misses and their ledger |
//! | 10 | [`referrals`] | the state machines, offers and their reply clocks, places on lists |
//! | 11 | [`exchange`] | imports and export: federal directory, HSDS, schools, postal codes, towns, the demonstration; messages through the outbox, and whom a crisis reaches |
//! | 13 | [`http`] | handlers, problems, extractors, the edge, the OpenAPI document |
//! | 15 | [`cli`] | the command line |
//!
//! [`app`] is the composition root: it wires the change feed to the finder. The numbers leave room for what
//! comes later (`reports`, `console`).
#![deny(missing_docs)]

pub mod access;
pub mod app;
pub mod availability;
pub mod cli;
pub mod config;
pub mod directory;
pub mod error;
pub mod exchange;
pub mod finder;
pub mod http;
pub mod privacy;
pub mod referrals;
pub mod store;
pub mod students;
pub mod types;
