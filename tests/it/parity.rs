//! Both migration trees make the same tables, and `schema.rs` knows them so.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use diesel::sql_types::{Bool, Text};
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection};

use crate::support::{at_database, on_both_names, postgres_template, postgres_urls};

#[derive(QueryableByName, Clone, Debug, PartialEq, Eq)]
struct Column {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Bool)]
    nullable: bool,
}

type Tables = BTreeMap<(String, String), (String, bool)>;

fn by_name(columns: Vec<Column>) -> Tables {
    columns
        .into_iter()
        .filter(|column| !column.table_name.starts_with("__") && !column.table_name.starts_with("sqlite_"))
        .map(|column| ((column.table_name, column.column_name), (portable(&column.kind), column.nullable)))
        .collect()
}

/// The portable name of a database's type.
fn portable(kind: &str) -> String {
    let kind = kind.to_uppercase();
    let name = match kind.as_str() {
        "TEXT" => "Text",
        "BIGINT" => "BigInt",
        "INTEGER" => "Integer",
        "DOUBLE" | "DOUBLE PRECISION" => "Double",
        "TIMESTAMP" | "TIMESTAMP WITHOUT TIME ZONE" => "Timestamp",
        "BOOLEAN" => "Bool",
        "DATE" => "Date",
        "BLOB" | "BYTEA" => "Binary",
        other => panic!("the type {other} is not known to be portable"),
    };
    name.to_owned()
}

fn sqlite() -> Tables {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("parity.db");
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    for migration in on_both_names().1 {
        connection.batch_execute(&migration).unwrap();
    }
    let columns = diesel::sql_query(
        "SELECT m.name AS table_name, p.name AS column_name, p.type AS kind,
                p.\"notnull\" = 0 AS nullable
         FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table'",
    )
    .load::<Column>(&mut connection)
    .unwrap();
    by_name(columns)
}

fn postgres() -> Option<Tables> {
    let (owner, _) = postgres_urls()?;
    let mut connection = PgConnection::establish(&at_database(&owner, postgres_template())).unwrap();
    let columns = diesel::sql_query(
        "SELECT table_name::text, column_name::text, data_type::text AS kind, is_nullable = 'YES' AS nullable
         FROM information_schema.columns WHERE table_schema = 'public'",
    )
    .load::<Column>(&mut connection)
    .unwrap();
    Some(by_name(columns))
}

/// The columns that `schema.rs` declares.
fn declared() -> Tables {
    let source =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/schema.rs")).unwrap();
    let mut tables = Tables::new();
    let mut table = String::new();
    for line in source.lines().map(str::trim) {
        if let (Some((name, _)), true) = (line.split_once(" ("), line.ends_with(") {")) {
            name.clone_into(&mut table);
        } else if let Some((column, kind)) = line.split_once(" -> ") {
            let kind = kind.trim_end_matches(',');
            let inner = kind.strip_prefix("Nullable<").and_then(|kind| kind.strip_suffix('>'));
            tables.insert(
                (table.clone(), column.to_owned()),
                (inner.unwrap_or(kind).to_owned(), inner.is_some()),
            );
        }
    }
    tables
}

#[test]
fn both_trees_have_the_same_migrations() {
    let (names, _) = on_both_names();
    assert_eq!(names.0, names.1);
    assert!(!names.0.is_empty());
}

#[test]
fn sqlite_has_the_tables_and_columns_that_the_code_declares() {
    // SQLite's only way to count up without reuse is INTEGER, of 64 bits; the code reads BigInt.
    let mut tables = sqlite();
    for table in ["changes", "audit_events"] {
        let seq = tables.get_mut(&(table.to_owned(), "seq".to_owned())).unwrap();
        assert_eq!(seq.0, "Integer");
        "BigInt".clone_into(&mut seq.0);
    }
    assert_eq!(tables, declared());
}

#[test]
fn postgresql_has_the_tables_and_columns_that_the_code_declares() {
    if let Some(tables) = postgres() {
        assert_eq!(tables, declared());
    }
}
