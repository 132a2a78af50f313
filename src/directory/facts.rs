//! What can be said of each noun of the directory: the facts that somebody asserts.
//!
//! Each is a document: absent means that nobody has said anything, which is not "no". The same shapes
//! are the bodies of the API, the text in the database and what an assertion holds.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::types::{
    AccessibilityFeature, Ages, Audience, CapacityPoolId, CapacityPoolKind, Coordinates, CoverageCategory,
    Criterion, DistrictId, DistrictKind, EmergencyService, Engagement, FacilityType, Grade, Grain,
    InsurancePlanId, IntakeChannel, LanguageMode, LanguageTag, LocationId, Modality, Need, OpenHours,
    OrganizationId, Outline, Phone, PlaceQuality, Population, PostalCode, Practice, Schedule, SchoolId,
    ServiceId, ServiceSetting, ServiceStatus, Tier,
};

/// Declares a document of facts: unknown fields are refused, and a field without a value is left out.
macro_rules! facts {
    ($($(#[$doc:meta])* $name:ident as $schema:ident { $($(#[$field_doc:meta])* $field:ident : $kind:tt $(($type:ty))?),+ $(,)? })+) => {$(
        impl $name {
            /// The names of its fields.
            pub const FIELDS: &'static [&'static str] = &[$(stringify!($field)),+];
        }
        facts!(@struct [$(#[$doc])*] $name $schema; [] $($(#[$field_doc])* $field : $kind $(($type))?,)+);
    )+};
    (@struct [$($doc:tt)*] $name:ident $schema:ident; [$($done:tt)*]) => {
        $($doc)*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(deny_unknown_fields)]
        #[schema(as = $schema)]
        pub struct $name { $($done)* }
    };
    (@struct [$($doc:tt)*] $name:ident $schema:ident; [$($done:tt)*] $(#[$field_doc:meta])* $field:ident : required ($type:ty), $($rest:tt)*) => {
        facts!(@struct [$($doc)*] $name $schema; [$($done)* $(#[$field_doc])* pub $field: $type,] $($rest)*);
    };
    (@struct [$($doc:tt)*] $name:ident $schema:ident; [$($done:tt)*] $(#[$field_doc:meta])* $field:ident : maybe ($type:ty), $($rest:tt)*) => {
        facts!(@struct [$($doc)*] $name $schema; [$($done)* $(#[$field_doc])*
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(nullable = false)]
            pub $field: Option<$type>,] $($rest)*);
    };
    (@struct [$($doc:tt)*] $name:ident $schema:ident; [$($done:tt)*] $(#[$field_doc:meta])* $field:ident : list ($type:ty), $($rest:tt)*) => {
        facts!(@struct [$($doc)*] $name $schema; [$($done)* $(#[$field_doc])*
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            pub $field: Vec<$type>,] $($rest)*);
    };
}

facts! {
    /// An agency, center, collaborative or club (HSDS `organization`).
    OrganizationFacts as OrganizationCreate {
        /// Its name.
        #[schema(example = "Merrimack Youth Counseling (demo)")]
        name: required(String),
        /// Another name that it is known by.
        alternate_name: maybe(String),
        /// What it does, in its own words.
        description: maybe(String),
        /// Address for mail about referrals.
        email: maybe(String),
        /// Its main number.
        phone: maybe(Phone),
        /// Its page.
        website: maybe(String),
        /// How far it takes part.
        engagement: required(Engagement),
        /// How it wants referrals to reach it.
        intake_channel: maybe(IntakeChannel),
        /// What kind of facility or body it is.
        facility_type: maybe(FacilityType),
        /// IANA time zone in which its hours and reply clocks run.
        #[schema(example = "America/New_York")]
        time_zone: maybe(String),
        /// Office hours.
        hours: maybe(Vec<OpenHours>),
        /// Days on which it is closed.
        holidays: list(Date),
    }

    /// A place (HSDS `location`).
    LocationFacts as LocationCreate {
        /// Whose place it is.
        organization_id: maybe(OrganizationId),
        /// Its name.
        #[schema(example = "Essex Street clinic")]
        name: required(String),
        /// Street and number.
        address_1: maybe(String),
        /// Suite, floor, building.
        address_2: maybe(String),
        /// City or town of the mail address.
        city: maybe(String),
        /// Two-letter state.
        #[schema(example = "MA")]
        state: maybe(String),
        /// ZIP code.
        postal_code: maybe(PostalCode),
        /// Number of this place.
        phone: maybe(Phone),
        /// Where it is, and how good that is. Left out, the centre of its ZIP code stands in, or else a point in its
        /// town.
        coordinates: maybe(Placement),
    }

    /// What an organization offers (HSDS `service`).
    ServiceFacts as ServiceCreate {
        /// Who offers it.
        organization_id: required(OrganizationId),
        /// Its name.
        #[schema(example = "Trauma-focused counseling")]
        name: required(String),
        /// What it is.
        description: maybe(String),
        /// Whether it runs.
        status: required(ServiceStatus),
        /// Whom it is for.
        audience: required(Vec<Audience>),
        /// Its page.
        url: maybe(String),
        /// Its number.
        phone: maybe(Phone),
        /// Further numbers to call for an intake.
        intake_phones: list(Phone),
        /// Its address for mail.
        email: maybe(String),
        /// Where in the scale of intensity it is given.
        settings: maybe(Vec<ServiceSetting>),
        /// What it does in a psychiatric emergency.
        emergency_services: maybe(Vec<EmergencyService>),
        /// Who pays for it.
        funding_source: maybe(String),
        /// Last day of that funding.
        funding_ends_on: maybe(Date),
        /// Codes that the source gave and that have no field here, as `category:code`.
        source_codes: list(String),
    }

    /// Whose openings these are: a clinician, team or program. Claims, holds and wait lists sit here.
    CapacityPoolFacts as CapacityPoolCreate {
        /// Whose organization.
        organization_id: required(OrganizationId),
        /// Its name.
        #[schema(example = "Child and adolescent team")]
        name: required(String),
        /// Whose openings they are.
        kind: required(CapacityPoolKind),
    }

    /// The thing one refers to: a service at a place, virtually, in a school or at home, for a stated
    /// combination of facts.
    OfferingFacts as OfferingCreate {
        /// The service.
        service_id: required(ServiceId),
        /// The place; none for what is only virtual, in a school or at home.
        location_id: maybe(LocationId),
        /// Whose openings it draws on. Left out on creation, it gets a pool of its own.
        capacity_pool_id: maybe(CapacityPoolId),
        /// What tells it from the other offerings of the service.
        name: maybe(String),
        /// Whether the facts below were stated of this combination.
        grain: required(Grain),
        /// Languages and who bridges them.
        languages: maybe(Vec<OfferedLanguage>),
        /// MTSS tiers.
        tiers: maybe(Vec<Tier>),
        /// What pays.
        coverage: maybe(Coverage),
        /// Presenting concerns it serves.
        needs: maybe(Vec<Need>),
        /// Whom it is made for or competent with.
        populations: maybe(Vec<Population>),
        /// Evidence-based practices.
        practices: maybe(Vec<Practice>),
        /// Ages that are accepted, and ages of which nothing was said.
        ages: maybe(Ages),
        /// How it meets the student.
        modalities: maybe(Vec<Modality>),
        /// Weekly hours and season.
        schedule: maybe(Schedule),
        /// Access for people with disabilities.
        accessibility: maybe(Vec<AccessibilityFeature>),
        /// Where a student must live.
        service_area: maybe(ServiceArea),
        /// The schools it is restricted to.
        schools: maybe(Vec<SchoolId>),
        /// Criteria whose list is not the whole: what is not listed there is unknown, not refused.
        partial: list(Criterion),
    }

    /// A plan of an insurer (FHIR `InsurancePlan`).
    InsurancePlanFacts as InsurancePlanCreate {
        /// Its name.
        name: required(String),
        /// Who insures.
        payer: required(String),
        /// What kind of coverage it is.
        category: required(CoverageCategory),
        /// The program it belongs to, such as a state's Medicaid program.
        program: maybe(String),
        /// First day.
        effective_from: maybe(Date),
        /// Last day.
        effective_until: maybe(Date),
    }

    /// A school district.
    DistrictFacts as DistrictCreate {
        /// Its name.
        name: required(String),
        /// Its code in the state's or the federal list.
        code: required(String),
        /// Two-letter state.
        #[schema(example = "MA")]
        state: maybe(String),
        /// IANA time zone of its calendar.
        #[schema(example = "America/New_York")]
        time_zone: maybe(String),
        /// What kind of district it is.
        kind: maybe(DistrictKind),
        /// The organization that it is too: a collaborative that offers services itself.
        organization_id: maybe(OrganizationId),
        /// The districts that belong to a collaborative. An agreement with the collaborative covers their
        /// schools; members of a member are not followed.
        members: list(DistrictId),
    }

    /// A school.
    SchoolFacts as SchoolCreate {
        /// Its district.
        district_id: maybe(DistrictId),
        /// Its code in the state's or the federal list. Campuses of one school may share it.
        code: required(String),
        /// Its name.
        name: required(String),
        /// Street and number.
        address_1: maybe(String),
        /// City or town.
        city: maybe(String),
        /// Two-letter state.
        #[schema(example = "MA")]
        state: maybe(String),
        /// ZIP code.
        postal_code: maybe(PostalCode),
        /// Its number.
        phone: maybe(Phone),
        /// Grades taught.
        grades: list(Grade),
        /// Kind of school, in the source's words.
        school_type: maybe(String),
        /// Where it is.
        coordinates: maybe(Placement),
    }

    /// An agreement between an organization and a district or schools. It is in force on its days, both
    /// included; one without days is in force until it is retired.
    PartnershipFacts as PartnershipCreate {
        /// Who offers.
        organization_id: required(OrganizationId),
        /// With which district or collaborative. Without `schools`, all of its schools are covered.
        district_id: maybe(DistrictId),
        /// The schools that are covered; none for the whole district.
        schools: list(SchoolId),
        /// The services that are covered; none for every service of the organization.
        services: list(ServiceId),
        /// First day.
        begins_on: maybe(Date),
        /// Last day.
        ends_on: maybe(Date),
        /// Whether a signed memorandum is on file.
        memorandum_on_file: maybe(bool),
        /// Whether a signed agreement about the sharing of data is on file.
        data_sharing_agreement_on_file: maybe(bool),
        /// Whether the school gives a room.
        space_in_school: maybe(bool),
        /// Whether the way there and back is provided.
        transport_provided: maybe(bool),
        /// Whether the services named are for students of these schools only, as long as it is in force.
        reserved: maybe(bool),
        /// Who pays for it.
        funding_source: maybe(String),
        /// Last day of that funding.
        funding_ends_on: maybe(Date),
        /// What else was agreed.
        notes: maybe(String),
    }
}

/// A point and how good it is; valid coordinates by construction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "PlacementFields")]
pub struct Placement {
    /// Degrees north.
    #[schema(example = 42.7070, minimum = -90, maximum = 90)]
    latitude: f64,
    /// Degrees east.
    #[schema(example = -71.1631, minimum = -180, maximum = 180)]
    longitude: f64,
    /// How good the point is.
    pub quality: PlaceQuality,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlacementFields {
    latitude: f64,
    longitude: f64,
    quality: PlaceQuality,
}

impl Placement {
    /// `at`, known as well as `quality` says.
    pub fn new(at: Coordinates, quality: PlaceQuality) -> Self {
        Self { latitude: at.latitude(), longitude: at.longitude(), quality }
    }

    /// The point.
    pub fn at(self) -> Coordinates {
        Coordinates::new(self.latitude, self.longitude)
            .expect("a placement is made of valid coordinates only")
    }
}

/// A language and who bridges it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferedLanguage {
    /// BCP 47 tag.
    pub language: LanguageTag,
    /// Whether a clinician speaks it or an interpreter.
    pub mode: LanguageMode,
}

/// What pays: whole categories, or plans one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// Categories that are accepted as a whole.
    #[serde(default)]
    pub categories: Vec<CoverageCategory>,
    /// Plans accepted, or closed to new patients, one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<PlanAcceptance>,
}

/// Whether one plan's new patients are accepted.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct PlanAcceptance {
    /// The plan.
    pub insurance_plan_id: InsurancePlanId,
    /// Whether new patients with this plan are accepted.
    pub accepting_new: bool,
}

/// Where a student must live: any one of these places.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceArea {
    /// ZIP codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub postal_codes: Vec<PostalCode>,
    /// Towns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub towns: Vec<NamedPlace>,
    /// Counties.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counties: Vec<NamedPlace>,
    /// Two-letter states.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<String>,
    /// An area drawn on the map. A residence lies in it if its point does: the centre of its ZIP code, or a point in
    /// the middle of its town. The border is inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub polygon: Option<Outline>,
}

/// A town or county by name within a state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedPlace {
    /// Its name, without the word "County".
    #[schema(example = "Barnstable")]
    pub name: String,
    /// Two-letter state.
    #[schema(example = "MA")]
    pub state: String,
}

impl TryFrom<PlacementFields> for Placement {
    type Error = crate::types::InvalidCoordinates;

    fn try_from(fields: PlacementFields) -> Result<Self, Self::Error> {
        Ok(Self::new(Coordinates::new(fields.latitude, fields.longitude)?, fields.quality))
    }
}
