//! Where a student lives, or a search starts: a ZIP code or a town, as asked and as found.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::origin::Name;
use crate::directory::{
    PostalPlace, Town, TownInPlace, centre_of, in_place, knows_towns, near_postal_codes, near_towns,
    towns_at, towns_named,
};
use crate::error::Result;
use crate::finder::question::Residence;
use crate::store::DbConnection;
use crate::types::{Coordinates, PostalCode};

/// `Lawrence` or `Lawrence, MA`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TownName {
    name: String,
    state: Option<String>,
}

impl FromStr for TownName {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        // What is compared with every town's name is kept short.
        const LONGEST: usize = 200;
        if text.len() > LONGEST {
            return Err(format!("has {} bytes; no town's name is that long", text.len()));
        }
        let (name, state) = match text.rsplit_once(',') {
            None => (text.trim(), None),
            Some((name, state)) => (name.trim(), Some(state.trim())),
        };
        match state {
            _ if name.is_empty() => Err(format!("{text:?} names no town, such as Lawrence or Lawrence, MA")),
            Some(state) if !is_state(state) => Err(format!(
                "{state:?} is not a state: two letters are needed after the comma, such as Lawrence, MA"
            )),
            state => Ok(Self { name: name.to_owned(), state: state.map(str::to_uppercase) }),
        }
    }
}

impl TryFrom<String> for TownName {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        text.parse()
    }
}

impl From<TownName> for String {
    fn from(TownName { name, state }: TownName) -> Self {
        match state {
            Some(state) => format!("{name}, {state}"),
            None => name,
        }
    }
}

/// Whether a text is the two letters of a state.
pub fn is_state(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Where the student lives, as it was given: what begins with a digit is a ZIP code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum HomeAsk {
    /// In a ZIP code.
    PostalCode(PostalCode),
    /// In a town.
    Town(TownName),
}

impl FromStr for HomeAsk {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            text.parse()
                .map(Self::PostalCode)
                .map_err(|error: crate::types::InvalidPostalCode| error.to_string())
        } else {
            text.parse().map(Self::Town)
        }
    }
}

impl TryFrom<String> for HomeAsk {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        text.parse()
    }
}

impl From<HomeAsk> for String {
    fn from(asked: HomeAsk) -> Self {
        match asked {
            HomeAsk::PostalCode(code) => code.to_string(),
            HomeAsk::Town(town) => town.into(),
        }
    }
}

/// Where the student lives, as it was found.
pub(super) enum Home {
    /// Somewhere.
    Point(Coordinates),
    /// In a ZIP code; its centre, or a better point, stands for it.
    Postal(Coordinates, PostalPlace),
    /// In a town.
    Town(Box<Town>),
}

impl Home {
    /// What is known of it: of a town its county and state, and its ZIP code if it has one only; of a ZIP code or a
    /// point the town around it, if it is one only.
    ///
    /// # Errors
    /// If the database fails.
    pub(super) fn residence(self, connection: &mut DbConnection, assumed: bool) -> Result<Residence> {
        match self {
            Self::Town(town) => {
                let at = town.at;
                let TownInPlace { town, county, postal_codes } = in_place(connection, *town)?;
                let only = match postal_codes.as_slice() {
                    [only] => Some(*only),
                    _ => None,
                };
                Ok(Residence {
                    postal_code: only,
                    town: Some(town.name),
                    county,
                    state: Some(town.state),
                    at: Some(at),
                    assumed,
                })
            }
            Self::Point(at) => match town_around(connection, at)? {
                None => Ok(Residence { at: Some(at), assumed, ..Residence::default() }),
                Some(town) => {
                    let TownInPlace { town, county, .. } = in_place(connection, town)?;
                    let (name, state) = (Some(town.name), Some(town.state));
                    Ok(Residence { postal_code: None, town: name, county, state, at: Some(at), assumed })
                }
            },
            Self::Postal(at, centre) => {
                // Near the border of a state an outline and a ZIP code may disagree; then the ZIP code has it.
                let town = town_around(connection, at)?
                    .filter(|town| centre.state.as_ref().is_none_or(|state| *state == town.state));
                Ok(Residence {
                    postal_code: Some(centre.postal_code),
                    county: centre.county,
                    state: centre.state.or_else(|| town.as_ref().map(|town| town.state.clone())),
                    town: town.map(|town| town.name),
                    at: Some(at),
                    assumed,
                })
            }
        }
    }
}

/// The one town in which a point lies.
fn town_around(connection: &mut DbConnection, at: Coordinates) -> Result<Option<Town>> {
    let mut around = towns_at(connection, at)?;
    Ok(around.pop().filter(|_| around.is_empty()))
}

/// The town of this name.
///
/// # Errors
/// [`crate::error::Error::Invalid`] if there is none, or several states have one; names those, or near ones.
pub(super) fn known_town(
    connection: &mut DbConnection,
    asked: &TownName,
    field: &str,
    name: Name,
) -> Result<Town> {
    let TownName { name: town, state } = asked;
    let mut found = towns_named(connection, town)?;
    found.retain(|one| state.as_ref().is_none_or(|state| one.state == *state));
    let message = match found.as_slice() {
        [_] => return Ok(found.remove(0)),
        [] if !knows_towns(connection)? => {
            "no towns are known yet; `causeway import towns FILE` reads them from GeoJSON".to_owned()
        }
        [] => {
            let place = state.as_ref().map(|state| format!(" in {state}")).unwrap_or_default();
            match near_towns(connection, town, state.as_deref())?.as_slice() {
                [] => format!("there is no town {town:?}{place}, and none is spelt like it"),
                near => format!("there is no town {town:?}{place}; near it are {}", near.join("; ")),
            }
        }
        several => {
            let choices: Vec<String> =
                several.iter().map(|one| format!("{}, {}", one.name, one.state)).collect();
            format!("several states have a town {town:?}; name the state: {}", choices.join("; "))
        }
    };
    Err(name(field, message).into())
}

/// The centre of a ZIP code.
///
/// # Errors
/// [`crate::error::Error::Invalid`] if it is not known; names near ones.
pub(super) fn known_centre(
    connection: &mut DbConnection,
    code: PostalCode,
    field: &str,
    name: Name,
) -> Result<PostalPlace> {
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
