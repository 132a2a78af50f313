//! When whoever is asked may be written to. Pure.

use jiff::{SignedDuration, Timestamp};

use crate::exchange::outbox::{Last, MessageStatus};

/// What comes within this time of a message waits for the next one, unless it is urgent: whoever replies within two
/// business days needs no mail for each.
const TOGETHER: SignedDuration = SignedDuration::from_hours(4);
/// After an urgent message that could not be sent, the next.
const URGENT_AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// Whether an address may get another message, after the last `ordinary` and the last `urgent` ones to it. What is urgent
/// waits for no ordinary message.
pub(in crate::exchange) fn may_be_told(
    ordinary: &[Last],
    urgent: &[Last],
    is_urgent: bool,
    now: Timestamp,
) -> bool {
    let permits = |last: &Last, if_sent: SignedDuration, if_failed: SignedDuration| {
        let since = now.duration_since(last.at);
        match last.status {
            MessageStatus::Queued => false,
            MessageStatus::Cancelled => true,
            MessageStatus::Sent => since >= if_sent,
            MessageStatus::Failed => since >= if_failed,
        }
    };
    if is_urgent {
        urgent.iter().all(|last| permits(last, SignedDuration::ZERO, URGENT_AGAIN))
    } else {
        ordinary.iter().chain(urgent).all(|last| permits(last, TOGETHER, TOGETHER))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::MessageId;

    #[test]
    fn messages_keep_apart_and_what_is_urgent_waits_for_no_ordinary_one() {
        let at: Timestamp = "2026-11-23T14:00:00Z".parse().unwrap();
        let last = |status| vec![Last { id: MessageId::new(), status, at }];
        let (queued, sent) = (last(MessageStatus::Queued), last(MessageStatus::Sent));
        let (failed, cancelled) = (last(MessageStatus::Failed), last(MessageStatus::Cancelled));
        let told = |ordinary: &[Last], urgent: &[Last], is_urgent, minutes| {
            may_be_told(ordinary, urgent, is_urgent, at + SignedDuration::from_mins(minutes))
        };
        assert!(told(&[], &[], false, 0) && told(&[], &[], true, 0));
        for before in [&sent, &failed] {
            assert!(!told(before, &[], false, 239) && told(before, &[], false, 240));
            assert!(!told(&[], before, false, 239) && told(&[], before, false, 240));
            assert!(told(before, &[], true, 0));
        }
        assert!(told(&cancelled, &cancelled, false, 0));
        assert!(!told(&queued, &[], false, 500) && told(&queued, &[], true, 0));
        assert!(!told(&[], &queued, true, 500) && !told(&[], &queued, false, 500));
        assert!(told(&[], &sent, true, 0));
        assert!(!told(&[], &failed, true, 59) && told(&[], &failed, true, 60));
    }
}
