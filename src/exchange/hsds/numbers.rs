//! Telephone and fax numbers as sources list them, with what the directory has no field for.

use uuid::Uuid;

use super::facts::{is_for_calls, phone_number};
use super::kinds::{Kind, Object, objects, text};
use super::languages::spoken;
use super::store::documents;
use crate::error::Result;
use crate::referrals::ListedNumber;
use crate::store::DbConnection;

/// The numbers that the kept documents of these organizations, services and locations list: those of the first first.
///
/// # Errors
/// If the database fails.
pub fn numbers(connection: &mut DbConnection, ids: &[Uuid]) -> Result<Vec<ListedNumber>> {
    let kept = documents(connection, ids)?;
    let mut numbers = Vec::new();
    for id in ids {
        for kind in [Kind::Service, Kind::Location, Kind::Organization] {
            let Some(document) = kept.get(&(kind, *id)) else { continue };
            numbers.extend(objects(&document.object()?, "phones").filter_map(listed));
        }
    }
    Ok(numbers)
}

fn listed(phone: &Object) -> Option<ListedNumber> {
    let is_fax = text(phone, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("fax"));
    if !is_fax && !is_for_calls(phone) {
        return None;
    }
    let languages = spoken(objects(phone, "languages")).known;
    Some(ListedNumber { phone: phone_number(phone)?, is_fax, languages: languages.into_iter().collect() })
}
