//! Lists of schools: the state file of Massachusetts (MassGIS) and the public-school files of the National
//! Center for Education Statistics (Common Core of Data and EDGE).

use std::collections::HashMap;
use std::path::Path;

use super::reading::{ReadError, Reading, Reject, Row, Statement};
use super::table::{self, Columns, Record, Table, comparable, coordinates, stated};
use crate::directory::{DistrictFacts, Placement, SchoolFacts};
use crate::types::{Coordinates, DistrictId, Grade, Phone, PlaceQuality, PostalCode, SchoolId, derived_uuid};

/// The name of the source, from which all ids are derived.
const SOURCE: &str = "schools";

/// Every grade, youngest first.
const GRADES: [&str; 14] = ["PK", "K", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"];

/// Reads a list of schools as CSV. A school is its code and name (campuses of one school share the code), a
/// district its code and name; `place` knows the centre of a ZIP code, for rows without coordinates.
///
/// # Errors
/// If the file is no CSV text, is too large, or has the columns of neither list.
pub fn read(path: &Path, place: &dyn Fn(PostalCode) -> Option<Coordinates>) -> Result<Reading, ReadError> {
    schools(table::read(path)?, place)
}

fn schools(table: Table, place: &dyn Fn(PostalCode) -> Option<Coordinates>) -> Result<Reading, ReadError> {
    let Table { columns, records, rejects } = table;
    let fields = Fields::find(&columns)?;
    let mut reading = Reading {
        read: (records.len() + rejects.len()) as u64,
        header: columns.names.clone(),
        rejects,
        ..Reading::default()
    };
    let mut seen: HashMap<SchoolId, u64> = HashMap::new();
    let mut district_names: HashMap<DistrictId, String> = HashMap::new();
    for record in &records {
        if let Some(note) = fields.left_out(record) {
            reading.note(note);
            continue;
        }
        let mut notes = Vec::new();
        let school = fields.school(record, place, &mut notes).and_then(|statements| {
            let Some(Statement::School(id, _)) = statements.last() else {
                return Err("the row states no school".to_owned());
            };
            match seen.insert(*id, record.number) {
                None => Ok(statements),
                Some(first) => {
                    seen.insert(*id, first);
                    Err(format!("the same code and name as row {first}"))
                }
            }
        });
        match school {
            Ok(mut statements) => {
                for statement in &mut statements {
                    if let Statement::District(id, facts) = statement {
                        // Rows that spell a district differently are to say the same of it.
                        facts
                            .name
                            .clone_from(district_names.entry(*id).or_insert_with(|| facts.name.clone()));
                    }
                }
                for note in notes {
                    reading.note(note);
                }
                reading.rows.push(Row { number: record.number, statements });
            }
            Err(reason) => reading.rejects.push(record.reject(&columns, reason)),
        }
    }
    reading.rejects.sort_by_key(|Reject { row, .. }| *row);
    Ok(reading)
}

/// Where the columns are, and what is particular to a list.
struct Fields {
    /// The state of all schools of the list.
    only_state: Option<&'static str>,
    state: Option<usize>,
    code: usize,
    code_digits: usize,
    name: usize,
    district_code: Option<usize>,
    district_digits: usize,
    district_name: Option<usize>,
    address: Option<usize>,
    city: Option<usize>,
    zip: Option<usize>,
    phone: Option<usize>,
    grades: Option<usize>,
    lowest_grade: Option<usize>,
    highest_grade: Option<usize>,
    school_type: Option<usize>,
    latitude: Option<usize>,
    longitude: Option<usize>,
    /// Whether a school is open (NCES: `SY_STATUS`).
    status: Option<usize>,
}

impl Fields {
    /// By the list's own code for a school. NCES files have a column SCHID too, so theirs is looked for first.
    fn find(columns: &Columns) -> Result<Self, ReadError> {
        if let Some(code) = columns.find(&["ncessch"]) {
            let names: &[&str] = &["sch_name", "name", "schnam", "school_name"];
            return Ok(Self::nces(columns, code, columns.require("the file", [names])?[0]));
        }
        let needed: [&[&str]; 2] = [&["schid", "ncessch"], &["name"]];
        let [code, name] = columns.require("the file", needed)?;
        Ok(Self::massgis(columns, code, name))
    }

    fn massgis(columns: &Columns, code: usize, name: usize) -> Self {
        let find = |name| columns.find(&[name]);
        Self {
            only_state: Some("MA"),
            state: None,
            code,
            code_digits: 8,
            name,
            district_code: find("dist_code"),
            district_digits: 8,
            district_name: find("dist_name"),
            address: find("address"),
            // The post's name of the place; `town` is the municipality.
            city: columns.find(&["town_mail", "town"]),
            zip: columns.find(&["zipcode", "zip"]),
            phone: find("phone"),
            grades: find("grades"),
            lowest_grade: None,
            highest_grade: None,
            school_type: columns.find(&["type_desc", "type"]),
            latitude: columns.find(&["lat", "latitude"]),
            longitude: columns.find(&["lon", "longitude"]),
            status: None,
        }
    }

    /// L… is where the school lies, M… where its mail goes.
    fn nces(columns: &Columns, code: usize, name: usize) -> Self {
        Self {
            only_state: None,
            state: columns.find(&["lstate", "state", "st", "stabr", "mstate"]),
            code,
            code_digits: 12,
            name,
            district_code: columns.find(&["leaid"]),
            district_digits: 7,
            district_name: columns.find(&["lea_name", "leanm", "district_name"]),
            address: columns.find(&["lstreet1", "lstree", "street", "mstreet1"]),
            city: columns.find(&["lcity", "city", "mcity"]),
            zip: columns.find(&["lzip", "zip", "mzip"]),
            phone: columns.find(&["phone"]),
            grades: None,
            lowest_grade: columns.find(&["gslo"]),
            highest_grade: columns.find(&["gshi"]),
            school_type: columns.find(&["sch_type_text", "school_type_text"]),
            latitude: columns.find(&["lat", "latcod", "latitude"]),
            longitude: columns.find(&["lon", "loncod", "longcod", "longitude"]),
            status: columns.find(&["sy_status"]),
        }
    }

    /// Why a row that is right in itself states no school: closed, inactive or not yet open.
    fn left_out(&self, record: &Record) -> Option<String> {
        let status = record.maybe(self.status);
        matches!(status, "2" | "6" | "7")
            .then(|| format!("school not in operation, left out (status {status})"))
    }

    /// The district, where there is one, and the school.
    fn school(
        &self,
        record: &Record,
        place: &dyn Fn(PostalCode) -> Option<Coordinates>,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Statement>, String> {
        let code = padded("school", record.at(self.code), self.code_digits)?;
        let name = stated(record.at(self.name)).ok_or("the school has no name")?;
        let state = self.state(record)?;
        let postal_code = match record.maybe(self.zip) {
            "" => None,
            cell => Some(PostalCode::from_cell(cell).map_err(|error| error.to_string())?),
        };
        let coordinates = self.placement(record, postal_code, place, notes)?;
        let district = self.district(record, &state, notes)?;
        let facts = SchoolFacts {
            district_id: district.as_ref().map(|(id, _)| *id),
            name,
            address_1: stated(record.maybe(self.address)),
            city: stated(record.maybe(self.city)),
            state: stated(&state),
            postal_code,
            phone: stated(record.maybe(self.phone)).map(Phone::from),
            grades: self.grades(record, notes),
            school_type: stated(record.maybe(self.school_type)),
            coordinates,
            code,
        };
        let id = derived_uuid(SOURCE, &["school", &state, &facts.code, &comparable(&facts.name)]);
        let district = district.map(|(id, facts)| Statement::District(id, facts));
        Ok(district.into_iter().chain([Statement::School(id.into(), facts)]).collect())
    }

    fn state(&self, record: &Record) -> Result<String, String> {
        let state = match self.only_state {
            Some(state) => state.to_owned(),
            None => record.maybe(self.state).to_ascii_uppercase(),
        };
        match state.as_bytes() {
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => Ok(state),
            [] => Ok(state),
            _ => Err(format!("state {state:?} is not two letters")),
        }
    }

    fn district(
        &self,
        record: &Record,
        state: &str,
        notes: &mut Vec<String>,
    ) -> Result<Option<(DistrictId, DistrictFacts)>, String> {
        let (code, name) = (record.maybe(self.district_code), record.maybe(self.district_name));
        if code.is_empty() {
            return Ok(None);
        }
        let code = padded("district", code, self.district_digits)?;
        if name.is_empty() {
            notes.push("district code without a name: the school is read without its district".to_owned());
            return Ok(None);
        }
        let id = derived_uuid(SOURCE, &["district", state, &code, &comparable(name)]);
        let facts = DistrictFacts {
            name: name.to_owned(),
            code,
            state: stated(state),
            time_zone: None,
            kind: None,
            organization_id: None,
            members: Vec::new(),
        };
        Ok(Some((id.into(), facts)))
    }

    /// The school's own coordinates, else the centre of its ZIP code.
    fn placement(
        &self,
        record: &Record,
        postal_code: Option<PostalCode>,
        place: &dyn Fn(PostalCode) -> Option<Coordinates>,
        notes: &mut Vec<String>,
    ) -> Result<Option<Placement>, String> {
        if let Some(point) = coordinates(record.maybe(self.latitude), record.maybe(self.longitude))? {
            return Ok(Some(Placement::new(point, PlaceQuality::Rooftop)));
        }
        let centre = postal_code.and_then(place);
        notes.push(match centre {
            Some(_) => "no coordinates: the ZIP code's are taken".to_owned(),
            None => "no coordinates, and no ZIP code whose place is known".to_owned(),
        });
        Ok(centre.map(|centre| Placement::new(centre, PlaceQuality::PostalCode)))
    }

    fn grades(&self, record: &Record, notes: &mut Vec<String>) -> Vec<Grade> {
        let mut grades: Vec<Grade> = Vec::new();
        let list = record.maybe(self.grades).split([',', ';']).map(|word| match word.split_once('-') {
            Some((lowest, highest)) => (lowest.trim(), highest.trim()),
            None => (word.trim(), word.trim()),
        });
        let range = (record.maybe(self.lowest_grade), record.maybe(self.highest_grade));
        for (lowest, highest) in
            list.chain([range]).filter(|(lowest, highest)| !(lowest.is_empty() && highest.is_empty()))
        {
            match (lowest.parse(), highest.parse()) {
                (Ok(lowest), Ok(highest)) if lowest <= highest => grades.extend(between(lowest, highest)),
                (Ok(_), Ok(_)) => notes.push(format!("grades from {lowest} to {highest} are no range")),
                (Err(_), Ok(_)) => notes.push(format!("unknown grade {lowest}")),
                (_, Err(_)) => notes.push(format!("unknown grade {highest}")),
            }
        }
        grades.sort_unstable();
        grades.dedup();
        notes.sort_unstable();
        notes.dedup();
        grades
    }
}

fn between(lowest: Grade, highest: Grade) -> impl Iterator<Item = Grade> {
    GRADES
        .iter()
        .filter_map(|grade| grade.parse().ok())
        .filter(move |grade| (lowest..=highest).contains(grade))
}

/// A code of `digits` digits, with the zeros that a spreadsheet took from its front: at most three, for no
/// list has codes that begin with more.
fn padded(what: &str, code: &str, digits: usize) -> Result<String, String> {
    if code.bytes().all(|byte| byte.is_ascii_digit()) && (digits - 3..=digits).contains(&code.len()) {
        Ok(format!("{code:0>digits$}"))
    } else {
        Err(format!("the {what} code {code:?} is not a number of {digits} digits"))
    }
}

#[cfg(test)]
mod tests;
