//! The limited profile of a student: what a provider would see before it has accepted.

use serde::{Deserialize, Serialize};

use super::file::File;
use super::model::StudentFacts;
use super::tenant;
use crate::directory::some_centres;
use crate::error::{Error, FieldError, Result};
use crate::privacy::GuardianAccess;
use crate::privacy::audit::{self, Act, Action, Errand};
use crate::privacy::limited::{AreaLevel, CandidateArea, Crowd, Known, LimitedProfile, Pins};
use crate::privacy::vault::Vault;
use crate::store::{DbConnection, Tx};
use crate::types::{
    AccessibilityFeature, LanguageTag, Modality, Need, Population, Practice, StudentId, Tier,
};

/// What a referral would ask for.
#[derive(Clone, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LimitedProfileAsk)]
pub struct ProfileAsk {
    /// MTSS tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub tier: Option<Tier>,
    /// Presenting concerns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// Pinned languages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<LanguageTag>,
    /// Pinned access: matched in the server, told to nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accessibility: Vec<AccessibilityFeature>,
    /// Pinned populations; sensitive ones are matched in the server and told to nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub populations: Vec<Population>,
    /// Pinned modalities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modalities: Vec<Modality>,
    /// Pinned practices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub practices: Vec<Practice>,
}

const MOST: usize = 20;

/// What a provider would see of a student before it has accepted.
///
/// # Errors
/// [`Error::NotFound`] if the student is not one of the caller's; [`Error::Invalid`] if too much is asked.
pub fn limited_profile(
    tx: &mut Tx<'_>,
    vault: &Vault,
    errand: &Errand,
    student: StudentId,
    ask: &ProfileAsk,
) -> Result<LimitedProfile> {
    let tenant = tenant(errand)?;
    let file = File::open(tx, vault, tenant, student)?;
    let ProfileAsk { tier: _, needs, languages, accessibility, populations, modalities, practices } = ask;
    for (at, count) in [
        ("/needs", needs.len()),
        ("/languages", languages.len()),
        ("/accessibility", accessibility.len()),
        ("/populations", populations.len()),
        ("/modalities", modalities.len()),
        ("/practices", practices.len()),
    ] {
        if count > MOST {
            return Err(Error::Invalid(vec![FieldError::body(at, format!("has more than {MOST} values"))]));
        }
    }
    let profile = profile_of(tx, &file, ask)?;
    let act = Act::done(Action::Read, "student", Some(student.into()), Some(student));
    audit::record(tx, errand, &[act])?;
    Ok(profile)
}

/// What a provider would see of the student in a file.
///
/// # Errors
/// If the database fails.
pub(crate) fn profile_of(tx: &mut Tx<'_>, file: &File, ask: &ProfileAsk) -> Result<LimitedProfile> {
    let ProfileAsk { tier, needs, languages, accessibility, populations, modalities, practices } = ask;
    let facts = &file.student.facts;
    // Those who are barred or restricted have no part in it.
    let in_full = file.guardians.iter().filter(|guardian| guardian.facts.access == GuardianAccess::Full);
    let families = in_full.flat_map(|guardian| &guardian.facts.languages);
    let known = Known {
        birth_date: Some(facts.birth_date),
        languages: facts.languages.iter().chain(families).map(|need| need.language.clone()).collect(),
        tier: *tier,
        needs: needs.clone(),
        coverage: facts.coverages.iter().map(|coverage| coverage.category).collect(),
        pins: Pins {
            languages: languages.clone(),
            accessibility: accessibility.clone(),
            populations: populations.clone(),
            modalities: modalities.clone(),
            practices: practices.clone(),
        },
        areas: areas(tx.connection, facts)?,
    };
    let today = tx.now.to_zoned(file.zone.clone()).date();
    Ok(LimitedProfile::of(&known, today, Crowd::DEFAULT))
}

/// Where the student lives. There are no figures of enrolment yet that would permit a finer place than the county.
fn areas(connection: &mut DbConnection, facts: &StudentFacts) -> Result<Vec<CandidateArea>> {
    let code = facts.address.as_ref().and_then(|address| address.postal_code);
    let Some(code) = code else { return Ok(Vec::new()) };
    let centres = some_centres(connection, std::slice::from_ref(&code))?;
    let county = centres.get(&code).and_then(|place| place.county.clone());
    Ok(county
        .into_iter()
        .map(|name| CandidateArea { level: AreaLevel::County, name, sharing: None })
        .collect())
}
