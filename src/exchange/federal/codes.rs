//! What the codes of the federal directory mean here.
//!
//! Which codes there are, and in which category, the workbook's own reference sheet says; what they mean in
//! our words, [`TABLE`] says. A code that the reference puts into another category than the table is another
//! code that happens to be spelt alike, and is not mapped.

use self::Meaning::{
    Age, Coverage, Emergency, Facility, Interpreter, Met, Need, Population, Practice, Provider, Setting,
};
use crate::types::{CoverageCategory as Pays, EmergencyService, FacilityType, Modality, ServiceSetting};

/// One thing that a code means. Languages and open vocabularies stand here by their codes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Meaning {
    /// Staff counsel in this language.
    Provider(&'static str),
    /// The language is bridged.
    Interpreter(&'static str),
    Coverage(Pays),
    Population(&'static str),
    Need(&'static str),
    Practice(&'static str),
    Met(Modality),
    Setting(ServiceSetting),
    Emergency(EmergencyService),
    Facility(FacilityType),
    /// From the first age up to but not including the second, in years: what the publisher's 2022 descriptions
    /// say, for a reference sheet whose descriptions say nothing.
    Age(u8, u8),
}

/// The categories whose codes are languages: a code that the table does not know is known by its name.
pub(super) const LANGUAGES: [&str; 2] = ["SL", "OL"];
/// The category of age groups.
pub(super) const AGES: &str = "AGE";
/// The category of kinds of care, by which a service without a name is called.
pub(super) const TYPE_OF_CARE: &str = "TC";

/// `(category, code, meanings)`. What is not here has no field of ours and is kept as the source's code:
/// medicines, tests, smoking policies, who runs the facility, and the public money that it lives on (block
/// grants and agencies' funds say who pays the facility, not what a student is covered by).
pub(super) const TABLE: &[(&str, &str, &[Meaning])] = &[
    // Type of care.
    ("TC", "SA", &[Need("substance_use")]),
    ("TC", "SUMH", &[Need("co_occurring_disorders")]),
    // Service setting. Whoever is treated in one of them comes to it.
    ("SET", "HI", &[Setting(ServiceSetting::HospitalInpatient), Met(Modality::InPerson)]),
    ("SET", "OP", &[Setting(ServiceSetting::Outpatient), Met(Modality::InPerson)]),
    ("SET", "PHDT", &[Setting(ServiceSetting::PartialHospitalization), Met(Modality::InPerson)]),
    ("SET", "RES", &[Setting(ServiceSetting::Residential), Met(Modality::InPerson)]),
    // Facility type.
    ("FT", "CMHC", &[Facility(FacilityType::CommunityMentalHealthCenter)]),
    ("FT", "CBHC", &[Facility(FacilityType::CertifiedCommunityClinic)]),
    ("FT", "MSMH", &[Facility(FacilityType::MultiSetting)]),
    ("FT", "OMH", &[Facility(FacilityType::OutpatientClinic)]),
    ("FT", "ORES", &[Facility(FacilityType::ResidentialOther)]),
    ("FT", "PH", &[Facility(FacilityType::PartialHospitalization)]),
    ("FT", "PSY", &[Facility(FacilityType::PsychiatricHospital)]),
    ("FT", "RTCA", &[Facility(FacilityType::ResidentialAdults)]),
    ("FT", "RTCC", &[Facility(FacilityType::ResidentialChildren)]),
    ("FT", "IPSY", &[Facility(FacilityType::InpatientPsychiatricUnit)]),
    ("FT", "SHP", &[Facility(FacilityType::StateHospital)]),
    ("FT", "VAHC", &[Facility(FacilityType::VeteransAffairs)]),
    // Treatment approaches. IDD is treatment of two disorders together, not intellectual disability; IPT is
    // any individual psychotherapy, not interpersonal psychotherapy.
    ("TAP", "AT", &[Practice("activity_therapy")]),
    ("TAP", "CBT", &[Practice("cbt")]),
    ("TAP", "CRT", &[Practice("cognitive_remediation")]),
    ("TAP", "CFT", &[Practice("cft")]),
    ("TAP", "DBT", &[Practice("dbt")]),
    ("TAP", "ECT", &[Practice("electroconvulsive_therapy")]),
    ("TAP", "EMDR", &[Practice("emdr")]),
    ("TAP", "GT", &[Practice("group_therapy")]),
    ("TAP", "IDD", &[Practice("integrated_dual_disorder")]),
    ("TAP", "IPT", &[Practice("individual_psychotherapy")]),
    ("TAP", "KIT", &[Practice("ketamine_infusion")]),
    ("TAP", "TMS", &[Practice("transcranial_magnetic_stimulation")]),
    ("TAP", "TELE", &[Met(Modality::TelehealthVideo)]),
    // Emergency services.
    ("EMS", "CIT", &[Emergency(EmergencyService::CrisisTeam)]),
    ("EMS", "PEON", &[Emergency(EmergencyService::Onsite)]),
    ("EMS", "PEOFF", &[Emergency(EmergencyService::Mobile)]),
    ("EMS", "WI", &[Emergency(EmergencyService::WalkIn)]),
    // Payment: only what a family brings.
    ("PAY", "MC", &[Coverage(Pays::Medicare)]),
    ("PAY", "MD", &[Coverage(Pays::Medicaid)]),
    ("PAY", "MI", &[Coverage(Pays::Military)]),
    ("PAY", "PI", &[Coverage(Pays::Commercial)]),
    ("PAY", "SF", &[Coverage(Pays::SelfPay)]),
    ("PAY", "SI", &[Coverage(Pays::StateProgram)]),
    ("PYAS", "PA", &[Coverage(Pays::SafetyNet)]),
    ("PYAS", "SS", &[Coverage(Pays::SlidingFee)]),
    // Special programs and groups. A program for people with a condition serves the condition too.
    ("SG", "TAY", &[Population("young_adults")]),
    ("SG", "SE", &[Population("seniors")]),
    ("SG", "GL", &[Population("lgbtq")]),
    ("SG", "VET", &[Population("veterans")]),
    ("SG", "ADM", &[Population("active_duty_military")]),
    ("SG", "MF", &[Population("military_families")]),
    ("SG", "CJ", &[Population("justice_involved")]),
    ("SG", "CO", &[Population("co_occurring"), Need("co_occurring_disorders")]),
    ("SG", "HV", &[Population("hiv")]),
    ("SG", "DV", &[Population("domestic_violence_survivors"), Need("domestic_violence")]),
    ("SG", "TRMA", &[Population("trauma_survivors"), Need("trauma")]),
    ("SG", "TBI", &[Population("traumatic_brain_injury"), Need("brain_injury")]),
    ("SG", "ALZ", &[Population("dementia")]),
    ("SG", "PED", &[Population("eating_disorders"), Need("eating_disorder")]),
    ("SG", "PEFP", &[Population("first_episode_psychosis"), Need("psychosis")]),
    ("SG", "PTSD", &[Population("ptsd"), Need("ptsd")]),
    ("SG", "SED", &[Population("serious_emotional_disturbance"), Need("serious_emotional_disturbance")]),
    ("SG", "SMI", &[Population("serious_mental_illness")]),
    // Recovery support.
    ("RSS", "PEER", &[Practice("peer_support")]),
    // Age groups. The children's code ends at 12 and the young adults' begins at 18.
    ("AGE", "CHLD", &[Age(0, 13)]),
    ("AGE", "YAD", &[Age(18, 26)]),
    ("AGE", "ADLT", &[Age(26, 65)]),
    ("AGE", "SNR", &[Age(65, 130)]),
    // Languages: "staff counselors provide treatment in …". Of sign language the directory says only that there
    // are "services for the deaf and hard of hearing", which an interpreter satisfies: the weaker claim is
    // made, and no claim that the facility is made for deaf people. FX says that there are other languages and
    // not which.
    ("SL", "SP", &[Provider("es")]),
    ("SL", "AH", &[Interpreter("ase")]),
    ("SL", "NX", &[Provider("nai")]),
    ("OL", "F4", &[Provider("ar")]),
    ("OL", "F17", &[Provider("zh")]),
    // "Creole" alone may be Haitian, Cape Verdean, Louisiana or another.
    ("OL", "F19", &[Provider("crp")]),
    ("OL", "F25", &[Provider("fa")]),
    ("OL", "F28", &[Provider("fr")]),
    ("OL", "F30", &[Provider("de")]),
    ("OL", "F31", &[Provider("el")]),
    ("OL", "F35", &[Provider("he")]),
    ("OL", "F36", &[Provider("hi")]),
    ("OL", "F37", &[Provider("hmn")]),
    ("OL", "F42", &[Provider("it")]),
    ("OL", "F43", &[Provider("ja")]),
    ("OL", "F47", &[Provider("ko")]),
    ("OL", "F66", &[Provider("pl")]),
    ("OL", "F67", &[Provider("pt")]),
    ("OL", "F70", &[Provider("ru")]),
    ("OL", "F81", &[Provider("tl")]),
    ("OL", "F92", &[Provider("vi")]),
    ("OL", "N24", &[Provider("oj")]),
    ("OL", "N40", &[Provider("ypk")]),
    // Ancillary services. ACT is assertive community treatment, not acceptance and commitment therapy; SPS
    // includes "management of suicidal patients". Court-ordered treatment (COOT), which the directory keeps apart
    // from AOT, education (ES), housing (HS) and tobacco counseling (TCC) come with the care of a patient and
    // are no services that one is referred to for their own sake: they stay codes.
    ("AS", "ACT", &[Practice("assertive_community_treatment")]),
    ("AS", "AOT", &[Practice("assisted_outpatient_treatment")]),
    ("AS", "CDM", &[Practice("chronic_disease_management")]),
    ("AS", "DEC", &[Practice("diet_exercise_counseling")]),
    ("AS", "FPSY", &[Practice("family_psychoeducation")]),
    ("AS", "ICM", &[Practice("intensive_case_management")]),
    ("AS", "IMR", &[Practice("illness_management_recovery")]),
    ("AS", "LAD", &[Practice("legal_advocacy")]),
    ("AS", "PRS", &[Practice("psychosocial_rehabilitation")]),
    ("AS", "SEMP", &[Practice("supported_employment")]),
    ("AS", "SH", &[Practice("supported_housing")]),
    ("AS", "TPC", &[Practice("therapeutic_foster_care")]),
    ("AS", "VRS", &[Practice("vocational_rehabilitation")]),
    ("AS", "CM", &[Practice("case_management")]),
    ("AS", "IPC", &[Practice("integrated_primary_care")]),
    ("AS", "SPS", &[Practice("suicide_prevention"), Need("suicidality")]),
];
