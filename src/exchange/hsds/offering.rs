//! What HSDS says of a service at a location, as the facts of one offering.

use std::collections::BTreeSet;
use std::str::FromStr;

use uuid::Uuid;

use super::facts::{self, Notes, acceptable, codes, some};
use super::kinds::{Object, number, objects, own_offering, text};
use super::{languages, profile, schedules};
use crate::directory::{
    CapacityPoolFacts, Coverage, NamedPlace, OfferedLanguage, OfferingFacts, PlanAcceptance, ServiceArea,
    ServiceFacts,
};
use crate::types::{
    AccessibilityFeature, AgeRange, Ages, CapacityPoolId, CapacityPoolKind, Criterion, Grain, LanguageMode,
    LocationId, Need, OfferingId, Population, PostalCode, Schedule, Season, ServiceId, derived_uuid,
};

/// The documents that speak of one offering.
pub(super) struct Documents<'a> {
    /// Of the service.
    pub(super) service: &'a Object,
    /// Of the service at the location; none for a service that is at none.
    pub(super) at_location: Option<&'a Object>,
    /// Of the location.
    pub(super) location: Option<&'a Object>,
}

/// An offering that is stated, with the pool that it draws on.
pub(super) struct Stated {
    pub(super) id: OfferingId,
    pub(super) facts: OfferingFacts,
    pub(super) pool_id: CapacityPoolId,
    pub(super) pool: CapacityPoolFacts,
}

/// Reads an offering: of the service at a location with the id `at_location`, or of the service itself.
///
/// # Errors
/// Says what cannot be accepted.
pub(super) fn read(
    documents: &Documents<'_>,
    (service_id, service): (ServiceId, &ServiceFacts),
    at_location: Option<(Uuid, Option<LocationId>)>,
    notes: &mut Notes,
) -> Result<Stated, String> {
    let id = OfferingId(at_location.map_or_else(|| own_offering(service_id.0), |(id, _)| id));
    let own = documents.at_location.unwrap_or(documents.service);
    let pool = pool(own);
    let pool_id = pool
        .as_ref()
        .map_or_else(|| derived_uuid("hsds", &["capacity_pool", &id.to_string()]).into(), |(id, ..)| *id);
    let mut facts = OfferingFacts {
        service_id,
        location_id: at_location.and_then(|(_, location)| location),
        capacity_pool_id: Some(pool_id),
        name: detail(own, "name").into_iter().next(),
        grain: Grain::Service,
        languages: None,
        tiers: some(codes(own, "tiers")),
        coverage: coverage(own),
        needs: some(codes(own, "needs")),
        populations: some(codes(own, "populations")),
        practices: some(codes(own, "practices")),
        ages: None,
        modalities: some(codes(own, "modalities")),
        schedule: None,
        accessibility: some(codes(own, "accessibility")),
        service_area: service_area(own),
        schools: some(detail(own, "school").iter().filter_map(|id| id.parse().ok()).collect()),
        partial: partial(own),
    };
    match codes::<Grain>(own, "grains").into_iter().next() {
        // The profile speaks of this combination: what it leaves out was not said of it, whatever the service
        // as a whole says.
        Some(grain) => {
            facts.grain = grain;
            facts.languages = some(profile_languages(own));
            facts.ages = profile_ages(own);
        }
        None => inherit(&mut facts, documents, notes),
    }
    facts.schedule = schedule(documents, notes);
    state_empty(&mut facts, own);
    let pool = CapacityPoolFacts {
        organization_id: service.organization_id,
        name: pool.as_ref().and_then(|(_, name, _)| name.clone()).unwrap_or_else(|| service.name.clone()),
        kind: pool.map_or(CapacityPoolKind::Program, |(.., kind)| kind),
    };
    Ok(Stated { id, facts: acceptable(facts, notes)?, pool_id, pool })
}

/// Lists of which the profile says that there is nothing.
fn state_empty(facts: &mut OfferingFacts, own: &Object) {
    for criterion in detail(own, "none") {
        match criterion.parse() {
            Ok(Criterion::Language) => _ = facts.languages.get_or_insert_default(),
            Ok(Criterion::Tier) => _ = facts.tiers.get_or_insert_default(),
            Ok(Criterion::Coverage) => _ = facts.coverage.get_or_insert_default(),
            Ok(Criterion::Need) => _ = facts.needs.get_or_insert_default(),
            Ok(Criterion::Population) => _ = facts.populations.get_or_insert_default(),
            Ok(Criterion::Practice) => _ = facts.practices.get_or_insert_default(),
            Ok(Criterion::Modality) => _ = facts.modalities.get_or_insert_default(),
            Ok(Criterion::Accessibility) => _ = facts.accessibility.get_or_insert_default(),
            Ok(Criterion::Schedule) => {
                _ = facts.schedule.get_or_insert_default().weekly.get_or_insert_default();
            }
            Ok(Criterion::Location | Criterion::Age | Criterion::Availability | Criterion::Restriction)
            | Err(_) => {}
        }
    }
}

/// What the service and the location say holds for the service at the location, as far as it is stated.
fn inherit(facts: &mut OfferingFacts, documents: &Documents<'_>, notes: &mut Notes) {
    let of_service = languages::spoken(objects(documents.service, "languages"));
    let of_place = documents
        .location
        .map(|location| languages::spoken(objects(location, "languages")))
        .unwrap_or_default();
    // Spoken at the place is not the same as spoken in this service.
    let spoken = if of_service.is_stated {
        of_service
    } else {
        if of_place.is_stated {
            facts.grain = Grain::Facility;
        }
        of_place
    };
    if !spoken.unknown.is_empty() {
        add(&mut facts.partial, Criterion::Language);
    }
    notes.extend(spoken.unknown);
    let offered = |language| OfferedLanguage { language, mode: LanguageMode::Provider };
    facts.languages = some(spoken.known.into_iter().map(offered).collect());
    facts.ages = ages(documents.service, notes);
    by_open_eligibility::<Need>(
        documents.service,
        "needs",
        Criterion::Need,
        &mut facts.needs,
        &mut facts.partial,
    );
    by_open_eligibility::<Population>(
        documents.service,
        "populations",
        Criterion::Population,
        &mut facts.populations,
        &mut facts.partial,
    );
    if let Some(location) = documents.location {
        accessibility(facts, location);
    }
    facts.partial.sort();
}

fn add(partial: &mut Vec<Criterion>, criterion: Criterion) {
    if !partial.contains(&criterion) {
        partial.push(criterion);
    }
}

/// Terms of Open Eligibility on the service. They say what it is about, not all that it does.
fn by_open_eligibility<T: FromStr + Ord>(
    service: &Object,
    taxonomy: &str,
    criterion: Criterion,
    list: &mut Option<Vec<T>>,
    partial: &mut Vec<Criterion>,
) {
    let codes = objects(service, "attributes").flat_map(|one| profile::by_open_eligibility(one, taxonomy));
    let found: BTreeSet<T> = codes.filter_map(|code| code.parse().ok()).collect();
    if list.is_none() && !found.is_empty() {
        *list = Some(found.into_iter().collect());
        add(partial, criterion);
    }
}

/// Ages from `minimum_age` and `maximum_age`, in years; HSDS means both to be inside.
fn ages(service: &Object, notes: &mut Notes) -> Option<Ages> {
    let mut bound = |property: &str| -> Result<Option<f64>, ()> {
        let Some(written) = text(service, property) else { return Ok(None) };
        number(service, property).filter(|age| *age >= 0.0).map(Some).ok_or_else(|| {
            notes.push(format!("{property} {written:?} is no number of years: ages are left open"));
        })
    };
    let (Ok(min), Ok(max)) = (bound("minimum_age"), bound("maximum_age")) else { return None };
    let (min, max) = match (min, max) {
        (None, None) => return None,
        // What a form writes when nobody filled it in.
        (Some(0.0), Some(0.0)) => {
            notes.push("minimum_age and maximum_age are both 0: ages are left open".to_owned());
            return None;
        }
        (min, max) => (min.unwrap_or(0.0), max.unwrap_or(AgeRange::OLDEST)),
    };
    // One is 17 until the 18th birthday.
    let end = if max.fract() == 0.0 { max + 1.0 } else { max };
    let range = AgeRange::new(min, end.min(AgeRange::OLDEST));
    if range.is_none() {
        notes.push(format!("minimum_age {min} is above maximum_age {max}: ages are left open"));
    }
    range.map(|range| Ages { accepted: vec![range], unstated: Vec::new() })
}

/// Features whose name or code stands there as it is.
fn accessibility(facts: &mut OfferingFacts, location: &Object) {
    let vocabulary = AccessibilityFeature::vocabulary();
    let mut found = BTreeSet::new();
    let mut is_whole = true;
    for entry in objects(location, "accessibility") {
        let written = text(entry, "description").unwrap_or_default();
        let term = vocabulary.named(&written).or_else(|| vocabulary.term(&written.to_lowercase()));
        match term.and_then(|term| term.code.parse::<AccessibilityFeature>().ok()) {
            Some(feature) => _ = found.insert(feature),
            None => is_whole = false,
        }
    }
    if facts.accessibility.is_none() && !found.is_empty() {
        facts.accessibility = Some(found.into_iter().collect());
        if !is_whole {
            add(&mut facts.partial, Criterion::Accessibility);
        }
    }
}

/// The hours of the service at the location, else of the service. Those of the place say when its doors are open.
fn schedule(documents: &Documents<'_>, notes: &mut Notes) -> Option<Schedule> {
    let own = documents.at_location.unwrap_or(documents.service);
    let season = detail(own, "season").into_iter().find_map(|value| {
        let (from, to) = value.split_once('/')?;
        Some(Season { from: from.parse().ok()?, to: to.parse().ok()? })
    });
    let is_profile = !codes::<Grain>(own, "grains").is_empty();
    let from = match documents.at_location {
        Some(at) if is_profile || objects(at, "schedules").next().is_some() => at,
        Some(_) | None => documents.service,
    };
    let weekly = schedules::weekly(objects(from, "schedules")).unwrap_or_else(|reason| {
        notes.push(format!("{reason}: the schedule is left open"));
        None
    });
    (weekly.is_some() || season.is_some()).then_some(Schedule { weekly, season })
}

// ---- what the profile says -------------------------------------------------------------------------------

/// The values of attributes with this term, in the order of the document.
fn values(document: &Object, taxonomy: &str, code: &str) -> Vec<String> {
    let stated = objects(document, "attributes").filter_map(profile::read);
    stated
        .filter(|(term, _)| term.taxonomy == taxonomy && term.code == code)
        .map(|(_, value)| value)
        .collect()
}

fn detail(document: &Object, code: &str) -> Vec<String> {
    values(document, "details", code)
}

fn profile_languages(document: &Object) -> Vec<OfferedLanguage> {
    let mut languages: BTreeSet<OfferedLanguage> = BTreeSet::new();
    for mode in LanguageMode::ALL {
        for tag in values(document, "language_modes", mode.as_str()) {
            languages.extend(tag.parse().ok().map(|language| OfferedLanguage { language, mode: *mode }));
        }
    }
    languages.into_iter().collect()
}

fn profile_ages(document: &Object) -> Option<Ages> {
    let ranges = |code| -> Vec<AgeRange> {
        let range = |value: &String| {
            let (min, max) = value.split_once('-')?;
            AgeRange::new(min.parse().ok()?, max.parse().ok()?)
        };
        values(document, "ages", code).iter().filter_map(range).collect()
    };
    let (accepted, unstated) = (ranges("accepted"), ranges("unstated"));
    (!accepted.is_empty() || !unstated.is_empty()).then_some(Ages { accepted, unstated })
}

fn coverage(document: &Object) -> Option<Coverage> {
    let plans = |code, accepting_new| {
        let ids = detail(document, code);
        let plans: Vec<PlanAcceptance> = ids
            .iter()
            .filter_map(|id| Some(PlanAcceptance { insurance_plan_id: id.parse().ok()?, accepting_new }))
            .collect();
        plans
    };
    let mut accepted = plans("plan_accepted", true);
    accepted.extend(plans("plan_closed", false));
    let categories = codes(document, "coverage_categories");
    (!categories.is_empty() || !accepted.is_empty()).then_some(Coverage { categories, plans: accepted })
}

fn partial(document: &Object) -> Vec<Criterion> {
    let mut criteria = Vec::new();
    for value in values(document, "partial", "partial") {
        if let Ok(criterion) = value.parse() {
            add(&mut criteria, criterion);
        }
    }
    criteria
}

fn pool(document: &Object) -> Option<(CapacityPoolId, Option<String>, CapacityPoolKind)> {
    objects(document, "attributes").find_map(|attribute| {
        let (term, value) = profile::read(attribute).filter(|(term, _)| term.taxonomy == "capacity_pools")?;
        Some((value.parse().ok()?, text(attribute, "label"), term.code.parse().ok()?))
    })
}

fn service_area(document: &Object) -> Option<ServiceArea> {
    let mut area = ServiceArea::default();
    for (kind, value) in objects(document, "service_areas").flat_map(areas_of) {
        let place = value
            .rsplit_once(", ")
            .map(|(name, state)| NamedPlace { name: name.into(), state: state.into() });
        match kind {
            "postal_code" => area.postal_codes.extend(value.parse::<PostalCode>().ok()),
            "town" => area.towns.extend(place),
            "county" => area.counties.extend(place),
            "drawn" => area.polygon = serde_json::from_str(&value).ok(),
            _ => area.states.push(value),
        }
    }
    (area != ServiceArea::default()).then_some(area)
}

/// The places that an entry of `service_areas` names by attributes of the profile; of a drawn area, its geometry.
pub(super) fn areas_of(entry: &Object) -> Vec<(&'static str, String)> {
    let stated = objects(entry, "attributes").filter_map(profile::read);
    let area = |(term, value): (&profile::ProfileTerm, String)| match term.code {
        "drawn" => (term.code, text(entry, "extent").unwrap_or_default()),
        code => (code, value),
    };
    stated.filter(|(term, _)| term.taxonomy == "areas").map(area).collect()
}

/// The facts of a service, also where its organization is not said: for reading an offering of it.
pub(super) fn service_facts(document: &Object) -> Option<ServiceFacts> {
    let organization = facts::organization_of(document).unwrap_or_else(|| Uuid::nil().into());
    facts::service(document, organization, &mut Notes::new()).ok()
}
