//! One list, event by event.

use std::f64::consts::TAU;

use super::super::{Arrivals, Line, WINDOW_DAYS};

/// Who has not started by then is taken to wait longer than any interval says.
const HORIZON: f64 = 20_000.0;
/// Nor has who has so many before them: no list here that ends is that long.
const ENDLESS: u32 = 500;
/// Classes, the one that goes first first.
pub(super) const CLASSES: usize = 3;

/// SplitMix64: few lines, quick without optimization, the same everywhere.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// In (0, 1).
    pub(super) fn share(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// The time until the next of a Poisson stream.
    pub(super) fn until(&mut self, rate: f64) -> f64 {
        if rate > 0.0 { -self.share().ln() / rate } else { f64::INFINITY }
    }

    /// The next instant after `time` of a Poisson stream of a rate that changes and is never more than `most`.
    fn next_of(&mut self, mut time: f64, most: f64, rate: impl Fn(f64) -> f64) -> f64 {
        while time < HORIZON {
            time += self.until(most);
            if self.share() * most < rate(time) {
                return time;
            }
        }
        f64::INFINITY
    }
}

/// How others join the list.
#[derive(Clone, Copy)]
pub(super) enum Joining {
    /// Poisson, before the claim and after.
    Steadily,
    /// So many at once.
    Together(u32),
    /// Up and down by as much as its mean, once a year.
    BySeason,
}

/// How places come free. All at the same mean rate.
#[derive(Clone, Copy)]
pub(super) enum Starting {
    /// Poisson.
    AtRandom,
    /// Poisson; where nobody waits the place stays open, and is counted by nobody.
    OnDemand,
    /// One clock.
    Evenly,
    /// So many at once, evenly: groups.
    InGroups(u32),
    /// So many clinicians, whose courses last from half to one and a half times their mean.
    ByCourses(u32),
    /// Poisson, and none for ten weeks of the year.
    WithSummerBreak,
    /// Poisson, at half the rate from the claim on: somebody leaves.
    ThenHalved,
}

/// What the claim counts of those who joined.
#[derive(Clone, Copy)]
pub(super) enum Counted {
    Nobody,
    Overtaking,
    Everybody,
}

#[derive(Clone)]
pub(super) struct Pattern {
    pub(super) name: &'static str,
    /// Starts expected in 28 days; none: any, spread evenly over the orders of magnitude from 0.5 to 40.
    pub(super) starts: Option<f64>,
    /// About so many wait when somebody joins.
    pub(super) waiting: f64,
    /// Those who join in each class, as a share of starts.
    pub(super) load: [f64; CLASSES],
    /// The class of who joins.
    pub(super) class: usize,
    pub(super) joining: Joining,
    pub(super) starting: Starting,
    pub(super) counted: Counted,
    /// One who waits leaves at this daily rate.
    pub(super) leaving: f64,
}

/// One list in the making.
pub(super) struct Play<'a> {
    pub(super) pattern: &'a Pattern,
    pub(super) dice: Dice,
    /// Starts a day.
    pub(super) rate: f64,
    /// Where in a turn, and in the year, it begins.
    pub(super) phase: f64,
    pub(super) season: f64,
    /// When the course of each clinician ends.
    pub(super) courses: Vec<f64>,
}

impl Play<'_> {
    fn next_joining(&mut self, class: usize, now: f64) -> f64 {
        let rate = self.pattern.load[class] * self.rate;
        match self.pattern.joining {
            Joining::Steadily => now + self.dice.until(rate),
            Joining::Together(size) => now + self.dice.until(rate / f64::from(size)),
            Joining::BySeason => {
                let season = self.season;
                self.dice
                    .next_of(now, 2.0 * rate, |time| rate * (1.0 + (TAU * (time + season) / 365.0).sin()))
            }
        }
    }

    fn next_start(&mut self, now: f64) -> f64 {
        let rate = self.rate;
        let turn = |step: f64, phase: f64| {
            let next = ((now / step - phase).floor() + 1.0 + phase) * step;
            // The last bits may say that it is now.
            if next > now + step * 1e-9 { next } else { next + step }
        };
        match self.pattern.starting {
            Starting::AtRandom | Starting::OnDemand => now + self.dice.until(rate),
            Starting::Evenly => turn(1.0 / rate, self.phase),
            Starting::InGroups(size) => turn(f64::from(size) / rate, self.phase),
            Starting::ByCourses(clinicians) => {
                let mean = f64::from(clinicians) / rate;
                if self.courses.is_empty() {
                    self.courses = (0..clinicians).map(|_| now + self.dice.share() * mean).collect();
                }
                let next = self.courses.iter().copied().fold(f64::INFINITY, f64::min);
                let course = mean * (0.5 + self.dice.share());
                self.courses.iter_mut().filter(|end| **end == next).for_each(|end| *end += course);
                next
            }
            Starting::WithSummerBreak => {
                let season = self.season;
                let is_break = |time: f64| (170.0..240.0).contains(&(time + season).rem_euclid(365.0));
                self.dice.next_of(now, rate, |time| if is_break(time) { 0.0 } else { rate })
            }
            Starting::ThenHalved => {
                self.dice.next_of(now, rate, |time| if time > 0.0 { rate / 2.0 } else { rate })
            }
        }
    }

    /// The window before the claim, then the claim at time zero, and how long who joins then waits, where `is_told`
    /// says that the claim tells it.
    pub(super) fn run(mut self, mut is_told: impl FnMut(Line) -> bool) -> (Line, f64) {
        let Pattern { waiting, load, class, joining, starting, counted, leaving, .. } = *self.pattern;
        let joining_at_once = if let Joining::Together(size) = joining { size } else { 1 };
        let starting_at_once = if let Starting::InGroups(size) = starting { size } else { 1 };
        let mut list = [0; CLASSES];
        // So that about as many wait at the claim as the pattern says.
        let drift = (1.0 - load[..=class].iter().sum::<f64>()) * self.rate * WINDOW_DAYS;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some hundred at most")]
        let begins_with = (waiting + drift.max(0.0) + self.dice.share()) as u32;
        list[class] = begins_with;
        let mut now = -WINDOW_DAYS;
        let mut joins: [f64; CLASSES] = std::array::from_fn(|class| self.next_joining(class, now));
        let mut start = self.next_start(now);
        let (mut starts, mut joined, mut overtaking) = (0, 0, 0);
        let ahead = |list: &[u32; CLASSES]| list[..=class].iter().sum::<u32>();
        let mut line = None;
        loop {
            let first = (0..CLASSES).min_by(|a, b| joins[*a].total_cmp(&joins[*b])).unwrap_or(0);
            let left = now + self.dice.until(leaving * f64::from(ahead(&list)));
            let next = joins[first].min(start).min(left);
            if line.is_none() && next > 0.0 {
                let arrivals = match counted {
                    Counted::Nobody => None,
                    Counted::Overtaking => {
                        Some(Arrivals { joined: overtaking, overtaking: Some(overtaking) })
                    }
                    Counted::Everybody => {
                        Some(Arrivals { joined, overtaking: (class > 0).then_some(overtaking) })
                    }
                };
                let seen = Line { ahead: ahead(&list), starts, arrivals };
                if !is_told(seen) {
                    return (seen, f64::INFINITY);
                }
                line = Some(seen);
            }
            now = next;
            if let Some(line) = line.filter(|_| now > HORIZON || ahead(&list) > ENDLESS) {
                return (line, f64::INFINITY);
            }
            if joins[first] == next {
                // Later ones of the same class stay behind.
                if line.is_none() || first < class {
                    list[first] += joining_at_once;
                }
                joined += joining_at_once;
                overtaking += if first < class { joining_at_once } else { 0 };
                joins[first] = self.next_joining(first, now);
            } else if start == next {
                if let Some(line) = line.filter(|_| ahead(&list) < starting_at_once) {
                    return (line, now);
                }
                for _ in 0..starting_at_once {
                    let somebody = list.iter_mut().find(|waiting| **waiting > 0);
                    let is_counted = somebody.is_some() || !matches!(starting, Starting::OnDemand);
                    starts += u32::from(is_counted);
                    if let Some(waiting) = somebody {
                        *waiting -= 1;
                    }
                }
                start = self.next_start(now);
            } else if let Some(waiting) = list[..=class].iter_mut().rev().find(|waiting| **waiting > 0) {
                *waiting -= 1;
            }
        }
    }
}
