//! What codes become.

use super::*;

#[test]
fn the_codes_of_a_row_become_facts_of_one_offering() {
    let codes_of =
        "MH SA * OP * OMH * CBT TELE * WI * CMHG MD * SS PA * GL TRMA * CHLD YAD * SP AH FX F17 F19";
    let reading = reading(&[with(codes_of)]);
    let row = &reading.rows[0];
    assert_eq!((row.number, row.statements.len(), reading.read), (2, 5, 1));
    let (_, offering) = offering(row);
    assert_eq!(offering.grain, Grain::Facility);
    assert_eq!(languages(offering), ["ase interpreter", "crp provider", "es provider", "zh provider"]);
    let coverage = offering.coverage.clone().unwrap();
    assert_eq!(codes(Some(&coverage.categories)), ["medicaid", "safety_net", "sliding_fee"]);
    assert_eq!(coverage.plans, []);
    assert_eq!(codes(offering.populations.as_ref()), ["lgbtq", "trauma_survivors"]);
    assert_eq!(codes(offering.needs.as_ref()), ["substance_use", "trauma"]);
    assert_eq!(codes(offering.practices.as_ref()), ["cbt"]);
    assert_eq!(codes(offering.modalities.as_ref()), ["in_person", "telehealth_video"]);
    assert_eq!(offering.partial, [Criterion::Language, Criterion::Need, Criterion::Population]);
    assert_eq!((&offering.service_area, &offering.tiers, &offering.schedule), (&None, &None, &None));
    assert_eq!(offering.location_id, Some(location(row).0));
    assert_eq!(offering.capacity_pool_id, Some(pool(row)));
    let (_, service) = service(row);
    assert_eq!(service.name, "Mental health and substance use services");
    assert_eq!(codes(service.settings.as_ref()), ["outpatient"]);
    assert_eq!(codes(service.emergency_services.as_ref()), ["walk_in"]);
    assert_eq!(service.source_codes, ["PAY:CMHG", "SL:FX", "TC:MH"]);
    assert_eq!(organization(row).1.facility_type, Some(FacilityType::OutpatientClinic));
}

#[test]
fn what_a_row_does_not_say_stays_unsaid() {
    let reading = reading(&[with("MH * CMHG")]);
    let (_, offering) = offering(&reading.rows[0]);
    assert_eq!((&offering.languages, &offering.coverage, &offering.ages), (&None, &None, &None));
    assert_eq!((&offering.needs, &offering.populations), (&None, &None));
    assert_eq!((&offering.practices, &offering.modalities), (&None, &None));
    assert_eq!(offering.partial, [Criterion::Need, Criterion::Population]);
}

#[test]
fn ages_are_what_the_codes_say_and_from_13_to_17_nothing_is_said() {
    let reading = reading(&[with("CHLD YAD")]);
    let range = |from, to| AgeRange::new(from, to).unwrap();
    let ages = offering(&reading.rows[0]).1.ages.clone().unwrap();
    let expected =
        Ages { accepted: vec![range(0.0, 13.0), range(18.0, 26.0)], unstated: vec![range(13.0, 18.0)] };
    assert_eq!(ages, expected);
    assert_eq!(ages.accept("4".parse::<Grade>().unwrap().ages()), Truth::Yes);
    assert_eq!(ages.accept("10".parse::<Grade>().unwrap().ages()), Truth::Unknown);
    assert_eq!(ages.accept(range(30.0, 31.0)), Truth::No);
}

#[test]
fn another_year_may_describe_its_age_groups_otherwise() {
    let mut reference = texts(REFERENCE);
    for line in &mut reference {
        if line[2] == "CHLD" {
            line[4] = "Facility accepts children/adolescents (17 or younger)".into();
        }
    }
    let reading = read_bytes(&volume(reference, list(&[with("CHLD")]))).unwrap();
    let ages = offering(&reading.rows[0]).1.ages.clone().unwrap();
    assert_eq!(ages, Ages { accepted: vec![AgeRange::new(0.0, 18.0).unwrap()], unstated: vec![] });
}

#[test]
fn a_code_that_the_reference_does_not_define_is_counted_and_not_guessed() {
    // F4 is Arabic in the table, but not in this workbook.
    let reading = reading(&[with("MH XYZ F4"), ["B", "", "2 Elm St", "MA", "01840", "", "XYZ"]]);
    assert_eq!(
        (reading.rows.len(), reading.notes["unknown code XYZ"], reading.notes["unknown code F4"]),
        (2, 2, 1)
    );
    assert_eq!(offering(&reading.rows[0]).1.languages, None);
}

#[test]
fn a_language_of_another_volume_is_known_by_its_name() {
    assert_eq!(languages(offering(&reading(&[with("F99")]).rows[0]).1), ["so provider"]);
    let mut reference = texts(REFERENCE);
    reference.push(["OL", "Other Languages", "F4", "Khmer", ""].map(str::to_owned).to_vec());
    reference.push(["OL", "Other Languages", "F5", "Quenya", ""].map(str::to_owned).to_vec());
    let reading = read_bytes(&volume(reference, list(&[with("F4 F5")]))).unwrap();
    assert_eq!(languages(offering(&reading.rows[0]).1), ["km provider"]);
    assert_eq!(service(&reading.rows[0]).1.source_codes, ["OL:F5"]);
    assert_eq!(reading.notes["code F4 is \"Khmer\" here: read by that name"], 1);
    assert_eq!(reading.notes["code F5 (Quenya) names no language that is known"], 1);
}

#[test]
fn a_code_of_another_category_is_another_code() {
    let mut reference = texts(REFERENCE);
    reference.retain(|line| line[2] != "GL");
    reference.push(["PHR", "Pharmacotherapies", "GL", "Glycine", ""].map(str::to_owned).to_vec());
    let reading = read_bytes(&volume(reference, list(&[with("GL")]))).unwrap();
    let row = &reading.rows[0];
    assert_eq!(offering(row).1.populations, None);
    assert_eq!(service(row).1.source_codes, ["PHR:GL"]);
    assert_eq!(reading.notes["code GL is of category PHR, not SG: not mapped"], 1);
}

#[test]
fn a_code_of_two_categories_is_what_the_rest_of_its_group_is() {
    let mut reference = texts(REFERENCE);
    for code in ["LITH", "SS"] {
        reference.push(["PHR", "Pharmacotherapies", code, "A salt", ""].map(str::to_owned).to_vec());
    }
    let lines = [
        with("PA SS"),
        ["B", "", "2 Elm", "MA", "01840", "", "LITH SS"],
        ["C", "", "3 Elm", "MA", "01840", "", "MH * SS"],
    ];
    let reading = read_bytes(&volume(reference, list(&lines))).unwrap();
    let found: Vec<_> = (reading.rows.iter())
        .map(|row| {
            let coverage = offering(row).1.coverage.clone().map(|one| one.categories);
            (codes(coverage.as_ref()).join(" "), service(row).1.source_codes.join(" "))
        })
        .collect();
    let expected = [("safety_net sliding_fee", ""), ("", "PHR:LITH PHR:SS"), ("", "TC:MH")];
    assert_eq!(found, expected.map(|(coverage, kept)| (coverage.to_owned(), kept.to_owned())));
    assert_eq!(reading.notes["code SS is defined in several categories"], 1);
}

#[test]
fn a_reference_without_descriptions_has_the_ages_of_2022() {
    let mut reference = texts(REFERENCE);
    for line in &mut reference {
        line.truncate(4);
    }
    let described = reading(&[with("CHLD YAD ADLT SNR")]);
    let bare = read_bytes(&volume(reference, list(&[with("CHLD YAD ADLT SNR")]))).unwrap();
    assert_eq!(bare.rows, described.rows);
    let ages = offering(&bare.rows[0]).1.ages.clone().unwrap();
    let bounds: Vec<_> = ages.accepted.iter().map(|range| (range.min(), range.max())).collect();
    assert_eq!(bounds, [(0.0, 13.0), (18.0, 26.0), (26.0, 65.0), (65.0, 130.0)]);
}
