//! Columns, cells, and files that are not what they should be.

use super::*;

fn error(bytes: &[u8]) -> String {
    read_bytes(bytes).unwrap_err().to_string()
}

fn usual() -> Vec<u8> {
    volume(texts(REFERENCE), list(&[PLAIN]))
}

#[test]
fn columns_and_sheets_are_found_by_name_in_any_case_and_order() {
    let mut facilities = list(&[PLAIN]);
    for row in &mut facilities {
        row.reverse();
        row[0] = row[0].replace("service_code_info", " Service_Code_INFO ");
    }
    let sheets = [("service code reference ", texts(REFERENCE)), ("FACILITIES LIST", facilities)];
    let reading = read_bytes(&bytes(&sheets)).unwrap();
    assert_eq!(reading.header[0], "Service_Code_INFO");
    assert_eq!(reading.rows, super::reading(&[PLAIN]).rows);
}

#[test]
fn numeric_cells_are_text_again() {
    let reading = reading(&[["7 Hills", "", "#12", "MA", "#1840", "#9785550100", "MH"]]);
    let (_, location) = location(&reading.rows[0]);
    assert_eq!(location.postal_code.unwrap().as_str(), "01840");
    assert_eq!(location.phone.as_ref().unwrap().as_str(), "+19785550100");
    assert_eq!(location.address_1.as_deref(), Some("12"));
}

#[test]
fn intake_numbers_are_told_once_and_never_repeat_the_phone() {
    let mut facilities = list(&[PLAIN]);
    for (column, number) in
        [(8, "978-555-0100"), (9, "978-555-0199 x7"), (10, "978-555-0199 x7"), (11, "888-85COMPA")]
    {
        facilities[1][column] = number.into();
    }
    let reading = read_bytes(&volume(texts(REFERENCE), facilities)).unwrap();
    let numbers: Vec<_> =
        service(&reading.rows[0]).1.intake_phones.iter().map(crate::types::Phone::as_str).collect();
    assert_eq!(numbers, ["+19785550199;ext=7", "888-85COMPA"]);
}

#[test]
fn coordinates_are_the_row_s_own_else_those_of_its_zip_code_and_say_which() {
    let elsewhere = ["B", "", "2 Elm St", "MA", "99999", "", "MH"];
    let mut facilities = list(&[PLAIN, ["A", "", "1 Elm St", "MA", "01840", "", "MH"], elsewhere]);
    for (row, (latitude, longitude)) in
        facilities.iter_mut().zip([("Latitude", "Longitude"), ("42.5", "-71.5"), ("142", "0"), ("", "")])
    {
        row.extend([latitude.to_owned(), longitude.to_owned()]);
    }
    let reading = read_bytes(&volume(texts(REFERENCE), facilities)).unwrap();
    let found: Vec<_> = (reading.rows.iter())
        .map(|row| location(row).1.coordinates.map(|one| (one.at().latitude(), one.quality)))
        .collect();
    assert_eq!(found, [Some((42.5, PlaceQuality::Rooftop)), Some((42.7, PlaceQuality::PostalCode)), None]);
    assert_eq!(reading.notes["coordinates that are no point on the earth: the ZIP code's are taken"], 1);
    assert_eq!(reading.notes["ZIP code whose place is not known: no coordinates"], 1);
}

#[test]
fn a_row_without_what_it_needs_is_refused_with_all_reasons_and_spoils_no_other() {
    let reading = reading(&[["", "", "", "Mass", "12", "1", "MH"], PLAIN]);
    assert_eq!((reading.read, reading.rows.len()), (2, 1));
    assert_eq!(
        reading.rejects[0].reason,
        "name1 is empty; street1 is empty; state \"MASS\" is not two letters; \"12\" is not a ZIP code: five \
         digits are needed, leading zeros included, such as 01840"
    );
}

#[test]
fn a_missing_sheet_or_column_is_named_with_those_that_are_there() {
    let error_of = |sheets: &[(&str, Vec<Vec<String>>)]| error(&bytes(sheets));
    assert_eq!(
        error_of(&[("Facilities List", list(&[PLAIN])), ("Notes", texts(REFERENCE))]),
        "the sheet \"Service Code Reference\" is missing; the sheets are \"Facilities List\", \"Notes\""
    );
    let mut facilities = list(&[PLAIN]);
    facilities[0][12] = "codes".into();
    facilities[0][6] = "postal".into();
    let message = error(&volume(texts(REFERENCE), facilities));
    assert!(
        message.starts_with(
            "the sheet \"Facilities List\" has no column zip, service_code_info; its columns are"
        ),
        "{message}"
    );
    assert!(message.contains("\"postal\""), "{message}");
    let message = error(&volume(texts(&[["a", "b", "c", "d", "e"]]), list(&[PLAIN])));
    assert!(
        message.contains("\"Service Code Reference\" has no column category_code, service_code"),
        "{message}"
    );
    let message = error(&volume(texts(&REFERENCE[..1]), list(&[PLAIN])));
    assert!(message.contains("defines no codes"), "{message}");
    let message = error(&volume(vec![], list(&[PLAIN])));
    assert!(message.contains("\"Service Code Reference\" is empty"), "{message}");
}

#[test]
fn a_file_that_is_no_workbook_says_what_it_looks_like() {
    for (bytes, found) in [
        (&b""[..], "an empty file"),
        (b"name1,name2\n", "something else"),
        (b"\n<!DOCTYPE html>", "a web page"),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "an old .xls or a workbook with a password"),
    ] {
        let message = error(bytes);
        assert!(message.contains(found) && message.starts_with("it is not an .xlsx workbook"), "{message}");
    }
    let absent = read(Path::new("/nowhere/volume.xlsx"), &|_| None).unwrap_err();
    assert!(matches!(absent, ReadError::Open(_)));
}

#[test]
fn a_file_cut_short_anywhere_is_damaged() {
    let whole = usual();
    for share in 1..20 {
        let message = error(&whole[..whole.len() * share / 20]);
        assert!(message.contains("damaged or was cut short"), "{message}");
    }
}

#[test]
fn a_workbook_that_unpacks_without_end_is_refused() {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("xl/sharedStrings.xml", zip::write::SimpleFileOptions::default()).unwrap();
    let block = vec![b' '; 1 << 20];
    for _ in 0..300 {
        zip.write_all(&block).unwrap();
    }
    let packed = zip.finish().unwrap().into_inner();
    assert!(packed.len() < 1 << 20);
    assert!(matches!(read_bytes(&packed), Err(ReadError::UnpacksTooLarge)));
}

#[test]
fn one_cell_in_the_far_corner_asks_for_no_memory() {
    let mut workbook = Workbook::new();
    for (name, rows) in [("Facilities List", list(&[PLAIN])), ("Service Code Reference", texts(REFERENCE))] {
        let sheet = workbook.add_worksheet().set_name(name).unwrap();
        for (row, cells) in rows.iter().enumerate() {
            sheet.write_row(u32::try_from(row).unwrap(), 0, cells).unwrap();
        }
        sheet.write_string(1_048_575, 16_383, "far").unwrap();
    }
    let reading = read_bytes(&workbook.save_to_buffer().unwrap()).unwrap();
    assert_eq!((reading.read, reading.rows.len()), (1, 1));
}

/// The workbook with one part's bytes changed, packed anew so that its checksums are right.
fn altered(whole: &[u8], part: &str, alter: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut from = zip::ZipArchive::new(Cursor::new(whole)).unwrap();
    let mut to = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for index in 0..from.len() {
        let mut file = from.by_index(index).unwrap();
        let name = file.name().unwrap().into_owned();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        if name == part {
            alter(&mut content);
        }
        to.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        to.write_all(&content).unwrap();
    }
    to.finish().unwrap().into_inner()
}

#[test]
fn a_reference_that_overflows_the_library_is_damage_and_no_crash() {
    let bytes = altered(&usual(), "xl/worksheets/sheet1.xml", |content| {
        *content =
            String::from_utf8(content.clone()).unwrap().replace("\"A2\"", "\"inlineStr2\"").into_bytes();
    });
    // Only a build with overflow checks panics inside; any build comes back with an answer.
    let answer = read_bytes(&bytes);
    assert!(!cfg!(debug_assertions) || matches!(answer, Err(ReadError::Damaged { .. })), "{answer:?}");
}

/// The parts of a workbook that are read.
const PARTS: [&str; 7] = [
    "_rels/.rels",
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
    "xl/sharedStrings.xml",
    "xl/styles.xml",
    "xl/worksheets/sheet1.xml",
    "xl/worksheets/sheet2.xml",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), packed: bool) {
        if packed {
            bytes.splice(0..0, *b"PK\x03\x04");
        }
        prop_assert!(read_bytes(&bytes).is_err());
    }

    #[test]
    fn no_change_of_a_workbook_makes_it_panic(
        part in proptest::sample::select(PARTS.to_vec()),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let bytes = altered(&usual(), part, |content| {
            for (position, byte) in &changes {
                let position = position.index(content.len());
                content[position] = *byte;
            }
            if let Some(cut) = cut {
                content.truncate(cut.index(content.len()));
            }
        });
        // Whatever it says, it says so.
        let _ = read_bytes(&bytes);
    }

    #[test]
    fn no_attribute_of_a_workbook_makes_it_panic(
        part in proptest::sample::select(PARTS.to_vec()),
        which in any::<proptest::sample::Index>(),
        value in proptest::sample::select(vec![
            "", "/", "..", "x", "A0", "0", "-1", "1", "99999999999999999999", "XFE1048577", "A1:ZZZZZZ9999999", "s",
            "inlineStr", "d", "e", "b", "&#0;", "&bogus;", "\u{e9}",
        ]),
    ) {
        let bytes = altered(&usual(), part, |content| {
            let quotes: Vec<usize> = (0..content.len()).filter(|at| content[*at] == b'"').collect();
            if quotes.len() > 1 {
                let opening = which.index(quotes.len() - 1);
                content.splice(quotes[opening] + 1..quotes[opening + 1], value.bytes());
            }
        });
        let _ = read_bytes(&bytes);
    }
}
