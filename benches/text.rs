//! Free text over 20,000 offerings beside a plain scan of all texts, the same words in the same run.
//!
//! The scan has every text folded and split already, and only says which offerings hold every word: it does
//! not rank, and knows no synonyms. Prints microseconds and ratios; only ratios of one run mean much.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it finds")]
#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "synthetic numbers are small")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use causeway::availability::Evidence;
use causeway::directory::{LocationFacts, OfferingFacts, OrganizationFacts, ServiceFacts};
use causeway::finder::{
    About, Ask, CoverageAsk, Entry, Index, LanguageAsk, Question, RankingProfile, Search,
};
use causeway::types::{Audience, Coordinates, CoverageCategory, Need, OfferingId, Practice};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

const OFFERINGS: usize = 20_000;
const RUNS: usize = 200;
/// The scan takes about a second for each, so only the first are put to it.
const SCANNED: usize = 3;
const UPDATES: usize = 2_000;

fn main() {
    let mut random = Random(0x7E87);
    let words: Vec<String> = (0..6_000).map(|_| random.word()).collect();
    let offered: Vec<Offered> =
        (0..OFFERINGS).map(|number| Offered::new(number, &words, &mut random)).collect();
    let started = Instant::now();
    let bare =
        Index::build(offered.iter().map(|offered| Entry { about: About::default(), ..offered.entry() }), []);
    let without_texts = started.elapsed();
    drop(bare);
    let started = Instant::now();
    let index = Index::build(offered.iter().map(Offered::entry), []);
    println!(
        "{OFFERINGS} offerings, built in {:.2} s, without names and descriptions in {:.2} s",
        started.elapsed().as_secs_f64(),
        without_texts.as_secs_f64()
    );
    let texts: Vec<Vec<String>> = offered.iter().map(Offered::split).collect();
    println!(
        "{:<34}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>8}",
        "µs: median, p99, worst", "finder", "", "", "scan", "matches", "radius", "scan/"
    );
    for (name, radius_km, mix) in mixes() {
        let (mut finder, mut scan, mut matches) = (Vec::new(), Vec::new(), 0);
        while finder.len() < RUNS {
            let (text, question) = mix(&words, &offered, &mut random);
            let mut question = Question { radius_km, ..question };
            let started = Instant::now();
            // The beginning of a word may be a word that says nothing, such as "of".
            let Ok(asked) = text.parse() else { continue };
            question.words = Some(asked);
            let answer = black_box(index.search(&Search::new(&question), &RankingProfile::default()));
            finder.push(started.elapsed());
            matches += answer.total.value;
            if scan.len() < SCANNED {
                let started = Instant::now();
                black_box(scan_all(&texts, &text));
                scan.push(started.elapsed());
            }
        }
        finder.sort_unstable();
        scan.sort_unstable();
        let at =
            |times: &[Duration], share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e6;
        println!(
            "{name:<34}{:>9.1}{:>9.1}{:>9.1}{:>9.1}{:>9}{:>9}{:>8.1}",
            at(&finder, 50),
            at(&finder, 99),
            at(&finder, 100),
            at(&scan, 50),
            matches / RUNS,
            radius_km,
            at(&scan, 50) / at(&finder, 50),
        );
    }
    updates(index, &offered, &mut random);
}

fn updates(mut index: Index, offered: &[Offered], random: &mut Random) {
    let mut times: Vec<Duration> = (0..UPDATES)
        .map(|_| {
            let entry = offered[random.below(offered.len())].entry();
            let started = Instant::now();
            index.apply(entry);
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e6;
    println!("update of one offering with its texts: {:.1} µs, p99 {:.1} µs", at(50), at(99));
}

/// What is asked in a row of the table.
type Mix = fn(&[String], &[Offered], &mut Random) -> (String, Question);

fn mixes() -> Vec<(&'static str, f64, Mix)> {
    vec![
        ("a word of a name", 500.0, |_, offered, random| {
            (random.name(offered).swap_remove(0), anywhere(random))
        }),
        ("a name of two words", 500.0, |_, offered, random| {
            (random.name(offered).join(" "), anywhere(random))
        }),
        ("a misspelt word of a name", 500.0, |_, offered, random| {
            let word = random.name(offered).swap_remove(0);
            (random.misspelt(&word), anywhere(random))
        }),
        ("the first two letters of a word", 500.0, |_, offered, random| {
            (random.name(offered).swap_remove(0)[..2].to_owned(), anywhere(random))
        }),
        ("the first four letters", 500.0, |_, offered, random| {
            (random.name(offered).swap_remove(0)[..4].to_owned(), anywhere(random))
        }),
        ("counseling (in most)", 50.0, |_, _, random| ("counseling".to_owned(), anywhere(random))),
        ("counseling (in most)", 500.0, |_, _, random| ("counseling".to_owned(), anywhere(random))),
        ("counseling, Spanish, Medicaid", 500.0, |_, _, random| ("counseling".to_owned(), filtered(random))),
        ("theraphy (synonyms in most)", 500.0, |_, _, random| ("theraphy".to_owned(), anywhere(random))),
        ("grief kreyol", 500.0, |_, _, random| ("grief kreyol".to_owned(), anywhere(random))),
        ("food bank lawrence", 500.0, |_, _, random| ("food bank lawrence".to_owned(), anywhere(random))),
        ("ten words", 500.0, |words, _, random| {
            let rare: Vec<&str> = (0..6).map(|_| words[random.below(words.len())].as_str()).collect();
            (format!("counseling theraphy tf-cbt family {}", rare.join(" ")), anywhere(random))
        }),
        ("nothing, with suggestions", 500.0, |_, offered, random| {
            let word = random.name(offered).swap_remove(0);
            let once = random.misspelt(&word);
            (format!("{}q", random.misspelt(&once)), anywhere(random))
        }),
    ]
}

fn anywhere(random: &mut Random) -> Question {
    Question::near(random.place(), "2026-03-02T15:00:00Z".parse::<Timestamp>().expect("an instant"))
}

fn filtered(random: &mut Random) -> Question {
    let mut question = anywhere(random);
    let spanish = "es".parse().expect("a tag");
    question.required.language = Some(LanguageAsk { tags: Ask::AnyOf(vec![spanish]), mode: None });
    question.required.coverage = Some(Ask::AnyOf(vec![CoverageAsk::Category(CoverageCategory::Medicaid)]));
    question
}

struct Offered {
    id: OfferingId,
    place: Coordinates,
    facts: OfferingFacts,
    organization: OrganizationFacts,
    service: ServiceFacts,
    location: LocationFacts,
}

impl Offered {
    fn new(number: usize, words: &[String], random: &mut Random) -> Self {
        const KINDS: [&str; 6] =
            ["Counseling", "Family Services", "Health Center", "Clinic", "Youth Center", "House"];
        const LANGUAGES: [&str; 6] = ["es", "pt", "ht", "vi", "km", "zh"];
        let describe = |random: &mut Random| {
            let said: Vec<&str> = (0..25).map(|_| words[random.skewed(words.len())].as_str()).collect();
            format!("Counseling and {}.", said.join(" "))
        };
        let name = format!(
            "{} {} {}",
            words[random.below(words.len())],
            words[random.below(words.len())],
            KINDS[random.below(KINDS.len())]
        );
        let terms = |random: &mut Random, all: &[causeway::types::Term], most| -> Vec<String> {
            (0..most).map(|_| all[random.skewed(all.len())].code.clone()).collect()
        };
        let needs = terms(random, &Need::vocabulary().terms, 5);
        let practices = terms(random, &Practice::vocabulary().terms, 8);
        let languages: Vec<_> = (0..random.below(3))
            .map(|_| json!({"language": LANGUAGES[random.below(LANGUAGES.len())], "mode": "interpreter"}))
            .collect();
        let facts = json!({"service_id": Uuid::nil(), "grain": "facility", "needs": needs, "practices": practices,
            "languages": languages, "coverage": {"categories": ["medicaid", "commercial"]}, "modalities": ["in_person"]});
        let organization = json!({"name": name, "engagement": "listed", "facility_type": "outpatient_clinic",
            "description": describe(random)});
        let service = json!({"organization_id": Uuid::nil(), "name": "Outpatient counseling", "status": "active",
            "audience": ["students"], "settings": ["outpatient"], "description": describe(random)});
        let town = ["Lawrence", "Lowell", "Methuen", "Haverhill", "Andover"][random.below(5)];
        let location = json!({"name": "Main office", "city": town, "postal_code": format!("{:05}", random.below(3_000))});
        Self {
            id: OfferingId(Uuid::from_u128(number as u128)),
            place: random.place(),
            facts: serde_json::from_value(facts).expect("facts"),
            organization: serde_json::from_value(organization).expect("facts"),
            service: serde_json::from_value(service).expect("facts"),
            location: serde_json::from_value(location).expect("facts"),
        }
    }

    fn entry(&self) -> Entry<'_> {
        Entry {
            offering: self.id,
            place: Some(self.place),
            facts: &self.facts,
            audience: &[Audience::Students],
            claim: None,
            evidence: Evidence::default(),
            partnerships: &[],
            about: About {
                organization: Some(&self.organization),
                service: Some(&self.service),
                location: Some(&self.location),
            },
        }
    }

    /// Every word, in lower case.
    fn split(&self) -> Vec<String> {
        let mut text = [
            Some(self.organization.name.as_str()),
            self.organization.description.as_deref(),
            Some(self.service.name.as_str()),
            self.service.description.as_deref(),
            Some(self.location.name.as_str()),
            self.location.city.as_deref(),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ");
        let terms = (self.facts.needs.iter().flatten())
            .map(|need| &Need::vocabulary().terms[need.index()])
            .chain(self.facts.practices.iter().flatten().map(|it| &Practice::vocabulary().terms[it.index()]));
        for term in terms {
            text = format!("{text} {} {}", term.name, term.synonyms.join(" "));
        }
        split(&text)
    }
}

fn split(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn scan_all(texts: &[Vec<String>], asked: &str) -> Vec<usize> {
    let asked = split(asked);
    let like = |asked: &str, word: &str| {
        word.starts_with(asked)
            || (asked.len() >= 4
                && asked.len().abs_diff(word.len()) <= 1
                && strsim::osa_distance(asked, word) <= 1)
    };
    let holds = |text: &Vec<String>| asked.iter().all(|asked| text.iter().any(|word| like(asked, word)));
    texts.iter().enumerate().filter(|(_, text)| holds(text)).map(|(number, _)| number).collect()
}

/// SplitMix64: enough for synthetic words.
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

    /// Low numbers are much more frequent.
    fn skewed(&mut self, end: usize) -> usize {
        (self.unit().powi(3) * end as f64) as usize
    }

    /// An invented word of six to ten letters.
    fn word(&mut self) -> String {
        const FIRST: [&str; 16] =
            ["b", "br", "c", "d", "f", "g", "h", "l", "m", "n", "p", "r", "s", "st", "t", "w"];
        const SECOND: [&str; 8] = ["an", "el", "il", "or", "un", "ar", "en", "ow"];
        let syllables: Vec<&str> =
            (0..3).flat_map(|_| [FIRST[self.below(16)], SECOND[self.below(8)]]).collect();
        syllables.concat()
    }

    /// Two words of somebody's name.
    fn name(&mut self, offered: &[Offered]) -> Vec<String> {
        split(&offered[self.below(offered.len())].organization.name).into_iter().take(2).collect()
    }

    /// With two neighbours swapped.
    fn misspelt(&mut self, word: &str) -> String {
        let mut letters: Vec<char> = word.chars().collect();
        let first = self.below(letters.len() - 1);
        letters.swap(first, first + 1);
        letters.into_iter().collect()
    }

    /// In New England.
    fn place(&mut self) -> Coordinates {
        Coordinates::new(41.5 + self.unit() * 3.0, -73.0 + self.unit() * 3.0).expect("in range")
    }
}
