//! Which rows are the same facility and the same organization.

use super::*;

#[test]
fn the_same_name_is_one_organization_within_a_state_and_another_elsewhere() {
    let reading = reading(&[
        ["Care Clinic", "", "1 Main St", "MA", "01840", "1", "OMH"],
        ["CARE  CLINIC.", "North", "2 Main St", "ma", "01841", "2", "OMH"],
        ["Care Clinic", "", "1 Main St", "NH", "03031", "3", "CMHC"],
    ]);
    let organizations: Vec<_> = reading.rows.iter().map(organization).collect();
    assert_eq!(organizations[0], organizations[1]);
    assert_eq!(organizations[0].1.name, "Care Clinic");
    assert_ne!(organizations[0].0, organizations[2].0);
    assert_eq!(location(&reading.rows[1]).1.state.as_deref(), Some("MA"));
    assert_eq!(organizations[2].1.facility_type, Some(FacilityType::CommunityMentalHealthCenter));
}

#[test]
fn an_organization_whose_rows_disagree_has_no_type_and_they_keep_their_codes() {
    let reading = reading(&[
        ["Care Clinic", "", "1 Main St", "MA", "01840", "1", "OMH"],
        ["Care Clinic", "", "2 Main St", "MA", "01840", "2", "CMHC"],
    ]);
    for (row, code) in reading.rows.iter().zip(["FT:OMH", "FT:CMHC"]) {
        assert_eq!(organization(row).1.facility_type, None);
        assert_eq!(service(row).1.source_codes, [code]);
    }
}

#[test]
fn a_name_that_breaks_off_goes_on_in_the_next_column() {
    let reading = reading(&[
        ["Catholic Services of", "Southern Arizona Inc", "1 Main St", "AZ", "85001", "1", "MH"],
        ["SpectraCare", "Henry County Clinic", "2 Main St", "AL", "36310", "2", "MH"],
        ["Tuscany Care", "DBA Sunrise", "3 Main St", "AL", "36310", "3", "MH"],
        ["The Place For", "", "4 Main St", "AL", "36310", "4", "SA"],
    ]);
    let names: Vec<[&str; 3]> = (reading.rows.iter())
        .map(|row| {
            [&organization(row).1.name, &location(row).1.name, &service(row).1.name].map(String::as_str)
        })
        .collect();
    let joined = "Catholic Services of Southern Arizona Inc";
    assert_eq!(
        names,
        [
            [joined, joined, "Mental health services"],
            ["SpectraCare", "Henry County Clinic", "Henry County Clinic"],
            ["Tuscany Care", "Sunrise", "Sunrise"],
            ["The Place For", "The Place For", "Substance use services"],
        ]
    );
}

#[test]
fn the_phone_tells_apart_what_shares_everything_else_and_a_true_double_is_refused() {
    let line = |phone| ["Care Clinic", "North", "1 Main St", "MA", "01840", phone, "MH"];
    let alone = reading(&[line("1")]);
    let pair = reading(&[line("1"), line("2")]);
    let double = reading(&[line("1"), ["Care clinic", "NORTH", "1 Main St.", "MA", "1840", "1", "SA"]]);
    assert_ne!(offering(&pair.rows[0]).0, offering(&pair.rows[1]).0);
    assert_ne!(location(&pair.rows[0]).0, location(&pair.rows[1]).0);
    assert_eq!((double.read, double.rows.len(), double.rejects.len()), (2, 1, 1));
    assert_eq!(double.rejects[0].row, 3);
    assert_eq!(double.rejects[0].reason, "the same names, address, ZIP code and phone as row 2");
    assert_eq!(double.rejects[0].content[0], ("name1".to_owned(), "Care clinic".to_owned()));
    // The double did not make the phone part of the ids.
    assert_eq!(offering(&double.rows[0]).0, offering(&alone.rows[0]).0);
    // In another year the number has changed, and it is still the same facility.
    assert_eq!(offering(&reading(&[line("9")]).rows[0]).0, offering(&alone.rows[0]).0);
}

#[test]
fn every_noun_of_a_row_has_an_id_of_its_own() {
    let reading = reading(&[PLAIN]);
    let row = &reading.rows[0];
    let ids = [organization(row).0.0, location(row).0.0, service(row).0.0, pool(row).0, offering(row).0.0];
    for (position, id) in ids.iter().enumerate() {
        assert!(!ids[..position].contains(id));
    }
    assert_eq!(super::reading(&[PLAIN]), reading);
}
