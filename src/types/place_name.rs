//! Names of towns: as they are compared, and as they are written.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A name as it is compared: without regard to case, accents, hyphens and apostrophes, to "Town of" before it, and
/// to the usual short and long forms ("Mt", "St", "N"; "-borough", "-boro"). "Manchester-by-the-Sea" is compared
/// as "Manchester", by which name half of its neighbours know it.
pub fn comparable_place(name: &str) -> String {
    let plain: String =
        name.nfd().filter(|c| !is_combining_mark(*c) && !matches!(c, '\'' | '’' | '.')).collect();
    let lower = plain.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let words = match words.as_slice() {
        ["town" | "city" | "township" | "village", "of", rest @ ..] if !rest.is_empty() => rest,
        words => words,
    };
    let words = match words {
        [rest @ .., "by", "the", "sea"] if !rest.is_empty() => rest,
        words => words,
    };
    let long = |(position, word): (usize, &&str)| match (position, *word) {
        (0, "mt") => "mount".to_owned(),
        (0, "st") => "saint".to_owned(),
        (0, "n") if words.len() > 1 => "north".to_owned(),
        (0, "s") if words.len() > 1 => "south".to_owned(),
        (0, "e") if words.len() > 1 => "east".to_owned(),
        (0, "w") if words.len() > 1 => "west".to_owned(),
        (_, word) => {
            word.strip_suffix("borough").map_or_else(|| word.to_owned(), |stem| format!("{stem}boro"))
        }
    };
    words.iter().enumerate().map(long).collect::<Vec<_>>().join(" ")
}

/// A name in capitals brought to ordinary writing: "MANCHESTER-BY-THE-SEA" is "Manchester-by-the-Sea". Any other is
/// left as it is.
pub fn ordinary_place(name: &str) -> String {
    if name.chars().any(char::is_lowercase) {
        return name.to_owned();
    }
    let mut ordinary = String::with_capacity(name.len());
    let mut word = String::new();
    for c in name.chars().chain([' ']) {
        if c.is_alphanumeric() || c == '\'' || c == '’' {
            word.push(c);
            continue;
        }
        ordinary.push_str(&capitalized(&word, ordinary.is_empty()));
        word.clear();
        ordinary.push(c);
    }
    ordinary.pop();
    ordinary
}

fn capitalized(word: &str, is_first: bool) -> String {
    let lower = word.to_lowercase();
    if !is_first && matches!(lower.as_str(), "of" | "the" | "by" | "and" | "in" | "on" | "at") {
        return lower;
    }
    let mut capitalized = String::with_capacity(lower.len());
    for (position, c) in lower.chars().enumerate() {
        // O'Fallon and D'Iberville, but Martha's; McAllen.
        let after_one_letter = position == 2 && matches!(capitalized.chars().last(), Some('\'' | '’'));
        let after_mc = position == 2 && capitalized == "Mc" && lower.len() > 3;
        if position == 0 || after_one_letter || after_mc {
            capitalized.extend(c.to_uppercase());
        } else {
            capitalized.push(c);
        }
    }
    capitalized
}

/// The two letters of a state or territory by the number of the Census Bureau (FIPS).
pub fn state_of_fips(number: u32) -> Option<&'static str> {
    const STATES: &[(u32, &str)] = &[
        (1, "AL"),
        (2, "AK"),
        (4, "AZ"),
        (5, "AR"),
        (6, "CA"),
        (8, "CO"),
        (9, "CT"),
        (10, "DE"),
        (11, "DC"),
        (12, "FL"),
        (13, "GA"),
        (15, "HI"),
        (16, "ID"),
        (17, "IL"),
        (18, "IN"),
        (19, "IA"),
        (20, "KS"),
        (21, "KY"),
        (22, "LA"),
        (23, "ME"),
        (24, "MD"),
        (25, "MA"),
        (26, "MI"),
        (27, "MN"),
        (28, "MS"),
        (29, "MO"),
        (30, "MT"),
        (31, "NE"),
        (32, "NV"),
        (33, "NH"),
        (34, "NJ"),
        (35, "NM"),
        (36, "NY"),
        (37, "NC"),
        (38, "ND"),
        (39, "OH"),
        (40, "OK"),
        (41, "OR"),
        (42, "PA"),
        (44, "RI"),
        (45, "SC"),
        (46, "SD"),
        (47, "TN"),
        (48, "TX"),
        (49, "UT"),
        (50, "VT"),
        (51, "VA"),
        (53, "WA"),
        (54, "WV"),
        (55, "WI"),
        (56, "WY"),
        (60, "AS"),
        (66, "GU"),
        (69, "MP"),
        (72, "PR"),
        (78, "VI"),
    ];
    STATES.iter().find(|(known, _)| *known == number).map(|(_, state)| *state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_regard_to_how_they_are_written() {
        for (a, b) in [
            ("SOUTHBOROUGH", "Southboro"),
            ("Town of Lawrence", "lawrence"),
            ("Manchester-by-the-Sea", "MANCHESTER"),
            ("Mt. Washington", "Mount Washington"),
            ("N Adams", "North Adams"),
            ("Añasco", "Anasco"),
            ("Martha’s Vineyard", "MARTHAS VINEYARD"),
            ("Winston-Salem", "Winston Salem"),
        ] {
            assert_eq!(comparable_place(a), comparable_place(b));
        }
        assert_ne!(comparable_place("Marlborough"), comparable_place("New Marlborough"));
        assert_eq!(comparable_place("Town of"), "town of");
        assert_eq!(comparable_place("N"), "n");
        assert_eq!(comparable_place(" - "), "");
    }

    #[test]
    fn capitals_become_ordinary_writing_and_other_names_stay() {
        for (given, ordinary) in [
            ("SOUTHBOROUGH", "Southborough"),
            ("MANCHESTER-BY-THE-SEA", "Manchester-by-the-Sea"),
            ("NORTH ATTLEBOROUGH", "North Attleborough"),
            ("O'FALLON", "O'Fallon"),
            ("MARTHA'S VINEYARD", "Martha's Vineyard"),
            ("MCALLEN", "McAllen"),
            ("ISLE OF PALMS", "Isle of Palms"),
            ("THE DALLES", "The Dalles"),
            ("DeKalb", "DeKalb"),
            ("", ""),
        ] {
            assert_eq!(ordinary_place(given), ordinary);
        }
    }

    #[test]
    fn states_go_by_their_number() {
        assert_eq!((state_of_fips(25), state_of_fips(3)), (Some("MA"), None));
    }
}
