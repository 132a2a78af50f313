//! Offerings, plans and questions for property tests: few values, so that they meet.

use std::fmt::Debug;

use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde::de::DeserializeOwned;
use serde_json::json;
use uuid::Uuid;

use super::oracle::{Offered, World, Written};
use super::outlines::{homes, outlines};
use super::{
    Ask, AvailabilityAsk, CoverageAsk, Criteria, LanguageAsk, PlanInfo, Preferred, Question, Residence,
    Urgency, Words,
};
use crate::availability::{Arrivals, Claim, ClaimMethod, Evidence, Tally, Times, TrackRecord};
use crate::directory::{
    Coverage, NamedPlace, OfferedLanguage, OfferingFacts, PartnershipFacts, PlanAcceptance, ServiceArea,
};
use crate::types::{
    AccessibilityFeature, AgeRange, Ages, Audience, AvailabilityStatus, CapacityPoolId, ClaimId, Coordinates,
    CoverageCategory, Criterion, DistrictId, FacilityType, Grain, InsurancePlanId, LanguageMode, LanguageTag,
    Modality, Need, OfferingId, OrganizationId, Population, PostalCode, Practice, Schedule, ScheduleKind,
    SchoolId, ServiceId, ServiceSetting, Tier,
};

/// When every test world begins.
pub(super) fn beginning() -> Timestamp {
    "2026-03-02T15:00:00Z".parse().unwrap()
}

fn after(days: i64) -> Timestamp {
    beginning() + SignedDuration::from_hours(days * 24)
}

/// A few nanoseconds beside a day: claims lapse at any instant, though mostly with whole microseconds.
fn jitters() -> impl Strategy<Value = i64> {
    select(vec![-1_000_000_000, -1000, -1, 0, 0, 0, 1, 1000])
}

pub(super) fn offering_id(number: u128) -> OfferingId {
    OfferingId(Uuid::from_u128(number))
}

fn several<T: Clone + Debug + 'static>(values: &[T], most: usize) -> impl Strategy<Value = Vec<T>> + use<T> {
    vec(select(values.to_vec()), 0..=most)
}

fn mostly<S: Strategy>(strategy: S) -> impl Strategy<Value = Option<S::Value>> {
    weighted(0.85, strategy)
}

fn seldom<S: Strategy>(strategy: S) -> impl Strategy<Value = Option<S::Value>> {
    weighted(0.2, strategy)
}

pub(super) fn tags() -> Vec<LanguageTag> {
    let tags =
        ["es", "es", "es", "pt", "pt-BR", "zh", "yue", "cmn", "ht", "crp", "ase", "vi", "km", "ar", "so"];
    tags.iter().map(|tag| tag.parse().unwrap()).collect()
}

macro_rules! terms {
    ($($name:ident: $term:ty;)+) => {$(
        pub(super) fn $name() -> Vec<$term> {
            <$term>::vocabulary().terms.iter().take(8).map(|term| term.code.parse().unwrap()).collect()
        }
    )+};
}

terms! {
    needs: Need;
    populations: Population;
    practices: Practice;
    features: AccessibilityFeature;
}

pub(super) fn plan(number: u8) -> InsurancePlanId {
    InsurancePlanId(Uuid::from_u128(u128::from(number)))
}

fn plans() -> impl Strategy<Value = InsurancePlanId> {
    (0..5_u8).prop_map(plan)
}

fn days() -> impl Strategy<Value = Date> {
    select(vec![date(2026, 2, 1), date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 8), date(2026, 5, 1)])
}

pub(super) fn plan_infos() -> impl Strategy<Value = PlanInfo> {
    (select(CoverageCategory::ALL[..4].to_vec()), weighted(0.4, days()), weighted(0.4, days())).prop_map(
        |(category, effective_from, effective_until)| PlanInfo { category, effective_from, effective_until },
    )
}

fn services() -> Vec<ServiceId> {
    (0..3).map(|number| ServiceId(Uuid::from_u128(number))).collect()
}

fn districts() -> Vec<DistrictId> {
    (0..3).map(|number| DistrictId(Uuid::from_u128(number))).collect()
}

/// Agreements of one organization: with schools or a whole district, on days around that of the question.
pub(super) fn partnerships() -> impl Strategy<Value = Vec<PartnershipFacts>> {
    let with =
        (prop_oneof![2 => Just(Vec::new()), 1 => several(&schools(), 2)], select(districts()), any::<bool>());
    let days = (weighted(0.5, days()), weighted(0.5, days()));
    let covered = prop_oneof![1 => Just(Vec::new()), 1 => several(&services(), 2)];
    let agreed = (with, days, covered, weighted(0.5, prop::bool::weighted(0.7))).prop_map(
        |((schools, district, is_named), (begins_on, ends_on), services, reserved)| PartnershipFacts {
            organization_id: OrganizationId(Uuid::nil()),
            district_id: (is_named || schools.is_empty()).then_some(district),
            schools,
            services,
            begins_on,
            ends_on,
            memorandum_on_file: None,
            data_sharing_agreement_on_file: None,
            space_in_school: None,
            transport_provided: None,
            reserved,
            funding_source: None,
            funding_ends_on: None,
            notes: None,
        },
    );
    prop_oneof![1 => Just(Vec::new()), 1 => vec(agreed, 1..4)]
}

fn schools() -> Vec<SchoolId> {
    (0..3).map(|number| SchoolId(Uuid::from_u128(number))).collect()
}

/// Around Lawrence, on both sides of the antimeridian, at the poles, and often at the very same point.
pub(super) fn places() -> impl Strategy<Value = Coordinates> {
    let near =
        (0..8_i32, 0..8_i32).prop_map(|(x, y)| (42.6 + f64::from(x) * 0.05, -71.3 + f64::from(y) * 0.05));
    let far = select(vec![
        (-17.7, 179.95),
        (-17.7, -179.95),
        (-17.7, 180.0),
        (-17.7, -180.0),
        (90.0, 0.0),
        (90.0, 123.0),
        (89.9, 10.0),
        (89.9, -170.0),
        (-90.0, 5.0),
        (0.0, 0.0),
        (13.4, 144.8),
    ]);
    let same = Just((42.707, -71.163));
    prop_oneof![6 => near, 2 => same, 2 => far].prop_map(|(lat, lon)| Coordinates::new(lat, lon).unwrap())
}

fn postal_codes() -> Vec<PostalCode> {
    ["01840", "01841", "02139"].iter().map(|code| code.parse().unwrap()).collect()
}

fn named(pairs: &[(&str, &str)]) -> Vec<NamedPlace> {
    pairs
        .iter()
        .map(|(name, state)| NamedPlace { name: (*name).to_owned(), state: (*state).to_owned() })
        .collect()
}

fn service_areas() -> impl Strategy<Value = ServiceArea> {
    let towns = named(&[
        ("Lawrence", "MA"),
        ("lawrence", "ma"),
        ("Methuen", "MA"),
        ("Lawrence", "KS"),
        ("Manchester-by-the-Sea", "MA"),
    ]);
    let counties = named(&[("Essex", "MA"), ("ESSEX", "MA"), ("Essex", "NJ"), ("Lawrence", "MA")]);
    let states: Vec<String> = ["MA", "ma", "NH"].iter().map(ToString::to_string).collect();
    let codes = (several(&postal_codes(), 2), several(&towns, 1), several(&counties, 1), several(&states, 1));
    (codes, weighted(0.4, select(outlines()))).prop_map(
        |((postal_codes, towns, counties, states), polygon)| ServiceArea {
            postal_codes,
            towns,
            counties,
            states,
            polygon,
        },
    )
}

fn age_ranges() -> impl Strategy<Value = AgeRange> {
    (0..20_u8, 1..14_u8, select(vec![0.0, 0.0, 0.5])).prop_map(|(min, years, part)| {
        AgeRange::new(f64::from(min) + part, f64::from(min) + f64::from(years)).unwrap()
    })
}

fn schedules() -> impl Strategy<Value = Schedule> {
    select(vec![
        r"{}",
        r#"{"weekly":[{"day":"monday","opens":"09:00","closes":"17:00"}]}"#,
        r#"{"weekly":[{"day":"sunday","opens":"19:00","closes":"21:00"}],"season":{"from":"06-20","to":"08-25"}}"#,
        r#"{"weekly":[{"day":"friday","opens":"12:00","closes":"20:00"}],"season":{"from":"09-01","to":"06-15"}}"#,
        r#"{"season":{"from":"01-01","to":"12-31"}}"#,
    ])
    .prop_map(|json| serde_json::from_str(json).unwrap())
}

fn languages() -> impl Strategy<Value = Vec<OfferedLanguage>> {
    let modes = select(LanguageMode::ALL.to_vec());
    vec((select(tags()), modes).prop_map(|(language, mode)| OfferedLanguage { language, mode }), 0..4)
}

fn coverages() -> impl Strategy<Value = Coverage> {
    let listed = (plans(), prop::bool::weighted(0.8))
        .prop_map(|(insurance_plan_id, accepting_new)| PlanAcceptance { insurance_plan_id, accepting_new });
    (several(&CoverageCategory::ALL[..4], 2), vec(listed, 0..3))
        .prop_map(|(categories, plans)| Coverage { categories, plans })
}

pub(super) fn facts() -> impl Strategy<Value = OfferingFacts> {
    let first = (
        select(Grain::ALL.to_vec()),
        mostly(languages()),
        mostly(several(Tier::ALL, 2)),
        mostly(coverages()),
        mostly(several(&needs(), 5)),
        mostly(several(&populations(), 4)),
        mostly(several(&practices(), 4)),
    );
    let second = (
        mostly((vec(age_ranges(), 0..3), vec(age_ranges(), 0..2))),
        mostly(several(Modality::ALL, 3)),
        mostly(schedules()),
        mostly(several(&features(), 4)),
        weighted(0.35, service_areas()),
        weighted(0.25, several(&schools(), 3)),
        several(Criterion::ALL, 2),
        select(services()),
    );
    (first, second).prop_map(|(first, second)| {
        let (grain, languages, tiers, coverage, needs, populations, practices) = first;
        let (ages, modalities, schedule, accessibility, service_area, schools, partial, service_id) = second;
        OfferingFacts {
            service_id,
            location_id: None,
            capacity_pool_id: None,
            name: None,
            grain,
            languages,
            tiers,
            coverage,
            needs,
            populations,
            practices,
            ages: ages.map(|(accepted, unstated)| Ages { accepted, unstated }),
            modalities,
            schedule,
            accessibility,
            service_area,
            schools,
            partial,
        }
    })
}

/// What the bits of the index can tell all of, as most offerings are.
fn plain(mut facts: OfferingFacts) -> OfferingFacts {
    facts.service_area = None;
    facts.schools = None;
    facts.coverage.iter_mut().for_each(|coverage| coverage.plans.clear());
    facts.needs.iter_mut().for_each(|needs| needs.retain(|need| need.index() < 5));
    facts
        .populations
        .iter_mut()
        .for_each(|populations| populations.retain(|population| population.index() < 5));
    facts.practices.iter_mut().for_each(|practices| practices.retain(|practice| practice.index() < 5));
    facts.accessibility.iter_mut().for_each(|features| features.retain(|feature| feature.index() < 5));
    facts
}

pub(super) fn claims() -> impl Strategy<Value = Claim> {
    let numbers = (weighted(0.6, 0..3_u32), weighted(0.6, 0..9_u32), weighted(0.6, 0..4_u32));
    (
        select(AvailabilityStatus::ALL.to_vec()),
        numbers,
        weighted(0.3, days()),
        -20..1_i64,
        (-1..9_i64, jitters()),
    )
        .prop_map(
            |(
                status,
                (open_slots, waiting, starts_last_28_days),
                next_available_date,
                reported,
                (valid, jitter),
            )| {
                Claim {
                    id: ClaimId(Uuid::nil()),
                    capacity_pool_id: CapacityPoolId(Uuid::nil()),
                    status,
                    open_slots,
                    waiting,
                    starts_last_28_days,
                    next_available_date,
                    notes: None,
                    reported_at: after(reported),
                    reported_by: "test".to_owned(),
                    method: ClaimMethod::Agency,
                    valid_until: after(valid) + SignedDuration::from_nanos(jitter),
                }
            },
        )
}

/// What was observed of a pool: often too little, now and then enough for an interval.
pub(super) fn tracks() -> impl Strategy<Value = TrackRecord> {
    let tallies = || (0..4_u32, 0..4_u32).prop_map(|(yes, no)| Tally { yes, of: yes + no });
    let times =
        |most: f64| prop_oneof![vec(0.0..most, 0..3_usize), vec(0.0..most, 8..12_usize)].prop_map(Times::of);
    (tallies(), tallies(), times(200.0), times(60.0), tallies(), tallies()).prop_map(
        |(calls, acceptances, reply_hours, first_appointment_days, appointments_kept, claims_honoured)| {
            TrackRecord {
                calls,
                acceptances,
                reply_hours,
                first_appointment_days,
                appointments_kept,
                claims_honoured,
            }
        },
    )
}

/// Who joined a list: sometimes as many as start, sometimes some who go first.
pub(super) fn arrivals() -> impl Strategy<Value = Arrivals> {
    (0..4_u32, weighted(0.5, 0..3_u32)).prop_map(|(joined, overtaking)| Arrivals { joined, overtaking })
}

/// How many openings are promised: mostly none, now and then more than were said to be open since.
pub(super) fn promised() -> impl Strategy<Value = u32> {
    prop_oneof![2 => Just(0), 1 => 1..4_u32]
}

pub(super) fn offered(ids: u128) -> impl Strategy<Value = Offered> {
    let audience = prop_oneof![4 => Just(vec![Audience::Students]), 1 => several(Audience::ALL, 2)];
    let facts =
        (facts(), any::<bool>()).prop_map(|(facts, is_plain)| if is_plain { plain(facts) } else { facts });
    let evidence = (weighted(0.4, tracks()), weighted(0.3, arrivals()), promised())
        .prop_map(|(track, arrivals, promised)| Evidence { track, arrivals, promised });
    let known = (weighted(0.7, claims()), evidence);
    (0..ids, mostly(places()), facts, audience, known, partnerships(), written()).prop_map(
        |(id, place, facts, audience, (claim, evidence), partnerships, written)| Offered {
            id: offering_id(id),
            place,
            facts,
            audience,
            claim,
            evidence,
            partnerships,
            written,
        },
    )
}

/// A few words of the pool, so that some are alike, misspelt, synonymous or the beginning of another.
fn texts() -> impl Strategy<Value = String> {
    let pool = [
        "Harbor",
        "Harbour",
        "Harbors",
        "Grief",
        "Brief",
        "Counseling",
        "Counsel",
        "Therapy",
        "of",
        "the",
        "Consejería",
        "Kreyòl",
        "Food",
        "Pantry",
        "groceries",
        "Lawrence",
        "Lawrense",
        "Family",
        "家庭",
        "ខ្មែរ",
        "TF-CBT",
        "children's",
    ];
    vec(select(pool.to_vec()), 1..4).prop_map(|words| words.join(" "))
}

fn written() -> impl Strategy<Value = Written> {
    let organization =
        (texts(), seldom(texts()), seldom(texts()), seldom(select(FacilityType::ALL.to_vec())));
    let service = (texts(), seldom(texts()), seldom(several(ServiceSetting::ALL, 2)));
    let location = (texts(), seldom(texts()), seldom(select(postal_codes())));
    (mostly(organization), mostly(service), mostly(location)).prop_map(|(organization, service, location)| {
        Written {
            organization: organization.map(|(name, alternate_name, description, facility_type)| {
                from_json(json!({"name": name, "alternate_name": alternate_name, "description": description,
                    "engagement": "listed", "facility_type": facility_type}))
            }),
            service: service.map(|(name, description, settings)| {
                from_json(json!({"organization_id": Uuid::nil(), "name": name, "description": description,
                    "status": "active", "audience": [], "settings": settings}))
            }),
            location: location.map(|(name, city, postal_code)| {
                from_json(json!({"name": name, "city": city, "postal_code": postal_code}))
            }),
        }
    })
}

fn from_json<T: DeserializeOwned>(facts: serde_json::Value) -> T {
    serde_json::from_value(facts).unwrap()
}

fn words() -> impl Strategy<Value = Words> {
    let pool = [
        "harbor",
        "harbr",
        "Harbuor",
        "ha",
        "grief",
        "greif",
        "coun",
        "counselling",
        "counselor",
        "theraphy",
        "consejeria",
        "kreyol",
        "creole",
        "food",
        "food bank",
        "food pantry",
        "groceries",
        "lawrence",
        "lawrance",
        "family",
        "families",
        "the",
        "家",
        "家庭",
        "ខ្មែរ",
        "tf-cbt",
        "01840",
        "spanish",
        "chinese",
        "autism",
        "autistic",
        "autism spectrum",
        "abuse",
        "sexual abuse",
        "adhd",
        "hyperactiv",
        "after school",
        "medicaid",
        "outpatient",
        "hospital",
        "wheelchair",
        "students",
        "video",
        "online",
        "kids",
        "bullyng",
    ];
    vec(select(pool.to_vec()), 1..3).prop_filter_map("says nothing", |words| words.join(" ").parse().ok())
}

pub(super) fn worlds(most: usize) -> impl Strategy<Value = World> {
    let plans = vec((0..4_u8, plan_infos()), 0..5);
    (vec(offered(10_000), 0..most), plans).prop_map(|(offerings, plans)| World {
        offerings: offerings.into_iter().map(|offered| (offered.id, offered)).collect(),
        plans: plans.into_iter().map(|(number, info)| (plan(number), info)).collect(),
    })
}

fn asks<T: Clone + Debug + 'static>(values: &[T]) -> impl Strategy<Value = Ask<T>> + use<T> {
    (vec(select(values.to_vec()), 0..4), prop::bool::weighted(0.75)).prop_map(|(values, any)| {
        if any { Ask::AnyOf(values) } else { Ask::AllOf(values.into_iter().take(2).collect()) }
    })
}

fn criteria() -> impl Strategy<Value = Criteria> {
    let coverage: Vec<CoverageAsk> = (CoverageCategory::ALL[..4].iter().map(|c| CoverageAsk::Category(*c)))
        .chain((0..6).map(|number| CoverageAsk::Plan(plan(number))))
        .collect();
    let language = (asks(&tags()), weighted(0.4, select(LanguageMode::ALL.to_vec())))
        .prop_map(|(tags, mode)| LanguageAsk { tags, mode });
    let age = prop_oneof![
        age_ranges(),
        (0..60_u8).prop_map(|halves| AgeRange::exactly(f64::from(halves) / 2.0).unwrap()),
        (3..13_u8).prop_map(|age| AgeRange::new(f64::from(age), f64::from(age) + 2.0).unwrap()),
    ];
    let first = (
        seldom(language),
        seldom(asks(Tier::ALL)),
        seldom(asks(&coverage)),
        seldom(asks(&needs())),
        seldom(age),
        seldom(asks(Modality::ALL)),
    );
    let second = (
        seldom(asks(&populations())),
        seldom(asks(&practices())),
        seldom(asks(ScheduleKind::ALL)),
        seldom(asks(&features())),
        seldom(select(vec![AvailabilityAsk::Open, AvailabilityAsk::Waitlist])),
    );
    (first, second).prop_map(|(first, second)| {
        let (language, tier, coverage, need, age, modality) = first;
        let (population, practice, schedule, accessibility, availability) = second;
        Criteria {
            language,
            tier,
            coverage,
            need,
            age,
            modality,
            population,
            practice,
            schedule,
            accessibility,
            availability,
        }
    })
}

fn preferences() -> impl Strategy<Value = Preferred> {
    (
        several(&tags(), 2),
        several(&needs(), 1),
        several(&populations(), 2),
        several(&practices(), 2),
        several(Modality::ALL, 1),
        several(ScheduleKind::ALL, 1),
        several(&features(), 1),
    )
        .prop_map(|(languages, needs, populations, practices, modalities, schedules, accessibility)| {
            Preferred { languages, needs, populations, practices, modalities, schedules, accessibility }
        })
}

fn residences() -> impl Strategy<Value = Residence> {
    let text = |values: &[&str]| select(values.iter().map(ToString::to_string).collect::<Vec<_>>());
    (
        weighted(0.7, select(postal_codes())),
        weighted(0.7, text(&["Lawrence", "LAWRENCE", "Methuen", "Boston", "Manchester"])),
        weighted(0.7, text(&["Essex", "Suffolk"])),
        weighted(0.8, text(&["MA", "ma", "NH"])),
        weighted(0.8, homes()),
        any::<bool>(),
    )
        .prop_map(|(postal_code, town, county, state, at, assumed)| Residence {
            postal_code,
            town,
            county,
            state,
            at,
            assumed,
        })
}

pub(super) fn questions() -> impl Strategy<Value = Question> {
    let radius = prop_oneof![4 => 1.0..60.0, 1 => Just(0.0), 1 => Just(500.0), 1 => Just(20_037.0)];
    let district = prop_oneof![1 => Just(Vec::new()), 2 => several(&districts(), 2)];
    let school = weighted(0.6, select(schools()));
    let where_ = (places(), radius, residences(), school, district, weighted(0.4, words()));
    let audience = prop_oneof![4 => Just(vec![Audience::Students]), 1 => several(Audience::ALL, 2)];
    let wish = prop_oneof![Just(Preferred::default()), preferences()];
    let when =
        (0..10_i64, jitters(), select(vec![Urgency::Routine, Urgency::Urgent]), weighted(0.1, 0.0..40.0));
    let required = prop_oneof![1 => Just(Criteria::default()), 4 => criteria()];
    (where_, audience, required, wish, when).prop_map(
        |(
            (origin, radius_km, residence, school, districts, words),
            audience,
            required,
            preferred,
            (day, jitter, urgency, max_wait_days),
        )| {
            Question {
                origin,
                radius_km,
                residence,
                school,
                districts,
                audience,
                words,
                required,
                preferred,
                urgency,
                max_wait_days,
                now: after(day) + SignedDuration::from_nanos(jitter),
            }
        },
    )
}
