//! The finder beside what it must beat, the same question in the same run: a scan of packed rows, and what
//! one would write first with `rstar` (`locate_within_distance`, filter, score, sort).
//!
//! `cargo bench --bench finder` takes 10 k and 100 k offerings, `-- --full` 1 M as well. All three must
//! give the same ids in the same order. Prints microseconds and ratios; only ratios of one run mean much.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it finds")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "synthetic numbers are small"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use causeway::availability::{Claim, ClaimMethod, Evidence};
use causeway::directory::{Coverage, OfferedLanguage, OfferingFacts, ServiceArea};
use causeway::finder::{
    About, Ask, AvailabilityAsk, CoverageAsk, Entry, Index, LanguageAsk, Question, RankingProfile, Search,
};
use causeway::types::{
    AgeRange, Ages, Audience, AvailabilityStatus, CapacityPoolId, ClaimId, Coordinates, CoverageCategory,
    EARTH_RADIUS_KM, Grain, LanguageMode, LanguageTag, Modality, Need, OfferingId, ServiceId, Tier,
};
use jiff::{SignedDuration, Timestamp};
use rstar::RTree;
use rstar::primitives::GeomWithData;
use uuid::Uuid;

const LIMIT: usize = 25;
const QUESTIONS: usize = 300;
/// Each way answers so many questions in a row, as a server would, before the next way takes the cache.
const BATCH: usize = 20;
const CITIES: usize = 300;
const STATES: usize = 50;
const LANGUAGES: [&str; 12] = ["es", "pt", "ht", "vi", "ar", "cmn", "km", "so", "ru", "ase", "fr", "sw"];

fn main() {
    let full = std::env::args().any(|argument| argument == "--full");
    let sizes: &[usize] = if full { &[10_000, 100_000, 1_000_000] } else { &[10_000, 100_000] };
    for size in sizes {
        bench(*size);
    }
}

fn bench(size: usize) {
    let mut random = Random(0x5EED);
    let cities = City::many(&mut random);
    let offered: Vec<Offered> = (0..size).map(|number| Offered::new(number, &cities, &mut random)).collect();
    let started = Instant::now();
    let index = Index::build(offered.iter().map(Offered::entry), []);
    println!("\n{size} offerings, built in {:.2} s", started.elapsed().as_secs_f64());
    let rows: Vec<Row> = offered.iter().map(Row::new).collect();
    let naive = Naive::new(&rows);
    println!(
        "{:<34}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>8}{:>8}",
        "µs: median, p99", "finder", "", "explain", "scan", "", "rstar", "", "scan/", "rstar/"
    );
    for mix in Mix::ALL {
        let mut times: [Vec<Duration>; 4] = Default::default();
        for _ in 0..QUESTIONS / BATCH {
            let asked: Vec<Asked> =
                (0..BATCH).map(|_| mix.question(&cities[random.skewed(CITIES)], &mut random)).collect();
            let finder = |explain| {
                let asked = asked.iter();
                let index = &index;
                let answers = asked.map(move |asked| {
                    let search = Search { limit: LIMIT, explain, ..Search::new(&asked.question) };
                    index.search(&search, &RankingProfile::default())
                });
                answers.map(|answer| answer.hits.iter().map(|hit| hit.offering).collect::<Vec<_>>())
            };
            let found = timed(&mut times[0], finder(false));
            assert_eq!(found, timed(&mut times[1], finder(true)), "{mix:?}");
            assert_eq!(found, timed(&mut times[2], asked.iter().map(|asked| scan(&rows, asked))), "{mix:?}");
            assert_eq!(
                found,
                timed(&mut times[3], asked.iter().map(|asked| naive.search(&rows, asked))),
                "{mix:?}"
            );
        }
        let [finder, explained, scan, rstar] = times.map(Spread::of);
        println!(
            "{:<34}{:>9.1}{:>9.1}{:>9.1}{:>9.1}{:>9.1}{:>9.1}{:>9.1}{:>8.2}{:>8.2}",
            format!("{mix:?}"),
            finder.median,
            finder.p99,
            explained.median,
            scan.median,
            scan.p99,
            rstar.median,
            rstar.p99,
            scan.median / finder.median,
            rstar.median / finder.median,
        );
    }
    updates(index, &offered, &mut random);
}

fn updates(mut index: Index, offered: &[Offered], random: &mut Random) {
    let mut times = Vec::new();
    for _ in 0..5_000 {
        let mut changed = offered[random.below(offered.len())].clone();
        changed.claim = random.claim();
        timed(&mut times, std::iter::once_with(|| index.apply(changed.entry())));
    }
    let Spread { median, p99 } = Spread::of(times);
    println!("update of one claim: {median:.1} µs, p99 {p99:.1} µs");
}

/// Times each item as it is made.
fn timed<T>(times: &mut Vec<Duration>, mut work: impl Iterator<Item = T>) -> Vec<T> {
    let mut made = Vec::new();
    loop {
        let started = Instant::now();
        let Some(item) = black_box(work.next()) else {
            return made;
        };
        times.push(started.elapsed());
        made.push(item);
    }
}

struct Spread {
    median: f64,
    p99: f64,
}

impl Spread {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e6;
        Self { median: at(50), p99: at(99) }
    }
}

/// SplitMix64: enough for synthetic cities.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, end: usize) -> usize {
        (self.unit() * end as f64) as usize
    }

    fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// Low numbers are much more frequent.
    fn skewed(&mut self, end: usize) -> usize {
        (self.unit().powi(3) * end as f64) as usize
    }

    /// Around 0, rarely beyond 2.
    fn around(&mut self) -> f64 {
        (0..4).map(|_| self.unit() - 0.5).sum::<f64>() * 1.7
    }

    fn claim(&mut self) -> Option<Claim> {
        let status = match self.below(10) {
            0..3 => AvailabilityStatus::Capacity,
            3..5 => AvailabilityStatus::Waitlist,
            5 => AvailabilityStatus::NoCapacity,
            _ => return None,
        };
        Some(Claim {
            id: ClaimId(Uuid::nil()),
            capacity_pool_id: CapacityPoolId(Uuid::nil()),
            status,
            open_slots: (status == AvailabilityStatus::Capacity).then_some(2),
            waiting: (status == AvailabilityStatus::Waitlist).then(|| self.below(20) as u32),
            starts_last_28_days: (status == AvailabilityStatus::Waitlist).then(|| 1 + self.below(6) as u32),
            next_available_date: None,
            notes: None,
            reported_at: now() - SignedDuration::from_hours(self.below(200) as i64),
            reported_by: String::new(),
            method: ClaimMethod::Agency,
            valid_until: now() + SignedDuration::from_hours(self.below(200) as i64 - 20),
        })
    }
}

fn now() -> Timestamp {
    "2026-03-02T15:00:00Z".parse().expect("a timestamp")
}

struct City {
    latitude: f64,
    longitude: f64,
    state: usize,
}

impl City {
    fn many(random: &mut Random) -> Vec<Self> {
        (0..CITIES)
            .map(|number| Self {
                latitude: 28.0 + random.unit() * 20.0,
                longitude: -122.0 + random.unit() * 50.0,
                state: number % STATES,
            })
            .collect()
    }

    fn point(&self, random: &mut Random) -> Coordinates {
        let (north, east) = (random.around() * 0.15, random.around() * 0.2);
        Coordinates::new(self.latitude + north, self.longitude + east).expect("cities are in range")
    }
}

#[derive(Clone)]
struct Offered {
    id: OfferingId,
    place: Coordinates,
    state: usize,
    facts: OfferingFacts,
    claim: Option<Claim>,
}

impl Offered {
    fn new(number: usize, cities: &[City], random: &mut Random) -> Self {
        let city = &cities[random.skewed(CITIES)];
        let statewide = random.chance(0.05);
        let languages = (0..random.below(3))
            .map(|_| OfferedLanguage {
                language: language(random.skewed(LANGUAGES.len())),
                mode: if random.chance(0.5) { LanguageMode::Provider } else { LanguageMode::Interpreter },
            })
            .collect();
        let tiers = if random.chance(0.5) { vec![Tier::TWO] } else { vec![Tier::TWO, Tier::THREE] };
        let needs = (0..=random.below(4)).map(|_| need(random.skewed(40))).collect();
        let youngest = random.below(12) as f64;
        let ages = AgeRange::new(youngest, youngest + 3.0 + random.below(12) as f64).expect("a range");
        let categories = (0..=random.below(3)).map(|_| CoverageCategory::ALL[random.skewed(10)]).collect();
        let facts = OfferingFacts {
            service_id: ServiceId(Uuid::nil()),
            location_id: None,
            capacity_pool_id: None,
            name: None,
            grain: [Grain::Facility, Grain::Service, Grain::Team][random.below(3)],
            languages: Some(languages),
            tiers: Some(tiers),
            coverage: Some(Coverage { categories, plans: Vec::new() }),
            needs: Some(needs),
            populations: None,
            practices: None,
            ages: Some(Ages { accepted: vec![ages], unstated: Vec::new() }),
            modalities: Some(vec![if statewide { Modality::TelehealthVideo } else { Modality::InPerson }]),
            schedule: None,
            accessibility: None,
            service_area: statewide
                .then(|| ServiceArea { states: vec![format!("S{}", city.state)], ..ServiceArea::default() }),
            schools: None,
            partial: Vec::new(),
        };
        let id = OfferingId(Uuid::from_u128(u128::from(random.next()) << 64 | number as u128));
        Self { id, place: city.point(random), state: city.state, facts, claim: random.claim() }
    }

    fn entry(&self) -> Entry<'_> {
        Entry {
            offering: self.id,
            place: Some(self.place),
            facts: &self.facts,
            audience: &[Audience::Students],
            claim: self.claim.as_ref(),
            evidence: Evidence::default(),
            partnerships: &[],
            about: About::default(),
        }
    }
}

fn language(number: usize) -> LanguageTag {
    LANGUAGES[number].parse().expect("the languages above are in the vocabulary")
}

fn need(number: usize) -> Need {
    Need::vocabulary().terms[number].code.parse().expect("terms are in their vocabulary")
}

#[derive(Clone, Copy, Debug)]
enum Mix {
    Anything10Km,
    SpanishMedicaidAge,
    SpanishProviderOpen,
    SomaliTraumaTier3,
    NeedAge80Km,
}

impl Mix {
    const ALL: [Self; 5] = [
        Self::Anything10Km,
        Self::SpanishMedicaidAge,
        Self::SpanishProviderOpen,
        Self::SomaliTraumaTier3,
        Self::NeedAge80Km,
    ];

    fn question(self, city: &City, random: &mut Random) -> Asked {
        let mut question = Question::near(city.point(random), now());
        question.residence.state = Some(format!("S{}", city.state));
        let mut asked = Row { state: city.state, ..Row::default() };
        let required = &mut question.required;
        let age = AgeRange::exactly(8.0 + random.below(6) as f64).expect("an age");
        let (mut tag, mut mode) = (None, None);
        match self {
            Self::Anything10Km => question.radius_km = 10.0,
            Self::SpanishMedicaidAge => {
                tag = Some(0);
                required.coverage = Some(Ask::AnyOf(vec![CoverageAsk::Category(CoverageCategory::Medicaid)]));
                asked.coverage = 1;
                required.age = Some(age);
            }
            Self::SpanishProviderOpen => {
                (tag, mode) = (Some(0), Some(LanguageMode::Provider));
                required.availability = Some(AvailabilityAsk::Open);
                asked.open = true;
            }
            Self::SomaliTraumaTier3 => {
                tag = Some(7);
                required.tier = Some(Ask::AnyOf(vec![Tier::THREE]));
                asked.tiers = 4;
                required.need = Some(Ask::AnyOf(vec![need(10)]));
                asked.needs = 1 << 10;
            }
            Self::NeedAge80Km => {
                question.radius_km = 80.0;
                required.need = Some(Ask::AnyOf(vec![need(0), need(25)]));
                asked.needs = 1 | 1 << 25;
                required.age = Some(age);
            }
        }
        if let Some(tag) = tag {
            required.language = Some(LanguageAsk { tags: Ask::AnyOf(vec![language(tag)]), mode });
            asked.provider = 1 << tag;
            asked.interpreter = if mode.is_none() { 1 << tag } else { 0 };
        }
        asked.ages = required.age.map(|age| (age.min(), age.max()));
        asked.point = question.origin.unit_vector();
        Asked { question, row: asked }
    }
}

struct Asked {
    question: Question,
    /// What is asked, in the shape of a row.
    row: Row,
}

/// An offering packed into bits.
#[derive(Clone, Copy, Default)]
struct Row {
    id: OfferingId,
    point: [f64; 3],
    provider: u64,
    interpreter: u64,
    needs: u64,
    tiers: u32,
    coverage: u32,
    ages: Option<(f64, f64)>,
    state: usize,
    statewide: bool,
    open: bool,
    /// Days; infinite where unknown, negative where never.
    wait: f64,
    confirmation: f64,
}

impl Row {
    fn new(offered: &Offered) -> Self {
        let facts = &offered.facts;
        let languages = |mode| {
            let offered = facts.languages.iter().flatten().filter(|offered| offered.mode == mode);
            offered.fold(0, |bits, offered| {
                bits | 1
                    << LANGUAGES.iter().position(|code| *code == offered.language.as_str()).expect("listed")
            })
        };
        let live = offered.claim.as_ref().filter(|claim| now() < claim.valid_until);
        let grain = match facts.grain {
            Grain::Team => 1.0,
            Grain::Service => 0.8,
            Grain::Facility => 0.3,
        };
        let freshness = live.map_or(0.0, |claim| {
            let seconds = now().as_second() - claim.reported_at.as_second();
            (1.0 - seconds as f64 / (30.0 * 86_400.0)).max(0.0)
        });
        Self {
            id: offered.id,
            point: offered.place.unit_vector(),
            provider: languages(LanguageMode::Provider),
            interpreter: languages(LanguageMode::Interpreter),
            needs: facts.needs.iter().flatten().fold(0, |bits, need| bits | 1 << need.index()),
            tiers: facts.tiers.iter().flatten().fold(0, |bits, tier| bits | 1 << (u8::from(*tier) - 1)),
            coverage: facts
                .coverage
                .iter()
                .flat_map(|c| &c.categories)
                .fold(0, |bits, c| bits | 1 << *c as u32),
            ages: facts.ages.as_ref().map(|ages| (ages.accepted[0].min(), ages.accepted[0].max())),
            state: offered.state,
            statewide: facts.service_area.is_some(),
            open: live.is_some_and(|claim| claim.status == AvailabilityStatus::Capacity),
            wait: match live.map(|claim| (claim.status, claim.waiting, claim.starts_last_28_days)) {
                Some((AvailabilityStatus::Capacity, _, _)) => 0.0,
                Some((AvailabilityStatus::Waitlist, Some(waiting), Some(starts))) => {
                    (f64::from(waiting) + 1.0) * 28.0 / f64::from(starts)
                }
                Some((AvailabilityStatus::NoCapacity, _, _)) => -1.0,
                _ => f64::INFINITY,
            },
            confirmation: 0.7 * grain + 0.3 * freshness,
        }
    }

    fn meets(&self, asked: &Self) -> bool {
        let any = |has: u64, wants: u64| wants == 0 || has & wants != 0;
        (asked.provider == 0
            || (self.provider & asked.provider) | (self.interpreter & asked.interpreter) != 0)
            && any(self.needs, asked.needs)
            && any(u64::from(self.tiers), u64::from(asked.tiers))
            && any(u64::from(self.coverage), u64::from(asked.coverage))
            && (!asked.open || self.open)
            && asked
                .ages
                .is_none_or(|(min, max)| self.ages.is_some_and(|(from, to)| from <= min && max <= to))
    }

    fn score(&self, asked: &Self, km: f64) -> f64 {
        let wait = match self.wait {
            unknown if unknown == f64::INFINITY => 0.25,
            never if never < 0.0 => 0.0,
            days => (-days / 28.0).exp(),
        };
        let travel = (-(km * 1.3 / 40.0 * 60.0) / 30.0).exp();
        if asked.provider == 0 {
            let total = 0.35 + 0.2 + 0.1;
            return 0.35 / total * wait + 0.2 / total * travel + 0.1 / total * self.confirmation;
        }
        let language = if self.provider & asked.provider != 0 { 1.0 } else { 0.6 };
        let total = 0.35 + 0.2 + 0.15 + 0.1;
        0.35 / total * wait + 0.2 / total * travel + 0.15 / total * language + 0.1 / total * self.confirmation
    }
}

/// Kilometres of travel, if it is reached at all.
fn reached(row: &Row, asked: &Asked) -> Option<f64> {
    if row.statewide {
        return (row.state == asked.row.state).then_some(0.0);
    }
    let (a, b) = (&row.point, &asked.row.point);
    let chord_2 = (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2) + (a[2] - b[2]).powi(2);
    // Far rows need no arc sine.
    if chord_2 > (asked.question.radius_km / EARTH_RADIUS_KM).powi(2) * 1.01 {
        return None;
    }
    let km = 2.0 * EARTH_RADIUS_KM * (chord_2.sqrt() / 2.0).asin();
    (km <= asked.question.radius_km).then_some(km)
}

fn best(mut found: Vec<(f64, OfferingId)>) -> Vec<OfferingId> {
    let order = |a: &(f64, OfferingId), b: &(f64, OfferingId)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    if found.len() > LIMIT {
        found.select_nth_unstable_by(LIMIT, order);
        found.truncate(LIMIT);
    }
    found.sort_unstable_by(order);
    found.into_iter().map(|(_, id)| id).collect()
}

fn scan(rows: &[Row], asked: &Asked) -> Vec<OfferingId> {
    let met = rows.iter().filter(|row| row.meets(&asked.row));
    best(met.filter_map(|row| Some((row.score(&asked.row, reached(row, asked)?), row.id))).collect())
}

struct Naive {
    tree: RTree<GeomWithData<[f64; 3], usize>>,
    statewide: Vec<Vec<usize>>,
}

impl Naive {
    fn new(rows: &[Row]) -> Self {
        let (mut points, mut statewide) = (Vec::new(), vec![Vec::new(); STATES]);
        for (number, row) in rows.iter().enumerate() {
            if row.statewide {
                statewide[row.state].push(number);
            } else {
                points.push(GeomWithData::new(row.point, number));
            }
        }
        Self { tree: RTree::bulk_load(points), statewide }
    }

    fn search(&self, rows: &[Row], asked: &Asked) -> Vec<OfferingId> {
        let chord_2 = (2.0 * (asked.question.radius_km / (2.0 * EARTH_RADIUS_KM)).sin()).powi(2) * 1.000_001;
        let near = self.tree.locate_within_distance(asked.row.point, chord_2).map(|point| point.data);
        let all = near.chain(self.statewide[asked.row.state].iter().copied()).map(|number| &rows[number]);
        let met = all.filter(|row| row.meets(&asked.row));
        best(met.filter_map(|row| Some((row.score(&asked.row, reached(row, asked)?), row.id))).collect())
    }
}
