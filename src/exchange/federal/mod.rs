//! The federal directory of treatment facilities: the workbook that SAMHSA publishes each year, in a volume for
//! mental health and one for substance use.
//!
//! Facts are those of a facility as a whole ([`Grain::Facility`](crate::types::Grain::Facility)): the directory
//! lists languages, payments and programs side by side, and nobody says that they hold together. What it does
//! not say stays unsaid.

mod codes;
mod facts;
mod reference;
#[cfg(test)]
mod tests;
mod workbook;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use self::facts::{Facility, FacilityKey, Organization, OrganizationKey};
use self::reference::Codebook;
use super::reading::{ReadError, Reading, Row};
use super::table::{Columns, Record};
use crate::directory::Placement;
use crate::types::{Coordinates, PlaceQuality, PostalCode};

/// The name of the sheet with the facilities.
const SHEET: &str = "Facilities List";

/// Reads a volume of the directory. Each row becomes one facility with one offering at its address; `place`
/// knows the centre of a ZIP code.
///
/// A facility is its two names, its two address lines and its ZIP code; where rows of the file share these, the
/// phone tells them apart, and a row that shares that too is refused. The same facility in another volume or
/// year has the same ids.
///
/// # Errors
/// If the file is no workbook, is damaged or too large, or lacks a sheet or a column.
pub fn read(path: &Path, place: &dyn Fn(PostalCode) -> Option<Coordinates>) -> Result<Reading, ReadError> {
    let [reference, sheet] = workbook::sheets(path, [reference::SHEET, SHEET])?;
    let codebook = Codebook::read(&reference)?;
    let fields = Fields::find(&sheet.columns)?;

    let mut reading = Reading {
        read: sheet.records.len() as u64,
        header: sheet.columns.names.clone(),
        ..Reading::default()
    };
    let mut facilities = Vec::new();
    let mut seen = Seen::default();
    for record in &sheet.records {
        let refused = match fields.facility(record, &codebook, place, &mut reading) {
            Ok(facility) => match seen.earlier(&facility) {
                None => {
                    facilities.push(facility);
                    continue;
                }
                Some(earlier) => format!("the same names, address, ZIP code and phone as row {earlier}"),
            },
            Err(reason) => reason,
        };
        reading.rejects.push(record.reject(&sheet.columns, refused));
    }
    let organizations = organizations(&facilities);
    reading.rows = facilities
        .into_iter()
        .map(|facility| Row {
            number: facility.row,
            statements: {
                let organization = &organizations[&facility.organization_key()];
                let phone_tells = seen.phone_tells(&facility.key());
                facility.statements(organization, phone_tells, &codebook)
            },
        })
        .collect();
    Ok(reading)
}

/// The facilities met so far, with the row of each phone.
#[derive(Default)]
struct Seen(HashMap<FacilityKey, HashMap<String, u64>>);

impl Seen {
    /// The row of the same facility, if there was one; else this one is remembered.
    fn earlier(&mut self, facility: &Facility) -> Option<u64> {
        let phones = self.0.entry(facility.key()).or_default();
        if let Some(row) = phones.get(&facility.phone) {
            return Some(*row);
        }
        phones.insert(facility.phone.clone(), facility.row);
        None
    }

    fn phone_tells(&self, key: &FacilityKey) -> bool {
        self.0.get(key).is_some_and(|phones| phones.len() > 1)
    }
}

fn organizations(facilities: &[Facility]) -> HashMap<OrganizationKey, Organization> {
    let mut organizations = HashMap::new();
    for facility in facilities {
        let organization = organizations.entry(facility.organization_key()).or_insert_with(|| Organization {
            name: facility.organization_name(),
            facility_types: BTreeSet::new(),
        });
        organization.facility_types.extend(&facility.stated.facility_types);
    }
    organizations
}

/// Where the columns are.
struct Fields {
    name1: usize,
    name2: Option<usize>,
    street1: usize,
    street2: Option<usize>,
    city: usize,
    state: usize,
    zip: usize,
    phone: Option<usize>,
    intake: [Option<usize>; 4],
    website: Option<usize>,
    latitude: Option<usize>,
    longitude: Option<usize>,
    codes: usize,
}

impl Fields {
    fn find(columns: &Columns) -> Result<Self, ReadError> {
        let place = format!("the sheet {SHEET:?}");
        let [name1, street1, city, state, zip, codes] = columns.require(
            &place,
            [&["name1"], &["street1"], &["city"], &["state"], &["zip"], &["service_code_info"]],
        )?;
        Ok(Self {
            name1,
            name2: columns.find(&["name2"]),
            street1,
            street2: columns.find(&["street2"]),
            city,
            state,
            zip,
            phone: columns.find(&["phone"]),
            intake: ["intake1", "intake2", "intake1a", "intake2a"].map(|name| columns.find(&[name])),
            website: columns.find(&["website"]),
            latitude: columns.find(&["latitude"]),
            longitude: columns.find(&["longitude"]),
            codes,
        })
    }

    /// The facility of a row, or why there is none.
    fn facility(
        &self,
        record: &Record,
        codebook: &Codebook,
        place: &dyn Fn(PostalCode) -> Option<Coordinates>,
        reading: &mut Reading,
    ) -> Result<Facility, String> {
        let needed = [("name1", self.name1), ("street1", self.street1), ("city", self.city)];
        let mut faults: Vec<String> = needed
            .into_iter()
            .filter(|(_, column)| record.at(*column).is_empty())
            .map(|(name, _)| format!("{name} is empty"))
            .collect();
        let state = record.at(self.state).to_ascii_uppercase();
        if state.len() != 2 || !state.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            faults.push(format!("state {state:?} is not two letters"));
        }
        let postal_code = PostalCode::from_cell(record.at(self.zip)).map_err(|error| error.to_string());
        let postal_code = match postal_code {
            Ok(postal_code) if faults.is_empty() => postal_code,
            other => {
                faults.extend(other.err());
                return Err(faults.join("; "));
            }
        };
        let stated = codebook.stated(record.at(self.codes));
        for note in &stated.notes {
            reading.note(note);
        }
        let mut told = HashSet::from([record.maybe(self.phone)]);
        Ok(Facility {
            row: record.number,
            name1: record.at(self.name1).to_owned(),
            name2: record.maybe(self.name2).to_owned(),
            street1: record.at(self.street1).to_owned(),
            street2: record.maybe(self.street2).to_owned(),
            city: record.at(self.city).to_owned(),
            state,
            postal_code,
            phone: record.maybe(self.phone).to_owned(),
            intake_phones: (self.intake.iter().map(|column| record.maybe(*column)))
                .filter(|number| !number.is_empty() && told.insert(number))
                .map(str::to_owned)
                .collect(),
            website: record.maybe(self.website).to_owned(),
            placement: self.placement(record, postal_code, place, reading),
            stated,
        })
    }

    /// The coordinates of the row, if its volume has any, else the centre of its ZIP code.
    fn placement(
        &self,
        record: &Record,
        postal_code: PostalCode,
        place: &dyn Fn(PostalCode) -> Option<Coordinates>,
        reading: &mut Reading,
    ) -> Option<Placement> {
        let (latitude, longitude) = (record.maybe(self.latitude), record.maybe(self.longitude));
        if !latitude.is_empty() || !longitude.is_empty() {
            let point = match (latitude.parse(), longitude.parse()) {
                (Ok(latitude), Ok(longitude)) => Coordinates::new(latitude, longitude).ok(),
                _ => None,
            };
            match point {
                Some(point) => return Some(Placement::new(point, PlaceQuality::Rooftop)),
                None => reading.note("coordinates that are no point on the earth: the ZIP code's are taken"),
            }
        }
        let centre = place(postal_code);
        if centre.is_none() {
            reading.note("ZIP code whose place is not known: no coordinates");
        }
        centre.map(|centre| Placement::new(centre, PlaceQuality::PostalCode))
    }
}
