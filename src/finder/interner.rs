//! Dense numbers for what offerings name by long keys: language tags and insurance plans.

use std::sync::LazyLock;

use jiff::civil::Date;
use rustc_hash::FxHashMap;

use super::facets::InternedSet;
use crate::types::{CoverageCategory, InsurancePlanId, LanguageTag, Truth};

/// The offered language tags, numbered in order of appearance. A number is never given up: there are no
/// more tags than anyone ever offered.
#[derive(Debug, Default)]
pub(super) struct Languages {
    tags: Vec<LanguageTag>,
    numbers: FxHashMap<LanguageTag, u32>,
    by_primary: FxHashMap<String, Vec<u32>>,
}

/// The offered tags that meet one asked tag, and those that may.
#[derive(Debug, Default)]
pub(super) struct MetBy {
    pub(super) yes: InternedSet,
    pub(super) unknown: InternedSet,
}

impl Languages {
    pub(super) fn number(&mut self, tag: &LanguageTag) -> u32 {
        if let Some(number) = self.numbers.get(tag) {
            return *number;
        }
        let number = u32::try_from(self.tags.len()).expect("memory ends before four billion tags");
        self.tags.push(tag.clone());
        self.numbers.insert(tag.clone(), number);
        self.by_primary.entry(tag.primary().to_owned()).or_default().push(number);
        number
    }

    /// Resolves an ask. Costs one comparison per offered tag of the same or a related primary language.
    pub(super) fn met_by(&self, asked: &LanguageTag) -> MetBy {
        let mut met = MetBy::default();
        let primary = asked.primary();
        let related = RELATED.get(primary).map_or(&[][..], Vec::as_slice);
        for primary in std::iter::once(primary).chain(related.iter().copied()) {
            for number in self.by_primary.get(primary).into_iter().flatten() {
                match asked.is_met_by(&self.tags[*number as usize]) {
                    Truth::Yes => met.yes.insert(*number),
                    Truth::Unknown => met.unknown.insert(*number),
                    Truth::No => {}
                }
            }
        }
        met
    }

    /// Every offered tag.
    pub(super) fn tags(&self) -> impl Iterator<Item = (u32, &LanguageTag)> {
        (0..).zip(&self.tags)
    }

    /// Every offered tag in a set.
    pub(super) fn tags_in<'a>(
        &'a self,
        set: &'a InternedSet,
    ) -> impl Iterator<Item = (u32, &'a LanguageTag)> {
        self.tags().filter(|(number, _)| set.contains(*number))
    }
}

/// Primary languages that can meet, or leave open, an ask for another: macrolanguages and their members.
/// [`LanguageTag::is_met_by`] is never other than "no" outside of these and the same primary language.
static RELATED: LazyLock<FxHashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let mut related: FxHashMap<&str, Vec<&str>> = FxHashMap::default();
    for term in &LanguageTag::vocabulary().terms {
        for member in term.members.iter().filter(|member| **member != term.code) {
            related.entry(&term.code).or_default().push(member);
            related.entry(member).or_default().push(&term.code);
        }
    }
    for primaries in related.values_mut() {
        primaries.sort_unstable();
        primaries.dedup();
    }
    related
});

/// What the finder needs to know of a plan. Both days of its effect are included; absent is open-ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanInfo {
    /// What kind of coverage it is.
    pub category: CoverageCategory,
    /// First day.
    pub effective_from: Option<Date>,
    /// Last day.
    pub effective_until: Option<Date>,
}

impl PlanInfo {
    /// Whether it is in effect on `day`.
    pub fn is_in_effect(&self, day: Date) -> bool {
        self.effective_from.is_none_or(|from| from <= day)
            && self.effective_until.is_none_or(|until| day <= until)
    }
}

/// The table of plans, and the numbers of those that offerings list, known to the table or not.
#[derive(Debug, Default)]
pub(super) struct Plans {
    numbers: FxHashMap<InsurancePlanId, u32>,
    infos: Vec<Option<PlanInfo>>,
    /// How many listings each plan has.
    listings: Vec<u32>,
}

impl Plans {
    fn number(&mut self, plan: InsurancePlanId) -> u32 {
        *self.numbers.entry(plan).or_insert_with(|| {
            self.infos.push(None);
            self.listings.push(0);
            u32::try_from(self.infos.len() - 1).expect("memory ends before four billion plans")
        })
    }

    pub(super) fn add_listing(&mut self, plan: InsurancePlanId) -> u32 {
        let number = self.number(plan);
        self.listings[number as usize] += 1;
        number
    }

    pub(super) fn drop_listing(&mut self, number: u32) {
        self.listings[number as usize] -= 1;
    }

    pub(super) fn find(&self, plan: InsurancePlanId) -> Option<u32> {
        self.numbers.get(&plan).copied()
    }

    pub(super) fn info(&self, number: u32) -> Option<&PlanInfo> {
        self.infos[number as usize].as_ref()
    }

    /// Sets what is known of a plan. Its number, if an offering lists it and its category is another now.
    pub(super) fn set(&mut self, plan: InsurancePlanId, info: PlanInfo) -> Option<u32> {
        let number = self.number(plan);
        let old = self.infos[number as usize].replace(info);
        let moved = old.is_none_or(|old| old.category != info.category);
        (moved && self.listings[number as usize] > 0).then_some(number)
    }
}
