//! Where ZIP codes are: the embedded list, and a list that takes its place.

use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;

use super::reading::{ReadError, Reject};
use super::table::{self, Record, Table, coordinates, stated};
use crate::directory::PostalPlace;
use crate::types::PostalCode;

/// What a list of ZIP codes states.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PostalReading {
    /// Rows with content, the header apart.
    pub read: u64,
    /// The places, in the order of the file.
    pub places: Vec<PostalPlace>,
    /// The rows that were refused, in the order of the file.
    pub rejects: Vec<Reject>,
}

/// Reads a list of ZIP codes as CSV: `zcta`, `zip`, `postal_code`, `zipcode` or `geoid`; `lat`, `latitude` or
/// `intptlat`; `lon`, `lng`, `longitude` or `intptlong`; and if it has them, `state` and `county` or `counties`.
///
/// # Errors
/// If the file is no CSV text, is too large, or lacks one of the first three.
pub fn read(path: &Path) -> Result<PostalReading, ReadError> {
    places(table::read(path)?)
}

/// The embedded list: the Census Bureau's ZIP code tabulation areas.
pub fn embedded() -> &'static [PostalPlace] {
    static PLACES: LazyLock<Vec<PostalPlace>> = LazyLock::new(|| {
        let bytes = include_bytes!("../../seed-data/postal_codes.csv");
        let reading = table::parse(bytes).and_then(places);
        reading.expect("a test reads the embedded ZIP codes").places
    });
    &PLACES
}

fn places(table: Table) -> Result<PostalReading, ReadError> {
    let Table { columns, records, rejects } = table;
    let needed: [&[&str]; 3] = [
        &["postal_code", "zcta", "zip", "zipcode", "geoid"],
        &["latitude", "lat", "intptlat"],
        &["longitude", "lon", "lng", "intptlong"],
    ];
    let [code, latitude, longitude] = columns.require("the file", needed)?;
    let state = columns.find(&["state"]);
    let county = columns.find(&["county", "counties"]);
    let place = |record: &Record| -> Result<PostalPlace, String> {
        let postal_code = PostalCode::from_cell(record.at(code)).map_err(|error| error.to_string())?;
        let at =
            coordinates(record.at(latitude), record.at(longitude))?.ok_or("the row has no coordinates")?;
        let state = stated(record.maybe(state)).map(|state| state.to_uppercase());
        if let Some(state) = state.as_ref().filter(|state| state.len() != 2) {
            return Err(format!("state {state:?} is not two letters"));
        }
        Ok(PostalPlace { postal_code, at, state, county: stated(county_name(record.maybe(county))) })
    };

    let mut reading =
        PostalReading { read: (records.len() + rejects.len()) as u64, rejects, ..PostalReading::default() };
    let mut seen: HashMap<PostalCode, u64> = HashMap::new();
    for record in &records {
        let refused = match place(record) {
            Ok(place) => match seen.get(&place.postal_code) {
                None => {
                    seen.insert(place.postal_code, record.number);
                    reading.places.push(place);
                    continue;
                }
                Some(first) => format!("the same ZIP code as row {first}"),
            },
            Err(reason) => reason,
        };
        reading.rejects.push(record.reject(&columns, refused));
    }
    reading.rejects.sort_by_key(|reject| reject.row);
    Ok(reading)
}

/// The name without what kind of county it is. A city that is its own county stays "Baltimore city": there is
/// a Baltimore County too.
pub(super) fn county_name(name: &str) -> &str {
    const KINDS: [&str; 6] =
        [" County", " Parish", " Municipio", " Borough", " Census Area", " Municipality"];
    KINDS.iter().find_map(|kind| name.strip_suffix(kind)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> PostalReading {
        table::parse(text.as_bytes()).and_then(places).unwrap()
    }

    #[test]
    fn the_embedded_list_is_read_whole() {
        let bytes = include_bytes!("../../seed-data/postal_codes.csv");
        let reading = table::parse(bytes).and_then(places).unwrap();
        assert_eq!(reading.rejects, []);
        assert_eq!(reading.read, 33_791);
        let lawrence = embedded().iter().find(|place| place.postal_code.as_str() == "01840").unwrap();
        assert_eq!((lawrence.state.as_deref(), lawrence.county.as_deref()), (Some("MA"), Some("Essex")));
        assert!((lawrence.at.latitude() - 42.70).abs() < 0.05, "{lawrence:?}");
    }

    #[test]
    fn columns_go_by_the_names_of_several_publishers() {
        for header in
            ["zcta,lat,lon", "GEOID,INTPTLAT,INTPTLONG", "Zipcode,Latitude,Longitude", "zip,lat,lng"]
        {
            let reading = parsed(&format!("{header}\n1840,42.7,-71.16\n"));
            assert_eq!(reading.places[0].postal_code.as_str(), "01840", "{header}");
            assert_eq!(reading.places[0].state, None);
        }
    }

    #[test]
    fn counties_are_called_as_in_the_embedded_list() {
        let reading = parsed(
            "zcta,lat,lon,state,counties\n01840,42.7,-71.16,ma,Essex County\n21201,39.3,-76.6,MD,Baltimore city\n\
             00611,18.3,-66.8,,\n",
        );
        let counties: Vec<_> = reading.places.iter().map(|place| place.county.as_deref()).collect();
        assert_eq!(counties, [Some("Essex"), Some("Baltimore city"), None]);
        assert_eq!(reading.places[0].state.as_deref(), Some("MA"));
    }

    #[test]
    fn rows_that_are_no_place_are_refused_one_by_one() {
        let reading = parsed(
            "zip,lat,lon,state\n01840,42.7,-71.1,MA\n01840,42.8,-71.1,MA\n12,42,-71,MA\n01841,142,-71,MA\n\
             01843,north,-71,MA\n01844,,,MA\n01845,42,,MA\n01850,42,-71,Massachusetts\n01851,42,-71,MA\n",
        );
        let reasons: Vec<(u64, &str)> =
            reading.rejects.iter().map(|one| (one.row, one.reason.as_str())).collect();
        assert_eq!(
            reasons,
            [
                (3, "the same ZIP code as row 2"),
                (
                    4,
                    "\"12\" is not a ZIP code: five digits are needed, leading zeros included, such as 01840"
                ),
                (5, "latitude 142 is not a number from -90 to 90"),
                (6, "latitude \"north\" is not a number"),
                (7, "the row has no coordinates"),
                (8, "longitude \"\" is not a number"),
                (9, "state \"MASSACHUSETTS\" is not two letters"),
            ]
        );
        assert_eq!((reading.read, reading.places.len()), (9, 2));
    }

    #[test]
    fn a_missing_column_is_named_with_those_there_are() {
        let error = table::parse(b"zip,lat\n01840,42.7\n").and_then(places).unwrap_err().to_string();
        assert_eq!(
            error,
            "the file has no column longitude or lon or lng or intptlong; its columns are \"zip\", \"lat\""
        );
    }

    #[test]
    fn the_census_list_is_read() {
        let Some(path) = crate::exchange::shared_data::file("geo/zcta_centroids.csv") else {
            return;
        };
        let reading = read(&path).unwrap();
        assert_eq!((reading.read, reading.places.len(), reading.rejects.len()), (33_988, 33_988, 0));
    }
}
