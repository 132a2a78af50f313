//! The workbook's own reference sheet: which codes there are, and what a row's codes state.

use std::collections::{BTreeSet, HashMap};

use super::codes::{AGES, LANGUAGES, Meaning, TABLE, TYPE_OF_CARE};
use super::workbook::Sheet;
use crate::directory::OfferedLanguage;
use crate::exchange::reading::ReadError;
use crate::types::{
    AgeRange, CoverageCategory, EmergencyService, FacilityType, LanguageMode, LanguageTag, Modality, Need,
    Population, Practice, ServiceSetting,
};

/// The name of the reference sheet.
pub(super) const SHEET: &str = "Service Code Reference";

/// What a volume's codes mean.
pub(super) struct Codebook {
    definitions: HashMap<String, Vec<Definition>>,
    /// Ages that no code of this volume speaks of, in years, the second number outside.
    unspoken: Vec<(u8, u8)>,
}

/// One line of the reference sheet.
struct Definition {
    category: String,
    facts: Vec<Fact>,
    /// What a row with this code is to be counted under.
    note: Option<String>,
}

/// A meaning in the types of the directory.
#[derive(Clone, PartialEq)]
enum Fact {
    Language(OfferedLanguage),
    Coverage(CoverageCategory),
    Population(Population),
    Need(Need),
    Practice(Practice),
    Modality(Modality),
    Setting(ServiceSetting),
    Emergency(EmergencyService),
    FacilityType(FacilityType),
    Age(u8, u8),
}

/// What the codes of one row state. Sets: a code that stands twice says no more than once.
#[derive(Default)]
pub(super) struct Stated {
    pub(super) types_of_care: BTreeSet<String>,
    pub(super) languages: BTreeSet<OfferedLanguage>,
    pub(super) coverage: BTreeSet<CoverageCategory>,
    pub(super) populations: BTreeSet<Population>,
    pub(super) needs: BTreeSet<Need>,
    pub(super) practices: BTreeSet<Practice>,
    pub(super) modalities: BTreeSet<Modality>,
    pub(super) settings: BTreeSet<ServiceSetting>,
    pub(super) emergency_services: BTreeSet<EmergencyService>,
    pub(super) facility_types: BTreeSet<FacilityType>,
    /// The codes of these types, as `category:code`.
    pub(super) facility_type_codes: BTreeSet<String>,
    pub(super) ages: BTreeSet<(u8, u8)>,
    /// Codes without a field of ours, as `category:code`.
    pub(super) source_codes: BTreeSet<String>,
    /// What the row is to be counted under.
    pub(super) notes: BTreeSet<String>,
}

impl Codebook {
    /// Reads the reference sheet.
    pub(super) fn read(sheet: &Sheet) -> Result<Self, ReadError> {
        let place = format!("the sheet {SHEET:?}");
        let [category, code, name] =
            sheet.columns.require(&place, [&["category_code"], &["service_code"], &["service_name"]])?;
        let description = sheet.columns.find(&["service_description"]);
        let mut definitions: HashMap<String, Vec<Definition>> = HashMap::new();
        for line in &sheet.records {
            let (category, code) = (line.at(category), line.at(code));
            let known = definitions.entry(code.to_owned()).or_default();
            if !category.is_empty() && !code.is_empty() && known.iter().all(|one| one.category != category) {
                known.push(define(category, code, line.at(name), line.maybe(description)));
            }
        }
        definitions.retain(|_, known| !known.is_empty());
        if definitions.is_empty() {
            return Err(ReadError::NoCodes { sheet: SHEET });
        }
        let unspoken = unspoken(definitions.values().flatten().flat_map(|one| &one.facts));
        Ok(Self { definitions, unspoken })
    }

    /// What a row's codes state: groups divided by `*`, codes in them by spaces.
    pub(super) fn stated(&self, codes: &str) -> Stated {
        let mut stated = Stated::default();
        for group in codes.split('*') {
            for code in group.split_whitespace() {
                match self.definition(code, group) {
                    Ok(definition) => stated.add(code, definition),
                    Err(note) => {
                        stated.notes.insert(note);
                    }
                }
            }
        }
        stated
    }

    /// Ages that no code of this volume speaks of.
    pub(super) fn unspoken(&self) -> impl Iterator<Item = AgeRange> {
        self.unspoken.iter().copied().filter_map(years)
    }

    /// What `code` is, where it stands in `group`. A code that is defined in several categories is of the one
    /// that the rest of its group belongs to.
    fn definition(&self, code: &str, group: &str) -> Result<&Definition, String> {
        let known = self.definitions.get(code).map_or(&[][..], Vec::as_slice);
        match known {
            [] => Err(format!("unknown code {code}")),
            [one] => Ok(one),
            several => group
                .split_whitespace()
                .find_map(|other| match self.definitions.get(other)?.as_slice() {
                    [sure] => several.iter().find(|one| one.category == sure.category),
                    _ => None,
                })
                .ok_or_else(|| format!("code {code} is defined in several categories")),
        }
    }
}

impl Stated {
    fn add(&mut self, code: &str, definition: &Definition) {
        if definition.category == TYPE_OF_CARE {
            self.types_of_care.insert(code.to_owned());
        }
        if definition.facts.is_empty() {
            self.source_codes.insert(format!("{}:{code}", definition.category));
        }
        self.notes.extend(definition.note.clone());
        for fact in definition.facts.iter().cloned() {
            match fact {
                Fact::Language(language) => self.languages.insert(language),
                Fact::Coverage(category) => self.coverage.insert(category),
                Fact::Population(population) => self.populations.insert(population),
                Fact::Need(need) => self.needs.insert(need),
                Fact::Practice(practice) => self.practices.insert(practice),
                Fact::Modality(modality) => self.modalities.insert(modality),
                Fact::Setting(setting) => self.settings.insert(setting),
                Fact::Emergency(service) => self.emergency_services.insert(service),
                Fact::FacilityType(kind) => {
                    self.facility_type_codes.insert(format!("{}:{code}", definition.category));
                    self.facility_types.insert(kind)
                }
                Fact::Age(from, to) => self.ages.insert((from, to)),
            };
        }
    }
}

/// What a line of the reference sheet defines.
fn define(category: &str, code: &str, name: &str, description: &str) -> Definition {
    let entry = TABLE.iter().find(|(_, known, _)| *known == code);
    let mut note = None;
    let mut facts: Vec<Fact> = match entry {
        Some((expected, _, meanings)) if *expected == category => {
            meanings.iter().map(|one| fact(*one)).collect()
        }
        Some((expected, ..)) => {
            note = Some(format!("code {code} is of category {category}, not {expected}: not mapped"));
            Vec::new()
        }
        None => Vec::new(),
    };
    if LANGUAGES.contains(&category) {
        match LanguageTag::named(name) {
            Some(language) => {
                let named = Fact::Language(OfferedLanguage { language, mode: LanguageMode::Provider });
                if !facts.is_empty() && !facts.contains(&named) {
                    note = Some(format!("code {code} is {name:?} here: read by that name"));
                }
                facts = vec![named];
            }
            None if facts.is_empty() => {
                note.get_or_insert(format!("code {code} ({name}) names no language that is known"));
            }
            None => {}
        }
    }
    if let (AGES, Some((from, to))) = (category, described_ages(description)) {
        facts = vec![Fact::Age(from, to)];
    }
    Definition { category: category.to_owned(), facts, note }
}

/// A meaning of the table in the types of the directory.
fn fact(meaning: Meaning) -> Fact {
    const PROOF: &str = "a test reads every code of the table in its vocabulary";
    let language =
        |tag: &str, mode| Fact::Language(OfferedLanguage { language: tag.parse().expect(PROOF), mode });
    match meaning {
        Meaning::Provider(tag) => language(tag, LanguageMode::Provider),
        Meaning::Interpreter(tag) => language(tag, LanguageMode::Interpreter),
        Meaning::Coverage(category) => Fact::Coverage(category),
        Meaning::Population(code) => Fact::Population(code.parse().expect(PROOF)),
        Meaning::Need(code) => Fact::Need(code.parse().expect(PROOF)),
        Meaning::Practice(code) => Fact::Practice(code.parse().expect(PROOF)),
        Meaning::Met(modality) => Fact::Modality(modality),
        Meaning::Setting(setting) => Fact::Setting(setting),
        Meaning::Emergency(service) => Fact::Emergency(service),
        Meaning::Facility(kind) => Fact::FacilityType(kind),
        Meaning::Age(from, to) => Fact::Age(from, to),
    }
}

/// The ages in a description such as "accepts children/adolescents (12 or younger)", "(18 -25)" or "(65 or
/// older)": from the first up to but not including the second.
fn described_ages(description: &str) -> Option<(u8, u8)> {
    let (_, rest) = description.rsplit_once('(')?;
    let (inside, _) = rest.split_once(')')?;
    let mut numbers = inside.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let first: u8 = numbers.next()?.parse().ok()?;
    let range = match numbers.next() {
        Some(second) => (first, second.parse::<u8>().ok()?.checked_add(1)?),
        None if inside.ends_with("or younger") => (0, first.checked_add(1)?),
        None if inside.ends_with("or older") => (first, OLDEST),
        None => return None,
    };
    (numbers.next().is_none() && years(range).is_some()).then_some(range)
}

const OLDEST: u8 = 130;

/// The gaps between the ages that some code speaks of.
fn unspoken<'a>(facts: impl Iterator<Item = &'a Fact>) -> Vec<(u8, u8)> {
    let spoken: BTreeSet<(u8, u8)> = facts
        .filter_map(|fact| match fact {
            Fact::Age(from, to) => Some((*from, *to)),
            _ => None,
        })
        .collect();
    let mut gaps = Vec::new();
    let mut reached = 0;
    for (from, to) in spoken.into_iter().chain([(OLDEST, OLDEST)]) {
        if from > reached {
            gaps.push((reached, from));
        }
        reached = reached.max(to);
    }
    gaps
}

/// Whole years as a range of ages.
pub(super) fn years((from, to): (u8, u8)) -> Option<AgeRange> {
    AgeRange::new(f64::from(from), f64::from(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_table_is_in_its_vocabulary_and_stands_once() {
        let mut codes = BTreeSet::new();
        for (category, code, meanings) in TABLE {
            assert!(codes.insert(code), "{code} stands twice");
            assert!(!meanings.is_empty(), "{category}:{code} means nothing");
            for meaning in *meanings {
                fact(*meaning);
                if let Meaning::Age(from, to) = meaning {
                    assert!(years((*from, *to)).is_some(), "{code}");
                }
            }
        }
    }

    #[test]
    fn ages_are_what_the_description_says() {
        for (description, ages) in [
            ("Facility accepts children/adolescents (12 or younger) for treatment.", Some((0, 13))),
            ("Facility accepts young adults (18 -25) for treatment.", Some((18, 26))),
            ("accepts adolescents (13–17)", Some((13, 18))),
            ("Facility accepts seniors (65 or older) for treatment.", Some((65, 130))),
            ("Adults", None),
            ("(many)", None),
            ("(25 - 18)", None),
            ("(under 18)", None),
            ("(1 - 2 - 3)", None),
            ("(255 or younger)", None),
            ("(18 - 999)", None),
        ] {
            assert_eq!(described_ages(description), ages, "{description}");
        }
    }

    #[test]
    fn gaps_are_what_no_code_speaks_of() {
        let ages = |ranges: &[(u8, u8)]| -> Vec<(u8, u8)> {
            let facts: Vec<Fact> = ranges.iter().map(|(from, to)| Fact::Age(*from, *to)).collect();
            unspoken(facts.iter())
        };
        assert_eq!(ages(&[(0, 13), (65, 130), (26, 65), (18, 26)]), [(13, 18)]);
        assert_eq!(ages(&[(0, 18), (10, 65)]), [(65, 130)]);
        assert_eq!(ages(&[]), [(0, 130)]);
    }
}
