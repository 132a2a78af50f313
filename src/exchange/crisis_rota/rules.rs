//! Who is told next of a report of imminent risk, and until when an answer is expected. Pure.

use jiff::{SignedDuration, Timestamp};

/// The rota is gone through so often; then the report is for the worklist alone.
const MOST_ROUNDS: i32 = 5;
/// After this time nobody is told any more: whoever has not looked by then hears of it in other ways.
const LONGEST: SignedDuration = SignedDuration::from_hours(24);

/// A place on a rota: which round, and which step of it, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) round: i32,
    pub(super) step: i32,
}

impl Position {
    /// The place behind this one on a rota of so many steps, which may have been another rota before.
    fn after(last: Option<Self>, steps: i32) -> Option<Self> {
        match last {
            None => Some(Self { round: 1, step: 1 }),
            Some(Self { round, step }) if step < steps => Some(Self { round, step: step + 1 }),
            Some(Self { round, .. }) if round < MOST_ROUNDS => Some(Self { round: round + 1, step: 1 }),
            Some(_) => None,
        }
    }
}

/// One step of a rota, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stage {
    /// Whether somebody of it can be told.
    pub(super) is_reachable: bool,
    /// So long an acknowledgement is waited for.
    pub(super) patience: SignedDuration,
}

/// What is done when a report is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The places that are gone to now: of those of whom nobody can be told, on to the first who can.
    pub(super) goes_to: Vec<Position>,
    /// When it is due again; none if nobody is told any more.
    pub(super) due_at: Option<Timestamp>,
}

/// What is done now about a report of `reported_at`, after what was done last. Where nobody of a whole round can be told,
/// the next begins after the patience of the last step.
pub(super) fn plan(last: Option<Position>, stages: &[Stage], reported_at: Timestamp, now: Timestamp) -> Plan {
    let mut plan = Plan { goes_to: Vec::new(), due_at: None };
    if now.duration_since(reported_at) >= LONGEST {
        return plan;
    }
    let steps = i32::try_from(stages.len()).unwrap_or(i32::MAX);
    let mut last = last;
    while let Some(position) = Position::after(last, steps) {
        let Some(stage) = usize::try_from(position.step - 1).ok().and_then(|step| stages.get(step)) else {
            break;
        };
        plan.goes_to.push(position);
        if stage.is_reachable || position.step == steps {
            plan.due_at = Some(now + stage.patience);
            break;
        }
        last = Some(position);
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(round: i32, step: i32) -> Position {
        Position { round, step }
    }

    #[test]
    fn it_goes_up_the_rota_past_those_who_cannot_be_told_and_round_again_a_bounded_number_of_times() {
        let now: Timestamp = "2026-11-23T14:00:00Z".parse().unwrap();
        let minutes = SignedDuration::from_mins;
        let stage = |is_reachable, patience| Stage { is_reachable, patience: minutes(patience) };
        let next = |last, stages: &[Stage]| {
            let plan = plan(last, stages, now, now);
            (plan.goes_to, plan.due_at.map(|due| due.duration_since(now).as_mins()))
        };
        let rota = [stage(true, 5), stage(false, 7), stage(true, 9)];
        assert_eq!(next(None, &rota), (vec![at(1, 1)], Some(5)));
        assert_eq!(next(Some(at(1, 1)), &rota), (vec![at(1, 2), at(1, 3)], Some(9)));
        assert_eq!(next(Some(at(1, 3)), &rota), (vec![at(2, 1)], Some(5)));
        assert_eq!(next(Some(at(5, 1)), &rota), (vec![at(5, 2), at(5, 3)], Some(9)));
        assert_eq!(next(Some(at(5, 3)), &rota), (vec![], None), "five rounds");
        // Nobody can be told: it is tried again, and not for ever.
        let nobody = [stage(false, 5), stage(false, 7)];
        assert_eq!(next(None, &nobody), (vec![at(1, 1), at(1, 2)], Some(7)));
        assert_eq!(next(Some(at(5, 2)), &nobody), (vec![], None));
        // The rota has become shorter meanwhile.
        assert_eq!(next(Some(at(1, 3)), &[stage(true, 4)]), (vec![at(2, 1)], Some(4)));
        let late = plan(None, &rota, now - SignedDuration::from_hours(24), now);
        assert_eq!(late, Plan { goes_to: vec![], due_at: None });
    }
}
