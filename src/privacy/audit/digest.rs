//! Rows as bytes, in one way only, so that a digest of them stands for nothing else.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// Columns of a row, one after the other: each says whether it is there, how long it is, and what it is.
#[derive(Default)]
pub(super) struct Columns(Vec<u8>);

impl Columns {
    pub(super) fn bytes(mut self, value: Option<&[u8]>) -> Self {
        match value {
            None => self.0.push(0),
            Some(value) => {
                self.0.push(1);
                self.0.extend((value.len() as u64).to_le_bytes());
                self.0.extend(value);
            }
        }
        self
    }

    pub(super) fn text(self, value: &str) -> Self {
        self.bytes(Some(value.as_bytes()))
    }

    pub(super) fn maybe_text(self, value: Option<&str>) -> Self {
        self.bytes(value.map(str::as_bytes))
    }

    pub(super) fn number(self, value: i64) -> Self {
        self.bytes(Some(&value.to_le_bytes()))
    }

    /// To the microsecond, which is what both databases keep.
    pub(super) fn instant(self, value: Timestamp) -> Self {
        self.number(value.as_microsecond())
    }

    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }
}

/// A row of `disclosures`, column by column as the database has it.
#[derive(Clone, Copy, Debug)]
pub struct DisclosureColumns<'a> {
    /// `id`.
    pub id: &'a str,
    /// `student_id`.
    pub student_id: &'a str,
    /// `district_id`.
    pub district_id: &'a str,
    /// `recipient_organization_id`.
    pub recipient_organization_id: Option<&'a str>,
    /// `released_at`.
    pub released_at: Timestamp,
    /// `document`.
    pub document: &'a str,
    /// `sealed`.
    pub sealed: Option<&'a [u8]>,
}

/// What the audit event of a release says of its row in `disclosures` (SHA-256): the event is chained, so that the
/// row cannot change unnoticed either. The event has action `release`, resource `disclosure` and the row's id.
pub fn digest_of_disclosure(row: &DisclosureColumns<'_>) -> Vec<u8> {
    let columns = Columns::default()
        .text("disclosures")
        .text(row.id)
        .text(row.student_id)
        .text(row.district_id)
        .maybe_text(row.recipient_organization_id)
        .instant(row.released_at)
        .text(row.document)
        .bytes(row.sealed)
        .done();
    Sha256::digest(columns).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row<'a>() -> DisclosureColumns<'a> {
        DisclosureColumns {
            id: "d",
            student_id: "s",
            district_id: "lawrence",
            recipient_organization_id: None,
            released_at: Timestamp::UNIX_EPOCH,
            document: "{}",
            sealed: None,
        }
    }

    #[test]
    fn every_column_of_a_disclosure_counts_and_none_runs_into_the_next() {
        let changed = [
            row(),
            DisclosureColumns { id: "ds", student_id: "", ..row() },
            DisclosureColumns { id: "d\u{1}s", student_id: "s", ..row() },
            DisclosureColumns { id: "d", student_id: "s\u{1}s", ..row() },
            DisclosureColumns { id: "x", ..row() },
            DisclosureColumns { student_id: "x", ..row() },
            DisclosureColumns { district_id: "x", ..row() },
            DisclosureColumns { recipient_organization_id: Some(""), ..row() },
            DisclosureColumns { recipient_organization_id: Some("x"), ..row() },
            DisclosureColumns { released_at: Timestamp::from_microsecond(1).unwrap(), ..row() },
            DisclosureColumns { document: "{ }", ..row() },
            DisclosureColumns { sealed: Some(b""), ..row() },
            DisclosureColumns { sealed: Some(b"x"), ..row() },
        ];
        let digests: std::collections::BTreeSet<Vec<u8>> = changed.iter().map(digest_of_disclosure).collect();
        assert_eq!(digests.len(), changed.len());
        assert!(digests.iter().all(|digest| digest.len() == 32));
    }

    #[test]
    fn what_the_databases_do_not_keep_does_not_count() {
        let finer = DisclosureColumns { released_at: Timestamp::from_nanosecond(999).unwrap(), ..row() };
        assert_eq!(digest_of_disclosure(&finer), digest_of_disclosure(&row()));
    }
}
