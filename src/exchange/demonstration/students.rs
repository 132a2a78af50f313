//! Fictional students of the demonstration, with days counted from when they are loaded.

use jiff::civil::Date;
use jiff::{SignedDuration, ToSpan};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{embedded, read};
use crate::error::Result;
use crate::privacy::audit::Errand;
use crate::privacy::vault::Vault;
use crate::privacy::{Signature, SignatureMethod, SignedBy};
use crate::store::Store;
use crate::students::{self, GuardianFacts, consents, guardians};
use crate::types::{ConsentId, GuardianId, StudentId, calendar_date};

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct DemonstrationStudent {
    id: StudentId,
    /// All but the date of birth.
    facts: Map<String, Value>,
    born_years_ago: i16,
    guardians: Vec<DemonstrationGuardian>,
    consents: Vec<DemonstrationConsent>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct DemonstrationGuardian {
    id: GuardianId,
    facts: GuardianFacts,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct DemonstrationConsent {
    id: ConsentId,
    /// All but the last day.
    facts: Map<String, Value>,
    holds_days: i64,
    signatures: Vec<DemonstrationSignature>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct DemonstrationSignature {
    by: SignedBy,
    name: String,
    signed_days_ago: i64,
}

/// Loads the fictional students into the district of an errand.
///
/// # Errors
/// If the database fails. The embedded file is right; a test loads it.
pub fn load_students(store: &Store, vault: &Vault, errand: &Errand) -> Result<usize> {
    let students: Vec<DemonstrationStudent> = read(embedded!("students"))?;
    store.write_for_now(&errand.tenancy, |tx| {
        let today = calendar_date(tx.now);
        for DemonstrationStudent { id, mut facts, born_years_ago, guardians, consents } in students.clone() {
            let born = today.saturating_sub(born_years_ago.years()).saturating_sub(100.days());
            facts.insert("birth_date".to_owned(), Value::from(born.to_string()));
            students::create(tx, vault, errand, id, students::parse(Value::Object(facts))?)?;
            for DemonstrationGuardian { id: guardian, facts } in guardians {
                guardians::create(tx, vault, errand, (id, guardian), facts)?;
            }
            for DemonstrationConsent { id: consent, mut facts, holds_days, signatures } in consents {
                let until: Date = today.saturating_add(holds_days.days());
                facts.insert("expires_on".to_owned(), Value::from(until.to_string()));
                let facts = students::parse(Value::Object(facts))?;
                consents::create(tx, vault, errand, (id, consent), facts)?;
                for DemonstrationSignature { by, name, signed_days_ago } in signatures {
                    let signature = Signature {
                        by,
                        name,
                        signed_at: tx.now - SignedDuration::from_hours(24 * signed_days_ago),
                        method: SignatureMethod::Paper,
                        evidence: "fictional".to_owned(),
                    };
                    consents::sign(tx, vault, errand, (id, consent), signature)?;
                }
            }
        }
        Ok(students.len())
    })
}
