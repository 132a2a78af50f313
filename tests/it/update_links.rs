//! Links by which an agency says with one tap what a pool can take: what the page does, and what it does not.

use std::time::Duration;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use causeway::access::{Role, Tie};
use causeway::config::EdgeConfig;
use causeway::http::{Edge, openapi};
use diesel::RunQueryDsl;
use diesel::sql_types::Text;
use serde_json::{Value, json};

use crate::support::{Answer, Causeway, on_both, send_all};

/// A pool with a link to it.
struct Linked {
    organization: String,
    pool: String,
    link: String,
    /// `/u/…`
    path: String,
}

fn pool(causeway: &Causeway, name: &str) -> (String, String) {
    let organization = causeway.create(
        "/v1/organizations",
        &json!({"name": format!("{name} Agency"), "engagement": "enrolled", "time_zone": "America/New_York"}),
    );
    let facts = json!({"organization_id": organization, "name": format!("{name} team"), "kind": "team"});
    let pool = causeway.create("/v1/capacity-pools", &facts);
    (organization, pool)
}

/// The path in a URL of this deployment.
pub fn path_of(url: &str) -> String {
    url.strip_prefix("http://127.0.0.1:8080").unwrap_or_else(|| panic!("{url}")).to_owned()
}

fn link_to(causeway: &Causeway, pool: &str, body: &Value) -> (String, String) {
    let made = causeway.post(&format!("/v1/capacity-pools/{pool}/update-links"), body).expect(201).json();
    (made["id"].as_str().unwrap().to_owned(), path_of(made["url"].as_str().unwrap()))
}

fn linked(causeway: &Causeway, name: &str, body: &Value) -> Linked {
    let (organization, pool) = pool(causeway, name);
    let (link, path) = link_to(causeway, &pool, body);
    Linked { organization, pool, link, path }
}

fn look(causeway: &Causeway, path: &str) -> Answer {
    causeway.send_plainly(TestRequest::get().uri(path))
}

/// The value that tells the form on a page.
fn form_of(page: &str) -> String {
    page.split("name=\"form\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

fn form(form: &str, answer: &str, number: &str) -> String {
    format!("form={form}&answer={answer}&number={number}")
}

fn sending(path: &str, body: String) -> TestRequest {
    TestRequest::post()
        .uri(path)
        .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
        .set_payload(body)
}

fn send(causeway: &Causeway, path: &str, body: String) -> Answer {
    causeway.send_plainly(sending(path, body))
}

/// Opens the page and presses a button.
pub fn tap(causeway: &Causeway, path: &str, answer: &str, number: &str) -> Answer {
    let page = look(causeway, path).expect(200);
    send(causeway, path, form(&form_of(&page.text), answer, number))
}

/// How many rows hold.
pub fn count(causeway: &Causeway, rows: &str) -> usize {
    #[derive(diesel::QueryableByName)]
    struct Found {
        #[diesel(sql_type = Text)]
        text: String,
    }
    let sql = format!("SELECT CAST(count(*) AS TEXT) AS text FROM {rows}");
    let found: Found =
        causeway.store().read_now(|connection| Ok(diesel::sql_query(sql).get_result(connection)?)).unwrap();
    found.text.parse().unwrap()
}

fn availability(causeway: &Causeway, pool: &str) -> Value {
    causeway.get(&format!("/v1/capacity-pools/{pool}/availability")).expect(200).json()
}

on_both! {
    fn each_button_records_a_claim_of_the_agency_and_the_page_says_what_is_shown_then(causeway) {
        let Linked { pool, link, path, .. } = linked(&causeway, "River", &json!({}));
        let page = look(&causeway, &path).expect(200);
        for text in ["River Agency", "River team", "Nothing has been said yet", "We have openings", "Waiting list only", "Nothing now"] {
            assert!(page.text.contains(text), "{text}");
        }
        for (answer, number, status, counted, words) in [
            ("capacity", "3", "capacity", ("open_slots", json!(3)), "Openings: 3"),
            ("waitlist", "1", "waitlist", ("waiting", json!(1)), "People waiting: 1"),
            ("waitlist", "", "waitlist", ("waiting", Value::Null), "Waiting list only"),
            ("no-capacity", "", "no-capacity", ("open_slots", Value::Null), "Nothing now"),
        ] {
            let thanks = tap(&causeway, &path, answer, number).expect(200);
            assert!(thanks.text.contains("Thank you") && thanks.text.contains(words), "{}", thanks.text);
            // Seven days from noon in Greenwich, in the agency's zone.
            assert!(thanks.text.contains("Until Sunday, November 29, 2026, 7:00 AM (EST)"), "{}", thanks.text);
            let now = availability(&causeway, &pool);
            assert_eq!((&now["status"], &now[counted.0], &now["method"]), (&json!(status), &counted.1, &json!("agency")));
            assert!(look(&causeway, &path).text.contains(words));
        }
        assert_eq!(count(&causeway, &format!("claims WHERE reported_by = 'update link {link}'")), 4);
        causeway.clock.advance(Duration::from_hours(8 * 24));
        let lapsed = look(&causeway, &path).expect(200).text;
        assert!(lapsed.contains("Last said:") && lapsed.contains("That was said until Sunday, November 29"), "{lapsed}");
    }
}

on_both! {
    fn a_form_that_comes_again_records_one_claim_and_gets_the_same_answer(causeway) {
        let Linked { pool, path, .. } = linked(&causeway, "River", &json!({}));
        let page = look(&causeway, &path).expect(200);
        let body = form(&form_of(&page.text), "capacity", "2");
        let first = send(&causeway, &path, body.clone()).expect(200);
        // Something else was said meanwhile; a reload of the old answer must not take it back.
        causeway.clock.advance(Duration::from_mins(1));
        tap(&causeway, &path, "waitlist", "5").expect(200);
        causeway.clock.advance(Duration::from_mins(1));
        let again = send(&causeway, &path, body).expect(200);
        assert_eq!(again.text, first.text);
        assert_eq!(count(&causeway, "claims"), 2);
        assert_eq!(availability(&causeway, &pool)["status"], "waitlist");
    }
}

on_both! {
    fn a_double_tap_on_two_threads_records_one_claim(causeway) {
        let Linked { path, .. } = linked(&causeway, "River", &json!({}));
        for _ in 0..5 {
            let before = count(&causeway, "claims");
            let body = form(&form_of(&look(&causeway, &path).text), "capacity", "2");
            std::thread::scope(|scope| {
                let sent: Vec<_> = (0..3)
                    .map(|_| scope.spawn(|| send_all(causeway.context(), [sending(&path, body.clone())]).remove(0)))
                    .collect();
                for answer in sent {
                    let answer = answer.join().unwrap().expect(200);
                    assert!(answer.text.contains("Openings: 2"));
                }
            });
            assert_eq!(count(&causeway, "claims"), before + 1);
        }
    }
}

on_both! {
    fn a_form_that_comes_again_with_another_answer_changes_nothing_and_says_so(causeway) {
        let Linked { pool, path, .. } = linked(&causeway, "River", &json!({}));
        let sent = form_of(&look(&causeway, &path).text);
        send(&causeway, &path, form(&sent, "capacity", "2")).expect(200);
        let other = send(&causeway, &path, form(&sent, "no-capacity", "")).expect(409);
        assert!(other.text.contains("This form was sent before, with another answer"), "{}", other.text);
        assert!(other.text.contains("Openings: 2"), "what is shown");
        assert_eq!(availability(&causeway, &pool)["status"], "capacity");
        // The page has a new form, with which one may choose again.
        send(&causeway, &path, form(&form_of(&other.text), "no-capacity", "")).expect(200);
        assert_eq!(availability(&causeway, &pool)["status"], "no-capacity");
    }
}

on_both! {
    fn a_link_that_was_changed_anywhere_opens_nothing(causeway) {
        let Linked { path, .. } = linked(&causeway, "River", &json!({}));
        let sent = form_of(&look(&causeway, &path).text);
        let token = path.strip_prefix("/u/").unwrap();
        let changed = (0..token.len()).map(|position| {
            let mut letters: Vec<char> = token.chars().collect();
            letters[position] = if letters[position] == 'A' { 'B' } else { 'A' };
            letters.into_iter().collect::<String>()
        });
        let changed: Vec<String> =
            changed.chain([token[..token.len() - 4].to_owned(), format!("{token}AAAA"), "nonsense".to_owned(), "%00".to_owned()]).collect();
        let gets = changed.iter().map(|token| TestRequest::get().uri(&format!("/u/{token}")));
        let posts = changed.iter().map(|token| sending(&format!("/u/{token}"), form(&sent, "capacity", "1")));
        for (answer, token) in causeway.send_all(gets.chain(posts)).into_iter().zip(changed.iter().cycle()) {
            assert_eq!(answer.status, 404, "{token}");
            assert!(answer.text.contains("This link does not work") && answer.text.contains("ask whoever sent it to you"));
        }
        assert_eq!(count(&causeway, "claims"), 0);
        let spanish = causeway.send_plainly(TestRequest::get().uri("/u/nonsense").insert_header(("Accept-Language", "es-US, en")));
        assert!(spanish.expect(404).text.contains("Este enlace no funciona"));
    }
}

on_both! {
    fn a_link_that_is_over_says_so_in_its_language_and_what_to_do_next(causeway) {
        let revoked = linked(&causeway, "Revoked", &json!({"language": "es"}));
        let retired = linked(&causeway, "Retired", &json!({"language": "pt"}));
        let closed = linked(&causeway, "Closed", &json!({"language": "en"}));
        let expired = linked(&causeway, "Expired", &json!({"language": "ht", "expires_in": "PT1H"}));
        let all = [&revoked, &retired, &closed, &expired];
        let forms: Vec<String> = all.iter().map(|one| form_of(&look(&causeway, &one.path).expect(200).text)).collect();
        let revoke = format!("/v1/update-links/{}", revoked.link);
        causeway.send(TestRequest::with_uri(&revoke).method(Method::DELETE)).expect(204);
        causeway.send(TestRequest::with_uri(&revoke).method(Method::DELETE)).expect(204);
        causeway.delete(&format!("/v1/capacity-pools/{}", retired.pool), "*").expect(204);
        causeway.delete(&format!("/v1/organizations/{}", closed.organization), "*").expect(204);
        causeway.clock.advance(Duration::from_secs(3_599));
        look(&causeway, &expired.path).expect(200);
        causeway.clock.advance(Duration::from_secs(1));
        for ((one, form_of), (title, next)) in all.iter().zip(&forms).zip([
            ("Este enlace fue retirado", "Pida un enlace nuevo"),
            ("Este programa não está mais na lista", "Peça um link novo"),
            ("This program is no longer listed", "Please ask whoever sent it to you for a new link"),
            ("Lyen sa a ekspire", "Tanpri mande moun ki te voye l"),
        ]) {
            for answer in [look(&causeway, &one.path), send(&causeway, &one.path, form(form_of, "capacity", "1"))] {
                let answer = answer.expect(410);
                assert!(answer.text.contains(title) && answer.text.contains(next), "{}", answer.text);
                assert!(!answer.text.contains("<form"), "nothing to press");
            }
        }
        assert_eq!(count(&causeway, "claims"), 0);
    }
}

on_both! {
    fn a_wrong_number_comes_back_with_the_fault_beside_it_and_nothing_is_recorded(causeway) {
        let Linked { path, .. } = linked(&causeway, "River", &json!({}));
        let texts = [
            ("en", "Write a whole number from 0 to 100000", "goes without a number", "Choose one of the three buttons"),
            ("es", "Escriba un número entero de 0 a 100000", "va sin número", "Elija uno de los tres botones"),
            ("pt", "Escreva um número inteiro de 0 a 100000", "vai sem número", "Escolha um dos três botões"),
            ("ht", "Ekri yon nonb antye ant 0 ak 100000", "mache san nonb", "Chwazi youn nan twa bouton yo"),
        ];
        for (language, wrong, with_nothing, missing) in texts {
            let place = format!("{path}?lang={language}");
            for (answer, typed, shown, words) in [
                ("capacity", "-1", "-1", wrong),
                ("waitlist", "1.5", "1.5", wrong),
                ("capacity", "1e9", "1e9", wrong),
                ("capacity", "1000000000", "1000000000", wrong),
                ("capacity", "three", "three", wrong),
                ("capacity", "%22%3E%3Cb%3E", "&#34;&#62;&#60;b&#62;", wrong),
                ("no-capacity", "2", "2", with_nothing),
                ("", "4", "4", missing),
                ("unknown", "4", "4", missing),
            ] {
                let page = look(&causeway, &place).expect(200);
                let answer = send(&causeway, &place, form(&form_of(&page.text), answer, typed)).expect(400);
                assert!(answer.text.contains(&format!("<html lang=\"{language}\">")));
                assert!(answer.text.contains(words), "{language} {typed}: {}", answer.text);
                assert!(answer.text.contains(&format!("value=\"{shown}\"")), "{typed} is kept: {}", answer.text);
                assert!(answer.text.contains("aria-describedby=\"hint fault\""));
            }
        }
        let zero = tap(&causeway, &path, "capacity", "0").expect(400);
        assert!(zero.text.contains("0 openings means that there are none"));
        assert_eq!(count(&causeway, "claims"), 0);
        tap(&causeway, &path, "no-capacity", "0").expect(200);
    }
}

on_both! {
    fn a_form_belongs_to_its_own_link(causeway) {
        let one = linked(&causeway, "River", &json!({}));
        let other = linked(&causeway, "Hill", &json!({}));
        let second = link_to(&causeway, &one.pool, &json!({})).1;
        let sent = form_of(&look(&causeway, &one.path).text);
        for path in [&other.path, &second] {
            let answer = send(&causeway, path, form(&sent, "capacity", "1")).expect(400);
            assert!(answer.text.contains("The form could not be read"), "{}", answer.text);
        }
        for wrong in [
            String::new(),
            "answer=capacity".to_owned(),
            form("nonsense", "capacity", "1"),
            format!("{}&answer=waitlist", form(&sent, "capacity", "1")),
            form(&sent, "capacity", "%ff"),
        ] {
            send(&causeway, &one.path, wrong).expect(400);
        }
        assert_eq!(count(&causeway, "claims"), 0);
        send(&causeway, &one.path, form(&sent, "capacity", "1")).expect(200);
        assert_eq!(availability(&causeway, &other.pool)["status"], "unknown", "it speaks of its own pool only");
    }
}

on_both! {
    fn what_is_no_small_form_is_refused_with_a_page(causeway) {
        let Linked { path, .. } = linked(&causeway, "River", &json!({}));
        let json = TestRequest::post().uri(&path).set_json(json!({"answer": "capacity"}));
        assert!(causeway.send_plainly(json).expect(415).text.contains("The form could not be read"));
        let large = send(&causeway, &path, format!("number={}", "1".repeat(5_000))).expect(413);
        assert!(large.text.contains("The form could not be read"));
        let put = causeway.send_plainly(TestRequest::put().uri(&path)).expect(405);
        assert_eq!(put.header("allow"), Some("GET, POST"));
        assert_eq!(count(&causeway, "claims"), 0);
    }
}

on_both! {
    fn a_link_may_be_used_twenty_times_an_hour(causeway) {
        let Linked { pool, path, .. } = linked(&causeway, "River", &json!({"language": "pt"}));
        let other = link_to(&causeway, &pool, &json!({})).1;
        for _ in 0..20 {
            tap(&causeway, &path, "capacity", "1").expect(200);
            causeway.clock.advance(Duration::from_mins(1));
        }
        let refused = tap(&causeway, &path, "capacity", "1").expect(429);
        // The first is twenty minutes old.
        assert_eq!(refused.header("retry-after"), Some("2401"));
        assert!(refused.text.contains("Respostas demais") && refused.text.contains("Minutos de espera: 41."), "{}", refused.text);
        assert_eq!(count(&causeway, "claims"), 20);
        tap(&causeway, &other, "capacity", "1").expect(200);
        causeway.clock.advance(Duration::from_secs(2_401));
        tap(&causeway, &path, "capacity", "1").expect(200);
    }
}

on_both! {
    fn the_page_speaks_the_language_of_the_link_or_of_the_one_that_was_tapped(causeway) {
        let (organization, pool) = pool(&causeway, "River");
        for (language, question, until) in [
            ("en", "What can you take now?", "Until Sunday, November 29, 2026, 7:00 AM (EST)."),
            ("es", "¿Qué pueden ofrecer ahora?", "Hasta el domingo 29 de noviembre de 2026, 7:00 a. m. (EST)."),
            ("pt", "O que vocês podem oferecer agora?", "Até domingo, 29 de novembro de 2026, 07:00 (EST)."),
            ("ht", "Ki sa nou ka ofri kounye a?", "Jiska dimanch 29 novanm 2026, 7:00 AM (EST)."),
        ] {
            let path = link_to(&causeway, &pool, &json!({"language": language})).1;
            let request = TestRequest::get().uri(&path).insert_header(("Accept-Language", "fr, pt, en"));
            let page = causeway.send_plainly(request).expect(200).text;
            assert!(page.contains(&format!("<html lang=\"{language}\">")) && page.contains(question), "{page}");
            let thanks = tap(&causeway, &path, "capacity", "2").expect(200).text;
            assert!(thanks.contains(until) && thanks.contains(&format!("<html lang=\"{language}\">")), "{thanks}");
            for other in ["en", "es", "pt", "ht"] {
                assert!(page.contains(&format!("<a href=\"?lang={other}\" lang=\"{other}\"")), "a plain link to each");
                let switched = look(&causeway, &format!("{path}?lang={other}")).expect(200).text;
                assert!(switched.contains(&format!("<html lang=\"{other}\">")));
            }
            let stays = look(&causeway, &format!("{path}?lang=xx&utm_source=mail")).expect(200).text;
            assert!(stays.contains(question));
        }
        let reminders = format!("/v1/organizations/{organization}/availability-reminders");
        causeway.put(&reminders, &json!({"email": "a@example.org", "language": "ht"})).expect(200);
        let path = link_to(&causeway, &pool, &json!({})).1;
        assert!(look(&causeway, &path).text.contains("<html lang=\"ht\">"), "as the agency asked for its reminders");
    }
}

on_both! {
    fn the_page_asks_nobody_else_and_runs_nothing(causeway) {
        let (_, pool) = pool(&causeway, "<script>alert(1)</script> & \"River\"");
        let path = link_to(&causeway, &pool, &json!({})).1;
        let page = look(&causeway, &path).expect(200);
        assert!(!page.text.contains("<script") && page.text.contains("&#60;script&#62;"), "{}", page.text);
        for outside in ["http:", "https:", "//", " onclick", " onload", "style=", "javascript"] {
            assert!(!page.text.replace("<!DOCTYPE", "").contains(outside), "{outside}: {}", page.text);
        }
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        let policy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
        for answer in [look(&causeway, &path), look(&causeway, "/u/nonsense"), tap(&causeway, &path, "capacity", "")] {
            assert_eq!(answer.header("content-security-policy"), Some(policy));
            assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        }
        assert!(page.text.contains("<link rel=\"stylesheet\" href=\"../u/style.css\">"));
        let style = look(&causeway, "/u/style.css").expect(200);
        assert_eq!(style.header("content-type"), Some("text/css; charset=utf-8"));
        assert!(page.text.contains("<label for=\"number\">") && page.text.contains("id=\"number\""));
        // The first button of a form is pressed by the key Enter: that one does nothing.
        let first = page.text.find("<button").map(|at| &page.text[at..at + 38]);
        assert_eq!(first, Some("<button type=\"submit\" disabled hidden>"));
    }
}

on_both! {
    fn a_browser_that_names_no_origin_is_taken_for_the_page_that_it_shows(causeway) {
        let mut causeway = causeway;
        let cors_origins = vec!["https://portal.example.org".to_owned()];
        causeway.change(|context| context.edge = Edge::new(EdgeConfig { cors_origins, ..EdgeConfig::default() }));
        let Linked { path, .. } = linked(&causeway, "River", &json!({}));
        let sent = form_of(&look(&causeway, &path).text);
        let request = sending(&path, form(&sent, "capacity", "1")).insert_header(("Origin", "null"));
        causeway.send_plainly(request).expect(200);
    }
}

on_both! {
    fn the_token_of_a_link_does_nothing_else(causeway) {
        let Linked { pool, path, .. } = linked(&causeway, "River", &json!({}));
        let token = path.strip_prefix("/u/").unwrap();
        let contract: Value = serde_json::from_str(openapi::json()).unwrap();
        let (mut asked, mut requests) = (Vec::new(), Vec::new());
        for (template, item) in contract["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                if operation["security"] == json!([{}]) {
                    continue;
                }
                let place = template.replace("{id}", &pool).replace("{name}", "needs");
                let place = place.replace("{guardian_id}", &pool).replace("{consent_id}", &pool);
                let request = |place: &str| TestRequest::with_uri(place).method(method.to_uppercase().parse().unwrap());
                requests.push(request(&place).insert_header(("Authorization", format!("Bearer {token}"))));
                requests.push(request(&format!("{place}?token={token}")));
                asked.extend([format!("{method} {place}"), format!("{method} {place} in the query")]);
            }
        }
        assert!(asked.len() > 120, "{asked:?}");
        for (answer, asked) in causeway.send_all(requests).into_iter().zip(asked) {
            assert_eq!(answer.status, 401, "{asked}: {}", answer.text);
        }
        look(&causeway, &format!("/r/{token}")).expect(404);
        send(&causeway, &format!("/r/{token}"), String::new()).expect(404);
        assert_eq!(count(&causeway, "claims"), 0);
    }
}

on_both! {
    fn those_who_speak_for_the_agency_make_list_and_revoke_links(causeway) {
        let (organization, own) = pool(&causeway, "River");
        let (_, foreign) = pool(&causeway, "Hill");
        let district = causeway.create("/v1/districts", &json!({"name": "Lawrence", "code": "01490000", "state": "MA"}));
        let staff = causeway.token(Role::AgencyStaff, &Tie::Organization(organization.parse().unwrap()));
        let coordinator = causeway.token(Role::Coordinator, &Tie::District { district: district.parse().unwrap(), schools: Vec::new() });
        let links = |pool: &str| format!("/v1/capacity-pools/{pool}/update-links");
        let make = |token: &str, pool: &str| {
            let request = TestRequest::post().uri(&links(pool)).insert_header(("Idempotency-Key", format!("\"for {pool}\"").replace(' ', "-")));
            causeway.send_as(token, request.set_json(json!({})))
        };
        let made = make(&staff, &own).expect(201);
        assert_eq!(make(&staff, &own).expect(201).json()["url"], made.json()["url"], "made once");
        assert_eq!(made.header("cache-control"), Some("no-store"));
        let (id, url) = (made.json()["id"].as_str().unwrap().to_owned(), made.json()["url"].as_str().unwrap().to_owned());
        assert_eq!(made.json()["expires_at"], "2026-12-06T12:00:00Z");
        assert!(!url.contains(&own) && !url.contains(&organization), "nothing in it can be read");
        make(&staff, &foreign).expect(404);
        make(&coordinator, &own).expect(403);
        let listed = causeway.send_as(&staff, TestRequest::get().uri(&links(&own))).expect(200);
        assert!(listed.text.contains(&id) && !listed.text.contains("/u/"), "{}", listed.text);
        causeway.send_as(&staff, TestRequest::get().uri(&links(&foreign))).expect(404);
        causeway.send_as(&coordinator, TestRequest::get().uri(&links(&own))).expect(403);
        let revoke = |token: &str, id: &str| {
            let place = format!("/v1/update-links/{id}");
            causeway.send_as(token, TestRequest::with_uri(&place).method(Method::DELETE))
        };
        let (foreign_link, _) = link_to(&causeway, &foreign, &json!({}));
        revoke(&staff, &foreign_link).expect(404);
        revoke(&coordinator, &id).expect(403);
        revoke(&staff, "nonsense").expect(404);
        revoke(&staff, &id).expect(204);
        let listed = |query: &str| causeway.get(&format!("{}?{query}", links(&own))).expect(200).json();
        assert_eq!(listed("")["items"].as_array().unwrap().len(), 0);
        assert_eq!(listed("include_ended=true")["items"][0]["revoked_at"], "2026-11-22T12:00:00Z");
        for number in 0..3 {
            link_to(&causeway, &own, &json!({"expires_in": format!("P{}D", number + 1)}));
        }
        let first = listed("limit=2");
        let cursor = first["next_cursor"].as_str().unwrap();
        let rest = listed(&format!("limit=2&cursor={cursor}"));
        assert_eq!((rest["items"].as_array().unwrap().len(), &rest["total"]["value"]), (1, &json!(3)));
    }
}

on_both! {
    fn a_link_that_cannot_be_made_is_refused_with_what_would_be_right(causeway) {
        let (_, pool) = pool(&causeway, "River");
        let links = format!("/v1/capacity-pools/{pool}/update-links");
        for (body, pointer, words) in [
            (json!({"expires_in": "P91D"}), "/expires_in", "not within PT1M and P90D"),
            (json!({"expires_in": "PT0S"}), "/expires_in", "not within PT1M and P90D"),
            (json!({"expires_in": "P1M"}), "/expires_in", "write days"),
            (json!({"expires_in": "14"}), "/expires_in", "ISO 8601"),
            (json!({"language": "fr"}), "/language", "fr"),
            (json!({"method": "agency"}), "/method", "unknown field"),
        ] {
            let refused = causeway.post(&links, &body).expect(400);
            let errors = refused.errors();
            assert_eq!((errors.len(), errors[0].0.as_str()), (1, pointer), "{}", refused.text);
            assert!(errors[0].1.contains(words), "{}", refused.text);
        }
        causeway.delete(&format!("/v1/capacity-pools/{pool}"), "*").expect(204);
        causeway.post(&links, &json!({})).expect(409);
        assert_eq!(count(&causeway, "update_links"), 0);
    }
}
