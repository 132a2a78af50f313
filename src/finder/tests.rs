//! The finder against a look at every offering.

mod demonstration;
mod partnerships;
mod waiting;

use proptest::prelude::*;
use rstar::{Envelope, ParentNode, RTreeNode, RTreeObject};

use super::arbitrary::{
    beginning, claims, offered, offering_id, partnerships, places, plan, plan_infos, promised, questions,
    worlds,
};
use super::eligibility::{Asked, Via};
use super::envelope::{FacetEnvelope, Site};
use super::oracle::{Match, Offered, World, Written};
use super::scoring::{Scoring, Travel};
use super::*;
use crate::availability::Evidence;
use crate::directory::OfferedLanguage;
use crate::types::{AgeRange, Coordinates, Criterion, Grain, LanguageMode, LanguageTag, OfferingId, Truth};

const SORTS: [Sort; 3] = [Sort::Match, Sort::Distance, Sort::Wait];

fn profiles() -> impl Strategy<Value = RankingProfile> {
    prop_oneof![
        Just(RankingProfile::default()),
        (0..5, 0..3, 0..3, 0..3, 0..3, 0..3, 0..3, 0..3).prop_map(
            |(time_to_care, travel, language, fit, relationship, reliability, confirmation, words)| {
                let [time_to_care, travel, language, fit, relationship, reliability, confirmation, words] =
                    [time_to_care, travel, language, fit, relationship, reliability, confirmation, words]
                        .map(f64::from);
                let weights = Weights {
                    time_to_care,
                    travel,
                    language,
                    fit,
                    relationship,
                    reliability,
                    confirmation,
                    words,
                };
                RankingProfile::new("test", 1, weights, 0.25).unwrap_or_default()
            }
        ),
    ]
}

fn build(world: &World) -> Index {
    Index::build(
        world.offerings.values().map(Offered::entry),
        world.plans.iter().map(|(id, info)| (*id, *info)),
    )
}

fn matches(answer: &Answer) -> Vec<Match> {
    answer.hits.iter().map(as_match).collect()
}

fn as_match(hit: &Hit) -> Match {
    Match { offering: hit.offering, distance_km: hit.distance_km, wait: hit.wait, score: hit.score }
}

/// One page, all pages, and the total.
fn check(
    index: &Index,
    world: &World,
    question: &Question,
    profile: &RankingProfile,
    limit: usize,
) -> Result<(), TestCaseError> {
    for sort in SORTS {
        let expected = world.answer(question, sort, profile);
        let search = Search { sort, limit, explain: false, ..Search::new(question) };
        let answer = index.search(&search, profile);
        let found = matches(&answer);
        prop_assert_eq!(&found[..], &expected[..limit.min(expected.len())], "{:?}", sort);
        prop_assert_eq!(answer.total, Total { value: expected.len(), exact: true });
        if let Some(count_to) = expected.len().checked_sub(1).filter(|fewer| *fewer > 0) {
            let answer = index.search(&Search { count_to, ..search }, profile);
            prop_assert_eq!(answer.total, Total { value: count_to, exact: false });
        }
        let mut paged = Vec::new();
        let mut after = None;
        loop {
            let page = index.search(&Search { limit: 1 + limit / 4, after, ..search }, profile);
            prop_assert_eq!(page.total, answer.total);
            let Some(last) = page.hits.last() else { break };
            let cursor = serde_json::to_string(&last.key).unwrap();
            after = Some(serde_json::from_str(&cursor).unwrap());
            paged.extend(matches(&page));
            prop_assert!(paged.len() <= expected.len(), "pages repeat themselves");
        }
        prop_assert_eq!(&paged, &expected, "{:?}", sort);
    }
    Ok(())
}

/// Near misses of every criterion, in order, with their totals.
fn check_near_misses(
    index: &Index,
    world: &World,
    question: &Question,
    profile: &RankingProfile,
    limit: usize,
) -> Result<(), TestCaseError> {
    let mut found = index.near_misses(question, profile, limit).into_iter().peekable();
    for criterion in Criterion::ALL {
        let expected = world.near_misses(question, *criterion, profile);
        let Some(near) = found.next_if(|near| near.criterion == *criterion) else {
            prop_assert!(expected.iter().all(Vec::is_empty), "{criterion}: {expected:?}");
            continue;
        };
        prop_assert!(expected.iter().any(|list| !list.is_empty()), "{criterion}: {near:?}");
        for (missed, expected) in [near.mismatch, near.unverified].iter().zip(&expected) {
            let hits: Vec<Match> = missed.hits.iter().map(|miss| as_match(&miss.hit)).collect();
            prop_assert_eq!(&hits[..], &expected[..limit.min(expected.len())], "{}", criterion);
            prop_assert_eq!(missed.total, Total { value: expected.len(), exact: true });
            prop_assert!(missed.hits.iter().all(|miss| miss.gives.len() > 10), "{:?}", missed.hits);
        }
    }
    prop_assert!(found.next().is_none());
    Ok(())
}

fn check_judgements(index: &Index, world: &World, question: &Question) -> Result<(), TestCaseError> {
    for offered in world.offerings.values() {
        let mut judged = index.judge(offered.id, question).unwrap();
        let mut expected = world.judge(offered, question);
        judged.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(judged, expected, "{:?}", offered);
    }
    prop_assert_eq!(index.judge(offering_id(u128::MAX), question), None);
    Ok(())
}

/// Every node of the tree has exactly the merge of its children.
fn check_envelopes(node: &ParentNode<Site>) -> FacetEnvelope {
    let children = node.children().iter().map(|child| match child {
        RTreeNode::Leaf(site) => site.envelope(),
        RTreeNode::Parent(parent) => check_envelopes(parent),
    });
    let merged = children.fold(FacetEnvelope::new_empty(), |all, child| all.merged(&child));
    assert_eq!(node.envelope(), merged);
    merged
}

/// No leaf comes before what is said of a node above it.
fn check_bounds(index: &Index, node: &ParentNode<Site>, asked: &Asked<'_>, scoring: &Scoring<'_>) {
    let envelope = node.envelope();
    let bound = scoring.bound(&envelope, Travel::AtLeast(envelope.chord_2_from(&asked.origin)));
    for site in sites(node) {
        let leaf = index.leaf(site.slot);
        let reach = asked.reach(leaf);
        if reach.via == Some(Via::Place) {
            assert!(bound <= scoring.key(leaf, &reach), "{bound:?} {leaf:?}");
        }
    }
    for child in node.children() {
        if let RTreeNode::Parent(parent) = child {
            check_bounds(index, parent, asked, scoring);
        }
    }
}

fn sites(node: &ParentNode<Site>) -> Vec<&Site> {
    let below = node.children().iter().map(|child| match child {
        RTreeNode::Leaf(site) => vec![site],
        RTreeNode::Parent(parent) => sites(parent),
    });
    below.flatten().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn answers_are_those_of_a_full_look(
        world in worlds(60), asked in prop::collection::vec(questions(), 4), profile in profiles(), limit in 1..30_usize,
    ) {
        let index = build(&world);
        for question in &asked {
            check(&index, &world, question, &profile, limit)?;
            check_judgements(&index, &world, question)?;
            check_near_misses(&index, &world, question, &profile, limit)?;
        }
    }

    #[test]
    fn many_that_are_alike_keep_their_order(
        alike in prop::collection::vec(offered(1), 1..4), spots in prop::collection::vec(places(), 1..3),
        picks in prop::collection::vec((0..9_usize, 0..9_usize, 0..100_000_u128), 0..200), question in questions(),
        limit in 1..100_usize,
    ) {
        let mut world = World::default();
        for (kind, spot, id) in picks {
            let id = offering_id(id);
            let place = Some(spots[spot % spots.len()]);
            world.offerings.insert(id, Offered { id, place, ..alike[kind % alike.len()].clone() });
        }
        let bare = Question { origin: spots[0], required: Criteria::default(), ..question.clone() };
        let index = build(&world);
        check(&index, &world, &bare, &RankingProfile::default(), limit)?;
        check(&index, &world, &question, &RankingProfile::default(), limit)?;
    }

    #[test]
    fn changes_in_any_order_lead_to_the_same_answers(
        world in worlds(40), changes in prop::collection::vec(changes(), 0..120), asked in prop::collection::vec(questions(), 3),
    ) {
        let mut world = world;
        let mut index = build(&world);
        let mut revision = 0;
        for change in changes {
            revision += u64::from(change.make(&mut index, &mut world));
            prop_assert_eq!(index.revision(), revision);
        }
        check_envelopes(index.tree_root());
        prop_assert_eq!(index.len(), world.offerings.len());
        for question in &asked {
            check(&index, &world, question, &RankingProfile::default(), 10)?;
            check_judgements(&index, &world, question)?;
            check_near_misses(&index, &world, question, &RankingProfile::default(), 3)?;
        }
    }

    #[test]
    fn no_leaf_is_better_than_its_nodes_say(world in worlds(60), question in questions(), profile in profiles()) {
        let index = build(&world);
        let question = Question { radius_km: 20_037.0, ..question };
        let asked = index.resolve(&question);
        for sort in SORTS {
            let scoring = index.scoring(&asked, sort, &profile);
            check_bounds(&index, index.tree_root(), &asked, &scoring);
        }
    }

    #[test]
    fn what_a_site_says_is_never_wrongly_no_and_nothing_else_than_the_truth_where_it_is_exact(
        world in worlds(60), question in questions(),
    ) {
        let index = build(&world);
        let only = |ask| Criteria { availability: Some(ask), ..Criteria::default() };
        let asks = [question.required.clone(), only(AvailabilityAsk::Open), only(AvailabilityAsk::Waitlist)];
        for required in asks {
            let question = Question { required, ..question.clone() };
            let asked = index.resolve(&question);
            for site in sites(index.tree_root()) {
                let leaf = index.leaf(site.slot);
                let mut truths = asked.truths(leaf).filter(|(criterion, _)| *criterion != Criterion::Restriction);
                let holds = asked.serves_audience(leaf) && truths.all(|(_, truth)| truth == Truth::Yes);
                let may_match = asked.may_match(&site.envelope.summary);
                prop_assert!(may_match == holds || (may_match && !site.is_exact), "{may_match} {leaf:?}");
            }
        }
    }

    #[test]
    fn an_explanation_is_the_computation(world in worlds(30), question in questions(), profile in profiles()) {
        let index = build(&world);
        let search = Search { limit: 100, ..Search::new(&question) };
        for hit in index.search(&search, &profile).hits {
            let sum = hit.contributions.iter().fold(0.0, |sum, part| sum + part.contribution);
            prop_assert_eq!(sum.to_bits(), hit.score.to_bits());
            prop_assert!(hit.contributions.iter().all(|part| !part.reason.is_empty()));
            prop_assert!(hit.reasons.iter().all(|reason| !reason.text.is_empty()));
        }
    }
}

#[derive(Clone, Debug)]
enum Change {
    Apply(Box<Offered>),
    Replace(usize, Option<crate::availability::Claim>),
    Promise(usize, u32),
    Agree(usize, Vec<crate::directory::PartnershipFacts>),
    Remove(usize),
    Plan(u8, PlanInfo),
}

fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => offered(300).prop_map(|offered| Change::Apply(Box::new(offered))),
        2 => (any::<usize>(), prop::option::of(claims())).prop_map(|(which, claim)| Change::Replace(which, claim)),
        2 => (any::<usize>(), promised()).prop_map(|(which, promised)| Change::Promise(which, promised)),
        2 => (any::<usize>(), partnerships()).prop_map(|(which, agreed)| Change::Agree(which, agreed)),
        3 => any::<usize>().prop_map(Change::Remove),
        1 => (0..5_u8, plan_infos()).prop_map(|(number, info)| Change::Plan(number, info)),
    ]
}

impl Change {
    /// Whether it changes anything.
    fn make(self, index: &mut Index, world: &mut World) -> bool {
        let known = |which: usize| {
            let ids: Vec<OfferingId> = world.offerings.keys().copied().collect();
            (!ids.is_empty()).then(|| ids[which % ids.len()])
        };
        match self {
            Self::Apply(offered) => {
                index.apply(offered.entry());
                world.offerings.insert(offered.id, *offered);
                true
            }
            Self::Replace(which, claim) => {
                let Some(offered) = known(which).and_then(|id| world.offerings.get_mut(&id)) else {
                    return false;
                };
                offered.claim = claim;
                index.apply(offered.entry());
                true
            }
            Self::Promise(which, promised) => {
                let Some(offered) = known(which).and_then(|id| world.offerings.get_mut(&id)) else {
                    return false;
                };
                offered.evidence.promised = promised;
                index.apply(offered.entry());
                true
            }
            Self::Agree(which, agreed) => {
                let Some(offered) = known(which).and_then(|id| world.offerings.get_mut(&id)) else {
                    return false;
                };
                offered.partnerships = agreed;
                index.apply(offered.entry());
                true
            }
            Self::Remove(which) => {
                let Some(id) = known(which) else {
                    return index.remove(offering_id(7));
                };
                world.offerings.remove(&id);
                index.remove(id)
            }
            Self::Plan(number, info) => {
                index.set_plan(plan(number), info);
                world.plans.insert(plan(number), info);
                true
            }
        }
    }
}

/// An offering that says nothing but what `facts` does, at Lawrence.
fn simple(id: u128, facts: impl FnOnce(&mut crate::directory::OfferingFacts)) -> Offered {
    let json = r#"{"service_id":"00000000-0000-0000-0000-000000000000","grain":"team"}"#;
    let mut offered = Offered {
        id: offering_id(id),
        place: Some(lawrence()),
        facts: serde_json::from_str(json).unwrap(),
        audience: vec![crate::types::Audience::Students],
        claim: None,
        evidence: Evidence::default(),
        partnerships: Vec::new(),
        written: Written::default(),
    };
    facts(&mut offered.facts);
    offered
}

fn lawrence() -> Coordinates {
    Coordinates::new(42.707, -71.163).unwrap()
}

fn world_of(offerings: impl IntoIterator<Item = Offered>) -> World {
    World {
        offerings: offerings.into_iter().map(|offered| (offered.id, offered)).collect(),
        ..World::default()
    }
}

#[test]
fn more_languages_than_bits_are_told_apart() {
    let codes: Vec<LanguageTag> =
        LanguageTag::vocabulary().terms.iter().take(150).map(|term| term.code.parse().unwrap()).collect();
    let world = world_of(codes.iter().zip(0..).map(|(tag, id)| {
        simple(id, |facts| {
            facts.languages =
                Some(vec![OfferedLanguage { language: tag.clone(), mode: LanguageMode::Provider }]);
        })
    }));
    let index = build(&world);
    for tag in &codes {
        let mut question = Question::near(lawrence(), beginning());
        question.required.language =
            Some(LanguageAsk { tags: Ask::AnyOf(vec![tag.clone()]), mode: Some(LanguageMode::Provider) });
        let found = matches(&index.search(&Search::new(&question), &RankingProfile::default()));
        assert_eq!(found, world.answer(&question, Sort::Match, &RankingProfile::default()), "{tag}");
        assert!(!found.is_empty());
    }
}

#[test]
fn a_place_exactly_at_the_radius_is_inside() {
    let mut far = simple(1, |_| ());
    for (latitude, longitude) in [(42.9, -71.3), (42.0, -71.0), (43.9, -70.0), (40.0, -75.0)] {
        let place = Coordinates::new(latitude, longitude).unwrap();
        far.place = Some(place);
        let index = build(&world_of([far.clone()]));
        let mut question = Question::near(lawrence(), beginning());
        question.radius_km = place.distance_km(lawrence());
        assert_eq!(index.search(&Search::new(&question), &RankingProfile::default()).hits.len(), 1);
        question.radius_km = question.radius_km.next_down();
        assert_eq!(index.search(&Search::new(&question), &RankingProfile::default()).hits.len(), 0);
    }
}

#[test]
fn totals_stop_at_the_cap() {
    let world = world_of((0..1500).map(|id| simple(id, |_| ())));
    let index = build(&world);
    let question = Question::near(lawrence(), beginning());
    let total = |count_to| {
        index.search(&Search { count_to, ..Search::new(&question) }, &RankingProfile::default()).total
    };
    assert_eq!(total(1000), Total { value: 1000, exact: false });
    assert_eq!(total(1500), Total { value: 1500, exact: true });
    assert_eq!(total(0), Total { value: 0, exact: false });
}

#[test]
fn each_kind_of_near_miss_is_counted_to_its_own_cap() {
    let listed = |needs: &'static str| {
        move |facts: &mut crate::directory::OfferingFacts| facts.needs = Some(vec![needs.parse().unwrap()])
    };
    let stated = (0..1200).map(|id| simple(id, listed("grief")));
    let unstated = (2000..2300).map(|id| simple(id, |_| ()));
    let index = build(&world_of(stated.chain(unstated)));
    let mut question = Question::near(lawrence(), beginning());
    question.required.need = Some(Ask::AnyOf(vec!["trauma".parse().unwrap()]));
    let near = index.near_misses(&question, &RankingProfile::default(), 3);
    let [NearMisses { criterion: Criterion::Need, mismatch, unverified }] = near.as_slice() else {
        panic!("{near:?}")
    };
    assert_eq!(mismatch.total, Total { value: 1000, exact: false });
    assert_eq!(unverified.total, Total { value: 300, exact: true });
    assert_eq!((mismatch.hits.len(), unverified.hits.len()), (3, 3));
}

#[test]
fn numbers_that_are_none_find_nothing_and_do_not_panic() {
    let index = build(&world_of([simple(1, |_| ())]));
    let mut question = Question::near(lawrence(), beginning());
    for radius_km in [f64::NAN, -1.0, f64::NEG_INFINITY] {
        question.radius_km = radius_km;
        assert!(index.search(&Search::new(&question), &RankingProfile::default()).hits.is_empty());
    }
    question.radius_km = 50.0;
    question.max_wait_days = Some(f64::NAN);
    assert!(index.search(&Search::new(&question), &RankingProfile::default()).hits.is_empty());
    question.max_wait_days = None;
    assert_eq!(
        index.search(&Search { limit: 0, ..Search::new(&question) }, &RankingProfile::default()).total.value,
        1
    );
    let empty = Index::default().search(&Search::new(&question), &RankingProfile::default());
    assert_eq!((empty.hits.len(), empty.total), (0, Total { value: 0, exact: true }));
}

#[test]
fn reasons_are_sentences_for_a_coordinator() {
    let claim: crate::availability::Claim = {
        use crate::availability::{Claim, ClaimMethod};
        use crate::types::{AvailabilityStatus, CapacityPoolId, ClaimId};
        Claim {
            id: ClaimId::new(),
            capacity_pool_id: CapacityPoolId::new(),
            status: AvailabilityStatus::Capacity,
            open_slots: Some(2),
            waiting: None,
            starts_last_28_days: None,
            next_available_date: None,
            notes: None,
            reported_at: beginning() - jiff::SignedDuration::from_hours(80),
            reported_by: "intake".to_owned(),
            method: ClaimMethod::Agency,
            valid_until: beginning() + jiff::SignedDuration::from_hours(48),
        }
    };
    let mut offered = simple(1, |facts| {
        facts.grain = Grain::Facility;
        facts.languages =
            Some(vec![OfferedLanguage { language: "yue".parse().unwrap(), mode: LanguageMode::Interpreter }]);
        facts.needs = Some(vec!["trauma".parse().unwrap()]);
        facts.service_area = Some(serde_json::from_str(r#"{"states":["MA"]}"#).unwrap());
        facts.modalities = Some(vec![crate::types::Modality::TelehealthVideo]);
    });
    offered.claim = Some(claim);
    let index = build(&world_of([offered]));
    let mut question = Question::near(lawrence(), beginning());
    question.residence = Residence { state: Some("MA".to_owned()), assumed: true, ..Residence::default() };
    question.required.language =
        Some(LanguageAsk { tags: Ask::AnyOf(vec!["zh".parse().unwrap()]), mode: None });
    question.required.need = Some(Ask::AnyOf(vec!["trauma".parse().unwrap()]));
    question.required.availability = Some(AvailabilityAsk::Open);
    let answer = index.search(&Search::new(&question), &RankingProfile::default());
    let hit = &answer.hits[0];
    let mut told: Vec<String> =
        hit.reasons.iter().map(|reason| format!("{}: {}", reason.criterion, reason.text)).collect();
    told.extend(hit.contributions.iter().map(|part| format!("{:?}: {}", part.factor, part.reason)));
    insta::assert_snapshot!(told.join("\n"), @r"
    location: comes to where the student lives: by video (the residence was assumed to be where the search starts)
    need: serves Trauma
    language: Cantonese for Chinese through an interpreter
    availability: open, 2 slots, said 3 days ago
    restriction: serves residents of the state that the student lives in (the residence was assumed to be where the search starts)
    TimeToCare: open, 2 slots, said 3 days ago
    Travel: no travel
    Language: Cantonese for Chinese through an interpreter
    Reliability: nothing observed yet: counted as the middle
    Confirmation: listed, not confirmed together; availability said 3 days ago
    ");
}

#[test]
fn an_age_is_asked_with_its_whole_range() {
    let index = build(&world_of([simple(1, |facts| {
        facts.ages = Some(
            serde_json::from_str(r#"{"accepted":[{"min":5,"max":13}],"unstated":[{"min":13,"max":18}]}"#)
                .unwrap(),
        );
    })]));
    let truth = |min, max| {
        let mut question = Question::near(lawrence(), beginning());
        question.required.age = AgeRange::new(min, max);
        index
            .judge(offering_id(1), &question)
            .unwrap()
            .into_iter()
            .find(|(criterion, _)| *criterion == Criterion::Age)
    };
    assert_eq!(truth(5.0, 13.0), Some((Criterion::Age, Truth::Yes)));
    assert_eq!(truth(12.0, 14.0), Some((Criterion::Age, Truth::Unknown)));
    assert_eq!(truth(17.0, 19.0), Some((Criterion::Age, Truth::No)));
}
