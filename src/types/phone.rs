//! Telephone numbers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A telephone number: `+19785551234`, with `;ext=12` (RFC 3966) where there is an extension. What does
/// not read as a North American or an E.164 number is kept as it was written: a directory's odd number
/// may still be dialled by a person.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(from = "String", into = "String")]
#[schema(value_type = String, example = "+16175550100")]
pub struct Phone(String);

impl Phone {
    /// The number as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Phone {
    fn from(text: String) -> Self {
        Self(normalized(&text).unwrap_or(text))
    }
}

impl From<&str> for Phone {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<Phone> for String {
    fn from(phone: Phone) -> Self {
        phone.0
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn normalized(text: &str) -> Option<String> {
    let lower = text.trim().to_ascii_lowercase();
    let (number, extension) = match lower.split_once(";ext=").or_else(|| lower.split_once('x')) {
        Some((number, extension)) => {
            (number.trim_end_matches('e').trim(), Some(extension.trim_start_matches("t.").trim()))
        }
        None => (lower.as_str(), None),
    };
    if extension.is_some_and(|e| e.is_empty() || !e.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    if !number.chars().all(|c| c.is_ascii_digit() || "+-.() ".contains(c)) {
        return None;
    }
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let digits = match (number.starts_with('+'), digits.len()) {
        (true, 8..=15) => digits,
        (false, 10) => format!("1{digits}"),
        (false, 11) if digits.starts_with('1') => digits,
        _ => return None,
    };
    Some(match extension {
        Some(extension) => format!("+{digits};ext={extension}"),
        None => format!("+{digits}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_e164_where_they_parse() {
        for (written, read) in [
            ("978-975-5959", "+19789755959"),
            ("(978) 975-5959", "+19789755959"),
            ("1 978 975 5959", "+19789755959"),
            ("+442071838750", "+442071838750"),
            ("800-951-4357 x123", "+18009514357;ext=123"),
            ("800-951-4357 ext. 7", "+18009514357;ext=7"),
            ("+18009514357;ext=7", "+18009514357;ext=7"),
        ] {
            assert_eq!(Phone::from(written).as_str(), read);
        }
    }

    #[test]
    fn a_number_that_does_not_parse_is_kept_as_written() {
        for written in ["954-730PATH", "", "none", "12", "800-951-4357 xabc"] {
            assert_eq!(Phone::from(written).as_str(), written);
        }
    }
}
