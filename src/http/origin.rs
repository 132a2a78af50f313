//! Where a search starts, and where the student lives.

use std::str::FromStr;

use crate::directory::{
    Facts, InsurancePlanFacts, Page, SchoolFacts, centre_of, collaboratives_of, find, find_all, list,
    near_postal_codes, placed,
};
use crate::error::{Error, FieldError, Result};
use crate::finder::{Ask, CoverageAsk, Criteria, Residence};
use crate::store::DbConnection;
use crate::types::{Coordinates, CoverageCategory, DistrictId, PostalCode, SchoolId};

/// `LAT,LON` in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Near(pub Coordinates);

impl FromStr for Near {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wanted = || format!("{text:?} is not LAT,LON in degrees, such as 42.7070,-71.1631");
        let (latitude, longitude) = text.split_once(',').ok_or_else(wanted)?;
        match (latitude.trim().parse(), longitude.trim().parse()) {
            (Ok(latitude), Ok(longitude)) => {
                Coordinates::new(latitude, longitude).map(Self).map_err(|error| error.to_string())
            }
            _ => Err(wanted()),
        }
    }
}

/// The place where a search starts, as it was given: exactly one of the three.
#[derive(Clone, Debug, Default)]
pub(super) struct OriginAsk {
    /// A point.
    pub near: Option<Coordinates>,
    /// The centre of a ZIP code.
    pub postal_code: Option<PostalCode>,
    /// A school, by id or code. It is the student's school too.
    pub school: Option<String>,
    /// The ZIP code that the student lives in.
    pub residence: Option<PostalCode>,
}

/// The place where a search starts, as it was found.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Origin {
    /// Where travel starts.
    pub at: Coordinates,
    /// Where the student lives.
    pub residence: Residence,
    /// The student's school.
    pub school: Option<SchoolId>,
    /// Its district, then the collaboratives that the district belongs to.
    pub districts: Vec<DistrictId>,
}

/// How the fields are called where the question was asked: a query parameter or a member of the body.
pub(super) type Name = fn(&str, String) -> FieldError;

impl OriginAsk {
    /// What is wrong with it before anything is looked up.
    pub(super) fn problems(&self, name: Name) -> Vec<FieldError> {
        let mut problems = Vec::new();
        // A school may stand beside a point or a ZIP code: they say where travel starts, it says which school.
        if self.near.is_some() && self.postal_code.is_some() {
            let message = "contradicts postal_code: a search starts at one place; leave one of them out";
            problems.push(name("near", message.to_owned()));
        }
        if self.near.is_none() && self.postal_code.is_none() && self.school.is_none() {
            let message = "a search needs a place to start from: near=LAT,LON, postal_code or school";
            problems.push(name("near", message.to_owned()));
        }
        problems
    }

    /// Looks the place up.
    ///
    /// # Errors
    /// [`Error::Invalid`] if a ZIP code or school is not known or has no place; names near ones.
    pub(super) fn find(&self, connection: &mut DbConnection, name: Name) -> Result<Origin> {
        let school = self.school.as_deref().map(|asked| find_school(connection, asked, name)).transpose()?;
        let (at, lives_in) = match (self.near, self.postal_code, &school) {
            (Some(at), ..) => (at, None),
            (None, Some(code), _) => {
                let centre = known_centre(connection, code, "postal_code", name)?;
                (centre.at, Some(centre))
            }
            (None, None, Some((_, facts))) => {
                let placement = placed(connection, facts, None)?;
                let at = placement.ok_or_else(|| {
                    name(
                        "school",
                        "has neither coordinates nor a known ZIP code; give near or postal_code".to_owned(),
                    )
                })?;
                let centre = facts.postal_code.map(|code| centre_of(connection, code)).transpose()?.flatten();
                (at.at(), centre)
            }
            (None, None, None) => {
                return Err(name("near", "a search needs a place to start from".to_owned()).into());
            }
        };
        let assumed = self.residence.is_none();
        let home = match self.residence {
            Some(code) => Some(known_centre(connection, code, "residence", name)?),
            None => lives_in,
        };
        let residence = match home {
            Some(home) => Residence {
                postal_code: Some(home.postal_code),
                town: None,
                county: home.county,
                state: home.state,
                assumed,
            },
            None => Residence { assumed, ..Residence::default() },
        };
        let mut districts = Vec::new();
        if let Some(district) = school.as_ref().and_then(|(_, facts)| facts.district_id) {
            districts.push(district);
            districts.extend(collaboratives_of(connection, district)?);
        }
        Ok(Origin { at, residence, school: school.map(|(id, _)| id), districts })
    }
}

/// The categories of what is asked to pay. Refuses a plan that is not there: a misspelt id would find nothing
/// and not say why.
///
/// # Errors
/// [`Error::Invalid`] that names the plan.
pub(super) fn categories_of(
    connection: &mut DbConnection,
    required: &Criteria,
    name: Name,
    field: &str,
) -> Result<Vec<CoverageCategory>> {
    let asks = required.coverage.as_ref().map_or(&[][..], Ask::values);
    let mut categories = Vec::new();
    for ask in asks {
        let category = match ask {
            CoverageAsk::Category(category) => *category,
            CoverageAsk::Plan(plan) => {
                let found = find_all::<InsurancePlanFacts>(connection, &[*plan])?.pop();
                let unknown = || name(field, format!("there is no insurance plan {plan}"));
                found.ok_or_else(unknown)?.facts.category
            }
        };
        if !categories.contains(&category) {
            categories.push(category);
        }
    }
    Ok(categories)
}

fn known_centre(
    connection: &mut DbConnection,
    code: PostalCode,
    field: &str,
    name: Name,
) -> Result<crate::directory::PostalPlace> {
    if let Some(centre) = centre_of(connection, code)? {
        return Ok(centre);
    }
    let near = near_postal_codes(connection, code)?;
    let advice = match near.as_slice() {
        [] => "no ZIP code begins like it".to_owned(),
        near => format!("near it are {}", near.join(", ")),
    };
    Err(name(field, format!("the ZIP code {code} is not known; {advice}")).into())
}

fn find_school(connection: &mut DbConnection, asked: &str, name: Name) -> Result<(SchoolId, SchoolFacts)> {
    if let Ok(id) = asked.parse::<SchoolId>() {
        return match find::<SchoolFacts>(connection, id) {
            Ok(school) => Ok((school.id, school.facts)),
            Err(Error::NotFound { .. }) => Err(name("school", format!("there is no school {id}")).into()),
            Err(error) => Err(error),
        };
    }
    debug_assert!(SchoolFacts::FILTERS.contains(&"code"));
    let page = Page { limit: 2, filters: vec![("code", asked.to_owned())], ..Page::default() };
    let (mut found, _) = list::<SchoolFacts>(connection, &page)?;
    match (found.pop(), found.pop()) {
        (Some(school), None) => Ok((school.id, school.facts)),
        (Some(one), Some(other)) => {
            let message = format!(
                "{asked:?} is the code of several campuses; give the id of one, such as {} ({}) or {} ({})",
                other.id, other.facts.name, one.id, one.facts.name
            );
            Err(name("school", message).into())
        }
        (None, _) => {
            Err(name("school", format!("{asked:?} is neither the id nor the code of a school")).into())
        }
    }
}
