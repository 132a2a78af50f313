//! Towns and their outlines: GeoJSON, as states and the Census Bureau publish it.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::importer::{Options, RejectedRow, Summary};
use super::postal_codes::county_name;
use super::reading::{MAX_ROWS, ReadError, Reject};
use super::table::{bytes, cleaned, stated};
use crate::directory::{Town, TownKey, compare_towns, replace_towns};
use crate::error::Result as StoreResult;
use crate::store::{Store, in_turns};
use crate::types::{Outline, ordinary_place, state_of_fips};

/// Properties that name the town, in any case; the first that is there counts.
const NAMES: &[&str] = &["town", "name", "municipality", "muni", "city"];
/// Properties that name the state, by its two letters or its number.
const STATES: &[&str] = &["state", "stusps", "state_abbr", "statefp", "state_fips"];
/// Properties that begin with the number of the state: of a county, or of the place itself.
const NUMBERS: &[&str] = &["geoid", "fips_stco", "county_fips"];
/// Properties that name the county.
const COUNTIES: &[&str] = &["county", "county_name", "namelsadco"];

/// The counties of Massachusetts by their numbers, which is what its list of towns has. Elsewhere a county that the
/// file does not name is that of the town's ZIP codes.
const NUMBERED_COUNTIES: &[(&str, &str)] = &[
    ("25001", "Barnstable"),
    ("25003", "Berkshire"),
    ("25005", "Bristol"),
    ("25007", "Dukes"),
    ("25009", "Essex"),
    ("25011", "Franklin"),
    ("25013", "Hampden"),
    ("25015", "Hampshire"),
    ("25017", "Middlesex"),
    ("25019", "Nantucket"),
    ("25021", "Norfolk"),
    ("25023", "Plymouth"),
    ("25025", "Suffolk"),
    ("25027", "Worcester"),
];

/// What a file of towns states. Rows are features; the first is 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TownReading {
    /// Features.
    pub read: u64,
    /// The towns, in the order of the file.
    pub towns: Vec<Town>,
    /// The features that were refused, in the order of the file.
    pub rejects: Vec<Reject>,
    /// What was repaired, and in how many towns.
    pub notes: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Collection {
    #[serde(rename = "type")]
    kind: String,
    crs: Option<Value>,
    #[serde(default)]
    features: Vec<Value>,
}

/// Reads a GeoJSON FeatureCollection of polygons in WGS 84. `state` is that of towns whose properties name none.
///
/// # Errors
/// If the file is too large, is no FeatureCollection, or is in another reference system.
pub fn read(path: &Path, state: Option<&str>) -> Result<TownReading, ReadError> {
    parse(&bytes(path)?, state)
}

/// As [`read`], from memory.
///
/// # Errors
/// As [`read`].
pub fn parse(bytes: &[u8], state: Option<&str>) -> Result<TownReading, ReadError> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let collection: Collection =
        serde_json::from_slice(bytes).map_err(|error| no_collection(error.to_string()))?;
    if collection.kind != "FeatureCollection" {
        return Err(no_collection(format!("its type is {:?}", collection.kind)));
    }
    if let Some(system) = other_system(collection.crs.as_ref()) {
        return Err(ReadError::OtherReferenceSystem { system });
    }
    if collection.features.len() > MAX_ROWS {
        return Err(ReadError::TooManyRows);
    }
    let mut reading = TownReading { read: collection.features.len() as u64, ..TownReading::default() };
    let mut seen: HashMap<TownKey, u64> = HashMap::new();
    for (row, mut feature) in (1..).zip(collection.features) {
        let refused = match town(&mut feature, state) {
            Ok((town, repairs)) => match seen.get(&town.key()) {
                None => {
                    seen.insert(town.key(), row);
                    for repair in repairs {
                        *reading.notes.entry(format!("repaired: {repair}")).or_default() += 1;
                    }
                    reading.towns.push(town);
                    continue;
                }
                Some(first) => format!(
                    "{}, {}: the same town as row {first}; join its parts into one MultiPolygon",
                    town.name, town.state
                ),
            },
            Err(reason) => reason,
        };
        reading.rejects.push(Reject { row, reason: refused, content: cells(&feature) });
    }
    Ok(reading)
}

fn no_collection(found: String) -> ReadError {
    ReadError::NotGeoJson { found }
}

/// The name of a reference system other than longitude and latitude. NAD 83 differs from WGS 84 by a metre or two.
fn other_system(crs: Option<&Value>) -> Option<String> {
    const LONGITUDE_LATITUDE: &[&str] = &["CRS84", "CRS83", "4326", "4269"];
    let name = crs?.pointer("/properties/name")?.as_str()?;
    let is_known = LONGITUDE_LATITUDE.iter().any(|known| name.ends_with(known));
    (!is_known).then(|| name.to_owned())
}

/// The town of a feature, and what was repaired of its outline.
fn town(feature: &mut Value, state: Option<&str>) -> Result<(Town, Vec<&'static str>), String> {
    let geometry = feature.get_mut("geometry").map(Value::take);
    let Some(properties) = feature.get("properties").and_then(Value::as_object) else {
        return Err("the feature has no properties, and so no name".to_owned());
    };
    let name = text(properties, NAMES)
        .ok_or_else(|| format!("no property names the town: one of {} is needed", NAMES.join(", ")))?;
    let name = ordinary_place(&name);
    let of_town = |reason: String| format!("{name}: {reason}");
    let state = state_of(properties, state).map_err(of_town)?;
    let county = text(properties, COUNTIES).filter(|county| county.chars().any(char::is_alphabetic));
    let county = county
        .map(|county| county_name(&ordinary_place(&county)).to_owned())
        .or_else(|| numbered_county(properties));
    let (outline, repairs) = outline(geometry).map_err(of_town)?.repaired();
    let town = Town::new(name.clone(), state, county, outline).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        of_town(faults.join("; "))
    })?;
    if town.key().comparable_name.is_empty() {
        return Err(format!("{name:?} is no name of a town"));
    }
    Ok((town, repairs))
}

fn outline(geometry: Option<Value>) -> Result<Outline, String> {
    let Some(Value::Object(mut geometry)) = geometry else {
        return Err("the feature has no geometry".to_owned());
    };
    // Other members, such as a bounding box, say nothing that the positions do not.
    geometry.retain(|member, _| matches!(member.as_str(), "type" | "coordinates"));
    let kind = geometry.get("type").and_then(Value::as_str).unwrap_or("nothing").to_owned();
    serde_json::from_value(Value::Object(geometry)).map_err(|error| {
        format!("its geometry is a {kind}, and a Polygon or MultiPolygon is needed ({error})")
    })
}

/// A property in any case, as text; the first of the names that says something.
fn text(properties: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| {
        let (_, value) = properties.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        match value {
            Value::String(text) => stated(&cleaned(text)),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    })
}

fn state_of(properties: &Map<String, Value>, given: Option<&str>) -> Result<String, String> {
    let of_number = |digits: &str| digits.parse().ok().and_then(state_of_fips).map(str::to_owned);
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let said = match text(properties, STATES) {
        Some(number) if is_number(&number) => of_number(&number),
        Some(letters) if letters.len() == 2 => Some(letters.to_uppercase()),
        Some(other) => {
            return Err(format!(
                "the state {other:?} is neither two letters nor a number of the Census Bureau"
            ));
        }
        None => text(properties, NUMBERS).filter(|number| is_number(number)).and_then(|number| {
            // A spreadsheet takes the leading zero of a county's five digits.
            let digits = if number.len() == 4 { format!("0{number}") } else { number };
            of_number(digits.get(..2)?)
        }),
    };
    match (said, given) {
        (Some(said), Some(given)) if said != given => {
            Err(format!("its properties say that it lies in {said}, and --state says {given}"))
        }
        (Some(state), _) => Ok(state),
        (None, Some(given)) => Ok(given.to_owned()),
        (None, None) => Err(format!(
            "its state cannot be told: none of its properties is one of {} or {}; name it with --state, such as \
             --state MA",
            STATES.join(", "),
            NUMBERS.join(", ")
        )),
    }
}

/// A county by the number that a place's number begins with: five digits are the county's own, ten those of a town in
/// it; others, such as a city's seven, say nothing of a county.
fn numbered_county(properties: &Map<String, Value>) -> Option<String> {
    let number = text(properties, NUMBERS).filter(|number| matches!(number.len(), 5 | 10))?;
    let (_, county) = NUMBERED_COUNTIES.iter().find(|(known, _)| number.starts_with(known))?;
    Some((*county).to_owned())
}

fn cells(feature: &Value) -> Vec<(String, String)> {
    let properties = feature.get("properties").and_then(Value::as_object);
    let cell = |(name, value): (&String, &Value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (cleaned(name), cleaned(&text))
    };
    properties.into_iter().flatten().map(cell).collect()
}

/// Towns of one commit at most.
const LARGEST_CHUNK: usize = 100;

/// Writes what a file of towns states. `progress` is told how many towns are done.
///
/// # Errors
/// If the database fails; chunks that were committed before stay, and a repeat takes up from there.
pub fn import(
    store: &Store,
    reading: TownReading,
    options: Options,
    mut progress: impl FnMut(u64),
) -> StoreResult<Summary> {
    let mut summary = Summary {
        read: reading.read,
        rejected: u64::try_from(reading.rejects.len()).unwrap_or(u64::MAX),
        rejects: reading.rejects.into_iter().map(RejectedRow::from).collect(),
        notes: reading.notes,
        ..Summary::default()
    };
    if options.strict && summary.rejected > 0 {
        return Ok(summary);
    }
    let mut placed_anew = 0;
    in_turns(&reading.towns, LARGEST_CHUNK, |chunk| {
        let count = u64::try_from(chunk.len()).unwrap_or(0);
        let (begun, replaced) = if options.dry_run {
            store.read_now(|connection| Ok((Instant::now(), compare_towns(connection, chunk)?)))?
        } else {
            store.write_now(|tx| Ok((Instant::now(), replace_towns(tx, chunk)?)))?
        };
        summary.created += replaced.created;
        summary.updated += replaced.updated;
        summary.unchanged += replaced.unchanged;
        placed_anew += replaced.placed_anew;
        progress(count);
        Ok(begun)
    })?;
    if placed_anew > 0 {
        summary.notes.insert("locations and schools placed anew".to_owned(), placed_anew);
    }
    summary.landed = !options.dry_run;
    Ok(summary)
}

#[cfg(test)]
mod tests;
