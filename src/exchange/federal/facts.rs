//! One facility of the directory as facts.

use std::collections::BTreeSet;
use std::hash::Hash;

use uuid::Uuid;

use super::reference::{Codebook, Stated, years};
use crate::directory::{
    CapacityPoolFacts, Coverage, LocationFacts, OfferingFacts, OrganizationFacts, Placement, ServiceFacts,
};
use crate::exchange::reading::Statement;
use crate::exchange::table::{comparable, stated};
use crate::types::{
    Ages, Audience, CapacityPoolId, CapacityPoolKind, CoverageCategory, Criterion, Engagement, FacilityType,
    Grain, LocationId, OfferingId, OrganizationId, Phone, PostalCode, ServiceId, ServiceStatus, derived_uuid,
};

/// The name of the source, from which all ids are derived.
const SOURCE: &str = "federal-directory";

/// Words and signs after which a name is not at its end.
const JOINING: [&str; 9] = ["of", "for", "and", "the", "at", "in", "&", "-", "to"];

/// A row that has all that it needs.
pub(super) struct Facility {
    pub(super) row: u64,
    pub(super) name1: String,
    pub(super) name2: String,
    pub(super) street1: String,
    pub(super) street2: String,
    pub(super) city: String,
    pub(super) state: String,
    pub(super) postal_code: PostalCode,
    pub(super) phone: String,
    pub(super) intake_phones: Vec<String>,
    pub(super) website: String,
    pub(super) placement: Option<Placement>,
    pub(super) stated: Stated,
}

/// What makes two rows the same facility: its names, its address, its ZIP code; not the volume or the year.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct FacilityKey([String; 5]);

/// What makes two rows the same organization: its name within its state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct OrganizationKey {
    state: String,
    name: String,
}

impl OrganizationKey {
    fn id(&self) -> OrganizationId {
        derived_uuid(SOURCE, &["organization", &self.state, &self.name]).into()
    }
}

/// What the rows of one organization agree on.
pub(super) struct Organization {
    /// The name as its first row spells it.
    pub(super) name: String,
    /// The kinds of facility that its rows state.
    pub(super) facility_types: BTreeSet<FacilityType>,
}

impl Facility {
    pub(super) fn key(&self) -> FacilityKey {
        let [name1, name2, street1, street2] =
            [&self.name1, &self.name2, &self.street1, &self.street2].map(|part| comparable(part));
        FacilityKey([name1, name2, street1, street2, self.postal_code.to_string()])
    }

    /// The organization, by its name within its state.
    ///
    /// 89 of the 5,289 names in the 2022 volume occur in several states, "Care Clinic" in nine. They are
    /// different agencies, or chapters that answer for themselves. Within a state the same name is the same
    /// agency.
    pub(super) fn organization_key(&self) -> OrganizationKey {
        OrganizationKey { state: self.state.clone(), name: comparable(&self.organization_name()) }
    }

    /// The organization's name. The column is narrow, and a name that breaks off at a joining word
    /// ("Catholic Community Services of") goes on in the next one.
    pub(super) fn organization_name(&self) -> String {
        if self.runs_on() { format!("{} {}", self.name1, self.name2) } else { self.name1.clone() }
    }

    fn runs_on(&self) -> bool {
        let last = self.name1.rsplit(' ').next().unwrap_or_default();
        !self.name2.is_empty() && JOINING.iter().any(|word| last.eq_ignore_ascii_case(word))
    }

    /// What the second column calls the facility, unless it is the rest of the organization's name.
    fn own_name(&self) -> Option<String> {
        let name = match self.name2.split_at_checked(4) {
            Some((doing_business_as, name)) if doing_business_as.eq_ignore_ascii_case("dba ") => name,
            _ => self.name2.as_str(),
        };
        if self.runs_on() { None } else { stated(name) }
    }

    /// All that the row states. The phone joins the ids where two facilities of the file differ in nothing
    /// else.
    pub(super) fn statements(
        mut self,
        organization: &Organization,
        phone_tells: bool,
        codebook: &Codebook,
    ) -> Vec<Statement> {
        let FacilityKey(parts) = self.key();
        let mut key: Vec<&str> = parts.iter().map(String::as_str).collect();
        if phone_tells {
            key.push(&self.phone);
        }
        let id = |kind| -> Uuid { derived_uuid(SOURCE, &[&[kind], key.as_slice()].concat()) };
        let location_id: LocationId = id("location").into();
        let service_id: ServiceId = id("service").into();
        let pool_id: CapacityPoolId = id("capacity_pool").into();
        let offering_id: OfferingId = id("offering").into();
        let organization_id = self.organization_key().id();

        let organization = organization.facts();
        if organization.facility_type.is_none() {
            // Its rows disagree, so this one's kind of facility has no field and is kept as a code.
            self.stated.source_codes.append(&mut self.stated.facility_type_codes);
        }
        vec![
            Statement::Organization(organization_id, organization),
            Statement::Location(location_id, self.location(organization_id)),
            Statement::Service(service_id, self.service(organization_id)),
            Statement::CapacityPool(pool_id, self.capacity_pool(organization_id)),
            Statement::Offering(offering_id, self.offering(service_id, location_id, pool_id, codebook)),
        ]
    }

    fn location(&self, organization_id: OrganizationId) -> LocationFacts {
        LocationFacts {
            organization_id: Some(organization_id),
            name: self.own_name().unwrap_or_else(|| self.organization_name()),
            address_1: Some(self.street1.clone()),
            address_2: stated(&self.street2),
            city: Some(self.city.clone()),
            state: Some(self.state.clone()),
            postal_code: Some(self.postal_code),
            phone: phone(&self.phone),
            coordinates: self.placement,
        }
    }

    fn service(&self, organization_id: OrganizationId) -> ServiceFacts {
        ServiceFacts {
            organization_id,
            name: self.service_name(),
            description: None,
            status: ServiceStatus::Active,
            audience: vec![Audience::Students, Audience::Families],
            url: stated(&self.website),
            phone: phone(&self.phone),
            intake_phones: self.intake_phones.iter().filter_map(|number| phone(number)).collect(),
            email: None,
            settings: some(&self.stated.settings),
            emergency_services: some(&self.stated.emergency_services),
            funding_source: None,
            funding_ends_on: None,
            // The directory does not say who is bound by that law.
            part2_program: None,
            source_codes: self.stated.source_codes.iter().cloned().collect(),
        }
    }

    fn service_name(&self) -> String {
        let has = |code: &str| self.stated.types_of_care.contains(code);
        self.own_name().unwrap_or_else(|| {
            let kind = match (has("MH"), has("SA"), has("SUMH")) {
                (true, true, _) => "Mental health and substance use services",
                (true, false, _) => "Mental health services",
                (false, true, _) => "Substance use services",
                (false, false, true) => "Co-occurring disorder services",
                (false, false, false) => "Services",
            };
            kind.to_owned()
        })
    }

    fn capacity_pool(&self, organization_id: OrganizationId) -> CapacityPoolFacts {
        CapacityPoolFacts { organization_id, name: self.service_name(), kind: CapacityPoolKind::Program }
    }

    /// One offering at the address. Telehealth is one more way of meeting and says nothing of where the
    /// student may live.
    fn offering(
        &self,
        service_id: ServiceId,
        location_id: LocationId,
        capacity_pool_id: CapacityPoolId,
        codebook: &Codebook,
    ) -> OfferingFacts {
        let stated = &self.stated;
        let languages = some(&stated.languages);
        // Languages are listed beside English, which never is; special programs name what a facility makes a
        // point of, not all that it treats.
        let mut partial = vec![Criterion::Need, Criterion::Population];
        if languages.is_some() {
            partial.insert(0, Criterion::Language);
        }
        // Payment assistance is a question of its own: who answered only that has not said which insurance it
        // takes.
        let assistance = |category: &CoverageCategory| {
            matches!(category, CoverageCategory::SlidingFee | CoverageCategory::SafetyNet)
        };
        if !stated.coverage.is_empty() && stated.coverage.iter().all(assistance) {
            partial.push(Criterion::Coverage);
        }
        OfferingFacts {
            service_id,
            location_id: Some(location_id),
            capacity_pool_id: Some(capacity_pool_id),
            name: None,
            grain: Grain::Facility,
            languages,
            tiers: None,
            coverage: some(&stated.coverage).map(|categories| Coverage { categories, plans: Vec::new() }),
            needs: some(&stated.needs),
            populations: some(&stated.populations),
            practices: some(&stated.practices),
            ages: (!stated.ages.is_empty()).then(|| Ages {
                accepted: stated.ages.iter().copied().filter_map(years).collect(),
                unstated: codebook.unspoken().collect(),
            }),
            modalities: some(&stated.modalities),
            schedule: None,
            accessibility: None,
            service_area: None,
            schools: None,
            partial,
        }
    }
}

impl Organization {
    /// The same facts on each of its rows; the phone is the facility's.
    fn facts(&self) -> OrganizationFacts {
        let mut types = self.facility_types.iter().copied();
        OrganizationFacts {
            name: self.name.clone(),
            alternate_name: None,
            description: None,
            email: None,
            phone: None,
            website: None,
            engagement: Engagement::Listed,
            intake_channel: None,
            facility_type: types.next().filter(|_| types.next().is_none()),
            time_zone: None,
            hours: None,
            holidays: Vec::new(),
        }
    }
}

fn phone(text: &str) -> Option<Phone> {
    stated(text).map(Phone::from)
}

/// A list, or nothing where nothing was stated.
fn some<T: Clone>(set: &BTreeSet<T>) -> Option<Vec<T>> {
    (!set.is_empty()).then(|| set.iter().cloned().collect())
}
