//! What holds of every release, whatever is asked and on file.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;

use super::*;

fn any_fields() -> impl Strategy<Value = Vec<StudentField>> {
    prop_oneof![
        select(Packet::ALL).prop_map(|packet| packet.fields().to_vec()),
        proptest::collection::vec(select(StudentField::ALL), 0..4),
    ]
}

fn any_party() -> impl Strategy<Value = Party> {
    prop_oneof![
        4 => select(vec![AGENCY, OTHER_AGENCY])
            .prop_map(|id| Party::Organization { id, classes: vec![RecipientClass::BehavioralHealth] }),
        1 => Just(Party::School(named())),
        1 => Just(Party::Caseworker(named())),
        1 => any::<bool>()
            .prop_map(|medical_personnel| Party::EmergencyParty { named: named(), medical_personnel }),
        1 => select(vec![PARENT, BARRED, RESTRICTED]).prop_map(Party::Guardian),
    ]
}

fn any_truth() -> impl Strategy<Value = Truth> {
    select(vec![Truth::No, Truth::Unknown, Truth::Yes])
}

/// Consents of every kind, most of them nearly good.
fn any_consent() -> impl Strategy<Value = Consent> {
    let whose = (
        prop_oneof![9 => Just(DISTRICT), 1 => Just(OTHER_DISTRICT)],
        prop_oneof![9 => Just(STUDENT), 1 => Just(StudentId(Uuid::from_u128(99)))],
    );
    let says = (
        prop_oneof![
            2 => Just(Authority::ALL.to_vec()),
            1 => proptest::sample::subsequence(Authority::ALL.to_vec(), 1..=4)
        ],
        prop_oneof![
            4 => Just(ConsentRecipient::Organization(AGENCY)),
            4 => Just(ConsentRecipient::Class(RecipientClass::BehavioralHealth)),
            1 => Just(ConsentRecipient::Class(RecipientClass::BasicNeeds)),
        ],
        prop_oneof![2 => Just(Direction::Both), 1 => select(Direction::ALL)],
        any::<bool>(),
        prop_oneof![3 => Just(StudentField::ALL.to_vec()), 1 => any_fields()],
        prop_oneof![3 => Just(Purpose::ALL.to_vec()), 1 => proptest::sample::subsequence(Purpose::ALL.to_vec(), 1..=3)],
    );
    let signed = (
        prop_oneof![6 => Just(PARENT), 1 => Just(BARRED), 1 => Just(RESTRICTED)],
        prop_oneof![7 => Just(SignatureMethod::Paper), 1 => Just(SignatureMethod::VerbalWitnessed)],
        prop_oneof![3 => Just(true), 1 => Just(false)],
    );
    let when = (
        select(vec![date(2027, 6, 30), date(2026, 11, 24), date(2026, 11, 23)]),
        prop_oneof![
            4 => Just(None),
            1 => Just(Some(NOW)),
            1 => Just(Some("2026-11-25T00:00:00Z"))
        ],
    );
    (whose, says, signed, when).prop_map(|(whose, says, signed, when)| {
        let (authorities, recipient, direction, covers_part2, fields, purposes) = says;
        let (guardian, method, by_student) = signed;
        let mut consent = Consent {
            district_id: whose.0,
            student_id: whose.1,
            authorities,
            recipients: vec![recipient],
            direction,
            covers_part2,
            fields,
            purposes,
            expires_on: when.0,
            revoked_at: when.1.map(instant),
            ..consent()
        };
        consent.signatures[0].by = SignedBy::Guardian(guardian);
        consent.signatures[0].method = method;
        if !by_student {
            consent.signatures.pop();
        }
        consent
    })
}

/// Any release, most of them nearly allowed.
fn any_case() -> impl Strategy<Value = Case> {
    let asked = (
        prop_oneof![1 => Just(Basis::Consent), 1 => select(Basis::ALL)],
        select(Packet::ALL),
        prop_oneof![3 => Just(Direction::ToAgency), 1 => Just(Direction::ToSchool), 1 => Just(Direction::Both)],
        prop_oneof![5 => Just(None), 1 => any_fields().prop_map(Some)],
        prop_oneof![5 => Just(None), 1 => any_party().prop_map(Some)],
        prop_oneof![5 => Just(None), 1 => select(Purpose::ALL).prop_map(Some)],
        prop_oneof![1 => Just(None), 1 => Just(Some(" ")), 4 => Just(Some("Said when and how."))],
    );
    let file = (
        proptest::collection::vec(any_consent(), 1..5),
        (
            prop_oneof![4 => Just(true), 1 => Just(false)],
            prop_oneof![1 => Just(true), 2 => Just(false)],
            any_truth(),
            prop_oneof![2 => Just(Truth::Yes), 1 => any_truth()],
        ),
        select(vec![None, Some("MA")]),
        select(vec![BIRTH, date(2011, 3, 1), date(2008, 11, 24), date(2008, 11, 25)]),
        prop_oneof![9 => Just(DISTRICT), 1 => Just(OTHER_DISTRICT)],
    );
    (asked, file).prop_map(|(asked, file)| {
        let (basis, packet, direction, fields, party, purpose, threat) = asked;
        let (consents, (accepted, involves_part2, owed, proven), state, birth_date, district) = file;
        let mut case = Case::on(basis, packet, direction);
        case.asked.fields = fields.unwrap_or(case.asked.fields);
        case.asked.party = party.unwrap_or(case.asked.party);
        case.asked.purpose = purpose.unwrap_or(case.asked.purpose);
        case.asked.threat = threat.map(str::to_owned);
        Case { district, state, birth_date, consents, accepted, involves_part2, owed, proven, ..case }
    })
}

/// One thing less in a consent.
#[derive(Clone, Copy, Debug)]
enum Narrowing {
    Authority(usize),
    Recipients,
    OneWay(Direction),
    Field(usize),
    Purpose(usize),
    Part2,
    Signature(usize),
    Unsigned,
    Earlier,
    Revoked,
    OtherDistrict,
}

fn any_narrowing() -> impl Strategy<Value = Narrowing> {
    prop_oneof![
        (0..5_usize).prop_map(Narrowing::Authority),
        Just(Narrowing::Recipients),
        select(vec![Direction::ToAgency, Direction::ToSchool]).prop_map(Narrowing::OneWay),
        (0..21_usize).prop_map(Narrowing::Field),
        (0..13_usize).prop_map(Narrowing::Purpose),
        Just(Narrowing::Part2),
        (0..2_usize).prop_map(Narrowing::Signature),
        Just(Narrowing::Unsigned),
        Just(Narrowing::Earlier),
        Just(Narrowing::Revoked),
        Just(Narrowing::OtherDistrict),
    ]
}

fn without<T>(mut list: Vec<T>, at: usize) -> Vec<T> {
    if at < list.len() {
        list.remove(at);
    }
    list
}

fn narrowed(mut consent: Consent, by: Narrowing) -> Consent {
    match by {
        Narrowing::Authority(at) => consent.authorities = without(consent.authorities, at),
        Narrowing::Recipients => consent.recipients.clear(),
        Narrowing::OneWay(way) if consent.direction == Direction::Both => consent.direction = way,
        Narrowing::OneWay(_) => {}
        Narrowing::Field(at) => consent.fields = without(consent.fields, at),
        Narrowing::Purpose(at) => consent.purposes = without(consent.purposes, at),
        Narrowing::Part2 => consent.covers_part2 = false,
        Narrowing::Signature(at) => consent.signatures = without(consent.signatures, at),
        Narrowing::Unsigned => consent.signed_at = None,
        Narrowing::Earlier => consent.expires_on = consent.expires_on.min(date(2026, 11, 20)),
        Narrowing::Revoked => consent.revoked_at = Some(instant("2026-11-01T00:00:00Z")),
        Narrowing::OtherDistrict => consent.district_id = OTHER_DISTRICT,
    }
    consent
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// Invariant 5 of the domain: nothing that names or could identify a student leaves without a basis.
    #[test]
    fn with_no_consent_and_no_other_basis_nothing_that_identifies_ever_leaves(case in any_case()) {
        let case = case.with(|case| {
            case.consents.clear();
            case.proven = if case.proven == Truth::Yes { Truth::Unknown } else { case.proven };
            case.asked.threat = None;
        });
        if case.is_released() {
            prop_assert_eq!(case.asked.packet, Packet::LimitedProfile);
            prop_assert!(!case.asked.fields.iter().any(|field| field.identifies()));
            prop_assert!(!case.involves_part2);
        }
    }

    #[test]
    fn a_revocation_never_turns_a_refusal_into_a_release(
        case in any_case(), which in 0..4_usize, at in select(vec!["2020-01-01T00:00:00Z", NOW, "2030-01-01T00:00:00Z"])
    ) {
        let revoked = case.clone().with(|case| {
            if let Some(consent) = case.consents.get_mut(which) {
                let at = instant(at);
                consent.revoked_at = Some(consent.revoked_at.map_or(at, |before| before.min(at)));
            }
        });
        prop_assert!(case.is_released() || !revoked.is_released());
    }

    #[test]
    fn narrowing_a_consent_never_widens_what_leaves(
        case in any_case(), which in 0..4_usize, by in any_narrowing()
    ) {
        let narrower = case.clone().with(|case| {
            if let Some(consent) = case.consents.get_mut(which) {
                *consent = narrowed(consent.clone(), by);
            }
        });
        prop_assert!(case.is_released() || !narrower.is_released());
    }

    #[test]
    fn asking_for_more_never_turns_a_refusal_into_a_release(
        case in any_case(), more in select(StudentField::ALL)
    ) {
        prop_assume!(!case.asked.fields.is_empty());
        let wider = case.clone().with(|case| case.asked.fields.push(more));
        prop_assert!(case.is_released() || !wider.is_released());
    }

    /// A plain statement of what a consent must be, beside the one in the code.
    #[test]
    fn every_consent_that_a_release_rests_on_covers_it(case in any_case()) {
        if let Decision::Release { basis, consents, .. } = case.decide() {
            prop_assert_eq!(basis, case.asked.basis);
            prop_assert!(basis != Basis::Consent || !consents.is_empty());
            let medical = matches!(case.asked.party, Party::EmergencyParty { medical_personnel: true, .. });
            prop_assert!(!case.involves_part2 || !consents.is_empty() || medical);
            let good = |consent: &Consent| {
                consent.id == CONSENT
                    && consent.district_id == case.district
                    && consent.student_id == case.student
                    && consent.signed_at.is_some_and(|at| at <= case.asked.at)
                    && consent.revoked_at.is_none_or(|at| at > case.asked.at)
                    && consent.expires_on >= date(2026, 11, 24)
                    && consent.purposes.contains(&case.asked.purpose)
                    && case.asked.fields.iter().all(|field| consent.fields.contains(field))
            };
            prop_assert!(consents.is_empty() || case.consents.iter().any(good));
        }
    }
}

/// The properties would hold of a decision that refuses everything; this one does not.
#[test]
fn a_good_share_of_what_is_tried_is_released() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let released =
        (0..2_000).filter(|_| any_case().new_tree(&mut runner).unwrap().current().is_released()).count();
    assert!(released > 100, "{released} of 2000");
}
