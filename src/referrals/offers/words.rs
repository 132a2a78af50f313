//! What is said of an offer in a call and on paper. Pure. Of the student it has the limited profile and nothing else.

use super::script::{CallField, CallStep};
use crate::privacy::limited::{AgeBand, Harmless, LimitedProfile, Requirements, ShownCoverage};
use crate::referrals::machine::offer::{OfferAction, OfferState};
use crate::types::{LanguageTag, Modality, OfferId, Phone, term_name};

/// What tells an offer from others and tells nothing of anybody: the last eight digits of its id, which are random.
pub(super) fn reference(id: OfferId) -> String {
    let digits = uuid::Uuid::from(id).simple().to_string().to_uppercase();
    let (_, last) = digits.split_at(digits.len().saturating_sub(8));
    let (first, second) = last.split_at(4);
    format!("{first}-{second}")
}

/// A number as somebody dials it.
pub(super) fn dialled(phone: &Phone) -> String {
    phone.as_str().replace(";ext=", ", extension ")
}

/// The limited profile in sentences: all that is told.
pub(super) fn told(profile: &LimitedProfile) -> Vec<String> {
    let LimitedProfile { age_band, languages, tier, needs, coverage: _, requirements, area } = profile;
    let Requirements { languages: pinned, populations, modalities, practices } = requirements;
    let listed = |before: &str, names: Vec<String>| {
        (!names.is_empty()).then(|| format!("{before}: {}.", names.join(", ")))
    };
    let spoken = languages.iter().map(|tag| tag.get().name()).collect();
    let concerns = needs.iter().map(|need| term_name("needs", need.get().as_str())).collect();
    let made_for = populations.iter().map(|one| term_name("populations", one.get().as_str())).collect();
    let practised = practices.iter().map(|one| term_name("practices", one.get().as_str())).collect();
    let pays = coverage(profile);
    [
        age_band.map(|band| format!("The student is {}.", age(band))),
        listed("The family speaks", spoken),
        listed("Help is sought with", concerns),
        tier.map(|tier| {
            format!(
                "The support is of tier {tier} ({}).",
                term_name("tiers", &tier.to_string()).to_lowercase()
            )
        }),
        listed("What pays", pays).or_else(|| Some("What pays is not told yet.".to_owned())),
        listed("It must be given in", pinned.iter().map(|tag| tag.get().name()).collect()),
        listed("It must be made for", made_for),
        listed("They must meet", modalities.iter().map(|modality| meeting(*modality).to_owned()).collect()),
        listed("It must be given as", practised),
        area.as_ref().map(|area| format!("The student lives in: {} ({}).", area.name, area.level)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn age(band: AgeBand) -> String {
    match band.as_str().split_once('-') {
        Some((from, to)) => format!("{from} to {to} years old"),
        None => format!("{} years old or older", band.as_str().trim_end_matches('+')),
    }
}

/// What pays, as far as it is told.
fn coverage(profile: &LimitedProfile) -> Vec<String> {
    let told = profile.coverage.iter().filter(|coverage| **coverage != ShownCoverage::Unstated);
    told.map(|coverage| term_name("coverage_categories", coverage.as_str())).collect()
}

fn meeting(modality: Modality) -> &'static str {
    match modality {
        Modality::InPerson => "in person",
        Modality::InSchool => "in school",
        Modality::InHome => "at home",
        Modality::TelehealthVideo => "by video",
        Modality::TelehealthPhone => "by telephone",
    }
}

/// What a call needs to know beside the profile.
pub(super) struct Call<'a> {
    pub(super) district: &'a str,
    pub(super) organization: &'a str,
    pub(super) service: &'a str,
    pub(super) profile: &'a LimitedProfile,
    pub(super) state: OfferState,
    pub(super) reference: &'a str,
    pub(super) reply_by: &'a str,
    pub(super) voicemail: &'a str,
}

/// What is left on a machine that anybody may listen to: neither what it is about, nor for whom, nor who asks.
pub(super) fn voicemail(reply_by: &str) -> String {
    format!(
        "Hello, this is (your name) with a question for your intake team. Please call me back at (your number) before \
         {reply_by}. Thank you."
    )
}

/// The steps of the call, in order.
pub(super) fn steps(call: &Call<'_>) -> Vec<CallStep> {
    let step = |step: String, lines: Vec<String>| CallStep { step, lines };
    let Call { district, organization, service, profile, state, reference, reply_by, voicemail } = call;
    vec![
        step(
            "If a machine answers, say this and nothing else, and record the call as voicemail.".to_owned(),
            vec![(*voicemail).to_owned()],
        ),
        step(
            format!("Say who you are and that you call for {district}. Name no school."),
            vec![format!("May I speak with whoever decides about new clients of {service}?")],
        ),
        step(
            "Say what you call for, and that you name nobody.".to_owned(),
            vec![format!(
                "I ask for a place for a student. I do not name anybody: {organization} learns who it is once it takes the \
                 student, and what it may be told then."
            )],
        ),
        step("Tell them this of the student, and nothing more.".to_owned(), told(profile)),
        step(
            "Never say any of these, not even if you are asked.".to_owned(),
            vec![
                "A name, a date of birth or an exact age, a school, a grade, an address, a telephone number, an identifier."
                    .to_owned(),
                "Anything of the student or the family that is not in the lines above.".to_owned(),
            ],
        ),
        step("Ask.".to_owned(), questions(profile, *state)),
        step(
            "Say until when you need the answer, and what to name when they call back.".to_owned(),
            vec![format!("We need your answer before {reply_by}. The reference is {reference}.")],
        ),
        step(
            "Record the call, with the answer if they gave one: POST /v1/offers/{id}/contact-attempts.".to_owned(),
            Vec::new(),
        ),
    ]
}

fn questions(profile: &LimitedProfile, state: OfferState) -> Vec<String> {
    if state == OfferState::PendingVerification {
        return vec![
            "Has the insurer confirmed that this student's coverage is taken?".to_owned(),
            "If so: do you take the student, and when could the first appointment be?".to_owned(),
            "If not: what was the reason?".to_owned(),
        ];
    }
    let pays = coverage(profile);
    let languages: Vec<String> = asked_for(profile).into_iter().map(LanguageTag::name).collect();
    vec![
        "Is there room for this student?".to_owned(),
        "When could the first appointment be?".to_owned(),
        match pays.as_slice() {
            [] => "Which coverage do you take for new clients?".to_owned(),
            pays => format!("Do you take this coverage for new clients: {}?", pays.join(", ")),
        },
        match languages.as_slice() {
            [] => "In which languages can it be given?".to_owned(),
            languages => format!(
                "Can it be given in {}, by a clinician or through an interpreter?",
                languages.join(" or in ")
            ),
        },
        "If there is no room: do you keep a wait list, how many are on it, and may the student join it?"
            .to_owned(),
        "If you cannot take the student: for which reason, so that we ask the right place next?".to_owned(),
    ]
}

/// The languages that are pinned, else those that the family speaks.
fn asked_for(profile: &LimitedProfile) -> Vec<&LanguageTag> {
    let pinned = &profile.requirements.languages;
    let languages = if pinned.is_empty() { &profile.languages } else { pinned };
    languages.iter().map(Harmless::get).collect()
}

/// What an action is for, in a sentence.
pub(super) fn meaning(action: OfferAction) -> &'static str {
    match action {
        OfferAction::Accept => "They take the student.",
        OfferAction::PendingVerification => "They take the student if the insurer confirms.",
        OfferAction::Verify => "They take the student: the insurer has confirmed.",
        OfferAction::Decline => "They do not take the student.",
        OfferAction::Return => "They do not take the student after all.",
        OfferAction::Waitlist => "They put the student on their list.",
        OfferAction::Withdraw => "The district takes the offer back.",
        OfferAction::RequestCancellation => "The district asks to end what was accepted.",
        OfferAction::ConfirmCancellation => "They end it as asked.",
        OfferAction::Schedule => "They made an appointment.",
        OfferAction::Reschedule => "They made another appointment in place of the one before.",
        OfferAction::NoShow => "The student did not come.",
        OfferAction::Attend => "The student came.",
        OfferAction::Start => "The service has begun.",
        OfferAction::Hold => "It rests.",
        OfferAction::Resume => "It goes on.",
        OfferAction::Complete => "The service has been given.",
        OfferAction::Fail => "The service could not be given.",
        OfferAction::EnterInError => "The offer should never have been there.",
        OfferAction::Expire => "Nobody replied in time.",
    }
}

/// What is sent with an action beside its name.
pub(super) fn fields(action: OfferAction) -> Vec<CallField> {
    let field = |name, needed, says| CallField { name, needed, says };
    match action {
        OfferAction::Decline | OfferAction::Return => vec![
            field("reason", true, "One of decline_reasons, as a code."),
            field("note", false, "More, for the district; it is sealed."),
        ],
        OfferAction::Withdraw
        | OfferAction::RequestCancellation
        | OfferAction::Hold
        | OfferAction::Fail
        | OfferAction::EnterInError => vec![field("reason", true, "Why, in words; it is sealed.")],
        OfferAction::Schedule | OfferAction::Reschedule => {
            vec![field("appointment_at", true, "When, as an instant (RFC 3339).")]
        }
        OfferAction::Accept
        | OfferAction::PendingVerification
        | OfferAction::Verify
        | OfferAction::Waitlist
        | OfferAction::ConfirmCancellation
        | OfferAction::NoShow
        | OfferAction::Attend
        | OfferAction::Start
        | OfferAction::Resume
        | OfferAction::Complete
        | OfferAction::Expire => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use serde_json::{Value, json};

    use super::*;
    use crate::privacy::limited::{Crowd, Known, Pins};
    use crate::referrals::OfferAct;
    use crate::types::CoverageCategory;

    #[test]
    fn the_profile_is_told_in_sentences_and_what_is_sensitive_is_not() {
        let known = Known {
            birth_date: Some(date(2013, 4, 2)),
            languages: vec!["es".parse().unwrap(), "ase".parse().unwrap()],
            tier: Some(serde_json::from_value(json!(2)).unwrap()),
            needs: vec!["anxiety".parse().unwrap(), "abuse_neglect".parse().unwrap()],
            coverage: vec![CoverageCategory::Medicaid, CoverageCategory::StateProgram],
            pins: Pins {
                languages: vec!["pt-BR".parse().unwrap()],
                modalities: vec![Modality::InSchool],
                populations: vec!["newcomers".parse().unwrap()],
                ..Pins::default()
            },
            areas: Vec::new(),
        };
        let profile = LimitedProfile::of(&known, date(2026, 11, 22), Crowd::DEFAULT);
        assert_eq!(
            told(&profile),
            [
                "The student is 12 to 14 years old.",
                "The family speaks: Spanish.",
                "Help is sought with: Anxiety.",
                "The support is of tier 2 (targeted).",
                "What pays: Medicaid.",
                "It must be given in: Portuguese (pt-BR).",
                "They must meet: in school.",
            ]
        );
        let nothing = LimitedProfile::of(&Known::default(), date(2026, 11, 22), Crowd::DEFAULT);
        assert_eq!(told(&nothing), ["What pays is not told yet."]);
        assert_eq!(age(AgeBand::From22), "22 years old or older");
    }

    #[test]
    fn the_fields_of_an_action_are_those_that_the_action_takes() {
        let sent = |action: OfferAction, fields: &[&CallField]| {
            let mut body = json!({"action": action});
            for CallField { name, .. } in fields {
                body[name] = match *name {
                    "reason" => json!("other"),
                    "appointment_at" => json!("2026-12-01T15:00:00Z"),
                    _ => json!("words"),
                };
            }
            serde_json::from_value::<OfferAct>(body)
        };
        for action in OfferAction::ALL.iter().copied().filter(|action| *action != OfferAction::Expire) {
            let all = fields(action);
            let needed: Vec<&CallField> = all.iter().filter(|field| field.needed).collect();
            assert_eq!(sent(action, &needed).unwrap().action(), action);
            let whole = serde_json::to_value(sent(action, &all.iter().collect::<Vec<_>>()).unwrap()).unwrap();
            let Value::Object(whole) = whole else { panic!("an object") };
            assert_eq!(whole.len(), all.len() + 1, "{action}");
            for left_out in 0..needed.len() {
                let mut fewer = needed.clone();
                fewer.remove(left_out);
                assert!(sent(action, &fewer).is_err(), "{action}");
            }
            assert_eq!(action.needs_reason(), all.iter().any(|field| field.name == "reason"), "{action}");
        }
    }

    #[test]
    fn a_machine_is_told_nothing_of_what_it_is_about() {
        let said = voicemail("Wednesday, November 25, 2026, 5:00 PM (EST)").to_lowercase();
        for word in
            ["student", "child", "school", "district", "referral", "place", "counsel", "therap", "need"]
        {
            assert!(!said.contains(word), "{word}: {said}");
        }
    }
}
