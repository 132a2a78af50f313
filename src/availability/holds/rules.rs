//! How many openings are left, and whether one more can be promised. Pure.

use jiff::Timestamp;

use super::Placed;
use crate::availability::model::Claim;
use crate::types::AvailabilityStatus;

impl Claim {
    /// Openings that are left of those that it counts, after so many of them have been promised; none where it counts
    /// no openings.
    pub fn effective_open(&self, promised: u32) -> Option<u32> {
        let counted = self.open_slots.filter(|_| self.status == AvailabilityStatus::Capacity);
        counted.map(|open| open.saturating_sub(promised))
    }

    /// Whether openings are promised of it at `now`.
    pub fn counts(&self, now: Timestamp) -> bool {
        self.is_live(now) && self.effective_open(0).is_some()
    }
}

/// What becomes of one more hold at `now`, where `promised` of the pool's newest claim are promised.
pub(super) fn placed(newest: &Claim, promised: u32, now: Timestamp) -> Placed {
    match newest.effective_open(promised).filter(|_| newest.counts(now)) {
        None => Placed::Uncounted,
        Some(0) => Placed::Full,
        Some(_) => Placed::Held,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::availability::ClaimMethod;
    use crate::types::{CapacityPoolId, ClaimId};

    const LIFE: i64 = 20;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn claim(status: AvailabilityStatus, open_slots: Option<u32>, at: i64) -> Claim {
        Claim {
            id: ClaimId::new(),
            capacity_pool_id: CapacityPoolId::new(),
            status,
            open_slots,
            waiting: None,
            starts_last_28_days: None,
            next_available_date: None,
            notes: None,
            reported_at: second(at),
            reported_by: "intake".to_owned(),
            method: ClaimMethod::Agency,
            valid_until: second(at + LIFE),
        }
    }

    #[derive(Clone, Debug)]
    enum Event {
        Claim(AvailabilityStatus, Option<u32>),
        Place,
        Release(usize),
    }

    fn events() -> impl Strategy<Value = Event> {
        let status = prop::sample::select(AvailabilityStatus::ALL.to_vec());
        let status = prop_oneof![3 => Just(AvailabilityStatus::Capacity), 1 => status];
        prop_oneof![
            1 => (status, prop::option::weighted(0.8, 0..5_u32)).prop_map(|(status, open)| Event::Claim(status, open)),
            6 => Just(Event::Place),
            2 => any::<usize>().prop_map(Event::Release),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_happens_no_more_are_promised_than_are_open_and_none_is_refused_while_one_is_left(
            events in prop::collection::vec((events(), 0..4_i64), 0..100),
        ) {
            let mut now = 0;
            let mut newest = claim(AvailabilityStatus::Capacity, Some(3), now);
            let mut promised = 0_u32;
            for (event, passed) in events {
                now += passed;
                match event {
                    Event::Claim(status, open) => {
                        newest = claim(status, open, now);
                        promised = 0;
                    }
                    Event::Release(some) => promised -= u32::from(some % 2 == 0).min(promised),
                    Event::Place => {
                        let is_live = newest.valid_until > second(now);
                        let counted = (newest.status == AvailabilityStatus::Capacity && is_live)
                            .then_some(newest.open_slots)
                            .flatten();
                        let expected = match counted {
                            None => Placed::Uncounted,
                            Some(open) if promised < open => Placed::Held,
                            Some(_) => Placed::Full,
                        };
                        prop_assert_eq!(placed(&newest, promised, second(now)), expected);
                        promised += u32::from(expected == Placed::Held);
                    }
                }
                if let Some(left) = newest.effective_open(promised) {
                    prop_assert_eq!(left + promised, newest.open_slots.unwrap());
                }
            }
        }

        #[test]
        fn what_is_left_is_never_below_none(open in any::<u32>(), promised in any::<u32>()) {
            let left = claim(AvailabilityStatus::Capacity, Some(open), 0).effective_open(promised).unwrap();
            prop_assert_eq!(i64::from(left), (i64::from(open) - i64::from(promised)).max(0));
        }
    }
}
