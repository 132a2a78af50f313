//! How the database finds what stands on a worklist, in a district with many referrals: along an index, in order.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use causeway::access::{Role, Tie};
use causeway::privacy::Purpose;
use causeway::privacy::audit::Errand;
use causeway::referrals::worklists::{Position, Worklist, WorklistPage, counts, page};
use causeway::referrals::{self, Desk as Table};
use causeway::store::{DbConnection, Tenancy, Tenant};
use diesel::connection::{Connection, Instrumentation, InstrumentationEvent, SimpleConnection};
use diesel::{QueryResult, RunQueryDsl};
use serde_json::json;

use crate::consents::Pupil;
use crate::seeking::{Agency, Desk};
use crate::support::{Causeway, on_both};

/// Referrals of the district; as many as the promise is made for where the environment asks for long repetitions.
fn many() -> usize {
    if std::env::var_os("CAUSEWAY_SOAK").is_some() { 100_000 } else { 20_000 }
}

/// A district with many referrals, all of which are copies of one: about every eleventh on each list, every fiftieth of the lead,
/// who stands in for another fiftieth, every twentieth of one school.
fn district(causeway: &Causeway) -> (Errand, String) {
    let desk = Desk::new(causeway, "0149");
    let agency = Agency::new(causeway, "One", "enrolled");
    let pupil = Pupil::new(causeway, &desk.lead(causeway), &json!({}));
    let one = desk.refers(causeway, &pupil, &[&agency], &json!({"submit": false}));
    let tie = Tie::District { district: desk.district.id.parse().unwrap(), schools: Vec::new() };
    let lead =
        causeway.context().app.access.development_client(Role::DistrictLead, Some(&tie)).unwrap().principal();
    let (district, school, me, many) = (&desk.district.id, &desk.district.school, lead.id, many());
    let (numbers, id, due) = if causeway.is_on_postgres() {
        (
            format!("SELECT i FROM generate_series(1, {many}) AS numbers (i)"),
            "'018f0000-0000-7000-8000-' || lpad(i::text, 12, '0')",
            "TIMESTAMP '2026-11-01 00:00:00' + (i * 7919 % 60000) * INTERVAL '1 minute'",
        )
    } else {
        (
            format!(
                "WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {many}) SELECT i FROM numbers"
            ),
            "printf('018f0000-0000-7000-8000-%012d', i)",
            "strftime('%Y-%m-%d %H:%M:%S', '2026-11-01', '+' || (i * 7919 % 60000) || ' minutes')",
        )
    };
    let owner = format!("CASE WHEN i % 50 = 0 THEN '{me}' ELSE 'owner ' || (i % 50) END");
    let school = format!("CASE WHEN i % 20 = 0 THEN '{school}' END");
    let lists = Worklist::ALL.iter().filter(|list| **list != Worklist::DueToday).enumerate();
    let list = lists.map(|(at, list)| format!(" WHEN {at} THEN '{list}'")).collect::<Vec<_>>().concat();
    let rows = format!(
        "INSERT INTO referrals (id, district_id, school_id, student_id, version, status, business_status, urgency, owner_id,
             due_at, document, sealed, created_at, updated_at, cover_id, cover_until)
         SELECT {id}, district_id, {school}, student_id, version, status, business_status, urgency, {owner},
             {due}, document, sealed, created_at, updated_at, CASE WHEN i % 50 = 1 THEN '{me}' END, NULL
         FROM referrals, ({numbers}) AS many WHERE id = '{one}';
         INSERT INTO worklist_places (referral_id, worklist, district_id, school_id, owner_id, due_at)
         SELECT {id}, CASE i % 11 % 10{list} END, '{district}', {school}, {owner}, {due} FROM ({numbers}) AS many"
    );
    let tenancy = Tenancy::District(Tenant { district: district.parse().unwrap(), schools: Vec::new() });
    causeway.as_application(&tenancy, &rows).unwrap();
    causeway.as_owner("ANALYZE referrals; ANALYZE worklist_places").unwrap();
    let errand =
        Errand { principal: Arc::new(lead), tenancy, purpose: Purpose::CoordinateCare, request: None };
    (errand, desk.district.school)
}

/// The texts of the queries of the two tables that this makes.
fn asked(connection: &mut DbConnection, texts: &Arc<Mutex<BTreeSet<String>>>) {
    let texts = texts.clone();
    connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            let text = query.to_string();
            let text = text.split(" -- binds:").next().unwrap_or_default().to_owned();
            let names = ["worklist_places", "referrals"];
            if text.starts_with("SELECT") && names.iter().any(|name| text.contains(name)) {
                texts.lock().unwrap().insert(text);
            }
        }
    });
}

/// A line of SQLite's plan.
#[derive(diesel::QueryableByName)]
struct Step {
    #[diesel(sql_type = diesel::sql_types::Text)]
    detail: String,
}

/// A line of PostgreSQL's plan.
#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = diesel::sql_types::Text, column_name = "QUERY PLAN")]
    line: String,
}

/// How the database does this, whatever the values.
fn plan(connection: &mut DbConnection, query: &str) -> QueryResult<String> {
    let lines: Vec<String> = match connection {
        DbConnection::Sqlite(sqlite) => {
            let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {query}")).load(sqlite)?;
            steps.into_iter().map(|step| step.detail).collect()
        }
        DbConnection::Postgres(postgres) => {
            let values = (1..=99).take_while(|number| query.contains(&format!("${number}"))).count();
            let values = vec!["NULL"; values].join(", ");
            postgres.batch_execute(&format!(
                "SET LOCAL plan_cache_mode = force_generic_plan; PREPARE asked AS {query}"
            ))?;
            let steps: Vec<Line> =
                diesel::sql_query(format!("EXPLAIN EXECUTE asked({values})")).load(postgres)?;
            postgres.batch_execute("DEALLOCATE asked")?;
            steps.into_iter().map(|step| step.line).collect()
        }
    };
    Ok(lines.join("\n"))
}

on_both! {
    /// Also in a large district nothing is sorted and no referral looked at that is not on the page.
    fn every_worklist_is_read_along_an_index(causeway) {
        let (errand, school) = district(&causeway);
        let Tenancy::District(tenant) = errand.tenancy.clone() else { panic!("a district") };
        let of_school = Tenant { schools: vec![school.parse().unwrap()], ..tenant };
        let of_school = Errand { tenancy: Tenancy::District(of_school), ..errand.clone() };
        let app = &causeway.context().app;
        let texts = Arc::new(Mutex::new(BTreeSet::new()));
        for errand in [&errand, &of_school] {
            let me = errand.principal.id.to_string();
            causeway
                .store()
                .write_for_now(&errand.tenancy, |tx| {
                    asked(tx.connection, &texts);
                    let desk = Table { vault: &app.vault, errand, finder: app };
                    for worklist in Worklist::ALL {
                        for owner in [None, Some(me.clone())] {
                            let first = WorklistPage { worklist: *worklist, owner, after: None, limit: 5 };
                            let found = page(tx, &desk, &first)?;
                            assert_eq!(found.referrals.len(), 5, "{worklist}");
                            let after: Option<Position> = found.next;
                            assert!(after.is_some(), "{worklist} has more");
                            page(tx, &desk, &WorklistPage { after, ..first })?;
                        }
                    }
                    counts(tx, &desk, None)?;
                    tx.connection.set_instrumentation(None::<Box<dyn Instrumentation>>);
                    Ok(())
                })
                .unwrap();
        }
        let texts = texts.lock().unwrap().clone();
        assert!(texts.len() >= 20, "{texts:?}");
        let used = causeway
            .store()
            .write_for_now(&errand.tenancy, |tx| {
                let mut used = BTreeSet::new();
                for text in &texts {
                    let plan = plan(tx.connection, text)?;
                    for wrong in ["SCAN", "Seq Scan", "TEMP B-TREE", "Sort"] {
                        assert!(!plan.contains(wrong), "{text}: {plan}");
                    }
                    let indexes = ["worklist_places_in_order", "worklist_places_of_owner", "worklist_places_of_school", "referrals_due_of_owner", "referrals_due_of_cover"];
                    let by_index = indexes.iter().find(|index| plan.contains(**index));
                    // The page itself is taken by its ids.
                    let of_page = text.contains("document") && (plan.contains("(id=?)") || plan.contains(" id=?)") || plan.contains("referrals_pkey"));
                    assert!(by_index.is_some() || of_page, "{text}: {plan}");
                    used.extend(by_index.copied());
                }
                Ok(used)
            })
            .unwrap();
        assert_eq!(used.len(), 5, "each has its use: {used:?}");
        if std::env::var_os("CAUSEWAY_SOAK").is_some() {
            measure(&causeway, &errand);
            measure(&causeway, &of_school);
        }
    }
}

/// Prints how long it takes to read each list, and to count all, each in a transaction with its lines in the audit.
#[expect(clippy::print_stderr, reason = "whoever asks for the measurement reads it there")]
fn measure(causeway: &Causeway, errand: &Errand) {
    let app = &causeway.context().app;
    let timed =
        |name: &str,
         work: &dyn Fn(&mut causeway::store::Tx<'_>, &Table<'_>) -> causeway::error::Result<()>| {
            let mut took: Vec<Duration> = (0..21)
                .map(|_| {
                    let begun = Instant::now();
                    let done = causeway.store().write_for_now(&errand.tenancy, |tx| {
                        work(tx, &referrals::Desk { vault: &app.vault, errand, finder: app })
                    });
                    done.unwrap();
                    begun.elapsed()
                })
                .collect();
            took.sort_unstable();
            eprintln!("{name}: median {:?}, longest {:?}", took[10], took[20]);
        };
    eprintln!("{} referrals, PostgreSQL: {}, {:?}", many(), causeway.is_on_postgres(), errand.tenancy);
    for worklist in Worklist::ALL {
        let first = WorklistPage { worklist: *worklist, owner: None, after: None, limit: 25 };
        timed(worklist.as_str(), &|tx, desk| page(tx, desk, &first).map(drop));
    }
    timed("all counts", &|tx, desk| counts(tx, desk, None).map(drop));
}
