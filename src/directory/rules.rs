//! What makes the facts of a noun acceptable. Pure: no database, no clock.

mod partnerships;

use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;

use jiff::civil::Date;
use uuid::Uuid;

use super::facts::{
    CapacityPoolFacts, DistrictFacts, InsurancePlanFacts, LocationFacts, NamedPlace, OfferingFacts,
    OrganizationFacts, SchoolFacts, ServiceArea, ServiceFacts,
};
use crate::error::FieldError;
use crate::store::Noun;
use crate::types::{Criterion, DistrictKind, Modality, OpenHours, OrganizationId, Outline, Phone, ServiceId};

/// Longest name or code, in characters.
const NAME: usize = 300;
/// Longest description, in characters.
const TEXT: usize = 20_000;
/// Most telephone numbers or ranges of ages.
const FEW: usize = 100;
/// Longest list, in entries.
const LIST: usize = 5_000;

/// Collects what is wrong, each with its JSON pointer.
#[derive(Default)]
pub(super) struct Problems(Vec<FieldError>);

impl Problems {
    pub(super) fn into_inner(self) -> Vec<FieldError> {
        self.0
    }

    fn add(&mut self, pointer: impl Into<String>, message: impl fmt::Display) {
        self.0.push(FieldError::body(pointer, message));
    }

    fn unless(&mut self, holds: bool, pointer: &str, message: impl fmt::Display) {
        if !holds {
            self.add(pointer, message);
        }
    }

    fn name(&mut self, pointer: &str, text: &str) {
        self.unless(!text.trim().is_empty(), pointer, "must not be empty");
        self.length(pointer, text, NAME);
    }

    fn length(&mut self, pointer: &str, text: &str, most: usize) {
        let length = text.chars().count();
        self.unless(
            length <= most,
            pointer,
            format_args!("has {length} characters; at most {most} are kept"),
        );
        let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
        self.unless(text.chars().all(is_plain), pointer, "must not hold control characters");
    }

    fn email(&mut self, email: Option<&String>) {
        let Some(email) = email else { return };
        self.length("/email", email, NAME);
        let parts = email.split_once('@').filter(|(local, domain)| !local.is_empty() && domain.contains('.'));
        let plain = email.chars().all(|c| !c.is_whitespace() && !c.is_control());
        self.unless(parts.is_some() && plain, "/email", format_args!("{email:?} is not an e-mail address"));
    }

    fn link(&mut self, pointer: &str, link: Option<&String>) {
        let Some(link) = link else { return };
        self.length(pointer, link, NAME);
        let lower = link.to_ascii_lowercase();
        let is_web = lower.starts_with("https://") || lower.starts_with("http://");
        let plain = link.chars().all(|c| !c.is_whitespace() && !c.is_control());
        self.unless(
            is_web && plain,
            pointer,
            format_args!("{link:?} is not an address that begins with https://"),
        );
    }

    fn phones<'a>(&mut self, pointer: &str, phones: impl IntoIterator<Item = &'a Phone>) {
        for (position, phone) in phones.into_iter().enumerate() {
            self.unless(position < FEW, pointer, format_args!("has more than {FEW} numbers"));
            let plain = phone.as_str().chars().count() <= 60 && !phone.as_str().chars().any(char::is_control);
            self.unless(
                plain,
                pointer,
                "is no telephone number: it has more than 60 characters or control characters",
            );
            if position >= FEW {
                return;
            }
        }
    }

    fn optional(&mut self, pointer: &str, text: Option<&String>, most: usize) {
        if let Some(text) = text {
            self.unless(!text.trim().is_empty(), pointer, "must not be empty; leave it out instead");
            self.length(pointer, text, most);
        }
    }

    fn state(&mut self, pointer: &str, state: Option<&String>) {
        if let Some(state) = state {
            let valid = state.len() == 2 && state.bytes().all(|b| b.is_ascii_uppercase());
            self.unless(
                valid,
                pointer,
                format_args!("{state:?} is not a state: two capitals are needed, such as MA"),
            );
        }
    }

    fn time_zone(&mut self, zone: Option<&String>) {
        if let Some(zone) = zone {
            self.unless(
                jiff::tz::TimeZone::get(zone).is_ok(),
                "/time_zone",
                format_args!("{zone:?} is not an IANA time zone, such as America/New_York"),
            );
        }
    }

    fn period(&mut self, from: Option<Date>, until: Option<Date>, pointer: &str) {
        if let (Some(from), Some(until)) = (from, until) {
            self.unless(from <= until, pointer, format_args!("ends on {until}, before it begins on {from}"));
        }
    }

    fn set<T: Eq + Hash>(&mut self, pointer: &str, list: &[T]) {
        self.unless(
            list.len() <= LIST,
            pointer,
            format_args!("has {} entries; at most {LIST} are kept", list.len()),
        );
        let mut seen = HashSet::new();
        if let Some(position) = list.iter().position(|value| !seen.insert(value)) {
            self.add(format!("{pointer}/{position}"), "is listed twice");
        }
    }

    fn optional_set<T: Eq + Hash>(&mut self, pointer: &str, list: Option<&Vec<T>>) {
        if let Some(list) = list {
            self.set(pointer, list);
        }
    }

    fn hours(&mut self, pointer: &str, hours: Option<&Vec<OpenHours>>) {
        let Some(hours) = hours else { return };
        self.set(pointer, hours);
        for (position, one) in hours.iter().enumerate() {
            let overlaps = hours[..position]
                .iter()
                .any(|other| other.day == one.day && other.opens < one.closes && one.opens < other.closes);
            self.unless(!overlaps, &format!("{pointer}/{position}"), "overlaps other hours of that day");
        }
    }

    fn places(&mut self, pointer: &str, places: &[NamedPlace]) {
        self.set(pointer, places);
        for (position, place) in places.iter().enumerate() {
            self.name(&format!("{pointer}/{position}/name"), &place.name);
            self.state(&format!("{pointer}/{position}/state"), Some(&place.state));
        }
    }
}

/// What makes one noun's facts acceptable, and what they refer to.
pub(super) trait Check {
    fn check(&self, problems: &mut Problems);
    fn references(&self) -> Vec<(String, Noun, Uuid)>;

    /// Services that must be this organization's.
    fn own_services(&self) -> Vec<(String, ServiceId, OrganizationId)> {
        Vec::new()
    }
}

fn reference(pointer: &str, noun: Noun, id: impl Into<Uuid>) -> (String, Noun, Uuid) {
    (pointer.to_owned(), noun, id.into())
}

impl Check for OrganizationFacts {
    fn check(&self, problems: &mut Problems) {
        problems.name("/name", &self.name);
        problems.optional("/alternate_name", self.alternate_name.as_ref(), NAME);
        problems.optional("/description", self.description.as_ref(), TEXT);
        problems.link("/website", self.website.as_ref());
        problems.email(self.email.as_ref());
        problems.phones("/phone", &self.phone);
        problems.time_zone(self.time_zone.as_ref());
        problems.hours("/hours", self.hours.as_ref());
        problems.set("/holidays", &self.holidays);
    }

    fn references(&self) -> Vec<(String, Noun, Uuid)> {
        Vec::new()
    }
}

impl Check for LocationFacts {
    fn check(&self, problems: &mut Problems) {
        problems.name("/name", &self.name);
        problems.phones("/phone", &self.phone);
        problems.optional("/address_1", self.address_1.as_ref(), NAME);
        problems.optional("/address_2", self.address_2.as_ref(), NAME);
        problems.optional("/city", self.city.as_ref(), NAME);
        problems.state("/state", self.state.as_ref());
    }

    fn references(&self) -> Vec<(String, Noun, Uuid)> {
        self.organization_id
            .map(|id| reference("/organization_id", Noun::Organization, id))
            .into_iter()
            .collect()
    }
}

impl Check for ServiceFacts {
    fn check(&self, problems: &mut Problems) {
        problems.name("/name", &self.name);
        problems.optional("/description", self.description.as_ref(), TEXT);
        problems.link("/url", self.url.as_ref());
        problems.email(self.email.as_ref());
        problems.phones("/phone", &self.phone);
        problems.phones("/intake_phones", &self.intake_phones);
        for (position, code) in self.source_codes.iter().enumerate() {
            problems.length(&format!("/source_codes/{position}"), code, NAME);
        }
        problems.optional("/funding_source", self.funding_source.as_ref(), NAME);
        problems.unless(!self.audience.is_empty(), "/audience", "must name whom the service is for");
        problems.set("/audience", &self.audience);
        problems.optional_set("/settings", self.settings.as_ref());
        problems.optional_set("/emergency_services", self.emergency_services.as_ref());
        problems.set("/source_codes", &self.source_codes);
    }

    fn references(&self) -> Vec<(String, Noun, Uuid)> {
        vec![reference("/organization_id", Noun::Organization, self.organization_id)]
    }
}

impl Check for CapacityPoolFacts {
    fn check(&self, problems: &mut Problems) {
        problems.name("/name", &self.name);
    }

    fn references(&self) -> Vec<(String, Noun, Uuid)> {
        vec![reference("/organization_id", Noun::Organization, self.organization_id)]
    }
}

impl Check for OfferingFacts {
    fn check(&self, problems: &mut Problems) {
        problems.optional("/name", self.name.as_ref(), NAME);
        problems.optional_set("/languages", self.languages.as_ref());
        problems.optional_set("/tiers", self.tiers.as_ref());
        problems.optional_set("/needs", self.needs.as_ref());
        problems.optional_set("/populations", self.populations.as_ref());
        problems.optional_set("/practices", self.practices.as_ref());
        problems.optional_set("/modalities", self.modalities.as_ref());
        problems.optional_set("/accessibility", self.accessibility.as_ref());
        problems.optional_set("/schools", self.schools.as_ref());
        problems.set("/partial", &self.partial);
        if let Some(coverage) = &self.coverage {
            problems.set("/coverage/categories", &coverage.categories);
            let plans: Vec<_> = coverage.plans.iter().map(|plan| plan.insurance_plan_id).collect();
            problems.set("/coverage/plans", &plans);
        }
        if let Some(ages) = &self.ages {
            let most = ages.accepted.len().max(ages.unstated.len());
            problems.unless(most <= FEW, "/ages", format_args!("has {most} ranges; at most {FEW} are kept"));
        }
        if let Some(schedule) = &self.schedule {
            problems.hours("/schedule/weekly", schedule.weekly.as_ref());
        }
        if let Some(area) = &self.service_area {
            check_area(problems, area);
        }
        if self.schools.as_ref().is_some_and(Vec::is_empty) {
            problems.add("/schools", "names no school; leave it out where there is no restriction");
        }
        for (position, criterion) in self.partial.iter().enumerate() {
            problems.unless(
                may_be_partial(*criterion),
                &format!("/partial/{position}"),
                format_args!("{criterion} is no list of facts that could be incomplete"),
            );
        }
        let in_person = self.modalities.as_ref().is_some_and(|list| list.contains(&Modality::InPerson));
        problems.unless(
            !in_person || self.location_id.is_some(),
            "/location_id",
            "is needed where the service is given in person",
        );
    }

    fn references(&self) -> Vec<(String, Noun, Uuid)> {
        let mut references = vec![reference("/service_id", Noun::Service, self.service_id)];
        references.extend(self.location_id.map(|id| reference("/location_id", Noun::Location, id)));
        references
            .extend(self.capacity_pool_id.map(|id| reference("/capacity_pool_id", Noun::CapacityPool, id)));
        for (position, plan) in self.coverage.iter().flat_map(|coverage| &coverage.plans).enumerate() {
            let pointer = format!("/coverage/plans/{position}/insurance_plan_id");
            references.push((pointer, Noun::InsurancePlan, plan.insurance_plan_id.into()));
        }
        for (position, school) in self.schools.iter().flatten().enumerate() {
            references.push((format!("/schools/{position}"), Noun::School, (*school).into()));
        }
        references
    }
}

/// Whether the facts under this criterion are a list that may be known in part only.
fn may_be_partial(criterion: Criterion) -> bool {
    match criterion {
        Criterion::Language
        | Criterion::Tier
        | Criterion::Coverage
        | Criterion::Need
        | Criterion::Modality
        | Criterion::Population
        | Criterion::Practice
        | Criterion::Accessibility => true,
        Criterion::Location
        | Criterion::Age
        | Criterion::Schedule
        | Criterion::Availability
        | Criterion::Restriction => false,
    }
}

fn check_area(problems: &mut Problems, area: &ServiceArea) {
    let ServiceArea { postal_codes, towns, counties, states, polygon } = area;
    let named = !(postal_codes.is_empty() && towns.is_empty() && counties.is_empty() && states.is_empty())
        || polygon.is_some();
    problems.unless(named, "/service_area", "names no place; leave it out where residence does not matter");
    problems.set("/service_area/postal_codes", postal_codes);
    problems.places("/service_area/towns", towns);
    problems.places("/service_area/counties", counties);
    problems.set("/service_area/states", states);
    for (position, state) in states.iter().enumerate() {
        problems.state(&format!("/service_area/states/{position}"), Some(state));
    }
    for fault in polygon.iter().flat_map(Outline::faults) {
        problems.add(format!("/service_area/polygon{}", fault.pointer), fault.message);
    }
}

impl Check for InsurancePlanFacts {
    fn check(&self, problems: &mut Problems) {
        problems.name("/name", &self.name);
        problems.name("/payer", &self.payer);
        problems.optional("/program", self.program.as_ref(), NAME);
        problems.period(self.effective_from, self.effective_until, "/effective_until");
    }

    fn references(&self) -> Vec<(String, Noun, Uuid)> {
        Vec::new()
    }
}

impl Check for DistrictFacts {
    fn check(&self, problems: &mut Problems) {
        problems.name("/name", &self.name);
        problems.name("/code", &self.code);
        problems.state("/state", self.state.as_ref());
        problems.time_zone(self.time_zone.as_ref());
        problems.set("/members", &self.members);
        problems.unless(
            self.members.is_empty() || self.kind == Some(DistrictKind::Collaborative),
            "/members",
            "only a collaborative has members; its kind must be collaborative",
        );
    }

    fn references(&self) -> Vec<(String, Noun, Uuid)> {
        let organization =
            self.organization_id.map(|id| reference("/organization_id", Noun::Organization, id));
        let members = self
            .members
            .iter()
            .enumerate()
            .map(|(position, member)| (format!("/members/{position}"), Noun::District, (*member).into()));
        organization.into_iter().chain(members).collect()
    }
}

impl Check for SchoolFacts {
    fn check(&self, problems: &mut Problems) {
        problems.name("/name", &self.name);
        problems.name("/code", &self.code);
        problems.phones("/phone", &self.phone);
        problems.optional("/address_1", self.address_1.as_ref(), NAME);
        problems.optional("/city", self.city.as_ref(), NAME);
        problems.optional("/school_type", self.school_type.as_ref(), NAME);
        problems.state("/state", self.state.as_ref());
        problems.set("/grades", &self.grades);
    }

    fn references(&self) -> Vec<(String, Noun, Uuid)> {
        self.district_id.map(|id| reference("/district_id", Noun::District, id)).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Facts;

    fn pointers<F: Facts>(json: &serde_json::Value) -> Vec<String> {
        let facts: F = serde_json::from_value(json.clone()).unwrap();
        facts
            .problems()
            .into_iter()
            .map(|problem| problem.to_string().split(": ").next().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn every_wrong_value_is_named_by_its_pointer() {
        let offering = serde_json::json!({
            "service_id": "0192d7a0-0000-7000-8000-000000000001", "grain": "team",
            "modalities": ["in_person", "in_person"], "schools": [], "partial": ["age"],
            "service_area": {"states": ["Mass"]},
            "schedule": {"weekly": [
                {"day": "monday", "opens": "09:00", "closes": "12:00"},
                {"day": "monday", "opens": "11:00", "closes": "13:00"}
            ]}
        });
        assert_eq!(
            pointers::<OfferingFacts>(&offering),
            [
                "/modalities/1",
                "/schedule/weekly/1",
                "/service_area/states/0",
                "/schools",
                "/partial/0",
                "/location_id"
            ]
        );
        let organization = serde_json::json!({
            "name": " ", "engagement": "listed", "email": "nobody", "time_zone": "Boston"
        });
        assert_eq!(pointers::<OrganizationFacts>(&organization), ["/name", "/email", "/time_zone"]);
        let plan = serde_json::json!({
            "name": "Plan", "payer": "Payer", "category": "medicaid",
            "effective_from": "2026-02-01", "effective_until": "2026-01-31"
        });
        assert_eq!(pointers::<InsurancePlanFacts>(&plan), ["/effective_until"]);
    }
}
