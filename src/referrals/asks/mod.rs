//! What somebody asks to be done with a referral, an offer or a place on a list.

mod create;
mod faults;
mod of_offer;
mod of_place;
mod of_referral;

pub use create::{ReferralCreate, Shortlist};
pub(super) use faults::text_fault;
pub use of_offer::OfferAct;
pub use of_place::{PlaceAct, SkipReason};
pub use of_referral::ReferralAct;

/// Offerings of one shortlist.
pub const LONGEST_SHORTLIST: usize = 50;
/// Offerings that the finder names where nobody says how many.
pub const DEFAULT_SHORTLIST: u8 = 5;
/// Offers that may wait for a reply at a time.
pub const MOST_PARALLEL: u8 = 5;
