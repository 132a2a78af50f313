//! What may be told of a student, to whom and on what basis; and how what must not leave is kept.
//!
//! [`decide()`] is the one place that says whether something may leave. It is pure: what is asked, what stands on
//! file and the day are passed in, and the same answer comes out. [`signers`] says who must sign a consent, by a
//! table per jurisdiction with its citations; [`limited`] makes the profile that a provider sees before it has
//! accepted, and has no room for a fact that could harm the child. The choices behind them, and what a
//! deployment's counsel decides, are in `docs/decisions/0019-disclosure.md`.
//!
//! What could identify a student lies sealed under that student's own key ([`vault`]); destroying the key is
//! deletion. Every read or write of student data leaves a line in the [`audit`], in the same transaction; the
//! database refuses to change one, and batches of them are chained.

pub mod audit;
pub mod consents;
mod decide;
pub mod disclosures;
pub mod limited;
mod model;
mod refusals;
mod release;
pub mod signers;
#[cfg(test)]
mod tests;
pub mod vault;
mod words;

pub use decide::{decide, family_access, may_ask};
pub use model::{Consent, ConsentRecipient, Signature, SignedBy};
pub use refusals::{Reason, Refusal};
pub use release::{Decision, Named, Notice, Party, Release, Standing};
pub use words::{
    Authority, Basis, Direction, GuardianAccess, Packet, Purpose, RecipientClass, SignatureMethod, Signer,
    StudentField,
};
