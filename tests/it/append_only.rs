//! Rows that are only ever added: the database itself refuses to change one, whoever asks.

use causeway::access::Role;
use causeway::privacy::audit::{Action, chain};
use causeway::store::Tenancy;

use crate::audit::{District, act};
use crate::support::{Causeway, on_both};

/// Tables, their keys, and another column of each.
const TABLES: [(&str, &str, &str); 7] = [
    ("crisis_escalations", "id", "name"),
    ("disclosures", "id", "document"),
    ("audit_events", "seq", "purpose"),
    ("audit_batches", "number", "events"),
    ("audit_batch_events", "seq", "batch"),
    ("erasures", "id", "reason"),
    ("access_events", "id", "event"),
];

fn statements(causeway: &Causeway, table: &str, key: &str, column: &str) -> Vec<String> {
    let mut statements = vec![
        format!("UPDATE {table} SET {column} = {column}"),
        format!("DELETE FROM {table}"),
        format!("DELETE FROM {table} WHERE {key} = (SELECT min({key}) FROM {table})"),
    ];
    if causeway.is_on_postgres() {
        statements.push(format!("TRUNCATE {table} CASCADE"));
        statements.push(format!(
            "INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM {table} ON CONFLICT ({key}) DO UPDATE SET {column} = excluded.{column}"
        ));
    } else {
        statements.push(format!("INSERT OR REPLACE INTO {table} SELECT * FROM {table}"));
        statements.push(format!("UPDATE OR REPLACE {table} SET {column} = {column}"));
    }
    statements
}

on_both! {
    fn the_database_refuses_to_change_or_delete_what_is_only_ever_added(causeway) {
        let district = District::new(&causeway);
        district.tell(&causeway, &[act(Action::Read)]);
        let student = district.student(&causeway);
        district.disclose(&causeway, student);
        let erasure = format!(
            "INSERT INTO erasures VALUES ('e', '{student}', '{}', 'moved', 'somebody', '2026-11-22 12:00:00')", district.id());
        causeway.as_application(&district.tenancy, &erasure).unwrap();
        let escalation = format!(
            "INSERT INTO crisis_events (id, district_id, version, suspected_abuse, reported_by, reported_name, reported_at)
                VALUES ('c', '{0}', 1, FALSE, 'r', 'R', '2026-11-22 12:00:00');
             INSERT INTO crisis_escalations VALUES ('x', 'c', 1, '{0}', 1, 1, NULL, 'Desk', NULL, '2026-11-22 12:00:00')", district.id());
        causeway.as_application(&district.tenancy, &escalation).unwrap();
        chain::seal_all(causeway.store(), &causeway.context().app.vault).unwrap();
        assert!(causeway.context().app.access.development_client(Role::StateAnalyst, None).is_ok(), "an access event");
        for (table, key, column) in TABLES {
            let count = || crate::audit::number(&causeway, &district.tenancy, &format!("SELECT count(*) FROM {table}"));
            let before = count();
            assert!(before > 0, "{table} has rows");
            for statement in statements(&causeway, table, key, column) {
                for tenancy in [&district.tenancy, &Tenancy::Keeper] {
                    let refused = causeway.as_application(tenancy, &statement).expect_err(&statement);
                    assert!(
                        refused.contains("is append-only") || refused.contains("permission denied for table"),
                        "{statement}: {refused}"
                    );
                }
                let refused = causeway.as_owner(&statement).expect_err(&statement);
                assert!(refused.contains("is append-only"), "{statement} as the owner: {refused}");
            }
            assert_eq!(count(), before, "{table}");
        }
    }
}
