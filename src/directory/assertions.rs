//! Who said what, how and when, and what stands when several have spoken.
//!
//! What stands is not stored by overwriting: it is folded from the statements. Field by field, an agency's
//! word stands before a coordinator's call, and that before an import; among equals the later one. An
//! import states its whole document each time, so that a field that its source dropped is dropped here; an
//! edit states only the fields that it changed, `null` for one that it took away.

use diesel::prelude::*;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::record::{Facts, parse_id};
use crate::error::{Error, Result};
use crate::store::schema::assertions;
use crate::store::{DbConnection, Noun, from_sql, to_sql};
use crate::types::AssertionId;

/// How a fact became known, the weightier the later.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A directory was read in.
    Import,
    /// A coordinator called and asked.
    CoordinatorCall,
    /// The agency said so itself.
    Agency,
}

impl Method {
    fn as_str(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::CoordinatorCall => "coordinator_call",
            Self::Agency => "agency",
        }
    }

    fn read(text: &str) -> Result<Self> {
        [Self::Import, Self::CoordinatorCall, Self::Agency]
            .into_iter()
            .find(|method| method.as_str() == text)
            .ok_or_else(|| Error::internal("reading an assertion", format!("unknown method {text:?}")))
    }
}

/// Who speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voice {
    /// How it became known.
    pub method: Method,
    /// Which directory or channel it came through.
    pub source: String,
    /// Who said it.
    pub by: String,
}

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Assertion {
    /// Its id.
    pub id: AssertionId,
    /// What it speaks of.
    pub subject: Uuid,
    /// Who speaks.
    pub voice: Voice,
    /// When.
    pub at: Timestamp,
    /// What is said: the whole document of an import, the changed fields of an edit.
    pub facts: Map<String, Value>,
}

/// What stands for the first of `family` after all that was `said` of each in the order of time. Among equals
/// what was said of an earlier one of the family stands before what was said of a later one.
pub(super) fn standing(family: &[Uuid], mut said: Vec<Assertion>) -> Map<String, Value> {
    let place = |assertion: &Assertion| family.iter().position(|subject| *subject == assertion.subject);
    said.sort_by_key(|assertion| std::cmp::Reverse(place(assertion)));
    fold(&said)
}

/// What stands after all of `said`, in which the weightier of equals come later: of one subject the later ones.
fn fold(said: &[Assertion]) -> Map<String, Value> {
    let mut standing: Map<String, Value> = Map::new();
    for method in [Method::Import, Method::CoordinatorCall, Method::Agency] {
        let of_method = said.iter().filter(|assertion| assertion.voice.method == method);
        match method {
            Method::Import => {
                for assertion in of_method.clone() {
                    let is_latest_of_source = !of_method.clone().any(|other| {
                        other.subject == assertion.subject
                            && other.voice.source == assertion.voice.source
                            && is_later(other, assertion)
                    });
                    if is_latest_of_source {
                        standing.extend(assertion.facts.clone());
                    }
                }
            }
            Method::CoordinatorCall | Method::Agency => {
                for assertion in of_method {
                    standing.extend(assertion.facts.clone());
                }
            }
        }
    }
    standing.retain(|_, value| !value.is_null());
    standing
}

fn is_later(one: &Assertion, other: &Assertion) -> bool {
    (one.at, one.id) > (other.at, other.id)
}

/// The fields that differ between two documents: the new value, `null` where one was taken away.
pub(super) fn difference(before: &Map<String, Value>, after: &Map<String, Value>) -> Map<String, Value> {
    let mut changed = Map::new();
    for (field, value) in after {
        if before.get(field) != Some(value) {
            changed.insert(field.clone(), value.clone());
        }
    }
    for field in before.keys().filter(|field| !after.contains_key(*field)) {
        changed.insert(field.clone(), Value::Null);
    }
    changed
}

/// The facts as a JSON object.
pub(super) fn document<F: Facts>(facts: &F) -> Result<Map<String, Value>> {
    match serde_json::to_value(facts) {
        Ok(Value::Object(document)) => Ok(document),
        Ok(_) | Err(_) => Err(Error::internal(
            "writing facts",
            format!("the facts of a {} are no object", F::NOUN.as_str()),
        )),
    }
}

pub(super) fn record(connection: &mut DbConnection, noun: Noun, assertion: &Assertion) -> Result<()> {
    diesel::insert_into(assertions::table)
        .values((
            assertions::id.eq(assertion.id.to_string()),
            assertions::noun.eq(noun.as_str()),
            assertions::subject_id.eq(assertion.subject.to_string()),
            assertions::method.eq(assertion.voice.method.as_str()),
            assertions::source.eq(&assertion.voice.source),
            assertions::asserted_by.eq(&assertion.voice.by),
            assertions::asserted_at.eq(to_sql(assertion.at)),
            assertions::facts.eq(super::record::to_json(&assertion.facts)?),
        ))
        .execute(connection)?;
    Ok(())
}

/// Everything said of these subjects, in the order of time.
pub(crate) fn said_of(connection: &mut DbConnection, subjects: &[Uuid]) -> Result<Vec<Assertion>> {
    type Row = (String, String, String, String, String, chrono::NaiveDateTime, String);
    let mut said = Vec::new();
    for chunk in subjects.chunks(500) {
        let subjects: Vec<String> = chunk.iter().map(ToString::to_string).collect();
        let rows = assertions::table
            .filter(assertions::subject_id.eq_any(&subjects))
            .order((assertions::asserted_at, assertions::id))
            .select((
                assertions::id,
                assertions::subject_id,
                assertions::method,
                assertions::source,
                assertions::asserted_by,
                assertions::asserted_at,
                assertions::facts,
            ))
            .load::<Row>(connection)?;
        for (id, subject, method, source, by, at, facts) in rows {
            said.push(Assertion {
                id: parse_id(&id)?,
                subject: parse_id(&subject)?,
                voice: Voice { method: Method::read(&method)?, source, by },
                at: from_sql(at),
                facts: serde_json::from_str(&facts)
                    .map_err(|source| Error::internal(format!("reading the assertion {id}"), source))?,
            });
        }
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(method: Method, source: &str, at: i64, facts: Value) -> Assertion {
        let Value::Object(facts) = facts else { panic!("an object") };
        Assertion {
            id: AssertionId::new(),
            subject: Uuid::nil(),
            voice: Voice { method, source: source.to_owned(), by: "someone".to_owned() },
            at: Timestamp::from_second(at).unwrap(),
            facts,
        }
    }

    fn standing(said: &[Assertion]) -> Value {
        Value::Object(super::standing(&[Uuid::nil()], said.to_vec()))
    }

    #[test]
    fn an_agency_stands_before_a_call_and_a_call_before_an_import_whatever_came_last() {
        let all = [
            said(Method::Agency, "api", 1, json!({"phone": "agency"})),
            said(Method::CoordinatorCall, "api", 2, json!({"phone": "call", "fax": "call"})),
            said(
                Method::Import,
                "directory",
                3,
                json!({"phone": "import", "fax": "import", "name": "import"}),
            ),
        ];
        assert_eq!(standing(&all), json!({"phone": "agency", "fax": "call", "name": "import"}));
    }

    #[test]
    fn a_source_that_drops_a_field_takes_it_back_and_an_edit_keeps_what_it_does_not_mention() {
        let all = [
            said(Method::Import, "directory", 1, json!({"name": "old", "url": "old"})),
            said(Method::Import, "directory", 2, json!({"name": "new"})),
            said(Method::Agency, "api", 3, json!({"phone": "first", "email": "kept"})),
            said(Method::Agency, "api", 4, json!({"phone": "second"})),
        ];
        assert_eq!(standing(&all), json!({"name": "new", "phone": "second", "email": "kept"}));
    }

    #[test]
    fn what_was_said_of_a_survivor_stands_before_what_was_said_of_the_merged_only_among_equals() {
        let (survivor, merged) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let of = |subject, assertion: Assertion| Assertion { subject, ..assertion };
        let all = vec![
            of(
                survivor,
                said(Method::Import, "directory", 1, json!({"name": "survivor", "url": "survivor"})),
            ),
            of(merged, said(Method::Agency, "api", 2, json!({"phone": "merged", "email": "merged"}))),
            of(survivor, said(Method::Agency, "api", 3, json!({"phone": null}))),
            of(
                merged,
                said(
                    Method::Import,
                    "directory",
                    4,
                    json!({"name": "merged", "email": "import", "fax": "merged"}),
                ),
            ),
            of(merged, said(Method::CoordinatorCall, "api", 5, json!({"url": "call"}))),
        ];
        assert_eq!(
            Value::Object(super::standing(&[survivor, merged], all)),
            json!({"name": "survivor", "url": "call", "email": "merged", "fax": "merged"})
        );
    }

    #[test]
    fn what_an_agency_took_away_stays_away_when_the_import_says_it_again() {
        let all = [
            said(Method::Import, "directory", 1, json!({"name": "n", "url": "u"})),
            said(Method::Agency, "api", 2, json!({"url": null})),
            said(Method::Import, "directory", 3, json!({"name": "n", "url": "u"})),
        ];
        assert_eq!(standing(&all), json!({"name": "n"}));
    }

    #[test]
    fn a_difference_names_what_is_new_and_what_is_gone() {
        let (Value::Object(before), Value::Object(after)) =
            (json!({"a": 1, "b": 2}), json!({"a": 1, "c": 3}))
        else {
            unreachable!()
        };
        assert_eq!(Value::Object(difference(&before, &after)), json!({"b": null, "c": 3}));
    }
}
