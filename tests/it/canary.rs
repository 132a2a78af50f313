//! Nothing of a student rests in the open: words that stand nowhere else are put into every place where an identity may
//! come, rightly and wrongly, and then looked for as bytes in the log, in the files of the database, and in what was
//! answered to those who may not have it.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use diesel::sql_types::Text;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl};
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::process::{EmptyPostgres, Program, causeway, client, ready, sqlite_url, wait_for};
use crate::support::run_as_owner;

/// Stands in every canary that may hold letters.
const WORD: &str = "Zwiebelfisch";
/// The number of a student's telephone, and a birthday that is nobody's.
const NUMBER: &str = "9785559137";
const BIRTHDAY: &str = "1999-02-17";
/// Stands in what is open, so that a search that finds nothing has searched.
const CONTROL: &str = "Kontrollfund";

/// What a word is called in some encoding, and its bytes there.
type Needle = (String, Vec<u8>);

/// Bytes, each written out and joined.
fn written(bytes: &[u8], one: impl Fn(u8) -> String) -> String {
    bytes.iter().map(|byte| one(*byte)).collect::<Vec<_>>().concat()
}

fn hex(bytes: &[u8]) -> String {
    written(bytes, |byte| format!("{byte:02x}"))
}

/// A word in every encoding in which it could lie somewhere.
fn needles(word: &str) -> Vec<Needle> {
    let mut needles = Vec::new();
    let mut cases = vec![word.to_owned(), word.to_lowercase(), word.to_uppercase()];
    cases.dedup();
    for word in &cases {
        let mut add = |encoding: &str, bytes: Vec<u8>| needles.push((format!("{word} in {encoding}"), bytes));
        add("UTF-16 LE", word.encode_utf16().flat_map(u16::to_le_bytes).collect());
        add("UTF-16 BE", word.encode_utf16().flat_map(u16::to_be_bytes).collect());
        let hex = hex(word.as_bytes());
        add("hex", hex.clone().into_bytes());
        add("HEX", hex.to_uppercase().into_bytes());
        // Base64 of a text depends on where in it the word begins; whole groups in the middle do not.
        for skipped in 0..3 {
            let whole = (word.len() - skipped) / 3 * 3;
            add("base64", STANDARD.encode(&word[skipped..skipped + whole]).into_bytes());
        }
        let spaced = written(word.as_bytes(), |byte| format!("{byte}, "));
        add("a list of bytes", spaced.into_bytes());
        add("UTF-8", word.clone().into_bytes());
    }
    needles
}

fn canaries() -> Vec<Needle> {
    [WORD, NUMBER, BIRTHDAY].into_iter().flat_map(needles).collect()
}

/// Which of the needles lie in there.
fn found<'a>(needles: &'a [Needle], bytes: &[u8]) -> Vec<&'a str> {
    let lies_there = |needle: &[u8]| memchr::memmem::find(bytes, needle).is_some();
    needles.iter().filter(|(_, needle)| lies_there(needle)).map(|(name, _)| name.as_str()).collect()
}

/// Every file below, that was written since.
fn files(folder: &Path, since: Option<SystemTime>, all: &mut Vec<PathBuf>) {
    // Files come and go while a database works.
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.map_while(Result::ok).map(|entry| entry.path()) {
        let Ok(metadata) = path.metadata() else { continue };
        if metadata.is_dir() {
            files(&path, since, all);
        } else if since.is_none_or(|since| metadata.modified().is_ok_and(|written| written >= since)) {
            all.push(path);
        }
    }
}

/// None of the files holds a canary, and some hold the control.
#[track_caller]
fn search(paths: &[PathBuf]) {
    let (canaries, control) = (canaries(), needles(CONTROL));
    let mut holds_control = Vec::new();
    for path in paths {
        let Ok(bytes) = std::fs::read(path) else { continue };
        assert_eq!(found(&canaries, &bytes), [] as [&str; 0], "{}", path.display());
        if !found(&control, &bytes).is_empty() {
            holds_control.push(path);
        }
    }
    assert!(!holds_control.is_empty(), "the search finds what is there: {paths:?}");
}

#[test]
fn a_canary_is_found_in_every_encoding() {
    let canaries = canaries();
    for beside in ["", "a", "ab", "abc", "{\"given_name\":\""] {
        let text = format!("{beside}{WORD}Given\"");
        let hex = hex(text.as_bytes());
        let utf_16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (bytes, encoding) in [
            (text.clone().into_bytes(), "Zwiebelfisch in UTF-8"),
            (text.to_uppercase().into_bytes(), "ZWIEBELFISCH in UTF-8"),
            (text.to_lowercase().into_bytes(), "zwiebelfisch in UTF-8"),
            (utf_16, "Zwiebelfisch in UTF-16 LE"),
            (hex.clone().into_bytes(), "Zwiebelfisch in hex"),
            (hex.to_uppercase().into_bytes(), "Zwiebelfisch in HEX"),
            (STANDARD.encode(&text).into_bytes(), "Zwiebelfisch in base64"),
            (format!("{:?}", text.as_bytes()).into_bytes(), "Zwiebelfisch in a list of bytes"),
        ] {
            assert!(found(&canaries, &bytes).contains(&encoding), "{encoding}: {text}");
        }
    }
    assert_eq!(found(&canaries, b"+1 9785559137 1999-02-17"), ["9785559137 in UTF-8", "1999-02-17 in UTF-8"]);
    assert_eq!(found(&canaries, &[0; 4_096]), [] as [&str; 0]);
}

/// One who calls a running program.
struct Caller {
    address: String,
    token: String,
}

/// Whether what is answered may hold what was recorded.
#[derive(Clone, Copy, PartialEq)]
enum Telling {
    /// It is the student's record, or a release of it.
    May,
    /// It is a receipt or a problem.
    MayNot,
}
use Telling::{May, MayNot};

impl Caller {
    /// Sends bytes; what comes back is looked through.
    #[track_caller]
    fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
        telling: Telling,
    ) -> (u16, Value) {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address))
            .header("Authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = if body.is_empty() {
            client().run(request.body(()).unwrap())
        } else {
            client().run(request.body(body).unwrap())
        };
        let mut response = answer.unwrap();
        let status = response.status().as_u16();
        let canaries = canaries();
        let head = format!("{:?}", response.headers());
        assert_eq!(found(&canaries, head.as_bytes()), [] as [&str; 0], "{method} {path}: {head}");
        let text = response.body_mut().read_to_string().unwrap();
        if telling == MayNot || status >= 300 {
            assert_eq!(found(&canaries, text.as_bytes()), [] as [&str; 0], "{method} {path}: {text}");
        }
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    #[track_caller]
    fn json(&self, method: &str, path: &str, body: &Value, telling: Telling) -> (u16, Value) {
        let media_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let headers = [("Content-Type", media_type), ("If-Match", "*")];
        self.send(method, path, &headers, body.to_string().into_bytes(), telling)
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.json("POST", path, body, MayNot)
    }

    /// Records something and gives its id.
    #[track_caller]
    fn create(&self, path: &str, body: &Value) -> String {
        let (status, answer) = self.post(path, body);
        assert_eq!(status, 201, "{path}: {answer}");
        answer["id"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn get(&self, path: &str, telling: Telling) -> (u16, Value) {
        self.send("GET", path, &[], Vec::new(), telling)
    }
}

/// A student in whose record every place for words holds a canary.
fn student() -> Value {
    json!({
        "given_name": format!("{WORD}Given"), "family_name": format!("{WORD}Family"), "preferred_name": format!("{WORD}Preferred"),
        "birth_date": BIRTHDAY, "grade": "12",
        "identifiers": [
            {"kind": "lasid", "value": format!("{WORD}-1")}, {"kind": "sasid", "value": format!("{WORD}-2")},
            {"kind": "sourced_id", "value": format!("{WORD}-3")},
        ],
        "address": {"address_1": format!("1 {WORD} Street"), "address_2": WORD, "city": format!("{WORD}ton"), "state": "MA", "postal_code": "01840"},
        "phone": format!("+1{NUMBER}"), "email": format!("{WORD}@example.org"),
        "languages": [{"language": "es", "used": ["spoken"]}],
        "coverages": [{"category": "medicaid", "member_id": format!("{WORD}Member")}],
        "notes": format!("{WORD} noted. ").repeat(50),
    })
}

fn guardian() -> Value {
    json!({
        "given_name": format!("{WORD}Mother"), "family_name": format!("{WORD}Family"), "relationship": "parent", "access": "full",
        "access_basis": format!("form of {WORD}"), "phone": format!("+1{NUMBER}"), "email": format!("mother@{WORD}.example.org"),
        "address": {"address_1": format!("2 {WORD} Street"), "city": WORD},
    })
}

fn signature(by: &Value) -> Value {
    json!({"by": by, "name": format!("{WORD}Signed"), "signed_at": "2026-01-01T12:00:00Z", "method": "paper", "evidence": format!("scan {WORD}")})
}

fn consent(until: &str) -> Value {
    json!({
        "authorities": ["ferpa"], "recipients": [{"class": "behavioral_health"}], "direction": "to_agency",
        "fields": ["given_name", "family_name", "birth_date", "member_id"], "purposes": ["verify_insurance"], "expires_on": until,
    })
}

/// What is done rightly, with canaries in all of it; gives the path of the student.
fn record(lead: &Caller, clinic: &str) -> String {
    let keyed = |body: &Value| {
        let headers = [("Content-Type", "application/json"), ("Idempotency-Key", "\"Zwiebelfisch-1\"")];
        lead.send("POST", "/v1/students", &headers, body.to_string().into_bytes(), MayNot)
    };
    let (status, first) = keyed(&student());
    assert_eq!(status, 201, "{first}");
    assert_eq!(keyed(&student()), (201, first.clone()), "it is answered again");
    let mut other = student();
    other["grade"] = json!("11");
    assert_eq!(keyed(&other).0, 422);
    assert_eq!(lead.post("/v1/students", &student()).0, 409, "the identifiers are taken");
    let path = format!("/v1/students/{}", first["id"].as_str().unwrap());
    let mother = lead.create(&format!("{path}/guardians"), &guardian());
    let until = (jiff::Zoned::now().date() + jiff::Span::new().days(200)).to_string();
    let consents = format!("{path}/consents");
    let id = lead.create(&consents, &consent(&until));
    for by in [json!({"guardian": mother}), json!("student")] {
        let (status, signed) =
            lead.json("POST", &format!("{consents}/{id}/signatures"), &signature(&by), May);
        assert_eq!(status, 200, "{signed}");
    }
    let mut signed = consent(&until);
    signed["signatures"] = json!([signature(&json!("student"))]);
    let second = lead.create(&consents, &signed);
    let take_back = json!({"by": "student", "method": "paper", "evidence": format!("letter of {WORD}")});
    assert_eq!(lead.json("POST", &format!("{consents}/{second}/revoke"), &take_back, May).0, 200);
    let release = |body: &Value| {
        let (status, told) = lead.json("POST", &format!("{path}/disclosures"), body, May);
        assert_eq!(status, 201, "{told}");
        assert!(told["packet"].to_string().contains(WORD));
        assert_eq!(found(&canaries(), told["disclosure"].to_string().as_bytes()), [] as [&str; 0]);
    };
    release(&json!({
        "recipient": {"organization": {"organization_id": clinic, "name": "R. Intake", "position": "intake"}},
        "packet": "eligibility", "purpose": "verify_insurance", "basis": "consent", "obligation": "none",
    }));
    release(&json!({
        "recipient": {"emergency_party": {"name": "E. Medic", "position": "paramedic", "affiliation": "Ambulance"}},
        "packet": "identity", "purpose": "emergency", "basis": "health_safety_emergency", "threat": format!("{WORD} is in danger."),
    }));
    release(&json!({
        "recipient": {"caseworker": {"name": "C. Worker", "position": "caseworker", "affiliation": "Agency"}},
        "packet": "identity", "purpose": "care_and_protection", "basis": "child_welfare_caseworker", "on_file": format!("letter about {WORD}"),
    }));
    for (field, value) in [
        ("notes", json!(format!("{WORD} moved."))),
        ("email", json!(format!("new@{WORD}.example.org"))),
        ("identifiers", json!([{"kind": "lasid", "value": format!("{WORD}-4")}])),
    ] {
        assert_eq!(lead.json("PATCH", &path, &json!({field: value}), May).0, 200);
    }
    assert_eq!(
        lead.json(
            "PATCH",
            &format!("{path}/guardians/{mother}"),
            &json!({"family_name": format!("{WORD}New")}),
            May
        )
        .0,
        200
    );
    for (value, count) in [("4", 1), ("5", 0)] {
        let (_, looked) = lead.json(
            "POST",
            "/v1/students/lookup",
            &json!({"kind": "lasid", "value": format!("{WORD}-{value}")}),
            May,
        );
        assert_eq!(looked["items"].as_array().unwrap().len(), count);
    }
    for (below, telling) in [
        ("", May),
        ("/guardians", May),
        ("/consents", May),
        ("/disclosures", MayNot),
        ("/disclosures?format=csv", MayNot),
    ] {
        assert_eq!(lead.get(&format!("{path}{below}"), telling).0, 200, "{below}");
    }
    assert_eq!(lead.get("/v1/students?limit=1", May).0, 200);
    for beside in ["/v1/disclosures", "/v1/disclosures?format=csv", "/v1/audit?limit=100"] {
        assert_eq!(lead.get(beside, MayNot).0, 200, "{beside}");
    }
    assert_eq!(lead.post(&format!("{path}/limited-profile"), &json!({})).0, 200);
    path
}

/// What is done wrongly, with canaries in the wrong places.
#[expect(clippy::too_many_lines, reason = "a list of what can be done wrongly")]
fn blunder(lead: &Caller, path: &str) {
    let refused = |(status, answer): (u16, Value), what: &str| {
        assert!((400..500).contains(&status), "{what}: {status} {answer}");
    };
    let known = student();
    for field in known.as_object().unwrap().keys() {
        for wrong in [
            json!({WORD: WORD}),
            json!([[WORD]]),
            json!([{"kind": WORD, "value": WORD}]),
            json!(7),
            json!(format!("{WORD}\n\u{7}{}", WORD.repeat(2_000))),
        ] {
            let mut body = known.clone();
            body[field] = wrong.clone();
            refused(lead.post("/v1/students", &body), field);
            refused(lead.json("PATCH", path, &json!({field: wrong}), MayNot), field);
        }
    }
    for (field, wrong) in
        [(WORD, json!(WORD)), ("immigration_status", json!(WORD)), ("birth_date", json!("1899-01-01"))]
    {
        let mut body = known.clone();
        body[field] = wrong.clone();
        refused(lead.post("/v1/students", &body), field);
        refused(lead.json("PATCH", path, &json!({field: wrong}), MayNot), field);
    }
    let text = |text: &str| text.replace("WORD", WORD).into_bytes();
    for body in [
        text("{\"given_name\": \"WORD\" WORD"),
        text("WORD"),
        text("[\"WORD\"]"),
        text("\"WORD\""),
        text("{\"WORD\": 1, \"WORD\": 2}"),
        [text("{\"given_name\": \"WORD"), vec![0xff, 0xfe]].concat(),
    ] {
        for (method, media_type, path) in [
            ("POST", "application/json", "/v1/students"),
            ("PATCH", "application/merge-patch+json", path),
            ("POST", "application/json", "/v1/students/lookup"),
        ] {
            refused(
                lead.send(
                    method,
                    path,
                    &[("Content-Type", media_type), ("If-Match", "*")],
                    body.clone(),
                    MayNot,
                ),
                method,
            );
        }
    }
    let body = known.to_string().into_bytes();
    for headers in [
        vec![("Content-Type", "text/Zwiebelfisch")],
        vec![("Content-Type", "text/plain; name=Zwiebelfisch")],
        vec![],
        vec![("Content-Type", "application/json"), ("Content-Encoding", "Zwiebelfisch")],
        vec![("Content-Type", "application/json"), ("Idempotency-Key", "Zwiebelfisch \"")],
    ] {
        refused(lead.send("POST", "/v1/students", &headers, body.clone(), MayNot), &format!("{headers:?}"));
    }
    let patch = json!({"notes": WORD}).to_string().into_bytes();
    for if_match in ["Zwiebelfisch", "\"Zwiebelfisch\"", "\"1\"", ""] {
        let headers = [("Content-Type", "application/merge-patch+json"), ("If-Match", if_match)];
        refused(lead.send("PATCH", path, &headers, patch.clone(), MayNot), if_match);
    }
    let large = json!({"notes": WORD.repeat(100_000)}).to_string().into_bytes();
    refused(
        lead.send("POST", "/v1/students", &[("Content-Type", "application/json")], large, MayNot),
        "too large",
    );
    refused(lead.json("PUT", path, &known, MayNot), "PUT");
    for beside in [
        "Zwiebelfisch",
        "Zwiebelfisch%20Family",
        "by-name/Zwiebelfisch",
        "%5Awiebelfisch/guardians",
        "Zwiebelfisch/consents",
    ] {
        refused(lead.get(&format!("/v1/students/{beside}"), MayNot), beside);
        refused(
            lead.json("PATCH", &format!("/v1/students/{beside}"), &json!({"notes": WORD}), MayNot),
            beside,
        );
    }
    for below in [
        "Zwiebelfisch",
        "guardians/Zwiebelfisch",
        "consents/Zwiebelfisch",
        "Zwiebelfisch/Zwiebelfisch",
        "disclosures/Zwiebelfisch",
    ] {
        refused(lead.get(&format!("{path}/{below}"), MayNot), below);
    }
    refused(lead.get("/v1/Zwiebelfisch", MayNot), "a path that is none");
    for query in [
        "given_name=Zwiebelfisch",
        "Zwiebelfisch=1",
        "Zwiebelfisch",
        "school_id=Zwiebelfisch",
        "limit=Zwiebelfisch",
        "cursor=Zwiebelfisch",
        "include_left=Zwiebelfisch",
        "school_id=%FFZwiebelfisch",
        "limit=1&limit=Zwiebelfisch",
    ] {
        refused(lead.get(&format!("/v1/students?{query}"), MayNot), query);
    }
    for place in [
        "/v1/audit?since=",
        "/v1/audit?student_id=",
        "/v1/disclosures?since=",
        "/v1/disclosures?until=",
        "/v1/disclosures?format=",
        "/v1/disclosures?cursor=",
    ] {
        refused(lead.get(&format!("{place}Zwiebelfisch"), MayNot), place);
    }
    for below in [
        "?name=Zwiebelfisch",
        "/disclosures?guardian_id=Zwiebelfisch",
        "/disclosures?format=Zwiebelfisch",
        "/guardians?Zwiebelfisch=1",
    ] {
        refused(lead.get(&format!("{path}{below}"), MayNot), below);
    }
    for (below, known) in [("guardians", guardian()), ("consents", consent("2027-06-30"))] {
        for field in known.as_object().unwrap().keys() {
            for wrong in [
                json!({WORD: WORD}),
                json!([[WORD]]),
                json!([{WORD: 1}]),
                json!(format!("{WORD}\n{}", WORD.repeat(1_000))),
            ] {
                let mut body = known.clone();
                body[field] = wrong;
                refused(lead.post(&format!("{path}/{below}"), &body), field);
            }
        }
    }
    for body in [
        json!({"recipient": {"guardian": WORD}, "packet": "identity", "purpose": "emergency", "basis": "consent", "threat": WORD}),
        json!({"recipient": {"emergency_party": {"name": "E.", "position": "p", "affiliation": "a"}}, "packet": "identity", "purpose": WORD,
            "basis": "health_safety_emergency", "threat": WORD}),
        json!({"recipient": {"caseworker": {"name": "E.", "position": "p", "affiliation": "a"}}, "packet": "identity", "purpose": "emergency",
            "basis": "child_welfare_caseworker", "threat": WORD, "on_file": WORD}),
        json!({"recipient": {"caseworker": {"name": "", "position": WORD, "affiliation": WORD}}, "packet": "identity", "purpose": "emergency",
            "basis": "child_welfare_caseworker", "threat": WORD, "on_file": WORD}),
    ] {
        refused(lead.post(&format!("{path}/disclosures"), &body), "a release");
    }
}

/// Serves from this database, plants, and looks for it: in what the program said and in the files that `lies` names.
fn looked_for(folder: &Path, database: &str, migration: Option<&str>, lies: impl Fn() -> Vec<PathBuf>) {
    let command = |arguments: &[&str]| {
        let mut command = causeway(folder, arguments);
        command.env("CAUSEWAY_DATABASE_URL", database).env("CAUSEWAY_MASTER_KEY", STANDARD.encode([7; 32]));
        command.envs(migration.map(|url| ("CAUSEWAY_MIGRATION_URL", url)));
        command.env("CAUSEWAY_LOG", "debug").env("CAUSEWAY_LOG_FORMAT", "json");
        command
    };
    let mut server = Program::start(command(&["serve", "--listen", "127.0.0.1:0"]));
    let address = server.address();
    ready(&address);
    let caller = |arguments: &[&str]| {
        let ended = Program::start(command(&[&["token", "--role"], arguments].concat())).ended().expect(0);
        Caller { address: address.clone(), token: ended.out.trim().to_owned() }
    };
    let operator = caller(&["operator"]);
    let district = operator.create(
        "/v1/districts",
        &json!({"name": "D", "code": "0149", "state": "MA", "time_zone": "America/New_York"}),
    );
    let facts = json!({"name": format!("{CONTROL} Clinic"), "engagement": "enrolled", "facility_type": "outpatient_clinic"});
    let clinic = operator.create("/v1/organizations", &facts);
    let lead = caller(&["district_lead", "--district", &district]);
    let path = record(&lead, &clinic);
    blunder(&lead, &path);
    search(&lies());
    let ended = server.stopped();
    assert!(
        ended.out.contains("\"answered\"") || ended.err.contains("\"answered\""),
        "the log is there: {}",
        ended.err
    );
    for said in [&ended.out, &ended.err] {
        let lines: Vec<&str> =
            said.lines().filter(|line| !found(&canaries(), line.as_bytes()).is_empty()).collect();
        assert_eq!(lines, [] as [&str; 0]);
    }
    search(&lies());
}

#[test]
fn nothing_of_a_student_rests_in_the_open_on_sqlite() {
    let folder = tempdir().unwrap();
    looked_for(folder.path(), &sqlite_url(folder.path()), None, || {
        let mut all = Vec::new();
        files(folder.path(), None, &mut all);
        assert!(all.iter().any(|path| path.ends_with("causeway.db")), "{all:?}");
        all
    });
}

#[derive(QueryableByName)]
struct Oid {
    #[diesel(sql_type = Text)]
    oid: String,
}

#[test]
fn nothing_of_a_student_rests_in_the_open_on_postgres() {
    let Some(database) = EmptyPostgres::new() else { return };
    let Some(data) = std::env::var_os("CAUSEWAY_TEST_POSTGRES_DATA").map(PathBuf::from) else {
        panic!(
            "CAUSEWAY_TEST_POSTGRES_DATA is not set: scripts/with-postgres says where the server keeps its files"
        );
    };
    let folder = tempdir().unwrap();
    let began = SystemTime::now() - Duration::from_secs(2);
    let mut connection = PgConnection::establish(&database.app).unwrap();
    let oid = "SELECT oid::text FROM pg_database WHERE datname = current_database()";
    let Oid { oid } = diesel::sql_query(oid).get_result(&mut connection).unwrap();
    let rows = data.join("base").join(oid);
    looked_for(folder.path(), &database.app, Some(&database.owner), || {
        // A database that is copied file by file has every other one written out before.
        let name = format!("c_{}", uuid::Uuid::now_v7().simple());
        run_as_owner("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy"))
            .unwrap();
        run_as_owner("postgres", &format!("DROP DATABASE {name}")).unwrap();
        let mut of_rows = Vec::new();
        files(&rows, None, &mut of_rows);
        search(&of_rows);
        let mut log = Vec::new();
        wait_for("the log of what was written", || {
            log.clear();
            files(&data.join("pg_wal"), Some(began), &mut log);
            let control = needles(CONTROL);
            let holds =
                |path: &PathBuf| std::fs::read(path).is_ok_and(|bytes| !found(&control, &bytes).is_empty());
            log.iter().any(holds).then_some(())
        });
        let mut all = Vec::new();
        files(&data, Some(began), &mut all);
        // Databases of other tests are not this one's.
        all.retain(|path| !path.starts_with(data.join("base")) || path.starts_with(&rows));
        all
    });
}
