//! The rules of consent one by one, each with where it comes from (34 CFR 99.30; 603 CMR 23.07).

use super::*;

/// 34 CFR 99.30.
#[test]
fn what_a_signed_consent_covers_leaves_with_its_notice_and_names_the_consent() {
    assert_eq!(
        Case::good().decide(),
        Decision::Release {
            basis: Basis::Consent,
            consents: vec![CONSENT],
            notices: vec![Notice::Redisclosure]
        }
    );
}

/// 34 CFR 99.30(a).
#[test]
fn without_a_consent_nothing_leaves_on_the_basis_of_one() {
    assert_eq!(after(|case| case.consents.clear()), [Reason::ConsentMissing]);
    let health = vec![Authority::HipaaAuthorization];
    assert_eq!(after_consent(|consent| consent.authorities = health), [Reason::ConsentMissing]);
}

/// 34 CFR 99.30(b)(3): the party or class of parties.
#[test]
fn a_consent_covers_the_recipient_it_names_or_the_class() {
    let only = |recipient| after_consent(|consent| consent.recipients = vec![recipient]);
    assert_eq!(only(ConsentRecipient::Organization(OTHER_AGENCY)), [Reason::RecipientNotCovered]);
    assert_eq!(only(ConsentRecipient::Class(RecipientClass::BehavioralHealth)), []);
    assert_eq!(only(ConsentRecipient::Class(RecipientClass::YouthProgram)), [Reason::RecipientNotCovered]);
    assert_eq!(after_consent(|consent| consent.recipients.clear()), [Reason::RecipientNotCovered]);
}

/// 34 CFR 99.30(b)(1): the records that may be disclosed.
#[test]
fn a_consent_covers_the_fields_it_names() {
    let without = |field| after_consent(|consent| consent.fields.retain(|named| *named != field));
    assert_eq!(without(StudentField::BirthDate), [Reason::FieldNotCovered]);
    assert_eq!(without(StudentField::Phone), [], "it is not asked");
}

/// 34 CFR 99.30(b)(2): the purpose.
#[test]
fn a_consent_covers_the_purposes_it_names() {
    let only = |purpose| after_consent(|consent| consent.purposes = vec![purpose]);
    assert_eq!(only(Purpose::CoordinateCare), [Reason::PurposeNotCovered]);
    assert_eq!(only(Purpose::ProvideService), []);
}

/// 06, rule 4: direction.
#[test]
fn a_consent_for_one_way_is_none_for_the_other() {
    assert_eq!(
        after_consent(|consent| consent.direction = Direction::ToSchool),
        [Reason::DirectionNotCovered]
    );
    assert_eq!(after_consent(|consent| consent.direction = Direction::ToAgency), []);
}

/// 06, rule 4: expires; the last day is inside, by the district's calendar.
#[test]
fn a_consent_holds_through_its_last_day_in_the_districts_time() {
    let on = |at| {
        after(|case| {
            case.asked.at = instant(at);
            case.consents[0].expires_on = date(2026, 11, 24);
        })
    };
    assert_eq!(on("2026-11-24T23:59:59-05:00"), []);
    assert_eq!(on("2026-11-25T00:00:00-05:00"), [Reason::ConsentExpired]);
}

/// 06, rule 4: revocation stops every later release.
#[test]
fn a_revocation_stops_every_release_from_its_instant_on() {
    let revoked = |at| after_consent(|consent| consent.revoked_at = Some(instant(at)));
    assert_eq!(revoked("2026-11-24T12:00:01-05:00"), []);
    assert_eq!(revoked(NOW), [Reason::ConsentRevoked]);
    assert_eq!(revoked("2026-10-01T00:00:00Z"), [Reason::ConsentRevoked]);
}

/// 34 CFR 99.30(a): signed and dated.
#[test]
fn a_consent_that_is_not_signed_yet_is_none() {
    assert_eq!(after_consent(|consent| consent.signed_at = None), [Reason::ConsentNotSigned]);
    let later = instant("2026-11-24T12:00:01-05:00");
    assert_eq!(after_consent(|consent| consent.signed_at = Some(later)), [Reason::ConsentNotSigned]);
    let before = Some(instant("2026-09-02T11:59:59Z"));
    assert_eq!(after_consent(|consent| consent.signed_at = before), [Reason::ConsentNotSigned], "by whom?");
    assert_eq!(
        after_consent(|consent| consent.signatures[0].signed_at = later),
        [Reason::ParentSignatureMissing, Reason::SignatureNotYetGiven]
    );
}

/// 06, rule 4; 34 CFR 99.3, 99.5: the parent under 18.
#[test]
fn below_eighteen_the_students_signature_alone_is_not_enough() {
    assert_eq!(after_consent(|consent| drop(consent.signatures.remove(0))), [Reason::ParentSignatureMissing]);
    assert_eq!(after_consent(|consent| drop(consent.signatures.remove(1))), []);
}

/// 34 CFR 99.5(a): at 18 the rights pass, and what a parent signed is to be signed anew.
#[test]
fn at_eighteen_the_student_signs_anew() {
    let eighteen_today = date(2008, 11, 24);
    assert_eq!(
        after(|case| case.birth_date = eighteen_today),
        [Reason::StudentSignatureMissing, Reason::SignatureBeforeTheRight]
    );
    assert_eq!(after(|case| case.birth_date = date(2008, 11, 25)), [], "one day before");
    let anew = after(|case| {
        case.birth_date = eighteen_today;
        case.consents[0].signatures[1].signed_at = instant("2026-11-24T11:00:00-05:00");
    });
    assert_eq!(anew, []);
}

/// 603 CMR 23.01(1), 23.07(4).
#[test]
fn in_massachusetts_a_student_of_fourteen_signs_beside_the_parent() {
    let of = |state, birth_date, both: bool| {
        after(|case| {
            case.state = Some(state);
            case.birth_date = birth_date;
            if !both {
                case.consents[0].signatures.pop();
            }
        })
    };
    let fourteen = date(2012, 3, 1);
    assert_eq!(of("MA", fourteen, false), [Reason::StudentSignatureMissing]);
    assert_eq!(of("MA", fourteen, true), []);
    assert_eq!(of("MA", BIRTH, false), [], "twelve, in the sixth grade");
    assert_eq!(of("VT", fourteen, false), []);
    let since = date(2012, 10, 1);
    assert_eq!(of("MA", since, false), [], "thirteen when it was signed: it goes on to hold");
}

/// 34 CFR 99.4; 06, rule 4: a guardian's access is a fact with a basis. The reason names nobody.
#[test]
fn the_signature_of_a_guardian_without_full_access_does_not_count() {
    for guardian in [BARRED, RESTRICTED] {
        let case = Case::good().with(|case| {
            case.consents[0].signatures[0].by = SignedBy::Guardian(guardian);
            case.consents[0].signatures[0].name = "Morgan Barred".to_owned();
        });
        assert_eq!(case.reasons(), [Reason::ParentSignatureMissing, Reason::SignatureWithoutAccess]);
        let Decision::Refuse { reasons } = case.decide() else { panic!("it was refused") };
        let told = serde_json::to_string(&reasons).unwrap();
        assert!(!told.contains("Morgan") && !told.contains(&guardian.to_string()), "{told}");
    }
    assert_eq!(
        after(|case| case.guardians.clear()),
        [Reason::ParentSignatureMissing, Reason::SignatureByNoGuardian]
    );
    assert_eq!(
        after(|case| case.guardians.push((PARENT, GuardianAccess::Barred))),
        [Reason::ParentSignatureMissing, Reason::SignatureWithoutAccess],
        "who stands twice has the least of it"
    );
}

/// 34 CFR 99.30(a) and (d); 45 CFR 164.508(c); 42 CFR 2.31(a); 34 CFR 300.9(b).
#[test]
fn a_word_before_a_witness_is_no_written_consent_and_a_signature_needs_its_evidence() {
    assert_eq!(
        after_consent(|consent| consent.signatures[0].method = SignatureMethod::VerbalWitnessed),
        [Reason::ParentSignatureMissing, Reason::SignatureNotWritten]
    );
    assert_eq!(after_consent(|consent| consent.signatures[0].method = SignatureMethod::Electronic), []);
    assert_eq!(
        after_consent(|consent| consent.signatures[0].evidence = " ".to_owned()),
        [Reason::ParentSignatureMissing, Reason::SignatureWithoutEvidence]
    );
}

/// 06, rule 4: a consent given to one district does not authorize another. Rule 1: the district is the tenant.
#[test]
fn a_consent_given_to_one_district_does_not_authorize_another() {
    assert_eq!(
        after_consent(|consent| consent.district_id = OTHER_DISTRICT),
        [Reason::ConsentOfOtherDistrict]
    );
    assert_eq!(after(|case| case.district = OTHER_DISTRICT), [Reason::OtherDistrict]);
    let moved = after(|case| {
        case.district = OTHER_DISTRICT;
        case.asked.district_id = OTHER_DISTRICT;
    });
    assert_eq!(moved, [Reason::ConsentOfOtherDistrict], "who moves signs anew");
    let other = StudentId(Uuid::from_u128(99));
    assert_eq!(after_consent(|consent| consent.student_id = other), [Reason::ConsentOfOtherStudent]);
    assert_eq!(after(|case| case.student = other), [Reason::OtherStudent]);
}

/// 45 CFR 164.508.
#[test]
fn what_an_agency_tells_the_school_needs_its_own_authorization() {
    let progress = || Case::on(Basis::Consent, Packet::Progress, Direction::ToSchool);
    let on = |authorities: &[Authority]| {
        let authorities = authorities.to_vec();
        progress().with(|case| case.consents = vec![Consent { authorities, ..consent() }]).reasons()
    };
    assert_eq!(on(&[Authority::Ferpa, Authority::State]), [Reason::HipaaAuthorizationMissing]);
    assert_eq!(on(&[Authority::HipaaAuthorization]), []);
    let both = Case::on(Basis::Consent, Packet::Progress, Direction::Both).with(|case| {
        case.consents = vec![
            Consent { authorities: vec![Authority::Ferpa], direction: Direction::ToAgency, ..consent() },
            Consent {
                id: ConsentId(Uuid::from_u128(10)),
                authorities: vec![Authority::HipaaAuthorization],
                direction: Direction::ToSchool,
                ..consent()
            },
        ];
    });
    assert_eq!(both.reasons(), [], "one paper each way");
    assert_eq!(both.with(|case| drop(case.consents.pop())).reasons(), [Reason::HipaaAuthorizationMissing]);
    for basis in Basis::ALL.iter().filter(|basis| **basis != Basis::Consent) {
        let reasons = Case::on(*basis, Packet::Progress, Direction::ToSchool).reasons();
        assert!(reasons.contains(&Reason::DirectionNotForBasis), "{basis}: {reasons:?}");
    }
}

#[test]
fn each_reason_has_a_sentence_of_its_own() {
    let sentences: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.plain()).collect();
    assert_eq!(sentences.len(), Reason::ALL.len());
    assert!(sentences.iter().all(|sentence| sentence.ends_with('.')));
}

#[test]
fn of_several_consents_the_nearest_is_told_and_one_that_covers_is_enough() {
    let hopeless = Consent {
        id: ConsentId(Uuid::from_u128(10)),
        signed_at: None,
        recipients: vec![],
        purposes: vec![],
        ..consent()
    };
    let expired = Consent { expires_on: date(2026, 1, 1), ..consent() };
    let case = Case::good().with(|case| case.consents = vec![hopeless, expired]);
    let Decision::Refuse { reasons } = case.decide() else { panic!("neither holds") };
    assert_eq!(reasons.len(), 1);
    assert_eq!((reasons[0].reason, reasons[0].consent), (Reason::ConsentExpired, Some(CONSENT)));
    assert_eq!(
        (reasons[0].authority, reasons[0].citation.as_str()),
        (Some(Authority::Ferpa), "34 CFR 99.30")
    );
    assert!(case.with(|case| case.consents.push(consent())).is_released());
}
