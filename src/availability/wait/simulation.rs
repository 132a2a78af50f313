//! Waiting lists played through, day by day: what a claim would have said of them, what the model makes of it,
//! and how long somebody who joined then really waited.
//!
//! `cargo test --lib availability::wait::simulation -- --nocapture` prints the table of
//! `docs/decisions/0024-expected-wait.md`.

use std::f64::consts::TAU;
use std::fmt;

use super::{Arrivals, Estimate, Estimates, Line, Quantiles, WINDOW_DAYS};
use crate::availability::Times;

/// As many somebodies join in each pattern.
const RUNS: u32 = 4000;
/// Who has not started by then is taken to wait longer than any interval says.
const HORIZON: f64 = 20_000.0;
/// Nor has who has so many before them: no list here that ends is that long.
const ENDLESS: u32 = 500;
/// Classes, the one that goes first first.
const CLASSES: usize = 3;

/// SplitMix64: few lines, quick without optimization, the same everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// In (0, 1).
    fn share(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// The time until the next of a Poisson stream.
    fn until(&mut self, rate: f64) -> f64 {
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
enum Joining {
    /// Poisson, before the claim and after.
    Steadily,
    /// So many at once.
    Together(u32),
    /// Up and down by as much as its mean, once a year.
    BySeason,
}

/// How places come free. All at the same mean rate.
#[derive(Clone, Copy)]
enum Starting {
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
enum Counted {
    Nobody,
    Overtaking,
    Everybody,
}

#[derive(Clone)]
struct Pattern {
    name: &'static str,
    /// Starts expected in 28 days; none: any, spread evenly over the orders of magnitude from 0.5 to 40.
    starts: Option<f64>,
    /// About so many wait when somebody joins.
    waiting: f64,
    /// Those who join in each class, as a share of starts.
    load: [f64; CLASSES],
    /// The class of who joins.
    class: usize,
    joining: Joining,
    starting: Starting,
    counted: Counted,
    /// One who waits leaves at this daily rate.
    leaving: f64,
}

fn pattern(name: &'static str, starts: Option<f64>, waiting: u32) -> Pattern {
    Pattern {
        name,
        starts,
        waiting: f64::from(waiting),
        load: [0.0; CLASSES],
        class: CLASSES - 1,
        joining: Joining::Steadily,
        starting: Starting::AtRandom,
        counted: Counted::Nobody,
        leaving: 0.0,
    }
}

/// One list in the making.
struct Play<'a> {
    pattern: &'a Pattern,
    dice: Dice,
    /// Starts a day.
    rate: f64,
    /// Where in a turn, and in the year, it begins.
    phase: f64,
    season: f64,
    /// When the course of each clinician ends.
    courses: Vec<f64>,
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
    fn run(mut self, mut is_told: impl FnMut(Line) -> bool) -> (Line, f64) {
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

#[derive(Default)]
struct Tally {
    below: u32,
    within: u32,
    above: u32,
    unstable: u32,
    unknown: u32,
}

impl Tally {
    fn count(&mut self, Quantiles { p10, p90, .. }: Quantiles, wait: f64) {
        if wait < p10 {
            self.below += 1;
        } else if wait > p90 {
            self.above += 1;
        } else {
            self.within += 1;
        }
    }

    fn told(&self) -> u32 {
        self.below + self.within + self.above
    }

    fn covered(&self) -> f64 {
        percent(self.within, self.told())
    }
}

fn percent(part: u32, whole: u32) -> f64 {
    100.0 * f64::from(part) / f64::from(whole.max(1))
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (told, all) = (self.told(), self.told() + self.unstable + self.unknown);
        write!(
            f,
            "{:5.1} | {:+5.1} | {:4.1} | {:4.1} | {:3.0} | {:3.0} | {:3.0} |",
            self.covered(),
            self.covered() - 80.0,
            percent(self.below, told),
            percent(self.above, told),
            percent(told, all),
            percent(self.unstable, all),
            percent(self.unknown, all)
        )
    }
}

fn play(pattern: &Pattern, estimates: &mut Estimates) -> Tally {
    let mut tally = Tally::default();
    for run in 0..RUNS {
        let mut dice = Dice(u64::from(run) * 7919 + 1);
        let starts = pattern.starts.unwrap_or_else(|| 0.5 * 80_f64.powf(dice.share()));
        let (phase, season) = (dice.share(), 365.0 * dice.share());
        let rate = starts / WINDOW_DAYS;
        let (line, wait) = Play { pattern, dice, rate, phase, season, courses: Vec::new() }
            .run(|line| matches!(estimates.of(line), Estimate::Days(_)));
        match estimates.of(line) {
            Estimate::Days(days) => tally.count(days, wait),
            Estimate::Unstable => tally.unstable += 1,
            Estimate::Unknown => tally.unknown += 1,
        }
    }
    tally
}

/// Plays each pattern and prints its line of the table.
#[expect(clippy::print_stdout, reason = "the table is what one runs it for")]
fn table(heading: &str, patterns: &[Pattern]) -> Vec<(String, Tally)> {
    println!("\n{heading}\n");
    println!(
        "| pattern | starts in 28 days | waiting | covered % | off | shorter % | longer % | told % | unstable % | unknown % |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let half = patterns.len().div_ceil(2);
    let halves: Vec<Vec<Tally>> = std::thread::scope(|scope| {
        let playing: Vec<_> = patterns
            .chunks(half)
            .map(|some| {
                scope.spawn(move || {
                    let mut estimates = Estimates::default();
                    some.iter().map(|pattern| play(pattern, &mut estimates)).collect()
                })
            })
            .collect();
        playing.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let lines = patterns.iter().zip(halves.into_iter().flatten());
    lines
        .map(|(pattern, tally)| {
            let starts = pattern.starts.map_or("any".to_owned(), |starts| starts.to_string());
            let name = format!("{} | {starts} | {}", pattern.name, pattern.waiting);
            println!("| {name} | {tally}");
            (name, tally)
        })
        .collect()
}

/// What the model assumes: places come free at random at a rate that does not change and of which nothing is
/// known but the count, each is used, nobody leaves, and who goes first arrives at random and is counted.
fn allowed() -> Vec<Pattern> {
    let mut all = Vec::new();
    let same = |load| [0.0, 0.0, load];
    for waiting in [0, 1, 3, 10, 30, 100] {
        all.push(pattern("nobody joins", None, waiting));
    }
    for waiting in [0, 3, 30] {
        all.push(Pattern { load: same(0.8), ..pattern("others join behind", None, waiting) });
        let joining = Joining::Together(3);
        all.push(Pattern { load: same(0.6), joining, ..pattern("three join at once", None, waiting) });
        let joining = Joining::BySeason;
        all.push(Pattern { load: same(0.6), joining, ..pattern("they join by season", None, waiting) });
    }
    let counted = Counted::Overtaking;
    for waiting in [0, 3, 10, 30] {
        let load = [0.0, 0.3, 0.4];
        all.push(Pattern { load, counted, ..pattern("two classes", None, waiting) });
        let load = [0.1, 0.2, 0.5];
        all.push(Pattern { load, counted, ..pattern("three classes, the last", None, waiting) });
        let load = [0.2, 0.3, 0.3];
        all.push(Pattern { load, counted, class: 1, ..pattern("three classes, the second", None, waiting) });
    }
    // The same rate everywhere, which the model does not know; it is told by so many starts well enough.
    for starts in [16.0, 32.0] {
        for waiting in [0, 3, 30] {
            all.push(pattern("nobody joins", Some(starts), waiting));
            all.push(Pattern { load: same(0.8), ..pattern("others join behind", Some(starts), waiting) });
            let load = [0.0, 0.4, 0.4];
            all.push(Pattern { load, counted, ..pattern("two classes", Some(starts), waiting) });
        }
        let (load, counted) = ([0.5, 0.0, 0.0], Counted::Everybody);
        let alone = pattern("one class, all are counted", Some(starts), 10);
        all.push(Pattern { load, counted, class: 0, ..alone });
    }
    all
}

/// What breaks one of the assumptions.
fn breaking() -> Vec<Pattern> {
    let mut all = Vec::new();
    for starts in [1.0, 2.0, 4.0, 8.0] {
        for waiting in [0, 3, 30] {
            all.push(pattern("one low rate", Some(starts), waiting));
            let (load, counted) = ([0.0, 0.4, 0.4], Counted::Overtaking);
            all.push(Pattern {
                load,
                counted,
                ..pattern("one low rate, two classes", Some(starts), waiting)
            });
        }
    }
    for starts in [2.0, 8.0] {
        for waiting in [3, 30] {
            let with = |name, starting| Pattern { starting, ..pattern(name, Some(starts), waiting) };
            all.push(with("places evenly spaced", Starting::Evenly));
            all.push(with("groups of four start", Starting::InGroups(4)));
            all.push(with("courses of three clinicians", Starting::ByCourses(3)));
            all.push(with("a summer break", Starting::WithSummerBreak));
            all.push(with("half the places from now on", Starting::ThenHalved));
            let load = [0.0, 0.0, 0.5];
            all.push(Pattern {
                load,
                waiting: 0.0,
                ..with("places open while nobody waits", Starting::OnDemand)
            });
            let leaves = with("one in four leaves a month", Starting::AtRandom);
            all.push(Pattern { leaving: 0.01, ..leaves });
            let load = [0.0, 0.3, 0.4];
            all.push(Pattern { load, ..with("who goes first is not counted", Starting::AtRandom) });
            let (load, joining) = ([0.0, 0.3, 0.4], Joining::Together(3));
            let together = with("who goes first comes by threes", Starting::AtRandom);
            all.push(Pattern { load, joining, counted: Counted::Overtaking, ..together });
        }
    }
    all
}

/// More arrive than start.
fn unstable() -> Vec<Pattern> {
    let counted = Counted::Everybody;
    let mut all = Vec::new();
    for starts in [4.0, 8.0, 16.0] {
        for load in [[0.0, 0.0, 2.0], [0.0, 1.0, 1.0], [1.0, 0.5, 0.5]] {
            all.push(Pattern { load, counted, ..pattern("twice as many join", Some(starts), 10) });
        }
        let load = [0.0, 0.5, 0.5];
        all.push(Pattern { load, counted, ..pattern("exactly as many join", Some(starts), 10) });
    }
    all
}

#[test]
fn four_of_five_waits_lie_in_the_interval_wherever_the_assumptions_hold() {
    for (name, tally) in table("The assumptions hold", &allowed()) {
        assert!((75.0..=85.0).contains(&tally.covered()), "{name}: {tally}");
        assert!(tally.told() > RUNS / 4, "{name}: {tally}");
    }
}

#[test]
fn where_an_assumption_breaks_the_table_says_by_how_much_it_is_off() {
    for (name, tally) in table("An assumption breaks", &breaking()) {
        assert!(tally.told() > RUNS / 4, "{name}: {tally}");
    }
}

#[test]
fn a_list_that_more_join_than_start_from_is_called_unstable() {
    for (name, tally) in table("More join than start", &unstable()) {
        let named = percent(tally.unstable, RUNS);
        // As many as start: as likely as not more, by chance.
        assert!(named > if name.starts_with("twice") { 80.0 } else { 50.0 }, "{name}: {tally}");
    }
}

#[test]
fn four_of_five_first_appointments_lie_in_the_interval_of_those_observed() {
    for observed in [Times::FEWEST, 20, 100] {
        let mut tally = Tally::default();
        for run in 0..RUNS {
            let mut dice = Dice(u64::from(run) * 104_729 + 7);
            // Skewed, as such times are: half within ten days, a tail of months.
            let mut wait = || 10.0 * (dice.until(1.0) / 2_f64.ln()).powf(1.5);
            let times = Times::of((0..observed).map(|_| wait()));
            assert!(times.are_enough());
            tally.count(Quantiles::new([times.p10, times.p50, times.p90]), wait());
        }
        assert!((75.0..=85.0).contains(&tally.covered()), "{observed}: {tally}");
    }
}
