//! The rules of packets, bases, billing and Part 2 one by one, each with where it comes from.

use super::*;

// ---- minimum necessary (06, rule 2) -------------------------------------------------------------------------

/// 06, rule 2.
#[test]
fn identity_and_progress_leave_only_after_acceptance() {
    assert_eq!(after(|case| case.accepted = false), [Reason::PacketBeforeAcceptance]);
    for basis in [Basis::Consent, Basis::SchoolOfficial, Basis::IdeaAgency] {
        for packet in [Packet::Identity, Packet::Progress] {
            let case = Case::on(basis, packet, Direction::ToAgency).with(|case| {
                case.consents.push(consent());
            });
            assert_eq!(case.reasons(), [], "{basis} {packet}");
            let before = case.with(|case| case.accepted = false).reasons();
            assert_eq!(before, [Reason::PacketBeforeAcceptance], "{basis} {packet}");
        }
    }
}

/// 06, rule 2: the eligibility packet can be consented to on its own, for insurance verification.
#[test]
fn eligibility_leaves_before_acceptance_on_its_own_consent_and_for_insurance_only() {
    let eligibility = Case::on(Basis::Consent, Packet::Eligibility, Direction::ToAgency).with(|case| {
        case.accepted = false;
        case.consents = vec![Consent {
            fields: Packet::Eligibility.fields().to_vec(),
            purposes: vec![Purpose::VerifyInsurance],
            ..consent()
        }];
    });
    assert_eq!(eligibility.asked.purpose, Purpose::VerifyInsurance);
    assert_eq!(eligibility.reasons(), []);
    let more = eligibility.clone().with(|case| case.asked.fields.push(StudentField::Address));
    assert_eq!(more.reasons(), [Reason::FieldNotInPacket, Reason::FieldNotCovered]);
    let other = eligibility.clone().with(|case| {
        case.asked.purpose = Purpose::CoordinateCare;
        case.consents = vec![consent()];
    });
    assert_eq!(other.reasons(), [Reason::PurposeNotForPacket]);
    let billing = eligibility.with(|case| {
        case.asked.purpose = Purpose::InsuranceBilling;
        case.consents = vec![consent()];
    });
    assert_eq!(billing.reasons(), [Reason::PacketBeforeAcceptance], "nothing is billed before acceptance");
}

/// 06, rule 2; 34 CFR 99.31(b)(1).
#[test]
fn the_limited_profile_needs_no_consent_and_nothing_else_leaves_as_not_identifying() {
    let profile = Case::on(Basis::Deidentified, Packet::LimitedProfile, Direction::ToAgency)
        .with(|case| case.accepted = false);
    assert_eq!(
        profile.decide(),
        Decision::Release { basis: Basis::Deidentified, consents: vec![], notices: vec![] }
    );
    for packet in [Packet::Eligibility, Packet::Identity, Packet::Progress] {
        let reasons = Case::on(Basis::Deidentified, packet, Direction::ToAgency).reasons();
        assert!(reasons.contains(&Reason::PacketNotForBasis), "{packet}: {reasons:?}");
    }
    let more = profile.with(|case| case.asked.fields.push(StudentField::GivenName));
    assert_eq!(more.reasons(), [Reason::FieldNotInPacket, Reason::PacketNotForBasis]);
}

/// 06, rule 5: which fields are on the record; a release of nothing in particular is none.
#[test]
fn a_release_names_its_fields() {
    assert_eq!(after(|case| case.asked.fields.clear()), [Reason::NothingAsked]);
}

// ---- the other bases (06, rule 5) ---------------------------------------------------------------------------

/// 34 CFR 99.31(a)(1); a(2) and 99.34; 20 U.S.C. 1232g(b)(1)(L); 34 CFR 300.622. Unknown never satisfies.
#[test]
fn a_basis_holds_only_where_its_fact_is_on_file() {
    for (basis, reason) in [
        (Basis::SchoolOfficial, Reason::DirectControlNotKnown),
        (Basis::EnrollingSchool, Reason::EnrolmentNotKnown),
        (Basis::ChildWelfareCaseworker, Reason::ResponsibilityNotKnown),
        (Basis::IdeaAgency, Reason::ParticipationNotKnown),
    ] {
        let case = Case::on(basis, Packet::Identity, Direction::ToAgency);
        assert_eq!(case.reasons(), [], "{basis}");
        for fact in [Truth::No, Truth::Unknown] {
            assert_eq!(case.clone().with(|case| case.proven = fact).reasons(), [reason], "{basis} {fact:?}");
        }
    }
}

/// 34 CFR 99.31(a): each exception is for its own purpose and its own kind of recipient.
#[test]
fn a_basis_holds_for_its_purpose_and_its_kind_of_recipient_only() {
    let bases = Basis::ALL.iter().filter(|basis| **basis != Basis::Consent && **basis != Basis::Deidentified);
    for basis in bases {
        let case = Case::on(*basis, Packet::Identity, Direction::ToAgency);
        let other = case.clone().with(|case| case.asked.purpose = Purpose::LegalCompliance);
        assert_eq!(other.reasons(), [Reason::PurposeNotForBasis], "{basis}");
        if *basis != Basis::HealthSafetyEmergency {
            let other = case.with(|case| case.asked.party = Party::Guardian(PARENT));
            assert_eq!(other.reasons(), [Reason::PartyNotForBasis], "{basis}");
        }
    }
}

/// 34 CFR 99.31(a)(1)(i)(B): whoever works for the school bills nobody on that ground; (a)(2): enrolment only.
#[test]
fn insurance_is_told_on_consent_alone() {
    for basis in Basis::ALL.iter().filter(|basis| **basis != Basis::Consent) {
        for purpose in [Purpose::VerifyInsurance, Purpose::InsuranceBilling] {
            let case = Case::on(*basis, Packet::Eligibility, Direction::ToAgency)
                .with(|case| case.asked.purpose = purpose);
            assert!(case.reasons().contains(&Reason::PurposeNotForBasis), "{basis}");
        }
    }
}

/// 34 CFR 300.622(b)(2).
#[test]
fn transition_services_need_a_consent() {
    let idea = Case::on(Basis::IdeaAgency, Packet::Identity, Direction::ToAgency)
        .with(|case| case.asked.purpose = Purpose::TransitionServices);
    assert_eq!(idea.reasons(), [Reason::PurposeNotForBasis]);
    assert_eq!(after(|case| case.asked.purpose = Purpose::TransitionServices), []);
}

/// 34 CFR 99.31(a)(10), 99.36(c), 99.32(a)(5).
#[test]
fn in_an_emergency_the_threat_is_written_down_first() {
    let emergency = Case::on(Basis::HealthSafetyEmergency, Packet::Identity, Direction::ToAgency)
        .with(|case| case.accepted = false);
    assert_eq!(emergency.reasons(), []);
    let hospital = Party::Organization { id: AGENCY, classes: vec![RecipientClass::Hospital] };
    let hospital = emergency.clone().with(|case| case.asked.party = hospital);
    assert_eq!(hospital.reasons(), [], "nobody waits for an acceptance");
    for threat in [None, Some(String::new()), Some(" \n".to_owned())] {
        let case = emergency.clone().with(|case| case.asked.threat = threat);
        assert_eq!(case.reasons(), [Reason::ThreatNotWritten]);
    }
}

/// 603 CMR 23.07(1): name, position and affiliation.
#[test]
fn a_recipient_who_is_a_person_or_a_school_is_named() {
    for basis in [Basis::EnrollingSchool, Basis::ChildWelfareCaseworker, Basis::HealthSafetyEmergency] {
        for blank in 0..3 {
            let case = Case::on(basis, Packet::Identity, Direction::ToAgency).with(|case| {
                let named = match &mut case.asked.party {
                    Party::School(named) | Party::Caseworker(named) | Party::EmergencyParty { named, .. } => {
                        named
                    }
                    Party::Organization { .. } | Party::Guardian(_) => panic!("not on these bases"),
                };
                *[&mut named.name, &mut named.position, &mut named.affiliation][blank] = "  ".to_owned();
            });
            assert_eq!(case.reasons(), [Reason::PartyUnnamed], "{basis}");
        }
    }
}

/// 06, rule 4: a barred person gets nothing (34 CFR 99.4).
#[test]
fn a_barred_guardian_gets_nothing_in_an_emergency_either() {
    let to = |guardian| {
        Case::on(Basis::HealthSafetyEmergency, Packet::Identity, Direction::ToAgency)
            .with(|case| case.asked.party = Party::Guardian(guardian))
            .reasons()
    };
    assert_eq!(to(PARENT), []);
    assert_eq!(to(BARRED), [Reason::GuardianBarred]);
    assert_eq!(to(RESTRICTED), [Reason::GuardianRestricted]);
    assert_eq!(to(GuardianId(Uuid::from_u128(99))), [Reason::NoGuardian]);
    assert_eq!(family_access(GuardianAccess::Full), Ok(()));
    assert_eq!(family_access(GuardianAccess::Barred), Err(Reason::GuardianBarred));
    assert_eq!(family_access(GuardianAccess::Restricted), Err(Reason::GuardianRestricted));
}

/// 34 CFR 99.33(d): whatever identifies and leaves the school carries the notice.
#[test]
fn the_notice_against_redisclosure_travels_with_all_that_identifies() {
    for (basis, packet) in [
        (Basis::SchoolOfficial, Packet::Identity),
        (Basis::EnrollingSchool, Packet::Identity),
        (Basis::ChildWelfareCaseworker, Packet::Progress),
        (Basis::IdeaAgency, Packet::Identity),
        (Basis::HealthSafetyEmergency, Packet::Identity),
    ] {
        let Decision::Release { notices, .. } = Case::on(basis, packet, Direction::ToAgency).decide() else {
            panic!("{basis} {packet}");
        };
        assert_eq!(notices, [Notice::Redisclosure], "{basis}");
    }
}

// ---- insurance for what a plan owes (34 CFR 300.154(d)–(e)) ---------------------------------------------------

/// 34 CFR 300.154(d)(2)(iv), (e). What nobody has said counts as owed.
#[test]
fn an_owed_service_is_not_billed_without_its_own_consent() {
    let billing = |owed, authorities: &[Authority]| {
        let authorities = authorities.to_vec();
        Case::on(Basis::Consent, Packet::Eligibility, Direction::ToAgency)
            .with(|case| {
                case.asked.purpose = Purpose::InsuranceBilling;
                case.owed = owed;
                case.consents = vec![Consent { authorities, ..consent() }];
            })
            .reasons()
    };
    assert_eq!(billing(Truth::Yes, &[Authority::Ferpa]), [Reason::BillingConsentMissing]);
    assert_eq!(billing(Truth::Unknown, &[Authority::Ferpa]), [Reason::BillingConsentMissing]);
    assert_eq!(billing(Truth::No, &[Authority::Ferpa]), []);
    assert_eq!(billing(Truth::Yes, &[Authority::Ferpa, Authority::IdeaBilling]), []);
    assert_eq!(billing(Truth::Yes, &[Authority::IdeaBilling]), [Reason::ConsentMissing]);
    assert_eq!(
        after(|case| {
            case.owed = Truth::Yes;
            case.consents[0].authorities = vec![Authority::Ferpa];
        }),
        [],
        "to give the service bills nobody"
    );
}

// ---- treatment of substance use (42 CFR Part 2) ---------------------------------------------------------------

/// 42 CFR 2.31, 2.32; 06, rule 6: even the limited profile, for the program's name reveals.
#[test]
fn what_involves_a_part_2_program_needs_a_part_2_consent_and_carries_its_notice() {
    let profile = Case::on(Basis::Deidentified, Packet::LimitedProfile, Direction::ToAgency)
        .with(|case| case.involves_part2 = true);
    assert_eq!(profile.reasons(), [Reason::Part2ConsentMissing]);
    let with = |authorities: &[Authority], covers_part2| {
        let authorities = authorities.to_vec();
        profile
            .clone()
            .with(|case| case.consents = vec![Consent { authorities, covers_part2, ..consent() }])
            .decide()
    };
    assert_eq!(
        with(&[Authority::Part2], true),
        Decision::Release {
            basis: Basis::Deidentified,
            consents: vec![CONSENT],
            notices: vec![Notice::Part2]
        }
    );
    for (authorities, covers) in [(Authority::Part2, false), (Authority::Ferpa, true)] {
        assert!(matches!(with(&[authorities], covers), Decision::Refuse { .. }), "{authorities}");
    }
    for basis in Basis::ALL {
        let case =
            Case::on(*basis, Packet::Identity, Direction::ToAgency).with(|case| case.involves_part2 = true);
        assert!(case.reasons().contains(&Reason::Part2ConsentMissing), "{basis}");
    }
}

/// 42 CFR 2.14: the minor signs, and a parent beside, unless the state lets the minor obtain the treatment alone.
#[test]
fn a_part_2_consent_is_signed_by_the_minor_and_by_a_parent_unless_the_table_says_alone() {
    let part2 = |state, care, signer: Option<usize>| {
        Case::on(Basis::Deidentified, Packet::LimitedProfile, Direction::ToAgency)
            .with(|case| {
                case.involves_part2 = true;
                case.state = state;
                case.minor_care = care;
                case.consents = vec![consent()];
                if let Some(signer) = signer {
                    case.consents[0].signatures = vec![case.consents[0].signatures[signer].clone()];
                }
            })
            .reasons()
    };
    let drugs = Some(MinorCare::SubstanceUseTreatment);
    assert_eq!(part2(Some("MA"), None, None), []);
    assert_eq!(part2(Some("MA"), None, Some(0)), [Reason::StudentSignatureMissing]);
    assert_eq!(part2(Some("MA"), None, Some(1)), [Reason::ParentSignatureMissing]);
    assert_eq!(part2(Some("MA"), drugs, Some(1)), [], "M.G.L. c. 112, § 12E");
    assert_eq!(part2(Some("MA"), drugs, Some(0)), [Reason::StudentSignatureMissing], "never a parent alone");
    assert_eq!(part2(None, drugs, Some(1)), [Reason::ParentSignatureMissing], "no table, no exception");
}

/// 42 CFR 2.51: medical personnel in a medical emergency, and nobody else.
#[test]
fn medical_personnel_are_told_in_an_emergency_without_a_part_2_consent() {
    let emergency = |medical_personnel| {
        Case::on(Basis::HealthSafetyEmergency, Packet::Identity, Direction::ToAgency)
            .with(|case| {
                case.involves_part2 = true;
                case.asked.party = Party::EmergencyParty { named: named(), medical_personnel };
            })
            .decide()
    };
    let notices = vec![Notice::Redisclosure, Notice::Part2];
    let released = Decision::Release { basis: Basis::HealthSafetyEmergency, consents: vec![], notices };
    assert_eq!(emergency(true), released);
    assert!(matches!(emergency(false), Decision::Refuse { .. }));
}
