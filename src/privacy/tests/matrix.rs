//! Every basis, packet and direction against every state of the consent, with and without Part 2 and acceptance:
//! one table for people to read. It fails on any change; read the difference before you accept it.

use std::fmt::Write;

use super::*;

const CONSENTS: [&str; 9] = [
    "none",
    "good",
    "expired",
    "revoked",
    "wrong recipient",
    "wrong purpose",
    "wrong district",
    "unsigned",
    "signed by barred",
];

fn consents(state: &str, purpose: Purpose) -> Vec<Consent> {
    let mut consent = consent();
    match state {
        "none" => return vec![],
        "good" => {}
        "expired" => consent.expires_on = date(2026, 11, 23),
        "revoked" => consent.revoked_at = Some(instant(NOW)),
        "wrong recipient" => consent.recipients = vec![ConsentRecipient::Organization(OTHER_AGENCY)],
        "wrong purpose" => consent.purposes.retain(|named| *named != purpose),
        "wrong district" => consent.district_id = OTHER_DISTRICT,
        "unsigned" => consent.signed_at = None,
        "signed by barred" => consent.signatures[0].by = SignedBy::Guardian(BARRED),
        _ => unreachable!("the states are listed above"),
    }
    vec![consent]
}

/// One letter for a reason: large where the release is at fault, small where a consent is.
fn letter(reason: Reason) -> Option<char> {
    Some(match reason {
        Reason::PacketBeforeAcceptance => 'A',
        Reason::PurposeNotForPacket => 'M',
        Reason::PacketNotForBasis => 'K',
        Reason::PurposeNotForBasis => 'B',
        Reason::DirectionNotForBasis => 'D',
        Reason::ConsentMissing => 'F',
        Reason::HipaaAuthorizationMissing => 'H',
        Reason::Part2ConsentMissing => 'P',
        Reason::BillingConsentMissing => 'I',
        Reason::ConsentExpired => 'e',
        Reason::ConsentRevoked => 'v',
        Reason::RecipientNotCovered => 'r',
        Reason::PurposeNotCovered => 'p',
        Reason::ConsentOfOtherDistrict => 'd',
        Reason::ConsentNotSigned => 'u',
        Reason::ParentSignatureMissing => 's',
        Reason::SignatureWithoutAccess => 'g',
        _ => return None,
    })
}

/// `yes`, with `n` for the notice against redisclosure and `2` for that of Part 2; or the letters of the refusal.
fn cell(case: &Case) -> String {
    match case.decide() {
        Decision::Release { notices, .. } => {
            let marks: String = notices
                .iter()
                .map(|notice| match notice {
                    Notice::Redisclosure => 'n',
                    Notice::Part2 => '2',
                })
                .collect();
            format!("yes {marks}").trim_end().to_owned()
        }
        Decision::Refuse { reasons } => {
            let mut letters: Vec<char> = reasons
                .iter()
                .map(|refusal| letter(refusal.reason).expect("every reason of the table has a letter"))
                .collect();
            letters.sort_unstable();
            letters.dedup();
            letters.into_iter().collect()
        }
    }
}

/// The four rows of a basis, packet and direction; one where acceptance makes no difference.
fn block(basis: Basis, packet: Packet, direction: Direction) -> String {
    let row = |involves_part2, accepted| {
        let cells = CONSENTS.map(|state| {
            let case = Case::on(basis, packet, direction).with(|case| {
                case.consents = consents(state, case.asked.purpose);
                case.involves_part2 = involves_part2;
                case.accepted = accepted;
            });
            format!("{:<17}", cell(&case))
        });
        cells.concat().trim_end().to_owned()
    };
    let mut block = String::new();
    for (involves_part2, name) in [(false, ""), (true, "part 2 ")] {
        let (before, after) = (row(involves_part2, false), row(involves_part2, true));
        if before == after {
            writeln!(block, "  {:<22}{after}", format!("{name}either")).unwrap();
        } else {
            writeln!(block, "  {:<22}{before}", format!("{name}not accepted")).unwrap();
            writeln!(block, "  {:<22}{after}", format!("{name}accepted")).unwrap();
        }
    }
    block
}

#[test]
fn every_basis_against_every_state_of_the_file() {
    let mut alike: Vec<(String, Vec<String>)> = Vec::new();
    for basis in Basis::ALL {
        for packet in Packet::ALL {
            for direction in Direction::ALL {
                let title = format!("{basis} | {packet} | {direction}");
                let block = block(*basis, *packet, *direction);
                match alike.iter_mut().find(|(known, _)| *known == block) {
                    Some((_, titles)) => titles.push(title),
                    None => alike.push((block, vec![title])),
                }
            }
        }
    }
    let mut table =
        String::from("yes: it may leave; n: with the notice against redisclosure, 2: of Part 2\n");
    for reason in Reason::ALL {
        if let Some(letter) = letter(*reason) {
            writeln!(table, "{letter}: {reason}").unwrap();
        }
    }
    let states = CONSENTS.map(|state| format!("{state:<17}")).concat();
    writeln!(table, "\n{:<24}{}", "consent:", states.trim_end()).unwrap();
    for (block, titles) in alike {
        writeln!(table, "\n{}\n{}", titles.join("\n"), block.trim_end()).unwrap();
    }
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("disclosure_matrix", table);
    });
}
