//! Facts of ours as properties of HSDS: what a document has to say of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Number, Value, json};
use uuid::Uuid;

use super::facts::INTAKE;
use super::kinds::Object;
use super::profile::{self, attribute, labelled};
use super::{languages, schedules};
use crate::directory::{
    CapacityPoolFacts, LocationFacts, OfferingFacts, OrganizationFacts, ServiceArea, ServiceFacts,
};
use crate::types::{AgeRange, Criterion, LanguageMode, LanguageTag, Phone, PlaceQuality, derived_uuid};

/// A list of a document of which some entries are read as facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum List {
    Areas,
    Attributes,
    Funding,
    Languages,
    Phones,
    Schedules,
}

/// What a document has to say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fields {
    /// Single properties.
    pub(super) values: BTreeMap<&'static str, Value>,
    /// Entries of lists.
    pub(super) lists: BTreeMap<List, Vec<Value>>,
    /// The address where one goes.
    pub(super) address: Object,
}

impl Fields {
    fn say(&mut self, property: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.values.insert(property, value.into());
        }
    }

    fn list(&mut self, list: List, entries: Vec<Value>) {
        if !entries.is_empty() {
            self.lists.entry(list).or_default().extend(entries);
        }
    }
}

/// What an organization has to say.
pub(super) fn organization(id: Uuid, facts: &OrganizationFacts) -> Fields {
    let mut fields = Fields::default();
    fields.say("name", Some(facts.name.as_str()));
    fields.say("alternate_name", facts.alternate_name.as_deref());
    fields.say("description", facts.description.as_deref());
    fields.say("email", facts.email.as_deref());
    fields.say("website", facts.website.as_deref());
    fields.list(List::Phones, facts.phone.iter().map(|number| phone(id, number, None)).collect());
    let kind = facts.facility_type.iter().map(|kind| attribute(id, "facility_types", kind.as_str(), None));
    fields.list(List::Attributes, kind.collect());
    fields
}

/// What a location has to say. Only coordinates of the building are; others stand for a whole ZIP code or town.
pub(super) fn location(id: Uuid, facts: &LocationFacts) -> Fields {
    let mut fields = Fields::default();
    fields.say("name", Some(facts.name.as_str()));
    fields.say("organization_id", facts.organization_id.map(|id| id.to_string()));
    if let Some(placement) = facts.coordinates.filter(|one| one.quality == PlaceQuality::Rooftop) {
        fields.say("latitude", Some(number(placement.at().latitude())));
        fields.say("longitude", Some(number(placement.at().longitude())));
    }
    fields.list(List::Phones, facts.phone.iter().map(|number| phone(id, number, None)).collect());
    let address = [
        ("address_1", facts.address_1.as_deref()),
        ("address_2", facts.address_2.as_deref()),
        ("city", facts.city.as_deref()),
        ("state_province", facts.state.as_deref()),
        ("postal_code", facts.postal_code.as_ref().map(crate::types::PostalCode::as_str)),
    ];
    for (property, value) in address {
        if let Some(value) = value {
            fields.address.insert(property.to_owned(), Value::from(value));
        }
    }
    fields
}

/// What a service has to say; `own` is the offering that is at no location and stands on the service itself, and
/// `all` are all its offerings, of which HSDS wants languages and ages said here.
pub(super) fn service(
    id: Uuid,
    facts: &ServiceFacts,
    own: Option<(&OfferingFacts, Option<&CapacityPoolFacts>)>,
    all: &[&OfferingFacts],
) -> Fields {
    let mut fields = Fields::default();
    fields.say("name", Some(facts.name.as_str()));
    fields.say("organization_id", Some(facts.organization_id.to_string()));
    fields.say("description", facts.description.as_deref());
    fields.say("status", Some(facts.status.as_str()));
    fields.say("url", facts.url.as_deref());
    fields.say("email", facts.email.as_deref());
    let mut phones: Vec<Value> = facts.phone.iter().map(|number| phone(id, number, None)).collect();
    phones.extend(facts.intake_phones.iter().map(|number| phone(id, number, Some(INTAKE))));
    fields.list(List::Phones, phones);
    let funding = facts.funding_source.iter().map(
        |source| json!({"id": derived_uuid("hsds", &["funding", &id.to_string(), source]), "source": source}),
    );
    fields.list(List::Funding, funding.collect());
    let audience = facts.audience.iter().map(|one| attribute(id, "audiences", one.as_str(), None));
    fields.list(List::Attributes, audience.collect());
    let settings = facts.settings.iter().flatten().map(|one| attribute(id, "settings", one.as_str(), None));
    fields.list(List::Attributes, settings.collect());
    let emergency = facts.emergency_services.iter().flatten();
    fields.list(
        List::Attributes,
        emergency.map(|one| attribute(id, "emergency_services", one.as_str(), None)).collect(),
    );
    if let Some((offering, pool)) = own {
        offering_lists(&mut fields, id, offering, pool);
    }
    summary(&mut fields, id, all);
    fields
}

/// What HSDS wants said of a service as a whole: the languages spoken in it, and the span of its ages.
fn summary(fields: &mut Fields, id: Uuid, all: &[&OfferingFacts]) {
    let of_mode = |mode| -> BTreeSet<LanguageTag> {
        let offered = all.iter().flat_map(|offering| offering.languages.iter().flatten());
        offered.filter(|one| one.mode == mode).map(|one| one.language.clone()).collect()
    };
    fields.list(List::Languages, languages::entries(id, &of_mode(LanguageMode::Provider)));
    let interpreted = of_mode(LanguageMode::Interpreter);
    if !interpreted.is_empty() {
        let names: Vec<String> = interpreted.iter().map(languages::name).collect();
        fields.say("interpretation_services", Some(format!("Through an interpreter: {}", names.join(", "))));
    }
    let ages: Option<Vec<&AgeRange>> = (!all.is_empty()).then_some(all).and_then(|all| {
        let stated: Option<Vec<_>> = all.iter().map(|offering| offering.ages.as_ref()).collect();
        stated.map(|ages| ages.into_iter().flat_map(|ages| &ages.accepted).collect())
    });
    let Some(ages) = ages.filter(|ages| !ages.is_empty()) else { return };
    let min = ages.iter().map(|range| range.min()).fold(f64::INFINITY, f64::min);
    let end = ages.iter().map(|range| range.max()).fold(0.0, f64::max);
    fields.say("minimum_age", Some(number(min)));
    // The last whole year of age that is accepted to its end.
    let max = end.floor() - 1.0;
    if end < AgeRange::OLDEST && max >= min {
        fields.say("maximum_age", Some(number(max)));
    }
}

/// What a service at a location has to say.
pub(super) fn at_location(id: Uuid, facts: &OfferingFacts, pool: Option<&CapacityPoolFacts>) -> Fields {
    let mut fields = Fields::default();
    fields.say("service_id", Some(facts.service_id.to_string()));
    fields.say("location_id", facts.location_id.map(|id| id.to_string()));
    offering_lists(&mut fields, id, facts, pool);
    fields
}

/// The facts of one offering, in `subject`.
fn offering_lists(
    fields: &mut Fields,
    subject: Uuid,
    facts: &OfferingFacts,
    pool: Option<&CapacityPoolFacts>,
) {
    fields.list(List::Attributes, attributes(subject, facts, pool));
    if let Some(weekly) = facts.schedule.as_ref().and_then(|schedule| schedule.weekly.as_ref()) {
        fields.list(List::Schedules, schedules::entries(subject, weekly));
    }
    if let Some(area) = &facts.service_area {
        fields.list(List::Areas, areas(subject, area));
    }
}

fn attributes(subject: Uuid, facts: &OfferingFacts, pool: Option<&CapacityPoolFacts>) -> Vec<Value> {
    let mut all = vec![attribute(subject, "grains", facts.grain.as_str(), None)];
    let mut term = |taxonomy: &str, code: &str, value: Option<&str>| {
        all.push(attribute(subject, taxonomy, code, value));
    };
    if let Some(name) = &facts.name {
        term("details", "name", Some(name));
    }
    for tier in facts.tiers.iter().flatten() {
        term("tiers", &tier.to_string(), None);
    }
    if let Some(coverage) = &facts.coverage {
        for category in &coverage.categories {
            term("coverage_categories", category.as_str(), None);
        }
        for plan in &coverage.plans {
            let code = if plan.accepting_new { "plan_accepted" } else { "plan_closed" };
            term("details", code, Some(&plan.insurance_plan_id.to_string()));
        }
    }
    for need in facts.needs.iter().flatten() {
        term("needs", need.as_str(), None);
    }
    for population in facts.populations.iter().flatten() {
        term("populations", population.as_str(), None);
    }
    for practice in facts.practices.iter().flatten() {
        term("practices", practice.as_str(), None);
    }
    for modality in facts.modalities.iter().flatten() {
        term("modalities", modality.as_str(), None);
    }
    for feature in facts.accessibility.iter().flatten() {
        term("accessibility", feature.as_str(), None);
    }
    for criterion in stated_empty(facts) {
        term("details", "none", Some(criterion.as_str()));
    }
    if let Some(ages) = &facts.ages {
        for (code, ranges) in [("accepted", &ages.accepted), ("unstated", &ages.unstated)] {
            for range in ranges {
                term("ages", code, Some(&format!("{}-{}", range.min(), range.max())));
            }
        }
    }
    if let Some(season) = facts.schedule.as_ref().and_then(|schedule| schedule.season) {
        term("details", "season", Some(&format!("{}/{}", season.from, season.to)));
    }
    for school in facts.schools.iter().flatten() {
        term("details", "school", Some(&school.to_string()));
    }
    for criterion in &facts.partial {
        term("partial", "partial", Some(criterion.as_str()));
    }
    for one in facts.languages.iter().flatten() {
        let label = languages::name(&one.language);
        let tag = one.language.as_str();
        all.push(labelled(subject, "language_modes", one.mode.as_str(), Some(tag), Some(&label)));
    }
    if let Some(id) = facts.capacity_pool_id {
        let kind = pool.map_or("program", |pool| pool.kind.as_str());
        let name = pool.map(|pool| pool.name.as_str());
        all.push(labelled(subject, "capacity_pools", kind, Some(&id.to_string()), name));
    }
    all
}

/// Criteria of which it was stated that there is nothing, which is not the same as saying nothing.
fn stated_empty(facts: &OfferingFacts) -> impl Iterator<Item = Criterion> {
    fn is_empty<T>(list: Option<&Vec<T>>) -> bool {
        list.is_some_and(Vec::is_empty)
    }
    let coverage = facts.coverage.as_ref();
    let hours = facts.schedule.as_ref().and_then(|schedule| schedule.weekly.as_ref());
    let all = [
        (Criterion::Language, is_empty(facts.languages.as_ref())),
        (Criterion::Tier, is_empty(facts.tiers.as_ref())),
        (Criterion::Coverage, coverage.is_some_and(|one| one.categories.is_empty() && one.plans.is_empty())),
        (Criterion::Need, is_empty(facts.needs.as_ref())),
        (Criterion::Population, is_empty(facts.populations.as_ref())),
        (Criterion::Practice, is_empty(facts.practices.as_ref())),
        (Criterion::Modality, is_empty(facts.modalities.as_ref())),
        (Criterion::Accessibility, is_empty(facts.accessibility.as_ref())),
        (Criterion::Schedule, is_empty(hours)),
    ];
    all.into_iter().filter(|(_, is_empty)| *is_empty).map(|(criterion, _)| criterion)
}

fn areas(subject: Uuid, area: &ServiceArea) -> Vec<Value> {
    let named = |place: &crate::directory::NamedPlace| format!("{}, {}", place.name, place.state);
    let places = (area.postal_codes.iter().map(|code| ("postal_code", code.to_string())))
        .chain(area.towns.iter().map(|place| ("town", named(place))))
        .chain(area.counties.iter().map(|place| ("county", named(place))))
        .chain(area.states.iter().map(|state| ("state", state.clone())));
    let entry = |(kind, value): (&str, String)| {
        let id = derived_uuid("hsds", &["service_area", &subject.to_string(), kind, &value]);
        json!({"id": id, "name": value, "attributes": [attribute(id, "areas", kind, Some(&value))]})
    };
    let drawn = area.polygon.as_ref().and_then(|outline| serde_json::to_string(outline).ok()).map(|extent| {
        let id = derived_uuid("hsds", &["service_area", &subject.to_string(), "drawn"]);
        json!({
            "id": id, "name": "Drawn area", "extent": extent, "extent_type": "geojson",
            "attributes": [attribute(id, "areas", "drawn", Some("extent"))]
        })
    });
    places.map(entry).chain(drawn).collect()
}

fn phone(subject: Uuid, phone: &Phone, description: Option<&str>) -> Value {
    let (number, extension) = phone.as_str().split_once(";ext=").unwrap_or((phone.as_str(), ""));
    let id = derived_uuid(
        "hsds",
        &["phone", &subject.to_string(), phone.as_str(), description.unwrap_or_default()],
    );
    let mut entry = json!({"id": id, "number": number, "type": "voice"});
    // HSDS wants a number; one that begins with a zero would lose it.
    match extension.parse::<u64>() {
        Ok(plain) if plain.to_string() == extension => entry["extension"] = json!(plain),
        Ok(_) | Err(_) if extension.is_empty() => {}
        Ok(_) | Err(_) => entry["number"] = json!(format!("{number} x{extension}")),
    }
    if let Some(description) = description {
        entry["description"] = json!(description);
    }
    entry
}

/// A number without a needless fraction.
fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and small, as was just checked")]
    if value.fract() == 0.0 && value.abs() < 1e9 {
        return Value::from(value as i64);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// A document of our own, with what HSDS demands.
pub(super) fn compose(kind: super::kinds::Kind, id: Uuid, fields: &Fields) -> Object {
    use super::kinds::Kind;
    let mut document = Object::new();
    document.insert("id".to_owned(), Value::String(id.to_string()));
    for (property, value) in &fields.values {
        document.insert((*property).to_owned(), value.clone());
    }
    for (list, entries) in &fields.lists {
        document.insert(list.property().to_owned(), Value::Array(entries.clone()));
    }
    match kind {
        Kind::Organization => _ = document.entry("description").or_insert_with(|| json!("")),
        Kind::Location => {
            document.insert("location_type".to_owned(), json!("physical"));
            if !fields.address.is_empty() {
                document.insert("addresses".to_owned(), json!([new_address(id, &fields.address)]));
            }
        }
        Kind::Service | Kind::ServiceAtLocation | Kind::Taxonomy | Kind::TaxonomyTerm | Kind::Aside(_) => {}
    }
    document
}

/// An address with every property that HSDS demands, empty where nothing was said.
pub(super) fn new_address(location: Uuid, stated: &Object) -> Object {
    let mut address = profile::object(json!({
        "id": derived_uuid("hsds", &["address", &location.to_string()]),
        "address_1": "", "city": "", "state_province": "", "postal_code": "", "country": "US",
        "address_type": "physical",
    }));
    address.extend(stated.clone());
    address
}
