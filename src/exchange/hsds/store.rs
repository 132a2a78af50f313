//! Where the documents of others are kept.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use uuid::Uuid;

use super::kinds::{ASIDE, Kind, Object};
use crate::directory::Stated;
use crate::error::{Error, Result};
use crate::store::schema::{hsds_documents, offerings};
use crate::store::{DbConnection, Tx, to_sql};
use crate::types::{OfferingId, derived_uuid};

/// An HSDS object as its source wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptDocument {
    /// What it is.
    pub kind: Kind,
    /// Its id here.
    pub id: Uuid,
    /// Whether it stood on its own. One that stood inside another may be a short form of it, and does not
    /// replace one that stood on its own.
    pub whole: bool,
    /// The object, as JSON.
    pub body: String,
}

impl KeptDocument {
    pub(super) fn new(kind: Kind, id: Uuid, whole: bool, document: &Object) -> Self {
        // A map of values read from JSON can be written as JSON.
        let body = serde_json::to_string(document).unwrap_or_default();
        Self { kind, id, whole, body }
    }

    pub(in crate::exchange) fn key(&self) -> (Kind, Uuid) {
        (self.kind, self.id)
    }

    /// The id under which an import counts it.
    pub(in crate::exchange) fn statement_id(&self) -> Uuid {
        derived_uuid("hsds", &["document", self.kind.as_str(), &self.id.to_string()])
    }

    /// What keeping it would do where `known` is kept.
    pub(in crate::exchange) fn compared_with(&self, known: Option<&Self>) -> Stated {
        match known {
            None => Stated::Created,
            Some(known) if known.body == self.body && known.whole == self.whole => Stated::Unchanged,
            Some(_) => Stated::Updated,
        }
    }

    pub(super) fn object(&self) -> Result<Object> {
        serde_json::from_str(&self.body).map_err(|source| {
            Error::internal(format!("reading the kept {} {}", self.kind.as_str(), self.id), source)
        })
    }
}

type Row = (String, String, i32, String);

fn read((kind, id, whole, body): Row) -> Result<KeptDocument> {
    let damaged = || Error::internal("reading a kept document", format!("{kind} {id:?} is damaged"));
    let known = Kind::MAIN.into_iter().chain(ASIDE.into_iter().map(Kind::Aside));
    Ok(KeptDocument {
        kind: known.into_iter().find(|known| known.as_str() == kind).ok_or_else(damaged)?,
        id: Uuid::try_parse(&id).map_err(|_| damaged())?,
        whole: whole != 0,
        body,
    })
}

const COLUMNS: (hsds_documents::kind, hsds_documents::id, hsds_documents::whole, hsds_documents::document) =
    (hsds_documents::kind, hsds_documents::id, hsds_documents::whole, hsds_documents::document);

/// Those of these documents that are kept, by the id under which an import counts them.
pub(in crate::exchange) fn kept(
    connection: &mut DbConnection,
    keys: &[(Kind, Uuid)],
) -> Result<HashMap<Uuid, KeptDocument>> {
    let wanted: HashSet<_> = keys.iter().collect();
    let ids: Vec<Uuid> = keys.iter().map(|(_, id)| *id).collect();
    let found = documents(connection, &ids)?;
    Ok(found
        .into_values()
        .filter(|document| wanted.contains(&document.key()))
        .map(|document| (document.statement_id(), document))
        .collect())
}

/// All documents that are kept under these ids.
pub(super) fn documents(
    connection: &mut DbConnection,
    ids: &[Uuid],
) -> Result<HashMap<(Kind, Uuid), KeptDocument>> {
    let mut found = HashMap::new();
    for chunk in ids.chunks(500) {
        let ids: Vec<String> = chunk.iter().map(ToString::to_string).collect();
        let rows = hsds_documents::table
            .filter(hsds_documents::id.eq_any(&ids))
            .select(COLUMNS)
            .load::<Row>(connection)?;
        for row in rows {
            let document = read(row)?;
            found.insert(document.key(), document);
        }
    }
    Ok(found)
}

/// One page of the documents of a kind, in the order of their ids.
pub(super) fn page(
    connection: &mut DbConnection,
    kind: Kind,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<KeptDocument>> {
    let after = after.map(|after| after.to_string()).unwrap_or_default();
    hsds_documents::table
        .filter(hsds_documents::kind.eq(kind.as_str()).and(hsds_documents::id.gt(after)))
        .order(hsds_documents::id)
        .limit(limit)
        .select(COLUMNS)
        .load::<Row>(connection)?
        .into_iter()
        .map(read)
        .collect()
}

/// Keeps a document in the place of `known`.
pub(in crate::exchange) fn keep(
    tx: &mut Tx<'_>,
    document: &KeptDocument,
    source: &str,
    known: Option<&KeptDocument>,
) -> Result<Stated> {
    let outcome = document.compared_with(known);
    let values = (
        hsds_documents::source.eq(source),
        hsds_documents::whole.eq(i32::from(document.whole)),
        hsds_documents::document.eq(&document.body),
        hsds_documents::recorded_at.eq(to_sql(tx.now)),
    );
    let (kind, id) = (document.kind.as_str(), document.id.to_string());
    match outcome {
        Stated::Unchanged => {}
        Stated::Updated => {
            diesel::update(hsds_documents::table.find((kind, id))).set(values).execute(tx.connection)?;
        }
        Stated::Created => {
            diesel::insert_into(hsds_documents::table)
                .values((hsds_documents::kind.eq(kind), hsds_documents::id.eq(id), values))
                .execute(tx.connection)
                .map_err(|error| match Error::from(error) {
                    // Somebody else kept it since it was looked up.
                    Error::Conflict(_) => Error::Contended,
                    other => other,
                })?;
        }
    }
    Ok(outcome)
}

/// The offerings of these services that are not retired, each with its service.
pub(super) fn offerings_of(
    connection: &mut DbConnection,
    services: &[Uuid],
) -> Result<Vec<(OfferingId, Uuid)>> {
    let mut found = Vec::new();
    for chunk in services.chunks(500) {
        let services: Vec<String> = chunk.iter().map(ToString::to_string).collect();
        let rows = offerings::table
            .filter(offerings::service_id.eq_any(&services).and(offerings::retired_at.is_null()))
            .order(offerings::id)
            .select((offerings::id, offerings::service_id))
            .load::<(String, String)>(connection)?;
        for (id, service) in rows {
            found.push((crate::directory::parse_id(&id)?, crate::directory::parse_id(&service)?));
        }
    }
    Ok(found)
}
