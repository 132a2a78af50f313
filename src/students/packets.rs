//! What is told of a student, put together.

use serde_json::{Map, Value, json};

use super::model::{GuardianFacts, StudentCoverage, StudentFacts};
use crate::privacy::StudentField;
use crate::types::GuardianId;

/// What is told, by field. Sensitive facts have no field.
pub(super) fn packet(
    student: &StudentFacts,
    guardians: &[(GuardianId, &GuardianFacts)],
    school: Option<&str>,
    fields: &[StudentField],
) -> Map<String, Value> {
    let value = |field: StudentField| match field {
        StudentField::GivenName => json!(student.given_name),
        StudentField::FamilyName => json!(student.family_name),
        StudentField::BirthDate => json!(student.birth_date),
        StudentField::Address => json!(student.address),
        StudentField::Phone => json!(student.phone),
        StudentField::Email => json!(student.email),
        StudentField::Guardians => guardians.iter().map(|(id, guardian)| reached(*id, guardian)).collect(),
        StudentField::School => json!(school),
        StudentField::Grade => json!(student.grade),
        StudentField::MemberId => student.coverages.iter().map(member).collect(),
        StudentField::Coverage => student.coverages.iter().map(coverage).collect(),
        StudentField::Languages => json!(student.languages),
        StudentField::Notes => json!(student.notes),
        // These belong to a referral, and are told with it.
        StudentField::Needs
        | StudentField::ServiceRecord
        | StudentField::Progress
        | StudentField::AgeBand
        | StudentField::Tier
        | StudentField::CoverageCategory
        | StudentField::Requirements
        | StudentField::Area => Value::Null,
    };
    fields.iter().map(|field| (field.as_str().to_owned(), value(*field))).collect()
}

fn member(coverage: &StudentCoverage) -> Value {
    let StudentCoverage { category, insurance_plan_id, member_id } = coverage;
    json!({"category": category, "insurance_plan_id": insurance_plan_id, "member_id": member_id})
}

fn coverage(coverage: &StudentCoverage) -> Value {
    let StudentCoverage { category, insurance_plan_id, member_id: _ } = coverage;
    json!({"category": category, "insurance_plan_id": insurance_plan_id})
}

/// A guardian and how they are reached; where that could put somebody in danger, not how.
fn reached(id: GuardianId, guardian: &GuardianFacts) -> Value {
    let GuardianFacts {
        given_name,
        family_name,
        relationship,
        access: _,
        access_basis: _,
        phone,
        email,
        address,
        safe_to_contact,
        languages,
    } = guardian;
    let mut told = json!({
        "id": id, "given_name": given_name, "family_name": family_name, "relationship": relationship,
        "safe_to_contact": safe_to_contact, "languages": languages,
    });
    if *safe_to_contact != Some(false) {
        told["phone"] = json!(phone);
        told["email"] = json!(email);
        told["address"] = json!(address);
    }
    told
}
