//! The words of the field as types: identifiers, codes, places, ages, languages, hours.
//!
//! Everything here is a value: no I/O, no clock but the one passed in. Values are parsed once at the edge
//! (an HTTP body, a workbook row) and trusted inside.
//!
//! A value that crosses the API unchanged derives its OpenAPI schema here, so that it is defined once
//! (`docs/decisions/0005-schemas-on-values.md`).

mod ages;
mod clock;
mod codes;
mod coordinates;
mod crisis;
mod ids;
mod language;
mod month;
mod outline;
mod period;
mod phone;
mod place_name;
mod postal_code;
mod reader;
mod schedule;
mod vocabulary;

pub use ages::{AgeRange, Ages, Grade};
pub use clock::{Clock, calendar_date};
pub(crate) use codes::codes;
pub use codes::{
    Audience, AvailabilityStatus, CapacityPoolKind, CoverageCategory, CrisisContactKind, Criterion,
    DistrictKind, EmergencyService, Engagement, FacilityType, Grain, IntakeChannel, LanguageMode, Modality,
    PlaceQuality, ScheduleKind, ServiceSetting, ServiceStatus, Tier, Truth, UnknownCode, Weekday,
};
pub use coordinates::{Coordinates, EARTH_RADIUS_KM, InvalidCoordinates};
pub(crate) use coordinates::{chord_2_to_km, km_to_chord_2};
pub use crisis::{CrisisContact, crisis_contacts, mandated_reporting};
pub use ids::{
    AssertionId, CapacityPoolId, ClaimId, ClientId, ConsentId, ContactAttemptId, CrisisEventId, DisclosureId,
    DistrictId, GuardianId, InsurancePlanId, InvitationId, LocationId, MembershipId, MergeId, MessageId,
    OfferId, OfferingId, OrganizationId, PartnershipId, ReferralId, SchoolId, ServiceId, StudentId,
    UpdateLinkId, WaitListEntryId, derived_uuid,
};
pub use language::{InvalidLanguageTag, LanguageTag};
pub use month::{InvalidMonth, Month};
pub use outline::{BoundingBox, MOST_POSITIONS, Outline, OutlineFault, OutlineKind, Shape};
pub use period::Period;
pub use phone::Phone;
pub use place_name::{comparable_place, ordinary_place, state_of_fips};
pub use postal_code::{InvalidPostalCode, PostalCode};
pub use reader::{ReaderLanguage, Texts, fill};
pub use schedule::{OpenHours, Schedule, Season, TimeOfDay};
pub use vocabulary::{
    AccessibilityFeature, DeclineReason, Need, Population, Practice, Term, UnknownTerm, Vocabulary,
    near_spellings, term_name, vocabularies,
};
