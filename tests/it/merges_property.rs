//! Any sequence of merges, unmerges, edits and imports, against a plain model of who said what.

use std::time::Duration;

use causeway::directory::{
    Assertion, Method, OrganizationFacts, Stated, Voice, create, edit, find, known, merge, said_of, state,
    survivors, unmerge,
};
use causeway::error::Error;
use causeway::types::OrganizationId;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Map, Value, json};

use crate::support::{Causeway, on_both};

/// Organizations of one sequence.
const COUNT: usize = 4;
/// Fields that are said something of, beside the name.
const FIELDS: [&str; 3] = ["email", "website", "description"];

#[derive(Clone, Debug)]
enum Step {
    Merge(usize, usize),
    Unmerge(usize),
    /// An edit of one field, by the agency or after a call; without a value it is taken away.
    Edit(usize, bool, usize, Option<u8>),
    /// The whole document of one of two sources.
    Import(usize, bool, [Option<u8>; 3]),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let one = || 0..COUNT;
    let value = || proptest::option::of(0..3_u8);
    let step = prop_oneof![
        3 => (one(), one()).prop_map(|(id, into)| Step::Merge(id, into)),
        2 => one().prop_map(Step::Unmerge),
        3 => (one(), any::<bool>(), 0..FIELDS.len(), value()).prop_map(|(id, agency, field, value)| Step::Edit(id, agency, field, value)),
        3 => (one(), any::<bool>(), [value(), value(), value()]).prop_map(|(id, source, values)| Step::Import(id, source, values)),
    ];
    proptest::collection::vec(step, 1..25)
}

fn said_value(field: &str, value: u8) -> Value {
    match field {
        "email" => json!(format!("v{value}@example.org")),
        "website" => json!(format!("https://v{value}.example.org")),
        _ => json!(format!("v{value}")),
    }
}

/// Who said what, in order.
type Said = (Method, String, Map<String, Value>);

/// The plain model: all statements, and who is merged into whom since which step.
#[derive(Default)]
struct Model {
    said: [Vec<Said>; COUNT],
    merged: [Option<(usize, usize)>; COUNT],
}

impl Model {
    fn survivor(&self, id: usize) -> usize {
        self.merged[id].map_or(id, |(into, _)| self.survivor(into))
    }

    /// Itself and what is merged into it: nearer before farther, earlier before later.
    fn family(&self, id: usize) -> Vec<usize> {
        let mut family = vec![id];
        let mut level = vec![id];
        while !level.is_empty() {
            let mut next: Vec<(usize, usize)> = (0..COUNT)
                .filter_map(|one| {
                    self.merged[one].filter(|(into, _)| level.contains(into)).map(|(_, step)| (step, one))
                })
                .collect();
            next.sort_unstable();
            level = next.into_iter().map(|(_, one)| one).collect();
            family.extend(&level);
        }
        family
    }

    /// The weightiest word on a field, looked for from the top.
    fn word(&self, id: usize, field: &str) -> Option<Value> {
        let family = self.family(id);
        for method in [Method::Agency, Method::CoordinatorCall, Method::Import] {
            for member in &family {
                let said: Vec<&Said> = self.said[*member].iter().filter(|(by, ..)| *by == method).collect();
                let counts = |place: usize| {
                    let superseded = said[place + 1..].iter().any(|(_, source, _)| *source == said[place].1);
                    method != Method::Import || !superseded
                };
                let mut words = (0..said.len()).rev().filter(|place| counts(*place));
                if let Some(word) = words.find_map(|place| said[place].2.get(field)) {
                    return Some(word.clone()).filter(|word| !word.is_null());
                }
            }
        }
        None
    }

    fn standing(&self, id: usize) -> Value {
        let fields = FIELDS.iter().chain(&["name", "engagement"]);
        fields.filter_map(|field| Some(((*field).to_owned(), self.word(id, field)?))).collect()
    }
}

/// Does the steps to new organizations and to the model, and compares after each.
fn follow(causeway: &Causeway, steps: &[Step]) -> Result<(), TestCaseError> {
    let store = causeway.store();
    let ids: [OrganizationId; COUNT] = std::array::from_fn(|_| OrganizationId::new());
    let mut model = Model::default();
    let voice = |method, source: &str| Voice { method, source: source.to_owned(), by: "somebody".to_owned() };
    for (place, id) in ids.iter().enumerate() {
        let facts = json!({"name": format!("Agency {place}"), "engagement": "listed"});
        let parsed: OrganizationFacts = serde_json::from_value(facts.clone()).unwrap();
        let voice = voice(Method::CoordinatorCall, "telephone");
        store.write_now(|tx| create(tx, *id, &parsed, &voice)).unwrap();
        model.said[place].push((voice.method, voice.source, facts.as_object().unwrap().clone()));
    }
    for (number, step) in steps.iter().enumerate() {
        causeway.clock.advance(Duration::from_secs(1));
        match step.clone() {
            Step::Merge(one, into) => {
                let allowed = one != into && model.merged[one].is_none() && model.merged[into].is_none();
                let done = store.write_now(|tx| merge(tx, ids[one], ids[into], None, "somebody"));
                prop_assert!(
                    matches!((allowed, &done), (true, Ok(_)) | (false, Err(Error::Conflict(_)))),
                    "{done:?}"
                );
                if allowed {
                    model.merged[one] = Some((into, number));
                }
            }
            Step::Unmerge(one) => {
                let done = store.write_now(|tx| unmerge(tx, ids[one], "somebody"));
                prop_assert_eq!(done.is_ok(), model.merged[one].take().is_some());
            }
            Step::Edit(one, agency, field, value) => {
                let (field, value) =
                    (FIELDS[field], value.map_or(Value::Null, |value| said_value(FIELDS[field], value)));
                let voice = if agency {
                    voice(Method::Agency, "api")
                } else {
                    voice(Method::CoordinatorCall, "telephone")
                };
                let patch = json!({field: value});
                let before = model.word(one, field);
                let done =
                    store.write_now(|tx| edit::<OrganizationFacts>(tx, ids[one], None, &patch, &voice));
                prop_assert_eq!(done.is_ok(), model.merged[one].is_none(), "{:?}", done);
                if done.is_ok() && before.unwrap_or(Value::Null) != value {
                    model.said[one].push((voice.method, voice.source, patch.as_object().unwrap().clone()));
                }
            }
            Step::Import(one, source, values) => {
                let voice = voice(Method::Import, if source { "one directory" } else { "another directory" });
                let mut facts = json!({"name": "As listed", "engagement": "listed"});
                for (field, value) in FIELDS.iter().zip(values) {
                    if let Some(value) = value {
                        facts[*field] = said_value(field, value);
                    }
                }
                let parsed: OrganizationFacts = serde_json::from_value(facts.clone()).unwrap();
                let done = store.write_now(|tx| {
                    let known = known::<OrganizationFacts>(tx.connection, &[ids[one]])?;
                    state(tx, ids[one], &parsed, &voice, known.get(&ids[one].0))
                });
                let last = model.said[one]
                    .iter()
                    .rev()
                    .find(|(method, from, _)| *method == Method::Import && *from == voice.source);
                let is_new = last.is_none_or(|(_, _, said)| Some(said) != facts.as_object());
                prop_assert_eq!(done.unwrap(), if is_new { Stated::Updated } else { Stated::Unchanged });
                if is_new {
                    model.said[one].push((voice.method, voice.source, facts.as_object().unwrap().clone()));
                }
            }
        }
        compare(causeway, &ids, &model)?;
    }
    Ok(())
}

fn compare(causeway: &Causeway, ids: &[OrganizationId; COUNT], model: &Model) -> Result<(), TestCaseError> {
    let (survivors, stands) = causeway
        .store()
        .read_now(|connection| {
            let survivors = survivors(connection, ids)?;
            let mut stands = Vec::new();
            for id in ids {
                let facts = find::<OrganizationFacts>(connection, *id)?.facts;
                stands.push((facts, said_of::<OrganizationFacts>(connection, *id)?));
            }
            Ok((survivors, stands))
        })
        .unwrap();
    for (one, (facts, said)) in stands.into_iter().enumerate() {
        prop_assert_eq!(serde_json::to_value(facts).unwrap(), model.standing(one), "what stands for {}", one);
        prop_assert_eq!(survivors[&ids[one]], ids[model.survivor(one)], "where {} is found", one);
        prop_assert!(said.is_sorted_by_key(|assertion| assertion.at));
        let family = model.family(one);
        prop_assert_eq!(said.len(), family.iter().map(|member| model.said[*member].len()).sum::<usize>());
        for member in family {
            let of_member = said.iter().filter(|assertion| assertion.subject == ids[member].0);
            let kept: Vec<Said> = of_member
                .map(|Assertion { voice, facts, .. }| (voice.method, voice.source.clone(), facts.clone()))
                .collect();
            prop_assert_eq!(&kept, &model.said[member], "what was said of {}", member);
        }
    }
    Ok(())
}

on_both! {
    fn every_statement_is_kept_and_what_stands_is_what_a_plain_model_says(causeway) {
        let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
        runner.run(&steps(), |steps| follow(&causeway, &steps)).unwrap();
    }
}
