//! Messages to people outside, through a transactional outbox: a message is written in the transaction of what causes
//! it, and sent later by whichever node leases it. Nothing of its words is kept: they are made when it is sent, so
//! that they say what is so then, and links in them lie nowhere in the open.
//!
//! Each message is sent once. If a node dies between sending and noting it, the next one sends it again: with the same
//! `Message-ID`, by which mail programs know it as the same.

mod delivery;
mod rules;
mod smtp;
mod store;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

pub use delivery::{Delivery, Post, send_next};
pub use smtp::{Mailer, Unsent};
pub use store::{Last, addressee, enqueue, last_of, lease, purge};

use crate::error::Result;
use crate::store::Tx;
use crate::types::{MessageId, ReaderLanguage, UnknownCode, codes};

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

codes! {
    /// What a message is about, and so who writes its words.
    MessageKind, "kind of message" {
        /// What an agency said of its openings lapses.
        AvailabilityReminder = "availability_reminder",
        /// Offers wait for a reply.
        ReferralNotice = "referral_notice",
        /// One of them is urgent.
        UrgentReferralNotice = "urgent_referral_notice",
        /// Something waits for a person of a district.
        WorklistNotice = "worklist_notice",
        /// Somebody says that there is imminent risk. It goes before every other message.
        CrisisAlert = "crisis_alert",
    }

    /// How far a message has come.
    MessageStatus, "status of a message" {
        /// It waits for its next attempt.
        Queued = "queued",
        /// A server has taken it.
        Sent = "sent",
        /// It cannot be sent, or was not in time.
        Failed = "failed",
        /// There was nothing to say any more.
        Cancelled = "cancelled",
    }
}

/// A message that is to be sent.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// What it is about.
    pub kind: MessageKind,
    /// Of what it speaks: a reminder, of an organization; a notice of offers, of whoever has the address; one of what
    /// waits, of a membership; an alert, of a crisis event.
    pub subject: Uuid,
    /// To which address.
    pub recipient: String,
    /// In which language.
    pub language: ReaderLanguage,
    /// No second message has the same.
    pub dedup_key: String,
    /// From when on it is not worth sending.
    pub expires_at: Timestamp,
}

/// A message that waits.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its id, and the local part of its `Message-ID`.
    pub id: MessageId,
    /// What it is about.
    pub kind: MessageKind,
    /// Of what it speaks.
    pub subject: Uuid,
    /// To which address.
    pub recipient: String,
    /// In which language, as it was when it was made.
    pub language: ReaderLanguage,
    /// Attempts that failed.
    pub attempts: u32,
    /// From when on it is not worth sending.
    pub expires_at: Timestamp,
}

/// What a message comes to when it is to be sent.
pub enum Composed {
    /// These words.
    Letter(Letter),
    /// Nothing yet; again at this time.
    Later(Timestamp),
    /// Nothing any more, and why.
    Nothing(&'static str),
}

/// Writes down what a message that was sent means.
pub type Note = dyn Fn(&mut Tx<'_>) -> Result<()>;

/// The words of a message.
pub struct Letter {
    /// The subject line.
    pub subject: String,
    /// The text.
    pub text: String,
    /// Where whoever gets it can say that they want no more; none where it is not theirs to say.
    pub stop_url: Option<String>,
    /// What is to be noted in the transaction that marks it as sent.
    pub note: Box<Note>,
}

/// Finished messages are kept this long.
pub const KEPT_FOR: SignedDuration = SignedDuration::from_hours(180 * 24);
