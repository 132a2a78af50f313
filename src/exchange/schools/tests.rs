use super::*;
use crate::exchange::shared_data;

const MASSGIS: &str =
    "schid,name,address,town_mail,town,zipcode,phone,grades,type,type_desc,dist_name,dist_code,lat,lon";
const LEAHY: &str = "01490040,Francis M. Leahy School,100 Erving Avenue,Lawrence,LAWRENCE,01840,978-975-5959,\
                     \"PK,K,01,02,03,04\",ELE,Public Elementary,Lawrence,01490000,42.714655,-71.161503";

fn parsed(text: impl AsRef<[u8]>) -> Result<Reading, ReadError> {
    let place = |code: PostalCode| {
        (code.as_str() == "01840").then(|| Coordinates::new(42.7, -71.16).expect("a point"))
    };
    schools(table::parse(text.as_ref())?, &place)
}

fn massgis(lines: &[&str]) -> Reading {
    parsed(format!("{MASSGIS}\n{}\n", lines.join("\n"))).unwrap()
}

fn school(row: &Row) -> (SchoolId, &SchoolFacts) {
    match row.statements.last() {
        Some(Statement::School(id, facts)) => (*id, facts),
        other => panic!("no school but {other:?}"),
    }
}

fn district(row: &Row) -> Option<(DistrictId, &DistrictFacts)> {
    match row.statements.first() {
        Some(Statement::District(id, facts)) => Some((*id, facts)),
        _ => None,
    }
}

fn grades(facts: &SchoolFacts) -> String {
    facts.grades.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn reasons(reading: &Reading) -> Vec<(u64, &str)> {
    reading.rejects.iter().map(|one| (one.row, one.reason.as_str())).collect()
}

#[test]
fn a_row_of_the_state_s_list_is_a_school_and_its_district() {
    let reading = massgis(&[LEAHY]);
    let row = &reading.rows[0];
    let (district_id, district) = district(row).unwrap();
    assert_eq!((district.name.as_str(), district.code.as_str()), ("Lawrence", "01490000"));
    let (_, school) = school(row);
    assert_eq!((school.code.as_str(), school.city.as_deref()), ("01490040", Some("Lawrence")));
    assert_eq!((school.state.as_deref(), school.district_id), (Some("MA"), Some(district_id)));
    assert_eq!(school.phone.as_ref().map(Phone::as_str), Some("+19789755959"));
    assert_eq!(school.school_type.as_deref(), Some("Public Elementary"));
    assert_eq!(grades(school), "PK K 1 2 3 4");
    let placement = school.coordinates.unwrap();
    assert_eq!((placement.at().latitude(), placement.quality), (42.714_655, PlaceQuality::Rooftop));
    assert_eq!((reading.notes.len(), row.number), (0, 2));
}

#[test]
fn delimiters_and_byte_order_marks_make_no_difference() {
    let comma = massgis(&[LEAHY]).rows;
    let quoted = format!("{MASSGIS}\n{LEAHY}\n");
    let mut inside = false;
    let divided_by = |delimiter: char| -> String {
        let divide = |c: char| {
            inside ^= c == '"';
            if c == ',' && !inside { delimiter } else { c }
        };
        quoted.chars().map(divide).collect()
    };
    let mut divided_by = divided_by;
    assert_eq!(parsed(divided_by(';')).unwrap().rows, comma);
    assert_eq!(parsed(divided_by('\t')).unwrap().rows, comma);
    assert_eq!(parsed(format!("\u{feff}{quoted}")).unwrap().rows, comma);
    assert_eq!(parsed(format!("\u{feff}{}", quoted.replace('\n', "\r\n"))).unwrap().rows, comma);
}

#[test]
fn commas_inside_a_quoted_column_name_are_no_delimiters() {
    let reading = parsed("schid;name;\"remarks, notes, and so on, if any\"\n01490040;Leahy;none\n").unwrap();
    assert_eq!(reading.header, ["schid", "name", "remarks, notes, and so on, if any"]);
    assert_eq!(school(&reading.rows[0]).1.name, "Leahy");
}

#[test]
fn lost_zeros_come_back_and_other_codes_are_refused() {
    let reading = massgis(&[
        &LEAHY.replace("01490040", "1490040").replace("01490000", "1490000").replace("01840", "1840"),
        &LEAHY.replace("01490040", "149"),
        &LEAHY.replace("01490040", "1.49E+06"),
        &LEAHY.replace("01490000", "Lawrence"),
    ]);
    assert_eq!(reading.rows, massgis(&[LEAHY]).rows);
    assert_eq!(
        reasons(&reading),
        [
            (3, "the school code \"149\" is not a number of 8 digits"),
            (4, "the school code \"1.49E+06\" is not a number of 8 digits"),
            (5, "the district code \"Lawrence\" is not a number of 8 digits"),
        ]
    );
}

#[test]
fn campuses_share_a_code_and_a_double_does_not_land_twice() {
    let upper = LEAHY.replace("Leahy School", "Leahy School Upper Campus");
    let reading = massgis(&[LEAHY, &upper, &LEAHY.replace("Francis M. Leahy", "FRANCIS M.  Leahy"), LEAHY]);
    assert_eq!(reading.rows.len(), 2);
    assert_ne!(school(&reading.rows[0]).0, school(&reading.rows[1]).0);
    assert_eq!(district(&reading.rows[0]), district(&reading.rows[1]));
    assert_eq!(
        reasons(&reading),
        [(4, "the same code and name as row 2"), (5, "the same code and name as row 2")]
    );
}

#[test]
fn a_school_without_coordinates_stands_in_its_zip_code_and_wrong_ones_are_refused() {
    let at = |from: &str, to: &str| LEAHY.replace("42.714655,-71.161503", from).replace("01840", to);
    let reading = massgis(&[
        &at(",", "01840"),
        &at("142.7,-71.1", "01840"),
        &at("north,-71.1", "01840"),
        &at("42.7,", "01840"),
        &at(",", "99999").replace("Leahy", "Other"),
        &at("NaN,-71.1", "01840"),
    ]);
    let places: Vec<_> =
        reading.rows.iter().map(|row| school(row).1.coordinates.map(|one| one.quality)).collect();
    assert_eq!(places, [Some(PlaceQuality::PostalCode), None]);
    assert_eq!(reading.notes["no coordinates: the ZIP code's are taken"], 1);
    assert_eq!(reading.notes["no coordinates, and no ZIP code whose place is known"], 1);
    assert_eq!(
        reasons(&reading),
        [
            (3, "latitude 142.7 is not a number from -90 to 90"),
            (4, "latitude \"north\" is not a number"),
            (5, "longitude \"\" is not a number"),
            (7, "latitude NaN is not a number from -90 to 90"),
        ]
    );
}

#[test]
fn rows_that_are_ragged_or_no_text_are_refused_one_by_one() {
    let mut text = format!("{MASSGIS}\n{LEAHY},extra\nshort,row\n\n{LEAHY}\n").into_bytes();
    text.extend(LEAHY.replace("01490040", "01490041").replace("Leahy", "L\u{1}ahy").into_bytes());
    let broken = text.iter().rposition(|byte| *byte == 1).unwrap();
    text[broken] = 0xE9;
    text.extend(b"\n\"open,");
    text.extend([&b"\n"[..]; 30].concat());
    let reading = parsed(text).unwrap();
    assert_eq!(
        reasons(&reading),
        [
            (2, "the row has 15 cells, the header 14"),
            (3, "the row has 2 cells, the header 14"),
            (6, "the column \"name\" is not UTF-8 text; save the file as CSV in UTF-8"),
            (7, "a quotation mark is opened here and not closed: the rows after it are inside the cell"),
        ]
    );
    assert_eq!((reading.read, reading.rows.len(), reading.rows[0].number), (5, 1, 5));
    assert!(reading.rejects[2].content[1].1.contains('\u{fffd}'));
}

#[test]
fn grades_are_lists_or_ranges_and_unknown_words_are_counted() {
    let with = |code: &str, words: &str| LEAHY.replace("01490040", code).replace("PK,K,01,02,03,04", words);
    let reading = massgis(&[
        &with("01490041", "SP,12"),
        &with("01490042", "K-2; 05"),
        &with("01490043", ""),
        &with("01490044", "5-3,SP,SP"),
    ]);
    let read: Vec<_> = reading.rows.iter().map(|row| grades(school(row).1)).collect();
    assert_eq!(read, ["12", "K 1 2 5", "", ""]);
    assert_eq!(reading.notes["unknown grade SP"], 2);
    assert_eq!(reading.notes["grades from 5 to 3 are no range"], 1);
}

#[test]
fn the_federal_lists_of_public_schools_are_read() {
    let directory = parsed(
        "NCESSCH,SCHID,SCH_NAME,LEAID,LEA_NAME,LSTREET1,LCITY,LSTATE,LZIP,PHONE,SY_STATUS,SCH_TYPE_TEXT,GSLO,GSHI\n\
         10000500870,870,Albertville Middle,0100005,Albertville City,600 E Alabama Ave,Albertville,AL,35950,\
         (256)878-2341,1,Regular School,07,08\n\
         010000500871,871,Albertville High,0100005,Albertville City,402 E McCord,Albertville,AL,35950,,2,,09,12\n\
         010000500872,872,Albertville Lab,,,402 E McCord,Albertville,AL,01840,,1,,KG,UG\n",
    )
    .unwrap();
    let (_, middle) = school(&directory.rows[0]);
    assert_eq!((middle.code.as_str(), middle.state.as_deref()), ("010000500870", Some("AL")));
    assert_eq!((grades(middle).as_str(), middle.address_1.as_deref()), ("7 8", Some("600 E Alabama Ave")));
    assert_eq!(district(&directory.rows[0]).unwrap().1.code, "0100005");
    assert_eq!(district(&directory.rows[1]), None);
    assert_eq!((directory.read, directory.rows.len(), directory.rejects.len()), (3, 2, 0));
    assert_eq!(directory.notes["school not in operation, left out (status 2)"], 1);
    assert_eq!(directory.notes["unknown grade UG"], 1);

    let geocodes = parsed(
        "NCESSCH,LEAID,NAME,STREET,CITY,STATE,ZIP,LAT,LON\n\
         010000500870,0100005,Albertville Middle,600 E Alabama Ave,Albertville,AL,35950,34.260194,-86.206174\n",
    )
    .unwrap();
    assert_eq!(school(&geocodes.rows[0]).0, school(&directory.rows[0]).0);
    assert_eq!(school(&geocodes.rows[0]).1.coordinates.map(|one| one.quality), Some(PlaceQuality::Rooftop));
    assert_eq!(geocodes.notes["district code without a name: the school is read without its district"], 1);
}

#[test]
fn a_file_that_is_no_list_of_schools_says_why() {
    for (bytes, sentence) in [
        (
            &b"code,title\n1,2\n"[..],
            "the file has no column schid or ncessch, name; its columns are \"code\", \"title\"",
        ),
        (
            b"NCESSCH,LEAID\n1,2\n",
            "the file has no column sch_name or name or schnam or school_name; its columns",
        ),
        (b"", "the file is empty: a first row with the names of the columns is needed"),
        (b"\xEF\xBB\xBF\n\n", "the file is empty"),
        (b",,\n", "the file is empty"),
        (b"schid|name\n1|2\n", "its first line has no comma, semicolon or tab between the names of columns"),
        (b"schid,n\xE9\n1,2\n", "line 1 is not UTF-8 text; save the file as CSV in UTF-8"),
        (b"\xFF\xFEs\0c\0", "it is UTF-16 text, not CSV text"),
        (b"PK\x03\x04....", "it is a workbook or another packed file, not CSV text"),
    ] {
        let message = parsed(bytes).unwrap_err().to_string();
        assert!(message.starts_with(sentence), "{message}");
    }
}

#[test]
fn the_state_s_list_is_read_whole() {
    let Some(path) = shared_data::file("schools/ma_schools_massgis.csv") else {
        return;
    };
    let reading = read(&path, &|_| None).unwrap();
    assert_eq!((reading.read, reading.rows.len(), reading.rejects.len()), (2_448, 2_448, 0));
    let ids: std::collections::HashSet<_> = reading.rows.iter().map(|row| school(row).0).collect();
    assert_eq!(ids.len(), 2_448);
    let districts: std::collections::HashSet<_> =
        reading.rows.iter().filter_map(|row| district(row).map(|(id, _)| id)).collect();
    assert_eq!(districts.len(), 396);
    assert_eq!(reading.rows.iter().filter(|row| district(row).is_none()).count(), 625);
    assert_eq!(reading.rows.iter().filter(|row| school(row).1.grades.is_empty()).count(), 16);
    assert_eq!(
        reading.rows.iter().filter(|row| grades(school(row).1).split(' ').any(|one| one == "K")).count(),
        1_336
    );
    assert!(reading.notes.is_empty(), "{:?}", reading.notes);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300), headed: bool) {
        let head = if headed { format!("{MASSGIS}\n{LEAHY}\n") } else { String::new() };
        let _ = parsed([head.as_bytes(), &bytes].concat());
    }
}
