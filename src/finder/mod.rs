//! The finder: which offerings meet a need, in order, exactly, and why.
//!
//! An [`Index`] holds every offering as a few words of bits in an R-tree whose nodes carry, beside their
//! box, the union of the facets below and the best value of every input of the ranking. A [`Search`] walks
//! it best first, passes over what a required facet, the radius or the score rules out, and gives the same
//! answer as a look at every offering would (`oracle.rs` is that look; property tests compare both).
//!
//! Free text ([`Words`]) has an index of its own beside the tree (`text/`), changed in the same step: it says
//! who holds every word, and the walk passes over the others; where they are few, they are judged one by one.
//!
//! - [`Question`]: what is asked. Required criteria filter, preferred ones rank.
//! - Truth has three values: only "yes" satisfies a required criterion; what nobody said is unknown, not no
//!   ([`Index::judge`]).
//! - [`RankingProfile`]: weights of the [`Factor`]s. The score is the sum of the contributions.
//! - [`NearMisses`]: what would be found if one criterion gave way ([`Index::near_misses`]).
//! - [`SortKey`]: the total order, and the cursor.
//!
//! To add a factor: add it to [`Factor`] and [`Weights`], give a leaf's utility and a node's bound in
//! `scoring.rs` (the compiler asks for each), and its sentence in `explain.rs`.

mod answer;
mod areas;
mod eligibility;
mod envelope;
mod explain;
mod facets;
mod gives;
mod index;
mod interner;
mod leaf;
pub mod ledger;
mod near;
pub mod need;
mod page;
mod partners;
mod question;
mod ranking;
mod scoring;
mod search;
pub mod source;
mod text;
mod wait;

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod oracle_words;
#[cfg(test)]
mod outlines;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Contribution, Hit, Missed, NearMiss, NearMisses, Reason, Way};
pub use index::Index;
pub use interner::PlanInfo;
pub use leaf::{About, Entry};
pub use page::{Search, SortKey, Total};
pub use question::{
    Ask, AvailabilityAsk, CoverageAsk, Criteria, LanguageAsk, Preferred, Question, Residence, Sort, Urgency,
};
pub use ranking::{Factor, InvalidRankingProfile, RankingProfile, Weights};
pub use text::{InvalidWords, Words};
