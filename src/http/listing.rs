//! The items of an answer of the finder, and how a question is put to it.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;

use super::availability::Availability;
use super::resource::Total;
use crate::directory::{Coverage, OfferedLanguage, Placement, ServiceArea};
use crate::finder::source::Listing;
use crate::finder::{Factor, Hit, Way};
use crate::types::{
    AccessibilityFeature, Ages, Audience, CapacityPoolId, CrisisContact, Criterion, Engagement, Grain,
    IntakeChannel, LocationId, Modality, Need, OfferingId, OrganizationId, Phone, Population, PostalCode,
    Practice, Schedule, SchoolId, ServiceId, Tier, calendar_date,
};

/// The answer to a search: the best matches in order.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct SearchAnswer {
    /// In order.
    pub(super) items: Vec<Match>,
    /// Continues the answer; none at its end, and none beyond 1,000 items.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) next_cursor: Option<String>,
    /// How many match.
    pub(super) total: Total,
    /// What would be found if one rule gave way: where nothing matches, or with `near_misses=true`, on the
    /// first page. A criterion that nothing misses alone is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) near_misses: Option<Vec<NearMatches>>,
    /// Where no offering holds every word of `q`: words that are spelt nearly like those that none holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, example = json!(["bereavement"]))]
    pub(super) suggestions: Vec<String>,
    /// Where nothing matches: whom to call if it cannot wait.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false, value_type = Vec<CrisisContact>)]
    pub(super) crisis_contacts: Vec<&'static CrisisContact>,
    /// The state of the finder's index that was asked, `node:counter`; not comparable across nodes.
    #[schema(example = "5f3a91c2:30")]
    pub(super) revision: String,
}

/// What fails one criterion and holds every other that is required.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct NearMatches {
    /// The criterion that would have to give.
    pub(super) criterion: Criterion,
    /// What is stated not to hold it.
    pub(super) mismatch: NearMatchList,
    /// What nobody has said of whether it does: a call may settle it.
    pub(super) unverified: NearMatchList,
}

/// Near misses of one kind.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct NearMatchList {
    /// The best three.
    pub(super) items: Vec<NearMatch>,
    /// How many there are.
    pub(super) total: Total,
}

/// One near miss: as it would be found if the criterion were a wish.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct NearMatch {
    /// What there is, and what was asked for.
    #[schema(example = "given by video; in person was asked for")]
    pub(super) gives: String,
    /// The match.
    #[serde(flatten)]
    pub(super) item: Match,
}

/// One match.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Match {
    /// The offering.
    offering: MatchedOffering,
    /// Its service.
    service: MatchedService,
    /// Who offers it.
    organization: MatchedOrganization,
    /// Its place; none where it is only virtual, in schools or at home.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    location: Option<MatchedLocation>,
    /// Great-circle kilometres from the origin; none without coordinates.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = 3.2)]
    distance_km: Option<f64>,
    /// Estimated minutes by car (great circle × 1.3 at 40 km/h); 0 where it comes to the student.
    #[schema(example = 6.2)]
    travel_minutes: f64,
    /// How it is reached.
    reached: Way,
    /// What is known of its capacity.
    availability: Availability,
    /// From 0 to 1; the sum of the contributions.
    #[schema(example = 0.62)]
    score: f64,
    /// Why it matches and what to know about it, by criterion.
    reasons: Vec<MatchReason>,
    /// What makes up the score; only with `explain=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    explanation: Option<Explanation>,
}

/// The offering of a match.
#[derive(Serialize, utoipa::ToSchema)]
struct MatchedOffering {
    id: OfferingId,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
    capacity_pool_id: Option<CapacityPoolId>,
    /// Whether its facts were stated of this combination, or only listed side by side.
    grain: Grain,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    languages: Option<Vec<OfferedLanguage>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tiers: Option<Vec<Tier>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    coverage: Option<Coverage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    needs: Option<Vec<Need>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    populations: Option<Vec<Population>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    practices: Option<Vec<Practice>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    ages: Option<Ages>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    modalities: Option<Vec<Modality>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    schedule: Option<Schedule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    accessibility: Option<Vec<AccessibilityFeature>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    service_area: Option<ServiceArea>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    schools: Option<Vec<SchoolId>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    partial: Vec<Criterion>,
}

/// The service of a match.
#[derive(Serialize, utoipa::ToSchema)]
struct MatchedService {
    id: ServiceId,
    name: String,
    audience: Vec<Audience>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    phone: Option<Phone>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    intake_phones: Vec<Phone>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    url: Option<String>,
    /// Who pays for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    funding_source: Option<String>,
    /// Last day of that funding. A service may go on after it; a reason says so where the day is near or past.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    funding_ends_on: Option<Date>,
}

/// The organization of a match.
#[derive(Serialize, utoipa::ToSchema)]
struct MatchedOrganization {
    id: OrganizationId,
    name: String,
    engagement: Engagement,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    intake_channel: Option<IntakeChannel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    phone: Option<Phone>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    website: Option<String>,
}

/// The place of a match.
#[derive(Serialize, utoipa::ToSchema)]
struct MatchedLocation {
    id: LocationId,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    address_1: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    address_2: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    city: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    postal_code: Option<PostalCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    phone: Option<Phone>,
    /// Where it is and how good that is; none where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    coordinates: Option<Placement>,
}

/// What a match has to do with one criterion, or with a factor of the ranking; or, without either, what else to
/// know about it.
#[derive(Serialize, utoipa::ToSchema)]
struct MatchReason {
    /// The criterion.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    criterion: Option<Criterion>,
    /// The factor of the ranking.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    factor: Option<Factor>,
    /// A short sentence.
    #[schema(example = "a clinician speaks Spanish")]
    text: String,
}

/// What makes up a score. The contributions, added up in this order, are the score.
#[derive(Serialize, utoipa::ToSchema)]
struct Explanation {
    /// The ranking profile, `name@version`.
    #[schema(example = "default@2")]
    profile: String,
    /// The factors.
    factors: Vec<FactorShare>,
}

/// What one factor adds to a score.
#[derive(Serialize, utoipa::ToSchema)]
struct FactorShare {
    /// The factor.
    factor: Factor,
    /// From 0 to 1.
    utility: f64,
    /// Its weight in the profile.
    weight: f64,
    /// `weight × utility / sum of weights`.
    contribution: f64,
    /// Why, in a sentence.
    reason: String,
}

/// Why the criteria hold, then what the factors add to that.
fn reasons(hit: &Hit) -> Vec<MatchReason> {
    let said = |text: &str| hit.reasons.iter().any(|reason| reason.text == text);
    let criteria = hit.reasons.iter().map(|reason| MatchReason {
        criterion: Some(reason.criterion),
        factor: None,
        text: reason.text.clone(),
    });
    let factors = hit.contributions.iter().filter(|share| !said(&share.reason)).map(|share| MatchReason {
        criterion: None,
        factor: Some(share.factor),
        text: share.reason.clone(),
    });
    criteria.chain(factors).collect()
}

/// How long before its last day a funding that ends is worth a word, in days.
const FUNDING_NOTICE_DAYS: i64 = 60;

/// That a service's funding ends soon, or is over. It says nothing of whether the service goes on.
fn funding_reason(funding_ends_on: Option<Date>, now: Timestamp) -> Option<MatchReason> {
    let (today, ends_on) = (calendar_date(now), funding_ends_on?);
    let text = if ends_on < today {
        format!("its funding ended on {ends_on}")
    } else if ends_on <= today.saturating_add(FUNDING_NOTICE_DAYS.days()) {
        format!("its funding ends on {ends_on}")
    } else {
        return None;
    };
    Some(MatchReason { criterion: None, factor: None, text })
}

/// Shows one hit; `explained_by` names the ranking profile where the factors are wanted.
pub(super) fn show(hit: Hit, listing: Listing, now: Timestamp, explained_by: Option<String>) -> Match {
    let availability = Availability::of(
        listing.offering.facts.capacity_pool_id,
        listing.claim.as_ref(),
        listing.evidence,
        now,
    );
    let Listing { offering, service, organization, location, placement, .. } = listing;
    let (offering_id, offering) = (offering.id, offering.facts);
    let mut reasons = reasons(&hit);
    reasons.extend(funding_reason(service.facts.funding_ends_on, now));
    let explanation = explained_by.map(|profile| Explanation {
        profile,
        factors: hit
            .contributions
            .into_iter()
            .map(|share| FactorShare {
                factor: share.factor,
                utility: share.utility,
                weight: share.weight,
                contribution: share.contribution,
                reason: share.reason,
            })
            .collect(),
    });
    Match {
        availability,
        offering: MatchedOffering {
            id: offering_id,
            name: offering.name,
            capacity_pool_id: offering.capacity_pool_id,
            grain: offering.grain,
            languages: offering.languages,
            tiers: offering.tiers,
            coverage: offering.coverage,
            needs: offering.needs,
            populations: offering.populations,
            practices: offering.practices,
            ages: offering.ages,
            modalities: offering.modalities,
            schedule: offering.schedule,
            accessibility: offering.accessibility,
            service_area: offering.service_area,
            schools: offering.schools,
            partial: offering.partial,
        },
        service: MatchedService {
            id: service.id,
            name: service.facts.name,
            audience: service.facts.audience,
            phone: service.facts.phone,
            intake_phones: service.facts.intake_phones,
            url: service.facts.url,
            funding_source: service.facts.funding_source,
            funding_ends_on: service.facts.funding_ends_on,
        },
        organization: MatchedOrganization {
            id: organization.id,
            name: organization.facts.name,
            engagement: organization.facts.engagement,
            intake_channel: organization.facts.intake_channel,
            phone: organization.facts.phone,
            email: organization.facts.email,
            website: organization.facts.website,
        },
        location: location.map(|location| MatchedLocation {
            id: location.id,
            name: location.facts.name,
            address_1: location.facts.address_1,
            address_2: location.facts.address_2,
            city: location.facts.city,
            state: location.facts.state,
            postal_code: location.facts.postal_code,
            phone: location.facts.phone,
            coordinates: placement,
        }),
        distance_km: hit.distance_km,
        travel_minutes: hit.travel_minutes,
        reached: hit.way,
        score: hit.score,
        reasons,
        explanation,
    }
}
