//! Centres of postal codes: where a place is when nothing better was said.

use std::collections::HashMap;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::facts::{LocationFacts, Placement, SchoolFacts};
use super::towns::{TownKey, point_of_town};
use super::{Facts, Page, Record, list, touch};
use crate::error::{Error, Result};
use crate::store::schema::postal_codes;
use crate::store::{DbConnection, Store, Tx, on_either};
use crate::types::{BoundingBox, Coordinates, PlaceQuality, PostalCode};

/// A postal code's centre, and the state and county that it lies in.
#[derive(Clone, Debug, PartialEq)]
pub struct PostalPlace {
    /// The code.
    pub postal_code: PostalCode,
    /// Its centre.
    pub at: Coordinates,
    /// Two-letter state.
    pub state: Option<String>,
    /// County, without the word "County".
    pub county: Option<String>,
}

type Row = (String, f64, f64, Option<String>, Option<String>);

fn read((code, latitude, longitude, state, county): Row) -> Result<PostalPlace> {
    let damaged = |source: String| Error::internal(format!("reading the postal code {code:?}"), source);
    Ok(PostalPlace {
        postal_code: code
            .parse()
            .map_err(|error: crate::types::InvalidPostalCode| damaged(error.to_string()))?,
        at: Coordinates::new(latitude, longitude).map_err(|error| damaged(error.to_string()))?,
        state,
        county,
    })
}

/// The centre of one postal code.
///
/// # Errors
/// If the database fails.
pub fn centre_of(connection: &mut DbConnection, code: PostalCode) -> Result<Option<PostalPlace>> {
    let row = postal_codes::table.find(code.as_str()).get_result::<Row>(connection).optional()?;
    row.map(read).transpose()
}

/// How many postal codes are known; cheap, and tells whether the database answers.
///
/// # Errors
/// If the database fails.
pub fn known_postal_codes(connection: &mut DbConnection) -> Result<i64> {
    Ok(postal_codes::table.count().get_result(connection)?)
}

/// Where a place is: as stated, else the centre of its ZIP code, else the point of its town. `centres` are those
/// already read; none means that it is looked up.
///
/// # Errors
/// If the database fails.
pub fn placed<F: Placed>(
    connection: &mut DbConnection,
    facts: &F,
    centres: Option<&HashMap<PostalCode, PostalPlace>>,
) -> Result<Option<Placement>> {
    let (stated, code) = facts.place();
    let centre = match (stated, code, centres) {
        (Some(placement), ..) => return Ok(Some(placement)),
        (None, None, _) => None,
        (None, Some(code), Some(centres)) => centres.get(&code).map(|centre| centre.at),
        (None, Some(code), None) => centre_of(connection, code)?.map(|centre| centre.at),
    };
    if let Some(at) = centre {
        return Ok(Some(Placement::new(at, PlaceQuality::PostalCode)));
    }
    let point = facts.town().map(|town| point_of_town(connection, &town)).transpose()?.flatten();
    Ok(point.map(|at| Placement::new(at, PlaceQuality::Town)))
}

/// Facts that say where something is.
pub trait Placed: Facts {
    /// The stated coordinates and the ZIP code.
    fn place(&self) -> (Option<Placement>, Option<PostalCode>);
    /// The town that it says it stands in.
    fn town(&self) -> Option<TownKey>;
    /// The same with these coordinates.
    fn at(self, placement: Option<Placement>) -> Self;
}

impl Placed for LocationFacts {
    fn place(&self) -> (Option<Placement>, Option<PostalCode>) {
        (self.coordinates, self.postal_code)
    }

    fn town(&self) -> Option<TownKey> {
        Some(TownKey::new(self.city.as_deref()?, self.state.as_deref()?))
    }

    fn at(self, coordinates: Option<Placement>) -> Self {
        Self { coordinates, ..self }
    }
}

impl Placed for SchoolFacts {
    fn place(&self) -> (Option<Placement>, Option<PostalCode>) {
        (self.coordinates, self.postal_code)
    }

    fn town(&self) -> Option<TownKey> {
        Some(TownKey::new(self.city.as_deref()?, self.state.as_deref()?))
    }

    fn at(self, coordinates: Option<Placement>) -> Self {
        Self { coordinates, ..self }
    }
}

/// The centres of these postal codes: one query for many.
///
/// # Errors
/// If the database fails.
pub fn some_centres(
    connection: &mut DbConnection,
    codes: &[PostalCode],
) -> Result<HashMap<PostalCode, PostalPlace>> {
    let mut centres = HashMap::new();
    for codes in codes.chunks(500) {
        let codes: Vec<&str> = codes.iter().map(PostalCode::as_str).collect();
        let rows =
            postal_codes::table.filter(postal_codes::postal_code.eq_any(codes)).load::<Row>(connection)?;
        for place in rows.into_iter().map(read) {
            let place = place?;
            centres.insert(place.postal_code, place);
        }
    }
    Ok(centres)
}

/// The centres that lie between these degrees.
pub(super) fn centres_between(
    connection: &mut DbConnection,
    bounds: BoundingBox,
) -> Result<Vec<PostalPlace>> {
    postal_codes::table
        .filter(postal_codes::latitude.between(bounds.south, bounds.north))
        .filter(postal_codes::longitude.between(bounds.west, bounds.east))
        .load::<Row>(connection)?
        .into_iter()
        .map(read)
        .collect()
}

/// The centres of all postal codes.
///
/// # Errors
/// If the database fails.
pub fn centres_of(connection: &mut DbConnection) -> Result<HashMap<PostalCode, PostalPlace>> {
    postal_codes::table
        .load::<Row>(connection)?
        .into_iter()
        .map(|row| read(row).map(|place| (place.postal_code, place)))
        .collect()
}

/// Codes that are spelt like one that is not known: the same first digits, nearest number first.
///
/// # Errors
/// If the database fails.
pub fn near_postal_codes(connection: &mut DbConnection, code: PostalCode) -> Result<Vec<String>> {
    let prefix = &code.as_str()[..3];
    let mut near: Vec<String> = postal_codes::table
        .filter(postal_codes::postal_code.like(format!("{prefix}%")))
        .select(postal_codes::postal_code)
        .load(connection)?;
    let number = |text: &str| text.parse::<i32>().unwrap_or(i32::MAX);
    near.sort_by_key(|other| number(other).abs_diff(number(code.as_str())));
    near.truncate(3);
    Ok(near)
}

/// Rows of one batch; SQLite takes 32,766 values in one statement.
const BATCH: usize = 1_000;

/// Installs `places` where the table is still empty, as `migrate` does with the embedded ones; says how
/// many it installed.
///
/// # Errors
/// If the database fails.
pub fn install_embedded(store: &Store, places: &[PostalPlace]) -> Result<usize> {
    store.write_now(|tx| {
        if let DbConnection::Postgres(postgres) = &mut *tx.connection {
            // Two processes may migrate at once; SQLite has one writer anyway.
            postgres.batch_execute("LOCK TABLE postal_codes IN SHARE ROW EXCLUSIVE MODE")?;
        }
        let there: i64 = postal_codes::table.count().get_result(tx.connection)?;
        if there > 0 {
            return Ok(0);
        }
        for batch in places.chunks(BATCH) {
            insert(tx, batch)?;
        }
        Ok(places.len())
    })
}

fn insert(tx: &mut Tx<'_>, places: &[PostalPlace]) -> Result<()> {
    let rows: Vec<_> = places
        .iter()
        .map(|place| {
            (
                postal_codes::postal_code.eq(place.postal_code.as_str()),
                postal_codes::latitude.eq(place.at.latitude()),
                postal_codes::longitude.eq(place.at.longitude()),
                postal_codes::state.eq(&place.state),
                postal_codes::county.eq(&place.county),
            )
        })
        .collect();
    on_either!(&mut *tx.connection, connection => diesel::insert_into(postal_codes::table)
        .values(&rows)
        .execute(connection))?;
    Ok(())
}

/// How many centres changed, and how many locations and schools were placed anew by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replaced {
    /// Codes that were not known.
    pub created: u64,
    /// Codes with another centre, state or county than before.
    pub updated: u64,
    /// Codes that were known so.
    pub unchanged: u64,
    /// Locations and schools that stand at such a centre.
    pub placed_anew: u64,
}

impl Replaced {
    /// Compares `place` with what is known of its code: what is to be known from now on, and whether it is new.
    fn compare(&mut self, known: Option<&PostalPlace>, place: &PostalPlace) -> Option<PostalPlace> {
        let Some(known) = known else {
            self.created += 1;
            return Some(place.clone());
        };
        // A file without states or counties says nothing of them.
        let merged = PostalPlace {
            state: place.state.clone().or_else(|| known.state.clone()),
            county: place.county.clone().or_else(|| known.county.clone()),
            ..place.clone()
        };
        if merged == *known {
            self.unchanged += 1;
            return None;
        }
        self.updated += 1;
        Some(merged)
    }
}

/// What [`replace_centres`] would do, apart from placing anew.
///
/// # Errors
/// If the database fails.
pub fn compare_centres(connection: &mut DbConnection, places: &[PostalPlace]) -> Result<Replaced> {
    let mut replaced = Replaced::default();
    for place in places {
        let known = centre_of(connection, place.postal_code)?;
        replaced.compare(known.as_ref(), place);
    }
    Ok(replaced)
}

/// Replaces centres, a state or county only where one is given, and places anew what stands at one.
///
/// # Errors
/// If the database fails.
pub fn replace_centres(tx: &mut Tx<'_>, places: &[PostalPlace]) -> Result<Replaced> {
    let mut replaced = Replaced::default();
    for place in places {
        let known = centre_of(tx.connection, place.postal_code)?;
        let Some(merged) = replaced.compare(known.as_ref(), place) else { continue };
        match known {
            None => insert(tx, &[merged])?,
            Some(_) => update(tx, &merged)?,
        }
        replaced.placed_anew +=
            place_anew::<LocationFacts>(tx, place.postal_code, |f| f.coordinates.is_none())?
                + place_anew::<SchoolFacts>(tx, place.postal_code, |f| f.coordinates.is_none())?;
    }
    Ok(replaced)
}

fn update(tx: &mut Tx<'_>, place: &PostalPlace) -> Result<()> {
    diesel::update(postal_codes::table.find(place.postal_code.as_str()))
        .set((
            postal_codes::latitude.eq(place.at.latitude()),
            postal_codes::longitude.eq(place.at.longitude()),
            postal_codes::state.eq(&place.state),
            postal_codes::county.eq(&place.county),
        ))
        .execute(tx.connection)?;
    Ok(())
}

fn place_anew<F: Facts>(tx: &mut Tx<'_>, code: PostalCode, at_centre: impl Fn(&F) -> bool) -> Result<u64> {
    let page = Page {
        limit: i64::MAX,
        include_retired: true,
        filters: vec![("postal_code", code.as_str().to_owned())],
        ..Page::default()
    };
    let (records, _): (Vec<Record<F>>, _) = list(tx.connection, &page)?;
    let mut placed = 0;
    for record in records.into_iter().filter(|record| at_centre(&record.facts)) {
        touch(tx, record)?;
        placed += 1;
    }
    Ok(placed)
}
