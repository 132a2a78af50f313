//! What is recorded of students and guardians. None of these types can be printed (`Debug`): what they hold is
//! sealed wherever it rests, and no log line may carry it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::privacy::GuardianAccess;
use crate::types::{
    AccessibilityFeature, CoverageCategory, DistrictId, Grade, GuardianId, InsurancePlanId, LanguageTag,
    Phone, Population, PostalCode, SchoolId, StudentId, UnknownCode, codes,
};

codes! {
    /// Who gave an identifier to a student.
    IdentifierKind, "kind of identifier" {
        /// The district's own (LASID in Massachusetts).
        Lasid = "lasid",
        /// The state's (SASID in Massachusetts).
        Sasid = "sasid",
        /// The key of the student information system (OneRoster `sourcedId`).
        SourcedId = "sourced_id",
    }

    /// How a language is used.
    LanguageUse, "use of a language" {
        /// In talking.
        Spoken = "spoken",
        /// In reading.
        Written = "written",
    }

    /// The plan under which services are owed to a student.
    EducationPlan, "education plan" {
        /// An individualized education program (IDEA).
        Iep = "iep",
        /// A plan under section 504 of the Rehabilitation Act.
        Section504 = "section_504",
    }

    /// Who somebody is to a student.
    Relationship, "relationship" {
        /// Mother or father, by birth or adoption.
        Parent = "parent",
        /// A foster parent.
        FosterParent = "foster_parent",
        /// A relative in a parent's place.
        Relative = "relative",
        /// A guardian whom a court named.
        LegalGuardian = "legal_guardian",
        /// A surrogate who decides about education (34 CFR 300.519).
        EducationSurrogate = "education_surrogate",
        /// A child-welfare caseworker.
        Caseworker = "caseworker",
        /// Somebody else.
        Other = "other",
    }
}

/// An identifier and who gave it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Identifier {
    /// Who gave it.
    pub kind: IdentifierKind,
    /// The identifier: 1 to 64 visible ASCII characters.
    #[schema(example = "000123456")]
    pub value: String,
}

/// A language that somebody needs to be spoken or written to in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LanguageNeed {
    /// The language.
    pub language: LanguageTag,
    /// In talking, in reading, or both: they are not the same.
    pub used: Vec<LanguageUse>,
    /// Whether an interpreter is needed where nobody speaks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub interpreter_needed: Option<bool>,
}

/// Where somebody lives.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HomeAddress {
    /// Street and number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub address_1: Option<String>,
    /// Apartment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub address_2: Option<String>,
    /// City or town.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub city: Option<String>,
    /// Two-letter state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "MA")]
    pub state: Option<String>,
    /// ZIP code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub postal_code: Option<PostalCode>,
}

/// What pays for a student's care.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StudentCoverage {
    /// The category.
    pub category: CoverageCategory,
    /// The plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub insurance_plan_id: Option<InsurancePlanId>,
    /// The member's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub member_id: Option<String>,
}

/// What is recorded of a student. There is no field for immigration status or country of birth, and none will be
/// accepted.
#[derive(Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StudentCreate)]
pub struct StudentFacts {
    /// Given names.
    #[schema(example = "Rosa")]
    pub given_name: String,
    /// Family names.
    #[schema(example = "Example")]
    pub family_name: String,
    /// The name that the student goes by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub preferred_name: Option<String>,
    /// Date of birth.
    #[schema(example = "2015-04-02")]
    pub birth_date: Date,
    /// Grade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub grade: Option<Grade>,
    /// The school.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub school_id: Option<SchoolId>,
    /// Identifiers, at most one of each kind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<Identifier>,
    /// Where the student lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub address: Option<HomeAddress>,
    /// The student's own number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub phone: Option<Phone>,
    /// The student's own address for mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub email: Option<String>,
    /// Languages that the student needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<LanguageNeed>,
    /// What pays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coverages: Vec<StudentCoverage>,
    /// Access that the student needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accessibility: Vec<AccessibilityFeature>,
    /// Groups that the student belongs to, for matching only: they never leave this server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub populations: Vec<Population>,
    /// The plan under which services are owed; never leaves this server either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub education_plan: Option<EducationPlan>,
    /// Notes for those who work with the student in the district.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub notes: Option<String>,
}

/// What is recorded of a parent or whoever stands in a parent's place.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GuardianCreate)]
pub struct GuardianFacts {
    /// Given names.
    #[schema(example = "Marta")]
    pub given_name: String,
    /// Family names.
    #[schema(example = "Example")]
    pub family_name: String,
    /// Who they are to the student.
    pub relationship: Relationship,
    /// What they may know and decide.
    pub access: GuardianAccess,
    /// Where that stands written: the enrolment form, the court's order and its date.
    #[schema(example = "enrolment form of 2026-08-28")]
    pub access_basis: String,
    /// Their number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub phone: Option<Phone>,
    /// Their address for mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub email: Option<String>,
    /// Where they live, if it is not with the student.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub address: Option<HomeAddress>,
    /// Whether a message or call could put somebody in danger; unknown where nobody has asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub safe_to_contact: Option<bool>,
    /// Languages that they need.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<LanguageNeed>,
}

/// A student as recorded.
#[derive(Clone)]
pub struct Student {
    /// Its id.
    pub id: StudentId,
    /// Whose student.
    pub district: DistrictId,
    /// Grows by one with every change.
    pub version: i64,
    /// When it was first recorded.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When the student left the district.
    pub left_at: Option<Timestamp>,
    /// What is recorded.
    pub facts: StudentFacts,
}

/// A guardian as recorded.
#[derive(Clone)]
pub struct Guardian {
    /// Its id.
    pub id: GuardianId,
    /// Whose guardian.
    pub student: StudentId,
    /// Grows by one with every change.
    pub version: i64,
    /// When it was first recorded.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Since when it is a guardian no more.
    pub ended_at: Option<Timestamp>,
    /// What is recorded.
    pub facts: GuardianFacts,
}
