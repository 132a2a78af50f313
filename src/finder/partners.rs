//! Agreements of an offering's organization with districts and schools: whom they cover, on which days, and
//! what they keep for those alone. Whether one is in force is judged on the day of the question, as claims
//! are: no job and no write ends it.

use jiff::civil::Date;

use super::leaf::{Entry, Leaf};
use super::question::Question;
use crate::types::{DistrictId, SchoolId, Truth};

/// An agreement that covers an offering's service.
#[derive(Debug)]
pub(super) struct Partner {
    /// The schools that it names, ascending; none where it is with the whole district.
    schools: Box<[SchoolId]>,
    district: Option<DistrictId>,
    begins_on: Option<Date>,
    ends_on: Option<Date>,
    reserves: bool,
    space_in_school: bool,
    transport_provided: bool,
}

/// Where what is given in schools is looked for: under a school, or under a district or collaborative whose
/// schools all have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Door {
    School(SchoolId),
    District(DistrictId),
}

/// The agreements that cover the entry's service.
pub(super) fn of(entry: &Entry<'_>) -> Box<[Partner]> {
    let covers = |services: &[_]| services.is_empty() || services.contains(&entry.facts.service_id);
    let covering = entry.partnerships.iter().filter(|facts| covers(&facts.services));
    covering
        .map(|facts| {
            let mut schools = facts.schools.clone();
            schools.sort_unstable();
            Partner {
                schools: schools.into(),
                district: facts.district_id,
                begins_on: facts.begins_on,
                ends_on: facts.ends_on,
                reserves: facts.reserved == Some(true),
                space_in_school: facts.space_in_school == Some(true),
                transport_provided: facts.transport_provided == Some(true),
            }
        })
        .collect()
}

impl Partner {
    fn is_in_force(&self, day: Date) -> bool {
        self.begins_on.is_none_or(|first| first <= day) && self.ends_on.is_none_or(|last| day <= last)
    }

    /// The district whose schools are all covered.
    fn whole_district(&self) -> Option<DistrictId> {
        self.district.filter(|_| self.schools.is_empty())
    }

    /// Whether it covers the student's school: unknown where the school, or its district, is not known.
    fn covers(&self, question: &Question) -> Truth {
        match self.whole_district() {
            Some(_) if question.districts.is_empty() => Truth::Unknown,
            Some(district) => Truth::known(question.districts.contains(&district)),
            None => question
                .school
                .map_or(Truth::Unknown, |school| Truth::known(self.schools.binary_search(&school).is_ok())),
        }
    }

    /// The places under which it is looked for.
    pub(super) fn doors(&self) -> impl Iterator<Item = Door> {
        let schools = self.schools.iter().copied().map(Door::School);
        schools.chain(self.whole_district().map(Door::District))
    }

    pub(super) fn has(&self, door: Door) -> bool {
        match door {
            Door::School(school) => self.schools.binary_search(&school).is_ok(),
            Door::District(district) => self.whole_district() == Some(district),
        }
    }

    /// Whose partner it is, since when, and what comes with it.
    fn sentence(&self, question: &Question) -> String {
        let whose = match self.whole_district() {
            None => "the school",
            district if district.as_ref() == question.districts.first() => "the district",
            Some(_) => "a collaborative of the district",
        };
        let since = self.begins_on.map(|day| format!(" since {day}")).unwrap_or_default();
        let until = self.ends_on.map(|day| format!(", until {day}")).unwrap_or_default();
        let space = self.space_in_school.then_some("space in school");
        let transport = self.transport_provided.then_some("transport provided");
        let extras: Vec<&str> = space.into_iter().chain(transport).collect();
        let extras = if extras.is_empty() { String::new() } else { format!(": {}", extras.join(", ")) };
        format!("partner of {whose}{since}{until}{extras}")
    }
}

/// Whether an agreement that is in force covers the student's school.
pub(super) fn cover(leaf: &Leaf, question: &Question, today: Date) -> Truth {
    Truth::any(in_force(leaf, today).map(|partner| partner.covers(question)))
}

/// Whether the student's school is among those for which the service is reserved; any one agreement will do.
/// None where it is not reserved today.
pub(super) fn reserved(leaf: &Leaf, question: &Question, today: Date) -> Option<Truth> {
    in_force(leaf, today).filter(|partner| partner.reserves).map(|partner| partner.covers(question)).max()
}

/// What the agreements mean for the student's school, in a sentence.
pub(super) fn sentence(leaf: &Leaf, question: &Question, today: Date) -> String {
    let covering = in_force(leaf, today).find(|partner| partner.covers(question) == Truth::Yes);
    covering.map_or_else(
        || "no partnership with the school or its district in force today".to_owned(),
        |partner| partner.sentence(question),
    )
}

fn in_force(leaf: &Leaf, today: Date) -> impl Iterator<Item = &Partner> {
    leaf.partners().iter().filter(move |partner| partner.is_in_force(today))
}
