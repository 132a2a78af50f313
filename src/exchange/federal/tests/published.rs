//! The volume of 2022 as published, against a tally made apart from this code (Python, openpyxl).

use std::collections::{BTreeMap, HashMap, HashSet};

use super::*;

#[test]
fn the_published_volume_is_read_whole_and_as_it_was_counted_elsewhere() {
    let name = "federal-directory/National_Directory_MH_Facilities_2022.xlsx";
    let Some(path) = crate::exchange::shared_data::file(name) else {
        return;
    };
    let places: HashMap<PostalCode, Coordinates> =
        postal_codes::embedded().iter().map(|place| (place.postal_code, place.at)).collect();
    let reading = read(&path, &|code| places.get(&code).copied()).unwrap();
    assert_eq!((reading.read, reading.rows.len(), reading.rejects.len()), (9_037, 9_037, 0));
    assert_eq!((reading.rows[0].number, reading.rows[9_036].number), (2, 9_038));

    let organizations: HashMap<_, _> = reading.rows.iter().map(organization).collect();
    assert_eq!(organizations.len(), 5_426);
    assert_eq!(organizations.values().filter(|facts| facts.facility_type.is_some()).count(), 4_760);
    for row in &reading.rows {
        let (id, facts) = organization(row);
        assert_eq!(&organizations[&id], &facts, "row {}", row.number);
    }
    let offerings: HashSet<_> = reading.rows.iter().map(|row| offering(row).0).collect();
    assert_eq!(offerings.len(), 9_037);

    let expected = BTreeMap::from([
        ("language es provider", 2_669),
        ("language ase interpreter", 5_314),
        ("language zh provider", 221),
        ("language crp provider", 196),
        ("language fa provider", 142),
        ("language nai provider", 34),
        ("any language", 6_380),
        ("coverage medicaid", 7_968),
        ("coverage sliding_fee", 3_497),
        ("coverage safety_net", 2_133),
        ("coverage commercial", 7_491),
        ("coverage state_program", 5_335),
        ("any coverage", 8_904),
        ("population lgbtq", 2_886),
        ("population trauma_survivors", 4_609),
        ("need co_occurring_disorders", 7_482),
        ("need suicidality", 6_261),
        ("practice cbt", 8_260),
        ("practice emdr", 1_704),
        ("modality telehealth_video", 7_053),
        ("modality in_person", 8_966),
        ("any modality", 8_998),
        ("emergency crisis_team", 4_235),
        ("any age", 9_004),
        ("age 10 accepted", 6_252),
        ("age 15 unknown", 9_004),
        ("no coordinates", 74),
        ("intake phones", 5_391),
    ]);
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    let mut count = |key: String, by: usize| *counted.entry(key).or_default() += by;
    for row in &reading.rows {
        let (offering, service) = (offering(row).1, service(row).1);
        for one in languages(offering) {
            count(format!("language {one}"), 1);
        }
        count("any language".into(), usize::from(offering.languages.is_some()));
        let coverage = offering.coverage.clone().map(|one| one.categories);
        for (kind, listed) in [
            ("coverage", codes(coverage.as_ref())),
            ("population", codes(offering.populations.as_ref())),
            ("need", codes(offering.needs.as_ref())),
            ("practice", codes(offering.practices.as_ref())),
            ("modality", codes(offering.modalities.as_ref())),
            ("emergency", codes(service.emergency_services.as_ref())),
        ] {
            count(format!("any {kind}"), usize::from(!listed.is_empty()));
            for one in listed {
                count(format!("{kind} {one}"), 1);
            }
        }
        if let Some(ages) = &offering.ages {
            count("any age".into(), 1);
            let accept = |years| ages.accept(AgeRange::exactly(years).unwrap());
            count("age 10 accepted".into(), usize::from(accept(10.0) == Truth::Yes));
            count("age 15 unknown".into(), usize::from(accept(15.0) == Truth::Unknown));
        }
        count("no coordinates".into(), usize::from(location(row).1.coordinates.is_none()));
        count("intake phones".into(), service.intake_phones.len());
    }
    for (key, number) in expected {
        assert_eq!(counted.get(key), Some(&number), "{key}");
    }
    let notes: Vec<(&str, u64)> = reading.notes.iter().map(|(note, rows)| (note.as_str(), *rows)).collect();
    assert_eq!(
        notes,
        [
            ("ZIP code whose place is not known: no coordinates", 74),
            ("code FX (Other languages (excluding Spanish)) names no language that is known", 902),
        ]
    );
}
