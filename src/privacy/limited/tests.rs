//! What a provider sees before it has accepted, and what it never sees.

use jiff::civil::date;

use super::*;

const TODAY: Date = date(2026, 11, 24);

fn terms<T: FromStr<Err: fmt::Debug>>(codes: &[&str]) -> Vec<T> {
    codes.iter().map(|code| code.parse().unwrap()).collect()
}

fn told(known: &Known) -> serde_json::Value {
    serde_json::to_value(LimitedProfile::of(known, TODAY, Crowd::DEFAULT)).unwrap()
}

fn areas(town: Option<u32>, county: Option<u32>, region: Option<u32>) -> Vec<CandidateArea> {
    [
        (AreaLevel::Town, "Gosnold", town),
        (AreaLevel::County, "Dukes", county),
        (AreaLevel::Region, "Cape and Islands", region),
    ]
    .map(|(level, name, sharing)| CandidateArea { level, name: name.to_owned(), sharing })
    .to_vec()
}

/// 06, rule 2: age band, languages, tier, needs, coverage category, pinned requirements, and a coarse place.
#[test]
fn the_limited_profile_says_what_the_rules_list_and_nothing_else() {
    let known = Known {
        birth_date: Some(date(2014, 11, 25)),
        languages: terms(&["pt-BR", "en"]),
        tier: Some(Tier::TWO),
        needs: terms(&["trauma", "anxiety", "trauma"]),
        coverage: vec![CoverageCategory::Medicaid],
        pins: Pins {
            languages: terms(&["pt-BR"]),
            populations: terms(&["girls"]),
            modalities: vec![Modality::InSchool],
            practices: terms(&["tf_cbt"]),
            accessibility: vec![],
        },
        areas: areas(Some(12), Some(400), Some(2_000)),
    };
    assert_eq!(
        told(&known),
        serde_json::json!({
            "age_band": "9-11", "languages": ["en", "pt-BR"], "tier": 2, "needs": ["anxiety", "trauma"],
            "coverage": ["medicaid"], "area": {"level": "town", "name": "Gosnold"},
            "requirements": {"languages": ["pt-BR"], "populations": ["girls"], "modalities": ["in_school"],
                "practices": ["tf_cbt"]},
        })
    );
}

/// 06, rule 2: town, else county, else region; without enrolment figures, county.
#[test]
fn the_place_is_the_finest_that_enough_students_share() {
    let level = |town, county, region| area(&areas(town, county, region), Crowd::DEFAULT).map(|a| a.level);
    assert_eq!(level(Some(10), Some(90), None), Some(AreaLevel::Town));
    assert_eq!(level(Some(9), Some(10), Some(90)), Some(AreaLevel::County));
    assert_eq!(level(Some(1), Some(9), Some(10)), Some(AreaLevel::Region));
    assert_eq!(level(None, None, None), Some(AreaLevel::County), "no figures");
    assert_eq!(level(None, Some(9), Some(50)), Some(AreaLevel::Region), "a figure stands before the rule");
    assert_eq!(level(Some(1), Some(2), Some(9)), None, "too few everywhere");
    assert_eq!(level(Some(1), Some(2), None), None, "what is not known is not enough");
    let mut unordered = areas(Some(50), Some(90), Some(900));
    unordered.reverse();
    assert_eq!(area(&unordered, Crowd::DEFAULT).unwrap().level, AreaLevel::Town);
}

#[test]
fn a_crowd_is_never_below_six_and_decides_the_place() {
    assert_eq!(Crowd::new(5), None);
    let six = Crowd::new(6).unwrap();
    assert_eq!(area(&areas(Some(6), None, None), six).unwrap().level, AreaLevel::Town);
    assert_eq!(area(&areas(Some(6), None, None), Crowd::DEFAULT).unwrap().level, AreaLevel::County);
}

/// 06, rule 3 (42 U.S.C. 11432(g)(3)(G) for housing): matched inside the server and never serialized.
#[test]
fn a_student_with_every_sensitive_fact_looks_like_one_with_none() {
    let plain = Known {
        languages: terms(&["es"]),
        needs: terms(&["anxiety"]),
        coverage: vec![CoverageCategory::Medicaid],
        ..Known::default()
    };
    let mut laden = plain.clone();
    laden.languages.extend(terms::<LanguageTag>(&["ase", "mfs"]));
    laden.needs.extend(Need::all().filter(Sensitive::is_sensitive));
    laden.coverage.extend([
        CoverageCategory::StateProgram,
        CoverageCategory::SafetyNet,
        CoverageCategory::Medicare,
    ]);
    laden.pins = Pins {
        languages: terms(&["ase", "sgn"]),
        accessibility: AccessibilityFeature::all().collect(),
        populations: Population::all().filter(Sensitive::is_sensitive).collect(),
        modalities: vec![],
        practices: Practice::all().filter(Sensitive::is_sensitive).collect(),
    };
    assert_eq!(told(&laden), told(&plain));
}

/// 06, rule 3: each fact of its list, by the codes that would betray it.
#[test]
fn what_betrays_a_sensitive_fact_is_marked_in_the_vocabularies() {
    let needs = ["housing", "newcomer_adjustment", "gender_identity", "autism", "learning_difficulty"];
    assert!(terms::<Need>(&needs).iter().all(Sensitive::is_sensitive));
    assert!(terms::<Need>(&["substance_use", "abuse_neglect"]).iter().all(Sensitive::is_sensitive));
    let populations = ["foster_care", "unhoused", "newcomers", "lgbtq", "justice_involved"];
    assert!(terms::<Population>(&populations).iter().all(Sensitive::is_sensitive));
    assert!(terms::<Population>(&["students_with_disabilities"])[0].is_sensitive());
    let practices = ["therapeutic_foster_care", "supported_housing", "assisted_outpatient_treatment"];
    assert!(terms::<Practice>(&practices).iter().all(Sensitive::is_sensitive));
    assert!(!terms::<Need>(&["anxiety", "grief", "food"]).iter().any(Sensitive::is_sensitive));
    assert!(!terms::<LanguageTag>(&["es", "ht"]).iter().any(Sensitive::is_sensitive));
}

/// 06, rule 3: coverage that betrays one of these.
#[test]
fn coverage_that_betrays_something_is_unstated_like_coverage_that_is_not_known() {
    let of = |categories: &[CoverageCategory]| shown_coverage(categories);
    assert_eq!(of(&[]), [ShownCoverage::Unstated]);
    assert_eq!(of(&[CoverageCategory::StateProgram]), [ShownCoverage::Unstated]);
    assert_eq!(of(&[CoverageCategory::SafetyNet]), [ShownCoverage::Unstated]);
    assert_eq!(of(&[CoverageCategory::Medicare]), [ShownCoverage::Unstated]);
    assert_eq!(of(&[CoverageCategory::Medicaid, CoverageCategory::StateProgram]), [ShownCoverage::Medicaid]);
}

#[test]
fn a_stored_profile_with_a_sensitive_term_is_not_read() {
    let with = |need: &str| {
        let text = format!(
            r#"{{"languages":[],"needs":["{need}"],"coverage":["unstated"],"requirements":
            {{"languages":[],"populations":[],"modalities":[],"practices":[]}}}}"#
        );
        serde_json::from_str::<LimitedProfile>(&text)
    };
    assert!(with("grief").is_ok());
    assert!(with("housing").unwrap_err().to_string().contains("sensitive"));
}

#[test]
fn an_age_is_told_as_a_band() {
    let band = |birth| {
        LimitedProfile::of(&Known { birth_date: Some(birth), ..Known::default() }, TODAY, Crowd::DEFAULT)
            .age_band
    };
    assert_eq!(band(date(2023, 11, 25)), Some(AgeBand::UpTo2));
    assert_eq!(band(date(2023, 11, 24)), Some(AgeBand::From3To5));
    assert_eq!(band(date(2008, 11, 25)), Some(AgeBand::From15To17));
    assert_eq!(band(date(2008, 11, 24)), Some(AgeBand::From18To21));
    assert_eq!(AgeBand::of(80), AgeBand::From22);
}
