//! Writes the directory as HSDS, page by page.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::kinds::{ASIDE, Kind, Object, own_offering};
use super::world::World;
use super::{profile, store as kept};
use crate::directory::{
    Facts, LocationFacts, OfferingFacts, OrganizationFacts, Page, ServiceFacts, find_all, list,
};
use crate::error::{Error, Result};
use crate::store::{DbConnection, Store};

/// Objects of one page.
const PAGE: i64 = 500;
/// The file that tells what the others are. A folder with it is one that an export may write anew.
const MARK: &str = "causeway.json";
/// The version of HSDS that is written.
const VERSION: &str = "3.1";

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Objects, by the file that they are in.
    pub files: BTreeMap<String, u64>,
}

/// Writes everything that is not retired into `folder`, which must be new, empty, or hold an earlier export; with
/// `force` whatever it holds. `progress` is told how many objects are done. Files are written under other names and
/// take their own when all are whole.
///
/// # Errors
/// If the folder holds something else, or the database or the disk fails; then nothing was replaced.
pub fn export(store: &Store, folder: &Path, force: bool, mut progress: impl FnMut(u64)) -> Result<Exported> {
    prepare(folder, force)?;
    let mut files = Files { folder, written: Vec::new(), exported: Exported::default() };
    let result = files.write_all(store, &mut progress).and_then(|()| files.publish());
    if result.is_err() {
        files.drop_unfinished();
    }
    result.map(|()| files.exported)
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::Setup(format!("cannot write {}: {error}", path.display()))
}

fn prepare(folder: &Path, force: bool) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    let entries = fs::read_dir(folder).map_err(|error| failed(folder, &error))?;
    let names: BTreeSet<String> =
        entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect();
    let foreign = names.iter().find(|name| !is_ours(name));
    let is_earlier_export = names.contains(MARK) && foreign.is_none();
    if names.is_empty() || is_earlier_export || force {
        return Ok(());
    }
    let example = foreign.or(names.first()).map_or("", String::as_str);
    Err(Error::Setup(format!(
        "{} holds something else than an export of causeway ({example}); name a new folder, or use --force to write \
         into this one",
        folder.display()
    )))
}

/// Whether an export could have written a file of this name.
fn is_ours(name: &str) -> bool {
    let stem = name.strip_suffix(UNFINISHED).unwrap_or(name).strip_suffix(".json");
    name == MARK
        || stem.is_some_and(|stem| {
            ASIDE.contains(&stem) || Kind::MAIN.into_iter().any(|kind| kind.plural() == stem)
        })
}

const UNFINISHED: &str = ".unfinished";

struct Files<'a> {
    folder: &'a Path,
    /// Names of files that are written and not yet published.
    written: Vec<String>,
    exported: Exported,
}

impl Files<'_> {
    fn write_all(&mut self, store: &Store, progress: &mut impl FnMut(u64)) -> Result<()> {
        self.write_records::<OrganizationFacts>(store, Kind::Organization, progress)?;
        self.write_records::<LocationFacts>(store, Kind::Location, progress)?;
        self.write_records::<ServiceFacts>(store, Kind::Service, progress)?;
        self.write_records::<OfferingFacts>(store, Kind::ServiceAtLocation, progress)?;
        self.write_kept(store, Kind::Taxonomy, &profile::taxonomies())?;
        self.write_kept(store, Kind::TaxonomyTerm, &profile::terms())?;
        for table in ASIDE {
            let kind = Kind::Aside(table);
            if !store.read_now(|connection| kept::page(connection, kind, None, 1))?.is_empty() {
                self.write_kept(store, kind, &[])?;
            }
        }
        Ok(())
    }

    /// Writes the file of one noun.
    fn write_records<F: Facts>(
        &mut self,
        store: &Store,
        kind: Kind,
        progress: &mut impl FnMut(u64),
    ) -> Result<()> {
        let mut writer = self.begin(kind)?;
        let now = store.clock().now();
        let mut after = None;
        loop {
            let (documents, last) = store.read_now(|connection| page::<F>(connection, kind, after, now))?;
            for document in &documents {
                writer.write(document)?;
            }
            progress(documents.len() as u64);
            match last {
                Some(last) => after = Some(last),
                None => break,
            }
        }
        self.finish(kind, writer)
    }

    /// Writes documents of ours and those that are kept and stand for nothing else here.
    fn write_kept(&mut self, store: &Store, kind: Kind, ours: &[Object]) -> Result<()> {
        let mut writer = self.begin(kind)?;
        for document in ours {
            writer.write(document)?;
        }
        let mut after = None;
        loop {
            let documents = store.read_now(|connection| kept::page(connection, kind, after, PAGE))?;
            let Some(last) = documents.last() else { break };
            after = Some(last.id);
            for document in documents.iter().filter(|document| !profile::is_ours(kind, document.id)) {
                writer.write(&document.object()?)?;
            }
        }
        self.finish(kind, writer)
    }

    fn begin(&mut self, kind: Kind) -> Result<Contents> {
        let name = format!("{}.json", kind.plural());
        let path = self.folder.join(format!("{name}{UNFINISHED}"));
        self.written.push(name);
        Contents::begin(path)
    }

    fn finish(&mut self, kind: Kind, writer: Contents) -> Result<()> {
        let count = writer.finish()?;
        self.exported.files.insert(format!("{}.json", kind.plural()), count);
        Ok(())
    }

    /// Gives the files their names, and takes those of an earlier export away that are not written any more.
    fn publish(&mut self) -> Result<()> {
        let mark = self.folder.join(MARK);
        let about = json!({
            "written_by": concat!("causeway ", env!("CARGO_PKG_VERSION")), "version": VERSION,
            "profile": "docs/hsds-profile.md", "files": self.exported.files,
        });
        for table in ASIDE {
            let stale = self.folder.join(format!("{table}.json"));
            if !self.written.contains(&format!("{table}.json")) && stale.exists() {
                fs::remove_file(&stale).map_err(|error| failed(&stale, &error))?;
            }
        }
        for name in std::mem::take(&mut self.written) {
            let path = self.folder.join(&name);
            fs::rename(self.folder.join(format!("{name}{UNFINISHED}")), &path)
                .map_err(|error| failed(&path, &error))?;
        }
        fs::write(&mark, format!("{about:#}\n")).map_err(|error| failed(&mark, &error))
    }

    fn drop_unfinished(&mut self) {
        for name in std::mem::take(&mut self.written) {
            // What failed before is what is told.
            let _ = fs::remove_file(self.folder.join(format!("{name}{UNFINISHED}")));
        }
    }
}

/// One page of documents, and after which record the next one begins; none at the end.
fn page<F: Facts>(
    connection: &mut DbConnection,
    kind: Kind,
    after: Option<Uuid>,
    now: jiff::Timestamp,
) -> Result<(Vec<Object>, Option<Uuid>)> {
    let page = Page { after, limit: PAGE, ..Page::default() };
    let (records, _) = list::<F>(connection, &page)?;
    let ids: Vec<Uuid> = records.iter().map(|record| record.id.into()).collect();
    let world = World::load(connection, kind, &ids, now)?;
    // The offering of a service that is at no location stands on the service.
    let own: BTreeSet<Uuid> = if kind == Kind::ServiceAtLocation {
        let offerings =
            find_all::<OfferingFacts>(connection, &ids.iter().copied().map(Into::into).collect::<Vec<_>>())?;
        offerings.iter().map(|record| own_offering(record.facts.service_id.0)).collect()
    } else {
        BTreeSet::new()
    };
    let documents = ids
        .iter()
        .filter(|id| !own.contains(*id) && world.is_live(kind, **id))
        .filter_map(|id| world.document(kind, *id))
        .collect();
    Ok((documents, ids.last().copied()))
}

/// A file `{"contents": […]}`.
struct Contents {
    path: PathBuf,
    file: BufWriter<File>,
    count: u64,
}

impl Contents {
    fn begin(path: PathBuf) -> Result<Self> {
        let file = File::create(&path).map_err(|error| failed(&path, &error))?;
        let mut contents = Self { path, file: BufWriter::new(file), count: 0 };
        contents.put(b"{\"contents\": [")?;
        Ok(contents)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| failed(&self.path, &error))
    }

    fn write(&mut self, document: &Object) -> Result<()> {
        self.put(if self.count == 0 { b"\n" } else { b",\n" })?;
        self.count += 1;
        serde_json::to_writer(&mut self.file, &Value::Object(document.clone()))
            .map_err(|error| failed(&self.path, &error.into()))
    }

    fn finish(mut self) -> Result<u64> {
        self.put(b"\n]}\n")?;
        let file = self.file.into_inner().map_err(|error| failed(&self.path, error.error()))?;
        file.sync_all().map_err(|error| failed(&self.path, &error))?;
        Ok(self.count)
    }
}
