//! Partnerships in the finder: what the property tests of the parent do not say in words.

use jiff::SignedDuration;
use uuid::Uuid;

use super::*;
use crate::directory::PartnershipFacts;
use crate::types::{DistrictId, Modality, SchoolId};

fn school(number: u128) -> SchoolId {
    SchoolId(Uuid::from_u128(number))
}

fn district(number: u128) -> DistrictId {
    DistrictId(Uuid::from_u128(number))
}

/// An agreement that says what `json` does.
fn agreement(json: &serde_json::Value) -> PartnershipFacts {
    let mut facts = serde_json::json!({"organization_id": Uuid::nil()});
    facts.as_object_mut().unwrap().extend(json.as_object().unwrap().clone());
    serde_json::from_value(facts).unwrap()
}

fn from_school(number: u128, districts: &[u128]) -> Question {
    let districts = districts.iter().map(|number| district(*number)).collect();
    Question { school: Some(school(number)), districts, ..Question::near(lawrence(), beginning()) }
}

#[test]
fn what_is_on_several_rosters_of_the_student_is_met_once() {
    let mut offered = simple(1, |facts| facts.modalities = Some(vec![Modality::InSchool]));
    offered.place = None;
    offered.partnerships = vec![
        agreement(&serde_json::json!({"schools": [school(1), school(2)]})),
        agreement(&serde_json::json!({"schools": [school(1)], "ends_on": "2026-03-01"})),
        agreement(&serde_json::json!({"district_id": district(1)})),
        agreement(&serde_json::json!({"district_id": district(9)})),
    ];
    let index = build(&world_of([offered]));
    for (question, expected) in [
        (from_school(1, &[1, 9]), 1),
        (from_school(3, &[1, 9, 1]), 1),
        (from_school(3, &[9]), 1),
        (from_school(2, &[]), 1),
        (from_school(3, &[2]), 0),
    ] {
        let answer = index.search(&Search::new(&question), &RankingProfile::default());
        assert_eq!((answer.hits.len(), answer.total.value), (expected, expected), "{question:?}");
    }
}

#[test]
fn an_agreement_is_in_force_on_its_first_and_last_day() {
    let mut offered = simple(1, |_| ());
    offered.partnerships = vec![agreement(
        &serde_json::json!({"district_id": district(1), "begins_on": "2026-03-03", "ends_on": "2026-03-05"}),
    )];
    let index = build(&world_of([offered]));
    let in_force: Vec<bool> = (0..5)
        .map(|day| {
            let now = beginning() + SignedDuration::from_hours(24 * day);
            let question = Question { now, ..from_school(1, &[1]) };
            let hit = index.search(&Search::new(&question), &RankingProfile::default()).hits.remove(0);
            hit.contributions.iter().any(|part| part.factor == Factor::Relationship && part.utility == 1.0)
        })
        .collect();
    assert_eq!(in_force, [false, true, true, true, false]);
}

#[test]
fn the_relationship_weighs_nothing_where_no_school_is_known() {
    let index = build(&world_of([simple(1, |_| ())]));
    let factors = |question: &Question| -> Vec<Factor> {
        let hit = index.search(&Search::new(question), &RankingProfile::default()).hits.remove(0);
        hit.contributions.iter().map(|part| part.factor).collect()
    };
    assert!(!factors(&Question::near(lawrence(), beginning())).contains(&Factor::Relationship));
    assert!(factors(&from_school(1, &[])).contains(&Factor::Relationship));
}

#[test]
fn a_partnership_is_told_in_a_sentence() {
    let mut offered = simple(1, |facts| facts.modalities = Some(vec![Modality::InSchool]));
    let mut told = |partnership: &serde_json::Value, question: &Question| {
        offered.partnerships = vec![agreement(partnership)];
        let index = build(&world_of([offered.clone()]));
        let hit = index.search(&Search::new(question), &RankingProfile::default()).hits.remove(0);
        let reasons = hit.reasons.iter().map(|reason| format!("{}: {}", reason.criterion, reason.text));
        let factor = hit.contributions.iter().find(|part| part.factor == Factor::Relationship).unwrap();
        reasons.chain([factor.reason.clone()]).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(
        told(
            &serde_json::json!({"district_id": district(1), "begins_on": "2025-09-01", "space_in_school": true, "transport_provided": true}),
            &from_school(1, &[1, 2]),
        ),
        @"
    location: given in the student's school, under a partnership
    partner of the district since 2025-09-01: space in school, transport provided
    "
    );
    insta::assert_snapshot!(
        told(
            &serde_json::json!({
                "schools": [school(1)], "ends_on": "2026-06-30", "reserved": true, "services": [Uuid::nil()],
                "space_in_school": false
            }),
            &from_school(1, &[]),
        ),
        @"
    location: given in the student's school, under a partnership
    restriction: reserved for students of partner schools, among them this one
    partner of the school, until 2026-06-30
    "
    );
    assert!(
        told(&serde_json::json!({"district_id": district(2)}), &from_school(1, &[1, 2]))
            .ends_with("\npartner of a collaborative of the district")
    );
    assert!(
        told(&serde_json::json!({"district_id": district(3)}), &from_school(1, &[1, 2]))
            .ends_with("\nno partnership with the school or its district in force today")
    );
}
