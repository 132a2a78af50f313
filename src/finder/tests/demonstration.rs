//! Near misses in the demonstration, near Hyannis: nothing holds all that is asked, and the single rule to bend is
//! shown with what a look at every offering finds best.

use super::*;
use crate::directory::{Placement, centre_of, centres_of, install_embedded};
use crate::exchange::{demonstration, postal_codes};
use crate::finder::oracle::Written;
use crate::finder::source::{Listing, every_listing, every_plan};
use crate::store::{Store, StoreOptions};
use crate::types::{Clock, CoverageCategory, Modality};

fn demonstrated(store: &Store) -> World {
    let offered = |listing: Listing| Offered {
        id: listing.offering.id,
        place: listing.placement.map(Placement::at),
        facts: listing.offering.facts,
        audience: listing.service.facts.audience.clone(),
        claim: listing.claim,
        evidence: listing.evidence,
        partnerships: listing.partnerships.to_vec(),
        written: Written {
            organization: Some(listing.organization.facts),
            service: Some(listing.service.facts),
            location: listing.location.map(|location| location.facts),
        },
    };
    let now = store.clock().now();
    store
        .read_now(|connection| {
            let centres = centres_of(connection)?;
            let mut world = World::default();
            every_listing(connection, &centres, now, |listing| {
                world.offerings.insert(listing.offering.id, offered(listing));
            })?;
            for plan in every_plan(connection)? {
                let info = PlanInfo {
                    category: plan.facts.category,
                    effective_from: plan.facts.effective_from,
                    effective_until: plan.facts.effective_until,
                };
                world.plans.insert(plan.id, info);
            }
            Ok(world)
        })
        .unwrap()
}

#[test]
fn near_hyannis_each_single_rule_bent_gives_what_a_look_at_every_offering_gives() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("demonstration.db").display()).parse().unwrap();
    Store::migrate(&url, None).unwrap();
    let store = Store::open(&url, StoreOptions::default(), Clock::System).unwrap();
    install_embedded(&store, postal_codes::embedded()).unwrap();
    demonstration::load(&store).unwrap();
    let world = demonstrated(&store);
    assert!(world.offerings.len() > 250);
    let hyannis =
        store.read_now(|connection| centre_of(connection, "02601".parse().unwrap())).unwrap().unwrap();
    let mut question = Question::near(hyannis.at, store.clock().now());
    question.radius_km = 20.0;
    question.residence = Residence {
        postal_code: Some(hyannis.postal_code),
        town: Some("Barnstable".to_owned()),
        county: hyannis.county,
        state: hyannis.state,
        at: Some(hyannis.at),
        assumed: true,
    };
    let required = &mut question.required;
    required.language = Some(LanguageAsk { tags: Ask::AnyOf(vec!["pt".parse().unwrap()]), mode: None });
    required.modality = Some(Ask::AnyOf(vec![Modality::InPerson]));
    required.coverage = Some(Ask::AnyOf(vec![CoverageAsk::Category(CoverageCategory::Medicaid)]));
    required.need = Some(Ask::AnyOf(vec!["trauma".parse().unwrap()]));
    required.age = AgeRange::exactly(9.0);
    let index = build(&world);
    let profile = RankingProfile::default();
    assert_eq!(index.search(&Search::new(&question), &profile).total, Total { value: 0, exact: true });
    check_near_misses(&index, &world, &question, &profile, 3).unwrap();
    let bent: Vec<Criterion> = index
        .near_misses(&question, &profile, 3)
        .iter()
        .filter(|near| !near.mismatch.hits.is_empty())
        .map(|near| near.criterion)
        .collect();
    let rules = [
        Criterion::Location,
        Criterion::Language,
        Criterion::Coverage,
        Criterion::Need,
        Criterion::Age,
        Criterion::Modality,
    ];
    assert!(rules.iter().all(|rule| bent.contains(rule)), "{bent:?}");
}
