//! All objects of what was opened, each once, and what they state.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use serde_json::Value;
use uuid::Uuid;

use super::files::{FoundObject, Opened};
use super::kinds::{ASIDE, Kind, NESTED, Object, link, text, uuid};
use super::nest::nest;
use super::normalize::normalize;
use super::shape::kind_of;
use super::tables::RowDocument;
use crate::exchange::reading::{ReadError, Reject};
use crate::types::derived_uuid;

/// An object that stands on its own, or could.
pub(super) struct Entity {
    pub(super) kind: Kind,
    pub(super) id: Uuid,
    pub(super) file: String,
    pub(super) row: u64,
    /// Whether it stood on its own.
    pub(super) whole: bool,
    pub(super) document: Object,
}

/// What files, folders and archives hold together.
#[derive(Default)]
pub struct Package {
    pub(super) entities: BTreeMap<(Kind, Uuid), Entity>,
    pub(super) rejects: Vec<Reject>,
    /// Ids that are here, but refused.
    pub(super) refused: HashMap<(Kind, Uuid), u64>,
    pub(super) notes: BTreeMap<String, u64>,
    /// Rows that belong to nothing that is there, by their file.
    aside: BTreeMap<String, Vec<u64>>,
}

impl Package {
    /// Opens all of `paths` and puts together what belongs together. Ids that are no UUIDs are derived within
    /// `source`.
    ///
    /// # Errors
    /// If one cannot be opened, is too large, or holds nothing of HSDS.
    pub fn read(paths: &[PathBuf], source: &str) -> Result<Self, ReadError> {
        let mut opened = Opened::default();
        for path in paths {
            opened.open(path).map_err(|error| match (error, paths.len()) {
                (error, 1) => error,
                (error, _) => ReadError::NotHsds(format!("{}: {error}", path.display())),
            })?;
        }
        let mut package = Self { rejects: opened.rejects, ..Self::default() };
        for note in opened.notes {
            package.note(note);
        }
        for found in opened.objects {
            package.take_object(found, source);
        }
        package.take_rows(opened.rows, source);
        for (file, rows) in std::mem::take(&mut package.aside) {
            let mut shown: Vec<String> = rows.iter().take(10).map(ToString::to_string).collect();
            if rows.len() > shown.len() {
                shown.push("…".to_owned());
            }
            let note =
                format!("{file}: belongs to nothing that is here, kept aside (rows {})", shown.join(", "));
            package.notes.insert(note, rows.len() as u64);
        }
        Ok(package)
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        *self.notes.entry(note.into()).or_default() += 1;
    }

    /// Refuses an object.
    pub(super) fn refuse(&mut self, file: &str, row: u64, document: &Object, reason: &str) {
        let plain = document.iter().filter_map(|(name, value)| match value {
            Value::String(text) => Some((name.clone(), text.clone())),
            Value::Number(number) => Some((name.clone(), number.to_string())),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        });
        let content = std::iter::once(("file".to_owned(), file.to_owned())).chain(plain).collect();
        self.rejects.push(Reject { row, reason: format!("{file}: {reason}"), content });
    }

    fn take_object(&mut self, found: FoundObject, source: &str) {
        let FoundObject { file, row, named, mut object } = found;
        // What an export wrote into a file of its own, because it belonged to nothing, still does not.
        let stem = file.split('.').next().unwrap_or_default();
        if let Some(table) = ASIDE.into_iter().find(|table| *table == stem) {
            return self.set_aside(RowDocument { table, file, row, document: object }, source);
        }
        let kind = match kind_of(&object, named) {
            Ok(kind) => kind,
            Err(reason) => return self.refuse(&file, row, &object, &reason),
        };
        if text(&object, "id").is_none() {
            return self.refuse(&file, row, &object, &format!("the {} has no id", kind.as_str()));
        }
        normalize(source, kind, &mut object);
        self.take_nested(&object, kind, &file, row);
        self.add(kind, object, file, row, true);
    }

    /// Takes what stands inside an object and could stand on its own, with the ids of what it stood in.
    fn take_nested(&mut self, object: &Object, kind: Kind, file: &str, row: u64) {
        for (property, inner_kind) in NESTED {
            let inner: Vec<&Object> = match object.get(property) {
                Some(Value::Object(one)) => vec![one],
                Some(Value::Array(list)) => list.iter().filter_map(Value::as_object).collect(),
                _ => continue,
            };
            for inner in inner {
                self.take_nested(inner, inner_kind, file, row);
                let mut document = inner.clone();
                let link_name = format!("{}_id", kind.as_str());
                let belongs = matches!(
                    (kind, inner_kind),
                    (Kind::Organization, Kind::Location | Kind::Service)
                        | (Kind::Service, Kind::ServiceAtLocation)
                );
                if belongs && link(&document, kind).is_none() {
                    document.insert(link_name, object.get("id").cloned().unwrap_or_default());
                }
                if uuid(&document, "id").is_some() {
                    self.add(inner_kind, document, file.to_owned(), row, false);
                }
            }
        }
    }

    fn take_rows(&mut self, rows: Vec<RowDocument>, source: &str) {
        let (main, aside) = nest(rows);
        for RowDocument { table, file, row, mut document } in main {
            let Some(kind) = Kind::MAIN.into_iter().find(|kind| kind.plural() == table) else { continue };
            if text(&document, "id").is_none() {
                self.refuse(&file, row, &document, "id is empty");
                continue;
            }
            normalize(source, kind, &mut document);
            self.add(kind, document, file, row, true);
        }
        for row in aside {
            self.set_aside(row, source);
        }
    }

    /// Keeps a row that belongs to nothing that is here.
    fn set_aside(&mut self, row: RowDocument, source: &str) {
        let RowDocument { table, file, row, mut document } = row;
        let Some(table) = ASIDE.into_iter().find(|known| *known == table) else { return };
        let kind = Kind::Aside(table);
        normalize(source, kind, &mut document);
        let id = uuid(&document, "id").unwrap_or_else(|| {
            let words = Value::Object(document.clone()).to_string();
            derived_uuid(source, &["aside", table, &words])
        });
        self.aside.entry(file.clone()).or_default().push(row);
        self.entities.insert((kind, id), Entity { kind, id, file, row, whole: true, document });
    }

    /// Adds an object, unless it is there. One that stood on its own stands before one that stood inside another,
    /// and of these the one that says more.
    fn add(&mut self, kind: Kind, document: Object, file: String, row: u64, whole: bool) {
        let Some(id) = uuid(&document, "id") else { return };
        let known = self.entities.get(&(kind, id));
        if let Some(known) = known {
            if known.whole && whole {
                let reason =
                    format!("the {} has the same id as row {} of {}", kind.as_str(), known.row, known.file);
                return self.refuse(&file, row, &document, &reason);
            }
            if known.whole || (!whole && known.document.len() >= document.len()) {
                return;
            }
        }
        self.entities.insert((kind, id), Entity { kind, id, file, row, whole, document });
    }

    /// The ids of everything that is here or that something here refers to.
    pub fn ids(&self) -> Vec<Uuid> {
        let mut ids: HashSet<Uuid> = HashSet::new();
        for entity in self.entities.values() {
            ids.insert(entity.id);
            ids.extend(
                [Kind::Organization, Kind::Service, Kind::Location]
                    .iter()
                    .filter_map(|kind| link(&entity.document, *kind)),
            );
        }
        let mut ids: Vec<Uuid> = ids.into_iter().collect();
        ids.sort_unstable();
        ids
    }

    pub(super) fn of_kind(&self, kind: Kind) -> Vec<Uuid> {
        self.entities.keys().filter(|(other, _)| *other == kind).map(|(_, id)| *id).collect()
    }
}
