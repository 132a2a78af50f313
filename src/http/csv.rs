//! Tables as CSV (RFC 4180).

use actix_web::{HttpResponse, HttpResponseBuilder};

use super::problem::Problem;
use crate::error::Error;

/// Answers with a table.
///
/// # Errors
/// If it cannot be written.
pub(super) fn answer(
    response: &mut HttpResponseBuilder,
    header: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Result<HttpResponse, Problem> {
    let failed = |source: csv::Error| Problem::from(Error::internal("writing a table", source));
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(header).map_err(failed)?;
    for row in rows {
        writer.write_record(row.iter().map(|cell| neutral(cell))).map_err(failed)?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|source| Problem::from(Error::internal("writing a table", source.into_error())))?;
    Ok(response.content_type("text/csv; charset=utf-8; header=present").body(bytes))
}

/// A cell that a spreadsheet would take for a formula, as text.
fn neutral(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_looks_like_a_formula_is_text() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"] {
            assert_eq!(neutral(cell), format!("'{cell}"));
        }
        assert_eq!(neutral("plain - text"), "plain - text");
    }
}
