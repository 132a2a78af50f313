//! Sends what is due, one message after the other.

use std::time::SystemTime;

use super::store::{Mark, lease, mark};
use super::{Composed, Letter, Mailer, Message, MessageKind, MessageStatus, Unsent, rules};
use crate::availability::links::LinkSigner;
use crate::error::Result;
use crate::exchange::{crisis_rota, people_notices, referral_notices, reminders};
use crate::store::Store;

/// What sending takes.
pub struct Post<'a> {
    /// Where messages wait.
    pub store: &'a Store,
    /// The way to the mail server.
    pub mailer: &'a Mailer,
    /// Signs the links in them.
    pub signer: &'a LinkSigner,
    /// Where this deployment is reached.
    pub public_url: &'a str,
    /// The name of this node.
    pub node: &'a str,
}

/// What came of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// A server has taken it.
    Sent,
    /// It is tried again later.
    Retried,
    /// It will not be sent.
    Failed,
    /// Its time has not come.
    Postponed,
    /// There was nothing to say any more.
    Cancelled,
}

/// Takes one message that is due and sends it; none if none is.
///
/// # Errors
/// If the database fails. What was leased then waits until the lease is over.
pub fn send_next(post: &Post<'_>) -> Result<Option<Delivery>> {
    let Some(message) = post.store.write_now(|tx| lease(tx, post.node))? else { return Ok(None) };
    let now = post.store.clock().now();
    if now >= message.expires_at {
        return post.close(&message, MessageStatus::Failed, "it was not sent in time").map(Some);
    }
    let composed = post.store.write_now(|tx| match message.kind {
        MessageKind::AvailabilityReminder => reminders::compose(tx, post.signer, post.public_url, &message),
        MessageKind::ReferralNotice | MessageKind::UrgentReferralNotice => {
            referral_notices::compose(tx, post.signer, post.public_url, &message)
        }
        MessageKind::WorklistNotice => people_notices::compose(tx, post.signer, post.public_url, &message),
        MessageKind::CrisisAlert => crisis_rota::compose(tx, post.public_url, &message),
    });
    match composed {
        Ok(Composed::Letter(letter)) => post.send(&message, &letter).map(Some),
        Ok(Composed::Later(at)) => {
            post.store.write_now(|tx| mark(tx, post.node, message.id, &Mark::Later(at)))?;
            Ok(Some(Delivery::Postponed))
        }
        Ok(Composed::Nothing(why)) => post.close(&message, MessageStatus::Cancelled, why).map(Some),
        // One that cannot be written must not keep the others from being sent.
        Err(error) => {
            tracing::error!(message = %message.id, %error, "could not write a message");
            post.again(&message, "its words could not be written").map(Some)
        }
    }
}

impl Post<'_> {
    fn send(&self, message: &Message, letter: &Letter) -> Result<Delivery> {
        let now = SystemTime::from(self.store.clock().now());
        match self.mailer.send(message, letter, now) {
            Ok(()) => {
                let is_own = self.store.write_now(|tx| {
                    (letter.note)(tx)?;
                    mark(tx, self.node, message.id, &Mark::Finished(MessageStatus::Sent, "sent"))
                })?;
                if is_own {
                    tracing::info!(message = %message.id, "sent a message");
                } else {
                    tracing::warn!(message = %message.id, "sent a message whose lease was over: it may go twice");
                }
                Ok(Delivery::Sent)
            }
            Err(Unsent::Transient(why)) => self.again(message, &why),
            Err(Unsent::Permanent(why)) => self.close(message, MessageStatus::Failed, &why),
            Err(Unsent::Bounced(why)) => {
                self.store.write_now(|tx| match message.kind {
                    MessageKind::AvailabilityReminder => Ok(()),
                    MessageKind::ReferralNotice | MessageKind::UrgentReferralNotice => {
                        referral_notices::note_bounced(tx, message)
                    }
                    MessageKind::WorklistNotice | MessageKind::CrisisAlert => {
                        people_notices::note_bounced(tx, message)
                    }
                })?;
                self.close(message, MessageStatus::Failed, &why)
            }
        }
    }

    fn again(&self, message: &Message, why: &str) -> Result<Delivery> {
        let failures = message.attempts.saturating_add(1);
        let now = self.store.clock().now();
        let Some(at) = rules::next_attempt(failures, now, message.expires_at) else {
            return self.close(message, MessageStatus::Failed, why);
        };
        tracing::warn!(message = %message.id, failures, why, "could not send a message; trying again");
        self.store.write_now(|tx| mark(tx, self.node, message.id, &Mark::Again(at, why)))?;
        Ok(Delivery::Retried)
    }

    fn close(&self, message: &Message, status: MessageStatus, why: &str) -> Result<Delivery> {
        self.store.write_now(|tx| {
            mark(tx, self.node, message.id, &Mark::Finished(status, why))?;
            match (status, message.kind) {
                (MessageStatus::Failed, MessageKind::CrisisAlert) => crisis_rota::pass_by(tx, message),
                _ => Ok(()),
            }
        })?;
        match status {
            MessageStatus::Failed => {
                tracing::error!(message = %message.id, why, "a message cannot be sent");
                Ok(Delivery::Failed)
            }
            MessageStatus::Cancelled | MessageStatus::Queued | MessageStatus::Sent => Ok(Delivery::Cancelled),
        }
    }
}
