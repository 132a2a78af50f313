//! Writes into a kept document what differs from what it said, and nothing else.

use std::collections::BTreeSet;

use serde_json::Value;
use uuid::Uuid;

use super::facts::{INTAKE, address, is_for_calls, phone_number};
use super::fields::{Fields, List, new_address};
use super::kinds::{Object, text};
use super::{languages, offering, profile, schedules};

impl List {
    pub(super) fn property(self) -> &'static str {
        match self {
            Self::Areas => "service_areas",
            Self::Attributes => "attributes",
            Self::Funding => "funding",
            Self::Languages => "languages",
            Self::Phones => "phones",
            Self::Schedules => "schedules",
        }
    }

    /// What each entry of the list is read as; nothing for those that are no facts here.
    fn keys(self, entries: &[Value]) -> Vec<BTreeSet<String>> {
        let mut first = true;
        let of_one = |entry: &Value| -> BTreeSet<String> {
            let Some(entry) = entry.as_object() else { return BTreeSet::new() };
            let keys: Vec<String> = match self {
                Self::Areas => offering::areas_of(entry)
                    .into_iter()
                    .map(|(kind, value)| format!("{kind} {value}"))
                    .collect(),
                Self::Attributes => profile::read(entry)
                    .map(|(term, value)| format!("{} {} {value}", term.taxonomy, term.code))
                    .into_iter()
                    .collect(),
                Self::Languages => languages::keys(entry),
                Self::Schedules => schedules::keys(entry),
                // Only the first is read.
                Self::Funding => {
                    text(entry, "source").filter(|_| std::mem::take(&mut first)).into_iter().collect()
                }
                Self::Phones => phone_key(entry, &mut first).into_iter().collect(),
            };
            keys.into_iter().collect()
        };
        entries.iter().map(of_one).collect()
    }
}

/// A number for an intake, or the first other one: that is the number to call.
fn phone_key(entry: &Object, first: &mut bool) -> Option<String> {
    let number = phone_number(entry).filter(|_| is_for_calls(entry))?;
    if text(entry, "description").as_deref() == Some(INTAKE) {
        return Some(format!("intake {number}"));
    }
    std::mem::take(first).then(|| number.to_string())
}

/// What is to be changed in a document.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Patch {
    values: Vec<(&'static str, Option<Value>)>,
    lists: Vec<(List, Vec<Value>)>,
    /// The location, what its address says now, and which parts of it are other than before.
    address: Option<(Uuid, Object, Vec<&'static str>)>,
    /// Entries that are added whatever the list says.
    pub(super) added: Vec<(&'static str, Vec<Value>)>,
}

/// What is to be changed in a document that said `before`, so that it says `now`.
pub(super) fn difference(id: Uuid, before: &Fields, now: &Fields) -> Patch {
    let mut patch = Patch::default();
    let properties: BTreeSet<_> = before.values.keys().chain(now.values.keys()).copied().collect();
    for property in properties {
        let value = now.values.get(property);
        if before.values.get(property) != value {
            patch.values.push((property, value.cloned()));
        }
    }
    let lists: BTreeSet<List> = before.lists.keys().chain(now.lists.keys()).copied().collect();
    for list in lists {
        let entries = |fields: &Fields| fields.lists.get(&list).cloned().unwrap_or_default();
        let said = |entries: &[Value]| list.keys(entries).into_iter().flatten().collect::<BTreeSet<_>>();
        let entries_now = entries(now);
        if said(&entries(before)) != said(&entries_now) {
            patch.lists.push((list, entries_now));
        }
    }
    let changed = ADDRESS.into_iter().filter(|part| before.address.get(*part) != now.address.get(*part));
    let changed: Vec<&str> = changed.collect();
    if !changed.is_empty() {
        patch.address = Some((id, now.address.clone(), changed));
    }
    patch
}

impl Patch {
    /// Changes `document`.
    pub(super) fn apply(&self, document: &mut Object) {
        for (property, value) in &self.values {
            match value {
                Some(value) => _ = document.insert((*property).to_owned(), value.clone()),
                None => _ = document.remove(*property),
            }
        }
        for (list, now) in &self.lists {
            apply_list(*list, now, document);
        }
        if let Some((id, now, changed)) = &self.address {
            apply_address(*id, now, changed, document);
        }
        for (property, entries) in &self.added {
            let kept = document.entry(*property).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(kept) = kept {
                kept.extend(entries.iter().cloned());
            }
        }
    }
}

/// Entries that say only what still holds, or nothing that is read, stay as they are; those that say more go; what
/// no entry says any more is added.
fn apply_list(list: List, now: &[Value], document: &mut Object) {
    let kept = match document.get(list.property()) {
        Some(Value::Array(kept)) => kept.clone(),
        _ => Vec::new(),
    };
    let now_keys = list.keys(now);
    let holds: BTreeSet<&String> = now_keys.iter().flatten().collect();
    let keys = list.keys(&kept);
    let stays = keys.iter().map(|said| said.iter().all(|key| holds.contains(key)));
    let covered: BTreeSet<&String> =
        keys.iter().filter(|said| said.iter().all(|key| holds.contains(key))).flatten().collect();
    let new = now.iter().zip(&now_keys).filter(|(_, said)| !said.iter().all(|key| covered.contains(key)));
    // New ones come first: of telephone numbers the first is the one to call.
    let entries: Vec<Value> = new
        .map(|(entry, _)| entry.clone())
        .chain(kept.iter().zip(stays).filter(|(_, stays)| *stays).map(|(entry, _)| entry.clone()))
        .collect();
    if entries.is_empty() {
        document.remove(list.property());
    } else {
        document.insert(list.property().to_owned(), Value::Array(entries));
    }
}

const ADDRESS: [&str; 5] = ["address_1", "address_2", "city", "state_province", "postal_code"];

fn apply_address(location: Uuid, now: &Object, changed: &[&str], document: &mut Object) {
    let place = address(document).map(|(place, _)| place);
    let list = document.entry("addresses").or_insert_with(|| Value::Array(Vec::new()));
    let Value::Array(list) = list else { return };
    // HSDS demands all of an address but its second line, so an unsaid part is empty.
    let kept = place.and_then(|place| list.iter_mut().filter(|entry| entry.is_object()).nth(place));
    match kept.and_then(Value::as_object_mut) {
        Some(kept) => {
            for property in changed {
                match now.get(*property) {
                    Some(value) => _ = kept.insert((*property).to_owned(), value.clone()),
                    None if *property == "address_2" => _ = kept.remove(*property),
                    None => _ = kept.insert((*property).to_owned(), Value::String(String::new())),
                }
            }
        }
        None => list.push(Value::Object(new_address(location, now))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::exchange::hsds::facts;
    use crate::exchange::hsds::fields;
    use crate::exchange::hsds::profile::object;

    /// A kept organization after these facts of it were changed.
    fn edited(kept: &Value, change: impl Fn(&mut crate::directory::OrganizationFacts)) -> Value {
        let mut document = object(kept.clone());
        let id = Uuid::nil();
        let before = facts::organization(&document, &mut Vec::new()).unwrap();
        let mut now = before.clone();
        change(&mut now);
        let patch = difference(id, &fields::organization(id, &before), &fields::organization(id, &now));
        assert_eq!(patch == Patch::default(), before == now);
        patch.apply(&mut document);
        let read = facts::organization(&document, &mut Vec::new()).unwrap();
        assert_eq!(read, now, "what was written reads as what stands");
        Value::Object(document)
    }

    #[test]
    fn what_was_not_edited_comes_out_to_the_letter_and_what_was_comes_out_edited() {
        let kept = json!({
            "id": Uuid::nil(), "name": "  Old ", "email": "no address", "legal_status": "Limited",
            "phones": [
                {"id": "a", "number": "978-555-0101", "type": "fax"},
                {"id": "b", "number": "978 555 0102", "languages": [{"name": "Urdu"}]},
                {"id": "c", "number": "978 555 0103"}
            ]
        });
        assert_eq!(edited(&kept, |_| {}), kept);
        let renamed = edited(&kept, |facts| facts.name = "New".into());
        assert_eq!((&renamed["name"], &renamed["email"]), (&json!("New"), &json!("no address")));
        assert_eq!(renamed["phones"], kept["phones"]);
        let called = edited(&kept, |facts| facts.phone = Some("978-555-0199".into()));
        let numbers: Vec<&str> =
            called["phones"].as_array().unwrap().iter().map(|one| one["number"].as_str().unwrap()).collect();
        assert_eq!(numbers, ["+19785550199", "978-555-0101", "978 555 0103"]);
        assert_eq!((&called["name"], &called["legal_status"]), (&json!("  Old "), &json!("Limited")));
    }

    #[test]
    fn a_cell_with_two_languages_of_which_one_is_gone_gives_way_to_the_other() {
        let mut document = object(json!({"languages": [
            {"name": "Spanish/Portuguese"}, {"name": "Klingon"}, {"name": "Urdu", "note": "mornings"}
        ]}));
        let entry =
            |tag: &str| languages::entries(Uuid::nil(), &BTreeSet::from([tag.parse().unwrap()])).remove(0);
        apply_list(List::Languages, &[entry("es"), entry("ur")], &mut document);
        let names: Vec<&str> = document["languages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["Spanish", "Klingon", "Urdu"]);
        assert_eq!(document["languages"][2]["note"], "mornings");
    }

    #[test]
    fn an_address_is_changed_in_its_place() {
        let mut document = object(json!({"addresses": [
            {"city": "Elsewhere", "address_type": "postal"},
            {"address_1": "1 Elm Street", "address_2": "Floor 2", "city": "Lawrence", "country": "US",
             "state_province": "Massachusetts", "postal_code": "01840", "address_type": "physical"}
        ]}));
        let now = object(json!({"address_1": "2 Elm Street", "city": "Lawrence"}));
        apply_address(Uuid::nil(), &now, &["address_1", "address_2", "postal_code"], &mut document);
        assert_eq!(document["addresses"][0]["city"], "Elsewhere");
        let changed = &document["addresses"][1];
        assert_eq!((&changed["address_1"], &changed["country"]), (&json!("2 Elm Street"), &json!("US")));
        assert_eq!((changed.get("address_2"), &changed["postal_code"]), (None, &json!("")));
        assert_eq!(changed["state_province"], "Massachusetts", "what could not be read stays as it is");
    }
}
