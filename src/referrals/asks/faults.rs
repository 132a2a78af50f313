//! What is wrong with what is asked, each with its place.

use jiff::civil::Date;

use super::{LONGEST_SHORTLIST, MOST_PARALLEL, Shortlist};
use crate::error::FieldError;
use crate::referrals::model::{Measure, Pins};

const LONGEST_TEXT: usize = 4_000;
const MOST_PINS: usize = 20;

pub(in crate::referrals) fn text_fault(at: &str, text: &str) -> Option<FieldError> {
    let is_fit = !text.trim().is_empty() && text.chars().count() <= LONGEST_TEXT && !text.contains('\0');
    (!is_fit).then(|| FieldError::body(at, format_args!("must have 1 to {LONGEST_TEXT} characters")))
}

pub(super) fn measure_fault(at: &str, measure: &Measure) -> Option<FieldError> {
    let Measure { instrument, baseline, latest } = measure;
    let is_named =
        !instrument.trim().is_empty() && instrument.chars().count() <= 100 && !instrument.contains('\0');
    if !is_named {
        return Some(FieldError::body(format!("{at}/instrument"), "must have 1 to 100 characters"));
    }
    let is_number = |value: &f64| value.is_finite() && value.abs() <= 1.0e6;
    let wrong = [("baseline", baseline), ("latest", latest)].into_iter().find(|(_, value)| !is_number(value));
    wrong.map(|(name, _)| {
        FieldError::body(format!("{at}/{name}"), "must be a number from -1000000 to 1000000")
    })
}

pub(super) fn past_fault(at: &str, day: Option<Date>, today: Date) -> Option<FieldError> {
    let is_past = day.is_some_and(|day| day < today);
    is_past.then(|| FieldError::body(at, format_args!("is past; today is {today}")))
}

pub(super) fn parallel_fault(parallel: Option<u8>, faults: &mut Vec<FieldError>) {
    if let Some(parallel) = parallel.filter(|parallel| !(1..=MOST_PARALLEL).contains(parallel)) {
        let message = format!("{parallel} is not from 1 to {MOST_PARALLEL}");
        faults.push(FieldError::body("/parallel", message));
    }
}

pub(super) fn shortlist_faults(shortlist: &Shortlist, faults: &mut Vec<FieldError>) {
    let Shortlist { offerings, size } = shortlist;
    if offerings.len() > LONGEST_SHORTLIST {
        let message = format!("has more than {LONGEST_SHORTLIST} offerings");
        faults.push(FieldError::body("/shortlist/offerings", message));
    }
    for (position, offering) in offerings.iter().enumerate() {
        if offerings[..position].contains(offering) {
            faults.push(FieldError::body(format!("/shortlist/offerings/{position}"), "stands there twice"));
        }
    }
    match size {
        Some(_) if !offerings.is_empty() => {
            let message = "is for a shortlist that the finder names; leave it out beside offerings";
            faults.push(FieldError::body("/shortlist/size", message));
        }
        Some(size) if !(1..=LONGEST_SHORTLIST).contains(&usize::from(*size)) => {
            let message = format!("{size} is not from 1 to {LONGEST_SHORTLIST}");
            faults.push(FieldError::body("/shortlist/size", message));
        }
        Some(_) | None => {}
    }
}

pub(super) fn pin_faults(pins: &Pins, is_needed: bool, faults: &mut Vec<FieldError>) {
    let Pins { languages, accessibility, populations, modalities, practices } = pins;
    for (name, count) in [
        ("languages", languages.len()),
        ("accessibility", accessibility.len()),
        ("populations", populations.len()),
        ("modalities", modalities.len()),
        ("practices", practices.len()),
    ] {
        if count > MOST_PINS {
            faults.push(FieldError::body(
                format!("/pins/{name}"),
                format_args!("has more than {MOST_PINS} values"),
            ));
        }
    }
    if is_needed && pins.is_empty() {
        faults.push(FieldError::body("/pins", "is empty: say what is meant"));
    }
}
