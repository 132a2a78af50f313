//! Where a search starts, and where the student lives.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::home::{Home, HomeAsk, TownName, known_centre, known_town};
use crate::directory::{
    Facts, InsurancePlanFacts, Page, SchoolFacts, centre_of, collaboratives_of, find, find_all, list, placed,
};
use crate::error::{Error, FieldError, Result};
use crate::finder::question::{Ask, CoverageAsk, Criteria, Residence};
use crate::store::DbConnection;
use crate::types::{Coordinates, CoverageCategory, DistrictId, PostalCode, SchoolId};

/// `LAT,LON` in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near(pub Coordinates);

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

/// Where travel starts: a point, a ZIP code, a town or a school; and where the student lives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MatchOrigin)]
pub struct OriginAsk {
    /// A point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub near: Option<Coordinates>,
    /// The centre of a ZIP code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub postal_code: Option<PostalCode>,
    /// A point in the middle of a town: `Lawrence` or, where several states have one, `Lawrence, MA`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<String>, example = "Lawrence, MA")]
    pub town: Option<TownName>,
    /// The student's school, by id or code; travel starts there unless another place is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub school: Option<String>,
    /// The ZIP code or town that the student lives in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<String>, example = "01840")]
    pub residence: Option<HomeAsk>,
}

/// The place where a search starts, as it was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
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
pub type Name = fn(&str, String) -> FieldError;

impl OriginAsk {
    /// Whether it names a place that has to be looked up.
    pub fn names_place(&self) -> bool {
        self.postal_code.is_some() || self.town.is_some() || self.school.is_some() || self.residence.is_some()
    }

    /// What is wrong with it before anything is looked up.
    pub fn problems(&self, name: Name) -> Vec<FieldError> {
        let mut problems = Vec::new();
        // A school may stand beside any of the others: they say where travel starts, it says which school.
        let given = [
            ("near", self.near.is_some()),
            ("postal_code", self.postal_code.is_some()),
            ("town", self.town.is_some()),
        ];
        let given: Vec<&str> = given.iter().filter(|(_, given)| *given).map(|(field, _)| *field).collect();
        if let [first, second, ..] = given.as_slice() {
            let message =
                format!("contradicts {second}: a search starts at one place; leave one of them out");
            problems.push(name(first, message));
        }
        if given.is_empty() && self.school.is_none() {
            let message = "a search needs a place to start from: near=LAT,LON, postal_code, town or school";
            problems.push(name("near", message.to_owned()));
        }
        problems
    }

    /// Looks the place up.
    ///
    /// # Errors
    /// [`Error::Invalid`] if a ZIP code or school is not known or has no place; names near ones.
    pub fn find(&self, connection: &mut DbConnection, name: Name) -> Result<Origin> {
        let school = self.school.as_deref().map(|asked| find_school(connection, asked, name)).transpose()?;
        let (at, lives_in) = match (self.near, self.postal_code, &self.town, &school) {
            (Some(at), ..) => (at, Home::Point(at)),
            (None, Some(code), ..) => {
                let centre = known_centre(connection, code, "postal_code", name)?;
                (centre.at, Home::Postal(centre.at, centre))
            }
            (None, None, Some(town), _) => {
                let town = known_town(connection, town, "town", name)?;
                (town.at, Home::Town(Box::new(town)))
            }
            (None, None, None, Some((_, facts))) => {
                let placement = placed(connection, facts, None)?;
                let at = placement.ok_or_else(|| {
                    name(
                        "school",
                        "has neither coordinates nor a known ZIP code or town; give near or postal_code"
                            .to_owned(),
                    )
                })?;
                let centre = facts.postal_code.map(|code| centre_of(connection, code)).transpose()?.flatten();
                (at.at(), centre.map_or(Home::Point(at.at()), |centre| Home::Postal(at.at(), centre)))
            }
            (None, None, None, None) => {
                return Err(name("near", "a search needs a place to start from".to_owned()).into());
            }
        };
        let home = match &self.residence {
            Some(HomeAsk::PostalCode(code)) => {
                let centre = known_centre(connection, *code, "residence", name)?;
                Home::Postal(centre.at, centre)
            }
            Some(HomeAsk::Town(town)) => {
                Home::Town(Box::new(known_town(connection, town, "residence", name)?))
            }
            None => lives_in,
        };
        let residence = home.residence(connection, self.residence.is_none())?;
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
pub fn categories_of(
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
