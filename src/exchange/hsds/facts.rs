//! What an HSDS organization, location or service says, as facts of ours.
//!
//! Pure functions of a document: reading a kept document again gives the same facts, and an export writes only
//! where what stands differs from them.

use serde_json::Value;

use super::kinds::{Object, link, number, objects, text, uuid};
use super::profile;
use crate::directory::{Facts, LocationFacts, OrganizationFacts, Placement, ServiceFacts, parse};
use crate::error::At;
use crate::exchange::table::cleaned;
use crate::types::{
    Audience, Coordinates, EmergencyService, Engagement, FacilityType, OrganizationId, Phone, PlaceQuality,
    PostalCode, ServiceSetting, ServiceStatus,
};

/// What was left out or not understood.
pub(super) type Notes = Vec<String>;

/// Facts that can be accepted: a field that cannot is left out with a note, unless there are no facts without it.
///
/// # Errors
/// Says what is wrong where that cannot be left out.
pub(super) fn acceptable<F: Facts>(facts: F, notes: &mut Notes) -> Result<F, String> {
    let problems = facts.problems();
    if problems.is_empty() {
        return Ok(facts);
    }
    let reason = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let Ok(Value::Object(mut document)) = serde_json::to_value(&facts) else { return Err(reason) };
    for problem in &problems {
        let At::Body(pointer) = &problem.at else { return Err(reason) };
        let field = pointer.split('/').nth(1).unwrap_or_default();
        document.remove(field);
        let note =
            format!("{} {field} that cannot be used as it is; kept as it was written", F::NOUN.as_str());
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    match parse::<F>(Value::Object(document)) {
        Ok(facts) if facts.problems().is_empty() => Ok(facts),
        Ok(_) | Err(_) => Err(reason),
    }
}

/// A name in one line.
fn name(document: &Object) -> Option<String> {
    text(document, "name").map(|name| cleaned(&name)).filter(|name| !name.is_empty())
}

pub(super) fn organization(document: &Object, notes: &mut Notes) -> Result<OrganizationFacts, String> {
    let facts = OrganizationFacts {
        name: name(document).ok_or("the organization has no name")?,
        alternate_name: text(document, "alternate_name"),
        description: text(document, "description"),
        email: text(document, "email"),
        phone: phones(document).0,
        website: text(document, "website").or_else(|| text(document, "url")),
        engagement: Engagement::Listed,
        intake_channel: None,
        facility_type: codes::<FacilityType>(document, "facility_types").into_iter().next(),
        time_zone: None,
        hours: None,
        holidays: Vec::new(),
    };
    acceptable(facts, notes)
}

pub(super) fn location(document: &Object, notes: &mut Notes) -> Result<LocationFacts, String> {
    let empty = Object::new();
    let address = address(document).map_or(&empty, |(_, address)| address);
    let postal_code = text(address, "postal_code").and_then(|code| {
        let read = PostalCode::from_cell(&code).ok();
        if read.is_none() {
            notes.push("postal code that is no ZIP code; kept as it was written".to_owned());
        }
        read
    });
    let facts = LocationFacts {
        organization_id: uuid(document, "organization_id").map(OrganizationId::from),
        name: name(document)
            .or_else(|| text(address, "address_1").map(|street| cleaned(&street)))
            .unwrap_or_else(|| "Location".to_owned()),
        address_1: text(address, "address_1"),
        address_2: text(address, "address_2"),
        city: text(address, "city"),
        state: text(address, "state_province").map(|state| state.to_uppercase()),
        postal_code,
        phone: phones(document).0,
        coordinates: coordinates(document, notes),
    };
    acceptable(facts, notes)
}

fn coordinates(document: &Object, notes: &mut Notes) -> Option<Placement> {
    let given = [text(document, "latitude"), text(document, "longitude")];
    if given.iter().all(Option::is_none) {
        return None;
    }
    let (latitude, longitude) = (number(document, "latitude"), number(document, "longitude"));
    let point = latitude.zip(longitude).filter(|point| *point != (0.0, 0.0));
    let point = point.and_then(|(latitude, longitude)| Coordinates::new(latitude, longitude).ok());
    if point.is_none() {
        notes.push(
            "coordinates that are no place on the earth, or 0, 0; kept as they were written".to_owned(),
        );
    }
    point.map(|point| Placement::new(point, PlaceQuality::Rooftop))
}

/// The address where one goes: the first physical one, else the first; with its place in the list.
pub(super) fn address(location: &Object) -> Option<(usize, &Object)> {
    let addresses = || objects(location, "addresses").enumerate();
    let is_physical = |address: &Object| text(address, "address_type").as_deref() == Some("physical");
    addresses().find(|(_, address)| is_physical(address)).or_else(|| addresses().next())
}

pub(super) fn service(
    document: &Object,
    organization_id: OrganizationId,
    notes: &mut Notes,
) -> Result<ServiceFacts, String> {
    let (phone, intake_phones) = phones(document);
    let audience = codes::<Audience>(document, "audiences");
    let facts = ServiceFacts {
        organization_id,
        name: name(document).ok_or("the service has no name")?,
        description: text(document, "description"),
        status: status(document, notes),
        // HSDS does not say whom a service is for.
        audience: if audience.is_empty() { vec![Audience::Students, Audience::Families] } else { audience },
        url: text(document, "url"),
        phone,
        intake_phones,
        email: text(document, "email"),
        settings: some(codes::<ServiceSetting>(document, "settings")),
        emergency_services: some(codes::<EmergencyService>(document, "emergency_services")),
        funding_source: objects(document, "funding").find_map(|funding| text(funding, "source")),
        funding_ends_on: None,
        source_codes: Vec::new(),
    };
    acceptable(facts, notes)
}

fn status(document: &Object, notes: &mut Notes) -> ServiceStatus {
    let Some(written) = text(document, "status") else {
        notes.push("service without a status: taken as active".to_owned());
        return ServiceStatus::Active;
    };
    written.to_lowercase().replace(['_', '-'], " ").parse().unwrap_or_else(|_| {
        notes.push(format!("service status {written:?} is not known: taken as inactive"));
        ServiceStatus::Inactive
    })
}

/// The organization of a service, by its property or from inside.
pub(super) fn organization_of(document: &Object) -> Option<OrganizationId> {
    link(document, super::kinds::Kind::Organization).map(OrganizationId::from)
}

/// The codes of a vocabulary that the attributes of the profile state, in the order of the vocabulary.
pub(super) fn codes<T: std::str::FromStr + Ord>(document: &Object, taxonomy: &str) -> Vec<T> {
    let stated = objects(document, "attributes").filter_map(profile::read);
    let mut codes: Vec<T> = stated
        .filter(|(term, _)| term.taxonomy == taxonomy)
        .filter_map(|(term, _)| term.code.parse().ok())
        .collect();
    codes.sort();
    codes.dedup();
    codes
}

/// A list, or nothing where nothing was stated.
pub(super) fn some<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// How an intake number is described.
pub(super) const INTAKE: &str = "Intake";

/// The number to call, and further ones for an intake.
pub(super) fn phones(document: &Object) -> (Option<Phone>, Vec<Phone>) {
    let (mut main, mut intake) = (None, Vec::new());
    for phone in objects(document, "phones").filter(|phone| is_for_calls(phone)) {
        let Some(number) = phone_number(phone) else { continue };
        if text(phone, "description").as_deref() == Some(INTAKE) {
            intake.push(number);
        } else if main.is_none() {
            main = Some(number);
        }
    }
    (main, intake)
}

pub(super) fn is_for_calls(phone: &Object) -> bool {
    let kind = text(phone, "type").unwrap_or_default().to_lowercase();
    !["fax", "tty", "tdd", "text", "sms", "textphone", "video", "pager"].contains(&kind.as_str())
}

pub(super) fn phone_number(phone: &Object) -> Option<Phone> {
    let number = text(phone, "number")?;
    let number = number.trim_matches('"');
    let extension = text(phone, "extension").filter(|extension| extension != "0");
    Some(match extension {
        Some(extension) => Phone::from(format!("{number} x{extension}")),
        None => Phone::from(number),
    })
}
