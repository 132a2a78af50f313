//! United States postal codes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A five-digit ZIP code. ZIP+4 is accepted and its last four digits are dropped: nothing here is finer
/// than the five.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[0-9]{5}(-[0-9]{4})?$", example = "01840")]
pub struct PostalCode([u8; 5]);

/// The text is no ZIP code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a ZIP code: five digits are needed, leading zeros included, such as 01840")]
pub struct InvalidPostalCode(pub String);

impl PostalCode {
    /// The five digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a postal code holds ASCII digits only")
    }

    /// Reads a cell of a spreadsheet, where `1840` is what is left of `01840` and `18401234` of
    /// `01840-1234` after a careless export took the leading zero. Three digits or more are filled up;
    /// fewer are no ZIP code.
    ///
    /// # Errors
    /// If the cell holds anything else.
    pub fn from_cell(cell: &str) -> Result<Self, InvalidPostalCode> {
        let cell = cell.trim();
        let digits = cell.len() >= 3 && cell.bytes().all(|b| b.is_ascii_digit());
        match cell.len() {
            3 | 4 if digits => format!("{cell:0>5}").parse(),
            8 | 9 if digits => format!("{cell:0>9}")[..5].parse(),
            _ => cell.parse(),
        }
    }
}

impl FromStr for PostalCode {
    type Err = InvalidPostalCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.as_bytes();
        let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
        let shape = match bytes.len() {
            5 => digits(bytes),
            10 => digits(&bytes[..5]) && bytes[5] == b'-' && digits(&bytes[6..]),
            _ => false,
        };
        match bytes.first_chunk::<5>() {
            Some(five) if shape => Ok(Self(*five)),
            _ => Err(InvalidPostalCode(text.to_owned())),
        }
    }
}

impl TryFrom<String> for PostalCode {
    type Error = InvalidPostalCode;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<PostalCode> for String {
    fn from(code: PostalCode) -> Self {
        code.as_str().to_owned()
    }
}

impl fmt::Display for PostalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_digits_and_zip_plus_four_are_read() {
        assert_eq!("01840".parse::<PostalCode>().unwrap().as_str(), "01840");
        assert_eq!("01840-1234".parse::<PostalCode>().unwrap().as_str(), "01840");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "1840", "0184O", "01840-", "018401234", "ÿ1840", "01840 "] {
            assert!(text.parse::<PostalCode>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_cell_gets_its_lost_zeros_back() {
        for (cell, code) in [("1840", "01840"), ("601", "00601"), (" 01840 ", "01840"), ("18401234", "01840")]
        {
            assert_eq!(PostalCode::from_cell(cell).unwrap().as_str(), code);
        }
        for cell in ["", "12", "1840x", "MA"] {
            assert!(PostalCode::from_cell(cell).is_err(), "{cell:?}");
        }
    }
}
