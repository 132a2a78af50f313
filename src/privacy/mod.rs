//! What may leave, and how what must not is kept.
//!
//! What could identify a student lies sealed under that student's own key ([`vault`]); destroying the key is
//! deletion. Every read or write of student data leaves a line in the [`audit`], in the same transaction; the
//! database refuses to change one, and batches of them are chained.

pub mod audit;
mod model;
pub mod vault;

pub use model::{
    Authority, Basis, Consent, ConsentRecipient, Direction, GuardianAccess, Packet, Purpose, RecipientClass,
    Signature, SignatureMethod, SignedBy, Signer, StudentField,
};
