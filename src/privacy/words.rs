//! The words of disclosure: purposes, fields and packets, bases and laws with their citations.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::types::{FacilityType, UnknownCode, codes};

codes! {
    /// What student information is used for. A consent names purposes, a release has one, and the audit records
    /// one for each time that somebody reads or writes.
    Purpose, "purpose" {
        /// Find a service that fits, and bring student and service together.
        CoordinateCare = "coordinate_care",
        /// Give the service that accepted the student.
        ProvideService = "provide_service",
        /// Ask an insurer whether it would pay. Nothing is billed.
        VerifyInsurance = "verify_insurance",
        /// Bill an insurer.
        InsuranceBilling = "insurance_billing",
        /// Tell the school how the service goes.
        ReportProgress = "report_progress",
        /// Enrol the student in another school.
        Enrol = "enrol",
        /// What a child-welfare agency does for a child in its care.
        CareAndProtection = "care_and_protection",
        /// Meet a duty of Part B of the IDEA, other than transition services.
        SpecialEducation = "special_education",
        /// Provide or pay for transition services, which need a consent of their own (34 CFR 300.622(b)(2)).
        TransitionServices = "transition_services",
        /// Protect health or safety in an emergency.
        Emergency = "emergency",
        /// Show a family its own record.
        FamilyAccess = "family_access",
        /// Answer what a law or a court demands of the district.
        LegalCompliance = "legal_compliance",
        /// Keep this deployment running: rosters, corrections, support.
        Operate = "operate",
    }

    /// A piece of what is known of a student, as consents, releases and their records name it. Sensitive facts
    /// (foster care, housing, newcomer status and the like) have no code: nothing can ask for them.
    StudentField, "student field" {
        /// Given name.
        GivenName = "given_name",
        /// Family name.
        FamilyName = "family_name",
        /// Date of birth.
        BirthDate = "birth_date",
        /// Where the student lives.
        Address = "address",
        /// Telephone number.
        Phone = "phone",
        /// Mail address.
        Email = "email",
        /// Guardians with access in full, and how they are reached.
        Guardians = "guardians",
        /// The school.
        School = "school",
        /// The grade.
        Grade = "grade",
        /// The number by which an insurer knows the student.
        MemberId = "member_id",
        /// The insurance plan.
        Coverage = "coverage",
        /// Languages that student and family speak and read.
        Languages = "languages",
        /// What the student is to be helped with.
        Needs = "needs",
        /// What the referrer wrote.
        Notes = "notes",
        /// What was done, and when: appointments kept and missed.
        ServiceRecord = "service_record",
        /// How it goes.
        Progress = "progress",
        /// A band of ages, never the age.
        AgeBand = "age_band",
        /// MTSS tier of the referral.
        Tier = "tier",
        /// What kind of coverage pays, where that betrays nothing.
        CoverageCategory = "coverage_category",
        /// What the referral cannot do without, where that betrays nothing.
        Requirements = "requirements",
        /// Town, county or region, whichever enough students share.
        Area = "area",
    }

    /// What is released together.
    Packet, "packet" {
        /// What a provider sees before it has accepted. It does not identify.
        LimitedProfile = "limited_profile",
        /// What an insurer must be told to say whether it would pay; consented to on its own, before acceptance.
        Eligibility = "eligibility",
        /// Who the student is; after acceptance.
        Identity = "identity",
        /// How the service goes; after acceptance.
        Progress = "progress",
    }

    /// Which way something is told.
    Direction, "direction" {
        /// From the school's side to the party outside, whatever kind of party that is.
        ToAgency = "to_agency",
        /// From the agency to the school. It is health information and needs its own authorization.
        ToSchool = "to_school",
        /// Both.
        Both = "both",
    }

    /// On what ground something may leave. Each is judged as claimed: the record says what was relied on.
    Basis, "basis" {
        /// Those who must sign have signed.
        Consent = "consent",
        /// A party that does what the school would else do by its own staff, under its direct control.
        SchoolOfficial = "school_official",
        /// A school in which the student enrols.
        EnrollingSchool = "enrolling_school",
        /// A caseworker of the agency that is legally responsible for the child.
        ChildWelfareCaseworker = "child_welfare_caseworker",
        /// An agency that takes part in meeting a duty of the IDEA.
        IdeaAgency = "idea_agency",
        /// An articulable and significant threat to health or safety.
        HealthSafetyEmergency = "health_safety_emergency",
        /// It identifies nobody: the limited profile, and nothing else.
        Deidentified = "deidentified",
    }

    /// The law under which a consent was given. One paper may be given under several.
    Authority, "authority" {
        /// Education records.
        Ferpa = "ferpa",
        /// Health information that an agency holds.
        HipaaAuthorization = "hipaa_authorization",
        /// Treatment of substance use.
        Part2 = "part2",
        /// Billing insurance for a service that an IEP or 504 plan owes.
        IdeaBilling = "idea_billing",
        /// A state's law of student records.
        State = "state",
    }

    /// How somebody signed.
    SignatureMethod, "signature method" {
        /// By hand.
        Paper = "paper",
        /// Electronically, by a means that identifies the person and shows that they agree (34 CFR 99.30(d)).
        Electronic = "electronic",
        /// By word, before a witness. It is kept as what was said, and is no written consent.
        VerbalWitnessed = "verbal_witnessed",
    }

    /// Who has to sign, in kind.
    Signer, "signer" {
        /// A parent or guardian whose access is in full.
        Parent = "parent",
        /// The student.
        Student = "student",
    }

    /// What a guardian may see and sign. It is a fact with a basis, such as an order of a court.
    GuardianAccess, "guardian access" {
        /// Everything that a parent may (34 CFR 99.4).
        Full = "full",
        /// Limited by law or by an order; what remains is told by people, not by this program.
        Restricted = "restricted",
        /// Nothing.
        Barred = "barred",
    }

    /// A class of recipients that a consent may name in place of one (34 CFR 99.30(b)(3)).
    RecipientClass, "class of recipients" {
        /// Clinics and facilities of mental health and substance use.
        BehavioralHealth = "behavioral_health",
        /// Health centers, those in schools among them.
        HealthCenter = "health_center",
        /// General hospitals.
        Hospital = "hospital",
        /// Clubs and other organizations for the young.
        YouthProgram = "youth_program",
        /// Community and faith-based organizations.
        CommunityProgram = "community_program",
        /// Food, clothes, housing.
        BasicNeeds = "basic_needs",
        /// Collaboratives of districts and others who work as part of the schools.
        SchoolPartner = "school_partner",
    }
}

impl StudentField {
    /// Whether it says, or could help to say, who the student is. What the limited profile has does not, as it
    /// stands there.
    pub fn identifies(self) -> bool {
        !Packet::LimitedProfile.fields().contains(&self)
    }
}

impl Packet {
    /// What may be in it. A release may hold less.
    pub fn fields(self) -> &'static [StudentField] {
        match self {
            Self::LimitedProfile => &[
                StudentField::AgeBand,
                StudentField::Languages,
                StudentField::Tier,
                StudentField::Needs,
                StudentField::CoverageCategory,
                StudentField::Requirements,
                StudentField::Area,
            ],
            Self::Eligibility => &[
                StudentField::GivenName,
                StudentField::FamilyName,
                StudentField::BirthDate,
                StudentField::MemberId,
            ],
            Self::Identity => &[
                StudentField::GivenName,
                StudentField::FamilyName,
                StudentField::BirthDate,
                StudentField::Address,
                StudentField::Phone,
                StudentField::Email,
                StudentField::Guardians,
                StudentField::School,
                StudentField::Grade,
                StudentField::Coverage,
                StudentField::Languages,
                StudentField::Needs,
                StudentField::Notes,
            ],
            Self::Progress => &[StudentField::ServiceRecord, StudentField::Progress],
        }
    }

    /// For what it is released: a purpose that needs less gets less.
    pub fn purposes(self) -> &'static [Purpose] {
        match self {
            Self::LimitedProfile => &[Purpose::CoordinateCare],
            Self::Eligibility => &[Purpose::VerifyInsurance, Purpose::InsuranceBilling],
            Self::Identity => &[
                Purpose::ProvideService,
                Purpose::CoordinateCare,
                Purpose::Enrol,
                Purpose::CareAndProtection,
                Purpose::SpecialEducation,
                Purpose::TransitionServices,
                Purpose::Emergency,
                Purpose::LegalCompliance,
            ],
            Self::Progress => &[
                Purpose::ReportProgress,
                Purpose::ProvideService,
                Purpose::CoordinateCare,
                Purpose::InsuranceBilling,
                Purpose::Enrol,
                Purpose::CareAndProtection,
                Purpose::SpecialEducation,
                Purpose::TransitionServices,
                Purpose::Emergency,
                Purpose::LegalCompliance,
            ],
        }
    }

    /// Whether a provider gets it only once it has accepted the student.
    pub fn needs_acceptance(self) -> bool {
        match self {
            Self::LimitedProfile | Self::Eligibility => false,
            Self::Identity | Self::Progress => true,
        }
    }
}

impl Direction {
    /// Whether what this allows has all of what is `asked`.
    pub fn covers(self, asked: Self) -> bool {
        self == Self::Both || self == asked
    }

    /// Whether something is told to the school.
    pub fn reaches_school(self) -> bool {
        match self {
            Self::ToAgency => false,
            Self::ToSchool | Self::Both => true,
        }
    }

    /// Whether something leaves the school.
    pub fn leaves_school(self) -> bool {
        match self {
            Self::ToSchool => false,
            Self::ToAgency | Self::Both => true,
        }
    }
}

impl Basis {
    /// Where the law says so.
    pub fn citation(self) -> &'static str {
        match self {
            Self::Consent => "34 CFR 99.30",
            Self::SchoolOfficial => "34 CFR 99.31(a)(1)",
            Self::EnrollingSchool => "34 CFR 99.31(a)(2), 99.34",
            Self::ChildWelfareCaseworker => "20 U.S.C. 1232g(b)(1)(L)",
            Self::IdeaAgency => "34 CFR 300.622",
            Self::HealthSafetyEmergency => "34 CFR 99.31(a)(10), 99.36",
            Self::Deidentified => "34 CFR 99.31(b)(1)",
        }
    }

    /// The purposes for which it holds; for any, `None`: a consent names its own.
    pub fn purposes(self) -> Option<&'static [Purpose]> {
        match self {
            Self::Consent => None,
            Self::SchoolOfficial => Some(&[Purpose::CoordinateCare, Purpose::ProvideService]),
            Self::EnrollingSchool => Some(&[Purpose::Enrol]),
            Self::ChildWelfareCaseworker => Some(&[Purpose::CareAndProtection]),
            Self::IdeaAgency => Some(&[Purpose::SpecialEducation]),
            Self::HealthSafetyEmergency => Some(&[Purpose::Emergency]),
            Self::Deidentified => Some(&[Purpose::CoordinateCare]),
        }
    }
}

impl Authority {
    /// Where the law says so. For a state's own, the jurisdiction's table says where.
    pub fn citation(self) -> &'static str {
        match self {
            Self::Ferpa => "34 CFR 99.30",
            Self::HipaaAuthorization => "45 CFR 164.508",
            Self::Part2 => "42 CFR 2.31",
            Self::IdeaBilling => "34 CFR 300.154(d)–(e)",
            Self::State => "the law of the state",
        }
    }
}

impl SignatureMethod {
    /// Whether it makes a written consent. FERPA, HIPAA, Part 2 and the IDEA ask for one (34 CFR 99.30(a),
    /// 45 CFR 164.508(c), 42 CFR 2.31(a), 34 CFR 300.9(b)).
    pub fn is_written(self) -> bool {
        match self {
            Self::Paper | Self::Electronic => true,
            Self::VerbalWitnessed => false,
        }
    }
}

impl From<FacilityType> for RecipientClass {
    fn from(facility: FacilityType) -> Self {
        match facility {
            FacilityType::CommunityMentalHealthCenter
            | FacilityType::CertifiedCommunityClinic
            | FacilityType::MultiSetting
            | FacilityType::OutpatientClinic
            | FacilityType::ResidentialOther
            | FacilityType::PartialHospitalization
            | FacilityType::PsychiatricHospital
            | FacilityType::ResidentialAdults
            | FacilityType::ResidentialChildren
            | FacilityType::InpatientPsychiatricUnit
            | FacilityType::StateHospital => Self::BehavioralHealth,
            FacilityType::SchoolBasedHealthCenter => Self::HealthCenter,
            FacilityType::Hospital | FacilityType::VeteransAffairs => Self::Hospital,
            FacilityType::YouthOrganization => Self::YouthProgram,
            FacilityType::FaithBased | FacilityType::CommunityOrganization => Self::CommunityProgram,
            FacilityType::EducationalCollaborative => Self::SchoolPartner,
            FacilityType::FoodPantry => Self::BasicNeeds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_hold_what_the_rules_give_them_and_only_the_limited_profile_identifies_nobody() {
        use StudentField as F;
        assert_eq!(
            Packet::Eligibility.fields(),
            [F::GivenName, F::FamilyName, F::BirthDate, F::MemberId],
            "name, birth date, member id: 06, rule 2"
        );
        for field in [F::GivenName, F::BirthDate, F::Address, F::Phone, F::Guardians, F::School, F::Notes] {
            assert!(Packet::Identity.fields().contains(&field), "{field}");
            assert!(field.identifies(), "{field}");
        }
        assert!(!Packet::Identity.fields().contains(&F::MemberId));
        assert!(F::MemberId.identifies() && F::Coverage.identifies() && F::Progress.identifies());
        let somewhere: Vec<_> = Packet::ALL.iter().flat_map(|packet| packet.fields()).collect();
        assert!(F::ALL.iter().all(|field| somewhere.contains(&field)), "a field that nothing can release");
    }

    #[test]
    fn nothing_has_a_field_for_a_sensitive_fact() {
        for code in ["foster_care", "housing", "newcomer", "immigration_status", "country_of_birth", "lgbtq"]
        {
            assert!(code.parse::<StudentField>().is_err(), "{code}");
        }
    }

    #[test]
    fn both_ways_cover_each_way_and_one_way_never_covers_both() {
        use Direction::{Both, ToAgency, ToSchool};
        assert!(Both.covers(ToAgency) && Both.covers(ToSchool) && Both.covers(Both));
        assert!(ToAgency.covers(ToAgency) && !ToAgency.covers(ToSchool) && !ToAgency.covers(Both));
        assert!(!ToSchool.covers(ToAgency) && !ToSchool.covers(Both));
    }
}
