//! Holds the modules to their order, which `src/lib.rs` tells: a module uses only modules before it. Reads the
//! source as syntax, so that comments and texts do not count and macros do; test modules may use anything.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// A module uses only modules before it. `app` composes everything up to `reports`; what faces the outside
/// comes after it.
const ORDER: [&str; 17] = [
    "types",
    "error",
    "config",
    "store",
    "access",
    "privacy",
    "directory",
    "students",
    "availability",
    "finder",
    "referrals",
    "exchange",
    "reports",
    "app",
    "http",
    "console",
    "cli",
];

/// Where the web framework may be named.
const WEB: [&str; 4] = ["app", "http", "console", "cli"];

/// Where the contract is written. Elsewhere a value may derive its schema, and no more
/// (`docs/decisions/0005-schemas-on-values.md`).
const CONTRACT: [&str; 3] = ["http", "console", "cli"];

/// Files that hold queries, beside the module `store`.
const QUERIES: [&str; 8] = [
    "store.rs",
    "record.rs",
    "assertions.rs",
    "partnerships.rs",
    "places.rs",
    "towns.rs",
    "source.rs",
    "ledger.rs",
];

/// Modules that hold no query, whatever the file.
const NO_QUERIES: [&str; 5] = ["types", "config", "http", "console", "cli"];

/// Tables of what is about students. Whoever names one asks it on behalf of a tenant.
const OF_STUDENTS: [&str; 12] = [
    "students",
    "student_keys",
    "student_identifiers",
    "guardians",
    "consents",
    "disclosures",
    "erasures",
    "legal_holds",
    "referrals",
    "offers",
    "referral_events",
    "worklist_places",
];

/// Whose queries of them, beside those of `students`, take the tenant.
const ON_BEHALF: [&str; 4] = [
    "src/privacy/consents/store.rs",
    "src/privacy/disclosures/store.rs",
    "src/referrals/store.rs",
    "src/referrals/worklists/store.rs",
];

/// An agency's queries, of what was offered to it, and the clock's, of what is due in whichever district and of what
/// waits for a reply.
const ACROSS: [&str; 3] = [
    "src/referrals/offers/store.rs",
    "src/referrals/clock/store.rs",
    "src/exchange/referral_notices/store.rs",
];

/// The keeper's, who wraps keys anew and checks the records across districts, and opens no identity.
const KEEPERS: [&str; 4] = [
    "src/privacy/vault/store.rs",
    "src/privacy/audit/store.rs",
    "src/privacy/audit/chain/store.rs",
    "src/privacy/audit/inspection/store.rs",
];

/// What a function takes that asks a database.
const CONNECTIONS: [&str; 2] = ["DbConnection", "Tx"];

/// Calls that a pure decision does not make: the clock and chance are passed in.
const IMPURE: [&str; 4] = ["now", "now_v7", "new_v4", "random"];

#[test]
fn every_module_uses_only_modules_before_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    collect(&root.join("src"), &mut files);
    assert!(files.len() > 10, "found only {} files in src", files.len());
    let sources: Vec<(String, String)> = files
        .iter()
        .map(|path| {
            let name = path.strip_prefix(root).expect("it was found below the root");
            let name = name.to_str().expect("names of source files are ASCII").replace('\\', "/");
            (name, fs::read_to_string(path).expect("a source file that was just listed can be read"))
        })
        .collect();
    let faults = check(&sources);
    assert!(
        faults.is_empty(),
        "\n{}\n",
        faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    );
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("src can be read");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("src can be listed").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

// ---- what is asked of the sources ------------------------------------------------------------------------

#[derive(Debug, PartialEq)]
struct Fault {
    file: String,
    line: usize,
    message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.message)
    }
}

/// What is wrong with these `(file, text)`, files named from the root of the package.
fn check(sources: &[(String, String)]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut read = Vec::new();
    for (file, text) in sources {
        match Source::read(file, text) {
            Ok(source) => read.push((file, source)),
            Err(error) => {
                let line = error.span().start().line;
                faults.push(Fault { file: file.clone(), line, message: error.to_string() });
            }
        }
    }
    let tests: Vec<&Vec<String>> = read.iter().flat_map(|(_, source)| &source.test_files).collect();
    let is_for_tests = |source: &Source| tests.iter().any(|test| source.file.starts_with(test));
    for (file, source) in read.iter().filter(|(_, source)| !is_for_tests(source)) {
        let mut report = |line, message| faults.push(Fault { file: (*file).clone(), line, message });
        // The binary may use anything; the root of the library only declares.
        let [module, ..] = source.file.as_slice() else {
            for (module, line) in source.declared.iter().filter(|(module, _)| position(module).is_none()) {
                report(*line, format!("module {module} has no place in the order of {}", file!()));
            }
            continue;
        };
        if module == "main" {
            continue;
        }
        let name = file.rsplit('/').next().unwrap_or(file);
        for used in &source.used {
            if let Some(message) = fault_of(module, name, used).or_else(|| tenancy_fault(file, used)) {
                report(used.line, message);
            }
        }
        if asks_on_behalf(file) {
            for Function { name, takes, line } in &source.functions {
                let takes = |names: &[&str]| takes.iter().any(|taken| names.contains(&taken.as_str()));
                if takes(&CONNECTIONS) && !takes(&["Tenant"]) {
                    report(*line, format!("{name} asks about students and takes no &Tenant"));
                }
            }
        }
    }
    faults
}

fn position(module: &str) -> Option<usize> {
    ORDER.iter().position(|known| *known == module)
}

/// Why `module` may not use this in the file called `name`.
fn fault_of(module: &str, name: &str, used: &Used) -> Option<String> {
    let path = used.path.join("::");
    let first = used.path.first()?.as_str();
    if used.of_crate {
        return match (position(module), position(first)) {
            _ if first == module => None,
            (Some(user), Some(other)) if other < user => None,
            (Some(_), Some(_)) => {
                Some(format!("{module} -> {first}: {first} comes after it (crate::{path})"))
            }
            (None, _) => Some(format!("module {module} has no place in the order")),
            (_, None) => Some(format!("{module} -> crate::{path}: name the module it comes from")),
        };
    }
    let last = used.path.last()?.as_str();
    if first.starts_with("actix") && !WEB.contains(&module) {
        return Some(format!("{module} -> {path}: the web framework is named only in {}", WEB.join(", ")));
    }
    if first.starts_with("utoipa")
        && !CONTRACT.contains(&module)
        && !(used.derived && path == "utoipa::ToSchema")
    {
        return Some(format!("{module} -> {path}: below http a value derives utoipa::ToSchema and no more"));
    }
    let holds_queries = module == "store" || module == "error" || QUERIES.contains(&name);
    if first.starts_with("diesel") && (!holds_queries || NO_QUERIES.contains(&module)) {
        return Some(format!("{module} -> {path}: queries stand in store and in {}", QUERIES.join(", ")));
    }
    if name == "rules.rs" && IMPURE.contains(&last) {
        return Some(format!("{module} -> {path}: rules are pure, the clock and chance are passed in"));
    }
    None
}

/// Whether the queries of this file are about students, each on behalf of a tenant.
fn asks_on_behalf(file: &str) -> bool {
    ON_BEHALF.contains(&file) || (file.starts_with("src/students/") && file.ends_with("/store.rs"))
}

/// Why this may not be used in a file that asks on nobody's behalf.
fn tenancy_fault(file: &str, used: &Used) -> Option<String> {
    let path: Vec<&str> = used.path.iter().map(String::as_str).collect();
    let table = match path.as_slice() {
        ["store", "schema", table, ..] if used.of_crate => *table,
        ["diesel", .., "sql_query"] if !file.starts_with("src/store/") => {
            return Some(
                "sql_query: a text in SQL names tables that nobody finds; it stands in store".to_owned(),
            );
        }
        _ => return None,
    };
    let is_of_students = OF_STUDENTS.contains(&table) || table == "*";
    if !is_of_students || asks_on_behalf(file) || KEEPERS.contains(&file) || ACROSS.contains(&file) {
        return None;
    }
    Some(format!(
        "the table {table} is asked on behalf of a tenant: in a store.rs of students or referrals, or the keeper's"
    ))
}

// ---- reading one source ----------------------------------------------------------------------------------

/// One path that a source names.
struct Used {
    /// Its segments, without `crate`.
    path: Vec<String>,
    /// Whether it begins in this crate.
    of_crate: bool,
    /// Whether it stands in a `derive`.
    derived: bool,
    line: usize,
}

/// One function.
struct Function {
    name: String,
    /// The names in the types that it takes.
    takes: Vec<String>,
    line: usize,
}

impl Function {
    fn of(signature: &syn::Signature) -> Self {
        #[derive(Default)]
        struct Names(Vec<String>);
        impl<'ast> Visit<'ast> for Names {
            fn visit_path_segment(&mut self, segment: &'ast syn::PathSegment) {
                self.0.push(segment.ident.to_string());
                visit::visit_path_segment(self, segment);
            }
        }
        let mut names = Names::default();
        for input in &signature.inputs {
            if let syn::FnArg::Typed(taken) = input {
                names.visit_type(&taken.ty);
            }
        }
        Self { name: signature.ident.to_string(), takes: names.0, line: signature.ident.span().start().line }
    }
}

/// What one file says.
#[derive(Default)]
struct Source {
    /// The module that the file is.
    file: Vec<String>,
    /// The module that is being read, which may stand inside the file.
    module: Vec<String>,
    used: Vec<Used>,
    /// Functions, those of tests left out.
    functions: Vec<Function>,
    /// Modules declared at the top of the file, and where.
    declared: Vec<(String, usize)>,
    /// Modules in files of their own that are compiled for tests only.
    test_files: Vec<Vec<String>>,
}

impl Source {
    fn read(file: &str, text: &str) -> syn::Result<Self> {
        let path = file.strip_prefix("src/").and_then(|file| file.strip_suffix(".rs"));
        let mut module: Vec<String> =
            path.expect("files are src/….rs").split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|last| last == "mod" || last == "lib") {
            module.pop();
        }
        let mut source = Self { file: module.clone(), module, ..Self::default() };
        source.visit_file(&syn::parse_file(text)?);
        Ok(source)
    }

    /// Notes a path: `crate::…`, `super::…`, `self::…`, or one that begins with a name.
    fn note(&mut self, path: &[String], derived: bool, line: usize) {
        let supers =
            path.iter().skip_while(|part| *part == "self").take_while(|part| *part == "super").count();
        let selves = path.iter().take_while(|part| *part == "self").count();
        let (path, of_crate) = match path.first().map(String::as_str) {
            None => return,
            Some("crate") => (path[1..].to_vec(), true),
            Some("self" | "super") => {
                let above = &self.module[..self.module.len().saturating_sub(supers)];
                (above.iter().chain(&path[selves + supers..]).cloned().collect(), true)
            }
            Some(_) => (path.to_vec(), false),
        };
        if !path.is_empty() {
            self.used.push(Used { path, of_crate, derived, line });
        }
    }

    fn note_tree(&mut self, tree: &syn::UseTree, before: &[String]) {
        let with = |name: &syn::Ident| before.iter().cloned().chain([name.to_string()]).collect::<Vec<_>>();
        match tree {
            syn::UseTree::Path(path) => self.note_tree(&path.tree, &with(&path.ident)),
            syn::UseTree::Name(syn::UseName { ident })
            | syn::UseTree::Rename(syn::UseRename { ident, .. }) => {
                self.note(&with(ident), false, ident.span().start().line);
            }
            syn::UseTree::Glob(glob) => {
                let path: Vec<String> = before.iter().cloned().chain(["*".to_owned()]).collect();
                self.note(&path, false, glob.star_token.spans[0].start().line);
            }
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.note_tree(tree, before)),
        }
    }

    /// Notes the paths among tokens that are not parsed: in macros and attributes. `before` is what stands in
    /// front of a group, as in `use crate::{a, b}`.
    fn note_tokens(&mut self, tokens: TokenStream, before: &[String], derived: bool) {
        let mut path: Vec<String> = Vec::new();
        let mut line = 0;
        let mut colons = 0;
        for token in tokens {
            match &token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(name) if colons == 2 && !path.is_empty() => path.push(name.to_string()),
                TokenTree::Group(group) if colons == 2 && group.delimiter() == Delimiter::Brace => {
                    let before = std::mem::take(&mut path);
                    self.note_tokens(group.stream(), &before, derived);
                }
                TokenTree::Ident(name) => {
                    self.note_known(&path, derived, line);
                    path = before.iter().cloned().chain([name.to_string()]).collect();
                    line = name.span().start().line;
                }
                TokenTree::Group(group) => {
                    let derived = derived || path.last().is_some_and(|last| last == "derive");
                    self.note_known(&std::mem::take(&mut path), derived, line);
                    self.note_tokens(group.stream(), &[], derived);
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {
                    self.note_known(&std::mem::take(&mut path), derived, line);
                }
            }
            colons = 0;
        }
        self.note_known(&path, derived, line);
    }

    /// Notes a path of tokens; a single name is most often no path at all.
    fn note_known(&mut self, path: &[String], derived: bool, line: usize) {
        if path.len() > 1 {
            self.note(path, derived, line);
        }
    }
}

/// Whether an item is compiled for tests only.
fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    })
}

impl<'ast> Visit<'ast> for Source {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let name = item.ident.to_string();
        if self.module == self.file {
            self.declared.push((name.clone(), item.ident.span().start().line));
        }
        self.module.push(name);
        match (&item.content, is_for_tests(&item.attrs)) {
            (Some(_), true) => {}
            (None, true) => self.test_files.push(self.module.clone()),
            (Some(_) | None, false) => visit::visit_item_mod(self, item),
        }
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !is_for_tests(&item.attrs) {
            self.note_tree(&item.tree, &[]);
        }
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.functions.push(Function::of(signature));
        visit::visit_signature(self, signature);
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        self.note(&[item.ident.to_string()], false, item.ident.span().start().line);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let line = path.segments.first().map_or(0, |first| first.ident.span().start().line);
        self.note_known(&names, false, line);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.note_tokens(call.tokens.clone(), &[], false);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if attribute.path().is_ident("doc") {
            return;
        }
        self.visit_path(attribute.path());
        if let syn::Meta::List(list) = &attribute.meta {
            self.note_tokens(list.tokens.clone(), &[], attribute.path().is_ident("derive"));
        }
    }
}

// ---- the checker itself ----------------------------------------------------------------------------------

/// The faults of one source, without its file's name.
fn faults(file: &str, text: &str) -> Vec<String> {
    let sources = [(file.to_owned(), text.to_owned())];
    check(&sources).iter().map(|fault| format!("{}: {}", fault.line, fault.message)).collect()
}

fn edges(file: &str, text: &str) -> Vec<String> {
    faults(file, text).iter().map(|fault| fault.split(": ").take(2).collect::<Vec<_>>().join(": ")).collect()
}

const NONE: [&str; 0] = [];

#[test]
fn an_edge_against_the_order_is_caught_wherever_it_stands() {
    assert_eq!(
        faults("src/store/mod.rs", "\nuse crate::http::Problem;"),
        ["2: store -> http: http comes after it (crate::http::Problem)"]
    );
    assert_eq!(
        edges("src/store/mod.rs", "fn f() -> crate::finder::Answer { crate::cli::run() }"),
        ["1: store -> finder", "1: store -> cli"]
    );
    assert_eq!(edges("src/app.rs", "use crate::http::serve;"), ["1: app -> http"]);
    assert_eq!(
        edges("src/config/mod.rs", "use crate::{error::Error, store::Store};"),
        ["1: config -> store"]
    );
    assert_eq!(edges("src/types/ids.rs", "pub(in crate::error) struct A;"), ["1: types -> error"]);
}

#[test]
fn an_edge_along_the_order_is_fine() {
    assert_eq!(faults("src/store/mod.rs", "use crate::error::Result; use crate::types::Clock;"), NONE);
    assert_eq!(faults("src/store/time.rs", "use crate::store::Tx; use super::Tx as Other;"), NONE);
    assert_eq!(faults("src/http/mod.rs", "use crate::app::App; use crate::config::Config;"), NONE);
    assert_eq!(faults("src/main.rs", "fn main() { causeway::cli::main() }"), NONE);
}

#[test]
fn groups_are_taken_apart_over_many_lines() {
    let text = "use crate::{\n  error::{Error, Result},\n  finder::{self, index::{Tree,\n  Leaf}},\n};";
    assert_eq!(
        edges("src/directory/mod.rs", text),
        ["3: directory -> finder", "3: directory -> finder", "4: directory -> finder"]
    );
    assert_eq!(edges("src/types/mod.rs", "use crate::{error as e};"), ["1: types -> error"]);
}

#[test]
fn a_chain_of_super_is_followed_out_of_its_module() {
    assert_eq!(edges("src/directory/mod.rs", "use super::finder::Tree;"), ["1: directory -> finder"]);
    assert_eq!(edges("src/finder/index/leaf.rs", "use super::super::super::http::X;"), ["1: finder -> http"]);
    assert_eq!(faults("src/finder/index/leaf.rs", "use super::super::http::X;"), NONE);
    assert_eq!(edges("src/store/mod.rs", "mod inner { use super::super::http::X; }"), ["1: store -> http"]);
    assert_eq!(edges("src/store/mod.rs", "use self::super::http::X;"), ["1: store -> http"]);
}

#[test]
fn comments_and_texts_do_not_count() {
    let text = "//! [`crate::http`]\n// use crate::http::X;\n/* crate::cli */\n/// crate::http::Y\nconst A: &str = \"crate::http::X\";";
    assert_eq!(faults("src/store/mod.rs", text), NONE);
}

#[test]
fn test_modules_are_exempt_and_nothing_else_is() {
    assert_eq!(faults("src/store/mod.rs", "#[cfg(test)]\nmod tests { use crate::http::X; }"), NONE);
    assert_eq!(faults("src/store/mod.rs", "#[cfg(test)] use crate::http::X;"), NONE);
    assert_eq!(
        edges("src/store/mod.rs", "#[cfg(not(test))] mod other { use crate::http::X; }"),
        ["1: store -> http"]
    );
    assert_eq!(edges("src/store/mod.rs", "mod tests { use crate::http::X; }"), ["1: store -> http"]);
    let sources = [
        ("src/store/mod.rs".to_owned(), "#[cfg(test)] mod tests;".to_owned()),
        ("src/store/tests.rs".to_owned(), "use crate::http::X; mod more;".to_owned()),
        ("src/store/tests/more.rs".to_owned(), "use crate::http::X;".to_owned()),
        ("src/store/other.rs".to_owned(), "use crate::http::X;".to_owned()),
    ];
    let files: Vec<String> = check(&sources).into_iter().map(|fault| fault.file).collect();
    assert_eq!(files, ["src/store/other.rs"]);
}

#[test]
fn macros_and_attributes_are_read() {
    assert_eq!(edges("src/store/mod.rs", "vec![crate::http::X];"), ["1: store -> http"]);
    assert_eq!(
        edges("src/store/mod.rs", "macro_rules! m { () => { use $crate::{error::E, http::X}; } }"),
        ["1: store -> http"]
    );
    assert_eq!(edges("src/store/mod.rs", "#[derive(crate::http::Shown)] struct A;"), ["1: store -> http"]);
    assert_eq!(
        faults("src/store/mod.rs", "macro_rules! m { ($a:ident: $b:ty) => { $crate::store::X } }"),
        NONE
    );
}

#[test]
fn a_source_that_cannot_be_read_is_a_fault() {
    assert_eq!(faults("src/store/mod.rs", "\nfn f( {}").len(), 1);
}

#[test]
fn what_is_not_in_the_order_is_refused() {
    let unknown = faults("src/lib.rs", "pub mod types;\npub mod utils;");
    assert_eq!(unknown.len(), 1);
    assert!(unknown[0].starts_with("2: module utils has no place in the order"), "{unknown:?}");
    assert_eq!(edges("src/utils.rs", "use crate::types::X;"), ["1: module utils has no place in the order"]);
    assert_eq!(edges("src/cli.rs", "use crate::*;"), ["1: cli -> crate::*"]);
    assert_eq!(edges("src/cli.rs", "use crate::Error;"), ["1: cli -> crate::Error"]);
}

#[test]
fn the_web_framework_and_the_contract_stay_at_the_edge() {
    assert_eq!(edges("src/directory/mod.rs", "use actix_web::web;"), ["1: directory -> actix_web::web"]);
    assert_eq!(edges("src/finder/mod.rs", "#[actix_web::get] fn f() {}"), ["1: finder -> actix_web::get"]);
    assert_eq!(faults("src/http/mod.rs", "use actix_web::web; use utoipa::OpenApi;"), NONE);
    assert_eq!(faults("src/types/ids.rs", "#[derive(Clone, utoipa::ToSchema)] struct A;"), NONE);
    let within_macro = "macro_rules! ids { () => { #[derive(Clone, utoipa::ToSchema)] struct A; } }";
    assert_eq!(faults("src/types/ids.rs", within_macro), NONE);
    assert_eq!(edges("src/types/ids.rs", "use utoipa::ToSchema;"), ["1: types -> utoipa::ToSchema"]);
    assert_eq!(edges("src/types/ids.rs", "#[utoipa::path(get)] fn f() {}"), ["1: types -> utoipa::path"]);
}

#[test]
fn queries_stand_where_queries_belong_and_rules_are_pure() {
    assert_eq!(faults("src/store/changes.rs", "use diesel::prelude::*;"), NONE);
    assert_eq!(faults("src/directory/places.rs", "use diesel::prelude::*;"), NONE);
    assert_eq!(
        edges("src/directory/rules.rs", "use diesel::prelude::*;"),
        ["1: directory -> diesel::prelude::*"]
    );
    assert_eq!(
        edges("src/http/store.rs", "fn f() { diesel::sql_query(text); }"),
        ["1: http -> diesel::sql_query"]
    );
    assert_eq!(
        edges("src/directory/rules.rs", "fn f() { jiff::Timestamp::now(); }"),
        ["1: directory -> jiff::Timestamp::now"]
    );
    assert_eq!(faults("src/directory/rules.rs", "fn f(now: Timestamp) { now.year(); }"), NONE);
}

#[test]
fn students_are_asked_about_on_behalf_of_a_tenant() {
    let query = "use crate::store::schema::{schools, students};";
    assert_eq!(faults("src/students/store.rs", query), NONE);
    assert_eq!(faults("src/students/guardians/store.rs", "use crate::store::schema::guardians;"), NONE);
    assert_eq!(faults("src/privacy/vault/store.rs", "use crate::store::schema::student_keys as keys;"), NONE);
    for file in
        ["src/directory/store.rs", "src/privacy/store.rs", "src/finder/source.rs", "src/store/changes.rs"]
    {
        assert_eq!(faults(file, query).len(), 1, "{file}");
        assert_eq!(faults(file, "use crate::store::schema::*;").len(), 1, "{file}");
        assert_eq!(
            faults(file, "fn f() { crate::store::schema::consents::table.find(1); }").len(),
            1,
            "{file}"
        );
    }
    assert_eq!(faults("src/directory/store.rs", "use crate::store::schema::schools;"), NONE);
    assert_eq!(faults("src/students/store.rs", "fn f() { diesel::sql_query(text); }").len(), 1);

    let takes =
        "fn find(connection: &mut DbConnection, tenant: &Tenant, id: StudentId) {} fn read(row: Columns) {}";
    assert_eq!(faults("src/students/store.rs", takes), NONE);
    let without =
        "fn find(connection: &mut DbConnection, id: StudentId) {}\nimpl A { fn b(tx: &mut Tx<'_>) {} }";
    for file in ["src/students/store.rs", "src/students/erasure/store.rs", "src/privacy/disclosures/store.rs"]
    {
        assert_eq!(
            faults(file, without),
            [
                "1: find asks about students and takes no &Tenant",
                "2: b asks about students and takes no &Tenant"
            ]
        );
    }
    assert_eq!(faults("src/privacy/audit/store.rs", without), NONE);
}
