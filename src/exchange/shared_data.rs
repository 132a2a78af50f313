//! Real files for tests, which are not part of the project.

use std::io::Write;
use std::path::{Path, PathBuf};

/// A file of the shared data; where it is absent, a line that says what is skipped.
pub(super) fn file(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let named = std::env::var_os("CAUSEWAY_SHARED_DATA").map(PathBuf::from);
    let found = [Some(beside), named]
        .into_iter()
        .flatten()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        // Straight to the stream: the test harness swallows what passing tests print.
        let _ = writeln!(
            std::io::stderr(),
            "skipped: {name} is neither in ../shared/data nor in CAUSEWAY_SHARED_DATA"
        );
    }
    found
}
