//! The second lock: PostgreSQL itself shows and takes rows of students for the tenancy of a transaction only, whatever
//! the program asks. Each statement here is one that has forgotten its `WHERE`.

use std::collections::BTreeMap;
use std::sync::Arc;

use causeway::access::{Role, Tie};
use causeway::error::Error;
use causeway::privacy::Purpose;
use causeway::privacy::audit::{self, Errand, EventPage};
use causeway::privacy::disclosures::Filter;
use causeway::store::{DbConnection, StoreOptions, Tenancy, Tenant, Tx};
use causeway::students::releases;
use diesel::connection::SimpleConnection;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl};
use serde_json::json;

use crate::consents::{Pupil, clinic, eligibility, guardian};
use crate::seeking::{Agency, Desk};
use crate::students::{District, create, get, post};
use crate::support::{Causeway, at_database, on_both, postgres_urls};

/// Every table of what is about students.
const TABLES: [&str; 10] = [
    "audit_events",
    "consents",
    "crisis_events",
    "disclosures",
    "erasures",
    "guardians",
    "legal_holds",
    "student_identifiers",
    "student_keys",
    "students",
];

/// Every table of what is about referrals; `referrals_are_seen_by…` looks at them.
const OF_REFERRALS: [&str; 4] = ["offers", "referral_events", "referrals", "worklist_places"];

/// Every table of whom messages went to; `whom_messages_went_to_is_seen_by…` looks at them.
const OF_MESSAGES: [&str; 3] = ["crisis_escalations", "crisis_rotas", "worklist_notices"];

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

fn number(connection: &mut PgConnection, sql: &str) -> i64 {
    diesel::sql_query(sql).get_result::<Number>(connection).unwrap().number
}

fn names(connection: &mut PgConnection, sql: &str) -> Vec<String> {
    let found: Vec<Name> = diesel::sql_query(sql).load(connection).unwrap();
    found.into_iter().map(|Name { name }| name).collect()
}

/// As the application connects.
fn application(causeway: &Causeway) -> PgConnection {
    let (_, app) = postgres_urls().unwrap();
    PgConnection::establish(&at_database(&app, causeway.postgres_name().unwrap())).unwrap()
}

/// Says until the end of the transaction for whom it works.
fn enter(connection: &mut PgConnection, tenancy: &str, district: &str, organization: &str) {
    let sql = format!(
        "SELECT count(*) AS number FROM (SELECT set_config('causeway.tenancy', '{tenancy}', true),
            set_config('causeway.district', '{district}', true), set_config('causeway.organization', '{organization}', true)) AS s"
    );
    assert_eq!(number(connection, &sql), 1);
}

/// Runs within one transaction, which leaves nothing.
fn within<T>(connection: &mut PgConnection, body: impl FnOnce(&mut PgConnection) -> T) -> T {
    connection.batch_execute("BEGIN").unwrap();
    let done = body(connection);
    connection.batch_execute("ROLLBACK").unwrap();
    done
}

/// How many rows of each table can be seen.
fn seen(connection: &mut PgConnection) -> BTreeMap<&'static str, i64> {
    seen_of(connection, &TABLES)
}

fn seen_of(connection: &mut PgConnection, tables: &[&'static str]) -> BTreeMap<&'static str, i64> {
    tables
        .iter()
        .map(|table| (*table, number(connection, &format!("SELECT count(*) AS number FROM {table}"))))
        .filter(|(_, rows)| *rows > 0)
        .collect()
}

/// What is refused, as PostgreSQL says it.
fn refusal(connection: &mut PgConnection, sql: &str) -> String {
    connection.batch_execute("SAVEPOINT before").unwrap();
    let refused = diesel::sql_query(sql).execute(connection);
    connection.batch_execute("ROLLBACK TO before").unwrap();
    match refused {
        Ok(rows) => format!("{rows} rows"),
        Err(error) => error.to_string(),
    }
}

/// Two districts with two students each, and what is about them in every table.
struct Land {
    own: District,
    other: District,
    /// Whom both districts told something.
    clinic: String,
    /// Whom only the other district told something.
    theirs: String,
}

impl Land {
    fn new(causeway: &Causeway) -> Self {
        let (own, other) = (District::new(causeway, "0149"), District::new(causeway, "0201"));
        let (both, theirs) = (clinic(causeway), clinic(causeway));
        let tell = |district: &District, clinic: &str| {
            let pupil = Pupil::new(causeway, &district.lead, &json!({}));
            pupil.consented(causeway, &district.lead, &json!({}));
            post(causeway, &district.lead, &format!("{}/disclosures", pupil.path), &eligibility(clinic))
                .expect(201);
            post(causeway, &district.lead, "/v1/crisis-events", &json!({"student_id": pupil.id})).expect(201);
            pupil.id
        };
        let of_own = [tell(&own, &both), tell(&own, &both)];
        let of_other = [tell(&other, &both), tell(&other, &theirs), tell(&other, &theirs)];
        for (district, pupils) in [(&own, of_own.as_slice()), (&other, of_other.as_slice())] {
            let tenant = Tenant { district: district.id.parse().unwrap(), schools: Vec::new() };
            let add = |tx: &mut Tx<'_>| {
                for pupil in pupils {
                    for sql in [
                        format!(
                            "INSERT INTO erasures VALUES ('e-{pupil}', '{pupil}', '{}', 'left', 'a test', '2026-11-22 12:00:00')",
                            district.id
                        ),
                        format!(
                            "INSERT INTO legal_holds VALUES ('h-{pupil}', '{pupil}', '{}', 'suit', 'a test', '2026-11-22 12:00:00', NULL, NULL)",
                            district.id
                        ),
                    ] {
                        diesel::sql_query(sql).execute(tx.connection)?;
                    }
                }
                Ok(())
            };
            causeway.store().write_for_now(&Tenancy::District(tenant), add).unwrap();
        }
        Self { own, other, clinic: both, theirs }
    }
}

#[test]
fn without_a_where_a_transaction_sees_what_its_tenancy_may_see() {
    let Some(causeway) = Causeway::on_postgres() else { return };
    let land = Land::new(&causeway);
    let mut connection = application(&causeway);
    let mut sees = |tenancy: &str, district: &str, organization: &str| {
        within(&mut connection, |connection| {
            enter(connection, tenancy, district, organization);
            seen(connection)
        })
    };
    let own = sees("district", &land.own.id, "");
    let other = sees("district", &land.other.id, "");
    for (sight, pupils) in [(&own, 2), (&other, 3)] {
        assert_eq!(sight.keys().copied().collect::<Vec<_>>(), TABLES, "every table holds rows of either");
        assert!(
            TABLES.iter().filter(|table| **table != "audit_events").all(|table| sight[table] == pupils),
            "{sight:?}"
        );
    }
    let nothing = BTreeMap::new();
    assert_eq!(sees("", "", ""), nothing);
    assert_eq!(
        sees("", &land.own.id, &land.clinic),
        nothing,
        "without a kind of tenancy the rest says nothing"
    );
    assert_eq!(sees("district", "", ""), nothing);
    assert_eq!(sees("District", &land.own.id, ""), nothing);
    assert_eq!(sees("district", &format!("{}' OR true OR '", land.own.id).replace('\'', "''"), ""), nothing);
    assert_eq!(sees("analyst", &land.own.id, &land.clinic), nothing);
    assert_eq!(
        sees("clock", &land.own.id, &land.clinic),
        BTreeMap::from([("consents", 5), ("crisis_events", 5)])
    );
    assert_eq!(sees("agency", &land.own.id, &land.clinic), BTreeMap::from([("disclosures", 3)]));
    assert_eq!(sees("agency", "", &land.theirs), BTreeMap::from([("disclosures", 2)]));
    assert_eq!(sees("agency", "", ""), nothing);
    assert_eq!(sees("district", &land.clinic, &land.clinic), nothing, "an organization is no district");
    let keeper = BTreeMap::from([
        ("audit_events", own["audit_events"] + other["audit_events"]),
        ("disclosures", 5),
        ("student_keys", 5),
    ]);
    assert_eq!(sees("keeper", "", ""), keeper);
    // What they see is theirs.
    within(&mut connection, |connection| {
        enter(connection, "district", &land.own.id, "");
        for table in TABLES {
            assert_eq!(
                names(connection, &format!("SELECT DISTINCT district_id AS name FROM {table}")),
                std::slice::from_ref(&land.own.id),
                "{table}"
            );
        }
    });
}

#[test]
fn referrals_are_seen_by_their_district_offers_by_whom_they_ask_and_by_the_clock() {
    let Some(causeway) = Causeway::on_postgres() else { return };
    let desks = [Desk::new(&causeway, "0149"), Desk::new(&causeway, "0201")];
    let agencies = ["One", "Two"].map(|name| Agency::new(&causeway, name, "enrolled"));
    for (desk, asked) in [(&desks[0], &agencies[0]), (&desks[1], &agencies[0]), (&desks[1], &agencies[1])] {
        let pupil = desk.pupil(&causeway);
        desk.refers(&causeway, &pupil, &[asked], &json!({}));
        // Nobody may be asked for this one, so that it stands on a worklist.
        let other = Pupil::new(&causeway, &desk.lead(&causeway), &json!({}));
        desk.refers(&causeway, &other, &[asked], &json!({}));
    }
    let mut connection = application(&causeway);
    let mut sees = |tenancy: &str, district: &str, organization: &str| {
        within(&mut connection, |connection| {
            enter(connection, tenancy, district, organization);
            let seen = seen_of(connection, &OF_REFERRALS);
            if tenancy == "district" {
                for table in seen.keys() {
                    let whose =
                        names(connection, &format!("SELECT DISTINCT district_id AS name FROM {table}"));
                    assert_eq!(whose, [district], "{table}");
                }
            }
            seen
        })
    };
    let [own, other] = [&desks[0], &desks[1]].map(|desk| sees("district", &desk.district.id, ""));
    assert_eq!((own["offers"], own["referrals"], own["worklist_places"]), (1, 2, 1), "{own:?}");
    assert_eq!((other["offers"], other["referrals"], other["worklist_places"]), (2, 4, 2), "{other:?}");
    assert!(own["referral_events"] >= 5 && other["referral_events"] >= 10, "{own:?} {other:?}");
    let offers = |count: i64| BTreeMap::from([("offers", count)]);
    assert_eq!(sees("agency", &desks[0].district.id, &agencies[0].organization), offers(2));
    assert_eq!(sees("agency", "", &agencies[1].organization), offers(1));
    // It looks at every referral that seeks, and sees which offers are due.
    assert_eq!(sees("clock", "", ""), BTreeMap::from([("offers", 3), ("referrals", 6)]));
    let nothing = BTreeMap::new();
    for tenancy in ["", "analyst", "keeper", "District"] {
        assert_eq!(sees(tenancy, &desks[0].district.id, &agencies[0].organization), nothing, "{tenancy}");
    }
    // What an agency or the clock sees, it does not change.
    for (tenancy, organization) in [("agency", agencies[0].organization.as_str()), ("clock", "")] {
        let changed = within(&mut connection, |connection| {
            enter(connection, tenancy, "", organization);
            diesel::sql_query("UPDATE offers SET state = 'accepted'").execute(connection).unwrap()
        });
        assert_eq!(changed, 0, "{tenancy}");
    }
}

#[test]
fn whom_messages_went_to_is_seen_by_their_district_alone_and_written_by_nobody_else() {
    let Some(causeway) = Causeway::on_postgres() else { return };
    let desks = [Desk::new(&causeway, "0149"), Desk::new(&causeway, "0201")];
    let agency = Agency::new(&causeway, "One", "enrolled");
    let ids = ["one", "two"].map(|name| {
        let member = uuid::Uuid::now_v7();
        causeway
            .as_owner(&format!(
                "INSERT INTO memberships VALUES ('{member}', 1, 'i', '{name}', 'Ana', 'coordinator', NULL, NULL, '[]', 'a test', '2026-11-22 12:00:00', NULL)"
            ))
            .unwrap();
        member
    });
    let rows = |desk: &Desk, member: &uuid::Uuid, referral: &str, event: &str| {
        let district = &desk.district.id;
        [
            format!(
                "INSERT INTO crisis_rotas VALUES ('{district}', 1, '[]', 'a test', '2026-11-22 12:00:00')"
            ),
            format!(
                "INSERT INTO crisis_escalations VALUES ('{event}', '{event}', 1, '{district}', 1, 1, NULL, 'Desk', NULL, '2026-11-22 12:00:00')"
            ),
            format!(
                "INSERT INTO worklist_notices VALUES ('{member}', '{referral}', 'due_today', '{district}', '2026-11-22 12:00:00', 'm')"
            ),
        ]
    };
    let mut written = Vec::new();
    for (desk, member) in desks.iter().zip(&ids) {
        let pupil = desk.pupil(&causeway);
        let referral = desk.refers(&causeway, &pupil, &[&agency], &json!({}));
        let event =
            post(&causeway, &desk.lead(&causeway), "/v1/crisis-events", &json!({})).expect(201).json();
        let rows = rows(desk, member, &referral, event["event"]["id"].as_str().unwrap());
        let tenant = Tenant { district: desk.district.id.parse().unwrap(), schools: Vec::new() };
        written.push((Tenancy::District(tenant), rows));
    }
    // Nobody writes for another district.
    for tenancy in [&written[1].0, &Tenancy::Clock, &Tenancy::Keeper, &Tenancy::Analyst] {
        for sql in &written[0].1 {
            let refused = causeway.as_application(tenancy, sql).expect_err(sql);
            assert!(refused.contains("row-level security policy"), "{tenancy:?} {sql}: {refused}");
        }
    }
    for (tenancy, rows) in &written {
        for sql in rows {
            causeway.as_application(tenancy, sql).unwrap();
        }
    }
    let mut connection = application(&causeway);
    let mut sees = |tenancy: &str, district: &str| {
        within(&mut connection, |connection| {
            enter(connection, tenancy, district, &agency.organization);
            for table in OF_MESSAGES {
                for whose in names(connection, &format!("SELECT district_id AS name FROM {table}")) {
                    assert_eq!(whose, district, "{table}");
                }
            }
            seen_of(connection, &OF_MESSAGES)
        })
    };
    for desk in &desks {
        assert_eq!(sees("district", &desk.district.id), OF_MESSAGES.map(|table| (table, 1)).into());
    }
    for tenancy in ["", "agency", "clock", "analyst", "keeper", "District"] {
        assert_eq!(sees(tenancy, &desks[0].district.id), BTreeMap::new(), "{tenancy}");
    }
}

#[test]
fn what_an_earlier_transaction_said_is_forgotten() {
    let Some(causeway) = Causeway::on_postgres() else { return };
    let land = Land::new(&causeway);
    let mut connection = application(&causeway);
    for end in ["COMMIT", "ROLLBACK"] {
        connection.batch_execute("BEGIN").unwrap();
        enter(&mut connection, "district", &land.own.id, "");
        assert_eq!(seen(&mut connection)["students"], 2);
        connection.batch_execute(end).unwrap();
        assert_eq!(seen(&mut connection), BTreeMap::new(), "after {end}");
    }
    // The program's own way in: the one connection of its pool remembers nothing.
    let store = causeway.another_store(StoreOptions { connections: 1, ..StoreOptions::default() });
    let count = |connection: &mut DbConnection| {
        let DbConnection::Postgres(connection) = connection else { panic!("it is PostgreSQL") };
        Ok(seen(connection))
    };
    let tenant = Tenant { district: land.own.id.parse().unwrap(), schools: Vec::new() };
    for tenancy in [
        Tenancy::District(tenant),
        Tenancy::Keeper,
        Tenancy::Clock,
        Tenancy::Agency(land.clinic.parse().unwrap()),
    ] {
        let written = store.write_for_now(&tenancy, |tx| count(tx.connection)).unwrap();
        assert!(!written.is_empty(), "{tenancy:?}");
        assert_eq!(store.read_now(count).unwrap(), BTreeMap::new(), "after {tenancy:?}");
        let failed: causeway::error::Result<()> =
            store.write_for_now(&tenancy, |_| Err(Error::Conflict("a test".to_owned())));
        assert!(failed.is_err());
        assert_eq!(
            store.write_now(|tx| count(tx.connection)).unwrap(),
            BTreeMap::new(),
            "after a failed {tenancy:?}"
        );
        assert_eq!(store.read_for_now(&tenancy, count).unwrap(), written, "{tenancy:?}");
        assert_eq!(store.read_now(count).unwrap(), BTreeMap::new(), "after a reading {tenancy:?}");
    }
}

/// The columns of a table that a statement may give, with what stands for the district's.
fn columns(connection: &mut PgConnection, table: &str, district: &str) -> (String, String) {
    let names = names(
        connection,
        &format!(
            "SELECT column_name AS name FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name = '{table}' AND is_identity = 'NO' ORDER BY ordinal_position"
        ),
    );
    let given =
        names.iter().map(|name| if name == "district_id" { format!("'{district}'") } else { name.clone() });
    (names.join(", "), given.collect::<Vec<_>>().join(", "))
}

#[test]
fn no_row_is_written_for_another_district() {
    let Some(causeway) = Causeway::on_postgres() else { return };
    let land = Land::new(&causeway);
    let mut connection = application(&causeway);
    let (own, other) = (land.own.id.as_str(), land.other.id.as_str());
    let violates = "row-level security policy for table";
    within(&mut connection, |connection| {
        enter(connection, "district", own, "");
        for table in TABLES {
            let (columns, foreign) = columns(connection, table, other);
            let insert = format!("INSERT INTO {table} ({columns}) SELECT {foreign} FROM {table} LIMIT 1");
            let refused = refusal(connection, &insert);
            assert!(refused.contains(violates), "{table}: {refused}");
            let moved = refusal(connection, &format!("UPDATE {table} SET district_id = '{other}'"));
            assert!(moved.contains(violates) || moved.contains("permission denied"), "{table}: {moved}");
            // What is another's is not there to be changed or deleted.
            for sql in [
                format!("UPDATE {table} SET district_id = district_id WHERE district_id = '{other}'"),
                format!("DELETE FROM {table} WHERE district_id = '{other}'"),
            ] {
                let untouched = refusal(connection, &sql);
                assert!(
                    untouched == "0 rows" || untouched.contains("permission denied"),
                    "{sql}: {untouched}"
                );
            }
            let emptied = refusal(connection, &format!("TRUNCATE {table} CASCADE"));
            assert!(emptied.contains("permission denied"), "{table}: {emptied}");
        }
    });
}

#[test]
fn those_who_only_look_write_nothing_but_that_they_did() {
    let Some(causeway) = Causeway::on_postgres() else { return };
    let land = Land::new(&causeway);
    let mut connection = application(&causeway);
    let own = land.own.id.as_str();
    for (tenancy, organization) in
        [("", ""), ("agency", land.clinic.as_str()), ("clock", ""), ("analyst", ""), ("keeper", "")]
    {
        within(&mut connection, |connection| {
            for table in TABLES {
                let (columns, same) = columns(connection, table, own);
                // A copy of a row that only its district sees.
                enter(connection, "district", own, "");
                connection
                    .batch_execute(&format!(
                        "CREATE TEMPORARY TABLE copied ON COMMIT DROP AS SELECT * FROM {table} LIMIT 1"
                    ))
                    .unwrap();
                enter(connection, tenancy, "", organization);
                let insert = refusal(
                    connection,
                    &format!("INSERT INTO {table} ({columns}) SELECT {same} FROM copied"),
                );
                assert!(insert.contains("row-level security policy"), "{tenancy} {table}: {insert}");
                if table == "audit_events" {
                    // What they did themselves, which is of no district.
                    let of_nobody = same.replace(&format!("'{own}'"), "NULL");
                    let own_doing = refusal(
                        connection,
                        &format!("INSERT INTO {table} ({columns}) SELECT {of_nobody} FROM copied"),
                    );
                    let is_somebody = !tenancy.is_empty();
                    assert_eq!(own_doing == "1 rows", is_somebody, "{tenancy}: {own_doing}");
                }
                let update = refusal(connection, &format!("UPDATE {table} SET district_id = district_id"));
                match (table, tenancy) {
                    ("student_keys", "keeper") | ("crisis_events", "clock") => assert_eq!(update, "5 rows"),
                    _ => assert!(
                        update == "0 rows" || update.contains("permission denied"),
                        "{tenancy} {table}: {update}"
                    ),
                }
                let delete = refusal(connection, &format!("DELETE FROM {table}"));
                assert!(
                    delete == "0 rows" || delete.contains("permission denied"),
                    "{tenancy} {table}: {delete}"
                );
                connection.batch_execute("DROP TABLE copied").unwrap();
            }
        });
    }
}

/// Tables that tell of a student, or say whose, and that row-level security does not hold for whoever asks.
fn unlocked(connection: &mut PgConnection) -> Vec<String> {
    names(
        connection,
        "SELECT c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'm', 'f', 'v')
           AND (c.relname IN ('students') OR EXISTS (
               SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped AND a.attname ~ '^(student|guardian|consent)_id$'))
           AND NOT (c.relrowsecurity AND c.relforcerowsecurity
               AND EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid))
         ORDER BY 1",
    )
}

#[test]
fn every_table_about_students_is_locked_for_its_owner_too() {
    let Some(causeway) = Causeway::on_postgres() else { return };
    let mut connection = application(&causeway);
    assert_eq!(unlocked(&mut connection), [] as [&str; 0]);
    let locked = names(
        &mut connection,
        "SELECT relname::text AS name FROM pg_class WHERE relrowsecurity AND relforcerowsecurity ORDER BY 1",
    );
    let mut known: Vec<&str> = TABLES.into_iter().chain(OF_REFERRALS).chain(OF_MESSAGES).collect();
    known.sort_unstable();
    assert_eq!(locked, known, "the other tests of this file look at each of them");
    // A new table that somebody forgets, a policy without force, and a view past the policies.
    causeway
        .as_owner(
            "CREATE TABLE student_notes (district_id TEXT, student_id TEXT);
         CREATE TABLE visits (guardian_id TEXT);
         ALTER TABLE visits ENABLE ROW LEVEL SECURITY;
         CREATE POLICY own ON visits USING (true);
         CREATE VIEW everybody AS SELECT student_id FROM guardians;",
        )
        .unwrap();
    assert_eq!(unlocked(&mut connection), ["everybody", "student_notes", "visits"]);
}

#[derive(QueryableByName, Debug)]
struct Standing {
    #[diesel(sql_type = Bool)]
    is_above: bool,
    #[diesel(sql_type = BigInt)]
    owns: i64,
    #[diesel(sql_type = BigInt)]
    borrowed: i64,
}

/// A role that is above the policies, or owns what they stand on, would make all of the above moot.
#[test]
fn the_application_stands_below_the_policies() {
    let Some(causeway) = Causeway::on_postgres() else { return };
    let mut connection = application(&causeway);
    let standing: Standing = diesel::sql_query(
        "SELECT rolsuper OR rolbypassrls OR rolcreaterole AS is_above,
             (SELECT count(*) FROM pg_class WHERE relowner = r.oid) AS owns,
             (SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
              WHERE n.nspname = 'public' AND p.prosecdef) AS borrowed
         FROM pg_roles r WHERE rolname = current_user",
    )
    .get_result(&mut connection)
    .unwrap();
    assert!(!standing.is_above && standing.owns == 0 && standing.borrowed == 0, "{standing:?}");
    for sql in [
        "ALTER TABLE students DISABLE ROW LEVEL SECURITY",
        "DROP POLICY own_district ON students",
        "CREATE POLICY mine ON students USING (true)",
        "ALTER TABLE audit_events DISABLE TRIGGER ALL",
        "DROP TRIGGER audit_events_append_only ON audit_events",
        "SET session_replication_role = replica",
        "CREATE OR REPLACE FUNCTION causeway_district() RETURNS text LANGUAGE sql STABLE AS $$ SELECT 'x' $$",
    ] {
        let refused = within(&mut connection, |connection| refusal(connection, sql));
        assert!(
            refused.contains("must be owner") || refused.contains("permission denied"),
            "{sql}: {refused}"
        );
    }
    // With policies off a statement that would leave rows out fails instead.
    within(&mut connection, |connection| {
        connection.batch_execute("SET LOCAL row_security = off").unwrap();
        let refused = refusal(connection, "SELECT 1 FROM students");
        assert!(refused.contains("row-level security"), "{refused}");
    });
}

/// The first lock alone, where there is no second: each query names the district, also where the student that it is about
/// was found by the district before.
#[test]
fn a_row_that_is_another_districts_is_not_read_on_sqlite_either() {
    let causeway = Causeway::on_sqlite();
    let (own, other) = (District::new(&causeway, "0149"), District::new(&causeway, "0201"));
    let pupil =
        Pupil::new(&causeway, &own.lead, &json!({"identifiers": [{"kind": "lasid", "value": "ID-1"}]}));
    let consent = pupil.consented(&causeway, &own.lead, &json!({}));
    let disclosures = format!("{}/disclosures", pupil.path);
    post(&causeway, &own.lead, &disclosures, &eligibility(&clinic(&causeway))).expect(201);
    let items = |path: &str| {
        let listed = get(&causeway, &own.lead, path).expect(200).json();
        listed["items"].as_array().unwrap().len()
    };
    let guardians = format!("{}/guardians", pupil.path);
    let look_up = || {
        let found =
            post(&causeway, &own.lead, "/v1/students/lookup", &json!({"kind": "lasid", "value": "ID-1"}));
        found.expect(200).json()["items"].as_array().unwrap().len()
    };
    let lists = || {
        [
            items(&guardians),
            items(&pupil.consents()),
            items(&disclosures),
            items("/v1/disclosures"),
            look_up(),
        ]
    };
    assert_eq!(lists(), [1, 1, 1, 1, 1]);
    causeway.as_owner("DROP TRIGGER disclosures_refuse_update").unwrap();
    for table in ["guardians", "consents", "disclosures", "student_identifiers"] {
        causeway.as_owner(&format!("UPDATE {table} SET district_id = '{}'", other.id)).unwrap();
    }
    assert_eq!(lists(), [0, 0, 0, 0, 0]);
    get(&causeway, &own.lead, &format!("{guardians}/{}", pupil.guardian)).expect(404);
    get(&causeway, &own.lead, &format!("{}/{consent}", pupil.consents())).expect(404);
    get(&causeway, &own.lead, &pupil.path).expect(200);
    causeway.as_owner(&format!("UPDATE student_keys SET district_id = '{}'", other.id)).unwrap();
    get(&causeway, &own.lead, &pupil.path).expect(404);
}

on_both! {
    fn the_audit_of_a_district_is_its_own(causeway) {
        let (own, other) = (District::new(&causeway, "0149"), District::new(&causeway, "0201"));
        let pupil = Pupil::new(&causeway, &own.lead, &json!({}));
        let audit = |token: &str, query: &str| {
            let listed = get(&causeway, token, &format!("/v1/audit{query}")).expect(200).json();
            listed["items"].as_array().unwrap().iter().filter(|act| act["resource"] != "audit").count()
        };
        assert_eq!(audit(&own.lead, ""), 2, "a student and a guardian were recorded");
        assert_eq!(audit(&other.lead, ""), 0);
        assert_eq!(audit(&other.lead, &format!("?student_id={}", pupil.id)), 0);
        get(&causeway, &own.coordinator, "/v1/audit").expect(403);
    }
}

/// What was sealed in one place opens in no other: a row that was given the document of another is damaged.
#[test]
fn a_sealed_document_that_was_moved_does_not_open() {
    let causeway = Causeway::on_sqlite();
    let lead = District::new(&causeway, "0149").lead;
    let pupil = Pupil::new(&causeway, &lead, &json!({}));
    let guardians = format!("{}/guardians", pupil.path);
    let barred = create(&causeway, &lead, &guardians, &guardian("barred"));
    // Whoever can write to the database gives a barred guardian the access of another.
    causeway.as_owner(&format!(
        "UPDATE guardians SET sealed = (SELECT sealed FROM guardians WHERE id = '{}') WHERE id = '{barred}'",
        pupil.guardian
    )).unwrap();
    let shown = get(&causeway, &lead, &format!("{guardians}/{barred}")).expect(500);
    assert!(!shown.text.contains("Marta"), "{}", shown.text);
    // Nor is a student another by taking over document and key.
    let other = Pupil::new(&causeway, &lead, &json!({"given_name": "Ana"}));
    causeway.as_owner(&format!(
        "UPDATE students SET sealed = (SELECT sealed FROM students WHERE id = '{0}') WHERE id = '{1}';
         UPDATE student_keys SET wrapped = (SELECT wrapped FROM student_keys WHERE student_id = '{0}') WHERE student_id = '{1}';",
        pupil.id, other.id
    )).unwrap();
    get(&causeway, &lead, &other.path).expect(500);
}

on_both! {
    fn what_is_on_the_record_cannot_be_changed_or_taken_away(causeway) {
        let land = Land::new(&causeway);
        let tenant = Tenant { district: land.own.id.parse().unwrap(), schools: Vec::new() };
        for table in ["disclosures", "audit_events", "erasures"] {
            for sql in [format!("UPDATE {table} SET district_id = district_id"), format!("DELETE FROM {table}"), format!("DELETE FROM {table} WHERE 1 = 0 OR true")] {
                let tried = causeway.store().write_for_now(&Tenancy::District(tenant.clone()), |tx| {
                    Ok(diesel::sql_query(&sql).execute(tx.connection)?)
                });
                assert!(tried.is_err(), "{sql}: {tried:?}");
            }
        }
    }
}

on_both! {
    /// No role that may read them is tied to schools today; one that will be does not get the district's.
    fn the_records_of_a_whole_district_are_not_for_those_of_some_schools(causeway) {
        let own = District::new(&causeway, "0149");
        let district = own.id.parse().unwrap();
        let access = &causeway.context().app.access;
        let lead = access.development_client(Role::DistrictLead, Some(&Tie::District { district, schools: Vec::new() })).unwrap();
        let principal = Arc::new(lead.principal());
        let errand = |schools| Errand {
            principal: principal.clone(),
            tenancy: Tenancy::District(Tenant { district, schools }),
            purpose: Purpose::LegalCompliance,
            request: None,
        };
        let filter = Filter { student: None, since: None, until: None, after: None, limit: 10 };
        for (schools, is_whole) in [(Vec::new(), true), (vec![own.school.parse().unwrap()], false)] {
            let errand = errand(schools);
            let run = |body: &dyn Fn(&mut Tx<'_>) -> causeway::error::Result<()>| causeway.store().write_for_now(&errand.tenancy, body);
            let audit = run(&|tx| audit::list(tx, &errand, &EventPage { limit: 10, ..EventPage::default() }).map(|_| ()));
            let report = run(&|tx| releases::report_of_district(tx, &errand, &filter).map(|_| ()));
            for answer in [audit, report] {
                assert_eq!(answer.is_ok(), is_whole, "{answer:?}");
                assert!(is_whole || matches!(answer, Err(Error::Forbidden(_))), "{answer:?}");
            }
        }
    }
}
