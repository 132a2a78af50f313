//! Pools that are silent, found at the time of asking.

use std::time::Duration;

use actix_web::test::TestRequest;
use causeway::access::{Role, Tie};
use causeway::store::DbConnection;
use diesel::RunQueryDsl;
use serde_json::{Value, json};

use crate::support::{Causeway, on_both};

const DAY: Duration = Duration::from_hours(24);

/// An organization, and a pool of it with each of these names.
fn agency<const N: usize>(causeway: &Causeway, name: &str, pools: [&str; N]) -> (String, [String; N]) {
    let organization = causeway.create("/v1/organizations", &json!({"name": name, "engagement": "enrolled"}));
    let pools = pools.map(|pool| {
        let body = json!({"organization_id": organization, "name": pool, "kind": "team"});
        causeway.create("/v1/capacity-pools", &body)
    });
    (organization, pools)
}

fn says(causeway: &Causeway, pool: &str, valid_until: &str) {
    let body = json!({"status": "waitlist", "valid_until": valid_until});
    causeway.put(&format!("/v1/capacity-pools/{pool}/availability"), &body).expect(200);
}

fn listed(answer: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = answer["items"].as_array().unwrap();
    items.iter().map(|item| (text(&item["capacity_pool_name"]), text(&item["state"]))).collect()
}

fn named(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, state)| ((*name).to_owned(), (*state).to_owned())).collect()
}

on_both! {
    fn the_longest_silent_come_first_and_lapsing_ones_only_where_asked_for(causeway) {
        let (organization, [never, soon, first, second, retired]) =
            agency(&causeway, "Agency", ["never", "soon", "first", "second", "retired"]);
        says(&causeway, &second, "2026-11-24T12:00:00Z");
        says(&causeway, &first, "2026-11-23T12:00:00Z");
        says(&causeway, &soon, "2026-11-27T12:00:00Z");
        causeway.delete(&format!("/v1/capacity-pools/{retired}"), "*").expect(204);
        let path = format!("/v1/availability/stale?organization_id={organization}");
        assert_eq!(listed(&causeway.get(&path).expect(200).json()), named(&[("never", "never")]));
        causeway.clock.advance(3 * DAY);
        let answer = causeway.get(&path).expect(200).json();
        assert_eq!(listed(&answer), named(&[("never", "never"), ("first", "lapsed"), ("second", "lapsed")]));
        assert_eq!(answer["total"], json!({"value": 3, "relation": "eq"}));
        let [silent, lapsed] = [&answer["items"][0], &answer["items"][1]];
        assert_eq!(silent["capacity_pool_id"], json!(never));
        assert!(silent.get("last_status").is_none() && silent.get("valid_until").is_none(), "{silent}");
        assert_eq!((&lapsed["organization_name"], &lapsed["organization_id"]), (&json!("Agency"), &json!(organization)));
        assert_eq!((&lapsed["last_status"], &lapsed["as_of"]), (&json!("waitlist"), &json!("2026-11-22T12:00:00Z")));
        assert_eq!(lapsed["valid_until"], "2026-11-23T12:00:00Z");
        let within = |duration: &str| listed(&causeway.get(&format!("{path}&within={duration}")).expect(200).json()).len();
        assert_eq!([within("P1D"), within("PT47H"), within("P2D"), within("P1W"), within("PT48H")], [3, 3, 4, 4, 4]);
        assert_eq!(listed(&causeway.get(&format!("{path}&within=P2D")).json())[3].1, "lapsing");
        says(&causeway, &first, "2026-12-20T12:00:00Z");
        assert_eq!(listed(&causeway.get(&path).json()), named(&[("never", "never"), ("second", "lapsed")]));
        for wrong in ["P31D", "-P1D", "P1M", "2 days", "2", "P", ""] {
            let answer = causeway.get(&format!("{path}&within={}", wrong.replace(' ', "%20"))).expect(400);
            assert_eq!(answer.errors()[0].0, "within", "{}", answer.text);
        }
    }
}

on_both! {
    fn pages_of_silent_pools_go_on_where_the_last_ended(causeway) {
        let (organization, pools) = agency(&causeway, "Agency", ["a", "b", "c", "d", "e", "f"]);
        for (pool, day) in pools[2..].iter().zip([24, 23, 23, 25]) {
            says(&causeway, pool, &format!("2026-11-{day}T12:00:00Z"));
        }
        causeway.clock.advance(10 * DAY);
        let base = format!("/v1/availability/stale?organization_id={organization}&limit=1");
        let (mut uri, mut paged) = (base.clone(), Vec::new());
        loop {
            let page = causeway.get(&uri).expect(200).json();
            paged.extend(listed(&page).into_iter().map(|(name, _)| name));
            assert_eq!(page["total"]["value"], 6);
            let Some(next) = page["next_cursor"].as_str() else { break };
            uri = format!("{base}&cursor={next}");
        }
        assert_eq!(paged, ["a", "b", "d", "e", "c", "f"]);
        let whole = listed(&causeway.get(&format!("/v1/availability/stale?organization_id={organization}")).json());
        assert_eq!(whole.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), paged);
    }
}

on_both! {
    fn agency_staff_are_shown_their_own_pools_and_others_all(causeway) {
        let (own, _) = agency(&causeway, "Own", ["own"]);
        let (other, _) = agency(&causeway, "Other", ["other"]);
        let staff = causeway.token(Role::AgencyStaff, &Tie::Organization(own.parse().unwrap()));
        let get = |path: &str| listed(&causeway.send_as(&staff, TestRequest::get().uri(path)).expect(200).json());
        assert_eq!(get("/v1/availability/stale"), named(&[("own", "never")]));
        assert_eq!(get(&format!("/v1/availability/stale?organization_id={other}")), named(&[("other", "never")]));
        assert_eq!(listed(&causeway.get("/v1/availability/stale").json()).len(), 2);
        // Of two that are merged, the pools of both are the survivor's.
        let merge = TestRequest::post().uri(&format!("/v1/organizations/{other}/merge")).insert_header(("If-Match", "*"));
        causeway.send(merge.set_json(json!({"into": own}))).expect(200);
        assert_eq!(get("/v1/availability/stale"), named(&[("own", "never"), ("other", "never")]));
        let answer = causeway.get(&format!("/v1/availability/stale?organization_id={other}")).json();
        assert!(answer["items"].as_array().unwrap().iter().all(|item| item["organization_name"] == "Own"), "{answer}");
    }
}

on_both! {
    /// Also where every pool of the deployment is asked for, nothing is sorted and no claim is looked at to find them.
    fn silent_pools_are_found_along_an_index(causeway) {
        let (organization, _) = agency(&causeway, "Large", []);
        let many = if causeway.is_on_postgres() {
            "SELECT i FROM generate_series(1, 20000) AS numbers (i)"
        } else {
            "WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < 20000) SELECT i FROM numbers"
        };
        // One in a hundred has never spoken.
        causeway
            .as_owner(&format!(
                "INSERT INTO capacity_pools (id, version, created_at, updated_at, organization_id, facts, current_valid_until)
                 SELECT 'pool ' || i, 1, '2026-11-01 00:00:00', '2026-11-01 00:00:00', '{organization}', '{{}}',
                     CASE WHEN i % 100 = 0 THEN NULL ELSE {} END
                 FROM ({many}) AS many; ANALYZE capacity_pools",
                if causeway.is_on_postgres() {
                    "TIMESTAMP '2026-11-01 00:00:00' + i * INTERVAL '10 minutes'"
                } else {
                    "strftime('%Y-%m-%d %H:%M:%S', '2026-11-01', '+' || (i * 10) || ' minutes')"
                },
            ))
            .unwrap();
        let plan = |condition: &str| {
            let query = format!(
                "SELECT id, current_valid_until FROM capacity_pools WHERE retired_at IS NULL AND {condition} ORDER BY current_valid_until, id LIMIT 26"
            );
            causeway.store().write_now(|tx| match tx.connection {
                DbConnection::Sqlite(sqlite) => {
                    let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {query}")).load(sqlite)?;
                    Ok(steps.into_iter().map(|step| step.detail).collect::<Vec<_>>().join("\n"))
                }
                DbConnection::Postgres(postgres) => {
                    let steps: Vec<Line> = diesel::sql_query(format!("EXPLAIN {query}")).load(postgres)?;
                    Ok(steps.into_iter().map(|step| step.line).collect::<Vec<_>>().join("\n"))
                }
            })
        };
        for condition in [
            "current_valid_until IS NULL",
            "current_valid_until IS NULL AND id > '8'",
            "current_valid_until <= '2026-11-22 12:00:00'",
            "current_valid_until >= '2026-11-02 12:00:00' AND (current_valid_until > '2026-11-02 12:00:00' OR
             (current_valid_until = '2026-11-02 12:00:00' AND id > '8')) AND current_valid_until <= '2026-11-22 12:00:00'",
        ] {
            let plan = plan(condition).unwrap();
            assert!(plan.contains("capacity_pools_by_silence"), "{condition}: {plan}");
            let lower = plan.to_lowercase();
            assert!(!lower.contains("temp b-tree") && !lower.contains("sort"), "{condition}: {plan}");
        }
    }
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
