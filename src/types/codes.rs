//! Closed sets of codes. Their names and descriptions for people stand in `seed-data/vocabularies`;
//! a test holds both sides together.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A code that is none of the set; says which there are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code:?} is not a {set}; known are {known}")]
pub struct UnknownCode {
    /// What was given.
    pub code: String,
    /// The name of the set.
    pub set: &'static str,
    /// Every code of the set, comma-separated.
    pub known: String,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident, $set:literal { $($(#[$variant_doc:meta])* $variant:ident = $code:tt),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            utoipa::ToSchema,
        )]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $code)] $variant,)+
        }

        impl $name {
            /// Every code, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code as it is written in the API and the database.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownCode;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($code => Ok(Self::$variant),)+
                    _ => Err(UnknownCode {
                        code: text.to_owned(),
                        set: $set,
                        known: [$($code),+].join(", "),
                    }),
                }
            }
        }
    )+};
}

pub(crate) use codes;

codes! {
    /// How far an organization takes part.
    Engagement, "engagement" {
        /// Only in a directory; it may not know of Causeway.
        Listed = "listed",
        /// Somebody has reached it and it agreed to be called.
        Contactable = "contactable",
        /// It has people here who answer by themselves.
        Enrolled = "enrolled",
    }

    /// How an organization wants referrals to reach it.
    IntakeChannel, "intake channel" {
        /// A page of Causeway.
        Link = "link",
        /// A call.
        Phone = "phone",
        /// A fax.
        Fax = "fax",
        /// The organization's own form.
        Form = "form",
    }

    /// What kind of facility or body an organization is.
    FacilityType, "facility type" {
        /// Community mental health center.
        CommunityMentalHealthCenter = "community_mental_health_center",
        /// Certified community behavioral health clinic.
        CertifiedCommunityClinic = "certified_community_clinic",
        /// Residential and outpatient under one roof.
        MultiSetting = "multi_setting",
        /// Outpatient mental health clinic.
        OutpatientClinic = "outpatient_clinic",
        /// Residential treatment for neither children nor adults alone.
        ResidentialOther = "residential_other",
        /// Partial hospitalization or day treatment.
        PartialHospitalization = "partial_hospitalization",
        /// Psychiatric hospital.
        PsychiatricHospital = "psychiatric_hospital",
        /// Residential treatment center for adults.
        ResidentialAdults = "residential_adults",
        /// Residential treatment center for children.
        ResidentialChildren = "residential_children",
        /// Psychiatric unit of a general hospital.
        InpatientPsychiatricUnit = "inpatient_psychiatric_unit",
        /// State hospital.
        StateHospital = "state_hospital",
        /// Veterans Affairs medical center.
        VeteransAffairs = "veterans_affairs",
        /// School-based health center.
        SchoolBasedHealthCenter = "school_based_health_center",
        /// Youth club or other youth organization.
        YouthOrganization = "youth_organization",
        /// Faith-based organization.
        FaithBased = "faith_based",
        /// Other community organization.
        CommunityOrganization = "community_organization",
        /// Educational collaborative.
        EducationalCollaborative = "educational_collaborative",
        /// General hospital.
        Hospital = "hospital",
        /// Food pantry.
        FoodPantry = "food_pantry",
    }

    /// Whether a service exists today (HSDS `service.status`).
    ServiceStatus, "service status" {
        /// It runs.
        Active = "active",
        /// It does not run at present.
        Inactive = "inactive",
        /// It will not come back.
        Defunct = "defunct",
        /// It is closed for a time.
        TemporarilyClosed = "temporarily closed",
    }

    /// Whom a service is for.
    Audience, "audience" {
        /// Students.
        Students = "students",
        /// Their families.
        Families = "families",
        /// School staff.
        Staff = "staff",
    }

    /// Where in the scale of intensity a service is given.
    ServiceSetting, "setting" {
        /// Without an overnight stay.
        Outpatient = "outpatient",
        /// In a hospital, overnight.
        HospitalInpatient = "hospital_inpatient",
        /// Partial hospitalization or day treatment.
        PartialHospitalization = "partial_hospitalization",
        /// Residential, overnight.
        Residential = "residential",
    }

    /// What a service does in a psychiatric emergency.
    EmergencyService, "emergency service" {
        /// A crisis intervention team.
        CrisisTeam = "crisis_team",
        /// Emergency care on site.
        Onsite = "onsite",
        /// A mobile team that comes.
        Mobile = "mobile",
        /// One may walk in.
        WalkIn = "walk_in",
    }

    /// How sure it is that the facts of an offering hold together.
    Grain, "grain" {
        /// Stated for this team.
        Team = "team",
        /// Stated for this service.
        Service = "service",
        /// Listed side by side for a whole facility; nobody said that they hold together.
        Facility = "facility",
    }

    /// Who bridges the language.
    LanguageMode, "language mode" {
        /// A clinician speaks it.
        Provider = "provider",
        /// An interpreter does.
        Interpreter = "interpreter",
    }

    /// How the service and the student meet.
    Modality, "modality" {
        /// At the provider's place.
        InPerson = "in_person",
        /// In the school.
        InSchool = "in_school",
        /// At the student's home.
        InHome = "in_home",
        /// By video.
        TelehealthVideo = "telehealth_video",
        /// By telephone.
        TelehealthPhone = "telehealth_phone",
    }

    /// What kind of coverage pays.
    CoverageCategory, "coverage category" {
        /// Medicaid.
        Medicaid = "medicaid",
        /// Children's Health Insurance Program.
        Chip = "chip",
        /// Commercial insurance.
        Commercial = "commercial",
        /// Medicare.
        Medicare = "medicare",
        /// TRICARE and other federal military insurance.
        Military = "military",
        /// A state's own program other than Medicaid.
        StateProgram = "state_program",
        /// Payment assistance for those who cannot pay.
        SafetyNet = "safety_net",
        /// A fee by income.
        SlidingFee = "sliding_fee",
        /// Paid by the family.
        SelfPay = "self_pay",
        /// Costs nothing.
        Free = "free",
    }

    /// Times when a service can be had, judged from its hours and season.
    ScheduleKind, "schedule" {
        /// Weekdays between 14:30 and 18:00, in the school year.
        AfterSchool = "after_school",
        /// Weekdays after 18:00.
        Evening = "evening",
        /// Saturday or Sunday.
        Weekend = "weekend",
        /// In July.
        Summer = "summer",
    }

    /// A day of the week.
    Weekday, "day of the week" {
        /// Monday.
        Monday = "monday",
        /// Tuesday.
        Tuesday = "tuesday",
        /// Wednesday.
        Wednesday = "wednesday",
        /// Thursday.
        Thursday = "thursday",
        /// Friday.
        Friday = "friday",
        /// Saturday.
        Saturday = "saturday",
        /// Sunday.
        Sunday = "sunday",
    }

    /// Whose openings a capacity pool counts.
    CapacityPoolKind, "kind of capacity pool" {
        /// One clinician's.
        Clinician = "clinician",
        /// A team's.
        Team = "team",
        /// A program's.
        Program = "program",
    }

    /// What a claim says of capacity (HL7 SDOH Clinical Care capacity codes), or `unknown`.
    AvailabilityStatus, "availability status" {
        /// There are openings.
        Capacity = "capacity",
        /// One may wait.
        Waitlist = "waitlist",
        /// There are no openings and no list.
        NoCapacity = "no-capacity",
        /// It cannot be said before the child has been seen.
        AdditionalAssessmentRequired = "additional-assessment-required",
        /// Nobody has said, or what was said has lapsed. Never claimed, only read.
        Unknown = "unknown",
    }

    /// What kind of district it is.
    DistrictKind, "kind of district" {
        /// The schools of a town, or of several towns that share them.
        District = "district",
        /// A charter school, which is a district of its own.
        Charter = "charter",
        /// A vocational or agricultural district.
        Vocational = "vocational",
        /// An educational collaborative: districts that offer something together.
        Collaborative = "collaborative",
    }

    /// What a crisis contact is for.
    CrisisContactKind, "kind of crisis contact" {
        /// Police, fire and ambulance.
        Emergency = "emergency",
        /// People who listen to anyone in distress, at once.
        Lifeline = "lifeline",
        /// People who listen and find care.
        HelpLine = "help_line",
        /// A team that comes.
        MobileCrisis = "mobile_crisis",
        /// Where suspected abuse or neglect is reported.
        MandatedReporting = "mandated_reporting",
    }

    /// How good the coordinates of a place are.
    PlaceQuality, "quality of coordinates" {
        /// The building.
        Rooftop = "rooftop",
        /// The centre of its postal code.
        PostalCode = "postal_code",
        /// Somewhere in its town.
        Town = "town",
    }

    /// What a question can require; the same codes stand in the API, explanations and reports.
    Criterion, "criterion" {
        /// Within the radius, or reached without travel.
        Location = "location",
        /// A language, by whom it is spoken.
        Language = "language",
        /// MTSS tier.
        Tier = "tier",
        /// What pays.
        Coverage = "coverage",
        /// Presenting concern.
        Need = "need",
        /// The student's age or grade.
        Age = "age",
        /// How they meet.
        Modality = "modality",
        /// Whom it is made for or competent with.
        Population = "population",
        /// Evidence-based practice.
        Practice = "practice",
        /// When.
        Schedule = "schedule",
        /// Access for people with disabilities.
        Accessibility = "accessibility",
        /// Whether one can start or wait.
        Availability = "availability",
        /// Restricted to schools, or to residents of an area.
        Restriction = "restriction",
    }
}

/// MTSS tier: 1 universal, 2 targeted, 3 intensive. It belongs to services and referrals, never to a child.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(try_from = "u8", into = "u8")]
#[schema(value_type = u8, minimum = 1, maximum = 3, example = 2)]
pub struct Tier(u8);

impl Tier {
    /// Universal.
    pub const ONE: Self = Self(1);
    /// Targeted.
    pub const TWO: Self = Self(2);
    /// Intensive.
    pub const THREE: Self = Self(3);
    /// Every tier.
    pub const ALL: &'static [Self] = &[Self::ONE, Self::TWO, Self::THREE];
}

impl TryFrom<u8> for Tier {
    type Error = UnknownCode;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        number.to_string().parse()
    }
}

impl From<Tier> for u8 {
    fn from(tier: Tier) -> Self {
        tier.0
    }
}

impl FromStr for Tier {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "1" => Ok(Self::ONE),
            "2" => Ok(Self::TWO),
            "3" => Ok(Self::THREE),
            _ => Err(UnknownCode { code: text.to_owned(), set: "tier", known: "1, 2, 3".to_owned() }),
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Three-valued fact. Unknown never satisfies a requirement, and is not a "no" either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Truth {
    /// Stated not to hold.
    No,
    /// Nothing was said.
    Unknown,
    /// Stated to hold.
    Yes,
}

impl Truth {
    /// Yes or no, where it is known.
    pub fn known(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    /// "Any of these": yes if one is, else unknown if one is. Of nothing: no.
    pub fn any(truths: impl IntoIterator<Item = Self>) -> Self {
        truths.into_iter().max().unwrap_or(Self::No)
    }

    /// "All of these": no if one is, else unknown if one is. Of nothing: yes.
    pub fn all(truths: impl IntoIterator<Item = Self>) -> Self {
        truths.into_iter().min().unwrap_or(Self::Yes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_back_as_they_are_written_and_refusals_name_the_known_ones() {
        for code in CoverageCategory::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
        }
        let refusal = "medicade".parse::<CoverageCategory>().unwrap_err().to_string();
        assert!(refusal.contains("medicaid, chip"), "{refusal}");
    }

    #[test]
    fn unknown_is_neither_yes_nor_no() {
        assert_eq!(Truth::any([Truth::No, Truth::Unknown]), Truth::Unknown);
        assert_eq!(Truth::any([Truth::Unknown, Truth::Yes]), Truth::Yes);
        assert_eq!(Truth::all([Truth::Yes, Truth::Unknown]), Truth::Unknown);
        assert_eq!(Truth::all([Truth::Unknown, Truth::No]), Truth::No);
        assert_eq!(Truth::any([]), Truth::No);
        assert_eq!(Truth::all([]), Truth::Yes);
    }
}
