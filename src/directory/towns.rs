//! Towns: their outlines, and what follows from where they lie.
//!
//! What others say of a place — the ZIP codes of a town, the town of a ZIP code — is worked out whenever it is
//! asked, from outlines and centres as they are then. Nothing of it is kept, so nothing of it grows stale.

use std::collections::HashSet;

use diesel::prelude::*;

use super::facts::{LocationFacts, SchoolFacts};
use super::places::{Placed, PostalPlace, centres_between, some_centres};
use super::record::{COUNTED_UP_TO, Record, find_all, parse_id};
use super::touch;
use crate::error::{Error, Result};
use crate::store::schema::{locations, schools, towns};
use crate::store::{DbConnection, Noun, Tx, on_either};
use crate::types::{
    BoundingBox, Coordinates, Outline, OutlineFault, PostalCode, Shape, comparable_place, near_spellings,
};

/// A town as its source has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Town {
    /// Its name in ordinary writing.
    pub name: String,
    /// Two-letter state.
    pub state: String,
    /// County, without the word "County", if the source says so.
    pub county: Option<String>,
    /// Where it lies.
    pub geometry: Outline,
    /// A point inside it, about the middle of its widest part.
    pub at: Coordinates,
    /// Between which degrees it lies.
    pub bounds: BoundingBox,
}

/// A town's key: its state, and its name as names are compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct TownKey {
    /// Two capitals.
    pub state: String,
    /// See [`comparable_place`].
    pub comparable_name: String,
}

/// A town with what follows from where it lies.
#[derive(Clone, Debug, PartialEq)]
pub struct TownInPlace {
    /// The town.
    pub town: Town,
    /// The county that its source names; else that of its ZIP codes, if they agree.
    pub county: Option<String>,
    /// The ZIP codes whose centres lie inside it, ascending.
    pub postal_codes: Vec<PostalCode>,
}

impl Town {
    /// The town whose outline this is.
    ///
    /// # Errors
    /// What is wrong with the outline.
    pub fn new(
        name: String,
        state: String,
        county: Option<String>,
        geometry: Outline,
    ) -> Result<Self, Vec<OutlineFault>> {
        let shape = geometry.shape()?;
        Ok(Self { name, state, county, at: shape.interior_point(), bounds: shape.bounds(), geometry })
    }

    /// What it is known by.
    pub fn key(&self) -> TownKey {
        TownKey::new(&self.name, &self.state)
    }

    fn shape(&self) -> Result<Shape> {
        self.geometry.shape().map_err(|faults| {
            let first = faults.first().map(ToString::to_string).unwrap_or_default();
            Error::internal(format!("reading the outline of {}", self.name), first)
        })
    }
}

impl TownKey {
    /// The key of a town of this name, however it is written.
    pub fn new(name: &str, state: &str) -> Self {
        Self { state: state.to_uppercase(), comparable_name: comparable_place(name) }
    }
}

type Row = (String, String, String, Option<String>, f64, f64, f64, f64, f64, f64, String);

fn read(row: Row) -> Result<Town> {
    let (state, _, name, county, latitude, longitude, west, south, east, north, geometry) = row;
    let damaged = |source: String| Error::internal(format!("reading the town {name}"), source);
    Ok(Town {
        at: Coordinates::new(latitude, longitude).map_err(|error| damaged(error.to_string()))?,
        geometry: serde_json::from_str(&geometry).map_err(|error| damaged(error.to_string()))?,
        bounds: BoundingBox { west, south, east, north },
        name,
        state,
        county,
    })
}

/// One town.
///
/// # Errors
/// If the database fails.
pub fn find_town(connection: &mut DbConnection, key: &TownKey) -> Result<Option<Town>> {
    let row =
        towns::table.find((&key.state, &key.comparable_name)).get_result::<Row>(connection).optional()?;
    row.map(read).transpose()
}

/// The point that stands for a town; cheaper than the town itself.
pub(super) fn point_of_town(connection: &mut DbConnection, key: &TownKey) -> Result<Option<Coordinates>> {
    let point: Option<(f64, f64)> = towns::table
        .find((&key.state, &key.comparable_name))
        .select((towns::latitude, towns::longitude))
        .get_result(connection)
        .optional()?;
    point
        .map(|(latitude, longitude)| Coordinates::new(latitude, longitude))
        .transpose()
        .map_err(|error| Error::internal("reading the point of a town", error))
}

/// The towns of this name, in the order of their states.
///
/// # Errors
/// If the database fails.
pub fn towns_named(connection: &mut DbConnection, name: &str) -> Result<Vec<Town>> {
    towns::table
        .filter(towns::comparable_name.eq(comparable_place(name)))
        .order(towns::state)
        .load::<Row>(connection)?
        .into_iter()
        .map(read)
        .collect()
}

/// The towns in whose outline a point lies: more than one where it lies on their border.
///
/// # Errors
/// If the database fails.
pub fn towns_at(connection: &mut DbConnection, at: Coordinates) -> Result<Vec<Town>> {
    let (latitude, longitude) = (at.latitude(), at.longitude());
    let rows = towns::table
        .filter(towns::south.le(latitude).and(towns::north.ge(latitude)))
        .filter(towns::west.le(longitude).and(towns::east.ge(longitude)))
        .order((towns::state, towns::comparable_name))
        .load::<Row>(connection)?;
    let mut around = Vec::new();
    for town in rows.into_iter().map(read) {
        let town = town?;
        if town.shape()?.contains(at) {
            around.push(town);
        }
    }
    Ok(around)
}

/// Whether any town is known.
///
/// # Errors
/// If the database fails.
pub fn knows_towns(connection: &mut DbConnection) -> Result<bool> {
    Ok(towns::table.select(towns::state).first::<String>(connection).optional()?.is_some())
}

/// Towns that are spelt like one that is not known, as `Name, ST`.
///
/// # Errors
/// If the database fails.
pub fn near_towns(connection: &mut DbConnection, name: &str, state: Option<&str>) -> Result<Vec<String>> {
    let mut query = towns::table.select((towns::state, towns::comparable_name, towns::name)).into_boxed();
    if let Some(state) = state {
        query = query.filter(towns::state.eq(state.to_uppercase()));
    }
    let known: Vec<(String, String, String)> = query.load(connection)?;
    let known: Vec<(String, String)> = known
        .into_iter()
        .map(|(state, comparable_name, name)| (comparable_name, format!("{name}, {state}")))
        .collect();
    let spellings = known.iter().map(|(comparable, shown)| (comparable.as_str(), shown.as_str()));
    Ok(near_spellings(&comparable_place(name), spellings))
}

/// What a list of towns asks for.
#[derive(Clone, Debug, Default)]
pub struct TownPage {
    /// Only towns behind this one; lists run by state and name.
    pub after: Option<TownKey>,
    /// How many.
    pub limit: i64,
    /// Only those of this state.
    pub state: Option<String>,
    /// Only those of this name.
    pub name: Option<String>,
}

/// One page of towns, and how many there are in all (counted up to [`COUNTED_UP_TO`] + 1).
///
/// # Errors
/// If the database fails.
pub fn list_towns(connection: &mut DbConnection, page: &TownPage) -> Result<(Vec<Town>, i64)> {
    macro_rules! filtered {
        ($query:expr) => {{
            let mut query = $query.into_boxed();
            if let Some(state) = &page.state {
                query = query.filter(towns::state.eq(state.to_uppercase()));
            }
            if let Some(name) = &page.name {
                query = query.filter(towns::comparable_name.eq(comparable_place(name)));
            }
            query
        }};
    }
    let mut query = filtered!(towns::table.order((towns::state, towns::comparable_name)).limit(page.limit));
    if let Some(TownKey { state, comparable_name }) = &page.after {
        let same_state = towns::state.eq(state).and(towns::comparable_name.gt(comparable_name));
        query = query.filter(towns::state.gt(state).or(same_state));
    }
    let found = query.load::<Row>(connection)?.into_iter().map(read).collect::<Result<_>>()?;
    let counted: Vec<String> =
        filtered!(towns::table.select(towns::state).limit(COUNTED_UP_TO + 1)).load(connection)?;
    Ok((found, i64::try_from(counted.len()).unwrap_or(i64::MAX)))
}

/// Works out what follows from where a town lies.
///
/// # Errors
/// If the database fails.
pub fn in_place(connection: &mut DbConnection, town: Town) -> Result<TownInPlace> {
    let shape = town.shape()?;
    let mut inside: Vec<PostalPlace> = centres_between(connection, town.bounds)?;
    inside.retain(|place| shape.contains(place.at));
    inside.sort_by_key(|place| place.postal_code);
    let counties: HashSet<&str> = inside.iter().filter_map(|place| place.county.as_deref()).collect();
    let agreed = counties.iter().next().filter(|_| counties.len() == 1).map(|county| (*county).to_owned());
    Ok(TownInPlace {
        county: town.county.clone().or(agreed),
        postal_codes: inside.iter().map(|place| place.postal_code).collect(),
        town,
    })
}

/// How many towns changed, and how many locations and schools were placed anew by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TownsReplaced {
    /// Towns that were not known.
    pub created: u64,
    /// Towns with another name, county or outline than before.
    pub updated: u64,
    /// Towns that were known so.
    pub unchanged: u64,
    /// Locations and schools that stand at a town's point.
    pub placed_anew: u64,
}

impl TownsReplaced {
    /// Compares a town with what is known of it: whether it is to be written.
    fn compare(&mut self, known: Option<&Town>, town: &Town) -> bool {
        match known {
            None => self.created += 1,
            Some(known) if known == town => {
                self.unchanged += 1;
                return false;
            }
            Some(_) => self.updated += 1,
        }
        true
    }
}

/// A file without counties says nothing of them.
fn merged(known: Option<&Town>, town: &Town) -> Town {
    let county = town.county.clone().or_else(|| known.and_then(|known| known.county.clone()));
    Town { county, ..town.clone() }
}

/// What [`replace_towns`] would do, apart from placing anew.
///
/// # Errors
/// If the database fails.
pub fn compare_towns(connection: &mut DbConnection, towns: &[Town]) -> Result<TownsReplaced> {
    let mut replaced = TownsReplaced::default();
    for town in towns {
        let known = find_town(connection, &town.key())?;
        replaced.compare(known.as_ref(), &merged(known.as_ref(), town));
    }
    Ok(replaced)
}

/// Replaces towns, and places anew what stands in one whose point is another now.
///
/// # Errors
/// If the database fails.
pub fn replace_towns(tx: &mut Tx<'_>, towns: &[Town]) -> Result<TownsReplaced> {
    let mut replaced = TownsReplaced::default();
    let mut moved: HashSet<TownKey> = HashSet::new();
    for town in towns {
        let known = find_town(tx.connection, &town.key())?;
        let town = merged(known.as_ref(), town);
        if !replaced.compare(known.as_ref(), &town) {
            continue;
        }
        write(tx, &town, known.is_some())?;
        if known.is_none_or(|known| known.at != town.at) {
            moved.insert(town.key());
        }
    }
    if !moved.is_empty() {
        replaced.placed_anew =
            place_anew::<LocationFacts>(tx, &moved)? + place_anew::<SchoolFacts>(tx, &moved)?;
    }
    Ok(replaced)
}

fn write(tx: &mut Tx<'_>, town: &Town, is_known: bool) -> Result<()> {
    let TownKey { state, comparable_name } = town.key();
    let geometry = serde_json::to_string(&town.geometry)
        .map_err(|source| Error::internal("writing an outline", source))?;
    let values = (
        towns::name.eq(&town.name),
        towns::county.eq(&town.county),
        towns::latitude.eq(town.at.latitude()),
        towns::longitude.eq(town.at.longitude()),
        towns::west.eq(town.bounds.west),
        towns::south.eq(town.bounds.south),
        towns::east.eq(town.bounds.east),
        towns::north.eq(town.bounds.north),
        towns::geometry.eq(&geometry),
    );
    if is_known {
        diesel::update(towns::table.find((&state, &comparable_name))).set(values).execute(tx.connection)?;
    } else {
        on_either!(&mut *tx.connection, connection => diesel::insert_into(towns::table)
            .values((towns::state.eq(&state), towns::comparable_name.eq(&comparable_name), values))
            .execute(connection))?;
    }
    Ok(())
}

/// Touches what stands at the point of one of these towns, having neither coordinates nor a known ZIP code.
fn place_anew<F: Placed>(tx: &mut Tx<'_>, moved: &HashSet<TownKey>) -> Result<u64> {
    // The facts are a document: this finds a few too many, and each is looked at.
    const STATED: &str = "%\"coordinates\":%";
    let without: Vec<String> = if F::NOUN == Noun::School {
        schools::table.filter(schools::facts.not_like(STATED)).select(schools::id).load(tx.connection)?
    } else {
        locations::table
            .filter(locations::facts.not_like(STATED))
            .select(locations::id)
            .load(tx.connection)?
    };
    let ids: Vec<F::Id> = without.iter().map(|id| parse_id(id)).collect::<Result<_>>()?;
    let mut placed = 0;
    for ids in ids.chunks(500) {
        let mut records: Vec<Record<F>> = find_all(tx.connection, ids)?;
        records.retain(|record| record.facts.town().is_some_and(|town| moved.contains(&town)));
        let codes: Vec<PostalCode> = records.iter().filter_map(|record| record.facts.place().1).collect();
        let centres = some_centres(tx.connection, &codes)?;
        for record in records {
            let (coordinates, code) = record.facts.place();
            if coordinates.is_none() && code.is_none_or(|code| !centres.contains_key(&code)) {
                touch(tx, record)?;
                placed += 1;
            }
        }
    }
    Ok(placed)
}
