//! HSDS, the Human Services Data Specification: read in versions 1.1 to 3, written in version 3.
//!
//! What it has and Causeway has no field for is kept: the source's own documents stand beside the facts that were
//! read from them, and an export writes into a kept document only what differs from what it said.
//! `docs/hsds-profile.md` tells what maps to what.

mod export;
mod facts;
mod fields;
mod files;
mod kinds;
mod languages;
mod nest;
mod normalize;
mod numbers;
mod offering;
mod overlay;
mod package;
mod profile;
mod schedules;
mod shape;
mod states;
mod store;
mod tables;
mod world;

pub use export::{Exported, export};
pub use kinds::Kind;
pub use numbers::numbers;
pub use package::Package;
pub use states::{Known, reading};
pub use store::KeptDocument;
pub(in crate::exchange) use store::{keep, kept};
